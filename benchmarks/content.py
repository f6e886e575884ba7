"""Engagements of any size on a real repository, the same for the same seed: what the other benchmarks are measured on.

    python benchmarks/content.py REPOSITORY FOLDER [--findings 100] [--seed 1]

A finding has about 250 words of Markdown (paragraphs, a list, a table, a fence), a few fields, and one or two locations of 16
to 24 lines of real code, each quoted with a line left out. The findings are layout tests, not accusations.
"""

from __future__ import annotations

import argparse
import random
import subprocess
from pathlib import Path
from typing import Any

import yaml

WORDS = [
    "the",
    "value",
    "request",
    "handler",
    "reads",
    "input",
    "from",
    "caller",
    "without",
    "check",
    "and",
    "passes",
    "it",
    "on",
    "to",
    "function",
    "that",
    "writes",
    "state",
    "before",
    "lock",
    "is",
    "taken",
    "so",
    "that",
    "two",
    "requests",
    "may",
    "see",
    "different",
    "results",
    "when",
    "order",
    "of",
    "events",
    "changes",
    "under",
    "load",
    "this",
    "was",
    "seen",
    "in",
    "review",
    "of",
    "module",
    "and",
    "holds",
    "for",
    "every",
    "path",
    "that",
    "leads",
    "there",
    "unless",
    "configuration",
    "says",
    "otherwise",
]
LENGTHS = (16, 24)
SUFFIXES = (".py", ".c", ".h", ".go", ".js", ".ts", ".java", ".rs", ".rb")


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "--git-dir", str(_git_dir(repository)), *arguments], capture_output=True, check=True
    ).stdout.decode("utf-8", "replace")


def _git_dir(repository: Path) -> Path:
    return repository / ".git" if (repository / ".git").exists() else repository


def code_files(repository: Path, commit: str, random_source: random.Random, most: int) -> dict[str, list[str]]:
    """At most `most` files of code with at least 60 lines: their lines by path."""
    names = [name for name in git(repository, "ls-tree", "-r", "--name-only", commit).splitlines() if name.endswith(SUFFIXES)]
    random_source.shuffle(names)
    files: dict[str, list[str]] = {}
    for name in names:
        if len(files) >= most:
            break
        lines = git(repository, "cat-file", "blob", f"{commit}:{name}").replace("\r\n", "\n").split("\n")
        if len(lines) >= 60 and name.isascii() and all(line.isprintable() or "\t" in line for line in lines):
            files[name] = lines
    return files


def sentence(source: random.Random) -> str:
    return " ".join(source.choices(WORDS, k=source.randint(9, 18))).capitalize() + "."


def paragraph(source: random.Random, sentences: int = 4) -> str:
    return " ".join(sentence(source) for _ in range(sentences))


def prose(source: random.Random) -> str:
    items = "\n".join(f"- **{source.choice(WORDS)}** `{source.choice(WORDS)}()` {sentence(source)}" for _ in range(3))
    rows = "\n".join(f"| {source.choice(WORDS)} | {source.randint(1, 99)} | {source.choice(WORDS)} |" for _ in range(3))
    return f"{paragraph(source)}\n\n{items}\n\n{paragraph(source, 3)}\n\n| part | count | note |\n|---|---|---|\n{rows}\n"


def location(source: random.Random, files: dict[str, list[str]], lengths: tuple[int, int]) -> dict[str, Any]:
    path = source.choice(sorted(files))
    lines = files[path]
    length = source.randint(*lengths)
    start = source.randint(1, len(lines) - length - 1)
    cited = list(enumerate(lines[start - 1 : start - 1 + length], start))
    gap = source.randint(4, length - 5)
    shown = [f"{number} {text}".rstrip() for number, text in cited[:gap]] + ["..."]
    shown += [f"{number} {text}".rstrip() for number, text in cited[gap + 2 :]]
    return {"path": path, "lines": f"{start}-{start + length - 1}", "quote": "\n".join(shown) + "\n"}


def finding(source: random.Random, files: dict[str, list[str]], lengths: tuple[int, int] = LENGTHS) -> dict[str, Any]:
    return {
        "title": sentence(source).rstrip(".")[:90],
        "severity": source.choice(["critical", "high", "medium", "low", "informational"]),
        "status": source.choice(["open", "open", "resolved", "risk_accepted"]),
        "category": source.choice(["Data Validation", "Access Controls", "Timing"]),
        "cwe": [f"CWE-{source.choice([20, 22, 79, 89, 362])}"],
        "owner": "Team " + source.choice("ABC"),
        "description": prose(source),
        "impact": paragraph(source, 3) + "\n",
        "recommendation": paragraph(source, 3) + "\n",
        "locations": [location(source, files, lengths) for _ in range(source.choice([1, 1, 2]))],
    }


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def write(
    repository: Path, folder: Path, count: int, seed: int, revision: str = "HEAD", lengths: tuple[int, int] = LENGTHS
) -> None:
    """Writes the engagement to `folder`/findings; a location has so many lines."""
    source = random.Random(seed)
    commit = git(repository, "rev-parse", f"{revision}^{{commit}}").strip()
    files = code_files(repository, commit, source, 150)
    target = folder / "findings"
    target.mkdir(parents=True, exist_ok=True)
    engagement = {
        "format": 1,
        "title": "A layout test",
        "client": "Nobody",
        "date": "2026-01-31",
        "state": "final",
        "summary": paragraph(source) + "\n",
        "repositories": {"code": {"path": str(repository.absolute()), "commit": commit}},
    }
    (target / "engagement.yaml").write_text(yaml.dump(engagement, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
    for number in range(1, count + 1):
        text = yaml.dump(finding(source, files, lengths), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
        (target / f"TEST-{number:05}.finding.yaml").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("repository", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--findings", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write(arguments.repository, arguments.folder, arguments.findings, arguments.seed)


if __name__ == "__main__":
    main()
