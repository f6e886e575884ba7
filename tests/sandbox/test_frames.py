"""A frame says exactly what it holds: what is packed comes back, and any other bytes are refused before they are kept."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings_report.sandbox import frames

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def raw(head: object, body: bytes = b"", *, announced: int | None = None) -> bytes:
    """A frame with any head, whose body has the length announced or another one."""
    text = json.dumps(head).encode()
    return frames._LENGTHS.pack(len(text), len(body) if announced is None else announced) + text + body


@settings(max_examples=50)
@given(st.dictionaries(st.text(), json_values), st.dictionaries(st.text(), st.binary()))
def test_unpacking_gives_what_was_packed(message: dict[str, object], blobs: dict[str, bytes]) -> None:
    frame = frames.pack(message, blobs)

    assert frames.length(frame, len(frame)) == len(frame)
    assert frames.unpack(frame) == frames.Frame(message, blobs)
    assert list(frames.unpack(frame).blobs) == list(blobs)


@given(st.binary())
def test_unpacking_anything_gives_a_frame_or_a_value_error(raw: bytes) -> None:
    try:
        frames.unpack(raw)
    except ValueError:
        return
    assert raw == raw[: frames.length(raw, len(raw))]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_json_is_not_packed(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        frames.pack({"number": number}, {})


def test_a_head_is_utf8_without_blanks() -> None:
    assert frames.pack({"a": [1]}, {"b": b"xy"})[16:] == b'{"message":{"a":[1]},"blobs":[["b",2]]}xy'


def test_the_length_of_a_frame_is_known_from_its_first_16_bytes_and_refused_beyond_the_limit() -> None:
    start = frames._LENGTHS.pack(100, 200)

    assert [frames.length(start[:size], 1000) for size in (0, 15, 16)] == [None, None, 316]
    assert frames.length(start + b"more", 316) == 316
    with pytest.raises(frames.TooLongError):
        frames.length(start, 315)


@pytest.mark.parametrize("size", [0, 1, 15])
def test_bytes_without_lengths_are_no_frame(size: int) -> None:
    with pytest.raises(ValueError, match="has no lengths"):
        frames.unpack(bytes(size))


@pytest.mark.parametrize(
    "head",
    [[], None, 1, "message", {}, {"message": {}}, {"blobs": []}, {"message": {}, "blobs": [1]}, {"message": {}, "blobs": 1},
     {"message": {}, "blobs": [["a"]]}, {"message": {}, "blobs": [["a", 0, 0]]}],
)  # fmt: skip
def test_a_head_of_another_shape_is_refused(head: object) -> None:
    with pytest.raises(ValueError, match="not JSON of the agreed shape"):
        frames.unpack(raw(head))


def test_a_head_that_nests_too_deeply_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON of the agreed shape"):
        frames.unpack(frames._LENGTHS.pack(200_000, 0) + b"[" * 200_000)


@pytest.mark.parametrize(
    "frame",
    [
        raw({"message": [], "blobs": []}),
        raw({"message": "text", "blobs": []}),
        raw({"message": {}, "blobs": [[1, 0]]}),
        raw({"message": {}, "blobs": [["a", True]]}, b"x"),
        raw({"message": {}, "blobs": [["a", 1.0]]}, b"x"),
        raw({"message": {}, "blobs": [["a", "1"]]}, b"x"),
        raw({"message": {}, "blobs": [["a", -1], ["b", 2]]}, b"x"),
        raw({"message": {}, "blobs": [["a", 1]]}, b"xy"),
        raw({"message": {}, "blobs": [["a", 3]]}, b"xy"),
        raw({"message": {}, "blobs": [["a", 2]]}, b"x", announced=2),
        raw({"message": {}, "blobs": [["a", 1]]}, b"xy", announced=1),
        raw({"message": {}, "blobs": []}) + b"more",
    ],
)
def test_a_message_that_is_no_object_and_lengths_that_do_not_add_up_are_refused(frame: bytes) -> None:
    with pytest.raises(ValueError, match="lengths of a frame do not add up"):
        frames.unpack(frame)


def test_a_blob_may_be_empty() -> None:
    assert frames.unpack(raw({"message": {}, "blobs": [["a", 0], ["b", 1]]}, b"x")).blobs == {"a": b"", "b": b"x"}


def test_a_stream_is_read_frame_by_frame_until_its_end() -> None:
    first, second = frames.pack({"a": 1}, {"x": b"1"}), frames.pack({}, {})
    stream = io.BytesIO(first + second)

    assert frames.read(stream) == frames.Frame({"a": 1}, {"x": b"1"})
    assert frames.read(stream) == frames.Frame({}, {})
    assert frames.read(stream) is None


@pytest.mark.parametrize("cut", [1, 15, 16, 17, -1])
def test_a_stream_that_ends_within_a_frame_has_ended(cut: int) -> None:
    assert frames.read(io.BytesIO(frames.pack({"a": 1}, {"x": b"1"})[:cut])) is None
