"""Foreign files as values: bytes to text, text to JSON, JSON to what a reader asks for; and the places that files cite, found.

The files are untrusted: size, depth and numbers have limits, and a value of the wrong kind is an error that names its JSON
pointer (RFC 6901). A path is taken as written, without what is known to be in front of it, or as the end of exactly one path of
the commit; it is never guessed. Lines that the commit does not have are no location, because `check` would refuse the finding.
"""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pydantic import TypeAdapter, ValidationError

from findings_report.evidence.source_files import NoLinesError, SourceFile
from findings_report.importing.citations import FITTING
from findings_report.importing.importers import IMPORTERS, AuditedRepository, ForeignFile, ImportContext
from findings_report.model.evidence import Region
from findings_report.model.field_types import Name, Url
from findings_report.problems import FindingsReportError, Kind, Place, Problem

MOST_LEVELS: Final = 100
"""Values inside values; SARIF's own nesting is below 20."""

_LONGEST_NUMBER: Final = 18
"""Digits of an integer; sixty-four bits have nineteen."""

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that no file of an engagement can have. Source: YAML 1.2.2, 5.1."""


_NAME: Final = TypeAdapter(Name)
_URL: Final = TypeAdapter(Url)


def refuse(file: ForeignFile, fault: str, remedy: str | None = None, *, line: int | None = None, code: str) -> NoReturn:
    """Raise FindingsReportError (INPUT) for a file."""
    raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(file.shown, line), code=code))


def decode_text(file: ForeignFile) -> str:
    """Return the text of a file in UTF-8. Raises FindingsReportError (INPUT), also for control characters, with their line."""
    if b"\0" in file.content:
        refuse(file, "it is no text", "name the importer of its program", code="not-utf8")
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse(file, "it is not UTF-8", "convert the file to UTF-8", code="not-utf8")
    if (match := _FORBIDDEN.search(text)) is not None:
        line = len(re.findall(r"\r\n|\r|\n", text[: match.start()])) + 1
        fault = f"it has the control character U+{ord(match[0]):04X}"
        refuse(file, fault, "take the character out", line=line, code="not-utf8")
    return text


@dataclass(frozen=True)
class JsonValue:
    """A value of a JSON file, with its place."""

    value: Any
    """None for null, and for a key that is not there: programs write either."""
    pointer: str
    """JSON pointer of the value; empty for the whole file."""
    file: ForeignFile
    """The file."""

    def get(self, key: str) -> JsonValue:
        """Return the value of a key. Raises FindingsReportError if this is no object."""
        self._expect(dict, "an object")
        # No error for a key that is missing: nearly all of SARIF is optional.
        own = self.value.get(key) if self.value is not None else None
        return JsonValue(own, f"{self.pointer}/{key.replace('~', '~0').replace('/', '~1')}", self.file)

    def at(self, *keys: str) -> JsonValue:
        """Return a value through several objects."""
        value = self
        for key in keys:
            value = value.get(key)
        return value

    def items(self) -> Iterator[JsonValue]:
        """Yield the entries of a list. Raises FindingsReportError if this is no list."""
        self._expect(list, "a list")
        for index, entry in enumerate(self.value or ()):
            yield JsonValue(entry, f"{self.pointer}/{index}", self.file)

    def entries(self, key: str) -> list[JsonValue]:
        """Return the entries of a list of objects."""
        entries = list(self.get(key).items())
        for entry in entries:
            entry.expect_object()
        return entries

    def members(self) -> Iterator[tuple[str, JsonValue]]:
        """Yield the keys of an object, each with its value."""
        self._expect(dict, "an object")
        for key in self.value or ():
            yield key, self.get(key)

    def text(self, key: str) -> str | None:
        """Return a text, without what no file of an engagement can have; None if it is missing or blank."""
        member = self.get(key)
        member._expect(str, "a text")
        return clean(member.value) if member.value and not member.value.isspace() else None

    def whole(self, key: str, lowest: int = 0) -> int | None:
        """Return a whole number; None if it is missing."""
        member = self.get(key)
        value = member.value
        # JavaScript programs write 7.0 for 7.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            member.refuse("is not a whole number")
        if value is not None and value < lowest:
            member.refuse(f"is {value}, and has to be at least {lowest}")
        return value

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, without blank ones."""
        texts = []
        for entry in self.get(key).items():
            entry._expect(str, "a text")
            if entry.value and not entry.value.isspace():
                texts.append(clean(entry.value))
        return texts

    def expect_object(self) -> None:
        """Raise FindingsReportError if this is no object."""
        if not isinstance(self.value, dict):
            self.refuse("is not an object")

    def refuse(self, fault: str, remedy: str | None = None, *, code: str = "import-value") -> NoReturn:
        """Raise FindingsReportError (INPUT) with the place of the value."""
        refuse(self.file, f"{self.pointer or 'the file'} {fault}", remedy, code=code)

    def _expect(self, kind: type, noun: str) -> None:
        if self.value is not None and not isinstance(self.value, kind):
            self.refuse(f"is not {noun}")


