"""What git has for the locations that findings cite.

In: an engagement, its findings, and a repository for each available clone. Out: one `Snippet` for each location, with the
verdict on its quote, and the files that the scope covers; problems come beside them as values. `resolve.resolve` is the entry;
`scope_survey.survey` lists the scope. Must not know YAML, reports, templates, or how a clone got to where it is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from findings_report.evidence.resolve import AvailableRepository, Budget, Resolution, resolve_location
    from findings_report.evidence.source_files import Clone, SourceFile, SourceFiles, find_clones, open_clones
    from findings_report.evidence.warnings import Survey, survey

__all__ = [
    "AvailableRepository",
    "Budget",
    "Clone",
    "Resolution",
    "SourceFile",
    "SourceFiles",
    "Survey",
    "find_clones",
    "open_clones",
    "resolve_location",
    "survey",
]

_MODULES: Final = {
    "AvailableRepository": "resolve",
    "Budget": "resolve",
    "Clone": "source_files",
    "Resolution": "resolve",
    "SourceFile": "source_files",
    "SourceFiles": "source_files",
    "Survey": "scope_survey",
    "find_clones": "source_files",
    "open_clones": "source_files",
    "resolve_location": "resolve",
    "survey": "scope_survey",
}


def __getattr__(name: str) -> object:
    """Return a public name from its module, which is imported on first use: a command enters only the modules it needs."""
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"findings_report.evidence.{_MODULES[name]}"), name)
