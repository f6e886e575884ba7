"""The pictures of the documentation, drawn from the demo by the program itself. Run by `make pictures` and `make lint`.

With --check, terminal sessions (SVG) are recorded again and compared. Pictures of pages (PNG) depend on the versions of
Chromium and poppler; what they are drawn from is compared instead: the digest of templates, demo and this file.
Drawing needs pdftoppm, pdftotext and chromium.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import recording
from PIL import Image, ImageDraw, ImageOps

ROOT: Final = Path(__file__).parents[1]
IMAGES: Final = ROOT / "docs/images"
DRAWN_FROM: Final = IMAGES / "drawn-from.json"
INPUTS: Final = ("templates", "findings_report/authoring/demo", "findings_report/fonts", "tools/pictures.py")
MOST_BYTES: Final = 1_500_000
"""Bytes of all pictures together; a clone of the repository has every version of them."""
PAGE_WIDTH: Final = 690
SMALL_WIDTH: Final = 400
WINDOW: Final = (1280, 860)
EDGE: Final = "#d5dae0"
CODE: Final = "SELECT id, body"
"""Code that the first finding of the demo cites."""
TEMPLATES: Final = ("standard", "review", "severity-difficulty", "impact-likelihood", "risk-retest", "affected-files")
AUTHOR: Final = "git -c user.name=Ada -c user.email=ada@example.org"
REVIEW: Final = """# Review of quicknotes

## [H-01] Search words become SQL

**Severity:** High

The statement is built from strings, in `quicknotes/store.py:22`:

```python
    def search(self, owner, words):
```

## [M-01] Passwords are stored as MD5

**Severity:** Medium

`quicknotes/session.py:15`

```python
    def store_password(self, password):
        self.password = hashlib.md5(password.encode()).hexdigest()
```
"""
BRANDING: Final = """
logo: logo.png
colours: {accent: "#7a1f3d"}
cover: art
words:
  Findings: Observations
"""


def sessions(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, SVG) of each terminal session; `folder` is empty, and is where the commands run."""
    move = "sed -i 's/lines: 15-18/lines: 20-23/' quicknotes/findings/DEMO-003.finding.yaml"
    steps = recording.record(folder, ["findings-report demo quicknotes", move, "findings-report check quicknotes"])
    yield "terminal.svg", recording.draw(steps, moving=True)
    yield "quotes.svg", recording.draw(steps[-1:])

    shutil.rmtree(folder / "quicknotes")
    recording.record(folder, ["findings-report demo quicknotes"])
    manifest = ["findings-report build -f html --manifest", "findings-report verify build/manifest.json"]
    yield "verify.svg", recording.draw(recording.record(folder / "quicknotes", manifest))

    # A tracker that answers nothing: what a program of your own would be given is described in docs/tickets.md.
    os.environ["FINDINGS_REPORT_COMMAND_DESK"] = "true"
    attach = "findings-report attach build/report.html --to command:desk/A-7"
    yield "tickets.svg", recording.draw(recording.record(folder / "quicknotes", [f"{attach} --dry-run", attach, attach]))

    # The model of the picture has written one quote that is in the code, and one that it made up.
    imported = folder / "quicknotes/review"
    shutil.copytree(folder / "quicknotes/findings", imported, ignore=shutil.ignore_patterns("DEMO-*"))
    (folder / "quicknotes/review.md").write_text(REVIEW, "utf-8")
    yield (
        "import.svg",
        recording.draw(recording.record(folder / "quicknotes", ["findings-report import review review.md -C review"])),
    )
    shutil.rmtree(imported)

    yield from deliveries(folder)

    yield "diff.svg", recording.draw(follow_up(folder / "quicknotes")[-1:])

    comment = [
        "sh -c 'findings-report diff report-1.0 > diff.txt'",
        "findings-report ci comment --comparison diff.txt --dry-run",
    ]
    yield "comment.svg", recording.draw(recording.record(folder / "quicknotes", comment)[-1:])


