"""CVSS vectors: the score, the word and the form in which they are printed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import floor, prod

import pytest

from findings_report.authoring.scoring import of_score, score

LEVELS = ("X", "H", "M", "L")
METRICS_31: dict[str, tuple[str, ...]] = {
    "AV": ("N", "A", "L", "P"), "AC": ("L", "H"), "PR": ("N", "L", "H"), "UI": ("N", "R"), "S": ("U", "C"),
    "C": ("H", "L", "N"), "I": ("H", "L", "N"), "A": ("H", "L", "N"),
    "E": ("X", "H", "F", "P", "U"), "RL": ("X", "U", "W", "T", "O"), "RC": ("X", "C", "R", "U"),
    "CR": LEVELS, "IR": LEVELS, "AR": LEVELS,
    "MAV": ("X", "N", "A", "L", "P"), "MAC": ("X", "L", "H"), "MPR": ("X", "N", "L", "H"), "MUI": ("X", "N", "R"),
    "MS": ("X", "U", "C"), "MC": ("X", "H", "L", "N"), "MI": ("X", "H", "L", "N"), "MA": ("X", "H", "L", "N"),
}  # fmt: skip
"""Source: CVSS v3.1 specification, table 15: the metrics in the order in which a vector has them."""

METRICS_40: dict[str, tuple[str, ...]] = {
    "AV": ("N", "A", "L", "P"), "AC": ("L", "H"), "AT": ("N", "P"), "PR": ("N", "L", "H"), "UI": ("N", "P", "A"),
    "VC": ("H", "L", "N"), "VI": ("H", "L", "N"), "VA": ("H", "L", "N"),
    "SC": ("H", "L", "N"), "SI": ("H", "L", "N"), "SA": ("H", "L", "N"),
    "E": ("X", "A", "P", "U"), "CR": LEVELS, "IR": LEVELS, "AR": LEVELS,
    "MAV": ("X", "N", "A", "L", "P"), "MAC": ("X", "L", "H"), "MAT": ("X", "N", "P"), "MPR": ("X", "N", "L", "H"),
    "MUI": ("X", "N", "P", "A"), "MVC": ("X", "H", "L", "N"), "MVI": ("X", "H", "L", "N"), "MVA": ("X", "H", "L", "N"),
    "MSC": ("X", "H", "L", "N"), "MSI": ("X", "S", "H", "L", "N"), "MSA": ("X", "S", "H", "L", "N"),
    "S": ("X", "N", "P"), "AU": ("X", "N", "Y"), "R": ("X", "A", "U", "I"), "V": ("X", "D", "C"), "RE": ("X", "L", "M", "H"),
    "U": ("X", "Clear", "Green", "Amber", "Red"),
}  # fmt: skip
"""Source: CVSS v4.0 specification, table 23."""

BASE = {"3.1": 8, "4.0": 11}
TEMPORAL, ENVIRONMENTAL = ("E", "RL", "RC"), tuple(METRICS_31)[11:]


@pytest.mark.parametrize(
    ("vector", "wanted", "word"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, "high"),  # CVE-2014-0160, Heartbleed
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "critical"),  # CVE-2014-6271, Shellshock
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1, "low"),  # CVE-2014-3566, POODLE
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N", 6.8, "medium"),  # CVE-2008-1447, DNS
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9, "critical"),  # CVE-2012-1516, VMware
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, "medium"),  # CVE-2013-1937, phpMyAdmin
        ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2, "medium"),  # CVE-2009-0783, Tomcat
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N", 4.6, "medium"),  # CVE-2014-2019, iOS
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, "informational"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", 8.7, "high"),  # CVE-2014-0160
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0, "critical"),  # CVE-2021-44228, Log4Shell
        ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3, "high"),  # CVE-2022-41741, NGINX
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N", 8.3, "high"),  # CVE-2023-3089, OpenShift
        ("CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", 4.6, "medium"),  # CVE-2021-44714, Acrobat
    ],
)
def test_published_examples_have_their_published_score(vector: str, wanted: float, word: str) -> None:
    """Source: FIRST, "CVSS v3.1 Examples" and "CVSS v4.0 Examples"."""
    found = score(vector)

    assert (found.vector, found.score, of_score(found.score)) == (vector, wanted, word)


def vectors(version: str, count: int) -> Iterator[dict[str, str]]:
    """Random vectors: each group of optional metrics is there in half of them, and half of it is not defined."""
    chance = random.Random(1)  # noqa: S311
    metrics = METRICS_31 if version == "3.1" else METRICS_40
    for _ in range(count):
        given = {name: chance.choice(values) for name, values in list(metrics.items())[: BASE[version]]}
        groups = [TEMPORAL, ENVIRONMENTAL] if version == "3.1" else [("E",), tuple(metrics)[12:26], tuple(metrics)[26:]]
        for group in groups:
            if chance.random() < 0.5:
                given |= {name: chance.choice(metrics[name]) for name in group if chance.random() < 0.5}
        yield given


def written(version: str, given: dict[str, str]) -> str:
    return "/".join([f"CVSS:{version}", *(f"{name}:{value}" for name, value in given.items())])


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.1", "4.0"])
def test_a_vector_is_printed_in_order_and_read_back_as_the_same_and_its_word_is_that_of_its_score(version: str) -> None:
    chance = random.Random(2)  # noqa: S311
    order = list(METRICS_31 if version == "3.1" else METRICS_40)

    for given in vectors(version, 10_000):
        found = score(written(version, given))
        parts = [part.partition(":") for part in found.vector.split("/")[1:]]

        assert {name: value for name, _, value in parts} == {name: value for name, value in given.items() if value != "X"}
        assert [name for name, _, _ in parts] == sorted((name for name, _, _ in parts), key=order.index)
        assert score(found.vector) == found
        assert score(written(version, dict(chance.sample(list(given.items()), len(given))))) == found
        assert 0 <= found.score <= 10
        assert round(found.score, 1) == found.score
        assert of_score(found.score) == {"none": "informational"}.get(found.severity.lower(), found.severity.lower())


WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}, "AC": {"L": 0.77, "H": 0.44}, "UI": {"N": 0.85, "R": 0.62},
    "E": {"X": 1, "H": 1, "F": 0.97, "P": 0.94, "U": 0.91}, "RL": {"X": 1, "U": 1, "W": 0.97, "T": 0.96, "O": 0.95},
    "RC": {"X": 1, "C": 1, "R": 0.96, "U": 0.92},
}  # fmt: skip
LOSS = {"H": 0.56, "L": 0.22, "N": 0.0}
NEEDED = {"X": 1.0, "H": 1.5, "M": 1.0, "L": 0.5}


def rounded_up(value: float) -> float:
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (floor(whole / 10_000) + 1) / 10


def by_the_formula(given: dict[str, str]) -> float:
    """Source: CVSS v3.1 specification, section 7 and appendix A, written down here a second time to hold the library to it."""
    has = {name for name, value in given.items() if value != "X"}
    is_environmental = bool(has & set(ENVIRONMENTAL))

    def metric(name: str) -> str:
        return given[f"M{name}"] if is_environmental and f"M{name}" in has else given[name]

    is_changed = metric("S") == "C"
    privileges = {"N": 0.85, "L": 0.68 if is_changed else 0.62, "H": 0.5 if is_changed else 0.27}[metric("PR")]
    needed = {name: NEEDED[given.get(f"{name}R", "X")] if is_environmental else 1.0 for name in "CIA"}
    loss = 1 - prod(1 - needed[name] * LOSS[metric(name)] for name in "CIA")
    if is_environmental:
        loss = min(loss, 0.915)
    last = (loss * 0.9731 - 0.02) ** 13 if is_environmental else (loss - 0.02) ** 15
    impact = 7.52 * (loss - 0.029) - 3.25 * last if is_changed else 6.42 * loss
    exploitability = 8.22 * privileges * prod(WEIGHTS[name][metric(name)] for name in ("AV", "AC", "UI"))
    if impact <= 0:
        return 0.0
    base = rounded_up(min((1.08 if is_changed else 1.0) * (impact + exploitability), 10))
    return rounded_up(base * prod(WEIGHTS[name][given.get(name, "X")] for name in TEMPORAL))


@pytest.mark.slow
def test_scores_of_3_1_are_those_of_the_specifications_formula() -> None:
    for given in vectors("3.1", 10_000):
        assert score(written("3.1", given)).score == by_the_formula(given), written("3.1", given)
