"""A page as a confined child is asked for it, and what it is to carry: bytes and JSON, written and read back here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final
from urllib.parse import quote

from findings_report.model.rendered import Carried

Pictures = Mapping[str, tuple[str, bytes]]
"""By name: media type and content."""

_PICTURE: Final = re.compile(r"fr-asset:([A-Za-z0-9_.~%/-]+)")


def request(html: str, pictures: Pictures) -> tuple[dict[str, object], dict[str, bytes]]:
    """Message and blobs of a page of HTML, with those of the pictures that it names."""
    named = set(_PICTURE.findall(html))
    shown = {name: picture for name, picture in pictures.items() if quote(name) in named}
    blobs = {"page": html.encode("utf-8", "backslashreplace")}
    blobs |= {f"picture:{name}": content for name, (_, content) in shown.items()}
    return {"media_types": {name: kind for name, (kind, _) in shown.items()}}, blobs


def carrying(carried: Carried | None) -> tuple[dict[str, object], dict[str, bytes]]:
    """What a message and its blobs say besides of the file that a PDF is to carry."""
    if carried is None:
        return {}, {}
    day = carried.day.isoformat() if carried.day else None
    return {"carried": {"name": carried.name, "day": day}}, {"carried": carried.content}


def carried_by(message: Mapping[str, object], blobs: Mapping[str, bytes]) -> Carried | None:
    """The file that `carrying` told of."""
    said = message.get("carried")
    if not isinstance(said, dict):
        return None
    return Carried(said["name"], blobs["carried"], date.fromisoformat(said["day"]) if said["day"] else None)
