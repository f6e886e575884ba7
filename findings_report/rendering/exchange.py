"""Findings for other programs: the five steps of severity that they know, a finding as Markdown and as plain text, and JSON.

Shared by the formats for code scanning, vulnerability managers and advisories. Values in, values out: everything here is of
the assembled report, in which editions, masks and the report's language have been applied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from findings_report.model.evidence import Region, Snippet
from findings_report.model.finding import Status
from findings_report.problems.safe_text import HIDDEN
from findings_report.prose.policy import plain_text
from findings_report.rendering import markdown
from findings_report.rendering.figures import number_figures
from findings_report.rendering.jinja_environment import TemplateRunner
from findings_report.rendering.template_files import FALLBACK, Template, builtin_templates

if TYPE_CHECKING:
    from findings_report.model.engagement import Severity
    from findings_report.model.passages import Passage
    from findings_report.model.report import ReportedEngagement, ReportedFinding, Score

_ANCHOR: Final = re.compile(r'<a id="[^"\n]*"></a>\n*')
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_UNDER: Final = 4  # headings of a finding's own texts are below those of its fields
_WEB: Final = ("https://", "http://", "mailto:")
_INDENT: Final = "    "


class Grade(IntEnum):
    """A step of the severities of CVSS and of the programs that take findings."""

    INFO = 0
    """No direct risk."""
    LOW = 1
    """Low."""
    MEDIUM = 2
    """Medium."""
    HIGH = 3
    """High."""
    CRITICAL = 4
    """Critical."""


_NAMES: Final = {
    Grade.CRITICAL: ("critical", "crit", "severe", "very high", "blocker", "extreme", "urgent", "kritisch", "critique"),
    Grade.HIGH: ("high", "major", "important", "serious", "hoch", "élevé", "elevé", "alto", "alta"),
    Grade.MEDIUM: ("medium", "moderate", "med", "mittel", "moyen", "medio", "media"),
    Grade.LOW: ("low", "minor", "niedrig", "faible", "bajo", "baja", "basso", "bassa"),
    Grade.INFO: ("info", "informational", "information", "informative", "note", "none", "negligible", "gas", "qa"),
}
_GRADES: Final = {name: grade for grade, names in _NAMES.items() for name in names}


def grade_severity(severity: Severity, scale: Sequence[Severity]) -> Grade:
    """Return the step of a severity: by its name; for another name by its place in the scale, most severe first."""
    known = _GRADES.get(re.sub(r"[\s_-]+", " ", severity.name.strip().casefold()))
    if known is not None:
        return known
    names = [entry.name for entry in scale]
    rank = names.index(severity.name) if severity.name in names else len(names) - 1
    # As for tickets: a scale of any length, mapped to five steps.
    return Grade(4 - round(max(rank, 0) * 4 / max(1, len(names) - 1)))


def grade_score(score: float) -> Grade:
    """Return the step of a CVSS score. Source: CVSS 3.1, section 5; CVSS 4.0, section 6."""
    limits = ((9.0, Grade.CRITICAL), (7.0, Grade.HIGH), (4.0, Grade.MEDIUM), (0.1, Grade.LOW))
    return next((grade for limit, grade in limits if score >= limit), Grade.INFO)


def best_score(finding: ReportedFinding) -> Score | None:
    """Return the highest of the finding's scores; None if it has none."""
    return max(finding.scores, key=lambda score: score.score, default=None)


def decided(finding: ReportedFinding) -> str:
    """Return why the finding has its status, as plain text: the newest note of its history with that status; else empty."""
    notes = [event.note for event in finding.history if event.status is finding.status and event.note]
    return plain_text(notes[-1]) if notes else ""


def days_of(finding: ReportedFinding, *statuses: Status) -> list[str]:
    """Return the days, YYYY-MM-DD, on which the finding got one of the statuses, oldest first; all days without statuses."""
    return sorted(event.date.isoformat() for event in finding.history if not statuses or event.status in statuses)


def open_runner(engagement: ReportedEngagement) -> TemplateRunner:
    """Return the program's own Markdown templates for the findings of an engagement.

    Not the engagement's: what other programs show must not depend on how its pages look.
    """
    template = Template(FALLBACK, (builtin_templates(),))
    return TemplateRunner(engagement, template=template, format="md", is_alone=True)


