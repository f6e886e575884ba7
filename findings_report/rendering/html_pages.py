"""A long report as HTML in several files: an index, and pages of findings that are of one severity or in one repository.

Each page is a document of its own, so pages are rendered, cached and sent to a cluster as reports are. The report alone decides
which finding is on which page: the same report gives the same files, whoever renders them.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from findings_report.model.report import Report, ReportedFinding, ReportPage, ReportPages
from findings_report.report.output_files import Target

if TYPE_CHECKING:
    from findings_report.model.comparison import Document

LARGEST_PAGE: Final = 5_000_000
"""Estimated bytes of the findings of one page; the style sheet and the fonts come on top."""

MOST_ON_PAGE: Final = 1000
"""Findings on one page: with more of them, browsers are slow to apply its filters."""

# Measured on pages of real code: an element around every word of a line, and escaped signs.
_BYTES_OF_FINDING: Final = 3000
_BYTES_OF_LINE: Final = 110
_BYTES_OF_CODE: Final = 3.0
_BYTES_OF_PROSE: Final = 1.4

_MARK: Final = '<meta name="findings-report-index" content="%s">'
_HEAD: Final = 200_000  # bytes of a page that are searched for the mark; the style sheet is behind it
_NOT_IN_SLUG: Final = re.compile(r"[^a-z0-9]+")
_ID: Final = re.compile(r"""<(?:tr|a|li)\b[^<>]*? id="([^"<>]*)\"""")


def split_html(wanted: Sequence[tuple[Document, Target]]) -> list[tuple[Document, Target]]:
    """Return the documents and their files; a long report that becomes HTML is replaced by its index and pages."""
    return [pair for document, target in wanted for pair in _split(document, target)]


def _split(document: Document, target: Target) -> Iterator[tuple[Document, Target]]:
    # On standard output there is one file, however long.
    is_report = isinstance(document, Report) and target.format == "html" and target.path is not None
    if not is_report or len(document.findings) <= document.engagement.html.above:
        yield document, target
        return
    assert isinstance(document, Report) and target.path is not None  # noqa: S101, PT018  # for mypy
    # Before any page exists: each of them names all others.
    groups = list(_divide(document))
    paths = [_name(target.path, number, len(groups), group) for number, (group, _, _, _) in enumerate(groups, start=1)]
    pages = ReportPages(
        index=_address(target.path),
        pages=tuple(
            ReportPage(address=_address(path), group=group, number=number, of=of, findings=tuple(each.id for each in findings))
            for path, (group, number, of, findings) in zip(paths, groups, strict=True)
        ),
    )
    # First: its name is the report's, and what fails on it need not be tried on pages.
    yield document.model_copy(update={"pages": pages}), target
    for index, (path, (_, _, _, findings)) in enumerate(zip(paths, groups, strict=True)):
        yield _page(document, pages, index, findings), Target("html", path, page=index + 1)


def _page(report: Report, pages: ReportPages, index: int, findings: Sequence[ReportedFinding]) -> Report:
    """Return the report of one page: its findings, and nothing that the index has."""
    ids = {finding.id for finding in findings}
    remediation = report.remediation
    if remediation is not None:
        mine = tuple(id for id in remediation.findings if id in ids)
        # The omitted ones are counted once, and that is on the index.
        remediation = remediation.model_copy(update={"findings": mine, "answered": 0}) if mine else None
    left_out = {"summary": None, "scope": (), "sections": (), "attachments": ()}
    left_out |= {"covered": None, "classification": None, "matrix": None}
    own = {"findings": tuple(findings), "remediation": remediation, "pages": pages.model_copy(update={"current": index})}
    return report.model_copy(update=left_out | own)


def _divide(report: Report) -> Iterator[tuple[str | None, int, int, list[ReportedFinding]]]:
    """Yield the pages: name of the group, number of the page in it, number of its pages, and the findings."""
    engagement = report.engagement
    groups: dict[str | None, list[ReportedFinding]]
    if engagement.html.split == "severity":
        groups = {severity.name: [] for severity in engagement.severities}
        for finding in report.findings:
            # A report that was read from its JSON may name a severity that its scale does not have.
            groups.setdefault(finding.severity.name, []).append(finding)
    else:
        groups = {repository.name: [] for repository in engagement.repositories}
        for finding in report.findings:
            # With the first: a finding that cites two repositories is printed once.
            groups.setdefault(next((snippet.repository for snippet in finding.snippets), None), []).append(finding)
    for group, findings in groups.items():
        chunks = _chunk(report, findings)
        for number, chunk in enumerate(chunks, start=1):
            yield group, number, len(chunks), chunk


def _chunk(report: Report, findings: Sequence[ReportedFinding]) -> list[list[ReportedFinding]]:
    """Return the findings in runs of about one size, each within LARGEST_PAGE and MOST_ON_PAGE; a larger finding is alone."""
    sizes = [_estimate(report, finding) for finding in findings]
    # Even pages: the last one of a group is not a leaf with three findings.
    count = max(-(-sum(sizes) // LARGEST_PAGE), -(-len(findings) // MOST_ON_PAGE), 1)
    wanted_size, wanted_count = -(-sum(sizes) // count), -(-len(findings) // count)
    chunks: list[list[ReportedFinding]] = []
    room = 0
    for finding, size in zip(findings, sizes, strict=True):
        if not chunks or size > room or len(chunks[-1]) >= max(1, wanted_count + wanted_count // 4):
            chunks.append([])
            # With a margin, or the rest of each page would make one page more.
            room = min(LARGEST_PAGE, wanted_size + max(sizes))
        chunks[-1].append(finding)
        room -= size
    return chunks


def _estimate(report: Report, finding: ReportedFinding) -> int:
    """Return about how many bytes a finding takes on a page."""
    texts = [passage.text for passage in finding.prose]
    code = [line.text for snippet in finding.snippets for run in snippet.runs for line in run.lines]
    size = _BYTES_OF_FINDING + _BYTES_OF_PROSE * sum(len(text.encode()) for text in texts)
    size += sum(_BYTES_OF_LINE + _BYTES_OF_CODE * len(line.encode("utf-8", "replace")) for line in code)
    for picture in report.engagement.images:
        # Embedded in base64, each time that it is placed.
        placed = sum(text.count(f"image:{picture.name}") for text in texts)
        size += placed * len(picture.content) * 4 // 3
    return int(size)


def _name(index: Path, number: int, count: int, group: str | None) -> Path:
    """Return the file of a page, as in `report.page-03-high.html`. No edition has such a name: `report-AUDIENCE.html`."""
    # ASCII and short: a severity may be a sentence, and a repository has the name that redaction left.
    slug = _NOT_IN_SLUG.sub("-", (group or "").casefold()).strip("-")[:20].strip("-")
    return index.with_name(f"{index.stem}.page-{number:0{len(str(count))}}{'-' if slug else ''}{slug}{index.suffix}")


def _address(path: Path) -> str:
    # Quoted: a file may be called `javascript:x`, and may have bytes that are no text.
    return quote(os.fsencode(path.name))


def place_links(text: str, pages: ReportPages) -> str:
    """Return a part of the index or of a page with links to other parts: to those on other pages with the name of the file."""
    return _LINK.sub(lambda match: f'<a href="{_resolve(match[1], match[2], pages)}"', text)


_LINK: Final = re.compile(r'<a href="(xref:|#)([^"]*)"')


def _resolve(scheme: str, target: str, pages: ReportPages) -> str:
    page = pages.page_of.get(target)
    if page is None and target.startswith(("table-", "figure-")):
        # The tables of a finding are numbered under its id: table-NTR-001.1
        page = pages.page_of.get(target.partition("-")[2].rpartition(".")[0])
    # No file name within a page: it is found also where the file was renamed.
    if page == pages.current and (page is not None or scheme == "xref:"):
        return f"#{target}"
    if page is not None:
        return f"{pages.pages[page].address}#{target}"
    # Everything else is on the index; a plain fragment leads to where it was written.
    return f"{pages.index}#{target}" if scheme == "xref:" else f"#{target}"


def find_anchors(text: str) -> set[str]:
    """Return the addresses of rows and links in a part."""
    return set(_ID.findall(text))


def list_stale_pages(targets: Iterable[Target]) -> list[Path]:
    """Return the pages that an earlier build of these reports has left beside their index, and that are not made again."""
    known = {target.path for target in targets}
    stale: list[Path] = []
    for target in targets:
        if target.format != "html" or target.path is None or target.page is not None:
            continue
        start, mark = f"{target.path.stem}.page-", (_MARK % _address(target.path)).encode()
        with contextlib.suppress(OSError):  # no such folder
            for entry in sorted(target.path.parent.iterdir()):
                # By name and by content: a file of somebody else may be called like a page.
                is_ours = entry.name.startswith(start) and entry.suffix == target.path.suffix and entry not in known
                if is_ours and _has(entry, mark):
                    stale.append(entry)
    return stale


def _has(path: Path, mark: bytes) -> bool:
    """Return True for a file of ours with the mark; a link, a pipe or a folder is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return stat.S_ISREG(os.fstat(descriptor).st_mode) and mark in file.read(_HEAD)
    except OSError:
        return False


def remove_stale_pages(targets: Sequence[Target]) -> None:
    """Remove the pages of an earlier build, once the new set is published: no link leads to them any more."""
    from findings_report.system.journal import locked

    if not (stale := list_stale_pages(targets)):
        return
    with locked(*{path.parent for path in stale}):
        for path in stale:
            # One that stays is no fault of the report, and the next build tries again.
            with contextlib.suppress(OSError):
                path.unlink()
