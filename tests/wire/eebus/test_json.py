"""EEBUS JSON: what it writes and takes, and that nothing but typed errors comes out."""

import json as plain_json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus import json
from chargebridge.wire.eebus.errors import JsonError

READ = b'{"datagram":[{"header":[{"specificationVersion":"1.3.0"},{"msgCounter":1}]},{"payload":[{"cmd":[[{"x":[]}]]}]}]}'

names = st.text("abcXYZ", min_size=1, max_size=3)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.booleans() | numbers | st.text(max_size=20) | st.text('[]{},\\"u', max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=15,
)
scraps = st.recursive(st.text('[]{},:"a1 ', max_size=8), lambda inner: st.tuples(inner, inner).map("".join)).map(str.encode)
messages = st.dictionaries(names, values, min_size=1, max_size=1)


def empty_as_list(value: Any) -> Any:
    """What comes back: the text does not say whether [] was an object or a list."""
    if isinstance(value, dict):
        return {name: empty_as_list(part) for name, part in value.items()} or []
    return [empty_as_list(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ({"m": {"a": 1, "b": {"c": 2}}}, b'{"m":[{"a":1},{"b":[{"c":2}]}]}'),
        ({"m": [{"a": 1}, {"a": 2}]}, b'{"m":[[{"a":1}],[{"a":2}]]}'),
        ({"m": [{"a": 1}]}, b'{"m":[[{"a":1}]]}'),
        ({"m": [1, 2]}, b'{"m":[1,2]}'),
        ({"m": []}, b'{"m":[]}'),
        ({"m": [True, None, "ä€"]}, '{"m":[true,null,"ä€"]}'.encode()),
    ],
)
def test_the_quirk(value: dict[str, Any], wire: bytes) -> None:
    assert json.encode(value) == wire
    assert json.decode(wire) == value


def test_an_empty_object_is_written_as_an_empty_array() -> None:
    assert json.encode({"m": {"a": {}}}) == b'{"m":[{"a":[]}]}'


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\r\n", b" ", b"\n"])
def test_padding_is_dropped(padding: bytes) -> None:
    assert json.decode(padding + READ + padding) == json.decode(READ)


def test_white_space_and_plain_objects_are_taken() -> None:
    assert json.decode(b'{ "m" : { "a" : 1 , "b" : [ { "c" : 2 } ] } }') == {"m": {"a": 1, "b": {"c": 2}}}


@pytest.mark.parametrize("text", ["a[{b", "},{", "}]", "[]", "[[]]", "[{},{}]", "\\[]", '"[]"', "x[", "]{}", "}}]]", "[\\u005d"])
def test_text_never_looks_like_structure(text: str) -> None:
    wire = json.encode({"m": text})
    assert not any(mark in wire for mark in (b"[{", b"},{", b"}]", b"[]"))
    assert json.decode(wire) == {"m": text}
    assert plain_json.loads(wire) == {"m": text}


@pytest.mark.parametrize(
    ("wire", "position", "reason"),
    [
        (b"", "$", "not JSON"),
        (b'{"m":[', "$", "not JSON"),
        (b'{"m":"\xff"}', "$", "not JSON"),
        (b'{"m":"\\ud800"}', "$", "not JSON"),
        (b'{"m":1e999}', "$", "not JSON"),
        (b'[{"m":[]}]', "$", "not an object"),
        (b'{"m":' + b"[" * 100 + b"]" * 100 + b"}", "$.m" + "[0]" * 64, "deeper"),
        (b"[" * 50_000, "$", "nested too deeply"),
        (b" " * (json.MAX_BYTES + 1), "$", "more than 102400"),
    ],
)
def test_errors_say_where(wire: bytes, position: str, reason: str) -> None:
    with pytest.raises(JsonError, match=reason) as caught:
        json.decode(wire)
    assert caught.value.position == position
    assert caught.value.cure


@pytest.mark.parametrize(
    "value",
    [{"m": float("nan")}, {"m": [float("inf")]}, {"m": object()}, {"m": "\ud800"}, {"m[]": 1}, {"m": {"a}": 1}}, {"m": {1: 2}}],
)
def test_what_cannot_be_written(value: Any) -> None:
    with pytest.raises(JsonError):
        json.encode(value)


def test_what_stands_bare_or_repeated_goes_back_as_it_came() -> None:
    for wire in (
        b'{"data":[{"payload":{"datagram":[{"header":[]}]}}]}',
        b'{"m":[{"s":[{"id":1}]},{"s":[{"id":2}]}]}',
        b'{"m":{"a":1,"b":[]}}',
    ):
        assert json.encode(json.decode(wire)) == wire


def test_ready_made_json_is_taken_over() -> None:
    assert json.encode({"data": [{"payload": msgspec.Raw(READ)}]}) == b'{"data":[[{"payload":' + READ + b"}]]}"


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(JsonError, match="deeper"):
        json.encode(loop)


@given(messages)
def test_what_is_written_is_read_again(message: dict[str, Any]) -> None:
    wire = json.encode(message)
    assert json.decode(wire) == empty_as_list(message)
    assert json.encode(json.decode(wire)) == wire


@given(st.binary(max_size=60) | scraps)
def test_any_bytes_give_values_or_a_typed_error(text: bytes) -> None:
    try:
        json.decode(text)
    except JsonError as error:
        assert error.reason  # noqa: PT017


@given(st.integers(0, len(READ) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_values_or_a_typed_error(place: int, byte: int) -> None:
    try:
        json.decode(READ[:place] + bytes([byte]) + READ[place + 1 :])
    except JsonError as error:
        assert error.reason  # noqa: PT017
