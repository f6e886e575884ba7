"""Which function or class encloses a line: exact for Python, modest for languages with braces, silent for the rest.

Pure. A wrong name is worse than none: where the reading of a file is in doubt, there are no symbols.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from findings_report.model.evidence import Region, Symbol
from findings_report.sourcecode.languages import scanner

_LARGEST = 2_000_000  # characters; a file of this size is made by a machine
_DEEPEST = 200  # braces open at once; more are no program, and a name of all of them would not end
_LONGEST_HEAD = 500  # characters before a brace that may declare something; bounds what the patterns below cost

_BRACES: Final = re.compile(
    r"(?:c|cpp|csharp|cuda|dart|go|groovy|java|javascript|kotlin|objective-c|php|rust|scala|solidity|swift|typescript)\Z"
)
_PREPROCESSED: Final = frozenset(("c", "cpp", "csharp", "cuda", "objective-c"))
_WITHOUT_SEMICOLONS: Final = frozenset(("go", "groovy", "javascript", "kotlin", "scala", "swift", "typescript"))

_NOT_A_NAME: Final = re.compile(
    r"(?:__attribute__|alignas|assert|assembly|async|await|case|catch|decltype|defer|do|else|elif|elseif|finally|fixed|for"
    r"|foreach|function|get|guard|if|in|let|lock|loop|match|new|noexcept|not|return|requires|select|set|sizeof|switch"
    r"|synchronized|throw|throws|try|typeof|unchecked|unless|unsafe|until|using|val|var|when|where|while|with|yield)\Z"
)
_TYPE: Final = re.compile(
    r"\b(?:class|interface|trait|contract|library|namespace|module|mod|object|protocol|extension|record)\s+"
    r"(?!(?:extends|implements)\b)(?P<name>[A-Za-z_$][\w$.:]*)(?<!:)[^=;]*\Z"
    r"|\b(?:struct|enum|union)\s+(?!class\b|struct\b)(?P<plain>[A-Za-z_$][\w$:]*)(?<!:)[^=;()]*\Z"
    r"|\btype\s+(?P<go>\w+)(?:\[[^\]]*\])?\s+(?:struct|interface)\s*\Z"
    r"|\bimpl\b(?:\s*<[^{]*?>)?\s+(?:[^{]*\bfor\s+)?(?:&?(?:mut\s+)?)(?>(?:\w+::)*)(?P<impl>[A-Za-z_]\w*)[^=;()]*\Z"
)
_FUNCTION: Final = re.compile(
    r"\bfunc\s+\(\s*(?:\w+\s+)?\*?\s*(?P<receiver>\w+)[^)]*\)\s*(?P<method>\w+)\s*[\[(][^{}]*\Z"
    r"|\b(?:func|fn|fun|function\s*\*?|def|modifier)\s+(?P<name>[\w$]+)\s*[\[(<][^{}]*\Z"
    r"|\b(?P<special>constructor|init)\s*\([^{}]*\Z"
    r"|(?<![\w$])(?P<assigned>[\w$]+)\s*[:=]\s*(?:async\s*)?(?:function\b[^{}=]*|\([^(){}]*\)\s*(?::[^={}]*)?=>|[\w$]+\s*=>)\s*\Z"
)
_CALL_LIKE: Final = re.compile(r"(?<![@\w$.])(?P<name>~?[A-Za-z_$][\w$]*(?:::~?\w+)*)\s*\(")
_LINE_METHOD: Final = re.compile(
    r"(?:\A|\n)[ \t]*(?:(?:public|private|protected|static|async|override|readonly|abstract|final|get|set|\*)\s+)*"
    r"(?P<name>[#\w$]+)\s*(?:<[^<>(){}]*>)?\([^{}]*\)\s*(?::[^={}]*)?\Z"
)


_ABOVE: Final = re.compile(r"\s*(?:\Z|//|/\*|\*|#|--|;|@|<!--)")
"""A line above a declaration that may belong to it."""
_DEFINITION: Final = re.compile(r"(?:async\s+)?(?:def|class)\s+(\w+)")
_FOLD: Final = "\x1f"
"""Replaces a line end within a string; white space to `str.strip`."""
_ONE_KIND: Final = str.maketrans("[]{}", "()()")
"""All brackets as one kind, so that two counts give the depth of a line."""
_UNCLOSED: Final = "\0"
"""Replaces a string without an end; no file with it is read."""


class _Block(NamedTuple):
    name: str
    first: int
    indentation: int


class _Header(NamedTuple):
    name: str
    kind: Literal["type", "function"]


def find_symbols(lines: Sequence[str], language: str) -> tuple[Symbol, ...]:
    """Return the named functions and classes of a file, by first line, an outer one before what it holds.

    `language` is Pygments' name. Empty when the language is not known here, the file is not valid, or its braces do not pair.
    """
    source = "\n".join(lines)
    if len(source) > _LARGEST or "\0" in source:
        return ()
    if language == "python":
        return tuple(sorted(_find_by_indentation(source), key=_order))
    return tuple(sorted(_find_by_braces(source, language), key=_order)) if _BRACES.match(language) else ()


def find_enclosing(symbols: Sequence[Symbol], region: Region) -> Symbol | None:
    """Return the innermost symbol that holds the whole of `region`; None when none does."""
    holding = [symbol for symbol in symbols if symbol.holds(region)]
    # Of nested symbols the innermost starts last.
    return max(holding, key=_order, default=None)


def skip_comments(region: Region, lines: Sequence[str]) -> Region:
    """Return the region from its first line that is code: the comment and the decorators above a function are cited with it."""
    cited = lines[region.start_line - 1 : region.end_line]
    above = next((count for count, line in enumerate(cited) if not _ABOVE.match(line)), 0)
    return Region(start_line=region.start_line + above, end_line=region.end_line)


def encloses(named: str, symbol: Symbol) -> bool:
    """True when `named`, as an author writes it, means `symbol`: its name or the last parts of it.

    `.`, `::` and `#` are the same; an argument list and a return type are set aside.
    """
    wanted = _parts(re.split(r"[(<\[]", named.strip(), maxsplit=1)[0])
    return bool(wanted) and _parts(symbol.name)[-len(wanted) :] == wanted


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"::|[.#]", name.strip()) if part]


def _order(symbol: Symbol) -> tuple[int, int]:
    return symbol.start_line, -symbol.end_line


def _find_by_indentation(source: str) -> list[Symbol]:
    """Return the symbols by the indentation of statements, as in Python itself; none where the indentation is inconsistent.

    Not by Python's own parser: that takes twice the time, and knows the syntax of its own version only.
    """
    # Form feeds divide pages in old Python code; the tokenizer ignores them in indentation.
    text = scanner("python").sub(_fold_token, source).replace("\f", "")
    if _UNCLOSED in text or "\r" in text:
        return []
    symbols: list[Symbol] = []
    opened: list[_Block] = []
    levels = [0]
    number = last = first = depth = 0
    is_block_due = is_continued = False
    # This runs for every line of every cited file; the checks before the calls halve its time.
    for line in text.translate(_ONE_KIND).split("\n"):
        start = number + 1
        number = start + line.count(_FOLD)
        code = line.strip()
        if not code:
            is_continued = False
            continue
        if depth == 0 and not is_continued:
            indentation = len(line) - len(line.lstrip())
            if "\t" in line:
                indentation = len(line[:indentation].expandtabs(8))
            is_same_block = indentation == levels[-1] and not is_block_due
            if not is_same_block and not _is_in_line(levels, indentation, is_block_due=is_block_due):
                return []
            if opened and opened[-1].indentation >= indentation:
                symbols += _close_blocks(opened, indentation, last)
            definition = _DEFINITION.match(code) if code[0] in "acd" else None
            if definition is not None:
                name = f"{opened[-1].name}.{definition[1]}" if opened else definition[1]
                opened.append(_Block(name, first or start, indentation))
            first = (first or start) if code[0] == "@" else 0
        depth += code.count("(") - code.count(")")
        if depth < 0:
            return []
        last = number
        is_continued = code[-1] == "\\"
        is_block_due = code[-1] == ":" and depth == 0
    return [] if depth or is_block_due or is_continued else [*symbols, *_close_blocks(opened, 0, last)]


def _is_in_line(levels: list[int], indentation: int, *, is_block_due: bool) -> bool:
    """Record the indentation of a statement in `levels`, those of the blocks around it; False where it fits none."""
    if is_block_due != (indentation > levels[-1]) or len(levels) > _DEEPEST:
        return False
    if is_block_due:
        levels.append(indentation)
    while levels[-1] > indentation:
        levels.pop()
    return levels[-1] == indentation


def _close_blocks(opened: list[_Block], indentation: int, last: int) -> Iterator[Symbol]:
    """Pop from `opened` the blocks that a statement ends, and yield their symbols; `last` is the last line before it."""
    while opened and opened[-1].indentation >= indentation:
        name, first, _ = opened.pop()
        yield Symbol(name, first, last)


def _fold_token(match: re.Match[str]) -> str:
    """Replace a comment with nothing, and a string with one sign on one line."""
    text = match[0]
    if text.startswith("#"):
        return ""
    is_closed = match["open"] is None and len(text) > 1 and text[-1] == text[0]
    return "." + _FOLD * text.count("\n") if is_closed else _UNCLOSED


def _find_by_braces(source: str, language: str) -> list[Symbol]:
    text = scanner(language).sub(_blank_token, source)
    if language in _PREPROCESSED:
        text = _drop_directives(text)
    symbols: list[Symbol] = []
    opened: list[tuple[_Header | None, int]] = []
    line, at, start = 1, 0, 0
    for match in re.finditer(r"[{};]", text):
        line += text.count("\n", at, match.start())
        at = match.start()
        if match[0] == "{":
            if len(opened) == _DEEPEST:
                return []
            # Only the text since the last statement can declare what this brace opens.
            head = text[max(start, at - _LONGEST_HEAD) : at]
            header = _read_header(head, language, is_in_function=any(h and h.kind == "function" for h, _ in opened))
            opened.append((header, line - _lines_of(head, header, language)))
        elif match[0] == "}":
            # A brace too many means that a string or a macro was misread; every later name would be wrong.
            if not opened:
                return []
            header, first = opened.pop()
            if header is not None:
                name = ".".join([*(outer.name for outer, _ in opened if outer), header.name])
                symbols.append(Symbol(name, first, line))
        start = at + 1
    return [] if opened else symbols


def _blank_token(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _drop_directives(text: str) -> str:
    """Return `text` without preprocessor lines and later branches of `#if`, which may open a brace that is closed once."""
    kept = []
    branches: list[bool] = []  # for each open `#if`: True in a branch after the first
    skipping = 0  # how many of `branches` are True; any() for every line took 5.8 s for 40,000 nested `#if`
    is_continued = False
    for line in text.split("\n"):
        directive = re.match(r"\s*#\s*([a-z]+)", line)
        word = directive[1] if directive and not is_continued else ""
        if word in ("if", "ifdef", "ifndef"):
            branches.append(False)
        elif word in ("else", "elif") and branches:
            skipping += not branches[-1]
            branches[-1] = True
        elif word == "endif" and branches:
            skipping -= branches.pop()
        is_directive = bool(directive) or is_continued
        kept.append("" if is_directive or skipping else line)
        is_continued = is_directive and line.endswith("\\")
    return "\n".join(kept)


def _read_header(head: str, language: str, *, is_in_function: bool) -> _Header | None:
    """What the text before a brace names; None when nothing."""
    function = _FUNCTION.search(head)
    if function is not None:
        name = function["name"] or function["special"] or function["assigned"]
        return _Header(name or f"{function['receiver']}.{function['method']}", "function")
    kind = _TYPE.search(head)
    call = next((m for m in _CALL_LIKE.finditer(head) if not _NOT_A_NAME.match(m["name"])), None)
    if kind is not None:
        return _Header(kind["name"] or kind["plain"] or kind["go"] or kind["impl"], "type")
    if is_in_function or "=" in head.partition("(")[0]:
        return None
    if language in _WITHOUT_SEMICOLONS:
        method = _LINE_METHOD.search(head)
        # In `describe("x", function () {` the first parenthesis is still open: a call with a callback declares nothing.
        is_call = method is not None and method[0].count("(") != method[0].count(")")
        is_named = method is not None and not is_call and not _NOT_A_NAME.match(method["name"])
        return _Header(method["name"], "function") if method is not None and is_named else None
    return _Header(call["name"], "function") if call else None


def _lines_of(head: str, header: _Header | None, language: str) -> int:
    """Return how many lines before the brace the declaration starts: after the end of the last one, else at its name."""
    if header is None:
        return 0
    if language not in _WITHOUT_SEMICOLONS:
        return head.lstrip().count("\n")
    return head.count("\n", max(head.rfind(header.name.rpartition(".")[2]), 0))
