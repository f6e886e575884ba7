"""TODO markup."""
