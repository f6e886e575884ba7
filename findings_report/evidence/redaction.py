"""The code of a location with the passages masked that its authors hide: by `redact`, or by a placeholder in the quote.

Pure: git's lines, the quote and its verdict in, masked ones out. The verdict is always that of the true text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from findings_report.evidence.quote import split_runs
from findings_report.evidence.shown_lines import shift_lines
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import MARK, Check, Difference, MaskedLines, Region, Run, Snippet, Verdict
from findings_report.model.finding import Finding, Location
from findings_report.model.redaction import (
    SHORTEST,
    Redaction,
    Redactor,
    TextRedaction,
    list_hidden_texts,
    list_texts,
    redact,
    replace_spans,
)
from findings_report.problems import Kind, Problem, Subject
from findings_report.sourcecode.lines import HASHED, join_runs, squeeze, unite_regions

Span = tuple[int, int]
"""Start and end of a passage in a line, 0-based."""

_ELEMENTS: Final = (
    r"[abipsu]|abbr|article|audio|body|br|button|code|details|div|em|embed|footer|form|h[1-6]|head|header|hr|html|iframe|img|input"
    r"|label|li|link|main|math|meta|nav|object|ol|option|pre|script|section|select|span|strong|style|su[bp]|summary|svg|table|tbody"
    r"|td|template|textarea|th|thead|title|tr|ul|video"
)
"""Elements of HTML, which code has within quotation marks."""
_PLACEHOLDER: Final = re.compile(
    r"(?:\u2588redacted\u2588|"
    r"[<\[{(]\s?(?i:redacted|removed|masked|hidden|censored|sanitized|sanitised|secret|omitted|snip|snipped)\b"
    r"[^<>\[\]{}()\n]{0,40}[>\]})]"
    r"|(?i:\bredacted\b(?! [0-9]{1,9}\u2588)|\bcensored\b)"
    # Stars beside a slash begin or end a comment.
    r"|(?<![/*])[*]{3,}+(?:REMOVED[*]{3,}+)?(?!/)|[\u2022\u25cf\u2588\u2587\u25a0]{3,}+|\b[xX]{4,}+\b"
    rf"|(?<=[\"'`])(?:\.{{3,}}+|\u2026|<(?!(?i:{_ELEMENTS})\b)\w[^<>\"'`\n=]{{0,39}}>)(?=[\"'`]))"
)
"""What authors write for a secret: `REDACTED`, `<redacted>`, `***`, `xxxx`; within quotation marks also `...` and `<key>`."""
_MARKS: Final = re.compile(r"\A(?>(?:[>+|*-]{1,4} ?|[0-9]{1,6}[:.|]? )*)")
"""An author's marks, and a number, before a line of code."""

_NUMBERED: Final = re.compile(r"\u2588redacted ([0-9]{1,9})\u2588")
"""A masked line of the file in a quote that comes from a report, by its number; 0 where it is not known what is masked."""

_UNKNOWN: Final = "\u2588redacted 0\u2588"

_SHORTEST_PART: Final = 3  # letters and digits beside a placeholder that identify a line of the file
_EDITED: Final = 50.0  # likeness, 0 to 100, from which on a quoted line may be a copy of a masked one
_TELLING: Final = 8  # characters of a hidden passage that is masked elsewhere too
_NEAR: Final = HASHED  # lines behind the cited ones that a digest of the first covers, if they have a character each
_MOST: Final = 1_000  # lines of an entry that are listed one by one
_LAST_LINE: Final = 1_000_000  # more than a file that is read has


@dataclass(frozen=True)
class HiddenPassages:
    """What the author hides with placeholders in a quote."""

    quote: str
    """The quote to check: with the text from git in their place, where that is known."""
    spans: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    """By 1-based line of the file, the passages."""
    is_unplaced: bool = False
    """True if the line of a placeholder is not known."""


def keep_masked(quote: str) -> str:
    """Return the quote of a report as a quote to import, of which the masked passages hide nothing else in the code."""
    return quote.replace(MARK, _UNKNOWN)


