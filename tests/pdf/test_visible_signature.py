"""A signature that is seen: where it stands, what it says, and which clauses of PDF/A-3 and PDF/UA-1 the signed file keeps."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import clauses
import pikepdf
import pytest
import samples
from pdfs import carrying, printed, render_stamp
from pikepdf import Array, Dictionary, Name, Pdf
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field
from signers import Person, person
from test_timestamps import server, tsa  # noqa: F401 - fixtures
from timestamping import Server

from findings_report.commands.pdf import SignOptions, sign
from findings_report.pdf.signing import Appearance, appearance_html
from findings_report.problems import FindingsReportError
from findings_report.rendering.job import render_each
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report import archive
from findings_report.report.assemble import single_finding_report

pytestmark = pytest.mark.slow

SEEN = SignOptions(visible=True, day=date(2026, 11, 28))
INCH = 72


@pytest.fixture(scope="module")
def ada() -> Person:
    return person("Ada <b>Example</b> & \u202eSons")


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return printed()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signed")


@pytest.fixture(scope="module")
def signed(pdf: bytes, ada: Person, folder: Path) -> bytes:
    return made(pdf, ada, folder, SEEN)


def made(pdf: bytes, who: Person, folder: Path, wishes: SignOptions) -> bytes:
    (folder / "report.pdf").write_bytes(pdf)
    return sign(folder / "report.pdf", who.plain, folder / "signed.pdf", wishes).path.read_bytes()


def text_at_the_top(content: bytes, folder: Path) -> str:
    (folder / "top.pdf").write_bytes(content)
    box = ["-x", "0", "-y", "0", "-W", "595", "-H", "40", "-f", "1", "-l", "1", "-layout"]
    return subprocess.run(
        ["pdftotext", *box, folder / "top.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout.strip()


def pixels(content: bytes, folder: Path) -> bytes:
    """Of the place of the stamp on the first page, a byte each, grey."""
    (folder / "page.pdf").write_bytes(content)
    box = {"-x": Appearance.left, "-y": Appearance.top, "-W": 90 / 25.4 * INCH, "-H": 8 / 25.4 * INCH}
    numbers = [word for option, number in box.items() for word in (option, str(int(number)))]
    command = ["pdftoppm", "-f", "1", "-l", "1", "-r", str(INCH), "-gray", *numbers]
    return subprocess.run([*command, folder / "page.pdf"], capture_output=True, check=True).stdout.split(b"\n", 3)[3]


@pytest.mark.parametrize("which", ["seen", "unseen", "stamped"])
def test_a_signed_report_keeps_the_clauses_that_are_looked_at(
    which: str,
    pdf: bytes,
    ada: Person,
    folder: Path,
    server: Server,  # noqa: F811 - the fixture
) -> None:
    wishes = {
        "seen": SEEN,
        "unseen": SignOptions(),
        "stamped": SignOptions(authority=server.url, visible=True),
    }[which]

    content = made(pdf, ada, folder, wishes)

    assert clauses.violations(content) == []
    checked = subprocess.run(["qpdf", "--check", folder / "signed.pdf"], capture_output=True, text=True, check=True)
    assert checked.stderr == ""


def test_its_metadata_and_all_else_are_those_of_the_report(pdf: bytes, signed: bytes) -> None:
    assert signed.startswith(pdf)
    with pikepdf.open(io.BytesIO(pdf)) as before, pikepdf.open(io.BytesIO(signed)) as after:
        assert after.Root.Metadata.read_bytes() == before.Root.Metadata.read_bytes()
        assert after.docinfo == before.docinfo
        kinds = [clauses.kind(each) for each in clauses.elements(before)]
        assert [clauses.kind(each) for each in clauses.elements(after)] == [*kinds, "Form"]


def test_it_says_who_and_when_to_those_who_look_and_those_who_listen(signed: bytes, folder: Path) -> None:
    said = r"Signed by Ada <b>Example</b> & \u{202E}Sons, 28 November 2026"

    assert " ".join(text_at_the_top(signed, folder).split()) == said.replace(",", "")
    with pikepdf.open(io.BytesIO(signed)) as opened:
        (field,) = opened.Root.AcroForm.Fields
        assert str(field.TU) == said
        (form,) = (each for each in clauses.elements(opened) if clauses.kind(each) == "Form")
        assert str(form.Alt) == said


@pytest.mark.parametrize("template", ["standard", "review"])
def test_it_stands_where_nothing_is(template: str, folder: Path, pdf: bytes, signed: bytes) -> None:
    report = samples.report()
    (single,) = render_each(
        [single_finding_report(report, report.findings[0])],
        "pdf",
        Template(template, (builtin_templates(),)),
        system_fonts=False,
    )

    for content in (single.content, printed(template) if template != "standard" else pdf):
        assert len(set(pixels(content, folder))) == 1
    assert len(set(pixels(signed, folder))) > 10
    assert max(pixels(signed, folder)) == 255


def test_with_a_day_that_is_given_the_same_is_seen_every_time(pdf: bytes, ada: Person, folder: Path) -> None:
    def seen() -> bytes:
        with pikepdf.open(io.BytesIO(made(pdf, ada, folder, SEEN))) as opened:
            (field,) = opened.Root.AcroForm.Fields
            fonts = field.AP.N.Resources.Font
            programs = [fonts[name].DescendantFonts[0].FontDescriptor.FontFile3.read_bytes() for name in sorted(fonts.keys())]
            return bytes(field.AP.N.read_bytes()) + b"".join(programs)

    assert seen() == seen()


def test_a_name_longer_than_the_line_is_cut_off_between_letters_and_found_by_a_search() -> None:
    content = render_stamp(appearance_html("W" * 64, "28 November 2026"))

    told = subprocess.run(["pdftotext", "-", "-"], input=content, capture_output=True, check=True).stdout.decode()
    assert "Signed by " + "W" * 64 in told
    drawn = subprocess.run(["pdftoppm", "-r", "288", "-gray"], input=content, capture_output=True, check=True).stdout
    _, size, _, grey = drawn.split(b"\n", 3)
    width = int(size.split()[0])
    above_the_dots = [grey[row * width : (row + 1) * width] for row in range(22)]
    assert min(min(row[: width * 9 // 10]) for row in above_the_dots) < 100
    assert min(min(row[-12:]) for row in above_the_dots) == 255
    with pikepdf.open(io.BytesIO(content)) as opened:
        assert len(opened.pages) == 1
        assert "/StructTreeRoot" not in opened.Root


def test_a_field_that_somebody_else_placed_is_signed_and_not_moved(ada: Person, folder: Path) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(carrying(archive.to_json(samples.report()))))
    append_signature_field(writer, SigFieldSpec("Signature", box=(10, 10, 50, 50)))
    buffer = io.BytesIO()
    writer.write(buffer)  # type: ignore[no-untyped-call]  # pyHanko has types in part

    with pikepdf.open(io.BytesIO(made(buffer.getvalue(), ada, folder, SignOptions()))) as opened:
        assert [float(edge) for edge in opened.Root.AcroForm.Fields[0].Rect] == [10, 10, 50, 50]
    with pytest.raises(FindingsReportError, match="was placed by another program"):
        made(buffer.getvalue(), ada, folder, SEEN)


def no_name(pdf: Pdf) -> None:
    del pdf.Root.AcroForm.Fields[0].TU


def no_appearance(pdf: Pdf) -> None:
    del pdf.Root.AcroForm.Fields[0].AP


def no_tag(pdf: Pdf) -> None:
    del pdf.Root.AcroForm.Fields[0].StructParent


def no_place_in_the_structure(pdf: Pdf) -> None:
    del pdf.Root.StructTreeRoot.K[0].K[-1]


def another_field(pdf: Pdf) -> None:
    pdf.Root.AcroForm.Fields.append(pdf.make_indirect(Dictionary(FT=Name.Tx, T="x")))


def outside_appearance(pdf: Pdf) -> None:
    pdf.Root.AcroForm.NeedAppearances = True


def note(pdf: Pdf) -> None:
    pdf.pages[0].Annots = Array([pdf.make_indirect(Dictionary(Subtype=Name.Text, F=4, Rect=[0, 0, 1, 1]))])


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        (no_name, "UA 7.18.1"),
        (no_appearance, "6.3.3"),
        (no_tag, "UA 7.18.4"),
        (no_place_in_the_structure, "UA 7.18.4"),
        (another_field, "6.4.1"),
        (outside_appearance, "6.4.1"),
        (note, "6.3.1"),
    ],
)
def test_a_broken_clause_of_a_signature_is_seen(change: Callable[[Pdf], None], clause: str, signed: bytes) -> None:
    with pikepdf.open(io.BytesIO(signed)) as broken:
        change(broken)
        buffer = io.BytesIO()
        broken.save(buffer, force_version="1.7", fix_metadata_version=False)

    assert any(said.startswith(clause) for said in clauses.violations(buffer.getvalue()))
