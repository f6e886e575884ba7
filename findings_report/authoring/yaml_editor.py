"""One value of a YAML file set, everything else left as it was: comments, layout, line ends.

Edited by place, never by printing the document anew; the result is read again and must differ in that value alone.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from findings_report.authoring.yaml_reader import BREAKS, Document, Mark, Path, YamlFault, read, resolve_plain
from findings_report.problems import FindingsReportError, Kind, Place, Problem

_ESCAPED: Final = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")


def quoted(text: str) -> str:
    """`text` as a double-quoted YAML scalar on one line, with what cannot be seen as escapes."""
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


_PLAIN: Final = re.compile(r"[\w/](?:[\w./+@-]*\w)?\Z")


def restyled(text: str, mark: Mark) -> str:
    """`text` as a YAML scalar of one line, written as the one at `mark` is where that is plainly safe."""
    is_word = _PLAIN.match(text) is not None
    if not mark.style and is_word and type(resolve_plain(text)) is str:
        return text
    return f"'{text}'" if mark.style == "'" and is_word else quoted(text)


def replaced(content: bytes, document: Document, edits: Mapping[Mark, str]) -> bytes:
    """`content`, which `document` was read from, with other source text at each mark; what it says is the caller's to see."""
    text = document.text
    for mark in sorted(edits, reverse=True):
        start, end = document.index(mark.line, mark.column), document.index(mark.end_line, mark.end_column)
        text = text[:start] + edits[mark] + text[end:]
    return (b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b"") + text.encode()


def set_text(content: bytes, path: Path, value: str, *, shown: str) -> bytes:
    """`content` with the text `value` at `path`, whose mapping must exist; a new key follows the mapping's last one.

    Raises FindingsReportError (INPUT) when the place cannot be edited with certainty.
    """
    document = read(content)
    text = content.decode("utf-8-sig")
    bom = content.startswith(b"\xef\xbb\xbf")
    change = _replaced if path in document.values else _inserted
    edited = change(text, document, path, value)
    result = (b"\xef\xbb\xbf" if bom else b"") + edited.encode()
    if not _differs_only_there(document, result, path, value):
        fault = f"`{path[-1]}` cannot be set here without touching anything else"
        remedy = f"write it by hand: {path[-1]}: {quoted(value)}"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, place=Place(shown)))
    return result


def add_list(content: bytes, key: str, values: Sequence[str], *, shown: str) -> bytes:
    """`content` with the new last key `key`, whose value is the list. Raises FindingsReportError (INPUT) when it is there, or
    when it cannot be added with certainty.
    """
    document = read(content)
    line_end = _line_break(document.text)
    gap = "" if content.endswith((b"\n", b"\r")) else line_end
    result = content + f"{gap}{key}: [{', '.join(quoted(value) for value in values)}]{line_end}".encode()
    try:
        if key not in document.data and read(result).data == document.data | {key: list(values)}:
            return result
    except YamlFault:
        pass
    remedy = f"write it by hand: {key}: [{', '.join(values)}]"
    raise FindingsReportError(Problem(Kind.INPUT, f"`{key}` cannot be added here", remedy, place=Place(shown), code="edit"))


def change_texts(content: bytes, changes: Mapping[Path, Callable[[str], str]], *, shown: str) -> bytes:
    """`content` with each text at a path changed by its function, which is given it as it stands in the file.

    Raises FindingsReportError (INPUT) when a text does not come out as if the function had been given the text itself.
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


def _replaced(text: str, document: Document, path: Path, value: str) -> str:
    mark = document.values[path]
    start = document.index(mark.line, mark.column)
    end = document.index(mark.end_line, mark.end_column)
    if start == end:  # an empty value: `commit:` with nothing after it
        return f"{text[:start]} {quoted(value)}{text[end:]}"
    line_end = _line_break(text) if mark.style in ("|", ">") else ""  # a block text ends where the next line starts
    return f"{text[:start]}{restyled(value, mark)}{line_end}{text[end:]}"


def _inserted(text: str, document: Document, path: Path, value: str) -> str:
    parent = document.values.get(path[:-1])
    siblings = [(mark, key) for key, mark in document.keys.items() if key[:-1] == path[:-1]]
    if parent is None or not siblings:
        return text
    last_key, last_path = max(siblings, key=lambda pair: (pair[0].line, pair[0].column))
    last = document.values[last_path]
    if parent.style == "{":
        end = document.index(last.end_line, last.end_column)
        return f"{text[:end]}, {path[-1]}: {quoted(value)}{text[end:]}"
    end = _line_end(document, _last_line(last, document))
    indent = document.lines[last_key.line][: last_key.column].replace("-", " ")
    line_end = _line_break(text)
    return f"{text[:end]}{line_end}{indent}{path[-1]}: {quoted(value)}{text[end:]}"


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _last_line(mark: Mark, document: Document) -> int:
    """The last line (0-based) that belongs to a value; a block's end is marked at the line after it."""
    line = mark.end_line
    if (mark.style in ("-", "|", ">") and mark.end_column == 0) or line >= len(document.lines):
        line = max(mark.line, line - 1)
    while line > mark.line and (not document.lines[line].strip() or document.lines[line].lstrip().startswith("#")):
        line -= 1
    return line


def _line_end(document: Document, line: int) -> int:
    found = BREAKS.search(document.text, document.index(line, 0))
    return found.start() if found else len(document.text)


def _differs_only_there(document: Document, result: bytes, path: Path, value: str) -> bool:
    wanted: Any = copy.deepcopy(document.data)
    node = wanted
    try:
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value
        return bool(read(result).data == wanted)
    except (YamlFault, KeyError, IndexError, TypeError, ValueError):
        return False
