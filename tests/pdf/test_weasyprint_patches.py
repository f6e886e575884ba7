"""The functions of WeasyPrint and pydyf that are replaced are those that the replacements were written for.

In processes of their own, as every import of WeasyPrint: the main program never loads it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from findings_report.pdf import render

NAMES = ("MARKED", "ADD_TAGS", "PAGE_REFERENCES", "PDF_TAG", "BUILD_FONTS")
ENVIRONMENT = {**os.environ, "FONTCONFIG_PATH": str(Path(render.__file__).parent), "FONTCONFIG_FILE": "fonts.conf"}
SOURCES = """
import hashlib, inspect, json
from findings_report.pdf import weasyprint_patches as patches
digests = {}
for name in %r:
    function = getattr(patches, name)
    original = function.original()
    source = inspect.getsource(getattr(original, "fget", None) or original)
    digests[name] = [function.digest, hashlib.sha256(source.encode()).hexdigest()[:16], function.check]
print(json.dumps([digests, len(patches.PATCHED)]))
"""
REMOVED = """
import pydyf, weasyprint.pdf, weasyprint.pdf.stream, weasyprint.pdf.tags
delattr(%s, %r)
import findings_report.pdf.weasyprint_patches
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def sources() -> dict[str, list[str]]:
    done = run(SOURCES % (NAMES,))
    assert done.returncode == 0, done.stderr
    digests, count = json.loads(done.stdout)
    assert count == len(NAMES)
    return dict(digests)


@pytest.mark.parametrize("name", NAMES)
def test_a_replaced_function_has_the_source_that_the_replacement_was_written_for(
    name: str, sources: dict[str, list[str]]
) -> None:
    expected, actual, check = sources[name]

    assert actual == expected, f"{name} has changed. Check {check}; then update its digest and SUPPORTED"


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("weasyprint.pdf.stream.Stream", "marked"),
        ("weasyprint.pdf", "add_tags"),
        ("pydyf.PDF", "page_references"),
        ("weasyprint.pdf.tags", "_get_pdf_tag"),
        ("weasyprint.pdf", "build_fonts_dictionary"),
    ],
)
def test_a_replaced_function_that_no_longer_exists_ends_the_import_with_what_to_check(owner: str, name: str) -> None:
    done = run(REMOVED % (owner, name))

    assert done.returncode == 1
    assert f"has no {name} any more" in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("ImportError: ")
