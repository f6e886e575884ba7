"""Links that name a branch: found wherever they stand, pinned only where they show the same."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import Commit, build, git

from findings_report import commands
from findings_report.commands.pin import PinLinksResult, pin_links
from findings_report.forges.permalinks import find_branch_links, find_homes, rewrite_links
from findings_report.problems import Problem
from findings_report.problems.catalogue import summarize

HASH = "fb3f71806174bc2fae7e421268aeee61be36412d"
PAGES = find_homes(
    {
        "hub": ["git@github.com:Owner/Name.git"],
        "lab": ["https://gitlab.example.org/group/sub/name.git"],
        "tea": ["https://codeberg.org/owner/name"],
        "bucket": ["https://bitbucket.org/owner/name"],
        "nowhere": [None, "/srv/git/name", "https://example.org/owner/name"],
    }
)

NAMING = [
    ("https://github.com/Owner/Name/blob/main/a/b.py#L10", f"https://github.com/Owner/Name/blob/{HASH}/a/b.py#L10"),
    ("https://github.com/owner/name/blame/v1.0/b.py", f"https://github.com/owner/name/blame/{HASH}/b.py"),
    (
        "http://GitHub.com/Owner/Name/blob/main/b.md?plain=1#L1-L2",
        f"http://GitHub.com/Owner/Name/blob/{HASH}/b.md?plain=1#L1-L2",
    ),
    ("https://github.com/Owner/Name/blob/main/a%20b(1).py", f"https://github.com/Owner/Name/blob/{HASH}/a%20b(1).py"),
    ("https://github.com/Owner/Name/tree/main", f"https://github.com/Owner/Name/tree/{HASH}"),
    (
        "https://gitlab.example.org/group/sub/name/-/blob/main/a.py#L1-3",
        f"https://gitlab.example.org/group/sub/name/-/blob/{HASH}/a.py#L1-3",
    ),
    (
        "https://codeberg.org/owner/name/src/branch/main/a.py#L3-L4",
        f"https://codeberg.org/owner/name/src/commit/{HASH}/a.py#L3-L4",
    ),
    ("https://codeberg.org/owner/name/src/tag/v1/a.py", f"https://codeberg.org/owner/name/src/commit/{HASH}/a.py"),
    ("https://bitbucket.org/owner/name/src/main/a.py#lines-3:4", f"https://bitbucket.org/owner/name/src/{HASH}/a.py#lines-3:4"),
]
NOT_NAMING = [
    f"https://github.com/Owner/Name/blob/{HASH}/a.py",
    "https://github.com/Owner/Name/blob/fb3f718/a.py",
    "https://github.com/Owner/Name/issues/3",
    "https://github.com/Owner/Name",
    "https://github.com/Owner/Name-too/blob/main/a.py",
    "https://github.com/somebody/else/blob/main/a.py",
    "https://github.com.example.org/Owner/Name/blob/main/a.py",
    f"https://codeberg.org/owner/name/src/commit/{HASH}/a.py",
    "https://example.org/owner/name/blob/main/a.py",
    "https://github.com/Owner/Name/blob/",
]


@pytest.mark.parametrize(("url", "pinned"), NAMING)
def test_a_link_that_names_a_revision_is_read_and_pinned(url: str, pinned: str) -> None:
    (link,) = find_branch_links(f"See ({url}), [there]({url}\n"[: 6 + len(url)], PAGES)

    assert link.url == url
    assert link.pin(next(link.splits())[1], HASH) == pinned


@pytest.mark.parametrize("url", NOT_NAMING)
def test_other_addresses_are_left_alone(url: str) -> None:
    assert list(find_branch_links(f"<{url}>", PAGES)) == []


@pytest.mark.parametrize("around", ["{}.", "({}).", "[x]({})", "[x]({} 'title')", "<{}>", "**{}**", "`{}`", '"{}", and', "{}"])
def test_an_address_ends_where_the_sentence_goes_on(around: str) -> None:
    (link,) = find_branch_links(around.format(NAMING[0][0]), PAGES)

    assert link.url == NAMING[0][0]


@pytest.mark.parametrize("tail", [")", ".", ").", "x/"])
def test_a_long_address_takes_no_longer_than_its_length(tail: str) -> None:
    start = time.process_time()

    (link,) = find_branch_links("https://github.com/Owner/Name/blob/main/x" + tail * 130_000, PAGES)

    assert link.url.startswith("https://github.com/Owner/Name/blob/main/x")
    assert time.process_time() - start < 2


def test_a_branch_may_hold_a_slash() -> None:
    (link,) = find_branch_links("https://github.com/Owner/Name/blob/feature/x/a.py#L7-L5", PAGES)

    assert list(link.splits()) == [("feature", "x/a.py"), ("feature/x", "a.py"), ("feature/x/a.py", "")]
    assert str(link.lines) == "5-7"


@given(
    st.lists(st.sampled_from([url for url, _ in NAMING] + NOT_NAMING + [" ", "\n", "(", ")", ".", "x", "[", "é"]), max_size=9)
)
def test_a_text_keeps_everything_but_the_links_that_are_changed(parts: list[str]) -> None:
    text = "".join(parts)

    assert rewrite_links(text, PAGES, lambda _: None) == text
    assert rewrite_links(text, PAGES, lambda link: link.url) == text


ENGAGEMENT = """format: 1
title: Review
summary: "See https://github.com/o/n/blob/main/same.py#L1, or not" # a comment
sections: [{{title: More, file: more.md}}]
repositories:
  app: {{path: ../app, url: "https://github.com/o/n", commit: {commit}}}
