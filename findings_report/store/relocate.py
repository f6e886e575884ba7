"""A location of a finding written anew where it stands: its numbers and its path, everything else left as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import ValidationError

from findings_report.authoring.yaml_editor import quoted, replaced, restyled, set_text
from findings_report.authoring.yaml_reader import Document, Mark, Path, YamlFault, read
from findings_report.model.evidence import Region
from findings_report.model.finding import Finding, Location
from findings_report.problems import FindingsReportError, Kind, Place, Problem

_NUMBER: Final = re.compile(r"[0-9]+")


def relocate(content: bytes, index: int, location: Location, *, shown: str) -> bytes:
    """The finding in `content` with its location `index` (0-based) saying what `location` says.

    Only `path`, `lines`, `show`, `highlight`, the keys of `notes`, `quote` and `commit` may differ, of the last two only
    digits and that it was not there. Raises FindingsReportError (INPUT) when the place cannot be edited with certainty.
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
    if not _says(result, wanted):
        fault = "the location cannot be written here without touching anything else"
        raise FindingsReportError(Problem(Kind.INPUT, fault, "write it by hand", place=Place(shown), code="edit"))
    return result


def _says(content: bytes, wanted: Finding) -> bool:
    try:
        return Finding.model_validate(read(content).data) == wanted
    except (YamlFault, ValidationError):
        return False


def _edits(document: Document, at: Path, was: Location, now: Location) -> Iterator[tuple[Mark, str]]:
    """Places of the file and what they have to say."""
    if was.path != now.path:
        mark = document.values[*at, "path"]
        yield mark, restyled(now.path, mark)
    for field, before, after in (
        ("lines", was.lines, now.lines),
        ("show", was.show, now.show),
        ("highlight", was.highlight, now.highlight),
    ):
        yield from _numbers(document, (*at, field), before, after)
    for old, new in zip(was.notes, now.notes, strict=True):
        if old != new:
            mark = document.keys[*at, "notes", str(old)]
            yield mark, document.source(mark).replace(str(old), str(new))
    if was.quote is not None and now.quote is not None and was.quote != now.quote:
        mark = document.values[*at, "quote"]
        yield mark, _quote(document.source(mark), was.quote, now.quote)


def _numbers(document: Document, path: Path, before: Sequence[Region], after: Sequence[Region]) -> Iterator[tuple[Mark, str]]:
    """The numbers of a field of line ranges, each where it stands: a number, a text or a list of them."""
    known = {end: now for old, new in zip(before, after, strict=True) for end, now in _ends(old, new)}
    if all(old == new for old, new in known.items()):
        return
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
    """The quote as it is written, with other numbers: in one line, or as a block text, line by line.

    What is written otherwise comes out wrong, which `relocate` finds out.
    """
    if source == quoted(before):
        return quoted(after)
    head, *lines = source.split("\n")
    texts = zip(before.split("\n"), after.split("\n"), strict=True)
    return "\n".join([head, *(_line(line, *next(texts, ("", ""))) for line in lines)])


def _line(line: str, before: str, after: str) -> str:
    """A line of a block text, behind its indentation and before its line end."""
    bare = line.removesuffix("\r")
    return bare.removesuffix(before) + after + line[len(bare) :] if bare.endswith(before) else line
