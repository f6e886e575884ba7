"""What every command reads: an engagement's folder, and the clones that its evidence is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from findings_report import authoring
from findings_report.pdf.embedded_data import Password, no_password

Progress = Callable[[str], None]
"""Is told, in a few words, what is being done."""


@dataclass(frozen=True)
class Inputs:
    """What a command reads."""

    folder: Path
    """The engagement's folder, or one from which it is found."""
    clones: Mapping[str, Path]
    """--repository, by name; empty for the only one."""
    borrow: tuple[Path, ...] = ()
    """--borrow: folders whose objects a clone may borrow."""
    evidence: bool = True
    """False with --no-evidence: git is left out."""
    password: Password = no_password
    """Asked for the password of a report that is an encrypted PDF."""


def read(inputs: Inputs) -> tuple[Path, authoring.Authored]:
    """The engagement's folder, and what people wrote in it. Raises FindingsReportError with every problem of it."""
    folder = authoring.find_folder(inputs.folder)
    return folder, authoring.load(authoring.Folder(folder))
