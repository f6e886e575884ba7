"""The document for Word: whole, valid, in the firm's own form, and nothing in it runs. LibreOffice reads it independently."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import office
import pytest
import samples
from lxml import etree

docx = pytest.importorskip("docx")

from findings_report.model.evidence import Check, Verdict  # noqa: E402
from findings_report.model.report import Report, ReportedDocument  # noqa: E402
from findings_report.problems import FindingsReportError  # noqa: E402
from findings_report.rendering.docx import render  # noqa: E402

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
PROSE = """\
A ~~b~~ [link](https://example.org/?a=1&b=2), a [mail](mailto:a@example.org), [](finding:NTR-002) and [](finding:GONE-9).[^1]

3. three
4. four

   - inner

     more
- [x] done

> [!WARNING]
> Careful

Term
: Definition

Table: Hosts {#hosts}

| a | b |
|---|--:|
| 1 | 2 |

See [](table:hosts). \u05e9\u05dc\u05d5\u05dd, 12 \u4e2d\u6587.

```python
def f(): return "x"
```

[^1]: A footnote.
"""


def parts_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


def text_of(element: etree._Element) -> str:
    return "".join(text.text or "" for text in element.iter(f"{W}t"))


def body_of(report: Report) -> etree._Element:
    return etree.fromstring(parts_of(render(report).content)["word/document.xml"])


def styles_in(body: etree._Element) -> set[str]:
    return {style.attrib[f"{W}val"] for style in body.iter(f"{W}pStyle")}


def word_file(*paragraphs: str, header: str = "", change: Callable[[object], None] = lambda _: None) -> ReportedDocument:
    """A firm's document with these paragraphs; a `|` in one begins another run, as Word splits texts."""
    document = docx.Document()
    for text in paragraphs:
        paragraph = document.add_paragraph()
        for run in text.split("|"):
            paragraph.add_run(run)
    if header:
        document.sections[0].header.paragraphs[0].text = header
    change(document)
    buffer = io.BytesIO()
    document.save(buffer)
    return ReportedDocument(file="firm.docx", sha256="0" * 64, content=buffer.getvalue())


def in_firms_form(firm: ReportedDocument, **changed: object) -> Report:
    return samples.report(engagement=samples.engagement(docx_template=firm, **changed))


def test_it_has_words_own_styles_fields_and_properties() -> None:
    report = samples.report(samples.full_finding(description=PROSE, placed=()), samples.finding())
    content = render(report).content
    body = etree.fromstring(parts_of(content)["word/document.xml"])
    document = docx.Document(io.BytesIO(content))
    names = {paragraph.style.name for paragraph in document.paragraphs}

    assert names >= {
        "Heading 1",
        "Heading 2",
        "Heading 3",
        "List Bullet",
        "List Number",
        "Quote",
        "Caption",
        "Code Block",
        "toc 1",
    }
    instructions = " ".join(
        [text.text or "" for text in body.iter(f"{W}instrText")]
        + [field.attrib[f"{W}instr"] for field in body.iter(f"{W}fldSimple")]
    )
    assert set(re.findall(r"[A-Z]{3,}", instructions)) <= {"TOC", "PAGEREF", "SEQ", "ARABIC", "NTR"}
    assert (document.core_properties.title, document.core_properties.language) == ("Security review of Neutron IPAM", "en-US")
    assert document.core_properties.created.replace(tzinfo=None) == datetime(2026, 11, 20)
    starts = {
        start.attrib[f"{W}val"] for start in etree.fromstring(parts_of(content)["word/numbering.xml"]).iter(f"{W}startOverride")
    }
    assert {"3", "1"} <= starts
    heads = " ".join(
        part.decode() for name, part in parts_of(content).items() if "word/header" in name or "word/footer" in name
    )
    assert "PAGE" in heads
    assert "NUMPAGES" in heads
    assert "Confidential" in heads
    assert body.find(f".//{W}tblHeader") is not None
    assert body.find(f".//{W}rtl") is not None


ORDER = {
    "pPr": "pStyle keepNext keepLines pageBreakBefore widowControl numPr pBdr shd tabs wordWrap bidi spacing ind "
    "contextualSpacing jc outlineLvl",
    "rPr": "rStyle rFonts b bCs i iCs strike noProof color sz szCs u shd vertAlign rtl lang",
    "tblPr": "tblStyle bidiVisual tblW tblInd tblBorders tblLayout tblCellMar tblLook tblCaption",
    "tcPr": "tcW shd tcMar",
    "style": "name basedOn qFormat pPr rPr tblPr tblStylePr",
    "lvl": "start numFmt lvlText lvlJc pPr",
    "settings": "zoom defaultTabStop characterSpacingControl updateFields footnotePr compat themeFontLang",
}
"""Elements in the order of wml.xsd (ECMA-376, part 1), which Word insists on."""


@pytest.mark.parametrize("language", ["en", "he"])
def test_elements_are_in_the_order_of_the_schema(language: str) -> None:
    report = samples.report(samples.full_finding(description=PROSE), engagement=samples.engagement(language=language))
    parts = parts_of(render(report).content)

    for name in ("word/document.xml", "word/styles.xml", "word/numbering.xml", "word/settings.xml", "word/footnotes.xml"):
        for kind, order in ORDER.items():
            for element in etree.fromstring(parts[name]).iter(f"{W}{kind}"):
                places = [order.split().index(etree.QName(child).localname) for child in element]
                assert places == sorted(places), etree.tostring(element)
    for cell in etree.fromstring(parts["word/document.xml"]).iter(f"{W}tc"):
        assert cell[-1].tag == f"{W}p"


def test_every_link_within_leads_to_a_bookmark_and_no_bookmark_is_there_twice() -> None:
    body = body_of(samples.report(samples.full_finding(description=PROSE), samples.finding(description=PROSE)))
    names = [mark.attrib[f"{W}name"] for mark in body.iter(f"{W}bookmarkStart")]
    ids = [mark.attrib[f"{W}id"] for mark in body.iter(f"{W}bookmarkStart")]
    targets = {link.attrib[f"{W}anchor"] for link in body.iter(f"{W}hyperlink") if f"{W}anchor" in link.attrib}

    assert targets <= set(names)
    assert len(names) == len(set(names))
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z]\w{0,39}", name) for name in names)


def test_the_contents_have_every_heading_and_no_page_number_that_nobody_counted() -> None:
    section = samples.sections()[0].model_copy(update={"text": "# A `b`[^1]\n\n[^1]: Note.\n\n> # Quoted\n"})
    report = samples.report(samples.full_finding(), sections=(section,))
    content = render(report).content
    body = etree.fromstring(parts_of(content)["word/document.xml"])
    styles = {style.style_id: style.name for style in docx.Document(io.BytesIO(content)).styles}
    by_style: dict[str, list[etree._Element]] = {}
    for paragraph in body.iter(f"{W}p"):
        style = paragraph.find(f"{W}pPr/{W}pStyle")
        by_style.setdefault("" if style is None else styles[style.attrib[f"{W}val"]], []).append(paragraph)
    entries = [paragraph for name in ("toc 1", "toc 2") for paragraph in by_style[name]]
    headings = [paragraph for name in ("Heading 1", "Heading 2") for paragraph in by_style[name]]

    assert sorted(text_of(entry) for entry in entries) == sorted(text_of(heading) for heading in headings)
    marks = {mark.attrib[f"{W}name"] for heading in headings for mark in heading.iter(f"{W}bookmarkStart")}
    for entry in entries:
        (page,) = [text.text for text in entry.iter(f"{W}instrText") if "PAGEREF" in text.text]
        assert page.split()[1] in marks
        assert [kind.attrib[f"{W}fldCharType"] for kind in entry.iter(f"{W}fldChar")][-3:][:2] == ["begin", "separate"]
    # Word has a table of contents; other programs have fields for pages only, which they count.
    (contents,) = [text for text in body.iter(f"{W}instrText") if "TOC" in text.text]
    assert contents.getparent().attrib == {"Requires": "w15"}
    assert contents.getparent().nsmap["w15"] == "http://schemas.microsoft.com/office/word/2012/wordml"
    assert b'<w:updateFields w:val="true"/>' in parts_of(content)["word/settings.xml"]


NOTES = """\
Once[^a], twice[^a] and **more[^b]**.

| a[^c] |
|---|
| [^b] |

[^a]: A [link](https://example.org/in-a-note) and ![](image:none).

    - with a list
[^b]:
    ```
    code
    ```
[^c]: \u05e9\u05dc\u05d5\u05dd {{ title }}
"""


def test_footnotes_are_words_own() -> None:
    nested = samples.finding("NTR-9", description="Outer[^1].\n\n[^1]: Inner[^2].\n[^2]: Deep.")
    parts = parts_of(render(samples.report(samples.full_finding(description=NOTES, placed=()), nested)).content)
    body, notes = (etree.fromstring(parts[f"word/{name}.xml"]) for name in ("document", "footnotes"))
    texts = {note.attrib[f"{W}id"]: text_of(note).split() for note in notes if f"{W}type" not in note.attrib}
    ids = [mark.attrib[f"{W}id"] for mark in body.iter(f"{W}footnoteReference")]

    # In the order of the marks in the text, each once: by it Word numbers them.
    assert [texts[id][0][:4] for id in ids] == ["A", "code", "\u05e9\u05dc\u05d5\u05dd"]
    assert list(texts) == ids
    again = [text.getparent() for text in body.iter(f"{W}instrText") if "NOTEREF" in text.text]
    assert [run.getnext().getnext().findtext(f"{W}t") for run in again] == ["1", "2"]
    assert b"in-a-note" in parts["word/_rels/footnotes.xml.rels"]
    assert b"in-a-note" not in parts["word/_rels/document.xml.rels"]
    # Word has no note within a note.
    shown = office.read_text(render(samples.report(nested)).content)
    assert [line for line in shown.split("\n") if line in ("Outer\u00b9.", "\u00b9 Inner\u00b2.", "\u00b2 Deep.")] == [
        "Outer\u00b9.", "\u00b9 Inner\u00b2.", "\u00b2 Deep.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        '</w:t></w:r><w:r><w:instrText>DDEAUTO c:\\\\windows "x"</w:instrText></w:r><w:r><w:t>',
        "]]><!ENTITY x SYSTEM 'file:///etc/passwd'>&x;",
        '" TargetMode="External" Target="file:///x',
        "{ INCLUDETEXT http://evil.example/ }",
        "\x00\x08\ufffe\u202e{{ 7*7 }}{% raw %}",
        "[x](javascript:alert) [y](file:///etc/passwd) ![z](https://evil.example/x.png) \\\\evil\\share",
    ],
)
def test_hostile_texts_stay_texts(text: str) -> None:
    finding = samples.full_finding(
        title=text, description=text, category=text, tags=(text,), snippets=(samples.snippet(0, {1: text}, permalink=None),),
        placed=(), references=(), fix=None,
    )  # fmt: skip
    engagement = samples.engagement(title=text, client=text, confidentiality=text, repositories=())
    parts = parts_of(render(samples.report(finding, engagement=engagement, sections=())).content)

    for name, part in parts.items():
        if name.endswith((".xml", ".rels")):
            etree.fromstring(part)
            assert b"<!ENTITY" not in part
            assert not re.search(rb"<w:(?:instrText|fldSimple)[^>]*>?[^<]*(?:DDE|INCLUDE|evil)", part)
    relations = [part.decode() for name, part in parts.items() if name.endswith(".rels")]
    external = re.findall(r'<Relationship [^>]*TargetMode="External"[^>]*>', "".join(relations))
    allowed = re.compile(r'Target="(?:https://(?:cwe\.mitre\.org|example\.org|opendev\.org)|http://evil\.example/|mailto:)')
    assert all(allowed.search(each) and "/hyperlink" in each for each in external)
    assert not any(name.endswith((".bin", ".emf")) for name in parts)


