"""The language models' figures."""
