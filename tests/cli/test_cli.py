"""The program as a user meets it: commands, messages, exit codes, files."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from repositories import Commit, build, git

from findings_report.cli import app
from findings_report.cli.app import COMMANDS, GROUPS, Command
from findings_report.cli.output import Styled, counted, err, file_link, link_texts, problem_pieces, problem_text, table
from findings_report.problems import Kind, Place, Problem

PROGRAM = str(Path(sys.executable).parent / "findings-report")
CODE = "import sys\n\n\ndef main():\n    name = sys.argv[1]\n    run(name)\n    return 0\n"
FINDING = """title: A finding
severity: high
description: |
  Something is wrong.
locations:
  - path: app.py
    lines: 4-7
    quote: |
      def main():
          name = sys.argv[1]
"""


@dataclass(frozen=True)
class Work:
    """An engagement with a real repository beside it."""

    root: Path
    commit: str

    def write(self, name: str, text: str) -> None:
        path = self.root / "findings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def finding(self, text: str) -> None:
        self.write("A-1.finding.yaml", text)

    def engagement(self, more: str = "", repository: str | None = None) -> None:
        fields = repository if repository is not None else f'path: ../app, revision: v1, commit: "{self.commit}"'
        self.write("engagement.yaml", f"format: 1\ntitle: Review\nrepositories:\n  app: {{{fields}}}\n{more}")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    files: dict[str, bytes | str | None] = {
        "app.py": CODE,
        "binary.bin": b"\0\1\2" * 100,
        "lfs.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n",
    }
    commits = build(tmp_path / "app", [Commit(files=files, message="one", tag="v1")])
    made = Work(tmp_path, commits[0])
    made.engagement()
    made.write("A-1.finding.yaml", FINDING)
    return made


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the program in this process."""

    def ran(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["findings-report", *map(str, arguments)])
        try:
            app.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return ran


def test_a_sound_engagement_is_checked_with_code_0(work: Work, run: Run) -> None:
    ran = run("check", work.root)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "1 finding: 1 high\n1 location: 1 exact\n"


def test_who_names_one_file_is_told_that_all_of_the_engagement_was_read(work: Work, run: Run) -> None:
    ran = run("check", "--strict", work.root / "findings/A-1.finding.yaml")

    assert ran.code == 0
    assert "A-1.finding.yaml: note: all of the engagement was read, not this file alone" in ran.err
    assert "note" not in run("check", work.root / "findings/engagement.yaml").err


LOCATION = "title: x\nseverity: low\ndescription: y\nlocations:\n  - {path: app.py, lines: 4}\n"

BROKEN: list[tuple[str, Callable[[Work], object], int, str]] = [
    ("no engagement.yaml", lambda w: (w.root / "findings/engagement.yaml").unlink(), 3, "no engagement.yaml"),
    (
        "empty engagement.yaml",
        lambda w: w.write("engagement.yaml", ""),
        3,
        "engagement.yaml:1:1: error: the file is empty [yaml]",
    ),
    ("YAML syntax", lambda w: w.finding("title: a: b\n"), 3, "A-1.finding.yaml:1:9: error: YAML: mapping values"),
    ("a tab", lambda w: w.finding("title: x\n\tseverity: low\n"), 3, "A-1.finding.yaml:2:1: error: YAML"),
    ("an unknown field", lambda w: w.finding("titel: x\n" + FINDING), 3, "did you mean 'title'?"),
    ("a missing field", lambda w: w.finding("title: x\n"), 3, "`description` is required"),
    ("a severity off the scale", lambda w: w.finding(LOCATION.replace("low", "lwo")), 3, "did you mean 'low'?"),
    ("a duplicate key", lambda w: w.finding("title: x\n" + FINDING), 3, "duplicate key"),
    ("an alias bomb", lambda w: w.finding("a: &a [x]\nb: [*a, *a]\n"), 3, "the anchor &a is not read"),
    ("deep nesting", lambda w: w.finding("a: " + "[" * 9999), 3, "nested more than 40 levels"),
    ("Latin-1", lambda w: (w.root / "findings/A-1.finding.yaml").write_bytes(b"title: \xe9\n"), 3, "byte 0xe9 is not UTF-8"),
    ("a bad id", lambda w: w.write("A 1.finding.yaml", FINDING), 3, "'A 1' is not an id"),
    ("ids that clash", lambda w: w.write("sub/a-1.finding.yaml", FINDING), 3, "the id a-1 is taken"),
    ("an alias of its own", lambda w: w.write("A-2.finding.yaml", FINDING + "aliases: [a-2]\n"), 3, "the finding's own id"),
    ("a path outside", lambda w: w.finding(LOCATION.replace("app.py", "../../etc/passwd")), 3, "inside the rep"),
    ("a reversed range", lambda w: w.finding(LOCATION.replace(": 4", ": 7-4")), 3, "write 4-7"),
    ("a newer format", lambda w: w.write("engagement.yaml", "format: 9\ntitle: x\n"), 3, "made by a newer findings-report"),
    ("text nested too deep", lambda w: w.finding(FINDING + "impact: '" + "> " * 60 + "x'\n"), 3, "20 levels deep"),
    ("an unknown location", lambda w: w.finding(FINDING + "impact: '[](location:no)'\n"), 3, "no location 'no'"),
    ("a missing picture", lambda w: w.engagement("images: [{name: a, file: a.png, alt: b}]\n"), 3, "there is no file a.png"),
    ("an unknown template", lambda w: w.engagement("template: nope\n"), 3, "there is no template 'nope'"),
    ("an unknown output", lambda w: w.engagement("outputs: [doc]\n"), 3, "'doc' is not a format"),
    ("a file name pattern", lambda w: w.engagement("file_name: '{nope}'\n"), 3, "{nope} is not one of"),
    ("a missing commit", lambda w: w.engagement(repository=f'path: ../app, commit: "{"1" * 40}"'), 4, "1111111111"),
    ("a missing revision", lambda w: w.engagement(repository="path: ../app, revision: v9"), 4, "v9"),
]


@pytest.mark.parametrize(("name", "damage", "code", "message"), BROKEN, ids=[case[0] for case in BROKEN])
def test_a_broken_engagement_is_told_once_with_its_code_and_nothing_is_written(
    work: Work, run: Run, name: str, damage: Callable[[Work], object], code: int, message: str
) -> None:
    damage(work)

    ran = run("build", work.root, "-f", "md")

    assert ran.code == code, ran.err
    assert message in ran.err
    assert "Traceback" not in ran.err
    messages = [line for line in ran.err.splitlines() if line[:1] != " " and ": warning: " not in line]
    assert len(messages) == len(set(messages)) <= 3
    assert not (work.root / "build").exists()


@pytest.mark.parametrize(
    ("location", "message", "verdict"),
    [
        ("{path: app.py, lines: 4-400}", "has 7 lines", "not_found"),
        ("{path: ap.py, lines: 4}", "app.py", "not_found"),
        ("{path: binary.bin, lines: 4}", "a binary file", "unchecked"),
        ("{path: lfs.bin, lines: 4}", "a Git LFS pointer", "unchecked"),
        (f'{{path: app.py, lines: 4, commit: "{"1" * 40}"}}', f"commit {'1' * 40} is not in the clone", "unchecked"),
    ],
)
def test_one_bad_location_is_a_warning_and_everything_is_written(
    work: Work, run: Run, location: str, message: str, verdict: str
) -> None:
    work.write("A-2.finding.yaml", f"title: Bad\nseverity: low\ndescription: x\nlocations: [{location}]\n")

    ran = run("build", work.root, "-f", "md", "-f", "json")
    strict = run("build", work.root, "-f", "md", "-o", work.root / "strict.md", "--strict")

    assert (ran.code, ran.err.count("warning: ")) == (0, 1), ran.err
    assert message in ran.err
    report = json.loads((work.root / "build/report.json").read_text())
    assert [f["snippets"][0]["check"]["verdict"] for f in report["findings"]] == ["exact", verdict]
    assert "name = sys.argv[1]" in (work.root / "build/report.md").read_text()
    assert strict.code == 1
    assert (work.root / "strict.md").exists()


