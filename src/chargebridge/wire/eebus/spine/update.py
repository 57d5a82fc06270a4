"""Restricted function exchange: what becomes of a function's data when a full, partial or delete message comes (SPINE 1.3.0 protocol, clause 5.3.4).

    filter                       what it does
    none                         the data replaces what was there
    partial                      entries of the message are merged into those with the same keys; elements that are absent stay
    partial, selectors           the message's one entry is merged into all that are selected
    delete                       everything goes
    delete, selectors            the selected entries go
    delete, elements             these elements go from all entries, or from those that selectors select
    delete and partial           first the one, then the other

A write is stricter than a notify: it must name entries that exist and say that they may be written, and what it leaves out stays. Entries without
keys cannot be named; such a list is written as a whole.
"""

from typing import Any

import msgspec

from chargebridge.wire.eebus.spine.datagram import Cmd, Filter
from chargebridge.wire.eebus.spine.element import E, Element, Tree, encode, fields
from chargebridge.wire.eebus.spine.errors import ErrorNumber, SpineError
from chargebridge.wire.eebus.spine.functions import FUNCTIONS, Function, Unknown

MAX_ENTRIES = 4096
"""Of one list; a device with more is broken or hostile."""
Data = Element | Unknown
Entries = tuple[Element, ...]


def merge(old: E, new: E) -> E:
    """``old`` with all that is present in ``new``."""
    changes: dict[str, Any] = {}
    for field in fields(type(new)).values():
        value = getattr(new, field.attribute)
        before = getattr(old, field.attribute)
        if value is None:
            continue
        changes[field.attribute] = merge(before, value) if isinstance(value, Element) and isinstance(before, Element) else value
    unknown = tuple((dict(old.unknown) | dict(new.unknown)).items())
    return msgspec.structs.replace(old, **changes, unknown=unknown, wire_order=())


def received(cmd: Cmd, old: Data | None) -> Data:
    """The data after a notify or a reply."""
    function = FUNCTIONS.get(cmd.name)
    if function is None or not isinstance(cmd.data, Element) or not isinstance(old, Element | None):
        return cmd.data or Unknown([])
    if not cmd.filters:
        return cmd.data
    if function.items is None:
        return _plain(cmd, old or function.cls(), cmd.data)
    entries = _deleted(function, cmd, _entries(function, old))
    for key in (one for one in cmd.filters if one.partial):
        entries = _merged(function, key, entries, _entries(function, cmd.data), grow=True)
    return _list(function, entries)


def written(cmd: Cmd, old: Data | None) -> Element:
    """The data that a write asks for. Raises what the result of the write says."""
    function = FUNCTIONS.get(cmd.name)
    if function is None or function.items is None or not isinstance(old, Element):
        raise SpineError(
            cmd.name, "cannot be written", "write a function that the discovery lists with write", ErrorNumber.COMMAND_NOT_SUPPORTED
        )
    given = _entries(function, cmd.data if isinstance(cmd.data, Element) else None)
    if not function.keys and not cmd.filters:
        return _list(function, given)
    before = _entries(function, old)
    if not cmd.filters:
        entries = _replaced(function, before, given)
    else:
        entries = _deleted(function, cmd, before, keep=function.changeable)
        for key in (one for one in cmd.filters if one.partial):
            entries = _merged(function, key, entries, given, grow=False)
    if len(entries) != len(before):
        raise SpineError(cmd.name, "entries of the list would go", "delete elements, not entries")
    for was, becomes in zip(before, entries, strict=True):
        _may_change(function, was, becomes)
    return _list(function, entries)


def _plain(cmd: Cmd, old: Element, new: Element) -> Element:
    for one in cmd.filters or ():
        if one.delete:
            old = type(old)() if one.elements is None else _without(old, one.elements)
    return merge(old, new) if cmd.partial else old


def _may_change(function: Function, was: Element, becomes: Element) -> None:
    if any(getattr(becomes, key) != getattr(was, key) for key in function.keys):
        raise SpineError(function.name, "an entry would get another key", "leave the key out where selectors say which entry")
    flag = function.changeable
    if was == becomes or flag is None:
        return
    if getattr(becomes, flag) != getattr(was, flag):
        raise SpineError(f"{function.name}.{flag}", "is the server's to say", "leave the element out")
    if getattr(was, flag) is not True:
        raise SpineError(f"{function.name}.{flag}", "is not true", "write only entries that may be changed")


