"""What `build` takes beside one engagement: several, and a report made earlier.

`build A B C`: several engagements are built with one executor. One that fails does not stop the others.

`build REPORT`: a report, its JSON or the PDF that embeds it, is rendered again. Neither the engagement nor a repository is
read. The file is untrusted, as a side of `diff` is: it is checked against itself, an edition stays for its readers, and what
only the engagement has is named as missing.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report import authoring
from findings_report.commands.build import (
    DEFAULT_FORMATS,
    BuildOptions,
    BuildPlan,
    PublishedBuild,
    check_for_build,
    choose_findings,
    locating_errors,
    plan_build,
    publish_build,
    single_finding_targets,
)
from findings_report.commands.check import fail_words, quote_faults, refuse_warnings, severity_limit, trip
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import HIDDEN, display_path, list_names
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.html_pages import remove_stale_pages
from findings_report.rendering.job import Executor, RenderResult, run_jobs
from findings_report.rendering.run import (
    Written,
    collect_files,
    find_strange_attachments,
    find_unattached,
    list_attachments,
    open_executor,
    plan_rendering,
)
from findings_report.report import output_files
from findings_report.report.check import Inputs, Progress
from findings_report.report.editions import describe_complete
from findings_report.report.formats import FORMATS, SINGLE_FINDING_FORMATS
from findings_report.report.output_files import Target

if TYPE_CHECKING:
    from findings_report.model.comparison import Document
    from findings_report.model.report import Report, ReportedAttachment

_ONE_FORMAT: Final = tuple(f".{name}" for name in FORMATS)


@dataclass(frozen=True)
class EngagementResult:
    """The outcome of one engagement."""

    name: str
    """Its name, which is its subfolder under -o."""
    built: PublishedBuild | None
    """The build; None if nothing was written."""
    problems: tuple[Problem, ...]
    """Warnings, gates that tripped, and the errors because of which nothing was written."""


@dataclass(frozen=True)
class _SubmittedBuild:
    """A plan whose first jobs are with the executor."""

    name: str
    plan: BuildPlan
    results: Iterator[RenderResult]


def build_many(every: Sequence[Inputs], options: BuildOptions, progress: Progress) -> Iterator[EngagementResult]:
    """Build each engagement when its result is asked for; under -o each has a subfolder, else its own `build/`.

    As long as the executor has room, the engagements that follow are checked and submitted before the first is published: a
    cluster stays busy, and this process never holds two reports. An engagement that is named twice is built once. Raises
    FindingsReportError (USAGE), having built nothing, for options that make sense for one engagement only.
    """
    _refuse_options_of_one(every, options)
    # By resolved folder: `build acme acme/findings` names one engagement twice.
    engagements = {_resolve(inputs.folder): inputs for inputs in every}
    names = {folder: _name(folder) for folder in engagements}
    # Without -o each engagement writes into its own folder, where names cannot collide.
    if options.output is not None:
        _refuse_same_names(names)
    # A name is compared with all engagements: one that this engagement does not have may be another's.
    _refuse_unknown_repositories(engagements)
    # A generator of its own: the refusals above are raised by the call, not by the first result.
    return _build_all(engagements, names, options, progress)


def _build_all(
    engagements: Mapping[Path, Inputs], names: Mapping[Path, str], options: BuildOptions, progress: Progress
) -> Iterator[EngagementResult]:
    submitted: deque[_SubmittedBuild | EngagementResult] = deque()
    with open_executor(options.executor, system_fonts=options.system_fonts) as executor:
        for folder, inputs in engagements.items():
            # Bounded: a checked engagement is held in memory until it is published.
            if len(submitted) == executor.max_pending:
                yield _publish(submitted.popleft())
            # The final slash makes it a folder, also if it does not exist yet.
            output = None if options.output is None else f"{options.output.rstrip('/')}/{names[folder]}/"
            submitted.append(_submit(names[folder], inputs, replace(options, output=output), progress, executor))
        while submitted:
            yield _publish(submitted.popleft())


def _submit(
    name: str, inputs: Inputs, options: BuildOptions, progress: Progress, executor: Executor
) -> _SubmittedBuild | EngagementResult:
    """Check one engagement and submit its jobs; the result without a build if that fails."""
    known = _repositories(inputs.folder)
    # `check` would report a --repository that this engagement does not have.
    clones = {key: path for key, path in inputs.clones.items() if known is None or key in known}

    def label(doing: str) -> None:
        progress(f"{name}: {doing}")

    try:
        checked = check_for_build(replace(inputs, clones=clones), options, label)
        with locating_errors(checked):
            plan = plan_build(checked, inputs, options, executor, label)
            return _SubmittedBuild(name, plan, run_jobs(plan.jobs, executor))
    except FindingsReportError as error:
        # A result instead of an exception: the other engagements are still built.
        return EngagementResult(name, None, error.problems)


def _publish(submitted: _SubmittedBuild | EngagementResult) -> EngagementResult:
    """Wait for the jobs of one engagement and publish its files."""
    if isinstance(submitted, EngagementResult):
        return submitted
    try:
        with locating_errors(submitted.plan.checked):
            built = publish_build(submitted.plan, submitted.results)
    except FindingsReportError as error:
        return EngagementResult(submitted.name, None, error.problems)
    return EngagementResult(submitted.name, built, built.problems)


def _refuse_options_of_one(every: Sequence[Inputs], options: BuildOptions) -> None:
    fault = remedy = None
    if options.only:
        fault, remedy = "--only names findings of one engagement, and there are several", "name that one"
    elif options.output == output_files.STDOUT or (options.output or "").lower().endswith(_ONE_FORMAT):
        fault, remedy = f"-o {options.output} is one file, and there are several engagements", "name a folder, as in -o out/"
    # A path without a name means the only repository, and each engagement may have one.
    elif any("" in inputs.clones for inputs in every):
        fault, remedy = "--repository does not say whose it is, and there are several engagements", "write NAME=PATH"
    if fault is not None:
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="several"))


def _refuse_same_names(names: Mapping[Path, str]) -> None:
    taken: dict[str, Path] = {}
    for folder, name in names.items():
        # File systems of macOS and Windows do not distinguish case.
        other = taken.setdefault(name.casefold(), folder)
        if other != folder:
            fault = f"{display_path(other)} and {display_path(folder)} would both be written to {name}/"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "build each of them with an -o of its own", code="several"))


def _refuse_unknown_repositories(engagements: Mapping[Path, Inputs]) -> None:
    """Raise FindingsReportError for a --repository whose name no engagement has."""
    known = [_repositories(folder) for folder in engagements]
    given = {name for inputs in engagements.values() for name in inputs.clones}
    if None in known or not given:
        return  # an engagement.yaml that cannot be read may have the name
    if unknown := sorted(given - {name for names in known for name in names or ()}):
        fault = f"--repository names {unknown[0]!r}, which none of the engagements has"
        raise FindingsReportError(Problem(Kind.USAGE, fault, code="no-repository"))


def _repositories(folder: Path) -> frozenset[str] | None:
    """Return the names of the engagement's repositories; None if it cannot be read, which `check` reports."""
    try:
        return frozenset(authoring.load_engagement(authoring.Folder(authoring.find_folder(folder))).engagement.repositories)
    except FindingsReportError:
        return None


