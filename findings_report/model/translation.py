"""The words of a report in its language: message catalogues, names of values, dates, numbers.

A message is English with `{placeholders}`, and its own key: what a catalogue does not have is printed in English. Catalogues
are gettext's, `languages/LANGUAGE.po`, compiled to `.mo` when the wheel is built. Names of months, the order of a date and the
signs in numbers are messages as well, so that a language is one file.
"""

from __future__ import annotations

import gettext as catalogues
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

CATALOGUES: Final = Path(__file__).resolve().parents[1] / "languages"
"""The folder of the message catalogues."""

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_RIGHT_TO_LEFT: Final = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "syr", "ug", "ur", "yi"})
_REGIONAL_GROUPS: Final = {"de-at": "\u00a0", "de-ch": "’", "de-li": "’"}
"""The sign between digit groups where a region writes another one than its language; Unicode CLDR."""
_TRADITIONAL: Final = frozenset({"hant", "hk", "mo", "tw"})
# Not strftime, whose names depend on the locale of the machine: the same report must give the same bytes everywhere.
MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Translation:
    """The words of one report. Every text that it returns is plain; renderers escape it."""

    language: str = "en"
    """BCP 47 tag of the report's texts."""
    words: Mapping[str, str] = field(default_factory=dict)
    """The engagement's own words by message: `{"Finding": "Observation"}`."""
    status_words: Mapping[Any, str] = field(default_factory=dict)
    """The engagement's words by status."""
    severity_words: Mapping[str, str] = field(default_factory=dict)
    """The engagement's words by severity."""

    @property
    def is_fallback(self) -> bool:
        """True if the words are English though the texts are not: there is no catalogue of their language."""
        return not self._has_words

    @property
    def direction(self) -> str:
        """`rtl` for a language that is written from right to left, else `ltr`."""
        first, *others = self.language.lower().split("-")
        is_other_script = {"latn", "cyrl"} & set(others)
        is_right_to_left = (first in _RIGHT_TO_LEFT and not is_other_script) or {"arab", "hebr"} & set(others)
        return "rtl" if is_right_to_left else "ltr"

    def gettext(self, message: str, /, **values: object) -> str:
        """Return a message with its placeholders filled."""
        own = self.words.get(message)
        return fill(own if own is not None else self._catalogue.gettext(message) if message else "", values)

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """Return a message that has other words in another `context`: the `high` of an impact is not that of a severity."""
        own = self.words.get(message)
        return fill(own if own is not None else self._catalogue.pgettext(context, message), values)

    def ngettext(self, singular: str, plural: str, count: int, /, **values: object) -> str:
        """Return the form of a message for `count`; the placeholder `{count}` is the number with its digit groups."""
        own = self.words.get(singular if count == 1 else plural)
        text = own if own is not None else self._catalogue.ngettext(singular, plural, count)
        return fill(text, {"count": self.number(count), **values})

    def name(self, value: str) -> str:
        """Return a value of the data in words within a sentence: `partially resolved`; the engagement's word if it has one."""
        if value in self.status_words and isinstance(value, Enum):
            return self.status_words[value]
        if value in self.severity_words and not isinstance(value, Enum):
            return self.severity_words[value]
        message, context = str(value).replace("_", " "), type(value).__name__.lower()
        return self.pgettext(context, message) if isinstance(value, Enum) else self.gettext(message)

    def day(self, value: date) -> str:
        """Return a date in words; YYYY-MM-DD where the months' names are not known in the language."""
        if not self._has_words:
            return value.isoformat()
        return self.pgettext("date", "{day} {month} {year}", day=value.day, month=self._month(value), year=value.year)

    def period(self, start: date, end: date) -> str:
        """Return a range of days without repeating what both have in common: `21–22 November 2026`."""
        if start == end:
            return self.day(start)
        if not self._has_words or start.year != end.year:
            return f"{self.day(start)} – {self.day(end)}"
        months = {"month": self._month(start), "last_month": self._month(end)}
        parts = {"first": start.day, "last": end.day, "year": start.year, **months}
        if start.month != end.month:
            return self.pgettext("period", "{first} {month} – {last} {last_month} {year}", **parts)
        return self.pgettext("period", "{first}–{last} {month} {year}", **parts)

    def number(self, value: int) -> str:
        """Return a count with the digit groups of the language; with blanks that do not break where they are not known."""
        # A comma is the decimal sign in most languages; a space between groups is read everywhere (ISO 80000-1).
        sign = self.pgettext("digit groups", ",") if self._has_words else "\u00a0"
        sign = _REGIONAL_GROUPS.get(self.language.lower(), sign)
        # CLDR, minimumGroupingDigits: Spanish groups numbers of five digits and more.
        fewest = int(self.pgettext("digit groups, fewest digits", "4")) if self._has_words else 4
        return f"{value:,}".replace(",", sign) if len(str(abs(value))) >= fewest else str(value)

    def percent(self, share: float) -> str:
        """Return a share of 1 in whole percent."""
        return self.pgettext("number", "{number}%", number=f"{share * 100:.0f}")

    def label(self, name: str) -> str:
        """Return the name of a field before its value: `Severity:`."""
        return self.pgettext("before a value", "{name}:", name=name)

    def join(self, parts: list[str] | tuple[str, ...]) -> str:
        """Return a list within a sentence: `a, b, c`."""
        return self.pgettext("between the parts of a list", ", ").join(parts)

    def is_foreign(self, message: str) -> bool:
        """Return True for a message, or a value in words, that is printed in English in a report of another language."""
        if self._has_words or message in self.words or message in self.status_words or message in self.severity_words:
            return False
        # The names of a scale may be the engagement's own, and then they are in the report's language.
        return isinstance(message, Enum) or message.replace("_", " ") in list_messages()

    def _month(self, value: date) -> str:
        return self.pgettext("month", MONTHS[value.month - 1])

    @property
    def _catalogue(self) -> catalogues.NullTranslations:
        return load_catalogue(self.language) or _ENGLISH

    @property
    def _has_words(self) -> bool:
        return self.language.lower().split("-")[0] == "en" or load_catalogue(self.language) is not None


