"""Credentials in what a report prints: code, quotes and prose, looked at by detect-secrets (extra `secrets`).

In process and offline: only the expressions of its detectors are used, never its scan, which asks the services whether a
credential works and loads plugins from files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Protocol

from findings_report.model.engagement import Engagement
from findings_report.model.evidence import MARK, Region, Snippet
from findings_report.model.finding import Finding
from findings_report.model.redaction import SHORTEST, Redactor, list_texts
from findings_report.problems import Kind, Problem, Subject
from findings_report.sourcecode.lines import join_runs
from findings_report.system.toolchain import install_extra

CODE: Final = "secret"
"""Code of the warnings, and the word for `--fail-on`."""

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
    r"(?:[A-Za-z]+(?:[_.-][A-Za-z]+)++|[a-z]++(?:[A-Z][a-z]++)++|(?:pass(?:word|wd)?|token|secret|key|none|null|true|false))\Z"
)
_END_OF_KEY: Final = re.compile(r"-----END [A-Z ]{0,40}-----")


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
) -> FoundSecrets:
    """Return a warning for each text and each printed line of code that holds a credential; nothing without the detectors.

    What is masked already, in the snippets or by `redactor`, is not looked at.
    """
    if not is_available():
        return FoundSecrets()
    search = _SecretSearch(redactor)
    for path, text in list_texts(engagement):
        search.look_at_text(("engagement", *path), text)
    for key, finding in findings.items():
        for path, text in list_texts(finding):
            if path[:1] != ("locations",) or path[2:3] in (("caption",), ("notes",)):
                search.look_at_text((key, *path), text)
        for snippet in snippets.get(key, ()):
            search.look_at_code((key, "locations", snippet.index), snippet)
        for index, location in enumerate(finding.locations):
            if location.quote is not None and not location.redact:
                search.look_at_quote((key, "locations", index), location.quote, location.path)
    return FoundSecrets(tuple(search.problems), Redactor(tuple(search.values)))


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

    def look_at_text(self, subject: Subject, text: str) -> None:
        """Add the warnings of a text that people wrote."""
        for offset, line in enumerate(self._redactor.mask(text).split("\n")):
            for kind, value in self._scan(line, "text.md"):
                self._add(value)
                fault = f"the text seems to contain a credential ({kind})"
                remedy = f"remove it, or mask it: {_write_entry(kind, value)}"
                where = "in the finding" if subject[0] != "engagement" else "in engagement.yaml"
                self._warn(fault, f"{remedy}, {where}", subject, line_offset=offset)

    def look_at_code(self, subject: Subject, snippet: Snippet) -> None:
        """Add the warnings of the lines that a snippet prints."""
        lines = [line for run in snippet.runs for line in run.lines]
        known = self._of_location.setdefault(subject, set())
        end_of_key = 0
        for index, line in enumerate(lines):
            if index < end_of_key:
                continue
            for kind, value in self._scan(line.text, snippet.path):
                self._add(value)
                known.add(value)
                if kind == _PRIVATE_KEY:
                    behind = (at for at in range(index, len(lines)) if _END_OF_KEY.search(lines[at].text))
                    end_of_key = next(behind, len(lines) - 1) + 1
                numbers = [each.number for each in lines[index : max(end_of_key, index + 1)] if each.number is not None]
                self._warn_of_lines(kind, join_runs(numbers), subject)
        for difference in snippet.check.differences:
            for kind, value in self._scan(difference.quoted or "", snippet.path):
                self._add(value)
                if value not in known:
                    self._warn_of_lines(kind, (), (*subject, "quote"))
                known.add(value)

    def look_at_quote(self, subject: Subject, quote: str, path: str) -> None:
        """Add the warnings of a quote that holds another credential than the printed lines."""
        known = self._of_location.setdefault(subject, set())
        for offset, line in enumerate(self._redactor.mask(quote).split("\n")):
            for kind, value in self._scan(line, path):
                self._add(value)
                if value in known:
                    continue
                known.add(value)
                fault = f"the quote seems to contain a credential ({kind})"
                remedy = f"mask it: {_write_entry(kind, value)}, in the location"
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
        self._warn(fault, f"write `redact: [{{lines: {written}}}]` in the location", subject)

    def _warn(self, fault: str, remedy: str, subject: Subject, *, line_offset: int = 0) -> None:
        self.problems.append(
            Problem(Kind.SOURCE, fault, remedy, subject=subject, line_offset=line_offset, level="warning", code=CODE)
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
        self.problems.append(Problem(Kind.SOURCE, fault, level="warning", code=CODE))


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
