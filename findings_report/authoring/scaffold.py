"""What `init` and `demo` write: files that stand in this folder, as values. No disk is written here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

RELEASES = ("1.0", "1.1")
"""The releases of the demo's repository, oldest first; each is a git tag."""


def init_files(written: str) -> dict[str, bytes]:
    """The files of a new engagement, by name. `written` is its title as a YAML scalar."""
    folder = resources.files("findings_report.authoring") / "init"
    engagement = (folder / "engagement.yaml").read_text("utf-8").format(title=written)
    return {"engagement.yaml": engagement.encode(), "FIRST-001.finding.yaml": (folder / "FIRST-001.finding.yaml").read_bytes()}


def demo_release(release: str) -> dict[str, bytes]:
    """The files of one release of the demo's repository, by path."""
    return dict(_files(resources.files("findings_report.authoring") / "demo" / release, ""))


def demo_findings() -> dict[str, bytes]:
    """The files of the demo's engagement, by name."""
    return dict(_files(resources.files("findings_report.authoring") / "demo" / "findings", ""))


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith(".pyc"):
            yield prefix + entry.name, entry.read_bytes()
