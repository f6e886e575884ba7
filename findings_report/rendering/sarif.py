"""A report or a comparison as SARIF 2.1.0, as GitHub's code scanning takes it: one run for each repository, one rule for each
finding, since code scanning reads severity and help from the rule.

Source: OASIS SARIF 2.1.0, errata 01; GitHub Docs, "SARIF support for code scanning". For other
readers there are code flows, suppressions, baselines and taxonomies, which code scanning ignores. docs/formats.md has the
mapping.
"""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from findings_report import __version__
from findings_report.model.comparison import Document
from findings_report.model.evidence import MARK, Region, Snippet
from findings_report.model.finding import Confidence, Status
from findings_report.model.report import Report, ReportedEngagement, ReportedFinding, ReportedRepository
from findings_report.problems import Kind, Problem
from findings_report.prose.policy import plain_text
from findings_report.rendering.exchange import (
    FindingTexts,
    Grade,
    best_score,
    decided,
    encode_path,
    grade_score,
    grade_severity,
    open_runner,
    regions_of,
    strip_markup,
    to_json,
    without_none,
)
from findings_report.rendering.labels import citation
from findings_report.report.formats import Rendered

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
"""The schema that the file names."""

NO_CODE: Final = "no file: the finding cites no code"
"""The path of a finding without code: code scanning refuses a file with a result that has no location."""

LEVELS: Final = {
    Grade.CRITICAL: "error",
    Grade.HIGH: "error",
    Grade.MEDIUM: "warning",
    Grade.LOW: "note",
    Grade.INFO: "note",
}
"""`level` by severity."""

SCORES: Final = {Grade.CRITICAL: 9.5, Grade.HIGH: 8.0, Grade.MEDIUM: 5.5, Grade.LOW: 2.0, Grade.INFO: 0.1}
"""`security-severity` of a finding without a CVSS score of its severity: the middle of the band; 0.1 is the least there is."""

_PRECISION: Final = {Confidence.CONFIRMED: "very-high", Confidence.LIKELY: "high", Confidence.UNCONFIRMED: "low"}
_SUPPRESSED: Final = {
    Status.RISK_ACCEPTED: "accepted",
    Status.FALSE_POSITIVE: "accepted",
    Status.RESOLVED: "accepted",
    Status.UNDETERMINED: "underReview",
}
_ROOT: Final = "%SRCROOT%"
_CWE_GUID: Final = "ffc64c90-42b6-44ce-8bcc-4c4cdb3b9f3c"  # ours, for the component that taxa refer to
_MOST_TAGS: Final = 20
_MOST_SHORT: Final = 1024  # characters of shortDescription and fullDescription that code scanning takes
_PLACEHOLDER: Final = re.compile(r"\{(\d+)\}")
_LANGUAGE: Final = re.compile(r"[a-zA-Z]{2}(-[a-zA-Z]{2})?\Z")
_SCP: Final = re.compile(r"(?:([^@/\s:]+)@)?([A-Za-z0-9.-]+):(?!//)([^\n]+)\Z")

# Source: GitHub Docs, "SARIF support for code scanning", limits of a file.
_LIMITS: Final = (
    ("runs", 20),
    ("results in a run", 25_000),
    ("locations of a result", 1_000),
    ("bytes once compressed", 10_000_000),
)

_Object = dict[str, Any]


@dataclass(frozen=True)
class _Entry:
    """A finding, and its change in a comparison."""

    finding: ReportedFinding
    state: str | None = None


def render(document: Document) -> Rendered:
    """Return the document as SARIF, with a warning for each limit of code scanning that it exceeds."""
    if isinstance(document, Report):
        entries = [_Entry(finding) for finding in document.findings]
        version = document.classification.version if document.classification else None
    else:
        entries = [_Entry(compared.latest, compared.change.value) for compared in document.findings]
        version = None
    engagement = document.engagement
    texts = open_runner(engagement)
    by_repository = _part(entries, [repository.name for repository in engagement.repositories])
    runs = []
    for name, listed in by_repository.items():
        help_texts = {entry.finding.id: FindingTexts(texts, engagement, entry.finding).whole() for entry in listed}
        runs.append(_Run(engagement, name, listed, help_texts, version, is_only=len(by_repository) == 1).build())
    content = to_json({"$schema": SCHEMA, "version": "2.1.0", "runs": runs})
    return Rendered(content, tuple(_find_exceeded(runs, content)))


