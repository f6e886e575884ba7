"""The confined child: what it may, what it may not, and that its parent outlives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.sandbox import ChildReply, Limits, ask, child_process, frames, kill, landlock_version, run, start_child

TARGETS = {"PYTHONPATH": str(Path(__file__).parents[1] / "support/confined")}
LIMITS = Limits(cpu_seconds=5, memory_bytes=1 << 30, file_bytes=0, wall_seconds=30, output_bytes=1 << 20)

needs_landlock = pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")


def do(
    action: str,
    request: Mapping[str, object] | None = None,
    blobs: Mapping[str, bytes] | None = None,
    *,
    limits: Limits = LIMITS,
) -> ChildReply:
    return run("obedient", {"do": action, **(request or {})}, blobs or {}, limits=limits, environment=TARGETS)


def problem_of(action: str, blobs: Mapping[str, bytes] | None = None, *, limits: Limits = LIMITS, **request: object) -> Problem:
    with pytest.raises(FindingsReportError) as caught:
        do(action, request, blobs, limits=limits)
    (problem,) = caught.value.problems
    assert problem.kind is Kind.OUTPUT
    return problem


def is_running(number: int) -> bool:
    """False for a zombie that nobody has reaped yet too."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends_soon(number: int) -> bool:
    deadline = time.monotonic() + 5
    while is_running(number) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(number)


def test_json_and_bytes_come_back_although_the_child_prints() -> None:
    answer = do("echo", {"text": "é\ud800\0", "list": [1, None, {"a": 2.5}]}, {"empty": b"", "all": bytes(range(256))})

    assert answer.response == {"do": "echo", "text": "é\ud800\0", "list": [1, None, {"a": 2.5}]}
    assert answer.blobs == {"empty": b"", "all": bytes(range(256))}
    assert "limits" in answer.confinement


def test_large_input_and_output_do_not_wait_for_each_other() -> None:
    blob = os.urandom(1 << 20) * 12

    answer = do("echo", blobs={"large": blob}, limits=replace(LIMITS, output_bytes=1 << 24))

    assert answer.blobs["large"] == blob


def test_one_child_answers_many_requests() -> None:
    with start_child("obedient", limits=LIMITS, environment=TARGETS) as child:
        answers = [ask(child, {"do": "echo", "number": number}, {"n": b"x" * number}) for number in range(20)]

    assert [answer.response["number"] for answer in answers] == list(range(20))


def test_an_exception_in_one_request_leaves_the_child_able_to_answer_the_next() -> None:
    with start_child("obedient", limits=LIMITS, environment=TARGETS) as child:
        with pytest.raises(FindingsReportError, match="ZeroDivisionError"):
            ask(child, {"do": "fail"}, {})

        assert ask(child, {"do": "echo"}, {}).response == {"do": "echo"}


def test_each_request_has_its_own_cpu_time() -> None:
    with start_child("obedient", limits=replace(LIMITS, cpu_seconds=1), environment=TARGETS) as child:
        ask(child, {"do": "echo"}, {})

        with pytest.raises(FindingsReportError, match="1 seconds of CPU"):
            ask(child, {"do": "spin"}, {})


def test_nothing_of_the_users_environment_reaches_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")

    response = do("environment").response

    assert response == {"names": ["LC_ALL", "PYTHONHASHSEED", "PYTHONPATH", "TZ"], "folder": "/", "stdin": ""}


def test_the_limit_on_cpu_time_is_named() -> None:
    problem = problem_of("spin", limits=replace(LIMITS, cpu_seconds=1))

    assert problem.code == "confine-cpu"
    assert "1 seconds of CPU time" in problem.fault
    assert problem.remedy


@pytest.mark.parametrize("action", ["hoard", "hoard_below_python"])
def test_the_limit_on_memory_is_named_wherever_it_is_met(action: str) -> None:
    problem = problem_of(action)

    assert problem.code == "confine-memory"
    assert "1,024 MiB" in problem.fault


def test_a_silent_child_is_ended_when_its_time_is_up() -> None:
    began = time.monotonic()

    problem = problem_of("sleep", limits=replace(LIMITS, wall_seconds=1.5))

    assert problem.code == "confine-wall"
    assert time.monotonic() - began < 10


def test_a_child_that_stops_reading_is_ended_when_its_time_is_up() -> None:
    with start_child("obedient", limits=replace(LIMITS, wall_seconds=1), environment=TARGETS) as child:
        child.process.send_signal(signal.SIGSTOP)

        with pytest.raises(FindingsReportError, match="no answer within 1 seconds"):
            ask(child, {"do": "echo"}, {"large": bytes(1 << 22)})


def test_a_crash_is_told_with_its_signal_and_no_control_characters() -> None:
    problem = problem_of("crash")

    assert problem.fault == "the confined process was ended by SIGSEGV: dying \\u{001B}[31mred\\u{0007}"


