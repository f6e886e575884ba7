"""Findings for other programs: the five steps of severity that they know, a finding as Markdown and as plain text, and the
formats of vulnerability managers: DefectDojo's generic findings and GitLab's report of static analysis.

Everything here is of the assembled report, in which editions, masks and the report's language have been applied.
Source: DefectDojo, dojo/tools/generic/json_parser.py (allowed keys); GitLab, security-report-schemas 15.0.7. docs/formats.md
has the mapping.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from findings_report import __version__
from findings_report.model.evidence import Region, Snippet
from findings_report.model.finding import ANSWERED, Confidence, Status
from findings_report.model.passages import Position
from findings_report.problems import Kind, Problem
from findings_report.problems.safe_text import HIDDEN
from findings_report.prose.policy import plain_text
from findings_report.rendering import markdown
from findings_report.rendering.figures import number_figures
from findings_report.rendering.jinja_environment import TemplateRunner
from findings_report.rendering.template_files import FALLBACK, Template, builtin_templates
from findings_report.report.formats import Rendered

if TYPE_CHECKING:
    from findings_report.model.engagement import Severity
    from findings_report.model.passages import Passage
    from findings_report.model.report import Report, ReportedEngagement, ReportedFinding, Score

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


GITLAB_VERSION: Final = "15.0.7"
"""The version of GitLab's schema."""

_NAMESPACE: Final = uuid.UUID("6e47713a-0616-4462-a8e6-49a7cf78ca60")  # that of manifests
_WORDS: Final = {
    Grade.CRITICAL: "Critical",
    Grade.HIGH: "High",
    Grade.MEDIUM: "Medium",
    Grade.LOW: "Low",
    Grade.INFO: "Info",
}
"""Severities of DefectDojo and GitLab."""

# DefectDojo counts confidence from 1, certain, to 10.
_CONFIDENCE: Final = {Confidence.CONFIRMED: 1, Confidence.LIKELY: 4, Confidence.UNCONFIRMED: 8}
_LONGEST_TITLE: Final = 500  # characters; DefectDojo's column has 511
_LONGEST_NAME: Final = 255  # of a vulnerability of GitLab
_LONGEST_SOLUTION: Final = 7_000
_LONGEST_DESCRIPTION: Final = 1_048_576
_LONGEST_PATH: Final = 4_000
_WITHOUT_DATE: Final = date(1970, 1, 1)

_OWN_FIELDS: Final = (("impact",), ("proof",), ("scenario",), ("severity_reason",))
"""Texts for which DefectDojo has fields."""


def render_defectdojo(report: Report) -> Rendered:
    """Return the report as DefectDojo's "Generic Findings Import" takes it."""
    runner = open_runner(report.engagement)
    findings = [_describe(report, finding, FindingTexts(runner, report.engagement, finding)) for finding in report.findings]
    head = {
        "name": report.engagement.title,
        "type": "findings-report",
        "version": report.engagement.version,
        "description": report.summary,
    }
    return Rendered(to_json(without_none(head) | {"findings": findings}))


