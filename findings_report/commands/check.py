"""The commands `check` and `list`: an engagement is read and checked against git, and the gates are applied; or its findings, a
line each. `check --prose` checks what documents cite. And the words that a shell proposes for an option.

A function for the shell reads only what it needs: completion runs on every press of Tab.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from findings_report import authoring
from findings_report.authoring import scoring
from findings_report.authoring.proofread import find_unwritten, strings_of
from findings_report.evidence import secrets
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Verdict
from findings_report.model.finding import ANSWERED, Finding, Status
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path, list_names
from findings_report.problems.suggestions import did_you_mean
from findings_report.report import check as domain
from findings_report.report.check import Checked, Inputs, Progress, read
from findings_report.report.formats import FORMATS

if TYPE_CHECKING:
    from findings_report.git import Repository as GitRepository
    from findings_report.importing.citations import CitedSource, ProseCheck
    from findings_report.model.report import ReportedEngagement

LARGEST_DOCUMENT: Final = 4 * 1024 * 1024
"""Bytes of a document that `check --prose` reads."""


def check(inputs: Inputs, progress: Progress, *, fail_on: str | None = None, strict: bool = False) -> Checked:
    """Return the checked engagement with its warnings, and an error of kind GATE for each gate that tripped.

    `fail_on` is a severity of the engagement's scale, a word of GATES, or several with commas; `strict` makes any warning trip.
    Raises FindingsReportError with every problem found where there is an error, and (USAGE) for a word of neither.
    """
    refuse_blind_gate(fail_on)
    checked = domain.check(inputs, progress)
    if not secrets.is_available():
        checked = replace(checked, problems=(*checked.problems, secrets.report_unavailable()))
    return replace(checked, problems=(*checked.problems, *gates(checked, checked.problems, fail_on, strict=strict)))


def gates(checked: Checked, problems: Sequence[Problem], fail_on: str | None, *, strict: bool) -> list[Problem]:
    """Return one error of kind GATE for each of --strict and --fail-on that tripped."""
    words = fail_words(fail_on)
    faults: list[tuple[str, str]] = []
    found = sum(problem.code == secrets.CODE for problem in problems)
    is_unsearched = any(problem.code == secrets.UNSEARCHED for problem in problems)
    if secrets.CODE in words and (found or is_unsearched):
        counted = [f"{found} credential{'' if found == 1 else 's'}"] if found else []
        faults.append((secrets.CODE, ", and ".join([*counted, *["not all texts were searched"] * is_unsearched])))
    snippets = checked.evidence.snippets if checked.evidence is not None else None
    verdicts = (
        {id: [each.check.verdict for each in of_one] for id, of_one in snippets.items()} if snippets is not None else None
    )
    faults += quote_faults(words, verdicts)
    engagement = checked.authored.engagement
    limit = severity_limit(engagement, fail_on)
    if limit is not None:
        bad = [key for key, finding in checked.authored.findings.items() if _trips(engagement, finding, limit)]
        if bad:
            faults.append((engagement.severities[limit].name, f"{len(bad)} unresolved: {list_names(bad)}"))
    return [*trip(faults), *(refuse_warnings(problems) if strict else ())]


UNCHECKED: Final = "unchecked"
QUOTE: Final = "quote"
GATES: Final = (secrets.CODE, UNCHECKED, QUOTE)
"""The words of --fail-on that are no severities."""

NOT_CHECKED: Final = frozenset({Verdict.UNCHECKED})
NOT_AS_QUOTED: Final = NOT_CHECKED | {Verdict.EDITED, Verdict.MOVED, Verdict.NOT_FOUND}
"""A quote that was not checked may be wrong as well: a gate that could not run fails."""


def fail_words(fail_on: str | None) -> tuple[str, ...]:
    """Return the words of --fail-on, which commas separate."""
    return tuple(word for word in map(str.strip, (fail_on or "").split(",")) if word)


def quote_faults(words: Sequence[str], verdicts: Mapping[str, Sequence[Verdict]] | None) -> list[tuple[str, str]]:
    """Return each of `words` that a quote trips, and the findings with their number of locations.

    `verdicts` are those of the locations by finding; None if the code was not read.
    """
    faults = []
    for word, wrong in ((UNCHECKED, NOT_CHECKED), (QUOTE, NOT_AS_QUOTED)):
        counts = {id: sum(map(wrong.__contains__, of_one)) for id, of_one in (verdicts or {}).items()}
        total = sum(counts.values())
        if word in words and verdicts is None:
            faults.append((word, "the code was not read"))
        elif word in words and total:
            ids = list_names([id for id, count in counts.items() if count])
            faults.append((word, f"{total} location{'' if total == 1 else 's'}: {ids}"))
    return faults


def trip(faults: Iterable[tuple[str, str]]) -> list[Problem]:
    """Return the error of --fail-on for each word with its fault."""
    return [Problem(Kind.GATE, f"--fail-on {word}: {fault}", code="fail-on") for word, fault in faults]


def refuse_warnings(problems: Sequence[Problem]) -> list[Problem]:
    """Return the error of --strict if one of the problems is a warning."""
    # Notes do not count: they inform, and demand no change.
    warnings = sum(1 for problem in problems if problem.level == "warning")
    fault = f"--strict: {warnings} warning{'' if warnings == 1 else 's'}"
    return [Problem(Kind.GATE, fault, code="strict")] if warnings else []


@dataclass(frozen=True)
class ProseInputs:
    """What `check --prose` reads."""

    documents: tuple[Path, ...]
    """Files in Markdown."""
    folder: Path | None
    """-C; None for the current folder, which need not have an engagement."""
    clones: Mapping[str, Path]
    """--repository, by name; empty for the only one."""
    borrow: tuple[Path, ...] = ()
    """--borrow."""
    revision: str | None = None
    """--revision; None for the pins of the engagement, else HEAD."""
    is_staged: bool = False
    """--staged: documents, and the clones that have them, are read from the index."""


def check_prose(inputs: ProseInputs, progress: Progress, *, strict: bool = False) -> ProseCheck:
    """Check what documents cite: against the repositories of the engagement, else that of --repository or of the document.

    Wrong citations are warnings; with `strict` they are followed by an error of kind GATE. Raises FindingsReportError for
    documents that cannot be read (INPUT), and without a repository or revision (SOURCE).
    """
    from findings_report.importing.citations import ProseCheck, check_document

    if not inputs.documents:
        raise FindingsReportError(Problem(Kind.USAGE, "--prose names no document", "name files in Markdown", code="options"))
    progress("reading documents")
    texts: dict[Path, str] = {}
    faults: list[Problem] = []
    for clone, documents in _group_by_clone(inputs).items():
        with _open_index(clone, inputs) as staged:
            for document in documents:
                try:
                    texts[document] = _read_document(document) if staged is None else _read_staged(document, *staged)
                except FindingsReportError as error:
                    faults += error.problems
    # All of them at once: a hook names every file of a commit.
    if faults:
        raise FindingsReportError(faults)
    result = ProseCheck()
    for folder, documents in _group_documents(inputs, list(texts)):
        with _open_sources(inputs, folder, documents, result) as sources:
            for document in documents:
                progress(f"checking {document.name}")
                placed = [replace(source.read(document), root=_find_root(document, source.path)) for source in sources]
                check_document(texts[document], display_path(document), placed, result)
    if strict:
        result.problems += refuse_warnings(result.problems)
    return result


def _read_document(document: Path) -> str:
    """Return the text of a document. Raises FindingsReportError (INPUT)."""
    fault, remedy, code = "", "name a file in Markdown", "no-file"
    try:
        with document.open("rb") as file:
            content = file.read(LARGEST_DOCUMENT + 1) if document.is_file() else b"\0"
    except (OSError, ValueError) as error:
        fault = "it is a folder" if document.is_dir() else f"cannot be read: {getattr(error, 'strerror', None) or error}"
    else:
        if len(content) > LARGEST_DOCUMENT:
            fault, remedy = f"it has more than {LARGEST_DOCUMENT:,} bytes", "divide it"
        elif b"\0" in content:
            fault, code = "it is no text", "not-utf8"
        else:
            return _decode_document(document, content)
    raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(document)), code=code))


def _decode_document(document: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        fault, remedy = "it is not UTF-8", "convert the file to UTF-8"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(document)), code="not-utf8")) from None


def _group_by_clone(inputs: ProseInputs) -> dict[Path | None, list[Path]]:
    """Return the documents by the work tree around them, if they are read from its index; else all below None."""
    groups: dict[Path | None, list[Path]] = {}
    for document in dict.fromkeys(inputs.documents):
        clone = _find_clone(document) if inputs.is_staged else None
        if inputs.is_staged and clone is None:
            fault = "it is in no git repository, so nothing of it is staged"
            place = Place(display_path(document))
            raise FindingsReportError(Problem(Kind.SOURCE, fault, "leave out --staged", place=place, code="no-repository"))
        groups.setdefault(clone, []).append(document)
    return groups


def _find_clone(document: Path) -> Path | None:
    """Return the work tree that a document is in: the nearest, as a submodule is."""
    from findings_report import git

    return git.enclosing_folder(Path(os.path.realpath(document.parent)))


@contextmanager
def _open_index(clone: Path | None, inputs: ProseInputs) -> Iterator[tuple[GitRepository, str, Path] | None]:
    """Open the work tree of documents, with the commit of what is staged there; None if no index is read."""
    from findings_report.evidence.source_files import Clone, open_clones

    if clone is None:
        yield None
        return
    with open_clones({clone.name: Clone(clone, is_given=True)}, inputs.borrow) as opened:
        source = opened[clone.name]
        assert source is not None  # noqa: S101  # a clone was given
        yield source, source.stage(_find_index(clone)), clone


def _find_index(clone: Path) -> Path | None:
    """Return the index that git gave to the hook that runs now; None for the clone's own."""
    from findings_report import git

    # `git commit FILE` and `git commit --all` commit from an index that exists during the hook alone. It is that of the
    # current folder, and git names it from the root of the work tree.
    given, here = os.environ.get("GIT_INDEX_FILE"), git.enclosing_folder(Path.cwd())
    return here / given if given and here is not None and os.path.realpath(here) == os.path.realpath(clone) else None


