"""The warnings about a location: its path, its lines, what is printed of it, and for each verdict what to correct.

The scope is compared with git as well: which files it names at the audited commits, and how many lines they have. Beyond
MOST_FILES files or MOST_BYTES the lines of a repository are not counted, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from findings_report.evidence.cited_paths import write_path
from findings_report.evidence.quote import leave_unchecked, may_name
from findings_report.evidence.shown_lines import MOST_LINES, ShownLines, shift_lines
from findings_report.evidence.source_files import BlobReader, CitedFile
from findings_report.model.engagement import DeclaredRepository, Engagement, Pattern, find_naming_patterns, scope_patterns
from findings_report.model.evidence import Check, CoveredFile, Elsewhere, Region, Symbol, Verdict
from findings_report.model.finding import Location
from findings_report.model.report import ReportedRepository
from findings_report.problems import FindingsReportError, Kind, Problem, Subject
from findings_report.sourcecode.encodings import count_lines
from findings_report.sourcecode.lines import unite_regions
from findings_report.sourcecode.symbols import encloses, find_enclosing
from findings_report.sourcecode.unusual_characters import Remark, name, remark_on


def warn(fault: str, remedy: str | None, *subject: str, code: str) -> Problem:
    """Return a warning of a field of the location."""
    return Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code=code)


def describe_lines(regions: Sequence[Region]) -> str:
    """Return regions in words: `lines 116-117 and 121`."""
    words = [str(region) for region in regions]
    one = len(regions) == 1 and regions[0].start_line == regions[0].end_line
    listed = ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)
    return f"line{'' if one else 's'} {listed}"


def write_lines_field(regions: Sequence[Region]) -> str:
    """Return regions in the notation of YAML."""
    words = [str(region) for region in regions]
    return f"lines: {words[0]}" if len(words) == 1 else f"lines: [{', '.join(words)}]"


def describe_places(places: Sequence[Elsewhere]) -> str:
    """Return places in other files in words: `src/a.py lines 3-5 and src/b.py line 7`."""
    return " and ".join(f"{place.path} {describe_lines([place.region])}" for place in places)


def describe_length(count: int) -> str:
    """Return how long a file is, in words."""
    return {0: "the file is empty", 1: "the file has 1 line"}.get(count, f"the file has {count} lines")


def correct_lines(check: Check, cited: Sequence[Region]) -> tuple[Region, ...]:
    """Return the right `lines` for a quote that is at `check.found`: the cited ranges moved along, else the quoted lines."""
    shift = shift_lines(check)
    moved = [(shift(region.start_line), shift(region.end_line)) for region in cited]
    regions = [Region(start_line=a, end_line=b) for a, b in moved if a is not None and b is not None and 1 <= a <= b]
    # Ranges that moved whole are suggested with the author's extent; otherwise only the quoted lines are certain.
    is_whole = len(regions) == len(cited) > 0 and all(
        any(run.start_line in region and run.end_line in region for region in regions) for run in check.found
    )
    return tuple(regions) if is_whole else check.found


def explain_verdict(check: Check, location: Location, *, where: str) -> Iterator[Problem]:
    """Yield the warnings of a verdict. `where` is the path and commit in words."""

    def warning(fault: str, remedy: str | None, code: str, field: str = "quote") -> Problem:
        return Problem(Kind.SOURCE, fault, remedy, subject=(field,), level="warning", code=code)

    if check.verdict is Verdict.MOVED:
        # One message for place and text: two warnings about one quote would read as two faults.
        text = f" ({check.text})" if check.text not in (None, Verdict.EXACT) else ""
        fault = f"the quoted code is at {describe_lines(check.found)} of {where}, not at {describe_lines(check.claimed)}{text}"
        is_numbered = check.claimed != location.lines or check.claimed == leave_unchecked(location.quote, ()).claimed
        numbers = ", and correct the numbers in the quote" if is_numbered else ""
        remedy = f"write `{write_lines_field(correct_lines(check, location.lines))}`{numbers}"
        yield warning(fault, remedy, "quote-moved", "lines" if location.lines else "quote")
    if check.names and not may_name(check.names, location.path):
        fault = f"the quote names the file {check.names}, and the location cites {location.path}"
        yield warning(fault, "correct `path`, or the line above the quoted code", "quote-names-other-file")
    if check.also and check.found:
        fault = f"the quote is also at {describe_lines(check.also)}; it is ambiguous which lines are meant"
        yield warning(fault, f"write `{write_lines_field(check.found)}` or the others", "quote-ambiguous")
    if check.differences:
        yield warning(
            _describe_edit(check, where),
            "quote the lines unchanged, or remove `quote`: the repository's lines are printed",
            "quote-edited",
        )
    if check.verdict is Verdict.NOT_FOUND:
        fault, remedy = _describe_absence(check, where)
        yield warning(fault, remedy, "quote-not-found")
    if misnumbered := _find_misnumbered(check):
        fault = _describe_numbers(misnumbered, where)
        yield warning(fault, "correct the numbers in the quote, or remove them", "quote-numbers")
    if check.unmarked_gaps:
        gaps = "in one place" if check.unmarked_gaps == 1 else f"in {check.unmarked_gaps} places"
        yield warning(
            f"lines were left out of the quote {gaps} without a mark", "write `...` where lines are left out", "quote-gaps"
        )
    if check.outside and location.lines:
        fault = f"the quote shows {describe_lines(check.outside)} beside the cited ones"
        remedy = f"write `{write_lines_field(unite_regions(check.outside, location.lines))}` to cite them too"
        problem = warning(fault, remedy, "quote-outside", "lines")
        # Code around a cited line is no fault; a quote that shows none of the cited lines is one.
        yield problem if check.outside == check.found else replace(problem, level="note")


def _find_misnumbered(check: Check) -> list[tuple[int, int]]:
    """Return (number in the quote, line in the file) of the lines that have another number, though others have their own.

    Empty for `moved`, where the whole quote has other numbers.
    """
    if check.verdict is Verdict.MOVED:
        return []
    # A quoted line that is wrapped in the file has several lines there.
    right = {number for number, line in check.mapped if number == line}
    wrong = {number: line for number, line in reversed(check.mapped) if number not in right}
    return sorted(wrong.items())


def _describe_numbers(misnumbered: Sequence[tuple[int, int]], where: str) -> str:
    number, line = misnumbered[0]
    fault = f"the quote numbers line {line} of {where} as {number}"
    if len(misnumbered) == 1:
        return fault
    rest = len(misnumbered) - 1
    return f"{fault}, and {rest:,} more of its numbers {'is' if rest == 1 else 'are'} wrong"


def _describe_absence(check: Check, where: str) -> tuple[str, str]:
    """Return fault and remedy of a quote that was not found."""
    if check.also:
        lines = describe_lines(check.also)
        fault = f"the quote is at {lines} of {where}, not where claimed, and is too short to identify one place"
        return fault, "write the intended lines in `lines`, or quote more"
    places = describe_places(check.elsewhere)
    closest = f"; the closest code is at {describe_lines([check.closest])}" if check.closest else ""
    fault = f"not found as quoted in {where}" + (f"; it is in {places}" if places else closest)
    return fault, "correct `path` and `lines`" if places else "check path, commit and quote against what was audited"


def _describe_edit(check: Check, where: str) -> str:
    first = check.differences[0]
    # A line that was changed much is two differences, what is quoted and what is there: only the former is the quote's.
    count = sum(difference.quoted is not None for difference in check.differences) or len(check.differences)
    many = f"{count} lines of the quote differ" if count > 1 else "a line of the quote differs"
    if first.quoted is None:
        return f"{many} from {where}; line {first.line} is missing from the quote: {(first.actual or '').strip()!r}"
    if first.actual is None:
        return f"{many} from {where}, which has no {first.quoted.strip()!r} there"
    return f"{many} from {where}; line {first.line} is {first.actual.strip()!r}, quoted as {first.quoted.strip()!r}"


def check_line_numbers(location: Location, count: int, check: Check) -> Problem | None:
    """Return a warning of lines that are cited or marked beyond the end of a file of `count` lines; None without one."""
    ends = {
        "lines": max((region.end_line for region in location.lines), default=0),
        "show": max((region.end_line for region in location.show), default=0),
        "highlight": max((region.end_line for region in location.highlight), default=0),
        "notes": max(location.notes, default=0),
    }
    # One warning is enough: the same wrong file or commit is behind all of them.
    field = next((field for field, last in ends.items() if last > count), None)
    if field is None:
        return None
    has = describe_length(count).removeprefix("the file ")
    fault = f"{location.path} {has}; line {ends[field]} is past its end"
    remedy = None
    if field == "lines" and check.found:
        remedy = f"write `{write_lines_field(check.found)}`: the quoted code is there"
    elif field == "lines" and not check.elsewhere:
        remedy = "correct `lines`, or check that `path` and `commit` are those that were audited"
    return Problem(Kind.SOURCE, fault, remedy, subject=(field,), level="warning", code="lines-past-end")


def warn_of_notation(location: Location, cited: CitedFile, commit: str) -> Problem:
    """Return a warning of a path that is not written as git writes it, with the path to write."""
    fault = f"there is no {location.path} at commit {commit}; read as {cited.file.path}, {cited.difference}"
    remedy = f"write {write_path(cited.file.path)}"
    if cited.lines and not location.lines:
        remedy += f", and `{write_lines_field(cited.lines)}`"
    elif cited.lines and not any(region.start_line in cited.lines[0] for region in location.lines):
        fault += f"; it names {describe_lines(cited.lines)}, and `lines` names others"
    return Problem(Kind.SOURCE, fault, remedy, subject=("path",), level="warning", code="path-notation")


def check_symbol(named: str, symbols: Sequence[Symbol], hull: Region) -> Problem | None:
    """Return a warning, with the right name, when `named` does not enclose the lines; None when it does or may do so."""
    # No symbols means an unknown language or a file that cannot be parsed, never a file without functions.
    if not symbols:
        return None
    if any(encloses(named, symbol) for symbol in symbols if symbol.holds(hull)):
        return None
    right = find_enclosing(symbols, hull)
    where = next((symbol for symbol in symbols if encloses(named, symbol)), None)
    fault = f"symbol {named!r} does not enclose {describe_lines([hull])}"
    stands = f"; it is {describe_lines([where.region])}" if where else ""
    remedy = f"write `symbol: {right.name}`" if right else "leave `symbol` out: nothing encloses these lines"
    return Problem(Kind.SOURCE, fault + stands, remedy, subject=("symbol",), level="warning", code="symbol")


def warn_of_cut(shown: ShownLines) -> tuple[Problem, ...]:
    """Return a warning of lines that a snippet has no room for; none when it has."""
    if not shown.left_out:
        return ()
    fault = f"{shown.left_out} of {shown.left_out + MOST_LINES} lines are not printed: a snippet has at most {MOST_LINES}"
    return (warn(fault, "name the lines that matter in `show`", "lines", code="snippet-cut"),)


def warn_of_unusual(shown: ShownLines) -> tuple[Problem, ...]:
    """Return a problem for each kind of characters for which printed code may not be what it seems; none for most code."""
    lines = [(line.number, line.text) for run in shown.runs for line in run.lines]
    return tuple(_warn_of_unusual(remark) for remark in remark_on(lines))


def _warn_of_unusual(remark: Remark) -> Problem:
    where = f"first in line {remark.lines[0]}" if remark.lines[0] is not None else "without line numbers"
    named = f"{name(remark)}, {where}"
    match remark.kind:
        case "hidden":
            fault = f"the code contains hidden, private or superfluous characters: {named}"
            remedy = (
                "read the line in a hexadecimal viewer: it may not do what it seems to; the report prints their code points"
            )
            return warn(fault, remedy, "lines", code="hidden-in-code")
        case "lookalike":
            fault = f"the code contains letters that look like others: {named}"
            remedy = "check which of two names the code uses, and mention it if the finding rests on it"
            return warn(fault, remedy, "lines", code="lookalike-in-code")
        case "order":
            fault = f"the code contains right-to-left text, {where}"
            remedy = "compare the line with the file: the report prints it in logical order, an editor may not"
            return replace(warn(fault, remedy, "lines", code="order-in-code"), level="note")
    fault = f"the code contains blanks that are not the ordinary one: {named}"
    remedy = "check that they are in a text or comment: to a compiler they are not blanks, or end no word"
    return replace(warn(fault, remedy, "lines", code="blank-in-code"), level="note")


def warn_of_marks(location: Location, verdict: Check, shown: ShownLines) -> list[Problem]:
    """Return warnings of marks and `show` that do not fit the lines where the quote is."""
    problems = []
    if shown.is_loose:
        fault = "the code has moved, and the quote does not show where the marked or shown lines are now"
        remedy = "correct `lines`, `show`, `highlight` and `notes`"
        problems.append(warn(fault, remedy, "lines", code="marks-loose"))
    numbers = [line.number for run in shown.runs for line in run.lines]
    if location.show and verdict.found and not any(line in region for region in verdict.found for line in numbers):
        fault = "`show` prints none of the quoted lines"
        problems.append(warn(fault, "add the quoted lines to `show`, or remove the quote", "show", code="quote-not-shown"))
    return problems


def report_unavailable(name: str, repository: DeclaredRepository, locations: Sequence[Location]) -> tuple[Problem, ...]:
    """Return one warning for a repository without a clone, with the number of quotes that were not checked.

    A repository that nothing cites yet is reported when its `path` leads nowhere: that is a slip, a `url` alone is a choice.
    """
    if not locations and not repository.path:
        return ()
    count = sum(location.quote is not None for location in locations)
    none = "its locations are not read" if locations else "nothing of it can be read"
    quotes = {0: none, 1: "1 quote is unchecked"}.get(count, f"{count} quotes are unchecked")
    fault = f"repository {name!r} is not available locally: {quotes}"
    remedy = f"name a clone with `--repository {name}=PATH`"
    subject: Subject = ("engagement", "repositories", name)
    if repository.path is not None:
        fault = f"no clone at {repository.path!r}, relative to engagement.yaml: {quotes}"
        remedy = f"correct `path`, or {remedy}"
        subject = (*subject, "path")
    if repository.url is not None:
        remedy += ", or run `findings-report fetch`"
    return (Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code="unchecked"),)


MOST_FILES: Final = 10_000
"""Files of one repository whose lines are counted; a thousand take 70 milliseconds."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""What they may hold together."""

