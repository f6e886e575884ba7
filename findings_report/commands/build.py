"""The command `build`: an engagement is checked, its report is rendered by an executor, and the files are published.

The three steps are `plan_build`, `run_jobs` and `publish_build`. `build_many` takes the same steps for several engagements.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from findings_report import authoring
from findings_report.commands.check import gates, refuse_blind_gate, severity_limit
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.rendering.html_pages import remove_stale_pages
from findings_report.rendering.job import Executor, Job, RenderResult, run_jobs
from findings_report.rendering.run import (
    RenderPlan,
    Written,
    collect_files,
    find_strange_attachments,
    find_unattached,
    list_attachments,
    list_pictures,
    open_executor,
    plan_rendering,
)
from findings_report.report import output_files
from findings_report.report.check import UNPRINTABLE, Checked, Inputs, Progress, assembled, check, find_unprintable
from findings_report.report.editions import describe_complete
from findings_report.report.formats import FORMATS, SINGLE_FINDING_FORMATS
from findings_report.report.output_files import Target

if TYPE_CHECKING:
    from findings_report.git import Repository
    from findings_report.model.comparison import Document
    from findings_report.model.report import Report, ReportedDocument, ReportedFinding
    from findings_report.rendering.template_files import Template, TemplateFiles
    from findings_report.report.manifest import BuiltFile, Dependency, Manifest
    from findings_report.report.provenance import Identified

DEFAULT_FORMATS: Final = ("html", "pdf")
"""The formats if neither the command line nor engagement.yaml names any."""

DEFAULT_EACH_FORMATS: Final = ("pdf",)
"""The formats of --each if the command line names none: the files are meant for tickets, which take PDFs."""


@dataclass(frozen=True)
class BuildOptions:
    """The options of `build`."""

    formats: tuple[str, ...]
    """-f; empty takes the engagement's `outputs`, else DEFAULT_FORMATS."""
    output: str | None
    """-o."""
    template: str | None
    """--template; None takes the engagement's."""
    system_fonts: bool
    """--system-fonts."""
    default_date: date | None
    """The date of a report whose engagement has none."""
    fail_on: str | None
    """--fail-on."""
    strict: bool
    """--strict."""
    cache: bool = False
    """False with --no-cache: every page is laid out, and none is stored."""
    each: bool = False
    """--each: a document for each finding instead of the report."""
    only: tuple[str, ...] = ()
    """--only: the ids of the findings that get one; empty for all findings."""
    executor: str = "local"
    """--executor: `local`, `dask://HOST:PORT` or `tls://HOST:PORT`."""
    manifest: bool = False
    """--manifest: a manifest and checksums are written beside the files."""


