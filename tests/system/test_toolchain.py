"""Where the program comes from: the command that installs an extra names no package of a registry."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from findings_report.system.toolchain import EXTRAS, extra_requirements, install_extra

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (
            {"url": "file:///a/findings_report-1-py3-none-any.whl", "archive_info": {}},
            "pip install 'findings-report[sign] @ file:///a/findings_report-1-py3-none-any.whl'",
        ),
        (
            {"url": "https://git.example/a.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"pip install 'findings-report[sign] @ git+https://git.example/a.git@{COMMIT}'",
        ),
        ({"url": "file:///my%20code", "dir_info": {"editable": True}}, "pip install -e '/my code[sign]'"),
        ({"url": "file:///code", "dir_info": {}}, "pip install '/code[sign]'"),
        (
            None,
            "pip install 'findings-report[sign] @ ADDRESS', with the ADDRESS of the wheel or repository that the program is "
            "from",
        ),
    ],
)
def test_an_extra_comes_from_where_the_program_came_from(
    origin: object, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "findings_report-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: findings-report\nVersion: 1\n")
    if origin is not None:
        (installed / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _: str(Path(sys.executable).with_name("pip")))

    assert install_extra("sign") == command


def test_an_extra_is_installed_by_the_installer_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "findings_report-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: findings-report\nVersion: 1\nRequires-Dist: pytest>=9\n"
        "Requires-Dist: no-such-package<2; extra == 'sign'\nRequires-Dist: httpx<1,>=0.28; extra == 'sign'\n"
        "Requires-Dist: pytest; extra == 'here'\n"
    )
    (installed / "direct_url.json").write_text(json.dumps({"url": "https://example.org/a.whl"}))
    monkeypatch.syspath_prepend(str(tmp_path))
    environment = tmp_path / "findings-report_2"
    environment.mkdir()
    requirement = "'findings-report[sign] @ https://example.org/a.whl'"

    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/pip")
    assert install_extra("sign") == f"{shlex.quote(sys.executable)} -m pip install {requirement}"

    (installed / "INSTALLER").write_text("uv\n")
    assert install_extra("sign") == f"uv pip install --python {shlex.quote(sys.executable)} {requirement}"

    monkeypatch.setattr(sys, "prefix", str(environment))
    (environment / "uv-receipt.toml").touch()
    # What is installed stays installed.
    assert install_extra("sign") == "uv tool install --force 'findings-report[here,sign] @ https://example.org/a.whl'"

    (environment / "pipx_metadata.json").touch()
    assert install_extra("sign") == "pipx inject findings-report_2 'no-such-package<2' 'httpx<1,>=0.28'"


def test_each_extra_of_the_package_is_described() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert set(EXTRAS) == set(project["optional-dependencies"])
    assert {extra: len(packages) for extra, packages in extra_requirements().items()} == {
        extra: len(packages) for extra, packages in project["optional-dependencies"].items()
    }


def test_windows_is_told_to_use_wsl_before_anything_is_imported_that_it_does_not_have() -> None:
    windows = "import sys; sys.platform = 'win32'; sys.modules['fcntl'] = sys.modules['resource'] = None; "

    ran = run_python(windows + "import findings_report.cli")

    assert ran.returncode == 5
    assert "WSL" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_macos_names_a_library_by_its_version() -> None:
    names = (
        "import ctypes, sys; sys.platform = 'darwin'; names = []; ctypes.CDLL = lambda name, **_: names.append(name); "
        "from findings_report.system import toolchain; toolchain.missing_libraries(); print(*names, toolchain.INSTALL)"
    )

    loaded = run_python(names).stdout

    assert "libpango-1.0.0.dylib" in loaded.split()
    assert ".so." not in loaded
    assert "brew install pango" in loaded


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_nothing_that_is_shipped_installs_the_program_by_a_name_that_a_stranger_could_register() -> None:
    shipped = [
        ROOT / "README.md",
        ROOT / "action.yml",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "integrations").rglob("*"),
        *(path for path in (ROOT / "findings_report").rglob("*") if path.suffix in (".py", ".toml", ".yaml", ".j2")),
    ]
    by_name = re.compile(r"""(?:pip|pipx|uv tool) install[^\n@]*[ '"]findings-report(?:\[[a-z,]+\])?['"`]?(?!.* @ )(?:\s|$)""")

    by_stranger = [
        f"{path}: {line}"
        for path in shipped
        if path.is_file()
        for line in path.read_text("utf-8").split("\n")
        if by_name.search(line)
    ]

    assert by_name.search("$ pip install 'findings-report[sign]'")
    assert by_name.search("pipx install findings-report")
    assert not by_stranger
