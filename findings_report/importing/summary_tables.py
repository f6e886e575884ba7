"""Tables of findings in a review: a row gives a finding its severity and status, or is a finding itself.

Pure. Columns are recognised by their headings, and a row only if what it says is certain.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from markdown_it.token import Token

_COLUMNS: Final[Mapping[str, str]] = {
    label: name
    for name, labels in {
        "id": "id,#,no,no.,nr,number,issue id,finding id,issue no,s.no,sr. no,编号,序号",
        "title": "title,issue,issues,finding,findings,name,vulnerability,issue title,finding title,weakness,bug,issue name"
        ",finding name,vulnerability name,标题,问题,漏洞,漏洞名称,问题名称,问题标题",
        "severity": "severity,risk,level,risk level,severity level,risk rating,rating,severity rating"
        ",严重程度,严重级别,严重性,风险等级,等级,级别",
        "status": "status,state,resolution,remediation,fix status,remediation status,状态,修复情况,修复状态",
        "description": "description,details,detail,描述,问题描述,漏洞描述",
    }.items()
    for label in labels.split(",")
}
"""Columns by the headings that reviews have for them, in lower case."""

_LINK: Final = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])+)\]\((?P<url>[^\s()]+)\)")
_ID: Final = re.compile(r"\\?\[?(?P<id>[A-Za-z]{1,10}(?:-[A-Z0-9]{1,10}){0,2}[- ‑]?[0-9]{1,4})\\?\]?")
_ID_AND_TITLE: Final = re.compile(
    r"\\?\[?(?P<id>[A-Z]{1,10}(?:-[A-Z0-9]{1,10}){0,2}[-‑]?[0-9]{1,4})\\?\]?(?:[ :.–—-]++)(?P<title>\S.*)"
)
_WORDS: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class ReviewTable:
    """A table of the review."""

    first: int
    """0-based line."""
    last: int
    """The line after it."""
    head: tuple[str, ...]
    """Its headings."""
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """The line and the cells of each row."""


@dataclass(frozen=True)
class SummaryRow:
    """A row of a table of findings, its cells without emphasis and links."""

    line: int
    own_id: str | None
    id_url: str | None
    """Target of the link of its id."""
    title: str
    url: str | None
    """Target of the link of its title."""
    severity: str
    """Empty if there is no such column."""
    status: str
    description: str
    others: tuple[tuple[str, str], ...]
    """Heading and text of the other cells that have one."""

    @property
    def target(self) -> str | None:
        """The Markdown file that the row links to."""
        return find_target(self.url) or find_target(self.id_url)


def find_target(url: str | None) -> str | None:
    """Return the path of the Markdown file that a link leads to, from the folder of its review; None for another link."""
    path = unquote((url or "").partition("#")[0])
    is_file = path.lower().endswith((".md", ".markdown")) and "://" not in path and not path.startswith("/")
    return posixpath.normpath(path) if is_file else None


def read_tables(tokens: Sequence[Token]) -> Iterator[ReviewTable]:
    """Yield the tables that are in no other block."""
    # Only tables of the top level: one in a list or a quote belongs to the text around it.
    first, last, rows = 0, 0, list[tuple[int, list[str]]]()
    is_open = False
    for index, token in enumerate(tokens):
        if token.type == "table_open" and token.level == 0 and token.map is not None:
            (first, last), rows, is_open = token.map, [], True
        elif is_open and token.type == "tr_open":
            rows.append((token.map[0] if token.map else first, []))
        elif is_open and token.type in ("th_open", "td_open") and rows:
            rows[-1][1].append(tokens[index + 1].content.strip())
        elif token.type == "table_close" and is_open:
            is_open = False
            if rows:
                yield ReviewTable(first, last, tuple(rows[0][1]), tuple((line, tuple(cells)) for line, cells in rows[1:]))


def read_rows(table: ReviewTable) -> list[SummaryRow]:
    """Return the rows of a table of findings; none for a table of another kind."""
    columns: dict[str, int] = {}
    for at, heading in enumerate(table.head):
        name = _COLUMNS.get(_bare(heading)[0].strip(" :：.").casefold())
        if name is not None:
            # The first of two columns with one meaning: later ones are details.
            columns.setdefault(name, at)
    # Some tables have ids below a heading that is empty.
    if (
        "id" not in columns
        and table.head
        and not table.head[0]
        and all(_ID.fullmatch(_bare(cells[0])[0]) for _, cells in table.rows)
    ):
        columns["id"] = 0
    has_ids = "id" in columns and all(_ID.fullmatch(_bare(cells[columns["id"]])[0]) for _, cells in table.rows)
    # `ID | Description` is a table of findings only if the ids are ids.
    if "title" not in columns and has_ids and "description" in columns:
        columns["title"] = columns.pop("description")
    # Without titles the rows say something about findings that have the ids.
    is_about = has_ids and "severity" in columns
    if not is_about and ("title" not in columns or not (has_ids or "severity" in columns or "status" in columns)):
        return []
    return [_read_row(line, cells, table.head, columns) for line, cells in table.rows]


def _read_row(line: int, cells: Sequence[str], head: Sequence[str], columns: Mapping[str, int]) -> SummaryRow:
    title, url = _bare(cells[columns["title"]]) if "title" in columns else ("", None)
    own_id, id_url = _bare(cells[columns["id"]]) if "id" in columns else ("", None)
    if match := _ID.fullmatch(own_id):
        own_id = match["id"]
    if (match := _ID_AND_TITLE.fullmatch(title)) and (not own_id or find_id_key(own_id) == find_id_key(match["id"])):
        own_id, title = match["id"], match["title"]
    read = {columns.get(name) for name in ("id", "title", "severity", "status", "description")}
    # A cell without a place of its own keeps its heading, or nobody knew what it says.
    others = tuple((head[at], cell) for at, cell in enumerate(cells) if at not in read and cell)
    texts = {name: cells[columns[name]] if name in columns else "" for name in ("severity", "status", "description")}
    return SummaryRow(
        line, own_id or None, id_url, title, url, texts["severity"], texts["status"], texts["description"], others
    )


def _bare(cell: str) -> tuple[str, str | None]:
    """Return a cell without emphasis and link, and the link's target."""
    text = _strip(cell)
    match = _LINK.fullmatch(text)
    return (_strip(match["text"]), match["url"]) if match else (text, None)


