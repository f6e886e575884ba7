"""Reports read back from JSON: what is none is refused."""

from __future__ import annotations

import pytest
import samples

from findings_report.problems import FindingsReportError
from findings_report.problems.safe_text import HIDDEN
from findings_report.report.archive import from_json, to_json


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is not JSON"),
        (b"[" * 100_000, "its values are nested too deep"),
        (b'{"schema_name": NaN}', "NaN is not a JSON value"),
        (b'{"a": 1, "a": 2}', "an object has the same key twice"),
        (b"[]", "it is not a report of findings-report"),
        (b'{"schema_name": "findings-report/report/9"}', "this version reads findings-report/report/1"),
        (b'{"schema_name": "findings-report/report/1"}', "engagement: Field required"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(content: bytes, fault: str) -> None:
    with pytest.raises(FindingsReportError, match=fault):
        from_json(content, shown="report.json")


def test_hidden_characters_are_escaped_and_read_back() -> None:
    report = samples.report()
    hidden = report.engagement.model_copy(update={"title": "a\u202eb\u200b\U000e0041\x9bc"})
    report = report.model_copy(update={"engagement": hidden})

    content = to_json(report)

    assert "\\u202e" in content.decode()
    assert HIDDEN.sub("", content.decode().replace("\n", "")) == content.decode().replace("\n", "")
    assert from_json(content, shown="report.json") == report
