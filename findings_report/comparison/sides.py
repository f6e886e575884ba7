"""The two sides of a diff: what the user named, read as a report, and the two compared.

A side is a folder, a git revision, a report's JSON or a PDF. Only here does the comparison meet git and files: everything else
in this folder works on values.

A comparison masks the passages that either side masks. A finished report has no masked text, only the mark in its place:
the text behind a mark is read from git again, to be masked in the differences of the code, which are new.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from findings_report import authoring, git
from findings_report.authoring import natural
from findings_report.comparison.compare import FollowedCode, compare, pair_findings
from findings_report.evidence.redaction import mask_line, redact_snippet
from findings_report.evidence.source_files import Clone, NoLinesError, SourceFiles, find_clones, open_clones
from findings_report.history.fixes import Fixes, follow_findings
from findings_report.model.comparison import ComparedFinding, Comparison, FixCommit, TrackedRegion
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import MARK, Snippet
from findings_report.model.redaction import NOTHING, SHORTEST, Redactor, list_hidden_texts, redact, replace_spans
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path, list_names
from findings_report.problems.suggestions import did_you_mean
from findings_report.report.assemble import restrict_report
from findings_report.report.check import Inputs, Progress, assembled, check_authored
from findings_report.report.editions import refuse_unknown_audience
from findings_report.report.provenance import components

if TYPE_CHECKING:
    from findings_report.model.report import Report, ReportedFinding, ReportedRepository

REVISION: Final = "git:"
"""The prefix that marks a revision whose name a file or folder has too."""


_FATAL: Final = (Kind.USAGE, Kind.INPUT)
"""Kinds of errors that leave nothing to compare. Others are reported as warnings, and the rest is compared."""


@dataclass(frozen=True)
class ReadSide:
    """One side as it was read."""

    source: str
    """As the user named it; `working folder` when no name was given."""
    report: Report
    """The report."""
    clones: Mapping[str, Clone | None]
    """The clones its engagement knows, by repository; none for a file."""
    template: str | None
    """The template its engagement asks for; None for a file."""
    folder: Path
    """The engagement's folder; the current one for a file."""
    problems: tuple[Problem, ...] = ()
    """What could not be read; errors of the source are warnings here."""
    unread: frozenset[str] = frozenset()
    """Ids of findings of which a location could not be read, so that what they cite is not known."""
    redactor: Redactor = NOTHING
    """What the side masks; a file's marks hide what only git knows."""
    unseen: tuple[str, ...] = ()
    """Submodules in a revision's folder: findings in them are not in its commit."""


def compare_sides(before: ReadSide, after: ReadSide, inputs: Inputs, progress: Progress) -> Comparison:
    """Return the comparison of two sides, their code followed in the clones of both. Raises FindingsReportError.

    Where one is for an audience, or `inputs` name one, the editions of both for it are compared: what its readers do not get
    has neither vanished nor come.
    """
    _check_clones(inputs, (before, after))
    before, after, restricted = _restrict_sides(before, after, inputs.audience)
    before, renamed = align_repository_names(before, after)
    # What one side masks, the other may have printed: an earlier report, before anybody noticed the key.
    redactor = before.redactor | after.redactor
    before = replace(before, report=redact_report(before.report, redactor))
    after = replace(after, report=redact_report(after.report, redactor))
    clones = {name: clone for side in (before, after) for name, clone in side.clones.items() if clone is not None}
    with open_clones(clones, inputs.borrow) as repositories:
        hidden = find_hidden_code((before.report, after.report), repositories, redactor)
        # Before pairing: cited lines that moved are compared where they are now.
        progress("following the code")
        forward = follow_findings(before.report.findings, after.report, repositories)
        pairing, crowded = pair_findings(before.report, after.report, forward.regions)
        # Only findings without a partner: the others were followed from the baseline.
        new = [finding for finding in after.report.findings if finding.id not in pairing.pairs]
        back = follow_findings(new, before.report, repositories)
        progress("looking up fixes")
        fixes = Fixes(repositories, _commits(before.report), _commits(after.report))
        known = {finding.id: finding for finding in before.report.findings}
        origins = {**{id: was for id, (was, _) in pairing.pairs.items()}, **pairing.origins}
        fixed = {finding.id: fixes.of(finding, known.get(origins.get(finding.id, ""))) for finding in after.report.findings}
    comparison = compare(
        before.report,
        after.report,
        sources=(before.source, after.source),
        pairing=pairing,
        code=FollowedCode(forward.regions, back.regions, fixed, unread=(before.unread, after.unread)),
        limits=list(
            dict.fromkeys(
                [*restricted, *renamed, *_report_unread(before, after), *forward.limits, *back.limits, *fixes.limits, *crowded]
            )
        ),
        components=components(),
    )
    return redact_comparison(comparison, hidden, redactor)


