"""Declared pictures: what is taken, what is refused, and that what is taken looks as it did."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image
from samples import png

from findings_report.authoring import declared_files
from findings_report.authoring.declared_files import LARGEST_FILE, MOST_PIXELS, illustrate
from findings_report.model.engagement import Engagement
from findings_report.problems import FindingsReportError, Kind

ENGAGEMENT = Engagement.model_validate(
    {
        "title": "t",
        "images": [
            {"name": "plan", "file": "plan.png", "alt": "The plan"},
            {"name": "flow", "file": "flow.png", "alt": "The flow", "caption": "It flows"},
        ],
        "logo": "logo.png",
    }
)


@pytest.fixture(autouse=True)
def bound_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `serve` changes in its own process comes back in this one."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, name, **options)
    return content.getvalue()


def taken(content: bytes, *, is_drawing: bool = False) -> tuple[dict[str, Any], Image.Image]:
    """What the sandboxed process answers, and the picture in it."""
    response, blobs = declared_files.serve({"is_drawing": is_drawing}, {"picture": content})
    assert "fault" not in response, response
    return {**response, "content": blobs["picture"]}, Image.open(io.BytesIO(blobs["picture"]))


def fault_of(content: bytes, *, is_drawing: bool = False) -> tuple[str, str | None]:
    response, blobs = declared_files.serve({"is_drawing": is_drawing}, {"picture": content})
    assert blobs == {}
    return response["fault"], response["remedy"]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def greys() -> Image.Image:
    image = Image.new("I;16", (256, 1))
    for column in range(256):
        image.putpixel((column, 0), column * 257)
    return image


def test_a_picture_keeps_its_pixels_and_loses_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    content = encoded(Image.open(io.BytesIO(png())), "PNG", exif=exif)

    pictures = illustrate(ENGAGEMENT, {"flow": content, "logo:": content})

    assert b"taken at home" in content
    assert b"taken at home" not in pictures["flow"].content
    shown = [(picture.name, picture.alt, picture.caption, picture.file) for picture in pictures.values()]
    assert shown == [("flow", "The flow", "It flows", "flow.png"), ("logo:", "t", None, "logo.png")]
    picture = pictures["flow"]
    assert (picture.media_type, picture.width, picture.height) == ("image/png", 120, 40)
    assert Image.open(io.BytesIO(picture.content)).getpixel((0, 0)) == (31, 78, 121)


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_picture_is_turned_as_its_camera_says_and_loses_what_else_it_says(name: str) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken at home"

    picture, image = taken(encoded(Image.new("RGB", (40, 30)), name, exif=exif, dpi=(72, 72)))

    assert (picture["media_type"], picture["width"], picture["height"]) == (f"image/{name.lower()}", 30, 40)
    assert b"taken at home" not in picture["content"]
    assert dict(image.getexif()) == {}
    assert "dpi" not in image.info


def test_sixteen_bits_of_grey_become_eight() -> None:
    _, image = taken(encoded(greys(), "PNG"))

    assert [image.getpixel((column, 0)) for column in (0, 1, 64, 255)] == [0, 1, 64, 255]


def test_a_colour_that_stands_for_nothing_stays_transparent() -> None:
    image = Image.new("RGB", (2, 1), (255, 0, 255))
    image.putpixel((1, 0), (1, 2, 3))

    _, seen = taken(encoded(image, "PNG", transparency=(255, 0, 255)))

    assert [seen.getpixel((column, 0)) for column in (0, 1)] == [(255, 0, 255, 0), (1, 2, 3, 255)]


def halves(mode: str, one: float | tuple[int, ...], other: float | tuple[int, ...]) -> Image.Image:
    image = Image.new(mode, (16, 8), one)
    image.paste(other, (8, 0, 16, 8))
    return image


@pytest.mark.parametrize(
    ("image", "name", "mode", "colours"),
    [
        (halves("RGBA", (9, 8, 7, 0), (9, 8, 7, 255)), "PNG", "RGBA", [(9, 8, 7, 0), (9, 8, 7, 255)]),
        (halves("LA", (9, 0), (9, 255)), "PNG", "LA", [(9, 0), (9, 255)]),
        (halves("1", 0, 1), "PNG", "1", [0, 255]),
        (halves("RGB", (200, 0, 0), (0, 0, 200)).quantize(4), "PNG", "RGBA", [(200, 0, 0, 255), (0, 0, 200, 255)]),
        (halves("L", 20, 220), "PNG", "L", [20, 220]),
        (halves("L", 20, 220), "JPEG", "L", [20, 220]),
        (halves("CMYK", (0, 0, 0, 0), (0, 0, 0, 255)), "JPEG", "RGB", [(255, 255, 255), (0, 0, 0)]),
    ],
    ids=["RGBA", "LA", "1", "palette", "grey", "grey JPEG", "CMYK"],
)
def test_colours_and_transparency_are_as_they_were(image: Image.Image, name: str, mode: str, colours: list[object]) -> None:
    picture, seen = taken(encoded(image, name))

    assert (seen.mode, seen.format) == (mode, name)
    assert [seen.getpixel((column, 4)) for column in (2, 13)] == colours
    assert not seen.info.get("progressive")
    if name == "PNG":
        # The same bytes from a picture that was taken before: an edition may be made of a report's own data.
        assert taken(picture["content"])[0]["content"] == picture["content"]


@pytest.mark.parametrize(
    ("content", "fault", "remedy"),
    [
        (
            b"GIF89a",
            "the picture is neither PNG nor JPEG by its content, nor SVG",
            "export it in one of these formats",
        ),
        (png()[:60], "the picture is broken", None),
        (
            b"\x89PNG\r\n\x1a\n" + bytes(LARGEST_FILE - 7),
            "the picture has 10,000,001 bytes; at most 10,000,000 are taken",
            None,
        ),
        (bytes(8189) + b"<svg ", "the picture is neither PNG nor JPEG", "export it in one of these formats"),
    ],
    ids=["gif", "cut off", "bytes", "a drawing that begins late"],
)
def test_what_is_no_sound_picture_is_refused_at_its_place(content: bytes, fault: str, remedy: str | None) -> None:
    with pytest.raises(FindingsReportError) as caught:
        illustrate(ENGAGEMENT, {"flow": content, "logo:": content})

    subjects = [problem.subject for problem in caught.value.problems]
    assert subjects == [("engagement", "images", 1, "file"), ("engagement", "logo")]
    for problem in caught.value.problems:
        assert (problem.kind, problem.code, problem.remedy) == (Kind.INPUT, "picture", remedy)
        assert problem.fault.startswith(fault)


def test_a_picture_has_a_bounded_number_of_pixels_and_is_one_of_two_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_PIXELS == 25_000_000
    assert fault_of(png(30_000, 1_000)[:100]) == ("has 30000 x 1000 pixels; at most 25,000,000 are taken", None)
    assert fault_of(encoded(Image.new("RGB", (2, 2)), "GIF"))[0] == "is broken: it cannot be read"
    content = png()
    # Behind a part of the pixels comes a chunk of no kind.
    pixels, foreign = content.index(b"IDAT"), chunk(b"\0\1\2\3", b"x")
    broken = content[: pixels - 4] + chunk(b"IDAT", content[pixels + 4 : pixels + 24]) + foreign + content[-12:]
    assert fault_of(broken)[0].startswith("is broken: broken PNG file")
    monkeypatch.setattr(declared_files, "MOST_PIXELS", 120 * 40)
    assert taken(content)[0]["width"] == 120
    monkeypatch.setattr(declared_files, "MOST_PIXELS", 120 * 40 - 1)
    assert fault_of(content)[0].startswith("has 120 x 40 pixels")


SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {0} {1}">{2}</svg>'
SQUARE = '<rect width="10" height="10" fill="#1f4e79"/>'


def test_a_drawing_is_a_picture_of_fixed_size_with_transparent_ground() -> None:
    pytest.importorskip("resvg_py")
    head = '<?xml version="1.0"?>\n<!-- Made by an editor -->\n<!DOCTYPE svg [<!ENTITY ns "x">]>\n'
    content = (head + SVG.format(40, 10, SQUARE)).encode()

    picture, seen = taken(content, is_drawing=True)

    assert (picture["media_type"], picture["width"], picture["height"]) == ("image/png", 1600, 400)
    assert seen.convert("RGBA").getpixel((100, 200)) == (31, 78, 121, 255)
    assert seen.convert("RGBA").getpixel((1000, 200))[3] == 0  # type: ignore[index]
    assert taken(content, is_drawing=True)[0] == picture
    assert taken(SVG.format(10, 40, SQUARE).encode(), is_drawing=True)[0]["height"] == 1600


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
        ('<feImage href="#a"/>', "the picture refers to another file: #a"),
        (f'<use href="{"x" * 90}"/>', f"the picture refers to another file: {'x' * 80}"),
        ("\udcff", "the picture is SVG, and not UTF-8"),
    ],
)
def test_a_part_of_a_drawing_that_would_be_missing_is_an_error(inside: str, fault: str) -> None:
    pytest.importorskip("resvg_py")
    content = SVG.format(10, 10, inside).encode("utf-8", "surrogateescape")

    assert f"the picture {fault_of(content, is_drawing=True)[0]}"[: len(fault) + 2 * ("x" * 80 in fault)] == fault


def test_a_drawing_that_is_complete_is_drawn() -> None:
    pytest.importorskip("resvg_py")
    complete = (
        '<a href="https://example.org/"><rect width="1" height="1"/></a>'
        '<style href="https://example.org/"/>'
        '<g id="a"/><use href="#a"/>'
        '<e:text xmlns:e="https://example.org/editor">of the editor</e:text>'
        '<rect href="" width="1" height="1"/>'
        f'<image href="data:image/png;base64,{base64.b64encode(png()).decode()}"/><image href="data:image/jpeg,"/>'
        '<linearGradient href="data:,x"/>'
    )

    assert taken(SVG.format(10, 10, complete).encode(), is_drawing=True)[0]["width"] == 1600


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
