"""Declared picture files -> Pictures that are safe to embed: decoded in a sandboxed process, re-encoded, without metadata.

PNG and JPEG are accepted, recognised by content, not by file name. SVG and all other formats are not allowed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from findings_report import sandbox
from findings_report.model.engagement import Engagement
from findings_report.model.report import Picture
from findings_report.problems import FindingsReportError, Kind, Problem, Subject

if TYPE_CHECKING:
    from PIL import Image

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

    Raises FindingsReportError (INPUT) with a problem for every file that is not PNG or JPEG, is corrupt, or is too large.
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
        except ValueError as error:
            problems.append(Problem(Kind.INPUT, f"the picture {error}", subject=subject, code="picture"))
            continue
        pictures[name] = Picture(name=name, alt=alt, caption=caption, file=file, **answer)
    if problems:
        raise FindingsReportError(problems)
    return pictures


def _reencoded(content: bytes) -> dict[str, Any]:
    if len(content) > LARGEST_FILE:
        raise ValueError(f"has {len(content):,} bytes; at most {LARGEST_FILE:,} are taken")
    # PNG, third edition, section 5.2; JPEG: the SOI marker and the start of the next (ITU-T T.81, annex B).
    if not content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        raise ValueError("is neither PNG nor JPEG by its content")
    try:
        answer = sandbox.run(__name__, {}, {"picture": content}, limits=_LIMITS)
    except FindingsReportError as error:
        raise ValueError(f"cannot be decoded: {error}") from None
    if "fault" in answer.response:
        raise ValueError(str(answer.response["fault"]))
    return {**answer.response, "content": answer.blobs["picture"]}


def prepare() -> Iterable[str]:
    """Import the decoders in the sandboxed process before the sandbox closes. Returns the paths it may read: none."""
    import PIL.JpegImagePlugin
    import PIL.PngImagePlugin  # noqa: F401 - both are used by Image.open

    return ()


def serve(request: Mapping[str, Any], blobs: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:  # noqa: ARG001
    """Decode and re-encode one picture in the sandboxed process. Returns {"fault": text} for a picture that is not allowed."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # our own bound, looked at before a pixel is decoded
    try:
        with Image.open(io.BytesIO(blobs["picture"]), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MOST_PIXELS:
                return {"fault": f"has {image.width} x {image.height} pixels; at most {MOST_PIXELS:,} are taken"}, {}
            is_png = image.format == "PNG"
            # Cameras store the orientation as metadata, which is removed below; the pixels are turned instead.
            upright = ImageOps.exif_transpose(image)
            plain = _plain(upright, is_png=is_png)
            plain.info = {}
    except UnidentifiedImageError:  # its own words are of an object in memory
        return {"fault": "is broken: it cannot be read"}, {}
    except (OSError, SyntaxError, ValueError) as error:
        return {"fault": f"is broken: {error}"}, {}
    encoded = io.BytesIO()
    if is_png:
        # Fixed parameters, so that the same picture gives the same bytes in every build.
        plain.save(encoded, "PNG", optimize=False, compress_level=9)
    else:
        plain.save(encoded, "JPEG", quality=92, optimize=False, progressive=False)
    media_type = "image/png" if is_png else "image/jpeg"
    return {"media_type": media_type, "width": plain.width, "height": plain.height}, {"picture": encoded.getvalue()}


def _plain(image: Image.Image, *, is_png: bool) -> Image.Image:
    """Return a copy with 8 bits per channel, or 1 bit per pixel, that needs no metadata to be displayed."""
    if not is_png:
        return image.convert(image.mode if image.mode in ("L", "RGB") else "RGB")
    if image.mode.startswith("I;16"):  # 16 bits of grey, which `convert` would cut off at 255
        return image.point(lambda grey: grey / 256).convert("L")
    is_kept = image.mode in ("1", "L", "RGB", "RGBA", "LA") and "transparency" not in image.info
    # Palettes, and colours that a `tRNS` chunk makes transparent, are written out: re-encoding drops the chunk otherwise.
    return image.convert(image.mode if is_kept else "RGBA")
