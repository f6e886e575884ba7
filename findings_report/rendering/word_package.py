"""The package of a Word document: the program's own styles, or the firm's document with its styles, heads, feet and cover.

`open_package` gives a document without content, `save` its bytes. The firm's document is code that the user trusts, as
templates are: its placeholders (`{{ title }}`) are rendered in Jinja's immutable sandbox. Their values are written as text.
Source: ECMA-376 part 1 (WordprocessingML) and part 2 (packages). Only the modules for Word know python-docx.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from io import BytesIO
from string import Template
from typing import TYPE_CHECKING, Any, Final

from findings_report.model.report import ReportedEngagement
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import HIDDEN, code_point, visible
from findings_report.rendering import colours, labels

if TYPE_CHECKING:
    from docx.document import Document
    from docx.parts.story import StoryPart

W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMESPACES: Final = (
    f'xmlns:w="{W}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
)
PLACE: Final = "report"
"""The placeholder that the report takes the place of; without it, the report follows what the firm's document holds."""

_LARGEST: Final = 200_000_000  # bytes of all parts of a firm's document, unpacked
_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_PARTS: Final = {
    "[Content_Types].xml": "content_types.xml",
    "_rels/.rels": "package_relations.xml",
    "word/_rels/document.xml.rels": "document_relations.xml",
    **{f"word/{name}.xml": f"{name}.xml" for name in ("document", "styles", "settings", "fontTable", "numbering")},
}
"""Parts of the program's own document, and the files they are made of."""
_SETTINGS: Final = (
    *("updateFields", "hdrShapeDefaults", "footnotePr", "endnotePr", "compat", "docVars", "rsids", "mathPr", "attachedSchema"),
    *("themeFontLang", "clrSchemeMapping", "captions", "shapeDefaults", "decimalSymbol", "listSeparator"),
)
"""The last settings of a document, in the order of the schema."""
_PLACEHOLDER: Final = re.compile(r"\{\{[^{}]*+\}\}")
_ILLEGAL: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_SPECIAL: Final = re.compile('[&<>"]')
# The tag of a language alone is no language of Word's, which would proofread with that of the machine.
_REGIONS: Final = {"en": "en-US", "de": "de-DE", "fr": "fr-FR", "es": "es-ES", "ja": "ja-JP", "zh": "zh-CN", "ko": "ko-KR"}
_EAST_ASIAN: Final = {"ja": "Yu Gothic", "ko": "Malgun Gothic", "zh-hant": "Microsoft JhengHei", "zh": "Microsoft YaHei"}


def escape(text: str) -> str:
    """Return a text for XML, in content and in quoted attributes: hidden and forbidden characters by their codes."""
    shown = _ILLEGAL.sub(lambda match: code_point(match[0]), visible(text))
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], shown)


@dataclass(frozen=True)
class Package:
    """A Word document that the report is to be written into."""

    document: Document
    """python-docx's document."""
    styles: Mapping[str, str]
    """Ids of styles by their names, in lower case."""
    has_cover: bool
    """True if the document has pages of its own, so that the report needs no cover."""
    width: int
    """Width of the text, in twentieths of a point."""
    numbering: int
    """The first free number of a list; bullets are `numbering`, and numbered lists begin behind it."""

    def style(self, name: str) -> str:
        """Return the id of the style of that name."""
        return self.styles[name.lower()]


def open_package(engagement: ReportedEngagement) -> Package:
    """Return the firm's document, or the program's own, with every style that a report needs.

    Raises FindingsReportError (OUTPUT) for a firm's document that cannot be used.
    """
    import docx
    from docx.opc.constants import CONTENT_TYPE
    from docx.opc.part import PartFactory
    from docx.parts.story import StoryPart

    # python-docx keeps the notes of a document as bytes, unless it is given a kind of part for them.
    PartFactory.part_type_for |= {CONTENT_TYPE.WML_FOOTNOTES: StoryPart, CONTENT_TYPE.WML_ENDNOTES: StoryPart}
    given = engagement.docx_template
    content = given.content if given is not None and given.content else _build_own(engagement)
    own = given is None or not given.content
    # Read whole before anything is written: a document that cannot be used costs no rendering.
    try:
        if not own:
            _check_size(content)
        document = docx.Document(BytesIO(content))
    except FindingsReportError:
        raise
    except Exception as error:  # python-docx has no error of its own for half of what can be wrong with a file
        raise _refuse("is not a document of Word (.docx)", "save it in Word as .docx, without macros") from error
    styles = _add_styles(document, engagement)
    numbering = _add_lists(document, engagement)
    if not own:
        _fill(document, _values(engagement))
    return Package(document, styles, not own and _has_text(document), _text_width(document), numbering)


