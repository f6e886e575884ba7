"""Reading an engagement and checking it against git, as every command does first."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report import authoring
from findings_report.authoring import scoring
from findings_report.model.evidence import Verdict
from findings_report.model.passages import restrict
from findings_report.model.redaction import NOTHING, Redactor, redact, redactor_of
from findings_report.model.report import ReportedDocument, ReportedFont
from findings_report.pdf.embedded_data import Password, no_password
from findings_report.problems import FindingsReportError, Kind, Place, Problem, Subject
from findings_report.problems.safe_text import HIDDEN, display_path
from findings_report.report import output_files
from findings_report.report.editions import make_edition, refuse_unknown_audience
from findings_report.report.provenance import components

if TYPE_CHECKING:
    from findings_report.evidence.resolve import Resolution
    from findings_report.evidence.warnings import Survey
    from findings_report.model.report import FindingsCommit, Picture, Report


Progress = Callable[[str], None]
"""Called with a few words about the step that begins."""


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
    password: Password = no_password
    """Asked for the password of a report that is an encrypted PDF."""
    audience: str | None = None
    """--audience: the readers for whom the result is; None for everything."""


def read(inputs: Inputs) -> tuple[Path, authoring.Authored]:
    """Return the engagement's folder and content. Raises FindingsReportError with every problem of its files."""
    folder = authoring.find_folder(inputs.folder)
    authored = authoring.load(authoring.Folder(folder))
    if inputs.audience is None:
        return folder, authored
    refuse_unknown_audience(authored.engagement, inputs.audience)
    return folder, make_edition(authored, inputs.audience).authored


@dataclass(frozen=True)
class Checked:
    """An engagement that was read and checked against git."""

    folder: Path
    """The engagement's folder."""
    authored: authoring.Authored
    """What people wrote."""
    pictures: Mapping[str, Picture]
    """The declared pictures by name, safe to embed; the logo's under `logo:`."""
    fonts: tuple[ReportedFont, ...]
    """The declared fonts."""
    evidence: Resolution | None
    """What git has; None with --no-evidence."""
    survey: Survey | None
    """What the scope names in it; None with --no-evidence."""
    problems: tuple[Problem, ...]
    """Located; of `check` warnings only. Those of the whole engagement, also in an edition."""
    files: authoring.Files | None = None
    """The files of the folder as they were read; None if `check_authored` was given what was read."""
    edition: str | None = None
    """The audience for whom all values are; None for everything."""

    @property
    def redactor(self) -> Redactor:
        """Everything that the report must not print."""
        if self.evidence is not None:
            return self.evidence.redactor
        return redactor_of(self.authored.engagement.redact, self.authored.findings.values())

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
        return {entry.name: words.count(entry.name) for entry in engagement.severities}


def check(inputs: Inputs, progress: Progress) -> Checked:
    """Read the engagement and check every quote against git. Raises FindingsReportError with all problems.

    Where a value is invalid, all others are still checked, also against git. The whole engagement is checked, whoever the
    result is for.
    """
    progress("reading findings")
    folder = authoring.find_folder(inputs.folder)
    # A snapshot, so that a manifest states the bytes that were read, not those of a file that was saved meanwhile.
    files = authoring.Snapshot(authoring.Folder(folder))
    authored = authoring.load_valid_part(files)
    if "audiences" not in authored.unread.get(authoring.ENGAGEMENT_KEY, ()):
        refuse_unknown_audience(authored.engagement, inputs.audience)
    checked = replace(check_authored(inputs, folder, authored, progress), files=files)
    # Only now, after all checks: an author corrects everything that one run reports.
    if any(problem.level == "error" for problem in checked.problems):
        raise FindingsReportError(checked.problems)
    checked = _look_for_secrets(checked, progress)
    return for_audience(checked, inputs.audience) if inputs.audience is not None else checked


