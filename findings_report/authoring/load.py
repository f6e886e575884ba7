"""The entry point to `findings/`: YAML bytes -> Engagement and Findings, with file, line and column for every value.

Knows YAML and the models, and of git only the files of a commit. `load` has four steps from values to values: read the YAML,
validate it, read the files that the engagement declares, check the files against each other. Each step returns its problems
beside its value, so one run reports every problem of every file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from findings_report.authoring import validation
from findings_report.authoring.cross_checks import disagreements
from findings_report.authoring.files import ENGAGEMENT, FINDING_SUFFIX, LOCK, UNFINISHED, Files
from findings_report.authoring.yaml_reader import YamlDocument, YamlFault, read
from findings_report.model.engagement import FORMAT, Engagement
from findings_report.model.field_types import identifier_fault
from findings_report.model.finding import Finding
from findings_report.problems import FindingsReportError, Kind, Place, Problem, Subject
from findings_report.problems.suggestions import did_you_mean

ENGAGEMENT_KEY: Final = "engagement"
"""First step of the subject of a problem with `engagement.yaml`; no finding may have it as its id."""

UNFINISHED_CODE: Final = "unfinished"
"""Code of the warning about a write that was interrupted."""

_MOST_DECODED: Final = 4_194_304
"""Bytes of a file that is not valid YAML that are decoded to show the faulty line: a message needs one line, not 32 MiB."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Authored:
    """An engagement as people wrote it, and where each value of it is written."""

    engagement: Engagement
    """With the text of its sections' files filled in."""
    findings: Mapping[str, Finding]
    """By id, in natural order (2 before 10)."""
    pictures: Mapping[str, bytes]
    """Bytes of the declared images by name; the logo's under `logo:`."""
    documents: Mapping[str, tuple[str, YamlDocument]]
    """(display path of the file, its document) by the first step of a subject."""
    warnings: tuple[Problem, ...]
    """Problems that do no harm."""
    files: tuple[str, ...]
    """Every file that was read, as a path in the folder: the engagement's own first."""

    def places_of(self, unwanted: Callable[[str], Iterable[str]]) -> Iterator[tuple[str, Place]]:
        """Yield each character that `unwanted` picks out of a file's text, with its first place in that file."""
        for shown, document in self.documents.values():
            for character in unwanted("\n".join(document.lines)):
                line = next(number for number, text in enumerate(document.lines) if character in text)
                source = document.lines[line]
                yield character, Place(shown, line + 1, source.index(character) + 1, source)


@dataclass(frozen=True)
class _YamlFiles:
    """The YAML files of an engagement, parsed."""

    documents: Mapping[str, tuple[str, YamlDocument]]
    """As `Authored.documents`; without the files that are not valid YAML."""
    read: tuple[str, ...]
    """Names of the files that were read."""
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Validated:
    """The values of the YAML files. A value with invalid fields is kept without them, so that the rest is cross-checked."""

    engagement: Engagement | None
    findings: Mapping[str, Finding]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _DeclaredFiles:
    """The files that `engagement.yaml` names: the engagement with the texts of its sections, and its pictures."""

    engagement: Engagement
    pictures: Mapping[str, bytes]
    read: tuple[str, ...]
    problems: tuple[Problem, ...]


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return the sort key under which NTR-2 comes before NTR-10, whatever the case."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", text.casefold()))


def load(files: Files) -> Authored:
    """Read an engagement. Raises FindingsReportError with every problem of every file, in the order of the files."""
    names = files.names()
    yaml = _read_yaml(files, names, [name for name in names if name != ENGAGEMENT])
    validated = _validate(yaml.documents)
    if validated.engagement is None:
        return _authored(yaml, validated, None, ())
    declared = _read_declared(files, validated.engagement)
    values: dict[str, BaseModel] = {ENGAGEMENT_KEY: validated.engagement, **validated.findings}
    # Fields that were written but are invalid: their absence from the values must not be reported a second time.
    unread = {key: set(yaml.documents[key][1].data) - value.model_fields_set for key, value in values.items()}
    return _authored(yaml, validated, declared, disagreements(declared.engagement, validated.findings, unread=unread))


def load_engagement(files: Files) -> Authored:
    """Read `engagement.yaml` alone, whatever state the findings are in. Raises FindingsReportError with all of its problems."""
    yaml = _read_yaml(files, files.names(), ())
    return _authored(yaml, _validate(yaml.documents), None, ())


def locate(problems: Iterable[Problem], authored: Authored) -> tuple[Problem, ...]:
    """Return the problems, each with the place and the field that its subject names in the files of `authored`.

    A problem that has a place, or whose subject is in none of these files, is returned unchanged.
    """
    return tuple(_locate(problem, authored.documents) for problem in problems)


@contextmanager
def locating(authored: Authored) -> Iterator[None]:
    """Locate the problems of a FindingsReportError that is raised inside."""
    try:
        yield
    except FindingsReportError as error:
        raise FindingsReportError(locate(error.problems, authored)) from None


