"""The comment on a ticket that describes an attached file, as Markdown, with the changes since the previous file."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report import authoring, git
from findings_report.comparison.sides import ReadSide, read_side, side_of_report
from findings_report.evidence.source_files import Clone, find_clones, open_clones
from findings_report.model.comparison import Assessment, Change, ComparedFinding, FieldChange
from findings_report.model.report import Report, ReportedEngagement
from findings_report.model.ticket import File
from findings_report.model.translation import ENGLISH
from findings_report.pdf.embedded_data import LARGEST_PDF
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.rendering import labels, markdown
from findings_report.rendering.filters import with_inline_code
from findings_report.rendering.markdown import code, escape
from findings_report.report import archive
from findings_report.report.check import Inputs, Progress
from findings_report.tickets.trackers import AttachmentReader, Tracker

if TYPE_CHECKING:
    from findings_report.model.report import Report
    from findings_report.model.ticket import Attached, Ticket, TicketRef


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

    @property
    def audience(self) -> str | None:
        """Audience of the edition; None for the complete one, and for what is no report."""
        return self.report.engagement.edition if self.report is not None else None


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
    status = finding.status.printed(content.report.engagement.status_words)
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
    return "".join(f", {part}" for part in _edition_parts(engagement))


def _baseline(changes: Changes, report: Report | None) -> str:
    """Return the edition of the earlier report in brackets, if it says more than that it was the previous one."""
    before, now = changes.baseline, report.engagement if report is not None else None
    is_same = now is not None and (now.version, now.date) == (before.version, before.date)
    if is_same or not (before.version or before.date):
        return ""
    return f" ({', '.join(_edition_parts(before))})"


def _edition_parts(engagement: ReportedEngagement) -> Iterator[str]:
    """Yield version, state and day, each if there is one."""
    if engagement.version:
        yield f"version {escape(engagement.version)}"
    yield engagement.state.value
    if engagement.date:
        yield ENGLISH.day(engagement.date)


# Of a version: at most nine digits each, as `int` is slow for very long numbers.
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


# A comment is read in an e-mail: beyond this the report itself, or `diff`, is the place to look.
_MAX_FINDINGS: Final = 30


_MAX_TEXT: Final = 160


_MAX_JUDGEMENT: Final = 500  # a sentence, with the places that it is about


_MAX_VALUE: Final = 30


# Of the data in a file on a ticket. A file that the user names may have more: nobody has vouched for this one.
_MAX_REPORT_BYTES: Final = 64 * 2**20


# The order of the counts: first the findings that need attention.
_WORDS: Final = ("new", "regressed", "resolved", "updated", "absent", "unchanged")


@dataclass(frozen=True)
class Comparer:
    """Compares the reports of one run with earlier ones, each pair once."""

    inputs: Inputs
    """The engagement, if there is one, and its clones."""
    progress: Progress
    """Receives a message before each comparison."""

    @cached_property
    def _known(self) -> dict[tuple[str, str, str], Changes]:
        return {}

    @cached_property
    def _read(self) -> dict[tuple[str, str], tuple[Report, bool]]:
        return {}

    def read_attached(self, tracker: Tracker, ticket: Ticket, previous: Attached) -> tuple[Report, bool]:
        """Return the report in a file on the ticket, and whether it is signed. Each file is read once.

        Raises FindingsReportError if it cannot be read.
        """
        key = previous.name, previous.mark  # the same name with another digest is another file
        if key not in self._read:
            self.progress(f"{ticket.ref}: reading {previous.name}")
            content = _download(tracker, ticket, previous)
            report = archive.read(content, previous.name, largest=_MAX_REPORT_BYTES, password=self.inputs.password)
            self._read[key] = report, is_signed(content)
        return self._read[key]

    def compare_with_baseline(self, baseline: ReadSide, name: str, report: Report | None, *, is_single: bool) -> Changes:
        """Return the changes since `baseline`, a side of --since. Raises FindingsReportError as `diff` does.

        `report` is that of the file `name`; without one, the working folder is compared. `is_single` is True for the document
        of a single finding: its ticket must not reveal other findings.
        """
        from findings_report.comparison.sides import compare_sides

        after = (
            side_of_report(name, report, self.inputs, self._clones) if report else read_side(None, self.inputs, self.progress)
        )
        findings = compare_sides(baseline, after, self.inputs, self.progress).findings
        return _summarize(findings, baseline.report, is_single=is_single)

    def compare_with_attached(
        self, tracker: Tracker, ticket: Ticket, previous: Attached, name: str, report: Report, *, is_single: bool
    ) -> Changes:
        """Return the changes between the file `previous` on the ticket and `report`, which the file `name` contains.

        Raises FindingsReportError if the file cannot be read.
        """
        from findings_report.comparison.sides import compare_sides

        pair = previous.name, previous.mark, name
        if pair not in self._known:
            before, _ = self.read_attached(tracker, ticket, previous)
            self.progress(f"{ticket.ref}: comparing with {previous.name}")
            sides = [
                side_of_report(source, side, self.inputs, self._clones)
                for source, side in ((previous.name, before), (name, report))
            ]
            without_clones = replace(self.inputs, clones={})  # a clone that neither report names belongs to another file
            findings = compare_sides(sides[0], sides[1], without_clones, self.progress).findings
            self._known[pair] = _summarize(findings, before, is_single=is_single)
        return self._known[pair]

    @cached_property
    def _clones(self) -> Mapping[str, Clone]:
        """The engagement's clones, if there is an engagement, without those that cannot be opened."""
        clones: dict[str, Clone] = {}
        with contextlib.suppress(FindingsReportError):
            folder = authoring.find_folder(self.inputs.folder)
            engagement = authoring.load_engagement(authoring.Folder(folder)).engagement
            for name, clone in find_clones(engagement, folder, {}).items():
                with contextlib.suppress(FindingsReportError), open_clones({name: clone}, self.inputs.borrow):
                    clones |= {name: clone} if clone is not None else {}
        return clones


