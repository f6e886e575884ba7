"""Fonts within a page of HTML, the program's and the engagement's: the PDF and the page have the same faces, and the page asks
for nothing.

Only faces that the page uses are embedded, with its characters and those that nearly all pages have.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from findings_report import sandbox
from findings_report.model.report import ReportedFont
from findings_report.pdf.glyphs import FONT_WORKER, missing_characters
from findings_report.problems import Kind, Problem
from findings_report.system.cache import FileCache
from findings_report.system.toolchain import toolchain_digest

POLICY_MARK: Final = b"'sha256-FONTS'"
"""What a template writes for the digest of the fonts' style sheet, in the content security policy."""

STYLE_MARK: Final = b"<style>/*FONTS*/</style>"
"""What a template writes for the style sheet of the fonts. Authored text cannot hold it: its `<` is escaped."""

_FOLDER: Final = Path(__file__).parents[1] / "fonts"
_PROGRAMS: Final = ("Inter", "JetBrains Mono")
"""The program's families for text and for code: a font of that family takes their place."""

ALWAYS: Final = (
    "".join(map(chr, range(0x20, 0x7F)))
    + "\u00b7\u00d7\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u2191\u2192\u2212\u25b2\u25bc\u2630\u2713"
)
"""Characters that are always embedded. Most pages have nearly all of them: then they share their fonts, which take longer
to make than all the rest of a short page."""


class _Face(NamedTuple):
    family: str
    file: str
    weight: str
    style: str
    is_used: Callable[[bytes], bool]


def _always(_: bytes) -> bool:
    return True


def _has_bold_italic(page: bytes) -> bool:
    return b"<strong><em>" in page or b"<em><strong>" in page


_FACES: Final = (
    _Face("Inter", "Inter-Regular.otf", "400", "normal", _always),
    _Face("Inter", "Inter-SemiBold.otf", "600", "normal", _always),
    _Face("Inter", "Inter-Italic.otf", "400", "italic", lambda page: b"<em>" in page),
    _Face("Inter", "Inter-SemiBoldItalic.otf", "600", "italic", _has_bold_italic),
    _Face("JetBrains Mono", "JetBrainsMono-Regular.ttf", "400", "normal", lambda page: b"<code" in page),
    _Face("JetBrains Mono", "JetBrainsMono-Bold.ttf", "700", "normal", lambda page: b"<code" in page),
    _Face("JetBrains Mono", "JetBrainsMono-Italic.ttf", "400", "italic", lambda page: b'<span class="c">' in page),
)

_LATER: Final = {
    "--sans": 'system-ui,"Segoe UI","Noto Sans",sans-serif',
    "--mono": 'ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace',
}
"""Families that follow those of the page."""

_SCRIPTS: Final = {"ja": "JP", "ko": "KR", "zh": "SC", "zh-hans": "SC", "zh-cn": "SC", "zh-sg": "SC"} | dict.fromkeys(
    ("zh-hant", "zh-tw", "zh-hk", "zh-mo"), "TC"
)
"""What the families of a collection of fonts end with, by the language of the report."""
_LIMITS: Final = sandbox.Limits(cpu_seconds=120, memory_bytes=3 * 2**30, file_bytes=0, wall_seconds=600, output_bytes=2**25)
_ENVIRONMENT: Final = {"FONTCONFIG_FILE": "fonts.conf"}


def embed_fonts(
    page: bytes, entries: FileCache | None = None, fonts: Sequence[ReportedFont] = (), language: str = "en"
) -> tuple[bytes, tuple[Problem, ...]]:
    """Return a page with the fonts that it uses in place of the two marks, and a note for each of the engagement's `fonts` that
    cannot be in it; unchanged without the marks.

    `entries` caches the style sheet. The same page gives the same bytes, for the same version of fontTools and Brotli.
    """
    if POLICY_MARK not in page or STYLE_MARK not in page:
        return page, ()
    characters = "".join(sorted({*ALWAYS, *page.decode()}))
    faces = tuple(face for face in _FACES if face.is_used(page))
    style, problems = _cached_style(characters, faces, [font for font in fonts if font.content], language, entries)
    digest = base64.b64encode(hashlib.sha256(style).digest())
    page = page.replace(POLICY_MARK, b"'sha256-" + digest + b"'", 1).replace(STYLE_MARK, b"<style>" + style + b"</style>", 1)
    return page, problems


