"""The table of weaknesses, against what its source is known to say."""

from __future__ import annotations

import pytest

from findings_report.authoring.scoring import weakness_table

XSS = "Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')"
SQL = "Improper Neutralization of Special Elements used in an SQL Command ('SQL Injection')"
PATH = "Improper Limitation of a Pathname to a Restricted Directory ('Path Traversal')"


@pytest.mark.parametrize(
    ("cwe", "name", "chapter"),
    [
        ("CWE-79", XSS, "A03:2021 Injection"),
        ("CWE-89", SQL, "A03:2021 Injection"),
        ("CWE-22", PATH, "A01:2021 Broken Access Control"),
        ("CWE-367", "Time-of-check Time-of-use (TOCTOU) Race Condition", None),
        ("CWE-918", "Server-Side Request Forgery (SSRF)", "A10:2021 Server-Side Request Forgery (SSRF)"),
    ],
)
def test_names_and_chapters_are_those_of_the_list(cwe: str, name: str, chapter: str | None) -> None:
    assert weakness_table().names[cwe] == name
    assert weakness_table().top_ten.get(cwe) == chapter


def test_the_table_is_whole() -> None:
    assert weakness_table().version == "4.15"
    assert len(weakness_table().names) == 964
    assert len({chapter[:3] for chapter in weakness_table().top_ten.values()}) == 10


def test_no_name_has_blanks_at_its_ends() -> None:
    names = [*weakness_table().names.values(), *weakness_table().categories.values(), *weakness_table().top_ten.values()]

    assert [name for name in names if name != name.strip()] == []
