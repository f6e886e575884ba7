"""A new finding: its id, and its YAML, empty, from a library entry, or from fields; also the files of `init` and `demo`.

Fields that come from elsewhere again are merged with what people wrote meanwhile.

No disk is written here.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Any, Final

from findings_report.authoring.files import FINDING_SUFFIX, Files
from findings_report.authoring.yaml_editor import last_line, quoted, set_text
from findings_report.authoring.yaml_reader import Mark, Path, YamlDocument, YamlFault, read, resolve_plain
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Region
from findings_report.model.field_types import identifier_fault
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.suggestions import listed

FIRST_ID: Final = "FIRST-001"
"""The id of the first finding, as `init` writes it."""


NO_ENTRIES: Final = "put findings to start from into library/ beside findings/, or name a shared library with --library"
"""The remedy for a library that is empty or does not exist."""


_NUMBERED = re.compile(r"(.*[^0-9]|)([0-9]+)\Z")


_PLAIN = re.compile(r"[^\W\d_](?:[\w ,.()/'+-]*[\w.)])?\Z")


_LONGEST_TITLE: Final = 500


_LIBRARY_SUFFIXES: Final = (FINDING_SUFFIX, ".yaml", ".yml")


@dataclass(frozen=True)
class NewLocation:
    """Lines that a new finding cites."""

    path: str
    """POSIX path from the repository's root."""
    repository: str | None
    """Name of the repository in the engagement; None if the engagement has only one."""
    lines: Region | None
    """The cited lines; None cites the whole file."""
    quote: tuple[str, ...]
    """The cited lines as in git; empty if no quote is to be written."""


def taken_ids(files: Files) -> tuple[str, ...]:
    """Return every id and alias in use, in the order of the files. A file that cannot be read counts by its name alone."""
    taken: list[str] = []
    for name in files.names():
        if not name.endswith(FINDING_SUFFIX):
            continue
        taken.append(PurePosixPath(name).name.removesuffix(FINDING_SUFFIX))
        try:
            written = read(files.read(name) or b"").data
        except (YamlFault, FindingsReportError):
            continue  # `check` reports the file; a new id is needed nevertheless
        aliases = written.get("aliases") if isinstance(written, dict) else None
        taken += [alias for alias in aliases if isinstance(alias, str)] if isinstance(aliases, list) else []
    return tuple(taken)


def next_id(taken: Sequence[str]) -> str:
    """Return the next id, NTR-007 after NTR-006, in the series with the most ids; among series of equal size, in the last."""
    numbered = [match for id in taken if identifier_fault(id) is None and (match := _NUMBERED.match(id))]
    if not numbered:
        return FIRST_ID
    counts = Counter(match[1] for match in numbered)
    # Engagements often have a few ids of a second series, for example from an earlier audit; the larger one is continued.
    largest = max(counts.values())
    series = next(match[1] for match in reversed(numbered) if counts[match[1]] == largest)
    # `max` by number but `len` of the digits: after NTR-099 comes NTR-100, and leading zeros keep ids sortable as text.
    last = max((match[2] for match in numbered if match[1].casefold() == series.casefold()), key=lambda digits: int(digits))
    return f"{series}{int(last) + 1:0{len(last)}d}"


def stub(engagement: Engagement, title: str, cited: NewLocation | None) -> bytes:
    """Return the YAML of a finding with its most important fields, empty; `check` reports the empty ones.

    Blank lines at the end are not quoted. A quote that YAML cannot contain is omitted; the report prints git's lines anyway.
    Raises FindingsReportError (USAGE) for a title that YAML cannot contain.
    """
    words = ", ".join(severity.name for severity in engagement.severities)
    written = title_scalar(title)
    head = f"""title: {written}
severity:  # {words}; or `rating`, or `cvss`
status: open
# What is wrong, and why it matters. Markdown: write `description: |` and the text below it, indented.
description:
# What to do about it.
recommendation:
"""
    if cited is None:
        return (head + _EXAMPLE).encode()
    cited = replace(cited, quote=_without_blank_end(cited.quote))  # YAML's `|` drops them
    # Written and read back: whether YAML can contain a quote is decided by the reader, not by a second set of rules.
    whole = (head + _location(cited)).encode()
    try:
        (location,) = read(whole).data["locations"]
        if location.get("quote", "") == "".join(f"{line}\n" for line in cited.quote):
            return whole
    except YamlFault:
        pass  # a control character, most likely
    return (head + _location(replace(cited, quote=()))).encode()