def _is_place(paragraph: Any) -> bool:
    """Return True for the paragraph that the report takes the place of."""
    text = "".join(text.text or "" for text in paragraph.iter(f"{{{W}}}t"))
    return re.fullmatch(r"\s*\{\{\s*" + PLACE + r"\s*\}\}\s*", text) is not None


def count_notes(package: Package) -> int:
    """Return the number of footnotes that a firm's document has before the report."""
    count = 0
    for element in package.document.element.body.iterchildren():
        if element.tag == f"{{{W}}}p" and _is_place(element):
            break
        count += sum(1 for _ in element.iter(f"{{{W}}}footnoteReference"))
    return count


def insert_body(package: Package, pieces: Sequence[str]) -> None:
    """Put the body where the firm's document has its placeholder, else at its end."""
    from lxml import etree

    # The parser of lxml refuses more than 10 MB of one text otherwise; ours has no entities.
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
    written = etree.fromstring(f"<w:body {NAMESPACES}>{''.join(pieces)}</w:body>".encode(), parser)
    body = package.document.element.body
    places = [paragraph for paragraph in body.iterchildren(f"{{{W}}}p") if _is_place(paragraph)]
    following = places[0] if places else body.find(f"{{{W}}}sectPr")
    # Not by position, which takes time in proportion to the elements before it.
    for element in list(written):
        if following is not None:
            following.addprevious(element)
        else:
            body.append(element)
    if places:
        body.remove(places[0])


def has_heads(package: Package) -> bool:
    """Return True if the firm's document has heads or feet of its own."""
    kinds = ("headerReference", "footerReference")
    return any(next(package.document.element.iter(f"{{{W}}}{kind}"), None) is not None for kind in kinds)


def open_notes(package: Package, engagement: ReportedEngagement) -> StoryPart:
    """Return the part with the footnotes, after adding it to a document that has none."""
    from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.parts.story import StoryPart

    part = package.document.part
    for relation in part.rels.values():
        if relation.reltype == RELATIONSHIP_TYPE.FOOTNOTES and isinstance(relation.target_part, StoryPart):
            return relation.target_part
    name, content = PackURI("/word/footnotes.xml"), _read_part("footnotes.xml", engagement)
    notes = StoryPart(name, CONTENT_TYPE.WML_FOOTNOTES, content, part.package)
    part.relate_to(notes, RELATIONSHIP_TYPE.FOOTNOTES)
    add_setting(package, '<w:footnotePr {}><w:footnote w:id="-1"/><w:footnote w:id="0"/></w:footnotePr>')
    return notes


def add_setting(package: Package, source: str) -> None:
    """Add a setting to the document, if it has none of that name; `{}` in the source is for the namespace."""
    from lxml import etree

    root, setting = package.document.settings.element, etree.fromstring(source.format(f'xmlns:w="{W}"'))
    name = etree.QName(setting).localname
    if root.find(f"{{{W}}}{name}") is not None:
        return
    later = {f"{{{W}}}{other}" for other in _SETTINGS[_SETTINGS.index(name) + 1 :]}
    place = next((child for child in root if child.tag in later), None)
    if place is None:
        root.append(setting)
    else:
        place.addprevious(setting)


def save(package: Package, engagement: ReportedEngagement) -> bytes:
    """Return the bytes of the document. The same report gives the same bytes."""
    _describe(package.document, engagement)
    buffer = BytesIO()
    package.document.save(buffer)
    packed = BytesIO()
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        # The list of types has to come first for programs that guess a file's kind; the others in a fixed order.
        for name in sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            # Without the time and the system of the build.
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 0, 0
            target.writestr(info, source.read(name))
    return packed.getvalue()


def _check_size(content: bytes) -> None:
    with zipfile.ZipFile(BytesIO(content)) as parts:
        names = parts.namelist()
        if sum(info.file_size for info in parts.infolist()) > _LARGEST:
            raise _refuse(f"unpacks to more than {_LARGEST:,} bytes", "make it smaller")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise _refuse("has macros", "save it in Word as .docx, without macros")


def _refuse(fault: str, remedy: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.OUTPUT, f"the document for -f docx {fault}", remedy, code="docx-template"))


# --- Placeholders of the firm's document.


def _values(engagement: ReportedEngagement) -> dict[str, str]:
    """Return what placeholders may name. Texts only: nothing of them is read as a template or as markup."""
    words = engagement.translation
    audited = [repository for repository in engagement.repositories if repository.commit]
    return {
        "title": engagement.title,
        "client": engagement.client or "",
        "customer": engagement.client or "",
        "version": engagement.version or "",
        "date": words.day(engagement.date) if engagement.date else "",
        "period": words.period(engagement.period.start, engagement.period.end) if engagement.period else "",
        "state": labels.words(engagement.state, words),
        "status": labels.words(engagement.state, words),
        "classification": engagement.confidentiality or "",
        "confidentiality": engagement.confidentiality or "",
        "edition": engagement.edition_words or "",
        "authors": words.join([author.name for author in engagement.authors]),
        "repositories": words.join([repository.name for repository in engagement.repositories]),
        "commit": words.join([(repository.commit or "")[:12] for repository in audited]),
        "language": engagement.language,
    }


