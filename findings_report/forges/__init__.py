"""Addresses on the forges that host repositories: permalinks, and links to branches that can be pinned.

In: the URL of a repository, a commit, a path, lines; or a text with links. Out: addresses. No network is used: a forge is
recognised by its host's name. Must not know reports, YAML or documents.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from findings_report.forges.permalinks import (
        BranchLink,
        PinnedLink,
        build_permalink,
        find_branch_links,
        find_homes,
        pin_addresses,
        rewrite_links,
        strip_credentials,
    )

__all__ = [
    "BranchLink",
    "PinnedLink",
    "build_permalink",
    "find_branch_links",
    "find_homes",
    "pin_addresses",
    "rewrite_links",
    "strip_credentials",
]

_MODULES: Final = {
    "BranchLink": "branch_links",
    "PinnedLink": "branch_links",
    "build_permalink": "permalinks",
    "find_branch_links": "branch_links",
    "find_homes": "branch_links",
    "pin_addresses": "branch_links",
    "rewrite_links": "branch_links",
    "strip_credentials": "permalinks",
}


def __getattr__(name: str) -> object:
    """Return a public name from its module, which is imported on first use: a command enters only the modules it needs."""
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"findings_report.forges.{_MODULES[name]}"), name)