def _describe(report: Report, finding: ReportedFinding, texts: FindingTexts) -> dict[str, Any]:
    """Return a finding with DefectDojo's keys, of which it refuses all others."""
    by_path = {passage.path: passage for passage in finding.prose}
    advice = [passage for passage in finding.prose if passage.position in (Position.ADVICE, Position.FIX)]
    rest = [passage for passage in finding.prose if passage not in advice and passage.path not in _OWN_FIELDS]
    steps = [by_path[path] for path in (("scenario",), ("proof",)) if path in by_path]
    first = finding.main_snippet
    scores = {score.version.split(".")[0]: score for score in finding.scores}
    ends = days_of(finding, *ANSWERED)
    days = days_of(finding)
    reported = days[0] if days else (report.engagement.date.isoformat() if report.engagement.date else None)
    is_answered = finding.status in ANSWERED
    described = {
        "title": _cut(plain_text(finding.title), _LONGEST_TITLE),
        "severity": _WORDS[grade_severity(finding.severity, report.engagement.severities)],
        "description": texts.join(rest, with_code=True) or plain_text(finding.title),
        "mitigation": texts.join(advice) or None,
        "impact": _text(texts, by_path.get(("impact",))),
        "steps_to_reproduce": texts.join(steps) or None,
        "severity_justification": _text(texts, by_path.get(("severity_reason",))),
        "references": "\n".join(_list_references(finding)) or None,
        "date": reported,
        "cwe": int(finding.cwe[0].id.removeprefix("CWE-")) if finding.cwe else None,
        "cwes": [weakness.id for weakness in finding.cwe] if len(finding.cwe) > 1 else None,
        "cvssv3": scores["3"].vector if "3" in scores else None,
        "cvssv3_score": scores["3"].score if "3" in scores else None,
        "cvssv4": scores["4"].vector if "4" in scores else None,
        "cvssv4_score": scores["4"].score if "4" in scores else None,
        "active": not is_answered and finding.status is not Status.RISK_ACCEPTED,
        "verified": finding.confidence is Confidence.CONFIRMED,
        "false_p": finding.status is Status.FALSE_POSITIVE,
        "risk_accepted": finding.status is Status.RISK_ACCEPTED,
        "under_review": finding.status is Status.UNDETERMINED,
        "is_mitigated": finding.status is Status.RESOLVED,
        "mitigated": ends[-1] if finding.status is Status.RESOLVED and ends else None,
        "file_path": _cut(first.path, _LONGEST_PATH) if first else None,
        "line": first.regions[0].start_line if first and first.regions else None,
        "static_finding": True,
        "dynamic_finding": False,
        "scanner_confidence": _CONFIDENCE[finding.confidence] if finding.confidence else None,
        "unique_id_from_tool": finding.id,
        "vuln_id_from_tool": finding.id,
        "service": first.repository if first and len(report.engagement.repositories) > 1 else None,
        "planned_remediation_date": finding.due.isoformat() if finding.due else None,
        "tags": list(dict.fromkeys(finding.tags)) or None,
        "endpoints": [each.name for each in finding.affected if each.kind in ("url", "host")] or None,
    }
    return without_none(described)


def _text(texts: FindingTexts, passage: Passage | None) -> str | None:
    return texts.passage(passage) if passage is not None else None


def _list_references(finding: ReportedFinding) -> Iterator[str]:
    for reference in finding.references:
        yield f"- {reference.title}: {reference.url}" if reference.title else f"- {reference.url}"
    yield from (f"- {snippet.permalink}" for snippet in finding.snippets if snippet.permalink)


def render_gitlab(report: Report) -> Rendered:
    """Return the report as GitLab's artifact `sast`. A finding that cites no code is left out: GitLab drops it without one."""
    engagement = report.engagement
    runner = open_runner(engagement)
    shown = [finding for finding in report.findings if finding.status not in ANSWERED]
    located = [finding for finding in shown if finding.snippets]
    name = "findings-report"
    program = {"id": name, "name": name, "version": __version__, "vendor": {"name": name}}
    day = engagement.date or _WITHOUT_DATE
    start = engagement.period.start if engagement.period else day
    scan = {
        "analyzer": program,
        "scanner": program,
        "type": "sast",
        # From the report: the same findings give the same bytes on every day.
        "start_time": f"{min(start, day).isoformat()}T00:00:00",
        "end_time": f"{day.isoformat()}T00:00:00",
        "status": "success",
    }
    document = {
        "version": GITLAB_VERSION,
        "schema": "https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/"
        f"v{GITLAB_VERSION}/dist/sast-report-format.json",
        "scan": scan,
        "vulnerabilities": [_report(report, finding, FindingTexts(runner, engagement, finding)) for finding in located],
    }
    return Rendered(to_json(document), tuple(_explain_left_out(report.findings, located)))