def test_the_same_report_gives_the_same_bytes() -> None:
    content = render(samples.report()).content

    assert content == render(samples.report()).content
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert parts.namelist()[0] == "[Content_Types].xml"


def test_pictures_have_alternative_texts_and_unverified_code_says_so() -> None:
    unread = samples.snippet(check=Check(verdict=Verdict.UNCHECKED))
    content = render(samples.report(samples.full_finding(), samples.finding("X-1", snippets=(unread,)))).content
    pictures = re.findall(rb'<wp:docPr [^>]*descr="([^"]*)"', parts_of(content)["word/document.xml"])

    assert set(pictures) == {b"Example Audits", b"How a request flows"}
    assert "not verified against the repository" in office.read_text(content)


def test_it_is_in_the_reports_language_and_from_right_to_left() -> None:
    german = office.read_text(render(samples.report(engagement=samples.engagement(language="de"))).content)
    hebrew = body_of(samples.report(engagement=samples.engagement(language="he")))

    assert "Sicherheitsprüfung" in german
    assert "Seite" in german
    assert "20. November 2026" in german.replace("\u00a0", " ")
    assert hebrew.find(f".//{W}pPr/{W}bidi") is not None
    assert hebrew.find(f".//{W}bidiVisual") is not None


def test_the_firms_document_gives_styles_heads_and_cover() -> None:
    firm = word_file(
        "Report {{ ti|tle }} for {{ customer }}", "{{ report }}", "The end", header="{{ classification }} {{ date }}"
    )
    content = render(in_firms_form(firm, title="{{ 7*7 }} <b>")).content
    text = office.read_text(content)

    assert text.startswith("Report {{ 7*7 }} <b> for Example Networks\nContents")
    assert text.index("How the quotes were verified") < text.index("The end")
    assert "Confidential 20 November 2026" in text
    assert "Security assessment" not in text
    styles = parts_of(content)["word/styles.xml"].decode()
    assert styles.count('<w:name w:val="heading 1"') == 1
    assert 'w:val="Code Block"' in styles


