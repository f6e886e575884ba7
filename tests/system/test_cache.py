"""The cache is its owner's alone, whatever it was before."""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import tempfile
from collections.abc import Callable
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


@pytest.mark.parametrize("rights", [0o777, 0o701, 0o677])
def test_folders_that_are_there_lose_the_rights_of_others(rights: int) -> None:
    (cache.root() / "repositories").mkdir(parents=True)
    for folder in (cache.root() / "repositories", cache.root()):
        folder.chmod(rights)

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


def test_an_entry_that_was_used_is_kept_longer() -> None:
    kept = cache.FileCache(cache.root() / "pages", most_bytes=1500)
    for number in range(2):
        kept.put(str(number) * 64, bytes(1000))
        os.utime(cache.root() / "pages" / (str(number) * 64), (number, number))
    kept.get("0" * 64)

    kept.trim()

    assert (kept.get("0" * 64), kept.get("1" * 64)) == (bytes(1000), None)


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


KEY = "0" * 64


def replace_by_pipe(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry, 0o600)


def replace_by_link(entry: Path) -> None:
    entry.replace(entry.parent / "target")
    entry.symlink_to("target")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(replace_by_pipe, id="a pipe, which nobody writes to"),
        pytest.param(replace_by_link, id="a link"),
        pytest.param(lambda entry: entry.chmod(0o640), id="readable by others"),
        pytest.param(lambda entry: entry.chmod(0o601), id="with any right of others"),
        pytest.param(lambda entry: entry.write_bytes(entry.read_bytes()[:-1]), id="cut"),
        pytest.param(lambda entry: entry.write_bytes(entry.read_bytes() + b"x"), id="longer"),
        pytest.param(lambda entry: entry.write_bytes(entry.read_bytes().replace(b"1 00", b"1 01")), id="of another key"),
        pytest.param(lambda entry: entry.write_bytes(b""), id="empty"),
    ],
)
def test_an_entry_that_is_not_as_it_was_stored_is_none(damage: Callable[[Path], object]) -> None:
    kept = cache.FileCache(cache.root() / "pages")
    kept.put(KEY, b"content")
    assert kept.get(KEY) == b"content"

    damage(cache.root() / "pages" / KEY)

    assert kept.get(KEY) is None
    kept.put(KEY, b"made again")
    assert kept.get(KEY) == b"made again"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_an_entry_of_another_user_is_none() -> None:
    kept = cache.FileCache(cache.root() / "pages")
    kept.put(KEY, b"content")
    os.chown(cache.root() / "pages" / KEY, 12345, 12345)

    assert kept.get(KEY) is None


def test_an_entry_longer_than_the_limit_is_neither_stored_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (cache._MOST_BYTES, cache._LONGEST_ENTRY_BYTES) == (536_870_912, 67_108_864)
    monkeypatch.setattr(cache, "_LONGEST_ENTRY_BYTES", 3000)
    kept = cache.FileCache(cache.root() / "pages")
    kept.put("1" * 64, bytes(1976))
    kept.put("2" * 64, bytes(1977))

    assert (kept.get("1" * 64), kept.get("2" * 64)) == (bytes(1976), None)

    monkeypatch.setattr(cache, "_LONGEST_ENTRY_BYTES", 2000)
    assert kept.get("1" * 64) is None


def test_an_entry_that_is_being_written_has_the_name_of_an_unfinished_one(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cache.root() / "pages"
    kept, seen = cache.FileCache(folder), list[str]()
    monkeypatch.setattr(fcntl, "flock", lambda *_: seen.extend(path.name for path in folder.iterdir()))
    kept.put(KEY, b"content")

    assert [name[0] for name in seen] == ["."]
    assert [path.name for path in folder.iterdir()] == [KEY]


def test_the_limit_itself_is_not_beyond_it() -> None:
    kept = cache.FileCache(cache.root() / "pages", most_bytes=2 * 300)
    for number in range(2):
        kept.put(str(number) * 64, bytes(300 - len(cache._seal(KEY, b""))))

    kept.trim()

    assert all(kept.get(str(number) * 64) is not None for number in range(2))


def test_a_folder_is_its_owners_alone_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    before = os.umask(0)
    try:
        cache.make_private(cache.root() / "repositories")
    finally:
        os.umask(before)

    assert (mode(cache.root()), mode(cache.root() / "repositories")) == (0o700, 0o700)


def test_a_cache_on_another_disk_is_reached_by_the_link_of_its_owner(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o755)
    cache.root().symlink_to(tmp_path / "disk")

    cache.make_private(cache.root() / "pages")

    assert (mode(tmp_path / "disk"), mode(tmp_path / "disk/pages")) == (0o700, 0o700)


def test_the_cache_is_below_the_home_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))

    assert cache.root() == tmp_path / "me/.cache/findings-report"