def test_a_path_in_another_notation_is_one_warning_also_with_a_scope(work: Work, run: Run) -> None:
    work.engagement("scope: [app.py]\n")
    work.finding(FINDING.replace("path: app.py", "path: C:\\work\\app\\app.py"))

    ran = run("check", work.root)

    assert (ran.code, ran.err.count("warning: ")) == (0, 1), ran.err
    assert "= help: write `app.py`" in ran.err


def test_a_clone_that_cannot_be_opened_leaves_its_quotes_unchecked(work: Work, run: Run) -> None:
    work.engagement(repository=f'path: ../findings, commit: "{work.commit}"')

    ran = run("build", work.root, "-f", "md")

    assert (ran.code, run("check", work.root, "--strict").code) == (0, 1), ran.err
    assert "warning: repositories.app.path: repository 'app': no git repository at" in ran.err
    assert "1 unchecked" in ran.out


def test_thirty_locations_at_one_missing_commit_are_one_message(work: Work, run: Run) -> None:
    location = f'  - {{path: app.py, lines: 4, commit: "{"1" * 40}"}}\n'
    work.write("A-2.finding.yaml", "title: Bad\nseverity: low\ndescription: x\nlocations:\n" + location * 30)

    ran = run("check", work.root)

    assert (ran.code, ran.err.count("warning: ")) == (0, 1), ran.err
    assert "27 more places" in ran.err or "30" in ran.err
    assert run("check", work.root, "--all").err.count("warning: ") == 30


def test_the_line_at_fault_is_shown_with_a_caret(work: Work, run: Run) -> None:
    work.write("A-1.finding.yaml", FINDING.replace("high", "hgih"))

    said = run("check", work.root).err.splitlines()

    scale = "critical, high, medium, low, informational"
    assert said[0].endswith(f"A-1.finding.yaml:2:11: error: severity: 'hgih' is not in the scale ({scale}) [not-in-list]")
    assert said[1:] == ["  2 | severity: hgih", "    |           ^^^^", "    = help: did you mean 'high'?"]


LONG = Problem(
    Kind.INPUT,
    "the repository quicknotes has no revision that could be read by anybody who looks for it in the clone",
    "write the tag or branch that was agreed with the client under `revision`, and fetch it into the clone",
    place=Place("findings/engagement.yaml", 7, 15, '    revision: "1.0"', 5),
    field="repositories.quicknotes.revision",
    code="revision-missing",
)


def test_on_a_terminal_problems_are_wrapped_to_its_width_and_the_remedy_stands_below() -> None:
    assert problem_text(LONG, 60).splitlines() == [
        "findings/engagement.yaml:7:15: error:",
        "  repositories.quicknotes.revision: the repository",
        "  quicknotes has no revision that could be read by anybody",
        "  who looks for it in the clone [revision-missing]",
        '  7 |     revision: "1.0"',
        "    |               ^^^^^",
        "    = help: write the tag or branch that was agreed with the",
        "      client under `revision`, and fetch it into the clone",
    ]


def test_when_piped_a_fault_and_its_remedy_are_one_line_each() -> None:
    fault, source, caret, remedy = problem_text(LONG).splitlines()

    assert fault.endswith("in the clone [revision-missing]")
    assert (source, caret) == ('  7 |     revision: "1.0"', "    |               ^^^^^")
    assert remedy.startswith("    = help: write the tag")
    assert remedy.endswith("into the clone")


def run_on_terminal(*arguments: object, columns: int = 80, cwd: Path, **variables: str) -> str:
    """Return what the program writes to a real pseudo-terminal of that width."""
    try:
        controller, terminal = pty.openpty()
    except OSError:
        pytest.skip("no pseudo-terminal can be opened here")
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    with subprocess.Popen(
        [PROGRAM, *map(str, arguments)], stdin=terminal, stdout=terminal, stderr=terminal, cwd=cwd, env=environment
    ):
        os.close(terminal)
        said = b""
        # Linux reports the end of a pseudo-terminal as an error.
        with contextlib.suppress(OSError):
            while part := os.read(controller, 65536):
                said += part
    os.close(controller)
    return said.decode().replace("\r\n", "\n")


def test_a_terminal_has_colours_links_and_a_last_line_and_a_pipe_has_none(work: Work, run: Run) -> None:
    work.write("A-1.finding.yaml", FINDING.replace("high", "hgih"))

    said = run_on_terminal("check", "findings", cwd=work.root, TERM_PROGRAM="vscode")

    file = (work.root / "findings" / "A-1.finding.yaml").as_uri()
    assert f"\x1b]8;;{file}\x1b\\\x1b[1mfindings/A-1.finding.yaml:2:11\x1b[0m\x1b]8;;\x1b\\: \x1b[1;31merror:\x1b[0m" in said
    assert "\x1b[2m  2 |\x1b[0m severity: hgih\n" in said
    assert "\x1b[1;31m^^^^\x1b[0m" in said
    assert "\x1b[36m    = help: did you mean 'high'?\x1b[0m" in said
    assert re.search(r"\x1b\[1;31m✗ 1 error\x1b\[0m\x1b\[2m \(\d+\.\d s\)\x1b\[0m\n\Z", said)
    # The words are those of a pipe, which has one line each.
    assert "\x1b" not in run("check", work.root).err


@pytest.mark.parametrize(
    ("arguments", "variables", "coloured"),
    [
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color=never"], {"FORCE_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {}, False),
    ],
)
def test_colour_is_chosen_by_option_then_variables_then_terminal(
    work: Work, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], variables: dict[str, str], coloured: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.setenv(name, variables.get(name, ""))

    said = run("list", *arguments, work.root).out

    assert ("\x1b[1mA-1\x1b[0m" in said) == coloured
    assert ("\x1b" in said) == coloured


def test_no_text_brings_its_own_escapes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("FORCE_HYPERLINK", "1")
    hostile = "\x1b]8;;https://evil.example\x1b\\\\x\x1b[31m\x9b31m[bold]b[/bold]"
    place = Place(f"a{hostile}.yaml", 1, 1, f"{hostile} source", 3)

    err(*problem_pieces(Problem(Kind.INPUT, hostile, hostile, hostile, place, code="yaml"), 60))
    err(Styled(hostile, "bold", f"https://a.example/{hostile}"), *link_texts(hostile, {"evil": "https://good.example"}))
    err(table(("id",), [[Styled(hostile, "bold", file_link(hostile))]]))

    said = capsys.readouterr().err
    assert said.count("evil") > 5
    assert "[bold]b[/bold]" in said
    assert {*re.findall(r"\x1b\]8;[^;]*;([a-z]*)", said)} == {"file", "https", ""}
    assert not re.search(r"\x1b\[31m|\x9b|\x1b\]8;[^;]*;https://(?!good)", said)  # the program's own red is bold


def test_in_a_workflow_no_cell_and_no_coloured_text_is_a_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("FORCE_COLOR", "1")

    err(table(("id", "title"), [["::error::x", Styled("##[error]x", "bold")]]))
    err(Styled("::error", "bold"), "::x ##[group]y")

    said = capsys.readouterr().err
    assert said.count("error") == 3
    assert not re.search(r"##\[|(?m:^\s*::)", re.sub(r"\x1b\[[\d;]*m", "", said))


