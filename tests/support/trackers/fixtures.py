"""What tests of trackers share: real servers, a fake that is strict, and how the program is run against them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trackers import redmine_server, rt_server
from trackers.fake import Fake
from trackers.redmine_server import RedmineServer
from trackers.rt_server import RtServer


@pytest.fixture(scope="session")
def redmine() -> Iterator[RedmineServer]:
    if (why := redmine_server.missing()) is not None:
        pytest.skip(why)
    with redmine_server.redmine() as server:
        yield server


@pytest.fixture(scope="session")
def rt() -> Iterator[RtServer]:
    if (why := rt_server.missing()) is not None:
        pytest.skip(why)
    with rt_server.request_tracker() as server:
        yield server


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake.started() as server:
        yield server
        server.check()
