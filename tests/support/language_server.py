"""A client of the language server that editors run on YAML: just enough of the protocol to see what an author sees.

Source: Language Server Protocol 3.17, "Base Protocol".
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SERVER = Path(__file__).parents[1] / "editor/node_modules/.bin/yaml-language-server"


class LanguageServer:
    """One server, running in `folder`. It has no settings but those given, and no network is needed."""

    def __init__(self, folder: Path, settings: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.settings = {"schemaStore": {"enable": False}, "hover": True, "completion": True, "validate": True}
        self.settings |= settings or {}
        self.process = subprocess.Popen(
            [SERVER, "--stdio"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.last_request = 0
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}

    def __enter__(self) -> Self:
        root = self.folder.as_uri()
        documentation = {"documentationFormat": ["markdown"], "snippetSupport": True}
        capabilities = {
            "textDocument": {"hover": {"contentFormat": ["markdown"]}, "completion": {"completionItem": documentation}},
            "workspace": {"configuration": True, "workspaceFolders": True},
        }
        folders = [{"uri": root, "name": "engagement"}]
        self.ask("initialize", {"processId": None, "rootUri": root, "workspaceFolders": folders, "capabilities": capabilities})
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": {"yaml": self.settings}})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()

    def open(self, path: Path, text: str) -> list[str]:
        """What the server says of `text`, as `line: message`, lines 1-based."""
        uri = path.as_uri()
        self.diagnostics.pop(uri, None)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        while uri not in self.diagnostics:
            self.read()
        return [f"{each['range']['start']['line'] + 1}: {each['message']}" for each in self.diagnostics[uri]]

    def complete(self, path: Path, line: int, column: int) -> dict[str, str]:
        """What is proposed at a place (0-based): label to documentation."""
        answer = self.ask("textDocument/completion", _at(path, line, column))
        items = answer["items"] if isinstance(answer, dict) else answer
        return {item["label"]: _text(item.get("documentation")) for item in items}

    def hover(self, path: Path, line: int, column: int) -> str:
        """What is explained at a place (0-based), as Markdown."""
        answer = self.ask("textDocument/hover", _at(path, line, column))
        return _text(answer["contents"]) if answer else ""

    def ask(self, method: str, parameters: Any) -> Any:
        self.last_request += 1
        self._send({"id": self.last_request, "method": method, "params": parameters})
        while True:
            message = self.read()
            if message.get("id") == self.last_request and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def tell(self, method: str, parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def read(self) -> dict[str, Any]:
        """The next message; what the server asks is answered, what it diagnoses is kept."""
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the server has ended"
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            sections = [item.get("section") for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": [self.settings if name == "yaml" else {} for name in sections]})
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": None})
        return message

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self.process.stdin.flush()


def _at(path: Path, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}}


def _text(content: Any) -> str:
    return str(content.get("value", "")) if isinstance(content, dict) else str(content or "")
