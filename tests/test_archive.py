"""Reports read back from JSON: what is none is refused."""

from __future__ import annotations

import pytest

from findings_report.archive import from_json
from findings_report.errors import FindingsReportError


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"schema_name": NaN}', "NaN is not a JSON value"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b"[]", "it is not a report of findings-report"),
        (b'{"schema_name": "findings-report/report/9"}', "this version reads findings-report/report/1"),
        (b'{"schema_name": "findings-report/report/1"}', "engagement: Field required"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(content: bytes, fault: str) -> None:
    with pytest.raises(FindingsReportError, match=fault):
        from_json(content, shown="report.json")
