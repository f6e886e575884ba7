"""The code of a review's finding, found in the repository: fences, links and names become locations.

A fence is paired with the line right before it or its own first line, where that names a file; any other fence is searched for
in the commit, and becomes a location only if its quote is there. Without a clone only what the text itself says is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from findings_report.evidence.quote import find_telling_lines
from findings_report.evidence.source_files import FileReader, NoLinesError, SourceFile
from findings_report.importing.citations import FITTING, StatedPlace, find_spans, find_stated, read_head, read_lines
from findings_report.importing.review import (
    Chunks,
    ReviewedFinding,
)
from findings_report.importing.review_blocks import Fence
from findings_report.model.evidence import Check, Region, Symbol
from findings_report.model.field_types import RepositoryPath
from findings_report.problems import FindingsReportError
from findings_report.sourcecode.symbols import encloses

_MOST_FILES: Final = 20
"""Files that a search for a name or a quote looks at."""

_PROPOSING: Final = frozenset(("recommendation", "proof", "response"))
"""Fields whose code is a proposal or a test, unless it names its place and is there."""

_IN_SYMBOL: Final = re.compile(
    r"\blines? (?P<lines>[0-9]{1,7}(?: ?(?:-|–|to) ?[0-9]{1,7})?),? (?:with)?in (?:the )?`(?P<symbol>[\w.:$]+)(?:\([^`]*\))?`"
)
_MEMBER: Final = re.compile(r"`(?P<symbol>[A-Za-z_$][\w$]*(?:(?:::|\.|#)[A-Za-z_$][\w$]*)+)(?:\([^`]*\))?`")
_PLACE_LINE: Final = re.compile(
    r"^[ >|*_-]{0,12}(?:affected |vulnerable |source )?(?:files?|file\(s\)|locations?|paths?|where|code)[*_]{0,3} {0,2}"
    r"[:：|].*",
    re.IGNORECASE | re.MULTILINE,
)
"""A line whose label says that it names places in code: `**File:** ...`, `| Location | ...`."""
_SYMBOL_OF_PATH: Final = re.compile(r"[`*]{0,3}(?::| ?[(,] ?)[`*]{0,3}(?P<symbol>[A-Za-z_$][\w$.]{0,200})(?![\w/])")
"""Behind a path, the name of a function of the file: `app.py:login`, `app.py` (`login`), `app.py`, `login()`."""
_MOST_STATED: Final = 100
"""Places of a text in which a fence that has none is looked for."""
_REPOSITORY_PATH: Final = TypeAdapter(RepositoryPath)
_LANGUAGE: Final = re.compile(r"[\w+#.-]*+")
_TEST_FILE: Final = re.compile(r"(^|/)(tests?|mocks?|lib|node_modules|scripts?)/|\.t\.sol$", re.IGNORECASE)


@dataclass(frozen=True)
class PlacedFinding:
    """A finding with its code found."""

    texts: Mapping[str, str]
    """Texts by field; a fence that is a location is placed by its name."""
    locations: tuple[Mapping[str, Any], ...]
    """The fields of each location."""
    unplaced: int
    """Fences that stay fences."""
    dropped: tuple[str, ...]
    """What is in locations in another form, of the source's text."""
    ambiguous: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """0-based lines of fences whose code is in several repositories, with their names."""


