"""A new repository from files: what `demo` needs. The only place where this program writes commits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from findings_report.git import process
from findings_report.problems import FindingsReportError, Kind, Place, Problem

_DAY = 86_400
_FIRST = 1_767_225_600  # 2026-01-01 in UTC: the same files always give the same commits


def create_repository(folder: Path, releases: Mapping[str, Mapping[str, bytes]]) -> None:
    """Makes `folder` a repository with one tagged commit per release, in their order; the last one is checked out.

    Each release is its files by path; what a release does not name is gone in it. Raises FindingsReportError (OUTPUT).
    """
    try:
        folder.mkdir(parents=True)
        _run(folder, ["init", "--quiet", "--template=", "--initial-branch=main"], 0)
        earlier: set[str] = set()
        for index, (release, files) in enumerate(releases.items()):
            for path in earlier - files.keys():
                (folder / path).unlink()
            for path, content in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
            earlier = set(files)
            _run(folder, ["add", "--all"], index)
            _run(folder, ["commit", "--quiet", "--message", f"Release {release}"], index)
            _run(folder, ["tag", release], index)
    except OSError as error:
        raise _fault(folder, error.strerror or str(error)) from None


def _run(folder: Path, arguments: list[str], index: int) -> None:
    who = {"NAME": "quicknotes", "EMAIL": "quicknotes@example.org", "DATE": f"{_FIRST + index * 30 * _DAY} +0000"}
    names = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in who.items()}
    answer = process.run(arguments, environment=process.environment() | names, folder=folder, seconds=60)
    if answer.status != 0:
        raise _fault(folder, answer.fault or f"git {arguments[0]} failed")


def _fault(folder: Path, fault: str) -> FindingsReportError:
    return FindingsReportError(
        Problem(Kind.OUTPUT, f"cannot make a repository: {fault}", place=Place(str(folder)), code="cannot-write")
    )
