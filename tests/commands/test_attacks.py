"""What a hostile author, picture, repository, terminal or folder may try on the whole program: the list of what holds.

Attacks on one part alone stand with its tests: `test_git_hostile`, `test_store`, `test_pdf`, `test_confine`, `test_browser`.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from PIL import Image
from repositories import Commit, build

from findings_report.cli import app
from findings_report.problems.safe_text import HIDDEN

PROGRAM = str(Path(sys.executable).parent / "findings-report")
CODE = 'import sys\n\n\ndef main():\n    print("</pre><script>alert(1)</script>")\n    return 0\n'
ODD_PATH = "a<b>|`\"'x.py"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Attack:
    """An engagement with a repository beside it, and the program run on it in this process."""

    root: Path
    commit: str
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def engagement(self, **fields: object) -> None:
        repositories = {"app": {"path": "../app", "commit": self.commit}}
        whole = {"format": 1, "title": "Review", "repositories": repositories, **fields}
        (self.root / "findings/engagement.yaml").write_text(json.dumps(whole))

    def finding(self, name: str = "A-1", /, **fields: object) -> None:
        whole = {"title": "A finding", "severity": "high", "description": "x", **fields}
        (self.root / f"findings/{name}.finding.yaml").write_text(json.dumps(whole))

    def run(self, *arguments: object) -> Ran:
        self.patch.setattr(sys, "argv", ["findings-report", *map(str, arguments)])
        self.capture.readouterr()
        try:
            app.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 1
        said = self.capture.readouterr()
        assert "Traceback" not in said.err
        return Ran(code, said.out, said.err)

    def built(self, name: str, *options: str) -> str:
        """The report in one format, as text."""
        ran = self.run("build", self.root, "-f", name, "-o", self.root / f"o.{name}", *options)
        assert ran.code == 0, ran.err
        if name != "pdf":
            return (self.root / f"o.{name}").read_text()
        command = ["pdftotext", "-raw", str(self.root / "o.pdf"), "-"]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.fixture
def attack(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Attack:
    files: Mapping[str, Any] = {"app.py": CODE, ODD_PATH: CODE, "long.txt": "x" * 100_000 + "\n"}
    commits = build(tmp_path / "app", [Commit(files, tag="v1")])
    (tmp_path / "findings").mkdir()
    made = Attack(tmp_path, commits[0], capsys, monkeypatch)
    made.engagement()
    made.finding()
    return made


# What a field may smuggle into a report

SMUGGLED = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover=alert(1) '",
    "</title></style></pre><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "[x](javascript:alert(1)) <javascript:alert(1)>",
    "![x](https://evil.example/p.png) ![y](//evil.example/p)",
    '<a href="javascript:alert(1)">k</a><base href=//evil><iframe src=//evil>',
    '<meta http-equiv=refresh content="0;url=//evil"><link rel=attachment href=file:///etc/passwd>',
    "&lt;script&gt; &#x3c;script&#x3e;",
    "xref:x fr-asset:logo ]]> -->",
    '"}]; content: url(https://evil.example) ; }',
)
SMUGGLED_PROSE = "\n\n".join((*SMUGGLED, "<!--\n# forged\n-->", "<div>\n\n## forged *too*\n</div>", "setext\n==="))


def one_line(index: int) -> str:
    return SMUGGLED[index % len(SMUGGLED)]


def smuggle(attack: Attack) -> None:
    """Markup of every kind in every field that takes text."""
    line = iter(map(one_line, range(1000)))
    attack.engagement(
        title=next(line),
        client=next(line),
        authors=[{"name": next(line), "role": next(line), "email": next(line)}],
        version=next(line),
        versions=[{"version": next(line), "date": "2026-01-01", "by": next(line), "note": next(line)}],
        distribution=[next(line)],
        scope=["<script>alert(1)</script>*"],
        confidentiality=next(line),
        summary=SMUGGLED_PROSE,
        recommendation=SMUGGLED_PROSE,
        conclusion=SMUGGLED_PROSE,
        sections=[{"title": next(line), "text": SMUGGLED_PROSE}],
        fields=[{"name": "own", "label": next(line)}],
    )
    attack.finding(
        title=next(line),
        category=next(line),
        owner=next(line),
        found_by=next(line),
        affected=[{"kind": "url", "name": next(line)}],
        extra={"own": next(line)},
        references=[{"url": "https://ok.example", "title": next(line)}],
        tickets=["javascript:alert(1)//x"],
        history=[{"date": "2026-01-01", "status": "open", "by": next(line), "note": next(line)}],
        recommendation={"short_term": SMUGGLED_PROSE, "long_term": SMUGGLED_PROSE},
        **dict.fromkeys(("summary", "description", "impact", "scenario", "proof", "response"), SMUGGLED_PROSE),
        locations=[
            {"path": ODD_PATH, "lines": 5, "caption": next(line), "role": next(line), "notes": {"5": SMUGGLED_PROSE}},
            {"path": "app.py", "lines": "4-6", "quote": "def main():\n    # <script>\n    return 0\n"},
        ],
    )


class Elements(HTMLParser):
    """The elements of a page, their attributes, where they lead, and in order those that take input."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.controls: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.schemes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        if tag in ("form", "input", "button", "select", "textarea"):
            self.controls.append((tag, attrs))
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src", "action", "srcset", "data", "poster", "ping", "cite", "background"):
                address = value or ""
                # A colon after `#` is part of an anchor: that of a heading in a finding is `#ID:heading`.
                self.schemes.add(address.partition(":")[0] if ":" in address and address[0] != "#" else address[:1])


