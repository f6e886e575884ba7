"""The comment of a CI job on its pull request (GitHub) or merge request (GitLab): one, which later runs update.

A job installs the run-time packages only, so this uses Python's own HTTP and not the client of the trackers. The texts are what
`build` and `diff` printed, which holds titles of findings: they stay within a block of code, where a forge neither renders
Markdown nor notifies people nor executes quick actions.

Sources: GitHub's REST API, issues/comments; GitLab's REST API, notes of merge requests; the variables of both forges' jobs.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import visible

Action = Literal["created", "updated", "unchanged", "skipped"]

_LONGEST: Final = 60_000  # characters; GitHub takes 65,536 of a comment, GitLab a million
_PER_PAGE: Final = 100
# A change with more comments gets a second one of ours: better than a job that reads for minutes.
_MOST_PAGES: Final = 50
_SECONDS: Final = 30.0
_MOST_SECONDS: Final = 120.0
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_LARGEST_EVENT: Final = 4 * 1024 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/]|-(?!-)){0,99}\Z")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+\Z")
_TIME: Final = re.compile(r"(?<=B) {2}[0-9]{1,9}\.[0-9] s\Z")
"""How long a file was rendered, at the end of the line about it."""
# Colours and links of a terminal (ECMA-48, 8.3.117; OSC 8): a workflow may set FORCE_COLOR for all of its programs.
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*+m|\x1b\]8;[^\x07\x1b]*+(?:\x07|\x1b\\)")
# GitLab looks for commands with a pattern that takes the first line of three backticks for the end of a block, whatever began
# it (Gitlab::QuickActions::Extractor): a slash behind such a line would be carried out.
_GUARDED: Final = re.compile(r"^(?=[ \t]*(?:/|`{3}|~{3}))")
_ACTIONS_BOT: Final = "github-actions[bot]"


@dataclass(frozen=True)
class ChangeRequest:
    """A pull or merge request, and how its comments are reached."""

    forge: Literal["github", "gitlab"]
    comments: str
    """Address of its comments."""
    comment: str
    """Address of one of them, without its id."""
    user: str
    """Address of the owner of the token."""
    headers: Mapping[str, str]
    """Sent with every request; they contain the token."""
    token: str
    """Removed from every message."""
    job: str | None
    """Address of the page of the job."""


@dataclass(frozen=True)
class CommentResult:
    """What was done with the comment."""

    action: Action
    text: str
    """The comment."""
    why: str = ""
    """For `skipped`: the reason, as a sentence without full stop."""


def compose(name: str, sections: Mapping[str, str], job: str | None) -> str:
    """Return the comment: a hidden mark, by which a later run finds it, and each section's text as a block of code.

    `sections` are texts by heading. A text that is too long is cut, and says so. Raises FindingsReportError (USAGE) for a
    name that the mark cannot have.
    """
    if not _NAME.match(name):
        fault, remedy = f"--name {name!r} is no name", "use up to 100 letters, digits, blanks and . _ / -"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="options"))
    parts = [_mark(name)]
    # The same share for each, so that a long report does not push out what changed.
    room = (_LONGEST - 1000) // max(len(sections), 1)
    for heading, text in sections.items():
        # Annotations of GitHub Actions are on the page already. With times each run would change the comment.
        shown = (line for line in _ESCAPES.sub("", text).splitlines() if not line.lstrip().startswith("::"))
        lines = [_GUARDED.sub("\u200b", _TIME.sub("", visible(line).rstrip())) for line in shown]
        kept: list[str] = []
        used = 0
        for line in lines:
            used += len(line) + 1
            if used > room:
                break
            kept.append(line)
        # Longer than any run of backticks in the text, which could end the block.
        longest = max((len(run) for run in re.findall("`++", "\n".join(kept))), default=0)
        fence = "`" * max(longest + 1, 3)
        more = f"\n\n{len(lines) - len(kept):,} more lines are in the log of the job." if len(kept) < len(lines) else ""
        parts.append(f"### {heading}\n\n{fence}text\n" + "\n".join(kept) + f"\n{fence}{more}")
    if job is not None and re.fullmatch(r"https?://[!-'*-;=?-~]+", job):
        parts.append(f"[The job]({job}) has the files.")
    return "\n\n".join(parts) + "\n"


def _mark(name: str) -> str:
    return f"<!-- findings-report: {name} -->"


def find_change_request(variables: Mapping[str, str]) -> ChangeRequest | str:
    """Return the pull or merge request of the CI job with these variables, or why there is none to comment on.

    Raises FindingsReportError (USAGE) outside of both forges, and without a token.
    """
    if variables.get("GITHUB_ACTIONS") == "true":
        return _find_on_github(variables)
    if variables.get("GITLAB_CI") == "true":
        return _find_on_gitlab(variables)
    fault, remedy = "this is no job of GitHub Actions or GitLab CI", "run it there; --dry-run prints the comment"
    raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="change-comment"))


def _find_on_github(variables: Mapping[str, str]) -> ChangeRequest | str:
    try:
        with Path(variables.get("GITHUB_EVENT_PATH", "")).open("rb") as file:
            event = json.loads(file.read(_LARGEST_EVENT))
    except (OSError, ValueError, RecursionError):
        event = None
    change = _member(event, "pull_request")
    number, repository = _member(change, "number"), variables.get("GITHUB_REPOSITORY", "")
    if not isinstance(number, int) or not _REPOSITORY.match(repository):
        return "the job is not of a pull request"
    source = _member(_member(_member(change, "head"), "repo"), "full_name")
    # Its token can only read, whatever the workflow asks for.
    if source != repository and variables.get("GITHUB_EVENT_NAME") != "pull_request_target":
        return "the pull request is from a fork, whose jobs may not comment"
    token = _token(variables, "GITHUB_TOKEN", "GITHUB_TOKEN: ${{ github.token }}")
    api = _address(variables.get("GITHUB_API_URL") or "https://api.github.com")
    server, run = variables.get("GITHUB_SERVER_URL"), variables.get("GITHUB_RUN_ID")
    issues = f"{api}/repos/{repository}/issues"
    return ChangeRequest(
        "github",
        f"{issues}/{number}/comments",
        f"{issues}/comments",
        f"{api}/user",
        {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"},
        token,
        f"{server}/{repository}/actions/runs/{run}" if server and run else None,
    )


def _find_on_gitlab(variables: Mapping[str, str]) -> ChangeRequest | str:
    project, number = variables.get("CI_PROJECT_ID", ""), variables.get("CI_MERGE_REQUEST_IID", "")
    if not (re.fullmatch("[0-9]{1,18}", project) and re.fullmatch("[0-9]{1,18}", number)):
        return "the job is not of a merge request"
    # The token of a job cannot write notes.
    token = _token(variables, "GITLAB_TOKEN", "a masked variable with a project access token of the scope api")
    api = _address(variables.get("CI_API_V4_URL", ""))
    notes = f"{api}/projects/{project}/merge_requests/{number}/notes"
    return ChangeRequest("gitlab", notes, notes, f"{api}/user", {"PRIVATE-TOKEN": token}, token, variables.get("CI_JOB_URL"))


def _token(variables: Mapping[str, str], name: str, remedy: str) -> str:
    if not (token := variables.get(name, "").strip()) or not re.fullmatch("[!-~]+", token):
        raise FindingsReportError(
            Problem(Kind.USAGE, f"{name} is not set to a token", f"set it: {remedy}", code="change-comment")
        )
    return token


def _address(url: str) -> str:
    """Return the address of an API. Raises FindingsReportError (USAGE) for one to which a token must not go in clear text."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")):
        fault = f"{visible(url)[:200]!r} is no address that begins with https"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "set the address of the API", code="change-comment"))
    return url.rstrip("/")


