"""Files of tools that auditors use: weAudit's notes of an editor, DefectDojo's generic findings, Strix' reports.

Sources: `src/types.ts` of trailofbits/vscode-weaudit; `dojo/tools/generic/json_parser.py` of DefectDojo/django-DefectDojo;
`strix/report/state.py` and `strix/tools/reporting` of usestrix/strix.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from findings_report.importing.cited_code import Cited, CodeFinder
from findings_report.importing.foreign import JsonValue, is_name, is_url, read_json, refuse, refuse_kind
from findings_report.importing.importers import (
    ForeignFile,
    ImportContext,
    ImportedFile,
    ImportedFinding,
    choose_severity,
)
from findings_report.problems import Kind, Place, Problem

_SEVERITIES: Final = {"info": "informational", "none": "informational"}
"""Severities of the default scale by other words of these tools."""

_ORDER: Final = (
    *("title", "category", "severity", "severity_reason", "difficulty", "cvss", "cwe", "tags", "confidence", "due", "affected"),
    *("status", "summary", "description", "impact", "scenario", "proof", "recommendation", "response", "locations", "history"),
    *("references", "found_by"),
)

_ADVICE: Final = re.compile(r"Short term,[ \t]*(?P<short>.*?)\s*^Long term,[ \t]*(?P<long>.*)\Z", re.DOTALL | re.MULTILINE)
_OWN_ID: Final = re.compile(r"[A-Za-z]{1,12}(?:[._-][A-Za-z]{1,12}){0,3}[._-]?[0-9]{1,6}")


class _Findings:
    """The findings of a file so far, whatever its kind."""

    def __init__(self, file: ForeignFile, context: ImportContext) -> None:
        self._file = file
        self._context = context
        self._finder = CodeFinder(context, file)
        self._findings: list[ImportedFinding] = []
        self._problems: list[Problem] = []
        self._keys: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()

    # The order of the fields in the file is that of the reference, whatever the order of the source.
    def add(
        self,
        entry: JsonValue,
        fields: Mapping[str, Any],
        severity: str | None,
        cited: Sequence[Cited],
        identities: Sequence[str],
        *,
        own_id: str | None = None,
        is_certain: bool = False,
    ) -> None:
        """Add a finding. Raises FindingsReportError (INPUT) if it has no title."""
        title = " ".join(str(fields.get("title") or "").split())[:500]
        if not title:
            entry.refuse("has no title", "write one in the program that it comes from")
        if severity is not None:
            severity = _SEVERITIES.get(severity.casefold(), severity)
        chosen, warnings = choose_severity(severity, title, self._context, file=self._file.shown, place=entry.pointer)
        self._problems += warnings
        locations, rest = self._finder.locate(cited)
        description = "\n\n".join(filter(None, (str(fields.get("description") or "").strip("\n"), rest)))
        values = {**fields, "title": title, "severity": chosen, "description": description or title, "locations": locations}
        ordered = {name: _end_text(name, values[name]) for name in _ORDER if values.get(name)}
        self._keys.update(identities)
        numbered = (f"{id} ({self._keys[id]})" if self._keys[id] > 1 else id for id in identities)
        finding = ImportedFinding(tuple(numbered), ordered, entry.pointer, own_id, is_certain=is_certain)
        self._findings.append(finding)

    def warn(self, entry: JsonValue, fault: str) -> None:
        """Add a warning on an entry."""
        place = Place(self._file.shown)
        problem = Problem(Kind.INPUT, f"{entry.pointer} {fault}", place=place, level="warning", code="import-part")
        self._problems.append(problem)

    def finish(self) -> ImportedFile:
        """Return the file. Raises FindingsReportError (INPUT) if it has too many findings."""
        limit = self._context.options.limit
        if len(self._findings) > limit:
            fault = f"it has {len(self._findings):,} findings; at most {limit:,} are imported"
            refuse(self._file, fault, "divide it into several files, or raise --limit", code="import-size")
        place = Place(self._file.shown)
        notes = []
        if not self._findings:
            notes.append(Problem(Kind.INPUT, "it has no findings", place=place, level="note", code="import-part"))
        if self.unread:
            listed = ", ".join(f"`{name}` ({count:,})" for name, count in self.unread.most_common(12))
            fault = f"not imported, because findings have no place for it: {listed}"
            notes.append(Problem(Kind.INPUT, fault, place=place, level="note", code="import-part"))
        return ImportedFile(tuple(self._findings), problems=(*self._problems, *self._finder.problems(), *notes))

    def find_repository(self, *addresses: str | None) -> str | None:
        """Return the repository with one of some addresses."""
        from findings_report.forges.permalinks import find_home

        homes = [home[1] for address in addresses if address and (home := find_home(address))]
        return next((name for home in homes if (name := self._finder.find_repository(home))), None)


def _end_text(name: str, value: Any) -> Any:
    is_text = isinstance(value, str) and name in _TEXTS
    if is_text:
        return value.strip("\n") + "\n"
    return value


_TEXTS: Final = frozenset(
    ("summary", "description", "impact", "scenario", "proof", "recommendation", "response", "severity_reason")
)


# --- weAudit


def read_weaudit(file: ForeignFile, context: ImportContext) -> ImportedFile:
    """Return the findings of an auditor's `.weaudit` file. Raises FindingsReportError (INPUT)."""
    if not file.content.strip():
        refuse(file, "the file is empty", "save it again with weAudit", code="import-format")
    root = read_json(file)
    if isinstance(root.value, list) and all(isinstance(day, list) for day in root.value):
        refuse(file, "it is weAudit's log of days, which has no findings", "name the .weaudit file", code="import-format")
    if not isinstance(root.value, dict) or "treeEntries" not in root.value:
        refuse_kind(root, "weaudit")
    findings = _Findings(file, context)
    repository = findings.find_repository(root.text("clientRemote"), root.text("gitRemote"))
    sha = root.text("gitSha")
    # weAudit also saves while no repository is open; then this is empty.
    commit = sha.lower() if sha and re.fullmatch(r"[0-9a-fA-F]{7,64}", sha) else None
    for key, status in (("treeEntries", "undetermined"), ("resolvedEntries", "resolved")):
        for entry in root.entries(key):
            if _is_note(entry) and not context.options.include_notes:
                findings.unread["notes"] += 1
                continue
            _add_entry(findings, entry, status, repository, commit)
    for key in ("auditedFiles", "partiallyAuditedFiles"):
        if count := len(root.entries(key)):
            findings.unread[key] += count
    return findings.finish()


