"""Where a template's files are found, and which of them are not the tool's own."""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from jinja2 import BaseLoader, Environment, TemplateNotFound

from findings_report.problems import FindingsReportError, Kind, Place, Problem, Subject
from findings_report.problems.suggestions import did_you_mean, nearest

# SELF


_STYLED: Final = re.compile(r"""<[^>]*\sstyle\s*=\s*["']""")


FALLBACK: Final = "standard"
"""The template whose files stand in for those that another does not have."""


def refused(fault: str, remedy: str | None = None, place: Place | None = None) -> FindingsReportError:
    """The error for a template that cannot be used."""
    return FindingsReportError(Problem(Kind.OUTPUT, fault, remedy, place=place, code="template"))


class Files(BaseLoader):
    """A template's files, wherever they are: its own first, then those of `standard`."""

    def __init__(self, template: str) -> None:
        self.template = template

    @abstractmethod
    def place(self, name: str) -> str | None:
        """Where the file stands that `name` is, for messages; None when there is none. May raise FindingsReportError."""

    @abstractmethod
    def content(self, name: str) -> bytes:
        """The file that `name` is, which there is."""

    @abstractmethod
    def files(self) -> Iterator[tuple[str, bytes]]:
        """Place and content of all that it may use, in the order of the search."""

    @abstractmethod
    def choose(self, names: Sequence[str]) -> str:
        """The first of `names` that the template has, else the first that `standard` has, else the last."""

    @abstractmethod
    def has(self, place: str) -> bool:
        """True when that is where one of these files stands."""

    def read(self, name: str) -> str:
        """The text of `name`. Raises TemplateNotFound, and FindingsReportError for what is no UTF-8."""
        place = self.place(name)
        if place is None:
            raise TemplateNotFound(name)
        try:
            return self.content(name).decode().replace("\r\n", "\n").replace("\r", "\n")
        except (OSError, UnicodeDecodeError) as error:
            raise refused(f"the template file cannot be read: {error}", place=Place(place)) from None

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool]]:  # noqa: ARG002
        """Jinja's way of asking."""
        return self.read(template), self.place(template), lambda: True


class Folders(Files):
    """Finds a template's files: in its own folder wherever one is, then in `standard`; links out of a folder are refused."""

    def __init__(self, template: Template) -> None:
        super().__init__(template.name)
        self._folders = template.folders
        self._read: dict[Path, bytes] = {}
        found = [root / name for name in layers(template.name) for root in template.folders]
        self._searched = tuple(folder for folder in found if folder.is_dir())
        if not any((root / template.name).is_dir() for root in template.folders):
            raise refused(f"there is no template {template.name!r}", f"there are {', '.join(names(template))}")

    def find(self, name: str) -> Path | None:
        """The file that `name` stands for; None when no folder has it. Raises FindingsReportError for a link that leaves."""
        if ".." in Path(name).parts or Path(name).is_absolute():
            return None
        for folder in self._searched:
            candidate = folder / name
            if not candidate.is_file():
                continue
            if not candidate.resolve().is_relative_to(folder.resolve()):
                raise refused(
                    "the file is a link that leads out of its template folder", "copy the file", Place(str(candidate))
                )
            return candidate
        return None

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file of the folders searched, in the order of the search."""
        return ((str(path), self._content(path)) for folder in self._searched for path in files_below(folder))

    def place(self, name: str) -> str | None:
        """Its path."""
        path = self.find(name)
        return None if path is None else str(path)

    def content(self, name: str) -> bytes:
        """The file as it was when it was first read."""
        path = self.find(name)
        if path is None:
            raise TemplateNotFound(name)
        return self._content(path)

    def choose(self, names: Sequence[str]) -> str:
        """As `Files` has it."""
        for layer in layers(self.template):
            for name in names:
                if any((root / layer / name).is_file() for root in self._folders):
                    return name
        return names[-1]

    def _content(self, path: Path) -> bytes:
        # Once: what is printed by a file that is edited meanwhile would be kept under what it was.
        if path not in self._read:
            self._read[path] = path.read_bytes()
        return self._read[path]

    def has(self, place: str) -> bool:
        """True when it is below one of the folders searched."""
        return any(Path(place).is_relative_to(folder) for folder in self._searched)


def layers(template: str) -> tuple[str, ...]:
    """The template folders that files are taken from, in order: its own, then `standard`."""
    return tuple(dict.fromkeys((template, FALLBACK)))


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, sorted, by each name that it can be asked for: links to folders within it are followed.

    A link that leads out, or back to a folder that it is in, is not; nor is there anything below a folder that is not there.
    """
    return _below(folder, folder.resolve(), frozenset()) if folder.is_dir() else iter(())


def _below(folder: Path, root: Path, above: frozenset[Path]) -> Iterator[Path]:
    place = folder.resolve()
    if place in above or not place.is_relative_to(root):
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _below(path, root, above | {place})
        elif path.is_file():
            yield path


