"""A prose review in Markdown, read as findings and texts of the engagement. Pure, and deterministic: parsing, no guessing.

The lines of the source are divided among the findings and the engagement. Of them only labels are dropped: headings such as
`### Impact` whose place is a field, and the words that name a severity or a status. `find_lost_words` proves it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from findings_report.importing.summary_tables import (
    ReviewTable,
    SummaryRow,
    find_id_key,
    find_title_key,
    read_rows,
    read_tables,
)
from findings_report.model.finding import Status
from findings_report.problems import FindingsReportError, Kind, Problem

_BLOCKS: Final = MarkdownIt("commonmark").enable("table")
# Only blocks are of interest here; the texts of the fields are parsed under the policy by whoever prints them.
_BLOCKS.core.ruler.disable("inline")

_INLINE_LABEL: Final = 8
"""The level of a label at the beginning of a line, below those of headings."""
_BOLD_HEADING: Final = 7
"""The level of a line in bold that has the id of a finding."""

_LABELS: Final[Mapping[str, str]] = {
    label: name
    for name, labels in {
        "description": "description,details,detail,vulnerability detail,vulnerability details,finding description"
        ",detailed description,issue description,bug description,description of the issue,finding description and impact"
        ",vulnerability description,finding details,technical details,brief/intro,描述,问题描述,漏洞描述,详细描述",
        "summary": "summary,brief,概述,摘要",
        "impact": "impact,impacts,consequences,potential impact,impact explanation,impact details"
        ",impact analysis,security impact,影响,漏洞影响",
        "scenario": "exploit scenario,attack scenario,scenario,attack path,攻击场景",
        "proof": "proof of concept,proof of concept (optional)"
        ",proof-of-concept,poc,proof,steps to reproduce,coded poc,概念验证",
        "recommendation": "recommendation,recommendations,recommended mitigation,recommended mitigation steps,mitigation"
        ",recommended mitigation step,mitigation steps,solution,fix,suggested fix,remediation,suggestion,suggestions"
        ",recommended fix,proposed fix,suggested fixes,fix requirement,recommendation (optional),修复建议,建议,解决方案",
        "response": "response,client response,developer response,team response,project response,修复情况",
        "title": "title,bug title,issue title,finding title,vulnerability title,标题",
        "locations": "affected locations,affected location,affected files"
        ",lines,line,location,locations,code snippet,code snippets,affected code,vulnerable code,code location"
        ",lines of code,links to affected code,affected lines,code reference,代码位置,位置",
        "severity": "severity,classification,severity level"
        ",risk,risk level,risk rating,严重级别,严重程度,严重性,级别,等级,风险等级",
        "status": "status,状态",
        "conclusion": "conclusion,conclusions,overall conclusion,结论,总结",
    }.items()
    for label in labels.split(",")
}
"""Fields by the labels that reviews have for them, in lower case."""

_PROSE: Final = ("description", "summary", "impact", "scenario", "proof", "recommendation", "response")
_PARTS: Final = frozenset({"description", "impact", "scenario", "proof", "recommendation"})
"""Fields that belong to the finding above, and not to the review."""
_RATINGS: Final = frozenset({"severity", "status"})

_SEVERITIES: Final[Mapping[str, str]] = {
    word: name
    for name, words in {
        "critical": "critical,severe,crit,c,严重,致命",
        "high": "high,major,serious,h,高,高危",
        "medium": "medium,moderate,med,warning,m,中,中危",
        "low": "low,minor,l,低,低危",
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
_BEFORE_GROUP: Final = re.compile(r"(?:[0-9]{1,2}(?:\.[0-9]{1,2}){0,3}[.)]? +)?")
_MATRIX: Final = re.compile(r"\b(?:impact|likelihood)\b", re.IGNORECASE)
_AFTER_RATING: Final = re.compile(
    r"[ -]?(?:risk|severity|priority|风险|级)?[*_`)\]]*+"
    r"(?:\s*+(?:[^\w\s'’-]|\Z)|\s++[–—-]++\s|\s++(?:in|by|at|with|via|on|since|as|per|because|due|here)\b)",
    re.IGNORECASE,
)
"""What follows the word of a severity or status where the word is the whole statement; `High leverage` is none."""
_DENIED: Final = re.compile(r"\b(?:not|no|never|rather|than|was|were|reduced|raised)\b|n't\b", re.IGNORECASE)
"""Words by which a severity in a sentence may be another one."""
_BARE_SEVERITY: Final = re.compile(
    r"(?P<label>[ >*_-]{0,8}severity(?: level| rating)?) {1,3}(?P<rest>\S.{0,40})", re.IGNORECASE
)
_BEFORE_RATING: Final = re.compile(r"(?:[^\w~]|[\d_])*+")


_LINKED: Final = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])+)\]\((?P<url>[^\s()]+)\)\Z")
_LINKED_ID: Final = re.compile(r"\[\\?\[?(?P<id>[A-Z]{1,10}-?[0-9]{1,4})\\?\]?\]\((?P<url>[^\s()]+)\)[ :.–—-]++(?P<title>\S.*)")
_DECORATION: Final = re.compile(
    r"(?:<a [^<>]{0,100}>(?:</a>)? *+)?(?:[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}[.)]? +)?(?:[^\w\s\[\]\\()`\"'~]++ *+)?"
)
"""A number, a symbol, or emphasis before the id of a heading."""
_LETTERS: Final = "CRITICAL|CRIT|HIGH|MEDIUM|MED|LOW|INFO|GAS|QA|NC|[CHMLINGQ]"
_STANDARDS: Final = (
    "SHA|AES|RSA|MD|DES|ERC|EIP|BIP|SIP|CIP|ZIP|RFC|ISO|IEC|IEEE|NIST|FIPS|UTF|CVE|CWE|GHSA|PEP|PKCS|KECCAK|BLAKE"
)
_OWN_ID: Final = re.compile(
    r"(?:(?i:issue|finding|vulnerability|bug) +)?(?:"
    r"\\?\[(?P<bracketed>[A-Za-z]{0,6}(?:-[A-Z]{1,10})?[- ]?[0-9]{1,4})\\?\][ :.–—-]*+"
    rf"|(?P<bare>(?:{_LETTERS})-[0-9]{{1,3}})(?: *[:.–—-] *| +)"
    # Without the hyphen a sign has to follow: `L2 considerations` is about a layer.
    rf"|(?P<compact>(?:{_LETTERS})[0-9]{{1,3}})(?: *[:–—] *|\. +| +- +)"
    rf"|(?P<long>(?!(?:{_STANDARDS})-)[A-Z]{{2,10}}(?:-[A-Z0-9]{{1,10}}){{0,2}}-[0-9]{{1,4}})(?: *[:–—] *| +- +)"
    r")(?P<title>\S.*)"
)
_ID_HEADING: Final = re.compile(rf"#{{1,6}} +\\?\[(?:{_LETTERS})-[0-9]{{1,3}}\\?\] ")
"""A heading that is no comment of code."""
_MOST_REPAIRS: Final = 20
"""Blocks of code that are closed, one after the other."""
_MOST_REPARSED: Final = 20_000_000
"""Characters that are parsed again for it."""
_LOOKALIKES: Final = str.maketrans("СНМІ", "CHMI")
"""Cyrillic letters of ids."""
_NUMBER: Final = re.compile(r"[0-9]{1,3}[.)] +(?=\S)")
"""The number of a finding in its group."""
_ANY_ID: Final = re.compile(rf"\W{{0,4}}\[(?:{_LETTERS})-?[0-9]{{1,3}}\\?\]|\W{{0,4}}(?:{_LETTERS})-[0-9]{{1,3}}\b")
"""The beginning of a heading that may well be a finding's."""
_PREFIXED: Final = re.compile(
    r"(?P<category>(?:security|potential|code|critical|high|medium|low) )*+(?P<noun>defect|vulnerability|issue|finding|bug"
    r"|weakness|concern|problem)(?: *#?(?P<number>[0-9]{1,3}))? *[:：–—-] *(?P<title>\S.*)",
    re.IGNORECASE,
)
_GENERIC: Final = re.compile(
    r"(?:(?:detailed|all|the|security|audit|summary of|list of|technical) )*"
    r"(?:findings?|issues?|vulnerabilities|results|details|report|defects|detailed results)(?: details| summary)?"
    r"(?: ?\([0-9]+\))?:?",
    re.IGNORECASE,
)
_ASIDE: Final = re.compile(r"(?:tools?(?: used)?|relevant github links|github links|links|references?):?", re.IGNORECASE)
"""Headings in findings that are no field."""
_NOTHING: Final = re.compile(
    r"\W*(?:not found|none(?: found)?|n/?a|nothing(?: found)?|no .{0,40}(?:found|identified|reported)|无|未发现.{0,20})\W*",
    re.IGNORECASE,
)
"""A heading of a group without findings."""
_LABELLED: Final = re.compile(
    r"[ >]{0,6}(?:[-*+] {1,3})?(?:\*\*|__)?(?P<label>[\w][\w -]{0,40}?)"
    r"(?:(?:\*\*|__) ?[:：] ?|[:：] ?(?:\*\*|__)?(?: |$|(?=[^\s/]))|(?:\*\*|__)(?:$|(?= )))"
)
_CONCLUDES: Final = re.compile(r"(?:Overall|In conclusion|In summary|To conclude|总之|总体)\b[,，]?", re.IGNORECASE)
_WORDS: Final = re.compile(r"[^\W_]+")

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
_REPLY: Final = re.compile(r"[ >]{0,6}(?:\*\*|__)(?P<who>[^*_\n]{1,80})(?:\*\*|__)(?P<sign>[^\w\n]{0,4})(?P<reply>\w.*)")
_REPLIES: Final = frozenset((Status.PARTIALLY_RESOLVED, Status.RISK_ACCEPTED, Status.ACKNOWLEDGED, Status.RESOLVED))
_FRONT: Final = re.compile(r"[\w.-]++ *:(?: .*)?|[ \t].*|- .*|")
"""A line of front matter."""
_MOST_TITLE: Final = 500
"""Characters of a title; a longer one begins the description as well."""

