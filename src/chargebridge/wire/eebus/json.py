"""EEBUS JSON: how SHIP and SPINE write XML in JSON (SHIP 1.0.1, clause 11.2 and annex).

A sequence of elements is a list of objects with one key each, in the order of the schema; a repeated element is a list of those:

    value                                   bytes
    {"a": 1, "b": {"c": 2}}    (nested)     [{"a":1},{"b":[{"c":2}]}]
    [{"a": 1}, {"a": 2}]                    [[{"a":1}],[{"a":2}]]
    [1, 2]                                  [1,2]
    {} and []                               []

The outermost object stands bare (``{"datagram":[...]}``), and so does what is of type "any" inside: that is a ``Bare``.
No white space: ship-go translates by replacing text, so that ``[{``, ``},{``, ``}]`` and ``[]`` must not stand inside of a string either.
"""

from typing import Any

import msgspec

from chargebridge.wire.eebus.errors import JsonError

MAX_BYTES = 1 << 20
"""Of one message. A complete discovery takes 5 to 20 KiB; ship-go refuses more than 100 KiB."""

_TORN = (("[{", "[ {"), ("},{", "}, {"), ("}]", "} ]"), ("[]", "[ ]"))


class Bare(dict[str, Any]):
    """An object that stands as it is, not as a list of its elements."""


class Repeated(list[Any]):
    """The values of an element that comes more than once in one sequence, instead of once with a list; jeebus writes selectors so."""


def encode(value: dict[str, Any]) -> bytes:
    """A message as bytes: compact, keys in their order. value: the outermost object, e.g. ``{"datagram": {...}}``."""
    return msgspec.json.encode({key: _encoded(inner) for key, inner in value.items()})


def decode(data: bytes, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The message in ``data``; NULs and white space behind it are left out, as some chargers send them.

    An empty list stays a list, for only the schema knows whether it is an empty object.
    """
    if len(data) > max_bytes:
        raise JsonError("$", f"{len(data)} bytes, more than {max_bytes}", "close the connection: no SHIP message is that long")
    try:
        message = msgspec.json.decode(data.rstrip(b"\0 \t\r\n"))
        if not isinstance(message, dict):
            raise JsonError("$", "not an object", "send one object with one key, e.g. datagram")
        return {key: _decoded(inner) for key, inner in message.items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JsonError("$", f"not JSON: {error}", "send UTF-8 JSON without white space") from error
    except RecursionError:
        raise JsonError("$", "nested too deeply", "close the connection: no SPINE type nests that deeply") from None


def _encoded(value: Any) -> Any:
    if isinstance(value, str):
        return _mended(value)
    if isinstance(value, Bare):
        return {key: _encoded(inner) for key, inner in value.items()}
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _pairs(key, inner)]
    if isinstance(value, list | tuple):
        return [_encoded(inner) for inner in value]
    return value


def _pairs(key: str, value: Any) -> list[dict[str, Any]]:
    if isinstance(value, Repeated):
        return [{key: _encoded(inner)} for inner in value]
    return [{key: _encoded(value)}]


def _mended(text: str) -> str:
    if "[" in text or "}" in text:
        for torn, apart in _TORN:
            text = text.replace(torn, apart)
    return text


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return Bare({key: _decoded(inner) for key, inner in value.items()})
    if not isinstance(value, list):
        return value
    if not value or not all(isinstance(inner, dict) for inner in value):
        return [_decoded(inner) for inner in value]
    merged: dict[str, Any] = {}
    for pair in value:
        for key, inner in pair.items():
            if key not in merged:
                merged[key] = _decoded(inner)
            elif isinstance(merged[key], Repeated):
                merged[key].append(_decoded(inner))
            else:
                merged[key] = Repeated((merged[key], _decoded(inner)))
    return merged
