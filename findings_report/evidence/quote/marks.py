"""Lines and ends of lines that a person added to quoted code: a line that names the file, elision marks, remarks.

Pure. A mark that the file has itself is code after all, which whoever knows the file decides; where a mark could as well be
code, `known`, the lines of the file, has to contain what is left of the line without it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from findings_report.model.evidence import Region
from findings_report.sourcecode.languages import language_of
from findings_report.sourcecode.lines import is_informative, join_runs, squeeze

# Possessive quantifiers (`*+`, Python 3.11) here and below: without them a line of blanks or slashes costs quadratic time.
_COMMENT: Final = r"(?>\#+|//+|--+|;+|%+|/\*+|\(\*|<!--|\*)"
_CLOSE: Final = r"(?:\*+/|\*\)|--+>)"
_DOTS: Final = r"(?:\.(?>(?:[ \t]*+\.)*)|…+|⋮|⋯|︙)"

_DONE: Final = r"(?:omitted|skipped|snip(?:ped)?|elided|cut|truncated|removed|hidden|redacted|unchanged|unmodified|not shown)"
_SNIP: Final = r"(?:snip(?:ped)?|omitted|elided|truncated|redacted|skipped|cut)"
_WHAT: Final = r"(?:code|lines?|functions?|methods?|logic|body|implementation|contract|class|file|loop|block|struct|parts?)"
_OTHER: Final = (
    r"(?:rest|remainder|remaining|others?|existing|more|previous|further|additional|(?:un|ir)rel\w+|unchanged|omitted|some)"
)
_WHY: Final = r"(?: for (?:brevity|clarity|readability|simplicity)| here)?"
_WORDS: Final = r"[\w ,.'’-]{0,60}"

# Prose that says so: "rest of the function", "existing code", "some code omitted for brevity", "20 lines skipped". In a comment
# it may say more; without a comment sign it says nothing else, since text files have sentences too.
_SAYING: Final = (
    rf"(?:(?:the |all |some |[0-9]++ )?{_OTHER}(?: of)?(?: (?:the|this|that))?(?: \w++)? {_WHAT}(?:(?: is| are)? {_DONE})?"
    rf"|(?:the |some |[0-9]++ )?(?:\w++ )?{_WHAT}(?: is| are)? {_DONE}){_WHY}"
)
_SAYING_MORE: Final = (
    rf"(?:(?:\w++ ){{0,2}}{_OTHER}(?: of)?(?: (?:the|this|that))?(?: \w++){{0,2}} {_WHAT}\b{_WORDS}"
    rf"|(?:\w++ ){{0,3}}{_WHAT}(?: \w++){{0,2}} {_DONE}\b{_WORDS}|(?:\w++ ){{0,2}}{_DONE}(?: \w++){{0,2}} {_WHAT}\b{_WORDS}"
    rf"|{_DONE}(?: (?:for|here|as)\b{_WORDS})?|(?:the )?rest(?: of \w+)?|same as (?:before|above)|for brevity|etc)"
)
_TO_CLOSE: Final = rf"[^*-]*+(?>(?:(?:\*(?![/)])|-(?!->))[^*-]*+)*){_CLOSE}?"  # code may follow a comment that ends in its line
_ELLIPSIS: Final = r"(?:\.{3,}|…+)"
_HINT: Final = rf"[\w ,]{{0,40}}\b(?:{_DONE}|{_OTHER}|{_WHAT})\b[\w ,]{{0,40}}"

_ELISIONS: Final = (
    # `...`, `# ...`, `[...]`, `<snip>`
    rf"(?:{_COMMENT}\s*+)?(?:{_DOTS}|[\[({{<]\s*+{_DOTS}(?:{_HINT}{_DOTS}?)?\s*+[\])}}>]|[\[(<]\s*+{_SNIP}\s*+[\])>])",
    # `// ... then it returns`, `// more code ...`, `// --- snip ---`
    rf"{_COMMENT}\s*+[\[({{<]?\s*+(?:\.{{2,}}|…|⋮|⋯){_TO_CLOSE}",
    rf"{_COMMENT}\s*+(?:{_HINT}{_ELLIPSIS}|[-~=]*+\s*+{_SNIP}\s*+[-~=]*+)",
    # `// rest of the function`, `[code omitted]`, `... 20 lines skipped ...`
    rf"{_COMMENT}\s*+[\[(<{{]?\s*+{_SAYING_MORE}[.:…]*+\s*+[\])>}}]?",
    rf"[\[(<]?\s*+{_SAYING}[.:…]*+\s*+[\])>]?",
    rf"(?:{_ELLIPSIS}|-{{2,}}+)\s*+[\[(<]?{_HINT}[\])>]?\s*+(?:{_ELLIPSIS}|-{{2,}}+>?)?",
    # `:`, `-----`, `****/`, `* * *`
    r":|[-=*_~]{3,}+[/>]?|--|(?:\* ){2,}\*",
)
_ELISION: Final = re.compile(rf"\s*+(?:{'|'.join(_ELISIONS)})\s*+{_CLOSE}?\s*+\Z", re.IGNORECASE)

# Each only where it starts, lest a line of nothing but semicolons be read once for each of them.
_START: Final = r"(?:(?<!\#)\#++|(?<!/)//++|(?<!-)--|(?<!\S);++|(?<!%)%++|/\*++|\(\*|<!--|(?<!\*)\*)"

_LONGEST: Final = 1_000  # no remark is looked for in longer lines: they are data, and a search in them could be made slow

_TAG: Final = (
    r"@(?:[Aa]udit[a-z]*+|AUDIT|notes?|info|bug|issue|finding|vuln\w*+|gas|todo|fixme|poc|follow-?up|question|warning|danger"
    r"|attack|exploit|problem|report\w*+|high|medium|low|critical)(?>(?:-\w++)*)(?![\w(.])"
)
_BACK: Final = r"[←⬅⇐⟵◀◄↑⬆☝👆👈]"  # what points at the code before it
_SIGN: Final = r"[←⬅⇐⟵◀◄↑⬆❗‼✀-➿☀-⛿\U0001f300-\U0001faff]"  # arrows and pictures
_WORD: Final = (
    r"(?:HERE|BUGS?|ISSUE|VULN\w*|PROBLEM|AUDIT\w*|NOTE|FIXME|WRONG|ERROR|ROOT CAUSE|DANGER|WARNING|ATTACK|EXPLOIT|UNSAFE"
    r"|MISSING|POC|THIS|ATTENTION|INCORRECT|FINDING|[Aa]udit(?:or)?|[Vv]ulnerable|[Rr]oot cause|[Hh]ere)\b"
)
_MARK: Final = rf"(?:{_TAG}|@>|<[-=~]|<<+|\^{{2,}}|!{{2,}}|[-=]++>|>{{2,}}|{_SIGN}|→)"
_ALONE: Final = rf"[*_(\[]{{0,3}}(?:<-{{2,}}|<={{2,}}|<~{{2,}}|<{{3,}}|{_SIGN}|{_TAG}|@audit\()"  # without a comment sign
_REMARK: Final = re.compile(
    rf"(?<!\s)\s*+{_START}\s*+{_MARK}"
    # A word in capitals behind `*` or `%` is an operand.
    rf"|(?:(?<!\s)\s++|^)(?:\#+|//+|--(?=\s)|/\*+|<!--)\s*+{_WORD}"
    rf"|(?:(?<!\s)\s++|(?<=[;{{}}),]))(?:{_ALONE})",
)
_END: Final = re.compile(r"\*/|-->|\*\)")

# Could be code too (`x => y`, `a <- b`): a remark only behind a whole line of the file, and when it reads like words.
_PERHAPS: Final = re.compile(rf"(?<=\S)\s++(?:(?P<word>{_WORD})|[-=]{{1,3}}>++|<[-=]|>{{3,}}+|\^{{2,}}+|!{{2,}}+|→)")
# One word behind `<-` is a value too: `dim(m) <- size` is R, `(a, b) <- pair` Haskell; neither has a `;` before the arrow.
_ONE_WORD: Final = re.compile(r"\s[A-Za-z]{3,}+[.!?]*+\s*+\Z")
_MOST_CUTS: Final = 8  # remarks that are tried on one line
_TERMINATORS: Final = tuple(";{}),]:")

_POINTER: Final = re.compile(
    rf"\s*+(?P<sign>@ ?>+|/\*+\s*+{_MARK}[^*]*+\*+/|@{{2,}}(?=\s)|{_TAG}>?:?|>{{2,}}|[-=]+>|→|▶|►|{_SIGN}\ufe0f?|!{{3,}})[ \t]?"
)
_FIRM: Final = re.compile(rf"\s*+[*_(\[]{{0,3}}(?:(?P<tag>{_TAG})|<[-=~]{{2,}}+|<{{3,}}+|{_BACK}\ufe0f?)(?P<rest>.*)\Z")
_DECORATOR: Final = re.compile(r"\s*+@(?!audit)[a-z][\w-]*+\s*+\Z")  # a tag with nothing behind it
_CARETS: Final = re.compile(rf"\s*+(?:{_COMMENT}\s*+)?(?:\^(?=\s*+\Z)|[\^~]{{2,}}(?=\s|\Z))(?P<rest>.*)\Z")
_CODE: Final = re.compile(r"[;{}]\s*+\Z|\A\s*+[\w.]++\(")

# What is behind a mark on a line of its own may be code that it points at, unless it reads like words.
_WORDS_ONLY: Final = re.compile(r"(?>(?:[^;{}()\[\]<>=:'\"]|(?<=\w)'(?=\w)|:(?=\s\w+\s))*)(?<!,)\Z")
_WORD_ALONE: Final = re.compile(rf"\s*+(?:{_WORD})?\W*+\Z")
_KEYWORD: Final = (
    r"\s*+(?:return|yield|raise|del|import|from|assert|if|elif|else|for|while|with|not|await|let|const|var|use|pub|fn|def|case"
    r"|emit|new|throw|delete|package|class|struct|type|func|function|goto|break|continue|pass)\b"
)
_TELLS: Final = (
    r"(?=.*\b(?:the|are|can|could|should|would|will|here|because|missing|never|cause|without|wrong|does|doesn't|isn't|attacker"
    r"|anyone|this is|is not)\b(?![.(\[]))"
)
_PROSE: Final = re.compile(
    rf"(?!{_KEYWORD})(?!.*(?:\w[(\[]|\w\.\w|_|\#|//)){_TELLS}\s*+[^\s;{{}}=\[\]\"]++\s++[^;{{}}=\[\]\"]++(?<![:,\\])\Z",
    re.IGNORECASE,
)
_TAGGED: Final = re.compile(rf"(?!{_KEYWORD}){_TELLS}(?!.*[;{{}}:,\\]\s*+\Z).*\Z", re.IGNORECASE)
_ANY_MARK: Final = re.compile(rf"[@^→▶►{_SIGN[1:-1]}]|<[-=~<]|[-=>]>|!!|~~|\b{_WORD}")  # one pass, since few lines have one
_STARTS: Final = re.compile(rf"\s*+(?:[#/;%(<*@=>→^~!-]|{_SIGN})")  # few lines start as a remark does

_LEAD: Final = rf"(?:(?P<comment>{_COMMENT})\s*+|[-•]\s++|[0-9]{{1,2}}[.)]\s++)?[*`\"'<>\[\s]*+"
_KIND: Final = r"(?:[A-Za-z]{1,12} )?(?:file(?: ?(?:name|path))?|path|location|contract|source(?: code)?|code|snippet|module)s?"
_LABEL: Final = (
    rf"(?P<label>{_KIND}[*_`]*+(?:\s*+:|\s++(?:from|in|at)\b|(?=\s))[*`\s]*+"
    r"|(?:from|in|see|at|@)[:\s]\s*+"
    r"|[\w ]{1,30}:\s*+(?=https?:))?"
)
_FOLDER: Final = r"(?<=/)(?:\([\w.-]++\)|\[[\w.-]++\])"  # `app/(routes)/[id]/page.tsx`
_PATH: Final = (
    rf"(?P<path>https?://(?>(?:[^\s()>\[\]`]|{_FOLDER})+)"
    rf"|(?:[A-Za-z]:(?=[\\/]))?(?>(?:[^\s:#()\[\],;?`*\"'<>|=!&]|{_FOLDER})+))"
)
_HEAD: Final = re.compile(rf"{_LEAD}{_LABEL}[*`\"'<\[(]*+{_PATH}(?P<rest>.*)\Z", re.IGNORECASE)
_LONGEST_HEAD: Final = 400
_SPAN: Final = r"L?[0-9]{1,7}+(?:C[0-9]++)?(?:\s?(?:-|–|—|\.\.|to)\s?L?[0-9]{1,7}+(?:C[0-9]++)?)?"
_SPANS: Final = rf"{_SPAN}(?>(?:\s?(?:,|and|&|;)\s?{_SPAN})*)"

# What may follow a path, in this order: lines, the name of a function, the address of a link, words.
_LINES: Final = re.compile(
    rf"(?:\?[\w=&.]*+)?[-–,@(\[#:|.\s]*+(?:at |on |from )?(?:lines?|lns?|loc)?[-:#.\s]*+"
    rf"(?P<spans>{_SPANS})(?::[0-9]++)?\s?[)\]]*+",
    re.IGNORECASE,
)
_MEMBER: Final = re.compile(r"\s*+(?:::|#|->)\s*+[\w.$]++(?:\([\w\s,.]*+\))?|\s[\w.$]++\(\)")
_TARGET: Final = re.compile(r"\]?\(https?:[^\s)]*+\)")
_AFTERWORDS: Final = re.compile(r"\s*+[-–—:|>,(]{1,2}\s?[^;{}=]*+\Z")
_LINK: Final = re.compile(r"(?:[-*•]\s+)?\[[^\]]*+\]\((?P<url>https?:(?>(?:[^\s()]|\([^\s()]*+\))+))\)[.:]?\Z")
_CAPTION: Final = re.compile(
    rf"(?:Figure|Fig\.|Listing|Snippet) [0-9]{{1,3}}(?:\.[0-9]{{1,3}})?\s?[:.–-]\s[^(]*+"
    rf"(?:\((?P<path>[\w./@+-]+\.\w+)(?:[#:]L?(?P<spans>{_SPANS}))?\))?\W*\Z"
)
_LINES_ALONE: Final = re.compile(
    rf"(?:{_COMMENT}\s*+)?(?:at |from |see )?(?:lines?[\s:#]*+|(?=L[0-9]++-))(?P<spans>{_SPANS})\s*+[:.]?\s*+\Z", re.IGNORECASE
)
_RANGE: Final = re.compile(r"L?([0-9]{1,7})(?:C[0-9]+)?(?:\s?(?:-|–|—|\.\.|to|:)\s?L?([0-9]{1,7})(?:C[0-9]+)?)?", re.IGNORECASE)
_FRAGMENT: Final = re.compile(rf"#(?:L|lines-)?(?P<spans>{_SPAN}(?::[0-9]{{1,7}})?)\Z", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}\Z")
_UNLISTED: Final = ("cairo", "circom", "fc", "fe", "huff", "move", "sw", "tact", "txt", "vy", "yul")  # beside `language_of`

# A shell's prompt and its command. One that names host or folder is certain; `$ map f xs` is Haskell, `% of the fee` a comment.
_FOLDER_PROMPT: Final = (
    r"[\w.-]++@[\w.-]++(?:[: ][~/\w][^\s$#%]*+(?:[$#]|\s?%)|:?\$)\s|\[[\w.-]++@[^\]\s]++(?: [^\]\s]*+)?\]\s?[$#%]\s"
    r"|(?:PS )?[A-Za-z]:\\[^\s>]*+>"
)
_PRINTING: Final = r"(?:sudo )?(?:cat|bat|batcat|nl|sed|awk|head|tail|grep|egrep|fgrep|rg|ag|ack|git|less|type|findstr)\s"
_SIGN_PROMPT: Final = r"➜\s++[\w.~-]++(?: git:\([^)\s]*+\))?(?: ✗)?|(?:[~/][^\s❯➜]*+ )?[$%>❯➜]"
_PROMPT: Final = re.compile(
    rf"(?:\([\w.-]++\) )?(?:(?P<certain>{_FOLDER_PROMPT})\s*+|(?:{_SIGN_PROMPT}) (?={_PRINTING}))(?P<command>\S.*)\Z"
)
_OPTION: Final = re.compile(r"\s-{1,2}\w")
_ARGUMENTS: Final = re.compile(r"[\s:;|<>()'\"=]+")
_FORGE: Final = re.compile(
    r"https?://[^/]+(?:/.*?/(?:blob|blame|raw|tree|src)/(?:(?:branch|tag|commit)/)?[^/]+)?/(?P<path>.+)\Z"
)


class Head(NamedTuple):
    """What a line above quoted code says about where it is from."""

    path: str
    """The file as written, `\\` as `/`; of a forge's address what is behind the revision. Empty when only lines are named."""
    regions: tuple[Region, ...]
    """The lines that it names; empty for none."""
    may_be_data: bool = False
    """True when it could be an entry of a data file: `path: src/x.py`, `- src/x.py`."""


