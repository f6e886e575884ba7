"""Jinja as templates see it: the sandbox, the escaping of everything printed, and errors as problems with file and line.
One document's templates in one format are run part by part, with figures and pictures placed and parts cached.

Templates are the program's own and the user's: trusted, yet run in the sandbox on frozen values whose fields alone can be read.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from types import CodeType
from typing import Any, Final, TypeVar
from urllib.parse import quote

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    Environment,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
    pass_eval_context,
)
from jinja2 import Template as JinjaTemplate
from jinja2.bccache import Bucket
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from markupsafe import Markup

from findings_report.model.comparison import Document
from findings_report.model.evidence import VERDICT_MEANING, Frozen, Region
from findings_report.model.finding import Status
from findings_report.model.report import Picture, ReportedEngagement, ReportPages
from findings_report.model.translation import Translation, fill
from findings_report.pdf.page import FEWEST_SEGMENTED
from findings_report.problems import FindingsReportError, Place
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering import html
from findings_report.rendering.figures import Figure, Part
from findings_report.rendering.filters import FORMATS, Dialect, Filters, data_address
from findings_report.rendering.html_pages import place_links
from findings_report.rendering.template_files import Template, TemplateFiles, read_template, template_error
from findings_report.system.cache import FileCache
from findings_report.system.toolchain import toolchain_digest

_Output = TypeVar("_Output")


def create_environment(
    dialect: Dialect, files: TemplateFiles, engagement: ReportedEngagement, *, is_paper: bool = False
) -> Environment:
    """Return the environment of one document: everything that a template prints is escaped by the dialect.

    `is_paper` is for a document that is printed, where navigation and filters of a screen have no use.
    """
    loader = TemplateLoader(files)

    @pass_eval_context
    def print_value(_: object, value: object) -> Markup:
        return _to_markup(dialect, value)

    environment = _Sandbox(
        loader=loader,
        # Whatever the file is called: `finalize` has escaped for the dialect, and Jinja does not escape Markup again.
        autoescape=True,
        finalize=print_value,
        # What is compiled holds for every dialect and language: nothing is evaluated or printed at that time. Jinja prints
        # constants then, but not by a function that takes a context.
        optimized=False,
        bytecode_cache=_COMPILED,
        undefined=Undefined,
        # A tag on a line of its own leaves no blank line, which would end a list or a table in Markdown.
        trim_blocks=True,
        lstrip_blocks=True,
        # Included Markdown files have to end with their newline, or the next block would continue their last line.
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= Filters(dialect, engagement).by_name()
    direct = mirror if engagement.translation.direction == "rtl" else str
    environment.globals |= _message_functions(dialect, engagement.translation)
    environment.globals |= {
        "all_statuses": tuple(Status),
        "stylesheet": lambda *names: Markup(direct("".join(loader.read(name) for name in names))),  # noqa: S704 - ours
        "direction": engagement.translation.direction,
        "page_numbers": _count_pages(engagement.translation),
        "fewest_apart": FEWEST_SEGMENTED,
        "is_paper": is_paper,
        "verdict_meaning": {verdict.value: meaning for verdict, meaning in VERDICT_MEANING.items()},
    }
    return environment


def _count_pages(translation: Translation) -> Markup:
    """Return the value of `content` in a style sheet that prints the number of a page and of all pages."""
    text = translation.gettext("Page {page} of {pages}")
    quoted = '"' + re.sub(r'[\\"<\n]', lambda match: f"\\{ord(match[0]):x} ", text) + '"'
    return Markup(quoted.replace("{page}", '" counter(page) "').replace("{pages}", '" counter(pages) "'))  # noqa: S704


_RULE: Final = re.compile(r"(?<![^{};])([^{};]*+)\{([^{}]*+)\}")
_LEFT_TO_RIGHT: Final = re.compile(r"\.(?:code|fence|l|diff|drift|sign|g\d+|i\d+)(?![\w-])|(?<![\w.-])(?:pre|code)(?![\w-])")
"""Selectors of code, which is written from left to right in a report of any language."""
_SIDE: Final = re.compile(
    r"(?<![\w.-])((?:margin|padding|border)-|text-align: |float: |clear: |)(left|right)(?=[-:;}\s])"
    r"|@(top|bottom)-(left|right)\b"
)
_FOUR: Final = re.compile(
    r"(?<![\w-])(margin|padding|border-width|border-radius|inset): ([^\s;()]+) ([^\s;()]+) ([^\s;()]+) ([^\s;()]+)(?=;|\s*\})"
)
_OTHER_SIDE: Final = {"left": "right", "right": "left"}


def mirror(style: str) -> str:
    """Return a style sheet for a page that is written from right to left: left and right change places, except in code."""

    def swap(match: re.Match[str]) -> str:
        if match[3]:
            return f"@{match[3]}-{_OTHER_SIDE[match[4]]}"
        return f"{match[1]}{_OTHER_SIDE[match[2]]}"

    def turn(match: re.Match[str]) -> str:
        top, right, bottom, left = match.groups()[1:]
        if match[1] == "border-radius":  # its values begin at the top left corner
            return f"{match[1]}: {right} {top} {left} {bottom}"
        return f"{match[1]}: {top} {left} {bottom} {right}"

    def change(match: re.Match[str]) -> str:
        if _LEFT_TO_RIGHT.search(match[1]):
            return match[0]
        return f"{_SIDE.sub(swap, match[1])}{{{_FOUR.sub(turn, _SIDE.sub(swap, match[2]))}}}"

    return _RULE.sub(change, style)


def _message_functions(dialect: Dialect, translation: Translation) -> Mapping[str, Callable[..., Markup]]:
    """Return gettext's functions for templates; a placeholder takes any value that can be printed.

    They are not Jinja's own: its extension escapes values for HTML whatever the format is.
    """

    def show(text: str, message: str, values: Mapping[str, object]) -> Markup:
        # Escaped as a whole, in which placeholders survive: at the start of a piece some characters mean something in Markdown.
        printed = {name: _to_markup(dialect, value) for name, value in values.items()}
        if not translation.is_foreign(message):
            return Markup(fill(dialect.escape(text), printed))  # noqa: S704
        own = {name: shown if isinstance(values[name], int) else dialect.mark_own(shown) for name, shown in printed.items()}
        return dialect.mark_english(Markup(fill(dialect.escape(text), own)))  # noqa: S704

    def gettext(message: str, /, **values: object) -> Markup:
        return show(translation.gettext(message), message, values)

    def pgettext(context: str, message: str, /, **values: object) -> Markup:
        return show(translation.pgettext(context, message), message, values)

    def ngettext(singular: str, plural: str, count: int, /, **values: object) -> Markup:
        return show(translation.ngettext(singular, plural, count), singular, values)

    return {"_": gettext, "gettext": gettext, "pgettext": pgettext, "ngettext": ngettext}


def translate_errors(output: Iterable[_Output], files: TemplateFiles) -> Iterator[_Output]:
    """Yield `output`, and raise FindingsReportError (OUTPUT) with file and line for an error of a template.

    Any other error is a bug of the program and passes with its traceback.
    """
    try:
        yield from output
    # Raised within a filter or the loader: it has its place already.
    except FindingsReportError:
        raise
    except TemplateSyntaxError as error:
        place = Place(error.filename or error.name or "", error.lineno)
        raise template_error(f"the template is not valid: {error.message}", place=place) from None
    except TemplateNotFound as error:
        raise template_error(f"the template {files.name!r} has no file {error}", place=_innermost(error, files)) from None
    except Exception as error:
        place_of_error = _innermost(error, files)
        last = traceback.extract_tb(error.__traceback__)[-1].filename
        # Raised by Jinja, or by an expression of the template itself such as `1 / 0`: everything else was raised in our code.
        if place_of_error is None or not (isinstance(error, TemplateError) or files.has(last)):
            raise
        kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
        fault = f"the template fails: {kind}{error}"
        raise template_error(fault, "docs/templates.md says what each part sees", place_of_error) from None


def _innermost(error: BaseException, files: TemplateFiles) -> Place | None:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if files.has(frame.filename)]
    return Place(frames[-1].filename, frames[-1].lineno) if frames else None


class _CompiledTemplates(BytecodeCache):
    """The templates that this process has compiled, by place and text: most of the time of a short document is compiling."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Put the code of a template into its bucket, if it was compiled before."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Remember the code of a template."""
        if len(self._known) >= _MOST_COMPILED:  # a preview, whose templates somebody edits
            self._known.clear()
        if bucket.code is not None:
            self._known[bucket.key, bucket.checksum] = bucket.code


_MOST_COMPILED: Final = 1000
_COMPILED: Final = _CompiledTemplates()


class TemplateLoader(BaseLoader):
    """Gives Jinja the files of one template."""

    def __init__(self, files: TemplateFiles) -> None:
        self._files = files

    def read(self, name: str) -> str:
        """Return the text of a file. Raises TemplateNotFound, and FindingsReportError for a file that is not UTF-8."""
        content = self._files.content(name)
        if content is None:
            raise TemplateNotFound(name)
        try:
            return content.decode().replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError as error:
            fault = f"the template file cannot be read: {error}"
            raise template_error(fault, place=Place(self._files.place(name))) from None

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:  # noqa: ARG002
        """Return text and place of a file; it never changes, as it was read into memory."""
        return self.read(template), self._files.place(template), lambda: True


class _Sandbox(ImmutableSandboxedEnvironment):
    """Templates read fields and properties of our own values; the methods of pydantic models are out of reach."""

    def getattr(self, obj: object, attribute: str) -> Any:
        """Return an attribute. Jinja calls this for every dot, so our own values take the short way: one cached look-up."""
        if isinstance(obj, Frozen) and _is_readable(type(obj), attribute):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return True for an attribute that templates may read. Jinja asks this of every other attribute."""
        if isinstance(obj, Frozen):
            return _is_readable(type(obj), attr)
        return super().is_safe_attribute(obj, attr, value)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Any:
        """Return what an attribute out of reach evaluates to: an undefined value whose use is an error."""
        fault = f"{attribute!r} of {_describe(obj)} is out of reach: templates read fields"
        return self.undefined(fault, name=attribute, obj=obj, exc=SecurityError)