def _without_blank_end(lines: tuple[str, ...]) -> tuple[str, ...]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]


_EXAMPLE = """\
# The evidence. The quote is checked against git; git's own lines are what is printed.
# locations:
#   - path: src/example.py
#     lines: 10-14
#     quote: |2
#         the code, as you copied it
"""


def _location(cited: NewLocation) -> str:
    trim = ": trim the quote to what matters, with `...` for what you leave out" if cited.quote else ""
    lines = [f"# The evidence{trim}.", "locations:"]
    lines.append(f"  - path: {_scalar(cited.path)}")
    if cited.repository is not None:
        lines.append(f"    repository: {_scalar(cited.repository)}")
    if cited.lines is not None:
        lines.append(f"    lines: {cited.lines}")
    if cited.quote:
        # The explicit indentation: without it YAML takes that of the first line, which code may have more of than the rest.
        lines.append("    quote: |2")
        lines += [f"      {line}" if line else "" for line in cited.quote]
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    """Return `text`, one line, as a YAML scalar: plain if that is certainly safe, otherwise in double quotes."""
    if _PLAIN.match(text) and type(resolve_plain(text)) is str:
        return text
    return quoted(text)


def title_scalar(title: str) -> str:
    """Return `title`, one line, as a YAML scalar. Raises FindingsReportError (USAGE) if the text cannot be a title."""
    if not title or len(title) > _LONGEST_TITLE:
        raise _title_fault(f"has {len(title)} characters", f"write between 1 and {_LONGEST_TITLE}")
    written = _scalar(title)
    try:
        if read(f"title: {written}\n".encode()).data != {"title": title}:
            raise _title_fault("would be read as another text")
    except UnicodeEncodeError:
        raise _title_fault("is not UTF-8") from None
    except YamlFault as fault:
        raise _title_fault(f"cannot be written: {fault.fault}") from None
    return written


def _title_fault(fault: str, remedy: str = "leave the character out") -> FindingsReportError:
    return FindingsReportError(Problem(Kind.USAGE, f"the title {fault}", remedy, code="title"))


def library_entries(files: Files) -> dict[str, str]:
    """Return the entries of a library: the file of each entry by the entry's name, such as `web/xss`."""
    entries: dict[str, str] = {}
    for name in files.names():
        suffix = next((suffix for suffix in _LIBRARY_SUFFIXES if name.endswith(suffix)), None)
        if suffix is not None:
            entries.setdefault(name.removesuffix(suffix), name)
    return entries


def from_library(libraries: Iterable[Files], name: str, title: str | None) -> bytes:
    """Return the entry `name` of the first library that has it, unchanged except for a new title.

    Raises FindingsReportError: USAGE for a name that no library has, INPUT for an entry that is no YAML.
    """
    known: dict[str, tuple[Files, str]] = {}
    for files in libraries:
        for entry, file in library_entries(files).items():
            known.setdefault(entry, (files, file))
    if name not in known:
        near = listed(name, known, what="entry") or NO_ENTRIES
        raise FindingsReportError(Problem(Kind.USAGE, f"there is no {name!r} in the library", near, code="no-entry"))
    files, file = known[name]
    content = files.read(file) or b""
    shown = f"{files.shown.rstrip('/')}/{file}"
    if title is not None:
        title_scalar(title)
    try:
        read(content)
        return content if title is None else set_text(content, ("title",), title, shown=shown)
    except YamlFault as fault:
        place = Place(shown, fault.line + 1, fault.column + 1)
        raise FindingsReportError(Problem(Kind.INPUT, fault.fault, fault.remedy, place=place, code="yaml")) from None


RELEASES = ("1.0", "1.1")
"""The releases of the demo's repository, oldest first; each is a git tag."""


def init_files(written: str) -> dict[str, bytes]:
    """Return the files of a new engagement by name. `written` is the engagement's title as a YAML scalar."""
    folder = resources.files("findings_report.authoring") / "init"
    engagement = (folder / "engagement.yaml").read_text("utf-8").format(title=written)
    return {"engagement.yaml": engagement.encode(), "FIRST-001.finding.yaml": (folder / "FIRST-001.finding.yaml").read_bytes()}


