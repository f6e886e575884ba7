"""Clauses of PDF/A-3 (ISO 19005-3) and PDF/UA-1 (ISO 14289-1) as assertions on a file: no validator, but what can be told.

Each function gives a sentence for each thing that breaks its clause. What is not looked at is not said to hold.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from xml.etree import ElementTree

import pikepdf
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name, Pdf, Stream

RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
PDFA: Final = "{http://www.aiim.org/pdfa/ns/id/}"
PDFUA: Final = "{http://www.aiim.org/pdfua/ns/id/}"
DC: Final = "{http://purl.org/dc/elements/1.1/}"
SCHEMA: Final = "{http://www.aiim.org/pdfa/ns/schema#}"
_STANDARD: Final = """
Document Part Art Sect Div BlockQuote Caption TOC TOCI Index NonStruct Private P H H1 H2 H3 H4 H5 H6 L LI Lbl LBody Table TR TH
TD THead TBody TFoot Span Quote Note Reference BibEntry Code Link Annot Ruby Warichu RB RT RP WT WP Figure Formula Form
"""
SHOWING: Final = frozenset(["Tj", "TJ", "'", '"', "Do", "f", "F", "f*", "S", "s", "B", "B*", "b", "b*", "sh", "INLINE IMAGE"])


def violations(content: bytes) -> list[str]:
    """What breaks a clause, each with its number; for a file that says that it is tagged, those of PDF/UA-1 too."""
    with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as pdf:
        rules: list[Callable[[Pdf], Iterator[str]]] = [
            structure_of_file, colours, fonts, printed_annotations, forms, metadata, embedded_files, page_content
        ]  # fmt: skip
        if "/StructTreeRoot" in pdf.Root:
            rules += [tags, accessibility, links, tagged_forms]
        return [*header(content), *(said for rule in rules for said in rule(pdf))]


def header(content: bytes) -> Iterator[str]:
    first, second = content.split(b"\n", 2)[:2]
    if first != b"%PDF-1.7" or second[:1] != b"%" or len(second) < 5 or min(second[1:5]) < 128:
        yield "6.1.2: the header is not that of a binary PDF 1.7"
    if not content.endswith(b"%%EOF\n"):
        yield "6.1.3: something follows the end of the file"


def structure_of_file(pdf: Pdf) -> Iterator[str]:
    if "/ID" not in pdf.trailer:
        yield "6.1.3: there is no ID"
    if pdf.is_encrypted:
        yield "6.1.3: the file is encrypted"
    for entry in ("/AA", "/OpenAction", "/OCProperties", "/Requirements"):
        if entry in pdf.Root:
            yield f"6.4 to 6.11: the catalog has {entry}"
    for name in ("/JavaScript", "/AlternatePresentations"):
        if name in pdf.Root.get("/Names", Dictionary()):
            yield f"6.5, 6.10: there is {name}"
    for found in pdf.objects:
        if isinstance(found, Stream):
            yield from _stream(found)
        if isinstance(found, Dictionary | Stream) and found.get("/S") in (Name.JavaScript, Name.Launch, Name.SubmitForm):
            yield f"6.5.1: an action is {found.S}"


def _stream(found: Any) -> Iterator[str]:
    filters = found.get("/Filter", Array())
    if Name.LZWDecode in (filters if isinstance(filters, Array) else [filters]) or "/F" in found:
        yield "6.1.7: a stream is packed with LZW, or outside of the file"
    if found.get("/Subtype") == Name.Image and (found.get("/Interpolate", False) or "/OPI" in found):
        yield "6.2.8: a picture is interpolated or elsewhere"
    if found.get("/Subtype") == Name.Form and any(key in found for key in ("/PS", "/Ref", "/OPI")):
        yield "6.2.9: a form has PostScript or refers elsewhere"


def colours(pdf: Pdf) -> Iterator[str]:
    intents = [each for each in pdf.Root.get("/OutputIntents", Array()) if each.S == Name.GTS_PDFA1]
    if len(intents) != 1:
        yield "6.2.3: there is not one output intent for PDF/A"
        return
    profile = intents[0].DestOutputProfile
    content = profile.read_bytes()
    if (content[36:40], content[16:20], content[12:16], int(profile.N)) != (b"acsp", b"RGB ", b"mntr", 3):
        yield "6.2.3: the output intent's profile is not one of an RGB screen"
    for found in pdf.objects:
        if isinstance(found, Stream) and found.get("/ColorSpace") == Name.DeviceCMYK:
            yield "6.2.4.3: a picture is in CMYK"


def fonts(pdf: Pdf) -> Iterator[str]:
    for font in (each for each in pdf.objects if isinstance(each, Dictionary) and each.get("/Type") == Name.Font):
        if font.Subtype != Name.Type0:
            continue
        name, below = str(font.BaseFont), font.DescendantFonts[0]
        program = next((below.FontDescriptor[key] for key in ("/FontFile2", "/FontFile3") if key in below.FontDescriptor), None)
        if program is None:
            yield f"6.2.11.4: {name} is not embedded"
            continue
        if below.Subtype == Name.CIDFontType2 and below.get("/CIDToGIDMap") != Name.Identity:
            yield f"6.2.11.3: {name} does not say which glyphs it means"
        yield from _widths(name, below, program.read_bytes())
        if "/ToUnicode" not in font:
            yield f"6.2.11.7: {name} has no way back to Unicode"
        elif {"0000", "FEFF", "FFFE"} & set(_unicodes(font.ToUnicode.read_bytes())):
            yield f"6.2.11.7: {name} has glyphs that mean no character"


def _widths(name: str, font: Any, program: bytes) -> Iterator[str]:
    built = TTFont(io.BytesIO(program))
    advances, order, unit = built["hmtx"], built.getGlyphOrder(), built["head"].unitsPerEm
    entries, position = list(font.W), 0
    while position < len(entries):
        first, second = int(entries[position]), entries[position + 1]
        stated = list(second) if isinstance(second, Array) else [entries[position + 2]] * (int(second) - first + 1)
        position += 2 if isinstance(second, Array) else 3
        for glyph, width in enumerate(stated, first):
            if abs(advances[order[glyph]][0] * 1000 / unit - float(width)) > 1:
                yield f"6.2.11.5: {name} and its program differ in the width of glyph {glyph}"


def _unicodes(cmap: bytes) -> Iterator[str]:
    for line in cmap.decode().splitlines():
        words = line.split()
        if len(words) == 2 and words[0].startswith("<"):
            yield words[1].strip("<>").upper()


def printed_annotations(pdf: Pdf) -> Iterator[str]:
    for page in pdf.pages:
        for annotation in page.obj.get("/Annots", Array()):
            if int(annotation.get("/F", 0)) & 0b100100111 != 0b100:
                yield "6.3.2: an annotation is hidden, or not printed"
            if annotation.Subtype not in (Name.Link, Name.Widget):
                yield f"6.3.1: there is an annotation {annotation.Subtype}"


def widgets(pdf: Pdf) -> Iterator[Any]:
    """Every annotation that stands for a field of a form."""
    for page in pdf.pages:
        yield from (each for each in page.obj.get("/Annots", Array()) if each.Subtype == Name.Widget)


def forms(pdf: Pdf) -> Iterator[str]:
    form = pdf.Root.get("/AcroForm", Dictionary())
    if form.get("/NeedAppearances", False) or "/XFA" in form:
        yield "6.4.1, 6.4.2: what is seen of a form is not in the file"
    for field in [*form.get("/Fields", Array()), *widgets(pdf)]:
        if field.get("/FT") != Name.Sig or "/A" in field or "/AA" in field:
            yield "6.4.1: there is a field that is no signature, or that does something"
    for widget in widgets(pdf):
        left, lower, right, upper = map(float, widget.Rect)
        appearance = widget.get("/AP", Dictionary())
        if (left != right and lower != upper) and not (list(appearance) == ["/N"] and isinstance(appearance.N, Stream)):
            yield "6.3.3: what is seen of a field is not in the file"


def tagged_forms(pdf: Pdf) -> Iterator[str]:
    tree = pdf.Root.StructTreeRoot.get("/ParentTree", Dictionary()).get("/Nums", Array())
    parents = {int(tree[at]): tree[at + 1] for at in range(0, len(tree), 2)}
    for widget in widgets(pdf):
        if not str(widget.get("/TU", "")):
            yield "UA 7.18.1: a field does not say what it is"
        parent = parents.get(int(widget.get("/StructParent", -1)))
        if parent is None or kind(parent) != "Form" or parent.K.get("/Obj", Dictionary()).objgen != widget.objgen:
            yield "UA 7.18.4: a field is in no form of the structure"
        elif parent.objgen not in {each.objgen for each in elements(pdf)}:
            yield "UA 7.18.4: the form of a field is not in the structure"


def metadata(pdf: Pdf) -> Iterator[str]:
    stream = pdf.Root.get("/Metadata")
    if stream is None or "/Filter" in stream or stream.get("/Subtype") != Name.XML:
        yield "6.6.2.1: there is no readable packet of metadata"
        return
    root = ElementTree.fromstring(stream.read_bytes())  # noqa: S314 - our own
    is_tagged = "/StructTreeRoot" in pdf.Root
    if (root.findtext(f".//{PDFA}part"), root.findtext(f".//{PDFA}conformance")) != ("3", "A" if is_tagged else "U"):
        yield "6.6.4: it does not say which part and level of PDF/A it follows"
    if is_tagged and root.findtext(f".//{PDFUA}part") != "1":
        yield "UA 5: it does not say that it follows PDF/UA-1"
    if root.find(f".//{PDFUA}part") is not None and root.findtext(f".//{SCHEMA}prefix") != "pdfuaid":
        yield "6.6.2.3: a property that PDF/A does not know is not described"
    if root.findtext(f".//{DC}title/{RDF}Alt/{RDF}li") != str(pdf.docinfo.get("/Title")):
        yield "UA 7.1: its title is not in the metadata"


def embedded_files(pdf: Pdf) -> Iterator[str]:
    associated = {each.objgen for each in pdf.Root.get("/AF", Array())}
    for name in list(pdf.attachments):
        file = pdf.attachments[name].obj
        if file.objgen not in associated or "/AFRelationship" not in file:
            yield f"6.8: {name} has no relation to the document"
        if not ("/F" in file and "/UF" in file and "/Subtype" in file.EF.F and "/ModDate" in file.EF.F.Params):
            yield f"6.8: {name} lacks a name, a type or a date"


def page_content(pdf: Pdf) -> Iterator[str]:
    streams = [found for found in pdf.objects if isinstance(found, Stream) and found.get("/Subtype") == Name.Form]
    for content in [*pdf.pages, *streams]:
        depth, marked = 0, 0
        for instruction in pikepdf.parse_content_stream(content):
            word = str(instruction.operator)
            depth += {"q": 1, "Q": -1}.get(word, 0)
            marked += {"BDC": 1, "BMC": 1, "EMC": -1}.get(word, 0)
            if depth > 28:
                yield "6.1.13: graphics states are nested deeper than 28"
            if word in ("k", "K"):
                yield "6.2.4.3: a colour is in CMYK"
            if word in ("Tj", "TJ") and _has_notdef(instruction.operands[0]):
                yield "6.2.11.8: a character without a glyph is shown"
            if "/StructTreeRoot" in pdf.Root and word in SHOWING and not marked and not isinstance(content, Stream):
                yield f"UA 7.1: {word} is neither tagged nor an artifact"


def _has_notdef(shown: Any) -> bool:
    texts = [each for each in shown if isinstance(each, pikepdf.String)] if isinstance(shown, Array) else [shown]
    return any(b"\0\0" in {bytes(text)[at : at + 2] for at in range(0, len(bytes(text)), 2)} for text in texts)


def elements(pdf: Pdf) -> Iterator[Any]:
    """Every element of the structure tree, in reading order."""
    waiting: list[Any] = [pdf.Root.StructTreeRoot.K]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Array):
            waiting.extend(reversed(list(found)))
        elif isinstance(found, Dictionary) and "/S" in found:
            yield found
            if "/K" in found:
                waiting.append(found.K)


def kind(element: Any) -> str:
    """Its type of structure: P, H1, Table, ..."""
    return str(element.S)[1:]


def tags(pdf: Pdf) -> Iterator[str]:
    if not pdf.Root.get("/MarkInfo", Dictionary()).get("/Marked", False):
        yield "6.7.2: its content is not said to be marked"
    if not str(pdf.Root.get("/Lang", "")):
        yield "6.7.4, UA 7.2: its language is not said"
    mapped = pdf.Root.StructTreeRoot.get("/RoleMap", Dictionary())
    for unknown in sorted({kind(found) for found in elements(pdf)} - set(_STANDARD.split()) - {key[1:] for key in mapped}):
        yield f"6.7.3: {unknown} is no type of structure that readers know"


def accessibility(pdf: Pdf) -> Iterator[str]:
    if not pdf.Root.get("/ViewerPreferences", Dictionary()).get("/DisplayDocTitle", False):
        yield "UA 7.1: viewers do not show its title"
    level = 0
    for found in elements(pdf):
        if kind(found) == "Figure" and not str(found.get("/Alt", "")):
            yield "UA 7.3: a figure has no text in its stead"
        if re.fullmatch(r"H\d", kind(found)):
            if int(kind(found)[1:]) > level + 1:
                yield f"UA 7.4.2: a heading {kind(found)} follows one of level {level}"
            level = int(kind(found)[1:])
        if kind(found) == "TD" and not _has_headers(found):
            yield "UA 7.5: a cell of a table has no header"


def links(pdf: Pdf) -> Iterator[str]:
    for page in pdf.pages:
        found = list(page.obj.get("/Annots", Array()))
        if found and page.obj.get("/Tabs") != Name.S:
            yield "UA 7.18.3: the order of links is not that of the structure"
        if any("/StructParent" not in link for link in found):
            yield "UA 7.18.1: a link is in no structure"
        if not all(str(link.get("/Contents", "")) for link in found if link.Subtype == Name.Link):
            yield "UA 7.18.5: a link has no description"


def _has_headers(cell: Any) -> bool:
    attributes = cell.get("/A", Array())
    return any("/Headers" in each for each in (attributes if isinstance(attributes, Array) else [attributes]))
