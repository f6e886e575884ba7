"""YAML bytes -> plain values with the place of each, under the YAML 1.2 core schema.

Built from parser events on an explicit stack, so that neither nesting nor aliases can exhaust memory. Not allowed, each
reported with its place: duplicate keys, anchors, aliases, merge keys, tags, several documents, control characters, and
values over a limit.

Source: YAML 1.2.2, section 10.3 (core schema).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

import yaml

_REMEDIES: Final = {
    "mapping values are not allowed": "quote a text that holds ': ', or write it as a block after `|`",
    "found character that cannot start any token": "quote a text that starts with @, ` or %",
    "block sequence entries are not allowed": "quote a text that starts with -",
    "mapping keys are not allowed": "quote a text that starts with ?",
    "expected comment or line break": "quote a text that starts with | or >",
    "could not find expected ':'": "indent a text below `|` further than its field, and write fields as `name: value`",
    "while parsing a quoted scalar": "in double quotes \\ starts an escape: use single quotes",
    "while parsing a flow": "close what [ or { opens, or quote a text that starts with one",
}
"""The remedy for an error message of libyaml, by a part of the message."""


_OPENED: Final = re.compile(r"\s*(?:- +)*(?:\w[\w-]*:\s+)?([\[{\"'])")


_OPENED_REMEDIES: Final = dict.fromkeys("[{", "quote a text that starts with [ or {") | dict.fromkeys(
    "\"'", "the text ends at its second quotation mark: write it as a block after `|`"
)

# Limits of one file (docs/security.md). They are far above any real engagement, and keep a hostile file to seconds.
LARGEST_FILE: Final = 4 * 1024 * 1024

LARGEST_SCALAR: Final = 1024 * 1024

DEEPEST: Final = 40

MOST_VALUES: Final = 200_000

Path = tuple[str | int, ...]
"""Keys and 0-based indexes from the root of a document."""

BREAKS: Final = re.compile(r"\r?\n")
"""The line breaks of a file. libyaml has more, which are errors: see `_BREAKS_FOR_SOME`."""

# Line breaks of libyaml, and not of git, of most editors and of a reviewer's browser: behind one of these, a comment would be a
# field that nobody sees. YAML 1.2.2, section 5.4, has the carriage return alone, which git and diffs do not break at.
_BREAKS_FOR_SOME: Final = re.compile(r"[\x85\u2028\u2029]|\r(?!\n)")

# YAML 1.2.2, section 10.3.2. Unlike in YAML 1.1, `no`, `on` and `1:30` are texts, and a leading zero is not octal.
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = {f"{sign}.{name}": float(f"{sign}{name}") for sign in ("", "+", "-") for name in ("inf", "Inf", "INF")}
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
# Python converts decimal text in quadratic time, and raises ValueError above 4,300 digits (CVE-2020-10735).
_LONGEST_NUMBER = 100
# The complement of the allowed characters, because the search is ten times as fast as with a list of the forbidden ones, and
# it runs over every character of every file.
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd"
    + "".join(f"{chr(plane << 16)}-{chr(plane << 16 | 0xFFFD)}" for plane in range(1, 17))
    + "]"
)


# From the end of a value on: blank lines and comments, then a number sign with neither a blank nor a line end before it.
_GLUED_COMMENT = re.compile(r"(?>(?:[^#\n]*+(?>(?:(?<=[ \t])#[^\n]*+)?)\n|(?:(?<=\n)#[^\n]*+)\n)*)[^#\n]*+(?<![ \t\n])(?<!^)#")
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_LATER_BYTE_ORDER_MARK = re.compile("^\ufeff", re.MULTILINE)


def remedy(fault: str, lines: list[str], line: int) -> str | None:
    """Return the remedy for the libyaml message `fault` in `line` (0-based) of `lines`; None if the cause is not clear."""
    shown = lines[line] if line < len(lines) else ""
    # libyaml's message is often the one for any unexpected character, "cannot start any token", so the line is examined.
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return "indent with blanks; YAML does not allow tabs there"
    if "expected key while parsing a block mapping" in fault:
        if _in_block_text(lines, line):
            return "where a text's first line is indented more than the rest, write `|2` for `|`"
        opened = _OPENED.match(shown)
        return _OPENED_REMEDIES[opened[1]] if opened else None
    return next((found for part, found in _REMEDIES.items() if part in fault), None)


def _in_block_text(lines: list[str], line: int) -> bool:
    """Return True if the nearest line above with less indentation than `line` starts a block scalar."""
    indent = len(lines[line]) - len(lines[line].lstrip()) if line < len(lines) else 0
    above = (text for text in reversed(lines[:line]) if text.strip() and len(text) - len(text.lstrip()) < indent)
    return next(above, "").rstrip().endswith(("|", ">", "|-", ">-"))


_NOT_FINITE |= {f".{name}": float("nan") for name in ("nan", "NaN", "NAN")}


_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class WrittenInt(int):
    """An integer with its source text: `010` is ten, and still `010` in a field of type text."""

    source: str


class WrittenFloat(float):
    """A number with its source text, so that `1.10` stays `1.10` in a field of type text."""

    source: str


class Mark(NamedTuple):
    """The position of a value in a file. Lines and columns are 0-based, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    style: str
    """First character of quoted and block scalars, empty for plain ones; `{`, `[` for flow collections, `-` for block ones."""


