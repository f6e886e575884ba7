"""The filters of templates, and the dialects: what each format needs to print a value.

The tables of filters in docs/templates.md are generated from this file.

A filter is a public method of `Filters`; the first paragraph of its docstring is its row of the table, and EXAMPLES has how it
is written. Filters format values and decide nothing: counts, order and wording of results are settled before a template runs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from findings_report.model.comparison import ComparedFinding, ComparisonSide, FixState, Words
from findings_report.model.drift import DiffLine, Drift, Spot
from findings_report.model.engagement import Period, Severity
from findings_report.model.evidence import Check, Region, Snippet, Verdict
from findings_report.model.report import Picture, ReportedEngagement, ReportedFinding
from findings_report.model.translation import Translation
from findings_report.prose import Prose, parse_inline
from findings_report.prose.policy import plain_text, split_inline_code
from findings_report.rendering import colours, html, labels, markdown
from findings_report.rendering.figures import Figure, Part, translate_prose


class Dialect(Protocol):
    """How values are printed in a family of formats. The modules `html` and `markdown` implement it."""

    def escape(self, text: str) -> Markup:
        """Return a short text, none of whose characters is markup."""

    def mark_english(self, shown: Markup) -> Markup:
        """Return words of the program that are English in a report of another language, marked as such."""

    def mark_own(self, shown: Markup) -> Markup:
        """Return text in the report's language that is within such words, marked as such."""

    def code(self, text: str) -> Markup:
        """Return a short text as code within a line."""

    def isolate(self, shown: Markup, text: str) -> Markup:
        """Return `shown`, the markup of `text`, so that text from right to left in it leaves the order of what is around it."""

    def link(self, text: str | Markup, address: str | None) -> Markup:
        """Return `text` linked to a web address; only the text for any other address and for None."""

    def xref(self, target: str) -> Markup:
        """Return the address of another part of the document by its anchor."""

    def prose(self, parsed: Prose, part: Part, under: int) -> Markup:
        """Return the blocks of a text, with its headings below level `under`."""

    def inline(self, parsed: Prose, part: Part) -> Markup:
        """Return the content of one paragraph."""

    def code_block(self, snippet: Snippet, part: Part) -> Markup:
        """Return the lines of a snippet with numbers, marks and notes."""

    def differences(self, snippet: Snippet) -> Markup:
        """Return how an edited quote differs from the repository; empty when it does not."""

    def diff(self, lines: Sequence[DiffLine], language: str) -> Markup:
        """Return the diff of a cited range."""

    def wording(self, words: Sequence[Words]) -> Markup:
        """Return a changed text, word by word."""


@dataclass(frozen=True)
class TemplateFormat:
    """A format that templates are written in."""

    suffixes: tuple[str, ...]
    """Suffixes of its template files, `front.SUFFIX.j2`; the first that exists is used."""
    dialect: Dialect
    """How values are printed in it."""
    embeds_pictures: bool = True
    """False where pictures are files beside the text, addressed as `fr-asset:NAME`."""


FORMATS: Final = {
    "md": TemplateFormat(("md",), markdown),
    "html": TemplateFormat(("html",), html),
    # The confined process that lays out a PDF is given the pictures beside the page, and follows no other address.
    "pdf": TemplateFormat(("pdf.html", "html"), html, embeds_pictures=False),
}
"""Every format with templates. A new text format is one line here, its dialect, and its files in a template folder."""


def with_inline_code(text: str, dialect: Dialect) -> Markup:
    """Return a short text with what is in backticks as code; everything is escaped by the dialect."""
    runs = split_inline_code(text)
    return dialect.isolate(
        Markup("").join(dialect.code(run.text) if run.is_code else dialect.escape(run.text) for run in runs), text
    )


def data_address(picture: Picture) -> str:
    """Return an address that contains the bytes of a picture. Source: RFC 2397."""
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.content).decode()}"


