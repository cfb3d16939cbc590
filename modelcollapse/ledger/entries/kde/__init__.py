"""The kernel density room's entries of the ledger, by subject."""
