"""The package of a Word document: the program's own styles, or the firm's document with its styles, heads, feet and cover.

`open_package` gives a document without content, `save` its bytes. The firm's document is code that the user trusts, as
templates are: its placeholders (`{{ title }}`) are rendered in Jinja's immutable sandbox. Their values are
written as text.
Source: ECMA-376 part 1 (WordprocessingML) and part 2 (packages). Only this file and `docx` know python-docx.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from findings_report.model.report import ReportedEngagement
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import HIDDEN, code_point, visible
from findings_report.rendering import colours, labels

if TYPE_CHECKING:
    from docx.document import Document

W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMESPACES: Final = (
    f'xmlns:w="{W}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
)
CODE_FONT: Final = "Consolas"
PLACE: Final = "report"
"""The placeholder that the report takes the place of; without it, the report follows what the firm's document holds."""

_LARGEST: Final = 200_000_000  # bytes of all parts of a firm's document, unpacked
_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
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
    numbering = _add_lists(document)
    if not own:
        _fill(document, _values(engagement))
    return Package(document, styles, not own and _has_text(document), _text_width(document), numbering)


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
    from lxml import etree

    root = document.styles.element
    # By name and not by id: Word's ids are in the language of the machine that made the document.
    known: dict[str, str] = {}
    for style in root.iter(f"{{{W}}}style"):
        name = style.find(f"{{{W}}}name")
        if name is not None:
            known[name.get(f"{{{W}}}val", "").lower()] = style.get(f"{{{W}}}styleId", "")
    ids = {id.lower() for id in known.values()}
    # In this order: a style may be based on one that was just added.
    for kind, id, name, based, content in _list_styles(engagement):
        if name.lower() in known:
            continue
        # The firm may have used the id for a style of another name.
        own = id if id.lower() not in ids else f"Findings{id}"
        known[name.lower()] = own
        basis = f'<w:basedOn w:val="{known[based]}"/>' if based and based in known else ""
        is_own = ' w:customStyle="1"' if name.lower() not in _BUILT_IN else ""
        source = (
            f'<w:style {NAMESPACES} w:type="{kind}" w:styleId="{own}"{is_own}><w:name w:val="{name}"/>{basis}'
            f"<w:qFormat/>{content}</w:style>"
        )
        root.append(etree.fromstring(source))
    return known


_BUILT_IN: Final = frozenset(
    {
        *("normal", "title", "subtitle", "list bullet", "list number", "quote", "caption", "hyperlink", "header", "footer"),
        *("toc heading", "toc 1", "toc 2", "table grid", "normal table", "default paragraph font"),
        *(f"heading {level}" for level in range(1, 7)),
    }
)