def _restrict_sides(before: ReadSide, after: ReadSide, word: str | None) -> tuple[ReadSide, ReadSide, tuple[str, ...]]:
    """Return both sides for one audience, and a sentence that says so; the sides as they were read where none is for one.

    `word` is that of --audience. Raises FindingsReportError (USAGE) for reports of two audiences.
    """
    editions = dict.fromkeys(side.report.engagement.edition for side in (before, after))
    words = [each for each in dict.fromkeys((word, *editions)) if each is not None]
    if not words:
        return before, after, ()
    if len(words) > 1:
        fault = (
            f"one report is for {words[0]}, and the other for {words[1]}: what one of them leaves out would look absent or new"
        )
        raise FindingsReportError(Problem(Kind.USAGE, fault, "compare two reports for one audience", code="audience"))
    sides = [side if side.report.engagement.edition else _restrict_side(side, words[0]) for side in (before, after)]
    return sides[0], sides[1], (f"The editions of both reports for the audience {words[0]} are compared.",)


def _restrict_side(side: ReadSide, word: str) -> ReadSide:
    report = restrict_report(side.report, word)
    return replace(side, report=report, unread=side.unread & {finding.id for finding in report.findings})


def read_side(named: str | None, inputs: Inputs, progress: Progress) -> ReadSide:
    """Return the side that `named` means: a folder, a report's JSON, a PDF with its report, or a revision of the findings.

    A path that exists wins; `git:REVISION` forces a revision; None is the engagement of `inputs.folder`. Raises
    FindingsReportError for what cannot be read at all.
    """
    if named is None:
        folder = authoring.find_folder(inputs.folder)
        return _read_authored("working folder", folder, authoring.load(authoring.Folder(folder)), inputs, progress)
    # lexists: a dangling link is a path that the user meant, and an error says so; it is never tried as a revision.
    if not named.startswith(REVISION) and os.path.lexists(named):
        path = Path(named)
        if path.is_dir() or path.suffix.lower() in (".yaml", ".yml"):
            folder = authoring.find_folder(path)
            return _read_authored(named, folder, authoring.load(authoring.Folder(folder)), inputs, progress)
        return _read_archived(named, path, inputs)
    return _read_revision(named.removeprefix(REVISION), named, inputs, progress)


def side_of_report(source: str, report: Report, inputs: Inputs, available: Mapping[str, Clone] | None = None) -> ReadSide:
    """Return the side of a finished report. Its code is in the clones of the command line, else in those `available`."""
    names = [repository.name for repository in report.engagement.repositories]
    # A finished report has no folder, so its paths of clones mean nothing on this machine.
    given = {names[0] if not name and len(names) == 1 else name: clone for name, clone in inputs.clones.items()}
    known = available or {}
    clones = {name: Clone(given[name], is_given=True) if name in given else known.get(name) for name in names}
    return ReadSide(source, report, clones, None, Path.cwd() / authoring.FOLDER, unread=_find_unread(report))


def _read_authored(source: str, folder: Path, authored: authoring.Authored, inputs: Inputs, progress: Progress) -> ReadSide:
    # Without audiences everything is for everybody, as in findings that were written before there were any.
    if authored.engagement.audiences:
        refuse_unknown_audience(authored.engagement, inputs.audience)
    inputs = replace(inputs, clones=_of(authored, inputs.clones))
    authored, broken = _drop_broken_clones(authored, folder, inputs)
    checked = check_authored(inputs, folder, authored, progress)
    # Invalid YAML has no findings to compare; a report with half of them would show the rest as absent.
    if any(problem.level == "error" and problem.kind in _FATAL for problem in checked.problems):
        raise FindingsReportError(checked.problems)
    # A missing clone or commit concerns some findings. The others can be compared, so these errors become warnings.
    wrong = [*broken, *(problem for problem in checked.problems if problem.level == "error")]
    warnings = tuple(replace(problem, level="warning") for problem in authoring.locate(wrong, authored))
    report = assembled(checked, None)
    clones = find_clones(authored.engagement, folder, inputs.clones)
    # Where the pinned commit itself is missing, locations have no snippets.
    cited = {id: len(finding.locations) for id, finding in authored.findings.items()}
    left_out = {finding.id for finding in report.findings if len(finding.snippets) < cited[finding.id]}
    unread = _find_unread(report) | left_out
    return ReadSide(source, report, clones, authored.engagement.template, folder, warnings, unread, checked.redactor)


