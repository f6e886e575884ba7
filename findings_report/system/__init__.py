"""The machine that the program runs on: files, the cache folder, and the versions of what decides the bytes of a document.

In: bytes and paths. Out: files that are published completely or not at all (`atomic_files`), entries of the cache
(`cache`), and versions by name (`toolchain`). Nothing here knows what the bytes are: no documents, findings or
templates.

`locked`, `publish`, `publish_new` and `publish_edited` come from `atomic_files`; the other modules are imported by their own
name, so that `cache.root()` and `toolchain.INSTALL` read as what they are.
"""

from findings_report.system.atomic_files import publish, publish_edited, publish_new
from findings_report.system.journal import locked

__all__ = ["locked", "publish", "publish_edited", "publish_new"]
