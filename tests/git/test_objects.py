"""Objects by id: every size at its edge, every answer that git or a program in its place could give."""

from __future__ import annotations

import hashlib
import subprocess
import time
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import cast

import pytest
from repositories import problem_of

from findings_report.git import objects, process
from findings_report.git.layout import ObjectFormat, create_bare
from findings_report.git.objects import EntryKind, Header, Objects, parse_tree, read_blobs, tree_of_commit, write_object
from findings_report.problems import FindingsReportError

LARGEST, LARGEST_SEARCHED = 8 * 1024 * 1024, 1024 * 1024


@pytest.fixture(params=["sha1", "sha256"])
def object_format(request: pytest.FixtureRequest) -> ObjectFormat:
    return "sha1" if request.param == "sha1" else "sha256"


@pytest.fixture
def folder(tmp_path: Path, object_format: ObjectFormat) -> Path:
    create_bare(tmp_path, object_format)
    return tmp_path


@pytest.fixture
def opened(folder: Path, object_format: ObjectFormat) -> Iterator[Objects]:
    opened = Objects(folder, object_format, subject="repository 'app'")
    yield opened
    opened.close()


def lie(folder: Path, id: str, stored: bytes) -> None:
    """Write a loose object under an id that is not its own."""
    file = folder / "objects" / id[:2] / id[2:]
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_bytes(zlib.compress(stored))


