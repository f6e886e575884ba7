"""Locations to snippets: for each location its repository, commit, lines, and the verdict on its quote.

`resolve` is a loop over `resolve_location`. Every function returns its problems beside its value; what limits a whole run is a
`Budget`, which is passed from one location to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from findings_report.evidence.audited_commit import explain_misfits, find_audited_commit
from findings_report.evidence.quote import check_quote, find_telling_lines, is_too_long, leave_unchecked
from findings_report.evidence.redaction import (
    RedactedCode,
    check_text_entries,
    find_hidden_passages,
    redact_code,
    redact_quote,
    redact_snippet,
)
from findings_report.evidence.shown_lines import (
    ShownLines,
    choose_regions,
    clip_regions,
    cover_shown_lines,
    show_file_lines,
    show_quote_lines,
)
from findings_report.evidence.source_files import (
    MISSING,
    FileReader,
    GitReader,
    NoLinesError,
    SourceFile,
    lines_of,
)
from findings_report.evidence.warnings import (
    check_line_numbers,
    check_symbol,
    describe_length,
    describe_places,
    explain_verdict,
    report_unavailable,
    warn,
    warn_of_cut,
    warn_of_marks,
    warn_of_notation,
    warn_of_unusual,
)
from findings_report.forges.permalinks import build_permalink, strip_credentials
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import MARK, AuthoredLocation, Check, Elsewhere, MaskedLines, Region, Snippet, Verdict
from findings_report.model.finding import Finding, Location
from findings_report.model.redaction import NOTHING, Redactor, redactor_of
from findings_report.model.report import ReportedRepository
from findings_report.problems import FindingsReportError, Kind, Problem, Subject
from findings_report.sourcecode.languages import extensions_like, language_of
from findings_report.sourcecode.lines import HASHED, count_utf16, fingerprint, join_runs
from findings_report.sourcecode.symbols import find_enclosing, skip_comments

MOST_CHARACTERS: Final = 25_000_000
"""Characters of code in one report: a thousand findings of five snippets of 50 lines need all but a fifth of it."""

# Each search is a `git grep` over the whole commit.
MOST_SEARCHES: Final = 40
"""Searches of a whole commit for a quote; with more quotes astray than this, another commit was audited."""

_OF_MISFITS: Final = (
    *("path-missing", "lines-past-end", "quote-moved", "quote-edited", "quote-not-found", "quote-ambiguous", "quote-gaps"),
    *("quote-numbers", "quote-outside", "quote-not-shown", "marks-loose", "symbol"),
)
"""Codes of warnings that a wrong pin explains."""

_LINE_COST: Final = 40  # characters that a line costs beside its text: its number, marks and markup
_MOST_ELSEWHERE: Final = 5  # places that a quote which is not in its file is reported at


@dataclass(frozen=True)
class Budget:
    """What the locations of one run may still use."""

    characters: int = MOST_CHARACTERS
    """Characters of code that may still be printed; negative once the limit is passed."""
    searches: int = MOST_SEARCHES
    """Quotes that may still be searched for in other files; below 0, how many were not searched for."""


@dataclass(frozen=True)
class AvailableRepository:
    """A repository of the engagement, with what of it can be read."""

    name: str
    """Its name in the engagement."""
    url: str | None
    """Base of permalinks."""
    commit: str | None
    """The commit its locations are read at; None when there is none, which is a problem of the repository."""
    files: FileReader | None
    """The files of its clone; None when no clone is available."""

    def permalink(self, commit: str | None, path: str | None, regions: Sequence[Region]) -> str | None:
        """Return the forge's address of a path at a commit; None without a commit or a known forge."""
        return build_permalink(self.url, commit, path, regions) if commit else None


@dataclass(frozen=True)
class Resolved:
    """The result for one location."""

    snippet: Snippet | None
    """None only beside an error: no such repository, no commit of it, or more code than one report may hold."""
    problems: tuple[Problem, ...]
    """Errors and warnings; their subjects are relative to the location."""
    budget: Budget
    """What is left for the locations that follow."""
    texts: frozenset[str] = frozenset()
    """The texts to mask that are in the cited code."""
    hidden: tuple[str, ...] = ()
    """Texts of masked lines, which no other place may print."""
    lines: Sequence[str] = ()
    """The lines of the file, masked as the location says."""