def find_hidden_passages(quote: str, lines: Sequence[str], cited: Sequence[Region]) -> HiddenPassages:
    """Return what the placeholders of a quote hide in the `lines` of a file, of which the location cites `cited`.

    A mark with a number is that line of the file; whether it is masked say the entries of `redact`.
    """
    quote = _NUMBERED.sub(lambda mark: lines[int(mark[1]) - 1].strip() if 1 <= int(mark[1]) <= len(lines) else mark[0], quote)
    if not _PLACEHOLDER.search(quote):
        return HiddenPassages(quote)
    raw = quote.split("\n")
    verbatim = {squeeze(line) for line in lines}
    spans: dict[int, set[Span]] = defaultdict(set)
    is_unplaced = False
    at = 0
    for line in (line for run in split_runs(quote) for line in run.lines):
        at = next((index for index in range(at, len(raw)) if line.text.strip() in raw[index]), at)
        # A line that is in the file as it was quoted hides nothing: the sign is code. So it is with a remark behind the line.
        text = squeeze(line.text)
        if text in verbatim or all(_is_code(sign, verbatim) for sign in _PLACEHOLDER.finditer(text)):
            continue
        places = _place_hidden(line.text, line.number, lines, cited)
        is_unplaced = is_unplaced or not places
        for number, passages in places.items():
            spans[number].update(passages)
        if len(places) == 1:
            ((number, passages),) = places.items()
            raw[at] = _fill_in(raw[at], [lines[number - 1][start:end] for start, end in passages])
    return HiddenPassages("\n".join(raw), {number: tuple(sorted(each)) for number, each in spans.items()}, is_unplaced)


def _is_code(sign: re.Match[str], lines: AbstractSet[str]) -> bool:
    """Return True for what looks like a placeholder if a line of the file begins as the quoted one does, up to the sign.

    White space is squeezed in the lines and in the quoted one.
    """
    before = _MARKS.sub("", sign.string[: sign.start()])
    copied = (before + sign.string[sign.start() : sign.end() + 1]).rstrip()
    # Of a line that begins with the sign nothing says that it was copied.
    return len(before) > 2 and any(line.startswith(copied) for line in lines)


def _place_hidden(text: str, number: int | None, lines: Sequence[str], cited: Sequence[Region]) -> dict[int, list[Span]]:
    """Return the lines that a quoted line with placeholders may be, with the passages that they hide there."""
    parts = _PLACEHOLDER.split(text)
    if number is not None and 1 <= number <= len(lines) and (passages := _match_parts(parts, lines[number - 1])):
        return {number: passages}
    cited_numbers = [line for region in cited for line in range(region.start_line, min(region.end_line, len(lines)) + 1)]
    for numbers in (cited_numbers, range(1, len(lines) + 1)):
        places = {line: passages for line in numbers if (passages := _match_parts(parts, lines[line - 1]))}
        # Of several cited lines it is not known which is meant, so all are masked; elsewhere that would be a guess.
        if places and (numbers is cited_numbers or len(places) == 1):
            return places
    return {}


def match_printed_line(printed: str, line: str) -> list[Span] | None:
    """Return the passages of `line` in place of which the printed line has MARK; None if it is another line."""
    bare = line.lstrip()
    start = len(line) - len(bare)
    head, *middle, tail = printed.lstrip().split(MARK)
    if not bare.startswith(head) or not bare.endswith(tail) or len(head) + len(tail) > len(bare):
        return None
    at, end = start + len(head), len(line) - len(tail)
    passages: list[Span] = []
    for part in middle:
        stop = line.find(part, at, end)
        if stop < 0:
            return None
        passages.append((at, stop))
        at = stop + len(part)
    return [*passages, (at, end)]