@pytest.mark.parametrize(
    ("url", "stem"),
    [
        ("https://example.org/team/app.git", "app"),
        ("https://example.org/team/app/", "app"),
        ("https://example.org/t/My%20App..git", "My-20App"),
        ("https://example.org/???", "repository"),
        (f"https://example.org/{'x' * 80}", "x" * 40),
    ],
)
def test_a_clone_has_a_name_for_people_and_a_digest(url: str, stem: str) -> None:
    name, _, digest = cache.repository_folder(url).name.removesuffix(".git").rpartition("-")

    assert (name, len(digest)) == (stem, 16)
    assert cache.repository_folder(f"{url}x").name != cache.repository_folder(url).name


@pytest.mark.parametrize(("engagement", "stem"), [("/", "engagement"), ("/acme/findings", "acme"), ("/acme/audit", "audit")])
def test_pages_have_the_name_of_their_engagement(engagement: str, stem: str) -> None:
    assert cache.pages_folder(Path(engagement)).name.rpartition("-")[0] == stem


def test_the_list_counts_files_and_survives_what_does_not_belong_there(tmp_path: Path) -> None:
    pages = cache.page_cache(tmp_path / "findings")
    pages.put(KEY, b"1234")
    for name, make in (("pipe", os.mkfifo), ("nameless", Path.mkdir)):
        (cache.root() / "pages" / name).mkdir()
        make(cache.root() / "pages" / name / "engagement")
    (cache.root() / "pages" / "file").write_bytes(b"12")
    os.utime(cache.root() / "pages" / "file", (1, 1))

    cached = {entry.name: entry for entry in cache.list_cached()}

    assert set(cached) == {str(tmp_path / "findings"), "pipe", "nameless", "file"}
    own = cached[str(tmp_path / "findings")]
    assert (own.files, own.size) == (2, len(cache._seal(KEY, b"")) + 4 + len(str(tmp_path / "findings")))
    assert (cached["file"].files, cached["file"].size, cached["file"].last_used) == (1, 2, 1)
    assert cache.list_cached()[-1].name == "nameless"  # nothing in it was ever used

    folder = own.folder
    (folder / "engagement").unlink()
    os.mkfifo(folder / "engagement")
    cache.page_cache(tmp_path / "findings")  # does not wait for a reader
    assert folder.name in {entry.name for entry in cache.list_cached()}

    cache.remove_cached(cache.list_cached())
    assert cache.list_cached() == []


def test_what_a_link_in_the_cache_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("kept")
    cache.make_private(cache.root() / "repositories")
    (cache.root() / "repositories" / "link").symlink_to(tmp_path / "mine")

    cache.remove_cached(cache.list_cached())

    assert (tmp_path / "mine" / "file").read_text() == "kept"
    assert list((cache.root() / "repositories").iterdir()) == []


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError("Permission denied")])
def test_a_cache_that_cannot_be_used_says_where_it_is_and_what_to_set(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.make_private(cache.root() / "pages")
    (cache.root() / "pages" / "one").mkdir()
    cached = cache.list_cached()

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(FindingsReportError) as caught:
        cache.remove_cached(cached)

    problem = caught.value.problems[0]
    assert (problem.kind, problem.code) == (Kind.OUTPUT, "cannot-write")
    assert problem.fault == "cannot be removed from the cache: Permission denied"
    assert "XDG_CACHE_HOME" in (problem.remedy or "")
