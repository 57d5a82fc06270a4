"""SPINE elements as values: each complex type of the data model is one class, its fields in the order of the schema, all optional.

``decode`` takes the tree that `chargebridge.wire.eebus.json` makes, ``encode`` gives it back. What a peer sends besides the declared fields stays in
``unknown``, and an order other than the schema's in ``wire_order``, so that what came in goes out the same.
"""

from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from chargebridge.wire.eebus.json import Repeated
from chargebridge.wire.eebus.spine.errors import ErrorNumber, SpineError

Tree = Any
"""What JSON has: dicts, lists, texts, numbers, booleans."""


class Element(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """A complex type. A field that is None is absent. unknown: names and values that the class does not declare.
    wire_order: names as they came, where that is not the schema's order."""

    unknown: tuple[tuple[str, Tree], ...] = ()
    wire_order: tuple[str, ...] = ()


E = TypeVar("E", bound=Element)


class Field(msgspec.Struct, frozen=True):
    """One declared field. name: on the wire. attribute: in the class. inner: its type, of one entry if it is ``many``.
    complex: whether that is an element."""

    name: str
    attribute: str
    inner: type
    many: bool
    complex: bool


@cache
def fields(cls: type[Element]) -> dict[str, Field]:
    """The declared fields by their names on the wire, in the schema's order."""
    hints = get_type_hints(cls)
    return {
        field.encode_name: _field(field.encode_name, field.name, hints[field.name])
        for field in msgspec.structs.fields(cls)
        if field.name not in ("unknown", "wire_order")
    }


def _field(name: str, attribute: str, hint: Any) -> Field:
    inner = next(one for one in get_args(hint) if one is not NoneType) if isinstance(hint, UnionType) else hint
    many = get_origin(inner) is tuple
    one = get_args(inner)[0] if many else inner
    return Field(name, attribute, one, many, issubclass(one, Element))


def decode(cls: type[E], tree: Tree, position: str = "$") -> E:
    """The element that ``tree`` writes. position: of the tree in its message, for errors."""
    if isinstance(tree, list) and not tree:
        return cls()
    if not isinstance(tree, dict):
        raise SpineError(position, f"not a sequence of elements but {_kind(tree)}", "send a list of objects with one key each")
    declared = fields(cls)
    known: dict[str, Any] = {}
    unknown: list[tuple[str, Tree]] = []
    for name, value in tree.items():
        field = declared.get(name)
        if field is None or _says_nothing(field, value):
            unknown.append((name, value))
        else:
            known[field.attribute] = _value(field, value, f"{position}.{name}")
    order = tuple(tree)
    schema = tuple(name for name, field in declared.items() if field.attribute in known)
    return cls(**known, unknown=tuple(unknown), wire_order=() if order == schema else order)


def encode(element: Element) -> dict[str, Tree]:
    """The tree of an element: what is present, in the order in which it came, else in the schema's."""
    present = {
        field.name: _tree(field, value)
        for field in fields(type(element)).values()
        if (value := getattr(element, field.attribute)) is not None
    }
    present.update(element.unknown)
    if not element.wire_order:
        return present
    ordered = {name: present[name] for name in element.wire_order if name in present}
    return ordered | {name: value for name, value in present.items() if name not in ordered}


def _says_nothing(field: Field, value: Tree) -> bool:
    """An empty list in place of a single value is an absent one; it is kept, as is what repeats where it must not."""
    return isinstance(value, Repeated) or (not field.many and not field.complex and isinstance(value, list) and not value)


def _value(field: Field, value: Tree, position: str) -> Any:
    if not field.many:
        return _one(field, value, position)
    if not isinstance(value, list):
        raise SpineError(position, f"not a list but {_kind(value)}", "send a list, though it have one entry")
    return tuple(_one(field, one, f"{position}[{at}]") for at, one in enumerate(value))


def _one(field: Field, value: Tree, position: str) -> Any:
    if field.complex:
        return decode(field.inner, value, position)
    if type(value) is not field.inner:
        raise SpineError(position, f"not {field.inner.__name__} but {_kind(value)}", "send the type that the SPINE data model names")
    return value


def _tree(field: Field, value: Any) -> Tree:
    if field.many:
        return [encode(one) if field.complex else one for one in value]
    return encode(value) if field.complex else value


def _kind(value: Tree) -> str:
    return f"{type(value).__name__} {value!r:.40}"


def general(position: str, reason: str, cure: str) -> SpineError:
    """An error of the datagram as such, which a result calls a general one."""
    return SpineError(position, reason, cure, ErrorNumber.GENERAL)
