"""Each right that a confined process gives up is tried for real, with the other layers of the sandbox taken away."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import re
import resource
import shutil
import signal
import socket
import struct
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from findings_report.sandbox import Limits, landlock_version
from findings_report.sandbox import restrict as restrict_module

LIMITS = Limits(cpu_seconds=5, memory_bytes=1 << 33, file_bytes=1 << 20, wall_seconds=30, output_bytes=1 << 20)
WITHOUT: dict[str, tuple[str, Any]] = {
    "namespace": ("_leave_network", lambda *_: True),
    "capabilities": ("_drop_capabilities", lambda *_: None),
    "landlock": ("landlock_version", lambda: 0),
    "seccomp": ("_forbid_system_calls", lambda *_: True),
}
"""Each layer, and what takes it away."""
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
LIBC = ctypes.CDLL(None, use_errno=True)
IS_ROOT = os.geteuid() == 0

Attempts = Mapping[str, Callable[[], object]]

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root has these rights to give up")
needs_numbers = pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers in the test are those of x86-64")


def needs_landlock(version: int) -> pytest.MarkDecorator:
    return pytest.mark.skipif(landlock_version() < version, reason=f"this kernel has no Landlock {version}")


def outcome(attempt: Callable[[], object]) -> object:
    """The result if it is a number or text, else "done"; the name of the error if there is one."""
    try:
        result = attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except Exception as error:
        return type(error).__name__
    return result if isinstance(result, int | str | list) and not isinstance(result, bool) else "done"


def in_child(work: Callable[[], object], *, user: int | None = None) -> Any:
    """What a forked process comes to; the negative number of the signal if one ended it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            answer = json.dumps(work())
        except BaseException as error:
            answer = json.dumps(f"{type(error).__name__}: {error}")
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return json.loads(answer) if status == 0 else status


def confined(
    attempts: Attempts,
    *,
    without: Iterable[str] = (),
    readable: Iterable[str] = (),
    limits: Limits = LIMITS,
    user: int | None = None,
    version: int | None = None,
) -> Any:
    """The outcome of each attempt in a process that is confined, without the layers named."""

    def work() -> dict[str, object]:
        for layer in without:
            setattr(restrict_module, *WITHOUT[layer])
        if version is not None:
            restrict_module.landlock_version = lambda: version
        if user is not None:  # another user's home may be where Python is
            restrict_module._own_files = list
        words = restrict_module.restrict(limits, readable)
        return {"words": words, **{name: outcome(attempt) for name, attempt in attempts.items()}}

    return in_child(work, user=user)


def call(number: int, *arguments: Any) -> Callable[[], int]:
    """A system call that raises OSError if it fails. In a process that it made, it ends that process."""

    def attempt() -> int:
        pid = os.getpid()
        result = int(LIBC.syscall(number, *[ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]))
        failure = ctypes.get_errno()
        if os.getpid() != pid:
            os._exit(0)
        if result < 0:
            raise OSError(failure, os.strerror(failure))
        return result

    return attempt


def open_descriptors() -> int:
    return sum(outcome(partial(fcntl.fcntl, number, fcntl.F_GETFD)) != "EBADF" for number in range(400))


def open_and_close(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def capabilities() -> list[int]:
    sets = ctypes.create_string_buffer(24)
    assert LIBC.capget(struct.pack("=Ii", 0x20080522, 0), sets) == 0
    return list(struct.unpack("=6I", sets.raw))


# Files


def file_attempts(folder: Path) -> Attempts:
    """One for each right to a file that the kernel can take away."""
    (folder / "file").write_text("text")
    (folder / "old").write_text("text")
    (folder / "empty").mkdir()
    shutil.copy("/bin/true", folder / "program")  # not a script, whose interpreter is elsewhere
    return {
        "execute": lambda: os.waitpid(os.posix_spawn(folder / "program", ["program"], {}), 0) and None,
        "write": lambda: os.close(os.open(folder / "file", os.O_WRONLY)),
        "read": lambda: os.close(os.open(folder / "file", os.O_RDONLY)),
        "list": lambda: list(folder.iterdir()) and None,
        "remove a folder": lambda: (folder / "empty").rmdir(),
        "remove a file": lambda: (folder / "old").unlink(),
        "make a character device": lambda: os.mknod(folder / "null", 0o600 | 0o020000, os.makedev(1, 3)),
        "make a folder": lambda: (folder / "folder").mkdir(),
        "make a file": lambda: os.mknod(folder / "new", 0o600 | 0o100000),
        "make a socket": lambda: os.mknod(folder / "socket", 0o600 | 0o140000),
        "make a pipe": lambda: os.mkfifo(folder / "pipe"),
        "make a block device": lambda: os.mknod(folder / "disk", 0o600 | 0o060000, os.makedev(7, 200)),
        "make a link": lambda: (folder / "link").symlink_to("file"),
        "truncate": lambda: os.truncate(folder / "file", 1),
    }


@needs_landlock(3)
def test_landlock_takes_away_each_right_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "open").mkdir()
    possible = in_child(lambda: {name: outcome(attempt) for name, attempt in file_attempts(tmp_path / "open").items()})

    outcomes = confined(file_attempts(tmp_path / "closed"), without=("namespace", "capabilities", "seccomp"))

    expected = {name: "EACCES" if before == "done" else before for name, before in possible.items()}
    assert {name: outcomes[name] for name in expected} == expected
    assert list(possible.values()).count("done") >= (14 if IS_ROOT else 11)
    assert f"files closed off by Landlock {landlock_version()}" in outcomes["words"]
    assert (tmp_path / "closed/file").read_text() == "text"


