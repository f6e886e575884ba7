"""The output on the terminal: problems and summaries, as text. Every text is made safe to print here."""

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

WIDTH = 80  # if the output is piped, or the terminal has no size
_LONGEST_SOURCE = 160  # a minified file is one line
_LONGEST_SECRET = 1000  # a token in an address may begin far before the fault
_COMMANDS = re.compile(r"^(?P<blank>[^\S\n]*+):(?=:)|#(?=#\[)", re.MULTILINE)
"""Text that a runner of GitHub Actions executes as a command. Source: actions/runner, ActionCommand: `::`, also after
blanks, at the beginning of a line; `##[`, anywhere."""
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+(?=@)")


class OutputFormat(StrEnum):
    """The format of problems and summaries."""

    FULL = "full"
    """With the source line and carets."""
    CONCISE = "concise"
    """One line each."""
    JSON = "json"
    """One JSON document on standard output."""
    GITHUB = "github"
    """Annotations of GitHub Actions."""


class WorkflowCommand(str):
    """A line that a runner of GitHub Actions should execute."""

    __slots__ = ()


def problem_text(problem: Problem, width: int | None = None) -> str:
    """Return the message line, the source line with carets below the fault, and the remedy after `= help:`.

    Wrapped to `width` columns. Without a width the message is one line, for `grep`.
    """
    lines = _wrap(visible(_message(problem)), width, "  ")
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
        lines += _wrap(f"  {gutter}= help: {remedy}", width, f"  {gutter}  ")
    return "\n".join(lines)