def with_notes(firm: ReportedDocument) -> ReportedDocument:
    """The same document with a footnote in its first paragraph, as Word has them."""
    types = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    names = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    changes = {
        "[Content_Types].xml": ("</Types>", f'<Override PartName="/word/footnotes.xml" ContentType="{types}"/></Types>'),
        "word/_rels/document.xml.rels": ("</R", f'<Relationship Id="rId99" Type="{names}" Target="footnotes.xml"/></R'),
        "word/document.xml": ("</w:r></w:p>", '</w:r><w:r><w:footnoteReference w:id="7"/></w:r></w:p>'),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, part in parts_of(firm.content).items():
            target.writestr(name, part.decode("utf-8", "surrogateescape").replace(*changes.get(name, ("", "")), 1)
                            if name in changes else part)  # fmt: skip
        notes = '<w:footnote w:id="7"><w:p><w:r><w:t>For {{ client }}</w:t></w:r></w:p></w:footnote>'
        target.writestr("word/footnotes.xml", f'<w:footnotes xmlns:w="{W[1:-1]}">{notes}</w:footnotes>')
    return ReportedDocument(file="firm.docx", sha256="0" * 64, content=buffer.getvalue())


def test_footnotes_follow_those_of_the_firms_document() -> None:
    firm = with_notes(word_file("Cover", "{{ report }}"))
    report = samples.report(
        samples.full_finding(description="A[^a] b[^a].\n\n[^a]: Ours."), engagement=samples.engagement(docx_template=firm)
    )
    parts = parts_of(render(report).content)
    notes = etree.fromstring(parts["word/footnotes.xml"])

    assert [(note.attrib[f"{W}id"], text_of(note).strip()) for note in notes] == [("7", "For Example Networks"), ("8", "Ours.")]
    assert 'w:val="FootnoteReference"/></w:rPr><w:t>2</w:t>' in parts["word/document.xml"].decode()


@pytest.mark.parametrize(
    ("firm", "said"),
    [
        (ReportedDocument(file="f", sha256="0", content=b"PK no"), "is not a document of Word"),
        (word_file("{{ custmer }}"), "'custmer' is undefined"),
        (word_file("{{ title."), "title"),
        (word_file("{{ ''.__class__.__mro__ }}"), "unsafe"),
    ],
)
def test_a_firms_document_that_cannot_be_used_is_one_message(firm: ReportedDocument, said: str) -> None:
    with pytest.raises(FindingsReportError) as raised:
        render(in_firms_form(firm))

    (problem,) = raised.value.problems
    assert problem.code == "docx-template"
    assert said in problem.fault


@pytest.mark.slow
def test_libreoffice_prints_it(tmp_path: Path) -> None:
    (tmp_path / "report.docx").write_bytes(render(samples.report(samples.full_finding(description=PROSE, placed=()))).content)

    office.convert(tmp_path / "report.docx", "pdf")

    text = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert "Subnet ids are handed on" in text
    assert re.search(r"Page 2 of \d+", text)
    # The contents have the page that each heading is on, and the footnote is at the foot of the page of its mark.
    pages = [" ".join(page.replace("\u2002", " ").split()) for page in text.split("\f")]
    entries = re.findall(r"(\w[^.]*?) ?\.{5,} ?(\d+)", pages[1].partition("Contents")[2])
    assert len(entries) > 8
    assert all(name in pages[int(number) - 1] for name, number in entries)
    (page,) = [page for page in pages if "A footnote." in page]
    assert page.index("GONE-9") < page.index("A footnote.") < page.index("Version 1.10")
