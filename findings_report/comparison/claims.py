"""The claim of a status, checked against the code: does what it asserts agree with what happened to the cited lines?

The wording never says more than where the text is: "cited code unchanged", not "still vulnerable". Whether a weakness is gone
is for a person to say; a tool that said so would be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from findings_report.model.translation import ENGLISH, Translation

_ORDER: Final = tuple(Assessment)
_KEPT: Final = (CodeState.EQUAL, CodeState.AROUND, CodeState.INTACT)
_CHANGED: Final = (CodeState.MODIFIED, CodeState.DELETED)
_SHORT: Final = 12

_UNFIT: Final[dict[Verdict, str]] = {
    Verdict.NOT_FOUND: "the baseline's quote of {place} was not found in that file",
    Verdict.EDITED: "the baseline's quote of {place} differs from the code there",
    Verdict.UNCHECKED: "the baseline's quote of {place} was not verified",
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
    translation: Translation = ENGLISH,
) -> tuple[Judgement, ...]:
    """Return the assessments of a claim, the most serious first.

    `evidence` is the baseline's, followed to the current commit; a new finding's own, followed back. `is_read` is False when
    a side could not read all that the finding cites; `is_same_code` is True when both sides are at the same commits, so that
    nothing can have changed.
    """
    states = _states(evidence, is_read=is_read)
    known = _without_not_found(baseline, evidence)
    code = CitedCode(
        states=states,
        known=_states(known, is_read=is_read),
        binding=_states(_without_kept_steps(baseline, known), is_read=is_read),
        clause=_describe_code(_combine(states), evidence, translation, is_read=is_read, is_new=change is Change.NEW),
        doubts=tuple(dict.fromkeys(_list_doubts(baseline, evidence, translation))),
        is_reformatted=any(region.drift.kind is DriftKind.REFORMATTED for region in evidence),
    )
    # Nothing was claimed before: the code only shows whether it is new as well.
    if change is Change.NEW:
        judgements = [_of_new(code, translation)] if states else []
    elif current is None:
        judgements = [_of_absent(baseline.status if baseline else Status.OPEN, code, translation)]
    else:
        was_resolved = baseline is not None and baseline.status is Status.RESOLVED
        match current.status:
            case Status.RESOLVED if is_same_code and not was_resolved:
                text = translation.gettext(
                    "Reported as {status}, but both reports are about the same commit, so the claim cannot be verified.",
                    status=translation.name(current.status),
                )
                judgements = [Judgement(weight=Assessment.REVIEW, code="resolved-same-commit", text=text)]
            case Status.RESOLVED:
                resolved = _of_resolved(current, code, fixes, translation, before=was_resolved)
                judgements = [resolved, *_of_fixes(fixes, translation), *_of_copies(evidence, code, translation)]
            case Status.RISK_ACCEPTED | Status.FALSE_POSITIVE:
                judgements = [_of_accepted(current.status, code, translation)]
            case Status.OPEN | Status.ACKNOWLEDGED | Status.PARTIALLY_RESOLVED | Status.UNDETERMINED:
                judgements = [_of_open(current.status, code, fixes, translation)]
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


def _describe_code(
    state: CodeState, evidence: Sequence[TrackedRegion], translation: Translation, *, is_read: bool, is_new: bool
) -> str:
    if state is not CodeState.MIXED:
        return translation.gettext(_CLAUSES[state])
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
            (f"{repository}: " if is_named else "") + (path if is_whole else _place(translation, path, *lines))
            for (repository, path, is_whole), lines in files.items()
        )

    places = count_places(evidence, translation, describe, words=_NEW_PLACES if is_new else PLACE_WORDS)
    return places if is_read else translation.gettext("{places}; other cited code could not be read", places=places)


def _without_not_found(baseline: ReportedFinding | None, evidence: Sequence[TrackedRegion]) -> Sequence[TrackedRegion]:
    snippets = baseline.snippets if baseline is not None else ()
    unknown = {snippet.index for snippet in snippets if snippet.check.verdict is Verdict.NOT_FOUND}
    return [region for region in evidence if region.location not in unknown]


def _without_kept_steps(baseline: ReportedFinding | None, evidence: Sequence[TrackedRegion]) -> Sequence[TrackedRegion]:
    steps = {snippet.index for snippet in baseline.steps} if baseline is not None else set()
    if not any(region.location in steps and region.state in _CHANGED for region in evidence):
        return evidence
    return [region for region in evidence if region.location not in steps or region.state not in _KEPT]


def _list_doubts(
    baseline: ReportedFinding | None, evidence: Sequence[TrackedRegion], translation: Translation
) -> Iterator[str]:
    """Yield for each region why its lines are not known to be the code that was meant, as a clause."""
    _ = translation.gettext
    snippets = {snippet.index: snippet for snippet in baseline.snippets} if baseline is not None else {}
    for region in evidence:
        snippet, drift = snippets.get(region.location), region.drift
        if snippet is None:
            continue
        check = snippet.check
        # Of a quote at other lines, the grade of its text counts: those lines are the ones that were followed.
        verdict = check.text or check.verdict
        if verdict in _UNFIT and check.reason is not None:
            place = _place(translation, drift.path, *check.claimed)
            yield _("{place} could not be read in the baseline: {reason}", place=place, reason=_(check.reason))
        elif verdict in _UNFIT:
            place = drift.path if drift.is_whole_file else _place(translation, drift.path, drift.region)
            yield _(_UNFIT[verdict], place=place)
        # A file that is cited as a whole is followed by its first lines.
        if (snippet.file_lines or 0) > drift.region.end_line and drift.method is not Method.BLOB:
            count = translation.number(drift.region.end_line)
            yield _("only the first {count} lines of {path} were compared", count=count, path=drift.path)


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _place(translation: Translation, path: str, *lines: Region) -> str:
    if not lines:
        return path
    numbers = ", ".join(map(str, sorted(lines, key=lambda region: region.start_line)))
    if len(lines) == 1 and lines[0].start_line == lines[0].end_line:
        return translation.gettext("{path}, line {lines}", path=path, lines=numbers)
    return translation.gettext("{path}, lines {lines}", path=path, lines=numbers)


_NEW_SENTENCES: Final[dict[CodeState, str]] = {
    CodeState.EQUAL: "New: the cited code is already in the baseline, and is newly reported.",
    CodeState.AROUND: "New: the cited code is already in the baseline; the code around it has changed since.",
    CodeState.INTACT: "New: every quoted line is already in the baseline; other cited lines have changed since.",
    CodeState.MODIFIED: "New: the cited code has changed since the baseline.",
    CodeState.DELETED: "New: the cited code is not in the baseline.",
    CodeState.UNPLACED: "New: it could not be determined whether the cited code is in the baseline.",
    CodeState.MIXED: "New: {clause}.",
}
"""What the code of a new finding shows, as a sentence."""


def _of_new(code: CitedCode, translation: Translation) -> Judgement:
    return _judge(Assessment.CONSISTENT, "new", code, translation.gettext(_NEW_SENTENCES[code.state], clause=code.clause))


def _of_absent(status: Status, code: CitedCode, translation: Translation) -> Judgement:
    match status:
        case Status.RESOLVED | Status.RISK_ACCEPTED | Status.FALSE_POSITIVE:
            text = translation.gettext(
                "No longer reported; {status} in the baseline, and {clause}.",
                status=translation.name(status),
                clause=code.clause,
            )
            return _judge(Assessment.CONSISTENT, "closed-absent", code, text)
        case Status.OPEN | Status.ACKNOWLEDGED | Status.PARTIALLY_RESOLVED | Status.UNDETERMINED:
            text = translation.gettext("No longer reported, without a verdict; {clause}.", clause=code.clause)
            return _judge(Assessment.REVIEW, "absent", code, text)
        case _:
            assert_never(status)


def _of_open(status: Status, code: CitedCode, fixes: Sequence[FixCommit], translation: Translation) -> Judgement:
    _ = translation.gettext
    known = {"status": translation.name(status), "clause": code.clause}
    has_fix = any(fix.is_between for fix in fixes)
    # Partially resolved asserts that something changed, and here nothing did.
    is_partial = code.state is CodeState.EQUAL and status is Status.PARTIALLY_RESOLVED and not has_fix
    if code.state in (CodeState.EQUAL, CodeState.NONE) and not is_partial:
        return _judge(Assessment.CONSISTENT, "open", code, _begin(_("{status}; {clause}.", **known)))
    if code.state is CodeState.DELETED:
        text = _("{status}; {clause} and may be fixed or moved, so please re-review.", **known)
    else:
        text = _("{status}; {clause}, so please re-review.", **known)
    return _judge(Assessment.REVIEW, "partial" if is_partial else "open", code, _begin(text))


def _of_accepted(status: Status, code: CitedCode, translation: Translation) -> Judgement:
    _ = translation.gettext
    known = {"status": translation.name(status), "clause": code.clause}
    if code.state in (CodeState.EQUAL, CodeState.NONE):
        return _judge(Assessment.CONSISTENT, "accepted", code, _begin(_("{status}; {clause}.", **known)))
    if code.state is CodeState.DELETED:
        text = _begin(_("{status}; {clause}, so the finding can be retired.", **known))
        return _judge(Assessment.CONSISTENT, "accepted", code, text)
    return _judge(
        Assessment.REVIEW, "accepted", code, _begin(_("{status}; {clause}, so please confirm the decision.", **known))
    )


def _of_resolved(
    finding: ReportedFinding, code: CitedCode, fixes: Sequence[FixCommit], translation: Translation, *, before: bool
) -> Judgement:
    _ = translation.gettext
    word = translation.name(finding.status)
    claim = _("Reported as {status}; {clause}", status=word, clause=code.clause)
    match code.state:
        case CodeState.EQUAL if before:
            text = _("{status} before the baseline; the cited code has not changed since.", status=word)
            return _judge(Assessment.CONSISTENT, "resolved-before", code, _begin(text))
        case CodeState.EQUAL | CodeState.NONE:
            return _of_fix_elsewhere(finding, code, fixes, claim, translation)
        case CodeState.AROUND | CodeState.INTACT if between := [fix for fix in fixes if fix.is_between]:
            text = _("{claim}; the named fix, {fixes}, was made between the two reports.", claim=claim, fixes=_names(between))
            return _judge(Assessment.CONSISTENT, "resolved", code, text)
        case CodeState.AROUND:
            # A fix can be a check before the cited lines, so this is no contradiction.
            text = _("{claim}, so the fix may be outside of them.", claim=claim)
            return _judge(Assessment.REVIEW, "resolved", code, text)
        case CodeState.UNPLACED:
            return _judge(Assessment.REVIEW, "resolved", code, _("{claim}, so the claim is unproven.", claim=claim))
        case CodeState.MIXED if before and code.states.isdisjoint((CodeState.INTACT, CodeState.UNPLACED)):
            # What was resolved before does not have to change again, in any of its places.
            text = _("{status} before the baseline; since then, {clause}.", status=word, clause=code.clause)
            return _judge(Assessment.CONSISTENT, "resolved-before", code, _begin(text))
        case CodeState.MIXED if _combine(code.binding) in _CHANGED:
            is_path = _combine(code.known) not in _CHANGED
            path = [_("they are steps of one path, which one changed step may interrupt")] if is_path else []
            return _judge(Assessment.CONSISTENT, "resolved", code, _end("; ".join((claim, *path, *code.doubts)), translation))
        case CodeState.INTACT | CodeState.MIXED:
            return _judge(Assessment.REVIEW, "resolved", code, _end(claim, translation))
        case CodeState.MODIFIED | CodeState.DELETED:
            return _judge(Assessment.CONSISTENT, "resolved", code, _end(claim, translation))
        case _:
            assert_never(code.state)


def _end(clauses: str, translation: Translation) -> str:
    return translation.gettext("{clauses}.", clauses=clauses)


def _of_fix_elsewhere(
    finding: ReportedFinding, code: CitedCode, fixes: Sequence[FixCommit], claim: str, translation: Translation
) -> Judgement:
    """Judge a resolved finding none of whose cited lines changed: is a fix named, and does git know its commits?

    A contradiction needs knowledge: of the code that was meant, and of every commit that is named.
    """
    _ = translation.gettext
    if code.doubts:
        text = _("{claim}, but {doubts}.", claim=claim, doubts=_(", and ").join(code.doubts))
        return _judge(Assessment.REVIEW, "resolved-doubt", code, text)
    between = [fix for fix in fixes if fix.is_between]
    # Equal lines at both ends with a change between them mean that the change was reverted. A check around the cited lines only
    # indents them, and is still there while they are indented.
    if undone := [fix for fix in between if fix.changes_text or (fix.touches and not code.is_reformatted)]:
        text = _(
            "{claim}, although {fixes}, named as the fix, changed it: the lines are the same as before.",
            claim=claim,
            fixes=_names(undone),
        )
        return _judge(Assessment.CONTRADICTION, "resolved-undone", code, text)
    if between:
        named = {"claim": claim, "fixes": _names(between)}
        is_known = code.state is CodeState.EQUAL and not any(fix.has_unplaced for fix in between)
        if not is_known:
            text = _("{claim}; the named fix, {fixes}, was made between the two reports.", **named)
        elif any(fix.touches for fix in between):
            text = _(_FIX_OF_BLANKS, **named)
        else:  # a finding without code has no "other" code
            text = _("{claim}; the named fix, {fixes}, was made between the two reports and changed other code.", **named)
        return _judge(Assessment.CONSISTENT, "resolved-elsewhere", code, text)
    fix = finding.fix
    is_described = fix is not None and not fix.commits and bool(fix.note or fix.pull_requests)
    if is_described or any(commit.state is FixState.UNVERIFIABLE for commit in fixes):
        text = _("{claim}; the fix is reported to be elsewhere, which was not verified.", claim=claim)
        return _judge(Assessment.REVIEW, "resolved-elsewhere", code, text)
    if unknown := [fix for fix in fixes if fix.state in (FixState.MISSING, FixState.OUTSIDE)]:
        named = {"claim": claim, "fixes": _names(unknown)}
        text = _("{claim}; what the named fix, {fixes}, changed between the two reports is not known.", **named)
        return _judge(Assessment.REVIEW, "resolved-fix-unknown", code, text)
    # Without cited code nothing contradicts the claim: somebody has to look.
    assessment = Assessment.CONTRADICTION if code.state is CodeState.EQUAL else Assessment.REVIEW
    if fixes:
        text = _("{claim}; no commit named as the fix was made between the two reports.", claim=claim)
    else:
        text = _("{claim}, and no fix is named.", claim=claim)
    return _judge(assessment, "resolved", code, text)


def _names(fixes: Sequence[FixCommit]) -> str:
    return ", ".join(fix.named for fix in fixes)


def _of_fixes(fixes: Sequence[FixCommit], translation: Translation) -> Iterator[Judgement]:
    for fix in fixes:
        if fix.state in (FixState.BETWEEN, FixState.UNVERIFIABLE):
            continue
        weight = Assessment.CONSISTENT if fix.state is FixState.REBASED else Assessment.REVIEW
        text = translation.gettext(
            _FIX_SENTENCES[fix.state, bool(fix.similar)],
            fix=fix.named,
            commits=", ".join(commit[:_SHORT] for commit in fix.similar),
            commit=(fix.came_in_as or "")[:_SHORT],
        )
        yield Judgement(weight=weight, code=f"fix-{fix.state.value}", text=text)


_FIX_OF_BLANKS: Final = (
    "{claim}; the named fix, {fixes}, was made between the two reports and changed only the white space of the cited code."
)

_OUTSIDE: Final = "Commit {fix}, named as the fix, is not in the history of the current commit."
_BEFORE: Final = "Commit {fix}, named as the fix, is already in the baseline."
_REBASED: Final = "Commit {fix}, named as the fix, came in as {commit}."

_FIX_SENTENCES: Final[dict[tuple[FixState, bool], str]] = {
    (FixState.MISSING, False): "Commit {fix}, named as the fix, is not in the repository.",
    (FixState.MISSING, True): ("Commit {fix}, named as the fix, is not in the repository; the message of {commits} names it."),
    (FixState.OUTSIDE, False): _OUTSIDE,
    (FixState.OUTSIDE, True): (
        "Commit {fix}, named as the fix, is not in the history of the current commit; {commits} changed most of the same lines."
    ),
    (FixState.BEFORE, False): _BEFORE,
    (FixState.BEFORE, True): _BEFORE,
    (FixState.REBASED, False): _REBASED,
    (FixState.REBASED, True): _REBASED,
}
"""What git knows of a commit named as the fix, by its state, and whether other commits are similar."""


def _of_copies(evidence: Sequence[TrackedRegion], code: CitedCode, translation: Translation) -> Iterator[Judgement]:
    # If the cited lines remain, their own location is reported.
    if code.state in (CodeState.EQUAL, CodeState.AROUND):
        return
    for region in evidence:
        # A copy that the baseline had is not what the finding was about.
        if copies := [_place(translation, spot.path, spot.region) for spot in region.drift.also_at if spot.is_new]:
            text = translation.gettext(
                "A copy of the cited code that is not in the baseline is in {places}.", places="; ".join(copies)
            )
            yield Judgement(weight=Assessment.REVIEW, code="resolved-copy", text=text)


SENTENCES: Final = (
    *_UNFIT.values(),
    *_CLAUSES.values(),
    *_NEW_PLACES.values(),
    *_NEW_SENTENCES.values(),
    *_FIX_SENTENCES.values(),
    _FIX_OF_BLANKS,
)
"""The messages of this module that are in tables, for the catalogues."""
