"""The theorems of the ledger, by family."""
