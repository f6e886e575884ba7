"""A claim held against the code: what a status asserts, beside what became of the cited lines. Pure.

The wording never says more than where the text is: "cited code unchanged", not "still vulnerable".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from findings_report.model.comparison import CITED_WORDS, Change, Cited, FixCommit, FixState, Judgement, TrackedRegion, Weight
from findings_report.model.drift import DriftKind
from findings_report.model.finding import Status
from findings_report.model.report import ReportedFinding

_ORDER: Final = tuple(Weight)
_ACCEPTED: Final = (Status.RISK_ACCEPTED, Status.FALSE_POSITIVE)


def taken_together(evidence: Sequence[TrackedRegion]) -> Cited:
    """What became of a finding's code as a whole."""
    drifts = [region.drift for region in evidence]
    if not drifts:
        return Cited.NONE
    changed = [drift for drift in drifts if drift.kind in (DriftKind.MODIFIED, DriftKind.DELETED)]
    if all(drift.kind is DriftKind.DELETED for drift in drifts):
        return Cited.DELETED
    if changed:
        is_intact = all(drift.quoted_intact for drift in changed)
        return Cited.INTACT if is_intact else Cited.MODIFIED
    if any(drift.kind in (DriftKind.AMBIGUOUS, DriftKind.UNVERIFIABLE) for drift in drifts):
        return Cited.UNPLACED
    return Cited.AROUND if any(drift.surroundings_changed for drift in drifts) else Cited.EQUAL


def of_finding(evidence: Sequence[TrackedRegion], *, is_read: bool) -> Cited:
    """What became of a finding's code as a whole, where a side may not have been able to read what it cites."""
    code = taken_together(evidence)
    return Cited.UNPLACED if code is Cited.NONE and not is_read else code


def judgements(
    change: Change,
    baseline: ReportedFinding | None,
    current: ReportedFinding | None,
    evidence: Sequence[TrackedRegion],
    fixes: Sequence[FixCommit],
    *,
    is_read: bool = True,
    is_same_code: bool = False,
) -> tuple[Judgement, ...]:
    """What the claim comes to, the gravest first.

    `evidence` is the baseline's, followed to the current commit; a new finding's own, followed back. `is_read` is False when
    a side could not read all that the finding cites; `is_same_code` is True when both sides are at the same commits, so that
    nothing can have changed.
    """
    code = of_finding(evidence, is_read=is_read)
    if change is Change.NEW:
        found = [_of_new(code)] if code is not Cited.NONE else []
    elif current is None:
        found = [_of_absent(baseline.status if baseline else Status.OPEN, code)]
    elif current.status is Status.RESOLVED and is_same_code and not (baseline and baseline.status is Status.RESOLVED):
        said = "Claimed resolved, and both sides are at the same commit: the claim cannot be held against the code."
        found = [Judgement(weight=Weight.REVIEW, code="resolved-same-commit", text=said)]
    elif current.status is Status.RESOLVED:
        found = [_of_resolved(current, code, fixes, before=baseline is not None and baseline.status is Status.RESOLVED)]
        found += _of_fixes(fixes)
        found += _of_copies(evidence, code)
    elif current.status in _ACCEPTED:
        found = [_of_accepted(current.status, code)]
    else:
        found = [_of_open(current.status, code, fixes)]
    return tuple(sorted(found, key=lambda judgement: _ORDER.index(judgement.weight)))


def _judged(weight: Weight, claim: str, code: Cited, text: str) -> Judgement:
    return Judgement(weight=weight, code=f"{claim}-{code.value}", text=text)


def _of_new(code: Cited) -> Judgement:
    said = {
        Cited.EQUAL: "the cited code is in the baseline too: it existed before and is newly found",
        Cited.AROUND: "the cited code is in the baseline too, code around it changed since",
        Cited.INTACT: "every quoted line is in the baseline too, code among them changed since",
        Cited.MODIFIED: "the cited code was changed since the baseline",
        Cited.DELETED: "the cited code is not in the baseline",
        Cited.UNPLACED: "whether the cited code is in the baseline could not be told",
    }
    return _judged(Weight.CONSISTENT, "new", code, f"New: {said[code]}.")


def _of_absent(status: Status, code: Cited) -> Judgement:
    if status in (Status.RESOLVED, *_ACCEPTED):
        said = f"No longer reported; the baseline had it as {_words(status)}; {CITED_WORDS[code]}."
        return _judged(Weight.CONSISTENT, "closed-absent", code, said)
    return _judged(Weight.REVIEW, "absent", code, f"Dropped without a verdict; {CITED_WORDS[code]}.")


