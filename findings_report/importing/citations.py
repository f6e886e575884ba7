"""The code that a Markdown document cites: permalinks, `path:line`, and fences with a head line.

Pure. `document_check` checks what is read here against repositories; reviews are read by it as well.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from markdown_it import MarkdownIt

from findings_report.model.evidence import Region
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.sourcecode.languages import language_of

_REPOSITORY: Final = r"https?://(?P<host>[\w.-]++)/(?P<repository>~?[\w.-]++(?:/[\w.-]++){0,5}?)"
_ANCHOR: Final = r"(?:\?[^\s)\]#>\"'`|]{0,200})?(?P<lines>#[\w#:,.~–-]{1,60})?"
_LINK: Final = re.compile(
    rf"{_REPOSITORY}/(?:-/)?(?:blob|blame|raw|edit|src/branch|src/commit|src/tag|src|\+)/(?P<revision>[\w.~-]++)/"
    rf"(?P<path>[^\s)\]#?>\"'`|]++){_ANCHOR}"
)
_OTHER_LINKS: Final = (
    # sourcehut, raw files of GitHub, cgit
    re.compile(rf"{_REPOSITORY}/tree/(?P<revision>[\w.~-]++)/item/(?P<path>[^\s)\]#?>\"'`|]++){_ANCHOR}"),
    re.compile(
        r"https?://(?P<host>raw\.githubusercontent\.com)/(?P<repository>[\w.-]++/[\w.-]++)/(?:refs/(?:heads|tags)/)?"
        rf"(?P<revision>[\w.~-]++)/(?P<path>[^\s)\]#?>\"'`|]++){_ANCHOR}"
    ),
    re.compile(
        rf"{_REPOSITORY}/(?:tree|plain|blame)/(?P<path>[^\s)\]#?>\"'`|]++)"
        r"\?(?:h=[\w./-]{1,200}&)?id=(?P<revision>[0-9a-f]{7,64})(?P<lines>#n[0-9]{1,7})?"
    ),
)
_COMMIT_LINK: Final = re.compile(rf"{_REPOSITORY}/(?:-/)?(?:commits?|tree)/(?P<revision>[0-9a-f]{{7,64}})(?![\w/])")
_AZURE: Final = re.compile(r"https?://dev\.azure\.com/[^\s?#)\]]{1,200}\?[^\s#)\]>\"'`|]{1,1000}")
EXTENSIONS: Final = (
    "sol|vy|rs|move|cairo|py|pyi|js|jsx|mjs|ts|tsx|go|java|kt|swift|cs|c|cc|h|cpp|hpp|rb|php|sh|ya?ml|toml|html|css|sql|fc|huff"
)
_PATH: Final = re.compile(
    rf"(?<![\w@./\\:-])(?P<path>(?:[\w@.-]+/){{0,30}}[\w@-][\w@.-]{{0,100}}?\.(?:{EXTENSIONS}))(?![\w.-]*\w)"
    r"(?P<lines>#[LC0-9#-]+|:L?[0-9]+(?:[-–][0-9]+)?|,? \(?lines? [0-9]+(?:(?:[-–]| to )[0-9]+)?)?"
)
_SPAN: Final = r"L?[0-9]{1,7}(?:[-–:](?:#?L)?[0-9]{1,7})?(?:,[0-9]{1,7}(?:[-–][0-9]{1,7})?){0,9}"
_ANY_PATH: Final = re.compile(
    r"(?<![\w@./\\:#~+-])(?P<path>(?:[\w@.+\[\]-]{1,100}+/){0,30}[\w@+-][\w@.+-]{0,100}+)"
    rf"(?P<lines>:{_SPAN}|#L[\w#-]{{1,40}}|\([0-9]{{1,7}}(?:,[0-9]+)?\)"
    r"|`?,? \(?lines? [0-9]{1,7}(?:(?:[-–]| to )[0-9]{1,7})?)"
    r"(?!\w|[-:.]\w)"
)
"""A path of any kind with lines."""
_QUOTED_PATH: Final = re.compile(rf"`(?P<path>[^`\n:#]{{1,300}})(?P<lines>:{_SPAN}|#L[\w#-]{{1,40}})`")
_LINES_OF: Final = re.compile(
    r"\b(?P<lines>[Ll]ines? [0-9]{1,7}(?:(?: ?[-–] ?| to )[0-9]{1,7})?),? (?:of|in|from) (?:the file )?"
    r"`(?P<path>[^`\n:#]{1,300})`"
)
_HEAD: Final = re.compile(
    r"\s*+(?://|#|/\*|--|<!--|;)?\s*+(?:(?:file|filename|path|contract)\s*[:：]\s*)?`?"
    r"(?P<place>https?://\S++|[\w@./\\-]+\.\w{1,5}(?:[:#][LC0-9:#,–-]++)?(?:,? \(?lines? [\d–-]++\)?)?)`?:?"
    r"\s*+(?:\*/|-->)?\s*+",
    re.IGNORECASE,
)
_LONGEST_HEAD: Final = 500
"""Characters of a line that names a place."""


@dataclass(frozen=True)
class StatedPlace:
    """A place in code, as a text names it."""

    path: str
    lines: Region | None
    revision: str | None = None
    repository: str | None = None
    """`host/owner/name` of a link."""
    symbol: str | None = None


Span = tuple[int, int, StatedPlace]
"""Start and end in a text, and the place that is named there."""


def find_stated(text: str) -> Iterator[StatedPlace]:
    """Yield the places that a text names, in its order, each once."""
    yield from dict.fromkeys(place for _, _, place in find_spans(text))


def find_spans(text: str) -> list[Span]:
    """Return the places that a text names, links and paths of source code, in its order."""
    return sorted([*_find_links(text), *_match_paths(_without_urls(text), (_PATH,))], key=lambda span: span[:2])


def read_head(line: str) -> StatedPlace | None:
    """Return the place that the first line of a fence names, if it is nothing else."""
    if len(line) > _LONGEST_HEAD or (match := _HEAD.fullmatch(line)) is None:
        return None
    # Programs print paths from the root of the repository, or of the folder above it.
    place = match["place"]
    return next(find_stated(place.lstrip("/") if place.startswith("/") else place.removeprefix("./")), None)


def read_lines(text: str | None) -> Region | None:
    """Return the lines of an anchor or a phrase: `#L9-L1`, `#1-9`, `:12`, `, lines 12-15`."""
    # `L3C5` has a column, and nothing else of an anchor is a number.
    numbers = [int(number) for number in re.findall(r"(?<!C)(?<![0-9])[0-9]{1,7}(?![0-9])", text or "")][:2]
    if not numbers or not min(numbers):
        return None
    return Region(start_line=min(numbers), end_line=max(numbers))


_LINE_ANCHOR: Final = re.compile(
    r"#?-?(?:lines?-|L{1,2}|n)?-?[0-9]{1,7}(?:C[0-9]{1,7})?(?:[-–:,.~#]{1,3}(?:L|n)?[0-9]{1,7}(?:C[0-9]{1,7})?)?-?"
)


_COLUMN: Final = re.compile(r"\A(:L?[0-9]{1,7}):[0-9]{1,7}\Z|(?<=\([0-9])([0-9]{0,6}),[0-9]{1,7}(?=\)\Z)")


def _find_links(text: str) -> Iterator[Span]:
    # One pattern for most forges: their addresses differ in the word before the revision.
    for pattern in (_LINK, *_OTHER_LINKS):
        for match in pattern.finditer(text):
            host = "github.com" if match["host"] == "raw.githubusercontent.com" else match["host"]
            # The sign that ends a sentence is no part of the link.
            path = unquote(match["path"] if match["lines"] else match["path"].rstrip(".,;:")).rstrip("/")
            lines = (
                read_lines(match["lines"]) if match["lines"] and _LINE_ANCHOR.fullmatch(match["lines"].rstrip(".,:")) else None
            )
            yield *match.span(), StatedPlace(path, lines, match["revision"], f"{host}/{match['repository']}")
    for match in _AZURE.finditer(text):
        parts, fields = urlsplit(match[0]), parse_qs(urlsplit(match[0]).query)
        path, version = fields.get("path", [""])[0].lstrip("/"), fields.get("version", [""])[0]
        if path and version[:2] in ("GC", "GB", "GT"):
            lines = read_lines(" ".join(fields.get("line", []) + fields.get("lineEnd", [])))
            yield *match.span(), StatedPlace(path, lines, version[2:], f"{parts.netloc}{parts.path}")


def _without_urls(text: str) -> str:
    # Blanks of the same length, so that places in the text stay where they are.
    return re.sub(r"https?://[^\s)\]>]+", lambda match: " " * len(match[0]), text)


def _match_paths(text: str, patterns: Iterable[re.Pattern[str]]) -> Iterator[Span]:
    for pattern in patterns:
        for match in pattern.finditer(text):
            # `src/app.py:12:5` and `app.cs(12,5)` name a column, `:12,15-17` more lines.
            lines = _COLUMN.sub(r"\1", match["lines"] or "")
            yield *match.span(), StatedPlace(match["path"], read_lines(lines))


# --- A document

MOST_CITATIONS: Final = 5_000
"""Citations and fences of a document that are checked."""

_BLOCKS: Final = MarkdownIt("commonmark").enable("table")
_BLOCKS.core.ruler.disable("inline")

_NO_CODE: Final = frozenset(
    ("console", "shell-session", "shellsession", "terminal", "output", "log", "diff", "patch", "mermaid", "math", "ansi")
)
"""Languages of fences that quote no file."""
_PROPOSES: Final = re.compile(
    r"\b(?:replac\w*|instead|should|change[ds]?|fix(?:e[ds])?|propos\w*|suggest\w*|recommend\w*|mitigat\w*|becomes?|rewrit\w*|add(?:s|ed)?"
    r"|insert\w*|after|new|run(?:s|ning)?|outputs?|prints?|returns|tests?|poc|proof|example)\b",
    re.IGNORECASE,
)
"""Words before a fence by which it may be a proposal, a test or an output."""
_PROPOSING_HEADING: Final = re.compile(
    r"\b(?:recommend\w*|mitigation|remediation|fix(?:es)?|solution|proof of concept|poc|propos\w*|suggest\w*|tests?)\b"
    r"|建议|方案",
    re.IGNORECASE,
)
_INFO_PATH: Final = re.compile(
    r"(?:^|[\s:{,])(?:(?:title|file|filename|path|name)\s*=\s*)?[\"']?"
    r"(?:(?P<first>[0-9]{1,7}):(?P<last>[0-9]{1,7}):)?(?P<path>(?:[\w@.+\[\]-]{1,100}+/){0,30}[\w@.+-]{1,100}+)"
    rf"(?P<lines>:{_SPAN}|#L[\w#-]{{1,40}})?(?=[\"'\s}},]|$)",
)
_BETWEEN: Final = re.compile(r"[ ,:]{0,2}(?:(?:at|in|on|see|is|from|near) )?[ (\[]{0,3}")
"""What may be between code and the citation of its place."""


@dataclass(frozen=True)
class Citation:
    """Something that a document says about code."""

    line: int
    """1-based, in the document."""
    column: int
    """1-based; of a fence, 1."""
    width: int
    """Characters of it."""
    place: StatedPlace | None
    """What is cited; None for a fence that names no file."""
    quote: str | None = None
    """The code of a fence."""
    is_claim: bool = True
    """False for a fence that is not called wrong: a proposal, or one that names no file."""
    code: str | None = None
    """Code, or a name, right before `path:line`."""


def read_document(text: str) -> list[Citation]:
    """Return the citations and fences of a document, in its order. Its lines end with line feeds.

    Raises FindingsReportError (INPUT), without a place, for more than MOST_CITATIONS.
    """
    lines = text.split("\n")
    fences: list[Citation] = []
    taken: set[int] = set()
    heading = ""
    tokens = _BLOCKS.parse(text)
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[index + 1].content
        elif token.type in ("fence", "code_block", "html_block") and token.map is not None:
            # Paths in code, in output and in HTML are not what the document says.
            taken.update(range(token.map[0], token.map[1]))
            if token.type == "fence" and token.content.strip():
                fences.append(_read_fence(token.info.strip(), token.content, token.map[0], lines, taken, heading))
    # The line before a fence is its head: it is checked with the quote, and not once more.
    heads = {fence.place: fence.line for fence in fences if fence.place is not None}
    plain = "\n".join("" if number in taken else line for number, line in enumerate(lines))
    starts = [0, *accumulate(len(line) + 1 for line in plain.split("\n"))]
    citations = list(fences)
    end = -1
    bare = _without_urls(plain)
    spans = [*_find_links(plain), *_find_commits(plain), *_match_paths(bare, (_QUOTED_PATH, _LINES_OF, _ANY_PATH))]
    for first, last, place in sorted(spans, key=lambda span: (span[0], -span[1])):
        number = bisect_right(starts, first) - 1
        # The longest of several matches at one place is what is meant.
        if first < end or ("\n" in plain[first:last]):
            continue
        end = last
        # The line of a head, two or three lines above its fence, is checked with the quote.
        if heads.get(place, -1) - number in (2, 3):
            continue
        code = _find_code_before(plain[starts[number] : first]) if place.repository is None else None
        citations.append(Citation(number + 1, first - starts[number] + 1, last - first, place, code=code))
    if len(citations) > MOST_CITATIONS:
        fault = f"it has {len(citations):,} citations and blocks of code; at most {MOST_CITATIONS:,} are checked"
        raise FindingsReportError(Problem(Kind.INPUT, fault, "divide it", code="import-size"))
    return sorted(citations, key=lambda citation: (citation.line, citation.column))


def _find_code_before(text: str) -> str | None:
    """Return the code that ends right before a citation in a line."""
    parts = text[-1000:].removesuffix("`").split("`")
    is_code = len(parts) % 2 == 1 and len(parts) > 1 and len(text) < 1000
    return parts[-2] if is_code and 2 < len(parts[-2]) < 200 and _BETWEEN.fullmatch(parts[-1]) else None


def _find_commits(text: str) -> Iterator[Span]:
    for match in _COMMIT_LINK.finditer(text):
        yield *match.span(), StatedPlace("", None, match["revision"], f"{match['host']}/{match['repository']}")


def _read_fence(info: str, content: str, number: int, lines: Sequence[str], taken: set[int], heading: str) -> Citation:
    """Return the citation of a fence: by what follows its language, its first line, or the line of prose before it."""
    content = content.rstrip("\n")
    above = number - 1
    while above >= 0 and not lines[above].strip(" >\t"):
        above -= 1
    before = lines[above] if above >= 0 and above not in taken and number - above <= 2 else ""
    language = re.split(r"[\s:{,]", info, maxsplit=1)[0].casefold()
    place, is_claim = None, language not in _NO_CODE
    named = next((found for found in _INFO_PATH.finditer(info[:_LONGEST_HEAD]) if _names_file(found)), None)
    first, _, rest = content.partition("\n")
    quote = content
    if named is not None:
        span = f"{named['first']}-{named['last']}" if named["first"] else named["lines"]
        place = StatedPlace(named["path"], read_lines(span))
    elif rest.strip() and (place := read_head(first)) is not None:
        quote = rest
    elif before:
        # The last place of the line is the nearest to the code.
        spans = [*_find_links(before), *_match_paths(_without_urls(before), (_QUOTED_PATH, _LINES_OF, _ANY_PATH, _PATH))]
        place = max(spans, key=lambda span: (span[0], span[1]))[2] if spans else None
        # A file alone may be named for another reason than that its code follows.
        is_claim = is_claim and place is not None and (place.lines is not None or before.rstrip(" *`")[-1:] in ":：")
        is_claim = is_claim and not _PROPOSES.search(before)
    is_claim = is_claim and place is not None and not _PROPOSING_HEADING.search(heading)
    return Citation(number + 1, 1, len(lines[number]), place, quote=quote, is_claim=is_claim)


def _names_file(found: re.Match[str]) -> bool:
    """Return True for a path in the line of a fence; `c++` and `objective-c` are languages."""
    name = found["path"].rpartition("/")[2]
    return "." in name.strip(".") and (found.start("path") > 0 or "/" in found["path"] or bool(language_of(name)))
