"""TODO sourcecode."""
