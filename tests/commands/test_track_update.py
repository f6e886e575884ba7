"""`track --update`: what is written anew, what stays and why, and that going there and back changes no byte."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import Commit, build

from findings_report import authoring, commands
from findings_report.cli import app
from findings_report.commands.track import UpdateResult, update
from findings_report.evidence.quote import renumber
from findings_report.model.evidence import Region
from findings_report.problems import FindingsReportError
from findings_report.system import journal

CODE = "import os\n\n\ndef save(name, value):\n    path = os.path.join(ROOT, name)\n    write(path, value)\n    return path\n"
ENGAGEMENT = """format: 1
title: Review
date: 2026-01-01
repositories:
  app:
    path: ../app
    revision: v1  # as agreed
    commit: {commit}
"""
FINDING = """# Looked at twice.
title: A path is believed
severity: high
description: It is.
locations:
  - path: store.py # the door
    lines: [4, 5-7]   # all of it
    show: 4, 6-7
    highlight: 6
    notes:
      6: nothing is asked
      7: "7 times"
    quote: |
      4| def save(name, value):
      ...
      6|     write(path, value)
      7|     return path
  - {path: store.py, lines: 6}
# the end
"""


def engagement(folder: Path, states: Mapping[str, Mapping[str, str | None]], finding: str = FINDING) -> dict[str, str]:
    """Findings on the first of several releases, which stand as files by tag; the commits by tag."""
    commits = build(folder / "app", [Commit(files, tag, tag) for tag, files in states.items()])
    (folder / "findings").mkdir()
    (folder / "findings/engagement.yaml").write_text(ENGAGEMENT.format(commit=commits[0]))
    (folder / "findings/A-1.finding.yaml").write_bytes(finding.encode())
    return dict(zip(states, commits, strict=True))


def to(folder: Path, revision: str, *, dry_run: bool = False) -> UpdateResult:
    return update(commands.Inputs(folder, {}), revision, only=None, dry_run=dry_run, progress=lambda _: None)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "findings").iterdir())}


def checked(folder: Path) -> list[str]:
    return [problem.fault for problem in commands.check(commands.Inputs(folder, {}), lambda _: None).problems]


def written(folder: Path) -> str:
    return (folder / "findings/A-1.finding.yaml").read_text()


def test_numbers_of_every_field_move_together(tmp_path: Path) -> None:
    engagement(tmp_path, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" * 100 + CODE}})

    done = to(tmp_path, "v2")

    assert done.moved == {("A-1", 0), ("A-1", 1)}
    assert written(tmp_path) == (
        FINDING.replace("[4, 5-7]", "[104, 105-107]")
        .replace("show: 4, 6-7", "show: 104, 106-107")
        .replace("highlight: 6", "highlight: 106")
        .replace("      6: nothing", "      106: nothing")
        .replace('7: "7 times"', '107: "7 times"')
        .replace("      4| def", "      104| def")
        .replace("      6| ", "      106| ")
        .replace("      7| ", "      107| ")
        .replace("lines: 6}", "lines: 106}")
    )
    assert checked(tmp_path) == []


def test_entries_of_masked_and_of_accepted_lines_move_too(tmp_path: Path) -> None:
    entries = "redact: [{lines: 6}, {match: path}], not_secret: [{lines: 6, match: write}, {lines: [6]}]"
    finding = FINDING.replace("lines: 6}", f"lines: 6, {entries}}}")
    engagement(tmp_path, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" * 100 + CODE}}, finding)

    to(tmp_path, "v2")

    assert entries.replace("6", "106") in written(tmp_path)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("other", ["store.py", "lib/store.py"])
@pytest.mark.parametrize("above", [0, 1, 3, 95])
def test_there_and_back_gives_the_same_bytes(tmp_path: Path, above: int, other: str, line_end: str) -> None:
    gone: dict[str, str | None] = {} if other == "store.py" else {"store.py": None}
    code = CODE + "".join(f"LIMIT_{number} = {number}\n" for number in range(200))  # half of a file makes it the same
    states: Mapping[str, Mapping[str, str | None]] = {"v1": {"store.py": code}, "v2": gone | {other: "# new\n" * above + code}}
    engagement(tmp_path, states, FINDING.replace("\n", line_end))
    before = contents(tmp_path)

    to(tmp_path, "v2")
    between = contents(tmp_path)
    again = to(tmp_path, "v2")

    assert between != before
    assert not again.files
    assert contents(tmp_path) == between
    to(tmp_path, "v1")
    assert contents(tmp_path) == before


def test_a_location_that_was_modified_keeps_citing_the_commit_it_cited(tmp_path: Path) -> None:
    states = {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE.replace("ROOT, name", "ROOT, safe(name)")}}
    commits = engagement(tmp_path, states)

    done = to(tmp_path, "v2")

    assert done.moved == {("A-1", 1)}
    assert done.kept == {("A-1", 0): "of its lines, 5-7: modified"}
    assert f'    commit: "{commits["v1"]}"\n  - {{path: store.py, lines: 7}}' in written(tmp_path)
    assert checked(tmp_path) == []


def test_a_location_with_its_own_commit_is_left_alone(tmp_path: Path) -> None:
    finding = FINDING.replace("lines: 6}", "lines: 6, commit: " + "0" * 40 + "}")
    commits = engagement(tmp_path, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE}}, finding)
    path = tmp_path / "findings/A-1.finding.yaml"
    path.write_text(path.read_text().replace("0" * 40, commits["v1"]))

    done = to(tmp_path, "v2")

    assert done.kept == {("A-1", 1): f"it names its own commit {commits['v1'][:12]}"}
    (said,) = (each for each in done.tracked.problems if each.code == "location-stays")
    what = "its text is identical there: if that place is meant, write store.py, lines 7, and remove `commit`"
    assert (said.level, said.remedy) == ("note", what)
    assert f"lines: 6, commit: {commits['v1']}}}" in written(tmp_path)


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    engagement(tmp_path, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE}})
    before = contents(tmp_path)

    dry = to(tmp_path, "v2", dry_run=True)

    assert contents(tmp_path) == before
    wet = to(tmp_path, "v2")
    assert (dry.moved, dry.files, dry.pins) == (wet.moved, wet.files, wet.pins)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"    write(path, value)\n": "    write(path)\n"}, "its quote differs from the repository"),
        (
            {"      4|": "      2|", "      6|": "      4|", "      7|": "      5|"},
            "its quote is at other lines than claimed",
        ),
        ({"    quote: |\n": "    symbol: load\n    quote: |\n"}, None),
    ],
)
def test_a_quote_that_has_to_be_mended_first_stays_and_a_wrong_symbol_is_no_worse(
    tmp_path: Path, changes: dict[str, str], why: str | None
) -> None:
    finding = FINDING
    for old, new in changes.items():
        finding = finding.replace(old, new)
    engagement(tmp_path, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE}}, finding)

    assert to(tmp_path, "v2").kept.get(("A-1", 0)) == why


def test_a_symbol_that_encloses_the_lines_no_more_is_not_written(tmp_path: Path) -> None:
    finding = FINDING.replace("lines: 6}", "lines: 6, symbol: save}")
    moved = CODE.replace("def save(name, value):\n", "def keep(name, value):\n")
    engagement(tmp_path, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + moved}}, finding)

    why = to(tmp_path, "v2").kept["A-1", 1]

    assert "symbol 'save' does not enclose line 7" in why


def test_a_quote_in_one_line_is_written_or_left_with_the_reason(tmp_path: Path) -> None:
    finding = FINDING.replace("lines: 6}", 'lines: 6-7, quote: "6: write(path, value)\\n7: return path"}')
    folded = FINDING.replace("lines: 6}", "lines: 6-7, quote: '6: write(path, value)\n\n    7: return path'}")
    states: Mapping[str, Mapping[str, str | None]] = {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE}}
    for name, text in (("one", finding), ("folded", folded)):
        (tmp_path / name).mkdir()
        engagement(tmp_path / name, states, text)

    assert not to(tmp_path / "one", "v2").kept
    assert '"7: write(path, value)\\n8: return path"' in written(tmp_path / "one")
    assert to(tmp_path / "folded", "v2").kept == {
        ("A-1", 1): "the location cannot be written here without touching anything else"
    }


def test_two_locations_in_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    engagement(tmp_path, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE}})
    (tmp_path / "findings/B-2.finding.yaml").write_text(FINDING)

    to(tmp_path, "v2")

    assert written(tmp_path) == (tmp_path / "findings/B-2.finding.yaml").read_text()


@given(st.integers(1, 2_000), st.integers(0, 2_000), st.sampled_from(["{}| ", "{}:", "{}\t", "L{} ", "[{}] ", "{} | "]))
def test_a_quote_renumbered_there_and_back_is_the_quote(first: int, step: int, style: str) -> None:
    lines = ["def f():", "    return 404", "", "# 17"]
    quote = "".join(style.format(number) + line + "\n" for number, line in enumerate(lines, first))
    region = (Region(start_line=first, end_line=first + 3),)
    there = (Region(start_line=first + step, end_line=first + 3 + step),)

    moved = renumber(quote, region, region, lambda line: line + step)

    assert moved is not None
    assert moved == "".join(style.format(number) + line + "\n" for number, line in enumerate(lines, first + step))
    assert renumber(moved, there, there, lambda line: line - step) == quote


def test_a_number_that_is_code_is_no_line_number() -> None:
    cited = (Region(start_line=8, end_line=9),)

    assert renumber('404: "Not Found",\n500: "Oops",', cited, cited, lambda line: line + 1) == '404: "Not Found",\n500: "Oops",'
    assert renumber("8: a = 1\n30: b = 2", (Region(start_line=1, end_line=2),), cited, lambda line: line + 1) is None


def test_the_terminal_lists_what_was_written_and_what_a_person_must_look_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE.replace("ROOT, name", "ROOT, safe(name)")}}
    commits = engagement(tmp_path, states)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["findings-report", "track", "--to", "v2", "--update"])

    with pytest.raises(SystemExit):
        app.main()

    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "A-1 store.py:6",
        "  moved: now 7",
        "  the code around it, in the same function or class, was changed",
        f"app: pinned v2 to {commits['v2']}",
        "wrote findings/A-1.finding.yaml",
        "wrote findings/engagement.yaml",
        "2 locations: 1 moved, 1 not moved",
    ]
    assert (
        "findings/A-1.finding.yaml:6:5: warning: locations[0]: citation of store.py not moved: of its lines, 5-7: modified"
        in said.err
    )


@pytest.mark.parametrize("message_format", ["full", "concise"])
def test_a_path_in_another_notation_is_not_counted_as_moved_and_the_counts_add_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, message_format: str
) -> None:
    below = "LIMIT = 1\n"
    states = {"v1": {"a/store.py": CODE, "b.py": below + CODE}, "v2": {"a/store.py": CODE, "b.py": below + "# new\n" + CODE}}
    locations = ["path: a\\store.py, lines: 6", "path: a/store.py, lines: 7", "path: b.py, lines: 7", "path: b.py, lines: 1-2"]
    finding = FINDING.partition("locations:")[0] + "locations:\n" + "".join(f"  - {{{each}}}\n" for each in locations)
    engagement(tmp_path, states, finding)
    monkeypatch.chdir(tmp_path)
    command = ["findings-report", "track", "--to", "v2", "--update", "--output-format", message_format]
    monkeypatch.setattr("sys.argv", command)

    with pytest.raises(SystemExit):
        app.main()

    lines = capsys.readouterr().out.splitlines()
    between = ["A-1 a/store.py:6", "  in place; its path is written as in git"]
    listed = between if message_format == "full" else ["A-1 a/store.py:6 in place; its path is written as in git"]
    assert lines[: len(listed)] == listed
    assert lines[-1] == "4 locations: 1 moved, 1 with the path rewritten, 1 unchanged, 1 not moved"
    assert "{path: a/store.py, lines: 6}" in written(tmp_path)


def test_prose_that_names_moved_lines_is_listed(tmp_path: Path) -> None:
    prose = "description: |\n  See Lines 5 - 7, line 7, and\n  lines 300-310 of another file.\n"
    finding = FINDING.replace("description: It is.\n", prose)
    engagement(tmp_path, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE}}, finding)

    said = [each for each in to(tmp_path, "v2").tracked.problems if each.code == "lines-moved"]

    assert [each.fault for each in said] == ["names Lines 5 - 7, now lines 6-8", "names line 7, now line 8"]
    assert {each.place.line for each in said if each.place} == {5}
    assert "lines 300-310" in written(tmp_path)


def test_a_fault_writes_nothing(tmp_path: Path) -> None:
    engagement(tmp_path, {"v1": {"store.py": CODE}})
    before = contents(tmp_path)

    with pytest.raises(FindingsReportError, match="names no commit"):
        to(tmp_path, "v9")

    assert contents(tmp_path) == before


# What may become of the files meanwhile.


def moved(folder: Path) -> None:
    """The engagement whose cited lines stand one line lower in the next release."""
    engagement(folder, {"v1": {"store.py": CODE}, "v2": {"store.py": "# new\n" + CODE}})


def refused(folder: Path) -> tuple[str, str | None]:
    with pytest.raises(FindingsReportError) as raised:
        to(folder, "v2")
    (problem,) = raised.value.problems
    return problem.fault, problem.remedy


def test_what_is_saved_meanwhile_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved(tmp_path)
    path = tmp_path / "findings/A-1.finding.yaml"
    before = contents(tmp_path)

    def save(said: str) -> None:
        if said == "writing locations":
            path.write_text(FINDING.replace("It is.", "Somebody wrote this a moment ago."))

    with pytest.raises(FindingsReportError, match="was changed while the command ran; nothing was written"):
        update(commands.Inputs(tmp_path, {}), "v2", only=None, dry_run=False, progress=save)

    assert "a moment ago" in path.read_text()
    assert contents(tmp_path) == {**before, path.name: path.read_bytes()}


def test_a_read_only_file_is_not_written(tmp_path: Path) -> None:
    moved(tmp_path)
    path = tmp_path / "findings/A-1.finding.yaml"
    path.chmod(0o444)
    before = contents(tmp_path)

    assert refused(tmp_path) == ("cannot be written: it is read-only", f"chmod u+w {path}")
    assert contents(tmp_path) == before


def test_a_link_to_a_file_beside_it_stays_one(tmp_path: Path) -> None:
    moved(tmp_path)
    path = tmp_path / "findings/A-1.finding.yaml"
    path.rename(tmp_path / "findings/text")
    path.symlink_to("text")

    to(tmp_path, "v2")

    assert path.is_symlink()
    assert "lines: [5, 6-8]" in (tmp_path / "findings/text").read_text()


@pytest.mark.parametrize("name", ["A-1.finding.yaml", "engagement.yaml"])
def test_a_link_that_leads_out_is_not_followed(tmp_path: Path, name: str) -> None:
    moved(tmp_path)
    (tmp_path / "findings" / name).rename(tmp_path / "outside")
    (tmp_path / "findings" / name).symlink_to("../outside")
    outside = (tmp_path / "outside").read_bytes()

    with pytest.raises(FindingsReportError, match="symbolic link that leads out of the folder"):
        to(tmp_path, "v2")

    assert (tmp_path / "outside").read_bytes() == outside


def test_another_name_of_the_file_keeps_what_it_had(tmp_path: Path) -> None:
    moved(tmp_path)
    (tmp_path / "kept").hardlink_to(tmp_path / "findings/A-1.finding.yaml")

    to(tmp_path, "v2")

    assert (tmp_path / "kept").read_text() == FINDING
    assert "lines: [5, 6-8]" in written(tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
from findings_report import commands
from findings_report.commands.track import update

renamed, wanted = [], int(sys.argv[2])
replace = Path.replace
def counted(self, target):
    if len(renamed) == wanted:
        os.kill(os.getpid(), signal.SIGKILL)
    renamed.append(target)
    return replace(self, target)
Path.replace = counted
update(commands.Inputs(Path(sys.argv[1]), {}), "v2", only=None, dry_run=False, progress=lambda _: None)
"""


@pytest.mark.parametrize("renamed", [0, 1])
def test_an_update_that_is_killed_is_complete_for_the_next_command(tmp_path: Path, renamed: int) -> None:
    moved(tmp_path)
    before = contents(tmp_path)

    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path, str(renamed)], check=False)

    assert ended.returncode == -9
    half = contents(tmp_path)
    assert sum(half[name] != before[name] for name in before) == renamed
    authoring.load(authoring.Folder(tmp_path / "findings"))
    after = contents(tmp_path)
    assert after.keys() == before.keys()
    assert sum(after[name] != before[name] for name in before) == 2
    assert journal.notes.pop().code == "unfinished"
