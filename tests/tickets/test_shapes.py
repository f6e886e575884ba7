"""Whatever JSON answers at a tracker's address, it is a fault of the answer that is told, and never a traceback."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import problem_of
from test_changes import CHANGED, SCENES
from trackers.fake import Fake, Reply, Request
from trackers.work import FINDING, Work, made

from findings_report.problems import FindingsReportError, Kind
from findings_report.report.archive import to_json
from findings_report.tickets.http.response import ApiModel, Flag, Number, Size, Text, parse_answer
from findings_report.tickets.session import TicketsResult

NAMES = """id key name title body fields summary attachment filename size comments total text url user login username issue
issues project projects is_public visibility private upload token markdown upload_url state assets items Subject Type Data
NewValue Filename ContentLength Content authenticatedUser relations rel attributes resourceSize comment result sys_id number iid
file_name sys_class_name size_bytes continuationToken workItems value
referenceName allowedValues correlation_id issue_priorities active notes journals description web_url html_url
uuid private labels assignees due_date results next files notes entry test test_id unique_id_from_tool severity active
""".split()  # noqa: SIM905 - a list of words reads best as words

ANSWERED = ["id", "key", "iid", "number", "issue", "items", "issues", "value", "workItems", "result"]
WORDS = st.sampled_from(["", "AttachedFile", "AttachmentDrop", "uploaded", "9"]) | st.text(max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
KINDS = {Kind.NETWORK, Kind.USAGE}


class Wild(Fake):
    """Answers what stands at a path, and one thing to all else, in whatever order it is asked."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.known: dict[str, Reply] = {}
        self.else_answered: object = None

    def answer(self, request: Request) -> Reply:
        return (self.known if request.method == "GET" else {}).get(request.path, Reply(self.else_answered))


def places(document: object) -> list[tuple[Any, ...]]:
    """The way to every value in a document, its own among them."""
    keys = list(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [(), *((key, *rest) for key in keys for rest in places(document[key]))]  # type: ignore[index]  # it is one of the two


def with_value(document: Any, place: tuple[Any, ...], value: object) -> Any:
    if not place:
        return value
    changed = copy.copy(document)
    changed[place[0]] = with_value(document[place[0]], place[1:], value)
    return changed


def kinds(do: Callable[[], TicketsResult]) -> set[Kind]:
    """Of all that is told: an answer may be refused, and nothing else may come of it."""
    try:
        problems = do().problems
    except FindingsReportError as error:
        problems = error.problems
    return {problem.kind for problem in problems}


@pytest.mark.slow
@pytest.mark.hypothesis
@pytest.mark.parametrize("name", SCENES)
def test_no_answer_of_a_tracker_is_a_traceback(tmp_path: Path, name: str) -> None:
    scene = SCENES[name]
    with Wild.started() as wild:
        work = made(tmp_path, scene.environment(wild.url))
        (tmp_path / "report.json").write_bytes(to_json(CHANGED))
        good = {path: answer for path, answer in scene.asked(wild.url) if not isinstance(answer, Reply)}
        replies = {path: answer for path, answer in scene.asked(wild.url) if isinstance(answer, Reply)}
        assert isinstance(wild, Wild)

        @settings(max_examples=examples(16))
        @given(st.data())
        def attached(data: st.DataObject) -> None:
            path = data.draw(st.sampled_from(sorted(good)))
            changed = with_value(good[path], data.draw(st.sampled_from(places(good[path]))), data.draw(DOCUMENTS))
            wild.known = {each: Reply(answer) for each, answer in {**good, path: changed}.items()} | replies
            wild.else_answered = data.draw(DOCUMENTS)

            assert kinds(lambda: work.attach(scene.ref, tmp_path / "report.json", public=True)) <= KINDS

        attached()


@pytest.mark.slow
@pytest.mark.hypothesis
@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("jira-cloud", "jira:SEC"),
        ("gitlab", "gitlab:group/project"),
        ("github", "github:owner/name"),
        ("gitea", "gitea:owner/name"),
        ("defectdojo", "defectdojo:engagement/12"),
        ("redmine", "redmine:audit"),
        ("rt", "rt:General"),
        ("azure", "azure:The audit"),
        ("servicenow", "servicenow:incident"),
    ],
)
def test_nor_is_one_while_tickets_are_made_and_brought_in_step(tmp_path: Path, name: str, project: str) -> None:
    with Wild.started() as wild:
        work = made(tmp_path, SCENES[name].environment(wild.url))
        assert isinstance(wild, Wild)

        @settings(max_examples=examples(12))
        @given(DOCUMENTS, st.data())
        def made_anew(answered: object, data: st.DataObject) -> None:
            fresh(work)
            good = {path: answer for path, answer in SCENES[name].asked(wild.url) if not isinstance(answer, Reply)}
            likely = st.dictionaries(
                st.sampled_from(["id", "key", "iid", "number", "issue", "items", "issues", "value", "workItems", "result"]),
                DOCUMENTS,
            )
            wild.known = {path: Reply(answer) for path, answer in good.items()}
            wild.else_answered = data.draw(likely | st.just(answered))

            assert kinds(lambda: work.create(project, public=True)) <= KINDS
            work.finding("A-1", FINDING.replace("One", "Two"))
            assert kinds(work.sync) <= KINDS

        made_anew()


def fresh(work: Work) -> None:
    (work.root / "findings" / "tickets.lock.yaml").unlink(missing_ok=True)
    work.finding("A-1", FINDING)


class Inner(ApiModel):
    c: Flag | None = None
    t: Text = ""


class Middle(ApiModel):
    b: tuple[Inner, ...] = ()


class Outer(ApiModel):
    a: Middle = Middle()
    n: Number = 0
    e: Size = 0
    z: Text = "x"
    s: Text = ""


def test_an_answer_is_read_in_the_types_that_trackers_write() -> None:
    document = {"a": {"b": [{"c": True}]}, "n": "12", "e": "", "z": None, "s": "\ud800", "unknown": 1}

    outer = parse_answer(Outer, document, "redmine:17")

    assert (outer.n, outer.e, outer.z, outer.s) == (12, 0, "x", "?")
    assert outer.a.b[0].c is True
    assert parse_answer(Outer, {"z": 5}, "redmine:17").z == "5"
    assert parse_answer(tuple[Inner, ...], {"items": []}, "redmine:17", "items") == ()


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"a": {"b": [{"t": True}]}}, "no text at a.b[0].t"),
        ({"n": True}, "no whole number at n"),
        ({"n": "1.5"}, "no whole number at n"),
        ({"a": 1}, "no object at a"),
        ({"a": {"b": 1}}, "no list at a.b"),
        ({"a": {"b": [{"c": "yes"}]}}, "no true or false at a.b[0].c"),
        ({"a": {"b": [1]}}, "no object at a.b[0]"),
        ([], "no object"),
    ],
)
def test_a_value_of_the_wrong_type_is_reported_with_its_place(document: object, place: str) -> None:
    problem = problem_of(lambda: parse_answer(Outer, document, "redmine:17"))

    assert problem.fault == f"redmine:17: the tracker's response has {place}"
    assert problem.code == "tracker-answer"


def test_a_missing_list_is_reported_with_its_name() -> None:
    problem = problem_of(lambda: parse_answer(tuple[Inner, ...], {"items": {}}, "redmine:17", "items"))

    assert problem.fault.endswith("has no list at items")