@dataclass(frozen=True)
class Resolution:
    """What git has for every location of an engagement."""

    snippets: Mapping[str, tuple[Snippet, ...]]
    """By finding, in the order of its locations; one is left out only beside an error."""
    repositories: tuple[ReportedRepository, ...]
    """Every repository of the engagement, in its order, with the commit that was read."""
    problems: tuple[Problem, ...]
    """Errors and warnings: of the repositories first, then in the order of the findings."""
    redactor: Redactor = NOTHING
    """Everything that the report must not print; the snippets are masked already."""


def resolve(
    engagement: Engagement,
    findings: Mapping[str, Finding],
    sources: Mapping[str, GitReader | None],
    budget: Budget = Budget(),  # a frozen value
) -> Resolution:
    """Read every location of `findings` and check every quote; `sources` holds None for repositories without a clone.

    Problems that a user can solve are returned, not raised.
    """
    repositories: dict[str, AvailableRepository] = {}
    snippets: dict[str, tuple[Snippet, ...]] = {}
    problems: list[Problem] = []
    for name, repository in engagement.repositories.items():
        locations = _locations_in(name, engagement, findings)
        is_needed = not locations or any(location.commit is None for location in locations)
        source = sources.get(name)
        commit = find_audited_commit(name, repository, source, is_needed=is_needed)
        files = FileReader(source, engagement.repositories, name) if source is not None else None
        repositories[name] = AvailableRepository(name, repository.web or repository.url, commit.hash, files)
        problems += [*commit.problems, *(report_unavailable(name, repository, locations) if files is None else ())]
    misfits, explained = _explain_misfits(repositories, findings)
    problems += misfits
    # The budget is spent in the order of the findings, so the same input always gets the same answer.
    left = budget
    redactor = redactor_of(engagement.redact, findings.values())
    texts: dict[str, frozenset[str]] = {}
    hidden: list[str] = []
    lines: dict[str, list[Sequence[str]]] = {}
    for key, finding in findings.items():
        resolutions: list[Resolved] = []
        for index, location in enumerate(finding.locations):
            subject = (key, "locations", index)
            is_explained = subject in explained
            # A quote that fits another commit is not searched for in this one.
            given = replace(left, searches=0) if is_explained else left
            resolved = _resolve(location, repositories, given, redactor, index=index)
            left = replace(resolved.budget, searches=left.searches) if is_explained else resolved.budget
            resolutions.append(resolved)
            listed = _put_down_to_pin(resolved.problems) if is_explained else resolved.problems
            problems += (replace(problem, subject=(*subject, *(problem.subject or ()))) for problem in listed)
        snippets[key] = tuple(resolved.snippet for resolved in resolutions if resolved.snippet is not None)
        lines[key] = [resolved.lines for resolved in resolutions if resolved.snippet is not None]
        texts[key] = frozenset().union(*(resolved.texts for resolved in resolutions))
        hidden += (text for resolved in resolutions for text in resolved.hidden)
    problems += _report_unsearched(budget, left)
    unread = {key for key, finding in findings.items() if _is_unread(finding, snippets[key])}
    problems += check_text_entries(engagement, findings, texts, frozenset(unread))
    # What one location masks, another one may print: only now are all of them known.
    redactor |= Redactor(tuple(dict.fromkeys(hidden)))
    if redactor:
        # What another location masks may be in the lines that a hash covers, which are not all printed.
        forgotten = {"line_hash": None} if hidden else {}
        snippets = {
            key: tuple(
                redact_snippet(snippet.model_copy(update=forgotten), redactor, own)
                for snippet, own in zip(listed, lines[key], strict=True)
            )
            for key, listed in snippets.items()
        }
    reported = _report_repositories(engagement, repositories, snippets)
    return Resolution(snippets, reported, tuple(dict.fromkeys(problems)), redactor)


