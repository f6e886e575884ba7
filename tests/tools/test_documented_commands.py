"""Commands that the documentation prints: each is one of the program, with options and values that it takes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from findings_report.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^([ >]*)```(console|sh|bash|yaml)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
CONTINUED = re.compile(r"\\\n\s*")
INLINE = re.compile(r"`(findings-report [^`]+)`")
COMMAND = re.compile(r"(?:^|[\s;&|(])(?:\S*/)?(findings-report (?!-)[^;&|>)]*)")
LEFT_OUT = re.compile(r"\.\.\.|…|[\[\]]|report COMMAND")
"""What stands for something else: a usage line, and not a command."""


def commands(text: str) -> Iterator[str]:
    """The command lines of findings-report in the blocks and in the code spans of a page."""
    for _, language, block in FENCE.findall(text):
        for line in CONTINUED.sub(" ", block).splitlines():
            if language == "console" and not line.lstrip().startswith("$ "):
                continue
            code = line.partition(" #")[0].strip().removeprefix("$ ")
            if not code.startswith("#"):
                yield from COMMAND.findall(code)
    for span in INLINE.findall(text):
        yield from COMMAND.findall(span)


def fault(line: str) -> str | None:
    """What the program says of a command line without running it; None if it takes the line."""
    words = shlex.split(line)[1:]
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="findings-report")
    try:
        while isinstance(command, TyperGroup):
            name, command, words = command.resolve_command(context, words)
            context = command.context_class(command, info_name=name, parent=context)
        command.make_context(context.info_name, words, parent=context.parent)
    except Exception as error:
        # Typer has its own copy of click, whose errors of use have an exit code and a message.
        if not hasattr(error, "exit_code"):
            raise
        return getattr(error, "message", None) if error.exit_code else None
    return None


def is_whole(line: str) -> bool:
    """True for a command with all of its words, false for one that only names a command or leaves something out."""
    return len(line.split()) > 2 and not LEFT_OUT.search(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_program_takes_every_command_of_a_page(page: Path) -> None:
    lines = [line.strip() for line in commands(page.read_text("utf-8"))]

    assert {line: said for line in lines if is_whole(line) and (said := fault(line))} == {}


def test_a_command_that_the_program_does_not_have_is_noticed() -> None:
    text = """```console
$ findings-report check --fail-on quote      # fine
$ findings-report bild quicknotes
$ FINDINGS=1 .venv/bin/findings-report check --strickt && true
```
`findings-report explain`, `findings-report build --output-format`
"""
    assert [line.strip() for line in commands(text) if is_whole(line) and fault(line)] == [
        "findings-report bild quicknotes",
        "findings-report check --strickt",
        "findings-report build --output-format",
    ]


@pytest.mark.slow
def test_the_first_five_minutes_go_as_the_page_says(tmp_path: Path) -> None:
    """Every command of docs/start.md that runs findings-report, in order, in one folder."""
    page = (ROOT / "docs/start.md").read_text("utf-8")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(line: str, folder: Path = tmp_path) -> str:
        done = subprocess.run(line, shell=True, cwd=folder, env=environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    build, wrong, own = (re.search(rf"## {number}\..*?(?=\n## )", page, re.DOTALL)[0] for number in (2, 3, 4))  # type: ignore[index]
    for line in commands(build):
        assert "warning" not in run(line), line
    assert (tmp_path / "quicknotes/build/report.html").is_file()

    old, new = re.findall(r"`(lines: [0-9-]+)`", wrong)
    finding = tmp_path / "quicknotes/findings/DEMO-003.finding.yaml"
    finding.write_text(finding.read_text("utf-8").replace(old, new))
    (check,) = commands(wrong)
    assert "[quote-moved]" in run(check)

    author = "git -c user.name=a -c user.email=a@example.org"
    (tmp_path / "own").mkdir()
    run(f"git init -q && {author} commit -q --allow-empty -m code", tmp_path / "own")
    *starts, check = commands(own)
    for line in starts:
        run(line, tmp_path / "own")
    for finding in (tmp_path / "own/findings").glob("*.finding.yaml"):
        text = finding.read_text("utf-8")
        # What the page says that `new` leaves empty.
        finding.write_text(text.replace("severity:  #", "severity: low  #").replace("description:\n", "description: None.\n"))
    printed = run(check, tmp_path / "own")
    assert "[to-do]" in printed
    assert "error" not in printed
