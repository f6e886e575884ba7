"""Two reports and their comparison without what either side masks, also in code that git has at another commit.

A finished report has no masked text, only the mark in its place: what is behind a mark is read from git again, to be masked in
the differences of the code, which are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from findings_report import git
from findings_report.evidence.redaction import mask_line, redact_snippet
from findings_report.evidence.source_files import NoLinesError, SourceFiles
from findings_report.model.comparison import ComparedFinding, Comparison, FixCommit, TrackedRegion
from findings_report.model.drift import DiffLine
from findings_report.model.evidence import MARK, Snippet
from findings_report.model.redaction import SHORTEST, Redactor, list_hidden_texts, redact, replace_spans
from findings_report.model.report import Report
from findings_report.problems import FindingsReportError


@dataclass(frozen=True)
class HiddenCode:
    """What the reports of a comparison mask."""

    redactor: Redactor
    """Texts that no difference of code may show."""
    lines: Mapping[tuple[str, str], Mapping[str, str]]
    """By repository and path, each masked line without indentation, and what is printed of it."""


def redact_report(report: Report, redactor: Redactor) -> Report:
    """Return a side without what the other one masks."""
    if not redactor:
        return report
    findings = tuple(
        finding.model_copy(update={"snippets": tuple(redact_snippet(each, redactor) for each in finding.snippets)})
        for finding in report.findings
    )
    return redact(report.model_copy(update={"findings": findings}), redactor)


def find_hidden_code(
    reports: Iterable[Report], repositories: Mapping[str, git.Repository | None], redactor: Redactor
) -> HiddenCode:
    """Return what is behind the marks in the code of `reports`, as far as a repository is available, and `redactor`."""
    texts: dict[str, None] = dict.fromkeys(redactor.texts)
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for snippet in (snippet for report in reports for finding in report.findings for snippet in finding.snippets):
        repository = repositories.get(snippet.repository)
        if not snippet.redacted or snippet.blob is None or snippet.commit is None or repository is None:
            continue
        printed = {line.number: line.text for run in snippet.runs for line in run.lines}
        for number, true in _read_lines(snippet, snippet.commit, repository).items():
            masked = printed.get(number, mask_line(true)).strip()
            if any(map(str.isalnum, true)) and MARK in masked:
                lines.setdefault((snippet.repository, snippet.path), {})[true.strip()] = masked
                hidden = list_hidden_texts(true) if masked == MARK else _behind_marks(masked, true.strip())
                texts |= dict.fromkeys(hidden)
    return HiddenCode(Redactor(tuple(texts)), lines)


def _read_lines(snippet: Snippet, commit: str, repository: git.Repository) -> dict[int, str]:
    """Return the masked lines of a snippet as git has them; none if they cannot be read, and have no difference either."""
    try:
        file = SourceFiles(repository, commit).file(snippet.path)
    except (NoLinesError, FindingsReportError):
        return {}
    count = len(file.lines) if file is not None else 0
    numbers = (
        number for region in snippet.redacted for number in range(max(region.start_line, 1), min(region.end_line, count) + 1)
    )
    return {number: file.lines[number - 1] for number in numbers} if file is not None else {}


def _behind_marks(masked: str, true: str) -> list[str]:
    """Return the texts that the marks in a printed line hide; none if it is not that line."""
    head, *rest = masked.split(MARK)
    if not true.startswith(head):
        return []
    hidden: list[str] = []
    at = len(head)
    for index, part in enumerate(rest):
        is_last = index == len(rest) - 1
        end = len(true) - len(part) if is_last else true.find(part, at)
        if end < at or not true.startswith(part, end):
            return []
        hidden.append(true[at:end])
        at = end + len(part)
    return [text for text in hidden if len("".join(text.split())) >= SHORTEST]


def redact_comparison(comparison: Comparison, hidden: HiddenCode, redactor: Redactor) -> Comparison:
    """Return a comparison with the masked passages of both sides masked in it, those of `redactor` everywhere."""
    if not (hidden.redactor or hidden.lines):
        return comparison
    findings = tuple(_redact_finding(compared, hidden) for compared in comparison.findings)
    return redact(comparison.model_copy(update={"findings": findings}), redactor)


def _redact_finding(compared: ComparedFinding, hidden: HiddenCode) -> ComparedFinding:
    evidence = tuple(_redact_region(region, hidden) for region in compared.evidence)
    fixes = tuple(_redact_fix(fix, hidden) for fix in compared.fixes)
    return compared.model_copy(update={"evidence": evidence, "fixes": fixes})


def _redact_fix(fix: FixCommit, hidden: HiddenCode) -> FixCommit:
    return fix.model_copy(update={"touched": tuple(_redact_region(region, hidden) for region in fix.touched)})


def _redact_region(region: TrackedRegion, hidden: HiddenCode) -> TrackedRegion:
    drift = region.drift
    lines = hidden.lines.get((region.repository, drift.path), {})
    diff = _redact_diff(drift.diff, lines, hidden.redactor)
    return region if diff == drift.diff else region.model_copy(update={"drift": drift.model_copy(update={"diff": diff})})


def _redact_diff(diff: Sequence[DiffLine], lines: Mapping[str, str], redactor: Redactor) -> tuple[DiffLine, ...]:
    """Return a diff with its passages masked, and all that came in place of a line that is masked as a whole."""
    redacted: list[DiffLine] = []
    is_replaced = False
    for line in diff:
        bare = line.text.strip()
        indent = line.text[: len(line.text) - len(line.text.lstrip())]
        text = indent + lines[bare] if bare in lines else replace_spans(line.text, redactor.find_verbatim(line.text))
        is_kept = line.old_line is not None and line.new_line is not None
        # The lines that went precede those that came: a new key is often where the old one was.
        if line.old_line is None and is_replaced:
            text = mask_line(line.text)
        is_replaced = not is_kept and (is_replaced or text.strip() == MARK)
        redacted.append(line if text == line.text else line.model_copy(update={"text": text}))
    return tuple(redacted)