def _is_unread(finding: Finding, snippets: Sequence[Snippet]) -> bool:
    return len(snippets) < len(finding.locations) or any(snippet.blob is None for snippet in snippets)


def _resolve(
    location: Location,
    repositories: Mapping[str, AvailableRepository],
    budget: Budget,
    redactor: Redactor,
    *,
    index: int,
) -> Resolved:
    """Return the result for one location, with its repository looked up and its file read."""
    # Most engagements have one repository, and their authors need not name it in every location.
    name = next(iter(repositories)) if location.repository is None and len(repositories) == 1 else location.repository
    repository = repositories.get(name or "")
    if repository is None:
        fault = (
            f"there is no repository {name!r}" if name else "the location names no repository, and the engagement has several"
        )
        remedy = f"name one of {', '.join(repositories)}" if repositories else "add it under `repositories` in engagement.yaml"
        return Resolved(None, (Problem(Kind.INPUT, fault, remedy, subject=("repository",), code="no-repository"),), budget)
    # Without a clone the author's quote is printed as `unchecked`; the warning is given once, for the repository.
    if repository.files is None:
        return resolve_location(location, repository, None, budget, index=index, redactor=redactor)
    commit = location.commit or repository.commit
    if commit is None:
        return Resolved(None, (), budget)  # one problem of the repository says it for all of its locations
    try:
        cited = repository.files.cited(commit, location.path)
    except NoLinesError as error:
        return _leave_unread(location, repository, error, budget, redactor, index=index)
    if cited.difference is None:
        return resolve_location(location, repository, cited.file, budget, index=index, redactor=redactor)
    notation = warn_of_notation(location, cited, commit)
    read = location.model_copy(update={"path": cited.file.path, "lines": location.lines or cited.lines})
    resolved = resolve_location(read, repository, cited.file, budget, index=index, redactor=redactor)
    return replace(resolved, problems=(notation, *resolved.problems))


def _leave_unread(
    location: Location,
    repository: AvailableRepository,
    error: NoLinesError,
    budget: Budget,
    redactor: Redactor,
    *,
    index: int,
) -> Resolved:
    """Return the snippet of a location without lines: `not_found` when there is no such file, else `unchecked`."""
    field = "commit" if error.code == "commit-missing" and location.commit else "path"
    problem = warn(error.fault, error.remedy, field, code=error.code)
    if error.code != MISSING:
        unchecked = resolve_location(location, repository, None, budget, index=index, reason=error.reason, redactor=redactor)
        return replace(unchecked, problems=(problem, *unchecked.problems))
    # The author's text is not printed: where there is no such file, it may be anybody's.
    elsewhere, budget = _search_elsewhere(location, repository, budget)
    if elsewhere:
        problem = replace(problem, remedy=f"write the path of the file with the quote: {describe_places(elsewhere)}")
    verdict = leave_unchecked(location.quote, location.lines)
    verdict = verdict.model_copy(update={"verdict": Verdict.NOT_FOUND, "reason": error.reason, "elsewhere": elsewhere})
    shown = show_quote_lines((), location)
    quoted = redact_quote(location, redactor)
    authored = _as_authored(location, quoted.quote, quoted.entries)
    snippet = _snippet(index, location, repository, None, None, shown, verdict, location.lines, location.symbol, authored)
    return Resolved(snippet.model_copy(update={"permalink": None}), (problem,), budget, hidden=quoted.hidden)


