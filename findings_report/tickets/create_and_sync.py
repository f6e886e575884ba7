"""Draft a ticket for each finding, create those that are missing, never a second one, and bring tickets up to date.

No ticket is closed, and texts that people have edited are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Final

from findings_report import authoring
from findings_report.model.finding import ANSWERED, Status
from findings_report.model.report import Report, ReportedFinding
from findings_report.model.ticket import (
    FIELDS,
    SEVERITY_LABEL,
    Draft,
    Lock,
    LockedTicket,
    Markup,
    Project,
    TicketChange,
    TicketRef,
    TicketState,
)
from findings_report.model.translation import Translation
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import display_path
from findings_report.problems.suggestions import did_you_mean
from findings_report.prose.policy import plain_text
from findings_report.rendering import labels
from findings_report.rendering.csv import write_table
from findings_report.rendering.figures import number_figures
from findings_report.rendering.jinja_environment import TemplateRunner
from findings_report.rendering.markdown import code, escape
from findings_report.rendering.template_files import Template, find_template
from findings_report.report.check import Inputs, assembled, check
from findings_report.report.editions import require_audience
from findings_report.report.output_files import own_build
from findings_report.system.atomic_files import publish
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.markup.convert import convert, truncate
from findings_report.tickets.session import (
    FieldPlan,
    LockFile,
    OpenTrackers,
    TicketAction,
    TicketsResult,
    abort,
    digest,
    locked_ticket,
    open_lock_file,
    plan_fields,
    public_place,
    unresolved_field,
)
from findings_report.tickets.trackers import TicketCloser, TicketWriter, parse_ref

FOLDER: Final = "tickets"
"""The folder in `build/`, by default."""


IMPORT_FORMATS: Final = ("jira", "azure", "md")
"""The formats to which drafts are exported."""


_MAX_JIRA_TEXT: Final = 32_767


_MAX_AZURE_TEXT: Final = 500_000


# By urgency from 1 to 5: the priorities of a new Jira. The import asks how to map other names.
_JIRA_PRIORITIES: Final = ("Lowest", "Low", "Medium", "High", "Highest")


# By urgency from 1 to 5: the severities of a new project. The priority is the digit.
_AZURE_SEVERITIES: Final = ("4 - Low", "4 - Low", "3 - Medium", "2 - High", "1 - Critical")


def export(
    inputs: Inputs, formats: tuple[str, ...], only: tuple[str, ...], output: Path | None, progress: Callable[[str], None]
) -> TicketsResult:
    """Write the drafts of the findings that need action, or of `only`, in each of `formats`; in all if empty.

    Raises FindingsReportError if nothing was written.
    """
    if unknown := [name for name in formats if name not in IMPORT_FORMATS]:
        fault = f"{unknown[0]!r} is not one of {', '.join(IMPORT_FORMATS)}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(unknown[0], IMPORT_FORMATS), code="format"))
    lock_file = LockFile(authoring.find_folder(inputs.folder))
    drafts = draft_tickets(inputs, only, lock_file.lock.engagement, progress)
    selected = [
        drafts.by_finding[finding.id]
        for finding in drafts.report.findings
        if finding.id in drafts.by_finding and (only or finding.status not in ANSWERED)
    ]
    # own_build follows no symbolic link: a cloned engagement must not choose where files are written.
    folder = output or own_build(drafts.folder, FOLDER)
    files = {
        folder / file: content
        for name in formats or IMPORT_FORMATS
        for file, content in render_for_import(selected, name).items()
    }
    publish(files)
    paths = [display_path(path) for path in files]
    return TicketsResult(tuple(TicketAction("written", f"wrote {path}", file=path) for path in paths), drafts.problems)


def render_for_import(drafts: Sequence[Draft], name: str) -> Mapping[str, bytes]:
    """Return the drafts in one of IMPORT_FORMATS: files by name."""
    if name == "md":
        texts = {draft.finding: f"# {escape(draft.title)}\n\n{draft.text}\n{draft.end}" for draft in drafts}
        return {f"{finding}.md": convert(text, Markup.MARKDOWN).encode() for finding, text in texts.items()}
    return {"jira.csv": _jira(drafts)} if name == "jira" else {"azure.csv": _azure(drafts)}


def _jira(drafts: Sequence[Draft]) -> bytes:
    # Jira's import takes several columns of one name as several values.
    width = max((len(draft.labels) for draft in drafts), default=0)
    rows = [["Summary", "Issue Type", "Priority", "Description", *["Labels"] * width]]
    for draft in drafts:
        labels = [*draft.labels, *[""] * (width - len(draft.labels))]
        text = truncate(draft.text, draft.end, Markup.JIRA_WIKI, _MAX_JIRA_TEXT)
        rows.append([draft.title, "Bug", _JIRA_PRIORITIES[draft.urgency - 1], text, *labels])
    return write_table(rows)


def _azure(drafts: Sequence[Draft]) -> bytes:
    rows = [["Work Item Type", "Title", "Severity", "Priority", "Tags", "Repro Steps"]]
    for draft in drafts:
        text = truncate(draft.text, draft.end, Markup.HTML, _MAX_AZURE_TEXT)
        severity = _AZURE_SEVERITIES[draft.urgency - 1]
        rows.append(["Bug", draft.title, severity, severity[0], "; ".join(draft.labels), text])
    return write_table(rows)


# Jira, GitLab, Redmine and Azure DevOps refuse titles of more than 255 characters.
_MAX_TITLE: Final = 250


# Of the engagement's name in a marker: the whole marker is a label of Jira, which may have 255 characters.
_MAX_NAME: Final = 40


@dataclass(frozen=True)
class TicketDrafts:
    """The drafts of an engagement."""

    folder: Path
    """The engagement's folder."""
    report: Report
    """The report of which the drafts were made."""
    by_finding: Mapping[str, Draft]
    """Drafts by the id of the finding, in the order of the report."""
    files: Mapping[str, Path]
    """The YAML file of each finding, by id."""
    problems: tuple[Problem, ...]
    """Warnings of the check."""


