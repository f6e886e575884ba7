"""The cache is its owner's alone, whatever it was before."""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import tempfile
from pathlib import Path

import pytest

from findings_report.problems import FindingsReportError, Kind
from findings_report.system import cache


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_folders_are_made_for_their_owner_alone() -> None:
    cache.make_private(cache.root() / "repositories")

    assert (mode(cache.root()), mode(cache.root() / "repositories")) == (0o700, 0o700)


def test_folders_that_are_there_lose_the_rights_of_others() -> None:
    (cache.root() / "repositories").mkdir(parents=True)
    for folder in (cache.root(), cache.root() / "repositories"):
        folder.chmod(0o777)

    cache.make_private(cache.root() / "repositories")

    assert (mode(cache.root()), mode(cache.root() / "repositories")) == (0o700, 0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_not_used() -> None:
    cache.root().mkdir(parents=True)
    os.chown(cache.root(), 12345, 12345)

    with pytest.raises(FindingsReportError, match="cannot be created") as caught:
        cache.make_private(cache.root() / "repositories")

    assert caught.value.problems[0].kind is Kind.OUTPUT


def test_what_a_killed_run_has_not_finished_is_removed_and_what_is_being_written_is_not() -> None:
    folder = cache.root() / "pages"
    kept = cache.FileCache(folder)
    key = "0" * 64
    kept.put(key, b"x")
    for name in (".dead", ".alive"):
        (folder / name).write_bytes(b"half")
    with (folder / ".alive").open("rb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        kept.trim()

    assert sorted(path.name for path in folder.iterdir()) == sorted([".alive", key])


def test_pages_are_kept_by_engagement(tmp_path: Path) -> None:
    one, other = cache.page_cache(tmp_path / "acme" / "findings"), cache.page_cache(tmp_path / "other" / "findings")
    one.put("a" * 64, b"of acme")
    other.put("a" * 64, b"of other")
    clone = cache.repository_folder("https://example.org/app.git")
    clone.mkdir(parents=True)
    (clone / "HEAD").write_text("x")

    cached = {(entry.kind, entry.name): entry for entry in cache.list_cached()}

    assert one.get("a" * 64) == b"of acme"
    assert other.get("a" * 64) == b"of other"
    assert set(cached) == {
        ("pages", str(tmp_path / "acme" / "findings")),
        ("pages", str(tmp_path / "other" / "findings")),
        ("clone", clone.name),
    }
    for folder in (cache.root() / "pages", *(cache.root() / "pages").iterdir()):
        assert mode(folder) == 0o700
        assert {mode(file) for file in folder.iterdir() if file.is_file()} <= {0o600}

    cache.remove_cached([cached["pages", str(tmp_path / "acme" / "findings")]])

    assert one.get("a" * 64) is None
    assert other.get("a" * 64) == b"of other"
    one.put("b" * 64, b"a build that goes on")
    assert clone.exists()


def test_all_engagements_together_are_bounded(tmp_path: Path) -> None:
    pages = cache.root() / "pages"
    caches = [cache.FileCache(pages / str(number), most_bytes=3000, limited_with=pages) for number in range(4)]
    for number, each in enumerate(caches):
        each.put("a" * 64, bytes(1000))
        os.utime(pages / str(number) / ("a" * 64), (number, number))

    caches[3].trim()

    assert [each.get("a" * 64) is not None for each in caches] == [False, False, True, True]


def test_a_user_without_a_home_variable_has_the_cache_in_the_home_or_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = pwd.getpwuid(os.geteuid())
    (tmp_path / "home").mkdir()

    for home, expected in (
        (tmp_path / "home", tmp_path / "home/.cache/findings-report"),
        (tmp_path / "gone", tmp_path / f"findings-report-cache-{os.geteuid()}"),
    ):
        monkeypatch.setattr(pwd, "getpwuid", lambda _, home=home: type(own)((*own[:5], str(home), own[6])))
        assert cache.root() == expected
        cache.make_private(cache.root())
        assert cache.root().stat().st_mode & 0o777 == 0o700


def test_a_link_in_a_folder_of_everybody_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir(mode=0o755)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "findings-report").symlink_to(tmp_path / "mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))

    with pytest.raises(FindingsReportError, match="a link in a folder of everybody"):
        cache.make_private(cache.root())
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o755
