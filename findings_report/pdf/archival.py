"""What makes a finished PDF fit to be kept: PDF/A-3, with the data that it was made from inside it. PDF in, PDF out.

It sets what belongs to the file as a whole: identity, metadata, the meaning of its colours, embedded data. What is on the pages
is theirs who made them, tags too: a file that has them is said to follow PDF/A-3A and PDF/UA-1, another PDF/A-3U. Knows nothing
of WeasyPrint but where its colour profile is. The same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pikepdf
from pikepdf import Array, AttachedFileSpec, Dictionary, Name, Object, Pdf, Stream, String

from findings_report.model.rendered import Carried
from findings_report.renderers.pdf.metadata import packet

# A file inside a PDF/A needs a date of modification (ISO 19005-3, 6.8). Zero says that there is none: the clock must not.
_NO_DAY: Final = date(1970, 1, 1)
_PRINT: Final = 1 << 2
_UNSEEN: Final = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 8  # invisible, hidden, no view, toggle no view
_VERSION: Final = "1.7"


def archival(content: bytes, carried: Carried | None) -> bytes:
    """`content` as an archival PDF, with `carried` embedded. Raises pikepdf.PdfError when it is no PDF."""
    with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as pdf:
        make_archival(pdf, carried)
        return saved(pdf)


def make_archival(pdf: Pdf, carried: Carried | None) -> None:
    """Changes a PDF that has its pages, its information and its tags, if any, into an archival one."""
    _declare_colours(pdf)
    _print_annotations(pdf)
    for picture in _pictures(pdf):
        picture.Interpolate = False  # ISO 19005-3, 6.2.8
    if "/ViewerPreferences" not in pdf.Root:
        pdf.Root.ViewerPreferences = Dictionary()
    pdf.Root.ViewerPreferences.DisplayDocTitle = True
    if carried is not None:
        _embed(pdf, carried)
    describe(pdf, is_archival=True)


def describe(pdf: Pdf, *, is_archival: bool) -> None:
    """Writes the metadata of a PDF from its information and its tags."""
    information = {key.lstrip("/"): str(value) for key, value in pdf.docinfo.items()}
    content = packet(information, str(pdf.Root.get("/Lang", "")), is_tagged=is_tagged(pdf), is_archival=is_archival)
    metadata = Stream(pdf, content)
    metadata.Type, metadata.Subtype = Name.Metadata, Name.XML
    pdf.Root.Metadata = pdf.make_indirect(metadata)


def saved(pdf: Pdf) -> bytes:
    """The file's bytes: the same for the same content, whenever and wherever it is written."""
    buffer = io.BytesIO()
    pdf.save(
        buffer,
        force_version=_VERSION,
        deterministic_id=True,  # from the content, not from clock and chance
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        fix_metadata_version=False,
    )
    return buffer.getvalue()


def is_tagged(pdf: Pdf) -> bool:
    """True when its content is marked and has a structure tree."""
    marked = pdf.Root.get("/MarkInfo", Dictionary()).get("/Marked", False)
    return bool(marked) and "/StructTreeRoot" in pdf.Root


def _declare_colours(pdf: Pdf) -> None:
    """Says that red, green and blue are sRGB's. Source: ISO 19005-3, 6.2.3."""
    profile = Stream(pdf, _profile())
    profile.N = 3
    intent = Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFA1,
        OutputConditionIdentifier=String("sRGB IEC61966-2.1"),
        Info=String("sRGB IEC61966-2.1"),
        DestOutputProfile=pdf.make_indirect(profile),
    )
    pdf.Root.OutputIntents = Array([pdf.make_indirect(intent)])


def _profile() -> bytes:
    """The sRGB profile of the International Color Consortium, which comes with WeasyPrint; that itself is not loaded."""
    found = find_spec("weasyprint")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("WeasyPrint is not installed")
    return (Path(found.submodule_search_locations[0]) / "pdf" / "sRGB2014.icc").read_bytes()


def _print_annotations(pdf: Pdf) -> None:
    """What can be seen is printed, and nothing is hidden. Source: ISO 19005-3, 6.3.2."""
    for page in pdf.pages:
        for annotation in page.obj.get("/Annots", Array()):
            annotation.F = int(annotation.get("/F", 0)) & ~_UNSEEN | _PRINT


def _pictures(pdf: Pdf) -> Iterator[Object]:
    """Every picture on a page, those within patterns and groups too."""
    waiting: list[Object] = [page.resources for page in pdf.pages]
    seen: set[tuple[int, int]] = set()
    while waiting:
        resources = waiting.pop()
        if resources.objgen in seen:
            continue
        if resources.is_indirect:  # all pages may share them
            seen.add(resources.objgen)
        for kind in ("/XObject", "/Pattern"):
            for found in resources.get(kind, Dictionary()).values():
                if isinstance(found, Stream) and found.objgen not in seen:
                    seen.add(found.objgen)
                    waiting.append(found.get("/Resources", Dictionary()))
                    if found.get("/Subtype") == Name.Image:
                        yield found


def _embed(pdf: Pdf, carried: Carried) -> None:
    """Among the embedded files, which viewers list, and as an associated file of the document.

    The relationship is Source: the file is what the document as a whole was made from. Data is for what one table or chart
    was derived from. Source: ISO 32000-2, 7.11.3, table 43; ISO 19005-3, 6.8.
    """
    when = f"D:{carried.day or _NO_DAY:%Y%m%d}000000Z"
    file = AttachedFileSpec(
        pdf,
        carried.content,
        filename=carried.name,
        description="The data that this document was made from",
        mime_type="application/json",
        creation_date=when,
        mod_date=when,
    )
    file.obj.AFRelationship = Name.Source
    pdf.attachments[carried.name] = file
    pdf.Root.AF = Array([file.obj])
