"""weAudit, CSV, DefectDojo, Strix and the program's own JSON, imported into an engagement with a real repository."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from import_places import Workplace, build_code, write_engagement
from repositories import problem_of

from findings_report import authoring, commands
from findings_report.authoring.yaml_reader import read
from findings_report.commands import Inputs
from findings_report.commands.build import BuildOptions, build
from findings_report.commands.import_findings import import_findings
from findings_report.model.evidence import Verdict
from findings_report.problems import Kind


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    return build_code(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def place(tmp_path: Path, code: tuple[Path, tuple[str, ...]]) -> Workplace:
    return write_engagement(tmp_path, *code)


# --- weAudit


def weaudit(*entries: dict[str, Any], resolved: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    return {"treeEntries": list(entries), "auditedFiles": [], "resolvedEntries": list(resolved)} | more


def entry(label: str = "Shell", kind: int = 0, **details: str) -> dict[str, Any]:
    given = {
        "severity": "High",
        "difficulty": "Low",
        "type": "Data Validation",
        "description": "",
        "exploit": "",
        "recommendation": "",
    }
    location = {"path": "src/app.py", "startLine": 6, "endLine": 6, "label": "here", "description": ""}
    return {"label": label, "entryType": kind, "author": "ada", "details": given | details, "locations": [location]}


def test_weaudit(place: Workplace) -> None:
    advice = "Short term, use a list.\nLong term, lint for it.\n"
    file = weaudit(
        entry(description="Input reaches a shell.", exploit="Mallory names a file.", recommendation=advice),
        entry("A note", kind=1),
        resolved=(entry("Old", severity="Undetermined", recommendation="Short term, \nLong term, \n"),),
        clientRemote="https://github.com/acme/shop",
        gitSha=place.commits[-1],
    )
    outcome = place.run(file, "weaudit")
    first, old = place.findings
    assert first == {
        "title": "Shell",
        "category": "Data Validation",
        "severity": "high",
        "difficulty": "low",
        "confidence": "unconfirmed",
        "status": "undetermined",
        "description": "Input reaches a shell.\n",
        "scenario": "Mallory names a file.\n",
        "recommendation": {"short_term": "use a list.\n", "long_term": "lint for it.\n"},
        "locations": [{"path": "src/app.py", "lines": "7", "caption": "here"}],
        "found_by": "ada",
    }
    assert (old["status"], old["severity"], "recommendation" in old) == ("resolved", "informational", False)
    assert {problem.code for problem in outcome.problems} == {"import-severity", "import-part"}
    before = place.files()
    place.run(file, "weaudit")
    assert place.files() == before
    place.run(file, "weaudit", include_notes=True)
    assert len(place.findings) == 3


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (weaudit(entry(kind=99)), "/treeEntries/0/entryType is 99"),
        (weaudit({"label": "x", "entryType": 0, "author": "a"}), "/treeEntries/0/details is missing"),
        (b"", "the file is empty"),
        (b'{"treeEntries": [\n {"label": "x\n', "it is no JSON"),
        ([["2026-01-01", ["a.c"]]], "weAudit's log of days"),
        ({"version": "2.1.0", "runs": []}, "it looks like SARIF 2.1.0 logs"),
    ],
)
def test_weaudit_refusals(place: Workplace, content: Any, fault: str) -> None:
    before = place.files()
    problem = problem_of(lambda: place.run(content, "weaudit"))
    assert fault in problem.fault
    assert problem.kind is Kind.INPUT
    assert place.files() == before


# --- CSV


def test_csv_with_map(place: Workplace) -> None:
    columns = place.root / "columns.yaml"
    columns.write_text(
        "title: Summary\nseverity: {column: Prio, values: {P1: critical}}\n"
        "description: Text\npath: File\nlines: Line\nquote: Code\nid: Key\n"
    )
    table = (
        "\ufeffKey;Summary;Prio;Text;File;Line;Code;Mine\r\n"
        'ACME-7;Shell;P1;"First; line\nsecond ""line""";src/app.py;7;    os.system(command);x\r\n'
        ";Other;P9;'=1+1;../x;3;;\r\n"
    )
    outcome = place.run(table.encode(), "csv", columns=columns)
    first = authoring.written_values(read((place.folder / "ACME-7.finding.yaml").read_bytes()).data)
    assert (first["severity"], first["description"]) == ("critical", 'First; line\nsecond "line"\n')
    assert outcome.verified == {Verdict.EXACT: 1}
    other = next(finding for finding in place.findings if finding["title"] == "Other")
    assert other["description"].startswith("=1+1\n")
    assert "`../x:3`" in other["description"]
    assert {problem.code for problem in outcome.problems} == {"import-severity", "import-place", "import-part"}
    before = place.files()
    place.run(table.replace("P9", "P8").encode("utf-16"), "csv", columns=columns)
    assert place.files() == before


