"""A PDF that can be kept: PDF/A-3 and PDF/UA-1, as far as assertions of our own reach (no validator looks at it)."""

from __future__ import annotations

import io
import re
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import clauses
import pikepdf
import PIL.Image
import pytest
from pdfs import bare, printed, render_pdf
from pikepdf import Dictionary, Name, Pdf

from findings_report.pdf.archival import to_archival, xmp_packet

TITLE = "Review <of> caf\u00e9s & \u0007 bars"


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return printed()


@pytest.mark.slow
@pytest.mark.parametrize("template", ["standard", "review"])
def test_a_report_breaks_none_of_the_clauses_that_are_looked_at(template: str, tmp_path: Path) -> None:
    content = printed(template)

    assert clauses.violations(content) == []
    (tmp_path / "report.pdf").write_bytes(content)
    checked = subprocess.run(["qpdf", "--check", tmp_path / "report.pdf"], capture_output=True, text=True, check=True)
    assert checked.stderr == ""
    told = subprocess.run(["pdfinfo", tmp_path / "report.pdf"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Tagged: +yes", told)
    assert re.search(r"Metadata Stream: +yes", told)


def untagged(pdf: Pdf) -> None:
    pdf.Root.MarkInfo.Marked = False


def grey_profile(pdf: Pdf) -> None:
    pdf.Root.OutputIntents[0].DestOutputProfile.N = 1


def hidden_link(pdf: Pdf) -> None:
    next(page for page in pdf.pages if "/Annots" in page.obj).obj.Annots[0].F = 2


def script(pdf: Pdf) -> None:
    pdf.Root.OpenAction = pdf.make_indirect(Dictionary(S=Name.JavaScript, JS="app.alert(1)"))


def no_alternative(pdf: Pdf) -> None:
    del next(each for each in clauses.elements(pdf) if clauses.kind(each) == "Figure").Alt


def skipped_heading(pdf: Pdf) -> None:
    next(each for each in clauses.elements(pdf) if clauses.kind(each) == "H2").S = Name.H5


def lonely_file(pdf: Pdf) -> None:
    del pdf.Root.AF


def wrong_width(pdf: Pdf) -> None:
    next(each for each in pdf.objects if isinstance(each, Dictionary) and "/W" in each).W[1][0] += 50


def no_headers(pdf: Pdf) -> None:
    del next(each for each in clauses.elements(pdf) if clauses.kind(each) == "TD").A


def packed_metadata(pdf: Pdf) -> None:
    pdf.Root.Metadata.write(zlib.compress(b""), filter=Name.FlateDecode)
    del pdf.Root.Metadata.Subtype


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "clause"),
    [
        (untagged, "6.7.2"),
        (grey_profile, "6.2.3"),
        (hidden_link, "6.3.2"),
        (script, "6.5.1"),
        (no_alternative, "UA 7.3"),
        (skipped_heading, "UA 7.4.2"),
        (lonely_file, "6.8"),
        (wrong_width, "6.2.11.5"),
        (no_headers, "UA 7.5"),
        (packed_metadata, "6.6.2.1"),
    ],
)
def test_a_broken_clause_is_seen(change: Callable[[Pdf], None], clause: str, pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as broken:
        change(broken)
        buffer = io.BytesIO()
        broken.save(buffer, force_version="1.7", fix_metadata_version=False)

    assert any(said.startswith(f"{clause}: ") or f", {clause}:" in said for said in clauses.violations(buffer.getvalue()))


def test_neither_a_picture_nor_its_transparency_is_interpolated() -> None:
    encoded = io.BytesIO()
    PIL.Image.new("RGBA", (30, 10), (31, 78, 121, 90)).save(encoded, "PNG")
    page = '<html lang="en"><title>x</title><style>html { font-family: Inter }</style><img src="fr-asset:flow" alt="A flow">'

    content = render_pdf(page, pictures={"flow": ("image/png", encoded.getvalue())}).content

    with pikepdf.open(io.BytesIO(content)) as pdf:
        pictures = [found for found in pdf.objects if isinstance(found, pikepdf.Stream) and found.get("/Subtype") == Name.Image]
        assert [picture.Interpolate for picture in pictures] == [False, False]
        assert sum("/SMask" in picture for picture in pictures) == 1
    assert clauses.violations(content) == []


def test_a_pdf_without_tags_is_not_said_to_have_them() -> None:
    content = to_archival(bare(Title="Review"), None)

    assert clauses.violations(content) == []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert b"<pdfaid:conformance>U</pdfaid:conformance>" in pdf.Root.Metadata.read_bytes()
        assert b"pdfuaid:part" not in pdf.Root.Metadata.read_bytes()


def test_the_same_pdf_gives_the_same_archival_one_which_stays_as_it_is_when_it_is_made_archival_again() -> None:
    once = to_archival(bare(Title="Review"), None)

    assert to_archival(bare(Title="Review"), None) == once
    assert len(to_archival(to_archival(once, None), None)) == len(to_archival(once, None))


@pytest.mark.parametrize("is_tagged", [True, False])
def test_metadata_are_xml_whatever_the_title_is(is_tagged: bool) -> None:
    information = {"Title": TITLE, "Author": "A & B", "Keywords": "]]>", "CreationDate": "D:20260320", "Subject": "\ud800"}

    content = xmp_packet(information, "en-GB", is_tagged=is_tagged)

    root = ElementTree.fromstring(content)  # noqa: S314 - our own
    assert root.findtext(f".//{clauses.DC}title/{clauses.RDF}Alt/{clauses.RDF}li") == TITLE.replace("\u0007", "\ufffd")
    assert root.findtext(".//{http://ns.adobe.com/xap/1.0/}CreateDate") == "2026-03-20"
