"""Writes `authoring/cwe.json`, names and OWASP categories of weaknesses: `python tools/weakness_table.py cwec.xml Top10/`.

To be run when a new CWE list or OWASP Top Ten is published. The first argument is the CWE list as XML
(https://cwe.mitre.org/data/xml/cwec_latest.xml.zip, unpacked); its view 1344 maps the Top Ten 2021. The second is a checkout of
https://github.com/OWASP/Top10, whose pages of 2025 list the CWEs that they map; the list of MITRE has no view for them in 4.15.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

TABLE = Path(__file__).parents[1] / "findings_report" / "authoring" / "cwe.json"
_SPACE = {"c": "http://cwe.mitre.org/cwe-7"}
_SOURCE = (
    "Common Weakness Enumeration (CWE), copyright The MITRE Corporation; https://cwe.mitre.org/about/termsofuse.html"
    " - OWASP Top Ten 2025: mapping of the OWASP Foundation, CC BY-SA 4.0; https://owasp.org/Top10/2025/"
)
_TITLE = re.compile(r"^#\s+(A\d\d):2025 (.*?)\s*(?:!\[.*)?$", re.MULTILINE)
_MAPPED = re.compile(r"cwe\.mitre\.org/data/definitions/(\d+)\.html")


def read_list(path: Path) -> dict[str, object]:
    """Return the table without the categories of the Top Ten."""
    root = ElementTree.parse(path).getroot()  # noqa: S314  # MITRE's own file, named by who runs this
    weaknesses = {int(node.attrib["ID"]): node for node in root.iterfind("c:Weaknesses/c:Weakness", _SPACE)}
    categories = {int(node.attrib["ID"]): node for node in root.iterfind("c:Categories/c:Category", _SPACE)}
    return {
        "version": root.attrib["Version"],
        "date": root.attrib["Date"],
        "source": _SOURCE,
        "names": {str(id): weaknesses[id].attrib["Name"].strip() for id in sorted(weaknesses)},
        "categories": {str(id): categories[id].attrib["Name"].strip() for id in sorted(categories)},
        "deprecated": sorted(id for id, node in weaknesses.items() if node.attrib["Status"] == "Deprecated"),
        "owasp": {"2021": _read_view(root, "1344", categories)},
    }


def _read_view(root: ElementTree.Element, view: str, categories: dict[int, ElementTree.Element]) -> dict[str, object]:
    """Return the categories of a view, `A03:2021 - Injection`, and the category of each weakness in them."""
    names: dict[str, str] = {}
    mapped: dict[str, str] = {}
    for member in root.iterfind(f"c:Views/c:View[@ID='{view}']/c:Members/c:Has_Member", _SPACE):
        category = categories[int(member.attrib["CWE_ID"])]
        match = re.search(r"(A\d\d):\d{4} - (.*)", category.attrib["Name"])
        assert match is not None, category.attrib  # noqa: S101
        names[match[1]] = match[2].strip()
        for node in category.iterfind("c:Relationships/c:Has_Member", _SPACE):
            mapped[node.attrib["CWE_ID"]] = match[1]
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