@pytest.mark.parametrize("template", ["standard", "review"])
def test_no_field_lets_an_element_or_an_address_into_html(attack: Attack, template: str) -> None:
    harmless = Elements(attack.built("html", "--template", template))
    smuggle(attack)

    page = Elements(attack.built("html", "--template", template))

    assert not page.names & {"script", "iframe", "object", "embed", "base", "link", "button", "b"}
    # The page has controls of its own, and none that a field brought.
    assert page.controls == harmless.controls
    assert not {name for name in page.attributes if name.startswith("on") or name in ("style", "srcdoc", "formaction")}
    assert page.schemes <= {"#", "https", "http", "mailto", "data"}


@pytest.mark.parametrize("template", ["standard", "review"])
def test_no_field_lets_an_element_or_a_heading_into_markdown(attack: Attack, template: str) -> None:
    smuggle(attack)
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(attack.built("md", "--template", template))

    found = Elements(page)

    assert not found.names & {"script", "iframe", "object", "svg", "base", "link", "meta", "form", "img", "div", "b"}
    assert found.schemes <= {"#", "https", "http", "mailto"}
    headings = re.findall(r"<h([1-6])>(.*?)</h", page, re.DOTALL)
    assert len([text for level, text in headings if level == "1"]) == 1
    # What a person wrote may have headings, but below that of the part that they stand in.
    assert all(int(level) > 2 for level, text in headings if "forged" in text or text == "setext")


@pytest.mark.parametrize("fence", ["```", "~~~~", "````python", "- ```", "> ```"])
def test_what_is_left_open_in_one_finding_does_not_swallow_the_next(attack: Attack, fence: str) -> None:
    attack.finding(description=f"{fence}\nopen <!-- \n", impact="| a\n|-\n| <pre>")
    attack.finding("A-2", title="The second", description="The last words")

    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(attack.built("md"))

    assert re.search(r"<h\d>[^<]*The second</h\d>", page)
    assert "<p>The last words</p>" in page
    assert "The last words" in attack.built("html")


@pytest.mark.parametrize(
    "address",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "&#106;avascript:alert(1)", "%6aavascript:x"),
        *("javascript&colon;alert(1)", "vbscript:x", "data:text/html,x", "data:image/svg+xml,x", "file:///etc/passwd"),
        *("//evil.example", "\\\\evil.example\\x", "/etc/passwd", "smb://x/y", "ms-word:x", "view-source:http://x", "blob:x"),
        *("java\u200bscript:x", "\u202ejavascript:x", "ｊavascript:x", "http:evil", "ht\ntp://x", "feed:x", "jar:x", "x:y"),
    ],
)
def test_no_address_but_of_the_list_is_ever_followed(attack: Attack, address: str) -> None:
    written = f"[a]({address}) [b](<{address}>) [c][r] <{address}>\n\n[r]: {address}\n"
    attack.finding(description=written, summary=written)

    for name in ("html", "md"):
        text = attack.built(name)
        page = Elements(text if name == "html" else MarkdownIt("commonmark", {"html": True}).render(text))
        assert page.schemes <= {"#", "https"}, (name, page.schemes)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("references", ["javascript:alert(1)"]),
        ("references", [{"url": "data:text/html,x", "title": "t"}]),
        ("fix", {"pull_requests": ["javascript:alert(1)"]}),
        ("tickets", ["javascript:alert(1)"]),
    ],
)
def test_a_field_for_an_address_takes_or_links_none_that_runs(attack: Attack, field: str, value: object) -> None:
    attack.finding(**{field: value})

    if attack.run("check", attack.root).code == 0:
        assert Elements(attack.built("html")).schemes <= {"#", "https"}


