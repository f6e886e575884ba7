"""What a value is called to who writes templates: in the glossary's words, never as a Python object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from jinja2 import StrictUndefined
from jinja2.utils import missing

from findings_report.model.evidence import Frozen
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.figures import Part

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
