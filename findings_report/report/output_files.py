"""The files of a build and their names. The only effect is a look at what exists at `-o`."""

from __future__ import annotations

import os.path
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report.model.engagement import Engagement
from findings_report.problems import FindingsReportError, Kind, Problem, Subject
from findings_report.problems.safe_text import HIDDEN
from findings_report.problems.suggestions import did_you_mean
from findings_report.report.formats import FORMATS

if TYPE_CHECKING:
    from findings_report.model.report import ReportedEngagement

BUILD: Final = "build"
STDOUT: Final = "-"
DEFAULT_STEM: Final = "report"
ATTACHMENT: Final = "attachment"
"""Format of a target that is the copy of an attachment."""

PLACEHOLDERS: Final = ("title", "client", "version", "date", "state", "commit", "audience")
"""What the pattern of a file name may hold, in braces."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# An allow-list: Windows forbids `<>:"/\|?*`, and shells split or expand other characters.
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Target:
    """One file to be made."""

    format: str
    """One of FORMATS."""
    path: Path | None
    """Where; None for standard output."""
    page: int | None = None
    """Number of the page, from 1, of a long report as HTML; None for a file with a whole document, or the index."""


def targets(stem: str, folder: Path, formats: Sequence[str], output: str | None, given: bool) -> tuple[Target, ...]:
    """The files to make. `stem` is their name where the user gives none; `folder` is the engagement's; `given` is True when the
    formats were asked for on the command line.

    `output` is -o: a folder if it exists, ends in `/` or several formats are asked for; else a file, whose suffix names the
    format when none was asked for; `-` is standard output. Raises FindingsReportError (USAGE).
    """
    chosen = tuple(dict.fromkeys(formats))
    if output is not None and not given and output != STDOUT and not is_folder(output):
        suffix = Path(output).suffix.lstrip(".").lower()
        chosen = (suffix,) if suffix else chosen[:1]
    check_formats(chosen)
    if output == STDOUT:
        if len(chosen) != 1:
            raise FindingsReportError(
                Problem(Kind.USAGE, f"-o - takes one format, not {', '.join(chosen)}", "name it with -f", code="output-path")
            )
        return (Target(chosen[0], None),)
    if output is None:
        base = own_build(folder)
        return tuple(Target(name, base / f"{stem}.{FORMATS[name].suffix}") for name in chosen)
    _check_suffix(output, chosen)
    if is_folder(output, chosen):
        return tuple(Target(name, Path(output) / f"{stem}.{FORMATS[name].suffix}") for name in chosen)
    return (Target(chosen[0], Path(output)),)


def own_build(folder: Path, below: str = "") -> Path:
    """The folder that nobody named, or the one `below` it. A link there may be the engagement's, and lead anywhere."""
    build = folder.absolute().parent / BUILD
    if link := next((path for path in (build, build / below) if path.is_symlink()), None):
        fault = f"{link} is a symbolic link, and those are followed only where they are named"
        raise FindingsReportError(Problem(Kind.OUTPUT, fault, f"if you trust it, write `-o {build}/`", code="output-link"))
    return build / below


def refuse_overwriting_inputs(engagement: Engagement, folder: Path, wanted: Sequence[Target]) -> None:
    """Raises FindingsReportError (USAGE) for a report that would take the place of what people wrote in `folder`."""
    # The copy of an attachment keeps its name, which may be that of a finding.
    inside = [
        target for target in wanted if target.path and Path(os.path.realpath(target.path)).is_relative_to(folder.resolve())
    ]
    refuse_overwriting((), [replace(target, format="yaml") for target in inside])
    refuse_overwriting([folder / file for file in declared_files(engagement)], wanted)


def declared_files(engagement: Engagement) -> set[str]:
    """Return the files that an engagement names, as paths in its folder."""
    lists = (engagement.images, engagement.tables, engagement.fonts, engagement.attachments, engagement.sections)
    files = {engagement.logo, engagement.docx_template, *(entry.file for entries in lists for entry in entries)}
    return {file for file in files if file is not None}


def refuse_overwriting(read: Iterable[Path], wanted: Sequence[Target]) -> None:
    """Raises FindingsReportError (USAGE) for a file that would take the place of one that was `read`, or of YAML."""
    # By real path: a link, or another spelling of the same path, would overwrite the file as well.
    known = {os.path.realpath(path) for path in read}
    for target in wanted:
        if (path := target.path) is None:
            continue
        # Any YAML name: a report written into the engagement's folder under such a name would be read as a finding.
        is_yaml = path.suffix.lower() in (".yaml", ".yml") and target.format != ATTACHMENT
        if is_yaml or os.path.realpath(path) in known:
            fault = f"what is made would take the place of {str(path)!r}, which it is made from"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "name another file with -o", code="output-input"))


