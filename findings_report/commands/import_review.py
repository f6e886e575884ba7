"""The command `import review`: prose reviews become findings, and are checked before they are written.

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
from findings_report.authoring.yaml_editor import quoted
from findings_report.authoring.yaml_reader import YamlFault, read
from findings_report.importing import (
    FITTING,
    Code,
    EngagementText,
    PlacedFinding,
    Review,
    ReviewedFinding,
    find_lost_words,
    place_finding,
    read_review,
)
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Verdict
from findings_report.model.field_types import identifier_fault
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.safe_text import display_path
from findings_report.report.check import Inputs, Progress, check_authored

if TYPE_CHECKING:
    from findings_report.evidence.source_files import FileReader

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a review."""

_SAME_TEXT: Final = 60.0
"""Likeness, 0 to 100, from which on two texts with one id, or one title, are the same finding, edited."""

_DEVICES: Final = re.compile(r"(?:CON|PRN|AUX|NUL|(?:COM|LPT)[0-9])(?:\..*)?", re.IGNORECASE)
"""Names that no file has on Windows."""

_HEADER: Final = "# Written by `findings-report import`, which compares it with the next import. Keep it with the findings.\n"

_ORDER: Final = ("summary", "description", "impact", "scenario", "proof", "recommendation", "response")


@dataclass(frozen=True)
class ImportedReviews:
    """The result of `import review`."""

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
    engagement: Engagement
    lock: dict[str, list[dict[str, Any]]]
    severity: str | None
    taken: list[str]
    renamed: Mapping[str, str]
    """Ids by the aliases of findings, in lower case."""
    edited: dict[str, bytes] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)
    """The files of `ids`."""
    unplaced: int = 0
    problems: list[Problem] = field(default_factory=list)


def import_review(
    inputs: Inputs, sources: Sequence[Path], *, severity: str | None, dry_run: bool, progress: Progress
) -> ImportedReviews:
    """Import reviews into the engagement found from `inputs`: all files or none.

    `severity` is for findings whose review has none. Raises FindingsReportError if nothing was written.
    """
    from findings_report.system import locked, publish

    folder = authoring.find_folder(inputs.folder)
    texts = {source: _read_source(source) for source in sources}
    shown_names = [_name_source(source, folder) for source in texts]
    if repeated := [name for name in shown_names if shown_names.count(name) > 1]:
        fault = f"two reviews are named {repeated[0]}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "put them beside the engagement", code="options"))
    with locked(folder):
        files = authoring.Snapshot(authoring.Folder(folder))
        authored = authoring.load(files)
        names = [each.name for each in authored.engagement.severities]
        if severity is not None and severity not in names:
            fault = f"--severity {severity!r} is not in the scale ({', '.join(names)})"
            raise FindingsReportError(Problem(Kind.USAGE, fault, code="not-in-list"))
        lock = _read_lock(files)
        # Also the ids of deleted findings: another finding under such an id would be taken for the deleted one.
        taken = [*authoring.taken_ids(files), *(entry["id"] for entry in lock["findings"])]
        renamed = {alias.casefold(): id for id, finding in authored.findings.items() for alias in finding.aliases}
        run = _Import(folder, files, authored.engagement, lock, severity, taken, renamed)
        progress("reading reviews")
        try:
            _import_all(run, inputs, texts)
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
    return ImportedReviews(
        tuple(folder / name for name in written if files.read(name) is None),
        tuple(folder / name for name in written if files.read(name) is not None),
        sum(name not in run.edited for name in run.imported),
        {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts and verdict in FITTING},
        {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts and verdict not in FITTING},
        run.unplaced,
        tuple(dict.fromkeys((*map(checked.redactor.mask_problem, run.problems), *problems))),
    )


