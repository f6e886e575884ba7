"""The command `verify`: a PDF's signatures and data, or a manifest of `build --manifest`, of which everything is recomputed.

A manifest may come from anyone. Of its text only the names of outputs are used to open files, and those are names in its own
folder; everything else is computed from the engagement again, and compared with it. Nothing is fetched or written.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report import authoring
from findings_report.commands.pdf import PdfResult, describe_faults, verify_pdf
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path
from findings_report.report import archive, manifest
from findings_report.report.check import Inputs, Progress

if TYPE_CHECKING:
    from findings_report.pdf.signing import Signature, TrustAnchors
    from findings_report.report.manifest import Dependency, Manifest
    from findings_report.report.provenance import Recorded

DIFFERS: Final = "manifest-differs"
"""Code of everything that is not as the manifest has it."""


@dataclass(frozen=True)
class VerifiedOutput:
    """An output that is named in a manifest."""

    name: str
    """Name of the file."""
    is_equal: bool
    """True if the file is that of the manifest."""
    is_rebuilt: bool
    """True if a build from what is here gives the bytes of the manifest."""


@dataclass(frozen=True)
class ManifestResult:
    """What `verify` found about a manifest."""

    outputs: tuple[VerifiedOutput, ...]
    """In the order of the manifest."""
    signatures: tuple[Signature, ...]
    """In the order of the file beside the manifest; empty if there is none."""
    equal: Mapping[str, int]
    """Number of dependencies that are as recorded, by kind; versions under `version`. Empty if nothing was recomputed."""
    problems: tuple[Problem, ...]
    """Of kind GATE: what differs; of kind SOURCE: what is not here."""


def verify(
    path: Path,
    trusted: TrustAnchors,
    inputs: Inputs,
    progress: Progress,
    *,
    is_folder_given: bool = False,
) -> PdfResult | ManifestResult:
    """Check a PDF, or a manifest, whatever the name of the file. `inputs` are those of the engagement, for a manifest.

    Without an engagement the outputs of a manifest are checked all the same, unless `is_folder_given`. Raises
    FindingsReportError: INPUT for a file that is neither or cannot be read, USAGE for a PDF that does not open, SOURCE for a
    wrong --repository, INPUT for signatures that cannot be read.
    """
    from findings_report.system.journal import locked

    shown = str(path)
    # One generation: a build that publishes meanwhile would mix two of them.
    with locked(path.parent, shared=True):
        content = archive.content_of(path, shown=shown)
        if archive.is_pdf(content):
            return verify_pdf(content, trusted, shown=shown, password=inputs.password)
        recorded = manifest.from_json(content, shown=shown)
        files = {output.name: _read_output(path.parent, output.name) for output in recorded.subject}
        for name in (manifest.checksums_beside(path.name), manifest.envelope_beside(path.name)):
            files[name] = _read_output(path.parent, name)
    signatures, faults = _check_signatures(content, path, files[manifest.envelope_beside(path.name)], trusted)
    result = _verify_manifest(recorded, content, path, files, inputs, progress, is_folder_given=is_folder_given)
    return replace(result, signatures=signatures, problems=(*faults, *result.problems))


def _check_signatures(
    content: bytes, path: Path, envelopes: _File, trusted: TrustAnchors
) -> tuple[tuple[Signature, ...], list[Problem]]:
    """Return the signatures beside a manifest, and what is wrong with them. With --trust a manifest must be signed."""
    from findings_report.pdf import signing

    beside = path.parent / manifest.envelope_beside(path.name)
    if envelopes.content is None:
        is_wanted = bool(trusted.signers) or os.path.lexists(beside)
        fault = f"it is not signed: {beside.name} {envelopes.fault}"
        return (), [Problem(Kind.GATE, fault, place=Place(str(path)), code="signature")] if is_wanted else []
    signatures = signing.validate_envelopes(envelopes.content, content, trusted, shown=str(beside))
    faults: list[tuple[str, str | None]] = []
    for signature in signatures:
        if signature.is_intact and not signature.is_whole:
            faults.append((f"the signature of {signature.signer} is of another manifest", "sign this one"))
        else:
            faults += describe_faults(signature)
    return signatures, [
        Problem(Kind.GATE, fault, remedy, place=Place(str(beside)), code="signature") for fault, remedy in faults
    ]


@dataclass(frozen=True)
class _File:
    """An output on disk."""

    content: bytes | None
    """The bytes; None if there is no file that can be read."""
    fault: str = ""
    """Why there is none, worded to follow its name."""


@dataclass(frozen=True)
class _Rebuilt:
    """The result of a build from the files that are here."""

    folder: Path
    """The engagement's."""
    manifest: Manifest
    """Its manifest."""
    outputs: Mapping[str, bytes]
    """Its files by name; without those that this machine cannot render."""


