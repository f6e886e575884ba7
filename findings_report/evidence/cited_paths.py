"""Paths as people write them: copied from an editor, a tool, a diff, a file manager or a forge.

Pure. In: the path of a location that is not in the commit. Out: the paths that may be meant, as git writes them, the likeliest
first. Whether one of them exists is for the caller to find out, who has looked for the written path before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from findings_report.model.evidence import Region

_LINES: Final = re.compile(
    r"(?:"
    # forges and editors: #L12, #L12-L14, #L12C3-L14C5, #lines-12:14, #12, and ?plain=1
    r"(?:\?[^#?/]*)?#(?:L|lines?-)?(?P<a>[0-9]{1,7})(?:C[0-9]+)?(?:[-:]L?(?P<b>[0-9]{1,7})(?:C[0-9]+)?)?"
    # grep, compilers, editors: :12, :12-14, :12:5, :L12
    r"|:L?(?P<c>[0-9]{1,7})(?:-L?(?P<d>[0-9]{1,7})|:[0-9]+)?:?"
    # MSBuild: (12), (12,5); prose: (line 12), (lines 12-14), line 12
    r"|\s?\((?:lines?\s)?(?P<e>[0-9]{1,7})(?:\s?[-–]\s?(?P<f>[0-9]{1,7})|,[0-9]+)?\)"
    r"|,?\slines?\s(?P<g>[0-9]{1,7})(?:\s?[-–]\s?(?P<h>[0-9]{1,7}))?"
    r")\Z",
    re.IGNORECASE,
)
_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_DRIVE: Final = re.compile(r"/?[A-Za-z]:/")
_OF_REVISION: Final = re.compile(r"[^:]{2,}:(?P<path>[^/:][^:]*)")
_ESCAPED_BYTE: Final = re.compile(r"\\x([0-9a-f]{2})")
_PLAIN_URL: Final = re.compile(r"(?:https?|ssh)://[\w.~:@/+-]+|[\w.-]+@[\w.-]+:[\w./~+-]+")

_LONGEST: Final = 4096  # Source: Linux, PATH_MAX
_MOST_LEADING: Final = 50
"""Leading folders that are set aside; each is a path to look for."""

_DIFF_SIDES: Final = frozenset({"a", "b", "i", "w", "c", "o"})
"""What git writes before the paths of a diff. Source: git-diff, diff.mnemonicPrefix."""

_BEFORE_REVISION: Final = frozenset({"blob", "blame", "raw", "tree", "src", "edit", "commit"})
"""Parts of an address on a forge that the revision follows."""


@dataclass(frozen=True)
class PathReading:
    """One way to read a path."""

    path: str
    """POSIX, from the repository's root."""
    lines: tuple[Region, ...]
    """The lines that are written behind the path."""
    is_sure: bool
    """True if nothing but the notation and what is known to be in front was set aside; False for a guess, to be proposed."""


def read_path(written: str, homes: Collection[str]) -> tuple[PathReading, ...]:
    """Return the ways to read a path, the likeliest first; none has an empty part, `.` or `..`.

    `homes` are the names that the repository's folder may have, in lower case.
    """
    text = written.strip().strip("`\"'<>")
    if len(text) > _LONGEST:
        return ()
    readings: list[PathReading] = []
    # With and without the lines behind it: `:12` may be part of a name.
    match = _LINES.search(text)
    forms = [(text, ())] if match is None else [(text[: match.start()], _region_of(match)), (text, ())]
    for form, lines in forms:
        for candidate, is_absolute in _read_notations(form, homes):
            parts = [part for part in candidate.split("/") if part not in ("", ".")]
            if ".." not in parts:
                readings += (
                    PathReading("/".join(parts[start:]), lines, is_sure)
                    for start, is_sure in _choose_starts(parts, homes, is_absolute=is_absolute)
                )
    return tuple(dict.fromkeys(sorted(readings, key=lambda reading: not reading.is_sure)))


def _region_of(match: re.Match[str]) -> tuple[Region, ...]:
    first, last = ([int(number) for number in match.groups() if number is not None] * 2)[:2]
    return (Region(start_line=first, end_line=last),) if 0 < first <= last else ()


