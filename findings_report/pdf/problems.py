"""What a user is told of a PDF that was made, or could not be: a child's account as problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Level, Problem
from findings_report.problems.safe_text import visible
from findings_report.sandbox import ChildReply
from findings_report.system.toolchain import INSTALL

# WeasyPrint says these as errors and goes on without the thing; a report must not lack something in silence.
_LOST_CONTENT: Final = ("Failed to", "Relative URI reference", "Missing href")
_REMEDIES: Final = {
    "confine-cpu": "shorten what is largest: a line of thousands of characters, a huge table, text nested deeply",
    "confine-memory": "shorten what is largest, make pictures smaller, or render fewer findings at once",
    "confine-output": "make pictures smaller, or render fewer findings at once",
    "confine-failed": "a template's style or an inline picture is the likeliest cause",
}


def explained(problem: Problem, finding: str | None = None) -> Problem:
    """Why there is no PDF; `finding` is the one that is to blame, where that is known."""
    if problem.code == "confine-unprepared" and "cannot load library" in problem.fault:
        return replace(problem, fault=f"PDF needs Pango: {problem.fault}", remedy=INSTALL, code="pdf-pango")
    of = f" of {finding}" if finding else ""
    fault, remedy = f"the PDF cannot be made{of}: {problem.fault}", _REMEDIES.get(problem.code, problem.remedy)
    return replace(problem, fault=fault, remedy=remedy, subject=(finding,) if finding else None)


def of_answers(answers: Iterable[ChildReply]) -> list[Problem]:
    """What the children report, each thing once; refused addresses alone, as WeasyPrint's own words on them add nothing."""
    told = [_account(answer.response) for answer in answers]
    if refused := dict.fromkeys(address for addresses, _, _ in told for address in addresses):
        return [_of_refused(address) for address in refused]
    problems = [_of_message(level, text) for level, text in dict.fromkeys(message for _, said, _ in told for message in said)]
    if left_out := sum(count for _, _, count in told):
        problems.append(Problem(Kind.OUTPUT, f"WeasyPrint said {left_out} things more", level="warning", code="pdf-warning"))
    return problems


def _account(response: Mapping[str, object]) -> tuple[list[str], list[tuple[str, str]], int]:
    refused, messages, left_out = response.get("refused"), response.get("messages"), response.get("left_out")
    if not isinstance(refused, list) or not isinstance(messages, list) or not isinstance(left_out, int):
        raise FindingsReportError(
            Problem(Kind.OUTPUT, "the PDF cannot be made: the confined process gave no account of it", code="confine-garbage")
        )
    return [str(address) for address in refused], [(str(level), str(text)) for level, text in messages], left_out


def _of_refused(address: str) -> Problem:
    return Problem(
        Kind.OUTPUT,
        f"the page asks for {visible(address)}, which it was not given",
        "a report brings all it shows: declare pictures under `images`, write styles into the template, use the bundled fonts",
        code="pdf-refused",
    )


def _of_message(level: str, text: str) -> Problem:
    if level == "ERROR" and text.startswith(_LOST_CONTENT):
        return Problem(Kind.OUTPUT, f"something on the page cannot be shown: {visible(text)}", code="pdf-lost")
    return Problem(Kind.OUTPUT, f"WeasyPrint: {visible(text)}", level="warning", code="pdf-warning")


def of_confinement(told: str) -> tuple[Problem, ...]:
    """What this machine could not take away from the process that laid out the PDF."""
    missing = [measure for measure in told.split(", ") if " not " in measure]
    if not missing:
        return ()
    fault = f"the PDF was laid out with less confinement than there could be: {', '.join(missing)}"
    remedy = "build what is not yours on a kernel with Landlock (Linux 5.13 or newer)"
    return (Problem(Kind.OUTPUT, fault, remedy, level="note", code="pdf-confinement"),)


def of_stand_ins(characters: tuple[str, ...]) -> tuple[Problem, ...]:
    """Which characters are shown by their code points."""
    if not characters:
        return ()
    some = ", ".join(f"U+{ord(character):04X}" for character in characters[:10])
    more = f" and {len(characters) - 10} more" if len(characters) > 10 else ""
    fault = f"characters that cannot be printed are shown by their code points: {some}{more}"
    remedy = "use other characters, or `--system-fonts` where this machine has a font with them"
    return (Problem(Kind.OUTPUT, fault, remedy, level="warning", code="pdf-characters"),)


def in_one_piece(reason: str, *, level: Level) -> Problem:
    """Why a long report was laid out as one document: slower, and no part of it kept."""
    fault = f"the PDF was laid out in one piece: {visible(reason)}"
    return Problem(Kind.OUTPUT, fault, level=level, code="pdf-one-piece")