"""
FINDING = """# https://github.com/o/n/blob/main/same.py stays, being a comment
title: x
severity: low
description: |
  One: [same](https://github.com/o/n/blob/main/same.py#L1).

  Two: https://github.com/o/n/blob/main/changed.py#L1
  Three: https://github.com/o/n/blob/main/changed.py#L2, https://github.com/o/n/blob/feature/x/same.py

# a comment with https://github.com/o/n/blob/main/same.py
recommendation: >-
  Four: https://github.com/o/n/blob/gone/same.py
  and https://github.com/o/n/blob/main/new.py
references:
  - https://github.com/o/n/blob/main/same.py   # why
  - {{url: 'https://github.com/o/n/blob/main/same.py#L1', title: https://github.com/o/n/blob/main/same.py}}
locations:
  - {{path: same.py, quote: "https://github.com/o/n/blob/main/same.py"}}
"""


@pytest.fixture
def engagement(tmp_path: Path) -> Path:
    files = {"same.py": "https://github.com/o/n/blob/main/same.py\nb\n", "changed.py": "a\nb\n"}
    first, _ = build(
        tmp_path / "app",
        [Commit(files=files), Commit(files={"changed.py": "a\nB\n", "new.py": ""})],
    )
    git(tmp_path / "app", "branch", "feature/x", first)
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings/engagement.yaml").write_text(ENGAGEMENT.format(commit=first))
    (tmp_path / "findings/more.md").write_bytes(b"More:\r\nhttps://github.com/o/n/blob/main/same.py\r\n")
    (tmp_path / "findings/A-1.finding.yaml").write_text(FINDING.format())
    return tmp_path


def pin(root: Path) -> PinLinksResult:
    return pin_links(commands.Inputs(root, {}), None)


def warnings_of(root: Path) -> list[Problem]:
    checked = commands.check(commands.Inputs(root, {}), lambda _: None)
    return [problem for problem in checked.problems if problem.code == "link-not-pinned"]


def test_check_warns_of_each_with_its_place_and_the_pinned_address(engagement: Path) -> None:
    commit = git(engagement / "app", "rev-parse", "feature/x").strip()

    warned = warnings_of(engagement)

    places = [(p.place.file.rpartition("/")[2], p.place.line, p.field) for p in warned if p.place]
    assert places == [
        ("engagement.yaml", 3, "summary"),
        ("engagement.yaml", 4, "sections[0].file"),
        ("A-1.finding.yaml", 5, "description"),
        ("A-1.finding.yaml", 7, "description"),
        ("A-1.finding.yaml", 8, "description"),
        ("A-1.finding.yaml", 8, "description"),
        ("A-1.finding.yaml", 12, "recommendation"),
        ("A-1.finding.yaml", 12, "recommendation"),
        ("A-1.finding.yaml", 15, "references[0]"),
        ("A-1.finding.yaml", 16, "references[1].url"),
    ]
    assert warned[0].level == "warning"
    assert warned[0].remedy is not None
    assert warned[0].remedy.endswith(f"https://github.com/o/n/blob/{commit}/same.py#L1")


def test_links_are_pinned_where_they_show_the_same_and_nothing_else_changes(engagement: Path) -> None:
    commit = git(engagement / "app", "rev-parse", "feature/x").strip()
    text = FINDING.format()
    for line in ("One: [same]", "Two: ", "  - https", "  - {url: '"):
        before = next(each for each in text.splitlines() if each.lstrip().startswith(line.lstrip()))
        text = text.replace(before, before.replace("/main/", f"/{commit}/", 1))
    text = text.replace("/feature/x/", f"/{commit}/")

    answer = pin(engagement)

    assert (engagement / "findings/A-1.finding.yaml").read_text() == text
    assert f'/blob/{commit}/same.py#L1, or not" # a comment' in (engagement / "findings/engagement.yaml").read_text()
    more = (engagement / "findings/more.md").read_bytes().decode()
    assert more == f"More:\r\nhttps://github.com/o/n/blob/{commit}/same.py\r\n"
    assert len(answer.messages) == 7
    assert [problem.fault.partition(": ")[2].split(" at ")[0] for problem in answer.problems] == [
        "lines 2 of changed.py are not the same",
        "the clone has no such branch or tag",
        "new.py does not exist both",
    ]
    assert len(warnings_of(engagement)) == 3
    # Each has its reason, which one message for all of them would not tell.
    assert summarize(answer.problems) == answer.problems


def test_pinning_links_twice_changes_nothing_more(engagement: Path) -> None:
    pin(engagement)
    before = {path: path.read_bytes() for path in (engagement / "findings").iterdir()}

    assert pin(engagement).messages == ()
    assert {path: path.read_bytes() for path in (engagement / "findings").iterdir()} == before


def test_what_was_fetched_counts_before_a_branch_of_the_auditors_own(engagement: Path) -> None:
    app = engagement / "app"
    git(app, "update-ref", "refs/remotes/origin/main", git(app, "rev-parse", "feature/x").strip())

    assert [problem.fault.partition(": ")[2].split(" at ")[0] for problem in pin(engagement).problems] == [
        "the clone has no such branch or tag",
        "new.py does not exist both",
    ]


def test_without_a_clone_every_link_is_left_and_says_why(engagement: Path) -> None:
    (engagement / "app").rename(engagement / "elsewhere")
    before = (engagement / "findings/A-1.finding.yaml").read_bytes()

    answer = pin(engagement)

    assert answer.messages == ()
    assert all("no clone of app" in problem.fault for problem in answer.problems)
    assert (engagement / "findings/A-1.finding.yaml").read_bytes() == before


def test_a_thousand_links_are_one_message_with_the_command(engagement: Path) -> None:
    links = "".join(f"  https://github.com/o/n/blob/main/same.py#L{number}\n" for number in range(1, 1025))
    (engagement / "findings/A-1.finding.yaml").write_text(f"title: x\nseverity: low\ndescription: |\n{links}")
    (engagement / "findings/engagement.yaml").write_text(
        (engagement / "findings/engagement.yaml").read_text().replace("sections: [{title: More, file: more.md}]\n", "")
    )

    warned = warnings_of(engagement)
    (message,) = summarize(warned)

    assert len(warned) == 1025
    assert message.fault.startswith("1,025 links name a branch or tag, not a commit")
    assert message.fault.endswith("A-1.finding.yaml:4, 5, 6 and 1,021 more places"), message.fault
    assert message.remedy == "run `findings-report pin --links`"


def test_an_address_is_proposed_only_where_pin_would_write_it(engagement: Path) -> None:
    remedies = {warning.remedy for warning in warnings_of(engagement) if warning.remedy}
    written = {message.rpartition(": ")[2].removeprefix("//") for message in pin(engagement).messages}

    proposed = {url for remedy in remedies for url in re.findall(r"https://\S+", remedy)}
    assert proposed == {url if url.startswith("http") else f"https://{url}" for url in written}
    assert sum("`pin --links` leaves it, because" in remedy for remedy in remedies) == 3


@pytest.mark.parametrize("evidence", [True, False])
def test_without_a_clone_no_address_is_proposed(engagement: Path, *, evidence: bool) -> None:
    (engagement / "app").rename(engagement / "elsewhere")

    checked = commands.check(commands.Inputs(engagement, {}, evidence=evidence), lambda _: None)

    warned = [problem for problem in checked.problems if problem.code == "link-not-pinned"]
    assert len(warned) == 10
    assert not any("https://" in (problem.remedy or "") for problem in warned)


def test_before_the_pin_the_two_commands_are_named(engagement: Path) -> None:
    path = engagement / "findings/engagement.yaml"
    path.write_text(re.sub(r", commit: \w+", ", revision: feature/x", path.read_text()))

    assert {problem.remedy for problem in warnings_of(engagement)} == {
        "`findings-report pin`, then `findings-report pin --links`"
    }