def resolve_location(
    location: Location,
    repository: AvailableRepository,
    file: SourceFile | None,
    budget: Budget,
    *,
    index: int,
    reason: str = "the repository is not available",
    redactor: Redactor = NOTHING,
) -> Resolved:
    """Return the snippet of `location`, the one at `index` in its finding, with the lines of `file`.

    Without a file the snippet shows the author's own quote, and `reason` is why the file cannot be read. `redactor` has the
    texts to mask of the whole engagement; what the location masks itself is masked besides.
    """
    if file is None:
        quoted = redact_quote(location, redactor)
        hidden = quoted.hidden
        authored = _as_authored(location, quoted.quote, quoted.entries)
        shown = show_quote_lines(quoted.runs, location)
        verdict = leave_unchecked(location.quote, location.lines).model_copy(update={"reason": reason})
        # `lines` comes first: numbers inside a quote may turn out to be code once a clone is available.
        regions = location.lines or verdict.claimed
        snippet = _snippet(index, location, repository, None, None, shown, verdict, regions, location.symbol, authored)
        return Resolved(snippet, warn_of_cut(shown), budget, hidden=hidden)
    code, problems, budget = _check_quote(location, repository, file, budget, redactor)
    verdict = code.check
    authored = _as_authored(location, code.quote, code.entries)
    count = len(file.lines)
    beyond = check_line_numbers(location, count, verdict)
    # A quote that is elsewhere in the file has a warning that names the right lines already.
    if beyond is not None and not (verdict.verdict is Verdict.MOVED and beyond.subject == ("lines",)):
        problems = (*problems, beyond)
    claimed = location.lines
    location = location.model_copy(update={"lines": clip_regions(claimed, count)})
    # Lines that do not exist are no evidence. A quote that was found says which lines were meant.
    if claimed != location.lines and not verdict.found:
        verdict = verdict.model_copy(
            update={"verdict": Verdict.NOT_FOUND, "reason": describe_length(count), "claimed": claimed}
        )
    if claimed and not location.lines and not verdict.found:
        shown = show_quote_lines((), location)
        return Resolved(
            _snippet(index, location, repository, file, code, shown, verdict, claimed, None, authored),
            problems,
            budget,
            code.texts,
            code.hidden,
            code.lines,
        )
    shown = show_file_lines(location, verdict, code.lines, file.insides)
    cost = sum(_LINE_COST + len(line.text) for run in shown.runs for line in run.lines)
    budget = replace(budget, characters=budget.characters - cost)
    if budget.characters < 0:  # the report would hold more code than a machine has memory for
        return Resolved(None, (*problems, _TOO_LARGE), budget)
    regions = choose_regions(location, verdict, len(file.lines))
    # Marks moved along with the code may lie outside the quoted lines; what is printed must also be cited, or the permalink
    # does not cover it.
    if verdict.verdict is Verdict.MOVED:
        regions = cover_shown_lines(regions, shown)
    # The comment above a function is outside of it for a parser, and inside of it for the author who cites both.
    core = skip_comments(_hull(regions), file.lines) if regions else None
    symbol = find_enclosing(file.symbols, core) if core else None
    name = symbol.name if symbol else None
    misnamed = check_symbol(location.symbol, file.symbols, core) if location.symbol and core else None
    problems = (
        *problems,
        *warn_of_cut(shown),
        *warn_of_unusual(shown),
        *warn_of_marks(location, verdict, shown),
        *([misnamed] if misnamed else ()),
    )
    snippet = _snippet(index, location, repository, file, code, shown, verdict, regions, name, authored)
    return Resolved(snippet, problems, budget, code.texts, code.hidden, code.lines)


_TOO_LARGE: Final = Problem(
    Kind.SOURCE,
    f"the code of this and the locations before is more than {MOST_CHARACTERS:,} characters",
    "cite fewer lines, or print fewer of them with `show`",
    subject=("path",),
    code="snippets-too-large",
)


def _check_quote(
    location: Location, repository: AvailableRepository, file: SourceFile, budget: Budget, redactor: Redactor
) -> tuple[RedactedCode, tuple[Problem, ...], Budget]:
    """Return the code with the verdict on the quote of a location, with its problems and what is left of `budget`."""
    passages = find_hidden_passages(location.quote or "", file.lines, location.lines)
    if location.quote is None or not location.quote.strip():
        unquoted = Check(verdict=Verdict.NONE, claimed=location.lines)
        code = redact_code(location, file.lines, unquoted, passages, redactor)
        return code, code.problems, budget
    problems: list[Problem] = []
    verdict = file.check(passages.quote, location.lines)
    commit = location.commit or repository.commit or ""
    if verdict.verdict is Verdict.NOT_FOUND:
        if is_too_long(location.quote):
            fault = "the quote is too long to search for the closest text"
            problems.append(warn(fault, "quote the lines that matter", "quote", code="quote-too-long"))
        # Only a quote that is nowhere in its own file is searched for elsewhere: a quote that was edited is the author's
        # slip, a missing one is often a wrong path.
        elsewhere, budget = _search_elsewhere(location, repository, budget)
        verdict = verdict.model_copy(update={"elsewhere": elsewhere})
    code = redact_code(location, file.lines, verdict, passages, redactor)
    problems += explain_verdict(code.check, location, where=f"{location.path} at commit {commit[:12]}")
    return code, (*problems, *code.problems), budget


