"""Attaching as a user does it, without a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from findings_report.problems import FindingsReportError, Problem
from findings_report.report.check import Inputs
from findings_report.tickets.attach import Errand, attach
from findings_report.tickets.create import Order, create
from findings_report.tickets.http.credentials import Surroundings
from findings_report.tickets.session import Done
from findings_report.tickets.sync import Wish, sync

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40
FINDING = "title: One\nseverity: high\ndescription: Something is *wrong*.\ncwe: CWE-89\n"


@dataclass(frozen=True)
class Work:
    """A folder with an engagement, and a report that was built of it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def report(self) -> Path:
        return self.root / "build" / "report.pdf"

    @property
    def lock(self) -> str:
        return (self.root / "findings" / "tickets.lock.yaml").read_text()

    def build(self, content: bytes = PDF) -> None:
        self.report.parent.mkdir(exist_ok=True)
        self.report.write_bytes(content)

    def attach(self, to: str, path: Path | None = None, **wishes: object) -> Done:
        errand = Errand((path or self.report,), (to,), Inputs(self.root, {}), **wishes)  # type: ignore[arg-type]  # named as they are there
        return attach(errand, Surroundings(self.environment), lambda _: None)

    def attach_to(self, path: Path, to: tuple[str, ...], **wishes: object) -> Done:
        errand = Errand((path,), to, Inputs(self.root, {}), **wishes)  # type: ignore[arg-type]  # likewise
        return attach(errand, Surroundings(self.environment), lambda _: None)

    def attach_all(self, **wishes: object) -> Done:
        """As `attach` without arguments."""
        errand = Errand((), (), Inputs(self.root, {}), **wishes)  # type: ignore[arg-type]  # likewise
        return attach(errand, Surroundings(self.environment), lambda _: None)

    def create(self, to: str, **wishes: object) -> Done:
        order = Order(to, **wishes)  # type: ignore[arg-type]  # likewise
        return create(Inputs(self.root, {}), order, Surroundings(self.environment), lambda _: None)

    def sync(self, **wishes: object) -> Done:
        wish = Wish(**wishes)  # type: ignore[arg-type]  # likewise
        return sync(Inputs(self.root, {}), wish, Surroundings(self.environment), lambda _: None)

    def finding(self, id: str, text: str) -> Path:
        path = self.root / "findings" / f"{id}.finding.yaml"
        path.write_text(text)
        return path

    def refused(self, to: str, path: Path | None = None, **wishes: object) -> Problem:
        """The one error that keeps everything from being sent."""
        return _refused(lambda: self.attach(to, path, **wishes))

    def refused_tickets(self, to: str, **wishes: object) -> Problem:
        """The same, where tickets were to be made."""
        return _refused(lambda: self.create(to, **wishes))


def _refused(call: Callable[[], Done]) -> Problem:
    with pytest.raises(FindingsReportError) as caught:
        call()
    (problem,) = [each for each in caught.value.problems if each.level == "error"]
    return problem


def made(root: Path, environment: Mapping[str, str]) -> Work:
    findings = root / "findings"
    findings.mkdir()
    (findings / "engagement.yaml").write_text('format: 1\ntitle: "Review of *quicknotes*"\nversion: "1.1"\n')
    (findings / "A-1.finding.yaml").write_text(FINDING)
    work = Work(root, dict(environment))
    work.build()
    return work
