"""The commands `import ...`: files of other programs and people become findings, and are checked before they are written.

`import.lock.yaml` has, for each imported finding and text, its source and the values of the last import. Importing again
compares three values: that one, the one in the file, and the new one; what a person changed is kept.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from findings_report import authoring
from findings_report.authoring import new_finding
from findings_report.authoring.yaml_reader import YamlFault, read
from findings_report.importing import (
    FITTING,
    IMPORTERS,
    AuditedRepository,
    ForeignFile,
    ImportContext,
    ImportedFile,
    ImportedFinding,
    ImportedText,
    Importer,
    ImportOptions,
    SummaryRow,
)
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Verdict
from findings_report.model.field_types import identifier_fault
from findings_report.problems import FindingsReportError, Kind, Place, Problem, system_problem
from findings_report.problems.safe_text import display_path
from findings_report.report.check import Inputs, Progress, check_authored

if TYPE_CHECKING:
    from findings_report.evidence.source_files import FileReader

_SAME_TEXT: Final = 60.0
"""Likeness, 0 to 100, from which on two texts with one id, or one title, are the same finding, edited."""

_DEVICES: Final = re.compile(r"(?:CON|PRN|AUX|NUL|(?:COM|LPT)[0-9])(?:\..*)?", re.IGNORECASE)
"""Names that no file has on Windows."""

_IN_FILE: Final = "file "
"""In the lock file, before the name of the file that has the finding of a row."""

_HEADER: Final = "# Written by `findings-report import`, which compares it with the next import. Keep it with the findings.\n"


@dataclass(frozen=True)
class ImportResult:
    """The result of an import."""

    new: tuple[Path, ...]
    """Files that were created, or would be without --dry-run."""
    updated: tuple[Path, ...]
    """Files that were changed, or would be."""
    unchanged: int
    """Findings that are as they were."""
    verified: Mapping[Verdict, int]
    """Quotes of the imported findings that are in the repository, by verdict."""
    unverified: Mapping[Verdict, int]
    """The other locations: quotes that differ or are missing there, and places without a quote."""
    unplaced: int
    """Fences that stay fences."""
    problems: tuple[Problem, ...]
    """Warnings and notes."""


@dataclass
class _Import:
    """What a run has to write."""

    folder: Path
    files: authoring.Files
    names: Mapping[str, str]
    """The paths of its files by their names."""
    context: ImportContext
    lock: dict[str, list[dict[str, Any]]]
    taken: list[str]
    """Ids that no new finding may have."""
    renamed: Mapping[str, str]
    """Ids by the aliases of findings, in lower case."""
    edited: dict[str, bytes] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)
    """The files of `ids`."""
    unplaced: int = 0
    problems: list[Problem] = field(default_factory=list)
    folded: set[str] = field(default_factory=set)
    """`taken` in lower case."""
    rated: frozenset[str] = frozenset()
    """Names of the files whose findings an index page rates."""
    last_id: str | None = None
    """The id of the last new finding, if it is the next of a series."""

    @property
    def engagement(self) -> Engagement:
        """The engagement."""
        return self.context.engagement


def import_findings(
    name: str,
    inputs: Inputs,
    sources: Sequence[Path],
    *,
    options: ImportOptions | None = None,
    columns: Path | None = None,
    dry_run: bool,
    progress: Progress,
) -> ImportResult:
    """Import files into the engagement found from `inputs`, with the importer of a name: all files or none.

    `columns` is the file of ImportOptions.columns. Raises FindingsReportError if nothing was written.
    """
    from findings_report.system import locked, publish

    importer = IMPORTERS[name]
    options = options or ImportOptions()
    folder = authoring.find_folder(inputs.folder)
    opened = {source: _open_source(source, importer) for source in sources}
    if columns is not None:
        options = replace(options, columns=_open_source(columns, importer))
    shown_names = [_name_source(source, folder) for source in opened]
    if repeated := [name for name in shown_names if shown_names.count(name) > 1]:
        fault = f"two files are named {repeated[0]}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "put them beside the engagement", code="options"))
    with locked(folder):
        files = authoring.Snapshot(authoring.Folder(folder))
        authored = authoring.load(files)
        names = [each.name for each in authored.engagement.severities]
        if options.severity is not None and options.severity not in names:
            fault = f"--severity {options.severity!r} is not in the scale ({', '.join(names)})"
            raise FindingsReportError(Problem(Kind.USAGE, fault, code="not-in-list"))
        lock = _read_lock(files)
        # Also the ids of deleted findings: another finding under such an id would be taken for the deleted one.
        taken = [*authoring.taken_ids(files), *(entry["id"] for entry in lock["findings"])]
        renamed = {alias.casefold(): id for id, finding in authored.findings.items() for alias in finding.aliases}
        paths = {path.rsplit("/", 1)[-1]: path for path in files.names()}
        context = ImportContext(authored.engagement, {}, options)
        folded = {id.casefold() for id in taken}
        run = _Import(folder, files, paths, context, lock, taken, renamed, folded=folded)
        progress(f"reading {importer.files}")
        try:
            _import_all(run, inputs, opened, importer)
        except FindingsReportError as error:
            raise FindingsReportError(list(map(authored.redactor.mask_problem, error.problems))) from None
        run.edited = {name: content for name, content in run.edited.items() if content != files.read(name)}
        overlay = authoring.Overlay(files, run.edited)
        progress("checking quotes")
        # Read and checked before anything is written: what is written is valid.
        checked = check_authored(inputs, folder, authoring.load(overlay), progress)
        if not dry_run and run.edited:
            publish(
                {folder / name: content for name, content in run.edited.items()},
                new={folder / name for name in run.edited if files.read(name) is None},
                read={folder / name: content for name in run.edited if (content := files.read(name)) is not None},
            )
    shown = {display_path(folder / name) for name in (*run.edited, authoring.ENGAGEMENT)}
    problems = [
        replace(problem, level="warning") if problem.level == "error" else problem
        for problem in checked.problems
        if problem.place is None or problem.place.file in shown
    ]
    snippets = checked.evidence.snippets if checked.evidence is not None else {}
    verdicts = [snippet.check.verdict for id in run.ids for snippet in snippets.get(id, ())]
    written = [name for name in run.edited if name != authoring.IMPORT_LOCK]
    return ImportResult(
        tuple(folder / name for name in written if files.read(name) is None),
        tuple(folder / name for name in written if files.read(name) is not None),
        sum(name not in run.edited for name in run.imported),
        {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts and verdict in FITTING},
        {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts and verdict not in FITTING},
        run.unplaced,
        tuple(dict.fromkeys((*map(checked.redactor.mask_problem, run.problems), *problems))),
    )


def _open_source(source: Path, importer: Importer) -> ForeignFile:
    """Return a file to import. Raises FindingsReportError (INPUT); too large a file is not read."""
    fault, remedy = "", f"name {importer.files}"
    try:
        if source.is_dir():
            fault = "it is a folder"
        elif not source.name or not source.exists():
            fault = "there is no such file"
        elif (size := source.stat().st_size) > importer.largest:
            fault, remedy = f"it has {size:,} bytes; at most {importer.largest:,} are read", "divide it"
    except OSError as error:
        raise FindingsReportError(system_problem(error, Kind.INPUT, file=str(source))) from None
    if fault:
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code="no-file"))
    # Through the same door as findings: no device, no link that leads out of its folder, and a limit while reading.
    beside = authoring.Folder(source.parent)
    content = beside.read(source.name)

    def read_beside(name: str) -> bytes | None:
        try:
            return beside.read(name)
        except FindingsReportError:
            return None

    return ForeignFile(str(source), source.name, content or b"", read_beside)


def _name_source(source: Path, folder: Path) -> str:
    """Return the name of a file in the lock file: the same on every machine. Raises FindingsReportError (INPUT)."""
    relative = Path(os.path.relpath(source.absolute(), folder.absolute())).as_posix()
    name = "/".join(source.absolute().parts[-2:]) if relative.startswith("../../") else relative
    if not name.isprintable():
        place = Place(display_path(source))
        fault = "its name has a control character, or is not UTF-8"
        raise FindingsReportError(Problem(Kind.INPUT, fault, "rename the file", place=place, code="no-file"))
    return name


_LOCKED: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "findings": (frozenset({"id", "source", "key", "written"}), frozenset({"also"})),
    "texts": (frozenset({"source", "field", "title", "text"}), frozenset()),
    "engagement": (frozenset({"source", "written"}), frozenset()),
}
"""The parts of the lock file, each with the keys that its entries have, and may have."""


def _read_lock(files: authoring.Files) -> dict[str, list[dict[str, Any]]]:
    lock: dict[str, list[dict[str, Any]]] = {part: [] for part in _LOCKED}
    content = files.read(authoring.IMPORT_LOCK)
    if content is None:
        return lock
    try:
        data = authoring.written_values(read(content).data)
        for part, (keys, more) in _LOCKED.items():
            entries = data.get(part, [])
            for entry in entries:
                texts = [value for key, value in entry.items() if key not in ("written", "also")]
                if not keys <= entry.keys() <= keys | more or not all(isinstance(value, str) for value in texts):
                    raise TypeError
                if "written" in keys and not isinstance(entry["written"], dict):
                    raise TypeError
                if not all(isinstance(key, str) for key in entry.get("also", [])):
                    raise TypeError
                if part == "findings" and identifier_fault(entry["id"]):
                    raise TypeError
            lock[part] = list(entries)
        ids = Counter(entry["id"].casefold() for entry in lock["findings"])
    except (YamlFault, AttributeError, TypeError):
        place = Place(f"{files.shown.rstrip('/')}/{authoring.IMPORT_LOCK}")
        remedy = "restore the last committed version; without the file, all findings are imported again"
        raise FindingsReportError(Problem(Kind.INPUT, "is not as it was written", remedy, place=place, code="lock")) from None
    if repeated := [entry["id"] for entry in lock["findings"] if ids[entry["id"].casefold()] > 1]:
        # The second of two would overwrite what was imported for the first.
        shown = f"{files.shown.rstrip('/')}/{authoring.IMPORT_LOCK}"
        fault = f"has {ids[repeated[0].casefold()]} entries for {repeated[0]}, and each would write its file"
        remedy = "keep the entry of the finding that has the id, or restore the last committed version"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="lock"))
    return lock


def _import_all(run: _Import, inputs: Inputs, opened: Mapping[Path, ForeignFile], importer: Importer) -> None:
    from findings_report.evidence.source_files import FileReader, find_clones, open_clones, set_aside_broken

    clones, _ = set_aside_broken(find_clones(run.engagement, run.folder, inputs.clones), inputs.borrow)
    with open_clones(clones, inputs.borrow) as sources:
        readers = {
            name: FileReader(source, run.engagement.repositories, name) if source is not None else None
            for name, source in sources.items()
        }
        repositories = {name: _find_repository(run.engagement, name, reader) for name, reader in readers.items()}
        run.problems += _name_missing_code(repositories, importer)
        run.context = replace(run.context, repositories=repositories)
        for source, imported in _read_files(run, opened, importer).items():
            _import_one(run, source, imported, importer)
    parts = {part: entries for part, entries in run.lock.items() if entries}
    if parts or run.files.read(authoring.IMPORT_LOCK) is not None:
        run.edited[authoring.IMPORT_LOCK] = (_HEADER + authoring.write_fields(parts)).encode()


def _read_files(run: _Import, opened: Mapping[Path, ForeignFile], importer: Importer) -> dict[Path, ImportedFile]:
    """Return what the files have. A finding in an index page and in a file of its own is that of the file."""
    names = {os.path.abspath(source): _name_source(source, run.folder) for source in opened}  # noqa: PTH100 - as readers do
    before = {os.path.abspath(run.folder / entry["source"]): entry["source"] for entry in run.lock["findings"]}  # noqa: PTH100
    # A row that was imported as a finding still rates the finding of the file, which may have no severity of its own.
    rows: dict[str, list[SummaryRow]] = {}
    for path, name in names.items():
        for entry in run.lock["findings"]:
            if f"{_IN_FILE}{name}" in entry.get("also", ()):
                title, severity, status = (str(entry["written"].get(key, "")) for key in ("title", "severity", "status"))
                rows.setdefault(path, []).append(SummaryRow(0, None, None, title, None, severity, status, "", ()))
    context = run.context = replace(run.context, others={**before, **names}, rows=rows)
    read_file = importer.load_reader()
    imported = {source: read_file(file, context) for source, file in opened.items()}
    rated = dict(rows)
    for each in imported.values():
        rated |= {path: [*rated.get(path, ()), *more] for path, more in each.rows.items()}
    run.rated = frozenset(names[path] for path in rated if path in names)
    for source, path in zip(opened, names, strict=True):
        if rated.get(path) != rows.get(path):
            imported[source] = read_file(opened[source], replace(context, rows=rated))
    return imported


def _find_repository(engagement: Engagement, name: str, reader: FileReader | None) -> AuditedRepository:
    """Return what is here of a repository."""
    from findings_report.forges.permalinks import find_home

    repository = engagement.repositories[name]
    homes = [find_home(address) for address in (repository.web, repository.url) if address]
    commit = repository.commit
    if reader is not None and commit is None and repository.revision is not None:
        commit = reader.source.commit_of(repository.revision)
    if reader is None or commit is None or not reader.source.has_commit(commit):
        commit = None
    return AuditedRepository(name, tuple(home[1].casefold() for home in homes if home), reader, commit)


def _name_missing_code(repositories: Mapping[str, AuditedRepository], importer: Importer) -> Iterator[Problem]:
    """Yield a warning for each repository in which no code can be looked for."""
    if not repositories:
        fault = "the engagement has no repository: no quote was looked for"
        subject = ("engagement", "repositories")
        remedy = "add it under `repositories` in engagement.yaml"
        yield Problem(Kind.INPUT, fault, remedy, subject=subject, level="warning", code="import-no-code")
    for name, repository in repositories.items():
        if repository.reader is not None and importer.finds_commit:
            continue
        if repository.reader is None or repository.commit is None:
            lack = "no clone here" if repository.reader is None else "no commit"
            fault = f"repository {name!r} has {lack}: no quote was looked for"
            remedy = (
                "name the clone with --repository"
                if repository.reader is None
                else "write the audited tag under `revision`, then `findings-report pin`"
            )
            yield Problem(Kind.INPUT, fault, remedy, level="warning", code="import-no-code")


def _import_one(run: _Import, source: Path, imported: ImportedFile, importer: Importer) -> None:
    """Write the findings and texts of a file."""
    name = _name_source(source, run.folder)
    run.problems += imported.problems
    run.unplaced += imported.unplaced
    findings = imported.findings
    earlier = [entry for entry in run.lock["findings"] if entry["source"] == name]
    entries = _find_certain(findings, run.lock["findings"], name)
    rest = [at for at, entry in enumerate(entries) if entry is None and not findings[at].is_certain]
    others = [entry for entry in earlier if not any(entry is known for known in entries)]
    named = [(findings[at].identities[0], findings[at].fields) for at in rest]
    for at, entry in zip(rest, _find_earlier(named, others), strict=True):
        entries[at] = entry
    # The row of an index page that was imported before this file.
    in_file = [entry for entry in run.lock["findings"] if f"{_IN_FILE}{name}" in entry.get("also", ())]
    of_rows = [entry for entry in in_file if not any(entry is known for known in entries)]
    for at, entry in zip(rest, _find_earlier(named, of_rows), strict=True):
        entries[at] = entries[at] or entry
    if len(findings) == len(of_rows) == 1:
        entries[0] = entries[0] or of_rows[0]
    # A file of another folder is known by its name alone.
    if earlier and not any(entries) and not name.startswith("../") and not (run.folder / name).exists():
        fault = f"no finding of it was in {name} when that was imported before"
        remedy = f"give a different {importer.noun} another name, or put it beside the engagement"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code="import-source"))
    before = {entry["key"] for entry in earlier}
    for finding, entry in zip(findings, entries, strict=True):
        if entry is not None:
            earlier = [other for other in earlier if other is not entry]
        _write_finding(run, name, finding, entry, is_known=finding.identities[0] in before)
    elsewhere = {f"{_IN_FILE}{other}" for other in run.context.others.values()}
    for entry in earlier:
        if elsewhere.intersection(entry.get("also", ())):
            continue
        fault = f"{entry['id']} is no longer in {source.name}; it was not changed"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-gone"))
    _write_texts(run, name, source, imported.texts)
    has_summary = any(text.field == "summary" for text in imported.texts)
    _write_engagement(run, name, imported.engagement, has_summary=has_summary or "title" not in imported.engagement)
    _write_files(run, imported.files)


def _find_certain(
    findings: Sequence[ImportedFinding], lock: Sequence[dict[str, Any]], source: str
) -> list[dict[str, Any] | None]:
    """Return the entry of each finding whose identity is certain, in whatever file it was; None for the others and new ones."""
    by_identity: dict[str, dict[str, Any]] = {}
    # Those of the same file last: they go before those of another one.
    for entry in sorted(lock, key=lambda entry: entry["source"] == source):
        # The best identity last: it overwrites a weaker one of another entry.
        for identity in (*entry.get("also", ())[::-1], entry["key"]):
            by_identity[identity] = entry
    entries: list[dict[str, Any] | None] = []
    used: set[int] = set()
    for finding in findings:
        known = [by_identity[identity] for identity in finding.identities if finding.is_certain and identity in by_identity]
        own = next((entry for entry in known if id(entry) not in used), None)
        entries.append(own)
        used.add(id(own))
    return entries


def _write_finding(
    run: _Import, source: str, finding: ImportedFinding, entry: dict[str, Any] | None, *, is_known: bool
) -> None:
    """Add a finding, or update that of `entry`. `is_known` is True if the last import had a finding with this key."""
    key, values = finding.identities[0], dict(finding.fields)
    more = list(finding.identities[1:])
    if finding.file is not None or source in run.rated:
        # Also of the file itself: imported without the index page, it keeps the rating.
        more.append(f"{_IN_FILE}{_name_source(Path(finding.file), run.folder) if finding.file is not None else source}")
    also = {"also": more} if more else {}
    if entry is None:
        id = _choose_id(run, finding, is_known=is_known)
        run.taken.append(id)
        run.folded.add(id.casefold())
        run.lock["findings"].append({"id": id, "source": source, "key": key, **also, "written": values})
        head = f"{authoring.modeline('finding')}\n" if (run.folder / authoring.SCHEMA_FOLDER / "finding.json").is_file() else ""
        file = f"{id}{authoring.FINDING_SUFFIX}"
        run.edited[file] = (head + authoring.write_fields(values)).encode()
        run.ids.append(id)
        run.imported.append(file)
        return
    if entry["key"] != key and not finding.is_certain:
        fault = f"{entry['id']} was {entry['key']} in {source} and is {key} now; it was recognised by its title or text"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-id"))
    id = entry["id"]
    own = run.names.get(f"{id}{authoring.FINDING_SUFFIX}")
    is_other = own is not None and _is_another(run.files.read(own) or b"", entry["written"])
    renamed = run.renamed.get(id.casefold())
    if renamed is not None and (own is None or is_other):
        id, is_other = renamed, False
        own = run.names.get(f"{id}{authoring.FINDING_SUFFIX}")
    news = {"source": source, "key": key, **also, "written": values}
    entry.pop("also", None)
    if own is None:
        fault = f"{id} was deleted after it was imported; it was not imported again"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-gone"))
        entry.update(news)
        return
    if is_other:
        # Both texts are others than those of the import, so its other values may be a person's as well.
        fault = f"has the id of {values['title']!r} from {source}, and is another finding: it was not changed"
        remedy = f"give it another id: rename its file, or remove the entry of {id} from {authoring.IMPORT_LOCK}"
        place = Place(display_path(run.folder / own))
        run.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-reused"))
        return
    file = own
    content = run.files.read(file) or b""
    written = entry["written"]
    merged = authoring.merge_fields(content, written, values, shown=display_path(run.folder / file))
    mine = authoring.written_values(read(content).data)
    if values["title"] not in (written.get("title"), mine.get("title")) and mine.get("status") != written.get("status"):
        fault = f"its status was set here, and the file has another title for it now: {values['title']!r}"
        place = Place(display_path(run.folder / file))
        remedy = "make sure that it is the same finding"
        run.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-kept"))
    if merged.kept:
        fault = f"changed here and in the file, so the value here was kept: {', '.join(f'`{name}`' for name in merged.kept)}"
        place = Place(display_path(run.folder / file))
        remedy = f"compare it with {source}"
        run.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-kept"))
    entry.update({"id": id, **news})
    run.edited[file] = merged.content
    run.ids.append(id)
    run.imported.append(file)


def _is_another(content: bytes, written: Mapping[str, Any]) -> bool:
    """Return True for a file that has neither the title nor the description that were imported, not even edited ones.

    Somebody deleted the finding and gave its id to another one.
    """
    from rapidfuzz import fuzz

    mine = authoring.written_values(read(content).data)

    def is_like(name: str) -> bool:
        texts = [" ".join(str(fields.get(name, "")).casefold().split())[:5_000] for fields in (mine, written)]
        return fuzz.ratio(*texts, score_cutoff=_SAME_TEXT) > 0 or not all(texts)

    is_cited = any(location in mine.get("locations", ()) for location in written.get("locations", ()))
    return not is_cited and not is_like("title") and not is_like("description")


def _find_earlier(
    findings: Sequence[tuple[str, Mapping[str, Any]]], earlier: Sequence[dict[str, Any]]
) -> list[dict[str, Any] | None]:
    """Return the entry of each finding, given with its key; None for a new one.

    Reviews are renumbered, so an id alone says nothing, and neither does likeness alone: findings of one kind have like texts.
    """
    from rapidfuzz import fuzz

    entries: list[dict[str, Any] | None] = [None] * len(findings)
    free = {id(entry): entry for entry in earlier}

    def is_like(values: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
        texts = [str(fields.get("description", ""))[:5_000] for fields in (values, entry["written"])]
        return fuzz.ratio(*texts, score_cutoff=_SAME_TEXT) > 0

    for name in ("title", "description"):
        for at, entry in _pair(findings, entries, list(free.values()), name):
            values = findings[at][1]
            if name == "description" or entry["key"] == findings[at][0] or is_like(values, entry):
                entries[at] = free.pop(id(entry))
    by_key = {entry["key"]: entry for entry in free.values()}
    for at, (key, values) in enumerate(findings):
        if entries[at] is None and key in by_key and is_like(values, by_key[key]):
            entries[at] = by_key[key]
    return entries


def _pair(
    findings: Sequence[tuple[str, Mapping[str, Any]]],
    entries: Sequence[dict[str, Any] | None],
    earlier: Sequence[dict[str, Any]],
    name: str,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the findings without entry and the entries that have the same text in a field, and the same key or no rival."""

    def text(values: Mapping[str, Any]) -> str:
        return " ".join(str(values.get(name, "")).casefold().split())

    waiting = [at for at, entry in enumerate(entries) if entry is None]
    counts = Counter(text(findings[at][1]) for at in waiting)
    by_text: dict[str, list[dict[str, Any]]] = {}
    for entry in earlier:
        by_text.setdefault(text(entry["written"]), []).append(entry)
    for at in waiting:
        key, values = findings[at]
        same = by_text.get(text(values), [])
        own = [entry for entry in same if entry["key"] == key]
        if own or len(same) == counts[text(values)] == 1:
            yield at, (own or same)[0]


