"""A status that is added in one place is not forgotten in the others, and a renamed one is renamed in every output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import repositories

from findings_report import commands
from findings_report.cli.app import main
from findings_report.model.comparison import Change
from findings_report.model.finding import ANSWERED, Status
from findings_report.problems.suggestions import WORDS
from findings_report.tickets.create_and_sync import draft_tickets

ROOT = Path(__file__).parents[2]
PRINTED = {status: f"Word{number} of ours" for number, status in enumerate(Status)}


def test_every_status_has_the_words_of_other_tools() -> None:
    assert {status.value for status in Status} <= WORDS.keys()


def test_every_status_is_answered_or_waits_for_an_answer() -> None:
    waiting = {Status.OPEN, Status.ACKNOWLEDGED, Status.PARTIALLY_RESOLVED, Status.RISK_ACCEPTED, Status.UNDETERMINED}

    assert ANSWERED | waiting == set(Status)
    assert not ANSWERED & waiting


def test_every_status_has_a_pattern_in_the_chart() -> None:
    chart = (ROOT / "templates/standard/chart.html.j2").read_text()

    patterns = set(re.findall(r'id="part-chart-(\w+)\{\{ key', chart))

    # An open finding is a full bar, a resolved one an empty one.
    assert patterns == {status.value for status in Status} - {"open", "resolved"}


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engagement with a finding of each status, every status renamed, its baseline the tag r1 with other statuses."""
    folder = commands.demo(tmp_path_factory.mktemp("renamed") / "demo")
    engagement = folder / "findings/engagement.yaml"
    words = "".join(f"  {status.value}: {word}\n" for status, word in PRINTED.items())
    engagement.write_text(engagement.read_text() + f"status_words:\n{words}")
    for path in folder.glob("findings/*.finding.yaml"):
        path.unlink()

    def write(shift: int) -> None:
        for number, _ in enumerate(Status):
            status = [*Status][(number + shift) % len(Status)]
            history = f"history: [{{date: 2026-05-0{shift + 1}, status: {status.value}, by: Bo, note: Seen.}}]\n"
            text = f"title: Finding {number}\nseverity: high\nstatus: {status.value}\ndescription: It is so.\n{history}"
            (folder / f"findings/R-{number}.finding.yaml").write_text(text)

    repositories.git(folder, "init", "-q")
    (folder / ".gitignore").write_text("app/\nbuild/\nout/\n")
    write(0)
    repositories.git(folder, "add", "-A")
    repositories.git(folder, "commit", "-qm", "r1")
    repositories.git(folder, "tag", "r1")
    write(1)
    return folder


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["findings-report", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert not ended.value.code, captured.err
    return captured.out


def names() -> Iterator[str]:
    """What is printed for a status without `status_words`, where it cannot be another word."""
    yield from (status.value.replace("_", " ") for status in Status if "_" in status.value)
    yield from ("acknowledged", "undetermined")


@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize("suffix", ["md", "html", "csv"])
def test_a_report_prints_the_words_of_the_engagement(
    renamed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], template: str, suffix: str
) -> None:
    run(renamed, monkeypatch, capsys, "build", "-f", suffix, "-o", f"out/{template}.{suffix}", "--template", template)

    text = (renamed / f"out/{template}.{suffix}").read_text()
    assert {word for word in PRINTED.values() if word in text} == set(PRINTED.values())
    assert not re.search(r"word\d of ours", text)
    # Classes, anchors and patterns of a page keep the names.
    shown = re.sub(r"<(style|script).*?</\1>|<[^>]*>", "", text, flags=re.DOTALL).lower()
    assert [name for name in names() if name in shown] == []


@pytest.mark.parametrize("template", ["standard", "fix-review"])
@pytest.mark.parametrize("suffix", ["md", "html"])
def test_a_comparison_prints_the_words_of_the_engagement(
    renamed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], template: str, suffix: str
) -> None:
    out = run(
        renamed, monkeypatch, capsys, "diff", "r1", "-f", suffix, "-o", f"out/diff-{template}.{suffix}", "--template", template
    )

    text = (renamed / f"out/diff-{template}.{suffix}").read_text()
    assert {word for word in PRINTED.values() if word in text} == set(PRINTED.values())
    assert not re.search(r"word\d of ours", text)
    shown = re.sub(r"<(style|script).*?</\1>|<[^>]*>", "", text, flags=re.DOTALL).lower()
    assert [name for name in names() if name in shown or name in out.lower()] == []


def test_lists_and_tickets_print_the_words_and_json_keeps_the_names(
    renamed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = run(renamed, monkeypatch, capsys, "list")
    as_json = run(renamed, monkeypatch, capsys, "list", "--output-format", "json")
    drafts = draft_tickets(commands.Inputs(renamed, {}), tuple(f"R-{n}" for n, _ in enumerate(Status)), None, lambda _: None)

    assert all(word in listed for word in PRINTED.values())
    assert all(f'"{status.value}"' in as_json for status in Status)
    assert not any(word in as_json for word in PRINTED.values())
    for draft in drafts.by_finding.values():
        assert f"Status: {PRINTED[draft.status]}" in draft.text


def test_the_changes_of_findings_are_not_statuses() -> None:
    """A heading such as "absent" is not renamed by a word for a status."""
    assert not {change.value for change in Change} & {status.value for status in Status}