@pytest.mark.parametrize("field", ["url", "web"])
@pytest.mark.parametrize(
    "address", ["javascript:alert(1)//github.com/a/b", "https://x.example/\"onclick=alert(1) '", "file:///x"]
)
def test_a_repository_s_address_makes_no_permalink_that_runs(attack: Attack, field: str, address: str) -> None:
    attack.engagement(repositories={"app": {"path": "../app", "commit": attack.commit, field: address}})
    attack.finding(locations=[{"path": "app.py", "lines": 4}])

    if attack.run("check", attack.root).code == 0:
        page = Elements(attack.built("html"))
        assert page.schemes <= {"#", "https"}
        assert "onclick" not in page.attributes


# What may be lost

ODD_PROSE = """\
zzone with a footnote[^zztwo] and <zzthree attr="zzfour">

[^zztwo]: zzfive

<details><summary>zzsix</summary>zzseven</details>

<!-- zzeight -->

1. zznine
   - zzten

         zzeleven
   > zztwelve
2) zzthirteen

| zzfourteen | b |
|---|
| zzfifteen

Term
: zzsixteen

- [ ] zzseventeen
***zzeighteen** zznineteen*

~~~ zztwenty
zztwentyone
~~~

$$zztwentytwo$$ :zztwentythree: @zztwentyfour #zztwentyfive ==zztwentysix== ~zztwentyseven~ ^zztwentyeight^

\\zztwentynine &zzthirty; &#122;zthirtyone <zzthirtytwo@example.org> [zzthirtythree] [zzthirtyfour][none] ![zzthirtyfive](x:y)

    zzthirtysix
zzthirtyseven\\
zzthirtyeight\x20\x20
zzthirtynine
---
+ zzforty
"""


def words_of(text: str) -> set[str]:
    return set(re.findall(r"zz[a-z]+", text.replace("&#122;", "z").replace("fi\u200c", "fi")))


@pytest.mark.parametrize("name", ["md", "html", "json", pytest.param("pdf", marks=pytest.mark.slow)])
@pytest.mark.parametrize("template", ["standard", "review"])
def test_no_word_of_odd_markdown_is_lost(attack: Attack, name: str, template: str) -> None:
    attack.finding(description=ODD_PROSE)
    attack.engagement(conclusion=ODD_PROSE)

    text = attack.built(name, "--template", template)

    shown = html.unescape(re.sub(r"<[^>]*>", "", text)) if name == "html" else text
    # An info string names the language of a block of code and is nowhere printed but in Markdown. A footnote is printed
    # under its number, not under the label that the author gave it.
    assert words_of(ODD_PROSE) - words_of(shown) <= {"zztwenty", "zztwo"}
    counted = [len(re.findall(rf"{word}\b", shown)) for word in ("zzone", "zzeleven", "zzforty")]
    assert min(counted) >= 2, counted


@pytest.mark.parametrize("name", ["md", "html", "json", pytest.param("pdf", marks=pytest.mark.slow)])
def test_no_letter_of_odd_scripts_is_lost(attack: Attack, name: str) -> None:
    written = ["مرحبا", "שלום", "e\u0301\u0302\u0303", "می\u200cخواهم", "x" * 3000, "日本語", "Ω≈ç√", "naïve", "ﬁx"]
    attack.finding(description="\n\n".join(written), title="שלום x\u0301")

    text = attack.built(name)

    if name == "pdf":  # letters are laid out there in the order of the eye, and some as their code points
        assert text.count("x") >= 3000
        return
    shown = json.dumps(json.loads(text), ensure_ascii=False) if name == "json" else text.replace("<wbr>", "")
    assert [word for word in written if word not in shown] == []