def publish_comment(change: ChangeRequest, name: str, text: str) -> Action:
    """Write the comment, or update that of an earlier run. Raises FindingsReportError (NETWORK)."""
    author = _find_author(change)
    own = _find_own(change, author, name)
    if not own:
        created = _send(change, "POST", change.comments, {"body": text})
        # Two jobs may have found none at once. The first comment stays, and each job removes its own if it is another.
        own = _find_own(change, author, name)
        first = min((id for id, _ in own), default=None)
        if first is None or first == _member(created, "id"):
            return "created"
        _send(change, "DELETE", f"{change.comment}/{_member(created, 'id')}")
    # The oldest, which people have answered.
    id, body = min(own)
    # Forges store line ends as they like.
    if body.replace("\r\n", "\n").strip() == text.strip():
        return "unchanged"
    _send(change, "PATCH" if change.forge == "github" else "PUT", f"{change.comment}/{id}", {"body": text})
    return "updated"


def _find_author(change: ChangeRequest) -> str:
    """Return the name under which the token writes: comments of others are not touched, whatever mark they have."""
    # The token of a job of GitHub Actions is that of an app, and may not ask who it is.
    user = _send(change, "GET", change.user, may_refuse=change.forge == "github")
    name = _member(user, "login" if change.forge == "github" else "username")
    return name if isinstance(name, str) else _ACTIONS_BOT


