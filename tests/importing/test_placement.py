"""Places in code that a review names: nothing of them is lost, and none is invented."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from repositories import Commit, build

from findings_report.evidence.source_files import FileReader
from findings_report.git import open_repository
from findings_report.importing import Code, PlacedFinding, place_finding, read_review

HERE = Code(None, None, home="github.com/acme/vault")


def _place(text: str, code: Code = HERE) -> PlacedFinding:
    (finding,) = read_review(f"## [H-01] One\n\nText.\n\n{text}\n").findings
    return place_finding(finding, code)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param(
            "### Lines of code\nhttps://etherscan.io/address/0xdead#code\n", "etherscan.io/address/0xdead#code", id="address"
        ),
        pytest.param("### Lines of code\ncontracts/Vault.cdc:12\n", "contracts/Vault.cdc:12", id="extension"),
        pytest.param("### Lines of code\nVault.burn\n", "Vault.burn", id="member"),
        pytest.param("In src/BetaVault.sol:3.\n\n**Locations:**\n- Vault.sol\n", "- Vault.sol", id="other-name"),
        pytest.param(
            "### Lines of code\nhttps://github.com/acme/vault/blob/0123abcd/src/A.sol#L9\n",
            "0123abcd/src/A.sol#L9",
            id="revision",
        ),
        pytest.param('In src/A.sol:3:\n```sol {"note":"exploit only when paused"}\na();\n```\n', "only when paused", id="info"),
        pytest.param("```js\nres.html(page);\nnext();\n```\n", "res.html(page);\nnext();", id="call"),
        pytest.param("In `../../x.py:3`.\n", "../../x.py:3", id="outside"),
    ],
)
def test_what_has_no_location_stays_text(text: str, kept: str) -> None:
    assert kept in _place(text).texts["description"]


@pytest.mark.parametrize(
    ("text", "locations"),
    [
        ("### Lines of code\n- src/A.sol#L9\n- src/B.sol, lines 3-4\n", [("src/A.sol", "9"), ("src/B.sol", "3-4")]),
        ("https://github.com/other/repo/blob/main/src/Thing.sol#L9\n", []),
        ("https://github.com/acme/vault/blob/main/src/Thing.sol#L9\n", [("src/Thing.sol", "9")]),
        ("https://github.com/acme/vault/blob/0123abcd/src/Thing.sol#L9\n", []),
        ("https://github.com/acme/vault/blob/main/%00.sol#L3 and ../../x.py:3\n", []),
        ("It is on line 0 in `withdraw`.\n```\na();\nb();\n```\n", []),
        ("```js\nres.html(page);\nnext();\n```\n", []),
        ("```js\n// src/a.js:3\nnext();\n```\n", [("src/a.js", "3")]),
        ("```js\nsrc/a.js\nnext();\n```\n", [("src/a.js", None)]),
    ],
)
def test_locations_without_a_clone(text: str, locations: list[tuple[str, Any]]) -> None:
    placed = _place(text)
    assert [(location["path"], location.get("lines")) for location in placed.locations] == locations
    if text.startswith("###"):
        assert placed.texts["description"] == "Text."


def test_a_file_name_above_a_fence_is_that_of_the_link(tmp_path: Path) -> None:
    (commit,) = build(
        tmp_path, [Commit({f"{folder}/A.sol": "contract A {\n    uint256 fee;\n}\n" for folder in ("src", "old")})]
    )
    text = "```solidity\nFile: A.sol\n2:     uint256 fee;\n```\n\nhttps://github.com/acme/vault/blob/main/src/A.sol#L2\n"
    with open_repository(tmp_path, name="vault") as repository:
        code = Code(FileReader(repository), commit, home="github.com/acme/vault")
        (location,) = _place(text, code).locations
        assert (location["path"], location["lines"], "quote" in location) == ("src/A.sol", "2", True)
        assert not _place(text.partition("https")[0], code).locations


@pytest.mark.parametrize(
    ("label", "locations"),
    [
        ("**File:** `src/a.py` (`login`)", [("src/a.py", "1-2", "login")]),
        ("- **Location:** `src/a.py:Store.read` (line ~9)", [("src/a.py", "6-7", "Store.read")]),
        ("**Location:** `a.py`, `login()`", [("src/a.py", "1-2", "login")]),
        ("| **Files** | `src/a.py`, `b.py` |\n|-|-|", [("src/a.py", None, None), ("b.py", None, None)]),
        ("**File:** `src/a.py` (`unknown`)", [("src/a.py", None, None)]),
        ("**Files:** `none.py`", []),
        ("As `src/a.py` shows.", []),
        ("**File:** `src/a.py`\n\nSee `src/a.py:2`.", [("src/a.py", "2", None)]),
    ],
)
def test_a_label_that_names_a_file_without_lines(
    tmp_path: Path, label: str, locations: list[tuple[str, str | None, str | None]]
) -> None:
    code = "def login():\n    pass\n\n\nclass Store:\n    def read(self):\n        pass\n"
    (commit,) = build(tmp_path, [Commit({"src/a.py": code, "b.py": "x = 1\n"})])
    with open_repository(tmp_path, name="app") as repository:
        placed = _place(f"{label}\n", Code(FileReader(repository), commit))
    assert [(place["path"], place.get("lines"), place.get("symbol")) for place in placed.locations] == locations


def test_a_link_of_an_engagement_without_address_is_no_location() -> None:
    assert not _place("https://github.com/acme/vault/blob/main/src/Thing.sol#L9\n", Code(None, None)).locations


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"```\n{'a.' * 8_000} b\nc();\n```", id="long-first-line"),
        pytest.param("\n".join(f"src/A{number}.sol:3" for number in range(3_000)), id="many-places"),
    ],
)
def test_time_of_hostile_texts(text: str) -> None:
    start = time.thread_time()
    _place(text)
    assert time.thread_time() - start < 1
