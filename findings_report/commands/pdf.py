"""The commands `sign`, `verify`, `encrypt` and `extract`, for a PDF that `build` wrote."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from findings_report.pdf.embedded_data import no_password
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.report.output_files import STDOUT, is_folder

if TYPE_CHECKING:
    from findings_report.pdf.embedded_data import ExtractedFile, Password
    from findings_report.pdf.signing import Appearance, Distrust, Signature, Signer, SigningKey, TimeStamp, TrustAnchors


def check_encryptable(pdf: Path) -> None:
    """Raise FindingsReportError (INPUT) for a file that no password could encrypt, before somebody is asked for one."""
    from findings_report.pdf.encryption import describe_damage
    from findings_report.report import archive

    if not archive.is_pdf(content := archive.content_of(pdf, shown=str(pdf))):
        raise FindingsReportError(Problem(Kind.INPUT, describe_damage(content), place=Place(str(pdf)), code="encrypt-pdf"))


def encrypt(pdf: Path, password: str, output: Path | None) -> Path:
    """Encrypt the PDF into `output`, else in place, and return its path. Raise FindingsReportError if nothing was written."""
    from findings_report.pdf.encryption import encrypt as locked
    from findings_report.report import archive
    from findings_report.system.atomic_files import publish

    shown = str(pdf)
    path = output or pdf
    # `publish` writes beside the target first, so the input may also be the output.
    publish({path: locked(archive.content_of(pdf, shown=shown), password, shown=shown)})
    return path


@dataclass(frozen=True)
class ExtractResult:
    """The result of `extract`."""

    path: Path | None
    """Where it was published; None for standard output."""
    content: bytes
    """The JSON, byte for byte as it was put into the PDF."""


def extract(pdf: Path, output: str | None, password: Password = no_password) -> ExtractResult:
    """Write the data that a PDF embeds. `output` is -o: a file, which is replaced, a folder, or `-`.

    Without `output` the file is beside the PDF, as `report.json` beside `report.pdf`, and must not exist. `password` is called
    for an encrypted PDF. Raises FindingsReportError: INPUT if the PDF embeds no readable data, USAGE if it does not open.
    """
    from findings_report.report import archive
    from findings_report.system.atomic_files import publish, publish_new

    extracted = archive.extract(archive.content_of(pdf, shown=str(pdf)), shown=str(pdf), password=password)
    if output is None:
        beside = pdf.with_suffix(".json")
        # The user did not name this file, so an existing one is not replaced.
        publish_new({beside: extracted.content})
        return ExtractResult(beside, extracted.content)
    path = _place(extracted, output)
    if path is not None:
        publish({path: extracted.content})
    return ExtractResult(path, extracted.content)


def _place(extracted: ExtractedFile, output: str) -> Path | None:
    if output == STDOUT:
        return None
    return Path(output) / extracted.name if is_folder(output) else Path(output)


@dataclass(frozen=True)
class SignOptions:
    """The options of `sign`."""

    authority: str | None = None
    """--timestamp: the address of a time stamp authority."""
    visible: bool = False
    """--visible: the signature is printed on the first page."""
    day: date | None = None
    """--date: the printed day; None for the time of signing."""


@dataclass(frozen=True)
class SignResult:
    """The result of `sign`."""

    path: Path
    """Where the signed PDF was published."""
    time_stamp: TimeStamp | None
    """The time stamp; None without --timestamp."""
    problems: tuple[Problem, ...]
    """Warnings of a certificate that no reader will trust."""


@dataclass(frozen=True)
class PdfResult:
    """What `verify` found in a PDF."""

    carried: ExtractedFile
    """The embedded data."""
    signatures: tuple[Signature, ...]
    """In the order in which they were added."""
    problems: tuple[Problem, ...]
    """Problems of kind GATE: signatures and time stamps that are broken, incomplete or not trusted."""


def check_signable(path: Path, options: SignOptions) -> None:
    """Raise FindingsReportError for what no key could sign, before somebody is asked for its passphrase."""
    from findings_report.pdf import signing
    from findings_report.report import archive, manifest

    signing.check_extra()
    content = archive.content_of(path, shown=str(path))
    if archive.is_pdf(content):
        if options.authority is not None:
            signing.check_address(options.authority)
        return
    if options != SignOptions():
        fault = "--timestamp, --visible and --date are for PDFs, and this is a manifest"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "leave them out", place=Place(str(path)), code="options"))
    manifest.from_json(content, shown=str(path))


def sign(
    pdf: Path, key: SigningKey, output: Path | None, options: SignOptions = SignOptions(), password: Password = no_password
) -> SignResult:
    """Sign a PDF into `output`, else in place, or a manifest into `output`, else beside it.

    Raises FindingsReportError if nothing was written.
    """
    from findings_report.pdf import signing
    from findings_report.report import archive
    from findings_report.system.atomic_files import publish

    check_signable(pdf, options)
    shown = str(pdf)
    content = archive.content_of(pdf, shown=shown)
    if not archive.is_pdf(content):
        return _sign_manifest(pdf, content, key, output)
    # Dates in a PDF have no fractions of a second, and the visible date must be the same.
    at = datetime.now(UTC).replace(microsecond=0)

    def make_appearance(signer: Signer) -> Appearance:
        return _make_appearance(signer, options.day or at)

    settings = signing.SignatureSettings(at, make_appearance if options.visible else None, options.authority)
    once = functools.cache(password)
    signed = signing.sign(content, key, settings, shown=shown, password=once)
    _read_back(content, signed.content, shown, once)
    path = output or pdf
    publish({path: signed.content})
    return SignResult(path, signed.time_stamp, _warn_of(signed.unfit, shown))


def _read_back(before: bytes, signed: bytes, shown: str, password: Password) -> None:
    """Raise FindingsReportError (OUTPUT) unless the PDF is signed as a whole and embeds the data that it did.

    It may replace the only copy. Another process than the one that signed validates it.
    """
    from findings_report.pdf import signing

    fault: str | None = None
    try:
        signatures = signing.validate_signatures(signed, signing.TrustAnchors(b"", b""), shown=shown, password=password)
        if not (signatures and signatures[-1].is_intact and signatures[-1].is_whole):
            fault = "its signature is not valid"
        elif _data(signed, shown, password) != _data(before, shown, password):
            fault = "its embedded data are not those of the unsigned PDF"
    except FindingsReportError as error:
        fault = error.problems[0].fault
    if fault is not None:
        fault = f"the signed PDF was not written, because it cannot be read back: {fault}"
        raise FindingsReportError(Problem(Kind.OUTPUT, fault, place=Place(shown), code="sign-pdf"))


def _data(pdf: bytes, shown: str, password: Password) -> bytes | None:
    """Return the data that a PDF embeds; None for a PDF of another program."""
    from findings_report.report import archive

    try:
        return archive.extract(pdf, shown=shown, password=password).content
    except FindingsReportError:
        return None


def _sign_manifest(path: Path, content: bytes, key: SigningKey, output: Path | None) -> SignResult:
    """Add a signature to those of this manifest, which are in a file beside it or in `output`."""
    from findings_report.pdf import signing
    from findings_report.report import archive, manifest
    from findings_report.system.atomic_files import publish
    from findings_report.system.journal import locked

    manifest.from_json(content, shown=str(path))
    target = output or path.with_name(manifest.envelope_beside(path.name))
    added, unfit = signing.sign_statement(content, key, shown=str(path))
    payload = added.partition(b'"payloadType"')[0]
    with locked(target.parent):
        # What others signed stays; signatures of an earlier build say nothing about this manifest.
        earlier = archive.content_of(target, shown=str(target)).splitlines(keepends=True) if target.exists() else []
        publish({target: b"".join(line for line in earlier if line.startswith(payload)) + added})
    return SignResult(target, None, _warn_of(unfit, str(path)))


def _warn_of(unfit: Sequence[Distrust], shown: str) -> tuple[Problem, ...]:
    """Return the warnings of a signer's certificate that cannot serve."""
    return tuple(
        Problem(
            Kind.GATE,
            f"the certificate that signed it will not be trusted: {each.fault}",
            each.remedy,
            place=Place(shown),
            level="warning",
            code="sign-unfit",
        )
        for each in unfit
    )


