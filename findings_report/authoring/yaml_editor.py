"""Changes to single values of a YAML file that preserve everything else: comments, layout, line ends.

Values are replaced at their position in the text; the document is never dumped. The result is parsed again and may differ in
that value only.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import ValidationError

from findings_report.authoring.yaml_reader import BREAKS, Mark, Path, YamlDocument, YamlFault, read, resolve_plain
from findings_report.model.engagement import DeclaredRepository, Engagement
from findings_report.model.evidence import Region
from findings_report.model.finding import Finding, Location
from findings_report.problems import FindingsReportError, Kind, Place, Problem, suggestions

_NUMBER: Final = re.compile(r"[0-9]+")


# Controls, non-characters, and line breaks of YAML 1.1 (U+0085, U+2028, U+2029), which libyaml would break or fold. U+00A0 and
# U+FEFF cannot be seen.
_ESCAPED: Final = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")


_PLAIN: Final = re.compile(r"[\w/](?:[\w./+@-]*\w)?\Z")


def relocate(content: bytes, index: int, location: Location, *, shown: str) -> bytes:
    """Return the finding in `content` with its location `index` (0-based) changed to `location`.

    They may differ in `path`, `lines`, `show`, `highlight`, the keys of `notes`, the digits of `quote`, the `lines` of
    `redact`, and a new `commit`.
    Raises FindingsReportError (INPUT) if the file cannot be edited with certainty.
    """
    at: Path = ("locations", index)
    document = read(content)
    finding = Finding.model_validate(document.data)
    was = finding.locations[index]
    wanted = finding.model_copy(update={"locations": (*finding.locations[:index], location, *finding.locations[index + 1 :])})
    edits = dict(_edits(document, at, was, location))
    result = replaced(content, document, edits) if edits else content
    if location.commit is not None and was.commit is None:
        result = set_text(result, (*at, "commit"), location.commit, shown=shown)
    # Edits of text can go wrong in styles that nobody foresaw; the result is compared as a value, so no wrong file is written.
    if not _says(result, wanted):
        fault = "the location cannot be written here without touching anything else"
        raise FindingsReportError(Problem(Kind.INPUT, fault, "write it by hand", place=Place(shown), code="edit"))
    return result


def _says(content: bytes, wanted: Finding) -> bool:
    try:
        return Finding.model_validate(read(content).data) == wanted
    except (YamlFault, ValidationError):
        return False


def _edits(document: YamlDocument, at: Path, was: Location, now: Location) -> Iterator[tuple[Mark, str]]:
    """Yield the marks of changed values, each with its new source text."""
    if was.path != now.path:
        mark = document.values[*at, "path"]
        yield mark, restyled(now.path, mark)
    for field, before, after in (
        ("lines", was.lines, now.lines),
        ("show", was.show, now.show),
        ("highlight", was.highlight, now.highlight),
    ):
        yield from _numbers(document, (*at, field), before, after)
    for index, (masked, masks) in enumerate(zip(was.redact, now.redact, strict=True)):
        yield from _numbers(document, (*at, "redact", index, "lines"), masked.lines, masks.lines)
    for index, (none, still) in enumerate(zip(was.not_secret, now.not_secret, strict=True)):
        yield from _numbers(document, (*at, "not_secret", index, "lines"), none.lines, still.lines)
    for old, new in zip(was.notes, now.notes, strict=True):
        if old != new:
            mark = document.keys[*at, "notes", str(old)]
            yield mark, document.source(mark).replace(str(old), str(new))
    if was.quote is not None and now.quote is not None and was.quote != now.quote:
        mark = document.values[*at, "quote"]
        yield mark, _quote(document.source(mark), was.quote, now.quote)


def _numbers(
    document: YamlDocument, path: Path, before: Sequence[Region], after: Sequence[Region]
) -> Iterator[tuple[Mark, str]]:
    """Yield the marks of a field of line ranges, each with its new numbers: a number, a text, or a list of either."""
    known = {end: now for old, new in zip(before, after, strict=True) for end, now in _ends(old, new)}
    if all(old == new for old, new in known.items()):
        return
    # Numbers only, so that the author's notation stays: `121`, `111-129`, a list in brackets or one with dashes.
    marks = [mark for place, mark in document.values.items() if place[: len(path)] == path and not _is_list(mark)]
    for mark in marks:
        yield mark, _NUMBER.sub(lambda found: _stepped(found[0], known), document.source(mark))


def _ends(old: Region, new: Region) -> Sequence[tuple[int, int]]:
    return (old.start_line, new.start_line), (old.end_line, new.end_line)


def _stepped(number: str, known: Mapping[int, int]) -> str:
    return str(known.get(int(number), number))


def _is_list(mark: Mark) -> bool:
    return mark.style in ("[", "-")


def _quote(source: str, before: str, after: str) -> str:
    """Return the source of a quote with other line numbers: of a one-line scalar, or of a block scalar line by line.

    Any other style gives a wrong result, which `relocate` detects.
    """
    if source == quoted(before):
        return quoted(after)
    head, *lines = source.split("\n")
    texts = zip(before.split("\n"), after.split("\n"), strict=True)
    return "\n".join([head, *(_line(line, *next(texts, ("", ""))) for line in lines)])


def _line(line: str, before: str, after: str) -> str:
    """Return a line of a block scalar with `before` replaced by `after`; indentation and line end are kept."""
    bare = line.removesuffix("\r")
    return bare.removesuffix(before) + after + line[len(bare) :] if bare.endswith(before) else line


def quoted(text: str) -> str:
    """Return `text` as a double-quoted YAML scalar on one line, with invisible characters as escapes."""
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def restyled(text: str, mark: Mark) -> str:
    """Return `text` as a YAML scalar on one line, in the style of the scalar at `mark` if that is certainly safe."""
    is_word = _PLAIN.match(text) is not None
    if not mark.style and is_word and type(resolve_plain(text)) is str:
        return text
    return f"'{text}'" if mark.style == "'" and is_word else quoted(text)


def replaced(content: bytes, document: YamlDocument, edits: Mapping[Mark, str]) -> bytes:
    """Return `content`, the source of `document`, with new source text at each mark. The caller must check the result."""
    text = document.text
    # From the end of the file: an edit does not shift the places of those before it.
    for mark in sorted(edits, reverse=True):
        start, end = document.index(mark.line, mark.column), document.index(mark.end_line, mark.end_column)
        text = text[:start] + edits[mark] + text[end:]
    return (b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b"") + text.encode()


def set_text(content: bytes, path: Path, value: str, *, shown: str) -> bytes:
    """Return `content` with the text `value` at `path`, whose mapping must exist; a new key follows the mapping's last one.

    Raises FindingsReportError (INPUT) if the file cannot be edited with certainty.
    """
    document = read(content)
    text = content.decode("utf-8-sig")
    # Kept if present: the result must differ from the file in the one value, also for programs that compare bytes.
    bom = content.startswith(b"\xef\xbb\xbf")
    change = _replaced if path in document.values else _inserted
    edited = change(text, document, path, value)
    result = (b"\xef\xbb\xbf" if bom else b"") + edited.encode()
    if not _differs_only_there(document, result, path, value):
        fault = f"`{path[-1]}` cannot be set here without touching anything else"
        remedy = f"write it by hand: {path[-1]}: {quoted(value)}"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown), code="edit"))
    return result


def extend_list(content: bytes, key: str, values: Sequence[str], *, shown: str) -> bytes:
    """Return `content` with the values at the end of the list `key`, in the layout of the list; a new one is the last key.

    Raises FindingsReportError (INPUT) if the value is no list, or if the values cannot be added with certainty.
    """
    try:
        document = read(content)
        known = document.data.get(key)
        if isinstance(known, list) or known is None:
            text = (_extended if key in document.data else _with_list)(document, key, [quoted(value) for value in values])
            result = (b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b"") + text.encode()
            if read(result).data == document.data | {key: [*(known or ()), *values]}:
                return result
    except YamlFault:
        pass
    remedy = f"write it by hand: {key}: [{', '.join(values)}]"
    raise FindingsReportError(Problem(Kind.INPUT, f"`{key}` cannot be added here", remedy, place=Place(shown), code="edit"))


def _with_list(document: YamlDocument, key: str, values: Sequence[str]) -> str:
    line_end = _line_break(document.text)
    gap = "" if document.text.endswith(("\n", "\r")) else line_end
    return f"{document.text}{gap}{key}: [{', '.join(values)}]{line_end}"


def _extended(document: YamlDocument, key: str, values: Sequence[str]) -> str:
    """Return the text with the values behind the last one of a list. The caller must check the result."""
    text, mark = document.text, document.values[(key,)]
    count = len(document.data[key] or ())
    if not count:
        # `key:` and `key: []`; what follows on the line, a comment, stays.
        start, end = document.index(mark.line, mark.column), document.index(mark.end_line, mark.end_column)
        return f"{text[:start]}{' ' * (start == end)}[{', '.join(values)}]{text[end:]}"
    last = document.values[(key, count - 1)]
    if mark.style == "[":
        end = document.index(last.end_line, last.end_column)
        return f"{text[:end]}, {', '.join(values)}{text[end:]}"
    end = _line_end(document, last_line(last, document))
    # The dash and the blanks behind it, as the last value has them.
    dash = document.lines[last.line][: last.column]
    return text[:end] + "".join(f"{_line_break(text)}{dash}{value}" for value in values) + text[end:]


def change_texts(content: bytes, changes: Mapping[Path, Callable[[str], str]], *, shown: str) -> bytes:
    """Return `content` with the source of each text at a path changed by its function.

    Raises FindingsReportError (INPUT) if the result differs from that of the function on the text's value.
    """
    document = read(content)
    marks = {document.values[path]: change for path, change in changes.items()}
    result = replaced(content, document, {mark: change(document.source(mark)) for mark, change in marks.items()})
    wanted: Any = copy.deepcopy(document.data)
    for path, change in changes.items():
        node = wanted
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = change(node[path[-1]])
    if read(result).data != wanted:
        fault = "a text cannot be changed without touching anything else"
        raise FindingsReportError(Problem(Kind.INPUT, fault, "change it by hand", place=Place(shown), code="edit"))
    return result


def _replaced(text: str, document: YamlDocument, path: Path, value: str) -> str:
    mark = document.values[path]
    start = document.index(mark.line, mark.column)
    end = document.index(mark.end_line, mark.end_column)
    if start == end:  # an empty value: `commit:` with nothing after it
        return f"{text[:start]} {quoted(value)}{text[end:]}"
    line_end = _line_break(text) if mark.style in ("|", ">") else ""  # a block text ends where the next line starts
    return f"{text[:start]}{restyled(value, mark)}{line_end}{text[end:]}"


def _inserted(text: str, document: YamlDocument, path: Path, value: str) -> str:
    parent = document.values.get(path[:-1])
    siblings = [(mark, key) for key, mark in document.keys.items() if key[:-1] == path[:-1]]
    if parent is None or not siblings:
        return text
    last_key, last_path = max(siblings, key=lambda pair: (pair[0].line, pair[0].column))
    last = document.values[last_path]
    # A mapping in braces: the new key follows on the same line, since its layout is the author's.
    if parent.style == "{":
        end = document.index(last.end_line, last.end_column)
        return f"{text[:end]}, {path[-1]}: {quoted(value)}{text[end:]}"
    end = _line_end(document, last_line(last, document))
    # The first key of a list entry follows `- `: the dash takes part in the indentation of the keys below.
    indent = document.lines[last_key.line][: last_key.column].replace("-", " ")
    line_end = _line_break(text)
    return f"{text[:end]}{line_end}{indent}{path[-1]}: {quoted(value)}{text[end:]}"


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def last_line(mark: Mark, document: YamlDocument) -> int:
    """Return the last line (0-based) of a value; the mark of a block ends at the line below the block."""
    # libyaml counts comments and blank lines below a block as part of the block; a new key belongs above them.
    line = mark.end_line
    if (mark.style in ("-", "|", ">") and mark.end_column == 0) or line >= len(document.lines):
        line = max(mark.line, line - 1)
    while line > mark.line and (not document.lines[line].strip() or document.lines[line].lstrip().startswith("#")):
        line -= 1
    return line


def _line_end(document: YamlDocument, line: int) -> int:
    found = BREAKS.search(document.text, document.index(line, 0))
    return found.start() if found else len(document.text)


def _differs_only_there(document: YamlDocument, result: bytes, path: Path, value: str) -> bool:
    wanted: Any = copy.deepcopy(document.data)
    node = wanted
    try:
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value
        return bool(read(result).data == wanted)
    except (YamlFault, KeyError, IndexError, TypeError, ValueError):
        return False


class Revisions(Protocol):
    """The commits of a repository, by revision."""

    def commit_of(self, revision: str) -> str | None:
        """Return the full hash of the commit that `revision` names; None if there is no such revision."""


@dataclass(frozen=True)
class Pin:
    """The pin of one repository: a change to `engagement.yaml` and its message."""

    name: str
    """Name of the repository."""
    written: Mapping[str, str]
    """Fields to set in engagement.yaml: `commit`, and `revision` with --to; empty if nothing changes."""
    message: str
    """The message to the user."""


def pins(
    engagement: Engagement, sources: Mapping[str, Revisions | None], *, to: str | None, only: str | None
) -> tuple[list[Pin], list[Problem]]:
    """Return a Pin for each repository, or for `only`, and a problem for each repository that cannot be pinned.

    Without `to`, repositories that have a commit keep it. Raises FindingsReportError (USAGE) for an unknown name or an
    ambiguous `to`.
    """
    names = list(engagement.repositories)
    if only is not None and only not in names:
        fault = f"--only {only!r} is no repository ({', '.join(names)})"
        raise FindingsReportError(Problem(Kind.USAGE, fault, suggestions.did_you_mean(only, names), code="no-repository"))
    chosen = [only] if only is not None else names
    if to is not None and len(chosen) > 1:
        fault = f"--to moves one repository, and the engagement has {', '.join(names)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name it with --only", code="options"))
    found = [_pin(name, engagement.repositories[name], sources.get(name), to) for name in chosen]
    return [each for each in found if isinstance(each, Pin)], [each for each in found if isinstance(each, Problem)]


def _pin(name: str, repository: DeclaredRepository, source: Revisions | None, to: str | None) -> Pin | Problem:
    if to is None and repository.commit is not None:
        return _pinned(name, repository, repository.commit, source)
    # An explicit `--to` moves the pin; otherwise only a missing commit is added, so that `pin` can run in any state.
    revision = to or repository.revision
    subject = ("engagement", "repositories", name)
    if revision is None:
        remedy = "write the tag or branch that was agreed under `revision`"
        return _problem("has no `revision` to pin", subject, remedy, Kind.INPUT)
    if source is None:
        remedy = f"name one with --repository {name}=PATH"
        remedy += ", or run `findings-report fetch`" if repository.url is not None else ""
        if repository.path is None:
            return _problem("has no local clone", subject, remedy)
        fault = f"has no clone at {repository.path!r}, relative to engagement.yaml"
        return _problem(fault, (*subject, "path"), f"correct `path`, or {remedy}")
    commit = source.commit_of(revision)
    if commit is None and to is not None:
        return _problem(f"has no revision {to!r}, which --to names", subject, suggestions.revision(to, source.commit_of))
    if commit is None:
        remedy = suggestions.revision(revision, source.commit_of)
        return _problem(f"has no revision {revision!r}", (*subject, "revision"), remedy)
    written = {"commit": commit} if to is None or to == repository.revision else {"revision": revision, "commit": commit}
    if repository.commit == commit:
        return Pin(name, {}, f"{name}: {revision} is {commit} already")
    return Pin(name, written, f"{name}: pinned {revision} to {commit}")


def _pinned(name: str, repository: DeclaredRepository, commit: str, source: Revisions | None) -> Pin | Problem:
    """Return the Pin of a repository that has a commit, or a problem if `revision` now names another commit.

    The pin does not move then: an edited `revision` cannot be distinguished from a tag that was moved upstream.
    """
    revision = repository.revision
    if source is not None and revision is not None and source.commit_of(revision) not in (None, commit):
        fault = f"the repository {name} stays pinned to {commit}, and {revision!r} names another commit now"
        remedy = f"move the pin with `findings-report pin --to {revision} --only {name}`"
        subject = ("engagement", "repositories", name, "revision")
        return Problem(Kind.SOURCE, fault, remedy, subject=subject, level="warning", code="revision-moved")
    return Pin(name, {}, f"{name}: already pinned to {commit}")


def _problem(fault: str, subject: tuple[str, ...], remedy: str, kind: Kind = Kind.SOURCE) -> Problem:
    return Problem(kind, f"the repository {subject[2]} {fault}", remedy, subject=subject, code="pin")
