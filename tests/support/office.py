"""LibreOffice, which opens what is made for Word and Excel. Tests that need it are skipped, and listed, where there is none."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree


def convert(path: Path, suffix: str) -> Path:
    """Return the file beside `path` that LibreOffice makes of it. Skips the test without LibreOffice."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed: apt-get install libreoffice-writer libreoffice-calc")
    # A profile of its own: another process would hold the lock of the usual one.
    profile = path.parent / "profile"
    subprocess.run(
        [program, f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", suffix, path.name],
        cwd=path.parent,
        env={"HOME": str(path.parent), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
        timeout=120,
    )
    made = path.with_suffix(f".{suffix}")
    assert made.exists(), f"LibreOffice does not read {path.name}"
    return made


def read_text(content: bytes) -> str:
    """Return the text of a document of Word: paragraphs, a line each, notes behind that of their mark; then feet and heads."""
    word = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    signs = {f"{word}br": "\n", f"{word}tab": "\t"}
    notes: dict[str, list[str]] = {}

    def lines(root: etree._Element) -> Iterator[str]:
        for paragraph in root.iter(f"{word}p"):
            runs = [element for run in paragraph.iter(f"{word}r") for element in run]
            yield "".join(element.text or "" if element.tag == f"{word}t" else signs.get(element.tag, "") for element in runs)
            for mark in paragraph.iter(f"{word}footnoteReference"):
                yield from notes[mark.attrib[f"{word}id"]]

    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        if "word/footnotes.xml" in parts.namelist():
            notes = {note.attrib[f"{word}id"]: list(lines(note)) for note in etree.fromstring(parts.read("word/footnotes.xml"))}
        names = [name for name in parts.namelist() if re.match(r"word/(header|footer)\d*\.xml", name)]
        return "\n".join(
            line for name in ("word/document.xml", *sorted(names)) for line in lines(etree.fromstring(parts.read(name)))
        )
