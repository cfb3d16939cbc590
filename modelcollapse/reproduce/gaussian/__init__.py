"""The Gaussian figures."""
