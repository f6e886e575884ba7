"""Whatever JSON answers at a tracker's address, it is a fault of the answer that is told, and never a traceback."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import problem_of
from test_changes import CHANGED, SCENES
from trackers.fake import Fake, Reply, Request
from trackers.work import FINDING, Work, made

from findings_report.problems import FindingsReportError, Kind
from findings_report.report.archive import to_json
from findings_report.tickets.http.response import Fields, objects
from findings_report.tickets.session import Done

NAMES = """id key name title body fields summary attachment filename size comments total text url user login username issue
issues project projects is_public visibility private upload token markdown upload_url state assets items Subject Type Data
NewValue Filename ContentLength Content authenticatedUser relations rel attributes resourceSize comment result sys_id number iid
file_name sys_class_name size_bytes continuationToken workItems value
referenceName allowedValues correlation_id issue_priorities active notes journals description web_url html_url
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


def kinds(do: Callable[[], Done]) -> set[Kind]:
    """Of all that is told: an answer may be refused, and nothing else may come of it."""
    try:
        problems = do().problems
    except FindingsReportError as error:
        problems = error.problems
    return {problem.kind for problem in problems}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_no_answer_of_a_tracker_is_a_traceback(tmp_path: Path, name: str) -> None:
    scene = SCENES[name]
    with Wild.started() as wild:
        work = made(tmp_path, scene.environment(wild.url))
        (tmp_path / "report.json").write_bytes(to_json(CHANGED))
        good = {path: answer for path, answer in scene.asked(wild.url) if not isinstance(answer, Reply)}
        replies = {path: answer for path, answer in scene.asked(wild.url) if isinstance(answer, Reply)}
        assert isinstance(wild, Wild)

        @settings(max_examples=40, deadline=None)
        @given(st.data())
        def attached(data: st.DataObject) -> None:
            path = data.draw(st.sampled_from(sorted(good)))
            changed = with_value(good[path], data.draw(st.sampled_from(places(good[path]))), data.draw(DOCUMENTS))
            wild.known = {each: Reply(answer) for each, answer in {**good, path: changed}.items()} | replies
            wild.else_answered = data.draw(DOCUMENTS)

            assert kinds(lambda: work.attach(scene.ref, tmp_path / "report.json", public=True)) <= KINDS

        attached()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("jira-cloud", "jira:SEC"),
        ("gitlab", "gitlab:group/project"),
        ("github", "github:owner/name"),
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

        @settings(max_examples=30, deadline=None)
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


def test_what_is_not_of_its_type_is_told_with_its_place() -> None:
    fields = Fields({"a": {"b": [{"c": True}]}, "n": "12", "e": "", "z": None, "s": "\ud800"}, "redmine:17")

    assert fields.number("n") == 12
    assert fields.number("e", 3) == 3
    assert fields.text("z", "x") == "x"
    assert fields.text("s") == "?"
    assert fields.several("z") == []
    (inner,) = fields.fields("a").several("b")
    assert inner.flag("c", False)
    for wrong, told in (
        (lambda: inner.text("c"), "no text at a.b[0].c"),
        (lambda: inner.number("c"), "no whole number at a.b[0].c"),
        (lambda: fields.fields("n"), "no object at n"),
        (lambda: fields.several("a"), "no list at a"),
        (lambda: fields.flag("n", True), "no true or false at n"),
        (lambda: objects([1], "redmine:17"), "no object at [0]"),
    ):
        assert told in problem_of(wrong).fault
