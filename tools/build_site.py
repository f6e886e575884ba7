"""Builds the documentation site from docs/ to build/site/, and checks what was built. Run by `make site`.

The site is static files: it can be read from a folder, without a server and without a network. The build fails on a link
without a target, on a page that the navigation does not list, and on a page that would load anything from elsewhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

ROOT: Final = Path(__file__).parents[1]
SITE: Final = ROOT / "build/site"
CONFIGURATION: Final = ROOT / "tools/documentation"
FROM_ROOT: Final = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages of the site that are not in docs/, because forges look for them in the root."""

_TO_ROOT: Final = re.compile(rf"\]\(\.\./({'|'.join(map(re.escape, FROM_ROOT))})")
_TO_DOCS: Final = re.compile(r"\]\(docs/")
_TO_CODE: Final = re.compile(r"\[([^\]]+)\]\((?:\.\./)+[^)\s]+\)")
_LOADED: Final = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "object": "data",
    "embed": "src",
    "form": "action",
}
"""Elements with the attribute whose address a browser opens on its own, or sends something to."""
_LOADING_RELATIONS: Final = {
    "stylesheet",
    "icon",
    "preconnect",
    "dns-prefetch",
    "preload",
    "prefetch",
    "modulepreload",
    "manifest",
}
_CSS_ADDRESS: Final = re.compile(r"(?:@import\s*|url\(\s*)[\"']?(?:https?:)?//", re.IGNORECASE)
_SCRIPT_ADDRESS: Final = re.compile(r"(?:fetch|import|open|src\s*=)\s*\(?\s*[\"'`](?:https?:)?//", re.IGNORECASE)


def stage(target: Path) -> None:
    """Copy pages and pictures to `target`, a folder that does not exist, with the links of the site."""
    shutil.copytree(ROOT / "docs", target)
    for name in FROM_ROOT:
        (target / name).write_text(_TO_DOCS.sub("](", (ROOT / name).read_text("utf-8")), "utf-8")
    for page in target.glob("*.md"):
        # Files of code are part of the repository and not of the site: their names stay, without a link.
        text = _TO_CODE.sub(r"\1", _TO_ROOT.sub(r"](\1", page.read_text("utf-8")))
        page.write_text(text, "utf-8")


class Page(HTMLParser):
    """What a page links to, what it loads, and which places it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.without_text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of an element."""
        values = {name: value or "" for name, value in attrs}
        self.places.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in _LOADED and values.get(_LOADED[tag]):
            self.loaded.append(values[_LOADED[tag]])
        if tag == "link" and _LOADING_RELATIONS & set(values.get("rel", "").split()):
            self.loaded.append(values.get("href", ""))
        if tag == "img" and not values.get("alt"):
            self.without_text.append(values.get("src", ""))


def faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with the built site: dead links, files from elsewhere, pictures without a text."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (f"{name}: picture without a text: {source}" for source in page.without_text)
        for address in page.loaded:
            if _is_elsewhere(address) or (address.partition("?")[0] and not _target(path, address).is_file()):
                yield f"{name}: loads {address}"
        for address in page.links:
            if _is_elsewhere(address) or address.startswith("mailto:"):
                continue
            target, place = _target(path, address), unquote(urlsplit(address).fragment)
            if not target.is_file() or (place and target in pages and place not in pages[target].places):
                yield f"{name}: dead link {address}"
    for suffix, pattern in ((".css", _CSS_ADDRESS), (".js", _SCRIPT_ADDRESS)):
        for path in sorted(site.rglob(f"*{suffix}")):
            if match := pattern.search(path.read_text("utf-8")):
                yield f"{path.relative_to(site)}: loads from elsewhere: {match[0]}"


def _is_elsewhere(address: str) -> bool:
    return address.startswith(("http:", "https:", "//"))


def _target(page: Path, address: str) -> Path:
    """Return the file that a relative address leads to; the page itself for a place within it."""
    relative = unquote(urlsplit(address).path)
    return (page.parent / relative).resolve() if relative else page


def main() -> int:
    """Build and check; return the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage(folder / "source")
        options = [
            "--fail-on-warning",
            "--keep-going",
            "--quiet",
            "--builder=html",
            f"--conf-dir={ROOT / 'tools/documentation'}",
        ]
        command = [sys.executable, "-m", "sphinx", *options, f"--doctree-dir={folder / 'read'}"]
        status = subprocess.run([*command, folder / "source", folder / "site"], check=False).returncode
        problems = list(faults(folder / "site")) if status == 0 else []
        for problem in problems:
            print(problem, file=sys.stderr)
        if status or problems:
            return 1
        shutil.rmtree(SITE, ignore_errors=True)
        shutil.copytree(folder / "site", SITE)
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())
    print(f"wrote {SITE.relative_to(ROOT)}/index.html  {size // 1000:,} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
