"""The blocks of a review in Markdown: headings, labels, blocks of code, tables and definitions of links, by line. Pure.

A label is a heading such as `### Impact`, or `**Impact:**` at the beginning of a line: both name a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from findings_report.importing.ratings import MATRIX, RATINGS, Severities
from findings_report.importing.summary_tables import ReviewTable, read_tables
from findings_report.problems import FindingsReportError, Kind, Problem

_BLOCKS: Final = MarkdownIt("commonmark").enable("table")
# Only blocks are of interest here; the texts of the fields are parsed under the policy by whoever prints them.
_BLOCKS.core.ruler.disable("inline")

INLINE_LABEL: Final = 8
"""The level of a label at the beginning of a line, below those of headings."""
OTHER: Final = "other"
"""The field of a label that is none, in a list of labels, and of what follows the list."""
BOLD_HEADING: Final = 7
"""The level of a line in bold that has the id of a finding."""


MOST_HEADINGS: Final = 5_000
"""Headings and labels of a review; some steps look at all of them for each finding."""


_MOST_REPAIRS: Final = 20
"""Blocks of code that are closed, one after the other."""
_MOST_REPARSED: Final = 20_000_000
"""Characters that are parsed again for it."""
_BARE_SEVERITY: Final = re.compile(
    r"(?P<label>[ >*_-]{0,8}severity(?: level| rating)?) {1,3}(?P<rest>\S.{0,40})", re.IGNORECASE
)


_LABELLED: Final = re.compile(
    r"[ >]{0,6}(?:[-*+] {1,3})?(?:\*\*?|__?)?(?P<label>[\w][\w ()/-]{0,40}?)"
    r"(?:\.\*\* |(?:\*\*?|__?) ?[:：] ?|[:：] ?(?:\*\*?|__?)?(?: |$|(?=[^\s/]))|(?:\*\*|__)(?:$|(?= )))"
)
_ITEM: Final = re.compile(
    r"(?P<marker> {0,3}(?:[-*+]|[0-9]{1,3}[.)]) {1,4})?(?P<text>(?:[^\w\s\[\]\\()`\"'~*<$@/.{-]{1,3} )?"
    r"(?:\*\*|__)(?P<title>[^*_\n][^*\n]{1,200})(?:\*\*|__))(?P<rest>.*)"
)
_FRONT: Final = re.compile(r"[\w.-]++ *:(?: .*)?|[ \t].*|- .*|")
"""A line of front matter."""
LABELS: Final[Mapping[str, str]] = {
    label: name
    for name, labels in {
        "description": "description,details,detail,vulnerability detail,vulnerability details,finding description"
        ",detailed description,issue description,bug description,description of the issue,finding description and impact"
        ",vulnerability description,finding details,technical details,brief/intro,issue,problem,what,what is wrong,explanation"
        ",beschreibung,problème,descripción,problema,描述,问题描述,漏洞描述,详细描述",
        "summary": "summary,brief,概述,摘要",
        "impact": "impact,impacts,consequences,potential impact,impact explanation,impact details"
        ",impact analysis,security impact,why it matters,why this matters,risk and impact,auswirkung,auswirkungen"
        ",impacto,影响,漏洞影响",
        "scenario": "exploit scenario,attack scenario,scenario,attack path,exploitation,attack vector,攻击场景",
        "proof": "proof of concept,proof of concept (optional)"
        ",proof-of-concept,poc,proof,steps to reproduce,coded poc,概念验证",
        "recommendation": "recommendation,recommendations,recommended mitigation,recommended mitigation steps,mitigation"
        ",recommended mitigation step,mitigation steps,solution,fix,suggested fix,remediation,suggestion,suggestions"
        ",recommended fix,proposed fix,suggested fixes,fix requirement,recommendation (optional),how to fix"
        ",recommended solution,suggested remediation,recommended remediation,recommended action,remediation steps"
        ",recommended change,proposed solution,empfehlung,empfehlungen,recommandation,recommandations,recomendación"
        ",recomendaciones,修复建议,建议,解决方案",
        "response": "response,client response,developer response,team response,project response,修复情况",
        "title": "title,bug title,issue title,finding title,vulnerability title,标题",
        "locations": "affected locations,affected location,affected files"
        ",lines,line,location,locations,code snippet,code snippets,affected code,vulnerable code,code location"
        ",lines of code,links to affected code,affected lines,code reference,code,file,files,file(s),file path,path,where"
        ",line number,line numbers,line(s),affected file,affected file(s),vulnerable lines,vulnerable file,source file"
        ",datei,zeile,zeilen,fichier,ligne,lignes,emplacement,archivo,línea,líneas,ubicación,代码位置,位置,文件",
        "severity": "severity,classification,severity level"
        ",risk,risk level,risk rating,criticality,schweregrad,gravité,sévérité,criticité,severidad,gravedad"
        ",严重级别,严重程度,严重性,级别,等级,风险等级",
        "status": "status,状态",
        "conclusion": "conclusion,conclusions,overall conclusion,结论,总结",
    }.items()
    for label in labels.split(",")
}
"""Fields by the labels that reviews have for them, in lower case."""
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
OWN_ID: Final = re.compile(
    r"(?:(?i:issue|finding|vulnerability|bug) +)?(?:"
    r"\\?\[(?P<bracketed>[A-Za-z]{0,6}(?:-[A-Z]{1,10})?[- ]?[0-9]{1,4})\\?\][ :.–—-]*+"
    rf"|(?P<bare>(?:{_LETTERS})-[0-9]{{1,3}})(?: *[:.–—-] *| +)"
    # Without the hyphen a sign has to follow: `L2 considerations` is about a layer.
    rf"|(?P<compact>(?:{_LETTERS})[0-9]{{1,3}})(?: *[:–—] *|\. +| +- +)"
    rf"|(?P<long>(?!(?:{_STANDARDS})-)(?:[A-Z]{{2,10}}|[A-Z](?=-[A-Z]))(?:-[A-Z0-9]{{1,10}}){{0,2}}-[0-9]{{1,4}})"
    r"(?: *[:–—] *| +- +)"
    r")(?P<title>\S.*)"
)
_ID_HEADING: Final = re.compile(rf"#{{1,6}} +\\?\[(?:{_LETTERS})-[0-9]{{1,3}}\\?\] ")
"""A heading that is no comment of code."""
_LOOKALIKES: Final = str.maketrans("СНМІ", "CHMI")
"""Cyrillic letters of ids."""
NUMBER: Final = re.compile(r"[0-9]{1,3}[.)] +(?=\S)")
"""The number of a finding in its group."""
ANY_ID: Final = re.compile(rf"\W{{0,4}}\[(?:{_LETTERS})-?[0-9]{{1,3}}\\?\]|\W{{0,4}}(?:{_LETTERS})-[0-9]{{1,3}}\b")
"""The beginning of a heading that may well be a finding's."""
PREFIXED: Final = re.compile(
    r"(?>(?P<category>(?:security|potential|code|critical|high|medium|low) )*)(?P<noun>defect|vulnerability|issue|finding|bug"
    r"|weakness|concern|problem)(?: *#?(?P<number>[0-9]{1,3}))?(?: ?[\[(](?P<rating>\w{1,20})[\])])? *[:：–—-] *"
    r"(?P<title>\S.*)",
    re.IGNORECASE,
)
_BEFORE_TITLE: Final = re.compile(
    r"(?:[^\w\s\[\]\\()`\"'~*#<$@/.{-]{1,3} )?(?:(?P<number>#[0-9]{1,3}[.):]?|[A-Z][0-9]{1,3}[.):]"
    r"|[0-9]{1,3}[.):]|[0-9]{1,2}(?:\.[0-9]{1,2}){1,3}[.)]?) )?"
    r"(?:[^\w\s\[\]\\()`\"'~*#<$@/.{-]{1,3} )?"
)
"""A symbol and the number of a heading: `🔴 1. Title`, `#1 Title`, `F1. Title`, `3.1 Title`."""


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


