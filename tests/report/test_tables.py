"""The tables across findings: what stands in them, in which order, and when there is none."""

from __future__ import annotations

from datetime import date

import pytest
import samples

from findings_report.authoring import scoring
from findings_report.model.engagement import Engagement, OwnWeakness, Severity
from findings_report.model.evidence import CoveredFile
from findings_report.model.field_types import Level
from findings_report.model.finding import Rating, Status
from findings_report.model.report_tables import Remediation, Weakness
from findings_report.report.tables import classification, covered, matrix, remediation

BASE = {"neutron": ("https://github.com/openstack/neutron", samples.COMMIT)}


def test_what_remains_to_be_done_is_what_is_neither_resolved_nor_no_weakness() -> None:
    findings = [samples.finding(status.value, status=status, owner="Ops") for status in Status]

    found = remediation(findings)

    waiting = ("open", "acknowledged", "partially_resolved", "risk_accepted", "undetermined")
    assert found == Remediation(findings=waiting, columns=("owner",), answered=2)


@pytest.mark.parametrize(
    ("fields", "columns"),
    [
        ({}, None),
        ({"due": date(2026, 12, 24)}, ("due",)),
        ({"tickets": ("jira:SEC-1",), "owner": "Ops"}, ("owner", "tickets")),
        ({"owner": "Ops", "status": Status.RESOLVED}, None),
    ],
)
def test_remediation_has_only_columns_that_hold_something(fields: dict[str, object], columns: tuple[str, ...] | None) -> None:
    found = remediation([samples.finding("A-1", **fields), samples.finding("A-2")])

    assert (found.columns if found else None) == columns


def test_weaknesses_stand_by_number_and_chapters_by_title() -> None:
    named = {id: scoring.name_weakness(id, {}, 2021) for id in ("CWE-89", "CWE-22", "CWE-367")}
    one = samples.finding("A-1", cwe=(named["CWE-89"], named["CWE-22"]))
    two = samples.finding("A-2", cwe=(named["CWE-367"], named["CWE-22"]))

    found = classification([one, two, samples.finding("A-3", cwe=())], "2021")

    assert found is not None
    assert [(row.weakness.id, row.findings) for row in found.weaknesses] == [
        ("CWE-22", ("A-1", "A-2")),
        ("CWE-89", ("A-1",)),
        ("CWE-367", ("A-2",)),
    ]
    assert [(row.title, row.findings) for row in found.chapters] == [
        ("A01:2021 Broken Access Control", ("A-1", "A-2")),
        ("A03:2021 Injection", ("A-1",)),
    ]
    assert (found.version, found.top_ten_version, found.unclassified) == ("4.19.1", "2021", ("A-3",))


def test_without_a_weakness_there_is_no_classification() -> None:
    assert classification([samples.finding(cwe=())], "2021") is None


@pytest.mark.parametrize(
    ("own", "name", "chapter"),
    [
        (OwnWeakness(name="Prompt injection"), "Prompt injection", None),
        (OwnWeakness(name="Prompt injection", top_ten="A03"), "Prompt injection", "A03:2021 Injection"),
        (OwnWeakness(name="Prompt injection", top_ten="A05:2025 Injection"), "Prompt injection", "A05:2025 Injection"),
    ],
)
def test_the_engagement_names_what_the_list_lacks(own: OwnWeakness, name: str, chapter: str | None) -> None:
    assert scoring.name_weakness("CWE-1427", {"CWE-1427": own}, 2021) == Weakness(
        id="CWE-1427", name=name, top_ten=chapter, is_own=True
    )


def test_the_engagements_name_comes_before_the_lists_whose_chapter_stays() -> None:
    found = scoring.name_weakness("CWE-89", {"CWE-89": OwnWeakness(name="SQL injection")}, 2021)

    assert found == Weakness(id="CWE-89", name="SQL injection", top_ten="A03:2021 Injection", is_own=True)


def test_files_of_the_scope_have_the_findings_that_cite_them_worst_first() -> None:
    cited = samples.snippet()
    findings = [samples.finding("A-9", snippets=(cited, cited)), samples.finding("A-1", snippets=(cited,))]
    files = [CoveredFile(path=path, lines=lines, entries=(0,)) for path, lines in (("a.png", None), (cited.path, 500))]

    found = covered({"neutron": files}, findings, BASE)

    assert found is not None
    assert [(row.path, row.files, row.lines, row.findings) for row in found.rows] == [
        ("a.png", 1, None, ()),
        (cited.path, 1, 500, ("A-9", "A-1")),
    ]
    assert found.rows[1].permalink == f"https://github.com/openstack/neutron/blob/{samples.COMMIT}/{cited.path}"
    assert (found.files, found.lines, found.uncounted, found.is_folded) == (2, 500, 1, False)


def test_a_folded_scope_keeps_its_totals() -> None:
    files = [CoveredFile(path=f"src/{number % 50}/{number}.py", lines=10, entries=(0,)) for number in range(1000)]

    found = covered({"neutron": files}, (), BASE)

    assert found is not None
    assert found.is_folded
    assert (sum(row.files for row in found.rows), sum(row.lines or 0 for row in found.rows)) == (1000, 10_000)
    assert (found.files, found.lines) == (1000, 10_000)


def test_the_matrix_is_printed_when_a_finding_is_rated_by_it_and_a_cell_that_nobody_filled_is_none() -> None:
    given = {Level.HIGH: {Level.LOW: "medium", Level.HIGH: "critical"}, Level.LOW: {Level.LOW: "low"}}
    engagement = Engagement(title="x", matrix=given)
    rated = samples.finding(rating=Rating(impact=Level.LOW, likelihood=Level.LOW))

    found = matrix(engagement, [samples.finding(), rated])

    assert matrix(engagement, [samples.finding()]) is None
    assert found is not None
    assert found.likelihoods == (Level.LOW, Level.MEDIUM, Level.HIGH)
    cells = [[each.name if each else None for each in row.severities] for row in found.rows]
    assert [row.impact for row in found.rows] == [Level.HIGH, Level.MEDIUM, Level.LOW]
    assert cells == [["medium", None, "critical"], [None, None, None], ["low", None, None]]


def test_a_scale_with_other_words_than_the_matrix_has_no_matrix() -> None:
    scale = (Severity(name="P1", colour="#b00020"), Severity(name="P2", colour="#1565c0"))
    rated = samples.finding(rating=Rating(impact=Level.LOW, likelihood=Level.LOW))

    assert matrix(Engagement(title="x", severities=scale), [rated]) is None
