"""`diff` on claims of "resolved", on real repositories: every place counts, and what is not known contradicts nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import repositories
from repositories import Commit

from findings_report.cli.app import main
from findings_report.model.comparison import Change, Comparison
from findings_report.model.drift import DriftKind
from findings_report.model.finding import Status

FILES: dict[str, repositories.Content] = {
    "a.py": "import os\nimport sys\nx = 1\n",
    "b.py": "a = 1\nb = 2\nc = 3\n\nreturn beta.x\n",
    "c.py": 'error = 1\nUnusedText = "q"\ny = 2\n',
    "g.py": "def run(x):\n    return sh(x)\n",
}
FIXED = "def run(x):\n    return sh(quote(x))\n"


class Audit:
    """An engagement whose findings were delivered as the tag r1 of their repository, beside the audited one."""

    def __init__(self, folder: Path) -> None:
        self.app = folder / "app"
        self.findings = folder / "audit/findings"
        (self.baseline,) = repositories.build(self.app, [Commit(FILES)])
        self.findings.mkdir(parents=True)
        repositories.git(self.findings, "init", "-q")

    def change(self, **files: str) -> str:
        """Commit these files of the audited repository, by name without suffix; the commit."""
        for name, content in files.items():
            (self.app / f"{name}.py").write_text(content)
        repositories.git(self.app, "add", "-A")
        repositories.git(self.app, "commit", "-qm", "Change")
        return repositories.git(self.app, "rev-parse", "HEAD").strip()

    def pin(self, commit: str, more: str = "") -> None:
        engagement = f'format: 1\ntitle: A review\nrepositories:\n  app: {{path: ../../app, commit: "{commit}"}}\n{more}'
        (self.findings / "engagement.yaml").write_text(engagement)

    def write(self, id: str, *locations: str, status: str = "open", more: str = "") -> None:
        cited = f"locations: [{', '.join(locations)}]\n" if locations else ""
        text = f"title: Weakness {id}\nseverity: low\nstatus: {status}\ndescription: It is so.\n{cited}{more}"
        (self.findings / f"{id}.finding.yaml").write_text(text)

    def deliver(self) -> None:
        repositories.git(self.findings, "add", "-A")
        repositories.git(self.findings, "commit", "-qm", "r1")
        repositories.git(self.findings, "tag", "r1")


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(tmp_path)


Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(audit: Audit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """`findings-report diff r1 ...` in the audit's folder: its exit code, and what it prints, with lines joined."""

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(audit.findings.parent)
        monkeypatch.setenv("COLUMNS", "500")
        monkeypatch.setattr("sys.argv", ["findings-report", "diff", "r1", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), " ".join(capsys.readouterr().out.split())

    return call


def compared(audit: Audit, said: Said, template: str = "standard") -> tuple[Comparison, str, str]:
    """The comparison, and its Markdown and HTML."""
    said("-f", "json", "-f", "md", "-f", "html", "-o", "out/", "--template", template)
    as_json, markdown, html = ((audit.findings.parent / f"out/diff.{suffix}").read_text() for suffix in ("json", "md", "html"))
    return Comparison.model_validate_json(as_json), " ".join(markdown.split()), " ".join(html.split())


def test_a_place_that_stayed_is_named_everywhere(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    audit.write("F-01", "{path: a.py, lines: 1-2}", "{path: c.py, lines: 2}")
    audit.deliver()
    after = audit.change(a="x = 1\n")
    audit.pin(after)
    own = f'{{path: a.py, lines: 1-2, commit: "{audit.baseline}"}}'
    audit.write("F-01", own, "{path: c.py, lines: 2}", status="resolved", more=f'fix: {{commits: ["{after}"]}}\n')
    sentence = "Reported as resolved; 1 of 2 cited places unchanged (c.py, line 2), 1 deleted (a.py, lines 1-2)."

    _, out = said()
    _, as_json = said("--output-format", "json")

    assert f"F-01: review: {sentence}" in out
    (summary,) = json.loads(as_json)["findings"]
    assert summary["code"] == "mixed"
    assert [(place["path"], place["lines"], place["code"]) for place in summary["places"]] == [
        ("a.py", "1-2", "deleted"),
        ("c.py", "2", "unchanged"),
    ]
    for template in ("standard", "fix-review"):
        comparison, *texts = compared(audit, said, template)
        assert comparison.findings[0].code == "mixed"
        for text in texts:
            assert sentence in text
            assert "1 of 2 places unchanged, 1 deleted" in text


def test_a_line_that_stayed_in_a_function_that_was_fixed_elsewhere_is_named(audit: Audit, said: Said) -> None:
    audit.pin(audit.change(f="def run(x, y):\n    log(x)\n    sh(x)\n    log(y)\n    sh(y)\n"))
    audit.write("F-01", "{path: f.py, lines: 3}", "{path: f.py, lines: 5}")
    audit.deliver()
    audit.pin(audit.change(f="def run(x, y):\n    log(x)\n    sh(quote(x))\n    log(y)\n    sh(y)\n"))
    audit.write("F-01", "{path: f.py, lines: 3}", "{path: f.py, lines: 5}", status="resolved")

    _, out = said()

    assert (
        "F-01: review: Reported as resolved; 1 of 2 cited places unchanged with changes around (f.py, line 5), 1 changed" in out
    )


def test_a_quote_that_the_baseline_did_not_have_contradicts_nothing(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    quoted = '{path: b.py, lines: 5, quote: "return alpha.x"}'
    audit.write("F-02", quoted)
    audit.write("F-03", "{path: b.py, lines: 5}")
    audit.deliver()
    audit.pin(audit.change(a="x = 1\n"))
    audit.write("F-02", quoted, status="resolved")
    audit.write("F-03", "{path: b.py, lines: 5}", status="resolved")

    _, out = said()

    assert "F-02: review: Reported as resolved; the cited code is unchanged, but the baseline's quote of b.py, line 5 " in out
    assert "line 5 was not found in that file." in out or "line 5 differs from the code there." in out
    assert "F-02: contradiction" not in out
    assert "F-03: contradiction: Reported as resolved; the cited code is unchanged, and no fix is named." in out


def test_lines_that_the_baseline_did_not_have_are_named_with_the_reason(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    audit.write("F-07", "{path: a.py, lines: 2-40}")
    audit.deliver()
    audit.pin(audit.change(c="y = 2\n"))
    audit.write("F-07", "{path: a.py, lines: 2-3}", status="resolved")

    _, out = said()

    sentence = "the cited code is unchanged, but a.py, lines 2-40 could not be read in the baseline: the file has 3 lines."
    assert f"F-07: review: Reported as resolved; {sentence}" in out


@pytest.mark.parametrize("baseline", ["r1", "old.json"])
def test_code_that_a_side_could_not_read_is_named(
    audit: Audit, baseline: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["findings-report", *arguments])
        with pytest.raises(SystemExit):
            main()
        return " ".join(capsys.readouterr().out.split())

    audit.pin(audit.baseline)
    audit.write("F-08", "{path: gone.py, lines: 1}")
    audit.write("F-09", "{path: c.py, lines: 2}")
    audit.deliver()
    monkeypatch.chdir(audit.findings.parent)
    monkeypatch.setenv("COLUMNS", "500")
    run("build", "-f", "json", "-o", "old.json")
    audit.pin(audit.change(a="x = 1\n"))

    out = run("diff", baseline)

    assert "not compared: Not all that F-08 cites could be read on the baseline side." in out
    assert "not compared: Not all that F-08 cites could be read on the current side." in out
    assert "F-09" not in out


def test_a_fix_under_another_hash_is_no_contradiction_with_and_without_the_commit(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    audit.write("F-04", "{path: a.py, lines: 3}")
    audit.deliver()
    repositories.git(audit.app, "checkout", "-qb", "fix")
    named = audit.change(g=FIXED)
    repositories.git(audit.app, "checkout", "-q", "main")
    audit.change(c="y = 2\n")
    repositories.git(audit.app, "cherry-pick", named)
    after = repositories.git(audit.app, "rev-parse", "HEAD").strip()
    audit.pin(after)
    audit.write("F-04", "{path: a.py, lines: 3}", status="resolved", more=f'fix: {{commits: ["{named}"]}}\n')

    code, out = said("--fail-on", "contradiction,review")
    comparison, *texts = compared(audit, said, "fix-review")

    assert code == 0
    assert "F-04:" not in out
    assert comparison.findings[0].fixes[0].came_in_as == after
    for text in texts:
        assert f"Commit {named}, named as the fix, came in as {after[:12]}." in text

    repositories.git(audit.app, "branch", "-qD", "fix")
    repositories.git(audit.app, "reflog", "expire", "--expire=now", "--all")
    repositories.git(audit.app, "gc", "-q", "--prune=now")

    assert said("--fail-on", "contradiction")[0] == 0
    code, out = said("--fail-on", "review")
    assert code == 1
    assert f"F-04: review: Commit {named}, named as the fix, is not in the repository." in out


def test_what_a_fix_changed_is_not_known_where_it_moved_the_code_to_several_places(audit: Audit, said: Said) -> None:
    save = "def save(name, value):\n    path = join(ROOT, name)\n    write(path, value)\n    return path\n"
    names = ("load", "drop", "list")
    others = ["".join(f"def {name}_{n}(x):\n    return {name}_of(x, {n})\n" for n in range(9)) for name in names]
    audit.pin(audit.change(store=others[0] + save))
    audit.write("F-05", "{path: store.py, lines: 19-22}")
    audit.deliver()
    named = audit.change(store=others[0], first=others[1] + save, second=others[2] + save)
    audit.pin(named)
    audit.write("F-05", "{path: first.py, lines: 19-22}", status="resolved", more=f'fix: {{commits: ["{named}"]}}\n')

    _, *texts = compared(audit, said, "fix-review")

    for text in texts:
        assert "whether it changed the cited lines is not known" in text
        assert "it changed none of the cited lines" not in text


def test_a_held_location_is_not_reported_as_updated(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    # `track --update` cannot move the first location as a whole, nor the second, whose quote does not fit.
    quoted = '{path: b.py, lines: 5, quote: "return gamma.x"'
    audit.write("F-06", "{path: b.py, lines: [1, 5]}", quoted + "}")
    audit.deliver()
    audit.pin(audit.change(b="import os\na = 2\nb = 2\nc = 3\n\nreturn beta.x\n"))
    held = f'commit: "{audit.baseline}"'
    audit.write("F-06", f"{{path: b.py, lines: [1, 5], {held}}}", f"{quoted}, {held}}}")

    comparison, *_ = compared(audit, said, "fix-review")

    assert [each.change for each in comparison.findings] == [Change.UNCHANGED]
    assert any(region.drift.kind is DriftKind.MOVED for region in comparison.findings[0].evidence)


def test_a_fix_that_indents_the_cited_code_is_not_undone(audit: Audit, said: Said) -> None:
    lines = ["const q = query()", "db.run('select ' + q)", "done()"]
    plain = "\n".join(lines) + "\n"
    guarded = "\n".join([lines[0], "if (isName(q)) {", f"  {lines[1]}", "}", lines[2]]) + "\n"
    (audit.app / "top.js").write_text(plain)
    audit.pin(audit.change())
    audit.write("F-06", "{path: top.js, lines: 2}")
    audit.deliver()
    (audit.app / "top.js").write_text(guarded)
    fix = audit.change()
    audit.pin(fix)
    audit.write("F-06", "{path: top.js, lines: 3}", status="resolved", more=f'fix: {{commits: ["{fix}"]}}\n')

    code, out = said("--fail-on", "contradiction,review")
    _, text, _ = compared(audit, said)

    assert (code, "F-06:" in out) == (0, False)
    assert f"{fix}, was made between the two reports and changed only the white space of the cited code." in text

    (audit.app / "top.js").write_text(plain)
    audit.pin(audit.change())
    audit.write("F-06", "{path: top.js, lines: 2}", status="resolved", more=f'fix: {{commits: ["{fix}"]}}\n')

    code, out = said("--fail-on", "contradiction")

    assert code == 1
    assert f"although {fix}, named as the fix, changed it: the lines are the same as before." in out


def test_a_finding_without_code_is_not_told_of_other_code(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    audit.write("F-05")
    audit.deliver()
    after = audit.change(g=FIXED)
    audit.pin(after)
    audit.write("F-05", status="resolved", more=f'fix: {{commits: ["{after}"]}}\n')

    _, text, _ = compared(audit, said)

    assert "the finding cites no code; the named fix" in text
    assert "other code" not in text


# Splits and merges.


def test_a_finding_that_was_split_is_told_with_the_claims_of_all_parts(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    audit.write("F-01", "{path: a.py, lines: 1-2}", "{path: c.py, lines: 2}")
    audit.deliver()
    after = audit.change(a="x = 1\n")
    audit.pin(after)
    own = f'{{path: a.py, lines: 1-2, commit: "{audit.baseline}"}}'
    audit.write("F-01", own, status="resolved")
    audit.write("F-02", "{path: c.py, lines: 2}", more="aliases: [F-01]\n")
    sentence = "F-01 was split into F-01 (resolved) and F-02 (open)."

    code, out = said("--fail-on", "new,absent,review,contradiction")

    # Each part is checked against its own place: the one that stayed does not count against the part that was fixed.
    assert (code, out.count(f"split: {sentence}")) == (0, 1)
    for template in ("standard", "fix-review"):
        comparison, *texts = compared(audit, said, template)
        by_id = {finding.id: finding for finding in comparison.findings}
        assert [region.drift.path for region in by_id["F-02"].evidence] == ["c.py"]
        assert [judgement.code for judgement in by_id["F-01"].judgements] == ["resolved-deleted"]
        assert [judgement.code for judgement in by_id["F-02"].judgements] == ["open-unchanged"]
        assert {lineage.text for finding in comparison.findings for lineage in finding.lineage} == {sentence}
        for text in texts:
            assert text.count(sentence) == 2

    audit.write("F-02", "{path: c.py, lines: 2}", status="resolved", more="aliases: [F-01]\n")

    code, out = said("--fail-on", "contradiction")

    assert code == 1
    assert "F-02: contradiction: Reported as resolved; the cited code is unchanged, and no fix is named." in out
    assert "F-01 was split into F-01 (resolved) and F-02 (resolved)." in out


def test_the_fix_of_a_part_is_compared_with_the_code_of_the_whole(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    audit.write("F-01", "{path: a.py, lines: 1-2}", "{path: c.py, lines: 2}")
    audit.deliver()
    fix = audit.change(c="error = 1\nfixed = 1\ny = 2\n")
    audit.pin(audit.change(c=str(FILES["c.py"])))
    audit.write("F-01", "{path: a.py, lines: 1-2}")
    part = f'aliases: [F-01]\nfix: {{commits: ["{fix}"]}}\n'
    audit.write("F-02", "{path: c.py, lines: 2}", status="resolved", more=part)

    _, out = said()

    assert f"F-02: contradiction: Reported as resolved; the cited code is unchanged, although {fix}, named as the fix," in out


def test_findings_that_were_merged_are_told_with_the_claims_of_all_parts(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    audit.write("F-01", "{path: a.py, lines: 1-2}")
    audit.write("F-02", "{path: c.py, lines: 2}", status="acknowledged")
    audit.deliver()
    after = audit.change(a="x = 1\n")
    audit.pin(after)
    own = f'{{path: a.py, lines: 1-2, commit: "{audit.baseline}"}}'
    audit.write("F-03", own, "{path: c.py, lines: 2}", status="resolved", more="aliases: [F-01, F-02]\n")
    for id in ("F-01", "F-02"):
        (audit.findings / f"{id}.finding.yaml").unlink()
    sentence = "F-01 (open) and F-02 (acknowledged) were merged into F-03 (resolved)."

    code, out = said("--fail-on", "absent,new")
    comparison, *texts = compared(audit, said, "fix-review")

    assert (code, out.count(f"merged: {sentence}")) == (0, 1)
    # What was merged has the claim of the whole, and its own code.
    assert "F-02: contradiction: Reported as resolved; the cited code is unchanged, and no fix is named." in out
    assert comparison.claimed == ((Status.RESOLVED, 2),)
    for text in texts:
        assert text.count(sentence) == 2
        assert "No verdict of its own. Merged into F-03" in text


def test_a_merge_of_many_lists_the_first_and_counts_the_others(audit: Audit, said: Said) -> None:
    audit.pin(audit.baseline)
    ids = [f"F-{number}" for number in range(1, 31)]
    for id in ids:
        audit.write(id)
    audit.deliver()
    for id in ids:
        (audit.findings / f"{id}.finding.yaml").unlink()
    audit.write("W-1", more=f"aliases: [{', '.join(ids)}]\n")

    _, out = said()
    comparison, *_ = compared(audit, said)

    assert "F-1 (open), F-2 (open), F-3 (open), " in out
    assert "F-20 (open) and 10 more were merged into W-1 (open)." in out
    (lineage,) = comparison.lineages
    assert [part.id for part in lineage.baseline] == ids[:20]


def test_parts_that_no_former_id_names_are_told_as_possible(audit: Audit, said: Said) -> None:
    def write(id: str, *locations: str, words: str) -> None:
        cited = f"locations: [{', '.join(locations)}]\n"
        text = (
            f"title: {words}\nseverity: low\ndescription: {words} in the shell command of the worker.\ncwe: [CWE-78]\n{cited}"
        )
        (audit.findings / f"{id}.finding.yaml").write_text(text)

    audit.pin(audit.baseline)
    write("A-1", "{path: g.py, lines: 1-2}", "{path: c.py, lines: 1-2}", words="Unquoted argument reaches run")
    audit.deliver()
    audit.pin(audit.change(a="x = 1\n"))
    (audit.findings / "A-1.finding.yaml").unlink()
    write("B-1", "{path: g.py, lines: 1-2}", words="Unquoted argument reaches run")
    write("B-2", "{path: c.py, lines: 1-2}", words="Unquoted argument reaches run")

    _, out = said()
    _, as_json = said("--output-format", "json")

    assert "split: A-1 may have been split into B-1 (open) and B-2 (open)." in out
    lineages = {finding["id"]: finding["lineage"] for finding in json.loads(as_json)["findings"]}
    assert {id: [each["is_certain"] for each in found] for id, found in lineages.items()} == {
        "A-1": [False], "B-1": [False], "B-2": [False]
    }  # fmt: skip
