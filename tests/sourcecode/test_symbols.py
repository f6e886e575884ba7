"""Which function or class encloses a line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from growth import growth
from hypothesis import given
from hypothesis import strategies as st

from findings_report.model.evidence import Region, Symbol
from findings_report.sourcecode.symbols import encloses, find_enclosing, find_symbols


def named(text: str, language: str) -> list[str]:
    return [f"{symbol.name} {symbol.region}" for symbol in find_symbols(text.split("\n"), language)]


PYTHON = """import os

@decorated
class Outer(Base):
    def one(self):
        def inner():
            return 1
        return inner

    if os.name:
        @property
        async def two(self): ...

def three(): pass
try:
    def four():
        text = '''
def no():
'''
except E:
    def five(): pass
"""


def test_python_symbols_are_those_of_its_own_parser() -> None:
    assert named(PYTHON, "python") == [
        "Outer 3-12",
        "Outer.one 5-8",
        "Outer.one.inner 6-7",
        "Outer.two 11-12",
        "three 14",
        "four 16-19",
        "five 21",
    ]


def own_parsers(source: str) -> list[str]:
    """What `ast` says of the definitions, as `named` prints it."""
    found: list[tuple[int, int, str]] = []

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                found.append((first, -(child.end_lineno or 0), prefix + child.name))
                name = f"{prefix}{child.name}."
            walk(child, name)

    walk(ast.parse(source), "")
    return [f"{name} {Region(start_line=first, end_line=-last)}" for first, last, name in sorted(found)]


@pytest.mark.parametrize("folder", [".", "asyncio", "email", "json", "unittest"])
def test_python_symbols_are_those_of_its_own_parser_in_the_standard_library(folder: str) -> None:
    for path in sorted((Path(ast.__file__).parent / folder).glob("*.py"))[::3]:
        source = path.read_text(encoding="utf-8")

        assert named(source.removesuffix("\n"), "python") == own_parsers(source), path


CORNERS = {
    "text and brackets that start in the first column": """class A:
    def f(self):
        x = (
1, [
2])
        '''
def no():
'''
        y = 1
z = 1""",
    "statements that go on in the next line": """def f(): return 1 + \\
2
if a and \\
b:
    def g(
        a,
    ): pass
    x = 'a \\
def no(): pass'
""",
    "comments between decorators and a definition": """@a(
  1)
# why

@b
async  def f(): ...
# the end
""",
    "tabs": "class A:\n\tif b:\n\t    def f(self):\n\t    \treturn 1\n\tc = 1\n",
    "form feeds": "import a\n\f\ndef f():\n    pass\n\fdef g():\n    pass\n",
    "what only looks like code at the end": "def f():\n    if a:\n        pass  # '''\n    # (\n",
}


@pytest.mark.parametrize("source", CORNERS.values(), ids=CORNERS)
def test_python_symbols_are_those_of_its_own_parser_in_odd_corners(source: str) -> None:
    assert named(source, "python") == own_parsers(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f[T](x: T) -> T:\n    type A = T\n    return f'{x['a']}'", ["f 1-3"]),
        ("class A:\n    def f(self):\n        print 'x'\n        exec code in self\n", ["A 1-4", "A.f 2-4"]),
    ],
    ids=["newer", "older"],
)
def test_python_of_another_version_than_the_one_that_runs_has_symbols(source: str, expected: list[str]) -> None:
    assert named(source, "python") == expected


@pytest.mark.parametrize(
    "source",
    [
        "def f():\nx = 1",
        "def f():\n        a\n    b",
        "  def f(): pass",
        "def f(): pass\n)\n(",
        "def f(): pass\n'''",
        "def f(): 'x",
        "def f(): pass\n\\",
    ],
)
def test_python_whose_blocks_do_not_add_up_has_no_symbols(source: str) -> None:
    assert named(source, "python") == []


@pytest.mark.parametrize("source", ["def f(:", "a\0b", "(" * 5000, "-" * 100_000 + "1", "\ud800"])
def test_what_python_cannot_parse_has_no_symbols(source: str) -> None:
    assert find_symbols([source], "python") == ()


def test_old_style_escapes_in_audited_code_warn_nobody() -> None:
    assert named("def f():\n    return '\\d'", "python") == ["f 1-2"]


BRACED = {
    "c": (
        """#include <a.h>
