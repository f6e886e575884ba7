"""TODO tickets."""
