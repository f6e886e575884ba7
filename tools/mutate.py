"""Changes the modules that guard, one place at a time, and reports the changes that no test of theirs notices.

    python tools/mutate.py                       all modules of GUARDS: hours
    python tools/mutate.py sandbox/restrict.py   one of them
    python tools/mutate.py --lowest 90           exit with 1 if the score of a module is below 90 %
    python tools/mutate.py --every 10 --from 3   every tenth change only, from the fourth

A change removes a statement, a condition, a flag, an argument, an entry of a table or a range of a regular expression, or moves
a comparison, a number or a truth value: what a guard looks like after somebody has weakened it. The score is the share of
changes that make a test fail. Those of `tools/equivalent_mutants.toml` are left out, each for the reason given there.

The tests run on a temporary copy of the checkout: an interrupted run leaves no change behind. mutmut is not used because it
selects the mutant by an environment variable, which the confined child does not inherit; cosmic-ray because it removes no
statement, which is how a guard disappears, and starts an interpreter per mutant. Here a process that has loaded the libraries
forks for each one.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
EQUIVALENT: Final = ROOT / "tools/equivalent_mutants.toml"
GUARDS: Final[dict[str, tuple[str, ...]]] = {
    "sandbox/restrict.py": ("tests/sandbox/test_restrict.py", "tests/sandbox/test_sandbox.py"),
    "sandbox/child_process.py": ("tests/sandbox/test_sandbox.py",),
    "sandbox/__main__.py": ("tests/sandbox/test_sandbox.py",),
    "sandbox/frames.py": ("tests/sandbox/test_frames.py",),
    "git/layout.py": ("tests/git/test_layout.py", "tests/git/test_git_hostile.py", "tests/git/test_git.py"),
    "git/objects.py": ("tests/git/test_objects.py", "tests/git/test_git_hostile.py", "tests/git/test_git.py"),
    "authoring/yaml_reader.py": ("tests/authoring/test_yaml_reader.py", "tests/authoring/test_store.py"),
    "authoring/declared_files.py": ("tests/authoring/test_declared_files.py", "tests/authoring/test_illustrate.py"),
    "pdf/embedded_data.py": ("tests/pdf/test_embedded_data.py",),
    "system/atomic_files.py": ("tests/system/test_atomic_files.py",),
    "system/cache.py": ("tests/system/test_cache.py",),
    "system/journal.py": ("tests/system/test_journal.py", "tests/system/test_atomic_files.py"),
    "model/redaction.py": ("tests/evidence/test_redaction.py",),
    "model/literals.py": ("tests/model/test_literals.py", "tests/evidence/test_redaction.py"),
    "evidence/redaction.py": ("tests/evidence/test_redaction.py",),
    "report/editions.py": ("tests/report/test_editions.py",),
    "report/manifest.py": (
        "tests/report/test_manifest_values.py",
        "tests/commands/test_manifest.py",
        "tests/commands/test_verify_manifest.py",
    ),
    "rendering/csv.py": ("tests/rendering/test_csv.py",),
    "rendering/docx.py": ("tests/rendering/test_docx.py",),
    "rendering/word_elements.py": ("tests/rendering/test_docx.py",),
    "rendering/word_findings.py": ("tests/rendering/test_docx.py",),
    "rendering/word_prose.py": ("tests/rendering/test_docx.py",),
    "rendering/xlsx.py": ("tests/rendering/test_xlsx.py",),
    "tickets/markup/convert.py": (
        "tests/tickets/test_convert.py",
        "tests/tickets/test_mentions.py",
        "tests/tickets/test_markup.py",
    ),
    "problems/safe_text.py": ("tests/problems/test_safe_text.py",),
    "prose/policy.py": ("tests/prose/test_policy.py", "tests/prose"),
    "prose/parse.py": ("tests/prose/test_policy.py", "tests/prose"),
}
"""The modules, and the tests that are to hold them, quickest first."""

_LIBRARIES: Final = ("hypothesis", "jinja2", "markdown_it", "pydantic", "pygments", "pytest", "rich", "yaml")
_NOT_COPIED: Final = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "*.pyc", ".mypy_cache", ".ruff_cache", "node_modules"
)
_SHORTEST_TIMEOUT: Final = 20.0
_LONGEST_RUN: Final = 600.0
_COMPARISONS: Final = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_SIGNS: Final = {ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*", ast.Div: "*", ast.Mod: "*"}
_CLASS: Final = re.compile(r"\[(\^?)((?:\\.|[^\]\\])+)\]", re.DOTALL)
_MEMBER: Final = re.compile(r"(?:\\.|[^\\])-(?:\\.|[^\\])|\\[uUx][0-9a-fA-F]+-\\[uUx][0-9a-fA-F]+|\\.|[^\\]", re.DOTALL)


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    line: int
    """Where it begins, from 1."""
    start: int
    """Index of the first byte that is replaced."""
    end: int
    """Index after the last."""
    replacement: str
    """What replaces them."""

    def apply(self, source: bytes) -> bytes:
        """Return the changed module."""
        return source[: self.start] + self.replacement.encode() + source[self.end :]

    def describe(self, source: bytes) -> tuple[str, str]:
        """Return the code before and after, from the beginning of its line, with blanks collapsed."""
        begin = source.rfind(b"\n", 0, self.start) + 1
        until = source.find(b"\n", self.end)
        before = source[begin : until if until >= 0 else len(source)].decode()
        after = (source[begin : self.start] + self.replacement.encode() + source[self.end : until]).decode()
        return " ".join(before.split()), " ".join(after.split())


class Changes:
    """The changes of one module, in the order of its source."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def list(self, *, first: int = 0, every: int = 1) -> list[Mutant]:
        """Return the changes that still parse, of every so many from the first."""
        tree = ast.parse(self._source)
        mutants = {mutant: None for node in self._walk(tree) for mutant in self._of(node)}
        ordered = sorted(mutants, key=lambda m: (m.start, m.end, m.replacement))
        return [mutant for mutant in ordered[first::every] if self._parses(mutant)]

    def _parses(self, mutant: Mutant) -> bool:
        try:
            compile(mutant.apply(self._source), "mutant", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
        return True

    def _walk(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes that run: no annotations, docstrings, assertions, and nothing for the type checker alone."""
        if isinstance(node, ast.Assert) or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
            return
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self._walk(child)

    def _of(self, node: ast.AST) -> Iterator[Mutant]:  # noqa: C901  # a table
        match node:
            case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete() | ast.Break() | ast.Continue():
                yield self._replace(node, "pass")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
                yield self._replace(node, "pass")
            case ast.Return(value=ast.expr() as value):
                if not isinstance(value, ast.Constant):
                    yield self._replace(node, "return None")
            case ast.With(items=[ast.withitem(optional_vars=None, context_expr=manager)]):
                yield self._replace(manager, "__import__('contextlib').nullcontext()")
            case ast.If(test=test) | ast.IfExp(test=test):
                yield from (self._replace(test, word) for word in ("True", "False"))
            case ast.While(test=test):
                yield self._replace(test, "False")
            case ast.comprehension(ifs=tests):
                yield from (self._replace(test, "True") for test in tests)
            case ast.BoolOp(values=values):
                yield from (self._replace(node, self._text(value)) for value in values)
            case ast.BinOp():
                yield from self._arithmetic(node)
            case ast.UnaryOp(operand=operand):
                yield self._replace(node, self._text(operand))
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _COMPARISONS:
                yield self._replace(node, f"{self._text(left)} {_COMPARISONS[type(operator)]} {self._text(right)}")
            case ast.Constant():
                yield from self._constant(node)
            case ast.Tuple(elts=entries) | ast.List(elts=entries) | ast.Set(elts=entries) if len(entries) > 1:
                yield from (self._remove(entries, index) for index in range(len(entries)))
            case ast.Dict(keys=keys, values=values):
                yield from self._entries(keys, values)
            case ast.Call():
                yield from self._call(node)
            case _:
                pass

    def _arithmetic(self, node: ast.BinOp) -> Iterator[Mutant]:
        left, right = self._text(node.left), self._text(node.right)
        if isinstance(node.op, ast.BitOr | ast.BitAnd | ast.LShift):
            yield from (self._replace(node, text) for text in (left, right))
        elif type(node.op) in _SIGNS:
            yield self._replace(node, f"{left} {_SIGNS[type(node.op)]} {right}")

    def _constant(self, node: ast.Constant) -> Iterator[Mutant]:
        if isinstance(node.value, bool):
            yield self._replace(node, str(not node.value))
        elif isinstance(node.value, int | float):
            yield from (self._replace(node, repr(number)) for number in {node.value + 1, max(node.value - 1, 0)} - {node.value})
        elif isinstance(node.value, str | bytes) and self._text(node)[:1] in "\"'rb":
            # Messages have blanks; what has none is a name, a path, a flag of a table or an expression.
            blank = " " if isinstance(node.value, str) else b" "
            if node.value and blank not in node.value:  # type: ignore[operator]  # both are of the same kind
                text = self._text(node)
                yield self._replace(node, f"{text[:-1]}XX{text[-1]}")

    def _call(self, node: ast.Call) -> Iterator[Mutant]:
        for keyword in node.keywords:
            if keyword.arg is not None:
                yield self._cut(keyword)
        if ast.unparse(node.func) == "re.compile":
            yield from self._expression(node.args[0])

    def _expression(self, pattern: ast.expr) -> Iterator[Mutant]:
        """Leave out one member of a class of characters, or one class's quantifier's effect on it."""
        start, end = self._span(pattern)
        text = self._source[start:end].decode()
        for found in _CLASS.finditer(text):
            members = list(_MEMBER.finditer(found[2]))
            for member in members if len(members) > 1 else ():
                begin = found.start(2) + member.start()
                yield self._at(start + len(text[:begin].encode()), start + len(text[: begin + len(member[0])].encode()), "")

    def _entries(self, keys: Sequence[ast.expr | None], values: Sequence[ast.expr]) -> Iterator[Mutant]:
        for key, value in zip(keys, values, strict=True):
            if key is not None and len(keys) > 1:
                start, end = self._span(key)[0], self._span(value)[1]
                yield self._at(start, self._after_comma(end), "")

    def _remove(self, entries: Sequence[ast.expr], index: int) -> Mutant:
        start, end = self._span(entries[index])
        rest = self._after_comma(end)
        # The last of two needs no comma before it, the first of two keeps one behind the other.
        return self._at(start, rest, "")

    def _cut(self, keyword: ast.keyword) -> Mutant:
        start, end = self._span(keyword)
        rest = self._after_comma(end)
        if rest == end:  # the last one: with the comma before it
            before = self._source[:start].rstrip()
            start = len(before) - 1 if before.endswith(b",") else start
        return self._at(start, rest, "")

    def _after_comma(self, end: int) -> int:
        found = re.compile(rb"\s*,").match(self._source, end)
        return found.end() if found else end

    def _replace(self, node: ast.AST, text: str) -> Mutant:
        return self._at(*self._span(node), text)

    def _at(self, start: int, end: int, text: str) -> Mutant:
        return Mutant(self._source.count(b"\n", 0, start) + 1, start, end, text)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        if not isinstance(node, ast.expr | ast.stmt | ast.keyword) or node.end_lineno is None or node.end_col_offset is None:
            raise TypeError(f"{type(node).__name__} has no place")
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()


class Bench:
    """A copy of the checkout in which modules are changed and tests run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.log = folder / "log"
        self._noticing = folder / "noticing"
        shutil.copytree(ROOT, self.folder, ignore=_NOT_COPIED, symlinks=True)
        # Modules of the same size and second look unchanged to the cache of compiled code.
        self._moment = int(time.time()) - 10**6

    def put(self, module: str, source: bytes) -> None:
        """Write a module, with a time that no version before it had."""
        self._moment += 2
        path = self.folder / "findings_report" / module
        path.write_bytes(source)
        os.utime(path, (self._moment, self._moment))

    def run(self, tests: Sequence[str], *, seconds: float, log: Path) -> int | None:
        """Return the exit status of the tests, which stop at the first failure; None if they took too long."""
        child = os.fork()
        if child == 0:
            self._run_in_child(tests, log)
        deadline = time.monotonic() + seconds
        status: int | None = None
        while time.monotonic() < deadline:
            reaped, code = os.waitpid(child, os.WNOHANG)
            if reaped:
                status = os.waitstatus_to_exitcode(code)
                break
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if status is None:
            os.waitpid(child, 0)
        return status

    def run_first(self, tests: Sequence[str], *, log: Path) -> int | None:
        """Return the exit status of the tests of an unchanged module, and measure how long each takes."""
        self._noticing.with_name("slowest").unlink(missing_ok=True)
        return self.run(tests, seconds=_LONGEST_RUN, log=log)

    def _run_in_child(self, tests: Sequence[str], log: Path) -> None:
        try:
            os.setsid()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for descriptor in (1, 2):
                os.dup2(output, descriptor)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(self.folder)
            sys.path.insert(0, str(self.folder))
            import pytest

            options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow"]
            status = pytest.main([*options, *tests], plugins=[_NoticingFirst(self._noticing)])
        except BaseException:
            traceback.print_exc()
            status = 70
        sys.stdout.flush()
        os._exit(int(status))


class _NoticingFirst:
    """Lets pytest start with the tests that noticed the changes before: they are likely to notice the next one.

    A test that takes much longer than all did without a change ends the run: it waits for what will not come.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._slowest = path.with_name("slowest")
        self._durations: list[float] = []

    def pytest_configure(self) -> None:
        """Let Hypothesis not look for the shortest example: the first one has noticed the change."""
        from hypothesis import Phase, settings

        settings.register_profile("mutants", settings(), phases=(Phase.explicit, Phase.generate))
        settings.load_profile("mutants")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Sort the tests, after the hooks that do."""
        counts = Counter(self._path.read_text("utf-8").splitlines() if self._path.exists() else ())
        session.items.sort(key=lambda item: -counts[item.nodeid])

    def pytest_runtest_setup(self) -> None:
        """Let the system end the process if this test takes too long."""
        slowest = float(self._slowest.read_text("ascii")) if self._slowest.exists() else _LONGEST_RUN
        signal.setitimer(signal.ITIMER_REAL, _SHORTEST_TIMEOUT / 2 + 3 * slowest)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the test that failed, and how long the slowest took in the run without a change, which is the first."""
        self._durations.append(report.duration)
        if report.failed:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{report.nodeid}\n")

    def pytest_sessionfinish(self) -> None:
        """Write the duration of the slowest test."""
        if not self._slowest.exists():
            self._slowest.write_text(repr(max(self._durations, default=0.0)), "ascii")


def read_equivalent() -> dict[str, set[tuple[str, str]]]:
    """Return the changes by module that change nothing a caller could see: code before and after."""
    if not EQUIVALENT.exists():
        return {}
    equivalent: dict[str, set[tuple[str, str]]] = {}
    for entry in tomllib.loads(EQUIVALENT.read_text("utf-8"))["mutant"]:
        equivalent.setdefault(entry["module"], set()).add((entry["before"], entry["after"]))
    return equivalent


def measure(bench: Bench, module: str, *, first: int, every: int, is_quick: bool, log: Path) -> float:
    """Return the score of one module in percent, and print the changes that went unnoticed."""
    source = (bench.folder / "findings_report" / module).read_bytes()
    tests = GUARDS[module][:1] if is_quick else GUARDS[module]
    left_out = read_equivalent().get(module, set())
    chosen = Changes(source).list(first=first, every=every)
    mutants = [mutant for mutant in chosen if mutant.describe(source) not in left_out]
    bench.put(module, source)
    start = time.monotonic()
    if (status := bench.run_first(tests, log=log)) != 0:
        sys.exit(f"the tests of {module} fail without a change, status {status}:\n{log.read_text('utf-8', 'replace')}")
    timeout = max(_SHORTEST_TIMEOUT, 5 * (time.monotonic() - start))
    unnoticed = 0
    for number, mutant in enumerate(mutants, 1):
        bench.put(module, mutant.apply(source))
        if bench.run(tests, seconds=timeout, log=log) == 0:
            unnoticed += 1
            before, after = mutant.describe(source)
            print(f"{module}:{mutant.line}: unnoticed\n  - {before}\n  + {after}", flush=True)
        if number % 50 == 0:
            print(f"{module}: {number} of {len(mutants)}, {unnoticed} unnoticed", file=sys.stderr, flush=True)
    bench.put(module, source)
    score = 100 * (1 - unnoticed / max(len(mutants), 1))
    seconds = time.monotonic() - start
    equivalent = len(chosen) - len(mutants)
    print(f"{module}: {score:.1f} % of {len(mutants)} changes noticed, {equivalent} equivalent, {seconds:.0f} s", flush=True)
    return score


def _load_libraries() -> None:
    """Import what every run needs and no change touches, pytest's own plugins and those that are installed as well."""
    from _pytest.config import default_plugins

    for library in (*_LIBRARIES, *(f"_pytest.{name}" for name in default_plugins)):
        __import__(library)
    for entry in importlib.metadata.entry_points(group="pytest11"):
        entry.load()


def main() -> None:
    """Measure the modules named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(GUARDS)}")
    parser.add_argument("--lowest", type=float, default=0, help="percent that each module has to reach")
    parser.add_argument("--every", type=int, default=1, help="try every so many changes only")
    parser.add_argument("--from", dest="first", type=int, default=0, help="index of the first change to try, from 0")
    parser.add_argument("--quick", action="store_true", help="run the first file of tests only: the score is a lower bound")
    parser.add_argument("--list", action="store_true", help="print the number of changes of each module, and run nothing")
    arguments = parser.parse_args()
    modules = arguments.modules or list(GUARDS)
    if unknown := set(modules) - GUARDS.keys():
        parser.error(f"no module that guards: {', '.join(sorted(unknown))}")
    if arguments.list:
        for module in modules:
            print(f"{len(Changes((ROOT / 'findings_report' / module).read_bytes()).list()):5} {module}")
        return
    _load_libraries()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        bench = Bench(Path(folder))
        scores = [
            measure(bench, module, first=arguments.first, every=arguments.every, is_quick=arguments.quick, log=bench.log)
            for module in modules
        ]
    if min(scores) < arguments.lowest:
        sys.exit(1)


if __name__ == "__main__":
    main()
