"""What the program says on the terminal: problems and summaries, as text. Every word is made safe to print here."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from findings_report.cli.process import unwritable
from findings_report.problems import Problem
from findings_report.problems.safe_text import visible

WIDTH = 80
_LONGEST_SOURCE = 160
_LONGEST_SECRET = 1000
_OBEYED = re.compile(r"^(?P<blank>\s*):(?=:)|#(?=#\[)", re.MULTILINE)
"""What a runner of GitHub Actions takes for a command in whatever is printed. Source: actions/runner, ActionCommand: `::`, also
behind blanks, begins a line; `##[`, anywhere in it."""
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+(?=@)")


class OutputFormat(StrEnum):
    """How problems and summaries are said."""

    FULL = "full"
    """With the line at fault and a caret."""
    CONCISE = "concise"
    """One line each."""
    JSON = "json"
    """One JSON document on standard output."""
    GITHUB = "github"
    """Annotations of GitHub Actions."""


class WorkflowCommand(str):
    """A line that a runner of GitHub Actions is meant to obey."""

    __slots__ = ()


def problem_text(problem: Problem, width: int | None = None) -> str:
    """Return the message line, the source line with carets below the fault, and the remedy after `= help:`.

    Wrapped to `width` columns. Without a width the message is one line, for `grep`.
    """
    lines = _wrapped(visible(_message(problem)), width, "  ")
    gutter = ""
    place = problem.place
    if place is not None and place.source is not None and place.line is not None:
        number = str(place.line)
        gutter = " " * len(number) + " "
        room = width - len(f"  {number} | …") - 2 if width else _LONGEST_SOURCE
        before, marked = _caret(place.source, place.column or 1, place.width, longest=max(room, 20))
        lines += [f"  {number} | {before}", f"  {gutter}| {marked}"]
    if problem.remedy:
        remedy = visible(" ".join(problem.remedy.split()))
        lines += _wrapped(f"  {gutter}= help: {remedy}", width, f"  {gutter}  ")
    return "\n".join(lines)


def _wrapped(text: str, width: int | None, indent: str) -> list[str]:
    """`text` in lines of at most `width` columns, those after the first indented; a word that is longer is left whole."""
    if width is None:
        return [text]
    room = max(width, 40)
    found = textwrap.wrap(text, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return found or [text]


def _caret(source: str, column: int, width: int, *, longest: int) -> tuple[str, str]:
    """The source line as it is shown, and the carets under the fault; a line longer than `longest` is cut around it."""
    start = max(0, column - longest // 3) if len(source) > longest else 0
    around = max(0, start - _LONGEST_SECRET)  # not the whole line: it may have a megabyte, and as many faults
    masked = _CREDENTIALS.sub(lambda match: "*" * len(match[0]), source[around : start + longest + _LONGEST_SECRET])
    cut = masked[start - around :][:longest].replace("\t", " ")  # what is said ends up in logs
    index = column - 1 - start
    before = visible(cut[:index])
    shown = visible(cut)
    carets = "^" * max(1, min(len(visible(cut[index : index + width])), 60))
    if start:
        shown, before = f"…{shown}", f"…{before}"
    return shown + ("…" if start + longest < len(source) else ""), " " * len(before) + carets


def concise(problem: Problem) -> str:
    """Return the problem in one line, with its remedy in parentheses."""
    return _message(problem, f" ({' '.join(problem.remedy.split())})" if problem.remedy else "")


def _message(problem: Problem, remedy: str = "") -> str:
    """Return `file:line:column: level: field: what is wrong [code]`, on one line."""
    place = problem.place
    parts = (
        [] if place is None else [":".join(str(part) for part in (place.file, place.line, place.column) if part is not None)]
    )
    parts += [problem.level, *([problem.field] if problem.field else []), problem.fault]
    text = f"{': '.join(parts)}{remedy} [{problem.code}]"
    return " ".join(text.split()) if "\n" in text else text


def problem_github(problem: Problem) -> WorkflowCommand:
    """A workflow command. Source: GitHub Actions, "Workflow commands", setting an error or warning message."""
    place = problem.place
    properties: list[tuple[str, Any]] = []
    if place is not None:
        properties = [("file", place.file), ("line", place.line), ("col", place.column)]
    written = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties if value is not None)
    message = f"{problem.field}: {problem.fault}" if problem.field else problem.fault
    message += f" ({problem.remedy}) [{problem.code}]" if problem.remedy else f" [{problem.code}]"
    command = "notice" if problem.level == "note" else problem.level
    return WorkflowCommand(f"::{command}{' ' if written else ''}{written}::{_escaped(message)}")


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def problem_json(problem: Problem) -> dict[str, Any]:
    """The problem as fields: level, code, fault, remedy, field, file, line, column (1-based); null where there is none."""
    place = problem.place
    return {
        "level": problem.level,
        "code": problem.code,
        "fault": problem.fault,
        "remedy": problem.remedy,
        "field": problem.field,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }


def out(text: str) -> None:
    """One piece of text to standard output. Raises FindingsReportError (OUTPUT) when it takes none."""
    written((_encodable(_said(text), sys.stdout.encoding) + "\n").encode(sys.stdout.encoding, "replace"))


def written(content: bytes) -> None:
    """Bytes to standard output, at once. Raises FindingsReportError (OUTPUT) when it takes none."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise unwritable(error.strerror or str(error)) from None