def _match_parts(parts: Sequence[str], line: str) -> list[Span] | None:
    """Return the passages of `line` between the parts of a quoted line; None if it is another line."""
    head, *middle, tail = (part.strip() for part in parts)
    if not any(sum(map(str.isalnum, part)) >= _SHORTEST_PART for part in (head, *middle, tail)):
        return None
    start = line.find(head)
    if start < 0:
        return None
    # Without text before it the passage begins the line.
    at = start + len(head) if head else len(line) - len(line.lstrip())
    passages: list[Span] = []
    for part in middle:
        end = line.find(part, at) if part else at
        if end < 0:
            return None
        passages.append((at, end))
        at = end + len(part)
    end = line.rfind(tail, at) if tail else len(line.rstrip())
    if end < 0 and sum(map(str.isalnum, head)) < _SHORTEST_PART:
        return None
    # An auditor's remark behind the placeholder is not in the file: all that follows is masked.
    passages.append((at, end if end >= 0 else len(line.rstrip())))
    passages = [(begin, stop) for begin, stop in passages if any(map(str.isalnum, line[begin:stop]))]
    return passages or None


def _fill_in(line: str, texts: Sequence[str]) -> str:
    left = iter(texts)
    return _PLACEHOLDER.sub(lambda match: next(left, match[0]), line)


@dataclass(frozen=True)
class RedactedCode:
    """The file of a location as the report may print it."""

    lines: Sequence[str]
    """All lines, masked."""
    regions: tuple[Region, ...]
    """Lines of which something is masked."""
    check: Check
    """The verdict, with its texts masked."""
    texts: frozenset[str] = frozenset()
    """Texts of `redact` that are in the cited lines."""
    hidden: tuple[str, ...] = ()
    """Texts of masked lines that no other place may print either."""
    quote: str | None = None
    """The author's quote, masked where the code is."""
    entries: tuple[MaskedLines, ...] = ()
    """What is masked beside the placeholders of the quote, by line as the location counts it."""
    problems: tuple[Problem, ...] = ()
    """Entries that mask nothing, and placeholders without an entry; subjects are relative to the location."""


def redact_code(
    location: Location, lines: Sequence[str], check: Check, passages: HiddenPassages, redactor: Redactor
) -> RedactedCode:
    """Return the `lines` of a location's file, and the verdict `check` on its quote, as the report may print them.

    `redactor` has the texts of the whole engagement, `passages` is what the quote hides.
    """
    if not (redactor or location.redact or passages.spans or passages.is_unplaced):
        quote = location.quote.replace(_UNKNOWN, MARK) if location.quote else location.quote
        return RedactedCode(lines, (), _redact_check(check, lines, lines, (), set()), quote=quote)
    code = "\n".join(lines)
    cited = _cited_lines(location, check, len(lines))
    whole, problems = _masked_lines(location, check, cited, len(lines))
    if passages.is_unplaced:
        whole |= _unquoted_lines(location, check, lines)
    passages_of: dict[str, list[Span]] = defaultdict(list)
    for text, span in redactor.find_in_code(code):
        passages_of[text].append(span)
    by_text = {text: _spans_by_line(found, lines) for text, found in passages_of.items()}
    texts = {text for text, found in by_text.items() if not cited.isdisjoint(found)}
    spans: dict[int, list[Span]] = {}
    for found in by_text.values():
        _add(spans, found)
    of_printed, unlike = _match_printed_lines(location, lines, check)
    whole |= unlike
    _add(spans, of_printed)
    of_entries, local, faults = _match_entries(location, lines, check, cited)
    problems += faults
    _add(spans, of_entries)
    local += (lines[line - 1][start:end] for line, found in of_printed.items() for start, end in found)
    is_covered = all(
        line in whole or all(any(a <= start and end <= b for a, b in spans.get(line, ())) for start, end in found)
        for line, found in passages.spans.items()
    )
    if (passages.spans or passages.is_unplaced) and not (is_covered and not passages.is_unplaced):
        problems.append(_warn_of_placeholder(passages))
    quoted = [lines[line - 1][start:end] for line, found in passages.spans.items() for start, end in found]
    by_entries = _mask_lines(lines, spans, whole)
    _add(spans, passages.spans)
    masked = _mask_lines(lines, spans, whole)
    hidden = [text for line in sorted(whole) for text in list_hidden_texts(lines[line - 1])]
    hidden += filter(_is_telling, quoted)
    # Of the rest of the file nothing is printed. Marks of moved code may be anywhere in it.
    changed = join_runs(sorted(line for line in {*whole, *spans} if line in cited or check.verdict is Verdict.MOVED))
    own = (redactor, Redactor((*local, *quoted)))
    return RedactedCode(
        masked,
        changed,
        _redact_check(check, lines, masked, own, whole),
        frozenset(texts),
        tuple(dict.fromkeys(hidden)),
        problems=tuple(problems),
        quote=_mask_quote(location.quote, lines, masked, own) if location.quote else location.quote,
        entries=(*_list_masked(lines, by_entries, whole, changed, check), *_list_beside(spans, cited)),
    )


