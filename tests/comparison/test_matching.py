"""Which findings of two sides are the same: every ground, every tie, and what is said of what cannot be told."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from itertools import permutations

import pytest
from growth import growth
from hypothesis import given, settings
from hypothesis import strategies as st

from findings_report.comparison.matching import CitedLines, Family, Matching, MatchReason, Overlap, Traits, match
from findings_report.comparison.matching.assignment import assign, choose
from findings_report.comparison.matching.similarity import alike, vectors, words
from findings_report.model.evidence import Region
from findings_report.sourcecode.lines import fingerprint

TOKENS = "Session tokens come from a predictable generator"
TOKENS_PROSE = "`random` is a Mersenne Twister: who has seen enough tokens can compute the next ones."
PATHS = "Attachments are read from outside their folder"
PATHS_PROSE = "`load_attachment` joins the name of the file to the folder without looking for `..` in it."


def lines(start: int, end: int, path: str = "app.py") -> tuple[CitedLines, ...]:
    return (CitedLines("app", path, Region(start_line=start, end_line=end)),)


def tokens(id: str) -> Traits:
    return Traits(id=id, title=TOKENS, prose=TOKENS_PROSE, places=lines(15, 18, "session.py"), cwe=("CWE-330",))


def paths(id: str) -> Traits:
    return Traits(id=id, title=PATHS, prose=PATHS_PROSE, places=lines(4, 9, "attachments.py"), cwe=("CWE-22",))


def pairs(done: Matching) -> list[tuple[str, str, MatchReason]]:
    return [(pair.baseline, pair.current, pair.criterion) for pair in done.matches]


def test_findings_with_one_id_are_one() -> None:
    done = match([tokens("A-1"), paths("A-2")], [paths("A-2"), replace(tokens("A-1"), title="Tokens can be guessed")])

    assert pairs(done) == [("A-1", "A-1", MatchReason.ID), ("A-2", "A-2", MatchReason.ID)]
    assert (done.absent, done.new, done.matches[1].reason, done.matches[1].likeness) == ((), (), "id", 1.0)


def test_a_pair_of_ids_stands_however_alike_another_finding_is() -> None:
    rewritten = replace(tokens("A-1"), title="Guessable cookies", prose="Cookies can be guessed.")

    done = match([tokens("A-1")], [rewritten, tokens("A-9")])

    assert pairs(done) == [("A-1", "A-1", MatchReason.ID)]
    assert done.new == ("A-9",)


def test_an_id_used_for_something_else_is_no_pair_and_is_told() -> None:
    done = match([tokens("A-1")], [paths("A-1")])

    assert (pairs(done), done.absent, done.new) == ([], ("A-1",), ("A-1",))
    assert done.reused[0].reason == "neither title, description nor cited lines agree"


def test_the_findings_behind_a_reused_id_still_find_their_own_partners() -> None:
    done = match([tokens("A-1"), paths("A-2")], [paths("A-1"), tokens("A-3")])

    assert pairs(done) == [("A-1", "A-3", MatchReason.LIKENESS), ("A-2", "A-1", MatchReason.LIKENESS)]
    assert [(reused.baseline, reused.current) for reused in done.reused] == [("A-1", "A-1")]


def test_a_finding_that_is_only_rewritten_keeps_its_id() -> None:
    """The code it cites is the same: that is enough not to call the id reused."""
    rewritten = replace(tokens("A-1"), title="Guessable cookies", prose="Secrets are weak.")

    assert pairs(match([tokens("A-1")], [rewritten])) == [("A-1", "A-1", MatchReason.ID)]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (tokens("OLD-1"), replace(tokens("NEW-1"), aliases=("OLD-1",)), "former id OLD-1"),
        (replace(tokens("NEW-1"), aliases=("OLD-1",)), tokens("OLD-1"), "former id OLD-1"),
        (replace(tokens("B-1"), aliases=("A-1",)), replace(tokens("C-1"), aliases=("A-1",)), "former id A-1"),
    ],
)
def test_a_former_id_leads_to_the_finding_in_either_direction(before: Traits, after: Traits, reason: str) -> None:
    done = match([before], [after])

    assert pairs(done) == [(before.id, after.id, MatchReason.ALIAS)]
    assert done.matches[0].reason == reason


def test_a_finding_that_was_merged_into_another_is_told_and_paired_with_nothing_else() -> None:
    merged = replace(paths("A-2"), aliases=("A-1",))

    done = match([tokens("A-1"), paths("A-2")], [merged, tokens("A-3")])

    assert pairs(done) == [("A-2", "A-2", MatchReason.ID)]
    assert done.overlaps == (
        Overlap("A-1", True, "A-2", "A-2", "former id A-1", is_named=True, likeness=done.overlaps[0].likeness),
    )
    assert (done.absent, done.new) == (("A-1",), ("A-3",))


def test_parts_that_each_have_a_partner_are_a_split_and_a_merge() -> None:
    before = [tokens("A-1"), paths("A-2")]
    after = [replace(tokens("B-1"), aliases=("A-1", "A-2")), replace(paths("B-2"), aliases=("A-2",))]

    done = match(before, after)

    assert pairs(done) == [("A-1", "B-1", MatchReason.ALIAS), ("A-2", "B-2", MatchReason.ALIAS)]
    assert done.families == (
        Family(("A-1", "A-2"), ("B-1",), is_certain=True),
        Family(("A-2",), ("B-1", "B-2"), is_certain=True),
    )
    # The next comparison is between findings that have these former ids on both sides: nothing was split since.
    again = match(after, after)
    assert again.families == ()


def test_a_finding_that_keeps_its_id_and_takes_in_one_that_lives_on_is_told() -> None:
    taking = replace(paths("A-2"), aliases=("A-1",))

    assert match([tokens("A-1"), paths("A-2")], [tokens("A-1"), taking]).families == (
        Family(("A-1",), ("A-1", "A-2"), is_certain=True),
        Family(("A-1", "A-2"), ("A-2",), is_certain=True),
    )
    assert match([tokens("A-1"), taking], [tokens("A-1"), taking]).families == ()


def test_of_two_findings_with_one_former_id_the_more_alike_gets_it() -> None:
    done = match(
        [tokens("A-1")],
        [replace(tokens("B-1"), prose="Split off.", aliases=("A-1",)), replace(tokens("B-2"), aliases=("A-1",))],
    )

    assert pairs(done) == [("A-1", "B-2", MatchReason.ALIAS)]
    assert [(overlap.id, overlap.is_baseline, overlap.current) for overlap in done.overlaps] == [("B-1", False, "B-2")]


def test_a_fingerprint_of_a_tool_pairs_under_its_own_key_only() -> None:
    one = Traits(id="A-1", title="x", fingerprints=(("semgrep/v1", "f00"),))
    other = Traits(id="B-1", title="y", fingerprints=(("semgrep/v1", "f00"), ("codeql/v1", "bar")))

    done = match([one], [other])
    strange = match([one], [replace(other, fingerprints=(("semgrep/v2", "f00"),))])

    assert pairs(done) == [("A-1", "B-1", MatchReason.FINGERPRINT)]
    assert done.matches[0].reason == "fingerprint semgrep/v1"
    assert pairs(strange) == []


def test_a_fingerprint_that_two_findings_have_pairs_neither() -> None:
    one = Traits(id="A-1", title="x", fingerprints=(("tool", "f00"),))
    others = [Traits(id=id, title="y", fingerprints=(("tool", "f00"),)) for id in ("B-1", "B-2")]

    assert pairs(match([one], others)) == []
    assert pairs(match(others, [one])) == []


def test_fingerprints_that_lead_to_two_findings_pair_neither() -> None:
    torn = Traits(id="A-1", title="x", fingerprints=(("one", "1"), ("two", "2")))

    done = match(
        [torn],
        [Traits(id="B-1", title="y", fingerprints=(("one", "1"),)), Traits(id="B-2", title="z", fingerprints=(("two", "2"),))],
    )

    assert pairs(done) == []


def test_equal_code_and_weakness_pair_whatever_is_said_of_it() -> None:
    code = fingerprint(["token = random.choice(ALPHABET)"])
    before = Traits(id="A-1", title="Weak randomness", prose="One.", cwe=("CWE-330",), texts=(code,))
    after = Traits(id="B-1", title="Tokens can be guessed", prose="Two.", cwe=("CWE-330", "CWE-338"), texts=(code,))

    done = match([before], [after])
    other_weakness = match([before], [replace(after, cwe=("CWE-22",))])

    assert pairs(done) == [("A-1", "B-1", MatchReason.TEXT)]
    assert done.matches[0].reason == "cited code and CWE-330"
    assert pairs(other_weakness) == []


def test_equal_code_that_two_findings_cite_pairs_neither_by_itself() -> None:
    code = fingerprint(["token = random.choice(ALPHABET)"])
    one = Traits(id="A-1", title="Weak randomness", category="Crypto", texts=(code,))
    others = [
        Traits(id=id, title=title, category="crypto", texts=(code,)) for id, title in (("B-1", "Too short"), ("B-2", "Logged"))
    ]

    assert pairs(match([one], others)) == []
    assert pairs(match([one], others[:1])) == [("A-1", "B-1", MatchReason.TEXT)]


def test_blank_lines_are_no_text_that_findings_have_in_common() -> None:
    one, other = (Traits(id=id, title=id, cwe=("CWE-1",), texts=(fingerprint(["", " "]),)) for id in ("A", "B"))

    assert pairs(match([one], [other])) == []


def test_a_finding_reworded_and_moved_a_little_is_found_by_likeness() -> None:
    after = replace(
        tokens("B-7"),
        title="Session tokens are predictable",
        prose=f"{TOKENS_PROSE} Fixed in part.",
        places=lines(14, 18, "session.py"),
    )

    done = match([tokens("A-1"), paths("A-2")], [paths("B-1"), after])

    assert pairs(done) == [("A-1", "B-7", MatchReason.LIKENESS), ("A-2", "B-1", MatchReason.LIKENESS)]
    assert done.matches[0].reason.startswith("similarity (title ")
    assert done.matches[0].reason.endswith("location 80 %), same weakness")


def test_findings_without_code_are_matched_by_their_words() -> None:
    before = [Traits(id="A-1", title=TOKENS, prose=TOKENS_PROSE), Traits(id="A-2", title=PATHS, prose=PATHS_PROSE)]

    done = match(before, [replace(each, id=f"B{each.id}") for each in before])

    assert [(pair.baseline, pair.current) for pair in done.matches] == [("A-1", "BA-1"), ("A-2", "BA-2")]


def test_two_weaknesses_of_the_same_lines_are_not_one() -> None:
    """A real pair: the lines are equal, the words are not."""
    before = Traits(
        id="A-1", title="The oracle prices wrapped bitcoin as bitcoin", prose="It may lose its peg.", places=lines(66, 84)
    )
    after = Traits(
        id="B-1", title="The price is wrong below the least answer", prose="An aggregator has bounds.", places=lines(66, 84)
    )

    done = match([before], [after])

    assert pairs(done) == []
    assert [(possible.baseline, possible.current) for possible in done.possible] == [("A-1", "B-1")]


def test_a_near_tie_is_possible_and_never_merged() -> None:
    twins = [tokens("B-1"), tokens("B-2")]

    done = match([tokens("A-1")], twins)

    assert pairs(done) == []
    assert [(possible.baseline, possible.current) for possible in done.possible] == [("A-1", "B-1"), ("A-1", "B-2")]
    assert (done.absent, done.new) == (("A-1",), ("B-1", "B-2"))


def test_twins_on_both_sides_are_possible_and_never_merged() -> None:
    done = match([tokens("A-1"), tokens("A-2")], [tokens("B-1"), tokens("B-2")])

    assert pairs(done) == []
    assert len(done.possible) == 4


def test_equal_titles_in_one_file_are_told_apart_by_their_lines() -> None:
    def many(side: str, shift: int) -> list[Traits]:
        return [
            Traits(
                id=f"{side}-{n:03}",
                title="Missing check",
                prose="A check is missing.",
                places=lines(n * 10, n * 10 + 4 + shift),
            )
            for n in range(200)
        ]

    done = match(many("A", 0), many("B", 1))

    assert [(pair.baseline[2:], pair.current[2:]) for pair in done.matches] == [(f"{n:03}", f"{n:03}") for n in range(200)]
    assert (done.possible, done.limits) == ((), ())


def test_a_finding_that_cites_what_a_pair_cites_is_told() -> None:
    split = Traits(id="A-3", title="Cookies never end", prose="They have no date.", places=lines(15, 18, "session.py"))

    done = match([tokens("A-1")], [tokens("A-1"), split])

    assert [(overlap.id, overlap.is_baseline, overlap.baseline, overlap.current) for overlap in done.overlaps] == [
        ("A-3", False, "A-1", "A-1")
    ]
    assert done.new == ("A-3",)
    # Another weakness of the same lines is no part of the first.
    assert done.families == ()


def test_empty_sides_are_all_new_or_all_absent() -> None:
    assert match([], []) == Matching((), (), (), (), (), (), (), ())
    assert match([], [tokens("A-1")]).new == ("A-1",)
    assert match([tokens("A-1")], []).absent == ("A-1",)


def test_one_id_twice_on_a_side_is_refused() -> None:
    with pytest.raises(ValueError, match="A-1"):
        match([tokens("A-1"), paths("A-1")], [])


def test_severity_and_status_are_no_traits() -> None:
    assert not {"severity", "status"} & set(Traits.__dataclass_fields__)


def _made(side: str) -> st.SearchStrategy[list[Traits]]:
    names = [f"{side}-{number}" for number in range(4)] + [f"X-{number}" for number in range(3)]
    place = st.builds(
        CitedLines,
        st.just("app"),
        st.sampled_from(["a.py", "b.py"]),
        st.builds(
            lambda start, length: Region(start_line=start, end_line=start + length), st.integers(1, 9), st.integers(0, 4)
        ),
    )
    return st.lists(
        st.builds(
            Traits,
            id=st.sampled_from(names),
            title=st.sampled_from([TOKENS, PATHS, "Tokens of a session", "", "x"]),
            prose=st.sampled_from([TOKENS_PROSE, PATHS_PROSE, ""]),
            aliases=st.lists(st.sampled_from(["A-0", "B-0", "X-0", "X-1"]), max_size=2).map(tuple),
            fingerprints=st.lists(st.tuples(st.just("tool"), st.sampled_from("12")), max_size=1).map(tuple),
            cwe=st.lists(st.sampled_from(["CWE-22", "CWE-330"]), max_size=1).map(tuple),
            places=st.lists(place, max_size=2).map(tuple),
            texts=st.lists(st.sampled_from("ab"), max_size=1).map(tuple),
            symbols=st.lists(st.sampled_from(["f", "g"]), max_size=1).map(tuple),
        ),
        max_size=6,
        unique_by=lambda traits: traits.id,
    )


@settings(max_examples=100)
@given(_made("A"), _made("B"), st.randoms(use_true_random=False))
def test_pairs_are_one_to_one_nothing_is_lost_and_order_changes_nothing(
    baseline: list[Traits], current: list[Traits], rng: random.Random
) -> None:
    done = match(baseline, current)

    rng.shuffle(baseline)
    rng.shuffle(current)
    assert match(baseline, current) == done
    before, after = [pair.baseline for pair in done.matches], [pair.current for pair in done.matches]
    assert sorted([*before, *done.absent]) == sorted(traits.id for traits in baseline)
    assert sorted([*after, *done.new]) == sorted(traits.id for traits in current)
    assert len(set(before)) == len(set(after)) == len(done.matches)
    assert not {possible.baseline for possible in done.possible} & set(before)
    assert not {possible.current for possible in done.possible} & set(after)
    listed = {reused.baseline for reused in done.reused} | {overlap.id for overlap in done.overlaps}
    assert set(done.absent) & set(done.new) <= listed


@settings(max_examples=100)
@given(_made("A"), _made("B"))
def test_looking_back_gives_the_same_pairs(baseline: list[Traits], current: list[Traits]) -> None:
    """Former ids aside: of two that are as alike, the first by id is taken, and which that is depends on the side."""
    sides = [[replace(traits, aliases=()) for traits in side] for side in (baseline, current)]

    there, back = match(*sides), match(*reversed(sides))

    assert sorted((pair.current, pair.baseline, pair.criterion) for pair in back.matches) == pairs(there)
    assert {(possible.current, possible.baseline) for possible in back.possible} == {
        (possible.baseline, possible.current) for possible in there.possible
    }


@pytest.mark.parametrize(
    "place",
    [(), lines(1, 9), (CitedLines("app", "app.py"),)],
    ids=["without code", "the same lines", "the whole file"],
)
def test_findings_that_nothing_tells_apart_end_in_time_and_are_told(place: tuple[CitedLines, ...]) -> None:
    sides = [
        [Traits(id=f"{side}{n}", title="Missing check", prose="Equal words.", places=place) for n in range(2000)]
        for side in "AB"
    ]
    start = time.process_time()

    done = match(*sides)

    assert time.process_time() - start < 10
    assert (done.matches, len(done.absent), len(done.new)) == ((), 2000, 2000)
    assert any("'Missing check'" in limit for limit in done.limits)


def test_lines_that_all_overlap_end_in_time_and_are_told() -> None:
    def side(name: str, shift: int) -> list[Traits]:
        return [
            Traits(id=f"{name}{n:04}", title="Missing check", prose="Equal words.", places=lines(n + 1, n + 400 + shift))
            for n in range(1500)
        ]

    start = time.process_time()

    done = match(side("A", 0), side("B", 1))

    assert time.process_time() - start < 20
    assert any("of app.py" in limit for limit in done.limits)


def test_a_former_id_of_very_many_costs_linear_time_and_leads_to_nobody() -> None:
    def side(count: int, former: str) -> list[Traits]:
        prose = "Equal words in all of them, and a number: "
        return [Traits(id=f"A{n}", title="Missing check", prose=f"{prose}{n}", aliases=(former,)) for n in range(count)]

    done = match(side(500, "OLD"), side(500, "OLD"))

    assert (len(done.matches), done.families) == (500, ())
    assert growth(lambda count: match(side(count, "OLD"), side(count, "OLD")), 500) < 8
    # The id itself is followed, however many findings it was split into.
    (family,) = match([Traits(id="OLD", title="Missing check", prose="Equal words in all")], side(200, "OLD")).families
    assert len(family.current) == 200


def test_many_findings_that_all_have_partners_by_id_cost_nothing_more() -> None:
    side = [Traits(id=f"A{n}", title="Missing check", prose="Equal words.", places=lines(1, 9)) for n in range(2000)]

    done = match(side, [*side, replace(side[0], id="B")])

    assert len(done.matches) == 2000
    assert [overlap.id for overlap in done.overlaps] == ["B"]
    assert done.limits == ()


@given(st.integers(0, 5), st.integers(0, 5), st.randoms(use_true_random=False))
def test_an_assignment_has_the_greatest_sum(rows: int, columns: int, rng: random.Random) -> None:
    weights = [[rng.choice([0.0, 0.2, 0.5, 0.55, 0.9, 1.0]) for _ in range(columns)] for _ in range(rows)]

    chosen = assign(weights)

    taken = [column for column in chosen if column is not None]
    assert len(chosen) == rows
    assert len(set(taken)) == len(taken)
    found = sum(weights[row][column] for row, column in enumerate(chosen) if column is not None)
    assert found == pytest.approx(_greatest(weights))
    assert all(weights[row][column] > 0 for row, column in enumerate(chosen) if column is not None)


def _greatest(weights: list[list[float]]) -> float:
    if not weights or not weights[0]:
        return 0.0
    if len(weights) > len(weights[0]):
        weights = [list(column) for column in zip(*weights, strict=True)]
    return max(
        sum(weights[row][column] for row, column in enumerate(order))
        for order in permutations(range(len(weights[0])), len(weights))
    )


def test_the_best_whole_is_chosen_over_the_best_single_pair() -> None:
    weights = {(0, 0): 0.9, (0, 1): 0.85, (1, 0): 0.8}

    assert choose(weights).pairs == ((0, 1), (1, 0))


def test_pairs_that_could_change_partners_at_little_loss_are_possible() -> None:
    chosen = choose({(0, 0): 0.9, (1, 1): 0.9, (0, 1): 0.88, (1, 0): 0.88})
    firm = choose({(0, 0): 0.9, (1, 1): 0.9, (0, 1): 0.88, (1, 0): 0.6})

    assert (chosen.pairs, len(chosen.possible)) == ((), 4)
    assert firm.pairs == ((0, 0), (1, 1))


def test_identifiers_are_words_and_so_are_their_parts() -> None:
    assert words("`withdrawLend` in max_delay, see https://example.org/withdraw") == [
        *("withdrawlend", "withdraw", "lend"),
        *("in", "max_delay", "max", "delay", "see"),
    ]


def test_a_rare_word_says_more_than_one_that_everybody_uses() -> None:
    one, same_rare, same_common, *_ = vectors(["missing nonce", "absent nonce", "missing owner", "missing fee", "missing role"])

    assert alike(one, same_rare) > alike(one, same_common) > 0
    assert alike(one, one) == pytest.approx(1)
    assert alike(one, {}) == 0
