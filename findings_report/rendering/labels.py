"""The words of a report for values: statuses, verdicts, days, line ranges; and colours. One place for all formats."""

from __future__ import annotations

import re
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
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")

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


def blend(colour: str, other: str, share: float) -> str:
    """Return `colour` with `share` (0 to 1) of `other` in it, as `#rrggbb`. Raises ValueError for any other notation."""
    first, second = _channels(colour), _channels(other)
    mixed = [round(a + (b - a) * share) for a, b in zip(first, second, strict=True)]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def ensure_contrast(colour: str, background: str, least: float = 4.5) -> str:
    """Return `colour`, made lighter or darker until its contrast on `background` is `least` (4.5 for text; WCAG 2.2, 1.4.3).

    Hue is kept, and as much chroma as the screen can show: a blue made lighter by white looks grey beside other text.
    """
    if contrast(colour, background) >= least:
        return colour
    # Above this luminance black has more contrast than white: (x + 0.05) / 0.05 = 1.05 / (x + 0.05) at x = 0.179.
    furthest = 0.0 if _luminance(background) > 0.18 else 1.0
    lightness, a, b = _to_oklab(colour)
    for step in range(1, 50):
        tried = _from_oklab(lightness + (furthest - lightness) * step / 50, a, b)
        if contrast(tried, background) >= least:
            return tried
    return "#ffffff" if furthest else "#000000"


def _to_oklab(colour: str) -> tuple[float, float, float]:
    """Return lightness (0 to 1) and the two axes of colour. Source: Björn Ottosson, "A perceptual color space", 2020."""
    red, green, blue = _linear_channels(colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> str:
    """Return the colour as `#rrggbb`, with less chroma where a screen cannot show as much at this lightness."""
    for step in range(21):
        share = 1 - step / 20
        long = (lightness + share * (0.3963377774 * a + 0.2158037573 * b)) ** 3
        medium = (lightness + share * (-0.1055613458 * a - 0.0638541728 * b)) ** 3
        short = (lightness + share * (-0.0894841775 * a - 1.2914855480 * b)) ** 3
        linear = (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
        if all(-0.001 <= channel <= 1.001 for channel in linear):
            break
    clipped = [min(1.0, max(0.0, channel)) for channel in linear]
    encoded = [12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055 for channel in clipped]
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in encoded)


def _channels(colour: str) -> tuple[int, int, int]:
    if not _COLOUR.match(colour):
        raise ValueError(f"{colour!r} is not a colour as '#rrggbb'")
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _linear_channels(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue in proportion to light. Source: WCAG 2.2, definition of relative luminance."""
    shares = (channel / 255 for channel in _channels(colour))
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return red, green, blue


def _luminance(colour: str) -> float:
    """Return the relative luminance. Source: WCAG 2.2, definition of relative luminance."""
    red, green, blue = _linear_channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 to 21. Source: WCAG 2.2, definition of contrast ratio."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