@needs_landlock(3)
def test_what_is_readable_can_be_read_and_nothing_else(tmp_path: Path) -> None:
    for name in ("folder", "beside"):
        (tmp_path / name).mkdir()
    (tmp_path / "single").write_text("text")
    inside = file_attempts(tmp_path / "folder")
    beside = {f"beside: {name}": attempt for name, attempt in file_attempts(tmp_path / "beside").items()}
    attempts = {
        **inside,
        **beside,
        "single: read": lambda: (tmp_path / "single").read_text(),
        "single: write": lambda: (tmp_path / "single").write_text("changed"),
        "above: list": lambda: list(tmp_path.iterdir()) and None,
    }
    readable = [str(tmp_path / "folder"), str(tmp_path / "single"), str(tmp_path / "absent"), str(tmp_path / "folder")]

    outcomes = confined(attempts, without=("namespace", "capabilities", "seccomp"), readable=readable)

    allowed = {name for name in attempts if outcomes[name] in ("done", "text")}
    assert allowed == {"read", "list", "single: read"}


@needs_landlock(5)
def test_a_device_that_is_readable_takes_no_commands() -> None:
    def entropy() -> object:
        with Path("/dev/urandom").open("rb") as device:
            return fcntl.ioctl(device, 0x80045200, bytes(4)) and None

    assert outcome(entropy) == "done"
    outcomes = confined({"entropy": entropy}, without=("seccomp",), readable=["/dev/urandom"])

    assert outcomes["entropy"] == "EACCES"


