"""Parts of documents that are kept: nothing is rendered twice, and nothing that would come out otherwise is taken."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import samples

from findings_report import commands
from findings_report.model.report import Report
from findings_report.rendering import jinja_environment
from findings_report.rendering.document_parts import render
from findings_report.rendering.template_files import Template, builtin_templates, overrides, read_template
from findings_report.report import archive
from findings_report.system import toolchain
from findings_report.system.cache import FileCache

STANDARD = Template("standard", (builtin_templates(),))


class Counted(FileCache):
    """FileCache that count what is put."""

    puts = 0

    def put(self, key: str, content: bytes) -> None:
        self.puts += 1
        super().put(key, content)


@pytest.fixture
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Counted(tmp_path / "findings-report" / "pages")


def edited(report: Report, **changes: object) -> Report:
    first, *others = report.findings
    return report.model_copy(update={"findings": (first.model_copy(update=changes), *others)})


@pytest.mark.parametrize("name", ["md", "html", "pdf"])
def test_what_is_kept_is_what_would_be_rendered(name: str, entries: Counted) -> None:
    report = samples.report()
    plain = render(report, template=STANDARD, format=name).content

    first = render(report, template=STANDARD, format=name, entries=entries).content
    rendered = entries.puts
    second = render(report, template=STANDARD, format=name, entries=entries).content

    assert first == second == plain
    assert rendered > len(report.findings)
    assert entries.puts == rendered


def test_an_edited_finding_alone_is_rendered_anew_with_what_sees_all_of_them(entries: Counted) -> None:
    report = samples.report()
    render(report, template=STANDARD, format="md", entries=entries)
    rendered = entries.puts

    content = render(edited(report, title="Quite another"), template=STANDARD, format="md", entries=entries).content

    assert b"Quite another" in content
    assert entries.puts - rendered == 3  # the front, the finding, the appendix


def test_formats_templates_and_engagements_do_not_take_each_others_parts(entries: Counted, tmp_path: Path) -> None:
    report = samples.report()
    other = report.model_copy(update={"engagement": report.engagement.model_copy(update={"language": "de"})})
    own = tmp_path / "templates" / "standard" / "finding.md.j2"
    own.parent.mkdir(parents=True)
    own.write_text("ours {{ finding.id }}\n")
    overriding = Template("standard", (tmp_path / "templates", builtin_templates()))
    render(report, template=STANDARD, format="md", entries=entries)
    per_document = entries.puts

    render(report, template=STANDARD, format="pdf", entries=entries)
    render(other, template=STANDARD, format="md", entries=entries)
    content = render(report, template=overriding, format="md", entries=entries).content
    own.write_text("changed {{ finding.id }}\n")
    changed = render(report, template=overriding, format="md", entries=entries).content

    assert entries.puts == 5 * per_document
    assert b"ours " in content
    assert b"changed " in changed


def test_a_template_that_is_edited_meanwhile_is_kept_under_no_key_of_its_former_self(entries: Counted, tmp_path: Path) -> None:
    own = tmp_path / "templates" / "standard" / "finding.md.j2"
    own.parent.mkdir(parents=True)
    own.write_text("former {{ finding.id }}\n")
    template = Template("standard", (tmp_path / "templates", builtin_templates()))
    plain = commands.render(samples.report(), "md", template, system_fonts=False)

    class Editing(Counted):
        """The template is edited once the first part, which is none of its, is there."""

        def put(self, key: str, content: bytes) -> None:
            own.write_text("latter {{ finding.id }}\n")
            super().put(key, content)

    commands.render(samples.report(), "md", template, system_fonts=False, entries=Editing(entries._folder))
    latter = commands.render(samples.report(), "md", template, system_fonts=False, entries=entries)
    own.write_text("former {{ finding.id }}\n")
    former = commands.render(samples.report(), "md", template, system_fonts=False, entries=entries)

    assert b"latter " in latter.content
    assert former == plain


def test_a_link_within_a_template_is_followed_to_what_it_names_today(entries: Counted, tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "standard"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        (folder / name / "said.md.j2").write_text(f"said by {name}\n")
    (folder / "finding.md.j2").write_text("{% include 'current/said.md.j2' %}\n")
    (folder / "again").symlink_to(".")
    (folder / "elsewhere").symlink_to("/")
    template = Template("standard", (tmp_path / "templates", builtin_templates()))

    (folder / "current").symlink_to("one")
    first = render(samples.report(), template=template, format="md", entries=entries).content
    (folder / "current").unlink()
    (folder / "current").symlink_to("two")
    second = render(samples.report(), template=template, format="md", entries=entries).content

    assert (b"said by one" in first, b"said by two" in second, b"said by one" in second) == (True, True, False)
    assert render(samples.report(), template=read_template(template), format="md").content == second
    assert (folder / "current" / "said.md.j2") in [path for path, _ in overrides(template)]


def test_what_places_pictures_in_the_text_is_made_anew_as_they_are_counted(entries: Counted) -> None:
    report = samples.report()
    first = render(report, template=STANDARD, format="html", entries=entries).content
    embedding = entries.puts

    render(report, template=STANDARD, format="pdf", entries=entries)

    assert b"data:image/png" in first
    assert entries.puts - embedding > embedding  # beside a PDF pictures are files


def test_a_document_is_rendered_once_and_one_of_which_something_is_to_be_said_each_time(entries: Counted) -> None:
    report = samples.report()
    plain = commands.render(report, "html", STANDARD, system_fonts=False).content
    first = commands.render(report, "html", STANDARD, system_fonts=False, entries=entries).content
    rendered = entries.puts

    second = commands.render(report, "html", STANDARD, system_fonts=False, entries=entries).content
    other = commands.render(edited(report, title="Another"), "html", STANDARD, system_fonts=False, entries=entries).content

    assert first == second == plain
    assert b"Another" in other
    assert entries.puts > rendered


@pytest.mark.slow
def test_what_is_said_of_a_document_is_said_again(entries: Counted) -> None:
    report = edited(samples.report(), description="A character without a font: \U0001fb00\n")

    first = commands.render(report, "pdf", STANDARD, system_fonts=False, entries=entries)
    second = commands.render(report, "pdf", STANDARD, system_fonts=False, entries=entries)

    assert [problem.level for problem in first.problems] == ["warning"]
    assert second == first


RENDERING = """
import sys
from importlib import import_module
from findings_report.rendering.document_parts import render
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report import archive
report = archive.from_json(sys.stdin.buffer.read(), shown="report.json")
for name in ("md", "html", "pdf"):
    render(report, template=Template("standard", (builtin_templates(),)), format=name)
