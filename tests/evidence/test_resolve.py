"""Location -> Snippet: git's lines, and what is said of the author's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from growth import growth
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import Commit, Link, Submodule, build, git, write_object

from findings_report.evidence.resolve import Budget, Resolution, resolve
from findings_report.evidence.shown_lines import MOST_LINES
from findings_report.evidence.source_files import LARGEST, GitReader
from findings_report.git import Repository, open_repository
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import Region, Snippet, Verdict
from findings_report.model.finding import Finding
from findings_report.problems import Kind, Problem

CODE = '''"""Loading
and saving."""
import json


def load(path):
    with open(path) as stream:
        text = stream.read()
    if not text:
        raise ValueError("empty")
    return json.loads(text)


class Store:
    def save(self, path, value):
        with open(path, "w") as stream:
            stream.write(json.dumps(value))
'''
LINES = CODE.split("\n")[:-1]
MOVED = "# a licence\n# of two lines\n" + CODE
FILES: dict[str, bytes | str | Link | Submodule | None] = {
    "src/code.py": CODE,
    "src/copy.py": "# a copy\n" + CODE,
    "src/above.py": "class Store:\n    # Writes it.\n    @logged\n    def save(self):\n        return 1\n",
    "src/hidden.py": "a = 1\nlimit = 1\ue07500\nif x:  # \u202e\n    pass\f\nname = '👩\u200d💻 می\u200cخواهم'\n",
    "docs/binary.bin": b"a\0b",
    "docs/wide.ps1": "$a = 1\r\nInvoke-Expression $input\r\n# \u0a0a\n".encode("utf-16"),
    "docs/torn.ps1": "$a = 1\n".encode("utf-16") + b"x",
    "docs/strings.rc": "caption \u0416\n".encode("cp1251"),
    ".gitattributes": "*.rc encoding=windows-1251\n",
    "docs/film.mp4": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n",
    "docs/latin.txt": b"caf\xe9\n",
    "docs/empty.txt": "",
    "docs/long.txt": "".join(f"line {number}\n" for number in range(1, 501)),
    "docs/huge.txt": "x" * (LARGEST + 1),
    "docs/link": Link("code.py"),
    "vendor": Submodule("1" * 40),
}


@pytest.fixture(scope="module")
def commits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    path = tmp_path_factory.mktemp("audited")
    return path, build(path, [Commit(FILES, tag="1.0"), Commit({"src/code.py": MOVED}, tag="2.0")])


@pytest.fixture(scope="module")
def source(commits: tuple[Path, list[str]]) -> Iterator[Repository]:
    with open_repository(commits[0], name="app") as repository:
        yield repository


def resolved(
    source: GitReader | None,
    *locations: Mapping[str, Any],
    budget: Budget = Budget(),  # noqa: B008  # a frozen value
    **repository: Any,
) -> Resolution:
    if not repository and source is not None:
        repository = {"commit": source.commit_of("1.0"), "url": "https://github.com/o/app"}
    engagement = Engagement.model_validate({"title": "t", "repositories": {"app": repository}})
    finding = {
        "title": "t",
        "severity": "low",
        "description": "d",
        "locations": [{"path": "src/code.py", **at} for at in locations],
    }
    return resolve(engagement, {"A-1": Finding.model_validate(finding)}, {"app": source}, budget)


def only(result: Resolution) -> Snippet:
    assert [problem.fault for problem in result.problems if problem.level == "error"] == []
    (snippet,) = result.snippets["A-1"]
    return snippet


def problem_of(result: Resolution, code: str) -> Problem:
    (problem,) = [problem for problem in result.problems if problem.code == code]
    return problem


def numbers(snippet: Snippet) -> list[list[int | None]]:
    return [[line.number for line in run.lines] for run in snippet.runs]


def test_a_location_without_a_quote_prints_gits_lines(source: Repository) -> None:
    result = resolved(
        source, {"lines": "6-7,9", "name": "load", "role": "source", "caption": "*c*", "highlight": 7, "notes": {9: "n"}}
    )

    snippet = only(result)
    assert result.problems == ()
    assert numbers(snippet) == [[6, 7], [9]]
    assert [line.text for run in snippet.runs for line in run.lines] == [LINES[5], LINES[6], LINES[8]]
    assert [(line.highlighted, line.note) for run in snippet.runs for line in run.lines] == [
        (False, None),
        (True, None),
        (False, "n"),
    ]
    assert (snippet.name, snippet.role, snippet.caption) == ("load", "source", "*c*")
    assert (snippet.check.verdict, snippet.symbol, snippet.language) == (Verdict.NONE, "load", "python")
    assert (snippet.commit, snippet.repository) == (source.commit_of("1.0"), "app")
    assert snippet.permalink == f"https://github.com/o/app/blob/{snippet.commit}/src/code.py#L6-L7"
    assert snippet.blob is not None
    assert not snippet.is_authors


def test_without_lines_the_file_is_cited_and_no_line_of_it_printed(source: Repository) -> None:
    snippet = only(resolved(source, {}))

    assert (snippet.regions, snippet.runs, snippet.file_lines) == ((), (), len(LINES))
    assert snippet.blob is not None
    assert snippet.permalink is not None
    assert snippet.permalink.endswith("src/code.py")


def test_without_lines_marked_and_chosen_lines_are_printed(source: Repository) -> None:
    assert numbers(only(resolved(source, {"notes": {6: "here"}, "highlight": 8}))) == [[6], [8]]
    assert numbers(only(resolved(source, {"show": "2-3"}))) == [[2, 3]]
    assert numbers(only(resolved(source, {"quote": LINES[6]}))) == [[7]]
    assert only(resolved(source, {"quote": LINES[6]})).file_lines is None


def test_a_run_knows_what_it_starts_inside_of(source: Repository) -> None:
    assert [run.inside for run in only(resolved(source, {"lines": "2-3"})).runs] == ['"""']