@dataclass(frozen=True)
class Heading:
    """A heading, a line in bold that counts as one, or a label."""

    first: int
    """0-based line."""
    last: int
    """The line after it."""
    level: int
    """1 to 6, BOLD_HEADING or INLINE_LABEL."""
    text: str
    field: str | None = None
    """The field that it names."""
    rest: str = ""
    """What follows the label in its line."""


@dataclass(frozen=True)
class Item:
    """A point of a list, or a paragraph, that begins in bold, as findings of short reviews do."""

    first: int
    """0-based line."""
    last: int
    """The line after it."""
    indent: int
    """The columns before its text."""
    title: str
    """What is in bold, with a severity in brackets behind it."""
    rest: str
    """What follows in its first line."""
    is_numbered: bool
    group: int
    """The first line of its list; its own for a paragraph."""

    @property
    def is_paragraph(self) -> bool:
        """Whether it is no point of a list."""
        return self.indent == 0


class ReviewBlocks:
    """The lines of a review, and what its blocks are. Front matter and definitions of links are taken out of the lines."""

    def __init__(self, text: str, severities: Severities) -> None:
        """Read a text whose line ends are line feeds.

        Raises FindingsReportError (INPUT), without a place, for more than MOST_HEADINGS headings.
        """
        self.lines = text.split("\n")
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
        """The first line of each, the line after it, and the block."""
        self.headings: list[Heading] = []
        """Headings and labels, in the order of the text."""
        self.doubtful: list[tuple[int, str]] = []
        """Lines of severity or status, with that word, which say more than one thing, or none for certain."""
        self.tables: list[ReviewTable] = []
        self.items: list[Item] = []
        """Points of lists and paragraphs that begin in bold, outside of other blocks, in the order of the text."""
        self.links: dict[str, str] = {}
        """Definitions of links that are used, by label."""
        self._read_blocks(text)

    def _read_blocks(self, text: str) -> None:
        environment: dict[str, Any] = {}
        tokens = _BLOCKS.parse(text, environment)
        tokens = self._close_fences(tokens, environment)
        self.tables += read_tables(tokens)
        top, start = "", 0
        is_field_list = False
        for index, token in enumerate(tokens):
            if token.map is None:
                continue
            first, last = token.map
            if token.level == 0:
                top, start = token.type, first
                is_field_list = top == "bullet_list_open" and self._is_field_list(tokens, index)
            if token.type == "fence":
                self._add_fence(first, last, token.info, token.content, token.markup)
            elif token.level == 0 and token.type == "heading_open":
                self._add_heading(first, last, int(token.tag[1]), " ".join(tokens[index + 1].content.split()))
            elif token.type == "paragraph_open" and (token.level == 0 or (token.level == 2 and top == "bullet_list_open")):
                self._find_labels(first, last, is_list=token.level > 0 and not is_field_list, is_field_list=is_field_list)
            elif token.type == "bullet_list_open" and token.level == 0 and is_field_list:
                # What follows the list belongs to none of its fields.
                self.headings.append(Heading(last, last, INLINE_LABEL, "", OTHER))
            if (token.type, token.level) in (("list_item_open", 1), ("paragraph_open", 0)):
                self._add_item(first, last, start, is_numbered=top == "ordered_list_open")
        self.headings.sort(key=lambda heading: heading.first)
        self._take_links(environment.get("references", {}))
        if (count := max(len(self.headings), len(self.fences))) > MOST_HEADINGS:
            fault = f"it has {count:,} headings, labels or blocks of code; at most {MOST_HEADINGS:,} are read"
            raise FindingsReportError(Problem(Kind.INPUT, fault, "divide it", code="import-size"))

    def _is_field_list(self, tokens: Sequence[Token], at: int) -> bool:
        """Return True for a list of nothing but labels, of which some are known: `- **Impact:** ...`."""
        lines = [self.lines[token.map[0]] for token in _items_of(tokens, at) if token.map is not None]
        matches = [match for line in lines if (match := _LABELLED.match(line)) is not None]
        names = {LABELS.get(match["label"].strip().casefold()) for match in matches} - {None}
        # Without emphasis one label may be the first word of a sentence.
        is_bold = all("**" in match[0] for match in matches)
        return len(matches) == len(lines) and len(names) > (0 if is_bold else 2)

    def _add_item(self, first: int, last: int, group: int, *, is_numbered: bool) -> None:
        match = _ITEM.match(self.lines[first])
        # A link in bold is about what is elsewhere.
        if match is None or "](" in match["title"]:
            return
        rest = match["rest"]
        title = match["title"].strip(" :：.")
        if rating := self.severities.match_after(rest):
            title, rest = f"{title} {rating[0].strip(' :：–—-')}", rest[rating.end() :]
        # Of a paragraph the whole line is its title, as a heading is.
        if match["marker"] or not rest.strip(" :：."):
            is_numbered = is_numbered or bare_title(title)[1] is not None
            self.items.append(Item(first, last, match.start("text"), title, rest.lstrip(" :：–—-."), is_numbered, group))

    def states_severity(self, item: Item) -> bool:
        """Return True if a line of an item, or of what follows a paragraph, is a label of severity."""
        matches = map(_LABELLED.match, (line.strip() for line in self.lines[item.first : item.last]))
        return any(match is not None and LABELS.get(match["label"].strip().casefold()) == "severity" for match in matches)

    def promote(self, items: Sequence[Item]) -> list[str]:
        """Make headings of items, with their text below; return what was before them: signs and numbers of lists."""
        markers = []
        for item in items:
            markers.append(self.lines[item.first][: item.indent])
            self.lines[item.first] = self.lines[item.first][item.indent :]
            for number in range(item.first + 1, item.last):
                line = self.lines[number]
                self.lines[number] = line[min(item.indent, len(line) - len(line.lstrip(" "))) :]
        titles = {item.first: item for item in items}
        self.fences, self.headings, self.doubtful, self.tables, self.items = [], [], [], [], []
        self._read_blocks("\n".join(self.lines))
        self.headings = [heading for heading in self.headings if heading.first not in titles]
        self.headings += [Heading(at, at + 1, BOLD_HEADING, item.title, rest=item.rest) for at, item in titles.items()]
        self.headings.sort(key=lambda heading: heading.first)
        return markers

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
        used = {label for line in self.lines for label in find_labels_of_links(line)}
        for label, reference in references.items():
            first, last = reference.get("map") or (0, 0)
            lines = self.lines[first:last]
            if label in used and lines and all(line.strip() and not line.startswith((" ", "\t", ">")) for line in lines[:1]):
                self.links[label] = "\n".join(lines)
                self.lines[first:last] = [""] * len(lines)

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
        name, rest = read_label(text)
        self.headings.append(Heading(first, last, level, text, name, rest))

    def _find_labels(self, first: int, last: int, *, is_list: bool, is_field_list: bool) -> None:
        for number in range(first, last):
            line = self.lines[number]
            bare = line.strip()
            if bare.startswith("**") and bare.endswith("**") and last - first == 1:
                inner = bare.strip("*").strip()
                if OWN_ID.match(bare_heading(inner)[0]):
                    self.headings.append(Heading(number, number + 1, BOLD_HEADING, inner))
                    continue
            bare_rating = _BARE_SEVERITY.fullmatch(line)
            if bare_rating is not None and self.severities.read(bare_rating["rest"])[1]:
                label, rest = bare_rating["label"], bare_rating["rest"]
                self.headings.append(Heading(number, number + 1, INLINE_LABEL, label, "severity", rest))
                continue
            if (label := self._read_label(number, is_list=is_list, is_field_list=is_field_list)) is not None:
                self.headings.append(label)

    def _read_label(self, number: int, *, is_list: bool, is_field_list: bool) -> Heading | None:
        """Return the label that a line begins with; None if it has none, or one that is not certain."""
        line = self.lines[number]
        match = _LABELLED.match(line)
        name = LABELS.get(match["label"].strip().casefold(), OTHER if is_field_list else None) if match else None
        if match is None or name in (None, "title"):
            return None
        rest = line[match.end() :]
        is_bold = re.search(r"[*_]", match[0].lstrip(" >-*+")) is not None or "**" in match[0]
        is_place = name == "locations" and bool(rest.strip()) and is_citation(rest)
        # A plain `Impact: ...` may be a sentence; of plain lines and of lists only ratings and places are read.
        is_certain = is_field_list or (is_bold and not is_list) or name in RATINGS or is_place
        # `**Where:** the form` keeps its label: the text is no place in code; `**Impact:** High` is a part of the rating.
        has_own_label = (name == "locations" and bool(rest.strip()) and not is_place) or (
            name == "impact" and self.severities.is_word(rest)
        )
        if not is_certain or has_own_label:
            return None
        if name in RATINGS and not self.severities.states(name, rest):
            is_doubtful = self.severities.mentions(rest) if name == "severity" else is_bold
            # `Classification` and `Risk` may be about something else.
            if rest.strip() and is_doubtful and not MATRIX.search(rest):
                self.doubtful.append((number, name))
            return None
        return Heading(number, number + 1, INLINE_LABEL, match[0], name, rest)


