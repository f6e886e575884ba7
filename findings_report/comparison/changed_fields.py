"""One finding on two sides, compared field by field, and changed texts word by word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, Final, Literal

from findings_report.model.comparison import FieldChange, TrackedRegion, Words
from findings_report.model.engagement import Severity
from findings_report.model.evidence import Region, Snippet
from findings_report.model.field_types import TextForAudience
from findings_report.model.finding import Affected, Event, Fix, Rating, Recommendation, Reference
from findings_report.model.passages import heading_of, passage_fields
from findings_report.model.report import CustomValue, ReportedFinding, Score
from findings_report.model.report_tables import Weakness
from findings_report.model.translation import ENGLISH, Translation

COMPUTED: Final = frozenset({"id", "snippets", "placed", "severity_source"})
"""Fields of a reported finding that are computed, not authored."""

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
        yield "".join(old[first:last]), "".join(new[new_first:new_last])


def _count_equal_pairs(old: Sequence[str], new: Sequence[str]) -> int:
    counts = Counter(new)
    return sum(counts[line] for line in old)


def _count_common(old: Sequence[str], new: Sequence[str]) -> int:
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
