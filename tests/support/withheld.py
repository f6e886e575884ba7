"""An engagement with a marker word in every field of what one audience may not see, and the search for it in any file."""

from __future__ import annotations

import base64
import io
import re
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import repositories
from PIL import Image, PngImagePlugin
from repositories import Commit

MARKER = "zqxwithheld"
"""No word that a report has otherwise; every withheld text contains it, in this or another case."""

CODE = "".join(f"def {MARKER}_{number}(request):\n    return request.{MARKER}\n" for number in range(1, 8))
SHOWN = "def index(request):\n    return render(request)\n"


def picture(colour: tuple[int, int, int], *, text: str = "") -> bytes:
    information = PngImagePlugin.PngInfo()
    information.add_text("Comment", text)
    buffer = io.BytesIO()
    Image.new("RGB", (67, 31), colour).save(buffer, "PNG", pnginfo=information)
    return buffer.getvalue()


def engagement(root: Path) -> Path:
    """Write the engagement; `client` may see F-1, F-2 and the shown section, and nothing with the marker."""
    app = root / "app"
    repositories.build(app, [Commit({"web/index.py": SHOWN, f"internal/{MARKER}.py": CODE, "web/other.py": SHOWN}, tag="1.0")])
    tool = root / "tool"
    repositories.build(tool, [Commit({f"{MARKER}/tool.py": CODE, "readme": "x\n"}, tag="1.0")])
    findings = root / "findings"
    (findings / "pictures").mkdir(parents=True)
    (findings / "texts").mkdir()
    (findings / "pictures" / "shown.png").write_bytes(picture((1, 2, 3)))
    for name, colour in (("declared", (201, 17, 93)), ("placed", (202, 18, 94))):
        (findings / "pictures" / f"{MARKER}-{name}.png").write_bytes(picture(colour, text=MARKER))
    (findings / "tables").mkdir()
    (findings / "tables" / "shown.csv").write_text("Host,Port\nwww.example.org,443\n")
    for name in ("declared", "placed"):
        (findings / "tables" / f"{MARKER}-{name}.csv").write_text(f"{MARKER},Port\n{MARKER},443\n")
    (findings / "shown.txt").write_text("Shown to everybody.\n")
    (findings / f"{MARKER}.txt").write_text(f"The {MARKER} in a file.\n")
    (findings / "texts" / f"{MARKER}.md").write_text(
        f"Text in a file: {MARKER}.\n\n![{MARKER}](image:{MARKER}-placed)\n\n![](table:{MARKER}-placed)\n"
    )
    (findings / "engagement.yaml").write_text(_ENGAGEMENT.replace("MARKER", MARKER))
    for id, text in _FINDINGS.items():
        (findings / f"{id.replace('MARKER', MARKER)}.finding.yaml").write_text(text.replace("MARKER", MARKER))
    repositories.git(root, "init", "-q", "-b", "main")
    repositories.git(root, "add", "findings")
    repositories.git(root, "commit", "-qm", "Findings")
    return findings


_ENGAGEMENT = """\
title: Review of the shop
client: Example Ltd
date: 2026-03-20
version: "1.0"
state: final
audiences: [client, internal]
versions:
  - {version: "0.9", date: 2026-03-01, by: MARKER, note: MARKER, audience: [internal]}
  - {version: "1.0", date: 2026-03-20, note: First issue}
repositories:
  app: {url: "https://github.com/example/app", path: ../app, revision: "1.0"}
  tool: {url: "https://github.com/example/tool", path: ../tool, revision: "1.0"}
scope: ["app:web/", "tool:readme"]
summary: |
  Read [this first](finding:F-1), then [that](finding:F-3-MARKER) and [](finding:F-3-MARKER). ![](image:MARKER-declared)
recommendation: See [](finding:OLD-MARKER).
sections:
  - title: Method
    text: |
      The shown section. ![A shown picture](image:shown)

      ![A caption without it](pictures/MARKER-declared.png)

      See [](table:shown), [](table:MARKER-placed), [](table:MARKER-written) and [the other](table:MARKER-declared).

      ![Another caption without it](table:MARKER-declared)

      ![](table:shown)
  - {title: Notes on MARKER, text: "MARKER, as in [](finding:F-1)", audience: [internal]}
  - {title: File of MARKER, file: texts/MARKER.md, place: after, audience: [internal]}
fields:
  - {name: zone, label: Trust zone}
  - {name: MARKER, label: Field MARKER, audience: [internal]}
attachments:
  - {file: shown.txt, title: A shown file, audience: [client, internal]}
  - {file: MARKER.txt, title: File of MARKER, audience: [internal]}
tables:
  - {name: shown, file: tables/shown.csv, caption: Hosts in scope}
  - {name: MARKER-declared, file: tables/MARKER-declared.csv, caption: MARKER, audience: [internal]}
  - {name: MARKER-placed, file: tables/MARKER-placed.csv, caption: MARKER}
images:
  - {name: shown, file: pictures/shown.png, alt: A grey box}
  - {name: MARKER-declared, file: pictures/MARKER-declared.png, alt: MARKER, caption: MARKER, audience: [internal]}
  - {name: MARKER-placed, file: pictures/MARKER-placed.png, alt: MARKER, caption: MARKER}
"""

