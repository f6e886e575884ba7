"""Terminal sessions as SVG: real commands, run with colours, and drawn as text. Used by `tools/pictures.py`.

rich exports SVG too, but with a font that the reader's browser loads from a server. These files load nothing: the reader's own
monospaced font has the same advance for every character, because each run of text states its length.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.segment import Segment
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS: Final = 92
_ADVANCE: Final = 8.2
_LEADING: Final = 19
_EDGE: Final = 18
_BAR: Final = 34
_TYPING_SECONDS: Final = 0.02
_PAUSE_SECONDS: Final = 0.8
_SECONDS: Final = re.compile(r"\b\d+\.\d s\b")
_SIZE: Final = re.compile(r"\b\d+ kB\b")
_MOMENT: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=\+00:00)")
_DIGEST: Final = re.compile(r"(?<=report-)[0-9a-f]{12}\b")
_THEME: Final = TerminalTheme(
    (22, 27, 34),
    (224, 230, 237),
    [
        (22, 27, 34),
        (255, 123, 114),
        (126, 211, 133),
        (227, 179, 65),
        (121, 184, 255),
        (210, 168, 255),
        (118, 211, 224),
        (224, 230, 237),
    ],
)


@dataclass(frozen=True)
class Step:
    """A command of a session with what it printed."""

    command: str
    """The line that was typed."""
    output: Text
    """Its standard output and standard error, with colours."""


def record(folder: Path, commands: Sequence[str]) -> list[Step]:
    """Run commands one after the other in `folder`, and return what each printed; a failed gate is no error.

    Durations, moments, sizes and digests in names of files are those of this machine: round figures and an example are printed
    instead, so that the same program draws the same picture.
    """
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    environment = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "CI", "GITHUB_ACTIONS")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    steps = []
    for command in commands:
        done = subprocess.run(
            shlex.split(command),
            cwd=folder,
            env=environment,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode > 1:
            raise RuntimeError(f"{command}: {done.stdout}")
        output = _SECONDS.sub("0.5 s", done.stdout).rstrip("\n")
        output = _SIZE.sub(lambda match: f"{max(10, round(int(match[0].split()[0]), -1))} kB", output)
        output = _MOMENT.sub("2026-03-20T10:15:00", output)
        output = _DIGEST.sub("e59f090c6a93", output)
        steps.append(Step(command, Text.from_ansi(output)))
    return steps


def draw(steps: Sequence[Step], *, moving: bool = False) -> str:
    """Return the session as an SVG; when `moving`, its lines appear one after the other, unless the reader wants no motion."""
    console = Console(width=COLUMNS, color_system="truecolor", force_terminal=True, legacy_windows=False)
    rows: list[tuple[float, list[Segment]]] = []
    clock = 0.0
    for number, step in enumerate(steps):
        if number:
            rows.append((clock, []))
        prompt = Text.assemble(("$ ", "bold green"), (step.command, "bold"))
        # The first command is there at once: a picture without motion, as on paper, is never empty.
        for text, pause in ((prompt, len(step.command) * _TYPING_SECONDS if number else 0.0), (step.output, 0.0)):
            if not text.plain:
                continue
            clock += pause
            rows += [(clock, list(line)) for line in console.render_lines(text, pad=False)]
        clock += _PAUSE_SECONDS
    width, height = round(COLUMNS * _ADVANCE + 2 * _EDGE), _BAR + len(rows) * _LEADING + _EDGE
    drawn = [
        _draw_row(segments, _BAR + (row + 1) * _LEADING - 5, at if moving else None) for row, (at, segments) in enumerate(rows)
    ]
    style = "text{font:13.6px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}"
    if moving:
        style += "@keyframes a{from{opacity:0}to{opacity:1}}.r{animation:a .01s both}"
        style += "@media print,(prefers-reduced-motion:reduce){.r{animation:none}}"
    size = f'width="{width}" height="{height}"'
    title = escape("; ".join(step.command for step in steps))
    lights = "".join(
        f'<circle cx="{20 + 18 * n}" cy="18" r="5.5" fill="{c}"/>' for n, c in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}" role="img">',
            f"<title>{title}</title><style>{style}</style>",
            f'<rect width="{width}" height="{height}" rx="9" fill="#161b22"/>{lights}',
            *drawn,
            "</svg>\n",
        )
    )


def _draw_row(segments: Sequence[Segment], baseline: int, at: float | None) -> str:
    column, parts = 0, []
    for text, style, _ in segments:
        colour, look = "#e0e6ed", ""
        if style is not None:
            colour = style.color.get_truecolor(_THEME).hex if style.color is not None else colour
            look = (' font-weight="700"' if style.bold else "") + (' opacity=".65"' if style.dim else "")
        if text.strip():
            x, length = _EDGE + column * _ADVANCE, len(text) * _ADVANCE
            place = f'x="{x:.1f}" y="{baseline}" textLength="{length:.1f}"'
            parts.append(f'<text {place} fill="{colour}"{look}>{escape(text)}</text>')
        column += len(text)
    inner = "".join(parts)
    return inner if not at or not inner else f'<g class="r" style="animation-delay:{at:.2f}s">{inner}</g>'