def _search_elsewhere(
    location: Location, repository: AvailableRepository, budget: Budget
) -> tuple[tuple[Elsewhere, ...], Budget]:
    """Return where else in the commit the quote of `location` is, and what is left of `budget`."""
    files, commit = repository.files, location.commit or repository.commit
    lines = find_telling_lines(location.quote) if location.quote else ()
    if not lines or files is None or commit is None:
        return (), budget
    places = []
    if budget.searches > 0:
        try:
            # One more than is reported: the location's own file is a hit when its lines are there in another order.
            paths = files.containing(commit, lines, _MOST_ELSEWHERE + 1, extensions_like(location.path))
        except FindingsReportError:
            paths = ()  # a commit that cannot be searched costs the hint, not the report
        for path in paths:
            try:
                file = files.find(commit, path)
            except NoLinesError:
                continue  # a binary or damaged file: the search goes on in the others
            verdict = check_quote(location.quote or "", file.index, ()) if file is not None and path != location.path else None
            if verdict is not None and verdict.found:
                places.append(Elsewhere(path=path, region=_hull(verdict.found)))
    return tuple(places[:_MOST_ELSEWHERE]), replace(budget, searches=budget.searches - 1)


def _snippet(
    index: int,
    location: Location,
    repository: AvailableRepository,
    file: SourceFile | None,
    code: RedactedCode | None,
    shown: ShownLines,
    verdict: Check,
    regions: tuple[Region, ...],
    symbol: str | None,
    authored: AuthoredLocation,
) -> Snippet:
    """Return the snippet of a location; `code` are the lines of `file` as the report may print them."""
    commit = location.commit or repository.commit
    return Snippet(
        index=index,
        name=location.name,
        role=location.role,
        caption=location.caption,
        repository=repository.name,
        path=location.path,
        commit=commit,
        blob=file.blob if file else None,
        regions=regions,
        runs=shown.runs,
        permalink=repository.permalink(commit, location.path, regions),
        language=language_of(location.path),
        encoding=file.text.encoding if file else "utf-8",
        symbol=symbol,
        check=verdict,
        loose_notes=shown.loose_notes,
        # Of the masked lines: a digest of the true ones would let a reader try candidates for a short secret.
        fingerprints=tuple(fingerprint(lines_of(code.lines, region)) for region in regions) if code else (),
        line_hash=_hash_first_line(file, code, regions) if file and code else None,
        end_columns=_end_columns(code.lines, regions) if code else (),
        file_lines=len(file.lines) if file and not regions else None,
        redacted=code.regions if code else _masked_quote_lines(shown),
        audience=location.audience,
        authored=authored,
    )


def _as_authored(location: Location, quote: str | None, entries: Sequence[MaskedLines]) -> AuthoredLocation:
    """Return what the author wrote of a location; `quote` and `entries` are its quote and masks without what they hide."""
    return AuthoredLocation(
        commit=location.commit,
        lines=location.lines,
        symbol=location.symbol,
        show=location.show,
        highlight=location.highlight,
        notes=location.notes,
        quote=quote,
        redact=tuple(entries),
    )


def _hash_first_line(file: SourceFile, code: RedactedCode, regions: tuple[Region, ...]) -> str | None:
    """Return CodeQL's hash of the first cited line; None if the report masks something in what it covers."""
    start = regions[0].start_line if regions else 1
    if start > len(file.line_hashes):
        return None
    covered = 0
    for line, masked in zip(file.lines[start - 1 :], code.lines[start - 1 :], strict=True):
        # A digest of the true text would let a reader try candidates for the masked part.
        if line != masked:
            return None
        covered += len("".join(line.split())) + 1
        if covered >= HASHED:
            break
    return file.line_hashes[start - 1]


