"""Location -> Snippet: the lines git has for it, and the verdict on the author's quote.

Only git's lines are ever put into a snippet; the author's own only where no repository is at hand, and the snippet says so.
`reader` reads, `printing` chooses the lines, `advice` words what the user is told, `snippets` puts a location together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from findings_report.forges.permalinks import without_credentials
from findings_report.model.engagement import Engagement, Repository
from findings_report.model.evidence import Snippet
from findings_report.model.finding import Finding, Location
from findings_report.model.report import ReportedRepository
from findings_report.problems import Kind, Problem, Subject
from findings_report.resolve.reader import Entry, Reader, Source, commit_of
from findings_report.resolve.snippets import Hand, Snippets

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