def draft_tickets(inputs: Inputs, only: tuple[str, ...], name: str | None, progress: Callable[[str], None]) -> TicketDrafts:
    """Check the engagement and return the drafts of the findings `only`, of all if empty.

    `name` is the engagement's name in markers, None if no ticket was created yet. Raises FindingsReportError if the engagement
    has errors, or a finding cannot be rendered.
    """
    checked = check(inputs, progress)
    engagement = checked.authored.engagement
    report = assembled(checked, None)
    known = [finding.id for finding in report.findings]
    # A misspelled id must not end in "all findings have a ticket".
    if unknown := [id for id in only if id not in known]:
        fault = f"there is no finding {unknown[0]!r}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, did_you_mean(unknown[0], known), code="not-in-list"))
    texts = render_tickets(report, find_template(engagement.template, checked.folder, given=False))
    generic = cache(partial(_generic_findings, report))
    drafts = {
        finding.id: replace(
            _draft(finding, report, texts[finding.id], name or marker_name(engagement.title)),
            generic=partial(lambda id: generic()[id], finding.id),
        )
        for finding in report.findings
        if not only or finding.id in only
    }
    files = {Path(file).name.removesuffix(authoring.FINDING_SUFFIX): checked.folder / file for file in checked.authored.files}
    return TicketDrafts(checked.folder, report, drafts, files, checked.problems)


def _generic_findings(report: Report) -> Mapping[str, Mapping[str, object]]:
    """Return the findings with the keys of DefectDojo's generic findings, by id. Only one tracker asks for them."""
    from findings_report.rendering.exchange import render_defectdojo

    findings = json.loads(render_defectdojo(report).content)["findings"]
    return {finding["unique_id_from_tool"]: finding for finding in findings}