def clean(text: str) -> str:
    """Return a text with one kind of line end, and U+FFFD for characters that no file of an engagement can have."""
    return (
        _FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n")).replace("\u2028", "\n").replace("\u2029", "\n")
    )


def is_name(text: str) -> bool:
    """Return True for a text that can be a name or a tag."""
    try:
        return bool(_NAME.validate_python(text))
    except ValidationError:
        return False


def is_url(text: str) -> bool:
    """Return True for an address of the web that can be a reference."""
    try:
        return bool(_URL.validate_python(text)) and text.startswith(("http://", "https://"))
    except ValidationError:
        return False


class _Fault:
    """A value that JSON does not have, where the parser found it; the pointer is looked for afterwards."""

    def __init__(self, fault: str, value: Any = None) -> None:
        self.fault = fault
        self.value = value
        """The rest of the value."""


def read_json(file: ForeignFile) -> JsonValue:
    """Return the content of a JSON file in UTF-8 or UTF-16. Raises FindingsReportError (INPUT)."""
    try:
        text = file.content.decode(json.detect_encoding(file.content)).removeprefix("\ufeff")
    except UnicodeDecodeError:
        refuse(file, "it is neither UTF-8 nor UTF-16", "convert the file to UTF-8", code="not-utf8")
    parser = _Parser()
    try:
        data = parser.parse(text)
    except RecursionError:
        refuse(file, f"its values are nested in more than {MOST_LEVELS} levels", code="import-value")
    except json.JSONDecodeError as error:
        other = _recognise_text(text)
        name = f"; it looks like {IMPORTERS[other].files}" if other else ""
        remedy = f"use `findings-report import {other} FILE`" if other else "write the file again with its program"
        column = f" at column {error.colno}" if error.lineno == 1 else ""
        reason = error.msg[:1].lower() + error.msg[1:]
        refuse(file, f"it is no JSON: {reason}{column}{name}", remedy, line=error.lineno, code="import-format")
    if parser.faults:
        pointer = _find(data, parser.faults[0])
        fault = f"{pointer or 'the file'} {parser.faults[0].fault}"
        refuse(file, fault, "write the file again with its program", code="import-value")
    # Level by level and not by recursion, which the nesting would break.
    level = [data]
    for _ in range(MOST_LEVELS):
        level = [child for value in level for child in _children(value)]
    if level:
        refuse(file, f"its values are nested in more than {MOST_LEVELS} levels", code="import-value")
    return JsonValue(data, "", file)


