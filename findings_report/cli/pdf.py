"""The commands on what `build` wrote: extract, sign, verify, encrypt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from findings_report.cli.options import (
    PASSWORD,
    Borrow,
    Clones,
    MessageFormat,
    PasswordFile,
    content_of,
    inputs_of,
    password_of,
    secret,
    show_progress,
)
from findings_report.cli.output import OutputFormat, err, leave, out, print_json, print_problems, wrapped, written
from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from findings_report.cli.outputs import VerifyOutput
    from findings_report.commands import Signature, TimeStamp
    from findings_report.commands.pdf import PdfResult
    from findings_report.commands.verify import ManifestResult


def extract(
    pdf: Annotated[Path, typer.Argument(metavar="PDF", help="A PDF that `build` made.", show_default=False)],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="PATH", help="A file, a folder/, or - for standard output.", show_default="beside the PDF"
        ),
    ] = None,
    password_file: PasswordFile = None,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Extract the report's JSON from its PDF, byte for byte.

    The password of an encrypted PDF comes from --password-file, the variable FINDINGS_REPORT_PASSWORD, or a prompt.
    """
    from findings_report.commands.pdf import extract as run
    from findings_report.problems.safe_text import display_path

    extracted = run(pdf, output, password_of(password_file))
    if extracted.path is None:
        written(extracted.content)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import ExtractOutput

        # The data have standard output to themselves.
        write = err if extracted.path is None else out
        print_json(ExtractOutput(path=extracted.path, bytes=len(extracted.content)), (), write)
    elif extracted.path is not None:
        out(f"wrote {display_path(extracted.path)}")


PASSPHRASE: Final = "FINDINGS_REPORT_PASSPHRASE"  # noqa: S105 - the name of a variable


def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The PDF, or the manifest, to sign.", show_default=False)],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="PKCS#12, or a private key in PEM.", show_default=False)],
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate", metavar="FILE", help="For PEM: the certificate and its chain.", show_default="in the key file"
        ),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file",
            metavar="FILE",
            help="A file whose first line is the passphrase of the key.",
            show_default="FINDINGS_REPORT_PASSPHRASE, else a prompt",
        ),
    ] = None,
    timestamp: Annotated[
        str | None,
        typer.Option(
            "--timestamp", metavar="URL", help="Add a time stamp of this authority (RFC 3161).", show_default="no time stamp"
        ),
    ] = None,
    visible: Annotated[bool, typer.Option("--visible", help="Show signer and date on top of the first page.")] = False,
    day: Annotated[
        datetime | None,
        typer.Option(
            "--date",
            formats=["%Y-%m-%d"],
            metavar="DAY",
            help="With --visible: the date to show, YYYY-MM-DD.",
            show_default="today",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="The signed PDF, or the signatures.",
            show_default="replaces the PDF; beside the manifest",
        ),
    ] = None,
    password_file: PasswordFile = None,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Sign a PDF (PAdES), or a manifest (DSSE).

    The signatures of manifest.json are in manifest.intoto.jsonl beside it.

    The key's passphrase comes from --passphrase-file, the variable FINDINGS_REPORT_PASSPHRASE, or a prompt; the password of
    an encrypted PDF likewise from --password-file or FINDINGS_REPORT_PASSWORD. Only --timestamp uses the network.
    """
    from findings_report.commands import SigningKey
    from findings_report.commands.pdf import SignOptions, check_signable
    from findings_report.commands.pdf import sign as run
    from findings_report.problems.safe_text import display_path

    # The signature itself has the time of signing; only the visible date can be chosen.
    if day is not None and not visible:
        remedy = "add --visible, or remove --date"
        raise FindingsReportError(Problem(Kind.USAGE, "--date requires --visible", remedy, code="options"))
    options = SignOptions(timestamp, visible, day.date() if day is not None else None)
    check_signable(file, options)
    content, certificates = content_of(key), content_of(certificate) if certificate else b""
    given = SigningKey(content, certificates, _passphrase(content, passphrase_file), str(key))
    signed = run(file, given, output, options, password_of(password_file))
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import SignOutput

        print_json(SignOutput.model_validate(signed), signed.problems)
        return
    if signed.time_stamp is not None:
        out(f"time stamp of {signed.time_stamp.authority}: {signed.time_stamp.at}")
    out(f"wrote {display_path(signed.path)}")
    print_problems(signed.problems, output_format)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PDF that `build` made, or a manifest.", show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Option(
            "-C",
            metavar="FOLDER",
            help="For a manifest: the engagement's folder.",
            show_default="the current folder",
        ),
    ] = None,
    repository: Clones = None,
    borrow: Borrow = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            "--trust",
            metavar="FILE",
            help="A certificate in PEM that is trusted to sign; repeat for more.",
            show_default="none",
        ),
    ] = None,
    trust_authority: Annotated[
        list[Path] | None,
        typer.Option(
            "--trust-authority",
            metavar="FILE",
            help="A certificate in PEM that is trusted for time stamps only; repeat for more.",
            show_default="none",
        ),
    ] = None,
    password_file: PasswordFile = None,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Check a PDF's signature, time stamp and data, or a manifest.

    Everything that a manifest of `build --manifest` names is computed again, offline, from the findings and the clones; each
    difference is named. The password of an encrypted PDF comes from --password-file, the variable FINDINGS_REPORT_PASSWORD, or
    a prompt.
    """
    from findings_report.commands import TrustAnchors
    from findings_report.commands.pdf import PdfResult
    from findings_report.commands.verify import verify as run

    signers, authorities = (b"\n".join(content_of(path) for path in paths or ()) for paths in (trust, trust_authority))
    inputs = inputs_of(folder or Path(), repository, borrow, evidence=True, password_file=password_file)
    with show_progress() as progress:
        # Prompt and progress line share the terminal.
        asking = replace(inputs, password=progress.aside(inputs.password))
        verified = run(file, TrustAnchors(signers, authorities), asking, progress, is_folder_given=folder is not None)
    if output_format is OutputFormat.JSON:
        print_json(_output(verified), verified.problems)
    else:
        if isinstance(verified, PdfResult):
            _print_pdf(verified)
        else:
            _print_manifest(verified)
        print_problems(verified.problems, output_format)
    leave(verified.problems)