def may_name(named: str, path: str) -> bool:
    """True when `named`, as a quote names its file, may mean the file at `path`.

    The same name, in folders of which either names a part of the other's: reports shorten paths, or start them elsewhere.
    """
    own, other = ([part.casefold() for part in text.split("/") if part not in ("", ".", "..")] for text in (named, path))
    short, long = sorted((own, other), key=len)
    remaining = iter(long)
    return not own or (own[-1] == other[-1] and all(part in remaining for part in short))


@lru_cache(maxsize=1024)  # each reading of a quote asks again
def is_elision(text: str) -> bool:
    """True for a line that says that lines were left out: `...`, `// [code omitted]`, "rest of the function"."""
    return len(text) <= _LONGEST and _ELISION.match(text) is not None


def is_remark(text: str) -> bool:
    """True when nothing but a remark is on the line."""
    return _STARTS.match(text) is not None and strip_remark(text) is None


def strip_remark(text: str, known: Container[str] = frozenset()) -> str | None:
    """Return `text` without an auditor's marks (`@audit`, `// <--`, `@>`); None when nothing else is on the line.

    `known` are the file's lines, white space squeezed: with them a remark without a comment sign differs from code.
    """
    if len(text) > _LONGEST or not _ANY_MARK.search(text):
        return text
    pointer = _POINTER.match(text)
    pointed = text[pointer.end() :] if pointer else text
    for code in dict.fromkeys((pointed, text)):
        cuts = [code, *islice(_cut_remarks(code), _MOST_CUTS)]
        for candidate in (*cuts, *(cut.rstrip(" |-–") for cut in cuts), *islice(_cut_perhaps(code), _MOST_CUTS)):
            if candidate.strip() and squeeze(candidate) in known:
                return candidate
    if _DECORATOR.match(text):
        return text
    if _is_remark_alone(text, pointer):
        return None
    # `-> Result` and `=> value` start lines of code.
    kept = text if pointer and pointer["sign"] in ("->", "=>") else pointed
    # Within a string, a mark is part of it; what is left of the line would be found as a part of another.
    bare = next((cut for cut in _cut_remarks(kept) if not any(cut.count(quote) % 2 for quote in "\"'`")), kept)
    return bare if bare.strip() else None


