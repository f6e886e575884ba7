"""What the user is told who wrote something near."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.authoring import Folder, load
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Region
from findings_report.model.finding import Finding, Location, Status
from findings_report.problems import FindingsReportError, suggestions

SCALE = [severity.name for severity in Engagement(title="x").severities]
STATUSES = [status.value for status in Status]


@pytest.mark.parametrize(
    ("value", "word"),
    [("High", "high"), ("hihg", "high"), ("info", "informational"), ("crit", "critical"), ("moderate", "medium"),
     ("Minor", "low"), ("banana", None), ("", None), ("i", None)],
)  # fmt: skip
def test_a_severity_is_guessed_from_slips_starts_and_the_words_of_others(value: str, word: str | None) -> None:
    assert suggestions.nearest(value, SCALE) == word


@pytest.mark.parametrize(
    ("value", "word"),
    [("fixed", "resolved"), ("wontfix", "risk_accepted"), ("Won't Fix", "risk_accepted"), ("accepted", "risk_accepted"),
     ("risk accepted", "risk_accepted"), ("false-positive", "false_positive"), ("partially fixed", "partially_resolved")],
)  # fmt: skip
def test_a_status_is_guessed_from_the_words_of_others(value: str, word: str) -> None:
    assert suggestions.nearest(value, STATUSES) == word


def test_a_word_of_others_is_only_offered_where_ours_may_stand() -> None:
    assert suggestions.nearest("moderate", ["bad", "fine"]) is None
    assert suggestions.field("tag", Finding.model_fields) == "did you mean 'tags'?"
    assert suggestions.field("sha", Engagement.model_fields) is None
    assert "under `extra`" in (suggestions.field("sha", Finding.model_fields) or "")
    assert suggestions.field("sha", Location.model_fields) == "write `commit`"


@pytest.mark.parametrize(
    ("value", "remedy"),
    [("L11-L13", "write 11-13"), ("#L11-L13", "write 11-13"), ("11:13", "write 11-13"), ("11..13", "write 11-13"),
     ("11–13", "write 11-13"), ("lines 11 to 13", "write 11-13"), ("L4", "write 4"), (["L3", "11:13"], "write [3, 11-13]"),
     ("L11-13, L20", "write [11-13, 20]"), ("L13-L11", None), ("9-2", None), ([5, 3], None), ([], None), ("abc", None),
     ("L0", None)],
)  # fmt: skip
def test_lines_in_other_notations_are_told_in_ours(value: object, remedy: str | None) -> None:
    assert suggestions.lines(value) == remedy


@given(st.integers(1, 10**6), st.integers(0, 1000), st.sampled_from([":", "..", "–", " to ", "-L"]))
def test_the_lines_that_are_offered_are_accepted(start: int, more: int, separator: str) -> None:
    offered = (suggestions.lines(f"L{start}{separator}{start + more}") or "").removeprefix("write ")

    read = Location.model_validate({"path": "a", "lines": offered}).lines
    assert read == (Region(start_line=start, end_line=start + more),)


@pytest.mark.parametrize("value", [79, "79", "CWE79", "cwe-79", "CWE_079", "cwe 79", "CWE: 79"])
def test_a_weakness_is_offered_in_our_form(value: object) -> None:
    assert suggestions.weakness(value) == "write CWE-79"


BARE = "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


@pytest.mark.parametrize(
    ("value", "remedy"),
    [(9.8, "write the vector: the score is computed"), ("9.8", "write the vector: the score is computed"),
     (f"CVSS:3.0/{BARE}", f"write CVSS:3.1/{BARE}: 3.0 and 3.1 have the same metrics"), (BARE, "put CVSS:3.1/ before it"),
     ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:H", "put CVSS:4.0/ before it"),
     ("AV:N/AC:L/Au:N/C:C/I:C/A:C", "score it with 3.1 or 4.0: version 2 is not supported"),
     (f"cvss:3.1/{BARE}".lower(), f"write CVSS:3.1/{BARE}"), ("CVSS:3.1/AV:N", None)],
)  # fmt: skip
def test_a_vector_is_told_with_what_it_lacks(value: object, remedy: str | None) -> None:
    assert suggestions.vector(value) == remedy


@pytest.mark.parametrize(
    ("value", "remedy"),
    [("./x/y.py", "write x/y.py"), ("a//b", "write a/b"), ("a\\b", "write a/b"), ("../x", None), ("", None),
     ("/abs", "write the path from the repository's root"),
     ("C:\\x", "write the path from the repository's root")],
)  # fmt: skip
def test_a_path_is_offered_as_git_has_it(value: str, remedy: str | None) -> None:
    assert suggestions.path(value) == remedy


def test_what_there_is_is_listed_with_what_is_near() -> None:
    assert suggestions.listed("sorce", ["source", "sink"], what="location") == "did you mean 'source'? there are sink, source"
    assert suggestions.listed("x", ["source"], what="location") == "there is the location source"
    assert suggestions.listed("x", [f"A-{n}" for n in range(1, 11)], what="finding") == (
        "there are A-1, A-10, A-2, A-3, A-4, A-5, A-6, A-7 and 2 more"
    )
    assert suggestions.listed("x", [], what="location") is None


FINDING = "title: x\nseverity: low\ndescription: y\n"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("cwe: 79", "write CWE-79"),
        ("cwe: [CWE79]", "write CWE-79"),
        ("rating: high", "write `rating: {impact: high, likelihood: medium}`, or `severity` for one word"),
        ("status: closed", "write resolved, risk_accepted or false_positive, to say why it was closed"),
        ("status: fixed", "did you mean 'resolved'?"),
        ("remediation: z", "write `recommendation`"),
        ("mitigation: z", "write `recommendation`"),
        ("details: z", "write `description`"),
        ("cvss_score: 9.8", "write the vector under `cvss`: the score is computed"),
        ("cvss: 9.8", "write the vector: the score is computed"),
        (f"cvss: {BARE}", "put CVSS:3.1/ before it"),
        ("id: A-1", "remove it: the id is the name of the file"),
        ("references: https://example.org", "write each entry on its own line, after `- `"),
        ("references: {docs: https://example.org}", "begin each entry with `- `, and its other fields below the first"),
        ("component: web", "declare a custom field under `fields` in engagement.yaml, and write it under `extra`"),
        ("due: 31.1.2026", "write 2026-01-31"),
        ("affected: [https://example.org]", "write `- {kind: url, name: ...}`"),
        ("fix: 1a2b3c4", "write `fix: {commits: [...]}`, or `fix: {note: ...}`"),
        ("references: [example.org/a]", "write https://example.org/a"),
        (
            "locations: [{path: a.py, commit: HEAD}]",
            "`git rev-parse` prints the full hash; `findings-report pin` records that of a repository",
        ),
        ("locations: [{path: a.py, lines: L1-L2}]", "write 1-2"),
        ("locations: [{path: a.py, line: 1}]", "write `lines`"),
    ],
)
def test_a_slip_that_people_make_is_told_with_its_mend(tmp_path: Path, line: str, remedy: str) -> None:
    (tmp_path / "engagement.yaml").write_text("title: x\nrepositories: {app: {path: app}}\n")
    (tmp_path / "A-1.finding.yaml").write_text(FINDING + line + "\n")

    with pytest.raises(FindingsReportError) as caught:
        load(Folder(tmp_path))

    assert [problem.remedy for problem in caught.value.problems] == [remedy]


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("31.01.2026", "write 2026-01-31"),
        ("2026/1/31", "write 2026-01-31"),
        ("20260131", "write 2026-01-31"),
        ("31.02.2026", None),
        ("01/02/2026", None),
        ("2026-01/31", None),
        ("tomorrow", None),
    ],
)
def test_a_day_in_another_notation_is_told_in_ours_when_it_can_be_one_only(value: str, remedy: str | None) -> None:
    assert suggestions.day(value) == remedy


@pytest.mark.parametrize(
    ("revision", "remedy"),
    [
        ("v2.3.0", "did you mean '2.3.0'?"),
        ("1.0", "did you mean 'v1.0'?"),
        ("v", "fetch it into the clone, or name another"),
        ("3.0", "fetch it into the clone, or name another"),
        ("HEAD", "the repository has no commit yet: commit first, or name a tag or a branch"),
    ],
)
def test_a_tag_is_offered_with_or_without_its_v(revision: str, remedy: str) -> None:
    tags = {"2.3.0": "a" * 40, "v1.0": "b" * 40}

    assert suggestions.revision(revision, tags.get) == remedy
