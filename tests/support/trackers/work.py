"""Attaching as a user does it, without a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from findings_report.commands.tickets import attach
from findings_report.problems import FindingsReportError, Problem
from findings_report.report.check import Inputs
from findings_report.tickets.attach import AttachOptions
from findings_report.tickets.create_and_sync import CreateOptions, SyncOptions, create, sync
from findings_report.tickets.http.credentials import Environment
from findings_report.tickets.session import TicketsResult

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

    def attach(self, to: str, path: Path | None = None, **wishes: object) -> TicketsResult:
        options = AttachOptions((path or self.report,), (to,), Inputs(self.root, {}), **wishes)  # type: ignore[arg-type]  # named as they are there
        return attach(options, Environment(self.environment), lambda _: None)

    def attach_to(self, path: Path, to: tuple[str, ...], **wishes: object) -> TicketsResult:
        options = AttachOptions((path,), to, Inputs(self.root, {}), **wishes)  # type: ignore[arg-type]  # likewise
        return attach(options, Environment(self.environment), lambda _: None)

    def attach_all(self, **wishes: object) -> TicketsResult:
        """As `attach` without arguments."""
        options = AttachOptions((), (), Inputs(self.root, {}), **wishes)  # type: ignore[arg-type]  # likewise
        return attach(options, Environment(self.environment), lambda _: None)

    def create(self, to: str, **wishes: object) -> TicketsResult:
        order = CreateOptions(to, **wishes)  # type: ignore[arg-type]  # likewise
        return create(Inputs(self.root, {}), order, Environment(self.environment), lambda _: None)

    def sync(self, **wishes: object) -> TicketsResult:
        wish = SyncOptions(**wishes)  # type: ignore[arg-type]  # likewise
        return sync(Inputs(self.root, {}), wish, Environment(self.environment), lambda _: None)

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


def _refused(call: Callable[[], TicketsResult]) -> Problem:
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
