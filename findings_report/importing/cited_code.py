"""The places that foreign files cite, found in the code.

A path is taken as written, without what is known to be in front of it, or as the end of exactly one path of the commit; it is
never guessed. Lines that the commit does not have are no location, because `check` would refuse the finding.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from findings_report.evidence.source_files import NoLinesError, SourceFile
from findings_report.importing.citations import FITTING
from findings_report.importing.foreign import clean
from findings_report.importing.importers import AuditedRepository, ForeignFile, ImportContext
from findings_report.model.evidence import Region
from findings_report.problems import FindingsReportError, Kind, Place, Problem

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
