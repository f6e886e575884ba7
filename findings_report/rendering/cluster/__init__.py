"""Rendering on a cluster of dask.

In come the address of a scheduler, and bytes with a function that its workers call on them; out come the bytes that it returns.
The client must not know what the bytes mean: `executor.py` alone packs jobs and reads answers.
"""

from findings_report.rendering.cluster.client import Cluster, Task, join, parse

__all__ = ["Cluster", "Task", "join", "parse"]