def _find_own(change: ChangeRequest, author: str, name: str) -> list[tuple[int, str]]:
    """Return (id, text) of the comments with the mark that `author` wrote."""
    own: list[tuple[int, str]] = []
    for page in range(1, _MOST_PAGES + 1):
        listed = _send(change, "GET", f"{change.comments}?per_page={_PER_PAGE}&page={page}")
        if not isinstance(listed, list):
            raise _failure(change, "the forge answers with no list of comments", "run the job again")
        for entry in listed:
            id, body = _member(entry, "id"), _member(entry, "body")
            writer = _member(_member(entry, "user" if change.forge == "github" else "author"), _NAMES[change.forge])
            if isinstance(id, int) and isinstance(body, str) and writer == author and body.startswith(_mark(name)):
                own.append((id, body))
        if len(listed) < _PER_PAGE:
            return own
    # Without the rest of the list, an earlier comment could be missed and a second one written.
    fault = f"the forge lists more than {_MOST_PAGES * _PER_PAGE:,} comments"
    raise _failure(change, fault, "delete old ones, or continue on another pull request")


_NAMES: Final = {"github": "login", "gitlab": "username"}


def _member(value: Any, key: str) -> Any:
    """Return a member of an answer; None if the answer is no object or has none: any program may answer."""
    return value.get(key) if isinstance(value, dict) else None


# urllib sends its headers again wherever it is led.
class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, which could lead the token to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return None, so that the redirect is an error."""


_OPENER: Final = urllib.request.build_opener(_NoRedirect)


def _send(
    change: ChangeRequest, method: str, url: str, document: Mapping[str, str] | None = None, *, may_refuse: bool = False
) -> Any:
    """Send a request and return the JSON of the answer; None for none, and if `may_refuse` for a refusal of the token."""
    content = None if document is None else json.dumps(document).encode()
    headers = {
        **change.headers,
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "findings-report",
    }
    request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310  # `_address` has looked at it
    try:
        with _OPENER.open(request, timeout=_SECONDS) as response:
            answer = _read(response)
    except urllib.error.HTTPError as error:
        with error:
            if may_refuse and error.code in (401, 403, 404):
                return None
            raise _refusal(change, method, error) from None
    # ValueError: an address that http.client does not take.
    except (OSError, HTTPException, ValueError) as error:
        raise _failure(change, f"{urlsplit(url).hostname} does not answer: {error}", "run the job again") from None
    if answer is not None and len(answer) > _LARGEST_ANSWER:
        raise _failure(
            change, f"{urlsplit(url).hostname} answers with more than {_LARGEST_ANSWER:,} bytes", "run the job again"
        )
    if answer is None:
        raise _failure(change, f"{urlsplit(url).hostname} does not complete its answer", "run the job again")
    try:
        return json.loads(answer) if answer.strip() else None
    except (ValueError, RecursionError):
        raise _failure(change, f"{urlsplit(url).hostname} does not answer with JSON", "set the address of the API") from None


def _read(response: HTTPResponse) -> bytes | None:
    """Return the answer, and little more than _LARGEST_ANSWER bytes of it; None if it takes longer than _MOST_SECONDS."""
    until = time.monotonic() + _MOST_SECONDS
    answer = bytearray()
    # The time-out of the connection is for each piece: a server that sends byte after byte would hold up the job for ever.
    while len(answer) <= _LARGEST_ANSWER and (piece := response.read1(1 << 16)):
        answer += piece
        if time.monotonic() > until:
            return None
    return bytes(answer)


def _refusal(change: ChangeRequest, method: str, error: urllib.error.HTTPError) -> FindingsReportError:
    rights = {
        "github": "give the job `permissions: {pull-requests: write}`",
        "gitlab": "give GITLAB_TOKEN the scope api and the role Developer",
    }
    remedy = rights[change.forge] if error.code in (401, 403, 404) else None
    if 300 <= error.code < 400:
        remedy = "set the address of the API, which a redirect does not change: the token would go with it"
    return _failure(change, f"the forge answers {method} of the comment with {error.code}", remedy)


def _failure(change: ChangeRequest, fault: str, remedy: str | None) -> FindingsReportError:
    return FindingsReportError(Problem(Kind.NETWORK, fault.replace(change.token, "***"), remedy, code="change-comment"))
