"""Versions and system libraries that decide the bytes of a document.

They are part of every cache key, and two machines that work on one build must have the same. Nothing here imports
WeasyPrint: the import takes a second, and fails if a library is missing, which is what `missing_libraries` is asked
for.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import platform
import re
import shlex
import shutil
import sys
import zlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import findings_report

LIBRARIES: Final = {
    "libgobject-2.0.so.0": "libglib2.0-0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
    "libfontconfig.so.1": "libfontconfig1",
}
"""File name of each library that WeasyPrint loads, and the Debian package that contains it."""

INSTALL: Final = (
    "brew install pango"
    if sys.platform == "darwin"
    else "apt-get install --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
)
"""The command that installs all of them: Homebrew on macOS, else for root on Debian and Ubuntu."""

PACKAGES: Final = (
    *("pydantic", "pydantic-core", "jinja2", "markupsafe", "pygments"),
    *("markdown-it-py", "mdit-py-plugins", "mdurl"),
    *("weasyprint", "cssselect2", "pyphen", "tinycss2", "tinyhtml5", "webencodings"),
    *("pikepdf", "fonttools", "lxml", "pillow", "pydyf"),
)
"""The Python packages that decide a document. Omitted: cffi, which only calls libraries, and brotli, which only reads fonts."""

FORMAT_PACKAGES: Final = ("python-docx", "XlsxWriter")
"""The packages of extras that decide a document of one format."""

OWN_FILES: Final = "findings-report's own files"
"""Key of the digest that distinguishes two programs of one version, such as two checkouts."""

# Templates are part of the document and in its key already; an installed package contains them. Python writes and
# removes files in __pycache__ while another process runs: a file that vanished once ended a build with a traceback.
_NOT_CODE: Final = ("templates", "__pycache__")

EXTRAS: Final = {
    "cluster": "renders on a cluster: build --executor",
    "docx": "writes documents for Word: build -f docx",
    "keyring": "finds tokens in the desktop's keyring: attach, tickets",
    "secrets": "looks for credentials before they are printed: check, build",
    "sign": "signs PDFs and examines signatures: sign, verify",
    "svg": "draws logos and pictures in SVG: check, build",
    "tickets": "talks to issue trackers: attach, tickets",
    "xlsx": "writes workbooks for Excel: build -f xlsx",
}
"""The optional dependencies of pyproject.toml, and what each enables."""

_EXTRA_MARKER: Final = re.compile(r"extra\s*==\s*[\"']([\w-]+)[\"']")
_PACKAGE_NAME: Final = re.compile(r"[\w.-]++")

_HARFBUZZ_SUBSET: Final = "libharfbuzz-subset.so.0"
_RTLD_DI_LINKMAP: Final = 2  # glibc and musl: dlfcn.h


def install_extra(*extras: str) -> str:
    """Return the command that adds optional dependencies to the program, by the installer and from the place it came from.

    No registry has the package: whoever registers its name there could run code on the machine of a user who installs it by
    that name. Source of `direct_url.json` and `INSTALLER`: PEP 610, and the specification of recorded projects of the PyPA.
    """
    if (Path(sys.prefix) / "pipx_metadata.json").is_file():
        # pipx keeps what was injected when it upgrades the program. Its name of the environment may have a suffix.
        requirements = [f"'{each}'" for extra in extras for each in extra_requirements().get(extra, ())]
        return f"pipx inject {shlex.quote(Path(sys.prefix).name)} {' '.join(requirements)}"
    if (Path(sys.prefix) / "uv-receipt.toml").is_file():
        # The whole tool is installed again: an extra that it has and that is not named here would be gone.
        return f"uv tool install --force {_requirement(sorted({*extras, *installed_extras()}))}"
    try:
        by_uv = (distribution("findings-report").read_text("INSTALLER") or "").strip() == "uv"
    except PackageNotFoundError:
        by_uv = False
    if by_uv:
        return f"uv pip install --python {shlex.quote(sys.executable)} {_requirement(extras)}"
    # The `pip` that a shell knows may be another Python's: the program is often run without activating its environment.
    at_hand = shutil.which("pip")
    is_own = at_hand is not None and Path(at_hand).parent == Path(sys.executable).parent
    return f"{'pip' if is_own else f'{shlex.quote(sys.executable)} -m pip'} install {_requirement(extras)}"


def _requirement(extras: Sequence[str]) -> str:
    """Return the program with `extras` as an installer reads it on a command line."""
    requirement = f"findings-report[{','.join(extras)}]"
    try:
        origin: dict[str, Any] = json.loads(distribution("findings-report").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        origin = {}
    url = str(origin.get("url", ""))
    if "dir_info" in origin:
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return f"{editable}'{unquote(urlsplit(url).path)}[{','.join(extras)}]'"
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if url:
        return f"'{requirement} @ {url}'"
    return f"'{requirement} @ ADDRESS', with the ADDRESS of the wheel or repository that the program is from"


def extra_requirements() -> dict[str, tuple[str, ...]]:
    """Return the packages of each extra, with their versions, as the installed metadata has them; empty without metadata."""
    try:
        lines = requires("findings-report") or []
    except PackageNotFoundError:
        return {}
    packages: dict[str, tuple[str, ...]] = {}
    for line in lines:
        requirement, _, marker = line.partition(";")
        if extra := _EXTRA_MARKER.search(marker):
            packages[extra[1]] = (*packages.get(extra[1], ()), requirement.strip())
    return packages


def installed_extras() -> tuple[str, ...]:
    """Return the names of the extras all of whose packages are installed."""
    return tuple(
        extra
        for extra, requirements in extra_requirements().items()
        if all(_is_installed(_PACKAGE_NAME.match(each)) for each in requirements)
    )


def _is_installed(name: re.Match[str] | None) -> bool:
    try:
        return name is not None and bool(version(name[0]))
    except PackageNotFoundError:
        return False


def missing_libraries() -> tuple[str, ...]:
    """Return the file names of the libraries that cannot be loaded, in the order of LIBRARIES."""
    return tuple(name for name in LIBRARIES if _load(name) is None)


def required_libraries_missing() -> tuple[str, ...]:
    """Return the missing libraries that PDF cannot do without.

    Without HarfBuzz's subsetter WeasyPrint uses fontTools instead, and the file is only larger.
    """
    return tuple(name for name in missing_libraries() if name != _HARFBUZZ_SUBSET)


def library_versions() -> dict[str, str]:
    """Return the versions that a report states, by name; a library that is missing is left out."""
    versions = {"WeasyPrint": version("weasyprint"), "pikepdf": version("pikepdf")}
    if pango := _load("libpango-1.0.so.0"):
        pango.pango_version_string.restype = ctypes.c_char_p
        versions["Pango"] = pango.pango_version_string().decode()
    if harfbuzz := _load("libharfbuzz.so.0"):
        harfbuzz.hb_version_string.restype = ctypes.c_char_p
        versions["HarfBuzz"] = harfbuzz.hb_version_string().decode()
    if fontconfig := _load("libfontconfig.so.1"):
        number = int(fontconfig.FcGetVersion())  # 2.14.1 is 21401
        versions["Fontconfig"] = f"{number // 10_000}.{number // 100 % 100}.{number % 100}"
    return versions


@cache
def toolchain_versions() -> dict[str, str]:
    """Return everything that decides the bytes of a document, by name; a library that is missing is left out.

    Two machines for which these are equal make the same bytes of the same document. System fonts are not included: a
    document that uses them is not cached.
    """
    versions = {"findings-report": findings_report.__version__, "Python": platform.python_version(), **library_versions()}
    versions |= {name: version(name) for name in PACKAGES}
    # FreeType measures every glyph, libpangoft2 selects the fonts, and the subsetter writes them. The latter two have no
    # function that returns their own version, and FreeType's needs an open library: the file name contains all three.
    for name in ("libfreetype.so.6", "libpangoft2-1.0.so.0", _HARFBUZZ_SUBSET):
        if file := _file_of(name):
            versions[name] = file
    return versions | {"zlib": zlib.ZLIB_RUNTIME_VERSION, OWN_FILES: _digest_code()}


@cache
def toolchain_digest() -> str:
    """Return a digest of `toolchain_versions`, for cache keys."""
    return hashlib.sha256(json.dumps(sorted(toolchain_versions().items())).encode()).hexdigest()


def worker_versions() -> dict[str, str]:
    """Return the versions that a worker of a cluster must have: those of the toolchain, and of dask."""
    return toolchain_versions() | {"distributed": version("distributed")} | format_versions()


def format_versions() -> dict[str, str]:
    """Return the versions of those FORMAT_PACKAGES that are installed, by name."""
    versions: dict[str, str] = {}
    for name in FORMAT_PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def describe_difference(theirs: object) -> str | None:
    """Describe the first difference between another machine's `worker_versions` and this machine's; None if there is none.

    `theirs` comes from JSON that another machine sent.
    """
    ours = worker_versions()
    if not isinstance(theirs, dict):
        return "it does not state its versions"
    for name in dict.fromkeys([*ours, *theirs]):
        if ours.get(name) != theirs.get(name):
            if name == OWN_FILES:
                return f"{OWN_FILES} are not the same"
            return f"it has {name} {theirs.get(name, 'not at all')}, and this machine {ours.get(name, 'not at all')}"
    return None


def _load(name: str) -> ctypes.CDLL | None:
    # The dynamic linker of macOS has the version before the suffix: libpango-1.0.0.dylib.
    file_name = re.sub(r"\.so\.(\d+)$", r".\1.dylib", name) if sys.platform == "darwin" else name
    try:
        return ctypes.CDLL(file_name)
    except OSError:
        return None


def _file_of(name: str) -> str | None:
    """Return the real file name of a library, such as libfreetype.so.6.20.0; None if it is missing or cannot be located."""
    library = _load(name)
    if library is None:
        return None
    link_map = ctypes.POINTER(_LinkMap)()
    try:
        if ctypes.CDLL(None).dlinfo(ctypes.c_void_p(library._handle), _RTLD_DI_LINKMAP, ctypes.byref(link_map)) != 0:
            return None
    except AttributeError:  # no dlinfo in this C library, as on macOS
        return None
    return Path(link_map.contents.path.decode()).resolve().name


class _LinkMap(ctypes.Structure):
    """The first two fields of `struct link_map` in link.h."""

    _fields_ = (("address", ctypes.c_void_p), ("path", ctypes.c_char_p))


def _digest_code() -> str:
    root = Path(findings_report.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and not set(_NOT_CODE) & set(name.parts):
            digest.update(f"{name.as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
