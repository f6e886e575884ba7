"""Suggestions for what a user probably meant: similar words, synonyms, lines and paths in other notations.

Pure functions, for remedies only: a value is never replaced by its suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import Any, Final

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "affected": ("target", "targets", "asset", "assets", "url", "host"),
    "authors": ("author", "auditors", "auditor"),
    "commit": ("sha", "hash", "commit_hash", "commit_id"),
    "confidence": ("certainty",),
    "cvss": ("cvss_vector", "cvss3", "cvss31", "cvss4", "cvss_v3", "cvss_v4", "vector"),
    "cwe": ("cwes", "cwe_id", "weakness", "weaknesses"),
    "description": ("details", "detail", "body", "text", "content"),
    "difficulty": ("exploitability", "effort"),
    "extra": ("custom", "metadata", "custom_fields"),
    "fields": ("custom_fields", "custom_field", "finding_fields"),
    "highlight": ("highlights", "mark", "emphasis"),
    "impact": ("consequence", "consequences"),
    "lines": ("line", "range", "region", "start_line", "line_number", "line_numbers"),
    "locations": ("evidence", "code", "snippet", "snippets", "excerpt", "occurrences", "files"),
    "notes": ("annotations", "comments", "remarks"),
    "path": ("file", "filename", "file_name", "filepath"),
    "proof": ("poc", "proof_of_concept", "reproduction", "steps_to_reproduce"),
    "quote": ("code", "snippet", "excerpt", "source", "content"),
    "recommendation": ("remediation", "mitigation", "solution", "recommendations", "remedy", "advice", "fix_recommendation"),
    "references": ("reference", "links", "urls", "refs", "see_also"),
    "repositories": ("repository", "repos", "repo"),
    "repository": ("repo", "project"),
    "response": ("client_response", "management_response", "comment"),
    "revision": ("ref", "tag", "branch"),
    "scenario": ("exploit", "attack", "exploit_scenario", "attack_scenario"),
    "severity": ("risk", "priority", "criticality", "level"),
    "status": ("state", "resolution", "disposition"),
    "symbol": ("function", "method", "class"),
    "title": ("name", "summary_line", "headline"),
    "tickets": ("issue", "issues", "ticket", "jira"),
}
"""The name of a field, with the names that other tools use."""

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "open": ("new", "reported", "todo", "active", "unresolved", "unfixed"),
    "acknowledged": ("acknowledge", "ack", "noted"),
    "partially_resolved": ("partial", "partially_fixed", "partially_mitigated"),
    "resolved": ("fixed", "done", "mitigated", "remediated", "corrected"),
    "risk_accepted": ("accepted", "wontfix", "wont_fix", "won't_fix", "accept"),
    "false_positive": ("fp", "invalid", "not_a_bug", "notabug", "no_issue", "rejected"),
    "undetermined": ("unknown", "unclear", "needs_review"),
    "critical": ("blocker", "severe", "urgent"),
    "high": ("major", "important"),
    "medium": ("moderate", "normal"),
    "low": ("minor", "trivial"),
    "informational": ("note", "notice", "none", "best_practice"),
    "confirmed": ("certain", "proven"),
    "likely": ("probable", "firm"),
    "unconfirmed": ("tentative", "possible"),
    "md": ("markdown",),
    "html": ("htm", "web"),
}
"""A value, with the words that other tools use for the same thing."""

_SHAPES: Final[Mapping[str, str]] = {
    "affected": "write `- {kind: url, name: ...}`",
    "fix": "write `fix: {commits: [...]}`, or `fix: {note: ...}`",
    "period": "write `period: {start: YYYY-MM-DD, end: YYYY-MM-DD}`",
    "rating": "write `rating: {impact: high, likelihood: medium}`, or `severity` for one word",
}
"""The form of a value with fields, for those that are often written as one word."""

_SHORTEST_START: Final = 3  # two letters begin too many words
_MOST_LISTED: Final = 8  # more than a line or two is not read
_LINES: Final = re.compile(r"(?:lines?\s*)?#?L?([0-9]{1,9})(?:\s*(?:-|:|\.{2,3}|[–—‒−]|to)\s*#?L?([0-9]{1,9}))?", re.IGNORECASE)


def did_you_mean(value: str, words: Iterable[str]) -> str | None:
    """Return `did you mean 'high'?` if one of `words` is similar to `value`, starts with it, or is a synonym."""
    near = nearest(value, words)
    return f"did you mean {near!r}?" if near is not None else None


def nearest(value: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that `value` probably means; None if there is none."""
    from rapidfuzz.distance import OSA  # swapped neighbours count as one slip; imported when there is a fault to explain

    known = list(words)
    slips = {word: OSA.distance(value.casefold(), word.casefold()) for word in known}
    near = min(slips, key=lambda word: slips[word], default=None)
    # One slip per three characters: with more, almost every short word is similar to another.
    if near is not None and slips[near] <= max(1, len(value) // 3):
        return near
    starting = [word for word in known if word.casefold().startswith(value.casefold())]
    if len(starting) == 1 and len(value) >= _SHORTEST_START:
        return starting[0]
    return _ours(value, WORDS, known)


def field(name: str, known: Collection[str]) -> str | None:
    """Return the remedy for an unknown field: a similar name or a synonym among `known`; None if there is none."""
    # Before the search for similar words: `score` is no slip of the keyboard, and its value cannot be kept.
    if name.casefold() in ("cvss_score", "score", "base_score") and "cvss" in known:
        return "write the vector under `cvss`: the score is computed"
    if name.casefold() == "id" and "aliases" in known:
        return "remove it: the id is the name of the file"
    if (ours := _ours(name, FIELDS, known)) is not None:
        return f"write `{ours}`"
    own = "declare a custom field under `fields` in engagement.yaml, and write it under `extra`"
    return did_you_mean(name, known) or (own if "extra" in known else None)


def _ours(value: str, synonyms: Mapping[str, tuple[str, ...]], known: Collection[str]) -> str | None:
    bare = re.sub(r"[\s_-]+", "_", value.strip().casefold())
    return next((word for word, others in synonyms.items() if word in known and bare in others), None)


def status(value: str) -> str | None:
    """Return the remedy for a status that is not specific enough; None to use `did_you_mean`."""
    if value.strip().casefold() == "closed":
        return "write resolved, risk_accepted or false_positive, to say why it was closed"
    return None


def weakness(value: object) -> str | None:
    """Return `write CWE-79` for 79, `79`, `CWE79` or `cwe_79`; None without a number."""
    found = re.fullmatch(r"(?:cwe)?[\s:_-]*+0*+([1-9][0-9]{0,5})", str(value).strip(), re.IGNORECASE)
    return f"write CWE-{found[1]}" if found else None


def vector(value: object) -> str | None:
    """Return the remedy for a score, an unsupported version, a missing prefix or lower case; None if unsure."""
    text = str(getattr(value, "source", value)).strip()
    if re.fullmatch(r"[0-9]{1,2}(?:\.[0-9])?", text):
        return "write the vector: the score is computed"
    # 3.1 clarified the metrics of 3.0 without changing them, so the vector stays valid under the new prefix.
    if text.upper().startswith("CVSS:3.0/"):
        return f"write {'CVSS:3.1/' + text[9:].upper()}: 3.0 and 3.1 have the same metrics"
    if re.match(r"(?:CVSS:2\.0/)?AV:[A-Z]/AC:[A-Z]/Au:", text):
        return "score it with 3.1 or 4.0: version 2 is not supported"
    if re.match(r"AV:[A-Z]/", text, re.IGNORECASE):
        return f"put {'CVSS:4.0/' if '/AT:' in text.upper() else 'CVSS:3.1/'} before it"
    return f"write {text.upper()}" if text != text.upper() and "/U:" not in text.upper() else None


def lines(value: object) -> str | None:
    """Return `write 11-13` for `L11-L13`, `11:13`, `11..13`, `11–13` or `lines 11 to 13`, also in a list.

    None if unsure, or if the notation is right and something else is wrong.
    """
    texts = [str(getattr(each, "source", each)) for each in (value if isinstance(value, (list, tuple)) else [value])]
    regions = []
    parts = [part.strip() for each in texts for part in each.split(",")]
    for text in parts:
        found = _LINES.fullmatch(text)
        if found is None or not 1 <= int(found[1]) <= int(found[2] or found[1]):
            return None
        regions.append(found[1] if found[2] is None else f"{found[1]}-{found[2]}")
    if regions == parts:
        return None
    return f"write [{', '.join(regions)}]" if len(regions) > 1 else f"write {regions[0]}"


def day(value: object) -> str | None:
    """Return `write 2026-01-31` for `2026/1/31`, `20260131` or `31.01.2026`; None if unsure, as for 01/02/2026."""
    text = str(getattr(value, "source", value)).strip()
    if found := re.fullmatch(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{4})([0-9]{2})([0-9]{2})", text):
        year, month, number = (found[1], found[3], found[4]) if found[1] else (found[5], found[6], found[7])
    elif found := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text):
        number, month, year = found[1], found[2], found[3]
    else:
        return None
    try:
        return f"write {date(int(year), int(month), int(number)).isoformat()}"
    except ValueError:
        return None


