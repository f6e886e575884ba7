"""A prose review in Markdown, read as findings and texts of the engagement. Pure, and deterministic: parsing, no guessing.

The lines of the source are divided among the findings and the engagement. Of them only labels are dropped: headings such as
`### Impact` whose place is a field, and the words that name a severity or a status. `find_lost_words` proves it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Final

from findings_report.importing.ratings import AFTER_RATING, MATRIX, MOST_TITLE, RATINGS, Severities, read_status
from findings_report.importing.review_blocks import (
    ANY_ID,
    BOLD_HEADING,
    INLINE_LABEL,
    LABELS,
    NUMBER,
    OTHER,
    OWN_ID,
    PREFIXED,
    Fence,
    Heading,
    Item,
    ReviewBlocks,
    bare_heading,
    bare_title,
    find_labels_of_links,
    is_citation,
    match_id,
    read_label,
)
from findings_report.importing.summary_tables import (
    SummaryRow,
    find_id_key,
    find_row,
    find_target,
    find_title_key,
    is_same,
    read_rows,
)
from findings_report.model.finding import Status

_PROSE: Final = ("description", "summary", "impact", "scenario", "proof", "recommendation", "response")
_PARTS: Final = frozenset({"description", "impact", "scenario", "proof", "recommendation"})
"""Fields that belong to the finding above, and not to the review."""

_GENERIC: Final = re.compile(
    r"(?:(?:detailed|all|the|security|audit|summary of|list of|technical) )*"
    r"(?:findings?|issues?|vulnerabilities|results|details|report|defects|detailed results)(?: details| summary)?"
    r"(?: ?\([0-9]+\))?:?",
    re.IGNORECASE,
)
_FINDINGS: Final = re.compile(
    r"(?:(?:detailed|all|the|security|audit|key|main|identified|potential|specific|performance|quality|code|other) )*"
    r"(?:findings?|issues?|vulnerabilities|defects|bugs|weaknesses|concerns|problems)"
    r"(?: (?:found|identified|detected|in detail|details|and recommendations))?(?: ?\([0-9]+\))?:?",
    re.IGNORECASE,
)
"""A heading whose parts are findings."""
_ASIDE: Final = re.compile(r"(?:tools?(?: used)?|relevant github links|github links|links|references?):?", re.IGNORECASE)
"""Headings in findings that are no field."""
_NOTHING: Final = re.compile(
    r"\W*(?:not found|none(?: found)?|n/?a|nothing(?: found)?|no .{0,40}(?:found|identified|reported)|无|未发现.{0,20})\W*",
    re.IGNORECASE,
)
"""A heading of a group without findings."""
_INTRODUCES: Final = re.compile(
    r"(?:table of )?contents|toc|introduction|overview|summary|methodology|codebase impressions|disclaimer|目录|概述",
    re.IGNORECASE,
)
"""A heading of a group of findings that is about the group."""
_PLAN: Final = re.compile(
    r"\W*+(?:[0-9.]++ )?(?:.{0,40}\b)?(?:plan|roadmap|next steps|priorities|prioriti[sz]ation|recommendations|summary"
    r"|conclusions?|checklist|(?:positive|good) .{1,40}|strengths)\b.{0,20}",
    re.IGNORECASE,
)
"""A heading of what is to be done, or went well."""
_OVERVIEW: Final = re.compile(
    r"\b(?:matrix|summary|overview|priorit\w{1,10}|plan|statistics|scorecard|roadmap|score|heat ?map)\b", re.IGNORECASE
)
"""A heading of a table about findings that have a section each."""
_CONCLUDES: Final = re.compile(r"(?:Overall|In conclusion|In summary|To conclude|总之|总体)\b[,，]?", re.IGNORECASE)
_WEAKNESS: Final = re.compile(r"(?<!\w)CWE-0*([1-9][0-9]{0,5})(?!\w)")
_WEAKNESS_LINE: Final = re.compile(r"[ >|*_-]{0,12}CWE(?:[ -]?IDs?)?[*_]{0,3} {0,3}[:：|][*_]{0,3}")
_WORDS: Final = re.compile(r"[^\W_]+")

_REPLY: Final = re.compile(r"[ >]{0,6}(?:\*\*|__)(?P<who>[^*_\n]{1,80})(?:\*\*|__)(?P<sign>[^\w\n]{0,4})(?P<reply>\w.*)")
_REPLIES: Final = frozenset((Status.PARTIALLY_RESOLVED, Status.RISK_ACCEPTED, Status.ACKNOWLEDGED, Status.RESOLVED))

Chunks = tuple[str | Fence, ...]
"""A text, in parts."""


@dataclass(frozen=True)
class ReviewedFinding:
    """A finding as the review has it."""

    key: str
    """The name by which the next import recognises it: its own id, else its title."""
    own_id: str | None
    """The id in its heading."""
    title: str
    """One line."""
    line: int
    """0-based line of its heading."""
    category: str | None
    """The words before the title, or of the heading above."""
    severity: str | None
    """A name of the engagement's scale, else of the default scale."""
    status: Status | None
    """None if nothing says it."""
    texts: Mapping[str, Chunks]
    """Texts by field; `description` is always one of them."""
    cited: Chunks
    """The texts that only name places in the code."""
    url: str | None
    """Target of the heading's link."""
    cwe: tuple[str, ...] = ()
    """Weakness ids of its heading, and of lines and rows that begin with `CWE`; they stay in the texts."""
    unread: tuple[str, ...] = ()
    """Lines of severity and status that say more than one thing, or none for certain; they are in the texts."""
    target: str | None = None
    """The Markdown file that its row or heading links to, which may have more about it."""


