"""A small report made by hand, with every optional field filled somewhere, for tests of renderers and archives."""

from __future__ import annotations

import struct
import zlib
from datetime import date
from typing import Any

from findings_report.model.engagement import Author, Engagement, Period, ReportVersion, SectionPlace, Severity, State
from findings_report.model.evidence import Check, CoveredFile, Difference, Elsewhere, Line, Region, Run, Snippet, Verdict
from findings_report.model.field_types import Level
from findings_report.model.finding import (
    Affected,
    Confidence,
    Event,
    Fix,
    Rating,
    Recommendation,
    Reference,
    Status,
    ToolFingerprint,
)
from findings_report.model.report import (
    Component,
    CustomValue,
    Picture,
    Report,
    ReportedEngagement,
    ReportedFinding,
    ReportedRepository,
    ReportedSection,
    ScopeEntry,
    Score,
    SeverityCount,
    VerdictCount,
)
from findings_report.model.report_tables import Weakness
from findings_report.report import tables

COMMIT = "fb3f71806174bc2fae7e421268aeee61be36412d"
SCALE = Engagement(title="x").severities

NEUTRON = {
    111: "    def _ipam_allocate_ips(self, context, ipam_driver, port, ips,",
    112: "                           revert_on_fail=True):",
    116: "                ip_list = [ip] if isinstance(ip, dict) else ip",
    117: "                subnets = [ip_dict['subnet_id'] for ip_dict in ip_list]",
    121: "                    ipam_allocator = ipam_driver.get_allocator(subnets)",
}

LINES = Region(start_line=116, end_line=121)
"""Where the quoted code of the samples stands."""

FILES = (
    CoveredFile(path="neutron/db/ipam_pluggable_backend.py", lines=565, entries=(0,)),
    CoveredFile(path="neutron/db/logo.png", lines=None, entries=(0,)),
)
"""The files of the sample's scope."""

SEED_DESCRIPTION = """\
The code, specifically in lines 111-129 within the `_ipam_allocate_ips` method, could potentially lead to an SQL injection if
the input data is not properly validated and sanitized before usage. This vulnerability could occur because the subnet IDs,
which are directly used to fetch data from a database, might come from an untrusted source (user input or external system)."""

SEED_SOLUTION = """\
To mitigate this potential vulnerability, ensure that all user inputs or external configurations are validated and sanitized
before being used in database queries. Additionally, using parameterized queries or ORM frameworks that automatically handle
safe parameter interpolation can further secure the database interactions."""


def severity(name: str) -> Severity:
    """A severity of the default scale."""
    return next(each for each in SCALE if each.name == name)


def png(width: int = 120, height: int = 40, colour: tuple[int, int, int] = (31, 78, 121)) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def picture(name: str = "flow", **changed: Any) -> Picture:
    """A declared picture."""
    values: dict[str, Any] = {
        "alt": "How a request flows",
        "caption": "A request, from API to driver",
        "media_type": "image/png",
    }
    size = {"width": 120, "height": 40, "content": png(), "file": f"images/{name}.png"}
    return Picture(name=name, **(values | size | changed))


def runs(lines: dict[int, str], **lines_with: Any) -> tuple[Run, ...]:
    """Printed lines by number; a jump in the numbers is an elision. `highlight` and `notes` as in a location."""
    highlight: set[int] = lines_with.get("highlight", set())
    notes: dict[int, str] = lines_with.get("notes", {})
    groups: list[list[Line]] = []
    for number, text in lines.items():
        line = Line(number=number, text=text, highlighted=number in highlight, note=notes.get(number))
        if groups and groups[-1][-1].number == number - 1:
            groups[-1].append(line)
        else:
            groups.append([line])
    return tuple(Run(lines=tuple(group)) for group in groups)


def snippet(index: int = 0, lines: dict[int, str] | None = None, **changed: Any) -> Snippet:
    """A snippet of the seed's file."""
    values: dict[str, Any] = {
        "index": index,
        "name": None,
        "role": None,
        "caption": None,
        "repository": "neutron",
        "path": "neutron/db/ipam_pluggable_backend.py",
        "commit": COMMIT,
        "blob": "2" * 40,
        "regions": (Region(start_line=111, end_line=129),),
        "runs": runs(lines or {number: NEUTRON[number] for number in (116, 117, 121)}),
        "permalink": f"https://opendev.org/openstack/neutron/src/commit/{COMMIT}/neutron/db/ipam_pluggable_backend.py#L111-L129",
        "language": "python",
        "symbol": "IpamPluggableBackend._ipam_allocate_ips",
        "check": Check(verdict=Verdict.ELIDED, claimed=(LINES,), found=(LINES,)),
    }
    return Snippet(**(values | changed))


