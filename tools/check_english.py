"""Check the English of everything a person reads: `python tools/check_english.py [PATH...]`, part of `make lint`.

The list of words holds those that readers found stiff or unclear. The check covers strings, docstrings and comments of Python
files, the text of templates, the documentation, and YAML. Identifiers are not checked: neither names in Python nor
`code in backticks`.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]

BANNED: Final = {
    "told": r"told",
    "tells": r"tells?",
    "said of": r"sa(?:id|ys) of",
    "at hand": r"at hand",
    "mend": r"mend(?:s|ed|ing)?",
    "anew": r"anew",
    "stands": r"(?:stands?(?!-)|stood)",
    "but for": r"but for",
    "became of": r"bec(?:ame|omes?) of",
    "hold against": r"h(?:old|olds|eld|olding)(?: \S+){0,5} against",
    "hangs on": r"(?:hangs?|hung) on",
    "comes of": r"(?:comes?|came) of",
    "is there already": r"(?:is|are|was) there already",
    "lacks": r"lack(?:s|ed|ing)?",
    "play with": r"play with",
    "cites there": r"cites? there",
    "leaves alone": r"(?:leaves?|left|leaving)(?: \S+)? alone",
    "as it is": r"as (?:it is|they are)",
    "by itself": r"by itself",
    "wishes": r"wish(?:es|ed)?",
    "of one's own": r"(?:of one's own|words of your own)",
    "unless said otherwise": r"unless(?: \S+){0,2} sa(?:id|y|ys) otherwise",
    "makes of it": r"ma(?:kes?|de) of it",
    "is refused": r"(?:is|are|was|were|be|been) refused",
    "What ... is": r"(?-i:What)(?: [a-z][\w'-]*){1,8} (?:is|are)(?![^.!?]*\?)",
}
"""A name for each word, and the pattern it is found by; a blank in a pattern also matches the end of a line."""

ALLOWED: Final[dict[str, str]] = {
    "Connection refused": "the operating system's own message",
}
"""Exact phrases that may stay, each with its reason."""

PENDING: Final[tuple[str, ...]] = ()
"""Paths that are not clean yet: files, or folders that end in `/`."""

TEXT_SUFFIXES: Final = {".md", ".yaml", ".yml", ".toml", ".sh"}
SKIPPED: Final = (
    "tests/",
    "tools/check_english.py",
    "findings_report/fonts/",
    "findings_report/authoring/demo/app/",
    "requirements",
)
"""Paths whose text is not the project's own, and tests, whose names are sentences of their own kind."""

_BLANK: Final = r"(?:[ \t]+\n?|\n)[ \t]*"
_PATTERNS: Final = re.compile(
    "|".join(
        rf"(?P<w{number}>(?<![\w-]){pattern.replace(' ', _BLANK)}(?![\w-]))" for number, pattern in enumerate(BANNED.values())
    ),
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"[.!?:](?=\s)|\n\s*\n|\n(?=\s*[-*|#])")


class Use(NamedTuple):
    """One use of a word that is on the list."""

    path: str
    line: int
    word: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word}: {self.sentence}"


class Text(NamedTuple):
    """A piece of text that a person reads, and the 1-based line where it starts."""

    line: int
    text: str


def texts_of_python(source: str) -> Iterator[Text]:
    """The strings with more than one word, docstrings included, and the comments; adjacent comments are one text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\w\s+\w", node.value):
            yield Text(node.lineno, node.value)
    comments: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if comments and token.start[0] == last + 1:
            comments.append(token.string)
        else:
            if comments:
                yield Text(first, "\n".join(comments))
            comments, first = [token.string], token.start[0]
        last = token.start[0]
    if comments:
        yield Text(first, "\n".join(comments))


def text_of_template(source: str) -> str:
    """A template without its expressions, whose quoted texts stay; line numbers do not change."""

    def quoted(match: re.Match[str]) -> str:
        kept = [text for text in re.findall(r"\"[^\"\n]*\"|'[^'\n]*'", match[0]) if " " in text]
        return " ".join(kept) + "\n" * match[0].count("\n")

    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}", quoted, source, flags=re.DOTALL)


def text_of_yaml(source: str) -> str:
    """YAML without the blocks under `quote`, which are other people's code; line numbers do not change."""

    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")

    return re.sub(r"^( *)(?:- )?quote: [|>].*\n(?:\1 +.*\n|\s*\n)*", blank, source, flags=re.MULTILINE)


def texts_of(path: str, source: str) -> Iterator[Text]:
    """What a person reads in a file."""
    if path.endswith(".py"):
        yield from texts_of_python(source)
    elif path.endswith(".j2"):
        yield Text(1, text_of_template(source))
    elif path.endswith((".yaml", ".yml")):
        yield Text(1, text_of_yaml(source))
    else:
        yield Text(1, source)


def uses(path: str, source: str) -> Iterator[Use]:
    """Each use of a word of the list in a file, in the order of its texts."""
    for start, text in texts_of(path, source):
        # Fences hold output of the program, which is checked; code in backticks within a line is an identifier.
        plain = re.sub(r"(?<!`)`[^`\n]+`(?!`)", lambda match: "`" * len(match[0]), re.sub(r"(?<=\n)#", " ", text))
        breaks = [0, *(match.end() for match in _SENTENCE_END.finditer(plain)), len(plain)]
        for match in _PATTERNS.finditer(plain):
            index = bisect_right(breaks, match.start())
            sentence = " ".join(text[breaks[index - 1] : breaks[min(index, len(breaks) - 1)]].split())
            if any(phrase in " ".join(text[max(0, match.start() - 80) : match.end() + 80].split()) for phrase in ALLOWED):
                continue
            word = list(BANNED)[int((match.lastgroup or "w0")[1:])]
            yield Use(path, start + plain.count("\n", 0, match.start()), word, sentence[:200])


def checked_paths() -> list[str]:
    """The files of the repository whose text is checked."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [
        path
        for path in listed
        if not path.startswith(SKIPPED)
        and (Path(path).suffix in TEXT_SUFFIXES | {".py", ".j2"} or Path(path).name == "Makefile" or path.startswith(".ci/"))
        and (ROOT / path).is_file()
    ]


def main(arguments: list[str]) -> int:
    """Print each use outside of PENDING, or under the given paths; the exit code."""
    all_uses = [use for path in checked_paths() for use in uses(path, (ROOT / path).read_text("utf-8"))]
    if arguments:
        shown = [use for use in all_uses if use.path.startswith(tuple(arguments))]
    else:
        shown = [use for use in all_uses if not use.path.startswith(PENDING)] if PENDING else all_uses
    for use in shown:
        print(use)
    clean = [path for path in PENDING if not any(use.path.startswith(path) for use in all_uses)]
    for path in clean:
        print(f"tools/check_english.py: {path} is clean: remove it from PENDING")
    return 1 if shown or (clean and not arguments) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