def _find_unread(report: Report) -> frozenset[str]:
    """Return the findings that cite code which could not be read in a repository that was."""
    # Without a clone nothing was read, which the comparison reports for the repository.
    read = {repository.name for repository in report.engagement.repositories if repository.is_read}
    return frozenset(
        finding.id
        for finding in report.findings
        if any(snippet.blob is None and snippet.repository in read for snippet in finding.snippets)
    )


def _drop_broken_clones(
    authored: authoring.Authored, folder: Path, inputs: Inputs
) -> tuple[authoring.Authored, Sequence[Problem]]:
    """Return the engagement without the paths at which no repository can be opened, and what is wrong with each.

    A clone that the command line names is not left out: a wrong one is an error.
    """
    problems: list[Problem] = []
    known = dict(authored.engagement.repositories)
    for name, clone in find_clones(authored.engagement, folder, inputs.clones).items():
        if clone is None or clone.is_given or clone.is_fetched:
            continue
        try:
            with open_clones({name: clone}, inputs.borrow):
                pass
        except FindingsReportError as error:
            problems += error.problems
            # Without its path the repository counts as not available, which the comparison reports with its findings.
            known[name] = known[name].model_copy(update={"path": None})
    engagement = authored.engagement.model_copy(update={"repositories": known})
    return replace(authored, engagement=engagement), problems


def _of(authored: authoring.Authored, clones: Mapping[str, Path]) -> dict[str, Path]:
    """Return the clones of the command line that this side's engagement knows: the sides may have different repositories."""
    # A path without a name means the only repository; a side that has several leaves it to the other side.
    names = authored.engagement.repositories
    if "" in clones and len(names) != 1:
        return {name: path for name, path in clones.items() if name in names}
    return {name: path for name, path in clones.items() if name in names or not name}


def _read_archived(source: str, path: Path, inputs: Inputs) -> ReadSide:
    from findings_report.report import archive

    report = archive.read(archive.content_of(path, shown=source), source, password=inputs.password)
    return side_of_report(source, report, inputs)


def _read_revision(revision: str, source: str, inputs: Inputs, progress: Progress) -> ReadSide:
    # Resolved, because git names files by their real path.
    folder = authoring.find_folder(inputs.folder).resolve()
    root = git.enclosing_folder(folder)
    if root is None:
        fault = f"there is no file or folder {source!r}, and {display_path(folder)} is in no git repository"
        raise FindingsReportError(
            Problem(Kind.USAGE, fault, "name a folder, a report's JSON or PDF, or a git revision", code="no-side")
        )
    with git.open_repository(root, name="findings", borrow=inputs.borrow) as repository:
        commit = repository.commit_of(revision)
        if commit is None:
            fault = f"{source!r} is no file or folder, and names no commit of the repository that holds the findings"
            remedy = "name a folder, a report's JSON or PDF, or a git revision; a short hash may name several commits"
            raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="no-side"))
        prefix = folder.relative_to(root).as_posix()
        files = authoring.Revision(repository, commit, "" if prefix == "." else prefix, shown=f"{REVISION}{revision}")
        authored = authoring.load(files)
        unseen = files.submodules
    return replace(_read_authored(source, folder, authored, inputs, progress), unseen=unseen)


def align_repository_names(before: ReadSide, after: ReadSide) -> tuple[ReadSide, tuple[str, ...]]:
    """Return the baseline with the current names of its repositories, and a sentence for each that was renamed.

    A repository that the current side does not name is matched to the one that the baseline does not name, with the same
    address or at the same path. Without a match it keeps its name, and following its code reports that.
    """
    renamed = _find_renamed(before, after)
    if not renamed:
        return before, ()
    report = before.report
    repositories = tuple(
        repository.model_copy(update={"name": renamed.get(repository.name, repository.name)})
        for repository in report.engagement.repositories
    )
    report = report.model_copy(
        update={
            "engagement": report.engagement.model_copy(update={"repositories": repositories}),
            "findings": tuple(_rename_snippets(finding, renamed) for finding in report.findings),
        }
    )
    clones = {renamed.get(name, name): clone for name, clone in before.clones.items()}
    notes = tuple(f"Repository {new} is called {old} in the baseline." for old, new in renamed.items())
    return replace(before, report=report, clones=clones), notes


