"""A time stamp authority on loopback: what openssl replies (RFC 3161), over HTTP; and servers that misbehave."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko import keys
from pyhanko.sign.timestamps import DummyTimeStamper

_CONFIGURATION = """
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = signer.pem
certs = root.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""

Reply = Callable[[bytes], tuple[int, bytes]]


@dataclass(frozen=True)
class Authority:
    """An authority with keys of its own, in a folder."""

    folder: Path
    root: bytes
    """The certificate above it, in PEM."""

    def reply(self, query: bytes) -> tuple[int, bytes]:
        """What openssl replies."""
        (self.folder / "query").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return 200, (self.folder / "reply").read_bytes()

    def reply_of(self, when: datetime.datetime) -> Reply:
        """What it would have replied then; openssl knows no time but now, pyHanko's dummy any."""
        (certificate,) = keys.load_certs_from_pemder_data((self.folder / "signer.pem").read_bytes())
        private = keys.load_private_key_from_pemder(str(self.folder / "signer.key"), None)
        stamper = DummyTimeStamper(certificate, private, fixed_dt=when)
        return lambda query: (200, stamper.request_tsa_response(tsp.TimeStampReq.load(query)).dump())

    def accepts(self, token: bytes, of: bytes) -> bool:
        """True when openssl finds that a time stamp is of these bytes, and of this authority."""
        (self.folder / "token").write_bytes(token)
        (self.folder / "stamped").write_bytes(of)
        command = ["openssl", "ts", "-verify", "-data", "stamped", "-token_in", "-in", "token", "-CAfile", "root.pem"]
        return subprocess.run(command, cwd=self.folder, check=False, capture_output=True).returncode == 0


def authority(folder: Path, name: str = "Example TSA", *, digests: str = "sha256") -> Authority:
    """One that is ready, its keys and certificates in `folder`; it takes queries with these `digests`."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder.mkdir()
    start, end = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC)
    above, own = (rsa.generate_private_key(65537, 2048) for _ in range(2))

    def certificate(subject: str, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} root")])
        builder = x509.CertificateBuilder().issuer_name(issuer).public_key(key.public_key()).serial_number(len(subject))
        builder = builder.subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        return builder.not_valid_before(start).not_valid_after(end)

    root = certificate(f"{name} root", above).add_extension(x509.BasicConstraints(True, None), critical=True)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    signer = certificate(name, own).add_extension(purpose, critical=True)
    pem = root.sign(above, hashes.SHA256()).public_bytes(Encoding.PEM)
    (folder / "root.pem").write_bytes(pem)
    (folder / "signer.pem").write_bytes(signer.sign(above, hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "signer.key").write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIGURATION.replace("digests = sha256", f"digests = {digests}"))
    return Authority(folder, pem)


@dataclass
class Server:
    """A server on loopback."""

    url: str
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers, names in lower case, and body of each request."""


@contextlib.contextmanager
def serving(reply: Reply) -> Iterator[Server]:
    """Replies to every POST as it is told to, until the block ends."""
    server = Server("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status, content = reply(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(OSError):  # who asked may have had enough
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        server.url = f"http://127.0.0.1:{running.server_port}/tsa"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()
