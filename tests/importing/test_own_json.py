"""A report as JSON, written back as YAML, is the same report: nothing that a report has is lost on the way."""

from __future__ import annotations

import json
import random
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from repositories import Commit, build

from findings_report import commands
from findings_report.commands import BuildOptions, Inputs
from findings_report.commands import build as build_report
from findings_report.commands.import_findings import import_findings

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2-correct-horse"
LINES = [
    "import os",
    "",
    "# Where the service keeps its key.",
    f'KEY = "{SECRET}"',
    "",
    "def run(name, shell=True):",
    '    """Run a command.',
    '    """',
    "    command = 'ls ' + name  # not escaped",
    "\tif name:",
    f'        connect(user="root", password="{SECRET}")',
    "    os.system(command)",
    "    return command",
    "",
    "def safe(name):",
    "    if name == 'x':",
    "        return 1",
    f"    token = '{SECRET}' + name",
    "    return 2",
]
COLOURS = ("#7a1f3d", "#2f6f4f")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A repository with two commits."""
    folder = tmp_path_factory.mktemp("clone")
    text = "\n".join(LINES) + "\n"
    return folder, list(
        build(folder, [Commit({"src/app.py": "x = 1\n" + text}), Commit({"src/app.py": text, "lib/a b.py": text})])
    )


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (11, 12, 27))])
def test_report_of_any_engagement_comes_back_as_it_was(seed: int, clone: tuple[Path, list[str]], tmp_path: Path) -> None:
    folder, commits = clone
    write_any_engagement(tmp_path / "first" / "findings", random.Random(seed), commits)  # noqa: S311
    assert_comes_back(tmp_path / "first" / "findings", tmp_path, {"": folder})


def test_report_of_the_demo_comes_back_as_it_was(tmp_path: Path) -> None:
    demo = commands.demo(tmp_path / "demo")
    assert_comes_back(demo / "findings", tmp_path, {"": demo / "app"})


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the sample cites the history of a checkout")
def test_report_of_the_sample_comes_back_as_it_was(tmp_path: Path) -> None:
    clones = {"findings-report": ROOT, "neutron": ROOT / "findings" / "neutron.git"}
    assert_comes_back(ROOT / "findings", tmp_path, clones)


def assert_comes_back(findings: Path, root: Path, clones: dict[str, Path]) -> None:
    first = build_json(findings, clones, root / "report.json")
    for path in (findings / "files").glob("*") if (findings / "files").is_dir() else ():
        shutil.copy(path, root / path.name)  # as a build of the page leaves them beside it
    again = root / "again"
    commands.init(again, "Security review")
    (again / "findings" / "FIRST-001.finding.yaml").unlink()
    # Names of repositories are those of the report only once it is imported.
    known: dict[str, Path] = {name: folder for name, folder in clones.items() if not name}
    import_findings("json", Inputs(again, known), [root / "report.json"], dry_run=False, progress=lambda _: None)
    second = build_json(again / "findings", clones, root / "second.json")
    assert strip(json.loads(second)) == strip(json.loads(first))
    if '"redact"' in (findings / "engagement.yaml").read_text():
        written = [path.read_text() for path in (again / "findings").glob("*.yaml")]
        assert not any(SECRET in text for text in (first.decode(), *written))


def build_json(findings: Path, clones: dict[str, Path], output: Path) -> bytes:
    options = BuildOptions(("json",), str(output), None, system_fonts=False, default_date=None, fail_on=None, strict=False)
    build_report(Inputs(findings, clones), options, progress=lambda _: None)
    return output.read_bytes()


def strip(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report without what depends on where its findings and their files lie."""
    report["engagement"].pop("findings_commit", None)
    return report


