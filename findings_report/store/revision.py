"""An engagement's folder as it stands in a commit of the git repository that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from findings_report.errors import FindingsReportError, Kind, Place, Problem

if TYPE_CHECKING:
    from findings_report import git

_LARGEST = 32 * 1024 * 1024


class Revision:
    """The files below a folder in one commit; links and submodules are not followed."""

    def __init__(self, repository: git.Repository, commit: str, prefix: str, *, shown: str) -> None:
        """`commit` is a full hash; `prefix` the folder from the repository's root, POSIX, empty for the root itself."""
        self._repository = repository
        self._commit = commit
        self._prefix = f"{prefix}/" if prefix else ""
        self.shown = shown

    def names(self) -> tuple[str, ...]:
        """Paths of all files below the folder, hidden ones left out."""
        paths = (path for path, _ in self._repository.files(self._commit) if path.startswith(self._prefix))
        below = (path.removeprefix(self._prefix) for path in paths)
        return tuple(sorted(path for path in below if not any(part.startswith(".") for part in path.split("/"))))

    def read(self, name: str) -> bytes | None:
        """The bytes of `name`; None when the commit has no such file. Raises for a link, and for a file too large."""
        from findings_report.git import EntryKind

        entry = self._repository.entry(self._commit, self._prefix + name)
        if entry is None:
            return None
        place = Place(f"{self.shown}/{name}")
        if entry.kind is not EntryKind.FILE:
            raise FindingsReportError(Problem(Kind.INPUT, "cannot be read: it is not a file", place=place, code="unreadable"))
        if entry.size is not None and entry.size > _LARGEST:
            fault = f"cannot be read: it has {entry.size:,} bytes; at most {_LARGEST:,} are read"
            raise FindingsReportError(Problem(Kind.INPUT, fault, place=place, code="unreadable"))
        return self._repository.blob(entry.id)
