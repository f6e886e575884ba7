"""Signatures with a time stamp, which openssl gives as an authority; and what is told of one that does not hold."""

from __future__ import annotations

import datetime
import io
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from asn1crypto import cms, tsp
from pdfs import carrying
from pyhanko.pdf_utils.reader import PdfFileReader
from signers import NOW, SECRET, Person, faults, looked_at, person
from timestamping import Authority, Reply, Server, authority, serving
from typer.testing import CliRunner

from findings_report import sandbox
from findings_report.cli.app import app
from findings_report.commands.pdf import SignOptions, sign, verify_pdf
from findings_report.pdf import signing
from findings_report.pdf.encryption import encrypt
from findings_report.pdf.signing import SignedPdf, TrustAnchors, worker
from findings_report.pdf.signing.sign import fetch_reply
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.report import archive


@pytest.fixture(scope="module")
def ada() -> Person:
    return person("Ada Example")


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return carrying(archive.to_json(samples.report()))


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def server(tsa: Authority) -> Iterator[Server]:
    with serving(tsa.reply) as server:
        yield server


@pytest.fixture(scope="module")
def made(pdf: bytes, ada: Person, server: Server) -> SignedPdf:
    return signing.sign(pdf, ada.encrypted, replace(NOW, authority=server.url), shown="report.pdf")


def embedded(content: bytes) -> tuple[bytes, cms.ContentInfo]:
    """The value of the signature, and the time stamp that it has."""
    (signature,) = PdfFileReader(io.BytesIO(content)).embedded_regular_signatures
    (attribute,) = signature.signer_info["unsigned_attrs"]
    assert attribute["type"].native == "signature_time_stamp_token"
    return signature.signer_info["signature"].native, attribute["values"][0]


def refused(reply: Reply, pdf: bytes, ada: Person) -> Problem:
    with serving(reply) as server, pytest.raises(FindingsReportError) as caught:
        signing.sign(pdf, ada.plain, replace(NOW, authority=server.url), shown="report.pdf")
    (problem,) = caught.value.problems
    assert problem.kind is Kind.NETWORK
    return problem


def always(content: bytes) -> Reply:
    return lambda _: (200, content)


def test_the_time_stamp_is_of_the_signature_and_the_file_begins_as_before(
    made: SignedPdf, pdf: bytes, ada: Person, tsa: Authority
) -> None:
    found = looked_at(made.content, ada.plain.certificates, tsa.root)

    assert made.content.startswith(pdf)
    assert (found.is_intact, found.is_whole, found.is_trusted) == (True, True, True)
    assert found.time_stamp is not None
    assert (found.time_stamp.authority, found.time_stamp.is_intact) == ("Common Name: Example TSA", True)
    assert found.time_stamp.is_trusted
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(found.time_stamp.at)
    assert abs(age.total_seconds()) < 600
    assert made.time_stamp is not None
    assert replace(made.time_stamp, distrust=None) == found.time_stamp
    assert not made.time_stamp.is_trusted
    assert archive.read(made.content, "report.pdf") == samples.report()


def test_openssl_agrees_that_it_is_of_this_signature(made: SignedPdf, tsa: Authority) -> None:
    value, token = embedded(made.content)

    assert tsa.accepts(token.dump(), of=value)
    assert not tsa.accepts(token.dump(), of=value[1:])


def test_another_reader_agrees_that_the_signature_is_valid(made: SignedPdf, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(made.content)

    said = subprocess.run(["pdfsig", tmp_path / "signed.pdf"], capture_output=True, text=True, check=False).stdout

    assert "Signature is Valid" in said
    assert "ETSI.CAdES.detached" in said
    assert "Total document signed" in said


def test_the_authority_is_told_a_digest_and_nothing_else(made: SignedPdf, server: Server, pdf: bytes) -> None:
    headers, body = server.seen[0]

    assert headers["content-type"] == "application/timestamp-query"
    query = tsp.TimeStampReq.load(body)
    assert set(query.native) - {name for name, value in query.native.items() if value is None} == {
        "version", "message_imprint", "nonce", "cert_req", "extensions"
    } - {name for name, value in query.native.items() if value is None}  # fmt: skip
    assert len(query["message_imprint"]["hashed_message"].native) == 32
    assert len(body) < 100


def test_whoever_reads_what_the_authority_replied_has_no_key(
    pdf: bytes, ada: Person, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, set[str]]] = []
    ask = sandbox.ask

    def noted(child: sandbox.Child, request: Mapping[str, object], blobs: Mapping[str, bytes]) -> sandbox.ChildReply:
        asked.append((child.process.pid, {*blobs, *request}))
        return ask(child, request, blobs)

    monkeypatch.setattr(sandbox, "ask", noted)

    signing.sign(pdf, ada.encrypted, replace(NOW, authority=server.url), shown="report.pdf")

    (has_key, first), (has_reply, second) = asked
    assert has_key != has_reply
    assert ("key" in first, "passphrase" in first, "reply" in first) == (True, True, False)
    assert ("key" in second, "passphrase" in second, "reply" in second) == (False, False, True)