def test_words_of_a_status_are_those_of_reviews(place: Workplace) -> None:
    outcome = place.run(b"title,severity,status\nA,high,Fixed\nB,high,Won't fix\nC,high,In triage\n", "csv")

    assert [finding["status"] for finding in place.findings] == ["resolved", "risk_accepted", "undetermined"]
    assert place.findings[2]["description"] == "C\n\nstatus: In triage\n"
    (unread,) = (problem for problem in outcome.problems if problem.code == "import-unread")
    assert unread.fault == "'C': status 'In triage' is none of its words; it stays text"


@pytest.mark.parametrize(
    ("table", "columns", "fault"),
    [
        ("a,b,c\n1,2,3\n", None, "no column is the title; the columns are a, b, c"),
        ("title,severity\nA,low,x\n", None, "the row has 3 cells"),
        ('title,severity\n"A,low\n', None, "it is no CSV"),
        ("title,severity\n,low\n", None, "the row has no title"),
        ("id,title\nA-1,x\nA-1,y\n", None, "two rows have the id 'A-1'"),
        ("Title,title\nx,y\n", "title: title\n", "there are two columns 'title'"),
        ("title\nx\n", "titel: title\n", "'titel' is no field"),
        ("title\nx\n", "title: Summary\n", "there is no column 'Summary'"),
        ("title\nx\n", "title: [\n", "columns.yaml"),
        ('{"runs": []}', None, "it looks like one of the SARIF"),
    ],
)
def test_csv_refusals(place: Workplace, table: str, columns: str | None, fault: str) -> None:
    before = place.files()
    options: dict[str, Any] = {}
    if columns is not None:
        options["columns"] = place.root / "columns.yaml"
        options["columns"].write_text(columns)
    problem = problem_of(lambda: place.run(table.encode(), "csv", **options))
    assert fault in f"{problem.fault} {problem.place}"
    assert place.files() == before


# --- DefectDojo


def test_defectdojo(place: Workplace) -> None:
    finding = {
        "title": "Shell",
        "severity": "Info",
        "description": "Text",
        "mitigation": "Use a list",
        "cwe": 78,
        "line": 7,
        "file_path": "src/app.py",
        "sast_source_file_path": "src/app.py",
        "sast_source_line": 5,
        "cve": "CVE-2026-1234",
        "cvssv3": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "references": "https://example.org/a\nA book",
        "unique_id_from_tool": "u-1",
        "active": True,
        "verified": True,
        "date": "2026-01-02",
        "endpoints": ["https://example.org"],
        "component_name": "zlib",
        "component_version": "1.2",
        "tags": ["web"],
        "thread_id": 3,
    }
    states: list[dict[str, Any]] = [
        {"false_p": True},
        {"risk_accepted": True},
        {"is_mitigated": True, "mitigated": "2026-02-03", "date": "2026-01-02"},
        {"active": False},
    ]
    others = [{"title": f"T{number}", "severity": "High", "description": "x", **state} for number, state in enumerate(states)]
    outcome = place.run({"findings": [finding, *others]}, "defectdojo")
    first, *rest = place.findings
    assert (first["severity"], first["status"], first["confidence"], first["cwe"]) == (
        "informational",
        "open",
        "confirmed",
        ["CWE-78"],
    )
    assert [(location["role"], location["lines"]) for location in first["locations"]] == [("source", "5"), ("sink", "7")]
    assert (first["references"], first["description"]) == ([{"url": "https://example.org/a"}], "Text\n\nA book\n")
    assert first["affected"] == [{"kind": "component", "name": "zlib 1.2"}, {"kind": "url", "name": "https://example.org"}]
    assert first["tags"] == ["web", "CVE-2026-1234"]
    assert [finding["status"] for finding in rest] == ["false_positive", "risk_accepted", "resolved", "undetermined"]
    assert rest[2]["history"][-1] == {"date": "2026-02-03", "status": "resolved"}
    assert any("`thread_id`" in problem.fault for problem in outcome.problems)
    problem = problem_of(lambda: place.run({"findings": [{"title": "x", "severity": "High"}]}, "defectdojo"))
    assert "/findings/0/description is missing" in problem.fault


# --- Strix