def _read_source(source: Path) -> str:
    """Return the text of a review. Raises FindingsReportError (INPUT)."""
    is_file = bool(source.name) and not source.is_dir()
    content = authoring.Folder(source.parent).read(source.name) if is_file else None
    fault, remedy, code = "", None, "no-file"
    if source.is_dir():
        fault, remedy = "it is a folder", "name a file in Markdown"
    elif content is None:
        fault, remedy = "there is no such file", "name a file in Markdown"
    elif len(content) > LARGEST:
        fault, remedy = f"it has {len(content):,} bytes; at most {LARGEST:,} are read", "divide it"
    elif b"\0" in content:
        fault, remedy, code = "it is no text", "import reviews in Markdown", "not-utf8"
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            fault, remedy, code = "it is not UTF-8", "convert the file to UTF-8", "not-utf8"
        else:
            _refuse_controls(source, text)
            return text
    raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code=code))


def _refuse_controls(source: Path, text: str) -> None:
    """Raise FindingsReportError (INPUT) for a character that no file of the engagement can have, with its line."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.replace("\t", "").isprintable():
            continue
        for character in dict.fromkeys(line):
            if character.isprintable() or character == "\t":
                continue
            try:
                read(f"text: {quoted(character)}\n".encode())
            except YamlFault:
                fault, remedy = f"it has the control character U+{ord(character):04X}", "take the character out"
                place = Place(str(source), number)
                raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=place, code="not-utf8")) from None


def _name_source(source: Path, folder: Path) -> str:
    """Return the name of a review in the lock file: the same on every machine. Raises FindingsReportError (INPUT)."""
    relative = Path(os.path.relpath(source.absolute(), folder.absolute())).as_posix()
    name = "/".join(source.absolute().parts[-2:]) if relative.startswith("../../") else relative
    if not name.isprintable():
        place = Place(display_path(source))
        fault = "its name has a control character, or is not UTF-8"
        raise FindingsReportError(Problem(Kind.INPUT, fault, "rename the file", place=place, code="no-file"))
    return name


def _read_lock(files: authoring.Files) -> dict[str, list[dict[str, Any]]]:
    lock: dict[str, list[dict[str, Any]]] = {"findings": [], "texts": []}
    content = files.read(authoring.IMPORT_LOCK)
    if content is None:
        return lock
    try:
        data = authoring.written_values(read(content).data)
        for part, keys in (("findings", {"id", "source", "key", "written"}), ("texts", {"source", "field", "title", "text"})):
            entries = data.get(part, [])
            for entry in entries:
                texts = [value for key, value in entry.items() if key != "written"]
                if entry.keys() != keys or not all(isinstance(value, str) for value in texts):
                    raise TypeError
                if part == "findings" and (not isinstance(entry["written"], dict) or identifier_fault(entry["id"])):
                    raise TypeError
            lock[part] = list(entries)
    except (YamlFault, AttributeError, TypeError):
        place = Place(f"{files.shown.rstrip('/')}/{authoring.IMPORT_LOCK}")
        remedy = "restore the last committed version; without the file, all findings are imported again"
        raise FindingsReportError(Problem(Kind.INPUT, "is not as it was written", remedy, place=place, code="lock")) from None
    return lock


def _import_all(run: _Import, inputs: Inputs, texts: Mapping[Path, str]) -> None:
    from findings_report.evidence.source_files import FileReader, find_clones, open_clones, set_aside_broken

    clones, _ = set_aside_broken(find_clones(run.engagement, run.folder, inputs.clones), inputs.borrow)
    with open_clones(clones, inputs.borrow) as sources:
        readers = {
            name: FileReader(source, run.engagement.repositories, name) if source is not None else None
            for name, source in sources.items()
        }
        code = _code(run, readers)
        for source, text in texts.items():
            _import_one(run, source, text, code)
    run.edited[authoring.IMPORT_LOCK] = (
        _HEADER
        + authoring.write_fields(
            {name: value for name, value in (("findings", run.lock["findings"]), ("texts", run.lock["texts"])) if value}
        )
    ).encode()


def _code(run: _Import, readers: Mapping[str, FileReader | None]) -> Code:
    """Return the files in which the code of reviews is looked for."""
    from findings_report.forges.permalinks import find_home

    subject = ("engagement", "repositories")
    if len(readers) != 1:
        fault = f"the engagement has {len(readers)} repositories, and code is looked for in one: no quote was looked for"
        run.problems.append(
            Problem(Kind.INPUT, fault, "add the locations by hand", subject=subject, level="warning", code="import-no-code")
        )
        return Code(None, None, is_only=False)
    ((name, reader),) = readers.items()
    repository = run.engagement.repositories[name]
    home = find_home(repository.web or repository.url or "")
    address = home[1].casefold() if home else None
    commit = repository.commit
    if reader is not None and commit is None and repository.revision is not None:
        commit = reader.source.commit_of(repository.revision)
    if reader is None or commit is None or not reader.source.has_commit(commit):
        fault = f"repository {name!r} has {'no clone here' if reader is None else 'no commit'}: no quote was looked for"
        remedy = (
            "name the clone with --repository"
            if reader is None
            else "write the audited tag under `revision`, then `findings-report pin`"
        )
        run.problems.append(Problem(Kind.INPUT, fault, remedy, level="warning", code="import-no-code"))
        return Code(None, None, home=address)
    return Code(reader, commit, home=address)


def _import_one(run: _Import, source: Path, text: str, code: Code) -> None:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        review = read_review(text, [severity.name for severity in run.engagement.severities])
    except FindingsReportError as error:
        raise FindingsReportError([replace(problem, place=Place(str(source))) for problem in error.problems]) from None
    name = _name_source(source, run.folder)
    if not review.findings:
        fault = "no finding is recognised in it"
        remedy = "give each finding a heading, as in `### [H-01] Title`, with `#### Description` and other parts below it"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code="import-nothing"))
    placed = [place_finding(finding, code) for finding in review.findings]
    fields = [_fields(run, source, finding, place) for finding, place in zip(review.findings, placed, strict=True)]
    _name_unread(run, source, review)
    _refuse_lost(source, text, review, placed, fields)
    run.unplaced += sum(place.unplaced for place in placed)
    keys: dict[str, int] = {}
    named: list[tuple[str, dict[str, Any]]] = []
    for finding, values in zip(review.findings, fields, strict=True):
        keys[finding.key] = keys.get(finding.key, 0) + 1
        named.append((finding.key if keys[finding.key] == 1 else f"{finding.key} ({keys[finding.key]})", values))
    earlier = [entry for entry in run.lock["findings"] if entry["source"] == name]
    entries = _find_earlier(named, earlier)
    # A review of another folder is known by its name alone.
    if earlier and not any(entries) and not name.startswith("../") and not (run.folder / name).exists():
        fault = f"no finding of it was in {name} when that was imported before"
        remedy = "give a different review another name, or put it beside the engagement"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code="import-source"))
    before = {entry["key"] for entry in earlier}
    for finding, (key, values), entry in zip(review.findings, named, entries, strict=True):
        if entry is not None:
            earlier.remove(entry)
        _write_finding(run, name, key, finding, values, entry, is_known=key in before)
    for entry in earlier:
        fault = f"{entry['id']} is no longer in {source.name}; it was not changed"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-gone"))
    _write_texts(run, name, source, review.texts)


def _name_unread(run: _Import, source: Path, review: Review) -> None:
    """Warn of what could be a finding, a severity or a status, and was read as text."""
    for line, heading in review.unread:
        fault = f"the heading {heading!r} has an id, and was read as a text"
        remedy = "give the finding a heading such as `### [H-01] Title`"
        run.problems.append(
            Problem(Kind.INPUT, fault, remedy, place=Place(str(source), line + 1), level="warning", code="import-unread")
        )
    for finding in review.findings:
        for stated in finding.unread:
            fault = f"{finding.title!r}: {stated!r} is no certain severity or status; it stays text"
            remedy = "set `severity` and `status` in the finding"
            run.problems.append(
                Problem(
                    Kind.INPUT, fault, remedy, place=Place(str(source), finding.line + 1), level="warning", code="import-unread"
                )
            )


def _refuse_lost(
    source: Path, text: str, review: Review, placed: Sequence[PlacedFinding], fields: Sequence[Mapping[str, Any]]
) -> None:
    """Raise FindingsReportError (INPUT) for words of the review that no field has."""
    kept = [*_strings(fields), *review.dropped, *(word for place in placed for word in place.dropped)]
    kept += [value for title_and_text in _join_texts(review.texts) for value in title_and_text[1:]]
    if lost := find_lost_words(text, kept):
        fault = f"{len(lost):,} words of it would be in no field: {', '.join(lost[:12])}{', …' if lost[12:] else ''}"
        remedy = "this is a fault of the import: nothing was written; please report it with the review"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code="import-lost"))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _strings(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _strings(entry)


def _fields(run: _Import, source: Path, finding: ReviewedFinding, placed: PlacedFinding) -> dict[str, Any]:
    """Return the fields of a finding's file."""
    status = finding.status.value if finding.status is not None else "undetermined"
    fields: dict[str, Any] = {"title": finding.title, "severity": _severity(run, source, finding), "status": status}
    fields["confidence"] = "unconfirmed"
    if finding.category:
        fields["category"] = finding.category
    for name in _ORDER:
        if text := placed.texts.get(name, "").strip("\n"):
            fields[name] = text + "\n"
    if placed.locations:
        fields["locations"] = [dict(location) for location in placed.locations]
    if finding.url is not None and finding.url.startswith(("https://", "http://")):
        fields["references"] = [{"url": finding.url}]
    return fields


