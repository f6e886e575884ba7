"""Declared pictures: what is taken, what is refused, and that what is taken looks as it did."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from samples import png

from findings_report.authoring.declared_files import LARGEST_FILE, illustrate
from findings_report.model.engagement import Engagement
from findings_report.model.report import Picture
from findings_report.problems import FindingsReportError, Kind

ENGAGEMENT = Engagement.model_validate(
    {"title": "t", "images": [{"name": "flow", "file": "flow.png", "alt": "The flow"}], "logo": "logo.png"}
)


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, name, **options)
    return content.getvalue()


def taken(content: bytes) -> tuple[Picture, Image.Image]:
    picture = illustrate(ENGAGEMENT, {"flow": content})["flow"]
    return picture, Image.open(io.BytesIO(picture.content))


def greys() -> Image.Image:
    image = Image.new("I;16", (256, 1))
    for column in range(256):
        image.putpixel((column, 0), column * 257)
    return image


@pytest.mark.slow
def test_a_picture_keeps_its_pixels_and_loses_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    content = encoded(Image.open(io.BytesIO(png())), "PNG", exif=exif)

    picture, image = taken(content)

    assert b"taken at home" in content
    assert b"taken at home" not in picture.content
    assert (picture.media_type, picture.width, picture.height, picture.alt) == ("image/png", 120, 40, "The flow")
    assert image.getpixel((0, 0)) == (31, 78, 121)


@pytest.mark.slow
def test_a_picture_is_turned_as_its_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    picture, _ = taken(encoded(Image.new("RGB", (40, 30)), "JPEG", exif=exif))

    assert (picture.media_type, picture.width, picture.height) == ("image/jpeg", 30, 40)


@pytest.mark.slow
def test_sixteen_bits_of_grey_become_eight() -> None:
    _, image = taken(encoded(greys(), "PNG"))

    assert [image.getpixel((column, 0)) for column in (0, 1, 64, 255)] == [0, 1, 64, 255]


@pytest.mark.slow
def test_a_colour_that_stands_for_nothing_stays_transparent() -> None:
    image = Image.new("RGB", (2, 1), (255, 0, 255))
    image.putpixel((1, 0), (1, 2, 3))

    _, seen = taken(encoded(image, "PNG", transparency=(255, 0, 255)))

    assert [seen.getpixel((column, 0)) for column in (0, 1)] == [(255, 0, 255, 0), (1, 2, 3, 255)]


def halves(mode: str, one: float | tuple[int, ...], other: float | tuple[int, ...]) -> Image.Image:
    image = Image.new(mode, (16, 8), one)
    image.paste(other, (8, 0, 16, 8))
    return image


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "name", "mode", "colours"),
    [
        (halves("RGBA", (9, 8, 7, 0), (9, 8, 7, 255)), "PNG", "RGBA", [(9, 8, 7, 0), (9, 8, 7, 255)]),
        (halves("LA", (9, 0), (9, 255)), "PNG", "LA", [(9, 0), (9, 255)]),
        (halves("1", 0, 1), "PNG", "1", [0, 255]),
        (halves("RGB", (200, 0, 0), (0, 0, 200)).quantize(4), "PNG", "RGBA", [(200, 0, 0, 255), (0, 0, 200, 255)]),
        (halves("L", 20, 220), "JPEG", "L", [20, 220]),
        (halves("CMYK", (0, 0, 0, 0), (0, 0, 0, 255)), "JPEG", "RGB", [(255, 255, 255), (0, 0, 0)]),
    ],
    ids=["RGBA", "LA", "1", "palette", "grey JPEG", "CMYK"],
)
def test_colours_and_transparency_are_as_they_were(image: Image.Image, name: str, mode: str, colours: list[object]) -> None:
    picture, seen = taken(encoded(image, name))

    assert (seen.mode, seen.format) == (mode, name)
    assert [seen.getpixel((column, 4)) for column in (2, 13)] == colours
    # The same bytes from a picture that was taken before: an edition may be made of a report's own data.
    assert taken(picture.content)[0].content == picture.content or name == "JPEG"
    assert not seen.info.get("progressive")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "the picture is neither PNG nor JPEG by its content"),
        (png()[:60], "the picture is broken"),
        (png(30_000, 1_000)[:100], "the picture has 30000 x 1000 pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(LARGEST_FILE), "the picture has 10,000,008 bytes"),
    ],
    ids=["svg", "cut off", "pixels", "bytes"],
)
def test_what_is_no_sound_picture_is_refused_at_its_place(content: bytes, fault: str) -> None:
    with pytest.raises(FindingsReportError) as caught:
        illustrate(ENGAGEMENT, {"flow": content, "logo:": content})

    subjects = [problem.subject for problem in caught.value.problems]
    assert subjects == [("engagement", "images", 0, "file"), ("engagement", "logo")]
    assert all(problem.kind is Kind.INPUT and problem.fault.startswith(fault) for problem in caught.value.problems)
