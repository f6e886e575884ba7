"""HTML -> PDF, in a confined child. Nothing here imports WeasyPrint; `child` does, in a process of its own.

A page is self-contained: its own `<style>`, pictures as `fr-asset:NAME`. Nothing else is fetched, from anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from findings_report import confine
from findings_report.confine import Limits
from findings_report.errors import FindingsReportError, Kind, Problem
from findings_report.renderers import Carried, Rendered
from findings_report.renderers.pdf.breaks import breakable
from findings_report.renderers.pdf.characters import FONTS, missing, substitute
from findings_report.renderers.pdf.libraries import INSTALL, LIBRARIES, missing_libraries, versions
from findings_report.visible import visible

__all__ = ["INSTALL", "LIBRARIES", "limits_for", "missing", "missing_libraries", "render_pdf", "substitute", "versions"]

_MAGIC: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_MIB: Final = 2**20
# WeasyPrint says these as errors and goes on without the thing; a report must not lack something in silence.
_LOST_CONTENT: Final = ("Failed to", "Relative URI reference", "Missing href")
_REMEDIES: Final = {
    "confine-cpu": "shorten what is largest: a line of thousands of characters, a huge table, text nested deeply",
    "confine-memory": "shorten what is largest, make pictures smaller, or render fewer findings at once",
    "confine-output": "make pictures smaller, or render fewer findings at once",
    "confine-failed": "a template's style or an inline picture is the likeliest cause",
}


def render_pdf(
    html: str,
    *,
    images: Mapping[str, tuple[str, bytes]] = MappingProxyType({}),
    carried: Carried | None = None,
    system_fonts: bool = False,
    limits: Limits | None = None,
) -> Rendered:
    """The PDF of a page, and as warnings what WeasyPrint said of it and which characters have a stand-in.

    `images` by the name that the page uses in `fr-asset:NAME`: media type, image/png or image/jpeg, and content. Title and
    language are the page's; no date is written. `carried` is embedded in it. `system_fonts` adds the machine's fonts, and makes
    the bytes depend on them.
    `limits` are `limits_for` the input when not given. Raises FindingsReportError of Kind.OUTPUT when a limit was met, when
    the page asked for anything that it was not given, when a picture cannot be read, or when Pango is missing.
    """
    _check_pictures(images)
    page, stand_ins = substitute(html, anywhere=system_fonts)
    content = breakable(page).encode("utf-8", "backslashreplace")
    blobs = {"page": content, **{f"picture:{name}": picture for name, (_, picture) in images.items()}}
    request: dict[str, object] = {"media_types": {name: media_type for name, (media_type, _) in images.items()}}
    if carried is not None:
        request["carried"] = {"name": carried.name, "day": carried.day.isoformat() if carried.day else None}
        blobs["carried"] = carried.content
    if limits is None:
        sizes = [len(picture) for _, picture in images.values()]
        limits = limits_for(len(content), sizes, len(carried.content) if carried else 0)
    try:
        answer = confine.run(
            "findings_report.renderers.pdf.child",
            request,
            blobs,
            limits=limits,
            environment=_environment(system_fonts=system_fonts),
        )
    except FindingsReportError as error:
        raise FindingsReportError(_explained(problem) for problem in error.problems) from error
    problems = _problems(answer.response)
    if errors := [problem for problem in problems if problem.level == "error"]:
        raise FindingsReportError(errors)
    return Rendered(answer.blobs["pdf"], (*_of_confinement(answer.confinement), *_of_stand_ins(stand_ins), *problems))


def limits_for(page_bytes: int, picture_bytes: list[int], carried_bytes: int = 0) -> Limits:
    """What an honest page of this size may need, with room: 5 MB, a thousand findings, took 280 CPU seconds and 2.6 GB."""
    cpu_seconds = 60 + 120 * page_bytes // _MIB + 10 * len(picture_bytes) + carried_bytes // _MIB
    memory_bytes = 1024 * _MIB + 1024 * page_bytes + 150 * _MIB * len(picture_bytes) + 8 * carried_bytes
    output_bytes = 64 * _MIB + 20 * page_bytes + 4 * sum(picture_bytes) + carried_bytes
    return Limits(cpu_seconds, memory_bytes, file_bytes=0, wall_seconds=60 + 4 * cpu_seconds, output_bytes=output_bytes)


def _environment(*, system_fonts: bool) -> dict[str, str]:
    count = sum(file.suffix in {".otf", ".ttf"} for file in FONTS.iterdir())
    file = "fonts-system.conf" if system_fonts else "fonts.conf"
    return {"FONTCONFIG_PATH": str(Path(__file__).resolve().parent), "FONTCONFIG_FILE": file, "BUNDLED_FONTS": str(count)}


def _check_pictures(images: Mapping[str, tuple[str, bytes]]) -> None:
    # By content: WeasyPrint goes by it too, and would take an SVG that calls itself PNG.
    wrong = [name for name, (kind, content) in images.items() if kind not in _MAGIC or not content.startswith(_MAGIC[kind])]
    if wrong:
        raise FindingsReportError(
            Problem(Kind.OUTPUT, f"the image {visible(name)!r} is no PNG or JPEG", "convert it", code="pdf-image")
            for name in wrong
        )


def _explained(problem: Problem) -> Problem:
    if problem.code == "confine-unprepared" and "cannot load library" in problem.fault:
        return replace(problem, fault=f"PDF needs Pango: {problem.fault}", remedy=INSTALL, code="pdf-pango")
    return replace(
        problem, fault=f"the PDF cannot be made: {problem.fault}", remedy=_REMEDIES.get(problem.code, problem.remedy)
    )


def _problems(response: Mapping[str, object]) -> list[Problem]:
    """What the child reports, refused addresses first and alone, as WeasyPrint's own words on them add nothing."""
    refused, messages, left_out = response.get("refused"), response.get("messages"), response.get("left_out")
    if not isinstance(refused, list) or not isinstance(messages, list):
        raise FindingsReportError(Problem(Kind.OUTPUT, "the PDF cannot be made: the confined process gave no account of it"))
    if refused:
        return [_of_refused(str(address)) for address in refused]
    problems = [_of_message(str(level), str(text)) for level, text in messages]
    if left_out:
        problems.append(Problem(Kind.OUTPUT, f"WeasyPrint said {left_out} things more", level="warning", code="pdf-warning"))
    return problems


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


def _of_confinement(told: str) -> tuple[Problem, ...]:
    """What this machine could not take away from the process that laid out the PDF."""
    missing = [measure for measure in told.split(", ") if " not " in measure]
    if not missing:
        return ()
    fault = f"the PDF was laid out with less confinement than there could be: {', '.join(missing)}"
    remedy = "build what is not yours on a kernel with Landlock (Linux 5.13 or newer)"
    return (Problem(Kind.OUTPUT, fault, remedy, level="note", code="pdf-confinement"),)


def _of_stand_ins(characters: tuple[str, ...]) -> tuple[Problem, ...]:
    if not characters:
        return ()
    some = ", ".join(f"U+{ord(character):04X}" for character in characters[:10])
    more = f" and {len(characters) - 10} more" if len(characters) > 10 else ""
    fault = f"characters that cannot be printed are shown by their code points: {some}{more}"
    remedy = "use other characters, or `--system-fonts` where this machine has a font with them"
    return (Problem(Kind.OUTPUT, fault, remedy, level="warning", code="pdf-characters"),)