@dataclass(frozen=True)
class EngagementText:
    """A text of the whole review."""

    field: str
    """summary, recommendation, conclusion or sections."""
    title: str
    """The heading above it; empty if it has none."""
    text: str
    """Markdown."""


@dataclass(frozen=True)
class Review:
    """A review, divided."""

    findings: tuple[ReviewedFinding, ...]
    """In the order of the text."""
    texts: tuple[EngagementText, ...]
    """The texts outside of findings, in the order of the text."""
    dropped: tuple[str, ...]
    """Labels and other words of the source whose meaning is in a field, or in its name."""
    unread: tuple[tuple[int, str], ...]
    """Headings, each with its 0-based line, that begin with an id and are no findings."""
    linked: tuple[SummaryRow, ...] = ()
    """Rows and headings of an index page about findings of other files; they stay in the texts."""


@dataclass
class _Section:
    """Lines of a finding that belong to one field."""

    field: str
    first: int
    last: int
    head: str = ""
    """Text instead of the part of the first line that is before `first`."""


@dataclass
class _Draft:
    heading: Heading
    last: int
    severity: str | None = None
    parent: Heading | None = None
    """The heading above that names its kind."""


def read_review(
    text: str,
    scale: Sequence[str] = (),
    path: str = "",
    *,
    is_elsewhere: Callable[[str], bool] = lambda _: False,
    rows: Sequence[SummaryRow] = (),
) -> Review:
    """Return the findings and texts of a review; no findings where none is recognised.

    `scale` has the engagement's severities, whose names go before those of the default scale. `path` is the file's: the names
    of file and folder may rate the findings, as in `High-Risk/reentrancy.md`. `is_elsewhere` returns True for a link to a
    file whose findings are imported; `rows` are those of an index page about the findings of this file.

    Raises FindingsReportError (INPUT), without a place, for more than MOST_HEADINGS headings.
    """
    blocks = ReviewBlocks(text.replace("\r\n", "\n").replace("\r", "\n"), Severities(scale))
    return _ReviewReader(blocks, path).read(is_elsewhere, rows)


def find_lost_words(source: str, kept: Iterable[str]) -> list[str]:
    """Return the words of `source` that are in `kept` fewer times, in the order of the source, with repetitions."""
    missing = Counter(_WORDS.findall(source))
    for text in kept:
        missing.subtract(_WORDS.findall(text))
    return [word for word, count in missing.items() for _ in range(count)]