MOST_HEADINGS: Final = 5_000
"""Headings and labels of a review; some steps look at all of them for each finding."""


@dataclass(frozen=True)
class Fence:
    """A fenced block."""

    source: str
    """Its lines in the review, without the last line end."""
    prefix: str
    """What is before its first line: indentation, signs of quotes."""
    info: str
    """The language, and what follows it."""
    content: str
    """The code."""
    before: str
    """The line of prose right before it; empty if there is none."""
    line: int
    """0-based line in the review."""


Chunks = tuple[str | Fence, ...]
"""A text, in parts."""


@dataclass(frozen=True)
class ReviewedFinding:
    """A finding as the review has it."""

    key: str
    """The name by which the next import recognises it: its own id, else its title."""
    own_id: str | None
    """The id in its heading."""
    title: str
    """One line."""
    line: int
    """0-based line of its heading."""
    category: str | None
    """The words before the title, or of the heading above."""
    severity: str | None
    """A name of the engagement's scale, else of the default scale."""
    status: Status | None
    """None if nothing says it."""
    texts: Mapping[str, Chunks]
    """Texts by field; `description` is always one of them."""
    cited: Chunks
    """The texts that only name places in the code."""
    url: str | None
    """Target of the heading's link."""
    unread: tuple[str, ...] = ()
    """Lines of severity and status that say more than one thing, or none for certain; they are in the texts."""


@dataclass(frozen=True)
class EngagementText:
    """A text of the whole review."""

    field: str
    """summary, recommendation, conclusion or sections."""
    title: str
    """The heading above it; empty if it has none."""
    text: str
    """Markdown."""


@dataclass(frozen=True)
class Review:
    """A review, divided."""

    findings: tuple[ReviewedFinding, ...]
    """In the order of the text."""
    texts: tuple[EngagementText, ...]
    """The texts outside of findings, in the order of the text."""
    dropped: tuple[str, ...]
    """Labels and other words of the source whose meaning is in a field, or in its name."""
    unread: tuple[tuple[int, str], ...]
    """Headings, each with its 0-based line, that begin with an id and are no findings."""