def finding(id: str = "NTR-001", **changed: Any) -> ReportedFinding:
    """The seed's finding; keywords replace fields."""
    values: dict[str, Any] = dict.fromkeys(ReportedFinding.model_fields)
    many = ("scores", "cwe", "tags", "related", "affected", "placed", "history", "references", "tickets", "aliases", "audience")
    values |= dict.fromkeys((*many, "extra", "snippets", "tool_fingerprints"), ())
    values |= {
        "id": id,
        "title": "Improper Error Handling and Potential SQL Injection Vulnerability",
        "severity": severity("medium"),
        "severity_source": "severity",
        "status": Status.UNDETERMINED,
        "description": SEED_DESCRIPTION,
        "recommendation": Recommendation(short_term=SEED_SOLUTION),
        "snippets": (snippet(),),
    }
    return ReportedFinding(**(values | changed))


def full_finding(id: str = "NTR-002", **changed: Any) -> ReportedFinding:
    """A finding with every optional field filled, each text unlike any other."""
    source = snippet(
        0,
        name="source",
        role="source",
        caption="Ids as they *arrive*",
        runs=runs(NEUTRON, highlight={116}, notes={117: "Nothing checks `subnet_id` **here**."}),
        check=Check(verdict=Verdict.MOVED, text=Verdict.EXACT, claimed=(Region(start_line=132, end_line=137),), found=(LINES,)),
        loose_notes=((300, "A remark on a line that is not shown."),),
    )
    sink = snippet(
        1,
        name="sink",
        role="sink",
        check=Check(
            verdict=Verdict.EDITED,
            found=(LINES,),
            differences=(Difference(quoted="allocate(subnet)", actual=NEUTRON[121].strip(), line=121),),
        ),
    )
    values: dict[str, Any] = {
        "title": "Subnet ids are handed on <unchecked>",
        "severity": severity("critical"),
        "severity_reason": "Raised because the port is *public*.",
        "status": Status.PARTIALLY_RESOLVED,
        "category": "Data validation",
        "rating": Rating(impact=Level.HIGH, likelihood=Level.MEDIUM),
        "difficulty": Level.LOW,
        "scores": (
            Score(vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", version="3.1", score=9.8, severity="Critical"),
        ),
        "cwe": (
            Weakness(id="CWE-89", name="SQL Injection", top_ten="A03:2021 Injection"),
            Weakness(id="CWE-20", name=None, top_ten=None),
        ),
        "tags": ("ipam", "api"),
        "confidence": Confidence.LIKELY,
        "residual_severity": severity("low"),
        "owner": "Network team",
        "due": date(2026, 12, 24),
        "related": ("NTR-001",),
        "affected": (Affected(kind="host", name="api.example.org", note="public since May"),),
        "summary": "Ids go from the request to the driver unread.",
        "description": (
            "Ids arrive in the request and are handed on, see [](location:sink) and [](finding:NTR-001).\n\n"
            "![Where the ids come from](location:source)\n\n## Cause\n\nThere is no schema.\n\n"
            "| field | checked |\n|---|:-:|\n| `subnet_id` | no |\n"
        ),
        "impact": "An attacker chooses the allocator.",
        "scenario": "1. Alice sends a request.\n2. The driver obeys.\n\n![](image:flow)",
        "proof": '```sh\ncurl -d \'{"subnet_id": "x"}\' https://api.example.org/ports\n```',
        "recommendation": Recommendation(short_term="Validate every id.", long_term="Adopt a schema for requests."),
        "response": "> We have read it.\n\nA fix is under way.",
        "snippets": (source, sink),
        "placed": ("source",),
        "fix": Fix(commits=("0123abc",), pull_requests=("https://example.org/pull/7",), note="Validates at the *API*."),
        "history": (Event(date=date(2026, 10, 2), status=Status.OPEN, by="Dana", commit="0123abc", note="Reported by mail."),),
        "references": (
            Reference(url="https://owasp.org/Top10/", title="OWASP Top 10"),
            Reference(url="https://example.org/bare"),
        ),
        "tickets": ("jira:SEC-12",),
        "aliases": ("OLD-9",),
        "found_by": "Erin",
        "tool_fingerprints": (ToolFingerprint(name="matchBasedId/v1", value="5f2b8c"),),
        "audience": ("engineering",),
        "extra": (CustomValue(name="zone", label="Trust zone", value="perimeter"),),
    }
    return finding(id, **(values | changed))


def engagement(**changed: Any) -> ReportedEngagement:
    """The sample's engagement."""
    values: dict[str, Any] = {
        "title": "Security review of Neutron IPAM",
        "client": "Example Networks",
        "authors": (Author(name="Dana Reviewer", role="Lead auditor", email="dana@example.org"), Author(name="Erin Second")),
        "version": "1.10",
        "date": date(2026, 11, 20),
        "period": Period(start=date(2026, 10, 1), end=date(2026, 10, 16)),
        "state": State.DRAFT,
        "versions": (ReportVersion(version="1.0", date=date(2026, 10, 20), by="Dana Reviewer", note="First issue"),),
        "distribution": ("Example Networks, security team",),
        "confidentiality": "Confidential",
        "language": "en",
        "accent": "#1f4e79",
        "severities": SCALE,
        "repositories": (
            ReportedRepository(
                name="neutron",
                url="https://opendev.org/openstack/neutron",
                revision="12.0.0",
                commit=COMMIT,
                permalink=f"https://opendev.org/openstack/neutron/src/commit/{COMMIT}",
                is_read=True,
            ),
        ),
        "images": (picture(),),
        "logo": picture("logo", alt="Example Audits", caption=None, content=png(200, 60, (120, 40, 60))),
    }
    return ReportedEngagement(**(values | changed))


def others() -> tuple[ReportedFinding, ...]:
    """Findings with the verdicts that the two others do not have."""
    unchecked = snippet(
        check=Check(verdict=Verdict.UNCHECKED), blob=None, commit=None, permalink=None, regions=(), symbol=None,
        runs=(Run(lines=(Line(number=None, text="password = 'hunter2'"),)),), path="etc/neutron.conf", language="ini",
    )  # fmt: skip
    found = (Elsewhere(path="neutron/db/other.py", region=Region(start_line=5, end_line=9)),)
    missing = snippet(check=Check(verdict=Verdict.NOT_FOUND, elsewhere=found))
    hidden = snippet(
        1,
        {40: "if access_level != 'user\u202e \u2066// Check if admin\u2069 \u2066':", 41: "\tx = '" + "A" * 700 + "'"},
        regions=(Region(start_line=40, end_line=41),),
        check=Check(verdict=Verdict.NONE),
    )
    return (
        finding("NTR-003", title="Password in the sample configuration", severity=severity("low"), status=Status.RESOLVED,
                description="A password ships with the sample.", snippets=(unchecked,)),
        finding("NTR-004", title="Bidirectional text in a condition", severity=severity("informational"),
                status=Status.FALSE_POSITIVE, description="The comment hides code.", snippets=(missing, hidden)),
    )  # fmt: skip


def sections() -> tuple[ReportedSection, ...]:
    """One before the findings, two after."""
    return (
        ReportedSection(key="section-method", title="Method", text="Read, *tried*, and read again.", place=SectionPlace.BEFORE),
        ReportedSection(
            key="recommendation", title="Recommendation", text="Review and validate all inputs.", place=SectionPlace.AFTER
        ),
        ReportedSection(
            key="conclusion", title="Conclusion", text="Overall, the code handles errors broadly.", place=SectionPlace.AFTER
        ),
    )


def report(*findings: ReportedFinding, **changed: Any) -> Report:
    """The sample; without findings its own four, worst first."""
    reported = findings or (full_finding(), finding(), *others())
    verdicts = [each.check.verdict for found in reported for each in found.snippets]
    counts = [
        SeverityCount(
            severity=each,
            total=sum(found.severity == each for found in reported),
            by_status=tuple(
                (status, sum(found.severity == each and found.status is status for found in reported)) for status in Status
            ),
        )
        for each in SCALE
    ]
    values: dict[str, Any] = {
        "engagement": engagement(),
        "summary": "After thoroughly reviewing the code, we have identified **significant** concerns.",
        "scope": (ScopeEntry(repository="neutron", pattern="neutron/db/*.py", files=2, lines=565),),
        "counts": tuple(counts),
        "sections": sections(),
        "findings": reported,
        "verdicts": tuple(VerdictCount(verdict=each, total=verdicts.count(each)) for each in Verdict if each in verdicts),
        "covered": tables.covered({"neutron": FILES}, reported, {}),
        "remediation": tables.remediation(reported),
        "classification": tables.classification(reported, "2021"),
        "components": (Component(name="findings-report", version="0.1.0"), Component(name="git", version="2.39.5")),
    }
    return Report(**(values | changed))
