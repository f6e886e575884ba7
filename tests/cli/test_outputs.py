"""`--output-format json`: every command has it, and prints one document that fits the schema which it names."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import signers
import typer
from trackers.fake import Fake

from findings_report import commands
from findings_report.cli import app
from findings_report.cli.app import COMMANDS
from findings_report.cli.outputs import OUTPUTS, PREFIX, output_name, output_schema

REVIEW: Final = "# Review\n\n## Search words become SQL\n\nSeverity: High\n\nThe query is built from text.\n"
FILES: Final = {
    "review.md": REVIEW,
    "table.csv": "title,severity,description\nOne,high,It is wrong.\n",
    "report.json": '{"findings": [{"id": "TWO-1", "title": "Two", "severity": "high", "status": "open"}]}',
    "scan.sarif": '{"version": "2.1.0", "runs": []}',
    "marks.weaudit": '{"clientRemote": "", "gitRemote": "", "gitSha": "", "treeEntries": [], "auditedFiles": []}',
    "dojo.json": '{"findings": []}',
    "strix.json": '{"vulnerabilities": []}',
    "document.md": "See quicknotes/store.py:1.\n",
    "password": "correct horse\n",
}


@dataclass(frozen=True)
class Step:
    """A command line that succeeds, after those before it, and one that does not."""

    line: str
    wrong: str = "--no-such-option"
    codes: frozenset[int] = field(default=frozenset({0}))


# Two steps of one command are named by what they also do.
STEPS: Final[dict[str, Step]] = {
    "demo": Step("demo work", "demo work"),
    "init": Step("init other --title Other", "init work"),
    "new": Step("new Third -C other", "new --lines 3 -C work"),
    "new --list": Step("new --list -C work"),
    "import review": Step("import review review.md -C work --dry-run", "import review gone.md -C work"),
    "import sarif": Step("import sarif scan.sarif -C work --dry-run", "import sarif review.md -C work"),
    "import weaudit": Step("import weaudit marks.weaudit -C work --dry-run", "import weaudit review.md -C work"),
    "import csv": Step("import csv table.csv -C work --dry-run", "import csv gone.csv -C work"),
    "import json": Step("import json report.json -C work --dry-run", "import json review.md -C work"),
    "import defectdojo": Step("import defectdojo dojo.json -C work --dry-run", "import defectdojo review.md -C work"),
    "import strix": Step("import strix strix.json -C work --dry-run", "import strix review.md -C work"),
    "list": Step("list work", "list work --severity urgent"),
    "pin": Step("pin work --links", "pin work --to no-such-tag"),
    "fetch": Step("fetch work", "fetch nowhere"),
    "check": Step("check work", "check work --fail-on high"),
    "check --prose": Step("check --prose document.md -C work", "check --prose gone.md", frozenset({0, 1})),
    "explain": Step("explain quote-moved", "explain no-such-code"),
    "build": Step("build work --each --only DEMO-001 -f pdf -o report.pdf", "build work --template nowhere"),
    "build --manifest": Step("build work -f json --manifest"),
    "build of several": Step("build work other -f md -o out/", codes=frozenset({3})),
    "attach": Step("attach -C work", "attach gone.pdf --to redmine:17"),
    "tickets create": Step(
        "tickets create --to redmine:audit --only DEMO-001 -C work --dry-run", "tickets create --to audit -C work"
    ),
    "tickets sync": Step("tickets sync -C work", "tickets sync -C nowhere"),
    "tickets export": Step("tickets export -C work -f md", "tickets export -C work -f doc"),
    "extract": Step("extract report.pdf -o extracted.json", "extract review.md"),
    "encrypt": Step("encrypt report.pdf -o locked.pdf --password-file password", "encrypt review.md --password-file password"),
    "sign": Step("sign report.pdf --key key.pem", "sign report.pdf --key gone.pem"),
    "verify": Step("verify report.pdf --trust root.pem", "verify report.pdf"),
    "verify of a manifest": Step("verify work/build/manifest.json -C work"),
    "track": Step("track work --to 1.1 --explain", "track work --to no-such-tag"),
    "track --update": Step("track work --to 1.1 --update --dry-run"),
    "diff": Step("diff extracted.json work", "diff nowhere work", frozenset({0, 1})),
    "doctor": Step("doctor"),
    "docs": Step("docs tickets", "docs no-such-page"),
    "docs of all": Step("docs"),
    "ci comment": Step("ci comment --report document.md --dry-run", "ci comment"),
    "cache show": Step("cache show"),
    "cache clear": Step("cache clear work", "cache clear nowhere"),
    "template list": Step("template list -C work"),
    "template show": Step("template show front.html.j2", "template show no-such-file"),
    "template copy": Step("template copy standard cover.html.j2 -C work", "template copy nowhere -C work"),
    "schema": Step("schema findings-report/check", "schema no-such-schema"),
    "schema --write": Step("schema --write -C work"),
}


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[[str], Ran]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs the program in this process, in a folder with what the steps read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    person = signers.person("Ada", is_root=True)
    (tmp_path / "key.pem").write_bytes(person.plain.content + person.plain.certificates)
    (tmp_path / "root.pem").write_bytes(person.plain.certificates)

    def ran(line: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["findings-report", *line.split()])
        code = 0
        try:
            app.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        output = capsys.readouterr()
        return Ran(code, output.out, output.err)

    with Path(os.devnull).open() as nobody:  # answers a prompt
        monkeypatch.setattr(sys, "stdin", nobody)
        yield ran


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each command that does something, as Typer has it, with its words."""
    if hasattr(command, "list_commands"):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from leaves(command.get_command(context, name), (*words, name))
    else:
        yield " ".join(words), command


