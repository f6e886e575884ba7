"""SARIF logs imported into an engagement with a real repository."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from import_places import APP, Workplace, build_code, write_engagement
from repositories import problem_of

from findings_report import authoring
from findings_report.authoring.yaml_reader import read
from findings_report.commands import Inputs
from findings_report.commands.build import BuildOptions, build
from findings_report.commands.import_findings import import_findings
from findings_report.importing import IMPORTERS
from findings_report.model.evidence import Verdict
from findings_report.problems import FindingsReportError, Kind


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    return build_code(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def place(tmp_path: Path, code: tuple[Path, tuple[str, ...]]) -> Workplace:
    return write_engagement(tmp_path, *code)


def at(
    uri: str = "src/app.py", line: int | None = 7, snippet: str | None = "    os.system(command)", **more: Any
) -> dict[str, Any]:
    region: dict[str, Any] = {} if line is None else {"startLine": line}
    region |= {"snippet": {"text": snippet}} if snippet is not None else {}
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}} | more


def log(*results: dict[str, Any], **run: Any) -> dict[str, Any]:
    driver = {"name": "Scanner", "rules": run.pop("rules", [])}
    tool = {"driver": driver, **run.pop("tool", {})}
    return {"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]}


def result(text: str = "Shell command from input", **more: Any) -> dict[str, Any]:
    return {"ruleId": "py/shell", "message": {"text": text}, "locations": [at()], **more}


RULE = {
    "id": "py/shell",
    "shortDescription": {"text": "Shell injection."},
    "fullDescription": {"text": "A command is built from *input*."},
    "help": {"text": "Plain", "markdown": "Use `subprocess` with a list."},
    "helpUri": "https://example.org/shell",
    "properties": {"tags": ["security", "external/cwe/cwe-078"], "security-severity": "9.8"},
    "messageStrings": {"default": {"text": "{0} reaches {1}"}},
}


def test_result_with_rule_and_quote(place: Workplace) -> None:
    outcome = place.run(
        log({"ruleIndex": 0, "message": {"id": "default", "arguments": ["name", "system"]}, "locations": [at()]}, rules=[RULE])
    )
    finding = place.finding
    assert finding["title"] == "Shell injection"
    assert (finding["severity"], finding["cwe"], finding["category"]) == ("critical", ["CWE-78"], "py/shell")
    assert (finding["status"], finding["confidence"]) == ("undetermined", "unconfirmed")
    assert finding["description"] == "name reaches system\n\nA command is built from \\*input\\*.\n"
    assert finding["recommendation"] == "Use `subprocess` with a list.\n"
    assert finding["references"] == [{"url": "https://example.org/shell"}]
    assert finding["tags"] == ["security"]
    assert finding["locations"] == [{"path": "src/app.py", "lines": "7", "quote": "    os.system(command)\n"}]
    assert outcome.verified == {Verdict.EXACT: 1}


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({"level": "error"}, "high"),
        ({"level": "note"}, "low"),
        ({}, "medium"),
        ({"kind": "review"}, "medium"),
        ({"properties": {"security-severity": 4.0}}, "medium"),
        ({"level": "note", "properties": {"security-severity": "8.1"}}, "high"),
    ],
)
def test_levels(place: Workplace, more: dict[str, Any], severity: str) -> None:
    place.run(log(result(**more)))
    assert place.finding["severity"] == severity


def test_level_of_the_rule_and_of_the_run(place: Workplace) -> None:
    rules = [
        {"id": "py/shell", "defaultConfiguration": {"level": "note"}},
        {"id": "b", "defaultConfiguration": {"level": "note"}},
    ]
    override = [
        {
            "ruleConfigurationOverrides": [{"descriptor": {"id": "b"}, "configuration": {"level": "error"}}],
            "executionSuccessful": True,
        }
    ]
    place.run(log(result(), result("Other", ruleId="b"), rules=rules, invocations=override))
    assert [finding["severity"] for finding in place.findings] == ["low", "high"]


@pytest.mark.parametrize("more", [{"kind": "pass"}, {"kind": "notApplicable"}, {"kind": "informational"}, {"level": "none"}])
def test_what_passed_is_no_finding_unless_asked(place: Workplace, more: dict[str, Any]) -> None:
    assert place.run(log(result(**more))).new == ()
    place.run(log(result(**more)), include_passed=True)
    assert place.finding["severity"] == "informational"


def test_rule_in_an_extension(place: Workplace) -> None:
    extensions = {"extensions": [{"name": "empty"}, {"name": "pack", "rules": [{"id": "x"}, RULE]}]}
    reference = {"rule": {"id": "py/shell", "index": 1, "toolComponent": {"index": 1}}}
    place.run(
        log(
            {"message": {"text": "Bad"}, **reference},
            {"message": {"text": "Hierarchy"}, "ruleId": "py/shell/7"},
            tool=extensions,
        )
    )
    assert [finding["severity"] for finding in place.findings] == ["critical", "critical"]


@pytest.mark.parametrize(
    ("suppressions", "status"),
    [
        ([{"kind": "external", "justification": "Agreed with Ada"}], "risk_accepted"),
        ([{"kind": "inSource", "status": "accepted", "justification": "A false positive: Agreed with Ada"}], "false_positive"),
        ([{"kind": "external", "justification": "Not a risk. Agreed with Ada", "status": "underReview"}], "undetermined"),
        (
            [{"kind": "external"}, {"kind": "external", "status": "rejected", "justification": "Agreed with Ada"}],
            "undetermined",
        ),
    ],
)
def test_suppressions(place: Workplace, suppressions: list[dict[str, Any]], status: str) -> None:
    place.run(log(result(suppressions=suppressions)))
    assert place.finding["status"] == status
    assert "Agreed with Ada" in place.finding["response"]


def test_absent_results_are_not_open(place: Workplace) -> None:
    place.run(log(result(guid="1", baselineState="absent"), result("Other", guid="2", baselineState="new")))
    assert sorted(finding["status"] for finding in place.findings) == ["resolved", "undetermined"]


def test_code_flow_gives_roles(place: Workplace) -> None:
    steps = [at(line=5, snippet="def run(name):", message={"text": "input"}), at(line=6, snippet=None), at()]
    flow = [{"threadFlows": [{"locations": [{"location": step} for step in steps]}]}]
    related = [at("lib/deep/util.py", 6, None, id=1, message={"text": "the same there"})]
    text = "From [here](1) and [docs](https://example.org), not [x](javascript:1)"
    place.run(log(result(text, codeFlows=flow, relatedLocations=related)))
    locations = place.finding["locations"]
    assert [(location.get("role"), location["lines"]) for location in locations] == [
        ("source", "5"), ("propagation", "6"), ("sink", "7"), (None, "6"),
    ]  # fmt: skip
    assert locations[0]["caption"] == "input"
    assert locations[3] == {"path": "lib/deep/util.py", "lines": "6", "caption": "the same there"}
    assert place.finding["description"] == "From here and [docs](https://example.org), not x\n"


@pytest.mark.parametrize("uri", ["src/app.py", "./src/app.py"])
def test_a_step_has_the_code_and_the_message_of_its_place(place: Workplace, uri: str) -> None:
    steps = [at(uri, 5, None), at(uri, 6, None), at(uri, 7, None)]
    flow = [{"threadFlows": [{"locations": [{"location": step} for step in steps]}]}]
    related = [at(line=5, snippet="def run(name):", id=1, message={"text": "the input"})]

    outcome = place.run(log(result(codeFlows=flow, relatedLocations=related)))

    source, _, sink = place.finding["locations"]
    assert source == {
        "role": "source", "path": "src/app.py", "lines": "5", "caption": "the input", "quote": "def run(name):\n"
    }  # fmt: skip
    assert sink == {"role": "sink", "path": "src/app.py", "lines": "7", "quote": "    os.system(command)\n"}
    assert outcome.verified == {Verdict.EXACT: 2}


PATHS = [
    ({"uri": "src/app.py"}, {}, "src/app.py"),
    (
        {"uri": "app.py", "uriBaseId": "SRC"},
        {"SRC": {"uri": "src/", "uriBaseId": "ROOT"}, "ROOT": {"uri": "file:///ci/build/"}},
        "src/app.py",
    ),
    ({"uri": "src/app.py", "uriBaseId": "ROOT"}, {"ROOT": {"uri": "file:///C:/agent/1/"}}, "src/app.py"),
    ({"uri": "file:///home/ci/shop/src/app.py"}, {}, "src/app.py"),
    ({"uri": "file:///C:/agent/work/lib/deep/util.py"}, {}, "lib/deep/util.py"),
    ({"uri": "C:\\agent\\shop\\src\\app.py"}, {}, "src/app.py"),
    ({"uri": "src\\app.py"}, {}, "src/app.py"),
    ({"uri": "./src/x/../app.py"}, {}, "src/app.py"),
    ({"uri": "src/my%20file.py"}, {}, "src/my file.py"),
    ({"uri": "src/my file.py"}, {}, "src/my file.py"),
    ({"uri": "deep/util.py"}, {}, "lib/deep/util.py"),
    ({"index": 1}, {}, "src/app.py"),
    ({"uri": "a.py", "uriBaseId": "A"}, {"A": {"uri": "x/", "uriBaseId": "A"}}, None),
    ({"uri": "../../etc/passwd"}, {}, None),
    ({"uri": "file:///etc/passwd"}, {}, None),
    ({"uri": "src/app.py/../../../x"}, {}, None),
    ({"uri": "https://example.org/src/app.py"}, {}, None),
]


@pytest.mark.parametrize(("artifact", "bases", "path"), PATHS)
def test_paths(place: Workplace, artifact: dict[str, Any], bases: dict[str, Any], path: str | None) -> None:
    location = {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": 1}}}
    artifacts = [{"location": {"uri": "other.c"}}, {"location": {"uri": "src/app.py"}}]
    outcome = place.run(log(result(locations=[location]), originalUriBaseIds=bases, artifacts=artifacts))
    assert [each["path"] for each in place.finding.get("locations", [])] == ([path] if path else [])
    if path is None and not artifact["uri"].startswith("https"):
        (problem,) = [problem for problem in outcome.problems if problem.code == "import-place"]
        assert artifact["uri"].rpartition("/")[2] in problem.fault
        assert artifact["uri"].rpartition("/")[2] in place.finding["description"]


@pytest.mark.parametrize(
    ("region", "lines", "highlight"),
    [
        ({"startLine": 5, "endLine": 7}, "5-7", None),
        ({"startLine": 6, "endLine": 7, "endColumn": 1}, "6", None),
        ({"charOffset": APP.index("os.system") + 8, "charLength": 9}, "7", None),
        ({"startLine": 7}, "6-7", "7"),
    ],
)
def test_regions(place: Workplace, region: dict[str, Any], lines: str, highlight: str | None) -> None:
    physical: dict[str, Any] = {"artifactLocation": {"uri": "src/app.py"}, "region": region}
    if highlight:
        snippet = {"text": "    command = 'ls ' + name\n    os.system(command)\n"}
        physical["contextRegion"] = {"startLine": 6, "endLine": 7, "snippet": snippet}
    outcome = place.run(log(result(locations=[{"physicalLocation": physical}])))
    (location,) = place.finding["locations"]
    assert (location["lines"], location.get("highlight")) == (lines, highlight)
    assert outcome.verified == ({Verdict.EXACT: 1} if highlight else {})


def test_contents_of_artifacts_are_quotes(place: Workplace) -> None:
    artifacts = [{"location": {"uri": "src/app.py"}, "contents": {"text": "# Later\n" + APP}}]
    outcome = place.run(log(result(locations=[at(snippet=None)]), artifacts=artifacts))
    assert place.finding["locations"][0]["quote"] == "    os.system(command)\n"
    assert outcome.verified == {Verdict.EXACT: 1}


def test_wrong_quote_is_named(place: Workplace) -> None:
    outcome = place.run(log(result(locations=[at(snippet="    os.popen(other)")])))
    assert outcome.unverified == {Verdict.NOT_FOUND: 1} or outcome.unverified == {Verdict.EDITED: 1}


def test_lines_behind_the_end_stay_text(place: Workplace) -> None:
    outcome = place.run(log(result(locations=[at(line=900, snippet=None), at(line=900)])))
    assert place.finding["locations"] == [{"path": "src/app.py", "lines": "7", "quote": "    os.system(command)\n"}]
    assert "`src/app.py:900`" in place.finding["description"]
    assert sum(problem.code == "import-place" for problem in outcome.problems) == 1


def test_provenance_names_commit(place: Workplace) -> None:
    provenance = [{"repositoryUri": "https://github.com/Acme/shop.git", "revisionId": place.commits[0]}]
    place.run(log(result(locations=[at(line=6)]), versionControlProvenance=provenance))
    assert place.finding["locations"][0]["commit"] == place.commits[0]


def test_commit_that_is_gone(place: Workplace) -> None:
    provenance = [{"repositoryUri": "https://github.com/acme/shop", "revisionId": "0" * 40}]
    outcome = place.run(log(result(locations=[at(), at(line=2, snippet=None)]), versionControlProvenance=provenance))
    assert [location["lines"] for location in place.finding["locations"]] == ["7"]
    assert [problem.code for problem in outcome.problems].count("import-place") == 2
    assert any("is not in the clone" in problem.fault for problem in outcome.problems)


def test_without_a_clone_a_commit_is_not_called_missing(place: Workplace) -> None:
    path = place.folder / "engagement.yaml"
    path.write_text(re.sub(r"path: [^,]*", "path: ../gone", path.read_text(), count=1))
    provenance = [{"repositoryUri": "https://github.com/acme/shop", "revisionId": "a" * 40}]

    outcome = place.run(log(result(), versionControlProvenance=provenance))

    assert "import-place" not in {problem.code for problem in outcome.problems}
    assert place.finding["locations"] == [
        {"path": "src/app.py", "lines": "7", "commit": "a" * 40, "quote": "    os.system(command)\n"}
    ]


def test_foreign_repository(place: Workplace) -> None:
    outcome = place.run(log(result(), versionControlProvenance=[{"repositoryUri": "https://github.com/else/where"}]))
    assert any("not the repository of the engagement" in problem.fault for problem in outcome.problems)


def test_weakness_from_taxa_and_relationships(place: Workplace) -> None:
    rule = {
        "id": "py/shell",
        "relationships": [{"target": {"id": "77", "toolComponent": {"name": "CWE"}}}],
        "properties": {"tags": ["CWE-89: SQL"]},
    }
    taxonomies = [{"name": "CWE", "taxa": [{"id": "CWE-20"}]}]
    place.run(log(result(taxa=[{"index": 0, "toolComponent": {"index": 0}}]), rules=[rule], taxonomies=taxonomies))
    assert place.finding["cwe"] == ["CWE-20", "CWE-77", "CWE-89"]


@pytest.mark.parametrize(
    ("group", "titles"), [("rule", ["Shell injection", "Shell injection", "Other"]), ("file", ["Scanner: src/app.py"] * 2)]
)
def test_groups(place: Workplace, group: str, titles: list[str]) -> None:
    results = [
        result("One"),
        result("Two", locations=[at(line=6, snippet=None)]),
        result("Other", ruleId="b"),
        result("Old", suppressions=[{"kind": "external"}]),
    ]
    place.run(log(*results, rules=[RULE]), group=group)
    findings = place.findings
    assert sorted(finding["title"] for finding in findings) == sorted(titles)
    both = next(finding for finding in findings if "- Two" in finding["description"])
    assert {location["caption"] for location in both["locations"]} >= {"One", "Two"}
    assert both["severity"] == "critical"


@pytest.mark.parametrize(
    "identity",
    [{"guid": "4f"}, {"fingerprints": {"a/v1": "1"}}, {"partialFingerprints": {"line": "9"}}, {"correlationGuid": "5"}, {}],
)
def test_update_keeps_ids_and_changes(place: Workplace, identity: dict[str, Any]) -> None:
    place.run(log(result("Other", ruleId="z"), result(**identity)))
    (own,) = [path for path in place.folder.glob("*.finding.yaml") if "Shell" in path.read_text()]
    own.write_text(own.read_text().replace("status: undetermined", "status: open # seen by Ada"))
    before = place.files()
    place.run(log(result(**identity), result("Other", ruleId="z")))
    assert place.files() == before
    place.run(log(result(**identity, level="error"), result("New", ruleId="n")))
    assert len(place.findings) == 3
    text = own.read_text()
    assert "status: open # seen by Ada" in text
    assert "severity: high" in text


def test_same_fingerprint_in_another_file_is_the_same_finding(place: Workplace) -> None:
    place.run(log(result(fingerprints={"a": "1"})), name="monday.sarif")
    place.run(log(result("Changed", fingerprints={"a": "1"})), name="tuesday.sarif")
    assert place.finding["description"] == "Changed\n"


def test_one_fingerprint_twice(place: Workplace) -> None:
    twice = log(*[result(text, fingerprints={"a": "1"}) for text in ("One", "Two")])
    place.run(twice)
    before = place.files()
    place.run(twice)
    assert place.files() == before
    assert len(place.findings) == 2


def test_limit(place: Workplace) -> None:
    before = place.files()
    problem = problem_of(lambda: place.run(log(*[result(str(number)) for number in range(4)]), limit=3))
    assert (problem.code, problem.kind) == ("import-size", Kind.INPUT)
    assert place.files() == before


def test_what_has_no_place_is_listed(place: Workplace) -> None:
    outcome = place.run(log(result(rank=3.0, properties={"mine": 1})))
    (problem,) = [problem for problem in outcome.problems if problem.code == "import-part"]
    assert "`rank`" in problem.fault
    assert "`properties.mine`" in problem.fault


def test_fingerprints_of_a_tool_come_out_again(place: Workplace) -> None:
    prints: dict[str, Any] = {
        "partialFingerprints": {"acme/v1": "1", "primaryLocationLineHash": "2"},
        "fingerprints": {"matchBasedId/v1": "3f", "long": "x" * 501},
    }
    faults = [problem.fault for problem in place.run(log(result(**prints))).problems if problem.code == "import-part"]
    output = place.root / "own.sarif"
    options = BuildOptions(("sarif",), str(output), None, system_fonts=False, default_date=None, fail_on=None, strict=False)
    build(Inputs(place.folder, {}), options, progress=lambda _: None)
    (written,) = json.loads(output.read_bytes())["runs"][0]["results"]

    assert faults == ["not imported, because findings have no place for it: `fingerprints.long` (1)"]
    assert written["fingerprints"] == {"matchBasedId/v1": "3f"}
    assert written["partialFingerprints"]["acme/v1"] == "1"
    assert written["partialFingerprints"]["primaryLocationLineHash"] != "2", "computed from the code"


def test_fingerprints_of_results_that_are_one_finding_are_listed(place: Workplace) -> None:
    content = log(result(fingerprints={"matchBasedId/v1": "3f"}))
    faults = [problem.fault for problem in place.run(content, group="rule").problems if problem.code == "import-part"]
    assert faults == ["not imported, because findings have no place for it: `fingerprints.matchBasedId/v1` (1)"]


def test_engagement_without_repository_takes_that_of_the_log(place: Workplace) -> None:
    (place.folder / "engagement.yaml").write_text("format: 1\ntitle: Review\n")
    provenance = [{"repositoryUri": "https://github.com/acme/shop", "revisionId": "a" * 40}]
    place.run(log(result(), versionControlProvenance=provenance))
    engagement = authoring.written_values(read((place.folder / "engagement.yaml").read_bytes()).data)
    assert engagement["repositories"] == {"shop": {"url": "https://github.com/acme/shop", "commit": "a" * 40}}


def test_own_log_keeps_what_findings_say(place: Workplace) -> None:
    (place.folder / "OWN-1.finding.yaml").write_text(
        "title: Shell\nseverity: low\nstatus: acknowledged\nowner: Ada\ndue: 2026-03-01\ncwe: CWE-78\n"
        "summary: Input reaches a shell.\ndescription: Text.\nlocations:\n  - {role: source, path: src/app.py, lines: 5}\n"
        "  - {role: sink, path: src/app.py, lines: 7}\n"
    )
    output = place.root / "own.sarif"
    options = BuildOptions(("sarif",), str(output), None, system_fonts=False, default_date=None, fail_on=None, strict=False)
    build(Inputs(place.folder, {}), options, progress=lambda _: None)
    (place.folder / "OWN-1.finding.yaml").unlink()
    place.run(output.read_bytes())
    finding = authoring.written_values(read((place.folder / "OWN-1.finding.yaml").read_bytes()).data)
    assert (finding["title"], finding["severity"], finding["status"]) == ("Shell", "low", "acknowledged")
    assert (finding["owner"], finding["due"], finding["cwe"]) == ("Ada", "2026-03-01", ["CWE-78"])
    assert [(location["role"], location["lines"]) for location in finding["locations"]] == [("source", "5"), ("sink", "7")]
    assert "recommendation" not in finding


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings(place: Workplace, encoding: str) -> None:
    place.run(json.dumps(log(result("Größe"))).encode(encoding))
    assert place.finding["description"] == "Größe\n"


def _nested(levels: int) -> bytes:
    return b'{"version": "2.1.0", "runs": [{"tool": ' + b"[" * levels + b"]" * levels + b"}]}"


MALFORMED = [
    (log(result(level="serious")), "/runs/0/results/0/level"),
    (log(result(kind="bad")), "/runs/0/results/0/kind"),
    (
        log(
            result(
                locations=[at(line=7) | {"physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": "7"}}}]
            )
        ),
        "/startLine",
    ),
    (log(result(locations={})), "/runs/0/results/0/locations is not a list"),
    (log(result(message="text")), "/runs/0/results/0/message is not an object"),
    (log({"ruleIndex": 7, "message": {"text": "x"}}), "/runs/0/results/0/ruleIndex"),
    ({"version": "2.1.0", "runs": {}}, "/runs is not a list"),
    ({"version": "2.1.0", "runs": [1]}, "/runs/0 is not an object"),
    ({"version": "1.0.0", "runs": []}, "/version"),
    (b'{"version": "2.1.0", "runs": [], "runs": []}', "'runs' twice"),
    (b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": NaN}}}]}', "/runs/0/tool/driver/name is NaN"),
    (b'{"version": "2.1.0", "runs": [{"a": ' + b"9" * 5_000 + b"}]}", "/runs/0/a has 5,000 digits"),
    (b'{"version": "2.1.0", "runs": [{"a": 1e999}]}', "/runs/0/a is a number that is too large"),
    (_nested(200), "nested in more than 100 levels"),
    (_nested(100_000), "nested in more than 100 levels"),
    (b'{"version": "2.1.0",\n "runs": [', "it is no JSON"),
    (b"\xff\xff\xff\xff", "neither UTF-8 nor UTF-16"),
    (b"", "it is no JSON"),
    (b"# Report\n\n## [H-01] Title\n", "it looks like reviews in Markdown"),
    (b'{"findings": [{"title": "a", "severity": "High", "description": "b"}]}', "it is none of the SARIF"),
]


@pytest.mark.parametrize(("content", "fault"), MALFORMED)
def test_malformed_files_are_refused_with_their_place(place: Workplace, content: Any, fault: str) -> None:
    place.run(log(result()), name="good.sarif")
    before = place.files()
    problem = problem_of(lambda: place.run(content))
    assert fault in problem.fault
    assert (problem.kind, problem.place and problem.place.file) == (Kind.INPUT, str(place.root / "results.json"))
    assert place.files() == before


@pytest.mark.parametrize("importer", IMPORTERS)
def test_large_file_is_not_read(place: Workplace, importer: str) -> None:
    large = place.root / "large"
    with large.open("wb") as file:
        file.truncate(1024 * 1024 * 1024)
    run: Callable[[], object] = lambda: import_findings(  # noqa: E731
        importer, Inputs(place.folder, {}), [large], dry_run=False, progress=lambda _: None
    )
    assert "1,073,741,824 bytes" in problem_of(run).fault


def test_engagement_with_errors_is_not_touched(place: Workplace) -> None:
    (place.folder / "BAD.finding.yaml").write_text("title: [\n")
    before = place.files()
    with pytest.raises(FindingsReportError) as raised:
        place.run(log(result()))
    assert len(raised.value.problems) == 1
    assert place.files() == before


def test_control_characters_of_texts_are_replaced(place: Workplace) -> None:
    place.run(log(result("a\u001b[31mb\u0000\ud800c")))
    assert place.finding["description"] == "a\ufffd\\[31mb\ufffd\ufffdc\n"
