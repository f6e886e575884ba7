"""The whole program on one page: what each command does, as stages from values to values. It prints nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from findings_report import outputs, scoring, store
from findings_report.errors import FindingsReportError, Kind, Place, Problem, Subject
from findings_report.meant import did_you_mean
from findings_report.model.evidence import Verdict
from findings_report.model.finding import ANSWERED, Engagement, Finding

if TYPE_CHECKING:
    from findings_report.identify import Identified
    from findings_report.model.comparison import Comparison
    from findings_report.model.document import Component, FindingsCommit, Picture, Report
    from findings_report.renderers import Rendered, Template
    from findings_report.resolve import Resolution
    from findings_report.survey import Survey

Progress = Callable[[str], None]
"""Is told, in a few words, what is being done."""

DEFAULT_FORMATS: Final = ("html", "pdf")
"""What is built when neither the command line nor engagement.yaml says."""


@dataclass(frozen=True)
class Inputs:
    """What a command reads."""

    folder: Path
    """The engagement's folder, or one from which it is found."""
    clones: Mapping[str, Path]
    """--repository, by name; empty for the only one."""
    borrow: tuple[Path, ...] = ()
    """--borrow: folders whose objects a clone may borrow."""
    evidence: bool = True
    """False with --no-evidence: git is left out."""


@dataclass(frozen=True)
class Wishes:
    """What `build` is to make of it."""

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


@dataclass(frozen=True)
class Checked:
    """An engagement, read and held against git."""

    folder: Path
    """The engagement's folder."""
    authored: store.Authored
    """What people wrote."""
    pictures: Mapping[str, Picture]
    """The declared pictures by name, safe to embed; the logo's under `logo:`."""
    evidence: Resolution | None
    """What git has; None with --no-evidence."""
    survey: Survey | None
    """What the scope names in it; None with --no-evidence."""
    problems: tuple[Problem, ...]
    """Located; of `check` warnings only."""

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """Quotes by verdict, zeros left out."""
        if self.evidence is None:
            return {}
        found = [snippet.check.verdict for snippets in self.evidence.snippets.values() for snippet in snippets]
        return {verdict: found.count(verdict) for verdict in Verdict if verdict in found}

    @property
    def severities(self) -> dict[str, int]:
        """Findings by severity, worst first, zeros included."""
        engagement, findings = self.authored.engagement, self.authored.findings.values()
        words = [scoring.severity(engagement, finding)[0] for finding in findings]
        return {severity.name: words.count(severity.name) for severity in engagement.severities}


@dataclass(frozen=True)
class Written:
    """One file of a build."""

    path: Path | None
    """Where it was published; None for standard output."""
    content: bytes
    """The file."""
    seconds: float
    """How long rendering took."""


@dataclass(frozen=True)
class Built:
    """What `build` gives."""

    checked: Checked
    """What it was made of."""
    files: tuple[Written, ...]
    """In the order of the formats asked for."""
    problems: tuple[Problem, ...]
    """Warnings, and what tripped a gate."""


def check(inputs: Inputs, progress: Progress) -> Checked:
    """Reads the engagement and holds every quote against git. Raises FindingsReportError with every problem found."""
    progress("reading findings")
    checked = held(inputs, *_read(inputs), progress)
    if any(problem.level == "error" for problem in checked.problems):
        raise FindingsReportError(checked.problems)
    return checked


def held(inputs: Inputs, folder: Path, authored: store.Authored, progress: Progress) -> Checked:
    """An engagement that was read, held against git. Raises nothing that a user can mend: it is in `problems`.

    `folder` is the engagement's, from which the paths of its clones lead.
    """
    from findings_report.proofread import proofread

    problems = [
        *authored.warnings,
        *outputs.faults(authored.engagement),
        *proofread(authored.engagement, authored.findings),
    ]
    pictures, faults = _pictures(authored)
    problems += faults
    evidence, survey = None, None
    if inputs.evidence:
        progress("checking quotes")
        evidence, survey, faults = _evidence(inputs, folder, authored)
        problems += faults
    located = tuple(dict.fromkeys(authored.located(problem) for problem in problems))
    return Checked(folder, authored, pictures, evidence, survey, located)


def _read(inputs: Inputs) -> tuple[Path, store.Authored]:
    folder = store.find_folder(inputs.folder)
    return folder, store.load(store.Folder(folder))


def _pictures(authored: store.Authored) -> tuple[Mapping[str, Picture], Sequence[Problem]]:
    from findings_report.illustrate import illustrate

    try:
        return illustrate(authored.engagement, authored.pictures), ()
    except FindingsReportError as error:
        return {}, error.problems