def test_the_quoted_and_marked_lines_are_shown(source: Repository) -> None:
    quote = f"{LINES[6]}\n...\n{LINES[9]}"

    snippet = only(resolved(source, {"lines": "6-11", "quote": quote, "notes": {6: "here"}}))

    assert (snippet.check.verdict, numbers(snippet)) == (Verdict.ELIDED, [[6, 7], [10]])
    assert snippet.regions == (Region(start_line=6, end_line=11),)


def test_show_says_what_is_shown(source: Repository) -> None:
    assert numbers(only(resolved(source, {"lines": "6-11", "quote": LINES[6], "show": "8-9"}))) == [[8, 9]]


@pytest.mark.parametrize("lines", ["6-11", "1-3"])
def test_a_quote_that_moved_takes_marks_and_shown_lines_along(source: Repository, lines: str) -> None:
    quote = "\n".join(f"{number}: {LINES[number - 1]}" for number in (6, 7, 8))

    result = resolved(
        source,
        {"lines": "6-11", "quote": quote, "show": "6-9", "highlight": 7, "notes": {8: "n"}},
        commit=source.commit_of("2.0"),
    )

    snippet = only(result)
    problem = problem_of(result, "quote-moved")
    assert (snippet.check.verdict, snippet.check.text, numbers(snippet)) == (Verdict.MOVED, Verdict.EXACT, [[8, 9, 10, 11]])
    assert [line.text for line in snippet.runs[0].lines] == LINES[5:9]
    assert [line.number for line in snippet.runs[0].lines if line.highlighted or line.note] == [9, 10]
    assert snippet.regions == (Region(start_line=8, end_line=11),)  # what is printed, not the quoted lines alone
    assert (problem.level, problem.subject) == ("warning", ("A-1", "locations", 0, "lines"))
    assert "is at lines 8-10 of src/code.py" in problem.fault
    assert problem.remedy == "write `lines: 8-13`, and correct the numbers in the quote"


def test_no_note_is_lost_when_it_cannot_be_moved_along(source: Repository) -> None:
    quote = f"{LINES[6]}\n...\n{LINES[10]}"

    result = resolved(source, {"lines": "1-4", "quote": quote, "notes": {2: "n"}, "highlight": 3})

    assert only(result).loose_notes == ((2, "n"),)
    assert numbers(only(result)) == [[7], [11]]
    assert problem_of(result, "marks-loose").level == "warning"


def test_an_edited_quote_prints_gits_lines_and_shows_the_difference(source: Repository) -> None:
    result = resolved(source, {"lines": "7-10", "quote": "\n".join(LINES[6:10]).replace("if not", "if")})

    assert only(result).check.verdict is Verdict.EDITED
    assert [line.text for line in only(result).runs[0].lines] == LINES[6:10]
    assert "line 9 is 'if not text:', quoted as 'if text:'" in problem_of(result, "quote-edited").fault


def test_a_line_that_was_changed_much_is_one_line_of_the_quote(source: Repository) -> None:
    quote = "\n".join(LINES[6:13]).replace("if not text:", "if hmac.compare_digest(a, b) and c:")

    result = resolved(source, {"lines": "7-13", "quote": quote})

    assert len(only(result).check.differences) == 2
    assert problem_of(result, "quote-edited").fault.startswith("a line of the quote differs from src/code.py")


@pytest.mark.parametrize(
    ("location", "code", "remedy"),
    [
        ({"path": "Zoo.kt", "lines": "1"}, "path-missing", "correct `path`, or set `commit` to one that has the file"),
        (
            {"lines": "1", "commit": "d" * 40},
            "commit-missing",
            "correct `commit`, fetch it into the clone, or, if the repository has a `url`, run `findings-report fetch`",
        ),
    ],
)
def test_what_does_not_exist_has_a_remedy(source: Repository, location: dict[str, Any], code: str, remedy: str) -> None:
    assert problem_of(resolved(source, location), code).remedy == remedy


def test_a_quote_that_is_not_there_is_told_loudly_with_where_it_is(source: Repository) -> None:
    result = resolved(source, {"path": "docs/long.txt", "lines": "5-6", "quote": "\n".join(LINES[6:10])})

    snippet = only(result)
    assert snippet.check.verdict is Verdict.NOT_FOUND
    assert [(place.path, str(place.region)) for place in snippet.check.elsewhere] == [
        ("src/code.py", "7-10"),
        ("src/copy.py", "8-11"),
    ]
    assert numbers(snippet) == [[5, 6]]
    assert problem_of(result, "quote-not-found").fault.startswith("not found as quoted in docs/long.txt")
    assert "src/code.py lines 7-10" in problem_of(result, "quote-not-found").fault


