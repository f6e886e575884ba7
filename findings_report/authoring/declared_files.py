"""The files that `engagement.yaml` names beside it: texts of sections, pictures, fonts, tables and attachments.

All are read by one rule, that of `Files`: nothing outside of the folder, no device, no pipe, at most so many bytes.
Pictures are PNG, JPEG or SVG by their content, decoded or drawn in a sandboxed process and encoded again, without metadata.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.parsers import expat

from findings_report import sandbox
from findings_report.authoring.files import Files
from findings_report.model.engagement import Engagement, TableFile
from findings_report.model.report import Picture
from findings_report.problems import FindingsReportError, Kind, Place, Problem, Subject
from findings_report.problems.suggestions import did_you_mean
from findings_report.system.toolchain import install_extra

if TYPE_CHECKING:
    from PIL import Image


_ENGAGEMENT: Final = "engagement"

# A table of 1,000 rows takes 30 pages, and nobody reads more of one.
LARGEST_TABLE: Final = 2_000_000
"""Bytes of a CSV file."""
MOST_ROWS: Final = 2_000
"""Rows of a table, its head not counted."""
MOST_COLUMNS: Final = 50
"""Columns of a table."""
MOST_CELLS: Final = 20_000
"""Cells of a table."""
LONGEST_CELL: Final = 4_000
"""Characters of a cell, as of any short text."""
MOST_ATTACHED: Final = 50_000_000
"""Bytes of all attachments: trackers and mail servers take few files that are larger."""


@dataclass(frozen=True)
class CsvTable:
    """A table as a CSV file has it."""

    shown: str
    """Path of the file in messages."""
    header: tuple[str, ...]
    """Cells of the first row."""
    rows: tuple[tuple[str, ...], ...]
    """The other rows, each with as many cells."""
    lines: tuple[int, ...]
    """1-based line of the file at which each row begins, the header first."""

    def rewrite(self, change: Callable[[str], str]) -> CsvTable:
        """Return the table with every cell changed."""
        header, *rows = (tuple(map(change, row)) for row in (self.header, *self.rows))
        return replace(self, header=header, rows=tuple(rows))

    @property
    def cells(self) -> Iterator[tuple[int, str]]:
        """Each cell with the line at which its row begins."""
        for line, row in zip(self.lines, (self.header, *self.rows), strict=True):
            yield from ((line, cell) for cell in row)


@dataclass(frozen=True)
class DeclaredFiles:
    """The engagement with the texts of its sections, and the other files that it names."""

    engagement: Engagement
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """By name, the logo's under `logo:`."""
    fonts: Mapping[str, bytes] = field(default_factory=dict)
    """By file."""
    tables: Mapping[str, CsvTable] = field(default_factory=dict)
    """By name."""
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    """By file."""
    docx_template: bytes | None = None
    """The document for Word."""
    read: tuple[str, ...] = ()
    """The files."""
    problems: tuple[Problem, ...] = ()


