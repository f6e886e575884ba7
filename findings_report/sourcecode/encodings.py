"""Bytes to text: in which encoding a file is, and why some files have no lines.

Pure: it knows neither git nor where a declaration beside the file comes from. In this order: a byte order mark; UTF-8, if the
bytes are valid; what the file itself declares; what the tree declares for it; else Latin-1, in which no byte is lost.

To git a file in UTF-16 or UTF-32 is binary and has no lines. Here its lines are those of the decoded text, split on LF.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from findings_report.model.engagement import Pattern
from findings_report.sourcecode.lines import split_lines

ASSUMED: Final = "latin-1 (assumed)"
"""The encoding of a text that is neither UTF-8 nor says what it is: every byte is a character, none is lost."""

_SNIFFED: Final = 8000  # git looks for NUL in as many bytes (buffer_is_binary, xdiff-interface.c)
_POINTER_SIZE: Final = 1024  # Source: Git LFS specification, "The Pointer": less than 1024 bytes
_HEAD: Final = 1024  # Source: HTML, 4.2.5.4: the declaration is within the first 1024 bytes
_TAIL: Final = 3000  # Source: GNU Emacs Manual, "Specifying File Variables": within 3000 characters of the end

# UTF-32 first: its little-endian mark starts with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE: Final = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"} | {codec: codec for _, codec in _MARKS}
"""Codecs in which a line end is more than one byte; without a mark the byte order is that of Windows."""

_FIRST_LINES: Final = re.compile(rb"(?:coding|\bfenc)[:=][ \t]*[\"']?([A-Za-z0-9._-]{1,32})")
_META: Final = re.compile(rb"<meta\b[^>]{0,200}?\bcharset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,32})", re.IGNORECASE)
_STYLE: Final = re.compile(rb"@charset \"([A-Za-z0-9._:-]{1,32})\";")
_VIM: Final = re.compile(rb"(?:\bvim?|\bex):.{0,200}?\b(?:fenc|fileencoding)=([A-Za-z0-9._-]{1,32})")
_EMACS: Final = re.compile(rb"\bcoding:[ \t]{0,20}([A-Za-z0-9._-]{1,32})")
_BRACES: Final = re.compile(r"\{([^{}]*,[^{}]*)\}")
_CONTROL: Final = re.compile(r"[\x01-\x08\x0e-\x19\x1c-\x1f]")
_GLUED: Final = re.compile(r"\*\*(?!/|\Z)")
_MOST_EXPANDED: Final = 100
_DEEPEST: Final = 30  # folders above a file in which declarations are looked for
_MODELINES: Final = 5  # vim's own default of how many lines at the end it reads

# By list: a codec that is not a text's (zip, rot13), or in which 0x0A is no line end (EBCDIC, HZ), would move lines.
_TEXT_CODECS: Final = frozenset(
    {"ascii", "big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk"}
    | {"iso2022_jp", "johab", "koi8-r", "koi8-u", "mac-cyrillic", "mac-roman", "shift_jis", "tis-620", "utf-8", "utf-8-sig"}
    | {f"iso8859-{part}" for part in range(1, 17)}
    | {f"cp{page}" for page in (437, 737, 775, 850, 852, 855, 857, 858, 862, 866, *range(1250, 1259))}
)

_SUPERSETS: Final = {"gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "big5": "cp950"}
"""The codec that Windows means by a name. Source: WHATWG Encoding, 4.2."""


class Obstacle(StrEnum):
    """Why a blob has no lines that could be cited."""

    BINARY = "a binary file"
    """A NUL byte in the first 8000, and no encoding that has them."""
    UNDECODABLE = "text in UTF-16 or UTF-32 that cannot be decoded"
    """A byte order mark, and bytes that are not in that encoding."""
    LFS_POINTER = "a Git LFS pointer"
    """The file itself is kept outside the repository."""


@dataclass(frozen=True)
class Text:
    """A decoded file."""

    lines: tuple[str, ...]
    """Without line ends; line n is `lines[n - 1]`. Empty for an empty file."""
    encoding: str
    """Python's name of the codec, or ASSUMED."""

    @property
    def is_wide(self) -> bool:
        """True in UTF-16 and UTF-32, which git takes for binary."""
        return self.encoding in _WIDE


