"""Prose reviews in the shapes of published reports, imported into an engagement with a real repository."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import Commit, build, problem_of

from findings_report import authoring
from findings_report.authoring.yaml_reader import read
from findings_report.cli import app
from findings_report.commands import Inputs
from findings_report.commands.import_findings import ImportResult, import_findings
from findings_report.importing import Code, ImportOptions, find_lost_words, place_finding, read_review
from findings_report.model.evidence import Verdict
from findings_report.problems import FindingsReportError

SEED = """After thoroughly reviewing the code, I have identified one significant concern:

### Security Defect: Improper Error Handling and Potential SQL Injection Vulnerability
#### Description:
The code, specifically in lines 111-129 within the `_ipam_allocate_ips` method, could lead to an SQL injection.

#### Lines:
```python
116                 ip_list = [ip] if isinstance(ip, dict) else ip
117                 subnets = [ip_dict['subnet_id'] for ip_dict in ip_list]
...
121                     ipam_allocator = ipam_driver.get_allocator(subnets)
```

#### Solution:
To mitigate this, ensure that all inputs are validated.

### Recommendation:
Review and apply validation to all inputs.

Overall, the code handles exceptions broadly, which is a good security practice."""

IPAM = "\n".join(
    [
        "class Backend:",
        *(f"    # {number}" for number in range(2, 101)),
        "    def _ipam_allocate_ips(self, context, ipam_driver, port, ips):",
        *(f"        # step {number}" for number in range(102, 114)),
        "        try:",
        "            for ip in ips:",
        "                ip_list = [ip] if isinstance(ip, dict) else ip",
        "                subnets = [ip_dict['subnet_id'] for ip_dict in ip_list]",
        "                try:",
        "                    factory = self._ipam_get_subnet()",
        "                    context.session.flush()",
        "                    ipam_allocator = ipam_driver.get_allocator(subnets)",
        *(f"                    # more {number}" for number in range(122, 130)),
        "        return allocated",
        "",
    ]
)
VAULT = """pragma solidity 0.8.20;

