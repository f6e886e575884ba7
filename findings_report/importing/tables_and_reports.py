"""Findings of spreadsheets, and of the program's own JSON.

A column map says which column of a table is which field. The JSON of a report has everything that was authored, except what was
only an instruction for making it; `read_own_json` writes it back, so that a report can be worked on without its YAML.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from findings_report.authoring.yaml_reader import YamlFault, read
from findings_report.evidence.redaction import keep_masked
from findings_report.importing.cited_code import Cited, CodeFinder
from findings_report.importing.foreign import (
    JsonValue,
    clean,
    decode_text,
    is_inside,
    is_name,
    is_url,
    read_json,
    refuse,
    refuse_json,
    refuse_kind,
)
from findings_report.importing.importers import (
    ForeignFile,
    ImportContext,
    ImportedFile,
    ImportedFinding,
    ImportedText,
    choose_severity,
)
from findings_report.importing.ratings import read_status
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import MARK
from findings_report.model.finding import Status
from findings_report.problems import Kind, Place, Problem

_TEXTS: Final = ("summary", "description", "impact", "scenario", "proof", "recommendation", "response")
_LINES_OF_CELL: Final = ("cwe", "cvss", "tags", "tickets", "references", "locations")
_SINGLE: Final = (
    "id",
    "title",
    "severity",
    "status",
    "category",
    "confidence",
    "difficulty",
    "owner",
    "due",
    "residual_severity",
)
_PLACES: Final = ("path", "lines", "quote", "repository", "commit")
COLUMNS: Final = (*_SINGLE, *_TEXTS, *_LINES_OF_CELL, *_PLACES, "found_by")
"""Fields that a column can be."""

_MOST_ROWS: Final = 20_000
_MOST_CELL: Final = 262_144
_MOST_LINES: Final = 100_000  # of a snippet, of which something is masked
_PLACE: Final = re.compile(
    r"(?:(?P<repository>[A-Za-z0-9_][A-Za-z0-9._-]{0,63}): )?(?P<path>[^\n]{1,1000}?)"
    r"(?::(?P<first>[0-9]{1,9})(?:[-–](?P<last>[0-9]{1,9}))?(?>(?:, ?[0-9]{1,9}(?:[-–][0-9]{1,9})?)*))?\Z"
)
_VECTOR: Final = re.compile(r"CVSS:[34]\.[0-9]/[A-Z0-9:/]{5,200}")


# --- CSV


def read_csv(file: ForeignFile, context: ImportContext) -> ImportedFile:
    """Return the rows of a table as findings. Raises FindingsReportError (INPUT), with the row."""
    text = _decode_table(file)
    if text.lstrip().startswith(("{", "[", "<")):
        refuse_json(file)
        refuse(file, "it is no CSV: it begins like JSON or XML", "name the importer of its program", code="import-format")
    rows = _split(file, text, context.options.delimiter)
    if not rows:
        refuse(file, "it has no rows", "the first row has the names of the columns", code="import-format")
    (_, head), *body = rows
    names = [cell.strip() for cell in head]
    fields = _map_columns(file, names, context)
    values = _read_words(context)
    finder = CodeFinder(context, file)
    findings: list[ImportedFinding] = []
    problems: list[Problem] = []
    keys: Counter[str] = Counter()
    for line, cells in body:
        if not any(cell.strip() for cell in cells):
            continue
        # A cell too many is a delimiter within a text: the columns behind it would be the wrong ones.
        if len(cells) > len(names):
            fault = f"the row has {len(cells)} cells, and there are {len(names)} columns"
            refuse(file, fault, "quote cells that have the delimiter in them", line=line, code="import-value")
        row = {name: _read_cell(cells[at]) for name, at in fields.items() if at < len(cells) and cells[at].strip()}
        row = {name: values.get(name, {}).get(cell.strip().casefold(), cell) for name, cell in row.items()}
        findings.append(_make_row(row, line, file, context, finder, problems, keys))
    if len(findings) > context.options.limit:
        fault = f"it has {len(findings):,} findings; at most {context.options.limit:,} are imported"
        refuse(file, fault, "divide it into several files, or raise --limit", code="import-size")
    unread = [name for at, name in enumerate(names) if at not in fields.values() and name]
    if unread:
        fault = f"these columns are not imported: {', '.join(unread[:20])}"
        remedy = "name their fields in a file for --map, as in `title: Summary`"
        problems.append(Problem(Kind.INPUT, fault, remedy, place=Place(file.shown), level="note", code="import-part"))
    if not findings:
        problems.append(Problem(Kind.INPUT, "it has no findings", place=Place(file.shown), level="note", code="import-part"))
    return ImportedFile(tuple(findings), problems=(*problems, *finder.problems()))


def _decode_table(file: ForeignFile) -> str:
    """Return the text of a table; spreadsheets also save UTF-16."""
    if file.content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = file.content.decode("utf-16")
        except UnicodeDecodeError:
            refuse(file, "it is not UTF-16", "save it as CSV in UTF-8", code="not-utf8")
        return decode_text(ForeignFile(file.shown, file.name, text.encode()))
    return decode_text(file)


def _split(file: ForeignFile, text: str, delimiter: str | None) -> list[tuple[int, list[str]]]:
    """Return the rows, each with the line on which it ends."""
    if delimiter is not None and len(delimiter.replace("\\t", "\t")) != 1:
        refuse(file, f"--delimiter is {delimiter!r}, and has to be one sign", code="import-value")
    first = text.partition("\n")[0]
    # Signs within quotation marks are text; csv.Sniffer guesses from them, and fails on columns of prose.
    outside = re.sub(r'"[^"]*+"', "", first)
    sign = delimiter.replace("\\t", "\t") if delimiter else max(",;\t|", key=outside.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    csv.field_size_limit(_MOST_CELL)
    rows = []
    try:
        for cells in reader:
            rows.append((reader.line_num, cells))
            if len(rows) > _MOST_ROWS:
                refuse(file, f"it has more than {_MOST_ROWS:,} rows", "divide it", line=reader.line_num, code="import-size")
    except csv.Error as error:
        refuse(file, f"it is no CSV: {error}", "close its quotation marks", line=reader.line_num, code="import-format")
    return rows


def _read_map(context: ImportContext) -> dict[str, Any]:
    """Return the column map: `field: column`, or `field: {column: ..., values: {theirs: ours}}`."""
    columns = context.options.columns
    if columns is None:
        return {}
    try:
        data = read(columns.content).data
    except YamlFault as fault:
        line = None if fault.line is None else fault.line + 1
        refuse(columns, str(fault.fault), fault.remedy, line=line, code="import-value")
    if not isinstance(data, dict):
        refuse(
            columns,
            "it is no list of fields",
            "write `field: column` on each line, as in `title: Summary`",
            code="import-value",
        )
    for name, column in data.items():
        if name not in COLUMNS and not str(name).startswith("extra."):
            refuse(columns, f"{name!r} is no field", f"the fields are {', '.join(COLUMNS)}", code="import-value")
        own = column.get("column") if isinstance(column, dict) else column
        words = column.get("values", {}) if isinstance(column, dict) else {}
        if not isinstance(own, str) or not isinstance(words, dict):
            refuse(
                columns,
                f"{name!r} names no column",
                "write `field: column`, or `field: {column: name, values: {theirs: ours}}`",
                code="import-value",
            )
    return data


def _map_columns(file: ForeignFile, names: Sequence[str], context: ImportContext) -> dict[str, int]:
    """Return the number of the column of each field."""
    folded = [name.casefold() for name in names]
    twice = [name for name, count in Counter(filter(None, folded)).items() if count > 1]
    mapped = _read_map(context)
    fields: dict[str, int] = {}
    for name, column in mapped.items():
        own = column["column"] if isinstance(column, dict) else column
        if own.casefold() not in folded:
            refuse(file, f"there is no column {own!r}", f"the columns are {', '.join(names)}", line=1, code="import-format")
        if own.casefold() in twice:
            refuse(file, f"there are two columns {own!r}", "rename one of them", line=1, code="import-format")
        fields[name] = folded.index(own.casefold())
    if not mapped:
        by_label = {field.label.casefold(): f"extra.{field.name}" for field in context.engagement.fields}
        for at, label in enumerate(folded):
            name = label.replace(" ", "_")
            known = name if name in COLUMNS else by_label.get(label)
            if known is not None:
                fields.setdefault(known, at)
    if "title" not in fields:
        remedy = "name the columns in a file for --map, as in `title: Summary`"
        refuse(file, f"no column is the title; the columns are {', '.join(names)[:300]}", remedy, line=1, code="import-format")
    return fields


def _read_words(context: ImportContext) -> dict[str, dict[str, str]]:
    """Return our words for theirs, by field: those of the map, and the statuses as the engagement prints them."""
    words = {
        name: {str(theirs).strip().casefold(): str(ours) for theirs, ours in column.get("values", {}).items()}
        for name, column in _read_map(context).items()
        if isinstance(column, dict)
    }
    printed = {status.printed(context.engagement.status_words).casefold(): status.value for status in Status}
    printed |= {status.value.replace("_", " "): status.value for status in Status}
    words["status"] = printed | words.get("status", {})
    return words


def _read_cell(cell: str) -> str:
    """Return a cell without the apostrophes that keep spreadsheets from running it."""
    text = re.sub(r"(?<![^\s\"';|])'(?=[=+\-@])", "", cell)
    return clean(text)


def _make_row(
    row: Mapping[str, str],
    line: int,
    file: ForeignFile,
    context: ImportContext,
    finder: CodeFinder,
    problems: list[Problem],
    keys: Counter[str],
) -> ImportedFinding:
    """Return the finding of a row, and add to `problems`. Raises FindingsReportError (INPUT) without a title."""
    title = " ".join(row.get("title", "").split())[:500]
    if not title:
        refuse(file, "the row has no title", "write one", line=line, code="import-value")
    own_id = row.get("id", "").strip() or None
    key = own_id or title
    keys[key] += 1
    if own_id is not None and keys[key] > 1:
        refuse(file, f"two rows have the id {own_id!r}", "give each its own", line=line, code="import-value")
    severity, warnings = choose_severity(row.get("severity", "").strip() or None, title, context, file=file.shown, line=line)
    problems += warnings
    words, unread = _read_chosen(row, context)
    locations, rest = finder.locate(list(_read_places(row, context)))
    fields: dict[str, Any] = {"title": title, "severity": severity, "confidence": "unconfirmed", "status": "undetermined"}
    fields |= words | _read_lists(row)
    fields |= {name: text.strip("\n") + "\n" for name in _TEXTS if (text := row.get(name, "")).strip()}
    for name, text in unread:
        fault = f"{title!r}: {name} {text[:80]!r} is none of its words; it stays text"
        remedy = f"set `{name}` in the finding, or give our words under `values` of the map"
        problems.append(
            Problem(Kind.INPUT, fault, remedy, place=Place(file.shown, line), level="warning", code="import-unread")
        )
    # A word that is none of the field's stays text, where a reader sees it.
    more = [rest, *(f"{name}: {text}" for name, text in unread)]
    fields["description"] = "\n\n".join(filter(None, (fields.get("description", title).strip("\n"), *more))) + "\n"
    fields["locations"] = locations
    fields["extra"] = {name.removeprefix("extra."): text for name, text in row.items() if name.startswith("extra.")}
    ordered: dict[str, Any] = {name: fields[name] for name in (*_FIELDS, "extra") if fields.get(name)}
    identity = key if keys[key] == 1 else f"{key} ({keys[key]})"
    return ImportedFinding((identity,), ordered, f"line {line}", own_id)


def _read_chosen(row: Mapping[str, str], context: ImportContext) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the fields of one line or word, and the words that their fields do not have."""
    choices: dict[str, Mapping[str, str]] = {
        "status": {status.value: status.value for status in Status},
        "confidence": {word: word for word in ("confirmed", "likely", "unconfirmed")},
        "difficulty": {word: word for word in ("low", "medium", "high")},
        "residual_severity": {each.name.casefold(): each.name for each in context.engagement.severities},
    }
    fields: dict[str, Any] = {}
    unread: list[tuple[str, str]] = []
    for name, words in choices.items():
        text = row.get(name, "").strip()
        word = words.get(text.casefold(), words.get(text.casefold().replace(" ", "_")))
        if word is None and name == "status" and (stated := read_status(text)) is not None:
            word = stated.value
        if word is not None:
            fields[name] = word
        elif text:
            unread.append((name, text))
    if due := row.get("due", "").strip():
        if re.fullmatch(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", due):
            fields["due"] = due
        else:
            unread.append(("due", due))
    fields |= {name: text[:500] for name in ("category", "owner", "found_by") if (text := " ".join(row.get(name, "").split()))}
    return fields, unread


def _read_lists(row: Mapping[str, str]) -> dict[str, list[Any]]:
    """Return the fields of several entries."""
    numbers = re.findall(r"(?<![0-9.])(?:CWE-)?0*([1-9][0-9]{0,5})(?![0-9.])", row.get("cwe", ""))
    tickets = re.split(r"[,\s]+", row.get("tickets", ""))
    return {
        "cwe": list(dict.fromkeys(f"CWE-{number}" for number in numbers)),
        "cvss": _VECTOR.findall(row.get("cvss", "")),
        "tags": [tag for entry in re.split(r"[,;\n]", row.get("tags", "")) if is_name(tag := entry.strip())],
        "references": [{"url": url} for url in row.get("references", "").split() if is_url(url)],
        "tickets": [ticket for ticket in tickets if re.fullmatch(r"[a-z][a-z0-9_-]*:\S+", ticket)],
    }


def _read_places(row: Mapping[str, str], context: ImportContext) -> Iterator[Cited]:
    """Yield the places of a row: those of its own columns, and a list as `build -f csv` writes it."""
    if "path" in row:
        numbers = [int(number) for number in re.findall(r"[0-9]{1,9}", row.get("lines", ""))]
        lines = (min(numbers), max(numbers)) if numbers and min(numbers) > 0 else None
        repository = row.get("repository", "").strip()
        commit = row.get("commit", "").strip().lower() or None
        known = repository if repository in context.repositories else None
        yield Cited((row["path"].strip(),), lines, row.get("quote"), repository=known, commit=commit)
    for line in row.get("locations", "").split("\n"):
        match = _PLACE.match(line.strip())
        if match is None or not line.strip():
            continue
        named = match["repository"] if match["repository"] in context.repositories else None
        path = match["path"] if named or not match["repository"] else f"{match['repository']}: {match['path']}"
        first = int(match["first"]) if match["first"] else 0
        lines = (first, max(first, int(match["last"] or first))) if first else None
        yield Cited((path,), lines, repository=named)


# --- Our own JSON

_FIELDS: Final = (
    *("title", "category", "severity", "severity_reason", "rating", "difficulty", "cvss", "cwe", "tags", "confidence"),
    *("residual_severity", "owner", "due", "related", "affected", "status", *_TEXTS, "locations", "fix", "history"),
    *("references", "tickets", "aliases", "found_by", "tool_fingerprints", "audience"),
)
"""Fields of a finding, in the order of the reference."""

_COPIED: Final = (
    *(
        "title",
        "category",
        "severity_reason",
        "rating",
        "difficulty",
        "tags",
        "confidence",
        "owner",
        "due",
        "related",
        "affected",
    ),
    *("status", *_TEXTS, "fix", "history", "references", "tickets", "aliases", "found_by", "tool_fingerprints"),
    "audience",
)
"""Fields that the report has as they were authored."""

_LOCATION: Final = (
    *("name", "role", "repository", "path", "lines", "symbol", "show", "highlight", "notes", "caption", "commit", "quote"),
    *("redact", "audience"),
)
"""Fields of a location, in the order of the reference."""

_ENGAGEMENT: Final = (
    *("title", "client", "authors", "version", "date", "period", "state", "versions", "distribution", "confidentiality"),
    *("interactive", "language", "cover", "order", "findings_on_new_page", "status_words", "severity_words", "words"),
    *("audiences", "system_fonts"),
)
"""Fields of the engagement that the report has as they were authored."""


def read_own_json(file: ForeignFile, context: ImportContext) -> ImportedFile:
    """Return the findings and the engagement of a report's JSON. Raises FindingsReportError (INPUT)."""
    root = read_json(file)
    if not isinstance(root.value, dict) or not isinstance(root.value.get("findings"), list):
        refuse_kind(root, "json")
    entries = root.entries("findings")
    if "engagement" not in root.value:
        if not entries or not {"id", "title", "status", "severity"} <= entries[0].value.keys():
            refuse_kind(root, "json")
    else:
        _refuse_invalid(root)
    ids = Counter(str(entry.get("id").value).casefold() for entry in entries)
    reader = _OwnReport(root, context, file)
    findings = []
    for entry in entries:
        id = entry.text("id")
        if id is None or ids[id.casefold()] > 1:
            entry.get("id").refuse("is missing" if id is None else f"is {id!r}, which another finding has as well")
        findings.append(
            ImportedFinding((id,), reader.read_finding(entry), entry.pointer, id, is_certain=False, must_keep_id=True)
        )
    if len(findings) > context.options.limit:
        fault = f"it has {len(findings):,} findings; at most {context.options.limit:,} are imported"
        refuse(file, fault, "raise --limit", code="import-size")
    engagement = reader.read_engagement() if "engagement" in root.value else {}
    return ImportedFile(
        tuple(findings), tuple(reader.read_texts()), engagement, problems=tuple(reader.name_lost()), files=reader.files
    )


def _refuse_invalid(root: JsonValue) -> None:
    """Raise FindingsReportError (INPUT) for a report that is none, as one that was changed by hand may be."""
    from findings_report.model.report import SCHEMA, Report

    if root.get("schema_name").value != SCHEMA:
        root.get("schema_name").refuse(f"is {root.get('schema_name').value!r}; {SCHEMA} is read", code="import-format")
    try:
        Report.model_validate_json(json.dumps(root.value))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        pointer = "".join(f"/{step}" for step in first["loc"])
        message = first["msg"][:300]  # a union names every choice
        refuse(
            root.file,
            f"{pointer or 'the file'} is not as a report has it: {message[:1].lower()}{message[1:]}",
            code="import-value",
        )


class _OwnReport:
    """A report as JSON."""

    def __init__(self, root: JsonValue, context: ImportContext, file: ForeignFile) -> None:
        self._root = root
        self._context = context
        self._file = file
        self._lost: Counter[str] = Counter()
        self.files: dict[str, bytes] = {}
        # An edition, or a finding that was sent alone: entries of `redact` elsewhere are not in it, and may hide its code.
        self._is_part = bool(root.get("engagement").text("edition")) or len(root.entries("findings")) == 1
        repositories = root.get("engagement").get("repositories") if "engagement" in root.value else JsonValue(None, "", file)
        self._commits = {entry.text("name"): entry.text("commit") for entry in repositories.items()}

    def read_finding(self, entry: JsonValue) -> dict[str, Any]:
        """Return the fields of a finding."""
        severity = entry.get("severity").value
        values: dict[str, Any] = {name: _strip(entry.get(name).value) for name in _COPIED}
        values["severity"] = severity.get("name") if isinstance(severity, dict) else severity
        # Written as well, it would no longer follow from them.
        if entry.get("severity_source").value in ("rating", "cvss"):
            values["severity"] = None  # computed again
        residual = entry.get("residual_severity").value
        values["residual_severity"] = residual.get("name") if isinstance(residual, dict) else residual
        values["cvss"] = [vector for score in entry.get("scores").items() if (vector := score.text("vector"))]
        values["cwe"] = [id for weakness in entry.get("cwe").items() if (id := weakness.text("id"))]
        values["extra"] = {value.text("name"): value.text("value") for value in entry.get("extra").items()}
        values["locations"] = [self._read_location(snippet) for snippet in entry.get("snippets").items()]
        if values["severity"] is not None:
            chosen, _ = choose_severity(
                str(values["severity"]), str(values["title"]), self._context, file=self._file.shown, place=entry.pointer
            )
            declared = self._root.get("engagement").value if "engagement" in self._root.value else None
            values["severity"] = values["severity"] if declared else chosen
        values["description"] = values["description"] or f"{values['title']}\n"
        return {name: values[name] for name in (*_FIELDS, "extra") if values.get(name) not in (None, [], {}, "")}

    def _read_location(self, snippet: JsonValue) -> dict[str, Any]:
        """Return the location of which a snippet was made."""
        location: dict[str, Any] = {}
        for name in ("name", "role", "repository", "path", "caption", "audience"):
            if (value := snippet.get(name).value) not in (None, [], ""):
                location[name] = value
        if len(self._commits) == 1 or (not self._commits and len(self._context.repositories) < 2):
            location.pop("repository", None)
        authored = snippet.get("authored")
        if isinstance(authored.value, dict):
            location |= self._read_authored(authored, snippet)
        else:
            location |= self._read_printed(snippet)
        return {name: location[name] for name in _LOCATION if name in location}

    def _read_authored(self, authored: JsonValue, snippet: JsonValue) -> dict[str, Any]:
        """Return what the author of a location wrote."""
        location = {name: authored.get(name).value for name in ("symbol", "notes", "commit", "quote")}
        location = {name: value for name, value in location.items() if value not in (None, {})}
        if "quote" in location:
            location["quote"] = keep_masked(location["quote"])
        for name in ("lines", "show", "highlight"):
            if regions := [_write_region(region) for region in authored.get(name).items()]:
                location[name] = regions[0] if len(regions) == 1 else regions
        masks = []
        for entry in authored.get("redact").items():
            regions = [_write_region(region) for region in entry.entries("lines")]
            match = entry.text("match")
            masks.append({"lines": regions[0] if len(regions) == 1 else regions} | ({"match": match} if match else {}))
        if masks := [*masks, *(self._mask_others(authored, snippet) if self._is_part else ())]:
            location["redact"] = masks
        return location

    def _mask_others(self, authored: JsonValue, snippet: JsonValue) -> Iterator[dict[str, Any]]:
        """Yield the masked lines that no entry names: what hides them is in a part of the report that this file has not."""
        entries = [region for entry in authored.get("redact").items() for region in entry.entries("lines")]
        known = set(_list_numbers(entries))
        texts = {
            line.whole("number"): str(line.get("text").value)
            for run in snippet.get("runs").items()
            for line in run.entries("lines")
        }
        for number in _list_numbers(snippet.get("redacted").items()):
            if number not in known:
                yield {"lines": str(number)} | ({"match": texts[number].lstrip()} if MARK in texts.get(number, "") else {})

    def _read_printed(self, snippet: JsonValue) -> dict[str, Any]:
        """Return a location by what is printed of it, for a report of a version that kept nothing else."""
        location: dict[str, Any] = {}
        repository, commit = snippet.text("repository"), snippet.text("commit")
        if commit is not None and commit != self._commits.get(repository):
            location["commit"] = commit
        if regions := [_write_region(region) for region in snippet.get("regions").items()]:
            location["lines"] = regions[0] if len(regions) == 1 else regions
        # Without its masks the next report would print what this one hides.
        if masked := [_write_region(region) for region in snippet.get("redacted").items()]:
            location["redact"] = [{"lines": masked[0] if len(masked) == 1 else masked}]
        if snippet.get("loose_notes").value:
            self._lost["notes on lines that are not printed"] += 1
        return location | self._read_marks(snippet) | self._read_code(snippet)

    def _read_code(self, snippet: JsonValue) -> dict[str, Any]:
        """Return the quote of a snippet, or the lines that are printed without one."""
        verdict = snippet.get("check").text("verdict")
        if snippet.get("redacted").value:
            self._lost["quotes of code with masked passages; the whole lines are masked"] += 1
        elif verdict == "none":
            return {"show": shown} if (shown := self._read_shown(snippet)) else {}
        elif snippet.get("runs").value:
            if verdict != "exact":
                self._lost["quotes as they were copied; the printed lines are quoted instead"] += 1
            return {"quote": _write_quote(snippet)}
        return {}

    def _read_shown(self, snippet: JsonValue) -> str | list[str] | None:
        """Return the printed lines, if they are not all that are cited."""
        printed = [line.whole("number") or 0 for run in snippet.get("runs").items() for line in run.entries("lines")]
        regions = [
            (region.whole("start_line") or 1, region.whole("end_line") or 1) for region in snippet.get("regions").items()
        ]
        is_whole = len(printed) == sum(end - start + 1 for start, end in regions)
        return None if is_whole or not regions or not printed or 0 in printed else _join_lines(printed)

    def _read_marks(self, snippet: JsonValue) -> dict[str, Any]:
        """Return the highlighted lines and the notes of a snippet."""
        lines = [line for run in snippet.get("runs").items() for line in run.entries("lines")]
        highlighted = [number for line in lines if line.get("highlighted").value and (number := line.whole("number"))]
        notes = {str(line.whole("number")): note for line in lines if (note := line.text("note"))}
        marks: dict[str, Any] = {"highlight": _join_lines(highlighted)} if highlighted else {}
        return marks | ({"notes": notes} if notes else {})

    def read_engagement(self) -> dict[str, Any]:
        """Return the fields of engagement.yaml, without texts and without what files of the engagement have."""
        engagement = self._root.get("engagement")
        values = {name: _strip(engagement.get(name).value) for name in _ENGAGEMENT}
        values["severities"] = _strip(engagement.get("severities").value)
        accent = engagement.text("accent")
        values["colours"] = {"accent": accent} if accent else None
        # The report lists the audiences that leave something out; parts name those that are everybody as well.
        edition = [word] if (word := engagement.text("edition")) else []
        audiences = (*engagement.texts("audiences"), *edition, *_find_audiences(self._root.value))
        values["audiences"] = list(dict.fromkeys(audiences))
        values["top_ten"] = self._root.get("classification").text("top_ten_version")
        values["scope"] = [_write_scope(entry, len(self._commits)) for entry in self._root.entries("scope")]
        repositories: dict[str, Any] = {}
        for entry in engagement.entries("repositories"):
            own = {name: entry.text(name) for name in ("url", "revision", "commit", "web")}
            repositories[entry.text("name") or "main"] = {name: value for name, value in own.items() if value}
        values["repositories"] = repositories
        values["csaf"] = _strip(engagement.get("advisory").value)
        values["matrix"] = self._read_matrix()
        values |= self._read_own_words() | self._read_tables_and_pictures() | self._read_files_beside()
        return {name: value for name, value in values.items() if value not in (None, [], {}, "")}

    def _read_matrix(self) -> dict[str, dict[str, str]] | None:
        """Return the risk matrix, if it is not the one that every engagement has."""
        matrix = self._root.get("matrix")
        likelihoods = matrix.texts("likelihoods") if matrix.value else ()
        rows = {
            row.text("impact") or "": {
                likelihood: severity["name"]
                for likelihood, severity in zip(likelihoods, row.get("severities").value, strict=False)
                if severity is not None
            }
            for row in (matrix.entries("rows") if matrix.value else ())
        }
        return None if not rows or rows == Engagement(title="x").model_dump(mode="json")["matrix"] else rows

    def _read_own_words(self) -> dict[str, Any]:
        """Return the custom fields and the names of weaknesses, as far as findings use them."""
        fields: dict[str, dict[str, Any]] = {}
        weaknesses: dict[str, dict[str, Any]] = {}
        for finding in self._root.entries("findings"):
            for value in finding.get("extra").items():
                own = {name: value.get(name).value for name in ("name", "label", "audience")}
                fields.setdefault(own["name"], {name: part for name, part in own.items() if part})
            for weakness in finding.get("cwe").items():
                if weakness.get("is_own").value:
                    own = {name: weakness.get(name).value for name in ("name", "top_ten")}
                    weaknesses[weakness.text("id") or ""] = {name: part for name, part in own.items() if part}
        return {"fields": list(fields.values()), "weaknesses": weaknesses}

    def _read_tables_and_pictures(self) -> dict[str, Any]:
        """Return the tables and pictures of the report, which become files."""
        engagement = self._root.get("engagement")
        tables = []
        for table in engagement.get("tables").items():
            if not is_name(table.text("name") or ""):
                table.get("name").refuse("is not a name of letters, digits, . _ -")
            sheet = io.StringIO(newline="")
            csv.writer(sheet, lineterminator="\n").writerows([table.get("header").value, *table.get("rows").value])
            file = f"tables/{table.text('name')}.csv"
            self.files[file] = sheet.getvalue().encode()
            tables.append(_describe(table, ("name", "caption", "audience"), file))
        images = [
            _describe(picture, ("name", "alt", "caption", "audience"), self._write_picture(picture))
            for picture in engagement.get("images").items()
        ]
        logo = engagement.get("logo")
        return {"tables": tables, "images": images, "logo": self._write_picture(logo) if logo.value else None}

    def _write_picture(self, picture: JsonValue) -> str:
        """Add a picture to the files, and return its path: the one that it had, if that is one of a picture."""
        suffixes = (".png",) if picture.text("media_type") == "image/png" else (".jpg", ".jpeg")
        file = picture.text("file") or ""
        content = base64.urlsafe_b64decode(picture.text("content") or "")
        # The path is the file's word, as all of a report is: it must not name a file of the engagement itself.
        if not is_inside(file, suffixes) or self.files.get(file, content) != content:
            name = (picture.text("name") or "").strip(":")
            file = f"images/{name if is_name(name) else len(self.files)}{suffixes[0]}"
        self.files[file] = content
        return file

    def _read_files_beside(self) -> dict[str, Any]:
        """Return the files that a report has by name and digest, where they lie beside its JSON: as the builds leave them."""
        engagement = self._root.get("engagement")
        stem = self._file.name.rpartition(".")[0]
        attachments = [
            _describe(attachment, ("title", "audience"), file)
            for attachment in self._root.get("attachments").items()
            if (file := self._copy_beside(attachment, f"attachments/{attachment.text('name')}", f"{stem}-attachments", ("",)))
        ]
        fonts = [
            _describe(font, ("family", "weight", "style"), file)
            for font in engagement.get("fonts").items()
            if (file := self._copy_beside(font, font.text("file") or "", "", (".otf", ".ttf", ".ttc")))
        ]
        document = engagement.get("docx_template")
        suffixes = (".docx", ".dotx")
        template = self._copy_beside(document, document.text("file") or "", "", suffixes) if document.value else None
        for name, wanted, copied in (
            ("attachments", self._root.get("attachments").value, attachments),
            ("fonts", engagement.get("fonts").value, fonts),
            ("docx_template", [document.value] if document.value else [], [template] if template else []),
        ):
            if missing := len(wanted or ()) - len(copied):
                self._lost[f"`{name}`, of which the file is not beside the report"] += missing
        return {"attachments": attachments, "fonts": fonts, "docx_template": template}

    def _copy_beside(self, entry: JsonValue, file: str, folder: str, suffixes: tuple[str, ...]) -> str | None:
        """Add a file with the name and the digest of an entry to the files, and return its path; None if there is none."""
        name = file.rpartition("/")[2]
        if not is_inside(file, suffixes):
            return None
        for path in dict.fromkeys((f"{folder}/{name}" if folder else name, name, file)):
            content = self._file.read_beside(path)
            if content is not None and hashlib.sha256(content).hexdigest() == entry.text("sha256"):
                self.files[file] = content
                return file
        return None

    def read_texts(self) -> Iterator[ImportedText]:
        """Yield the texts of the report."""
        summary = self._root.text("summary")
        if summary is not None:
            yield ImportedText("summary", "", summary)
        for section in self._root.entries("sections"):
            key, title, text = section.text("key") or "", section.text("title") or "", section.text("text") or ""
            is_own = key in ("recommendation", "conclusion")
            more = tuple((name, value) for name in ("place", "audience") if (value := section.get(name).value))
            yield ImportedText(key if is_own else "sections", "" if is_own else title, text, () if is_own else more)

    def name_lost(self) -> Iterator[Problem]:
        """Yield a note on what the JSON does not have, or YAML cannot have."""
        if self._lost:
            fault = f"not imported: {'; '.join(f'{what} ({count})' for what, count in self._lost.items())}"
            yield Problem(Kind.INPUT, fault, place=Place(self._file.shown), level="note", code="import-part")


def _strip(value: Any) -> Any:
    """Return a value without what is empty in it: those are defaults."""
    if isinstance(value, dict):
        return {key: inner for key, entry in value.items() if (inner := _strip(entry)) not in (None, [], {}, "")}
    if isinstance(value, list):
        return [_strip(entry) for entry in value]
    return None if value is False else value


def _find_audiences(value: Any) -> Iterator[str]:
    """Yield the words of every `audience` in a value."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            audience = inner.get("audience")
            yield from (word for word in audience if isinstance(word, str)) if isinstance(audience, list) else ()
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner


def _write_scope(entry: JsonValue, repositories: int) -> str:
    # With one repository people write the pattern alone.
    repository = entry.text("repository")
    name = f"{repository}:" if repository and repositories > 1 else ""
    return f"{'!' if entry.get('is_excluding').value else ''}{name}{entry.text('pattern') or ''}"


def _describe(entry: JsonValue, names: Sequence[str], file: str) -> dict[str, Any]:
    """Return the entry of engagement.yaml of a file."""
    fields = {name: value for name in names if (value := entry.get(name).value) not in (None, [], "")}
    return {"name": fields.pop("name"), "file": file, **fields} if "name" in fields else {"file": file, **fields}


def _list_numbers(regions: Iterable[JsonValue]) -> Iterator[int]:
    """Yield the numbers of the lines of regions, which a hostile file can have any number of."""
    spans = ((region.whole("start_line") or 1, region.whole("end_line") or 1) for region in regions)
    yield from islice((number for start, end in spans for number in range(start, end + 1)), _MOST_LINES)


def _write_region(region: JsonValue) -> str:
    if isinstance(region.value, str):
        return region.value
    start, end = region.whole("start_line") or 1, region.whole("end_line") or 1
    return str(start) if start == end else f"{start}-{end}"


def _join_lines(numbers: Sequence[int]) -> str | list[str]:
    """Return numbers of lines as ranges."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    written = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    return written[0] if len(written) == 1 else written


def _write_quote(snippet: JsonValue) -> str:
    """Return the printed lines as a quote; with their numbers, if that is how they were quoted."""
    runs = [[clean(str(line.get("text").value or "")) for line in run.entries("lines")] for run in snippet.get("runs").items()]
    # Without numbers a quote claims the lines of its location.
    if len(runs) > 1 and snippet.get("check").get("claimed").value != snippet.get("regions").value:
        numbers = [[line.whole("number") or 0 for line in run.entries("lines")] for run in snippet.get("runs").items()]
        width = len(str(max(map(max, numbers))))
        runs = [
            [f"{number:>{width}}  {line}".rstrip() for number, line in zip(own, lines, strict=True)]
            for own, lines in zip(numbers, runs, strict=True)
        ]
    return "\n...\n".join("\n".join(lines) for lines in runs) + "\n"