@dataclass(frozen=True)
class YamlDocument:
    """One YAML file, read."""

    data: Any
    """str, WrittenInt, WrittenFloat, bool, None, lists and dicts with str keys."""
    values: dict[Path, Mark]
    """The place of every value; the root is ()."""
    keys: dict[Path, Mark]
    """The place of every mapping key, under the path of its value."""
    text: str
    """The file."""

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text without line ends; only messages about problems need them."""
        return tuple(BREAKS.split(self.text))

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        # Where the last line has no end, a block scalar ends in a line behind it: see `_events`.
        return (0, *(found.end() for found in BREAKS.finditer(self.text)), len(self.text))

    def index(self, line: int, column: int) -> int:
        """Return the index in `text` of a line and column, both 0-based."""
        return self._starts[line] + column

    def source(self, mark: Mark) -> str:
        """Return the source text at a mark."""
        return self.text[self.index(mark.line, mark.column) : self.index(mark.end_line, mark.end_column)]


class YamlFault(Exception):  # noqa: N818  # a fault of the file, not of the program
    """An error in a YAML file, with its place (0-based) and a remedy if one is known."""

    def __init__(self, fault: str, line: int = 0, column: int = 0, remedy: str | None = None) -> None:
        super().__init__(fault)
        self.fault, self.line, self.column, self.remedy = fault, line, column, remedy


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen."""

    path: Path
    value: dict[str, Any] | list[Any]
    start: Any
    style: str
    key: str | None = None
    key_mark: Mark | None = None


@dataclass(slots=True)
class _Build:
    text: str
    before: int = 0
    """Index of the character behind the last event."""
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    root: Any = None
    has_root: bool = False


def read(content: bytes) -> YamlDocument:
    """Return the document in `content`. Raises YamlFault and, whatever the bytes, no other exception."""
    text = _decode(content)
    build = _Build(text)
    try:
        for event in _events(text):
            _take(event, build)
    except yaml.YAMLError as error:
        raise _syntax_fault(error, text) from None
    if not build.has_root:
        raise YamlFault("the file is empty")
    return YamlDocument(build.root, build.values, build.keys, text)


def _decode(content: bytes) -> str:
    if len(content) > LARGEST_FILE:
        raise YamlFault(f"the file has {len(content):,} bytes; at most {LARGEST_FILE:,} are read")
    try:
        text = content.decode("utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        raise YamlFault(
            f"byte 0x{content[error.start]:02x} is not UTF-8",
            before.count("\n"),
            len(before) - before.rfind("\n") - 1,
            "save the file as UTF-8",
        ) from None
    if (found := _FORBIDDEN.search(text)) is not None:
        _refuse_character(found[0], *_position(text, found.start()))
    if (found := _LATER_BYTE_ORDER_MARK.search(text)) is not None:
        fault = "a line begins with a byte order mark, which is for the beginning of a file"
        raise YamlFault(fault, *_position(text, found.start()), "remove it; it is invisible")
    if (found := _BREAKS_FOR_SOME.search(text)) is not None:
        escape = f"{ord(found[0]):04X}"
        is_carriage_return = found[0] == "\r"
        raise YamlFault(
            f"the character U+{escape} ends a line for YAML, and not for git and most editors",
            *_position(text, found.start()),
            f"save the file with {'LF or CRLF as line ends' if is_carriage_return else 'LF as line end'}; within text, write "
            f'"\\u{escape}" in double quotes',
        )
    return text


