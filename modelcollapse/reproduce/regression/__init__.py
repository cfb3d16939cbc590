"""The regression figure."""
