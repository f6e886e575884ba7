"""Writes docs/reference.md and docs/json.md from the models and the program's own help, and tables in docs/commands.md and
docs/templates.md.

With --check it says whether they are in step.

Run by `make docs`, and with --check by `make lint`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date
from enum import Enum
from pathlib import Path
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from findings_report.cli import outputs
from findings_report.cli.app import COMMANDS, GROUPS
from findings_report.model import engagement, field_types, finding
from findings_report.model.drift import DRIFT_MEANING
from findings_report.model.evidence import VERDICT_MEANING, Region
from findings_report.problems import Kind, catalogue
from findings_report.rendering.filters import COMPARISON_EXAMPLES, EXAMPLES, filter_table
from findings_report.report.formats import FORMATS

DOCS = Path(__file__).parents[1] / "docs"
TEMPLATES = DOCS / "templates.md"
ROOT = Path(__file__).parents[1]
HEAD = """# Reference

Written by `make docs` from the program itself; do not edit by hand.

Contents: [engagement.yaml](#engagementyaml) · [ID.finding.yaml](#idfindingyaml) · [verdicts](#verdicts) ·
[commands](#commands) · [exit codes](#exit-codes)

"""
NAMED = {
    "Markdown": "Markdown",
    "MarkdownForSome": "Markdown or [TextForAudience](#textforaudience)",
    "Regions": "lines",
    "CommitHash": "full hash",
    "Date": "YYYY-MM-DD",
    "TicketRef": "ticket",
    "Url": "address",
    "Cwe": "CWE-n",
    "Colour": "'#rrggbb'",
    "RelativePath": "path",
    "LineNotes": "{line: Markdown}",
}
"""The types that have a name of their own, in words."""

TYPES = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    date: "YYYY-MM-DD",
    Region: "lines",
}


def words(annotation: Any) -> str:
    """The type of a field in words."""
    for name, word in NAMED.items():
        if annotation is getattr(field_types, name):
            return word
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return words(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(words(part) for part in arguments if part is not type(None))
    if origin is tuple:
        return f"list of {words(arguments[0])}"
    if origin is dict:
        return f"{{{words(arguments[0])}: {words(arguments[1])}}}"
    if origin is Literal:
        return ", ".join(str(part) for part in arguments)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(str(member.value) for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return TYPES.get(annotation, str(annotation))


def nested(annotation: Any, found: list[type[BaseModel]]) -> None:
    """The models inside `annotation`, in order of appearance."""
    if isinstance(annotation, type) and not isinstance(annotation, GenericAlias) and issubclass(annotation, BaseModel):
        if annotation.__name__ != "Region" and annotation not in found:
            found.append(annotation)
            for field in annotation.model_fields.values():
                nested(field.annotation, found)
        return
    for part in get_args(annotation):
        nested(part, found)


def table(model: type[BaseModel]) -> str:
    """The fields of a model as a table."""
    rows = ["| field | | meaning |", "|---|---|---|"]
    hints = {name: hint for base in reversed(model.__mro__) for name, hint in getattr(base, "__annotations__", {}).items()}
    for name, field in model.model_fields.items():
        hint = eval(hints[name], vars(sys.modules[model.__module__])) if isinstance(hints.get(name), str) else field.annotation  # noqa: S307
        needed = " **required**" if field.is_required() else ""
        rows.append(f"| `{name}` | {words(hint)}{needed} | {(field.description or '').replace(chr(10), ' ')} |")
    return "\n".join(rows)


def fields() -> str:
    """Both files, and every value inside them."""
    inner: list[type[BaseModel]] = []
    nested(engagement.Engagement, inner)
    nested(finding.Finding, inner)
    parts = [
        f"## engagement.yaml\n\n{table(engagement.Engagement)}\n",
        f"## ID.finding.yaml\n\nThe id is the file's name without `.finding.yaml`.\n\n{table(finding.Finding)}\n",
    ]
    for model in inner:
        if model not in (engagement.Engagement, finding.Finding):
            doc = " ".join((model.__doc__ or "").split())
            parts.append(f"### {model.__name__}\n\n{doc}\n\n{table(model)}\n")
    return "\n".join(parts)


def verdicts() -> str:
    """Every verdict with its meaning."""
    rows = [f"| {verdict.value} | {meaning} |" for verdict, meaning in VERDICT_MEANING.items()]
    return (
        "## Verdicts\n\nWhat checking a quote against git gives.\n\n| verdict | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"
    )


def drifts() -> str:
    """Every kind of drift with its meaning."""
    rows = [f"| {kind.value} | {meaning} |" for kind, meaning in DRIFT_MEANING.items()]
    text = (
        "The answer of `track` for cited code at another commit: where the text is, never whether a finding is fixed.\n"
        "`track` also lists intact quoted lines, copies of the text, parts that moved elsewhere, and changes of the\n"
        "enclosing function or class."
    )
    return f"## Drift\n\n{text}\n\n| drift | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"


def commands() -> str:
    """The help of every command."""
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    parts = ["## Commands\n"]
    for command in COMMANDS:
        program = [str(Path(sys.executable).parent / "findings-report"), *command.name.split(), "--help"]
        printed = subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout
        lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
        parts.append(f"### {command.name}\n\n```\n{lines}\n```\n")
    return "\n".join(parts)


def exit_codes() -> str:
    """The exit codes, from their own docstrings."""
    meanings = {
        0: "done",
        **{int(kind): text for kind, text in KIND_MEANING.items()},
        70: "a bug; with a traceback, please report it",
        129: "ended by SIGHUP, as when its terminal is closed; the last line says what was written",
        130: "interrupted: SIGINT, Ctrl-C; the last line says what was written",
        143: "ended by SIGTERM; the last line says what was written",
    }
    rows = [f"| {code} | {meaning} |" for code, meaning in sorted(meanings.items())]
    order = "Of several, 2 wins over 3, 3 over 4, 4 over 6, 6 over 5, 5 over 1."
    writes = (
        "An error writes nothing; a gate that trips still writes. One exception: without the system libraries for PDF,\n"
        "`build` and `diff` write the other formats, report the missing PDF with the command that installs the libraries, and\n"
        "exit with 5. A PDF of an earlier run is not changed."
    )
    return f"## Exit codes\n\n{order} {writes}\n\n| code | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"


KIND_MEANING = {
    Kind.GATE: "a gate failed: `--strict`, `--fail-on`, `diff --exit-code`",
    Kind.USAGE: "the command line is wrong",
    Kind.INPUT: "invalid input: YAML, a field, prose, a picture",
    Kind.SOURCE: "source: a repository, commit, path or line that does not exist or cannot be read",
    Kind.OUTPUT: "the report cannot be rendered or written",
    Kind.NETWORK: "the network, a cluster, a tracker or a time stamp authority failed",
}


def reference() -> str:
    """The whole page."""
    return HEAD + "\n".join((fields(), verdicts(), drifts(), commands(), exit_codes()))


def templates() -> str:
    """docs/templates.md with its tables of filters."""
    text = TEMPLATES.read_text("utf-8")
    for name, examples in (("comparison", COMPARISON_EXAMPLES), ("all templates", EXAMPLES)):
        rows = "\n".join(filter_table(examples))
        block = re.compile(rf"(<!-- filters: {name}, [^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
        text, count = block.subn(lambda match, rows=rows: f"{match[1]}{rows}\n{match[2]}", text)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"docs/templates.md has {count} places for the filters of: {name}")
    return text


PROBLEMS_HEAD = """# Problem codes

Generated by `make docs` from the catalogue in findings_report/problems/; do not edit by hand.

Every message ends with a code in brackets, for example `[quote-moved]`; JSON contains it as `code`.
`findings-report explain CODE` prints the entry of a code.

"""


def problems() -> str:
    """Return docs/problems.md: every problem code, under the headings of the catalogue."""
    parts = []
    for group, heading in catalogue.HEADINGS.items():
        parts.append(f"## {heading}\n")
        parts += [
            f"### {entry.code}\n\n{entry.meaning}\n\n- Example: {entry.example}\n- Help: {entry.remedy}\n"
            for entry in catalogue.entries()
            if entry.group == group
        ]
    return PROBLEMS_HEAD + "\n".join(parts)


JSON_HEAD = """# Output as JSON

Generated by `make docs` from the models in findings_report/cli/; do not edit by hand.

With `--output-format json` every command prints one JSON object to standard output, and nothing else there:

```json
{"schema": "findings-report/check", "version": 1, "findings": {"high": 2}, "quotes": {"exact": 3}, "problems": []}
```

- `schema` is the name of the command's schema, and `version` the version of the schema. A new field does not change the
  version; it is counted up when a field is removed or means something else. Ignore unknown fields.
- `findings-report schema findings-report/check` prints the JSON Schema (draft 2020-12) of an object by its name; `schema check`
  is the same.
- `problems` is always there: each has a stable `code`, `fault`, `remedy`, and the place. The exit code is that of the other
  formats, as in the [reference](reference.md#exit-codes).
- If an error ended the run, the fields of the result are missing, and `problems` has the error. This holds for a wrong command
  line as well; without a command the schema is `findings-report/problems`. A run that a signal ended prints no object.
- A document that goes to standard output (`build -f md -o -`, `diff`, `extract`) has it to itself: the object is on standard
  error.
- Every field below is always in the result, null where it says so.

Contents of reports, of comparisons and of manifests have schemas of their own: [docs/formats.md](formats.md).

"""


def json_outputs() -> str:
    """Return docs/json.md: the fields of each command's object, and of the values in them."""
    inner: list[type[BaseModel]] = [outputs.ProblemOutput]
    parts = [JSON_HEAD]
    for name in dict.fromkeys(outputs.output_name(row.name) for row in COMMANDS):
        model = outputs.OUTPUTS[name]
        called = [f"`{row.name}`" for row in COMMANDS if outputs.output_name(row.name) == name]
        heading = f"## {name}\n\n{describe(model)} Of {', '.join(called)}; version {model.version}."
        parts.append(f"{heading}\n\n{json_table(model)}\n")
        for field in model.model_fields.values():
            nested(field.annotation, inner)
    parts += [f"### {model.__name__}\n\n{describe(model)}\n\n{json_table(model)}\n" for model in inner]
    return "\n".join(parts)


def json_table(model: type[BaseModel]) -> str:
    """Return the fields of a model as a table. All are in the output, so none is marked as required."""
    return table(model).replace(" **required**", "")


def describe(model: type[BaseModel]) -> str:
    """Return the docstring of a model on one line."""
    return " ".join((model.__doc__ or "").split())


END = "<!-- end of generated text -->\n"


def overview() -> str:
    """Return docs/commands.md with its tables from COMMANDS and FORMATS, each between two comments."""
    rows = ["| | command | | example |", "|---|---|---|---|"]
    for group in GROUPS:
        for index, row in enumerate(row for row in COMMANDS if row.group == group):
            rows.append(f"| {group if index == 0 else ''} | `{row.name}` | {row.summary} | `{row.example}` |")
    text = replace_generated((DOCS / "commands.md").read_text("utf-8"), "commands", rows)
    return replace_generated(text, "formats", format_table())


def format_table() -> list[str]:
    """Return a row for each row of FORMATS."""
    rows = ["| format | for | `diff` | `build --each` |", "|---|---|---|---|"]
    for row in FORMATS.values():
        comparisons, singles = ("yes" if takes else "" for takes in (row.takes_comparisons, row.takes_single_findings))
        rows.append(f"| `{row.name}` | {row.purpose} | {comparisons} | {singles} |")
    return rows


def replace_generated(text: str, name: str, rows: list[str]) -> str:
    """Return a document with the rows between its comments for `name`."""
    begin = f"<!-- generated: {name} -->\n"
    before, found, rest = text.partition(begin)
    if not found:
        raise ValueError(f"docs/commands.md has no place for the generated {name}")
    return before + begin + "\n".join(rows) + "\n" + END + rest.partition(END)[2]


def main() -> int:
    """Write the files, or with --check compare them; return the exit code."""
    texts = {
        "docs/reference.md": reference(),
        "docs/problems.md": problems(),
        "docs/json.md": json_outputs(),
        "docs/commands.md": overview(),
        "docs/templates.md": templates(),
    }
    code = 0
    for name, text in texts.items():
        path = ROOT / name
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            print(f"{name} is out of date: run `make docs`", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
