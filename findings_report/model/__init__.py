"""The nouns: what people write, what git answers, what a template sees. Pydantic lives here and nowhere else."""
