"""The command `track --update`: locations whose text is identical at the new commit are rewritten, and the pins are moved.

Any other location keeps its citation: `commit` is set to the commit that was pinned until now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from findings_report import authoring, git
from findings_report.authoring.proofread import texts_of
from findings_report.commands.track import TrackedEngagement, TrackedPlace, check_only, follow_places, read_cited
from findings_report.history.reanchor import StaysError, mentions, reanchor
from findings_report.model.drift import DriftKind
from findings_report.model.evidence import Snippet
from findings_report.model.finding import Location
from findings_report.problems import FindingsReportError, Kind, Level, Problem
from findings_report.report.check import Inputs, Progress

if TYPE_CHECKING:
    from findings_report.authoring.yaml_editor import Pin
    from findings_report.evidence.resolve import Resolution

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