class Code:
    """The files of the audited commit. Without a clone, `reader` and `commit` are None."""

    def __init__(
        self,
        reader: FileReader | None,
        commit: str | None,
        *,
        home: str | None = None,
        name: str | None = None,
        is_pinned: bool = True,
    ) -> None:
        self._reader = reader
        self._commit = commit
        self._home = home
        """`host/owner/name` of the repository's address, in lower case; None if unknown: then no link leads to it."""
        self.name = name
        """The repository's name, which locations need; None for the only repository of the engagement."""
        self.is_pinned = is_pinned
        """Whether the engagement says the commit; if not, locations do."""
        self._paths: dict[str, list[str]] | None = None

    @property
    def commit(self) -> str | None:
        """The audited commit."""
        return self._commit

    @property
    def is_available(self) -> bool:
        """Whether there is a commit to search."""
        return self._reader is not None and self._commit is not None

    def is_foreign(self, repository: str | None) -> bool:
        """Return True for a link into another repository."""
        return repository is not None and repository.casefold() != self._home

    def commit_of(self, revision: str | None) -> str | None:
        """Return the full hash of a revision that is a hash of another commit of the clone; a branch was the audited commit."""
        if self._reader is None or revision is None or not re.fullmatch(r"[0-9a-f]{7,64}", revision):
            return None
        commit = self._reader.source.commit_of(revision)
        return commit if commit != self._commit else None

    def is_unknown(self, revision: str | None) -> bool:
        """Return True for a hash of a commit that is not in the clone, or that cannot be looked up."""
        if revision is None or not re.fullmatch(r"[0-9a-f]{7,64}", revision):
            return False
        return self._reader is None or self._reader.source.commit_of(revision) is None

    def knows(self, revision: str | None) -> bool:
        """Return True if nothing is lost where a location has no revision, or has the commit of this one."""
        return revision is None or (self._reader is not None and not self.is_unknown(revision))

    def file(self, path: str, commit: str | None = None) -> SourceFile | None:
        """Return the one file that a path means, also without its first folders; None if it could be several, or none."""
        at = commit or self._commit
        if self._reader is None or at is None:
            return None
        path = unquote(path).replace("\\", "/").removeprefix("./")
        try:
            return self._reader.cited(at, path).file
        except NoLinesError:
            pass
        ending = "/" + path.lstrip("/")
        fitting = [name for name in self._names().get(PurePosixPath(path).name, ()) if f"/{name}".endswith(ending)]
        own = [name for name in fitting if not _TEST_FILE.search(name)] or fitting
        if len(own) != 1:
            return None
        try:
            return self._reader.find(at, own[0])
        except NoLinesError:
            return None

    def _names(self) -> dict[str, list[str]]:
        if self._paths is None:
            self._paths = {}
            if self._reader is not None and self._commit is not None:
                for path, _ in self._reader.source.files(self._commit):
                    self._paths.setdefault(PurePosixPath(path).name, []).append(path)
        return self._paths

    def find_symbol(self, name: str, quote: str | None, lines: Region | None) -> tuple[SourceFile, Symbol] | None:
        """Return the one function or class of that name; of several the one with the quote, or the lines."""
        parts = re.split(r"::|[.#]", name)
        found = [(file, symbol) for file in self._containing([parts[-1]]) for symbol in file.symbols if encloses(name, symbol)]
        if len(found) > 1 and quote is not None:
            found = [(file, symbol) for file, symbol in found if file.check(quote, ()).verdict in FITTING]
        if len(found) > 1 and lines is not None:
            found = [(file, symbol) for file, symbol in found if symbol.start_line <= lines.end_line <= symbol.end_line + 5]
        if len(found) > 1:
            found = [(file, symbol) for file, symbol in found if not _TEST_FILE.search(file.path)]
        return found[0] if len(found) == 1 else None

    def search(self, quote: str) -> tuple[SourceFile, Check] | None:
        """Return the one file that has the quote."""
        telling = find_telling_lines(quote)
        hits = [(file, file.check(quote, ())) for file in self._containing(telling)] if telling else []
        fitting = [(file, check) for file, check in hits if check.verdict in FITTING]
        if len(fitting) > 1:
            fitting = [(file, check) for file, check in fitting if not _TEST_FILE.search(file.path)]
        return fitting[0] if len(fitting) == 1 else None

    def _containing(self, lines: Sequence[str]) -> Iterator[SourceFile]:
        if self._reader is None or self._commit is None:
            return
        try:
            paths = self._reader.source.containing(self._commit, lines, _MOST_FILES)
        except FindingsReportError:
            return  # a commit that cannot be searched costs the place, not the import
        for path in paths:
            try:
                file = self._reader.find(self._commit, path)
            except NoLinesError:
                continue
            if file is not None:
                yield file


@dataclass
class _Placing:
    """The locations of one finding so far."""

    codes: Sequence[Code]
    locations: list[dict[str, Any]] = field(default_factory=list)
    unplaced: int = 0
    dropped: list[str] = field(default_factory=list)
    ambiguous: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)


