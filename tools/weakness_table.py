"""Writes `authoring/cwe.json`, names and OWASP categories of weaknesses: `python tools/weakness_table.py json_repo/ Top10/`.

To be run when a new CWE list or OWASP Top Ten is published. The first argument is `json_repo` in a checkout of
https://github.com/CWE-CAPEC/REST-API-wg, the list of MITRE's own API; its view 1344 maps the Top Ten 2021. The second is a
checkout of https://github.com/OWASP/Top10, whose pages of 2025 list the CWEs that they map.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "findings_report" / "authoring" / "cwe.json"
_SOURCE = (
    "Common Weakness Enumeration (CWE), copyright The MITRE Corporation; https://cwe.mitre.org/about/termsofuse.html"
    " - OWASP Top Ten 2025: mapping of the OWASP Foundation, CC BY-SA 4.0; https://owasp.org/Top10/2025/"
)
_TITLE = re.compile(r"^#\s+(A\d\d):2025 (.*?)\s*(?:!\[.*)?$", re.MULTILINE)
_MAPPED = re.compile(r"cwe\.mitre\.org/data/definitions/(\d+)\.html")


def read_list(folder: Path) -> dict[str, object]:
    """Return the table without the Top Ten 2025. Raises AssertionError if entries of that version are missing."""
    version = json.loads((folder / "cwev.json").read_text("utf-8"))
    weaknesses, categories, views = (_read_entries(folder / kind) for kind in "WCV")
    assert len(weaknesses) == version["TotalWeaknesses"], len(weaknesses)  # noqa: S101
    assert len(categories) == version["TotalCategories"], len(categories)  # noqa: S101
    return {
        "version": version["ContentVersion"],
        "date": version["ContentDate"],
        "source": _SOURCE,
        "names": {str(id): weaknesses[id]["Name"].strip() for id in sorted(weaknesses)},
        "categories": {str(id): categories[id]["Name"].strip() for id in sorted(categories)},
        "deprecated": sorted(id for id, entry in weaknesses.items() if entry["Status"] == "Deprecated"),
        "owasp": {"2021": _read_view(views[1344], categories)},
    }


def _read_entries(folder: Path) -> dict[int, dict[str, Any]]:
    # Other files in it have all entries again.
    files = [file for file in folder.glob("*.json") if file.stem.isdecimal()]
    return {int(file.stem): json.loads(file.read_text("utf-8")) for file in files}


def _read_view(view: dict[str, Any], categories: dict[int, dict[str, Any]]) -> dict[str, object]:
    """Return the categories of a view, `A03:2021 - Injection`, and the category of each weakness in them."""
    names: dict[str, str] = {}
    mapped: dict[str, str] = {}
    for member in view["Members"]:
        category = categories[int(member["CweID"])]
        match = re.search(r"(A\d\d):\d{4} - (.*)", category["Name"])
        assert match is not None, category["Name"]  # noqa: S101
        names[match[1]] = match[2].strip()
        for weakness in category["Relationships"]:
            mapped[weakness["CweID"]] = match[1]
    return _order(names, mapped)


def read_pages(folder: Path) -> dict[str, object]:
    """Return the same of the pages of OWASP: a page's title, and the weaknesses under its last heading."""
    names: dict[str, str] = {}
    mapped: dict[str, str] = {}
    for page in sorted(folder.glob("2025/docs/en/A*.md")):
        text = page.read_text("utf-8-sig")
        title = _TITLE.search(text)
        assert title is not None, page  # noqa: S101
        names[title[1]] = title[2].strip()
        for id in _MAPPED.findall(text[text.index("## List of Mapped CWEs") :]):
            mapped.setdefault(id, title[1])
    assert len(names) == 10, names  # noqa: S101
    return _order(names, mapped)


def _order(names: dict[str, str], mapped: dict[str, str]) -> dict[str, object]:
    return {"categories": dict(sorted(names.items())), "weaknesses": {id: mapped[id] for id in sorted(mapped, key=int)}}


def _lines(table: dict[str, object]) -> Iterator[str]:
    """Yield the JSON with a line for each weakness, so that a new list has a difference that can be read."""
    yield json.dumps(table, ensure_ascii=False, indent=0)
    yield "\n"


def main() -> None:
    """Write the table, and print what is in it."""
    table = read_list(Path(sys.argv[1]))
    owasp: dict[str, object] = table["owasp"]  # type: ignore[assignment]
    owasp["2025"] = read_pages(Path(sys.argv[2]))
    TABLE.write_text("".join(_lines(table)), "utf-8")
    print(f"CWE {table['version']} of {table['date']}, OWASP Top Ten {', '.join(owasp)}")


if __name__ == "__main__":
    main()