def test_quotes_that_are_not_looked_for_elsewhere_are_counted(source: Repository) -> None:
    location = {"path": "docs/long.txt", "lines": "5-6", "quote": "\n".join(LINES[6:10])}

    result = resolved(source, location, budget=Budget(searches=0))

    assert only(result).check.elsewhere == ()
    assert problem_of(result, "not-searched").fault == "1 more quote not found in the file, and not searched for in other files"
    assert problem_of(result, "not-searched").level == "note"


def test_a_report_with_too_much_code_is_an_error_from_the_location_that_passes_the_limit(source: Repository) -> None:
    result = resolved(source, {"lines": "1"}, {"lines": "1-16"}, {"lines": "1"}, budget=Budget(characters=200))

    assert [problem.code for problem in result.problems] == ["snippets-too-large", "snippets-too-large"]
    assert [problem.subject for problem in result.problems] == [("A-1", "locations", at, "path") for at in (1, 2)]
    assert [snippet.index for snippet in result.snippets["A-1"]] == [0]


def test_lines_that_the_file_does_not_have_are_never_cited(source: Repository) -> None:
    snippet = only(resolved(source, {"quote": "900: nothing like this\n901: and nothing like that"}))

    assert (snippet.check.verdict, snippet.regions) == (Verdict.NOT_FOUND, ())
    assert snippet.permalink is not None
    assert snippet.permalink.endswith("src/code.py")
    assert snippet.runs == ()


def test_the_mend_of_a_quote_with_wrong_numbers_names_them(source: Repository) -> None:
    quoted = f"1: {LINES[8]}\n2: {LINES[9]}"

    numbered = resolved(source, {"lines": "1-2", "quote": quoted})
    bare = resolved(source, {"lines": "1-2", "quote": "\n".join(LINES[8:10])})

    assert problem_of(numbered, "quote-moved").remedy == "write `lines: 9-10`, and correct the numbers in the quote"
    assert problem_of(bare, "quote-moved").remedy == "write `lines: 9-10`"


def test_gaps_without_a_mark_are_warned_of(source: Repository) -> None:
    result = resolved(source, {"lines": "6-11", "quote": f"{LINES[5]}\n{LINES[7]}\n{LINES[10]}"})

    assert "in 2 places" in problem_of(result, "quote-gaps").fault


@pytest.mark.parametrize("cited", ["6-8", "6-11", None])
def test_a_wrong_number_among_right_ones_is_warned_of(source: Repository, cited: str | None) -> None:
    lines = {"lines": cited} if cited else {}
    result = resolved(source, {**lines, "quote": f"6: {LINES[5]}\n...\n11: {LINES[7]}"})

    problem = problem_of(result, "quote-numbers")
    assert (problem.level, problem.fault.startswith("the quote numbers line 8 of "), problem.fault[-6:]) == (
        "warning",
        True,
        " as 11",
    )
    right = resolved(source, {**lines, "quote": f"6: {LINES[5]}\n...\n8: {LINES[7]}"})
    assert "quote-numbers" not in {problem.code for problem in right.problems}
    moved = resolved(source, {**lines, "quote": f"11: {LINES[7]}"})
    assert {"quote-moved"} == {problem.code for problem in moved.problems}, "one warning for one fault"


def test_several_wrong_numbers_are_one_warning(source: Repository) -> None:
    result = resolved(source, {"lines": "6-8", "quote": f"6: {LINES[5]}\n9: {LINES[6]}\n11: {LINES[7]}"})

    fault = problem_of(result, "quote-numbers").fault
    assert "line 7 " in fault
    assert "as 9, and 1 more of its numbers is wrong" in fault


def test_a_quote_outside_lines_by_its_own_numbers_is_printed_where_it_is(source: Repository) -> None:
    result = resolved(source, {"lines": "6-8", "quote": f"10:{LINES[9]}\n11:{LINES[10]}"})

    assert (only(result).check.verdict, numbers(only(result))) == (Verdict.EXACT, [[10, 11]])
    assert only(result).regions == (Region(start_line=10, end_line=11),)
    assert problem_of(result, "quote-outside").remedy == "write `lines: [6-8, 10-11]` to cite them too"


@pytest.mark.parametrize(
    ("symbol", "fault"), [("save", "'save' does not enclose lines 6-8; it is lines 15-17"), ("nothing", "'nothing'")]
)
def test_a_symbol_that_does_not_enclose_the_lines_is_warned_of(source: Repository, symbol: str, fault: str) -> None:
    problem = problem_of(resolved(source, {"lines": "6-8", "symbol": symbol}), "symbol")

    assert fault in problem.fault
    assert (problem.remedy, problem.level) == ("write `symbol: load`", "warning")


