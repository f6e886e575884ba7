"""The code that a Markdown document cites: permalinks, `path:line`, and fences with a head line.

The first part reads texts and is pure; reviews are read by it as well. The second checks what a document cites against the
files of commits. Nothing is called wrong that only seems to be cited: a fence without a file, a proposal, a name of another
kind.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from markdown_it import MarkdownIt

from findings_report.evidence.quote import find_telling_lines
from findings_report.evidence.source_files import MISSING, FileReader, NoLinesError, SourceFile
from findings_report.evidence.warnings import describe_length, describe_lines
from findings_report.model.evidence import Check, Region, Verdict
from findings_report.problems import FindingsReportError, Kind, Place, Problem
from findings_report.problems.suggestions import did_you_mean
from findings_report.sourcecode.languages import language_of
from findings_report.sourcecode.symbols import encloses

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
    "sol|vy|rs|move|cairo|py|pyi|js|jsx|mjs|cjs|ts|tsx|go|java|kt|kts|swift|cs|c|cc|cxx|h|hh|cpp|hpp|rb|erb|php|sh|bash|ps1|ya?ml"
    "|toml|html|css|sql|fc|huff|lua|exs?|scala|hs|pl|pm|zig|dart|mm|tf|hcl|vue|svelte|groovy|gradle|jsp|aspx|vb|proto|nim|jl|clj|erl"
)
_PATH: Final = re.compile(
    rf"(?<![\w@./\\:-])(?P<path>(?:[\w@.-]+/){{0,30}}[\w@-][\w@.-]{{0,100}}?\.(?:{EXTENSIONS}))(?![\w.-]*\w)"
    r"(?P<lines>#[LC0-9#-]+|:L?[0-9]+(?:[-–][0-9]+)?"
    r"|[`*_]{0,3}[,:;]?[`*_]{0,3} (?:at |on )?\(?(?:[Ll]ines?|[Zz]eilen?|lignes?|líneas?):? [0-9]+"
    r"(?:(?: ?[-–] ?| to | and )[0-9]+)?)?"
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


# --- Against repositories

FITTING: Final = frozenset(
    (Verdict.EXACT, Verdict.WHITESPACE, Verdict.PARTIAL, Verdict.ELIDED, Verdict.ANNOTATED, Verdict.COMMENTS)
)
"""Verdicts of a quote that is in the file."""

_MOST_SEARCHES: Final = 300
"""Searches of a whole commit for a quote, of all documents."""
_MOST_CANDIDATES: Final = 5
"""Files that a path without its first folders may mean."""


@dataclass(frozen=True)
class CitedSource:
    """A repository that documents cite."""

    name: str
    reader: FileReader
    commit: str
    """Full hash of the commit at which paths are read."""
    homes: frozenset[str]
    """`host/owner/name` of its addresses, in lower case; empty if none is known."""
    root: str | None = None
    """The folder of the document in its work tree, POSIX; None if it is not in there."""
    is_staged: bool = False
    """True if `commit` is what is staged, which has no hash that anybody else knows."""
    branch: str | None = None
    """The branch that will have what is staged; None if nothing staged is read, or no branch is checked out."""

    @property
    def at(self) -> str:
        """Where its paths are read, as the end of a sentence."""
        return "in the index" if self.is_staged else f"at commit {self.commit[:12]}"

    def read_at(self, commit: str) -> CitedSource:
        """Return the same at another commit."""
        return replace(self, commit=commit, is_staged=self.is_staged and commit == self.commit)


@dataclass
class ProseCheck:
    """The result for documents."""

    documents: int = 0
    places: int = 0
    """Paths and links that were checked."""
    wrong: int = 0
    """Places and quotes that are not as the document says."""
    foreign: int = 0
    """Links into other repositories."""
    quotes: dict[Verdict, int] = field(default_factory=dict)
    """Fences that are in the repository, by verdict."""
    unplaced: int = 0
    """Fences that are not in the repository, and do not say so."""
    problems: list[Problem] = field(default_factory=list)
    searches: int = _MOST_SEARCHES


@dataclass(frozen=True)
class _CitationFault:
    fault: str
    remedy: str | None
    code: str
    rank: int = 0
    """How much of the citation is right, to choose among several repositories."""


def check_document(text: str, shown: str, sources: Sequence[CitedSource], result: ProseCheck) -> None:
    """Check every citation of a document, and add what is wrong to `result`. `shown` is its path in messages.

    Raises FindingsReportError (INPUT) for a document with too many.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        citations = read_document(text)
    except FindingsReportError as error:
        raise FindingsReportError([replace(problem, place=Place(shown)) for problem in error.problems]) from None
    # Counted only now: a document with too many citations was not checked.
    result.documents += 1
    lines = text.split("\n")
    ours = _find_ours(citations, sources)
    for citation in citations:
        fault = _check(citation, sources, ours, result)
        if fault is None:
            continue
        result.wrong += 1
        place = Place(shown, citation.line, citation.column, lines[citation.line - 1], max(citation.width, 1))
        result.problems.append(Problem(Kind.SOURCE, fault.fault, fault.remedy, place=place, level="warning", code=fault.code))


