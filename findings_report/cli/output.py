"""The output on the terminal: problems and summaries, as text. Every text is made safe to print here, and coloured after that.

What is piped has neither colours nor links, and each message and each row of a table is one line.
Sources: ECMA-48 8.3.117 (SGR); no-color.org; force-color.org; "Hyperlinks in terminal emulators" (OSC 8).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import typer

from findings_report.cli.process import unwritable
from findings_report.problems import FindingsReportError, Problem, exit_code
from findings_report.problems.safe_text import display_path, visible

if TYPE_CHECKING:
    from findings_report.cli.outputs import CommandOutput
    from findings_report.commands import Written

_STARTED: Final = time.perf_counter()
WIDTH = 80  # of texts that are filled without a terminal
_UNLIMITED: Final = 1_000_000  # columns of a table that is piped: a row is a line
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


class Color(StrEnum):
    """When text is coloured."""

    ALWAYS = "always"
    """Also in pipes and files."""
    AUTO = "auto"
    """On a terminal, unless NO_COLOR is set; FORCE_COLOR is as `always`."""
    NEVER = "never"
    """Never."""


def choose_color(color: Color) -> None:
    """Apply --color to this process and to what it starts: through the two variables, which libraries know as well."""
    if color is not Color.AUTO:
        os.environ.pop("NO_COLOR" if color is Color.ALWAYS else "FORCE_COLOR", None)
        os.environ["FORCE_COLOR" if color is Color.ALWAYS else "NO_COLOR"] = "1"


def is_coloured(stream: TextIO) -> bool:
    """Return True if text on this stream is coloured."""
    # NO_COLOR is asked first, as Python itself does.
    if os.environ.get("NO_COLOR"):
        return False
    if forced := os.environ.get("FORCE_COLOR"):
        return forced != "0"
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


_LINKING: Final = ("VTE_VERSION", "WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM", "ALACRITTY_WINDOW_ID")
_LINKING_PROGRAMS: Final = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio", "zed"})


def has_links(stream: TextIO) -> bool:
    """Return True if the terminal is known to show hyperlinks; FORCE_HYPERLINK says so of others, or with 0 denies it.

    No terminal can be asked: an unknown one might print the address.
    """
    if forced := os.environ.get("FORCE_HYPERLINK"):
        return forced != "0" and is_coloured(stream)
    return (
        stream.isatty()
        and is_coloured(stream)
        and (
            any(os.environ.get(name) for name in _LINKING)
            or os.environ.get("TERM_PROGRAM") in _LINKING_PROGRAMS
            or os.environ.get("TERM", "").startswith(("foot", "xterm-kitty", "xterm-ghostty"))
        )
    )


_CODES: Final = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}
"""Parameters of SGR. Eight colours, which the reader's theme makes legible on the reader's background."""

LEVEL_STYLES: Final = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
_SEVERITY_STYLES: Final = ("bold magenta", "bold red", "yellow", "blue", "dim")
"""Styles of a scale of five, most severe first: the colours of the engagement are made for white paper."""


@dataclass(frozen=True)
class Styled:
    """A text with a style and an address, for terminals that have them."""

    text: str
    """The text, which need not be safe."""
    style: str = ""
    """Words of _CODES."""
    link: str | None = None
    """A URL."""


Piece = str | Styled
"""A part of a line."""


def severity_style(rank: int, size: int) -> str:
    """Return the style of a severity: its 0-based place in a scale of `size`, most severe first."""
    return _SEVERITY_STYLES[round(rank * (len(_SEVERITY_STYLES) - 1) / max(size - 1, 1))]


def file_link(path: str | Path) -> str | None:
    """Return the address of a file on this machine; None if the system does not name the current folder."""
    try:
        return Path(os.path.abspath(path)).as_uri()  # noqa: PTH100  # `resolve` would follow links
    except OSError:  # the files are written by then: a link is no reason to end with an error
        return None


def link_texts(line: str, addresses: Mapping[str, str]) -> tuple[Piece, ...]:
    """Return a line in which each of the texts is a link to its address, as commits are to their page."""
    if not addresses:
        return (line,)
    parts = re.split(f"({'|'.join(map(re.escape, addresses))})", line)
    return tuple(Styled(part, "cyan", addresses[part]) if part in addresses else part for part in parts)


def _paint(pieces: Sequence[Piece], stream: TextIO) -> str:
    """Return the line that is printed: every text made safe, and then, if the stream has them, colours and links added."""
    if len(pieces) == 1 and isinstance(pieces[0], WorkflowCommand):
        return _encodable(visible(pieces[0]), stream.encoding)
    if len(pieces) == 1 and isinstance(pieces[0], Painted):
        return _encodable(_defused(pieces[0]), stream.encoding)
    plain = "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)
    safe = _safe(plain)
    # Parts of a text that a workflow could execute are not looked at one by one.
    if not is_coloured(stream) or safe != visible(plain):
        return _encodable(safe, stream.encoding)
    links = has_links(stream)
    return "".join(
        _encodable(visible(piece), stream.encoding) if isinstance(piece, str) else _paint_piece(piece, stream, links=links)
        for piece in pieces
    )


def _paint_piece(piece: Styled, stream: TextIO, *, links: bool) -> str:
    text = _encodable(visible(piece.text), stream.encoding)
    codes = ";".join(str(_CODES[word]) for word in piece.style.split())
    if codes and text:
        text = f"\x1b[{codes}m{text}\x1b[0m"
    # An address is ASCII without control characters, or it could end the sequence and begin another.
    if links and piece.link is not None and re.fullmatch(r"[!-~]+", piece.link):
        text = f"\x1b]8;;{piece.link}\x1b\\{text}\x1b]8;;\x1b\\"
    return text


class WorkflowCommand(str):
    """A line that a runner of GitHub Actions should execute."""

    __slots__ = ()


def problem_text(problem: Problem, width: int | None = None) -> str:
    """Return the message line, the source line with carets below the fault, and the remedy after `= help:`.

    Wrapped to `width` columns. Without a width the message is one line, for `grep`.
    """
    return "".join(piece if isinstance(piece, str) else piece.text for piece in problem_pieces(problem, width))


def problem_pieces(problem: Problem, width: int | None = None) -> tuple[Piece, ...]:
    """Return the text of a problem, see `problem_text`, with the styles of its parts."""
    pieces = [*_mark_message(problem, "\n".join(_wrap(visible(_message(problem)), width, "  ")))]
    gutter = ""
    place = problem.place
    if place is not None and place.source is not None and place.line is not None:
        number = str(place.line)
        gutter = " " * len(number) + " "
        room = width - len(f"  {number} | …") - 2 if width else _LONGEST_SOURCE
        before, marked = _caret(place.source, place.column or 1, place.width, longest=max(room, 20))
        blank, carets = marked[: len(marked) - len(marked.lstrip())], marked.lstrip()
        pieces += ["\n", Styled(f"  {number} |", "dim"), f" {before}\n", Styled(f"  {gutter}|", "dim"), f" {blank}"]
        pieces.append(Styled(carets, LEVEL_STYLES[problem.level]))
    if problem.remedy:
        remedy = visible(" ".join(problem.remedy.split()))
        pieces += ["\n", Styled("\n".join(_wrap(f"  {gutter}= help: {remedy}", width, f"  {gutter}  ")), "cyan")]
    return tuple(pieces)


def _mark_message(problem: Problem, text: str) -> list[Piece]:
    """Return the parts of a wrapped message: its place, its level and its code have styles."""
    place = _place(problem)
    marks = [Styled(f"{problem.level}:", LEVEL_STYLES[problem.level]), Styled(f"[{problem.code}]", "dim")]
    if problem.place is not None:
        marks.insert(0, Styled(visible(place), "bold", file_link(problem.place.file)))
    pieces: list[Piece] = []
    for mark in marks:
        # The code is the last thing of a message, which may quote it. A place with blanks may be wrapped, and stays plain.
        index = text.rfind(mark.text) if mark.text.startswith("[") else text.find(mark.text)
        if index >= 0:
            pieces += [text[:index], mark]
            text = text[index + len(mark.text) :]
    return [*pieces, text]


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
    parts = [] if problem.place is None else [_place(problem)]
    parts += [problem.level, *([problem.field] if problem.field else []), problem.fault]
    text = f"{': '.join(parts)}{remedy} [{problem.code}]"
    # A fault may quote a value with line feeds, and a message is one line.
    return " ".join(text.split()) if "\n" in text else text


def _place(problem: Problem) -> str:
    """Return `file:line:column`, or the part of it that is known."""
    place = problem.place
    if place is None:
        return ""
    return ":".join(str(part) for part in (place.file, place.line, place.column) if part is not None)


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


_QUALITY: Final = {"error": "critical", "warning": "major", "note": "info"}
"""Levels in the words of code quality reports."""


def write_code_quality(path: Path | None, problems: Sequence[Problem]) -> None:
    """Write the problems that have a file as a code quality report, or nothing without a path.

    Source: GitLab, "Code Quality", report format. Raises FindingsReportError (OUTPUT) if it cannot be written.
    """
    if path is None:
        return
    from findings_report.system.atomic_files import publish

    entries = []
    counts: Counter[str] = Counter()
    for problem in problems:
        # Without a file GitLab would drop the entry; what has none is in the log.
        if problem.place is None:
            continue
        file = Path(os.path.relpath(problem.place.file)).as_posix()
        # Not the line: a fault stays the same when lines above it are added. Equal ones are counted.
        key = "\0".join((problem.code, file, problem.field or "", problem.fault))
        counts[key] += 1
        message = f"{problem.field}: {problem.fault}" if problem.field else problem.fault
        message += f" ({problem.remedy})" if problem.remedy else ""
        entries.append(
            {
                "description": visible(" ".join(message.split())),
                "check_name": problem.code,
                "fingerprint": hashlib.sha256(f"{key}\0{counts[key]}".encode("utf-8", "surrogatepass")).hexdigest(),
                "severity": _QUALITY[problem.level],
                "location": {"path": file, "lines": {"begin": problem.place.line or 1}},
            }
        )
    publish({path: (json.dumps(entries, indent=2, ensure_ascii=True) + "\n").encode()})


@contextlib.contextmanager
def keep_code_quality(path: Path | None) -> Iterator[None]:
    """Write the problems of an error that ends the block as well: a file that cannot be read has the most to annotate."""
    try:
        yield
    except FindingsReportError as error:
        write_code_quality(path, error.problems)
        raise


def out(*pieces: Piece) -> None:
    """Print a line to standard output. Raises FindingsReportError (OUTPUT) if that fails."""
    written((_paint(pieces, sys.stdout) + "\n").encode(sys.stdout.encoding, "replace"))


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


def err(*pieces: Piece) -> None:
    """Print a line to standard error; a failure is ignored, because nothing is left to report it to."""
    with contextlib.suppress(OSError):
        print(_paint(pieces, sys.stderr), file=sys.stderr, flush=True)


class Painted(str):
    """A text that was made safe before it was given colours."""

    __slots__ = ()


def _safe(text: str) -> str:
    """Return `text` without control characters and, in a workflow, without commands.

    Defused text stays readable, and JSON keeps its meaning.
    """
    return _defused(visible(text))


def _defused(text: str) -> str:
    # Messages and tables quote other people's code: a quoted `::` command could change the workflow.
    return _COMMANDS.sub(_defuse, text) if os.environ.get("GITHUB_ACTIONS") == "true" else text


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
            err(*problem_pieces(problem, width))
        elif output_format is OutputFormat.CONCISE:
            err(*_mark_message(problem, concise(problem)))
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


def print_json(
    output: CommandOutput | None, problems: Sequence[Problem], write: Callable[[str], None] = out, *, command: str = ""
) -> None:
    """Print the document of a run; `output` is None if an error ended the run of `command`."""
    from findings_report.cli.outputs import document

    # ASCII survives logs of any encoding, and has no invisible characters.
    write(json.dumps(document(output, problems, command), indent=2, ensure_ascii=True))


def leave(problems: Iterable[Problem]) -> None:
    """End the command with the documented code, unless it is 0."""
    if code := exit_code(problems):
        raise typer.Exit(code)


def counted(problems: Sequence[Problem]) -> str:
    """Return `3 problems: 2 errors, 1 warning`; notes are not counted."""
    counts = [(level, sum(1 for problem in problems if problem.level == level)) for level in ("error", "warning")]
    parts = ", ".join(_plural(count, level) for level, count in counts if count)
    return f"{_plural(sum(count for _, count in counts), 'problem')}: {parts}"


def print_end(problems: Sequence[Problem], success: str = "no problems") -> None:
    """Print the last line, with the counts and the time; nothing if standard error is not a terminal."""
    # A log needs no prompt to look at, and a time would make each run differ.
    if not sys.stderr.isatty():
        return
    levels = {problem.level for problem in problems}
    level = "error" if "error" in levels else "warning" if "warning" in levels else None
    sign = {"error": "✗", "warning": "!", None: "✓"}[level]
    text = counted(problems).partition(": ")[2] if level else success
    style = LEVEL_STYLES[level] if level else "bold green"
    err(Styled(f"{sign} {text}" if _is_encodable(sign) else text, style), Styled(f" ({_elapsed()})", "dim"))


def _is_encodable(sign: str) -> bool:
    return _encodable(sign, sys.stderr.encoding) == sign


def _elapsed() -> str:
    seconds = time.perf_counter() - _STARTED
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def wrote(file: Written) -> tuple[Piece, ...]:
    """Return the line about a written file, which is not standard output."""
    path = display_path(file.path or Path())
    size = f"  {_size(len(file.content))}  {file.seconds:.1f} s"
    return "wrote ", Styled(path, "bold", file_link(path)), Styled(size, "dim")


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def wrapped(text: str) -> str:
    """Return a sentence in lines of the terminal's width; one line if the output is piped."""
    return "\n".join(_wrap(visible(" ".join(text.split())), columns(), "  "))