def render_tickets(report: Report, template: Template) -> Mapping[str, str]:
    """Render the text of each finding's ticket, by id, as Markdown. Raises FindingsReportError (OUTPUT)."""
    runner = TemplateRunner(report.engagement, template=template, format="md")
    texts: dict[str, str] = {}
    for finding in report.findings:
        part = runner.new_part()
        number_figures(part, finding)
        texts[finding.id] = runner.run("ticket", part, finding=finding).strip("\n") + "\n"
    return texts


def marker_name(title: str) -> str:
    """Return the name of an engagement in markers: letters of ASCII and digits, joined by `-`.

    No tracker changes these characters, and no index splits the marker in other places.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:_MAX_NAME].strip("-")
    return plain or hashlib.sha256(title.encode()).hexdigest()[:12]


def _draft(finding: ReportedFinding, report: Report, text: str, name: str) -> Draft:
    scale = [severity.name for severity in report.engagement.severities]
    rank = scale.index(finding.severity.name)
    marker = f"findings-report:{name}/{finding.id}"
    version = f", version {escape(report.engagement.version)}" if report.engagement.version else ""
    title = " ".join(f"{finding.id}: {plain_text(finding.title)}".split())
    return Draft(
        finding=finding.id,
        title=title if len(title) <= _MAX_TITLE else f"{title[: _MAX_TITLE - 1]}…",
        text=text,
        end=f"---\n\nFrom the report “{escape(report.engagement.title)}”{version}: {code(marker)}\n",
        marker=marker,
        status=finding.status,
        urgency=5 - round(rank * 4 / max(1, len(scale) - 1)),  # a scale of any length, mapped to five steps
        labels=(f"{SEVERITY_LABEL}{finding.severity.name}", *(weakness.id for weakness in finding.cwe), *finding.tags),
        audience=report.engagement.edition,
        due=finding.due.isoformat() if finding.due else "",
        owner=plain_text(finding.owner) if finding.owner else "",
    )


@dataclass(frozen=True)
class CreateOptions:
    """Which tickets to create, and where."""

    to: str
    """--to: the project, as in `redmine:audit`."""
    only: tuple[str, ...] = ()
    """--only: findings by id; empty is all that need action."""
    public: bool = False
    """--public: a project that everybody can read is allowed."""
    dry_run: bool = False
    """--dry-run: nothing is sent."""


def create(inputs: Inputs, options: CreateOptions, environment: Environment, progress: Callable[[str], None]) -> TicketsResult:
    """Create a ticket for each finding without one on that tracker. Raises FindingsReportError if nothing was sent.

    A ticket with the finding's marker is adopted: it is from an interrupted run, or from the run of another person.
    """
    project_ref = parse_ref(options.to)
    done: list[TicketAction] = []
    folder = authoring.find_folder(inputs.folder)
    with open_lock_file(folder, dry_run=options.dry_run) as lock_file, OpenTrackers(environment) as trackers:
        drafts = draft_tickets(inputs, options.only, lock_file.lock.engagement, progress)
        require_audience(drafts.report.engagement.audiences)
        problems = list(drafts.problems)
        tracker, project = _open_project(project_ref, trackers, options)
        for draft in _select_drafts(drafts, lock_file, project_ref.tracker):
            progress(f"{project_ref}: {draft.finding}")
            try:
                action, notes = _create(tracker, project, project_ref.tracker, draft, drafts, lock_file, options)
                done.append(action)
                problems += [note for note in notes if note not in problems]
            except FindingsReportError as error:
                problems += error.problems
                break  # whatever stops one stops the next; the next run continues from here
    nothing = "all findings that need action have a ticket" * (not problems)
    return TicketsResult(tuple(done), tuple(problems), nothing)


def _open_project(ref: TicketRef, trackers: OpenTrackers, options: CreateOptions) -> tuple[TicketWriter, Project]:
    try:
        tracker = trackers.writer(ref.tracker)
        project = tracker.project(ref.key)
    except FindingsReportError as error:
        raise abort(error.problems, "created") from None
    if project.is_public and not options.public:
        raise abort([public_place(f"the project {ref}", ref.key)], "created")
    return tracker, project


def _select_drafts(drafts: TicketDrafts, lock_file: LockFile, tracker: str) -> list[Draft]:
    """Return the drafts of the findings that need action and have no ticket on the tracker."""
    return [
        drafts.by_finding[finding.id]
        for finding in drafts.report.findings
        if finding.id in drafts.by_finding
        and finding.status not in ANSWERED
        and tracker not in lock_file.lock.tickets.get(finding.id, {})
        and not any(ref.startswith(f"{tracker}:") for ref in finding.tickets)
    ]


def _create(
    tracker: TicketWriter,
    project: Project,
    name: str,
    draft: Draft,
    drafts: TicketDrafts,
    lock_file: LockFile,
    options: CreateOptions,
) -> tuple[TicketAction, list[Problem]]:
    """Create or adopt one ticket, and record it in the lock file and in the finding; what was done, and notes."""
    text = truncate(draft.text, draft.end, tracker.description_markup, tracker.description_limit)
    # Asked before each ticket, not once for all: another person may be creating tickets at the same time.
    key = _oldest(tracker.find(project, draft))
    if options.dry_run:
        ref = str(TicketRef(name, key)) if key else ""
        text = f"{draft.title}\n  " + (f"is already {ref}" if key else "would be created")
        return TicketAction("would-record" if key else "would-create", text, ref, finding=draft.finding), []
    problems: list[Problem] = []
    # Read again, because the lock file needs the text and the fields as the tracker returns them.
    if key:
        verb, ticket = "is", tracker.read_state(key)
        fields = plan_fields(tracker, ticket, draft, {}).locked
    else:
        verb, (key, sent, problems) = "is now", _create_with_fields(tracker, project, name, draft, text)
        # Another person may have created one meanwhile, on another machine. Both look again, and the older ticket stays.
        if isinstance(tracker, TicketCloser) and (first := _oldest((key, *tracker.find(project, draft)))) != key:
            ticket = tracker.read_state(first)
            problems.append(_close_duplicate(tracker, key, ticket, draft))
            verb, fields = "is", plan_fields(tracker, ticket, draft, {}).locked
        else:
            ticket = tracker.read_state(key)
            fields = FieldPlan(sent, {}).lock_written(ticket, draft)
    engagement = lock_file.lock.engagement or marker_name(drafts.report.engagement.title)
    entry = locked_ticket(ticket, draft, text, fields)
    lock_file.update(lambda lock: lock.with_ticket(draft.finding, name, entry).model_copy(update={"engagement": engagement}))
    added = _add_to_finding(drafts, draft.finding, ticket.ref)
    text = f"{draft.title}\n  {verb} {ticket.ref}  {ticket.address}{added}"
    action = "created" if verb == "is now" else "recorded"
    return TicketAction(action, text, str(ticket.ref), ticket.address, draft.finding), problems


def _oldest(keys: Sequence[str]) -> str:
    """Return the key of the ticket that was created first; empty if there is none. Numbers at the end of keys only rise."""

    def number(key: str) -> tuple[int, str]:
        # By length, then by digits: an answer may have more of them than Python reads as a number.
        digits = (re.findall(r"[0-9]+", key) or [""])[-1].lstrip("0")
        return len(digits), digits

    return min(keys, key=number, default="")


def _close_duplicate(tracker: TicketCloser, key: str, first: TicketState, draft: Draft) -> Problem:
    """Close a ticket that this run has just created, with a comment that names the `first` one; a note about that.

    Whoever looks later finds both: the younger one stays if it cannot be closed, and is reported.
    """
    name = first.ref.tracker
    fault = f"{first.ref} was created by another run at the same time for {draft.finding}: {name}:{key} of this run"
    comment = f"Duplicate of [{code(str(first.ref))}]({first.address}), which another run created at the same time.\n"
    try:
        own = tracker.read_state(key)
        tracker.update(own, TicketChange(comment=convert(comment, tracker.markup)))
        tracker.close(own)
        if tracker.read_state(key).is_closed:
            return Problem(Kind.NETWORK, f"{fault} was closed", level="note", code="ticket-twice")
        reason = "the tracker did not close it"
    except FindingsReportError as error:
        reason = error.problems[0].fault
    remedy = f"close {name}:{key}"
    return Problem(Kind.NETWORK, f"{fault} stays open: {reason}", remedy, level="warning", code="ticket-twice")


def _create_with_fields(
    tracker: TicketWriter, project: Project, name: str, draft: Draft, text: str
) -> tuple[str, Mapping[str, str], list[Problem]]:
    """Create a ticket with as many fields as the tracker takes; its key, the fields that were sent, and notes.

    Whether a form has a field, and whether a person may own tickets, is often only known when the tracker refuses it. A refused
    ticket was not created, so it can be sent again.
    """
    fields: dict[str, str] = {}
    problems: list[Problem] = []
    for field, own in draft.fields.items():
        if not own:
            continue
        value = tracker.resolve(project, draft, field)
        if value is None:
            problems += unresolved_field(name, draft, field)
        else:
            fields[field] = value
    while True:
        try:
            return tracker.create(project, draft, text, fields), fields, problems
        except FindingsReportError as error:
            if not fields or error.problems[0].code != "tracker-refused":
                raise
            refused = _refused_fields(error, fields)
            problems.append(_refused(refused, error))
            fields = {field: value for field, value in fields.items() if field not in refused}


# How the trackers name the fields in their messages.
_NAMES_OF_FIELDS: Final = {
    "priority": ("priority", "severity"),
    "due": ("due", "date"),
    "owner": ("assign", "owner", "identity"),
}


def _refused_fields(error: FindingsReportError, fields: Mapping[str, str]) -> list[str]:
    """Return the fields that the tracker's message names; all of them if it names none."""
    message = error.problems[0].fault.lower()
    return [name for name in fields if any(word in message for word in _NAMES_OF_FIELDS[name])] or list(fields)


