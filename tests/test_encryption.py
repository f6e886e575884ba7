"""A PDF that only opens with a password."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pikepdf
import pytest
import samples
import test_archival
import test_embedded
import test_signing
from typer.testing import CliRunner

from findings_report import archive, signing
from findings_report.cli import app
from findings_report.errors import FindingsReportError, Kind
from findings_report.renderers.pdf.encryption import encrypt

SECRET = "correct h\u00f6rse"


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return test_embedded.carrying(archive.to_json(samples.report()))


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
    locked = encrypt(test_archival.bare(Title="Review"), SECRET, shown="report.pdf")

    with pikepdf.open(io.BytesIO(locked), password=SECRET) as opened:
        metadata = opened.Root.Metadata.read_bytes()
    assert b"pdfaid:part>" not in metadata
    assert b"Review" in metadata


def test_what_is_encrypted_signed_or_damaged_is_refused(pdf: bytes) -> None:
    signed = signing.sign(pdf, test_signing.person("Ada").plain, shown="report.pdf")
    locked = encrypt(pdf, SECRET, shown="report.pdf")

    for content, fault in ((locked, "encrypted already"), (signed, "it is signed"), (pdf[:400], "it is a damaged PDF")):
        with pytest.raises(FindingsReportError, match=fault) as caught:
            encrypt(content, SECRET, shown="report.pdf")
        assert caught.value.problems[0].kind is Kind.INPUT


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