def _part(entries: Sequence[_Entry], repositories: Sequence[str]) -> dict[str, list[_Entry]]:
    """Return the findings by the repository of their first location, in the engagement's order; at least one run.

    Code scanning shows the paths of a file in one repository, so each repository has a run of its own.
    """
    by_repository: dict[str, list[_Entry]] = defaultdict(list)
    default = repositories[0] if repositories else ""
    for entry in entries:
        main = entry.finding.main_snippet
        by_repository[main.repository if main is not None else default].append(entry)
    order = [name for name in (*repositories, *by_repository) if name in by_repository]
    return {name: by_repository[name] for name in dict.fromkeys(order or [default])}


def severity_number(finding: ReportedFinding, engagement: ReportedEngagement) -> str:
    """Return `security-severity`: the finding's CVSS score if it is in the band of its severity, else the band's middle."""
    grade = grade_severity(finding.severity, engagement.severities)
    score = best_score(finding)
    value = SCORES[grade] if score is None or grade_score(score.score) is not grade else max(score.score, SCORES[Grade.INFO])
    return f"{value:.1f}"


class _Run:
    """One run: the findings of one repository."""

    def __init__(
        self,
        engagement: ReportedEngagement,
        name: str,
        entries: Sequence[_Entry],
        help_texts: Mapping[str, str],
        cwe_version: str | None,
        *,
        is_only: bool,
    ) -> None:
        self._engagement = engagement
        self._name = name
        self._entries = entries
        self._help = help_texts
        self._cwe_version = cwe_version
        self._is_only = is_only
        self._weaknesses = {weakness.id: weakness.name for entry in entries for weakness in entry.finding.cwe}
        self._taxa = {id: index for index, id in enumerate(self._weaknesses)}
        self._repositories = {repository.name: repository for repository in engagement.repositories}
        # In the order of use; the run's own repository is the root.
        self._bases: dict[tuple[str, str | None], str] = {(name, self._pin(name)): _ROOT}

    def build(self) -> _Object:
        """Return the run."""
        engagement = self._engagement
        results = [self._result(index, entry) for index, entry in enumerate(self._entries)]
        driver: _Object = {
            "name": "findings-report",
            "version": __version__,
            "semanticVersion": __version__,
            "rules": [self._rule(entry.finding) for entry in self._entries],
        }
        run: _Object = {"tool": {"driver": driver}}
        if self._taxa:
            driver["supportedTaxonomies"] = [{"name": "CWE", "index": 0, "guid": _CWE_GUID}]
        if _LANGUAGE.match(engagement.language):
            run["language"] = engagement.language
        run["automationDetails"] = {"id": self._category(), "description": {"text": _escape(plain_text(engagement.title))}}
        if provenance := list(self._provenance()):
            run["versionControlProvenance"] = provenance
        run["originalUriBaseIds"] = {base: self._describe_base(*key) for key, base in self._bases.items()}
        run["columnKind"] = "utf16CodeUnits"
        if any(snippet.redacted for entry in self._entries for snippet in entry.finding.snippets):
            run["redactionTokens"] = [MARK]
        if self._taxa:
            run["taxonomies"] = [self._taxonomy()]
        run["results"] = results
        run["properties"] = without_none(
            {
                "title": engagement.title,
                "version": engagement.version,
                "date": engagement.date.isoformat() if engagement.date else None,
                "state": engagement.state.value,
                "edition": engagement.edition,
                "confidentiality": engagement.confidentiality,
            }
        )
        return run

    def _category(self) -> str:
        """Return `category/run-id`: code scanning replaces the alerts of a category by those of the next upload."""
        engagement = self._engagement
        own = "" if self._is_only else f"{quote(self._name, safe='')}/"
        run = engagement.version or (engagement.date.isoformat() if engagement.date else "")
        return f"findings-report/{own}{quote(run, safe='')}"

    def _rule(self, finding: ReportedFinding) -> _Object:
        title = plain_text(finding.title)
        help_text = self._help[finding.id]
        lead = next((passage.text for passage in finding.prose if not passage.audience), title)
        rule: _Object = {
            "id": finding.id,
            "name": _pascal(title) or finding.id,
            "shortDescription": {"text": _cut(title)},
            "fullDescription": {"text": _cut(strip_markup(lead).strip()) or title},
            "help": {"text": strip_markup(help_text), "markdown": help_text},
            "defaultConfiguration": {"level": LEVELS[grade_severity(finding.severity, self._engagement.severities)]},
            "properties": {
                "security-severity": severity_number(finding, self._engagement),
                "tags": list(_list_tags(finding)),
            },
        }
        if finding.confidence is not None:
            rule["properties"]["precision"] = _PRECISION[finding.confidence]
        if finding.aliases:
            rule["deprecatedIds"] = list(finding.aliases)
        if url := next((reference.url for reference in finding.references if _is_uri(reference.url)), None):
            rule["helpUri"] = url
        if finding.cwe:
            rule["relationships"] = [{"target": self._taxon(weakness.id), "kinds": ["superset"]} for weakness in finding.cwe]
        return rule

    def _result(self, index: int, entry: _Entry) -> _Object:
        finding = entry.finding
        main = finding.main_snippet
        ordered = sorted(finding.snippets, key=lambda snippet: snippet is not main)
        places = [(snippet, number, region) for snippet in ordered for number, region in enumerate(regions_of(snippet))]
        result: _Object = {
            "ruleId": finding.id,
            "ruleIndex": index,
            "level": LEVELS[grade_severity(finding.severity, self._engagement.severities)],
        }
        related = [self._location(*place, id=number) for number, place in enumerate(places[1:], 1)]
        result["message"] = {"text": _message(finding, [place[0] for place in places[1:]])}
        result["locations"] = [self._location(*places[0]) if places else self._no_code(finding)]
        if related:
            result["relatedLocations"] = related
        if steps := finding.steps:
            result["codeFlows"] = [{"threadFlows": [{"locations": [self._step(snippet) for snippet in steps]}]}]
        if complete := {own.name: own.value for own in finding.tool_fingerprints if not own.partial}:
            result["fingerprints"] = complete
        if prints := _partial_fingerprints(finding):
            result["partialFingerprints"] = prints
        if entry.state is not None:
            result["baselineState"] = entry.state
        if finding.status in _SUPPRESSED:
            result["suppressions"] = [self._suppression(finding)]
        if finding.cwe:
            result["taxa"] = [self._taxon(weakness.id) for weakness in finding.cwe]
        if work_items := [ref for ref in finding.tickets if _is_uri(ref)]:
            result["workItemUris"] = work_items
        result["properties"] = without_none(
            {
                "severity": finding.severity.name,
                "status": finding.status.value,
                "category": finding.category,
                "confidence": finding.confidence.value if finding.confidence else None,
                "cvss": [score.vector for score in finding.scores] or None,
                "owner": finding.owner,
                "due": finding.due.isoformat() if finding.due else None,
                "tickets": list(finding.tickets) or None,
                "tags": list(dict.fromkeys(finding.tags)) or None,
            }
        )
        return result

    def _suppression(self, finding: ReportedFinding) -> _Object:
        words = self._engagement.translation.name(finding.status)
        note = decided(finding)
        return {
            "kind": "external",
            "status": _SUPPRESSED[finding.status],
            "justification": f"{words[:1].upper()}{words[1:]}: {note}" if note else f"{words[:1].upper()}{words[1:]}",
        }

    def _step(self, snippet: Snippet) -> _Object:
        location = self._location(snippet, 0, regions_of(snippet)[0])
        location["message"] = {"text": _escape(snippet.role or "")}
        return {"location": location, "kinds": [snippet.role], "importance": "essential"}

    def _location(self, snippet: Snippet, number: int, region: Region, id: int | None = None) -> _Object:
        location: _Object = {} if id is None else {"id": id}
        location["physicalLocation"] = {
            "artifactLocation": {"uri": encode_path(snippet.path), "uriBaseId": self._base(snippet)},
            "region": _region(snippet, number, region),
        }
        if snippet.symbol:
            location["logicalLocations"] = [{"fullyQualifiedName": snippet.symbol}]
        if label := plain_text(snippet.caption or snippet.role or snippet.name or ""):
            location["message"] = {"text": _escape(strip_markup(label).strip() or label)}
        properties = without_none(
            {
                "name": snippet.name,
                "role": snippet.role,
                "verdict": snippet.check.verdict.value,
                "index": snippet.index,
                "fingerprint/1": snippet.fingerprints[number] if number < len(snippet.fingerprints) else None,
                "permalink": snippet.permalink,
                "wholeFile": None if snippet.regions else True,
            }
        )
        return location | {"properties": properties}

    def _no_code(self, finding: ReportedFinding) -> _Object:
        """Return the location of a finding that cites no code: what else is affected, at a path that does not exist."""
        location: _Object = {
            "physicalLocation": {
                "artifactLocation": {"uri": encode_path(NO_CODE), "uriBaseId": _ROOT},
                "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
            }
        }
        if finding.affected:
            location["logicalLocations"] = [
                {"name": affected.name, "fullyQualifiedName": affected.name, "kind": affected.kind}
                for affected in finding.affected
            ]
        return location | {"properties": {"hasNoCode": True}}

    def _pin(self, name: str) -> str | None:
        repository = self._repositories.get(name)
        return repository.commit if repository else None

    def _base(self, snippet: Snippet) -> str:
        """Return the base of paths at the snippet's commit: the run's own repository at its pin is the root."""
        key = (snippet.repository, snippet.commit or self._pin(snippet.repository))
        if key not in self._bases:
            commit = "" if key[1] is None or key[1] == self._pin(key[0]) else f"@{key[1][:12]}"
            self._bases[key] = f"{quote(key[0], safe='')}{commit}" or f"{_ROOT}{len(self._bases)}"
        return self._bases[key]

    def _provenance(self) -> Iterator[_Object]:
        for (name, commit), base in self._bases.items():
            repository = self._repositories.get(name)
            uri = _repository_uri(repository) if repository else None
            if repository is None or uri is None:
                continue
            details: _Object = {"repositoryUri": uri}
            if commit is not None:
                details["revisionId"] = commit
            details["mappedTo"] = {"uriBaseId": base}
            properties = {"name": name, "revision": repository.revision if commit == repository.commit else None}
            yield details | {"properties": without_none(properties)}

    def _describe_base(self, name: str, commit: str | None) -> _Object:
        at = f" at commit {commit}" if commit else ""
        repository = self._repositories.get(name)
        properties = without_none({"repository": name, "commit": commit, "isRead": repository.is_read if repository else None})
        return {"description": {"text": _escape(f"The root of the repository {name}{at}.")}, "properties": properties}

    def _taxonomy(self) -> _Object:
        taxonomy: _Object = {
            "name": "CWE",
            "guid": _CWE_GUID,
            "organization": "MITRE",
            "shortDescription": {"text": "The MITRE Common Weakness Enumeration"},
            "informationUri": "https://cwe.mitre.org/",
            "isComprehensive": False,
        }
        if self._cwe_version is not None:
            taxonomy["version"] = self._cwe_version
        taxonomy["taxa"] = [
            {
                "id": id,
                "name": name or id,
                "shortDescription": {"text": name or id},
                "helpUri": f"https://cwe.mitre.org/data/definitions/{id.removeprefix('CWE-')}.html",
            }
            for id, name in self._weaknesses.items()
        ]
        return taxonomy

    def _taxon(self, id: str) -> _Object:
        return {"id": id, "index": self._taxa[id], "toolComponent": {"name": "CWE", "index": 0, "guid": _CWE_GUID}}


