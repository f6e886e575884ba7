"""A headless Chromium for tests, and the sizes of the windows that people read reports in."""

from __future__ import annotations

import base64
import io
import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

CHROMIUM = shutil.which("chromium")
ANSWER_SECONDS = 60
"""How long the browser may be silent where an answer or an event is due."""
LIFETIME_SECONDS = 900
"""When a browser is ended that a killed test left behind: longer than the tests of a file take on a busy machine."""

TELEPHONE, LAPTOP, DESKTOP = (390, 844), (1280, 800), (1920, 1080)
"""Width and height of a window, in CSS pixels."""


class Browser:
    """One tab of a headless Chromium, spoken to by the DevTools protocol over a pair of pipes."""

    def __init__(self, commands: BinaryIO, messages: BinaryIO) -> None:
        self._commands, self._messages = commands, messages
        self._sent = 0
        self._read_ahead = bytearray()
        self._session: str | None = None
        self.asked_for: list[str] = []
        """Every address that a page asked for, since the browser was started."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command."""
        self._sent += 1
        session = {"sessionId": self._session} if self._session else {}
        command = {"id": self._sent, "method": method, "params": parameters, **session}
        self._commands.write(json.dumps(command).encode() + b"\0")
        while (message := self._read()).get("id") != self._sent:
            pass
        assert "error" not in message, message
        answer: dict[str, Any] = message["result"]
        return answer

    def open(self, page: Path, size: tuple[int, int] = LAPTOP, scheme: str = "light") -> None:
        """Load a file in a window of that size, for a reader who prefers that scheme, and wait until all of it is there."""
        self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=page.as_uri())
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression: str) -> Any:
        """What JavaScript gives, or promises, run by the tester: the page's own policy does not hold for it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self) -> Image.Image:
        """What the window shows."""
        answer = self.call("Page.captureScreenshot", format="png")
        return Image.open(io.BytesIO(base64.b64decode(answer["data"])))

    def _read(self) -> dict[str, Any]:
        while (end := self._read_ahead.find(b"\0")) < 0:
            assert select.select([self._messages], [], [], ANSWER_SECONDS)[0], "the browser does not answer"
            piece = self._messages.read(1 << 20)
            assert piece, "the browser has gone"
            self._read_ahead += piece
        content = bytes(self._read_ahead[:end])
        del self._read_ahead[: end + 1]
        message: dict[str, Any] = json.loads(content)
        if message.get("method") == "Network.requestWillBeSent":
            self.asked_for.append(message["params"]["request"]["url"])
        return message


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """A browser that reaches no network, ended on the way out and after LIFETIME_SECONDS at the latest."""
    to_browser, from_browser = os.pipe(), os.pipe()
    assert CHROMIUM is not None
    # Chromium reads commands from descriptor 3 and answers on 4.
    command = f'exec "$0" "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
    arguments = [
        CHROMIUM,
        "--headless",
        "--remote-debugging-pipe",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--hide-scrollbars",
        "--proxy-server=127.0.0.1:9",
        f"--user-data-dir={profile}",
    ]
    with ExitStack() as stack:
        process = subprocess.Popen(
            ["timeout", "--signal=KILL", str(LIFETIME_SECONDS), "bash", "-c", command, *arguments],
            pass_fds=(to_browser[0], from_browser[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        stack.callback(process.wait)
        stack.callback(os.killpg, process.pid, signal.SIGKILL)
        os.close(to_browser[0])
        os.close(from_browser[1])
        commands = stack.enter_context(os.fdopen(to_browser[1], "wb", buffering=0))
        yield Browser(commands, stack.enter_context(os.fdopen(from_browser[0], "rb", buffering=0)))
