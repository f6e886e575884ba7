"""A DefectDojo on loopback that keeps what it is sent. Its own document has the last word on every request and every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from typing import Any

from trackers import contract
from trackers.fake import Fake, Reply, Request

API = "/api/v2"
TOKEN = "fedcba9876543210fedcba9876543210fedcba98"
# The keys that the parser of generic findings allows, as DefectDojo 2.57 has them, as far as this program writes them.
ALLOWED = """title severity description date cwe cwes cvssv3 cvssv3_score cvssv4 cvssv4_score mitigation impact
steps_to_reproduce severity_justification references active verified false_p risk_accepted under_review is_mitigated mitigated
line file_path static_finding dynamic_finding scanner_confidence unique_id_from_tool vuln_id_from_tool service
planned_remediation_date tags endpoints""".split()  # noqa: SIM905  # a list of words reads best as words


class DojoDouble(Fake):
    """Engagement 12 and what is imported into it."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        super().__init__(server)
        self.contract = contract.defectdojo()
        self.objects: dict[str, dict[int, dict[str, Any]]] = {
            "engagements": {12: {"id": 12, "name": "Audit of spring"}},
            "tests": {},
            "findings": {},
        }
        self.files: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self.stored: dict[int, bytes] = {}
        self.notes: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self.instead: dict[tuple[str, str], Reply] = {}
        """By method and path, an answer instead of the real one."""
        self.imports: list[str] = []

    @property
    def findings(self) -> dict[int, dict[str, Any]]:
        return self.objects["findings"]

    def sent(self) -> Iterator[Request]:
        """The requests that change something."""
        return (request for request in self.requests if request.method != "GET")

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        reply = self.instead.get((request.method, request.path)) or self._answer(request)
        self._answered.append((request, reply))
        return reply

    def _answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return Reply({"detail": "Invalid token."}, 401)
        routes: list[tuple[str, str, Callable[..., Reply]]] = [
            ("GET", "/user_profile/", lambda _: Reply({"user": {"id": 1, "username": "ada"}})),
            ("GET", "/findings/", self._search),
            ("POST", "/(import|reimport)-scan/", self._import),
            ("GET", r"/(\w+)/(\d+)/", lambda _, kind, id: self._of(kind, id, lambda found: Reply(found))),
            ("PATCH", r"/(findings)/(\d+)/", self._change),
            ("GET", r"/(\w+)/(\d+)/files/", lambda _, kind, id: self._list(kind, id, self.files, "files")),
            ("GET", r"/(\w+)/(\d+)/notes/", lambda _, kind, id: self._list(kind, id, self.notes, "notes")),
            ("POST", r"/(\w+)/(\d+)/files/", self._add_file),
            ("POST", r"/(\w+)/(\d+)/notes/", self._add_note),
            ("GET", r"/(\w+)/(\d+)/files/download/(\d+)/", lambda _, *place: Reply(content=self.stored[int(place[-1])])),
        ]
        for method, pattern, handle in routes:
            if request.method == method and (match := re.fullmatch(f"{API}{pattern}", request.path)):
                return handle(request, *match.groups())
        return Reply({"detail": "Not found."}, 404)

    def _of(self, kind: str, id: str, answer: Callable[[dict[str, Any]], Reply]) -> Reply:
        found = self.objects.get(kind, {}).get(int(id))
        return answer(found) if found is not None else Reply({"detail": "Not found."}, 404)

    def _list(self, kind: str, id: str, lists: dict[tuple[str, int], list[dict[str, Any]]], name: str) -> Reply:
        return self._of(kind, id, lambda _: Reply({f"{kind[:-1]}_id": int(id), name: lists.get((kind, int(id)), [])}))

    def _search(self, request: Request) -> Reply:
        query = request.query
        tests = [test["id"] for test in self.objects["tests"].values() if test["engagement"] == int(query["test__engagement"])]
        found = [
            each
            for each in self.findings.values()
            if each["test"] in tests and query["unique_id_from_tool"].lower() in each["unique_id_from_tool"].lower()
        ]
        first = int(query["offset"])
        page = found[first : first + 1]  # one on a page, however many are asked for
        following = "https://dojo.inside.example/api/v2/findings/?offset=1" if len(found) > first + 1 else None
        # A real one takes `offset` for a number of elements; here a page has one, so that several are read.
        return Reply({"count": len(found), "next": following, "previous": None, "results": page})

    def _import(self, request: Request, how: str) -> Reply:
        form = {part.field: part.content for part in request.parts()}
        (finding,) = json.loads(form["file"])["findings"]
        assert not set(finding) - set(ALLOWED)
        assert form["close_old_findings"] == b"false"
        tests = self.objects["tests"]
        if how == "import":
            test = 31 + len(tests)
            tests[test] = {"id": test, "engagement": int(form["engagement"]), "title": form["test_title"].decode()}
        else:
            test = int(form["test"])
        self.imports.append(how)
        columns = {name: value for name, value in finding.items() if name not in ("cwes", "endpoints", "scanner_confidence")}
        same = [each for each in self.findings.values() if each["test"] == test and _hashed(each) == _hashed(finding)]
        if not same:
            id = 77 + len(self.findings)
            self.findings[id] = {"id": id, "test": test, **columns}
        names = {"test_id": test, "engagement_id": tests[test]["engagement"], "scan_type": form["scan_type"].decode()}
        return Reply(names, 201)

    def _change(self, request: Request, kind: str, id: str) -> Reply:
        self.objects[kind][int(id)] |= request.json()
        return Reply(self.objects[kind][int(id)])

    def _add_file(self, request: Request, kind: str, id: str) -> Reply:
        form = {part.field: part.content for part in request.parts()}
        title = form["title"].decode()
        if any(each["title"] == title for files in self.files.values() for each in files):
            return Reply({"title": ["file upload with this title already exists."]}, 400)
        number = 1 + len(self.stored)
        self.stored[number] = form["file"]
        file = {"id": number, "title": title, "file": f"https://dojo.inside.example/media/uploaded_files/{number}.pdf"}
        self.files.setdefault((kind, int(id)), []).insert(0, file)
        return Reply(file, 201)

    def _add_note(self, request: Request, kind: str, id: str) -> Reply:
        notes = self.notes.setdefault((kind, int(id)), [])
        notes.insert(0, {"id": 1 + len(notes), "entry": request.json()["entry"], "private": False})
        return Reply(notes[0], 201)


def _hashed(finding: dict[str, Any]) -> tuple[object, ...]:
    """The fields by which DefectDojo takes two findings for one."""
    return tuple(finding.get(name) for name in ("title", "cwe", "file_path", "line", "description"))
