"""The words by which reviews rate findings: severities and statuses. Pure, and certain or None.

A line that could mean two things means nothing: what a source does not say is not invented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from findings_report.model.finding import Status

RATINGS: Final = frozenset({"severity", "status"})
"""The fields that rate a finding."""

MOST_TITLE: Final = 500
"""Characters of a title; of a longer text no more are looked at."""

_WORDS: Final = re.compile(r"[^\W_]+")
_SEVERITIES: Final[Mapping[str, str]] = {
    word: name
    for name, words in {
        "critical": "critical,severe,crit,c,kritisch,critique,crítico,crítica,严重,致命",
        "high": "high,major,serious,h,hoch,élevé,élevée,alto,alta,高,高危",
        "medium": "medium,moderate,med,warning,m,mittel,moyen,moyenne,medio,media,中,中危",
        "low": "low,minor,l,niedrig,gering,faible,bajo,baja,低,低危",
        "informational": "informational,information,info,informative,note,non-critical,non critical,noncritical"
        ",optimization,gas,qa,comment,remark,n,nc,i,g,提示,信息,建议",
    }.items()
    for word in words.split(",")
}
"""Severities of the default scale by the words and letters of reviews."""
_WORD: Final = (
    r"non[ -]?critical|critical|crit|severe|high|major|medium|moderate|med|low|minor|informational|informative|information|info"
    r"|gas|qa|optimization|note"
)
_SEVERITY_WORD: Final = re.compile(
    rf"(?<![\w-])(?:{_WORD})(?![\w-])|严重|致命|高危|中危|低危|高|中|低|提示|信息|建议", re.IGNORECASE
)
_GROUP_WORD: Final = "warning|serious|comment|remark"
"""Words that are severities in the heading of a group only: in a text they are plain words."""
_RATED_FILE: Final = re.compile(r"(?:\A|[-_ \[(])(?P<letter>[CHMLIGQ]|NC)-?[0-9]{1,3}(?=\Z|[-_ \])])")
"""An id in the name of a file: `acme-H-01`, `[M-2] Title`."""
_RATED_FOLDER: Final = re.compile(r"[0-9]{1,4} (?P<letter>[CHMLI])")
"""A folder of one weakness: `001-H`."""
_BEFORE_GROUP: Final = re.compile(r"(?:[^\w\s]{1,3} )?(?:[0-9]{1,2}(?:\.[0-9]{1,2}){0,3}[.)]? +)?[^\w~]*+")
MATRIX: Final = re.compile(r"\b(?:impact|likelihood)\b", re.IGNORECASE)
_RATED_WORD: Final = r"critical|crit|severe|high|major|medium|moderate|med|low|minor|informational|informative|info"
"""Severities in a heading beside a title."""
AFTER_RATING: Final = re.compile(
    r"[ -]?(?:risk|severity|priority|风险|级)?[*_`)\]]*+"
    r"(?:\s*+(?:[^\w\s'’-]|\Z)|\s++[–—-]++\s|\s++(?:in|by|at|with|via|on|since|as|per|because|due|here)\b)",
    re.IGNORECASE,
)
"""What follows the word of a severity or status where the word is the whole statement; `High leverage` is none."""
_DENIED: Final = re.compile(r"\b(?:not|no|never|rather|than|was|were|reduced|raised)\b|n't\b", re.IGNORECASE)
"""Words by which a severity in a sentence may be another one."""
_NO_TITLE: Final = re.compile(
    r"(?:(?:overall|total|final|initial|residual|the|risk|severity|security|likelihood|impact|difficulty|confidence|priority|probability"
    r"|exploitability|rating|assessment|level|score|posture|summary|status|complexity|effort|and|of)\W*)+"
    r"|\W*[0-9]*\W*(?:findings?|issues?|vulnerabilit(?:y|ies)|bugs?|items?|none|n/a)?\W*",
    re.IGNORECASE,
)
"""Words beside a severity that are no title."""
_BEFORE_RATING: Final = re.compile(r"(?>(?:[^\w~]|[\d_])*)")
_STATUSES: Final = (
    (Status.PARTIALLY_RESOLVED, re.compile(r"partial(?:ly)? (?:fixed|resolved|mitigated|addressed)", re.IGNORECASE)),
    (Status.FALSE_POSITIVE, re.compile(r"false positive|误报", re.IGNORECASE)),
    (Status.RISK_ACCEPTED, re.compile(r"won['’]?t fix|will not fix|risk accepted|accepted risk", re.IGNORECASE)),
    (
        Status.OPEN,
        re.compile(
            r"(?:not(?: yet)?|to be) (?:fixed|resolved|mitigated|addressed)|\b(?:unresolved|unfixed|open|pending)\b|未修复",
            re.IGNORECASE,
        ),
    ),
    (Status.ACKNOWLEDGED, re.compile(r"acknowledged|\back\b|已确认", re.IGNORECASE)),
    (Status.RESOLVED, re.compile(r"\b(?:fixed|resolved|mitigated)\b|mitigation confirmed|已修复", re.IGNORECASE)),
)
"""Statuses by what a line of status begins with, the first that fits."""


def _bare_group(text: str) -> str:
    """Return the heading of a group without its number, brackets, emphasis and symbols: `2.1 **[Critical]**`, `🔴 High`."""
    number = _BEFORE_GROUP.match(text)
    bare = text[number.end() if number else 0 :]
    while bare and not (bare[-1].isalnum() or bare[-1] in ")~"):
        bare = bare[:-1]
    return bare


class Severities:
    """The words of severities: those of a scale before those of reviews."""

    def __init__(self, scale: Sequence[str]) -> None:
        self._names = {**_SEVERITIES, **{name.casefold(): name for name in scale}}
        own = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(scale, key=len, reverse=True))
        self._own = f"{own}|" if own else ""
        self._word = re.compile(self._own + _SEVERITY_WORD.pattern, re.IGNORECASE)
        word = f"{self._own}{_WORD}"
        self._explicit = re.compile(
            rf"(?<![\w-])({word})[ -]severity\b|\bseverity(?: is)?[: *]{{1,4}}({word})(?!\w)", re.IGNORECASE
        )
        # Possessive: a word of the scale may be one of reviews as well, and each could be tried both ways.
        self._group = re.compile(
            rf"(?>(?>(?:{word}|{_GROUP_WORD})(?:[ -](?:risk|severity|priority|impact))?s?(?: and | or |[/,&] ?| )?)+)"
            r"(?:optimi[sz]ations?|findings?|issues?|vulnerabilit(?:y|ies)|bugs|reports?)?"
            rf"(?: ?\((?![^()]*(?:{word}))[^()]{{1,40}}\)| ?[:–—-] ?[0-9]+)?:?"
            rf"|(?:severity|risk): ?(?:{word})"
            r"|(?:严重|致命|高危|高|中危|中|低危|低|提示|信息)(?:级别|等级|级)?(?:风险)?(?:漏洞|问题)?",
            re.IGNORECASE,
        )
        rating = rf"(?:severity:? ?)?[*_`]{{0,3}}({self._own}{_RATED_WORD})[*_`]{{0,3}}(?:[ -](?:risk|severity|priority))?"
        self._first = re.compile(
            rf"(?:[\[(] ?{rating} ?[\])][*_`]{{0,3}} ?[:：–—|-]?|{rating}(?:[:：][*_`]{{0,3}}| ?[–—|]| -)) ?(?=\S)",
            re.IGNORECASE,
        )
        after = rf" ?(?:[\[(] ?[^\w\s]{{0,2}} ?{rating} ?[\])]| [–—|-] [^\w\s]{{0,2}} ?{rating})[*_` ]{{0,4}}"
        self._last = re.compile(rf"{after}\Z", re.IGNORECASE)
        self._behind = re.compile(rf"{after}(?:[:：.–—-]|\Z)", re.IGNORECASE)

    def is_group(self, text: str) -> bool:
        """Return True for a heading of nothing but severities."""
        return len(text) <= MOST_TITLE and self._group.fullmatch(_bare_group(text)) is not None

    def name_group(self, text: str) -> str | None:
        """Return the name of the severity that the heading of a group has."""
        bare = _bare_group(text).casefold()
        whole = self._names.get(bare) or self._names.get(bare.removesuffix("s"))
        return whole or self.name(bare)

    def name(self, text: str) -> str | None:
        """Return the name of the severity that a heading, or a letter, has; None for no known word."""
        if (whole := self._names.get(text.strip(" *_`:：").casefold())) is not None:
            return whole
        match = self._word.search(text)
        return self._names.get(match[0].casefold()) if match else None

    def split(self, title: str) -> tuple[str | None, str]:
        """Return the severity beside a title, and the title alone: `High: A`, `[HIGH] A`, `A (High)`, `A - High`.

        A title has no runs of blanks.
        """
        if len(title) > MOST_TITLE:
            return None, title
        for match in (self._first.match(title), self._last.search(title)):
            alone = match and (title[match.end() :] if match.start() == 0 else title[: match.start()]).strip()
            # `Likelihood: High` and `High: 3 issues` are a part of a rating, or a count.
            if match and alone and not _NO_TITLE.fullmatch(alone):
                return self._names.get(next(filter(None, match.groups())).casefold()), alone
        return None, title

    def match_after(self, text: str) -> re.Match[str] | None:
        """Return the match of a severity in brackets, or between dashes, right behind a title."""
        return self._behind.match(text)

    def begins(self, text: str) -> bool:
        """Return True if a text begins with the word of a severity."""
        return self._word.match(text) is not None

    def mentions(self, line: str) -> bool:
        """Return True if a line has the word of a severity."""
        return self._word.search(line) is not None

    def read_path(self, path: str) -> str | None:
        """Return the severity that the name of a file says, or that of a folder; the nearest that says one."""
        # The nearest name first: `audits/high/low-02.md` is about a low one.
        *folders, file = re.split(r"[/\\]", path)
        stem = file.rpartition(".")[0] or file
        if match := _RATED_FILE.search(stem):
            return self.name(match["letter"])
        names = [stem.rstrip("0123456789").rstrip("-_ "), *folders[:-4:-1]]
        for name in names:
            words = re.sub(r"[-_ ]+", " ", name).strip()
            if match := _RATED_FOLDER.fullmatch(words):
                return self.name(match["letter"])
            if len(words) > 1 and self.is_group(words):
                return self.name_group(words)
        return None

    def is_word(self, text: str) -> bool:
        """Return True for a text that is the word of a severity."""
        return text.strip(" *_.\\").casefold() in self._names

    def read(self, line: str) -> tuple[str | None, bool]:
        """Return the severity that a line states, and whether it says no more than that; None if it is not certain."""
        if (whole := self._names.get(line.strip(" *_`.:：()[]|").casefold())) is not None:
            return whole, True
        if MATRIX.search(line) or "~~" in line:
            return None, False
        before = _BEFORE_RATING.match(line)
        match = self._word.match(line, before.end() if before else 0)
        after = match and AFTER_RATING.match(line, match.end())
        if match is None or not after:
            # `Denial of service, medium severity` says no less, wherever it is in the line.
            stated = {self._names.get((each[1] or each[2]).casefold()) for each in self._explicit.finditer(line)}
            # `High severity information disclosure` is of one severity.
            words = (word[0].casefold() for word in self._word.finditer(line))
            every = {self._names.get(word) for word in words if word not in ("information", "note")}
            is_clear = len(stated) == 1 and every <= stated and not _DENIED.search(line)
            return (stated.pop() if is_clear else None), False
        names = {self._names.get(word[0].casefold()) for word in self._word.finditer(line)}
        others = line[: match.start()] + line[after.end() :]
        return (names.pop() if len(names) == 1 else None), not _WORDS.search(others) and "|" not in line

    def states(self, name: str, line: str) -> bool:
        """Return True if a line gives the severity, or the status if `name` is that, for certain."""
        return (self.read(line)[0] if name == "severity" else read_status(line)) is not None


def read_status(line: str) -> Status | None:
    """Return the status that a line begins with; None if it is not certain."""
    start = _BEFORE_RATING.match(line)
    at = start.end() if start else 0
    stated = next(((status, match) for status, words in _STATUSES if (match := words.match(line, at))), None)
    if stated is None or "~~" in line or not AFTER_RATING.match(line, stated[1].end()):
        return None
    others = {status for status, words in _STATUSES if words.search(line, stated[1].end())} - {stated[0]}
    if others == {Status.RISK_ACCEPTED} and stated[0] is Status.ACKNOWLEDGED:
        return Status.RISK_ACCEPTED
    if stated[0] is Status.PARTIALLY_RESOLVED:
        others -= {Status.RESOLVED}
    return None if others else stated[0]
