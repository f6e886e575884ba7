"""A target for tests/sandbox/test_sandbox.py that cannot load what it needs."""

from __future__ import annotations


def prepare() -> tuple[str, ...]:
    """It never gets ready."""
    raise OSError("cannot load library 'libnothing.so.0'")
