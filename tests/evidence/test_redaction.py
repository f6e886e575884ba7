"""Locations with masked passages: what is printed of them, what is said of their quotes, and entries that mask nothing."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from growth import growth
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError, create_model
from repositories import Commit, build

from findings_report.evidence.redaction import (
    _PLACEHOLDER,
    HiddenPassages,
    _mask_lines,
    _mask_quote,
    find_hidden_passages,
    keep_masked,
    mask_line,
    match_printed_line,
)
from findings_report.evidence.resolve import Resolution, resolve
from findings_report.git import Repository, open_repository
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import MARK, Frozen, Region, Snippet, Verdict
from findings_report.model.finding import Finding
from findings_report.model.redaction import Redactor, TextRedaction, list_hidden_texts, list_texts, redact, replace_spans
from findings_report.problems import Kind, Place, Problem
from findings_report.sourcecode.lines import fingerprint

SECRET = "hunter2-S3cr3t"
CODE = f'''import os


def connect():
    user = "admin"
    password = "{SECRET}"
    return login(user, password)


KEY = """
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ
    C7VJTUt9Us8cKjMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dV
-----END PRIVATE KEY-----
"""


def again():
    return login("root", "{SECRET}")
'''
LINES = CODE.split("\n")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    path = tmp_path_factory.mktemp("audited")
    build(path, [Commit({"app.py": CODE, "b.py": f"# b\nx = '{SECRET}'\n"}, tag="1.0")])
    with open_repository(path, name="app") as repository:
        yield repository


def resolved(source: Repository | None, *locations: dict[str, Any], **finding: Any) -> Resolution:
    written = {"title": "T", "severity": "high", "description": "d", **finding}
    engagement = Engagement.model_validate({"title": "T", "repositories": {"app": {"revision": "1.0"}}})
    value = Finding.model_validate({**written, "locations": [{"path": "app.py", **each} for each in locations]})
    return resolve(engagement, {"A-1": value}, {"app": source})


def printed(snippet: Snippet) -> list[str]:
    return [line.text for run in snippet.runs for line in run.lines]


def said(resolution: Resolution) -> list[str]:
    return [problem.code for problem in resolution.problems if problem.code not in ("not-pinned", "unchecked")]


def test_lines_are_masked_and_keep_their_indentation_and_number(source: Repository) -> None:
    result = resolved(source, {"lines": "4-7", "redact": [{"lines": 6}]})

    (snippet,) = result.snippets["A-1"]
    assert printed(snippet) == [LINES[3], LINES[4], f"    {MARK}", LINES[6]]
    assert [line.number for run in snippet.runs for line in run.lines] == [4, 5, 6, 7]
    assert snippet.masked == 1
    assert said(result) == []


def test_a_text_is_masked_within_its_line_and_one_length_stands_for_all(source: Repository) -> None:
    result = resolved(source, {"lines": "5-6", "redact": [{"match": SECRET}, {"lines": 5, "match": "admin"}]})

    assert printed(result.snippets["A-1"][0]) == [f'    user = "{MARK}"', f'    password = "{MARK}"']


def test_the_verdict_is_that_of_the_true_text(source: Repository) -> None:
    quote = "\n".join(LINES[4:7])

    for entries in ([{"lines": 6}], [{"match": SECRET}], [{"lines": "4-7"}]):
        result = resolved(source, {"lines": "5-7", "quote": quote, "redact": entries})
        assert result.snippets["A-1"][0].check.verdict is Verdict.EXACT
        assert said(result) == []


def test_an_edited_quote_shows_the_difference_without_the_passage(source: Repository) -> None:
    quote = f'    user = "adm1n"\n    password = "{SECRET}x"\n    return login(user, password)'

    result = resolved(source, {"lines": "5-7", "quote": quote, "redact": [{"lines": 6}]})

    (snippet,) = result.snippets["A-1"]
    assert snippet.check.verdict is Verdict.EDITED
    shown = {difference.line: (difference.quoted, difference.actual) for difference in snippet.check.differences}
    assert {line: tuple(map(str.strip, map(str, texts))) for line, texts in shown.items()} == {
        5: ('user = "adm1n"', 'user = "admin"'),
        6: (MARK, MARK),
    }
    assert SECRET not in snippet.model_dump_json()
    assert not any(SECRET in problem.fault for problem in result.problems)


def test_a_key_of_several_lines_is_masked_whatever_its_indentation(source: Repository) -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(line.strip() for line in LINES[11:14])

    result = resolved(source, {"lines": "10-15", "show": "12-13", "redact": [{"match": key}]})

    (snippet,) = result.snippets["A-1"]
    assert printed(snippet) == [MARK, f"    {MARK}"]
    assert snippet.masked == 1
    assert [str(region) for region in snippet.redacted] == ["11-14"]


def test_what_one_location_masks_no_other_one_prints(source: Repository) -> None:
    result = resolved(source, {"lines": 6, "redact": [{"lines": 6}]}, {"lines": "5-6"}, {"lines": 19}, {"path": "b.py"})

    assert SECRET not in str([snippet.model_dump_json() for snippet in result.snippets["A-1"]])
    assert printed(result.snippets["A-1"][1]) == [LINES[4], f"    {MARK}"]
    assert printed(result.snippets["A-1"][2]) == [LINES[18].replace(SECRET, MARK)]
    # A digest would let a reader try candidates for the masked part.
    for snippet, region in zip(result.snippets["A-1"][1:3], ("6", "19"), strict=True):
        assert [str(masked) for masked in snippet.redacted] == [region]
        assert (snippet.fingerprints, snippet.line_hash, snippet.end_columns) == ((), None, ())


def test_the_lines_of_a_moved_quote_are_those_that_the_author_named(source: Repository) -> None:
    quote = "\n".join(LINES[4:7])

    result = resolved(source, {"lines": "15-17", "quote": quote, "redact": [{"lines": 16}]})

    (snippet,) = result.snippets["A-1"]
    assert snippet.check.verdict is Verdict.MOVED
    assert printed(snippet) == [LINES[4], f"    {MARK}", LINES[6]]
    assert said(result) == ["quote-moved"]


def test_without_a_clone_the_authors_lines_are_masked() -> None:
    numbered = f'5: user = "admin"\n6: password = "{SECRET}"'
    bare = f'user = "admin"\npassword = "{SECRET}"'

    for quote, lines, masked in ((numbered, "5-6", 1), (bare, "5-6", 1), (bare, "4-9", 1)):
        resolution = resolved(None, {"lines": lines, "quote": quote, "redact": [{"lines": 6}]})
        (snippet,) = resolution.snippets["A-1"]
        assert resolution.redactor.mask(f"prose with {SECRET}") == f"prose with {MARK}"
        assert snippet.check.verdict is Verdict.UNCHECKED
        assert SECRET not in snippet.model_dump_json()
        assert snippet.masked == masked
    (snippet,) = resolved(None, {"lines": "5-6", "quote": bare, "redact": [{"match": SECRET}]}).snippets["A-1"]
    assert printed(snippet) == ['user = "admin"', f'password = "{MARK}"']


@pytest.mark.parametrize(
    ("location", "remedy"),
    [
        ({"lines": "4-5", "redact": [{"lines": 6}]}, "name lines within 4-5"),
        ({"lines": "4-5", "redact": [{"match": SECRET}]}, "is in line 6 of app.py"),
        ({"lines": "4-5", "redact": [{"lines": 5, "match": SECRET}]}, "is in line 6 of app.py"),
        ({"lines": "6", "redact": [{"match": SECRET.upper()}]}, "copy it exactly"),
        ({"lines": "6", "redact": [{"match": "another"}]}, "copy the text exactly"),
        ({"lines": "6", "redact": [{"lines": 99}]}, "name lines within 6"),
    ],
)
def test_an_entry_that_masks_nothing_is_an_error(source: Repository, location: dict[str, Any], remedy: str) -> None:
    (problem,) = [problem for problem in resolved(source, location).problems if problem.code == "redact-nothing"]

    assert problem.level == "error"
    assert problem.subject == ("A-1", "locations", 0, "redact", 0)
    assert remedy in (problem.remedy or "")
    assert SECRET.casefold() not in f"{problem.fault} {problem.remedy}".casefold()


def test_a_text_of_the_finding_is_in_it_or_an_error(source: Repository) -> None:
    def code_of(text: str) -> list[str]:
        return said(resolved(source, {"lines": 6}, description="the **admin**", redact=[{"match": text}]))

    assert code_of(SECRET) == []
    assert code_of("admin") == []
    assert code_of("nowhere") == ["redact-nothing"]


@pytest.mark.parametrize(
    "placeholder",
    [
        "REDACTED",
        "<redacted>",
        "[REDACTED]",
        "***",
        "********",
        "***REMOVED***",
        "xxxxxxxx",
        "<your-password>",
        "...",
        "…",
        "•••••",
    ],
)
def test_a_placeholder_in_a_quote_masks_gits_text_and_is_warned_of(source: Repository, placeholder: str) -> None:
    quote = "\n".join(LINES[4:7]).replace(SECRET, placeholder)

    result = resolved(source, {"lines": "5-7", "quote": quote})

    (snippet,) = result.snippets["A-1"]
    assert printed(snippet) == [LINES[4], f'    password = "{MARK}"', LINES[6]]
    assert snippet.check.verdict is Verdict.EXACT
    assert said(result) == ["quote-hides"]
    assert "`redact: [{lines: 6}]`" in (result.problems[-1].remedy or "")


@pytest.mark.parametrize(
    "quote",
    [
        "    password = <redacted>",
        "password: REDACTED",
        "6 |     password = ***  # <-- hard-coded!",
        '    passwd = "REDACTED"\n    return login(user, password)',
        "REDACTED",
        'def connect():\n    user = "admin"\n    [...]\n    password = "s3***"',
    ],
)
def test_a_placeholder_never_lets_the_hidden_text_be_printed(source: Repository, quote: str) -> None:
    result = resolved(source, {"lines": "4-7", "quote": quote})

    assert SECRET not in result.snippets["A-1"][0].model_dump_json()
    assert SECRET not in str(result.problems)
    assert "quote-hides" in said(result)


def test_a_sign_that_the_file_has_too_hides_nothing(tmp_path: Path) -> None:
    code = 'void f(char ***argv) {\n  log("REDACTED");\n  puts("...");\n}\n'
    build(tmp_path, [Commit({"app.py": code}, tag="1.0")])
    with open_repository(tmp_path, name="app") as repository:
        result = resolved(repository, {"lines": "1-4", "quote": code})

    assert printed(result.snippets["A-1"][0]) == code.splitlines()
    assert said(result) == []


def test_digests_are_those_of_the_masked_text(source: Repository) -> None:
    (snippet, other) = resolved(
        source, {"lines": "5-6", "redact": [{"match": SECRET}]}, {"lines": 6}, redact=[{"match": SECRET}]
    ).snippets["A-1"]

    assert snippet.fingerprints == (fingerprint([LINES[4], LINES[5].replace(SECRET, MARK)]),)
    assert fingerprint([LINES[5]]) not in other.fingerprints


def test_a_text_is_found_however_prose_writes_it() -> None:
    redactor = Redactor(("my_key&<1>", "correct horse battery"))

    for text in (
        "my_key&<1>",
        r"my\_key\&\<1\>",
        "my_key&amp;&lt;1&gt;",
        "&#109;y_key&#x26;<1>",
        "&#x6d;y_key&#X26;<1>",
        "&#x6D;y_key&AMP;<1>",
        "**my**_key&<1>",
        "my&#95;**key**&amp;<1>",
        r"*my*\_key&amp;<1>",
        "my_key%26%3C1%3E",
        "my_\u200bkey&<1>",
        "correct\n  horse   battery",
        "correct horse\tbattery",
    ):
        assert redactor.mask(f"a {text} b") == f"a {MARK} b", text
    assert redactor.mask("my key and correct horses") == "my key and correct horses"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "\u00e9:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_text_is_masked_in_base64_wherever_it_begins(before: str, encode: Callable[[bytes], bytes]) -> None:
    redactor = Redactor((SECRET, "hunter", "never found"))
    for after, encoding in product(("", "\n", "\u00ff? and more"), ("utf-8", "utf-16-le", "utf-16-be")):
        encoded = encode(f"{before}{SECRET}{after}".encode(encoding)).decode()
        bare = encoded.rstrip("=")
        ending = encoded.removeprefix(bare)

        for around in ("Basic {}", "a/{}", "'{}'", "https://example.org/x?q=ab{}", "{}.{}"):
            written = around.format(bare, bare)
            assert bare not in redactor.mask(written + ending)
            assert bare not in replace_spans(written, redactor.find_verbatim(written))
            assert bare not in redactor.mask_message(written)
        assert redactor.mask(f"token {encoded}, and") == f"token {MARK}{ending}, and"
        assert redactor.list_written(encoded) == {SECRET, "hunter"}
        assert redactor.mask(encoded.replace("_", "\\_").replace("=", "&#61;")) == MARK + ending.replace("=", "&#61;")


def test_what_is_no_encoding_of_a_text_is_printed() -> None:
    redactor = Redactor((SECRET, "wxyz", "vwxyz"))

    for text in (
        base64.b64encode(b"hunter2-S3cr3").decode(),
        base64.b64encode(b"another text, which is no secret, vwxyz").decode(),
        "findings_report/model/redaction_of_many_things.py",
        "0123456789abcdef" * 4,
    ):
        assert redactor.mask(text) == text
        assert redactor.find_verbatim(text) == []
    assert redactor.mask_message(text) == text


def test_a_message_that_cuts_off_base64_shows_no_beginning_of_the_text() -> None:
    encoded = base64.b64encode(f"user:{SECRET}".encode()).decode()

    assert Redactor((SECRET,)).mask_message(f"'Basic {encoded[:18]}…'") == f"'Basic {MARK}…'"
    assert Redactor((SECRET,)).mask_message(f"'Basic {encoded[:14]}…'") == f"'Basic {encoded[:14]}…'"


def test_base64_without_end_costs_linear_time() -> None:
    redactor = Redactor((SECRET, *(f"{number:05} other" for number in range(40))))

    for unit in ("QUJD", "QUJDREVG ", "A" * 30 + "\n"):
        assert growth(lambda size: redactor.mask(unit * size), 4_000) < 8  # noqa: B023


def test_a_text_of_equal_words_is_found_in_linear_time() -> None:
    redactor = Redactor(("a " * 8_000 + "b", "ba ba c", "x " + "y " * 30 + "z"))

    assert redactor.mask("a " * 10_000 + "c") == "a " * 10_000 + "c"
    assert redactor.mask(f"c {'a  ' * 8_000}\n b, ba ba ba\tc ba") == f"c {MARK}, ba {MARK} ba"
    assert growth(lambda size: redactor.mask("a " * size + "c"), 20_000) < 8
    assert growth(lambda size: redactor.mask("y " * size), 10_000) < 8
    assert growth(lambda size: Redactor(("a " * size + "b",)).mask("a " * size), 20_000) < 8


def test_twenty_thousand_masked_lines_cost_as_much_a_text_as_a_few() -> None:
    lines = [f"self.assertEqual(items[{number * 7919 % 99_991}], compute(item, {number}))" for number in range(20_000)]
    text = "The call `self.assertEqual(items[7919], compute(item, 1))` is *in* a text of which `self.assertEqual` is no part."
    redactors = {size: Redactor(tuple(lines[:size])) for size in (1_000, 4_000, 20_000)}

    for redactor in redactors.values():
        assert redactor.mask(text) == text.replace(f"`{lines[1]}`", MARK)
        assert redactor.mask_message(text) == text.replace(lines[1], MARK).replace("self.assertEqual", MARK)
    assert growth(lambda size: [redactors[size].mask(text) for _ in range(20)], 1_000) < 2
    assert growth(lambda size: [redactors[size].mask_message(text) for _ in range(20)], 1_000) < 2
    assert growth(lambda size: redactors[20_000].find_verbatim("\n".join(lines[-size:])), 1_000) < 8


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("ab \n\u0301é", min_size=4, max_size=8), min_size=1, max_size=6),
    st.text("ab \n\t*\\\u0301é", max_size=60),
)
def test_a_text_is_found_among_many_as_among_few(texts: list[str], text: str) -> None:
    others = tuple(f"{number:05} other" for number in range(40))

    few, many = Redactor(tuple(texts)), Redactor((*texts, *others))

    assert sorted(set(many.find(text))) == sorted(set(few.find(text)))
    assert sorted(set(many.find_verbatim(text))) == sorted(set(few.find_verbatim(text)))
    assert many.list_written(text) == few.list_written(text)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("secret", ["Schlüssel-Nr. é1", "한글 열쇠", "\u212bngström"])
def test_a_text_is_masked_however_its_letters_are_composed(form: Literal["NFC", "NFD"], secret: str) -> None:
    redactor = Redactor((unicodedata.normalize(form, secret),))

    for other in {secret, unicodedata.normalize("NFC", secret), unicodedata.normalize("NFD", secret)}:
        assert redactor.mask(f"a {other}, b") == f"a {MARK}, b"
        assert redactor.mask(f"a **{other}**, b") == f"a **{MARK}**, b"
        assert redactor.mask_message(f"a {other}, b") == f"a {MARK}, b"
        assert {*redactor.find_verbatim(f"x = '{other}'")} == {(5, 5 + len(other))}
        entities = "".join(f"&#{ord(letter)};" if letter > "\u00ff" else letter for letter in other)
        assert redactor.mask(f"a {entities}, b") == f"a {MARK}, b"


def test_a_flood_of_marks_costs_linear_time() -> None:
    marks = "\u0316\u0301" * 100_000

    assert growth(lambda size: Redactor(("secret é",)).mask("e" + marks[:size]), 20_000) < 8


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("a hunter2-[S3cr3t](https://example.org) b", "a █redacted█ b"),
        ("a [hunter2](https://example.org)-S3cr3t b", "a █redacted█ b"),
        ("a hunter2-![S3cr3t](image:x) b", "a █redacted█ b"),
        ("a hunter2-[**S3cr3t**][label] b", "a █redacted█ b"),
        ("> correct\n> horse battery b", "> █redacted█ b"),
    ],
)
def test_a_passage_is_masked_also_where_a_link_or_a_quotation_divides_it(text: str, masked: str) -> None:
    assert Redactor(("hunter2-S3cr3t", "correct horse battery")).mask(text) == masked


def test_a_message_that_shortens_a_passage_has_no_beginning_of_it() -> None:
    redactor = Redactor(("hunter2-S3cr3t", "with \"quotes\" and 'others'"))

    assert (
        redactor.mask_message("the link to 'https://e/hunter2-S3c' is not allowed")
        == f"the link to 'https://e/{MARK}' is not allowed"
    )
    assert redactor.mask_message("a 'with \"quotes\" and \\'oth'") == f"a '{MARK}'"
    assert redactor.mask_message("hunter2 of secrets") == "hunter2 of secrets"
    assert redactor.mask_message("hunter2- of secrets") == f"{MARK} of secrets"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=4, max_size=12), min_size=1, max_size=4), st.text(max_size=30))
def test_no_masked_text_is_left(texts: list[str], around: str) -> None:
    texts = [text for text in texts if len("".join(text.split())) >= 4]
    redactor = Redactor(tuple(texts))
    rests = MARK.join(["", *re.findall(".", around), ""])

    masked = redactor.mask("\n".join(f"{around}{text}{around}" for text in texts))

    assert not any(text in masked for text in texts if text not in MARK and text not in rests and MARK not in text)


def test_values_of_a_masked_line_are_masked_elsewhere_and_common_words_are_not() -> None:
    assert [*list_hidden_texts('  token = "a1b2c3d4e5"')] == ['token = "a1b2c3d4e5"', "a1b2c3d4e5"]
    assert [*list_hidden_texts("API_KEY=abcd1234efgh")] == ["API_KEY=abcd1234efgh", "abcd1234efgh"]
    assert [*list_hidden_texts('logger.info("username")')] == ['logger.info("username")']
    assert [*list_hidden_texts("port = 12345678")] == ["port = 12345678"]
    assert [*list_hidden_texts(" abcdef=1")] == ["abcdef=1"]
    assert [*list_hidden_texts("abcde=1")] == []
    assert [*list_hidden_texts("a = b + (c)")] == []
    assert [*list_hidden_texts("    }")] == []


@pytest.mark.parametrize(
    "written",
    [
        r"it\'s 1/2 caf\xe9\nand 'more'",
        "it''s 1/2 café\nand ''more''",
        r"it's 1/2 caf\u00e9\nand 'more'",
        "it&#x27;s 1/2 café\nand &#x27;more&#x27;",
        "it%27s%201%2F2%20caf%C3%A9%0Aand%20%27more%27",
        "it%27s%201/2%20caf%C3%A9%0Aand%20%27more%27",
    ],
)
def test_a_message_is_masked_however_it_escapes_a_text(written: str) -> None:
    assert Redactor(("it's 1/2 café\nand 'more'",)).mask_message(f"a {written} b") == f"a {MARK} b"


def test_a_problem_is_masked_in_all_its_parts() -> None:
    redactor = Redactor((SECRET,))
    place = Place("a.yaml", 1, 1, f"title: {SECRET}")
    problem = Problem(Kind.INPUT, f"a {SECRET}", f"not {SECRET}", place=place, code="x")

    masked = redactor.mask_problem(problem)

    assert (masked.fault, masked.remedy, masked.place and masked.place.source) == (f"a {MARK}", f"not {MARK}", f"title: {MARK}")
    assert redactor.mask_problem(Problem(Kind.INPUT, "a b", code="x")) == Problem(Kind.INPUT, "a b", code="x")
    assert Redactor().mask_problem(problem) is problem


def test_spans_that_touch_are_one_mark() -> None:
    assert replace_spans("abcdefghij", [(8, 9), (0, 2), (4, 5), (5, 7), (4, 6)]) == f"{MARK}cd{MARK}h{MARK}j"
    assert replace_spans("abc", []) == "abc"


@pytest.mark.parametrize("text", ["abc", "a b c"])
def test_a_text_that_ordinary_words_contain_cannot_be_masked(text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        TextRedaction(match=text)

    assert text not in raised.value.errors()[0]["msg"]
    assert TextRedaction(match=f"{text}d").match == f"{text}d"


def test_of_a_text_of_signs_no_letter_is_masked_elsewhere() -> None:
    assert Redactor(("**x**",)).mask("an *x* in *a* text, **x**") == f"an *x* in *a* text, {MARK}"


def test_what_refers_to_other_values_is_kept_and_everything_else_is_masked() -> None:
    kept = (
        "schema_name id kind colour accent language media_type commit hash blob encoding related aliases fingerprints verdict"
    )
    names = [*kept.split(), "severity_source"]
    model = create_model("Model", __base__=Frozen, **dict.fromkeys((*names, "other"), (str, "abcd")))  # type: ignore[call-overload]
    value = (model(), {"abcd": "x abcd", "n": 1}, ("unchanged",))

    masked = redact(value, Redactor(("abcd",)))

    assert masked[0].model_dump() == {**dict.fromkeys(names, "abcd"), "other": MARK}
    assert masked[1] == {"abcd": f"x {MARK}", "n": 1}
    assert masked[2] is value[2]
    assert redact(value, Redactor(("efgh",)))[0] is value[0]


@pytest.mark.parametrize("scheme", ["https://", "HTTP://", "mailto:"])
def test_an_address_keeps_its_scheme(scheme: str) -> None:
    assert redact(f"{scheme}host/x", Redactor((f"{scheme}host",))) == f"{scheme.lower()}{MARK}/x"
    assert redact(f"{scheme}host/x", Redactor(("host",))) == f"{scheme}{MARK}/x"


def test_texts_are_listed_with_their_path_without_those_of_entries() -> None:
    location = {"path": "a.py", "notes": {3: "n"}, "redact": [{"lines": 3}], "not_secret": [{"match": "wxyz"}]}
    written = {"title": "t", "severity": "high", "description": "d", "redact": [{"match": "abcd"}], "locations": [location]}

    listed = dict(list_texts(Finding.model_validate(written)))

    assert listed[("locations", 0, "notes", "3")] == "n"
    assert listed[("title",)] == "t"
    assert not {"abcd", "wxyz"} & set(listed.values())


def test_two_placeholders_in_a_line_hide_two_parts(source: Repository) -> None:
    (snippet,) = resolved(source, {"lines": 7, "quote": "    return ***(***, password)"}).snippets["A-1"]

    assert printed(snippet) == [f"    return{MARK}({MARK}, password)"]


def test_a_text_of_many_words_is_found_once_among_many() -> None:
    long = " ".join(f"word{number}" for number in range(40))
    redactor = Redactor((long, *(f"{number:05} other" for number in range(40))))

    assert redactor.find_verbatim(f"x {long.replace(' ', '  ')} y") == [(2, 2 + len(long) + 39)]


def test_a_text_that_is_masked_in_some_lines_stays_in_the_others(source: Repository) -> None:
    (snippet,) = resolved(source, {"lines": "6-19", "redact": [{"lines": 6, "match": SECRET}]}).snippets["A-1"]

    assert printed(snippet)[0] == f'    password = "{MARK}"'
    assert printed(snippet)[-1] == LINES[18]


def test_without_a_clone_the_lines_of_a_quote_are_numbered_by_its_location() -> None:
    (snippet,) = resolved(None, {"lines": "5-7", "quote": "\n".join(LINES[4:7]), "redact": [{"lines": 6}]}).snippets["A-1"]

    assert printed(snippet) == [LINES[4], f"    {MARK}", LINES[6]]


def test_an_entry_without_effect_is_named_with_its_place(source: Repository) -> None:
    (problem,) = [p for p in resolved(source, redact=[{"match": "d" * 5}]).problems if p.code == "redact-nothing"]

    assert problem.subject == ("A-1", "redact", 0)


@pytest.mark.parametrize(
    ("quote", "cited", "spans", "filled"),
    [
        ('token = "***"', (3, 3), {3: ((9, 16),)}, 'token = "bbb-222"'),
        ('token = "***"', (1, 3), {1: ((9, 16),), 3: ((9, 16),)}, None),
        ('token = "***"', (4, 4), {}, None),  # two lines elsewhere: which one is meant is a guess
        ('word = "***"', (1, 1), {4: ((8, 15),)}, 'word = "ccc-333"'),
        ('4 | word = "***"', (1, 1), {4: ((8, 15),)}, '4 | word = "ccc-333"'),
        ('nowhere = "***"', (1, 4), {}, None),
    ],
)
def test_the_line_of_a_placeholder_is_a_cited_one_or_the_only_one(
    quote: str, cited: tuple[int, int], spans: dict[int, Any], filled: str | None
) -> None:
    lines = ['token = "aaa-111"', "x", 'token = "bbb-222"', 'word = "ccc-333"']

    hidden = find_hidden_passages(quote, lines, (Region(start_line=cited[0], end_line=cited[1]),))

    assert dict(hidden.spans) == spans
    assert hidden.is_unplaced == (not spans)
    assert hidden.quote == (filled or quote)


def test_a_placeholder_in_a_line_that_is_masked_as_a_whole_needs_no_other_entry(source: Repository) -> None:
    quote = "\n".join(LINES[4:7]).replace(SECRET, "***")

    result = resolved(source, {"lines": "5-7", "quote": quote, "redact": [{"lines": 6}]})

    assert said(result) == []
    assert printed(result.snippets["A-1"][0]) == [LINES[4], f"    {MARK}", LINES[6]]


def test_where_lines_were_added_within_a_moved_quote_all_that_may_be_meant_is_masked(tmp_path: Path) -> None:
    old = [f"step_{number} = load({number})" for number in range(8)]
    code = [*(f"# {number}" for number in range(20)), *old[:3], "# added", "# within", *old[3:]]
    build(tmp_path / "app", [Commit({"app.py": "\n".join(code)}, tag="1.0")])
    quote = "\n".join([*old[:2], "[...]", *old[4:6]])
    with open_repository(tmp_path / "app", name="app") as moved:
        result = resolved(moved, {"lines": "1-6", "quote": quote, "redact": [{"lines": 3}]})

    (snippet,) = result.snippets["A-1"]
    assert snippet.check.verdict is Verdict.MOVED
    assert set(printed(snippet)) == {MARK}
    assert not any(line in snippet.model_dump_json() for line in old[:6])


def test_a_masked_line_keeps_its_own_indentation() -> None:
    assert _mask_lines(["a", "  b c", "    d"], {1: [(0, 1)], 3: [(4, 5)]}, {2}) == (MARK, f"  {MARK}", f"    {MARK}")


@pytest.mark.parametrize(
    ("masked", "line", "passages"),
    [
        (f"a = {MARK}", '    a = "x"', [(8, 11)]),
        (f"    a = {MARK};", "a = 1;", [(4, 5)]),
        (f"{MARK} = {MARK};", "ab = cd;", [(0, 2), (5, 7)]),
        (f"ab{MARK}ba", "abba", [(2, 2)]),
        (f"a{MARK}-{MARK}-b", "a1--b", [(1, 2), (3, 3)]),
        (f"ab{MARK}ba", "aba", None),
        (f"a{MARK}", "b = 1", None),
        (f"a{MARK};", "a = 1", None),
        (f"a{MARK}-{MARK}b", "axxb", None),
        (f"a{MARK}-{MARK}-b", "ax-b", None),
        (f"a{MARK}--{MARK}b", "a-b-b", None),
    ],
)
def test_a_printed_line_says_which_passages_of_the_line_it_masks(
    masked: str, line: str, passages: list[tuple[int, int]] | None
) -> None:
    assert match_printed_line(masked, line) == passages


def test_a_mark_with_a_number_is_that_line_of_the_file() -> None:
    lines = ["first", "  second  ", "last"]
    quote = "x\n\u2588redacted 1\u2588\n\u2588redacted 2\u2588\n\u2588redacted 3\u2588\n{}"

    for other in ("\u2588redacted 4\u2588", "\u2588redacted 0\u2588"):
        hidden = find_hidden_passages(quote.format(other), lines, (Region(start_line=1, end_line=3),))
        assert (hidden.quote, dict(hidden.spans), hidden.is_unplaced) == (f"x\nfirst\nsecond\nlast\n{other}", {}, False)
    assert keep_masked(f"a\n{MARK} b") == "a\n\u2588redacted 0\u2588 b"


QUOTE = "\n".join(LINES[4:7])


@pytest.mark.parametrize(
    "location",
    [
        {"lines": "4-7", "redact": [{"lines": 6}]},
        {"lines": "4-7", "redact": [{"lines": "4-5"}, {"match": SECRET}]},
        {"lines": "4-7", "redact": [{"lines": "4, 6"}]},
        {"lines": "5-6", "redact": [{"match": SECRET}, {"lines": 5, "match": "admin"}]},
        {"lines": "5-7", "quote": QUOTE, "redact": [{"lines": 6}]},
        {"lines": "5-7", "quote": QUOTE, "redact": [{"match": SECRET}]},
        {"lines": "5-7", "quote": QUOTE.replace(SECRET, "***")},
        {"lines": "15-17", "quote": QUOTE, "redact": [{"lines": 16}]},
        {"lines": "115-117", "quote": QUOTE, "redact": [{"lines": 116}]},  # beyond the end of the file
        {"lines": "15-17", "quote": QUOTE, "redact": [{"lines": 16, "match": SECRET}, {"lines": 15}]},
        {"lines": "5-7", "quote": QUOTE.replace("admin", "adm1n"), "redact": [{"lines": 6}]},
        {"lines": "2-6", "redact": [{"match": SECRET, "lines": "2-6"}, {"lines": 5}]},
        {"lines": "10-16", "redact": [{"lines": "12-13"}, {"lines": 11, "match": "PRIVATE"}]},
    ],
)
def test_what_a_report_says_of_its_masks_masks_the_same_again(source: Repository, location: dict[str, Any]) -> None:
    (first,) = resolved(source, location).snippets["A-1"]
    assert first.authored is not None
    assert SECRET not in first.model_dump_json()
    entries = [
        {"lines": ", ".join(map(str, entry.lines)), **({"match": entry.match} if entry.match else {})}
        for entry in first.authored.redact
    ]

    again = resolved(source, {**location, "quote": first.authored.quote, "redact": entries})

    (second,) = again.snippets["A-1"]
    assert said(again) == said(resolved(source, location))
    assert second.model_dump(exclude={"authored"}) == first.model_dump(exclude={"authored"})
    assert second.authored == first.authored


def test_a_printed_line_that_is_another_one_by_now_is_masked_as_a_whole(source: Repository) -> None:
    other = {"lines": 6, "match": f"passwd = {MARK}"}

    (snippet,) = resolved(source, {"lines": "5-6", "redact": [other]}).snippets["A-1"]

    assert printed(snippet) == [LINES[4], f"    {MARK}"]


@pytest.mark.parametrize(("line", "masked"), [("  a b ", f"  {MARK}"), ("a", MARK), ("", ""), ("   ", "   ")])
def test_a_blank_line_has_nothing_to_mask(line: str, masked: str) -> None:
    assert mask_line(line) == masked


def test_lines_close_to_the_cited_ones_are_listed_as_masked_since_a_digest_covers_them(source: Repository) -> None:
    (snippet,) = resolved(
        source, {"lines": "4-5", "redact": [{"lines": "5-6", "match": "r"}][:0]}, redact=[{"match": SECRET}]
    ).snippets["A-1"]

    assert snippet.authored is not None
    assert [(str(entry.lines[0]), entry.match) for entry in snippet.authored.redact] == [("6", MARK), ("19", MARK)]


@pytest.mark.parametrize(
    ("quote", "kept"),
    [
        # As it is in the file, edited, within a line, with a number, and lines that are like no masked one.
        (f'password = "{SECRET}"', "\u2588redacted 6\u2588"),
        (f'6 | password = "{SECRET}"', "6 | \u2588redacted 6\u2588"),
        ('passwd = "another1-S3cret"', MARK),
        (f'if x: password = "{SECRET}" # bad', "if x: \u2588redacted 6\u2588 # bad"),
        ('user = "admin"', 'user = "admin"'),
        ("unrelated()", "unrelated()"),
        ("7 | unrelated()", "7 | unrelated()"),
    ],
)
def test_a_quote_is_kept_without_what_is_masked(source: Repository, quote: str, kept: str) -> None:
    (snippet,) = resolved(source, {"lines": "5-6", "quote": f"{QUOTE[:18]}\n{quote}", "redact": [{"lines": 6}]}).snippets["A-1"]

    assert snippet.authored is not None
    assert snippet.authored.quote == f"{QUOTE[:18]}\n{kept}"


def test_without_a_clone_a_report_keeps_masks_by_line() -> None:
    entries = [{"lines": "5-6", "match": SECRET}, {"lines": "7"}, {"match": "admin"}, {"lines": 5, "match": f"u {MARK}"}]

    (snippet,) = resolved(None, {"lines": "5-7", "quote": QUOTE, "redact": entries}).snippets["A-1"]

    assert snippet.authored is not None
    kept = [(",".join(map(str, entry.lines)), entry.match) for entry in snippet.authored.redact]
    assert kept == [("5", MARK), ("6", MARK), ("7", None), ("5", f"u {MARK}")]
    assert printed(snippet) == [LINES[4].replace("admin", MARK), LINES[5].replace(SECRET, MARK), f"    {MARK}"]
    assert snippet.authored.quote == "\n".join(printed(snippet))


@pytest.mark.parametrize(
    ("quote", "lines", "masked"),
    [
        (QUOTE, "5-8", [True, True, True]),  # it is not known which line is meant
        (QUOTE, "5, 6-7", [True, True, True]),
        (QUOTE, "5-7", [False, True, False]),
        (
            "\n".join(f"{number}: {line.strip()}" for number, line in enumerate(QUOTE.split("\n"), 6)),
            "5-7",
            [True, False, False],
        ),
    ],
)
def test_without_a_clone_every_line_that_may_be_meant_is_masked(quote: str, lines: str, masked: list[bool]) -> None:
    (snippet,) = resolved(None, {"lines": lines, "quote": quote, "redact": [{"lines": 6}]}).snippets["A-1"]

    assert [line.strip() == MARK for line in printed(snippet)] == masked


def test_the_text_of_an_entry_for_some_lines_is_not_printed_as_an_authors_words_either(source: Repository) -> None:
    quote = f'{LINES[4]}\n    {"q" * 40}("{SECRET}")'

    (snippet,) = resolved(source, {"lines": "5-6", "quote": quote, "redact": [{"lines": 6, "match": SECRET}]}).snippets["A-1"]

    assert snippet.authored is not None
    assert snippet.authored.quote == quote.replace(SECRET, MARK)
    assert SECRET not in snippet.model_dump_json()


def test_of_a_placeholder_without_a_place_the_cited_lines_are_masked_that_the_quote_does_not_show(source: Repository) -> None:
    quote = 'def connect():\n    passwd = "REDACTED"\n    return login(user, password)'

    (snippet,) = resolved(source, {"lines": "4-7", "quote": quote}).snippets["A-1"]

    assert printed(snippet) == [LINES[3], f"    {MARK}", f"    {MARK}", LINES[6]]


@pytest.mark.parametrize(
    ("text", "placeholder"),
    [
        *((f"a {opener}Redacted by us{closer}{closer} b{closer}", f"{opener}Redacted by us{closer}")
          for opener, closer in ("<>", "[]", "{}", "()")),
        *((f"a (redacted {opener} b)", "redacted") for opener in "<[{("),
        ("(redacted\n)", "redacted"),
        (f"[redacted {'x' * 39}]", f"[redacted {'x' * 39}]"),
        (f"[redacted {'x' * 40}]", "redacted"),
        ("< removed>", "< removed>"),
        ("<  removed>", None),
        *((f"<{word}>", f"<{word}>") for word in (
            "removed", "masked", "hidden", "censored", "sanitized", "sanitised", "secret", "omitted", "snip", "snipped")),
        ("is CENSORED here", "CENSORED"),
        ("unredacted", None),
        ("redacted 12\u2588", None),
        ("redacted 1234567890\u2588", "redacted"),
        *((sign * 3, sign * 3) for sign in "*\u2022\u25cf\u2588\u2587\u25a0"),
        ("** *", None),
        ("***REMOVED*** x", "***REMOVED***"),
        ("***REMOVED**", "***"),
        ("xXxX", "xXxX"),
        ("xxx", None),
        ("axxxx", None),
        *((f"{quote}...{quote}", "...") for quote in "\"'`"),
        ('"\u2026"', "\u2026"),
        ('"<your key>"', "<your key>"),
        ('"<a<b>"', None),
        (f'"<{"k" * 41}>"', None),
        ("f(...)", None),
        ("f(removedAmount, rate)", None),
        ("/*** a ***/", None),
        ("/*********", None),
        ("'<br>' + '<DIV id=a>' + '</b>'", None),
        ("'<body part>'", None),
        ("'<token>'", "<token>"),
    ],
)  # fmt: skip
def test_what_authors_write_for_a_secret(text: str, placeholder: str | None) -> None:
    matched = _PLACEHOLDER.search(text)

    assert (matched and matched[0]) == placeholder


def test_a_quoted_line_that_is_half_like_a_masked_one_may_be_a_copy_of_it() -> None:
    masked = "a" * 25 + "b" * 25

    assert _mask_quote("a" * 25 + "c" * 25, [masked], [MARK], ()) == MARK
    assert _mask_quote("a" * 25 + "c" * 26, [masked], [MARK], ()) == "a" * 25 + "c" * 26


def test_a_text_of_the_engagement_is_somewhere_or_an_error(source: Repository) -> None:
    def faults(text: str, *, is_read: bool = True, **written: Any) -> list[object]:
        engagement = Engagement.model_validate(
            {"title": "T", "repositories": {"app": {"revision": "1.0"}}, "redact": [{"match": text}], **written}
        )
        value = {
            "title": "T",
            "severity": "high",
            "description": "of the finding",
            "locations": [{"path": "app.py", "lines": 6}],
        }
        result = resolve(engagement, {"A-1": Finding.model_validate(value)}, {"app": source if is_read else None})
        return [problem.subject for problem in result.problems if problem.code == "redact-nothing"]

    assert faults(SECRET) == faults("of the finding") == faults("of the engagement", summary="of the engagement") == []
    assert faults("nowhere") == [("engagement", "redact", 0)]
    assert faults("nowhere", is_read=False) == []


@pytest.mark.parametrize(
    "quoted",
    [
        "    login(secret)  # <-- here",
        ">>  login(secret)",
        "12: login(secret)",
        "    area.innerHTML = '<note>' + name  // unsafe",
        "    if (hidden) {  // why?",
        '    stars = "***"  // ours',
    ],
)
def test_code_that_looks_like_a_placeholder_hides_nothing(quoted: str) -> None:
    """A remark behind such a line, or a mark before it, made the report mask all lines that the quote does not have."""
    lines = [
        "login(secret)",
        "    area.innerHTML = '<note>' + name",
        "    if (hidden) {",
        '    stars = "***"',
        '    password = "hunter22"',
    ]
    cited = (Region(start_line=1, end_line=5),)

    assert find_hidden_passages(quoted, lines, cited) == HiddenPassages(quoted)
    assert find_hidden_passages('    password = "***"', lines, cited).spans == {5: ((16, 24),)}
    assert find_hidden_passages("    password = <secret>  # ours", lines, cited).spans


def test_a_placeholder_that_is_in_another_line_of_the_file_hides_text() -> None:
    lines = ['# password = "<secret>"', 'password = "hunter22"', "area = '<note>'"]

    hidden = find_hidden_passages('password = "<secret>"', lines, (Region(start_line=1, end_line=3),))

    assert hidden.spans[2] == ((12, 20),)
