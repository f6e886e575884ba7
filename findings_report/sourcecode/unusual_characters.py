"""Lines of code that are not what they seem: hidden characters, text from right to left, lookalike letters, blanks. Pure.

Source: Unicode Technical Standard 39 (confusables, mixed scripts); CVE-2021-42574 and CVE-2021-42694 ("Trojan Source").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from findings_report.model.translation import ENGLISH, Translation
from findings_report.problems.safe_text import PROPERTIES_OF, find_hidden, read_lookalikes

_MOST_NAMED: Final = 5  # characters or names in one remark
_IDENTIFIER: Final = re.compile(r"(?<!\w)[^\W\d]\w*+")
_PARTS: Final = re.compile(r"[^\W\d_]++")  # of an identifier, between digits and underscores
# How mathematics is written: one Greek letter, alone or with a short index, behind a sign of change or not.
_MATHEMATICAL: Final = re.compile(r"[dD\u0394\u2202\u2207]?[\u03b1-\u03be\u03c0-\u03c9][A-Za-z]{0,3}\Z")
_LATIN: Final = re.compile(r"[A-Za-z]")
_ENCLOSED: Final = re.compile(r"[A-Za-z][^\x00-\x7f][A-Za-z]")


class Remark(NamedTuple):
    """Lines with unusual characters of one kind."""

    kind: str
    """hidden, order, lookalike or blank."""
    lines: tuple[int | None, ...]
    """Their numbers, ascending; None for a line without a number."""
    named: tuple[str, ...]
    """The characters as `U+202E`, in order; for lookalike the identifiers, hidden characters shown."""


def has_right_to_left(text: str) -> bool:
    """Return True if a letter or digit of the text is written from right to left: it would reorder what is around it."""
    return not text.isascii() and any("right_to_left" in PROPERTIES_OF[character] for character in set(text))


def split_by_direction(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text, and whether each is written from right to left; blanks and signs go with what is around."""
    if not has_right_to_left(text):
        yield text, False
        return
    # Digits are written from left to right in every script, and end no word.
    kinds = [
        True if "right_to_left" in PROPERTIES_OF[character] else False if character.isalnum() else None for character in text
    ]
    # From behind, in one pass: a text of blanks takes no time by its square. A sign at the end belongs to what it ends.
    follows: list[bool | None] = [None]
    for kind in reversed(kinds):
        follows.append(follows[-1] if kind is None else kind)
    before, start, shown = False, 0, list[bool]()
    for kind, after in zip(kinds, reversed(follows[:-1]), strict=True):
        before = (before and after is not False) if kind is None else kind
        shown.append(before)
    for is_reversed, group in groupby(shown):
        length = len(list(group))
        yield text[start : start + length], is_reversed
        start += length


def has_stacked_marks(text: str) -> bool:
    """Return True if a letter has several marks above or below it: they may be drawn over the lines around."""
    if text.isascii():
        return False
    marks = {character for character in set(text) if "stacking" in PROPERTIES_OF[character]}
    return any(one in marks and other in marks for one, other in pairwise(text)) if marks else False


def remark_on(lines: Sequence[tuple[int | None, str]]) -> tuple[Remark, ...]:
    """Return what is unusual about lines of code, given with their numbers. Most code has nothing and costs nothing."""
    unusual = [(number, text) for number, text in lines if not text.isascii() or find_hidden(text)]
    if not unusual:
        return ()
    identifiers = {match[0] for _, text in lines for match in _IDENTIFIER.finditer(text) if match[0].isascii()}
    kinds: Mapping[str, Callable[[str], Iterable[str]]] = {
        # A form feed divides pages of old sources.
        "hidden": lambda text: (_name(text[place]) for place in find_hidden(text) if text[place] != "\f"),
        "order": lambda text: ("",) if has_right_to_left(text) else (),
        "lookalike": lambda text: find_lookalikes(text, identifiers),
        "blank": lambda text: (_name(blank) for blank in text if blank > "\x7f" and unicodedata.category(blank) == "Zs"),
    }
    remarks = []
    for kind, find in kinds.items():
        named = {index: tuple(find(text)) for index, (_, text) in enumerate(unusual)}
        if any(named.values()):
            numbers = tuple(dict.fromkeys(unusual[index][0] for index, names in named.items() if names))
            remarks.append(Remark(kind, numbers, tuple(dict.fromkeys(name for names in named.values() for name in names))))
    return tuple(remarks)