def _region(snippet: Snippet, number: int, region: Region) -> _Object:
    """Return the lines as a region, with their text where the report prints all of them as git has them."""
    described: _Object = {"startLine": region.start_line, "startColumn": 1, "endLine": region.end_line}
    printed = {line.number: line.text for run in snippet.runs for line in run.lines}
    lines = [printed.get(line) for line in range(region.start_line, region.end_line + 1)] if _is_short(region, printed) else []
    if number < len(snippet.end_columns):
        described["endColumn"] = max(snippet.end_columns[number], 1)
    elif (last := printed.get(region.end_line)) is not None:
        described["endColumn"] = len(last.encode("utf-16-le", "surrogatepass")) // 2 + 1
    else:  # the line end belongs to a region that ends in column 1 of the following line
        described |= {"endLine": region.end_line + 1, "endColumn": 1}
    texts = [line for line in lines if line is not None]
    # Never the author's own copy: a reader takes a snippet for the file's content.
    if snippet.blob is not None and texts and len(texts) == len(lines):
        described["snippet"] = {"text": "\n".join(texts)}
    if snippet.language:
        described["sourceLanguage"] = snippet.language
    return described


def _is_short(region: Region, printed: Mapping[int | None, str]) -> bool:
    # A hostile region of a billion lines is not walked: more lines than are printed cannot all be printed.
    return region.end_line - region.start_line < len(printed)