def deliveries(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, SVG) of what else is made of the demo; `folder` has it, and each session has a copy."""

    def session(name: str, *shown: str, before: tuple[str, ...] = (), added: str = "") -> tuple[str, str]:
        work = folder / name
        shutil.copytree(folder / "quicknotes", work / "quicknotes", symlinks=True)
        with (work / "quicknotes/findings/DEMO-003.finding.yaml").open("a", encoding="utf-8") as file:
            file.write(added)
        recording.record(work / "quicknotes", before)
        steps = recording.record(work if "quicknotes" in " ".join(shown) else work / "quicknotes", shown)
        shutil.rmtree(work)
        return f"{name}.svg", recording.draw(steps)

    yield session("office", "findings-report build -f docx -f xlsx")
    yield session("exchange", "findings-report build -f sarif -f gitlab-sast -f defectdojo")
    masked = "    redact:\n      - {lines: 16, match: random.choice(ALPHABET)}\n"
    yield session("masked", "findings-report build -f md -o report.md", "grep █redacted█ report.md", added=masked)
    # In pieces, so that no scanner takes this file for a leak.
    token = "".join(("gh", "p_", "aB3dE5fG7hJ9kL1m", "N3pQ5rS7tU9vW1xY3zA5"))
    yield session("secrets", "findings-report check", added=f"proof: |\n  The token of the test account is `{token}`.\n")
    new = "findings-report new 'Open redirect' --path quicknotes/web.py --lines 17-19 -C quicknotes"
    yield session("library", new, "cat quicknotes/findings/DEMO-005.finding.yaml")
    subject = "-subj '/CN=Ada Example' -addext keyUsage=digitalSignature,nonRepudiation"
    pair = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 {subject}"
    sign = "findings-report sign build/report.pdf --key key.pem --certificate cert.pem"
    verify = "findings-report verify build/report.pdf --trust cert.pem"
    yield session("signature", sign, verify, before=("findings-report build -f pdf", pair))
    copy = "sh -c 'cp -r . ../billing'"
    yield session("many", "findings-report build quicknotes billing -f html -o out/", before=(copy,))


def follow_up(folder: Path) -> list[recording.Step]:
    """Deliver the demo as `report-1.0`, move its citations to release 1.1, claim that two findings are fixed, and compare."""
    (folder / ".gitignore").write_text("app/\nbuild/\n", "utf-8")
    recording.record(folder, ["git init -q", "git add findings", f"{AUTHOR} commit -q -m Delivered", "git tag report-1.0"])
    recording.record(folder, ["findings-report track --to 1.1 --update"])
    for name in ("DEMO-001", "DEMO-002"):
        file = folder / f"findings/{name}.finding.yaml"
        file.write_text(file.read_text("utf-8").replace("status: open", "status: resolved"), "utf-8")
    return recording.record(folder, ["findings-report diff report-1.0"])


def run(*command: str | Path, folder: Path | None = None) -> str:
    """Return what a program prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout


def program(*arguments: str | Path, folder: Path) -> None:
    """Run findings-report in a folder."""
    run(Path(sys.executable).with_name("findings-report"), *arguments, folder=folder)


def pages(pdf: Path, *wanted: str | int, width: int = PAGE_WIDTH) -> list[Image.Image]:
    """Return pages as pictures: for a text the first that contains it; for a number so many pages on."""
    printed = run("pdftotext", pdf, "-").split("\f")
    pictures: list[Image.Image] = []
    number = 0
    for what in wanted:
        if isinstance(what, int):
            number += what
        else:
            number = next(at for at, page in enumerate(printed, 1) if what in page)
        run("pdftoppm", "-f", str(number), "-l", str(number), "-r", "150", "-png", "-singlefile", pdf, pdf.with_suffix(""))
        with Image.open(pdf.with_suffix(".png")) as page:
            height = round(page.height * width / page.width)
            pictures.append(page.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    return pictures


def side_by_side(pictures: list[Image.Image], gap: int = 12) -> Image.Image:
    """Return pictures of one size in a row, on a ground that shows their edges."""
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) + 1)
    row = Image.new("RGB", (width, pictures[0].height + 2 * gap), EDGE)
    for index, picture in enumerate(pictures):
        row.paste(picture, (gap + index * (picture.width + gap), gap))
    return row


def window(address: str, profile: Path, size: tuple[int, int] = WINDOW) -> Image.Image:
    """Return what a reader sees who opens the address."""
    shot = profile.with_suffix(".png")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    options += ["--hide-scrollbars", "--proxy-server=127.0.0.1:9", f"--user-data-dir={profile}"]
    run("chromium", *options, f"--screenshot={shot}", f"--window-size={size[0]},{size[1]}", address)
    with Image.open(shot) as picture:
        return ImageOps.expand(picture.convert("RGB"), border=1, fill=EDGE)


def draw_logo(file: Path) -> None:
    """Write the logo of a firm that does not exist: three bars in a square, white on nothing."""
    logo = Image.new("RGBA", (240, 240), (0, 0, 0, 0))
    pen = ImageDraw.Draw(logo)
    for index, height in enumerate((90, 150, 210)):
        pen.rounded_rectangle((18 + 74 * index, 225 - height, 72 + 74 * index, 225), 12, fill=(122, 31, 61, 255))
    logo.save(file)