def validate(text: str, name: str) -> dict[str, Any]:
    """Return the only document in `text`, which must be of the schema `name`."""
    document: dict[str, Any] = json.loads(text)
    assert (document["schema"], document["version"]) == (f"{PREFIX}{name}", OUTPUTS[name].version)
    schema = output_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def test_every_command_has_the_option_a_schema_and_a_step_here() -> None:
    commands_of_typer = dict(leaves(typer.main.get_command(app.app)))

    assert set(commands_of_typer) == {row.name for row in COMMANDS}
    for name, command in commands_of_typer.items():
        assert "--output-format" in {option for parameter in command.params for option in parameter.opts}, name
        assert output_name(name) != "problems", f"{name} has no model in cli/outputs.py"
        assert name in STEPS, f"{name} has no step in this test"
    assert {output_name(name) for name in commands_of_typer} | {"problems"} == set(OUTPUTS)


@pytest.mark.slow  # a PDF is made, signed and encrypted
def test_every_command_prints_one_document_of_its_schema(run: Run, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDMINE_URL", fake.url)
    monkeypatch.setenv("REDMINE_API_KEY", "0" * 40)
    fake.expect("GET", "/users/current.json", {"user": {"login": "ada"}})
    fake.expect("GET", "/projects/audit.json", {"project": {"id": 1, "is_public": False}})
    fake.expect("GET", "/issues.json", {"issues": [], "total_count": 0, "offset": 0, "limit": 100})

    for name, step in STEPS.items():
        command = next(row.name for row in COMMANDS if f"{name} ".startswith(f"{row.name} "))
        ran = run(f"{step.line} --output-format json")

        assert ran.code in step.codes, (name, ran)
        assert ran.err == "", name
        document = validate(ran.out, output_name(command))
        fields = OUTPUTS[output_name(command)].model_fields
        assert set(document) == {"schema", "version", "problems", *fields}, name


@pytest.mark.parametrize("name", [row.name for row in COMMANDS])
def test_an_error_is_a_document_too_and_has_the_exit_code_of_the_text(
    run: Run, sample: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(sample, tmp_path / "work", symlinks=True)
    line = STEPS[name].wrong
    line = line if line.startswith(name) else f"{name} {line}"

    as_text, as_json = run(line), run(f"{line} --output-format json")

    document = validate(as_json.out, output_name(name))
    assert as_text.code == as_json.code != 0
    assert as_json.err == ""
    assert [problem["level"] for problem in document["problems"]].count("error") >= 1
    for problem in document["problems"]:
        assert problem["fault"].split("\n")[0] in " ".join(as_text.err.split())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return commands.demo(tmp_path_factory.mktemp("sample") / "work")


def test_a_command_line_without_a_command_is_a_document_of_problems(run: Run) -> None:
    ran = run("chekc --output-format json")

    document = validate(ran.out, "problems")
    assert ran.code == 2
    assert document["problems"][0]["code"] == "command-line"


def test_a_schema_is_printed_under_the_name_that_a_document_has(run: Run) -> None:
    for name in ("check", "tickets-sync", "problems"):
        assert json.loads(run(f"schema {PREFIX}{name}").out) == json.loads(run(f"schema {name}").out) == output_schema(name)


def test_a_document_that_lacks_a_result_without_an_error_does_not_fit(run: Run) -> None:
    schema = output_schema("check")
    whole = {"schema": "findings-report/check", "version": 1, "problems": []}

    for document in (whole, {**whole, "version": 2}, {**whole, "schema": "findings-report/build"}):
        assert list(jsonschema.Draft202012Validator(schema).iter_errors(document))


def test_a_document_on_standard_output_is_not_mixed_with_json(run: Run) -> None:
    run("demo work")
    ran = run("build work -f md -o - --output-format json")

    assert ran.out.startswith("# ")
    assert validate(ran.err, "build")["files"] == []