def test_problems_are_counted_in_words() -> None:
    warning = replace(LONG, level="warning")

    assert counted([LONG, LONG]) == "2 problems: 2 errors"
    assert counted([LONG, warning, replace(LONG, level="note")]) == "2 problems: 1 error, 1 warning"


@pytest.mark.parametrize("command", ["", "build", "check", "demo", "fetch", "init", "list", "pin", "schema"])
def test_the_help_has_room_in_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    said = run(*command.split(), "--help").out

    assert "..." not in said.replace("[ARGS]...", "").replace("[FOLDER]...", "")
    assert all(len(line) <= 80 for line in said.splitlines())


DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs"


def test_a_page_of_the_documentation_is_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = run("docs")

    assert listed.code == 0
    assert {line.split()[0] for line in listed.out.splitlines()[2:]} == {path.stem for path in DOCUMENTATION.glob("*.md")}
    assert run("docs", "tickets").out == (DOCUMENTATION / "tickets.md").read_text("utf-8")

    part = run("docs", "docs/tickets.md#limits").out
    assert part.startswith("## Limits\n")
    assert part in (DOCUMENTATION / "tickets.md").read_text("utf-8")
    assert part.count("\n## ") == 0

    for name, remedy in (
        ("ticket", "did you mean 'tickets'?"),
        ("tickets#limit", "did you mean 'limits'?"),
        ("../README", "the pages are api, "),
    ):
        wrong = run("docs", name)
        assert wrong.code == 2
        assert remedy in wrong.err

    monkeypatch.setenv("FORCE_COLOR", "1")
    laid_out = run("docs", "tickets").out

    assert "\x1b[1;4m" in laid_out
    assert "```" not in laid_out


def test_a_code_is_explained(run: Run) -> None:
    explained = run("explain", "quote-moved")

    assert explained.code == 0
    assert explained.out.startswith(
        "quote-moved\n  The quoted code is at other lines than cited.\n  Example: the quoted code is"
    )
    assert run("explain", "[quote-moved]").out == explained.out
    assert "Locations and quotes:\n" in run("explain").out