def _entries(function: Function, data: Data | None) -> Entries:
    if not isinstance(data, Element) or function.items is None:
        return ()
    entries: Entries = getattr(data, function.items.attribute) or ()
    if len(entries) > MAX_ENTRIES:
        raise SpineError(function.name, f"{len(entries)} entries, more than {MAX_ENTRIES}", "send fewer", ErrorNumber.OVERLOAD)
    return entries


def _list(function: Function, entries: Entries) -> Element:
    assert function.items is not None
    content: dict[str, Any] = {function.items.attribute: entries}
    return function.cls(**content)


def _replaced(function: Function, before: Entries, given: Entries) -> Entries:
    """A full write puts new entries in the place of those with the same keys; the flag that the server sets stays."""
    entries = list(before)
    for entry in given:
        for at in _places(function, before, entry):
            flag = {function.changeable: getattr(before[at], function.changeable)} if function.changeable else {}
            entries[at] = msgspec.structs.replace(entry, **flag, wire_order=())
    return tuple(entries)


def _merged(function: Function, one: Filter, entries: Entries, given: Entries, *, grow: bool) -> Entries:
    merged = list(entries)
    for entry in given:
        if one.selectors:
            places = [at for at, candidate in enumerate(merged) if _selected(candidate, one.selectors)]
        else:
            places = _places(function, tuple(merged), entry, strict=not grow)
        for at in places:
            merged[at] = merge(merged[at], entry)
        if not places and grow and len(merged) < MAX_ENTRIES:
            merged.append(msgspec.structs.replace(entry, wire_order=()))
        elif not places:
            raise SpineError(function.name, "no such entry", "read the list first, and write what is in it")
    return tuple(merged)


def _places(function: Function, entries: Entries, entry: Element, *, strict: bool = True) -> list[int]:
    """Where the entries stand that have the keys of ``entry``."""
    keys = {key: value for key in function.keys if (value := getattr(entry, key)) is not None}
    if not keys:
        raise SpineError(function.name, "an entry without a key", f"send {' and '.join(function.keys) or 'the whole list'}")
    places = [at for at, one in enumerate(entries) if all(getattr(one, key) == value for key, value in keys.items())]
    if strict and not places:
        raise SpineError(function.name, f"no entry with {keys}", "read the list first, and write what is in it")
    return places


def _deleted(function: Function, cmd: Cmd, entries: Entries, keep: str | None = None) -> Entries:
    for one in cmd.filters or ():
        if not one.delete:
            continue
        if one.elements is None:
            entries = tuple(entry for entry in entries if one.selectors and not _selected(entry, one.selectors))
        else:
            stays = {*function.keys, *((keep,) if keep else ())}
            entries = tuple(
                _without(entry, one.elements, stays) if not one.selectors or _selected(entry, one.selectors) else entry for entry in entries
            )
    return entries


def _selected(entry: Element, selectors: tuple[dict[str, Tree], ...]) -> bool:
    """Whether one of the selectors fits; in one selector all elements must."""
    declared = fields(type(entry))
    tree = encode(entry)
    for selector in selectors:
        for name in selector:
            if name not in declared or declared[name].complex:
                raise SpineError(
                    f"selector {name:.60}", "is not supported", "select by keys", ErrorNumber.RESTRICTED_EXCHANGE_NOT_SUPPORTED
                )
        if all(tree.get(name) == value for name, value in selector.items()):
            return True
    return False


def _without(entry: E, elements: dict[str, Tree], stays: set[str] | None = None) -> E:
    changes: dict[str, Any] = {}
    for name, inner in elements.items():
        field = fields(type(entry)).get(name)
        if field is None or field.attribute in (stays or ()):
            continue
        value = getattr(entry, field.attribute)
        left = _without(value, inner) if isinstance(value, Element) and isinstance(inner, dict) and inner else None
        changes[field.attribute] = left if left is not None and encode(left) else None
    return msgspec.structs.replace(entry, **changes, wire_order=())
