"""Where a tracker is, and as whom it is asked: from the environment, the keyring or a prompt, and never from an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from findings_report.problems import FindingsReportError, Kind, Problem

KEYRING_SERVICE: Final = "findings-report"


@dataclass(frozen=True)
class Surroundings:
    """What the program was started in."""

    environment: Mapping[str, str]
    """Environment variables."""
    ask: Callable[[str], str] | None = None
    """Asks the user for a secret, without showing it; None where there is no terminal."""

    def setting(self, *names: str, default: str | None = None) -> str:
        """The first of these variables that is set. Raises FindingsReportError (USAGE) when none is and there is no default."""
        for name in names:
            if value := self.environment.get(name, "").strip():
                return value
        if default is not None:
            return default
        raise FindingsReportError(Problem(Kind.USAGE, f"{names[0]} is not set", _how(names[0]), code="tracker-setting"))

    def address(self, *names: str, default: str | None = None) -> str:
        """As `setting`, without slash at its end."""
        return self.setting(*names, default=default).rstrip("/")

    def secret(self, *names: str) -> str:
        """The first of these that is set, else the keyring's entry of that name, else what the user answers.

        Raises FindingsReportError (USAGE) when nobody knows it.
        """
        for name in names:
            if value := self.environment.get(name, "").strip():
                return _fit(name, value)
        kept = _from_keyring(names)
        if kept.name:
            return _fit(kept.name, kept.value)
        if self.ask is not None and (value := self.ask(names[0]).strip()):
            return _fit(names[0], value)
        remedy = f"set it in the environment, or in the keyring: {kept.remedy}keyring set {KEYRING_SERVICE} {names[0]}"
        fault = f"{names[0]} is not set{kept.fault}"
        raise FindingsReportError(Problem(Kind.USAGE, fault, remedy, code="tracker-setting"))


def _how(name: str) -> str:
    return f"set it to the tracker's address, as in {name}=https://tracker.example.org"


def _fit(name: str, value: str) -> str:
    """The secret, which goes into a header: a line end in it would be another header."""
    if not value.isascii() or not value.isprintable():
        raise FindingsReportError(Problem(Kind.USAGE, f"{name} holds characters that no token has", code="tracker-setting"))
    return value


@dataclass(frozen=True)
class _Kept:
    """What a keyring answered."""

    name: str = ""
    """Which of the secrets it has; empty for none of them."""
    value: str = ""
    """The secret."""
    fault: str = ""
    """Why it could not be asked, to be put behind what is wrong; empty where there is none, or it has just no such entry."""
    remedy: str = ""
    """What is to be done before it can be used, to be put before the rest."""


def _from_keyring(names: tuple[str, ...]) -> _Kept:
    """The first of these that the keyring has."""
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return _Kept(remedy="pip install 'findings-report[keyring]' && ")
    try:
        for name in names:
            if value := (keyring.get_password(KEYRING_SERVICE, name) or "").strip():
                return _Kept(name, value)
    except NoKeyringError:
        return _Kept()
    except Exception as error:  # each of the systems behind it fails in ways of its own: locked, no bus, denied
        return _Kept(
            fault=f", and the keyring could not be asked: {' '.join(str(error).split())[:200] or type(error).__name__}"
        )
    return _Kept()


@dataclass(frozen=True)
class Access:
    """Which tracker, and as whom."""

    tracker: str
    """jira, redmine, ..."""
    url: str
    """Where its API begins, without slash at the end; https, or http on this machine."""
    headers: Mapping[str, str]
    """Sent with every request; they hold the token."""
    secrets: tuple[str, ...]
    """What must not stand in any message."""
    credential: str
    """What the user sets, as in REDMINE_API_KEY."""
    setting: str
    """What the user sets to the address, as in REDMINE_URL."""
    hosts: tuple[str, ...] = ()
    """Other hosts of the same tracker that the token may go to."""
