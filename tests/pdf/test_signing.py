"""A PDF signed with a key, and a signed PDF looked at: what holds, and what is told when it does not."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import samples
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pdfs import carrying
from signers import NOW, SECRET, Person, faults, looked_at, made_by, person
from typer.testing import CliRunner

from findings_report.cli.app import app
from findings_report.commands.pdf import sign
from findings_report.model.report import Report
from findings_report.pdf import signing
from findings_report.pdf.signing import SigningKey
from findings_report.problems import FindingsReportError, Kind, Place
from findings_report.report import archive
from findings_report.system.toolchain import install_extra


@pytest.fixture(scope="module")
def ada() -> Person:
    return person("Ada Example")


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return carrying(archive.to_json(samples.report()))


@pytest.fixture(scope="module")
def signed(pdf: bytes, ada: Person) -> bytes:
    return made_by(pdf, ada.encrypted)


@pytest.mark.parametrize("which", Person._fields)
def test_a_signed_pdf_is_intact_whole_and_of_whom_it_says(which: str, pdf: bytes, ada: Person) -> None:
    made = made_by(pdf, getattr(ada, which))

    found = looked_at(made, ada.plain.certificates)
    assert made.startswith(pdf)
    assert (found.signer, found.is_intact, found.is_whole, found.is_trusted) == ("Common Name: Ada Example", True, True, True)
    assert archive.read(made, "report.pdf") == samples.report()


def test_a_key_and_a_certificate_that_do_not_belong_together_sign_nothing(pdf: bytes, ada: Person) -> None:
    other = person("Eve Example")

    with pytest.raises(FindingsReportError, match="the first certificate does not belong to the key") as caught:
        made_by(pdf, replace(ada.plain, certificates=other.plain.certificates + ada.plain.certificates))
    assert caught.value.problems[0].kind is Kind.USAGE


def test_a_key_of_a_kind_that_is_not_used_is_told_of_the_key(pdf: bytes) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Ed")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    certificate = builder.not_valid_before(NOW.at).not_valid_after(NOW.at + datetime.timedelta(1)).sign(key, None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(FindingsReportError, match="the key is of the kind ed25519") as caught:
        made_by(pdf, SigningKey(pem, certificate.public_bytes(Encoding.PEM), None))
    assert caught.value.problems[0].kind is Kind.USAGE


@pytest.mark.parametrize("named", [b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_named_as_a_certificate_and_is_none_is_told_of_the_option(
    named: bytes, pdf: bytes, signed: bytes, ada: Person
) -> None:
    attempts: list[tuple[str, Callable[[], object]]] = [
        ("--certificate", lambda: made_by(pdf, replace(ada.plain, certificates=named))),
        ("--trust", lambda: looked_at(signed, ada.plain.certificates + named if named[:1] == b"-" else named)),
        ("--trust-authority", lambda: looked_at(signed, b"", named)),
    ]
    for option, attempt in attempts:
        with pytest.raises(
            FindingsReportError, match=f"the file that {option} names contains something else than certificates"
        ) as caught:
            attempt()
        assert caught.value.problems[0].kind is Kind.USAGE


def test_another_reader_agrees(signed: bytes, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(signed)

    said = subprocess.run(["pdfsig", tmp_path / "signed.pdf"], capture_output=True, text=True, check=False).stdout

    assert "Signature is Valid" in said
    assert "ETSI.CAdES.detached" in said
    assert "Total document signed" in said


def test_what_holds_is_told_with_code_0(signed: bytes, ada: Person, tmp_path: Path) -> None:
    assert faults(signed, ada.plain.certificates, tmp_path) == []


def test_a_certificate_that_nobody_named_is_not_trusted(signed: bytes, tmp_path: Path) -> None:
    not_trusted = "the signature of Common Name: Ada Example is intact, but its certificate is not trusted: "

    assert faults(signed, b"", tmp_path) == [f"{not_trusted}no certificate was named with --trust"]
    assert faults(signed, person("Bob").plain.certificates, tmp_path) == [
        f"{not_trusted}it leads to Common Name: Ada Example, which was not named with --trust"
    ]
    assert looked_at(signed, person("Ada Example").plain.certificates).distrust is not None


def test_the_reason_why_a_certificate_is_not_trusted_is_named(pdf: bytes) -> None:
    root = person("Root", is_root=True)
    middle = person("Middle", above=root, is_root=True)
    eve = person("Eve", above=middle)
    encrypts = person("Encryption only", above=root, usage="key_encipherment")

    def why(who: Person, trusted: Person) -> str:
        signed = signing.sign(pdf, who.plain, NOW, shown="report.pdf")
        distrust = looked_at(signed.content, trusted.plain.certificates).distrust
        return distrust.fault if distrust is not None else ""

    assert why(eve, middle) == ""
    assert why(eve, root) == (
        "the certificate of its issuer, Common Name: Middle, is neither in the file nor named with --trust"
    )
    assert why(encrypts, root) == "it is not for signatures (key usage)"
    assert [each.fault for each in signing.sign(pdf, encrypts.plain, NOW, shown="report.pdf").unfit] == [
        "it is not for signatures (key usage)"
    ]


def test_bytes_in_the_room_of_a_signature_are_not_covered(signed: bytes, ada: Person) -> None:
    end = signed.rindex(b"0000>")

    hidden = signed[:end] + b"beef" + signed[end + 4 :]

    assert looked_at(signed, ada.plain.certificates).is_whole
    found = looked_at(hidden, ada.plain.certificates)
    assert (found.is_intact, found.is_whole) == (True, False)


def test_a_file_that_was_changed_or_added_to_is_told(signed: bytes, pdf: bytes, ada: Person, tmp_path: Path) -> None:
    index = signed.index(b"/MediaBox") if b"/MediaBox" in signed else 12
    broken = signed[:index] + bytes([signed[index] ^ 1]) + signed[index + 1 :]

    assert faults(signed + b"\n%added\n", ada.plain.certificates, tmp_path) == [
        "the signature of Common Name: Ada Example does not cover the whole file: something was added after it, or into "
        "its room"
    ]
    found = looked_at(broken, ada.plain.certificates)
    assert not found.is_intact
    assert faults(pdf, ada.plain.certificates, tmp_path) == ["it is not signed"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (lambda ada: replace(ada.encrypted, passphrase=SECRET[1:]), "the passphrase is wrong"),
        (lambda ada: SigningKey(ada.bundle.content, b"", "wrong"), "the passphrase is wrong"),
        (lambda _: SigningKey(b"nonsense", b"", "x"), "it is not a PKCS#12 file"),
        (lambda ada: SigningKey(ada.plain.content, b"", None), "the certificate is missing"),
    ],
)  # fmt: skip
def test_a_key_that_does_not_open_or_has_no_certificate_is_refused(
    key: Callable[[Person], SigningKey], said: str, pdf: bytes, ada: Person
) -> None:
    with pytest.raises(FindingsReportError, match=said) as caught:
        made_by(pdf, key(ada))
    assert caught.value.problems[0].kind is Kind.USAGE


def test_a_wrong_passphrase_is_reported_with_the_file_of_the_key(pdf: bytes, ada: Person) -> None:
    with pytest.raises(FindingsReportError) as caught:
        made_by(pdf, replace(ada.encrypted, passphrase=SECRET[1:], file="ada.pem"))

    assert caught.value.problems[0].place == Place("ada.pem")


def test_a_pdf_is_signed_once(signed: bytes, ada: Person) -> None:
    with pytest.raises(FindingsReportError, match="it has a signature already"):
        made_by(signed, ada.plain)


def test_without_pyhanko_the_command_that_brings_it_is_named(pdf: bytes, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("findings_report.pdf.signing.sign"), "find_spec", lambda _: None)

    with pytest.raises(FindingsReportError) as caught:
        made_by(pdf, ada.plain)
    assert caught.value.problems[0].remedy == install_extra("sign")


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.7\n%%EOF", b"no pdf"])
def test_what_is_no_pdf_is_not_signed(content: bytes, ada: Person, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(content)

    with pytest.raises(FindingsReportError) as caught:
        sign(tmp_path / "x.pdf", ada.plain, None)
    assert caught.value.problems[0].kind is Kind.INPUT
    assert (tmp_path / "x.pdf").read_bytes() == content


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda signed: signed[:700] + bytes([signed[700] ^ 1]) + signed[701:], ""),
        (lambda signed: signed + b"%", "its signature is not valid"),
        (lambda signed: signed[: len(signed) // 2], ""),
    ],
)
def test_what_cannot_be_read_back_does_not_replace_the_only_copy(
    damage: Callable[[bytes], bytes], fault: str, pdf: bytes, ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.pdf").write_bytes(pdf)
    signing = import_module("findings_report.pdf.signing")
    signed = signing.sign
    monkeypatch.setattr(
        signing, "sign", lambda *parts, **named: replace(done := signed(*parts, **named), content=damage(done.content))
    )

    with pytest.raises(FindingsReportError, match=f"not written, because it cannot be read back: {fault}"):
        sign(tmp_path / "report.pdf", ada.plain, None)
    assert (tmp_path / "report.pdf").read_bytes() == pdf


def test_data_that_signing_lost_are_missed(pdf: bytes, ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = carrying(archive.to_json(replace_title(samples.report())))
    (tmp_path / "report.pdf").write_bytes(pdf)
    signing = import_module("findings_report.pdf.signing")
    signed = signing.sign
    monkeypatch.setattr(signing, "sign", lambda *parts, **named: signed(other, *parts[1:], **named))

    with pytest.raises(FindingsReportError, match="its embedded data are not those of the unsigned PDF"):
        sign(tmp_path / "report.pdf", ada.plain, None)
    assert (tmp_path / "report.pdf").read_bytes() == pdf


def replace_title(report: Report) -> Report:
    return report.model_copy(update={"engagement": report.engagement.model_copy(update={"title": "Another"})})


def test_on_the_command_line_the_passphrase_comes_from_a_file_or_the_environment(
    pdf: bytes, ada: Person, tmp_path: Path
) -> None:
    for name, content in {"key.p12": ada.bundle.content, "ca.pem": ada.plain.certificates, "report.pdf": pdf}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "passphrase").write_text(f"{SECRET}\n")
    runner, arguments = CliRunner(), ["sign", f"{tmp_path}/report.pdf", "--key", f"{tmp_path}/key.p12", "-o"]

    by_file = runner.invoke(app, [*arguments, f"{tmp_path}/1.pdf", "--passphrase-file", f"{tmp_path}/passphrase"])
    by_name = runner.invoke(app, [*arguments, f"{tmp_path}/2.pdf"], env={"FINDINGS_REPORT_PASSPHRASE": SECRET})
    without = runner.invoke(app, [*arguments, f"{tmp_path}/3.pdf"])
    looked = runner.invoke(app, ["verify", f"{tmp_path}/1.pdf", "--trust", f"{tmp_path}/ca.pem"])
    unknown = runner.invoke(app, ["verify", f"{tmp_path}/2.pdf"])

    assert (by_file.exit_code, by_name.exit_code) == (0, 0)
    assert isinstance(without.exception, FindingsReportError)
    assert looked.exit_code == 0
    assert "signed by Common Name: Ada Example" in looked.stdout
    assert "intact, trusted" in looked.stdout
    assert unknown.exit_code == int(Kind.GATE)


@pytest.mark.parametrize(
    ("command", "file", "options", "fault"),
    [
        ("sign", "missing.pdf", [], "No such file"),
        ("sign", "text.pdf", [], "manifest"),
        ("sign", "report.pdf", ["--timestamp", "nowhere"], "nowhere"),
        ("sign", "text.pdf", ["--visible"], "--timestamp, --visible and --date are for PDFs"),
        ("sign", "report.pdf", ["--certificate", "missing.pem"], "cannot be read: No such file"),
        ("encrypt", "missing.pdf", [], "No such file"),
        ("encrypt", "text.pdf", [], "it is no PDF"),
    ],
)
def test_nobody_is_asked_for_a_secret_before_what_needs_none_is_refused(
    command: str, file: str, options: list[str], fault: str, pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("findings_report.cli.pdf.secret", lambda *_, **__: pytest.fail("asked for a secret"))
    (tmp_path / "report.pdf").write_bytes(pdf)
    (tmp_path / "text.pdf").write_text("some text")
    (tmp_path / "key.p12").write_bytes(b"0")
    key = ["--key", "key.p12"] if command == "sign" else []

    with pytest.raises(FindingsReportError) as caught:
        CliRunner().invoke(app, [command, file, *key, *options], catch_exceptions=False)
    assert fault in str(caught.value)


def test_without_pyhanko_nobody_is_asked_for_a_passphrase(pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("findings_report.pdf.signing.sign"), "find_spec", lambda _: None)
    monkeypatch.setattr("findings_report.cli.pdf.secret", lambda *_: pytest.fail("asked for a secret"))
    (tmp_path / "report.pdf").write_bytes(pdf)
    (tmp_path / "key.p12").write_bytes(b"0")

    with pytest.raises(FindingsReportError, match="pyHanko"):
        CliRunner().invoke(app, ["sign", f"{tmp_path}/report.pdf", "--key", f"{tmp_path}/key.p12"], catch_exceptions=False)
