"""The Gaussian room's part of the ledger, by topic."""