def _resolve(folder: Path) -> Path:
    """Return the engagement's own folder; the named one if there is none, which `check` reports."""
    try:
        return authoring.find_folder(folder).resolve()
    except FindingsReportError:
        return folder.resolve()


def _name(folder: Path) -> str:
    """Return the name of an engagement: `acme` for `acme/findings`."""
    return folder.parent.name if folder.name == authoring.FOLDER else folder.name


_YAML: Final = (".yaml", ".yml")
_MOST_ATTACHMENTS: Final = 100  # read from a PDF, each by a confined process of its own
_NAME: Final = re.compile(r"[^/\\\x00-\x1f\x7f]{1,200}\Z")
_SIGNED: Final = re.compile(rb"/ByteRange\s*\[")


@dataclass(frozen=True)
class RebuiltReport:
    """A report that was rendered again and published."""

    report: Report
    """The report, for the audience that was asked for."""
    files: tuple[Written, ...]
    """In the order of the formats asked for."""
    problems: tuple[Problem, ...]
    """Notes, warnings, and gates that tripped."""


def is_report_file(path: Path) -> bool:
    """Return True for a file that is no YAML of an engagement: what it holds decides whether it is a report."""
    try:
        return path.is_file() and path.suffix.lower() not in _YAML
    except OSError:
        return False


def refuse_several(paths: Sequence[Path]) -> None:
    """Raise FindingsReportError (USAGE) for a report among several things to build."""
    if files := [path for path in paths if is_report_file(path)]:
        fault = f"{display_path(files[0])} is a report, and one report is rendered at a time"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name it alone", code="several"))