def _strip(text: str) -> str:
    """Return a text without the emphasis, or the signs of code, around all of it."""
    text = text.strip()
    for mark in ("**", "__", "*", "_", "`"):
        inner = text[len(mark) : -len(mark)]
        if inner and mark not in inner and text == f"{mark}{inner}{mark}":
            return _strip(inner)
    return text


def find_id_key(own_id: str) -> str:
    """Return what `H-01`, `[H-1]` and `H1` have in common."""
    # Tables and headings of one report differ in hyphens, zeros and case.
    parts = re.findall(r"[A-Za-z]+|[0-9]+", own_id)
    return "-".join(part.upper() if part.isalpha() else str(int(part)) for part in parts)


def find_title_key(title: str) -> tuple[str, ...]:
    """Return what a title and its copy in a table have in common: the words."""
    return tuple(word.casefold() for word in _WORDS.findall(title))


def find_row(rows: Sequence[SummaryRow], own_id: str | None, title: str) -> SummaryRow | None:
    """Return the row of a finding with its id, else the only one with its title."""
    key, words = find_id_key(own_id or ""), find_title_key(title)
    by_id = [row for row in rows if own_id and row.own_id and find_id_key(row.own_id) == key]
    by_title = [row for row in rows if words and find_title_key(row.title) == words]
    both = [row for row in by_id if row in by_title]
    for found in (both, by_id, by_title):
        # A renumbered table is about other findings: with ids, the titles decide.
        if found and (len(found) == 1 or all(is_same(row, found[0]) for row in found)):
            return found[0]
    return None


def is_same(row: SummaryRow, other: SummaryRow) -> bool:
    """Return True for two rows about one finding."""
    if row.own_id and other.own_id:
        return find_id_key(row.own_id) == find_id_key(other.own_id)
    return find_title_key(row.title) == find_title_key(other.title)