def _cached_style(
    characters: str, faces: tuple[_Face, ...], fonts: Sequence[ReportedFont], language: str, entries: FileCache | None
) -> tuple[bytes, tuple[Problem, ...]]:
    if entries is None:
        return _write_style(characters, faces, fonts, language)
    names = " ".join([*(face.file for face in faces), *(font.model_dump_json() for font in fonts)])
    key = hashlib.sha256(f"{toolchain_digest()} web fonts {language} {names}\n{characters}".encode()).hexdigest()
    if (known := entries.get(key)) is not None:
        return known, ()
    style, problems = _write_style(characters, faces, fonts, language)
    if not problems:
        entries.put(key, style)
    return style, problems


def _write_style(
    characters: str, faces: tuple[_Face, ...], fonts: Sequence[ReportedFont], language: str
) -> tuple[bytes, tuple[Problem, ...]]:
    own = [(font, _subset_own(font, characters, language)) for font in fonts]
    replaced = {font.family for font, face in own if face.content and font.family in _PROGRAMS}
    rules = [
        _write_rule(face.family, face.weight, face.style, _subset(face.file, characters))
        for face in faces
        if face.family not in replaced
    ]
    rules += [_write_rule(face.family, str(face.weight), face.style, face.content) for _, face in own if face.content]
    others = dict.fromkeys(face.family for _, face in own if face.content and face.family not in _PROGRAMS)
    families = {
        name: ",".join([f'"{first}"', *(f'"{_escape(family)}"' for family in others), _LATER[name]])
        for name, first in (("--sans", "Inter"), ("--mono", "JetBrains Mono"))
    }
    rules.append(f":root{{{';'.join(f'{name}:{value}' for name, value in families.items())}}}")
    remedy = "name another font for the HTML, or build the PDF alone"
    problems = [
        _note(f"the HTML is without this font: {face.fault}", remedy, index)
        for index, (_, face) in enumerate(own)
        if face.fault
    ]
    return "".join(rules).encode(), tuple(problems)


def _note(fault: str, remedy: str, index: int) -> Problem:
    subject = ("engagement", "fonts", index, "file")
    return Problem(Kind.OUTPUT, fault, remedy, subject=subject, level="note", code="font-left-out")


def _write_rule(family: str, weight: str, style: str, content: bytes) -> str:
    source = f"url(data:font/woff2;base64,{base64.b64encode(content).decode()})"
    return f'@font-face{{font-family:"{_escape(family)}";font-weight:{weight};font-style:{style};src:{source}}}'


def _escape(family: str) -> str:
    """Return the name of a family for a string in a style sheet."""
    return "".join(sign if sign.isalnum() or sign in " -_" else f"\\{ord(sign):x} " for sign in family)


class _OwnFace(NamedTuple):
    """A font of the engagement within the page."""

    family: str = ""
    weight: int = 400
    style: str = "normal"
    content: bytes = b""
    """Empty if the page has none of its characters, or may not have it."""
    fault: str = ""
    """Why the page may not have it."""


# A PDF and a page of the same engagement, and editions of one, are made by one process.
@lru_cache(maxsize=8)
def _subset_own(font: ReportedFont, characters: str, language: str) -> _OwnFace:
    """Return the part of a font that the page needs: what the program's fonts do not have, or all where it replaces them.

    The file is opened by a confined child, as for the PDF.
    """
    wanted = characters if font.family in _PROGRAMS else "".join(missing_characters(characters))
    if not wanted:
        return _OwnFace()
    tag = language.lower()
    request = {"subset": wanted, "script": _SCRIPTS.get(tag) or _SCRIPTS.get(tag.split("-")[0], "")}
    reply = sandbox.run(FONT_WORKER, request, {"font": font.content}, limits=_LIMITS, environment=_ENVIRONMENT)
    answer = reply.response
    if "face" not in reply.blobs:
        return _OwnFace(fault=str(answer.get("fault", "")))
    family = font.family or str(answer["family"]) or "own"
    style = "italic" if (font.style or answer["style"]) == "italic" else "normal"
    return _OwnFace(family, font.weight or int(str(answer["weight"])), style, reply.blobs["face"])


# Pages of one process, such as those of several audiences or a preview, mostly have the same characters.
@lru_cache(maxsize=32)
def _subset(file: str, characters: str) -> bytes:
    """Return one of the program's fonts with these characters only."""
    from findings_report.pdf.font_worker import write_subset

    return write_subset((_FOLDER / file).read_bytes(), characters)
