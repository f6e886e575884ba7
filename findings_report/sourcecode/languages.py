"""What a file's name says about its language, and which of its multi-line strings and comments a line starts inside of.

Pure. Pygments is not imported: `check` must stay light. The names are the aliases of Pygments' lexers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Final

# `h` is also C++ and Objective-C, `m` also MATLAB, `v` also Coq: the name alone decides, since a lexer that guesses from
# content can be slow or wrong.
_EXTENSIONS: Final[dict[str, str]] = {
    "ada": "adb ads",
    "bash": "sh bash zsh ksh bats",
    "batch": "bat cmd",
    "c": "c h",
    "clojure": "clj cljs cljc edn",
    "cmake": "cmake",
    "cpp": "cpp cc cxx c++ hpp hh hxx h++ ipp",
    "csharp": "cs",
    "css": "css",
    "cuda": "cu cuh",
    "cython": "pyx pxd",
    "d": "d",
    "dart": "dart",
    "diff": "diff patch",
    "elixir": "ex exs",
    "erlang": "erl hrl",
    "fortran": "f90 f95 f03",
    "fsharp": "fs fsi fsx",
    "gdscript": "gd",
    "glsl": "glsl vert frag",
    "go": "go",
    "graphql": "graphql gql",
    "groovy": "groovy gradle",
    "haskell": "hs",
    "html": "html htm xhtml",
    "html+jinja": "j2 jinja jinja2",
    "ini": "ini cfg conf",
    "java": "java",
    "javascript": "js mjs cjs jsx",
    "json": "json jsonc",
    "julia": "jl",
    "kotlin": "kt kts",
    "less": "less",
    "lua": "lua",
    "make": "mk mak",
    "markdown": "md markdown",
    "nasm": "asm nasm",
    "nim": "nim",
    "nix": "nix",
    "objective-c": "m",
    "ocaml": "ml mli",
    "perl": "pl pm t",
    "php": "php phtml",
    "powershell": "ps1 psm1 psd1",
    "properties": "properties",
    "protobuf": "proto",
    "python": "py pyi pyw",
    "r": "r",
    "rst": "rst",
    "ruby": "rb rake gemspec",
    "rust": "rs",
    "sass": "sass",
    "scala": "scala sc",
    "scss": "scss",
    "solidity": "sol",
    "sql": "sql",
    "swift": "swift",
    "systemverilog": "sv svh",
    "tcl": "tcl",
    "terraform": "tf tfvars hcl",
    "tex": "tex sty",
    "toml": "toml",
    "typescript": "ts mts cts tsx",
    "verilog": "v",
    "vhdl": "vhd vhdl",
    "vim": "vim",
    "xml": "xml xsd xsl xslt svg wsdl plist",
    "yaml": "yaml yml",
    "zig": "zig",
}

_SHARING: Final = (("c", "cpp", "cuda", "objective-c"), ("javascript", "typescript"), ("css", "less", "sass", "scss"))
"""Languages whose files hold one another's code."""

_HOLDING_OTHERS: Final = ("diff", "html", "html+jinja", "json", "markdown", "rst", "tex", "xml", "yaml")

_NAMES: Final[dict[str, str]] = {
    "cmakelists.txt": "cmake",
    "containerfile": "docker",
    "dockerfile": "docker",
    "gemfile": "ruby",
    "gnumakefile": "make",
    "jenkinsfile": "groovy",
    "makefile": "make",
    "rakefile": "ruby",
    "vagrantfile": "ruby",
}

LANGUAGES: Final = frozenset((*_EXTENSIONS, *_NAMES.values()))
"""Every name that `language_of` gives."""

_BY_EXTENSION: Final = {extension: name for name, listed in _EXTENSIONS.items() for extension in listed.split()}


def language_of(path: str) -> str:
    """Return Pygments' name for the language of the file at `path`, by its name alone; empty when unknown."""
    name = PurePosixPath(path).name.lower()
    return _NAMES.get(name) or _BY_EXTENSION.get(name.rpartition(".")[2] if "." in name else "", "")