def read_declared(files: Files, engagement: Engagement) -> DeclaredFiles:
    """Return the files that an engagement names, with a problem for each that cannot be read or is not what it should be."""
    problems: list[Problem] = []
    sections, pictures = [], {}
    for index, section in enumerate(engagement.sections):
        subject: Subject = (_ENGAGEMENT, "sections", index)
        if (section.text is None) == (section.file is None):
            fault = "a section has either `text` or `file`"
            problems.append(Problem(Kind.INPUT, fault, subject=subject, code="section-text"))
        text, faults = _section_text(files, section.file, (*subject, "file"))
        problems += faults
        sections.append(section if text is None else section.model_copy(update={"text": text}))
    wanted: list[tuple[Subject, str, str]] = [
        ((_ENGAGEMENT, "images", index, "file"), image.name, image.file) for index, image in enumerate(engagement.images)
    ]
    if engagement.logo is not None:
        wanted.append(((_ENGAGEMENT, "logo"), "logo:", engagement.logo))
    for subject, picture, file in wanted:
        content, faults = _read_named(files, file, subject)
        problems += faults
        if content is not None:
            pictures[picture] = content
    fonts, faults = _read_all(files, "fonts", [font.file for font in engagement.fonts])
    problems += faults
    tables, table_faults = _read_tables(files, engagement.tables)
    problems += table_faults
    attachments, faults = _read_all(files, "attachments", [attachment.file for attachment in engagement.attachments])
    problems += faults
    if (size := sum(map(len, attachments.values()))) > MOST_ATTACHED:
        fault = f"the attachments have {size:,} bytes; at most {MOST_ATTACHED:,} are taken"
        remedy = "publish large files elsewhere, and name them in the text with their SHA-256"
        problems.append(Problem(Kind.INPUT, fault, remedy, subject=(_ENGAGEMENT, "attachments"), code="attachments-size"))
    word = None
    if engagement.docx_template is not None:
        word, faults = _read_named(files, engagement.docx_template, (_ENGAGEMENT, "docx_template"))
        problems += faults
    return DeclaredFiles(
        engagement.model_copy(update={"sections": tuple(sections)}),
        pictures,
        fonts,
        tables,
        attachments,
        word,
        (
            *([engagement.docx_template] if word is not None and engagement.docx_template else ()),
            *(section.file for section in engagement.sections if section.file is not None),
            *(file for _, _, file in wanted),
            *fonts,
            *(table.file for table in engagement.tables),
            *attachments,
        ),
        tuple(problems),
    )


def _read_all(files: Files, field_name: str, names: Sequence[str]) -> tuple[dict[str, bytes], tuple[Problem, ...]]:
    """Return the files that a list of the engagement names, by name, and a problem for each that cannot be read."""
    contents: dict[str, bytes] = {}
    problems: list[Problem] = []
    for index, name in enumerate(names):
        content, faults = _read_named(files, name, (_ENGAGEMENT, field_name, index, "file"))
        problems += faults
        if content is not None:
            contents[name] = content
    return contents, tuple(problems)


def _section_text(files: Files, name: str | None, subject: Subject) -> tuple[str | None, tuple[Problem, ...]]:
    """Return the text of a section's file, empty if it cannot be read; None without a file and for one that is not UTF-8."""
    if name is None:
        return None, ()
    content, problems = _read_named(files, name, subject)
    try:
        # Line ends as git stores them: the report is the same on Windows.
        return (content or b"").decode("utf-8-sig").replace("\r\n", "\n"), problems
    except UnicodeDecodeError:
        return None, (Problem(Kind.INPUT, f"{name} is not UTF-8", subject=subject, code="not-utf8"),)


def _read_named(files: Files, name: str, subject: Subject) -> tuple[bytes | None, tuple[Problem, ...]]:
    """Return the bytes of a file that the engagement names at `subject`; None, and why, if it cannot be read."""
    try:
        content = files.read(name)
    except FindingsReportError as error:
        return None, tuple(
            replace(problem, place=None, subject=subject, fault=f"{name} {problem.fault}") for problem in error.problems
        )
    if content is None:
        near = did_you_mean(name, files.names())
        return None, (Problem(Kind.INPUT, f"there is no file {name} in {files.shown}", near, subject=subject, code="no-file"),)
    return content, ()


def _read_tables(files: Files, declared: tuple[TableFile, ...]) -> tuple[dict[str, CsvTable], list[Problem]]:
    tables: dict[str, CsvTable] = {}
    problems: list[Problem] = []
    for index, table in enumerate(declared):
        subject: Subject = (_ENGAGEMENT, "tables", index, "file")
        content, faults = _read_named(files, table.file, subject)
        problems += faults
        if content is None:
            continue
        shown = str(PurePosixPath(files.shown, table.file))
        try:
            tables[table.name] = read_table(content, shown)
        except _FileFaultError as error:
            # At its line in the CSV file; a fault of the file as a whole where it is named.
            place = Place(shown, error.line) if error.line is not None else None
            fault = error.fault if place is not None else f"{table.file} {error.fault}"
            problems.append(Problem(Kind.INPUT, fault, error.remedy, place=place, subject=subject, code="csv"))
    return tables, problems


