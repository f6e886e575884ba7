"""Address of cited lines on the forge that hosts a repository, and links that name a branch and may show other text tomorrow.

Pure. A forge is recognised by its host's name alone; an unknown one gives no link, since a wrong link is worse than none.
Source: the forges' own addresses of a file at a commit, as their web pages give them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlsplit

from findings_report.model.engagement import DeclaredRepository
from findings_report.model.evidence import Region
from findings_report.problems import FindingsReportError
from findings_report.sourcecode.encodings import Text, decode

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


_URL = re.compile(r"https?://[^\s<>\"'`\\^{}|\[\]]+", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{7,64}(?:/|\Z)")
_FRAGMENT = re.compile(r"#(?:L|lines-)([1-9][0-9]{0,8})(?:C[0-9]+)?(?:[-:]L?([1-9][0-9]{0,8})(?:C[0-9]+)?)?\Z")

# Each split is looked up as a branch in the clone.
_MOST_SPLITS = 12

_NAMING: Final[Mapping[Forge, re.Pattern[str]]] = {
    Forge.GITHUB: re.compile(r"/(?:blob|blame|raw|tree)/"),
    Forge.GITLAB: re.compile(r"(?:/-)?/(?:blob|blame|raw|tree)/"),
    Forge.GITEA: re.compile(r"/(?:src|raw|blame)/(?:branch|tag)/"),
    Forge.BITBUCKET: re.compile(r"/(?:src|raw)/"),
}
"""The part of an address between a repository's page and the revision."""

Homes = Mapping[str, Sequence[tuple[Forge, str]]]
"""By the repository's name: its pages on forges, as `find_homes` returns them."""


class LinkTarget(Protocol):
    """The entry at a path."""

    @property
    def kind(self) -> str:
        """file, symlink, submodule or folder."""

    @property
    def id(self) -> str:
        """Id of its content."""


class LinkedRepository(Protocol):
    """What `pin_addresses` asks of an available repository."""

    def commit_of(self, revision: str) -> str | None:
        """Return the full hash that `revision` names now; None when it names nothing."""

    def entry(self, commit: str, path: str) -> LinkTarget | None:
        """Return the entry at `path`; None when there is none."""

    def blob(self, id: str) -> bytes:
        """Return the content of a file."""


@dataclass(frozen=True)
class PinnedLink:
    """What is to be done about one link."""

    url: str | None
    """The pinned address; None leaves the link unchanged."""
    message: str
    """Shown to the user: the commit it names now, or why nothing was done."""


@dataclass(frozen=True)
class BranchLink:
    """One link that names a revision, in a text."""

    start: int
    """Where it starts in the text."""
    url: str
    """Verbatim."""
    repository: str
    """Name of the repository it leads into."""
    before: str
    """The address up to the revision, in the form for a commit."""
    rest: str
    """Revision, `/` and path, percent-encoded."""
    after: str
    """Query and fragment."""
    lines: Region | None
    """The lines it marks."""

    def splits(self) -> Iterator[tuple[str, str]]:
        """Yield every (revision, path) that it may mean, shortest revision first: branches may hold a `/`."""
        parts = self.rest.rstrip("/").split("/")
        for count in range(1, min(len(parts), _MOST_SPLITS) + 1):
            yield unquote("/".join(parts[:count])), unquote("/".join(parts[count:]))

    def pin(self, path: str, commit: str) -> str:
        """Return the same link at `commit`."""
        return f"{self.before}{commit}{'/' if path else ''}{quote(path, safe='/~@+:,()!$&=;*')}{self.after}"


def pin_addresses(
    links: Iterable[BranchLink], repositories: Mapping[str, DeclaredRepository], sources: Mapping[str, LinkedRepository | None]
) -> dict[str, PinnedLink]:
    """Return, by address, each link at the commit of its repository. `sources` are the clones by repository.

    A link is pinned if its branch names that commit, or if the marked lines are equal there.
    """
    # Texts repeat their links and the branches in them, and each look for a branch starts git.
    find_commits = {name: cache(partial(_find_commit, source)) for name, source in sources.items() if source is not None}
    return {
        link.url: _pin(link, repositories[link.repository], sources[link.repository], find_commits.get(link.repository))
        for link in {link.url: link for link in links}.values()
    }


def _pin(
    link: BranchLink,
    repository: DeclaredRepository,
    source: LinkedRepository | None,
    find_commit: Callable[[str], str | None] | None,
) -> PinnedLink:
    if repository.commit is None:
        return PinnedLink(None, f"the repository {link.repository} has no `commit` to name: run `findings-report pin`")
    if source is None or find_commit is None:
        return PinnedLink(None, f"there is no clone of {link.repository} to see what the link shows")
    try:
        return _relink(link, repository.commit, source, find_commit)
    except FindingsReportError as error:
        return PinnedLink(None, error.problems[0].fault)


