"""The commands that protect a PDF: sign it, look at its signature, encrypt it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from findings_report.cli.say import OutputFormat, out, say_problems
from findings_report.cli.secret import PASSWORD, content_of, secret
from findings_report.errors import exit_code

PASSPHRASE: Final = "FINDINGS_REPORT_PASSPHRASE"  # noqa: S105 - the name of a variable


def sign(
    pdf: Annotated[Path, typer.Argument(metavar="PDF", help="The PDF to be signed.", show_default=False)],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="PKCS#12, or a private key in PEM.", show_default=False)],
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="For PEM: the certificate, and those above it.")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option("--passphrase-file", metavar="FILE", help="Its first line opens the key.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The signed PDF; default in the place of the PDF.")
    ] = None,
) -> None:
    """Sign a PDF (PAdES).

    The key's passphrase comes from --passphrase-file, the variable FINDINGS_REPORT_PASSPHRASE, or a prompt.
    """
    from findings_report.pipeline.signatures import sign as run
    from findings_report.signing import Key
    from findings_report.store import shown_path

    content = content_of(key)
    given = Key(content, content_of(certificate) if certificate else b"", _passphrase(content, passphrase_file))
    out(f"wrote {shown_path(run(pdf, given, output))}")


def verify(
    pdf: Annotated[Path, typer.Argument(metavar="PDF", help="A PDF that `build` made.", show_default=False)],
    trust: Annotated[
        list[Path] | None,
        typer.Option("--trust", metavar="FILE", help="A certificate in PEM that is trusted; repeat for more."),
    ] = None,
) -> None:
    """Check a PDF's signature, and the data in it."""
    from findings_report.pipeline.signatures import verify as run

    verified = run(pdf, b"\n".join(content_of(path) for path in trust or ()))
    out(f"carries {verified.carried.name}, {len(verified.carried.content):,} bytes")
    for signature in verified.signatures:
        said = f", at {signature.said_at} as the signer says" if signature.said_at else ""
        holds = "intact" if signature.is_intact else "BROKEN"
        trusted = "trusted" if signature.is_trusted else "not trusted"
        out(f"signed by {signature.signer}{said}: {holds}, {trusted}")
    say_problems(verified.problems, OutputFormat.FULL)
    if code := exit_code(verified.problems):
        raise typer.Exit(code)


def encrypt(
    pdf: Annotated[Path, typer.Argument(metavar="PDF", help="The PDF to be encrypted.", show_default=False)],
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="Its first line is the password.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The encrypted PDF; default in the place of the PDF.")
    ] = None,
) -> None:
    """Encrypt a PDF (AES-256).

    The password comes from --password-file, the variable FINDINGS_REPORT_PASSWORD, or a prompt.
    """
    from findings_report.pipeline.encrypt import encrypt as run
    from findings_report.store import shown_path

    password = secret("password", password_file, PASSWORD, "--password-file", is_new=True)
    out(f"wrote {shown_path(run(pdf, password, output))}")


def _passphrase(key: bytes, file: Path | None) -> str | None:
    """What opens the key; None for one in PEM that is not encrypted."""
    if b"-----BEGIN" in key and b"ENCRYPTED" not in key:
        return None
    return secret("passphrase of the key", file, PASSPHRASE, "--passphrase-file")