def _read_staged(document: Path, source: GitRepository, commit: str, clone: Path) -> str:
    """Return the text of a document from the index. Raises FindingsReportError (INPUT, SOURCE)."""
    path = Path(os.path.realpath(document.parent)).relative_to(clone) / document.name
    entry = source.entry(commit, os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace"))
    fault, remedy = "", "name a file in Markdown"
    if entry is None:
        fault, remedy = "it is not staged", "`git add` it, or leave out --staged"
    elif entry.kind != "file":
        fault = f"a {entry.kind} is staged, and no file"
    elif (entry.size or 0) > LARGEST_DOCUMENT:
        fault, remedy = f"it has more than {LARGEST_DOCUMENT:,} bytes", "divide it"
    else:
        content = source.blob(entry.id)
        if b"\0" not in content:
            return _decode_document(document, content)
        fault = "it is no text"
    raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(display_path(document)), code="no-file"))


def _group_documents(inputs: ProseInputs, documents: Sequence[Path]) -> Iterator[tuple[Path | None, list[Path]]]:
    """Yield folders, of an engagement or a clone, each with its documents; None if --repository names the clones."""
    try:
        folder = authoring.find_folder(inputs.folder or Path())
    except FindingsReportError as error:
        if error.problems[0].code != "no-engagement":
            raise
    else:
        repositories = authoring.load_engagement(authoring.Folder(folder)).engagement.repositories
        # A clone without a name is the engagement's only where that is certain: the current folder may be anybody's.
        root = folder.parent if folder.name == authoring.FOLDER else folder
        is_certain = len(repositories) == 1 and all(_find_root(document, root) is not None for document in documents)
        if repositories and (inputs.folder is not None or "" not in inputs.clones or is_certain):
            yield folder, list(documents)
            return
    if inputs.clones:
        yield None, list(documents)
        return
    from findings_report import git

    groups: dict[Path | None, list[Path]] = {}
    for document in documents:
        # The clone around a document goes before the current folder, which may be anywhere.
        start = inputs.folder or document.absolute().parent
        clone = git.enclosing_folder(start.absolute()) or git.enclosing_folder(Path.cwd())
        groups.setdefault(clone, []).append(document)
    if lost := groups.get(None):
        fault = "it is in no git repository, and no engagement is here"
        remedy = "name the clone with --repository, or the engagement with -C"
        raise FindingsReportError(Problem(Kind.SOURCE, fault, remedy, place=Place(display_path(lost[0])), code="no-repository"))
    yield from groups.items()