def _cut_remarks(text: str) -> Iterator[str]:
    """Yield `text` without each remark up to its end, the longest remark first."""
    for match in _REMARK.finditer(text):
        # Code behind a comment in the middle of a line is no part of the remark.
        is_block = match[0].lstrip()[:2] in ("/*", "(*", "<!")
        end = _END.search(text, match.end()) if is_block else None
        if not end or not text[end.end() :].strip():
            yield text[: match.start()]


def _cut_perhaps(text: str) -> Iterator[str]:
    """Yield `text` without each remark at its end that may be code, if what follows the mark reads like words."""
    for match in _PERHAPS.finditer(text):
        rest = text[match.end() :].strip()
        is_said = bool(match["word"] or re.match(_WORD, rest))
        before = text[: match.start()]
        is_word = match[0].endswith("<-") and before[-1:] in ";{}" and _ONE_WORD.match(text, match.end()) is not None
        is_words = is_said or is_word or not rest or (" " in rest and not re.search(r"[;{}=\[\]]|[:,]\Z", rest))
        # `) -> Result` starts with a line that is in every file.
        is_complete = (is_said and not match["word"]) or (before.endswith(_TERMINATORS) and (is_said or is_informative(before)))
        if is_words and is_complete and not _CODE.search(rest):
            yield text[: match.start()]


