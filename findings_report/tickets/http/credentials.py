"""Address and token of a tracker: from the environment, the keyring or a prompt.

Never from an argument, which every user of the machine can read in the list of processes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Problem
from findings_report.system.toolchain import install_extra

KEYRING_SERVICE: Final = "findings-report"


@dataclass(frozen=True)
class Credentials:
    """The address of a tracker, and the token for it."""

    tracker: str
    """Name in TRACKERS: jira, redmine, ..."""
    url: str
    """Where its API begins, without slash at the end; https, or http on this machine."""
    headers: Mapping[str, str]
    """Sent with every request; they contain the token."""
    secrets: tuple[str, ...]
    """Removed from every message."""
    token_variable: str
    """Where the user sets the token, as in REDMINE_API_KEY."""
    url_variable: str
    """Where the user sets the address, as in REDMINE_URL."""
    hosts: tuple[str, ...] = ()
    """Further hosts of the same tracker that may receive the token."""


def basic_auth(user: str, password: str) -> str:
    """Return the value of an Authorization header. Source: RFC 7617."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@dataclass(frozen=True)
class Environment:
    """The environment of the process: variables, and the terminal."""

    variables: Mapping[str, str]
    """Environment variables."""
    ask: Callable[[str], str] | None = None
    """Prompts for a secret without echo; None if there is no terminal."""

    def setting(self, *names: str, default: str | None = None) -> str:
        """Return the first of these variables that is set, else `default`. Raises FindingsReportError (USAGE) without one."""
        for name in names:
            if value := self.variables.get(name, "").strip():
                return value
        if default is not None:
            return default
        remedy = f"set it to the tracker's address, as in {names[0]}=https://tracker.example.org"
        raise FindingsReportError(Problem(Kind.USAGE, f"{names[0]} is not set", remedy, code="tracker-setting"))

    def address(self, *names: str, default: str | None = None) -> str:
        """Return a setting without the slash at its end."""
        return self.setting(*names, default=default).rstrip("/")

    def secret(self, *names: str) -> str:
        """Return the first of these variables that is set, else the keyring's entry of that name, else the user's answer.

        Raises FindingsReportError (USAGE) if there is none.
        """
        for name in names:
            if value := self.variables.get(name, "").strip():
                return _check_secret(name, value)
        # The keyring comes second: reading it can open a dialog, which nobody answers in CI.
        stored = _from_keyring(names)
        if stored.name:
            return _check_secret(stored.name, stored.value)
        # Last of all, and only on a terminal: a job without one must fail at once instead of waiting for an answer.
        if self.ask is not None and (value := self.ask(names[0]).strip()):
            return _check_secret(names[0], value)
        remedy = f"set it in the environment, or in the keyring: {stored.remedy}keyring set {KEYRING_SERVICE} {names[0]}"
        fault = f"{names[0]} is not set{stored.fault}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="tracker-setting"))


def _check_secret(name: str, value: str) -> str:
    """Return the secret, which goes into a header. A line end in it would begin another header."""
    if not value.isascii() or not value.isprintable():
        raise FindingsReportError(
            Problem(Kind.USAGE, f"{name} contains characters that are not allowed in a token", code="tracker-setting")
        )
    return value


@dataclass(frozen=True)
class _KeyringAnswer:
    """An answer of the keyring."""

    name: str = ""
    """Which of the secrets it has; empty for none of them."""
    value: str = ""
    """The secret."""
    fault: str = ""
    """Why it could not be read, as an addition to a message; empty if it has no such entry, or if there is no keyring."""
    remedy: str = ""
    """The command that makes it available, before the rest of a remedy."""


def _from_keyring(names: tuple[str, ...]) -> _KeyringAnswer:
    """Return the first of these secrets that the keyring has."""
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return _KeyringAnswer(remedy=f"{install_extra('keyring')}, then ")
    try:
        for name in names:
            if value := (keyring.get_password(KEYRING_SERVICE, name) or "").strip():
                return _KeyringAnswer(name, value)
    except NoKeyringError:
        return _KeyringAnswer()
    except Exception as error:  # each backend fails in ways of its own: locked, no bus, access denied
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return _KeyringAnswer(fault=f", and the keyring is not available: {reason}")
    return _KeyringAnswer()