def screens(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    """Yield (name, picture) of each page and window; `folder` is empty."""
    program("demo", "demo", folder=folder)
    demo = folder / "demo"
    for name in TEMPLATES:
        program("build", "-f", "pdf", "--template", name, "-o", f"{name}.pdf", folder=demo)
        # Most templates change how a finding is laid out, and share the rest with `standard`.
        wanted = (1, CODE) if name in ("standard", "review") else (CODE, 1)
        yield f"template-{name}.png", side_by_side(pages(demo / f"{name}.pdf", *wanted, width=SMALL_WIDTH), gap=8)
    yield "report.png", side_by_side(pages(demo / "standard.pdf", "What to do first", "Figure DEMO-001.1"))

    program("build", "-f", "html", folder=demo)
    html = (demo / "build/report.html").as_uri()
    yield "html.png", window(html, folder / "profile")
    program("build", "-f", "html", "--each", folder=demo)
    yield "evidence.png", window((demo / "build/findings/DEMO-001.html").as_uri(), folder / "profile", (900, 1060))

    engagement = demo / "findings/engagement.yaml"
    written = engagement.read_text("utf-8")
    draw_logo(demo / "findings/logo.png")
    engagement.write_text(written + BRANDING, "utf-8")
    program("build", "-f", "pdf", "-o", "firm.pdf", folder=demo)
    yield "firm.png", side_by_side(pages(demo / "firm.pdf", 1, "What to do first", width=SMALL_WIDTH), gap=8)
    engagement.write_text(f"{written}language: fr\n", "utf-8")
    program("build", "-f", "pdf", "-o", "french.pdf", folder=demo)
    yield "language.png", side_by_side(pages(demo / "french.pdf", 1, CODE, width=SMALL_WIDTH), gap=8)
    engagement.write_text(written, "utf-8")

    follow_up(demo)
    program("diff", "report-1.0", "--template", "fix-review", "-f", "pdf", "-o", "fix.pdf", folder=demo)
    yield "template-fix-review.png", side_by_side(pages(demo / "fix.pdf", 1, 1, width=SMALL_WIDTH), gap=8)


def inputs() -> str:
    """Return the digest of what the pictures of pages are drawn from."""
    digest = hashlib.sha256()
    for name in INPUTS:
        path = ROOT / name
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" not in file.parts:
                content = file.read_bytes()
                digest.update(f"{file.relative_to(ROOT).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def faults(folder: Path) -> list[str]:
    """Return what is out of date among the pictures; `folder` is empty."""
    drawn = json.loads(DRAWN_FROM.read_text("utf-8"))
    stale = [] if drawn["inputs"] == inputs() else ["templates, the demo or tools/pictures.py have changed"]
    stale += [f"{name} is missing" for name in drawn["pictures"] if not (IMAGES / name).is_file()]
    for name, text in sessions(folder):
        if not (IMAGES / name).is_file() or (IMAGES / name).read_text("utf-8") != text:
            stale.append(f"{name}: the program prints something else")
    size = sum(file.stat().st_size for file in IMAGES.iterdir())
    return stale + ([f"the pictures have {size:,} bytes, more than {MOST_BYTES:,}"] if size > MOST_BYTES else [])


def draw(folder: Path) -> None:
    """Draw all pictures, and note what they are drawn from; `folder` is empty."""
    IMAGES.mkdir(exist_ok=True)
    (folder / "sessions").mkdir()
    (folder / "screens").mkdir()
    names = []
    for name, text in sessions(folder / "sessions"):
        (IMAGES / name).write_text(text, "utf-8")
        names.append(name)
    for name, picture in screens(folder / "screens"):
        colours = 256 if picture.width > 2 * PAGE_WIDTH else 96
        picture.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)
        names.append(name)
    for name in names:
        print(f"{name}: {(IMAGES / name).stat().st_size // 1000} kB")
    for file in IMAGES.iterdir():
        if file.name not in (*names, DRAWN_FROM.name):
            file.unlink()
    DRAWN_FROM.write_text(json.dumps({"inputs": inputs(), "pictures": sorted(names)}, indent=2) + "\n", "utf-8")


def main() -> int:
    """Draw, or with --check compare; return the exit code."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        if "--check" not in sys.argv:
            draw(Path(name))
            return 0
        stale = faults(Path(name))
    for fault in stale:
        print(f"docs/images is out of date, run `make pictures`: {fault}", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
