"""Colours of a report: mixing, contrast, and a ramp of severities that is ordered also without colour. Pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")

DIFFERENCE: Final = 15.0
"""Colour difference (CIE76) between two severities that nobody overlooks, also in a small chip."""

Lab = tuple[float, float, float]
"""CIE L*a*b* under D65."""

_DEUTERANOPIA: Final = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
_PROTANOPIA: Final = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
"""Linear RGB as people without green or red cones see it. Source: Machado, Oliveira, Fernandes 2009, severity 1.0."""


class Shade(NamedTuple):
    """The colours of one severity on one ground; all as `#rrggbb`."""

    fill: str
    """Ground of its chip: the more severe, the further from the paper; the last severity has the paper's own."""
    text: str
    """Text on `fill`, with a contrast of at least 4.5."""
    mark: str
    """Edges, bars and drawings on the paper."""
    ink: str
    """Text in the severity's colour on the paper and on `soft`, with a contrast of at least 4.5."""
    soft: str
    """A tint for the ground of longer texts."""
    filled: int
    """How many of the pips are filled: as many as there are severities for the most severe, 1 for the last."""
    empty: int
    """How many are not."""


def shade(colours: Sequence[str], paper: str) -> list[Shade]:
    """Return the shades of a scale on `paper`, most severe first: hues as in `colours`, lightness by rank.

    The lightness of `fill` and of `mark` is strictly monotonic, so that the order shows in grey. Up to eight severities differ
    by DIFFERENCE also for readers without red or green cones; in longer scales some neighbours differ less.
    """
    is_light = _luminance(paper) > 0.18
    # On a dark screen the most severe is the brightest: what counts is the distance from the ground.
    fills = _ramp(tuple(colours), *((26.0, 100.0) if is_light else (76.0, 9.0)))
    marks = _ramp(tuple(colours), *((26.0, 64.0) if is_light else (80.0, 46.0)))
    shades: list[Shade] = []
    for rank, (fill, mark) in enumerate(zip(fills, marks, strict=True)):
        plain = "#ffffff" if is_light else "#14181d"
        soft = blend(mark, paper, 0.88 if is_light else 0.8)
        shades.append(
            Shade(
                fill=fill,
                text=plain if contrast(plain, fill) >= 4.5 else ensure_contrast(mark, fill),
                mark=mark,
                ink=ensure_contrast(ensure_contrast(mark, paper), soft),
                soft=soft,
                filled=len(colours) - rank,
                empty=rank,
            )
        )
    return shades


def blend(colour: str, other: str, share: float) -> str:
    """Return `colour` with `share` (0 to 1) of `other` in it, as `#rrggbb`. Raises ValueError for any other notation."""
    first, second = _channels(colour), _channels(other)
    mixed = [round(a + (b - a) * share) for a, b in zip(first, second, strict=True)]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def ensure_contrast(colour: str, background: str, least: float = 4.5) -> str:
    """Return `colour`, made lighter or darker until its contrast on `background` is `least` (4.5 for text; WCAG 2.2, 1.4.3).

    Hue is kept, and as much chroma as the screen can show: a blue made lighter by white looks grey beside other text.
    """
    if contrast(colour, background) >= least:
        return colour
    # Above this luminance black has more contrast than white: (x + 0.05) / 0.05 = 1.05 / (x + 0.05) at x = 0.179.
    furthest = 0.0 if _luminance(background) > 0.18 else 1.0
    lightness, a, b = _to_oklab(colour)
    for step in range(1, 50):
        tried = _from_oklab(lightness + (furthest - lightness) * step / 50, a, b)
        if contrast(tried, background) >= least:
            return tried
    return "#ffffff" if furthest else "#000000"


