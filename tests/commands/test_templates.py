"""The commands of templates: what they print and copy is what the program uses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from findings_report import commands
from findings_report.commands.template import copy_template, list_templates, show_file
from findings_report.problems import FindingsReportError
from findings_report.rendering.template_files import builtin_templates, find_template, overrides


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    commands.init(tmp_path, "Review")
    return tmp_path / "findings"


def test_templates_are_listed_with_what_they_are_for(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "templates" / "acme").mkdir(parents=True)

    listed = list_templates(folder)

    assert {each.name for each in listed if not each.is_own} == {each.name for each in builtin_templates().iterdir()}
    assert [each.name for each in listed if each.is_own] == ["acme"]
    assert [each.name for each in listed if not each.about] == ["acme"]
    assert [each.name for each in list_templates(tmp_path / "nowhere")] == [each.name for each in listed if not each.is_own]


def test_a_copy_is_the_original_with_its_provenance_and_is_used(tmp_path: Path, folder: Path) -> None:
    original = show_file("review/finding.html.j2")

    (path,) = copy_template(folder, "review", ("finding.html.j2",), to=None, overwrite=False)

    assert path == tmp_path / "templates" / "review" / "finding.html.j2"
    head, _, rest = path.read_bytes().partition(b"\n")
    assert rest == original
    assert head.startswith(b"{# From findings-report ")
    assert head.endswith(f"review/finding.html.j2, sha256 {hashlib.sha256(original).hexdigest()} #}}".encode())
    assert [found for found, _ in overrides(find_template("review", folder, given=True))] == [path]


def test_a_copy_overwrites_only_when_asked_and_takes_all_or_some_files(folder: Path) -> None:
    whole = copy_template(folder, "severity-difficulty", (), to="acme", overwrite=False)
    whole[0].write_text("mine")

    for files, code in (((), "taken"), (("nothing.j2",), "template")):
        with pytest.raises(FindingsReportError) as error:
            copy_template(folder, "severity-difficulty", files, to="acme", overwrite=False)
        assert [problem.code for problem in error.value.problems] == [code]
    assert whole[0].read_text() == "mine"
    # A file that the template takes from `standard`.
    (cover,) = copy_template(folder, "severity-difficulty", ("cover.html.j2",), to="acme", overwrite=False)
    assert b", standard/cover.html.j2, " in cover.read_bytes()
    copy_template(folder, "severity-difficulty", (), to="acme", overwrite=True)
    assert whole[0].read_bytes().startswith(b"{# From findings-report ")


@pytest.mark.parametrize("name", ["../../etc/passwd", "standard/../../pyproject.toml", "nothing/front.html.j2"])
def test_only_files_of_templates_are_shown(name: str) -> None:
    with pytest.raises(FindingsReportError):
        show_file(name)
