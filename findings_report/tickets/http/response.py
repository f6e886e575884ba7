"""What a tracker answered, read in the types that are expected of it: the one place where the shape of an answer is checked.

A tracker is another program, and what answers at its address may be any. What is not as it must be is told as a fault of the
answer, by the name of the field; what is not asked for is not looked at.
"""

from __future__ import annotations

from typing import Any

from findings_report.tickets.http.problems import unexpected


class Fields:
    """One JSON object of an answer."""

    def __init__(self, value: object, about: str, where: str = "") -> None:
        """`about` says what was asked for, in messages; `where` is the object's place in the answer, empty for all of it.

        Raises FindingsReportError (NETWORK) when it is no object.
        """
        if not isinstance(value, dict):
            raise unexpected(about, f"object at {where}" if where else "object")
        self._values: dict[str, Any] = value
        self._about = about
        self._where = where

    def has(self, name: str) -> bool:
        """True when there is a value that is not null."""
        return self._values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A text, a number as its digits. Raises when it is another thing, or is not there and there is no default."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise self._none("text", name)
        return value.encode("utf-8", "replace").decode()  # halves of surrogate pairs can be printed nowhere

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number, also one that is written as a text, as some trackers do. Raises as `text`; empty is not there."""
        value = self._values.get(name)
        if value in (None, "") and default is not None:
            return default
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._none("whole number", name)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True or false. Raises when it is another thing."""
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise self._none("true or false", name)
        return value

    def value(self, name: str) -> Any:
        """Whatever is there; None when nothing is."""
        return self._values.get(name)

    def fields(self, name: str) -> Fields:
        """An object in this one. Raises when there is none."""
        return Fields(self._values.get(name), self._about, self._path(name))

    def several(self, name: str, *, nulls: bool = False) -> list[Fields]:
        """The objects of a list in this one, none when it is not there. Raises when it is another thing, or holds one.

        With `nulls` it may hold some, which are left out.
        """
        value = self._values.get(name)
        if nulls and isinstance(value, list):
            value = [each for each in value if each is not None]
        return objects(value, self._about, self._path(name)) if value is not None else []

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a list in this one, none when it is not there. Raises as `text` does."""
        value = self._values.get(name) or ()
        if not isinstance(value, (list, tuple)):
            raise self._none("list", name)
        return tuple(Fields({name: each}, self._about, self._where).text(name) for each in value)

    def _path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name

    def _none(self, kind: str, name: str) -> Exception:
        return unexpected(self._about, f"{kind} at {self._path(name)}")


def objects(value: object, about: str, where: str = "") -> list[Fields]:
    """The objects of a JSON list. Raises FindingsReportError (NETWORK) when it is none, or holds another thing."""
    if not isinstance(value, list):
        raise unexpected(about, f"list at {where}" if where else "list")
    return [Fields(each, about, f"{where}[{place}]") for place, each in enumerate(value)]
