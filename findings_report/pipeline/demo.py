"""What `demo` does: a repository and an engagement on it, to play with."""

from __future__ import annotations

from pathlib import Path

from findings_report import authoring
from findings_report.pipeline.pin import pin
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.problems.safe_text import shown_path
from findings_report.report.check import Inputs


def demo(folder: Path) -> Path:
    """Writes the demo's repository, its two releases tagged, and its engagement, pinned to the first; the folder."""
    from findings_report.authoring import scaffold
    from findings_report.git.create import record
    from findings_report.system.atomic_files import publish

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fault = f"{shown_path(folder)} is not an empty folder"
        raise FindingsReportError(Problem(Kind.USAGE, fault, "name a new one"))
    publish({folder / authoring.FOLDER / name: content for name, content in scaffold.demo_findings().items()})
    record(folder / "app", {release: scaffold.demo_release(release) for release in scaffold.RELEASES})
    pin(Inputs(folder, {}), to=None, only=None)
    return folder
