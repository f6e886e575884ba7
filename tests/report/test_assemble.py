"""Ordering, counting, grouping: what is in a report."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from findings_report.model.engagement import Engagement, Section
from findings_report.model.evidence import Check, Region, Snippet, Verdict
from findings_report.model.finding import Finding, Status
from findings_report.model.report import Report
from findings_report.report import archive
from findings_report.report.assemble import assemble

ENGAGEMENT = Engagement.model_validate({"title": "Review", "repositories": {"app": {"path": "."}}})

LINES = Region(start_line=1, end_line=2)


def finding(**fields: object) -> Finding:
    return Finding.model_validate({"title": "x", "severity": "high", "description": "y", **fields})


def report(findings: dict[str, Finding], engagement: Engagement = ENGAGEMENT, snippets: tuple[Snippet, ...] = ()) -> Report:
    given_snippets = dict.fromkeys(findings, snippets)
    return assemble(engagement, findings, given_snippets, repositories=(), pictures={}, components=())


def snippet(name: str | None, verdict: Verdict = Verdict.EXACT) -> Snippet:
    return Snippet(
        index=0, name=name, role=None, caption=None, repository="app", path="a.py", commit=None, blob="2" * 40,
        regions=(LINES,), runs=(), permalink=None, language="", check=Check(verdict=verdict, found=(LINES,)),
    )  # fmt: skip


severities = st.sampled_from(["critical", "high", "medium", "low", "informational"])


ids = st.from_regex(r"[A-Z]{1,3}-[0-9]{1,3}", fullmatch=True)


@given(st.dictionaries(ids, st.tuples(severities, st.sampled_from(list(Status)))))
def test_every_finding_is_counted_once_and_worse_ones_come_first(chosen: dict[str, tuple[str, Status]]) -> None:
    findings = {key: finding(severity=severity, status=status) for key, (severity, status) in chosen.items()}

    made = report(findings)

    assert sorted(each.id for each in made.findings) == sorted(findings)
    assert sum(count.total for count in made.counts) == len(findings)
    assert all(sum(number for _, number in count.by_status) == count.total for count in made.counts)
    scale = [severity.name for severity in ENGAGEMENT.severities]
    ranks = [scale.index(each.severity.name) for each in made.findings]
    assert ranks == sorted(ranks)


def test_within_a_severity_the_order_given_stays() -> None:
    made = report({"A-2": finding(), "A-10": finding(), "A-3": finding(severity="critical")})

    assert [each.id for each in made.findings] == ["A-3", "A-2", "A-10"]


def test_severity_is_taken_from_the_rating_then_from_cvss() -> None:
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    rated = finding(severity=None, rating={"impact": "high", "likelihood": "low"}, cvss=vector)
    scored = finding(severity=None, cvss=vector)

    made = report({"A-1": rated, "A-2": scored})

    assert [(each.id, each.severity.name, each.severity_source) for each in made.findings] == [
        ("A-2", "critical", "cvss"),
        ("A-1", "medium", "rating"),
    ]
    assert made.findings[0].scores[0].score == 9.8


def test_evidence_that_the_prose_places_is_not_printed_again_below() -> None:
    placed = finding(description="![here](location:query)", locations=[{"path": "a.py", "name": "query"}])

    made = report({"A-1": placed}, snippets=(snippet("query"), snippet("other"), snippet(None)))

    assert made.findings[0].placed == ("query",)
    assert [each.name for each in made.findings[0].unplaced] == ["other", None]


def test_a_former_id_leads_to_the_finding_of_today() -> None:
    renamed = finding(aliases=["OLD-1", "OLD-2"])

    made = report({"A-1": renamed, "A-2": finding(related=["OLD-1", "A-1", "OLD-2"])})

    assert made.findings[1].related == ("A-1",)
    assert made.engagement.aliases == {"OLD-1": "A-1", "OLD-2": "A-1"}


def test_sections_keep_their_order_and_the_conclusion_is_last() -> None:
    sections = (
        Section(title="After", text="x", place="after"),
        Section(title="Goals", text="y"),
        Section(title="Goals", text="z"),
    )
    engagement = ENGAGEMENT.model_copy(update={"sections": sections, "conclusion": "c", "recommendation": "r"})

    made = report({}, engagement)

    keys = ["section-goals", "section-goals-2", "section-after", "recommendation", "conclusion"]
    assert [section.key for section in made.sections] == keys


def test_quotes_are_counted_by_verdict() -> None:
    made = report({"A-1": finding()}, snippets=(snippet(None), snippet(None, Verdict.MOVED), snippet(None)))

    assert [(count.verdict, count.total) for count in made.verdicts] == [(Verdict.EXACT, 2), (Verdict.MOVED, 1)]


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(title=st.from_regex(r"[^\n]*\S[^\n]*", fullmatch=True), description=text, status=st.sampled_from(list(Status)))
def test_a_report_is_read_back_from_its_json_to_the_same_value(title: str, description: str, status: Status) -> None:
    if len(title) > 500 or "\r" in title:
        return
    made = report({"A-1": finding(title=title, description=description, status=status)}, snippets=(snippet("a"),))

    assert archive.from_json(archive.to_json(made), shown="report.json") == made