def _refused(names: Sequence[str], error: FindingsReportError) -> Problem:
    words = " and ".join(FIELDS[name] for name in names)
    return Problem(Kind.NETWORK, f"{words} not set: {error.problems[0].fault}", level="warning", code="ticket-field")


def _add_to_finding(drafts: TicketDrafts, finding: str, ref: TicketRef) -> str:
    """Add the ticket to the finding's file, so that the report names it; a line of text if the user has to do that."""
    from findings_report.system.atomic_files import publish_edited

    # The ticket exists at this point, so a file that cannot be edited must not stop the run.
    path = drafts.files[finding].resolve()  # a symbolic link is kept, its target is edited
    try:
        before = path.read_bytes()
        after = authoring.extend_list(before, "tickets", [str(ref)], shown=display_path(path))
        publish_edited({path: (before, after)})
    except FindingsReportError:
        return f"\n  add the reference to `tickets` in {display_path(path)}"
    return ""


@dataclass(frozen=True)
class SyncOptions:
    """What to update."""

    only: tuple[str, ...] = ()
    """--only: findings by id; empty is all."""
    overwrite: bool = False
    """--overwrite: also texts that people have edited on the tracker."""
    dry_run: bool = False
    """--dry-run: nothing is sent."""


def sync(inputs: Inputs, options: SyncOptions, environment: Environment, progress: Callable[[str], None]) -> TicketsResult:
    """Update the tickets that `create` has made. Raises FindingsReportError if nothing was sent.

    A problem with a single ticket is in the result: the others are updated nevertheless.
    """
    done: list[TicketAction] = []
    folder = authoring.find_folder(inputs.folder)
    with open_lock_file(folder, dry_run=options.dry_run) as lock_file, OpenTrackers(environment) as trackers:
        drafts = draft_tickets(inputs, options.only, lock_file.lock.engagement, progress)
        require_audience(drafts.report.engagement.audiences)
        words = Translation(status_words=drafts.report.engagement.status_words)
        problems = list(drafts.problems)
        linked = [
            (draft, name, known)
            for draft in drafts.by_finding.values()
            for name, known in lock_file.lock.tickets.get(draft.finding, {}).items()
        ]
        # All trackers are opened before the first ticket is updated: a wrong token stops the run while nothing was sent.
        try:
            writers = {name: trackers.writer(name) for name in dict.fromkeys(name for _, name, _ in linked)}
        except FindingsReportError as error:
            raise abort(error.problems, "changed") from None
        for draft, name, known in linked:
            progress(f"{known.ref}: {draft.finding}")
            try:
                action, updated, notes = _update(writers[name], draft, known, options, words)
            except FindingsReportError as error:
                problems += error.problems
                continue
            done += [action] if action is not None else []
            problems += [note for note in notes if note not in problems]
            if updated != known:
                lock_file.update(partial(Lock.with_ticket, finding=draft.finding, tracker=name, ticket=updated))
    nothing = "no tickets have been created for these findings" * (not linked)
    return TicketsResult(tuple(done), tuple(problems), nothing)