def test_a_code_that_does_not_exist_is_code_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    explained = run("explain", "quote-move")

    assert explained.code == 2
    assert "did you mean 'quote-moved'?" in explained.err


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_the_help_of_a_command_has_its_summary_its_example_and_every_default(
    run: Run, monkeypatch: pytest.MonkeyPatch, row: Command
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    text = run(*row.name.split(), "--help").out

    assert f"\n\n  {row.summary}\n" in text
    assert f"\n  Example:\n    findings-report {row.example}\n" in text
    options = text.partition("Options:\n")[2].partition("\n\n")[0].split("\n  -")
    valued = [option for option in options if re.search(r" \S*[A-Z]{2,}", option.strip().split("  ")[0])]
    assert [option for option in valued if "default:" not in option and "[required]" not in option] == []
    assert all(len(line) <= 80 for line in text.splitlines())


def test_every_command_is_listed_under_its_group(run: Run) -> None:
    text = run("--help").out

    for group in GROUPS:
        block = text.partition(f"\n{group}:\n")[2].partition("\n\n")[0]
        assert [line.split("  ")[1].strip() for line in block.splitlines()] == [
            row.name for row in COMMANDS if row.group == group
        ]


def test_problems_are_one_line_each_when_concise(work: Work, run: Run) -> None:
    work.write("A-1.finding.yaml", FINDING.replace("high", "hgih"))

    said = run("check", work.root, "--output-format", "concise").err.splitlines()

    assert len(said) == 1
    assert said[0].endswith("(did you mean 'high'?) [not-in-list]")


def test_problems_are_one_document_as_json(work: Work, run: Run) -> None:
    work.write("A-1.finding.yaml", FINDING.replace("high", "hgih"))

    problems = json.loads(run("check", work.root, "--output-format=json").out)["problems"]

    assert [(each["level"], each["line"], each["column"], each["field"]) for each in problems] == [("error", 2, 11, "severity")]


def test_problems_are_annotations_for_github(work: Work, run: Run) -> None:
    work.write("A-1.finding.yaml", FINDING + "status: do%ne\n")

    said = run("check", work.root, "--output-format", "github").out

    assert said.startswith("::error file=")
    assert "A-1.finding.yaml,line=11,col=9::status: 'do%25ne' is not one of (open, " in said


def test_a_note_is_called_one(work: Work, run: Run) -> None:
    own = work.root / "templates" / "standard"
    own.mkdir(parents=True)
    (own / "section.md.j2").write_text("OWN {{ section.title }}\n")

    assert ": note: this template file" in run("build", work.root, "-f", "md", "--strict").err
    assert "::notice file=" in run("build", work.root, "-f", "md", "--output-format", "github").out


@pytest.mark.parametrize("asked", ["json", "github"])
def test_beside_a_product_on_standard_output_everything_else_goes_to_standard_error(work: Work, run: Run, asked: str) -> None:
    work.write("A-1.finding.yaml", FINDING.replace("lines: 4-7", "lines: 1-2"))

    ran = run("build", work.root, "-f", "json", "-o", "-", "--output-format", asked)

    assert json.loads(ran.out)["schema_name"] == "findings-report/report/1"
    assert "the quoted code is at lines 4-5" in ran.err
    assert asked != "json" or json.loads(ran.err)["problems"][0]["code"] == "quote-moved"


def test_a_password_in_the_line_at_fault_is_not_said(work: Work, run: Run) -> None:
    work.engagement(repository='url: "https://me:hunter2@example.org/app.git", revison: v1')

    said = run("check", work.root).err

    assert "hunter2" not in said
    source, carets = (next(line for line in said.splitlines() if word in line) for word in ("https://", "^"))
    assert source[carets.index("^") :].startswith("revison")


def test_strict_makes_a_warning_a_failure_and_still_writes(work: Work, run: Run) -> None:
    work.write("A-1.finding.yaml", FINDING.replace("lines: 4-7", "lines: 1-2"))

    assert run("build", work.root, "-f", "md").code == 0
    assert run("build", work.root, "-f", "md", "--strict", "-o", work.root / "strict.md").code == 1
    assert (work.root / "strict.md").exists()


def test_strict_makes_an_unchecked_quote_a_failure(work: Work, run: Run) -> None:
    work.engagement(repository=f'path: ../gone, commit: "{work.commit}"')

    ran = run("check", work.root, "--strict")

    assert ran.code == 1
    assert "1 quote is unchecked" in ran.err


def test_fail_on_looks_at_unresolved_findings_this_bad_or_worse(work: Work, run: Run) -> None:
    assert run("check", work.root, "--fail-on", "critical").code == 0
    assert run("check", work.root, "--fail-on", "medium").code == 1
    work.write("A-1.finding.yaml", FINDING + "status: resolved\n")
    assert run("check", work.root, "--fail-on", "medium").code == 0
    assert [run("check", work.root, "--fail-on", words).code for words in ("nope", "", " , ")] == [2, 2, 2]


def test_fail_on_looks_at_quotes_that_differ_or_were_not_checked(work: Work, run: Run) -> None:
    assert run("check", work.root, "--fail-on", "quote,unchecked").code == 0
    work.write("A-1.finding.yaml", FINDING.replace("lines: 4-7", "lines: 1-2"))
    assert "--fail-on quote: 1 location: A-1" in run("check", work.root, "--fail-on", "quote,unchecked").err
    work.engagement(repository=f'path: ../gone, commit: "{work.commit}"')
    unchecked = run("check", work.root, "--fail-on", "critical, unchecked")
    assert unchecked.code == 1
    assert "--fail-on unchecked: 1 location: A-1" in unchecked.err
    assert "--fail-on quote: 1 location: A-1" in run("check", work.root, "--fail-on", "quote").err
    assert "did you mean 'unchecked'?" in run("check", work.root, "--fail-on", "high,uncheckd").err
    blind = run("check", work.root, "--fail-on", "quote", "--no-evidence")
    assert (blind.code, "--fail-on quote: the code was not read" in blind.err) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [["nope"], ["build", "--nope"], ["build", "-f", "doc"], ["build", "--template", "nope"], ["check", "--repository", "=x"],
     ["check", "--repository", "x=y"], ["build", "-o", "report.doc"], ["check", "--output-format", "x"],
     ["build", "-f", "md", "-f", "json", "-o", "-"]],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_command_line_is_code_2(work: Work, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(work.root)

    assert run(*arguments).code == 2


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [(["--fail-on", "High"], "'high'"), (["--template", "reviw"], "'review'"), (["-f", "markdown"], "'md'")],
)
def test_a_wrong_word_on_the_command_line_is_told_with_the_right_one(
    work: Work, run: Run, arguments: list[str], remedy: str
) -> None:
    assert f"did you mean {remedy}?" in run("build", work.root, *arguments).err


def test_a_name_in_the_prose_that_is_not_there_is_told_with_those_that_are(work: Work, run: Run) -> None:
    work.finding(
        FINDING.replace("- path", "- name: main\n    path") + "impact: '[](location:mian) [](finding:A-2) ![](image:x)'\n"
    )

    said = run("check", work.root).err

    assert "did you mean 'main'?" in said
    assert "did you mean 'A-1'?" in said
    assert "declare it under `images`" in said


def test_the_only_repository_need_not_be_named(work: Work, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    work.engagement(repository=f'commit: "{work.commit}"')
    (work.root / "app").rename(work.root / "a=b")
    monkeypatch.chdir(work.root)

    assert "1 exact" in run("check", "--repository", "./a=b").out
    assert "1 exact" in run("check", "--repository", "app=a=b").out
    work.engagement(more="  other: {path: ../x}\n")
    work.finding("title: x\nseverity: low\ndescription: y\n")
    ran = run("check", "--repository", "./a=b")
    assert (ran.code, "does not name a repository (app, other)" in ran.err) == (2, True)


def test_a_fault_of_the_repository_option_is_not_said_to_stand_in_a_file(work: Work, run: Run) -> None:
    assert "engagement.yaml" not in run("check", work.root, "--repository", f"app={work.root / 'gone'}").err


@pytest.mark.parametrize("path", ["x" * 300, "~nobody-of-this-name/app"])
def test_a_clone_whose_path_cannot_be_one_is_not_at_hand(work: Work, run: Run, path: str) -> None:
    work.engagement(repository=f'path: "{path}", commit: "{work.commit}"')

    assert "1 unchecked" in run("check", work.root).out


@pytest.mark.parametrize(("arguments", "code"), [(["check"], 3), (["build", "{root}", "-f", "md", "-o"], 5)])
def test_a_name_that_is_too_long_is_no_bug(work: Work, run: Run, arguments: list[str], code: int) -> None:
    assert run(*(each.format(root=work.root) for each in arguments), "x" * 300).code == code


def test_a_wrong_repository_option_is_code_4(work: Work, run: Run) -> None:
    assert run("check", work.root, "--repository", f"app={work.root / 'gone'}").code == 4


def test_a_template_with_an_undefined_name_is_code_5_with_its_place(work: Work, run: Run) -> None:
    own = work.root / "templates" / "standard"
    own.mkdir(parents=True)
    (own / "section.md.j2").write_text("fine\n{{ section.titel }}\n")
    work.engagement("conclusion: The end.\n")

    ran = run("build", work.root, "-f", "md")

    assert ran.code == 5
    assert "section.md.j2:2" in ran.err
    assert not (work.root / "build").exists()


def test_an_own_template_file_replaces_one_and_is_told(work: Work, run: Run) -> None:
    own = work.root / "templates" / "standard"
    own.mkdir(parents=True)
    (own / "section.md.j2").write_text("OWN {{ section.title }}\n")
    work.engagement("conclusion: The end.\n")

    ran = run("build", work.root, "-f", "md", "-o", "-")

    assert ran.code == 0
    assert "OWN Conclusion" in ran.out
    assert "replaces the tool's own" in ran.err


def test_a_style_attribute_that_a_browser_would_ignore_is_warned_of_with_its_line(work: Work, run: Run) -> None:
    own = work.root / "templates" / "standard"
    own.mkdir(parents=True)
    (own / "section.html.j2").write_text('<h2>{{ section.title }}</h2>\n<p class="x" style="color: red">no style=this</p>\n')

    ran = run("build", work.root, "-f", "md", "-o", "-")

    assert "section.html.j2:2: warning: a browser ignores this `style` attribute" in " ".join(ran.err.split())
    assert ran.err.count("a browser ignores") == 1


def test_an_own_template_file_that_replaces_nothing_is_told_as_such(work: Work, run: Run) -> None:
    own = work.root / "templates" / "standard"
    own.mkdir(parents=True)
    (own / "sectoin.md.j2").write_text("")

    assert "none of the tool's template files has this name" in run("build", work.root, "-f", "md", "-o", "-").err


def test_a_template_file_that_stands_where_none_is_read_is_told(work: Work, run: Run) -> None:
    own = work.root / "templates"
    (own / "standart").mkdir(parents=True)
    (own / "mine").mkdir()
    (own / "section.md.j2").write_text("")

    said = run("build", work.root, "-f", "md", "-o", "-").err

    assert "section.md.j2: warning: is not read" in said
    assert f"{own.name}/standard/section.md.j2" in said
    assert "standart: warning: is not read" in said
    assert "mine" not in said


def test_a_started_engagement_checks_as_it_is(tmp_path: Path, run: Run) -> None:
    build(tmp_path, [Commit(files={"a.txt": "a\n"}, message="one")])
    run("init", tmp_path)

    assert run("check", tmp_path).code == 0
    assert run("pin", tmp_path).code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_code_5(work: Work, run: Run) -> None:  # pragma: no cover - not as root
    (work.root / "locked").mkdir(mode=0o500)

    assert run("build", work.root, "-f", "md", "-o", f"{work.root / 'locked'}/").code == 5


def test_an_output_below_a_file_is_code_5(work: Work, run: Run) -> None:
    ran = run("build", work.root, "-f", "md", "-o", work.root / "app" / "app.py" / "report.md")

    assert ran.code == 5
    assert "cannot be written" in ran.err


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ([], ["build/report.md"]),
        (["-o", "out.md"], ["out.md"]),
        (["-o", "out/"], ["out/report.md"]),
        (["-o", "findings"], ["findings/report.md"]),
        (["-f", "json", "-o", "out"], ["out/report.json", "out/report.md"]),
    ],
)
def test_output_names_a_file_or_a_folder(
    work: Work, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], written: list[str]
) -> None:
    monkeypatch.chdir(work.root)

    assert run("build", "-f", "md", *arguments).code == 0
    assert all((work.root / name).is_file() for name in written)


@pytest.mark.parametrize("formats", [["md", "html"], ["html"]])
def test_a_file_name_of_another_format_is_refused_before_anything_is_written(
    work: Work, run: Run, monkeypatch: pytest.MonkeyPatch, formats: list[str]
) -> None:
    monkeypatch.chdir(work.root)

    ran = run("build", *(word for name in formats for word in ("-f", name)), "-o", "out.md")

    assert (ran.code, "-o out.md is the name of a md file" in ran.err) == (2, True)
    assert not (work.root / "out.md").exists()