@cache
def _is_readable(kind: type, name: str) -> bool:
    """Return True for a field or a property of our own models; properties that pydantic's base class defines are none."""
    if not issubclass(kind, Frozen):
        return False
    if name in kind.model_fields:
        return True
    own = (cls for cls in kind.__mro__ if issubclass(cls, Frozen))
    return not name.startswith("_") and any(isinstance(vars(cls).get(name), property) for cls in own)


class Undefined(StrictUndefined):
    """A name or field that does not exist: any use of it is an error in the glossary's words."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        # Jinja reads this property; its own message names the Python class, which says nothing to the author of a template.
        if self._undefined_hint:
            return self._undefined_hint
        name: Any = self._undefined_name
        if self._undefined_obj is missing:
            return f"there is no {name!r} here"
        known = type(self._undefined_obj).model_fields if isinstance(self._undefined_obj, Frozen) else ()
        # Suggestions for our own values only: they have documented fields.
        near = did_you_mean(str(name), known)
        what = f"has no field {name!r}" if isinstance(name, str) else f"has no element {name}"
        return f"{_describe(self._undefined_obj)} {what}" + (f"; {near}" if near else "")


def _to_markup(dialect: Dialect, value: object) -> Markup:
    """Return a printed value, escaped. Raises UndefinedError for what has no text.

    An empty field is an error too: printed as "None" it would reach the client unseen.
    """
    if isinstance(value, str):
        return value if isinstance(value, Markup) else dialect.escape(str(value))
    if isinstance(value, Undefined):
        str(value)  # raises with the name
    if value is None:
        raise UndefinedError("an empty field is printed: ask first whether it is there, `{% if ... %}`")
    if isinstance(value, Frozen) and not isinstance(value, Region):
        fields = ", ".join(type(value).model_fields)
        raise UndefinedError(f"{_describe(value)} is printed, which is no text; it has {fields}")
    if isinstance(value, (tuple, list, dict)):
        raise UndefinedError(f"{_describe(value)} is printed, which is no text: go through it with `{{% for ... %}}`")
    return dialect.escape(str(value))


_UNIQUE: Final = {"Report": "the report", "ReportedEngagement": "the engagement", "Part": "the part being rendered"}

_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (str, "a text"),
    # Before the numbers: bool is a subclass of int.
    (bool, "true or false"),
    ((int, float), "a number"),
    (date, "a day"),
    ((tuple, list, set, frozenset), "a list"),
    (Mapping, "a mapping"),
)


def _describe(value: object) -> str:
    """Return what a value is, for messages: `a finding`, `the engagement`, `a list`, `an empty field`."""
    if value is None:
        return "an empty field"
    kind = type(value).__name__
    if isinstance(value, (Frozen, Part)):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removeprefix("Reported")).lower()
        return _UNIQUE.get(kind, f"{'an' if words[:1] in 'aeiou' else 'a'} {words}")
    return next((word for kinds, word in _KINDS if isinstance(value, kinds)), kind)


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

    def join_parts(self, name: str, pages: ReportPages | None = None, **seen: Any) -> Iterator[str]:
        """Yield the whole document from the template that joins the parts; links between parts become links within the page,
        and to the others of `pages`.

        In pieces, so that a long report is not held in memory once more than its parts are.
        """
        pieces = self._generate(name, self.new_part(), **seen)
        # Markdown writes fragments at once: all of its parts are in one file.
        if self._format.dialect is not html:
            return pieces
        if self._engagement.translation.is_fallback:
            # As a whole: a piece may begin within a tag.
            pieces = iter([html.place_language_marks("".join(pieces), self._engagement.language)])
        if pages is not None:
            return (place_links(str(piece), pages) for piece in pieces)
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
        if self._engagement.pictures_in:
            return quote(self._engagement.picture_path(picture))
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