def _match_entries(
    location: Location, lines: Sequence[str], check: Check, cited: set[int]
) -> tuple[dict[int, list[Span]], list[str], list[Problem]]:
    """Return what entries with a text mask in the lines that they name, these texts, and a problem for each without effect."""
    code = "\n".join(lines)
    spans: dict[int, list[Span]] = {}
    texts: list[str] = []
    problems: list[Problem] = []
    for index, entry in enumerate(location.redact):
        if entry.match is None or entry.is_printed_line:
            continue
        within = _spans_by_line(Redactor((entry.match,)).find_verbatim(code), lines)
        if entry.lines:
            within = {line: found for line, found in within.items() if line in _shifted(entry.lines, check, len(lines))}
            texts.append(entry.match)
            _add(spans, within)
        if (fault := _explain_absence(entry, location, within, cited, code, lines)) is not None:
            problems.append(_masks_nothing(*fault, ("redact", index)))
    return spans, texts, problems


def _match_printed_lines(location: Location, lines: Sequence[str], check: Check) -> tuple[dict[int, list[Span]], set[int]]:
    """Return the passages of entries with a printed line, by line, and the lines that do not fit."""
    spans: dict[int, list[Span]] = {}
    unlike: set[int] = set()
    for entry in location.redact:
        for line in _shifted(entry.lines, check, len(lines)) if entry.is_printed_line else ():
            # If the line is another one by now, it is not known what of it is to be hidden.
            if (passages := match_printed_line(entry.match or "", lines[line - 1])) is None:
                unlike.add(line)
            else:
                spans.setdefault(line, []).extend(passages)
    return spans, unlike


def _list_masked(
    lines: Sequence[str], masked: Sequence[str], whole: set[int], changed: Sequence[Region], check: Check
) -> Iterator[MaskedLines]:
    """Yield the masked lines among `changed` as entries of `redact`, which mask the same without naming it."""
    claimed: dict[int | None, int] = {}
    if check.verdict is Verdict.MOVED:
        shift = shift_lines(check)
        last = max((region.end_line for region in check.claimed), default=0)
        claimed = {shift(line): line for line in range(1, max(len(lines), last) + 1)}
    listed = sorted(claimed.get(number, number) for number in _numbers(changed, len(lines)) if number in whole)
    for number in _numbers(changed, len(lines)):
        if number not in whole and masked[number - 1] != lines[number - 1]:
            authored = claimed.get(number, number)
            yield MaskedLines(lines=(Region(start_line=authored, end_line=authored),), match=masked[number - 1].lstrip())
    if listed:
        yield MaskedLines(lines=join_runs(listed))


def _list_beside(spans: Iterable[int], cited: set[int]) -> Iterator[MaskedLines]:
    """Yield the masked lines close to the cited ones: a digest of the cited code covers them as well, and their text is not
    the report's."""
    near = (line for line in sorted(set(spans) - cited) if cited and min(cited) < line <= max(cited) + _NEAR)
    yield from (MaskedLines(lines=(Region(start_line=line, end_line=line),), match=MARK) for line in near)