def _end_columns(lines: Sequence[str], regions: tuple[Region, ...]) -> tuple[int, ...]:
    """Return the column after each region, of the masked lines: the length of a masked text is not published."""
    ends = [region.end_line for region in regions] or [len(lines)]
    return tuple(count_utf16(lines[end - 1]) + 1 if 1 <= end <= len(lines) else 1 for end in ends)


def _masked_quote_lines(shown: ShownLines) -> tuple[Region, ...]:
    lines = (line for run in shown.runs for line in run.lines)
    return join_runs(sorted({line.number for line in lines if line.number is not None and MARK in line.text}))


def _hull(regions: Sequence[Region]) -> Region:
    return Region(start_line=regions[0].start_line, end_line=regions[-1].end_line)


def _locations_in(name: str, engagement: Engagement, findings: Mapping[str, Finding]) -> list[Location]:
    """Return the locations in the repository `name`; one that names no repository is in the only one there is."""
    # As in `_resolve`.
    only = name if len(engagement.repositories) == 1 else None
    return [
        location for finding in findings.values() for location in finding.locations if (location.repository or only) == name
    ]


def _explain_misfits(
    repositories: Mapping[str, AvailableRepository], findings: Mapping[str, Finding]
) -> tuple[list[Problem], set[Subject]]:
    """Return a warning for each repository of which most quotes do not fit the pin, and the locations that it explains."""
    problems: list[Problem] = []
    explained: set[Subject] = set()
    is_only = len(repositories) == 1
    for name, repository in repositories.items():
        if repository.files is None or repository.commit is None:
            continue
        cited = {
            (key, "locations", index): location
            for key, finding in findings.items()
            for index, location in enumerate(finding.locations)
            if (location.quote or "").strip()
            and location.commit is None
            and (location.repository == name or (is_only and not location.repository))
        }
        misfit = explain_misfits(name, repository.commit, repository.files, list(cited.values()), is_only=is_only)
        if misfit is not None:
            problems.append(misfit.problem)
            explained |= {subject for index, subject in enumerate(cited) if index in misfit.explained}
    return problems, explained


def _put_down_to_pin(problems: Sequence[Problem]) -> list[Problem]:
    """Return the warnings of a location, the first that the pin explains under a code of its own: all such are one message."""
    first = next((problem for problem in problems if problem.code in _OF_MISFITS), None)
    others = [problem for problem in problems if problem.code not in _OF_MISFITS]
    if first is None:
        return others
    remedy = "move the pin, if another commit was audited"
    return [replace(first, remedy=remedy, code="quote-of-other-commit"), *others]


def _report_unsearched(budget: Budget, left: Budget) -> list[Problem]:
    """Return one note with the number of quotes that were looked for in their own file only; none when there are none."""
    if left.searches >= 0:
        return []
    quotes = "1 more quote" if left.searches == -1 else f"{-left.searches} more quotes"
    fault = f"{quotes} not found in the file, and not searched for in other files"
    remedy = f"correct the {budget.searches} before, or check that `commit` is the audited commit"
    return [Problem(Kind.SOURCE, fault, remedy, level="note", code="not-searched")]


def _report_repositories(
    engagement: Engagement, repositories: Mapping[str, AvailableRepository], snippets: Mapping[str, tuple[Snippet, ...]]
) -> tuple[ReportedRepository, ...]:
    # A repository without a pinned commit counts as read when locations that name their own commit were read in it.
    read = {snippet.repository for listed in snippets.values() for snippet in listed if snippet.blob is not None}
    return tuple(
        ReportedRepository(
            name=name,
            url=strip_credentials(repository.url),
            revision=repository.revision,
            commit=repositories[name].commit,
            permalink=repositories[name].permalink(repositories[name].commit, None, ()),
            is_read=repositories[name].files is not None and (repositories[name].commit is not None or name in read),
            web=repository.web,
        )
        for name, repository in engagement.repositories.items()
    )