contract Vault {
    mapping(address => uint256) public balances;

    function withdraw(uint256 amount) external {
        require(balances[msg.sender] >= amount, "balance");
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok, "transfer failed");
        balances[msg.sender] -= amount;
    }

    function deposit() external payable {
        balances[msg.sender] += msg.value;
    }
}
"""
CALL = '        (bool ok, ) = msg.sender.call{value: amount}("");\n        require(ok, "transfer failed");'


@dataclass(frozen=True)
class Workplace:
    """An engagement on a small repository."""

    root: Path
    commit: str

    @property
    def folder(self) -> Path:
        return self.root / "findings"

    def run(
        self, text: str | bytes, *, name: str = "review.md", severity: str | None = None, dry_run: bool = False
    ) -> ImportResult:
        review = self.root / name
        review.write_bytes(text if isinstance(text, bytes) else text.encode())
        inputs = Inputs(self.folder, {})
        return import_findings(
            "review", inputs, [review], options=ImportOptions(severity=severity), dry_run=dry_run, progress=lambda _: None
        )

    def finding(self, id: str) -> dict[str, Any]:
        data: dict[str, Any] = authoring.written_values(read((self.folder / f"{id}.finding.yaml").read_bytes()).data)
        return data

    @property
    def engagement(self) -> dict[str, Any]:
        data: dict[str, Any] = authoring.written_values(read((self.folder / "engagement.yaml").read_bytes()).data)
        return data

    @property
    def findings(self) -> list[dict[str, Any]]:
        return [self.finding(path.name.removesuffix(".finding.yaml")) for path in sorted(self.folder.glob("*.finding.yaml"))]

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    clone = tmp_path_factory.mktemp("clone")
    files = {
        "neutron/db/backend.py": IPAM,
        "neutron/api.py": "def use(x):\n    return x._ipam_allocate_ips()\n",
        "src/Vault.sol": VAULT,
    }
    return clone, build(clone, [Commit({"README": "first"}), Commit({**files})])[-1]


@pytest.fixture
def place(tmp_path: Path, code: tuple[Path, str]) -> Workplace:
    clone, commit = code
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "engagement.yaml").write_text(
        "format: 1\n# The pin was agreed.\ntitle: Review\n"
        "repositories:\n"
        f"  main: {{url: https://github.com/acme/vault, path: {json.dumps(str(clone))}, revision: main, commit: {commit}}}\n"
    )
    return Workplace(tmp_path, commit)


def test_seed(place: Workplace) -> None:
    result = place.run(SEED)
    finding = place.finding("FIRST-001")
    assert finding["title"] == "Improper Error Handling and Potential SQL Injection Vulnerability"
    assert finding["category"] == "Security Defect"
    assert (finding["severity"], finding["status"], finding["confidence"]) == ("informational", "undetermined", "unconfirmed")
    assert finding["description"].startswith("The code, specifically in lines 111-129")
    assert finding["recommendation"] == "To mitigate this, ensure that all inputs are validated.\n"
    (location,) = finding["locations"]
    assert (location["path"], location["lines"], location["symbol"]) == (
        "neutron/db/backend.py",
        "111-129",
        "_ipam_allocate_ips",
    )
    assert location["quote"].splitlines()[2] == "..."
    assert place.engagement["summary"].startswith("After thoroughly")
    assert place.engagement["recommendation"] == "Review and apply validation to all inputs.\n"
    assert place.engagement["conclusion"].startswith("Overall, the code")
    assert b"# The pin was agreed.\n" in place.files()["engagement.yaml"]
    assert result.verified == {Verdict.ELIDED: 1}
    assert not result.unverified
    assert [problem.code for problem in result.problems if problem.level == "warning"] == ["import-severity"]


def test_several_repositories(place: Workplace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    only = "function burn(uint256 amount) external onlyOwner {\n    _burn(msg.sender, amount * 2);\n}"
    (commit,) = build(other, [Commit({"src/Vault.sol": VAULT, "src/Token.sol": f"contract Token {{\n{only}\n}}\n"})])
    engagement = place.folder / "engagement.yaml"
    engagement.write_text(
        engagement.read_text()
        + f"  other: {{url: https://github.com/acme/other, path: {json.dumps(str(other))}, revision: main, commit: {commit}}}\n"
    )
    result = place.run(
        f"## [H-01] Ambiguous\n\nText.\n\n{FENCED}\n\n"
        f"## [H-02] Linked\n\nhttps://github.com/acme/other/blob/main/src/Vault.sol#L8-L9\n\n{FENCED}\n\n"
        f"## [H-03] Found\n\nText.\n\n```solidity\n{only}\n```\n\n"
        "## [H-04] Paths\n\nIn `src/Vault.sol:8` and `src/Token.sol:2`.\n"
    )
    places = [
        [(each["repository"], each["path"], each["lines"]) for each in place.finding(f"H-0{number}").get("locations", [])]
        for number in (1, 2, 3, 4)
    ]
    assert places == [
        [],
        [("other", "src/Vault.sol", "8-9")],
        [("other", "src/Token.sol", "2-4")],
        [("other", "src/Token.sol", "2")],
    ]
    (problem,) = [problem for problem in result.problems if problem.code == "import-ambiguous"]
    assert "repositories main, other" in problem.fault
    assert problem.place is not None
    assert problem.place.line == 5


def _unpin(place: Workplace, clone: Path) -> None:
    repository = f"{{url: https://github.com/acme/vault, path: {json.dumps(str(clone))}}}"
    (place.folder / "engagement.yaml").write_text(f"format: 1\ntitle: Review\nrepositories:\n  main: {repository}\n")


@pytest.fixture
def releases(tmp_path: Path) -> tuple[Path, list[str]]:
    """A repository with tags: the code is in the second and the third, and changed in the last."""
    clone = tmp_path / "releases"
    clone.mkdir()
    return clone, build(
        clone,
        [
            Commit({"README": "x"}, tag="v1"),
            Commit({"src/Vault.sol": VAULT}, tag="v2"),
            Commit({"README": "y"}, tag="v3"),
            Commit({"src/Vault.sol": VAULT.replace("require(ok", "assert(ok")}, tag="v4"),
        ],
    )


def test_the_newest_tag_that_fits(place: Workplace, releases: tuple[Path, list[str]]) -> None:
    clone, commits = releases
    _unpin(place, clone)
    result = place.run(f"## [H-01] One\n\n`src/Vault.sol`:\n\n{FENCED}\n")
    (location,) = place.finding("H-01")["locations"]
    assert (location["commit"], location["lines"]) == (commits[2], "8-9")
    assert result.verified == {Verdict.EXACT: 1}
    (problem,) = [problem for problem in result.problems if problem.code == "import-commit"]
    assert "1 of 1 quotes fit tag v3, the newest that fits" in problem.fault


def test_the_commit_that_the_review_names(place: Workplace, releases: tuple[Path, list[str]]) -> None:
    clone, commits = releases
    _unpin(place, clone)
    place.run(
        f"# R\n\n| Commit hash | `{commits[1]}` |\n\n## [H-01] One\n\n{FENCED}\n\n**Acme:** Fixed in commit {commits[3][:9]}.\n"
    )
    assert place.finding("H-01")["locations"][0]["commit"] == commits[1]


def test_no_tag_fits(place: Workplace, releases: tuple[Path, list[str]]) -> None:
    _unpin(place, releases[0])
    result = place.run("## [H-01] One\n\n```sol\nnothing(of, the, kind, anywhere);\n```\n")
    assert "import-no-code" in [problem.code for problem in result.problems]
    assert "locations" not in place.finding("H-01")


LINK = "https://github.com/acme/vault/blob/"
FENCED = f"```solidity\n{CALL}\n```"


@pytest.mark.parametrize(
    ("cited", "lines"),
    [
        pytest.param(f"{LINK}main/src/Vault.sol#L8-L9\n\n{FENCED}", "8-9", id="permalink-branch"),
        pytest.param(
            f"[Vault]({LINK}0123456789abcdef0123456789abcdef01234567/src/Vault.sol#L8-L9)\n{FENCED}", "8-9", id="permalink-hash"
        ),
        pytest.param(f"{LINK}main/src/Vault.sol#8-9\n{FENCED}", "8-9", id="anchor-without-L"),
        pytest.param(f"{LINK}main/src/Vault.sol#L9-#L8\n{FENCED}", "8-9", id="anchor-reversed"),
        pytest.param(f"{LINK}main/src/Vault.sol/#L8-L9\n{FENCED}", "8-9", id="anchor-after-slash"),
        pytest.param(f"```solidity\nFile: src/Vault.sol\n8: {CALL.strip().splitlines()[0]}\n```", "8", id="file-head"),
        pytest.param(f"```solidity\n// Vault.sol\n{CALL}\n```", "8-9", id="comment-head"),
        pytest.param(f"```solidity\n8 {CALL.splitlines()[0]}\n9 {CALL.splitlines()[1]}\n```", "8-9", id="numbered"),
        pytest.param(f"In `src/Vault.sol:8-9`:\n{FENCED}", "8-9", id="path-and-lines"),
        pytest.param(f"The order is wrong:\n\n{FENCED}", "8-9", id="searched"),
    ],
)
def test_fence_becomes_location(place: Workplace, cited: str, lines: str) -> None:
    place.run(f"# Report\n\n## [H-01] Reentrancy in `withdraw`\n\n### Description\n\nState changes late.\n\n{cited}\n\nDone.\n")
    finding = place.finding("H-01")
    assert finding["severity"] == "high"
    (location,) = finding["locations"]
    assert (location["path"], location["lines"]) == ("src/Vault.sol", lines)
    assert "call{value: amount}" in location["quote"]
    # Not printed twice.
    assert "![](location:code-1)" in finding["description"]
    assert "```" not in finding["description"]
    assert finding["description"].endswith("Done.\n")


def test_what_is_not_in_the_code_stays_text(place: Workplace) -> None:
    test = "```solidity\nfunction testDrain() public { vault.withdraw(1 ether); assertEq(x, y); }\n```"
    diff = "```diff\n-        balances[msg.sender] -= amount;\n+        balances[msg.sender] = 0;\n```"
    result = place.run(
        "## [M-1] Late write\n\nText `Vault::withdraw` here.\n\n"
        f"### Proof of Concept\n{test}\n\n### Recommended Mitigation Steps\n{diff}\n"
    )
    finding = place.finding("M-1")
    assert test in finding["proof"]
    assert diff in finding["recommendation"]
    assert result.unplaced == 2
    # The function that is named is the only place.
    assert finding["locations"] == [{"path": "src/Vault.sol", "lines": "6-11", "symbol": "Vault::withdraw"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "## [L-01] First\n\na\n\n## [L-02] Second\n\nb\n",
            [("L-01", "First", "low"), ("L-02", "Second", "low")],
            id="brackets",
        ),
        pytest.param("## [[H-03] Linked](https://example.org/3)\n\na\n", [("H-03", "Linked", "high")], id="linked"),
        pytest.param("# Issue M-4: Named\n\na\n", [("M-4", "Named", "medium")], id="issue"),
        pytest.param(
            "# R\n## High Risk\n### One\na\n### Two\nb\n## Low\n### Three\nc\n",
            [("FIRST-001", "One", "high"), ("FIRST-002", "Two", "high"), ("FIRST-003", "Three", "low")],
            id="grouped",
        ),
        pytest.param("## 重入\n\n严重级别：高\n\n描述文字。\n", [("FIRST-001", "重入", "high")], id="chinese"),
        pytest.param(
            "## Drain\n\n**Severity:** Medium\n\n**Description:** Text.\n\n**Impact:** Loss.\n",
            [("FIRST-001", "Drain", "medium")],
            id="bold-fields",
        ),
        pytest.param(
            "## Drain\n\n- Severity: Low\n- Status: Fixed\n\nText.\n", [("FIRST-001", "Drain", "low")], id="list-fields"
        ),
        pytest.param(
            "### Drain\n#### Description\nText.\n#### Impact\nLoss.\n",
            [("FIRST-001", "Drain", "informational")],
            id="heading-fields",
        ),
        pytest.param(
            "**[C-01] Bold**\n\na\n\n**[C-02] Bolder**\n\nb\n",
            [("C-01", "Bold", "critical"), ("C-02", "Bolder", "critical")],
            id="bold-headings",
        ),
        pytest.param("### Vulnerability 1: Odd\n\nText.\n", [("FIRST-001", "Odd", "informational")], id="numbered-noun"),
    ],
)
def test_headings_and_severities(place: Workplace, text: str, expected: list[tuple[str, str, str]]) -> None:
    place.run(text)
    ids = sorted(path.name.removesuffix(".finding.yaml") for path in place.folder.glob("*.finding.yaml"))
    assert [(id, place.finding(id)["title"], place.finding(id)["severity"]) for id in ids] == expected


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("**Acme:** Fixed in commit 0123abc.\n\n**Auditor:** Verified.", "resolved"),
        ("**Acme:** Acknowledged.\n\n**Auditor:** Verified.", "acknowledged"),
        ("**Status: Fixed in this PR**", "resolved"),
        ("Status: **Fixed in this PR**", "resolved"),
        ("**Status:** Partially fixed", "partially_resolved"),
        ("**Status:** Not fixed", "open"),
        ("**judge:** Mitigation confirmed, details below.", "resolved"),
        ("The bug is fixed in commit 12.", "undetermined"),
    ],
)
def test_statuses(line: str, status: str, place: Workplace) -> None:
    place.run(f"## [L-01] Title\n\nText.\n\n{line}\n")
    assert place.finding("L-01")["status"] == status


def test_import_again(place: Workplace) -> None:
    text = (
        "Opening.\n\n## [H-01] One\n\nFirst.\n\n### Impact\n\nLoss.\n\n## Finding: Two\n\nSecond text.\n\n## Notes\n\nMore.\n"
    )
    place.run(text)
    before = place.files()
    again = place.run(text)
    assert place.files() == before
    assert (again.new, again.updated, again.unchanged) == ((), (), 2)
    # A person rates, comments, and rewrites; the review goes on.
    own = place.folder / "H-01.finding.yaml"
    own.write_text(own.read_text().replace("severity: high", "severity: low  # agreed").replace("Loss.", "All funds."))
    result = place.run(
        text.replace("First.", "First, edited.")
        .replace("Loss.", "Much loss.")
        .replace("Finding: Two", "Finding: Second")
        .replace("More.", "Even more.")
    )
    finding = place.finding("H-01")
    assert "severity: low  # agreed" in own.read_text()
    assert (finding["description"], finding["impact"]) == ("First, edited.\n", "All funds.\n")
    assert [(problem.code, "`impact`" in problem.fault) for problem in result.problems if problem.code == "import-kept"] == [
        ("import-kept", True)
    ]
    # An edited title is the same finding.
    assert [other["title"] for other in place.findings] == ["One", "Second"] or [
        other["title"] for other in place.findings
    ] == ["Second", "One"]
    assert place.engagement["sections"] == [{"title": "Notes", "text": "Even more.\n"}]
    assert place.engagement["summary"] == "Opening.\n"


def test_comment_behind_the_sign_of_a_text_stays(place: Workplace) -> None:
    place.run("## [H-01] One\n\nFirst.\n")
    file = place.folder / "H-01.finding.yaml"
    file.write_text(file.read_text().replace("description: |\n", "description: |  # agreed with Ada\n"))
    place.run("## [H-01] One\n\nFirst, edited.\n")
    assert "description: |  # agreed with Ada\n  First, edited.\n" in file.read_text()


def test_texts_of_people_stay(place: Workplace) -> None:
    file = place.folder / "engagement.yaml"
    file.write_text(file.read_text() + "summary: Ours.\nsections:\n- title: Goals  # of the client\n  text: Ours too.\n")
    place.run("Opening.\n\n## [H-01] One\n\nFirst.\n\n## Scope\n\nAll.\n")
    assert place.engagement["summary"] == "Ours."
    sections = [(section["title"], section["text"]) for section in place.engagement["sections"]]
    assert sections == [("Goals", "Ours too."), ("Summary of review.md", "Opening.\n"), ("Scope", "All.\n")]
    assert "# of the client" in file.read_text()


def test_comments_and_line_ends_stay(place: Workplace) -> None:
    place.run("## [H-01] One\n\nFirst.\n")
    file = place.folder / "H-01.finding.yaml"
    file.write_bytes(file.read_bytes().replace(b"severity: high", b"severity: high  # as agreed").replace(b"\n", b"\r\n"))
    place.run("## [H-01] Two\n\nFirst, edited.\n\n**Severity:** Low\n\n### Impact\n\nLoss.\n")
    finding = place.finding("H-01")
    assert [finding[name] for name in ("title", "severity", "description", "impact")] == [
        "Two",
        "low",
        "First, edited.\n",
        "Loss.\n",
    ]
    assert b"severity: low  # as agreed\r\n" in file.read_bytes()
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n")


@pytest.mark.parametrize("change", [("State changes late.", "We saw it."), ("lines: 8-9", "lines: 8-9\n    role: sink")])
def test_a_placeholder_never_shows_other_code(place: Workplace, change: tuple[str, str]) -> None:
    text = f"## [H-01] One\n\nState changes late.\n\n{FENCED}\n"
    place.run(text)
    file = place.folder / "H-01.finding.yaml"
    file.write_text(file.read_text().replace(*change))
    before = file.read_text()
    above = "```solidity\n        balances[msg.sender] += msg.value;\n```\n"
    result = place.run(text.replace("State", f"{above}\nState"))
    assert file.read_text() == before
    assert [problem.fault for problem in result.problems if problem.code == "import-kept"] == [
        "changed here and in the file, so the value here was kept: `description`, `locations`"
    ]


@pytest.mark.parametrize("title", ["2024", "0x10", "true", "null", "1.5"])
def test_titles_that_look_like_other_values(place: Workplace, title: str) -> None:
    place.run(f"## [H-01] {title}\n\nText.\n")
    assert read((place.folder / "H-01.finding.yaml").read_bytes()).data["title"] == title


@pytest.mark.parametrize("written", ["- {title: a, text: b}", "-   title: a\n    text: b", "  - text: b\n    title: a"])
def test_sections_in_other_layouts(place: Workplace, written: str) -> None:
    file = place.folder / "engagement.yaml"
    file.write_text(file.read_text() + f"sections:\n{written}\n")
    place.run("## [H-01] One\n\nFirst.\n\n## Scope\n\nAll.\n")
    assert place.engagement["sections"] == [{"title": "a", "text": "b"}, {"title": "Scope", "text": "All.\n"}]


def _finding(id: str, title: str, text: str) -> str:
    return f"## [{id}] {title}\n\n{text}\n\n"


ALPHA = ("Alpha", "The owner can drain the pool in one call.")
BETA = ("Beta", "Rounding favours the borrower by a wei.")
OWNER = ("setOwner lacks a zero check", "The function setOwner does not check its argument for zero.")
FEE = ("setFee lacks a zero check", "The function setFee does not check its argument for zero.")


def _set_status(place: Workplace, id: str) -> None:
    file = place.folder / f"{id}.finding.yaml"
    file.write_text(file.read_text().replace("status: undetermined", "status: false_positive"))


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        pytest.param([ALPHA, BETA], [BETA, ALPHA], {"Alpha": "false_positive", "Beta": "undetermined"}, id="swapped"),
        pytest.param([ALPHA, BETA], [BETA], {"Alpha": "false_positive", "Beta": "undetermined"}, id="moved-up"),
        pytest.param([ALPHA], [BETA], {"Alpha": "false_positive", "Beta": "undetermined"}, id="replaced"),
        pytest.param([OWNER], [None, FEE], {OWNER[0]: "false_positive", FEE[0]: "undetermined"}, id="alike"),
        pytest.param([ALPHA], [None, ("Gamma", ALPHA[1])], {"Gamma": "false_positive"}, id="same-text"),
    ],
)
def test_a_status_stays_with_its_text(
    place: Workplace,
    first: list[tuple[str, str]],
    then: list[tuple[str, str] | None],
    expected: dict[str, str],
) -> None:
    place.run("".join(_finding(f"H-0{number}", *finding) for number, finding in enumerate(first, 1)))
    _set_status(place, "H-01")
    place.run("".join(_finding(f"H-0{number}", *finding) for number, finding in enumerate(then, 1) if finding))
    assert {finding["title"]: finding["status"] for finding in place.findings} == expected
    assert len(place.findings) == len(expected)
    for finding in place.findings:
        assert finding["description"].strip() == dict([ALPHA, BETA, OWNER, FEE, ("Gamma", ALPHA[1])])[finding["title"]]


def test_an_id_that_was_given_to_another_finding(place: Workplace) -> None:
    place.run(_finding("H-01", *ALPHA) + _finding("H-02", *BETA))
    file = place.folder / "H-01.finding.yaml"
    mine = file.read_text().replace(ALPHA[0], "Mine").replace(ALPHA[1], "Sessions never expire after a log-out.")
    file.write_text(mine)
    # A severity that both have is nobody's word that the import may change it.
    changed = f"## [H-01] {ALPHA[0]}\n\n**Severity:** Low\n\n{ALPHA[1]}\n\n" + _finding("H-02", *BETA)
    result = place.run(changed)
    assert [problem.code for problem in result.problems if problem.code != "import-no-code"] == ["import-reused"]
    assert file.read_text() == mine
    # Renamed with its alias, the imported finding is known again beside the other one.
    (place.folder / "A-1.finding.yaml").write_text(
        mine.replace("Mine", ALPHA[0]).replace("Sessions never expire after a log-out.", ALPHA[1]) + "aliases: [H-01]\n"
    )
    file.rename(place.folder / "B-1.finding.yaml")
    assert "import-reused" not in {problem.code for problem in place.run(changed).problems}
    assert "severity: low" in (place.folder / "A-1.finding.yaml").read_text()
    lock = place.folder / "import.lock.yaml"
    lock.write_text(lock.read_text().replace("H-02", "A-1", 1))
    before = {path: path.read_bytes() for path in place.folder.iterdir() if path.is_file()}
    with pytest.raises(FindingsReportError) as caught:
        place.run(changed)
    assert [(problem.code, "2 entries for A-1" in problem.fault) for problem in caught.value.problems] == [("lock", True)]
    assert {path: path.read_bytes() for path in place.folder.iterdir() if path.is_file()} == before


def test_another_title_is_named_where_a_status_was_set(place: Workplace) -> None:
    place.run(_finding("H-01", *OWNER))
    _set_status(place, "H-01")
    result = place.run(_finding("H-01", *FEE))
    assert [FEE[0] in problem.fault for problem in result.problems if problem.code == "import-kept"] == [True]


INDEX = """# Audit of Acme