def _output(verified: PdfResult | ManifestResult) -> VerifyOutput:
    from findings_report.cli.outputs import EmbeddedDataOutput, SignatureOutput, VerifiedFileOutput, VerifyOutput
    from findings_report.commands.pdf import PdfResult

    signatures = tuple(map(SignatureOutput.model_validate, verified.signatures))
    if isinstance(verified, PdfResult):
        data = EmbeddedDataOutput(name=verified.carried.name, bytes=len(verified.carried.content))
        return VerifyOutput(signatures=signatures, data=data)
    outputs = tuple(map(VerifiedFileOutput.model_validate, verified.outputs))
    return VerifyOutput(signatures=signatures, outputs=outputs, equal=dict(verified.equal))


def _print_pdf(verified: PdfResult) -> None:
    out(f"carries {verified.carried.name}, {len(verified.carried.content):,} bytes")
    for signature in verified.signatures:
        # The signer's clock proves nothing; only a time stamp does.
        claimed = f", at {signature.claimed_at} as the signer says" if signature.claimed_at else ""
        out(f"signed by {signature.signer}{claimed}: {_holds(signature)}")
        if stamp := signature.time_stamp:
            out(f"signed before {stamp.at}, as {stamp.authority} says: {_holds(stamp)}")
    if verified.signatures:
        # Printed each time, so that `trusted` is not read as more than it means.
        out("not checked: revocation of certificates, and the policy of the time stamp authority")


_KINDS: Final = {
    "version": ("version", "versions"),
    "input": ("input file", "input files"),
    "template": ("template file", "template files"),
    "data": ("file of the program", "files of the program"),
    "findings": ("commit of the findings", "commits of the findings"),
    "repository": ("repository", "repositories"),
    "blob": ("cited file", "cited files"),
}
"""What is counted of a manifest, in singular and plural."""


def _print_manifest(verified: ManifestResult) -> None:
    for signature in verified.signatures:
        out(f"signed by {signature.signer}: {_holds(signature)}")
    if verified.signatures:
        out("not checked: revocation of certificates")
    else:
        out("not signed")
    for output in verified.outputs:
        state = "as in the manifest" if output.is_equal else "NOT as in the manifest"
        again = ", built again byte for byte" if output.is_rebuilt else ", not built again" if verified.equal else ""
        out(f"{output.name}: {state}{again}")
    counts = [
        f"{count:,} {words[0] if count == 1 else words[1]}"
        for kind, words in _KINDS.items()
        if (count := verified.equal.get(kind, 0))
    ]
    if counts:
        out(wrapped(f"equal: {', '.join(counts)}"))


def _holds(looked_at: Signature | TimeStamp) -> str:
    holds, trusted = "intact" if looked_at.is_intact else "BROKEN", "trusted" if looked_at.is_trusted else "not trusted"
    return f"{holds}, {trusted}"


def encrypt(
    pdf: Annotated[Path, typer.Argument(metavar="PDF", help="The PDF to encrypt.", show_default=False)],
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            metavar="FILE",
            help="A file whose first line is the password.",
            show_default="FINDINGS_REPORT_PASSWORD, else a prompt",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The encrypted PDF.", show_default="replaces the PDF")
    ] = None,
    output_format: MessageFormat = OutputFormat.FULL,
) -> None:
    """Encrypt a PDF (AES-256).

    The password comes from --password-file, the variable FINDINGS_REPORT_PASSWORD, or a prompt.
    """
    from findings_report.commands.pdf import check_encryptable
    from findings_report.commands.pdf import encrypt as run
    from findings_report.problems.safe_text import display_path

    check_encryptable(pdf)
    password = secret("password", password_file, PASSWORD, "--password-file", is_new=True)
    path = run(pdf, password, output)
    if output_format is OutputFormat.JSON:
        from findings_report.cli.outputs import EncryptOutput

        print_json(EncryptOutput(path=path), ())
        return
    out(f"wrote {display_path(path)}")


def _passphrase(key: bytes, file: Path | None) -> str | None:
    """Return the passphrase of the key; None for an unencrypted key in PEM."""
    # PKCS#8 has ENCRYPTED in its first line, older PEM in a Proc-Type header: both contain the word.
    if b"-----BEGIN" in key and b"ENCRYPTED" not in key:
        return None
    return secret("passphrase of the key", file, PASSPHRASE, "--passphrase-file")