class _Parser:
    """The parser of JSON, which puts a fault in the place of what JSON does not have, or has without limit."""

    def __init__(self) -> None:
        self.faults: list[_Fault] = []

    def parse(self, text: str) -> Any:
        """Return the value of a text. Raises JSONDecodeError and RecursionError."""
        return json.loads(
            text,
            object_pairs_hook=self._mapping,
            parse_int=self._integer,
            parse_float=self._real,
            parse_constant=lambda name: self._fault(f"is {name}, which JSON does not have"),
        )

    def _fault(self, text: str, value: Any = None) -> _Fault:
        self.faults.append(_Fault(text, value))
        return self.faults[-1]

    def _integer(self, digits: str) -> int | _Fault:
        # Python takes quadratic time for the digits of a number.
        if len(digits) > _LONGEST_NUMBER:
            return self._fault(f"has {len(digits):,} digits; numbers have at most {_LONGEST_NUMBER}")
        return int(digits)

    def _real(self, digits: str) -> float | _Fault:
        number = float(digits)
        return self._fault("is a number that is too large") if math.isinf(number) else number

    def _mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Fault:
        # Parsers differ in which of two equal keys counts, so a file could show one value here and another one elsewhere.
        values = dict(pairs)
        if len(values) == len(pairs):
            return values
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return self._fault(f"has the key {twice!r} twice", values)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _find(data: Any, wanted: _Fault) -> str:
    """Return the JSON pointer of a value."""
    waiting = [(data, "")]
    while waiting:
        value, pointer = waiting.pop()
        if value is wanted:
            return pointer
        if isinstance(value, _Fault):
            value = value.value
        if isinstance(value, dict):
            waiting += [(child, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}") for key, child in value.items()]
        elif isinstance(value, list):
            waiting += [(child, f"{pointer}/{index}") for index, child in enumerate(value)]
    return ""


def _recognise_text(text: str) -> str | None:
    """Return the importer of a text that is no JSON; None if it is not recognised."""
    first = text.lstrip()[:2_000]
    if re.search(r"^#{1,6} \S", first, re.MULTILINE):
        return "review"
    head = first.partition("\n")[0]
    return "csv" if max(map(head.count, ",;\t")) >= 2 and "csv" in IMPORTERS and not first.startswith(("{", "[", "<")) else None


def recognise(value: JsonValue) -> str | None:
    """Return the importer of a JSON file; None if it is not recognised."""
    data = value.value
    if isinstance(data, Mapping):
        if "runs" in data:
            return "sarif"
        if "treeEntries" in data:
            return "weaudit"
        if str(data.get("schema_name", "")).startswith("findings-report/"):
            return "json"
        data = data.get("findings", data.get("vulnerabilities", data.get("vulnerability_reports")))
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], Mapping) else {}
    if {"technical_analysis", "poc_script_code", "remediation_steps", "code_locations"} & first.keys():
        return "strix"
    # `list --output-format json` and the findings of a report have these four; no other format has an id and a status of ours.
    if "severity" in first and "id" in first and isinstance(first["severity"], (Mapping, str)) and "status" in first:
        return "json"
    return "defectdojo" if {"title", "severity", "description"} <= first.keys() else None


def refuse_json(file: ForeignFile) -> None:
    """Raise FindingsReportError (INPUT) for JSON where a text is read, if an importer reads it."""
    if file.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return
    try:
        other = recognise(read_json(file))
    except FindingsReportError:
        return
    if other in IMPORTERS:
        fault = f"it looks like one of the {IMPORTERS[other].files}"
        refuse(file, fault, f"use `findings-report import {other} FILE`", code="import-format")


def refuse_kind(value: JsonValue, wanted: str) -> NoReturn:
    """Raise FindingsReportError (INPUT) for a JSON file of another kind than the importer `wanted` reads."""
    other = recognise(value)
    fault = f"it is none of the {IMPORTERS[wanted].files} that this importer reads"
    if other in IMPORTERS and other != wanted:
        refuse(
            value.file,
            f"{fault}; it looks like {IMPORTERS[other].files}",
            f"use `findings-report import {other} FILE`",
            code="import-format",
        )
    refuse(
        value.file, fault, "name the importer of its program; `findings-report import --help` lists them", code="import-format"
    )


# --- The places that a file cites


MOST_LOCATIONS: Final = 200
"""Locations of a finding; the report prints the code of each."""

_NAMED: Final = 5
"""Places that a warning names."""

_FULL_HASH: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

_LAST_LINE: Final = 999_999_999
"""Lines have at most nine digits."""


@dataclass(frozen=True)
class Cited:
    """A place in code, as a foreign file has it."""

    paths: tuple[str, ...]
    """Its path, in the ways to read it, the likeliest first."""
    lines: tuple[int, int] | None = None
    """First and last line, 1-based; None for the whole file."""
    quote: str | None = None
    """The code that the file has for it."""
    shown: tuple[int, int] | None = None
    """The lines of the quote, if they are more than `lines`."""
    role: str | None = None
    """Its role in a path through the code."""
    caption: str | None = None
    """The message of the file at this place."""
    offsets: tuple[int, int] | None = None
    """First character and the one behind the last, instead of lines."""
    repository: str | None = None
    """The repository in which it is; None if the file does not say it."""
    commit: str | None = None
    """The commit in which it is; None if the file does not say it."""


