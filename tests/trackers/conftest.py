"""What tests of trackers share: a real Redmine, a fake that is strict, and how the program is run against them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trackers import redmine_server
from trackers.fake import Fake
from trackers.redmine_server import RedmineServer


@pytest.fixture(scope="session")
def redmine() -> Iterator[RedmineServer]:
    if (why := redmine_server.missing()) is not None:
        pytest.skip(why)
    with redmine_server.redmine() as server:
        yield server


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake.started() as server:
        yield server
        server.check()
