"""Where the characters stand that no font of a PDF has."""

from __future__ import annotations

from findings_report.problems import Kind, Place, Problem, Subject
from findings_report.report.check import Checked


def placed_characters(checked: Checked, problems: list[Problem], *, system_fonts: bool) -> list[Problem]:
    """The problems, with one for each place of a character that no font has instead of one for all of them."""
    from findings_report.pdf.glyphs import missing

    if all(problem.code != "pdf-characters" for problem in problems):
        return problems  # what stands in a comment or a quote of the files is not printed
    found: list[Problem] = []
    for character, place in checked.authored.places_of(lambda text: missing(text, anywhere=system_fonts)):
        found.append(_no_font(character, place=place))
    for key, snippets in (checked.evidence.snippets if checked.evidence else {}).items():
        for snippet in snippets:
            code = "\n".join(line.text for run in snippet.runs for line in run.lines)
            subject = (key, "locations", snippet.index)
            found += (_no_font(character, subject=subject) for character in missing(code, anywhere=system_fonts))
    return [problem for problem in problems if not found or problem.code != "pdf-characters"] + found


def _no_font(character: str, *, place: Place | None = None, subject: Subject | None = None) -> Problem:
    fault = f"no font has U+{ord(character):04X}; the PDF shows its code point"
    remedy = "use another character, or --system-fonts where this machine has one"
    return Problem(Kind.OUTPUT, fault, remedy, place=place, subject=subject, level="warning", code="pdf-characters")
