"""The README's pictures, from the demo: two pages of its PDF side by side, and its HTML in a browser. Run by `make pictures`.

Needs pdftoppm, pdftotext and chromium. The pictures depend on their versions, so they are made by hand and not compared.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

IMAGES = Path(__file__).parents[1] / "docs/images"
PAGE_WIDTH = 690
WINDOW = (1280, 860)


def run(*command: str | Path) -> str:
    """What a program prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def build(folder: Path) -> Path:
    """The demo's `build/`, HTML and PDF in it."""
    program = Path(sys.executable).with_name("findings-report")
    run(program, "demo", folder / "demo")
    run(program, "build", folder / "demo", "-f", "html", "-f", "pdf")
    return folder / "demo" / "build"


def pages(pdf: Path, *texts: str) -> list[Image.Image]:
    """For each text the first page that holds it, as a picture; the contents' page does not count."""
    printed = run("pdftotext", pdf, "-").split("\f")
    found = []
    for text in texts:
        number = next(number for number, page in enumerate(printed, 1) if text in page and "Contents" not in page)
        run("pdftoppm", "-f", str(number), "-l", str(number), "-r", "150", "-png", "-singlefile", pdf, pdf.with_suffix(""))
        with Image.open(pdf.with_suffix(".png")) as page:
            height = round(page.height * PAGE_WIDTH / page.width)
            found.append(page.convert("RGB").resize((PAGE_WIDTH, height), Image.Resampling.LANCZOS))
    return found


def side_by_side(pictures: list[Image.Image], gap: int = 12, ground: str = "#d5dae0") -> Image.Image:
    """Pictures of one size in a row, on a ground that shows their edges."""
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) + 1)
    row = Image.new("RGB", (width, pictures[0].height + 2 * gap), ground)
    for index, picture in enumerate(pictures):
        row.paste(picture, (gap + index * (picture.width + gap), gap))
    return row


def window(html: Path, profile: Path) -> Image.Image:
    """What a reader sees who opens the file."""
    shot = html.with_suffix(".png")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    options += ["--hide-scrollbars", "--proxy-server=127.0.0.1:9", f"--user-data-dir={profile}"]
    run("chromium", *options, f"--screenshot={shot}", f"--window-size={WINDOW[0]},{WINDOW[1]}", html.as_uri())
    with Image.open(shot) as picture:
        return ImageOps.expand(picture.convert("RGB"), border=1, fill="#d5dae0")


def keep(picture: Image.Image, name: str) -> None:
    """Write a small PNG."""
    IMAGES.mkdir(exist_ok=True)
    target = IMAGES / name
    picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.name}: {picture.width} x {picture.height}, {target.stat().st_size // 1000} kB")


def main() -> None:
    """Draw both pictures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        built = build(folder)
        keep(side_by_side(pages(built / "report.pdf", "What to do first", "Figure DEMO-001.1")), "report.png")
        keep(window(built / "report.html", folder / "profile"), "html.png")


if __name__ == "__main__":
    main()