def _mask_quote(quote: str, lines: Sequence[str], masked: Sequence[str], own: Sequence[Redactor]) -> str:
    """Return the author's quote in its own layout, without what the report masks in the lines of the file.

    A line of the file becomes a mark with its number, by which another check reads it from there.
    """
    from rapidfuzz import fuzz

    changed = {at: squeeze(old) for at, (old, new) in enumerate(zip(lines, masked, strict=True), 1) if old != new}
    plain = {squeeze(old) for old, new in zip(lines, masked, strict=True) if old == new} if changed else set()
    bodies = sorted(((body, number) for number, body in changed.items()), key=lambda body: -len(body[0]))
    by_text = dict(bodies)
    raw = quote.split("\n")
    at = 0
    for line in (line for run in split_runs(quote) for line in run.lines) if bodies else ():
        bare, key = line.text.strip(), squeeze(line.text)
        at = next((index for index in range(at, len(raw)) if bare in raw[index]), at)
        if not key or key in plain:
            continue
        if (number := line.number if changed.get(line.number or 0) == key else by_text.get(key)) is not None:
            raw[at] = raw[at].replace(bare, f"\u2588redacted {number}\u2588")
            continue
        within = next(((body, number) for body, number in bodies if len(body) >= SHORTEST and body in bare), None)
        if within is not None:
            raw[at] = raw[at].replace(within[0], f"\u2588redacted {within[1]}\u2588")
        # An edited copy of a masked line may have the same secret.
        elif (
            not _PLACEHOLDER.search(bare)
            and not any(key in text or (len(text) >= _TELLING and text in key) for text in plain)
            and any(fuzz.ratio(key, body) >= _EDITED for body, _ in bodies)
        ):
            raw[at] = raw[at].replace(bare, MARK)
    text = "\n".join(raw).replace(_UNKNOWN, MARK)
    return replace_spans(text, [span for redactor in own for span in redactor.find_verbatim(text)])


def _is_telling(text: str) -> bool:
    return len(text) >= _TELLING and not any(map(str.isspace, text))


def _cited_lines(location: Location, check: Check, count: int) -> set[int]:
    """Return the lines that a location may print or follow; of a file that is cited as a whole, all."""
    regions = (*location.lines, *check.found, *check.claimed, *location.show, *location.highlight)
    marked = {line for line in location.notes if line <= count}
    return {*_numbers(regions, count), *marked} if location.lines or check.found or check.claimed else set(range(1, count + 1))


def _numbers(regions: Iterable[Region], count: int) -> Iterator[int]:
    return (line for region in regions for line in range(region.start_line, min(region.end_line, count) + 1))


def _shifted(regions: Iterable[Region], check: Check, count: int) -> set[int]:
    """Return the lines that `regions` name, where they are in the file; of a moved quote, which lines they are there."""
    shift: Callable[[int], int | None] = shift_lines(check) if check.verdict is Verdict.MOVED else lambda line: line
    shifted = [shift(line) for line in _numbers(regions, _LAST_LINE if check.verdict is Verdict.MOVED else count)]
    if None in shifted:
        # It is not known where they are now: every line of the quote may be one of them.
        return set(_numbers(check.found, count))
    return {line for line in shifted if line is not None and 1 <= line <= count}


def _masked_lines(location: Location, check: Check, cited: set[int], count: int) -> tuple[set[int], list[Problem]]:
    """Return the lines that are masked as a whole, and a problem for each entry that names none of the cited lines."""
    whole: set[int] = set()
    problems: list[Problem] = []
    for index, entry in enumerate(location.redact):
        if not entry.lines:
            continue
        named = _shifted(entry.lines, check, count)
        if entry.match is None:
            whole |= named
        # An entry with a printed line comes from a report, which may print lines beside the cited ones.
        if not named & cited and not entry.is_printed_line:
            listed = ", ".join(map(str, entry.lines))
            regions = ", ".join(map(str, join_runs(sorted(cited)))) or "none"
            fault = (
                f"masks nothing: line{'' if listed.isdigit() else 's'} {listed} {'is' if listed.isdigit() else 'are'} not cited"
            )
            problems.append(_masks_nothing(fault, f"name lines within {regions}, or remove the entry", ("redact", index)))
    return whole, problems


