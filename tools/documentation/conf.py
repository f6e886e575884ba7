"""Sphinx' settings for the documentation site, which `tools/build_site.py` builds from docs/ (`make site`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "findings-report"
extensions = ["myst_parser"]
root_doc = "index"

# The pages are read on forges and in the terminal as well: plain GFM, with GitHub's anchors, and none of MyST's own syntax.
myst_heading_anchors = 6
myst_enable_extensions = ["strikethrough", "tasklist"]
myst_disable_syntax = ["myst_block_break", "myst_role", "myst_target"]
suppress_warnings = ["myst.strikethrough"]  # MyST warns that formats other than HTML, which nobody builds, do not have it

html_theme = "furo"
html_title = "findings-report"
html_theme_options: dict[str, Any] = {"footer_icons": []}
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False
html_css_files = ["site.css"]
html_static_path = ["static"]
pygments_style = "friendly"

NAVIGATION: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Start", ("start", "features", "verdicts", "comparison")),
    ("Write", ("authoring", "importing", "language-models")),
    ("Deliver", ("gallery", "look", "templates", "languages", "office", "archival", "tickets")),
    ("Follow up", ("diff", "matching")),
    ("Automate", ("ci", "json", "api", "formats", "manifest", "cluster")),
    ("Trust", ("security", "SECURITY")),
    ("Look up", ("commands", "reference", "problems", "performance", "upgrading", "CHANGELOG")),
    ("Develop", ("CONTRIBUTING", "architecture", "dependencies", "weasyprint-tagging")),
)
"""The pages by heading, in the order in which the navigation lists them. A page that is missing here fails the build."""


def add_navigation(_: Sphinx, page: str, source: list[str]) -> None:
    """Append the navigation to the first page, as a directive that its Markdown does not have to contain."""
    if page == root_doc:
        for caption, pages in NAVIGATION:
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the navigation."""
    app.connect("source-read", add_navigation)
    return {"parallel_read_safe": True}
