"""The client to trackers: what is repeated and what is not, what is refused, and that no secret is told."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import problem_of
from trackers.fake import Fake, Reply

from findings_report.problems import Kind, Problem
from findings_report.tickets.http.client import ApiClient, open_client
from findings_report.tickets.http.credentials import Credentials
from findings_report.tickets.http.response import ApiModel, extract_message, redact

SECRET = "s3cret/token+=="


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def client(fake: Fake, waited: list[float]) -> Iterator[ApiClient]:
    with open_client(credentials(fake.url), waited.append) as opened:
        yield opened


def credentials(url: str) -> Credentials:
    return Credentials("redmine", url, {"X-Key": SECRET}, (SECRET,), "REDMINE_API_KEY", "REDMINE_URL")


def refused(client: ApiClient, method: str = "GET") -> Problem:
    return problem_of(lambda: client.send(method, "/x", "redmine:17"))


def test_the_token_goes_with_every_request_as_a_header(fake: Fake, client: ApiClient) -> None:
    fake.expect("GET", "/x", {"ok": True})

    answer = client.send("GET", "/x", "redmine:17")

    assert answer.json() == {"ok": True}
    assert fake.requests[0].headers["x-key"] == SECRET


def test_a_read_is_repeated_when_the_server_fails_for_a_moment(fake: Fake, client: ApiClient, waited: list[float]) -> None:
    fake.expect("GET", "/x", Reply(status=502))
    fake.expect("GET", "/x", Reply(is_cut=True))
    fake.expect("GET", "/x", {"ok": True})

    assert client.send("GET", "/x", "redmine:17").status == 200
    assert waited == [1.0, 2.0]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("answer", [Reply(status=500), Reply(status=503), Reply(is_cut=True)])
def test_what_changes_something_is_never_sent_again_blindly(fake: Fake, client: ApiClient, method: str, answer: Reply) -> None:
    fake.expect(method, "/x", answer)

    problem = refused(client, method)

    assert problem.kind is Kind.NETWORK
    assert problem.code == ("tracker-no-answer" if answer.is_cut else "tracker-server")
    assert "run the command again" in (problem.remedy or "")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_was_turned_away_unread_is_sent_again_when_the_tracker_says(
    fake: Fake, client: ApiClient, waited: list[float], method: str
) -> None:
    fake.expect(method, "/x", Reply(status=429, headers={"Retry-After": "7"}))
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    fake.expect(method, "/x", Reply(status=429, headers={"Retry-After": later}))
    fake.expect(method, "/x", {})

    client.send(method, "/x", "redmine:17")

    assert waited[0] == 7.0
    assert 25 < waited[1] <= 30


def test_a_wait_that_is_too_long_is_told_instead(fake: Fake, client: ApiClient, waited: list[float]) -> None:
    fake.expect("GET", "/x", Reply(status=429, headers={"Retry-After": "3600"}))

    problem = refused(client)

    assert problem.code == "tracker-rate-limit"
    assert "3600 seconds" in problem.fault
    assert waited == []


@pytest.mark.parametrize(
    ("status", "document", "code"),
    [
        (401, None, "token"),
        (403, None, "rights"),
        (404, None, "ticket"),
        (413, None, "too-large"),
        (422, {"errors": ["it exceeds the maximum allowed file size (5)"]}, "too-large"),
        (422, {"errors": ["Subject cannot be blank"]}, "refused"),
        (302, None, "redirect"),
    ],
)
def test_each_refusal_has_a_message_of_its_own(fake: Fake, client: ApiClient, status: int, document: object, code: str) -> None:
    fake.expect("POST", "/x", Reply(document, status, {"Location": "https://elsewhere.example/x?key=1"}))

    problem = refused(client, "POST")

    assert (problem.kind, problem.code) == (Kind.NETWORK, f"tracker-{code}")
    assert code != "refused" or "Subject cannot be blank" in problem.fault


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_to_its_end(
    fake: Fake, client: ApiClient, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("findings_report.tickets.http.client._MAX_RESPONSE_SECONDS", 0.3)
    fake.expect("GET", "/x", Reply(content=b" " * 100, drip_seconds=0.1))

    problem = refused(client)

    assert problem.code == "tracker-unreachable"
    assert "not complete within 0 seconds" in problem.fault
    assert waited == []


def test_an_answer_without_end_is_not_read_to_it(fake: Fake, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings_report.tickets.http.client._MAX_RESPONSE_BYTES", 1000)
    fake.expect("GET", "/x", [0] * 1000)

    assert "no end within 1,000 bytes" in refused(client).fault


def test_no_session_is_kept_so_that_an_anonymous_question_is_one(fake: Fake, client: ApiClient) -> None:
    fake.expect("GET", "/x", Reply({}, headers={"Set-Cookie": "JSESSIONID=1; Path=/"}))
    fake.expect("GET", "/x", Reply(status=401))
    client.send("GET", "/x", "redmine:17")

    assert not client.is_readable_by_anybody("/x", "redmine:17")
    assert "cookie" not in fake.requests[1].headers


def test_a_download_is_what_came_byte_for_byte(fake: Fake, client: ApiClient) -> None:
    content = bytes(range(256)) * 10
    fake.expect("GET", "/x", Reply(content=content, headers={"Content-Encoding": "gzip"}))

    assert client.download("/x", "redmine:17", max_bytes=len(content)) == content
    assert fake.requests[0].headers["x-key"] == SECRET
    assert fake.requests[0].headers["accept-encoding"] == "identity"


def test_a_download_that_is_sent_on_is_followed_and_the_token_stays_behind(fake: Fake, client: ApiClient) -> None:
    with Fake.started() as store:
        fake.expect("GET", "/x", Reply(status=302, headers={"Location": "/y"}))
        fake.expect("GET", "/y", Reply(status=307, headers={"Location": f"{store.url}/signed?key=1"}))
        store.expect("GET", "/signed", Reply(content=b"it"))

        assert client.download("/x", "redmine:17", max_bytes=100, accept="text/x-more") == b"it"

        store.check()
        asked = [*fake.requests[1:], *store.requests]
    assert fake.requests[0].headers["x-key"] == SECRET
    assert not any({"x-key", "referer"} & set(each.headers) for each in asked)
    assert store.requests[0].query == {"key": "1"}


@pytest.mark.parametrize(
    "where",
    ["http://elsewhere.example/x?key=1", "ftp://127.0.0.1/x", "", "https://me:pw@example.org/x", "https://[", "file:///x"],
)
def test_a_download_is_not_sent_on_over_what_others_can_read(fake: Fake, client: ApiClient, where: str) -> None:
    fake.expect("GET", "/x", Reply(status=302, headers={"Location": where}))

    problem = problem_of(lambda: client.download("/x", "redmine:17", max_bytes=100))

    assert problem.code == "tracker-redirect"
    assert "key=1" not in problem.fault


def test_a_download_that_is_sent_in_circles_ends(fake: Fake, client: ApiClient) -> None:
    for _ in range(4):
        fake.expect("GET", "/x", Reply(status=302, headers={"Location": "/x"}))

    assert problem_of(lambda: client.download("/x", "redmine:17", max_bytes=100)).code == "tracker-redirect"


def test_a_download_is_bounded(fake: Fake, client: ApiClient) -> None:
    fake.expect("GET", "/x", Reply(content=b"x" * 101))

    assert "no end within 100 bytes" in problem_of(lambda: client.download("/x", "redmine:17", max_bytes=100)).fault


def test_a_token_that_a_tracker_repeats_is_not_told(fake: Fake, client: ApiClient) -> None:
    basic = base64.b64encode(SECRET.encode()).decode()
    fake.expect("POST", "/x", Reply({"message": f"bad {SECRET} s3cret%2Ftoken%2B%3D%3D {basic}"}, 400))

    assert "bad *** *** ***" in refused(client, "POST").fault


def test_no_answer_in_time_is_told_with_what_it_means(fake: Fake, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client._transport._client, "timeout", 0.2)
    fake.expect("POST", "/x", Reply(stall_seconds=1))

    problem = refused(client, "POST")

    assert problem.code == "tracker-no-answer"
    assert "may have arrived" in problem.fault


def test_a_tracker_that_is_not_there_is_told(waited: list[float]) -> None:
    with Fake.started() as gone:
        url = gone.url

    with open_client(credentials(url), waited.append) as client:
        problem = refused(client, "POST")

    assert problem.code == "tracker-unreachable"
    assert "may have arrived" not in problem.fault


@pytest.mark.parametrize(
    "url", ["http://tracker.example.org", "ftp://127.0.0.1", "tracker", "https://me:pw@example.org", "", "https://["]
)
def test_an_address_over_which_a_token_must_not_travel_is_refused(url: str) -> None:
    def opened() -> None:
        with open_client(replace(credentials("https://x"), url=url)):
            pass

    assert problem_of(opened).kind is Kind.USAGE


@pytest.mark.parametrize(
    "address", ["https://elsewhere.example/upload", "@elsewhere.example/x", ".elsewhere.example", "https://["]
)
def test_an_address_that_the_tracker_names_on_another_host_gets_no_token(client: ApiClient, address: str) -> None:
    problem = problem_of(lambda: client.send("POST", address, "redmine:17"))

    assert problem.code == "tracker-host"


@given(st.integers(min_value=250, max_value=310))
def test_a_secret_at_the_end_of_a_long_message_is_not_told_in_part(before: int) -> None:
    message = extract_message({"message": "x" * before + SECRET}, (SECRET,))

    assert SECRET[:4] not in message
    assert len(message) <= 300


@given(st.text(min_size=8), st.text(), st.text())
def test_no_secret_survives_redaction(secret: str, before: str, after: str) -> None:
    assert secret not in redact(before + secret + after, (secret,)).replace("***", "\0")


@pytest.mark.parametrize("when", ["\xb2", "Mon, 01 Jan 99999999 00:00:00 GMT"])
def test_a_time_to_wait_that_is_none_is_passed_over(fake: Fake, client: ApiClient, waited: list[float], when: str) -> None:
    fake.expect("GET", "/x", Reply(status=503, headers={"Retry-After": when}))
    fake.expect("GET", "/x", {})

    assert client.send("GET", "/x", "redmine:17").status == 200
    assert waited == [1.0]


def test_an_answer_that_cannot_be_decompressed_is_a_fault_of_the_tracker(fake: Fake, client: ApiClient) -> None:
    for _ in range(3):
        fake.expect("GET", "/x", Reply({}, headers={"Content-Encoding": "gzip"}))

    assert refused(client).code == "tracker-unreachable"


def test_a_list_that_leads_back_to_itself_ends(fake: Fake, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings_report.tickets.http.client._MAX_PAGES", 3)
    for _ in range(3):
        fake.expect("GET", "/x", Reply([{}], headers={"Link": '</x>; rel="next"'}))

    assert problem_of(lambda: list(client.iterate(ApiModel, "/x", "redmine:17", {}))).code == "tracker-answer"


def test_a_list_that_takes_too_long_ends(fake: Fake, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings_report.tickets.http.client._MAX_LIST_SECONDS", 0.1)
    fake.expect("GET", "/x", Reply([{}], headers={"Link": '</x>; rel="next"'}, stall_seconds=0.2))

    assert problem_of(lambda: list(client.iterate(ApiModel, "/x", "redmine:17", {}))).code == "tracker-answer"


def test_a_next_page_at_an_impossible_address_is_refused(fake: Fake, client: ApiClient) -> None:
    fake.expect("GET", "/x", Reply([{}], headers={"Link": '</\x01>; rel="next"'}))

    assert problem_of(lambda: list(client.iterate(ApiModel, "/x", "redmine:17", {}))).code == "tracker-answer"


def test_a_refusal_of_lists_in_lists_says_nothing() -> None:
    document: list[object] = []
    for _ in range(5000):
        document = [document]

    assert extract_message(document, ()) == ""