def _unquoted_lines(location: Location, check: Check, lines: Sequence[str]) -> set[int]:
    """Return the cited lines that the quote does not repeat: any of them may be the one of which it hides a part."""
    shown = {squeeze(line.text) for run in split_runs(location.quote or "") for line in run.lines}
    return {line for line in _cited_lines(location, check, len(lines)) if squeeze(lines[line - 1]) not in shown}


def _spans_by_line(spans: Iterable[Span], lines: Sequence[str]) -> dict[int, list[Span]]:
    """Return passages of the joined lines by 1-based line; the indentation of later lines is no part of a passage."""
    by_line: dict[int, list[Span]] = defaultdict(list)
    ordered = sorted(spans)
    at, number = 0, 0
    for start, end in ordered:
        while number < len(lines) and at + len(lines[number]) < start:
            at += len(lines[number]) + 1
            number += 1
        offset, line = at, number
        while line < len(lines) and offset < end:
            begin, stop = max(start - offset, 0), min(end - offset, len(lines[line]))
            begin += len(lines[line][begin:stop]) - len(lines[line][begin:stop].lstrip())
            if begin < stop:
                by_line[line + 1].append((begin, stop))
            offset += len(lines[line]) + 1
            line += 1
    return by_line


def _add(spans: dict[int, list[Span]], more: Mapping[int, Sequence[Span]]) -> None:
    for line, found in more.items():
        spans.setdefault(line, []).extend(found)


def _mask_lines(lines: Sequence[str], spans: Mapping[int, Sequence[Span]], whole: set[int]) -> tuple[str, ...]:
    masked = list(lines)
    for number, found in spans.items():
        masked[number - 1] = replace_spans(lines[number - 1], found)
    for number in whole:
        masked[number - 1] = mask_line(lines[number - 1])
    return tuple(masked)


def mask_line(line: str) -> str:
    """Return a line with all but its indentation masked; a blank one is returned unchanged."""
    bare = line.lstrip()
    return line[: len(line) - len(bare)] + MARK if bare else line


def _redact_check(check: Check, lines: Sequence[str], masked: Sequence[str], own: Sequence[Redactor], whole: set[int]) -> Check:
    """Return a verdict with the texts of its differences masked."""

    def mask(difference: Difference) -> Difference:
        line = difference.line
        actual = difference.actual
        if actual is not None and line is not None and masked[line - 1] != lines[line - 1]:
            actual = masked[line - 1].strip()
        text = difference.quoted.replace(_UNKNOWN, MARK) if difference.quoted is not None else None
        quoted = replace_spans(text, [span for redactor in own for span in redactor.find(text)]) if text is not None else None
        # A quoted line without its own line in the file may be the author's copy of a masked one.
        if quoted is not None and (line in whole or (line is None and whole)):
            quoted = mask_line(quoted)
        return difference.model_copy(update={"quoted": quoted, "actual": actual})

    if not check.differences:
        return check
    return check.model_copy(update={"differences": tuple(map(mask, check.differences))})


@dataclass(frozen=True)
class RedactedQuote:
    """An author's own lines, which are printed where git's are not known, as the report may print them."""

    runs: tuple[Run, ...]
    """The lines, masked."""
    hidden: tuple[str, ...]
    """Texts of masked lines, which no other place may print either."""
    quote: str | None
    """The quote in the author's layout, masked."""
    entries: tuple[MaskedLines, ...]
    """The masks that are known by line."""


