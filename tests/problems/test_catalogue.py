"""The catalogue of problem codes and the code agree, in both directions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

import findings_report
from findings_report.authoring import validation
from findings_report.problems import FindingsReportError, catalogue

PACKAGE: Final = Path(findings_report.__file__).parent
OTHER_CODES: Final = ("comparison/claims.py", "comparison/compare.py", "tickets/markup/", "rendering/")
"""Where a parameter `code` is something else: of a judgement, of a language, of a dialect. Problem counts there too."""


def positions(tree: ast.Module) -> Mapping[str, int | None]:
    """Functions and classes of a module that take a `code`, with its 0-based position in a call; None for keyword only."""
    found: dict[str, int | None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
            if "code" in names:
                found[node.name] = names.index("code") - (names[0] in ("self", "cls"))
            elif any(argument.arg == "code" for argument in node.args.kwonlyargs):
                found[node.name] = None
        elif isinstance(node, ast.ClassDef):
            inner = positions(ast.Module(node.body, []))
            if "__init__" in inner:
                found[node.name] = inner["__init__"]
            fields = [
                part.target.id for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            ]
            if "code" in fields:
                found[node.name] = fields.index("code")
    return found


def name_of(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def expressions(path: Path, shared: Mapping[str, int | None]) -> Iterator[ast.expr]:
    """What a module passes as the code of a problem."""
    tree = ast.parse(path.read_text("utf-8"))
    own = positions(tree)
    is_other = path.relative_to(PACKAGE).as_posix().startswith(OTHER_CODES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "code":
            yield node.value
        if isinstance(node, ast.FunctionDef) and node.name == "_code":  # of pydantic's kinds of errors
            yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value)
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node)
        if name not in ("Problem", "replace", *own, *shared) or (is_other and name not in ("Problem", "replace", "_error")):
            continue
        position = own.get(name, shared.get(name))
        values = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if not values and name != "replace" and position is not None and len(node.args) > position:
            values = [node.args[position]]
        yield from values


def codes_of(value: ast.expr, constants: Mapping[str, str]) -> Iterator[str]:
    """The code that an expression stands for; nothing for a plain variable."""
    match value:
        case ast.Constant(value=str(text)):
            yield text.replace("_", "-")
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in constants:
            yield constants[name]
        case ast.IfExp(body=body, orelse=orelse):
            yield from codes_of(body, constants)
            yield from codes_of(orelse, constants)
        case ast.JoinedStr() | ast.BinOp():
            raise AssertionError(f"write the code as a literal, so that a search finds it: {ast.unparse(value)}")
        case ast.Subscript(value=ast.Name(id="codes")):  # of judgements, in cli/diff.py
            yield from ("claim-contradiction", "claim-review")


def constants_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The texts that a module gives names to."""
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text)))
            ):
                yield name, text


def used_codes() -> set[str]:
    """The code of every problem in the package."""
    paths = sorted(PACKAGE.rglob("*.py"))
    trees = {path: ast.parse(path.read_text("utf-8")) for path in paths}
    shared = {
        name: position
        for path, tree in trees.items()
        for name, position in positions(tree).items()
        if not name.startswith("_") and not path.relative_to(PACKAGE).as_posix().startswith(OTHER_CODES)
    }
    constants = {name: text for tree in trees.values() for name, text in constants_of(tree)}
    return {
        pattern for path in paths for value in expressions(path, shared) for pattern in codes_of(value, constants) if pattern
    }


def test_every_code_that_the_program_uses_is_in_the_catalogue_and_no_other() -> None:
    used = used_codes() | {kind.replace("_", "-") for kind in validation._OWN_KINDS}

    assert {entry.code for entry in catalogue.entries()} == used


def test_an_entry_is_complete() -> None:
    assert [entry.group for entry in catalogue.entries()] == sorted(
        (entry.group for entry in catalogue.entries()), key=list(catalogue.HEADINGS).index
    )
    for entry in catalogue.entries():
        assert entry.meaning.endswith("."), entry.code
        assert entry.example, entry.code
        assert entry.remedy.endswith((".", "`.")), entry.code


def test_a_code_that_does_not_exist_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(FindingsReportError) as raised:
        catalogue.explain("quote-move")

    (problem,) = raised.value.problems
    assert (problem.kind, problem.remedy) == (2, "did you mean 'quote-moved'?")