def describe(remark: Remark, translation: Translation, *, is_ordered: bool) -> str:
    """Return a remark as the sentence under a figure. `is_ordered` is False where the reader's program orders the text."""
    _ = translation.gettext
    known = [str(number) for number in remark.lines if number is not None]
    match remark.kind:
        case "hidden":
            text = _("Characters that are shown by their codes: {names}.", names=name(remark, translation))
        case "order" if is_ordered:
            text = _("Right-to-left text, shown in logical order.")
        case "order":
            text = _("Right-to-left text; a viewer may show parts of it in another order.")
        case "lookalike":
            text = _("Letters that look like others: {names}.", names=name(remark, translation))
        case _:
            text = _("Unusual blanks: {names}.", names=name(remark, translation))
    if not known:
        return text
    lines = translation.join(known)
    return translation.ngettext("Line {lines}: {text}", "Lines {lines}: {text}", len(known), lines=lines, text=text)


def name(remark: Remark, translation: Translation = ENGLISH) -> str:
    """Return the first characters or identifiers of a remark, and how many others there are."""
    others, names = len(remark.named) - _MOST_NAMED, ", ".join(remark.named[:_MOST_NAMED])
    return translation.gettext("{names} and {count} others", names=names, count=others) if others > 0 else names


def find_lookalikes(text: str, identifiers: Iterable[str] = ()) -> list[str]:
    """Return the identifiers of a line that can be taken for another, with the letters that are not what they seem.

    A part of such an identifier mixes Latin letters with others that look like Latin ones, or it looks as a whole like one of
    `identifiers`. Words of one script, and Greek letters as mathematics has them, are none.
    """
    if text.isascii():
        return []
    seen = {_fold(identifier) for identifier in identifiers if len(identifier) > 1}
    return [
        f"{identifier} ({', '.join(dict.fromkeys(strange))})"
        for identifier in dict.fromkeys(_IDENTIFIER.findall(text))
        if not identifier.isascii() and (strange := _find_strange(identifier, seen))
    ]


def _find_strange(identifier: str, seen: Container[str]) -> list[str]:
    looks = [(letter, _look(letter)) for letter in identifier]
    strange = [_name(letter) for letter, look in looks if look is not None]
    plain = "".join(look or letter for letter, look in looks)
    if strange and plain.isascii() and _fold(plain) in seen:
        return strange
    return [_name(letter) for part in _PARTS.findall(identifier) for letter in _find_in_part(part)]


def _find_in_part(part: str) -> list[str]:
    """Return the letters of a part that pose as Latin among Latin ones."""
    if part.isascii() or _LATIN.search(part) is None or _MATHEMATICAL.match(part):
        return []
    others = [letter for letter in part if not letter.isascii() and not _is_latin(letter)]
    is_read_as_latin = all(_look(letter) is not None for letter in others)
    # `JSONа` is read as Latin, `JSONом` is not; a single other letter between Latin ones is no word either.
    is_enclosed = len(others) == 1 and _ENCLOSED.search(part) is not None and _script(others[0]) in ("CYRILLIC", "GREEK")
    return others if is_read_as_latin or is_enclosed else []


def _look(letter: str) -> str | None:
    """Return the ASCII letter or digit that another letter looks like; None if there is none."""
    # Nobody takes `nº` for `no`.
    if letter.isascii() or unicodedata.decomposition(letter).startswith(("<super>", "<sub>")):
        return None
    normal = unicodedata.normalize("NFKC", letter)
    return normal if normal.isascii() and normal.isalnum() and len(normal) == 1 else _lookalikes().get(letter)


@cache
def _lookalikes() -> Mapping[str, str]:
    return read_lookalikes()


def _fold(identifier: str) -> str:
    """Return an identifier without the differences between ASCII characters that look alike."""
    return identifier.translate({ord("I"): "l", ord("1"): "l", ord("0"): "O"})


def _script(letter: str) -> str:
    # Python has no table of scripts: the name of a letter begins with its script.
    return unicodedata.name(letter, "").partition(" ")[0]


def _is_latin(letter: str) -> bool:
    return _script(letter) == "LATIN" and unicodedata.normalize("NFKC", letter) == letter


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"
