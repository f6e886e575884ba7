"""Lines of text as git counts them: splitting, normalising, fingerprinting, and how alike two texts are.

Pure: strings in, values out. It knows neither files nor diffs nor quotes.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from findings_report.model.evidence import Region
from findings_report.sourcecode.languages import has_multi_line, scanner

INFORMATIVE: Final = 6
"""Letters and digits that a line needs to identify a place."""


def split_lines(text: str) -> tuple[str, ...]:
    """Return the lines of `text` as git counts them. `str.splitlines` would also split on form feeds and U+2028."""
    parts = text.split("\n")
    if parts[-1] == "":
        parts.pop()
    # Most files have none, and this runs for every file that is read.
    if "\r" in text:
        parts = [part.removesuffix("\r") for part in parts]
    return tuple(parts)


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


HASHED: Final = 100
"""Characters that the hash of a line covers, blanks and tabs not counted."""

_MULTIPLIER: Final = 37
_MODULUS: Final = 2**64
_END_OF_FILE: Final = 0xFFFF
_LINE_FEED: Final = 10
_SKIPPED: Final = {ord(" "): None, ord("\t"): None}


def hash_lines(text: str) -> tuple[str, ...]:
    """Return CodeQL's hash of each line, as code scanning compares alerts by: `39fa2ee980eb94b0:1`.

    A hash covers the 100 characters without blanks and tabs from the start of the line; the number after the colon counts the
    lines with that hash up to this one. A text that ends in a line end has one more line, as for CodeQL.
    Source: github/codeql-action, src/fingerprints.ts; the prefix sums give the same values as its rolling window.
    """
    units = text.replace("\r\n", "\n").replace("\r", "\n").translate(_SKIPPED).encode("utf-16-le", "surrogatepass")
    codes = [*memoryview(units).cast("H"), _END_OF_FILE]
    starts = [0, *(at for at, code in enumerate(codes, 1) if code == _LINE_FEED)]
    padded = (*codes, *[0] * HASHED)
    sums = list(accumulate(padded, lambda total, code: (total * _MULTIPLIER + code) % _MODULUS, initial=0))
    first = pow(_MULTIPLIER, HASHED, _MODULUS)
    counts: Counter[int] = Counter()
    hashes: list[str] = []
    for start in starts:
        value = (sums[start + HASHED] - sums[start] * first) % _MODULUS
        counts[value] += 1
        hashes.append(f"{value:x}:{counts[value]}")
    return tuple(hashes)


def count_utf16(line: str) -> int:
    """Return the length of a line in UTF-16 code units, which editors and SARIF count columns by."""
    return len(line) + sum(character > "\uffff" for character in line)


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


VERSIONS: Final = 60.0
"""Likeness, 0 to 100, from which two lines are versions of one another."""

LONGEST_LINE: Final = 400
"""Characters of a line that are compared."""

_MOST_CELLS = 250_000  # pairs of lines that two texts are compared by; larger ones are aligned by equal lines alone
_LONGEST_TEXT = 12_000  # characters of a text that is compared as a whole

_FREE: Final = frozenset(
    ("c", "cpp", "csharp", "cuda", "css", "java", "less", "objective-c", "php", "rust", "scss", "solidity")
)
"""Languages in which white space, line ends included, only separates words."""

_BY_LINE: Final = frozenset(("dart", "go", "groovy", "javascript", "kotlin", "protobuf", "scala", "swift", "typescript"))
"""Languages like those of _FREE in which a line end may also end a statement."""

_DIRECTIVE: Final = re.compile(r"^[^\S\n]*+#", re.MULTILINE)
_WORDS: Final = re.compile(r"[\w$]+|\n|[^\w\s$]+")


def compare_lines(old: str, new: str, *, longest: int = LONGEST_LINE) -> float:
    """Return how alike two lines are, white space aside, 0 to 100; only their first `longest` characters count."""
    # Imported late: a run that finds every quote where it is claimed compares no lines, and `check` has to start fast.
    from rapidfuzz import fuzz

    return fuzz.ratio(squeeze(old)[:longest], squeeze(new)[:longest])


def weigh_line(line: str) -> float:
    """Return the weight of a line: 1.0 for an informative one, 0.2 for `}` or `else:`, which are everywhere."""
    return 1.0 if is_informative(line) else 0.2


def align_lines(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return pairs (index in `old`, index in `new`) of squeezed lines that are versions of one another, both rising.

    The pairs whose likenesses add up to the most; line by line where as many lines came as went and all are alike.
    """
    from rapidfuzz import fuzz

    # Laxer than VERSIONS: equal counts are evidence that the lines were edited one by one, as in a renamed variable.
    if len(old) == len(new) and all(fuzz.ratio(a, b) > 50 for a, b in zip(old, new, strict=True)):
        return list(enumerate(range(len(new))))
    return _choose_heaviest(_compare_all(old, new), len(new))


