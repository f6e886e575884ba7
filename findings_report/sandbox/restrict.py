"""Giving up rights for good, before untrusted input is read: files, network, privileges, unlimited time and memory.

No step needs root. A means that the kernel does not have is skipped and named in the result, because a report has to be
rendered on such a machine, too. Runs in the child; the parent uses `Limits` and `landlock_version` only.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import math
import os
import platform
import resource
import site
import struct
import sys
import sysconfig
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES_OF_ROOT = 0b110
"""Reading files of others, CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: root needs them for the fonts in a user's venv."""

# Source: linux/landlock.h; the system calls have the same numbers on every architecture but alpha.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FIRST_FILE_RIGHTS = (1 << 13) - 1
_LATER_FILE_RIGHTS = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))  # since version: refer, truncate, ioctl on devices
_NETWORK_RIGHTS = 0b11  # bind and connect of TCP, since version 4
_SCOPES = 0b11  # abstract UNIX sockets and signals, since version 6

# Source: linux/seccomp.h, linux/filter.h, linux/audit.h.
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET, _FIRST_ARGUMENT_OFFSET = 0, 4, 16
_CLONE_THREAD = 0x00010000
_OTHER_ABI = 0x40000000
"""From here on, numbers are those of x32 on x86-64."""


class _Numbers(NamedTuple):
    """Numbers of system calls on one architecture. Source: asm/unistd.h."""

    audit: int
    """The architecture's number in audit.h."""
    clone: int
    clone3: int
    forbidden: dict[str, int]
    """System calls that reach other processes, sockets, or parts of the kernel that no worker needs."""


_NUMBERS = {
    "x86_64": _Numbers(
        0xC000003E,
        clone=56,
        clone3=435,
        forbidden={
            "socket": 41, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "ptrace": 101, "process_vm_readv": 310,
            "process_vm_writev": 311, "pidfd_getfd": 438, "io_uring_setup": 425, "unshare": 272, "setns": 308, "mount": 165,
            "bpf": 321, "userfaultfd": 323, "perf_event_open": 298, "add_key": 248, "request_key": 249, "keyctl": 250,
        },
    ),
    "aarch64": _Numbers(
        0xC00000B7,
        clone=220,
        clone3=435,
        forbidden={
            "socket": 198, "execve": 221, "execveat": 281, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
            "pidfd_getfd": 438, "io_uring_setup": 425, "unshare": 97, "setns": 268, "mount": 40, "bpf": 280,
            "userfaultfd": 282, "perf_event_open": 241, "add_key": 217, "request_key": 218, "keyctl": 219,
        },
    ),
}  # fmt: skip

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
_OPEN_FILES = 256


@dataclass(frozen=True)
class Limits:
    """What a confined child may use. Parent and child read it."""

    cpu_seconds: int
    """CPU time of one request."""
    memory_bytes: int
    """Address space of the whole process, including the libraries that it loads."""
    file_bytes: int
    """Longest file that it may write, where it may write at all."""
    wall_seconds: float
    """Time until a request must be answered; also for loading the worker module."""
    output_bytes: int
    """Longest reply, all blobs together; the JSON beside them has another 64 KiB."""