def write_any_engagement(findings: Path, source: random.Random, commits: list[str]) -> None:
    """Write an engagement with about half of all fields, each with a value of its kind."""

    def some(**fields: Any) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if value is not None and source.random() < 0.6}

    def audience() -> list[str]:
        return source.choice([["team"], ["team", "client"]])

    def for_some(text: str) -> Any:
        return source.choice([text, {"text": text, "audience": audience()}])

    (findings / "files").mkdir(parents=True)
    (findings / "files" / "poc.py").write_text("print('poc')\n")
    (findings / "files" / "hosts.csv").write_text('host,note\na.example,"says ""hi"", twice"\nb.example,"two\nlines"\n')
    (findings / "files" / "flow.png").write_bytes(draw(source))
    levels = ["low", "medium", "high"]
    names = ["grave", "minor"]
    engagement = {
        "format": 1,
        "title": "Review: of a shop",
        "audiences": ["team", "client"],
        "repositories": {
            "shop": {
                "url": "https://github.com/acme/shop",
                "commit": commits[1],
                **some(revision="v1.0", web="https://gitlab.com/acme/shop"),
            }
        },
        "severities": [
            {"name": name, "colour": colour, **some(meaning=f"{name} one")} for name, colour in zip(names, COLOURS, strict=True)
        ],
        "matrix": {impact: {likelihood: source.choice(names) for likelihood in levels} for impact in levels},
        "fields": [{"name": "class", "label": "Class of effort", "audience": ["team"]}, {"name": "area", "label": "Area"}],
        "images": [
            {"name": "flow", "file": "files/flow.png", "alt": "A flow", **some(caption="How it goes", audience=audience())}
        ],
        "tables": [{"name": "hosts", "file": "files/hosts.csv", **some(caption="Hosts")}],
        **some(
            client="Acme & Söhne",
            authors=[{"name": "Ada", "role": "Lead", "email": "ada@example.org"}],
            version="1.10",
            date="2026-01-31",
            period={"start": "2026-01-12", "end": "2026-01-30"},
            state="final",
            versions=[{"version": "1.0", "date": "2026-01-31", "by": "Ada", "note": "First", "audience": ["team"]}],
            distribution=["Acme, security"],
            confidentiality="Confidential",
            scope=["src/", "!src/old", "lib/*.py"],
            summary="# Heads\n\nA text: with a table.\n\n![Hosts](table:hosts)\n",
            recommendation="  indented\n\n- a list\n",
            conclusion="No end of line",
            sections=[
                {"title": "Method", "text": "By hand.\n", "place": "after", "audience": ["team"]},
                {"title": "Method", "text": "Again.\n\n![](image:flow)\n"},
            ],
            status_words={"risk_accepted": "Won't fix"},
            severity_words={"minor": "Klein"},
            words={"Finding": "Observation"},
            weaknesses={"CWE-79": {"name": "Scripting", "top_ten": "Of our own"}, "CWE-99999": "Newer"},
            top_ten=2025,
            order="id",
            language=source.choice(["de", "ja", "pt-BR"]),
            colours={"accent": "#123456"},
            cover="plain",
            findings_on_new_page=True,
            interactive=True,
            logo="files/flow.png",
            attachments=[{"file": "files/poc.py", "title": "Proof", "audience": audience()}],
            csaf={
                "publisher": {"name": "Acme", "namespace": "https://example.org"},
                "tracking_id": "A-1",
                "products": [{"name": "Shop 1.0", "repository": "shop"}],
            },
        ),
    }
    masks = source.random() < 0.5
    engagement |= {"redact": [{"match": SECRET}]} if masks and source.random() < 0.5 else {}
    (findings / "engagement.yaml").write_text(json.dumps(engagement, ensure_ascii=False, indent=1))
    for number in range(1, 6):
        locations = [any_location(source, commits, name=f"at{index}", masks=masks) for index in range(source.randint(0, 4))]
        placed = [location["name"] for location in locations if "name" in location][:1]
        scoring: list[dict[str, Any]] = [
            {"severity": source.choice(names)},
            {"rating": {"impact": "high", "likelihood": source.choice(levels)}},
        ]
        finding = {
            "title": f"Finding `{number}`: 'quoted' & more",
            **source.choice([*scoring, {**scoring[0], **scoring[1], "severity_reason": for_some("Behind a login.")}]),
            **some(
                category="Injection",
                difficulty="low",
                cvss=["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"],
                cwe=["CWE-79", "CWE-99999"],
                tags=["web", "a.b"],
                confidence="likely",
                residual_severity="minor",
                owner="Team A",
                due="2026-03-01",
                related=[f"OWN-{number % 5 + 1}"],
                affected=[{"kind": "url", "name": "https://a.example/?q=1", "note": "Only there"}],
                status=source.choice(["open", "acknowledged", "partially_resolved", "resolved", "risk_accepted"]),
                summary=for_some("Short."),
                impact=for_some("All files.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"),
                scenario=for_some("1. One\n2. Two\n"),
                proof=f"```\ncurl -u root:{SECRET if 'redact' in engagement else 'x'}\n```\n",
                recommendation=source.choice(["Quote it.", {"short_term": "Quote it.\n", "long_term": "Lint it.\n"}]),
                response=for_some("We know."),
                fix={"commits": [commits[1]], "pull_requests": ["https://github.com/acme/shop/pull/1"], "note": "Done\n"},
                history=[
                    {"date": "2026-01-02", "status": "open"},
                    {"date": "2026-02-02", "status": "risk_accepted", "by": "Bo", "note": "Agreed: yes", "audience": ["team"]},
                ],
                references=[{"url": "https://example.org/a", "title": "A"}, {"url": "https://example.org/b"}],
                tickets=["jira:SEC-1"],
                found_by="Ada",
                audience=audience() if number == 5 else None,
                extra={"class": "easy", "area": "web"},
            ),
            "description": "Text.\n\n" + "".join(f"![Code](location:{name})\n" for name in placed),
            "locations": locations,
            **({"aliases": [f"OLD-{number}"]} if source.random() < 0.5 else {}),
        }
        finding = {name: value for name, value in finding.items() if value != []}
        (findings / f"OWN-{number}.finding.yaml").write_text(json.dumps(finding, ensure_ascii=False, indent=1))


