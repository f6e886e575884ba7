"""Storage of documents: Report or Comparison <-> JSON, and reading them from the PDF in which the JSON is embedded.

The JSON is canonical: the same document gives the same bytes. Reading it gives an equal document.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from findings_report.model.comparison import COMPARISON_SCHEMA, Comparison, Document
from findings_report.model.evidence import Region, Snippet, Verdict
from findings_report.model.finding import ANSWERED
from findings_report.model.passages import walk
from findings_report.model.report import SCHEMA, Report, ReportedFinding
from findings_report.pdf.embedded_data import ExtractedFile, Password, extract_file, no_password
from findings_report.problems import FindingsReportError, Kind, Place, Problem, system_fault
from findings_report.problems.safe_text import HIDDEN
from findings_report.sourcecode import fingerprint

MOST_QUOTED: Final = 1_000_000
"""Quoted lines that are followed one by one."""

LARGEST: Final = 512 * 2**20
"""Bytes of a file that is read at all."""

_MODELS: Final[dict[str, type[Document]]] = {SCHEMA: Report, COMPARISON_SCHEMA: Comparison}
_NAMES: Final[dict[type[Document], str]] = {Report: "report.json", Comparison: "comparison.json"}
# Acrobat accepts the header anywhere in the first 1,024 bytes (ISO 32000-1, annex H.3, note 13), so other bytes may precede it.
_START: Final = 1024
_MOST_VALUES: Final = 5_000_000
"""Values of a JSON that is read: a list of nothing takes three bytes there, and some hundred times that once it is read."""

# The possessive `*+` keeps the search linear: a text without its closing quote is not tried again from every backslash.
_STRING: Final = re.compile(rb'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"', re.DOTALL)
_HASH: Final = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
# The place of an error contains keys of the file, which in a hostile file can have megabytes.
_LONGEST_FAULT: Final = 300
_LONGEST_TEXT: Final = 262_144
"""Characters of a text that is no code: as many as a file of the engagement may have in one."""


def to_json(document: Document) -> bytes:
    """The document as UTF-8 JSON, two blanks of indentation, keys in the model's order, with a line end at the end.

    Hidden characters are written as `\\u202e`: the same text for a program, and harmless on a terminal.
    """
    # `model_dump_json` has no option to escape some characters; in its output hidden ones occur only inside strings.
    return HIDDEN.sub(_escaped, document.model_dump_json(indent=2)).encode() + b"\n"


def carried_name(document: Document) -> str:
    """Return the name of the document's JSON inside its PDF: `report.json` or `comparison.json`."""
    return _NAMES[type(document)]


def content_of(path: Path, *, shown: str) -> bytes:
    """The bytes of a file to be read by the functions below. Raises FindingsReportError (INPUT) when it cannot be read."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise _refused(shown, "it is no file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)  # not by `stat`: the file may grow while it is read
    except OSError as error:
        reason, remedy = system_fault(error)
        raise _refused(shown, f"it cannot be read: {reason}", remedy) from None
    if len(content) > LARGEST:
        raise _too_large(shown)
    return content


def read(content: bytes, shown: str, *, largest: int = LARGEST, password: Password = no_password) -> Report:
    """The report in a file that is its JSON, or a PDF that carries it, recognised by content, whatever the name of the file.

    `shown` names the file in messages, `password` is asked when it is an encrypted PDF. Raises FindingsReportError: INPUT when
    it is neither, or its JSON has more than `largest` bytes; USAGE when it does not open.
    """
    names = tuple(_NAMES.values())
    found = extract_file(content, names, shown=shown, password=password).content if is_pdf(content) else content
    if len(found) > largest:
        raise _too_large(shown, largest)
    return from_json(found, shown=shown)


def is_pdf(content: bytes) -> bool:
    """True when a PDF viewer would take it for one. Source: ISO 32000-1, annex H.3, note 13."""
    return b"%PDF-" in content[:_START]


def extract(content: bytes, *, shown: str, password: Password = no_password) -> ExtractedFile:
    """The JSON that a PDF carries, byte for byte as it was put there. Raises as `read`; a comparison is taken too."""
    if not is_pdf(content):
        raise _refused(shown, "it is no PDF", "name the PDF of a report or a comparison")
    found = extract_file(content, tuple(_NAMES.values()), shown=shown, password=password)
    document_from_json(found.content, shown=shown)
    return found


def from_json(content: bytes, *, shown: str) -> Report:
    """The report in `content`. Raises FindingsReportError (INPUT) for anything that is no report of this version.

    `shown` names the file in messages.
    """
    return _report(document_from_json(content, shown=shown), shown)


def document_from_json(content: bytes, *, shown: str) -> Document:
    """The report or comparison in `content`. Raises as `from_json`."""
    if len(content) > LARGEST:
        raise _too_large(shown)
    # Read twice: pydantic's own parser reports neither duplicate keys nor which schema a file has.
    head = load_json(content, shown=shown)
    name = head.get("schema_name") if isinstance(head, dict) else None
    model = _MODELS.get(name) if isinstance(name, str) else None
    if model is None:
        raise _refused(shown, *_unknown(name))
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        fault = f"{where}: {first['msg']}" if where else first["msg"]
        raise _refused(shown, fault if len(fault) <= _LONGEST_FAULT else f"{fault[:_LONGEST_FAULT]}…") from None


def load_json(content: bytes, *, shown: str, most_values: int = _MOST_VALUES) -> Any:
    """The value of a JSON text that anyone may have written. Raises FindingsReportError (INPUT) if it is none.

    Duplicate keys, numbers that JSON does not have, and more than `most_values` values are not accepted.
    """
    # Counted in the bytes, before a tree is built: a tree needs up to a hundred times the memory of its JSON.
    if _values(content, most_values) > most_values:
        raise _refused(shown, f"it has more than the {most_values:,} values that are read")
    try:
        return json.loads(content, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except RecursionError:
        raise _refused(shown, "its values are nested too deep") from None
    except ValueError as error:
        raise _refused(shown, f"it is not JSON: {error}") from None


def schema(document: type[Document] = Report) -> dict[str, Any]:
    """The JSON Schema of a document's JSON."""
    # Serialization mode: the program writes every field, so the schema requires those with defaults as well.
    return document.model_json_schema(mode="serialization")