def _choose_id(run: _Import, finding: ImportedFinding, *, is_known: bool) -> str:
    taken = run.folded
    own = (finding.own_id or "").replace(" ", "-")
    is_word = any(map(str.isalpha, own)) and not _DEVICES.fullmatch(own)
    is_free = own.casefold() not in taken
    if (is_word or finding.must_keep_id) and identifier_fault(own) is None and is_free:
        run.last_id = None
        return own
    if finding.must_keep_id:
        fault = f"the id {own} is taken" if not is_free else identifier_fault(own) or ""
        remedy = "import into an engagement without it, or rename the finding that has it"
        raise FindingsReportError(
            Problem(Kind.INPUT, f"{fault} ({finding.place})", remedy, place=Place(run.folder.name), code="import-id")
        )
    # In the series of the finding before: to look for it among all ids each time would take the square of their number.
    id = authoring.next_id([run.last_id] if run.last_id is not None else run.taken)
    while id.casefold() in taken:
        id = authoring.next_id([id])
    run.last_id = id
    if is_word and not is_free:
        fault = f"the id {own} is taken{' by a finding with another text' if is_known else ''}: this finding is {id}"
        problem = Problem(Kind.INPUT, fault, level="note", code="import-id")
        run.problems.append(replace(problem, remedy="compare the two", level="warning") if is_known else problem)
    return id