def _fill(document: Document, values: Mapping[str, str]) -> None:
    """Render the placeholders in every paragraph: of the body, of heads and feet, of tables and text boxes."""
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    for root in _text_parts(document):
        for paragraph in list(root.iter(f"{{{W}}}p")):
            texts = [text for text in paragraph.iter(f"{{{W}}}t") if next(text.iterancestors(f"{{{W}}}p")) is paragraph]
            whole = "".join(text.text or "" for text in texts)
            if "{{" not in whole and "{%" not in whole:
                continue
            if re.fullmatch(r"\s*\{\{\s*" + PLACE + r"\s*\}\}\s*", whole):
                continue
            try:
                _fill_paragraph(texts, whole, lambda source: environment.from_string(source).render(values))
            except TemplateError as error:
                remedy = f"a placeholder is one of {', '.join(values)}, or {PLACE} in a paragraph of its own"
                raise _refuse(f"has {whole.strip()[:80]!r}: {error.message}", remedy) from error


def _fill_paragraph(texts: list[Any], whole: str, render: Any) -> None:
    """Put what the placeholders give into the runs in which they begin: Word splits a placeholder over several runs."""
    # An unclosed placeholder is rendered with the rest, for its error.
    if "{%" in whole or whole.count("{{") > len(_PLACEHOLDER.findall(whole)):
        pieces = [(0, len(whole), render(whole))]
    else:
        pieces = [(match.start(), match.end(), render(match[0])) for match in _PLACEHOLDER.finditer(whole)]
    for start, end, value in reversed(pieces):
        at = 0
        for text in texts:
            old = text.text or ""
            first, last = max(start - at, 0), min(end - at, len(old))
            if first < last:
                is_first = at <= start < at + len(old)
                shown = _ILLEGAL.sub(lambda match: code_point(match[0]), visible(value)) if is_first else ""
                text.text = old[:first] + shown + old[last:]
                text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            at += len(old)


def _text_parts(document: Document) -> Iterator[Any]:
    yield document.element
    for relation in document.part.rels.values():
        # A picture or a link has no text; of what is outside nothing is read.
        if not relation.is_external and relation.reltype.endswith(("/header", "/footer", "/footnotes", "/endnotes")):
            yield relation.target_part.element


def _has_text(document: Document) -> bool:
    texts = "".join(text.text or "" for text in document.element.body.iter(f"{{{W}}}t"))
    return bool(re.sub(r"\{\{\s*" + PLACE + r"\s*\}\}", "", texts).strip())


def _text_width(document: Document) -> int:
    section = document.sections[-1]
    width, left, right = section.page_width, section.left_margin, section.right_margin
    # 635 English Metric Units are a twentieth of a point.
    return int((width or 7_560_310) - (left or 0) - (right or 0)) // 635


# --- Properties.


def _describe(document: Document, engagement: ReportedEngagement) -> None:
    """Write the properties that Word shows, with the date of the report and never that of the build."""
    words, properties = engagement.translation, document.core_properties
    authors = _limit(", ".join(author.name for author in engagement.authors))
    made = datetime.combine(engagement.date, datetime.min.time()) if engagement.date else _EARLIEST.replace(tzinfo=None)
    properties.title, properties.author, properties.last_modified_by = _limit(engagement.title), authors, authors
    properties.subject = _limit(words.gettext("Security assessment"))
    properties.category = _limit(engagement.confidentiality or "")
    properties.content_status = _limit(labels.words(engagement.state, words))
    properties.version, properties.language = _limit(engagement.version or ""), language_of(engagement)
    # python-docx would say that it made the document.
    properties.keywords, properties.comments, properties.revision = "", "", 1
    properties.created = properties.modified = made


def _limit(text: str) -> str:
    """Return one line of at most 255 characters, the most that a property holds."""
    return " ".join(_ILLEGAL.sub(lambda match: code_point(match[0]), visible(text)).split())[:255]


def language_of(engagement: ReportedEngagement) -> str:
    """Return the language of the texts as Word names it."""
    return _REGIONS.get(engagement.language.lower(), HIDDEN.sub("", engagement.language))


# --- Styles. Each is added only if the firm's document has none of that name.


