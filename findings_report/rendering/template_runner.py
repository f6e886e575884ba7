"""One document's templates in one format: running them part by part, with figures and pictures placed and parts cached."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Template as JinjaTemplate
from markupsafe import Markup

from findings_report.model.comparison import Document
from findings_report.model.evidence import Frozen
from findings_report.model.report import Picture, ReportedEngagement
from findings_report.rendering import html
from findings_report.rendering.figures import Figure, Part
from findings_report.rendering.filters import FORMATS, data_address
from findings_report.rendering.jinja_environment import create_environment, translate_errors
from findings_report.rendering.template_files import Template, TemplateFiles, read_template, template_error
from findings_report.system.cache import FileCache
from findings_report.system.toolchain import toolchain_digest

# Fourteen characters of a text can place a picture of 10 MB, so a text could ask for more than any memory holds.
_MOST_EMBEDDED: Final = 200_000_000  # bytes

# Authored text cannot hold this: its `<` is escaped.
_XREF: Final = re.compile(r'<a href="xref:([^"]*)"')
_XREF_LINK: Final = re.compile(r'<a href="xref:[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


class TemplateRunner:
    """A document's templates, compiled once."""

    def __init__(
        self,
        engagement: ReportedEngagement,
        *,
        template: Template | TemplateFiles,
        format: str,  # noqa: A002
        is_alone: bool = False,
        has_addresses: bool = False,
        entries: FileCache | None = None,
    ) -> None:
        """`is_alone` is for a single-finding report, where links to other parts would lead nowhere and become text.

        `has_addresses` gives headings and lines of code addresses, in HTML. `entries` is the page cache, where parts are
        looked up and kept. Raises FindingsReportError (OUTPUT) for a `format` that is not in FORMATS, and for a template that
        cannot be read.
        """
        if format not in FORMATS:
            raise template_error(f"there are no templates for {format!r}", f"templates make {', '.join(FORMATS)}")
        self._format = FORMATS[format]
        self._engagement = engagement
        self._is_alone = is_alone
        self._has_addresses = has_addresses and self._format.dialect is html and self._format.embeds_pictures
        self._embedded = 0
        self._files = read_template(template)
        self._environment = create_environment(
            self._format.dialect, self._files, engagement, is_paper=not self._format.embeds_pictures
        )
        self._entries = entries
        # The engagement is in every key, because every template sees it.
        self._key = _key(self._files, f"{format} {is_alone} {self._has_addresses}", engagement) if entries else None

    def new_part(self) -> Part:
        """Return a part with nothing numbered and nothing printed yet."""
        is_paper = not self._format.embeds_pictures
        return Part(self._engagement, self._address, self._draw, is_paper=is_paper, is_alone=self._is_alone)

    def render_part(self, name: str, prepare: Callable[[Part], None] | None = None, **seen: Frozen) -> str:
        """Return what `name.SUFFIX.j2` prints of the values `seen`, as a part that `prepare` may number first; cached."""
        if self._entries is None or self._key is None:
            return self._render_part(name, prepare, **seen)
        digest = self._key.copy()
        digest.update(f"\n{name}".encode())
        for variable, value in seen.items():
            digest.update(f"\n{variable} ".encode() + value.model_dump_json().encode())
        key = digest.hexdigest()
        if (cached := self._entries.get(key)) is not None:
            return cached.decode()
        embedded = self._embedded
        text = self._render_part(name, prepare, **seen)
        # A part from the cache would not count towards _MOST_EMBEDDED, so one that embeds pictures is rendered each time.
        if self._embedded == embedded:
            self._entries.put(key, text.encode())
        return text

    def run(self, name: str, part: Part, **seen: Any) -> str:
        """Return what `name.SUFFIX.j2` prints; it sees the part, the engagement and `seen`."""
        return "".join(self._generate(name, part, **seen))

    def join_parts(self, name: str, **seen: Any) -> Iterator[str]:
        """Yield the whole document from the template that joins the parts; links between parts become links within the page.

        In pieces, so that a long report is not held in memory once more than its parts are.
        """
        pieces = self._generate(name, self.new_part(), **seen)
        # Markdown writes fragments at once: all of its parts are in one file.
        if self._format.dialect is not html:
            return pieces
        if self._engagement.translation.is_fallback:
            # As a whole: a piece may begin within a tag.
            pieces = iter([html.place_language_marks("".join(pieces), self._engagement.language)])
        pattern, replacement = (_XREF_LINK, r"\1") if self._is_alone else (_XREF, r'<a href="#\1"')
        # str: a Markup would escape the replacement once more.
        return (pattern.sub(replacement, str(piece)) for piece in pieces)

    def _render_part(self, name: str, prepare: Callable[[Part], None] | None, **seen: Frozen) -> str:
        part = self.new_part()
        if prepare:
            prepare(part)
        text = self.run(name, part, **seen)
        return html.HeadingLinks().place(text) if self._has_addresses else text

    def _generate(self, name: str, part: Part, **seen: Any) -> Iterator[str]:
        def pieces() -> Iterator[str]:
            # Within the generator, so that errors of compiling are translated as well.
            file = self._files.choose([f"{name}.{suffix}.j2" for suffix in self._format.suffixes])
            template: JinjaTemplate = self._environment.get_template(file)
            yield from template.generate(part=part, engagement=self._engagement, **seen)

        return translate_errors(pieces(), self._files)

    def _address(self, picture: Picture) -> str:
        if not self._format.embeds_pictures:
            return f"fr-asset:{quote(picture.name)}"
        self._embedded += len(picture.content)
        if self._embedded > _MOST_EMBEDDED:
            fault = f"pictures are placed so often that the file would hold more than {_MOST_EMBEDDED // 10**6} MB of them"
            raise template_error(fault, "place each once and refer to it, or make them smaller")
        return data_address(picture)

    def _draw(self, part: Part, figure: Figure, caption: Markup | None) -> Markup:
        # A caption or a note that places a figure only names it: it could place the figure that it belongs to.
        if part.is_drawing:
            return self._format.dialect.escape(f"[Figure {figure.number}]")
        is_first = figure.number not in part.printed
        part.printed.add(figure.number)
        part.is_drawing = True
        part.lines_under = figure.number if self._has_addresses else ""
        text = self.run("figure", part, figure=figure, caption=caption, is_first=is_first)
        part.is_drawing = False
        return Markup(text.strip("\n"))  # noqa: S704 - printed by a template


def document_key(document: Document, template: Template | TemplateFiles, format: str) -> str:  # noqa: A002
    """Return the key under which a whole document is cached."""
    return _key(read_template(template), f"document {format}", document).hexdigest()


def _key(files: TemplateFiles, purpose: str, value: Frozen) -> hashlib._Hash:
    # The toolchain's digest covers the program and every library that lays out text: others may print other bytes.
    digest = hashlib.sha256(f"{toolchain_digest()} {purpose}\n{files.digest}\n".encode())
    digest.update(value.model_dump_json().encode())
    return digest


def mark_safe(texts: Iterable[str]) -> Iterator[Markup]:
    """Yield rendered parts so that the template that joins them does not escape them again."""
    return (Markup(text) for text in texts)  # noqa: S704 - printed by templates
