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

from findings_report import sandbox
from findings_report.commands.pdf import extract
from findings_report.model.comparison import Comparison, ComparisonSide, Document
from findings_report.model.engagement import State
from findings_report.pdf import embedded_data
from findings_report.pdf.embedded_data import NO_PASSWORD, WRONG_PASSWORD, ask_with_password, extract_file
from findings_report.problems import FindingsReportError, Kind, Problem
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


def served(content: bytes, **request: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What the confined process answers, computed in this one: its lines count as tried, and it starts at once."""
    return embedded_data.serve({"names": ["report.json", "comparison.json"], **request}, {"pdf": content})


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


def added(count: int) -> Callable[[Pdf], None]:
    """As many files as given beside the report."""

    def change(pdf: Pdf) -> None:
        names = pdf.Root.Names.EmbeddedFiles.Names
        for number in range(count):
            names.extend([pikepdf.String(f"other {number}"), names[1]])

    return change


def added_and_renamed(pdf: Pdf) -> None:
    added(1)(pdf)
    rename(pdf)


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
        (added_and_renamed, "it contains no data: neither report.json nor comparison.json is embedded in it, but 2 others"),
        (added(1000), "more than 1,000 files are embedded in it"),
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
    ],
)
def test_a_pdf_with_no_data_or_with_wrong_ones_is_refused_with_the_reason(change: Callable[[Pdf], None], said: str) -> None:
    reply, blobs = served(changed(change))

    assert (list(reply), blobs) == (["fault"], {})
    assert reply["fault"].startswith(said)
    assert "0x" not in reply["fault"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (remove, "it contains no data: neither report.json nor comparison.json is embedded in it"),
        (circle, "more than 1,000 files are embedded in it"),
        (filtered(Array([Name.FlateDecode] * 100)), "it is a damaged PDF: "),
        (bomb, "reading its data takes too much: the confined process answered with more than 256 MiB"),
    ],
)
def test_what_is_refused_in_the_confined_process_is_told(change: Callable[[Pdf], None], said: str) -> None:
    assert fault(changed(change)).startswith(said)


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


def test_the_only_file_of_its_name_is_found_wherever_it_is_in_the_tree() -> None:
    def nest(pdf: Pdf) -> None:
        names = pdf.Root.Names.EmbeddedFiles.Names
        leaf = Dictionary(Names=names)
        beside = Dictionary(Names=Array([pikepdf.Name("/report.json"), names[1], pikepdf.String("z"), names[1]]))
        pdf.Root.Names.EmbeddedFiles = Dictionary(Kids=Array([beside, Dictionary(Kids=Array([leaf]))]))

    expected = ({"name": "report.json"}, {"file": archive.to_json(samples.report())})
    assert served(changed(nest)) == served(changed(added(999))) == expected


def test_a_file_whose_checksum_is_not_stated_is_taken() -> None:
    def remove_checksum(pdf: Pdf) -> None:
        stream = pdf.Root.Names.EmbeddedFiles.Names[1].EF.F
        stream.write(b"{}")
        del stream.Params.CheckSum

    def remove_parameters(pdf: Pdf) -> None:
        remove_checksum(pdf)
        del pdf.Root.Names.EmbeddedFiles.Names[1].EF.F.Params

    assert served(changed(remove_checksum)) == served(changed(remove_parameters)) == ({"name": "report.json"}, {"file": b"{}"})


def encrypted(password: str) -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(carrying(b"{}"))) as pdf:
        pdf.save(buffer, encryption=pikepdf.Encryption(owner="owner", user=password, R=6))
    return buffer.getvalue()


def test_an_encrypted_pdf_is_locked_until_its_password_is_given() -> None:
    content = encrypted("fish")

    assert served(content) == served(content, password="meat") == ({"locked": True}, {})  # noqa: S106
    assert served(content, password="fish") == ({"name": "report.json"}, {"file": b"{}"})  # noqa: S106
    names = ["report.json"]
    assert extract_file(content, names, shown="a.pdf", password=lambda shown: {"a.pdf": "\ufb01sh"}[shown]).content == b"{}"
    for password, code in ((embedded_data.no_password, NO_PASSWORD), (lambda _: "meat", WRONG_PASSWORD)):
        with pytest.raises(FindingsReportError) as caught:
            extract_file(content, names, shown="a.pdf", password=password)
        (problem,) = caught.value.problems
        assert (problem.kind, problem.code, problem.place and problem.place.file) == (Kind.USAGE, code, "a.pdf")


@pytest.mark.parametrize(
    ("right", "given", "asked"),
    [
        ("", "x", [""]),
        ("\ufb01sh", "\ufb01sh", ["", "\ufb01sh"]),
        ("fish", "\ufb01sh", ["", "\ufb01sh", "fish"]),
        (None, "fish", ["", "fish"]),
        (None, "\ufb01sh", ["", "\ufb01sh", "fish"]),
    ],
)
def test_a_password_is_tried_as_it_was_typed_and_then_prepared(right: str | None, given: str, asked: list[str]) -> None:
    tried: list[str] = []

    def ask(addition: Any) -> sandbox.ChildReply:
        assert addition.keys() <= {"password"}
        tried.append(addition.get("password", ""))
        return sandbox.ChildReply({} if tried[-1] == right else {"locked": True}, {}, "")

    if right is None:
        with pytest.raises(FindingsReportError, match="does not open with this password"):
            ask_with_password(ask, lambda _: given, "a.pdf")
    else:
        assert ask_with_password(ask, lambda _: given, "a.pdf").response == {}
    assert tried == asked


def test_a_pdf_that_is_too_long_is_refused_before_a_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    assert embedded_data.LARGEST_PDF == embedded_data.LARGEST_FILE == 268_435_456
    content = carrying(b"{}")
    monkeypatch.setattr(embedded_data, "LARGEST_PDF", len(content))
    assert extract_file(content, ["report.json"], shown="a.pdf").content == b"{}"

    monkeypatch.setattr(embedded_data, "LARGEST_PDF", len(content) - 1)
    monkeypatch.setattr(sandbox, "start_child", lambda *_, **__: pytest.fail("it was started"))
    with pytest.raises(FindingsReportError, match=f"it has {len(content):,} bytes; at most {len(content) - 1:,} are read"):
        extract_file(content, ["report.json"], shown="a.pdf")


def test_a_longer_pdf_may_take_more() -> None:
    assert embedded_data._limits(0) == sandbox.Limits(20, 2**30, 0, 140, 2**28)
    assert embedded_data._limits(3 * 2**20 + 1) == sandbox.Limits(23, 2**30 + 24 * 2**20 + 8, 0, 152, 2**28)
    assert set(embedded_data.prepare()) == {"/dev/urandom", "/dev/random"}


@pytest.mark.parametrize(
    ("code", "said"),
    [(f"confine-{limit}", "reading its data takes too much: f") for limit in ("memory", "output", "cpu", "wall")]
    + [("confine-crash", "it cannot be read: f")],
)
def test_a_limit_that_is_reached_is_told_as_such(code: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FindingsReportError(Problem(Kind.OUTPUT, "f", code=code))

    monkeypatch.setattr(sandbox, "start_child", fail)
    with pytest.raises(FindingsReportError) as caught:
        extract_file(b"", ["report.json"], shown="a.pdf")

    (problem,) = caught.value.problems
    assert (problem.fault, problem.kind, problem.code) == (said, Kind.INPUT, "report-pdf")
    assert problem.remedy == "use a PDF that findings-report rendered, or the JSON beside it"


def test_nothing_that_the_confined_process_says_moves_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "ask", lambda *_: sandbox.ChildReply({"fault": "\x1b[2J\u202e"}, {}, ""))

    assert fault(carrying(b"{}")) == "\\u{001B}[2J\\u{202E}"