class CodeFinder:
    """Finds what one foreign file cites."""

    def __init__(self, context: ImportContext, file: ForeignFile) -> None:
        self._context = context
        self._file = file
        self._paths: dict[tuple[str, str], dict[str, list[str]]] = {}
        self._commits: dict[tuple[str, str], str | None] = {}
        self._faults: dict[str, list[str]] = {}

    def locate(self, cited: Sequence[Cited]) -> tuple[list[dict[str, Any]], str]:
        """Return the locations of a finding, each place once, and the text with those that are none."""
        locations: list[dict[str, Any]] = []
        rest: list[str] = []
        seen: set[tuple[Any, ...]] = set()
        for place in cited:
            location = self._locate(place)
            if location is None:
                text = _write_place(place)
                if text not in rest:
                    rest.append(text)
                continue
            key = tuple(str(location.get(name)) for name in ("repository", "path", "lines", "commit"))
            # A place without role says no more than the same one in a path through the code.
            same = [other for other in locations if _key(other) == key]
            if key in seen and (place.role is None or (*key, place.role) in seen):
                # What only one of them has, such as the code, is kept.
                for other in same:
                    other |= {**location, **other}
                continue
            if key in seen:
                plain = [other for other in same if "role" not in other]
                location = {**(plain[0] if plain else {}), **location}
                locations = [other for other in locations if other not in plain]
            seen |= {key, (*key, place.role)}
            locations.append(location)
        # Some tools list every line of a generated file.
        for place in cited[MOST_LOCATIONS:] if len(locations) > MOST_LOCATIONS else ():
            self._note(f"at most {MOST_LOCATIONS} locations of a finding are written", _name(place))
        return locations[:MOST_LOCATIONS], "\n".join(rest)

    def problems(self) -> Iterator[Problem]:
        """Yield a warning for each reason why places stay text, with the first of them."""
        for reason, places in self._faults.items():
            names = list(dict.fromkeys(places))
            listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
            fault = f"{reason}; {'it stays' if len(names) == 1 else 'they stay'} text: {listed}" if names else reason
            remedy = "add the locations by hand, if the code is in the audited commit"
            yield Problem(Kind.INPUT, fault, remedy, place=Place(self._file.shown), level="warning", code="import-place")

    def note(self, fault: str) -> None:
        """Add a warning on the whole file, once."""
        self._faults.setdefault(fault, [])

    def find_repository(self, home: str) -> str | None:
        """Return the name of the repository with an address as `host/owner/name`; None for a foreign one."""
        for name, repository in self._context.repositories.items():
            if home.casefold() in repository.homes:
                return name
        return None

    def knows_commit(self, commit: str) -> bool:
        """Return True if a repository has the commit."""
        return any(self._find_commit(repository, commit) for repository in self._context.repositories.values())

    def _note(self, reason: str, name: str) -> None:
        self._faults.setdefault(reason, []).append(name)

    def _locate(self, place: Cited) -> dict[str, Any] | None:
        paths = [path for written in place.paths if (path := _plain_path(written)) is not None]
        if not paths:
            self._note("these paths lead out of the repository", _name(place))
            return None
        repositories = list(self._context.repositories.values())
        if place.repository is not None:
            repositories = [self._context.repositories[place.repository]]
        readable = [repository for repository in repositories if repository.reader is not None]
        if not readable:
            return self._write_unread(place, paths, repositories)
        hits: list[tuple[AuditedRepository, str, SourceFile]] = []
        for repository in readable:
            commit = self._choose_commit(repository, place)
            if commit is not None and (file := self._find_file(repository, commit, paths)) is not None:
                hits.append((repository, commit, file))
        # A copy of a file in another repository is other evidence, so no order of the repositories may decide.
        if len(hits) > 1:
            self._note("the engagement has these files in several repositories", _name(place))
            return None
        if not hits:
            gone = place.commit is not None and place.quote is None and not self.knows_commit(place.commit)
            what = "these places are of a commit that is not in the clone" if gone else "the audited commit has no such files"
            self._note(what, _name(place))
            return None
        return self._write_location(place, *hits[0])

    def _choose_commit(self, repository: AuditedRepository, place: Cited) -> str | None:
        """Return the commit of a place; the audited one for a quote of a commit that is not in the clone."""
        if place.commit is None:
            return repository.commit
        commit = self._find_commit(repository, place.commit)
        # Lines of another commit are no place without a quote that shows what they were.
        return commit or (repository.commit if place.quote is not None else None)

    def _find_commit(self, repository: AuditedRepository, revision: str) -> str | None:
        key = (repository.name, revision)
        if key not in self._commits:
            is_hash = re.fullmatch(r"[0-9a-f]{7,64}", revision) is not None
            self._commits[key] = repository.reader.source.commit_of(revision) if repository.reader and is_hash else None
        return self._commits[key]

    def _find_file(self, repository: AuditedRepository, commit: str, paths: Sequence[tuple[str, bool]]) -> SourceFile | None:
        """Return the one file of a commit that the readings of a path mean."""
        reader = repository.reader
        if reader is None:
            return None
        names = self._list_paths(repository, commit)
        homes = {repository.name.casefold(), *(home.rpartition("/")[2] for home in repository.homes)}
        for path, is_absolute in paths:
            name = _match_path(path, is_absolute, names.get(posixpath.basename(path), ()), homes)
            if name is not None:
                try:
                    return reader.find(commit, name)
                except (NoLinesError, FindingsReportError):
                    return None  # a picture, a file that is too large: no lines to cite
        return None

    def _list_paths(self, repository: AuditedRepository, commit: str) -> dict[str, list[str]]:
        key = (repository.name, commit)
        if key not in self._paths:
            by_name: dict[str, list[str]] = {}
            if repository.reader is not None:
                for path, _ in repository.reader.source.files(commit):
                    by_name.setdefault(posixpath.basename(path), []).append(path)
            self._paths[key] = by_name
        return self._paths[key]

    def _write_location(
        self, place: Cited, repository: AuditedRepository, commit: str, file: SourceFile
    ) -> dict[str, Any] | None:
        lines, shown = place.lines, place.shown
        if lines is None and place.offsets is not None:
            lines = _lines_of(file.lines, place.offsets)
        # A quote says more than a number: its lines are those of the quote, wherever the file begins today.
        last = max(region[1] for region in (lines, shown) if region) if lines or shown else 0
        if last > len(file.lines) or (lines is None and place.offsets is not None):
            region = None
            if place.quote is not None:
                check = file.check(place.quote, ())
                region = check.found if check.verdict in FITTING else None
            if not region:
                self._note("these lines are behind the end of their files", _name(place))
                return None
            lines, shown = (region[0].start_line, region[-1].end_line), None
        return self._write(place, repository, file.path, lines, shown, commit if commit != repository.commit else None)

    def _write_unread(
        self, place: Cited, paths: Sequence[tuple[str, bool]], repositories: Sequence[AuditedRepository]
    ) -> dict[str, Any] | None:
        """Return the location as the file has it, where no clone could say more."""
        relative = [path for path, is_absolute in paths if not is_absolute]
        if len(repositories) != 1 or not relative:
            reason = "these paths are absolute, and without a clone nothing says where the repository begins"
            if not repositories:
                reason = "the engagement has no repository"
            elif len(repositories) > 1:
                reason = "the engagement has several repositories, and the file does not say in which of them these are"
            self._note(reason, _name(place))
            return None
        (repository,) = repositories
        commit = place.commit if place.commit != repository.commit and _FULL_HASH.fullmatch(place.commit or "") else None
        return self._write(place, repository, relative[0], place.lines, place.shown, commit)

    def _write(
        self,
        place: Cited,
        repository: AuditedRepository,
        path: str,
        lines: tuple[int, int] | None,
        shown: tuple[int, int] | None,
        commit: str | None,
    ) -> dict[str, Any]:
        location: dict[str, Any] = {"role": place.role} if place.role else {}
        if len(self._context.repositories) > 1:
            location["repository"] = repository.name
        location["path"] = path
        if shown is not None and lines is not None and shown != lines:
            location |= {"lines": _write_lines(shown), "highlight": _write_lines(lines)}
        elif lines is not None:
            location["lines"] = _write_lines(lines)
        if place.caption:
            location["caption"] = " ".join(place.caption.split())[:4_000]
        if commit is not None:
            location["commit"] = commit
        if place.quote is not None:
            location["quote"] = place.quote.rstrip("\n") + "\n"
        return location