def names(template: Template) -> tuple[str, ...]:
    """The templates to be had, sorted."""
    return tuple(
        sorted({folder.name for root in template.folders if root.is_dir() for folder in root.iterdir() if folder.is_dir()})
    )


def overrides(template: Template) -> tuple[tuple[Path, str], ...]:
    """The files that are used and are not the tool's own, with their sha256, in the order of the search.

    The last of `template.folders` is taken to be the tool's.
    """
    return tuple(_overrides(Folders(template), template))


def strays(template: Template) -> tuple[tuple[Path, str], ...]:
    """What stands in a `templates/` of the user's and is not read, though it looks as if it should be, with the remedy."""
    found: list[tuple[Path, str]] = []
    for root in template.folders[:-1]:
        for path in sorted(root.iterdir()):
            if path.is_file() and path.suffix in (".j2", ".css"):
                found.append((path, f"move it into a folder named after the template: {root.name}/{template.name}/{path.name}"))
            elif path.is_dir() and path.name not in (template.name, FALLBACK, *_builtin(template)):
                near = nearest(path.name, _builtin(template))
                found += (
                    [(path, f"call it {near}, which is the tool's, or take it with --template {path.name}")] if near else []
                )
    return tuple(found)


def _builtin(template: Template) -> tuple[str, ...]:
    return tuple(folder.name for folder in template.folders[-1].iterdir() if folder.is_dir())


def styled_lines(path: Path) -> tuple[int, ...]:
    """The lines of a template file for HTML with a `style` attribute, 1-based; the page's policy makes a browser ignore it."""
    if not path.name.endswith(".html.j2"):
        return ()
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return tuple(number for number, line in enumerate(lines, start=1) if _STYLED.search(line))


def _overrides(folders: Folders, template: Template) -> Iterator[tuple[Path, str]]:
    for name in layers(template.name):
        for root in template.folders[:-1]:
            for path in files_below(root / name):
                if folders.find(path.relative_to(root / name).as_posix()) == path:
                    yield path, hashlib.sha256(path.read_bytes()).hexdigest()


# SELF


# SELF


def taken(template: Template) -> TemplateFiles:
    """Every file that the template may use, as `Folders` would find it. Raises FindingsReportError as that does."""
    found: list[dict[str, bytes]] = [{} for _ in layers(template.name)]
    for layer, name, path in _paths(template):
        found[layer][name] = path.read_bytes()
    return TemplateFiles(template.name, tuple(found))


def files_of(template: Template | TemplateFiles) -> Files:
    """Where the files of a template are found."""
    return Folders(template) if isinstance(template, Template) else Shipped(template)


def path_of(template: Template, place: str) -> Path | None:
    """The file of a template that is meant by a `place` in the template's values; None for any other text."""
    for layer, name, path in _paths(template):
        if place == _place(template.name, layer, name):
            return path
    return None


class Shipped(Files):
    """Finds a template's files among its values."""

    def __init__(self, template: TemplateFiles) -> None:
        super().__init__(template.name)
        self._layers = template.layers
        self._places = {_place(template.name, layer, name) for layer, files in enumerate(self._layers) for name in files}

    def place(self, name: str) -> str | None:
        """A name that is no path of any machine: `<standard/front.html.j2>`."""
        found = self._find(name)
        return None if found is None else _place(self.template, *found)

    def content(self, name: str) -> bytes:
        """The file as it was taken."""
        found = self._find(name)
        if found is None:
            raise TemplateNotFound(name)
        layer, key = found
        return self._layers[layer][key]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """As `Files` has it."""
        each = ((layer, name, files[name]) for layer, files in enumerate(self._layers) for name in sorted(files))
        return ((_place(self.template, layer, name), content) for layer, name, content in each)

    def choose(self, names: Sequence[str]) -> str:
        """As `Files` has it."""
        return next((name for files in self._layers for name in names if name in files), names[-1])

    def has(self, place: str) -> bool:
        """As `Files` has it."""
        return place in self._places

    def _find(self, name: str) -> tuple[int, str] | None:
        key = PurePosixPath(name).as_posix()
        return next(((layer, key) for layer, files in enumerate(self._layers) if key in files), None)


def _paths(template: Template) -> Iterator[tuple[int, str, Path]]:
    """Layer, name and path of each file that hides all others of its name."""
    folders = Folders(template)
    for layer, folder in enumerate(layers(template.name)):
        for root in template.folders:
            for path in files_below(root / folder):
                name = path.relative_to(root / folder).as_posix()
                if folders.find(name) == path:  # raises for a link that leads out
                    yield layer, name, path


def _place(template: str, layer: int, name: str) -> str:
    # In angle brackets, which tell Python's tracebacks not to look for a file of that name.
    return f"<{layers(template)[layer]}/{name}>"


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