def test_an_authority_is_trusted_by_its_own_option_and_to_sign_nothing(made: SignedPdf, ada: Person, tsa: Authority) -> None:
    own = ada.plain.certificates

    assert looked_at(made.content, own, tsa.root).is_trusted
    assert not looked_at(made.content, tsa.root, tsa.root).is_trusted
    stamp = looked_at(made.content, own + tsa.root).time_stamp
    assert stamp is not None
    assert not stamp.is_trusted
    another = looked_at(made.content, own, own).time_stamp
    assert another is not None
    assert not another.is_trusted


def test_a_time_stamp_that_does_not_hold_is_told(made: SignedPdf, ada: Person, tsa: Authority, tmp_path: Path) -> None:
    _, token = embedded(made.content)
    told = token["content"]["encap_content_info"]["content"].contents
    at = made.content.index(told[-40:].hex().encode())
    broken = made.content[:at] + b"%x" % (int(made.content[at : at + 1], 16) ^ 1) + made.content[at + 1 :]

    found = looked_at(broken, ada.plain.certificates, tsa.root)
    assert found.time_stamp is not None
    assert (found.is_intact, found.time_stamp.is_intact) == (True, False)
    assert faults(broken, ada.plain.certificates, tmp_path) == [
        "the time stamp of Common Name: Example TSA is broken: it is not of this signature, or was changed"
    ]
    assert faults(made.content, ada.plain.certificates, tmp_path) == [
        "the time stamp of Common Name: Example TSA is intact, but its certificate is not trusted: no certificate was named "
        "with --trust-authority"
    ]


def test_a_time_stamp_that_lacks_its_certificate_is_told_and_not_taken_for_none(made: SignedPdf, ada: Person) -> None:
    (signature,) = PdfFileReader(io.BytesIO(made.content)).embedded_regular_signatures
    message = cms.ContentInfo.load(signature.pkcs7_content)
    (attribute,) = message["content"]["signer_infos"][0]["unsigned_attrs"]
    attribute["values"][0]["content"]["certificates"] = []
    start, end = int(signature.byte_range[1]), int(signature.byte_range[2])
    contents = b"<" + message.dump().hex().encode().ljust(end - start - 2, b"0") + b">"

    with pytest.raises(FindingsReportError, match="a signature in it, or its time stamp, cannot be read") as caught:
        looked_at(made.content[:start] + contents + made.content[end:], ada.plain.certificates)
    assert caught.value.problems[0].kind is Kind.INPUT


@pytest.mark.slow
def test_a_certificate_had_to_be_valid_when_a_trusted_time_stamp_says(pdf: bytes, tsa: Authority) -> None:
    """Bob's ended long ago: without a time stamp, nobody could tell whether he signed before."""
    root = person("Root", is_root=True)
    bob = person("Bob", above=root, last=datetime.datetime(2022, 1, 1, tzinfo=datetime.UTC))

    def stamped(year: int) -> bytes:
        with serving(tsa.reply_of(datetime.datetime(year, 6, 1, tzinfo=datetime.UTC))) as server:
            manner = replace(NOW, authority=server.url)
            return signing.sign(pdf, bob.plain, manner, shown="report.pdf").content

    def why(content: bytes, authorities: bytes) -> str:
        distrust = looked_at(content, root.plain.certificates, authorities).distrust
        return distrust.fault if distrust is not None else ""

    while_valid = stamped(2021)
    assert why(while_valid, tsa.root) == ""
    assert why(while_valid, b"") == "it was not valid now: it expired on 2022-01-01"
    assert why(stamped(2023), tsa.root) == "it was not valid at the time of its time stamp: it expired on 2022-01-01"
    assert why(stamped(2019), tsa.root) == "it was not valid at the time of its time stamp: it is valid from 2020-01-01"
    signed = signing.sign(pdf, bob.plain, NOW, shown="report.pdf")
    assert why(signed.content, tsa.root) == "it was not valid now: it expired on 2022-01-01"
    assert [each.fault for each in signed.unfit] == ["it expired on 2022-01-01"]


