"""The report as a document for Word, in the structure of the template `standard`, with Word's own styles and fields.

Made from the report and the tokens of its texts, as the other formats are: `word_package` opens the document, the parts are
written here and in `word_findings`, the texts and the code in `word_prose`, all of them from `word_elements`.
Source: ECMA-376, part 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from findings_report.model.engagement import State
from findings_report.model.report import Report, ReportedRepository
from findings_report.rendering import colours, labels
from findings_report.rendering.figures import number_tables
from findings_report.rendering.word_elements import BOLD, CODE, DASH, QUIET, Cell, Format, WordBody, field_element, hex_of
from findings_report.rendering.word_findings import (
    begin_part,
    label_rows,
    severity_cell,
    write_appendix,
    write_finding,
    write_finding_table,
    write_section,
)
from findings_report.rendering.word_package import NAMESPACES, Package, add_setting, has_heads, insert_body, open_package, save
from findings_report.rendering.word_prose import render_line, write_prose
from findings_report.report.formats import Rendered


def render(report: Report) -> Rendered:
    """Return the document. The same report gives the same bytes.

    Raises FindingsReportError (OUTPUT) for a firm's document that cannot be used.
    """
    package = open_package(report.engagement)
    body = WordBody(package, report)
    # Pictures and links become parts of the package while the body is written.
    _write_report(body)
    insert_body(package, body.pieces)
    # Word asks whether to fill the contents, until the document is saved.
    add_setting(package, '<w:updateFields {} w:val="true"/>')
    if not has_heads(package):
        _write_heads(package, body)
    return Rendered(save(package, report.engagement))


def _write_report(body: WordBody) -> None:
    """Write every part, and the contents at their place."""
    if not body.package.has_cover:
        _write_cover(body)
    at = len(body.pieces)
    _write_front(body)
    for section in body.report.before():
        write_section(body, section)
    if body.report.findings:
        body.part_heading(body.words.gettext("Findings"), "part-findings")
    for finding in body.report.findings:
        write_finding(body, finding)
    for section in body.report.after():
        write_section(body, section)
    write_appendix(body)
    # Last, when all headings are known.
    body.pieces[at:at] = _contents_field(body)


def _contents_field(body: WordBody) -> list[str]:
    """Return the contents as a field that has its entries already, each with a field for its page.

    The program that shows the document decides which page a heading is on, so no number is written here. Word counts pages when
    it opens the document, after asking. LibreOffice counts them at once, but not within a field for contents, so it gets none.
    """
    instruction = '<w:instrText xml:space="preserve"> TOC \\o "1-2" \\h \\z \\u </w:instrText>'
    marks = {kind: _run_for_word(f'<w:fldChar w:fldCharType="{kind}"/>') for kind in ("begin", "separate", "end")}
    begin = marks["begin"] + _run_for_word(instruction) + marks["separate"]
    tab = "<w:r><w:tab/></w:r>"
    lines = [
        body.paragraph(
            f"toc {level}",
            (begin if index == 0 else "") + body.refer(body.runs(text) + tab + body.page_of(anchor), anchor),
            right=body.package.width,
        )
        for index, (level, text, anchor) in enumerate(body.contents)
    ]
    title = body.paragraph("TOC Heading", body.runs(body.words.gettext("Contents")), new_page=True)
    # Behind the last entry, as Word itself has it.
    return [title, *lines, body.paragraph("Normal", ("" if lines else begin) + marks["end"])]


def _run_for_word(content: str) -> str:
    """Return a run that only Word 2013 and newer have. Source: ECMA-376, part 3 (markup compatibility)."""
    compatible = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    names = f'xmlns:mc="{compatible}" xmlns:w15="http://schemas.microsoft.com/office/word/2012/wordml"'
    choice = f'<mc:Choice Requires="w15">{content}</mc:Choice>'
    return f"<w:r><mc:AlternateContent {names}>{choice}</mc:AlternateContent></w:r>"


def _write_cover(body: WordBody) -> None:
    engagement, words, width = body.engagement, body.words, body.package.width
    accent = hex_of(colours.ensure_contrast(engagement.accent, "#ffffff", 4.5))
    white = Format(colour="FFFFFF")
    inner = [body.paragraph("Normal", "")]
    if marks := _list_markings(body):
        inner.append(body.paragraph("Normal", body.runs(" · ".join(marks), Format(bold=True, colour="FFFFFF", points=10))))
    inner.append(body.paragraph("Subtitle", body.runs(words.gettext("Security assessment"), white)))
    inner.append(body.paragraph("Title", body.runs(engagement.title, Format(bold=True, colour="FFFFFF"))))
    inner.append(body.paragraph("Normal", ""))
    margins = "".join(f'<w:{side} w:w="340" w:type="dxa"/>' for side in ("left", "right"))
    band = (
        f'<w:tr><w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/><w:shd w:val="clear" w:color="auto" w:fill="{accent}"/>'
        f"<w:tcMar>{margins}</w:tcMar></w:tcPr>{''.join(inner)}</w:tc></w:tr>"
    )
    if engagement.logo is not None:
        body.add("Normal", body.picture(engagement.logo, engagement.logo.alt, width // 3))
    body.pieces.append(body.table_element([band], [width], "Normal Table"))
    body.add("Normal", "")
    label_rows(body, list(_list_cover_facts(body)))


def _list_cover_facts(body: WordBody) -> Iterator[tuple[str, Cell]]:
    engagement, words = body.engagement, body.words
    _ = words.gettext
    if engagement.client:
        yield _("Prepared for"), body.cell(engagement.client, body.runs(engagement.client, BOLD))
    if engagement.authors:
        lines = []
        for author in engagement.authors:
            name = ", ".join(filter(None, (author.name, author.role)))
            mail = body.runs("  ") + body.linked(author.email, f"mailto:{author.email}") if author.email else ""
            lines.append(body.runs(name) + mail)
        yield _("Prepared by"), Cell(lines, text="".join(author.name for author in engagement.authors))
    audited = [_name_audited(body, repository) for repository in engagement.repositories if repository.commit]
    if audited:
        yield _("Audited commit"), Cell(audited, text=" " * 40)
    plain = (
        (_("Assessment period"), words.period(engagement.period.start, engagement.period.end) if engagement.period else ""),
        (_("Version"), engagement.version or ""),
        (_("Date"), words.day(engagement.date) if engagement.date else ""),
        (_("Status"), labels.words(engagement.state, words)),
        (_("Edition"), engagement.edition_words or ""),
    )
    yield from ((name, body.cell(value)) for name, value in plain if value)


def _name_audited(body: WordBody, repository: ReportedRepository) -> str:
    commit = repository.commit or ""
    revision = f" {repository.revision}" if repository.revision and not commit.startswith(repository.revision) else ""
    return body.runs(f"{repository.name}{revision} ") + body.linked(commit[:12], repository.permalink, CODE)


def _write_front(body: WordBody) -> None:
    report, words = body.report, body.words
    _ = words.gettext
    if report.summary or report.findings:
        body.part_heading(_("Executive summary"), "part-summary", new_page=True)
        _write_summary(body)
    # Beside the summary and not before it: what was found comes first.
    if body.engagement.has_control:
        body.part_heading(_("Document control"), "part-control")
        _write_control(body)
    if report.scope or body.engagement.repositories:
        body.part_heading(_("Scope"), "part-scope")
        _write_scope(body)
    if report.findings:
        body.part_heading(_("Summary of findings"), "part-table")
        if report.has_scale:
            text = f"{_('Most severe first.')} " if body.engagement.order.value == "severity" else ""
            link = body.refer(body.runs(_("How severity was rated"), Format(style="Hyperlink")), "part-severities")
            body.add("Normal", body.runs(f"{text}{_('Definitions:')} ") + link, keep_next=True)
        write_finding_table(body, report.findings, [_("Id"), _("Finding"), _("Severity"), _("Status")], [])
    if report.remediation is not None:
        body.part_heading(_("Remediation"), "part-remediation")
        if report.remediation.answered:
            omitted = words.ngettext(
                "{count} resolved or dismissed finding is omitted.",
                "{count} resolved or dismissed findings are omitted.",
                report.remediation.answered,
            )
            body.add("Normal", body.runs(f"{_('Findings that need action.')} {omitted}"), keep_next=True)
        columns = report.remediation.columns
        names = {"owner": _("Owner"), "due": _("Due"), "tickets": _("Ticket")}
        chosen = [finding for finding in report.findings if finding.id in report.remediation.findings]
        heads = [_("Id"), _("Finding"), _("Severity"), _("Status"), *(names[column] for column in columns)]
        write_finding_table(body, chosen, heads, columns)


def _write_summary(body: WordBody) -> None:
    report, words = body.report, body.words
    _ = words.gettext
    if report.findings:
        counted = words.ngettext(
            "This report contains {count} finding, {unresolved} unresolved.",
            "This report contains {count} findings, {unresolved} unresolved.",
            report.total,
            unresolved=len(report.unresolved),
        )
        above = [words.name(severity.name) for severity in report.severities_above_findings]
        if above:
            *others, last = above
            names = _("{severities} or {last}", severities=", ".join(others), last=last) if others else last
            counted += " " + _("No {severities} findings.", severities=names)
        _write_tiles(body)
        body.add("Normal", body.runs(counted))
    if report.summary:
        begin_part(body, lambda part: number_tables(part, [report.summary or ""]))
        write_prose(body, report.summary, 1)
    if not report.findings:
        return
    _write_counts(body)
    for title, rows, without in (
        (_("Category"), report.by_category, _("No category")),
        (_("Repository"), report.by_repository, _("No cited code")),
    ):
        if rows:
            head = [body.cell(title), body.cell(_("Findings"), align="right")]
            cells = [[body.cell(name or without), body.cell(words.number(count), align="right")] for name, count in rows]
            body.table(head, cells)
    if report.unresolved:
        body.heading(2, body.runs(_("What to do first")), "part-first", _("What to do first"))
        number = body.next_list(1, 0)
        for finding in report.unresolved[:3]:
            look = Format(style="Hyperlink", bold=True)
            runs = body.refer(body.runs(f"{finding.id} ", look) + body.titled(finding.title, look), finding.id)
            runs += body.runs(" ") + body.chip(finding.severity.name, body.rank(finding.severity.name))
            runs += body.runs(" ") + render_line(body, finding.action) if finding.action else ""
            body.add("List Number", runs, list_item=(number, 0))


def _write_tiles(body: WordBody) -> None:
    """Add what a reader wants to know first: how many findings of which severity, and how many of them are unresolved."""
    # More than six are not read at a glance, and do not fit.
    tiles = body.report.headline
    if not tiles or len(tiles) > 6:
        return
    width = body.package.width // max(len(tiles), 4)
    cells = []
    for severity, total, unresolved in tiles:
        rank = body.rank(severity.name)
        shade = body.shades[rank] if rank < len(body.shades) else None
        ink, fill = (hex_of(shade.text), hex_of(shade.fill)) if shade else ("", "")
        big = body.runs(body.words.number(total), Format(bold=True, points=20, colour=ink))
        name = body.runs(labels.words(severity.name, body.words), Format(bold=True, colour=ink))
        open_ = body.runs(body.words.gettext("{count} unresolved", count=body.words.number(unresolved)), Format(colour=ink))
        cells.append(Cell([big, name, open_], fill=fill))
    widths = [width] * len(cells)
    rows = [body.row(cells, widths)]
    title = body.words.gettext("Findings by severity and status")
    body.pieces.append(body.table_element(rows, widths, "Findings Table", title=title, has_head=False))
    body.add("Normal", "")


def _write_counts(body: WordBody) -> None:
    _, words, report = body.words.gettext, body.words, body.report
    used = {finding.status for finding in report.findings}
    statuses = [status for status, _count in report.counts[0].by_status if status in used]
    head = [body.cell(_("Severity")), body.cell(_("Findings"), align="right")]
    head += [body.cell(labels.words(status, words), align="right") for status in statuses]
    rows = [
        [
            severity_cell(body, count.severity.name),
            body.cell(words.number(count.total), align="right"),
            *(body.cell(words.number(dict(count.by_status)[status]), align="right") for status in statuses),
        ]
        for count in report.counts
        if count.total
    ]
    body.table(head, rows, title=_("Findings by severity and status"))


def _write_control(body: WordBody) -> None:
    engagement, words = body.engagement, body.words
    _ = words.gettext
    if engagement.edition_words:
        body.add("Normal", body.runs(_("Edition: {edition}.", edition=engagement.edition_words)))
    if engagement.versions:
        has_by = any(version.by for version in engagement.versions)
        has_note = any(version.note for version in engagement.versions)
        heads = [_("Version"), _("Date"), *([_("By")] if has_by else []), *([_("Note")] if has_note else [])]
        rows = []
        for version in engagement.versions:
            audience = f" ({body.name_audience(version.audience)})" if version.audience else ""
            cells = [f"{version.version}{audience}", words.day(version.date)]
            cells += [version.by or ""] if has_by else []
            cells += [version.note or ""] if has_note else []
            rows.append([body.cell(text) for text in cells])
        body.table([body.cell(head) for head in heads], rows)
    if engagement.distribution:
        body.add("Normal", body.runs(_("Distribution:")), keep_next=True)
        body.bullets(body.runs(reader) for reader in engagement.distribution)
    if engagement.findings_commit:
        commit = engagement.findings_commit
        message = _("Built from the findings at commit {commit}.", commit=commit.hash[:12])
        if commit.is_changed:
            message = _("Built from the findings at commit {commit}, with uncommitted changes.", commit=commit.hash[:12])
        body.add("Normal", body.runs(message))


def _write_scope(body: WordBody) -> None:
    _, engagement, report = body.words.gettext, body.engagement, body.report
    if engagement.repositories:
        rows = []
        for repository in engagement.repositories:
            name = [body.runs(repository.name, BOLD)]
            name += [body.linked(repository.url, repository.url)] if repository.url else []
            commit = [body.runs(_("not pinned"))]
            if repository.commit:
                commit = [body.linked(repository.commit, repository.permalink, CODE)]
            commit += [body.runs(_("not available locally; quotes not checked"), QUIET)] if not repository.is_read else []
            revision = body.cell(repository.revision or DASH)
            rows.append([Cell(name, text=repository.url or repository.name), revision, Cell(commit, text="0" * 40)])
        body.table([body.cell(_("Repository")), body.cell(_("Revision")), body.cell(_("Commit"))], rows)
    if report.scope:
        body.add("Normal", body.runs(_("The review covers:")), keep_next=True)
        body.bullets(_describe_entry(body, entry) for entry in report.scope if not entry.is_excluding)
    if report.excluded:
        body.add("Normal", body.runs(_("It does not cover:")), keep_next=True)
        body.bullets(_describe_entry(body, entry) for entry in report.excluded)
    if report.covered is not None:
        _write_covered(body)


def _describe_entry(body: WordBody, entry: Any) -> str:
    _, words = body.words.gettext, body.words
    runs = body.runs(entry.pattern, CODE)
    if entry.repository and len(body.engagement.repositories) > 1:
        runs += body.runs(f" {_('in {repository}', repository=entry.repository)}")
    if entry.is_excluding:
        return runs
    if entry.files is not None:
        counted = words.ngettext("{count} file", "{count} files", entry.files)
        counted += ", " + words.ngettext("{count} line", "{count} lines", entry.lines) if entry.lines is not None else ""
        runs += body.runs(f" ({counted})")
    elif body.report.covered is not None:
        runs += body.runs(f" ({_('not available locally; files not listed')})")
    return runs


def _write_covered(body: WordBody) -> None:
    _, words, covered = body.words.gettext, body.words, body.report.covered
    assert covered is not None  # noqa: S101  # its caller looked
    has_several = len(body.engagement.repositories) > 1
    said = []
    if len(body.report.scope) > 1:
        total = words.ngettext("{count} file", "{count} files", covered.files)
        total += ", " + words.ngettext("{count} line", "{count} lines", covered.lines) if covered.lines is not None else ""
        said.append(f"{_('Total:')} {total}.")
    if covered.lines is None:
        said.append(_("Lines were not counted."))
    elif covered.uncounted:
        said.append(
            words.ngettext(
                "Lines were not counted in {count} file (binary or oversized).",
                "Lines were not counted in {count} files (binary or oversized).",
                covered.uncounted,
            )
        )
    if covered.is_folded:
        said.append(
            _(
                "The table groups files by folder: {all} includes everything below it, {direct} only the files directly in "
                "it. Files with a row of their own are not counted again.",
                all="folder/",
                direct="folder/*",
            )
        )
    if said:
        body.add("Normal", body.runs(" ".join(said)), keep_next=True)
    head = [body.cell(_("Repository"))] if has_several else []
    head += [body.cell(_("Path"))]
    head += [body.cell(_("Files"), align="right")] if covered.is_folded else []
    head += [body.cell(_("Lines"), align="right"), body.cell(_("Findings"))]
    rows = []
    for row in covered.rows:
        cells = [body.cell(row.repository)] if has_several else []
        path = row.path or "/"
        cells += [body.cell(path, body.linked(path, row.permalink, CODE))]
        cells += [body.cell(words.number(row.files), align="right")] if covered.is_folded else []
        cells += [body.cell(DASH if row.lines is None else words.number(row.lines), align="right")]
        count = body.runs(f"{words.number(len(row.findings))}: ") if len(row.findings) > 3 else ""
        cells += [body.cell(" ".join(row.findings), count + body.ids(row.findings))]
        rows.append(cells)
    body.table(head, rows)


def _write_heads(package: Package, body: WordBody) -> None:
    """Write head and foot of every page; the first has the marking only."""
    from docx.shared import Twips
    from lxml import etree

    engagement, words = body.engagement, body.words
    section = package.document.sections[-1]
    section.different_first_page_header_footer = not package.has_cover
    marking = " · ".join(_list_markings(body))
    # At the edge of the text, also of the firm's page.
    right = f'<w:tabs><w:tab w:val="right" w:pos="{package.width}"/></w:tabs>'
    rule = '<w:pBdr><w:{side} w:val="single" w:sz="4" w:space="4" w:color="D5DAE0"/></w:pBdr>'
    tab = "<w:r><w:tab/></w:r>"
    named = filter(
        None,
        (
            words.gettext("Version {version}", version=engagement.version) if engagement.version else "",
            words.day(engagement.date) if engagement.date else "",
            engagement.edition_words or "",
        ),
    )
    before, page, between, pages, after = _around(words.gettext("Page {page} of {pages}"))
    counted = "".join(
        (body.runs(before), field_element(page), body.runs(between), field_element(pages), body.runs(after)),
    )
    head = body.runs(engagement.title) + (tab + body.runs(marking, BOLD) if marking else "")
    lines = {
        section.header: ("Header", rule.format(side="bottom"), head),
        section.footer: ("Footer", rule.format(side="top"), body.runs(" · ".join(named)) + tab + counted),
    }
    if not package.has_cover:
        lines[section.first_page_header] = ("Header", "", body.runs(marking, BOLD))
        lines[section.first_page_footer] = ("Footer", "", tab + body.runs(marking, BOLD))
    for part, (style, border, content) in lines.items():
        part.is_linked_to_previous = False
        element = part._element  # python-docx has no public name for it
        for child in list(element):
            element.remove(child)
        source = f'<w:p {NAMESPACES}><w:pPr><w:pStyle w:val="{package.style(style)}"/>{border}{right}</w:pPr>{content}</w:p>'
        element.append(etree.fromstring(source))
    section.header_distance, section.footer_distance = Twips(624), Twips(567)


def _around(text: str) -> tuple[str, str, str, str, str]:
    """Return the parts of `Page {page} of {pages}` with the fields for its numbers, in the order of the language."""
    first, second = sorted(("{page}", "{pages}"), key=text.find)
    before, _, rest = text.partition(first)
    between, _, after = rest.partition(second)
    fields = {"{page}": "PAGE", "{pages}": "NUMPAGES"}
    return before, fields[first], between, fields[second], after


def _list_markings(body: WordBody) -> list[str]:
    """Return what every page is marked with: the classification, and that it is a draft."""
    draft = [body.words.gettext("Draft")] if body.engagement.state is State.DRAFT else []
    return [*draft, *([body.engagement.confidentiality] if body.engagement.confidentiality else [])]