def revision(text: str, commit_of: Callable[[str], str | None]) -> str:
    """Return the remedy for a revision that a clone does not have: the tag with or without `v`, if there is one."""
    if text == "HEAD":
        return "the repository has no commit yet: commit first, or name a tag or a branch"
    other = text[1:] if text.startswith("v") else f"v{text}"
    if other and commit_of(other) is not None:
        return f"did you mean {other!r}?"
    return "fetch it into the clone, or name another"


def _address(value: object) -> str | None:
    """Return `write https://example.org` for `example.org`; None if the value does not look like an address."""
    is_bare = isinstance(value, str) and re.fullmatch(r"[\w-]+(\.[\w-]+)+(/\S*)?", value)
    return f"write https://{value}" if is_bare else None


def path(value: str) -> str | None:
    r"""Return the remedy for `./x`, `a//b`, `/abs` or `a\b` instead of a path from the repository's root; None if unsure."""
    if value.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", value):
        return "write the path from the repository's root"
    parts = [part for part in value.replace("\\", "/").split("/") if part not in ("", ".")]
    return f"write {'/'.join(parts)}" if parts and ".." not in parts else None


def listed(value: str, known: Iterable[str], *, what: str) -> str | None:
    """Return `did you mean 'sink'? there are sink, source`; None if nothing is known. `what` is a singular noun."""
    names = sorted(known)
    if not names:
        return None
    near = did_you_mean(value, names)
    rest = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    there_are = f"there is the {what} {names[0]}" if len(names) == 1 else f"there are {', '.join(names[:_MOST_LISTED])}{rest}"
    return f"{near} {there_are}" if near and len(names) > 1 else near or there_are


def mend(kind: str, name: str, value: Any) -> str | None:
    """Return the remedy for a value of the field `name` that is invalid with an error of `kind`; None if there is none."""
    match kind, name:
        case (("string_type" | "cwe"), "cwe"):
            return weakness(value)
        case (("lines" | "lines_reversed"), _):
            return lines(value)
        case (("path_outside" | "path"), _) if isinstance(value, str):
            return path(value)
        case (("model_type" | "model_attributes_type"), _):
            return _SHAPES.get(name)
        case (("tuple_type" | "list_type"), _) if value is not None and not isinstance(value, Mapping):
            return "write each entry on its own line, after `- `"
        case (("tuple_type" | "list_type"), _) if isinstance(value, Mapping) and value:
            return "begin each entry with `- `, and its other fields below the first"
        case ("commit", _):
            return "`git rev-parse` prints the full hash; `findings-report pin` records that of a repository"
        case ("url", _):
            return _address(value)
        case ("date", _):
            return day(value)
    return None