@pytest.mark.slow
def test_what_is_no_time_stamp_of_what_was_asked_is_refused(pdf: bytes, ada: Person, tsa: Authority) -> None:
    other = tsp.TimeStampReq.load(bytes(tsp.TimeStampReq(
        {"version": 1, "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": b"x" * 32},
         "nonce": 7, "cert_req": True}
    ).dump())).dump()  # fmt: skip
    kept: list[bytes] = []

    def an_old_one(query: bytes) -> tuple[int, bytes]:
        kept.append(tsa.reply(query)[1])
        return 200, kept[0]

    def forged(query: bytes) -> tuple[int, bytes]:
        reply = tsa.reply(query)[1]
        return 200, reply[:-1] + bytes([reply[-1] ^ 1])

    def without_certificates(query: bytes) -> tuple[int, bytes]:
        asked = tsp.TimeStampReq.load(query)
        asked["cert_req"] = False
        return tsa.reply(asked.dump())

    def unsigned(query: bytes) -> tuple[int, bytes]:
        reply = tsp.TimeStampResp.load(tsa.reply(query)[1])
        reply["time_stamp_token"]["content"]["signer_infos"] = []
        return 200, reply.dump()

    start = "the time stamp authority at 127.0.0.1 gave no time stamp: "
    for lacking in (without_certificates, unsigned):
        assert refused(lacking, pdf, ada).fault == f"{start}its time stamp is invalid"
    assert refused(lambda _: tsa.reply(other), pdf, ada).fault == f"{start}its time stamp belongs to another signature"
    assert "something else" not in str(signing.sign(pdf, ada.plain, NOW, shown="x").time_stamp)
    with serving(an_old_one) as server:
        manner = replace(NOW, authority=server.url)
        signing.sign(pdf, ada.plain, manner, shown="report.pdf")
        with pytest.raises(FindingsReportError, match="its time stamp belongs to another signature"):
            signing.sign(pdf, ada.plain, manner, shown="report.pdf")
    assert refused(forged, pdf, ada).fault == f"{start}its time stamp is invalid"
    for nonsense in (b"", b"<html>", b"\x30\x80", tsa.reply(other)[1][:-5]):
        assert refused(always(nonsense), pdf, ada).fault == f"{start}its reply is not a time stamp"


def test_a_reply_to_an_earlier_query_about_the_same_is_not_taken_for_one_to_this(tsa: Authority) -> None:
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": b"x" * 32}
    first, second = (
        tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "nonce": nonce, "cert_req": True}).dump()
        for nonce in (7, 8)
    )
    reply = tsa.reply(first)[1]

    assert worker._read_token(first, reply)["content_type"].native == "signed_data"
    with pytest.raises(ValueError, match="its time stamp belongs to another signature"):
        worker._read_token(second, reply)


def test_a_refusal_is_told_in_the_authoritys_words(pdf: bytes, ada: Person, tmp_path: Path) -> None:
    strict = authority(tmp_path / "strict", digests="sha512")
    own_words = "out of \x1b[31mstamps"
    said = tsp.PKIStatusInfo({"status": "rejection", "status_string": [own_words]}).dump()

    by_openssl = refused(strict.reply, pdf, ada)
    in_words = refused(always(b"\x30" + bytes([len(said)]) + said), pdf, ada)

    assert by_openssl.fault.endswith("it rejects the request: Message digest algorithm is not supported.; bad_alg")
    assert in_words.fault.endswith(r"it rejects the request: out of \u{001B}[31mstamps")


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (500, b"", "it answered with status 500"),
        (302, b"", "it answered with status 302"),
        (200, b"x" * 20_000, "its reply has more than 16,384 bytes"),
    ],
)
def test_what_a_server_must_not_answer_is_refused(status: int, content: bytes, said: str, pdf: bytes, ada: Person) -> None:
    assert refused(lambda _: (status, content), pdf, ada).fault.endswith(said)