def has_same_content(report: Report, other: Report) -> bool:
    """Return True if two reports differ in nothing but the programs that made them.

    Another version of Python, of a library or of this program gives other bytes; nobody needs a second file because of that.
    """
    return report.model_copy(update={"components": ()}) == other.model_copy(update={"components": ()})


def is_signed(content: bytes) -> bool:
    """Return True for a PDF with a signature. Whether the signature is valid is nothing that `attach` decides."""
    # The dictionary of a signature is neither compressed nor encrypted: its bytes are counted (ISO 32000-2, 12.8.1).
    return archive.is_pdf(content) and b"/ByteRange" in content


def is_older(report: Report, other: Report, folder: Path) -> bool:
    """Return True if `report` was made before `other`: by its date, else its version, else the commit of its findings.

    `folder` is the engagement's, whose history knows the order of the commits.
    """
    mine, theirs = report.engagement, other.engagement
    if mine.date and theirs.date and mine.date != theirs.date:
        return mine.date < theirs.date
    numbers = [tuple(int(number) for number in _NUMBER.findall(engagement.version or "")) for engagement in (mine, theirs)]
    if all(numbers) and numbers[0] != numbers[1]:
        return numbers[0] < numbers[1]
    commits = [engagement.findings_commit for engagement in (mine, theirs)]
    if any(commit is None for commit in commits):
        return False
    first, second = (commit.hash for commit in commits if commit is not None)
    # A commit that the repository does not have, or no repository at all, decides nothing.
    with contextlib.suppress(FindingsReportError, OSError):
        root = git.enclosing_folder(folder)
        if root is not None and first != second:
            with git.open_repository(root, name="findings") as repository:
                return all(map(repository.commit_of, (first, second))) and bool(repository.is_in_history(first, of=second))
    return False


def changes_unavailable(ref: TicketRef, previous: str, error: FindingsReportError) -> Problem:
    """Return a note that the comment does not list the changes since the file `previous`, and why."""
    fault = f"{ref}: the changes since {previous} are not available: {error.problems[0].fault}"
    remedy = "compare with another report with --since FILE, or describe the changes with --changes TEXT"
    return Problem(Kind.NETWORK, fault, remedy, level="note", code="ticket-changes")


