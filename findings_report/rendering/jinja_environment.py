"""What a template can do: the sandbox, the escaping of everything printed, the filters; and how its faults are told."""

from __future__ import annotations

import base64
import hashlib
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from typing import Any, Final, TypeVar

from jinja2 import StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from markupsafe import Markup

from findings_report.model.comparison import Words
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import VERDICT_MEANING, Check, Frozen, Region, Snippet
from findings_report.model.report import Picture, ReportedEngagement
from findings_report.pdf.segments import FEWEST_APART
from findings_report.problems import FindingsReportError, Place
from findings_report.problems.suggestions import did_you_mean
from findings_report.prose import Prose, parse_inline
from findings_report.prose.inline_code import bare, pieces
from findings_report.rendering import labels
from findings_report.rendering.figures import Figure, Part
from findings_report.rendering.template_files import Files, refused


def coded(text: str, *, escape: Callable[[str], Markup], literal: Callable[[str], Markup]) -> Markup:
    """`text`, what stands in backticks as code, the rest as the text it is; both go through the dialect's escaping."""
    return Markup("").join(literal(piece.text) if piece.is_code else escape(piece.text) for piece in pieces(text))


_OWN: Final = {"Report": "the report", "ReportedEngagement": "the engagement", "Part": "the part being rendered"}


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (str, "a text"),
    (bool, "true or false"),
    ((int, float), "a number"),
    (date, "a day"),
    ((tuple, list, set, frozenset), "a list"),
    (Mapping, "a mapping"),
)


def named(value: object) -> str:
    """`a finding`, `the engagement`, `a list`, `an empty field`."""
    if value is None:
        return "an empty field"
    kind = type(value).__name__
    if isinstance(value, (Frozen, Part)):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removeprefix("Reported")).lower()
        return _OWN.get(kind, f"{'an' if words[:1] in 'aeiou' else 'a'} {words}")
    return next((word for kinds, word in _KINDS if isinstance(value, kinds)), kind)


def unprintable(value: object) -> str:
    """Why `value` cannot be printed, and what of it can."""
    if value is None:
        return "an empty field is printed: ask first whether it is there, `{% if ... %}`"
    if isinstance(value, Frozen):
        return f"{named(value)} is printed, which is no text; it has {', '.join(type(value).model_fields)}"
    return f"{named(value)} is printed, which is no text: go through it with `{{% for ... %}}`"


class Undefined(StrictUndefined):
    """What a template asks for and there is not: any use of it fails with a message in the glossary's words."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        """Jinja's way of asking; its own message names the Python class."""
        if self._undefined_hint:
            return self._undefined_hint
        name: Any = self._undefined_name
        if self._undefined_obj is missing:
            return f"there is no {name!r} here"
        known = type(self._undefined_obj).model_fields if isinstance(self._undefined_obj, Frozen) else ()
        near = did_you_mean(str(name), known)
        what = f"has no field {name!r}" if isinstance(name, str) else f"has no element {name}"
        return f"{named(self._undefined_obj)} {what}" + (f"; {near}" if near else "")


# SELF


# SELF


_Piece = TypeVar("_Piece")


@dataclass(frozen=True)
class Dialect:
    """How texts look in a family of formats."""

    escape: Callable[[str], Markup]
    """A short text."""
    literal: Callable[[str], Markup]
    """A short text as code."""
    link: Callable[[str | Markup, str | None], Markup]
    """A text linked to a web address."""
    xref: Callable[[str], Markup]
    """The address of another part."""
    prose: Callable[[Prose, Part, int], Markup]
    """Blocks, headings beneath a level."""
    inline: Callable[[Prose, Part], Markup]
    """A paragraph's content."""
    code: Callable[[Snippet, Part], Markup]
    """Lines of code."""
    differences: Callable[[Snippet], Markup]
    """How a quote differs."""
    diff: Callable[[Sequence[DiffLine], str], Markup]
    """What became of cited lines."""
    wording: Callable[[Sequence[Words]], Markup]
    """A text that changed, word by word."""

    @classmethod
    def of(cls, module: str) -> Dialect:
        """The dialect of that name: a module here with a function for each field."""
        found = import_module(f"{__package__}.{module}")
        return cls(**{name: getattr(found, name) for name in cls.__dataclass_fields__})

    @staticmethod
    def embedded(picture: Picture) -> str:
        """A picture as an address that holds its bytes."""
        return f"data:{picture.media_type};base64,{base64.b64encode(picture.content).decode()}"


