"""A long report as HTML: an index and pages, with every old address leading on, published, verified and replaced as one set."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import samples
import withheld
from browser import CHROMIUM, TELEPHONE, started

from findings_report import authoring, commands
from findings_report.commands import BuildOptions
from findings_report.commands.build_many import rebuild
from findings_report.commands.verify import ManifestResult, verify
from findings_report.model.engagement import HtmlFiles
from findings_report.pdf.signing import TrustAnchors
from findings_report.rendering.cluster import executor as wired
from findings_report.rendering.html_pages import LARGEST_PAGE, MOST_ON_PAGE, split_html
from findings_report.rendering.job import LOCAL, Job
from findings_report.rendering.template_files import Template, builtin_templates
from findings_report.report.check import Inputs
from findings_report.report.output_files import Target

OPTIONS = BuildOptions(("html", "json"), None, None, system_fonts=False, default_date=None, fail_on=None, strict=False)
PAGES = ["report.page-1-high.html", "report.page-2-medium.html"]


def divided(folder: Path, setting: str = "{above: 2}") -> Path:
    file = folder / "engagement.yaml"
    text = re.sub(r"(?m)^html: .*\n", "", file.read_text())
    file.write_text(f"{text}html: {setting}\n" if setting else text)
    return folder


def built(folder: Path, audience: str | None = None, **options: object) -> None:
    commands.build(Inputs(folder, {}, audience=audience), replace(OPTIONS, **options), lambda _: None)  # type: ignore[arg-type]


def pages_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.page-*"))


class Links(HTMLParser):
    """The addresses and targets of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.articles: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self.ids += [known["id"] or ""] if "id" in known else []
        self.links += [known["href"] or ""] if "href" in known else []
        self.articles += [known["id"] or ""] if tag == "article" else []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return divided(authoring.find_folder(commands.demo(tmp_path / "demo")))


@pytest.mark.parametrize("template", ["standard", "review", "affected-files"])
def test_every_link_of_the_set_leads_somewhere_and_old_addresses_lead_on(folder: Path, template: str) -> None:
    built(folder, template=template)

    out = folder.parent / "build"
    report = json.loads((out / "report.json").read_text())
    ids = [finding["id"] for finding in report["findings"]]
    files = {name: Links(out / name) for name in ["report.html", *PAGES]}
    for name, page in files.items():
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            if not link.startswith(("http", "mailto:")):
                file, fragment = urldefrag(link)
                assert unquote(fragment) in ["", *files[unquote(file) or name].ids], (name, link)
    # Each finding is on one page; on the index its address is beside a link to that page.
    assert sorted(files[PAGES[0]].articles + files[PAGES[1]].articles) == sorted(ids)
    assert files["report.html"].articles == []
    assert set(ids) <= set(files["report.html"].ids)
    index = (out / "report.html").read_text()
    for name in PAGES:
        for id in files[name].articles:
            assert re.search(rf'<a href="{name}#{id}" id="{id}">', index)
    assert "<script" not in index


def test_a_template_without_a_table_has_the_addresses_all_the_same(folder: Path) -> None:
    own = folder.parent / "templates" / "standard"
    own.mkdir(parents=True)
    (own / "front.html.j2").write_text("<p>{{ engagement.title }}</p>\n")

    built(folder)

    index = (folder.parent / "build" / "report.html").read_text()
    assert re.search(r'<a href="report.page-[^"#]*#DEMO-001" id="DEMO-001">', index)


def test_the_set_is_in_the_manifest_and_is_built_again_from_it(folder: Path) -> None:
    built(folder, manifest=True)
    out = folder.parent / "build"

    def verified() -> ManifestResult:
        trusted = TrustAnchors(b"", b"")
        result = verify(out / "manifest.json", trusted, Inputs(folder, {}), lambda _: None, is_folder_given=True)
        assert isinstance(result, ManifestResult)
        return result

    first = verified()
    (out / PAGES[0]).write_text("another")
    second = verified()

    assert [output.name for output in first.outputs] == ["report.html", "report.json", *PAGES]
    assert all(output.is_equal and output.is_rebuilt for output in first.outputs)
    assert [problem.fault for problem in first.problems if problem.level == "error"] == []
    assert {output.name for output in second.outputs if not output.is_equal} == {PAGES[0]}
    sums = [line.split("  ")[1] for line in (out / "SHA256SUMS").read_text().splitlines()]
    assert sums == ["manifest.json", "report.html", "report.json", *PAGES]


