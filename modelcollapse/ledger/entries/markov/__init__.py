"""The entries of the ledger on language by counts."""
