"""What a fuzzer made up or was started with, `make fuzz`: no parser raises what it does not document."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest

INPUTS = sorted(path for parser in fuzz.PARSERS for path in (fuzz.CORPORA / parser).iterdir())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_input_is_read_or_refused(path: Path) -> None:
    fuzz.PARSERS[path.parent.name](path.read_bytes())


def test_every_parser_has_inputs_and_all_are_small() -> None:
    assert {path.parent.name for path in INPUTS} == fuzz.PARSERS.keys()
    assert sum(path.stat().st_size for path in INPUTS) < 100_000
