"""A report as a CSAF 2.0 document of the profile VEX: what each finding means for each product.

Source: OASIS CSAF 2.0, sections 3.2 and 4.5 (profile 5), and the mandatory tests of section 6.1, whose numbers the comments
name. docs/formats.md has the mapping.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from findings_report import __version__
from findings_report.model.engagement import Advisory, Product, State
from findings_report.model.finding import Status
from findings_report.model.passages import Position
from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.prose.policy import plain_text
from findings_report.rendering.exchange import FindingTexts, days_of, decided, open_runner, strip_markup, to_json, without_none
from findings_report.report.formats import Rendered

if TYPE_CHECKING:
    from findings_report.model.report import Report, ReportedEngagement, ReportedFinding
    from findings_report.rendering.jinja_environment import TemplateRunner

_STATUSES: Final = {
    Status.OPEN: "known_affected",
    Status.ACKNOWLEDGED: "known_affected",
    Status.PARTIALLY_RESOLVED: "known_affected",
    Status.RISK_ACCEPTED: "known_affected",
    Status.RESOLVED: "fixed",
    Status.FALSE_POSITIVE: "known_not_affected",
    Status.UNDETERMINED: "under_investigation",
}
_CVE: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}\Z")
_CPE: Final = re.compile(r"cpe:(?:2\.3:|/)[!-~]{4,300}\Z")
_PURL: Final = re.compile(r"pkg:[A-Za-z.\-+][A-Za-z0-9.\-+]*/[!-~]{1,300}\Z")
_VECTOR: Final = re.compile(r"CVSS:3\.([01])/")
_WITH_COUNTRY: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")


def render(report: Report) -> Rendered:
    """Return the document. Raises FindingsReportError (INPUT) where the engagement does not have what CSAF requires."""
    advisory, day = _require(report)
    products = {product.id or f"CSAFPID-{number:04}": product for number, product in enumerate(advisory.products, 1)}
    runner = open_runner(report.engagement)
    known: set[str] = set()
    vulnerabilities = [_Vulnerability(report.engagement, finding, runner, products, known) for finding in report.findings]
    document = {
        "document": _describe(report, advisory, day),
        "product_tree": {"full_product_names": [_name_product(id, product) for id, product in products.items()]},
        "vulnerabilities": [vulnerability.build(advisory) for vulnerability in vulnerabilities],
    }
    return Rendered(to_json(document))


def _require(report: Report) -> tuple[Advisory, date]:
    """Return what CSAF needs from the engagement.

    Raises FindingsReportError (INPUT), with one message for all that is missing.
    """
    advisory, day = report.engagement.advisory, report.engagement.date
    missing = [] if advisory is not None else ["`csaf` in engagement.yaml: publisher, tracking_id and products"]
    missing += ["`date` in engagement.yaml"] if day is None else []
    missing += ["a finding"] if not report.findings else []
    # 6.1.2: an id is defined once.
    ids = [product.id for product in advisory.products if product.id] if advisory else []
    missing += ["products with different ids"] if len(set(ids)) < len(ids) else []
    if advisory is None or day is None or missing:
        remedy = "docs/formats.md has an example of the section"
        fault = f"a CSAF document needs {', and '.join(missing)}"
        raise FindingsReportError(Problem(Kind.INPUT, fault, remedy, subject=("engagement", "csaf"), code="csaf"))
    return advisory, day


def _describe(report: Report, advisory: Advisory, day: date) -> dict[str, Any]:
    engagement = report.engagement
    publisher = advisory.publisher
    history = list(_list_revisions(engagement, day))
    notes = [{"category": "summary", "text": strip_markup(report.summary).strip()}] if report.summary else []
    return without_none(
        {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "distribution": {"text": engagement.confidentiality} if engagement.confidentiality else None,
            "lang": engagement.language if _WITH_COUNTRY.match(engagement.language) else None,
            "notes": [note for note in notes if note["text"]] or None,
            "publisher": without_none(
                {
                    "category": publisher.category,
                    "contact_details": publisher.contact,
                    "name": publisher.name,
                    "namespace": publisher.namespace,
                }
            ),
            "title": plain_text(engagement.title),
            "tracking": {
                "current_release_date": history[-1]["date"],
                "generator": {"engine": {"name": "findings-report", "version": __version__}},
                "id": advisory.tracking_id.strip(),
                "initial_release_date": history[0]["date"],
                "revision_history": history,
                "status": "final" if engagement.state is State.FINAL else "draft",
                "version": history[-1]["number"],
            },
        }
    )


def _list_revisions(engagement: ReportedEngagement, day: date) -> Iterator[dict[str, str]]:
    """Yield the versions of the report, numbered from 1: CSAF's versions are integers, and rise with their dates."""
    # 6.1.14, 6.1.16, 6.1.21: sorted, and the last one is the document's own.
    entries = [(version.date, version.note or version.version) for version in engagement.versions if version.date <= day]
    entries.sort(key=lambda entry: entry[0])
    if not entries or entries[-1][0] < day:
        entries.append((day, engagement.version or str(len(entries) + 1)))
    for number, (at, summary) in enumerate(entries, 1):
        yield {"date": _time(at.isoformat()), "number": str(number), "summary": summary}