def _find_ours(citations: Sequence[Citation], sources: Sequence[CitedSource]) -> Mapping[str, CitedSource]:
    """Return the repository that each linked address means; by a commit of the clone where no address of it is known."""
    linked: dict[str, list[str]] = {}
    for citation in citations:
        if citation.place is not None and citation.place.repository is not None:
            linked.setdefault(citation.place.repository.casefold(), []).append(citation.place.revision or "")
    found: dict[str, CitedSource] = {}
    for address, revisions in linked.items():
        for source in sources:
            is_named = address in source.homes or (not source.homes and address.rpartition("/")[2] == source.name.casefold())
            if is_named or any(_is_hash(revision) and _commit_of(source, revision) for revision in dict.fromkeys(revisions)):
                found.setdefault(address, source)
    # The only repository there is, and the only one that is linked.
    if not found and len(linked) == 1 and len(sources) == 1 and not sources[0].homes:
        found[next(iter(linked))] = sources[0]
    return found


def _is_hash(revision: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{7,64}", revision) is not None


def _commit_of(source: CitedSource, revision: str) -> str | None:
    try:
        return source.reader.source.commit_of(revision)
    except FindingsReportError:
        return None


def _check(
    citation: Citation, sources: Sequence[CitedSource], ours: Mapping[str, CitedSource], result: ProseCheck
) -> _CitationFault | None:
    place = citation.place
    if place is not None and place.repository is not None:
        source = ours.get(place.repository.casefold())
        if source is None:
            result.foreign += 1
            return None
        result.places += 1
        commit, place = _read_revision(source, place)
        if commit is None:
            short = place.revision or ""
            what = f"commit {short[:12]}" if _is_hash(short) else f"revision {short!r}"
            remedy = _propose_link(_search_elsewhere(citation, source, result), source)
            return _CitationFault(f"{what} is not in the clone of repository {source.name!r}", remedy, "citation-commit")
        return _judge(citation, place, source.read_at(commit), result) if place.path else None
    if place is None:
        _search(citation, sources, result)
        return None
    is_certain = citation.quote is not None or any(_is_certain(place.path, source) for source in sources)
    faults: list[_CitationFault] = []
    for source in sources:
        fault = _judge(citation, place, source, result)
        if fault is None:
            result.places += 1
            return None
        faults.append(fault)
    # Of several repositories the one that has most of what is cited.
    best = max(faults, key=lambda fault: fault.rank)
    # `redis:6379` is no path.
    if not is_certain and best.rank == 0:
        return None
    result.places += 1
    if citation.quote is not None and not citation.is_claim:
        result.unplaced += 1
        return None
    return best


def _propose_link(now: tuple[str, Region] | None, source: CitedSource) -> str:
    """Return the remedy for a link to a commit that is not in the clone; `now` is where its code is."""
    if source.is_staged:
        there = f"cite `{now[0]}:{now[1]}`: the quoted code is there {source.at}" if now is not None else ""
        return there or "fetch the commit into the clone"
    if now is not None:
        return f"link to {now[0]} {describe_lines([now[1]])} of {source.commit}: the quoted code is there"
    return f"link to {source.commit}, the commit that was read, or fetch the commit into the clone"


def _read_revision(source: CitedSource, place: StatedPlace) -> tuple[str | None, StatedPlace]:
    """Return the commit of a link, and its place; a branch may have slashes, and main is the commit that is read.

    The branch that is checked out is about to have what is staged.
    """
    revision = place.revision or ""
    if _is_hash(revision):
        return _commit_of(source, revision), place
    # An address does not say where the branch ends and the path begins.
    parts = [revision, *place.path.split("/")]
    for count in range(1, min(len(parts), 7)):
        name = "/".join(parts[:count])
        is_next = source.branch is not None and name in (source.branch, "HEAD")
        commit = source.commit if is_next else _commit_of(source, name) or _commit_of(source, f"origin/{name}")
        if commit is not None:
            return commit, replace(place, path="/".join(parts[count:]))
    # A clone may have no such branch, as one of a fork or a shallow one has not.
    is_branch = revision in ("main", "master", "HEAD", "develop", "dev", "trunk")
    return (source.commit if is_branch else None), place


def _is_certain(path: str, source: CitedSource) -> bool:
    """Return True for what can be nothing but a path: an extension of code, or a folder or file of the commit."""
    name = path.rpartition("/")[2]
    extension = name.rpartition(".")[2]
    if "@" in name:
        return False  # an address of mail, or a version
    if re.fullmatch(EXTENSIONS, extension) and "." in name:
        return True
    if "/" in path and language_of(path):
        return True
    try:
        entry = source.reader.source.entry(source.commit, path.partition("/")[0])
    except FindingsReportError:
        return False
    return entry is not None and (entry.kind == "file") is ("/" not in path)


def _judge(citation: Citation, place: StatedPlace, source: CitedSource, result: ProseCheck) -> _CitationFault | None:
    """Return what is wrong with a citation in one repository."""
    at = source.at
    try:
        files = _find_files(source, place.path)
    except NoLinesError as error:
        stated = error.fault.replace(f"at commit {source.commit}", at) if source.is_staged else error.fault
        moved = _search_elsewhere(citation, source, result) if error.code == MISSING else None
        if moved is not None:
            path, region = moved
            return _CitationFault(
                f"there is no file {place.path} {at}", f"write `{path}:{region}`: the quoted code is there", "citation-path"
            )
        code = "citation-path" if error.code in (MISSING, "path-not-a-file") else error.code
        return _CitationFault(stated, _reword(error.remedy, source), code, rank=0 if code == "citation-path" else 1)
    faults = [_judge_file(citation, place, file, at) for file in files]
    if (right := next((index for index, fault in enumerate(faults) if fault is None), None)) is None:
        fault = faults[0]
        moved = _search_elsewhere(citation, source, result) if fault is not None and fault.code == "citation-absent" else None
        if fault is not None and moved is not None:
            return replace(
                fault,
                fault=f"{fault.fault}; it is at {moved[0]} {describe_lines([moved[1]])}",
                remedy=f"write `{moved[0]}:{moved[1]}`",
            )
        return fault
    if citation.quote is not None:
        verdict = files[right].check(citation.quote, (place.lines,) if place.lines else ()).verdict
        result.quotes[verdict] = result.quotes.get(verdict, 0) + 1
    return None


def _reword(remedy: str | None, source: CitedSource) -> str:
    """Return the remedy of a reader of YAML for a document."""
    if source.is_staged and (remedy is None or "`commit`" in remedy):
        return "correct the path, or `git add` the file"
    if remedy is None or "`commit`" in remedy:
        return "correct the path, or name the commit that has the file with --revision"
    return remedy.replace("`path`", "the path")


def _find_files(source: CitedSource, path: str) -> list[SourceFile]:
    """Return the files that a path may mean. Raises NoLinesError if there is none."""
    fault: NoLinesError | None = None
    near = posixpath.normpath(posixpath.join(source.root, path)) if source.root is not None else None
    for candidate in dict.fromkeys(filter(None, (path if ".." not in path else None, near))):
        try:
            return [source.reader.cited(source.commit, candidate).file]
        except NoLinesError as error:
            if error.code != MISSING:
                raise
            fault = fault or error
    # People write the end of a path, or the name alone.
    tail = path.replace("\\", "/").lstrip("./")
    try:
        paths = [name for name, _ in source.reader.source.files(source.commit) if f"/{name}".endswith(f"/{tail}")]
    except FindingsReportError:
        paths = []
    files: list[SourceFile] = []
    for name in paths[:_MOST_CANDIDATES] if tail else ():
        try:
            file = source.reader.find(source.commit, name)
        except NoLinesError:
            continue
        files += [file] if file is not None else []
    if files:
        return files
    name = tail.rpartition("/")[2]
    paths = [other for other, _ in source.reader.source.files(source.commit)]
    moved = [other for other in paths if other.rpartition("/")[2] == name][:3]
    beside = [other for other in paths if other.rpartition("/")[0] == tail.rpartition("/")[0]]
    text = f"there is no file {path} {source.at}"
    remedy = f"did you mean {' or '.join(f'`{other}`' for other in moved)}?" if moved else did_you_mean(tail, beside[:1000])
    remedy = remedy or (fault.remedy if fault is not None else None)
    raise NoLinesError(text, reason="no such file at this commit", code=MISSING, remedy=remedy)


def _judge_file(citation: Citation, place: StatedPlace, file: SourceFile, at: str) -> _CitationFault | None:
    count, cited = len(file.lines), place.lines
    where = f"{file.path} {at}"
    if citation.quote is not None:
        check = file.check(citation.quote, (cited,) if cited else ())
        return _explain(check, cited, file.path, where)
    if cited is None:
        return None
    if cited.end_line > count:
        length = describe_length(count).removeprefix("the file ")
        fault = f"{where} {length}; line {cited.end_line} is past its end"
        found = _find_code(citation.code, file, cited) if citation.code else None
        remedy = f"write `{file.path}:{found}`: `{citation.code}` is there" if found else "correct the lines"
        return _CitationFault(fault, remedy, "citation-lines", rank=1)
    found = _find_code(citation.code, file, cited) if citation.code else None
    if found is None:
        return None
    fault = f"`{citation.code}` is at {describe_lines([found])} of {where}, not at {describe_lines([cited])}"
    return _CitationFault(fault, f"write `{file.path}:{found}`", "citation-moved", rank=2)


def _find_code(code: str, file: SourceFile, cited: Region) -> Region | None:
    """Return the one other place of code, or of the symbol, that precedes a citation; None if the cited lines have it."""
    name = code.removesuffix("()")
    shown = "\n".join(file.lines[cited.start_line - 1 : cited.end_line])
    if re.fullmatch(r"[A-Za-z_$][\w$.:#]*", name):
        if re.split(r"::|[.#]", name)[-1] in shown:
            return None
        # A name that is defined twice says nothing about lines.
        symbols = [symbol for symbol in file.symbols if encloses(name, symbol)]
        is_there = any(symbol.start_line <= cited.end_line and cited.start_line <= symbol.end_line for symbol in symbols)
        return symbols[0].region if len(symbols) == 1 and not is_there else None
    if len(code) < 8 or code in shown or not file.lines:
        return None
    # Code that is on several lines cannot say which was meant.
    numbers = [number for number, line in enumerate(file.lines, 1) if code in line]
    return Region(start_line=numbers[0], end_line=numbers[0]) if len(numbers) == 1 else None


def _explain(check: Check, cited: Region | None, path: str, where: str) -> _CitationFault | None:
    """Return what is wrong with a quote."""
    found = _hull(check)
    now = f"{path}:{found}" if found else path
    if check.verdict is Verdict.MOVED:
        claimed = describe_lines(check.claimed)
        fault = f"the quoted code is at {describe_lines(check.found)} of {where}, not at {claimed}"
        return _CitationFault(fault, f"write `{now}`", "citation-moved", rank=3)
    if check.differences:
        first = check.differences[0]
        line = f"line {first.line} is " if first.line else "there is no "
        differing = (first.actual or "").strip() if first.line else (first.quoted or "").strip()
        quoted = f", quoted as {(first.quoted or '').strip()!r}" if first.line and first.quoted else ""
        fault = f"the quote differs from {where}: {line}{differing!r}{quoted}"
        return _CitationFault(fault, f"quote `{now}` unchanged", "citation-edited", rank=2)
    if check.verdict not in FITTING:
        lines = check.also or ((check.closest,) if check.closest else ())
        near = f"; the closest code is at {describe_lines(lines)}" if lines else ""
        return _CitationFault(
            f"the quoted code is not in {where}{near}",
            f"quote `{path}:{lines[0]}` unchanged" if lines else "quote the code that is there, or cite the file that has it",
            "citation-absent",
            rank=1,
        )
    # A quote with lines around the cited ones is right; one beside them is not.
    if cited is not None and check.outside and check.outside == check.found:
        fault = f"the quoted code is at {describe_lines(check.found)} of {where}, not at {describe_lines([cited])}"
        return _CitationFault(fault, f"write `{now}`", "citation-moved", rank=3)
    wrong = next(((number, line) for number, line in check.mapped if number != line), None)
    if wrong is not None:
        fault = f"the quote numbers line {wrong[1]} of {where} as {wrong[0]}"
        return _CitationFault(fault, "correct the numbers in the quote, or remove them", "citation-moved", rank=3)
    return None


def _hull(check: Check) -> Region | None:
    return Region(start_line=check.found[0].start_line, end_line=check.found[-1].end_line) if check.found else None


def _search(citation: Citation, sources: Sequence[CitedSource], result: ProseCheck) -> None:
    """Count a fence that names no file: it is somewhere in the repositories, or it is not."""
    for source in sources:
        for file, check in _containing(citation.quote or "", source, result):
            if check.verdict in FITTING and file is not None:
                result.quotes[check.verdict] = result.quotes.get(check.verdict, 0) + 1
                return
    result.unplaced += 1


def _search_elsewhere(citation: Citation, source: CitedSource, result: ProseCheck) -> tuple[str, Region] | None:
    for file, check in _containing(citation.quote or "", source, result):
        if check.verdict in FITTING and (region := _hull(check)) is not None:
            return file.path, region
    return None


def _containing(quote: str, source: CitedSource, result: ProseCheck) -> Iterator[tuple[SourceFile, Check]]:
    telling = find_telling_lines(quote) if quote else ()
    if not telling or result.searches <= 0:
        return
    # A search reads the whole commit.
    result.searches -= 1
    try:
        paths = source.reader.source.containing(source.commit, telling, 10)
    except FindingsReportError:
        return
    for path in paths:
        try:
            file = source.reader.find(source.commit, path)
        except NoLinesError:
            continue
        if file is not None:
            yield file, file.check(quote, ())