def place_finding(finding: ReviewedFinding, *codes: Code) -> PlacedFinding:
    """Return the texts and locations of a finding, its code found in one of the repositories."""
    placing = _Placing(codes)
    prose = "\n".join(
        chunk
        for chunks in ((finding.title, "\n", finding.url or "", "\n"), *finding.texts.values(), finding.cited)
        for chunk in chunks
        if isinstance(chunk, str)
    )
    stated = _drop_ends(list(find_stated(prose)))
    fences = [chunk for chunks in (*finding.texts.values(), finding.cited) for chunk in chunks if isinstance(chunk, Fence)]
    hint = _read_symbol_hint(prose)
    hint_of_fence = hint if len(fences) == 1 else None
    rest = list(_place_chunks(finding.cited, "locations", stated, hint_of_fence, placing))
    texts: dict[str, str] = {}
    for name, chunks in finding.texts.items():
        texts[name] = "".join(_place_chunks(chunks, name, stated, hint_of_fence, placing)).strip("\n")
    _cite_stated(stated, placing)
    if hint is not None and not any("symbol" in location for location in placing.locations):
        _cite_symbol(hint, placing)
    _cite_members(prose, placing)
    cited = "".join(chunk for chunk in finding.cited if isinstance(chunk, str))
    _cite_labelled([*_PLACE_LINE.findall(prose), *cited.split("\n")], placing)
    # A text of nothing but places is in the locations now; a place that was not found stays in the text.
    kept = "".join(rest).strip("\n")
    if kept.strip():
        others = list(kept)
        for start, end, place in find_spans(kept):
            if any(_is_located(place, code, placing.locations) for code in codes):
                others[start:end] = " " * (end - start)
        words = re.sub(r"(?i)\blines?\b", "", "".join(others))
        if "location:" not in kept and not re.search(r"[^\W_]", words):
            placing.dropped.append(kept)
        else:
            texts["description"] = f"{texts['description']}\n\n{kept}"
    return PlacedFinding(texts, tuple(placing.locations), placing.unplaced, tuple(placing.dropped), tuple(placing.ambiguous))


def _drop_ends(stated: Sequence[StatedPlace]) -> list[StatedPlace]:
    """Return the places without those that are the end of a linked one, as in `[Vault.sol#L3](https://...)`."""
    linked: dict[Region, list[str]] = {}
    for place in stated:
        if place.repository is not None and place.lines is not None:
            linked.setdefault(place.lines, []).append(f"/{place.path}")
    return [
        place
        for place in stated
        if place.repository is not None
        or place.lines is None
        or not any(path.endswith(f"/{place.path}") for path in linked.get(place.lines, ()))
    ]


def _name(location: dict[str, Any], code: Code) -> dict[str, Any]:
    """Return a location with its repository and commit, where the engagement does not say them."""
    named = location if code.name is None else {"repository": code.name, **location}
    return named if code.is_pinned or code.commit is None else {"commit": code.commit, **named}


