"""The fonts of a PDF: those of the program, those that the engagement names, and, where it wants them, those of the machine.

Which characters the program's own fonts have is known from a table. Other font files are opened by a confined child alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from findings_report import sandbox
from findings_report.pdf.glyphs import FONTS, missing_characters

if TYPE_CHECKING:
    from findings_report.model.report import ReportedFont

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