def _explain_left_out(findings: Sequence[ReportedFinding], located: Sequence[ReportedFinding]) -> Iterator[Problem]:
    count = len(findings) - len(located)
    if count:
        verb = "finding is" if count == 1 else "findings are"
        fault = f"{count} {verb} left out of the GitLab report: resolved, a false positive, or without a location"
        remedy = "GitLab marks what is left out as no longer detected"
        yield Problem(Kind.OUTPUT, fault, remedy, level="note", code="gitlab-left-out")


def _report(report: Report, finding: ReportedFinding, texts: FindingTexts) -> dict[str, Any]:
    """Return a finding as a vulnerability of GitLab."""
    engagement = report.engagement
    first = finding.main_snippet or finding.snippets[0]
    region = regions_of(first)[0]
    advice = [passage for passage in finding.prose if passage.position is Position.ADVICE]
    rest = [passage for passage in finding.prose if passage not in advice]
    vectors = [score.vector for score in finding.scores if score.version.startswith("3") and len(score.vector) <= 128][:10]
    links = [{"name": reference.title or reference.url, "url": reference.url} for reference in finding.references]
    links += [{"name": snippet.path, "url": snippet.permalink} for snippet in finding.snippets if snippet.permalink]
    vulnerability: dict[str, Any] = {
        "id": str(uuid.uuid5(_NAMESPACE, f"{engagement.title}\n{finding.id}")),
        "name": _cut(f"{finding.id}: {plain_text(finding.title)}", _LONGEST_NAME),
        "description": _cut(texts.join(rest, with_code=True), _LONGEST_DESCRIPTION),
        "severity": _WORDS[grade_severity(finding.severity, engagement.severities)],
        "solution": _cut(texts.join(advice), _LONGEST_SOLUTION) or None,
        "identifiers": list(_identify(finding)),
        "location": without_none(
            {
                "file": first.path,
                "start_line": region.start_line if first.regions else None,
                "end_line": region.end_line if first.regions else None,
                "class": first.symbol.rpartition(".")[0] or None if first.symbol else None,
                "method": first.symbol.rpartition(".")[2] or None if first.symbol else None,
            }
        ),
        "links": [link for link in links if str(link["url"]).startswith(("https://", "http://"))] or None,
        # The schema knows 3.x; the vectors of 4.0 stay in the description's facts.
        "cvss_vectors": [{"vendor": "findings-report", "vector": vector} for vector in vectors] or None,
        "details": _list_places(finding) or None,
    }
    if first.fingerprints:
        signatures = [{"algorithm": "findings_report_region_v1", "value": first.fingerprints[0]}]
        items = [{"file": first.path, "start_line": region.start_line, "end_line": region.end_line, "signatures": signatures}]
        vulnerability["tracking"] = {"type": "source", "items": items}
    return without_none(vulnerability)


def _identify(finding: ReportedFinding) -> Iterator[dict[str, str]]:
    """Yield the identifiers: the finding's id first, since GitLab compares vulnerabilities by the first one."""
    yield {"type": "findings_report", "name": finding.id, "value": finding.id}
    for weakness in finding.cwe:
        number = weakness.id.removeprefix("CWE-")
        url = f"https://cwe.mitre.org/data/definitions/{number}.html"
        yield {"type": "cwe", "name": weakness.id, "value": number, "url": url}


def _list_places(finding: ReportedFinding) -> dict[str, Any]:
    """Return the locations but the first, which GitLab shows as such, and the status."""
    others = [
        {"type": "file-location", "file_name": snippet.path, "line_start": region.start_line, "line_end": region.end_line}
        for snippet in finding.snippets
        for region in regions_of(snippet)
    ][1:]
    details: dict[str, Any] = {"status": {"name": "Status", "type": "text", "value": finding.status.value}}
    if others:
        details["locations"] = {"name": "Other locations", "type": "list", "items": others}
    return details


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