_BETWEEN_CITATIONS: Final = re.compile(r"[\s()\[\]<>,*`|]+")
_CITATION: Final = re.compile(
    r"https?://\S+|[\w@./\\-]+\.\w{1,5}(?:[:#]L?[0-9][0-9,L#–-]*+)?|[-+.:]*+|(?i:lines?:?)|[0-9]++(?:[-–][0-9]++)?:?"
)


def is_citation(text: str) -> bool:
    """Return True for a text of nothing but places in code."""
    return all(_CITATION.fullmatch(word) for word in _BETWEEN_CITATIONS.split(text))


def _items_of(tokens: Sequence[Token], at: int) -> Iterator[Token]:
    """Yield the points of the list of the top level that `tokens[at]` begins."""
    for token in islice(tokens, at + 1, None):
        if token.level == 0:
            return
        if token.type == "list_item_open" and token.level == 1:
            yield token


def read_label(text: str) -> tuple[str | None, str]:
    """Return the field that a heading names, and what follows the label."""
    bare = re.sub(r"^[0-9]{1,2}[.)] +", "", text).strip("*_ ")
    name = LABELS.get(bare.rstrip(":： ").casefold())
    if name is not None:
        return name, ""
    label, colon, rest = bare.replace("：", ":", 1).partition(":")
    name = LABELS.get(label.strip("*_ ").casefold()) if colon else None
    return (name, rest.strip("*_ ")) if name in RATINGS and not PREFIXED.match(text) else (None, "")


