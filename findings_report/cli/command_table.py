"""The commands: one row each, from which the help, the README's table and docs/reference.md are made.

A row names its function as text, so that the table costs nothing to read: a module of commands is imported when one of
its commands runs, or prints its help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Command:
    """One command of the program."""

    name: str
    """The words to type; two for a command of a subgroup, as in `tickets sync`."""
    group: str
    """The heading in the help, one of GROUPS."""
    summary: str
    """One sentence in the imperative, at most 60 characters, for the list of commands."""
    example: str
    """A typical command line, without the name of the program."""
    function: str
    """`module.function` below `findings_report.cli`."""

    @property
    def word(self) -> str:
        """The first word of the name."""
        return self.name.partition(" ")[0]


GROUPS: Final = ("Write", "Check", "Deliver", "Follow up", "Set up")
"""What people do, in the order in which they do it."""

# In the order of the work, which is the order of the help and of the README.
COMMANDS: Final[tuple[Command, ...]] = (
    Command("init", "Write", "Start an engagement, with JSON Schemas for editors.", "init", "authoring.init"),
    Command("new", "Write", "Add a finding, empty or from your library.", 'new "Missing rate limit"', "authoring.new"),
    Command(
        "import review", "Write", "Import a prose review as findings.", "import review review.md", "authoring.import_review"
    ),
    Command("list", "Write", "Print the findings as a table.", "list", "authoring.list_findings"),
    Command("pin", "Write", "Pin each repository that is not pinned yet.", "pin", "support.pin"),
    Command("fetch", "Write", "Clone the cited commits of repositories with a url.", "fetch", "support.fetch"),
    Command("check", "Check", "Check the findings, and every quote against git.", "check --strict", "build.check"),
    Command("explain", "Check", "Explain a problem code.", "explain quote-moved", "support.explain"),
    Command("build", "Deliver", "Check, then write the report.", "build -f html -f pdf", "build.build"),
    Command(
        "attach", "Deliver", "Attach the report to its tickets.", "attach build/report.pdf --to jira:SEC-12", "tickets.attach"
    ),
    Command(
        "tickets create",
        "Deliver",
        "Create a ticket for each unresolved finding.",
        "tickets create --to jira:SEC",
        "tickets.create",
    ),
    Command("tickets sync", "Deliver", "Update the tickets of findings.", "tickets sync", "tickets.sync"),
    Command("tickets export", "Deliver", "Write files for a tracker's import.", "tickets export -f jira", "tickets.export"),
    Command("sign", "Deliver", "Sign a PDF or a manifest.", "sign build/report.pdf --key key.p12", "pdf.sign"),
    Command("encrypt", "Deliver", "Encrypt a PDF (AES-256).", "encrypt build/report.pdf", "pdf.encrypt"),
    Command("verify", "Deliver", "Check a PDF's signature and data, or a manifest.", "verify build/report.pdf", "pdf.verify"),
    Command("extract", "Deliver", "Extract the report's JSON from its PDF.", "extract build/report.pdf", "pdf.extract"),
    Command("track", "Follow up", "Find the cited code at another commit.", "track --to 1.1 --update", "track.track"),
    Command(
        "diff",
        "Follow up",
        "Compare two reports and check their claims.",
        "diff report-1.0 --template fix-review -f pdf",
        "diff.diff",
    ),
    Command("doctor", "Set up", "List missing dependencies.", "doctor", "support.doctor"),
    Command("cache show", "Set up", "List what is kept on this machine.", "cache show", "support.show_cache"),
    Command("cache clear", "Set up", "Remove what is kept on this machine.", "cache clear acme", "support.clear_cache"),
    Command("demo", "Set up", "Write a sample repository and engagement.", "demo quicknotes", "support.demo"),
    Command("template list", "Set up", "List the templates.", "template list", "authoring.list_templates"),
    Command(
        "template show", "Set up", "Print a file of a template.", "template show front.html.j2", "authoring.show_template_file"
    ),
    Command(
        "template copy",
        "Set up",
        "Copy a template's files, to change them.",
        "template copy standard cover.html.j2",
        "authoring.copy_template",
    ),
    Command("schema", "Set up", "Print the JSON Schema of a file.", "schema engagement", "authoring.schema"),
)

SUBGROUPS: Final = {
    "import": "Import findings from other files.",
    "template": "List, print and copy the templates of reports.",
    "tickets": "Create, update and export tickets for findings.",
    "cache": "List and remove rendered pages and clones that are kept on this machine.",
}
"""The first word of two-word names, with the summary of the subgroup."""

EXAMPLES: Final = (
    "demo quicknotes            # a sample to try out",
    "build quicknotes           # its report, as HTML and PDF",
    "init && findings-report pin    # your own engagement",
    'new "Missing rate limit" --path app/login.py --lines 10-20',
    "list --status open --severity high",
    "check --strict",
)
"""Command lines for the help of the program, in the order of the work, without its name."""
