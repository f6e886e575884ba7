"""What trackers say of a refusal, as it may be told: short, and without secrets."""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import quote

_LONGEST: Final = 300


def said(document: object, secrets: tuple[str, ...]) -> str:
    """What the tracker says of a refusal, from the places where trackers say it; short, on one line; empty when nothing.

    The secrets go before it is cut: half of one would not be known again.
    """
    try:
        found = "; ".join(dict.fromkeys(_messages(document)))
    except RecursionError:  # lists in lists: nothing that a person would be told
        return ""
    return " ".join(redacted(found, secrets).split())[:_LONGEST]


def _messages(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for each in value for text in _messages(each)]
    if not isinstance(value, dict):
        return []
    named = ("errors", "errorMessages", "message", "error", "error_description", "detail")
    found = [text for name in named for text in _messages(value.get(name))]
    return found or [
        f"{name}: {text}" for name, each in value.items() if name != "documentation_url" for text in _messages(each)
    ]


def redacted(text: str, secrets: tuple[str, ...]) -> str:
    """`text` without the secrets, as they are, as an address has them, or as basic authentication has them."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            if len(form) > 3:
                text = text.replace(form, "***")
    return text