def _position(text: str, index: int) -> tuple[int, int]:
    # `str.splitlines` would also count form feeds and other separators.
    before = BREAKS.split(text[:index])
    return len(before) - 1, len(before[-1])


def _refuse_character(character: str, line: int, column: int) -> None:
    raise YamlFault(
        f"the character U+{ord(character):04X} is a control character or no character at all",
        line,
        column,
        "remove it; to write about it, write its number, as in U+001B",
    )


def _events(text: str) -> Iterator[Any]:
    # Events, not `yaml.load`: PyYAML's loaders follow YAML 1.1, keep the last of two equal keys, and expand aliases.
    # Builds of PyYAML without libyaml have no CSafeLoader; the Python parser gives the same events, only slower.
    # Parsers differ in whether a block scalar at the end of a file without a line end has one.
    ended = text if text.endswith("\n") else text + "\n"
    parser = yaml.CSafeLoader(ended) if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader(ended)
    try:
        yield from iter(parser.get_event, None)
    finally:
        parser.dispose()


def _take(event: Any, build: _Build) -> None:
    """Add one parser event to the document. Raises YamlFault for YAML that is not allowed."""
    _refuse_what_only_libyaml_reads(event, build)
    # Aliases can expand a small file to gigabytes ("billion laughs"), and a value with two places has no single line.
    if isinstance(event, yaml.AliasEvent):
        raise _at(event, f"the alias *{event.anchor} is not read", "write the value out, or quote a text that starts with *")
    if getattr(event, "anchor", None) is not None:
        raise _at(
            event,
            f"the anchor &{event.anchor} is not read",
            "write the value where it is needed, or quote a text that starts with &",
        )
    # Tags change the type of a value (`!!binary`, `!!python/...`); the type of a field is given by the models.
    if getattr(event, "tag", None) is not None:
        raise _at(event, f"the tag {event.tag!r} is not read", "remove it, or quote a text that starts with !")
    if isinstance(event, yaml.ScalarEvent):
        _scalar(event, build)
    elif isinstance(event, yaml.CollectionStartEvent):
        _open(event, build)
    elif isinstance(event, yaml.CollectionEndEvent):
        _close(event, build)
    elif isinstance(event, yaml.DocumentStartEvent) and build.has_root:
        raise _at(event, "a second document starts here", "one file holds one document: remove the `---`")


def _refuse_what_only_libyaml_reads(event: Any, build: _Build) -> None:
    """Raise YamlFault for text that other readers of YAML take for something else (yaml-test-suite SU5Z, X4QW, 652Z, MUS6)."""
    start, end = event.start_mark.index, event.end_mark.index
    if (
        isinstance(event, yaml.DocumentStartEvent)
        and (directive := _DIRECTIVE.search(build.text, build.before, end)) is not None
    ):
        line, column = _position(build.text, directive.start())
        remedy = "remove the line; files are read as YAML 1.2"
        raise YamlFault("a directive, a line that starts with %, is not read", line, column, remedy)
    in_flow = bool(build.stack) and build.stack[-1].style in "{["
    if in_flow and build.text[start - 1 : start] == "?" and not isinstance(event, yaml.CollectionEndEvent):
        raise _at(event, "a text that starts with ? loses it within [ ] and { }", "quote the text")
    if isinstance(event, yaml.ScalarEvent) and event.style in ("|", ">"):
        gap = start, build.text.find("\n", start)
    else:
        gap = build.before, start
    # YAML 1.2.2, section 6.6: a comment is separated from what is before it. To others this is text, or an error.
    if (glued := _GLUED_COMMENT.match(build.text, *gap)) is not None:
        line, column = _position(build.text, glued.end() - 1)
        raise YamlFault("a comment begins right after a value", line, column, "put a blank before #, or quote the text")
    build.before = max(build.before, end)


