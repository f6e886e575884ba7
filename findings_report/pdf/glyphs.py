"""The fonts of a PDF, and text that they can print.

Every other character has a visible stand-in, `[U+1F600]`; long words get places to break.

A character cannot be printed if no bundled font has it, or if it hides or reorders others: a reader of a report has to
see what is there. Exceptions: white space, characters that only allow or forbid a line break, and joiners, selectors of a shape
and tags of flags, which are left in a text only where they mean something (`safe_text.find_hidden`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from findings_report import sandbox
from findings_report.problems.safe_text import HIDDEN

if TYPE_CHECKING:
    from findings_report.model.report import ReportedFont


FONTS: Final = Path(__file__).resolve().parents[1] / "fonts"
"""The folder of the bundled fonts."""

COVERAGE: Final = FONTS / "coverage.txt"
"""Ranges of the code points in the bundled fonts, and SHARED; written by tools/font_coverage.py."""

SHARED: Final = "shared"
"""First word of the line with the code points whose glyph, in one of the fonts, is another character's as well.

A PDF has one text for a glyph: beside \u0394 (a letter), \u2206 (a sign) would be searched and copied as that letter.
"""

_UNSHARED: Final = "'DejaVu Sans Mono', 'DejaVu Sans'"
"""Fonts in which each character has a glyph of its own."""

_ALWAYS_PRINTABLE: Final = frozenset("\t\n\r\f\u00ad\u034f\u200b\u200c\u200d\u2060") | {
    chr(point)
    for start, end in ((0x180B, 0x1810), (0xFE00, 0xFE10), (0xE0020, 0xE0080), (0xE0100, 0xE01F0))
    for point in range(start, end)
}
_SELECTOR: Final = "[\ufe00-\ufe0f\U000e0020-\U000e007f]*+"
_MARKUP: Final = r"(?is:<style\b.*?</style\s*>|<title\b.*?</title\s*>|<!--.*?-->)|(?P<tag><[^<>]*+>)"
_DATA: Final = re.compile(r"""(?<=\sdata-)[a-z-]+=(?:"[^"]*"|'[^']*')""")

