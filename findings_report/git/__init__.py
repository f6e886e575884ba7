"""The only package that starts git, and the only one that knows how a repository is stored.

In: the path or URL of a repository, revisions, paths, ids. Out: commits, entries, contents, hunks and renames, as values. Must
not know findings, engagements or what is done with what it reads.

A repository under audit is hostile until read: see `repository` for how it is opened, `layout` for where it may lead,
`objects` for what is believed of it, `fetch` for how one is cloned.
"""

from __future__ import annotations

from findings_report.git.fetch import fetch_repository
from findings_report.git.history import (
    Patch,
    Rename,
    diff_blobs,
    find_merge_base,
    find_renames_between,
    list_changes,
    list_commits_naming,
    list_patches,
    list_renames_along,
    list_text_changes,
)
from findings_report.git.layout import enclosing_folder
from findings_report.git.objects import LARGEST_OBJECT, EntryKind, TreeEntry
from findings_report.git.process import version
from findings_report.git.repository import PathEntry, Repository, open_repository

__all__ = [
    "LARGEST_OBJECT",
    "EntryKind",
    "Patch",
    "PathEntry",
    "Rename",
    "Repository",
    "TreeEntry",
    "diff_blobs",
    "enclosing_folder",
    "fetch_repository",
    "find_merge_base",
    "find_renames_between",
    "list_changes",
    "list_commits_naming",
    "list_patches",
    "list_renames_along",
    "list_text_changes",
    "open_repository",
    "version",
]
