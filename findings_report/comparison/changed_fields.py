"""One finding on two sides, compared field by field, and changed texts word by word."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, Final, Literal, TypeVar

from findings_report import prose
from findings_report.authoring import natural
from findings_report.model.comparison import Change, DeclaredFileChange, FieldChange, TrackedRegion, Words
from findings_report.model.engagement import Severity
from findings_report.model.evidence import Region, Snippet
from findings_report.model.field_types import TextForAudience
from findings_report.model.finding import Affected, Event, Fix, Rating, Recommendation, Reference
from findings_report.model.passages import heading_of, passage_fields
from findings_report.model.report import CustomValue, Picture, Report, ReportedAttachment, ReportedFinding, ReportedTable, Score
from findings_report.model.report_tables import Weakness
from findings_report.model.translation import ENGLISH, Translation

COMPUTED: Final = frozenset({"id", "snippets", "placed", "severity_source", "tool_fingerprints"})
"""Fields of a reported finding that are computed, here or by a scanner, and not authored."""

LABELS: Final = {"cwe": "CWE", "scores": "CVSS", "found_by": "Found by", "extra": "Custom fields", "locations": "Locations"}
"""Labels of fields that are not named after the field."""
_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")

# difflib takes time in proportion to the pairs that it compares, at worst; both texts may come from a file that somebody sent.
_MOST_COMPARED: Final = 2_000_000
"""Pairs of words, or of equal lines, up to which two texts are compared; a larger difference is printed as a whole."""

_MOST_LINES: Final = 5_000_000
"""Pairs of lines up to which two texts are compared by line: a second at worst."""

_Kind = Literal["same", "gone", "came"]


def compare_fields(
    baseline: ReportedFinding,
    current: ReportedFinding,
    evidence: Sequence[TrackedRegion],
    *,
    is_read: bool = True,
    translation: Translation = ENGLISH,
) -> tuple[FieldChange, ...]:
    """Return every field that differs, in the order of the finding's fields; the locations last.

    `evidence` is the baseline's, followed to the current commit: a location that went where its code went is no change.
    `is_read` is False when a location could not be read, so that locations cannot be compared.
    """
    changes = [*_list_changes(baseline, current, translation)]
    # With one repository its name would be noise in every line.
    is_named = len({snippet.repository for snippet in (*baseline.snippets, *current.snippets)}) > 1
    before = _list_citations(_follow(baseline, current, evidence), is_named=is_named)
    after = _list_citations(_list_regions(current), is_named=is_named)
    if is_read and before != after:
        changes.append(_describe_change("locations", "\n".join(before) or None, "\n".join(after) or None, translation))
    return tuple(changes)


def compare_declared_files(
    baseline: Report, current: Report, pairs: Mapping[str, str], translation: Translation = ENGLISH
) -> tuple[DeclaredFileChange, ...]:
    """Return every table, attachment and picture that differs, matched by name, and what has no pair by equal content.

    `pairs` has the baseline's id of each finding that both reports have, by its current id.
    """
    printed = [_list_printed(report) for report in (baseline, current)]
    changes: list[DeclaredFileChange] = []
    for kind, read in _DECLARED.items():
        before, after = ({file.name: file for file in read(report)} for report in (baseline, current))
        origins = _match_files(before, after)
        for name in sorted({*after, *(before.keys() - origins.values())}):
            new, old = after.get(name), before.get(origins.get(name, "" if name in after else name))
            fields = tuple(_compare_files(old, new, translation)) if old is not None and new is not None else ()
            if old is not None and new is not None and not fields:
                continue
            ids = {id for id, names in printed[1].items() if new is not None and (kind, name) in names}
            gone = {id for id, names in printed[0].items() if old is not None and (kind, old.name) in names}
            known = {was: id for id, was in pairs.items()}
            latest = new or old
            changes.append(
                DeclaredFileChange(
                    kind=kind,
                    name=name,
                    title=_title_of(latest) if latest is not None else None,
                    change=Change.NEW if old is None else Change.ABSENT if new is None else Change.UPDATED,
                    fields=fields,
                    findings=tuple(sorted(ids | {known.get(id, id) for id in gone}, key=natural)),
                )
            )
    return tuple(changes)


def label_declared_file(change: DeclaredFileChange, field: FieldChange, translation: Translation) -> FieldChange:
    """Return a change of a table, attachment or picture as one of a finding that prints it."""
    what = translation.gettext(_KINDS[change.kind], name=change.name)
    label = translation.gettext("{file}: {field}", file=what, field=field.label)
    return field.model_copy(update={"name": f"{change.kind}:{change.name}:{field.name}", "label": label})


_KINDS: Final = {"table": "Table {name}", "attachment": "Attachment {name}", "picture": "Picture {name}"}

_Declared = ReportedTable | ReportedAttachment | Picture


def _list_pictures(report: Report) -> Iterator[Picture]:
    yield from report.engagement.images
    if report.engagement.logo is not None:
        yield report.engagement.logo.model_copy(update={"name": "logo"})


_DECLARED: Final[dict[Literal["table", "attachment", "picture"], Callable[[Report], Iterable[_Declared]]]] = {
    "table": lambda report: report.engagement.tables,
    "attachment": lambda report: report.attachments,
    "picture": _list_pictures,
}


def _title_of(file: _Declared) -> str | None:
    if isinstance(file, Picture):
        return file.alt
    return file.title if isinstance(file, ReportedAttachment) else file.caption


def _digest(file: _Declared) -> str:
    if isinstance(file, ReportedAttachment):
        return file.sha256
    content = file.content if isinstance(file, Picture) else repr((file.header, file.rows)).encode()
    return hashlib.sha256(content).hexdigest()


def _match_files(before: Mapping[str, _Declared], after: Mapping[str, _Declared]) -> dict[str, str]:
    """Return the name in the baseline of each file that both sides have, by its current name."""
    pairs = {name: name for name in after if name in before}
    # A file that was only renamed is no other file.
    left = {_digest(before[name]): name for name in sorted(before.keys() - pairs.keys(), reverse=True)}
    for name in sorted(after.keys() - pairs.keys()):
        if (old := left.pop(_digest(after[name]), None)) is not None:
            pairs[name] = old
    return pairs


def _list_printed(report: Report) -> dict[str, frozenset[tuple[str, str]]]:
    """Return the (kind, name) of every table and picture that a finding's texts print, by the finding's id."""
    files = {image.file: image.name for image in report.engagement.images if image.file is not None}
    tables = {table.name for table in report.engagement.tables}
    names = {image.name for image in report.engagement.images}
    if not tables and not names:  # no text need be read
        return {}
    printed: dict[str, frozenset[tuple[str, str]]] = {}
    for finding in report.findings:
        uses = [use for passage in finding.prose for use in prose.references(passage.text).uses]
        shown = {("table", use.name) for use in uses if use.kind == "table"}
        shown |= {("picture", files.get(use.name, use.name)) for use in uses if use.kind == "image"}
        printed[finding.id] = frozenset(shown)
    return printed


def _compare_files(before: _Declared, after: _Declared, translation: Translation) -> Iterator[FieldChange]:
    """Yield what differs of one file, as far as a reader of the report could see it."""
    _ = translation.gettext
    facts: list[tuple[str, str, str | None, str | None]] = [("name", _("Name"), before.name, after.name)]
    label = _("Caption") if isinstance(after, ReportedTable) else _("Title")
    label = _("Description of the picture") if isinstance(after, Picture) else label
    facts.append(("title", label, _title_of(before), _title_of(after)))
    if isinstance(before, Picture) and isinstance(after, Picture):
        facts.append(("caption", _("Caption"), before.caption, after.caption))
        size = "{width} × {height}"
        old, new = (_(size, width=picture.width, height=picture.height) for picture in (before, after))
        facts.append(("size", _("Size in pixels"), old, new))
    if isinstance(before, ReportedAttachment) and isinstance(after, ReportedAttachment):
        old, new = (translation.number(attachment.size) for attachment in (before, after))
        facts.append(("size", _("Size in bytes"), old, new))
    if not isinstance(after, ReportedTable):
        facts.append(("sha256", "SHA-256", _digest(before), _digest(after)))
    for name, label, was, now in facts:
        if was != now:
            yield FieldChange(name=name, label=label, before=was, after=now)
    if isinstance(before, ReportedTable) and isinstance(after, ReportedTable):
        yield from _compare_rows(before, after, translation)


_MOST_ROWS: Final = 200
"""Changed rows of a table that are listed, of each side: nobody reads more, and all are in the tables themselves."""


def _compare_rows(before: ReportedTable, after: ReportedTable, translation: Translation) -> Iterator[FieldChange]:
    """Yield the rows that changed as one field, below the header, which names their columns."""
    if (before.header, before.rows) == (after.header, after.rows):
        return
    gone: list[str] = []
    came: list[str] = []
    for old, new in _pair_rows(before.rows, after.rows):
        if old != new:
            gone.extend(map(_write_row, old))
            came.extend(map(_write_row, new))
    count = max(len(gone), len(came))
    label = translation.gettext("Rows")
    if count > _MOST_ROWS:
        label = translation.gettext("Rows, the first {number} of {count} that changed", number=_MOST_ROWS, count=count)
    old_text, new_text = (
        "\n".join((_write_row(table.header), *rows[:_MOST_ROWS])) for table, rows in ((before, gone), (after, came))
    )
    words = list(diff_words(f"{old_text}\n", f"{new_text}\n"))
    # The last row ends without a break, of both sides.
    for index in range(len(words) - 1, -1, -1):
        words[index] = words[index].model_copy(update={"text": words[index].text.removesuffix("\n")})
        if words[index].kind == "same":
            break
    yield FieldChange(name="rows", label=label, before=old_text, after=new_text, words=tuple(words))


def _write_row(row: Sequence[str]) -> str:
    # A line is a row, so that a cell's own lines are written as one.
    return " | ".join(" ".join(cell.split()) for cell in row)


def diff_words(before: str, after: str) -> tuple[Words, ...]:
    """Return the runs of words that lead from `before` to `after`; empty for two empty texts.

    Lines are compared first and words within the lines that differ, so that a long text with a small change stays cheap.
    """
    runs: list[tuple[_Kind, str]] = []
    for old, new in _pair_blocks(before.splitlines(keepends=True), after.splitlines(keepends=True)):
        if old == new:
            runs.append(("same", old))
        else:
            runs.extend(_compare_words(_WORD.findall(old), _WORD.findall(new)))
    return tuple(_join(runs))


def _list_changes(baseline: ReportedFinding, current: ReportedFinding, translation: Translation) -> Iterator[FieldChange]:
    for name in ReportedFinding.model_fields:
        # A computed field differs when its source does, and would be reported twice.
        if name in COMPUTED:
            continue
        # The printed forms are compared, so that a difference that no reader could see is none.
        before, after = (_write(getattr(side, name), translation) for side in (baseline, current))
        if before != after:
            yield _describe_change(name, before, after, translation)


def _describe_change(name: str, before: str | None, after: str | None, translation: Translation) -> FieldChange:
    is_field = name in ReportedFinding.model_fields  # the locations are compared as one field that a finding does not have
    label = LABELS.get(name) or (heading_of(ReportedFinding, name) if is_field else name.capitalize())
    is_prose = any(field.path[0] == name for field in passage_fields(ReportedFinding))
    words = diff_words(before or "", after or "") if is_prose else ()
    return FieldChange(name=name, label=translation.gettext(label), before=before, after=after, words=words)


_Citation = tuple[Snippet, str, Region | None]
"""A location, and the path and the region that it cites; None cites the whole file."""


def _list_regions(finding: ReportedFinding) -> Iterator[_Citation]:
    for snippet in finding.snippets:
        for region in snippet.regions or (None,):
            yield snippet, snippet.path, region


def _follow(baseline: ReportedFinding, current: ReportedFinding, evidence: Sequence[TrackedRegion]) -> Iterator[_Citation]:
    """Yield what the baseline cites: where the text is now if it was followed there unchanged, else where it was."""
    # A region that went where its text went is no change to the finding, and neither is one that `track --update` left at the
    # commit where the baseline cites it.
    held = {
        (snippet.repository, snippet.commit, snippet.role, path, region) for snippet, path, region in _list_regions(current)
    }
    now = {
        (followed.location, None if followed.drift.is_whole_file else followed.drift.region): followed.drift.now
        for followed in evidence
        if followed.drift.kind.is_equal
    }
    for snippet, path, region in _list_regions(baseline):
        spot = now.get((snippet.index, region))
        if spot is None or (snippet.repository, snippet.commit, snippet.role, path, region) in held:
            yield snippet, path, region
        else:
            yield snippet, spot.path, spot.region if region is not None else None


def _list_citations(cited: Iterable[_Citation], *, is_named: bool) -> tuple[str, ...]:
    """Return every citation as `path#L111-L129`, or as `path` for a whole file, sorted.

    The name of the repository comes first if `is_named`.
    """
    return tuple(sorted({(f"{each[0].repository}: " if is_named else "") + _write_citation(*each) for each in cited}))


def _write_citation(snippet: Snippet, path: str, region: Region | None) -> str:
    if region is None:
        return path
    last = "" if region.end_line == region.start_line else f"-L{region.end_line}"
    return f"{path}#L{region.start_line}{last}" + (f" ({snippet.role})" if snippet.role else "")


def _write(value: Any, translation: Translation) -> str | None:
    """Return a value as a person would write it; None for an empty one."""
    if value is None or value == () or value == "":
        return None
    if isinstance(value, Event):
        return _write_event(value, translation)
    if isinstance(value, StrEnum):
        return translation.name(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        # Records on a line each; words in one line.
        separator = "\n" if any(isinstance(part, Event | Affected | Reference) for part in value) else ", "
        return separator.join(text for part in value if (text := _write(part, translation)) is not None)
    for kind, write in _WRITTEN.items():
        if isinstance(value, kind):
            return write(value, translation)
    return str(value)


def _write_fix(fix: Fix, translation: Translation) -> str:
    named = [translation.gettext("Commit {commit}", commit=commit) for commit in fix.commits] + list(fix.pull_requests)
    return "\n\n".join(part for part in (fix.note, "\n".join(named)) if part)


def _write_event(event: Event, translation: Translation) -> str:
    _ = translation.gettext
    text = f"{event.date.isoformat()} {translation.name(event.status)}"
    text = _("{event} by {person}", event=text, person=event.by) if event.by else text
    text = _("{event} at {commit}", event=text, commit=event.commit) if event.commit else text
    return f"{text}: {event.note}" if event.note else text


def _write_recommendation(advice: Recommendation, translation: Translation) -> str:  # noqa: ARG001
    return "\n\n".join(part for part in (advice.short_term, advice.long_term) if part)


def _write_affected(thing: Affected, translation: Translation) -> str:
    return f"{translation.name(thing.kind)}: {thing.name}" + (f" – {thing.note}" if thing.note else "")


def _write_rating(rating: Rating, translation: Translation) -> str:
    impact, likelihood = translation.name(rating.impact), translation.name(rating.likelihood)
    return translation.gettext("impact {impact}, likelihood {likelihood}", impact=impact, likelihood=likelihood)


_WRITTEN: Final[dict[type, Callable[[Any, Translation], str | None]]] = {
    Severity: lambda severity, translation: translation.name(severity.name),
    Rating: _write_rating,
    TextForAudience: lambda text, _: text.text,
    Recommendation: _write_recommendation,
    Fix: _write_fix,
    Affected: _write_affected,
    Reference: lambda reference, _: f"{reference.title} {reference.url}" if reference.title else reference.url,
    Weakness: lambda weakness, _: weakness.id,
    Score: lambda score, _: score.vector,
    CustomValue: lambda custom, _: f"{custom.label}: {custom.value}",
}
"""How each structured value is written."""


def _pair_blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield runs of lines and their replacement."""
    for gone, came in _pair_rows(old, new):
        yield "".join(gone), "".join(came)