# Layout of a line without a place to break is quadratic in its length. Text is broken after each _STEP characters, up
# to 50 more to find a character that no accent or joiner follows, once it is longer than _LONGEST.
_STEP: Final = 200
_LONGEST: Final = 400
# East Asian scripts are not counted: they break between any two characters, but not before every sign.
_UNBROKEN: Final = (
    r"[^ \t\n\r\f<>&\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_UNIT: Final = rf"(?:{_UNBROKEN}|&#?\w{{1,31}};)"
_START: Final = rf"(?<!{_UNBROKEN})"  # no run is tried from its middle
_PIECE: Final = re.compile(rf"{_UNIT}{{{_STEP},{_STEP + 50}}}?(?![\u0300-\u036f\u200d\ufe00-\ufe0f])(?={_UNIT})")
_NOT_TEXT: Final = r"(?is:<style\b.*?</style\s*>|<title\b.*?</title\s*>|<!--.*?-->|<[^<>]*+>)"
_RUNS: Final = re.compile(rf"{_NOT_TEXT}|(?P<run>{_START}{_UNIT}{{{_LONGEST},}})")
# Every run is within such a word, and a word is found in half the time of a run.
_WORD: Final = re.compile(rf"(?<![^ \t\n\r\f<>])[^ \t\n\r\f<>]{{{_LONGEST}}}")


def printable_html(html: str, others: AbstractSet[str] = frozenset()) -> tuple[str, tuple[str, ...]]:
    """Return a page with stand-ins and places to break, and the characters that have a stand-in.

    `others` are characters that fonts beside the bundled ones have.
    """
    html, replaced = substitute_missing(html, others)
    return add_line_breaks(html), replaced


def missing_characters(text: str, others: AbstractSet[str] = frozenset()) -> tuple[str, ...]:
    """Return the characters of a text that cannot be printed, each once, ascending. `others` as in `printable_html`."""
    characters = set(text) - _ALWAYS_PRINTABLE
    covered = _covered()
    absent = (character for character in characters if ord(character) not in covered and character not in others)
    return tuple(sorted({*absent, *(character for character in characters if HIDDEN.match(character))}))


def missing_by_script(text: str, others: AbstractSet[str] = frozenset()) -> dict[str, tuple[str, ...]]:
    """Return the characters of a text that cannot be printed by their script, in the order of the text."""
    absent = frozenset(missing_characters(text, others))
    groups: dict[str, tuple[str, ...]] = {}
    for character in dict.fromkeys(text) if absent else ():
        if character in absent:
            script = script_of(character)
            groups[script] = (*groups.get(script, ()), character)
    return groups


def script_of(character: str) -> str:
    """Return the script of a character as a reader names it: the one that a font would have to cover.

    Python has no table of scripts: the name of a letter begins with its script (Unicode 15, section 4.8).
    """
    category = unicodedata.category(character)
    word = unicodedata.name(character, "").partition(" ")[0]
    if category in ("Co", "Cn"):
        return "private use" if category == "Co" else "unassigned"
    if word == "HANGUL":
        return "Korean"
    # Fonts cover Han, kana and their punctuation together, and a text mixes them.
    if word in _EAST_ASIAN or _EAST_ASIAN_FORMS.match(character):
        return "Chinese or Japanese"
    if category[0] in "LMN":
        return word.capitalize()
    return "symbols"


_EAST_ASIAN: Final = frozenset({"BOPOMOFO", "CJK", "HIRAGANA", "IDEOGRAPHIC", "KATAKANA", "KATAKANA-HIRAGANA"})
_EAST_ASIAN_FORMS: Final = re.compile("[\u3000-\u303f\uff00-\uffef]")


def substitute_missing(html: str, others: AbstractSet[str] = frozenset()) -> tuple[str, tuple[str, ...]]:
    """Return a page with a stand-in for every character of its text that cannot be printed, and these characters, ascending.

    Tags, comments, `<style>` and `<title>` stay unchanged: a stand-in would change their meaning. Values of `data-`
    attributes count as text: only a style reads them, and prints them.
    """
    # One pass over the set of characters is fast; the expression that replaces them is built for these alone.
    absent = missing_characters(html, others)
    shared = () if html.isascii() else tuple(sorted(_sharing() & set(html)))
    if not absent and not shared:
        return html, ()
    replaced: set[str] = set()
    characters = re.compile(f"(?P<character>[{''.join(map(re.escape, (*absent, *shared)))}]){_SELECTOR}")

    def stand_in(match: re.Match[str]) -> str:
        if match["character"] in shared:
            return match[0]
        replaced.add(match["character"])
        return f"[U+{ord(match['character']):04X}]"

    def substitute(match: re.Match[str]) -> str:
        if match["character"] in shared:
            return f'<span style="font-family: {_UNSHARED}">{match[0]}</span>'
        if match["character"] is not None:
            return stand_in(match)
        return _DATA.sub(lambda data: characters.sub(stand_in, data[0]), match[0]) if match["tag"] else match[0]

    return re.sub(f"{_MARKUP}|{characters.pattern}", substitute, html), tuple(sorted(replaced))


def add_line_breaks(html: str) -> str:
    """Return a page with a place to break at least every few hundred characters of its text; nothing else is changed.

    `<wbr>` leaves nothing in copied text, unlike a zero-width space.
    """
    if _WORD.search(html) is None:
        return html
    return _RUNS.sub(lambda match: match[0] if match["run"] is None else _PIECE.sub(r"\g<0><wbr>", match["run"]), html)


@cache
def _covered() -> frozenset[int]:
    ranges = (line.split("-") for line in COVERAGE.read_text(encoding="ascii").splitlines() if re.match("[0-9A-F]+-", line))
    return frozenset(point for start, end in ranges for point in range(int(start, 16), int(end, 16) + 1))


@cache
def _sharing() -> frozenset[str]:
    lines = COVERAGE.read_text(encoding="ascii").splitlines()
    points = next(line for line in lines if line.startswith(SHARED)).split(" ")[1:]
    return frozenset(chr(int(point, 16)) for point in points)


FONT_WORKER: Final = "findings_report.pdf.font_worker"
"""The module that the confined child runs."""

_CONFIGURATION: Final = Path(__file__).resolve().parent
_WEIGHTS: Final = {100: 0, 200: 40, 300: 50, 400: 80, 500: 100, 600: 180, 700: 200, 800: 205, 900: 210}
"""Fontconfig's number of each weight of CSS. Source: fontconfig.h."""
_REPLACED: Final = {"Inter": "Inter-*", "JetBrains Mono": "JetBrainsMono-*"}
"""The program's families for text and for code, and their files: a font of that family takes their place."""
_OWN: Final = "fonts of the engagement"
"""A second name of the engagement's fonts, by which they are tried after the program's."""
_LIMITS: Final = sandbox.Limits(cpu_seconds=60, memory_bytes=2 * 2**30, file_bytes=0, wall_seconds=300, output_bytes=2**20)


@dataclass(frozen=True)
class FontSet:
    """Fonts that a confined child can use."""

    environment: Mapping[str, str]
    """Variables by which Fontconfig finds them, and by which a worker knows what it has to be allowed to read."""
    key: str = ""
    """Distinguishes the fonts of two engagements in a cache; empty for the program's own."""
    is_plain: bool = True
    """True if there are only the program's own fonts, whose outlines can be joined from segments."""
    is_repeatable: bool = True
    """False if there are fonts of the machine: nothing is cached then."""

    def find_others(self, text: str) -> frozenset[str]:
        """Return the characters of a text that the program's own fonts do not have, and others of the set do."""
        unknown = missing_characters(text)
        if self.is_plain or not unknown:
            return frozenset()
        reply = sandbox.run(FONT_WORKER, {"characters": "".join(unknown)}, {}, limits=_LIMITS, environment=self.environment)
        absent = reply.response.get("missing")
        return frozenset(unknown) - frozenset(absent if isinstance(absent, str) else unknown)

    def find_broken(self, fonts: Sequence[ReportedFont]) -> tuple[int, ...]:
        """Return the positions of the engagement's fonts that no font library can read."""
        if not fonts:
            return ()
        files = [_file_name(index, font) for index, font in enumerate(fonts)]
        reply = sandbox.run(FONT_WORKER, {"files": files}, {}, limits=_LIMITS, environment=self.environment)
        broken = reply.response.get("broken")
        return tuple(index for index, file in enumerate(files) if not isinstance(broken, list) or file in broken)


@contextlib.contextmanager
def open_fonts(fonts: Sequence[ReportedFont] = (), *, system: bool = False) -> Iterator[FontSet]:
    """Open the program's fonts with those of an engagement, and with `system` those of the machine."""
    count = sum(file.suffix in {".otf", ".ttf"} for file in FONTS.iterdir())
    if not fonts:
        file = "fonts-system.conf" if system else "fonts.conf"
        bundled = {"FONTCONFIG_PATH": str(_CONFIGURATION), "FONTCONFIG_FILE": file, "BUNDLED_FONTS": str(count)}
        yield FontSet(bundled, "", is_plain=not system, is_repeatable=not system)
        return
    with tempfile.TemporaryDirectory(prefix="findings-report-fonts-") as name:
        folder = Path(name)
        for index, font in enumerate(fonts):
            (folder / _file_name(index, font)).write_bytes(font.content)
        (folder / "fonts.conf").write_text(_configure(folder, fonts, system=system), encoding="utf-8")
        environment = {"FONTCONFIG_PATH": name, "FONTCONFIG_FILE": str(folder / "fonts.conf"), "OWN_FONTS": name}
        if system:
            environment["SYSTEM_FONTS"] = "1"
        described = json.dumps([font.model_dump(mode="json") for font in fonts])
        key = hashlib.sha256(described.encode()).hexdigest()
        yield FontSet(environment, key, is_plain=False, is_repeatable=not system)


def _file_name(index: int, font: ReportedFont) -> str:
    return f"{index:03}{Path(font.file).suffix.lower()}"


def _configure(folder: Path, fonts: Sequence[ReportedFont], *, system: bool) -> str:
    """Return a configuration of Fontconfig in which each font has the family, weight and style that the engagement gives it."""
    families = [font.family for font in fonts if font.family is not None]
    lines = [
        '<?xml version="1.0"?>',
        '<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">',
        "<fontconfig>",
        f"<dir>{escape(str(folder))}</dir>",
        f"<dir>{escape(str(FONTS))}</dir>",
    ]
    for family, pattern in _REPLACED.items():
        if family in families:
            lines.append(f"<selectfont><rejectfont><glob>{escape(str(FONTS))}/{pattern}</glob></rejectfont></selectfont>")
    for index, font in enumerate(fonts):
        file, edits = escape(str(folder / _file_name(index, font))), "".join(_edit(font))
        lines.append(f'<match target="scan"><test name="file"><string>{file}</string></test>{edits}</match>')
    # Each rule puts its family right after the program's: the last one is tried first.
    lines.append(f"<include>{escape(str(_CONFIGURATION / 'families.conf'))}</include>")
    accepted = f"<accept><family>{_OWN}</family></accept>"
    lines += (f'<alias binding="same"><family>{family}</family>{accepted}</alias>' for family in _REPLACED)
    lines.append(f"<include>{escape(str(_CONFIGURATION / 'scripts.conf'))}</include>")
    if system:
        lines.append('<include ignore_missing="yes">/etc/fonts/fonts.conf</include>')
        lines.append(f"<include>{escape(str(_CONFIGURATION / 'synthetic.conf'))}</include>")
    return "\n".join([*lines, "</fontconfig>\n"])


def _edit(font: ReportedFont) -> Iterable[str]:
    if font.family is not None:
        yield f'<edit name="family" mode="assign"><string>{escape(font.family)}</string></edit>'
    if font.family not in _REPLACED:
        yield f'<edit name="family" mode="append"><string>{_OWN}</string></edit>'
    if font.weight is not None:
        yield f'<edit name="weight" mode="assign"><int>{_WEIGHTS[font.weight]}</int></edit>'
    if font.style is not None:
        yield f'<edit name="slant" mode="assign"><int>{100 if font.style == "italic" else 0}</int></edit>'
