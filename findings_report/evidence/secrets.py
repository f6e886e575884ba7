"""Credentials in what a report prints: code, quotes and prose, looked at by detect-secrets (extra `secrets`).

In process and offline: only the expressions of its detectors are used, never its scan, which asks the services whether a
credential works and loads plugins from files.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Protocol

from findings_report.evidence.shown_lines import shift_lines
from findings_report.model.engagement import Engagement
from findings_report.model.evidence import MARK, Check, Region, Snippet, Verdict
from findings_report.model.finding import Finding
from findings_report.model.redaction import SHORTEST, NoSecretCode, NoSecretText, Redactor, list_texts
from findings_report.problems import Kind, Place, Problem, Subject
from findings_report.sourcecode.lines import join_runs
from findings_report.system.toolchain import install_extra

CODE: Final = "secret"
"""Code of the warnings, and the word for `--fail-on`."""

UNSEARCHED: Final = "secrets-unsearched"
"""Code of the warning that a part of the texts was not looked at."""

# Its entropy detectors are left out: of ten hits in code nine are digests, addresses and identifiers. So are public addresses.
_DETECTORS: Final = (
    *("artifactory.ArtifactoryDetector", "aws.AWSKeyDetector", "azure_storage_key.AzureStorageKeyDetector"),
    *("basic_auth.BasicAuthDetector", "cloudant.CloudantDetector", "discord.DiscordBotTokenDetector"),
    *("github_token.GitHubTokenDetector", "gitlab_token.GitLabTokenDetector", "ibm_cloud_iam.IbmCloudIamDetector"),
    *("ibm_cos_hmac.IbmCosHmacDetector", "jwt.JwtTokenDetector", "mailchimp.MailchimpDetector", "npm.NpmDetector"),
    *("openai.OpenAIDetector", "private_key.PrivateKeyDetector", "pypi_token.PypiTokenDetector"),
    *("sendgrid.SendGridDetector", "slack.SlackDetector", "softlayer.SoftlayerDetector", "square_oauth.SquareOAuthDetector"),
    *("stripe.StripeDetector", "telegram_token.TelegramBotTokenDetector", "twilio.TwilioKeyDetector"),
    "keyword.KeywordDetector",  # the last one: the others know what a credential is for
)
_PRIVATE_KEY: Final = "Private Key"
_KEYWORD: Final = "Secret Keyword"
_WEB_TOKEN: Final = "eyJ"  # noqa: S105 - the beginning of every header
_IF_NONE: Final = "if it is none, write `not_secret` likewise"
_MOST_CHARACTERS: Final = 4_000_000  # a minute at most
_MOST_FOUND: Final = 200  # every message is searched for each of them, so that none is quoted
_SHORTEST_TOKEN: Final = 12  # a shorter value is a password or a part of a token
_WORD: Final = re.compile(r"[\w.+/=-]++")
_LONG: Final = 20  # characters of a credential of which a message may show four
_WINDOW: Final = 500  # characters of a line that are looked at together: some expressions are quadratic
_OVERLAP: Final = 150

# What manuals have in place of a credential, and names: a value behind `password:` may be that of a field or a class.
_EXAMPLE: Final = re.compile(
    r"example|changeme|change_me|\byour|placeholder|dummy|redacted|<[^<>]*+>|\{\{|\$\{|%\(|xxxx|\*\*\*|\.\.\.", re.IGNORECASE
)
_IDENTIFIER: Final = re.compile(
    r"(?:[A-Za-z]+(?>(?:[_.-][A-Za-z]+)+)|[a-z]++(?>(?:[A-Z][a-z]++)+)|(?:pass(?:word|wd)?|token|secret|key|none|null|true|false))\Z"
)
_END_OF_KEY: Final = re.compile(r"-----END [A-Z ]{0,40}-----")


class HasCells(Protocol):
    """A table of a CSV file, or an attachment."""

    @property
    def shown(self) -> str:
        """Path of the file in messages."""

    @property
    def cells(self) -> Iterable[tuple[int, str]]:
        """Each text with its line in the file."""


@dataclass(frozen=True)
class AttachedText:
    """An attachment, of which the lines are searched if it is a text."""

    shown: str
    """Path of the file in messages."""
    content: bytes
    """The file."""

    @property
    def cells(self) -> Iterable[tuple[int, str]]:
        """Each line with its number; none of a binary file."""
        try:
            return enumerate(self.content.decode().splitlines(), 1) if b"\0" not in self.content else ()
        except UnicodeDecodeError:
            return ()


class _Detector(Protocol):
    secret_type: str

    def analyze_string(self, string: str, *expressions: object) -> Iterator[str]:
        """Yield the credentials in a text."""


@dataclass(frozen=True)
class FoundSecrets:
    """What the detectors take for credentials."""

    problems: tuple[Problem, ...] = ()
    """A warning for each place; none of them quotes the credential."""
    redactor: Redactor = field(default_factory=Redactor)
    """The credentials: no message may quote them."""


def is_available() -> bool:
    """Return True if the detectors can be imported: half an installation is none."""
    try:
        import detect_secrets.plugins.keyword  # noqa: F401
    except ImportError:
        return False
    return True


def report_unavailable() -> Problem:
    """Return the note that nothing looked for credentials."""
    fault = "nothing looked for credentials in what the report prints: detect-secrets is not installed"
    return Problem(Kind.SOURCE, fault, install_extra("secrets"), level="note", code="secrets-unchecked")


def find_secrets(
    engagement: Engagement,
    findings: Mapping[str, Finding],
    snippets: Mapping[str, Sequence[Snippet]],
    redactor: Redactor,
    tables: Iterable[HasCells] = (),
) -> FoundSecrets:
    """Return a warning for each text and each printed line of code that holds a credential; nothing without the detectors.

    What is masked already, in the snippets or by `redactor`, is not looked at. There is no warning of texts under `not_secret`,
    but of an entry there without effect.
    """
    if not is_available():
        return FoundSecrets()
    search = _SecretSearch(redactor)
    everywhere = _no_secrets(("engagement",), engagement.not_secret)
    for path, text in list_texts(engagement):
        search.look_at_text(("engagement", *path), text, everywhere)
    for table in tables:
        for line, cell in table.cells:
            field = "attachments" if isinstance(table, AttachedText) else "tables"
            search.look_at_text(("engagement", field), cell, everywhere, Place(table.shown, line))
    for key, finding in findings.items():
        search.look_at_finding(key, finding, {snippet.index: snippet for snippet in snippets.get(key, ())}, everywhere)
    search.report_unused(everywhere)
    return FoundSecrets(tuple(search.problems), Redactor(tuple(search.values)))


@dataclass(frozen=True)
class _NoSecret:
    """An entry of `not_secret`."""

    subject: Subject
    match: str | None
    lines: tuple[Region, ...] = ()
    """Lines of the file as the author numbers them; empty for any place."""
    number: Callable[[int], int | None] = int
    """Gives for a line of the file the author's number."""

    def covers(self, value: str, line: int | None) -> bool:
        # The whole of it: of a longer value it is not known whether the rest is a secret. A full stop is no part of it.
        if self.match is not None and value.strip(string.punctuation) not in self.match:
            return False
        number = self.number(line) if line is not None else None
        return not self.lines or (number is not None and any(number in region for region in self.lines))