def _is_note(entry: JsonValue) -> bool:
    """Return True for a note, False for a finding. Raises FindingsReportError (INPUT) for what weAudit refuses as well."""
    kind = entry.whole("entryType")
    if kind not in (0, 1):
        entry.get("entryType").refuse(f"is {kind}, and not 0 (finding) or 1 (note)")
    for required in ("label", "details", "locations"):
        if entry.get(required).value is None:
            entry.get(required).refuse("is missing", "save the file again with weAudit")
    return kind == 1


def _add_entry(findings: _Findings, entry: JsonValue, status: str, repository: str | None, commit: str | None) -> None:
    details = entry.get("details")
    fields: dict[str, Any] = {
        "title": entry.text("label"),
        "category": details.text("type"),
        "confidence": "unconfirmed",
        "status": status,
        "description": details.text("description"),
        "scenario": details.text("exploit"),
        "found_by": entry.text("author"),
    }
    difficulty = (details.text("difficulty") or "").casefold()
    if difficulty in ("low", "medium", "high"):
        fields["difficulty"] = difficulty
    elif difficulty:
        findings.unread[f"difficulty {difficulty}"[:60]] += 1
    advice = (details.text("recommendation") or "").strip()
    match = _ADVICE.match(advice)
    # The template of weAudit, with nothing behind its words, is no advice.
    if match is not None and match["short"].strip() and match["long"].strip():
        fields["recommendation"] = {"short_term": match["short"].strip() + "\n", "long_term": match["long"].strip() + "\n"}
    elif re.sub(r"\b(?:Short|Long) term,", "", advice).strip():
        fields["recommendation"] = advice
    cited = []
    for location in entry.entries("locations"):
        path, start, end = location.text("path"), location.whole("startLine"), location.whole("endLine")
        if path is None or start is None or end is None:
            location.refuse("has no path, startLine or endLine", "save the file again with weAudit")
        if end < start:
            location.get("endLine").refuse(f"is {end}, before startLine {start}")
        caption = ": ".join(filter(None, (location.text("label"), location.text("description")))) or None
        # Lines of VS Code begin with 0.
        cited.append(Cited((path,), (start + 1, end + 1), caption=caption, repository=repository, commit=commit))
    where = cited[0].paths[0] if cited else ""
    findings.add(
        entry, fields, details.text("severity"), cited, (f"{fields['title']} ({where})" if where else str(fields["title"]),)
    )


