"""A template as values: all of its files with their contents, to be rendered where its folders are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from jinja2 import TemplateNotFound

from findings_report.renderers import Template, TemplateFiles
from findings_report.rendering.template_files import Files, Folders, files_below, layers


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