def markdown(text: str) -> Painted:
    """Return a page in Markdown: laid out for a terminal, unchanged in a pipe."""
    if not is_coloured(sys.stdout):
        return Painted(text.rstrip("\n"))
    from rich.console import Console
    from rich.markdown import Markdown

    printed = io.StringIO()
    width = min(columns() or WIDTH, WIDTH)
    console = Console(file=printed, force_terminal=True, color_system="standard", width=width, highlight=False, emoji=False)
    # Addresses of links are relative to other pages.
    console.print(Markdown(text, hyperlinks=False))
    lines = printed.getvalue().rstrip("\n").split("\n")
    return Painted("\n".join(line.rstrip() for line in lines))


def table(head: Sequence[str], rows: Sequence[Sequence[Piece | Sequence[Piece]]]) -> Painted:
    """Return columns of text, wrapped to the terminal's width; in a pipe each row is one line."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", border_style="dim")
    # Fold instead of an ellipsis: people copy ids and paths from the table.
    for title in head:
        shown.add_column(title, overflow="fold")
    links = has_links(sys.stdout)
    for row in rows:
        shown.add_row(*(_cell(cell, links=links) for cell in row))
    printed = io.StringIO()
    # Without highlight=False, rich colours numbers and paths inside titles.
    console = Console(
        file=printed,
        force_terminal=True,
        color_system="standard" if is_coloured(sys.stdout) else None,
        no_color=not is_coloured(sys.stdout),
        width=columns() or _UNLIMITED,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(shown)
    lines = printed.getvalue().rstrip("\n").split("\n")
    return Painted("\n".join(line.rstrip() for line in lines))


def _cell(cell: Piece | Sequence[Piece], *, links: bool) -> Any:
    """Return a cell for rich: its text made safe, on one line unless it has several parts, which are a line each."""
    from rich.style import Style
    from rich.text import Text

    parts = [cell] if isinstance(cell, str | Styled) else cell
    return Text("\n").join(
        Text(
            visible(" ".join((part if isinstance(part, str) else part.text).split())),
            "" if isinstance(part, str) else Style.parse(part.style) + Style(link=part.link if links else None),
        )
        for part in parts
    )


def columns() -> int | None:
    """Return the width of the terminal that standard output is; None if it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