def decode(content: bytes, declared: Iterable[str] = ()) -> Text | Obstacle:
    """Return the lines of `content`, or why it has none.

    `declared` are the encodings that the tree declares for the file, the most specific first; it is iterated only where the
    bytes do not answer. Lines are split on LF only, as git does; one CR before it belongs to the line end. A byte order mark is
    no part of line 1.
    """
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return _decode_wide(content[len(mark) :], codec) or Obstacle.UNDECODABLE
    if b"\0" in content[:_SNIFFED]:
        candidates = (_guess_wide(content), *(_WIDE.get(codec) for codec in _find_codecs(declared)))
        texts = (_decode_wide(content, codec) for codec in candidates if codec is not None)
        # Numbers of 16 bits look like UTF-16, too, but are mostly control characters.
        return next((text for text in texts if text and not _CONTROL.search("".join(text.lines))), Obstacle.BINARY)
    if _is_pointer(content):
        return Obstacle.LFS_POINTER
    body = content.removeprefix(codecs.BOM_UTF8)
    for codec in _candidates(body, declared):
        try:
            return Text(split_lines(body.decode(codec)), codec)
        except (UnicodeDecodeError, ValueError):
            continue
    return Text(split_lines(body.decode("latin-1")), ASSUMED)


def count_lines(content: bytes) -> int | None:
    """Return how many lines `decode` finds in `content`; None when it has none."""
    # Decoded only where nothing else counts them: this runs for every file of a scope.
    if content.startswith(tuple(mark for mark, _ in _MARKS)) or b"\0" in content[:_SNIFFED]:
        text = decode(content)
        return len(text.lines) if isinstance(text, Text) else None
    if _is_pointer(content):
        return None
    size = len(content)
    if size == 0 or (size == len(codecs.BOM_UTF8) and content == codecs.BOM_UTF8):
        return 0
    return content.count(b"\n") + (content[-1] != 0x0A)


def _is_pointer(content: bytes) -> bool:
    return len(content) < _POINTER_SIZE and content.startswith(b"version https://git-lfs") and b"\noid " in content


def _candidates(body: bytes, declared: Iterable[str]) -> Iterator[str]:
    """Yield codecs to try, the likeliest first."""
    # Shift sequences are ASCII, and so valid UTF-8; only a declaration decides.
    if b"\x1b$" in body and "iso2022_jp" in (*_find_codecs(_find_declared(body)), *_find_codecs(declared)):
        yield "iso2022_jp"
    # UTF-8 before any declaration: other text is hardly ever valid UTF-8, while a declaration may be wrong or copied.
    yield "utf-8"
    for names in (_find_declared(body), declared):
        for codec in _find_codecs(names):
            if codec not in _WIDE:
                yield codec
                yield from (_SUPERSETS[codec],) if codec in _SUPERSETS else ()


def _find_codecs(names: Iterable[str]) -> Iterator[str]:
    """Yield Python's names of those encodings that are a text's."""
    for name in names:
        try:
            codec = codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
        if codec in _TEXT_CODECS or codec in _WIDE:
            yield codec


def _decode_wide(body: bytes, codec: str) -> Text | None:
    """Return the text; None when the bytes are none: damaged, or with NUL characters."""
    try:
        text = body.decode(codec)
    except UnicodeDecodeError:
        return None
    return Text(split_lines(text), codec) if "\0" not in text else None