def landlock_version() -> int:
    """Return the version of Landlock in this kernel, 0 if there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel to send this process a signal when the thread that started it ends."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def restrict(limits: Limits, readable: Iterable[str]) -> str:
    """Give up everything except reading Python, shared libraries, this package and `readable`.

    Returns what is in force, in words. Raises OSError if the kernel has a means and refuses it. Only the calling thread
    and those that it starts later are confined: no other may run yet.
    """
    measures = []
    if sys.platform == "linux":
        libc = _libc()
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _volunteer_for_oom_killer()
        measures.append("network cut off" if _leave_network(libc) else "network not cut off")
        _drop_capabilities(libc)
        version = landlock_version()
        if version:
            _landlock(libc, version, [*_own_files(), *readable])
        measures.append(f"files closed off by Landlock {version}" if version else "files not closed off (no Landlock)")
        is_filtered = _forbid_system_calls(libc)
        measures.append(f"sockets and processes {'closed off by seccomp' if is_filtered else 'not closed off (no seccomp)'}")
    # macOS maps gigabytes into every process before it starts, and refuses a limit below what is mapped.
    if has_memory_limit := sys.platform != "darwin":
        _lower(resource.RLIMIT_AS, limits.memory_bytes)
    _lower(resource.RLIMIT_FSIZE, limits.file_bytes)
    _lower(resource.RLIMIT_CORE, 0)  # a core file would contain a client's code
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    return ", ".join([*measures, f"limits on {'memory, ' if has_memory_limit else ''}time and files"])


def allow_cpu(seconds: int) -> None:
    """Let the process use this much CPU time from now on; then SIGXCPU ends it. A later call replaces the limit."""
    # The soft limit only: a hard one could not be raised for the next request.
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = math.ceil(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _leave_network(libc: ctypes.CDLL) -> bool:
    """Move to an empty network namespace; return False if the kernel does not allow it.

    Landlock restricts TCP only, and only from version 4 (Linux 6.7).
    """
    if os.geteuid() == 0:
        # No user namespace: in it root would lose the right to read files of others, such as the fonts in a user's venv.
        return bool(libc.unshare(_CLONE_NEWNET) == 0)
    return bool(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Give up root's rights over the machine, and those that a new user namespace grants inside itself.

    Both reach more of the kernel than untrusted input should. Raises OSError if the kernel refuses it.
    """
    header, sets = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    libc.capget(header, sets)
    # A container may not have given root all of them, and nobody can take more than they have.
    permitted = struct.unpack_from("=I", sets, 4)[0] & (_CAPABILITIES_OF_ROOT if os.geteuid() == 0 else 0)
    if libc.capset(header, struct.pack("=6I", permitted, permitted, 0, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be given up")


def _forbid_system_calls(libc: ctypes.CDLL) -> bool:
    """Let the kernel answer the system calls of `_Numbers` with "not permitted"; return False where that is unknown.

    Landlock does not know sockets that are files, as those of Docker and of an agent for keys, and io_uring goes around both it
    and the namespace. A process of the child's could leave its process group, and outlive it. Threads are allowed.
    """
    numbers = _NUMBERS.get(platform.machine()) if struct.calcsize("P") == 8 else None
    if numbers is None:
        return False
    denial = _FAIL | errno.EPERM
    steps = [(_LOAD, 0, 0, _ARCHITECTURE_OFFSET), (_EQUAL, 1, 0, numbers.audit), (_RETURN, 0, 0, _KILL)]
    steps += [(_LOAD, 0, 0, _NUMBER_OFFSET), (_AT_LEAST, 0, 1, _OTHER_ABI), (_RETURN, 0, 0, denial)]
    for number in numbers.forbidden.values():
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, denial)]
    # The flags of clone3 are behind a pointer, which a filter cannot follow; the C library uses clone without it.
    steps += [(_EQUAL, 0, 1, numbers.clone3), (_RETURN, 0, 0, _FAIL | errno.ENOSYS), (_EQUAL, 1, 0, numbers.clone)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, _FIRST_ARGUMENT_OFFSET), (_ANY_BIT, 1, 0, _CLONE_THREAD)]
    steps += [(_RETURN, 0, 0, denial), (_RETURN, 0, 0, _ALLOW)]
    filter_code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(filter_code))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program) == 0)


def _volunteer_for_oom_killer() -> None:
    """When the machine runs out of memory before the limit is reached, the kernel ends this process, not one of the user's."""
    with contextlib.suppress(OSError):  # no /proc
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


def _own_files() -> list[str]:
    """Return the folders from which Python, its packages, this package and shared libraries are loaded."""
    python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    package = str(Path(__file__).resolve().parents[1])
    return [*python, *site.getsitepackages(), site.getusersitepackages(), package, *_LIBRARIES]


def _landlock(libc: ctypes.CDLL, version: int, readable: Iterable[str]) -> None:
    # A right that the kernel does not know makes it refuse the whole ruleset.
    rights = _FIRST_FILE_RIGHTS
    for since, right in _LATER_FILE_RIGHTS:
        rights |= right if version >= since else 0
    attributes = struct.pack("=QQQ", rights, _NETWORK_RIGHTS, _SCOPES)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses its rules")
    for path in dict.fromkeys(readable):
        _allow_reading(libc, ruleset, Path(path))
    if libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock cannot be put in force")
    os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    if not path.exists():
        return
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
        if libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, opened), 0) != 0:
            raise OSError(ctypes.get_errno(), "Landlock refuses a rule")
    finally:
        os.close(opened)
