"""The table of weaknesses, against what its source is known to say."""

from __future__ import annotations

import pytest

from findings_report.authoring.scoring import weakness_table

XSS = "Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')"
SQL = "Improper Neutralization of Special Elements used in an SQL Command ('SQL Injection')"
PATH = "Improper Limitation of a Pathname to a Restricted Directory ('Path Traversal')"


@pytest.mark.parametrize(
    ("cwe", "name", "chapter", "newer"),
    [
        ("CWE-79", XSS, "A03:2021 Injection", "A05:2025 Injection"),
        ("CWE-89", SQL, "A03:2021 Injection", "A05:2025 Injection"),
        ("CWE-22", PATH, "A01:2021 Broken Access Control", "A01:2025 Broken Access Control"),
        ("CWE-367", "Time-of-check Time-of-use (TOCTOU) Race Condition", None, None),
        (
            "CWE-918",
            "Server-Side Request Forgery (SSRF)",
            "A10:2021 Server-Side Request Forgery (SSRF)",
            "A01:2025 Broken Access Control",
        ),
    ],
)
def test_names_and_chapters_are_those_of_the_list(cwe: str, name: str, chapter: str | None, newer: str | None) -> None:
    assert weakness_table().names[cwe] == name
    assert weakness_table().top_ten[2021].get(cwe) == chapter
    assert weakness_table().top_ten[2025].get(cwe) == newer


def test_the_table_is_whole() -> None:
    assert weakness_table().version == "4.19.1"
    assert len(weakness_table().names) == 969
    for year, weaknesses in weakness_table().top_ten.items():
        assert {chapter[:8] for chapter in weaknesses.values()} == {f"A{number:02}:{year}" for number in range(1, 11)}
    assert len(weakness_table().top_ten[2025]) == 249


def test_no_name_has_blanks_at_its_ends() -> None:
    names = [*weakness_table().names.values(), *weakness_table().categories.values(), *weakness_table().chapters[2025].values()]

    assert [name for name in names if name != name.strip()] == []