@dataclass(frozen=True)
class BuildPlan:
    """A checked engagement and the jobs that render it. Nothing has been rendered or written yet."""

    checked: Checked
    """The engagement."""
    options: BuildOptions
    """The options of the build."""
    rendering: RenderPlan
    """The jobs and their files."""
    problems: tuple[Problem, ...]
    """Warnings about the commit of the findings, not located."""
    template: TemplateFiles
    """The template, as it was before the rendering."""
    dependencies: tuple[Dependency, ...] = ()
    """Everything that the files are made from; empty without --manifest."""

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs, in the order in which their results are needed."""
        return self.rendering.jobs


@dataclass(frozen=True)
class PublishedBuild:
    """A build that was published."""

    checked: Checked
    """The engagement."""
    files: tuple[Written, ...]
    """In the order of the formats asked for."""
    problems: tuple[Problem, ...]
    """Warnings, gates that tripped, and the error that names a format left out because a system library is missing."""


def build(inputs: Inputs, options: BuildOptions, progress: Progress) -> PublishedBuild:
    """Check the engagement, render every format, and publish all files or none.

    Raises FindingsReportError if nothing was written. Without the system libraries for PDF the other formats
    are published, and the result has an error.
    """
    # Opened before the check: an unreachable cluster is reported before the quotes are read.
    with open_executor(options.executor, system_fonts=options.system_fonts) as executor:
        checked = check_for_build(inputs, options, progress)
        with locating_errors(checked):
            plan = plan_build(checked, inputs, options, executor, progress)
            results = run_jobs(plan.jobs, executor)
            # Within the block: results arrive as long as the executor is open.
            return publish_build(plan, results)


def check_for_build(inputs: Inputs, options: BuildOptions, progress: Progress) -> Checked:
    """Return the checked engagement. Raise FindingsReportError for its errors, and for options that do not fit it."""
    # Before the check, which takes seconds: an unknown format is a slip of the hand.
    output_files.check_formats(options.formats, SINGLE_FINDING_FORMATS if options.each else FORMATS)
    refuse_blind_gate(options.fail_on)
    checked = check(inputs, progress)
    # Called for its error: an unknown severity must not be reported after rendering. `gates` needs the rank.
    severity_limit(checked.authored.engagement, options.fail_on)
    return checked


@contextmanager
def locating_errors(checked: Checked) -> Iterator[None]:
    """Raise an error of the block with the places of its problems, and with the warnings that were found before."""
    try:
        yield
    except FindingsReportError as error:
        # With the warnings: they often explain the error, and nothing prints them later.
        raise FindingsReportError([*checked.problems, *authoring.locate(error.problems, checked.authored)]) from None


def plan_build(
    checked: Checked,
    inputs: Inputs,
    options: BuildOptions,
    executor: Executor,
    progress: Progress,
    *,
    wanted: Sequence[BuiltFile] | None = None,
) -> BuildPlan:
    """Assemble the report, decide which files are written, and return the jobs that render them.

    `wanted` are the files of a manifest, to be rendered instead of those that the options name. Raises FindingsReportError for
    everything that is known before a job runs: options, the template, an output that would overwrite an input.
    """
    from findings_report.rendering.template_files import find_template, read_template

    engagement = checked.authored.engagement
    word = read_word_document(options)
    # A document for Word is no template of the other formats, which keep theirs.
    given = options.template if word is None else None
    template = find_template(given or engagement.template, checked.folder, given=given is not None)
    # Before the report is assembled, which prints the commit of the findings.
    identified = _identify(checked, template, inputs.borrow)
    report = assembled(checked, options.default_date, identified.commit)
    if word is not None:
        report = report.model_copy(update={"engagement": report.engagement.model_copy(update={"docx_template": word})})
    if wanted is not None:
        documents = _recorded(report, wanted)
    else:
        documents = _single_findings(report, checked, options) if options.each else _report(report, checked, options)
    # Checked here and not when publishing: a wrong -o must not cost a rendering.
    targets = [target for _, target in documents]
    if options.manifest:
        targets += _manifest_targets(targets)
    output_files.refuse_overwriting_inputs(engagement, checked.folder, targets)
    rendering = plan_rendering(
        documents,
        template,
        executor,
        progress,
        is_alone=options.each,
        system_fonts=options.system_fonts,
        cache_of=checked.folder if options.cache else None,
    )
    beside = [Target(output_files.ATTACHMENT, path) for path in list_attachments(rendering) | list_pictures(rendering)]
    beside += [target for target in rendering.order if target.page is not None]
    output_files.refuse_overwriting_inputs(engagement, checked.folder, beside)
    files = read_template(template)
    dependencies: tuple[Dependency, ...] = ()
    if options.manifest:
        progress("listing what the report is made from")
        dependencies = _list_dependencies(checked, inputs, files, identified, rendering)
    problems = (*identified.problems, *describe_complete(report.engagement), *_describe_structure(targets, template))
    problems += (*find_unattached(rendering), *find_strange_attachments(rendering)) if not options.each else ()
    return BuildPlan(checked, options, rendering, problems, files, dependencies)


def publish_build(plan: BuildPlan, results: Iterable[RenderResult]) -> PublishedBuild:
    """Wait for the results, publish all files or none, and apply the gates.

    Raises FindingsReportError if nothing was written.
    """
    from findings_report.system.atomic_files import publish

    checked, options = plan.checked, plan.options
    # All results first: if one job fails, no file is written.
    files, problems = collect_files(plan.rendering, results)
    seen = [problem for problem in checked.problems if problem.code != UNPRINTABLE]
    if any(target.format == "pdf" for targets in plan.rendering.targets for target in targets):
        # The layout only knows that a character has no glyph; it has the last word on characters that a template prints.
        if unprintable := find_unprintable(checked, system_fonts=options.system_fonts):
            problems = [problem for problem in problems if problem.code != UNPRINTABLE]
        seen += unprintable
    problems = [*plan.problems, *problems]
    # Not among the outputs of the manifest, which lists them as inputs: `verify` renders outputs again.
    beside = list_attachments(plan.rendering) | list_pictures(plan.rendering, files)
    if options.manifest:
        files += _describe(plan, files, beside)
    files += tuple(Written(path, content, 0.0) for path, content in beside.items())
    publish({file.path: file.content for file in files if file.path is not None})
    remove_stale_pages(plan.rendering.order)
    # A text that is rendered in several formats reports its problem once.
    known = tuple(dict.fromkeys([*seen, *authoring.locate(problems, checked.authored)]))
    # Gates are applied last: they set the exit code, and the report is written all the same.
    return PublishedBuild(checked, files, (*known, *gates(checked, known, options.fail_on, strict=options.strict)))


def read_word_document(options: BuildOptions) -> ReportedDocument | None:
    """Return the document that `--template FILE.docx` names; None for the name of a template. Raises FindingsReportError."""
    from findings_report.model.report import ReportedDocument

    if options.template is None or not options.template.lower().endswith((".docx", ".dotx", ".docm")):
        return None
    if options.manifest:
        fault = "--template with a document for Word is not recorded in a manifest"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name it as `docx_template` in engagement.yaml", code="template"))
    if "docx" not in options.formats:
        fault = f"--template {options.template} is a document for Word, and -f docx is not asked for"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "add -f docx", code="template"))
    try:
        content = Path(options.template).read_bytes()
    except OSError as error:
        fault = f"{options.template} cannot be read: {error.strerror}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, code="template")) from None
    return ReportedDocument(file=options.template, sha256=hashlib.sha256(content).hexdigest(), content=content)


def _describe_structure(targets: Sequence[Target], template: Template) -> tuple[Problem, ...]:
    """Return the note that the document for Word has not the structure of a template."""
    if template.name == "standard" or not any(target.format == "docx" for target in targets):
        return ()
    fault = f"-f docx has the structure of the template standard, not that of {template.name}"
    return (Problem(Kind.OUTPUT, fault, level="note", code="docx-structure"),)


def _report(report: Report, checked: Checked, options: BuildOptions) -> list[tuple[Document, Target]]:
    """Return the report with the file of each format."""
    engagement = checked.authored.engagement
    formats = options.formats or engagement.outputs or DEFAULT_FORMATS
    stem = output_files.file_stem(engagement.file_name, report.engagement)
    files = output_files.targets(stem, checked.folder, formats, options.output, given=bool(options.formats))
    # A manifest says how each file is rendered again, and knows no files beside them.
    is_folder = options.output is None or output_files.is_folder(options.output, formats)
    if not is_folder or options.manifest or not report.engagement.images:
        return [(report, target) for target in files]
    return [(_with_pictures(report, target) if target.format == "md" else report, target) for target in files]


def _with_pictures(report: Report, target: Target) -> Report:
    """Return the report with its pictures in a folder beside the file `target`."""
    if target.path is None:
        return report
    engagement = report.engagement.model_copy(update={"pictures_in": f"{target.path.stem}-pictures"})
    return report.model_copy(update={"engagement": engagement})


def _single_findings(report: Report, checked: Checked, options: BuildOptions) -> list[tuple[Document, Target]]:
    """Return the report of each chosen finding with the file of each format."""
    from findings_report.report.assemble import single_finding_report

    findings = choose_findings(report, options.only)
    files = single_finding_targets(findings, checked.folder, options.formats, options.output, report.engagement.edition)
    reports = {finding.id: single_finding_report(report, finding) for finding in findings}
    return [(reports[finding.id], target) for finding, target in files]


def choose_findings(report: Report, only: Sequence[str]) -> tuple[ReportedFinding, ...]:
    """Return the findings of --only in the report's order, by their current or a former id; all findings without --only.

    Raises FindingsReportError (USAGE) for an unknown id.
    """
    known = {finding.id: finding for finding in report.findings}
    # People copy ids from older reports, in which a finding may have another id.
    wanted = [report.engagement.aliases.get(id, id) for id in only]
    if unknown := [id for id in wanted if id not in known]:
        fault = f"there is no finding {unknown[0]!r}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(unknown[0], tuple(known)), code="no-finding"))
    # The order on the command line means nothing: the report has one.
    return tuple(finding for id, finding in known.items() if not only or id in wanted)


def single_finding_targets(
    findings: Sequence[ReportedFinding], folder: Path, formats: Sequence[str], output: str | None, audience: str | None = None
) -> tuple[tuple[ReportedFinding, Target], ...]:
    """Return the files of each finding: `findings/ID.pdf`, of an edition `findings-AUDIENCE/ID.pdf`, in the folder that
    -o names, or -o itself for one file.

    `folder` is the engagement's. Raises FindingsReportError (USAGE) if -o names one file and there are several findings.
    """
    names = formats or DEFAULT_EACH_FORMATS
    output_files.check_formats(names, SINGLE_FINDING_FORMATS)
    if output is not None and not output_files.is_folder(output):
        if len(findings) != 1:
            fault = f"-o {output} is one file, and there are {len(findings)} findings"
            raise FindingsReportError(
                Problem(Kind.USAGE, fault, "name a folder, as in -o out/, or one finding with --only", code="output-path")
            )
        return tuple((findings[0], target) for target in output_files.targets("", folder, names, output, given=bool(formats)))
    # A subfolder, because the ids in the file names must not mix with the report's files.
    subfolder = output_files.for_edition("findings", audience)
    base = output_files.own_build(folder, subfolder) if output is None else Path(output) / subfolder
    return tuple(
        (finding, Target(name, base / f"{finding.id}.{name}")) for finding in findings for name in dict.fromkeys(names)
    )


def _identify(checked: Checked, template: Template, borrow: tuple[Path, ...]) -> Identified:
    """Return the commit of the findings and of the engagement's own templates.

    Only `build` needs it: `check` runs before one commits, and would warn of uncommitted changes each time.
    """
    from findings_report.rendering.template_files import FALLBACK, overrides
    from findings_report.report.provenance import identify

    files = [checked.folder / name for name in checked.authored.files]
    # Own template files shape the report as findings do, so they belong to its commit too.
    files += [path for path, _ in overrides(template)]
    folders = {checked.folder: authoring.FINDING_SUFFIX}
    folders |= {root / name: "" for root in template.folders[:-1] for name in (template.name, FALLBACK)}
    return identify(checked.authored.engagement.state, files, folders, borrow=borrow)


def _recorded(report: Report, wanted: Sequence[BuiltFile]) -> list[tuple[Document, Target]]:
    """Return the documents of a manifest. Raises FindingsReportError (GATE) for a finding that the report does not have."""
    from findings_report.report.assemble import single_finding_report

    for file in wanted:
        output_files.check_formats((file.format,), FORMATS if file.finding is None else SINGLE_FINDING_FORMATS)
    findings = {finding.id: finding for finding in report.findings}
    if missing := [file.finding for file in wanted if file.finding is not None and file.finding not in findings]:
        raise FindingsReportError(Problem(Kind.GATE, f"there is no finding {missing[0]!r} now", code="manifest-differs"))
    return [
        (
            report if file.finding is None else single_finding_report(report, findings[file.finding]),
            Target(file.format, Path(file.name)),
        )
        for file in wanted
        if file.page is None  # pages follow from the index
    ]


def _manifest_targets(targets: Sequence[Target]) -> tuple[Target, Target]:
    """Return the files of --manifest. Raises FindingsReportError (USAGE) for standard output, which has no folder."""
    from findings_report.report.manifest import names_beside

    # Pages have names of their own, and belong to the index.
    paths = [target.path for target in targets if target.path is not None and target.page is None]
    if not paths:
        fault = "--manifest writes a file beside the report, and standard output has no folder"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name a file or a folder with -o", code="output-path"))
    manifest, checksums = (paths[0].parent / name for name in names_beside(paths))
    return Target("json", manifest), Target("txt", checksums)


def describe_files(plan: BuildPlan, files: Sequence[Written]) -> Manifest:
    """Return the manifest of the rendered files. Raises FindingsReportError (OUTPUT) if the template changed meanwhile."""
    from findings_report.rendering.template_files import find_template, read_template, template_error
    from findings_report.report import manifest
    from findings_report.report.provenance import program_versions

    checked, options = plan.checked, plan.options
    template = find_template(plan.template.name, checked.folder, given=True)
    # Jobs read the template when they run: what was listed before must be what was used.
    if read_template(template).digest != plan.template.digest:
        raise template_error("the template was changed while the report was built", "build again")
    finding_of = {
        target: document.findings[0].id if job.is_alone else None
        for job, targets in zip(plan.jobs, plan.rendering.targets, strict=True)
        for document, target in zip(job.documents, targets, strict=True)
    }
    outputs = [
        manifest.BuiltFile(name=target.path.name, format=target.format, finding=finding, page=target.page)
        for target, finding in finding_of.items()
        if target.path is not None
    ]
    day = options.default_date if checked.authored.engagement.date is None else None
    parameters = manifest.Parameters(
        template=plan.template.name,
        outputs=tuple(sorted(outputs, key=lambda output: output.name)),
        audience=checked.edition,
        default_date=day,
        system_fonts=options.system_fonts,
    )
    contents = {file.path.name: file.content for file in files if file.path is not None}
    return manifest.describe_build(contents, parameters, plan.dependencies, program_versions())


def _describe(plan: BuildPlan, files: Sequence[Written], beside: Mapping[Path, bytes]) -> tuple[Written, Written]:
    """Return the manifest of the files, and the checksums of all of them, of those `beside` them, and of the manifest."""
    from findings_report.report import manifest

    targets = _manifest_targets(plan.rendering.order)
    described = manifest.to_json(describe_files(plan, files))
    assert targets[0].path is not None  # noqa: S101  # neither is standard output
    contents = {file.path.name: file.content for file in files if file.path is not None} | {targets[0].path.name: described}
    contents |= {path.relative_to(targets[0].path.parent).as_posix(): content for path, content in beside.items()}
    sums = manifest.checksums({name: manifest.sha256(content) for name, content in contents.items()})
    return Written(targets[0].path, described, 0.0), Written(targets[1].path, sums, 0.0)


def _list_dependencies(
    checked: Checked, inputs: Inputs, template: TemplateFiles, identified: Identified, rendering: RenderPlan
) -> tuple[Dependency, ...]:
    """Return everything that the documents of a plan are made from.

    Files of findings that none of the documents contains are left out: they must not be named to whoever receives these.
    """
    from findings_report.model.report import Report
    from findings_report.report import manifest

    documents = [document for job in rendering.jobs for document in job.documents if isinstance(document, Report)]
    shown = {f"{finding.id}{authoring.FINDING_SUFFIX}".casefold() for document in documents for finding in document.findings}
    names = [
        name
        for name in checked.authored.files
        if not name.endswith(authoring.FINDING_SUFFIX) or name.rpartition("/")[2].casefold() in shown
    ]
    assert checked.files is not None  # noqa: S101  # `check` reads a folder
    dependencies = manifest.list_inputs(checked.folder, checked.files, names, identified, checked.redactor.mask)
    if any(FORMATS[job.format].renderer is None for job in rendering.jobs):
        dependencies += _list_template(template, identified, checked.redactor.mask)
    dependencies += manifest.list_repositories(documents)
    return (*dependencies, *_list_blobs(checked, inputs, documents), *manifest.list_own_data())


def _list_template(template: TemplateFiles, identified: Identified, mask: Callable[[str], str]) -> list[Dependency]:
    """Return the files that the template may use, its own and those of `standard`.

    `mask` hides in names of the engagement's own files what the report must not print.
    """
    from findings_report.rendering.template_files import builtin_templates, layer_names
    from findings_report.report import manifest

    listed: list[Dependency] = []
    for layer, contents in zip(layer_names(template.name), template.layers, strict=True):
        for name, content in contents.items():
            path = template.paths[f"{layer}/{name}"]
            origin: Literal["program", "engagement"]
            origin = "program" if path.is_relative_to(builtin_templates()) else "engagement"
            digest = manifest.Digest(sha256=manifest.sha256(content), git_blob=identified.blobs.get(path))
            circumstances = manifest.Circumstances(kind="template", origin=origin)
            shown = f"{layer}/{name}" if origin == "program" else mask(f"{layer}/{name}")
            listed.append(manifest.Dependency(name=shown, digest=digest, annotations=circumstances))
    return listed


def _list_blobs(checked: Checked, inputs: Inputs, documents: Sequence[Report]) -> list[Dependency]:
    """Return the cited files, read again by their ids."""
    from findings_report.evidence.source_files import find_clones, open_clones, set_aside_broken
    from findings_report.report import manifest

    cited = {
        (snippet.repository, snippet.path, snippet.commit, snippet.blob)
        for document in documents
        for finding in document.findings
        for snippet in finding.snippets
        if snippet.blob is not None
    }
    clones, _ = set_aside_broken(find_clones(checked.authored.engagement, checked.folder, inputs.clones), inputs.borrow)
    listed: list[Dependency] = []
    with open_clones(clones, inputs.borrow) as opened:
        # The report may mask a name, and the names of several repositories alike.
        repositories = [(checked.redactor.mask(name), repository) for name, repository in opened.items()]
        for name, path, commit, blob in cited:
            content = _read_blob((repository for shown, repository in repositories if shown == name and repository), blob)
            digest = manifest.Digest(sha256=manifest.sha256(content), git_blob=blob)
            circumstances = manifest.Circumstances(kind="blob", repository=name, path=path, commit=commit)
            listed.append(
                manifest.Dependency(name=f"{name}@{(commit or '')[:12]}:{path}", digest=digest, annotations=circumstances)
            )
    return listed


def _read_blob(repositories: Iterable[Repository], blob: str) -> bytes:
    """Return a blob from the first repository that has it. Raise FindingsReportError (SOURCE) if none has it."""
    error: FindingsReportError | None = None
    for repository in repositories:
        try:
            return repository.blob(blob)
        except FindingsReportError as missing:
            error = missing
    raise error or FindingsReportError(Problem(Kind.SOURCE, f"blob {blob} is gone", "build again", code="object-missing"))
