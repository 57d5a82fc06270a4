"""EEBUS JSON: how SHIP and SPINE write XML in JSON (SHIP 1.0.1, clause 11.2 and annex).

A sequence of elements is a list of objects with one key each, in the order of the schema; a repeated element is a list of those:

    value                                   bytes
    {"a": 1, "b": {"c": 2}}    (nested)     [{"a":1},{"b":[{"c":2}]}]
    [{"a": 1}, {"a": 2}]                    [[{"a":1}],[{"a":2}]]
    [1, 2]                                  [1,2]
    {} and []                               []

The outermost object stands bare (``{"datagram":[...]}``), and so does what is of type "any" inside: that is a ``Bare``.
No white space: ship-go translates by replacing text, so that ``[{``, ``},{``, ``}]`` and ``[]`` must not stand inside of a string either.
There a brace or bracket is written as ``\\u007b`` and the like, which every JSON parser reads as the same text.
"""

import math
import re
from typing import Any

import msgspec

from chargebridge.wire.eebus.errors import JsonError

MAX_BYTES = 100 * 1024
"""Of one message, as in ship-go. A complete discovery takes 5 to 20 KiB."""

MAX_DEPTH = 64
"""Of values in values; the deepest function of SPINE needs about 15."""

_TORN = re.compile(rb"(?<=\[)[{\]]|(?<=\})(?:\]|,(?=\{))")
_Path = tuple[str | int, ...]


class Bare(dict[str, Any]):
    """An object that stands as it is, not as a list of its elements."""


class Repeated(list[Any]):
    """The values of an element that comes more than once in one sequence, instead of once with a list; jeebus writes selectors so."""


def encode(value: dict[str, Any]) -> bytes:
    """A message as bytes: compact, keys in their order. value: the outermost object, e.g. ``{"datagram": {...}}``.

    A ``msgspec.Raw`` inside is EEBUS JSON already and is taken as it is. Raises JsonError for what JSON cannot say.
    """
    try:
        return msgspec.json.encode({_name(key, ()): _encoded(inner, (key,)) for key, inner in value.items()})
    except (TypeError, UnicodeEncodeError) as error:
        raise JsonError("$", f"cannot be written: {error}", "give text, numbers, booleans, lists and dicts of these") from None


def decode(data: bytes, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The message in ``data``; NULs and white space around it are left out, as some chargers send them. Raises JsonError.

    An empty list stays a list, for only the schema knows whether it is an empty object.
    """
    if len(data) > max_bytes:
        raise JsonError("$", f"{len(data)} bytes, more than {max_bytes}", "close the connection: no SHIP message is that long")
    try:
        message = msgspec.json.decode(data.strip(b"\0 \t\r\n"))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise JsonError("$", f"not JSON: {error}", "send UTF-8 JSON without white space") from None
    except RecursionError:
        raise JsonError("$", "nested too deeply", "close the connection: no SPINE type nests that deeply") from None
    if not isinstance(message, dict):
        raise JsonError("$", "not an object", "send one object with one key, e.g. datagram")
    return {key: _decoded(inner, (key,)) for key, inner in message.items()}


def _encoded(value: Any, path: _Path) -> Any:
    if len(path) > MAX_DEPTH:
        raise JsonError(_where(path), f"nested deeper than {MAX_DEPTH}", "look for a value that contains itself")
    if isinstance(value, str):
        return _untorn(value)
    if isinstance(value, Bare):
        return {_name(key, path): _encoded(inner, (*path, key)) for key, inner in value.items()}
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _pairs(_name(key, path), inner, (*path, key))]
    if isinstance(value, list | tuple):
        return [_encoded(inner, (*path, place)) for place, inner in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise JsonError(_where(path), f"{value} is no number of JSON", "leave the element out")
    return value


def _pairs(key: str, value: Any, path: _Path) -> list[dict[str, Any]]:
    if isinstance(value, Repeated):
        return [{key: _encoded(inner, path)} for inner in value]
    return [{key: _encoded(value, path)}]


def _untorn(text: str) -> str | msgspec.Raw:
    if "[" in text or "}" in text:
        return msgspec.Raw(_TORN.sub(lambda found: b"\\u%04x" % ord(found[0]), msgspec.json.encode(text)))
    return text


def _name(key: Any, path: _Path) -> str:
    if not isinstance(key, str) or "[" in key or "}" in key:
        raise JsonError(_where(path), f"{key!r} is no name of an element", "use the names of the schema")
    return key


def _decoded(value: Any, path: _Path) -> Any:
    if len(path) > MAX_DEPTH:
        raise JsonError(_where(path), f"nested deeper than {MAX_DEPTH}", "close the connection: no SPINE type nests that deeply")
    if isinstance(value, dict):
        return Bare({key: _decoded(inner, (*path, key)) for key, inner in value.items()})
    if not isinstance(value, list):
        return value
    if not value or not all(isinstance(inner, dict) for inner in value):
        return [_decoded(inner, (*path, place)) for place, inner in enumerate(value)]
    merged: dict[str, Any] = {}
    for pair in value:
        for key, inner in pair.items():
            part = _decoded(inner, (*path, key))
            if key not in merged:
                merged[key] = part
            elif isinstance(merged[key], Repeated):
                merged[key].append(part)
            else:
                merged[key] = Repeated((merged[key], part))
    return merged


def _where(path: _Path) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