def test_strix(place: Workplace) -> None:
    location = {
        "file": "src/app.py",
        "start_line": 7,
        "end_line": 7,
        "snippet": "    os.system(command)",
        "label": "sink",
        "fix_before": "a",
        "fix_after": "b",
    }
    report = {
        "id": "vuln-0001",
        "title": "Shell",
        "severity": "critical",
        "timestamp": "2026-01-01 00:00:00 UTC",
        "description": "D",
        "impact": "I",
        "target": "/src/shop",
        "technical_analysis": "T",
        "poc_description": "P",
        "poc_script_code": "print('```')",
        "remediation_steps": "R",
        "cvss": 9.8,
        "cwe": "CWE-78",
        "endpoint": "/run",
        "method": "POST",
        "code_locations": [location],
        "cvss_breakdown": {
            "attack_vector": "N",
            "attack_complexity": "L",
            "privileges_required": "N",
            "user_interaction": "N",
            "scope": "U",
            "confidentiality": "H",
            "integrity": "H",
            "availability": "H",
        },
    }
    outcome = place.run([report], "strix")
    finding = place.finding
    assert (finding["severity"], finding["cvss"]) == ("critical", ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"])
    assert finding["description"] == "D\n\n### Technical analysis\n\nT\n"
    assert finding["proof"] == "P\n\n````\nprint('```')\n````\n"
    assert finding["recommendation"] == "R\n\n`src/app.py`:\n\n```diff\n-a\n+b\n```\n"
    assert outcome.verified == {Verdict.EXACT: 1}
    assert (place.folder / "vuln-0001.finding.yaml").is_file()
    # Another run of Strix begins with the same number.
    outcome = place.run([{**report, "title": "Path", "description": "Another weakness"}], "strix", name="second.json")
    assert [problem.code for problem in outcome.problems if problem.level == "note" and "taken" in problem.fault] == [
        "import-id"
    ]
    assert len(place.findings) == 2


# --- Our own JSON


def test_own_json_becomes_the_same_report(place: Workplace, tmp_path_factory: pytest.TempPathFactory) -> None:
    (place.folder / "OWN-1.finding.yaml").write_text(
        "title: Shell\nseverity: high\ncwe: CWE-78\nstatus: risk_accepted\ncvss: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\n"
        "severity_reason: Behind a login.\nimpact: {text: All files., audience: [team]}\n"
        "description: |\n  See ![](location:call).\n\nrecommendation: {short_term: Quote it., long_term: Lint it.}\n"
        "locations:\n  - {name: call, role: sink, path: src/app.py, lines: 5-8, highlight: 7, notes: {7: here}}\n"
        "  - path: src/app.py\n    lines: [1, 7-9]\n    quote: |\n      # Later\n      ...\n          os.system(command)\n"
        "history: [{date: 2026-01-02, status: risk_accepted, note: Agreed}]\nreferences: [https://example.org/a]\n"
    )
    text = (place.folder / "engagement.yaml").read_text()
    (place.folder / "engagement.yaml").write_text(
        text + "client: Acme\naudiences: [team]\ninteractive: true\nscope: [src/]\nsummary: Short.\nconclusion: Done.\n"
        "sections: [{title: Method, text: By hand.}]\n"
    )
    first = build_json(place.folder)
    again = tmp_path_factory.mktemp("again")
    commands.init(again, "Security review")
    (again / "findings" / "FIRST-001.finding.yaml").unlink()
    source = again / "report.json"
    source.write_bytes(first)
    clone = {"": Path(json.loads(text.partition("path: ")[2].partition(", commit")[0]))}
    inputs = Inputs(again, clone)
    import_findings("json", inputs, [source], dry_run=False, progress=lambda _: None)
    second = build_json(again / "findings", clone)
    assert strip(json.loads(second)) == strip(json.loads(first))
    # The id is taken: nothing is written twice.
    shutil.copy(source, again / "copy.json")
    before = {path.name: path.read_bytes() for path in (again / "findings").iterdir() if path.is_file()}
    problem = problem_of(lambda: import_findings("json", inputs, [again / "copy.json"], dry_run=False, progress=lambda _: None))
    assert "the id OWN-1 is taken" in problem.fault
    assert {path.name: path.read_bytes() for path in (again / "findings").iterdir() if path.is_file()} == before


def build_json(folder: Path, clones: dict[str, Path] | None = None) -> bytes:
    output = folder.parent / "out.json"
    options = BuildOptions(("json",), str(output), None, system_fonts=False, default_date=None, fail_on=None, strict=False)
    build(Inputs(folder, clones or {}), options, progress=lambda _: None)
    return output.read_bytes()


def strip(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report without what depends on where its findings lie."""
    report["engagement"].pop("findings_commit", None)
    return report


@pytest.mark.parametrize("importer", ["review", "csv"])
def test_json_where_a_text_is_read_names_its_importer(place: Workplace, importer: str) -> None:
    problem = problem_of(lambda: place.run({"version": "2.1.0", "runs": []}, importer))
    assert problem.remedy == "use `findings-report import sarif FILE`"


def test_report_that_was_changed_by_hand_is_refused(place: Workplace) -> None:
    (place.folder / "OWN-1.finding.yaml").write_text("title: Shell\nseverity: high\ndescription: Text.\n")
    report = json.loads(build_json(place.folder))
    report["findings"][0]["status"] = "done"
    problem = problem_of(lambda: place.run(report, "json"))
    assert problem.fault.startswith("/findings/0/status is not as a report has it")