def _evidence(
    inputs: Inputs, folder: Path, authored: store.Authored
) -> tuple[Resolution | None, Survey | None, Sequence[Problem]]:
    from findings_report.clones import find_clones, open_clones
    from findings_report.resolve import resolve
    from findings_report.survey import survey

    try:
        clones = find_clones(authored.engagement, folder, inputs.clones)
        with open_clones(clones, inputs.borrow) as sources:
            found = resolve(authored.engagement, authored.findings, sources)
            covered = survey(authored.engagement, found.repositories, sources)
    except FindingsReportError as error:
        return None, None, error.problems
    return found, covered, (*found.problems, *covered.problems)


def build(inputs: Inputs, wishes: Wishes, progress: Progress) -> Built:
    """Checks, renders every format, publishes all files or none. Raises FindingsReportError, having written nothing."""
    from findings_report.publish import publish

    outputs.check_formats(wishes.formats)  # a wrong word is told before the work, not after
    checked = check(inputs, progress)
    _severity_rank(checked.authored.engagement, wishes.fail_on)
    try:
        files, problems = _rendered(checked, wishes, inputs.borrow, progress)
        publish({file.path: file.content for file in files if file.path is not None})
    except FindingsReportError as error:
        located = [checked.authored.located(problem) for problem in error.problems]
        raise FindingsReportError([*checked.problems, *located]) from None
    every = tuple(dict.fromkeys([*checked.problems, *(checked.authored.located(problem) for problem in problems)]))
    return Built(checked, files, (*every, *gates(checked, every, wishes.fail_on, strict=wishes.strict)))


def _rendered(
    checked: Checked, wishes: Wishes, borrow: tuple[Path, ...], progress: Progress
) -> tuple[tuple[Written, ...], list[Problem]]:
    from findings_report.renderers import find_template

    engagement = checked.authored.engagement
    template = find_template(wishes.template or engagement.template, checked.folder, given=wishes.template is not None)
    identified = _identified(checked, template, borrow)
    report = assembled(checked, wishes.default_date, identified.commit)
    formats = wishes.formats or engagement.outputs or DEFAULT_FORMATS
    stem = outputs.file_stem(engagement.file_name, report.engagement)
    wanted = outputs.targets(stem, checked.folder, formats, wishes.output, given=bool(wishes.formats))
    outputs.spare(engagement, checked.folder, wanted)
    files: list[Written] = []
    problems = [*identified.problems, *_overridden(template)]
    for target in wanted:
        progress(f"rendering {target.format}")
        start = time.perf_counter()
        rendered = render(report, target.format, template, system_fonts=wishes.system_fonts)
        problems += rendered.problems
        if target.format == "md" and report.engagement.images:
            fault = "one Markdown file has no place for pictures: their captions are printed in their stead"
            problems.append(Problem(Kind.OUTPUT, fault, level="note", code="md-pictures"))
        if target.format == "pdf":
            problems = _unprintable(checked, problems, system_fonts=wishes.system_fonts)
        files.append(Written(target.path, rendered.content, time.perf_counter() - start))
    return tuple(files), problems


def _identified(checked: Checked, template: Template, borrow: tuple[Path, ...]) -> Identified:
    """Where the findings come from. `check` does not ask: it is run before one commits."""
    from findings_report.identify import identify
    from findings_report.renderers.folders import FALLBACK, overrides

    files = [checked.folder / name for name in checked.authored.files]
    files += [path for path, _ in overrides(template)]
    folders = {checked.folder: store.FINDING_SUFFIX}
    folders |= {root / name: "" for root in template.folders[:-1] for name in (template.name, FALLBACK)}
    return identify(checked.authored.engagement.state, files, folders, borrow=borrow)


def _overridden(template: Template) -> list[Problem]:
    """Says which template files are the engagement's own, for they are code, and which are not read."""
    from findings_report.renderers.folders import FALLBACK, overrides, strays, styled_lines

    tools = {path.name for name in (template.name, FALLBACK) for path in (template.folders[-1] / name).glob("*")}
    problems: list[Problem] = []
    for path, digest in overrides(template):
        known = path.name in tools
        fault = "this template file replaces the tool's own" if known else "none of the tool's template files has this name"
        remedy = None if known else "it is used only where a template of yours includes it"
        place = Place(store.shown_path(path))
        fault = f"{fault}, sha256 {digest[:16]}"
        problems.append(Problem(Kind.OUTPUT, fault, remedy, place=place, level="note", code="template-override"))
        fault = "a browser ignores this `style` attribute: the page's policy allows its style sheet only"
        remedy = "give the element a class, and the class a rule in your own screen.css and print.css"
        for line in styled_lines(path):
            place = Place(store.shown_path(path), line)
            problems.append(Problem(Kind.OUTPUT, fault, remedy, place=place, level="warning", code="template-style"))
    for path, remedy in strays(template):
        place = Place(store.shown_path(path))
        problems.append(Problem(Kind.OUTPUT, "is not read", remedy, place=place, level="warning", code="template-stray"))
    return problems