@pytest.mark.parametrize(("lines", "symbol"), [("16", "Store.save"), ("16", "save"), ("15-17", "Store"), ("14", "Store")])
def test_a_symbol_that_encloses_the_lines_is_fine(source: Repository, lines: str, symbol: str) -> None:
    assert resolved(source, {"lines": lines, "symbol": symbol}).problems == ()


def test_the_comment_and_the_decorator_above_a_function_belong_to_it(source: Repository) -> None:
    result = resolved(source, {"path": "src/above.py", "lines": "2-5", "symbol": "save"})

    assert (result.problems, only(result).symbol) == ((), "Store.save")


def test_hidden_characters_in_cited_code_are_warned_of_once_with_their_line(source: Repository) -> None:
    problem = problem_of(resolved(source, {"path": "src/hidden.py", "lines": "1-4"}), "hidden-in-code")

    assert problem.fault == "the code contains hidden, private or superfluous characters: U+E075, U+202E, first in line 2"
    assert problem.level == "warning"
    ordered = resolved(source, {"path": "src/hidden.py", "lines": "4-5"}).problems
    assert [(problem.code, problem.level) for problem in ordered] == [("order-in-code", "note")]


def test_at_most_so_many_lines_are_printed_and_marked_ones_first(source: Repository) -> None:
    result = resolved(source, {"path": "docs/long.txt", "lines": "1-500", "notes": {400: "n"}})

    shown = [number for run in numbers(only(result)) for number in run]
    assert (len(shown), shown[-1], only(result).loose_notes) == (MOST_LINES, 400, ())
    assert problem_of(result, "snippet-cut").fault.startswith("300 of 500 lines")


@pytest.mark.parametrize(
    ("location", "code", "fault"),
    [
        ({"path": "src/cod.py"}, "path-missing", "there is no src/cod.py at commit"),
        ({"path": "src"}, "path-not-a-file", "src is a folder"),
        ({"path": "src/code.py/x"}, "path-missing", "there is no src/code.py/x"),
        ({"path": "docs/link"}, "path-not-a-file", "docs/link is a symbolic link"),
        ({"path": "vendor"}, "path-in-submodule", "vendor is a submodule"),
        ({"path": "docs/binary.bin"}, "file-not-text", "docs/binary.bin is a binary file"),
        ({"path": "docs/torn.ps1"}, "file-not-text", "docs/torn.ps1 is text in UTF-16 or UTF-32 that cannot be decoded"),
        ({"path": "docs/film.mp4"}, "file-not-text", "docs/film.mp4 is a Git LFS pointer"),
        ({"path": "docs/huge.txt"}, "file-too-large", "docs/huge.txt has 8,388,609 bytes"),
        ({"lines": "16-99"}, "lines-past-end", "src/code.py has 17 lines; line 99 is past its end"),
        ({"lines": "900000000-999999999"}, "lines-past-end", "line 999999999 is past its end"),
        ({"highlight": "18"}, "lines-past-end", "line 18 is past its end"),
        ({"path": "docs/empty.txt", "lines": "1"}, "lines-past-end", "docs/empty.txt is empty"),
        ({"commit": "2" * 40}, "commit-missing", f"commit {'2' * 40} is not in the clone of repository 'app'"),
    ],
)
def test_a_location_that_git_cannot_show_is_a_warning_and_the_others_are_read(
    source: Repository, location: dict[str, Any], code: str, fault: str
) -> None:
    result = resolved(source, location, {"lines": "1"})

    problem = problem_of(result, code)
    assert fault in problem.fault
    assert (problem.kind, problem.level) == (Kind.SOURCE, "warning")
    assert (problem.subject or ())[:3] == ("A-1", "locations", 0)
    assert [snippet.index for snippet in result.snippets["A-1"]] == [0, 1]
    assert result.snippets["A-1"][1].runs[0].lines[0].text == LINES[0]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ({"commit": "2" * 40}, "the commit is not in the clone"),
        ({"path": "docs/binary.bin"}, "this path is a binary file"),
        ({"path": "docs/link"}, "this path is a symbolic link"),
        ({"path": "docs/huge.txt"}, "the file is too large"),
    ],
)
def test_what_cannot_be_read_is_unchecked_and_shows_the_authors_quote(
    source: Repository, location: dict[str, Any], reason: str
) -> None:
    snippet = resolved(source, {"lines": "2", "quote": "not git's", **location}).snippets["A-1"][0]

    assert (snippet.check.verdict, snippet.check.reason) == (Verdict.UNCHECKED, reason)
    assert [line.text for run in snippet.runs for line in run.lines] == ["not git's"]
    assert (snippet.regions, snippet.blob, snippet.is_authors) == ((Region(start_line=2, end_line=2),), None, True)


