"""The kernel density figures."""