def _read_output(folder: Path, name: str) -> _File:
    """Return a file of the manifest's folder. A link, a pipe or a device is not opened."""
    try:
        # O_NONBLOCK: opening a named pipe would otherwise wait for a writer.
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return _File(None, "is missing")
    except OSError as error:
        return _File(None, f"cannot be read: {error.strerror}")
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return _File(None, "is not a file")
        try:
            content = file.read(archive.LARGEST + 1)
        except OSError as error:
            return _File(None, f"cannot be read: {error.strerror}")
    return _File(content) if len(content) <= archive.LARGEST else _File(None, "is too large to be read")


def _verify_manifest(
    recorded: Manifest,
    content: bytes,
    path: Path,
    files: Mapping[str, _File],
    inputs: Inputs,
    progress: Progress,
    *,
    is_folder_given: bool,
) -> ManifestResult:
    """Recompute a manifest, and return what differs. `files` are those beside it, by name."""
    shown = str(path)
    problems: list[Problem] = []
    if manifest.to_json(recorded) != content:
        problems.append(_differs(shown, "is not written as the program writes it: it was edited", None))
    folder = _find_folder(inputs, is_folder_given=is_folder_given)
    rebuilt: _Rebuilt | None = None
    equal: dict[str, int] = {}
    if folder is None:
        fault = "the findings are not here, so only the files beside the manifest were compared with it"
        problems.append(Problem(Kind.SOURCE, fault, "name their folder with -C", code="manifest-source"))
    else:
        rebuilt, faults = _rebuild(recorded, inputs, progress)
        problems += faults
        progress("comparing")
        if rebuilt is not None:
            equal, differences = _compare(recorded, rebuilt, inputs.borrow)
            problems += differences
        else:
            problems += _compare_inputs(recorded, folder, inputs.borrow)
    results = []
    for output in recorded.subject:
        again = rebuilt.outputs.get(output.name) if rebuilt is not None else None
        is_rebuilt = again is not None and manifest.sha256(again) == output.digest.sha256
        file = files[output.name]
        is_equal = file.content is not None and manifest.sha256(file.content) == output.digest.sha256
        place = str(path.parent / output.name)
        if not is_equal:
            problems.append(_differs(place, _describe_output(file, again if is_rebuilt else None), None))
        if again is not None and not is_rebuilt:
            fault = "a build from what is here gives other bytes than the manifest has"
            if is_equal and file.content is not None:
                fault += f", {_describe_bytes(again, file.content)}"
            problems.append(_differs(place, fault, None))
        results.append(VerifiedOutput(output.name, is_equal, is_rebuilt))
    if path.name.endswith(manifest.MANIFEST):
        problems += _check_sums(recorded, content, path, files[manifest.checksums_beside(path.name)])
    return ManifestResult(tuple(results), (), equal, tuple(problems))


