"""What a review says is read if it is certain; what is not stays text."""

from __future__ import annotations

import time

import pytest

from findings_report.importing import ReviewedFinding, read_review


def _read(text: str, scale: tuple[str, ...] = ()) -> ReviewedFinding:
    (finding,) = read_review(text, scale).findings
    return finding


@pytest.mark.parametrize(
    ("line", "severity", "is_certain"),
    [
        ("**Severity:** Non critical", "informational", True),
        ("**Severity:** Not high, rather informational", None, False),
        ("**严重程度：** 不高", None, False),
        ("**Severity:** ~~High~~ Low", None, False),
        ("**Severity:** Medium/High", None, False),
        ("**Severity:** 🔴 High (CVSS 8.1)", "high", True),
        ("Severity: Medium risk", "medium", True),
        ("严重级别：高危", "high", True),
        ("Risk: an attacker gets high leverage.", None, False),
        ("### Severity\n\nCritical", "critical", True),
        ("### Risk\nNobody can say: high or low", None, False),
    ],
)
def test_severity(line: str, severity: str | None, *, is_certain: bool) -> None:
    finding = _read(f"## Finding: One\n\nText.\n\n{line}\n")
    assert finding.severity == severity
    assert bool(finding.unread) is not is_certain
    if not is_certain:
        assert line in "".join(map(str, finding.texts["description"]))


def test_what_a_severity_says_besides_stays_text() -> None:
    finding = _read("## Finding: One\n\nText.\n\n**Severity:** 3 (Medium)\n")
    assert finding.severity == "medium"
    assert "3 (Medium)" in "".join(map(str, finding.texts["description"]))


def test_severity_of_a_heading_goes_before_the_letter() -> None:
    assert _read("## [H-01] One\n\nText.\n\n### Severity\n\nLow\n").severity == "low"


def test_severities_of_the_scale_go_first() -> None:
    scale = ("Blocker", "Major", "Minor")
    assert _read("## [X-01] One\n\n**Severity:** major\n\nText.\n", scale).severity == "Major"
    review = read_review("# R\n## Blocker\n### One\nText.\n", scale)
    assert [(finding.title, finding.severity) for finding in review.findings] == [("One", "Blocker")]


def test_time_of_a_heading_of_severities() -> None:
    start = time.thread_time()
    read_review(f"## {'high ' * 80}x\n\n### One\n\nText.\n", ("High", "Low", "Low risk"))
    assert time.thread_time() - start < 1


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("**Recommendation:** Fixed-size arrays should be used.", None),
        ("**Description:** Verified users can drain the pool.", None),
        ("**Recommendation:** Fixed.", None),
        ("**Team response:** Fixed in abc.", "resolved"),
        ("```\n**Acme:** Fixed.\n```", None),
        ("**Status:** Not mitigated", "open"),
        ("**Status:** To be fixed", "open"),
        ("**Status:** Partially resolved - 2 of 3 fixed", "partially_resolved"),
        ("**Status:** Resolved ✅", "resolved"),
        ("**Bugs** fixed in the library are not listed.", None),
        ("**Status:** Cannot be fixed", None),
        ("**Status:** isn't fixed", None),
        ("**Status:** ~~Open~~ Fixed", None),
        ("**Status:** Fixed, but open on L2", None),
        ("**Status:** Acknowledged, won't fix", "risk_accepted"),
        ("Status: the pool is open to anyone.\n\n**Acme:** Fixed.", "resolved"),
        ("### Status\n\nFixed", "resolved"),
        ("### Status\n\nNobody knows", None),
    ],
)
def test_status(line: str, status: str | None) -> None:
    finding = _read(f"## [H-01] One\n\nText.\n\n{line}\n")
    assert (finding.status.value if finding.status else None) == status
    if "**Status" in line and status is None:
        assert finding.unread == (line,)
        assert line in "".join(map(str, finding.texts["description"]))


def test_code_has_no_labels() -> None:
    code = "- Config:\n\n  ```yaml\n  severity: low\n  status: fixed\n  ```\n"
    finding = _read(f"## [H-01] One\n\nText.\n\n{code}")
    assert (finding.severity, finding.status) == ("high", None)
    (fence,) = [chunk for chunk in finding.texts["description"] if not isinstance(chunk, str)]
    assert fence.content == "severity: low\nstatus: fixed\n"


def test_a_rule_is_no_front_matter() -> None:
    review = read_review("---\n\n## [H-01] A\n\nText.\n\n---\n\n## [H-02] B\n\nText.\n")
    assert [finding.own_id for finding in review.findings] == ["H-01", "H-02"]
    assert not review.texts


@pytest.mark.parametrize(
    ("heading", "own_id", "title"),
    [
        ("**[H-02] B**", "H-02", "B"),
        ("2. [H-03] C", "H-03", "C"),
        ("2.1 H-03: C", "H-03", "C"),
        ("🔴 [H-07] G", "H-07", "G"),
        ("[H-06](http://x.example) F", "H-06", "F"),
        ("[[H-06] F](#h-06)", "H-06", "F"),
        ("H1: D", "H1", "D"),
        ("NTR-007: E", "NTR-007", "E"),
    ],
)
def test_heading_with_id(heading: str, own_id: str, title: str) -> None:
    finding = _read(f"## {heading}\n\nText.\n")
    assert (finding.own_id, finding.title) == (own_id, title)


@pytest.mark.parametrize("heading", ["L2 considerations", "SHA-256: notes", "L2.5 layers", "ERC-20: tokens"])
def test_heading_without_id(heading: str) -> None:
    review = read_review(f"## [H-01] One\n\nText.\n\n## {heading}\n\nMore.\n")
    assert [finding.own_id for finding in review.findings] == ["H-01"]
    assert [text.title for text in review.texts] == [heading]
    assert not review.unread


def test_heading_with_an_id_that_is_a_text_is_named() -> None:
    review = read_review("## [H-01] One\n\nText.\n\n## ~~[H-05] E~~\n\nMore.\n")
    assert review.unread == ((4, "~~[H-05] E~~"),)
    assert [text.title for text in review.texts] == ["~~[H-05] E~~"]