def for_audience(checked: Checked, word: str) -> Checked:
    """Return what of a checked engagement is for the audience `word`: nothing that follows sees the rest.

    Raises FindingsReportError (INPUT) for a text whose reference to something left out cannot be taken out.
    """
    edition = make_edition(checked.authored, word)
    authored, evidence = edition.authored, checked.evidence
    if evidence is not None:
        snippets = {id: restrict(evidence.snippets.get(id, ()), word, rewrite) for id, rewrite in edition.rewriters.items()}
        read = {snippet.repository for listed in snippets.values() for snippet in listed if snippet.blob is not None}
        repositories = tuple(
            # Without a pinned commit a repository was read where a location has its own, and that may be left out.
            repository.model_copy(update={"is_read": repository.is_read and bool(repository.commit or repository.name in read)})
            for repository in evidence.repositories
        )
        evidence = replace(evidence, snippets=snippets, repositories=repositories)
    pictures = {name: picture for name, picture in checked.pictures.items() if name in authored.pictures}
    problems = (*checked.problems, *authoring.locate(edition.problems, checked.authored))
    return replace(checked, authored=authored, pictures=pictures, evidence=evidence, problems=problems, edition=word)


def _look_for_secrets(checked: Checked, progress: Progress) -> Checked:
    """Return the engagement with a warning for each credential that the report would print; unchanged without detectors."""
    from findings_report.evidence.secrets import AttachedText, find_secrets, is_available

    if not is_available():
        return checked
    progress("looking for credentials")
    authored, snippets = checked.authored, checked.evidence.snippets if checked.evidence is not None else {}
    shown = authored.documents[authoring.ENGAGEMENT_KEY][0].removesuffix(authoring.ENGAGEMENT)
    texts = [AttachedText(f"{shown}{file}", content) for file, content in authored.attachments.items()]
    found = find_secrets(
        authored.engagement, authored.findings, snippets, checked.redactor, (*authored.tables.values(), *texts)
    )
    problems = (*checked.problems, *authoring.locate(found.problems, authored))
    # Other messages may show the same lines.
    return replace(checked, problems=tuple(dict.fromkeys(map(found.redactor.mask_problem, problems))))


def check_authored(inputs: Inputs, folder: Path, authored: authoring.Authored, progress: Progress) -> Checked:
    """Check an engagement that was read against git. Problems are returned, not raised, errors as well.

    `folder` is the engagement's, from which the paths of its clones lead.
    """
    from findings_report.authoring.cross_checks import are_repositories_valid
    from findings_report.authoring.proofread import check_links, check_tables, proofread

    problems = [
        *_whole(inputs.folder),
        *authored.problems,
        *output_files.faults(authored.engagement),
        *proofread(authored.engagement, authored.findings, authored.unread),
        *check_tables(authored.tables.values()),
    ]
    pictures, faults = _pictures(authored)
    problems += faults
    fonts, faults = _fonts(authored)
    problems += faults
    evidence, survey = None, None
    # Invalid repositories would make every location look wrong.
    if inputs.evidence and are_repositories_valid(authored.unread):
        progress("checking quotes")
        evidence, survey, faults = _evidence(inputs, folder, authored)
        problems += authored.without_consequences(faults)
    else:
        problems += check_links(authored.engagement, authored.findings, None)
    redactor = evidence.redactor if evidence is not None else NOTHING
    problems += _check_attachments(authored, redactor or authored.redactor)
    # Equal problems once: two locations of one finding can have the same fault at the same place.
    located = dict.fromkeys(map(redactor.mask_problem, authoring.locate(problems, authored)))
    # Whether a path is in the scope is known once it is written as git writes it.
    unclear = {problem.place for problem in located if problem.code == "path-notation"}
    problems = [problem for problem in located if problem.code != "out-of-scope" or problem.place not in unclear]
    checked = Checked(folder, authored, pictures, fonts, evidence, survey, tuple(problems))
    outputs = authored.engagement.outputs
    is_printed = not outputs or "pdf" in outputs
    return replace(checked, problems=(*problems, *find_unprintable(checked))) if is_printed else checked