def redact_quote(location: Location, redactor: Redactor) -> RedactedQuote:
    """Return the author's quote as the report may print it where git's lines are not known."""
    runs = split_runs(_NUMBERED.sub(MARK, location.quote)) if location.quote else ()
    own = Redactor(tuple(entry.match for entry in location.redact if entry.match is not None and not entry.is_printed_line))
    lines = [line for run in runs for line in run.lines]
    texts = [line.text for line in lines]
    joined = "\n".join(texts)
    spans = _spans_by_line([*redactor.find_verbatim(joined), *own.find_verbatim(joined)], texts)
    masked = _mask_lines(texts, spans, set())
    hidden: list[str] = []
    if regions := [region for entry in location.redact if entry.match is None for region in entry.lines]:
        numbers = _number_quote([line.number for line in lines], location)
        # Of a line without a number it is not known whether it is one of those.
        is_hidden = [number is None or any(number in region for region in regions) for number in numbers]
        hidden = [part for text, whole in zip(texts, is_hidden, strict=True) if whole for part in list_hidden_texts(text)]
        masked = tuple(mask_line(text) if whole else text for text, whole in zip(masked, is_hidden, strict=True))
    left = iter(masked)
    printed = tuple(Run(lines=tuple(line.model_copy(update={"text": next(left)}) for line in run.lines)) for run in runs)
    quote = location.quote.replace(_UNKNOWN, MARK) if location.quote else location.quote
    if quote and (redactor or location.redact):
        # The lines of the quote have no numbers of the file: without it, they stay masked.
        raw = quote.split("\n")
        at = 0
        for old, new in zip(texts, masked, strict=True):
            at = next((index for index in range(at, len(raw)) if old.strip() in raw[index]), at)
            raw[at] = raw[at].replace(old.strip(), new.strip()) if old != new else raw[at]
        quote = _mask_quote("\n".join(raw), (), (), (redactor, own))
    # Where the code is read later, a text of which only the author knows has to be masked all the same: its whole line.
    entries: list[MaskedLines] = []
    for entry in location.redact:
        if entry.match is None:
            entries.append(MaskedLines(lines=entry.lines))
            continue
        printed_line = entry.match if entry.is_printed_line else MARK
        named = islice(_numbers(entry.lines, _LAST_LINE), _MOST)
        entries += (MaskedLines(lines=(Region(start_line=line, end_line=line),), match=printed_line) for line in named)
    return RedactedQuote(printed, tuple(dict.fromkeys(hidden)), quote, tuple(entries))


def _number_quote(numbers: Sequence[int | None], location: Location) -> Sequence[int | None]:
    """Return the numbers of a quote's lines; without any, those of the one range that the location cites, if it fits."""
    if any(number is not None for number in numbers) or len(location.lines) != 1:
        return numbers
    (region,) = location.lines
    is_fitting = region.end_line - region.start_line + 1 == len(numbers)
    return range(region.start_line, region.end_line + 1) if is_fitting else numbers


def redact_snippet(snippet: Snippet, redactor: Redactor, lines: Sequence[str] = ()) -> Snippet:
    """Return a snippet without the texts of other places; the lines that this masks are added to `redacted`.

    `lines` are those of its file, masked as its location says.
    """
    masked = redact(_number_masked(snippet, lines, redactor), redactor)
    if masked is snippet:
        return snippet
    pairs = [
        (old, new)
        for run, other in zip(snippet.runs, masked.runs, strict=True)
        for old, new in zip(run.lines, other.lines, strict=True)
    ]
    changed = join_runs(sorted({old.number for old, new in pairs if old.text != new.text and old.number is not None}))
    # A digest of the true text would let a reader try candidates for the masked part.
    return (
        masked.model_copy(
            update={
                "redacted": unite_regions(changed, snippet.redacted),
                "fingerprints": (),
                "line_hash": None,
                "end_columns": (),
            }
        )
        if changed
        else masked
    )


def _number_masked(snippet: Snippet, lines: Sequence[str], redactor: Redactor) -> Snippet:
    """Return a snippet with marks in the author's quote for those of the file's `lines` that are masked now."""
    if snippet.authored is None or not snippet.authored.quote or not redactor.find(snippet.authored.quote):
        return snippet
    quoted = "\n".join(squeeze(line.text) for run in split_runs(snippet.authored.quote) for line in run.lines)
    masked = [redactor.mask(line) if squeeze(line) in quoted else line for line in lines]
    quote = _mask_quote(snippet.authored.quote, lines, masked, ())
    return snippet.model_copy(update={"authored": snippet.authored.model_copy(update={"quote": quote})})


