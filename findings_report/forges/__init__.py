"""TODO forges."""
