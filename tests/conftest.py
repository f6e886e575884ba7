"""What all tests share: the one documented way to bless expected outputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

GOLD = Path(__file__).parent / "gold"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="write tests/gold/ anew instead of comparing with it")


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


@pytest.fixture(autouse=True, scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of a test is kept in the cache of whoever runs it, and nothing of theirs is found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