class _FileFaultError(Exception):
    """Why a file is no table, or no picture."""

    def __init__(self, fault: str, remedy: str | None = None, line: int | None = None) -> None:
        super().__init__(fault)
        self.fault, self.remedy, self.line = fault, remedy, line


def read_table(content: bytes, shown: str) -> CsvTable:
    """Return the table of a CSV file. Raises _FileFaultError for anything that is no table with rows of one length."""
    if len(content) > LARGEST_TABLE:
        raise _FileFaultError(f"has {len(content):,} bytes; at most {LARGEST_TABLE:,} are taken", _SHORTEN)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _FileFaultError("is not UTF-8", "save the table as CSV in UTF-8", line) from None
    lines, rows = [], []
    csv.field_size_limit(LARGEST_TABLE)  # a longer cell has a message of ours below
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begin = 1
    try:
        for row in reader:
            line, begin = begin, reader.line_num + 1
            if not row:  # an empty line
                continue
            lines.append(line)
            rows.append(tuple(cell.replace("\r\n", "\n").replace("\r", "\n").strip() for cell in row))
            _check_row(rows, line)
    except csv.Error as error:
        remedy = "write one quotation mark within quotes as two, and close each"
        raise _FileFaultError(f"is not CSV: {error}", remedy, begin) from None
    if len(rows) < 2:
        raise _FileFaultError("has no rows below its head", "write the names of the columns, and a row below") from None
    return CsvTable(shown, rows[0], tuple(rows[1:]), tuple(lines))


_SHORTEN: Final = "leave out what nobody will read, or attach the file instead"


def _check_row(rows: list[tuple[str, ...]], line: int) -> None:
    """Raise _FileFaultError for the last of the rows if the table cannot have it."""
    header, row = rows[0], rows[-1]
    if len(rows) == 1 and len(header) == 1 and (other := next((sign for sign in ";\t" if sign in header[0]), None)):
        name = "semicolons" if other == ";" else "tabs"
        raise _FileFaultError(f"separates its cells by {name}", "save the table with commas between the cells", line)
    if len(header) > MOST_COLUMNS:
        raise _FileFaultError(f"the table has {len(header):,} columns; at most {MOST_COLUMNS} are taken", _SHORTEN, line)
    if len(row) != len(header):
        fault = f"the row has {len(row):,} cell{'' if len(row) == 1 else 's'}, and the head has {len(header):,}"
        remedy = "write as many cells in each row, and quotation marks around a cell with a comma"
        raise _FileFaultError(fault, remedy, line)
    if len(rows) - 1 > MOST_ROWS or (len(rows) - 1) * len(header) > MOST_CELLS:
        fault = f"the table has more than {MOST_ROWS:,} rows or {MOST_CELLS:,} cells"
        raise _FileFaultError(fault, _SHORTEN, line)
    if (longest := max(map(len, row))) > LONGEST_CELL:
        raise _FileFaultError(f"a cell has {longest:,} characters; at most {LONGEST_CELL:,} are taken", _SHORTEN, line)


# Every HTML and PDF report embeds its pictures, so that their size adds to that of the report.
LARGEST_FILE: Final = 10_000_000
MOST_PIXELS: Final = 25_000_000
# 25 megapixels in RGBA are 100 MB, and re-encoding needs several copies. Processor time is limited more tightly than wall time,
# so that a loaded machine does not fail a build.
_LIMITS: Final = sandbox.Limits(
    cpu_seconds=60, memory_bytes=2_000_000_000, file_bytes=0, wall_seconds=300, output_bytes=200_000_000
)


