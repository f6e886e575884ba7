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
    OWN_ID,
    PREFIXED,
    Fence,
    Heading,
    ReviewBlocks,
    bare_heading,
    find_labels_of_links,
    match_id,
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
_CONCLUDES: Final = re.compile(r"(?:Overall|In conclusion|In summary|To conclude|总之|总体)\b[,，]?", re.IGNORECASE)
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
        self.lines, self.headings, self.fences = blocks.lines, blocks.headings, blocks.fences
        self.severities = severities
        self.path_severity = severities.read_path(path) if path else None
        self.dropped: list[str] = []
        self.placed_links: set[str] = set()
        self._lines_of_headings = [heading.first for heading in self.headings]
        self._lines_of_fences = [first for first, _, _ in self.fences]

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
        alone = [row for row in rows if row.line not in joined and self._is_finding(row)]
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
                or PREFIXED.match(text)
                or (is_grouped and not any(kind.fullmatch(text) for kind in (_GENERIC, _NOTHING, _INTRODUCES)))
            ):
                end = self._end_of_finding(heading)
                yield _Draft(heading, end)

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
            fields.add(other.field)
        parts = fields - RATINGS - {"conclusion", "title"}
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
        return [row for table in tables for row in read_rows(table)]

    def _is_finding(self, row: SummaryRow) -> bool:
        """Return True for a row without a section that has a title, and a severity or an id."""
        is_title = bool(_WORDS.search(row.title)) and not self.severities.is_group(row.title)
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
        texts += [f"**{heading.strip(' *')}:** {cell}" if heading.strip(" *") else cell for heading, cell in row.others]
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
            texts={"description": (text or row.title,)},
            cited=(),
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
        if own_id is not None and own_id in text:
            self.dropped.append(own_id)
        if (prefix := text[: len(text) - len(title)]) and own_id is None:
            self.dropped.append(prefix)
        elif own_id is not None:
            self.dropped.append(prefix.replace(own_id, "", 1))
        texts, cited, rating, status = self._sort_sections(self._divide(draft))
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
            severity=rating or letter or severity or draft.severity or fallback,
            status=status,
            texts={name: self._link(chunks) for name, chunks in texts.items() if _join(chunks).strip()}
            or {"description": (title,)},
            cited=self._link(cited),
            url=url,
            unread=unread,
            target=find_target(url),
        )

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
            elif section.field == "locations" and all(_is_citation(chunk) for chunk in chunks):
                cited += chunks
            else:
                name = section.field if section.field in _PROSE else "description"
                texts.setdefault(name, []).extend(chunks)
        return texts, cited, rating, status

    def _divide(self, draft: _Draft) -> list[_Section]:
        """Return the lines below the heading of a finding by field."""
        sections = [_Section("description", draft.heading.last, draft.last)]
        level, used = draft.heading.level, set[str]()
        for heading in self._headings_after(draft.heading):
            if heading.first >= draft.last:
                break
            # A heading below a field is a part of the field.
            if heading.field is None and heading.level > level and sections[-1].field != "description":
                continue
            sections[-1].last = heading.first
            name = heading.field if heading.field not in ("conclusion", "title") else None
            if name in RATINGS and heading.level < INLINE_LABEL:
                number = next((at for at in range(heading.last, draft.last) if self.lines[at].strip()), heading.first)
                line = heading.rest or self.lines[number]
                if not self.severities.states(name, line):
                    # An uncertain rating stays text, with its heading.
                    if not MATRIX.search(line) and (name == "status" or self.severities.mentions(line)):
                        self.blocks.doubtful.append((number, name))
                    name = None
            if name is None or (name in used and name not in RATINGS):
                # What has no field, or has it already, keeps its heading.
                sections.append(_Section(name or "description", heading.first, draft.last))
                level = draft.heading.level if name is None else heading.level
                continue
            used.add(name)
            level = min(heading.level, 6)
            if name in RATINGS and heading.level == INLINE_LABEL:
                sections.append(_Section(name, heading.last, heading.last, heading.rest))
                self.dropped.append(heading.text)
                previous = next(
                    (section.field for section in reversed(sections) if section.field not in RATINGS), "description"
                )
                sections.append(_Section(previous, heading.last, draft.last))
                continue
            is_inline = heading.level == INLINE_LABEL
            self.dropped.append(heading.text if is_inline else heading.text.removesuffix(heading.rest))
            sections.append(_Section(name, heading.last, draft.last, heading.rest))
        return sections

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
            return own_id, None, match["title"].strip(), None
        if match := PREFIXED.match(text):
            head = text[: match.end("noun")]
            severity = self.severities.name(head) if self.severities.begins(head) else None
            category = head if " " in head and not match["number"] and severity is None else None
            return None, category, match["title"].strip(), severity
        number = NUMBER.match(text)
        return None, None, text[number.end() if number else 0 :].strip(), None

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
        inside = {
            number
            for start, end, _ in islice(self.fences, bisect_left(self._lines_of_fences, first), None)
            if start < last
            for number in range(start, end)
        }
        status = None
        for number in range(first, last):
            match = _REPLY.match(self.lines[number]) if number not in inside else None
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


_BETWEEN: Final = re.compile(r"[\s()\[\]<>,*`|]+")
_CITATION: Final = re.compile(
    r"https?://\S+|[\w@./\\-]+\.\w{1,5}(?:[:#]L?[0-9][0-9,L#–-]*+)?|[-+.:]*+|(?i:lines?:?)|[0-9]++(?:[-–][0-9]++)?:?"
)


def _is_citation(chunk: str | Fence) -> bool:
    """Return True for a fence, and for a text of nothing but places in code."""
    return isinstance(chunk, Fence) or all(_CITATION.fullmatch(word) for word in _BETWEEN.split(chunk))


def _join(chunks: Iterable[str | Fence]) -> str:
    return "".join(chunk if isinstance(chunk, str) else chunk.source + "\n" for chunk in chunks)
