"""DefectDojo's generic findings with allowed keys only, and GitLab's report by its schema."""

from __future__ import annotations

import json
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import samples

from findings_report.model.engagement import Severity
from findings_report.model.finding import Event, Status
from findings_report.rendering.exchange import Grade, grade_severity, render_defectdojo, render_gitlab

# Source: DefectDojo, dojo/tools/generic/json_parser.py: any other key is refused.
ALLOWED = {
    "active",
    "cvssv3",
    "cvssv3_score",
    "cvssv4",
    "cvssv4_score",
    "cwe",
    "cwes",
    "date",
    "description",
    "dynamic_finding",
    "endpoints",
    "false_p",
    "file_path",
    "impact",
    "is_mitigated",
    "line",
    "mitigated",
    "mitigation",
    "planned_remediation_date",
    "references",
    "risk_accepted",
    "scanner_confidence",
    "service",
    "severity",
    "severity_justification",
    "static_finding",
    "steps_to_reproduce",
    "tags",
    "title",
    "under_review",
    "unique_id_from_tool",
    "verified",
    "vuln_id_from_tool",
}

GITLAB = json.loads((Path(__file__).parent / "schemas/gitlab-sast-15.0.7.json").read_text("utf-8"))
"""GitLab's own schema, of the version that the report names."""


def dojo(*findings: Any, **changed: Any) -> list[dict[str, Any]]:
    document = json.loads(render_defectdojo(samples.report(*findings, **changed)).content)
    for finding in document["findings"]:
        assert set(finding) <= ALLOWED
        assert {"title", "severity", "description"} <= set(finding)
        assert finding["severity"] in ("Critical", "High", "Medium", "Low", "Info")
    listed: list[dict[str, Any]] = document["findings"]
    return listed


def test_defectdojo_gets_every_finding_with_its_texts_and_status() -> None:
    (full,) = dojo(samples.full_finding())

    assert (full["cwe"], full["cwes"], full["cvssv3_score"]) == (89, ["CWE-89", "CWE-20"], 9.8)
    assert full["impact"] == "An attacker chooses the allocator."
    assert "Validate every id." in full["mitigation"]
    assert "A fix is under way." in full["description"]
    assert "curl -d" in full["steps_to_reproduce"]
    assert full["planned_remediation_date"] == "2026-12-24"
    assert full["endpoints"] == ["api.example.org"]
    assert full["active"]


def test_defectdojo_takes_every_status() -> None:
    history = (Event(date=date(2026, 11, 3), status=Status.RESOLVED),)

    rows = {status: dojo(samples.finding(status=status, history=history))[0] for status in Status}

    keys = ("active", "is_mitigated", "false_p", "risk_accepted", "under_review")
    flags = {status.value: [key for key in keys if row[key]] for status, row in rows.items()}
    assert flags == {
        "open": ["active"],
        "acknowledged": ["active"],
        "partially_resolved": ["active"],
        "resolved": ["is_mitigated"],
        "risk_accepted": ["risk_accepted"],
        "false_positive": ["false_p"],
        "undetermined": ["active", "under_review"],
    }
    assert rows[Status.RESOLVED]["mitigated"] == "2026-11-03"


def test_gitlab_gets_what_is_open_and_cites_code() -> None:
    done = samples.finding("NTR-003", status=Status.RESOLVED)
    without = samples.finding("NTR-004", status=Status.OPEN, snippets=())
    rendered = render_gitlab(samples.report(samples.full_finding(), samples.finding(), done, without))

    document = json.loads(rendered.content)

    jsonschema.Draft7Validator(GITLAB).validate(document)
    assert document["version"] == GITLAB["self"]["version"]
    listed = document["vulnerabilities"]
    assert all(str(uuid.UUID(row["id"])) == row["id"] for row in listed)
    assert [row["identifiers"][0]["value"] for row in listed] == ["NTR-002", "NTR-001"]
    assert [identifier["name"] for identifier in listed[0]["identifiers"]] == ["NTR-002", "CWE-89", "CWE-20"]
    assert listed[0]["location"] == {
        "file": "neutron/db/ipam_pluggable_backend.py",
        "start_line": 111,
        "end_line": 129,
        "class": "IpamPluggableBackend",
        "method": "_ipam_allocate_ips",
    }
    assert (document["scan"]["start_time"], document["scan"]["end_time"]) == ("2026-10-01T00:00:00", "2026-11-20T00:00:00")
    assert [problem.fault.split(" ")[0] for problem in rendered.problems] == ["2"]


def test_texts_longer_than_gitlab_takes_are_cut() -> None:
    long = samples.full_finding(title="T" * 300, description="d" * 250_000, recommendation="r" * 8_000)

    document = json.loads(render_gitlab(samples.report(long)).content)

    jsonschema.Draft7Validator(GITLAB).validate(document)
    (row,) = document["vulnerabilities"]
    assert (len(row["name"]), len(row["solution"])) == (255, 7_000)
    assert "d" * 250_000 in row["description"]


def test_severities_of_other_scales_are_mapped_by_name_and_then_by_place() -> None:
    scale = tuple(Severity(name=name, colour="#000000") for name in ("Major", "Odd", "Minor", "Gas"))
    own = tuple(Severity(name=name, colour="#000000") for name in ("S1", "S2", "S3"))

    assert [grade_severity(severity, scale) for severity in scale] == [Grade.HIGH, Grade.HIGH, Grade.LOW, Grade.INFO]
    assert [grade_severity(severity, own) for severity in own] == [Grade.CRITICAL, Grade.MEDIUM, Grade.INFO]