class _OpenedSource(NamedTuple):
    """A clone that documents cite."""

    path: Path
    pinned: CitedSource | None
    """The clone at its pin; None if no document needs it."""
    staged: CitedSource | None
    """The clone with what is staged; None if no document needs it."""
    changing: frozenset[Path]
    """The documents that are about to be committed with what is staged."""

    def read(self, document: Path) -> CitedSource:
        """Return the clone as a document cites it."""
        source = self.staged if document in self.changing else self.pinned
        assert source is not None  # noqa: S101  # opened for each of its documents
        return source


@contextmanager
def _open_sources(
    inputs: ProseInputs, folder: Path | None, documents: Sequence[Path], result: ProseCheck
) -> Iterator[Sequence[_OpenedSource]]:
    """Open the clones of an engagement, of a folder with a work tree, or of --repository, for these documents."""
    from findings_report.evidence.audited_commit import find_audited_commit
    from findings_report.evidence.source_files import Clone, FileReader, find_clones, open_clones, set_aside_broken
    from findings_report.importing.citations import CitedSource
    from findings_report.model.engagement import DeclaredRepository

    is_engagement = folder is not None and os.path.exists(folder / authoring.ENGAGEMENT)  # noqa: PTH110 - never raises
    if folder is not None and is_engagement:
        engagement = authoring.load_engagement(authoring.Folder(folder)).engagement
        declared = dict(engagement.repositories)
        clones, problems = set_aside_broken(find_clones(engagement, folder, inputs.clones), inputs.borrow)
        result.problems += problems
    else:
        named = {name or path.absolute().name: path for name, path in inputs.clones.items()}
        paths = {folder.name: folder} if folder is not None else named
        clones = {name: Clone(path, is_given=True) for name, path in paths.items()}
        declared = {name: DeclaredRepository(revision="HEAD") for name in paths}
    if inputs.revision is not None and len(declared) != 1:
        fault = f"--revision is for one repository, and there are {len(declared)}: {', '.join(declared)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "pin each in engagement.yaml", code="options"))
    if inputs.revision is not None:
        declared = {
            name: each.model_copy(update={"revision": inputs.revision, "commit": None}) for name, each in declared.items()
        }
    with open_clones(clones, inputs.borrow) as opened:
        sources: list[_OpenedSource] = []
        for name, source in opened.items():
            if source is None:
                fault = f"repository {name!r} has no clone here: what documents cite of it was not checked"
                remedy = f"name the clone with `--repository {name}=PATH`"
                result.problems.append(Problem(Kind.SOURCE, fault, remedy, level="warning", code="unchecked"))
                continue
            # Addresses in a clone are not to be trusted, and here they only say which links are checked.
            addresses = [declared[name].web, declared[name].url, *(() if is_engagement else source.remotes)]
            reader, homes = FileReader(source, declared, name), _find_homes(addresses)
            changing = _find_changing(documents, source.path, folder if is_engagement else None) if inputs.is_staged else ()
            staged = pinned = None
            if changing:
                commit = source.stage(_find_index(source.path))
                staged = CitedSource(name, reader, commit, homes, is_staged=True, branch=source.branch)
            if len(changing) < len(documents):
                audited = find_audited_commit(name, declared[name], source)
                if audited.hash is None:
                    errors = [replace(problem, subject=None) for problem in audited.problems]
                    raise FindingsReportError(errors)
                pinned = CitedSource(name, reader, audited.hash, homes)
            sources.append(_OpenedSource(source.path, pinned, staged, frozenset(changing)))
        yield sources


