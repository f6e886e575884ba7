"""Footnotes, task lists, alerts, definition lists, captions of tables and simple formulas, as tokens that every format has.

Markdown, HTML, PDF and the markups of tickets print paragraphs, lists, quotes and text. A construct becomes those here, so that
no format can lose it: a footnote's text follows the text it belongs to, under the same raised number.
Sources: GitHub's documentation of footnotes, task lists and alerts; pandoc's of definition lists, of `$` around formulas, and
of `Table:` before a caption, or the word for it in another language of reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

UNUSED: Final = "unused_footnotes"
"""Key of the parser's environment: (line, label, is repeated) of each footnote's text that no mark leads to."""

LOST_NAMES: Final = "lost_names"
"""Key of the parser's environment: (line, name) of each caption with a name that is beside no table."""

NOTE_MARK, NOTE_TEXT, NOTE_HEAD = "note_mark", "note_text", "note_head"
"""Keys of `meta`, with the number of a footnote: its mark in a text, the first block of its own text, the number there."""

_NOTES: Final = "notes"
CAPTION: Final = re.compile(r"(?:Table|Tabelle|Tabla|Tableau[ \u00a0\u202f]?+):[ \t]++|表[ ]?+[:：][ \t\u3000]*+")
"""The beginning of a caption: the word of each language that reports have, whatever the language of this one is."""
_CAPTION_NAME: Final = re.compile(r"\{#([A-Za-z0-9_][A-Za-z0-9._-]{0,63})\}\Z")
_MARK: Final = re.compile(r"\[\^([^\]\s]{1,64})\]")
_TASK: Final = re.compile(r"\[([ xX])\]\s")
_ALERT: Final = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*\Z", re.IGNORECASE)
_RAISED: Final = str.maketrans("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
_LOWERED: Final = str.maketrans("0123456789+-=()aeoxnmijkptrsuv", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₙₘᵢⱼₖₚₜᵣₛᵤᵥ")

FORMULA: Final = re.compile(r"(?<!\\)\$\$(?P<block>[^$]+)\$\$|(?<![\w$\\])\$(?=[^\s{])(?P<inline>[^$\n]*[^\s$\\])\$(?![\w${])")
"""As GitHub and pandoc read them: no blank within the signs, no letter or digit at their outer sides; `${` is a variable."""

# A formula has an operator, a command or a lone letter. Prices, as in `$5 (or 5$)`, have none.
_MATHEMATICAL: Final = re.compile(
    r"[\\^_=<>{}]|\A\d*[A-Za-z]{1,2}'?\Z|\A[A-Za-z]+\([^()]*\)\Z|\A(?=\w*[A-Za-z])\w++(?: ?[-+*/] ?\w++)+\Z"
)


def add_constructs(parser: MarkdownIt) -> None:
    """Let a parser read the constructs."""
    # The plugin reads the texts of footnotes. Its rule for their marks looks for the end of each bracket on the whole line.
    parser.use(footnote_plugin, inline=False, move_to_end=False).use(deflist_plugin)
    parser.inline.ruler.at("footnote_ref", _read_mark)
    parser.inline.ruler.before("escape", "formula", _read_formula)
    parser.core.ruler.push("constructs", _replace)


def is_formula(match: re.Match[str]) -> bool:
    """Return True if what FORMULA found is a formula, not prices or variables."""
    return _MATHEMATICAL.search(match["block"] or match["inline"]) is not None


def _read_mark(state: StateInline, silent: bool) -> bool:
    mark = _MARK.match(state.src, state.pos)
    refs = state.env.get("footnotes", {}).get("refs", {})
    if mark is None or f":{mark[1]}" not in refs:
        return False
    if not silent:
        numbers: dict[str, int] = state.env.setdefault(_NOTES, {})
        number = numbers.setdefault(mark[1], len(numbers) + 1)
        # No text yet: the parser would join it with the text beside it.
        token = state.push(NOTE_MARK, "", 0)
        token.content, token.meta = str(number).translate(_RAISED), {NOTE_MARK: number}
    state.pos = mark.end()
    return True


def _read_formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$" or (match := FORMULA.match(state.src, state.pos)) is None or not is_formula(match):
        return False
    if (text := write_formula(match["block"] or match["inline"])) is None:
        return False
    if not silent:
        state.push("text", "", 0).content = text
    state.pos = match.end()
    return True


def _replace(state: StateCore) -> None:
    """Replace the constructs that are blocks by blocks that every format has."""
    if _NOTES in state.env:
        _show_marks(state.tokens)
    types = {token.type for token in state.tokens}
    if "footnote_reference_open" in types:
        state.tokens = list(_move_footnotes(state.tokens, state.env))
    if "dl_open" in types:
        state.tokens = list(_list_definitions(state.tokens))
    if "blockquote_open" in types:
        state.tokens = list(_name_alerts(state.tokens))
    if "list_item_open" in types:
        _draw_boxes(state.tokens)
    if CAPTION.search(state.src):
        state.tokens = _caption_tables(state.tokens, state.env)


def _show_marks(tokens: Sequence[Token]) -> None:
    """Make the marks of footnotes texts, as every format prints them, also in the descriptions of pictures."""
    for token in tokens:
        if token.type == NOTE_MARK:
            token.type = "text"
        _show_marks(token.children or ())


def _move_footnotes(tokens: Sequence[Token], env: MutableMapping[str, Any]) -> Iterator[Token]:
    """Yield the text, then the used footnotes by number; the text of one that is not used stays in its place."""
    numbers: dict[str, int] = env.get(_NOTES, {})
    notes: dict[int, list[Token]] = {}
    unused: list[tuple[int, str, bool]] = env.setdefault(UNUSED, [])
    index, inner = 0, 0
    while index < len(tokens):
        token = tokens[index]
        if token.type != "footnote_reference_open":
            yield token
            index += 1
            continue
        label, depth, end = str(token.meta["label"]), 1, index + 1
        while depth:
            depth += {"footnote_reference_open": 1, "footnote_reference_close": -1}.get(tokens[end].type, 0)
            end += 1
        inner = token.level
        # A note within a note is one of its own, behind it.
        blocks = [block.copy(level=block.level - 1) for block in _flatten_notes(tokens[index + 1 : end - 1], unused)]
        number = numbers.get(label)
        if number is not None and number not in notes and inner == 0:
            first, *others = _head(blocks, str(number).translate(_RAISED), number=number)
            notes[number] = [first.copy(meta={**first.meta, NOTE_TEXT: number}), *others]
        else:
            unused.append((token.map[0] if token.map else 0, label, number is not None))
            yield from _head(blocks, f"[^{label}]:", level=inner)
        index = end
    for number in sorted(notes):
        yield from notes[number]


def _flatten_notes(tokens: Sequence[Token], unused: list[tuple[int, str, bool]]) -> Iterator[Token]:
    """Yield the blocks of a note; the marks of a note within it become text."""
    for token in tokens:
        if token.type == "footnote_reference_open":
            unused.append((token.map[0] if token.map else 0, str(token.meta["label"]), True))
            yield from _paragraph([_text(f"[^{token.meta['label']}]:")], token.level, token.map)
        elif token.type != "footnote_reference_close":
            yield token


def _head(blocks: list[Token], mark: str, level: int = 0, number: int | None = None) -> list[Token]:
    """Return the blocks of a note with its mark before its first word; in a paragraph of its own before another block."""
    meta = {} if number is None else {NOTE_HEAD: number}
    if [block.type for block in blocks[:2]] == ["paragraph_open", "inline"]:
        line = blocks[1].copy(children=[_text(f"{mark} ").copy(meta=meta), *(blocks[1].children or ())])
        return [blocks[0], line, *blocks[2:]]
    return [*_paragraph([_text(mark).copy(meta=meta)], level, blocks[0].map if blocks else [0, 1]), *blocks]


def _list_definitions(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield definition lists as lists: an item for each term, in bold, with its definitions below."""
    # Of each list: whether its last item has a definition; None before the first item.
    defined: list[bool | None] = []
    levels: list[int] = []  # of what is in each open definition
    index = 0
    while index < len(tokens):
        token = tokens[index]
        place: dict[str, Any] = {"markup": "-", "block": True}
        match token.type:
            case "dl_open":
                defined.append(None)
                yield Token("bullet_list_open", "ul", 1, {"class": "definitions"}, token.map, token.level, **place)
            case "dl_close":
                defined.pop()
                yield Token("list_item_close", "li", -1, level=token.level + 1, **place)
                yield Token("bullet_list_close", "ul", -1, level=token.level, **place)
            case "dt_open":
                if defined[-1]:
                    yield Token("list_item_close", "li", -1, level=token.level, **place)
                if defined[-1] is not False:  # else another term for the same definitions
                    yield Token("list_item_open", "li", 1, {}, token.map, token.level, **place)
                defined[-1] = False
                yield from _paragraph(_strong(tokens[index + 1].children or ()), token.level + 1, _lines(token))
                index += 2
            case "dd_open":
                defined[-1] = True
                levels.append(token.level + 1)
            case "dd_close":
                levels.pop()
            case "paragraph_open" | "paragraph_close" if levels and token.level == levels[-1]:
                yield token.copy(hidden=False)
            case _:
                yield token
        index += 1


def _strong(children: Sequence[Token]) -> list[Token]:
    deeper = (child.copy(level=child.level + 1) for child in children)
    return [Token("strong_open", "strong", 1, markup="**"), *deeper, Token("strong_close", "strong", -1, markup="**")]


def _lines(token: Token) -> list[int]:
    begin = token.map[0] if token.map else 0
    return [begin, begin + 1]


def _name_alerts(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield alerts, `> [!WARNING]`, as quotes that begin with the word in bold."""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        children = tokens[index + 2].children or [] if token.type == "blockquote_open" and index + 2 < len(tokens) else []
        mark = _ALERT.match(children[0].content) if children and children[0].type == "text" else None
        if tokens[index + 1 : index + 2] and tokens[index + 1].type != "paragraph_open":
            mark = None
        if mark is None or (len(children) > 1 and children[1].type != "softbreak"):
            yield token
            index += 1
            continue
        kind, paragraph, line = mark[1].lower(), tokens[index + 1], tokens[index + 2]
        yield token.copy(attrs={"class": f"alert alert-{kind}"})
        yield from _paragraph(_strong([_text(kind.capitalize())]), paragraph.level, paragraph.map)
        if len(children) > 2:
            yield paragraph
            begin = line.map[0] + 1 if line.map else 0
            yield line.copy(children=children[2:], map=[begin, max(begin, line.map[1] if line.map else 0)])
            yield tokens[index + 3]
        index += 4


def _draw_boxes(tokens: list[Token]) -> None:
    """Replace the mark of a task by a box, which is empty or ticked; a list that begins with one needs no other bullets."""
    for index, token in enumerate(tokens):
        following = [block.type for block in tokens[index + 1 : index + 3]]
        if token.type != "list_item_open" or following != ["paragraph_open", "inline"]:
            continue
        children = tokens[index + 2].children or []
        if children and children[0].type == "text" and (task := _TASK.match(children[0].content)):
            box = "☐" if task[1] == " " else "☑"
            children[0] = children[0].copy(content=f"{box} {children[0].content[task.end() :]}")
            if tokens[index - 1].type == "bullet_list_open":
                tokens[index - 1] = tokens[index - 1].copy(attrs={"class": "tasks"})


def _caption_tables(tokens: Sequence[Token], env: MutableMapping[str, Any]) -> list[Token]:
    """Return the tokens with each paragraph `Table: ... {#name}` as the caption of the table above it, or else below it."""
    changed: list[Token] = []
    lost: list[tuple[int, str]] = env.setdefault(LOST_NAMES, [])
    opened: list[int] = []  # where each table above begins
    above: int | None = None  # where the table right above begins, if it has no caption
    waiting: tuple[Token, str] | None = None  # for the table below
    index = 0
    while index < len(tokens):
        token = tokens[index]
        caption = _read_caption(tokens[index + 1]) if token.type == "paragraph_open" else None
        following = tokens[index + 3].type if index + 3 < len(tokens) else ""
        if caption is not None and above is not None:
            changed[above : above + 1] = _open_table(changed[above], *caption)
            index, above = index + 3, None
            continue
        if caption is not None and following == "table_open":
            index, waiting = index + 3, caption
            continue
        if caption is not None and caption[1]:
            lost.append((token.map[0] if token.map else 0, caption[1]))
        above = None
        if token.type == "table_open":
            opened.append(len(changed))
            changed += _open_table(token, *waiting) if waiting is not None else [token]
            waiting = None
        else:
            changed.append(token)
        if token.type == "table_close" and "name" not in changed[begin := opened.pop()].meta:
            above = begin
        index += 1
    return changed


def _read_caption(inline: Token) -> tuple[Token, str] | None:
    """Return the content of a caption and its name, which may be empty; None for any other paragraph."""
    children = list(inline.children or ())
    if not children or children[0].type != "text" or (mark := CAPTION.match(children[0].content)) is None:
        return None
    children[0] = children[0].copy(content=children[0].content[mark.end() :])
    last = children[-1].content.rstrip()
    name = _CAPTION_NAME.search(last, max(0, len(last) - 70)) if children[-1].type == "text" else None
    if name is not None:
        children[-1] = children[-1].copy(content=last[: name.start()].rstrip())
    return inline.copy(children=children), name[1] if name is not None else ""


def _open_table(table: Token, caption: Token, name: str) -> list[Token]:
    level = table.level + 1
    return [
        table.copy(meta={**table.meta, "name": name}),
        Token("caption_open", "caption", 1, level=level, map=caption.map, block=True),
        caption.copy(level=level + 1),
        Token("caption_close", "caption", -1, level=level, block=True),
    ]


def take_notes(tokens: Sequence[Token]) -> tuple[Sequence[Token], dict[int, list[Token]]]:
    """Return the tokens of a text, and apart from them those of its footnotes by number.

    A note with a mark, a table or a figure in it cannot be at the foot of a page: then all notes follow their text, under their
    raised numbers, as in the other formats.
    """
    begin = next((index for index, token in enumerate(tokens) if NOTE_TEXT in token.meta), len(tokens))
    notes: dict[int, list[Token]] = {}
    for token in tokens[begin:]:
        if token.type in ("table_open", "figure") or any(NOTE_MARK in child.meta for child in token.children or ()):
            return tokens, {}
        notes.setdefault(token.meta.get(NOTE_TEXT, max(notes, default=0)), []).append(
            token.copy(meta={key: value for key, value in token.meta.items() if key != NOTE_TEXT})
        )
    return tokens[:begin], notes


def _paragraph(children: list[Token], level: int, lines: list[int] | None) -> tuple[Token, Token, Token]:
    return (
        Token("paragraph_open", "p", 1, {}, lines, level, block=True),
        Token("inline", "", 0, {}, lines, level + 1, children, block=True),
        Token("paragraph_close", "p", -1, level=level, block=True),
    )


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


# Formulas: LaTeX that has a form in plain text. Greek letters, signs, raised and lowered digits; all else stays as written.


def _read_signs(rows: str) -> dict[str, str]:
    """Return the signs of rows such as `cdot · times ×` by the names of their commands."""
    words = rows.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_SYMBOLS: Final = _read_signs("""
    alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ
    sigma σ tau τ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω
    cdot · times × div ÷ pm ± sum ∑ prod ∏ infty ∞ partial ∂ nabla ∇ int ∫ forall ∀ exists ∃ neg ¬ lnot ¬ lfloor ⌊ rfloor ⌋
    lceil ⌈ rceil ⌉ ldots … dots … cdots … emptyset ∅ mid |
""")
_RELATIONS: Final = _read_signs("""
    le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ approx ≈ equiv ≡ to → rightarrow → gets ← leftarrow ← Rightarrow ⇒ implies ⇒ iff ⇔
    Leftrightarrow ⇔ in ∈ notin ∉ subset ⊂ subseteq ⊆ cup ∪ cap ∩ wedge ∧ land ∧ vee ∨ lor ∨ oplus ⊕ ll ≪ gg ≫
""")
_FUNCTIONS: Final = frozenset({"log", "ln", "exp", "min", "max", "gcd", "lcm", "sin", "cos", "tan", "mod", "bmod", "Pr", "deg"})
_PLAIN_FONTS: Final = frozenset({"text", "mathrm", "mathit", "mathbf", "mathsf", "mathtt", "operatorname"})
_SPACES: Final = frozenset(["\\,", "\\;", "\\:", "\\ ", "\\quad", "\\qquad"])
_LATEX: Final = re.compile(r"\\[A-Za-z]+|\\.|\s+|\d+(?:\.\d+)?|.", re.DOTALL)
_DEEPEST_FORMULA: Final = 12


def write_formula(source: str) -> str | None:
    """Return a formula of LaTeX as plain text: `\\frac{n_1}{2^k}` is `n₁/2^k`; None where that has no form in plain text."""
    parts = _Formula(_LATEX.findall(source))
    text = parts.read(0)
    if text is None or parts.index < len(parts.tokens):
        return None
    return " ".join(text.split()) or None


class _Formula:
    """Reads one formula."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.index = 0

    def read(self, depth: int) -> str | None:
        """Return the text up to the end of the group; None for what has no form in plain text."""
        parts: list[str] = []
        while self.index < len(self.tokens) and self.tokens[self.index] != "}":
            part = self._atom(depth)
            if part is None:
                return None
            parts.append(part)
        return "".join(parts)

    def _atom(self, depth: int) -> str | None:
        sign = self.tokens[self.index]
        self.index += 1
        match sign:
            case "_" | "^":
                script = self._argument(depth)
                return None if script is None else _script(script, is_raised=sign == "^")
            case "{":
                return self._group(depth)
            case "&" | "~":
                return " "
        return self._command(sign, depth) if len(sign) > 1 and sign[0] == "\\" else sign

    def _command(self, token: str, depth: int) -> str | None:
        name = token[1:]
        if token in _SPACES:
            return " "
        if name in _SYMBOLS:
            return _SYMBOLS[name]
        if name in _RELATIONS:
            return f" {_RELATIONS[name]} "
        if name in _FUNCTIONS:
            return " mod " if "mod" in name else name
        if name in ("left", "right", "displaystyle"):
            return ""
        if name in _PLAIN_FONTS:
            return self._argument(depth)
        if name == "sqrt":
            root = self._argument(depth)
            return None if root is None else f"√{_enclose(root)}"
        if name in ("frac", "dfrac", "tfrac"):
            above, below = self._argument(depth), self._argument(depth)
            return None if above is None or below is None else f"{_enclose(above)}/{_enclose(below)}"
        return name if len(name) == 1 and name in "{}%_$#&|" else None

    def _argument(self, depth: int) -> str | None:
        while self.index < len(self.tokens) and self.tokens[self.index].isspace():
            self.index += 1
        if self.index >= len(self.tokens) or self.tokens[self.index] == "}":
            return None
        if self.tokens[self.index] != "{":
            token = self.tokens[self.index]
            if token[0].isdigit():  # `x^10` raises the 1 alone
                self.tokens[self.index : self.index + 1] = list(token)
            return None if depth > _DEEPEST_FORMULA else self._atom(depth + 1)
        self.index += 1
        return self._group(depth)

    def _group(self, depth: int) -> str | None:
        if depth > _DEEPEST_FORMULA:
            return None
        text = self.read(depth + 1)
        if text is None or self.index >= len(self.tokens):
            return None
        self.index += 1
        return text


def _script(text: str, *, is_raised: bool) -> str:
    """Return a raised or lowered text: in the characters for that where there are some, else behind a sign."""
    changed = text.translate(_RAISED if is_raised else _LOWERED)
    if not any(before == after for before, after in zip(text, changed, strict=True)):
        return changed
    return f"{'^' if is_raised else '_'}{_enclose(text)}"


def _enclose(text: str) -> str:
    bare = text.strip()
    return bare if len(bare) == 1 or bare.isalnum() else f"({bare})"
