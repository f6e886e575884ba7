"""A new engagement, a new finding: what is written, and what never is."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import Commit, build, problem_of

from findings_report import authoring, commands
from findings_report.authoring import new_finding
from findings_report.authoring.json_schema import _example
from findings_report.authoring.yaml_reader import read
from findings_report.commands import NewFinding
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Region
from findings_report.model.finding import Finding
from findings_report.problems import FindingsReportError, Kind

CODE = "import sys\n\n\ndef main():\n\tname = sys.argv[1]\n    run(name)\n    return 0  \n"
ENTRY = "# keep me\r\ntitle: XSS # why\r\nseverity:   high\r\ndescription: |\r\n  Text.\r\n"


@pytest.fixture
def engagement(tmp_path: Path) -> Path:
    """The folder that holds findings/ and a repository app/, pinned."""
    commit = build(tmp_path / "app", [Commit(files={"app.py": CODE, "odd.py": "a = '\x1b'\n"})])[0]
    (tmp_path / "findings").mkdir()
    pinned = f"repositories:\n  app: {{path: ../app, commit: {commit}}}\n"
    (tmp_path / "findings/engagement.yaml").write_text(f"format: 1\ntitle: Review\n{pinned}")
    return tmp_path


def made(root: Path, **wishes: object) -> Path:
    (path,) = commands.new(root, NewFinding(**{"title": "A title", **wishes})).paths  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("taken", "following"),
    [
        ((), "FIRST-001"),
        (("NTR-006",), "NTR-007"),
        (("NTR-9", "NTR-10"), "NTR-11"),
        (("NTR-099",), "NTR-100"),
        (("A-1", "A-2", "B-7"), "A-3"),
        (("A-1", "B-7"), "B-8"),
        (("notes",), "FIRST-001"),
        (("X-1", "x-4"), "x-5"),
        (("TOB.12",), "TOB.13"),
        (("B-1", "A" + "9" * 5000), "B-2"),
    ],
)
def test_the_next_id_continues_the_larger_series(taken: tuple[str, ...], following: str) -> None:
    assert new_finding.next_id(taken) == following


@given(st.lists(st.from_regex(r"[A-Za-z]{1,3}-[0-9]{1,4}", fullmatch=True), max_size=8))
def test_the_next_id_is_never_taken(taken: list[str]) -> None:
    assert new_finding.next_id(taken).casefold() not in [id.casefold() for id in taken]


def test_an_alias_counts_as_taken_and_a_broken_finding_stops_nobody(engagement: Path) -> None:
    (engagement / "findings/N-1.finding.yaml").write_text("title: x\naliases: [N-8]\n")
    (engagement / "findings/N-2.finding.yaml").write_text("title: [\n")

    assert made(engagement).name == "N-9.finding.yaml"


def test_a_stub_is_pointed_at_until_it_is_filled_in(engagement: Path) -> None:
    made(engagement)

    with pytest.raises(FindingsReportError) as caught:
        commands.check(commands.Inputs(engagement, {}), lambda _: None)

    reported = {(problem.field, problem.place.line) for problem in caught.value.problems if problem.place}
    assert reported == {("severity", 2), ("description", 5), ("recommendation", 7)}


@given(st.text(min_size=1, max_size=60))
def test_any_title_is_written_so_that_it_reads_back_or_is_refused(title: str) -> None:
    line = " ".join(title.split())
    try:
        content = new_finding.stub(Engagement(title="x"), line, None)
    except FindingsReportError as error:
        kinds = {problem.kind for problem in error.problems}
    else:
        assert read(content).data["title"] == line
        return
    assert kinds == {Kind.USAGE}


@given(st.lists(st.text(max_size=40).filter(lambda line: "\n" not in line), max_size=6))
def test_a_quote_is_written_as_git_has_it_or_not_at_all(lines: list[str]) -> None:
    quote = tuple(line for line in lines if line.isprintable() or "\t" in line)
    content = new_finding.stub(
        Engagement(title="x"), "t", new_finding.NewLocation("a.py", None, Region(start_line=1, end_line=9), quote)
    )

    (location,) = read(content).data["locations"]
    while quote and not quote[-1].strip():
        quote = quote[:-1]
    assert location.get("quote") in (None, "".join(f"{line}\n" for line in quote))


def test_a_range_that_ends_with_blank_lines_is_quoted_without_them() -> None:
    cited = new_finding.NewLocation("a.py", None, Region(start_line=1, end_line=5), ("a = 1", "", "b = 2", "", " "))

    (location,) = read(new_finding.stub(Engagement(title="x"), "t", cited)).data["locations"]

    assert location["quote"] == "a = 1\n\nb = 2\n"
    assert location["lines"] == "1-5"


def test_a_cited_quote_comes_from_git_and_is_exact(engagement: Path) -> None:
    path = made(engagement, path="app.py", lines="4-7")

    path.write_text(path.read_text().replace("severity:", "severity: low").replace("description:", "description: x"))
    checked = commands.check(commands.Inputs(engagement, {}), lambda _: None)
    assert [verdict.value for verdict in checked.verdicts] == ["exact"]
    assert "    quote: |2\n      def main():\n      \tname" in path.read_text()


def test_a_path_in_another_notation_is_written_as_git_writes_it(engagement: Path) -> None:
    path = made(engagement, path="C:\\work\\app\\app.py:4-7")

    (location,) = read(path.read_bytes()).data["locations"]
    assert (location["path"], location["lines"]) == ("app.py", "4-7")
    assert location["quote"].startswith("def main():")


def test_a_line_that_yaml_cannot_hold_leaves_the_quote_out(engagement: Path) -> None:
    path = made(engagement, path="odd.py")

    assert "quote" not in read(path.read_bytes()).data["locations"][0]


@pytest.mark.parametrize(
    ("wishes", "fault"),
    [
        ({"path": "ap.py"}, "there is no ap.py"),
        ({"path": "app.py", "lines": "4-40"}, "has 7 lines"),
        ({"path": "../app.py"}, "not a path inside the repository"),
        ({"lines": "4"}, "--lines are those of a --path"),
        ({"title": None}, "needs a title"),
        ({"title": "x" * 501}, "501 characters"),
        ({"id": "../../x"}, "is not an id"),
        ({"id": "engagement"}, "cannot be the id"),
        ({"entry": "../findings/engagement"}, "in the library"),
        ({"entry": "web/xs"}, "there is no 'web/xs' in the library"),
    ],
)
def test_what_cannot_be_made_is_told_and_nothing_is_written(engagement: Path, wishes: dict[str, object], fault: str) -> None:
    library(engagement)
    before = sorted(engagement.rglob("*"))

    assert fault in problem_of(lambda: made(engagement, **wishes)).fault
    assert sorted(engagement.rglob("*")) == before


def test_nothing_is_overwritten(engagement: Path) -> None:
    path = made(engagement, id="A-1")

    assert "is taken" in problem_of(lambda: made(engagement, id="a-1")).fault
    (engagement / "findings/FIRST-009.finding.yaml").mkdir()
    with pytest.raises(FindingsReportError):
        made(engagement, id="FIRST-009")
    assert path.is_file()


def library(root: Path) -> None:
    (root / "library/web").mkdir(parents=True)
    (root / "library/web/xss.yaml").write_bytes(ENTRY.encode())
    (root / "library/tls.finding.yaml").write_text("title: >\n  Old\n  TLS\n# end\n")


def test_a_library_entry_is_copied_byte_for_byte(engagement: Path) -> None:
    library(engagement)

    assert commands.library(engagement, None).entries == ("tls", "web/xss")
    assert made(engagement, title=None, entry="web/xss").read_bytes() == ENTRY.encode()


def test_a_library_that_is_empty_says_where_it_belongs_and_one_that_is_not_what_it_has(engagement: Path) -> None:
    (note,) = commands.library(engagement, None).problems
    assert (note.level, note.fault) == ("note", "the library has no entry")
    assert problem_of(lambda: made(engagement, title=None, entry="web/xss")).remedy == note.remedy

    library(engagement)

    assert commands.library(engagement, None).problems == ()
    assert problem_of(lambda: made(engagement, title=None, entry="nope")).remedy == "there are tls, web/xss"


def test_a_library_entry_given_a_title_changes_in_that_alone(engagement: Path) -> None:
    library(engagement)

    retitled = made(engagement, title='It\'s "new": é', entry="web/xss").read_bytes().decode()
    assert retitled == ENTRY.replace("XSS", '"It\'s \\"new\\": é"')
    assert made(engagement, title="TLS 1.0", entry="tls").read_text() == 'title: "TLS 1.0"\n# end\n'


def test_the_engagements_own_library_comes_before_a_shared_one(engagement: Path, tmp_path: Path) -> None:
    library(engagement)
    shared = tmp_path / "shared"
    (shared / "web").mkdir(parents=True)
    (shared / "web/xss.yaml").write_text("title: shared\n")
    (shared / "csrf.yaml").write_text("title: CSRF\n")

    assert made(engagement, title=None, entry="web/xss", library=shared).read_bytes() == ENTRY.encode()
    assert made(engagement, title=None, entry="csrf", library=shared).read_text() == "title: CSRF\n"


def test_a_library_entry_that_leads_out_of_the_library_is_refused(engagement: Path) -> None:
    library(engagement)
    (engagement / "secret.yaml").write_text("title: secret\n")
    (engagement / "library/out.yaml").symlink_to("../secret.yaml")

    assert "leads out" in problem_of(lambda: made(engagement, title=None, entry="out")).fault


def test_init_writes_the_schemas_and_what_leads_editors_to_them(tmp_path: Path) -> None:
    init = commands.init(tmp_path, "A: title")

    assert init.problems == ()
    settings = json.loads((tmp_path / ".vscode/settings.json").read_text())
    for path in settings["yaml.schemas"]:
        jsonschema.Draft202012Validator.check_schema(json.loads((tmp_path / path).read_text()))
    for path in (tmp_path / "findings").glob("*.yaml"):
        schema = path.parent / path.read_text().splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        jsonschema.validate(read(path.read_bytes()).data, json.loads(schema.read_text()))
    problems = commands.check(commands.Inputs(tmp_path, {}, evidence=False), lambda _: None).problems
    assert {problem.code for problem in problems} == {"to-do"}


def test_settings_that_cannot_be_read_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode/settings.json").symlink_to(tmp_path / "nowhere")

    (note,) = commands.init(tmp_path, "x").problems

    assert note.level == "note"


def test_init_leaves_an_editors_settings_alone_and_says_what_to_add(tmp_path: Path) -> None:
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode/settings.json").write_text("{} // mine\n")

    (note,) = commands.init(tmp_path, "x").problems

    assert (tmp_path / ".vscode/settings.json").read_text() == "{} // mine\n"
    assert note.remedy is not None
    assert '"yaml.schemas": {"./findings/.schema/finding.json"' in note.remedy


def test_init_keeps_reports_out_of_git(tmp_path: Path) -> None:
    commands.init(tmp_path, "x")

    assert (tmp_path / ".gitignore").read_text() == "/build/\n"


@pytest.mark.parametrize(("mine", "notes"), [("*.pyc\n", 1), ("*.pyc\nbuild/\n", 0), ("/build\n", 0)])
def test_init_leaves_a_list_of_what_git_ignores_alone_and_says_what_to_add(tmp_path: Path, mine: str, notes: int) -> None:
    (tmp_path / ".gitignore").write_text(mine)

    problems = commands.init(tmp_path, "x").problems

    assert (tmp_path / ".gitignore").read_text() == mine
    assert [problem.remedy for problem in problems] == ["add `/build/`"] * notes


def test_the_written_schema_holds_the_engagements_own_words(engagement: Path) -> None:
    with (engagement / "findings/engagement.yaml").open("a") as file:
        file.write("severities: [{name: bad, colour: '#000000', meaning: Act.}]\n")
        file.write("fields: [{name: team, label: T, values: [a]}]\n")
        file.write("matrix: {low: {low: bad}}\n")

    finding, _ = (json.loads(path.read_text()) for path in commands.write_schemas(engagement).paths)

    properties = finding["properties"]
    assert properties["severity"]["enum"] == properties["residual_severity"]["enum"] == ["bad"]
    assert properties["severity"]["markdownEnumDescriptions"] == ["Act."]
    assert properties["extra"]["properties"]["team"]["enum"] == ["a"]
    assert finding["$defs"]["Location"]["properties"]["repository"]["enum"] == ["app"]


SCHEMAS = {"finding": authoring.finding_schema(), "engagement": authoring.engagement_schema()}


@pytest.mark.parametrize("which", SCHEMAS)
def test_every_field_has_a_title_a_description_and_an_example_that_holds(which: str) -> None:
    schema = SCHEMAS[which]
    objects = [("", schema), *schema["$defs"].items()]
    for name, node in objects:
        for field, each in node["properties"].items():
            assert each["title"], (name, field)
            assert each["description"] == each["markdownDescription"], (name, field)
            assert each.get("examples"), f"{name} {field}: give it an example in authoring/example/example.{which}.yaml"
            for example in each["examples"]:
                jsonschema.validate(example, {**each, "$defs": schema["$defs"]})


@pytest.mark.parametrize(("which", "model"), [("finding", Finding), ("engagement", Engagement)])
def test_the_examples_are_what_the_program_itself_takes(which: str, model: type[Finding] | type[Engagement]) -> None:
    example = _example(f"example.{which}.yaml")

    assert model.model_validate(example)
    jsonschema.validate(example, SCHEMAS[which])


def test_every_word_of_an_enumeration_is_explained() -> None:
    status = SCHEMAS["finding"]["properties"]["status"]

    assert dict(zip(status["enum"], status["markdownEnumDescriptions"], strict=True))["resolved"] == "The weakness is fixed."
    assert status["description"] == "Status of the finding."


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].rglob("findings/*.yaml")), ids=lambda path: path.name)
def test_the_schema_takes_what_check_takes(path: Path) -> None:
    which = "engagement" if path.name == "engagement.yaml" else "finding"

    jsonschema.validate(read(path.read_bytes()).data, SCHEMAS[which])
