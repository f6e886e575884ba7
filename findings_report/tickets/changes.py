"""What changed since an earlier report, in the few lines that a comment has room for.

The earlier one is that of --since, else the file that was attached last: it is taken from the ticket. What hangs there may be
anybody's: it is held against the digest in its name, read in a confined child, and what it says is escaped.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from findings_report import authoring
from findings_report.comparison.sides import ReadSide, read_side, reported
from findings_report.evidence.clones import Clone, find_clones, open_clones
from findings_report.model.comparison import Change, ComparedFinding, FieldChange
from findings_report.pdf.embedded_data import LARGEST_PDF
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.rendering import markdown
from findings_report.rendering.dialects import with_inline_code
from findings_report.rendering.markdown import escape
from findings_report.report import archive
from findings_report.report.check import Inputs, Progress
from findings_report.tickets.comment import Changes

if TYPE_CHECKING:
    from findings_report.model.report import Report
    from findings_report.model.ticket import Attached, Ticket, TicketRef
    from findings_report.tickets import trackers

_MOST: Final = 30
_LONGEST: Final = 160
_LONGEST_VALUE: Final = 30
_LARGEST_REPORT: Final = 64 * 2**20
"""Bytes of the data in a file that hangs on a ticket: nobody named it, so what it takes to compare it is kept within bounds."""


@dataclass(frozen=True)
class Comparer:
    """Compares the reports of one run with earlier ones, each pair once."""

    inputs: Inputs
    """Where the engagement is, if there is one, and its clones."""
    progress: Progress
    """Is told what is being done."""

    @cached_property
    def _found(self) -> dict[tuple[str, str, str], Changes]:
        return {}

    def since(self, baseline: ReadSide, name: str, report: Report | None, *, is_own: bool) -> Changes:
        """What changed since `baseline`, a side of --since. Raises FindingsReportError as `diff` does.

        `report` is that of the file `name`; without one it is the working folder. `is_own` is True for a finding's own
        document, which is put where the others are nobody's business.
        """
        from findings_report.comparison.sides import compared

        after = reported(name, report, self.inputs, self._at_hand) if report else read_side(None, self.inputs, self.progress)
        return _changes(compared(baseline, after, self.inputs, self.progress).findings, baseline.report, is_own=is_own)

    def since_attached(
        self, tracker: trackers.Tracker, ticket: Ticket, older: Attached, name: str, report: Report, *, is_own: bool
    ) -> Changes:
        """What changed between the file `older` on the ticket and the report of the file `name`; `is_own` is as for `since`.

        Raises FindingsReportError when that cannot be had.
        """
        pair = older.name, older.mark, name  # a file of that name whose description tells of other bytes is another
        if pair not in self._found:
            self.progress(f"{ticket.ref}: comparing with {older.name}")
            content = _downloaded(tracker, ticket, older)
            before = archive.read(content, older.name, largest=_LARGEST_REPORT, password=self.inputs.password)
            found = self._between(older.name, before, name, report)
            self._found[pair] = _changes(found, before, is_own=is_own)
        return self._found[pair]

    def _between(self, older: str, before: Report, name: str, report: Report) -> Sequence[ComparedFinding]:
        from findings_report.comparison.sides import compared

        sides = [reported(source, each, self.inputs, self._at_hand) for source, each in ((older, before), (name, report))]
        every = replace(self.inputs, clones={})  # a clone that neither of the two knows is another file's
        return compared(sides[0], sides[1], every, self.progress).findings

    @cached_property
    def _at_hand(self) -> Mapping[str, Clone]:
        """The engagement's clones, where there is an engagement, without those that cannot be opened."""
        found: dict[str, Clone] = {}
        with contextlib.suppress(FindingsReportError):
            folder = authoring.find_folder(self.inputs.folder)
            engagement = authoring.load_engagement(authoring.Folder(folder)).engagement
            for name, clone in find_clones(engagement, folder, {}).items():
                with contextlib.suppress(FindingsReportError), open_clones({name: clone}, self.inputs.borrow):
                    found |= {name: clone} if clone is not None else {}
        return found


def untold(ref: TicketRef, older: str, error: FindingsReportError) -> Problem:
    """A note that the comment does not tell what changed since the file `older`, and why."""
    fault = f"{ref}: what changed since {older} is not told: {error.problems[0].fault}"
    remedy = "--since FILE compares with another, --changes TEXT says it in your own words"
    return Problem(Kind.NETWORK, fault, remedy, level="note", code="ticket-changes")


def _downloaded(tracker: trackers.Tracker, ticket: Ticket, older: Attached) -> bytes:
    from findings_report.tickets import trackers

    if not isinstance(tracker, trackers.Depot):
        raise _unusable("this tracker gives no files back")
    if older.size is not None and older.size > LARGEST_PDF:
        raise _unusable(f"it has {older.size:,} bytes; at most {LARGEST_PDF:,} are read")
    content = tracker.download(ticket, older, LARGEST_PDF)
    if not older.is_made_of(content):
        raise _unusable("its bytes are not those that its name or description tells of")
    return content


def _unusable(fault: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.NETWORK, fault, code="ticket-changes"))


def _changes(findings: Sequence[ComparedFinding], baseline: Report, *, is_own: bool) -> Changes:
    findings = [each for each in findings if each.current is not None] if is_own else findings
    words = Counter(_word(each) for each in findings)
    order = ("new", "regressed", "resolved", "updated", "absent", "unchanged")
    counts = ", ".join(word if is_own else f"{words[word]} {word}" for word in order if words[word])
    changed = [each for each in findings if each.change is not Change.UNCHANGED]
    lines = [*_fields(changed[0])] if is_own and changed else [_line(each) for each in changed[:_MOST]]
    if len(changed) > _MOST:
        lines.append(f"and {len(changed) - _MOST} more, in the report")
    engagement = baseline.engagement
    return Changes(
        counts=counts if changed else "no finding changed",
        lines=tuple(lines),
        version=engagement.version,
        state=engagement.state.value,
        day=engagement.date,
    )


def _word(compared: ComparedFinding) -> str:
    return compared.turn.value if compared.turn else compared.change.value


def _line(compared: ComparedFinding) -> str:
    """One finding, Markdown."""
    id, severity = escape(_short(compared.id)), escape(_short(compared.shown.severity.name))
    said = f"{id}: {_word(compared)}, {severity}, {with_inline_code(_short(compared.shown.title), markdown)}"
    more = "; ".join(_fields(compared))
    return f"{said} ({more})" if more else said


def _fields(compared: ComparedFinding) -> Iterator[str]:
    """What differs: short values with both, the rest by name. What the word for the finding says already is left out."""
    for field in compared.fields:
        if field.name == "status" and compared.turn is not None:
            continue
        label = field.label if field.label.isupper() else field.label.lower()
        before, after = field.before or "none", field.after or "none"
        is_short = not field.words and _is_short(field)
        yield f"{escape(label)} {escape(before)} → {escape(after)}" if is_short else escape(label)


def _is_short(field: FieldChange) -> bool:
    return all(value is None or (len(value) <= _LONGEST_VALUE and "\n" not in value) for value in (field.before, field.after))


def _short(text: str) -> str:
    """`text` on one line, cut where it is long: it may come from a file that anybody made."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
