"""The claim of a status, checked against the code: does what it asserts agree with what happened to the cited lines?

The wording never says more than where the text is: "cited code unchanged", not "still vulnerable". Whether a weakness is gone
is for a person to say; a tool that said so would be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, assert_never

from findings_report.model.comparison import (
    PLACE_WORDS,
    Assessment,
    Change,
    CodeState,
    FixCommit,
    FixState,
    Judgement,
    TrackedRegion,
    count_places,
)
from findings_report.model.drift import DriftKind, Method, Spot
from findings_report.model.evidence import Region, Verdict
from findings_report.model.finding import Status
from findings_report.model.report import ReportedFinding

_ORDER: Final = tuple(Assessment)
_KEPT: Final = (CodeState.EQUAL, CodeState.AROUND, CodeState.INTACT)
_CHANGED: Final = (CodeState.MODIFIED, CodeState.DELETED)
_SHORT: Final = 12

StatusWords = Mapping[Status, str]
"""Status -> what is printed for it, where that is not its name."""

_UNFIT: Final[dict[Verdict, str]] = {
    Verdict.NOT_FOUND: "was not found in that file",
    Verdict.EDITED: "differs from the code there",
    Verdict.UNCHECKED: "was not verified",
}
"""Verdicts on a quote of the baseline under which its lines are not known to be the code that was meant."""


@dataclass(frozen=True)
class CitedCode:
    """What happened to all the code that a finding cites."""

    states: frozenset[CodeState]
    """The states of its regions."""
    known: frozenset[CodeState]
    """The same without regions whose quote was not found in the baseline: where the code is that was meant is not known."""
    binding: frozenset[CodeState]
    """The same without the steps of a path that stayed where another step of it changed: one changed step breaks a path."""
    clause: str
    """What happened, as a clause of a sentence; when the regions differ, with every region."""
    doubts: tuple[str, ...]
    """Why its lines are not known to be the code that was meant, in clauses; empty when they are."""
    is_reformatted: bool
    """True when the white space of a region differs, and no more than that."""

    @property
    def state(self) -> CodeState:
        """The regions taken together."""
        return _combine(self.states)


def combine_drifts(evidence: Sequence[TrackedRegion], *, is_read: bool = True) -> CodeState:
    """Return what happened to the cited code as a whole; `is_read` is False when a side could not read a location."""
    return _combine(_states(evidence, is_read=is_read))


def _states(evidence: Sequence[TrackedRegion], *, is_read: bool) -> frozenset[CodeState]:
    unread = frozenset() if is_read else frozenset({CodeState.UNPLACED})
    return frozenset(region.state for region in evidence) | unread


def _combine(states: frozenset[CodeState]) -> CodeState:
    # Two states are one only if both mean that the place stayed, or both that it changed: a claim about a finding is a claim
    # about all of its places, and a place that stayed must not disappear behind one that changed.
    match sorted(states):
        case []:
            return CodeState.NONE
        case [state]:
            return state
        case [CodeState.AROUND, CodeState.EQUAL]:
            return CodeState.AROUND
        case [CodeState.DELETED, CodeState.MODIFIED]:
            return CodeState.MODIFIED
        case _:
            return CodeState.MIXED


def judge_claim(
    change: Change,
    baseline: ReportedFinding | None,
    current: ReportedFinding | None,
    evidence: Sequence[TrackedRegion],
    fixes: Sequence[FixCommit],
    *,
    is_read: bool = True,
    is_same_code: bool = False,
    words: StatusWords = MappingProxyType({}),
) -> tuple[Judgement, ...]:
    """Return the assessments of a claim, the most serious first.

    `evidence` is the baseline's, followed to the current commit; a new finding's own, followed back. `is_read` is False when
    a side could not read all that the finding cites; `is_same_code` is True when both sides are at the same commits, so that
    nothing can have changed. `words` are printed for statuses instead of their names.
    """
    states = _states(evidence, is_read=is_read)
    known = _without_not_found(baseline, evidence)
    code = CitedCode(
        states=states,
        known=_states(known, is_read=is_read),
        binding=_states(_without_kept_steps(baseline, known), is_read=is_read),
        clause=_describe_code(_combine(states), evidence, is_read=is_read, is_new=change is Change.NEW),
        doubts=tuple(dict.fromkeys(_list_doubts(baseline, evidence))),
        is_reformatted=any(region.drift.kind is DriftKind.REFORMATTED for region in evidence),
    )
    # Nothing was claimed before: the code only shows whether it is new as well.
    if change is Change.NEW:
        judgements = [_of_new(code)] if states else []
    elif current is None:
        judgements = [_of_absent(baseline.status if baseline else Status.OPEN, code, words)]
    else:
        was_resolved = baseline is not None and baseline.status is Status.RESOLVED
        match current.status:
            case Status.RESOLVED if is_same_code and not was_resolved:
                same = "both reports are about the same commit, so the claim cannot be verified"
                text = f"Reported as {current.status.printed(words)}, but {same}."
                judgements = [Judgement(weight=Assessment.REVIEW, code="resolved-same-commit", text=text)]
            case Status.RESOLVED:
                resolved = _of_resolved(current, code, fixes, current.status.printed(words), before=was_resolved)
                judgements = [resolved, *_of_fixes(fixes), *_of_copies(evidence, code)]
            case Status.RISK_ACCEPTED | Status.FALSE_POSITIVE:
                judgements = [_of_accepted(current.status, code, words)]
            case Status.OPEN | Status.ACKNOWLEDGED | Status.PARTIALLY_RESOLVED | Status.UNDETERMINED:
                judgements = [_of_open(current.status, code, fixes, words)]
            case _:
                assert_never(current.status)
    # The most serious first: the table of a comparison has room for one.
    return tuple(sorted(judgements, key=lambda judgement: _ORDER.index(judgement.weight)))


def _judge(weight: Assessment, claim: str, code: CitedCode, text: str) -> Judgement:
    return Judgement(weight=weight, code=f"{claim}-{code.state.value}", text=text)


_CLAUSES: Final[dict[CodeState, str]] = {
    CodeState.NONE: "the finding cites no code",
    CodeState.EQUAL: "the cited code is unchanged",
    CodeState.AROUND: "the code around the cited lines has changed",
    CodeState.INTACT: "the cited code has changed, but every quoted line is intact",
    CodeState.MODIFIED: "the cited code has changed",
    CodeState.DELETED: "the cited code was deleted",
    CodeState.UNPLACED: "the cited code could not be located",
}
"""What happened to the cited code, as a clause of a sentence."""


_NEW_PLACES: Final[dict[CodeState, str]] = {
    CodeState.EQUAL: "already in the baseline",
    CodeState.AROUND: "already in the baseline, with changes around since",
    CodeState.INTACT: "in the baseline with every quoted line",
    CodeState.MODIFIED: "changed since the baseline",
    CodeState.DELETED: "not in the baseline",
    CodeState.UNPLACED: "not located in the baseline",
}
"""The states of the places of a new finding, which are followed back."""


def _describe_code(state: CodeState, evidence: Sequence[TrackedRegion], *, is_read: bool, is_new: bool) -> str:
    if state is not CodeState.MIXED:
        return _CLAUSES[state]
    # The name of the repository only if the places are in several.
    is_named = len({region.repository for region in evidence}) > 1

    def describe(regions: Sequence[TrackedRegion]) -> str:
        files: dict[tuple[str, str, bool], list[Region]] = {}
        for region in regions:
            # Where the lines are now; where they were when they are gone. A new finding cites them where they are now.
            now = None if is_new else region.drift.now
            spot = now or Spot(path=region.drift.path, region=region.drift.region)
            files.setdefault((region.repository, spot.path, region.drift.is_whole_file), []).append(spot.region)
        return "; ".join(
            (f"{repository}: " if is_named else "") + (path if is_whole else _place(path, *lines))
            for (repository, path, is_whole), lines in files.items()
        )

    places = count_places(evidence, describe, words=_NEW_PLACES if is_new else PLACE_WORDS)
    return places if is_read else f"{places}; other cited code could not be read"


def _without_not_found(baseline: ReportedFinding | None, evidence: Sequence[TrackedRegion]) -> Sequence[TrackedRegion]:
    snippets = baseline.snippets if baseline is not None else ()
    unknown = {snippet.index for snippet in snippets if snippet.check.verdict is Verdict.NOT_FOUND}
    return [region for region in evidence if region.location not in unknown]


def _without_kept_steps(baseline: ReportedFinding | None, evidence: Sequence[TrackedRegion]) -> Sequence[TrackedRegion]:
    steps = {snippet.index for snippet in baseline.steps} if baseline is not None else set()
    if not any(region.location in steps and region.state in _CHANGED for region in evidence):
        return evidence
    return [region for region in evidence if region.location not in steps or region.state not in _KEPT]


def _list_doubts(baseline: ReportedFinding | None, evidence: Sequence[TrackedRegion]) -> Iterator[str]:
    """Yield for each region why its lines are not known to be the code that was meant, as a clause."""
    snippets = {snippet.index: snippet for snippet in baseline.snippets} if baseline is not None else {}
    for region in evidence:
        snippet, drift = snippets.get(region.location), region.drift
        if snippet is None:
            continue
        check = snippet.check
        # Of a quote at other lines, the grade of its text counts: those lines are the ones that were followed.
        verdict = check.text or check.verdict
        if verdict in _UNFIT and check.reason is not None:
            yield f"{_place(drift.path, *check.claimed)} could not be read in the baseline: {check.reason}"
        elif verdict in _UNFIT:
            place = drift.path if drift.is_whole_file else _place(drift.path, drift.region)
            yield f"the baseline's quote of {place} {_UNFIT[verdict]}"
        # A file that is cited as a whole is followed by its first lines.
        if (snippet.file_lines or 0) > drift.region.end_line and drift.method is not Method.BLOB:
            yield f"only the first {drift.region.end_line} lines of {drift.path} were compared"


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _place(path: str, *lines: Region) -> str:
    if not lines:
        return path
    is_one = len(lines) == 1 and lines[0].start_line == lines[0].end_line
    return f"{path}, line{'' if is_one else 's'} {', '.join(map(str, sorted(lines, key=lambda region: region.start_line)))}"


def _of_new(code: CitedCode) -> Judgement:
    clauses = {
        CodeState.EQUAL: "the cited code is already in the baseline, and is newly reported",
        CodeState.AROUND: "the cited code is already in the baseline; the code around it has changed since",
        CodeState.INTACT: "every quoted line is already in the baseline; other cited lines have changed since",
        CodeState.MODIFIED: "the cited code has changed since the baseline",
        CodeState.DELETED: "the cited code is not in the baseline",
        CodeState.UNPLACED: "it could not be determined whether the cited code is in the baseline",
        CodeState.MIXED: code.clause,
    }
    return _judge(Assessment.CONSISTENT, "new", code, f"New: {clauses[code.state]}.")


def _of_absent(status: Status, code: CitedCode, words: StatusWords) -> Judgement:
    match status:
        case Status.RESOLVED | Status.RISK_ACCEPTED | Status.FALSE_POSITIVE:
            text = f"No longer reported; {status.printed(words)} in the baseline, and {code.clause}."
            return _judge(Assessment.CONSISTENT, "closed-absent", code, text)
        case Status.OPEN | Status.ACKNOWLEDGED | Status.PARTIALLY_RESOLVED | Status.UNDETERMINED:
            return _judge(Assessment.REVIEW, "absent", code, f"No longer reported, without a verdict; {code.clause}.")
        case _:
            assert_never(status)


def _of_open(status: Status, code: CitedCode, fixes: Sequence[FixCommit], words: StatusWords) -> Judgement:
    text = _begin(f"{status.printed(words)}; {code.clause}")
    has_fix = any(fix.is_between for fix in fixes)
    # Partially resolved asserts that something changed, and here nothing did.
    if code.state is CodeState.EQUAL and status is Status.PARTIALLY_RESOLVED and not has_fix:
        return _judge(Assessment.REVIEW, "partial", code, f"{text}, so please re-review.")
    if code.state in (CodeState.EQUAL, CodeState.NONE):
        return _judge(Assessment.CONSISTENT, "open", code, f"{text}.")
    more = " and may be fixed or moved" if code.state is CodeState.DELETED else ""
    return _judge(Assessment.REVIEW, "open", code, f"{text}{more}, so please re-review.")


def _of_accepted(status: Status, code: CitedCode, words: StatusWords) -> Judgement:
    text = _begin(f"{status.printed(words)}; {code.clause}")
    if code.state in (CodeState.EQUAL, CodeState.NONE):
        return _judge(Assessment.CONSISTENT, "accepted", code, f"{text}.")
    if code.state is CodeState.DELETED:
        return _judge(Assessment.CONSISTENT, "accepted", code, f"{text}, so the finding can be retired.")
    return _judge(Assessment.REVIEW, "accepted", code, f"{text}, so please confirm the decision.")


def _of_resolved(
    finding: ReportedFinding, code: CitedCode, fixes: Sequence[FixCommit], word: str, *, before: bool
) -> Judgement:
    text = f"Reported as {word}; {code.clause}"
    match code.state:
        case CodeState.EQUAL if before:
            text = _begin(f"{word} before the baseline; the cited code has not changed since.")
            return _judge(Assessment.CONSISTENT, "resolved-before", code, text)
        case CodeState.EQUAL | CodeState.NONE:
            return _of_fix_elsewhere(finding, code, fixes, text)
        case CodeState.AROUND | CodeState.INTACT if between := [fix for fix in fixes if fix.is_between]:
            text = f"{text}; the named fix, {_names(between)}, was made between the two reports."
            return _judge(Assessment.CONSISTENT, "resolved", code, text)
        case CodeState.AROUND:
            # A fix can be a check before the cited lines, so this is no contradiction.
            return _judge(Assessment.REVIEW, "resolved", code, f"{text}, so the fix may be outside of them.")
        case CodeState.UNPLACED:
            return _judge(Assessment.REVIEW, "resolved", code, f"{text}, so the claim is unproven.")
        case CodeState.MIXED if before and code.states.isdisjoint((CodeState.INTACT, CodeState.UNPLACED)):
            # What was resolved before does not have to change again, in any of its places.
            text = _begin(f"{word} before the baseline; since then, {code.clause}.")
            return _judge(Assessment.CONSISTENT, "resolved-before", code, text)
        case CodeState.MIXED if _combine(code.binding) in _CHANGED:
            is_path = _combine(code.known) not in _CHANGED
            path = "; they are steps of one path, which one changed step may interrupt" if is_path else ""
            doubts = "".join(f"; {doubt}" for doubt in code.doubts)
            return _judge(Assessment.CONSISTENT, "resolved", code, f"{text}{path}{doubts}.")
        case CodeState.INTACT | CodeState.MIXED:
            return _judge(Assessment.REVIEW, "resolved", code, f"{text}.")
        case CodeState.MODIFIED | CodeState.DELETED:
            return _judge(Assessment.CONSISTENT, "resolved", code, f"{text}.")
        case _:
            assert_never(code.state)


def _of_fix_elsewhere(finding: ReportedFinding, code: CitedCode, fixes: Sequence[FixCommit], claim: str) -> Judgement:
    """Judge a resolved finding none of whose cited lines changed: is a fix named, and does git know its commits?

    A contradiction needs knowledge: of the code that was meant, and of every commit that is named.
    """
    if code.doubts:
        return _judge(Assessment.REVIEW, "resolved-doubt", code, f"{claim}, but {', and '.join(code.doubts)}.")
    between = [fix for fix in fixes if fix.is_between]
    # Equal lines at both ends with a change between them mean that the change was reverted. A check around the cited lines only
    # indents them, and is still there while they are indented.
    if undone := [fix for fix in between if fix.changes_text or (fix.touches and not code.is_reformatted)]:
        text = f"{claim}, although {_names(undone)}, named as the fix, changed it: the lines are the same as before."
        return _judge(Assessment.CONTRADICTION, "resolved-undone", code, text)
    if between:
        # A finding without code has no "other" code.
        changed = "only the white space of the cited code" if any(fix.touches for fix in between) else "other code"
        is_known = code.state is CodeState.EQUAL and not any(fix.has_unplaced for fix in between)
        where = f" and changed {changed}" if is_known else ""
        text = f"{claim}; the named fix, {_names(between)}, was made between the two reports{where}."
        return _judge(Assessment.CONSISTENT, "resolved-elsewhere", code, text)
    fix = finding.fix
    is_described = fix is not None and not fix.commits and bool(fix.note or fix.pull_requests)
    if is_described or any(commit.state is FixState.UNVERIFIABLE for commit in fixes):
        text = f"{claim}; the fix is reported to be elsewhere, which was not verified."
        return _judge(Assessment.REVIEW, "resolved-elsewhere", code, text)
    if unknown := [fix for fix in fixes if fix.state in (FixState.MISSING, FixState.OUTSIDE)]:
        text = f"{claim}; what the named fix, {_names(unknown)}, changed between the two reports is not known."
        return _judge(Assessment.REVIEW, "resolved-fix-unknown", code, text)
    # Without cited code nothing contradicts the claim: somebody has to look.
    assessment = Assessment.CONTRADICTION if code.state is CodeState.EQUAL else Assessment.REVIEW
    more = "; no commit named as the fix was made between the two reports" if fixes else ", and no fix is named"
    return _judge(assessment, "resolved", code, f"{claim}{more}.")


def _names(fixes: Sequence[FixCommit]) -> str:
    return ", ".join(fix.named for fix in fixes)


def _of_fixes(fixes: Sequence[FixCommit]) -> Iterator[Judgement]:
    for fix in fixes:
        others = ", ".join(commit[:_SHORT] for commit in fix.similar)
        match fix.state:
            case FixState.MISSING:
                named = f"; the message of {others} names it" if fix.similar else ""
                weight, clause = Assessment.REVIEW, f"is not in the repository{named}"
            case FixState.OUTSIDE if fix.similar:
                clause = f"is not in the history of the current commit; {others} changed most of the same lines"
                weight = Assessment.REVIEW
            case FixState.OUTSIDE:
                weight, clause = Assessment.REVIEW, "is not in the history of the current commit"
            case FixState.BEFORE:
                weight, clause = Assessment.REVIEW, "is already in the baseline"
            case FixState.REBASED:
                weight, clause = Assessment.CONSISTENT, f"came in as {(fix.came_in_as or '')[:_SHORT]}"
            case FixState.BETWEEN | FixState.UNVERIFIABLE:
                continue
            case _:
                assert_never(fix.state)
        text = f"Commit {fix.named}, named as the fix, {clause}."
        yield Judgement(weight=weight, code=f"fix-{fix.state.value}", text=text)


def _of_copies(evidence: Sequence[TrackedRegion], code: CitedCode) -> Iterator[Judgement]:
    # If the cited lines remain, their own location is reported.
    if code.state in (CodeState.EQUAL, CodeState.AROUND):
        return
    for region in evidence:
        # A copy that the baseline had is not what the finding was about.
        if copies := [_place(spot.path, spot.region) for spot in region.drift.also_at if spot.is_new]:
            text = f"A copy of the cited code that is not in the baseline is in {'; '.join(copies)}."
            yield Judgement(weight=Assessment.REVIEW, code="resolved-copy", text=text)
