"""TODO rendering."""