# --- DefectDojo

_DOJO: Final = frozenset((
    *("title", "severity", "description", "mitigation", "impact", "steps_to_reproduce", "severity_justification", "references"),
    *("cwe", "cwes", "cve", "vulnerability_ids", "cvssv3", "cvssv4", "active", "verified", "false_p", "risk_accepted", "tags"),
    *("is_mitigated", "mitigated", "date", "file_path", "line", "sast_source_object", "sast_sink_object", "sast_source_line"),
    *("sast_source_file_path", "unique_id_from_tool", "vuln_id_from_tool", "component_name", "component_version", "endpoints"),
    *("planned_remediation_date", "service", "param", "payload"),
))  # fmt: skip
"""Keys that are read."""


def read_defectdojo(file: ForeignFile, context: ImportContext) -> ImportedFile:
    """Return DefectDojo's generic findings. Raises FindingsReportError (INPUT)."""
    root = read_json(file)
    if not isinstance(root.value, dict) or not isinstance(root.value.get("findings"), list):
        refuse_kind(root, "defectdojo")
    entries = root.entries("findings")
    if entries and not {"title", "severity", "description"} & entries[0].value.keys():
        refuse_kind(root, "defectdojo")
    findings = _Findings(file, context)
    for entry in entries:
        for required in ("title", "severity", "description"):
            if entry.text(required) is None:
                entry.get(required).refuse("is missing", "generic findings have a title, a severity and a description")
        for key, member in entry.members():
            if key not in _DOJO and member.value not in (None, "", [], {}):
                findings.unread[key[:60]] += 1
        fields = {
            "title": entry.text("title"),
            "severity_reason": entry.text("severity_justification"),
            "cvss": list(_read_vectors(entry, findings)),
            "cwe": list(dict.fromkeys(_read_weaknesses(entry))),
            "tags": [tag for tag in _read_tags(entry) if is_name(tag)][:50],
            "due": _read_day(entry, "planned_remediation_date"),
            "affected": list(_read_affected(entry)),
            "impact": entry.text("impact"),
            "proof": entry.text("steps_to_reproduce"),
            "recommendation": entry.text("mitigation"),
            **_read_state(entry),
        }
        links, rest = _split_links(entry.text("references"))
        fields["references"] = [{"url": url} for url in links]
        parts = [entry.text("description"), rest]
        parts += [f"`{key}`: {text}" for key in ("param", "payload") if (text := entry.text(key))]
        fields["description"] = "\n\n".join(filter(None, parts))
        # Only the first is unique; the second names the check of the scanner.
        unique, own = _read_id(entry, "unique_id_from_tool"), _read_id(entry, "vuln_id_from_tool")
        identity = f"unique_id_from_tool {unique}" if unique else f"{fields['title']} ({entry.text('file_path') or ''})"
        own_id = next((id for id in (unique, own) if id and _OWN_ID.fullmatch(id)), None)
        cited = list(_read_dojo_places(entry))
        findings.add(entry, fields, entry.text("severity"), cited, (identity[:1_000],), own_id=own_id, is_certain=bool(unique))
    return findings.finish()


def _read_id(entry: JsonValue, key: str) -> str | None:
    """Return an id, which programs write as a text or a number."""
    value = entry.get(key).value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else entry.text(key)


def _read_vectors(entry: JsonValue, findings: _Findings) -> Iterator[str]:
    from findings_report.authoring.scoring import score

    for key in ("cvssv3", "cvssv4"):
        if (vector := entry.text(key)) is None:
            continue
        try:
            score(vector)
        except ValueError as error:
            findings.warn(entry.get(key), f"is not imported: {error}")
        else:
            yield vector


def _read_weaknesses(entry: JsonValue) -> Iterator[str]:
    cwes = entry.get("cwes").value
    for value in [entry.get("cwe").value, *(cwes if isinstance(cwes, list) else ())]:
        match = re.fullmatch(r"\s*(?:CWE-)?0*([1-9][0-9]{0,5})(?:\.0)?\b.*", str(value), re.IGNORECASE | re.DOTALL)
        if value is not None and match is not None:
            yield f"CWE-{match[1]}"


