"""The command `new`: a finding is added, empty or from the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from findings_report import authoring
from findings_report.commands.init import LIBRARY, WrittenFiles
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Verdict
from findings_report.model.field_types import identifier_fault
from findings_report.model.finding import Finding, Location
from findings_report.problems import FindingsReportError, Kind, Place, Problem

_LONGEST_QUOTE = 60
"""Lines; who cites more chooses what to quote."""


@dataclass(frozen=True)
class NewFinding:
    """The options of `new`."""

    title: str | None
    """The finding's title; None keeps the library entry's."""
    id: str | None = None
    """--id; None takes the next of the engagement's series."""
    entry: str | None = None
    """--from: a library entry, as `web/xss`."""
    library: Path | None = None
    """--library: a shared library, looked in after the engagement's own."""
    path: str | None = None
    """--path: `path`, or `NAME:path` with several repositories."""
    lines: str | None = None
    """--lines: `10` or `10-20`."""
    clones: Mapping[str, Path] | None = None
    """--repository."""


def new(start: Path, draft: NewFinding) -> WrittenFiles:
    """Add a finding to the engagement found from `start`. Raise FindingsReportError if nothing was written."""
    from findings_report.system import locked
    from findings_report.system.atomic_files import publish_new

    if draft.entry is not None and draft.path is not None:
        raise _usage("--path is for a finding from nothing, and --from copies one", "add the location to the new file")
    if draft.lines is not None and draft.path is None:
        raise _usage("--lines are those of a --path", "name the file")
    folder = authoring.find_folder(start)
    files = authoring.Folder(folder)
    _choose_id(draft, files)  # refused before git is asked for the lines
    problems: list[Problem] = []
    if draft.entry is not None:
        content = authoring.from_library(_libraries(folder, draft.library), draft.entry, _one_line(draft.title))
    else:
        title = _one_line(draft.title)
        if title is None:
            raise _usage("a finding needs a title", 'write `new "What is wrong"`, or copy a library entry with --from')
        authored = authoring.load_engagement(files)
        cited = None
        if draft.path is not None:
            cited, problems = _cite(folder, authored, draft, draft.path)
        content = authoring.stub(authored.engagement, title, cited)
        # Without the schema's file, editors would report the modeline as an error in every finding.
        if (folder / authoring.SCHEMA_FOLDER / "finding.json").is_file():
            content = f"{authoring.modeline('finding')}\n".encode() + content
    # The ids are read and the next one taken under one lock: two runs at once get two ids.
    with locked(folder):
        path = folder / f"{_choose_id(draft, files)}{authoring.FINDING_SUFFIX}"
        publish_new({path: content})
    return WrittenFiles((path,), tuple(problems))


@dataclass(frozen=True)
class Shelf:
    """The result of `new --list`."""

    entries: tuple[str, ...]
    """The names that `new --from` knows, the engagement's own first."""
    problems: tuple[Problem, ...]
    """A note where there is none."""


def library(start: Path, shared: Path | None) -> Shelf:
    """Return the entries of the engagement's library and of `shared`."""
    libraries = _libraries(authoring.find_folder(start), shared)
    entries = tuple(dict.fromkeys(name for files in libraries for name in authoring.library_entries(files)))
    note = Problem(Kind.INPUT, "the library has no entry", authoring.NO_ENTRIES, level="note", code="no-entry")
    return Shelf(entries, () if entries else (note,))


def _libraries(folder: Path, shared: Path | None) -> list[authoring.Files]:
    if shared is not None and not shared.is_dir():
        raise FindingsReportError(Problem(Kind.USAGE, "there is no such folder", place=Place(str(shared)), code="no-library"))
    # absolute: the parent of `.` would be `.` again.
    own = folder.absolute().parent / LIBRARY
    return [authoring.Folder(path) for path in (own, shared) if path is not None and path.is_dir()]


def _one_line(title: str | None) -> str | None:
    return " ".join(title.split()) or None if title is not None else None


