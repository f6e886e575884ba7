"""Children that live for many requests: nobody waits for one whose answer is not wanted any more."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from findings_report.pdf.worker_pool import Workers
from findings_report.sandbox import Limits

TARGETS = {"PYTHONPATH": str(Path(__file__).parents[1] / "support/confined")}
LIMITS = Limits(cpu_seconds=5, memory_bytes=1 << 30, file_bytes=0, wall_seconds=30, output_bytes=1 << 20)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.0])
def test_work_that_is_given_up_ends_at_once_even_while_its_child_is_starting(seconds: float) -> None:
    start = time.monotonic()

    with Workers("obedient", limits=LIMITS, environment=TARGETS) as workers:
        workers.begin({"do": "sleep"}, {})
        time.sleep(seconds)

    assert time.monotonic() - start < 15  # the child would sleep until its limit of 30