def _no_secrets(
    subject: Subject, entries: Sequence[NoSecretCode | NoSecretText], check: Check | None = None
) -> list[_NoSecret]:
    """Return the entries below `subject`, those of a location with the `check` of its quote."""
    number: Callable[[int], int | None] = int
    if check is not None and check.verdict is Verdict.MOVED:
        number = shift_lines(check.model_copy(update={"mapped": tuple((now, claimed) for claimed, now in check.mapped)}))
    return [
        _NoSecret((*subject, "not_secret", index), entry.match, getattr(entry, "lines", ()), number)
        for index, entry in enumerate(entries)
    ]


class _SecretSearch:
    """One run, with what is left of its characters and of the credentials that it names."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._left = _MOST_CHARACTERS
        self._left_to_find = _MOST_FOUND
        self.problems: list[Problem] = []
        """Warnings."""
        self.values: dict[str, None] = {}
        """The credentials."""
        self._of_location: dict[Subject, set[str]] = {}
        self._used: set[Subject] = set()

    def look_at_finding(
        self, key: str, finding: Finding, snippets: Mapping[int, Snippet], everywhere: Sequence[_NoSecret]
    ) -> None:
        """Add the warnings of a finding, of which `snippets` are printed by the position of their location."""
        in_finding = _no_secrets((key,), finding.not_secret)
        for path, text in list_texts(finding):
            if path[:1] != ("locations",):
                self.look_at_text((key, *path), text, [*everywhere, *in_finding])
        for index, location in enumerate(finding.locations):
            subject = (key, "locations", index)
            snippet = snippets.get(index)
            in_location = _no_secrets(subject, location.not_secret, snippet.check if snippet is not None else None)
            no_secrets = [*everywhere, *in_finding, *in_location]
            for path, text in list_texts(location):
                if path[0] in ("caption", "notes"):
                    self.look_at_text((*subject, *path), text, no_secrets)
            if snippet is not None:
                self.look_at_code(subject, snippet, no_secrets)
            if location.quote is not None and not location.redact:
                self.look_at_quote(subject, location.quote, location.path, no_secrets)
            # Without the code it is not known what the entry is for.
            self.report_unused(in_location if snippet is not None and snippet.blob is not None else ())
        self.report_unused(in_finding)

    def report_unused(self, entries: Iterable[_NoSecret]) -> None:
        """Add a warning for each entry that covers nothing."""
        for entry in entries:
            if entry.subject not in self._used and self._left >= 0:
                fault = "nothing here looks like a credential that is not masked"
                remedy = "remove the entry: it would hide a credential that comes later"
                self.problems.append(
                    Problem(Kind.INPUT, fault, remedy, subject=entry.subject, level="warning", code="not-secret-nothing")
                )

    def _is_no_secret(self, value: str, entries: Iterable[_NoSecret], line: int | None = None) -> bool:
        covering = {entry.subject for entry in entries if entry.covers(value, line)}
        self._used |= covering
        self._left_to_find += bool(covering)
        return bool(covering)

    def look_at_text(self, subject: Subject, text: str, no_secrets: Sequence[_NoSecret], place: Place | None = None) -> None:
        """Add the warnings of a text that people wrote; with a `place` of a cell of a table."""
        for offset, line in enumerate(self._redactor.mask(text).split("\n")):
            for kind, value in self._scan(line, "text.md"):
                if self._is_no_secret(value, no_secrets):
                    continue
                self._add(value)
                fault = f"the text seems to contain a credential ({kind})"
                where = "in the finding" if subject[0] != "engagement" else "in engagement.yaml"
                remedy = f"remove it, or mask it: {_write_entry(kind, value)}, {where}"
                if subject == ("engagement", "attachments"):  # files are attached unchanged
                    remedy = "remove it from the file"
                remedy += "; if it is none, write `not_secret` likewise"
                self._warn(fault, remedy, subject, line_offset=offset, place=place)

    def look_at_code(self, subject: Subject, snippet: Snippet, no_secrets: Sequence[_NoSecret]) -> None:
        """Add the warnings of the lines that a snippet prints."""
        lines = [line for run in snippet.runs for line in run.lines]
        known = self._of_location.setdefault(subject, set())
        end_of_key = 0
        for index, line in enumerate(lines):
            if index < end_of_key:
                continue
            for kind, value in self._scan(line.text, snippet.path):
                known.add(value)
                is_none = self._is_no_secret(value, no_secrets, line.number)
                if kind == _PRIVATE_KEY:
                    behind = (at for at in range(index, len(lines)) if _END_OF_KEY.search(lines[at].text))
                    end_of_key = next(behind, len(lines) - 1) + 1
                if is_none:
                    continue
                self._add(value)
                numbers = [each.number for each in lines[index : max(end_of_key, index + 1)] if each.number is not None]
                self._warn_of_lines(kind, join_runs(numbers), subject)
        for difference in snippet.check.differences:
            for kind, value in self._scan(difference.quoted or "", snippet.path):
                if self._is_no_secret(value, no_secrets, difference.line):
                    known.add(value)
                    continue
                self._add(value)
                if value not in known:
                    self._warn_of_lines(kind, (), (*subject, "quote"))
                known.add(value)

    def look_at_quote(self, subject: Subject, quote: str, path: str, no_secrets: Sequence[_NoSecret]) -> None:
        """Add the warnings of a quote that holds another credential than the printed lines."""
        known = self._of_location.setdefault(subject, set())
        for offset, line in enumerate(self._redactor.mask(quote).split("\n")):
            for kind, value in self._scan(line, path):
                if value in known or self._is_no_secret(value, no_secrets):
                    continue
                self._add(value)
                known.add(value)
                fault = f"the quote seems to contain a credential ({kind})"
                remedy = f"mask it: {_write_entry(kind, value)}, in the location; {_IF_NONE}"
                self._warn(fault, remedy, (*subject, "quote"), line_offset=offset)

    def _add(self, value: str) -> None:
        if len("".join(value.split())) >= SHORTEST:
            self.values[value] = None

    def _warn_of_lines(self, kind: str, regions: Sequence[Region], subject: Subject) -> None:
        named = ", ".join(map(str, regions))
        where = f"line{'' if named.isdigit() else 's'} {named}" if named else "the quote"
        written = named if len(regions) == 1 else f"[{named}]" if named else "LINES"
        fault = (
            f"{where} of the printed code seem{'s' if named.isdigit() or not named else ''} to contain a credential ({kind})"
        )
        entry = f"`redact: [{{lines: {written}}}]`"
        self._warn(fault, f"write {entry} in the location; {_IF_NONE}", subject)

    def _warn(self, fault: str, remedy: str, subject: Subject, *, line_offset: int = 0, place: Place | None = None) -> None:
        self.problems.append(
            Problem(
                Kind.SOURCE, fault, remedy, place=place, subject=subject, line_offset=line_offset, level="warning", code=CODE
            )
        )

    def _scan(self, line: str, name: str) -> Iterator[tuple[str, str]]:
        """Yield the kind and the text of each credential in a line, each text once."""
        if self._left < 0 or not line or line.strip() == MARK:
            return
        self._left -= len(line)
        if self._left < 0:
            self._stop(f"more than {_MOST_CHARACTERS:,} characters")
            return
        found: set[str] = set()
        for start in range(0, max(len(line) - _OVERLAP, 1), _WINDOW - _OVERLAP):
            part = line[start : start + _WINDOW]
            for kind, value in _detect(part, name):
                if any(value in other for other in found):
                    continue
                if not self._left_to_find:
                    self._stop(f"more than {_MOST_FOUND:,} credentials")
                    return
                self._left_to_find -= 1
                found.add(value)
                yield kind, value

    def _stop(self, why: str) -> None:
        """Look at no more texts, and say so."""
        self._left = -1
        fault = f"{why}: the texts from here on were not searched for credentials"
        remedy = "mask what was named, and run the command again"
        self.problems.append(Problem(Kind.SOURCE, fault, remedy, level="warning", code=UNSEARCHED))


def _write_entry(kind: str, value: str) -> str:
    """Return the entry that masks a text, without the text: of a long one its beginning shows which is meant."""
    start = f"{value[:4]}…" if len(value) >= _LONG and kind != _PRIVATE_KEY else "…"
    return f"`redact: [{{match: {start}}}]` with the whole {'key' if kind == _PRIVATE_KEY else 'text'}"


def _detect(line: str, name: str) -> Iterator[tuple[str, str]]:
    from detect_secrets.filters import heuristic
    from detect_secrets.plugins.keyword import QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP, REGEX_BY_FILETYPE
    from detect_secrets.util.filetype import determine_file_type

    for detector in _detectors():
        if detector.secret_type != _KEYWORD:
            values = (_widen(value, line) for value in detector.analyze_string(line))
            yield from ((detector.secret_type, value) for value in values if _is_secret(value))
            continue
        expressions = REGEX_BY_FILETYPE.get(determine_file_type(name), QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP)
        for value in detector.analyze_string(line, expressions):
            is_reference = heuristic.is_indirect_reference(line) or heuristic.is_prefixed_with_dollar_sign(value)
            is_no_secret = heuristic.is_sequential_string(value) or heuristic.is_not_alphanumeric_string(value)
            is_other = heuristic.is_potential_uuid(value) or heuristic.is_templated_secret(value) or _IDENTIFIER.match(value)
            if _is_secret(value) and not (is_reference or is_no_secret or is_other or " " in value.strip()):
                yield "password or key", value


def _widen(value: str, line: str) -> str:
    """Return the token that contains a value: the detectors give of some the prefix only, `ghp`, of others no signature."""
    if value.startswith(_WEB_TOKEN) and (token := _WORD.match(line, line.find(value))):
        return token[0]
    if len(value) >= _SHORTEST_TOKEN or not value:
        return value
    return next((word[0] for word in _WORD.finditer(line) if value in word[0] and len(word[0]) >= _SHORTEST_TOKEN), value)


def _is_secret(value: str) -> bool:
    return bool(value) and MARK not in value and not _EXAMPLE.search(value)


@cache
def _detectors() -> tuple[_Detector, ...]:
    """Return the detectors; importing them takes 0.1 s, which only a run that looks for credentials pays."""
    from importlib import import_module

    named = (name.rpartition(".") for name in _DETECTORS)
    return tuple(getattr(import_module(f"detect_secrets.plugins.{module}"), name)() for module, _, name in named)