def _check_sums(recorded: Manifest, content: bytes, path: Path, found: _File) -> list[Problem]:
    """Return the problem of a file of checksums that is not that of the manifest; a missing one is a note."""
    place = str(path.parent / manifest.checksums_beside(path.name))
    digests = {output.name: output.digest.sha256 or "" for output in recorded.subject}
    expected = manifest.checksums(digests | {path.name: manifest.sha256(content)})
    if found.content is None:
        return [Problem(Kind.GATE, found.fault, place=Place(place), level="note", code=DIFFERS)]
    # Besides, it has the copies of attachments, which are not outputs: unchanged inputs, in a folder of their own.
    inputs = {
        dependency.digest.sha256
        for dependency in recorded.dependencies
        if dependency.annotations.kind == "input" and dependency.digest is not None
    }
    lines, own = found.content.splitlines(), expected.splitlines()
    others = [line.decode("utf-8", "surrogateescape").removeprefix("\\").partition("  ") for line in lines if line not in own]
    is_complete = [line for line in lines if line in own] == own
    is_known = all(digest in inputs and "/" in name for digest, _, name in others)
    return [] if is_complete and is_known else [_differs(place, "does not have the digests of the manifest", None)]


def _find_folder(inputs: Inputs, *, is_folder_given: bool) -> Path | None:
    """Return the engagement's folder; None if there is none and none was named. Raises FindingsReportError if one was."""
    try:
        return authoring.find_folder(inputs.folder)
    except FindingsReportError:
        if is_folder_given:
            raise
        return None


def _rebuild(recorded: Manifest, inputs: Inputs, progress: Progress) -> tuple[_Rebuilt | None, list[Problem]]:
    """Return a build with the options of the manifest, in memory, and why it is incomplete; None if there is none."""
    from findings_report.commands.build import BuildOptions, check_for_build, describe_files, locating_errors, plan_build
    from findings_report.rendering.job import LOCAL, run_jobs
    from findings_report.rendering.run import collect_files

    parameters = recorded.parameters
    options = BuildOptions(
        formats=(),
        output=None,
        template=parameters.template,
        system_fonts=parameters.system_fonts,
        default_date=parameters.default_date,
        fail_on=None,
        strict=False,
        each=any(output.finding is not None for output in parameters.outputs),
        manifest=True,
    )
    try:
        inputs = replace(inputs, audience=parameters.audience)
        checked = check_for_build(inputs, options, progress)
        with locating_errors(checked):
            plan = plan_build(checked, inputs, options, LOCAL, progress, wanted=parameters.outputs)
            files, problems = collect_files(plan.rendering, run_jobs(plan.jobs, LOCAL))
            described = describe_files(plan, files)
    except FindingsReportError as error:
        errors = [problem for problem in error.problems if problem.level == "error"]
        # What is not here, and a wrong --repository, are no difference.
        if away := [problem for problem in errors if problem.kind is Kind.SOURCE or problem.code == "no-repository"]:
            return None, away
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        where = f"{errors[0].place.file}: " if errors[0].place is not None else ""
        fault = f"the outputs cannot be built again: {where}{errors[0].fault}{more}"
        return None, [Problem(Kind.GATE, fault, "run `findings-report check`", code=DIFFERS)]
    left_out = [problem for problem in problems if problem.level == "error"]
    outputs = {file.path.name: file.content for file in files if file.path is not None}
    return _Rebuilt(checked.folder, described, outputs), left_out


def _compare(recorded: Manifest, rebuilt: _Rebuilt, borrow: tuple[Path, ...]) -> tuple[dict[str, int], list[Problem]]:
    """Return the number of equal dependencies by kind, and what differs: versions first, since they explain other bytes."""
    equal, problems = _compare_versions(recorded.versions, rebuilt.manifest.versions)
    old = {dependency.key: dependency for dependency in recorded.dependencies}
    new = {dependency.key: dependency for dependency in rebuilt.manifest.dependencies}
    for key in old.keys() & new.keys():
        equal[key[0]] = equal.get(key[0], 0) + (old[key] == new[key])
    different = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
    recovered = _recover(different, old, rebuilt.folder, borrow)
    unavailable = {key[1] for key in different if _is_unavailable(old.get(key), new.get(key))}
    for key in different:
        before, now = old.get(key), new.get(key)
        if before is not None and before.annotations.repository in unavailable:
            continue  # the clone has a message of its own
        if key[0] == "repository" and key[1] in unavailable:
            problems.append(_unavailable(key[1]))
        elif key[0] == "input":
            problems.append(_describe_input(key[1], before, now, recovered.get(key[1]), rebuilt.folder))
        else:
            problems.append(_describe_difference(key, before, now))
    return equal, problems


