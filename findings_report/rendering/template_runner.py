"""One document's templates in one format: finding the files, running them, placing figures and pictures in what they print."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Template as JinjaTemplate
from markupsafe import Markup

from findings_report.model.comparison import Document
from findings_report.model.evidence import Frozen
from findings_report.model.report import Picture, ReportedEngagement
from findings_report.rendering.figures import Figure, Part
from findings_report.rendering.jinja_environment import Dialect, environment, told
from findings_report.rendering.template_files import Files, Template, TemplateFiles, files_of, refused
from findings_report.system.cache import FileCache
from findings_report.system.toolchain import toolchain_digest


class Kept:
    """The parts of one document in one format."""

    def __init__(self, entries: FileCache, files: Files, engagement: ReportedEngagement, way: str) -> None:
        """`way` is what else decides: the format, and whether a finding stands alone."""
        self._entries = entries
        self._made_by = _made_by(files, way)
        self._made_by.update(engagement.model_dump_json().encode())

    def key(self, name: str, seen: Mapping[str, Frozen]) -> str:
        """What the part `name` is kept under when it sees these values."""
        key = self._made_by.copy()
        key.update(f"\n{name}".encode())
        for called, value in seen.items():
            key.update(f"\n{called} ".encode() + value.model_dump_json().encode())
        return key.hexdigest()

    def text(self, key: str) -> str | None:
        """A part; None when it is not known."""
        entry = self._entries.get(key)
        return None if entry is None else entry.decode()

    def keep(self, key: str, text: str) -> None:
        """Keeps a part for the next time."""
        self._entries.put(key, text.encode())


def document_key(document: Document, template: Template | TemplateFiles, format: str) -> str:  # noqa: A002
    """What a whole document is kept under. It names the system's libraries that lay it out."""
    key = _made_by(files_of(template), f"document {format}")
    key.update(document.model_dump_json().encode())
    return key.hexdigest()


def _made_by(files: Files, way: str) -> hashlib._Hash:
    found = hashlib.sha256(f"{toolchain_digest()} {way}\n".encode())
    for place, content in files.files():
        found.update(f"{place!r} {hashlib.sha256(content).hexdigest()}\n".encode())
    return found


# SELF


_MOST_EMBEDDED: Final = 200_000_000  # bytes; a place of 14 characters can hold a picture of 10 MB


# Authored text cannot hold this: its `<` is escaped.
_XREF = re.compile(r'<a href="xref:([^"]*)"')


_XREF_LINK = re.compile(r'<a href="xref:[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


@dataclass(frozen=True)
class _Format:
    """How one format is made."""

    suffixes: tuple[str, ...]
    """Of the template files, `front.SUFFIX.j2`; the first that exists is taken."""
    dialect: str
    """Module that knows how texts look in it."""
    is_linked: bool = True
    """True where pictures are part of the text; False where they are given beside it, as `fr-asset:NAME`."""


FORMATS: Final = {
    "md": _Format(("md",), "markdown"),
    "html": _Format(("html",), "html"),
    "pdf": _Format(("pdf.html", "html"), "html", is_linked=False),
}
"""Every format that templates are written in. A new text format is one line here and its files in a template folder."""


class Pages:
    """A document's templates, compiled once."""

    def __init__(
        self,
        engagement: ReportedEngagement,
        *,
        template: Template | TemplateFiles,
        format: str,  # noqa: A002
        is_alone: bool = False,
        entries: FileCache | None = None,
    ) -> None:
        """`is_alone` for a document of one part, where links to others would lead nowhere and become text.

        `entries` keeps the parts for the next time. Raises FindingsReportError (OUTPUT) for a `format` that is none of FORMATS.
        """
        if format not in FORMATS:
            raise refused(f"there are no templates for {format!r}", f"templates make {', '.join(FORMATS)}")
        self._format = FORMATS[format]
        self._engagement = engagement
        self._is_alone = is_alone
        self._embedded = 0
        self._files = files_of(template)
        self._dialect = Dialect.of(self._format.dialect)
        self._environment = environment(self._dialect, self._files, engagement)
        self._kept = Kept(entries, self._files, engagement, f"{format} {is_alone}") if entries else None

    def part(self) -> Part:
        """A new part: nothing numbered, nothing printed yet."""
        return Part(self._engagement, self._address, self._draw, is_alone=self._is_alone)

    def once(self, name: str, prepare: Callable[[Part], None] | None = None, **seen: Frozen) -> str:
        """What `name.SUFFIX.j2` prints as a part that `prepare` made ready, or what it printed of the same before."""
        key = self._kept.key(name, seen) if self._kept else ""
        if self._kept and (known := self._kept.text(key)) is not None:
            return known
        part, embedded = self.part(), self._embedded
        if prepare:
            prepare(part)
        made = self.run(name, part, **seen)
        if self._kept and self._embedded == embedded:  # pictures have to be counted each time
            self._kept.keep(key, made)
        return made

    def run(self, name: str, part: Part, **seen: Any) -> str:
        """What `name.SUFFIX.j2` prints; it sees the engagement and `seen`."""
        pieces = self._template(name).generate(part=part, engagement=self._engagement, **seen)
        return "".join(told(pieces, self._files))

    def joined(self, name: str, **seen: Any) -> Iterator[str]:
        """The whole document, piece by piece, by the template that joins the parts; links between them point to each other."""
        pieces = self._template(name).generate(part=self.part(), engagement=self._engagement, **seen)
        is_html = self._format.dialect == "html"
        found, instead = (_XREF_LINK, r"\1") if self._is_alone else (_XREF, r'<a href="#\1"')
        # str: of a Markup the result would be escaped once more.
        return (found.sub(instead, str(piece)) if is_html else piece for piece in told(pieces, self._files))

    def _address(self, picture: Picture) -> str:
        if not self._format.is_linked:
            return f"fr-asset:{quote(picture.name)}"
        self._embedded += len(picture.content)
        if self._embedded > _MOST_EMBEDDED:
            fault = f"pictures are placed so often that the file would hold more than {_MOST_EMBEDDED // 10**6} MB of them"
            raise refused(fault, "place each once and refer to it, or make them smaller")
        return self._dialect.embedded(picture)

    def _draw(self, part: Part, figure: Figure, caption: Markup | None) -> Markup:
        if part.is_drawing:  # a caption or a note places a figure: it is named, else it could hold itself
            return self._dialect.escape(f"[Figure {figure.number}]")
        first = figure.number not in part.printed
        part.printed.add(figure.number)
        part.is_drawing = True
        drawn = self.run("figure", part, figure=figure, caption=caption, is_first=first)
        part.is_drawing = False
        return Markup(drawn.strip("\n"))  # noqa: S704

    def _template(self, name: str) -> JinjaTemplate:
        wanted = self._files.choose([f"{name}.{suffix}.j2" for suffix in self._format.suffixes])
        return next(told((self._environment.get_template(each) for each in (wanted,)), self._files))


def marked(texts: Iterable[str]) -> Iterator[Markup]:
    """Rendered parts, fit to be printed by the template that joins them."""
    return (Markup(text) for text in texts)  # noqa: S704
