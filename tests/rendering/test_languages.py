"""The words of a report in its language: catalogues, the engagement's own words, and what is marked as English."""

from __future__ import annotations

from findings_report.model.translation import Translation
from findings_report.rendering.html import place_language_marks


def test_an_engagement_has_its_own_words() -> None:
    own = Translation("en", {"line {lines}": "row {lines}"}, {}, {"high": "Severe"})

    assert own.gettext("line {lines}", lines="7") == "row 7"
    assert own.name("high") == "Severe"


def test_a_sentence_in_another_language_is_marked_where_elements_can_be() -> None:
    """A title and an attribute have no elements: there the signs leave nothing."""
    page = '<title>\ufdd0Report\ufdd1</title><p title="\ufdd0Note\ufdd1">\ufdd0For \ufdd2شركة\ufdd3\ufdd1</p>'

    marked = '<span lang="en" dir="ltr">For <bdi lang="ar">شركة</bdi></span>'
    assert place_language_marks(page, "ar") == f'<title>Report</title><p title="Note">{marked}</p>'