def _add_styles(document: Document, engagement: ReportedEngagement) -> dict[str, str]:
    """Return the ids of all styles by name, after adding those that are missing."""
    root = document.styles.element
    # By name and not by id: Word's ids are in the language of the machine that made the document.
    known = {_name_of(style): style.get(f"{{{W}}}styleId", "") for style in root.iter(f"{{{W}}}style")}
    taken = {id.lower() for id in known.values()}
    names = {}
    # In this order: a style may be based on one that was just added.
    for style in list(_read_part("styles.xml", engagement).iterchildren(f"{{{W}}}style")):
        name, id = _name_of(style), style.get(f"{{{W}}}styleId")
        names[id] = name
        # The default styles are the firm's own, whatever it calls them.
        if name in known or style.get(f"{{{W}}}default"):
            continue
        # The firm may have used the id for a style of another name.
        known[name] = id if id.lower() not in taken else f"Findings{id}"
        style.set(f"{{{W}}}styleId", known[name])
        basis = style.find(f"{{{W}}}basedOn")
        if basis is not None and (based := known.get(names[basis.get(f"{{{W}}}val")])):
            basis.set(f"{{{W}}}val", based)
        elif basis is not None:
            style.remove(basis)
        root.append(style)
    return known


def _name_of(style: Any) -> str:
    """Return the name of a style in lower case: Word writes those of its own in either."""
    name = style.find(f"{{{W}}}name")
    return "" if name is None else str(name.get(f"{{{W}}}val", "")).lower()


def size(points: float) -> str:
    """Return the elements for the size of a font; scripts from right to left have their own."""
    return f'<w:sz w:val="{round(points * 2)}"/><w:szCs w:val="{round(points * 2)}"/>'


# --- Lists.


def _add_lists(document: Document, engagement: ReportedEngagement) -> int:
    """Add the definitions of a list with bullets and of a numbered one; return the first free number."""
    from lxml import etree

    root = document.part.numbering_part.element
    highest = {"abstractNum": -1, "num": 0}
    for kind, attribute in (("abstractNum", "abstractNumId"), ("num", "numId")):
        for element in root.iter(f"{{{W}}}{kind}"):
            highest[kind] = max(highest[kind], int(element.get(f"{{{W}}}{attribute}", "0")))
    first = highest["abstractNum"] + 1
    # Definitions have to come before the lists that use them.
    place = next((index for index, child in enumerate(root) if child.tag == f"{{{W}}}num"), len(root))
    for offset, definition in enumerate(list(_read_part("lists.xml", engagement))):
        definition.set(f"{{{W}}}abstractNumId", str(first + offset))
        root.insert(place + offset, definition)
    number = highest["num"] + 1
    root.append(etree.fromstring(f'<w:num {NAMESPACES} w:numId="{number}"><w:abstractNumId w:val="{first}"/></w:num>'))
    return number


def add_numbered_list(package: Package, number: int, start: int, level: int) -> None:
    """Add a numbered list of its own: `number` is new, and its items at `level` begin with `start`."""
    from lxml import etree

    root = package.document.part.numbering_part.element
    # The numbered definition is the last before the lists; of thousands of lists only the first is looked for.
    bullets = next(root.iterchildren(f"{{{W}}}num"))
    definition = bullets.getprevious().get(f"{{{W}}}abstractNumId")
    override = f'<w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="{start}"/></w:lvlOverride>'
    source = f'<w:num {NAMESPACES} w:numId="{number}"><w:abstractNumId w:val="{definition}"/>{override}</w:num>'
    root.append(etree.fromstring(source))


LIST_INDENT: Final = 340


def indent_of(level: int) -> int:
    """Return the indent of a list's text, in twentieths of a point; `level` is 0 for the outermost."""
    return LIST_INDENT * (level + 1)


# --- The program's own document.


def _read_part(name: str, engagement: ReportedEngagement) -> Any:
    """Return a part of the program's own document as an element, in the colours and the language of the engagement."""
    from lxml import etree

    first, *others = engagement.language.lower().split("-")
    traditional = first == "zh" and {"hant", "hk", "mo", "tw"} & set(others)
    language = escape(language_of(engagement))
    source = Template((resources.files("findings_report.rendering") / "word" / name).read_text("utf-8")).substitute(
        accent=colours.ensure_contrast(engagement.accent, "#ffffff", 4.5).lstrip("#"),
        language=language,
        asian_language=language if first in ("ja", "ko", "zh") else "zh-CN",
        bidi_language=language if engagement.translation.direction == "rtl" else "ar-SA",
        asian_font=_EAST_ASIAN["zh-hant"] if traditional else _EAST_ASIAN.get(first, "Microsoft YaHei"),
    )
    return etree.fromstring(source.encode(), etree.XMLParser(remove_blank_text=True, remove_comments=True))


def _build_own(engagement: ReportedEngagement) -> bytes:
    """Return a document without content: A4, its fonts by name, no theme and no settings that depend on a machine."""
    from lxml import etree

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, part in _PARTS.items():
            target.writestr(name, etree.tostring(_read_part(part, engagement), encoding="UTF-8", standalone=True))
    return buffer.getvalue()
