"""Children that live for many requests: no reply is waited for that nobody wants, and one failure harms no other request."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from findings_report.pdf.worker_pool import WorkerPool, Workers
from findings_report.problems import FindingsReportError
from findings_report.sandbox import Limits

MODULES = {"PYTHONPATH": str(Path(__file__).parents[1] / "support" / "confined")}
LIMITS = Limits(cpu_seconds=5, memory_bytes=1 << 30, file_bytes=0, wall_seconds=30, output_bytes=1 << 20)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.0])
def test_work_that_is_given_up_ends_at_once_even_while_its_child_is_starting(seconds: float) -> None:
    start = time.monotonic()

    with WorkerPool(1, MODULES) as pool:
        Workers(pool, "obedient", LIMITS).submit({"do": "sleep"}, {})
        time.sleep(seconds)

    assert time.monotonic() - start < 15  # the child would sleep until its limit of 30


def test_a_child_is_used_again_until_a_request_fails_or_other_limits_are_needed() -> None:
    with WorkerPool(1, MODULES) as pool:
        workers = Workers(pool, "obedient", LIMITS)
        first, second = (workers.submit({"do": "pid"}, {}).result().response["pid"] for _ in range(2))
        with pytest.raises(FindingsReportError):
            workers.submit({"do": "fail"}, {}).result()
        third = workers.submit({"do": "pid"}, {}).result().response["pid"]
        other = Workers(pool, "obedient", Limits(6, 1 << 30, 0, 30, 1 << 20)).submit({"do": "pid"}, {}).result().response["pid"]

    assert first == second
    assert len({first, third, other}) == 3
