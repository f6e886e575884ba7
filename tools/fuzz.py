"""Feeds each parser of untrusted input with what a coverage-guided fuzzer makes up: none may raise what it does not document.

    python tools/fuzz.py --seconds 3600          every parser for an hour
    python tools/fuzz.py yaml git --seconds 60   some of them

The fuzzer is atheris, which is installed separately (`pip install atheris`); without it this says so and ends with 0. Inputs
that were found to matter are in `tests/fuzz/PARSER/`, and run as tests. A crash prints its input and the path where it was
written.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from findings_report.sandbox import Child

ROOT: Final = Path(__file__).resolve().parents[1]
CORPORA: Final = ROOT / "tests/fuzz"
_LONGEST: Final = 4096
"""Bytes of an input: what is quadratic shows by then, and the rest is not slowed down."""
_LENGTHS: Final = {"markdown": 256, "review": 1024}
"""Shorter where a parser costs more: Markdown of 4,096 random signs takes 20 ms."""
_SLOWEST: Final = 10
"""Seconds that one input may take."""

_OPEN: Final = contextlib.ExitStack()
_CHILDREN: Final[list[Child]] = []
"""The confined child that reads PDFs, while one runs."""


def read_yaml(content: bytes) -> None:
    """Read a YAML file."""
    from findings_report.authoring.yaml_reader import YamlFault, read

    with contextlib.suppress(YamlFault):
        document = read(content)
        for mark in document.values.values():
            document.source(mark)


def read_quote(content: bytes) -> None:
    """Read the quote of a location."""
    from findings_report.evidence.quote.parse import find_telling_lines, read_quote, split_runs

    text = content.decode("utf-8", "replace")
    read_quote(text)
    find_telling_lines(text)
    split_runs(text)


def read_lines(content: bytes) -> None:
    """Decode a source file and count its lines."""
    from findings_report.sourcecode.encodings import Text, count_lines, decode
    from findings_report.sourcecode.lines import dedent, fingerprint

    count_lines(content)
    decoded = decode(content)
    if isinstance(decoded, Text):
        fingerprint(dedent(decoded.lines))


def read_links(content: bytes) -> None:
    """Recognize the address of a repository."""
    from findings_report.forges.permalinks import build_permalink, find_home, strip_credentials

    url = content.decode("utf-8", "replace")
    find_home(url)
    build_permalink(url, "0" * 40, url)
    strip_credentials(url)


def read_markdown(content: bytes) -> None:
    """Parse prose under the policy, in one of five ways, which the first byte chooses: all of them are five times as slow."""
    from findings_report.prose.parse import faults, is_plain, parse, parse_inline, references

    ways: tuple[Callable[[str], object], ...] = (parse, parse_inline, faults, references, is_plain)
    ways[content[0] % len(ways) if content else 0](content[1:].decode("utf-8", "replace"))


def read_report(content: bytes) -> None:
    """Read the JSON of a report."""
    from findings_report.problems import FindingsReportError
    from findings_report.report.archive import document_from_json

    with contextlib.suppress(FindingsReportError):
        document_from_json(content, shown="report.json")


def read_git(content: bytes) -> None:
    """Read a tree, a commit and a configuration."""
    from findings_report.git.layout import object_format_in
    from findings_report.git.objects import parse_tree, tree_of_commit

    with contextlib.suppress(ValueError):
        parse_tree(content, id_size=20)
    with contextlib.suppress(ValueError):
        tree_of_commit(content)
    with contextlib.suppress(ValueError):
        object_format_in(content.decode("utf-8", "surrogateescape"))


def read_pdf(content: bytes) -> None:
    """Extract the data of a PDF where the program does it, in a confined child: some PDFs end qpdf with a signal."""
    from findings_report import sandbox
    from findings_report.pdf.embedded_data import _limits
    from findings_report.problems import FindingsReportError

    try:
        if not _CHILDREN:
            starting = sandbox.start_child("findings_report.pdf.embedded_data", limits=_limits(_LONGEST), environment={})
            _CHILDREN.append(_OPEN.enter_context(starting))
        sandbox.ask(_CHILDREN[0], {"names": ["report.json"]}, {"pdf": content})
    except FindingsReportError as error:
        _OPEN.close()
        _CHILDREN.clear()
        if any(problem.code == "confine-unprepared" for problem in error.problems):
            raise


def read_frame(content: bytes) -> None:
    """Read a message of a confined child."""
    from findings_report.sandbox import frames

    with contextlib.suppress(ValueError):
        frames.unpack(content)


def read_manifest(content: bytes) -> None:
    """Read the manifest of a build."""
    from findings_report.problems import FindingsReportError
    from findings_report.report.manifest import from_json

    with contextlib.suppress(FindingsReportError):
        from_json(content, shown="manifest.json")


def import_review(content: bytes) -> None:
    """Read a review in Markdown, and what a document cites."""
    from findings_report.importing.citations import read_document
    from findings_report.importing.review import read_review

    text = content.decode("utf-8", "replace")
    read_review(text)
    read_document(text.replace("\r\n", "\n").replace("\r", "\n"))


def import_sarif(content: bytes) -> None:
    """Read the results of a scanner."""
    from findings_report.importing.importers import ForeignFile, ImportContext, ImportOptions
    from findings_report.importing.sarif import read_sarif
    from findings_report.model.engagement import Engagement
    from findings_report.problems import FindingsReportError

    with contextlib.suppress(FindingsReportError):
        read_sarif(ForeignFile("a.sarif", "a.sarif", content), ImportContext(Engagement(title="T"), {}, ImportOptions()))


PARSERS: Final[dict[str, Callable[[bytes], None]]] = {
    "yaml": read_yaml, "quote": read_quote, "lines": read_lines, "links": read_links, "markdown": read_markdown,
    "report": read_report, "git": read_git, "pdf": read_pdf, "frames": read_frame,
    "manifest": read_manifest, "review": import_review, "sarif": import_sarif,
}  # fmt: skip
"""The parsers by name, which is also that of the folder of their inputs."""


def fuzz(parser: str, arguments: list[str]) -> None:
    """Run one parser in this process until libFuzzer ends it."""
    import atheris

    # Not markdown-it: it is three times as slow with counters, and its own project's.
    with atheris.instrument_imports(include=["findings_report", "yaml"]):
        PARSERS[parser](b"")
    atheris.Setup(["fuzz", *arguments], PARSERS[parser])
    atheris.Fuzz()


def run(parser: str, seconds: int, folder: Path) -> bool:
    """Run one parser in a process of its own, print what it did, and return whether nothing crashed."""
    new = folder / parser
    new.mkdir()
    arguments = [
        f"-max_total_time={seconds}",
        f"-max_len={_LENGTHS.get(parser, _LONGEST)}",
        f"-timeout={_SLOWEST}",
        "-print_final_stats=1",
    ]
    crashes = Path(tempfile.mkdtemp(prefix=f"crashes-{parser}-"))
    command = [sys.executable, __file__, "--parser", parser, *arguments, f"-artifact_prefix={crashes}/", str(new)]
    seeds = CORPORA / parser
    done = subprocess.run([*command, *([str(seeds)] if seeds.is_dir() else [])], capture_output=True, text=True, check=False)
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    # libFuzzer also keeps inputs that were slow, and goes on; on a busy machine any input may be.
    files = sorted(path.name for path in crashes.iterdir() if not path.name.startswith("slow-unit"))
    count = int(executions[1]) if executions else 0
    print(f"{parser:<10} {count:>12,} executions  {len(files)} crashes  exit status {done.returncode}", flush=True)
    if done.returncode != 0:
        print(done.stderr[-3000:])
        print(f"inputs: {', '.join(str(crashes / name) for name in files)}")
    else:
        shutil.rmtree(crashes)
    return done.returncode == 0


def main() -> None:
    """Fuzz the parsers named, or all."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("parsers", nargs="*", help=f"of {', '.join(PARSERS)}")
    options.add_argument("--seconds", type=int, default=60, help="for each parser, default 60")
    arguments = options.parse_args()
    if unknown := set(arguments.parsers) - PARSERS.keys():
        options.error(f"no such parser: {', '.join(sorted(unknown))}")
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed, nothing was fuzzed: pip install atheris")
        return
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        results = [run(parser, arguments.seconds, Path(folder)) for parser in arguments.parsers or PARSERS]
    if not all(results):
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--parser"]:
        os.chdir(ROOT)
        fuzz(sys.argv[2], sys.argv[3:])
    else:
        main()
