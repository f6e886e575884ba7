"""A PDF carries the data that it was made from, and gives it back byte for byte; what else may come as a PDF is refused."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import samples
from pdfs import carrying, saved
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from findings_report.commands.pdf import extract
from findings_report.model.comparison import Comparison, ComparisonSide, Document
from findings_report.model.engagement import State
from findings_report.problems import FindingsReportError, Kind
from findings_report.report import archive


def comparison() -> Comparison:
    side = ComparisonSide(source="old", title="Review", version=None, date=None, state=State.FINAL, total=0, commits=())
    return Comparison(
        engagement=samples.engagement(), baseline=side, current=side, counts=(), findings=(), limits=(), components=()
    )


def changed(change: Callable[[Pdf], None], content: bytes | None = None) -> bytes:
    """A report's PDF after `change`."""
    with pikepdf.open(io.BytesIO(carrying(content or archive.to_json(samples.report())))) as pdf:
        change(pdf)
        return saved(pdf)


def fault(content: bytes) -> str:
    with pytest.raises(FindingsReportError) as caught:
        archive.read(content, "old.pdf")
    (problem,) = caught.value.problems
    assert (problem.kind, problem.place and problem.place.file) == (Kind.INPUT, "old.pdf")
    return problem.fault


@pytest.mark.parametrize("report", [samples.report(), samples.report(samples.finding(title="\u202eé \U0001f600 \x07"))])
def test_what_a_pdf_carries_is_the_report_that_it_was_made_from(report: Document) -> None:
    content = archive.to_json(report)

    pdf = carrying(content)

    assert archive.extract(pdf, shown="report.pdf").content == content
    assert archive.read(pdf, "report.pdf") == archive.read(content, "report.json") == report


def test_a_comparison_is_carried_too_and_is_not_taken_for_a_report() -> None:
    content = archive.to_json(comparison())

    pdf = carrying(content, archive.carried_name(comparison()))

    assert archive.extract(pdf, shown="diff.pdf").name == "comparison.json"
    assert archive.document_from_json(content, shown="x") == comparison()
    assert fault(pdf) == fault(content) == "it is a comparison, and a report is wanted"


def test_the_same_data_on_the_same_day_give_the_same_bytes() -> None:
    assert carrying(b"{}") == carrying(b"{}")
    assert carrying(b"{}") != carrying(b"{ }")


@pytest.mark.parametrize(("day", "written"), [(date(2026, 11, 20), "D:20261120000000Z"), (None, "D:19700101000000Z")])
def test_what_it_carries_is_listed_by_viewers_and_associated_with_the_document(day: date | None, written: str) -> None:
    with pikepdf.open(io.BytesIO(carrying(b"{}", day=day))) as pdf:
        file = pdf.Root.Names.EmbeddedFiles.Names[1]

        assert pdf.Root.AF[0].objgen == file.objgen
        assert (str(file.F), str(file.UF), file.AFRelationship) == ("report.json", "report.json", Name.Source)
        assert file.EF.F.Subtype == Name("/application/json")
        assert [str(file.EF.F.Params[key]) for key in ("/CreationDate", "/ModDate")] == [written, written]
        assert file.EF.F.Params.Size == 2


def test_files_that_people_added_are_left_alone() -> None:
    def add(pdf: Pdf) -> None:
        pdf.attachments["notes.txt"] = b"seen"

    assert archive.read(changed(add), "report.pdf") == samples.report()


def remove(pdf: Pdf) -> None:
    del pdf.Root.Names.EmbeddedFiles


def rename(pdf: Pdf) -> None:
    pdf.Root.Names.EmbeddedFiles.Names[0] = pikepdf.String("other.json")


def twice(pdf: Pdf) -> None:
    names = pdf.Root.Names.EmbeddedFiles.Names
    names.append(names[0])
    names.append(names[1])


def both(pdf: Pdf) -> None:
    pdf.attachments["comparison.json"] = b"{}"


def many(pdf: Pdf) -> None:
    file = pdf.Root.Names.EmbeddedFiles.Names[1]
    pdf.Root.Names.EmbeddedFiles.Names = Array([each for n in range(1001) for each in (pikepdf.String(f"{n:04}"), file)])


def circle(pdf: Pdf) -> None:
    tree = pdf.make_indirect(Dictionary(Limits=Array([pikepdf.String("a"), pikepdf.String("z")])))
    tree.Kids = Array([tree])
    pdf.Root.Names.EmbeddedFiles = Dictionary(Kids=Array([tree]))


def no_stream(pdf: Pdf) -> None:
    pdf.Root.Names.EmbeddedFiles.Names[1].EF.F = Dictionary()


def no_file(pdf: Pdf) -> None:
    pdf.Root.Names.EmbeddedFiles.Names[1] = Dictionary()


def no_tree(pdf: Pdf) -> None:
    pdf.Root.Names = Name.Nothing


def edited(pdf: Pdf) -> None:
    stream = pdf.Root.Names.EmbeddedFiles.Names[1].EF.F
    stream.write(stream.read_bytes().replace(b"critical", b"low"))


