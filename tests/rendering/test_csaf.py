"""CSAF 2.0, profile VEX: valid by the published schema, and by the mandatory tests that concern what is written."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import samples
from referencing import Registry, Resource

from findings_report.model.engagement import Advisory, Product, Publisher, ReportVersion
from findings_report.model.finding import Event, Status
from findings_report.problems import FindingsReportError, Kind
from findings_report.rendering.csaf import render

SCHEMAS = Path(__file__).parent / "schemas"


def read(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text("utf-8"))


NAMES = {"2.0": "cvss_v2_0.json", "3.0": "cvss_v3_0.json", "3.1": "cvss_v3_1.json"}
SCORES = {f"https://www.first.org/cvss/cvss-v{version}.json": name for version, name in NAMES.items()}
REGISTRY: Registry[Any] = Registry().with_resources((uri, Resource.from_contents(read(name))) for uri, name in SCORES.items())
VALIDATOR = jsonschema.Draft202012Validator(read("csaf_2_0.json"), registry=REGISTRY, format_checker=jsonschema.FormatChecker())

ADVISORY = Advisory(
    publisher=Publisher(name="Example", namespace="https://example.org"),
    tracking_id="EX-2026-001",
    products=(
        Product(name="Neutron 12", repository="neutron", purl="pkg:pypi/neutron@12.0.0"),
        Product(name="All 1", id="ALL"),
    ),
)


TWICE = ADVISORY.model_copy(update={"products": (Product(name="A", id="X"), Product(name="B", id="X"))})


def csaf(*findings: Any, **changed: Any) -> Any:
    engagement = samples.engagement(**({"advisory": ADVISORY} | changed))
    document = json.loads(render(samples.report(*findings, engagement=engagement)).content)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert [name for name, is_met in mandatory(document).items() if not is_met] == []
    return document


def mandatory(document: Any) -> dict[str, bool]:
    """Tests of CSAF 2.0, section 6.1, by their numbers."""
    tracking, products = document["document"]["tracking"], document["product_tree"]["full_product_names"]
    history = tracking["revision_history"]
    defined = [product["product_id"] for product in products]
    entries = document["vulnerabilities"]
    used = [id for entry in entries for ids in entry["product_status"].values() for id in ids]
    statements = [part for entry in entries for key in ("remediations", "threats", "scores") for part in entry.get(key, [])]
    used += [id for part in statements for id in part.get("product_ids", part.get("products", []))]
    cves = [entry["cve"] for entry in entries if "cve" in entry]
    affected = [entry for entry in entries if "known_affected" in entry["product_status"]]
    unaffected = [entry for entry in entries if "known_not_affected" in entry["product_status"]]
    numbers = [int(revision["number"]) for revision in history]
    return {
        "6.1.1 products are defined": set(used) <= set(defined),
        "6.1.2 products are defined once": len(set(defined)) == len(defined),
        "6.1.6 one status for each product": all(len(entry["product_status"]) == 1 for entry in entries),
        "6.1.14 revisions are sorted": [revision["date"] for revision in history] == sorted(each["date"] for each in history),
        "6.1.16 the version is the last revision": tracking["version"] == history[-1]["number"],
        "6.1.18 no released revision 0": 0 not in numbers,
        "6.1.21 no revision is missing": numbers == list(range(1, len(numbers) + 1)),
        "6.1.23 a CVE once": len(set(cves)) == len(cves),
        "6.1.27.5 notes": all(entry["notes"] for entry in entries),
        "6.1.27.8 an id": all(entry.get("cve") or entry.get("ids") for entry in entries),
        "6.1.27.9 an impact statement": all("threats" in entry for entry in unaffected),
        "6.1.27.10 an action": all("remediations" in entry for entry in affected),
    }


def test_every_status_is_what_it_means_for_the_products() -> None:
    history = (Event(date=date(2026, 11, 1), status=Status.FALSE_POSITIVE, note="Not `reachable`."),)
    findings = [samples.finding(f"NTR-{number}", status=status, history=history) for number, status in enumerate(Status)]

    entries = csaf(*findings)["vulnerabilities"]

    statuses = {status.value: next(iter(entry["product_status"])) for status, entry in zip(Status, entries, strict=True)}
    assert statuses == {
        "open": "known_affected",
        "acknowledged": "known_affected",
        "partially_resolved": "known_affected",
        "resolved": "fixed",
        "risk_accepted": "known_affected",
        "false_positive": "known_not_affected",
        "undetermined": "under_investigation",
    }
    (threat,) = entries[5]["threats"]
    assert (threat["category"], threat["details"]) == ("impact", "Not reachable.")
    assert entries[4]["remediations"][0]["category"] == "no_fix_planned"
    assert entries[0]["remediations"][0]["category"] == "mitigation"


def test_a_finding_affects_the_products_of_the_repositories_that_it_cites() -> None:
    full = samples.full_finding(aliases=("CVE-2026-12345",))
    elsewhere = samples.finding("NTR-003", snippets=(samples.snippet(repository="client"),), tags=("CVE-2026-12345",))

    first, second = csaf(full, elsewhere)["vulnerabilities"]

    assert first["product_status"] == {"known_affected": ["CSAFPID-0001", "ALL"]}
    assert first["cve"] == "CVE-2026-12345"
    assert first["scores"][0]["cvss_v3"]["baseScore"] == 9.8
    assert second["product_status"] == {"under_investigation": ["ALL"]}
    assert "cve" not in second


def test_versions_become_revisions_with_rising_numbers() -> None:
    first = ReportVersion(version="1.0", date=date(2026, 10, 20), note="First")
    versions = (ReportVersion(version="2", date=date(2026, 11, 2)), first)

    tracking = csaf(versions=versions)["document"]["tracking"]

    assert [(revision["number"], revision["summary"]) for revision in tracking["revision_history"]] == [
        ("1", "First"),
        ("2", "2"),
        ("3", "1.10"),
    ]
    assert tracking["current_release_date"].startswith("2026-11-20")


@pytest.mark.parametrize(
    "changed",
    [{"advisory": None}, {"date": None}, {"advisory": None, "date": None}, {"advisory": TWICE}],
)
def test_what_is_missing_is_one_message(changed: dict[str, Any]) -> None:
    report = samples.report(engagement=samples.engagement(**({"advisory": ADVISORY} | changed)))

    with pytest.raises(FindingsReportError) as refused:
        render(report)

    (problem,) = refused.value.problems
    assert (problem.kind, problem.code, problem.subject) == (Kind.INPUT, "csaf", ("engagement", "csaf"))
