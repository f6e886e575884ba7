"""What would come out wrong of authored prose, told with its place."""

from __future__ import annotations

import pytest

from findings_report.authoring.proofread import proofread
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Verdict
from findings_report.model.finding import Finding
from findings_report.problems import Problem
from findings_report.problems.catalogue import summarize
from findings_report.rendering.html import LABEL
from findings_report.rendering.labels import VERDICT_WORDS

PLACED = "![here](location:a)"


def finding(**fields: object) -> Finding:
    locations = [{"name": "a", "path": "a.py", "lines": 1, "notes": {1: PLACED}}]
    return Finding.model_validate({"title": "x", "severity": "high", "locations": locations, "description": "y", **fields})


def problems(**findings: Finding) -> list[Problem]:
    return proofread(Engagement(title="Review"), findings)


def test_evidence_that_a_finding_places_twice_is_told_where_it_stands_again_in_print_order() -> None:
    (problem,) = problems(
        A=finding(description=f"One.\n\n{PLACED}\n", severity_reason=f"Two.\n\n{PLACED}"), B=finding(description=PLACED)
    )

    assert (problem.subject, problem.line_offset, problem.level) == (("A", "description"), 2, "warning")
    assert problem.remedy == "write `[](location:a)`"


def test_a_malicious_number_of_problems_is_cut_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings_report.authoring.proofread.MOST_PROBLEMS", 100)

    found = problems(A=finding(description="[x](a:b)\n" * 100), B=finding(description="[x](a:b)"))

    assert len(found) == 101
    assert found[-1].fault == "more than 100 problems: the texts from here on were not checked"
    assert (found[-1].subject, found[-1].level) == (("B", "description"), "error")
    assert {problem.level for problem in found[:-1]} == {"warning"}


def test_evidence_placed_a_thousand_times_is_one_message() -> None:
    found = problems(A=finding(description=f"{PLACED}\n\n" * 1000))

    assert len(found) == 999
    assert len(summarize(found)) == 1


def test_a_finding_may_be_named_by_a_former_id_and_not_by_one_that_never_was() -> None:
    renamed = finding(aliases=["OLD-1"])

    (problem,) = problems(A=renamed, B=finding(description="[](finding:OLD-1)\n[](finding:OLD-2)"))

    assert problem.fault == "there is no finding 'OLD-2' to refer to"
    assert problem.remedy == "did you mean 'OLD-1'? there are A, B, OLD-1"


@pytest.mark.parametrize(
    "text",
    [
        "See Figure 3.1.",
        "**Figure A-1.1** `a.py#L1`",
        "Fig**ur**e A&#45;1.1",
        "Figure\n7",
        "F\u0456gure 3.1",
        "\uff26\uff49\uff47\uff55\uff52\uff45 3.1",
        "The quote was *verified*.",
        "Author\u2019s copy of this code",
        LABEL,
        *(words for verdict, words in VERDICT_WORDS.items() if verdict is not Verdict.UNCHECKED),
    ],
)
def test_prose_that_poses_as_evidence_is_a_warning(text: str) -> None:
    found = problems(A=finding(description=f"x\n\n{text}"))

    assert {(problem.code, problem.level, problem.line_offset) for problem in found} == {("poses-as-evidence", "warning", 2)}


def test_figures_of_other_documents_and_ordinary_words_are_none() -> None:
    text = "Figure 3 of RFC 7519, [Figure 2](https://example.org/a). The signature is not verified. Configure 3; two figures."

    assert problems(A=finding(description=text)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "a\ue000b"),
        ("category", "a\u202eb"),
        ("owner", "a\u200db"),
        ("found_by", "z" + "\u0301" * 9),
        ("references", ({"url": "https://example.org/", "title": "a\ufe0f"},)),
        ("locations", ({"path": "a\u200b.py", "symbol": "f"},)),
        ("locations", ({"path": "a.py", "symbol": "f\u2800"},)),
    ],
)
def test_hidden_characters_of_short_texts_are_warnings(field: str, value: object) -> None:
    (problem,) = problems(A=finding(**{"locations": (), field: value}))

    assert (problem.code, problem.level, (problem.subject or ())[:2]) == ("hidden-character", "warning", ("A", field))


@pytest.mark.parametrize("sign", ["\u200f", "\u0301"])
def test_a_text_that_costs_a_page_minutes_is_named_before_it_does(sign: str) -> None:
    found = problems(A=finding(description=f"e{sign * 20_000}"), B=finding(description=f"e{sign * 900}", impact=sign * 3_000))

    costly = [problem for problem in found if problem.code == "costly-text"]
    assert [problem.subject for problem in costly] == [("A", "description"), ("B", "impact")]
    assert costly[0].fault.endswith(" of its 20,001 characters are shown by their code, and take a PDF minutes")