def _make_appearance(signer: Signer, when: date | datetime) -> Appearance:
    """Return what a visible signature shows: who signed, and when."""
    from findings_report.model.translation import ENGLISH
    from findings_report.pdf.render import open_renderer
    from findings_report.pdf.signing import Appearance, appearance_html, appearance_text
    from findings_report.problems.safe_text import visible

    # Names come from the certificate, where hidden characters could imitate another signer.
    who = visible(", ".join(filter(None, (signer.name, signer.organisation))))
    shown_day = ENGLISH.day(when) + (f", {when:%H:%M} UTC" if isinstance(when, datetime) else "")
    with open_renderer(workers=1) as renderer:
        page = renderer.render_stamp(appearance_html(who, shown_day))
    return Appearance(page, appearance_text(who, shown_day))


def verify_pdf(content: bytes, trusted: TrustAnchors, *, shown: str, password: Password = no_password) -> PdfResult:
    """Return the signatures and the data of a PDF; `password` is called at most once, for an encrypted PDF.

    Raises FindingsReportError: INPUT if the data cannot be read, USAGE if the PDF does not open.
    """
    from findings_report.pdf import signing
    from findings_report.report import archive

    # Data and signatures are read separately, and the user is asked once.
    once = functools.cache(password)
    carried = archive.extract(content, shown=shown, password=once)
    signatures = signing.validate_signatures(content, trusted, shown=shown, password=once)
    faults = [fault for signature in signatures for fault in describe_faults(signature)] or (
        [] if signatures else [("it is not signed", None)]
    )
    problems = (Problem(Kind.GATE, fault, remedy, place=Place(shown), code="signature") for fault, remedy in faults)
    return PdfResult(carried, signatures, tuple(problems))


def describe_faults(signature: Signature) -> list[tuple[str, str | None]]:
    """Return what is wrong with a signature, each with the remedy."""
    whose = f"the signature of {signature.signer}"
    if not signature.is_intact:
        # Nothing else in a broken signature can be relied on.
        return [(f"{whose} is broken: the file was changed", None)]
    faults: list[tuple[str, str | None]] = []
    if not signature.is_whole:
        faults.append((f"{whose} does not cover the whole file: something was added after it, or into its room", None))
    if distrust := signature.distrust:
        faults.append((f"{whose} is intact, but its certificate is not trusted: {distrust.fault}", distrust.remedy))
    return faults + (_faults_of(signature.time_stamp) if signature.time_stamp is not None else [])


def _faults_of(stamp: TimeStamp) -> list[tuple[str, str | None]]:
    whose = f"the time stamp of {stamp.authority}"
    if not stamp.is_intact:
        return [(f"{whose} is broken: it is not of this signature, or was changed", None)]
    if distrust := stamp.distrust:
        return [(f"{whose} is intact, but its certificate is not trusted: {distrust.fault}", distrust.remedy)]
    return []