def demo_release(release: str) -> dict[str, bytes]:
    """Return the files of one release of the demo's repository by path."""
    return dict(_files(resources.files("findings_report.authoring") / "demo" / release, ""))


def demo_findings() -> dict[str, bytes]:
    """Return the files of the demo's engagement by name."""
    return dict(_files(resources.files("findings_report.authoring") / "demo" / "findings", ""))


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        # The demo's application is Python: pip compiles installed modules, also those that are only data here.
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith(".pyc"):
            yield prefix + entry.name, entry.read_bytes()


_LINES = re.compile(r"[0-9]+(?:-[0-9]+)?\Z")


_LONG: Final = 100
"""Characters of a text from which on it is a block of its own."""


def write_fields(fields: Mapping[str, Any], indent: int = 0) -> str:
    """Return fields as YAML, in their order: texts, lists of texts, and fields or lists of fields below them."""
    return "".join(_write_field(key, value, indent) for key, value in fields.items())


def _write_field(key: str, value: Any, indent: int) -> str:
    pad = " " * indent
    if isinstance(value, Mapping):
        return f"{pad}{key}:\n{write_fields(value, indent + 2)}" if value else f"{pad}{key}: {{}}\n"
    if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        return f"{pad}{key}:\n{write_entries(value, indent + 2)}"
    if isinstance(value, list):
        return f"{pad}{key}: [{', '.join(quoted(str(entry)) for entry in value)}]\n"
    if isinstance(value, bool):
        return f"{pad}{key}: {str(value).lower()}\n"
    text = str(value) if _is_plain(key, str(value)) else _text(str(value), indent)
    return f"{pad}{key}: {text}\n"


def _is_plain(key: str, value: str) -> bool:
    """Return True for numbers that people write without quotation marks, which would make texts of them."""
    return key in ("lines", "top_ten") and _LINES.match(value) is not None


def write_entries(entries: Sequence[Mapping[str, Any]], indent: int) -> str:
    """Return the entries of a list, each behind a dash."""
    return "".join(f"{' ' * indent}- {write_fields(entry, indent + 2)[indent + 2 :]}" for entry in entries)


def _text(text: str, indent: int) -> str:
    """Return a text as a scalar: plain, a block, or in double quotes; the last two do not depend on what is in it."""
    if "\n" not in text and len(text) < _LONG:
        return _scalar(text)
    pad = " " * (indent + 2)
    # The explicit indentation, where the first line has more than the rest.
    head = ("|2" if text[:1] in (" ", "\n") else "|") + ("" if text.endswith("\n") else "-")
    block = "\n".join([head, *(f"{pad}{line}" if line else "" for line in text.removesuffix("\n").split("\n"))])
    with contextlib.suppress(YamlFault, UnicodeEncodeError):
        if read(f"{' ' * indent}text: {block}\n".encode()).data == {"text": text}:
            return block
    return quoted(text)


@dataclass(frozen=True)
class Merged:
    """A file with new values."""

    content: bytes
    """The file."""
    kept: tuple[str, ...]
    """Fields whose new value was not written, because somebody has changed the old one."""


def merge_fields(content: bytes, base: Mapping[str, Any], new: Mapping[str, Any], *, shown: str) -> Merged:
    """Return `content` with each field that is not as in `base` in `new`; a field that is not as in `base` in the file stays.

    Everything else of the file is kept: comments, order, layout. Raises FindingsReportError (INPUT) if it cannot be edited with
    certainty.
    """
    kept: list[str] = []
    mine = written_values(read(content).data)
    linked = _linked(base, new, mine)
    for key in [*new, *(key for key in base if key not in new)]:
        was, now, own = base.get(key), new.get(key), mine.get(key)
        if now in (was, own):
            continue
        if own != was or key in linked:
            kept.append(key)
            continue
        content = set_field(content, (key,), now, shown=shown)
    return Merged(content, tuple(kept))


def _linked(base: Mapping[str, Any], new: Mapping[str, Any], mine: Mapping[str, Any]) -> set[str]:
    """Return the fields that stay together, because a name of a location in one of them could mean another location.

    Empty if nobody has changed one of them, or if the new names mean what the old ones did.
    """
    keys = {"locations"}
    for values in (base, new, mine):
        keys |= {key for key, value in values.items() if isinstance(value, str) and "](location:" in value}
    if all(mine.get(key) == base.get(key) for key in keys):
        return set()
    is_stable = base.get("locations") == new.get("locations") and _names(new) <= _names(mine)
    return set() if is_stable else keys