def test_the_suffix_of_the_output_names_the_format(work: Work, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work.root)

    assert run("build", "-o", "out.json").code == 0
    assert json.loads((work.root / "out.json").read_text())["schema_name"] == "findings-report/report/1"


def test_standard_output_holds_only_the_product(work: Work, run: Run) -> None:
    ran = run("build", work.root, "-f", "json", "-o", "-")

    assert json.loads(ran.out)["engagement"]["title"] == "Review"
    assert "1 finding: 1 high" in ran.err


def test_a_file_name_holds_no_hidden_character(work: Work, run: Run) -> None:
    work.engagement('file_name: "r\\u202efdp.{title}"\n')

    assert run("build", work.root, "-f", "json").code == 0
    assert [path.name for path in (work.root / "build").iterdir()] == ["r-fdp.Review.json"]


def test_a_report_names_the_commit_of_the_findings_and_says_what_is_not_in_it(work: Work, run: Run) -> None:
    work.engagement("state: final\nfile_name: 'audit-{commit}'\n")
    git(work.root, "init", "--quiet")
    git(work.root, "add", "findings")
    git(work.root, "commit", "--quiet", "--message", "one")
    commit = git(work.root, "rev-parse", "HEAD").strip()

    ran = run("build", work.root, "-f", "md", "-f", "json", "--strict")

    assert (ran.code, ran.err) == (0, "")
    said = (work.root / f"build/audit-{commit[:12]}.md").read_text()
    assert f"Built from the findings at commit `{commit[:12]}`." in said
    kept = json.loads((work.root / f"build/audit-{commit[:12]}.json").read_text())
    assert kept["engagement"]["findings_commit"] == {"hash": commit, "is_changed": False}

    work.finding(FINDING.replace("A finding", "Another"))
    ran = run("build", work.root, "-f", "md", "--strict")

    assert ran.code == 1
    assert f"warning: the report is final, and findings/A-1.finding.yaml differs from commit {commit[:12]}" in ran.err
    said = (work.root / f"build/audit-{commit[:12]}-uncommitted.md").read_text()
    assert f"Built from the findings at commit `{commit[:12]}`, with uncommitted changes." in said
    assert run("check", work.root, "--strict").code == 0


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{Titel}", "file_name: {Titel} is not one of {title}, {client}, {version}, {date}, {state}, {commit}"),
        ("{Titel}", "did you mean 'title'?"),
        ("{title", "file_name: a brace has no partner"),
        ("{}", "{} is not one of"),
        ("{{title}}", "a brace has no partner"),
    ],
)
def test_a_pattern_that_cannot_be_filled_in_is_told_with_its_place(work: Work, run: Run, pattern: str, said: str) -> None:
    work.engagement(f"file_name: '{pattern}'\n")

    ran = run("check", work.root)

    assert ran.code == 3
    assert "findings/engagement.yaml:5:12: " in ran.err
    assert said in ran.err


def test_an_error_leaves_the_old_report(work: Work, run: Run) -> None:
    run("build", work.root, "-f", "md")
    before = (work.root / "build" / "report.md").read_bytes()
    work.write("A-1.finding.yaml", "broken")

    assert run("build", work.root, "-f", "md").code == 3
    assert (work.root / "build" / "report.md").read_bytes() == before


def test_list_shows_worst_first(work: Work, run: Run) -> None:
    work.write("A-2.finding.yaml", FINDING.replace("high", "critical").replace("A finding", "Worse"))

    said = run("list", work.root).out.splitlines()

    assert [line.split()[0] for line in said[2:]] == ["A-2", "A-1"]


def test_list_is_limited_by_severity_status_owner_and_text(work: Work, run: Run) -> None:
    work.engagement("status_words: {risk_accepted: Won't fix}\n")
    work.write("A-2.finding.yaml", FINDING.replace("high", "low\nstatus: risk_accepted\nowner: Store team"))
    work.write("A-3.finding.yaml", FINDING.replace("Something is wrong.", "TODO").replace("A finding", "Longer " * 20))

    def listed(*arguments: str) -> list[str]:
        fields = json.loads(run("list", work.root, "--output-format", "json", *arguments).out)
        return [finding["id"] for finding in fields["findings"]]

    assert listed() == ["A-1", "A-3", "A-2"]
    assert listed("--severity", "low") == ["A-2"]
    assert listed("--severity", "low", "--severity", "high", "--grep", "LONGER") == ["A-3"]
    assert listed("--status", "risk-accepted") == listed("--status", "won't fix") == listed("--owner", "store TEAM") == ["A-2"]
    assert listed("--grep", "app.py", "--status", "open") == ["A-1", "A-3"]
    assert run("list", work.root, "--status", "risk_acepted").err.endswith("help: did you mean 'risk_accepted'?\n")
    piped = run("list", work.root, "--grep", "longer").out.splitlines()
    assert piped[2].split()[0] == "A-3"
    assert piped[2].endswith("A-3.finding.yaml   TODO: description")
    assert piped[3:] == ["2 of 3 findings not shown"]
    for columns in (80, 120):
        screen = run_on_terminal("list", "findings", columns=columns, cwd=work.root, NO_COLOR="1")
        assert all(len(line) <= columns for line in screen.splitlines())
        for text in ("findings/A-3.finding.yaml", "TODO:", "Store team", "Won't fix"):
            assert text in screen


def test_init_starts_an_engagement_that_checks_and_never_overwrites_one(tmp_path: Path, run: Run) -> None:
    build(tmp_path, [Commit(files={"a.txt": "a\n"}, message="one")])

    assert run("init", tmp_path, "--title", 'A "quoted" {title}').code == 0
    ran = run("check", tmp_path)
    assert ran.code == 0
    assert ran.err.count("is still to be written") == 4
    assert ran.err.count("write it, or remove the field") == 2
    assert "FIRST-001.finding.yaml:3:8: warning: title: is still to be written" in ran.err
    again = run("init", tmp_path)
    assert again.code == 2
    assert "engagement.yaml: error: the folder already has an engagement, which was not changed" in again.err


def test_init_never_overwrites_a_finding(tmp_path: Path, run: Run) -> None:
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "FIRST-001.finding.yaml").write_text("mine")

    assert run("init", tmp_path).code == 2
    assert (tmp_path / "findings" / "FIRST-001.finding.yaml").read_text() == "mine"


def test_pin_leaves_a_link_to_the_engagement_a_link(work: Work, run: Run) -> None:
    work.engagement(repository="path: ../app, revision: v1")
    (work.root / "findings" / "engagement.yaml").rename(work.root / "findings" / "real.txt")
    (work.root / "findings" / "engagement.yaml").symlink_to("real.txt")

    assert run("pin", work.root).code == 0
    assert work.commit in (work.root / "findings" / "real.txt").read_text()
    assert (work.root / "findings" / "engagement.yaml").is_symlink()


def test_pin_writes_the_commit_and_keeps_the_rest(work: Work, run: Run) -> None:
    before = "# mine\nformat: 1\ntitle: x\nrepositories:\n  app:\n    path: ../app\n    revision: v1 # agreed\n"
    work.write("engagement.yaml", before)

    assert run("pin", work.root).code == 0
    text = (work.root / "findings" / "engagement.yaml").read_text()
    assert text == before + f'    commit: "{work.commit}"\n'
    assert "already pinned" in run("pin", work.root).out