def _key(location: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(str(location.get(name)) for name in ("repository", "path", "lines", "commit"))


def _plain_path(written: str) -> tuple[str, bool] | None:
    """Return a path with `/`, and whether it is absolute; None for one that leads out of where it begins."""
    # Only where no `/` is: a file on Linux may have a backslash in its name.
    path = written.strip()
    if "\\" in path and "/" not in path:
        path = path.replace("\\", "/")
    match = re.match(r"/?[A-Za-z]:(?=[/\\])", path)
    is_absolute = path.startswith("/") or match is not None
    path = posixpath.normpath(path[match.end() :].replace("\\", "/") if match else path).lstrip("/")
    is_inside = path not in ("", ".", "..") and not path.startswith("../") and path.isprintable()
    return (path, is_absolute) if is_inside and "\0" not in path else None


def _match_path(path: str, is_absolute: bool, names: Sequence[str], homes: set[str]) -> str | None:
    """Return the one of `names`, paths with the same last part, that a path means."""
    if not is_absolute and path in names:
        return path
    parts = path.split("/")
    for start in range(len(parts)):
        ending = "/".join(parts[start:])
        # The name alone of a file on another machine says too little, except behind the name of the repository.
        is_long = len(parts) - start > 1 or (start > 0 and parts[start - 1].casefold() in homes)
        if ending in names and is_long:
            return ending
    # A scanner that ran in a subfolder writes paths that begin there.
    longer = [name for name in names if not is_absolute and name.endswith(f"/{path}")]
    return longer[0] if len(longer) == 1 else None


def _lines_of(lines: Sequence[str], offsets: tuple[int, int]) -> tuple[int, int] | None:
    """Return the lines of characters of a file, whose line ends count as one."""
    first = last = None
    at = 0
    for number, line in enumerate(lines, 1):
        after = at + len(line) + 1
        if first is None and offsets[0] < after:
            first = number
        if first is not None and max(offsets[1] - 1, offsets[0]) < after:
            last = number
            break
        at = after
    return (first, last) if first is not None and last is not None else None


def _write_lines(lines: tuple[int, int]) -> str:
    return str(Region(start_line=lines[0], end_line=min(lines[1], _LAST_LINE)))


def _name(place: Cited) -> str:
    lines = f":{_write_lines(place.lines)}" if place.lines else ""
    return f"{clean(place.paths[0])[:200] if place.paths else '(no path)'}{lines}"


def _write_place(place: Cited) -> str:
    """Return a place as an entry of a list, with its code."""
    caption = f": {escape_plain(' '.join(place.caption.split()))}" if place.caption else ""
    text = f"- {write_code(_name(place))}{caption}"
    if place.quote is None:
        return text
    quote = place.quote.rstrip("\n")
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", quote)), 3)
    return "\n".join([text, "", f"  {fence}", *(f"  {line}" if line else "" for line in quote.split("\n")), f"  {fence}"])


def write_code(text: str) -> str:
    """Return a text as code within a line of Markdown."""
    line = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>|~&]|!(?=\[)")
_AT_START: Final = re.compile(r"^([ ]*)([#>+=-]|[0-9]{1,9}[.)])", re.MULTILINE)


def escape_plain(text: str) -> str:
    """Return plain text as Markdown that reads the same."""
    first, *rest = _SPECIAL.sub(lambda match: f"\\{match[0]}", text).split("\n")
    # Four blanks would begin code. The text may be a part of a line, whose blanks count.
    escaped = "\n".join([first, *(line.lstrip(" \t") for line in rest)])
    return _AT_START.sub(lambda match: match[1] + match[2][:-1] + "\\" + match[2][-1], escaped)
