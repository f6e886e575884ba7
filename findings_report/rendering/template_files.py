"""Template folders: which folder provides which file, and which files are not the program's own.

Jinja is not known here: a template's files are read once, into a value that is searched, hashed and sent to workers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Place, Problem, Subject, system_fault
from findings_report.problems.suggestions import did_you_mean, nearest

FALLBACK: Final = "standard"
"""The template whose files are used where another template has none of that name."""

_STYLED: Final = re.compile(r"""<[^<>]*\sstyle\s*=\s*["']""")


@dataclass(frozen=True)
class Template:
    """A template folder by name, and where its files are looked for."""

    name: str
    """Name of the folder: standard, review, ..."""
    folders: tuple[Path, ...]
    """Folders that hold template folders, searched in order, file by file: the engagement's own first, the program's last."""


@dataclass(frozen=True)
class TemplateFiles:
    """A template by value: every file that it may use, as it was when it was read."""

    name: str
    """Name of the folder."""
    layers: tuple[Mapping[str, bytes], ...]
    """Its own files, then those of `standard`, by their path in the folder, POSIX; one layer where it is `standard`."""
    paths: Mapping[str, Path] = field(default_factory=dict)
    """Files on this machine by address, `standard/front.html.j2`, for messages; empty where the files were sent."""

    def content(self, name: str) -> bytes | None:
        """Return the first file of that name; None when no layer has one."""
        key = PurePosixPath(name).as_posix()
        return next((files[key] for files in self.layers if key in files), None)

    def place(self, name: str) -> str:
        """Return where the file of that name is, for messages: its path, else `<standard/front.html.j2>`."""
        key = PurePosixPath(name).as_posix()
        layer = next((layer for layer, files in zip(self._layer_names, self.layers, strict=True) if key in files), self.name)
        return self._place(f"{layer}/{key}")

    def choose(self, names: Sequence[str]) -> str:
        """Return the first of `names` that the template's own layer has, else the first of `standard`, else the last name."""
        return next((name for files in self.layers for name in names if name in files), names[-1])

    def has(self, place: str) -> bool:
        """Return True when one of these files is at `place`; tracebacks have it as a file name."""
        return place in self._places

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names and contents of all files. Paths are no part of it: a cache outlives a moved folder."""
        digest = hashlib.sha256()
        for layer, files in zip(self._layer_names, self.layers, strict=True):
            for name in sorted(files):
                digest.update(f"{layer}/{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
        return digest.hexdigest()

    @cached_property
    def _layer_names(self) -> tuple[str, ...]:
        return layer_names(self.name)

    @cached_property
    def _places(self) -> frozenset[str]:
        layers = zip(self._layer_names, self.layers, strict=True)
        return frozenset(self._place(f"{layer}/{name}") for layer, files in layers for name in files)

    def _place(self, address: str) -> str:
        # Python's tracebacks do not look for a file whose name is in angle brackets.
        return str(self.paths[address]) if address in self.paths else f"<{address}>"


def find_template(name: str, folder: Path, *, given: bool) -> Template:
    """Return the template called `name`; the engagement's own `templates/`, beside its folder, come first, file by file.

    Raises FindingsReportError (USAGE when the name was `given` on the command line, INPUT when engagement.yaml has it) when
    there is none of that name.
    """
    # In a checkout of this project the sample engagement is beside the program's own templates: they are no overrides.
    own, builtin = folder.absolute().parent / "templates", builtin_templates()
    folders = [builtin] if not own.is_dir() or own.resolve() == builtin.resolve() else [own, builtin]
    template = Template(name, tuple(folders))
    known = template_names(template)
    if name in known:
        return template
    kind = Kind.USAGE if given else Kind.INPUT
    subject: Subject | None = None if given else ("engagement", "template")
    fault = f"there is no template {name!r} ({', '.join(known)})"
    raise FindingsReportError(Problem(kind, fault, did_you_mean(name, known), subject=subject, code="template"))


def builtin_templates() -> Path:
    """Return the program's own template folders: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    # The wheel puts the templates into the package; in a checkout they are at the root, where authors of templates find them.
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def template_names(template: Template) -> tuple[str, ...]:
    """Return the names of the templates that can be selected, sorted."""
    roots = (root for root in template.folders if root.is_dir())
    return tuple(sorted({folder.name for root in roots for folder in root.iterdir() if folder.is_dir()}))


def layer_names(template: str) -> tuple[str, ...]:
    """Return the names of the folders that files are taken from, in order: the template's own, then `standard`."""
    return tuple(dict.fromkeys((template, FALLBACK)))