def _guess_wide(content: bytes) -> str | None:
    """Return the byte order of UTF-16 without a mark; None for anything else."""
    # One byte of each pair is nearly always NUL and the other never, as in text of Latin letters.
    head = content[:_SNIFFED]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) < 4 or min(even, odd) or max(even, odd) * 10 < (len(head) // 2) * 9:
        return None
    return "utf-16-be" if even else "utf-16-le"


def _find_declared(body: bytes) -> Iterator[str]:
    """Yield the encodings that a file declares in its own text."""
    head = body[:_HEAD]
    # The first two lines, where Python (PEP 263) and Emacs look; XML's `encoding="..."` is in the first.
    first = b"\n".join(head.split(b"\n", 2)[:2])
    tail = body[-_TAIL:]
    last = b"\n".join(tail.rstrip(b"\n").split(b"\n")[-_MODELINES:])
    variables = tail.rpartition(b"Local Variables:")[2] if b"Local Variables:" in tail else b""
    searches = ((_FIRST_LINES, first), (_META, head), (_VIM, last), (_EMACS, variables))
    matches = [pattern.search(text) for pattern, text in searches] + [_STYLE.match(head)]
    return (match[1].decode("ascii") for match in matches if match is not None)


def list_declared(path: str, read: Callable[[str], str | None]) -> Iterator[str]:
    """Yield the encodings that the tree declares for `path`, the most specific first.

    `read` gives the text of a file of the tree by its path, None when there is none.
    """
    # From the file's own folder up to the root, whose prefix is empty.
    slashes = [at for at in range(len(path) - 1, -1, -1) if path[at] == "/"][:_DEEPEST]
    prefixes = [*(path[: at + 1] for at in slashes), ""]
    for prefix in prefixes:
        yield from _find_attributes(read(prefix + ".gitattributes") or "", path.removeprefix(prefix))
    for prefix in prefixes:
        charset, is_topmost = _find_charset(read(prefix + ".editorconfig") or "", path.removeprefix(prefix))
        yield from (charset,) if charset is not None else ()
        if is_topmost:
            return


def _find_attributes(text: str, path: str) -> Iterator[str]:
    """Yield the encodings that a `.gitattributes` gives to `path`, relative to its folder.

    `encoding` is that of the blob, for display. With `working-tree-encoding` git stores UTF-8, but a file that was committed
    without git's conversion is in that encoding. Source: gitattributes.
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split() if "encoding" in line else []
        if words and not words[0].startswith(("#", "[", "!")) and _is_named(words[0], path):
            # A later line wins, also one that unsets the attribute.
            values |= {name: value for name, _, value in (word.lstrip("-!").partition("=") for word in words[1:])}
    return (values[name] for name in ("encoding", "working-tree-encoding") if values.get(name))


def _find_charset(text: str, path: str) -> tuple[str | None, bool]:
    """Return the `charset` that an `.editorconfig` gives to `path`, relative to its folder, and whether it is the topmost.

    Source: EditorConfig specification 0.17.
    """
    charset: str | None = None
    is_topmost = is_in_section = is_applied = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            is_in_section, is_applied = True, any(_is_named(pattern, path) for pattern in _expand_braces(line[1:-1]))
            continue
        name, _, value = (part.strip().lower() for part in line.partition("="))
        is_topmost = is_topmost or (not is_in_section and (name, value) == ("root", "true"))
        if is_applied and name == "charset":
            charset = value
    return charset, is_topmost


def _is_named(pattern: str, path: str) -> bool:
    """True for a glob that names `path`: without a slash in any folder, else from the folder of its file."""
    # EditorConfig allows `**` within a part of the path; `Pattern` knows it as a whole part.
    text = _GLUED.sub("**/*", pattern.lstrip("/"))
    return Pattern(None, text if "/" in pattern else f"**/{text}").names(path)


def _expand_braces(pattern: str) -> Iterator[str]:
    """Yield `*.a` and `*.b` for `*.{a,b}`, at most 100 patterns."""
    waiting = [pattern]
    for _ in range(_MOST_EXPANDED):
        if not waiting:
            return
        text = waiting.pop(0)
        match = _BRACES.search(text)
        if match is None:
            yield text
        else:
            waiting += (text[: match.start()] + choice.strip() + text[match.end() :] for choice in match[1].split(","))
