"""The door to `findings/`: YAML bytes -> Engagement and Findings, with file, line and column for every value.

Knows YAML and the models, and of git only the files of a commit. Every problem of every file is found in one run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from findings_report.authoring import validation
from findings_report.authoring.cross_checks import disagreements
from findings_report.authoring.files import (
    ENGAGEMENT,
    FINDING_SUFFIX,
    FOLDER,
    LOCK,
    UNFINISHED,
    Files,
    Folder,
    Revision,
    Snapshot,
    find_folder,
)
from findings_report.authoring.json_schema import SCHEMA_FOLDER, engagement_schema, finding_schema, modeline
from findings_report.authoring.new_finding import (
    NO_ENTRIES,
    NewLocation,
    from_library,
    library_entries,
    next_id,
    stub,
    taken_ids,
    title_scalar,
)
from findings_report.authoring.yaml_editor import add_list, change_texts, relocate, set_text
from findings_report.authoring.yaml_reader import YamlDocument, YamlFault, read
from findings_report.model.engagement import FORMAT, Engagement, Section
from findings_report.model.field_types import identifier_fault
from findings_report.model.finding import Finding
from findings_report.problems import FindingsReportError, Kind, Place, Problem, Subject
from findings_report.problems.safe_text import shown_path
from findings_report.problems.suggestions import did_you_mean

__all__ = [
    "ENGAGEMENT",
    "ENGAGEMENT_KEY",
    "FINDING_SUFFIX",
    "FOLDER",
    "LOCK",
    "NO_ENTRIES",
    "SCHEMA_FOLDER",
    "UNFINISHED_CODE",
    "Authored",
    "Files",
    "Folder",
    "NewLocation",
    "Revision",
    "Snapshot",
    "add_list",
    "change_texts",
    "engagement_schema",
    "find_folder",
    "finding_schema",
    "from_library",
    "library_entries",
    "load",
    "load_engagement",
    "modeline",
    "natural",
    "next_id",
    "relocate",
    "set_text",
    "shown_path",
    "stub",
    "taken_ids",
    "title_scalar",
]

ENGAGEMENT_KEY: Final = "engagement"
"""First step of the subject of a problem with `engagement.yaml`; no finding may have it as its id."""

UNFINISHED_CODE: Final = "unfinished"
"""Code of the warning of a write that was interrupted."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Authored:
    """An engagement as people wrote it, and where each value of it stands."""

    engagement: Engagement
    """With the text of its sections' files filled in."""
    findings: Mapping[str, Finding]
    """By id, in natural order (2 before 10)."""
    pictures: Mapping[str, bytes]
    """Bytes of the declared images by name; the logo's under `logo:`."""
    documents: Mapping[str, tuple[str, YamlDocument]]
    """(file as shown, its document) by the first step of a subject."""
    warnings: tuple[Problem, ...]
    """What is odd but does no harm."""
    files: tuple[str, ...]
    """Every file that was read, as a path in the folder: the engagement's own first."""

    def located(self, problem: Problem) -> Problem:
        """`problem` with `place` and `field` filled in from its subject."""
        return _located(problem, self.documents)

    def places_of(self, unwanted: Callable[[str], Iterable[str]]) -> Iterator[tuple[str, Place]]:
        """Each character that `unwanted` picks out of a file's text, with the first place where it stands in that file."""
        for shown, document in self.documents.values():
            for character in unwanted("\n".join(document.lines)):
                line = next(number for number, text in enumerate(document.lines) if character in text)
                source = document.lines[line]
                yield character, Place(shown, line + 1, source.index(character) + 1, source)


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Sort key under which NTR-2 comes before NTR-10, whatever the case."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", text.casefold()))


def load(files: Files) -> Authored:
    """Reads an engagement. Raises FindingsReportError with every problem of every file, in the order of the files."""
    loading = _Loading(files)
    loading.read_all()
    return loading.result()


def load_engagement(files: Files) -> Authored:
    """Reads `engagement.yaml` alone, whatever state the findings are in. Raises FindingsReportError with all that is wrong."""
    loading = _Loading(files)
    loading.read_engagement()
    return loading.result()