# What a terminal may be made to do


ESCAPES = "\u202e\u2066\u200b\u2028\ufeff\u00ad"


@pytest.mark.parametrize("output_format", ["full", "concise", "json", "github"])
def test_no_message_holds_a_character_that_a_terminal_obeys(attack: Attack, output_format: str) -> None:
    attack.engagement(title=f"t{ESCAPES}", client=ESCAPES, file_name="{title}", repositories={
        "app": {"path": "../app", "revision": f"no{ESCAPES}"},
        "gone": {"path": f"../{ESCAPES}", "url": f"https://x.example/{ESCAPES}"},
    })  # fmt: skip
    attack.finding(
        title=f"t{ESCAPES}", description=f"[{ESCAPES}](x:{ESCAPES}) ![](image:{ESCAPES}) `{ESCAPES}`", related=[f"x{ESCAPES}"],
        locations=[{"repository": f"r{ESCAPES}", "path": f"p{ESCAPES}", "lines": 1, "symbol": ESCAPES, "quote": ESCAPES}],
        severity=f"s{ESCAPES}", cvss=ESCAPES, cwe=[ESCAPES], **{f"field{ESCAPES}": 1},
    )  # fmt: skip
    (attack.root / f"findings/\x1b[31m\x9b{ESCAPES}.finding.yaml").write_text("title: \x1b]0;own\x07\n")
    named = [attack.root, "--output-format", output_format]

    said = [
        attack.run("check", *named),
        attack.run("build", *named, "-f", "md", "-o", f"/nonexistent/\x1b[31m{ESCAPES}.md"),
        attack.run("build", *named, "--template", f"\x1b{ESCAPES}", "-f", f"m\x1b{ESCAPES}"),
        attack.run("check", f"/nonexistent/\x1b[2J{ESCAPES}", "--output-format", output_format),
        attack.run("pin", attack.root, "--to", f"\x1b[31m{ESCAPES}"),
    ]

    for ran in said:
        assert ran.code != 0
        assert not HIDDEN.findall(ran.out.replace("\n", "") + ran.err.replace("\n", ""))


# What a picture may be


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def jpeg(secret: bytes) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(made, "JPEG")
    plain = made.getvalue()
    comment = b"\xff\xfe" + struct.pack(">H", len(secret) + 2) + secret
    return plain[:2] + comment + plain[2:] + b"PK\3\4" + secret


def test_a_picture_brings_nothing_but_its_pixels(attack: Attack) -> None:
    secret = b"SECRET<script>"
    noted = png(1, 1, chunk(b"tEXt", b"Comment\0" + secret)) + secret
    attack.engagement(images=[{"name": n, "file": f"{n}.png", "alt": n} for n in ("a", "b")], logo="b.png")
    (attack.root / "findings/a.png").write_bytes(noted)
    (attack.root / "findings/b.png").write_bytes(jpeg(secret))
    attack.finding(description="![x](image:a)\n\n![y](image:b)")

    for name in ("html", "json"):
        attack.built(name)
        report = json.loads((attack.root / "o.json").read_text()) if name == "json" else None
        content = json.dumps(report) if report else (attack.root / "o.html").read_text()
        embedded = re.findall(r"[A-Za-z0-9+/_-]{60,}={0,2}", content)
        assert embedded
        for each in embedded:
            assert b"SECRET" not in base64.b64decode(each.translate(str.maketrans("-_", "+/")) + "===", validate=False)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda path: path.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"), "has <script>"),
        (lambda path: path.write_bytes(png(100_000, 100_000)), "pixels"),
        (lambda path: path.write_bytes(png(1, 1, chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 9_000_000)))), "is broken"),
        (lambda path: path.symlink_to("/etc/passwd"), "leads out"),
        (lambda path: path.symlink_to("/dev/zero"), "leads out"),
        (os.mkfifo, "it is not a file"),
        (Path.mkdir, "a.png"),
        (lambda path: path.write_bytes(b""), "neither PNG nor JPEG"),
    ],
)
def test_a_file_that_is_no_picture_is_an_error_at_its_place(attack: Attack, made: Callable[[Path], object], said: str) -> None:
    attack.engagement(images=[{"name": "a", "file": "a.png", "alt": "x"}])
    made(attack.root / "findings/a.png")

    ran = attack.run("check", attack.root)

    assert ran.code == 3
    assert said in ran.err