@dataclass(frozen=True)
class _Heading:
    first: int
    last: int
    """The line after it."""
    level: int
    text: str
    field: str | None = None
    """The field that it names."""
    rest: str = ""
    """What follows the label in its line."""


@dataclass
class _Section:
    """Lines of a finding that belong to one field."""

    field: str
    first: int
    last: int
    head: str = ""
    """Text instead of the part of the first line that is before `first`."""


@dataclass
class _Draft:
    heading: _Heading
    last: int
    severity: str | None = None
    parent: _Heading | None = None
    """The heading above that names its kind."""


def read_review(text: str, scale: Sequence[str] = (), path: str = "") -> Review:
    """Return the findings and texts of a review; no findings where none is recognised.

    `scale` has the engagement's severities, whose names go before those of the default scale. `path` is the file's: the names
    of file and folder may rate the findings, as in `High-Risk/reentrancy.md`.

    Raises FindingsReportError (INPUT), without a place, for more than MOST_HEADINGS headings.
    """
    return _ReviewReader(text.replace("\r\n", "\n").replace("\r", "\n"), _Severities(scale), path).read()


def find_lost_words(source: str, kept: Iterable[str]) -> list[str]:
    """Return the words of `source` that are in `kept` fewer times, in the order of the source, with repetitions."""
    missing = Counter(_WORDS.findall(source))
    for text in kept:
        missing.subtract(_WORDS.findall(text))
    return [word for word, count in missing.items() for _ in range(count)]


def _bare_group(text: str) -> str:
    """Return the heading of a group without its number, brackets and emphasis: `2.1 **[Critical]**`."""
    number = _BEFORE_GROUP.match(text)
    return text[number.end() if number else 0 :].strip(" *_[]\\`:：")


class _Severities:
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
            rf"(?>(?:{word}|{_GROUP_WORD})(?:[ -](?:risk|severity|priority|impact))?s?(?: and | or |[/,&] ?| )?)++"
            r"(?:optimi[sz]ations?|findings?|issues?|vulnerabilit(?:y|ies)|bugs|reports?)?(?: ?\([0-9]+\))?:?"
            rf"|(?:severity|risk): ?(?:{word})"
            r"|(?:严重|致命|高危|高|中危|中|低危|低|提示|信息)(?:级别|等级|级)?(?:风险)?(?:漏洞|问题)?",
            re.IGNORECASE,
        )

    def is_group(self, text: str) -> bool:
        """Return True for a heading of nothing but severities."""
        return len(text) <= _MOST_TITLE and self._group.fullmatch(_bare_group(text)) is not None

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
        if _MATRIX.search(line) or "~~" in line:
            return None, False
        before = _BEFORE_RATING.match(line)
        match = self._word.match(line, before.end() if before else 0)
        after = match and _AFTER_RATING.match(line, match.end())
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


def read_status(line: str) -> Status | None:
    """Return the status that a line begins with; None if it is not certain."""
    start = _BEFORE_RATING.match(line)
    at = start.end() if start else 0
    stated = next(((status, match) for status, words in _STATUSES if (match := words.match(line, at))), None)
    if stated is None or "~~" in line or not _AFTER_RATING.match(line, stated[1].end()):
        return None
    others = {status for status, words in _STATUSES if words.search(line, stated[1].end())} - {stated[0]}
    if others == {Status.RISK_ACCEPTED} and stated[0] is Status.ACKNOWLEDGED:
        return Status.RISK_ACCEPTED
    if stated[0] is Status.PARTIALLY_RESOLVED:
        others -= {Status.RESOLVED}
    return None if others else stated[0]


