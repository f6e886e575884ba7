"""The package's description and addresses in its metadata. A hook of hatchling.

    FINDINGS_REPORT_ADDRESS=https://git.example.org/findings-report/blob/v1.0   address of the files of this version

Without the variable the README is unchanged: nobody but the publisher knows where the package will be, and a relative link
is better than one that leads to somebody else. With it, links to files of the repository lead there, and the metadata name it.
Pictures lead to the files themselves: a web page that shows a picture is none.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE_LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)\s]+\))")
_RELATIVE_PICTURE = re.compile(r"(!\[[^\]\[]*\]\()(?![a-z]+:|#)([^)\s]+\))")


def raw_address(address: str) -> str:
    """Return where the bytes of files are, by the address of their pages; the same for a place without pages.

    GitHub and GitLab have `blob` in the addresses of pages and `raw` in those of files, Gitea and Forgejo `src` and `raw`.
    """
    # The last one: an owner or a repository may have such a name.
    for word in ("/blob/", "/src/"):
        before, found, after = f"{address}/".rpartition(word)
        if found:
            return f"{before}/raw/{after}".rstrip("/")
    return address


class MetadataHook(MetadataHookInterface):
    """Sets `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set both; `urls` only if the address is known."""
        text = Path(self.root, "README.md").read_text("utf-8")
        if address := os.environ.get("FINDINGS_REPORT_ADDRESS", "").rstrip("/"):
            text = _RELATIVE_PICTURE.sub(rf"\g<1>{raw_address(address)}/\g<2>", text)
            text = _RELATIVE_LINK.sub(rf"\g<1>{address}/\g<2>", text)
            metadata["urls"] = {
                "Documentation": f"{address}/docs",
                "Changelog": f"{address}/CHANGELOG.md",
                "Security": f"{address}/SECURITY.md",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
