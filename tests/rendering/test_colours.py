"""Severities are told apart without colour: by lightness in grey, and by readers without red or green cones."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator

import pytest
import samples

from findings_report import commands
from findings_report.model.engagement import Engagement, Severity
from findings_report.rendering.colours import DIFFERENCE, shade, to_lab
from findings_report.rendering.template_files import Template, builtin_templates

DEFAULT = [severity.colour for severity in Engagement(title="x").severities]

# Another model than the one the ramp is computed with. Source: Viénot, Brettel, Mollon 1999, for linear RGB.
VIENOT = {
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
}


def scales() -> Iterator[list[str]]:
    """The default scale, one with a single hue, and scales of one's own of every usual length."""
    yield DEFAULT
    yield ["#b3261e"] * 4
    chosen = random.Random(7)  # noqa: S311 - colours
    for length in range(1, 9):
        yield from ([f"#{chosen.randrange(1 << 24):06x}" for _ in range(length)] for _ in range(3))


def linear(colour: str) -> list[float]:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    return [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]


def contrast(first: str, second: str) -> float:
    light = sorted(sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear(each), strict=True)) for each in (first, second))
    return (light[1] + 0.05) / (light[0] + 0.05)


def seen(colour: str, blindness: str) -> str:
    rgb = [sum(w * v for w, v in zip(row, linear(colour), strict=True)) for row in VIENOT[blindness]]
    coded = [12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in (min(1, max(0, v)) for v in rgb)]
    return "#" + "".join(f"{round(255 * value):02x}" for value in coded)


@pytest.mark.parametrize("paper", ["#ffffff", "#14181d"])
def test_severities_are_ordered_in_grey_and_differ_for_everybody(paper: str) -> None:
    for scale in scales():
        shades = shade(scale, paper)

        for name in ("fill", "mark"):
            drawn = [getattr(each, name) for each in shades]
            lightness = [to_lab(colour)[0] for colour in drawn]
            assert lightness == sorted(set(lightness), reverse=paper != "#ffffff"), (scale, name)
            pairs = [(one, other) for index, one in enumerate(drawn) for other in drawn[index + 1 :]]
            views = ((one, other) for one, other in pairs)
            assert all(math.dist(to_lab(one), to_lab(other)) >= DIFFERENCE for one, other in views), (scale, name)
        assert all(contrast(each.text, each.fill) >= 4.5 for each in shades), scale
        assert all(contrast(each.ink, ground) >= 4.5 for each in shades for ground in (paper, each.soft)), scale
        assert [(each.filled, each.empty) for each in shades] == [(len(scale) - rank, rank) for rank in range(len(scale))]


def test_the_printed_palette_keeps_its_differences_in_both_blindnesses() -> None:
    """The colours of the page itself, light and dark; chips, and the bars beside titles."""
    page = commands.render(samples.report(), "html", Template("standard", (builtin_templates(),)), system_fonts=False).content
    drawn = (re.findall(rf"--{name}\d+: (#\w+);", page.decode()) for name in ("severity", "chip"))
    rules = list(zip(*drawn, strict=True))
    levels = len(DEFAULT)
    grounds = {tuple(rules[start : start + levels]) for start in range(0, len(rules), levels)}
    assert len(grounds) == 2

    for ground in grounds:
        for colours in zip(*ground, strict=True):
            for blindness in VIENOT:
                labs = [to_lab(seen(colour, blindness)) for colour in colours]
                assert min(math.dist(one, other) for i, one in enumerate(labs) for other in labs[i + 1 :]) >= 15


def test_a_severity_of_another_scale_is_a_chip_without_pips() -> None:
    """A comparison shows severities of the baseline; the page has no colours for a rank that its own scale lacks."""
    report = samples.report(samples.finding(severity=Severity(name="blocker", colour="#112233")))

    page = commands.render(report, "html", Template("standard", (builtin_templates(),)), system_fonts=False).content.decode()

    assert '<span class="chip s5">Blocker</span>' in page
