"""The command `track`: every cited region of an engagement is followed to another commit.

`--update` rewrites the locations whose text is identical there, and moves the pins. Any other location keeps its citation:
`commit` is set to the commit that was pinned until now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from findings_report import authoring, git
from findings_report.authoring.proofread import texts_of
from findings_report.history.track import CitedPlace, StaysError, follow, list_places, mentions, reanchor
from findings_report.model.drift import CommitSummary, Drift, DriftKind
from findings_report.model.evidence import Snippet
from findings_report.model.finding import Location
from findings_report.problems import FindingsReportError, Kind, Level, Problem, suggestions
from findings_report.report.check import Inputs, Progress, read

if TYPE_CHECKING:
    from findings_report.authoring.yaml_editor import Pin
    from findings_report.evidence.resolve import Resolution
    from findings_report.model.engagement import Engagement


_Changes = tuple[CommitSummary, ...]
_MOST_ASKED: Final = 3
"""The number of lines of a deleted region that are looked up in the history."""


@dataclass(frozen=True)
class TrackedPlace:
    """One cited region and its drift."""

    place: CitedPlace
    """Where it is cited."""
    drift: Drift
    """Where the region is at the other commit."""
    changes: tuple[CommitSummary, ...] = ()
    """With --explain: the commits that changed it, newest first, at most 20; for a deleted region, those of its file."""
    ends: tuple[CommitSummary, ...] = ()
    """With --explain, for a deleted region: the commits that removed its most distinctive lines, newest first."""


@dataclass(frozen=True)
class TrackedEngagement:
    """The cited regions of an engagement at another commit."""

    places: tuple[TrackedPlace, ...]
    """By finding, then in the order of the file."""
    commits: Mapping[str, str]
    """The full hash that --to names, by repository."""
    problems: tuple[Problem, ...]
    """Warnings."""


def track(inputs: Inputs, to: str, *, only: str | None, explain: bool, progress: Progress) -> TrackedEngagement:
    """Follow every location, or those of repository `only`, to the commit that `to` names.

    Raises FindingsReportError with every problem of the findings and of their evidence, and when `to` names nothing.
    """
    from findings_report.evidence.source_files import find_clones, open_clones

    folder, authored = read(inputs)
    # Before clones are opened: a wrong name is a slip, and must not cost seconds.
    check_only(authored.engagement, only)
    with (
        authoring.locating(authored),
        open_clones(find_clones(authored.engagement, folder, inputs.clones), inputs.borrow) as sources,
    ):
        result = follow_places(read_cited(authored, sources, progress), sources, to, only, progress)
        explained, faults = list(result.places), list[Problem]()
        # On request only: `git log -L` walks the history once per region.
        if explain:
            progress("asking history")
            explained, faults = _explain(result.places, sources, result.commits)
    problems = (*authored.warnings, *authoring.locate((*result.problems, *faults), authored))
    return replace(result, places=tuple(explained), problems=tuple(dict.fromkeys(problems)))


def check_only(engagement: Engagement, only: str | None) -> None:
    """Raise FindingsReportError (USAGE) if `only` is no repository of the engagement."""
    names = list(engagement.repositories)
    if only is not None and only not in names:
        fault = f"--only {only!r} is no repository ({', '.join(names)})"
        raise FindingsReportError(Problem(Kind.USAGE, fault, suggestions.did_you_mean(only, names), code="no-repository"))


def read_cited(authored: authoring.Authored, sources: Mapping[str, git.Repository | None], progress: Progress) -> Resolution:
    """Return the lines that every location cites. Raise FindingsReportError with every problem if one cannot be read."""
    from findings_report.evidence.resolve import resolve

    progress("reading what is cited")
    resolution = resolve(authored.engagement, authored.findings, sources)
    # All or nothing: a region that could not be read would be missing from the result unnoticed.
    if any(problem.level == "error" for problem in resolution.problems):
        raise FindingsReportError(resolution.problems)
    return resolution


def follow_places(
    resolution: Resolution, sources: Mapping[str, git.Repository | None], to: str, only: str | None, progress: Progress
) -> TrackedEngagement:
    """Return every resolved region at the commit that `to` names. Raise FindingsReportError if `to` names nothing."""
    commits = _commits(sources, to, only)
    progress(f"following it to {to}")
    cited = [place for id, snippets in resolution.snippets.items() for place in list_places(id, snippets)]
    cited = [place for place in cited if only in (None, place.snippet.repository)]
    followed = follow(cited, sources, commits)
    drifts = tuple(TrackedPlace(place, drift) for place, drift in zip(cited, followed.drifts, strict=True))
    return TrackedEngagement(drifts, commits, (*resolution.problems, *followed.problems))


def _commits(sources: Mapping[str, git.Repository | None], to: str, only: str | None) -> dict[str, str]:
    """Return the commit that `to` names in each available repository. Raise FindingsReportError (SOURCE) if there is none."""
    commits: dict[str, str] = {}
    problems: list[Problem] = []
    for name, source in sources.items():
        if source is None or only not in (None, name):
            continue
        commit = source.commit_of(to)
        if commit is None:
            fault = f"--to {to!r} names no commit in repository {name!r}"
            remedy = suggestions.revision(to, source.commit_of)
            # Each repository has its own tags: `v2` may exist in one of them only.
            if only is None and len(sources) > 1:
                remedy = f"take one repository with --only, or {remedy}"
            problems.append(Problem(Kind.SOURCE, fault, remedy, code="revision-missing"))
        else:
            commits[name] = commit
    if problems:
        raise FindingsReportError(problems)
    return commits


def _explain(
    tracked: Sequence[TrackedPlace], sources: Mapping[str, git.Repository | None], commits: Mapping[str, str]
) -> tuple[list[TrackedPlace], list[Problem]]:
    explained: list[TrackedPlace] = []
    problems: list[Problem] = []
    for region in tracked:
        name, commit = region.place.snippet.repository, region.place.snippet.commit
        source = sources.get(name)
        changes: _Changes = ()
        ends: _Changes = ()
        if source is not None and commit is not None and region.drift.kind is not DriftKind.UNVERIFIABLE:
            try:
                changes, ends = _changes(source, region.drift, commit, commits[name])
            # A history that cannot be read, as in a shallow clone, costs the explanation and not the result.
            except FindingsReportError as error:
                problems += (replace(problem, level="warning") for problem in error.problems)
        explained.append(replace(region, changes=changes, ends=ends))
    return explained, problems


def _changes(source: git.Repository, drift: Drift, commit: str, to: str) -> tuple[_Changes, _Changes]:
    """Return the commits that changed a region on the way, and those that deleted it.

    Both sides of the common ancestor are searched.
    """
    base = git.find_merge_base(source, commit, to)
    # Unrelated histories: no commit turned one side into the other.
    if base is None:
        return (), ()
    now = (drift.now.path, drift.now.region) if drift.now else (drift.path, None)
    sides = ((to, *now), (commit, drift.path, drift.region))
    changes: list[CommitSummary] = []
    for newer, path, region in sides:
        if newer != base:
            lines = (region.start_line, region.end_line) if region is not None else None
            changes += git.list_changes(source, base, newer, path=path, lines=lines)
    # If `to` is an ancestor, nothing was deleted there: the region did not exist yet.
    ends = _ends(source, drift, base, to) if drift.kind is DriftKind.DELETED and to != base else ()
    return tuple(changes), ends


def _ends(source: git.Repository, drift: Drift, base: str, to: str) -> tuple[CommitSummary, ...]:
    """Return the last commit that removed each of the most distinctive lines of a deleted region from its file."""
    from findings_report.history.moved_text import select_telling

    paths = dict.fromkeys((drift.path,))
    # The lines may have been deleted after a rename, and `git log` with paths follows none.
    for rename in git.list_renames_along(source, base, to):
        if rename.old in paths:
            paths[rename.new] = None
    gone = [line.text for line in drift.diff if line.new_line is None]
    ends: dict[CommitSummary, None] = {}
    for index in select_telling(gone, _MOST_ASKED):
        # The newest commit only: older ones added the text or moved it.
        ends |= dict.fromkeys(git.list_text_changes(source, base, to, paths=list(paths), text=gone[index].strip())[:1])
    return tuple(sorted(ends, key=lambda change: change.date, reverse=True))


Key = tuple[str, int]
"""A location: its finding's id, and its 0-based position there."""