@needs_landlock(6)
@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_with_an_older_landlock_what_it_knows_is_closed_off(version: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as abstract:
        name = f"\0{tmp_path}"
        abstract.bind(name)
        abstract.listen()
        attempts: dict[str, Callable[[], object]] = {
            "read": lambda: (tmp_path / "file").read_text(),
            "truncate": lambda: os.truncate(tmp_path / "file", 2),
            "tcp": lambda: socket.create_connection(listener.getsockname()).close(),
            "bind": lambda: socket.create_server(("127.0.0.1", 0)).close(),
            "device": lambda: fcntl.ioctl(os.open("/dev/urandom", os.O_RDONLY), 0x80045200, bytes(4)) and None,
            "abstract": lambda: socket.socket(socket.AF_UNIX).connect(name),
            "signal": lambda: os.kill(os.getppid(), 0),
        }

        # Not without capabilities: root may signal anybody, which the kernel asks first.
        layers = ("namespace", "seccomp", "capabilities")
        outcomes = confined(attempts, without=layers, readable=["/dev/urandom"], version=version)

    refused = {name for name in attempts if outcomes[name] in ("EACCES", "EPERM")}
    since = {"read": 1, "truncate": 3, "tcp": 4, "bind": 4, "device": 5, "abstract": 6, "signal": 6}
    assert refused == {name for name, first in since.items() if version >= first}
    assert f"Landlock {version}," in outcomes["words"]


@needs_landlock(1)
def test_a_landlock_that_refuses_is_an_error_and_never_ignored(tmp_path: Path) -> None:
    def unknown_right() -> None:
        restrict_module._FIRST_FILE_RIGHTS = 1 << 40
        restrict_module.restrict(LIMITS, ())

    def no_ruleset() -> None:
        restrict_module._allow_reading(LIBC, -1, tmp_path)

    def may_gain_rights() -> None:
        restrict_module._landlock(LIBC, landlock_version(), [])

    assert in_child(unknown_right) == "OSError: [Errno 22] Landlock refuses its rules"
    assert in_child(no_ruleset) == "OSError: [Errno 9] Landlock refuses a rule"
    if IS_ROOT:
        assert in_child(may_gain_rights, user=65534) == "PermissionError: [Errno 1] Landlock cannot be put in force"


def test_the_folders_of_python_and_its_libraries_are_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("site.getusersitepackages", lambda: str(tmp_path))
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"]
    package = str(Path(restrict_module.__file__).parents[1])

    own = restrict_module._own_files()

    assert set(own) >= {*folders, *system, package, str(tmp_path)}
    assert len(set(own)) < 16, "a folder more than these is a folder too many"
    outcomes = confined({path: partial(open_and_close, path) for path in own if Path(path).exists()})
    assert set(outcomes.values()) == {"done", outcomes["words"]}


# Network


def test_the_namespace_alone_leaves_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(listener.getsockname())
        receiver.settimeout(0.2)
        attempts: dict[str, Callable[[], object]] = {
            "interfaces": lambda: [name for _, name in socket.if_nameindex()],
            "tcp": lambda: socket.create_connection(listener.getsockname(), timeout=2).close(),
            "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", listener.getsockname()) and None,
        }

        outcomes = confined(attempts, without=("landlock", "seccomp", "capabilities"))
        flags = 0x40000000 if IS_ROOT else 0x50000000  # CLONE_NEWNET, CLONE_NEWUSER
        if in_child(lambda: LIBC.unshare(flags)) != 0:
            pytest.skip("this machine allows no network namespace")

        assert outcomes["interfaces"] == ["lo"]
        assert outcomes["tcp"] != "done"
        with pytest.raises(TimeoutError):
            receiver.recv(1)
        assert "network cut off" in outcomes["words"]


def test_a_kernel_without_namespaces_is_named() -> None:
    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return (lambda *_: -1) if name == "unshare" else getattr(LIBC, name)

    def work() -> str:
        restrict_module._libc = Refusing  # type: ignore[assignment]
        return restrict_module.restrict(LIMITS, ())

    assert "network not cut off" in in_child(work)


# Capabilities


@needs_root
def test_root_keeps_the_right_to_read_files_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("text")
    os.chown(tmp_path / "private", 65534, 65534)
    (tmp_path / "private").chmod(0)
    attempts: dict[str, Callable[[], object]] = {
        "capabilities": capabilities,
        "become another user": lambda: os.setuid(65534),
        "raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
        "more files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)),
        "read": lambda: (tmp_path / "private").read_text(),
    }

    outcomes = confined(attempts, without=("namespace", "seccomp"), readable=[str(tmp_path)])

    assert outcomes["capabilities"] == [0b110, 0b110, 0, 0, 0, 0]
    assert outcomes["read"] == "text"
    refused = {name for name in attempts if outcomes[name] in ("EPERM", "ValueError")}
    assert refused == {"become another user", "raw socket", "more files"}


@needs_root
def test_an_ordinary_user_gets_no_capability_from_the_new_namespace() -> None:
    attempts = {
        "capabilities": capabilities,
        "raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
    }

    outcomes = confined(attempts, without=("seccomp",), user=65534)

    if "network cut off" not in outcomes["words"]:
        pytest.skip("this machine allows no user namespace")
    assert outcomes["capabilities"] == [0] * 6
    assert outcomes["raw socket"] == "EPERM"


def test_capabilities_that_cannot_be_given_up_are_an_error() -> None:
    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return (lambda *_: -1) if name == "capset" else getattr(LIBC, name)

    def work() -> str:
        restrict_module._libc = Refusing  # type: ignore[assignment]
        return restrict_module.restrict(LIMITS, ())

    assert "capabilities cannot be given up" in in_child(work)


def test_no_program_can_give_rights_back() -> None:
    assert confined({"prctl": lambda: LIBC.prctl(39, 0, 0, 0, 0)})["prctl"] == 1


# System calls