def _time(day: str) -> str:
    return f"{day}T00:00:00.000Z"


def _name_product(id: str, product: Product) -> dict[str, Any]:
    helper = {
        "cpe": product.cpe if product.cpe and _CPE.match(product.cpe) else None,
        "purl": product.purl if product.purl and _PURL.match(product.purl) else None,
    }
    known = without_none(helper)
    return {"name": product.name, "product_id": id} | ({"product_identification_helper": known} if known else {})


class _Vulnerability:
    """A finding, and the products that it may affect."""

    def __init__(
        self,
        engagement: ReportedEngagement,
        finding: ReportedFinding,
        runner: TemplateRunner,
        products: dict[str, Product],
        known: set[str],
    ) -> None:
        self._engagement = engagement
        self._finding = finding
        self._texts = FindingTexts(runner, engagement, finding)
        cited = {snippet.repository for snippet in finding.snippets}
        own = [id for id, product in products.items() if product.repository is None or product.repository in cited]
        # A finding that cites no product's repository is about the whole audit.
        self._products = own or list(products)
        self._known = known

    def build(self, advisory: Advisory) -> dict[str, Any]:
        """Return the entry."""
        finding = self._finding
        advice = [passage for passage in finding.prose if passage.position is Position.ADVICE]
        rest = [passage for passage in finding.prose if passage not in advice]
        status = _STATUSES[finding.status]
        days = days_of(finding)
        description = self._texts.join(rest) or plain_text(finding.title)
        cwe = next((weakness for weakness in finding.cwe if weakness.name and not weakness.is_own), None)
        return without_none(
            {
                "acknowledgments": [{"names": [finding.found_by]}] if finding.found_by else None,
                "cve": self._find_cve(),
                # 6.1.11: the name is that of the CWE list, so a name of the engagement's own is none.
                "cwe": {"id": cwe.id, "name": cwe.name} if cwe else None,
                "discovery_date": _time(days[0]) if days else None,
                "ids": [{"system_name": advisory.publisher.name, "text": finding.id}],
                "notes": [{"category": "description", "text": description}],
                "product_status": {status: self._products},
                "references": list(self._list_references()) or None,
                "remediations": [self._advise(self._texts.join(advice))] if status == "known_affected" else None,
                "scores": [score] if (score := self._score()) else None,
                "threats": [self._explain()] if status == "known_not_affected" else None,
                "title": plain_text(finding.title),
            }
        )

    def _find_cve(self) -> str | None:
        """Return the CVE id that the finding names as a former id, a tag or a ticket, once in the document (6.1.23)."""
        candidates = (*self._finding.aliases, *self._finding.tags, *self._finding.tickets)
        cve = next((text for text in candidates if _CVE.match(text) and text not in self._known), None)
        self._known |= {cve} if cve else set()
        return cve

    def _list_references(self) -> Iterator[dict[str, str]]:
        for reference in self._finding.references:
            if reference.url.startswith(("https://", "http://")):
                yield {"category": "external", "summary": reference.title or reference.url, "url": reference.url}

    def _advise(self, advice: str) -> dict[str, Any]:
        """Return what to do about an affected product (6.1.27.10)."""
        finding = self._finding
        if finding.status is Status.RISK_ACCEPTED:
            category, details = "no_fix_planned", decided(finding) or self._status()
        else:
            category, details = ("mitigation", advice) if advice else ("none_available", self._status())
        return {"category": category, "details": details, "product_ids": self._products}

    def _explain(self) -> dict[str, Any]:
        """Return why a product is not affected (6.1.27.9)."""
        details = decided(self._finding) or self._status()
        return {"category": "impact", "details": details, "product_ids": self._products}

    def _status(self) -> str:
        words = self._engagement.translation.name(self._finding.status)
        return words[:1].upper() + words[1:]

    def _score(self) -> dict[str, Any] | None:
        """Return the base score of the first vector of CVSS 3: CSAF 2.0 has no newer ones, and one for each product."""
        vector = next((score.vector for score in self._finding.scores if _VECTOR.match(score.vector)), None)
        if vector is None:
            return None
        from cvss import CVSS3  # most findings have none
        from cvss.exceptions import CVSSError

        try:
            scored = CVSS3(vector)
        except CVSSError:  # a report that was read from a file may have any text here
            return None
        names: Sequence[str] = scored.severities()
        version = f"3.{vector[7]}"
        scores = {"baseScore": float(scored.base_score), "baseSeverity": names[0].upper()}
        return {"cvss_v3": {**scores, "vectorString": vector, "version": version}, "products": self._products}