@dataclass(frozen=True)
class UpdateResult:
    """The result of `track --update`."""

    tracked: TrackedEngagement
    """Where every region is, with a warning for each location that was not moved."""
    moved: frozenset[Key]
    """The locations that were moved."""
    respelled: frozenset[Key]
    """The locations whose lines are where they were, and whose `path` was rewritten as git writes it."""
    unchanged: frozenset[Key]
    """The locations that needed no change."""
    kept: Mapping[Key, str]
    """The locations that the new pin does not serve, each with the reason."""
    pins: tuple[str, ...]
    """A line for each repository that is pinned."""
    files: tuple[Path, ...]
    """The files that were written, or that would be without --dry-run."""


def update(inputs: Inputs, to: str, *, only: str | None, dry_run: bool, progress: Progress) -> UpdateResult:
    """Move the engagement to the commit that `to` names in each available repository, or in `only`: all files or none.

    Raises FindingsReportError if nothing was written.
    """
    from findings_report.evidence.source_files import find_clones, open_clones
    from findings_report.system import locked, publish_edited

    folder = authoring.find_folder(inputs.folder)
    files = authoring.Snapshot(authoring.Folder(folder))
    authored = authoring.load(files)
    check_only(authored.engagement, only)
    with (
        authoring.locating(authored),
        open_clones(find_clones(authored.engagement, folder, inputs.clones), inputs.borrow) as sources,
    ):
        cited = read_cited(authored, sources, progress)
        regions = follow_places(cited, sources, to, only, progress)
        progress("writing locations")
        plan = _Plan(files, authored, cited, regions, _pins(authored, sources, to, regions))
        plan.settle(sources)
    paths = {name: (folder / name).resolve() for name in plan.edited}  # a link stays one
    if not dry_run and paths:
        with locked(folder):  # that of its readers; `publish` adds those of subfolders
            publish_edited({path: (files.read(name) or b"", plan.edited[name]) for name, path in paths.items()})
    problems = (*authored.warnings, *authoring.locate((*regions.problems, *plan.problems()), authored))
    regions = replace(regions, problems=tuple(dict.fromkeys(problems)))
    return UpdateResult(
        regions,
        moved=plan.rewritten - plan.respelled,
        respelled=plan.respelled,
        unchanged=plan.unchanged,
        kept=plan.stay,
        pins=tuple(pin.message for pin in plan.pins),
        files=tuple(paths.values()),
    )