#define EACH(x) for (;;) {
static int
first(struct node *n,
      int (*cb)(int))
{
  char c = '}';
  if(n) { /* } */ cb(1); }
#ifdef A
  while(1) {
#else
  while(2) {
#endif
  }
}
struct point {
  int x;
};
struct point p = { 1 };
""",
        ["first 3-15", "point 16-18"],
    ),
    "java": (
        """package a;
public class Box<T> extends Base {
    @Override
    public int size(int a) throws IOException {
        if (a > 0) { return new Thing() { }; }
        for (int i = 0; i < 3; i++) { go(i); }
        return 1;
    }
}
""",
        ["Box 2-9", "Box.size 3-8"],
    ),
    "go": (
        """package a

func (s *Server) Handle(w io.Writer) error {
	x := map[string]int{"a": 1}
	return nil
}

func plain[T any](a T) { return }

type Box struct {
	a int
}
""",
        ["Server.Handle 3-6", "plain 8", "Box 10-12"],
    ),
    "rust": (
        """impl<'a> Display for Thing<'a> {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match x { _ => {} }
    }
}
pub struct Point { x: i32 }
""",
        ["Thing 1-5", "Thing.fmt 2-4", "Point 6"],
    ),
    "javascript": (
        """export class Cart {
  async total(a) {
    return this.items.map((i) => { return i })
  }
}
const add = async (a, b) => {
  if (a) { return `}` }
}
function* gen() { yield 1 }
""",
        ["Cart 1-5", "Cart.total 2-4", "add 6-8", "gen 9"],
    ),
    "solidity": (
        """contract Vault is Base {
    modifier only() { _; }
    constructor(address a) { }
    function pay(uint a) external only returns (bool) {
        unchecked { a++; }
    }
}
""",
        ["Vault 1-7", "Vault.only 2", "Vault.constructor 3", "Vault.pay 4-6"],
    ),
    "cpp": (
        """namespace net {
int Server::run(int a) const {
  auto f = [](int x) { return x; };
  return 1;
}
enum class Kind { A, B };
}
""",
        ["net 1-7", "net.Server::run 2-5", "net.Kind 6"],
    ),
}


@pytest.mark.parametrize("language", BRACED)
def test_languages_with_braces_are_read_modestly(language: str) -> None:
    text, expected = BRACED[language]

    assert named(text, language) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("describe('x', function () {\n  it('y', function (done) {\n    a();\n  });\n});", "javascript", []),
        ("x = class extends B {\n  m() {\n  }\n};", "javascript", ["m 2-3"]),
        ("class extends {\n}", "javascript", []),
        ("class A {\n  m(a: (x: number) => void): void {\n  }\n}", "typescript", ["A 1-4", "A.m 2-3"]),
        ("impl io::Write for my::X {\n}", "rust", ["X 1-2"]),
        ("impl fmt::X {\n}", "rust", ["X 1-2"]),
    ],
)
def test_calls_keywords_and_paths_are_not_names(text: str, language: str, expected: list[str]) -> None:
    assert named(text, language) == expected


@pytest.mark.parametrize("branch", ["#if A", "#if A\n#else"])
def test_deeply_nested_directives_take_time_in_proportion_to_their_number(branch: str) -> None:
    def find(count: int) -> list[str]:
        lines = [*(branch.split("\n") * count), *["#endif"] * count, "void f(void) {", "}"]
        return [symbol.name for symbol in find_symbols(lines, "c")]

    assert find(10_000) == ["f"]
    assert growth(find, 5_000) < 8


def test_a_file_whose_braces_do_not_pair_has_no_symbols() -> None:
    assert named("int g(void) { }\nint f(void) {\n", "c") == named("}\nint f(void) {}\n", "c") == []


def test_an_unknown_language_has_no_symbols() -> None:
    assert named("def f; end", "ruby") == named("f() {\n}", "") == []


def test_the_innermost_symbol_that_holds_all_lines_encloses_them() -> None:
    found = find_symbols(PYTHON.split("\n"), "python")

    def name(start: int, end: int) -> str | None:
        symbol = find_enclosing(found, Region(start_line=start, end_line=end))
        return symbol.name if symbol else None

    assert [name(7, 7), name(7, 8), name(8, 12), name(11, 11), name(1, 1), name(12, 14)] == [
        "Outer.one.inner",
        "Outer.one",
        "Outer",
        "Outer.two",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("written", "is_meant"),
    [
        ("run", True),
        ("Server.run", True),
        ("Server::run", True),
        ("net::Server#run", True),
        ("Server.run(int, char)", True),
        ("un", False),
        ("Other.run", False),
        ("more.net.Server.run", False),
        ("", False),
        ("()", False),
    ],
)
def test_a_name_may_be_the_last_parts_of_the_symbols(written: str, is_meant: bool) -> None:
    symbol = Symbol("net.Server::run", 1, 2)

    assert encloses(written, symbol) is is_meant


@given(st.text(alphabet="{}();=\n\"'/*#ab cdef"), st.sampled_from(["c", "go", "rust", "javascript", "python"]))
def test_symbols_lie_in_the_file_and_nest(text: str, language: str) -> None:
    lines = text.split("\n")

    for symbol in find_symbols(lines, language):
        assert 1 <= symbol.region.start_line <= symbol.region.end_line <= len(lines)