def _names(values: Mapping[str, Any]) -> set[str]:
    locations = values.get("locations")
    return {
        str(location["name"])
        for location in (locations if isinstance(locations, list) else ())
        if isinstance(location, Mapping) and "name" in location
    }


def written_values(value: Any) -> Any:
    """Return a YAML value with the source text of its numbers."""
    if isinstance(value, dict):
        return {key: written_values(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [written_values(entry) for entry in value]
    return getattr(value, "source", value)


def set_field(content: bytes, path: Path, value: Any, *, shown: str) -> bytes:
    """Return `content` with the value of a key replaced, removed if `value` is None, or, of a new key of the file, added.

    Raises FindingsReportError (INPUT) if the file cannot be edited with certainty.
    """
    document = read(content)
    text = document.text
    wanted: Any = written_values(document.data)
    node = wanted
    for step in path[:-1]:
        node = node[step]
    line_end = "\r\n" if "\r\n" in text else "\n"
    if (scalar := _on_one_line(document, path, value)) is not None:
        start, end = document.index(scalar.line, scalar.column), document.index(scalar.end_line, scalar.end_column)
        text = text[:start] + (value if _is_plain(str(path[-1]), value) else _scalar(value)) + text[end:]
    elif path in document.keys:
        mark = document.keys[path]
        start, last = document.index(mark.line, 0), last_line(document.values[path], document)
        end = document.index(last + 1, 0) if last + 1 < len(document.lines) else len(text)
        head = text[start : document.index(mark.line, mark.column)]
        field = _write_field(str(path[-1]), value, mark.column)[mark.column :] if value is not None else ""
        # A comment behind `|` is about the field, and not about the text that is replaced.
        if field and document.values[path].style in ("|", ">") and (comment := _HEAD_COMMENT.search(document.lines[mark.line])):
            first, separator, rest = field.partition("\n")
            field = first + comment["comment"].rstrip() + separator + rest
        text = text[:start] + (head + field.replace("\n", line_end) if field else "") + text[end:]
    else:
        field = _write_field(str(path[-1]), value, 0).replace("\n", line_end)
        text = text + ("" if text.endswith("\n") or not text else line_end) + field
    if value is None:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = value
    return _check_edit(text, content, wanted, str(path[-1]), shown)


_HEAD_COMMENT: Final = re.compile(r"[|>][0-9+-]{0,2}(?P<comment>[ \t]{1,20}#.*)$")
"""The comment behind the sign of a text of several lines."""


def _on_one_line(document: YamlDocument, path: Path, value: Any) -> Mark | None:
    """Return the place of a scalar that can be replaced where it is: a comment behind it stays."""
    mark = document.values.get(path)
    if mark is None or not isinstance(value, str) or "\n" in value or len(value) >= _LONG:
        return None
    return mark if mark.line == mark.end_line and mark.column < mark.end_column and mark.style in ("", "'", '"') else None


def append_entries(content: bytes, key: str, entries: Sequence[Mapping[str, Any]], *, shown: str) -> bytes:
    """Return `content` with entries added to the list of a key of the file, which may be missing. Raises as `set_field`."""
    document = read(content)
    before = written_values(document.data).get(key) or []
    if not before:
        return set_field(content, (key,), list(entries), shown=shown)
    line_end = "\r\n" if "\r\n" in document.text else "\n"
    mark = document.values[key,]
    last = last_line(mark, document) + 1
    end = document.index(last, 0) if last < len(document.lines) else len(document.text)
    gap = "" if document.text[:end].endswith("\n") else line_end
    # The column of a list of blocks is that of its dashes. Within brackets there is no line for an entry.
    written = write_entries(entries, mark.column).replace("\n", line_end) if mark.style == "-" else ""
    text = document.text[:end] + gap + written + document.text[end:]
    return _check_edit(text, content, {**written_values(document.data), key: [*before, *entries]}, key, shown)


def _check_edit(text: str, before: bytes, wanted: Any, key: str, shown: str) -> bytes:
    result = (b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b"") + text.encode()
    with contextlib.suppress(YamlFault):
        if written_values(read(result).data) == wanted:
            return result
    fault = f"`{key}` cannot be written here without touching anything else"
    raise FindingsReportError(Problem(Kind.INPUT, fault, "write it by hand", place=Place(shown), code="edit"))