def _read_notations(text: str, homes: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield (path with `/`, whether it is absolute: folders in front of it are expected) for each notation of `text`."""
    if (match := _URL.fullmatch(text)) is not None:
        rest = unquote(match["rest"]).replace("\\", "/")
        if not match["scheme"].lower().startswith("http"):
            yield rest, True
            return
        parts = rest.partition("?")[0].split("/")
        # The path is behind the revision, which may have several parts.
        at = next((at for at, part in enumerate(parts) if at > 1 and part in _BEFORE_REVISION), 0)
        is_ours = any(part.casefold().removesuffix(".git") in homes for part in parts[: at or None])
        yield "/".join(parts[at + 1 :]), is_ours
        if at and is_ours:
            yield "/".join(parts[at + 2 :]), False
        return
    for form in dict.fromkeys((text, unquote(text))):
        slashed = form.replace("\\", "/")
        yield slashed, slashed.startswith(("/", "~")) or _DRIVE.match(slashed) is not None
        if (match := _OF_REVISION.fullmatch(slashed)) is not None:  # as `git show v1.0:src/app.py` takes it
            yield match["path"], False


def _choose_starts(parts: list[str], homes: Collection[str], *, is_absolute: bool) -> Iterator[tuple[int, bool]]:
    """Yield (how many leading parts are set aside, whether that is sure), the longest path first."""
    for start in range(min(len(parts), _MOST_LEADING)):
        is_home = start > 0 and parts[start - 1].casefold() in homes
        is_side = start == 1 and parts[0] in _DIFF_SIDES
        # A name alone, behind folders that nobody knows, may be the name of another file.
        is_sure = start == 0 or is_home or is_side or (is_absolute and len(parts) - start > 1)
        yield start, is_sure


def fold(path: str) -> str:
    """Return what two paths have in common that differ in case, Unicode form, or the encoding of a name only."""
    # Git gives a byte of a name that is not UTF-8 as `\\xe9`, which is Latin-1's code of the character.
    plain = _ESCAPED_BYTE.sub(lambda match: chr(int(match[1], 16)), path)
    return unicodedata.normalize("NFC", plain).casefold()


def write_path(path: str) -> str:
    """Return `path` as it has to be written in YAML; with escapes where it is not in the form that keyboards type."""
    if path == unicodedata.normalize("NFC", path):
        return f"`{path}`"
    return '`"' + "".join(c if " " <= c <= "~" and c not in '"\\' else _escape(c) for c in path) + '"`'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\{character}" if character in '"\\' else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def describe_difference(written: str, path: str) -> str:
    """Return in what a path differs from the one that was written, as the end of a sentence."""
    if written == path:
        return "the same"
    if unicodedata.normalize("NFC", written) == unicodedata.normalize("NFC", path):
        form = "decomposed (NFD)" if path == unicodedata.normalize("NFD", path) else "composed (NFC)"
        return f"the same name in the {form} form of Unicode"
    return "which differs in upper and lower case only" if fold(written) == fold(path) else "the same path as git writes it"


def suggest_path(path: str, guesses: Sequence[str], paths: Sequence[str]) -> str | None:
    """Return a remedy that names the likeliest of `paths`: the `guesses`, files of the same name, else of a similar path."""
    from rapidfuzz import fuzz, process

    base = fold(path.rpartition("/")[2])
    same = [name for name in paths if fold(name.rpartition("/")[2]) == base]
    # A file of the same name in another folder is worth suggesting however unlike its path is.
    matches = process.extract(path, same or paths, scorer=fuzz.ratio, limit=3, score_cutoff=0 if same else 80)
    likely = list(dict.fromkeys([*guesses, *(name for name, _, _ in matches)]))[:3]
    return f"did you mean {' or '.join(likely)}?" if likely else None


def list_parents(path: str) -> Iterator[tuple[str, str]]:
    """Yield each folder of a path with the rest of it, the topmost first."""
    parts = path.split("/")
    return (("/".join(parts[:at]), "/".join(parts[at:])) for at in range(1, len(parts)))


def find_submodule_url(gitmodules: str, path: str, *, base: str | None) -> str | None:
    """Return the address of the submodule at `path`, as a `.gitmodules` gives it; None if it gives none that can be cloned.

    A relative address is relative to `base`, the repository's own. Source: gitmodules.
    """
    sections: list[dict[str, str]] = []
    for line in gitmodules.splitlines():
        text = line.strip()
        if text.startswith("["):
            sections.append({})
        elif sections and "=" in text:
            name, _, value = text.partition("=")
            sections[-1][name.strip().lower()] = value.strip().strip('"')
    url = next((section.get("url") for section in sections if section.get("path", "").strip("/") == path), None)
    if url is not None and url.startswith(("./", "../")):
        parent = (base or "").rstrip("/")
        while url.startswith(("./", "../")):
            parent = parent.rpartition("/")[0] if url.startswith("../") else parent
            url = url.partition("/")[2]
        url = f"{parent}/{url}"
    # The text is the audited repository's, and is proposed for copying.
    return url if url is not None and _PLAIN_URL.fullmatch(url) else None


def suggest_repository(path: str, home: str, commit: str, urls: Mapping[str, str | None]) -> str:
    """Return a remedy for a path in a submodule: the entry of `repositories` to add, and what to write in the location.

    `path` is the one in the submodule, empty for the submodule itself; `home` its address, or its folder if none can
    be cloned; `commit` what it is at; `urls` those of the engagement's repositories, by name.
    """
    url = home if _PLAIN_URL.fullmatch(home) else None
    known = next((name for name, other in urls.items() if url and other and _address(other) == _address(url)), None)
    name = known or _name_repository(home, urls)
    cite = f"write `repository: {name}`" + (f" and the path {write_path(path)}" if path else " and a path in it")
    return cite if known else f'add `{name}: {{url: {url or "..."}, commit: "{commit}"}}` under `repositories`, and {cite}'


def _address(url: str) -> str:
    """Return what addresses of one repository have in common: scheme, user, case and `.git` are set aside."""
    return re.sub(r"\A(?:\w+://)?(?:[^/@]*@)?", "", url).replace(":", "/").casefold().rstrip("/").removesuffix(".git")


def _name_repository(home: str, taken: Iterable[str]) -> str:
    """Return a name for a repository to add: the last part of its address or folder."""
    last = re.split(r"[/:]", home.rstrip("/"))[-1].removesuffix(".git")
    stem = re.sub(r"[^A-Za-z0-9._-]", "-", last) or "module"
    known = {name.casefold() for name in taken}
    return next(name for name in (stem, *(f"{stem}-{n}" for n in range(2, 1000))) if name.casefold() not in known)
