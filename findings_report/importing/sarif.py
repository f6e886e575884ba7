"""SARIF 2.1.0, the format of static analysis tools, read as findings.

Source: Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS Standard; sections are named where a rule of it
is not obvious. `security-severity` and the tags `external/cwe/...` are GitHub's and CodeQL's.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from findings_report.authoring.scoring import of_score
from findings_report.importing.cited_code import Cited, CodeFinder, escape_plain
from findings_report.importing.foreign import JsonValue, clean, is_name, is_url, read_json, refuse, refuse_kind
from findings_report.importing.importers import (
    ForeignFile,
    ImportContext,
    ImportedFile,
    ImportedFinding,
    choose_severity,
)
from findings_report.model.finding import Confidence, Status
from findings_report.problems import Kind, Place, Problem

_LEVELS: Final = {"error": "high", "warning": "medium", "note": "low", "none": "informational"}
"""Severities of the default scale by the level, which is used only without a `security-severity`."""
_KINDS: Final = ("fail", "open", "review", "pass", "notApplicable", "informational")
_COMPUTED: Final = ("primaryLocationLineHash", "findingsReportRegion/v1")
"""Fingerprints that `build -f sarif` computes again from the code."""
_PASSED: Final = frozenset(("pass", "notApplicable", "informational"))
_BASELINES: Final = ("new", "unchanged", "updated", "absent")
_SUPPRESSIONS: Final = ("accepted", "underReview", "rejected")

_READ: Final = frozenset(
    (
        *("ruleId", "ruleIndex", "rule", "kind", "level", "message", "locations", "analysisTarget", "guid", "correlationGuid"),
        *("occurrenceCount", "partialFingerprints", "fingerprints", "stacks", "codeFlows", "relatedLocations", "suppressions"),
        *("baselineState", "hostedViewerUri", "workItemUris", "taxa", "fixes", "provenance", "properties"),
    )
)
"""Properties of a result that are read, or say nothing of the weakness (2.1.0, 3.27)."""

_CWE: Final = re.compile(r"(?:^|[^A-Za-z])cwe[-_: ]{0,2}0*([1-9][0-9]{0,5})(?![0-9])", re.IGNORECASE)
_FALSE_POSITIVE: Final = re.compile(r"(?<!not a )(?<!no )\bfalse[ -]?positive\b", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([0-9]{1,3})\}")
_EMBEDDED: Final = re.compile(r"(?<!\\)\[([^\[\]\\]*+(?>(?:\\.[^\[\]\\]*+)*))\]\(([^()\s]++)\)")
_PROGRAM: Final = "findings-report"
"""The name of this program in its own logs, whose `help` is the whole finding."""
_MOST_TITLE: Final = 200
_MOST_FINGERPRINT: Final = 500
"""Characters of a fingerprint's name, and of its value."""
_MOST_BASES: Final = 20


def read_sarif(file: ForeignFile, context: ImportContext) -> ImportedFile:
    """Return the results of a log as findings. Raises FindingsReportError (INPUT)."""
    root = read_json(file)
    if not isinstance(root.value, dict) or "runs" not in root.value:
        refuse_kind(root, "sarif")
    version = root.text("version")
    if version != "2.1.0":
        is_other = version is not None and re.match(r"1\.|2\.", version) is not None
        remedy = (
            "convert it to 2.1.0 with the Sarif.Multitool of Microsoft" if is_other else "write the file again with its program"
        )
        root.get("version").refuse(f"is {version!r}; version 2.1.0 is read", remedy, code="import-format")
    log = _Log(file, context, CodeFinder(context, file))
    for run in root.entries("runs"):
        log.read_run(run)
    findings = tuple(log.make_findings())
    return ImportedFile(
        findings, engagement=log.declare_repository(), problems=(*log.problems, *log.finder.problems(), *log.name_unread())
    )


@dataclass(frozen=True)
class _Rule:
    """A rule; of one that the tool does not describe, only the id."""

    id: str | None
    title: str | None = None
    text: str | None = None
    """Its full description, Markdown."""
    help: str | None = None
    """Its help, Markdown."""
    url: str | None = None
    level: str | None = None
    score: float | None = None
    tags: tuple[str, ...] = ()
    cwe: tuple[str, ...] = ()
    messages: JsonValue | None = None
    key: str | None = None
    """Its pointer, by which configurations name it."""


