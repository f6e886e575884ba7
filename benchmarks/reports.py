"""Reads findings out of published Markdown reports, by the ordinal of their heading, from clones.

The text stays in the clones: a labelled set names repositories, commits, paths, ordinals and digests only.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from findings_report.model.evidence import Region
from findings_report.sourcecode.languages import language_of
from findings_report.sourcecode.lines import split_lines
from findings_report.sourcecode.symbols import find_enclosing, find_symbols

_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*)")
_NUMBER = re.compile(r"(?:Issue [HM]-\d+:|\\?\[[A-Za-z]+-?\s?\d+\\?\]|\d+\\?\.\s)\s*")
_LINK = re.compile(r"https?://github\.com/([^/\s)]+/[^/\s)]+)/blob/([^/\s)]+)/([^#\s)]+)#L(\d+)(?:C\d+)?(?:-L?(\d+))?")


@dataclass(frozen=True)
class Source:
    """The place of a finding."""

    repository: str
    """owner/name on the forge."""
    revision: str
    """Full commit hash."""
    path: str
    """The report, from the repository's root."""
    heading: int
    """0-based ordinal of the finding's heading among all headings of the report."""
    title: str
    """sha256, hexadecimal, of the heading's text, so that a changed clone is noticed."""


@dataclass(frozen=True)
class Cited:
    """Lines that a finding links to."""

    repository: str
    revision: str
    path: str
    region: Region


@dataclass(frozen=True)
class Told:
    """A finding as in its report."""

    heading: str
    """The heading's text, its number included."""
    body: str
    """What follows, up to the next heading of the same or a higher level."""

    @property
    def title(self) -> str:
        """The heading without the number that would give the finding away."""
        return _NUMBER.sub("", self.heading, count=1).strip(" :.*")

    @property
    def cited(self) -> tuple[Cited, ...]:
        """The lines it links to, each once, in order."""
        found = (
            Cited(name.lower(), revision, path, Region(start_line=int(start), end_line=max(int(end or start), int(start))))
            for name, revision, path, start, end in _LINK.findall(f"{self.heading}\n{self.body}")
        )
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Clones:
    """A folder of clones, as owner/name or owner+name: working clones, bare ones, or folders with one as `repo`."""

    folder: Path

    def text(self, repository: str, revision: str, path: str) -> str | None:
        """A file at a revision; None when there is no such clone, revision or file."""
        git = self._git_of(repository)
        if git is None:
            return None
        command = ["git", "--git-dir", str(git), "cat-file", "blob", f"{revision}:{path}"]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

    def _git_of(self, repository: str) -> Path | None:
        wanted = (repository.lower(), repository.replace("/", "+").lower())
        for path in (*self.folder.glob("*"), *self.folder.glob("*/*")):
            if str(path.relative_to(self.folder)).lower() in wanted:
                return next(
                    (git for git in (path / ".git", path / "repo" / ".git", path / "repo", path) if (git / "HEAD").exists()),
                    None,
                )
        return None


@cache
def report(clones: Clones, repository: str, revision: str, path: str) -> tuple[Told, ...]:
    """Every heading of a report with what follows it. Raises SystemExit if the report is missing."""
    text = clones.text(repository, revision, path)
    if text is None:
        raise SystemExit(f"{repository} {revision[:12]} {path}: no such report in the clones")
    lines = text.split("\n")
    found = list(_headings(lines))
    ends = (
        next((line for line, level, _ in found[index + 1 :] if level <= found[index][1]), len(lines))
        for index in range(len(found))
    )
    return tuple(Told(title, "\n".join(lines[line + 1 : end])) for (line, _, title), end in zip(found, ends, strict=True))


def _headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    is_fenced = False
    for number, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            is_fenced = not is_fenced
        elif not is_fenced and (match := _HEADING.match(line)):
            yield number, len(match[1]), match[2].strip()


def finding(clones: Clones, source: Source) -> Told:
    """The finding at `source`. Raises SystemExit when it is not the one that was labelled."""
    told = report(clones, source.repository, source.revision, source.path)
    if source.heading >= len(told) or digest(told[source.heading].heading) != source.title:
        raise SystemExit(f"{source.repository} {source.path}: heading {source.heading} is not the one that was labelled")
    return told[source.heading]


def digest(title: str) -> str:
    """How a title is named in the labelled set."""
    return hashlib.sha256(title.encode()).hexdigest()


@cache
def symbol_of(clones: Clones, cited: Cited) -> str | None:
    """The function or class around the lines; None without a clone of the code, or when there is none.

    A branch is read at the clone's HEAD: contest repositories are frozen when the contest begins.
    """
    text = clones.text(cited.repository, cited.revision, cited.path) or clones.text(cited.repository, "HEAD", cited.path)
    if text is None:
        return None
    symbol = find_enclosing(find_symbols(split_lines(text), language_of(cited.path)), cited.region)
    return symbol.name if symbol else None
