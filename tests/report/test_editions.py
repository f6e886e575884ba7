"""Nothing that is not for an audience is in its edition: neither in a file, nor in its name, nor in what is packed in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import samples
import withheld
from growth import growth
from withheld import MARKER

from findings_report import authoring, commands
from findings_report.authoring import cross_checks
from findings_report.commands import BuildOptions, PublishedBuild
from findings_report.model.engagement import Engagement
from findings_report.model.finding import Finding
from findings_report.problems import FindingsReportError, Kind
from findings_report.report import archive, editions
from findings_report.report.check import Inputs, check

NOTHING = BuildOptions((), None, None, system_fonts=False, default_date=None, fail_on=None, strict=False)


def build(folder: Path, audience: str | None, **wishes: object) -> PublishedBuild:
    return commands.build(Inputs(folder, {}, audience=audience), BuildOptions(**{**vars(NOTHING), **wishes}), lambda _: None)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return withheld.engagement(tmp_path_factory.mktemp("audited"))


TEXTS = ("md", "html", "json", "csv")


@pytest.fixture(scope="module")
def edition(findings: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[PublishedBuild, Path]:
    """The edition for the client, built once for all that is asked of it."""
    folder = tmp_path_factory.mktemp("client")
    return build(findings, "client", formats=("md", "html", "json"), output=f"{folder}/"), folder


@pytest.mark.slow  # builds the complete edition and another one, each in several formats
@pytest.mark.parametrize("template", ["standard", "review"])
@pytest.mark.parametrize(
    ("is_each", "formats"),
    [(False, TEXTS), (True, ("md", "html", "json")), (False, ("pdf",))],
    ids=["report", "each", "pdf"],
)
def test_no_marker_is_in_an_edition(
    findings: Path, tmp_path: Path, template: str, is_each: bool, formats: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))

    # With the cache that the complete edition has filled: an edition takes nothing of another from it.
    for audience in (None, "client"):
        output = f"{tmp_path}/{audience or 'complete'}/"
        wishes = {"formats": formats, "template": template, "each": is_each, "output": output}
        build(findings, audience, cache=True, manifest=True, **wishes)

    # The search finds the markers of the complete edition, in each of its files.
    complete = "\n".join(withheld.places(tmp_path / "complete"))
    for path in (tmp_path / "complete").rglob("*.*"):
        assert str(path) in complete or "F-2" in path.name or path.name == "shown.txt"
    written = {path.suffix.removeprefix(".") for path in (tmp_path / "client").rglob("*.*")}
    assert written >= set(formats)
    assert withheld.places(tmp_path / "client") == []
    assert list((tmp_path / "tmp").rglob("*")) == []


def test_an_edition_counts_what_it_shows(edition: tuple[PublishedBuild, Path]) -> None:
    path = edition[1] / "report-client.json"

    report = archive.read(path.read_bytes(), "r.json")
    assert [finding.id for finding in report.findings] == ["F-1", "F-2"]
    assert {count.severity.name: count.total for count in report.counts if count.total} == {"high": 1, "low": 1}
    assert report.engagement.edition == "client"
    assert report.engagement.audiences == ()
    assert [repository.name for repository in report.engagement.repositories] == ["app", "tool"]
    assert [(entry.pattern, entry.files) for entry in report.scope] == [("web/", 2), ("readme", 1)]
    assert [picture.name for picture in report.engagement.images] == ["shown"]
    assert report.findings[0].related == ("F-2",)
    assert sum(count.total for count in report.verdicts) == 2
    assert report.remediation is not None
    assert report.remediation.findings == ("F-1",)
    assert [weakness.weakness.id for weakness in report.classification.weaknesses] == ["CWE-79"]  # type: ignore[union-attr]
    assert "internal" not in path.read_text()


def test_references_to_what_is_left_out_are_neutral(edition: tuple[PublishedBuild, Path]) -> None:
    shown = (edition[1] / "report-client.md").read_text()
    assert "Like the other, another finding and [F-2](#F-2); see code for other readers." in shown
    assert "\\[not included: A caption of what is left out\\]" in shown
    assert "then that and another finding." in shown
    assert "label of a shown text" in shown
    html = (edition[1] / "report-client.html").read_text()
    targets = set(re.findall(r'href="#([^"]*)"', html))
    assert targets <= set(re.findall(r'id="([^"]*)"', html)), "a link leads to what is not there"


@pytest.mark.slow  # builds three formats
def test_the_complete_edition_says_that_it_is_and_marks_its_parts(findings: Path, tmp_path: Path) -> None:
    built = build(findings, None, formats=("md", "html", "json"), output=f"{tmp_path}/")

    assert any("complete edition" in problem.fault and "internal" in problem.fault for problem in built.problems)
    for name in ("report.md", "report.html"):
        text = (tmp_path / name).read_text()
        assert "complete, with parts only for internal" in text
        # 2 findings, 2 sections, the summary, proof and response of F-1, its code, 2 pictures, an event, a version, a field ...
        assert text.count("Only for: internal") >= 12
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["engagement"]["audiences"] == ["internal"]
    shown = next(finding for finding in data["findings"] if finding["id"] == "F-1")
    assert shown["response"] == {"text": MARKER, "audience": ["internal"]}


def test_an_edition_says_for_whom_it_is(edition: tuple[PublishedBuild, Path]) -> None:
    built, folder = edition

    assert "this edition is for client: 2 of 4 findings" in [problem.fault for problem in built.problems]
    assert "- Edition: for client" in (folder / "report-client.md").read_text()
    assert "<dt>Edition</dt><dd>for client</dd>" in (folder / "report-client.html").read_text()


def test_an_edition_for_all_readers_of_everything_equals_the_complete_one_but_for_its_marks(
    findings: Path, tmp_path: Path
) -> None:
    build(findings, "internal", formats=("md",), output=f"{tmp_path}/internal.md")

    shown = (tmp_path / "internal.md").read_text()
    assert "Only for" not in shown
    assert MARKER in shown
    assert f"F-4-{MARKER}" in shown


@pytest.mark.parametrize("word", ["clinet", "Client", ""])
def test_an_audience_that_is_not_declared_is_refused(findings: Path, word: str) -> None:
    with pytest.raises(FindingsReportError) as error:
        check(Inputs(findings, {}, audience=word), lambda _: None)

    (problem,) = error.value.problems
    assert problem.kind is Kind.USAGE
    assert "client, internal" in problem.fault


def test_words_that_are_not_declared_are_errors_at_their_place(tmp_path: Path) -> None:
    findings = tmp_path / "findings"
    findings.mkdir()
    (findings / "engagement.yaml").write_text("title: T\naudiences: [client, internal]\n")
    (findings / "F-1.finding.yaml").write_text(
        "title: T\nseverity: low\ndescription: d\naudience: [clinet]\nresponse: {text: x, audience: [intern]}\n"
    )

    with pytest.raises(FindingsReportError) as error:
        check(Inputs(findings, {}), lambda _: None)

    lines = sorted((problem.place.line, problem.remedy) for problem in error.value.problems if problem.place)
    assert lines == [(4, "did you mean 'client'?"), (5, "did you mean 'internal'?")]


def test_a_text_that_names_a_finding_for_others_is_a_warning_at_its_place(tmp_path: Path) -> None:
    findings = tmp_path / "findings"
    findings.mkdir()
    (findings / "engagement.yaml").write_text(
        "title: T\naudiences: [client, internal]\nsummary: Not F-20, and not [](finding:F-2).\n"
    )
    (findings / "F-1.finding.yaml").write_text(
        "title: T\nseverity: low\ndescription: |\n  One line.\n  See F-2.\n"
        "history: [{date: 2026-01-01, status: open, note: was F-2}]\n"
    )
    (findings / "F-2.finding.yaml").write_text("title: T\nseverity: low\ndescription: I am F-2.\naudience: [internal]\n")

    checked = check(Inputs(findings, {}), lambda _: None)

    named = [problem for problem in checked.problems if problem.code == "audience-named"]
    assert [(problem.place.line, problem.fault) for problem in named if problem.place] == [
        (5, "names F-2, which is not for client"),
        (6, "names F-2, which is not for client"),
    ]


def test_a_reference_that_cannot_be_taken_out_stops_the_edition(tmp_path: Path) -> None:
    findings = tmp_path / "findings"
    findings.mkdir()
    (findings / "engagement.yaml").write_text("title: T\naudiences: [client, internal]\n")
    (findings / "F-1.finding.yaml").write_text('title: T\nseverity: low\ndescription: "[x](finding&#58;F-2)"\n')
    (findings / "F-2.finding.yaml").write_text("title: T\nseverity: low\ndescription: d\naudience: [internal]\n")

    with pytest.raises(FindingsReportError) as error:
        check(Inputs(findings, {}, audience="client"), lambda _: None)

    (problem,) = error.value.problems
    assert (problem.code, problem.remedy) == ("audience-reference", "write it as `[text](finding:ID)`")
    assert problem.fault == "refers to F-2, which this edition leaves out, in a way that cannot be left out"
    assert problem.place is not None
    assert (Path(problem.place.file).name, problem.place.line) == ("F-1.finding.yaml", 3)


def test_a_thousand_findings_that_are_left_out_cost_no_square() -> None:
    engagement = Engagement.model_validate({"title": "T", "audiences": ["client", "internal"]})

    def findings(count: int) -> dict[str, Finding]:
        return {
            f"F-{number}": Finding.model_validate(
                {"title": f"As F-{number + 1}", "severity": "high", "description": "d", "audience": ["internal"] * (number % 2)}
            )
            for number in range(count)
        }

    named = list(cross_checks._named_to_others(engagement, findings(400)))

    assert [problem.fault for problem in named[:2]] == [
        "names F-1, which is not for client",
        "names F-3, which is not for client",
    ]
    assert len(named) == 200
    few, many = findings(400), findings(1_600)
    assert growth(lambda size: list(cross_checks._named_to_others(engagement, many if size > 400 else few)), 400) < 8


# The names of what is left out


def finding(audience: tuple[str, ...] = (), **fields: object) -> Finding:
    return Finding.model_validate({"title": "T", "severity": "low", "description": "d", "audience": audience, **fields})


def test_a_former_id_leads_to_the_first_finding_that_has_it_and_its_own_finding_comes_before() -> None:
    internal = ("internal",)
    findings = {
        "F-1": finding(aliases=("A-1",)),
        "F-2": finding(internal, aliases=("A-1", "A-2", "F-4", "A-5")),
        "F-3": finding(internal, aliases=("A-2",)),
        "F-4": finding(),
        "F-5": finding(aliases=("A-5",)),
    }
    images = Engagement.model_validate(
        {
            "title": "T",
            "audiences": ["client", "internal"],
            "images": [
                {"name": "a", "file": "a.png", "alt": "a", "audience": ["internal"]},
                {"name": "b", "file": "b.png", "alt": "b", "audience": ["client", "internal"]},
            ],
        }
    ).images

    hidden = editions.find_hidden(findings, images, "client")

    assert hidden.ids == {"F-2", "F-3"}
    assert hidden.former == {"A-2", "A-5"}
    assert hidden.images == {"a", "a.png"}
    assert editions.find_hidden(findings, images, "internal") == editions.Hidden(frozenset(), frozenset(), frozenset())


HIDDEN = editions.Hidden(frozenset({"F-2"}), frozenset({"A-2"}), frozenset({"p", "p.png"}), frozenset({"t"}))


def test_each_reference_to_what_is_left_out_loses_its_name_and_no_other_does() -> None:
    rewrite = HIDDEN.rewriter({"here"})

    assert rewrite("[x](finding:F-2) [x](finding:A-2) [x](location:here) [x](table:t) ![x](image:p) ![x](p.png)") == (
        "[x](finding:) [x](finding:) [x](location:) [x](table:) ![x](image:) ![x](image:)"
    )
    kept = "[x](finding:F-1) [x](location:there) [x](table:u) ![x](image:q) [x](finding:t) [x](table:F-2)"
    assert rewrite(kept) == kept
    assert HIDDEN.rewriter()("[x](location:here)") == "[x](location:here)"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[x](finding:F-2)", "F-2"),
        ("[x](finding:A-2)", "A-2"),
        ("![x](image:p)", "p"),
        ("![x](p.png)", "p.png"),
        ("![](location:here)", "here"),
        ("[x](location:here)", "here"),
        ("![](table:t)", "t"),
        ("[x](table:t)", "t"),
        ("| a |\n|---|\n| b |\n\nTable: c {#t}\n", None),
        ("[x](finding:F-1) ![x](image:q) [x](location:there) [x](table:u)", None),
        ("[x](finding:t)", None),
        ("no reference", None),
    ],
)
def test_a_reference_that_is_left_is_found_by_its_kind(text: str, name: str | None) -> None:
    assert HIDDEN.find_reference(text, {"here"}) == name


def test_a_table_that_no_shown_text_prints_is_left_out() -> None:
    engagement = Engagement.model_validate(
        {
            "title": "T",
            "audiences": ["client", "internal"],
            "tables": [{"name": name, "file": f"{name}.csv"} for name in ("placed", "linked", "foreign")],
            "sections": [
                {"title": "A", "text": "![](table:placed)\n\n[x](table:linked)\n\n| a |\n|---|\n| b |\n\nTable: c {#own}\n"},
                {"title": "B", "text": "![](table:foreign)", "audience": ["internal"]},
            ],
        }
    )
    names = ("placed", "linked", "foreign", "own", "elsewhere")

    assert editions.hide_tables(HIDDEN, names, (engagement,), "client").tables == {"linked", "foreign", "elsewhere"}
    assert editions.hide_tables(HIDDEN, names, (engagement,), "internal").tables == {"linked", "elsewhere"}
    assert editions.hide_tables(HIDDEN, (), (engagement,), "client") is HIDDEN


def test_of_pictures_tables_and_files_an_edition_has_those_that_its_texts_use(tmp_path: Path) -> None:
    for name in ("both", "theirs", "unused", "logo"):
        (tmp_path / f"{name}.png").write_bytes(samples.png())
        (tmp_path / f"{name}.csv").write_text("a\n1\n")
    (tmp_path / "engagement.yaml").write_text(
        "title: T\naudiences: [client, internal]\nlogo: logo.png\n"
        "images:\n" + "".join(f"  - {{name: {name}, file: {name}.png, alt: a}}\n" for name in ("both", "theirs", "unused"))
        + "tables:\n" + "".join(f"  - {{name: {name}, file: {name}.csv}}\n" for name in ("both", "theirs", "unused"))
    )  # fmt: skip
    uses = (
        "title: T\nseverity: low\n"
        'description: "![](image:{0})\\n\\n![](table:{0})\\n\\n| a |\\n|---|\\n| b |\\n\\nTable: c {{#own}}"\n'
    )
    (tmp_path / "F-1.finding.yaml").write_text(uses.format("both"))
    (tmp_path / "F-2.finding.yaml").write_text(f"{uses.format('theirs').replace('#own', '#other')}audience: [internal]\n")

    for name in ("own", "other"):
        (tmp_path / f"{name}.txt").write_text(name)
    with (tmp_path / "engagement.yaml").open("a") as file:
        file.write("attachments:\n  - {file: own.txt, title: A}\n  - {file: other.txt, title: B, audience: [internal]}\n")

    result = editions.make_edition(authoring.load(authoring.Folder(tmp_path)), "client")
    edition = result.authored

    assert [(problem.level, problem.fault) for problem in result.problems] == [
        ("note", "this edition is for client: 1 of 2 findings")
    ]
    assert edition.attachments == {"own.txt": b"own"}
    assert list(edition.findings) == ["F-1"]
    assert [image.name for image in edition.engagement.images] == ["both"]
    assert [table.name for table in edition.engagement.tables] == ["both"]
    assert edition.engagement.audiences == ()
    assert set(edition.pictures) == {"both", "logo:"}
    assert set(edition.tables) == {"both"}
    assert set(edition.files) == {"engagement.yaml", "F-1.finding.yaml", "both.png", "both.csv", "logo.png", "own.txt"}
    (tmp_path / "F-2.finding.yaml").unlink()
    (only,) = editions.make_edition(authoring.load_valid_part(authoring.Folder(tmp_path)), "client").problems
    assert only.fault == "this edition is for client: 1 of 1 finding"


def test_the_audiences_in_use_are_those_that_a_part_is_limited_to() -> None:
    engagement = Engagement.model_validate({"title": "T", "audiences": ["client", "internal", "press"]})

    def listed(*audiences: tuple[str, ...]) -> tuple[str, ...]:
        return editions.list_audiences(engagement, {f"F-{at}": finding(audience) for at, audience in enumerate(audiences)})

    assert listed() == listed(()) == listed(("press", "client", "internal")) == ()
    assert listed(("internal",)) == ("internal",)
    assert listed(("press",), ("client", "internal")) == ("client", "internal", "press")


def test_an_audience_is_refused_with_what_to_write() -> None:
    none = Engagement.model_validate({"title": "T"})
    two = Engagement.model_validate({"title": "T", "audiences": ["client", "internal"]})

    editions.refuse_unknown_audience(none, None)
    editions.refuse_unknown_audience(two, None)
    editions.refuse_unknown_audience(two, "client")
    for engagement, word, remedy in (
        (none, "client", "add `audiences: [client]` to engagement.yaml"),
        (two, "clent", "did you mean 'client'?"),
        (two, "zzz", "add it to `audiences` in engagement.yaml"),
    ):
        with pytest.raises(FindingsReportError) as caught:
            editions.refuse_unknown_audience(engagement, word)
        (problem,) = caught.value.problems
        assert (problem.kind, problem.code, problem.remedy) == (Kind.USAGE, "audience", remedy)


def test_tickets_of_a_report_with_parts_for_some_need_an_audience() -> None:
    editions.require_audience(())
    with pytest.raises(FindingsReportError, match="only for client, internal, and others may read the tickets") as caught:
        editions.require_audience(("client", "internal"))

    assert (caught.value.problems[0].kind, caught.value.problems[0].code) == (Kind.USAGE, "audience")


def test_only_a_complete_report_with_parts_for_some_is_described_as_such() -> None:
    def described(edition: str | None, *audiences: str) -> list[str]:
        update = {"edition": edition, "audiences": audiences}
        return [problem.level for problem in editions.describe_complete(samples.engagement().model_copy(update=update))]

    assert described(None, "internal") == ["note"]
    assert described(None) == described("client", "internal") == described("client") == []