class _ReviewReader:
    def __init__(self, text: str, severities: _Severities, path: str) -> None:
        self.lines = text.split("\n")
        self.path_severity = severities.read_path(path) if path else None
        self.severities = severities
        # Front matter, which Markdown would read as a rule and a heading.
        end = self.lines.index("---", 1) if self.lines[0] == "---" and "---" in self.lines[1:100] else -1
        if end > 0 and (not all(map(_FRONT.fullmatch, self.lines[1:end])) or ":" not in self.lines[1]):
            end = -1
        self.front = "\n".join(self.lines[1:end]) if end > 0 else ""
        if end > 0:
            self.lines[: end + 1] = [""] * (end + 1)
            text = "\n".join(self.lines)
        self.fences: list[tuple[int, int, Fence]] = []
        self.headings: list[_Heading] = []
        self.dropped: list[str] = []
        self.doubtful: list[tuple[int, str]] = []
        self.tables: list[ReviewTable] = []
        self.links: dict[str, str] = {}
        self.placed_links: set[str] = set()
        self._read_blocks(text)

    def read(self) -> Review:
        drafts = self._find_findings()
        stated = self._read_severity_before(drafts)
        rows = self._read_summaries(drafts)
        found: list[ReviewedFinding] = []
        joined: set[int] = set()
        for draft in drafts:
            row = _find_row(rows, *self._name(draft))
            joined.update(other.line for other in rows if row is not None and _is_same(other, row))
            found.append(self._read_finding(draft, row, stated or self.path_severity))
        alone = [row for row in rows if row.line not in joined and self._is_finding(row)]
        found += self._read_alone(alone)
        findings = tuple(sorted(found, key=lambda finding: finding.line))
        texts = tuple(self._read_rest(drafts))
        if left := [line for label, line in self.links.items() if label not in self.placed_links]:
            texts = (*texts, EngagementText("sections", "Links", "\n".join(left)))
        read = {draft.heading.first for draft in drafts}
        unread = tuple(
            (heading.first, heading.text[:_MOST_TITLE])
            for heading in self.headings
            if heading.level < _INLINE_LABEL and heading.first not in read and _ANY_ID.match(heading.text)
        )
        return Review(findings, texts, tuple(self.dropped), unread)

    # --- Blocks

    def _read_blocks(self, text: str) -> None:
        environment: dict[str, Any] = {}
        tokens = _BLOCKS.parse(text, environment)
        tokens = self._close_fences(tokens, environment)
        self.tables += read_tables(tokens)
        top = ""
        for index, token in enumerate(tokens):
            if token.level == 0 and token.map is not None:
                top = token.type
            if token.map is None:
                continue
            first, last = token.map
            if token.type == "fence":
                self._add_fence(first, last, token.info, token.content, token.markup)
            elif token.level == 0 and token.type == "heading_open":
                self._add_heading(first, last, int(token.tag[1]), " ".join(tokens[index + 1].content.split()))
            elif token.type == "paragraph_open" and (token.level == 0 or (token.level == 2 and top == "bullet_list_open")):
                self._find_labels(first, last, is_list=token.level > 0)
        self.headings.sort(key=lambda heading: heading.first)
        self._lines_of_headings = [heading.first for heading in self.headings]
        self._lines_of_fences = [first for first, _, _ in self.fences]
        self._take_links(environment.get("references", {}))
        if (count := max(len(self.headings), len(self.fences))) > MOST_HEADINGS:
            fault = f"it has {count:,} headings, labels or blocks of code; at most {MOST_HEADINGS:,} are read"
            raise FindingsReportError(Problem(Kind.INPUT, fault, "divide it", code="import-size"))

    def _close_fences(self, tokens: list[Token], environment: dict[str, Any]) -> list[Token]:
        """Return the blocks with those of code closed that nobody closed, which would swallow the findings that follow."""
        # The first alone, again and again: once it is closed, those behind it begin and end elsewhere.
        for _ in range(min(_MOST_REPAIRS, 1 + _MOST_REPARSED // (1 + sum(map(len, self.lines))))):
            end = next((end for token in tokens if (end := self._find_forgotten_end(token)) is not None), None)
            if end is None:
                break
            self.lines[end[0]] = end[1]
            environment.clear()
            tokens = _BLOCKS.parse("\n".join(self.lines), environment)
        return tokens

    def _find_forgotten_end(self, token: Token) -> tuple[int, str] | None:
        """Return the blank line where a fence should have ended, before the heading of a finding, and the sign for it."""
        if token.type != "fence" or token.level > 0 or token.map is None:
            return None
        for number in range(token.map[0] + 2, token.map[1]):
            if _ID_HEADING.match(self.lines[number]) and not self.lines[number - 1].strip():
                return number - 1, token.markup
        return None

    def _take_links(self, references: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the definitions of links that are used out of the lines: each text that uses one gets it, and no other."""
        # Definitions are mostly at the end, in what would be the last finding.
        used = {label for line in self.lines for label in _find_labels_of_links(line)}
        for label, reference in references.items():
            first, last = reference.get("map") or (0, 0)
            lines = self.lines[first:last]
            if label in used and lines and all(line.strip() and not line.startswith((" ", "\t", ">")) for line in lines[:1]):
                self.links[label] = "\n".join(lines)
                self.lines[first:last] = [""] * len(lines)

    def _add_links(self, text: str) -> str:
        """Return the definitions of the links that a text uses."""
        labels = [label for label in dict.fromkeys(_find_labels_of_links(text)) if label in self.links]
        self.placed_links.update(labels)
        return "\n".join(self.links[label] for label in labels)

    def _add_fence(self, first: int, last: int, info: str, content: str, markup: str) -> None:
        before = first - 1
        while before >= 0 and not self.lines[before].strip(" >\t"):
            before -= 1
        opener = self.lines[first]
        prefix = opener[: opener.find(markup)] if markup in opener else ""
        source = "\n".join(self.lines[first:last])
        above = self.lines[before] if before >= 0 else ""
        self.fences.append((first, last, Fence(source, prefix, info.strip(), content, above, first)))

    def _add_heading(self, first: int, last: int, level: int, text: str) -> None:
        name, rest = self._read_label(text)
        self.headings.append(_Heading(first, last, level, text, name, rest))

    def _find_labels(self, first: int, last: int, *, is_list: bool) -> None:
        for number in range(first, last):
            line = self.lines[number]
            bare = line.strip()
            if bare.startswith("**") and bare.endswith("**") and last - first == 1:
                inner = bare.strip("*").strip()
                if _OWN_ID.match(_bare_heading(inner)[0]):
                    self.headings.append(_Heading(number, number + 1, _BOLD_HEADING, inner))
                    continue
            bare_rating = _BARE_SEVERITY.fullmatch(line)
            if bare_rating is not None and self.severities.read(bare_rating["rest"])[1]:
                label, rest = bare_rating["label"], bare_rating["rest"]
                self.headings.append(_Heading(number, number + 1, _INLINE_LABEL, label, "severity", rest))
                continue
            match = _LABELLED.match(line)
            if match is None:
                continue
            name = _LABELS.get(match["label"].strip().casefold())
            is_bold = "**" in match[0] or "__" in match[0]
            # A plain `Impact: ...` may be a sentence; of plain lines and of lists only the ratings are read.
            if name in (None, "title") or ((not is_bold or is_list) and name not in _RATINGS):
                continue
            rest = line[match.end() :]
            # `**Impact:** High` is a part of the rating, and the words of it stay together.
            if name == "impact" and self.severities.is_word(rest):
                continue
            if name in _RATINGS and not self._states(name, rest):
                is_doubtful = self.severities.mentions(rest) if name == "severity" else is_bold
                # `Classification` and `Risk` may be about something else.
                if rest.strip() and is_doubtful and not _MATRIX.search(rest):
                    self.doubtful.append((number, name))
                continue
            self.headings.append(_Heading(number, number + 1, _INLINE_LABEL, match[0], name, rest))

    # --- Findings

    def _find_findings(self) -> list[_Draft]:
        named = [heading for heading in self.headings if heading.level < _INLINE_LABEL and heading.field is None]
        drafts = list(self._find_named(named))
        taken = [(draft.heading.first, draft.last) for draft in drafts]
        # Where findings have ids, a rating alone makes no other one.
        has_ids = any(_has_id(_bare_heading(draft.heading.text)[0]) for draft in drafts)
        for heading in sorted(named, key=lambda heading: -heading.level):
            last = self._end(heading)
            is_free = all(end <= heading.first or last <= start for start, end in taken)
            if is_free and not self.severities.is_group(heading.text) and self._has_fields(heading, last, is_rated=not has_ids):
                drafts.append(_Draft(heading, last))
                taken.append((heading.first, last))
        if not drafts and self.path_severity is not None:
            # The whole file is about one weakness, or has nothing but findings.
            # Deeper headings are its parts.
            top = min((heading.level for heading in named), default=0)
            drafts += [_Draft(heading, self._end(heading)) for heading in named if heading.level == top]
        drafts = drafts or self._find_in_file()
        drafts.sort(key=lambda draft: draft.heading.first)
        for draft in drafts:
            self._read_ancestors(draft)
        return drafts

    def _find_named(self, named: Sequence[_Heading]) -> Iterator[_Draft]:
        """Yield the findings whose heading says that it is one, or is right below a severity."""
        end = 0
        groups: list[tuple[_Heading, int, int]] = []
        with_ids = sum(_has_id(_bare_heading(heading.text)[0]) for heading in named)
        for position, heading in enumerate(named):
            if heading.first < end:
                continue
            groups = [group for group in groups if heading.first < group[1]]
            is_grouped = bool(groups) and heading.level == groups[-1][2] and heading.level > groups[-1][0].level
            # `3. Minor issues` among numbered findings is one of them.
            if self.severities.is_group(heading.text) and not (is_grouped and _NUMBER.match(heading.text)):
                below = named[position + 1 : position + 2]
                end_of_group = self._end(heading)
                inside = [other for other in named[position + 1 : position + 200] if other.first < end_of_group]
                # Where findings have ids, a heading without one is about all of them, as `Gas report` is.
                has_ids = with_ids > 1 and any(_has_id(_bare_heading(other.text)[0]) for other in inside)
                groups.append((heading, end_of_group, below[0].level if below and not has_ids else 0))
                continue
            text = _bare_heading(heading.text)[0]
            if (
                _has_id(text)
                or _PREFIXED.match(text)
                or (is_grouped and not _GENERIC.fullmatch(text) and not _NOTHING.fullmatch(text))
            ):
                end = self._end_of_finding(heading)
                yield _Draft(heading, end)

    def _find_in_file(self) -> list[_Draft]:
        """Return the findings of a text of nothing else: below a heading `Title`, or all of it below its first heading."""
        at = [heading for heading in self.headings if heading.level < _INLINE_LABEL]
        titles = [heading for heading in at if heading.field == "title"]
        found: list[_Draft] = []
        ends = [*(heading.first for heading in titles), len(self.lines)][1:]
        for heading, last in zip(titles, ends, strict=True):
            line = next((number for number in range(heading.last, last) if self.lines[number].strip()), last)
            if (
                line < last
                and line not in self._lines_of_headings
                and not self.lines[line].lstrip().startswith(("```", "~~~", "|"))
            ):
                self.dropped.append(heading.text)
                found.append(_Draft(_Heading(line, line + 1, 0, " ".join(self.lines[line].split())), last))
        if found or not at:
            return [draft for draft in found if self._has_fields(draft.heading, draft.last, least=1)]
        first = at[0]
        parts = {heading.field for heading in at[1:] if heading.field is not None}
        is_only = all(heading.level > first.level or heading.field is not None or first.level > 1 for heading in at[1:])
        is_title = first.field is None and not self.severities.is_group(first.text) and not _GENERIC.fullmatch(first.text)
        if is_title and is_only and len(parts - _RATINGS - {"conclusion", "summary"}) > 1:
            return [_Draft(replace(first, level=0), len(self.lines))]
        return []

    def _has_fields(self, heading: _Heading, last: int, least: int = 2, *, is_rated: bool = True) -> bool:
        fields: set[str] = set()
        for other in self._headings_after(heading):
            if other.first >= last or other.field is None:
                break
            fields.add(other.field)
        parts = fields - _RATINGS - {"conclusion", "title"}
        return ("severity" in fields and (is_rated or bool(parts))) or len(parts) >= least + (
            least > 1 and "description" not in fields
        )

    def _end(self, heading: _Heading) -> int:
        """Return the line after what is below a heading."""
        for other in self._headings_after(heading):
            if other.level <= heading.level:
                return other.first
        return len(self.lines)

    def _end_of_finding(self, heading: _Heading) -> int:
        """Return the line after a finding: parts that it does not have yet belong to it also with a heading of its level."""
        used: set[str] = set()
        for position, other in enumerate(self._headings_after(heading)):
            is_part = (other.field in _PARTS and other.field not in used) or (
                # `Summary` and `Tools used` are parts only between a finding and another one.
                (other.field in ("summary", "locations") and other.field not in used) or bool(_ASIDE.fullmatch(other.text))
            )
            is_doubtful = other.field not in _PARTS or other.field == "recommendation"
            is_next = position == 0 and other.field == "summary"
            if other.level < heading.level or (
                other.level == heading.level
                and not (is_part and (not is_doubtful or is_next or self._precedes_finding(heading, position)))
            ):
                return other.first
            used.add(other.field or "")
        return len(self.lines)

    def _headings_after(self, heading: _Heading) -> Iterator[_Heading]:
        return islice(self.headings, bisect_right(self._lines_of_headings, heading.first), None)

    def _precedes_finding(self, heading: _Heading, position: int) -> bool:
        """Return True if a finding with an id is behind the heading at `position` after `heading`."""
        return any(
            _OWN_ID.match(_bare_heading(other.text)[0]) for other in islice(self._headings_after(heading), position, None)
        )

    def _read_ancestors(self, draft: _Draft) -> None:
        level = draft.heading.level
        has_category = self._read_title(_bare_heading(draft.heading.text)[0])[1] is not None
        for at in range(bisect_left(self._lines_of_headings, draft.heading.first) - 1, -1, -1):
            heading = self.headings[at]
            if level == 1:
                break
            if heading.level >= level or heading.level >= _INLINE_LABEL:
                continue
            level = heading.level
            if self.severities.is_group(heading.text):
                draft.severity = draft.severity or self.severities.name_group(heading.text)
            elif not has_category and level > 1 and heading.field is None and not _GENERIC.fullmatch(heading.text):
                draft.parent = draft.parent or heading

    def _name(self, draft: _Draft) -> tuple[str | None, str]:
        own_id, _, title, _ = self._read_title(_bare_heading(draft.heading.text)[0])
        return own_id, title

    def _read_severity_before(self, drafts: Sequence[_Draft]) -> str | None:
        """Return the severity that a line of its own gives before the only finding of the text."""
        if len(drafts) != 1:
            return None
        before = [number for number in range(drafts[0].heading.first) if self.severities.is_word(self.lines[number])]
        if len(before) != 1 or len(self.lines[before[0]].strip()) < 3:
            return None
        line = self.lines[before[0]]
        self.dropped.append(line)
        self.lines[before[0]] = ""
        return self.severities.name(line)

    def _read_summaries(self, drafts: Sequence[_Draft]) -> list[SummaryRow]:
        """Return the rows of the tables of findings that are in no finding."""
        inside = [(draft.heading.first, draft.last) for draft in drafts]
        tables = [table for table in self.tables if not any(first <= table.first < last for first, last in inside)]
        return [row for table in tables for row in read_rows(table)]

    def _is_finding(self, row: SummaryRow) -> bool:
        """Return True for a row without a section that has a title, and a severity or an id."""
        is_title = bool(_WORDS.search(row.title)) and not self.severities.is_group(row.title)
        has_id = row.own_id is not None and _ANY_ID.match(f"[{row.own_id}]") is not None
        return is_title and (self.severities.read(row.severity)[0] is not None or (has_id and bool(row.status)))

    def _read_alone(self, rows: Sequence[SummaryRow]) -> Iterator[ReviewedFinding]:
        """Yield the findings that are only rows; a table of nothing else is taken out of the text."""
        by_name: dict[tuple[str, tuple[str, ...]], SummaryRow] = {}
        for row in rows:
            by_name.setdefault((find_id_key(row.own_id or ""), find_title_key(row.title)), row)
        lines = {row.line for row in by_name.values()}
        for table in self.tables:
            if table.rows and all(line in lines for line, _ in table.rows):
                self.dropped += table.head
                self.lines[table.first : table.last] = [""] * (table.last - table.first)
        yield from map(self._read_row, by_name.values())

    def _read_row(self, row: SummaryRow) -> ReviewedFinding:
        severity, is_alone = self.severities.read(row.severity)
        status = read_status(row.status)
        letter = self.severities.name(re.split(r"[-0-9 ]", row.own_id)[0]) if row.own_id else None
        texts = [row.description] if row.description else []
        texts += [f"**{heading.strip(' *')}:** {cell}" if heading.strip(" *") else cell for heading, cell in row.others]
        self.dropped += [row.own_id or "", row.id_url or "", *(heading for heading, _ in row.others)]
        unread = []
        for cell, is_read, label in (
            (row.severity, severity is not None and is_alone, "Severity"),
            (row.status, status is not None and len(_WORDS.findall(row.status)) < 2, "Status"),
        ):
            if is_read:
                self.dropped.append(cell)
            elif cell:
                texts.append(f"**{label}:** {cell}")
                unread += [cell] if (severity if label == "Severity" else status) is None else []
        if len(row.title) > _MOST_TITLE:
            texts.insert(0, row.title)
        is_web = row.url is not None and row.url.startswith(("https://", "http://"))
        if row.url is not None and not is_web:
            self.dropped.append(row.url)
        text = "\n\n".join(texts)
        text += f"\n\n{links}" if (links := self._add_links(text)) else ""
        return ReviewedFinding(
            key=row.own_id or row.title.casefold(),
            own_id=row.own_id if row.own_id and _ANY_ID.match(f"[{row.own_id}]") else None,
            title=row.title[:_MOST_TITLE],
            line=row.line,
            category=None,
            severity=severity or letter or self.path_severity,
            status=status,
            texts={"description": (text or row.title,)},
            cited=(),
            url=row.url,
            unread=tuple(unread),
        )

    def _read_finding(self, draft: _Draft, row: SummaryRow | None, fallback: str | None) -> ReviewedFinding:
        heading = draft.heading
        text, url, decoration = _bare_heading(heading.text)
        self.dropped.append(decoration)
        if url is not None and not url.startswith(("https://", "http://")):
            self.dropped.append(url)
        own_id, category, title, severity = self._read_title(text)
        if own_id is not None and own_id in text:
            self.dropped.append(own_id)
        if (prefix := text[: len(text) - len(title)]) and own_id is None:
            self.dropped.append(prefix)
        elif own_id is not None:
            self.dropped.append(prefix.replace(own_id, "", 1))
        texts, cited, rating, status = self._sort_sections(self._divide(draft))
        if len(title) > _MOST_TITLE:
            texts["description"] = [f"{title}\n\n", *texts.get("description", ())]
        if not _join(texts.get("description", ())).strip():
            # The field is required: the first text that there is takes its place.
            texts["description"] = texts.pop(next((name for name in _PROSE if _join(texts.get(name, ())).strip()), ""), [])
        status = status or self._find_reply(heading.last, draft.last)
        if row is not None:
            # What the section says itself goes first: tables are often older than the text.
            rating = rating or self.severities.read(row.severity)[0]
            status = status or read_status(row.status)
        letter = self.severities.name(re.split(r"[-0-9 ]", own_id)[0]) if own_id else None
        unread = tuple(
            self.lines[number].strip()
            for number, name in self.doubtful
            if heading.first < number < draft.last and (rating if name == "severity" else status) is None
        )
        return ReviewedFinding(
            key=own_id or title.casefold(),
            own_id=own_id,
            title=title[:_MOST_TITLE],
            line=heading.first,
            category=category or (draft.parent.text[:_MOST_TITLE] if draft.parent is not None else None),
            severity=rating or letter or severity or draft.severity or fallback,
            status=status,
            texts={name: self._link(chunks) for name, chunks in texts.items() if _join(chunks).strip()}
            or {"description": (title,)},
            cited=self._link(cited),
            url=url,
            unread=unread,
        )

    def _link(self, chunks: Sequence[str | Fence]) -> Chunks:
        """Return a text with the definitions of the links that it uses."""
        links = self._add_links("".join(chunk for chunk in chunks if isinstance(chunk, str)))
        return (*chunks, f"\n{links}\n") if links else tuple(chunks)

    def _sort_sections(
        self, sections: Sequence[_Section]
    ) -> tuple[dict[str, list[str | Fence]], list[str | Fence], str | None, Status | None]:
        """Return the texts by field, those that only name places, the severity, and the status."""
        texts: dict[str, list[str | Fence]] = {}
        cited: list[str | Fence] = []
        status: Status | None = None
        rating: str | None = None
        for section in sections:
            chunks = self._cut(section)
            if section.field in _RATINGS:
                value = _join(chunks)
                word, rest = self._split_rating(section.field, value)
                if isinstance(word, Status):
                    status = word
                elif isinstance(word, str):
                    rating = rating or word
                self.dropped.append(value.removesuffix(rest))
                if rest.strip():
                    texts.setdefault("description", []).append(rest.strip("\n") + "\n\n")
            elif section.field == "locations" and all(_is_citation(chunk) for chunk in chunks):
                cited += chunks
            else:
                name = section.field if section.field in _PROSE else "description"
                texts.setdefault(name, []).extend(chunks)
        return texts, cited, rating, status

    def _divide(self, draft: _Draft) -> list[_Section]:
        """Return the lines below the heading of a finding by field."""
        sections = [_Section("description", draft.heading.last, draft.last)]
        level, used = draft.heading.level, set[str]()
        for heading in self._headings_after(draft.heading):
            if heading.first >= draft.last:
                break
            # A heading below a field is a part of the field.
            if heading.field is None and heading.level > level and sections[-1].field != "description":
                continue
            sections[-1].last = heading.first
            name = heading.field if heading.field not in ("conclusion", "title") else None
            if name in _RATINGS and heading.level < _INLINE_LABEL:
                number = next((at for at in range(heading.last, draft.last) if self.lines[at].strip()), heading.first)
                line = heading.rest or self.lines[number]
                if not self._states(name, line):
                    # An uncertain rating stays text, with its heading.
                    if not _MATRIX.search(line) and (name == "status" or self.severities.mentions(line)):
                        self.doubtful.append((number, name))
                    name = None
            if name is None or (name in used and name not in _RATINGS):
                # What has no field, or has it already, keeps its heading.
                sections.append(_Section(name or "description", heading.first, draft.last))
                level = draft.heading.level if name is None else heading.level
                continue
            used.add(name)
            level = min(heading.level, 6)
            if name in _RATINGS and heading.level == _INLINE_LABEL:
                sections.append(_Section(name, heading.last, heading.last, heading.rest))
                self.dropped.append(heading.text)
                previous = next(
                    (section.field for section in reversed(sections) if section.field not in _RATINGS), "description"
                )
                sections.append(_Section(previous, heading.last, draft.last))
                continue
            is_inline = heading.level == _INLINE_LABEL
            self.dropped.append(heading.text if is_inline else heading.text.removesuffix(heading.rest))
            sections.append(_Section(name, heading.last, draft.last, heading.rest))
        return sections

    def _cut(self, section: _Section) -> list[str | Fence]:
        return [*([section.head + "\n"] if section.head else []), *self._chunks(section.first, section.last)]

    def _chunks(self, first: int, last: int) -> Iterator[str | Fence]:
        at = first
        for start, end, fence in islice(self.fences, bisect_left(self._lines_of_fences, first), None):
            if start >= last:
                break
            if start >= at and end <= last:
                if start > at:
                    yield "\n".join(self.lines[at:start]) + "\n"
                yield fence
                at = end
        if at < last:
            yield "\n".join(self.lines[at:last]) + "\n"

    # --- The engagement

    def _read_rest(self, drafts: Sequence[_Draft]) -> Iterator[EngagementText]:
        starts = [0, *(draft.last for draft in drafts)]
        ends = [*(draft.heading.first for draft in drafts), len(self.lines)]
        parents = {draft.parent for draft in drafts}
        waiting: list[str] = []
        seen = False
        if self.front.strip():
            yield EngagementText("sections", "Front matter", f"```yaml\n{self.front}\n```")
        for first, last in zip(starts, ends, strict=True):
            inside = [heading for heading in self.headings if first <= heading.first < last and heading.level < _BOLD_HEADING]
            cuts = [first, *(heading.first for heading in inside), last]
            for heading, (start, end) in zip([None, *inside], pairwise(cuts), strict=True):
                text = "\n".join(self.lines[heading.last if heading else start : end]).strip("\n")
                text += f"\n\n{links}" if (links := self._add_links(text)) else ""
                if text.strip("-*_ \t\n"):  # a rule alone is no text
                    yield from self._place_text(heading, waiting, text, is_first=not seen)
                    waiting, seen = [], True
                elif heading is not None:
                    is_plain = (
                        (heading.field and not heading.rest)
                        or self.severities.is_group(heading.text)
                        or _GENERIC.fullmatch(heading.text)
                    )
                    if is_plain:
                        self.dropped.append(heading.text)
                    elif heading not in parents:
                        waiting.append(heading.text)
        if waiting:
            yield EngagementText("sections", "Other headings", "\n".join(f"- {title}" for title in waiting))

    def _place_text(
        self, heading: _Heading | None, above: Sequence[str], text: str, *, is_first: bool
    ) -> Iterator[EngagementText]:
        """Yield a text outside of findings with its field; `above` are headings that have no text of their own."""
        titles = [*above]
        if heading is None or re.fullmatch(r"(?:executive )?summary:?|overview", heading.text, re.IGNORECASE):
            name = "summary"
        elif is_first and heading.level == 1:
            name = "summary"
            titles.append(heading.text)
        else:
            name = heading.field or "sections"
        if name not in ("summary", "recommendation", "conclusion"):
            yield EngagementText("sections", " · ".join([*titles, heading.text if heading else ""]), text)
            return
        if heading is not None and heading.text not in titles:
            self.dropped.append(heading.text)
        last = text.rfind("\n\n") + 1
        conclusion = text[last:].strip("\n") if last and name == "recommendation" else ""
        if not _CONCLUDES.match(conclusion):
            last, conclusion = len(text), ""
        title = f"**{' · '.join(titles)}**\n\n" if titles else ""
        yield EngagementText(name, "", title + text[:last].strip("\n"))
        if conclusion:
            yield EngagementText("conclusion", "", conclusion)

    # --- Headings and ratings

    def _read_label(self, text: str) -> tuple[str | None, str]:
        """Return the field that a heading names, and what follows the label."""
        bare = re.sub(r"^[0-9]{1,2}[.)] +", "", text).strip("*_ ")
        name = _LABELS.get(bare.rstrip(":： ").casefold())
        if name is not None:
            return name, ""
        label, colon, rest = bare.replace("：", ":", 1).partition(":")
        name = _LABELS.get(label.strip("*_ ").casefold()) if colon else None
        return (name, rest.strip("*_ ")) if name in _RATINGS and not _PREFIXED.match(text) else (None, "")

    def _read_title(self, text: str) -> tuple[str | None, str | None, str, str | None]:
        """Return the id, category, title and severity of a heading."""
        if match := _OWN_ID.match(text[:4].translate(_LOOKALIKES) + text[4:]):
            own_id = match["bracketed"] or match["bare"] or match["compact"] or match["long"]
            return own_id, None, match["title"].strip(), None
        if match := _PREFIXED.match(text):
            head = text[: match.end("noun")]
            severity = self.severities.name(head) if self.severities.begins(head) else None
            category = head if " " in head and not match["number"] and severity is None else None
            return None, category, match["title"].strip(), severity
        number = _NUMBER.match(text)
        return None, None, text[number.end() if number else 0 :].strip(), None

    def _states(self, name: str, line: str) -> bool:
        """Return True if a line gives a severity, or a status, for certain."""
        return (self.severities.read(line)[0] if name == "severity" else read_status(line)) is not None

    def _split_rating(self, name: str, value: str) -> tuple[str | Status | None, str]:
        """Return the severity or status that a text begins with, and what of the text says more."""
        first, _, rest = value.lstrip("\n").partition("\n")
        if name == "severity":
            word, is_alone = self.severities.read(first)
            return word, rest if is_alone else value
        status = read_status(first)
        return status, rest if status is not None and len(_WORDS.findall(first)) < 2 else value

    def _find_reply(self, first: int, last: int) -> Status | None:
        """Return the status that replies in some lines give; a last `Verified` leaves what was verified."""
        inside = {
            number
            for start, end, _ in islice(self.fences, bisect_left(self._lines_of_fences, first), None)
            if start < last
            for number in range(start, end)
        }
        status = None
        for number in range(first, last):
            match = _REPLY.match(self.lines[number]) if number not in inside else None
            # `**Acme:** Fixed in abc`; without a sign the words in bold begin a sentence.
            if match is None or not re.search("[:：–—-]", match["who"][-1] + match["sign"]):
                continue
            if _LABELS.get(match["who"].strip(" :：").casefold(), "response") != "response":
                continue
            reply = match["reply"]
            if reply[:8].casefold() == "verified" and _AFTER_RATING.match(reply, 8):
                status = status or Status.RESOLVED
            elif (stated := read_status(reply)) in _REPLIES:
                status = stated
        return status


def _has_id(text: str) -> bool:
    return _OWN_ID.match(text[:4].translate(_LOOKALIKES) + text[4:]) is not None


_LABEL_OF_LINK: Final = re.compile(r"\[(?P<text>[^\[\]]{1,200})\](?:\[(?P<label>[^\[\]]{0,200})\])?(?![(:])")


def _find_labels_of_links(text: str) -> Iterator[str]:
    """Yield the labels of `[text][label]`, `[label][]` and `[label]`, as Markdown compares them."""
    for match in _LABEL_OF_LINK.finditer(text):
        yield normalizeReference(match["label"] or match["text"])


def _find_row(rows: Sequence[SummaryRow], own_id: str | None, title: str) -> SummaryRow | None:
    """Return the row of a finding with its id, else the only one with its title."""
    key, words = find_id_key(own_id or ""), find_title_key(title)
    by_id = [row for row in rows if own_id and row.own_id and find_id_key(row.own_id) == key]
    by_title = [row for row in rows if words and find_title_key(row.title) == words]
    both = [row for row in by_id if row in by_title]
    for found in (both, by_id, by_title):
        # A renumbered table is about other findings: with ids, the titles decide.
        if found and (len(found) == 1 or all(_is_same(row, found[0]) for row in found)):
            return found[0]
    return None


def _is_same(row: SummaryRow, other: SummaryRow) -> bool:
    """Return True for two rows about one finding."""
    if row.own_id and other.own_id:
        return find_id_key(row.own_id) == find_id_key(other.own_id)
    return find_title_key(row.title) == find_title_key(other.title)


def _bare_heading(text: str) -> tuple[str, str | None, str]:
    """Return a heading without link and, before an id, decoration; the link's target; and the decoration."""
    if match := _LINKED.fullmatch(text):
        return match["text"], match["url"], ""
    before = _DECORATION.match(text)
    rest = text[before.end() :] if before else text
    decoration = text[: len(text) - len(rest)]
    mark = decoration.split(" ")[-1]
    if mark in ("*", "**", "_", "__"):
        rest = rest.removesuffix(mark) if rest.endswith(mark) else rest.replace(mark, "", 1)
    if match := _LINKED.fullmatch(rest):
        linked, url = match["text"], match["url"]
    elif match := _LINKED_ID.fullmatch(rest):
        linked, url = f"[{match['id']}] {match['title']}", match["url"]
    else:
        linked, url = rest, None
    return (linked, url, decoration) if _OWN_ID.match(linked) else (text, None, "")


_BETWEEN: Final = re.compile(r"[\s()\[\]<>,*`|]+")
_CITATION: Final = re.compile(
    r"https?://\S+|[\w@./\\-]+\.\w{1,5}(?:[:#]L?[0-9][0-9,L#–-]*+)?|[-+.:]*+|(?i:lines?:?)|[0-9]++(?:[-–][0-9]++)?:?"
)


def _is_citation(chunk: str | Fence) -> bool:
    """Return True for a fence, and for a text of nothing but places in code."""
    return isinstance(chunk, Fence) or all(_CITATION.fullmatch(word) for word in _BETWEEN.split(chunk))


def _join(chunks: Iterable[str | Fence]) -> str:
    return "".join(chunk if isinstance(chunk, str) else chunk.source + "\n" for chunk in chunks)
