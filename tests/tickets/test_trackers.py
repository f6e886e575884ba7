"""The table of trackers: each row says what its tracker can do, and the documentation lists the same references."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.trackers import TRACKERS, AttachmentReader, TicketWriter, open_tracker, parse_ref

DOCUMENT = Path(__file__).parents[2] / "docs" / "tickets.md"
SETTINGS = {
    "JIRA_URL": "https://jira.example.org",
    "JIRA_TOKEN": "token",
    "GITLAB_TOKEN": "token",
    "GITHUB_TOKEN": "token",
    "GITEA_URL": "https://gitea.example.org",
    "GITEA_TOKEN": "token",
    "FORGEJO_URL": "https://forgejo.example.org",
    "FORGEJO_TOKEN": "token",
    "CODEBERG_TOKEN": "token",
    "DEFECTDOJO_URL": "https://dojo.example.org",
    "DEFECTDOJO_TOKEN": "token",
    "REDMINE_URL": "https://redmine.example.org",
    "REDMINE_API_KEY": "token",
    "RT_URL": "https://rt.example.org",
    "RT_TOKEN": "token",
    "AZURE_DEVOPS_URL": "https://azure.example.org/organization",
    "AZURE_DEVOPS_EXT_PAT": "token",
    "SERVICENOW_URL": "https://servicenow.example.org",
    "SERVICENOW_TOKEN": "token",
}


@pytest.mark.parametrize("settings", [{}, {"JIRA_EMAIL": "ada@example.org", "REDMINE_MARKUP": "markdown"}])
@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_can_do_what_its_row_says(name: str, settings: dict[str, str]) -> None:
    row = TRACKERS[name]

    with open_tracker(name, Environment(SETTINGS | settings)) as tracker:
        assert tracker.markup in row.markups
        assert isinstance(tracker, AttachmentReader) == row.returns_files
        assert isinstance(tracker, TicketWriter) == row.writes_tickets


@pytest.mark.parametrize("name", TRACKERS)
def test_the_references_of_a_row_are_references_to_its_tracker(name: str) -> None:
    assert {parse_ref(reference).tracker for reference in TRACKERS[name].references} == {name}


def test_the_documentation_lists_the_references_of_all_trackers_in_order() -> None:
    table = re.search(r"\| reference \|.*?\n\n", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert table is not None
    cells = [line.split("|")[1] for line in table[0].splitlines()[2:] if line]

    assert [tuple(re.findall(r"`([^`]+)`", cell)) for cell in cells] == [row.references for row in TRACKERS.values()]