# Where a report may be written


def test_a_build_folder_that_is_a_link_is_followed_only_when_named(attack: Attack) -> None:
    victim = attack.root / "victim"
    victim.mkdir()
    (victim / "report.md").write_text("precious")
    (attack.root / "build").symlink_to(victim)

    refused = attack.run("build", attack.root, "-f", "md")

    assert refused.code == 5
    assert f"write `-o {attack.root}/build/`" in " ".join(refused.err.split())
    assert (victim / "report.md").read_text() == "precious"
    assert attack.run("build", attack.root, "-f", "md", "-o", f"{attack.root}/build/").code == 0
    assert (victim / "report.md").read_text() != "precious"


@pytest.mark.parametrize("name", ["engagement.yaml", "A-1.finding.yaml", "method.md", "link.md", "new.yml"])
def test_a_report_never_takes_the_place_of_what_people_wrote(attack: Attack, name: str) -> None:
    findings = attack.root / "findings"
    (findings / "method.md").write_text("How.")
    (findings / "link.md").symlink_to("method.md")
    attack.engagement(sections=[{"title": "Method", "file": "method.md"}])
    before = {path.name: path.read_bytes() for path in findings.iterdir()}

    ran = attack.run("build", attack.root, "-f", "md", "-o", findings / name)

    assert ran.code == 2
    assert "which it is made from" in " ".join(ran.err.split())
    assert {path.name: path.read_bytes() for path in findings.iterdir()} == before