_TOO_LARGE: Final = "object-too-large"


@dataclass(frozen=True)
class Survey:
    """What the scope names."""

    files: Mapping[str, tuple[CoveredFile, ...]]
    """By repository, for those that were read; in git's order."""
    problems: tuple[Problem, ...]
    """Warnings and notes, in the scope's order."""


def survey(
    engagement: Engagement, repositories: Sequence[ReportedRepository], sources: Mapping[str, BlobReader | None]
) -> Survey:
    """Return the files of every repository that was read. Problems that a user can solve are returned, not raised."""
    scope = scope_patterns(engagement.scope, engagement.repositories)
    if not scope:
        return Survey({}, ())
    files: dict[str, tuple[CoveredFile, ...]] = {}
    paths: list[str] = []
    problems: list[Problem] = []
    # A repository that cannot be read is reported where its locations are resolved; here it only has no files.
    for repository in repositories:
        source = sources.get(repository.name)
        if source is None or repository.commit is None or not repository.is_read:
            continue
        try:
            listed = source.files(repository.commit)
        except FindingsReportError as error:
            problems += (_warning(f"the scope is not expanded: {problem.fault}", problem.remedy) for problem in error.problems)
            continue
        paths += (path for path, _ in listed)
        files[repository.name], uncounted = _cover(repository.name, listed, scope, source)
        problems += uncounted
    return Survey(files, (*_report_empty(scope, files, paths), *problems))


