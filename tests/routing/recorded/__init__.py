"""Refusals as they were recorded: shapes from vendors' documentation and public issue threads, accounts left out."""