def _list_styles(engagement: ReportedEngagement) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield type, id, name, basis and content of each style that a report uses; a basis comes before what is based on it."""
    accent = colours.ensure_contrast(engagement.accent, "#ffffff", 4.5).lstrip("#")
    quiet, code, warn = "5A6672", _fonts(CODE_FONT), "8A4B00"
    yield "paragraph", "Title", "Title", "normal", _pr(spacing(0, 120), f'<w:b/><w:color w:val="{accent}"/>{size(28)}')
    yield "paragraph", "Subtitle", "Subtitle", "normal", _pr(spacing(0, 60), f'<w:color w:val="{quiet}"/>{size(12)}')
    sizes = {1: 18, 2: 14.5, 3: 12, 4: 10.5, 5: 10, 6: 10}
    for level, points in sizes.items():
        before = {1: 360, 2: 320, 3: 220}.get(level, 160)
        inner = f'<w:keepNext/><w:keepLines/>{spacing(before, 80)}<w:outlineLvl w:val="{level - 1}"/>'
        ink = accent if level < 3 else "1B2127"
        name = f"heading {level}"
        yield "paragraph", f"Heading{level}", name, "normal", _pr(inner, f'<w:b/><w:color w:val="{ink}"/>{size(points)}')
    yield (
        "paragraph",
        "TOCHeading",
        "TOC Heading",
        "normal",
        _pr(f"<w:keepNext/>{spacing(0, 160)}", f'<w:b/><w:color w:val="{accent}"/>{size(18)}'),
    )
    tab = '<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="9410"/></w:tabs>'
    yield "paragraph", "TOC1", "toc 1", "normal", _pr(f"{tab}{spacing(100, 20)}", "<w:b/>")
    yield "paragraph", "TOC2", "toc 2", "normal", _pr(f'{tab}{spacing(0, 20)}<w:ind w:left="284"/>', size(9.5))
    for name in ("List Bullet", "List Number"):
        yield "paragraph", name.replace(" ", ""), name, "normal", _pr(f"{spacing(0, 40)}<w:contextualSpacing/>", "")
    edge = '<w:pBdr><w:left w:val="single" w:sz="18" w:space="6" w:color="{colour}"/></w:pBdr>'
    bar = f'{edge.format(colour="B9C2CC")}{spacing(60, 60)}<w:ind w:left="284"/>'
    yield "paragraph", "Quote", "Quote", "normal", _pr(bar, '<w:color w:val="3C4650"/>')
    yield "paragraph", "Caption", "caption", "normal", _pr(spacing(60, 200), f'<w:color w:val="{quiet}"/>{size(9)}')
    yield "paragraph", "Header", "header", "normal", _pr(spacing(0, 0), f'<w:color w:val="{quiet}"/>{size(8.5)}')
    yield "paragraph", "Footer", "footer", "normal", _pr(spacing(0, 0), f'<w:color w:val="{quiet}"/>{size(8.5)}')
    # A link differs from text by its line, not by its colour alone (WCAG 2.2, 1.4.1).
    yield "character", "Hyperlink", "Hyperlink", "", '<w:rPr><w:color w:val="1F4E79"/><w:u w:val="single"/></w:rPr>'
    yield "character", "CodeText", "Code Text", "", f"<w:rPr>{code}<w:noProof/>{size(9)}</w:rPr>"
    shade = '<w:shd w:val="clear" w:color="auto" w:fill="F7F8FA"/>'
    # Code is broken anywhere: a long line must not leave the page.
    lines = f'<w:wordWrap w:val="0"/>{spacing(0, 0, 250)}<w:contextualSpacing/><w:jc w:val="left"/>'
    yield (
        "paragraph",
        "CodeBlock",
        "Code Block",
        "normal",
        _pr(f"<w:widowControl/>{shade}{lines}", f"{code}<w:noProof/>{size(8)}"),
    )
    yield (
        "paragraph",
        "CodeHead",
        "Code Head",
        "normal",
        _pr('<w:keepNext/><w:keepLines/><w:shd w:val="clear" w:color="auto" w:fill="EEF1F4"/>' + spacing(120, 0), size(8.5)),
    )
    yield (
        "paragraph",
        "CodeNote",
        "Code Note",
        "normal",
        _pr(
            f'{edge.format(colour=accent)}{spacing(20, 40)}<w:ind w:left="620"/>',
            size(9.5),
        ),
    )
    yield (
        "paragraph",
        "Audience",
        "Audience",
        "normal",
        _pr(f"<w:keepNext/>{spacing(0, 60)}", f'<w:b/><w:color w:val="{warn}"/>{size(9)}'),
    )
    yield "paragraph", "TableText", "Table Text", "normal", _pr(spacing(20, 20, 240), size(9))
    yield "paragraph", "Remark", "Remark", "normal", _pr(spacing(40, 80), f'<w:color w:val="{quiet}"/>{size(9)}')
    rule = '<w:{side} w:val="single" w:sz="4" w:space="0" w:color="D5DAE0"/>'
    rules = "".join(rule.format(side=side) for side in ("top", "bottom", "insideH"))
    margins = "".join(
        f'<w:{side} w:w="{width}" w:type="dxa"/>' for side, width in (("top", 30), ("left", 85), ("bottom", 30), ("right", 85))
    )
    head = (
        '<w:tblStylePr w:type="firstRow"><w:rPr><w:b/><w:color w:val="FFFFFF"/></w:rPr>'
        f'<w:tcPr><w:shd w:val="clear" w:color="auto" w:fill="{accent}"/></w:tcPr></w:tblStylePr>'
    )
    yield (
        "table",
        "FindingsTable",
        "Findings Table",
        "normal table",
        (f"<w:tblPr><w:tblBorders>{rules}</w:tblBorders><w:tblCellMar>{margins}</w:tblCellMar></w:tblPr>{head}"),
    )


def _pr(paragraph: str, run: str) -> str:
    return f"<w:pPr>{paragraph}</w:pPr>" + (f"<w:rPr>{run}</w:rPr>" if run else "")


def spacing(before: int, after: int, line: int | None = None) -> str:
    """Return the element for the space around a paragraph, in twentieths of a point; `line` in 240ths of a line."""
    height = f' w:line="{line}" w:lineRule="auto"' if line else ""
    return f'<w:spacing w:before="{before}" w:after="{after}"{height}/>'


def size(points: float) -> str:
    """Return the elements for the size of a font; scripts from right to left have their own."""
    return f'<w:sz w:val="{round(points * 2)}"/><w:szCs w:val="{round(points * 2)}"/>'


def _fonts(name: str) -> str:
    return f'<w:rFonts w:ascii="{name}" w:hAnsi="{name}" w:cs="{name}"/>'


# --- Lists.


def _add_lists(document: Document) -> int:
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
    for offset, is_numbered in enumerate((False, True)):
        root.insert(place + offset, etree.fromstring(_list_levels(first + offset, is_numbered=is_numbered)))
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


def _list_levels(id: int, *, is_numbered: bool) -> str:
    levels = []
    for level in range(9):
        kind, text = ("decimal", f"%{level + 1}.") if is_numbered else ("bullet", "•–▪"[level % 3])
        levels.append(
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>'
            f'<w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/>'
            f'<w:pPr><w:ind w:left="{indent_of(level)}" w:hanging="{LIST_INDENT}"/></w:pPr></w:lvl>'
        )
    opened = f'<w:abstractNum {NAMESPACES} w:abstractNumId="{id}"><w:multiLevelType w:val="multilevel"/>'
    return f"{opened}{''.join(levels)}</w:abstractNum>"


LIST_INDENT: Final = 340


def indent_of(level: int) -> int:
    """Return the indent of a list's text, in twentieths of a point; `level` is 0 for the outermost."""
    return LIST_INDENT * (level + 1)