def _read_tags(entry: JsonValue) -> Iterator[str]:
    for key in ("tags", "vulnerability_ids"):
        value = entry.get(key).value
        yield from re.split(r"[,\s]+", value) if isinstance(value, str) else entry.texts(key)
    if (cve := entry.text("cve")) is not None:
        yield cve


def _read_day(entry: JsonValue, key: str) -> str | None:
    match = re.match(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?![0-9])", entry.text(key) or "")
    return match[0] if match else None


def _read_state(entry: JsonValue) -> dict[str, Any]:
    """Return status, confidence and history."""

    def is_set(key: str) -> bool:
        return str(entry.get(key).value).casefold() in ("true", "1", "yes")

    # In this order: DefectDojo sets `active` and `verified` independently of the decision on a finding.
    states = {"false_p": "false_positive", "risk_accepted": "risk_accepted", "is_mitigated": "resolved", "verified": "open"}
    status = next((status for key, status in states.items() if is_set(key)), "open" if is_set("active") else "undetermined")
    day, end = _read_day(entry, "date"), _read_day(entry, "mitigated")
    history = [{"date": day, "status": "open"}] if day and status in ("open", "resolved") and (status == "open" or end) else []
    if end and status == "resolved":
        history.append({"date": end, "status": "resolved"})
    return {"status": status, "confidence": "confirmed" if is_set("verified") else "unconfirmed", "history": history}


def _read_affected(entry: JsonValue) -> Iterator[dict[str, str]]:
    name, version = entry.text("component_name"), _read_id(entry, "component_version")
    if name:
        yield {"kind": "component", "name": " ".join(filter(None, (name, version)))[:500]}
    if (service := entry.text("service")) is not None:
        yield {"kind": "service", "name": service[:500]}
    for endpoint in entry.get("endpoints").items():
        if isinstance(endpoint.value, str):
            yield {"kind": "url", "name": endpoint.value[:500]}
        elif (host := endpoint.text("host")) is not None:
            scheme, path = endpoint.text("protocol"), endpoint.text("path")
            port = endpoint.whole("port")
            address = (
                f"{scheme + '://' if scheme else ''}{host}{f':{port}' if port else ''}{'/' + path.lstrip('/') if path else ''}"
            )
            yield {"kind": "url", "name": address[:500]}


def _split_links(text: str | None) -> tuple[list[str], str]:
    """Return the lines that are addresses, and the rest of a text."""
    lines = (text or "").split("\n")
    links = [link for line in lines if is_url(link := line.strip().lstrip("*- ").strip("<>"))]
    rest = [line for line in lines if not is_url(line.strip().lstrip("*- ").strip("<>"))]
    return links[:50], "\n".join(rest).strip()


def _read_dojo_places(entry: JsonValue) -> Iterator[Cited]:
    source, sink = entry.text("sast_source_file_path"), entry.text("file_path")
    if source is not None:
        line = entry.whole("sast_source_line")
        caption = entry.text("sast_source_object")
        yield Cited((source,), (line, line) if line else None, role="source" if sink else None, caption=caption)
    if sink is not None:
        line = entry.whole("line")
        caption = entry.text("sast_sink_object")
        yield Cited((sink,), (line, line) if line else None, role="sink" if source else None, caption=caption)


# --- Strix

_STRIX: Final = frozenset((
    *("id", "title", "severity", "description", "impact", "target", "technical_analysis", "poc_description", "poc_script_code"),
    *("remediation_steps", "evidence", "assumptions", "cvss", "cvss_breakdown", "endpoint", "method", "cve", "cwe"),
    *("code_locations", "dependency_metadata"),
))  # fmt: skip
_METRICS: Final = {
    "attack_vector": "AV",
    "attack_complexity": "AC",
    "privileges_required": "PR",
    "user_interaction": "UI",
    "scope": "S",
    "confidentiality": "C",
    "integrity": "I",
    "availability": "A",
}