def system_calls() -> Attempts:
    """One that a worker must not make each, with arguments that do no harm where it may."""
    empty = ctypes.create_string_buffer(256)
    return {
        "socket": call(41, 1, 1, 0),
        "fork": call(57),
        "vfork": call(58),
        "execve": call(59, b"/nonexistent", 0, 0),
        "execveat": call(322, -1, b"/nonexistent", 0, 0, 0),
        "ptrace": call(101, 7, os.getpid(), 0, 0),
        "process_vm_readv": call(310, os.getpid(), empty, 0, empty, 0, 0),
        "process_vm_writev": call(311, os.getpid(), empty, 0, empty, 0, 0),
        "pidfd_getfd": call(438, -1, 0, 0),
        "io_uring_setup": call(425, 1, empty),
        "unshare": call(272, 0),
        "setns": call(308, -1, 0),
        "mount": call(165, 0, 0, 0, 0, 0),
        "bpf": call(321, -1, 0, 0),
        "userfaultfd": call(323, -1),
        "perf_event_open": call(298, 0, 0, 0, 0, 0),
        "add_key": call(248, 0, 0, 0, 0, 0),
        "request_key": call(249, 0, 0, 0, 0),
        "keyctl": call(250, -1, 0, 0, 0, 0),
        "clone": call(56, int(signal.SIGCHLD), 0, 0, 0, 0),
        "x32": call(0x40000000 | 39),
    }


@needs_numbers
def test_the_kernel_refuses_system_calls_that_no_worker_needs() -> None:
    attempts = system_calls()
    unfiltered = {name: in_child(partial(outcome, attempt)) for name, attempt in attempts.items() if name != "vfork"}

    outcomes = confined({**attempts, "clone3": call(435, 0, 0)}, without=("namespace", "landlock", "capabilities"))

    assert {name: outcomes[name] for name in attempts} == dict.fromkeys(attempts, "EPERM")
    assert outcomes["clone3"] == "ENOSYS", "the C library would not fall back to clone"
    assert "sockets and processes closed off by seccomp" in outcomes["words"]
    if IS_ROOT:
        assert "EPERM" not in unfiltered.values(), "an attempt is refused anyway"


@needs_numbers
def test_a_system_call_of_another_architecture_ends_the_process() -> None:
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # getpid of i386: mov eax, 20; int 0x80; ret
    getpid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    if in_child(lambda: getpid() == os.getpid()) is not True:
        pytest.skip("this kernel runs no programs of i386")

    assert confined({"getpid": getpid}) == -signal.SIGSYS


def test_threads_and_pairs_of_sockets_are_possible() -> None:
    def in_thread() -> str:
        heard: list[str] = []
        thread = threading.Thread(target=heard.append, args=("heard",))
        thread.start()
        thread.join()
        return heard[0]

    outcomes = confined({"thread": in_thread, "pair": lambda: list(map(socket.socket.close, socket.socketpair())) and None})

    assert (outcomes["thread"], outcomes["pair"]) == ("heard", "done")


def test_a_socket_that_is_a_file_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such are those of Docker, of a desktop and of an agent for keys; neither Landlock nor the namespace knows them."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind("agent")
        agent.listen()

        outcomes = confined({"connect": lambda: socket.socket(socket.AF_UNIX).connect("agent")}, readable=[str(tmp_path)])

        agent.settimeout(0.1)
        with pytest.raises(TimeoutError):
            agent.accept()
    assert outcomes["connect"] == "EPERM"


@pytest.mark.parametrize("machine", sorted(HEADERS))
def test_the_numbers_of_system_calls_are_the_kernels(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    numbers = restrict_module._NUMBERS[machine]

    kernels = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)$", header.read_text(), re.MULTILINE)}

    assert numbers.forbidden == {name: kernels[name] for name in numbers.forbidden}
    assert (numbers.clone, numbers.clone3) == (kernels["clone"], kernels["clone3"])
    # fork and vfork are of x86 only.
    assert numbers.forbidden.keys() == restrict_module._NUMBERS["x86_64"].forbidden.keys() & kernels.keys()
    # An architecture's number in audit.h is the one in elf.h, with bits for 64 and little-endian.
    assert numbers.audit == 0xC0000000 | {"x86_64": 62, "aarch64": 183}[machine]


def test_an_architecture_whose_numbers_are_unknown_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    outcomes = confined({"pipe": lambda: os.close(os.dup(0))})

    assert "sockets and processes not closed off (no seccomp)" in outcomes["words"]
    assert outcomes["pipe"] == "done"


# Limits