def test_pin_to_moves_the_pin(work: Work, run: Run) -> None:
    (work.root / "app" / "app.py").write_text("changed\n")
    git(work.root / "app", "commit", "--all", "--message", "two")
    head = git(work.root / "app", "rev-parse", "HEAD").strip()

    assert run("pin", work.root, "--to", "main").code == 0
    text = (work.root / "findings" / "engagement.yaml").read_text()
    assert f'revision: main, commit: "{head}"' in text
    ran = run("pin", work.root, "--to", "nope")
    assert ran.code == 4
    assert "the repository app has no revision 'nope', which --to names [pin]\n  4 |   app: {" in ran.err
    assert "    |   ^^^" in ran.err


def test_pin_says_when_the_revision_was_changed_by_hand_and_how_the_pin_is_moved(work: Work, run: Run) -> None:
    work.engagement(repository=f'path: ../app, revision: other, commit: "{work.commit}"')
    (work.root / "app" / "app.py").write_text("changed\n")
    git(work.root / "app", "commit", "--all", "--message", "two")
    git(work.root / "app", "tag", "other")

    for command in ("pin", "check"):
        ran = run(command, work.root)

        assert ran.code == 0
        assert "move the pin with `findings-report pin --to other --only app`" in ran.err
    assert "stays pinned to" in run("pin", work.root).err
    assert run("pin", work.root, "--to", "other", "--only", "app").code == 0


@pytest.mark.parametrize(("title", "warned"), [("TODO", True), ("'TODO: name it'", True), ("TODO comments are shipped", False)])
def test_a_text_that_is_still_to_be_written_is_warned_of(work: Work, run: Run, title: str, warned: bool) -> None:
    work.finding(FINDING.replace("A finding", title))

    assert ("title: is still to be written" in run("check", work.root).err) == warned


@pytest.mark.parametrize(
    ("written", "field"),
    [("recommendation: TODO", "recommendation"), ("recommendation: {short_term: TODO}", "recommendation.short_term")],
)
def test_a_field_is_named_as_the_author_wrote_it(work: Work, run: Run, written: str, field: str) -> None:
    work.finding(f"{FINDING}{written}\n")

    assert f"warning: {field}: is still to be written" in run("check", work.root).err


def test_pin_asks_nothing_of_the_findings(work: Work, run: Run) -> None:
    work.write("A-2.finding.yaml", "title: half written\nseverity:\n")

    assert run("check", work.root).code == 3
    assert run("pin", work.root).code == 0


def test_a_path_that_leads_nowhere_is_told_before_anything_is_cited(work: Work, run: Run) -> None:
    work.engagement(repository="path: ../gone, revision: v1")
    work.finding("title: x\nseverity: low\ndescription: y\n")

    ran = run("check", work.root)

    assert ran.code == 0
    assert "no clone at '../gone', relative to engagement.yaml: nothing of it can be read" in ran.err


def test_pin_names_a_path_that_leads_nowhere(work: Work, run: Run) -> None:
    work.engagement(repository="path: ../gone, revision: v1")

    ran = run("pin", work.root)

    assert ran.code == 4
    assert "the repository app has no clone at '../gone', relative to engagement.yaml" in ran.err
    assert "correct `path`, or name one with --repository app=PATH" in ran.err


def test_pin_writes_what_it_can_and_says_which_repository_has_no_clone(work: Work, run: Run) -> None:
    work.engagement(repository="path: ../app, revision: v1", more="  other: {url: 'https://example.org/x', revision: v2}\n")
    work.finding("title: x\nseverity: low\ndescription: y\n")

    ran = run("pin", work.root)

    assert ran.code == 4
    assert ran.out == f"app: pinned v1 to {work.commit}\n"
    assert "the repository other has no local clone" in ran.err
    assert work.commit in (work.root / "findings" / "engagement.yaml").read_text()


def test_fetch_clones_what_is_cited_and_check_finds_it(work: Work, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(work.root / "cache"))
    work.engagement(repository=f'url: "file://{work.root}/app", commit: "{work.commit}"')

    assert "1 unchecked" in run("check", work.root).out
    assert run("fetch", work.root).code == 0
    assert "1 exact" in run("check", work.root).out
    assert "already" in run("fetch", work.root).out


def test_fetch_brings_the_pin_where_one_locations_commit_is_gone(work: Work, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(work.root / "cache"))
    work.engagement(repository=f'url: "file://{work.root}/app", commit: "{work.commit}"')
    work.write("A-2.finding.yaml", LOCATION.replace("lines: 4", f'lines: 4, commit: "{"1" * 40}"'))

    ran = run("fetch", work.root)
    checked = run("check", work.root)

    assert (ran.code, checked.code) == (0, 0), ran.err
    assert f"app: has no commit {'1' * 12}" in ran.out
    assert "1 exact, 1 unchecked" in checked.out


def test_fetch_of_nothing_is_told(work: Work, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(work.root / "cache"))
    work.engagement(repository='url: "https://127.0.0.1:1/x.git", revision: v1')

    assert run("fetch", work.root).code == 6
    work.engagement(repository=f'url: "{work.root}/gone", revision: v1')
    assert run("fetch", work.root).code == 4


def test_the_demo_checks_with_every_kind_of_quote(tmp_path: Path, run: Run) -> None:
    assert run("demo", tmp_path / "demo").code == 0
    ran = run("check", tmp_path / "demo", "--strict")

    assert ran.code == 0, ran.err
    assert "2 exact, 1 whitespace, 1 elided, 1 annotated, 2 without a quote" in ran.out
    assert git(tmp_path / "demo" / "app", "tag").split() == ["1.0", "1.1"]
    assert run("demo", tmp_path / "demo").code == 2


def test_control_characters_never_reach_the_terminal(work: Work, run: Run) -> None:
    work.write("A-1.finding.yaml", "title: x\nseverity: low\ndescription: y\n\u202enope: 1\n")
    (work.root / "findings" / "B\u202e-1.finding.yaml").write_text(FINDING)

    ran = run("check", work.root)

    assert ran.code == 3
    assert "\u202e" not in ran.out + ran.err
    assert "\\u{202E}nope" in ran.err


def test_schemas_accept_what_the_program_accepts(work: Work, run: Run) -> None:
    import jsonschema
    import yaml

    for which, name in (("finding", "A-1.finding.yaml"), ("engagement", "engagement.yaml")):
        schema = json.loads(run("schema", which).out)
        validator = jsonschema.Draft202012Validator(schema)
        validator.check_schema(schema)
        assert not list(validator.iter_errors(yaml.safe_load((work.root / "findings" / name).read_text())))


def test_the_reports_json_fits_its_schema(work: Work, run: Run) -> None:
    import jsonschema

    schema = json.loads(run("schema", "report").out)
    report = json.loads(run("build", work.root, "-f", "json", "-o", "-").out)

    assert not list(jsonschema.Draft202012Validator(schema).iter_errors(report))


@pytest.mark.slow
def test_help_and_check_load_nothing_heavy(work: Work) -> None:
    program = (
        "import sys; from findings_report import cli\n"
        "sys.argv = ['findings-report', *sys.argv[1:]]\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'weasyprint', 'pikepdf', 'pygments', 'jinja2', 'fontTools', 'PIL', 'httpx', 'pydantic', 'keyring'}\n"
        "heavy |= {'distributed', 'findings_report.model.ticket', 'findings_report.tickets.session'}\n"
        "print('loaded:', *sorted(heavy & sys.modules.keys()))\n"
    )
    check, listed = ["check", str(work.root)], ["list", str(work.root), "--output-format", "json"]
    for arguments, loaded in ((["--help"], ""), (check, " pydantic"), (listed, " pydantic")):
        said = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True).stdout
        assert said.splitlines()[-1] == f"loaded:{loaded}"