def _locate(problem: Problem, documents: Mapping[str, tuple[str, YamlDocument]]) -> Problem:
    if problem.subject is None or problem.place is not None:
        return problem
    key, *path = problem.subject
    if str(key) not in documents:
        return problem
    shown, document = documents[str(key)]
    place = validation.place(document, shown, tuple(path), problem.code, problem.line_offset)
    return replace(problem, place=place, field=validation.dotted(tuple(path)) or None)


def _authored(
    yaml: _YamlFiles, validated: _Validated, declared: _DeclaredFiles | None, disagreeing: Sequence[Problem]
) -> Authored:
    """Return the result of the steps. Raises FindingsReportError with the problems of all of them if one is an error."""
    rank = {shown: position for position, (shown, _) in enumerate(yaml.documents.values())}
    problems = (*yaml.problems, *validated.problems, *(declared.problems if declared else ()), *disagreeing)
    located = [_locate(problem, yaml.documents) for problem in problems]
    # Steps report by kind of check; authors correct files from top to bottom.
    located.sort(key=lambda problem: _reading_order(problem, rank))
    engagement = declared.engagement if declared else validated.engagement
    if engagement is None or any(problem.level == "error" for problem in located):
        raise FindingsReportError(located)
    return Authored(
        engagement,
        dict(sorted(validated.findings.items(), key=lambda item: natural(item[0]))),
        declared.pictures if declared else {},
        yaml.documents,
        tuple(located),
        tuple(dict.fromkeys((*yaml.read, *(declared.read if declared else ())))),
    )


def _read_yaml(files: Files, names: Sequence[str], others: Sequence[str]) -> _YamlFiles:
    """Read `engagement.yaml` and those of the `others` that are findings. `names` are all files."""
    problems: list[Problem] = []
    keys: dict[str, str] = {}
    if ENGAGEMENT in names:
        keys[ENGAGEMENT_KEY] = ENGAGEMENT
    else:
        problems.append(_file_problem(files.shown, f"there is no {ENGAGEMENT}", "start one with `findings-report init`"))
    taken: dict[str, str] = {}  # by case-folded id: file systems of macOS and Windows ignore case
    for name in others:
        key, problem = _finding_key(name, _display_path(files, name), taken)
        problems += [problem] if problem is not None else []
        if key is not None:
            taken[key.casefold()] = name
            keys[key] = name
    documents: dict[str, tuple[str, YamlDocument]] = {}
    for key, name in keys.items():
        document, faults = _parse(files, name)
        problems += faults
        if document is not None:
            documents[key] = (_display_path(files, name), document)
    return _YamlFiles(documents, tuple(keys.values()), tuple(problems))


def _finding_key(name: str, shown: str, taken: Mapping[str, str]) -> tuple[str | None, Problem | None]:
    """Return the id of the finding in a file; None, and why, for a file that is none or cannot have its id."""
    file_name = PurePosixPath(name).name
    if name == LOCK:
        return None, None
    if UNFINISHED.match(file_name):
        fault = "was left by a write that was interrupted: the files beside it may be of two states"
        remedy = "compare them with git, and remove it"
        return None, replace(_file_problem(shown, fault, remedy), level="warning", code=UNFINISHED_CODE)
    if not file_name.endswith(FINDING_SUFFIX):
        # Pictures and texts may be anywhere; a YAML file that is not read is probably a finding with a wrong name.
        if not file_name.endswith((".yaml", ".yml")):
            return None, None
        return None, replace(_file_problem(shown, "is not read", f"findings are named ID{FINDING_SUFFIX}"), level="warning")
    key = file_name.removesuffix(FINDING_SUFFIX)
    if (fault_of_id := identifier_fault(key)) is not None:
        return None, _file_problem(shown, fault_of_id, "rename the file")
    # Subjects of problems start with the id or with `engagement`; the two must not be confused.
    if key.casefold() == ENGAGEMENT_KEY:
        return None, _file_problem(shown, f"{key} cannot be the id of a finding", "rename the file")
    if (other := taken.get(key.casefold())) is not None:
        return None, _file_problem(shown, f"the id {key} is taken by {other}", "rename one of the two")
    return key, None


def _parse(files: Files, name: str) -> tuple[YamlDocument | None, tuple[Problem, ...]]:
    content = b""
    try:
        content = files.read(name) or b""
        return read(content), ()
    except FindingsReportError as error:
        return None, tuple(error.problems)
    except YamlFault as fault:
        lines = content[:_MOST_DECODED].decode("utf-8-sig", "replace").splitlines()
        source = lines[fault.line] if fault.line < len(lines) else ""
        place = Place(_display_path(files, name), fault.line + 1, fault.column + 1, source)
        return None, (Problem(Kind.INPUT, fault.fault, fault.remedy, place=place, code="yaml"),)


def _validate(documents: Mapping[str, tuple[str, YamlDocument]]) -> _Validated:
    engagement: Engagement | None = None
    findings: dict[str, Finding] = {}
    problems: list[Problem] = []
    for key, (_, document) in documents.items():
        if key == ENGAGEMENT_KEY:
            engagement, faults = _validate_document(document, key, Engagement)
        else:
            finding, faults = _validate_document(document, key, Finding)
            if finding is not None:
                findings[key] = finding
        problems += faults
    return _Validated(engagement, findings, tuple(problems))


