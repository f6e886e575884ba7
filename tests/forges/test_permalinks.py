"""Addresses of cited lines on forges."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings_report.forges.permalinks import build_permalink, strip_credentials
from findings_report.model.evidence import Region

SHA = "0123456789abcdef0123456789abcdef01234567"
LINES = (Region(start_line=5, end_line=9), Region(start_line=20, end_line=21))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/o/r", f"https://github.com/o/r/blob/{SHA}/a/b.py#L5-L9"),
        ("https://github.com/o/r.git/", f"https://github.com/o/r/blob/{SHA}/a/b.py#L5-L9"),
        ("git@github.com:o/r.git", f"https://github.com/o/r/blob/{SHA}/a/b.py#L5-L9"),
        ("ssh://git@github.example.org:2222/o/r.git", f"https://github.example.org/o/r/blob/{SHA}/a/b.py#L5-L9"),
        ("https://user:secret@gitlab.com/g/s/r.git", f"https://gitlab.com/g/s/r/-/blob/{SHA}/a/b.py#L5-9"),
        ("http://gitlab.example.org:8080/g/r?a=b#c", f"http://gitlab.example.org:8080/g/r/-/blob/{SHA}/a/b.py#L5-9"),
        ("git@bitbucket.org:o/r.git", f"https://bitbucket.org/o/r/src/{SHA}/a/b.py#lines-5:9"),
        ("https://codeberg.org/o/r.git", f"https://codeberg.org/o/r/src/commit/{SHA}/a/b.py#L5-L9"),
        ("https://opendev.org/o/r", f"https://opendev.org/o/r/src/commit/{SHA}/a/b.py#L5-L9"),
        ("https://git.kernel.org/pub/scm/r.git", f"https://git.kernel.org/pub/scm/r.git/tree/a/b.py?id={SHA}#n5"),
        ("https://example.org/cgit/r.git", f"https://example.org/cgit/r.git/tree/a/b.py?id={SHA}#n5"),
        ("https://git.sr.ht/~who/r", f"https://git.sr.ht/~who/r/tree/{SHA}/item/a/b.py#L5-9"),
        (
            "https://org@dev.azure.com/org/my project/_git/r".replace(" ", "%20"),
            f"https://dev.azure.com/org/my%20project/_git/r?path=/a/b.py&version=GC{SHA}"
            "&line=5&lineEnd=10&lineStartColumn=1&lineEndColumn=1&lineStyle=plain",
        ),
        (
            "git@ssh.dev.azure.com:v3/org/project/r",
            f"https://dev.azure.com/org/project/_git/r?path=/a/b.py&version=GC{SHA}"
            "&line=5&lineEnd=10&lineStartColumn=1&lineEndColumn=1&lineStyle=plain",
        ),
    ],
)
def test_every_forge_has_its_own_address_of_the_first_region(url: str, expected: str) -> None:
    assert build_permalink(url, SHA, "a/b.py", LINES) == expected


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "../clone",
        "/srv/git/r.git",
        "file:///srv/github.com/r",
        "https://example.org/o/r",
        "https://bitbucket.example.org/scm/o/r.git",
        "https:///o/r",
        "https://github.com:port/o/r",
        "https://github.com/o/../r",
        "javascript:alert(1)//github.com",
        "https://github.com/o/r\nx",
        "https://exa mple.github.com/o/r",
        "https://github.com\\@example.org/o/r",
        "C:/github/r",
    ],
)
def test_what_is_no_known_forge_has_no_address(url: str | None) -> None:
    assert build_permalink(url, SHA, "a.py") is None


def test_one_line_and_no_line() -> None:
    one = (Region(start_line=7, end_line=7),)

    assert build_permalink("https://github.com/o/r", SHA, "a.py", one) == f"https://github.com/o/r/blob/{SHA}/a.py#L7"
    assert build_permalink("https://github.com/o/r", SHA, "a.py") == f"https://github.com/o/r/blob/{SHA}/a.py"


def test_rendered_files_are_linked_as_plain_text_where_lines_are_named() -> None:
    assert (
        build_permalink("https://github.com/o/r", SHA, "README.md", LINES)
        == f"https://github.com/o/r/blob/{SHA}/README.md?plain=1#L5-L9"
    )


@pytest.mark.parametrize(
    ("url", "tree"),
    [
        ("https://github.com/o/r", f"https://github.com/o/r/tree/{SHA}"),
        ("https://gitlab.com/o/r", f"https://gitlab.com/o/r/-/tree/{SHA}"),
        ("https://bitbucket.org/o/r", f"https://bitbucket.org/o/r/src/{SHA}/"),
        ("https://codeberg.org/o/r", f"https://codeberg.org/o/r/src/commit/{SHA}"),
        ("https://git.sr.ht/~o/r", f"https://git.sr.ht/~o/r/tree/{SHA}"),
        ("https://git.kernel.org/o/r.git", f"https://git.kernel.org/o/r.git/tree/?id={SHA}"),
        ("https://dev.azure.com/o/p/_git/r", f"https://dev.azure.com/o/p/_git/r?version=GC{SHA}"),
    ],
)
def test_without_a_path_the_whole_tree_is_linked(url: str, tree: str) -> None:
    assert build_permalink(url, SHA) == tree


def test_a_path_is_percent_encoded() -> None:
    link = build_permalink("https://github.com/o/r", SHA, 'a b/#c?/é"<x>.py', LINES)

    assert link == f"https://github.com/o/r/blob/{SHA}/a%20b/%23c%3F/%C3%A9%22%3Cx%3E.py#L5-L9"


@given(st.text(), st.text(min_size=1))
def test_a_link_is_http_and_holds_nothing_that_would_have_to_be_escaped(url: str, path: str) -> None:
    for candidate in (url, f"https://github.com/{url}", f"git@github.com:{url}"):
        link = build_permalink(candidate, SHA, path.encode("utf-8", "replace").decode(), LINES)
        if link is not None:
            assert urlsplit(link).scheme in ("http", "https")
            assert link.isascii()
            assert not set(link) & set(" \"'<>\\\n\r\t`")


def test_credentials_are_not_printed() -> None:
    assert strip_credentials("https://me:secret@example.org/r@2") == "https://example.org/r@2"
    assert strip_credentials("ssh://git:pw@example.org:22/r") == "ssh://example.org:22/r"
    assert strip_credentials("git@example.org:r") == "git@example.org:r"
    assert strip_credentials(None) is None