def _compare_versions(recorded: Mapping[str, str], here: Mapping[str, str]) -> tuple[dict[str, int], list[Problem]]:
    names = dict.fromkeys([*recorded, *here])
    changed = [name for name in names if recorded.get(name) != here.get(name)]
    equal = {"version": len(names) - len(changed)}
    if not changed:
        return equal, []
    listed = ", ".join(f"{name} {recorded.get(name, 'none')} (here: {here.get(name, 'none')})" for name in changed)
    fault = f"built with other versions, so the bytes may differ: {listed}"
    return equal, [Problem(Kind.GATE, fault, "install the versions of the manifest to build it again", code=DIFFERS)]


def _is_unavailable(before: Dependency | None, now: Dependency | None) -> bool:
    """Return True for a repository that the build read, and that is not here."""
    was_read = before is not None and bool(before.annotations.is_read)
    return was_read and now is not None and now.annotations.is_read is False


def _unavailable(name: str) -> Problem:
    fault = f"repository {name!r} is not available, so the cited code was not compared"
    return Problem(Kind.SOURCE, fault, f"name its clone with --repository {name}=PATH", code="manifest-source")


def _compare_inputs(recorded: Manifest, folder: Path, borrow: tuple[Path, ...]) -> list[Problem]:
    """Return the files of the engagement that differ, where nothing could be built again.

    Their names come from the manifest: `Folder` opens nothing outside of the folder.
    """
    files = authoring.Folder(folder)
    old = {dependency.key: dependency for dependency in recorded.dependencies if dependency.annotations.kind == "input"}
    contents: dict[tuple[str, str], bytes | None] = {}
    for key in old:
        with contextlib.suppress(FindingsReportError):
            contents[key] = files.read(key[1])
    different = [
        key
        for key, dependency in old.items()
        if (content := contents.get(key)) is None or not _has_content(dependency, content)
    ]
    recovered = _recover(different, old, folder, borrow)
    problems: list[Problem] = []
    for key in different:
        content = contents.get(key)
        digest = manifest.Digest(sha256=manifest.sha256(content)) if content is not None else None
        now = old[key].model_copy(update={"digest": digest}) if digest is not None else None
        problems.append(_describe_input(key[1], old[key], now, recovered.get(key[1]), folder))
    return problems


def _has_content(dependency: Dependency, content: bytes) -> bool:
    return dependency.digest is not None and dependency.digest.sha256 == manifest.sha256(content)


def _recover(
    different: Sequence[tuple[str, str]], old: Mapping[tuple[str, str], Dependency], folder: Path, borrow: tuple[Path, ...]
) -> Mapping[str, Recorded]:
    """Return the recorded contents of the input files that differ, from git, by name."""
    from findings_report.report.provenance import find_recorded

    blobs = {
        name: digest.git_blob
        for kind, name in different
        if kind == "input" and (kind, name) in old and (digest := old[kind, name].digest) is not None and digest.git_blob
    }
    return find_recorded(folder, blobs, borrow=borrow) if blobs else {}


def _describe_input(
    name: str, before: Dependency | None, now: Dependency | None, recovered: Recorded | None, folder: Path
) -> Problem:
    """Return the problem of a file of the engagement; `recovered` is the recorded one, if git has it."""
    place = Place(display_path(folder / name))
    if before is None:
        return Problem(Kind.GATE, "is read now, and is not in the manifest", place=place, code=DIFFERS)
    remedy = None
    if recovered is not None and recovered.commit is not None:
        remedy = f"commit {recovered.commit[:12]} has it as it was"
    elif before.digest is not None and before.digest.git_blob is None:
        remedy = "it was not committed when the report was built"
    if now is None:
        return Problem(Kind.GATE, "is in the manifest, and is not read now", remedy, place=place, code=DIFFERS)
    if before.digest is not None and now.digest is not None and before.digest.sha256 == now.digest.sha256:
        fault = f"is the file of the manifest, but {_describe_circumstances(before, now)}"
        return Problem(Kind.GATE, fault, place=place, code=DIFFERS)
    fault = "differs from the manifest"
    if recovered is not None and recovered.content is not None:
        # By `Folder`, which opens nothing outside of the folder, whatever name a manifest has.
        with contextlib.suppress(FindingsReportError):
            content = authoring.Folder(folder).read(name)
            fault += f", {_describe_bytes(content, recovered.content)}" if content is not None else ""
    return Problem(Kind.GATE, fault, remedy, place=place, code=DIFFERS)