@dataclass(frozen=True)
class _Result:
    """A result that is a finding, or a part of one."""

    pointer: str
    rule: _Rule
    tool: str
    message: str
    """Markdown."""
    summary: str
    """The message as a title."""
    severity: str
    status: str
    response: str | None
    cited: tuple[Cited, ...]
    affected: tuple[tuple[str, str], ...]
    cwe: tuple[str, ...]
    tags: tuple[str, ...]
    urls: tuple[str, ...]
    fixes: tuple[str, ...]
    identities: tuple[str, ...]
    is_certain: bool
    prints: tuple[Mapping[str, Any], ...]
    """Fingerprints of the tool, as fields of a finding have them."""
    own_id: str | None = None
    """The id of the finding that the result was made of, if this program wrote the log."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """Fields of that finding."""

    @property
    def path(self) -> str:
        """The path of its first location; empty if it has none."""
        return self.cited[-1].paths[0] if self.cited and self.cited[0].role else self.cited[0].paths[0] if self.cited else ""


@dataclass
class _Log:
    """The results of a file so far."""

    file: ForeignFile
    context: ImportContext
    finder: CodeFinder
    results: list[_Result] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    passed: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    declared: dict[str, dict[str, str]] = field(default_factory=dict)

    def read_run(self, run: JsonValue) -> None:
        """Add the results of a run."""
        reader = _ToolRun(run, self)
        if run.get("externalPropertyFileReferences").get("results").value:
            self._warn(
                f"{run.pointer}/externalPropertyFileReferences/results are in other files, which are not read",
                "import them as well",
            )
        for number, invocation in enumerate(run.entries("invocations")):
            if invocation.get("executionSuccessful").value is False:
                place = f"{run.pointer}/invocations/{number}"
                fault = f"{place}: the run of {reader.tool} was not successful, so results may be missing"
                self._warn(fault, "see its notifications, and run it again")
        if run.get("results").value is None and not run.get("externalPropertyFileReferences").get("results").value:
            # 3.14.23: without the list the tool has not looked; an empty one says that nothing was found.
            self._warn(f"{run.pointer} has no results: the tool did not look for any", None)
        for result in run.entries("results"):
            if (read := reader.read_result(result)) is None:
                self.passed += 1
            else:
                self.results.append(read)

    def _warn(self, fault: str, remedy: str | None) -> None:
        place = Place(self.file.shown)
        self.problems.append(Problem(Kind.INPUT, fault, remedy, place=place, level="warning", code="import-part"))

    def declare_repository(self) -> Mapping[str, Any]:
        """Return `repositories` for an engagement that has none, from the provenance of the runs."""
        return {"repositories": self.declared} if self.declared and not self.context.engagement.repositories else {}

    def name_unread(self) -> Iterator[Problem]:
        """Yield notes on what is not imported."""
        place = Place(self.file.shown)
        if not self.results and not self.passed:
            yield Problem(Kind.INPUT, "it has no results", place=place, level="note", code="import-part")
        if self.passed:
            fault = f"{self.passed:,} of its results are no findings: kind pass, notApplicable or informational, or level none"
            remedy = "use --include-passed to import them as well"
            yield Problem(Kind.INPUT, fault, remedy, place=place, level="note", code="import-part")
        # Of several results that are one finding, none is recognised by its own fingerprint.
        if self.context.options.group != "result":
            names = (own["name"] for result in self.results for own in result.prints)
            self.unread.update(f"fingerprints.{name}"[:60] for name in names)
        if self.unread:
            listed = ", ".join(f"`{name}` ({count:,})" for name, count in self.unread.most_common(12))
            fault = f"not imported, because findings have no place for it: {listed}"
            yield Problem(Kind.INPUT, fault, place=place, level="note", code="import-part")

    def make_findings(self) -> Iterator[ImportedFinding]:
        """Yield the findings: one for each result, rule or file. Raises FindingsReportError if there are too many."""
        groups: dict[tuple[str, ...], list[_Result]] = {}
        kind = self.context.options.group
        for number, result in enumerate(self.results):
            by = {"result": str(number), "rule": result.rule.id or result.summary, "file": result.path}[kind]
            # What was decided of some results of a rule does not hold for the others.
            groups.setdefault((by,) if kind == "result" else (result.tool, by, result.status), []).append(result)
        if len(groups) > self.context.options.limit:
            fault = f"it would be {len(groups):,} findings; at most {self.context.options.limit:,} are imported"
            remedy = "use `--group rule` or `--group file`, or raise --limit"
            refuse(self.file, fault, remedy, code="import-size")
        # Several findings of one rule would have one title, so each gets the name of its file.
        repeated = Counter((result.tool, result.rule.id) for result in self.results)
        known: Counter[str] = Counter()
        for key, results in groups.items():
            finding = self._make_finding(results, key, is_repeated=repeated[results[0].tool, results[0].rule.id] > 1)
            # Two results with one fingerprint are two findings, and keep their order.
            known.update(finding.identities)
            numbered = (f"{id} ({known[id]})" if known[id] > 1 else id for id in finding.identities)
            yield replace(finding, identities=tuple(numbered))

    def _make_finding(self, results: Sequence[_Result], key: Sequence[str], *, is_repeated: bool) -> ImportedFinding:
        kind, first = self.context.options.group, results[0]
        title = self._choose_title(results, is_repeated=is_repeated)
        severity = self._choose_severity(results, title)
        fields: dict[str, Any] = {"title": title}
        if first.rule.id and kind != "file" and first.own_id is None:
            fields["category"] = _one_line(first.rule.id)[:500]
        fields["severity"] = severity
        if cwe := list(dict.fromkeys(weakness for result in results for weakness in result.cwe)):
            fields["cwe"] = cwe
        if tags := list(dict.fromkeys(tag for result in results for tag in result.tags)):
            fields["tags"] = tags
        fields["confidence"] = "unconfirmed"
        if affected := list(dict.fromkeys(item for result in results for item in result.affected)):
            fields["affected"] = [{"kind": kind, "name": name} for kind, name in affected]
        fields["status"] = first.status
        locations, rest = self.finder.locate([cited for result in results for cited in self._caption(result, len(results))])
        fields["description"] = "\n\n".join(filter(None, (self._describe(results), rest))) + "\n"
        if advice := self._advise(results, fields["description"]):
            fields["recommendation"] = "\n\n".join(advice) + "\n"
        if responses := list(dict.fromkeys(result.response for result in results if result.response)):
            fields["response"] = "\n\n".join(responses) + "\n"
        if locations:
            fields["locations"] = locations
        if urls := list(dict.fromkeys(url for result in results for url in (result.rule.url, *result.urls) if url)):
            fields["references"] = [{"url": url} for url in urls[:20]]
        if kind == "result":
            fields["tool_fingerprints"] = [dict(own) for own in first.prints]
            more = {name: value for name, value in first.own.items() if name in ("cvss", "owner", "due", "confidence")}
            fields = {name: value for name, value in (fields | more).items() if value}
            return ImportedFinding(first.identities, fields, first.pointer, first.own_id, is_certain=first.is_certain)
        return ImportedFinding((" ".join((kind, *key)),), fields, first.pointer)

    def _choose_severity(self, results: Sequence[_Result], title: str) -> str:
        """Return the worst of the severities of results."""
        order = {severity.name: number for number, severity in enumerate(self.context.engagement.severities)}
        chosen = [
            choose_severity(result.severity, title, self.context, file=self.file.shown, place=result.pointer)
            for result in results
        ]
        severity, warnings = min(chosen, key=lambda one: order[one[0]])
        self.problems += warnings
        return severity

    def _choose_title(self, results: Sequence[_Result], *, is_repeated: bool) -> str:
        first = results[0]
        if self.context.options.group == "file":
            return _one_line(f"{first.tool}: {first.path}" if first.path else first.tool)[:500]
        title = first.rule.title or (first.summary if len(results) == 1 else None) or first.rule.id or first.summary
        if is_repeated and self.context.options.group == "result" and first.path and title == first.rule.title:
            title = f"{title} ({posixpath.basename(first.path.replace(chr(92), '/'))})"
        return _one_line(title)[:500] or first.tool

    def _describe(self, results: Sequence[_Result]) -> str:
        """Return the texts of results and of their rules, each once."""
        parts = list(dict.fromkeys(result.message for result in results if result.message))
        if len(parts) > 1:
            parts = ["\n".join("- " + part.replace("\n", "\n  ") for part in parts)]
        for rule in {result.rule.key or result.rule.id: result.rule for result in results}.values():
            if rule.text and rule.text not in parts:
                parts.append(rule.text)
        return "\n\n".join(parts) or escape_plain(results[0].rule.title or results[0].rule.id or results[0].tool)

    def _advise(self, results: Sequence[_Result], description: str) -> list[str]:
        """Return what to do: the fixes, and the help of the rule."""
        advice = list(dict.fromkeys(text for result in results for text in result.fixes))
        helps = list(dict.fromkeys(result.rule.help for result in results if result.rule.help))
        return advice + [text for text in helps if text not in description]

    def _caption(self, result: _Result, count: int) -> Iterator[Cited]:
        """Yield the places of a result; of one among several, each says what is wrong there."""
        for number, cited in enumerate(result.cited):
            if count > 1 and number == 0 and cited.caption is None and cited.role is None:
                yield replace(cited, caption=result.summary)
            else:
                yield cited


class _ToolRun:
    """One run of a tool: its rules, files and roots."""

    def __init__(self, run: JsonValue, log: _Log) -> None:
        self._run = run
        self._log = log
        tool = run.get("tool")
        self._driver = tool.get("driver")
        self.tool = _one_line(self._driver.text("name") or "unnamed tool")
        self._components = [self._driver, *tool.entries("extensions")]
        self._by_id: dict[str, JsonValue] = {}
        self._by_guid: dict[str, JsonValue] = {}
        # Reversed, so that of two rules with one id the first counts, and the driver's before those of extensions.
        for component in reversed(self._components):
            for rule in reversed(component.entries("rules")):
                if (id := rule.text("id")) is not None:
                    self._by_id[id] = rule
                if (guid := rule.text("guid")) is not None:
                    self._by_guid[guid.casefold()] = rule
        self._rules: dict[str, _Rule] = {}
        self._artifacts = run.entries("artifacts")
        self._taxonomies = run.entries("taxonomies")
        self._bases = run.get("originalUriBaseIds")
        self._provenance = list(self._read_provenance())
        self._overrides = {
            override.at("descriptor").text("id"): override.at("configuration").text("level")
            for invocation in run.entries("invocations")
            for override in invocation.entries("ruleConfigurationOverrides")
        }

    # --- Results

    def read_result(self, result: JsonValue) -> _Result | None:
        """Return a result; None for one that is no finding."""
        rule = self._find_rule(result)
        kind = self._one_of(result, "kind", _KINDS) or "fail"
        level = self._one_of(result, "level", tuple(_LEVELS))
        if level is None:
            # 3.27.10: only a failure has the level of its rule.
            level = "none" if kind in _PASSED else rule.level or "warning"
        is_passed = kind in _PASSED or (kind == "fail" and level == "none")
        if is_passed and not self._log.context.options.include_passed:
            return None
        self._count_unread(result)
        # Two forms: Markdown to print, and plain text for a title and for recognising the result again.
        text, plain = self._read_message(result.get("message"), rule)
        cited = tuple(self._read_locations(result))
        score = self._read_score(result.get("properties"))
        score = rule.score if score is None else score
        status, response = self._read_status(result, kind)
        affected = tuple(self._read_affected(result, has_code=bool(cited)))
        properties = result.get("properties")
        own_tags = self._read_tags(properties)
        if kind in ("open", "review"):
            level = rule.level or "warning"  # such a result has the level none, and is no less severe for that
        severity = of_score(score) if score is not None else _LEVELS[level]
        identities, is_certain = self._identify(result, rule, plain, cited)
        own = self._read_own(properties) if self.tool == _PROGRAM else {}
        return _Result(
            result.pointer,
            rule,
            self.tool,
            text,
            _first_sentence(plain) or rule.title or rule.id or self.tool,
            str(own.get("severity", severity)),
            str(own.get("status", status)),
            response,
            cited,
            affected,
            tuple(dict.fromkeys((*self._read_taxa(result.entries("taxa")), *_find_cwe(own_tags), *rule.cwe))),
            tuple(dict.fromkeys(tag for tag in (*own_tags, *rule.tags) if is_name(tag) and not _CWE.search(tag)))[:20],
            tuple(url for url in (*result.texts("workItemUris"), result.text("hostedViewerUri")) if url and is_url(url)),
            tuple(
                description
                for fix in result.entries("fixes")
                if (description := self._read_message(fix.get("description"), rule)[0])
            ),
            identities,
            is_certain,
            tuple(self._read_fingerprints(result)),
            rule.id if self.tool == _PROGRAM else None,
            own,
        )

    def _read_own(self, properties: JsonValue) -> dict[str, Any]:
        """Return the fields of a finding that this program wrote into the properties of its result."""
        statuses = {status.value for status in Status}
        own: dict[str, Any] = {
            name: text for name in ("severity", "status", "owner", "due", "confidence") if (text := properties.text(name))
        }
        if own.get("status") not in statuses:
            own.pop("status", None)
        if own.get("confidence") not in {confidence.value for confidence in Confidence}:
            own.pop("confidence", None)
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", own.get("due", "")):
            own.pop("due", None)
        if isinstance(properties.get("cvss").value, list):
            own["cvss"] = properties.texts("cvss")
        return own

    def _one_of(self, result: JsonValue, key: str, words: Sequence[str]) -> str | None:
        value = result.text(key)
        if value is not None and value not in words:
            result.get(key).refuse(f"is {value!r}, and not one of {', '.join(words)}")
        return value

    def _count_unread(self, result: JsonValue) -> None:
        for key, member in result.members():
            if key not in _READ and member.value not in (None, [], {}):
                self._log.unread[key] += 1
        for key, _ in result.get("properties").members():
            is_own = self.tool == _PROGRAM and key in ("severity", "status", "owner", "due", "confidence", "cvss")
            if key not in ("tags", "security-severity", "cwe") and not is_own:
                self._log.unread[f"properties.{key}"[:60]] += 1
        self._log.unread["fixes.artifactChanges"] += sum(
            bool(fix.get("artifactChanges").value) for fix in result.entries("fixes")
        )
        self._log.unread += Counter()  # without zeros

    def _read_status(self, result: JsonValue, kind: str) -> tuple[str, str | None]:
        """Return the status, and what is said in defence of it."""
        baseline = self._one_of(result, "baselineState", _BASELINES)
        suppressions = result.entries("suppressions")
        states = [self._one_of(entry, "status", _SUPPRESSIONS) or "accepted" for entry in suppressions]
        reasons = [reason for entry in suppressions if (reason := entry.text("justification"))]
        response = escape_plain("\n\n".join(reasons)) if reasons else None
        # The result was in the baseline and is not in this run.
        if baseline == "absent":
            return "resolved", response
        # 3.35.5: one that is under review or rejected suppresses nothing.
        if states and all(state == "accepted" for state in states):
            is_false = any(_FALSE_POSITIVE.search(reason) for reason in reasons)
            return ("false_positive" if is_false else "risk_accepted"), response
        if kind in _PASSED:
            return "false_positive", response
        return "undetermined", response

    def _identify(self, result: JsonValue, rule: _Rule, plain: str, cited: Sequence[Cited]) -> tuple[tuple[str, ...], bool]:
        """Return the identities of a result, and whether the tool gave one."""
        place = " ".join((self.tool, rule.id or "", cited[0].paths[0] if cited else ""))
        identities = [f"correlation {guid}"] if (guid := result.text("correlationGuid")) else []
        for key in ("fingerprints", "partialFingerprints"):
            members = sorted((name, _print(member.value)) for name, member in result.get(key).members())
            if members:
                # A partial fingerprint is one only together with what else identifies a result (3.27.17).
                scope = self.tool if key == "fingerprints" else place
                identities.append(f"{key} {scope} {'; '.join(f'{name}: {value}' for name, value in members)}")
        identities += [f"guid {guid}"] if (guid := result.text("guid")) else []
        # Without lines: code above a result moves it, and it is still the same one.
        digest = hashlib.sha256(plain.encode()).hexdigest()[:16]
        derived = clean(f"result {place} {digest}")
        return tuple(clean(identity)[:1_000] for identity in identities) or (derived,), bool(identities)

    def _read_fingerprints(self, result: JsonValue) -> Iterator[Mapping[str, Any]]:
        """Yield the tool's own fingerprints, without those that are computed from the code."""
        for key in ("fingerprints", "partialFingerprints"):
            for name, member in result.get(key).members():
                if name in _COMPUTED:
                    continue
                texts = {"name": clean(name), "value": clean(_print(member.value))}
                if all(text.strip() and len(text) <= _MOST_FINGERPRINT and "\n" not in text for text in texts.values()):
                    yield {**texts, "partial": True} if key == "partialFingerprints" else texts
                else:
                    self._log.unread[f"{key}.{name}"[:60]] += 1

    # --- Rules

    def _find_rule(self, result: JsonValue) -> _Rule:
        reference = result.get("rule")
        id = result.text("ruleId") or reference.text("id")
        component = self._find_component(reference.get("toolComponent"))
        index = result.whole("ruleIndex", -1)
        index = reference.whole("index", -1) if index is None else index
        found = None
        rules = component.get("rules")
        if index is not None and index >= 0:
            if isinstance(rules.value, list) and index < len(rules.value):
                found = JsonValue(rules.value[index], f"{rules.pointer}/{index}", self._log.file)
            elif id is None:
                count = len(rules.value or ())
                result.get("ruleIndex").refuse(f"is {index}, and {component.pointer} has {count} rules")
        # Tools that filter their rules and forget the indexes: the id is the better witness.
        if found is not None and id is not None and not f"{id}/".startswith(f"{found.text('id')}/"):
            found = self._by_id.get(id, found)
        if found is None and (guid := reference.text("guid")) is not None:
            found = self._by_guid.get(guid.casefold())
        name = id
        while found is None and name:
            found = self._by_id.get(name)
            name = name.rpartition("/")[0]  # 3.52.4: `CA1000/1` is a case of rule CA1000
        if found is None:
            return _Rule(id, level=self._overrides.get(id))
        return self._read_rule(found, id)

    def _find_component(self, reference: JsonValue) -> JsonValue:
        index = reference.whole("index", -1)
        extensions = self._components[1:]
        if index is not None and index >= 0:
            if index >= len(extensions):
                reference.get("index").refuse(f"is {index}, and the tool has {len(extensions)} extensions")
            return extensions[index]
        for key in ("guid", "name"):
            if (wanted := reference.text(key)) is not None:
                return next((component for component in self._components if component.text(key) == wanted), self._driver)
        return self._driver

    def _read_rule(self, rule: JsonValue, id: str | None) -> _Rule:
        key = f"{rule.pointer} {id}"
        if key not in self._rules:
            own = rule.text("id")
            short, full, guide = (_read_both(rule.get(name)) for name in ("shortDescription", "fullDescription", "help"))
            properties = rule.get("properties")
            tags = self._read_tags(properties)
            name = rule.text("name")
            title = short[1] or (_first_sentence(full[1]) if full[1] else None) or name
            url = rule.text("helpUri")
            level = self._one_of(rule.get("defaultConfiguration"), "level", tuple(_LEVELS))
            related = [relation.get("target") for relation in rule.entries("relationships")]
            cwe = properties.get("cwe").value
            stated = [str(entry) for entry in (cwe if isinstance(cwe, list) else [cwe] if cwe else [])]
            self._rules[key] = _Rule(
                id or own,
                _first_sentence(title) if title else None,
                full[0] if full[1] and full[1] != title else (short[0] if short[1] and short[1] != title else None),
                guide[0] or None if self.tool != _PROGRAM else None,
                url if url and is_url(url) else None,
                self._overrides.get(own) or level,
                self._read_score(properties),
                tags,
                tuple(dict.fromkeys((*self._read_taxa(related), *_find_cwe(tags), *_find_cwe(stated)))),
                rule.get("messageStrings"),
                rule.pointer,
            )
        return self._rules[key]

    # A property bag holds whatever a tool likes, so nothing in it is an error (3.8).
    def _read_tags(self, properties: JsonValue) -> tuple[str, ...]:
        tags = properties.get("tags").value
        return tuple(clean(tag) for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()

    def _read_score(self, properties: JsonValue) -> float | None:
        """Return the `security-severity`; None without one, and for one that is not from 0 to 10."""
        value = properties.get("security-severity").value
        try:
            score = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
        except ValueError:
            score = None
        is_valid = score is not None and 0 <= score <= 10
        if value is not None and not is_valid:
            self._log.unread["properties.security-severity"] += 1
        return score if is_valid else None

    def _read_taxa(self, taxa: Sequence[JsonValue]) -> Iterator[str]:
        """Yield the weaknesses among taxa."""
        for taxon in taxa:
            taxon.expect_object()
            component = taxon.get("toolComponent")
            at = component.whole("index", -1)
            taxonomy = self._taxonomies[at] if at is not None and 0 <= at < len(self._taxonomies) else None
            name = component.text("name") or (taxonomy.text("name") if taxonomy else None) or ""
            id = taxon.text("id")
            index = taxon.whole("index", -1)
            if id is None and taxonomy is not None and index is not None and 0 <= index < len(taxonomy.entries("taxa")):
                id = taxonomy.entries("taxa")[index].text("id")
            if id is None:
                continue
            if name.casefold() == "cwe" and (match := re.fullmatch(r"(?:CWE-)?0*([1-9][0-9]{0,5})", id, re.IGNORECASE)):
                yield f"CWE-{match[1]}"
            else:
                yield from _find_cwe([id])

    # --- Messages

    def _read_message(self, message: JsonValue, rule: _Rule) -> tuple[str, str]:
        """Return a message as Markdown and as plain text, with its arguments and without embedded links to locations."""
        marked, plain = message.text("markdown"), message.text("text")
        id = message.text("id")
        if id is not None and plain is None and marked is None:
            string = rule.messages.get(id) if rule.messages is not None else None
            if string is None or string.value is None:
                string = self._driver.get("globalMessageStrings").get(id)
            marked, plain = string.text("markdown"), string.text("text")
            plain = plain or " ".join((id, *message.texts("arguments")))
        arguments = message.texts("arguments")
        plain = _fill(plain or "", arguments)
        text = _fill(marked, arguments) if marked else _escape_message(plain)
        return text.strip(), _EMBEDDED.sub(lambda match: match[1], plain).replace("\\[", "[").replace("\\]", "]").strip()

    # --- Places

    def _read_locations(self, result: JsonValue) -> Iterator[Cited]:
        """Yield the places of a result: the path through the code, if there is one, then the others."""
        main = [cited for entry in result.entries("locations") if (cited := self._read_location(entry)) is not None]
        steps: list[Cited] = []
        for flow in result.entries("codeFlows"):
            for thread in flow.entries("threadFlows"):
                steps += self._read_thread(thread)
        calls = [
            self._read_location(frame.get("location"), role="call")
            for stack in result.entries("stacks")
            for frame in stack.entries("frames")
        ]
        related = [self._read_location(entry) for entry in result.entries("relatedLocations")]
        # Scanners write the code and a message at the result, and the numbers alone at the steps of the path.
        described: dict[tuple[object, ...], Cited] = {}
        for cited in filter(None, (*main, *related)):
            described.setdefault((cited.paths, cited.lines), cited)
        steps = [_complete(step, described.get((step.paths, step.lines))) for step in steps]
        on_path = {(step.paths, step.lines) for step in steps}
        rest = [cited for cited in (*main, *calls, *related) if cited is not None and (cited.paths, cited.lines) not in on_path]
        # The place of the result comes first, unless it is on the path.
        yield from rest[: len(main)] if not on_path & {(cited.paths, cited.lines) for cited in main} else ()
        yield from steps
        yield from rest[len(main) :] if not on_path & {(cited.paths, cited.lines) for cited in main} else rest

    def _read_thread(self, thread: JsonValue) -> list[Cited]:
        """Return the steps of a path, with roles; the same place twice in a row once."""
        steps: list[Cited] = []
        for entry in thread.entries("locations"):
            location = entry.get("location")
            index = entry.whole("index", -1)
            shared = self._run.entries("threadFlowLocations")
            if location.value is None and index is not None and 0 <= index < len(shared):
                location = shared[index].get("location")
            cited = self._read_location(location)
            # The tool's own word for the step goes before its position.
            kinds = [kind for kind in entry.texts("kinds") if kind in ("source", "sink", "sanitizer", "propagation")]
            cited = replace(cited, role=kinds[0]) if cited is not None and kinds else cited
            if cited is None or (steps and (steps[-1].paths, steps[-1].lines) == (cited.paths, cited.lines)):
                continue
            steps.append(cited)
        if len(steps) < 2:
            return steps
        roles = ["source", *["propagation"] * (len(steps) - 2), "sink"]
        return [replace(step, role=step.role or role) for step, role in zip(steps, roles, strict=True)]

    def _read_location(self, location: JsonValue, role: str | None = None) -> Cited | None:
        physical = location.get("physicalLocation")
        artifact = physical.get("artifactLocation")
        if artifact.value is None:
            artifact = physical.get("fileLocation")
        paths, repository, commit = self._resolve(artifact)
        if not paths:
            return None
        region = physical.get("region")
        lines = _read_region(region)
        shown, quote = None, region.get("snippet").text("text")
        context = physical.get("contextRegion")
        if quote is None and lines is not None and (wider := _read_region(context)) is not None:
            quote = context.get("snippet").text("text")
            shown = wider if quote is not None and wider[0] <= lines[0] and wider[1] >= lines[1] else None
            quote = quote if shown is not None else None
        offsets = None
        contents = self._find_contents(artifact)
        offset = region.whole("charOffset", -1)
        if lines is None and offset is not None and offset >= 0:
            offsets = (offset, offset + (region.whole("charLength") or 0))
            if contents is not None:
                lines = (contents.count("\n", 0, offsets[0]) + 1, contents.count("\n", 0, max(offsets[0], offsets[1] - 1)) + 1)
        if quote is None and contents is not None and lines is not None:
            quote = "\n".join(contents.split("\n")[lines[0] - 1 : lines[1]]) or None
        caption = self._read_message(location.get("message"), _Rule(None))[1] or None
        if self.tool == _PROGRAM and caption == location.get("properties").get("role").value:
            caption = None
        return Cited(paths, lines, quote, shown, role, caption, offsets, repository, commit)

    def _find_contents(self, artifact: JsonValue) -> str | None:
        entry = self._find_artifact(artifact)
        return entry.get("contents").text("text") if entry is not None else None

    def _find_artifact(self, artifact: JsonValue) -> JsonValue | None:
        index = artifact.whole("index", -1)
        if index is None or index < 0:
            uri = artifact.text("uri")
            return self._artifacts_by_uri.get(uri) if uri is not None else None
        if index >= len(self._artifacts):
            if artifact.text("uri") is None:
                artifact.get("index").refuse(f"is {index}, and the run has {len(self._artifacts)} artifacts")
            return None
        return self._artifacts[index]

    @property
    def _artifacts_by_uri(self) -> Mapping[str, JsonValue]:
        if not hasattr(self, "_by_uri"):
            named = ((entry.get("location").text("uri"), entry) for entry in self._artifacts)
            self._by_uri = {uri: entry for uri, entry in named if uri is not None}
        return self._by_uri

    def _resolve(self, artifact: JsonValue) -> tuple[tuple[str, ...], str | None, str | None]:
        """Return the ways to read the path of a file, with the repository and commit in which it is."""
        uri, base = artifact.text("uri"), artifact.text("uriBaseId")
        if uri is None and (entry := self._find_artifact(artifact)) is not None:
            uri, base = entry.get("location").text("uri"), entry.get("location").text("uriBaseId")
        if uri is None:
            return (), None, None
        repository, commit = next(((name, commit) for mapped, name, commit in self._provenance if mapped is None), (None, None))
        readings = [uri]
        for _ in range(_MOST_BASES):
            if base is None or _is_absolute(readings[0]):
                break
            mapped_to = next((entry for entry in self._provenance if entry[0] == base), None)
            if mapped_to is not None:
                _, repository, commit = mapped_to
                break
            location = self._bases.get(base)
            stated = location.get("properties").get("commit").value
            if commit is None and isinstance(stated, str) and re.fullmatch(r"[0-9a-f]{7,64}", stated):
                commit = stated  # as this program writes it for a repository without an address
            above = location.text("uri")
            if above is not None:
                joined = f"{above.rstrip('/')}/{readings[0]}"
                # The path below an absolute root is the likelier one: the root is a folder of another machine.
                readings = [readings[0], joined, *readings[1:]] if _is_absolute(above) else [joined, *readings]
                if _is_absolute(above):
                    break
            base = location.text("uriBaseId")
        paths = [path for reading in readings for path in _read_uri(reading)]
        return tuple(dict.fromkeys(paths)), repository, commit

    def _read_provenance(self) -> Iterator[tuple[str | None, str | None, str | None]]:
        """Yield the root to which each repository was mapped, its name in the engagement, and the commit."""
        from findings_report.forges.permalinks import find_home

        entries = self._run.entries("versionControlProvenance")
        repositories = self._log.context.repositories
        for entry in entries:
            uri, revision = entry.text("repositoryUri"), entry.text("revisionId")
            commit = revision.lower() if revision and re.fullmatch(r"[0-9a-fA-F]{7,64}", revision) else None
            home = find_home(uri) if uri else None
            name = self._log.finder.find_repository(home[1]) if home else None
            if name is None and len(repositories) == 1:
                (only,) = repositories.values()
                is_known = commit is not None and self._log.finder.knows_commit(commit)
                name = only.name if is_known or not only.homes or home is None else None
                if name is None:
                    self._log.finder.note(f"{entry.pointer}: {uri!r} is not the repository of the engagement")
            has_code = name is not None and repositories[name].reader is not None
            if has_code and commit is not None and not self._log.finder.knows_commit(commit):
                self._log.finder.note(f"{entry.pointer}/revisionId: commit {commit} is not in the clone")
            if not repositories and uri and is_url(uri):
                declared = {"url": uri, **({"commit": commit} if commit and len(commit) in (40, 64) else {})}
                self._log.declared.setdefault(_repository_name(uri), declared)
            yield entry.get("mappedTo").text("uriBaseId"), name, commit

    def _read_affected(self, result: JsonValue, *, has_code: bool) -> Iterator[tuple[str, str]]:
        """Yield what a result without a place in code is about."""
        for location in result.entries("locations") if not has_code else ():
            for logical in location.entries("logicalLocations"):
                name = logical.text("fullyQualifiedName") or logical.text("decoratedName") or logical.text("name")
                kind = logical.text("kind") or "logical"
                if name:
                    yield (kind if is_name(kind) else "logical"), _one_line(name)[:500]


def _complete(step: Cited, other: Cited | None) -> Cited:
    """Return a step of a path with the code and the message that another entry has for its place."""
    if other is None:
        return step
    if step.quote is None:
        step = replace(step, quote=other.quote, shown=other.shown)
    return replace(step, caption=step.caption or other.caption)


def _read_region(region: JsonValue) -> tuple[int, int] | None:
    """Return the first and last line of a region; None without lines."""
    start = region.whole("startLine")
    if not start:
        return None
    end = region.whole("endLine") or start
    if end < start:
        region.get("endLine").refuse(f"is {end}, before startLine {start}")
    # 3.30.8: endColumn is the column behind the last character; column 1 is the line end before.
    return start, end - 1 if end > start and region.whole("endColumn") == 1 else end


def _read_both(message: JsonValue) -> tuple[str, str]:
    """Return a description as Markdown and as plain text."""
    marked, plain = message.text("markdown"), message.text("text") or ""
    return (marked or escape_plain(plain)).strip(), plain.strip()


def _read_uri(uri: str) -> Iterator[str]:
    """Yield the ways to read a URI as a path; none for other schemes than file."""
    if re.match(r"[A-Za-z]:[/\\]", uri):
        yield uri
        return
    try:
        parts = urlsplit(uri)
    except ValueError:
        return
    if parts.scheme not in ("", "file"):
        return
    yield unquote(parts.path)
    if not parts.scheme and (uri != parts.path or "%" in uri):
        yield uri  # tools that write a path where a URI belongs


def _is_absolute(uri: str) -> bool:
    return uri.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", uri) is not None


def _fill(text: str, arguments: Sequence[str]) -> str:
    """Return a message with its arguments in the places of `{0}`; `{{` is a brace (3.11.5)."""

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0] if arguments else match[0]
        return arguments[int(match[1])] if int(match[1]) < len(arguments) else match[0]

    return _PLACEHOLDER.sub(value, text)