def _unprintable(checked: Checked, problems: list[Problem], *, system_fonts: bool) -> list[Problem]:
    """The problems, with one for each place of a character that no font has instead of one for all of them."""
    from findings_report.renderers.pdf import missing

    if all(problem.code != "pdf-characters" for problem in problems):
        return problems  # what stands in a comment or a quote of the files is not printed
    found: list[Problem] = []
    for character, place in checked.authored.places_of(lambda text: missing(text, anywhere=system_fonts)):
        found.append(_no_font(character, place=place))
    for key, snippets in (checked.evidence.snippets if checked.evidence else {}).items():
        for snippet in snippets:
            code = "\n".join(line.text for run in snippet.runs for line in run.lines)
            subject = (key, "locations", snippet.index)
            found += (_no_font(character, subject=subject) for character in missing(code, anywhere=system_fonts))
    return [problem for problem in problems if not found or problem.code != "pdf-characters"] + found


def _no_font(character: str, *, place: Place | None = None, subject: Subject | None = None) -> Problem:
    fault = f"no font has U+{ord(character):04X}; the PDF shows its code point"
    remedy = "use another character, or --system-fonts where this machine has one"
    return Problem(Kind.OUTPUT, fault, remedy, place=place, subject=subject, level="warning", code="pdf-characters")


def assembled(checked: Checked, default_date: date | None, findings_commit: FindingsCommit | None = None) -> Report:
    """The report of a checked engagement."""
    from findings_report.assemble import assemble

    authored = checked.authored
    return assemble(
        authored.engagement,
        authored.findings,
        checked.evidence.snippets if checked.evidence else {},
        repositories=checked.evidence.repositories if checked.evidence else (),
        pictures=checked.pictures,
        components=components(),
        covered=checked.survey.files if checked.survey else {},
        default_date=default_date,
        findings_commit=findings_commit,
    )


def render(document: Report | Comparison, name: str, template: Template, *, system_fonts: bool) -> Rendered:
    """The document in one format of `outputs.FORMATS`; CSV is of reports alone."""
    from findings_report.model.document import Report
    from findings_report.renderers import Rendered

    if name == "json":
        from findings_report import archive

        return Rendered(archive.to_json(document))
    if name == "csv" and isinstance(document, Report):
        from findings_report.renderers import csv

        return csv.render(document)
    from findings_report.renderers.template import render as render_text

    text = render_text(document, template=template, format=name)
    if name != "pdf":
        return text
    from findings_report.renderers.pdf import render_pdf

    shown = [*document.engagement.images, *([document.engagement.logo] if document.engagement.logo else [])]
    pictures = {picture.name: (picture.media_type, picture.content) for picture in shown}
    printed = render_pdf(text.content.decode(), images=pictures, system_fonts=system_fonts)
    return Rendered(printed.content, (*text.problems, *printed.problems))


def _severity_rank(engagement: Engagement, word: str | None) -> int | None:
    scale = [severity.name for severity in engagement.severities]
    if word is not None and word not in scale:
        fault = f"--fail-on {word!r} is not in the scale ({', '.join(scale)})"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(word, scale), code="not-in-list"))
    return scale.index(word) if word is not None else None


def gates(checked: Checked, problems: Sequence[Problem], fail_on: str | None, *, strict: bool) -> list[Problem]:
    """What --strict and --fail-on say: one error of kind GATE for each that tripped."""
    tripped: list[Problem] = []
    engagement = checked.authored.engagement
    limit = _severity_rank(engagement, fail_on)
    if limit is not None:
        bad = [key for key, finding in checked.authored.findings.items() if _trips(engagement, finding, limit)]
        if bad:
            fault = f"--fail-on {fail_on}: {len(bad)} unresolved: {', '.join(bad[:10])}{', …' if len(bad) > 10 else ''}"
            tripped.append(Problem(Kind.GATE, fault, code="fail-on"))
    warnings = sum(1 for problem in problems if problem.level == "warning")
    if strict and warnings:
        tripped.append(Problem(Kind.GATE, f"--strict: {warnings} warning{'' if warnings == 1 else 's'}", code="strict"))
    return tripped


