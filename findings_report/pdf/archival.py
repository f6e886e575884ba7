"""What makes a finished PDF fit to be kept: PDF/A-3, with the data that it was made from inside it. PDF in, PDF out.

It sets what belongs to the file as a whole: identity, metadata, the meaning of its colours, embedded data. What is on the pages
is theirs who made them, tags too: a file that has them is said to follow PDF/A-3A and PDF/UA-1, another PDF/A-3U. Knows nothing
of WeasyPrint but where its colour profile is. The same input gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import pikepdf
from pikepdf import Array, AttachedFileSpec, Dictionary, Name, Object, Pdf, Stream, String

from findings_report.model.rendered import EmbeddedFile

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


_DATE: Final = re.compile(r"D:(\d{4})(\d\d)(\d\d)")


_PACKET: Final = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
{properties}
</rdf:Description>{extension}
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


# PDF/A takes only properties that it knows or that the file itself describes (6.6.2.3); those of PDF/UA it does not know.
_UA_EXTENSION: Final = """
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the file follows</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>"""


def packet(information: Mapping[str, str], language: str, *, is_tagged: bool, is_archival: bool = True) -> bytes:
    """The packet of a file that follows PDF/A-3 at level A, and PDF/UA-1, when it is tagged; else PDF/A-3 at level U.

    Without `is_archival` it does not say that it follows PDF/A.

    `information` is the PDF's own: Title, Author, Subject, Keywords, Creator, Producer, CreationDate, those that it has.
    """
    lines = []
    if is_archival:
        lines += ["<pdfaid:part>3</pdfaid:part>", f"<pdfaid:conformance>{'A' if is_tagged else 'U'}</pdfaid:conformance>"]
    if is_tagged:
        lines.append("<pdfuaid:part>1</pdfuaid:part>")
    lines.append("<dc:format>application/pdf</dc:format>")
    lines += [line.format(_text(information[name])) for name, line in _LINES.items() if information.get(name)]
    if created := _DATE.match(information.get("CreationDate", "")):
        lines.append(f"<xmp:CreateDate>{'-'.join(created.groups())}</xmp:CreateDate>")
    if language:
        lines.append(f"<dc:language><rdf:Bag><rdf:li>{_text(language)}</rdf:li></rdf:Bag></dc:language>")
    return _PACKET.format(properties="\n".join(lines), extension=_UA_EXTENSION if is_tagged else "").encode()


_LINES: Final = {
    "Title": '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:title>',
    "Author": "<dc:creator><rdf:Seq><rdf:li>{}</rdf:li></rdf:Seq></dc:creator>",
    "Subject": '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>',
    "Keywords": "<pdf:Keywords>{}</pdf:Keywords>",
    "Creator": "<xmp:CreatorTool>{}</xmp:CreatorTool>",
    "Producer": "<pdf:Producer>{}</pdf:Producer>",
}
"""What each piece of information is in XMP, in the order it is written."""


def _text(value: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", value))


# SELF


# A file inside a PDF/A needs a date of modification (ISO 19005-3, 6.8). Zero says that there is none: the clock must not.
_NO_DAY: Final = date(1970, 1, 1)


_PRINT: Final = 1 << 2


_UNSEEN: Final = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 8  # invisible, hidden, no view, toggle no view


_VERSION: Final = "1.7"


def archival(content: bytes, carried: EmbeddedFile | None) -> bytes:
    """`content` as an archival PDF, with `carried` embedded. Raises pikepdf.PdfError when it is no PDF."""
    with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as pdf:
        make_archival(pdf, carried)
        return saved(pdf)


def make_archival(pdf: Pdf, carried: EmbeddedFile | None) -> None:
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


def _embed(pdf: Pdf, carried: EmbeddedFile) -> None:
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