def _wrap(text: str, width: int | None, indent: str) -> list[str]:
    """Return `text` in lines of at most `width` columns, all but the first indented; longer words are not broken."""
    if width is None:
        return [text]
    room = max(width, 40)  # narrower columns hold one word each
    lines = textwrap.wrap(text, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines or [text]


def _caret(source: str, column: int, width: int, *, longest: int) -> tuple[str, str]:
    """Return the displayed source line, and the carets below the fault; a line longer than `longest` is cut around it."""
    start = max(0, column - longest // 3) if len(source) > longest else 0
    around = max(0, start - _LONGEST_SECRET)  # not the whole line: it may have a megabyte, and as many faults
    masked = _CREDENTIALS.sub(lambda match: "*" * len(match[0]), source[around : start + longest + _LONGEST_SECRET])
    cut = masked[start - around :][:longest].replace("\t", " ")  # messages end up in logs
    index = column - 1 - start
    before = visible(cut[:index])
    shown = visible(cut)
    # At most 60 carets: a fault may cover a whole paragraph.
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
    # A fault may quote a value with line feeds, and a message is one line.
    return " ".join(text.split()) if "\n" in text else text


def problem_github(problem: Problem) -> WorkflowCommand:
    """Return a workflow command. Source: GitHub Actions, "Workflow commands", setting an error or warning message."""
    place = problem.place
    properties: list[tuple[str, Any]] = []
    if place is not None:
        properties = [("file", place.file), ("line", place.line), ("col", place.column)]
    written = ",".join(f"{name}={_escape(str(value), ':,')}" for name, value in properties if value is not None)
    message = f"{problem.field}: {problem.fault}" if problem.field else problem.fault
    message += f" ({problem.remedy}) [{problem.code}]" if problem.remedy else f" [{problem.code}]"
    command = "notice" if problem.level == "note" else problem.level
    return WorkflowCommand(f"::{command}{' ' if written else ''}{written}::{_escape(message)}")


def _escape(text: str, more: str = "") -> str:
    # % comes first, or the escapes would be escaped.
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return the problem as fields: level, code, fault, remedy, field, file, line, column (1-based); null if absent."""
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
    """Print a text to standard output. Raises FindingsReportError (OUTPUT) if that fails."""
    written((_encodable(_safe(text), sys.stdout.encoding) + "\n").encode(sys.stdout.encoding, "replace"))


def written(content: bytes) -> None:
    """Write bytes to standard output, unbuffered. Raises FindingsReportError (OUTPUT) if that fails."""
    try:
        # Text that a library printed is in this buffer, and comes first.
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        # Flushed now: at exit a failure could no longer be reported.
        sys.stdout.buffer.flush()
    except OSError as error:
        raise unwritable(error.strerror or str(error)) from None


def err(text: str) -> None:
    """Print a text to standard error; a failure is ignored, because nothing is left to report it to."""
    with contextlib.suppress(OSError):
        print(_encodable(_safe(text), sys.stderr.encoding), file=sys.stderr, flush=True)


def _safe(text: str) -> str:
    """Return `text` without control characters and, in a workflow, without commands unless it is a WorkflowCommand.

    Defused text stays readable, and JSON keeps its meaning.
    """
    # Messages quote other people's code: a quoted `::` command could change the workflow.
    if isinstance(text, WorkflowCommand) or os.environ.get("GITHUB_ACTIONS") != "true":
        return visible(text)
    return _COMMANDS.sub(_defuse, visible(text))


def _defuse(match: re.Match[str]) -> str:
    return "\\u0023" if match["blank"] is None else f"{match['blank']}\\u003a"


def _encodable(text: str, encoding: str | None) -> str:
    # With LANG=C the terminal takes ASCII only; an escape is better than a traceback.
    return text.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8", "replace")


def print_problems(
    problems: Sequence[Problem], output_format: OutputFormat, write: Callable[[str], None] = out, *, each: bool = True
) -> None:
    """Print the problems, errors last so that they are next to the prompt. JSON contains them in the summary instead.

    `write` gets annotations for machines; text for people goes to standard error. Without `each`, problems of one kind are one
    message: commands with an option --all pass its value.
    """
    # Piped messages are searched with grep, so each stays on one line.
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stderr.isatty() else None
    # The sort is stable: within a level, problems stay in the order of their files.
    ordered = sorted(problems if each else _summarize(problems), key=lambda problem: problem.level == "error")
    for problem in ordered:
        if output_format is OutputFormat.FULL:
            err(problem_text(problem, width))
        elif output_format is OutputFormat.CONCISE:
            err(concise(problem))
        elif output_format is OutputFormat.GITHUB:
            write(problem_github(problem))
    # A log of a forge has no reader who could add an option.
    if len(ordered) < len(problems) and output_format in (OutputFormat.FULL, OutputFormat.CONCISE):
        err(f"{_plural(len(problems), 'problem')} in {_plural(len(ordered), 'message')}; --all prints each")


def _summarize(problems: Sequence[Problem]) -> Sequence[Problem]:
    # The catalogue is loaded for several problems only: most runs have none.
    if len(problems) < 2:
        return problems
    from findings_report.problems.catalogue import summarize

    return summarize(problems)


def print_json(fields: dict[str, Any], problems: Iterable[Problem], write: Callable[[str], None] = out) -> None:
    """Print one JSON document: `fields` and each problem."""
    # ASCII survives logs of any encoding, and has no invisible characters.
    write(json.dumps({**fields, "problems": [problem_json(problem) for problem in problems]}, indent=2, ensure_ascii=True))


def counted(problems: Sequence[Problem]) -> str:
    """Return `3 problems: 2 errors, 1 warning`; notes are not counted."""
    counts = [(level, sum(1 for problem in problems if problem.level == level)) for level in ("error", "warning")]
    parts = ", ".join(_plural(count, level) for level, count in counts if count)
    return f"{_plural(sum(count for _, count in counts), 'problem')}: {parts}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def wrote(file: Mapping[str, Any]) -> str:
    """Return the line about a written file, from its fields: path, bytes, seconds."""
    return f"wrote {file['path']}  {_size(file['bytes'])}  {file['seconds']:.1f} s"


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def wrapped(text: str) -> str:
    """Return a sentence in lines of the terminal's width; one line if the output is piped."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return "\n".join(_wrap(visible(" ".join(text.split())), width, "  "))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns of text, wrapped to the terminal's width (80 columns without a terminal)."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    # Fold instead of an ellipsis: people copy ids and paths from the table.
    for title in head:
        shown.add_column(Text(title), overflow="fold")
    for row in rows:
        shown.add_row(*(Text(visible(" ".join(cell.split()))) for cell in row))
    printed = io.StringIO()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    # Without highlight=False, rich colours numbers and paths inside titles.
    Console(file=printed, color_system=None, width=width, highlight=False).print(shown)
    return "\n".join(line.rstrip() for line in printed.getvalue().rstrip("\n").split("\n"))
