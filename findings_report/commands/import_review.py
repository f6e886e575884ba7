"""The command `import review`: prose reviews become findings, and are checked before they are written.

`import.lock.yaml` has, for each imported finding and text, its source and the values of the last import. Importing again
compares three values: that one, the one in the file, and the new one; what a person changed is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from findings_report import authoring
from findings_report.authoring.yaml_reader import YamlFault, read
from findings_report.importing import (
    FITTING,
    Code,
    EngagementText,
    PlacedFinding,
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
"""Likeness, 0 to 100, from which on two texts are one finding whose title was edited."""

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
    edited: dict[str, bytes] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
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
        run = _Import(folder, files, authored.engagement, _read_lock(files), severity, list(authoring.taken_ids(files)))
        progress("reading reviews")
        _import_all(run, inputs, texts)
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
        sum(f"{id}{authoring.FINDING_SUFFIX}" not in run.edited for id in run.ids),
        {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts and verdict in FITTING},
        {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts and verdict not in FITTING},
        run.unplaced,
        tuple(dict.fromkeys((*run.problems, *problems))),
    )


def _read_source(source: Path) -> str:
    """Return the text of a review. Raises FindingsReportError (INPUT)."""
    content = authoring.Folder(source.parent).read(source.name) if source.name else None
    fault, remedy, code = "", None, "no-file"
    if content is None:
        fault = "there is no such file"
    elif len(content) > LARGEST:
        fault, remedy = f"it has {len(content):,} bytes; at most {LARGEST:,} are read", "divide it"
    elif b"\0" in content:
        fault, remedy, code = "it is no text", "import reviews in Markdown", "not-utf8"
    else:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            fault, remedy, code = "it is not UTF-8", "convert the file to UTF-8", "not-utf8"
    raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code=code))


def _name_source(source: Path, folder: Path) -> str:
    """Return the name of a review in the lock file: the same on every machine."""
    relative = Path(os.path.relpath(source.absolute(), folder.absolute())).as_posix()
    return source.name if relative.startswith("../../") else relative


def _read_lock(files: authoring.Files) -> dict[str, list[dict[str, Any]]]:
    lock: dict[str, list[dict[str, Any]]] = {"findings": [], "texts": []}
    content = files.read(authoring.IMPORT_LOCK)
    if content is None:
        return lock
    try:
        data = authoring.written_values(read(content).data)
        for part, keys in (("findings", {"id", "source", "key", "written"}), ("texts", {"source", "field", "title", "text"})):
            entries = data.get(part, [])
            if not all(entry.keys() == keys for entry in entries):
                raise TypeError
            lock[part] = entries
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
        return Code(None, None)
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
    if not review.findings:
        fault = "no finding is recognised in it"
        remedy = "give each finding a heading, as in `### [H-01] Title`, with `#### Description` and other parts below it"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code="import-nothing"))
    placed = [place_finding(finding, code) for finding in review.findings]
    fields = [_fields(run, source, finding, place) for finding, place in zip(review.findings, placed, strict=True)]
    kept = [*_strings(fields), *review.dropped, *(word for place in placed for word in place.dropped)]
    kept += [value for title_and_text in _join_texts(review.texts) for value in title_and_text[1:]]
    if lost := find_lost_words(text, kept):
        fault = f"{len(lost):,} words of it would be in no field: {', '.join(lost[:12])}{', …' if lost[12:] else ''}"
        remedy = "this is a fault of the import: nothing was written; please report it with the review"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(str(source)), code="import-lost"))
    run.unplaced += sum(place.unplaced for place in placed)
    keys: dict[str, int] = {}
    earlier = [entry for entry in run.lock["findings"] if entry["source"] == name]
    for finding, values in zip(review.findings, fields, strict=True):
        keys[finding.key] = keys.get(finding.key, 0) + 1
        key = finding.key if keys[finding.key] == 1 else f"{finding.key} ({keys[finding.key]})"
        _write_finding(run, name, key, finding, values, earlier, {other.key for other in review.findings})
    for entry in earlier:
        fault = f"{entry['id']} is no longer in {source.name}; it was not changed"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-gone"))
    _write_texts(run, name, source, review.texts)


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
    earlier: list[dict[str, Any]],
    keys: set[str],
) -> None:
    """Add or update one finding; its entry is taken out of `earlier`, those of the source that are not found again yet."""
    entry = _find_earlier(key, values, earlier, keys)
    if entry is None:
        id = _choose_id(run, finding)
        run.taken.append(id)
        run.lock["findings"].append({"id": id, "source": source, "key": key, "written": values})
        head = f"{authoring.modeline('finding')}\n" if (run.folder / authoring.SCHEMA_FOLDER / "finding.json").is_file() else ""
        run.edited[f"{id}{authoring.FINDING_SUFFIX}"] = (head + authoring.write_fields(values)).encode()
        run.ids.append(id)
        return
    earlier.remove(entry)
    id = entry["id"]
    file = next((name for name in run.files.names() if name.rsplit("/", 1)[-1] == f"{id}{authoring.FINDING_SUFFIX}"), None)
    if file is None:
        fault = f"{id} was deleted after it was imported; it was not imported again"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-gone"))
        entry.update(key=key, written=values)
        return
    merged = authoring.merge_fields(
        run.files.read(file) or b"", entry["written"], values, shown=display_path(run.folder / file)
    )
    if merged.kept:
        fault = f"changed here and in the review, so the value here was kept: {', '.join(f'`{name}`' for name in merged.kept)}"
        place = Place(display_path(run.folder / file))
        remedy = "compare it with the review"
        run.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-kept"))
    entry.update(key=key, written=values)
    run.edited[file] = merged.content
    run.ids.append(id)


def _find_earlier(
    key: str, values: Mapping[str, Any], earlier: Sequence[dict[str, Any]], keys: set[str]
) -> dict[str, Any] | None:
    """Return the entry of the same finding: by its key, else, if its title was edited, by its text."""
    for entry in earlier:
        if entry["key"] == key:
            return entry
    from rapidfuzz import fuzz

    likeliest = max(
        ((fuzz.ratio(values["description"][:5_000], entry["written"].get("description", "")[:5_000]), -at, entry)
         for at, entry in enumerate(earlier) if entry["key"] not in keys),
        key=lambda rated: rated[:2],
        default=None,
    )  # fmt: skip
    return likeliest[2] if likeliest is not None and likeliest[0] >= _SAME_TEXT else None


def _choose_id(run: _Import, finding: ReviewedFinding) -> str:
    taken = {id.casefold() for id in run.taken}
    own = (finding.own_id or "").replace(" ", "-")
    is_word = any(map(str.isalpha, own))
    if is_word and identifier_fault(own) is None and own.casefold() not in taken:
        return own
    id = authoring.next_id(run.taken)
    if is_word and own.casefold() in taken:
        fault = f"the id {own} is taken: this finding is {id}"
        run.problems.append(Problem(Kind.INPUT, fault, level="note", code="import-id"))
    return id


def _write_texts(run: _Import, source: str, path: Path, texts: Sequence[EngagementText]) -> None:
    """Write the texts outside of findings into engagement.yaml; a field that a person filled keeps its text."""
    shown = display_path(run.folder / authoring.ENGAGEMENT)
    content = run.edited.get(authoring.ENGAGEMENT) or run.files.read(authoring.ENGAGEMENT) or b""
    before = {(entry["field"], entry["title"]): entry for entry in run.lock["texts"] if entry["source"] == source}
    after: list[dict[str, Any]] = []
    for name, title, text in _join_texts(texts):
        data = authoring.written_values(read(content).data)
        sections = data.get("sections") or []
        was = before.get((name, title)) or before.get(("sections", title or f"{name.capitalize()} of {path.name}"))
        if was is None and name != "sections" and (data.get(name) is None or str(data[name]).startswith("TODO")):
            content = authoring.set_field(content, (name,), text, shown=shown)
        elif was is None:
            name, title = "sections", title or f"{name.capitalize()} of {path.name}"
            content = authoring.append_entries(content, "sections", [{"title": title[:500], "text": text}], shown=shown)
        elif was["text"] != text:
            name = was["field"]
            title = was["title"]
            where = next((at for at, each in enumerate(sections) if each.get("text") == was["text"]), None)
            if name != "sections" and data.get(name) == was["text"]:
                content = authoring.set_field(content, (name,), text, shown=shown)
            elif name == "sections" and where is not None:
                content = authoring.set_field(content, ("sections", where, "text"), text, shown=shown)
            else:
                fault = f"changed here and in the review, so the value here was kept: {title or name}"
                problem = Problem(
                    Kind.INPUT, fault, "compare it with the review", place=Place(shown), level="warning", code="import-kept"
                )
                run.problems.append(problem)
        else:
            name, title = was["field"], was["title"]
        after.append({"source": source, "field": name, "title": title, "text": text})
    run.lock["texts"] = [entry for entry in run.lock["texts"] if entry["source"] != source] + after
    run.edited[authoring.ENGAGEMENT] = content


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
