"""Markdown to the markups of issue trackers: ADF, Jira wiki markup, Textile, HTML, plain text.

In: Markdown under the prose policy, and a `Markup`. Out: text in that markup. The folder must not know trackers,
tickets or findings.
"""

from findings_report.tickets.markup.convert import convert, truncate

__all__ = ["convert", "truncate"]