# Everything that the extras bring, as if none was installed; `None` is what Python takes for "cannot be imported".
WITHOUT_EXTRAS = """
import json, sys
absent = ("httpx", "distributed", "dask", "docx", "xlsxwriter", "pyhanko", "keyring", "detect_secrets", "resvg_py")
sys.modules.update(dict.fromkeys(absent))
from findings_report import cli
for arguments in json.load(sys.stdin):
    sys.argv = ["findings-report", *arguments]
    try:
        cli.main()
    except SystemExit as end:
        print("exit", end.code, *arguments[:2], flush=True)
"""


@pytest.mark.slow
def test_each_command_without_its_extra_names_the_extra_and_what_needs_none_runs(work: Work) -> None:
    work.engagement("tickets: ['redmine:1']\n")
    work.write("../report.pdf", "%PDF-1.7")
    work.write("../key.pem", "-----BEGIN PRIVATE KEY-----\n")
    needing = (
        (["attach", "report.pdf", "--to", "redmine:1"], "no-tickets-extra"),
        (["tickets", "create", "--to", "redmine:audit"], "no-tickets-extra"),
        (["attach", "--dry-run"], "no-tickets-extra"),
        (["sign", "report.pdf", "--key", "key.pem"], "no-pyhanko"),
        (["build", "-f", "docx"], "no-format-extra"),
        (["build", "-f", "xlsx"], "no-format-extra"),
        (["build", "-f", "html", "--executor", "dask://127.0.0.1:1"], "no-cluster-extra"),
    )
    running = (
        ["check"],
        ["build", "-f", "md"],
        ["tickets", "export"],
        ["tickets", "sync"],
        ["attach", "report.pdf", "--to", "command:desk/1"],
        ["ci", "comment", "--report", "report.pdf", "--dry-run"],
        ["doctor"],
    )
    commands = [*(command for command, _ in needing), *running]

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS],
        cwd=work.root,
        input=json.dumps(commands),
        env={**os.environ, "FINDINGS_REPORT_COMMAND_DESK": "true", "REDMINE_URL": "http://127.0.0.1:1", "REDMINE_API_KEY": "x"},
        capture_output=True,
        text=True,
        check=False,
    )

    exits = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("exit ")]
    assert exits == ["2"] * len(needing) + ["0"] * len(running), done.stdout + done.stderr
    assert re.findall(r"error: .* \[(.*)\]", done.stderr) == [code for _, code in needing]


@pytest.fixture
def without_pango(tmp_path: Path) -> dict[str, str]:
    """An environment in which Pango cannot be loaded."""
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries/libpango-1.0.so.0").write_bytes(b"")
    return {**os.environ, "LD_LIBRARY_PATH": str(tmp_path / "libraries")}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["--each"]])
def test_without_pango_the_other_formats_are_written_and_the_missing_pdf_is_code_5(
    work: Work, without_pango: dict[str, str], arguments: list[str]
) -> None:
    command = [PROGRAM, "build", "-f", "md", "-f", "pdf", "-f", "html", *arguments]

    done = subprocess.run(command, cwd=work.root, env=without_pango, capture_output=True, text=True, check=False)

    assert done.returncode == 5
    fault, remedy = done.stderr.splitlines()
    assert fault.startswith("error: the PDF was left out: system libraries are missing (libpango-1.0.so.0")
    assert "apt-get install --no-install-recommends libpango-1.0-0" in remedy
    assert sorted(path.suffix for path in (work.root / "build").rglob("*.*")) == [".html", ".md"]
    assert done.stdout.count("wrote build/") == 2


def test_without_pango_a_pdf_alone_writes_nothing(work: Work, without_pango: dict[str, str]) -> None:
    command = [PROGRAM, "build", "-f", "pdf"]

    done = subprocess.run(command, cwd=work.root, env=without_pango, capture_output=True, text=True, check=False)

    assert done.returncode == 5
    assert done.stderr.startswith("error: no PDF can be rendered: system libraries are missing (libpango-1.0.so.0")
    assert not (work.root / "build").exists()


def test_tests_see_no_variable_of_the_machine_that_changes_a_program() -> None:
    names = ["PYTHONUNBUFFERED", "PIP_INDEX_URL", "SSL_CERT_FILE", "XDG_CONFIG_HOME", "LC_TIME", "LANG", "GIT_DIR"]
    names += ["GITHUB_ACTIONS", "FINDINGS_REPORT_PASSWORD", "SOURCE_DATE_EPOCH"]
    program = "import os, conftest; print(*os.environ, sep='\\n')"
    tests = Path(__file__).parents[1]
    environment = {**os.environ, **dict.fromkeys(names, "1"), "FINDINGS_REPORT_NEUTRON": "/clone"}
    environment["PYTHONPATH"] = str(tests / "support")  # what conftest imports

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tests,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(done.stdout.split()) & {*names, "FINDINGS_REPORT_NEUTRON"} == {"FINDINGS_REPORT_NEUTRON"}


def test_no_property_has_a_deadline_that_a_busy_machine_misses() -> None:
    from hypothesis import settings

    assert settings().deadline is None


def test_the_program_itself_runs(work: Work) -> None:
    done = subprocess.run([PROGRAM, "check"], cwd=work.root, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "1 finding: 1 high\n1 location: 1 exact\n")


def test_a_bug_is_code_70_with_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from findings_report import authoring

    def broken(_: Path) -> Path:
        raise ZeroDivisionError("not the user's")

    monkeypatch.setattr(authoring, "find_folder", broken)
    ran = run("list", tmp_path)

    assert ran.code == 70
    assert "ZeroDivisionError: not the user's" in ran.err
    assert "Please report it" in ran.err


def test_the_documented_exit_codes_are_those_of_the_program() -> None:
    from findings_report.problems import Kind

    page = (Path(__file__).parents[2] / "docs/commands.md").read_text()

    for code in (0, *map(int, Kind), 70):
        assert f"| {code} |" in page


def messages(ran: Ran) -> list[str]:
    """The messages of a run, without folders and remedies."""
    lines = [line for line in ran.err.splitlines() if re.search(r": (error|warning): ", line)]
    return [re.sub(r"^\S*/findings/", "", line).partition(" [")[0] for line in lines]


def test_errors_of_all_layers_are_reported_in_one_run(work: Work, run: Run) -> None:
    work.write("YAML-1.finding.yaml", "title: a: b\n")
    work.finding(
        "title: 5\nseverity: low\ndescription: |\n  See [x](javascript:1).\n\n  ![](location:gone)\n\n  ![](location:kept)\n"
        "related: [YAML-1]\nlocations:\n"
        "  - {name: kept, path: app.py, lines: 9-2}\n"
        "  - {path: app.py, lines: 4-7, quote: 'nothing like this at all'}\n"
        "  - {path: app.py, lines: 90}\n"
    )
    work.write("B-1.finding.yaml", "title: x\nseverity: hgih\ndescription: See [](finding:C-9)\n")

    found = messages(run("check", work.root, "--output-format", "concise"))

    for expected in (
        "YAML-1.finding.yaml:1:9: error: YAML: mapping values",
        "A-1.finding.yaml:1:8: error: title: must be text",
        "A-1.finding.yaml:11:39: error: locations[0].lines: the range 9-2 is reversed",
        "B-1.finding.yaml:2:11: error: severity: 'hgih' is not in the scale",
        "A-1.finding.yaml:4:3: warning: description: the link to 'javascript:1' is not allowed",
        "A-1.finding.yaml:12:39: warning: locations[1].quote: ",
        "A-1.finding.yaml:13:27: ",
    ):
        assert [line for line in found if line.startswith(expected)], "\n".join([expected, *found])
    # Neither of what is in the invalid parts: an id, the name of a location.
    assert not [line for line in found if "there is no" in line]
    assert len(found) == 7, found


