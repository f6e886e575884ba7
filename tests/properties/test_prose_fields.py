"""A Markdown field that is declared on a finding takes part in everything: no list of prose fields exists beside the model."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from changed_package import ChangedPackage

from findings_report import commands
from findings_report.model.finding import Finding
from findings_report.model.passages import Position, passage_fields
from findings_report.model.report import ReportedFinding
from findings_report.pdf.embedded_data import extract_file

FIELDS = {position: f"probe_{position.value}" for position in Position}
"""The synthetic fields, one for each position."""
PLAIN = "root_cause"
"""A field without any annotation but `Markdown`."""
NAMES = (*FIELDS.values(), PLAIN)

FINDING = "findings/DEMO-001.finding.yaml"
IN_TICKETS = {Position.LEAD, Position.BEFORE_CODE, Position.AFTER_CODE, Position.ADVICE}
IN_FIX_REVIEWS = {Position.BEFORE_CODE, Position.FIX, Position.ANSWER}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ChangedPackage:
    """The package with a Markdown field for each position, and one that is only declared."""
    changed = ChangedPackage(tmp_path_factory.mktemp("package"))
    where = {"path": "findings_report/model/finding.py", "before": "    impact: MarkdownForSome | None"}
    for position, name in FIELDS.items():
        changed.insert(
            line=f"    {name}: Annotated[Markdown | None, PrintedAs(position=Position.{position.name})] = None", **where
        )
    changed.insert(line=f"    {PLAIN}: Markdown | None = None", **where)
    return changed


@pytest.fixture(scope="module")
def demo(package: ChangedPackage) -> Path:
    """The demo, with a text in each of the fields."""
    folder = commands.demo(package.folder / "demo")
    with (folder / FINDING).open("a") as file:
        file.writelines(f"{name}: This text is in {name}.\n" for name in NAMES)
    return folder


def texts_in(document: str) -> set[str]:
    """The synthetic fields whose text a document has; a printer may escape `_`."""
    plain = re.sub(r"\s+", " ", document.replace("\\_", "_"))
    return {name for name in NAMES if f"This text is in {name}." in plain}


def names_at(positions: Sequence[Position] | set[Position]) -> set[str]:
    return {name for position, name in FIELDS.items() if position in positions} | (
        {PLAIN} if Position.AFTER_CODE in positions else set()
    )


@pytest.mark.parametrize("template", ["standard", "review"])
def test_every_template_prints_the_field_in_every_format(package: ChangedPackage, demo: Path, template: str) -> None:
    ran = package.run("build", str(demo), "-f", "md", "-f", "html", "-f", "json", "--template", template, "-o", f"{template}/")

    assert ran.returncode == 0, ran.stderr
    for path in (package.folder / template).iterdir():
        assert texts_in(path.read_text("utf-8")) == set(NAMES), path
    assert "Root cause" in (package.folder / template / "report.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_the_pdf_prints_the_field_and_holds_it_as_data(package: ChangedPackage, demo: Path) -> None:
    ran = package.run("build", str(demo), "-f", "pdf", "-o", "report.pdf")

    assert ran.returncode == 0, ran.stderr
    path = package.folder / "report.pdf"
    printed = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True).stdout.decode()
    assert texts_in(printed) == set(NAMES)
    carried = extract_file(path.read_bytes(), ("report.json",), shown="report.pdf").content
    assert texts_in(carried.decode()) == set(NAMES)


def test_the_ticket_has_the_field_unless_it_is_about_the_answer(package: ChangedPackage, demo: Path) -> None:
    ran = package.run("tickets", "export", "-C", str(demo), "-o", "tickets/")

    assert ran.returncode == 0, ran.stderr
    written = [path for path in (package.folder / "tickets").rglob("*") if path.is_file()]
    assert {path.suffix for path in written} == {".csv", ".md"}
    having = [path for path in written if texts_in(path.read_text("utf-8"))]
    assert len(having) == 3, written  # DEMO-001 in Markdown, and both tables
    for path in having:
        assert texts_in(path.read_text("utf-8")) == names_at(IN_TICKETS), path


@pytest.mark.parametrize(("template", "expected"), [("standard", set(Position)), ("fix-review", IN_FIX_REVIEWS)])
def test_a_comparison_shows_the_field_that_changed(
    package: ChangedPackage, demo: Path, template: str, expected: set[Position]
) -> None:
    baseline = package.folder / f"{template}-baseline.json"
    assert package.run("build", str(demo), "-f", "json", "-o", str(baseline)).returncode == 0
    finding = demo / FINDING
    as_it_was = finding.read_text("utf-8")
    finding.write_text(as_it_was.replace("This text is in", "This text is in all of"))
    try:
        output = ("-f", "md", "-f", "html", "--template", template, "-o", f"diff-{template}/")
        ran = package.run("diff", str(baseline), str(demo), *output)
    finally:
        finding.write_text(as_it_was)

    assert ran.returncode == 0, ran.stderr
    for path in (package.folder / f"diff-{template}").iterdir():
        # The marks of what was added stand between the words, in HTML as elements.
        plain = " ".join(re.sub(r"<[^>]+>|[\\*{}+]", " ", path.read_text("utf-8").replace("\\_", "_")).split())
        changed = {name for name in NAMES if re.search(rf"This text is in (all of )?{name} ?\.", plain)}
        assert changed == names_at(expected), path


def test_check_finds_a_fault_in_each_field_with_its_place(package: ChangedPackage, demo: Path) -> None:
    faulty = "TODO: see ![the call](location:nowhere) and [x](javascript:alert(1)) and [](finding:NOPE-1)."
    finding = demo / FINDING
    as_it_was = finding.read_text("utf-8")
    finding.write_text(re.sub(r"This text is in \w+\.", lambda _: f"|\n  {faulty}", as_it_was))
    try:
        ran = package.run("check", str(demo), "--all")
    finally:
        finding.write_text(as_it_was)

    said = ran.stdout + ran.stderr
    assert ran.returncode == 3, said
    for name in NAMES:
        lines = [line for line in said.splitlines() if f"{FINDING}:" in line and f"{name}" in line]
        # To be written, placed within a line, no such location, link not allowed, no such finding.
        assert len(lines) == 5, (name, lines)


def test_each_field_can_place_evidence(package: ChangedPackage, demo: Path) -> None:
    unplaced = (demo / FINDING).read_text("utf-8").replace("![The statement is put together from strings](location:query)", "")
    folders = [Path(shutil.copytree(demo, package.folder / f"evidence-in-{name}")) for name in NAMES]
    for name, folder in zip(NAMES, folders, strict=True):
        (folder / FINDING).write_text(unplaced.replace(f"This text is in {name}.", "'![Placed](location:query)'"))

    ran = package.run("build", *map(str, folders), "-f", "json", "-o", "placed/")

    assert ran.returncode == 0, ran.stderr
    for folder in folders:
        built = package.folder / "placed" / folder.name / "report.json"
        assert '"placed": [\n        "query"\n      ]' in built.read_text("utf-8"), folder


def test_a_reported_finding_has_every_prose_field_of_a_finding() -> None:
    assert passage_fields(ReportedFinding) == passage_fields(Finding)
