"""What all tests share: their environment, their order, and the one documented way to bless expected outputs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import settings

# Variables of this machine that change what Python, pip, git, TLS, the program or its output does. Tests, and the programs that
# tests start, see only those that a test sets.
MACHINE = (
    "CI", "COLUMNS", "CURL_CA_", "DASK_", "FINDINGS_REPORT_", "FONTCONFIG_", "FORCE_COLOR", "GITHUB_", "GITLAB_", "GIT_",
    "HTTPLIB2_", "LANG", "LC_", "LD_LIBRARY_PATH", "LINES", "NO_COLOR", "PIP_", "PYTHON", "REQUESTS_CA_", "SOURCE_DATE_EPOCH",
    "SSL_", "TZ", "UV_", "XDG_",
)  # fmt: skip
KEPT = ("FINDINGS_REPORT_EXAMPLES", "FINDINGS_REPORT_NEUTRON")
"""What tests themselves read: see examples.py, and for a clone of a large project test_track_seed.py."""

for name in [name for name in os.environ if name.startswith(MACHINE) and name not in KEPT]:
    del os.environ[name]

# How long an example takes says how busy the machine is. The same commit has the same result: `make properties` draws others.
settings.register_profile(
    "findings-report", deadline=None, max_examples=examples(100), derandomize="FINDINGS_REPORT_EXAMPLES" not in os.environ
)
settings.load_profile("findings-report")

pytest_plugins = ["trackers.fixtures"]

GOLD = Path(__file__).parent / "gold"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="write tests/gold/ anew instead of comparing with it")
    specifications = "folder with spec.txt of CommonMark and of GFM, and other files with examples in that form"
    parser.addoption("--markdown-examples", type=Path, metavar="FOLDER", help=specifications)
    parser.addoption(
        "--corpora", type=Path, help="a folder of corpora that are not part of this repository, see `make corpora`"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first: quick ones then occupy the cores that wait for the last of the slow ones."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests of a file in one process, so that its servers, clusters and PDFs are made once, in the order above."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


class Gold:
    """Compares with a file of tests/gold/, or writes it with --bless."""

    def __init__(self, *, bless: bool) -> None:
        self.bless = bless

    def check(self, name: str, content: str) -> None:
        path = GOLD / name
        if self.bless:
            path.write_text(content, "utf-8")
        assert path.exists(), f"there is no {path}: run `make bless` and look at what it wrote"
        assert content == path.read_text("utf-8"), f"{path} differs: look at the difference, then `make bless`"


@pytest.fixture
def gold(request: pytest.FixtureRequest) -> Gold:
    return Gold(bless=bool(request.config.getoption("--bless")))


@pytest.fixture(scope="session")
def corpora(request: pytest.FixtureRequest) -> Path:
    """The folder of corpora that are not part of this repository; tests of them are skipped without it."""
    folder = request.config.getoption("--corpora")
    if folder is None:
        pytest.skip("no folder of corpora: `make corpora CORPORA=FOLDER`")
    assert isinstance(folder, Path)
    return folder.resolve()


@pytest.fixture(autouse=True, scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of a test is kept in the cache or the state of whoever runs it, and nothing of theirs is found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