def _find_changing(documents: Sequence[Path], clone: Path, engagement: Path | None) -> list[Path]:
    """Return the documents that are committed together with the code of a clone.

    Those in the folder of an engagement inside the clone are about what was audited, and that is its pin.
    """
    root = os.path.realpath(clone)
    own = os.path.realpath(engagement) if engagement is not None else root
    within = [document for document in documents if str(_find_clone(document)) == root]
    return [document for document in within if own == root or not Path(os.path.realpath(document)).is_relative_to(own)]


def _find_homes(addresses: Sequence[str | None]) -> frozenset[str]:
    """Return `host/owner/name` of addresses, in lower case."""
    from findings_report.forges.permalinks import find_home, strip_credentials

    homes = set()
    for address in filter(None, addresses):
        home = find_home(address)
        bare = (strip_credentials(address) or "").partition("://")[2].removesuffix(".git").strip("/")
        if home is not None or "/" in bare:
            homes.add((home[1] if home else bare).casefold())
    return frozenset(homes)


def _find_root(document: Path, clone: Path) -> str | None:
    """Return the folder of a document in a work tree, POSIX; None if it is not in there."""
    try:
        return document.resolve().parent.relative_to(clone.resolve()).as_posix()
    except (OSError, ValueError):
        return None


def _trips(engagement: Engagement, finding: Finding, limit: int) -> bool:
    scale = [entry.name for entry in engagement.severities]
    # A resolved finding and a false positive need no action, so they must not stop a pipeline.
    return finding.status not in ANSWERED and scale.index(scoring.severity(engagement, finding)[0]) <= limit