def _is_remark_alone(text: str, pointer: re.Match[str] | None) -> bool:
    """True for a line of marks and words; never for one that may be code, since a wrong line would be hidden with it."""
    if (carets := _CARETS.match(text)) is not None:
        return _WORDS_ONLY.match(carets["rest"]) is not None
    # Behind a mark in front of a line of code, the line keeps its indentation.
    is_indented = pointer is not None and text[pointer.end() :][:1].isspace()
    if (firm := _FIRM.match(text)) is not None:
        rest = firm["rest"].strip("*_)]")
        is_words = _WORDS_ONLY.match(rest) is not None and not re.match(_KEYWORD, rest)
        return not is_indented and (is_words or (firm["tag"] is not None and _TAGGED.match(rest) is not None))
    if pointer is None or is_indented or pointer["sign"][0] in "@/":
        return False
    rest = text[pointer.end() :]
    return _PROSE.match(rest) is not None or (not pointer["sign"].isascii() and _WORD_ALONE.match(rest) is not None)


def find_head(line: str) -> Head | None:
    """Return what a line says that names the file of the code below it, and perhaps its lines; None for another line."""
    text = line.strip()
    if len(text) > _LONGEST_HEAD or not text:
        return None
    if (prompt := _PROMPT.match(line)) is not None:
        return _read_prompt(prompt["command"], is_certain=prompt["certain"] is not None)
    if (alone := _LINES_ALONE.match(text)) is not None:
        return Head("", _read_spans(alone["spans"]), may_be_data=text[0].islower())
    if (link := _LINK.match(text)) is not None:
        return _read_address(link["url"], may_be_data=True)
    if (caption := _CAPTION.match(text)) is not None:
        return Head(caption["path"] or "", _read_spans(caption["spans"] or ""))
    head = _HEAD.match(_strip_closer(text))
    if head is None:
        return None
    after = _read_rest(head["rest"])
    # `vault.c - fee` and `"./vault.js",` are code.
    is_quoted = '"' in text or "'" in text
    if after is None or (not (head["comment"] or head["label"]) and (after.has_words or is_quoted)):
        return None
    is_said = head["comment"] or (head["label"] or "a")[0].isupper()
    if head["path"].lower().startswith("http"):
        return _read_address(head["path"], may_be_data=not is_said and (head["label"] is not None or text[0] in "-•"))
    path = head["path"].replace("\\", "/").rstrip(".:")
    return Head(path, after.regions, may_be_data=not is_said) if _is_path(path) else None