def rebuild(inputs: Inputs, options: BuildOptions, progress: Progress) -> RebuiltReport:
    """Render the report in the file `inputs.folder` in every format, and publish all files or none.

    Raises FindingsReportError if nothing was written: USAGE for options that need the engagement, INPUT for a file that is no
    report.
    """
    from findings_report.rendering.template_files import find_template
    from findings_report.system.atomic_files import publish

    path = inputs.folder
    _refuse_options_of_engagements(inputs, options)
    output_files.check_formats(options.formats, SINGLE_FINDING_FORMATS if options.each else FORMATS)
    progress(f"reading {path.name}")
    report, notes = _read(path, inputs)
    rank = severity_limit(report.engagement, options.fail_on)
    # Beside the current folder's `findings`, as for an engagement there: the file's own folder may be anybody's.
    template = find_template(options.template or "standard", Path.cwd() / authoring.FOLDER, given=True)
    documents = _single_findings(report, path, options) if options.each else _whole(report, path, options)
    output_files.refuse_overwriting([path], [target for _, target in documents])
    with open_executor(options.executor, system_fonts=options.system_fonts) as executor:
        plan = plan_rendering(documents, template, executor, progress, is_alone=options.each, system_fonts=options.system_fonts)
        output_files.refuse_overwriting([path], [Target(output_files.ATTACHMENT, each) for each in list_attachments(plan)])
        output_files.refuse_overwriting([path], plan.order)
        files, problems = collect_files(plan, run_jobs(plan.jobs, executor))
    files += tuple(Written(attached, content, 0.0) for attached, content in list_attachments(plan).items())
    publish({file.path: file.content for file in files if file.path is not None})
    remove_stale_pages(plan.order)
    problems = [*notes, *problems, *describe_complete(report.engagement)]
    problems += [*find_unattached(plan), *find_strange_attachments(plan)] if not options.each else []
    known = tuple(dict.fromkeys(replace(problem, subject=None) for problem in problems))
    return RebuiltReport(report, files, (*known, *_gates(report, known, options, rank)))


def _refuse_options_of_engagements(inputs: Inputs, options: BuildOptions) -> None:
    """Raise FindingsReportError (USAGE) for an option that a finished report has no answer to."""
    option = why = None
    if inputs.clones or inputs.borrow:
        option, why = "--repository" if inputs.clones else "--borrow", "a finished report reads no repository"
    elif options.manifest:
        option, why = "--manifest", "what a finished report is made from is not known"
    elif "secret" in fail_words(options.fail_on):
        option, why = "--fail-on secret", "a finished report is not searched for credentials"
    if option is not None:
        fault = f"{option} is for engagements: {why}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "leave it out, or name the engagement's folder", code="options"))


def _read(path: Path, inputs: Inputs) -> tuple[Report, list[Problem]]:
    """Return the report in a file, for the audience of `inputs`, with notes on what it is and what is missing.

    Raises FindingsReportError: INPUT for anything else, USAGE for an edition that is not for the audience.
    """
    from findings_report.report import archive

    shown = str(path)
    content = archive.content_of(path, shown=shown)
    try:
        report = archive.read(content, shown, password=inputs.password)
    except FindingsReportError as error:
        remedy = "name the JSON or the PDF of a report, or the folder of an engagement"
        raise FindingsReportError([replace(each, remedy=each.remedy or remedy) for each in error.problems]) from None
    is_pdf = archive.is_pdf(content)
    place = Place(display_path(path))
    versions = {component.name: component.version for component in report.components}
    made_with = f", made with findings-report {versions['findings-report']}" if "findings-report" in versions else ""
    fault = f"a finished report{made_with}: neither its engagement nor its repositories were read"
    notes = [Problem(Kind.INPUT, fault, place=place, level="note", code="report-again")]
    if is_pdf and _SIGNED.search(content):
        fault = "the PDF is signed; what is rendered again has no signature"
        remedy = "check it with `findings-report verify`, and sign the new PDF"
        notes.append(Problem(Kind.INPUT, fault, remedy, place=place, level="note", code="report-again"))
    report = _restrict(report, inputs.audience)
    # The JSON may state any bytes; only those of the PDF whose digests are right are the report's.
    attachments = tuple(
        _fill(attachment, content if is_pdf and index < _MOST_ATTACHMENTS else None, shown, inputs)
        for index, attachment in enumerate(report.attachments)
    )
    fonts = tuple(font.model_copy(update={"content": b""}) for font in report.engagement.fonts)
    word = report.engagement.docx_template
    word = word.model_copy(update={"content": b""}) if word is not None else None
    notes += _name_missing(attachments, [font.file for font in fonts], place)
    engagement = report.engagement.model_copy(update={"fonts": fonts, "docx_template": word})
    # Pages are divided here: addresses of files that a report brings along are anybody's.
    return report.model_copy(update={"attachments": attachments, "engagement": engagement, "pages": None}), notes