_ENGLISH: Final = catalogues.NullTranslations()

ENGLISH: Final = Translation()
"""The program's own words, English."""


def fill(text: str, values: Mapping[str, object]) -> str:
    """Return `text` with each `{name}` that has a value replaced; nothing else in braces means anything."""
    if not values:
        return text
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]) if match[1] in values else match[0], text)


def placeholders(text: str) -> frozenset[str]:
    """Return the names of the placeholders of a message."""
    return frozenset(_PLACEHOLDER.findall(text))


@cache
def load_catalogue(language: str) -> catalogues.GNUTranslations | None:
    """Return the catalogue of a language by its BCP 47 tag; None if there is none."""
    first, *others = language.lower().split("-")
    name = f"zh-{'hant' if _TRADITIONAL & set(others) else 'hans'}" if first == "zh" else first
    content = _compile_catalogue(name)
    return catalogues.GNUTranslations(BytesIO(content)) if content is not None else None


@cache
def _compile_catalogue(name: str) -> bytes | None:
    """Return the catalogue `name` as a .mo file; None if there is none."""
    source, compiled = CATALOGUES / f"{name}.po", CATALOGUES / f"{name}.mo"
    if compiled.is_file() and not (source.is_file() and source.stat().st_mtime > compiled.stat().st_mtime):
        return compiled.read_bytes()
    if not source.is_file():
        return None
    # In a checkout, where somebody works on the catalogue; the wheel has the compiled one only.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    buffer = BytesIO()
    write_mo(buffer, read_po(BytesIO(source.read_bytes())))
    return buffer.getvalue()


@cache
def list_messages() -> frozenset[str]:
    """Return every message of the reports, singular and plural, without contexts; none if no catalogue is installed.

    Python's reader drops the plural. Source: GNU gettext manual, 10.3, The Format of GNU MO Files.
    """
    content = _compile_catalogue("de")
    if content is None:
        return frozenset()
    count, table = struct.unpack_from("<II", content, 8)
    places = (struct.unpack_from("<II", content, table + 8 * index) for index in range(count))
    ids = (content[start : start + length].decode().rpartition("\x04")[2] for length, start in places)
    return frozenset(form for id in ids for form in id.split("\0") if form)
