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
        ("### Classification\nDenial of service, medium severity. Certain.", "medium", True),
        ("### Classification\nValidation gap. Severity: low.", "low", True),
        ("**Severity:** It was a high severity issue", None, False),
        ("**Severity:** a high severity, or low severity", None, False),
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


def _summary(text: str, path: str = "") -> list[tuple[str | None, str, str | None, str | None]]:
    findings = read_review(text, (), path).findings
    return [
        (finding.own_id, finding.title, finding.severity, finding.status.value if finding.status else None)
        for finding in findings
    ]


TABLE = """# Findings

| ID | Title | Severity | Status | Location |
|----|-------|----------|--------|----------|
| [H-01](#h-01) | Late write | Medium | Fixed in abc123 | `src/a.sol:3` |
| L-1 | Missing event | Low | Acknowledged | |
| I-01 | **Typos** | Info | to be decided | everywhere |
"""


def test_rows_of_a_table_are_findings() -> None:
    assert _summary(TABLE) == [
        ("H-01", "Late write", "medium", "resolved"),
        ("L-1", "Missing event", "low", "acknowledged"),
        ("I-01", "Typos", "informational", None),
    ]
    review = read_review(TABLE)
    assert not review.texts, "a table of nothing but findings is not printed once more"
    texts = ["".join(map(str, finding.texts["description"])) for finding in review.findings]
    assert texts == [
        "**Location:** `src/a.sol:3`\n\n**Status:** Fixed in abc123",
        "Missing event",
        "**Location:** everywhere\n\n**Status:** to be decided",
    ]


def test_rows_and_sections_are_one_finding() -> None:
    text = f"{TABLE}\n## [H-01] Late write\n\nText.\n\n## L-01: Missing event\n\n**Status:** Fixed\n\nMore.\n"
    assert sorted(_summary(text), key=lambda row: row[1]) == [
        ("H-01", "Late write", "medium", "resolved"),
        ("L-01", "Missing event", "low", "resolved"),
        ("I-01", "Typos", "informational", None),
    ]
    (other,) = [each for each in read_review(text).texts if "Typos" in each.text]
    assert "| L-1 | Missing event | Low |" in other.text


def test_rows_are_joined_by_title() -> None:
    text = "| # | Issue | Risk | State |\n|-|-|-|-|\n| 1 | Late `write` | High | Open |\n\n### Issue 1: Late write\n\nText.\n"
    assert _summary(text) == [(None, "Late write", "high", "open")]


@pytest.mark.parametrize(
    "table",
    [
        "| Severity | Description |\n|-|-|\n| High | Funds are lost |\n",
        "| Severity | # of findings |\n|-|-|\n| High | 3 |\n",
        "| Severity | Impact: High | Impact: Low |\n|-|-|-|\n| **Likelihood: High** | Critical | Low |\n",
        "| Issue | Status |\n|-|-|\n| Reentrancy | Passed |\n",
        "| ID | Title | Severity |\n|-|-|-|\n| 1 | Total | none |\n",
        "| File | Contract | Risk |\n|-|-|-|\n| a.sol | A | High |\n",
    ],
)
def test_other_tables_are_no_findings(table: str) -> None:
    assert [finding.title for finding in read_review(f"{table}\n## [H-01] One\n\nText.\n").findings] == ["One"]


@pytest.mark.parametrize(
    ("heading", "severity"),
    [
        ("### 2.1 Critical", "critical"),
        ("### [WARNINGS]", "medium"),
        ("### **Major Issues**", "high"),
        ("### COMMENTS", "informational"),
        ("### 4. Low Risk Findings (3)", "low"),
        ("### 高危漏洞", "high"),
        ("### Warnings about time", None),
    ],
)
def test_groups(heading: str, severity: str | None) -> None:
    text = f"# R\n\n{heading}\n\n#### 1. First\n\nText.\n\n#### 2. Minor issues\n\nMore.\n\n### Low\n\n#### Not found\n"
    found = [] if severity is None else [(None, "First", severity, None), (None, "Minor issues", severity, None)]
    assert _summary(text) == found


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("high/foo.md", "high"),
        ("audits/High-Risk/foo.md", "high"),
        ("001-H/058.md", "high"),
        ("medium_findings/x/foo.md", "medium"),
        ("acme-H-01.md", "high"),
        ("[M-02] Title.md", "medium"),
        ("low-02.md", "low"),
        ("Critical.md", "critical"),
        ("low-level-calls.md", None),
        ("high-water/mark.md", None),
        ("review.md", None),
        ("h/review.md", None),
    ],
)
def test_severity_of_a_path(path: str, severity: str | None) -> None:
    text = "# Drain\n\n## Summary\n\nText.\n\n## Impact\n\nLoss.\n\n## Description\n\nMore.\n"
    assert _summary(text, path) == [(None, "Drain", severity, None)]
    # What the text says goes first.
    assert _summary(f"{text}\n**Severity:** Informational\n", path)[0][2] == "informational"


