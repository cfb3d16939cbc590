"""The tutorial, the ledger as a table, and the program that writes that table."""
