"""The figure of discrete distributions."""