def shell(attack: Attack, arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", "-c", f"exec {PROGRAM} {arguments}"]
    return subprocess.run(
        command, cwd=attack.root, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=60
    )


PRINTING = ["check", "list", "check --output-format json", "build -f md -o -", "--help", "list --help", "--version", "doctor"]


@pytest.mark.parametrize("arguments", PRINTING)
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("place", [">/dev/full", ">&-", ">&- 2>&- <&-"])
def test_a_standard_output_that_cannot_be_written_is_code_5(
    attack: Attack, arguments: str, unbuffered: str, place: str
) -> None:
    ran = shell(attack, f"{arguments} {place}", PYTHONUNBUFFERED=unbuffered)

    assert ran.returncode == 5
    assert "2>&-" in place or "standard output cannot be written: " in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr
    assert "--output-format json" in arguments or ran.stderr.count("\n") <= 1


@pytest.mark.parametrize("arguments", ["check", "check --output-format json", "--help"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_pipe_without_a_reader_changes_no_exit_code(attack: Attack, arguments: str, unbuffered: str) -> None:
    def piped() -> subprocess.CompletedProcess[bytes]:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as output:
            environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
            command = [PROGRAM, *arguments.split()]
            return subprocess.run(
                command, cwd=attack.root, env=environment, stdout=output, stderr=subprocess.PIPE, check=False, timeout=60
            )

    sound = piped()
    attack.finding(severity="none such")
    faulty = piped()

    assert (sound.returncode, sound.stderr) == (0, b"")
    assert faulty.returncode == (0 if arguments == "--help" else 3)
    assert b"Traceback" not in faulty.stderr
    assert b"Exception ignored" not in faulty.stderr


@pytest.mark.parametrize("place", ["2>/dev/full", "2>&-", "<&-"])
def test_a_standard_error_that_takes_nothing_fails_nothing(attack: Attack, place: str) -> None:
    assert shell(attack, f"check {place}").returncode == 0


def test_a_current_folder_that_is_gone_is_code_2(attack: Attack) -> None:
    gone = attack.root / "gone"
    gone.mkdir()

    ran = subprocess.run(
        ["/bin/sh", "-c", f"cd {gone} && rmdir {gone} && exec {PROGRAM} check"], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 2
    assert ran.stderr.startswith("error: the current folder no longer exists [no-folder]")


def test_nothing_of_the_environment_changes_a_report(attack: Attack) -> None:
    attack.finding(locations=[{"path": "app.py", "lines": "4-6"}])
    canary = attack.root / "canary"
    program = attack.root / "program"
    program.write_text(f"#!/bin/sh\ntouch {canary}\n")
    program.chmod(0o755)
    hostile = {
        **dict.fromkeys(("GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"), "/nonexistent"),
        **dict.fromkeys(("GIT_PAGER", "PAGER", "GIT_EXTERNAL_DIFF", "GIT_SSH", "GIT_ASKPASS", "EDITOR"), str(program)),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(program),
        "GIT_TRACE": str(canary), "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nonexistent", "GIT_CEILING_DIRECTORIES": "/",
        "FONTCONFIG_FILE": "/nonexistent", "FONTCONFIG_PATH": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent",
        "HOME": "/nonexistent", "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8", "COLUMNS": "-3",
        "NO_COLOR": "1", "TERM": "dumb", "PYTHONIOENCODING": "ascii", "GI_TYPELIB_PATH": "/x", "MAGICK_CONFIGURE_PATH": "/x",
    }  # fmt: skip

    for variables in ({}, hostile):
        ran = shell(attack, f"build -f html -f md -o out{len(variables)}/", **variables)
        assert ran.returncode == 0, ran.stderr

    for name in ("report.html", "report.md"):
        honest, other = (attack.root / f"out{count}" / name for count in (0, len(hostile)))
        assert honest.read_bytes() == other.read_bytes()
    assert not canary.exists()


@pytest.mark.slow
def test_builds_at_once_give_whole_files(attack: Attack) -> None:
    command = [PROGRAM, "build", "-f", "md", "-f", "html", "-f", "json"]
    runs = [subprocess.Popen(command, cwd=attack.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)]

    assert [(run.communicate()[1], run.returncode) for run in runs] == [(b"", 0)] * 3
    together = {path.name: path.read_bytes() for path in (attack.root / "build").iterdir()}
    subprocess.run(command, cwd=attack.root, check=True, capture_output=True)
    assert together == {path.name: path.read_bytes() for path in (attack.root / "build").iterdir()}


def _heed_signals() -> None:
    """As on a terminal: what runs the tests may ignore signals, and children inherit that."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def slow_build(attack: Attack) -> Iterator[subprocess.Popen[bytes]]:
    """A PDF in the making that takes seconds."""
    attack.finding(description="|".join(["a"] * 200) + "\n" + "|".join(["-"] * 200) + ("\n" + "|".join(["x" * 60] * 200)) * 9)
    (attack.root / "tmp").mkdir()
    process = subprocess.Popen(
        [PROGRAM, "build", "-f", "md", "-f", "pdf"],
        cwd=attack.root, env={**os.environ, "TMPDIR": str(attack.root / "tmp")}, stderr=subprocess.PIPE,
        preexec_fn=_heed_signals,
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_build_and_leaves_nothing(
    attack: Attack, slow_build: subprocess.Popen[bytes], number: int, code: int
) -> None:
    time.sleep(1.5)
    assert slow_build.poll() is None
    slow_build.send_signal(number)

    said = slow_build.communicate(timeout=20)[1]

    assert slow_build.returncode == code
    assert b"Traceback" not in said
    assert not (attack.root / "build").exists()
    # A confined process that was killed leaves its folder to the next command.
    attack.run("list", attack.root)
    assert list((attack.root / "tmp").iterdir()) == []


# What may be asked of time and memory


def test_more_code_than_a_machine_has_memory_for_is_refused(attack: Attack) -> None:
    attack.finding(locations=[{"path": "long.txt", "lines": 1}] * 300)

    ran = attack.run("check", attack.root, "--output-format", "concise")

    assert ran.code == 4
    assert "the code of this and the locations before is more than 25,000,000 characters" in ran.err


@pytest.mark.slow
def test_a_fault_at_each_word_of_a_long_line_is_told_in_good_time(attack: Attack) -> None:
    attack.finding(related=[f"K-{number}" for number in range(20_000)])
    start = time.process_time()

    ran = attack.run("check", attack.root, "--all")
    short = attack.run("check", attack.root)

    assert ran.err.count("there is no finding K-") == 20_000
    assert "19,980 more problems with this code" in short.err
    assert time.process_time() - start < 20