def _to_oklab(colour: str) -> tuple[float, float, float]:
    """Return lightness (0 to 1) and the two axes of colour. Source: Björn Ottosson, "A perceptual color space", 2020."""
    red, green, blue = _linear_channels(colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> str:
    """Return the colour as `#rrggbb`, with less chroma where a screen cannot show as much at this lightness."""
    for step in range(21):
        share = 1 - step / 20
        long = (lightness + share * (0.3963377774 * a + 0.2158037573 * b)) ** 3
        medium = (lightness + share * (-0.1055613458 * a - 0.0638541728 * b)) ** 3
        short = (lightness + share * (-0.0894841775 * a - 1.2914855480 * b)) ** 3
        linear = (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
        if all(-0.001 <= channel <= 1.001 for channel in linear):
            break
    clipped = [min(1.0, max(0.0, channel)) for channel in linear]
    return "#" + "".join(f"{round(_compress(channel) * 255):02x}" for channel in clipped)


@lru_cache(maxsize=64)
def _ramp(colours: tuple[str, ...], first: float, last: float) -> tuple[str, ...]:
    """Return the colours with a lightness from `first` to `last` in even steps, as near to their hue as differs enough."""
    chosen: list[str] = []
    # From the palest on: near white there are few colours to choose from.
    for rank, colour in reversed(list(enumerate(colours))):
        lightness = first + (last - first) * rank / max(1, len(colours) - 1)
        best, widest = "", -1.0
        for candidate in _candidates(to_lab(colour), lightness):
            distance = min((difference(candidate, other) for other in chosen), default=math.inf)
            if distance > widest:
                best, widest = candidate, distance
            if distance >= DIFFERENCE + 3:  # rounding to 8 bits, and other models of the same blindness
                break
        chosen.append(best)
    return tuple(reversed(chosen))


def _candidates(authored: Lab, lightness: float) -> Iterator[str]:
    """Yield colours of that lightness, those nearest to the authored hue first."""
    _, a, b = authored
    # Blue to yellow is the one direction that all readers see, so that is where a colour gives way.
    steps = sorted(
        ((share / 10, float(shift)) for share in range(11) for shift in range(-60, 61, 5)),
        key=lambda step: (1 - step[0]) * math.hypot(a, b) + abs(step[1]),
    )
    for share, shift in steps:
        rgb = _to_rgb((lightness, a * share, b * share + shift))
        if all(-0.002 <= channel <= 1.002 for channel in rgb):
            yield "#" + "".join(f"{round(255 * _compress(min(1.0, max(0.0, channel)))):02x}" for channel in rgb)
    yield "#" + f"{round(255 * _compress(min(1.0, _to_rgb((lightness, 0, 0))[1]))):02x}" * 3


def difference(first: str, second: str) -> float:
    """Return the least colour difference (CIE76) of two colours to readers with and without red or green cones."""
    return min(math.dist(one, other) for one, other in zip(_seen(first), _seen(second), strict=True))


@lru_cache(maxsize=4096)
def _seen(colour: str) -> tuple[Lab, ...]:
    rgb = _linear_channels(colour)
    blind = (
        [sum(share * value for share, value in zip(row, rgb, strict=True)) for row in m] for m in (_DEUTERANOPIA, _PROTANOPIA)
    )
    return (_lab(*rgb), *(_lab(*(min(1.0, max(0.0, value)) for value in values)) for values in blind))


def to_lab(colour: str) -> Lab:
    """Return a colour in CIE L*a*b* (D65)."""
    return _lab(*_linear_channels(colour))


_WHITE: Final = (0.95047, 1.0, 1.08883)
"""XYZ of D65, two degrees. Source: CIE 15."""


def _lab(red: float, green: float, blue: float) -> Lab:
    # sRGB to XYZ. Source: IEC 61966-2-1; the functions below are those of CIE 15.
    x = 0.4124564 * red + 0.3575761 * green + 0.1804375 * blue
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = 0.0193339 * red + 0.1191920 * green + 0.9503041 * blue
    fx, fy, fz = (
        value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116
        for value in (x / _WHITE[0], y / _WHITE[1], z / _WHITE[2])
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _to_rgb(lab: Lab) -> tuple[float, float, float]:
    """Return linear RGB; channels outside 0 to 1 are colours that no screen shows."""
    fy = (lab[0] + 16) / 116
    x, y, z = (
        white * (value**3 if value**3 > 0.008856 else (value - 16 / 116) / 7.787)
        for white, value in zip(_WHITE, (fy + lab[1] / 500, fy, fy - lab[2] / 200), strict=True)
    )
    return (
        3.2404542 * x - 1.5371385 * y - 0.4985314 * z,
        -0.9692660 * x + 1.8760108 * y + 0.0415560 * z,
        0.0556434 * x - 0.2040259 * y + 1.0572252 * z,
    )


def _channels(colour: str) -> tuple[int, int, int]:
    if not _COLOUR.match(colour):
        raise ValueError(f"{colour!r} is not a colour as '#rrggbb'")
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _linear_channels(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue in proportion to light. Source: WCAG 2.2, definition of relative luminance."""
    shares = (channel / 255 for channel in _channels(colour))
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return red, green, blue


def _compress(channel: float) -> float:
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def _luminance(colour: str) -> float:
    """Return the relative luminance. Source: WCAG 2.2, definition of relative luminance."""
    red, green, blue = _linear_channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 to 21. Source: WCAG 2.2, definition of contrast ratio."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
