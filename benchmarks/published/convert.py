"""Published audit reports as engagements: each fenced block is paired with the place in the code that the text names for it.

A quote is kept character by character as the fence has it. Only the place is completed: a file named in short (`Well.sol`,
`src/Well.sol`, `Well::swap`) becomes the one file of the commit that ends so, because an author who writes YAML has to say it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

FINDING = {
    "code4rena": re.compile(r"## (?:\[*(?P<severity>[HMLQGN])-\d+)?"),
    "sherlock": re.compile(r"# Issue (?P<severity>[HM])-\d+"),
    "cyfrin": re.compile(r"### "),
    "pashov": re.compile(r"#{1,4} \\?\[(?P<severity>[CHMLIQG])-\d+\\?\]"),
    "recon": re.compile(r"#{2,4} \\?\[?(?P<severity>[CHMLIQG])-\d+"),
    "model": re.compile(r"#{2,4} "),
}
"""What the first line of a finding starts with, by house. "model" are reviews that language models wrote."""

SEVERITY = {"C": "critical", "H": "high", "M": "medium", "L": "low"}
EXTENSIONS = "sol|vy|rs|move|cairo|py|pyi|js|jsx|ts|tsx|go|java|kt|swift|cs|c|h|cpp|hpp|rb|php|sh|yml|yaml|toml|html|css|sql"
FENCE = re.compile(r"(?P<indent>[ \t]*(?:> ?)*[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)")
LINK = re.compile(
    r"github\.com/[\w.-]+/[\w.-]+/blob/(?P<revision>[\w.-]+)/(?P<path>[^\s)\]#>\"'`]+)(?P<lines>#L\d+(?:C\d+)?(?:-L?\d+)?)?"
)
PATH = re.compile(
    rf"(?P<path>[\w@./-]*[\w-]\.(?:{EXTENSIONS}))\b"
    r"(?P<lines>(?:#L|:L?|, lines? | \(lines? | lines? )\d+(?:(?:-L?|-|–| to )\d+)?)?"
)
HEAD = re.compile(r"\s*(?://|#|/\*|--|<!--)?\s*(?:(?i:file|path|contract)\s*:)?\s*`?(?:https?://)?[\w@./\\-]+\.\w+\b")
MEMBER = re.compile(r"`(?P<type>[A-Z]\w+)(?:(?:::|\.|#)_?\w+[^`]*)?`")
TEST_FILE = re.compile(r"(?i)(^|/)(tests?|mocks?|lib|node_modules|script)/|\.t\.sol$")


@dataclass(frozen=True)
class Place:
    """Lines of a file, as a text names them."""

    path: str
    """From the root of the repository."""
    lines: str | None
    """"12" or "12-15"; None is the whole file."""
    commit: str | None
    """Full hash, when the text names another commit than the audited one."""


@dataclass(frozen=True)
class Quote:
    """A fenced block of a finding, or a link without one."""

    place: Place
    text: str | None
    source_line: int
    """1-based, in the published text."""


@dataclass(frozen=True)
class PublishedFinding:
    title: str
    severity: str
    text: str
    quotes: tuple[Quote, ...]


def git(clone: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(clone), *arguments], capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


class Code:
    """The repository that a report is about, at the audited commit."""

    def __init__(self, clone: Path, commit: str) -> None:
        self.clone = clone
        self.commit = git(clone, "rev-parse", "--verify", f"{commit}^{{commit}}").strip()
        self.files = git(clone, "ls-tree", "-r", "-z", "--name-only", self.commit).split("\0")[:-1]
        self._named: dict[str, list[str]] = defaultdict(list)
        for file in self.files:
            self._named[file.rsplit("/", 1)[-1]].append(file)
        self._resolved: dict[str, str | None] = {}

    def find(self, path: str) -> str | None:
        """Return the one file that `path` can be, files of tests and libraries set aside when others fit; else None."""
        path = unquote(path).replace("\\", "/").lstrip("./")
        fitting = [file for file in self._named[path.rsplit("/", 1)[-1]] if file == path or file.endswith("/" + path)]
        if path in fitting:
            return path
        own = [file for file in fitting if not TEST_FILE.search(file)] or fitting
        return own[0] if len(own) == 1 else None

    def resolve(self, revision: str) -> str | None:
        """Return the full hash when `revision` is the hash of another commit of this clone; a branch was the audited commit."""
        if not re.fullmatch(r"[0-9a-f]{7,40}", revision):
            return None
        if revision not in self._resolved:
            try:
                found = git(self.clone, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()
            except subprocess.CalledProcessError:
                found = ""
            self._resolved[revision] = found if found and found != self.commit else None
        return self._resolved[revision]


def read_lines(text: str | None) -> str | None:
    """`#L12-L15`, `:12-15`, ` (lines 12 to 15` as `12-15`."""
    numbers = [int(number) for number in re.findall(r"(?<!C)\d+", text or "")][:2]
    if not numbers or not numbers[0] or numbers[-1] < numbers[0]:
        return None
    return str(numbers[0]) if numbers[0] == numbers[-1] else f"{numbers[0]}-{numbers[-1]}"


def find_places(line: str, code: Code) -> Iterator[Place]:
    """The places that a line of text names, in order: links, paths, names of types that have a file of their own."""
    for link in LINK.finditer(line):
        path = code.find(link["path"])
        if path:
            yield Place(path, read_lines(link["lines"]), code.resolve(link["revision"]))
    rest = LINK.sub("", line)
    for match in PATH.finditer(rest):
        path = code.find(match["path"])
        if path:
            yield Place(path, read_lines(match["lines"]), None)
    for match in MEMBER.finditer(rest):
        paths = [path for extension in ("sol", "vy", "rs", "py", "ts") if (path := code.find(f"{match['type']}.{extension}"))]
        if len(paths) == 1:
            yield Place(paths[0], None, None)


def split_findings(lines: Sequence[str], house: str) -> Iterator[tuple[int, int, str]]:
    """Index of the first line, of the line after the last, and severity of each finding; headings inside fences are code."""
    headings: list[tuple[int, int, str | None]] = []
    mark, severity = "", "M"
    for index, line in enumerate(lines):
        fence = FENCE.match(line)
        if fence and (not mark or fence["mark"].startswith(mark)):
            mark = "" if mark else fence["mark"]
        elif not mark and re.match(r"#{1,6} ", line):
            started = FINDING[house].match(line)
            word = re.search(r"(?i)\b(critical|high|medium|low|info|gas)", line)
            severity = word[1][0].upper() if word and not started else severity
            own = (started.groupdict().get("severity") or severity) if started else None
            headings.append((index, len(line) - len(line.lstrip("#")), own))
    for position, (index, level, own) in enumerate(headings):
        if own:
            ends = (at for at, other, another in headings[position + 1 :] if other <= level or another)
            yield index, next(ends, len(lines)), own


def read_finding(lines: Sequence[str], first: int, last: int, severity: str, code: Code) -> PublishedFinding:
    """Pairs each fence with what its own first line names, else the nearest above, else the nearest below."""
    fences: list[tuple[int, list[str]]] = []
    named: list[tuple[int, Place]] = []
    links: list[tuple[int, Place]] = []
    prose: list[str] = []
    index = first + 1
    while index < last:
        opened = FENCE.match(lines[index])
        if not opened:
            places = list(find_places(lines[index], code))
            named += [(index, place) for place in places]
            links += [(index, place) for place in places if place.lines]
            prose.append(lines[index])
            index += 1
            continue
        body: list[str] = []
        start = index
        index += 1
        while index < last and not re.match(rf"[ \t>]*{re.escape(opened['mark'])}[ \t]*$", lines[index]):
            body.append(lines[index].removeprefix(opened["indent"]))
            index += 1
        index += 1
        if any(line.strip() for line in body):
            fences.append((start, body))
    quotes, used = [], set()
    for start, body in fences:
        place = next(find_places(body[0], code), None) if looks_like_head(body[0]) else None
        if not place:
            above = [place for at, place in named if at < start]
            below = [place for at, place in named if at > start]
            place = above[-1] if above else below[0] if below else None
        if place:
            used.add(place)
            quotes.append(Quote(place, "\n".join(body), start + 1))
    alone = {place: at for at, place in links if place not in used}
    quotes += [Quote(place, None, at + 1) for place, at in alone.items()]
    title = re.sub(r"[\[\]`*_#\\]|\(https?://[^)]*\)", "", lines[first]).strip()
    return PublishedFinding(title or "Untitled", SEVERITY.get(severity, "informational"), "\n".join(prose), tuple(quotes))


def looks_like_head(line: str) -> bool:
    """Whether the first line of a fence names a file, not code that happens to contain a name with a dot."""
    return bool(HEAD.match(line))


def write_engagement(
    folder: Path, title: str, code: Code, findings: Sequence[PublishedFinding], *, commit: str = "", answers: Sequence[str] = ()
) -> int:
    """Writes `findings/` into `folder`, one file for each finding, and returns the number of quotes.

    `commit` is pinned instead of the audited one. `answers` has lines of YAML to add to each finding.
    """
    (folder / "findings").mkdir(parents=True, exist_ok=True)
    commit = commit or code.commit
    (folder / "findings" / "engagement.yaml").write_text(
        f"format: 1\ntitle: {json.dumps(title)}\nclient: As published\nauthors: [{{name: As published}}]\nversion: '1'\n"
        f"repositories:\n  code: {{path: {json.dumps(str(code.clone))}, revision: {commit}, commit: {commit}}}\n",
        encoding="utf-8",
    )
    for number, finding in enumerate(findings, 1):
        title = json.dumps(finding.title, ensure_ascii=False)
        source = f"description: Converted from line {finding.quotes[0].source_line}."
        text = [f"title: {title}", f"severity: {finding.severity}", source, *answers[number - 1 : number], "locations:"]
        for quote in finding.quotes:
            text.append(f"  - path: {json.dumps(quote.place.path, ensure_ascii=False)}")
            text += [f"    lines: {quote.place.lines}"] if quote.place.lines else []
            text += [f"    commit: {quote.place.commit}"] if quote.place.commit else []
            text += write_quote(quote.text) if quote.text is not None else []
        (folder / "findings" / f"F-{number:03}.finding.yaml").write_text("\n".join(text) + "\n", encoding="utf-8")
    return sum(quote.text is not None for finding in findings for quote in finding.quotes)


def write_quote(text: str) -> list[str]:
    """A block scalar, for people; a JSON string where YAML has no block for the characters."""
    if not all(character.isprintable() or character in "\t\n" for character in text) or not text.strip():
        return [f"    quote: {json.dumps(text, ensure_ascii=False)}"]
    return ["    quote: |2-", *(f"      {line}" if line else "" for line in text.split("\n"))]
