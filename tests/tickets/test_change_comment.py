"""The comment of a CI job: nothing in it acts on the forge, and a forge may answer anything."""

from __future__ import annotations

import re

import pytest
from trackers.fake import Fake, Reply

from findings_report.problems import FindingsReportError, Kind
from findings_report.tickets import change_comment
from findings_report.tickets.change_comment import ChangeRequest, compose, publish_comment

TOKEN = "token-" + "0123456789" * 4

# What GitLab leaves out when it looks for commands: Gitlab::QuickActions::Extractor, CODE_REGEX. Its end is the first such
# line, however long the fence at the beginning is.
GITLAB_CODE = re.compile(r"^```.+?\n```\ *$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "text",
    [
        "/close",
        "```\n/close\n```",
        "`````\n/close",
        "a\n```\n/merge\n```\n/label ~x",
        "  ```\n   /close",
        "~~~\n/close",
        "```\r\n/close",
        "```  \x0c/close",
        "<pre>\n/close\n</pre>\n```\n/close",
    ],
)
def test_no_line_of_a_text_is_a_command_to_gitlab(text: str) -> None:
    written = compose("report", {"The report": text, "What changed": text}, None)

    assert not re.search(r"^\s*/", GITLAB_CODE.sub("", written), re.MULTILINE)
    assert len(re.findall(r"^(`{3,})text\n(?:.*\n)*?\1$", written, re.MULTILINE)) == 2


def test_colours_and_links_of_a_terminal_are_left_out() -> None:
    coloured = "\x1b[1;31merror:\x1b[0m \x1b]8;;https://example.org\x1b\\A-1\x1b]8;;\x1b\\: bad\x07 \x1b[2Jx"

    written = compose("report", {"The report": f"\x1b[36m::error::x\x1b[0m\n{coloured}"}, None)

    # What is no colour and no link stays visible.
    assert "```text\nerror: A-1: bad\\u{0007} \\u{001B}[2Jx\n```" in written


@pytest.mark.parametrize(
    "reply",
    [
        Reply(content=b"[" * 200_000),
        Reply(content=b"\xff\xfe[]"),
        Reply(content=b"<html>sign in</html>", headers={"Content-Type": "text/html"}),
        Reply(content=b"[" + b" " * 17_000_000 + b"]"),
        Reply(content=b'{"username": ' + b"9" * 5000 + b"}"),
        Reply(None, 307, headers={"Location": "https://elsewhere.example.org/"}),
        Reply({"message": TOKEN}, 500),
        Reply(is_cut=True),
        Reply(content=b"[] ", drip_seconds=0.2),
    ],
    ids=["deep", "binary", "page", "large", "number", "redirect", "fault", "cut", "slow"],
)
def test_an_answer_of_any_kind_is_one_problem_without_the_token(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_comment, "_MOST_SECONDS", 0.1)
    with Fake.started() as forge:
        forge.expect("GET", "/user", reply)
        notes = f"{forge.url}/projects/5/merge_requests/7/notes"
        change = ChangeRequest("gitlab", notes, notes, f"{forge.url}/user", {"PRIVATE-TOKEN": TOKEN}, TOKEN, None)

        with pytest.raises(FindingsReportError) as raised:
            publish_comment(change, "report", "text")

    (problem,) = raised.value.problems
    assert (problem.kind, problem.code) == (Kind.NETWORK, "change-comment")
    assert TOKEN not in f"{problem.fault} {problem.remedy}"


@pytest.mark.parametrize(
    ("listed", "fault"),
    [
        (None, "answers with no list of comments"),
        ({"notes": []}, "answers with no list of comments"),
        ([{}] * 100, "lists more than"),
    ],
    ids=["null", "object", "without end"],
)
def test_no_second_comment_is_written_where_the_list_cannot_be_read_to_its_end(
    listed: object, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_comment, "_MOST_PAGES", 2)
    with Fake.started() as forge:
        forge.expect("GET", "/user", Reply({"username": "bot"}))
        for _ in range(2):
            forge.expect("GET", "/projects/5/merge_requests/7/notes", Reply(listed))
        notes = f"{forge.url}/projects/5/merge_requests/7/notes"
        change = ChangeRequest("gitlab", notes, notes, f"{forge.url}/user", {"PRIVATE-TOKEN": TOKEN}, TOKEN, None)

        with pytest.raises(FindingsReportError, match=fault):
            publish_comment(change, "report", "text")

    assert [request.method for request in forge.requests if request.method != "GET"] == []
