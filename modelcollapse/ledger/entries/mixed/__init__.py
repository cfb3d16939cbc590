"""The entries of the ledger on mixed and fresh data, and the routes that check them."""