_EVERY_FIELD = """\
title: The MARKER is open
category: MARKER
severity: critical
severity_reason: MARKER
rating: {impact: low, likelihood: low}
difficulty: low
cvss: CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N
cwe: [CWE-506]
tags: [MARKER]
residual_severity: low
owner: MARKER
due: 2026-04-01
affected: [{kind: MARKER, name: "https://MARKER.example.org/", note: MARKER}]
summary: MARKER
description: |
  MARKER ![MARKER](image:MARKER-placed)

  ![MARKER](location:MARKER)

  Table: MARKER {#MARKER-written}

  | MARKER | B |
  |---|---|
  | MARKER | 1 |
impact: MARKER
scenario: MARKER
proof: MARKER
recommendation: {short_term: MARKER, long_term: MARKER}
response: MARKER
locations:
  - {name: MARKER, role: MARKER, repository: tool, path: MARKER/tool.py, lines: 1-4, caption: MARKER, notes: {2: MARKER}}
  - {repository: app, path: internal/MARKER.py, lines: 3-6, quote: "    return request.MARKER"}
fix: {commits: [MARKER], pull_requests: ["https://example.org/MARKER"], note: MARKER}
history: [{date: 2026-03-01, status: open, by: MARKER, commit: MARKER, note: MARKER}]
references: [{url: "https://example.org/MARKER", title: MARKER}]
tickets: ["jira:MARKER-1"]
aliases: [OLD-MARKER]
found_by: MARKER
extra: {zone: MARKER, MARKER: MARKER}
audience: [internal]
"""

_FINDINGS = {
    "F-1": """\
title: A shown weakness
severity: high
cwe: [CWE-79]
owner: Team Shop
due: 2026-04-01
related: [F-2, F-3-MARKER, OLD-MARKER]
description: |
  Like [the other](finding:F-3-MARKER), [](finding:OLD-MARKER) and [](finding:F-2); see [](location:MARKER).

  See [](table:MARKER-written) and [](table:shown).

  ![A caption of what is left out](location:MARKER)

  | A | B |
  |---|---|
  | [x](finding:F-3-MARKER) | ![y](pictures/MARKER-declared.png) |

  [note]: finding:F-3-MARKER
  [label][note] of a shown text.
summary: {text: "A summary for MARKER", audience: [internal]}
impact: {text: "An impact for everybody."}
proof:
  text: |
    `curl MARKER`
  audience: [internal]
response: {text: MARKER, audience: [internal]}
locations:
  - {repository: app, path: web/index.py, lines: 1-2, quote: "def index(request):", caption: "As in [](finding:F-3-MARKER)"}
  - {name: MARKER, role: MARKER, repository: app, path: internal/MARKER.py, lines: 1-2, caption: MARKER, audience: [internal]}
history:
  - {date: 2026-03-01, status: open, note: Reported}
  - {date: 2026-03-02, status: open, by: MARKER, note: MARKER, audience: [internal]}
extra: {zone: inside, MARKER: MARKER}
tickets: ["jira:SHOP-1"]
""".replace("  [note]: finding:F-3-MARKER\n  [label]", "  [label]").replace(
        "of a shown text.\n", "of a shown text.\n\n  [note]: finding:F-3-MARKER\n"
    ),
    "F-2": """\
title: Another shown weakness
severity: low
status: resolved
description: Shown to everybody.
locations: [{repository: app, path: web/other.py, lines: 1}]
aliases: [OLD-2]
audience: [client, internal]
""",
    "F-3-MARKER": _EVERY_FIELD,
    "F-4-MARKER": "title: MARKER\nseverity: low\ndescription: MARKER [](finding:F-1)\naudience: [internal]\n",
}


def places(root: Path, *, skipped: Path | None = None) -> list[str]:
    """Return every place below `root` where a marker can be found: names, bytes, and all that the bytes hold packed."""
    found: list[str] = []
    for path in sorted(root.rglob("*")):
        if skipped is not None and path.is_relative_to(skipped):
            continue
        if _has(str(path.relative_to(root)).encode()):
            found.append(f"name: {path}")
        if path.is_file():
            found += [f"{path}: {where}" for where, content in layers(path.read_bytes()) if _has(content)]
    return found


def _has(content: bytes) -> bool:
    plain = content.lower().replace(b"\0", b"").replace(b"\\", b"")
    return MARKER.encode() in plain or MARKER.encode() in urllib.parse.unquote_to_bytes(plain.replace(b"-\n", b""))


_PACKED = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")


def layers(content: bytes, where: str = "bytes") -> Iterator[tuple[str, bytes]]:
    """Yield `content`, and everything that is packed in it: streams of a PDF, its embedded files, base64, zlib."""
    yield where, content
    if content.startswith(b"%PDF-"):
        with pikepdf.open(io.BytesIO(content)) as pdf:
            for index, thing in enumerate(pdf.objects):
                yield f"{where}, object {index}", repr(thing).encode()
                if isinstance(thing, pikepdf.Stream):
                    yield from layers(thing.read_bytes(pikepdf.StreamDecodeLevel.all), f"{where}, stream {index}")
            yield from layers(b"\n".join(page_text(pdf)), f"{where}, text")
        return
    if content.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(content)) as image:
            yield f"{where}, picture", str(image.info).encode()
            if image.convert("RGB").getpixel((0, 0)) in ((201, 17, 93), (202, 18, 94)):
                yield f"{where}, pixels", MARKER.encode()
        return
    for match in _PACKED.finditer(content):
        packed = match[0].replace(b"-", b"+").replace(b"_", b"/")
        try:
            unpacked = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
        except ValueError:
            continue
        yield from layers(unpacked, f"{where}, base64")
    try:
        yield from layers(zlib.decompress(content), f"{where}, zlib")
    except zlib.error:
        return


def page_text(pdf: pikepdf.Pdf) -> Iterator[bytes]:
    """Yield the text that the fonts' ToUnicode tables give: what a reader copies from a page."""
    import subprocess
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        pdf.save(file.name)
        yield subprocess.run(["pdftotext", "-raw", file.name, "-"], capture_output=True, check=True).stdout