def _validate_document(document: YamlDocument, key: str, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    data = document.data
    if not isinstance(data, dict):
        return None, [Problem(Kind.INPUT, "must be fields, as in `title: ...`", subject=(key,), code="not-fields")]
    if model is Engagement and (newer := _newer_format(data)) is not None:
        return None, [newer]  # the fields of another format would only be misunderstood
    problems = list(validation.cut_short(document, key))
    if model is Finding:
        problems += validation.unfilled(data, key)
    try:
        return model.model_validate(data), problems
    except ValidationError as error:
        problems += validation.from_validation(error, model, document, key)
        return _sound_part(data, error, model), problems


def _sound_part(data: Mapping[str, Any], error: ValidationError, model: type[Model]) -> Model | None:
    """Return the value without its invalid fields; None if it cannot be valid without them."""
    faulty = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
    required = (name for name, field in model.model_fields.items() if field.is_required())
    # Without fillers, an invalid title would hide the problems of every other field from the cross-checks.
    fillers = {name: "?" for name in required if name in faulty}
    try:
        return model.model_validate({name: value for name, value in data.items() if name not in faulty} | fillers)
    except ValidationError:
        return None


def _read_declared(files: Files, engagement: Engagement) -> _DeclaredFiles:
    problems: list[Problem] = []
    sections, pictures = [], {}
    for index, section in enumerate(engagement.sections):
        subject: Subject = (ENGAGEMENT_KEY, "sections", index)
        if (section.text is None) == (section.file is None):
            fault = "a section has either `text` or `file`"
            problems.append(Problem(Kind.INPUT, fault, subject=subject, code="section-text"))
        text, faults = _section_text(files, section.file, (*subject, "file"))
        problems += faults
        sections.append(section if text is None else section.model_copy(update={"text": text}))
    wanted: list[tuple[Subject, str, str]] = [
        ((ENGAGEMENT_KEY, "images", index, "file"), image.name, image.file) for index, image in enumerate(engagement.images)
    ]
    if engagement.logo is not None:
        wanted.append(((ENGAGEMENT_KEY, "logo"), "logo:", engagement.logo))
    for subject, picture, file in wanted:
        content, faults = _read_named(files, file, subject)
        problems += faults
        if content is not None:
            pictures[picture] = content
    return _DeclaredFiles(
        engagement.model_copy(update={"sections": tuple(sections)}),
        pictures,
        (*(section.file for section in engagement.sections if section.file is not None), *(file for _, _, file in wanted)),
        tuple(problems),
    )


def _section_text(files: Files, name: str | None, subject: Subject) -> tuple[str | None, tuple[Problem, ...]]:
    """Return the text of a section's file, empty if it cannot be read; None without a file and for one that is not UTF-8."""
    if name is None:
        return None, ()
    content, problems = _read_named(files, name, subject)
    try:
        # Line ends as git stores them: the report is the same on Windows.
        return (content or b"").decode("utf-8-sig").replace("\r\n", "\n"), problems
    except UnicodeDecodeError:
        return None, (Problem(Kind.INPUT, f"{name} is not UTF-8", subject=subject, code="not-utf8"),)


def _read_named(files: Files, name: str, subject: Subject) -> tuple[bytes | None, tuple[Problem, ...]]:
    """Return the bytes of a file that the engagement names at `subject`; None, and why, if it cannot be read."""
    try:
        content = files.read(name)
    except FindingsReportError as error:
        return None, tuple(
            replace(problem, place=None, subject=subject, fault=f"{name} {problem.fault}") for problem in error.problems
        )
    if content is None:
        near = did_you_mean(name, files.names())
        return None, (Problem(Kind.INPUT, f"there is no file {name} in {files.shown}", near, subject=subject, code="no-file"),)
    return content, ()


def _newer_format(data: Mapping[str, Any]) -> Problem | None:
    number = data.get("format", FORMAT)
    if isinstance(number, int) and not isinstance(number, bool) and number == FORMAT:
        return None
    newer = isinstance(number, int) and number > FORMAT
    fault = (
        f"format {number} was made by a newer findings-report"
        if newer
        else f"{number!r} is no format; this version reads {FORMAT}"
    )
    remedy = "update findings-report" if newer else f"write `format: {FORMAT}`"
    return Problem(Kind.INPUT, fault, remedy, subject=(ENGAGEMENT_KEY, "format"), code="format")


def _reading_order(problem: Problem, rank: Mapping[str, int]) -> tuple[int, str, int, int]:
    place = problem.place or Place("")
    return rank.get(place.file, -1), place.file, place.line or 0, place.column or 0


def _display_path(files: Files, name: str) -> str:
    return f"{files.shown.rstrip('/')}/{name}" if files.shown != "." else name


def _file_problem(shown: str, fault: str, remedy: str) -> Problem:
    return Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="file")