EXAMPLES: Final = {
    "prose": "text | prose(2)",
    "inline": "text | inline",
    "figure": "snippet | figure",
    "figure_number": "snippet | figure_number",
    "code_block": "snippet | code_block",
    "differences": "snippet | differences",
    "citation": "snippet | citation",
    "verdict": "snippet.check | verdict",
    "verdict_words": "verdict | verdict_words",
    "lines": "regions | lines",
    "with_inline_code": "title | with_inline_code",
    "plain_text": "title | plain_text",
    "code": "text | code",
    "link": "text | link(address)",
    "xref": "id | xref",
    "address": "picture | address",
    "ticket": "ref | ticket",
    "only_for": "finding.audience | only_for",
    "label": '_("Severity") | label',
    "number": "count | number",
    "day": "date | day",
    "period": "engagement.period | period",
    "words": "value | words",
    "inline_words": "value | inline_words",
    "alternatives": "severities | alternatives",
    "rank": "severity | rank",
    "facets": "finding | facets",
    "blend": "colour | blend(other, 0.5)",
    "ensure_contrast": "colour | ensure_contrast(background)",
    "shades": "engagement.severities | shades(background)",
    "balance": "title | balance(26)",
    "sha256": "text | sha256",
}
"""How each filter is written, in the order of the table."""

COMPARISON_EXAMPLES: Final = {
    "diff": "region.drift.diff | diff(region.language)",
    "wording": "words | wording",
    "drift": "region.drift | drift",
    "cited": "drift | cited",
    "spot": "spot | spot",
    "code_words": "compared | code_words",
    "fix_words": "fix.state | fix_words",
    "side": "side | side",
}
"""How the filters for comparisons are written."""

RENAMED: Final = {
    "literal": "code",
    "bare": "plain_text",
    "coded": "with_inline_code",
    "mix": "blend",
    "readable": "ensure_contrast",
}
"""Filters of 0.1.0 by their old name. People's own templates use them, so the old names keep working."""

_OLD_NAME: Final = re.compile(rf"\|\s*({'|'.join(RENAMED)})\b")


