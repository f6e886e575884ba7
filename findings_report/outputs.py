"""Which files a build gives, and how they are called. Pure but for asking whether `-o` is a folder."""

from __future__ import annotations

import os.path
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from findings_report.errors import FindingsReportError, Kind, Problem, Subject
from findings_report.meant import did_you_mean
from findings_report.model.finding import Engagement
from findings_report.visible import HIDDEN

FORMATS: Final = ("md", "html", "pdf", "json", "csv")
"""Every format, by its suffix."""

BUILD: Final = "build"
STDOUT: Final = "-"

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Target:
    """One file to be made."""

    format: str
    """One of FORMATS."""
    path: Path | None
    """Where; None for standard output."""


def targets(
    engagement: Engagement, folder: Path, formats: Sequence[str], output: str | None, given: bool
) -> tuple[Target, ...]:
    """The files to make. `folder` is the engagement's; `given` is True when the formats were asked for on the command line.

    `output` is -o: a folder if it exists, ends in `/` or several formats are asked for; else a file, whose suffix names the
    format when none was asked for; `-` is standard output. Raises FindingsReportError (USAGE, or INPUT for engagement.yaml).
    """
    chosen = tuple(dict.fromkeys(formats))
    if output is not None and not given and output != STDOUT and not _is_folder(output, ()):
        suffix = Path(output).suffix.lstrip(".").lower()
        chosen = (suffix,) if suffix else chosen[:1]
    check_formats(chosen)
    if output == STDOUT:
        if len(chosen) != 1:
            raise FindingsReportError(Problem(Kind.USAGE, f"-o - takes one format, not {', '.join(chosen)}", "name it with -f"))
        return (Target(chosen[0], None),)
    stem = file_stem(engagement)
    if output is None:
        base = folder.absolute().parent / BUILD
        return tuple(Target(name, base / f"{stem}.{name}") for name in chosen)
    if _is_folder(output, chosen):
        return tuple(Target(name, Path(output) / f"{stem}.{name}") for name in chosen)
    return (Target(chosen[0], Path(output)),)


def _is_folder(output: str, formats: Sequence[str]) -> bool:
    is_there = os.path.isdir(output)  # noqa: PTH112 - Path.is_dir raises on a name that is too long
    return is_there or output.endswith("/") or len(formats) > 1


def check_formats(names: Sequence[str]) -> None:
    """Raises FindingsReportError (USAGE) for a name on the command line that is no format."""
    if wrong := [name for name in names if name not in FORMATS]:
        raise FindingsReportError(_unknown(wrong[0], Kind.USAGE, None))


def faults(engagement: Engagement) -> list[Problem]:
    """What engagement.yaml says of its outputs that cannot be done."""
    names = enumerate(engagement.outputs)
    problems = [_unknown(name, Kind.INPUT, ("engagement", "outputs", index)) for index, name in names if name not in FORMATS]
    try:
        file_stem(engagement)
    except FindingsReportError as error:
        problems += error.problems
    return problems


def _unknown(name: str, kind: Kind, subject: Subject | None) -> Problem:
    remedy = "name one after each -f" if "," in name else did_you_mean(name, FORMATS)
    return Problem(kind, f"{name!r} is not a format ({', '.join(FORMATS)})", remedy, subject=subject, code="format")


def file_stem(engagement: Engagement) -> str:
    """The report's file name without suffix. Raises FindingsReportError (INPUT) for a pattern with an unknown name."""
    values = {
        "title": engagement.title,
        "client": engagement.client or "",
        "version": engagement.version or "",
        "date": engagement.date.isoformat() if engagement.date else "",
        "state": engagement.state.value,
    }

    def fill(match: re.Match[str]) -> str:
        if match[1] not in values:
            fault = f"{{{match[1]}}} is not one of {', '.join(f'{{{name}}}' for name in values)}"
            raise FindingsReportError(Problem(Kind.INPUT, fault, subject=("engagement", "file_name"), code="file-name"))
        return values[match[1]]

    stem = _NOT_IN_NAMES.sub("-", HIDDEN.sub("-", _PLACEHOLDER.sub(fill, engagement.file_name)))
    stem = re.sub(r"-{2,}", "-", stem).strip("-. ")[:120]
    return stem or "report"
