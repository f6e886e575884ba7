"""Address of cited lines on the forge that hosts a repository.

Pure. A forge is recognised by its host's name alone; an unknown one gives no link, since a wrong link is worse than none.
Source: the forges' own addresses of a file at a commit, as their web pages give them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from findings_report.model.evidence import Region

_SCP = re.compile(r"(?:[^@/\s:]+@)?(?P<host>[A-Za-z0-9.-]+):(?!//)(?P<path>[^\s]+)\Z")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\Z")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


class Forge(Enum):
    """The forges whose links are read as well as written."""

    GITHUB = "github"
    """github.com and GitHub Enterprise."""
    GITLAB = "gitlab"
    """GitLab."""
    GITEA = "gitea"
    """Gitea, Forgejo, Codeberg."""
    BITBUCKET = "bitbucket"
    """bitbucket.org."""


def build_permalink(url: str | None, commit: str, path: str | None = None, regions: Sequence[Region] = ()) -> str | None:
    """Return the address of `path` at `commit` with the first of `regions` marked; of the whole tree without a path.

    `url` is the engagement's `web`, else its `url`: https, ssh or `git@host:path`. Credentials, query and fragment are dropped.
    Always http or https; None when the forge is not known or `url` is a local path.
    """
    base = _base(url) if url else None
    forge = _forge(base) if base else None
    if base is None or forge is None:
        return None
    lines = _Lines(regions[0].start_line, regions[0].end_line) if regions else None
    return forge(base, quote(commit, safe=""), quote(path, safe="/") if path else None, lines)


def find_home(url: str) -> tuple[Forge, str] | None:
    """Return the forge and the page of a repository, without scheme and `.git`; None when its links are not read."""
    base = _base(url)
    forge = _READ.get(_forge(base)) if base else None
    return (forge, _without_git(base).partition("://")[2]) if base and forge else None


def strip_credentials(url: str | None) -> str | None:
    """Return `url` as it may be printed: without the user name and password of an address with a scheme."""
    if url is None or "://" not in url:
        return url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


class _Base(NamedTuple):
    """A repository's web page: scheme, host with port, path without slash at its ends."""

    scheme: str
    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}/{self.path}"


class _Lines(NamedTuple):
    first: int
    last: int


def _base(url: str) -> _Base | None:
    # Browsers drop tabs and line ends from addresses and read `\` as `/`, so the host that is shown could be another.
    if _UNSAFE.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme in ("http", "https"):
        scheme, host, path = parts.scheme, parts.hostname, parts.path
    # The port of ssh is not the port of the web pages.
    elif parts.scheme in ("ssh", "git", "git+ssh", "git+https"):
        scheme, host, path, port = "https", parts.hostname, parts.path, None
    elif match := _SCP.match(url):
        scheme, host, path, port = "https", match["host"].lower(), match["path"], None
    else:
        return None
    # `..` in the path would lead out of the repository's page once a browser resolves it.
    if host is None or not _HOST.match(host) or any(part in (".", "..") for part in path.split("/")):
        return None
    # Decoded first, so that an address that is encoded already is not encoded twice.
    clean = quote(unquote(path.strip("/"), errors="replace"), safe="/~@+:,")
    return _Base(scheme, f"{host}:{port}" if port else host, clean)


_Forge = Callable[[_Base, str, str | None, _Lines | None], str]


def _without_git(base: _Base) -> str:
    return str(base).removesuffix(".git")


def _span(lines: _Lines | None, template: str, single: str) -> str:
    """Return `template` with {first} and {last}, `single` for one line, nothing for none."""
    if lines is None:
        return ""
    return (single if lines.first == lines.last else template).format(first=lines.first, last=lines.last)


def _github(base: _Base, commit: str, path: str | None, lines: _Lines | None) -> str:
    if path is None:
        return f"{_without_git(base)}/tree/{commit}"
    # GitHub shows Markdown rendered, where lines have no numbers.
    plain = "?plain=1" if lines and path.lower().endswith((".md", ".markdown", ".rst")) else ""
    return f"{_without_git(base)}/blob/{commit}/{path}{plain}{_span(lines, '#L{first}-L{last}', '#L{first}')}"