def extensions_like(path: str) -> tuple[str, ...]:
    """Return the extensions, without dot, of files in the language of `path` or in one that shares code with it; none for
    a language that is unknown or that holds pieces of others."""
    language = _BY_EXTENSION.get(PurePosixPath(path).suffix.lower().removeprefix("."))
    if language is None or language in _HOLDING_OTHERS:
        return ()
    shared = next((group for group in _SHARING if language in group), (language,))
    return tuple(extension for name in shared for extension in _EXTENSIONS[name].split())


@dataclass(frozen=True)
class Inside:
    """Lines that start inside a multi-line string or comment."""

    start_line: int
    """The first line that starts inside, 1-based: the one after the opener's."""
    end_line: int
    """The last such line, inclusive: the one that holds the closer."""
    opener: str
    """As written: three quotes, `/*`, `<!--`, ..."""


# Per family: what starts a comment to the end of the line, and (opener, closer) of what may run over several lines.
_PYTHON = (("#",), (('"""', '"""'), ("'''", "'''")))
_SLASHES = (("//",), (("/*", "*/"),))
_TEXT_BLOCKS = (("//",), (("/*", "*/"), ('"""', '"""')))
_BACKTICKS = (("//",), (("/*", "*/"), ("`", "`")))
_MARKUP = ((), (("<!--", "-->"),))

_FAMILIES: Final[dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]] = {
    **dict.fromkeys(("python", "cython"), _PYTHON),
    **dict.fromkeys(("c", "cpp", "csharp", "cuda", "objective-c", "protobuf", "scss", "less", "solidity"), _SLASHES),
    **dict.fromkeys(("systemverilog", "verilog", "glsl"), _SLASHES),
    **dict.fromkeys(("java", "kotlin", "scala", "swift", "dart", "groovy"), _TEXT_BLOCKS),
    **dict.fromkeys(("go", "javascript", "typescript"), _BACKTICKS),
    **dict.fromkeys(("html", "xml", "markdown"), _MARKUP),
    "css": ((), (("/*", "*/"),)),
    "haskell": (("--",), (("{-", "-}"),)),
    "lua": (("--",), (("--[[", "]]"), ("[[", "]]"))),
    "php": (("//", "#"), (("/*", "*/"),)),
    "rust": (("//",), (("/*", "*/"), ('"', '"'))),
    "sql": (("--",), (("/*", "*/"),)),
}

_LINE_COMMENTS: Final[dict[str, str]] = {
    **dict.fromkeys(("bash", "cmake", "docker", "elixir", "gdscript", "graphql", "ini", "julia", "make", "nim", "nix"), "#"),
    **dict.fromkeys(("perl", "powershell", "properties", "r", "ruby", "tcl", "terraform", "toml", "yaml"), "#"),
    **dict.fromkeys(("ada", "vhdl"), "--"),
    **dict.fromkeys(("erlang", "tex"), "%"),
    **dict.fromkeys(("clojure", "nasm"), ";"),
    "zig": "//",
}
"""What starts a comment in languages of which no more is known here."""

_COMMENTS_LIKE: Final = {
    **dict.fromkeys((".move", ".cairo", ".sw", ".nr", ".leo", ".yul", ".circom", ".tact", ".json5"), "solidity"),
    ".vy": "python",
    ".vyi": "python",
}
"""For files without a lexer, a language with the same comments."""

_COMMENT_PAIRS: Final = ("/*", "<!--", "{-", "--[[")
"""Of what may run over several lines, the openers of comments; the others open strings."""

_WORDS: Final = (
    "python",
    "cython",
    "javascript",
    "typescript",
    "solidity",
    "php",
    "css",
    "scss",
    "less",
    "sql",
    "lua",
    "dart",
    "groovy",
)
"""Languages in which '...' is a string; elsewhere it is one character, or an apostrophe."""


def has_multi_line(language: str) -> bool:
    """True when the multi-line strings and comments of `language` are known here."""
    return language in _FAMILIES


