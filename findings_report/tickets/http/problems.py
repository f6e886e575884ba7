"""What a tracker's refusal means, and what to do about it: one message for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from findings_report.problems import FindingsReportError, Kind, Problem

if TYPE_CHECKING:
    from findings_report.tickets.http.credentials import Access

AGAIN: Final = "run the command again: what is there already is not attached twice"


def refusal(access: Access, about: str, status: int, headers: Mapping[str, str], said: str) -> Problem:
    """The problem that an HTTP status stands for. `said` is the tracker's own message, empty when it has none."""
    name, own = access.tracker, f": {said}" if said else ""
    if status == 401:
        return _problem("tracker-token", f"{name} does not accept the token{own}", f"set {access.credential} to a valid one")
    if status == 403 or (status == 400 and "permission denied" in said.lower()):
        fault = f"{about}: the owner of the token has no right to do this{own}"
        return _problem("tracker-rights", fault, f"ask the tracker's administrator, or set {access.credential} to another's")
    if status == 404:
        return absent(access, about)
    if status == 413 or (status in (400, 422) and is_about_size(said)):
        return too_large(about, own)
    if status == 429:
        after = headers.get("retry-after")
        when = f", for another {after} seconds" if after and after.isdigit() else ""
        return _problem("tracker-rate-limit", f"{about}: {name} takes no more requests for now{when}", f"wait, then {AGAIN}")
    if 300 <= status < 400:
        where = headers.get("location", "elsewhere").partition("?")[0]
        fault = f"{about}: {name} redirects to {where}, and a token is not sent on"
        return _problem("tracker-redirect", fault, f"set {access.setting} to where the tracker is now")
    if status >= 500:
        return _problem("tracker-server", f"{about}: {name} failed with status {status}{own}", AGAIN)
    return _problem("tracker-refused", f"{about}: {name} refused with status {status}{own}", None)


def absent(access: Access, about: str) -> Problem:
    """The problem of a ticket that is not there, also where the tracker has no status for it."""
    fault = f"{about} is not there, or not for the owner of the token"
    return _problem("tracker-ticket", fault, f"look at the reference, and at {access.setting}: it is {access.url}")


def too_large(about: str, own: str) -> Problem:
    """The problem of a file that the tracker does not take. `own` is what the tracker says, with a colon before it."""
    remedy = "ask the administrator to raise the limit on attachments, or attach single findings"
    return _problem("tracker-too-large", f"{about}: the file is larger than the tracker takes{own}", remedy)


def unreachable(access: Access, about: str, why: str, *, is_sent: bool) -> Problem:
    """The problem of an answer that did not come."""
    if is_sent:
        fault = f"{about}: {access.tracker} was asked, and then: {why}; what was sent may have arrived all the same"
        return _problem("tracker-no-answer", fault, AGAIN)
    return _problem(
        "tracker-unreachable", f"{access.tracker} at {access.url} cannot be reached: {why}", f"look at {access.setting}"
    )


def incomplete(access: Access, about: str, seconds: float, *, is_sent: bool) -> Problem:
    """The problem of an answer that does not come to its end."""
    return unreachable(access, about, f"its answer was not complete within {seconds:.0f} seconds", is_sent=is_sent)


def astray(access: Access, about: str, where: str) -> Problem:
    """The problem of a download that is redirected to where it is not followed."""
    fault = f"{about}: {access.tracker} sends a download on to {where or 'nowhere'}"
    return _problem("tracker-redirect", fault, "only addresses that begin with https:// are followed")


def is_about_size(said: str) -> bool:
    """True when a tracker's message is about a file that is too large: some say so with a status of their own."""
    lowered = said.lower()
    return any(
        words in lowered
        for words in ("maximum allowed file size", "too large", "too big", "exceeds the max", "file upload size")
    )


def unexpected(about: str, what: str) -> FindingsReportError:
    """An answer that makes no sense: another program answers at that address, or a newer API."""
    fault = f"{about}: the tracker's answer has no {what}"
    return FindingsReportError(_problem("tracker-answer", fault, "is it a tracker that answers at this address?"))


def no_reference(ref: str, shape: str) -> FindingsReportError:
    """A ticket reference that cannot be one."""
    return FindingsReportError(Problem(Kind.USAGE, f"{ref!r} is no ticket", f"write it as {shape}", code="ticket-ref"))


def _problem(code: str, fault: str, remedy: str | None) -> Problem:
    return Problem(Kind.NETWORK, fault, remedy, code=code)