def test_a_file_of_one_weakness_without_parts() -> None:
    assert _summary("# Drain\n\nText.\n\n## More\n\nOf it.\n", "high/a.md") == [(None, "Drain", "high", None)]
    assert _summary("# Drain\n\nText.\n", "reviews/a.md") == []


def test_severity_in_a_line_of_its_own_before_the_title() -> None:
    text = "0xname\n\nmedium\n\n# Drain\n\n## Summary\n\nText.\n\n## Impact\n\nLoss.\n\n## Description\n\nMore.\n"
    assert _summary(text, "001-H/1.md") == [(None, "Drain", "medium", None)]


def test_a_fence_that_is_not_closed_hides_no_finding() -> None:
    text = "# [L-01] One\n\n```solidity\na();\n``\n\n# [L-02] Two\n\nText.\n```\nb();\n```\n\n# [L-03] Three\n\nText.\n"
    assert [own_id for own_id, *_ in _summary(text)] == ["L-01", "L-02", "L-03"]


def test_links_by_reference_are_with_the_text_that_uses_them() -> None:
    text = (
        "# [L-01] One\n\nSee [code][1] and [other].\n\n# [L-02] Two\n\nSee [Code][2] and [none][9].\n\n"
        '[1]: https://github.com/a/b/blob/main/src/A.sol#L3\n[2]: https://example.org/2 "Two"\n'
        "[Other]: <https://example.org/o>\n[unused]: https://example.org/u\n"
    )
    first, second = read_review(text).findings
    assert first.texts["description"][-1] == (
        "\n[1]: https://github.com/a/b/blob/main/src/A.sol#L3\n[Other]: <https://example.org/o>\n"
    )
    joined = "".join(map(str, second.texts["description"]))
    assert '[2]: https://example.org/2 "Two"' in joined
    assert "A.sol" not in joined
    assert "[unused]: https://example.org/u" in joined


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "## Title\n`f` can be **called**\n\n## Brief/Intro\nA.\n\n## Vulnerability Details\nMore.\n\n## Tool used\n-\n",
            [(None, "`f` can be **called**", None, None)],
            id="title-as-a-part",
        ),
        pytest.param(
            "## Stale prices\n\n## Summary\n**Severity Medium**\n\n## Finding Description\nA.\n\n## Impact Explanation\nB.\n",
            [(None, "Stale prices", "medium", None)],
            id="parts-of-its-level",
        ),
        pytest.param(
            "# Reads past a page\n\n## Classification\n\nHigh severity OOB write.\n\n## Affected Locations\n\n`a.c:3`\n",
            [(None, "Reads past a page", "high", None)],
            id="severity-in-a-sentence",
        ),
        pytest.param("# Design\n\n## Summary\n\nText.\n\n## Impact\n\nMore.\n", [], id="a-design"),
        pytest.param("# A\n\n## Impact\n\nx\n\n# B\n\n## Solution\n\ny\n", [], id="several-titles"),
    ],
)
def test_a_file_that_is_one_finding(text: str, expected: list[tuple[str | None, str, str | None, str | None]]) -> None:
    assert _summary(text) == expected


def test_only_headings_with_ids_are_findings_where_there_are_some() -> None:
    text = (
        "# High Risk Findings\n\n## <a id='H-01'></a>H-01. One\n\n## Summary\n\nText.\n\n## Impact\n\nLoss.\n\n"
        "## Tools used\n\nEyes.\n\n## Recommendations\n\nFix.\n\n# Low Risk Findings\n\n## <a id='L-01'></a>L-01. Two\n\n"
        "## Summary\n\nMore.\n\n## Likelihood\n\nSmall.\n\n## Gas report\n\n**Severity:** Low\n\nNumbers.\n"
    )
    assert _summary(text) == [("H-01", "One", "high", None), ("L-01", "Two", "low", None)]
    first = read_review(text).findings[0]
    assert sorted(first.texts) == ["description", "impact", "recommendation", "summary"]
    assert "Eyes." in "".join(map(str, [*first.texts["description"], *first.texts["impact"]]))


def test_findings_of_a_review_of_fixes_and_headings_about_their_group() -> None:
    text = (
        "# High Risk Findings\n\n## [H-01] One\n\nText.\n\n# Gas Optimizations\n\n## Table of contents\n\n- Pack\n\n"
        "## Pack the slots\n\nText.\n\n"
        "# Mitigation review\n\n## [Fees are stuck](https://github.com/acme/app/issues/7)\n\nSeverity: Medium\n\n"
        "### Lines of code\n\nMore.\n"
    )
    assert [entry[1:3] for entry in _summary(text)] == [
        ("One", "high"),
        ("Pack the slots", "informational"),
        ("Fees are stuck", "medium"),
    ]