def odd_names(pdf: Pdf) -> None:
    pdf.Root.Names.EmbeddedFiles.Names.append(pikepdf.String("more"))


def filtered(filters: Any, parameters: Any = None) -> Callable[[Pdf], None]:
    """The report's stream, said to be packed in a way that it is not."""

    def change(pdf: Pdf) -> None:
        stream = Stream(pdf, b"")
        stream.write(zlib.compress(b"{}" * 10), filter=filters, decode_parms=parameters)
        pdf.Root.Names.EmbeddedFiles.Names[1].EF.F = pdf.make_indirect(stream)

    return change


def bomb(pdf: Pdf) -> None:
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(300)) + packer.flush()
    stream = Stream(pdf, b"")
    stream.write(zlib.compress(packed), filter=Array([Name.FlateDecode, Name.FlateDecode]))
    pdf.Root.Names.EmbeddedFiles.Names[1].EF.F = pdf.make_indirect(stream)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (remove, "it contains no data: neither report.json nor comparison.json is embedded in it"),
        (rename, "it contains no data: neither report.json nor comparison.json is embedded in it, but 1 other"),
        (twice, "it contains 2 data files (report.json, report.json), one is expected"),
        (both, "it contains 2 data files (comparison.json, report.json), one is expected"),
        (many, "more than 1,000 files are embedded in it"),
        (circle, "more than 1,000 files are embedded in it"),
        (no_tree, "it contains no data"),
        (no_stream, "it is a damaged PDF: "),
        (no_file, "it is a damaged PDF: "),
        (odd_names, "it is a damaged PDF: "),
        (filtered(Array([Name.FlateDecode] * 100)), "it is a damaged PDF: "),
        (filtered(Name.JBIG2Decode), "it is a damaged PDF: "),
        (filtered(Name.ASCIIHexDecode), "it is a damaged PDF: "),
        (
            filtered(Name.FlateDecode, Dictionary(Predictor=12, Columns=2**31 - 1, Colors=2**31 - 1, BitsPerComponent=16)),
            "it is a damaged PDF: ",
        ),
        (edited, "the report.json in it was changed: its checksum differs"),
        (bomb, "reading its data takes too much: the confined process answered with more than 256 MiB"),
    ],
)
def test_a_pdf_with_no_data_or_with_wrong_ones_is_refused_with_the_reason(change: Callable[[Pdf], None], said: str) -> None:
    found = fault(changed(change))

    assert found.startswith(said)
    assert "0x" not in found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"schema_name": "findings-report/report/9"}', "it is findings-report/report/9, made by a newer findings-report; "),
        (b"{", "it is not JSON"),
        (b"[]", "it is not a report of findings-report"),
    ],
)  # fmt: skip
def test_data_that_are_no_report_are_refused_as_the_json_would_be(content: bytes, said: str) -> None:
    assert fault(carrying(content)).startswith(said)
    assert fault(content).startswith(said)


@pytest.mark.parametrize("length", [9, 400, -400, -20])
def test_a_pdf_that_was_cut_off_is_refused_and_not_mended(length: int) -> None:
    assert fault(carrying(archive.to_json(samples.report()))[:length]).startswith("it is a damaged PDF: ")


def test_extract_writes_beside_the_pdf_and_replaces_only_what_is_named(tmp_path: Path) -> None:
    content = archive.to_json(samples.report())
    pdf = tmp_path / "Review 1.0.pdf"
    pdf.write_bytes(carrying(content))

    beside = extract(pdf, None)

    assert (beside.path, (tmp_path / "Review 1.0.json").read_bytes()) == (tmp_path / "Review 1.0.json", content)
    with pytest.raises(FindingsReportError, match="exists already"):
        extract(pdf, None)
    assert extract(pdf, str(tmp_path / "Review 1.0.json")).content == content
    assert extract(pdf, f"{tmp_path}/new/").path == tmp_path / "new" / "report.json"
    assert extract(pdf, "-").path is None


@pytest.mark.parametrize("name", ["missing.pdf", "folder", "/dev/null"])
def test_what_is_no_file_is_told_and_not_waited_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(FindingsReportError, match=r"it cannot be read: No such file|it is no file"):
        extract(tmp_path / name, None)


def test_what_is_no_pdf_is_told_as_such() -> None:
    with pytest.raises(FindingsReportError, match="it is no PDF"):
        archive.extract(b"<!doctype html><title>A report</title>", shown="report.html")


def test_a_pdf_that_crashes_the_library_is_refused_and_the_program_goes_on() -> None:
    """Found by fuzzing: a page that is its own parent ends qpdf 12 with a signal."""
    content = (Path(__file__).parents[1] / "fuzz/pdf/page-tree-within-itself").read_bytes()

    with pytest.raises(FindingsReportError) as caught:
        archive.read(content, "report.pdf")

    assert caught.value.problems[0].kind is Kind.INPUT
    assert "it cannot be read: the confined process was ended by SIG" in caught.value.problems[0].fault
