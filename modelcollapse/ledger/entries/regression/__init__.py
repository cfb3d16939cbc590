"""The regression room's entries in the ledger."""
