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
        (b"GIF89a", "the picture is neither PNG nor JPEG by its content, nor SVG"),
        (png()[:60], "the picture is broken"),
        (png(30_000, 1_000)[:100], "the picture has 30000 x 1000 pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(LARGEST_FILE), "the picture has 10,000,008 bytes"),
    ],
    ids=["gif", "cut off", "pixels", "bytes"],
)
def test_what_is_no_sound_picture_is_refused_at_its_place(content: bytes, fault: str) -> None:
    with pytest.raises(FindingsReportError) as caught:
        illustrate(ENGAGEMENT, {"flow": content, "logo:": content})

    subjects = [problem.subject for problem in caught.value.problems]
    assert subjects == [("engagement", "images", 0, "file"), ("engagement", "logo")]
    assert all(problem.kind is Kind.INPUT and problem.fault.startswith(fault) for problem in caught.value.problems)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {0} {1}">{2}</svg>'
SQUARE = '<rect width="10" height="10" fill="#1f4e79"/>'


@pytest.mark.slow
def test_a_drawing_is_a_picture_of_fixed_size_with_transparent_ground() -> None:
    pytest.importorskip("resvg_py")
    head = '<?xml version="1.0"?>\n<!-- Made by an editor -->\n<!DOCTYPE svg [<!ENTITY ns "x">]>\n'
    content = (head + SVG.format(40, 10, SQUARE)).encode()

    picture, seen = taken(content)

    assert (picture.media_type, picture.width, picture.height) == ("image/png", 1600, 400)
    assert seen.convert("RGBA").getpixel((100, 200)) == (31, 78, 121, 255)
    assert seen.convert("RGBA").getpixel((1000, 200))[3] == 0  # type: ignore[index]
    assert taken(content)[0].content == picture.content
    assert taken(SVG.format(10, 40, SQUARE).encode())[0].height == 1600


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inside", "fault"),
    [
        ("<text>Acme</text>", "the picture has text, and the fonts for it are not part of it"),
        ("<foreignObject/>", "the picture has <foreignObject>, which no report prints"),
        ("<script>1</script>", "the picture has <script>, which no report prints"),
        ('<image href="file:///etc/passwd"/>', "the picture refers to another file: file:///etc/passwd"),
        ('<image xlink:href="https://example.org/a.png"/>', "the picture refers to another file: https://example.org/a.png"),
        ('<image href="data:image/svg+xml,x"/>', "the picture refers to another file: data:image/svg+xml,x"),
        ('<use href="other.svg#a"/>', "the picture refers to another file: other.svg#a"),
        ("<rect", "the picture is no sound SVG"),
        ("\udcff", "the picture is SVG, and not UTF-8"),
    ],
)
def test_a_part_of_a_drawing_that_would_be_missing_is_an_error(inside: str, fault: str) -> None:
    pytest.importorskip("resvg_py")
    content = SVG.format(10, 10, inside).encode("utf-8", "surrogateescape")

    with pytest.raises(FindingsReportError) as caught:
        illustrate(ENGAGEMENT, {"logo:": content})

    assert [problem.fault[: len(fault)] for problem in caught.value.problems] == [fault]


ENTITIES = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(8))
USES = "".join(f'<g id="a{n}">' + f'<use href="#a{n + 1}"/>' * 10 + "</g>" for n in range(12)) + '<g id="a12"/>'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(SVG.format(1, 10**9, SQUARE), "the picture cannot be decoded", id="one pixel wide"),
        pytest.param(
            f'<!DOCTYPE svg [<!ENTITY a "{"x" * 1000}">{ENTITIES}]>{SVG.format(1, 1, "&i;")}',
            "the picture is no sound SVG: limit on input amplification",
            id="entities",
        ),
        pytest.param(SVG.format(10, 10, "<g>" * 100_000 + "</g>" * 100_000), "the picture cannot be decoded", id="depth"),
        pytest.param(SVG.format(10, 10, USES), "the picture cannot be drawn", id="uses of uses"),
    ],
)
def test_a_drawing_made_to_cost_is_refused_at_its_place(content: str, fault: str) -> None:
    pytest.importorskip("resvg_py")

    with pytest.raises(FindingsReportError) as caught:
        illustrate(ENGAGEMENT, {"logo:": content.encode()})

    assert [(problem.subject, problem.fault[: len(fault)]) for problem in caught.value.problems] == [
        (("engagement", "logo"), fault)
    ]


def test_without_the_extra_a_drawing_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("findings_report.authoring.declared_files.find_spec", lambda _: None)

    with pytest.raises(FindingsReportError) as caught:
        illustrate(ENGAGEMENT, {"logo:": SVG.format(1, 1, "").encode()})

    assert "[svg]" in (caught.value.problems[0].remedy or "")
