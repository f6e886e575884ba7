"""Tickets without a tracker: references, the lock, drafts, and files for trackers that cannot be reached."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from repositories import problem_of

from findings_report import authoring
from findings_report.model.finding import Status
from findings_report.model.ticket import Attached, Draft, File, LockedTicket, TicketRef
from findings_report.problems import Kind
from findings_report.report.check import Inputs
from findings_report.system.toolchain import install_extra
from findings_report.tickets import trackers
from findings_report.tickets.create_and_sync import export, marker_name
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.session import lock_bytes, read_lock

FINDING = 'title: "=One, \\"two\\""\nseverity: critical\ndescription: "It *is*: {{x}}"\ntags: [web]\ncwe: CWE-79\n'


@pytest.fixture
def engagement(tmp_path: Path) -> Path:
    folder = tmp_path / "findings"
    folder.mkdir()
    (folder / "engagement.yaml").write_text("format: 1\ntitle: Überprüfung\n")
    (folder / "A-1.finding.yaml").write_text(FINDING)
    (folder / "A-2.finding.yaml").write_text(FINDING + "status: resolved\n")
    return tmp_path


@pytest.mark.parametrize("text", ["17", "redmin:17", "redmine:", ":17", ""])
def test_what_is_no_ticket_is_refused_with_the_shapes_of_those_that_are(text: str) -> None:
    problem = problem_of(lambda: trackers.parse_ref(text))

    assert problem.kind is Kind.USAGE
    assert "redmine:17" in problem.fault
    assert text != "redmin:17" or "redmine" in (problem.remedy or "")


@pytest.mark.parametrize("key", ["0", "1x", "-1", "../1", "1?x=1", "99999999999"])
def test_a_key_that_could_lead_elsewhere_is_refused_before_anything_is_asked(key: str) -> None:
    environment = {"REDMINE_URL": "http://127.0.0.1:9", "REDMINE_API_KEY": "k" * 40}

    with trackers.open_tracker("redmine", Environment(environment)) as tracker:
        assert problem_of(lambda: tracker.read(key)).code == "ticket-ref"


@pytest.mark.parametrize(
    ("tracker", "address"),
    [
        ("azure", "AZURE_DEVOPS_URL"),
        ("jira", "JIRA_URL"),
        ("redmine", "REDMINE_URL"),
        ("rt", "RT_URL"),
        ("servicenow", "SERVICENOW_URL"),
    ],
)
def test_nobody_is_asked_for_a_token_before_the_address_is_known(tracker: str, address: str) -> None:
    def ask(name: str) -> str:
        pytest.fail(f"asked for {name}")

    def opened() -> None:
        with trackers.open_tracker(tracker, Environment({}, ask)):
            pass

    assert problem_of(opened).fault == f"{address} is not set"


def test_a_token_is_asked_for_where_there_is_a_terminal_and_nothing_else_has_it() -> None:
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return " typed "

    assert Environment({"A_TOKEN": "set"}, ask).secret("A_TOKEN") == "set"
    assert Environment({}, ask).secret("A_TOKEN") == "typed"
    assert asked == ["A_TOKEN"]
    assert "keyring set findings-report A_TOKEN" in (problem_of(lambda: Environment({}).secret("A_TOKEN")).remedy or "")


class Kept(KeyringBackend):
    """A keyring that is not the machine's; without entries it is locked."""

    priority = 1.0
    entries: dict[str, str] | None = None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries = {**(self.entries or {}), f"{service} {username}": password}

    def get_password(self, service: str, username: str) -> str | None:
        if self.entries is None:
            raise KeyringLocked("it is locked")
        return self.entries.get(f"{service} {username}")


