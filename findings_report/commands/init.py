"""The commands `doctor`, `init`, `demo` and `schema`: the installation, a new engagement, and schemas for editors."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import findings_report
from findings_report import authoring
from findings_report.commands.pin import pin
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path
from findings_report.problems.suggestions import did_you_mean
from findings_report.report.check import Inputs
from findings_report.report.provenance import components

if TYPE_CHECKING:
    from findings_report.model.report import Component


@dataclass(frozen=True)
class Extra:
    """An optional dependency of the program."""

    name: str
    enables: str
    """What the program does with it, and the commands that use it."""
    install: str | None
    """The command that installs it; None if it is there."""


@dataclass(frozen=True)
class Health:
    """The dependencies of this program."""

    components: tuple[Component, ...]
    """The installed ones, with versions."""
    extras: tuple[Extra, ...]
    """The optional dependencies."""
    install: str | None
    """The command that installs all optional ones that are missing; None if none is."""
    problems: tuple[Problem, ...]
    """The missing ones, each with the command that installs it."""


def doctor() -> Health:
    """Return the installed and the missing dependencies."""
    from findings_report import git
    from findings_report.sandbox import landlock_version
    from findings_report.system.toolchain import EXTRAS, INSTALL, install_extra, installed_extras, missing_libraries

    problems: list[Problem] = []
    # The kinds give the exit code of the step that would fail: reading quotes without git, writing a PDF without
    # Pango.
    if git.version() is None:
        problems.append(Problem(Kind.SOURCE, "git is missing", "apt-get install git", code="no-git"))
    if missing := missing_libraries():
        problems.append(Problem(Kind.OUTPUT, f"PDF needs {', '.join(missing)}", INSTALL, code="no-pango"))
    else:
        problems += _find_missing_fonts()
    if landlock_version() == 0:
        fault = "the layout process is not confined by Landlock: a fault of a library that lays out a PDF could read files"
        remedy = "build untrusted reports on Linux 5.13 or newer"
        problems.append(Problem(Kind.OUTPUT, fault, remedy, level="note", code="pdf-confinement"))
    installed = installed_extras()
    extras = [Extra(name, enables, None if name in installed else install_extra(name)) for name, enables in EXTRAS.items()]
    absent = [extra.name for extra in extras if extra.install]
    return Health(components(), tuple(extras), install_extra(*absent) if absent else None, tuple(problems))


def _find_missing_fonts() -> Iterator[Problem]:
    """Yield a note if this machine has no font for Chinese, Japanese and Korean, which the program's own fonts do not have."""
    from findings_report.pdf.glyphs import open_fonts

    with open_fonts(system=True) as fonts:
        if len(fonts.find_others(_EAST_ASIAN)) < len(_EAST_ASIAN):
            fault = "no font for Chinese, Japanese and Korean: a PDF prints their characters as codes"
            remedy = "apt-get install fonts-noto-cjk, and write `system_fonts: true` in engagement.yaml"
            yield Problem(Kind.OUTPUT, fault, remedy, level="note", code="no-cjk-font")


_EAST_ASIAN: Final = "\u6f22\u3042\ud55c"
"""A character each of Han, kana and Hangul."""


def demo(folder: Path) -> Path:
    """Write the demo's repository with two tagged releases, and its engagement, pinned to the first; return the folder."""
    from findings_report.authoring import new_finding
    from findings_report.git.fetch import create_repository
    from findings_report.system.atomic_files import publish

    # An empty folder only: nothing of the user's is overwritten or mixed with the sample.
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fault = f"{display_path(folder)} is not an empty folder"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name a new one", code="taken"))
    publish({folder / authoring.FOLDER / name: content for name, content in new_finding.demo_findings().items()})
    create_repository(folder / "app", {release: new_finding.demo_release(release) for release in new_finding.RELEASES})
    # Pinned last: the sample names a revision, whose commit exists only now.
    pin(Inputs(folder, {}), to=None, only=None)
    return folder


def list_pages() -> dict[str, str]:
    """Return the pages of the documentation: title by name, in alphabetical order."""
    pages = {path.stem: path.read_text("utf-8") for path in sorted(_documentation().glob("*.md"))}
    return {name: text.partition("\n")[0].lstrip("# ") for name, text in pages.items()}


def read_page(name: str) -> str:
    """Return a page of the documentation, or a part of it, in Markdown.

    `name` is that of the page, or how a link names it: `docs/tickets.md#trackers`, with the address of a heading. Raises
    FindingsReportError (USAGE) for a name that no page has, and for a heading that the page does not have.
    """
    names = list_pages()
    # Pages print links in this form, and people copy them from there.
    page, mark, heading = name.removeprefix("docs/").partition("#")
    page = page.removesuffix(".md")
    if page not in names:
        listed = f"the pages are {', '.join(names)}"
        raise FindingsReportError(
            Problem(Kind.USAGE, f"there is no page {name!r}", did_you_mean(page, names) or listed, code="no-page")
        )
    text = (_documentation() / f"{page}.md").read_text("utf-8")
    return _read_part(text, page, heading) if mark and heading else text


def _read_part(text: str, page: str, heading: str) -> str:
    """Return the part of a page below the heading with this address, up to the next heading of its level."""
    lines = text.splitlines(keepends=True)
    headings: dict[str, tuple[int, int]] = {}  # level and index of the line by address
    ends: list[tuple[int, int]] = []
    is_code = False
    for index, line in enumerate(lines):
        is_code ^= line.startswith("```")
        level = len(line) - len(line.lstrip("#"))
        if level and not is_code:
            headings.setdefault(_NOT_IN_ADDRESS.sub("", line.strip("# \n").casefold()).replace(" ", "-"), (level, index))
            ends.append((level, index))
    if heading not in headings:
        remedy = did_you_mean(heading, headings) or f"its headings are {', '.join(headings)}"
        raise FindingsReportError(Problem(Kind.USAGE, f"the page {page!r} has no heading {heading!r}", remedy, code="no-page"))
    level, start = headings[heading]
    return "".join(lines[start : next((end for other, end in ends if end > start and other <= level), None)])


