"""The command `list`: the findings, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from findings_report.authoring import severity
from findings_report.model.finding import Status
from findings_report.problems import Problem
from findings_report.report.check import Inputs, read


class ListEntry(NamedTuple):
    """One finding in a line."""

    id: str
    severity: str
    status: Status
    title: str


@dataclass(frozen=True)
class Overview:
    """The result of `list`."""

    status_words: Mapping[Status, str]
    """What the engagement prints for statuses."""
    entries: tuple[ListEntry, ...]
    """Worst first, then by id."""
    problems: tuple[Problem, ...]
    """Warnings."""


def overview(inputs: Inputs) -> Overview:
    """Return the findings, most severe first."""
    _, authored = read(inputs)
    scale = [entry.name for entry in authored.engagement.severities]
    entries = [
        ListEntry(key, severity.severity(authored.engagement, finding)[0], finding.status, finding.title)
        for key, finding in authored.findings.items()
    ]
    # The sort is stable: findings of one severity stay in natural order (2 before 10).
    entries.sort(key=lambda entry: scale.index(entry.severity))
    return Overview(authored.engagement.status_words, tuple(entries), authored.warnings)
