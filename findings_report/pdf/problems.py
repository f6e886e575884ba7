"""What a user should know of a PDF that was rendered, or could not be: replies and failures of workers as problems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import unescape
from typing import Final

from findings_report.pdf.page import PageLayout
from findings_report.problems import FindingsReportError, Kind, Level, Problem
from findings_report.problems.safe_text import visible
from findings_report.sandbox import ChildReply
from findings_report.system.toolchain import INSTALL

# WeasyPrint logs these as errors and continues without the resource. A report must not silently lose content.
_LOST_CONTENT: Final = ("Failed to", "Relative URI reference", "Missing href")
_COSTS: Final = frozenset({"confine-cpu", "confine-memory", "confine-wall"})
_BLOCK: Final = re.compile(
    r"<(/?)(h[1-6]|p|li|td|th|pre|div|blockquote|dd|dt|section|figcaption)\b[^<>]*+>"
    r"((?:[^<]++|<(?!/?(?:h[1-6]|p|li|td|th|pre|div|blockquote|dd|dt|section|figcaption)\b))*+)"
)
"""The beginning or end of a block of a page of ours, and the text up to the next one."""
_TAG: Final = re.compile(r"<[^<>]*+>")
_REMEDIES: Final = {
    "confine-cpu": "shorten the largest part: a line of thousands of characters, a huge table, or deeply nested text",
    "confine-memory": "shorten the largest part, make pictures smaller, or render fewer findings at once",
    "confine-output": "make pictures smaller, or render fewer findings at once",
    "confine-failed": "a template's style or an inline picture is the likeliest cause",
}


def warnings_of(layout: PageLayout, stand_ins: tuple[str, ...]) -> tuple[Problem, ...]:
    """Return the warnings and notes about a PDF. `stand_ins` are the characters that are shown by their code points.

    Raises FindingsReportError if the page asked for something that is not part of it, or lost content.
    """
    problems = [*layout.problems, *problems_of_replies(layout.replies)]
    if errors := [problem for problem in problems if problem.level == "error"]:
        raise FindingsReportError(errors)
    confinements = dict.fromkeys(reply.confinement for reply in layout.replies)
    gaps = [problem for confinement in confinements for problem in confinement_gaps(confinement)]
    return (*gaps, *_stand_in_warning(stand_ins), *problems)


def explain_failure(problem: Problem, finding: str | None = None, html: str = "") -> Problem:
    """Return why there is no PDF. `finding` is the id of the culprit, if it is known, and `html` its part of the page."""
    if problem.code == "confine-unprepared" and "cannot load library" in problem.fault:
        return replace(problem, fault=f"PDF needs Pango: {problem.fault}", remedy=INSTALL, code="pdf-pango")
    of = f" of {finding}" if finding else ""
    longest = _describe_longest_text(html) if problem.code in _COSTS else ""
    fault, remedy = f"the PDF cannot be rendered{of}: {problem.fault}{longest}", _REMEDIES.get(problem.code, problem.remedy)
    return replace(problem, fault=fault, remedy=remedy, subject=(finding,) if finding else None)


def _describe_longest_text(html: str) -> str:
    """Return where the longest paragraph, cell or block of code is, and how long: most likely it is what takes so long."""
    heading, longest, under = "", "", ""
    for opening, name, content in _BLOCK.findall(html):
        text = unescape(_TAG.sub("", content)).strip(" \n")
        if not opening and name.startswith("h"):
            heading = text
        if len(text) > len(longest):
            longest, under = text, heading
    if not longest:
        return ""
    place = f", under {visible(under[:60])!r}," if under else ""
    return f"; its longest text{place} has {len(longest):,} characters and begins with {visible(longest[:30])!r}"


def explain_whole_page(reason: str, *, level: Level) -> Problem:
    """Return why a long report was laid out whole: that is slower, and no part of it is cached."""
    fault = f"the PDF was laid out as a whole, not in parallel: {visible(reason)}"
    return Problem(Kind.OUTPUT, fault, level=level, code="pdf-one-piece")


def problems_of_replies(replies: Iterable[ChildReply]) -> list[Problem]:
    """Return what the workers report, each problem once.

    If addresses were rejected, only these are returned: the messages of WeasyPrint about them add nothing.
    """
    accounts = [_read_account(reply.response) for reply in replies]
    if refused := dict.fromkeys(address for addresses, _, _ in accounts for address in addresses):
        return [_refused_address(address) for address in refused]
    messages = dict.fromkeys(message for _, logged, _ in accounts for message in logged)
    problems = [_logged_message(level, text) for level, text in messages]
    if left_out := sum(count for _, _, count in accounts):
        problems.append(
            Problem(Kind.OUTPUT, f"WeasyPrint logged {left_out} more messages", level="warning", code="pdf-warning")
        )
    return problems


def _read_account(response: Mapping[str, object]) -> tuple[list[str], list[tuple[str, str]], int]:
    """Return refused addresses, messages (level and text) and the number of omitted messages; the reply is not trusted."""
    refused, messages, left_out = response.get("refused"), response.get("messages"), response.get("left_out")
    if not isinstance(refused, list) or not isinstance(messages, list) or not isinstance(left_out, int):
        raise FindingsReportError(
            Problem(
                Kind.OUTPUT, "the PDF cannot be rendered: the confined process sent an invalid answer", code="confine-garbage"
            )
        )
    return [str(address) for address in refused], [(str(level), str(text)) for level, text in messages], left_out


def _refused_address(address: str) -> Problem:
    return Problem(
        Kind.OUTPUT,
        f"the page asks for {visible(address)}, which is not part of the report",
        "declare pictures under `images`, put styles into the template, and use the bundled fonts",
        code="pdf-refused",
    )


def _logged_message(level: str, text: str) -> Problem:
    if level == "ERROR" and text.startswith(_LOST_CONTENT):
        return Problem(Kind.OUTPUT, f"a part of the page cannot be printed: {visible(text)}", code="pdf-lost")
    return Problem(Kind.OUTPUT, f"WeasyPrint: {visible(text)}", level="warning", code="pdf-warning")


def confinement_gaps(confinement: str) -> tuple[Problem, ...]:
    """Return a note if this machine could not confine a worker fully. `confinement` is `ChildReply.confinement`."""
    missing = [measure for measure in confinement.split(", ") if " not " in measure]
    if not missing:
        return ()
    fault = f"the PDF was laid out with less confinement than intended: {', '.join(missing)}"
    remedy = "build other people's engagements on a kernel with Landlock (Linux 5.13 or newer)"
    return (Problem(Kind.OUTPUT, fault, remedy, level="note", code="pdf-confinement"),)


def _stand_in_warning(characters: tuple[str, ...]) -> tuple[Problem, ...]:
    if not characters:
        return ()
    first = ", ".join(f"U+{ord(character):04X}" for character in characters[:10])
    more = f" and {len(characters) - 10} more" if len(characters) > 10 else ""
    fault = f"characters without a font are printed as code points: {first}{more}"
    remedy = "use other characters, or `--system-fonts` if this machine has a font with them"
    return (Problem(Kind.OUTPUT, fault, remedy, level="warning", code="pdf-characters"),)
