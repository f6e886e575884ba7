"""A Gitea on loopback that keeps what it is sent. Gitea's own document has the last word on every request and every answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from http.server import ThreadingHTTPServer
from typing import Any

from trackers import contract
from trackers.fake import Fake, Reply, Request

REPOSITORY = "/api/v1/repos/client/audit"
TOKEN = "0123456789abcdef0123456789abcdef01234567"


class GiteaDouble(Fake):
    """One repository, client/audit."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        super().__init__(server)
        self.contract = contract.gitea()
        self.is_private = True
        self.page_size = 2
        """MAX_RESPONSE_ITEMS: less than is asked for, as an installation may have set it."""
        self.issues: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.labels: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.instead: dict[tuple[str, str], Reply] = {}
        """By method and path, an answer instead of the real one."""

    def add_issue(self, title: str = "The audit", body: str = "", label: str | None = None) -> int:
        number = len(self.issues) + 1
        labels = [each for each in self.labels if each["name"] == label]
        self.issues[number] = {
            "id": 100 + number,
            "number": number,
            "title": title,
            "body": body,
            # The address in the settings of the installation, which is not the one at which it was asked.
            "html_url": f"https://git.inside.example/client/audit/issues/{number}",
            "state": "open",
            "labels": labels,
            "assets": [],
            "due_date": None,
            "assignees": None,
        }
        self.comments[number] = []
        return number

    def add_file(self, number: int, name: str, content: bytes) -> dict[str, Any]:
        uuid = f"{len(self.files) + 1:08x}-0000-4000-8000-000000000000"
        self.files[uuid] = content
        asset = {"id": 7 * len(self.files), "name": name, "size": len(content), "uuid": uuid}
        asset["browser_download_url"] = f"https://git.inside.example/attachments/{uuid}"
        self.issues[number]["assets"].append(asset)
        return asset

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        reply = self.instead.get((request.method, request.path)) or self._answer(request)
        self._answered.append((request, reply))
        return reply

    def sent(self) -> Iterator[Request]:
        """The requests that change something."""
        return (request for request in self.requests if request.method != "GET")

    def _answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"token {TOKEN}":
            return Reply({"message": "token is required"}, 401)
        for method, pattern, handle in self._routes():
            if request.method == method and (match := re.fullmatch(pattern, request.path)):
                return handle(request, *match.groups())
        return Reply({"message": "Not Found"}, 404)

    def _routes(self) -> list[tuple[str, str, Callable[..., Reply]]]:
        issues, issue = f"{REPOSITORY}/issues", rf"{REPOSITORY}/issues/(\d+)"
        return [
            ("GET", "/api/v1/user", lambda _: Reply({"id": 1, "login": "ada"})),
            ("GET", REPOSITORY, lambda _: Reply({"private": self.is_private, "full_name": "client/audit"})),
            ("GET", f"{REPOSITORY}/labels", lambda request: self._page(request, self.labels)),
            ("POST", f"{REPOSITORY}/labels", self._create_label),
            ("GET", issues, self._list),
            ("POST", issues, self._create),
            ("GET", issue, lambda _, number: self._of(number, lambda: Reply(self.issues[int(number)]))),
            ("PATCH", issue, lambda request, number: self._of(number, lambda: self._edit(request, int(number)))),
            ("GET", f"{issue}/comments", lambda _, number: self._of(number, lambda: Reply(self.comments[int(number)]))),
            (
                "POST",
                f"{issue}/comments",
                lambda request, number: self._of(number, lambda: self._comment(request, int(number))),
            ),
            ("POST", f"{issue}/assets", lambda request, number: self._of(number, lambda: self._attach(request, int(number)))),
            ("POST", f"{issue}/labels", lambda request, number: self._label(int(number), request.json()["labels"])),
            ("DELETE", rf"{issue}/labels/(\d+)", lambda _, number, id: self._label(int(number), (), int(id))),
            ("GET", f"{REPOSITORY}/assignees", lambda _: Reply([{"login": "Ada"}, {"login": "bob"}])),
            ("GET", r"/attachments/([0-9a-f-]+)", lambda _, uuid: Reply(content=self.files[uuid])),
        ]

    def _of(self, number: str, answer: Callable[[], Reply]) -> Reply:
        return answer() if int(number) in self.issues else Reply({"message": "issue does not exist"}, 404)

    def _page(self, request: Request, elements: list[dict[str, Any]]) -> Reply:
        first = (int(request.query.get("page", "1")) - 1) * self.page_size
        return Reply(elements[first : first + self.page_size])

    def _list(self, request: Request) -> Reply:
        # As Gitea does: names of labels that the repository has not are passed over.
        wanted = {name for name in request.query.get("labels", "").split(",") if name in {each["name"] for each in self.labels}}
        listed = [each for each in self.issues.values() if not wanted or wanted & {label["name"] for label in each["labels"]}]
        return self._page(request, [each for each in listed if request.query.get("state") == "all" or each["state"] == "open"])

    def _create_label(self, request: Request) -> Reply:
        self.labels.append({"id": 50 + len(self.labels), **request.json(), "color": request.json()["color"].lstrip("#")})
        return Reply(self.labels[-1], 201)

    def _create(self, request: Request) -> Reply:
        document = request.json()
        number = self.add_issue(document["title"], document["body"])
        issue = self.issues[number]
        issue["labels"] = [each for each in self.labels if each["id"] in document["labels"]]
        assert len(issue["labels"]) == len(set(document["labels"]))
        self._set(issue, document)
        return Reply(issue, 201)

    def _edit(self, request: Request, number: int) -> Reply:
        self._set(self.issues[number], request.json())
        return Reply(self.issues[number], 201)

    def _label(self, number: int, added: Sequence[int], removed: int | None = None) -> Reply:
        issue = self.issues[number]
        ids = {*(label["id"] for label in issue["labels"]), *added} - {removed}
        issue["labels"] = [label for label in self.labels if label["id"] in ids]
        return Reply(issue["labels"]) if removed is None else Reply(status=204)

    def _set(self, issue: dict[str, Any], document: dict[str, Any]) -> None:
        issue |= {name: document[name] for name in ("title", "body", "due_date", "state") if name in document}
        if document.get("unset_due_date"):
            issue["due_date"] = None
        if "assignees" in document:
            issue["assignees"] = [{"login": name} for name in document["assignees"]] or None

    def _comment(self, request: Request, number: int) -> Reply:
        self.comments[number].append({"id": 900 + len(self.comments[number]), "body": request.json()["body"], "assets": []})
        return Reply(self.comments[number][-1], 201)

    def _attach(self, request: Request, number: int) -> Reply:
        (part,) = request.parts()
        assert part.field == "attachment"
        return Reply(self.add_file(number, request.query["name"], part.content), 201)
