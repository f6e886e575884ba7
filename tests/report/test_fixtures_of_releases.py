"""Files that an earlier release wrote are read: reports as JSON and PDF, and the lock file of tickets.

The folders of tests/fixtures/ are named after the release. They were written by it, and never change.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from findings_report.model.passages import Position
from findings_report.report import archive
from findings_report.tickets.session import read_lock

FIXTURES = Path(__file__).parents[1] / "fixtures"
RELEASES = sorted(path.name for path in FIXTURES.iterdir())


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["report.json", "report.pdf"])
def test_a_report_of_an_earlier_release_is_read(release: str, name: str) -> None:
    path = FIXTURES / release / name

    report = archive.read(path.read_bytes(), name)

    (finding,) = report.findings
    assert (finding.id, finding.severity.name) == ("T-1", "medium")
    assert [(passage.heading, passage.position) for passage in finding.prose] == [
        ("Description", Position.BEFORE_CODE),
        ("Impact", Position.AFTER_CODE),
        ("Recommendation", Position.ADVICE),
        ("Recommendation", Position.ADVICE),
    ]
    assert [snippet.check.verdict for snippet in finding.snippets] == ["exact"]
    assert archive.from_json(archive.to_json(report), shown=name) == report


@pytest.mark.parametrize("release", RELEASES)
def test_both_files_of_an_earlier_release_are_compared(release: str) -> None:
    folder = FIXTURES / release
    program = [sys.executable, "-c", "from findings_report.cli import main; main()"]

    ran = subprocess.run(
        [*program, "diff", folder / "report.json", folder / "report.pdf", "-f", "json", "-o", "-"],
        capture_output=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    comparison = json.loads(ran.stdout)
    assert [(finding["id"], finding["change"]) for finding in comparison["findings"]] == [("T-1", "unchanged")]


@pytest.mark.parametrize("release", RELEASES)
def test_the_lock_file_of_an_earlier_release_is_read(release: str) -> None:
    lock = read_lock((FIXTURES / release / "tickets.lock.yaml").read_bytes(), shown="tickets.lock.yaml")

    assert lock.engagement == "review-of-a-token"
    assert lock.tickets["T-1"]["redmine"].ref == "redmine:17"
    assert lock.attached == {"redmine:17": {"report.pdf": "report-0123456789ab.pdf"}}
