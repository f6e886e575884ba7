"""The door to findings/: what is read, what is refused, and where each fault is said to stand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from repositories import Commit, build

from findings_report.authoring import Authored, Folder, Revision, find_folder, load, natural
from findings_report.authoring.files import MOST_FILES
from findings_report.authoring.yaml_reader import YamlFault, read, resolve_plain
from findings_report.git import open_repository
from findings_report.model.evidence import Region
from findings_report.problems import FindingsReportError, Problem

ENGAGEMENT = "format: 1\ntitle: Review\nrepositories:\n  app: {path: ..}\n"
FINDING = "title: A finding\nseverity: high\ndescription: Text.\n"


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def loaded(folder: Path, **files: str | bytes) -> Authored:
    named = {name.replace("__", "/").replace("_", "-") + ".finding.yaml": content for name, content in files.items()}
    return load(Folder(write(folder, {"engagement.yaml": ENGAGEMENT, **named})))


def problems(folder: Path, files: dict[str, str | bytes]) -> list[Problem]:
    with pytest.raises(FindingsReportError) as caught:
        load(Folder(write(folder, files)))
    return list(caught.value.problems)


def said(problem: Problem) -> str:
    place = problem.place
    assert place is not None
    where = ":".join(str(part) for part in (Path(place.file).name, place.line, place.column) if part is not None)
    return f"{where}: {problem.field}: {problem.fault}" if problem.field else f"{where}: {problem.fault}"


def test_a_finding_is_read_with_its_id_from_the_file_name(tmp_path: Path) -> None:
    authored = loaded(tmp_path, NTR_001=FINDING, sub__NTR_002=FINDING)

    assert list(authored.findings) == ["NTR-001", "NTR-002"]
    assert authored.findings["NTR-001"].title == "A finding"


@pytest.mark.parametrize(
    ("title", "remedy"),
    [
        ("[web] XSS", "quote a text that starts with [ or {"),
        ('"a" b', "the text ends at its second quotation mark: write it as a block after `|`"),
        ("'don't'", "the text ends at its second quotation mark: write it as a block after `|`"),
        ("- a", "quote a text that starts with -"),
        ("> a", "quote a text that starts with | or >"),
        ("*a b", "write the value out, or quote a text that starts with *"),
        ("!a b", "remove it, or quote a text that starts with !"),
        ('"C:\\x"', "in double quotes \\ starts an escape: use single quotes"),
        ("|\na", "indent a text below `|` further than its field, and write fields as `name: value`"),
        ("[a", "close what [ or { opens, or quote a text that starts with one"),
    ],
)
def test_a_title_that_yaml_reads_otherwise_is_told_with_its_mend(tmp_path: Path, title: str, remedy: str) -> None:
    finding = FINDING.replace("A finding", title)

    assert [problem.remedy for problem in problems(tmp_path, {"engagement.yaml": ENGAGEMENT, "A-1.finding.yaml": finding})] == [
        remedy
    ]


@pytest.mark.parametrize(
    ("title", "is_cut"),
    [("Issue #12 of a", True), ("Issue # 12", False), ("'Issue #12'", False), ("C#", False), ("a ## b", False)],
)
def test_a_text_that_yaml_ends_at_a_number_sign_is_warned_of(tmp_path: Path, title: str, is_cut: bool) -> None:
    authored = loaded(tmp_path, A_1=FINDING.replace("A finding", title))

    assert [said(problem) for problem in authored.warnings] == (
        ["A-1.finding.yaml:1:8: title: ends here: YAML takes '#12 of a' for a comment"] if is_cut else []
    )


def test_a_scale_of_nothing_but_faults_is_not_called_empty(tmp_path: Path) -> None:
    engagement = ENGAGEMENT + "severities: [{name: high, meaning: bad}, {name: low, meaning: good}]\n"

    faults = [problem.fault for problem in problems(tmp_path, {"engagement.yaml": engagement, "A-1.finding.yaml": FINDING})]

    assert faults == ["`colour` is required", "`colour` is required"]


def test_ids_come_in_natural_order(tmp_path: Path) -> None:
    authored = loaded(tmp_path, A_10=FINDING, A_9=FINDING, A_1=FINDING)

    assert list(authored.findings) == ["A-1", "A-9", "A-10"]


@given(st.lists(st.text("abcAB019-.", min_size=1, max_size=6)))
def test_natural_order_is_total_and_blind_to_case(names: list[str]) -> None:
    ordered = sorted(names, key=natural)

    assert [natural(name) for name in ordered] == sorted(natural(name) for name in names)
    assert all(natural(name) == natural(name.swapcase()) for name in names)


def test_every_problem_of_every_file_is_told_in_one_run_with_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        {
            "engagement.yaml": "format: 1\ntitle: 5\nnope: 1\n",
            "A-1.finding.yaml": "title: x\nseverity: hgih\ndescription: |\n  y\nlocations:\n  - path: a.py\n    lines: 9-2\n",
            "A-2.finding.yaml": "titel: x\nseverity: low\ndescription: y\nrelated: [A-9]\n",
        },
    )

    assert [said(problem) for problem in found] == [
        "engagement.yaml:2:8: title: must be text, and 5 is a number in YAML",
        "engagement.yaml:3:1: nope: there is no field 'nope' here",
        "A-1.finding.yaml:2:11: severity: 'hgih' is not in the scale (critical, high, medium, low, informational)",
        "A-1.finding.yaml:7:12: locations[0].lines: the range 9-2 is reversed: write 2-9",
        "A-2.finding.yaml:1:1: `title` is required",
        "A-2.finding.yaml:1:1: titel: there is no field 'titel' here",
        "A-2.finding.yaml:4:11: related[0]: there is no finding A-9",
    ]
    assert [problem.remedy for problem in found][2] == "did you mean 'high'?"
    assert found[0].remedy == 'quote it: "5"'


@pytest.mark.parametrize(
    ("text", "fault", "line", "column"),
    [
        ("a: 1\na: 2", "duplicate key 'a'", 2, 1),
        ("a: &x 1", "the anchor &x is not read", 1, 4),
        ("a: *x", "the alias *x is not read", 1, 4),
        ("<<: {a: 1}", "the merge key << is not read", 1, 1),
        ("a: !!python/object:os.system x", "the tag 'tag:yaml.org,2002:python/object:os.system' is not read", 1, 4),
        ("a: 1\n---\nb: 2", "a second document starts here", 2, 1),
        ("[a]: 1", "a mapping key must be plain text", 1, 1),
        ('a: "\\e[31m"', "the character U+001B is a control character or no character at all", 1, 4),
        ("a: \x07", "the character U+0007 is a control character or no character at all", 1, 4),
        ("", "the file is empty", 1, 1),
        ("# only a comment\n", "the file is empty", 1, 1),
    ],
)
def test_what_yaml_allows_and_we_refuse_is_refused_at_its_place(text: str, fault: str, line: int, column: int) -> None:
    with pytest.raises(YamlFault) as caught:
        read(text.encode())

    assert (caught.value.fault, caught.value.line + 1, caught.value.column + 1) == (fault, line, column)


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\r"])
@pytest.mark.parametrize("before", ["# agreed", "title: x # y", "title: |\n  x", 'title: "x'])
def test_what_ends_a_line_for_yaml_alone_is_refused_with_its_place(character: str, before: str) -> None:
    with pytest.raises(YamlFault, match=f"U\\+{ord(character):04X} ends a line for YAML, and not for git") as caught:
        read(f"a: 1\r\nb: 2\n{before}{character}status: false_positive\n".encode())

    *above, last = before.split("\n")
    assert (caught.value.line, caught.value.column) == (2 + len(above), len(last))
    assert caught.value.remedy is not None


def test_what_ends_a_line_for_yaml_alone_can_be_written_as_an_escape() -> None:
    assert read(rb'title: "a\u2028b\L\N\r"').data == {"title": "a\u2028b\u2028\x85\r"}


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 100_000,
        b"- " * 100_000,
        b"{a: " * 100_000,
        b"a: " + b"x" * 5_000_000,
        b"".join(b"k%d: v\n" % i for i in range(250_000)),
        b"a: " + b"9" * 200_000 + b"\n",
        b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]",
        b"? " * 5_000,
        b"\xff\xfea\x00",
        b"a: \xed\xa0\x80",
        b"%TAG ! tag:x,2000:\n---\n!y z",
    ],
)
def test_a_bomb_is_refused_or_read_as_text_and_never_crashes(bomb: bytes) -> None:
    try:
        document = read(bomb)
    except YamlFault:
        return

    assert document.data == {"a": "9" * 200_000}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("1:30", "1:30"), ("010", 10), ("0o10", 8), ("0x1F", 31), ("1_000", "1_000"),
        ("true", True), ("null", None), ("~", None), ("2026-05-01", "2026-05-01"), ("1e3", 1000.0), ("=", "="), ("+.5", 0.5),
    ],
)  # fmt: skip
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    assert resolve_plain(text) == value
    assert type(resolve_plain(text)) is type(value) or isinstance(resolve_plain(text), type(value))


@given(st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\x85\u2028\u2029\ufeff")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=12,
))  # fmt: skip
def test_whatever_a_yaml_printer_writes_is_read_back(value: object) -> None:
    class NoAliases(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
            return True

    written = yaml.dump(value, Dumper=NoAliases, default_style='"', allow_unicode=True)

    assert read(written.encode()).data == value


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_yaml_fault(content: bytes) -> None:
    try:
        document = read(content)
    except YamlFault:
        return

    for mark in document.values.values():
        assert 0 <= mark.line < len(document.lines) + 1


def test_a_text_field_keeps_the_source_of_a_number(tmp_path: Path) -> None:
    engagement = ENGAGEMENT + "version: 1.10\n"
    engagement = engagement.replace("{path: ..}", '{path: .., revision: 12.0, commit: "' + "1" * 40 + '"}')
    authored = load(Folder(write(tmp_path, {"engagement.yaml": engagement})))

    assert authored.engagement.version == "1.10"
    assert authored.engagement.repositories["app"].revision == "12.0"


def test_a_commit_of_digits_only_is_read_as_text(tmp_path: Path) -> None:
    engagement = ENGAGEMENT.replace("{path: ..}", "{path: .., commit: " + "1234567890" * 4 + "}")
    authored = load(Folder(write(tmp_path, {"engagement.yaml": engagement})))

    assert authored.engagement.repositories["app"].commit == "1234567890" * 4


def test_lines_are_a_line_a_range_or_a_list(tmp_path: Path) -> None:
    location = "locations:\n  - {path: a.py, lines: 121}\n  - {path: a.py, lines: 111-129}\n  - {path: a.py, lines: [1-2, 5]}\n"
    authored = loaded(tmp_path, A_1=FINDING + location)

    lines = [location.lines for location in authored.findings["A-1"].locations]
    assert lines == [
        (Region(start_line=121, end_line=121),),
        (Region(start_line=111, end_line=129),),
        (Region(start_line=1, end_line=2), Region(start_line=5, end_line=5)),
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("lines: 0", "lines are counted from 1"),
        ("lines: abc", "'abc' is not a line or a range: write 121, 111-129 or a list of those"),
        ("lines: [5, 3]", "the ranges 5 and 3 overlap or are out of order"),
        ("lines: []", "an empty list names no lines: leave the field out to cite the whole file"),
        ("lines: 1-5\n    show: 4-6", "4-6 is not within `lines` (1-5)"),
        ("lines: 1-5\n    show: 2-3\n    highlight: 4", "4 is not within `show` (2-3)"),
        ("lines: 1-5\n    notes: {9: x}", "line 9 is not within `lines`"),
        ("notes: {x: y}", "'x' is not a line number; notes are written as `121: text`"),
        ("commit: abc", "'abc' is not a full commit hash (40 or 64 lower-case hexadecimal digits)"),
        ("repository: nope", "'nope' is not a repository (app)"),
    ],
)
def test_a_faulty_location_is_told(tmp_path: Path, line: str, fault: str) -> None:
    found = problems(
        tmp_path, {"engagement.yaml": ENGAGEMENT, "A-1.finding.yaml": FINDING + f"locations:\n  - path: a.py\n    {line}\n"}
    )

    assert [problem.fault for problem in found] == [fault]


@pytest.mark.parametrize(
    ("engagement", "finding"),
    [
        ("repositories: {app: {tag: v1}}", "locations: [{path: a.py}, {path: b.py, repository: other}]"),
        ("repository: {app: {path: app}}", "locations: [{path: a.py}]"),
        ("severities: [{name: bad}]", "severity: bad"),
        ("fields: [{name: zone}]", "extra: {zone: perimeter}"),
    ],
)
def test_a_fault_of_the_engagement_is_not_told_again_of_each_finding(tmp_path: Path, engagement: str, finding: str) -> None:
    rest = "title: x\ndescription: y\n" + ("" if "severity" in finding else "severity: low\n")
    found = problems(tmp_path, {"engagement.yaml": f"title: x\n{engagement}\n", "A-1.finding.yaml": f"{rest}{finding}\n"})

    assert {Path(problem.place.file).name for problem in found if problem.place} == {"engagement.yaml"}


@pytest.mark.parametrize("line", ["severity: low\ncvss: 9.8", "risk: high", "severity: [low]", "cvss: x"])
def test_a_severity_that_cannot_be_read_is_not_missed_nor_compared(tmp_path: Path, line: str) -> None:
    scale = "severities: [{name: low, colour: '#111'}]\n"
    found = problems(
        tmp_path, {"engagement.yaml": ENGAGEMENT + scale, "A-1.finding.yaml": f"title: x\ndescription: y\n{line}\n"}
    )

    assert len(found) == 1


def test_an_engagement_without_a_repository_is_told_once(tmp_path: Path) -> None:
    cited = FINDING + "locations: [{path: a.py}, {path: b.py}]\n"
    found = problems(tmp_path, {"engagement.yaml": "title: x\n", "A-1.finding.yaml": cited, "A-2.finding.yaml": cited})

    assert [problem.fault for problem in found] == ["the engagement names no repository, and A-1 and 1 more cite code"]


@pytest.mark.parametrize("path", ["../x", "a/../b", "..\\\\x", "/", "./", ""])
def test_a_path_outside_the_repository_is_refused(tmp_path: Path, path: str) -> None:
    finding = FINDING + f"locations:\n  - path: '{path}'\n"
    found = problems(tmp_path, {"engagement.yaml": ENGAGEMENT, "A-1.finding.yaml": finding})

    assert len(found) == 1
    assert found[0].field == "locations[0].path"


def test_an_id_names_one_finding_whatever_the_case_and_former_ids_may_be_shared(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        {
            "engagement.yaml": ENGAGEMENT,
            "A-1.finding.yaml": FINDING + "aliases: [B-1, b-1]\n",
            "sub/a-1.finding.yaml": FINDING,
            "C-1.finding.yaml": FINDING + "aliases: [B-1]\n",
            "bad name.finding.yaml": FINDING,
        },
    )

    assert sorted(problem.fault for problem in found) == [
        "'bad name' is not an id: letters and digits joined by '.', '_' or '-', at most 64",
        "b-1 is listed twice",
        "the id a-1 is taken by A-1.finding.yaml",
    ]


def test_more_texts_to_mask_than_are_searched_for_are_refused_at_once(tmp_path: Path) -> None:
    def finding(numbers: range) -> str:
        entries = "".join(f"- {{match: secret-{number:06}-value}}\n" for number in numbers)
        return f"title: T\nseverity: high\ndescription: d\nredact:\n{entries}"

    authored = loaded(tmp_path / "1", A_1=finding(range(500)), A_2=finding(range(1_000)))
    assert len(authored.redactor.texts) == 1_000
    files: dict[str, str | bytes] = {"engagement.yaml": ENGAGEMENT, "A-1.finding.yaml": finding(range(1_001))}
    (problem,) = problems(tmp_path / "2", files)
    assert problem.code == "too-many-redactions"
    assert problem.fault == "1,001 texts are to be masked; at most 1,000 are taken"


def test_a_newer_format_is_refused_as_such(tmp_path: Path) -> None:
    found = problems(tmp_path, {"engagement.yaml": "format: 2\ntitle: x\nsomething: new\n"})

    assert [problem.fault for problem in found] == ["format 2 was made by a newer findings-report"]


def test_severity_is_required_in_one_of_its_three_forms(tmp_path: Path) -> None:
    found = problems(tmp_path, {"engagement.yaml": ENGAGEMENT, "A-1.finding.yaml": "title: x\ndescription: y\n"})

    assert [problem.fault for problem in found] == ["`severity` is required"]


def test_a_severity_that_disagrees_is_told_unless_a_reason_is_given(tmp_path: Path) -> None:
    rating = "rating: {impact: high, likelihood: high}\n"
    authored = loaded(tmp_path, A_1=FINDING + rating, A_2=FINDING + rating + "severity_reason: Because.\n")

    assert [problem.fault for problem in authored.warnings] == ["'high' disagrees with `rating`, which gives 'critical'"]


VECTOR = "cvss: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\n"


def test_a_severity_taken_from_the_rating_that_cvss_contradicts_is_told(tmp_path: Path) -> None:
    finding = "title: x\ndescription: y\nrating: {impact: low, likelihood: low}\n" + VECTOR
    authored = loaded(tmp_path, A_1=finding, A_2=finding + "severity_reason: Because.\n")

    assert [(problem.field, problem.fault) for problem in authored.warnings] == [
        ("rating", "'informational' disagrees with `cvss`, which gives 'critical'")
    ]


def test_an_own_scale_without_a_matrix_is_warned_of_where_a_finding_is_rated(tmp_path: Path) -> None:
    scale = "severities: [{name: high, colour: '#111'}, {name: low, colour: '#222'}]\n"
    files: dict[str, str | bytes] = {"engagement.yaml": ENGAGEMENT + scale, "A-1.finding.yaml": FINDING}

    assert load(Folder(write(tmp_path, files))).warnings == ()
    rated = files | {"A-1.finding.yaml": FINDING + "severity_reason: Because.\nrating: {impact: medium, likelihood: low}\n"}
    (warning,) = load(Folder(write(tmp_path, rated))).warnings
    assert (warning.code, warning.field) == ("no-matrix", "severities")
    assert warning.fault.endswith("the default one gives critical, informational, medium")


def test_only_what_decides_the_severity_has_to_be_in_the_scale(tmp_path: Path) -> None:
    scale = "severities: [{name: bad, colour: '#111'}, {name: fine, colour: '#222'}]\nmatrix: {low: {low: fine}}\n"
    rated = "title: x\ndescription: y\nrating: {impact: low, likelihood: low}\n" + VECTOR
    scored = "title: x\ndescription: y\n" + VECTOR
    files: dict[str, str | bytes] = {"engagement.yaml": ENGAGEMENT + scale, "A-1.finding.yaml": rated}

    assert load(Folder(write(tmp_path, files))).warnings == ()
    found = problems(tmp_path, files | {"A-2.finding.yaml": scored})
    assert [(problem.field, problem.fault) for problem in found] == [
        ("cvss", "gives 'critical', which is not in the scale (bad, fine)")
    ]


def test_a_section_takes_its_text_from_a_file(tmp_path: Path) -> None:
    engagement = ENGAGEMENT + "sections:\n  - {title: Method, file: method.md}\n"
    authored = load(Folder(write(tmp_path, {"engagement.yaml": engagement, "method.md": "# How\r\ntext"})))

    assert authored.engagement.sections[0].text == "# How\ntext"


def test_a_missing_picture_is_told_with_the_name_that_is_near(tmp_path: Path) -> None:
    engagement = ENGAGEMENT + "images:\n  - {name: flow, file: flwo.png, alt: The flow}\n"
    found = problems(tmp_path, {"engagement.yaml": engagement, "flow.png": b"x"})

    assert [(problem.field, problem.remedy) for problem in found] == [("images[0].file", "did you mean 'flow.png'?")]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("title: secret\nseverity: low\ndescription: x\n")
    folder = write(tmp_path / "findings", {"engagement.yaml": ENGAGEMENT})
    (folder / "A-1.finding.yaml").symlink_to(secret)

    found = problems(folder, {})

    assert [problem.fault for problem in found] == ["cannot be read: it is a symbolic link that leads out of the folder"]


def test_a_link_to_a_folder_is_told_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    folder = write(tmp_path / "findings", {"engagement.yaml": ENGAGEMENT})
    (folder / "more").symlink_to(tmp_path / "more")

    assert "symbolic link to a folder" in problems(folder, {})[0].fault


def test_a_folder_and_a_commit_hold_so_many_files_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"engagement.yaml": ENGAGEMENT, "a.finding.yaml": FINDING, "pictures/a.png": "", ".hidden": ""}
    folder = write(tmp_path / "folder", dict(files))
    (head,) = build(tmp_path / "repository", [Commit(files)])
    limit = "findings_report.authoring.files.MOST_FILES"
    assert MOST_FILES == 25_000

    with open_repository(tmp_path / "repository", name="app") as repository:
        for source in (Folder(folder), Revision(repository, head, "", shown="findings")):
            monkeypatch.setattr(limit, 3)
            assert len(source.names()) == 3
            monkeypatch.setattr(limit, 2)
            with pytest.raises(FindingsReportError, match="more than 2 files"):
                source.names()


def test_a_pipe_in_the_folder_does_not_hang(tmp_path: Path) -> None:
    folder = write(tmp_path, {"engagement.yaml": ENGAGEMENT})
    os.mkfifo(folder / "A-1.finding.yaml")

    assert [problem.fault for problem in problems(folder, {})] == ["cannot be read: it is not a file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everywhere")
def test_findings_in_a_folder_that_cannot_be_read_are_not_left_out(tmp_path: Path) -> None:  # pragma: no cover - not as root
    folder = write(tmp_path, {"engagement.yaml": ENGAGEMENT, "sub/A-1.finding.yaml": FINDING})
    (folder / "sub").chmod(0)

    assert [problem.fault for problem in problems(folder, {})] == ["cannot be read: Permission denied"]


def test_a_yaml_file_that_is_not_read_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path, {"engagement.yaml": ENGAGEMENT, "A-1.yaml": FINDING, "A-2.finding.yml": FINDING})

    assert len(load(Folder(folder)).warnings) == 2


def test_crlf_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    plain = loaded(tmp_path / "plain", A_1=FINDING)
    windows = loaded(tmp_path / "windows", A_1=b"\xef\xbb\xbf" + FINDING.replace("\n", "\r\n").encode())

    assert plain.findings == windows.findings


def test_columns_count_characters_not_bytes(tmp_path: Path) -> None:
    finding = "title: x\nseverity: high\ndescription: y\nextra: {日本é: 5}\n"
    found = problems(tmp_path, {"engagement.yaml": ENGAGEMENT, "A-1.finding.yaml": finding})

    assert said(found[0]).startswith("A-1.finding.yaml:4:")


def test_the_folder_is_found_from_inside_and_above(tmp_path: Path) -> None:
    folder = write(tmp_path / "work" / "findings", {"engagement.yaml": ENGAGEMENT, "sub/x.txt": ""})

    assert find_folder(tmp_path / "work") == folder
    assert find_folder(folder) == folder
    assert find_folder(folder / "sub") == folder


def test_no_engagement_is_told_with_the_way_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(FindingsReportError, match=r"no engagement.yaml here") as caught:
        find_folder(tmp_path)

    assert "findings-report init" in str(caught.value.problems[0].remedy)


@pytest.mark.parametrize(
    ("cwe", "fault"),
    [
        ("CWE-16", "CWE-16 is a category (Configuration), not a weakness"),
        ("CWE-92", "CWE-92 is withdrawn: DEPRECATED: Improper Sanitization of Custom Special Characters"),
        ("CWE-99999", "CWE-99999 is not in CWE 4.19.1, so it is printed without its name"),
    ],
)
def test_a_weakness_that_the_list_does_not_have_as_one_is_told(tmp_path: Path, cwe: str, fault: str) -> None:
    authored = loaded(tmp_path, A_1=FINDING + f"cwe: {cwe}\n")

    assert [problem.fault for problem in authored.warnings] == [fault]


def test_a_file_that_becomes_a_link_while_it_is_read_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "findings", {"engagement.yaml": ENGAGEMENT, "deep/method.md": "ours"})
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "method.md").write_text("TOPSECRET")
    resolve = Path.resolve

    def slow(path: Path, strict: bool = False) -> Path:
        found = resolve(path, strict=strict)
        if path.name == "method.md" and not (folder / "deep").is_symlink():
            (folder / "deep").rename(folder / "before")
            (folder / "deep").symlink_to(tmp_path / "secret")
        return found

    monkeypatch.setattr(Path, "resolve", slow)

    with pytest.raises(FindingsReportError, match="cannot be read"):
        Folder(folder).read("deep/method.md")


def test_a_link_within_the_folder_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path, {"engagement.yaml": ENGAGEMENT, "deep/method.md": "ours"})
    (folder / "link.md").symlink_to("deep/method.md")

    assert Folder(folder).read("link.md") == b"ours"
    assert Folder(folder).read("nothing.md") is None


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(FindingsReportError, match="it is not a file"):
        Folder(tmp_path).read("pipe")


def test_a_weakness_in_neither_list_is_a_warning_that_names_the_way_out(tmp_path: Path) -> None:
    (problem,) = loaded(tmp_path, A_1=FINDING + "cwe: CWE-1927\n").warnings

    assert (problem.level, problem.remedy) == ("warning", "name it in engagement.yaml: `weaknesses: {CWE-1927: its name}`")


@pytest.mark.parametrize("own", ["Prompt injection", "{name: Prompt injection, top_ten: A03}"])
def test_a_weakness_that_the_engagement_names_is_known(tmp_path: Path, own: str) -> None:
    engagement = ENGAGEMENT + f"weaknesses:\n  CWE-1927: {own}\n"

    authored = load(Folder(write(tmp_path, {"engagement.yaml": engagement, "A-1.finding.yaml": FINDING + "cwe: [CWE-1927]\n"})))

    assert authored.warnings == ()
    assert authored.engagement.weaknesses["CWE-1927"].name == "Prompt injection"


def test_what_is_no_weakness_cannot_be_named(tmp_path: Path) -> None:
    engagement = ENGAGEMENT + "weaknesses:\n  cwe-79: XSS\n  CWE-80: {name: [x]}\n  CWE-81: {title: x}\n"

    found = problems(tmp_path, {"engagement.yaml": engagement})

    assert [said(problem).split(":", 1)[1] for problem in found] == [
        "6:11: weaknesses.cwe-79: 'cwe-79' is not a weakness id as CWE-79",
        "7:12: weaknesses.CWE-80.name: must be text, not a list",
        "8:3: weaknesses.CWE-81: `name` is required",
        "8:12: weaknesses.CWE-81.title: there is no field 'title' here",
    ]


@pytest.mark.parametrize(
    ("scope", "warned"),
    [("[]", False), ("[src/]", False), ("['app:**/*.c']", True), ("[src/, '!src/a.py']", True), ("['!app:src/', src/]", False)],
)
def test_code_outside_of_the_scope_is_warned_of_where_it_is_cited(tmp_path: Path, scope: str, warned: bool) -> None:
    files: dict[str, str | bytes] = {
        "engagement.yaml": f"{ENGAGEMENT}scope: {scope}\n",
        "A-1.finding.yaml": FINDING + "locations:\n  - path: src/a.py\n",
    }

    found = load(Folder(write(tmp_path, files))).warnings

    expected = ["A-1.finding.yaml:5:11: locations[0].path: src/a.py is outside of the scope"]
    assert [said(problem) for problem in found] == (expected if warned else [])


def test_a_scope_that_only_takes_out_is_refused(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"engagement.yaml": f"{ENGAGEMENT}scope: ['!vendor']\n"}

    (problem,) = problems(tmp_path, files)
    assert said(problem).endswith(": scope: the scope only takes out, so it covers nothing")


def test_characters_are_found_in_each_text_but_not_in_quotes_and_comments(tmp_path: Path) -> None:
    finding = "title: a?b  # ?\nseverity: low\ndescription: |\n  one\n\n  two ? and !\nlocations:\n  - {path: a, quote: '?'}\n"
    authored = load(Folder(write(tmp_path, {"engagement.yaml": ENGAGEMENT, "A-1.finding.yaml": finding})))

    found = list(authored.places_of(lambda text: [tuple(mark for mark in "!?" if mark in text)] if "?" in text else []))

    assert [(marks, place.line, place.column) for marks, place in found] == [(("?",), 1, 9), (("!", "?"), 6, 7)]
    assert [place.source for _, place in found] == ["title: a?b  # ?", "  two ? and !"]
