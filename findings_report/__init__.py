"""Audit reports from structured findings: every quote checked against git.

This module knows the version and nothing else.
"""

__version__ = "0.1.0"