_Row = TypeVar("_Row", bound=Hashable)


def _pair_rows(old: Sequence[_Row], new: Sequence[_Row]) -> Iterator[tuple[Sequence[_Row], Sequence[_Row]]]:
    """Yield runs of lines and their replacement; between equal ends in one piece, where there are too many to compare."""
    if len(old) * len(new) > _MOST_LINES or _count_equal_pairs(old, new) > _MOST_COMPARED:
        start = _count_common(old, new)
        end = _count_common(old[start:][::-1], new[start:][::-1])
        steps = [(0, start, 0, start), (start, len(old) - end, start, len(new) - end)]
        steps.append((len(old) - end, len(old), len(new) - end, len(new)))
    else:
        # Without autojunk: from 200 lines on, difflib would ignore lines that are frequent, such as blank ones.
        steps = [step[1:] for step in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()]
    for first, last, new_first, new_last in steps:
        yield old[first:last], new[new_first:new_last]


def _count_equal_pairs(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    counts = Counter(new)
    return sum(counts[line] for line in old)


def _count_common(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """Return how many lines both begin with."""
    return next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _compare_words(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[_Kind, str]]:
    if len(old) * len(new) > _MOST_COMPARED:
        yield "gone", "".join(old)
        yield "came", "".join(new)
        return
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for index, (kind, start, end, new_start, new_end) in enumerate(steps):
        gone, came = "".join(old[start:end]), "".join(new[new_start:new_end])
        # A blank between two changed words is part of the change: word by word, a rewritten sentence would be unreadable.
        if kind == "equal" and not (gone.isspace() and 0 < index < len(steps) - 1):
            yield "same", gone
        else:
            yield "gone", gone
            yield "came", came


def _join(runs: Sequence[tuple[_Kind, str]]) -> Iterator[Words]:
    """Yield neighbours of one kind as one run; between two runs that stay, what went comes before what came."""
    pending: dict[_Kind, str] = {"gone": "", "came": ""}
    same = ""
    for kind, text in runs:
        if not text:
            continue
        if kind == "same":
            yield from _flush(pending)
            same += text
        else:
            if same:
                yield Words(kind="same", text=same)
                same = ""
            pending[kind] += text
    yield from _flush(pending)
    if same:
        yield Words(kind="same", text=same)


def _flush(pending: dict[_Kind, str]) -> Iterator[Words]:
    for kind, text in pending.items():
        if text:
            yield Words(kind=kind, text=text)
        pending[kind] = ""