def _pins(
    authored: authoring.Authored, sources: Mapping[str, git.Repository | None], to: str, tracked: TrackedEngagement
) -> tuple[Pin, ...]:
    from findings_report.authoring.yaml_editor import pins

    pinned = [pins(authored.engagement, sources, to=to, only=name) for name in tracked.commits]
    if faults := [problem for _, problems in pinned for problem in problems]:
        raise FindingsReportError(faults)
    return tuple(pin for listed, _ in pinned for pin in listed)


class _Plan:
    """The locations that move, the locations that stay, and the edited files."""

    def __init__(
        self,
        files: authoring.Files,
        authored: authoring.Authored,
        cited: Resolution,
        regions: TrackedEngagement,
        pins: Sequence[Pin],
    ) -> None:
        self._files = files
        # By id: the file of a finding may be in a subfolder.
        self._names = {PurePosixPath(name).name.removesuffix(authoring.FINDING_SUFFIX): name for name in authored.files}
        self._authored = authored
        self._commits = regions.commits
        self._faults = _faults_by_location(cited)
        self._snippets = {(id, snippet.index): snippet for id, listed in cited.snippets.items() for snippet in listed}
        self._regions: dict[Key, list[TrackedPlace]] = {key: [] for key in self._snippets}
        for region in regions.places:
            self._regions[region.place.finding, region.place.snippet.index].append(region)
        self.pins = pins
        self.stay: dict[Key, str] = {}
        """The locations that are not moved, and why."""
        self.edited: dict[str, bytes] = {}
        """The files that change, by their name in the folder."""
        self.rewritten: frozenset[Key] = frozenset()
        """The locations that are rewritten."""

    @property
    def respelled(self) -> frozenset[Key]:
        """The locations of which only the notation of the path changes."""
        return frozenset(
            key for key in self.rewritten if all(region.drift.kind is DriftKind.UNCHANGED for region in self._regions[key])
        )

    @property
    def unchanged(self) -> frozenset[Key]:
        """The followed locations that are neither rewritten nor held at their commit."""
        followed = {key for key, snippet in self._snippets.items() if snippet.repository in self._commits}
        return frozenset(followed - self.rewritten - self.stay.keys())

    def settle(self, sources: Mapping[str, git.Repository | None]) -> None:
        """Move every location that can move, read the result as `check` would, and undo the moves that change a citation."""
        # First all locations are moved, then the result is resolved: only that proves that quote, lines and symbol
        # hold.
        self._write()
        if not self.edited:
            return
        moved = _read(authoring.Overlay(self._files, self.edited), sources)
        snippets = {(id, snippet.index): snippet for id, listed in moved.snippets.items() for snippet in listed}
        faults = _faults_by_location(moved)
        for key in self.rewritten:
            # A fault that the citation had before is no reason to keep it.
            news = {code: fault for code, fault in faults.get(key, {}).items() if code not in self._faults.get(key, {})}
            why = next(iter(news.values()), None) or _difference(self._snippets[key], snippets[key])
            if why is not None:
                self.stay[key] = f"there, {why}"
        # Written again from the originals: a location that stays is held at its commit instead.
        if self.stay:
            self._write()

    def problems(self) -> list[Problem]:
        """Return a warning for prose that names moved lines and for each location that stays; a note if it names a commit."""
        problems = [problem for key in sorted(self.rewritten) for problem in self._find_mentions(key)]
        for (id, index), why in self.stay.items():
            location = self._authored.findings[id].locations[index]
            fault = f"citation of {location.path} not moved: {why}"
            remedy = self._remedy((id, index), location)
            # A location with its own commit was held on purpose, so this needs no action.
            level: Level = "note" if location.commit is not None else "warning"
            subject = (id, "locations", index)
            problems.append(Problem(Kind.SOURCE, fault, remedy, subject=subject, level=level, code="location-stays"))
        return problems

    def _remedy(self, key: Key, location: Location) -> str:
        """Return the remedy: if the text is identical there and only its own `commit` holds it, the lines to write."""
        try:
            there = self._reanchor(key, location.model_copy(update={"commit": None}))
        except StaysError:
            return "review it, update `lines`, and remove `commit`"
        lines = f", lines {', '.join(map(str, there.lines))}" if there.lines else ""
        return f"its text is identical there: if that place is meant, write {there.path}{lines}, and remove `commit`"

    def _find_mentions(self, key: Key) -> Iterator[Problem]:
        drifts = [region.drift for region in self._regions[key]]
        for path, text in texts_of(self._authored.findings[key[0]]).items():
            for start, fault in mentions(text, drifts):
                remedy = "update them if they mean these lines; a reference, `[](location:NAME)`, needs no numbers"
                yield Problem(
                    Kind.INPUT,
                    fault,
                    remedy,
                    subject=(key[0], *path),
                    line_offset=text.count("\n", 0, start),
                    level="warning",
                    code="lines-moved",
                )

    def _write(self) -> None:
        contents: dict[str, bytes] = {}
        rewritten: set[Key] = set()
        for key, snippet in self._snippets.items():
            if snippet.commit == self._commits.get(snippet.repository, snippet.commit):
                continue  # already at that commit, or without a local clone
            name = self._names[key[0]]
            # Several locations may be in one file: each edit starts from the result of the one before.
            content = contents.get(name) or self._files.read(name) or b""
            contents[name] = self._rewrite(key, content)
            if contents[name] != content and key not in self.stay:
                rewritten.add(key)
        self.rewritten = frozenset(rewritten)
        contents[authoring.ENGAGEMENT] = self._move_pins(self._files.read(authoring.ENGAGEMENT) or b"")
        self.edited = {name: content for name, content in contents.items() if content != self._files.read(name)}

    def _rewrite(self, key: Key, content: bytes) -> bytes:
        """Return the finding's file with the location moved, or held at its commit."""
        id, index = key
        was, shown = self._authored.findings[id].locations[index], self._authored.documents[id][0]
        if key not in self.stay:
            try:
                return authoring.relocate(content, index, self._reanchor(key, was), shown=shown)
            except StaysError as error:
                self.stay[key] = str(error)
            except FindingsReportError as error:
                self.stay[key] = error.problems[0].fault
        commit = self._snippets[key].commit
        if was.commit is not None:
            return content
        return authoring.relocate(content, index, was.model_copy(update={"commit": commit}), shown=shown)

    def _reanchor(self, key: Key, was: Location) -> Location:
        return reanchor(was, self._snippets[key], [region.drift for region in self._regions[key]])

    def _move_pins(self, content: bytes) -> bytes:
        for pin in self.pins:
            for field, value in pin.written.items():
                path = ("repositories", pin.name, field)
                content = authoring.set_text(content, path, value, shown=self._authored.documents[authoring.ENGAGEMENT_KEY][0])
        return content