# --- The program's own document.


def _build_own(engagement: ReportedEngagement) -> bytes:
    """Return a document without content: A4, its fonts by name, no theme and no settings that depend on a machine."""
    language = escape(language_of(engagement))
    first, *others = engagement.language.lower().split("-")
    traditional = first == "zh" and {"hant", "hk", "mo", "tw"} & set(others)
    asian = _EAST_ASIAN["zh-hant"] if traditional else _EAST_ASIAN.get(first, "Microsoft YaHei")
    asian_language = language if first in ("ja", "ko", "zh") else "zh-CN"
    bidi_language = language if engagement.translation.direction == "rtl" else "ar-SA"
    # Fonts that Word brings; LibreOffice takes those of the same widths, by the table of fonts below.
    defaults = (
        f'<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:eastAsia="{asian}" w:cs="Arial"/>'
        f'<w:color w:val="1B2127"/>{size(10.5)}'
        f'<w:lang w:val="{language}" w:eastAsia="{asian_language}" w:bidi="{bidi_language}"/>'
    )
    styles = (
        f"{_XML}<w:styles {NAMESPACES}><w:docDefaults><w:rPrDefault><w:rPr>{defaults}</w:rPr></w:rPrDefault>"
        f"<w:pPrDefault><w:pPr>{spacing(0, 120, 276)}</w:pPr></w:pPrDefault></w:docDefaults>"
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/></w:style>'
        '<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont">'
        '<w:name w:val="Default Paragraph Font"/></w:style>'
        '<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/>'
        '<w:tblPr><w:tblInd w:w="0" w:type="dxa"/></w:tblPr></w:style></w:styles>'
    )
    # 15 is Word 2013 and newer: any less opens in compatibility mode. No `updateFields`, which asks the reader a question.
    settings = (
        f'{_XML}<w:settings {NAMESPACES}><w:zoom w:percent="100"/><w:defaultTabStop w:val="708"/>'
        '<w:characterSpacingControl w:val="doNotCompress"/><w:compat>'
        '<w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat>'
        f'<w:themeFontLang w:val="{language}"/></w:settings>'
    )
    fonts = (
        f'{_XML}<w:fonts {NAMESPACES}><w:font w:name="Calibri"><w:altName w:val="Carlito"/><w:family w:val="swiss"/>'
        f'<w:pitch w:val="variable"/></w:font><w:font w:name="{CODE_FONT}"><w:altName w:val="DejaVu Sans Mono"/>'
        '<w:family w:val="modern"/><w:pitch w:val="fixed"/></w:font></w:fonts>'
    )
    page = (
        '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1418" w:right="1247" w:bottom="1247" w:left="1247" '
        'w:header="624" w:footer="567" w:gutter="0"/></w:sectPr>'
    )
    word, main = "application/vnd.openxmlformats-officedocument.wordprocessingml", "officeDocument"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "word/document.xml": (
            f"{word}.document.main+xml",
            f"{_XML}<w:document {NAMESPACES}><w:body>{page}</w:body></w:document>",
        ),
        "word/styles.xml": (f"{word}.styles+xml", styles),
        "word/settings.xml": (f"{word}.settings+xml", settings),
        "word/fontTable.xml": (f"{word}.fontTable+xml", fonts),
        "word/numbering.xml": (f"{word}.numbering+xml", f"{_XML}<w:numbering {NAMESPACES}/>"),
    }
    types = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, (kind, _) in parts.items())
    package = "http://schemas.openxmlformats.org/package/2006"
    pieces = {name: content for name, (_, content) in parts.items()}
    pieces["[Content_Types].xml"] = (
        f'{_XML}<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{types}</Types>'
    )
    pieces["_rels/.rels"] = _relations(package, {"rId1": (f"{relation}/{main}", "word/document.xml")})
    own = ("styles", "settings", "fontTable", "numbering")
    pieces["word/_rels/document.xml.rels"] = _relations(
        package, {f"rId{number}": (f"{relation}/{name}", f"{name}.xml") for number, name in enumerate(own, start=1)}
    )
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in pieces.items():
            target.writestr(name, content)
    return buffer.getvalue()


def _relations(package: str, relations: Mapping[str, tuple[str, str]]) -> str:
    entries = "".join(f'<Relationship Id="{id}" Type="{kind}" Target="{to}"/>' for id, (kind, to) in relations.items())
    return f'{_XML}<Relationships xmlns="{package}/relationships">{entries}</Relationships>'
