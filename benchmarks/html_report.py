"""HTML of 1,000 findings on a real repository, the whole program, against markdown-it-py and Pygments alone on the same text.

    python benchmarks/html_report.py REPOSITORY [--rounds 3] [--large]

Goals: at most 2x their CPU; at most 250 MB; with --large, ten times the findings in at most 11 times the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import content
import measuring

ALONE = """
import json, sys
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
data = json.load(open(sys.argv[1]))
markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
formatter = HtmlFormatter(nowrap=True)
lexers = {name: get_lexer_by_name(name) for name in {name for name, _ in data["code"]} if name}
sys.stdout.write("".join(markdown.render(text) for text in data["prose"]))
for name, code in data["code"]:
    sys.stdout.write(highlight(code, lexers[name], formatter) if name else code)
"""


def texts(report: dict[str, object], path: Path) -> None:
    """The prose and the printed code of a report's JSON, for the process that has the two libraries alone."""
    prose: list[str] = []
    code: list[tuple[str, str]] = []
    findings = report["findings"]
    assert isinstance(findings, list)
    for finding in findings:
        prose += [finding["description"], finding["impact"], finding["recommendation"]["short_term"]]
        for snippet in finding["snippets"]:
            code += [(snippet["language"], "\n".join(line["text"] for line in run["lines"])) for run in snippet["runs"]]
    path.write_text(json.dumps({"prose": prose, "code": code}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=Path, nargs="?", default=Path())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--findings", type=int, default=1000)
    parser.add_argument("--large", action="store_true", help="ten times as many as well")
    arguments = parser.parse_args()
    program = str(Path(sys.executable).parent / "findings-report")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content.write(arguments.repository, folder / "small", arguments.findings, seed=1)

        def build(size: str, *options: str) -> measuring.Run:
            command = [program, "build", str(folder / size), "-f", "html", "-o", str(folder / f"{size}.html")]
            return measuring.run([*command, *options])

        made = subprocess.run(
            [program, "build", str(folder / "small"), "-f", "json", "-o", "-"], check=True, capture_output=True
        ).stdout
        texts(json.loads(made), folder / "texts.json")
        ours, alone = measuring.paired(
            lambda: build("small", "--no-cache"),
            lambda: measuring.run([sys.executable, "-c", ALONE, str(folder / "texts.json")]),
            arguments.rounds,
        )
        mine, theirs = measuring.median_cpu(ours), measuring.median_cpu(alone)
        size = (folder / "small.html").stat().st_size
        print(f"{arguments.findings} findings, {size / 1e6:.1f} MB: {mine:.2f} s CPU, {measuring.peak(ours) / 1e6:.0f} MB peak")
        print(f"markdown-it-py and Pygments alone: {theirs:.2f} s CPU; ratio {mine / theirs:.2f} (goal 2)")
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        build("small")
        file = sorted((folder / "small" / "findings").glob("*.finding.yaml"))[arguments.findings // 2]
        file.write_text(file.read_text() + "response: Looked at.\n")
        print(f"one finding edited: {build('small').cpu:.2f} s CPU; nothing edited: {build('small').cpu:.2f} s CPU")
        if arguments.large:
            content.write(arguments.repository, folder / "large", 10 * arguments.findings, seed=1)
            large = build("large", "--no-cache")
            print(f"ten times as many: {large.cpu:.1f} s CPU, {large.peak / 1e6:.0f} MB; {large.cpu / mine:.1f}x (goal 11)")
    print(measuring.machine())


if __name__ == "__main__":
    main()
