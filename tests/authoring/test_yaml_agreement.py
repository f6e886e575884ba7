"""YAML is what others take it for: what our reader accepts has the same value for a reader that shares no line with libyaml."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from findings_report.authoring.yaml_reader import YamlFault, read

SUPPORT = Path(__file__).parents[1] / "support"
INDEPENDENT = Path(__file__).parents[1] / "editor/node_modules/yaml/dist/index.js"

Reader = Callable[[str], Any]


@pytest.fixture(scope="module")
def independent() -> Iterator[Reader]:
    """The answer of npm's `yaml` to a text: {"value": typed value} or {"error": text}."""
    if shutil.which("node") is None or not INDEPENDENT.exists():
        pytest.skip("Node.js or the packages of tests/editor are not installed")
    script = str(SUPPORT / "independent_yaml.mjs")
    with subprocess.Popen(["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout

        def ask(text: str) -> Any:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(text) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def typed(value: object) -> object:
    """A value of ours in the form of the other reader's."""
    match value:
        case None | bool():
            return value
        case int():
            return {"int": str(int(value))}
        case float():
            return {"float": _javascript(value)}
        case str():
            return {"text": value}
        case list():
            return {"list": [typed(item) for item in value]}
        case dict():
            return {"map": [[key, typed(item)] for key, item in value.items()]}
    raise TypeError(type(value).__name__)


def _javascript(value: float) -> str:
    if math.isinf(value) or math.isnan(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    return repr(float(value))


def _same(ours: object, theirs: object) -> bool:
    """Equal, where numbers are compared as numbers: JavaScript prints them otherwise."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys() == {"float"}:
        mine, other = float(ours["float"]), float(theirs["float"])
        return mine == other or (math.isnan(mine) and math.isnan(other))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, str) and isinstance(theirs, str):
        # A block scalar that ends in blanks, or has nothing else, keeps them for one of the two; nothing prints them.
        return ours.rstrip(" \t\n") == theirs.rstrip(" \t\n")
    return type(ours) is type(theirs) and ours == theirs


LENIENT = (
    "sufficiently indented", "Missing closing", "Implicit keys", "Implicit map keys", "not allowed within flow collections",
    "explicit indentation indicator", "Unexpected block-scalar-header", "2 documents",
)  # fmt: skip
"""Where libyaml reads what YAML 1.2 forbids, and another reader refuses: continuation lines that are indented too little or by
tabs, `-` as a text in [ ], blank lines before a block scalar's first, keys of several lines, and `...` twice. None of these has
another value for anybody."""


def disagreement(text: str, independent: Reader) -> str | None:
    """How the two readers differ over a text that ours accepts; None if they do not. A file is never a single text."""
    try:
        document = read(text.encode("utf-8", "surrogatepass")).data
    except YamlFault:
        return None
    if not isinstance(document, dict | list):
        return None
    ours, theirs = typed(document), independent(text.removeprefix("\ufeff"))
    if "error" in theirs:
        is_known = any(reason in theirs["error"] for reason in LENIENT)
        return None if is_known else f"{text!r}: we read {ours}, the other refuses it: {theirs['error']}"
    return None if _same(ours, theirs["value"]) else f"{text!r}: we read {ours}, the other {theirs['value']}"


_PIECES = [
    "a", "b: ", "- ", "? ", ": ", ":", "\n", "\n  ", "\n    ", "\r\n", " ", "\t", "#", " # c", "'", '"', "''", "\\", "\\n", "|",
    ">", "|-\n  ", ">+\n  ", "|2\n   ", "[", "]", "{", "}", ",", "---", "...", "\n---\n", "\n...\n", "%YAML 1.2\n---\n",
    "%YAML 1.1\n---\n", "%TAG ! x\n", "&a ", "*a", "!t ", "<<: ", "~", "null", "yes", "0o7", "017", "0x1F", "1:30", "1e3", ".5",
    "+1", "-.inf", ".nan", "1_000", "=", "@", "`", "\u00e9", "\U0001f600", "\u00a0", "\ufeff", "key: value\n",
]  # fmt: skip


@given(text=st.lists(st.sampled_from(_PIECES), max_size=14).map("".join))
def test_whatever_we_accept_of_random_yaml_another_reader_reads_alike(text: str, independent: Reader) -> None:
    assert disagreement(text, independent) is None


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_whatever_we_accept_of_random_text_another_reader_reads_alike(text: str, independent: Reader) -> None:
    assert disagreement(f"a: {text}\nb: 1\n", independent) is None
    assert disagreement(text, independent) is None


_SPECIAL = re.compile("\u2014*\u00bb")
"""A tab in yaml-test-suite."""
_SYMBOLS = str.maketrans({"\u2423": " ", "\u2190": "\r", "\u21d4": "\ufeff", "\u21b5": ""})
"""Its blank, carriage return, byte order mark and line end."""


def cases(corpora: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, text and entry of each case of yaml-test-suite."""
    for file in sorted((corpora / "yaml-test-suite/src").glob("*.yaml")):
        inherited: dict[str, Any] = {}
        for number, entry in enumerate(yaml.safe_load(file.read_text("utf-8"))):
            inherited |= entry
            text = (
                _SPECIAL.sub("\t", inherited["yaml"]).replace("\u2423", " ").replace("\u2190", "\r").replace("\u21d4", "\ufeff")
            )
            yield f"{file.stem}/{number}", text.replace("\u21b5", "").replace("\u220e\n", ""), dict(inherited)


def test_the_yaml_test_suite_is_read_alike_or_refused(corpora: Path, independent: Reader) -> None:
    suite = list(cases(corpora))
    accepted, lenient, wrong = 0, 0, []
    for name, text, entry in suite:
        try:
            read(text.encode())
        except YamlFault:
            continue
        accepted += 1
        lenient += bool(entry.get("fail"))
        if (difference := disagreement(text, independent)) is not None:
            wrong.append(f"{name}: {difference}")

    print(f"\nyaml-test-suite: {len(suite)} cases, {accepted} accepted ({lenient} invalid), {len(wrong)} read otherwise")  # noqa: T201
    assert accepted > 100
    assert wrong == []