class _Declared(NamedTuple):
    alt: str
    caption: str | None
    file: str | None
    subject: Subject


def illustrate(engagement: Engagement, files: Mapping[str, bytes]) -> dict[str, Picture]:
    """Return the pictures by name, the logo as `logo:`. `files` has the bytes under the same names.

    Raises FindingsReportError (INPUT) with a problem for every file that is no PNG, JPEG or SVG, is corrupt, or is too large.
    """
    declared: dict[str, _Declared] = {
        image.name: _Declared(image.alt, image.caption, image.file, ("engagement", "images", index, "file"))
        for index, image in enumerate(engagement.images)
    }
    declared["logo:"] = _Declared(engagement.client or engagement.title, None, engagement.logo, ("engagement", "logo"))
    problems: list[Problem] = []
    pictures: dict[str, Picture] = {}
    for name, content in files.items():
        alt, caption, file, subject = declared[name]
        try:
            answer = _reencoded(content)
        except _FileFaultError as error:
            problems.append(Problem(Kind.INPUT, f"the picture {error.fault}", error.remedy, subject=subject, code="picture"))
            continue
        pictures[name] = Picture(name=name, alt=alt, caption=caption, file=file, **answer)
    if problems:
        raise FindingsReportError(problems)
    return pictures


def _reencoded(content: bytes) -> dict[str, Any]:
    """Return the fields of a picture. Raises _FileFaultError."""
    if len(content) > LARGEST_FILE:
        raise _FileFaultError(f"has {len(content):,} bytes; at most {LARGEST_FILE:,} are taken")
    # PNG, third edition, section 5.2; JPEG: the SOI marker and the start of the next (ITU-T T.81, annex B).
    is_drawing = not content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))
    if is_drawing and b"<svg" not in content[:_SVG_HEAD]:
        raise _FileFaultError("is neither PNG nor JPEG by its content, nor SVG", "export it in one of these formats")
    if is_drawing and find_spec("resvg_py") is None:
        remedy = f"`{install_extra('svg')}`, or export it as PNG"
        raise _FileFaultError("is SVG, which an optional part of the program draws", remedy)
    try:
        answer = sandbox.run(__name__, {"is_drawing": is_drawing}, {"picture": content}, limits=_LIMITS)
    except FindingsReportError as error:
        raise _FileFaultError(f"cannot be decoded: {error}") from None
    if "fault" in answer.response:
        other = answer.response.get("remedy")
        raise _FileFaultError(str(answer.response["fault"]), str(other) if other is not None else None)
    return {**answer.response, "content": answer.blobs["picture"]}