def _severity(run: _Import, source: Path, finding: ReviewedFinding) -> str:
    scale = [each.name for each in run.engagement.severities]
    by_word = {name.casefold(): name for name in scale}
    if finding.severity is not None and finding.severity.casefold() in by_word:
        return by_word[finding.severity.casefold()]
    if run.severity is not None:
        return run.severity
    why = f"its severity {finding.severity!r} is not in the scale" if finding.severity else "the review gives it no severity"
    fault = f"{finding.title!r}: {why}; {scale[-1]!r} was written"
    place = Place(str(source), finding.line + 1)
    remedy = "correct it in the finding, or import with --severity"
    run.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-severity"))
    return scale[-1]


def _write_finding(
    run: _Import,
    source: str,
    key: str,
    finding: ReviewedFinding,
    values: dict[str, Any],
    entry: dict[str, Any] | None,
    *,
    is_known: bool,
) -> None:
    """Add a finding, or update that of `entry`. `is_known` is True if the last import had a finding with this key."""
    if entry is None:
        id = _choose_id(run, finding, is_known=is_known)
        run.taken.append(id)
        run.lock["findings"].append({"id": id, "source": source, "key": key, "written": values})
        head = f"{authoring.modeline('finding')}\n" if (run.folder / authoring.SCHEMA_FOLDER / "finding.json").is_file() else ""
        file = f"{id}{authoring.FINDING_SUFFIX}"
        run.edited[file] = (head + authoring.write_fields(values)).encode()
        run.ids.append(id)
        run.imported.append(file)
        return
    if entry["key"] != key:
        fault = f"{entry['id']} was {entry['key']} in {source} and is {key} now; it was recognised by its title or text"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-id"))
    files = {name.rsplit("/", 1)[-1]: name for name in run.files.names()}
    id = entry["id"]
    if f"{id}{authoring.FINDING_SUFFIX}" not in files:
        id = run.renamed.get(id.casefold(), id)
    own = files.get(f"{id}{authoring.FINDING_SUFFIX}")
    if own is None:
        fault = f"{id} was deleted after it was imported; it was not imported again"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-gone"))
        entry.update(key=key, written=values)
        return
    file = own
    content = run.files.read(file) or b""
    written = entry["written"]
    merged = authoring.merge_fields(content, written, values, shown=display_path(run.folder / file))
    mine = authoring.written_values(read(content).data)
    if values["title"] not in (written.get("title"), mine.get("title")) and mine.get("status") != written.get("status"):
        fault = f"its status was set here, and the review has another title for it now: {values['title']!r}"
        place = Place(display_path(run.folder / file))
        remedy = "make sure that it is the same finding"
        run.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-kept"))
    if merged.kept:
        fault = f"changed here and in the review, so the value here was kept: {', '.join(f'`{name}`' for name in merged.kept)}"
        place = Place(display_path(run.folder / file))
        remedy = "compare it with the review"
        run.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-kept"))
    entry.update(id=id, key=key, written=values)
    run.edited[file] = merged.content
    run.ids.append(id)
    run.imported.append(file)


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


