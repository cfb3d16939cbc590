"""The entries of the ledger on transformers that are trained on their own answers."""