class _ReviewReader:
    def __init__(self, blocks: ReviewBlocks, path: str) -> None:
        severities = blocks.severities
        self.blocks = blocks
        self.severities = severities
        self.path_severity = severities.read_path(path) if path else None
        self.dropped: list[str] = []
        self.placed_links: set[str] = set()
        self._index_blocks()

    def _index_blocks(self) -> None:
        self.lines, self.headings, self.fences = self.blocks.lines, self.blocks.headings, self.blocks.fences
        self._lines_of_headings = [heading.first for heading in self.headings]
        self._titles = [heading for heading in self.headings if heading.level < INLINE_LABEL]
        self._lines_of_titles = [heading.first for heading in self._titles]
        self._lines_of_fences = [first for first, _, _ in self.fences]
        self._lines_of_tables = [table.first for table in self.blocks.tables]

    def read(self, is_elsewhere: Callable[[str], bool], index: Sequence[SummaryRow]) -> Review:
        drafts, linked = self._divide_linked(self._find_findings(), is_elsewhere)
        stated = self._read_severity_before(drafts)
        rows = self._read_summaries(drafts)
        found: list[ReviewedFinding] = []
        joined: set[int] = set()
        for draft in drafts:
            name = self._name(draft)
            row = find_row(rows, *name)
            joined.update(other.line for other in rows if row is not None and is_same(other, row))
            # A page about one weakness is what its row links to, whatever both are called.
            of_index = index[0] if len(drafts) == len(index) == 1 else find_row(index, *name)
            found.append(self._read_finding(draft, row or of_index, stated or self.path_severity))
        linked += [row for row in rows if row.line not in joined and row.target and is_elsewhere(row.target)]
        joined.update(row.line for row in linked)
        alone = [
            row for row in rows if row.line not in joined and self._is_finding(row) and not (drafts and self._is_overview(row))
        ]
        found += self._read_alone(alone)
        findings = tuple(sorted(found, key=lambda finding: finding.line))
        texts = tuple(self._read_rest(drafts))
        if left := [line for label, line in self.blocks.links.items() if label not in self.placed_links]:
            texts = (*texts, EngagementText("sections", "Links", "\n".join(left)))
        read = {draft.heading.first for draft in drafts}
        unread = tuple(
            (heading.first, heading.text[:MOST_TITLE])
            for heading in self.headings
            if heading.level < INLINE_LABEL and heading.first not in read and ANY_ID.match(heading.text)
        )
        unread = tuple(entry for entry in unread if entry[0] not in joined)
        return Review(findings, texts, tuple(self.dropped), unread, tuple(linked))

    def _divide_linked(
        self, drafts: Sequence[_Draft], is_elsewhere: Callable[[str], bool]
    ) -> tuple[list[_Draft], list[SummaryRow]]:
        """Return the findings of this text, and a row for each whose heading links to a file of its own."""
        own: list[_Draft] = []
        linked: list[SummaryRow] = []
        for draft in drafts:
            target = find_target(url := bare_heading(draft.heading.text)[1])
            if target is None or not is_elsewhere(target):
                own.append(draft)
                continue
            own_id, title = self._name(draft)
            linked.append(SummaryRow(draft.heading.first, own_id, None, title, url, draft.severity or "", "", "", ()))
        return own, linked

    def _add_links(self, text: str) -> str:
        """Return the definitions of the links that a text uses."""
        labels = [label for label in dict.fromkeys(find_labels_of_links(text)) if label in self.blocks.links]
        self.placed_links.update(labels)
        return "\n".join(self.blocks.links[label] for label in labels)

    # --- Findings

    def _find_findings(self) -> list[_Draft]:
        named = [heading for heading in self.headings if heading.level < INLINE_LABEL and heading.field is None]
        drafts = list(self._find_named(named))
        taken = [(draft.heading.first, draft.last) for draft in drafts]
        # Where findings have ids, a rating alone makes no other one.
        has_ids = any(match_id(bare_heading(draft.heading.text)[0]) for draft in drafts)
        for heading in sorted(named, key=lambda heading: -heading.level):
            last = self._end(heading)
            is_free = all(end <= heading.first or last <= start for start, end in taken)
            # A rated heading with a link to its issue is one: reviews of fixes add findings that have no ids.
            is_rated = not has_ids or (bare_heading(heading.text)[1] or "").startswith("https://")
            if is_free and not self.severities.is_group(heading.text) and self._has_fields(heading, last, is_rated=is_rated):
                drafts.append(_Draft(heading, last))
                taken.append((heading.first, last))
        if not has_ids:
            drafts += self._find_items(drafts) or self._find_below_findings(drafts)
        if not drafts and self.path_severity is not None:
            # The whole file is about one weakness, or has nothing but findings.
            # Deeper headings are its parts.
            top = min((heading.level for heading in named), default=0)
            drafts += [_Draft(heading, self._end(heading)) for heading in named if heading.level == top]
        drafts = drafts or self._find_in_file()
        drafts.sort(key=lambda draft: draft.heading.first)
        for draft in drafts:
            self._read_ancestors(draft)
        return drafts

    def _find_named(self, named: Sequence[Heading]) -> Iterator[_Draft]:
        """Yield the findings whose heading says that it is one, or is right below a severity."""
        end = 0
        groups: list[tuple[Heading, int, int]] = []
        with_ids = sum(match_id(bare_heading(heading.text)[0]) is not None for heading in named)
        planned = set(self._find_planned())
        for position, heading in enumerate(named):
            if heading.first < end:
                continue
            groups = [group for group in groups if heading.first < group[1]]
            is_grouped = bool(groups) and heading.level == groups[-1][2] and heading.level > groups[-1][0].level
            # `3. Minor issues` among numbered findings is one of them.
            if self.severities.is_group(heading.text) and not (is_grouped and NUMBER.match(heading.text)):
                below = named[position + 1 : position + 2]
                end_of_group = self._end(heading)
                inside = [other for other in named[position + 1 : position + 200] if other.first < end_of_group]
                # Where findings have ids, a heading without one is about all of them, as `Gas report` is.
                has_ids = with_ids > 1 and any(match_id(bare_heading(other.text)[0]) for other in inside)
                groups.append((heading, end_of_group, below[0].level if below and not has_ids else 0))
                continue
            text = bare_heading(heading.text)[0]
            if (
                match_id(text)
                or PREFIXED.match(bare_title(text)[0])
                or (with_ids < 2 and heading.first not in planned and self._is_rated(text))
                or (is_grouped and not any(kind.fullmatch(text) for kind in (_GENERIC, _NOTHING, _INTRODUCES)))
            ):
                end = self._end_of_finding(heading)
                yield _Draft(heading, end)

    def _find_items(self, drafts: Sequence[_Draft]) -> list[_Draft]:
        """Return the findings that are points of a list, or paragraphs: below a severity, or rated themselves.

        Their lines become headings, so what `drafts` have stays true.
        """
        planned = set(self._find_planned())
        inside = {number for draft in drafts for number in range(draft.heading.first, draft.last)}
        items = self.blocks.items
        fields = {item.group for item in items if read_label(item.title)[0] is not None}
        ends = [*(item.first for item in items if item.is_paragraph), len(self.lines)]
        chosen: list[Item] = []
        for item in items:
            above = self._heading_above(item.first)
            if (
                item.group in fields
                or self._is_about(item.title)
                or item.first in inside
                or (above is not None and (above.first in planned or _is_plan(above)))
            ):
                continue
            if item.is_paragraph:
                # A paragraph goes on until the next one, or a heading.
                next_title = bisect_right(self._lines_of_titles, item.first)
                end = self._lines_of_titles[next_title] if next_title < len(self._titles) else ends[-1]
                item = replace(item, last=min(end, ends[bisect_right(ends, item.first)]))
            is_grouped = above is not None and self.severities.is_group(above.text)
            is_listed = above is not None and bool(_FINDINGS.fullmatch(bare_title(above.text)[0])) and item.is_numbered
            is_rated = not drafts and (self._is_rated(item.title) or (item.is_numbered and self.blocks.states_severity(item)))
            if is_grouped or is_rated or (is_listed and not drafts):
                chosen.append(item)
        if not chosen:
            return []
        self.dropped += self.blocks.promote(chosen)
        self._index_blocks()
        ends_of_items = {item.first: item.last for item in chosen}
        return [_Draft(heading, ends_of_items[heading.first]) for heading in self.headings if heading.first in ends_of_items]

    def _heading_above(self, line: int) -> Heading | None:
        before = bisect_left(self._lines_of_titles, line)
        return self._titles[before - 1] if before else None

    def _find_below_findings(self, drafts: Sequence[_Draft]) -> Iterator[_Draft]:
        """Yield the headings right below one such as `Findings`, where no other finding is recognised."""
        if drafts:
            return
        named = [heading for heading in self._titles if heading.field is None]
        last = 0
        for group in named:
            if group.first < last or not _FINDINGS.fullmatch(bare_title(group.text)[0]):
                continue
            end = self._end(group)
            below = [heading for heading in named if group.first < heading.first < end]
            level = min((heading.level for heading in below), default=0)
            for heading in below:
                is_about = self._is_about(bare_title(heading.text)[0]) or _PLAN.fullmatch(heading.text)
                if heading.level == level and not is_about:
                    last = self._end_of_finding(heading)
                    yield _Draft(heading, last)

    def _find_planned(self) -> Iterator[int]:
        """Yield the lines of the headings below a summary, a recommendation or a plan, which name findings once more."""
        level: int | None = None
        for heading in self._titles[1:]:
            if level is not None and heading.level > level:
                yield heading.first
            else:
                level = heading.level if _is_plan(heading) else None

    def _is_rated(self, text: str) -> bool:
        """Return True for a heading of a severity and a title."""
        _, _, title, severity = self._read_title(text)
        return severity is not None and not self._is_about(title)

    def _is_about(self, title: str) -> bool:
        """Return True for the title of a part of a finding, or of a group of findings."""
        is_part = read_label(title)[0] is not None or self.severities.is_group(title)
        return is_part or any(kind.fullmatch(title) for kind in (_FINDINGS, _GENERIC, _NOTHING, _INTRODUCES, _ASIDE))

    def _find_in_file(self) -> list[_Draft]:
        """Return the findings of a text of nothing else: below a heading `Title`, or all of it below its first heading."""
        at = [heading for heading in self.headings if heading.level < INLINE_LABEL]
        titles = [heading for heading in at if heading.field == "title"]
        found: list[_Draft] = []
        ends = [*(heading.first for heading in titles), len(self.lines)][1:]
        for heading, last in zip(titles, ends, strict=True):
            line = next((number for number in range(heading.last, last) if self.lines[number].strip()), last)
            if (
                line < last
                and line not in self._lines_of_headings
                and not self.lines[line].lstrip().startswith(("```", "~~~", "|"))
            ):
                self.dropped.append(heading.text)
                found.append(_Draft(Heading(line, line + 1, 0, " ".join(self.lines[line].split())), last))
        if found or not at:
            return [draft for draft in found if self._has_fields(draft.heading, draft.last, least=1)]
        first = at[0]
        parts = {heading.field for heading in at[1:] if heading.field is not None}
        is_only = all(heading.level > first.level or heading.field is not None or first.level > 1 for heading in at[1:])
        is_title = first.field is None and not self.severities.is_group(first.text) and not _GENERIC.fullmatch(first.text)
        if is_title and is_only and len(parts - RATINGS - {"conclusion", "summary"}) > 1:
            return [_Draft(replace(first, level=0), len(self.lines))]
        return []

    def _has_fields(self, heading: Heading, last: int, least: int = 2, *, is_rated: bool = True) -> bool:
        fields: set[str] = set()
        for other in self._headings_after(heading):
            if other.first >= last or other.field is None:
                break
            # Two severities below one heading are those of two findings.
            if other.field == "severity" and "severity" in fields:
                return False
            fields.add(other.field)
        parts = fields - RATINGS - {"conclusion", "title", OTHER}
        return ("severity" in fields and (is_rated or bool(parts))) or len(parts) >= least + (
            least > 1 and "description" not in fields
        )

    def _end(self, heading: Heading) -> int:
        """Return the line after what is below a heading."""
        for other in self._headings_after(heading):
            if other.level <= heading.level:
                return other.first
        return len(self.lines)

    def _end_of_finding(self, heading: Heading) -> int:
        """Return the line after a finding: parts that it does not have yet belong to it also with a heading of its level."""
        used: set[str] = set()
        for position, other in enumerate(self._headings_after(heading)):
            is_part = (other.field in _PARTS and other.field not in used) or (
                # `Summary` and `Tools used` are parts only between a finding and another one.
                (other.field in ("summary", "locations") and other.field not in used) or bool(_ASIDE.fullmatch(other.text))
            )
            is_doubtful = other.field not in _PARTS or other.field == "recommendation"
            is_next = position == 0 and other.field == "summary"
            if other.level < heading.level or (
                other.level == heading.level
                and not (is_part and (not is_doubtful or is_next or self._precedes_finding(heading, position)))
            ):
                return other.first
            used.add(other.field or "")
        return len(self.lines)

    def _headings_after(self, heading: Heading) -> Iterator[Heading]:
        return islice(self.headings, bisect_right(self._lines_of_headings, heading.first), None)

    def _precedes_finding(self, heading: Heading, position: int) -> bool:
        """Return True if a finding with an id is behind the heading at `position` after `heading`."""
        return any(OWN_ID.match(bare_heading(other.text)[0]) for other in islice(self._headings_after(heading), position, None))

    def _read_ancestors(self, draft: _Draft) -> None:
        level = draft.heading.level
        has_category = self._read_title(bare_heading(draft.heading.text)[0])[1] is not None
        for at in range(bisect_left(self._lines_of_headings, draft.heading.first) - 1, -1, -1):
            heading = self.headings[at]
            if level == 1:
                break
            if heading.level >= level or heading.level >= INLINE_LABEL:
                continue
            level = heading.level
            if self.severities.is_group(heading.text):
                draft.severity = draft.severity or self.severities.name_group(heading.text)
            elif not has_category and level > 1 and heading.field is None and not _GENERIC.fullmatch(heading.text):
                draft.parent = draft.parent or heading

    def _name(self, draft: _Draft) -> tuple[str | None, str]:
        own_id, _, title, _ = self._read_title(bare_heading(draft.heading.text)[0])
        return own_id, title

    def _read_severity_before(self, drafts: Sequence[_Draft]) -> str | None:
        """Return the severity that a line of its own gives before the only finding of the text."""
        if len(drafts) != 1:
            return None
        before = [number for number in range(drafts[0].heading.first) if self.severities.is_word(self.lines[number])]
        if len(before) != 1 or len(self.lines[before[0]].strip()) < 3:
            return None
        line = self.lines[before[0]]
        self.dropped.append(line)
        self.lines[before[0]] = ""
        return self.severities.name(line)

    def _read_summaries(self, drafts: Sequence[_Draft]) -> list[SummaryRow]:
        """Return the rows of the tables of findings that are in no finding."""
        inside = [(draft.heading.first, draft.last) for draft in drafts]
        tables = [table for table in self.blocks.tables if not any(first <= table.first < last for first, last in inside)]
        return [self._rate_row(row) for table in tables for row in read_rows(table)]

    def _is_overview(self, row: SummaryRow) -> bool:
        """Return True for a row without an id below a heading by which it names findings in short: `Risk Assessment Matrix`."""
        above = self._heading_above(row.line)
        return row.own_id is None and above is not None and _OVERVIEW.search(above.text) is not None

    def _rate_row(self, row: SummaryRow) -> SummaryRow:
        """Return a row with the severity of the heading above, if it gives none itself."""
        above = self._heading_above(row.line)
        is_grouped = not row.severity and above is not None and self.severities.is_group(above.text)
        return replace(row, severity=self.severities.name_group(above.text) or "") if above is not None and is_grouped else row

    def _is_finding(self, row: SummaryRow) -> bool:
        """Return True for a row without a section that has a title, and a severity or an id."""
        is_title = bool(_WORDS.search(row.title)) and not self.severities.is_group(row.title) and not row.title.startswith("~~")
        has_id = row.own_id is not None and ANY_ID.match(f"[{row.own_id}]") is not None
        return is_title and (self.severities.read(row.severity)[0] is not None or (has_id and bool(row.status)))

    def _read_alone(self, rows: Sequence[SummaryRow]) -> Iterator[ReviewedFinding]:
        """Yield the findings that are only rows; a table of nothing else is taken out of the text."""
        by_name: dict[tuple[str, tuple[str, ...]], SummaryRow] = {}
        for row in rows:
            by_name.setdefault((find_id_key(row.own_id or ""), find_title_key(row.title)), row)
        lines = {row.line for row in by_name.values()}
        for table in self.blocks.tables:
            if table.rows and all(line in lines for line, _ in table.rows):
                self.dropped += table.head
                self.lines[table.first : table.last] = [""] * (table.last - table.first)
        yield from map(self._read_row, by_name.values())

    def _read_row(self, row: SummaryRow) -> ReviewedFinding:
        severity, is_alone = self.severities.read(row.severity)
        status = read_status(row.status)
        letter = self._rate_letter(row.own_id)
        texts = [row.description] if row.description else []
        fields: dict[str, Chunks] = {}
        cited: list[str | Fence] = []
        for heading, cell in row.others:
            name = read_label(heading)[0]
            if name in _PROSE and name != "description" and name not in fields:
                fields[name] = (cell,)
            elif name == "locations" and is_citation(cell):
                _add_cited(cited, [f"{cell}\n"])
            else:
                texts.append(f"**{heading.strip(' *')}:** {cell}" if heading.strip(" *") else cell)
        self.dropped += [row.own_id or "", row.id_url or "", *(heading for heading, _ in row.others)]
        unread = []
        for cell, is_read, label in (
            (row.severity, severity is not None and is_alone, "Severity"),
            (row.status, status is not None and len(_WORDS.findall(row.status)) < 2, "Status"),
        ):
            if is_read:
                self.dropped.append(cell)
            elif cell:
                texts.append(f"**{label}:** {cell}")
                unread += [cell] if (severity if label == "Severity" else status) is None else []
        if len(row.title) > MOST_TITLE:
            texts.insert(0, row.title)
        is_web = row.url is not None and row.url.startswith(("https://", "http://"))
        if row.url is not None and not is_web:
            self.dropped.append(row.url)
        text = "\n\n".join(texts)
        text += f"\n\n{links}" if (links := self._add_links(text)) else ""
        return ReviewedFinding(
            key=row.own_id or row.title.casefold(),
            own_id=row.own_id if row.own_id and ANY_ID.match(f"[{row.own_id}]") else None,
            title=row.title[:MOST_TITLE],
            line=row.line,
            category=None,
            severity=severity or letter or self.path_severity,
            status=status,
            texts={"description": (text or row.title,), **fields},
            cited=tuple(cited),
            url=row.url,
            unread=tuple(unread),
            target=row.target,
        )

    def _rate_letter(self, own_id: str | None) -> str | None:
        return self.severities.name(re.split(r"[-0-9 ]", own_id)[0]) if own_id else None

    def _read_finding(self, draft: _Draft, row: SummaryRow | None, fallback: str | None) -> ReviewedFinding:
        heading = draft.heading
        text, url, decoration = bare_heading(heading.text)
        self.dropped.append(decoration)
        if url is not None and not url.startswith(("https://", "http://")):
            self.dropped.append(url)
        own_id, category, title, severity = self._read_title(text)
        self.dropped.append(text.replace(title, " ", 1))
        texts, cited, rating, status = self._sort_sections(self._divide(draft))
        for name, cell in self._read_table_of(draft):
            rating = rating or (self.severities.read(cell)[0] if name == "severity" else None)
            status = status or (read_status(cell) if name == "status" else None)
        if len(title) > MOST_TITLE:
            texts["description"] = [f"{title}\n\n", *texts.get("description", ())]
        if not _join(texts.get("description", ())).strip():
            # The field is required: the first text that there is takes its place.
            texts["description"] = texts.pop(next((name for name in _PROSE if _join(texts.get(name, ())).strip()), ""), [])
        status = status or self._find_reply(heading.last, draft.last)
        if row is not None:
            # What the section says itself goes first: tables are often older than the text.
            rating = rating or self.severities.read(row.severity)[0] or self._rate_letter(row.own_id)
            status = status or read_status(row.status)
        letter = self._rate_letter(own_id)
        unread = tuple(
            self.lines[number].strip()
            for number, name in self.blocks.doubtful
            if heading.first < number < draft.last and (rating if name == "severity" else status) is None
        )
        return ReviewedFinding(
            key=own_id or title.casefold(),
            own_id=own_id,
            title=title[:MOST_TITLE],
            line=heading.first,
            category=category or (draft.parent.text[:MOST_TITLE] if draft.parent is not None else None),
            severity=rating or severity or letter or draft.severity or fallback,
            status=status,
            texts={name: self._link(chunks) for name, chunks in texts.items() if _join(chunks).strip()}
            or {"description": (title,)},
            cited=self._link(cited),
            url=url,
            cwe=tuple(self._find_weaknesses(draft)),
            unread=unread,
            target=find_target(url),
        )

    def _find_weaknesses(self, draft: _Draft) -> Iterator[str]:
        """Yield the ids of weaknesses that a finding says it has, each once; prose may name others."""
        lines = self._prose(draft.heading.last, draft.last)
        stated = [line[match.end() :] for line in lines if (match := _WEAKNESS_LINE.match(line))]
        found = (match[1] for text in (draft.heading.text, *stated) for match in _WEAKNESS.finditer(text))
        yield from dict.fromkeys(f"CWE-{number}" for number in found)

    def _read_table_of(self, draft: _Draft) -> Iterator[tuple[str, str]]:
        """Yield the severity and status in the first table of a finding: a label and its value, in a row or in a column."""
        at = bisect_right(self._lines_of_tables, draft.heading.first)
        table = self.blocks.tables[at] if at < len(self.blocks.tables) else None
        rows = [table.head, *(cells for _, cells in table.rows)] if table is not None and table.first < draft.last else []
        pairs = [tuple(row) for row in rows if len(row) == 2] or ([*zip(*rows, strict=False)] if len(rows) == 2 else [])
        if len(rows) == 2 and pairs == rows:
            pairs += zip(*rows, strict=False)
        for label, cell in pairs:
            if (name := read_label(label)[0]) in RATINGS and name is not None:
                yield name, cell

    def _link(self, chunks: Sequence[str | Fence]) -> Chunks:
        """Return a text with the definitions of the links that it uses."""
        links = self._add_links("".join(chunk for chunk in chunks if isinstance(chunk, str)))
        return (*chunks, f"\n{links}\n") if links else tuple(chunks)

    def _sort_sections(
        self, sections: Sequence[_Section]
    ) -> tuple[dict[str, list[str | Fence]], list[str | Fence], str | None, Status | None]:
        """Return the texts by field, those that only name places, the severity, and the status."""
        texts: dict[str, list[str | Fence]] = {}
        cited: list[str | Fence] = []
        status: Status | None = None
        rating: str | None = None
        for section in sections:
            chunks = self._cut(section)
            if section.field in RATINGS:
                value = _join(chunks)
                word, rest = self._split_rating(section.field, value)
                if isinstance(word, Status):
                    status = word
                elif isinstance(word, str):
                    rating = rating or word
                self.dropped.append(value.removesuffix(rest))
                if rest.strip():
                    texts.setdefault("description", []).append(rest.strip("\n") + "\n\n")
            elif section.field == "locations" and all(isinstance(chunk, Fence) or is_citation(chunk) for chunk in chunks):
                _add_cited(cited, chunks)
            else:
                name = section.field if section.field in _PROSE else "description"
                text = texts.setdefault(name, [])
                # Parts of a field are paragraphs of their own.
                text += ["\n", *chunks] if text and chunks else chunks
        return texts, cited, rating, status

    def _divide(self, draft: _Draft) -> list[_Section]:
        """Return the lines below the heading of a finding by field."""
        sections = [_Section("description", draft.heading.last, draft.last, draft.heading.rest)]
        level, used = draft.heading.level, set[str]()
        for heading in self._headings_after(draft.heading):
            if heading.first >= draft.last:
                break
            # A heading below a field is a part of the field.
            is_part = heading.field is None and heading.level > level
            if is_part and sections[-1].field != "description":
                continue
            sections[-1].last = heading.first
            name = heading.field if heading.field not in ("conclusion", "title", OTHER) else None
            if name in RATINGS and heading.level < INLINE_LABEL:
                number = next((at for at in range(heading.last, draft.last) if self.lines[at].strip()), heading.first)
                line = heading.rest or self.lines[number]
                if not self.severities.states(name, line):
                    # An uncertain rating stays text, with its heading.
                    if not MATRIX.search(line) and (name == "status" or self.severities.mentions(line)):
                        self.blocks.doubtful.append((number, name))
                    name = None
            is_place = name == "locations" and heading.level == INLINE_LABEL
            if name is None or (name in used and name not in RATINGS and not is_place):
                # What has no field, or has it already, keeps its heading.
                sections.append(_Section(name or "description", heading.first, draft.last))
                level = draft.heading.level if name is None else heading.level
                continue
            used.add(name)
            level = min(heading.level, 6)
            if heading.level == INLINE_LABEL and (name in RATINGS or (is_place and heading.rest.strip())):
                # What follows belongs to the text before it.
                last = self._end_of_paragraph(heading) if is_place else heading.last
                previous = next((section.field for section in reversed(sections) if section.field in _PROSE), "description")
                sections += [_Section(name, heading.last, last, heading.rest), _Section(previous, last, draft.last)]
                self.dropped.append(heading.text)
                continue
            is_inline = heading.level == INLINE_LABEL
            self.dropped.append(heading.text if is_inline else heading.text.removesuffix(heading.rest))
            sections.append(_Section(name, heading.last, draft.last, heading.rest))
        return sections

    def _end_of_paragraph(self, label: Heading) -> int:
        """Return the line after the lines that a label has: up to a blank line, or the next label."""
        following = next(self._headings_after(label), None)
        end = following.first if following is not None else len(self.lines)
        return next((number for number in range(label.last, end) if not self.lines[number].strip()), end)

    def _cut(self, section: _Section) -> list[str | Fence]:
        return [*([section.head + "\n"] if section.head else []), *self._chunks(section.first, section.last)]

    def _chunks(self, first: int, last: int) -> Iterator[str | Fence]:
        at = first
        for start, end, fence in islice(self.fences, bisect_left(self._lines_of_fences, first), None):
            if start >= last:
                break
            if start >= at and end <= last:
                if start > at:
                    yield "\n".join(self.lines[at:start]) + "\n"
                yield fence
                at = end
        if at < last:
            yield "\n".join(self.lines[at:last]) + "\n"

    # --- The engagement

    def _read_rest(self, drafts: Sequence[_Draft]) -> Iterator[EngagementText]:
        starts = [0, *(draft.last for draft in drafts)]
        ends = [*(draft.heading.first for draft in drafts), len(self.lines)]
        parents = {draft.parent for draft in drafts}
        waiting: list[str] = []
        seen = False
        if self.blocks.front.strip():
            yield EngagementText("sections", "Front matter", f"```yaml\n{self.blocks.front}\n```")
        for first, last in zip(starts, ends, strict=True):
            inside = [heading for heading in self.headings if first <= heading.first < last and heading.level < BOLD_HEADING]
            cuts = [first, *(heading.first for heading in inside), last]
            for heading, (start, end) in zip([None, *inside], pairwise(cuts), strict=True):
                text = "\n".join(self.lines[heading.last if heading else start : end]).strip("\n")
                text += f"\n\n{links}" if (links := self._add_links(text)) else ""
                if text.strip("-*_ \t\n"):  # a rule alone is no text
                    yield from self._place_text(heading, waiting, text, is_first=not seen)
                    waiting, seen = [], True
                elif heading is not None:
                    is_plain = (
                        (heading.field and not heading.rest)
                        or self.severities.is_group(heading.text)
                        or _GENERIC.fullmatch(heading.text)
                    )
                    if is_plain:
                        self.dropped.append(heading.text)
                    elif heading not in parents:
                        waiting.append(heading.text)
        if waiting:
            yield EngagementText("sections", "Other headings", "\n".join(f"- {title}" for title in waiting))

    def _place_text(
        self, heading: Heading | None, above: Sequence[str], text: str, *, is_first: bool
    ) -> Iterator[EngagementText]:
        """Yield a text outside of findings with its field; `above` are headings that have no text of their own."""
        titles = [*above]
        if heading is None or re.fullmatch(r"(?:executive )?summary:?|overview", heading.text, re.IGNORECASE):
            name = "summary"
        elif is_first and heading.level == 1:
            name = "summary"
            titles.append(heading.text)
        else:
            name = heading.field or "sections"
        if name not in ("summary", "recommendation", "conclusion"):
            yield EngagementText("sections", " · ".join([*titles, heading.text if heading else ""]), text)
            return
        if heading is not None and heading.text not in titles:
            self.dropped.append(heading.text)
        last = text.rfind("\n\n") + 1
        conclusion = text[last:].strip("\n") if last and name == "recommendation" else ""
        if not _CONCLUDES.match(conclusion):
            last, conclusion = len(text), ""
        title = f"**{' · '.join(titles)}**\n\n" if titles else ""
        yield EngagementText(name, "", title + text[:last].strip("\n"))
        if conclusion:
            yield EngagementText("conclusion", "", conclusion)

    # --- Headings and ratings

    def _read_title(self, text: str) -> tuple[str | None, str | None, str, str | None]:
        """Return the id, category, title and severity of a heading."""
        if match := match_id(text):
            own_id = match["bracketed"] or match["bare"] or match["compact"] or match["long"]
            # `INFO-001: Title - Medium`: a word says more than the id.
            severity, title = self.severities.split(match["title"].strip())
            return own_id, None, title, severity
        bare, number = bare_title(text)
        own_id = number if number and number[0].isalpha() else None
        if match := PREFIXED.match(bare):
            head = bare[: match.end("noun")]
            severity, title = self.severities.split(match["title"].strip())
            if self.severities.begins(head):
                severity = self.severities.name(head)
            elif match["rating"]:
                severity = self.severities.name(match["rating"]) or severity
            category = head if " " in head and not match["number"] and severity is None else None
            return own_id, category, title, severity
        severity, title = self.severities.split(bare.strip())
        return own_id, None, title, severity

    def _split_rating(self, name: str, value: str) -> tuple[str | Status | None, str]:
        """Return the severity or status that a text begins with, and what of the text says more."""
        first, _, rest = value.lstrip("\n").partition("\n")
        if name == "severity":
            word, is_alone = self.severities.read(first)
            return word, rest if is_alone else value
        status = read_status(first)
        return status, rest if status is not None and len(_WORDS.findall(first)) < 2 else value

    def _find_reply(self, first: int, last: int) -> Status | None:
        """Return the status that replies in some lines give; a last `Verified` leaves what was verified."""
        status = None
        for line in self._prose(first, last):
            match = _REPLY.match(line)
            # `**Acme:** Fixed in abc`; without a sign the words in bold begin a sentence.
            if match is None or not re.search("[:：–—-]", match["who"][-1] + match["sign"]):
                continue
            if LABELS.get(match["who"].strip(" :：").casefold(), "response") != "response":
                continue
            reply = match["reply"]
            if reply[:8].casefold() == "verified" and AFTER_RATING.match(reply, 8):
                status = status or Status.RESOLVED
            elif (stated := read_status(reply)) in _REPLIES:
                status = stated
        return status

    def _prose(self, first: int, last: int) -> Iterator[str]:
        """Yield the lines that are in no block of code."""
        for chunk in self._chunks(first, last):
            if isinstance(chunk, str):
                yield from chunk.split("\n")


def _is_plan(heading: Heading) -> bool:
    return heading.field in ("summary", "recommendation", "conclusion") or _PLAN.fullmatch(heading.text) is not None


_LINES_ALONE: Final = re.compile(r"\s*L?(?P<lines>[0-9]{1,7}(?:[-–][0-9]{1,7})?)\s*")
_FILE_ALONE: Final = re.compile(r"\s*`?(?P<path>[^\s`:#,()]{1,300})`?\s*")


def _add_cited(cited: list[str | Fence], chunks: Sequence[str | Fence]) -> None:
    """Add the text of a label of places; lines of their own are those of the file before them."""
    before = cited[-1] if cited else None
    lines = _LINES_ALONE.fullmatch(chunks[0]) if len(chunks) == 1 and isinstance(chunks[0], str) else None
    file = _FILE_ALONE.fullmatch(before) if isinstance(before, str) else None
    if lines is not None and file is not None:
        cited[-1] = f"{file['path']}:{lines['lines']}\n"
    else:
        cited += chunks


def _join(chunks: Iterable[str | Fence]) -> str:
    return "".join(chunk if isinstance(chunk, str) else chunk.source + "\n" for chunk in chunks)