def match_id(text: str) -> re.Match[str] | None:
    """Return the match of OWN_ID if a heading begins with an id, in Latin letters or in their Cyrillic doubles."""
    return OWN_ID.match(text[:4].translate(_LOOKALIKES) + text[4:])


def bare_title(text: str) -> tuple[str, str | None]:
    """Return a heading without emphasis, symbol and number, and its number: `F1` of `F1. Title`; None without one."""
    before = _BEFORE_TITLE.match(text := _without_emphasis(text))
    number = before["number"] if before else None
    return _without_emphasis(text[before.end() :] if before else text), number and number.strip("#.):")


def _without_emphasis(text: str) -> str:
    for mark in ("**", "__", "*", "_"):
        inner = text[len(mark) : -len(mark)]
        if inner and mark not in inner and text == f"{mark}{inner}{mark}":
            return inner
    return text


def bare_heading(text: str) -> tuple[str, str | None, str]:
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
    return (linked, url, decoration) if OWN_ID.match(linked) else (text, None, "")


_LABEL_OF_LINK: Final = re.compile(r"\[(?P<text>[^\[\]]{1,200})\](?:\[(?P<label>[^\[\]]{0,200})\])?(?![(:])")


def find_labels_of_links(text: str) -> Iterator[str]:
    """Yield the labels of `[text][label]`, `[label][]` and `[label]`, as Markdown compares them."""
    for match in _LABEL_OF_LINK.finditer(text):
        yield normalizeReference(match["label"] or match["text"])
