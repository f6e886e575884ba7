"""What a review says is read if it is certain; what is not stays text."""

from __future__ import annotations

import time

import pytest

from findings_report.importing import Review, ReviewedFinding, find_lost_words, read_review


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
    assert _summary("## INFO-001 — One (CWE-200) — MEDIUM\n\nText.\n") == [("INFO-001", "One (CWE-200)", "medium", None)]


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
        "**Status:** Fixed in abc123",
        "Missing event",
        "**Location:** everywhere\n\n**Status:** to be decided",
    ]
    assert review.findings[0].cited == ("`src/a.sol:3`\n",), "a place is no text"


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
        ("### CRITICAL Findings (all fixed)", "critical"),
        ("### Critical Findings (High Severity)", None),
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


SHAPES = {
    "number-severity-dash": "## 1. High – Late write\n\n{text}\n\n## 2. Low – No log\n\nMore.\n",
    "number-bracket": "### 1. [HIGH] Late write\n\n{text}\n\n### 2. [LOW] No log\n\nMore.\n",
    "severity-in-brackets-behind": "### 1. Late write (High)\n\n{text}\n\n### 2. No log [Low severity]\n\nMore.\n",
    "severity-behind-a-dash": "### Late write — High risk\n\n{text}\n\n### No log - **Low**\n\nMore.\n",
    "severity-colon": "## High: Late write\n\n{text}\n\n## Low: No log\n\nMore.\n",
    "symbols": "## 🔴 1. High: Late write\n\n{text}\n\n## 2. 🟢 Low: No log\n\nMore.\n",
    "symbols-in-groups": "## 🔴 High Issues (1) ✅\n\n### 1. Late write\n\n{text}\n\n## 🟢 Low — 1\n\n### 2. No log\n\nMore.\n",
    "bold-headings": "#### **1. Late write (High)**\n\n{text}\n\n#### 2. **[Low] No log**\n\nMore.\n",
    "issue-bracket": "### Issue 1 [HIGH]: Late write\n\n{text}\n\n### Issue 2 (Low): No log\n\nMore.\n",
    "letters": "### F1. Late write (High)\n\n{text}\n\n### F2. No log (Low)\n\nMore.\n",
    "sections": "## 3. Results\n\n### 3.1 Late write (High severity)\n\n{text}\n\n### 3.2 No log (Low)\n\nMore.\n",
    "points": "## Findings\n\n1. **Late write** (High) – {text}\n2. **No log (Low)**\n\n   More.\n",
    "points-below-severities": "### High\n\n- **Late write**: {text}\n\n### Low\n\n- **No log** – More.\n",
    "paragraphs": "**1. Late write**\n\n- **Severity:** High\n\n{text}\n\n**2. No log**\n\n- **Severity:** Low\n\nMore.\n",
    "nested-points": (
        "### Issues\n\n1. **Late write**\n   - Severity: High\n   - Note: {text}\n2. **No log**\n   - Severity: Low\n"
    ),
    "tables-of-labels": (
        "## Finding 1: Late write\n\n| Field | Value |\n|-|-|\n| Severity | High |\n\n{text}\n\n"
        "## Finding 2: No log\n\n| Severity | Status |\n|-|-|\n| Low | Open |\n\nMore.\n"
    ),
    "rows-below-severities": (
        "### High\n\n| # | Issue | Status |\n|-|-|-|\n| 1 | Late write | {text} |\n\n"
        "### Low\n\n| # | Issue | Status |\n|-|-|-|\n| 2 | No log | Open |\n"
    ),
    "german": "### 1. Late write\n\n**Schweregrad:** Hoch\n\n{text}\n\n### 2. No log\n\n**Schweregrad:** Niedrig\n\nMore.\n",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_headings_as_language_models_write_them(shape: str) -> None:
    text = f"# Security review\n\nTwo problems.\n\n{shape.format(text='It is lost.')}"

    review = read_review(text)

    assert [(finding.title, finding.severity) for finding in review.findings] == [("Late write", "high"), ("No log", "low")]
    assert "It is lost." in "".join(map(str, review.findings[0].texts["description"]))
    assert not find_lost_words(text, _kept(review))


def _kept(review: Review) -> list[str]:
    """Return all texts of a review, and what it dropped."""
    kept = [*review.dropped, *(text.title for text in review.texts), *(text.text for text in review.texts)]
    for finding in review.findings:
        kept += [finding.title, finding.category or "", *map(str, finding.cited)]
        kept += [str(chunk) for chunks in finding.texts.values() for chunk in chunks]
    return kept


def test_what_names_findings_once_more_is_none() -> None:
    text = (
        "# Review\n\nText.\n\n## Findings\n\n### 1. Late write (High)\n\nIt is lost.\n\n"
        "#### Likelihood (Low)\n\nRare.\n\n### Overall risk - High\n\nBad.\n\n"
        "## Recommendations\n\n### Immediate (Critical)\n\n1. **Write early (High)** now.\n\n"
        "## What is good\n\n1. **Tests (High)** exist.\n\n## Legend\n\n- **High:** bad\n- **Low:** less so\n"
    )
    assert _summary(text) == [(None, "Late write", "high", None)]


def test_a_table_that_names_findings_in_short_has_no_other_ones() -> None:
    table = "| Issue | Severity |\n|-|-|\n| Write late | High |\n"
    text = f"# Review\n\n## HIGH-1: Late write\n\nText.\n\n## Risk Assessment Matrix\n\n{table}"
    assert _summary(text) == [("HIGH-1", "Late write", "high", None)]
    assert [row[1] for row in _summary(text.replace("Risk Assessment Matrix", "Found later"))] == ["Late write", "Write late"]


def test_a_list_of_labels() -> None:
    finding = _read(
        "# Review\n\nText.\n\n### 1. Late write (High)\n\n* **File:** `src/a.py`\n* **Lines:** 3-4\n* **CWE:** CWE-362\n"
        "* **Impact:** Data is lost.\n* **Team:** Core\n* **Suggestion:** Flush.\n\nMore text.\n"
    )
    texts = {name: "".join(map(str, chunks)).strip() for name, chunks in finding.texts.items()}
    assert texts == {
        "description": "* **CWE:** CWE-362\n\n* **Team:** Core\n\nMore text.",
        "impact": "Data is lost.",
        "recommendation": "Flush.",
    }
    assert finding.cited == ("src/a.py:3-4\n",)
    assert finding.cwe == ("CWE-362",)


def test_weaknesses_that_prose_compares_with_are_not_those_of_the_finding() -> None:
    text = "## Finding: One (CWE-79)\n\nUnlike CWE-89.\n\n| CWE | CWE-116 |\n|-|-|\n\n```\nCWE: CWE-1\n```\n"
    assert _read(text).cwe == ("CWE-79", "CWE-116")


def test_a_place_without_code_keeps_its_label() -> None:
    finding = _read("## Finding: One\n\n**Where:** the form\n\n**Location:** `a.py:3`\n\nText.\n")
    assert "".join(map(str, finding.texts["description"])).strip().split("\n\n")[0] == "**Where:** the form"
    assert finding.cited == ("`a.py:3`\n",)


def test_rows_without_titles_rate_the_findings_of_their_ids() -> None:
    text = "| ID | Package | Severity |\n|-|-|-|\n| GO-2025-1 | net | High |\n| GO-2025-2 | os | Low |\n\n"
    text += "### 1. GO-2025-1: Late write\n\nText.\n\n### M-GQL-003: Order\n\nMore.\n"
    assert _summary(text) == [("GO-2025-1", "Late write", "high", None), ("M-GQL-003", "Order", "medium", None)]


def test_signs_of_code_in_a_cell_stay() -> None:
    text = "| ID | Title | Severity |\n|-|-|-|\n| `L-1` | `f` is a copy of `g` | Low |\n| L-2 | **`h`** | Low |\n"
    assert [row[:2] for row in _summary(text)] == [("L-1", "`f` is a copy of `g`"), ("L-2", "h")]


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ("| 1 | High | `a.py` | 3 | Late | Flush. |", ("`a.py`", "Flush.")),
        ("| 1 | High | all of it | 3 | Late | |", ("", "")),
    ],
)
def test_cells_of_a_row_have_fields(row: str, fields: tuple[str, str]) -> None:
    finding = _read(f"| # | Severity | File | Line | Issue | Recommendation |\n|-|-|-|-|-|-|\n{row}\n")
    texts = {name: "".join(map(str, chunks)) for name, chunks in finding.texts.items()}
    place = "".join(map(str, finding.cited)).strip()
    assert (place.startswith("a.py:3") if fields[0] else place == "3", texts.get("recommendation", "")) == (True, fields[1])