def _check_suffix(output: str, chosen: Sequence[str]) -> None:
    """Raises FindingsReportError (USAGE) when `output` is called as a file of one format and others are asked for."""
    suffix = Path(output).suffix.lstrip(".").lower()
    # The JSON of another program is called as its readers like.
    fitting = {FORMATS[name].suffix.rpartition(".")[2] for name in chosen}
    if suffix not in FORMATS or chosen == (suffix,) or fitting == {suffix} or is_folder(output):
        return
    fault = f"-o {output} is the name of a {suffix} file, and the report is to be {' and '.join(chosen)}"
    remedy = "name a folder, as in -o out/" if len(chosen) > 1 else f"write -f {suffix}, or another name"
    raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="output-path"))


def is_folder(output: str, formats: Sequence[str] = ()) -> bool:
    """True when -o names a folder: it is one, it ends in `/`, or several files are to be put there."""
    is_there = os.path.isdir(output)  # noqa: PTH112 - Path.is_dir raises on a name that is too long
    return is_there or output.endswith("/") or len(formats) > 1


def check_formats(names: Sequence[str], known: Collection[str] = FORMATS.keys()) -> None:
    """Raises FindingsReportError (USAGE) for a name on the command line that is not among the formats `known`."""
    if wrong := [name for name in names if name not in known]:
        raise FindingsReportError(_unknown(wrong[0], Kind.USAGE, None, known))


def faults(engagement: Engagement) -> list[Problem]:
    """Return the problems of `outputs` and `file_name` in engagement.yaml."""
    names = enumerate(engagement.outputs)
    problems = [_unknown(name, Kind.INPUT, ("engagement", "outputs", index)) for index, name in names if name not in FORMATS]
    return problems + _pattern_faults(engagement.file_name)


def _unknown(name: str, kind: Kind, subject: Subject | None, known: Collection[str] = FORMATS.keys()) -> Problem:
    remedy = "name one after each -f" if "," in name else did_you_mean(name, known)
    return Problem(kind, f"{name!r} is not a format ({', '.join(known)})", remedy, subject=subject, code="format")


def file_stem(pattern: str, engagement: ReportedEngagement) -> str:
    """The report's file name without suffix: `pattern` filled in and made fit for every file system; `report` when empty.

    The edition for an audience has the word at the end of its name, unless the pattern places it: it is another report.
    """
    commit = engagement.findings_commit
    values = {
        "title": engagement.title,
        "client": engagement.client or "",
        "version": engagement.version or "",
        "date": engagement.date.isoformat() if engagement.date else "",
        "state": engagement.state.value,
        "commit": f"{commit.hash[:12]}{'-uncommitted' if commit.is_changed else ''}" if commit else "",
        "audience": engagement.edition or "",
    }
    mark = for_edition("", engagement.edition) if "{audience}" not in pattern else ""
    # Hidden characters first: `\w` matches some of them, and they make two different names look the same.
    filled = HIDDEN.sub("-", _PLACEHOLDER.sub(lambda match: values[match[1]], pattern))
    stem = re.sub(r"\.{2,}", ".", re.sub(r"-{2,}", "-", _NOT_IN_NAMES.sub("-", filled))).strip("-. ")
    return (_cut(stem, mark).rstrip("-. ") or DEFAULT_STEM) + mark


def for_edition(name: str, audience: str | None) -> str:
    """Return the name of what is made for one audience, as in `report-client`; `name` itself for the complete edition."""
    return name if audience is None else f"{name}-{_NOT_IN_NAMES.sub('-', HIDDEN.sub('-', audience))[:30].strip('-. ')}"


def _cut(stem: str, mark: str) -> str:
    """Return at most 120 characters and 180 bytes of `stem`, less those of `mark`."""
    # File systems of Linux allow 255 bytes for a name; suffixes and the names of temporary files need the rest.
    return stem[: 120 - len(mark)].encode()[: 180 - len(mark.encode())].decode("utf-8", "ignore")


def _pattern_faults(pattern: str) -> list[Problem]:
    """Placeholders that there are not, and braces that are none."""
    subject: Subject = ("engagement", "file_name")
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    problems: list[Problem] = []
    for name in dict.fromkeys(_PLACEHOLDER.findall(pattern)):
        if name not in PLACEHOLDERS:
            remedy = did_you_mean(name.strip(), PLACEHOLDERS)
            problems.append(Problem(Kind.INPUT, f"{{{name}}} is not one of {known}", remedy, subject=subject, code="file-name"))
    if set("{}") & set(_PLACEHOLDER.sub("", pattern)):
        fault = "a brace has no partner"
        problems.append(Problem(Kind.INPUT, fault, f"braces hold one of {known}", subject=subject, code="file-name"))
    return problems
