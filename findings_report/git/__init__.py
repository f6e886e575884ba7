"""The door to git: the only package that starts it, and the only one that knows how a repository is stored.

A repository under audit is hostile until read: see `repository` for how it is opened, `layout` for where it may lead,
`objects` for what is believed of it, `fetching` for how one is cloned.
"""

from findings_report.git.blobs import blobs
from findings_report.git.fetch import fetch_repository
from findings_report.git.history import Rename, changes_of, changes_of_text, merge_base, renames_along, renames_between
from findings_report.git.hunks import hunks
from findings_report.git.layout import enclosing_folder
from findings_report.git.objects import LARGEST_OBJECT, EntryKind, TreeEntry
from findings_report.git.process import version
from findings_report.git.repository import Entry, Repository, open_repository

__all__ = ["LARGEST_OBJECT", "Entry", "EntryKind", "Rename", "Repository", "TreeEntry"]
__all__ += ["blobs", "changes_of", "changes_of_text", "enclosing_folder", "fetch_repository", "hunks", "merge_base"]
__all__ += ["open_repository", "renames_along", "renames_between", "version"]
