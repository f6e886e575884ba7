"""Frames: one JSON message and named bytes, as parent and confined child exchange them.

A frame is two 64-bit lengths (big-endian), then a JSON head of the first length, then the bytes of all blobs one after
the other, which add up to the second. The head is `{"message": {...}, "blobs": [[name, length], ...]}`. Not pickle:
reading a frame must not run code of a child that its input took over. Cache entries and messages of a cluster are
frames as well.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

_LENGTHS = struct.Struct(">QQ")


class TooLongError(ValueError):
    """A frame that announces more bytes than its reader allows."""


@dataclass(frozen=True)
class Frame:
    """One frame as it was received."""

    message: dict[str, object]
    """The message, a JSON object."""
    blobs: dict[str, bytes]
    """Bytes by name, in the order they were sent."""


def pack(message: Mapping[str, object], blobs: Mapping[str, bytes]) -> bytes:
    """Return the frame of a message. Raises TypeError or ValueError if JSON cannot represent it."""
    sizes = [[name, len(blob)] for name, blob in blobs.items()]
    head = json.dumps({"message": message, "blobs": sizes}, allow_nan=False, separators=(",", ":")).encode()
    return b"".join((_LENGTHS.pack(len(head), sum(map(len, blobs.values()))), head, *blobs.values()))


def length(start: bytes | bytearray, limit: int) -> int | None:
    """Return the length in bytes of the whole frame that starts with `start`; None if `start` is too short.

    Raises TooLongError if it exceeds `limit`, before any of it has to be kept in memory.
    """
    if len(start) < _LENGTHS.size:
        return None
    total: int = _LENGTHS.size + sum(_LENGTHS.unpack_from(start))
    if total > limit:
        raise TooLongError
    return total


def unpack(frame: bytes | bytearray) -> Frame:
    """Return the content of one whole frame. Raises ValueError, and nothing else, for any other bytes."""
    if len(frame) < _LENGTHS.size:
        raise ValueError("a frame has no lengths")
    head_length, body_length = _LENGTHS.unpack_from(frame)
    start = _LENGTHS.size + head_length
    try:
        head = json.loads(bytes(frame[_LENGTHS.size : start]))
        message, sizes = head["message"], [(name, size) for name, size in head["blobs"]]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ValueError("the head of a frame is not JSON of the agreed shape") from error
    shaped = isinstance(message, dict) and all(
        isinstance(name, str) and type(size) is int and size >= 0
        for name, size in sizes  # True is an int for isinstance
    )
    if not shaped or sum(size for _, size in sizes) != body_length or start + body_length != len(frame):
        raise ValueError("the lengths of a frame do not add up")
    blobs: dict[str, bytes] = {}
    for name, size in sizes:
        blobs[name] = bytes(frame[start : start + size])
        start += size
    return Frame(message, blobs)


def read(stream: BinaryIO) -> Frame | None:
    """Return the next frame of a trusted stream, and block until it is there; None at the end, even within a frame."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    rest = stream.read(sum(_LENGTHS.unpack(lengths)))
    frame = lengths + rest
    return unpack(frame) if len(rest) == sum(_LENGTHS.unpack(lengths)) else None