def err(text: str) -> None:
    """One piece of text to standard error; one that takes none is nothing to fail for."""
    with contextlib.suppress(OSError):
        print(_encodable(_said(text), sys.stderr.encoding), file=sys.stderr, flush=True)


def _said(text: str) -> str:
    """`text` as it may be printed: nothing of it moves a cursor, and in a workflow only a WorkflowCommand is one.

    What is defused stays readable, and JSON says the same as before.
    """
    if isinstance(text, WorkflowCommand) or os.environ.get("GITHUB_ACTIONS") != "true":
        return visible(text)
    return _OBEYED.sub(_defused, visible(text))


def _defused(match: re.Match[str]) -> str:
    return "\\u0023" if match["blank"] is None else f"{match['blank']}\\u003a"


def _encodable(text: str, encoding: str | None) -> str:
    return text.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8", "replace")


def print_problems(problems: Sequence[Problem], output_format: OutputFormat, say: Callable[[str], None] = out) -> None:
    """The problems, errors last so that they stand nearest to the prompt. JSON is said with the summary, not here.

    `say` takes what a machine is to read; what is for people goes to standard error.
    """
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stderr.isatty() else None
    ordered = sorted(problems, key=lambda problem: problem.level == "error")
    for problem in ordered:
        if output_format is OutputFormat.FULL:
            err(problem_text(problem, width))
        elif output_format is OutputFormat.CONCISE:
            err(concise(problem))
        elif output_format is OutputFormat.GITHUB:
            say(problem_github(problem))


def print_json(fields: dict[str, Any], problems: Iterable[Problem], say: Callable[[str], None] = out) -> None:
    """One JSON document: `fields` and the problems."""
    say(json.dumps({**fields, "problems": [problem_json(problem) for problem in problems]}, indent=2, ensure_ascii=True))


def counted(problems: Sequence[Problem]) -> str:
    """`3 problems: 2 errors, 1 warning`; notes are not counted."""
    counts = [(level, sum(1 for problem in problems if problem.level == level)) for level in ("error", "warning")]
    parts = ", ".join(_plural(count, level) for level, count in counts if count)
    return f"{_plural(sum(count for _, count in counts), 'problem')}: {parts}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def wrote(file: Mapping[str, Any]) -> str:
    """One file that was written, from its fields: path, bytes, seconds."""
    return f"wrote {file['path']}  {_size(file['bytes'])}  {file['seconds']:.1f} s"


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def wrapped(text: str) -> str:
    """A sentence in lines of the terminal's width; one line when the output is piped."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return "\n".join(_wrapped(visible(" ".join(text.split())), width, "  "))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, shortened and wrapped to the terminal's width (80 columns when it is none)."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in head:
        shown.add_column(Text(title), overflow="fold")
    for row in rows:
        shown.add_row(*(Text(visible(" ".join(cell.split()))) for cell in row))
    printed = io.StringIO()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    Console(file=printed, color_system=None, width=width, highlight=False).print(shown)
    return "\n".join(line.rstrip() for line in printed.getvalue().rstrip("\n").split("\n"))