def _find_renamed(before: ReadSide, after: ReadSide) -> dict[str, str]:
    """Return baseline name -> current name, where they differ."""
    old = {repository.name: repository for repository in before.report.engagement.repositories}
    new = {repository.name: repository for repository in after.report.engagement.repositories}
    renamed: dict[str, str] = {}
    for name in old.keys() - new.keys():
        same = _places(before, old[name])
        others = [other for other in new.keys() - old.keys() if same & _places(after, new[other])]
        # Two candidates are none: a wrong clone would make every answer about the code wrong.
        if len(others) == 1 and others[0] not in renamed.values():
            renamed[name] = others[0]
    return dict(sorted(renamed.items()))


def _places(side: ReadSide, repository: ReportedRepository) -> set[str | Path]:
    """Return where a repository can be recognised by: its address and the path of its clone."""
    places: set[str | Path] = set()
    if repository.url is not None:
        # Forges answer to an address with and without .git, and in any case.
        places.add(repository.url.casefold().rstrip("/").removesuffix(".git"))
    clone = side.clones.get(repository.name)
    if clone is not None:
        places.add(clone.path.resolve())
    return places


def _rename_snippets(finding: ReportedFinding, renamed: dict[str, str]) -> ReportedFinding:
    snippets = tuple(
        snippet.model_copy(update={"repository": renamed.get(snippet.repository, snippet.repository)})
        for snippet in finding.snippets
    )
    return finding.model_copy(update={"snippets": snippets})


def _check_clones(inputs: Inputs, sides: Sequence[ReadSide]) -> None:
    """Raises FindingsReportError (USAGE) for a --repository that neither side knows: each takes those that it does."""
    known = [set(side.clones) for side in sides]
    names = sorted(set().union(*known))
    for name, path in inputs.clones.items():
        if not name and all(len(names_of_side) != 1 for names_of_side in known):
            fault = f"--repository {str(path)!r} does not say which one it is ({', '.join(names) or 'there is none'})"
            raise FindingsReportError(Problem(Kind.USAGE, fault, "write NAME=PATH", code="no-repository"))
        if name and name not in names:
            fault = f"--repository names {name!r}; the two sides have {', '.join(names) or 'no repository'}"
            raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(name, names), code="no-repository"))


def _commits(report: Report) -> dict[str, str | None]:
    return {repository.name: repository.commit for repository in report.engagement.repositories}


def _report_unread(before: ReadSide, after: ReadSide) -> Iterator[str]:
    """Yield a sentence for everything of a side that could not be read: findings in submodules, and the code of findings."""
    for name, side in (("baseline side", before), ("current side", after)):
        if side.unseen:
            yield f"Findings in {list_names(side.unseen)}, submodules of the {name}, were not read."
        if side.unread:
            ids = sorted(side.unread, key=natural)
            yield f"Not all that {list_names(ids)} cite{'' if len(ids) > 1 else 's'} could be read on the {name}."


@dataclass(frozen=True)
class HiddenCode:
    """What the reports of a comparison mask, as git has it."""

    redactor: Redactor
    """Texts that no difference of code may show."""
    lines: Mapping[tuple[str, str], Mapping[str, str]]
    """By repository and path, each masked line without indentation, and what is printed of it."""


def redact_report(report: Report, redactor: Redactor) -> Report:
    """Return a side without what the other one masks."""
    if not redactor:
        return report
    findings = tuple(
        # A hash covers lines that are not printed, where the other side's text may be.
        finding.model_copy(
            update={
                "snippets": tuple(
                    redact_snippet(each.model_copy(update={"line_hash": None}), redactor) for each in finding.snippets
                )
            }
        )
        for finding in report.findings
    )
    return redact(report.model_copy(update={"findings": findings}), redactor)


