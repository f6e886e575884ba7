"""A page that is to become a PDF, and the form in which it travels to a confined worker.

Both sides import this module: the main program, which has neither WeasyPrint nor pikepdf, and the workers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import quote

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible
from findings_report.sandbox import ChildReply, Limits

PICTURE_SCHEME: Final = "fr-asset:"
"""Scheme of the address by which a page names one of its pictures: `fr-asset:NAME`."""

Pictures = Mapping[str, tuple[str, bytes]]
"""Pictures by name: media type, image/png or image/jpeg, and content."""
Message = dict[str, object]
"""JSON object of a request."""
Blobs = dict[str, bytes]
"""Named bytes of a request."""

_PICTURE: Final = re.compile(rf"{PICTURE_SCHEME}([A-Za-z0-9_.~%/-]+)")
_MAGIC: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_MIB: Final = 2**20
_MOST_MEMORY: Final = 2048 * _MIB
"""Memory for the text of a page, however long it is: 260,000 marks of direction took 5.5 GB where more was allowed."""


@dataclass(frozen=True)
class EmbeddedFile:
    """The file that a PDF contains: the data that all of its pages were rendered from."""

    name: str
    """File name, `report.json` or `comparison.json`."""
    content: bytes
    """The file, UTF-8 JSON."""
    day: date | None
    """The date of the document; None if it has none."""


@dataclass(frozen=True)
class PdfPage:
    """A self-contained page of HTML: its style is in a `<style>`, and nothing is fetched from anywhere."""

    html: str
    """The page. Title and language of the PDF are those of the page; no date is written."""
    pictures: Pictures
    """All pictures that the page may name."""
    embedded_file: EmbeddedFile | None
    """The file that the PDF contains; None for none."""


@dataclass(frozen=True)
class PageLayout:
    """A PDF, and what the workers that laid it out replied."""

    content: bytes
    """The PDF; empty if a worker was asked for something that is not part of the page."""
    replies: Sequence[ChildReply]
    """One for the whole page, or one for each segment."""
    problems: tuple[Problem, ...] = ()
    """What is to be reported besides the replies."""


def check_pictures(pictures: Pictures) -> None:
    """Raise FindingsReportError (OUTPUT) for pictures that are not PNG or JPEG.

    Checked by content, because WeasyPrint goes by content, too, and would draw an SVG whose media type says PNG.
    """
    wrong = [name for name, (kind, content) in pictures.items() if kind not in _MAGIC or not content.startswith(_MAGIC[kind])]
    if wrong:
        raise FindingsReportError(
            Problem(
                Kind.OUTPUT, f"the image {visible(name)!r} is not PNG or JPEG", "convert it to PNG or JPEG", code="pdf-image"
            )
            for name in wrong
        )


def limits_for(page_bytes: int, picture_bytes: Iterable[int], embedded_bytes: int = 0) -> Limits:
    """Return what an honest page of this size may need.

    The margin is wide: 5 MB, a thousand findings, took 280 CPU seconds when laid out in one piece. It also took 2.6 GB, which
    only a template whose style applies to all pages at once does not divide.
    """
    sizes = list(picture_bytes)
    # The largest picture that is accepted has 25 megapixels: 100 MB decoded, with room for a copy.
    cpu_seconds = 60 + 120 * page_bytes // _MIB + 10 * len(sizes) + embedded_bytes // _MIB
    text_bytes = min(1024 * _MIB + 1024 * page_bytes, _MOST_MEMORY)
    memory_bytes = text_bytes + 150 * _MIB * len(sizes) + 8 * embedded_bytes
    output_bytes = 64 * _MIB + 20 * page_bytes + 4 * sum(sizes) + embedded_bytes
    # The machine may have more processes than cores: four times the CPU time, at least a minute.
    return Limits(cpu_seconds, memory_bytes, file_bytes=0, wall_seconds=60 + 4 * cpu_seconds, output_bytes=output_bytes)


def page_request(html: str, pictures: Pictures, embedded_file: EmbeddedFile | None = None) -> tuple[Message, Blobs]:
    """Return message and blobs for one page. Of the pictures only those that the page names are sent.

    That makes the request, and with it the key of the cached reply, independent of pictures that other segments show.
    """
    # A superset is harmless: text that only looks like an address of a picture sends the picture as well.
    named = set(_PICTURE.findall(html))
    shown = {name: picture for name, picture in pictures.items() if quote(name) in named}
    message, blobs = embedding_request(embedded_file)
    # Text from YAML may contain a lone surrogate, which UTF-8 cannot represent: it is printed as an escape.
    blobs |= {"page": html.encode("utf-8", "backslashreplace")}
    blobs |= {f"picture:{name}": content for name, (_, content) in shown.items()}
    return message | {"media_types": {name: kind for name, (kind, _) in shown.items()}}, blobs


def embedding_request(embedded_file: EmbeddedFile | None) -> tuple[Message, Blobs]:
    """Return the part of a request that has the file to be embedded; both are empty for None."""
    if embedded_file is None:
        return {}, {}
    day = embedded_file.day.isoformat() if embedded_file.day else None
    return {"embedded": {"name": embedded_file.name, "day": day}}, {"embedded": embedded_file.content}


def requested_embedded_file(message: Mapping[str, object], blobs: Mapping[str, bytes]) -> EmbeddedFile | None:
    """Return the file that `embedding_request` put into a request."""
    entry = message.get("embedded")
    if not isinstance(entry, dict):
        return None
    return EmbeddedFile(entry["name"], blobs["embedded"], date.fromisoformat(entry["day"]) if entry["day"] else None)
