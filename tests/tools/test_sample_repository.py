"""The part of Neutron that the sample cites: git's own objects, so that the quote is checked against the public commit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import sample_repository

from findings_report import check
from findings_report.model.evidence import Verdict

FINDINGS = Path(__file__).parents[2] / "findings"
ENGAGEMENT = """format: 1
title: One finding
repositories:
  neutron: {path: neutron.git, revision: 12.0.0, commit: fb3f71806174bc2fae7e421268aeee61be36412d}
scope: ["neutron:neutron/db/ipam_pluggable_backend.py"]
"""


def test_the_quote_of_the_sample_is_verified_without_the_checkout(tmp_path: Path) -> None:
    shutil.copytree(FINDINGS / "neutron.git", tmp_path / "findings/neutron.git")
    shutil.copy(FINDINGS / "NTR-001.finding.yaml", tmp_path / "findings")
    (tmp_path / "findings/engagement.yaml").write_text(ENGAGEMENT)

    checked = check(tmp_path)

    assert checked.problems == ()
    (cited,) = checked.snippets["NTR-001"]
    assert (cited.check.verdict, cited.commit) == (Verdict.ELIDED, sample_repository.COMMIT)


def test_the_repository_has_the_public_objects_and_other_content_is_noticed(tmp_path: Path) -> None:
    assert sample_repository.faults(FINDINGS / "neutron.git") == []

    changed = tmp_path / "neutron.git"
    shutil.copytree(FINDINGS / "neutron.git", changed)
    (pack,) = changed.glob("objects/pack/*.pack")
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)

    assert sample_repository.faults(changed)


def test_the_tool_writes_the_same_repository_from_a_clone(tmp_path: Path) -> None:
    # Of what it wrote: a clone of the whole project has the same objects under the same ids.
    sample_repository.write(FINDINGS / "neutron.git", tmp_path / "neutron.git")

    names = sorted(path.relative_to(FINDINGS / "neutron.git") for path in (FINDINGS / "neutron.git").rglob("*"))
    assert sorted(path.relative_to(tmp_path / "neutron.git") for path in (tmp_path / "neutron.git").rglob("*")) == names
    assert sample_repository.faults(tmp_path / "neutron.git") == []


def test_an_unknown_argument_prints_how_the_tool_is_used() -> None:
    tool = Path(sample_repository.__file__)

    assert subprocess.run([sys.executable, tool], capture_output=True, check=False).returncode == 2