def _of_open(status: Status, code: Cited, fixes: Sequence[FixCommit]) -> Judgement:
    word = _words(status)
    if code is Cited.NONE:
        return _judged(Weight.CONSISTENT, "open", code, f"Claimed {word}; {CITED_WORDS[code]}.")
    if code is Cited.EQUAL and status is Status.PARTIALLY_RESOLVED and not any(fix.state is FixState.BETWEEN for fix in fixes):
        return _judged(Weight.REVIEW, "partial", code, "Claimed partially resolved; cited code unchanged.")
    if code is Cited.EQUAL:
        return _judged(Weight.CONSISTENT, "open", code, f"Claimed {word}; cited code unchanged.")
    more = "; it may be fixed or moved" if code is Cited.DELETED else ""
    return _judged(Weight.REVIEW, "open", code, f"Claimed {word}, to be reviewed again: {CITED_WORDS[code]}{more}.")


def _of_accepted(status: Status, code: Cited) -> Judgement:
    word = _words(status)
    if code in (Cited.EQUAL, Cited.NONE):
        return _judged(Weight.CONSISTENT, "accepted", code, f"Claimed {word}; {CITED_WORDS[code]}.")
    if code is Cited.DELETED:
        return _judged(Weight.CONSISTENT, "accepted", code, f"Claimed {word}; cited code deleted: it can be retired.")
    return _judged(Weight.REVIEW, "accepted", code, f"Claimed {word}, to be confirmed again: {CITED_WORDS[code]}.")


def _of_resolved(finding: ReportedFinding, code: Cited, fixes: Sequence[FixCommit], *, before: bool) -> Judgement:
    if code is Cited.EQUAL and before:
        return _judged(Weight.CONSISTENT, "resolved-before", code, "Resolved before the baseline; cited code unchanged since.")
    if code in (Cited.EQUAL, Cited.NONE):
        return _of_fix_elsewhere(finding, code, fixes)
    said = f"Claimed resolved; {CITED_WORDS[code]}"
    if code is Cited.AROUND:
        return _judged(Weight.REVIEW, "resolved", code, f"{said}: the fix may be outside of the cited lines.")
    if code is Cited.INTACT:
        return _judged(Weight.REVIEW, "resolved", code, f"{said}.")
    if code is Cited.UNPLACED:
        return _judged(Weight.REVIEW, "resolved", code, f"{said}: the claim is unproven.")
    return _judged(Weight.CONSISTENT, "resolved", code, f"{said}.")


def _of_fix_elsewhere(finding: ReportedFinding, code: Cited, fixes: Sequence[FixCommit]) -> Judgement:
    """Claimed resolved, no cited line changed: is it said where the fix is, and does git know of it?"""
    said = f"Claimed resolved; {CITED_WORDS[code]}"
    between = [fix.named for fix in fixes if fix.state is FixState.BETWEEN]
    if undone := [fix.named for fix in fixes if fix.touches and fix.state is FixState.BETWEEN]:
        text = f"{said}, though {', '.join(undone)}, named as the fix, changed it: the lines are as they were before."
        return _judged(Weight.CONTRADICTION, "resolved-undone", code, text)
    if between:
        text = f"{said}; the fix named, {', '.join(between)}, came between the two and changed other code."
        return _judged(Weight.CONSISTENT, "resolved-elsewhere", code, text)
    fix = finding.fix
    is_told = fix is not None and not fix.commits and bool(fix.note or fix.pull_requests)
    if any(each.state is FixState.UNVERIFIABLE for each in fixes) or is_told:
        return _judged(
            Weight.REVIEW, "resolved-elsewhere", code, f"{said}; the fix is said to be elsewhere, which was not verified."
        )
    weight = Weight.CONTRADICTION if code is Cited.EQUAL else Weight.REVIEW
    more = "; no commit that the fix names came between the two" if fixes else ", and no fix is named"
    return _judged(weight, "resolved", code, f"{said}{more}.")


def _of_fixes(fixes: Sequence[FixCommit]) -> Iterator[Judgement]:
    said = {
        FixState.MISSING: "is not in the repository",
        FixState.OUTSIDE: "is not in the history of the current commit",
        FixState.BEFORE: "is in the baseline already",
    }
    for fix in fixes:
        if fix.state in said:
            text = f"The commit {fix.named}, named as the fix, {said[fix.state]}."
            yield Judgement(weight=Weight.REVIEW, code=f"fix-{fix.state.value}", text=text)


def _of_copies(evidence: Sequence[TrackedRegion], code: Cited) -> Iterator[Judgement]:
    if code in (Cited.EQUAL, Cited.AROUND):
        return
    for region in evidence:
        for spot in region.drift.also_at[:1]:
            place = f"{spot.path}, lines {spot.region}"
            yield Judgement(weight=Weight.REVIEW, code="resolved-copy", text=f"A copy of the cited code stands in {place}.")


def _words(status: Status) -> str:
    return status.value.replace("_", " ")