def _choose_id(run: _Import, finding: ReviewedFinding, *, is_known: bool) -> str:
    taken = {id.casefold() for id in run.taken}
    own = (finding.own_id or "").replace(" ", "-")
    is_word = any(map(str.isalpha, own)) and not _DEVICES.fullmatch(own)
    if is_word and identifier_fault(own) is None and own.casefold() not in taken:
        return own
    id = authoring.next_id(run.taken)
    if is_word and own.casefold() in taken:
        fault = f"the id {own} is taken{' by a finding with another text' if is_known else ''}: this finding is {id}"
        problem = Problem(Kind.INPUT, fault, level="note", code="import-id")
        run.problems.append(replace(problem, remedy="compare the two", level="warning") if is_known else problem)
    return id


def _write_texts(run: _Import, source: str, path: Path, texts: Sequence[EngagementText]) -> None:
    """Write the texts outside of findings into engagement.yaml; a field that a person filled keeps its text."""
    shown = display_path(run.folder / authoring.ENGAGEMENT)
    content = run.edited.get(authoring.ENGAGEMENT) or run.files.read(authoring.ENGAGEMENT) or b""
    before = {(entry["field"], entry["title"]): entry for entry in run.lock["texts"] if entry["source"] == source}
    after: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    data = authoring.written_values(read(content).data)
    initial = read(new_finding.init_files("x")[authoring.ENGAGEMENT]).data
    for name, title, text in _join_texts(texts):
        other = title or f"{name.capitalize()} of {path.name}"
        was = before.get((name, title)) or before.get(("sections", other))
        if was is None and (name == "sections" or data.get(name) not in (None, initial.get(name))):
            added.append({"source": source, "field": "sections", "title": other, "text": text})
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
        written = [{"title": entry["title"][:500], "text": entry["text"]} for entry in added]
        try:
            content = authoring.append_entries(content, "sections", written, shown=shown)
            after += added
        except FindingsReportError as error:
            titles = ", ".join(entry["title"] for entry in written[:5]) + (", …" if len(written) > 5 else "")
            _warn(run, error, f"write `sections` as a list with a line for each, and import again, for: {titles}")
    run.lock["texts"] = [entry for entry in run.lock["texts"] if entry["source"] != source] + after
    run.edited[authoring.ENGAGEMENT] = content