# What GitHub leaves out of the addresses of headings.
_NOT_IN_ADDRESS: Final = re.compile(r"[^\w\- ]")


def _documentation() -> Path:
    """Return the folder of the documentation: in the wheel that of the package, in a checkout that beside it."""
    package = Path(findings_report.__file__).parent
    inside = package / "docs"
    return inside if inside.is_dir() else package.parent / "docs"


LIBRARY: Final = "library"
"""The folder of findings to start from, beside the engagement's."""


_SETTINGS: Final = ".vscode/settings.json"


@dataclass(frozen=True)
class WrittenFiles:
    """What was written, and what the user should know of it."""

    paths: tuple[Path, ...]
    """In order."""
    problems: tuple[Problem, ...] = ()
    """Warnings and notes."""


def init(folder: Path, title: str) -> WrittenFiles:
    """Start an engagement in `folder`/findings, with settings that give editors its schemas and a .gitignore.

    Existing settings and an existing .gitignore are not changed; a note says what to add.
    """
    from findings_report.authoring import new_finding
    from findings_report.system.atomic_files import publish

    target = folder / authoring.FOLDER
    # lexists: a dangling link is a file of the user's as well.
    if os.path.lexists(target / authoring.ENGAGEMENT):
        place = Place(display_path(target / authoring.ENGAGEMENT))
        remedy = "`findings-report new` adds a finding, `findings-report schema --write` renews what editors read"
        fault = "the folder already has an engagement, which was not changed"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, place=place, code="init"))
    written = authoring.title_scalar(" ".join(title.split()))
    contents = new_finding.init_files(written)
    files = {target / name: content for name, content in contents.items()}
    schemas = _schemas(target, authoring.Overlay(None, contents))
    settings, problems = _settings(folder)
    ignored, more = _ignore_file(folder)
    publish(files | schemas | settings | ignored, new={*files, *settings, *ignored})
    return WrittenFiles((*files, *schemas, *settings, *ignored), (*problems, *more))


def _schemas(folder: Path, files: authoring.Files) -> dict[Path, bytes]:
    """Return the schemas of an engagement's folder, with the engagement's own severities, repositories and fields."""
    engagement = authoring.load_engagement(files).engagement
    schemas = {"finding": authoring.finding_schema(engagement), "engagement": authoring.engagement_schema()}
    return {
        folder / authoring.SCHEMA_FOLDER / f"{which}.json": (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode()
        for which, schema in schemas.items()
    }


def _settings(folder: Path) -> tuple[dict[Path, bytes], list[Problem]]:
    """Return the settings of Visual Studio Code, which also cover findings without a modeline, such as library entries."""
    path = folder / _SETTINGS
    base = f"./{authoring.FOLDER}/{authoring.SCHEMA_FOLDER}"
    wanted = {
        "yaml.schemas": {
            f"{base}/finding.json": [f"**/*{authoring.FINDING_SUFFIX}", f"{LIBRARY}/**/*.yaml"],
            f"{base}/engagement.json": f"**/{authoring.FOLDER}/{authoring.ENGAGEMENT}",
        }
    }
    if not os.path.lexists(path):
        return {path: (json.dumps(wanted, indent=2) + "\n").encode()}, []
    with contextlib.suppress(OSError):  # a folder, or a link that leads nowhere, holds nothing either
        # Not parsed: the settings are JSON with comments. The folder's name shows that the schemas are configured.
        if authoring.SCHEMA_FOLDER.encode() in path.read_bytes():
            return {}, []
    # Not merged: rewriting the file would lose its comments.
    fault = "exists already and was not changed"
    place = Place(display_path(path))
    return {}, [Problem(Kind.INPUT, fault, f"add {json.dumps(wanted)[1:-1]}", place=place, level="note", code="settings")]


def _ignore_file(folder: Path) -> tuple[dict[Path, bytes], list[Problem]]:
    """Return a .gitignore that names the folder of `build`, whose reports contain the client's code."""
    path = folder / ".gitignore"
    if not os.path.lexists(path):
        return {path: b"/build/\n"}, []
    # Every spelling that covers the folder: build, /build, build/ and /build/.
    if b"build" in {line.strip().strip(b"/") for line in path.read_bytes().splitlines()}:
        return {}, []
    fault = "does not name `build/`, where reports are written: they hold the client's code"
    place = Place(display_path(path))
    return {}, [Problem(Kind.INPUT, fault, "add `/build/`", place=place, level="note", code="settings")]


def schema(which: str) -> dict[str, Any]:
    """Return the JSON Schema of `finding`, `engagement` or `report`."""
    from findings_report.report import archive

    return {"finding": authoring.finding_schema, "engagement": authoring.engagement_schema, "report": archive.schema}[which]()


def write_schemas(start: Path) -> WrittenFiles:
    """Rewrite the schemas that editors read: after an update, or a change of severities, repositories or fields."""
    from findings_report.system.atomic_files import publish

    folder = authoring.find_folder(start)
    schemas = _schemas(folder, authoring.Folder(folder))
    publish(schemas)
    return WrittenFiles(tuple(schemas))