def any_location(source: random.Random, commits: list[str], name: str, *, masks: bool) -> dict[str, Any]:
    """Return a location whose quote, if there is one, is of any verdict, or fits and has masks of any kind.

    What an edited line of a quote was before it was masked nobody knows, so that its verdict may be another one.
    """
    first = source.randint(1, len(LINES) - 4)
    last = source.randint(first + 1, len(LINES))
    lines = LINES[first - 1 : last]
    shift = 0 if masks else source.choice([0, 0, 0, 2])  # the quote is elsewhere than cited
    location: dict[str, Any] = {"path": source.choice(["src/app.py", "lib/a b.py"]), "lines": f"{first + shift}-{last + shift}"}
    kinds = ["none", "none", "exact", "numbers", "white", "elided", "note"]
    kind = source.choice([*kinds, *(["hides"] if masks else ["edited", "diff", "missing"])])
    quote = {
        "none": None,
        "exact": lines,
        "numbers": [f"{number:>4}  {line}" for number, line in enumerate(lines, first)],
        "white": ["  " + line.replace("\t", "    ") for line in lines],
        "elided": [lines[0], "...", lines[-1]],
        "note": [*lines[:-1], f"{lines[-1]}  // <-- here"],
        "edited": [*lines[:-1], lines[-1].replace("name", "path")],
        "diff": [f"-{line}" for line in lines],
        "missing": ["nothing of it", "is anywhere here"],
        "hides": [line.replace(SECRET, "<redacted>") for line in lines],
    }[kind]
    if quote is not None:
        location["quote"] = "\n".join(quote) + "\n"
    if shift and kind in ("none", "missing"):
        location["lines"] = f"{first}-{last}"
        shift = 0
    chosen = source.randint(first, last) + shift
    options: dict[str, Any] = {
        "name": name,
        "role": source.choice(["source", "sink"]),
        "show": f"{first + shift}-{first + shift + 1}",
        "highlight": str(first + shift),
        "notes": {chosen: "A *remark* on it"},
        "caption": "Where it is",
        "audience": ["team"],
        "commit": commits[1],
        "redact": source.choice([[{"lines": str(chosen)}], [{"lines": f"{first + shift}-{chosen}"}]]),
    }
    hidden = [number for number, line in enumerate(LINES, 1) if SECRET in line and first <= number <= last]
    if not masks:
        del options["redact"]
    elif hidden:
        options["redact"] = source.choice(
            [options["redact"], [{"match": SECRET}], [{"lines": str(hidden[0]), "match": SECRET}]]
        )
    location |= {key: value for key, value in options.items() if source.random() < 0.35}
    if {"show", "notes"} <= location.keys():
        del location["show"]  # an error: a note is within what is shown
    return location


def draw(source: random.Random) -> bytes:
    """Return a picture of four pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(source.randrange(256) for _ in range(6)) for _ in range(2))
    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