def pretend(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Put a program in the place of git."""
    program = folder / "pretended"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(process, "program", lambda: str(program))


# Trees and commits


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (b"100644", EntryKind.FILE), (b"100755", EntryKind.FILE), (b"120000", EntryKind.SYMLINK),
        (b"160000", EntryKind.SUBMODULE), (b"40000", EntryKind.FOLDER), (b"040000", EntryKind.FOLDER),
        (b"0100644", EntryKind.FILE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("id_size", [20, 32])
def test_a_tree_gives_kind_and_id_of_each_name(mode: bytes, kind: EntryKind, id_size: int) -> None:
    id = bytes(range(id_size))

    [(name, entry)] = parse_tree(mode + b" \xc3\xa9\xff\0" + id, id_size=id_size).items()

    assert (name, entry.kind, entry.id) == ("é\\xff", kind, id.hex())


def entry(name: bytes, mode: bytes = b"100644") -> bytes:
    return mode + b" " + name + b"\0" + bytes(20)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (entry(b"a")[:-1], "it is cut off"),
        (b"100644", "it is cut off"),
        (b"100644 a", "it is cut off"),
        (entry(b"a") + b"100644 b\0", "it is cut off"),
        (entry(b""), "it holds the name ''"),
        (entry(b"a/b"), "it holds the name 'a/b'"),
        (entry(b"a") + entry(b"a"), "it holds the name 'a' twice"),
        (entry(b"a", b"40000") + entry(b"b") + entry(b"a"), "it holds the name 'a' twice"),
        (entry(b"b") + entry(b"a"), "its names are out of order at 'a'"),
        (entry(b"a", b"40000") + entry(b"a-"), "its names are out of order at 'a-'"),
        (entry(b"a", b"644"), "it holds the mode '644'"),
        (entry(b"a", b"1006440"), "it holds the mode '1006440'"),
        (entry(b"a", b"00100644"), "it holds the mode '00100644'"),
        (entry(b"a", b"100648"), "it holds the mode '100648'"),
        (entry(b"a", b"+10064"), "it holds the mode '\\+10064'"),
        (entry(b"a", b"020000"), "it holds the mode '020000'"),
        (entry(b"a", b"\xff0064412345678"), r"it holds the mode '\\\\xff00644123456'"),
    ],
)
def test_a_tree_that_could_be_read_in_two_ways_names_what_is_wrong(content: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}"):
        parse_tree(content, id_size=20)


def test_a_folder_is_ordered_as_if_its_name_ended_in_a_slash() -> None:
    names = list(parse_tree(entry(b"a-") + entry(b"a", b"40000") + entry(b"a0"), id_size=20))

    assert names == ["a-", "a", "a0"]


@pytest.mark.parametrize("length", [40, 64])
def test_the_tree_of_a_commit_is_its_first_line(length: int) -> None:
    assert tree_of_commit(b"tree " + b"a1" * (length // 2) + b"\nparent") == "a1" * (length // 2)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"tree " + b"a" * 39 + b"\n",
        b"tree " + b"a" * 41 + b"\n",
        b"tree " + b"A" * 40 + b"\n",
        b"tree " + b"g" * 40 + b"\n",
        b"tree " + b"a" * 40,
        b"x\ntree " + b"a" * 40 + b"\n",
    ],
)
def test_a_commit_without_a_tree_in_its_first_line_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="it names no tree"):
        tree_of_commit(line)


# One by one


def test_only_full_ids_of_the_format_are_ids(opened: Objects, object_format: ObjectFormat) -> None:
    length = 40 if object_format == "sha1" else 64

    assert opened.is_id("0f" * (length // 2))
    for text in ("", "0" * (length - 1), "0" * (length + 1), "F" * length, "g" * length, "0" * (104 - length), "HEAD"):
        assert not opened.is_id(text)
        assert opened.header(text) is None


@pytest.mark.parametrize("kind", ["blob", "tree", "commit", "tag"])
def test_an_object_is_read_with_kind_and_size(opened: Objects, folder: Path, object_format: ObjectFormat, kind: str) -> None:
    content = b"content\nwith lines\n"
    id = write_object(folder, kind, content, object_format)
    expected = hashlib.new(object_format, b"%b %d\0%b" % (kind.encode(), len(content), content)).hexdigest()

    header = opened.header(id)

    assert id == expected == opened.id_of(kind, content)
    assert header == Header(kind, len(content))
    assert opened.read(id, header) == content
    assert opened.read(id, header) == content, "the line end after an answer is not part of the next one"
    assert opened.header("0" * len(id)) is None


def test_objects_of_8_mib_are_read_and_larger_ones_are_not(
    opened: Objects, folder: Path, object_format: ObjectFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = write_object(folder, "blob", bytes(LARGEST), object_format)
    header = opened.header(id)
    assert header == Header("blob", LARGEST)
    assert opened.read(id, header) == bytes(LARGEST)

    problem = problem_of(lambda: opened.read(id, Header("blob", LARGEST + 1)))

    assert problem.code == "object-too-large"
    assert problem.remedy is None
    assert f"has {LARGEST + 1:,} bytes; at most {LARGEST:,} are read" in problem.fault


def test_content_that_is_not_its_ids_is_never_given(opened: Objects, folder: Path, object_format: ObjectFormat) -> None:
    id = write_object(folder, "blob", b"true", object_format)
    lie(folder, id, b"blob 4\0lies")

    problem = problem_of(lambda: opened.read(id, Header("blob", 4)))

    assert problem.code == "object-corrupt"
    assert "is corrupt: its content has the id" in problem.fault
    assert problem.remedy == "clone the repository again"


@pytest.mark.parametrize("header", [Header("tree", 4), Header("blob", 5), Header("blob", 3)])
def test_another_kind_or_size_than_announced_is_refused(
    opened: Objects, folder: Path, object_format: ObjectFormat, header: Header
) -> None:
    id = write_object(folder, "blob", b"true", object_format)

    assert problem_of(lambda: opened.read(id, header)).code == "object-corrupt"
    assert opened.read(id, Header("blob", 4)) == b"true", "another process answers the next question"


def test_a_damaged_object_is_not_a_missing_one(opened: Objects, folder: Path, object_format: ObjectFormat) -> None:
    id = write_object(folder, "blob", b"true", object_format)
    file = folder / "objects" / id[:2] / id[2:]
    file.write_bytes(b"damage")

    problem = problem_of(lambda: opened.header(id))

    assert problem.code == "object-corrupt"
    assert problem.fault.startswith(f"object {id} in repository 'app' cannot be read: ")
    assert opened.header("0" * len(id)) is None, "the complaint is not kept for other objects"


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        "read id; echo nonsense",
        "read id; echo $id blob",
        "read id; echo $id blob x",
        "read id; echo $id blob 4 more",
        "read id; echo other blob 4",
        "read id; printf '%0300d' 0; sleep 60",
        "exec 0<&-; sleep 0.2; exit 0",
    ],
)
def test_any_other_answer_is_an_error(
    opened: Objects, folder: Path, script: str, object_format: ObjectFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, folder, script)
    began = time.monotonic()

    problem = problem_of(lambda: opened.header("0" * (40 if object_format == "sha1" else 64)))

    assert problem.code == "object-corrupt"
    assert problem.fault.endswith("cannot be read: git gave no answer")
    assert time.monotonic() - began < 20


def test_content_that_ends_early_is_an_error(
    opened: Objects, folder: Path, object_format: ObjectFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, folder, "read id; echo $id blob 9; echo four; echo complaint >&2")
    id = "0" * (40 if object_format == "sha1" else 64)

    assert problem_of(lambda: opened.read(id, Header("blob", 9))).fault.endswith("cannot be read: complaint")


def test_a_git_that_hangs_is_given_up_once_and_never_asked_again(
    opened: Objects, folder: Path, object_format: ObjectFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_ANSWER_SECONDS", 0.5)
    pretend(monkeypatch, folder, "read id; sleep 60")
    id, other = ("0" * (40 if object_format == "sha1" else 64), "1" * (40 if object_format == "sha1" else 64))

    first = problem_of(lambda: opened.header(id))
    monkeypatch.setattr(objects, "_ANSWER_SECONDS", 60)
    began = time.monotonic()
    second = problem_of(lambda: opened.header(other))

    assert first.fault.startswith(f"object {id}")
    assert second.fault == f"repository 'app' is not read any further: git did not answer for object {id}"
    assert second.code == "object-corrupt"
    assert time.monotonic() - began < 30


def test_git_gets_30_seconds_for_an_answer_and_two_minutes_for_a_search() -> None:
    assert objects._ANSWER_SECONDS == 30
    assert objects._SEARCH_SECONDS == 120
    assert objects._MOST_HEADERS == 128 * 1024 * 1024
    assert (objects.LARGEST_OBJECT, objects.LARGEST_SEARCHED) == (LARGEST, LARGEST_SEARCHED)


def test_closing_ends_gits_processes_and_removes_their_complaints(folder: Path, object_format: ObjectFormat) -> None:
    id = write_object(folder, "blob", b"true", object_format)
    opened = Objects(folder, object_format, subject="app")
    header = opened.header(id)
    assert header is not None
    opened.read(id, header)
    children = [opened._headers.process, opened._contents.process]
    assert len(list(folder.glob("complaints*"))) == 2

    opened.close()
    opened.close()

    assert all(child is not None and child.returncode is not None for child in children)
    assert list(folder.glob("complaints*")) == []


# Many at once


def blobs(folder: Path, object_format: ObjectFormat, *contents: bytes) -> list[str]:
    return [write_object(folder, "blob", content, object_format) for content in contents]


def test_a_search_reads_each_blob_once_and_names_what_is_missing(folder: Path, object_format: ObjectFormat) -> None:
    a, b, empty = blobs(folder, object_format, b"a\n", b"b\n\n", b"")
    tree = write_object(folder, "tree", b"", object_format)
    missing = "0" * len(a)

    answer = list(read_blobs(folder, object_format, [a, missing, b, a, empty, tree], subject="app"))

    assert answer == [(missing, None), (tree, None), (a, b"a\n"), (b, b"b\n\n"), (empty, b"")]
    assert list(read_blobs(folder, object_format, [], subject="app")) == []
    assert list(read_blobs(folder, object_format, [missing], subject="app")) == [(missing, None)]


def test_a_search_passes_over_blobs_of_more_than_1_mib(folder: Path, object_format: ObjectFormat) -> None:
    small, large = blobs(folder, object_format, bytes(LARGEST_SEARCHED), bytes(LARGEST_SEARCHED + 1))

    assert [id for id, _ in read_blobs(folder, object_format, [small, large], subject="app")] == [small]


def test_a_search_does_not_believe_content_either(folder: Path, object_format: ObjectFormat) -> None:
    [id] = blobs(folder, object_format, b"true")
    lie(folder, id, b"blob 4\0lies")

    problem = problem_of(lambda: list(read_blobs(folder, object_format, [id], subject="app")))

    assert problem.code == "search-failed"
    assert problem.fault == f"app cannot be searched: blob {id} is corrupt"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("exit 0", "git ended early"),
        ("read id; echo $id tree 4; echo true", "git gave no blob"),
        ("read id; echo other blob 4; echo true", "git gave no blob"),
        ("read id; echo $id missing", "git gave no blob"),
        ("read id; echo $id blob 4; printf tru", "git ended early"),
        ("sleep 60", "git did not answer in time"),
    ],
)
def test_a_search_ends_with_any_other_answer(
    folder: Path, object_format: ObjectFormat, answer: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [id] = blobs(folder, object_format, b"true")
    sizes = f'case "$*" in *--batch-check*) echo {id} blob 4; exit 0;; esac'
    pretend(monkeypatch, folder, f"{sizes}\n{answer}")
    monkeypatch.setattr(objects, "_SEARCH_SECONDS", 1.0)

    problem = problem_of(lambda: list(read_blobs(folder, object_format, [id], subject="app")))

    assert problem.fault.startswith(f"app cannot be searched: {fault}")


def test_a_search_whose_sizes_cannot_be_asked_is_refused(
    folder: Path, object_format: ObjectFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    [id] = blobs(folder, object_format, b"true")

    for script, fault in (("echo fatal: sorry >&2; exit 1", "sorry"), ("exit 1", "git gave no answer")):
        pretend(monkeypatch, folder, script)
        problem = problem_of(lambda: list(read_blobs(folder, object_format, [id], subject="app")))
        assert problem.fault == f"app cannot be searched: {fault}"


def test_nothing_of_a_search_is_left_when_it_is_given_up(
    folder: Path, object_format: ObjectFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = blobs(folder, object_format, *(b"%d" % number * 100_000 for number in range(9)))
    search = read_blobs(folder, object_format, ids, subject="app")
    next(search)
    ended: list[subprocess.Popen[bytes]] = []
    end_group = process.end_group

    def record(child: subprocess.Popen[bytes]) -> None:
        ended.append(child)
        end_group(child)

    monkeypatch.setattr(process, "end_group", record)

    cast("Generator[tuple[str, bytes | None]]", search).close()

    [child] = ended
    assert child.returncode is not None


def test_a_search_in_which_git_is_missing_is_an_error(
    folder: Path, object_format: ObjectFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(FindingsReportError, match="git is not installed"):
        list(read_blobs(folder, object_format, ["0" * 40], subject="app"))
