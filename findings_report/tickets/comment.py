"""What a comment on a ticket says of a file that is attached to it, as Markdown; `mark_up` makes it the tracker's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from findings_report.model.ticket import File
from findings_report.rendering import labels
from findings_report.rendering.markdown import code, escape


@dataclass(frozen=True)
class Single:
    """The finding whose own document a file is."""

    id: str
    """Its id."""
    title: str
    """Its title."""
    severity: str
    """A name of the scale."""
    status: str
    """In words."""


@dataclass(frozen=True)
class Facts:
    """What is known of the report in a file."""

    title: str
    """The report's."""
    version: str | None
    """The report's own version."""
    state: str
    """draft or final."""
    day: date | None
    """The day on its cover."""
    language: str
    """BCP 47; how the day is printed."""
    severities: tuple[tuple[str, int], ...]
    """How many findings have each severity, worst first, zeros left out."""
    commits: tuple[tuple[str, str], ...]
    """What was audited: a repository's name and its commit, full hash."""
    single: Single | None = None
    """The finding that it is all about; None for a whole report."""


@dataclass(frozen=True)
class Changes:
    """What changed since an earlier report."""

    counts: str
    """How many findings are new, resolved and so on, in words."""
    lines: tuple[str, ...]
    """What is told of single findings, Markdown."""
    version: str | None
    """The earlier report's own version."""
    state: str
    """draft or final, the earlier one."""
    day: date | None
    """The day on its cover."""


def announcement(file: File, facts: Facts | None, *, older: tuple[str, ...] = (), changes: Changes | str | None = None) -> str:
    """The comment. `older` names what the file supersedes on this ticket; `changes` as text is Markdown of the user's own."""
    lines = [f"- {line}" for line in _lines(file, facts, older)]
    parts = [_head(file, facts), "\n".join(lines)]
    if isinstance(changes, Changes):
        parts += _changed(changes, facts)
    elif changes:
        parts.append(f"**Since the last one**:\n\n{changes.strip()}")
    parts.append(f"Digest: {code(file.mark)}")  # last: it is for programs, and for who doubts
    return "\n\n".join(parts) + "\n"


def _head(file: File, facts: Facts | None) -> str:
    if facts is None:
        return f"**{escape(file.stem)}**"
    if facts.single is None:
        return f"**{escape(facts.title)}**{_edition(facts)}"
    single = facts.single
    return f"**{escape(single.id)}: {escape(single.title)}**, {escape(single.severity)}, {escape(single.status)}"


def _edition(facts: Facts) -> str:
    version = (f"version {escape(facts.version)}",) if facts.version else ()
    day = (labels.day(facts.day, facts.language),) if facts.day else ()
    return "".join(f", {part}" for part in (*version, facts.state, *day))


def _changed(changes: Changes, facts: Facts | None) -> Iterator[str]:
    """The counts, with what the earlier one was where that says more than that it was the last; then the findings."""
    version = (f"version {escape(changes.version)}",) if changes.version else ()
    day = (labels.day(changes.day, facts.language if facts else "en"),) if changes.day else ()
    is_same = facts is not None and (facts.version, facts.day) == (changes.version, changes.day)
    named = ", ".join((*version, changes.state, *day)) if not is_same and (version or day) else ""
    yield f"**Since the last one**{f' ({named})' if named else ''}: {changes.counts}."
    if changes.lines:
        yield "\n".join(f"- {line}" for line in changes.lines)


def _lines(file: File, facts: Facts | None, older: tuple[str, ...]) -> Iterator[str]:
    yield f"Attached: {code(file.name)}, {size(len(file.content))}"
    if older:
        yield f"Supersedes {', '.join(str(code(name)) for name in older)}: please read the new one"
    if facts is None:
        return
    if facts.single is not None:
        yield f"From: {escape(facts.title)}{_edition(facts)}"
    else:
        counts = ", ".join(f"{count} {escape(name)}" for name, count in facts.severities)
        total = sum(count for _, count in facts.severities)
        yield f"{total} finding{'' if total == 1 else 's'}" + (f": {counts}" if counts else "")
    for name, commit in facts.commits:
        yield f"Audited: {escape(name)} at commit {code(commit)}"


def size(count: int) -> str:
    """A number of bytes for people."""
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
