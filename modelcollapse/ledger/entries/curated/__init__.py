"""The entries of the ledger on curated loops."""