@dataclass(frozen=True)
class Filters:
    """The filters of one document."""

    dialect: Dialect
    """How the document's format prints values."""
    engagement: ReportedEngagement
    """Language, severity scale and words for statuses come from it."""

    def by_name(self) -> Mapping[str, Callable[..., Any]]:
        """Return every filter by the names that templates may use."""
        # By name and not by inspection: a helper method must not become a filter by accident.
        filters = {name: getattr(self, name) for name in (*EXAMPLES, *COMPARISON_EXAMPLES)}
        return filters | {old: filters[new] for old, new in RENAMED.items()}

    @cached_property
    def _translation(self) -> Translation:
        return self.engagement.translation

    def _mark(self, text: str, value: str | None = None) -> str:
        """Return words of the program; marked as English if they are not in the report's language. `value` is theirs."""
        is_foreign = self._translation.is_fallback if value is None else self._translation.is_foreign(value)
        return self.dialect.mark_english(self.dialect.escape(text)) if is_foreign else text

    @pass_context
    def prose(self, context: Context, text: str, under: int = 2) -> Markup:
        """Authored Markdown under the [policy](authoring.md#prose), with headings below level 2."""
        part: Part = context["part"]
        return self.dialect.prose(part.parse(text), part, under)

    @pass_context
    def inline(self, context: Context, text: str) -> Markup:
        """The same within a line, for a caption."""
        return self.dialect.inline(translate_prose(parse_inline(text), self._translation), context["part"])

    @pass_context
    def figure(self, context: Context, snippet: Snippet) -> Markup:
        """The figure of a location, by `figure.*.j2`."""
        part: Part = context["part"]
        # A location without a number is drawn as well: own templates may print snippets of a part that numbers none.
        return part.draw(part, part.numbers.get(snippet.index, Figure("", snippet, None)), None)

    @pass_context
    def figure_number(self, context: Context, snippet: Snippet) -> str:
        """The number of its figure: `DEMO-001.1`; empty without a figure."""
        part: Part = context["part"]
        return part.numbers[snippet.index].number if snippet.index in part.numbers else ""

    @pass_context
    def code_block(self, context: Context, snippet: Snippet) -> Markup:
        """Its lines only; empty if it has none."""
        return self.dialect.code_block(snippet, context["part"])

    def differences(self, snippet: Snippet) -> Markup:
        """The differences of an edited quote."""
        return self.dialect.differences(snippet)

    def citation(self, snippet: Snippet) -> str:
        """`quicknotes/store.py#L22-L28`."""
        return labels.citation(snippet)

    def verdict(self, check: Check) -> str:
        """The verdict in words, with the details that a reader needs to judge it."""
        return self._mark(labels.verdict(check, self._translation))

    def verdict_words(self, verdict: Verdict) -> str:
        """One verdict in words."""
        return self._mark(self._translation.gettext(labels.VERDICT_WORDS[verdict]))

    def lines(self, regions: tuple[Region, ...]) -> str:
        """`lines 22-28, 31`."""
        return self._mark(labels.line_list(regions, self._translation))

    def with_inline_code(self, text: str) -> Markup:
        """A short text, with code in backticks formatted as code."""
        return with_inline_code(text, self.dialect)

    def plain_text(self, text: str) -> str:
        """A short text without the backticks around code, for an attribute."""
        return plain_text(text)

    @pass_context
    def code(self, context: Context, text: str | Snippet) -> Markup:
        """A short text formatted as code."""
        # `snippet | code` was 0.1.0's name of code_block, and no snippet is a short text.
        return self.dialect.code_block(text, context["part"]) if isinstance(text, Snippet) else self.dialect.code(text)

    def link(self, text: str | Markup, address: str | None) -> Markup:
        """A link to a web address; only the text for any other address."""
        return self.dialect.link(text, address)

    def xref(self, target: str) -> Markup:
        """The address of a finding or section, wherever it is placed."""
        return self.dialect.xref(target)

    @pass_context
    def address(self, context: Context, picture: Picture) -> str:
        """The address of a picture's bytes."""
        part: Part = context["part"]
        return part.address(picture)

    def ticket(self, ref: str) -> Markup:
        """A ticket, linked if the reference contains a web address: `jira:https://...`."""
        return self.dialect.link(ref, labels.ticket_address(ref))

    def only_for(self, audience: Sequence[str]) -> str:
        """`Only for: internal`, the readers that a part is limited to; empty for a part for everybody."""
        audiences = self._translation.join(tuple(audience))
        return self._mark(self._translation.gettext("Only for: {audiences}", audiences=audiences)) if audience else ""

    def label(self, name: str) -> Markup:
        """The name of a field before its value: `Severity:`."""
        # Marked already, if it has to be.
        return Markup(self._translation.label(self.dialect.escape(name)))  # noqa: S704

    def number(self, value: int) -> str:
        """`12,345`, with the digit groups of the language."""
        return self._translation.number(value)

    def day(self, value: date | str) -> str:
        """`20 March 2026`, in the language; `2026-03-20` if there is no catalogue of it."""
        day = date.fromisoformat(value) if isinstance(value, str) else value
        return self._translation.day(day)

    def period(self, period: Period) -> str:
        """`21–22 November 2026`, in the language."""
        return self._translation.period(period.start, period.end)

    def words(self, value: str) -> str:
        """`partially_resolved` as "Partially resolved" in the language; the engagement's own word if it has one."""
        # By type, so that no template, not even one of a user's own, can forget to rename a status.
        return self._mark(labels.words(value, self._translation), value)

    def inline_words(self, value: str) -> str:
        """The same within a sentence, "partially resolved"; the engagement's words keep their case."""
        return self._mark(self._translation.name(value), value)

    def alternatives(self, severities: Sequence[Severity]) -> str:
        """Names of severities as alternatives within a sentence, "critical or high"."""
        *names, last = [self._translation.name(severity.name) for severity in severities]
        text = ", ".join(names)
        return self._translation.gettext("{severities} or {last}", severities=text, last=last) if text else last

    def rank(self, severity: Severity) -> int:
        """Its position in the scale, 0 for the most severe."""
        names = [level.name for level in self.engagement.severities]
        # A comparison shows severities of the baseline, whose scale may have had others: they come last.
        return names.index(severity.name) if severity.name in names else len(names)

    def facets(self, finding: ReportedFinding) -> str:
        """The classes of an element that is filtered with a finding, `s1 is-open r0`: severity, status, repositories."""
        cited = {snippet.repository for snippet in finding.snippets}
        repositories = [f"r{at}" for at, known in enumerate(self.engagement.repositories) if known.name in cited]
        return " ".join((f"s{self.rank(finding.severity)}", f"is-{finding.status.value}", *repositories))

    def blend(self, colour: str, other: str, share: float) -> Markup:
        """A colour with a share of another in it."""
        return Markup(colours.blend(colour, other, share))  # noqa: S704 - hexadecimal digits

    def ensure_contrast(self, colour: str, background: str, least: float = 4.5) -> Markup:
        """The colour, made darker or lighter until its contrast is at least 4.5, or another number if given."""
        return Markup(colours.ensure_contrast(colour, background, least))  # noqa: S704 - hexadecimal digits

    def shades(self, severities: Sequence[Severity], background: str) -> list[colours.Shade]:
        """The colours of a scale, ordered by lightness: each with `fill`, `text`, `mark`, `ink`, `soft`, `filled`, `empty`."""
        return colours.shade([severity.colour for severity in severities], background)

    def balance(self, text: str, width: int) -> int:
        """The least number of characters per line in which a text needs no more lines than in this width."""
        return labels.balance(text, width)

    def sha256(self, text: str) -> str:
        """The digest for the content security policy."""
        # Base64, not hexadecimal. Source: Content Security Policy Level 3, hash-source.
        return base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode()

    def diff(self, lines: Sequence[DiffLine], language: str) -> Markup:
        """A diff with old and new line numbers and a sign on every changed line."""
        return self.dialect.diff(lines, language)

    def wording(self, words: Sequence[Words]) -> Markup:
        """A changed text, word by word."""
        return self.dialect.wording(words)

    def drift(self, drift: Drift) -> str:
        """What happened to a region, in words."""
        return self._mark(labels.drift(drift, self._translation))

    def cited(self, drift: Drift) -> str:
        """`path#L22-L28`, as cited."""
        return labels.cited(drift)

    def spot(self, spot: Spot) -> str:
        """`path#L22-L28`, the current location."""
        return labels.spot(spot)

    def code_words(self, compared: ComparedFinding) -> str:
        """What happened to all cited code of a finding."""
        return self._mark(labels.code(compared, self._translation))

    def fix_words(self, state: FixState) -> str:
        """What git reports about a commit named as the fix."""
        return self._mark(self._translation.gettext(labels.FIX_WORDS[state]))

    def side(self, side: ComparisonSide) -> str:
        """The shortest name of a side: `version 1.0`."""
        return self._mark(labels.side(side, self._translation)) if side.version else labels.side(side, self._translation)


def filter_table(examples: Mapping[str, str]) -> Iterable[str]:
    """Return the lines of a Markdown table of filters: how each is written, and what it gives."""
    yield "| filter | result |"
    yield "|---|---|"
    for name, example in examples.items():
        text = (getattr(Filters, name).__doc__ or "").strip().removesuffix(".")
        escaped = example.replace("|", "\\|")
        yield f"| `{escaped}` | {text[:1].lower()}{text[1:]} |"


def renamed_filters(path: Path) -> Iterable[tuple[int, str, str]]:
    """Yield (line, old name, new name) for each filter in a template file that is called by its name of 0.1.0."""
    if path.suffix == ".j2":
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), start=1):
            yield from ((number, old, RENAMED[old]) for old in _OLD_NAME.findall(line))