_NOUNS: Final = {
    "template": "the template file",
    "data": "the program's file",
    "blob": "the cited file",
    "repository": "repository",
    "findings": "the commit of the findings:",
}


def _describe_difference(key: tuple[str, str], before: Dependency | None, now: Dependency | None) -> Problem:
    """Return the problem of a dependency that is no file of the engagement."""
    kind, name = key
    subject = f"{_NOUNS[kind]} {name}"
    remedy: str | None = None
    if kind in ("findings", "repository") and _commit(before) != _commit(now):
        fault = f"{subject} is at {_commit(now) or 'no commit'}; the manifest has {_commit(before) or 'no commit'}"
        if kind == "findings" and (commit := _commit(before)) is not None:
            remedy = f"check that commit out elsewhere, and name the folder: git worktree add ../as-built {commit}"
    elif before is None:
        fault = f"{subject} is used now, and is not in the manifest"
    elif now is None:
        fault = f"{subject} is in the manifest, and cannot be read now or is not used"
    elif before.digest == now.digest:
        fault = f"{subject} is that of the manifest, but {_describe_circumstances(before, now)}"
    else:
        fault = f"{subject} differs from the manifest"
    return Problem(Kind.GATE, fault, remedy, code=DIFFERS)


def _commit(dependency: Dependency | None) -> str | None:
    return dependency.digest.git_commit if dependency is not None and dependency.digest is not None else None


def _describe_circumstances(before: Dependency, now: Dependency) -> str:
    """Return in what two entries of one content differ, worded to follow its name."""
    old, new = (dependency.annotations.model_dump(exclude_none=True) for dependency in (before, now))
    changed = [field for field in dict.fromkeys([*old, *new]) if old.get(field) != new.get(field)]
    if changed:
        return ", ".join(f"{field} is {new.get(field)!r} here, {old.get(field)!r} in the manifest" for field in changed)
    return "was not committed then" if before.digest and before.digest.git_blob is None else "is not committed now"


def _describe_output(file: _File, recorded: bytes | None) -> str:
    """Return what is wrong with an output; `recorded` is the manifest's, if it could be built again."""
    if file.content is None:
        return file.fault
    if recorded is None:
        return f"differs from the manifest; it has {len(file.content):,} bytes"
    if file.content.startswith(recorded):
        added = len(file.content) - len(recorded)
        return f"differs from the manifest: {added:,} bytes follow the manifest's {len(recorded):,}, as in a signed PDF"
    return f"differs from the manifest, {_describe_bytes(file.content, recorded)}"


def _describe_bytes(content: bytes, other: bytes) -> str:
    """Return where two contents begin to differ, and their sizes."""
    first = next(_differing(content, other), min(len(content), len(other)))
    sizes = f"{len(content):,} bytes" + (f" instead of {len(other):,}" if len(content) != len(other) else "")
    return f"from byte {first + 1:,} on ({sizes})"


def _differing(content: bytes, other: bytes) -> Iterator[int]:
    """Yield the first 0-based offset at which two contents of equal start differ, if there is one."""
    step = 65_536
    for start in range(0, min(len(content), len(other)), step):
        one, two = content[start : start + step], other[start : start + step]
        if one != two:
            yield from (start + index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)


def _differs(shown: str, fault: str, remedy: str | None) -> Problem:
    return Problem(Kind.GATE, fault, remedy, place=Place(shown), code=DIFFERS)
