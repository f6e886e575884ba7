"""Lines of text as git counts them: decoding, splitting, normalising, fingerprinting.

Pure: bytes and strings in, values out. It knows neither git nor quotes nor languages.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from findings_report.model.evidence import Region

ASSUMED: Final = "latin-1 (assumed)"
"""The encoding of a text that is neither UTF-8 nor says what it is: every byte is a character, none is lost."""

INFORMATIVE: Final = 6
"""Letters and digits that a line needs to identify a place."""

_SNIFFED = 8000  # git looks for NUL in as many bytes (buffer_is_binary, xdiff-interface.c)
_POINTER_SIZE = 1024  # Source: Git LFS specification, "The Pointer": less than 1024 bytes
_DECLARED = re.compile(rb"(?:coding|\bfenc)[:=][ \t]*[\"']?([A-Za-z0-9._-]{1,32})")

# By list: a codec that is not a text's (zip, rot13), or in which 0x0A is no line end (UTF-16, EBCDIC), would move lines.
_TEXT_CODECS = frozenset(
    {"ascii", "big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "hz"}
    | {"iso2022_jp", "johab", "koi8-r", "koi8-u", "mac-cyrillic", "mac-roman", "shift_jis", "tis-620", "utf-8"}
    | {f"iso8859-{part}" for part in range(1, 17)}
    | {f"cp{page}" for page in (437, 737, 775, 850, 852, 855, 857, 858, 862, 866, *range(1250, 1259))}
)


class Obstacle(StrEnum):
    """Why a blob has no lines that could be cited."""

    BINARY = "a binary file"
    """A NUL byte in the first 8000."""
    UTF_16 = "UTF-16 text"
    """Two bytes a character; git counts no lines in it."""
    LFS_POINTER = "a Git LFS pointer"
    """The file itself is kept outside the repository."""


@dataclass(frozen=True)
class Text:
    """A decoded file."""

    lines: tuple[str, ...]
    """Without line ends; line n is `lines[n - 1]`. Empty for an empty file."""
    encoding: str
    """Python's name of the codec, or ASSUMED."""


def find_obstacle(content: bytes) -> Obstacle | None:
    """Return why `content` cannot be cited by line; None when it can."""
    head = content[:_SNIFFED]
    if _is_utf_16(head):
        return Obstacle.UTF_16
    if b"\0" in head:
        return Obstacle.BINARY
    if head.startswith(b"version https://git-lfs") and len(content) < _POINTER_SIZE and b"\noid " in content:
        return Obstacle.LFS_POINTER
    return None


def _is_utf_16(head: bytes) -> bool:
    # The mark of UTF-32 starts with that of UTF-16, and git takes such a file for binary.
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return False
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    # Without a mark: one byte of each pair is nearly always NUL and the other never, as in text of Latin letters.
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return len(head) >= 4 and min(even, odd) == 0 and max(even, odd) * 10 >= (len(head) // 2) * 9


def decode(content: bytes) -> Text:
    """Return the lines of `content`: as UTF-8, else as its first two lines declare, else as Latin-1.

    Split on LF only, as git does; one CR before it belongs to the line end. A byte order mark is no part of line 1.
    """
    # UTF-8 first: other text is hardly ever valid UTF-8, while a declaration may be wrong or copied.
    body = content.removeprefix(codecs.BOM_UTF8)
    for encoding in ("utf-8", _find_declared(body)):
        if encoding is not None:
            try:
                return Text(split_lines(body.decode(encoding)), encoding)
            except (UnicodeDecodeError, ValueError):
                continue
    return Text(split_lines(body.decode("latin-1")), ASSUMED)


def _find_declared(body: bytes) -> str | None:
    # The first two lines, where Python (PEP 263) and Emacs look.
    head = b"\n".join(body[:1000].split(b"\n", 2)[:2])
    match = _DECLARED.search(head)
    if match is None:
        return None
    try:
        name = codecs.lookup(match[1].decode("ascii")).name
    except (LookupError, ValueError):
        return None
    return name if name in _TEXT_CODECS else None


def split_lines(text: str) -> tuple[str, ...]:
    """Return the lines of `text` as git counts them. `str.splitlines` would also split on form feeds and U+2028."""
    parts = text.split("\n")
    if parts[-1] == "":
        parts.pop()
    # Most files have none, and this runs for every file that is read.
    if "\r" in text:
        parts = [part.removesuffix("\r") for part in parts]
    return tuple(parts)


def count_lines(content: bytes) -> int:
    """Return how many lines `decode` finds in `content`."""
    size = len(content)
    if size == 0 or (size == len(codecs.BOM_UTF8) and content == codecs.BOM_UTF8):
        return 0
    return content.count(b"\n") + (content[-1] != 0x0A)


def squeeze(line: str) -> str:
    """Return `line` with every run of white space as one blank and none at its ends."""
    return " ".join(line.split())


def dedent(lines: Sequence[str]) -> tuple[str, ...]:
    """Return `lines` without the indentation that all of them share; blank lines do not count and become empty."""
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip()]
    if not indents:
        return ("",) * len(lines)
    low, high = min(indents), max(indents)
    width = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return tuple(line[width:] if line.strip() else "" for line in lines)


def is_informative(line: str) -> bool:
    """True when `line` has enough letters and digits to identify a place: `}` and `else:` have not."""
    return sum(map(str.isalnum, line)) >= INFORMATIVE


def fingerprint(lines: Iterable[str]) -> str:
    """`fingerprint/1`: sha256, hexadecimal, of the lines without white space, blank ones dropped, each ended by LF."""
    digest = hashlib.sha256()
    for line in lines:
        # Without white space the fingerprint survives reformatting and a move into another block. Reports contain it, so a
        # change of this function needs a new version number.
        if bare := "".join(line.split()):
            digest.update(bare.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def join_runs(numbers: Iterable[int]) -> tuple[Region, ...]:
    """Return rising line numbers as regions, neighbours joined."""
    regions: list[Region] = []
    start = end = None
    for number in numbers:
        if start is None or end is None:
            start = end = number
        elif number == end + 1:
            end = number
        else:
            regions.append(Region(start_line=start, end_line=end))
            start = end = number
    if start is not None and end is not None:
        regions.append(Region(start_line=start, end_line=end))
    return tuple(regions)


def unite_regions(*listed: Sequence[Region]) -> tuple[Region, ...]:
    """Return the lines of all regions as rising regions, neighbours and overlapping ones joined."""
    united: list[Region] = []
    for region in sorted((region for regions in listed for region in regions), key=lambda region: region.start_line):
        if united and region.start_line <= united[-1].end_line + 1:
            last = united.pop()
            region = Region(start_line=last.start_line, end_line=max(last.end_line, region.end_line))
        united.append(region)
    return tuple(united)