def prepare() -> Iterable[str]:
    """Import the decoders in the sandboxed process before the sandbox closes. Returns the paths it may read: none."""
    import PIL.JpegImagePlugin
    import PIL.PngImagePlugin  # noqa: F401 - both are used by Image.open

    if find_spec("resvg_py") is not None:
        import resvg_py  # noqa: F401 - of the extra `svg`

    return ()


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Decode and re-encode one picture in the sandboxed process.

    Returns {"fault": text}, and {"remedy": text} where there is one, for a picture that is not allowed.
    """
    try:
        return _reencode(_draw(blobs["picture"]) if request["is_drawing"] else blobs["picture"])
    except _FileFaultError as error:
        return {"fault": error.fault, "remedy": error.remedy}, {}


def _reencode(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the description of a picture, and its bytes in our own encoding. Raises _FileFaultError."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # our own bound, looked at before a pixel is decoded
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _FileFaultError(f"has {image.width} x {image.height} pixels; at most {MOST_PIXELS:,} are taken")
            is_png = image.format == "PNG"
            # Cameras store the orientation as metadata, which is removed below; the pixels are turned instead.
            upright = ImageOps.exif_transpose(image)
            plain = _plain(upright, is_png=is_png)
            plain.info = {}
    except UnidentifiedImageError:  # its own words are of an object in memory
        raise _FileFaultError("is broken: it cannot be read") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise _FileFaultError(f"is broken: {error}") from None
    encoded = io.BytesIO()
    if is_png:
        # Fixed parameters, so that the same picture gives the same bytes in every build.
        plain.save(encoded, "PNG", optimize=False, compress_level=9)
    else:
        plain.save(encoded, "JPEG", quality=92, optimize=False, progressive=False)
    media_type = "image/png" if is_png else "image/jpeg"
    return {"media_type": media_type, "width": plain.width, "height": plain.height}, {"picture": encoded.getvalue()}


_SVG_HEAD: Final = 8192
"""Bytes in which the root element of an SVG begins: comments, a document type and entities are before it."""
_SVG_WIDTH: Final = 1600
"""Pixels of the longer side of a drawing: 300 dpi over 13 cm."""
_SVG_NAMESPACE: Final = "http://www.w3.org/2000/svg"
_REFERENCE: Final = ("href", "http://www.w3.org/1999/xlink href")
_OUTLINES: Final = "convert its text to outlines, as in Inkscape's Path > Object to Path"


def _draw(content: bytes) -> bytes:
    """Return an SVG picture as PNG. Raises _FileFaultError for a part that would be missing in it: nobody would notice."""
    import resvg_py

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = _check_element
    try:
        text = content.decode("utf-8-sig")
        parser.Parse(text, True)
        # The longer side is known only of what was drawn.
        drawn = bytes(resvg_py.svg_to_bytes(svg_string=text, width=_SVG_WIDTH, skip_system_fonts=True))
        width, height = (int.from_bytes(drawn[at : at + 4], "big") for at in (16, 20))  # IHDR: PNG, section 11.2.1
        if height > width:
            drawn = bytes(resvg_py.svg_to_bytes(svg_string=text, height=_SVG_WIDTH, skip_system_fonts=True))
    except UnicodeDecodeError:
        raise _FileFaultError("is SVG, and not UTF-8", "save it in UTF-8") from None
    except expat.ExpatError as error:
        raise _FileFaultError(f"is no sound SVG: {error}") from None
    except ValueError as error:
        raise _FileFaultError(f"cannot be drawn: {error}") from None
    return drawn


def _check_element(name: str, attributes: Mapping[str, str]) -> None:
    """Raise _FileFaultError for an element of an SVG picture that is not drawn, or that is elsewhere."""
    namespace, _, tag = name.rpartition(" ")
    if namespace != _SVG_NAMESPACE:  # what editors keep for themselves
        return
    if tag == "text":
        raise _FileFaultError("has text, and the fonts for it are not part of it", _OUTLINES)
    if tag in ("foreignObject", "script"):
        raise _FileFaultError(f"has <{tag}>, which no report prints", "export it as plain SVG, or as PNG")
    target = next((attributes[key] for key in _REFERENCE if key in attributes), "")
    inside = ("data:image/png", "data:image/jpeg") if tag in ("image", "feImage") else ("#", "data:")
    if tag not in ("a", "style") and target and not target.startswith(inside):
        raise _FileFaultError(f"refers to another file: {target[:80]}", "embed what it shows, or export it as PNG")


def _plain(image: Image.Image, *, is_png: bool) -> Image.Image:
    """Return a copy with 8 bits per channel, or 1 bit per pixel, that needs no metadata to be displayed."""
    if not is_png:
        return image.convert(image.mode if image.mode in ("L", "RGB") else "RGB")
    if image.mode.startswith("I;16"):  # 16 bits of grey, which `convert` would cut off at 255
        return image.point(lambda grey: grey / 256).convert("L")
    is_kept = image.mode in ("1", "L", "RGB", "RGBA", "LA") and "transparency" not in image.info
    # Palettes, and colours that a `tRNS` chunk makes transparent, are written out: re-encoding drops the chunk otherwise.
    return image.convert(image.mode if is_kept else "RGBA")