@pytest.mark.parametrize(
    ("location", "reason", "shown"),
    [
        ({"path": "src/cod.py", "lines": "2"}, "no such file at this commit", []),
        ({"lines": "90-99"}, "the file has 17 lines", []),
        ({"lines": "16-99"}, "the file has 17 lines", [[16, 17]]),
        ({"path": "docs/empty.txt", "lines": "1"}, "the file is empty", []),
    ],
)
@pytest.mark.parametrize("quote", [None, "nothing like this is there\nnor like that"])
def test_what_does_not_exist_is_not_found_and_never_shows_the_authors_quote(
    source: Repository, location: dict[str, Any], reason: str, shown: list[list[int]], quote: str | None
) -> None:
    snippet = resolved(source, {"quote": quote, "notes": {"99": "n"}, **location}).snippets["A-1"][0]

    assert (snippet.check.verdict, snippet.check.reason) == (Verdict.NOT_FOUND, reason)
    assert numbers(snippet) == shown
    assert snippet.loose_notes == ((99, "n"),)
    assert not snippet.is_authors


def test_a_mark_past_the_end_costs_the_mark_and_not_the_lines(source: Repository) -> None:
    result = resolved(source, {"lines": "1-2", "highlight": "2, 99", "notes": {99: "n"}})

    snippet = only(result)
    assert (snippet.check.verdict, numbers(snippet), snippet.loose_notes) == (Verdict.NONE, [[1, 2]], ((99, "n"),))
    assert [line.highlighted for line in snippet.runs[0].lines] == [False, True]
    assert problem_of(result, "lines-past-end").subject == ("A-1", "locations", 0, "highlight")


def test_a_quote_at_the_end_of_a_range_past_the_end_names_the_lines(source: Repository) -> None:
    result = resolved(source, {"lines": "16-99", "quote": "\n".join(LINES[15:17])})

    assert (only(result).check.verdict, only(result).regions) == (Verdict.EXACT, (Region(start_line=16, end_line=17),))
    assert problem_of(result, "lines-past-end").remedy == "write `lines: 16-17`: the quoted code is there"


def test_a_quote_of_a_file_that_does_not_exist_is_looked_for_in_the_others(source: Repository) -> None:
    result = resolved(source, {"path": "src/gone.py", "lines": "7-10", "quote": "\n".join(LINES[6:10])})

    remedy = "write the path of the file with the quote: src/code.py lines 7-10 and src/copy.py lines 8-11"
    assert problem_of(result, "path-missing").remedy == remedy
    assert [place.path for place in only(result).check.elsewhere] == ["src/code.py", "src/copy.py"]


@pytest.mark.parametrize(
    "written",
    [
        "./src/code.py",
        "/src/code.py",
        "src//code.py",
        "src/code.py/",
        "src\\code.py",
        "C:\\work\\app\\src\\code.py",
        "file:///C:/work/app/src/code.py",
        "file:///home/me/w%20k/src/code.py",
        "app/src/code.py",
        "work/App/src/code.py",
        "a/src/code.py",
        "b/src/code.py",
        "src/%63ode.py",
        "`src/code.py`",
        "SRC/Code.py",
        "v1.0:src/code.py",
        "https://github.com/o/app/blob/main/src/code.py",
        "https://github.com/o/app/blob/feature/x/src/code.py?plain=1",
        "https://gitlab.com/g/app/-/blob/0123456/src/code.py",
        "https://codeberg.org/o/app/src/commit/0123456/src/code.py",
    ],
)
def test_a_path_in_another_notation_is_read_and_the_right_one_is_proposed(source: Repository, written: str) -> None:
    result = resolved(source, {"path": written, "lines": "6", "quote": LINES[5]})

    snippet = only(result)
    problem = problem_of(result, "path-notation")
    assert (snippet.path, snippet.check.verdict, len(result.problems)) == ("src/code.py", Verdict.EXACT, 1)
    assert snippet.permalink == f"https://github.com/o/app/blob/{snippet.commit}/src/code.py#L6"
    assert (problem.level, problem.subject) == ("warning", ("A-1", "locations", 0, "path"))
    assert problem.remedy == "write `src/code.py`"


@pytest.mark.parametrize(
    ("suffix", "lines"),
    [
        (":7", "7"),
        (":7:5", "7"),
        (":7-9", "7-9"),
        ("#L7", "7"),
        ("#L7-L9", "7-9"),
        ("#L7-9", "7-9"),
        ("#L7C1-L9C4", "7-9"),
        ("#lines-7:9", "7-9"),
        ("(7,5)", "7"),
        (" (line 7)", "7"),
        (" lines 7-9", "7-9"),
        ("?plain=1#L7", "7"),
    ],
)
def test_lines_behind_a_path_are_cited(source: Repository, suffix: str, lines: str) -> None:
    result = resolved(source, {"path": f"src/code.py{suffix}"})

    assert [str(region) for region in only(result).regions] == [lines]
    assert problem_of(result, "path-notation").remedy == f"write `src/code.py`, and `lines: {lines}`"


def test_lines_behind_a_path_that_contradict_lines_are_told(source: Repository) -> None:
    result = resolved(source, {"path": "src/code.py:7", "lines": "9"})

    assert [str(region) for region in only(result).regions] == ["9"]
    assert problem_of(result, "path-notation").fault.endswith("it names line 7, and `lines` names others")


