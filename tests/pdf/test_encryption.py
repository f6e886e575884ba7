"""A PDF that only opens with a password."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import samples
from pdfs import bare, carrying
from signers import made_by, person
from trackers.work import made
from typer.testing import CliRunner

from findings_report.cli.app import app
from findings_report.commands.tickets import attach
from findings_report.pdf.embedded_data import Password
from findings_report.pdf.encryption import encrypt, prepare_password
from findings_report.pdf.signing import TrustAnchors, validate_signatures
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.report import archive
from findings_report.report.check import Inputs
from findings_report.tickets.attach import AttachOptions
from findings_report.tickets.http.credentials import Environment

SECRET = "correct h\u00f6rse"


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return carrying(archive.to_json(samples.report()))


def test_it_opens_with_the_password_alone_and_is_the_same_document(pdf: bytes, tmp_path: Path) -> None:
    locked = encrypt(pdf, SECRET, shown="report.pdf")

    with pikepdf.open(io.BytesIO(locked), password=SECRET) as opened:
        assert (opened.encryption.R, opened.encryption.bits) == (6, 256)
        assert opened.attachments["report.json"].get_file().read_bytes() == archive.to_json(samples.report())
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(io.BytesIO(locked), password=SECRET[1:])
    assert b"findings-report/report/1" not in locked
    (tmp_path / "locked.pdf").write_bytes(locked)
    told = subprocess.run(
        ["pdfinfo", "-upw", SECRET, tmp_path / "locked.pdf"], capture_output=True, text=True, check=True
    ).stdout
    assert "algorithm:AES-256" in told


def test_it_is_not_said_to_be_archival_any_more() -> None:
    locked = encrypt(bare(Title="Review"), SECRET, shown="report.pdf")

    with pikepdf.open(io.BytesIO(locked), password=SECRET) as opened:
        metadata = opened.Root.Metadata.read_bytes()
    assert b"pdfaid:part>" not in metadata
    assert b"Review" in metadata


def test_what_is_encrypted_signed_or_damaged_is_refused(pdf: bytes) -> None:
    signed = made_by(pdf, person("Ada").plain)
    locked = encrypt(pdf, SECRET, shown="report.pdf")

    for content, fault in ((locked, "encrypted already"), (signed, "it is signed"), (pdf[:400], "it is a damaged PDF")):
        with pytest.raises(FindingsReportError, match=fault) as caught:
            encrypt(content, SECRET, shown="report.pdf")
        assert caught.value.problems[0].kind is Kind.INPUT


JARGON = re.compile(r"qpdf|pikepdf|hanko|BytesIO|offset|xref|object|trailer|stream|dict|None|Error|0x|attribute", re.IGNORECASE)


def test_a_damaged_pdf_is_reported_without_the_words_of_a_library(pdf: bytes) -> None:
    """Cut short, and with damage at many places; what can still be read is no fault."""
    key, chosen = person("Ada").plain, random.Random(20)  # noqa: S311  # the same damage every time
    anchors = TrustAnchors(person("Ada").plain.certificates, b"")
    damaged = [pdf[:length] for length in (400, len(pdf) // 2, len(pdf) - 30)]
    for _ in range(8):
        start = chosen.randrange(100, len(pdf) - 200)
        damaged.append(pdf[:start] + bytes(chosen.randrange(256) for _ in range(100)) + pdf[start + 100 :])
    end = pdf.rindex(b"startxref")
    damaged += [
        pdf[:end] + b"startxref\n17\n%%EOF\n",
        pdf.replace(b"/Type /Pages", b"/Type /Xages"),
        pdf.replace(b"/Root", b"/Rxxt"),
    ]
    reported = 0
    for content in damaged:
        for work in (
            lambda content: encrypt(content, SECRET, shown="report.pdf"),
            lambda content: made_by(content, key),
            lambda content: validate_signatures(content, anchors, shown="report.pdf"),
            lambda content: archive.extract(content, shown="report.pdf"),
        ):
            try:
                work(content)
            except FindingsReportError as error:
                (problem,) = error.problems
                reported += "damaged PDF" in problem.fault
                assert problem.kind is Kind.INPUT, problem
                assert not JARGON.search(problem.fault), problem.fault
                assert problem.place == Place("report.pdf")
    assert reported > 15


def test_on_the_command_line_the_password_comes_from_a_file_or_the_environment(pdf: bytes, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(pdf)
    (tmp_path / "password").write_text(f"{SECRET}\r\n")
    runner, arguments = CliRunner(), ["encrypt", f"{tmp_path}/report.pdf", "-o"]

    by_file = runner.invoke(app, [*arguments, f"{tmp_path}/1.pdf", "--password-file", f"{tmp_path}/password"])
    by_name = runner.invoke(app, [*arguments, f"{tmp_path}/2.pdf"], env={"FINDINGS_REPORT_PASSWORD": SECRET})
    empty = runner.invoke(app, [*arguments, f"{tmp_path}/3.pdf"], env={"FINDINGS_REPORT_PASSWORD": ""})
    without = runner.invoke(app, [*arguments, f"{tmp_path}/3.pdf"])

    assert (by_file.exit_code, by_name.exit_code) == (0, 0)
    for name in ("1.pdf", "2.pdf"):
        pikepdf.open(tmp_path / name, password=SECRET).close()
    for refused in (empty, without):
        assert isinstance(refused.exception, FindingsReportError)
        assert refused.exception.problems[0].kind is Kind.USAGE
    assert not (tmp_path / "3.pdf").exists()


@pytest.mark.parametrize(("password", "is_accepted"), [("é" * 63 + "x", True), ("é" * 64, False)])
def test_a_password_that_a_pdf_would_cut_is_refused(pdf: bytes, password: str, *, is_accepted: bool) -> None:
    if is_accepted:
        pikepdf.open(io.BytesIO(encrypt(pdf, password, shown="report.pdf")), password=password).close()
    else:
        problem = problem_of(lambda: encrypt(pdf, password, shown="report.pdf"))
        assert (problem.kind, problem.code) == (Kind.USAGE, "pdf-password-length")
        assert "128 bytes in UTF-8" in problem.fault


def test_a_password_of_which_saslprep_leaves_nothing_is_refused(pdf: bytes) -> None:
    # The PDF opened without a password.
    problem = problem_of(lambda: encrypt(pdf, "\u00ad\u200d\ufe0f", shown="report.pdf"))

    assert (problem.kind, problem.code) == (Kind.USAGE, "pdf-password-length")


@pytest.mark.parametrize(
    ("password", "named"),
    [
        ("a\x07b", "the character U+0007"),  # RFC 4013, section 3
        ("a\u0085b", "the character U+0085"),
        ("a\ue075b", "the character U+E075"),
        ("a\u202eb", "the character U+202E"),
        ("a\ufdd0b", "the character U+FDD0"),
        ("a\ufffdb", "the character U+FFFD"),
        ("a\u2ff0b", "the character U+2FF0"),
        ("a\U000e0041b", "the character U+E0041"),
        ("\u0627b\u0628", "letters of scripts of both directions"),
        ("\u06271", "letters of a script from right to left that are neither its first nor its last character"),
    ],
)
def test_a_password_that_saslprep_prohibits_is_refused(pdf: bytes, password: str, named: str) -> None:
    problem = problem_of(lambda: encrypt(pdf, password, shown="report.pdf"))

    assert (problem.kind, problem.code) == (Kind.USAGE, "pdf-password-characters")
    assert f"has {named}, which" in problem.fault
    assert password not in str(problem)


def test_a_password_from_right_to_left_is_taken(pdf: bytes) -> None:
    assert encrypt(pdf, "\u06271\u0628", shown="report.pdf").startswith(b"%PDF-")


def test_what_is_no_pdf_is_named_as_such() -> None:
    assert problem_of(lambda: encrypt(b"<html>", SECRET, shown="report.pdf")).fault == "it is no PDF"


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("e\u0301", "\u00e9"),  # an accent of its own
        ("I\u00adX", "IX"),  # RFC 4013, section 3: a soft hyphen is mapped to nothing
        ("\u00aa", "a"),  # and NFKC
        ("a\u00a0b\u3000c", "a b c"),  # other spaces
        ("\U0001f511", "\U0001f511"),  # not in Unicode 3.2
    ],
)
def test_a_password_is_prepared_by_saslprep(pdf: bytes, typed: str, prepared: str) -> None:
    assert prepare_password(typed) == prepared
    locked = encrypt(pdf, typed, shown="report.pdf")

    pikepdf.open(io.BytesIO(locked), password=prepared).close()
    archive.read(locked, "report.pdf", password=lambda _: typed)


def test_a_pdf_that_another_program_encrypted_opens_with_the_password_as_typed(pdf: bytes) -> None:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.save(buffer, encryption=pikepdf.Encryption(owner="e\u0301", user="e\u0301", R=6))

    archive.read(buffer.getvalue(), "report.pdf", password=lambda _: "e\u0301")


def test_a_byte_order_mark_in_a_password_file_is_not_part_of_it(pdf: bytes, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(pdf)
    (tmp_path / "password").write_bytes(b"\xef\xbb\xbf" + SECRET.encode() + b"\r\n")

    encrypted = CliRunner().invoke(app, ["encrypt", f"{tmp_path}/report.pdf", "--password-file", f"{tmp_path}/password"])

    assert encrypted.exit_code == 0
    pikepdf.open(tmp_path / "report.pdf", password=SECRET).close()


def test_a_password_file_that_is_not_utf_8_locks_nothing(pdf: bytes, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(pdf)
    (tmp_path / "password").write_text(SECRET, encoding="utf-16")

    refused = CliRunner().invoke(app, ["encrypt", f"{tmp_path}/report.pdf", "--password-file", f"{tmp_path}/password"])

    assert isinstance(refused.exception, FindingsReportError)
    assert refused.exception.problems[0].fault == "the password is not UTF-8"
    assert (tmp_path / "report.pdf").read_bytes() == pdf


@pytest.fixture(scope="module")
def locked(pdf: bytes) -> bytes:
    return encrypt(pdf, SECRET, shown="report.pdf")


def problem_of(act: Callable[[], object]) -> Problem:
    with pytest.raises(FindingsReportError) as caught:
        act()
    (problem,) = caught.value.problems
    return problem


def test_with_its_password_it_is_read_back_and_the_password_is_asked_for_by_the_name_of_the_pdf(locked: bytes) -> None:
    asked: list[str] = []

    def password(shown: str) -> str:
        asked.append(shown)
        return SECRET

    assert archive.read(locked, "locked.pdf", password=password) == samples.report()
    assert asked == ["locked.pdf"]


def test_nobody_is_asked_for_the_password_of_a_pdf_that_is_not_encrypted(pdf: bytes) -> None:
    assert archive.read(pdf, "report.pdf", password=pytest.fail) == samples.report()


def test_a_wrong_password_and_none_are_one_message_each(locked: bytes) -> None:
    wrong = problem_of(lambda: archive.read(locked, "locked.pdf", password=lambda _: SECRET[1:]))
    none = problem_of(lambda: archive.read(locked, "locked.pdf"))

    assert (wrong.kind, wrong.fault) == (Kind.USAGE, "it does not open with this password")
    assert (none.kind, none.fault) == (Kind.USAGE, "it is encrypted")
    assert none.remedy == "give its password in a file with --password-file, or in FINDINGS_REPORT_PASSWORD"


def test_the_password_reaches_the_child_by_no_argument_and_no_variable(locked: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    start = subprocess.Popen

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        seen.extend([*command, *options["env"], *options["env"].values()])
        return start(command, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setenv("FINDINGS_REPORT_PASSWORD", SECRET)

    archive.read(locked, "locked.pdf", password=lambda _: SECRET)

    assert "findings_report.pdf.embedded_data" in seen
    assert not [text for text in seen if SECRET in text or "PASSWORD" in text]


@pytest.fixture
def folder(locked: bytes, tmp_path: Path) -> Path:
    (tmp_path / "locked.pdf").write_bytes(locked)
    (tmp_path / "report.json").write_bytes(archive.to_json(samples.report()))
    (tmp_path / "password").write_text(f"{SECRET}\n")
    (tmp_path / "wrong").write_text("wrong\n")
    return tmp_path


@pytest.mark.parametrize("command", [["extract", "locked.pdf", "-o", "out.json"], ["diff", "report.json", "locked.pdf"]])
def test_on_the_command_line_its_password_comes_by_the_same_ways(
    command: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    runner = CliRunner()

    by_file = runner.invoke(app, [*command, "--password-file", "password"])
    by_name = runner.invoke(app, command, env={"FINDINGS_REPORT_PASSWORD": SECRET})
    wrong = runner.invoke(app, [*command, "--password-file", "wrong"])
    without = runner.invoke(app, command)

    assert (by_file.exit_code, by_name.exit_code) == (0, 0), by_file.output
    assert str(wrong.exception) == "it does not open with this password"
    assert str(without.exception) == "it is encrypted"
    assert not Path("out.json").exists() or Path("out.json").read_bytes() == Path("report.json").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("command", [["extract", "locked.pdf", "-o", "out.json"], ["diff", "report.json", "locked.pdf"]])
def test_on_a_terminal_it_is_prompted_for_and_not_shown(command: list[str], folder: Path) -> None:
    master, terminal = pty.openpty()
    program = [sys.executable, "-c", "from findings_report.cli.app import main; main()"]
    process = subprocess.Popen(
        [*program, *command], cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)

    shown = b""
    with contextlib.suppress(OSError):  # Linux: the end of a terminal
        while piece := os.read(master, 1000):
            shown += piece
            if shown.endswith(b"password of locked.pdf: "):
                os.write(master, SECRET.encode() + b"\n")
    os.close(master)

    assert process.wait() == 0, shown
    assert SECRET.encode() not in shown
    assert shown.count(b"password of locked.pdf: ") == 1


def test_attached_its_comment_says_what_it_holds_only_to_who_has_the_password(folder: Path) -> None:
    (folder / "desk").mkdir()
    work = made(folder / "desk", {"PATH": "/usr/bin:/bin"})
    (work.root / "keep.py").write_text("import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())")
    program = [sys.executable, str(work.root / "keep.py")]

    def told(password: Password) -> tuple[str, list[str]]:
        kept = work.root / f"told-{len(list(work.root.glob('told-*')))}"
        work.environment["FINDINGS_REPORT_COMMAND_DESK"] = shlex.join([*program, str(kept)])
        inputs = Inputs(work.root, {}, password=password)
        options = AttachOptions((folder / "locked.pdf",), (f"command:desk/{kept.name}",), inputs)
        done = attach(options, Environment(work.environment), lambda _: None)
        return kept.read_text(), [problem.fault for problem in done.problems]

    title = samples.report().engagement.title
    comment, said = told(lambda _: SECRET)
    assert title in comment
    assert said == []
    comment, said = told(lambda _: None)
    assert title not in comment
    assert said == ["the file is encrypted: the comment does not describe its content"]
    assert problem_of(lambda: told(lambda _: "wrong")).kind is Kind.USAGE
    assert len(list(work.root.glob("told-*"))) == 2
