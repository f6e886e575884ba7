"""Corpora of others, which are not part of this repository: payloads in every field of a finding, and texts made to be slow."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import started
from PIL import Image
from typer.testing import CliRunner

from findings_report.authoring.yaml_reader import YamlFault, read
from findings_report.cli.app import app

pytestmark = pytest.mark.slow

MOST_CPU_SECONDS, MOST_MEMORY = 10, 512 * 2**20
HOOKS = "window.hits = []; for (const name of ['alert', 'confirm', 'prompt']) window[name] = (text) => hits.push(name + text);"
FIELDS = ("title", "description", "impact", "recommendation", "background")


def payloads(corpora: Path) -> Iterator[str]:
    """The texts of DOMPurify's fixtures and of the Big List of Naughty Strings, as far as the folder has them."""
    fixtures = corpora / "DOMPurify/test/fixtures/expect.mjs"
    if fixtures.exists() and shutil.which("node"):
        script = "import(process.argv[1]).then((m) => console.log(JSON.stringify(m.default)))"
        listed = subprocess.run(["node", "-e", script, str(fixtures)], capture_output=True, text=True, check=True)
        yield from (str(entry["payload"]) for entry in json.loads(listed.stdout))
    strings = corpora / "big-list-of-naughty-strings/blns.json"
    if strings.exists():
        yield from json.loads(strings.read_text("utf-8"))


def is_readable(text: str) -> bool:
    try:
        read(json.dumps(text).encode())
    except YamlFault:
        return False
    return bool(text.strip())


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_no_payload_runs_or_asks_for_anything_with_the_policy_of_the_page_off(
    corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = list(dict.fromkeys(payloads(corpora)))
    readable = [text for text in listed if is_readable(text)]
    assert readable, f"{corpora} has neither DOMPurify nor big-list-of-naughty-strings"
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings/engagement.yaml").write_text("format: 1\ntitle: R\n")
    for number, text in enumerate(readable):
        title = "T " + " ".join(text.split())[:200]
        texts = {"title": title, "severity": "high", **dict.fromkeys(FIELDS[1:4], f"x {text}\n\n{text}\n")}
        path = tmp_path / f"findings/P-{number:04}.finding.yaml"
        path.write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in texts.items()))
    refused = 0
    for _ in range(5):
        result = CliRunner().invoke(app, ["build", str(tmp_path), "-f", "html", "-o", str(tmp_path / "report.html")])
        if result.exit_code in (0, 1):
            break
        assert result.exit_code == 3, result.output
        for name in set(re.findall(r"P-\d+\.finding\.yaml", "".join(re.findall(r".*error.*", result.output)))):
            (tmp_path / "findings" / name).unlink()
            refused += 1
    page = tmp_path / "page.html"
    html, count = re.subn(r"<meta[^>]*Content-Security-Policy[^>]*>", "", (tmp_path / "report.html").read_text("utf-8"))
    page.write_text(html, "utf-8")

    with started(tmp_path / "profile") as browser:
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=HOOKS)
        browser.open(page)
        browser.value("document.querySelectorAll('details').forEach((d) => d.open = true)")
        hits = browser.value("JSON.stringify(hits)")
        unwanted = "script, iframe, object, embed, form, base, link, img[src^=http]"
        elements = browser.value(f"document.querySelectorAll('{unwanted}').length")
        asked_for = [address for address in browser.asked_for if not address.startswith((page.as_uri(), "data:"))]

    with capsys.disabled():
        print(f"\npayloads: {len(listed)}, readable {len(readable)}, refused {refused}")  # noqa: T201  # the figures asked for
        print(f"executions {hits}, requests {len(asked_for)}")  # noqa: T201  # likewise
    assert count == 1
    assert (json.loads(hits), elements, asked_for) == ([], 0, [])


def pathological(corpora: Path) -> dict[str, str]:
    """Texts of cmark's pathological_tests.py, without running that program."""
    tree = ast.parse((corpora / "cmark/test/pathological_tests.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pathological":
            code = compile(ast.Expression(node.value), "pathological", "eval")
            return {name: entry[0] for name, entry in eval(code, {"re": re, "hash_collisions": list}).items() if entry}  # noqa: S307
    return {}


def bombs() -> dict[str, str]:
    """Texts of our own: what a lexer, a parser or a layout takes long for."""
    return {
        "c of tabs": "```c\n" + "\t\n" * 4000 + "```",
        "hcl of letters": "```hcl\n" + "a" * 8000 + "\n```",
        "java of quotes": "```java\n" + '"' * 8000 + "\n```",
        "one line of a quarter MB": "a" * 262_000,
        "cells": "|a" * 5000 + "|\n" + "|-" * 5000 + "|\n",
        "marks of direction": "\u200f" * 20_000,
        "combining marks": "a" + "\u0301" * 20_000,
    }


PROGRAM = """
import atexit, pathlib, re, sys
def note() -> None:
    pathlib.Path("memory").write_text(re.search("VmHWM:(.*) kB", pathlib.Path("/proc/self/status").read_text())[1])
atexit.register(note)
sys.argv[0] = "findings-report"
from findings_report.cli import main
main()
"""
"""Notes its largest memory itself: the kernel's account of a process begins with that of the one it was forked from."""


def measure(folder: Path, *arguments: str) -> tuple[int, float, int, str]:
    """Exit code, CPU seconds, bytes of memory and output of a run of the program."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], cwd=folder, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    memory = int((folder / "memory").read_text()) * 1024
    return process.returncode, usage.ru_utime + usage.ru_stime, memory, (folder / "output").read_text("utf-8", "replace")


def test_texts_made_to_be_slow_end_with_a_report_or_a_message(
    corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files: dict[str, Any] = {f"markdown: {name}": text for name, text in {**pathological(corpora), **bombs()}.items()}
    bitmap = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bitmap, "png")
    rows: list[str] = []
    excess: list[str] = []
    yaml_bombs = {
        "yaml: aliases": "a: &a [x]\nb: [*a, *a]\n",
        "yaml: brackets": "a: " + "[" * 100_000,
        "yaml: keys": "".join(f"k{number}: 1\n" for number in range(250_000)),
    }
    for name, text in {**files, **yaml_bombs, "picture: 400 megapixels": "![x](evidence:a)"}.items():
        folder = tmp_path / str(len(rows))
        (folder / "findings").mkdir(parents=True)
        (folder / "findings/engagement.yaml").write_text("format: 1\ntitle: R\n")
        (folder / "findings/a.png").write_bytes(bitmap.getvalue())
        images = "images: [{name: a, file: a.png, alt: A}]\n" if name.startswith("picture") else ""
        content = text if name.startswith("yaml") else f"title: T\nseverity: high\ndescription: {json.dumps(text)}\n{images}"
        (folder / "findings/A-1.finding.yaml").write_text(content)

        code, cpu, memory, output = measure(folder, "build", "-f", "md", "-f", "html", "-o", "out/")

        rows.append(f"{name:<50.50} exit {code}  {cpu:5.1f} s CPU  {memory / 2**20:4.0f} MiB")
        if code not in (0, 3, 5) or cpu > MOST_CPU_SECONDS or memory > MOST_MEMORY or "Traceback" in output:
            excess.append(f"{rows[-1]}\n{output[-500:]}")
    with capsys.disabled():
        print("\n" + "\n".join(rows))  # noqa: T201  # the table asked for
    assert len(rows) > 10
    assert excess == []
