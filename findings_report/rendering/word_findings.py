"""The findings, the sections and the appendix of a report in a Word document, in the order of the template `standard`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from findings_report.model.evidence import VERDICT_MEANING, Snippet, Verdict
from findings_report.model.finding import Event
from findings_report.model.passages import Passage, Position
from findings_report.model.report import ReportedFinding, ReportedSection
from findings_report.prose.policy import split_inline_code
from findings_report.rendering import labels
from findings_report.rendering.figures import Figure, Part, number_figures, number_tables
from findings_report.rendering.word_elements import BOLD, CODE, DASH, QUIET, SHORT, Cell, Format, WordBody, hex_of
from findings_report.rendering.word_prose import render_line, write_figure, write_prose


def severity_cell(body: WordBody, name: str) -> Cell:
    """Return a cell in the colours of a severity, with its word."""
    # The word is in every cell: nobody depends on the colour.
    shown, rank = labels.words(name, body.words), body.rank(name)
    if rank >= len(body.shades):
        return body.cell(shown)
    shade = body.shades[rank]
    return body.cell(shown, body.runs(shown, Format(bold=True, colour=hex_of(shade.text))), fill=hex_of(shade.fill))


def label_rows(body: WordBody, rows: Sequence[tuple[str, Cell]]) -> None:
    """Add a table of names and values without a head."""
    if not rows:
        return
    width = body.package.width
    first = min(width // 3, 2600)
    widths = [first, width - first]
    # On the page of the heading above, with the first heading below.
    named = ([body.cell(name, body.runs(name, QUIET)), value] for name, value in rows)
    lines = [body.row(cells, widths, keep_next=len(rows) <= SHORT) for cells in named]
    body.pieces.append(body.table_element(lines, widths, "Findings Table", has_head=False))
    body.add_gap(keep_next=len(rows) <= SHORT)


def write_finding_table(
    body: WordBody, findings: Sequence[ReportedFinding], heads: Sequence[str], columns: Sequence[str]
) -> None:
    """Add a table of findings, each with a link to its text; `columns` are those behind the status."""
    rows = []
    for finding in findings:
        look = Format(style="Hyperlink")
        tickets = [body.linked(ref, labels.ticket_address(ref)) for ref in finding.tickets]
        more = {
            "owner": body.cell(finding.owner or ""),
            "due": body.cell(body.words.day(finding.due) if finding.due else ""),
            "tickets": Cell(tickets, text=" ".join(finding.tickets)),
        }
        rows.append(
            [
                body.cell(finding.id),
                body.cell(finding.title, body.refer(body.titled(finding.title, look), finding.id)),
                severity_cell(body, finding.severity.name),
                body.cell(labels.words(finding.status, body.words)),
                *(more[column] for column in columns),
            ]
        )
    body.table([body.cell(head) for head in heads], rows)


def begin_part(body: WordBody, number: Callable[[Part], None]) -> None:
    """Begin a part of the report: its figures and tables have numbers of their own."""
    body.part = body.new_part()
    number(body.part)


def write_section(body: WordBody, section: ReportedSection) -> None:
    """Add a section of prose."""
    begin_part(body, lambda part: number_tables(part, [section.text], first=section.first_table))
    title = section.title if section.key.startswith("section-") else body.words.gettext(section.title)
    plain = "".join(run.text for run in split_inline_code(title))
    body.heading(1, body.titled(title), section.key, plain)
    body.only_for(section.audience)
    write_prose(body, section.text, 1)


def write_finding(body: WordBody, finding: ReportedFinding) -> None:
    """Add a finding: its head, its facts, its texts with the cited code, and what was answered."""
    _ = body.words.gettext
    begin_part(body, lambda part: number_figures(part, finding))
    plain = "".join(run.text for run in split_inline_code(finding.title))
    title = body.runs(f"{finding.id}\u2002", QUIET) + body.titled(finding.title)
    new_page = body.engagement.findings_on_new_page and finding is not body.report.findings[0]
    body.heading(2, title, finding.id, f"{finding.id}\u2002{plain}", new_page=new_page)
    source = finding.severity_source
    line = body.chip(finding.severity.name, body.rank(finding.severity.name))
    if source != "severity":
        line += body.runs(f" ({'CVSS' if source == 'cvss' else _('impact × likelihood')})", QUIET)
    line += body.runs(f"  ·  {labels.words(finding.status, body.words)}", BOLD)
    body.add("Normal", line, keep_next=True)
    body.only_for(finding.audience)
    label_rows(body, list(_list_facts(body, finding)))
    # In the order of printing already: one group for each position.
    by_position = {
        position: list(passages) for position, passages in groupby(finding.prose, key=lambda passage: passage.position)
    }
    for passage in by_position.get(Position.LEAD, ()):
        _write_passage(body, passage, heading=False)
    for passage in (*by_position.get(Position.SEVERITY, ()), *by_position.get(Position.BEFORE_CODE, ())):
        _write_passage(body, passage)
    _write_steps(body, finding)
    for snippet in finding.unplaced:
        write_figure(body, body.part.numbers.get(snippet.index, Figure("", snippet, None)))
    for passage in by_position.get(Position.AFTER_CODE, ()):
        _write_passage(body, passage)
    if finding.affected:
        body.heading(3, body.runs(_("Affected")))
        body.bullets(
            body.runs(f"{labels.words(item.kind, body.words)}: ")
            + body.runs(item.name, CODE)
            + body.runs(f" – {item.note}" if item.note else "")
            for item in finding.affected
        )
    _write_advice(body, by_position.get(Position.ADVICE, []))
    _write_answer(body, finding, by_position)


def _write_passage(body: WordBody, passage: Passage, *, heading: bool = True) -> None:
    if heading:
        body.heading(3, body.runs(body.words.gettext(passage.heading)))
    body.only_for(passage.audience)
    write_prose(body, passage.text, 3 if heading else 2)


def _write_advice(body: WordBody, passages: Sequence[Passage]) -> None:
    for heading, group in groupby(passages, key=lambda passage: passage.heading):
        body.heading(3, body.runs(body.words.gettext(heading)))
        for passage in group:
            if len(passages) > 1:
                body.heading(4, body.runs(body.words.gettext(passage.subheading or passage.heading)))
            body.only_for(passage.audience)
            write_prose(body, passage.text, 4 if len(passages) > 1 else 3)


def _list_facts(body: WordBody, finding: ReportedFinding) -> Iterator[tuple[str, Cell]]:
    """Yield the facts of a finding that its head does not have."""
    _, words = body.words.gettext, body.words
    yield from _list_ratings(body, finding)
    if finding.snippets:
        paths = list(dict.fromkeys(snippet.path for snippet in finding.snippets))
        yield _("Files"), Cell([body.runs(path, CODE) for path in paths], text="".join(paths))
    for weakness in finding.cwe:
        runs = body.linked(weakness.id, f"https://cwe.mitre.org/data/definitions/{weakness.id[4:]}.html")
        runs += body.runs(f" {weakness.name}" if weakness.name else "")
        runs += body.runs(f" OWASP {weakness.top_ten}" if weakness.top_ten else "", QUIET)
        runs += body.runs(f" ({_('name from this report')})" if weakness.is_own else "", QUIET)
        yield _("Weakness"), body.cell(weakness.name or weakness.id, runs)
    plain = (
        (_("Difficulty"), labels.words(finding.difficulty, words) if finding.difficulty else ""),
        (_("Confidence"), labels.words(finding.confidence, words) if finding.confidence else ""),
        (_("Owner"), finding.owner or ""),
        (_("Due"), words.day(finding.due) if finding.due else ""),
        (_("Found by"), finding.found_by or ""),
    )
    if finding.residual_severity:
        name = finding.residual_severity.name
        yield _("Residual severity"), body.cell(name, body.chip(name, body.rank(name)))
    yield from ((name, body.cell(value)) for name, value in plain if value)
    for value in finding.extra:
        audience = f" ({body.name_audience(value.audience)})" if value.audience else ""
        yield value.label, body.cell(f"{value.value}{audience}")
    if finding.tags:
        yield _("Tags"), body.cell(words.join(finding.tags))
    if finding.related:
        # A finding that an edition leaves out has no bookmark.
        known = [id for id in finding.related if id in body.anchors]
        runs = body.ids(known) if len(known) == len(finding.related) else body.runs(words.join(finding.related))
        yield _("Related"), body.cell(" ".join(finding.related), runs)
    if finding.tickets:
        tickets = [body.linked(ref, labels.ticket_address(ref)) for ref in finding.tickets]
        yield _("Tickets"), Cell(tickets, text=" ".join(finding.tickets))
    if finding.aliases:
        yield _("Former ids"), body.cell(words.join(finding.aliases))


def _list_ratings(body: WordBody, finding: ReportedFinding) -> Iterator[tuple[str, Cell]]:
    _, words = body.words.gettext, body.words
    if finding.category:
        yield _("Category"), body.cell(finding.category)
    if finding.rating:
        rated = " × ".join(labels.words(level, words) for level in (finding.rating.impact, finding.rating.likelihood))
        yield _("Impact × likelihood"), body.cell(rated)
    for score in finding.scores:
        runs = body.runs(f"{score.score}", BOLD) + body.runs(f" {score.severity} ") + body.runs(score.vector, CODE)
        yield f"CVSS {score.version}", body.cell(score.vector, runs)


def _write_steps(body: WordBody, finding: ReportedFinding) -> None:
    if not finding.steps:
        return
    _ = body.words.gettext
    body.heading(3, body.runs(_("Path through the code")))
    number = body.next_list(1, 0)
    for snippet in finding.steps:
        runs = body.runs(labels.words(snippet.role or "", body.words), BOLD) + body.runs(": ")
        runs += body.runs(labels.citation(snippet), CODE)
        if len(body.engagement.repositories) > 1:
            runs += body.runs(f" {_('of {repository}', repository=snippet.repository)}")
        if snippet.symbol:
            runs += body.runs(f", {_('in {symbol}', symbol=snippet.symbol)}")
        if (figure := body.part.numbers.get(snippet.index)) is not None:
            name = _("Figure {number}", number=figure.number)
            runs += body.runs(", ") + body.refer(body.runs(name, Format(style="Hyperlink")), f"figure-{figure.number}")
        runs += body.runs(": ") + render_line(body, snippet.caption) if snippet.caption else ""
        body.add("List Number", runs, list_item=(number, 0))


def _write_answer(body: WordBody, finding: ReportedFinding, by_position: dict[Position, list[Passage]]) -> None:
    """Add the fix, the response, the decision, the history and the references."""
    _ = body.words.gettext
    fixed = by_position.get(Position.FIX, [])
    if finding.fix or fixed:
        body.heading(3, body.runs(_("Fix")))
        for passage in fixed:
            _write_text_of(body, passage)
        if finding.fix:
            body.bullets(body.runs(_("Commit {commit}", commit=commit)) for commit in finding.fix.commits)
            body.bullets(body.linked(address, address) for address in finding.fix.pull_requests)
    for passage in by_position.get(Position.ANSWER, ()):
        _write_passage(body, passage)
    decision = finding.decision
    if decision:
        body.heading(3, body.runs(_("Decision")))
        body.only_for(decision.audience)
        said = [body.words.day(decision.date), decision.by or ""]
        said += [_("at {commit}", commit=decision.commit[:12])] if decision.commit else []
        runs = body.runs(labels.words(decision.status, body.words), BOLD)
        runs += body.runs(f", {', '.join(filter(None, said))}: ") + body.titled(decision.note or "")
        body.add("Normal", runs)
    # The decision alone would be a table with what was just said.
    if len(finding.history) > (1 if decision else 0):
        _write_history(body, finding.history, decision)
    if finding.references:
        body.heading(3, body.runs(_("References")))
        body.bullets(
            body.linked(reference.title or reference.url, reference.url)
            + (body.runs(f" ({reference.url})", QUIET) if reference.title else "")
            for reference in finding.references
        )


def _write_text_of(body: WordBody, passage: Passage) -> None:
    body.only_for(passage.audience)
    write_prose(body, passage.text, 3)


def _write_history(body: WordBody, history: Sequence[Event], decision: Event | None) -> None:
    _ = body.words.gettext
    body.heading(3, body.runs(_("History")))
    columns = [
        (_("By"), [event.by or "" for event in history]),
        (_("Commit"), [event.commit or "" for event in history]),
        (_("Note"), [event.note or "" if event is not decision else "" for event in history]),
    ]
    shown = [(head, values) for head, values in columns if any(values)]
    rows = []
    for index, event in enumerate(history):
        audience = f" ({body.name_audience(event.audience)})" if event.audience else ""
        cells = [body.cell(body.words.day(event.date)), body.cell(f"{labels.words(event.status, body.words)}{audience}")]
        rows.append([*cells, *(body.cell(values[index], body.titled(values[index])) for _head, values in shown)])
    body.table([body.cell(head) for head in (_("Date"), _("Status"), *(head for head, _values in shown))], rows)


def write_appendix(body: WordBody) -> None:
    """Add the scale, the weaknesses, the attachments and how the quotes were verified."""
    _ = body.words.gettext
    if body.report.has_scale:
        body.part_heading(_("How severity was rated"), "part-severities")
        _write_scale(body)
    if body.report.classification is not None:
        body.part_heading(_("Weaknesses"), "part-weaknesses")
        _write_weaknesses(body)
    if body.report.attachments:
        body.part_heading(_("Attachments"), "part-attachments")
        text = _("These files belong to the report. The PDF contains them; HTML and Markdown come with them in a folder.")
        body.add("Normal", body.runs(text), keep_next=True)
        rows = []
        for file in body.report.attachments:
            audience = f" ({body.name_audience(file.audience)})" if file.audience else ""
            length = body.words.ngettext("{count} byte", "{count} bytes", file.size)
            name, title = body.cell(file.name, body.runs(file.name, CODE)), body.titled(file.title) + body.runs(audience)
            digest = body.cell(file.sha256, body.runs(file.sha256, CODE))
            rows.append([name, body.cell(file.title + audience, title), body.cell(length, align="right"), digest])
        body.table([body.cell(head) for head in (_("File"), _("Title"), _("Size"), _("SHA-256"))], rows)
    body.part_heading(_("How the quotes were verified"), "part-verification")
    _write_verification(body)
    for component in body.report.components:
        if component.name == "findings-report":
            made = _("Generated by {program}", program=f"{component.name} {component.version}")
            body.add("Remark", body.runs(made))


def _write_scale(body: WordBody) -> None:
    _, words, engagement = body.words.gettext, body.words, body.engagement
    if any(severity.meaning for severity in engagement.severities):
        rows = [
            [severity_cell(body, severity.name), body.cell(_(severity.meaning) if severity.meaning else "")]
            for severity in engagement.severities
        ]
        body.table([body.cell(_("Severity")), body.cell(_("Meaning"))], rows)
    if body.report.matrix is not None:
        matrix = body.report.matrix
        text = _("Severity follows from impact and likelihood, unless the finding explains an exception:")
        body.add("Normal", body.runs(text), keep_next=True)
        head = [body.cell(_("Impact"))]
        head += [body.cell(_("{level} likelihood", level=labels.words(level, words))) for level in matrix.likelihoods]
        rows = [
            [
                body.cell(labels.words(row.impact, words), body.runs(labels.words(row.impact, words), BOLD)),
                *(severity_cell(body, severity.name) if severity else body.cell(DASH) for severity in row.severities),
            ]
            for row in matrix.rows
        ]
        body.table(head, rows)
    if any(finding.severity_source == "cvss" for finding in body.report.findings):
        text = _(
            "A severity marked “CVSS” is the qualitative rating of the highest CVSS score: low from 0.1, medium from 4.0, "
            "high from 7.0, critical from 9.0."
        )
        body.add("Normal", body.runs(text))


def _write_weaknesses(body: WordBody) -> None:
    _, words, classification = body.words.gettext, body.words, body.report.classification
    assert classification is not None  # noqa: S101  # its caller looked
    from datetime import date

    day = words.day(date.fromisoformat(classification.date))
    runs = body.runs(_("Names follow CWE {version} ({date}).", version=classification.version, date=day))
    if classification.has_own:
        runs += body.runs(f" {_('Names marked * are from this report.')}")
    if classification.unclassified:
        before, _at, after = _("Findings without a CWE: {findings}.", findings="\x00").partition("\x00")
        runs += body.runs(f" {before}") + body.ids(classification.unclassified) + body.runs(after)
    body.add("Normal", runs, keep_next=True)
    rows = []
    for row in classification.weaknesses:
        name = f"{row.weakness.name or DASH}{' *' if row.weakness.is_own else ''}"
        address = f"https://cwe.mitre.org/data/definitions/{row.weakness.id[4:]}.html"
        id = body.cell(row.weakness.id, body.linked(row.weakness.id, address))
        rows.append([id, body.cell(name), body.cell(" ".join(row.findings), body.ids(row.findings))])
    body.table([body.cell(head) for head in ("CWE", _("Name"), _("Findings"))], rows)
    if classification.chapters:
        message = "Categories follow the OWASP Top Ten {version}, as mapped by CWE"
        message += "; for weaknesses marked *, as stated in this report." if classification.has_own else "."
        body.add("Normal", body.runs(_(message, version=classification.top_ten_version)), keep_next=True)
        rows = [
            [body.cell(chapter.title), body.cell(" ".join(chapter.findings), body.ids(chapter.findings))]
            for chapter in classification.chapters
        ]
        body.table([body.cell("OWASP Top Ten"), body.cell(_("Findings"))], rows)


def _write_verification(body: WordBody) -> None:
    _, words = body.words.gettext, body.words
    if not body.report.verdicts:
        body.add("Normal", body.runs(_("This report cites no code.")))
        return
    text = _(
        "Each location was read from its repository at the stated commit and compared with the code as the author quoted "
        "it. The report prints the repository’s own lines; code that could not be verified is marked as such."
    )
    body.add("Normal", body.runs(text))
    rows = [
        [
            body.cell(labels.words(count.verdict, words)),
            body.cell(words.number(count.total), align="right"),
            body.cell(_(VERDICT_MEANING[count.verdict])),
        ]
        for count in body.report.verdicts
    ]
    body.table([body.cell(_("Verdict")), body.cell(_("Locations"), align="right"), body.cell(_("Meaning"))], rows)
    rows = [
        [
            body.cell(finding.id, body.ids([finding.id])),
            _cited_cell(body, snippet),
            body.cell(snippet.commit[:7] if snippet.commit else DASH, body.runs((snippet.commit or DASH)[:7], CODE)),
            body.cell(_describe_verdict(body, snippet)),
        ]
        for finding in body.report.findings
        for snippet in finding.snippets
    ]
    body.table([body.cell(head) for head in (_("Finding"), _("Location"), _("Commit"), _("Verdict"))], rows)


def _cited_cell(body: WordBody, snippet: Snippet) -> Cell:
    lines = [body.linked(labels.citation(snippet), snippet.permalink, CODE)]
    lines += [body.runs(snippet.repository, QUIET)] if len(body.engagement.repositories) > 1 else []
    if snippet.encoding not in ("utf-8", "ascii"):
        lines.append(body.runs(body.words.gettext("encoding {name}", name=snippet.encoding), QUIET))
    return Cell(lines, text=labels.citation(snippet))


def _describe_verdict(body: WordBody, snippet: Snippet) -> str:
    if not snippet.runs and snippet.check.verdict is Verdict.NONE:
        return body.words.gettext("file cited as a whole")
    gaps = snippet.check.unmarked_gaps
    more = f" ({body.words.ngettext('{count} unmarked gap', '{count} unmarked gaps', gaps)})" if gaps else ""
    return f"{labels.verdict(snippet.check, body.words)}{more}"
