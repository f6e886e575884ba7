"""What a document cites, checked against the files of commits.

A document that only seems to cite code is not called wrong: a fence that names no file, a proposal, a name that is no path.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from findings_report.evidence.quote import find_telling_lines
from findings_report.evidence.source_files import MISSING, FileReader, NoLinesError, SourceFile
from findings_report.evidence.warnings import describe_length, describe_lines
from findings_report.importing.citations import EXTENSIONS, Citation, StatedPlace, read_document
from findings_report.model.evidence import Check, Region, Verdict
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.sourcecode.languages import language_of
from findings_report.sourcecode.symbols import encloses

FITTING: Final = frozenset(
    (Verdict.EXACT, Verdict.WHITESPACE, Verdict.PARTIAL, Verdict.ELIDED, Verdict.ANNOTATED, Verdict.COMMENTS)
)
"""Verdicts of a quote that is in the file."""

_MOST_SEARCHES: Final = 300
"""Searches of a whole commit for a quote, of all documents."""
_MOST_CANDIDATES: Final = 5
"""Files that a path without its first folders may mean."""


@dataclass(frozen=True)
class CitedSource:
    """A repository that documents cite."""

    name: str
    reader: FileReader
    commit: str
    """Full hash of the commit at which paths are read."""
    homes: frozenset[str]
    """`host/owner/name` of its addresses, in lower case; empty if none is known."""
    root: str | None = None
    """The folder of the document in its work tree, POSIX; None if it is not in there."""


@dataclass
class ProseCheck:
    """The result for documents."""

    documents: int = 0
    places: int = 0
    """Paths and links that were checked."""
    wrong: int = 0
    """Places and quotes that are not as the document says."""
    foreign: int = 0
    """Links into other repositories."""
    quotes: dict[Verdict, int] = field(default_factory=dict)
    """Fences that are in the repository, by verdict."""
    unplaced: int = 0
    """Fences that are not in the repository, and do not say so."""
    problems: list[Problem] = field(default_factory=list)
    searches: int = _MOST_SEARCHES


@dataclass(frozen=True)
class _Fault:
    fault: str
    remedy: str | None
    code: str
    rank: int = 0
    """How much of the citation is right, to choose among several repositories."""


def check_document(text: str, shown: str, sources: Sequence[CitedSource], result: ProseCheck) -> None:
    """Check every citation of a document, and add what is wrong to `result`. `shown` is its path in messages.

    Raises FindingsReportError (INPUT) for a document with too many.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        citations = read_document(text)
    except FindingsReportError as error:
        raise FindingsReportError([replace(problem, place=Place(shown)) for problem in error.problems]) from None
    # Counted only now: a document with too many citations was not checked.
    result.documents += 1
    lines = text.split("\n")
    ours = _find_ours(citations, sources)
    for citation in citations:
        fault = _check(citation, sources, ours, result)
        if fault is None:
            continue
        result.wrong += 1
        place = Place(shown, citation.line, citation.column, lines[citation.line - 1], max(citation.width, 1))
        result.problems.append(Problem(Kind.SOURCE, fault.fault, fault.remedy, place=place, level="warning", code=fault.code))


def _find_ours(citations: Sequence[Citation], sources: Sequence[CitedSource]) -> Mapping[str, CitedSource]:
    """Return the repository that each linked address means; by a commit of the clone where no address of it is known."""
    linked: dict[str, list[str]] = {}
    for citation in citations:
        if citation.place is not None and citation.place.repository is not None:
            linked.setdefault(citation.place.repository.casefold(), []).append(citation.place.revision or "")
    found: dict[str, CitedSource] = {}
    for address, revisions in linked.items():
        for source in sources:
            is_named = address in source.homes or (not source.homes and address.rpartition("/")[2] == source.name.casefold())
            if is_named or any(_is_hash(revision) and _commit_of(source, revision) for revision in dict.fromkeys(revisions)):
                found.setdefault(address, source)
    # The only repository there is, and the only one that is linked.
    if not found and len(linked) == 1 and len(sources) == 1 and not sources[0].homes:
        found[next(iter(linked))] = sources[0]
    return found