def severity_limit(engagement: Engagement | ReportedEngagement, fail_on: str | None) -> int | None:
    """Return the 0-based position in the scale, worst first, of the lowest severity in --fail-on; None if it has none.

    Raises FindingsReportError (USAGE) for a word that is neither in the scale nor in GATES.
    """
    scale = [entry.name for entry in engagement.severities]
    ranks = []
    # Nothing but commas, as of an empty variable in CI, would be a gate that never fails.
    for word in fail_words(fail_on) or ([""] if fail_on is not None else []):
        if word in scale:
            ranks.append(scale.index(word))
        elif word not in GATES:
            fault = f"--fail-on {word!r} is neither in the scale ({', '.join(scale)}) nor one of {', '.join(GATES)}"
            remedy = did_you_mean(word, (*scale, *GATES))
            raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="not-in-list"))
    return max(ranks, default=None)


def refuse_blind_gate(fail_on: str | None) -> None:
    """Raise FindingsReportError (USAGE) for `--fail-on secret` where nothing can look for credentials."""
    if secrets.CODE in fail_words(fail_on) and not secrets.is_available():
        unavailable = secrets.report_unavailable()
        fault = f"--fail-on {fail_on}: {unavailable.fault}"
        raise FindingsReportError(replace(unavailable, kind=Kind.USAGE, level="error", fault=fault))


class ListEntry(NamedTuple):
    """One finding in a line."""

    id: str
    severity: str
    status: Status
    title: str
    owner: str | None
    file: str
    """The path of its file as the user would type it."""
    to_do: tuple[str, ...]
    """Dotted names of the fields that are still to be written."""


@dataclass(frozen=True)
class ListFilter:
    """What `list` is limited to. Of one criterion any value may match, and all criteria that have values must."""

    severities: tuple[str, ...] = ()
    """Severities of the scale."""
    statuses: tuple[str, ...] = ()
    """Statuses, ours or as the engagement prints them."""
    owners: tuple[str, ...] = ()
    """Owners, ignoring case."""
    text: str = ""
    """A text in any field or in the id, ignoring case."""


@dataclass(frozen=True)
class Overview:
    """The result of `list`."""

    status_words: Mapping[Status, str]
    """What the engagement prints for statuses."""
    scale: tuple[str, ...]
    """The engagement's severities, worst first."""
    entries: tuple[ListEntry, ...]
    """Worst first, then by id."""
    total: int
    """The number of findings, also of those that the filter leaves out."""
    problems: tuple[Problem, ...]
    """Warnings."""


