"""An engagement on a small repository, into which files are imported."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repositories import Commit, build

from findings_report import authoring
from findings_report.authoring.yaml_reader import read
from findings_report.commands import Inputs
from findings_report.commands.import_findings import ImportResult, import_findings
from findings_report.importing import ImportOptions

APP = "import os\n\n\ndef run(name):\n    command = 'ls ' + name\n    os.system(command)\n\n\ndef safe():\n    return 1\n"


@dataclass(frozen=True)
class Workplace:
    """An engagement on a repository with two commits; `app.py` is in both, with a line more in the second."""

    root: Path
    commits: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return self.root / "findings"

    def run(self, content: Any, importer: str = "sarif", *, name: str = "results.json", **options: Any) -> ImportResult:
        source = self.root / name
        columns = options.pop("columns", None)
        source.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return import_findings(
            importer,
            Inputs(self.folder, {}),
            [source],
            options=ImportOptions(**options),
            columns=columns,
            dry_run=False,
            progress=lambda _: None,
        )

    @property
    def findings(self) -> list[dict[str, Any]]:
        paths = sorted(self.folder.glob("*.finding.yaml"))
        return [authoring.written_values(read(path.read_bytes()).data) for path in paths]

    @property
    def finding(self) -> dict[str, Any]:
        (finding,) = self.findings
        return finding

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}


def build_code(clone: Path) -> tuple[Path, tuple[str, ...]]:
    """Make the repository; return it with its commits."""
    commits = [
        Commit({"src/app.py": APP}),
        Commit({"src/app.py": "# Later\n" + APP, "src/my file.py": "x = 1\n", "lib/deep/util.py": APP}),
    ]
    return clone, tuple(build(clone, commits))


def write_engagement(root: Path, clone: Path, commits: tuple[str, ...]) -> Workplace:
    """Start an engagement on the last commit."""
    (root / "findings").mkdir()
    (root / "findings" / "engagement.yaml").write_text(
        f"format: 1\ntitle: Review\nrepositories:\n  shop: {{url: https://github.com/acme/shop, path: {json.dumps(str(clone))},"
        f" commit: {commits[-1]}}}\n"
    )
    return Workplace(root, commits)
