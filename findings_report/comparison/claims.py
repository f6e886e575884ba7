"""The claim of a status, checked against the code: does what it asserts agree with what happened to the cited lines?

The wording never says more than where the text is: "cited code unchanged", not "still vulnerable". Whether a weakness is gone
is for a person to say; a tool that said so would be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from findings_report.model.comparison import (
    Assessment,
    Change,
    CodeState,
    FixCommit,
    FixState,
    Judgement,
    TrackedRegion,
)
from findings_report.model.drift import DriftKind
from findings_report.model.finding import Status
from findings_report.model.report import ReportedFinding

_ORDER: Final = tuple(Assessment)
_ACCEPTED: Final = (Status.RISK_ACCEPTED, Status.FALSE_POSITIVE)


def combine_drifts(evidence: Sequence[TrackedRegion]) -> CodeState:
    """Return what happened to the cited code as a whole: the most serious of the drifts decides."""
    drifts = [region.drift for region in evidence]
    if not drifts:
        return CodeState.NONE
    changed = [drift for drift in drifts if drift.kind in (DriftKind.MODIFIED, DriftKind.DELETED)]
    # Deleted only when every region is: while a part of the code remains, the finding as a whole is about modified code.
    if all(drift.kind is DriftKind.DELETED for drift in drifts):
        return CodeState.DELETED
    if changed:
        is_intact = all(drift.quoted_intact for drift in changed)
        return CodeState.INTACT if is_intact else CodeState.MODIFIED
    if any(drift.kind in (DriftKind.AMBIGUOUS, DriftKind.UNVERIFIABLE) for drift in drifts):
        return CodeState.UNPLACED
    return CodeState.AROUND if any(drift.surroundings_changed for drift in drifts) else CodeState.EQUAL


def code_state(evidence: Sequence[TrackedRegion], *, is_read: bool) -> CodeState:
    """Return what happened to the cited code of a finding; `is_read` is False when a side could not read a location."""
    code = combine_drifts(evidence)
    return CodeState.UNPLACED if code is CodeState.NONE and not is_read else code


def judge_claim(
    change: Change,
    baseline: ReportedFinding | None,
    current: ReportedFinding | None,
    evidence: Sequence[TrackedRegion],
    fixes: Sequence[FixCommit],
    *,
    is_read: bool = True,
    is_same_code: bool = False,
) -> tuple[Judgement, ...]:
    """Return the assessments of a claim, the most serious first.

    `evidence` is the baseline's, followed to the current commit; a new finding's own, followed back. `is_read` is False when
    a side could not read all that the finding cites; `is_same_code` is True when both sides are at the same commits, so that
    nothing can have changed.
    """
    code = code_state(evidence, is_read=is_read)
    # Nothing was claimed before: the code only shows whether it is new as well.
    if change is Change.NEW:
        judgements = [_of_new(code)] if code is not CodeState.NONE else []
    elif current is None:
        judgements = [_of_absent(baseline.status if baseline else Status.OPEN, code)]
    elif current.status is Status.RESOLVED and is_same_code and not (baseline and baseline.status is Status.RESOLVED):
        text = "Reported as resolved, but both reports are about the same commit, so the claim cannot be verified."
        judgements = [Judgement(weight=Assessment.REVIEW, code="resolved-same-commit", text=text)]
    elif current.status is Status.RESOLVED:
        judgements = [_of_resolved(current, code, fixes, before=baseline is not None and baseline.status is Status.RESOLVED)]
        judgements += _of_fixes(fixes)
        judgements += _of_copies(evidence, code)
    elif current.status in _ACCEPTED:
        judgements = [_of_accepted(current.status, code)]
    else:
        judgements = [_of_open(current.status, code, fixes)]
    # The most serious first: the table of a comparison has room for one.
    return tuple(sorted(judgements, key=lambda judgement: _ORDER.index(judgement.weight)))


def _judge(weight: Assessment, claim: str, code: CodeState, text: str) -> Judgement:
    return Judgement(weight=weight, code=f"{claim}-{code.value}", text=text)


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


def _of_new(code: CodeState) -> Judgement:
    clauses = {
        CodeState.EQUAL: "the cited code is already in the baseline, and is newly reported",
        CodeState.AROUND: "the cited code is already in the baseline; the code around it has changed since",
        CodeState.INTACT: "every quoted line is already in the baseline; other cited lines have changed since",
        CodeState.MODIFIED: "the cited code has changed since the baseline",
        CodeState.DELETED: "the cited code is not in the baseline",
        CodeState.UNPLACED: "it could not be determined whether the cited code is in the baseline",
    }
    return _judge(Assessment.CONSISTENT, "new", code, f"New: {clauses[code]}.")


def _of_absent(status: Status, code: CodeState) -> Judgement:
    if status in (Status.RESOLVED, *_ACCEPTED):
        text = f"No longer reported; {_words(status)} in the baseline, and {_CLAUSES[code]}."
        return _judge(Assessment.CONSISTENT, "closed-absent", code, text)
    return _judge(Assessment.REVIEW, "absent", code, f"No longer reported, without a verdict; {_CLAUSES[code]}.")


def _of_open(status: Status, code: CodeState, fixes: Sequence[FixCommit]) -> Judgement:
    text = f"{_words(status).capitalize()}; {_CLAUSES[code]}"
    has_fix = any(fix.state is FixState.BETWEEN for fix in fixes)
    # Partially resolved asserts that something changed, and here nothing did.
    if code is CodeState.EQUAL and status is Status.PARTIALLY_RESOLVED and not has_fix:
        return _judge(Assessment.REVIEW, "partial", code, f"{text}, so please re-review.")
    if code in (CodeState.EQUAL, CodeState.NONE):
        return _judge(Assessment.CONSISTENT, "open", code, f"{text}.")
    more = " and may be fixed or moved" if code is CodeState.DELETED else ""
    return _judge(Assessment.REVIEW, "open", code, f"{text}{more}, so please re-review.")


def _of_accepted(status: Status, code: CodeState) -> Judgement:
    text = f"{_words(status).capitalize()}; {_CLAUSES[code]}"
    if code in (CodeState.EQUAL, CodeState.NONE):
        return _judge(Assessment.CONSISTENT, "accepted", code, f"{text}.")
    if code is CodeState.DELETED:
        return _judge(Assessment.CONSISTENT, "accepted", code, f"{text}, so the finding can be retired.")
    return _judge(Assessment.REVIEW, "accepted", code, f"{text}, so please confirm the decision.")


def _of_resolved(finding: ReportedFinding, code: CodeState, fixes: Sequence[FixCommit], *, before: bool) -> Judgement:
    if code is CodeState.EQUAL and before:
        text = "Resolved before the baseline; the cited code has not changed since."
        return _judge(Assessment.CONSISTENT, "resolved-before", code, text)
    if code in (CodeState.EQUAL, CodeState.NONE):
        return _of_fix_elsewhere(finding, code, fixes)
    text = f"Reported as resolved; {_CLAUSES[code]}"
    if code is CodeState.AROUND:
        # A fix can be a check before the cited lines, so this is no contradiction.
        return _judge(Assessment.REVIEW, "resolved", code, f"{text}, so the fix may be outside of them.")
    if code is CodeState.INTACT:
        return _judge(Assessment.REVIEW, "resolved", code, f"{text}.")
    if code is CodeState.UNPLACED:
        return _judge(Assessment.REVIEW, "resolved", code, f"{text}, so the claim is unproven.")
    return _judge(Assessment.CONSISTENT, "resolved", code, f"{text}.")


def _of_fix_elsewhere(finding: ReportedFinding, code: CodeState, fixes: Sequence[FixCommit]) -> Judgement:
    """Judge a resolved finding none of whose cited lines changed: is a fix named, and does git know its commits?"""
    claim = f"Reported as resolved; {_CLAUSES[code]}"
    between = [fix.named for fix in fixes if fix.state is FixState.BETWEEN]
    # Equal lines at both ends with a change between them mean that the change was reverted.
    if undone := [fix.named for fix in fixes if fix.touches and fix.state is FixState.BETWEEN]:
        text = f"{claim}, although {', '.join(undone)}, named as the fix, changed it: the lines are the same as before."
        return _judge(Assessment.CONTRADICTION, "resolved-undone", code, text)
    if between:
        text = f"{claim}; the named fix, {', '.join(between)}, was made between the two reports and changed other code."
        return _judge(Assessment.CONSISTENT, "resolved-elsewhere", code, text)
    fix = finding.fix
    is_described = fix is not None and not fix.commits and bool(fix.note or fix.pull_requests)
    if is_described or any(commit.state is FixState.UNVERIFIABLE for commit in fixes):
        text = f"{claim}; the fix is reported to be elsewhere, which was not verified."
        return _judge(Assessment.REVIEW, "resolved-elsewhere", code, text)
    # Without cited code nothing contradicts the claim: somebody has to look.
    assessment = Assessment.CONTRADICTION if code is CodeState.EQUAL else Assessment.REVIEW
    more = "; no commit named as the fix was made between the two reports" if fixes else ", and no fix is named"
    return _judge(assessment, "resolved", code, f"{claim}{more}.")


def _of_fixes(fixes: Sequence[FixCommit]) -> Iterator[Judgement]:
    clauses = {
        FixState.MISSING: "is not in the repository",
        FixState.OUTSIDE: "is not in the history of the current commit",
        FixState.BEFORE: "is already in the baseline",
    }
    for fix in fixes:
        if fix.state in clauses:
            text = f"Commit {fix.named}, named as the fix, {clauses[fix.state]}."
            yield Judgement(weight=Assessment.REVIEW, code=f"fix-{fix.state.value}", text=text)


def _of_copies(evidence: Sequence[TrackedRegion], code: CodeState) -> Iterator[Judgement]:
    # A fix that misses a copy leaves the weakness in place. If the cited lines remain, their own location is reported.
    if code in (CodeState.EQUAL, CodeState.AROUND):
        return
    for region in evidence:
        for spot in region.drift.also_at[:1]:
            place = f"{spot.path}, lines {spot.region}"
            yield Judgement(weight=Assessment.REVIEW, code="resolved-copy", text=f"A copy of the cited code is in {place}.")


def _words(status: Status) -> str:
    return status.value.replace("_", " ")
