"""Comparing two reports: what changed, and what each claim comes to beside the code. Pure."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from findings_report.comparison.changed_fields import compare_fields, diff_words
from findings_report.comparison.claims import _NEW_PLACES, combine_drifts, judge_claim
from findings_report.comparison.compare import FindingPairs, FollowedCode, compare, pair_findings
from findings_report.model.comparison import (
    PLACE_WORDS,
    Assessment,
    Change,
    CodeState,
    Comparison,
    FixCommit,
    FixState,
    Judgement,
    StatusChange,
    TrackedRegion,
)
from findings_report.model.drift import Drift, DriftKind, Method, Spot
from findings_report.model.evidence import Check, Region, Snippet, Verdict
from findings_report.model.finding import Fix, Status, ToolFingerprint
from findings_report.model.report import Report, ReportedFinding

LINES = Region(start_line=10, end_line=14)
NOW = Spot(path="a.py", region=LINES)
TEXT = st.text("ab \n.é\r\x0b")


def tracked(kind: DriftKind, *, quoted: tuple[tuple[int, int | None], ...] = (), **more: object) -> TrackedRegion:
    now = NOW if kind.is_equal or kind is DriftKind.MODIFIED else None
    drift = Drift.model_validate({"path": "a.py", "region": LINES, "kind": kind, "now": now, "quoted": quoted, **more})
    return TrackedRegion(location=0, name=None, repository="r", language="", permalink=None, drift=drift)


def finding(status: Status = Status.OPEN, **more: object) -> ReportedFinding:
    first = samples.report().findings[0]
    return first.model_copy(update={"status": status, "fix": None, "snippets": (), **more})


def judged(before: Status, after: Status, *evidence: TrackedRegion, **more: object) -> tuple[Assessment, str]:
    fixes = more.pop("fixes", ())
    assert isinstance(fixes, tuple)
    found = judge_claim(Change.UPDATED, finding(before), finding(after, **more), evidence, fixes)
    return found[0].weight, found[0].code


# Wording.


@given(TEXT, TEXT)
def test_without_what_came_the_words_are_the_old_text_and_without_what_went_the_new_one(before: str, after: str) -> None:
    words = diff_words(before, after)

    assert "".join(run.text for run in words if run.kind != "came") == before
    assert "".join(run.text for run in words if run.kind != "gone") == after


def test_words_that_stand_together_change_together() -> None:
    words = diff_words("a quick brown fox", "a slow red fox")

    assert [(run.kind, run.text) for run in words] == [
        ("same", "a "),
        ("gone", "quick brown"),
        ("came", "slow red"),
        ("same", " fox"),
    ]


def test_a_text_rewritten_as_a_whole_is_told_whole() -> None:
    before, after = " ".join(f"a{n}" for n in range(2000)), " ".join(f"b{n}" for n in range(2000))

    assert [run.kind for run in diff_words(before, after)] == ["gone", "came"]


# Fields.


@pytest.mark.parametrize(
    "lines",
    [
        lambda which: random.Random(which).choices("ab", k=20_000),  # noqa: S311  # the same each time
        lambda which: [f"{n}{which if n % 2 else ''}" for n in range(20_000)],
        lambda which: [f"{n}{which if n % 2 else ''}" for n in range(2_200)],
        lambda which: ["a", "b"] * (700 + which),
    ],
)
def test_long_texts_that_differ_everywhere_are_compared_in_good_time(lines: Callable[[int], list[str]]) -> None:
    before, after = ("\n".join(["first", *lines(which), "last"]) for which in (1, 2))
    began = time.process_time()

    words = diff_words(before, after)

    assert time.process_time() - began < 5
    assert "".join(run.text for run in words if run.kind != "came") == before
    assert words[0].text.startswith("first\n")
    assert words[-1].text.endswith("last")


def test_the_same_lines_of_another_repository_are_other_evidence() -> None:
    before = samples.report().findings[0]
    after = before.model_copy(
        update={"snippets": tuple(snippet.model_copy(update={"repository": "other"}) for snippet in before.snippets)}
    )

    (change,) = compare_fields(before, after, ())

    assert change.name == "locations"
    assert str(change.after).startswith("other: ")


def test_equal_findings_have_no_changed_field() -> None:
    for each in samples.report().findings:
        assert compare_fields(each, each, ()) == ()


def test_every_field_that_people_write_is_compared() -> None:
    full = samples.full_finding()
    bare = finding(id=full.id, title="another", description="another", cwe=(), scores=(), extra=())
    computed = {"id", "snippets", "placed", "severity_source", "steps"}

    names = {change.name for change in compare_fields(full, bare, ())}

    written = {name for name in ReportedFinding.model_fields if getattr(full, name) != getattr(bare, name)}
    assert names - {"locations"} == written - computed


def test_a_location_that_went_where_its_code_went_is_no_change() -> None:
    before = next(each for each in samples.report().findings if each.snippets)
    snippet = before.snippets[0]
    moved = Region(start_line=snippet.regions[0].start_line + 5, end_line=snippet.regions[0].end_line + 5)
    after = before.model_copy(
        update={"snippets": (snippet.model_copy(update={"regions": (moved, *snippet.regions[1:])}), *before.snippets[1:])}
    )
    drift = Drift(
        path=snippet.path,
        region=snippet.regions[0],
        kind=DriftKind.MOVED,
        now=Spot(path=snippet.path, region=moved),
    )
    followed = tracked(DriftKind.MOVED).model_copy(update={"drift": drift, "location": snippet.index})

    assert [change.name for change in compare_fields(before, after, ())] == ["locations"]
    assert compare_fields(before, after, (followed,)) == ()
    # `track --update` leaves what it cannot move at the commit where it was cited.
    assert compare_fields(before, before, (followed,)) == ()
    repinned = {"snippets": (snippet.model_copy(update={"commit": "f" * 40}), *before.snippets[1:])}
    assert [change.name for change in compare_fields(before, before.model_copy(update=repinned), (followed,))] == ["locations"]


def test_a_file_cited_as_a_whole_that_went_with_its_new_name_is_no_change() -> None:
    before = next(each for each in samples.report().findings if each.snippets)
    whole = before.snippets[0].model_copy(update={"regions": (), "file_lines": 20})
    before = before.model_copy(update={"snippets": (whole,)})
    after = before.model_copy(update={"snippets": (whole.model_copy(update={"path": "new.py", "commit": "f" * 40}),)})
    drift = Drift(
        path=whole.path,
        region=Region(start_line=1, end_line=20),
        kind=DriftKind.RENAMED,
        is_whole_file=True,
        now=Spot(path="new.py", region=Region(start_line=1, end_line=20)),
    )
    followed = tracked(DriftKind.RENAMED).model_copy(update={"drift": drift, "location": whole.index})

    assert [change.name for change in compare_fields(before, after, ())] == ["locations"]
    assert compare_fields(before, after, (followed,)) == ()


# Claims.


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((), CodeState.NONE),
        ((DriftKind.UNCHANGED, DriftKind.MOVED_FILE, DriftKind.REFORMATTED), CodeState.EQUAL),
        ((DriftKind.UNCHANGED, DriftKind.MODIFIED), CodeState.MIXED),
        ((DriftKind.DELETED, DriftKind.DELETED), CodeState.DELETED),
        ((DriftKind.DELETED, DriftKind.MODIFIED), CodeState.MODIFIED),
        ((DriftKind.DELETED, DriftKind.UNCHANGED), CodeState.MIXED),
        ((DriftKind.AMBIGUOUS, DriftKind.UNVERIFIABLE), CodeState.UNPLACED),
        ((DriftKind.AMBIGUOUS, DriftKind.UNCHANGED), CodeState.MIXED),
        ((DriftKind.UNVERIFIABLE, DriftKind.MODIFIED), CodeState.MIXED),
    ],
)
def test_the_code_of_a_finding_is_taken_together(kinds: tuple[DriftKind, ...], expected: CodeState) -> None:
    assert combine_drifts([tracked(kind) for kind in kinds]) is expected


def test_no_state_of_one_place_is_hidden_behind_that_of_another() -> None:
    """Two states are one only where both say that the place stayed, or both that it changed."""
    regions = {region.state: region for region in (EQUAL, AROUND, CHANGED, GONE, LOST, INTACT)}
    assert len(regions) == len(CodeState) - 2  # all but `none` and `mixed`
    joined = [{CodeState.EQUAL, CodeState.AROUND}, {CodeState.MODIFIED, CodeState.DELETED}]

    for one, first in regions.items():
        for other, second in regions.items():
            found = combine_drifts([first, second])
            assert (found is CodeState.MIXED) == (one is not other and {one, other} not in joined), (one, other)


def test_a_modified_range_whose_quoted_lines_all_stand_is_told_apart() -> None:
    assert combine_drifts([tracked(DriftKind.MODIFIED, quoted=((11, 12), (12, 13)))]) is CodeState.INTACT
    assert combine_drifts([tracked(DriftKind.MODIFIED, quoted=((11, 12), (12, None)))]) is CodeState.MODIFIED


EQUAL, CHANGED, GONE = tracked(DriftKind.MOVED), tracked(DriftKind.MODIFIED), tracked(DriftKind.DELETED)
AROUND = tracked(DriftKind.UNCHANGED, surroundings_changed=True)
LOST = tracked(DriftKind.AMBIGUOUS)
INTACT = tracked(DriftKind.MODIFIED, quoted=((11, 12),))
MIXED = (EQUAL, CHANGED)
OPEN, RESOLVED, ACCEPTED = Status.OPEN, Status.RESOLVED, Status.RISK_ACCEPTED


@pytest.mark.parametrize(
    ("status", "evidence", "weight", "code"),
    [
        (OPEN, EQUAL, Assessment.CONSISTENT, "open-unchanged"),
        (OPEN, AROUND, Assessment.REVIEW, "open-surroundings"),
        (OPEN, CHANGED, Assessment.REVIEW, "open-modified"),
        (OPEN, GONE, Assessment.REVIEW, "open-deleted"),
        (OPEN, LOST, Assessment.REVIEW, "open-unplaced"),
        (Status.PARTIALLY_RESOLVED, EQUAL, Assessment.REVIEW, "partial-unchanged"),
        (RESOLVED, EQUAL, Assessment.CONTRADICTION, "resolved-unchanged"),
        (RESOLVED, AROUND, Assessment.REVIEW, "resolved-surroundings"),
        (RESOLVED, CHANGED, Assessment.CONSISTENT, "resolved-modified"),
        (RESOLVED, GONE, Assessment.CONSISTENT, "resolved-deleted"),
        (RESOLVED, LOST, Assessment.REVIEW, "resolved-unplaced"),
        (ACCEPTED, EQUAL, Assessment.CONSISTENT, "accepted-unchanged"),
        (ACCEPTED, AROUND, Assessment.REVIEW, "accepted-surroundings"),
        (ACCEPTED, CHANGED, Assessment.REVIEW, "accepted-modified"),
        (ACCEPTED, GONE, Assessment.CONSISTENT, "accepted-deleted"),
        (ACCEPTED, LOST, Assessment.REVIEW, "accepted-unplaced"),
        (Status.FALSE_POSITIVE, CHANGED, Assessment.REVIEW, "accepted-modified"),
    ],
)
def test_each_claim_is_held_against_the_code(status: Status, evidence: TrackedRegion, weight: Assessment, code: str) -> None:
    assert judged(OPEN, status, evidence) == (weight, code)


COLUMNS = {
    "unchanged": (EQUAL,),
    "surrounding code changed": (AROUND,),
    "modified, quoted lines intact": (INTACT,),
    "modified": (CHANGED,),
    "deleted": (GONE,),
    "not located": (LOST,),
    "places differ": MIXED,
    "no code cited": (),
}
ROWS = {
    "open, acknowledged, undetermined": (Status.OPEN, Status.ACKNOWLEDGED, Status.UNDETERMINED),
    "partially resolved": (Status.PARTIALLY_RESOLVED,),
    "resolved": (Status.RESOLVED,),
    "risk accepted, false positive": (Status.RISK_ACCEPTED, Status.FALSE_POSITIVE),
    "absent, was open": (Status.OPEN, Status.ACKNOWLEDGED, Status.UNDETERMINED, Status.PARTIALLY_RESOLVED),
    "absent, was resolved or accepted": (Status.RESOLVED, Status.RISK_ACCEPTED, Status.FALSE_POSITIVE),
}


def test_the_guides_table_of_claims_is_what_is_judged() -> None:
    text = (Path(__file__).parents[2] / "docs/diff.md").read_text()
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    head = next(index for index, row in enumerate(rows) if row[0] == "claim")

    table = {row[0]: dict(zip(rows[head][1:], row[1:], strict=True)) for row in rows[head + 1 : head + 1 + len(ROWS)]}

    assert table.keys() == ROWS.keys()
    for are_absent in (True, False):
        rows_of = [statuses for claim, statuses in ROWS.items() if claim.startswith("absent") == are_absent]
        assert {status for statuses in rows_of for status in statuses} == set(Status)
    assert set(rows[head][1:]) == COLUMNS.keys()
    for claim, weights in table.items():
        for status in ROWS[claim]:
            for column, weight in weights.items():
                if claim.startswith("absent"):
                    found = judge_claim(Change.ABSENT, finding(status), None, COLUMNS[column], ())[0].weight
                else:
                    found = judged(OPEN, status, *COLUMNS[column])[0]
                assert found == weight, (claim, column)


def test_code_that_could_not_be_read_is_not_taken_for_none() -> None:
    found = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (), (), is_read=False)

    assert [judgement.code for judgement in found] == ["resolved-unplaced"]


def test_a_place_that_could_not_be_read_is_not_hidden_by_one_that_changed() -> None:
    (found,) = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (CHANGED,), (), is_read=False)

    assert (found.weight, found.code) == (Assessment.REVIEW, "resolved-mixed")
    assert found.text.endswith("1 of 1 cited places changed (a.py, lines 10-14); other cited code could not be read.")


def test_the_places_that_stayed_are_named_with_their_lines() -> None:
    here = Drift(
        path="old.py", region=LINES, kind=DriftKind.RENAMED, now=Spot(path="b.py", region=Region(start_line=7, end_line=7))
    )
    stayed = EQUAL.model_copy(update={"drift": here})
    elsewhere = GONE.model_copy(update={"drift": GONE.drift.model_copy(update={"path": "c.py"})})

    (found,) = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (GONE, stayed, GONE, elsewhere), ())

    assert (found.weight, found.code) == (Assessment.REVIEW, "resolved-mixed")
    assert found.text == (
        "Reported as resolved; 1 of 3 cited places unchanged (b.py, line 7), 2 deleted (a.py, lines 10-14; c.py, lines 10-14)."
    )


def test_a_path_is_interrupted_by_one_step_that_changed() -> None:
    """The source of a path stays where the sink was fixed; a place beside the path has to change all the same."""
    first = samples.report().findings[0].snippets[0]
    source, sink, beside = (
        first.model_copy(update={"index": n, "role": role}) for n, role in enumerate(("source", "sink", None))
    )
    at = [tracked(kind).model_copy(update={"location": n}) for n, kind in enumerate((DriftKind.UNCHANGED, DriftKind.MODIFIED))]
    stayed = EQUAL.model_copy(update={"location": 2})

    def judged_path(snippets: tuple[Snippet, ...], *evidence: TrackedRegion) -> Judgement:
        return judge_claim(Change.UPDATED, finding(OPEN, snippets=snippets), finding(RESOLVED), evidence, ())[0]

    (path, alone, both) = (
        judged_path((source, sink), *at),
        judged_path((source, sink.model_copy(update={"role": None})), *at),
        judged_path((source, sink, beside), *at, stayed),
    )

    assert [each.weight for each in (path, alone, both)] == [Assessment.CONSISTENT, Assessment.REVIEW, Assessment.REVIEW]
    assert "1 of 2 cited places unchanged (a.py, lines 10-14), 1 changed (a.py, lines 10-14); they are steps" in path.text


def test_a_place_that_is_cited_twice_counts_once_and_a_long_list_is_cut() -> None:
    def at(line: int) -> TrackedRegion:
        place = Region(start_line=line, end_line=line)
        drift = Drift(path="a.py", region=place, kind=DriftKind.UNCHANGED, now=Spot(path="a.py", region=place))
        return EQUAL.model_copy(update={"drift": drift})

    evidence = [GONE, *(at(line) for line in range(1, 11)), at(1)]

    (found,) = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), evidence, ())

    places = "a.py, lines 1, 2, 3, 4, 5, 6, 7, 8 and 2 more"
    assert f"10 of 11 cited places unchanged ({places}), 1 deleted (a.py, lines 10-14)." in found.text


def test_of_a_new_finding_each_place_is_in_the_baseline_or_not() -> None:
    old = Spot(path="old.py", region=LINES)
    there = EQUAL.model_copy(update={"drift": EQUAL.drift.model_copy(update={"path": "b.py", "now": old})})

    (found,) = judge_claim(Change.NEW, None, finding(OPEN), (there, GONE), ())

    assert (found.weight, found.code) == (Assessment.CONSISTENT, "new-mixed")
    assert found.text == (
        "New: 1 of 2 cited places already in the baseline (b.py, lines 10-14), 1 not in the baseline (a.py, lines 10-14)."
    )


def test_every_state_of_a_place_has_words() -> None:
    states = {*CodeState} - {CodeState.NONE, CodeState.MIXED}

    assert PLACE_WORDS.keys() == _NEW_PLACES.keys() == states


def test_changes_around_a_place_may_be_those_of_the_other_place() -> None:
    """Two lines of one function, of which one was fixed: the other stayed, whatever changed around it."""
    for near in (AROUND, INTACT):
        assert judged(OPEN, RESOLVED, CHANGED, near) == (Assessment.REVIEW, "resolved-mixed")


def test_a_named_fix_explains_changes_beside_the_cited_lines() -> None:
    known = FixCommit(named="abc", commit="a" * 40, state=FixState.BETWEEN)
    fix = Fix(commits=("abc",))

    assert judged(OPEN, RESOLVED, AROUND, fix=fix, fixes=(known,)) == (Assessment.CONSISTENT, "resolved-surroundings")
    assert judged(OPEN, RESOLVED, INTACT, fix=fix, fixes=(known,)) == (Assessment.CONSISTENT, "resolved-quoted_intact")
    assert judged(OPEN, RESOLVED, LOST, fix=fix, fixes=(known,))[0] is Assessment.REVIEW


def test_a_quote_that_was_not_found_does_not_stand_against_a_fix_of_another_place() -> None:
    first = samples.report().findings[0].snippets[0]
    snippets = tuple(
        first.model_copy(update={"index": n, "role": None, "check": Check(verdict=verdict)})
        for n, verdict in enumerate((Verdict.EXACT, Verdict.NOT_FOUND))
    )
    before = finding(OPEN, snippets=snippets)
    lost = tracked(DriftKind.UNVERIFIABLE, is_whole_file=True).model_copy(update={"location": 1})

    (found,) = judge_claim(Change.UPDATED, before, finding(RESOLVED), (CHANGED, lost), ())
    (other,) = judge_claim(Change.UPDATED, before, finding(RESOLVED), (EQUAL, lost), ())

    assert found.weight is Assessment.CONSISTENT
    assert "not located (a.py); the baseline's quote of a.py was not found in that file." in found.text
    assert other.weight is Assessment.REVIEW


def test_the_repository_is_named_where_places_are_in_several() -> None:
    elsewhere = CHANGED.model_copy(update={"repository": "s"})

    (found,) = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (EQUAL, elsewhere), ())

    assert "unchanged (r: a.py, lines 10-14), 1 changed (s: a.py, lines 10-14)" in found.text


def test_a_resolved_claim_stands_where_git_knows_the_fix_named() -> None:
    fix = Fix(commits=("abc",))
    known = FixCommit(named="abc", commit="a" * 40, state=FixState.BETWEEN)
    early = FixCommit(named="abc", commit="a" * 40, state=FixState.BEFORE)

    assert judged(OPEN, RESOLVED, EQUAL, fix=fix, fixes=(known,)) == (Assessment.CONSISTENT, "resolved-elsewhere-unchanged")
    assert judged(OPEN, RESOLVED, EQUAL, fix=fix, fixes=(early,)) == (Assessment.CONTRADICTION, "resolved-unchanged")


@pytest.mark.parametrize("state", [FixState.MISSING, FixState.OUTSIDE])
def test_a_fix_that_git_does_not_know_contradicts_nothing(state: FixState) -> None:
    """What a commit changed that is not in the clone, or not in the history, is not known."""
    unknown = FixCommit(named="abc", commit=None if state is FixState.MISSING else "a" * 40, state=state, touched=())
    early = FixCommit(named="def", commit="a" * 40, state=FixState.BEFORE)
    fix = Fix(commits=("abc",), note="It is on a branch.")

    assert judged(OPEN, RESOLVED, EQUAL, fix=fix, fixes=(unknown,)) == (Assessment.REVIEW, "resolved-fix-unknown-unchanged")
    assert judged(OPEN, RESOLVED, EQUAL, fix=fix, fixes=(early, unknown))[0] is Assessment.REVIEW
    assert judged(OPEN, RESOLVED, CHANGED, fix=fix, fixes=(unknown,)) == (Assessment.REVIEW, f"fix-{state.value}")


def test_a_fix_that_came_in_under_another_hash_is_named_and_counts() -> None:
    rebased = FixCommit(named="abc", commit="a" * 40, state=FixState.REBASED, came_in_as="9ba78d7" + "0" * 33)

    found = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (EQUAL,), (rebased,))

    assert [(each.weight, each.code) for each in found] == [
        (Assessment.CONSISTENT, "resolved-elsewhere-unchanged"),
        (Assessment.CONSISTENT, "fix-rebased"),
    ]
    assert found[1].text == "Commit abc, named as the fix, came in as 9ba78d700000."


def test_commits_that_changed_the_same_lines_are_a_hint() -> None:
    squashed = FixCommit(named="abc", commit="a" * 40, state=FixState.OUTSIDE, similar=("9ba78d7" + "0" * 33,))

    found = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (EQUAL,), (squashed,))

    assert {each.weight for each in found} == {Assessment.REVIEW}
    assert found[1].text.endswith("not in the history of the current commit; 9ba78d700000 changed most of the same lines.")


def test_a_message_that_names_a_missing_commit_is_a_hint() -> None:
    missing = FixCommit(named="abc", commit=None, state=FixState.MISSING, similar=("9ba78d7" + "0" * 33,))

    found = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (EQUAL,), (missing,))

    assert {each.weight for each in found} == {Assessment.REVIEW}
    assert found[1].text == "Commit abc, named as the fix, is not in the repository; the message of 9ba78d700000 names it."


def test_a_fix_whose_place_is_not_known_is_not_said_to_have_changed_other_code() -> None:
    fix = FixCommit(named="abc", commit="9" * 40, state=FixState.BETWEEN)
    unplaced = fix.model_copy(update={"has_unplaced": True})
    evidence = (tracked(DriftKind.UNCHANGED),)

    texts = [
        judge_claim(Change.UPDATED, finding(Status.OPEN), finding(Status.RESOLVED), evidence, (each,))[0].text
        for each in (fix, unplaced)
    ]

    assert ["changed other code" in text for text in texts] == [True, False]


def test_a_finding_without_code_has_no_other_code() -> None:
    known = FixCommit(named="abc", commit="a" * 40, state=FixState.BETWEEN)

    (found,) = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (), (known,))

    assert found.text.endswith("the finding cites no code; the named fix, abc, was made between the two reports.")


@pytest.mark.parametrize(
    ("check", "is_known"),
    [
        *((Check(verdict=verdict), False) for verdict in (Verdict.NOT_FOUND, Verdict.EDITED, Verdict.UNCHECKED)),
        (Check(verdict=Verdict.MOVED, text=Verdict.EDITED), False),
        (Check(verdict=Verdict.MOVED, text=Verdict.EXACT), True),
        (Check(verdict=Verdict.EXACT), True),
        (Check(verdict=Verdict.NONE), True),
    ],
)
def test_unchanged_code_contradicts_a_claim_only_if_the_quote_fitted_it(check: Check, is_known: bool) -> None:
    snippet = samples.report().findings[0].snippets[0].model_copy(update={"index": 0, "check": check})
    before = finding(OPEN, snippets=(snippet,))

    (found,) = judge_claim(Change.UPDATED, before, finding(RESOLVED), (EQUAL,), ())

    expected = (Assessment.CONTRADICTION, "resolved") if is_known else (Assessment.REVIEW, "resolved-doubt")
    assert (found.weight, found.code) == (expected[0], f"{expected[1]}-unchanged")
    assert ("the baseline's quote of a.py, lines 10-14 " in found.text) != is_known


def test_a_file_that_is_cited_as_a_whole_is_unchanged_only_as_a_whole() -> None:
    snippet = samples.report().findings[0].snippets[0]
    whole = snippet.model_copy(update={"index": 0, "regions": (), "check": Check(verdict=Verdict.NONE), "file_lines": 300})
    before = finding(OPEN, snippets=(whole,))
    same = tracked(DriftKind.UNCHANGED, method=Method.BLOB)

    found = [judge_claim(Change.UPDATED, before, finding(RESOLVED), (region,), ())[0] for region in (EQUAL, same)]

    assert [each.weight for each in found] == [Assessment.REVIEW, Assessment.CONTRADICTION]
    assert found[0].text.endswith("unchanged, but only the first 14 lines of a.py were compared.")


def test_a_fix_that_was_undone_is_a_contradiction() -> None:
    undone = FixCommit(named="abc", commit="a" * 40, state=FixState.BETWEEN, touched=(CHANGED,))

    assert judged(OPEN, RESOLVED, EQUAL, fix=Fix(commits=("abc",)), fixes=(undone,))[0] is Assessment.CONTRADICTION


def test_a_fix_that_is_described_in_words_is_to_be_reviewed() -> None:
    assert judged(OPEN, RESOLVED, EQUAL, fix=Fix(note="In the gateway.")) == (
        Assessment.REVIEW,
        "resolved-elsewhere-unchanged",
    )


def test_what_was_resolved_before_the_baseline_does_not_have_to_change_again() -> None:
    assert judged(RESOLVED, RESOLVED, EQUAL) == (Assessment.CONSISTENT, "resolved-before-unchanged")
    assert judged(RESOLVED, RESOLVED, *MIXED) == (Assessment.CONSISTENT, "resolved-before-mixed")
    assert judged(RESOLVED, RESOLVED, EQUAL, LOST) == (Assessment.REVIEW, "resolved-mixed")


def test_a_claim_at_the_very_commit_of_the_baseline_is_not_held_against_the_code() -> None:
    found = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (EQUAL,), (), is_same_code=True)

    assert [(each.weight, each.code) for each in found] == [(Assessment.REVIEW, "resolved-same-commit")]


def test_the_changes_add_up_and_the_turns_are_counted_beside_them() -> None:
    made = compared(samples.report(), samples.report())

    assert sum(count.total for count in made.counts if not count.is_status_change) == len(made.findings)
    assert [count.name for count in made.counts if count.is_status_change] == ["regressed", "resolved"]


def test_a_copy_of_code_that_is_claimed_fixed_counts_if_it_came_since_the_baseline() -> None:
    def copied(*are_new: bool) -> TrackedRegion:
        spots = tuple(Spot(path=f"{n}.py", region=LINES, is_new=is_new) for n, is_new in enumerate(are_new))
        return tracked(DriftKind.MODIFIED, also_at=spots)

    assert judged(OPEN, RESOLVED, copied(False, False)) == (Assessment.CONSISTENT, "resolved-modified")
    found = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (copied(True, True, False),), ())
    assert (found[0].weight, found[0].code) == (Assessment.REVIEW, "resolved-copy")
    assert found[0].text.endswith("is in 0.py, lines 10-14; 1.py, lines 10-14.")


def test_a_copy_of_code_that_stayed_is_not_reported_beside_its_own_place() -> None:
    stayed = tracked(DriftKind.UNCHANGED, also_at=(Spot(path="0.py", region=LINES, is_new=True),))

    (found,) = judge_claim(Change.UPDATED, finding(OPEN), finding(RESOLVED), (stayed,), ())

    assert (found.weight, found.code) == (Assessment.CONTRADICTION, "resolved-unchanged")


def test_no_judgement_says_more_than_where_the_text_is() -> None:
    for status in Status:
        for regions in ((EQUAL,), (AROUND,), (CHANGED,), (GONE,), (LOST,), MIXED, ()):
            for judgement in judge_claim(Change.UPDATED, finding(), finding(status), regions, ()):
                assert not {"vulnerable", "fixed.", "safe", "secure"} & set(judgement.text.split())


# The whole.


def compared(before: Report, after: Report, forward: dict[str, tuple[TrackedRegion, ...]] | None = None) -> Comparison:
    there = {each.id for each in before.findings}
    pairs = {each.id: (each.id, "id") for each in after.findings if each.id in there}
    return compare(before, after, sources=("a", "b"), pairing=FindingPairs(pairs), code=FollowedCode(forward or {}, {}, {}))


def test_a_report_compared_with_itself_is_unchanged() -> None:
    made = compared(samples.report(), samples.report())

    assert {each.change for each in made.findings} == {Change.UNCHANGED}
    assert [count.total for count in made.counts if count.total] == [len(samples.report().findings)]


def test_new_and_absent_findings_are_told_apart() -> None:
    whole = samples.report()
    less = whole.model_copy(update={"findings": whole.findings[1:]})

    assert [each.id for each in compared(less, whole).findings if each.change is Change.NEW] == [whole.findings[0].id]
    assert [each.id for each in compared(whole, less).findings if each.change is Change.ABSENT] == [whole.findings[0].id]


def test_what_was_resolved_and_is_not_any_more_has_regressed() -> None:
    whole = samples.report()
    first = whole.findings[0]
    resolved = whole.model_copy(
        update={"findings": (first.model_copy(update={"status": Status.RESOLVED}), *whole.findings[1:])}
    )
    opened = whole.model_copy(update={"findings": (first.model_copy(update={"status": Status.OPEN}), *whole.findings[1:])})

    assert next(each.turn for each in compared(resolved, opened).findings if each.id == first.id) is StatusChange.REGRESSED
    assert next(each.turn for each in compared(opened, resolved).findings if each.id == first.id) is StatusChange.RESOLVED


def test_contradictions_come_first() -> None:
    whole = samples.report()
    last = whole.findings[-1].model_copy(update={"snippets": ()})
    before = whole.model_copy(update={"findings": (*whole.findings[:-1], last.model_copy(update={"status": Status.OPEN}))})
    after = whole.model_copy(
        update={"findings": (*whole.findings[:-1], last.model_copy(update={"status": Status.RESOLVED, "fix": None}))}
    )

    made = compared(before, after, {last.id: (EQUAL,)})

    assert made.findings[0].id == last.id
    assert made.contradictions == (made.findings[0],)


def test_findings_with_one_fingerprint_of_a_tool_are_one() -> None:
    def report(id: str, title: str, value: str) -> Report:
        own = (ToolFingerprint(name="matchBasedId/v1", value=value), ToolFingerprint(name="line", value="4", partial=True))
        found = samples.finding(id, title=title, description=title, snippets=(), tool_fingerprints=own)
        return samples.report().model_copy(update={"findings": (found,)})

    same, _ = pair_findings(report("A-1", "Shell", "3f"), report("B-1", "Injection", "3f"), {})
    other, _ = pair_findings(report("A-1", "Shell", "3f"), report("B-1", "Injection", "4a"), {})

    assert same.pairs == {"B-1": ("A-1", "fingerprint matchBasedId/v1")}
    assert not other.pairs, "a partial fingerprint alone says nothing"