def read_strix(file: ForeignFile, context: ImportContext) -> ImportedFile:
    """Return the reports of Strix, one or a list. Raises FindingsReportError (INPUT)."""
    root = read_json(file)
    if isinstance(root.value, dict):
        listed = next((key for key in ("vulnerabilities", "vulnerability_reports") if key in root.value), None)
        if listed is None and "title" not in root.value:
            refuse_kind(root, "strix")
        reports = root.entries(listed) if listed else [root]
    else:
        reports = list(root.items())
    for report in reports:
        report.expect_object()
    if reports and not any(
        report.value.keys() & (_STRIX - {"title", "severity", "description", "id", "impact", "cwe", "cve"})
        for report in reports
    ):
        refuse_kind(root, "strix")
    findings = _Findings(file, context)
    for report in reports:
        for key, member in report.members():
            if key not in _STRIX and member.value not in (None, "", [], {}):
                findings.unread[key[:60]] += 1
        id, title = report.text("id"), report.text("title")
        places = report.entries("code_locations")
        fields = {
            "title": title,
            "cvss": _read_breakdown(report),
            "cwe": list(_read_weaknesses(report)),
            "tags": [cve for cve in (report.text("cve"),) if cve and is_name(cve)],
            "confidence": "unconfirmed",
            "affected": list(_read_targets(report)),
            "status": "undetermined",
            "description": _join_parts(report, ("description", "technical_analysis", "evidence", "assumptions")),
            "impact": report.text("impact"),
            "proof": "\n\n".join(filter(None, (report.text("poc_description"), _fence(report.text("poc_script_code"))))),
            "recommendation": "\n\n".join(filter(None, (report.text("remediation_steps"), *map(_write_fix, places)))),
        }
        # Each run of Strix begins with vuln-0001, so the id alone says nothing.
        identity = ": ".join(filter(None, (id, title)))
        findings.add(report, fields, report.text("severity"), list(_read_strix_places(places)), (identity[:1_000],), own_id=id)
    return findings.finish()


def _join_parts(report: JsonValue, keys: Sequence[str]) -> str:
    """Return texts, each but the first below the name of its field."""
    parts: list[str] = []
    for key in keys:
        if (text := report.text(key)) is not None:
            parts.append(text if not parts else f"### {key.replace('_', ' ').capitalize()}\n\n{text}")
    return "\n\n".join(parts)


def _fence(code: str | None, language: str = "") -> str | None:
    if code is None:
        return None
    sign = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
    code = code.strip("\n")
    return f"{sign}{language}\n{code}\n{sign}"


def _write_fix(place: JsonValue) -> str | None:
    """Return a proposed change as a diff."""
    before, after = place.text("fix_before"), place.text("fix_after")
    if before is None and after is None:
        return None
    lines = [f"{sign}{line}" for sign, code in (("-", before), ("+", after)) for line in (code or "").splitlines()]
    name = place.text("file")
    return "\n\n".join(filter(None, (f"`{name}`:" if name and "`" not in name else None, _fence("\n".join(lines), "diff"))))


def _read_breakdown(report: JsonValue) -> list[str]:
    """Return the CVSS 3.1 vector of a report; none for an incomplete one."""
    from findings_report.authoring.scoring import score

    breakdown = report.get("cvss_breakdown")
    values = [(sign, breakdown.text(name)) for name, sign in _METRICS.items()] if isinstance(breakdown.value, dict) else []
    vector = "CVSS:3.1/" + "/".join(f"{sign}:{value}" for sign, value in values)
    try:
        score(vector)
    except ValueError:
        return []
    return [vector]


def _read_targets(report: JsonValue) -> Iterator[dict[str, str]]:
    if (endpoint := report.text("endpoint")) is not None:
        yield {"kind": "endpoint", "name": " ".join(filter(None, (report.text("method"), endpoint)))[:500].replace("\n", " ")}
    if (target := report.text("target")) is not None:
        yield {"kind": "target", "name": " ".join(target.split())[:500]}
    package = report.get("dependency_metadata")
    if isinstance(package.value, dict) and (name := package.text("package_name")) is not None:
        version = package.text("installed_version")
        fixed = package.text("fixed_version")
        note = {"note": f"fixed in {fixed}"} if fixed else {}
        yield {
            "kind": "package",
            "name": " ".join(filter(None, (package.text("package_ecosystem"), name, version)))[:500],
            **note,
        }


def _read_strix_places(places: Sequence[JsonValue]) -> Iterator[Cited]:
    for place in places:
        path = place.text("file")
        if path is None:
            place.get("file").refuse("is missing", "a code location has a file and lines")
        start, end = place.whole("start_line"), place.whole("end_line")
        lines = (start, max(end or start, start)) if start else None
        # The code before the fix is code of the repository as well.
        quote = place.text("snippet") or place.text("fix_before")
        cited = Cited((path,), lines, quote, caption=place.text("label"))
        yield cited if lines else replace(cited, lines=None)