def _update(
    tracker: TicketWriter, draft: Draft, known: LockedTicket, options: SyncOptions, words: Translation
) -> tuple[TicketAction | None, LockedTicket, list[Problem]]:
    """Update one ticket; what was done, None if a text of other people is kept, the new entry of the lock file, and warnings.

    Raises FindingsReportError for a text that was made for another audience, and if the readers are not known.
    """
    # Whoever reads the ticket is known from the first run: a slip of the hand must not show them more.
    if known.audience is not None and known.audience != draft.audience:
        fault = f"{known.ref}: not updated: the ticket was created for {known.audience}"
        remedy = f"update it with `tickets sync --audience {known.audience} --only {draft.finding}`"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, level="warning", code="audience"))
    if known.audience is None and draft.audience is not None:
        fault = f"{known.ref}: not updated: it is not known who reads the ticket, which was created with everything"
        remedy = f"if its readers are {draft.audience}, write `audience: {draft.audience}` in its entry of {authoring.LOCK}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, level="warning", code="audience"))
    text = truncate(draft.text, draft.end, tracker.description_markup, tracker.description_limit)
    try:
        ticket = tracker.read_state(known.ref.partition(":")[2])
    except FindingsReportError as error:
        raise _describe_missing(error, draft, known) from None
    action = partial(TicketAction, ticket=known.ref, address=ticket.address, finding=draft.finding)
    plan = plan_fields(tracker, ticket, draft, known.fields, overwrite=options.overwrite)
    problems = list(plan.problems)
    if ticket.is_closed and draft.status not in {*ANSWERED, Status.RISK_ACCEPTED}:
        fault = f"{known.ref} is closed, and {draft.finding} is {labels.words(draft.status, words)}: it is not reopened"
        remedy = f"reopen the ticket, or set the status of {draft.finding}: {ticket.address}"
        problems.append(Problem(Kind.USAGE, fault, remedy, level="warning", code="ticket-closed"))
    known_fields = known if options.dry_run else known.model_copy(update={"fields": dict(plan.locked)})
    # Compared with the text as it was sent: an edited text on the tracker is only a conflict if there is something to send.
    is_new = known.written != digest(draft.title, text)
    # Compared with the text as the tracker returned it: trackers normalize what they are sent.
    is_edited = is_new and digest(ticket.text) != known.stands and not options.overwrite
    if is_edited:
        fault = f"{known.ref}: not updated: the text was changed on the tracker"
        remedy = f"copy the changes to {draft.finding}, then run `tickets sync --overwrite --only {draft.finding}`"
        problems.append(Problem(Kind.NETWORK, fault, remedy, level="warning", code="ticket-edited"))
    has_text = is_new and not is_edited
    if not has_text and not plan.send:
        text = f"{known.ref}: {draft.finding} is up to date"
        return (None if is_edited else action("unchanged", text)), known_fields, problems
    # Compared as statuses: another word for the same one is no change.
    before, now = (labels.words(status, words) for status in (known.status, draft.status))
    parts = [f"{before} is now {now}"] if has_text and known.status is not draft.status else []
    comment = convert(_status_comment(draft, before, now), tracker.markup) if parts else None
    change = (
        TicketChange(draft.title, text, comment, plan.send, draft.generic()) if has_text else TicketChange(fields=plan.send)
    )
    summary = "".join(f", {part}" for part in (*parts, *(FIELDS[name] for name in plan.send)))
    if options.dry_run:
        return action("would-update", f"{known.ref}: would update {draft.finding}{summary}"), known, problems
    sent, warnings = _send(tracker, ticket, change)
    problems += warnings
    if not has_text and not sent:
        return None, known_fields, problems
    after = tracker.read_state(ticket.ref.key)
    problems += _list_ignored(tracker, after, draft, sent)
    fields = replace(plan, send=sent).lock_written(after, draft)
    entry = locked_ticket(after, draft, text, fields) if has_text else known.model_copy(update={"fields": fields})
    summary = "".join(f", {part}" for part in (*parts, *(FIELDS[name] for name in sent)))
    return action("updated", f"{known.ref}: {draft.finding} updated{summary}\n  {ticket.address}"), entry, problems


