"""The discrete ledger: one module per subject."""
