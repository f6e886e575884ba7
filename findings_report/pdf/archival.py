"""A finished PDF to an archival one: PDF/A-3, with its data inside. The same input gives the same bytes.

Sets what belongs to the file as a whole: identity, metadata, the meaning of colours, embedded data. What is on the
pages, tags included, is the renderer's: a file with tags is declared PDF/A-3A and PDF/UA-1, any other PDF/A-3U.
WeasyPrint has no variant for both standards at once, and its pictures would be interpolated, which PDF/A forbids;
therefore this happens on the finished file, however its pages were laid out.
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

from findings_report.pdf.page import EmbeddedAttachment, EmbeddedFile

_VERSION: Final = "1.7"  # PDF/A-3 and PDF/UA-1 are based on ISO 32000-1
# A file inside a PDF/A needs a date of modification (ISO 19005-3, 6.8). The clock would make every build another file.
_NO_DAY: Final = date(1970, 1, 1)

# Flags of an annotation. Source: ISO 32000-1, 12.5.3, table 165.
_PRINT: Final = 1 << 2
_UNSEEN: Final = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 8  # invisible, hidden, no view, toggle no view


def to_archival(content: bytes, embedded_file: EmbeddedFile | None) -> bytes:
    """Return a PDF as an archival one that contains `embedded_file`. Raises pikepdf.PdfError if `content` is not a PDF."""
    with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as pdf:
        make_archival(pdf, embedded_file)
        return save_reproducibly(pdf)


def make_archival(pdf: Pdf, embedded_file: EmbeddedFile | None) -> None:
    """Change a PDF with its pages, information and tags, if any, into an archival one."""
    _declare_colours(pdf)
    _print_annotations(pdf)
    for picture in _pictures(pdf):
        picture.Interpolate = False  # ISO 19005-3, 6.2.8
    # WeasyPrint 70 writes it for tagged files only.
    if "/ViewerPreferences" not in pdf.Root:
        pdf.Root.ViewerPreferences = Dictionary()
    pdf.Root.ViewerPreferences.DisplayDocTitle = True  # ISO 14289-1, 7.1
    if "/Outlines" in pdf.Root:
        pdf.Root.PageMode = Name.UseOutlines
    if embedded_file is not None:
        _embed(pdf, embedded_file)
    write_metadata(pdf, is_archival=True)


def write_metadata(pdf: Pdf, *, is_archival: bool) -> None:
    """Write the XMP metadata of a PDF from its information and its tags. PDF/A is declared only with `is_archival`."""
    information = {key.lstrip("/"): str(value) for key, value in pdf.docinfo.items()}
    content = xmp_packet(information, str(pdf.Root.get("/Lang", "")), is_tagged=is_tagged(pdf), is_archival=is_archival)
    metadata = Stream(pdf, content)
    metadata.Type, metadata.Subtype = Name.Metadata, Name.XML
    pdf.Root.Metadata = pdf.make_indirect(metadata)


def save_reproducibly(pdf: Pdf) -> bytes:
    """Return the bytes of a PDF: the same for the same content, whenever and wherever it is written."""
    buffer = io.BytesIO()
    pdf.save(
        buffer,
        force_version=_VERSION,
        deterministic_id=True,  # a digest of the content; qpdf's default is made of clock and chance
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        fix_metadata_version=False,  # pikepdf would rewrite the XMP to state the version
    )
    return buffer.getvalue()


def is_tagged(pdf: Pdf) -> bool:
    """Return True if the content is marked and there is a structure tree."""
    marked = pdf.Root.get("/MarkInfo", Dictionary()).get("/Marked", False)
    return bool(marked) and "/StructTreeRoot" in pdf.Root


def _declare_colours(pdf: Pdf) -> None:
    """Declare that red, green and blue are those of sRGB. Source: ISO 19005-3, 6.2.3.

    The profile is that of the International Color Consortium in WeasyPrint, which is located and not imported.
    """
    spec = find_spec("weasyprint")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("WeasyPrint is not installed")
    profile = Stream(pdf, (Path(spec.submodule_search_locations[0]) / "pdf" / "sRGB2014.icc").read_bytes())
    profile.N = 3
    intent = Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFA1,
        OutputConditionIdentifier=String("sRGB IEC61966-2.1"),
        Info=String("sRGB IEC61966-2.1"),
        DestOutputProfile=pdf.make_indirect(profile),
    )
    pdf.Root.OutputIntents = Array([pdf.make_indirect(intent)])


def _print_annotations(pdf: Pdf) -> None:
    """Make every annotation visible and printed. Source: ISO 19005-3, 6.3.2."""
    for page in pdf.pages:
        for annotation in page.obj.get("/Annots", Array()):
            annotation.F = int(annotation.get("/F", 0)) & ~_UNSEEN | _PRINT


def _pictures(pdf: Pdf) -> Iterator[Object]:
    """Yield every picture on a page, also those within patterns and groups, and the picture that is its transparency."""
    waiting: list[Object] = [page.resources for page in pdf.pages]
    seen: set[tuple[int, int]] = set()
    while waiting:
        resources = waiting.pop()
        if resources.objgen in seen:
            continue
        if resources.is_indirect:  # all pages may share them
            seen.add(resources.objgen)
        for kind in ("/XObject", "/Pattern"):
            for value in resources.get(kind, Dictionary()).values():
                if isinstance(value, Stream) and value.objgen not in seen:
                    seen.add(value.objgen)
                    waiting.append(value.get("/Resources", Dictionary()))
                    if value.get("/Subtype") == Name.Image:
                        yield value
                        if "/SMask" in value:
                            yield value.SMask


def _embed(pdf: Pdf, embedded_file: EmbeddedFile) -> None:
    """Add a file and its attachments to the embedded files, which viewers list, and as associated files of the document.

    The relationship of the data is Source: the document as a whole was made from the file. Data would be the source of a single
    table or chart. Attachments are Supplements. Source: ISO 32000-2, 7.11.3, table 43; ISO 19005-3, 6.8.
    """
    when = f"D:{embedded_file.day or _NO_DAY:%Y%m%d}000000Z"
    data = EmbeddedAttachment(
        embedded_file.name, embedded_file.content, "application/json", "The data that this document was made from"
    )
    associated = []
    for attachment in (data, *embedded_file.attachments):
        file = AttachedFileSpec(
            pdf,
            attachment.content,
            filename=attachment.name,
            description=attachment.title,
            mime_type=attachment.media_type,
            creation_date=when,
            mod_date=when,
        )
        file.obj.AFRelationship = Name.Source if attachment is data else Name.Supplement
        pdf.attachments[attachment.name] = file
        associated.append(file.obj)
    pdf.Root.AF = Array(associated)


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
# PDF/A allows only properties that it defines or that the file describes (ISO 19005-3, 6.6.2.3); it does not define
# those of PDF/UA.
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
_PROPERTIES: Final = {
    "Title": '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:title>',
    "Author": "<dc:creator><rdf:Seq><rdf:li>{}</rdf:li></rdf:Seq></dc:creator>",
    "Subject": '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>',
    "Keywords": "<pdf:Keywords>{}</pdf:Keywords>",
    "Creator": "<xmp:CreatorTool>{}</xmp:CreatorTool>",
    "Producer": "<pdf:Producer>{}</pdf:Producer>",
}
"""XMP property of each entry of the information, in the order in which they are written."""


def xmp_packet(information: Mapping[str, str], language: str, *, is_tagged: bool, is_archival: bool = True) -> bytes:
    """Return XMP metadata that declare PDF/A-3 at level A and PDF/UA-1 for a tagged file, PDF/A-3 at level U for another.

    Without `is_archival` PDF/A is not declared. `information` has those of Title, Author, Subject, Keywords, Creator,
    Producer and CreationDate that the PDF has.
    """
    lines = []
    if is_archival:
        lines += ["<pdfaid:part>3</pdfaid:part>", f"<pdfaid:conformance>{'A' if is_tagged else 'U'}</pdfaid:conformance>"]
    if is_tagged:
        lines.append("<pdfuaid:part>1</pdfuaid:part>")
    lines.append("<dc:format>application/pdf</dc:format>")
    lines += [line.format(_xml_text(information[name])) for name, line in _PROPERTIES.items() if information.get(name)]
    if created := _DATE.match(information.get("CreationDate", "")):
        lines.append(f"<xmp:CreateDate>{'-'.join(created.groups())}</xmp:CreateDate>")
    if language:
        lines.append(f"<dc:language><rdf:Bag><rdf:li>{_xml_text(language)}</rdf:li></rdf:Bag></dc:language>")
    return _PACKET.format(properties="\n".join(lines), extension=_UA_EXTENSION if is_tagged else "").encode()


def _xml_text(value: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", value))
