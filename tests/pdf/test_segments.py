"""Which findings share a sheet, and how a page is taken apart into sheets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from findings_report.pdf.segments import FEWEST_APART, gathered, take_apart

IDS = st.lists(st.from_regex(r"[A-Z]{1,4}-[0-9]{1,4}", fullmatch=True), unique=True, min_size=FEWEST_APART, max_size=60)


def sheets(ids: list[str]) -> list[tuple[str, ...]]:
    left = iter(ids)
    return [tuple(next(left) for _ in range(count)) for count in gathered(ids)]


@given(IDS)
def test_every_finding_is_on_one_sheet_and_no_sheet_but_the_first_has_fewer_than_two(ids: list[str]) -> None:
    made = sheets(ids)

    assert [id for sheet in made for id in sheet] == ids
    assert all(len(sheet) >= 2 for sheet in made[1:])


@given(IDS, st.data())
def test_an_added_finding_leaves_all_sheets_but_its_neighbours(ids: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(ids)))

    before, after = sheets(ids), sheets([*ids[:at], "ADDED-1", *ids[at:]])

    near = {*ids[max(0, at - 2) : at + 2], "ADDED-1"}
    assert {sheet for sheet in before if not near & set(sheet)} - set(after) <= {
        sheet for sheet in before if set(sheet) & set(ids[max(0, at - 8) : at + 8])
    }
    assert len(set(before) - set(after)) <= 3


def test_the_findings_of_a_short_report_follow_one_another() -> None:
    assert gathered([f"A-{number}" for number in range(FEWEST_APART - 1)]) == [FEWEST_APART - 1]
    assert gathered([]) == []


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


def test_a_page_is_taken_apart_where_its_template_says() -> None:
    page = take_apart(PAGE)

    assert page is not None
    assert [sheet.is_numbered for sheet in page.sheets] == [False, True, False]
    assert [[id for id, _ in sheet.parts] for sheet in page.sheets] == [[], [], ["A-1", "A-2"]]
    assert page.sheets[2].anchors == {"A-1", "A-2", "here"}
    assert page.obstacle is None
    assert take_apart("<html><body><p>x</p></body></html>") is None


def test_links_to_other_sheets_are_symbolic_and_numbered_where_asked() -> None:
    page = take_apart(PAGE)
    assert page is not None

    contents = page.laid_apart(page.sheets[1], {"A-1", "cover"}, {"A-1": 7})
    findings = page.laid_apart(page.sheets[2], {"cover"})

    assert '<a href="xref:A-1" data-page="7">one</a> <a href="#nowhere">' in contents
    assert "content: attr(data-page)" in contents
    assert '<a href="#A-2">' in findings
    assert '<a href="xref:cover">cover</a>' in findings


def test_a_style_that_counts_across_sheets_is_an_obstacle() -> None:
    for style in ("p { counter-increment: x }", "@page :left { margin: 0 }", "a::after { content: target-text(attr(href)) }"):
        page = take_apart(PAGE.replace("<style>", f"<style>{style}"))

        assert page is not None
        assert page.obstacle is not None, style
