"""The exponential-family room's part of the ledger, by topic."""