def _write_texts(run: _Import, source: str, path: Path, texts: Sequence[ImportedText]) -> None:
    """Write the texts outside of findings into engagement.yaml; a field that a person filled keeps its text."""
    shown = display_path(run.folder / authoring.ENGAGEMENT)
    content = run.edited.get(authoring.ENGAGEMENT) or run.files.read(authoring.ENGAGEMENT) or b""
    before = {(entry["field"], entry["title"]): entry for entry in run.lock["texts"] if entry["source"] == source}
    after: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    data = authoring.written_values(read(content).data)
    initial = read(new_finding.init_files("x")[authoring.ENGAGEMENT]).data
    for imported in texts:
        name, title, text = imported.field, imported.title, imported.text
        other = title or f"{name.capitalize()} of {path.name}"
        was = before.get((name, title)) or before.get(("sections", other))
        if was is None and (name == "sections" or data.get(name) not in (None, initial.get(name))):
            added.append({"source": source, "field": "sections", "title": other, "text": text})
            written.append({"title": other[:500], "text": text, **dict(imported.more)})
            continue
        entry = {"source": source, "field": name, "title": title, **(was or {}), "text": text}
        place = (name,) if was is None else _find_text(data, was)
        if was is not None and was["text"] == text:
            after.append(entry)
        elif place is None:
            fault = f"changed here and in the review, so the value here was kept: {entry['title'] or entry['field']}"
            remedy = "compare it with the review"
            run.problems.append(Problem(Kind.INPUT, fault, remedy, place=Place(shown), level="warning", code="import-kept"))
            after.append(entry)
        else:
            try:
                content = authoring.set_field(content, place, text, shown=shown)
                after.append(entry)
            except FindingsReportError as error:
                _warn(run, error, f"write the text of the review by hand: {entry['title'] or entry['field']}")
                after += [was] if was is not None else []
    if added:
        try:
            content = authoring.append_entries(content, "sections", written, shown=shown)
            after += added
        except FindingsReportError as error:
            titles = ", ".join(entry["title"] for entry in written[:5]) + (", …" if len(written) > 5 else "")
            _warn(run, error, f"write `sections` as a list with a line for each, and import again, for: {titles}")
    run.lock["texts"] = [entry for entry in run.lock["texts"] if entry["source"] != source] + after
    run.edited[authoring.ENGAGEMENT] = content