def test_one_that_does_not_answer_is_waited_for_no_longer_than_is_said(pdf: bytes, ada: Person) -> None:
    def slow(_: bytes) -> tuple[int, bytes]:
        time.sleep(1.5)
        return 200, b""

    with (
        serving(slow) as server,
        pytest.raises(FindingsReportError, match=r"it did not answer within 0\.5 seconds"),
    ):
        fetch_reply(server.url, b"x", seconds=0.5)
    with pytest.raises(FindingsReportError, match="gave no time stamp: ") as caught:
        fetch_reply("http://127.0.0.1:9/", b"x")
    assert caught.value.problems[0].kind is Kind.NETWORK


def test_bytes_that_come_one_by_one_do_not_stretch_the_time() -> None:
    """Each comes in time; it is the whole that has a deadline."""
    import socket
    import threading

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            for letter in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
                try:
                    connection.sendall(bytes([letter]))
                except OSError:
                    return
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        start = time.monotonic()
        with pytest.raises(FindingsReportError, match="did not answer within 1 seconds"):
            fetch_reply(f"http://127.0.0.1:{listening.getsockname()[1]}/", b"x", seconds=1)
        assert time.monotonic() - start < 50
        thread.join()


@pytest.mark.parametrize(
    "url", ["ftp://tsa.example.org", "tsa.example.org", "http://", "https://ada:secret@tsa.example.org", "http://[::1", "http://a:0/"]
)  # fmt: skip
def test_what_is_no_address_is_told_before_anything_is_done(url: str, ada: Person) -> None:
    with pytest.raises(FindingsReportError) as caught:
        signing.sign(b"no pdf", ada.plain, replace(NOW, authority=url), shown="report.pdf")
    (problem,) = caught.value.problems
    assert problem.kind is Kind.USAGE
    assert "secret" not in problem.fault


def test_on_the_command_line_the_authority_is_named_and_without_an_answer_nothing_is_written(
    pdf: bytes, ada: Person, tsa: Authority, server: Server, tmp_path: Path
) -> None:
    files = {"key.p12": ada.bundle.content, "ada.pem": ada.plain.certificates, "tsa.pem": tsa.root, "report.pdf": pdf}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    runner = CliRunner(env={"FINDINGS_REPORT_PASSPHRASE": SECRET})
    arguments = ["sign", f"{tmp_path}/report.pdf", "--key", f"{tmp_path}/key.p12", "--timestamp"]

    silent = runner.invoke(app, [*arguments, "http://127.0.0.1:9/"])
    assert isinstance(silent.exception, FindingsReportError)
    assert silent.exception.problems[0].kind is Kind.NETWORK
    assert (tmp_path / "report.pdf").read_bytes() == pdf
    assert {path.name for path in tmp_path.iterdir()} == set(files)

    signed = runner.invoke(app, [*arguments, server.url])
    assert signed.exit_code == 0, signed.output
    assert "time stamp of Common Name: Example TSA: 20" in signed.stdout
    looked = ["verify", f"{tmp_path}/report.pdf", "--trust", f"{tmp_path}/ada.pem"]
    verified = runner.invoke(app, [*looked, "--trust-authority", f"{tmp_path}/tsa.pem"])
    unknown = runner.invoke(app, looked)
    assert verified.exit_code == 0, verified.output
    assert "as Common Name: Example TSA says: intact, trusted" in verified.stdout
    assert unknown.exit_code == int(Kind.GATE)


def test_an_encrypted_pdf_is_signed_time_stamped_and_verified_with_its_password(
    pdf: bytes, ada: Person, tsa: Authority, server: Server, tmp_path: Path
) -> None:
    path, asked = tmp_path / "locked.pdf", []
    path.write_bytes(encrypt(pdf, SECRET, shown="report.pdf"))

    def password(shown: str) -> str:
        asked.append(shown)
        return SECRET

    sign(path, ada.plain, None, SignOptions(authority=server.url), password)
    verified = verify_pdf(path.read_bytes(), TrustAnchors(ada.plain.certificates, tsa.root), shown=str(path), password=password)

    assert verified.problems == ()
    assert [(each.is_intact, each.is_whole) for each in verified.signatures] == [(True, True)]
    assert asked == [str(path)] * 2  # once for each of the two commands
    with pytest.raises(FindingsReportError, match="does not open with this password"):
        verify_pdf(path.read_bytes(), TrustAnchors(b"", b""), shown="report.pdf", password=lambda _: "wrong")
    with pytest.raises(FindingsReportError, match="it is encrypted"):
        sign(path, ada.plain, None)
