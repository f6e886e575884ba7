"""The words of a report for values: statuses, verdicts, days, line ranges. One place for all formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from findings_report.model.comparison import (
    CodeState,
    ComparedFinding,
    ComparisonSide,
    FixState,
    count_places,
)
from findings_report.model.drift import Drift, DriftKind, Spot
from findings_report.model.evidence import Check, Region, Snippet, Verdict
from findings_report.model.translation import Translation
from findings_report.sourcecode.lines import join_runs

_ACRONYMS: Final = frozenset({"api", "dns", "ip", "uri", "url"})

VERDICT_WORDS: Final[dict[Verdict, str]] = {
    Verdict.EXACT: "quote verified",
    Verdict.WHITESPACE: "quote verified (whitespace differs)",
    Verdict.PARTIAL: "quote verified (part of the line)",
    Verdict.ELIDED: "quote verified (excerpt)",
    Verdict.ANNOTATED: "quote verified (annotations ignored)",
    Verdict.COMMENTS: "quote verified (comments differ)",
    Verdict.EDITED: "quote differs from the repository",
    Verdict.MOVED: "quote found at other lines",
    Verdict.NOT_FOUND: "not found as quoted",
    Verdict.UNCHECKED: "not verified",
    Verdict.NONE: "lines taken from the repository",
}
"""Each verdict in the words of a caption."""

GRADE_WORDS: Final[dict[Verdict, str]] = {
    Verdict.WHITESPACE: "whitespace differs",
    Verdict.PARTIAL: "part of the line",
    Verdict.ELIDED: "excerpt",
    Verdict.ANNOTATED: "annotations ignored",
    Verdict.COMMENTS: "comments differ",
    Verdict.EDITED: "quote differs from the repository",
}
"""How the text of a quote at other lines differs."""


def words(value: str, translation: Translation) -> str:
    """Return a value of the data as a reader sees it: `partially_resolved` is "Partially resolved", `url` is "URL"."""
    if value.casefold() in _ACRONYMS:
        return value.upper()
    text = translation.name(value)
    return text[:1].upper() + text[1:]


def ticket_address(ref: str) -> str | None:
    """Return the web address in a ticket ref, `https://...` or `jira:https://...`; None when there is none."""
    # Only web addresses become links: a key such as SEC-12 has no address without the configuration of its tracker.
    candidates = (ref, ref.partition(":")[2])
    return next((text for text in candidates if text.lower().startswith(("https://", "http://"))), None)


def citation(snippet: Snippet) -> str:
    """Return path and lines of a snippet: `path#L111-L129`."""
    return snippet.path + (f"#{anchor(snippet.regions)}" if snippet.regions else "")


def anchor(regions: tuple[Region, ...]) -> str:
    """Return line ranges as `L111-L129,L140`."""
    return ",".join(
        f"L{region.start_line}" if region.start_line == region.end_line else f"L{region.start_line}-L{region.end_line}"
        for region in regions
    )


def line_list(regions: tuple[Region, ...], translation: Translation) -> str:
    """Return line ranges in words: `line 121`, `lines 111-129, 140`."""
    lines = ", ".join(str(region) for region in regions)
    is_one = len(regions) == 1 and regions[0].start_line == regions[0].end_line
    return translation.gettext("line {lines}", lines=lines) if is_one else translation.gettext("lines {lines}", lines=lines)


def verdict(check: Check, translation: Translation) -> str:
    """Return the verdict on a quote in words, with what a reader needs to judge it."""
    _ = translation.gettext
    words = _(VERDICT_WORDS[check.verdict])
    match check.verdict:
        case Verdict.MOVED:
            if check.claimed:
                words = _("quote found at other lines, not at {lines}", lines=line_list(check.claimed, translation))
            if check.text is None or check.text is Verdict.EXACT:
                return words
            return _("{verdict} ({grade})", verdict=words, grade=_(GRADE_WORDS[check.text]))
        case Verdict.EDITED:
            return _("quote differs from the repository; the repository's lines are printed")
        case Verdict.NOT_FOUND:
            return _not_found(check, translation)
        case Verdict.UNCHECKED:
            # Reports that were written before 0.2.0 have no reason: the repository was the only one.
            return _("not verified: {reason}", reason=_(check.reason or "repository not available"))
    if check.outside:
        outside = set(_numbers(check.outside))
        cited = join_runs(line for line in _numbers(check.found) if line not in outside)
        if not cited:
            return _("{verdict}; other lines than those cited", verdict=words)
        return _("{verdict}; {lines} cited, the rest is context", verdict=words, lines=line_list(cited, translation))
    return words


def _not_found(check: Check, translation: Translation) -> str:
    _ = translation.gettext
    places = ", ".join(f"{place.path}#{anchor((place.region,))}" for place in check.elsewhere)
    if check.reason:
        reason = _(check.reason)
        if places:
            return _("not found: {reason}; quote found at {places}", reason=reason, places=places)
        return _("not found: {reason}", reason=reason)
    if check.also:
        return _("not found as quoted at these lines; found at {lines}", lines=line_list(check.also, translation))
    if places:
        return _("not found as quoted in this file at this commit; found at {places}", places=places)
    if check.closest:
        lines = line_list((check.closest,), translation)
        return _("not found as quoted in this file at this commit; closest at {lines}", lines=lines)
    return _("not found as quoted in this file at this commit")


def _numbers(regions: Iterable[Region]) -> Iterator[int]:
    return (line for region in regions for line in range(region.start_line, region.end_line + 1))


DRIFT_WORDS: Final[dict[DriftKind, str]] = {
    DriftKind.UNCHANGED: "unchanged",
    DriftKind.MOVED: "moved, text identical",
    DriftKind.RENAMED: "file renamed, text identical",
    DriftKind.MOVED_FILE: "moved to another file, text identical",
    DriftKind.REFORMATTED: "reformatted, only whitespace differs",
    DriftKind.MODIFIED: "modified",
    DriftKind.DELETED: "deleted",
    DriftKind.AMBIGUOUS: "found in more than one place",
    DriftKind.UNVERIFIABLE: "could not be compared",
}
"""Each drift in words."""


def drift(drift: Drift, translation: Translation) -> str:
    """Return what happened to a region in words, with what a reader needs to judge it."""
    _ = translation.gettext
    words = _describe_modified(drift, translation) if drift.kind is DriftKind.MODIFIED else [_(DRIFT_WORDS[drift.kind])]
    if drift.surroundings_changed:
        words.append(_("surrounding code changed"))
    if drift.partly_moved is not None:
        words.append(_("a part moved to {place}", place=spot(drift.partly_moved)))
    if copies := [spot(place) for place in drift.also_at if place.is_new]:
        words.append(_("a new copy is at {places}", places=", ".join(copies)))
    if copies := [spot(place) for place in drift.also_at if not place.is_new]:
        words.append(_("a copy is at {places}", places=", ".join(copies)))
    if drift.candidates:
        words.append(_("possibly {places}", places=", ".join(spot(place) for place in drift.candidates)))
    if drift.closest is not None:
        share = translation.percent(drift.closest.similarity)
        words.append(_("closest match at {place} ({share} similar)", place=spot(drift.closest), share=share))
    if drift.reason is not None:
        words.append(_(drift.reason))
    return "; ".join(words)


def _describe_modified(drift: Drift, translation: Translation) -> list[str]:
    _ = translation.gettext
    quoted = [new for _line, new in drift.quoted]
    kept = sum(1 for new in quoted if new is not None)
    modified = _(DRIFT_WORDS[drift.kind])
    if drift.only_white_space and drift.quoted_intact:
        return [modified, _("only whitespace differs, all quoted lines remain")]
    if drift.only_white_space:
        return [modified, _("only whitespace differs")]
    # Exactly 1: a share that only rounds to 100% has lost a line.
    if drift.surviving == 1 and kept == len(quoted):
        return [_("lines added"), _("all cited lines remain")]
    share = translation.percent(drift.surviving)
    if not quoted:
        return [modified, _("{share} of the cited lines remain", share=share)]
    if drift.quoted_intact:
        return [modified, _("{share} of the cited lines remain, including all quoted lines", share=share)]
    counts = {"kept": kept, "quoted": len(quoted)}
    return [modified, _("{share} of the cited lines and {kept} of {quoted} quoted lines remain", share=share, **counts)]


FIX_WORDS: Final[dict[FixState, str]] = {
    FixState.BETWEEN: "was made between the two reports",
    FixState.REBASED: "came in under another hash",
    FixState.BEFORE: "is already in the baseline",
    FixState.OUTSIDE: "is not in the history of the current commit",
    FixState.MISSING: "is not in the repository",
    FixState.UNVERIFIABLE: "could not be looked up",
}
"""What git reports about a commit named as the fix, in words."""


CODE_WORDS: Final[dict[CodeState, str]] = {
    CodeState.NONE: "no code cited",
    CodeState.EQUAL: "unchanged",
    CodeState.AROUND: "unchanged, surrounding code changed",
    CodeState.INTACT: "modified, every quoted line intact",
    CodeState.MODIFIED: "modified",
    CodeState.DELETED: "deleted",
    CodeState.UNPLACED: "could not be located",
}
"""What happened to the cited code as a whole; of `mixed`, `count_places` says more."""


def code(compared: ComparedFinding, translation: Translation) -> str:
    """Return what happened to all cited code of a finding, for a narrow column."""
    if compared.code is CodeState.MIXED:
        return count_places(compared.evidence, translation, is_short=True)
    return translation.gettext(CODE_WORDS[compared.code])


def side(side: ComparisonSide, translation: Translation) -> str:
    """Return the shortest name of a side: its version, else its day, else its source."""
    if side.version:
        return translation.gettext("version {version}", version=side.version)
    return side.date.isoformat() if side.date else side.source


def cited(drift: Drift) -> str:
    """Return the region as it was cited: `path#L111-L129`, or the path of a file that is cited as a whole."""
    return drift.path if drift.is_whole_file else f"{drift.path}#{anchor((drift.region,))}"


def spot(place: Spot) -> str:
    """Return a location at the other commit: `path#L111-L129`."""
    return f"{place.path}#{anchor((place.region,))}"


def balance(text: str, width: int) -> int:
    """Return the least number of characters per line in which `text` needs no more lines than in `width`."""

    def lines(limit: int) -> int:
        count, room = 1, limit
        for word in text.split():
            if len(word) > room and room < limit:
                count, room = count + 1, limit
            room -= len(word) + 1
        return count

    needed = lines(width)
    longest = min(width, max(map(len, text.split()), default=width))
    return next((limit for limit in range(longest, width) if lines(limit) <= needed), width)