def _restrict(report: Report, word: str | None) -> Report:
    """Return what of a report is for an audience: an edition never has what it was made without."""
    from findings_report.report.assemble import restrict_report

    edition, known = report.engagement.edition, report.engagement.audiences
    if word is None or word == edition:
        return report
    if edition is not None:
        fault = f"the report is the edition for {edition}, and does not have what is for {word}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name the complete report", code="audience"))
    if word not in known:
        parts = f"parts for {', '.join(known)}" if known else "no parts for certain readers"
        fault = f"the report has {parts}, and none for {word!r}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(word, known), code="audience"))
    return restrict_report(report, word)


def _fill(attachment: ReportedAttachment, pdf: bytes | None, shown: str, inputs: Inputs) -> ReportedAttachment:
    """Return an attachment with its bytes from the PDF; without bytes if it is not there, or is another file."""
    from findings_report.pdf.embedded_data import extract_file

    content = b""
    name = attachment.name
    # The name becomes that of a copy, and may have been written by anybody.
    is_safe = _NAME.match(name) and name not in (".", "..") and not HIDDEN.search(name)
    if pdf is not None and is_safe:
        try:
            content = extract_file(pdf, (name,), shown=shown, password=inputs.password).content
        except FindingsReportError:
            content = b""
        if len(content) != attachment.size or hashlib.sha256(content).hexdigest() != attachment.sha256:
            content = b""
    return attachment.model_copy(update={"content": content})


def _name_missing(attachments: Sequence[ReportedAttachment], fonts: Sequence[str], place: Place) -> Iterator[Problem]:
    """Yield a warning for the files that the report names and does not hold."""
    missing = [attachment.name for attachment in attachments if not attachment.content and attachment.size]
    for what, names, effect in (
        ("attachment", missing, "listed, and not written"),
        ("font", fonts, "replaced by the program's"),
    ):
        if names:
            listed = f"{', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
            verb = f"the {what} {listed} is" if len(names) == 1 else f"{len(names)} {what}s are"
            fault = f"{verb} not in the file{'' if len(names) == 1 else f' ({listed})'}: {effect}"
            remedy = "build the engagement, or render the PDF, which embeds attachments"
            yield Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="report-incomplete")


def _whole(report: Report, path: Path, options: BuildOptions) -> list[tuple[Document, Target]]:
    """Return the report with the file of each format: beside the report that is read, under its name, without -o."""
    own = path.suffix.lower().lstrip(".")
    formats = options.formats or tuple(name for name in DEFAULT_FORMATS if name != own)
    output = options.output if options.output is not None else f"{path.parent}/"
    # Without -o and -f the formats are as if given: the folder has no suffix that could name one.
    is_given = bool(options.formats) or options.output is None
    stem = _stem(path, report)
    return [(report, target) for target in output_files.targets(stem, path.parent, formats, output, given=is_given)]


def _stem(path: Path, report: Report) -> str:
    """Return the name of the new files: that of the file, with the audience if this is another edition than the file's name."""
    edition = report.engagement.edition
    mark = output_files.for_edition("", edition)
    return path.stem if not mark or path.stem.endswith(mark) else f"{path.stem}{mark}"


def _single_findings(report: Report, path: Path, options: BuildOptions) -> list[tuple[Document, Target]]:
    from findings_report.report.assemble import single_finding_report

    findings = choose_findings(report, options.only)
    output = options.output if options.output is not None else f"{path.parent}/"
    files = single_finding_targets(findings, path.parent, options.formats, output, report.engagement.edition)
    reports = {finding.id: single_finding_report(report, finding) for finding in findings}
    return [(reports[finding.id], target) for finding, target in files]


def _gates(report: Report, problems: Sequence[Problem], options: BuildOptions, rank: int | None) -> list[Problem]:
    faults = quote_faults(
        fail_words(options.fail_on), {each.id: [at.check.verdict for at in each.snippets] for each in report.findings}
    )
    if rank is not None:
        bad_names = {severity.name for severity in report.engagement.severities[: rank + 1]}
        bad = [finding.id for finding in report.unresolved if finding.severity.name in bad_names]
        if bad:
            faults.append((report.engagement.severities[rank].name, f"{len(bad)} unresolved: {list_names(bad)}"))
    return [*trip(faults), *(refuse_warnings(problems) if options.strict else ())]
