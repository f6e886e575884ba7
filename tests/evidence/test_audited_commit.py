"""The pin: what is odd about it, and the commit at which quotes fit better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from repositories import Commit, build, git

from findings_report.evidence import audited_commit
from findings_report.evidence.resolve import Resolution, resolve
from findings_report.git import open_repository
from findings_report.model.engagement import Engagement
from findings_report.model.finding import Finding
from findings_report.problems import Problem

HEAD = "import os\nimport sys\n"


def body(name: str, count: int = 12) -> list[str]:
    return [f"{name}_{number} = compute_{name}({number})" for number in range(count)]


def text(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


V1 = text("import os", *body("alpha"), *body("beta"))
V2 = text("import os", "import sys", "import re", *body("alpha"), *body("beta"))
V3 = text("import os", "import sys", "import re", "", "", *body("gamma"), *body("alpha"), *body("beta"))


def quotes(version: str, lines: Sequence[int]) -> list[dict[str, Any]]:
    return [{"path": "app.py", "lines": str(line), "quote": version.split("\n")[line - 1]} for line in lines]


def resolved(folder: Path, locations: list[dict[str, Any]], others: int = 0, **repository: Any) -> Resolution:
    repositories = {"app": repository} | {f"other{number}": {"url": "https://example.org/o"} for number in range(others)}
    engagement = Engagement.model_validate({"title": "t", "repositories": repositories})
    cited = [{"repository": "app", **location} for location in locations]
    finding = {"title": "t", "severity": "low", "description": "d", "locations": cited}
    with open_repository(folder, name="app") as source:
        sources = {"app": source} | {f"other{number}": None for number in range(others)}
        return resolve(engagement, {"A-1": Finding.model_validate(finding)}, sources)


def problems_of(result: Resolution, code: str) -> list[Problem]:
    return [problem for problem in result.problems if problem.code == code]


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, list[str]]:
    commits = [
        Commit({"app.py": V1}, tag="1.0"),
        Commit({"README": "a"}),
        Commit({"app.py": V2}),
        Commit({"README": "b"}),
        Commit({"app.py": V3}, tag="3.0"),
        Commit({"README": "c"}),
    ]
    return tmp_path / "app", build(tmp_path / "app", commits)


@pytest.mark.parametrize(
    ("version", "pin", "place", "revision"),
    [
        (V1, 5, "its ancestor {0}, tag 1.0", "1.0"),
        (V2, 5, "its ancestor {2}", "{2}"),
        (V3, 0, "its descendant {4}, tag 3.0", "3.0"),
        (V2, 0, "its descendant {2}", "{2}"),
    ],
)
def test_quotes_of_another_commit_name_it_once_with_the_command(
    history: tuple[Path, list[str]], version: str, pin: int, place: str, revision: str
) -> None:
    folder, commits = history
    short = [commit[:12] for commit in commits]

    result = resolved(folder, [*quotes(version, range(8, 20)), *quotes(V1 if version != V1 else V2, [1])], commit=commits[pin])

    (problem,) = problems_of(result, "pin-misfit")
    assert problem.fault == (
        f"12 of 13 quotes do not fit the pinned commit {short[pin]} of repository 'app'; 13 fit {place.format(*short)}"
    )
    assert problem.remedy == f"if that was audited, move the pin with `findings-report pin --to {revision.format(*short)}`"
    assert problem.subject == ("engagement", "repositories", "app", "commit")
    assert len(problems_of(result, "quote-of-other-commit")) == 12
    assert problems_of(result, "quote-moved") == []


def test_the_command_names_the_repository_where_there_are_several(history: tuple[Path, list[str]]) -> None:
    folder, commits = history

    result = resolved(folder, quotes(V1, range(8, 14)), others=1, commit=commits[5])

    assert (problems_of(result, "pin-misfit")[0].remedy or "").endswith("`findings-report pin --to 1.0 --only app`")


@pytest.mark.parametrize(
    ("wrong", "right"), [(0, 9), (2, 2), (2, 0), (3, 3), (4, 9)], ids=["none", "few", "two", "half", "a third"]
)
def test_no_other_commit_is_looked_for_while_most_quotes_fit(
    history: tuple[Path, list[str]], wrong: int, right: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, commits = history
    monkeypatch.setattr(audited_commit, "_find_better", lambda *_: pytest.fail("searched"))

    result = resolved(folder, [*quotes(V1, range(8, 8 + wrong)), *quotes(V3, range(8, 8 + right))], commit=commits[5])

    assert problems_of(result, "pin-misfit") == []
    assert len(problems_of(result, "quote-moved")) == wrong


def test_quotes_that_fit_nowhere_name_no_other_commit(history: tuple[Path, list[str]]) -> None:
    folder, commits = history
    locations = [{"path": "app.py", "lines": str(n), "quote": f"something_else_{n} = entirely({n})"} for n in range(1, 6)]

    result = resolved(folder, locations, commit=commits[5])

    (problem,) = problems_of(result, "pin-misfit")
    assert problem.fault.endswith("; no tag, and no commit that changed the cited files, fits them better")
    assert problem.level == "note"
    assert len(problems_of(result, "quote-not-found")) == 5


def test_a_file_that_the_pin_does_not_have_yet_counts_as_a_misfit(history: tuple[Path, list[str]]) -> None:
    folder, commits = history
    git(folder, "checkout", "-q", "-b", "later")
    (folder / "new.py").write_text(text(*body("delta")))
    git(folder, "add", "new.py")
    git(folder, "commit", "-qm", "new")
    lines = body("delta")

    locations = [{"path": "new.py", "lines": str(n + 1), "quote": lines[n]} for n in range(5)]
    result = resolved(folder, locations, commit=commits[5])

    assert "5 fit its descendant" in problems_of(result, "pin-misfit")[0].fault
    assert len(problems_of(result, "quote-of-other-commit")) == 5


@pytest.mark.parametrize("audited", [0, 37, 79, 119])
def test_a_tag_far_from_the_pin_is_found_with_few_commits_looked_at(
    tmp_path: Path, audited: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state(version: int) -> str:
        return text(*(f"state_{line} = {'new' if line <= version else 'old'}_value_{line}" for line in range(120)))

    commits = build(tmp_path / "app", [Commit({"app.py": state(number)}, tag=f"v{number}") for number in range(120)])
    rated: list[str] = []
    rate = audited_commit._rate

    def count(candidates: Sequence[str], *given: Any) -> tuple[str | None, int]:
        rated.extend(candidates)
        return rate(candidates, *given)

    monkeypatch.setattr(audited_commit, "_rate", count)
    changed = range(min(audited, 60) + 2, max(audited, 60) + 2)
    # The lines beside the changed ones fit at the pin, too, and tell the tag from its neighbours.
    lines = [*changed[:: max(1, len(changed) // 10)][:10], changed[0], changed[-1], changed[0] - 1, min(changed[-1] + 1, 120)]

    result = resolved(tmp_path / "app", quotes(state(audited), lines), commit=commits[60])

    kinship = "ancestor" if audited < 60 else "descendant"
    assert f"14 fit its {kinship} {commits[audited][:12]}, tag v{audited}" in problems_of(result, "pin-misfit")[0].fault
    assert len(rated) < 130


@pytest.mark.parametrize("length", [None, 9, 40])
def test_a_pin_that_no_branch_or_tag_leads_to_is_told_once(tmp_path: Path, length: int | None) -> None:
    _, second = build(tmp_path / "app", [Commit({"app.py": V1}), Commit({"app.py": V2})])
    git(tmp_path / "app", "reset", "-q", "--hard", "HEAD~1")
    git(tmp_path / "app", "reflog", "expire", "--expire=now", "--all")
    revision: dict[str, Any] = {"revision": second[:length]} if length else {}

    result = resolved(tmp_path / "app", quotes(V2, [8, 9]), commit=second, **revision)

    (problem,) = result.problems
    assert (problem.code, problem.level) == ("pin-unnamed", "warning")
    assert problem.fault == f"commit {second} of repository 'app' is in the history of no branch or tag of the clone"
    assert problem.subject == ("engagement", "repositories", "app", "commit")


def test_a_pin_below_a_tag_or_branch_is_not_told_of(history: tuple[Path, list[str]]) -> None:
    folder, commits = history

    for commit in commits:
        assert problems_of(resolved(folder, [], commit=commit), "pin-unnamed") == []