def _read_prompt(command: str, *, is_certain: bool) -> Head | None:
    """Return the file that a shell's command names, without one when it names several; None when it may be code."""
    paths = {path for word in _ARGUMENTS.split(command)[1:] if _is_path(path := word.replace("\\", "/"))}
    if not (is_certain or paths or _OPTION.search(command)):
        return None
    return Head(paths.pop() if len(paths) == 1 else "", (), may_be_data=True)  # documents show what to type


def repeats_prompt(line: str, command: str) -> bool:
    """True when `line` is the prompt of `command`, a line above the code, and nothing else: it waits for the next command."""
    prompt = _PROMPT.match(command)
    is_repeated = prompt is not None and line.strip() == command[: prompt.start("command")].strip()
    return is_repeated and find_head(command) is not None


def _strip_closer(text: str) -> str:
    """Return `text` without the end of a block comment."""
    closer = next((closer for closer in ("*/", "-->", "*)") if text.endswith(closer)), "")
    return text[: len(text) - len(closer)].rstrip()


class _Rest(NamedTuple):
    """What follows a path on its line."""

    regions: tuple[Region, ...]
    has_words: bool


def _read_rest(rest: str) -> _Rest | None:
    """Return what follows a path; None when it does not read like a place in a file."""
    rest = rest.lstrip("`*\"'])>")
    spans = ""
    if (lines := _LINES.match(rest)) is not None:
        spans, rest = lines["spans"], rest[lines.end() :]
    for part in (_MEMBER, _TARGET):
        if (found := part.match(rest)) is not None:
            rest = rest[found.end() :]
    rest = rest.strip("`*\"'])> \t").strip(":. *")
    return _Rest(_read_spans(spans), bool(rest)) if not rest or _AFTERWORDS.match(rest) else None


