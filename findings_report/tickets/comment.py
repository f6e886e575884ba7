"""The comment on a ticket that describes an attached file, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from findings_report.model.report import Report, ReportedEngagement
from findings_report.model.ticket import File
from findings_report.rendering import labels
from findings_report.rendering.markdown import code, escape


@dataclass(frozen=True)
class Changes:
    """The changes since an earlier report."""

    counts: str
    """How many findings are new, resolved and so on, in words."""
    lines: tuple[str, ...]
    """The changes of single findings, Markdown."""
    baseline: ReportedEngagement
    """The engagement as the earlier report has it."""


@dataclass(frozen=True)
class FileContent:
    """A file, and the report in it."""

    file: File
    """The file."""
    report: Report | None
    """The report that a PDF or a JSON file contains; None for any other file, and for an encrypted one without password."""
    is_single: bool
    """True for the document of a single finding."""
    changes: Changes | str | None
    """The changes by --since, or the text of --changes; None for those since the file on the ticket."""


def compose_comment(content: FileContent, *, superseded: str | None, changes: Changes | str | None) -> str:
    """Return the comment. `superseded` is the name of the previous file; `changes` as a string is the user's own Markdown."""
    report, file = content.report, content.file
    parts = [_headline(content), "\n".join(f"- {line}" for line in _facts(content, superseded))]
    if isinstance(changes, Changes):
        parts.append(f"**Since the last one**{_baseline(changes, report)}: {changes.counts}.")
        parts += ["\n".join(f"- {line}" for line in changes.lines)] * bool(changes.lines)
    elif changes:
        parts.append(f"**Since the last one**:\n\n{changes.strip()}")
    parts.append(f"Digest: {code(file.mark)}")  # last, because it is for programs: the next run recognizes the file by it
    return "\n\n".join(parts) + "\n"


def format_size(count: int) -> str:
    """Return a number of bytes with a decimal unit, as trackers display it."""
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def _headline(content: FileContent) -> str:
    if content.report is None:
        return f"**{escape(content.file.stem)}**"
    if not content.is_single:
        return f"**{escape(content.report.engagement.title)}**{_edition(content.report.engagement)}"
    finding = content.report.findings[0]
    status = labels.words(finding.status.value).lower()
    return f"**{escape(finding.id)}: {escape(finding.title)}**, {escape(finding.severity.name)}, {escape(status)}"


def _facts(content: FileContent, superseded: str | None) -> Iterator[str]:
    yield f"Attached: {code(content.file.name)}, {format_size(len(content.file.content))}"
    # Trackers list old and new files side by side: without this line, people open the wrong one.
    if superseded is not None:
        yield f"Supersedes {code(superseded)}"
    report = content.report
    if report is None:
        return
    if content.is_single:
        yield f"From: {escape(report.engagement.title)}{_edition(report.engagement)}"
    else:
        counts = ", ".join(f"{count.total} {escape(count.severity.name)}" for count in report.counts if count.total)
        total = sum(count.total for count in report.counts)
        yield f"{total} finding{'' if total == 1 else 's'}" + (f": {counts}" if counts else "")
    for repository in report.engagement.repositories:
        if repository.commit is not None:
            yield f"Audited: {escape(repository.name)} at commit {code(repository.commit)}"


def _edition(engagement: ReportedEngagement) -> str:
    return "".join(f", {part}" for part in _edition_parts(engagement, engagement.language))


def _baseline(changes: Changes, report: Report | None) -> str:
    """Return the edition of the earlier report in brackets, if it says more than that it was the previous one."""
    before, now = changes.baseline, report.engagement if report is not None else None
    is_same = now is not None and (now.version, now.date) == (before.version, before.date)
    if is_same or not (before.version or before.date):
        return ""
    return f" ({', '.join(_edition_parts(before, now.language if now is not None else 'en'))})"


def _edition_parts(engagement: ReportedEngagement, language: str) -> Iterator[str]:
    """Yield version, state and day, each if there is one."""
    if engagement.version:
        yield f"version {escape(engagement.version)}"
    yield engagement.state.value
    if engagement.date:
        yield labels.day(engagement.date, language)