def test_names_that_differ_in_unicode_form_say_which_to_write(tmp_path: Path) -> None:
    build(tmp_path / "app", [Commit({"re\u0301sume\u0301.py": "a\n", "caf\udce9.py": "b\n"}, tag="1.0")])

    with open_repository(tmp_path / "app", name="app") as source:
        result = resolved(source, {"path": "r\u00e9sum\u00e9.py"}, {"path": "caf\u00e9.py"})

    assert [snippet.path for snippet in result.snippets["A-1"]] == ["re\u0301sume\u0301.py", "caf\\xe9.py"]
    assert "the same name in the decomposed (NFD) form of Unicode" in result.problems[0].fault
    assert result.problems[0].remedy == 'write `"re\\u0301sume\\u0301.py"`'


def test_a_hostile_path_costs_no_time(source: Repository) -> None:
    def resolve_paths(size: int) -> Resolution:
        paths = ("a/" * size + "b", "/".join("ab" * size) + "/", "a" * 50 * size)
        return resolved(source, *({"path": path} for path in paths))

    assert [problem.code for problem in resolve_paths(2_000).problems] == ["path-missing"] * 3
    assert growth(resolve_paths, 500) < 8


def test_two_files_that_differ_in_case_only_are_both_proposed(tmp_path: Path) -> None:
    build(tmp_path / "app", [Commit({"src/A.py": "a\n", "src/a.py": "b\n"}, tag="1.0")])

    with open_repository(tmp_path / "app", name="app") as source:
        result = resolved(source, {"path": "SRC/A.PY"})

    assert result.snippets["A-1"][0].check.verdict is Verdict.NOT_FOUND
    assert problem_of(result, "path-missing").remedy == "did you mean src/A.py or src/a.py?"


@pytest.mark.parametrize(
    "written", ["C:\\other\\code.py", "lib/src/code.py", "https://github.com/o/another/blob/main/src/code.py", "other/code.py"]
)
def test_a_path_that_may_be_another_files_is_not_taken_for_the_likely_one(source: Repository, written: str) -> None:
    result = resolved(source, {"path": written, "lines": "6"})

    assert result.snippets["A-1"][0].check.verdict is Verdict.NOT_FOUND
    assert "src/code.py" in (problem_of(result, "path-missing").remedy or "")


def test_a_damaged_folder_leaves_the_other_locations_readable(tmp_path: Path) -> None:
    commits = build(tmp_path / "app", [Commit({"docs/a.py": "a\n", "src/b.py": "b\n"})])
    tree = git(tmp_path / "app", "rev-parse", "HEAD:docs").strip()
    write_object(tmp_path / "app/.git", "tree", b"100644 a.py", id=tree)

    with open_repository(tmp_path / "app", name="app") as source:
        cited = [{"path": "docs/a.py"}, {"path": "docs/c.py"}, {"path": "./docs/a.py"}, {"path": "src/b.py"}]
        result = resolved(source, *cited, commit=commits[0])

    verdicts = [snippet.check.verdict for snippet in result.snippets["A-1"]]
    assert verdicts == [Verdict.UNCHECKED, Verdict.UNCHECKED, Verdict.UNCHECKED, Verdict.NONE]
    assert {(problem.code, problem.level) for problem in result.problems} == {("object-corrupt", "warning")}


MODULES = """[submodule "lib"]
\tpath = deps/lib
\turl = ../lib.git
[submodule "evil"]
\tpath = deps/evil
\turl = "ext::sh -c x"
"""


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        (
            "deps/lib/src/x.c",
            f'add `lib: {{url: https://github.com/o/lib.git, commit: "{"3" * 40}"}}` under `repositories`, '
            "and write `repository: lib` and the path `src/x.c`",
        ),
        ("deps/evil/x.c", f'add `evil: {{url: ..., commit: "{"4" * 40}"}}` under `repositories`, and write '),
        ("./deps/lib", f'add `lib: {{url: https://github.com/o/lib.git, commit: "{"3" * 40}"}}` under'),
    ],
)
def test_a_path_in_a_submodule_names_the_repository_to_add(tmp_path: Path, path: str, remedy: str) -> None:
    files: dict[str, bytes | str | Link | Submodule | None] = {
        ".gitmodules": MODULES,
        "deps/lib": Submodule("3" * 40),
        "deps/evil": Submodule("4" * 40),
    }
    commits = build(tmp_path / "app", [Commit(files)])

    with open_repository(tmp_path / "app", name="app") as source:
        result = resolved(source, {"path": path}, commit=commits[0], url="https://me:secret@github.com/o/app.git")

    problem = problem_of(result, "path-in-submodule")
    assert (problem.remedy or "").startswith(remedy)
    assert "is in the submodule" in problem.fault or "is a submodule" in problem.fault
    assert result.snippets["A-1"][0].check.verdict is Verdict.UNCHECKED


