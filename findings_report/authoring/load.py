"""The entry point to `findings/`: YAML bytes -> Engagement and Findings, with file, line and column for every value.

Knows YAML and the models, and of git only the files of a commit. `load` has four steps from values to values: read the YAML,
validate it, read the files that the engagement declares, check the files against each other. Each step returns its problems
beside its value, so one run reports every problem of every file. `load_valid_part` returns them with all that is valid, so that
prose and quotes are checked in the same run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import ValidationError

from findings_report.authoring import validation
from findings_report.authoring.cross_checks import disagreements
from findings_report.authoring.declared_files import CsvTable, DeclaredFiles, read_declared
from findings_report.authoring.files import ENGAGEMENT, FINDING_SUFFIX, IMPORT_LOCK, LOCK, Files
from findings_report.authoring.yaml_reader import BREAKS, YamlDocument, YamlFault, read
from findings_report.model.engagement import FORMAT, Engagement
from findings_report.model.field_types import identifier_fault
from findings_report.model.finding import Finding
from findings_report.model.redaction import SHORTEST, Redactor
from findings_report.problems import FindingsReportError, Kind, Place, Problem

ENGAGEMENT_KEY: Final = "engagement"
"""First step of the subject of a problem with `engagement.yaml`; no finding may have it as its id."""

_MATCH_ENTRY: Final = re.compile(r"\bmatch[\"']?[ \t]*+:[ \t]++([^\n]{1,1000}+)")
"""A `redact` entry in a file that is not valid YAML: the text behind it may be in the line that the message shows."""

_MOST_DECODED: Final = 4_194_304
"""Bytes of a file that is not valid YAML that are decoded to show the faulty line: a message needs one line, not 32 MiB."""

_MOST_MASKED: Final = 1_000
"""Texts of `redact` in an engagement: each message and each text is searched for each of them."""


@dataclass(frozen=True)
class Authored:
    """An engagement as people wrote it, and where each value of it is written."""

    engagement: Engagement
    """With the text of its sections' files filled in."""
    findings: Mapping[str, Finding]
    """By id, in natural order (2 before 10)."""
    pictures: Mapping[str, bytes]
    """Bytes of the declared images by name; the logo's under `logo:`."""
    fonts: Mapping[str, bytes]
    """Bytes of the declared fonts by file."""
    tables: Mapping[str, CsvTable]
    """The tables of the declared CSV files, by name."""
    attachments: Mapping[str, bytes]
    """Bytes of the declared attachments by file."""
    docx_template: bytes | None
    """Bytes of the declared document for Word."""
    documents: Mapping[str, tuple[str, YamlDocument]]
    """(display path of the file, its document) by the first step of a subject."""
    problems: tuple[Problem, ...]
    """In the order of the files; from `load` warnings only."""
    files: tuple[str, ...]
    """Every file that was read, as a path in the folder: the engagement's own first."""
    unread: Mapping[str, AbstractSet[str]]
    """By the first step of a subject, the fields that are invalid, wholly or in part; all of a file that is not valid YAML."""
    invalid_locations: AbstractSet[tuple[str, int]]
    """(id, 0-based position) of each location with an error; an unreadable one has a stand-in, which keeps the positions."""

    @cached_property
    def redactor(self) -> Redactor:
        """The texts to mask that the files name, also those of values that are invalid: no message may quote them."""
        return _find_hidden(self.documents)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Problems that do no harm."""
        return tuple(problem for problem in self.problems if problem.level != "error")

    def without_consequences(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """Yield the problems that are not of an invalid location: those may follow from its error, which is reported."""
        return (problem for problem in problems if _location_of(problem) not in self.invalid_locations)

    def places_of(self, choose: Callable[[str], Iterable[Sequence[str]]]) -> Iterator[tuple[Sequence[str], Place]]:
        """Yield each group of characters that `choose` picks out of the text of a field, with the place of the first of them.

        Quotes are left out: the report prints the repository's lines.
        """
        for shown, document in self.documents.values():
            for path, mark in document.values.items():
                if mark.style in ("-", "{", "[") or path[-1:] == ("quote",):
                    continue
                source = document.source(mark)
                for characters in choose(source):
                    breaks = list(BREAKS.finditer(source, 0, index := min(map(source.index, characters))))
                    line = mark.line + len(breaks)
                    column = index - breaks[-1].end() if breaks else mark.column + index
                    yield characters, Place(shown, line + 1, column + 1, self.redactor.mask_message(document.lines[line]))


@dataclass(frozen=True)
class _YamlFiles:
    """The YAML files of an engagement, parsed."""

    documents: Mapping[str, tuple[str, YamlDocument]]
    """As `Authored.documents`; without the files that are not valid YAML."""
    names: Mapping[str, str]
    """Name of each file that was read, by the first step of a subject."""
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Validated:
    """The values of the YAML files. A value with invalid fields is kept without them, so that the rest is cross-checked."""

    engagement: Engagement | None
    """None without an `engagement.yaml` of this format."""
    findings: Mapping[str, Finding]
    problems: tuple[Problem, ...]
    unread: Mapping[str, AbstractSet[str]]
    """As in `Authored`."""


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return the sort key under which NTR-2 comes before NTR-10, whatever the case."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", text.casefold()))


def load(files: Files) -> Authored:
    """Read an engagement. Raises FindingsReportError with every problem of every file, in the order of the files."""
    return _require_valid(load_valid_part(files))


def load_valid_part(files: Files) -> Authored:
    """Read what is valid of an engagement, with every problem of every file, errors as well.

    Raises FindingsReportError with all problems without an `engagement.yaml` of this format: nothing can be checked then.
    """
    with files.held():
        names = files.names()
        yaml = _read_yaml(files, names, [name for name in names if name != ENGAGEMENT])
        validated = _validate(yaml)
        if validated.engagement is None:
            raise FindingsReportError(_in_reading_order(validated.problems, yaml))
        declared = read_declared(files, validated.engagement)
    invalid = _locations_with_errors(validated.problems)
    found = disagreements(declared.engagement, validated.findings, unread=validated.unread)
    # Of a stand-in only.
    disagreeing = [problem for problem in found if _location_of(problem) not in invalid]
    return _authored(yaml, validated, declared, disagreeing, invalid | _locations_with_errors(disagreeing))


def load_engagement(files: Files) -> Authored:
    """Read `engagement.yaml` alone, whatever state the findings are in. Raises FindingsReportError with all of its problems."""
    with files.held():
        yaml = _read_yaml(files, files.names(), ())
    validated = _validate(yaml)
    if validated.engagement is None:
        raise FindingsReportError(_in_reading_order(validated.problems, yaml))
    declared = DeclaredFiles(validated.engagement)
    return _require_valid(_authored(yaml, validated, declared, (), frozenset()))


def _require_valid(authored: Authored) -> Authored:
    if any(problem.level == "error" for problem in authored.problems):
        raise FindingsReportError(authored.problems)
    return authored


def _locations_with_errors(problems: Iterable[Problem]) -> frozenset[tuple[str, int]]:
    return frozenset(place for problem in problems if problem.level == "error" and (place := _location_of(problem)))


def _location_of(problem: Problem) -> tuple[str, int] | None:
    """Return the id of the finding and the position of the location that a problem is about; None if it is about another."""
    match problem.subject:
        case (str(key), "locations", int(index), *_):
            return key, index
    return None


def locate(problems: Iterable[Problem], authored: Authored) -> tuple[Problem, ...]:
    """Return the problems, each with the place and the field that its subject names in the files of `authored`.

    A problem that has a place, or whose subject is in none of these files, is returned unchanged.
    """
    return tuple(authored.redactor.mask_problem(_locate(problem, authored.documents)) for problem in problems)


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
    return replace(problem, place=place, field=validation.dotted(validation.written(document, tuple(path))) or None)


def _authored(
    yaml: _YamlFiles,
    validated: _Validated,
    declared: DeclaredFiles,
    disagreeing: Sequence[Problem],
    invalid_locations: AbstractSet[tuple[str, int]],
) -> Authored:
    """Return the result of the steps."""
    return Authored(
        declared.engagement,
        dict(sorted(validated.findings.items(), key=lambda item: natural(item[0]))),
        declared.pictures,
        declared.fonts,
        declared.tables,
        declared.attachments,
        declared.docx_template,
        yaml.documents,
        _in_reading_order((*validated.problems, *declared.problems, *disagreeing), yaml),
        tuple(dict.fromkeys((*yaml.names.values(), *declared.read))),
        validated.unread,
        invalid_locations,
    )


def _find_hidden(documents: Mapping[str, tuple[str, YamlDocument]]) -> Redactor:
    """Return the texts of all `redact` entries in the files, whether they are valid or not."""
    texts = [
        _value_at(document.data, path)
        for _, document in documents.values()
        if "redact" in document.text  # a file of a large engagement has thousands of values
        for path in document.values
        if path[-1:] == ("match",) and "redact" in path
    ]
    return Redactor(tuple(dict.fromkeys(text for text in texts if len(text.strip()) >= SHORTEST)))


def _value_at(data: Any, path: Sequence[str | int]) -> str:
    for step in path:
        data = data[step]
    return str(getattr(data, "source", data))


def _hidden_in_source(text: str) -> Redactor:
    """Return what seem to be the texts of `redact` entries in a file that is not valid YAML."""
    texts = (match[1].strip().rstrip("}],").strip().strip("\"'") for match in _MATCH_ENTRY.finditer(text))
    return Redactor(tuple(text for text in texts if len(text) >= SHORTEST))


def _in_reading_order(problems: Iterable[Problem], yaml: _YamlFiles) -> tuple[Problem, ...]:
    """Return the problems, and those of the YAML, located and in the order of the files: authors correct them from top to
    bottom, and the steps report by kind of check.
    """
    rank = {shown: position for position, (shown, _) in enumerate(yaml.documents.values())}
    redactor = _find_hidden(yaml.documents)
    located = [redactor.mask_problem(_locate(problem, yaml.documents)) for problem in (*yaml.problems, *problems)]
    return tuple(sorted(located, key=lambda problem: _reading_order(problem, rank)))


def _read_yaml(files: Files, names: Sequence[str], others: Sequence[str]) -> _YamlFiles:
    """Read `engagement.yaml` and those of the `others` that are findings. `names` are all files.

    Raises FindingsReportError (INPUT) for more than _MOST_MASKED texts to mask.
    """
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
    if (masked := len(_find_hidden(documents).texts)) > _MOST_MASKED:
        fault = f"{masked:,} texts are to be masked; at most {_MOST_MASKED:,} are taken"
        remedy = "mask whole lines with `lines`, or generated texts at their source"
        place = Place(files.shown)
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=place, code="too-many-redactions"))
    return _YamlFiles(documents, keys, tuple(problems))


def _finding_key(name: str, shown: str, taken: Mapping[str, str]) -> tuple[str | None, Problem | None]:
    """Return the id of the finding in a file; None, and why, for a file that is none or cannot have its id."""
    file_name = PurePosixPath(name).name
    if name in (LOCK, IMPORT_LOCK):
        return None, None
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
        problem = Problem(Kind.INPUT, fault.fault, fault.remedy, place=place, code="yaml")
        return None, (_hidden_in_source("\n".join(lines)).mask_problem(problem),)


def _validate(yaml: _YamlFiles) -> _Validated:
    values: dict[str, Engagement | Finding] = {}
    problems: list[Problem] = []
    unread: dict[str, AbstractSet[str]] = {}
    for key in yaml.names:
        model = Engagement if key == ENGAGEMENT_KEY else Finding
        if key not in yaml.documents:
            unread[key] = frozenset(model.model_fields)
            continue
        document = yaml.documents[key][1]
        value, faults = _validate_document(document, key, model)
        problems += faults
        if value is not None:
            values[key] = value
        # Fields that were written but are invalid: their absence from the value must not be reported a second time.
        unread[key] = set(document.data) - value.model_fields_set if value is not None else frozenset(model.model_fields)
        if _locations_with_errors(faults):
            unread[key] |= {"locations"}
    engagement = values.pop(ENGAGEMENT_KEY, None)
    # With a stand-in for the engagement the findings are still checked for all that does not depend on it.
    if engagement is None and ENGAGEMENT_KEY in yaml.names and not any(problem.code == "format" for problem in problems):
        engagement = Engagement(title="?")
    findings = {key: value for key, value in values.items() if isinstance(value, Finding)}
    return _Validated(engagement if isinstance(engagement, Engagement) else None, findings, tuple(problems), unread)


def _validate_document(
    document: YamlDocument, key: str, model: type[Engagement | Finding]
) -> tuple[Engagement | Finding | None, list[Problem]]:
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


def _sound_part(
    data: Mapping[str, Any], error: ValidationError, model: type[Engagement | Finding]
) -> Engagement | Finding | None:
    """Return the value without its invalid fields; None if it cannot be valid without them.

    An invalid location has a stand-in, so that the others are checked, and keep their positions.
    """
    places = [detail["loc"] for detail in error.errors() if detail["loc"]]
    positions = {place[1] for place in places if place[0] == "locations" and len(place) > 1}
    faulty = {place[0] for place in places if place[0] != "locations" or len(place) == 1}
    required = (name for name, field in model.model_fields.items() if field.is_required())
    # Without fillers, an invalid title would hide the problems of every other field from the cross-checks.
    fillers = {name: "?" for name in required if name in faulty}
    sound = {name: value for name, value in data.items() if name not in faulty} | fillers
    if positions and isinstance(sound.get("locations"), list):
        written = enumerate(sound["locations"])
        sound["locations"] = [_STAND_IN if index in positions else location for index, location in written]
    try:
        return model.model_validate(sound)
    except ValidationError:
        return None


_STAND_IN: Final = {"path": "?"}


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