def _escape_message(plain: str) -> str:
    """Return a plain message as Markdown; its embedded links are kept if they lead to the web (3.11.6)."""
    parts: list[str] = []
    at = 0
    for match in (*_EMBEDDED.finditer(plain), None):
        end = match.start() if match is not None else len(plain)
        parts.append(escape_plain(plain[at:end].replace("\\[", "[").replace("\\]", "]")))
        if match is not None:
            label = escape_plain(match[1].replace("\\[", "[").replace("\\]", "]"))
            parts.append(f"[{label}]({match[2]})" if is_url(match[2]) else label)
            at = match.end()
    return "".join(parts)


def _first_sentence(text: str) -> str:
    """Return the beginning of a text as a title: its first sentence, or as much of its first line as fits."""
    line = _one_line(text.strip().partition("\n")[0])
    match = re.search(r"(?<=[^.\s])[.](?=\s+[A-Z])", line)
    sentence = line[: match.start()] if match else line.rstrip(".") if not line.endswith("...") else line
    if len(sentence) <= _MOST_TITLE:
        return sentence
    return sentence[: _MOST_TITLE - 1].rpartition(" ")[0] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _find_cwe(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        for match in _CWE.finditer(text):
            yield f"CWE-{match[1]}"


def _print(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _repository_name(uri: str) -> str:
    name = uri.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return name if is_name(name) else "main"