def _check_attachments(authored: authoring.Authored, redactor: Redactor) -> Iterator[Problem]:
    """Yield an error for each attachment with a text that is masked elsewhere: files are attached unchanged."""
    for index, attachment in enumerate(authored.engagement.attachments):
        content = authored.attachments.get(attachment.file, b"")
        if (
            redactor.find_verbatim(attachment.file)
            or any(text.encode() in content for text in redactor.texts)
            or any(map(redactor.find_verbatim, _read_as_text(content)))
        ):
            fault = "the file contains a text that `redact` masks, and files are attached unchanged"
            subject = ("engagement", "attachments", index, "file")
            yield Problem(Kind.INPUT, fault, "mask it in the file", subject=subject, code="attachment-masked")


def _read_as_text(content: bytes) -> Iterator[str]:
    """Yield what a file says if it is text: also with the escapes of JSON, in which a masked text may be written."""
    if len(content) > _LONGEST_SEARCHED:
        return
    # UTF-16 of most languages has a zero in every character of ASCII.
    encoding = "utf-8" if b"\0" not in content else "utf-16-be" if content.startswith((b"\0", b"\xfe\xff")) else "utf-16-le"
    text = content.decode(encoding, "replace")
    yield text
    if "\\u" in text:
        yield _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)


_LONGEST_SEARCHED: Final = 1_000_000
_ESCAPE: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")


def _whole(named: Path) -> Sequence[Problem]:
    """Return a note if one finding's file was named: people may think that only this file was checked."""
    if not named.name.endswith(authoring.FINDING_SUFFIX):
        return ()
    fault = "all of the engagement was read, not this file alone: findings are checked against each other"
    place = Place(display_path(named))
    return (
        Problem(Kind.INPUT, fault, "name the folder to avoid this note", place=place, level="note", code="whole-engagement"),
    )


def _pictures(authored: authoring.Authored) -> tuple[Mapping[str, Picture], Sequence[Problem]]:
    from findings_report.authoring.declared_files import illustrate

    try:
        return illustrate(authored.engagement, authored.pictures), ()
    except FindingsReportError as error:
        return {}, error.problems


def _fonts(authored: authoring.Authored) -> tuple[tuple[ReportedFont, ...], Sequence[Problem]]:
    """Return the fonts that can be used, and a problem for each file that is no font."""
    from findings_report.pdf.glyphs import open_fonts

    declared = [
        (index, ReportedFont(**font.model_dump(), sha256=hashlib.sha256(content).hexdigest(), content=content))
        for index, font in enumerate(authored.engagement.fonts)
        if (content := authored.fonts.get(font.file)) is not None
    ]
    if not declared:
        return (), ()
    with open_fonts([font for _, font in declared]) as opened:
        broken = opened.find_broken([font for _, font in declared])
    fault, remedy = "the file is no font that can be read", "name an OpenType or TrueType file: .otf, .ttf or .ttc"
    problems = [
        Problem(Kind.INPUT, fault, remedy, subject=("engagement", "fonts", declared[index][0], "file"), code="font")
        for index in broken
    ]
    return tuple(font for index, (_, font) in enumerate(declared) if index not in broken), problems


def _word_document(authored: authoring.Authored) -> ReportedDocument | None:
    file, content = authored.engagement.docx_template, authored.docx_template
    if file is None or content is None:
        return None
    return ReportedDocument(file=file, sha256=hashlib.sha256(content).hexdigest(), content=content)


UNPRINTABLE: Final = "pdf-characters"
"""Code of the warning that no font has a character."""

_MOST_NAMED: Final = 3
"""Characters of one script that a warning names."""