def _partial_fingerprints(finding: ReportedFinding) -> dict[str, str]:
    first = finding.main_snippet
    prints = {own.name: own.value for own in finding.tool_fingerprints if own.partial}
    if first is None:
        return prints
    if first.line_hash:
        prints["primaryLocationLineHash"] = first.line_hash
    if first.fingerprints:
        prints["findingsReportRegion/v1"] = first.fingerprints[0]
    return prints


def _message(finding: ReportedFinding, related: Sequence[Snippet]) -> str:
    """Return the title, and a link to each related location: code scanning shows only those that the message links to."""
    title = _escape(plain_text(finding.title)).rstrip(".")
    links = [f"[{_escape(_label(snippet))}]({number})" for number, snippet in enumerate(related, 1)]
    return f"{title}. {', '.join(links)}." if links else f"{title}."


def _label(snippet: Snippet) -> str:
    at = citation(snippet)
    return f"{snippet.role}: {at}" if snippet.role else at


def _escape(text: str) -> str:
    """Return a text for a message: no link and no placeholder in it. Source: SARIF 2.1.0, 3.11.5 and 3.11.6.

    Other braces are not doubled, although the standard wants that: code scanning would show both.
    """
    bare = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") if "[" in text else text
    return _PLACEHOLDER.sub(r"{{\1}}", bare)


def _pascal(text: str) -> str:
    """Return a text as an identifier of words, as names of rules are: `UserInputReachesShell`."""
    words = re.findall(r"[^\W_]{2,}", text)  # single letters would join the words around them
    name = "".join(word[:1].upper() + word[1:] for word in words)[:120]
    return name if name[:1].isalpha() else ""


def _list_tags(finding: ReportedFinding) -> list[str]:
    """Return at most 20 tags, those that code scanning filters by first."""
    cwe = [f"external/cwe/cwe-{weakness.id.removeprefix('CWE-').zfill(3)}" for weakness in finding.cwe]
    own = [finding.category] if finding.category else []
    return list(dict.fromkeys(("security", *cwe, *finding.tags, *own)))[:_MOST_TAGS]


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHORT else f"{text[: _MOST_SHORT - 1]}…"


def _is_uri(text: str) -> bool:
    if not text.startswith(("https://", "http://")) or re.search(r"[\s\x00-\x20<>\"{}|\\^`\[\]]", text) or not text.isascii():
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _repository_uri(repository: ReportedRepository) -> str | None:
    """Return the address of a repository as an absolute URI; None for one that has none, such as a path."""
    url = (repository.url or "").strip()
    if "://" in url:
        scheme, _, rest = url.partition("://")
        return f"{scheme}://{quote(rest, safe='/:@?#=&%+,;~')}" if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) else None
    if match := _SCP.match(url):
        user = f"{quote(match[1], safe='')}@" if match[1] else ""
        return f"ssh://{user}{match[2]}/{quote(match[3].lstrip('/'), safe='/~')}"
    return None


def _find_exceeded(runs: Sequence[_Object], content: bytes) -> Iterator[Problem]:
    """Yield a warning for each limit of code scanning that the file exceeds."""
    results = max(len(run["results"]) for run in runs)
    locations = max((1 + len(result.get("relatedLocations", ())) for run in runs for result in run["results"]), default=0)
    # Compressed only where it matters: text compresses at least to a half.
    size = len(gzip.compress(content, 6, mtime=0)) if len(content) > _LIMITS[3][1] else 0
    for (what, most), count in zip(_LIMITS, (len(runs), results, locations, size), strict=True):
        if count > most:
            fault = f"the SARIF file has {count:,} {what}; code scanning takes at most {most:,}"
            remedy = "other readers take the whole file; for code scanning build several engagements"
            yield Problem(Kind.OUTPUT, fault, remedy, level="warning", code="sarif-limit")