def test_pages_of_an_earlier_build_are_removed_and_nothing_else_is(folder: Path) -> None:
    built(folder)
    out = folder.parent / "build"
    (out / "report.page-7-mine.html").write_text("somebody's own")
    (out / "report.page-8-link.html").symlink_to(out / PAGES[0])
    (out / "report-client.page-1.html").write_bytes((out / PAGES[0]).read_bytes())
    kept = ["report-client.page-1.html", "report.page-7-mine.html", "report.page-8-link.html"]

    divided(folder, "{split: repository, above: 2}")
    built(folder)
    by_repository = pages_of(out)
    divided(folder, "")
    built(folder)

    assert by_repository == sorted([*kept, "report.page-1-quicknotes.html"])
    assert pages_of(out) == kept
    assert "<article" in (out / "report.html").read_text()


def test_a_report_made_earlier_gives_the_same_set_whatever_it_says_of_its_pages(folder: Path, tmp_path: Path) -> None:
    built(folder)
    out = folder.parent / "build"
    report = json.loads((out / "report.json").read_text())
    page = {"address": "javascript:alert(1)", "group": None, "number": 1, "of": 1, "findings": ["DEMO-001"]}
    report["pages"] = {"index": "https://example.org/", "pages": [page], "current": 0}
    (tmp_path / "report.json").write_text(json.dumps(report))

    rebuild(Inputs(tmp_path / "report.json", {}), replace(OPTIONS, formats=("html",)), lambda _: None)

    for name in ["report.html", *PAGES]:
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


def test_an_edition_has_pages_of_its_own_without_what_is_for_others(tmp_path: Path) -> None:
    findings = divided(withheld.engagement(tmp_path), "{above: 1}")

    built(findings, audience="client", formats=("html",), output=f"{tmp_path}/out/")

    files = sorted(path.name for path in (tmp_path / "out").glob("*.html"))
    assert files[0] == "report-client.html"
    assert len(files) > 1
    assert all(name.startswith("report-client.page-") for name in files[1:])
    assert not [name for name in files if withheld.MARKER in (tmp_path / "out" / name).read_text()]


def test_standard_output_is_one_file(folder: Path) -> None:
    command = [str(Path(sys.executable).parent / "findings-report"), "build", str(folder), "-f", "html", "-o", "-"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.count("<article") == 4


def test_a_worker_renders_a_page_with_the_same_bytes() -> None:
    findings = tuple(samples.finding(f"NTR-{number:03}") for number in range(1, 5))
    report = samples.report(*findings, engagement=samples.engagement(html=HtmlFiles(above=2)))
    template = Template("standard", (builtin_templates(),))

    for document, target in split_html([(report, Target("html", Path("report.html")))]):
        asked = Job((document,), target.format, template)
        assert wired.read(wired.serve(wired.pack(asked)), asked).files == LOCAL.submit(asked).result().files


def test_pages_are_even_and_none_is_too_large() -> None:
    long = samples.finding("NTR-001").model_copy(update={"description": "words " * 200_000})
    many = [samples.finding(f"NTR-{number:05}") for number in range(2, 2503)]
    report = samples.report(long, *many, engagement=samples.engagement(html=HtmlFiles(above=10)))

    _, *pages = split_html([(report, Target("html", Path("report.html")))])

    sizes = [len(document.findings) for document, _ in pages]
    assert sum(sizes) == 2502
    assert max(sizes) <= MOST_ON_PAGE * 5 // 4
    assert min(sizes) * 3 > max(sizes)
    names = [target.path.name for _, target in pages if target.path is not None]
    assert len(set(names)) == len(names)
    assert LARGEST_PAGE < 6_500_000


def test_the_index_of_a_long_report_has_little_more_than_an_address_for_each_finding() -> None:
    def size(count: int) -> int:
        findings = [samples.finding(f"NTR-{number:05}") for number in range(1, count + 1)]
        report = samples.report(*findings, engagement=samples.engagement(html=HtmlFiles(above=10)))
        (index, target), *_ = split_html([(report, Target("html", Path("report.html")))])
        job = Job((index,), target.format, Template("standard", (builtin_templates(),)))
        return len(LOCAL.submit(job).result().files[0].content)

    assert (size(300) - size(100)) / 200 < 100


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_way_from_an_old_address_to_the_finding_needs_no_script(folder: Path, tmp_path: Path) -> None:
    built(folder)
    out = folder.parent / "build"

    with started(tmp_path / "profile") as tab:
        tab.call("Emulation.setScriptExecutionDisabled", value=True)
        tab.open(out / "report.html", TELEPHONE)
        link = tab.value("document.getElementById('DEMO-001').href")
        assert link.startswith((out / "report.page-").as_uri())
        assert link.endswith("#DEMO-001")
        for name in ["report.html", *PAGES]:
            for scheme in ("light", "dark"):
                tab.open(out / name, TELEPHONE, scheme)
                assert tab.value("document.documentElement.scrollWidth <= innerWidth")