def test_a_submodule_that_the_engagement_declares_is_named(tmp_path: Path) -> None:
    commits = build(tmp_path / "app", [Commit({".gitmodules": MODULES, "deps/lib": Submodule("3" * 40)})])
    engagement = Engagement.model_validate(
        {
            "title": "t",
            "repositories": {
                "app": {"commit": commits[0], "url": "git@github.com:o/app.git"},
                "core": {"url": "https://GitHub.com/o/lib"},
            },
        }
    )
    finding = {"title": "t", "severity": "low", "description": "d"}
    cited = Finding.model_validate(finding | {"locations": [{"repository": "app", "path": "deps/lib/x.c"}]})

    with open_repository(tmp_path / "app", name="app") as source:
        result = resolve(engagement, {"A-1": cited}, {"app": source, "core": None})

    assert problem_of(result, "path-in-submodule").remedy == "write `repository: core` and the path `x.c`"


@pytest.mark.parametrize(("path", "meant"), [("src/cod.py", "src/code.py"), ("lib/Copy.py", "src/copy.py")])
def test_a_path_that_is_not_there_is_compared_with_those_that_are(source: Repository, path: str, meant: str) -> None:
    assert meant in (problem_of(resolved(source, {"path": path}), "path-missing").remedy or "")


def test_a_range_past_the_end_names_the_place_of_the_quote_once(source: Repository) -> None:
    result = resolved(source, {"lines": "40-41", "quote": "\n".join(LINES[6:8])})

    assert (only(result).check.verdict, numbers(only(result))) == (Verdict.MOVED, [[7, 8]])
    assert [(problem.code, problem.remedy) for problem in result.problems] == [("quote-moved", "write `lines: 7-8`")]


def test_a_repository_that_the_engagement_does_not_have_is_invalid_input(source: Repository) -> None:
    problem = problem_of(resolved(source, {"repository": "other"}), "no-repository")

    assert (problem.kind, problem.subject) == (Kind.INPUT, ("A-1", "locations", 0, "repository"))


def test_with_several_repositories_a_location_says_which(source: Repository) -> None:
    engagement = Engagement.model_validate({"title": "t", "repositories": {"a": {"commit": "1" * 40}, "b": {}}})
    finding = Finding.model_validate({"title": "t", "severity": "low", "description": "d", "locations": [{"path": "x"}]})

    result = resolve(engagement, {"A-1": finding}, {"a": None, "b": None})

    assert problem_of(result, "no-repository").remedy == "name one of a, b"


def test_other_encodings_are_decoded_and_named(source: Repository) -> None:
    snippet = only(resolved(source, {"path": "docs/latin.txt", "lines": 1}))

    assert (snippet.runs[0].lines[0].text, snippet.encoding) == ("café", "latin-1 (assumed)")


def test_a_line_of_a_utf_16_file_is_evidence_like_any_other(source: Repository) -> None:
    result = resolved(source, {"path": "docs/wide.ps1", "lines": "2-3", "quote": "Invoke-Expression $input\n# \u0a0a"})

    snippet = only(result)
    assert (snippet.check.verdict, numbers(snippet), snippet.encoding) == (Verdict.EXACT, [[2, 3]], "utf-16-le")
    assert result.problems == ()


def test_an_encoding_that_the_tree_declares_is_used(source: Repository) -> None:
    snippet = only(resolved(source, {"path": "docs/strings.rc", "quote": "caption \u0416"}))

    assert (snippet.check.verdict, snippet.encoding) == (Verdict.EXACT, "cp1251")


def test_an_empty_file_prints_nothing(source: Repository) -> None:
    assert only(resolved(source, {"path": "docs/empty.txt"})).runs == ()


def test_a_location_may_be_of_another_commit(source: Repository) -> None:
    snippet = only(resolved(source, {"lines": "1", "commit": source.commit_of("2.0")}))

    assert snippet.runs[0].lines[0].text == "# a licence"


def test_an_unpinned_repository_is_read_as_its_revision_stands(source: Repository) -> None:
    result = resolved(source, {"lines": "1"}, revision="2.0")

    assert only(result).commit == source.commit_of("2.0")
    assert (problem_of(result, "not-pinned").level, result.repositories[0].is_read) == ("warning", True)


def test_a_revision_that_moved_on_is_warned_of_once(source: Repository) -> None:
    result = resolved(source, {"lines": "1"}, {"lines": "2"}, revision="2.0", commit=source.commit_of("1.0"))

    assert [snippet.commit for snippet in result.snippets["A-1"]] == [source.commit_of("1.0")] * 2
    assert problem_of(result, "revision-moved").subject == ("engagement", "repositories", "app", "revision")


@pytest.mark.parametrize(
    ("repository", "code"), [({"commit": "1" * 40}, "commit-missing"), ({"revision": "9.9"}, "revision-missing")]
)
def test_a_repository_without_its_commit_is_told_once(source: Repository, repository: dict[str, Any], code: str) -> None:
    result = resolved(source, {"lines": "1"}, {"lines": "2"}, **repository)

    problem = problem_of(result, code)
    assert (problem.kind, problem.level, len(result.problems)) == (Kind.SOURCE, "error", 1)
    assert (result.repositories[0].is_read, result.snippets["A-1"]) == (False, ())


def test_a_repository_of_which_nobody_says_what_was_audited_is_invalid_input(source: Repository) -> None:
    problem = problem_of(resolved(source, {"lines": "1"}, url="https://github.com/o/app"), "no-revision")

    assert (problem.kind, problem.subject) == (Kind.INPUT, ("engagement", "repositories", "app"))


