"""The catalogue of problem codes and the code agree, in both directions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

import findings_report
from findings_report.authoring import validation
from findings_report.problems import FindingsReportError, Kind, Place, Problem, catalogue
from findings_report.problems.catalogue import summarize

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


def test_a_summary_counts_and_ends_with_a_remedy_of_one_sentence() -> None:
    with_summary = [entry for entry in catalogue.entries() if entry.summary is not None]

    assert with_summary
    for entry in with_summary:
        assert entry.summary is not None
        assert entry.summary.format(count="1,024").startswith("1,024 "), entry.code
        assert ". " not in entry.remedy, entry.code


def warning(fault: str, code: str, line: int | None, **changed: Any) -> Problem:
    place = Place(changed.pop("file", "A.finding.yaml"), line) if line is not None else None
    return Problem(Kind.INPUT, fault, place=place, level=changed.pop("level", "warning"), code=code, **changed)


def test_equal_problems_are_one_with_their_places() -> None:
    found = [warning("is still to be written", "to-do", line, field="summary") for line in (3, 5, 5, 9, 12, 15, 18)]
    found.append(warning("is still to be written", "to-do", 2, file="B.finding.yaml"))

    (message,) = summarize(found)

    assert message.fault == "is still to be written; also at lines 5, 9, 12 and 3 more places"
    assert (message.place, message.field) == (Place("A.finding.yaml", 3), "summary")


def test_three_equal_problems_are_each_printed_in_their_order() -> None:
    found = [warning("is empty", "empty", 1), warning("other", "yaml", 2), warning("is empty", "empty", 3)]

    assert summarize([*found, warning("is empty", "empty", 4)]) == (*found, warning("is empty", "empty", 4))
    assert len(summarize([*found, *(warning("is empty", "empty", line) for line in (4, 5))])) == 2


def test_problems_that_differ_in_fault_remedy_or_level_stay_apart_unless_the_catalogue_has_a_summary() -> None:
    apart = [
        warning("the quote differs", "quote-edited", 1, remedy="quote it"),
        warning("the quote differs", "quote-edited", 2, remedy="leave it out"),
        warning("another quote differs", "quote-edited", 3, remedy="quote it"),
        warning("the quote differs", "quote-edited", 4, remedy="quote it", level="error"),
    ]
    one = [warning(f"{count} lines are not printed", "snippet-cut", count, remedy="use `show`") for count in (1, 2)]

    assert summarize(apart) == tuple(apart)
    (message,) = summarize(one)
    assert message.fault == "2 locations have more lines than are printed; also at line 2"
    assert message.remedy == "use `show`"


def test_prose_is_one_message_for_each_file_and_for_many_files_one_for_all() -> None:
    def found(files: int) -> list[Problem]:
        places = [(f"{name}.yaml", line) for name in "ABCDEFGH"[:files] for line in (1, 2)]
        return [warning("`<br>` is printed as text", "html-as-text", line, file=file) for file, line in places]

    few, many = summarize(found(5)), summarize(found(6))

    assert [message.place.file for message in few if message.place] == ["A.yaml", "B.yaml", "C.yaml", "D.yaml", "E.yaml"]
    assert {message.fault for message in few} == {"`<br>` is printed as text; also at line 2"}
    assert [message.fault for message in many] == ["`<br>` is printed as text; also at line 2, B.yaml:1, 2 and 8 more places"]


def test_of_one_code_twenty_messages_are_listed_and_the_others_counted() -> None:
    found = [warning(f"the code is at line {line}", "quote-moved", line) for line in range(1, 101)]
    error = Problem(Kind.INPUT, "is wrong", code="yaml")

    messages = summarize([*found, error])

    assert messages[: catalogue.MOST_LISTED] == tuple(found[:20])
    assert messages[20] is error
    assert messages[21].fault == "80 more problems with this code, at A.finding.yaml:21, 22, 23 and 77 more places"
    assert (messages[21].level, messages[21].code, messages[21].place) == ("warning", "quote-moved", None)


def test_equal_problems_that_are_printed_each_count_as_several_messages() -> None:
    found = [warning(f"fault {line // 3}", "quote-moved", line) for line in range(90)]

    messages = summarize(found)

    assert len(messages) <= catalogue.MOST_LISTED + 1
    assert messages[-1].fault.startswith(f"{90 - len(messages) + 1} more problems with this code")


def test_a_single_problem_of_each_code_needs_no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "entries", lambda: pytest.fail("it was read"))
    found = [warning("one", "to-do", 1), warning("two", "yaml", 2)]

    assert summarize(found) == tuple(found)


def test_a_code_that_does_not_exist_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(FindingsReportError) as raised:
        catalogue.explain("quote-move")

    (problem,) = raised.value.problems
    assert (problem.kind, problem.remedy) == (2, "did you mean 'quote-moved'?")
