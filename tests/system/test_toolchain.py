"""Where the program comes from: the command that installs an extra names no package of a registry."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from findings_report.system.toolchain import install_extra

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

    assert install_extra("sign") == command


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
