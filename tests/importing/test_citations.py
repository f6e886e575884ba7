"""What Markdown documents cite, checked against a repository: each wrong citation with its line, its fault and its remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from repositories import ENVIRONMENT, Commit, Link, Submodule, build, git, problem_of

from findings_report.commands.check import ProseInputs, check_prose
from findings_report.importing.citations import read_document
from findings_report.problems import Problem
from findings_report.problems.safe_text import display_path

APP = """import os


def first(x):
    return x + 1


def second(y):
    value = compute(y, 'deep')
    if value:
        return value * 2
    return None
"""
GONE = "0123456789abcdef0123456789abcdef01234567"
SECOND = "    value = compute(y, 'deep')\n    if value:"


LINK = "https://github.com/acme/app/blob"
RIGHT = {
    "paths": "`src/app.py:4`, src/app.py:4-5, `app.py:9`, src/app.py:4:80 and Makefile:1.",
    "relative-links": "[code](../src/app.py#L4-L5) and [more](/src/app.py#L12)",
    "lines-in-words": "src/app.py (lines 4-5), lines 8 to 9 of `src/app.py`, src/app.py(4,7)",
    "code-before": "`second` (`src/app.py:8-12`), `compute(y, 'deep')` at `src/app.py:9`",
    "one-of-two-files": "b/same.py:3, `same.py:3`",
    "no-paths": "localhost:8080 nginx:1.25 10:30 std::vec:3 ghcr.io/acme/app:12 a:1 https://example.com/x.py:12 me@x.py:3",
    "odd-anchors": f"{LINK}/main/src/app.py#1-9 {LINK}/main/src/app.py#L9-#L1 {LINK}/main/src/app.py/#L3.",
    "other-repository-beside": "https://gitlab.com/a/b/c/-/blob/main/lib/other.py#L900 https://github.com/acme/app/blob/OLD/src/app.py#L1",
    "fence-below-path": f"`src/app.py:9-10`:\n```python\n{SECOND}\n```",
    "fence-with-head": f"```python\n# src/app.py:9-10\n{SECOND}\n```",
    "fence-with-lines-and-path": f"```9:10:src/app.py\n{SECOND}\n```",
    "fence-with-title": f'```py title="src/app.py"\n{SECOND}\n```',
    "fence-without-file": "```python\nnothing(of, the, kind)\n```",
    "output": "```console\n$ run src/gone.py:3\n```",
    "proposal": "Replace `src/app.py:4-5` by:\n```python\ndef first(x):\n    return 7\n```",
    "recommendation": "## Recommendation\n\n```python\n# src/app.py\ndef first(x):\n    return 7\n```",
}
WRONG: list[tuple[str, int, str, tuple[str, ...]]] = [
    ("x\n\n`src/ap.py:4`", 3, "citation-path", ("no file src/ap.py", "did you mean 'src/app.py'")),
    ("`lib/app.py:4`", 1, "citation-path", ("did you mean `src/app.py`",)),
    ("src/app.py:4-99", 1, "citation-lines", ("has 12 lines; line 99",)),
    ("[x](../src/app.py#L40)", 1, "citation-lines", ("line 40",)),
    (f"{LINK}/main/src/app.py#L40", 1, "citation-lines", ("line 40",)),
    (f"{LINK}/main/src/nil.py", 1, "citation-path", ("no file src/nil.py",)),
    (f"x\n{LINK}/{GONE}/src/app.py#L4", 2, "citation-commit", ("0123456789ab is not",)),
    (f"https://gitlab.com/acme/team/app/-/blob/{GONE}/src/app.py#L4-5", 1, "citation-commit", ()),
    (f"https://bitbucket.org/acme/app/src/{GONE}/src/app.py#lines-4:5", 1, "citation-commit", ()),
    (f"https://codeberg.org/acme/app/src/commit/{GONE}/src/app.py#L4-L5", 1, "citation-commit", ()),
    (f"https://github.com/acme/app/commit/{GONE}", 1, "citation-commit", ()),
    (f"`src/app.py:1-2`:\n```py\n{SECOND}\n```", 2, "citation-moved", ("lines 9-10", "write `src/app.py:9-10`")),
    (f"```py\n# src/app.py:4-5\n{SECOND}\n```", 1, "citation-moved", ("lines 9-10",)),
    (f"```py src/util.py\n{SECOND}\n```", 1, "citation-absent", ("write `src/app.py:9-10`",)),
    (f"```py src/nil.py\n{SECOND}\n```", 1, "citation-path", ("write `src/app.py:9-10`",)),
    (
        "```py\n# src/app.py:8-12\ndef second(y):\n    value = compute(y, 'deep')\n    if not value:\n"
        "        return value * 2\n    return None\n```",
        1,
        "citation-edited",
        ("line 10 is 'if value:', quoted as 'if not value:'",),
    ),
    ("`compute(y, 'deep')` at `src/app.py:4`", 1, "citation-moved", ("line 9",)),
    ("`second()` (`src/app.py:4-5`)", 1, "citation-moved", ("write `src/app.py:8-12`",)),
    (f"> - `src/app.py:1-2`:\n>   ```py\n>   {SECOND.strip()}\n>   ```", 2, "citation-moved", ()),
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("app")
    old = {
        "src/app.py": f"# old\n{APP}",
        "src/util.py": "def helper():\n    return 'long enough to find'\n",
        "Makefile": "all:\n",
    }
    commits = build(folder, [Commit({**old}), Commit({"src/app.py": APP, "a/same.py": "x = 1\n", "b/same.py": "x\ny\nz\n"})])
    return folder, commits


def _check(clone: Path, text: str, revision: str | None = None, name: str = "docs/design.md") -> list[Problem]:
    document = clone / name
    document.parent.mkdir(exist_ok=True)
    document.write_text(text)
    result = check_prose(ProseInputs((document,), None, {"": clone}, revision=revision), lambda _: None)
    assert result.wrong == len(result.problems)
    return result.problems


@pytest.fixture(scope="module")
def checked(clone: tuple[Path, list[str]]) -> Mapping[str, list[Problem]]:
    """All texts, checked in one run."""
    folder, commits = clone
    (folder / "docs").mkdir()
    texts = [*(text.replace("OLD", commits[0]) for text in RIGHT.values()), *(text for text, *_ in WRONG)]
    documents = [folder / "docs" / f"{number}.md" for number in range(len(texts))]
    for document, text in zip(documents, texts, strict=True):
        document.write_text(text)
    result = check_prose(ProseInputs(tuple(documents), None, {"": folder}), lambda _: None)
    assert result.wrong == len(result.problems)
    keys = [*RIGHT, *(text for text, *_ in WRONG)]
    names = [display_path(document) for document in documents]
    return {
        key: [problem for problem in result.problems if problem.place is not None and problem.place.file == name]
        for key, name in zip(keys, names, strict=True)
    }


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_not_called_wrong(checked: Mapping[str, list[Problem]], name: str) -> None:
    assert checked[name] == []


@pytest.mark.parametrize(("text", "line", "code", "words"), WRONG)
def test_what_is_wrong_is_named(
    checked: Mapping[str, list[Problem]], text: str, line: int, code: str, words: tuple[str, ...]
) -> None:
    (problem,) = checked[text]
    assert (problem.code, problem.level, problem.place and problem.place.line) == (code, "warning", line)
    for word in words:
        assert word in f"{problem.fault} {problem.remedy}"


def test_a_link_is_read_at_its_own_commit(clone: tuple[Path, list[str]]) -> None:
    folder, (old, new) = clone
    assert _check(folder, f"{LINK}/{old}/src/app.py#L13") == []
    assert [problem.code for problem in _check(folder, f"{LINK}/{new}/src/app.py#L13")] == ["citation-lines"]
    assert _check(folder, "src/app.py:13", revision=old) == []


def test_repositories_of_an_engagement(clone: tuple[Path, list[str]], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (commit,) = build(other, [Commit({"lib/other.py": "a = 1\nb = 2\n"})])
    folder, commits = clone
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "engagement.yaml").write_text(
        "format: 1\ntitle: Review\nrepositories:\n"
        f"  app: {{url: https://github.com/acme/app, path: {json.dumps(str(folder))}, revision: main, commit: {commits[0]}}}\n"
        f"  other: {{url: https://github.com/acme/other, path: other, revision: main, commit: {commit}}}\n".replace(
            "path: other", f"path: {json.dumps(str(other))}"
        )
    )
    document = tmp_path / "notes.md"
    document.write_text(
        "`src/app.py:13` and lib/other.py:2, lib/other.py:3\n\n"
        "https://github.com/acme/other/blob/main/lib/other.py#L3 https://github.com/else/where/blob/main/x.py#L3\n"
    )
    result = check_prose(ProseInputs((document,), tmp_path, {}), lambda _: None)
    assert [(problem.code, problem.place and problem.place.line) for problem in result.problems] == [
        ("citation-lines", 1),
        ("citation-lines", 3),
    ]
    assert result.foreign == 1


def test_bad_input(clone: tuple[Path, list[str]], tmp_path: Path) -> None:
    def check(*documents: Path, revision: str | None = None, clones: dict[str, Path] | None = None) -> Problem:
        inputs = ProseInputs(documents, None, {"": clone[0]} if clones is None else clones, revision=revision)
        return problem_of(lambda: check_prose(inputs, lambda _: None))

    bad = tmp_path / "bad.md"
    bad.write_bytes(b"\xff")
    good = tmp_path / "good.md"
    good.write_text("src/app.py:99\n")
    many = tmp_path / "many.md"
    many.write_text("src/app.py:1\n" * 5001)
    assert check().code == "options"
    assert check(bad).code == "not-utf8"
    assert check(tmp_path / "no.md").code == "no-file"
    assert check(tmp_path).code == "no-file"
    assert check(many).code == "import-size"
    assert check(good, revision="v9").code == "revision-missing"
    assert check(good, clones={"": tmp_path}).code == "repository-missing"


@pytest.mark.parametrize(
    "text", ["`" * 60_000, "a/" * 30_000, "src/a.py:1`" * 4_000, "[" * 60_000, "a.b/" * 9_000 + ":1", "> " * 20_000]
)
def test_time_of_hostile_documents(text: str) -> None:
    start = time.thread_time()
    read_document(text)
    assert time.thread_time() - start < 2


def _check_staged(*documents: Path, folder: Path) -> list[tuple[str | None, str]]:
    result = check_prose(ProseInputs(documents, folder, {}, is_staged=True), lambda _: None)
    return [(problem.code, f"{problem.fault}; {problem.remedy}") for problem in result.problems]


def test_staged(tmp_path: Path) -> None:
    """What is about to be committed: no more, no less."""
    folder = tmp_path / "app"
    files: dict[str, str | Submodule] = {
        "src/app.py": APP,
        "src/gone.py": "x = 1\n",
        "far/away.py": "y = 2\n",
        "lib": Submodule("1" * 40),
    }
    (commit,) = build(folder, [Commit({**files})])
    document = folder / "design.md"
    # Moved, new, deleted and changed in one commit with the document; the work tree goes on from there.
    git(folder, "mv", "src/app.py", "src/core.py")
    git(folder, "rm", "--quiet", "--cached", "src/gone.py")
    (folder / "src/new.py").write_text("def fresh():\n    return 1\n")
    (folder / "later.py").write_text("z = 3\n")
    link = "https://github.com/acme/app/blob"
    text = (
        f"`src/core.py:4` src/new.py:2 far/away.py:1 {link}/main/src/core.py#L4 {link}/HEAD/src/new.py#L2\n\n"
        f"{link}/{commit}/src/app.py#L4 {link}/{commit}/src/gone.py#L1\n\n"
    )
    wrong = f"src/app.py:4 src/gone.py:1 later.py:1 lib/x.py:1 src/new.py:3 {link}/{commit}/src/new.py#L1\n"
    document.write_text(text + wrong)
    git(folder, "add", "design.md", "src/new.py")
    git(folder, "add", "--intent-to-add", "later.py")
    document.write_text("src/app.py:99\n")
    (folder / "src/new.py").write_text("def fresh():\n    return 1\n\n")
    got = _check_staged(document, folder=folder)
    assert [code for code, _ in got] == ["citation-path"] * 3 + ["path-in-submodule", "citation-lines", "citation-path"]
    assert got[0][1].startswith("there is no file src/app.py in the index; did you mean 'src/new.py'")
    assert all("in the index" in words for _, words in got[:5])
    assert f"at commit {commit[:12]}" in got[5][1]

    # However git keeps it.
    git(folder, "update-index", "--split-index")
    (folder / "more.py").write_text("a = 1\n")
    git(folder, "add", "more.py")
    assert list((folder / ".git").glob("sharedindex.*"))
    assert _check_staged(document, folder=folder) == got
    git(folder, "update-index", "--no-split-index")
    git(folder, "update-index", "--index-version", "4")
    assert _check_staged(document, folder=folder) == got
    git(folder, "commit", "--quiet", "--all", "--message", "All")
    git(folder, "sparse-checkout", "set", "--cone", "--sparse-index", "src")
    document.write_text("far/away.py:1 far/away.py:9\n")
    git(folder, "add", "design.md")
    assert [code for code, _ in _check_staged(document, folder=folder)] == ["citation-lines"]


def test_staged_in_an_engagement(tmp_path: Path) -> None:
    """The audited code is that of the pin; a document beside the code is about what is committed with it."""
    (commit,) = build(tmp_path, [Commit({"src/app.py": APP})])
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings/engagement.yaml").write_text(
        f"format: 1\ntitle: Review\nrepositories: {{app: {{path: .., revision: main, commit: {commit}}}}}\n"
    )
    for name in ("findings/notes.md", "docs.md"):
        (tmp_path / name).write_text("src/app.py:4 src/core.py:4\n")
    git(tmp_path, "mv", "src/app.py", "src/core.py")
    git(tmp_path, "add", "--all")
    for name, path in (("findings/notes.md", "src/core.py"), ("docs.md", "src/app.py")):
        ((code, words),) = _check_staged(tmp_path / name, folder=tmp_path)
        assert code == "citation-path"
        assert f"no file {path}" in words
    assert len(_check_staged(tmp_path / "docs.md", tmp_path / "findings/notes.md", folder=tmp_path)) == 2


def test_staged_bad_input(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    build(folder, [Commit({"a.md": "src/app.py:4\n", "link.md": Link("a.md"), "latin.md": b"\xe9\n", "src/app.py": APP})])

    def refuse(name: str) -> str:
        problem = problem_of(lambda: _check_staged(folder / name, folder=folder))
        assert "\n" not in problem.fault
        return f"{problem.code}: {problem.fault}"

    (folder / "new.md").write_text("x\n")
    assert refuse("new.md") == "no-file: it is not staged"
    assert refuse("link.md") == "no-file: a symlink is staged, and no file"
    assert refuse("latin.md") == "not-utf8: it is not UTF-8"
    assert refuse("../b.md").startswith("no-repository: ")
    index = folder / ".git/index"
    whole = index.read_bytes()
    for content in (b"DIRC" + b"\xff" * 60, whole[:60]):
        index.write_bytes(content)
        assert refuse("a.md").startswith("index-unreadable: the index of repository 'app' ")
    index.unlink()
    assert "nothing was ever staged" in refuse("a.md")
    index.symlink_to(folder / "a.md")
    assert refuse("a.md").startswith("index-unreadable: the index of ")
    index.unlink()
    os.mkfifo(index)
    assert refuse("a.md").startswith("index-unreadable: the index of ")
    index.unlink()
    index.write_bytes(whole)
    blob = git(folder, "hash-object", "-w", "--stdin", given=b"1\n").strip()
    git(folder, "rm", "--quiet", "--cached", "a.md")
    git(folder, "update-index", "--index-info", given=b"".join(f"100644 {blob} {n}\ta.md\n".encode() for n in (1, 2, 3)))
    assert "conflicts" in refuse("a.md")


@pytest.mark.slow
def test_the_hook_judges_what_git_commits(tmp_path: Path) -> None:
    """Run by git itself: with `git commit`, `--all`, a path, in a linked work tree, and for the first commit of all."""
    hook = next(
        hook
        for hook in yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
        if hook["id"] == "findings-report-prose"
    )
    program, *arguments = hook["entry"].split()
    entry = " ".join([str(Path(sys.executable).parent / program), *arguments])
    folder = tmp_path / "app"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    script = folder / ".git/hooks/pre-commit"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec {entry} -- $(git diff --cached --name-only --diff-filter=ACMR -- "*.md")\n')
    script.chmod(0o755)

    def commit(*arguments: str, at: Path = folder) -> bool:
        command = ["git", "-C", str(at), "commit", "--quiet", "--message", "x", *arguments]
        return subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0

    (folder / "app.py").write_text("a = 1\n")
    (folder / "d.md").write_text("app.py:1\n")
    git(folder, "add", "d.md")
    assert not commit()  # the code is not staged
    git(folder, "add", "app.py")
    assert commit()
    git(folder, "mv", "app.py", "core.py")
    (folder / "d.md").write_text("core.py:1\n")
    assert not commit("d.md")  # the move is staged, but not in this commit
    assert commit("--all")
    git(folder, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side/core.py").write_text("a = 1\nb = 2\n")
    (tmp_path / "side/d.md").write_text("core.py:2\n")
    assert commit("--all", at=tmp_path / "side")


@pytest.mark.slow
def test_the_hook_and_the_formats(clone: tuple[Path, list[str]]) -> None:
    root = Path(__file__).parents[2]
    hooks: list[dict[str, Any]] = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())
    (hook,) = [hook for hook in hooks if hook["id"] == "findings-report-prose"]
    assert (hook["types"], hook.get("pass_filenames", True)) == (["markdown"], True)
    program, *arguments = hook["entry"].split()
    folder = clone[0]
    (folder / "good.md").write_text("`src/app.py:4`\n")
    (folder / "rotten.md").write_text("`src/app.py:4`\n\nSee src/app.py:99.\n")
    git(folder, "add", "good.md", "rotten.md")

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / program), *arguments, *more]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    good = run("good.md")
    assert (good.returncode, good.stdout) == (0, "1 document: 1 citation checked, 0 wrong\n")
    both = run("good.md", "rotten.md", "--output-format", "github")
    assert both.returncode == 1
    assert "::warning file=rotten.md,line=3,col=5::src/app.py in the index" in both.stdout
    as_json = json.loads(run("rotten.md", "--output-format", "json").stdout)
    assert as_json["citations"] == {"checked": 2, "wrong": 1, "other_repositories": 0}
    assert [problem["line"] for problem in as_json["problems"]] == [3, None]
