"""Signed statements (DSSE): other programs verify what is signed here, and what others sign is validated."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]
from signers import SECRET, Person, person
from typer.testing import CliRunner

from findings_report import commands
from findings_report.cli.app import app
from findings_report.commands import BuildOptions
from findings_report.pdf.signing import Signature, SigningKey, TrustAnchors, sign_statement, validate_envelopes
from findings_report.problems import FindingsReportError, Kind
from findings_report.report.check import Inputs

STATEMENT = b'{\n  "_type": "https://in-toto.io/Statement/v1"\n}\n'

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
KEYS: dict[str, Callable[[], PrivateKey]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}


def certified(key: PrivateKey) -> SigningKey:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Kim")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(36500))
    builder = builder.add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
    certificate = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(pem, certificate.public_bytes(Encoding.PEM), None)


def looked_at(envelope: bytes, signers: bytes, statement: bytes = STATEMENT) -> Signature:
    (signature,) = validate_envelopes(envelope, statement, TrustAnchors(signers, b""), shown="manifest.intoto.jsonl")
    return signature


@pytest.mark.parametrize("kind", KEYS)
def test_other_programs_verify_the_signature(kind: str) -> None:
    private = KEYS[kind]()
    key = certified(private)

    line = sign_statement(STATEMENT, key, shown="manifest.json")[0]

    envelope = json.loads(line)
    (signature,) = envelope["signatures"]
    assert base64.b64decode(envelope["payload"], validate=True) == STATEMENT
    content = b"DSSEv1 28 application/vnd.in-toto+json %d " % len(STATEMENT) + STATEMENT
    value = base64.b64decode(signature["sig"], validate=True)
    public = private.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(value, content)
    elif isinstance(public, rsa.RSAPublicKey):
        public.verify(value, content, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        strength = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[public.key_size]
        public.verify(value, content, ec.ECDSA(strength))
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert signature["keyid"] == hashlib.sha256(encoded).hexdigest()
    other = SSlibKey.from_crypto(public, keyid=signature["keyid"])
    assert Envelope.from_dict(json.loads(line)).verify([other], 1)
    changed = json.loads(line)
    changed["payload"] = base64.b64encode(STATEMENT + b" ").decode()
    with pytest.raises(VerificationError):
        Envelope.from_dict(changed).verify([other], 1)
    found = looked_at(line, key.certificates)
    assert (found.signer, found.is_intact, found.is_whole, found.is_trusted) == ("Common Name: Kim", True, True, True)


@pytest.fixture(scope="module")
def ada() -> Person:
    return person("Ada Example")


@pytest.fixture(scope="module")
def signed(ada: Person) -> bytes:
    return sign_statement(STATEMENT, ada.plain, shown="manifest.json")[0]


@pytest.mark.parametrize("which", Person._fields)
def test_every_form_of_a_key_signs(which: str, ada: Person) -> None:
    line = sign_statement(STATEMENT, getattr(ada, which), shown="manifest.json")[0]

    assert looked_at(line, ada.plain.certificates).is_trusted


def test_a_certificate_that_nobody_named_is_not_trusted(signed: bytes) -> None:
    for trusted in (b"", person("Ada Example").plain.certificates):
        found = looked_at(signed, trusted)
        assert (found.is_intact, found.is_trusted) == (True, False)


def test_a_certificate_leads_to_that_of_its_issuer(ada: Person) -> None:
    root = person("Root", is_root=True)
    issued = person("Ada", above=root)
    expired = person("Ada", above=root, last=datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC))

    for key, is_trusted in ((issued.plain, True), (expired.plain, False)):
        line = sign_statement(STATEMENT, key, shown="manifest.json")[0]
        assert looked_at(line, root.plain.certificates).is_trusted is is_trusted
        assert not looked_at(line, ada.plain.certificates).is_trusted


def changed(line: bytes, change: Callable[[Any], object]) -> bytes:
    envelope = json.loads(line)
    change(envelope)
    return json.dumps(envelope).encode()


def test_a_changed_signature_or_payload_is_broken(signed: bytes, ada: Person) -> None:
    other = base64.b64encode(STATEMENT.replace(b"v1", b"v2")).decode()
    eve = person("Eve").plain.certificates.decode()
    attempts: list[Callable[[Any], object]] = [
        lambda envelope: envelope.update(payload=other),
        lambda envelope: envelope["signatures"][0].update(sig=base64.b64encode(b"\0" * 70).decode()),
        lambda envelope: envelope["signatures"][0].update(cert=eve),
        lambda envelope: envelope["signatures"][0].update(cert=eve + ada.plain.certificates.decode()),
    ]
    for attempt in attempts:
        assert not looked_at(changed(signed, attempt), ada.plain.certificates).is_intact


def test_a_signature_of_another_statement_is_not_of_this_one(signed: bytes, ada: Person) -> None:
    found = looked_at(signed, ada.plain.certificates, STATEMENT + b"\n")

    assert (found.is_intact, found.is_whole) == (True, False)


def test_an_envelope_without_a_certificate_is_compared_with_the_trusted_ones(signed: bytes, ada: Person) -> None:
    plain = changed(signed, lambda envelope: envelope["signatures"][0].pop("cert"))

    assert looked_at(plain, person("Eve").plain.certificates + ada.plain.certificates).is_trusted
    unknown = looked_at(plain, b"")
    assert (unknown.is_intact, unknown.is_trusted) == (False, False)
    assert unknown.signer.startswith("the key '")


HOSTILE: dict[str, Callable[[Any], object]] = {
    "no signature": lambda envelope: envelope.update(signatures=[]),
    "many": lambda envelope: envelope.update(signatures=envelope["signatures"] * 21),
    "another type": lambda envelope: envelope.update(payloadType="text/plain"),
    "no base64": lambda envelope: envelope.update(payload="*"),
    "a number": lambda envelope: envelope.update(payload=1),
    "signatures that are text": lambda envelope: envelope.update(signatures="abc"),
    "a certificate that is none": lambda envelope: envelope["signatures"][0].update(cert="-----BEGIN CERTIFICATE-----"),
    "a certificate that is a number": lambda envelope: envelope["signatures"][0].update(cert=1),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_envelope_is_an_error(case: str, signed: bytes, ada: Person) -> None:
    with pytest.raises(FindingsReportError) as caught:
        looked_at(changed(signed, HOSTILE[case]), ada.plain.certificates)

    assert caught.value.problems[0].kind is Kind.INPUT


@pytest.mark.parametrize("content", [b"", b"\n", b"[]", b"null", b"[" * 100_000, b"{}", b"\xff", b"{" * 50])
def test_what_is_no_envelope_is_an_error(content: bytes) -> None:
    with pytest.raises(FindingsReportError) as caught:
        looked_at(content, b"")

    assert caught.value.problems[0].kind is Kind.INPUT


def test_a_manifest_is_signed_by_several_and_verified(tmp_path: Path, ada: Person) -> None:
    demo = commands.demo(tmp_path / "demo")
    options = BuildOptions(("md",), None, None, False, None, None, False, manifest=True)
    commands.build(Inputs(demo, {}), options, lambda _: None)
    bo, path = person("Bo Example"), str(demo / "build" / "manifest.json")
    for name, each in (("ada", ada), ("bo", bo)):
        (tmp_path / f"{name}.key").write_bytes(each.encrypted.content)
        (tmp_path / f"{name}.pem").write_bytes(each.plain.certificates)
    (tmp_path / "passphrase").write_text(SECRET)
    runner = CliRunner()

    def run(*arguments: str) -> tuple[int, str]:
        done = runner.invoke(app, arguments)
        error = done.exception
        if isinstance(error, FindingsReportError):
            return int(error.problems[0].kind), error.problems[0].fault
        return done.exit_code, done.output

    def sign(name: str, *more: str) -> tuple[int, str]:
        return run("sign", path, "--key", f"{tmp_path}/{name}.key", "--certificate", f"{tmp_path}/{name}.pem",
                   "--passphrase-file", f"{tmp_path}/passphrase", *more)  # fmt: skip

    def verify(*names: str) -> tuple[int, str]:
        return run("verify", path, "-C", str(demo), *(word for name in names for word in ("--trust", f"{tmp_path}/{name}.pem")))

    assert verify() == (0, verify()[1])
    assert verify()[1].startswith("not signed\n")
    code, printed = verify("ada")
    assert code == Kind.GATE
    assert "it is not signed: manifest.intoto.jsonl is missing" in printed

    assert sign("ada")[0] == sign("bo")[0] == 0

    assert len((demo / "build" / "manifest.intoto.jsonl").read_text().splitlines()) == 2
    code, printed = verify("ada", "bo")
    assert code == 0, printed
    assert "signed by Common Name: Ada Example: intact, trusted" in printed
    code, printed = verify("ada")
    assert code == Kind.GATE
    assert "the signature of Common Name: Bo Example is intact, but its certificate is not trusted" in printed

    engagement = demo / "findings" / "engagement.yaml"
    engagement.write_text(engagement.read_text().replace("Review of quicknotes", "Audit of quicknotes"))
    commands.build(Inputs(demo, {}), options, lambda _: None)
    code, printed = verify("ada", "bo")
    assert code == Kind.GATE
    assert "the signature of Common Name: Ada Example is of another manifest" in printed
    assert sign("ada")[0] == 0
    assert verify("ada")[0] == 0

    assert sign("ada", "--visible") == (
        Kind.USAGE,
        "--timestamp, --visible and --date are for PDFs, and this is a manifest",
    )