def _gitlab(base: _Base, commit: str, path: str | None, lines: _Lines | None) -> str:
    if path is None:
        return f"{_without_git(base)}/-/tree/{commit}"
    plain = "?plain=1" if lines and path.lower().endswith((".md", ".markdown")) else ""
    return f"{_without_git(base)}/-/blob/{commit}/{path}{plain}{_span(lines, '#L{first}-{last}', '#L{first}')}"


def _bitbucket(base: _Base, commit: str, path: str | None, lines: _Lines | None) -> str:
    return f"{_without_git(base)}/src/{commit}/{path or ''}{_span(lines, '#lines-{first}:{last}', '#lines-{first}')}"


def _gitea(base: _Base, commit: str, path: str | None, lines: _Lines | None) -> str:
    tree = f"{_without_git(base)}/src/commit/{commit}"
    if path is None:
        return tree
    plain = "?display=source" if lines and path.lower().endswith((".md", ".markdown")) else ""
    return f"{tree}/{path}{plain}{_span(lines, '#L{first}-L{last}', '#L{first}')}"


def _cgit(base: _Base, commit: str, path: str | None, lines: _Lines | None) -> str:
    file = f"/{path}" if path else "/"
    return f"{base}/tree{file}?id={commit}{_span(lines, '#n{first}', '#n{first}')}"  # cgit marks one line only


def _sourcehut(base: _Base, commit: str, path: str | None, lines: _Lines | None) -> str:
    tree = f"{base}/tree/{commit}"
    return tree if path is None else f"{tree}/item/{path}{_span(lines, '#L{first}-{last}', '#L{first}')}"


def _azure(base: _Base, commit: str, path: str | None, lines: _Lines | None) -> str:
    page = base
    if base.host in ("ssh.dev.azure.com", "vs-ssh.visualstudio.com"):
        # git@ssh.dev.azure.com:v3/ORGANISATION/PROJECT/REPOSITORY
        organisation, _, rest = base.path.removeprefix("v3/").partition("/")
        project, _, repository = rest.partition("/")
        page = _Base("https", "dev.azure.com", f"{organisation}/{project}/_git/{repository}")
    file = f"?path=/{path}&version=GC{commit}" if path else f"?version=GC{commit}"
    # The end is exclusive: column 1 of the line after the last.
    end = lines.last + 1 if lines else 0
    marked = f"&line={lines.first}&lineEnd={end}&lineStartColumn=1&lineEndColumn=1&lineStyle=plain" if lines else ""
    return f"{page}{file}{marked}"


_HOSTS: Final[dict[str, _Forge]] = {
    "bitbucket.org": _bitbucket,
    "git.kernel.org": _cgit,
    "git.savannah.gnu.org": _cgit,
    "git.zx2c4.com": _cgit,
    "opendev.org": _gitea,
    "framagit.org": _gitlab,
    "invent.kde.org": _gitlab,
    "salsa.debian.org": _gitlab,
    "dev.azure.com": _azure,
    "ssh.dev.azure.com": _azure,
    "vs-ssh.visualstudio.com": _azure,
}


_IN_HOST: Final[tuple[tuple[str, _Forge], ...]] = (
    ("gitlab", _gitlab),
    ("github", _github),
    ("gitea", _gitea),
    ("forgejo", _gitea),
    ("codeberg", _gitea),
    ("cgit", _cgit),
    ("sourcehut", _sourcehut),
)
"""Self-hosted forges are mostly named after themselves. Bitbucket is not here: its Data Center edition has other addresses."""


_READ: Final[Mapping[_Forge | None, Forge]] = {
    _github: Forge.GITHUB,
    _gitlab: Forge.GITLAB,
    _gitea: Forge.GITEA,
    _bitbucket: Forge.BITBUCKET,
}


def _forge(base: _Base) -> _Forge | None:
    host = base.host.partition(":")[0]
    if host in _HOSTS:
        return _HOSTS[host]
    if host.endswith(".visualstudio.com"):
        return _azure
    if host.startswith("git.sr.ht") or host.endswith(".sr.ht"):
        return _sourcehut
    # The usual path of a self-hosted cgit, whatever its host is called.
    if base.path.startswith("cgit/"):
        return _cgit
    # An unknown host gets no link: one that leads nowhere, or to other lines, would discredit the evidence.
    return next((forge for word, forge in _IN_HOST if word in host), None)