def test_the_limits_on_memory_files_and_descriptors_bite(tmp_path: Path) -> None:
    written = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
    limits = Limits(cpu_seconds=5, memory_bytes=1 << 32, file_bytes=1000, wall_seconds=30, output_bytes=0)

    def descriptors() -> int:
        while (taken := outcome(partial(os.dup, 0))) != "EMFILE":
            assert isinstance(taken, int)
        return open_descriptors()

    attempts: dict[str, Callable[[], object]] = {
        "small": lambda: mmap.mmap(-1, 1 << 30).close(),
        "large": lambda: mmap.mmap(-1, (1 << 32) - (1 << 26)).close(),
        "within": lambda: os.write(written, b"x" * 1000),
        "beyond": lambda: os.write(written, b"x"),
        "descriptors": descriptors,
        "core": lambda: list(resource.getrlimit(resource.RLIMIT_CORE)),
        "memory": lambda: list(resource.getrlimit(resource.RLIMIT_AS)),
        "files": lambda: list(resource.getrlimit(resource.RLIMIT_FSIZE)),
    }
    outcomes = confined(attempts, limits=limits)
    os.close(written)

    assert (outcomes["small"], outcomes["large"]) == ("done", "ENOMEM")
    assert (outcomes["within"], outcomes["beyond"]) == (1000, "EFBIG")
    assert outcomes["descriptors"] == 256
    assert (outcomes["core"], outcomes["memory"], outcomes["files"]) == ([0, 0], [1 << 32] * 2, [1000, 1000])


def test_a_lower_limit_that_was_in_force_stays() -> None:
    def work() -> list[int]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        restrict_module.restrict(LIMITS, ())
        return list(resource.getrlimit(resource.RLIMIT_NOFILE))

    assert in_child(work) == [100, 100]


def test_cpu_time_counts_from_the_request_on() -> None:
    def work() -> list[float]:
        while time.process_time() < 0.2:
            pass
        restrict_module.allow_cpu(3)
        soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
        restrict_module.allow_cpu(30)
        return [soft - time.process_time(), hard, *resource.getrlimit(resource.RLIMIT_CPU)]

    left, hard, *lowered = in_child(work)

    assert 2 < left <= 4
    assert hard == resource.RLIM_INFINITY
    assert lowered == [2, 2]


def test_a_process_that_ignores_the_end_of_its_cpu_time_is_ended() -> None:
    def work() -> None:
        restrict_module.allow_cpu(0)
        while time.process_time() < 20:
            pass

    assert in_child(work) == -signal.SIGXCPU


def test_the_process_is_the_first_to_go_when_memory_runs_out() -> None:
    adjustment = "/proc/self/oom_score_adj"

    assert confined({"read": lambda: Path(adjustment).read_text().strip()}, without=("landlock",))["read"] == "1000"


def test_confining_leaves_no_descriptor_open() -> None:
    before = in_child(open_descriptors)

    assert confined({"descriptors": open_descriptors})["descriptors"] == before


def test_the_process_ends_with_the_one_that_started_it() -> None:
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        if os.fork() == 0:
            restrict_module.die_with_parent(signal.SIGKILL)
            os.write(writing, b"x")
            time.sleep(60)
            os._exit(0)
        os.read(reading, 1)
        os._exit(0)
    os.close(writing)
    os.waitpid(parent, 0)
    began = time.monotonic()

    assert os.read(reading, 1) == b"", "the pipe ends with the last process that holds it"
    os.close(reading)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("system", "words"), [("freebsd14", "limits on memory, time and files"), ("darwin", "limits on time and files")]
)
def test_another_system_than_linux_is_named_and_has_its_limits(system: str, words: str) -> None:
    def work() -> list[object]:
        sys.platform = system
        restrict_module.die_with_parent(9)
        return [
            restrict_module.restrict(LIMITS, ()),
            restrict_module.landlock_version(),
            *resource.getrlimit(resource.RLIMIT_CORE),
            LIBC.prctl(39, 0, 0, 0, 0),
            resource.getrlimit(resource.RLIMIT_AS)[0] == LIMITS.memory_bytes,
        ]

    # macOS refuses a limit below what every process has mapped from its start.
    assert in_child(work) == [words, 0, 0, 0, 0, "memory" in words]


def test_the_version_of_landlock_is_the_kernels() -> None:
    asked = LIBC.syscall(444, None, ctypes.c_size_t(0), 1)

    assert landlock_version() == max(0, asked)