def overview(inputs: Inputs, wanted: ListFilter = ListFilter()) -> Overview:  # a frozen value
    """Return the findings that the filter lets through, most severe first. Raises FindingsReportError (USAGE) for its words."""
    _, authored = read(inputs)
    engagement = authored.engagement
    scale = tuple(entry.name for entry in engagement.severities)
    _refuse_unknown("--severity", wanted.severities, scale)
    statuses = _statuses(engagement, wanted.statuses)
    owners = {owner.casefold() for owner in wanted.owners}
    entries = [
        ListEntry(
            key,
            severity,
            finding.status,
            authored.redactor.mask(finding.title),
            authored.redactor.mask(finding.owner) if finding.owner else None,
            authored.documents[key][0],
            find_unwritten(finding),
        )
        for key, finding in authored.findings.items()
        if (severity := scoring.severity(engagement, finding)[0]) in (wanted.severities or scale)
        and finding.status in (statuses or Status)
        and (not owners or (finding.owner or "").casefold() in owners)
        and _contains(key, finding, wanted.text)
    ]
    # The sort is stable: findings of one severity stay in natural order (2 before 10).
    entries.sort(key=lambda entry: scale.index(entry.severity))
    return Overview(engagement.status_words, scale, tuple(entries), len(authored.findings), authored.warnings)


def _refuse_unknown(option: str, words: Sequence[str], known: Sequence[str]) -> None:
    for word in words:
        if word not in known:
            fault = f"{option} {word!r} is not one of {', '.join(known)}"
            raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(word, known), code="not-in-list"))


def _statuses(engagement: Engagement, words: Sequence[str]) -> set[Status]:
    """Return the statuses of the words: ours, with any of the signs between them, or those that the engagement prints."""
    known = {status.value: status for status in Status}
    printed = {status.printed(engagement.status_words).casefold(): status for status in Status}
    plain = {word: word.casefold().replace("-", "_").replace(" ", "_") for word in words}
    _refuse_unknown(
        "--status", [word for word in words if plain[word] not in known and word.casefold() not in printed], [*known]
    )
    return {known.get(plain[word]) or printed[word.casefold()] for word in words}


def _contains(key: str, finding: Finding, text: str) -> bool:
    # The text, not a pattern: nobody thinks of the signs of a pattern in a path or a call.
    sought = text.casefold()
    return not sought or any(sought in each.casefold() for each in (key, *(value for _, value in strings_of(finding, ()))))


def list_formats() -> tuple[str, ...]:
    """Return the formats of a report."""
    return tuple(FORMATS)


def list_library_entries(start: Path, shared: Path | None) -> tuple[str, ...]:
    """Return the entries of the engagement's library and of `shared`. Raise FindingsReportError without an engagement."""
    from findings_report.commands.new import library

    return library(start, shared).entries


def list_severities(start: Path) -> tuple[str, ...]:
    """Return the engagement's scale, worst first. Raise FindingsReportError where it cannot be read."""
    # Without the findings: reading all of them would be felt at a prompt.
    engagement = authoring.load_engagement(authoring.Folder(authoring.find_folder(start))).engagement
    return tuple(severity.name for severity in engagement.severities)


def list_audiences(start: Path) -> tuple[str, ...]:
    """Return the audiences that the engagement declares. Raise FindingsReportError where it cannot be read."""
    return authoring.load_engagement(authoring.Folder(authoring.find_folder(start))).engagement.audiences


def list_finding_ids(start: Path) -> tuple[str, ...]:
    """Return the ids of the engagement's findings. Raise FindingsReportError where one cannot be read."""
    return tuple(authoring.load(authoring.Folder(authoring.find_folder(start))).findings)


def list_repositories(start: Path) -> tuple[str, ...]:
    """Return the names of the engagement's repositories. Raise FindingsReportError where it cannot be read."""
    return tuple(authoring.load_engagement(authoring.Folder(authoring.find_folder(start))).engagement.repositories)


def list_templates(start: Path) -> tuple[str, ...]:
    """Return the names of the tool's templates and of the engagement's own. Raise FindingsReportError where there is none."""
    from findings_report.rendering.template_files import find_template, template_names

    return tuple(template_names(find_template("standard", authoring.find_folder(start), given=False)))