def _read(files: authoring.Files, sources: Mapping[str, git.Repository | None]) -> Resolution:
    from findings_report.evidence.resolve import resolve

    # Loaded from the overlay: the result is checked before a file is written.
    authored = authoring.load(files)
    return resolve(authored.engagement, authored.findings, sources)


def _faults_by_location(resolution: Resolution) -> dict[Key, dict[str, str]]:
    """Return the faults of each location: the first of each code."""
    faults: dict[Key, dict[str, str]] = {}
    for problem in resolution.problems:
        match problem.subject:
            case (str(id), "locations", int(index), *_):
                faults.setdefault((id, index), {}).setdefault(problem.code, problem.fault)
    return faults


def _difference(was: Snippet, now: Snippet) -> str | None:
    """Return how the printed location would differ at the new commit; None if it is the same."""
    if now.check.verdict is not was.check.verdict:
        return f"its quote would be {now.check.verdict.value}, and is {was.check.verdict.value} here"
    # The verdict is not enough: a symbol that grew has the same verdict and prints more lines.
    return None if _printed_lines(was) == _printed_lines(now) else "it would print other lines"


def _printed_lines(snippet: Snippet) -> list[list[tuple[str, bool, str | None]]]:
    return [[(line.text, line.highlighted, line.note) for line in run.lines] for run in snippet.runs]