def find_hidden_code(
    reports: Iterable[Report], repositories: Mapping[str, git.Repository | None], redactor: Redactor
) -> HiddenCode:
    """Return what is behind the marks in the code of `reports`, as far as a repository is available, and `redactor`."""
    texts: dict[str, None] = dict.fromkeys(redactor.texts)
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for snippet in (snippet for report in reports for finding in report.findings for snippet in finding.snippets):
        repository = repositories.get(snippet.repository)
        if not snippet.redacted or snippet.blob is None or snippet.commit is None or repository is None:
            continue
        printed = {line.number: line.text for run in snippet.runs for line in run.lines}
        for number, true in _read_lines(snippet, snippet.commit, repository).items():
            masked = printed.get(number, mask_line(true)).strip()
            if any(map(str.isalnum, true)) and MARK in masked:
                lines.setdefault((snippet.repository, snippet.path), {})[true.strip()] = masked
                hidden = list_hidden_texts(true) if masked == MARK else _behind_marks(masked, true.strip())
                texts |= dict.fromkeys(hidden)
    return HiddenCode(Redactor(tuple(texts)), lines)


def _read_lines(snippet: Snippet, commit: str, repository: git.Repository) -> dict[int, str]:
    """Return the masked lines of a snippet as git has them; none if they cannot be read, and have no difference either."""
    try:
        file = SourceFiles(repository, commit).file(snippet.path)
    except (NoLinesError, FindingsReportError):
        return {}
    count = len(file.lines) if file is not None else 0
    numbers = (
        number for region in snippet.redacted for number in range(max(region.start_line, 1), min(region.end_line, count) + 1)
    )
    return {number: file.lines[number - 1] for number in numbers} if file is not None else {}


def _behind_marks(masked: str, true: str) -> list[str]:
    """Return the texts that the marks in a printed line hide; none if it is not that line."""
    head, *rest = masked.split(MARK)
    if not true.startswith(head):
        return []
    hidden: list[str] = []
    at = len(head)
    for index, part in enumerate(rest):
        is_last = index == len(rest) - 1
        end = len(true) - len(part) if is_last else true.find(part, at)
        if end < at or not true.startswith(part, end):
            return []
        hidden.append(true[at:end])
        at = end + len(part)
    return [text for text in hidden if len("".join(text.split())) >= SHORTEST]


def redact_comparison(comparison: Comparison, hidden: HiddenCode, redactor: Redactor) -> Comparison:
    """Return a comparison with the masked passages of both sides masked in it, those of `redactor` everywhere."""
    if not (hidden.redactor or hidden.lines):
        return comparison
    findings = tuple(_redact_finding(compared, hidden) for compared in comparison.findings)
    return redact(comparison.model_copy(update={"findings": findings}), redactor)


def _redact_finding(compared: ComparedFinding, hidden: HiddenCode) -> ComparedFinding:
    evidence = tuple(_redact_region(region, hidden) for region in compared.evidence)
    fixes = tuple(_redact_fix(fix, hidden) for fix in compared.fixes)
    return compared.model_copy(update={"evidence": evidence, "fixes": fixes})


def _redact_fix(fix: FixCommit, hidden: HiddenCode) -> FixCommit:
    return fix.model_copy(update={"touched": tuple(_redact_region(region, hidden) for region in fix.touched)})


def _redact_region(region: TrackedRegion, hidden: HiddenCode) -> TrackedRegion:
    drift = region.drift
    lines = hidden.lines.get((region.repository, drift.path), {})
    diff = _redact_diff(drift.diff, lines, hidden.redactor)
    return region if diff == drift.diff else region.model_copy(update={"drift": drift.model_copy(update={"diff": diff})})


def _redact_diff(diff: Sequence[DiffLine], lines: Mapping[str, str], redactor: Redactor) -> tuple[DiffLine, ...]:
    """Return a diff with its passages masked, and all that came in place of a line that is masked as a whole."""
    redacted: list[DiffLine] = []
    is_replaced = False
    for line in diff:
        bare = line.text.strip()
        indent = line.text[: len(line.text) - len(line.text.lstrip())]
        text = indent + lines[bare] if bare in lines else replace_spans(line.text, redactor.find_verbatim(line.text))
        is_kept = line.old_line is not None and line.new_line is not None
        # The lines that went precede those that came: a new key is often where the old one was.
        if line.old_line is None and is_replaced:
            text = mask_line(line.text)
        is_replaced = not is_kept and (is_replaced or text.strip() == MARK)
        redacted.append(line if text == line.text else line.model_copy(update={"text": text}))
    return tuple(redacted)
