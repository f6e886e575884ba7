"""What a comment on a ticket says of a file that is attached to it, as Markdown; `mark_up` makes it the tracker's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from findings_report.model.ticket import File
from findings_report.renderers import words
from findings_report.renderers.markdown import escape, literal


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


def announcement(file: File, facts: Facts | None, *, older: tuple[str, ...] = (), changes: str | None = None) -> str:
    """The comment. `older` names what the file supersedes on this ticket; `changes` is the comparison's summary, Markdown."""
    head = f"**{escape(facts.title)}**{_edition(facts)}" if facts is not None else f"**{escape(file.stem)}**"
    lines = [f"- {line}" for line in _lines(file, facts, older)]
    parts = [head, "\n".join(lines)]
    if changes:
        parts.append(f"Since the last one:\n\n{changes.strip()}")
    return "\n\n".join(parts) + "\n"


def _edition(facts: Facts) -> str:
    version = (f"version {escape(facts.version)}",) if facts.version else ()
    day = (words.day(facts.day, facts.language),) if facts.day else ()
    return "".join(f", {part}" for part in (*version, facts.state, *day))


def _lines(file: File, facts: Facts | None, older: tuple[str, ...]) -> Iterator[str]:
    yield f"Attached: {literal(file.name)}, {size(len(file.content))}"
    if older:
        yield f"Supersedes {', '.join(str(literal(name)) for name in older)}: please read the new one"
    if facts is not None:
        counts = ", ".join(f"{count} {name}" for name, count in facts.severities)
        total = sum(count for _, count in facts.severities)
        yield f"{total} finding{'' if total == 1 else 's'}" + (f": {counts}" if counts else "")
        for name, commit in facts.commits:
            yield f"Audited: {escape(name)} at commit {literal(commit)}"
    yield f"Digest: {literal(file.mark)}"


def size(count: int) -> str:
    """A number of bytes for people."""
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
