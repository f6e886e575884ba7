"""Which findings share a segment, and how a page is split into segments."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from findings_report.pdf.page import FEWEST_MANY, FEWEST_SEGMENTED, segment_sizes, split_into_segments

# Numbers are drawn much faster than texts.
IDS = st.lists(st.integers(1, 9999), unique=True, min_size=FEWEST_SEGMENTED, max_size=90).map(
    lambda numbers: [f"{'ABC'[number % 3] * (number % 4 + 1)}-{number}" for number in numbers]
)


def segments(ids: list[str]) -> list[tuple[str, ...]]:
    left = iter(ids)
    return [tuple(next(left) for _ in range(count)) for count in segment_sizes(ids)]


@given(IDS)
def test_every_finding_is_on_one_segment_and_no_segment_but_the_first_has_fewer_than_two(ids: list[str]) -> None:
    split = segments(ids)

    assert [id for segment in split for id in segment] == ids
    assert all(len(segment) >= 2 for segment in split[1:])


@given(IDS, st.data())
def test_an_added_finding_leaves_all_segments_but_its_neighbours(ids: list[str], data: st.DataObject) -> None:
    assume(len(ids) + 1 != FEWEST_MANY)
    at = data.draw(st.integers(0, len(ids)))

    before, after = segments(ids), segments([*ids[:at], "ADDED-1", *ids[at:]])

    near = {*ids[max(0, at - 2) : at + 2], "ADDED-1"}
    assert {segment for segment in before if not near & set(segment)} - set(after) <= {
        segment for segment in before if set(segment) & set(ids[max(0, at - 8) : at + 8])
    }
    assert len(set(before) - set(after)) <= 3


def test_the_findings_of_a_short_report_follow_one_another() -> None:
    assert segment_sizes([f"A-{number}" for number in range(FEWEST_SEGMENTED - 1)]) == [FEWEST_SEGMENTED - 1]
    assert segment_sizes([]) == []


PAGE = """<!doctype html><html lang="en"><head><style>
.c a::after { content: target-counter(attr(href), page) } /* counter-reset: x */
</style></head><body data-title="x">
<p id="cover">Cover</p>
<!--sheet numbered--><nav class="c"><a href="#A-1">one</a> <a href="#nowhere">none</a></nav>
<!--sheet-->
<!--part A-1--><article id="A-1"><a href="#A-2">two</a> <a href="#here" >self</a><p id="here">x</p></article>
<!--part A-2--><article id="A-2"><a href="#cover">cover</a></article>
<!--sheet-->
</body></html>
"""


def test_a_page_is_split_where_its_template_says() -> None:
    page = split_into_segments(PAGE)

    assert page is not None
    assert [segment.prints_page_numbers for segment in page.segments] == [False, True, False]
    assert [[id for id, _ in segment.findings] for segment in page.segments] == [[], [], ["A-1", "A-2"]]
    assert page.anchors[2] == {"A-1", "A-2", "here"}
    assert page.obstacle is None
    assert split_into_segments("<html><body><p>x</p></body></html>") is None


def test_links_to_other_segments_are_symbolic_and_numbered_where_asked() -> None:
    page = split_into_segments(PAGE)
    assert page is not None

    contents = page.page_of(1, {"A-1": 7})
    findings = page.page_of(2)

    assert '<a href="xref:A-1" data-page="7">one</a> <a href="#nowhere">' in contents
    assert "content: attr(data-page)" in contents
    assert '<a href="#A-2">' in findings
    assert '<a href="xref:cover">cover</a>' in findings


def test_a_style_that_counts_across_segments_is_an_obstacle() -> None:
    for style in ("p { counter-increment: x }", "@page :left { margin: 0 }", "a::after { content: target-text(attr(href)) }"):
        page = split_into_segments(PAGE.replace("<style>", f"<style>{style}"))

        assert page is not None
        assert page.obstacle is not None, style
