"""One location after the other: which repository, which commit, which lines, which verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from findings_report.evidence.quote import check, is_too_long, quoted_runs, telling_lines, unchecked
from findings_report.evidence.shown_lines import MOST_LINES, Printed, covering, printed_file, printed_quote, regions_of
from findings_report.evidence.source_files import CitedFile, Entry, Reader, Source, UnreadableError, commit_of
from findings_report.evidence.warnings import past_end, symbol_warning, warnings_of
from findings_report.forges.permalinks import permalink, without_credentials
from findings_report.model.engagement import Engagement, Repository
from findings_report.model.evidence import Check, Elsewhere, Region, Snippet, Verdict
from findings_report.model.finding import Finding, Location
from findings_report.model.report import ReportedRepository
from findings_report.problems import FindingsReportError, Kind, Problem, Subject
from findings_report.sourcecode.languages import language_of
from findings_report.sourcecode.lines import fingerprint
from findings_report.sourcecode.symbols import below_comments, enclosing

# SELF


__all__ = ["Entry", "Resolution", "Source", "resolve"]


@dataclass(frozen=True)
class Resolution:
    """What git has for every location of an engagement."""

    snippets: Mapping[str, tuple[Snippet, ...]]
    """By finding, in the order of its locations; one that cannot be read is left out, and an error says so."""
    repositories: tuple[ReportedRepository, ...]
    """Every repository of the engagement, in its order, with the commit that was read."""
    problems: tuple[Problem, ...]
    """Errors and warnings: of the repositories first, then in the order of the findings."""


def resolve(engagement: Engagement, findings: Mapping[str, Finding], sources: Mapping[str, Source | None]) -> Resolution:
    """Read every location of `findings` and check every quote. `sources` holds the repositories at hand, None for the others.

    Raises nothing that a user can mend: it is in `problems`.
    """
    hands = {}
    for name, repository in engagement.repositories.items():
        source = sources.get(name)
        own = [location.commit is not None for location in _locations(name, engagement, findings)]
        commit = commit_of(name, repository, source, is_needed=not own or not all(own))
        hands[name] = Hand(name, repository.web or repository.url, commit.hash, Reader(source) if source else None)
        hands[name].problems += commit.problems
    stage = Snippets(hands)
    snippets = {key: tuple(stage.of(key, finding)) for key, finding in findings.items()}
    problems: list[Problem] = []
    for name, hand in hands.items():
        problems += [*hand.problems, *_unchecked(hand, engagement.repositories[name])]
    reported = _repositories(engagement, hands, snippets)
    return Resolution(snippets, reported, tuple(dict.fromkeys([*problems, *stage.problems, *stage.unsearched()])))


def _unchecked(hand: Hand, repository: Repository) -> list[Problem]:
    """Says, once for a repository that is not at hand, how many quotes nobody checked. One that nothing cites yet is told when
    its `path` leads nowhere: that is a slip, while a `url` alone is a choice."""
    if hand.reader is not None or not (hand.unread or repository.path):
        return []
    quotes = {0: "its locations are not read" if hand.unread else "nothing of it can be read", 1: "1 quote is unchecked"}.get(
        hand.unchecked, f"{hand.unchecked} quotes are unchecked"
    )
    fault = f"repository {hand.name!r} is not at hand: {quotes}"
    remedy = f"name a clone with `--repository {hand.name}=PATH`"
    subject: Subject = ("engagement", "repositories", hand.name)
    if repository.path is not None:
        fault = f"there is nothing at {repository.path!r}, seen from engagement.yaml: {quotes}"
        remedy = f"mend `path`, or {remedy}"
        subject = (*subject, "path")
    if repository.url is not None:
        remedy += ", or run `findings-report fetch`"
    return [Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code="unchecked")]


def _locations(name: str, engagement: Engagement, findings: Mapping[str, Finding]) -> list[Location]:
    """The locations of a repository."""
    only = name if len(engagement.repositories) == 1 else None
    return [
        location for finding in findings.values() for location in finding.locations if (location.repository or only) == name
    ]


def _repositories(
    engagement: Engagement, hands: Mapping[str, Hand], snippets: Mapping[str, tuple[Snippet, ...]]
) -> tuple[ReportedRepository, ...]:
    read = {snippet.repository for found in snippets.values() for snippet in found if snippet.blob is not None}
    return tuple(
        ReportedRepository(
            name=name,
            url=without_credentials(repository.url),
            revision=repository.revision,
            commit=hands[name].commit,
            permalink=hands[name].permalink(hands[name].commit, None, ()),
            is_read=hands[name].reader is not None and (hands[name].commit is not None or name in read),
        )
        for name, repository in engagement.repositories.items()
    )


_MOST_ELSEWHERE: Final = 5  # places that a quote which is not in its file is reported at


MOST_CHARACTERS: Final = 25_000_000
"""Characters of code in one report: a thousand findings of five snippets of 50 lines need all but a fifth of it."""


_LINE_COST: Final = 40  # what a line costs beside its text


_MOST_SEARCHES: Final = 40  # each reads the whole commit; with more quotes astray than this, another commit was audited


@dataclass
class Hand:
    """One repository of the engagement, whether at hand or not."""

    name: str
    """Its name in the engagement."""
    url: str | None
    """Base of permalinks."""
    commit: str | None
    """What its locations are read at; None when there is none, which has been said."""
    reader: Reader | None
    """None when no clone is at hand."""
    problems: list[Problem] = field(default_factory=list)
    """What is to be said of it."""
    unread: int = 0
    """Locations that could not be read for want of a clone."""
    unchecked: int = 0
    """Of these, those with a quote."""

    def permalink(self, commit: str | None, path: str | None, regions: Sequence[Region]) -> str | None:
        """Forge address of a path at a commit."""
        return permalink(self.url, commit, path, regions) if commit else None


class Snippets:
    """One run over the findings of an engagement."""

    def __init__(self, hands: Mapping[str, Hand]) -> None:
        self._hands = hands
        self._searches = 0
        self._characters = 0
        self.problems: list[Problem] = []
        """What was found wrong so far, in order."""

    def of(self, key: str, finding: Finding) -> list[Snippet]:
        """The snippets of the finding with id `key`, in the order of its locations; faults go to `problems`."""
        found = []
        for index, location in enumerate(finding.locations):
            subject: Subject = (key, "locations", index)
            try:
                snippet = self._snippet(index, location, subject)
            except FindingsReportError as error:
                self.problems += [replace(problem, subject=(*subject, "path")) for problem in error.problems]
            except UnreadableError as error:
                self._say(error.fault, error.remedy, (*subject, "path"), error.code)
            else:
                found += [snippet] if snippet is not None else []
        return found

    def _say(self, fault: str, remedy: str | None, subject: Subject, code: str, *, kind: Kind = Kind.SOURCE) -> None:
        self.problems.append(Problem(kind, fault, remedy, subject=subject, code=code))

    def _warn(self, fault: str, remedy: str, subject: Subject, code: str) -> None:
        self.problems.append(Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code=code))

    def _snippet(self, index: int, location: Location, subject: Subject) -> Snippet | None:
        hand = self._hand(location, subject)
        if hand is None:
            return None
        commit = location.commit or hand.commit
        if hand.reader is None:
            hand.unread += 1
            hand.unchecked += location.quote is not None
            return self._unread(hand, index, location, commit, subject)
        if commit is None:
            return None  # said once, of the repository
        if not hand.reader.has_commit(commit):
            fault = f"commit {commit} is not in the clone of repository {hand.name!r}"
            remedy = "fetch it there, or let `findings-report fetch` clone it"
            self._say(fault, remedy, (*subject, "commit"), "commit-missing")
            return None
        file = hand.reader.file(commit, location.path)
        found = self._checked(hand.reader, location, file, commit, subject)
        if problem := past_end(location, len(file.text.lines), found, subject):
            self.problems.append(problem)
            return None
        return self._read(hand, index, location, commit, file, found, subject)

    def _hand(self, location: Location, subject: Subject) -> Hand | None:
        """A location's repository; None, and a problem, when it is not clear which."""
        name = location.repository
        if name is None and len(self._hands) == 1:
            return next(iter(self._hands.values()))
        if name is not None and name in self._hands:
            return self._hands[name]
        fault = f"there is no repository {name!r}" if name else "it is not said in which repository this is"
        remedy = f"name one of {', '.join(self._hands)}" if self._hands else "add it under `repositories` in engagement.yaml"
        self._say(fault, remedy, (*subject, "repository"), "no-repository", kind=Kind.INPUT)
        return None

    def _unread(self, hand: Hand, index: int, location: Location, commit: str | None, subject: Subject) -> Snippet:
        made = printed_quote(quoted_runs(location.quote) if location.quote else (), location)
        self._say_cut(made, subject)
        found = unchecked(location.quote, location.lines)
        regions = location.lines or found.claimed
        return _snippet(hand, index, location, commit, made, found, regions=regions, symbol=location.symbol)

    def _read(
        self, hand: Hand, index: int, location: Location, commit: str, file: CitedFile, found: Check, subject: Subject
    ) -> Snippet:
        regions = regions_of(location, found, len(file.text.lines))
        made = printed_file(location, found, file.text.lines, file.insides)
        self._check_size(made)
        if found.verdict is Verdict.MOVED:
            regions = covering(regions, made)
        self._say_cut(made, subject)
        if made.is_loose:
            fault = "the code has moved, and where the marked or shown lines stand now cannot be told from the quote"
            self._warn(fault, "mend `lines`, and `show`, `highlight` and `notes` with it", (*subject, "lines"), "marks-loose")
        shown = {line.number for run in made.runs for line in run.lines}
        if location.show and found.found and not any(line in region for region in found.found for line in shown):
            fault = "none of the quoted lines is among those that `show` prints"
            self._warn(fault, "show the lines that were quoted, or drop the quote", (*subject, "show"), "quote-not-shown")
        code = below_comments(_hull(regions), file.text.lines) if regions else None
        wrong = symbol_warning(location.symbol, file.symbols, code, subject) if location.symbol and code else None
        self.problems += [wrong] if wrong else []
        symbol = enclosing(file.symbols, code) if code else None
        name = symbol.name if symbol else None
        return _snippet(hand, index, location, commit, made, found, regions=regions, symbol=name, file=file)

    def _checked(self, reader: Reader, location: Location, file: CitedFile, commit: str, subject: Subject) -> Check:
        if location.quote is None or not location.quote.strip():
            return Check(verdict=Verdict.NONE, claimed=location.lines)
        found = check(location.quote, file.listing, location.lines)
        if found.verdict is Verdict.NOT_FOUND:
            if is_too_long(location.quote):
                fault = "the quote is too long for the closest text to be looked for"
                self._warn(fault, "quote the lines that matter", (*subject, "quote"), "quote-too-long")
            found = found.model_copy(update={"elsewhere": self._elsewhere(reader, location.quote, commit, location.path)})
        self.problems += warnings_of(found, location, subject, where=f"{location.path} at commit {commit[:12]}")
        return found

    def _elsewhere(self, reader: Reader, quote: str, commit: str, path: str) -> tuple[Elsewhere, ...]:
        """Where else in the commit a quote stands."""
        wanted = telling_lines(quote)
        self._searches += bool(wanted)
        if not wanted or self._searches > _MOST_SEARCHES:
            return ()
        places = []
        for other in reader.source.containing(commit, wanted, _MOST_ELSEWHERE + 1):
            try:
                found = check(quote, reader.file(commit, other).listing, ())
            except (UnreadableError, FindingsReportError):
                continue
            if other != path and found.found:
                places.append(Elsewhere(path=other, region=_hull(found.found)))
        return tuple(places[:_MOST_ELSEWHERE])

    def unsearched(self) -> list[Problem]:
        """Says, once all is read, how many quotes were looked for in their own file only."""
        count = self._searches - _MOST_SEARCHES
        if count <= 0:
            return []
        fault = f"{count} more quote{'' if count == 1 else 's'} not found in the file, and not looked for in others"
        remedy = f"mend the {_MOST_SEARCHES} before, or see whether it is another commit that was audited"
        return [Problem(Kind.SOURCE, fault, remedy, level="note", code="not-searched")]

    def _check_size(self, made: Printed) -> None:
        """Raises UnreadableError once the report would print more code than a machine has memory for."""
        self._characters += sum(_LINE_COST + len(line.text) for run in made.runs for line in run.lines)
        if self._characters > MOST_CHARACTERS:
            fault = f"the code of this and the locations before is more than {MOST_CHARACTERS:,} characters"
            raise UnreadableError(fault, "cite fewer lines, or print fewer of them with `show`", "snippets-too-large")

    def _say_cut(self, made: Printed, subject: Subject) -> None:
        if made.left_out:
            fault = f"{made.left_out} of {made.left_out + MOST_LINES} lines are not printed: a snippet has at most {MOST_LINES}"
            self._warn(fault, "name the lines that matter in `show`", (*subject, "lines"), "snippet-cut")


def _hull(regions: Sequence[Region]) -> Region:
    return Region(start_line=regions[0].start_line, end_line=regions[-1].end_line)


def _snippet(
    hand: Hand,
    index: int,
    location: Location,
    commit: str | None,
    made: Printed,
    found: Check,
    *,
    regions: tuple[Region, ...],
    symbol: str | None,
    file: CitedFile | None = None,
) -> Snippet:
    return Snippet(
        index=index,
        name=location.name,
        role=location.role,
        caption=location.caption,
        repository=hand.name,
        path=location.path,
        commit=commit,
        blob=file.blob if file else None,
        regions=regions,
        runs=made.runs,
        permalink=hand.permalink(commit, location.path, regions),
        language=file.language if file else language_of(location.path),
        encoding=file.text.encoding if file else "utf-8",
        symbol=symbol,
        check=found,
        loose_notes=made.loose_notes,
        fingerprints=tuple(fingerprint(_lines(file, region)) for region in regions) if file else (),
    )


def _lines(file: CitedFile, region: Region) -> Sequence[str]:
    return file.text.lines[region.start_line - 1 : region.end_line]