def test_prose_that_is_printed_as_text_is_reported_once_for_each_kind_and_file(work: Work, run: Run) -> None:
    text = "description: |\n  a<br>b\n  c<br>d<br>e\n\n  Of __f__.\n\n  Pay $5 and $10, or `$x_1$`.\nimpact: g<br>h\n"
    for id in ("A-1", "A-2"):
        work.write(f"{id}.finding.yaml", f"title: x\nseverity: low\n{text}")

    found = messages(run("check", work.root, "--output-format", "concise"))
    with_all = messages(run("check", work.root, "--output-format", "concise", "--all"))

    first, second = (line for line in found if line.startswith("A-1"))
    assert first.startswith("A-1.finding.yaml:4:3: warning: description: `<br>` is printed as text; also at lines 5 and 10")
    assert second.startswith("A-1.finding.yaml:7:3: warning: description: `__f__` is printed in bold, without")
    assert (len(found), len(with_all)) == (4, 8)


def test_an_engagement_that_is_not_yaml_does_not_hide_the_findings(work: Work, run: Run) -> None:
    work.write("engagement.yaml", "title: a: b\n")
    work.finding(FINDING.replace("high", "hgih").replace("Something", "[x](file:/a)").replace("4-7", "9-2"))

    found = messages(run("check", work.root, "--output-format", "concise"))

    assert [line.partition(": ")[0] for line in found] == [
        "A-1.finding.yaml:4:3", "engagement.yaml:1:9", "A-1.finding.yaml:7:12"
    ]  # fmt: skip


@pytest.mark.parametrize("repositories", ["repositories: [x]", "repository: {app: {path: ../app}}"])
def test_invalid_repositories_are_one_error_and_not_one_for_each_location(work: Work, run: Run, repositories: str) -> None:
    work.write("engagement.yaml", f"format: 1\ntitle: Review\n{repositories}\n")

    assert len(messages(run("check", work.root, "--output-format", "concise"))) == 1


def test_a_location_of_an_unknown_repository_is_one_error(work: Work, run: Run) -> None:
    work.finding(FINDING.replace("  - path", "  - repository: ap\n    path").replace("sys.argv", "sys.nothing"))

    (message,) = messages(run("check", work.root, "--output-format", "concise"))

    assert "'ap' is not a repository (app)" in message


@pytest.mark.parametrize("template", ["standard", "review"])
def test_a_location_without_lines_is_its_path_with_its_link_and_no_code(work: Work, run: Run, template: str) -> None:
    work.engagement(repository=f'path: ../app, url: "https://github.com/o/n", commit: "{work.commit}"')
    work.finding("title: x\nseverity: low\ndescription: y\nlocations:\n  - {path: app.py, caption: The program}\n")

    ran = run("build", work.root, "-f", "md", "-f", "html", "-f", "json", "--template", template, "-o", f"{work.root}/out/")

    text, page = (work.root / "out/report.md").read_text(), (work.root / "out/report.html").read_text()
    assert (ran.code, ran.err) == (0, "")
    link = f"https://github.com/o/n/blob/{work.commit}/app.py"
    assert f"The program\\\n[`app.py`]({link}) at `{work.commit[:7]}`\n" in text
    assert f'href="{link}"' in page
    assert "```" not in text
    assert "<pre" not in page.partition("</head>")[2]
    if template == "standard":
        assert f"[`app.py`]({link}) | `{work.commit[:7]}` | file cited as a whole |" in text
    assert "sys.argv" not in text + page + (work.root / "out/report.json").read_text()


def test_without_a_clone_a_location_without_lines_and_quote_shows_no_authors_copy(work: Work, run: Run) -> None:
    (work.root / "app").rename(work.root / "elsewhere")
    work.finding("title: x\nseverity: low\ndescription: y\nlocations: [{path: app.py}]\n")

    run("build", work.root, "-f", "md", "-o", work.root / "out.md")

    assert "`app.py`" in (work.root / "out.md").read_text()
    assert "copy of this code" not in (work.root / "out.md").read_text()


TO_DO = "title: x\nseverity: low\ndescription: y\n" + "".join(f"{field}: 'TODO: later'\n" for field in ("summary", "impact"))


@pytest.mark.parametrize(
    ("output_format", "beginning"),
    [
        ("concise", "A-1.finding.yaml:4:10: warning: summary: is still to be written; also at line 5, "),
        ("github", "A-1.finding.yaml,line=4,col=10::summary: is still to be written; also at line 5, "),
    ],
)
def test_problems_of_one_kind_are_one_message_and_with_all_each_is_printed(
    work: Work, run: Run, output_format: str, beginning: str
) -> None:
    for id in ("A-1", "A-2"):
        work.write(f"{id}.finding.yaml", TO_DO)

    short = run("check", work.root, "--strict", "--output-format", output_format)
    full = run("check", work.root, "--strict", "--output-format", output_format, "--all")

    printed = [line for line in (short.err + short.out).splitlines() if "to-do" in line]
    assert len(printed) == 1
    assert beginning in printed[0]
    assert "A-2.finding.yaml:4 and 5 (write it" in printed[0]
    assert ("5 problems in 2 messages; --all prints each" in short.err) == (output_format == "concise")
    assert (full.err + full.out).count("[to-do]") == 4
    assert "--strict: 4 warnings" in short.err + short.out
    assert "--all" not in full.err


def test_json_has_each_problem(work: Work, run: Run) -> None:
    work.finding(TO_DO)

    problems = json.loads(run("check", work.root, "--output-format", "json").out)["problems"]

    assert [problem["line"] for problem in problems] == [4, 5]


def test_errors_of_one_kind_are_one_message_as_well(work: Work, run: Run) -> None:
    for number in range(1, 41):
        work.write(f"B-{number}.finding.yaml", "title: x\nseverity: low\n")

    short, full = run("check", work.root), run("check", work.root, "--all")

    assert short.code == full.code == 3
    assert "B-1.finding.yaml:1:1: error: `description` is required; also at" in short.err
    assert "and 36 more places" in short.err
    assert "40 problems in 1 message; --all prints each" in short.err
    assert full.err.count("`description` is required") == 40


@pytest.mark.slow
def test_only_characters_that_are_printed_need_a_font(work: Work, run: Run) -> None:
    work.write("A-1.finding.yaml", FINDING + "# \U00013000\n")
    assert "U+13000" not in run("build", work.root, "-f", "pdf", "-o", work.root / "a.pdf").err

    work.write("A-1.finding.yaml", FINDING.replace("wrong", "wrong \U00013000"))
    assert "A-1.finding.yaml:4:22: warning: no font has U+13000" in run("build", work.root, "-f", "pdf").err


@pytest.mark.slow
def test_characters_without_a_font_are_one_warning_for_each_script_of_a_field(work: Work, run: Run) -> None:
    text = "wrong 利用者の入力を, \U00013000"
    work.write("A-1.finding.yaml", FINDING.replace("A finding", "識別子が推測").replace("wrong", text))

    ran = run("build", work.root, "-f", "pdf", "-o", work.root / "a.pdf", "--output-format", "concise")

    lines = [line.rpartition("A-1.finding.yaml:")[2] for line in ran.err.splitlines() if "no font has" in line]
    assert [line.partition("; ")[0] for line in lines] == [
        "1:8: warning: no font has U+8B58 識, U+5225 別, U+5B50 子 and 3 more (Chinese or Japanese)",
        "4:22: warning: no font has U+5229 利, U+7528 用, U+8005 者 and 4 more (Chinese or Japanese)",
        "4:31: warning: no font has U+13000 𓀀 (Egyptian)",
    ]