@cache
def scanner(language: str) -> re.Pattern[str]:
    """Return a pattern that finds, left to right, the comments and strings of `language`, one of `has_multi_line`.

    Group `multi` holds what may run over several lines, group `open` one that is not closed. Linear: nothing is read twice.
    """
    comments, pairs = _FAMILIES[language]
    parts = []
    opened = []
    for opener, closer in pairs:
        # In a raw string of Go a backslash is a backslash, and comments have no escapes.
        escapes = opener in ('"""', "'''", '"') or (opener == "`" and language != "go")
        body = rf"(?:[^\\]|\\.)*?{re.escape(closer)}" if escapes else rf".*?{re.escape(closer)}"
        parts.append(re.escape(opener) + body)
        opened.append(re.escape(opener))
    multi = f"(?P<multi>{'|'.join(parts)})|(?P<open>{'|'.join(opened)})"
    single = [rf"{re.escape(comment)}[^\n]*" for comment in comments]
    # Text of a markup language has apostrophes and quotation marks that are never closed.
    if (comments, pairs) != _MARKUP:
        single.append(r'"(?:[^"\\\n]|\\.)*"?')
        single.append(r"'(?:[^'\\\n]|\\.)*'?" if language in _WORDS else r"'(?:[^'\\\n]|\\[^\n]{1,10})'")
    return re.compile("|".join([multi, *single]), re.DOTALL)


def strip_comments(lines: Sequence[str], language: str) -> tuple[str, ...] | None:
    """Return `lines` without comments, as many lines as before; None when there are none, or they are not known here.

    Lines may start inside of a comment `/*` when all of its lines start with `*`. Strings that hold comment signs stay.
    """
    if has_multi_line(language):
        comments, pairs = _FAMILIES[language]
        pattern = scanner(language)
    elif language in _LINE_COMMENTS:
        comments, pairs = (_LINE_COMMENTS[language],), ()
        pattern = _line_scanner(comments[0])
    else:
        return None
    text = "\n".join(lines)
    openers = (*comments, *(opener for opener, _ in pairs if opener in _COMMENT_PAIRS))
    at = _end_of_comment(lines) if "/*" in openers else 0
    kept = ["\n" * text.count("\n", 0, at)] if at else []
    for match in pattern.finditer(text, at):
        if match.lastgroup != "open" and match[0].startswith(openers):
            kept += [text[at : match.start()], "\n" * match[0].count("\n")]
            at = match.end()
    return tuple("".join((*kept, text[at:])).split("\n")) if kept else None


@cache
def _line_scanner(comment: str) -> re.Pattern[str]:
    # After a blank or at the start of a line only: `${name#prefix}`, `a--b`, `50%`.
    return re.compile(rf'"(?:[^"\\\n]|\\.)*"?|(?<!\w)\'[^\'\n]*\'|(?:^|(?<=\s)){re.escape(comment)}[^\n]*', re.MULTILINE)


def comments_of(path: str) -> str:
    """Return a language whose comments are those of the file at `path`; empty when they are not known here."""
    return language_of(path) or _COMMENTS_LIKE.get(PurePosixPath(path).suffix.lower(), "")


def _end_of_comment(lines: Sequence[str]) -> int:
    """Return the offset after the comment that the first line is inside of; 0 when it is in none."""
    at = 0
    for line in lines:
        closer = line.find("*/")
        if not line.lstrip().startswith("*"):
            return 0
        if closer >= 0:
            return at + closer + 2
        at += len(line) + 1
    return 0


def find_insides(lines: Sequence[str], language: str) -> tuple[Inside, ...]:
    """Return the multi-line strings and comments of a file, in order.

    Empty when the language is not known here or the scan ends inside one: then it has been misread somewhere.
    """
    if not has_multi_line(language):
        return ()
    text = "\n".join(lines)
    insides = []
    line, at = 1, 0
    for match in scanner(language).finditer(text):
        if match["open"] is not None:
            return ()
        body = match["multi"]
        if body is None or "\n" not in body:
            continue
        line += text.count("\n", at, match.start())
        at = match.start()
        opener = next(opener for opener, _ in _FAMILIES[language][1] if body.startswith(opener))
        insides.append(Inside(line + 1, line + body.count("\n"), opener))
    return tuple(insides)


def find_opener(insides: Sequence[Inside], line: int) -> str:
    """Return the opener of the string or comment in which `line` starts; empty without one."""
    return next((inside.opener for inside in insides if inside.start_line <= line <= inside.end_line), "")
