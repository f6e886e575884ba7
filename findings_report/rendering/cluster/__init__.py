"""TODO cluster."""

from findings_report.rendering.cluster.address import parse
from findings_report.rendering.cluster.client import Cluster, Task, joined

__all__ = ["Cluster", "Task", "joined", "parse"]