def _report(document: Document, shown: str) -> Report:
    if isinstance(document, Report):
        if (fault := unsound(document)) is not None:
            raise _refused(shown, fault)
        return document
    raise _refused(shown, "it is a comparison, and a report is wanted", "name the JSON or the PDF of a report")


def _unknown(name: object) -> tuple[str, str | None]:
    """What is wrong with a JSON of no schema that is read, and the remedy."""
    family, _, number = name.rpartition("/") if isinstance(name, str) else ("", "", "")
    read = next((known for known in _MODELS if known.rpartition("/")[0] == family), None)
    if read is not None and number.isdigit():
        return f"it is {name}, made by a newer findings-report; this version reads {read}", "install a newer findings-report"
    return "it is not a report of findings-report", None


def _values(content: bytes, most: int) -> int:
    """Return about how many values a JSON has, never fewer.

    Marks inside of texts are subtracted only if the count exceeds the limit, because finding the texts is slow.
    """
    count = sum(content.count(mark) for mark in (b",", b"[", b"{"))
    if count <= most:
        return count
    inside = (match[0] for match in _STRING.finditer(content))
    return count - sum(sum(text.count(mark) for mark in (b",", b"[", b"{")) for text in inside)


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def _too_large(shown: str, largest: int = LARGEST) -> FindingsReportError:
    return _refused(shown, f"it has more than the {largest:,} bytes that are read")


def _refused(shown: str, fault: str, remedy: str | None = None) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="report-json"))


# RFC 8259, section 4: programs differ in which of two equal names they take, so a reviewer may see another value than `diff`.
def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("an object has the same key twice")
    return fields


# RFC 8259, section 6: no Infinity and NaN, which Python's json reads by default.
def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def unsound(report: Report) -> str | None:
    """Return the first contradiction in a report, worded to follow the name of its file; None if there is none."""
    return next(_faults(report), None)


def _faults(report: Report) -> Iterator[str]:
    # Without regard to case, as for authored findings: single findings become files, also on file systems that ignore case.
    ids = Counter(finding.id.casefold() for finding in report.findings)
    for finding in report.findings:
        if ids[finding.id.casefold()] > 1:
            yield f"it has more than one finding {finding.id!r}"
        yield from _of_finding(finding)
    for path, text in walk(report):
        if isinstance(text, str) and len(text) > _LONGEST_TEXT:
            where = ".".join(map(str, path))
            yield f"{where} has {len(text):,} characters; at most {_LONGEST_TEXT:,} are read"
    for table in report.engagement.tables:
        if not table.header or any(len(row) != len(table.header) for row in table.rows):
            yield f"the table {table.name!r} has rows of another length than its head"
    yield from _of_counts(report)
    yield from _of_tables(report)
    quoted = sum(_count(snippet.check.found) for finding in report.findings for snippet in finding.snippets)
    if quoted > MOST_QUOTED:
        yield f"it quotes {quoted:,} lines; at most {MOST_QUOTED:,} are followed"


def _of_counts(report: Report) -> Iterator[str]:
    """What of the counts contradicts the findings: a side of a comparison prints both."""
    severities = Counter(finding.severity.name for finding in report.findings)
    statuses = Counter((finding.severity.name, finding.status) for finding in report.findings)
    names = [count.severity.name for count in report.counts]
    if unknown := sorted(severities.keys() - set(names)) or sorted(
        name for name, number in Counter(names).items() if number > 1
    ):
        yield f"its counts have the severity {unknown[0]!r} not once"
    for count in report.counts:
        name = count.severity.name
        if count.total != severities[name]:
            yield f"it counts {count.total:,} findings of severity {name!r}, and has {severities[name]:,}"
        if any(number != statuses[name, status] for status, number in count.by_status):
            yield f"its findings of severity {name!r} have other statuses than it counts"
    verdicts = Counter(snippet.check.verdict for finding in report.findings for snippet in finding.snippets)
    if [(count.verdict, count.total) for count in report.verdicts] != [
        (verdict, verdicts[verdict]) for verdict in Verdict if verdict in verdicts
    ]:
        yield "it counts other verdicts than its quotes have"


