"""The verdicts of `diff` on the claims of published fix reviews, beside those of the reviewers.

    python benchmarks/published/fixes.py --mirror CLONES --out FOLDER [--only NAME ...]

For each report of reports.toml with a commit `fixed`, engagements are written to FOLDER/NAME: the audited commit with all
findings open, and the fixed commit with the status and the commits that client and reviewer wrote below each finding. Two more
have the same claims without commits, and false claims: what was only acknowledged is called resolved. Locations whose quote is
not in the file (tests, proposed code) are left out.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convert import Code, PublishedFinding, Quote, git, write_engagement
from line_by_line import judge
from run import Report, read_report, read_table

ANSWER = re.compile(r"^\*\*(?!Description|Impact|Proof|Recommend|Context|Severity|Summary)[^*\n]{2,40}:\*\*", re.MULTILINE)
COMMIT = re.compile(r"/commits?/([0-9a-f]{7,40})")
FIXED = re.compile(r"(?i)\b(fixed|resolved|implemented|addressed|mitigated|removed|added|corrected|updated)\b")
NOT_FIXED = re.compile(
    r"(?i)acknowledged|won't fix|will not fix|not fixed|no longer relevant|we will|disagree|by design|intended|intentional"
)
PARTLY = re.compile(r"(?i)partial|acknowledged [–-] not fixed|rest .{0,20}acknowledged")
ASSESSMENTS = ("consistent", "review", "contradiction")


@dataclass(frozen=True)
class Answer:
    """What client and reviewer wrote below a finding."""

    status: str
    """"resolved", "partially_resolved", "acknowledged", or "" when their words do not say."""
    commits: tuple[str, ...]
    """Full hashes of the commits that they name and the clone has."""
    words: str


@dataclass(frozen=True)
class Claim:
    """A claim of the current side, with the judgements of `diff`."""

    report: str
    finding: str
    answer: Answer
    claimed: str
    assessment: str
    sentence: str


def read_answer(finding: PublishedFinding, code: Code) -> Answer:
    start = ANSWER.search(finding.text)
    words = " ".join(finding.text[start.start() :].split()) if start else ""
    commits = tuple(full for commit in dict.fromkeys(COMMIT.findall(words)) if (full := code.resolve(commit)))
    client = words.split("**Cyfrin:**")[0]
    is_fixed = bool(commits) or bool(FIXED.search(client) and re.search(r"(?i)commit|\bPR\b|/pull/", client))
    if is_fixed:
        return Answer("partially_resolved" if PARTLY.search(words) else "resolved", commits, words)
    return Answer("acknowledged" if NOT_FIXED.search(client) else "", commits, words)


def keep_evidence(findings: Sequence[PublishedFinding], code: Code) -> list[PublishedFinding]:
    """The findings with the locations that name lines of the file, or quote some."""

    def is_evidence(quote: Quote) -> bool:
        if quote.text is None:
            return quote.place.lines is not None
        lines = git(code.clone, "show", f"{quote.place.commit or code.commit}:{quote.place.path}").split("\n")
        return judge(quote.text, lines).kind == "true"

    kept = [replace(finding, quotes=tuple(filter(is_evidence, finding.quotes))) for finding in findings]
    return [finding for finding in kept if finding.quotes]


def write_claim(status: str, commits: Sequence[str]) -> str:
    return f"status: {status}" + (f"\nfix: {{commits: [{', '.join(commits)}]}}" if commits else "")


def compare(report: Report, mirror: Path, out: Path) -> dict[str, list[Claim]]:
    """Return the claims by kind: as written, without the commits, and false ones."""
    found = read_report(report, mirror)
    if not found:
        return {}
    code, findings = found[0], keep_evidence(found[1], found[0])
    answers = [read_answer(finding, code) for finding in findings]
    folder = out / report.name
    shutil.rmtree(folder, ignore_errors=True)
    write_engagement(folder / "audited", report.name, code, findings, answers=["status: open"] * len(findings))
    claims: dict[str, list[tuple[str, tuple[str, ...]]]] = {
        "as written": [(answer.status, answer.commits) for answer in answers],
        "no commit named": [(answer.status if answer.status == "resolved" else "", ()) for answer in answers],
        "false": [("resolved" if answer.status == "acknowledged" else "", ()) for answer in answers],
    }
    result = {}
    for kind, claimed in claims.items():
        side = folder / kind.replace(" ", "-")
        lines = [write_claim(status or "open", commits) for status, commits in claimed]
        write_engagement(side, report.name, code, findings, commit=report.fixed, answers=lines)
        judged = diff(folder / "audited", side)
        result[kind] = [
            Claim(report.name, finding, answer, status, assessment, sentence)
            for (status, _), answer, (finding, assessment, sentence) in zip(claimed, answers, judged, strict=True)
            if status
        ]
    return result


def diff(baseline: Path, current: Path) -> list[tuple[str, str, str]]:
    """Return id, assessment and sentences of each finding, in the order of the ids."""
    program, product = Path(sys.executable).parent / "findings-report", current / "diff.json"
    command = [str(program), "diff", str(baseline), str(current), "-f", "json", "-o", str(product)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not product.exists():
        raise SystemExit(f"no comparison of {current}: {done.stderr[-2000:]}")
    compared = json.loads(product.read_text(encoding="utf-8"))["findings"]
    return sorted(
        (finding["id"], finding["judgements"][0]["weight"], " ".join(judgement["text"] for judgement in finding["judgements"]))
        for finding in compared
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    claims: dict[str, list[Claim]] = {}
    for report in read_table():
        if report.fixed and (not options.only or report.name in options.only):
            for kind, rows in compare(report, options.mirror, options.out).items():
                claims.setdefault(kind, []).extend(rows)
    print(f"{'claims':18}{'status':20}" + "".join(f"{assessment:>15}" for assessment in ASSESSMENTS))
    for kind, rows in claims.items():
        for status in sorted({row.claimed for row in rows}):
            counts = Counter(row.assessment for row in rows if row.claimed == status)
            print(f"{kind:18}{status:20}" + "".join(f"{counts[assessment]:15}" for assessment in ASSESSMENTS))
    text = []
    for kind, rows in claims.items():
        for row in sorted(rows, key=lambda row: (-ASSESSMENTS.index(row.assessment), row.report, row.finding)):
            text.append(f"=== {kind}: {row.report} {row.finding}: claimed {row.claimed}, {row.assessment}\n{row.sentence}\n")
            text[-1] += f"  wrote: {row.answer.words}\n"
    (options.out / "claims.txt").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