def _describe_missing(error: FindingsReportError, draft: Draft, known: LockedTicket) -> FindingsReportError:
    """Return the error with what to do about a ticket that was deleted: a person decides whether there is to be another one."""
    tracker = known.ref.partition(":")[0]
    remedy = (
        f"if it was deleted, remove {tracker} of {draft.finding} from {authoring.LOCK} and {known.ref} from its `tickets`;"
        f" `tickets create --only {draft.finding}` then creates another one"
    )
    return FindingsReportError(
        [replace(problem, remedy=remedy) if problem.code == "tracker-ticket" else problem for problem in error.problems]
    )


def _send(tracker: TicketWriter, ticket: TicketState, change: TicketChange) -> tuple[Mapping[str, str], list[Problem]]:
    """Update a ticket with as many of its fields as the tracker takes; these fields, and warnings about the others."""
    problems: list[Problem] = []
    while change.text is not None or change.fields:
        try:
            tracker.update(ticket, change)
            break
        except FindingsReportError as error:
            # Nothing of a refused request was done. A person who may not own tickets must not keep the rest from being updated.
            if not change.fields or error.problems[0].code != "tracker-refused":
                raise
            refused = _refused_fields(error, change.fields)
            problems.append(_refused(refused, error))
            change = replace(change, fields={name: value for name, value in change.fields.items() if name not in refused})
    return change.fields, problems


def _list_ignored(tracker: TicketWriter, after: TicketState, draft: Draft, fields: Mapping[str, str]) -> list[Problem]:
    """Return warnings about fields that the tracker has not changed: several ignore what the user may not set."""
    ignored = [
        FIELDS[name]
        for name, value in fields.items()
        if after.fields.get(name) not in (value, tracker.resolve(after, draft, name) if value else "")
    ]
    fault = f"{after.ref}: the tracker accepted the change, but has another {' and '.join(ignored)}"
    remedy = "check whether the owner of the token may change it, and whether the person may own the ticket"
    return [Problem(Kind.NETWORK, fault, remedy, level="warning", code="ticket-field")] * bool(ignored)


def _status_comment(draft: Draft, before: str, now: str) -> str:
    close = " Close this ticket if you agree." if draft.status in ANSWERED else ""
    return f"Status of {draft.finding} in the report: **{escape(now)}** (previously: {escape(before)}).{close}\n"
