"""A Roundup on loopback, with its classic template and a user; it comes from PyPI with the development tools."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from trackers import debian

USER, PASSWORD = "ada", "long enough"
_ADMIN = "from roundup.scripts.roundup_admin import run; run()"
# Its own server refuses to run as root, which CI is.
_SERVER = """
import sys
from wsgiref.simple_server import make_server
from roundup.cgi.wsgi_handler import RequestDispatcher
make_server("127.0.0.1", int(sys.argv[2]), RequestDispatcher(sys.argv[1])).serve_forever()
"""


def missing() -> str | None:
    """Why it cannot be started here; None when it can."""
    return None if importlib.util.find_spec("roundup") else "not installed: roundup (it is in requirements-dev.lock)"


@dataclass(frozen=True)
class RoundupServer:
    """A running Roundup."""

    url: str

    def get(self, path: str) -> Any:
        """The data of an object, read with another client than the program's."""
        return json.loads(self.fetch(path))["data"]

    def fetch(self, path: str) -> bytes:
        headers = {"X-Requested-With": "rest", "Accept": "*/*"}
        answer = httpx.get(f"{self.url}/rest/data/{path}", headers=headers, auth=(USER, PASSWORD), timeout=60)
        return answer.raise_for_status().content


@contextmanager
def roundup(folder: Path) -> Iterator[RoundupServer]:
    """A Roundup in `folder`, for as long as it is used."""
    port = debian.free_port()
    url, home = f"http://127.0.0.1:{port}", folder / "tracker"
    admin = [sys.executable, "-c", _ADMIN, "-i", str(home)]
    # Mail about changes goes to a file.
    options = {
        "tracker_web": f"{url}/",
        "mail_domain": "example.org",
        "mail_host": "localhost",
        "mail_debug": str(folder / "mail"),
    }
    words = ",".join(f"{name}={value}" for name, value in options.items())
    debian.answer_of([*admin, "install", "classic", "sqlite", words], folder)
    debian.answer_of([*admin, "initialise", "not ada's"], folder)
    user = [f"username={USER}", f"password={PASSWORD}", "roles=User", "address=ada@example.org"]
    debian.answer_of([*admin, "create", "user", *user], folder)
    server = [sys.executable, "-c", _SERVER, str(home), str(port)]
    with debian.serving(server, folder, f"{url}/", folder / "server.log"):
        yield RoundupServer(url)
