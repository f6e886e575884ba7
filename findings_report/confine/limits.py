"""How much a confined child may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a confined child may use; both sides read it."""

    cpu_seconds: int
    """CPU time for one request."""
    memory_bytes: int
    """Address space of the whole process, what it loads included."""
    file_bytes: int
    """Longest file it may write, where it may write at all."""
    wall_seconds: float
    """Time until a request must be answered; also for getting ready."""
    output_bytes: int
    """Longest answer, all blobs together; a message beside them has 64 KiB of room."""