def _is_hash(revision: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{7,64}", revision) is not None


def _commit_of(source: CitedSource, revision: str) -> str | None:
    try:
        return source.reader.source.commit_of(revision)
    except FindingsReportError:
        return None


def _check(
    citation: Citation, sources: Sequence[CitedSource], ours: Mapping[str, CitedSource], result: ProseCheck
) -> _Fault | None:
    place = citation.place
    if place is not None and place.repository is not None:
        source = ours.get(place.repository.casefold())
        if source is None:
            result.foreign += 1
            return None
        result.places += 1
        commit, place = _read_revision(source, place)
        if commit is None:
            short = place.revision or ""
            what = f"commit {short[:12]}" if _is_hash(short) else f"revision {short!r}"
            now = _search_elsewhere(citation, source, result)
            remedy = f"link to {source.commit}, the commit that was read, or fetch the commit into the clone"
            if now is not None:
                remedy = f"link to {now[0]} {describe_lines([now[1]])} of {source.commit}: the quoted code is there"
            return _Fault(f"{what} is not in the clone of repository {source.name!r}", remedy, "citation-commit")
        return _judge(citation, place, replace(source, commit=commit), result) if place.path else None
    if place is None:
        _search(citation, sources, result)
        return None
    is_certain = citation.quote is not None or any(_is_certain(place.path, source) for source in sources)
    faults: list[_Fault] = []
    for source in sources:
        fault = _judge(citation, place, source, result)
        if fault is None:
            result.places += 1
            return None
        faults.append(fault)
    # Of several repositories the one that has most of what is cited.
    best = max(faults, key=lambda fault: fault.rank)
    # `redis:6379` is no path.
    if not is_certain and best.rank == 0:
        return None
    result.places += 1
    if citation.quote is not None and not citation.is_claim:
        result.unplaced += 1
        return None
    return best


def _read_revision(source: CitedSource, place: StatedPlace) -> tuple[str | None, StatedPlace]:
    """Return the commit of a link, and its place; a branch may have slashes, and main is the commit that is read."""
    revision = place.revision or ""
    if _is_hash(revision):
        return _commit_of(source, revision), place
    # An address does not say where the branch ends and the path begins.
    parts = [revision, *place.path.split("/")]
    for count in range(1, min(len(parts), 7)):
        name = "/".join(parts[:count])
        commit = _commit_of(source, name) or _commit_of(source, f"origin/{name}")
        if commit is not None:
            return commit, replace(place, path="/".join(parts[count:]))
    # A clone may have no such branch, as one of a fork or a shallow one has not.
    is_branch = revision in ("main", "master", "HEAD", "develop", "dev", "trunk")
    return (source.commit if is_branch else None), place


def _is_certain(path: str, source: CitedSource) -> bool:
    """Return True for what can be nothing but a path: an extension of code, or a folder or file of the commit."""
    name = path.rpartition("/")[2]
    extension = name.rpartition(".")[2]
    if "@" in name:
        return False  # an address of mail, or a version
    if re.fullmatch(EXTENSIONS, extension) and "." in name:
        return True
    if "/" in path and language_of(path):
        return True
    try:
        entry = source.reader.source.entry(source.commit, path.partition("/")[0])
    except FindingsReportError:
        return False
    return entry is not None and (entry.kind == "file") is ("/" not in path)


def _judge(citation: Citation, place: StatedPlace, source: CitedSource, result: ProseCheck) -> _Fault | None:
    """Return what is wrong with a citation in one repository."""
    at = f"at commit {source.commit[:12]}"
    try:
        files = _find_files(source, place.path)
    except NoLinesError as error:
        moved = _search_elsewhere(citation, source, result) if error.code == MISSING else None
        if moved is not None:
            path, region = moved
            return _Fault(
                f"there is no file {place.path} {at}", f"write `{path}:{region}`: the quoted code is there", "citation-path"
            )
        code = "citation-path" if error.code in (MISSING, "path-not-a-file") else error.code
        return _Fault(error.fault, _reword(error.remedy), code, rank=0 if code == "citation-path" else 1)
    faults = [_judge_file(citation, place, file, at) for file in files]
    if (right := next((index for index, fault in enumerate(faults) if fault is None), None)) is None:
        fault = faults[0]
        moved = _search_elsewhere(citation, source, result) if fault is not None and fault.code == "citation-absent" else None
        if fault is not None and moved is not None:
            return replace(
                fault,
                fault=f"{fault.fault}; it is at {moved[0]} {describe_lines([moved[1]])}",
                remedy=f"write `{moved[0]}:{moved[1]}`",
            )
        return fault
    if citation.quote is not None:
        verdict = files[right].check(citation.quote, (place.lines,) if place.lines else ()).verdict
        result.quotes[verdict] = result.quotes.get(verdict, 0) + 1
    return None


def _reword(remedy: str | None) -> str:
    """Return the remedy of a reader of YAML for a document."""
    if remedy is None or "`commit`" in remedy:
        return "correct the path, or name the commit that has the file with --revision"
    return remedy.replace("`path`", "the path")


def _find_files(source: CitedSource, path: str) -> list[SourceFile]:
    """Return the files that a path may mean. Raises NoLinesError if there is none."""
    fault: NoLinesError | None = None
    near = posixpath.normpath(posixpath.join(source.root, path)) if source.root is not None else None
    for candidate in dict.fromkeys(filter(None, (path if ".." not in path else None, near))):
        try:
            return [source.reader.cited(source.commit, candidate).file]
        except NoLinesError as error:
            if error.code != MISSING:
                raise
            fault = fault or error
    # People write the end of a path, or the name alone.
    tail = path.replace("\\", "/").lstrip("./")
    try:
        paths = [name for name, _ in source.reader.source.files(source.commit) if f"/{name}".endswith(f"/{tail}")]
    except FindingsReportError:
        paths = []
    files: list[SourceFile] = []
    for name in paths[:_MOST_CANDIDATES] if tail else ():
        try:
            file = source.reader.find(source.commit, name)
        except NoLinesError:
            continue
        files += [file] if file is not None else []
    if files:
        return files
    name = tail.rpartition("/")[2]
    paths = [other for other, _ in source.reader.source.files(source.commit)]
    moved = [other for other in paths if other.rpartition("/")[2] == name][:3]
    beside = [other for other in paths if other.rpartition("/")[0] == tail.rpartition("/")[0]]
    text = f"there is no file {path} at commit {source.commit[:12]}"
    remedy = f"did you mean {' or '.join(f'`{other}`' for other in moved)}?" if moved else did_you_mean(tail, beside[:1000])
    remedy = remedy or (fault.remedy if fault is not None else None)
    raise NoLinesError(text, reason="no such file at this commit", code=MISSING, remedy=remedy)


def _judge_file(citation: Citation, place: StatedPlace, file: SourceFile, at: str) -> _Fault | None:
    count, cited = len(file.lines), place.lines
    where = f"{file.path} {at}"
    if citation.quote is not None:
        check = file.check(citation.quote, (cited,) if cited else ())
        return _explain(check, cited, file.path, where)
    if cited is None:
        return None
    if cited.end_line > count:
        length = describe_length(count).removeprefix("the file ")
        fault = f"{where} {length}; line {cited.end_line} is past its end"
        found = _find_code(citation.code, file, cited) if citation.code else None
        remedy = f"write `{file.path}:{found}`: `{citation.code}` is there" if found else "correct the lines"
        return _Fault(fault, remedy, "citation-lines", rank=1)
    found = _find_code(citation.code, file, cited) if citation.code else None
    if found is None:
        return None
    fault = f"`{citation.code}` is at {describe_lines([found])} of {where}, not at {describe_lines([cited])}"
    return _Fault(fault, f"write `{file.path}:{found}`", "citation-moved", rank=2)


def _find_code(code: str, file: SourceFile, cited: Region) -> Region | None:
    """Return the one other place of code, or of the symbol, that precedes a citation; None if the cited lines have it."""
    name = code.removesuffix("()")
    shown = "\n".join(file.lines[cited.start_line - 1 : cited.end_line])
    if re.fullmatch(r"[A-Za-z_$][\w$.:#]*", name):
        if re.split(r"::|[.#]", name)[-1] in shown:
            return None
        # A name that is defined twice says nothing about lines.
        symbols = [symbol for symbol in file.symbols if encloses(name, symbol)]
        is_there = any(symbol.start_line <= cited.end_line and cited.start_line <= symbol.end_line for symbol in symbols)
        return symbols[0].region if len(symbols) == 1 and not is_there else None
    if len(code) < 8 or code in shown or not file.lines:
        return None
    # Code that is on several lines cannot say which was meant.
    numbers = [number for number, line in enumerate(file.lines, 1) if code in line]
    return Region(start_line=numbers[0], end_line=numbers[0]) if len(numbers) == 1 else None


def _explain(check: Check, cited: Region | None, path: str, where: str) -> _Fault | None:
    """Return what is wrong with a quote."""
    found = _hull(check)
    now = f"{path}:{found}" if found else path
    if check.verdict is Verdict.MOVED:
        claimed = describe_lines(check.claimed)
        fault = f"the quoted code is at {describe_lines(check.found)} of {where}, not at {claimed}"
        return _Fault(fault, f"write `{now}`", "citation-moved", rank=3)
    if check.differences:
        first = check.differences[0]
        line = f"line {first.line} is " if first.line else "there is no "
        told = (first.actual or "").strip() if first.line else (first.quoted or "").strip()
        quoted = f", quoted as {(first.quoted or '').strip()!r}" if first.line and first.quoted else ""
        fault = f"the quote differs from {where}: {line}{told!r}{quoted}"
        return _Fault(fault, f"quote `{now}` unchanged", "citation-edited", rank=2)
    if check.verdict not in FITTING:
        lines = check.also or ((check.closest,) if check.closest else ())
        near = f"; the closest code is at {describe_lines(lines)}" if lines else ""
        return _Fault(
            f"the quoted code is not in {where}{near}",
            f"quote `{path}:{lines[0]}` unchanged" if lines else "quote the code that is there, or cite the file that has it",
            "citation-absent",
            rank=1,
        )
    # A quote with lines around the cited ones is right; one beside them is not.
    if cited is not None and check.outside and check.outside == check.found:
        fault = f"the quoted code is at {describe_lines(check.found)} of {where}, not at {describe_lines([cited])}"
        return _Fault(fault, f"write `{now}`", "citation-moved", rank=3)
    wrong = next(((number, line) for number, line in check.mapped if number != line), None)
    if wrong is not None:
        fault = f"the quote numbers line {wrong[1]} of {where} as {wrong[0]}"
        return _Fault(fault, "correct the numbers in the quote, or remove them", "citation-moved", rank=3)
    return None


def _hull(check: Check) -> Region | None:
    return Region(start_line=check.found[0].start_line, end_line=check.found[-1].end_line) if check.found else None


def _search(citation: Citation, sources: Sequence[CitedSource], result: ProseCheck) -> None:
    """Count a fence that names no file: it is somewhere in the repositories, or it is not."""
    for source in sources:
        for file, check in _containing(citation.quote or "", source, result):
            if check.verdict in FITTING and file is not None:
                result.quotes[check.verdict] = result.quotes.get(check.verdict, 0) + 1
                return
    result.unplaced += 1


def _search_elsewhere(citation: Citation, source: CitedSource, result: ProseCheck) -> tuple[str, Region] | None:
    for file, check in _containing(citation.quote or "", source, result):
        if check.verdict in FITTING and (region := _hull(check)) is not None:
            return file.path, region
    return None


def _containing(quote: str, source: CitedSource, result: ProseCheck) -> Iterator[tuple[SourceFile, Check]]:
    telling = find_telling_lines(quote) if quote else ()
    if not telling or result.searches <= 0:
        return
    # A search reads the whole commit.
    result.searches -= 1
    try:
        paths = source.reader.source.containing(source.commit, telling, 10)
    except FindingsReportError:
        return
    for path in paths:
        try:
            file = source.reader.find(source.commit, path)
        except NoLinesError:
            continue
        if file is not None:
            yield file, file.check(quote, ())