class FindingTexts:
    """A finding as Markdown that every program can show: pictures as their captions, code with its line numbers."""

    def __init__(self, runner: TemplateRunner, engagement: ReportedEngagement, finding: ReportedFinding) -> None:
        self._finding = finding
        self._runner = runner
        self._part = runner.new_part()
        self._translation = engagement.translation
        number_figures(self._part, finding)

    def whole(self) -> str:
        """Return all of the finding, as `-f md` prints it."""
        return _ANCHOR.sub("", self._runner.run("finding", self._part, finding=self._finding)).strip() + "\n"

    def passage(self, passage: Passage) -> str:
        """Return one text."""
        return str(markdown.prose(self._part.parse(passage.text), self._part, _UNDER)).strip()

    def join(self, passages: Sequence[Passage], *, with_headings: bool = True, with_code: bool = False) -> str:
        """Return texts one after the other; `with_code` puts the code that no text places after the first ones."""
        blocks: list[str] = []
        before = [passage for passage in passages if passage.position.is_before_code]
        for passage in before:
            blocks += self._blocks(passage, with_headings=with_headings)
        for snippet in self._finding.unplaced if with_code else ():
            figure = self._part.numbers.get(snippet.index)
            if figure is not None:
                blocks.append(_ANCHOR.sub("", str(self._part.draw(self._part, figure, None))).strip())
        for passage in passages:
            if not passage.position.is_before_code:
                blocks += self._blocks(passage, with_headings=with_headings)
        return "\n\n".join(block for block in blocks if block)

    def _blocks(self, passage: Passage, *, with_headings: bool) -> Iterator[str]:
        if with_headings and passage.position != "lead":
            yield f"#### {markdown.escape(self._translation.gettext(passage.subheading or passage.heading))}"
        yield self.passage(passage)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def strip_markup(text: str) -> str:
    """Return Markdown as plain text."""
    return to_plain(SyntaxTreeNode(_parser().parse(text)))


def to_plain(tree: SyntaxTreeNode) -> str:
    """Return the document, with one line end at its end."""
    return "\n\n".join(_list_blocks(tree)).strip("\n") + "\n"


def _list_blocks(node: SyntaxTreeNode) -> Iterator[str]:
    for child in node.children:
        if (block := _block(child)).strip():
            yield block


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            text = _inlines(node)
            return f"{text}\n{('=' if node.tag in ('h1', 'h2') else '-') * len(text)}"
        case "fence" | "code_block":
            return _prefix(node.content.rstrip("\n"), _INDENT, _INDENT)
        case "blockquote":
            return _prefix("\n\n".join(_list_blocks(node)), "> ", "> ")
        case "bullet_list":
            return "\n".join(_item(item, "- ") for item in node.children)
        case "ordered_list":
            first = int(node.attrs.get("start", 1))
            return "\n".join(_item(item, f"{number}. ") for number, item in enumerate(node.children, first))
        case "table":
            return "\n".join(_row(row) for part in node.children for row in part.children)
        case "hr":
            return "-" * 20
        case _:
            return _inlines(node) if node.children else node.content


def _item(node: SyntaxTreeNode, bullet: str) -> str:
    tight = all(child.hidden or child.type.endswith("_list") for child in node.children)
    return _prefix(("\n" if tight else "\n\n").join(_list_blocks(node)), bullet, " " * len(bullet))


def _row(node: SyntaxTreeNode) -> str:
    return " | ".join(_inlines(cell) for cell in node.children)


def _prefix(text: str, first: str, others: str) -> str:
    """Put `first` before the first line and `others` before the rest. A line of blanks alone becomes empty."""
    lines = text.split("\n")
    return "\n".join((f"{first if index == 0 else others}{line}").rstrip() for index, line in enumerate(lines))


def _inlines(node: SyntaxTreeNode) -> str:
    return "".join(_inline(child) for child in node.children)


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "s":
            return f"~~{_inlines(node)}~~"
        case "link":
            text, address = _inlines(node), str(node.attrs.get("href", ""))
            return f"{text} ({address})" if address.startswith(_WEB) and address != text else text
        case _:
            return _inlines(node) if node.children else node.content


def encode_path(path: str) -> str:
    """Return a path as a relative URI: everything that is not unreserved is `%`-encoded. Source: RFC 3986, 2.3 and 4.2."""
    return quote(path, safe="/", errors="surrogatepass")


def regions_of(snippet: Snippet) -> tuple[Region, ...]:
    """Return the cited lines; of a file that is cited as a whole, all of them, and line 1 if their number is not known."""
    return snippet.regions or (Region(start_line=1, end_line=max(snippet.file_lines or 1, 1)),)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that have a value."""
    return {key: value for key, value in values.items() if value is not None}


def to_json(value: Any) -> bytes:
    """Return JSON with keys in their order, two blanks of indentation, hidden characters escaped, and a line end at the end."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _SURROGATE.sub(_escape, HIDDEN.sub(_escape, text)).encode() + b"\n"


def _escape(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]
