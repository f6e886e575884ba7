"""How the files of a build are called."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from findings_report.model.report import FindingsCommit
from findings_report.report.formats import FORMATS
from findings_report.report.output_files import PLACEHOLDERS, file_stem, targets

EVERY = "".join(f"{{{name}}}" for name in PLACEHOLDERS)


@pytest.mark.parametrize(
    ("pattern", "stem"),
    [
        ("report", "report"),
        ("{client} - {title} v{version}", "Example-Networks-Review-IPAM-v1.10"),
        ("{date}_{state}", "2026-11-20_draft"),
        ("{commit}", "0123456789ab-uncommitted"),
        ("../../{title}/x", "Review-IPAM-x"),
        ("...", "report"),
        (" {client} ", "Example-Networks"),
    ],
)
def test_a_pattern_is_filled_in_and_what_no_file_system_takes_is_a_dash(pattern: str, stem: str) -> None:
    commit = FindingsCommit(hash="0123456789abcdef" * 2 + "01234567", is_changed=True)

    assert file_stem(pattern, samples.engagement(title="Review: IPAM", findings_commit=commit)) == stem


def test_what_the_engagement_does_not_say_leaves_no_trace() -> None:
    bare = samples.engagement(client=None, version=None, date=None)

    assert file_stem("{client}-{version}-{date}-{commit}-{state}", bare) == "draft"


@pytest.mark.parametrize(
    ("pattern", "audience", "stem"),
    [
        ("report", "client", "report-client"),
        ("{client}", "internal", "Example-Networks-internal"),
        ("{audience}-{client}", "client", "client-Example-Networks"),
        ("{audience}", None, "report"),
        ("report", "../The board", "report-The-board"),
        ("{title}", "client", f"{'a' * 113}-client"),
    ],
)
def test_an_edition_has_a_name_of_its_own(pattern: str, audience: str | None, stem: str) -> None:
    assert file_stem(pattern, samples.engagement(title="a" * 200, edition=audience)) == stem


def test_the_day_is_the_one_on_the_cover() -> None:
    assert file_stem("{date}", samples.engagement(date=date(2026, 1, 2))) == "2026-01-02"


hostile = st.text(min_size=1, max_size=300) | st.text("./\\-\0:*{}人é", min_size=1, max_size=300)


@given(title=hostile, client=hostile, version=hostile)
def test_whatever_the_texts_are_the_name_is_one_that_every_file_system_takes(title: str, client: str, version: str) -> None:
    stem = file_stem(EVERY, samples.engagement(title=title, client=client, version=version))

    assert re.fullmatch(r"[^\s/\\:*?\"<>|{}\x00-\x1f]+", stem)
    assert len(f"{stem}.html".encode()) <= 200
    assert stem[0] not in ".- "
    assert stem[-1] not in ".- "


def test_a_name_of_signs_of_three_bytes_can_be_written(tmp_path: Path) -> None:
    from findings_report.system.atomic_files import publish

    path = tmp_path / f"{file_stem('{title}', samples.engagement(title='审' * 500))}.html"

    publish({path: b"x"})

    assert path.read_bytes() == b"x"


def test_no_two_formats_share_a_name_whatever_the_case() -> None:
    names = [str(target.path).casefold() for target in targets("Report", Path("findings"), tuple(FORMATS), None, given=True)]

    assert len(set(names)) == len(FORMATS)