def find_unprintable(checked: Checked, *, system_fonts: bool = False) -> list[Problem]:
    """Return a warning for each script of a field or snippet whose characters no font of the PDF has.

    Characters in comments of the YAML, and in quotes that are not shown, are not printed.
    """
    from findings_report.pdf.glyphs import missing_by_script, open_fonts

    snippets = checked.evidence.snippets if checked.evidence else {}
    code: dict[Subject, str] = {
        (key, "locations", snippet.index): "\n".join(line.text for run in snippet.runs for line in run.lines)
        for key, cited in snippets.items()
        for snippet in cited
    }
    code |= {
        ("engagement", "tables", index, "file"): "\n".join(cell for _, cell in checked.authored.tables[table.name].cells)
        for index, table in enumerate(checked.authored.engagement.tables)
        if table.name in checked.authored.tables
    }
    everything = "".join([document.text for _, document in checked.authored.documents.values()] + list(code.values()))
    if everything.isascii():
        return []
    is_system = system_fonts or checked.authored.engagement.system_fonts
    with open_fonts(checked.fonts, system=is_system) as fonts:
        others = fonts.find_others(everything)
    places = checked.authored.places_of(lambda text: missing_by_script(text, others).values())
    problems = [_no_font(characters, place=place) for characters, place in places]
    problems += [
        _no_font(characters, subject=subject)
        for subject, text in code.items()
        for characters in missing_by_script(text, others).values()
    ]
    return list(authoring.locate(problems, checked.authored))


def _no_font(characters: Sequence[str], *, place: Place | None = None, subject: Subject | None = None) -> Problem:
    """Return the warning of characters of one script."""
    from findings_report.pdf.glyphs import script_of

    # A character that hides others is named by its code alone.
    first = ", ".join(
        f"U+{ord(character):04X}{'' if HIDDEN.match(character) else f' {character}'}" for character in characters[:_MOST_NAMED]
    )
    more = f" and {len(characters) - _MOST_NAMED} more" if len(characters) > _MOST_NAMED else ""
    fault = f"no font has {first}{more} ({script_of(characters[0])}); the PDF shows code points in their place"
    remedy = "name a font under `fonts` in engagement.yaml, or write `system_fonts: true` there if this machine has one"
    return Problem(Kind.OUTPUT, fault, remedy, place=place, subject=subject, level="warning", code=UNPRINTABLE)


def _evidence(
    inputs: Inputs, folder: Path, authored: authoring.Authored
) -> tuple[Resolution | None, Survey | None, Sequence[Problem]]:
    from findings_report.authoring.proofread import check_links
    from findings_report.evidence.resolve import resolve
    from findings_report.evidence.source_files import find_clones, open_clones, set_aside_broken
    from findings_report.evidence.warnings import survey

    try:
        clones = find_clones(authored.engagement, folder, inputs.clones)
        clones, broken = set_aside_broken(clones, inputs.borrow)
        with open_clones(clones, inputs.borrow) as sources:
            found = resolve(authored.engagement, authored.findings, sources)
            covered = survey(authored.engagement, found.repositories, sources)
            links = check_links(authored.engagement, authored.findings, sources)
    except FindingsReportError as error:
        return None, None, (*error.problems, *check_links(authored.engagement, authored.findings, None))
    return found, covered, (*broken, *found.problems, *covered.problems, *links)


def assembled(checked: Checked, default_date: date | None, findings_commit: FindingsCommit | None = None) -> Report:
    """Return the report of a checked engagement, without what its authors mask."""
    from findings_report.report.assemble import assemble

    authored = checked.authored
    report = assemble(
        authored.engagement,
        authored.findings,
        checked.evidence.snippets if checked.evidence else {},
        repositories=checked.evidence.repositories if checked.evidence else (),
        pictures=checked.pictures,
        fonts=checked.fonts,
        docx_template=_word_document(authored),
        csv_tables=authored.tables,
        attachments=authored.attachments,
        components=components(),
        covered=checked.survey.files if checked.survey else {},
        default_date=default_date,
        findings_commit=findings_commit,
        edition=checked.edition,
    )
    return redact(report, checked.redactor)