def _choose_id(draft: NewFinding, files: authoring.Files) -> str:
    """Return the id of --id, or the next one. Raises FindingsReportError (USAGE) for one that is invalid or taken."""
    taken = authoring.taken_ids(files)
    id = draft.id or authoring.next_id(taken)
    if (fault := identifier_fault(id)) is not None:
        raise _usage(fault, "as in NTR-007")
    # This word is the subject of problems in engagement.yaml.
    if id.casefold() == authoring.ENGAGEMENT_KEY:
        raise _usage(f"{id} cannot be the id of a finding", "as in NTR-007")
    # Ids are file names, and some file systems ignore case.
    if id.casefold() in (other.casefold() for other in taken):
        raise _usage(f"the id {id} is taken", f"leave out --id for {authoring.next_id(taken)}")
    return id


def _cite(
    folder: Path, authored: authoring.Authored, draft: NewFinding, text: str
) -> tuple[authoring.NewLocation, list[Problem]]:
    """Return the lines that --path and --lines name, read from git at the pinned commit; warnings where they cannot be read."""
    location, quote, problems = _quote(folder, authored, _location(authored.engagement, text, draft.lines), draft.clones or {})
    lines = location.lines[0] if location.lines else None
    return authoring.NewLocation(location.path, location.repository, lines, quote), problems


def _location(engagement: Engagement, text: str, lines: str | None) -> Location:
    from pydantic import ValidationError

    name, colon, path = text.partition(":")
    # A path may contain a colon: only a known name before it makes the text NAME:path.
    if not colon or name not in engagement.repositories:
        name, path = "", text
    if not name and len(engagement.repositories) != 1:
        names = ", ".join(engagement.repositories) or "there is none"
        raise _usage(f"--path {text!r} does not say which repository ({names})", "write NAME:path")
    try:
        location = Location.model_validate(
            {"path": path, "repository": name or None} | ({"lines": lines} if lines is not None else {})
        )
    except ValidationError as error:
        raise _usage(f"--path or --lines: {error.errors()[0]['msg']}", "as in `--path src/app.py --lines 10-20`") from None
    if len(location.lines) > 1:
        raise _usage(f"--lines {lines}: one range, please", "add the others to the new file")
    return location


def _quote(
    folder: Path, authored: authoring.Authored, location: Location, clones: Mapping[str, Path]
) -> tuple[Location, tuple[str, ...], list[Problem]]:
    """Return the location with its path as git writes it, and the lines that it cites."""
    from findings_report.evidence.resolve import resolve
    from findings_report.evidence.source_files import find_clones, open_clones

    engagement = authored.engagement
    # A stand-in for the finding that does not exist yet: its location is resolved exactly as by `check`.
    finding = Finding(title="?", description="?", locations=(location,))
    with authoring.locating(authored), open_clones(find_clones(engagement, folder, clones), ()) as sources:
        resolution = resolve(engagement, {"?": finding}, sources)
    problems = [_of_option(problem) for problem in authoring.locate(resolution.problems, authored)]
    snippets = resolution.snippets["?"]
    # In a report one bad location is a warning. Here it is all that was asked for.
    if sources.get(snippets[0].repository if snippets else "") is not None and snippets[0].check.reason is not None:
        problems = [replace(problem, level="error") if problem.field else problem for problem in problems]
    if any(problem.level == "error" for problem in problems):
        raise FindingsReportError(problems)
    (snippet,) = snippets
    # Without a clone the location is kept, and its quote can be written later.
    if snippet.check.verdict is Verdict.UNCHECKED:
        return location, (), problems
    # A path in another notation is written as git writes it, so there is nothing to warn of.
    if snippet.path != location.path:
        problems = [problem for problem in problems if problem.code != "path-notation"]
        location = location.model_copy(update={"path": snippet.path, "lines": snippet.regions})
    lines = tuple(line.text for run in snippet.runs for line in run.lines)
    if len(lines) > _LONGEST_QUOTE:
        fault = f"more than {_LONGEST_QUOTE} lines are too many to quote, and none is quoted"
        problems.append(Problem(Kind.SOURCE, fault, "quote those that matter", level="note", code="quote-length"))
        return location, (), problems
    return location, lines, problems


def _of_option(problem: Problem) -> Problem:
    """Return a problem of the location on the command line as a problem of the option that it comes from."""
    if problem.subject is None or problem.subject[0] != "?":
        return problem
    return replace(problem, field="--lines" if "lines" in problem.subject else "--path")


def _usage(fault: str, remedy: str) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="new"))
