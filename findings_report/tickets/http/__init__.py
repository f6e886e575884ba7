"""HTTP to issue trackers: client, credentials, responses and their problems.

In: the environment, and requests to the API of one tracker. Out: responses as validated values, or a problem that contains no
secret. The folder must not know which trackers there are, nor what a ticket is.

The modules are imported directly: `client` needs httpx, which is an optional dependency.
"""