@pytest.fixture
def use_keyring() -> Iterator[Callable[[KeyringBackend], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_a_token_is_taken_from_the_keyring_where_the_environment_has_none(
    use_keyring: Callable[[KeyringBackend], None],
) -> None:
    kept = Kept()  # type: ignore[no-untyped-call]  # the library's
    kept.set_password("findings-report", "B_TOKEN", " kept\n")
    kept.set_password("other", "A_TOKEN", "x")
    use_keyring(kept)

    assert Environment({}).secret("A_TOKEN", "B_TOKEN") == "kept"
    assert Environment({"A_TOKEN": "set"}).secret("A_TOKEN", "B_TOKEN") == "set"


def test_a_keyring_that_cannot_be_asked_is_told_and_one_that_is_not_there_is_not(
    use_keyring: Callable[[KeyringBackend], None],
) -> None:
    use_keyring(Kept())  # type: ignore[no-untyped-call]  # likewise
    assert "the keyring is not available: it is locked" in problem_of(lambda: Environment({}).secret("A_TOKEN")).fault
    assert Environment({}, lambda _: "typed").secret("A_TOKEN") == "typed"

    use_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]  # likewise

    assert problem_of(lambda: Environment({}).secret("A_TOKEN")).fault == "A_TOKEN is not set"


def test_without_the_package_the_remedy_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    remedy = problem_of(lambda: Environment({}).secret("A_TOKEN")).remedy

    assert f"{install_extra('keyring')}, then keyring set findings-report A_TOKEN" in (remedy or "")


def test_a_token_with_a_line_end_in_it_is_refused_and_not_told() -> None:
    problem = problem_of(lambda: Environment({"A_TOKEN": "abc\nX-Other: 1"}).secret("A_TOKEN"))

    assert "abc" not in problem.fault + (problem.remedy or "")


def test_the_lock_is_read_back_as_it_was_written() -> None:
    file = File("report: #1", ".pdf", b"x", "application/pdf")
    lock = read_lock(None, shown="x").with_attached(TicketRef("redmine", "17"), file, "client")
    lock = lock.with_ticket("A-1", "redmine", LockedTicket(ref="redmine:18", status=Status.OPEN, written="0", stands="1"))

    written = lock_bytes(lock)

    assert read_lock(written, shown="x") == lock
    assert lock_bytes(read_lock(written, shown="x")) == written


def test_a_lock_of_an_older_version_has_the_words_that_were_printed() -> None:
    entry = b"""format: 1
tickets:
  A-1:
    redmine: {ref: "redmine:18", stands: "1", status: "Partially resolved", written: "0"}
"""
    lock = read_lock(entry, shown="x")

    assert lock.tickets["A-1"]["redmine"].status is Status.PARTIALLY_RESOLVED
    assert b'"partially_resolved"' in lock_bytes(lock)


@pytest.mark.parametrize("content", [b"", b"format: 2\n", b"- 1\n", b"format: 1\nother: 1\n", b"attached: {a: b}\n"])
def test_a_lock_that_was_not_written_by_this_program_is_refused(content: bytes) -> None:
    assert problem_of(lambda: read_lock(content, shown="tickets.lock.yaml")).kind is Kind.INPUT


def test_a_file_is_known_again_by_its_digest() -> None:
    file = File("report", ".pdf", b"new", "application/pdf")
    old = File("report", ".pdf", b"old", "application/pdf")

    assert Attached(file.name, 3).holds(file)
    assert not Attached(file.name, 2).holds(file)  # half of it
    assert Attached("renamed.pdf", 3, file.mark).holds(file)
    assert Attached(old.name).is_older(file)
    assert not Attached(file.name).is_older(file)
    assert not Attached("other-0123456789ab.pdf").is_older(file)


def test_a_marker_is_not_taken_for_that_of_an_id_that_begins_alike() -> None:
    draft = Draft("A-1", "", "", "", "findings-report:x/A-1", Status.OPEN, 1, ())

    assert draft.is_marked("from @findings-report:x/A-1@")
    assert draft.is_marked("from {{findings\\-report:x/A-1}}.")
    assert not draft.is_marked("from `findings-report:x/A-10`")
    assert not draft.is_marked("from `findings-report:x/A-1.2`")


def test_an_engagement_has_a_name_in_markers_whatever_its_title() -> None:
    assert marker_name("Review of Quick*Notes*, 2nd") == "review-of-quick-notes-2nd"
    assert marker_name("監査") == marker_name("監査") != marker_name("監査2")


@pytest.mark.parametrize("link", ["build", "build/tickets"])
def test_export_follows_no_link_that_nobody_named(
    engagement: Path, tmp_path_factory: pytest.TempPathFactory, link: str
) -> None:
    victim = tmp_path_factory.mktemp("victim")
    (engagement / link).parent.mkdir(exist_ok=True)
    (engagement / link).symlink_to(victim)

    assert problem_of(lambda: export(Inputs(engagement, {}), (), (), None, lambda _: None)).code == "output-link"
    assert not list(victim.iterdir())


def test_export_writes_what_jira_and_azure_import_and_markdown(engagement: Path) -> None:
    done = export(Inputs(engagement, {}), (), (), None, lambda _: None)

    folder = engagement / "build" / "tickets"
    assert sorted(path.name for path in folder.iterdir()) == ["A-1.md", "azure.csv", "jira.csv"]
    head, row = csv.reader(io.StringIO((folder / "jira.csv").read_text("utf-8-sig")))
    jira = dict(zip(head, row, strict=True))
    assert (jira["Summary"], jira["Priority"]) == ('A-1: =One, "two"', "Highest")
    assert "It _is_: \\{\\{x\\}\\}" in jira["Description"]
    assert [cell for name, cell in zip(head, row, strict=True) if name == "Labels"] == ["severity-critical", "CWE-79", "web"]
    head, row = csv.reader(io.StringIO((folder / "azure.csv").read_text("utf-8-sig")))
    azure = dict(zip(head, row, strict=True))
    assert (azure["Severity"], azure["Priority"]) == ("1 - Critical", "1")
    assert "<p>It <em>is</em>: {{x}}</p>" in azure["Repro Steps"]
    assert (folder / "A-1.md").read_text().startswith('# A-1: =One, "two"\n\n- Severity: **Critical**\n')
    assert len(done.messages) == 3
    assert (
        problem_of(lambda: export(Inputs(engagement, {}), ("jra",), (), None, lambda _: None)).remedy == "did you mean 'jira'?"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tickets: [jira:A-1]  # mine\nb: c\n", 'tickets: [jira:A-1, "x:2"]  # mine\nb: c\n'),
        ("tickets: [\n  jira:A-1, # one\n]\n", 'tickets: [\n  jira:A-1, "x:2", # one\n]\n'),
        ("tickets: []  # none yet\nb: c\n", 'tickets: ["x:2"]  # none yet\nb: c\n'),
        ("tickets:  # none yet\nb: c\n", 'tickets: ["x:2"]  # none yet\nb: c\n'),
        ("tickets: ~\n", 'tickets: ["x:2"]\n'),
        ("tickets:\n  -   a  # first\n  # below\n\nb: c\n", 'tickets:\n  -   a  # first\n  -   "x:2"\n  # below\n\nb: c\n'),
        ("tickets:\r\n- a\r\n- 'b'\r\nc: d\r\n", "tickets:\r\n- a\r\n- 'b'\r\n- \"x:2\"\r\nc: d\r\n"),
        ("\ufefftickets:\n  - a\n  - b", '\ufefftickets:\n  - a\n  - b\n  - "x:2"'),
        ("tickets:\n  - one\n    two # both\n", 'tickets:\n  - one\n    two # both\n  - "x:2"\n'),
        ("tickets:\n  - |\n    a\n\nb: c\n", 'tickets:\n  - |\n    a\n  - "x:2"\n\nb: c\n'),
    ],
)
def test_a_list_that_is_there_is_extended_in_its_layout(before: str, after: str) -> None:
    result = authoring.extend_list(before.encode(), "tickets", ["x:2"], shown="x")

    assert result.decode() == after


def test_a_list_is_added_to_a_file_and_nothing_else_is_touched() -> None:
    content = b"# mine\r\ntitle: One # two\r\n"

    assert authoring.extend_list(content, "tickets", ["jira:A-1"], shown="x") == content + b'tickets: ["jira:A-1"]\r\n'
    assert authoring.extend_list(b"a: b", "tickets", ["x"], shown="x") == b'a: b\ntickets: ["x"]\n'
    # The value of a block at the end of a file has a line feed, whether the file has one or not.
    assert authoring.extend_list(b"a: |\n  b", "tickets", ["x"], shown="x") == b'a: |\n  b\ntickets: ["x"]\n'
    for taken in (b"tickets: no list\n", b"tickets: {a: b}\n", b"tickets: [a]\nb: [\n", b"{a: b}\n", b"a: b\n...\n"):
        assert problem_of(lambda taken=taken: authoring.extend_list(taken, "tickets", ["x"], shown="x")).code == "edit"  # type: ignore[misc]
