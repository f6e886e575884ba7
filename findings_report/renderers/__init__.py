"""Document -> bytes: HOW a report looks is decided here, never WHAT is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from findings_report.problems import FindingsReportError, Kind, Problem, Subject
from findings_report.problems.suggestions import did_you_mean


@dataclass(frozen=True)
class Template:
    """A template folder by name, and where its files are looked for."""

    name: str
    """Name of the folder: standard, review, ..."""
    folders: tuple[Path, ...]
    """Folders that hold template folders, searched in order, file by file: the engagement's own first."""


@dataclass(frozen=True)
class TemplateFiles:
    """A template by value, for where its folders are not."""

    name: str
    """Name of the folder."""
    layers: tuple[Mapping[str, bytes], ...]
    """Its own files, then those of `standard`, by their path in the folder, POSIX; one layer where it is `standard`."""


def find_template(name: str, folder: Path, *, given: bool) -> Template:
    """The template called `name`; the engagement's own `templates/`, beside its folder, come first, file by file.

    Raises FindingsReportError (USAGE, or INPUT for engagement.yaml) when there is none of that name.
    """
    own, builtin = folder.absolute().parent / "templates", builtin_templates()
    folders = [builtin] if not own.is_dir() or own.resolve() == builtin.resolve() else [own, builtin]
    if any((path / name).is_dir() for path in folders):
        return Template(name, tuple(folders))
    known = sorted({each.name for path in folders for each in path.iterdir() if each.is_dir()})
    kind = Kind.USAGE if given else Kind.INPUT
    subject: Subject | None = None if given else ("engagement", "template")
    fault = f"there is no template {name!r} ({', '.join(known)})"
    raise FindingsReportError(Problem(kind, fault, did_you_mean(name, known), subject=subject, code="template"))


def builtin_templates() -> Path:
    """The templates that come with the program: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"