class _Loading:
    """One run over the files: collects values, documents and problems."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.problems: list[Problem] = []
        self.documents: dict[str, tuple[str, YamlDocument]] = {}
        self.engagement: Engagement | None = None
        self.findings: dict[str, Finding] = {}
        self.pictures: dict[str, bytes] = {}
        self.taken: list[str] = []

    def read_engagement(self) -> tuple[str, ...]:
        """Reads `engagement.yaml`; the names of all files."""
        names = self.files.names()
        if ENGAGEMENT not in names:
            self._file_problem("", f"there is no {ENGAGEMENT}", "start one with `findings-report init`")
        else:
            self.engagement = self._read(ENGAGEMENT, ENGAGEMENT_KEY, Engagement)
        return names

    def read_all(self) -> None:
        names = self.read_engagement()
        seen: dict[str, str] = {}
        for name in names:
            self._take(name, seen)
        if self.engagement is not None:
            self.engagement = self._with_files(self.engagement)
            read_of: dict[str, BaseModel] = {ENGAGEMENT_KEY: self.engagement, **self.findings}
            unread = {key: set(self.documents[key][1].data) - found.model_fields_set for key, found in read_of.items()}
            self.problems += disagreements(self.engagement, self.findings, unread=unread)

    def result(self) -> Authored:
        files = {shown: rank for rank, (shown, _) in enumerate(self.documents.values())}
        located = [_located(problem, self.documents) for problem in self.problems]
        located.sort(key=lambda problem: _reading_order(problem, files))
        if self.engagement is None or any(problem.level == "error" for problem in located):
            raise FindingsReportError(located)
        ordered = dict(sorted(self.findings.items(), key=lambda item: natural(item[0])))
        return Authored(
            self.engagement, ordered, self.pictures, self.documents, tuple(located), tuple(dict.fromkeys(self.taken))
        )

    def _take(self, name: str, seen: dict[str, str]) -> None:
        file_name = PurePosixPath(name).name
        if name in (ENGAGEMENT, LOCK):
            return
        if UNFINISHED.match(file_name):
            said = "was left by a write that was interrupted: the files beside it may be of two states"
            self._file_problem(name, said, "compare them with git, and remove it", level="warning", code=UNFINISHED_CODE)
            return
        if not file_name.endswith(FINDING_SUFFIX):
            if file_name.endswith((".yaml", ".yml")):
                self._file_problem(name, "is not read", f"findings are named ID{FINDING_SUFFIX}", level="warning")
            return
        key = file_name.removesuffix(FINDING_SUFFIX)
        if (fault := identifier_fault(key)) is not None:
            self._file_problem(name, fault, "rename the file")
        elif key.casefold() == ENGAGEMENT_KEY:
            self._file_problem(name, f"{key} cannot be the id of a finding", "rename the file")
        elif (other := seen.get(key.casefold())) is not None:
            self._file_problem(name, f"the id {key} is taken by {other}", "rename one of the two")
        else:
            seen[key.casefold()] = name
            finding = self._read(name, key, Finding)
            if finding is not None:
                self.findings[key] = finding

    def _read(self, name: str, key: str, model: type[Model]) -> Model | None:
        shown = self._shown(name)
        self.taken.append(name)
        try:
            content = self.files.read(name)
            document = read(content if content is not None else b"")
        except FindingsReportError as error:
            self.problems += error.problems
            return None
        except YamlFault as fault:
            self.problems.append(_yaml_problem(fault, shown, content or b""))
            return None
        self.documents[key] = (shown, document)
        return self._validated(document, key, model)

    def _validated(self, document: YamlDocument, key: str, model: type[Model]) -> Model | None:
        data = document.data
        if not isinstance(data, dict):
            self.problems.append(Problem(Kind.INPUT, "must be fields, as in `title: ...`", subject=(key,), code="not-fields"))
            return None
        if model is Engagement and (newer := _newer_format(data)) is not None:
            self.problems.append(newer)
            return None
        self.problems += validation.cut_short(document, key)
        if model is Finding:
            self.problems += validation.unfilled(data, key)
        try:
            return model.model_validate(data)
        except ValidationError as error:
            self.problems += validation.from_validation(error, model, document, key)
            return _sound_part(data, error, model)

    def _with_files(self, engagement: Engagement) -> Engagement:
        """The engagement with the text of its sections' files and its pictures' bytes at hand."""
        sections = tuple(self._section(index, section) for index, section in enumerate(engagement.sections))
        wanted: list[tuple[tuple[str | int, ...], str, str]] = [
            (("images", index, "file"), image.name, image.file) for index, image in enumerate(engagement.images)
        ]
        if engagement.logo is not None:
            wanted.append((("logo",), "logo:", engagement.logo))
        for path, picture, file in wanted:
            content = self._declared(path, file)
            if content is not None:
                self.pictures[picture] = content
        return engagement.model_copy(update={"sections": sections})

    def _section(self, index: int, section: Section) -> Section:
        subject: Subject = (ENGAGEMENT_KEY, "sections", index)
        if (section.text is None) == (section.file is None):
            fault = "a section has either `text` or `file`"
            self.problems.append(Problem(Kind.INPUT, fault, subject=subject, code="section-text"))
        if section.file is None:
            return section
        content = self._declared(("sections", index, "file"), section.file)
        try:
            text = (content or b"").decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            self.problems.append(
                Problem(Kind.INPUT, f"{section.file} is not UTF-8", subject=(*subject, "file"), code="not-utf8")
            )
            return section
        return section.model_copy(update={"text": text})

    def _declared(self, path: tuple[str | int, ...], name: str) -> bytes | None:
        """The bytes of a file that the engagement names; a problem when it is not there."""
        subject: Subject = (ENGAGEMENT_KEY, *path)
        self.taken.append(name)
        try:
            content = self.files.read(name)
        except FindingsReportError as error:
            self.problems += (
                replace(problem, place=None, subject=subject, fault=f"{name} {problem.fault}") for problem in error.problems
            )
            return None
        if content is None:
            near = did_you_mean(name, self.files.names())
            self.problems.append(
                Problem(Kind.INPUT, f"there is no file {name} in {self.files.shown}", near, subject=subject, code="no-file")
            )
        return content

    def _shown(self, name: str) -> str:
        return f"{self.files.shown.rstrip('/')}/{name}" if self.files.shown != "." else name

    def _file_problem(self, name: str, fault: str, remedy: str, level: Any = "error", code: str = "file") -> None:
        place = Place(self._shown(name) if name else self.files.shown)
        self.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level=level, code=code))


def _sound_part(data: Mapping[str, Any], error: ValidationError, model: type[Model]) -> Model | None:
    """The value without its faulty fields, so that what the files say of each other is checked in the same run."""
    faulty = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
    fillers = {name: "?" for name in ("title", "description") if name in model.model_fields and name in faulty}
    try:
        return model.model_validate({name: value for name, value in data.items() if name not in faulty} | fillers)
    except ValidationError:
        return None


def _reading_order(problem: Problem, files: Mapping[str, int]) -> tuple[int, str, int, int]:
    place = problem.place or Place("")
    return files.get(place.file, -1), place.file, place.line or 0, place.column or 0


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


def _yaml_problem(fault: YamlFault, shown: str, content: bytes) -> Problem:
    lines = content[:4_194_304].decode("utf-8-sig", "replace").splitlines()
    source = lines[fault.line] if fault.line < len(lines) else ""
    place = Place(shown, fault.line + 1, fault.column + 1, source)
    return Problem(Kind.INPUT, fault.fault, fault.remedy, place=place, code="yaml")


def _located(problem: Problem, documents: Mapping[str, tuple[str, YamlDocument]]) -> Problem:
    if problem.subject is None or problem.place is not None:
        return problem
    key, *path = problem.subject
    if str(key) not in documents:
        return problem
    shown, document = documents[str(key)]
    place = validation.place(document, shown, tuple(path), problem.code, problem.line_offset)
    return replace(problem, place=place, field=validation.dotted(tuple(path)) or None)