def _find_text(data: Mapping[str, Any], was: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """Return the place in engagement.yaml of a text as it was imported; None if it was changed there."""
    if was["field"] != "sections":
        return (was["field"],) if data.get(was["field"]) == was["text"] else None
    texts = [section.get("text") for section in data.get("sections") or []]
    return ("sections", texts.index(was["text"]), "text") if was["text"] in texts else None


def _warn(run: _Import, error: FindingsReportError, remedy: str) -> None:
    """Say that a text was not written, where the rest of the review is."""
    run.problems += [replace(problem, remedy=remedy, level="warning") for problem in error.problems]


def _join_texts(texts: Sequence[EngagementText]) -> Iterator[tuple[str, str, str]]:
    """Yield (field, title, text): a field once, all of its texts in it; sections of one title with numbers."""
    titles: dict[str, int] = {}
    for name in ("summary", "recommendation", "conclusion"):
        own = [text for text in texts if text.field == name]
        if own:
            yield name, "", "\n\n".join(each.text for each in own) + "\n"
    for each in texts:
        if each.field == "sections":
            titles[each.title] = titles.get(each.title, 0) + 1
            number = f" ({titles[each.title]})" if titles[each.title] > 1 else ""
            yield "sections", f"{each.title or 'Other text'}{number}", each.text + "\n"
