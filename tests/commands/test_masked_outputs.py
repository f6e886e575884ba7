"""What `redact` masks is in no output: every byte of every format, ticket, message and cache is searched for a marker."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import subprocess
import sys
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pikepdf
import pytest
from repositories import ENVIRONMENT, Commit, build, git

from findings_report.report.formats import COMPARISON_FORMATS, FORMATS, SINGLE_FINDING_FORMATS

pytestmark = pytest.mark.slow

PROGRAM = str(Path(sys.executable).parent / "findings-report")

# With signs that Markdown, HTML, JSON and addresses write in another way.
KEY = """mk<9&_"zq'%\\7w*Key"""
TOKEN = "tok4_marker_8812"
PEM = ["MIIEmarkerAAAAB3NzaC1yc2EAAAADAQABAAABgQ", "Cmarker2kxWw7Rz0lqYhQ9d3v1BfT5uGm8nHsXe"]
CODE = f"""import os

def connect():
    host = "db.example.org"
    key = r'''{KEY}'''
    token = "{TOKEN}"
    return open_session(host, key, token)

PRIVATE = '''
-----BEGIN PRIVATE KEY-----
{PEM[0]}
{PEM[1]}
-----END PRIVATE KEY-----
'''

def later():
    retry("{TOKEN}")
    return None
"""
AFTER = CODE.replace("import os\n", "import os\nimport sys\n").replace(
    f'    token = "{TOKEN}"\n', f'    token = "{TOKEN}" + suffix\n'
)
FINDING = """title: The token {token} is in the code
severity: high
status: open
summary: Whoever reads `{token}` can log in.
description: |
  The key {escaped} and {entities} is written into the source, and so is **tok4**_marker_8812.
  See [the login](https://example.org/login?token={token}).

  ```
  curl -H "Authorization: {token}"
  ```
recommendation: Replace
  {token}.
references:
  - https://example.org/{token}
extra:
  owner: asked {token}
history:
  - {{date: 2026-11-01, status: open, note: "reported {token}"}}
  - {{date: 2026-11-02, status: open, note: "asked about {token}"}}
tickets: ["jira:SEC-1"]
locations:
  - name: login
    path: app.py
    lines: 3-7
    quote: |
      def connect():
          host = "db.example.com"
          key = r'''{key}'''
          token = "{token}"
          return open_session(host, key, token)
    notes:
      6: the token {token}
    caption: Where {token} is used
    redact:
      - match: {token}
      - match: {json_key}
  - path: app.py
    lines: 9-14
    show: 9-12
    redact: [{{lines: 11-12}}]
redact:
  - match: "authorization-marker"
"""
# Cites the same lines, and masks nothing itself.
OTHER = """title: Another finding
severity: low
description: |
  The line `{line}` is repeated, and authorization-marker too.
locations:
  - {{path: app.py, lines: "5-6, 11-12, 17-18"}}
"""
MARKERS = [KEY, TOKEN, *PEM, "authorization-marker"]