class _Sandbox(ImmutableSandboxedEnvironment):
    """Of our own values templates read fields and properties; methods of pydantic's are out of reach."""

    def getattr(self, obj: object, attribute: str) -> Any:
        """Jinja reads every attribute so. Of our own values nothing else has to be known than the name."""
        if isinstance(obj, Frozen) and _is_readable(type(obj), attribute):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Jinja asks this of every other attribute, and of every item that is none."""
        if isinstance(obj, Frozen):
            return _is_readable(type(obj), attr)
        return super().is_safe_attribute(obj, attr, value)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Any:
        """What stands for an attribute out of reach."""
        fault = f"{attribute!r} of {named(obj)} is out of reach: templates read fields"
        return self.undefined(fault, name=attribute, obj=obj, exc=SecurityError)


@cache
def _is_readable(kind: type, name: str) -> bool:
    """True for a field and for a property of our own values; False for all else, and for what is no value of ours."""
    if not issubclass(kind, Frozen):
        return False
    if name in kind.model_fields:
        return True
    own = (cls for cls in kind.__mro__ if issubclass(cls, Frozen))
    return not name.startswith("_") and any(isinstance(vars(cls).get(name), property) for cls in own)


def environment(dialect: Dialect, files: Files, engagement: ReportedEngagement) -> ImmutableSandboxedEnvironment:
    """The environment of one document: everything that a template prints goes through the dialect's escaping."""

    def finalize(value: object) -> Markup:
        if isinstance(value, str):
            return value if isinstance(value, Markup) else dialect.escape(str(value))
        if isinstance(value, Undefined):
            str(value)  # raises with the name
        if value is None or (isinstance(value, (Frozen, tuple, list, dict)) and not isinstance(value, Region)):
            raise UndefinedError(unprintable(value))
        return dialect.escape(str(value))

    found = _Sandbox(
        loader=files,
        # Always on, whatever the file is called; for every dialect `finalize` has escaped before Jinja looks.
        autoescape=True,
        finalize=finalize,
        undefined=Undefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    found.filters |= _filters(dialect, engagement)
    found.globals |= {
        "stylesheet": lambda *names: Markup("".join(files.read(name) for name in names)),  # noqa: S704
        "fewest_apart": FEWEST_APART,
        "verdict_meaning": {verdict.value: meaning for verdict, meaning in VERDICT_MEANING.items()},
    }
    return found


def _filters(dialect: Dialect, engagement: ReportedEngagement) -> Mapping[str, Callable[..., Any]]:
    """What a template can do with a value. `part` is the part being rendered."""
    ranks = {severity.name: rank for rank, severity in enumerate(engagement.severities)}

    @pass_context
    def prose(context: Context, text: str, under: int = 2) -> Markup:
        part: Part = context["part"]
        return dialect.prose(part.parse(text), part, under)

    @pass_context
    def inline(context: Context, text: str) -> Markup:
        return dialect.inline(parse_inline(text), context["part"])

    @pass_context
    def code(context: Context, snippet: Snippet) -> Markup:
        return dialect.code(snippet, context["part"])

    @pass_context
    def figure(context: Context, snippet: Snippet) -> Markup:
        part: Part = context["part"]
        return part.draw(part, part.numbers.get(snippet.index, Figure("", snippet, None)), None)

    @pass_context
    def figure_number(context: Context, snippet: Snippet) -> str:
        part: Part = context["part"]
        return part.numbers[snippet.index].number if snippet.index in part.numbers else ""

    @pass_context
    def address(context: Context, picture: Picture) -> str:
        part: Part = context["part"]
        return part.address(picture)

    def day(value: date) -> str:
        return labels.day(value, engagement.language)

    def verdict(check: Check) -> str:
        return labels.verdict(check)

    return {
        "prose": prose,
        "inline": inline,
        "code": code,
        "figure": figure,
        "figure_number": figure_number,
        "address": address,
        "differences": dialect.differences,
        "diff": dialect.diff,
        "wording": dialect.wording,
        "drift": labels.drift,
        "spot": labels.spot,
        "cited": labels.cited,
        "side": labels.side,
        "code_words": labels.code,
        "fix_words": lambda state: labels.FIX_WORDS[state],
        "literal": dialect.literal,
        "coded": lambda text: coded(text, escape=dialect.escape, literal=dialect.literal),
        "bare": bare,
        "link": dialect.link,
        "xref": dialect.xref,
        "day": day,
        "number": lambda value: labels.number(value, engagement.language),
        "ticket": lambda ref: dialect.link(ref, labels.ticket_address(ref)),
        "words": labels.words,
        "verdict": verdict,
        "verdict_words": lambda verdict: labels.VERDICT_WORDS[verdict],
        "citation": labels.citation,
        "lines": labels.line_list,
        "rank": lambda severity: ranks.get(severity.name, len(ranks)),
        "mix": lambda colour, other, share: Markup(labels.mix(colour, other, share)),  # noqa: S704
        "readable": lambda colour, background: Markup(labels.readable(colour, background)),  # noqa: S704
        "sha256": lambda text: base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode(),
    }


def told(pieces: Iterable[_Piece], files: Files) -> Iterator[_Piece]:
    """`pieces`, a template's fault told as a problem with its file and line. What is no template's fault passes."""
    try:
        yield from pieces
    except FindingsReportError:
        raise
    except TemplateSyntaxError as error:
        place = Place(error.filename or error.name or "", error.lineno)
        raise refused(f"the template is not valid: {error.message}", place=place) from None
    except TemplateNotFound as error:
        found = _innermost(error, files)
        raise refused(f"the template {files.template!r} has no file {error}", place=found) from None
    except Exception as error:
        found = _innermost(error, files)
        last = traceback.extract_tb(error.__traceback__)[-1].filename
        if found is None or not (isinstance(error, TemplateError) or files.has(last)):
            raise
        kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
        fault = f"the template fails: {kind}{error}"
        raise refused(fault, "docs/templates.md says what each part sees", found) from None


def _innermost(error: BaseException, files: Files) -> Place | None:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if files.has(frame.filename)]
    return Place(frames[-1].filename, frames[-1].lineno) if frames else None