def _of_tables(report: Report) -> Iterator[str]:
    """What of the tables contradicts the findings."""
    waiting = tuple(finding.id for finding in report.findings if finding.status not in ANSWERED)
    if (table := report.remediation) is not None and (table.findings, table.answered) != (
        waiting,
        len(report.findings) - len(waiting),
    ):
        yield "its table of what is to be done has other findings than those that wait"
    if (classes := report.classification) is not None:
        classified = {row.weakness.id: row.findings for row in classes.weaknesses}
        held: dict[str, list[str]] = {}
        for finding in report.findings:
            for weakness in finding.cwe:
                held.setdefault(weakness.id, []).append(finding.id)
        if classified != {id: tuple(listed) for id, listed in held.items()}:
            yield "its table of weaknesses has other findings than those with the weaknesses"


def _of_finding(finding: ReportedFinding) -> Iterator[str]:
    for snippet in finding.snippets:
        for regions in (snippet.regions, snippet.check.found):
            yield from (f"{finding.id!r} cites the lines {fault}" for fault in _of_regions(regions))
        if fault := _of_verdict(snippet):
            yield f"{finding.id!r} has a quote with the verdict {snippet.check.verdict.value!r} {fault}"
        if fault := _of_printed(snippet):
            yield f"{finding.id!r} prints {fault}"
        for what, id in (("commit", snippet.commit), ("blob", snippet.blob)):
            if id is not None and not _HASH.match(id):
                yield f"{finding.id!r} names a {what} that is no hash"
        if snippet.permalink is not None and not snippet.permalink.startswith(("https://", "http://")):
            yield f"{finding.id!r} has a permalink that is no web address"


def _of_regions(regions: Sequence[Region]) -> Iterator[str]:
    """What is wrong with lines that should rise, so that nothing is asked of any of them twice."""
    for region in regions:
        if not 1 <= region.start_line <= region.end_line:
            yield f"{region}, and there are no such lines"
    for earlier, later in pairwise(regions):
        if later.start_line <= earlier.end_line:
            yield f"{later} after {earlier}"


_WITHOUT_PLACE: Final = (Verdict.NOT_FOUND, Verdict.UNCHECKED, Verdict.NONE)


def _of_verdict(snippet: Snippet) -> str | None:
    """What contradicts the verdict on a quote."""
    check = snippet.check
    if check.verdict not in _WITHOUT_PLACE and (not check.found or snippet.blob is None):
        return "and no place in a file"
    if check.verdict in (Verdict.NOT_FOUND, Verdict.UNCHECKED) and check.found:
        return "and a place in a file"
    if check.differences and Verdict.EDITED not in (check.verdict, check.text):
        return "and differences"
    return "and another one on its text" if check.text is not None and check.verdict is not Verdict.MOVED else None


def _of_printed(snippet: Snippet) -> str | None:
    # A line break in a line would shift all the following line numbers of the printed code.
    for run in snippet.runs:
        if any("\n" in text for text in (run.inside, *(line.text for line in run.lines))):
            return "several lines as one"
    numbers = [line.number for run in snippet.runs for line in run.lines if line.number is not None]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        return "lines out of their order"
    # Lines from git are printed because they are cited. An author's copy has the lines that its author wrote.
    cited = (snippet.regions, snippet.check.found)
    if snippet.regions and snippet.blob is not None and not all(any(_is_in(number, of) for of in cited) for number in numbers):
        return "lines that it does not cite"
    return _of_fingerprints(snippet) if snippet.blob is not None else None


def _of_fingerprints(snippet: Snippet) -> str | None:
    """What contradicts the digests of the cited lines, of regions that are printed as a whole.

    Two reports are compared by these digests: with other lines printed, changed code would count as unchanged.
    """
    printed = {line.number: line.text for run in snippet.runs for line in run.lines if line.number is not None}
    for region, digest in zip(snippet.regions, snippet.fingerprints, strict=False):
        if region.end_line - region.start_line >= len(printed):
            continue
        lines = [printed.get(number) for number in range(region.start_line, region.end_line + 1)]
        if None not in lines and fingerprint(filter(None, lines)) != digest:
            return f"other lines than those of the fingerprint of lines {region}"
    return None


def _is_in(line: int, regions: Sequence[Region]) -> bool:
    """Return True if one of the regions, which rise, has the line."""
    after = bisect_right(regions, line, key=lambda region: region.start_line)
    return after > 0 and line <= regions[after - 1].end_line


def _count(regions: Sequence[Region]) -> int:
    return sum(region.end_line - region.start_line + 1 for region in regions)