def test_a_repository_need_not_say_what_was_audited_when_every_location_does(source: Repository) -> None:
    own = {"lines": "1", "commit": source.commit_of("1.0")}

    result = resolved(source, own, own, url="https://github.com/o/app")

    assert (result.problems, result.repositories[0].is_read, len(result.snippets["A-1"])) == ((), True, 2)
    assert problem_of(resolved(source, own, {"lines": "1"}, url="https://github.com/o/app"), "no-revision").kind is Kind.INPUT


def test_an_unchecked_quote_cites_the_lines_that_its_numbers_claim() -> None:
    snippet = only(resolved(None, {"quote": f"6: {LINES[5]}\n7: {LINES[6]}"}, commit="1" * 40))

    assert snippet.regions == (Region(start_line=6, end_line=7),)


def test_without_a_repository_the_quote_is_the_authors_and_unchecked() -> None:
    quote = f"6: {LINES[5]}\n7: {LINES[6]}\n...\n10: {LINES[9]}"
    location = {"lines": "6-11", "quote": quote, "highlight": "7", "notes": {10: "n", 9: "m"}, "symbol": "load"}

    result = resolved(None, location, {"quote": "a\nb"}, {"lines": "3"}, commit="1" * 40, url="https://me:x@github.com/o/app")

    first, second, third = result.snippets["A-1"]
    assert [snippet.check.verdict for snippet in result.snippets["A-1"]] == [Verdict.UNCHECKED] * 3
    assert first.is_authors
    assert (numbers(first), numbers(second), numbers(third)) == ([[6, 7], [10]], [[None, None]], [])
    assert [line.number for run in first.runs for line in run.lines if line.highlighted] == [7]
    assert (first.loose_notes, first.symbol, first.blob) == (((9, "m"),), "load", None)
    assert first.permalink == f"https://github.com/o/app/blob/{'1' * 40}/src/code.py#L6-L11"
    problem = problem_of(result, "unchecked")
    assert (problem.level, problem.subject, len(result.problems)) == ("warning", ("engagement", "repositories", "app"), 1)
    assert "2 quotes are unchecked" in problem.fault
    assert "--repository app=PATH" in (problem.remedy or "")
    assert (result.repositories[0].is_read, result.repositories[0].url) == (False, "https://github.com/o/app")


class Counting:
    """The door to git, with what is asked of it counted."""

    def __init__(self, source: Repository) -> None:
        self.source = source
        self.read: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def blob(self, id: str) -> bytes:
        self.read.append(id)
        return self.source.blob(id)


def test_a_blob_is_read_once_however_often_it_is_cited(source: Repository) -> None:
    counting = Counting(source)

    resolved(counting, {"lines": "1"}, {"lines": "2"}, {"quote": LINES[6]})

    assert len(counting.read) == 1


def test_the_order_of_the_locations_is_kept(source: Repository) -> None:
    result = resolved(source, {"lines": "3"}, {"path": "no", "lines": "2"}, {"lines": "1"})

    assert [(snippet.index, str(snippet.regions[0])) for snippet in result.snippets["A-1"]] == [(0, "3"), (1, "2"), (2, "1")]


@settings(max_examples=60)
@given(
    start=st.integers(1, 17),
    length=st.integers(0, 16),
    kept=st.lists(st.sampled_from([*LINES, "...", "evil()", "  // @audit", "6: def load(path):"]), max_size=8),
    note=st.integers(1, 17),
)
def test_only_gits_lines_are_ever_printed_and_no_note_is_lost(
    source: Repository, start: int, length: int, kept: list[str], note: int
) -> None:
    location: dict[str, Any] = {"lines": f"{start}-{min(start + length, 17)}", "quote": "\n".join(kept)}
    if start <= note <= start + length:
        location["notes"] = {note: "the note"}

    snippet = only(resolved(source, location))

    assert all(line.number and line.text == LINES[line.number - 1] for run in snippet.runs for line in run.lines)
    printed = [line.note for run in snippet.runs for line in run.lines if line.note] + [text for _, text in snippet.loose_notes]
    assert printed == (["the note"] if "notes" in location else [])
    shown = [line.number for run in snippet.runs for line in run.lines if line.number]
    assert shown == sorted(set(shown))
    assert shown


@pytest.mark.parametrize("head", ["src/code.py", "code.py:6", "https://github.com/o/app/blob/main/src/code.py#L6"])
def test_a_quote_may_name_the_file_of_its_location(source: Repository, head: str) -> None:
    result = resolved(source, {"lines": "6", "quote": f"{head}\n{LINES[5]}"})

    assert (only(result).check.verdict, result.problems) == (Verdict.EXACT, ())


def test_a_quote_that_names_another_file_is_warned_of(source: Repository) -> None:
    result = resolved(source, {"lines": "6", "quote": f"// File: src/store.py\n{LINES[5]}"})

    problem = problem_of(result, "quote-names-other-file")
    assert (only(result).check.verdict, problem.level) == (Verdict.EXACT, "warning")
    assert "src/store.py" in problem.fault
    assert "src/code.py" in problem.fault