def test_an_unexpected_end_is_told_with_its_status() -> None:
    assert problem_of("leave").fault == "the confined process ended with status 7"


def test_an_exception_is_told_with_its_place_but_no_folder_of_this_machine() -> None:
    fault = problem_of("fail").fault

    assert "ZeroDivisionError: by \\u{001B} nothing (confined/obedient.py:" in fault
    assert str(Path.cwd()) not in fault


def test_a_target_that_cannot_get_ready_says_why() -> None:
    with pytest.raises(FindingsReportError, match=r"cannot load library 'libnothing\.so\.0'") as caught:
        run("unready", {}, {}, limits=LIMITS, environment=TARGETS)

    assert caught.value.problems[0].code == "confine-unprepared"


def test_an_answer_that_is_too_long_is_refused_before_it_is_read() -> None:
    problem = problem_of("shout", length=30_000_000)

    assert problem.code == "confine-output"
    assert "1 MiB" in problem.fault


@pytest.mark.parametrize(
    "raw",
    [
        b"hello, this is not a frame at all",
        b"\xff" * 64,
        bytes(16),
        frames.pack({}, {}),
        frames.pack({"response": [1]}, {}),
        frames.pack({"response": {}}, {}) + b"more",
        frames.pack({"response": {}}, {})[:-1],
        (5).to_bytes(8, "big") + bytes(8) + b"[[[[[",
        (40_000).to_bytes(8, "big") + bytes(8) + b"[" * 40_000,
    ],
)
def test_garbage_is_refused_and_the_parent_lives(raw: bytes) -> None:
    assert problem_of("garble", {"raw": raw}).code in {"confine-garbage", "confine-output", "confine-crash"}


def test_processes_that_the_child_started_end_with_it() -> None:
    number = int(str(run("forking", {}, {}, limits=LIMITS, environment=TARGETS).response["child"]))

    assert ends_soon(number)


def test_a_child_that_floods_its_standard_error_is_cut_off_and_answers_all_the_same() -> None:
    began = time.process_time()
    with start_child("obedient", limits=LIMITS, environment=TARGETS) as child:
        written = int(str(ask(child, {"do": "flood", "bytes": 1 << 30}, {}).response["written"]))

        assert ask(child, {"do": "pid"}, {}).response == {"pid": child.process.pid}
        assert len(child.errors.last) == 4096
        assert child.errors.total < 1 << 21

    assert written < 1 << 22
    assert time.process_time() - began < 2


@pytest.mark.parametrize("length", [100_000, 1 << 24])
def test_the_last_words_before_a_crash_are_those_that_were_read(length: int) -> None:
    problem = problem_of("flood", bytes=length, crash=True)

    how, _, last = problem.fault.rpartition(": ")
    assert how == "the confined process was ended by SIGSEGV"
    assert last
    assert last in "complaint"


def test_a_thread_that_waits_for_an_answer_is_told_at_once_when_another_kills_the_child() -> None:
    with start_child("obedient", limits=LIMITS, environment=TARGETS) as child, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(ask, child, {"do": "sleep"}, {})
        time.sleep(0.2)

        kill(child)

        # A pipe that is closed while somebody waits for it never tells of its end.
        assert not any(pipe.closed for pipe in (child.process.stdin, child.process.stdout, child.process.stderr) if pipe)
        with pytest.raises(FindingsReportError, match="SIGKILL"):
            waiting.result(timeout=15)


def test_a_system_that_refuses_a_process_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))

    problem = problem_of("echo")

    assert (problem.code, problem.fault) == (
        "confine-start",
        "a confined process cannot be started: No such file or directory",
    )


def test_the_users_path_of_shared_libraries_reaches_the_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    environment = child_process._environment

    assert environment({})["LD_LIBRARY_PATH"] == str(tmp_path)
    assert environment({"LD_LIBRARY_PATH": "own"})["LD_LIBRARY_PATH"] == "own"
    monkeypatch.setattr("site.getsitepackages", lambda: [str(Path(child_process.__file__).parents[2])])
    assert environment({}).keys() == {"LC_ALL", "PYTHONHASHSEED", "TZ", "LD_LIBRARY_PATH"}


def test_a_child_that_is_gone_while_it_is_written_to_is_told_with_its_end() -> None:
    with start_child("obedient", limits=LIMITS, environment=TARGETS) as child:
        child.process.kill()

        with pytest.raises(FindingsReportError, match="ended by SIGKILL"):
            ask(child, {"do": "echo"}, {"large": bytes(1 << 22)})