def _is_located(place: StatedPlace, code: Code, locations: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if a location says all that a text says with a place."""
    if code.is_foreign(place.repository) or not code.knows(place.revision):
        return False
    commit = code.commit_of(place.revision) or (None if code.is_pinned else code.commit)
    file = code.file(place.path, commit)
    path = file.path if file is not None else None if code.is_available else place.path
    return any(
        location["path"] == path
        and location.get("repository") == code.name
        and location.get("commit") == commit
        and (place.lines is None or location.get("lines") == str(place.lines))
        for location in locations
    )


def _place_chunks(
    chunks: Chunks, name: str, stated: Sequence[StatedPlace], hint: StatedPlace | None, placing: _Placing
) -> Iterator[str]:
    for chunk in chunks:
        if isinstance(chunk, str):
            yield chunk
            continue
        location, head = _place_fence(chunk, name, stated, hint, placing)
        if location is None:
            placing.unplaced += 1
            yield chunk.source + "\n"
            continue
        placing.dropped += [head, chunk.info]
        if name != "locations":
            location = {"name": f"code-{1 + sum('name' in other for other in placing.locations)}", **location}
        placing.locations.append(location)
        if name != "locations":
            yield f"{chunk.prefix}![](location:{location['name']})\n"


def _place_fence(
    fence: Fence, name: str, stated: Sequence[StatedPlace], hint: StatedPlace | None, placing: _Placing
) -> tuple[dict[str, Any] | None, str]:
    """Return the location of a fence in the one repository that has it, else none."""
    own = _read_own_place(fence)[0]
    # A link says in which repository its code is.
    linked = [code for code in placing.codes if own is not None and own.repository and not code.is_foreign(own.repository)]
    found = [(code, *_place_in(fence, name, stated, hint, code)) for code in linked or placing.codes]
    hits = [(code, location, head) for code, location, head in found if location is not None]
    # A file of that name may be in each; the code is what decides.
    best = [hit for hit in hits if hit[1].get("fits", True)] or hits
    if len(best) == 1:
        ((code, location, head),) = best
        return _name({key: value for key, value in location.items() if key != "fits"}, code), head
    if best:
        placing.ambiguous.append((fence.line, tuple(code.name or "" for code, _, _ in best)))
    return None, ""


def _read_own_place(fence: Fence) -> tuple[StatedPlace | None, str, str]:
    """Return the place that a fence names in its first line, or the line before it; that first line; and the code below it."""
    content = fence.content.rstrip("\n")
    head, _, below = content.partition("\n")
    if below.strip() and (own := read_head(head)) is not None:
        return own, head, below
    is_code = fence.before.strip().startswith(("`" * 3, "~~~"))
    return (None if is_code else next(reversed(list(find_stated(fence.before))), None)), "", content


def _place_in(
    fence: Fence, name: str, stated: Sequence[StatedPlace], hint: StatedPlace | None, code: Code
) -> tuple[dict[str, Any] | None, str]:
    """Return the location that a fence quotes, and the first line that names it; no location for one that stays a fence."""
    content = fence.content.rstrip("\n")
    # What follows the language in the line of the fence has no field: the fence stays a fence.
    if not content.strip() or fence.info.casefold().startswith("diff") or not _LANGUAGE.fullmatch(fence.info):
        return None, ""
    own, head, quote = _read_own_place(fence)
    if own is not None:
        # `File: Vault.sol` above a fence; the links of the finding say which of two.
        longer = {
            place.path for place in stated if place.path.endswith(f"/{own.path}") and not code.is_foreign(place.repository)
        }
        own = replace(own, path=longer.pop()) if own.repository is None and len(longer) == 1 else own
    if own is not None and not code.is_foreign(own.repository) and (not head or code.knows(own.revision)):
        location = _cite(own, code, quote)
        if location is not None and (name not in _PROPOSING or location.get("fits", False)):
            return location, head
    if name in _PROPOSING or not code.is_available:
        return None, ""
    quote, head = content, ""
    if hint is not None and (found := code.find_symbol(hint.symbol or "", quote, hint.lines)) is not None:
        return {"path": found[0].path, "lines": str(hint.lines), "symbol": hint.symbol, "quote": quote + "\n"}, ""
    for place in stated[:_MOST_STATED]:
        file = code.file(place.path) if not code.is_foreign(place.repository) else None
        if file is not None and (check := file.check(quote, ())).verdict in FITTING:
            return _location(file.path, _hull(check), quote), ""
    if (hit := code.search(quote)) is not None:
        return _location(hit[0].path, _hull(hit[1]), quote), ""
    return None, ""


def _location(path: str, lines: Region | None, quote: str | None) -> dict[str, Any]:
    location: dict[str, Any] = {"path": path}
    if lines is not None:
        location["lines"] = str(lines)
    if quote is not None:
        location["quote"] = quote + "\n"
    return location


def _cite(place: StatedPlace, code: Code, quote: str | None) -> dict[str, Any] | None:
    """Return the location of a place that the text names; None if the commit has no such file.

    `fits` in it is True if the quote is there.
    """
    # Lines of another commit are no place without a quote that shows what they were.
    if quote is None and code.is_unknown(place.revision):
        return None
    if not code.is_available:
        is_clear = code.name is None or place.repository is not None
        return _location(place.path, place.lines, quote) if is_clear and _is_path(place.path) else None
    commit = code.commit_of(place.revision)
    file = code.file(place.path, commit)
    if file is None:
        return None
    check = file.check(quote, (place.lines,) if place.lines else ()) if quote is not None else None
    lines = place.lines
    if check is not None and lines is None and check.verdict in FITTING:
        lines = _hull(check)
    location = _location(file.path, lines, quote)
    if commit is not None:
        location["commit"] = commit
    if check is not None:
        location["fits"] = check.verdict in FITTING
    return location


def _is_path(path: str) -> bool:
    try:
        return bool(_REPOSITORY_PATH.validate_python(path))
    except ValidationError:
        return False


def _hull(check: Check) -> Region | None:
    if not check.found:
        return None
    return Region(start_line=check.found[0].start_line, end_line=check.found[-1].end_line)


def _cite_stated(stated: Sequence[StatedPlace], placing: _Placing) -> None:
    """Add a location for each place with lines that no fence has taken."""
    cited = {_find_key(location) for location in placing.locations}
    for place in stated:
        codes = [code for code in placing.codes if not code.is_foreign(place.repository)] if place.lines else []
        found = [_name(location, code) for code in codes if (location := _cite(place, code, None)) is not None]
        # A path that is in several repositories says nothing about one of them.
        if len(found) != 1 or _find_key(found[0]) in cited:
            continue
        cited.add(_find_key(found[0]))
        placing.locations.append(found[0])


def _find_key(location: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(location.get(name) for name in ("repository", "path", "lines", "commit"))


def _cite_symbol(hint: StatedPlace, placing: _Placing) -> None:
    found = [(code, hit) for code in placing.codes if (hit := code.find_symbol(hint.symbol or "", None, hint.lines))]
    if len(found) == 1:
        ((code, (file, _)),) = found
        placing.locations.append(_name({"path": file.path, "lines": str(hint.lines), "symbol": hint.symbol}, code))


def _cite_members(prose: str, placing: _Placing) -> None:
    """Add the functions that a text names as `Contract::function`, if it has no other place in code."""
    if placing.locations:
        return
    for name in dict.fromkeys(match["symbol"] for match in _MEMBER.finditer(prose)):
        found = [(code, hit) for code in placing.codes if (hit := code.find_symbol(name, None, None))]
        if len(found) == 1:
            ((code, (file, symbol)),) = found
            lines = Region(start_line=symbol.start_line, end_line=symbol.end_line)
            placing.locations.append(_name({"path": file.path, "lines": str(lines), "symbol": name}, code))


def _cite_labelled(lines: Iterable[str], placing: _Placing) -> None:
    """Add a location for each file of the commit that a label names without lines: the function named with it, or all of it."""
    known = {(location["path"], location.get("repository")) for location in placing.locations}
    for line in islice(lines, _MOST_STATED):
        for _, end, place in find_spans(line):
            codes = [code for code in placing.codes if code.is_available and not code.is_foreign(place.repository)]
            found = [
                (code, location) for code in codes if place.lines is None and (location := _cite(place, code, None)) is not None
            ]
            # A path that is in several repositories says nothing about one of them.
            if len(found) != 1 or (found[0][1]["path"], found[0][0].name) in known:
                continue
            ((code, location),) = found
            named = _SYMBOL_OF_PATH.match(line, end)
            file = code.file(place.path, location.get("commit")) if named is not None else None
            symbols = [symbol for symbol in file.symbols if encloses(named["symbol"], symbol)] if file and named else []
            if named is not None and len(symbols) == 1:
                lines_of = Region(start_line=symbols[0].start_line, end_line=symbols[0].end_line)
                location |= {"lines": str(lines_of), "symbol": named["symbol"]}
            placing.locations.append(_name(location, code))
            known.add((location["path"], code.name))


def _read_symbol_hint(prose: str) -> StatedPlace | None:
    match = _IN_SYMBOL.search(prose)
    lines = read_lines(match["lines"]) if match else None
    return StatedPlace("", lines, symbol=match["symbol"]) if match and lines is not None else None