def _write_engagement(run: _Import, source: str, fields: Mapping[str, Any], *, has_summary: bool) -> None:
    """Write other fields into engagement.yaml, each only where nobody has written another value.

    Without a summary in a whole report, the one that `init` wrote is none either.
    """
    if not fields:
        return
    shown = display_path(run.folder / authoring.ENGAGEMENT)
    content = run.edited.get(authoring.ENGAGEMENT) or run.files.read(authoring.ENGAGEMENT) or b""
    data = authoring.written_values(read(content).data)
    initial = authoring.written_values(read(new_finding.init_files("Security review")[authoring.ENGAGEMENT]).data)
    entry = next((entry for entry in run.lock["engagement"] if entry["source"] == source), None)
    base = dict(entry["written"]) if entry is not None else {}
    # What `init` wrote is nobody's value.
    base |= {key: data[key] for key in fields if key not in base and data.get(key) == initial.get(key) and key in data}
    news = {**base, **fields}
    if not has_summary and data.get("summary") == initial.get("summary"):
        base["summary"] = data.get("summary")
    merged = authoring.merge_fields(content, base, news, shown=shown)
    if merged.kept:
        fault = f"other values are in the file, so those there were kept: {', '.join(f'`{name}`' for name in merged.kept)}"
        place = Place(shown)
        run.problems.append(Problem(Kind.INPUT, fault, place=place, level="note", code="import-kept"))
    if entry is None:
        run.lock["engagement"].append({"source": source, "written": dict(fields)})
    else:
        entry["written"] = dict(fields)
    run.edited[authoring.ENGAGEMENT] = merged.content


def _write_files(run: _Import, files: Mapping[str, bytes]) -> None:
    """Write the files that the engagement names now; an existing one may be a person's, and stays."""
    for name, content in files.items():
        there = run.files.read(name)
        if there is None:
            run.edited[name] = content
        elif there != content:
            fault = "is another file than that of the report, and was kept"
            place = Place(display_path(run.folder / name))
            run.problems.append(Problem(Kind.INPUT, fault, "compare the two", place=place, level="warning", code="import-kept"))


def _find_text(data: Mapping[str, Any], was: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """Return the place in engagement.yaml of a text as it was imported; None if it was changed there."""
    if was["field"] != "sections":
        return (was["field"],) if data.get(was["field"]) == was["text"] else None
    texts = [section.get("text") for section in data.get("sections") or []]
    return ("sections", texts.index(was["text"]), "text") if was["text"] in texts else None


def _warn(run: _Import, error: FindingsReportError, remedy: str) -> None:
    """Say that a text was not written, where the rest of the review is."""
    run.problems += [replace(problem, remedy=remedy, level="warning") for problem in error.problems]