def read_template(template: Template | TemplateFiles) -> TemplateFiles:
    """Return every file that the template may use; a template that was read already is returned unchanged.

    All are read at once: what a file printed that is edited meanwhile would be cached under the digest of its old content.
    Raises FindingsReportError (OUTPUT) for a template that does not exist, and for a file that cannot be read or is a link
    that leads out of its folder.
    """
    if isinstance(template, TemplateFiles):
        return template
    if not any((root / template.name).is_dir() for root in template.folders):
        fault = f"there is no template {template.name!r}"
        raise template_error(fault, f"there are {', '.join(template_names(template))}")
    layers: list[dict[str, bytes]] = []
    paths: dict[str, Path] = {}
    for layer in layer_names(template.name):
        files: dict[str, bytes] = {}
        for folder in (root / layer for root in template.folders):
            for path in _files_below(folder):
                name = path.relative_to(folder).as_posix()
                # The first folder wins, so the engagement's own file hides the program's.
                if name not in files:
                    files[name] = _read(path, folder)
                    paths[f"{layer}/{name}"] = path
        layers.append(files)
    return TemplateFiles(template.name, tuple(layers), paths)


def path_of(template: Template, place: str) -> Path | None:
    """Return the file that a worker calls `<standard/front.html.j2>`; None for any other `place`."""
    files = read_template(template)
    return next((path for address, path in files.paths.items() if place == f"<{address}>"), None)


def template_error(fault: str, remedy: str | None = None, place: Place | None = None) -> FindingsReportError:
    """Return the error for a template that cannot be used."""
    return FindingsReportError(Problem(Kind.OUTPUT, fault, remedy, place=place, code="template"))


def overrides(template: Template) -> tuple[tuple[Path, str], ...]:
    """Return the files in use that differ from the program's own, with their SHA-256, in the order of the search."""
    files = read_template(template)
    builtin = template.folders[-1]
    used: dict[str, tuple[str, bytes]] = {}
    for layer, contents in zip(layer_names(template.name), files.layers, strict=True):
        for name, content in contents.items():
            used.setdefault(name, (f"{layer}/{name}", content))
    own = ((place, content) for place, content in used.values() if not files.paths[place].is_relative_to(builtin))
    # A copy without a change changes no report: so are all files of a checkout, read by a program that is installed elsewhere.
    changed = ((place, content) for place, content in own if not _is_content(builtin / place, content))
    return tuple((files.paths[place], hashlib.sha256(content).hexdigest()) for place, content in changed)


def _is_content(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def strays(template: Template) -> tuple[tuple[Path, str], ...]:
    """Return what is in a `templates/` of the user's and is not read, though it looks as if it should be, with the remedy."""
    builtin = tuple(folder.name for folder in template.folders[-1].iterdir() if folder.is_dir())
    known = {template.name, FALLBACK, *builtin}
    unread: list[tuple[Path, str]] = []
    for root in template.folders[:-1]:
        for path in sorted(root.iterdir()):
            if path.is_file() and path.suffix in (".j2", ".css"):
                place = f"{root.name}/{template.name}/{path.name}"
                unread.append((path, f"move it into a folder named after the template: {place}"))
            # Only a name that resembles a built-in one is a slip; any other folder is a template that is not selected now.
            elif path.is_dir() and path.name not in known and (near := nearest(path.name, builtin)):
                unread.append((path, f"call it {near}, which is the tool's, or take it with --template {path.name}"))
    return tuple(unread)


def styled_lines(path: Path) -> tuple[int, ...]:
    """Return the lines, 1-based, of a template file for HTML with a `style` attribute, which browsers ignore.

    The page's content security policy allows its own style sheet only.
    """
    if not path.name.endswith(".html.j2"):
        return ()
    # A file that is not UTF-8 has its own error when it is run.
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return tuple(number for number, line in enumerate(lines, start=1) if _STYLED.search(line))


def _read(path: Path, folder: Path) -> bytes:
    """Return the content of a file. A template that someone sends must not print files from elsewhere, so links stay inside."""
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise template_error("the file is a link that leads out of its template folder", "copy the file", Place(str(path)))
    try:
        return path.read_bytes()
    except OSError as error:
        reason, remedy = system_fault(error)
        raise template_error(f"the template file cannot be read: {reason}", remedy, Place(str(path))) from None


def _files_below(folder: Path) -> Iterator[Path]:
    """Return every file below a folder, sorted, by each name that it can be asked for; nothing when the folder is absent.

    Links to folders are followed within the folder; one that leads out, or back to a folder that it is in, is skipped.
    """
    return _walk(folder, folder.resolve(), frozenset()) if folder.is_dir() else iter(())


def _walk(folder: Path, root: Path, above: frozenset[Path]) -> Iterator[Path]:
    place = folder.resolve()
    # A link to a folder above would be followed for ever.
    if place in above or not place.is_relative_to(root):
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _walk(path, root, above | {place})
        elif path.is_file():
            yield path