import_module("findings_report.pdf.page_worker")
import_module("findings_report.pdf.segment_worker")
import_module("findings_report.pdf.join_worker")
import PIL.Image
PIL.Image.preinit()
print(*{name.partition(".")[0] for name in sys.modules})
"""
NOT_DECIDING = {
    "annotated-types",
    "brotli",
    "cffi",
    "packaging",
    "pycparser",
    "setuptools",
    "typing-extensions",
    "typing-inspection",
}


@pytest.mark.slow
def test_every_package_that_renders_is_in_the_key() -> None:
    data = archive.to_json(samples.report())
    loaded = subprocess.run([sys.executable, "-c", RENDERING], input=data, capture_output=True, check=True).stdout.decode()

    owners = packages_distributions()
    packages = {owner.lower().replace("_", "-") for name in loaded.split() for owner in owners.get(name, ())}
    assert packages - NOT_DECIDING - {"findings-report"} == set(toolchain.PACKAGES)


def test_what_another_python_or_zlib_made_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    report = samples.report()

    def key() -> str:
        toolchain.toolchain_versions.cache_clear()
        toolchain.toolchain_digest.cache_clear()
        return jinja_environment.document_key(report, STANDARD, "pdf")

    first = key()
    assert key() == first
    with monkeypatch.context() as patched:
        patched.setattr(zlib, "ZLIB_RUNTIME_VERSION", "0.1")
        assert key() != first
    with monkeypatch.context() as patched:
        patched.setattr("platform.python_version", lambda: "3.0.0")
        assert key() != first
    assert key() == first


@pytest.mark.parametrize("library", ["libfreetype.so.6", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0"])
def test_every_library_that_decides_glyphs_is_in_the_key_by_its_version(library: str) -> None:
    if library in toolchain.missing_libraries():
        pytest.skip(f"{library} is not installed")

    assert re.fullmatch(re.escape(library) + r"[.\d]+", toolchain.toolchain_versions()[library])


def test_a_template_is_compiled_once_for_all_formats_and_prints_constants_as_each_escapes_them(tmp_path: Path) -> None:
    """What is compiled for Markdown is not taken for HTML with its text already escaped, nor for another language."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "shared.j2").write_text("{{ '<*>' }} {{ 'high' | words }}")
    for name in ("md", "html"):
        (tmp_path / "own" / f"document.{name}.j2").write_text("{% include 'shared.j2' %}")
    own = Template("own", (tmp_path, builtin_templates()))
    engagements = [samples.engagement(language=language) for language in ("en", "de")]

    printed = [
        render(samples.report(engagement=engagement), template=own, format=name).content.decode().strip()
        for engagement in engagements
        for name in ("md", "html")
    ]

    assert printed == [r"\<\*> High", "&lt;*&gt; High", r"\<\*> Hoch", "&lt;*&gt; Hoch"]
