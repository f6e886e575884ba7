"""The documentation site and its pictures: what would be dead, loaded from elsewhere or out of date is noticed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import build_site
import pictures
import pytest
import recording
from rich.text import Text

PAGE = (
    '<html><head><link rel="stylesheet" href="a.css"></head><body id="top"><img id="here" src="a.png" alt="A">{}</body></html>'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of two pages without a fault."""
    (tmp_path / "index.html").write_text(PAGE.format('<a href="other.html#here">a</a> <a href="https://example.org/">b</a>'))
    (tmp_path / "other.html").write_text(PAGE.format('<a href="#top">a</a>'))
    for name in ("a.css", "a.png", "a.js"):
        (tmp_path / name).write_text("")
    return tmp_path


def test_a_whole_site_has_no_fault(site: Path) -> None:
    assert list(build_site.faults(site)) == []


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ('<a href="gone.html">a</a>', "other.html: dead link gone.html"),
        ('<a href="index.html#gone">a</a>', "other.html: dead link index.html#gone"),
        ('<script src="https://cdn.example.org/a.js"></script>', "other.html: loads https://cdn.example.org/a.js"),
        ('<link rel="preconnect" href="//fonts.example.org">', "other.html: loads //fonts.example.org"),
        ('<img src="gone.png" alt="A">', "other.html: loads gone.png"),
        ('<img src="a.png">', "other.html: picture without a text: a.png"),
    ],
)
def test_a_fault_of_a_page_is_named(site: Path, added: str, fault: str) -> None:
    (site / "other.html").write_text(PAGE.format(added))

    assert list(build_site.faults(site)) == [fault]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.css", '@import "https://example.org/a.css";'),
        ("a.css", "p{src:url(//example.org/f)}"),
        ("a.js", 'fetch("https://example.org")'),
    ],
)
def test_a_style_sheet_or_script_that_loads_from_elsewhere_is_named(site: Path, name: str, text: str) -> None:
    (site / name).write_text(text)

    assert [fault.partition(":")[0] for fault in build_site.faults(site)] == [name]


def test_links_are_those_among_the_pages_of_the_site(tmp_path: Path) -> None:
    build_site.stage(tmp_path / "source")

    assert "](CHANGELOG.md)" in (tmp_path / "source/api.md").read_text()
    assert "](docs/" not in (tmp_path / "source/CHANGELOG.md").read_text()


def test_a_recording_is_a_picture_that_loads_nothing() -> None:
    step = recording.Step("findings-report check a", Text.assemble("<a> & ", ("warning", "yellow")))

    drawn = recording.draw([step, step], moving=True)

    root = ElementTree.fromstring(drawn)  # noqa: S314  # drawn above
    text = " ".join(root.itertext())
    assert "findings-report check a" in text
    assert "<a> &" in text
    assert drawn.count("http") == 1, "the name space"


def test_pictures_that_were_drawn_from_other_templates_are_out_of_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = pictures.inputs()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/a.css").write_text("p{}")
    monkeypatch.setattr(pictures, "ROOT", tmp_path)
    monkeypatch.setattr(pictures, "INPUTS", ("templates",))
    changed = pictures.inputs()
    (tmp_path / "templates/a.css").write_text("q{}")

    assert len({before, changed, pictures.inputs()}) == 3
