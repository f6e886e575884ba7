"""How often the verdict on a quote is right, and what checking a thousand of them costs.

    python benchmarks/quotes.py REPOSITORY [--revision R] [--snippets 200] [--seed N]

Takes random snippets of real code, quotes each in every way that `KINDS` knows, and compares the verdict with what it has to
be: by how the quote was made, or, where the file contains the text twice, by a plain search that shares nothing with the tool.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from findings_report.evidence.quote import check_quote, index_lines
from findings_report.evidence.resolve import resolve
from findings_report.git import Repository, open_repository
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Check, Region, Verdict
from findings_report.model.finding import Finding
from findings_report.sourcecode.encodings import Text, decode
from findings_report.sourcecode.languages import language_of

CODE = {"bash", "c", "cpp", "css", "go", "html", "java", "javascript", "make", "perl", "python", "ruby", "rust", "typescript"}
LARGEST = 300_000
V = Verdict


@dataclass(frozen=True)
class Sample:
    """A snippet of a file."""

    path: str
    lines: tuple[str, ...]
    start: int
    """1-based."""
    end: int
    foreign: tuple[str, ...]
    """A snippet of another file."""

    @property
    def numbered(self) -> list[tuple[int, str]]:
        return [(number, self.lines[number - 1]) for number in range(self.start, self.end + 1)]

    @property
    def text(self) -> list[str]:
        return list(self.lines[self.start - 1 : self.end])

    @property
    def comment(self) -> str:
        return "#" if language_of(self.path) in ("python", "bash", "make", "perl", "ruby") else "//"


@dataclass(frozen=True)
class Case:
    """A quote and the verdicts that are right for it."""

    quote: str
    cited: Region
    right: frozenset[Verdict]
    """Usually one; several where two people would differ."""
    code: tuple[str, ...]
    """The lines of the repository that are quoted."""


def squeezed(lines: Sequence[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines if line.strip()]


def stands_at(sample: Sample, quoted: Sequence[str]) -> list[list[int]]:
    """The line numbers of every place where `quoted` is in one piece, blank lines and white space aside."""
    file = [(number, " ".join(line.split())) for number, line in enumerate(sample.lines, 1) if line.strip()]
    wanted = squeezed(quoted)
    return [
        [number for number, _ in file[at : at + len(wanted)]]
        for at in range(len(file) - len(wanted) + 1)
        if file[at][1] == wanted[0] and [text for _, text in file[at : at + len(wanted)]] == wanted
    ]


def case(
    sample: Sample,
    quote: Sequence[str],
    verdict: Verdict,
    *others: Verdict,
    cited: Region | None = None,
    code: Sequence[str] | None = None,
) -> Case:
    region = cited or Region(start_line=sample.start, end_line=sample.end)
    return Case("\n".join(quote), region, frozenset((verdict, *others)), tuple(sample.text if code is None else code))


def spaced(sample: Sample, quote: Sequence[str]) -> Case:
    """Exact if nothing but the common indentation differs."""
    same = textwrap.dedent("\n".join(quote)) == textwrap.dedent("\n".join(sample.text))
    return case(sample, quote, V.EXACT if same else V.WHITESPACE)


Kind = Callable[[Sample, random.Random], Case | None]


def numbers(form: str) -> Kind:
    def made(sample: Sample, _: random.Random) -> Case:
        return case(sample, [form.format(number, line) for number, line in sample.numbered], V.EXACT)

    return made


def _cut(sample: Sample, rng: random.Random) -> tuple[int, int] | None:
    """Indexes of the lines to leave out: some in the middle, of which at least one is not blank."""
    count = len(sample.text)
    start = rng.randrange(1, count - 2)
    stop = rng.randrange(start + 1, count - 1) if start + 1 < count - 1 else start + 1
    return (start, stop) if any(line.strip() for line in sample.text[start:stop]) else None


def elided(mark: str, form: str = "{1}", shift: int = 0) -> Kind:
    def made(sample: Sample, rng: random.Random) -> Case | None:
        cut = _cut(sample, rng)
        if cut is None:
            return None
        quote = [form.format(number + shift, line) for number, line in sample.numbered]
        mark_line = [] if mark == "none" else [mark.replace("COMMENT", sample.comment)]
        kept = [*sample.text[: cut[0]], *sample.text[cut[1] :]]
        return case(sample, [*quote[: cut[0]], *mark_line, *quote[cut[1] :]], V.ELIDED if not shift else V.MOVED, code=kept)

    return made


def wrong_range(sample: Sample, rng: random.Random) -> Case | None:
    by = rng.choice([1, -1]) * rng.randrange(1, 40)
    start, end = sample.start + by, sample.end + by
    if start < 1:
        return None
    claimed = Region(start_line=start, end_line=end)
    # Only a quote of which no line is cited has moved.
    here = any(any(number in claimed for number in place) for place in stands_at(sample, sample.text))
    return case(sample, sample.text, V.EXACT if here else V.MOVED, cited=claimed)


def wrong_range_elided(sample: Sample, rng: random.Random) -> Case | None:
    cut = _cut(sample, rng)
    by = len(sample.text) + rng.randrange(20)
    if cut is None:
        return None
    claimed = Region(start_line=sample.start + by, end_line=sample.end + by)
    before, after = sample.text[: cut[0]], sample.text[cut[1] :]
    return case(sample, [*before, "...", *after], V.MOVED, V.ELIDED, cited=claimed, code=[*before, *after])


def wrong_numbers(sample: Sample, rng: random.Random) -> Case:
    by = rng.randrange(1, 30)
    at = [number for number, line in sample.numbered if line.strip()]
    here = any(place == [number + by for number in at] for place in stands_at(sample, sample.text))
    quote = [f"{number + by:5d}  {line}" for number, line in sample.numbered]
    return case(sample, quote, V.EXACT if here else V.MOVED)


def dropped_line(sample: Sample, rng: random.Random) -> Case | None:
    inner = [index for index, line in enumerate(sample.text) if line.strip() and 0 < index < len(sample.text) - 1]
    index = rng.choice(inner)
    quote = [line for at, line in enumerate(sample.text) if at != index]
    claimed = Region(start_line=sample.start, end_line=sample.end)
    here = any(all(number in claimed for number in place) for place in stands_at(sample, quote))
    # Of two equal neighbours one was dropped: the rest is in one piece.
    if here:
        return case(sample, quote, V.EXACT, V.WHITESPACE, code=quote)
    is_comment = sample.text[index].lstrip().startswith(("#", "//", "/*", "*"))
    return case(sample, quote, V.ELIDED, *((V.COMMENTS,) if is_comment else ()), code=quote)


def _edit(sample: Sample, rng: random.Random, change: Callable[[str], str]) -> list[str] | None:
    """The snippet with one line changed into one that the file does not have."""
    known = set(squeezed(sample.lines))
    changed = [(index, change(line)) for index, line in enumerate(sample.text)]
    fit = [(index, line) for index, line in changed if line.strip() and " ".join(line.split()) not in known]
    if not fit:
        return None
    index, line = rng.choice(fit)
    return [*sample.text[:index], line, *sample.text[index + 1 :]]


def _rename(line: str) -> str:
    names = re.findall(r"[A-Za-z_]{4,}", line)
    return line.replace(names[-1], f"{names[-1]}_other") if names else line


def _edited(sample: Sample, quote: Sequence[str] | None, form: str = "{1}") -> Case | None:
    """A case of one changed line; a change of comments alone is no edit."""
    if quote is None or list(quote) == sample.text:
        return None
    kept = [line.partition(sample.comment)[0] for line in quote]
    is_comment = kept == [line.partition(sample.comment)[0] for line in sample.text]
    others = (V.COMMENTS,) if is_comment or _drop_comments(quote) == _drop_comments(sample.text) else ()
    return case(sample, [form.format(n, line) for n, line in enumerate(quote, sample.start)], V.EDITED, *others)


def _drop_comments(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.lstrip().startswith(("#", "//", "/*", "*"))]


def renamed(sample: Sample, rng: random.Random) -> Case | None:
    return _edited(sample, _edit(sample, rng, _rename))


def renamed_numbered(sample: Sample, rng: random.Random) -> Case | None:
    return _edited(sample, _edit(sample, rng, _rename), "{0}: {1}")


def negated(sample: Sample, rng: random.Random) -> Case | None:
    return _edited(
        sample,
        _edit(sample, rng, lambda line: re.sub(r"\bif \(?", lambda m: m[0] + ("!" if "(" in m[0] else "not "), line, count=1)),
    )


def edited_elsewhere(sample: Sample, rng: random.Random) -> Case | None:
    quote = _edit(sample, rng, _rename)
    by = len(sample.text) + 10
    claimed = Region(start_line=sample.start + by, end_line=sample.end + by)
    if quote is None or len(squeezed(quote)) < 6:
        return None
    # The claimed lines may be nearly the same code: then it is an edited quote of those.
    return case(sample, quote, V.MOVED, *((V.EDITED,) if _alike(sample, quote, claimed) else ()), cited=claimed)


def _alike(sample: Sample, quote: Sequence[str], region: Region) -> bool:
    there = Counter(squeezed(sample.lines[region.start_line - 1 : region.end_line]))
    return sum((Counter(squeezed(quote)) & there).values()) * 2 >= len(squeezed(quote))


def swapped(sample: Sample, rng: random.Random) -> Case | None:
    text = sample.text
    pairs = [
        i for i in range(len(text) - 1) if text[i].strip() and text[i + 1].strip() and text[i].split() != text[i + 1].split()
    ]
    if not pairs:
        return None
    index = rng.choice(pairs)
    quote = [*text[:index], text[index + 1], text[index], *text[index + 2 :]]
    return case(sample, quote, V.MOVED) if stands_at(sample, quote) else _edited(sample, quote)


def annotated(form: str) -> Kind:
    def made(sample: Sample, rng: random.Random) -> Case:
        lines = [index for index, line in enumerate(sample.text) if line.strip()]
        index = rng.choice(lines)
        line = form.replace("COMMENT", sample.comment).replace("LINE", sample.text[index])
        return case(sample, [*sample.text[:index], *line.split("\n"), *sample.text[index + 1 :]], V.ANNOTATED)

    return made


Dress = Callable[[Sample, Sequence[str]], list[str]]
"""What people put around the lines of a sample, which may hold an error."""


def headed(form: str) -> Dress:
    return lambda sample, lines: [form.format(sample.path, sample.start, sample.end), *lines]


def number_first(form: str) -> Dress:
    return lambda sample, lines: [form.format(sample.start, lines[0]), *lines[1:]]


def number_ends(form: str) -> Dress:
    return lambda sample, lines: [form.format(sample.start, lines[0]), *lines[1:-1], form.format(sample.end, lines[-1])]


def marked(form: str) -> Dress:
    return lambda _, lines: (
        [lines[0], form.format(lines[1]), *lines[2:]] if lines[1].strip() else [form.format(lines[0]), *lines[1:]]
    )


def proposed(_: Sample, lines: Sequence[str]) -> list[str]:
    return [lines[0], *(f"-{line}" for line in lines[1:3]), "+    better = true;", *lines[3:]]


def dressed(dress: Dress, *verdicts: Verdict) -> Kind:
    return lambda sample, _: case(sample, dress(sample, sample.text), *verdicts)


def dressed_edit(dress: Dress) -> Kind:
    def made(sample: Sample, rng: random.Random) -> Case | None:
        quote = _edit(sample, rng, _rename)
        plain = _edited(sample, quote)
        return replace(plain, quote="\n".join(dress(sample, quote))) if plain and quote else None

    return made


DRESSES: dict[str, tuple[Dress, tuple[Verdict, ...]]] = {
    "File: path": (headed("File: {0}"), (V.EXACT,)),
    "# path (line 1-2)": (headed("# {0} (line {1}-{2})"), (V.EXACT,)),
    "permalink": (headed("// https://github.com/owner/name/blob/main/{0}#L{1}-L{2}"), (V.EXACT,)),
    "number on the first line": (number_first("{0}: {1}"), (V.EXACT, V.WHITESPACE)),
    "numbers on first and last": (number_ends("{0} | {1}"), (V.EXACT, V.WHITESPACE)),
    "mark without comment sign": (marked("{0}  <-- here"), (V.ANNOTATED,)),
    "tag without comment sign": (marked("{0} @audit this can be empty"), (V.ANNOTATED,)),
    "mark in front": (marked("👉 {0}"), (V.ANNOTATED,)),
    "proposed patch": (proposed, (V.ANNOTATED,)),
}


def foreign(sample: Sample, _: random.Random) -> Case:
    quote = sample.foreign
    if stands_at(sample, quote):
        return case(sample, quote, V.MOVED, V.EXACT, V.WHITESPACE, code=quote)
    known = set(squeezed(sample.lines))
    share = sum(line in known for line in squeezed(quote)) / len(squeezed(quote))
    return case(sample, quote, V.NOT_FOUND, *((V.EDITED, V.MOVED, V.ELIDED) if share >= 0.5 else ()), code=quote)


def foreign_numbered(sample: Sample, rng: random.Random) -> Case:
    plain = foreign(sample, rng)
    return replace(plain, quote="\n".join(f"{n:4d} | {line}" for n, line in enumerate(sample.foreign, sample.start)))


KINDS: dict[str, Kind] = {
    "verbatim": lambda s, _: case(s, s.text, V.EXACT),
    "dedented": lambda s, _: case(s, textwrap.dedent("\n".join(s.text)).split("\n"), V.EXACT),
    "first line without indentation": lambda s, _: spaced(s, [s.text[0].lstrip(), *s.text[1:]]),
    "tabs": lambda s, _: spaced(s, [re.sub(r"^(?: {4})+", lambda m: "\t" * (len(m[0]) // 4), line) for line in s.text]),
    "trailing blanks": lambda s, _: case(s, [f"{line}  " for line in s.text], V.WHITESPACE),
    "blank lines dropped": lambda s, _: case(
        s, [line for line in s.text if line.strip()], V.EXACT if all(line.strip() for line in s.text) else V.WHITESPACE
    ),
    "CRLF": lambda s, _: case(s, [f"{line}\r" for line in s.text], V.EXACT),
    "fenced": lambda s, _: case(s, ["```python", *s.text, "```"], V.EXACT),
    "numbered, right-aligned": numbers("{0:5d}  {1}"),
    "numbered, left-aligned": numbers("{0:<6d}{1}"),
    "numbered 1:": numbers("{0}:{1}"),
    "numbered 1: ": numbers("{0}: {1}"),
    "numbered 1 |": numbers("{0} | {1}"),
    "numbered, tab": numbers("{0}\t{1}"),
    "numbered L1": numbers("L{0} {1}"),
    "elided ...": elided("..."),
    "elided # ...": elided("    COMMENT ..."),
    "elided [...]": elided("[...]"),
    "numbered and elided": elided("...", "{0:4d} {1}"),
    "numbered, numbers jump": elided("none", "{0}: {1}"),
    "wrong numbers, elided": elided("...", "{0:4d} {1}", 500_000),
    "wrong range": wrong_range,
    "wrong range, elided": wrong_range_elided,
    "wrong numbers": wrong_numbers,
    "dropped line": dropped_line,
    "changed identifier": renamed,
    "changed identifier, numbered": renamed_numbered,
    "changed identifier, wrong range": edited_elsewhere,
    "if -> if not": negated,
    "lines swapped": swapped,
    "annotated @audit": annotated("LINE  COMMENT @audit this can be empty"),
    "annotated <--": annotated("LINE COMMENT <-- here"),
    "annotated, own line": annotated("COMMENT @audit-issue why?\nLINE"),
    "annotated @>": annotated("@> LINE"),
    **{name: dressed(dress, *verdicts) for name, (dress, verdicts) in DRESSES.items()},
    **{f"{name}, changed": dressed_edit(dress) for name, (dress, _) in DRESSES.items()},
    "another file's": foreign,
    "another file's, numbered": foreign_numbered,
}


def is_right(wanted: Case, found: Check, sample: Sample) -> bool:
    """The verdict is one of the right ones, and the lines said to be found are those quoted, at their claimed place or not."""
    if found.verdict not in wanted.right:
        return False
    if found.verdict is V.NOT_FOUND:
        return not found.found
    numbers = [number for region in found.found for number in range(region.start_line, region.end_line + 1)]
    texts = squeezed([sample.lines[number - 1] for number in numbers])
    if V.EDITED in (found.verdict, found.text):
        code = squeezed(wanted.code)
        common = sum((Counter(texts) & Counter(code)).values())
        return bool(found.differences) and common * 2 >= min(len(texts), len(code))
    is_claimed = any(any(number in region for region in found.claimed) for number in numbers)
    if V.COMMENTS in (found.verdict, found.text):
        return [line.partition("#")[0] for line in _drop_comments(texts)] == [
            line.partition("#")[0] for line in _drop_comments(squeezed(wanted.code))
        ]
    return texts == squeezed(wanted.code) and (found.verdict is V.MOVED or is_claimed)


def samples(repository: Repository, commit: str, count: int, rng: random.Random) -> list[Sample]:
    """Random snippets of 5 to 25 lines, at most four of a file, that hold something to be recognised by."""
    files = [(path, id) for path, id in repository.files(commit) if language_of(path) in CODE]
    rng.shuffle(files)
    taken: list[Sample] = []
    before: tuple[str, ...] | None = None
    for path, id in files:
        content = repository.blob(id)
        text = decode(content)
        if len(content) > LARGEST or not isinstance(text, Text):
            continue
        lines = text.lines
        snippet = _snippet(lines, rng)
        if snippet is None:
            continue
        for _ in range(4):
            start, end = _snippet(lines, rng) or snippet
            if before is not None:
                taken.append(Sample(path, lines, start, end, before))
        before = lines[snippet[0] - 1 : snippet[1]]
        if len(taken) >= count * 4:
            break
    return rng.sample(taken, min(count, len(taken)))


def _snippet(lines: Sequence[str], rng: random.Random) -> tuple[int, int] | None:
    for _ in range(20):
        count = rng.randint(5, 25)
        if len(lines) < count:
            continue
        start = rng.randint(1, len(lines) - count + 1)
        text = lines[start - 1 : start - 1 + count]
        informative = sum(sum(map(str.isalnum, line)) >= 6 for line in text)
        if informative >= 4 and text[0].strip() and text[-1].strip() and max(map(len, text)) < 500:
            return start, start + count - 1
    return None


def judge(taken: Sequence[Sample], rng: random.Random, *, shown: int) -> float:
    """Prints a table of the kinds; the share that is right."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    wrong: dict[str, Counter[str]] = {}
    seconds = dict.fromkeys(KINDS, 0.0)
    for sample in taken:
        file = index_lines(sample.lines, language_of(sample.path))
        for kind, make in KINDS.items():
            made = make(sample, rng)
            if made is None:
                continue
            start = time.process_time()
            found = check_quote(made.quote, file, [made.cited])
            seconds[kind] += time.process_time() - start
            total[kind] += 1
            if is_right(made, found, sample):
                right[kind] += 1
                continue
            wrong.setdefault(kind, Counter())[str(found.verdict)] += 1
            if shown > 0:
                shown -= 1
                wanted = " or ".join(sorted(made.right))
                print(f"--- {kind}: {found.verdict}/{found.text}, not {wanted}; {sample.path} {made.cited}\n{made.quote}\n")
    for kind in KINDS:
        share = right[kind] / max(total[kind], 1)
        each = seconds[kind] / max(total[kind], 1) * 1e3
        print(f"{kind:34} {total[kind]:5} {share:8.1%} {each:7.2f} ms  {dict(wrong.get(kind, {})) or ''}")
    share = right.total() / max(total.total(), 1)
    print(f"{'all':34} {total.total():5} {share:8.2%}")
    return share