def find_homes(addresses: Mapping[str, Sequence[str | None]]) -> Homes:
    """Return the pages of each repository, by its name, from its addresses; those of unknown forges are left out."""
    return {name: [home for url in urls if url and (home := find_home(url))] for name, urls in addresses.items()}


def find_branch_links(text: str, known: Homes) -> Iterator[BranchLink]:
    """Yield each link of `text` into one of the repositories that names no commit, in order."""
    if "://" not in text:
        return
    for match in _URL.finditer(text):
        url = _trim_url(match[0])
        for name, pages in known.items():
            branch_link = next((link for page in pages if (link := _read_link(match.start(), url, name, *page))), None)
            if branch_link is not None:
                yield branch_link
                break


def rewrite_links(text: str, known: Homes, change: Callable[[BranchLink], str | None]) -> str:
    """Return `text` with the address that `change` gives in the place of each link; None leaves it."""
    parts: list[str] = []
    done = 0
    for link in find_branch_links(text, known):
        if (url := change(link)) is not None:
            parts += [text[done : link.start], url]
            done = link.start + len(link.url)
    return "".join([*parts, text[done:]])


def _relink(link: BranchLink, commit: str, source: LinkedRepository, find_commit: Callable[[str], str | None]) -> PinnedLink:
    # The shortest that exists is the one: git does not allow both `a` and `a/b` as branches.
    split_here = next((split for split in link.splits() if find_commit(split[0]) is not None), None)
    if split_here is None:
        return PinnedLink(None, "the clone has no such branch or tag")
    revision, path = split_here
    named = find_commit(revision) or ""
    if (fault := _find_difference(link, path, named, commit, source)) is not None:
        return PinnedLink(None, f"{fault} at {revision}, which is {named[:12]} now, and at the pinned {commit[:12]}")
    return PinnedLink(link.pin(path, commit), f"{revision} -> {commit[:12]}")


def _find_commit(source: LinkedRepository, revision: str) -> str | None:
    # what was fetched last is nearer to what the forge shows than a branch of the auditor's own
    return source.commit_of(f"refs/remotes/origin/{revision}") or source.commit_of(revision)


def _find_difference(link: BranchLink, path: str, named: str, commit: str, source: LinkedRepository) -> str | None:
    """Return why the link does not show the same at both commits; None when it does."""
    if not path:
        return None if named == commit else "the files are not the same"
    there, here = source.entry(named, path), source.entry(commit, path)
    if there is None or here is None:
        return f"{path} does not exist both"
    # Equal ids are equal content; nothing has to be read.
    if (there.kind, there.id) == (here.kind, here.id):
        return None
    if link.lines is None or {there.kind, here.kind} != {"file"}:
        return f"{path} is not the same"
    if _read_cited(link, source.blob(there.id)) == _read_cited(link, source.blob(here.id)):
        return None
    return f"lines {link.lines} of {path} are not the same"


def _read_cited(link: BranchLink, content: bytes) -> Sequence[str]:
    region = link.lines
    text = decode(content)
    return text.lines[region.start_line - 1 : region.end_line] if region and isinstance(text, Text) else ()


def _trim_url(url: str) -> str:
    """Return the address without trailing punctuation of the sentence or of Markdown."""
    end = len(url)
    # As in GFM's extended autolinks: a closing parenthesis belongs to the address only if it was opened there.
    unopened = url.count(")") - url.count("(")
    while url[end - 1] in ".,;:!?*_~" or (url[end - 1] == ")" and unopened > 0):
        unopened -= url[end - 1] == ")"
        end -= 1
    return url[:end]


def _read_link(start: int, url: str, name: str, forge: Forge, page: str) -> BranchLink | None:
    bare = url.partition("://")[2]
    if not bare.casefold().startswith(page.casefold() + "/"):
        return None
    naming = _NAMING.get(forge)
    after_page = url[len(url) - len(bare) + len(page) :]
    marker = naming.match(after_page) if naming is not None else None
    if marker is None:
        return None
    path, after = _split_path(after_page[marker.end() :])
    # A link that names a commit shows the same text forever. A branch named like a short hash is left out with these.
    if not path.strip("/") or _HASH.match(path):
        return None
    lines = _FRAGMENT.search(after)
    region = None
    if lines is not None:
        ends = int(lines[1]), int(lines[2] or lines[1])
        region = Region(start_line=min(ends), end_line=max(ends))
    before = url[: len(url) - len(after_page)] + re.sub(r"/(?:branch|tag)/\Z", "/commit/", marker[0])
    return BranchLink(start, url, name, before, path, after, region)


def _split_path(text: str) -> tuple[str, str]:
    """Return the path, and the query with the fragment."""
    at = min((index for index in (text.find("?"), text.find("#")) if index >= 0), default=len(text))
    return text[:at], text[at:]