def run(*arguments: str | Path, folder: Path, code: int | None = 0) -> str:
    environment = {**ENVIRONMENT, "XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(folder / "tmp"), "LC_ALL": "C.UTF-8"}
    (folder / "tmp").mkdir(exist_ok=True)
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert code is None or done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("redact")
    commits = build(folder / "app", [Commit({"app.py": CODE}, tag="1.0"), Commit({"app.py": AFTER}, tag="2.0")])
    findings = folder / "findings"
    findings.mkdir()
    (findings / "engagement.yaml").write_text(
        f"format: 1\ntitle: Review of {TOKEN}\nclient: Client\nsummary: |\n  Summary {TOKEN} and authorization-marker\n\n"
        f"  ![](table:tokens)\ntables: [{{name: tokens, file: tokens.csv, caption: 'Where {TOKEN} is'}}]\n"
        f"fields: [{{name: owner, label: Owner}}]\ndate: 2026-11-20\n"
        f"repositories: {{app: {{path: ../app, revision: '1.0', commit: '{commits[0]}', url: 'https://github.com/a/app'}}}}\n"
        "redact: [{match: authorization-marker}]\n"
        "csaf:\n  publisher: {name: A, namespace: https://example.org}\n"
        f"  tracking_id: A-1\n  products: [{{name: App {TOKEN}}}]\n"
    )
    (findings / "tokens.csv").write_text(f'Place,"The {TOKEN}"\nhome,{TOKEN}\nwork,"a\nauthorization-marker"\n')
    texts = {
        "token": TOKEN,
        "key": KEY,
        "json_key": json.dumps(KEY),
        "escaped": re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", KEY),
        "entities": "".join(f"&#{ord(character)};" for character in KEY),
        "line": PEM[0],
    }
    finding = FINDING.format(**texts).replace("Authorization: ", "Authorization: authorization-marker ")
    (findings / "A-1.finding.yaml").write_text(finding)
    (findings / "A-2.finding.yaml").write_text(OTHER.format(**texts))
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("app/\nbuild/\ncache/\ntmp/\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "findings")
    return folder


def contents(content: bytes) -> Iterator[bytes]:
    """The bytes, and every stream, compressed or encoded part within them."""
    yield content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            yield from (parts.read(name) for name in parts.namelist())
    if b"%PDF-" in content[:1024]:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            for each in pdf.objects:
                if isinstance(each, pikepdf.Stream):
                    yield each.read_bytes(pikepdf.StreamDecodeLevel.all)
                else:
                    yield repr(each).encode()
        text = subprocess.run(["pdftotext", "-", "-"], input=content, capture_output=True, check=True).stdout
        yield text
        yield b"".join(text.split())
    for match in re.finditer(rb"[A-Za-z0-9+/_-]{40,}={0,2}", content):
        bare = match[0].translate(bytes.maketrans(b"+/", b"-_")).rstrip(b"=")
        bare = bare[: len(bare) - (len(bare) % 4 == 1)]
        yield base64.urlsafe_b64decode(bare + b"=" * (-len(bare) % 4))
    for match in re.finditer(rb"x[\x01\x5e\x9c\xda]", content):
        try:
            yield zlib.decompressobj().decompress(content[match.start() :])
        except zlib.error:
            continue


def forms(text: str) -> set[bytes]:
    """A text as formats may write it."""
    written = {text, html.escape(text), html.escape(text, quote=False), json.dumps(text)[1:-1], repr(text)[1:-1]}
    written |= {urllib.parse.quote(text), urllib.parse.quote(text, safe=""), text.replace("'", "&#39;").replace('"', "&#34;")}
    written |= {"".join(f"&#{ord(character)};" for character in text), re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)}
    written |= {html.unescape(html.unescape(text)), text.encode("utf-16-be").decode("latin-1")}
    return {each.encode() for each in written} | {text.encode("utf-16-be")}


def leaks(content: bytes) -> list[str]:
    texts = list(contents(content))
    readable = [re.sub(rb"<[^>]*>", b"", text) for text in texts]
    readable += [html.unescape(text.decode("utf-8", "replace")).encode() for text in readable]
    return [marker for marker in MARKERS for form in forms(marker) if any(form in text for text in (*texts, *readable))]


def assert_none(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert not leaks(path.read_bytes()), path
        assert not leaks(os.fsencode(path.name)), path


def in_formats(names: Iterable[str]) -> list[str]:
    return [word for name in names for word in ("-f", name)]


def test_the_search_finds_markers() -> None:
    assert leaks(b"a" + KEY.encode())
    assert leaks(html.escape(KEY).encode())
    assert leaks(base64.b64encode(b"y" * 40 + TOKEN.encode()))


def test_a_report_of_every_format_has_no_masked_text(work: Path) -> None:
    for template in ("standard", "review"):
        said = run("build", *in_formats(FORMATS), "--template", template, "-o", f"out/{template}/", folder=work)
        assert not leaks(said.encode())
        for name in ("report.md", "report.html"):
            text = (work / "out" / template / name).read_text()
            assert "█redacted█" in text
            assert "masked by the author" in text
    run("build", "--each", *in_formats(SINGLE_FINDING_FORMATS), "-o", "out/each/", folder=work)
    assert_none(work / "out")
    assert_none(work / "cache")
    assert not any((work / "tmp").iterdir())


def test_the_verdict_is_that_of_the_true_text_and_the_page_counts_what_is_masked(work: Path) -> None:
    run("build", "-f", "json", "-f", "md", "-o", "verdict/", folder=work)

    report = json.loads((work / "verdict/report.json").read_text())
    first = next(finding for finding in report["findings"] if finding["id"] == "A-1")["snippets"]
    assert first[0]["check"]["verdict"] == "edited"
    assert [difference["line"] for difference in first[0]["check"]["differences"]] == [4]
    assert first[1]["redacted"] == [{"start_line": 11, "end_line": 12}]
    markdown = (work / "verdict/report.md").read_text()
    assert "2 passages masked by the author" in markdown
    assert "1 passage masked by the author" in markdown
    assert [line["text"] for run in first[1]["runs"] for line in run["lines"]][2:] == ["█redacted█", "█redacted█"]


def test_messages_completion_lists_and_tickets_have_no_masked_text(work: Path) -> None:
    said = run("check", folder=work)
    said += run("check", "--output-format", "json", folder=work)
    said += run("check", "--no-evidence", "--output-format", "concise", folder=work)
    said += run("list", folder=work)
    said += run("track", "--to", "2.0", "--explain", folder=work)
    said += run("tickets", "export", "-o", "tickets/", folder=work)

    assert not leaks(said.encode())
    assert "quote-edited" in said
    assert_none(work / "tickets")


@pytest.mark.parametrize("broken", ["severity: hgih", "severity: [high", "\tseverity: high", "nonsense: 1"])
def test_the_lines_below_problems_have_no_masked_text(work: Path, broken: str) -> None:
    path = work / "findings/A-1.finding.yaml"
    text = path.read_text()
    lines = text.splitlines()
    try:
        for at in range(1, len(lines), 9):
            path.write_text("\n".join([*lines[:at], broken, *lines[at:]]) + "\n")
            assert not leaks(run("check", folder=work, code=None).encode()), at
    finally:
        path.write_text(text)


def test_a_comparison_has_no_masked_text(work: Path) -> None:
    run("build", "-f", "json", "-f", "pdf", "-o", "base/", folder=work)
    findings = work / "findings"
    texts = {path: path.read_text() for path in findings.iterdir()}
    try:
        run("pin", "--to", "2.0", folder=work)
        for path, text in texts.items():
            if path.name == "A-1.finding.yaml":
                moved = text.replace("lines: 3-7", "lines: 4-8").replace("6: the token", "7: the token")
                moved = moved.replace("lines: 9-14", "lines: 10-15").replace("show: 9-12", "show: 10-13")
                path.write_text(moved.replace("lines: 11-12", "lines: 12-13").replace("status: open\n", "status: resolved\n"))
        for name, sides in (
            ("json", ("base/report.json", "findings")),
            ("pdf", ("base/report.pdf",)),
            ("git", ("git:HEAD",)),
        ):
            said = run("diff", *sides, *in_formats(COMPARISON_FORMATS), "-o", f"compared/{name}/", folder=work)
            assert not leaks(said.encode())
            assert "█redacted█" in (work / f"compared/{name}/diff.md").read_text()
    finally:
        for path, text in texts.items():
            path.write_text(text)
    assert_none(work / "compared")