def compare_texts(old: Sequence[str], new: Sequence[str]) -> float:
    """Return how alike two texts are as a whole, white space aside, 0 to 1."""
    from rapidfuzz import fuzz

    a = " ".join(filter(None, map(squeeze, old)))[:_LONGEST_TEXT]
    b = " ".join(filter(None, map(squeeze, new)))[:_LONGEST_TEXT]
    return fuzz.ratio(a, b) / 100


def ignores_white_space(language: str) -> bool:
    """True when blanks between words and signs mean nothing in `language`, Pygments' name."""
    return language in _FREE or language in _BY_LINE


def is_reformatted(old: Sequence[str], new: Sequence[str], language: str) -> bool:
    """True when the texts are the same code with other white space. Strings and comments have to be equal verbatim."""
    # In Python, YAML, Make or Haskell indentation is meaning, so a change of white space is a modification there.
    if not ignores_white_space(language) or not has_multi_line(language):
        return False
    before, after = "\n".join(old), "\n".join(new)
    # A preprocessor directive ends with its line, also in languages whose statements do not.
    if language in _BY_LINE or _DIRECTIVE.search(before) or _DIRECTIVE.search(after):
        return _split_by_line(before, language) == _split_by_line(after, language)
    return _split_tokens(before, language) == _split_tokens(after, language)


def _compare_all(old: Sequence[str], new: Sequence[str]) -> list[dict[int, float]]:
    """Return for each old line the similar new lines with their likeness, 0 to 1, weighted by information."""
    from rapidfuzz import fuzz, process

    # Only such a hunk is a rewritten or generated file; a line that occurs more than 20 times in it says nothing.
    if len(old) * len(new) > _MOST_CELLS:
        where: dict[str, list[int]] = {}
        for index, text in enumerate(new):
            where.setdefault(text, []).append(index)
        return [dict.fromkeys(where.get(text, ())[:20], 1.0) if is_informative(text) else {} for text in old]
    choices = {index: text for index, text in enumerate(new) if text}
    likenesses = []
    for text in old:
        hits = (
            process.extract(text, choices, scorer=fuzz.ratio, score_cutoff=VERSIONS, limit=None, processor=None) if text else []
        )
        likenesses.append({index: weigh_line(text) * score / 100 for _, score, index in hits})
    return likenesses


def _choose_heaviest(likenesses: Sequence[Mapping[int, float]], width: int) -> list[tuple[int, int]]:
    """Return the rising pairs that weigh the most together: dynamic programming, one row of best ends at a time."""
    best = [0.0] * (width + 1)  # best[j]: weight of the heaviest pairs within new[:j]
    last: list[_Link | None] = [None] * (width + 1)
    for index, row in enumerate(likenesses):
        if not row:
            continue
        taken = sorted(((new, best[new] + weight, last[new]) for new, weight in row.items()), key=lambda end: end[0])
        for new, weight, link in taken:
            if weight > best[new + 1]:
                pair = _Link(index, new, link)
                for stop in range(new + 1, width + 1):
                    # `best` rises, so from here on every entry is at least as heavy.
                    if best[stop] >= weight:
                        break
                    best[stop], last[stop] = weight, pair
    pairs = []
    link = last[width]
    while link is not None:
        pairs.append((link.old, link.new))
        link = link.before
    return pairs[::-1]


class _Link(NamedTuple):
    old: int
    new: int
    before: _Link | None


def _split_by_line(text: str, language: str) -> list[tuple[str, ...]]:
    """Return the tokens of each line that has any."""
    lines: list[tuple[str, ...]] = [()]
    for word in _split(text, language):
        if word == "\n":
            lines.append(())
        else:
            lines[-1] += (word,)
    return [line for line in lines if line]


def _split_tokens(text: str, language: str) -> list[str]:
    return [word for word in _split(text, language) if word != "\n"]


def _split(text: str, language: str) -> list[str]:
    """Return the tokens of `text`: strings and comments whole, between them words, runs of adjacent signs, and line ends."""
    words: list[str] = []
    at = 0
    for match in scanner(language).finditer(text):
        words += _WORDS.findall(text[at : match.start()])
        words.append(
            "\n".join(line.strip() for line in match[0].split("\n")) if match[0].startswith("/*") else match[0].rstrip()
        )
        at = match.end()
    return words + _WORDS.findall(text[at:])