@pytest.mark.parametrize(
    ("status", "stderr", "code", "fault"),
    [
        (3, "", "confine-crash", "ended with status 3"),
        (0, " \n\t\n", "confine-crash", "ended with status 0"),
        (-35, "first\nlast\n \n", "confine-crash", "was ended by signal 35: last"),
        (-11, "x" * 1000, "confine-crash", f"was ended by SIGSEGV: {'x' * 600}…"),
        (-11, "x" * 600, "confine-crash", f"was ended by SIGSEGV: {'x' * 600}"),
        (-signal.SIGXCPU, "out of memory", "confine-cpu", "used up its 5 seconds of CPU time"),
        (
            -6,
            "terminate called after throwing 'std::bad_alloc'\n",
            "confine-memory",
            "needed more than its 1,024 MiB of memory",
        ),
        (1, "MemoryError\nmore", "confine-memory", "needed more than its 1,024 MiB of memory"),
        (-6, "GLib-ERROR: failed to allocate 8 bytes", "confine-memory", "needed more than its 1,024 MiB of memory"),
        (-6, "ld.so: cannot allocate memory", "confine-memory", "needed more than its 1,024 MiB of memory"),
        (-6, "Could not allocate", "confine-memory", "needed more than its 1,024 MiB of memory"),
        (-6, "Out of Memory", "confine-memory", "needed more than its 1,024 MiB of memory"),
        (-6, "allocated", "confine-crash", "was ended by SIGABRT: allocated"),
    ],
)
def test_the_end_of_a_child_is_named_by_its_cause(status: int, stderr: str, code: str, fault: str) -> None:
    (problem,) = child_process._crash(status, stderr, LIMITS).problems

    assert (problem.code, problem.kind) == (code, Kind.OUTPUT)
    assert problem.fault == f"the confined process {fault}"


def test_sizes_are_told_in_the_unit_that_fits() -> None:
    assert [child_process._size(size) for size in (1000, 2**20 - 1, 2**20, 2**31)] == [
        "1,000 bytes",
        "1,048,575 bytes",
        "1 MiB",
        "2,048 MiB",
    ]


def test_the_last_4_kib_of_the_first_mib_of_complaints_are_kept() -> None:
    errors = child_process.ErrorTail()

    assert errors.keep(b"a" * 5000 + b"b")
    assert bytes(errors.last) == b"a" * 4095 + b"b"
    assert errors.keep(b"c" * (2**20 - 5002))
    assert not errors.keep(b"d")
    assert (errors.total, len(errors.last)) == (2**20, 4096)


def test_an_answer_may_be_as_long_as_allowed_with_64_kib_beside_it() -> None:
    most = LIMITS.output_bytes + 65_536
    start = frames._LENGTHS.pack(100, most - 116)

    assert not child_process._is_complete(bytearray(start), LIMITS)
    assert child_process._is_complete(bytearray(start + bytes(most - 16)), LIMITS)
    assert child_process._is_complete(bytearray(start + bytes(most)), LIMITS)
    with pytest.raises(FindingsReportError, match="answered with more than 1 MiB"):
        child_process._is_complete(bytearray(frames._LENGTHS.pack(100, most - 115)), LIMITS)


def test_limits_cannot_be_raised_again() -> None:
    response = do("limits").response

    assert response["RLIMIT_AS"] == [1 << 30, 1 << 30]
    assert response["RLIMIT_FSIZE"] == response["RLIMIT_CORE"] == [0, 0]


@needs_landlock
def test_files_programs_and_the_network_are_out_of_reach(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        port = listener.getsockname()[1]
        receiver.bind(("127.0.0.1", port))
        listener.settimeout(0.2)
        receiver.settimeout(0.2)

        answer = do("trespass", {"port": port, "path": str(tmp_path / "written")})

        with pytest.raises(TimeoutError):
            listener.accept()
        if "network cut off" in answer.confinement:
            with pytest.raises(TimeoutError):
                receiver.recv(1)
    outcomes = answer.response
    for attempt in ("read", "read_proc", "list", "write", "make_folder", "execute"):
        assert outcomes[attempt] == "PermissionError", attempt
    assert outcomes["tcp"] != "done"
    assert outcomes["read_python"] == "done"
    assert landlock_version() < 6 or outcomes["signal"] == "PermissionError"
    assert f"Landlock {landlock_version()}" in answer.confinement
    assert list(tmp_path.iterdir()) == []


def test_without_landlock_the_child_works_and_says_so() -> None:
    script = (
        "import findings_report.sandbox.restrict as r; r.landlock_version = lambda: 0;"
        "print(r.restrict(r.Limits(5, 1 << 30, 0, 30, 1 << 20), ()))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "no Landlock" in done.stdout


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_child_ends_when_its_parent_is_interrupted_or_killed(signal_number: signal.Signals) -> None:
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from test_sandbox import LIMITS, TARGETS, start_child, ask\n"
        "with start_child('obedient', limits=LIMITS, environment=TARGETS) as child:\n"
        "    print(child.process.pid, flush=True)\n"
        "    ask(child, {'do': 'sleep'}, {})\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(Path(__file__).parent)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert parent.stdout
    number = int(parent.stdout.readline())
    assert is_running(number)

    parent.send_signal(signal_number)
    parent.communicate(timeout=60)  # a busy machine

    assert ends_soon(number)