def find_named_file(words: str) -> Head | None:
    """Return the file that the words behind the opener of a fence name: `solidity:src/x.sol`, `12:15:src/x.py`, `title="x"`."""
    for word in re.split(r"[\s=\"'{}]+", words[:_LONGEST_HEAD]):
        numbers = re.match(r"([0-9]{1,7}):([0-9]{1,7}):(.+)\Z", word)
        path = numbers[3] if numbers else word.rpartition(":")[2] if re.match(r"[\w+-]*:[^0-9]", word) else word
        is_path = _EXTENSION.search(re.sub(r"[#:].*", "", path)) and ("/" in path or path != words.strip())
        head = find_head(f"file: {path}") if is_path else None
        if head is not None:
            return Head(head.path, _read_spans(f"{numbers[1]}-{numbers[2]}")) if numbers else head
    return None


def _is_path(path: str) -> bool:
    """True for a file's path: one in a folder, or a name with the ending of a language, as `value.total` has not."""
    extension = _EXTENSION.search(path)
    return bool(language_of(path)) or (extension is not None and ("/" in path.strip("/") or extension[0][1:] in _UNLISTED))


def _read_address(url: str, *, may_be_data: bool) -> Head | None:
    url = url.rstrip(".,:*_")
    fragment = _FRAGMENT.search(url)
    page = re.sub(r"[?#].*", "", url)
    forge = _FORGE.match(page)
    if forge is None or not (_EXTENSION.search(page) or fragment):
        return None
    return Head(forge["path"], _read_spans(fragment["spans"]) if fragment else (), may_be_data)


def _read_spans(text: str) -> tuple[Region, ...]:
    numbers: set[int] = set()
    for first, last in _RANGE.findall(text):
        start, end = int(first), int(last or first)
        # A reversed range or one longer than any quote is no claim about these lines.
        if 0 < start <= end < start + 20_000:
            numbers.update(range(start, end + 1))
    return join_runs(sorted(numbers))


def join_heads(heads: Sequence[Head]) -> Head | None:
    """Return what several lines say together: the first path, and all lines."""
    if not heads:
        return None
    numbers = {n for head in heads for region in head.regions for n in range(region.start_line, region.end_line + 1)}
    return Head(next((head.path for head in heads if head.path), ""), join_runs(sorted(numbers)), heads[0].may_be_data)