def _at(event: Any, fault: str, remedy: str | None = None) -> YamlFault:
    return YamlFault(fault, event.start_mark.line, event.start_mark.column, remedy)


def _mark(event: Any, style: str, end: Any = None) -> Mark:
    start, end = event.start_mark, end or event.end_mark
    return Mark(start.line, start.column, end.line, end.column, style)


def _scalar(event: Any, build: _Build) -> None:
    text: str = event.value
    if len(text) > LARGEST_SCALAR:
        raise _at(event, f"a text of {len(text):,} characters; at most {LARGEST_SCALAR:,} are read")
    if event.style == '"' and (found := _FORBIDDEN.search(text)) is not None:  # escapes such as "\e" appear only now
        _refuse_character(found[0], event.start_mark.line, event.start_mark.column)
    mark = _mark(event, event.style or "")
    top = build.stack[-1] if build.stack else None
    if top is not None and isinstance(top.value, dict) and top.key is None:
        if text == "<<" and not event.style:
            raise _at(event, "the merge key << is not read", "write the fields out")
        # YAML 1.2.2, section 3.2.1.1: the keys of a mapping are unique. Taking the last would lose text that somebody wrote.
        if text in top.value:
            raise _at(event, f"duplicate key {text!r}", "remove one of the two")
        top.key, top.key_mark = text, mark
        return
    _place(event, text if event.style else resolve_plain(text), mark, build)


def resolve_plain(text: str) -> object:
    """Return the value of a plain scalar under the core schema; numbers keep their source text."""
    if text in _WORDS:
        return _WORDS[text]
    # The first character decides for almost all texts, which saves the regular expressions.
    if text[0] not in "0123456789+-." or len(text) > _LONGEST_NUMBER:
        return text
    if text in _NOT_FINITE:
        return _written_float(text, _NOT_FINITE[text])
    if _INT.match(text):
        return _written_int(text, int(text))
    if _OCTAL.match(text):
        return _written_int(text, int(text, 0))
    if _HEX.match(text):
        return _written_int(text, int(text, 16))
    if _FLOAT.match(text):
        return _written_float(text, float(text))
    return text


def _written_int(text: str, value: int) -> WrittenInt:
    number = WrittenInt(value)
    number.source = text
    return number


def _written_float(text: str, value: float) -> WrittenFloat:
    number = WrittenFloat(value)
    number.source = text
    return number


def _place(event: Any, value: Any, mark: Mark, build: _Build) -> Path:
    """Add `value` at the current position of the document and return its path."""
    if len(build.values) >= MOST_VALUES:
        raise _at(event, f"more than {MOST_VALUES:,} values in one file")
    if not build.stack:
        build.root, build.has_root = value, True
        build.values[()] = mark
        return ()
    top = build.stack[-1]
    if isinstance(top.value, list):
        path: Path = (*top.path, len(top.value))
        top.value.append(value)
    else:
        if top.key is None:
            raise _at(event, "a mapping key must be plain text")
        path = (*top.path, top.key)
        top.value[top.key] = value
        if top.key_mark is not None:
            build.keys[path] = top.key_mark
        top.key = top.key_mark = None
    build.values[path] = mark
    return path


def _open(event: Any, build: _Build) -> None:
    if len(build.stack) >= DEEPEST:
        raise _at(event, f"nested more than {DEEPEST} levels deep")
    is_map = isinstance(event, yaml.MappingStartEvent)
    value: dict[str, Any] | list[Any] = {} if is_map else []
    style = ("{" if is_map else "[") if event.flow_style else "-"
    path = _place(event, value, _mark(event, style), build)
    build.stack.append(_Open(path, value, event, style))


def _close(event: Any, build: _Build) -> None:
    opened = build.stack.pop()
    build.values[opened.path] = _mark(opened.start, opened.style, event.end_mark)


def _syntax_fault(error: yaml.YAMLError, text: str) -> YamlFault:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark) is not None:
        fault = " ".join(part for part in (error.problem, error.context) if part)
        return YamlFault(f"YAML: {fault}", mark.line, mark.column, remedy(fault, BREAKS.split(text), mark.line))
    return YamlFault(f"YAML: {error}")
