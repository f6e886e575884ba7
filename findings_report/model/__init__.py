"""The values that everything passes on: finding, engagement, evidence, drift, report, comparison, ticket, scope.

In: nothing; a value is made from plain data. Out: frozen pydantic models and dataclasses. Their docstrings are the reference
of the fields, the JSON Schema and the hover text of editors at once.

Must not know: files, git, YAML, templates, the network. Nothing here has an effect.
"""