| # | Finding | Severity | Status |
|---|---------|----------|--------|
| [001](docs/001-drain.md) | The owner drains the pool | High | Fixed |
| [002](./docs/002%20rounding.md#top) | Rounding by a wei | Low | Acknowledged |
| 003 | Only a row | Medium | |

## High risk

### [Expiry is ignored](docs/003.md)

- [The owner drains the pool](docs/001-drain.md)
"""
PAGES = {
    "docs/001-drain.md": "# Owner can drain the pool\n\n## Impact\n\nAll.\n\n## Description\n\nThe owner drains it.\n",
    "docs/002 rounding.md": "# Rounding by a wei\n\n## Impact\n\nA wei.\n\n## Description\n\nIt favours one.\n",
    "docs/003.md": "# Expiry is ignored\n\nSeverity: Medium\n\n## Description\n\nNobody reads the expiry.\n",
}


@pytest.mark.parametrize("order", ["together", "index first", "pages first"])
def test_an_index_page_and_the_files_of_its_findings(place: Workplace, order: str) -> None:
    (place.root / "docs").mkdir()
    for name, text in {**PAGES, "README.md": INDEX}.items():
        (place.root / name).write_text(text)
    index, pages = [place.root / "README.md"], [place.root / name for name in PAGES]
    runs = {"together": [index + pages], "index first": [index, pages], "pages first": [pages, index]}[order]
    for files in [*runs, index + pages, index, pages]:
        inputs = Inputs(place.folder, {})
        result = import_findings("review", inputs, files, dry_run=False, progress=lambda _: None)
        assert [problem.fault for problem in result.problems if problem.code == "import-gone"] == []
    got = {finding["title"]: (finding["severity"], finding["status"]) for finding in place.findings}
    assert len(place.findings) == 4
    assert got == {
        "Owner can drain the pool": ("high", "resolved"),
        "Rounding by a wei": ("low", "acknowledged"),
        "Only a row": ("medium", "undetermined"),
        "Expiry is ignored": ("medium", "undetermined"),  # what the page of a finding says goes first
    }
    assert "The owner drains the pool" in str(place.engagement)
    assert str(place.root) not in (place.folder / "import.lock.yaml").read_text()


def test_an_index_page_of_nothing_but_links(place: Workplace) -> None:
    (place.root / "a.md").write_text(PAGES["docs/003.md"])
    (place.root / "README.md").write_text("# Findings\n\n- [Expiry is ignored](a.md)\n")
    files = [place.root / "README.md", place.root / "a.md"]
    import_findings("review", Inputs(place.folder, {}), files, dry_run=False, progress=lambda _: None)
    assert [finding["title"] for finding in place.findings] == ["Expiry is ignored"]
    assert "a.md" in str(place.engagement)


def test_reviews_of_other_folders(place: Workplace) -> None:
    inner = place.folder.parent / "deep" / "findings"
    inner.parent.mkdir()
    place.folder.rename(inner)
    moved = Workplace(inner.parent, place.commit)
    alice, bob = f"{place.root.name}-alice/review.md", f"{place.root.name}-bob/review.md"
    for name, finding in ((alice, ALPHA), (bob, BETA)):
        review = place.root.parent / name
        review.parent.mkdir()
        review.write_text(_finding("H-01", *finding))
        import_findings("review", Inputs(inner, {}), [review], dry_run=False, progress=lambda _: None)
    assert [finding["title"] for finding in moved.findings] == ["Alpha", "Beta"]
    other = place.root.parent / "other" / alice
    other.parent.mkdir(parents=True)
    other.write_text(_finding("H-01", *BETA))
    with pytest.raises(FindingsReportError) as error:
        import_findings("review", Inputs(inner, {}), [other], dry_run=False, progress=lambda _: None)
    assert error.value.problems[0].code == "import-source"


def test_ids_of_deleted_and_renamed_findings(place: Workplace) -> None:
    place.run(_finding("H-01", *ALPHA) + _finding("H-02", *BETA), name="r.md")
    (place.folder / "H-01.finding.yaml").unlink()
    renamed = place.folder / "VLT-001.finding.yaml"
    (place.folder / "H-02.finding.yaml").rename(renamed)
    renamed.write_text(renamed.read_text() + "aliases: [H-02]\n")
    place.run(_finding("H-01", *OWNER), name="s.md")
    assert not (place.folder / "H-01.finding.yaml").exists()
    before = {finding["title"] for finding in place.findings}
    result = place.run(_finding("H-01", *ALPHA) + _finding("H-02", BETA[0], BETA[1] + " Always."), name="r.md")
    assert result.updated == (renamed,)
    assert place.finding("VLT-001")["description"].endswith("Always.\n")
    assert {finding["title"] for finding in place.findings} == before == {"Beta", OWNER[0]}


def test_a_finding_in_a_subfolder_is_counted_once(place: Workplace) -> None:
    place.run(_finding("H-01", *ALPHA))
    (place.folder / "sub").mkdir()
    (place.folder / "H-01.finding.yaml").rename(place.folder / "sub" / "H-01.finding.yaml")
    result = place.run(_finding("H-01", ALPHA[0], ALPHA[1] + " Always."))
    assert (len(result.updated), result.unchanged) == (1, 0)


def test_only_the_text_of_init_is_overwritten(place: Workplace) -> None:
    file = place.folder / "engagement.yaml"
    file.write_text(file.read_text() + "summary: TODO-App is a task manager. We reviewed it.\n")
    place.run("Opening.\n\n" + _finding("H-01", *ALPHA))
    assert place.engagement["summary"] == "TODO-App is a task manager. We reviewed it."
    assert [section["text"] for section in place.engagement["sections"]] == ["Opening.\n"]


def test_sections_in_brackets_are_named(place: Workplace) -> None:
    file = place.folder / "engagement.yaml"
    file.write_text(file.read_text() + "sections: [{title: a, text: b}]\n")
    text = _finding("H-01", *ALPHA) + "## Scope\n\nAll.\n"
    result = place.run(text)
    assert place.finding("H-01")["title"] == "Alpha"
    assert [(problem.code, "Scope" in (problem.remedy or "")) for problem in result.problems if problem.code == "edit"] == [
        ("edit", True)
    ]
    file.write_text(file.read_text().replace("sections: [{title: a, text: b}]", "sections:\n- {title: a, text: b}"))
    place.run(text)
    assert [section["title"] for section in place.engagement["sections"]] == ["a", "Scope"]


def test_engagement_in_brackets(place: Workplace) -> None:
    (place.folder / "engagement.yaml").write_text("{format: 1, title: Review}\n")
    result = place.run("Opening.\n\n" + _finding("H-01", *ALPHA))
    assert [problem.remedy for problem in result.problems if problem.code == "edit"] == [
        "write the text of the review by hand: summary"
    ]
    assert place.finding("H-01")["title"] == "Alpha"


def test_own_messages_are_masked(place: Workplace) -> None:
    file = place.folder / "engagement.yaml"
    file.write_text(file.read_text() + "redact: [{match: hunter2secret}]\n")
    result = place.run("## Finding: hunter2secret x\n\nText.\n")
    assert result.problems
    assert not any("hunter2secret" in str(problem) for problem in result.problems)


@pytest.mark.parametrize("name", ["r\udcff.md", "r\x1b.md"])
def test_names_that_the_lock_file_cannot_have(place: Workplace, name: str) -> None:
    assert problem_of(lambda: place.run(_finding("H-01", *ALPHA), name=name)).code == "no-file"


@pytest.mark.parametrize("count", [0, 2])
def test_places_stay_text_unless_there_is_one_repository(place: Workplace, count: int) -> None:
    names = [f"  r{number}: {{url: https://github.com/acme/r{number}, revision: main}}\n" for number in range(count)]
    repositories = "repositories:\n" if names else ""
    (place.folder / "engagement.yaml").write_text(f"format: 1\ntitle: Review\n{repositories}{''.join(names)}")
    place.run("## [H-01] One\n\nIn src/A.sol:3.\n\n### Lines of code\nsrc/B.sol:3\n")
    assert "locations" not in place.finding("H-01")
    assert place.finding("H-01")["description"] == "In src/A.sol:3.\n\nsrc/B.sol:3\n"


def test_folder_is_no_review(place: Workplace) -> None:
    inputs = Inputs(place.folder, {})
    problem = problem_of(lambda: import_findings("review", inputs, [place.folder], dry_run=False, progress=lambda _: None))
    assert (problem.code, problem.remedy) == ("no-file", "name reviews in Markdown")


def test_names_of_devices(place: Workplace) -> None:
    place.run(_finding("COM1", *ALPHA))
    assert [path.name for path in place.folder.glob("*.finding.yaml")] == ["FIRST-001.finding.yaml"]


def test_control_character_is_named_with_its_line(place: Workplace) -> None:
    problem = problem_of(lambda: place.run("## [H-01] One\n\nText \x1b[31m.\n"))
    assert (problem.place.line if problem.place else None, "U+001B" in problem.fault) == (3, True)


def test_ids_are_unique(place: Workplace) -> None:
    place.run("## [H-01] One\n\na\n", name="a.md")
    result = place.run("## [H-01] Other\n\nb\n", name="b.md")
    assert [path.name for path in result.new] == ["H-02.finding.yaml"]
    assert [problem.code for problem in result.problems if problem.code.startswith("import")] == ["import-id"]


def test_dry_run_writes_nothing(place: Workplace) -> None:
    before = place.files()
    result = place.run(SEED, dry_run=True)
    assert place.files() == before
    assert result.verified == {Verdict.ELIDED: 1}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "import-nothing"),
        (b"Nothing of the kind.\n", "import-nothing"),
        (b"# [H-01] x\0", "not-utf8"),
        (b"# \xff\xfe", "not-utf8"),
        (b">" * 5000 + b" x", "import-nothing"),
        (b"# Report\n" + b"* " * 3000, "import-nothing"),
        (b"# [H-01] x\n" * 5001, "import-size"),
        ("## [H-01] \u0001 a\n\n\u0085 b".encode(), "not-utf8"),
    ],
)
def test_bad_input(place: Workplace, content: bytes, expected: str) -> None:
    before = place.files()
    assert problem_of(lambda: place.run(content)).code == expected
    assert place.files() == before


def test_engagement_with_errors(place: Workplace) -> None:
    (place.folder / "X.finding.yaml").write_text("title: [")
    before = place.files()
    with pytest.raises(FindingsReportError):
        place.run(SEED)
    assert place.files() == before


@pytest.mark.parametrize(
    "lock",
    [
        "findings: [{id: 1}]",
        "findings: 1",
        "findings: [{id: A-1, source: s, key: k, written: []}]",
        "findings: [{id: ../x, source: s, key: k, written: {}}]",
        "texts: [{source: s, field: [x], title: t, text: u}]",
    ],
)
def test_damaged_lock_file(lock: str, place: Workplace) -> None:
    (place.folder / authoring.IMPORT_LOCK).write_text(f"{lock}\n")
    assert problem_of(lambda: place.run(SEED)).code == "lock"


def test_command(place: Workplace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (place.root / "review.md").write_text(SEED)
    monkeypatch.chdir(place.root)
    monkeypatch.setattr(sys, "argv", ["findings-report", "import", "review", "review.md", "--severity", "medium"])
    with pytest.raises(SystemExit) as exit_:
        app.main()
    assert exit_.value.code == 0
    output = capsys.readouterr().out.splitlines()
    assert output == [
        "wrote findings/FIRST-001.finding.yaml",
        "updated findings/engagement.yaml",
        "1 quote verified (1 elided)",
    ]
    assert place.finding("FIRST-001")["severity"] == "medium"


PARTS = (
    "---\ntitle: front\n---\n",
    "# Report of Acme\n",
    "## High Risk\n",
    "### [H-01] Drain `x`\n",
    "### A title\n",
    "## Findings\n",
    "#### Description\n",
    "#### Impact: none\n",
    "**Impact:** Loss of funds.\n",
    "Severity: Medium\n",
    "**Status:** fixed in abc\n",
    "Plain text of words.\n",
    "```solidity\nFile: src/Vault.sol\n1: pragma\n```\n",
    "```\ncode\n",
    "- list\n  ```\n  inner\n  ```\n",
    "> quoted\n> ```\n> a\n> ```\n",
    "| a | b |\n|---|---|\n| c | d |\n",
    "#### Code Snippet\nhttps://github.com/a/b/blob/main/src/A.sol#L1-L2\n",
    "---\n",
    "Setext\n===\n",
    "### Recommendation:\n",
    "Overall, fine.\n",
    "[ref]: https://example.org/x\n",
    "### Issue 2: Other - thing\n",
    "#### Lines:\n",
    "\n",
    "**[L-02] Bold**\n",
    "#### Severity\nHigh, since x\n",
    "严重级别：高\n",
    "1. one\n2. two\n",
    "### Vulnerability: **Bold** `code`\n",
    "## 2. **[H-03] Decorated**\n",
    "## [[H-06] Linked](#h-06)\n",
    "## [H-07](http://x.example) Beside\n",
    "## ~~[H-08] Struck~~\n",
    "#### Severity\n\nNot high\n",
    "**Severity:** 3 (Medium)\n",
    "**Status:** to be decided\n",
    "#### Status\n\n",
    "```sol {note: only when}\nFile: src/Vault.sol\na\n```\n",
    "| ID | Title | Severity | Status | Where |\n|-|-|-|-|-|\n| H-09 | Row | High | Fixed in abc | there |\n",
    "| # | Finding | Severity |\n|-|-|-|\n| [005](005-a-file.md) | Linked row | High |\n",
    "| # | Issue | Risk |\n|-|-|-|\n| 1 | Other | odd |\n| 2 | A title | Low |\n",
    "See [text][ref] and [ref].\n",
    "### 2.1 [WARNINGS]\n",
    "```\ncode\n\n# [H-04] Hidden\n",
    "medium\n",
    "#### Lines of code\n- [src/A.sol#L3](https://github.com/a/b/blob/0123abcd/src/A.sol#L3)\n- Vault.burn\n",
)


def test_impact_and_likelihood_are_no_severity() -> None:
    (finding,) = read_review(
        "# [M-01] One\n## Severity\n**Impact:** High\n\n**Likelihood:** Low\n## Description\nText.\n"
    ).findings
    assert finding.severity == "medium"
    assert list(finding.texts) == ["description"]
    assert "**Impact:** High" in str(finding.texts)


def test_parts_with_headings_of_the_level_of_the_finding() -> None:
    review = read_review("---\nslug: x\n---\n## [H-01] One\na\n## Impact\nb\n## [H-02] Two\nc\n## Scope\nd\n")
    assert [sorted(finding.texts) for finding in review.findings] == [["description", "impact"], ["description"]]
    assert [(text.title, text.text) for text in review.texts] == [("Front matter", "```yaml\nslug: x\n```"), ("Scope", "d")]


@given(st.lists(st.sampled_from(PARTS), max_size=14))
def test_no_word_is_lost(parts: list[str]) -> None:
    text = "\n".join(parts)
    review = read_review(text)
    placed = [place_finding(finding, Code(None, None)) for finding in review.findings]
    kept = [
        *review.dropped,
        *(finding.title for finding in review.findings),
        *(finding.url or "" for finding in review.findings),
    ]
    for finding, found in zip(review.findings, placed, strict=True):
        kept += [finding.category or "", *found.texts.values(), *found.dropped]
        kept += [str(value) for location in found.locations for value in location.values()]
    kept += [value for other in review.texts for value in (other.title, other.text)]
    assert find_lost_words(text, kept) == []
    # A label that is dropped is short: no sentence is.
    assert all(len(words.split()) < 12 for words in review.dropped)


def test_lost_words_are_counted() -> None:
    assert find_lost_words("one two two", ["two one"]) == ["two"]