def _trips(engagement: Engagement, finding: Finding, limit: int) -> bool:
    scale = [severity.name for severity in engagement.severities]
    return finding.status not in ANSWERED and scale.index(scoring.severity(engagement, finding)[0]) <= limit


class Listed(NamedTuple):
    """One finding in a line."""

    id: str
    severity: str
    status: str
    title: str


@dataclass(frozen=True)
class Overview:
    """What `list` shows."""

    entries: tuple[Listed, ...]
    """Worst first, then by id."""
    problems: tuple[Problem, ...]
    """Warnings."""


def overview(inputs: Inputs) -> Overview:
    """The findings in a table's order."""
    _, authored = _read(inputs)
    scale = [severity.name for severity in authored.engagement.severities]
    entries = [
        Listed(key, scoring.severity(authored.engagement, finding)[0], finding.status.value, finding.title)
        for key, finding in authored.findings.items()
    ]
    entries.sort(key=lambda entry: scale.index(entry.severity))
    return Overview(tuple(entries), tuple(authored.located(problem) for problem in authored.warnings))


@dataclass(frozen=True)
class Pinned:
    """What `pin` did."""

    said: tuple[str, ...]
    """A line for each repository that is pinned."""
    problems: tuple[Problem, ...]
    """Of those that could not be."""


def pin(inputs: Inputs, *, to: str | None, only: str | None) -> Pinned:
    """Writes down the commits of the repositories that have one. See `pin.pins`."""
    from findings_report.clones import find_clones, open_clones
    from findings_report.pin import pins
    from findings_report.publish import publish

    folder, authored = _read(inputs)
    try:
        with open_clones(find_clones(authored.engagement, folder, inputs.clones), inputs.borrow) as sources:
            found, problems = pins(authored.engagement, sources, to=to, only=only)
    except FindingsReportError as error:
        raise FindingsReportError(authored.located(problem) for problem in error.problems) from None
    path = (folder / store.ENGAGEMENT).resolve()  # a link stays one
    content = path.read_bytes()
    for each in found:
        for field, value in each.written.items():
            content = store.set_text(content, ("repositories", each.name, field), value, shown=store.shown_path(path))
    if any(each.written for each in found):
        publish({path: content})
    return Pinned(tuple(each.said for each in found), tuple(authored.located(problem) for problem in problems))


def fetch(inputs: Inputs, progress: Progress) -> list[str]:
    """Clones what has a `url` and no clone at hand; a line for each repository."""
    from findings_report.fetch import fetch as fetch_missing

    folder, authored = _read(inputs)
    try:
        return fetch_missing(authored.engagement, authored.findings, folder, progress)
    except FindingsReportError as error:
        raise FindingsReportError(authored.located(problem) for problem in error.problems) from None


def demo(folder: Path) -> Path:
    """Writes the demo's repository, its two releases tagged, and its engagement, pinned to the first; the folder."""
    from findings_report import scaffold
    from findings_report.git.recording import record
    from findings_report.publish import publish

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fault = f"{store.shown_path(folder)} is not an empty folder"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name a new one"))
    publish({folder / store.FOLDER / name: content for name, content in scaffold.demo_findings().items()})
    record(folder / "app", {release: scaffold.demo_release(release) for release in scaffold.RELEASES})
    pin(Inputs(folder, {}), to=None, only=None)
    return folder


@dataclass(frozen=True)
class Health:
    """What `doctor` finds."""

    components: tuple[Component, ...]
    """What is there, with versions."""
    problems: tuple[Problem, ...]
    """What is missing, with the command that mends it."""


def components() -> tuple[Component, ...]:
    """The programs that take part in making a report, with their versions; those that are missing are left out."""
    import platform

    from findings_report import __version__, git
    from findings_report.model.document import Component
    from findings_report.renderers.pdf import versions

    found = {"findings-report": __version__, "Python": platform.python_version(), "git": git.version(), **versions()}
    return tuple(Component(name=name, version=version) for name, version in found.items() if version is not None)


def doctor() -> Health:
    """What this machine has, and what it lacks."""
    from findings_report import git
    from findings_report.renderers.pdf import INSTALL, missing_libraries

    problems: list[Problem] = []
    if git.version() is None:
        problems.append(Problem(Kind.SOURCE, "git is missing", "apt-get install git", code="no-git"))
    if missing := missing_libraries():
        problems.append(Problem(Kind.OUTPUT, f"PDF needs {', '.join(missing)}", INSTALL, code="no-pango"))
    return Health(components(), tuple(problems))
