"""Credentials in what a report prints: what is warned of, with which entry, and what is no credential."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from growth import growth
from repositories import Commit, build

from findings_report.commands.check import check
from findings_report.evidence import secrets
from findings_report.model.redaction import Redactor
from findings_report.problems import FindingsReportError, Problem
from findings_report.report.check import Inputs

pytest.importorskip("detect_secrets")

# In two parts, so that no scanner takes the test for a leak.
GITHUB = "ghp" + "_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"
STRIPE = "sk_live" + "_" + "4eC39HqLyjWDarjtT1zdp7dc"
PEM = [
    "-----BEGIN RSA PRIVATE KEY-----",
    *(base64.b64encode(bytes([n] * 48)).decode() for n in (7, 8)),
    "-----END RSA PRIVATE KEY-----",
]
CODE = "\n".join(
    [
        "import os",
        f'stripe.api_key = "{STRIPE}"',
        'password = "hunter2-S3cr3t"',
        "key = '''",
        *PEM,
        "'''",
        'token = os.environ["TOKEN"]',
        "",
    ]
)


def no_step(_: str) -> None:
    """No progress."""


def warnings(tmp_path: Path, finding: str, also: str = "", **options: Any) -> list[Problem]:
    """The warnings of credentials in an engagement with one finding."""
    (commit,) = build(tmp_path / "app", [Commit({"app.py": CODE}, tag="1.0")])
    folder = tmp_path / "findings"
    folder.mkdir()
    repository = f"{{path: ../app, revision: '1.0', commit: '{commit}'}}"
    (folder / "engagement.yaml").write_text(f"format: 1\ntitle: T\nrepositories: {{app: {repository}}}\n")
    (folder / "A-1.finding.yaml").write_text("title: T\nseverity: high\n" + finding)
    checked = check(Inputs(folder, {}), no_step, **options)
    return [problem for problem in checked.problems if problem.code in (secrets.CODE, "not-secret-nothing", "fail-on", also)]


def test_printed_code_is_warned_of_with_the_entry_that_masks_it(tmp_path: Path) -> None:
    found = warnings(tmp_path, "description: d\nlocations: [{path: app.py, lines: 1-10}]\n")

    assert [problem.remedy for problem in found] == [
        "write `redact: [{lines: 2}]` in the location; if it is none, write `not_secret` likewise",
        "write `redact: [{lines: 3}]` in the location; if it is none, write `not_secret` likewise",
        "write `redact: [{lines: 5-8}]` in the location; if it is none, write `not_secret` likewise",
    ]
    assert "(Stripe Access Key)" in found[0].fault
    assert all(problem.place is not None and problem.place.line == 4 for problem in found)


def test_the_entries_end_the_warnings(tmp_path: Path) -> None:
    finding = "description: d\nlocations: [{path: app.py, lines: 1-10, redact: [{lines: '2, 3, 5-8'}]}]\n"

    assert warnings(tmp_path, finding) == []


def test_a_text_is_warned_of_at_its_line_without_its_credential(tmp_path: Path) -> None:
    found = warnings(tmp_path, f"description: |\n  We logged in.\n\n  With {GITHUB}, as admin.\n")

    (problem,) = found
    assert problem.place is not None
    assert (problem.place.line, problem.place.source) == (6, "  With █redacted█, as admin.")
    assert "`redact: [{match: ghp_…}]` with the whole text, in the finding" in (problem.remedy or "")
    assert GITHUB[:8] not in str(found)


def test_no_message_shows_the_signature_of_a_token(tmp_path: Path) -> None:
    # detect-secrets takes header and content of a JSON Web Token for all of it.
    token = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    found = warnings(tmp_path, f"description: token={token}, as admin.\n")

    (problem,) = found
    assert problem.place is not None
    assert problem.place.source == "description: token=█redacted█, as admin."
    assert warnings(tmp_path / "masked", f"description: token={token}, as admin.\nredact: [{{match: {token}}}]\n") == []


def test_a_masked_text_is_no_credential(tmp_path: Path) -> None:
    assert warnings(tmp_path, f"description: With {GITHUB}.\nredact: [{{match: {GITHUB}}}]\n") == []


def test_a_quote_with_another_credential_is_warned_of(tmp_path: Path) -> None:
    quote = f'    quote: |\n      stripe.api_key = "{STRIPE}"\n      token = "{GITHUB}"\n'
    found = warnings(tmp_path, f"description: d\nlocations:\n  - path: app.py\n    lines: 2\n{quote}")

    assert ["quote" in (problem.field or "") for problem in found] == [False, True]
    assert GITHUB not in str(found)


def test_the_gate_trips_on_credentials_only(tmp_path: Path) -> None:
    found = warnings(tmp_path, "description: d\nlocations: [{path: app.py, lines: 2}]\n", fail_on="secret")
    other = warnings(tmp_path / "other", "description: d\nlocations: [{path: app.py, lines: 1}]\n", fail_on="secret")

    assert [(problem.level, problem.fault) for problem in found][1:] == [("error", "--fail-on secret: 1 credential")]
    assert other == []


@pytest.mark.parametrize("missing", ["detect_secrets", "detect_secrets.plugins.keyword"])
def test_without_the_detectors_a_note_says_so_and_the_gate_is_an_error(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    (tmp_path / "engagement.yaml").write_text("format: 1\ntitle: T\n")

    notes = [problem for problem in check(Inputs(tmp_path, {}), no_step, strict=True).problems if problem.level == "note"]
    with pytest.raises(FindingsReportError) as raised:
        check(Inputs(tmp_path, {}), no_step, fail_on="secret")

    assert [note.code for note in notes] == ["secrets-unchecked"]
    assert "[secrets]" in (notes[0].remedy or "")
    assert raised.value.problems[0].code == "secrets-unchecked"


@pytest.mark.parametrize(
    "text",
    [
        "commit = '2b5e803b61ba4168160adb59261ff2d3c425c8d9'",
        '"sha256": "a65e19cbae530282bd36cb9d21f6be6abf0d7c1c1e21862ab8a18a8902073fec"',
        'id = "0f8fad5b-d9cb-469f-a165-70867728950e"',
        'aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"',
        'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"',
        "-----BEGIN PUBLIC KEY-----",
        'password = os.environ["DB_PASSWORD"]',
        'api_key = "YOUR_API_KEY"',
        'password = "<your password>"',
        'password = "█redacted█"',
        '"EncryptedFile": "embedded_data"',
        "The password is compared with == and the token is stored as it came.",
    ],
)
def test_digests_examples_and_references_are_no_credentials(text: str) -> None:
    assert [*secrets._detect(text, "app.py")] == []


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    for text in (STRIPE, GITHUB, "xoxb" + "-123456789012-123456789012-abcdefghijklmnopqrstuvwx"):
        assert [*secrets._detect(f'key = "{text}"', "app.py")]


@pytest.mark.parametrize("text", ["a", " ", "password=", '"', "a.", "://", "=:", "A1", "key = '", "%", "-----BEGIN "])
def test_a_hostile_line_costs_no_more_than_its_length(text: str) -> None:
    search = secrets._SecretSearch(Redactor())
    [*search._scan(text, "app.py")]  # the expressions are compiled

    assert growth(lambda length: [*search._scan(text * (length // len(text)), "app.py")], 5_000) < 8


def test_the_detectors_are_imported_only_to_look() -> None:
    program = "import sys; import findings_report.cli, findings_report.evidence.secrets\nprint('detect_secrets' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_thousands_of_credentials_are_not_all_named(tmp_path: Path) -> None:
    # Each message is searched for each credential: 4,000 of them took half a minute.
    keys = ["AKIA" + base64.b32encode(f"{number:010}".encode()).decode() for number in range(1_000)]
    *found, unsearched = warnings(
        tmp_path, "".join(["description: |\n", *(f"  {key}\n" for key in keys)]), also="secrets-unsearched"
    )
    assert len(found) == 200
    assert unsearched.fault == "more than 200 credentials: the texts from here on were not searched for credentials"
    assert not any(key in f"{problem.fault} {problem.remedy} {problem.place}" for key in keys[:200] for problem in found)


def test_what_people_say_is_no_secret_is_not_warned_of(tmp_path: Path) -> None:
    location = "{path: app.py, lines: 1-10, not_secret: [{lines: 2}, {lines: 1-3, match: hunter2-S3cr3t}, {lines: 5-8}]}"
    finding = f"description: With {GITHUB}.\nlocations: [{location}]\nnot_secret: [{{match: x{GITHUB}x}}]\n"

    assert warnings(tmp_path, finding, fail_on="secret") == []


def test_only_what_was_named_is_no_secret(tmp_path: Path) -> None:
    location = f"{{path: app.py, lines: 1-10, not_secret: [{{lines: 3}}, {{lines: 4-8, match: {STRIPE}}}]}}"
    finding = f"description: With {GITHUB}.\nlocations: [{location}]\nnot_secret: [{{match: {GITHUB[:-1]}}}]\n"
    found = warnings(tmp_path, finding, fail_on="secret")

    assert [problem.fault for problem in found if problem.code == secrets.CODE] == [
        "the text seems to contain a credential (GitHub Token)",
        "line 2 of the printed code seems to contain a credential (Stripe Access Key)",
        "lines 5-8 of the printed code seem to contain a credential (Private Key)",
    ]
    assert found[-1].fault == "--fail-on secret: 3 credentials"


def test_an_entry_without_effect_is_warned_of(tmp_path: Path) -> None:
    location = "{path: app.py, lines: 1-3, redact: [{lines: 2}], not_secret: [{lines: 1}, {lines: 3}, {lines: 2}]}"
    (tmp_path / "one").mkdir()
    found = warnings(
        tmp_path / "one", f"description: d\nlocations: [{location}]\nnot_secret: [{{match: elsewhere}}]\n", strict=True
    )

    assert [(problem.level, problem.field) for problem in found] == [
        ("warning", "locations[0].not_secret[0]"),
        ("warning", "locations[0].not_secret[2]"),
        ("warning", "not_secret[0]"),
    ]


def test_lines_of_a_moved_quote_are_those_that_the_author_named(tmp_path: Path) -> None:
    quote = f'    quote: |\n      12 import os\n      13 stripe.api_key = "{STRIPE}"\n      14 password = "hunter2-S3cr3t"\n'
    location = f"locations:\n  - path: app.py\n    lines: 12-14\n    not_secret: [{{lines: 13}}]\n{quote}"
    found = warnings(tmp_path, f"description: d\n{location}")

    assert [problem.fault for problem in found] == [
        "line 3 of the printed code seems to contain a credential (password or key)"
    ]


def test_texts_that_were_not_searched_are_no_credentials_but_trip_the_gate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(secrets, "_MOST_CHARACTERS", 100)

    found = warnings(tmp_path, f"description: {'a b c ' * 100}\n", fail_on="secret")

    assert [problem.fault for problem in found] == ["--fail-on secret: not all texts were searched"]