def _warning(fault: str, remedy: str | None, *path: int, code: str = "scope-unread") -> Problem:
    return Problem(Kind.SOURCE, fault, remedy, subject=("engagement", "scope", *path), level="warning", code=code)


def _cover(
    repository: str, listed: Sequence[tuple[str, str]], scope: Sequence[Pattern], source: BlobReader
) -> tuple[tuple[CoveredFile, ...], list[Problem]]:
    named = [(path, id, entries) for path, id in listed if (entries := find_naming_patterns(scope, repository, path))]
    lines, problems = _count_lines(repository, [id for _, id, _ in named], source)
    return tuple(CoveredFile(path=path, lines=lines.get(id), entries=entries) for path, id, entries in named), problems


def _count_lines(repository: str, ids: Sequence[str], source: BlobReader) -> tuple[dict[str, int | None], list[Problem]]:
    """Return how many lines each blob has: all of them, or none when there are too many."""
    # All or none: a total over some of the files would be read as the size of the scope.
    fault = f"the lines of the {len(ids):,} files that the scope names in repository {repository!r} are not counted"
    too_many = f"{fault}: they are more than {MOST_FILES:,}, or than {MOST_BYTES // 2**20} MiB"
    lines: dict[str, int | None] = {}
    unread: list[Problem] = []
    left = MOST_BYTES
    # By id, so that copies of a file are read once.
    for id in dict.fromkeys(ids):
        if len(ids) > MOST_FILES or left < 0:
            note = Problem(Kind.SOURCE, too_many, subject=("engagement", "scope"), level="note", code="scope-uncounted")
            return {}, [note]
        try:
            content = source.blob(id)
        except FindingsReportError as error:
            # A large file is in the scope like any other and is listed without a count; only damage is worth a warning.
            unread += (problem for problem in error.problems if problem.code != _TOO_LARGE)
            continue
        left -= len(content)
        lines[id] = count_lines(content)
    if not unread:
        return lines, []
    fault = f"{len(unread)} of the files that the scope names in repository {repository!r} cannot be read: {unread[0].fault}"
    return lines, [_warning(fault, unread[0].remedy)]


def _report_empty(scope: Sequence[Pattern], files: Mapping[str, Sequence[CoveredFile]], paths: Sequence[str]) -> list[Problem]:
    """Return a warning for each entry that names no file, if all repositories that it concerns were read."""
    used = {index for listed in files.values() for file in listed for index in file.entries}
    # An excluding entry leaves no file behind that names it, so it is checked against every path.
    used |= {index for index, entry in enumerate(scope) if entry.is_excluding and any(map(entry.names, paths))}
    problems = []
    for index, pattern in enumerate(scope):
        if index in used or (pattern.repository is not None and pattern.repository not in files) or not files:
            continue
        # The usual slip is a path from within a subfolder.
        anywhere = Pattern(pattern.repository, f"**/{pattern.text.lstrip('/')}")
        match = next((path for path in paths if anywhere.names(path)), None)
        mark = "!" if pattern.is_excluding else ""
        remedy = f"`{mark}{anywhere.text}` would name {match}" if match else "write paths as `git ls-files` prints them"
        problems.append(_warning("names no file at the commit that is audited", remedy, index, code="scope-empty"))
    return problems