def _download(tracker: Tracker, ticket: Ticket, previous: Attached) -> bytes:
    if not isinstance(tracker, AttachmentReader):
        raise _unusable("this tracker does not return files")
    if previous.size is not None and previous.size > LARGEST_PDF:
        raise _unusable(f"it has {previous.size:,} bytes; the limit is {LARGEST_PDF:,}")
    content = tracker.download(ticket, previous, LARGEST_PDF)
    # Anybody with access to the ticket can replace the file. Its digest is in the name that this program gave to it.
    if not previous.is_made_of(content):
        raise _unusable("its content does not match the digest in its name or description")
    return content


def _unusable(fault: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.NETWORK, fault, code="ticket-changes"))


def _summarize(findings: Sequence[ComparedFinding], baseline: Report, *, is_single: bool) -> Changes:
    # The baseline may be the whole report: findings that only it has belong to other tickets.
    findings = [finding for finding in findings if finding.current is not None] if is_single else findings
    totals = Counter(_word(finding) for finding in findings)
    counts = ", ".join(word if is_single else f"{totals[word]} {word}" for word in _WORDS if totals[word])
    listed = [finding for finding in findings if _is_news(finding)]
    is_changed = any(finding.change is not Change.UNCHANGED for finding in listed)
    lines = [_line(finding) for finding in listed[:_MAX_FINDINGS]]
    if is_single:
        lines = [line for finding in listed[:1] for line in (*_fields(finding), *_judge(finding))]
    if len(listed) > _MAX_FINDINGS:
        lines.append(f"and {len(listed) - _MAX_FINDINGS} more, in the report")
    return Changes(counts if is_changed else "no finding changed", tuple(lines), baseline.engagement)


def _word(compared: ComparedFinding) -> str:
    return compared.turn.value if compared.turn else compared.change.value


def _line(compared: ComparedFinding) -> str:
    """Return one finding, as Markdown."""
    id, severity = escape(_shorten(compared.id)), escape(_shorten(compared.latest.severity.name))
    title = with_inline_code(_shorten(compared.latest.title), markdown)
    fields = "; ".join(_fields(compared))
    judgements = "".join(f"; {judgement}" for judgement in _judge(compared))
    return f"{id}: {_word(compared)}, {severity}, {title}" + (f" ({fields})" if fields else "") + judgements


def _judge(compared: ComparedFinding) -> list[str]:
    """Return the results of checking the claim against the code, in the words of `diff`, as Markdown."""
    return [
        f"**{labels.words(judgement.weight, ENGLISH)}**: {escape(_shorten(judgement.text, _MAX_JUDGEMENT))}"
        for judgement in compared.judgements
    ]


def _is_news(compared: ComparedFinding) -> bool:
    """Return True if the finding has changed, or needs a review: the code may have changed where the finding has not."""
    needs_review = any(judgement.weight is not Assessment.CONSISTENT for judgement in compared.judgements)
    return compared.change is not Change.UNCHANGED or needs_review


def _fields(compared: ComparedFinding) -> Iterator[str]:
    """Yield the changed fields: short values with both, others by name. A status that the finding's word implies is omitted."""
    for field in compared.fields:
        if field.name == "status" and compared.turn is not None:
            continue
        label = field.label if field.label.isupper() else field.label.lower()
        before, after = field.before or "none", field.after or "none"
        is_short = not field.words and _is_short(field)
        yield f"{escape(label)} {escape(before)} → {escape(after)}" if is_short else escape(label)


def _is_short(field: FieldChange) -> bool:
    return all(value is None or (len(value) <= _MAX_VALUE and "\n" not in value) for value in (field.before, field.after))


def _shorten(text: str, most: int = _MAX_TEXT) -> str:
    """Return `text` on one line, cut if it is long: it may come from a file that anybody made."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"
