"""SARIF as GitHub's code scanning takes it: by the schema and by its documentation, with CodeQL's fingerprints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from findings_report import commands
from findings_report.commands.diff import DiffOptions, diff
from findings_report.commands.import_findings import import_findings
from findings_report.model.evidence import Region, Verdict
from findings_report.model.finding import Affected, Event, Status
from findings_report.model.report import Report
from findings_report.rendering.exchange import Grade, grade_score
from findings_report.rendering.sarif import render
from findings_report.report import archive
from findings_report.report.check import assembled
from findings_report.sourcecode.lines import hash_lines

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
BANDS = {
    Grade.CRITICAL: (9.0, 10.0),
    Grade.HIGH: (7.0, 8.9),
    Grade.MEDIUM: (4.0, 6.9),
    Grade.LOW: (0.1, 3.9),
    Grade.INFO: (0.1, 3.9),
}


def sarif(report: Any) -> Any:
    log = json.loads(render(report).content)
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    assert list(faults_of_code_scanning(log)) == []
    return log


def faults_of_code_scanning(log: Any) -> Iterator[str]:
    """What GitHub Docs, "SARIF support for code scanning", require beyond the schema; and references that lead nowhere."""
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        for rule in rules:
            yield from (f"{rule['id']} {fault}" for fault, is_so in faults_of_rule(rule).items() if is_so)
        for result in run["results"]:
            faults = faults_of_result(result, rules[result["ruleIndex"]], run)
            yield from (f"{result['ruleId']} {fault}" for fault, is_so in faults.items() if is_so)


def faults_of_rule(rule: Any) -> dict[str, bool]:
    texts = [rule[name]["text"] for name in ("shortDescription", "fullDescription", "help")]
    return {
        "has an empty text": not all(text.strip() for text in texts),
        "has a long description": max(map(len, texts[:2])) > 1024,
        "has a number out of range": not 0.0 < float(rule["properties"]["security-severity"]) <= 10.0,
        "has too many tags": len(rule["properties"]["tags"]) > 20,
        "is its own name": rule["name"] == rule["id"],  # SARIF1001
    }


def faults_of_result(result: Any, rule: Any, run: Any) -> dict[str, bool]:
    related = result.get("relatedLocations", [])
    places = [location["physicalLocation"] for location in (*result["locations"], *related)]
    spans = [[place["region"][key] for key in ("startLine", "startColumn", "endLine", "endColumn")] for place in places]
    taxa = [(taxon["id"], run["taxonomies"][0]["taxa"][taxon["index"]]["id"]) for taxon in result.get("taxa", [])]
    return {
        "has another rule": rule["id"] != result["ruleId"],
        "has not one location": len(result["locations"]) != 1,
        "has a region that ends before it begins": any(span[:2] > span[2:] or min(span) < 1 for span in spans),
        "has an unknown base": not {place["artifactLocation"]["uriBaseId"] for place in places} <= {*run["originalUriBaseIds"]},
        "links no related location": any(f"]({each['id']})" not in result["message"]["text"] for each in related),
        "has another taxon": any(own != listed for own, listed in taxa),
    }


def test_every_finding_is_a_rule_and_a_result_that_code_scanning_takes() -> None:
    report = samples.report()

    (run,) = sarif(report)["runs"]

    assert [result["ruleId"] for result in run["results"]] == [finding.id for finding in report.findings]
    full = next(rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "NTR-002")
    assert full["properties"]["security-severity"] == "9.8"
    assert full["properties"]["precision"] == "high"
    assert {"external/cwe/cwe-089", "external/cwe/cwe-020"} <= set(full["properties"]["tags"])
    assert full["deprecatedIds"] == ["OLD-9"]
    assert all(passage.text.split()[0] in full["help"]["text"] for passage in samples.full_finding().prose[:2])
    assert full["help"]["markdown"].startswith("### NTR-002")


def test_a_path_through_the_code_is_a_code_flow_and_its_places_are_related_locations() -> None:
    result = sarif(samples.report(samples.full_finding()))["runs"][0]["results"][0]

    (flow,) = result["codeFlows"]
    assert [step["kinds"] for step in flow["threadFlows"][0]["locations"]] == [["source"], ["sink"]]
    # The fault is at the sink, as in CodeQL's logs: there code scanning shows the alert.
    assert [location["properties"]["role"] for location in result["locations"]] == ["sink"]
    assert [location["properties"]["role"] for location in result["relatedLocations"]] == ["source"]
    assert "[source: neutron/db/ipam_pluggable_backend.py#L" in result["message"]["text"]
    sink = samples.full_finding().snippets[1]
    assert result["partialFingerprints"]["findingsReportRegion/v1"] == sink.fingerprints[0] if sink.fingerprints else True


@pytest.mark.parametrize("score", [3.0, 5.0, 8.0, 9.8])
@pytest.mark.parametrize("name", ["critical", "high", "medium", "low", "informational"])
def test_the_number_for_code_scanning_is_in_the_band_of_the_severity(name: str, score: float) -> None:
    scores = (samples.full_finding().scores[0].model_copy(update={"score": score}),)
    finding = samples.finding(severity=samples.severity(name), scores=scores)

    rule = sarif(samples.report(finding))["runs"][0]["tool"]["driver"]["rules"][0]

    grade = dict(zip(("informational", "low", "medium", "high", "critical"), Grade, strict=True))[name]
    number = float(rule["properties"]["security-severity"])
    assert BANDS[grade][0] <= number <= BANDS[grade][1]
    assert (number == score) == (grade_score(score) is grade)


def test_decisions_are_suppressions_with_their_reason() -> None:
    history = (
        Event(date=date(2026, 10, 2), status=Status.OPEN, note="Reported."),
        Event(date=date(2026, 11, 2), status=Status.RISK_ACCEPTED, note="The port is `internal`."),
    )
    accepted = samples.finding("NTR-001", status=Status.RISK_ACCEPTED, history=history)
    disputed = samples.finding("NTR-002", status=Status.UNDETERMINED)
    waiting = samples.finding("NTR-003", status=Status.OPEN)

    results = sarif(samples.report(accepted, disputed, waiting))["runs"][0]["results"]

    assert [result.get("suppressions") for result in results] == [
        [{"kind": "external", "status": "accepted", "justification": "Risk accepted: The port is internal."}],
        [{"kind": "external", "status": "underReview", "justification": "Undetermined"}],
        None,
    ]


def test_each_repository_has_a_run_with_its_commit_and_paths_are_encoded() -> None:
    (first,) = samples.engagement().repositories
    second = first.model_copy(update={"name": "my client", "url": "git@example.org:a b/c.git", "commit": "3" * 40})
    here = samples.finding("NTR-001")
    there = samples.finding(
        "NTR-002",
        snippets=(
            samples.snippet(repository="my client", path="a b/100%/ü#1.py", commit="3" * 40),
            samples.snippet(1, commit="4" * 40),
        ),
    )

    runs = sarif(samples.report(here, there, engagement=samples.engagement(repositories=(first, second))))["runs"]

    assert [run["automationDetails"]["id"] for run in runs] == [
        "findings-report/neutron/1.10",
        "findings-report/my%20client/1.10",
    ]
    assert [details["revisionId"] for details in runs[1]["versionControlProvenance"]] == ["3" * 40, "4" * 40]
    assert runs[1]["versionControlProvenance"][0]["repositoryUri"] == "ssh://git@example.org/a%20b/c.git"
    location = runs[1]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "a%20b/100%25/%C3%BC%231.py", "uriBaseId": "%SRCROOT%"}
    assert unquote(location["uri"]) == "a b/100%/ü#1.py"
    related = runs[1]["results"][0]["relatedLocations"][0]["physicalLocation"]["artifactLocation"]
    assert related["uriBaseId"] == f"neutron@{'4' * 12}"


def test_a_finding_without_code_keeps_what_is_affected() -> None:
    finding = samples.finding(snippets=(), affected=(Affected(kind="host", name="api.example.org"),))

    (location,) = sarif(samples.report(finding))["runs"][0]["results"][0]["locations"]

    assert location["properties"] == {"hasNoCode": True}
    assert location["logicalLocations"][0]["name"] == "api.example.org"


def test_columns_are_utf_16_and_only_lines_of_the_repository_are_snippets() -> None:
    lines = {1: "a = 1", 2: 'b = "😀ü"'}
    region = (Region(start_line=1, end_line=2),)
    read = samples.snippet(0, lines, regions=region)
    copied = read.model_copy(update={"blob": None, "check": read.check.model_copy(update={"verdict": Verdict.UNCHECKED})})

    regions = [
        sarif(samples.report(samples.finding(snippets=(snippet,))))["runs"][0]["results"][0]["locations"][0][
            "physicalLocation"
        ]["region"]
        for snippet in (read, copied)
    ]

    assert [region["endColumn"] for region in regions] == [10, 10]
    assert [region.get("snippet") for region in regions] == [{"text": 'a = 1\nb = "😀ü"'}, None]


def test_titles_with_brackets_and_placeholders_are_text() -> None:
    finding = samples.finding(title="`a[0](1)` and {0} in ${{ x }}", snippets=())

    assert sarif(samples.report(finding))["runs"][0]["results"][0]["message"]["text"] == "a\\[0\\](1) and {{0}} in ${{ x }}."


def test_a_comparison_has_states_for_all_findings_of_both_sides(tmp_path: Path) -> None:
    folder = commands.demo(tmp_path / "demo")
    baseline = tmp_path / "baseline.json"
    baseline.write_bytes(archive.to_json(checked(folder / "findings")))
    (folder / "findings" / "DEMO-004.finding.yaml").unlink()
    options = DiffOptions((), None, None, system_fonts=False, fail_on=(), exit_code=False)

    comparison = diff(str(baseline), None, commands.Inputs(folder, {}), options, lambda _: None).comparison

    states = {result["ruleId"]: result["baselineState"] for run in sarif(comparison)["runs"] for result in run["results"]}
    assert states == {"DEMO-001": "unchanged", "DEMO-002": "unchanged", "DEMO-003": "unchanged", "DEMO-004": "absent"}


def test_what_is_exported_and_imported_again_keeps_ids_places_weaknesses_and_fingerprints(tmp_path: Path) -> None:
    folder = commands.demo(tmp_path / "demo")
    exported = tmp_path / "report.sarif"
    exported.write_bytes(render(checked(folder / "findings")).content)
    for path in (folder / "findings").glob("DEMO-*"):
        path.unlink()

    import_findings("sarif", commands.Inputs(folder, {}), [exported], dry_run=False, progress=lambda _: None)

    again = json.loads(render(checked(folder / "findings")).content)
    assert [outline(result) for result in again["runs"][0]["results"]] == [
        outline(result) for result in json.loads(exported.read_bytes())["runs"][0]["results"]
    ]


def outline(result: Any) -> Any:
    places = [location["physicalLocation"] for location in (*result["locations"], *result.get("relatedLocations", []))]
    regions = [[place["region"][key] for key in ("startLine", "startColumn", "endLine", "endColumn")] for place in places]
    files = [place["artifactLocation"] for place in places]
    kept = ("ruleId", "level", "taxa", "partialFingerprints")
    # SARIF has no date of a decision, without which there is no entry in the history: its reason becomes a text.
    decisions = [suppression["status"] for suppression in result.get("suppressions", ())]
    return files, regions, decisions, [result.get(key) for key in kept]


# Known values: src/fingerprints.test.ts of github/codeql-action.
VECTORS = {
    "": ["c129715d7a2bc9a3:1"],
    " a\nb\n  \t\tc\n d": ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
    " hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n": [
        *("e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1"),
        *("b3edc88f2938467e:1", "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1"),
    ],
    "Lorem ipsum dolor sit amet.\n" * 10: [
        *(f"a7f2ff13bc495cf2:{count}" for count in range(1, 7)),
        *("a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1", "c129715d7a2bc9a3:1"),
    ],
}


@pytest.mark.parametrize("text", VECTORS)
def test_hashes_of_lines_are_those_of_codeql(text: str) -> None:
    assert list(hash_lines(text)) == VECTORS[text]


def rolling_hashes(text: str) -> list[str]:
    """The published algorithm: a ring of 100 characters through which the text passes."""
    ring, starts, raw, at = [0] * 100, [False] * 100, 0, 0
    counts: dict[int, int] = {}
    hashes: list[str] = []

    def push(code: int, *, is_start: bool) -> None:
        nonlocal raw, at
        if starts[at]:
            counts[raw] = counts.get(raw, 0) + 1
            hashes.append(f"{raw:x}:{counts[raw]}")
        starts[at] = is_start
        raw = (37 * raw + code - pow(37, 100, 2**64) * ring[at]) % 2**64
        ring[at] = code
        at = (at + 1) % 100

    is_start, was_return = True, False
    units = text.encode("utf-16-le")
    for code in [*(int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2)), 0xFFFF]:
        if code in (32, 9) or (was_return and code == 10):
            was_return = False
            continue
        was_return = code == 13
        push(10 if was_return else code, is_start=is_start)
        is_start = was_return or code == 10
    for _ in range(100):
        push(0, is_start=False)
    return hashes


@given(st.text(st.sampled_from("ab {}\t\n\r\n;😀é"), max_size=400))
def test_hashes_are_those_of_the_rolling_window(text: str) -> None:
    assert list(hash_lines(text)) == rolling_hashes(text)


def test_what_is_masked_is_in_no_hash_and_no_snippet(tmp_path: Path) -> None:
    folder = commands.demo(tmp_path / "demo") / "findings"
    plain = checked(folder)
    finding = folder / "DEMO-001.finding.yaml"
    finding.write_text(finding.read_text("utf-8") + "redact:\n  - match: \"'{owner}'\"\n", "utf-8")

    masked = checked(folder)

    hashes = {snippet.path: snippet.line_hash for snippet in plain.findings[0].snippets}
    assert all(hashes.values())
    left = {snippet.path: snippet.line_hash for snippet in masked.findings[0].snippets}
    assert left == hashes | {"quicknotes/store.py": None}
    assert b"'{owner}'" not in render(masked).content


def checked(folder: Path) -> Report:
    return assembled(commands.check(commands.Inputs(folder, {}), lambda _: None), None)