def timed(path: Path, revision: str, rng: random.Random, count: int) -> None:
    """Prints the CPU seconds, git's included, of opening a repository, reading `count` snippets and checking their quotes."""
    with open_repository(path, name="audited") as repository:
        commit = repository.commit_of(revision) or ""
        taken = samples(repository, commit, count, rng)
    findings = {}
    for number, sample in enumerate(taken):
        made = rng.choice([KINDS["verbatim"], KINDS["numbered 1: "], KINDS["elided ..."], KINDS["wrong range"]])(sample, rng)
        made = made or case(sample, sample.text, V.EXACT)
        location = {"path": sample.path, "lines": str(min(made.cited.start_line, len(sample.lines))), "quote": made.quote}
        if made.cited.end_line <= len(sample.lines):
            location["lines"] = str(made.cited)
        findings[f"B-{number}"] = Finding.model_validate(
            {"title": "x", "severity": "low", "description": "x", "locations": [location]}
        )
    engagement = Engagement.model_validate({"title": "x", "repositories": {"audited": {"commit": commit}}})
    before = os.times()
    with open_repository(path, name="audited") as repository:
        found = resolve(engagement, findings, {"audited": repository})
    after = os.times()
    own = after.user + after.system - before.user - before.system
    git = after.children_user + after.children_system - before.children_user - before.children_system
    files = len({sample.path for sample in taken})
    verdicts = Counter(str(s.check.verdict) for listed in found.snippets.values() for s in listed)
    print(f"\n{len(taken)} snippets of {files} files, quotes {dict(verdicts)}")
    print(f"{own:.2f} s here + {git:.2f} s git = {own + git:.2f} s CPU")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repository", type=Path)
    parser.add_argument("--revision", default="HEAD")
    parser.add_argument("--snippets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="print this many of the wrong ones")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with open_repository(arguments.repository, name="audited") as repository:
        commit = repository.commit_of(arguments.revision)
        if commit is None:
            print(f"{arguments.revision} names no commit", file=sys.stderr)
            return 4
        taken = samples(repository, commit, arguments.snippets, rng)
    print(f"{len(taken)} snippets, {len(KINDS)} kinds, commit {commit}, seed {arguments.seed}")
    share = judge(taken, rng, shown=arguments.show)
    timed(arguments.repository, arguments.revision, rng, 1000)
    return 0 if share >= 0.99 else 1


if __name__ == "__main__":
    sys.exit(main())