def check_text_entries(
    engagement: Engagement, findings: Mapping[str, Finding], texts: Mapping[str, frozenset[str]], unread: frozenset[str]
) -> Iterator[Problem]:
    """Yield an error for each `redact` entry of a finding or an engagement whose text is nowhere.

    `texts` are those in the cited code, by finding; `unread` are the findings of which some code is not known.
    """
    everywhere = frozenset().union(*texts.values())
    for key, finding in findings.items():
        written = _list_written(finding, finding.redact) if key not in unread else set()
        for index, entry in enumerate(finding.redact):
            if key not in unread and entry.match not in texts.get(key, ()) and entry.match not in written:
                fault = "masks nothing: the text is neither in the finding nor in the code that it cites"
                yield _masks_nothing(fault, _CHECK_TEXT, (key, "redact", index))
    written = _list_written((engagement, *findings.values()), engagement.redact) if not unread else set()
    for index, entry in enumerate(engagement.redact):
        if not unread and entry.match not in everywhere and entry.match not in written:
            fault = "masks nothing: the text is nowhere in the report"
            yield _masks_nothing(fault, _CHECK_TEXT, ("engagement", "redact", index))


_CHECK_TEXT: Final = "copy the text exactly, or remove the entry; an entry without effect hides that something is printed"


def _list_written(value: object, entries: Sequence[TextRedaction]) -> set[str]:
    """Return the texts of entries that are in what people wrote."""
    redactor = Redactor(tuple(entry.match for entry in entries))
    return {text for _, written in list_texts(value) for text in redactor.list_written(written)} if redactor else set()


def _explain_absence(
    entry: Redaction,
    location: Location,
    within: Mapping[int, object],
    cited: set[int],
    code: str,
    lines: Sequence[str],
) -> tuple[str, str] | None:
    """Return fault and remedy of an entry whose text is not in the cited lines, the quote or the notes; None if it is."""
    text = entry.match or ""
    if any(line in cited for line in within) or (not entry.lines and _list_written(location, [TextRedaction(match=text)])):
        return None
    where = "the named lines" if entry.lines else "the cited lines, the quote or the notes"
    fault = f"masks nothing: the text is not in {where}"
    elsewhere = [*_spans_by_line(Redactor((text,)).find_verbatim(code), lines)]
    if elsewhere:
        return fault, f"the text is in line {elsewhere[0]} of {location.path}: correct `lines`, or remove the entry"
    if folded := [*_spans_by_line(Redactor((text.casefold(),)).find_verbatim(code.casefold()), lines)]:
        return fault, f"line {folded[0]} of {location.path} has the text in other case: copy it exactly"
    return fault, _CHECK_TEXT


def _masks_nothing(fault: str, remedy: str, subject: Subject) -> Problem:
    return Problem(Kind.INPUT, fault, remedy, subject=subject, code="redact-nothing")


def _warn_of_placeholder(passages: HiddenPassages) -> Problem:
    lines = ", ".join(map(str, join_runs(sorted(passages.spans))))
    if passages.is_unplaced:
        fault = "the quote hides text, and it is not known in which line: the lines that it does not show are masked"
        remedy = "name the lines in `redact`, as in `redact: [{lines: 14}]`"
        return Problem(Kind.SOURCE, fault, remedy, subject=("quote",), level="warning", code="quote-hides")
    is_one = lines.isdigit()
    fault = f"the quote hides a part of line{'' if is_one else 's'} {lines}; the report masks the same part"
    named = lines if is_one else f"[{lines}]"
    remedy = f"write `redact: [{{lines: {named}}}]` to mask all of it, or quote the code unchanged"
    return Problem(Kind.SOURCE, fault, remedy, subject=("quote",), level="warning", code="quote-hides")
