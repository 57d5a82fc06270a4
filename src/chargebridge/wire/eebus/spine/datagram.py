"""The SPINE datagram: a header with addresses and counters, and one command (SPINE 1.3.0 protocol, clause 5).

header  specificationVersion addressSource addressDestination addressOriginator msgCounter msgCounterReference cmdClassifier ackRequest timestamp
cmd     function filter <data, named as the function> manufacturerSpecificExtension lastUpdateAt
"""

from enum import StrEnum
from typing import Any

import msgspec

from chargebridge.wire.eebus import json
from chargebridge.wire.eebus.spine import element
from chargebridge.wire.eebus.spine.element import Element, Tree, general
from chargebridge.wire.eebus.spine.errors import ErrorNumber, SpineError
from chargebridge.wire.eebus.spine.functions import Unknown, decode_data, encode_data, name_of
from chargebridge.wire.eebus.spine.functions.common import FeatureAddress

VERSION = "1.3.0"
_BESIDE_DATA = ("function", "filter", "manufacturerSpecificExtension", "lastUpdateAt")


class Classifier(StrEnum):
    READ = "read"
    REPLY = "reply"
    NOTIFY = "notify"
    WRITE = "write"
    CALL = "call"
    RESULT = "result"


class Header(Element, frozen=True):
    specification_version: str | None = None
    address_source: FeatureAddress | None = None
    address_destination: FeatureAddress | None = None
    address_originator: FeatureAddress | None = None
    msg_counter: int | None = None
    msg_counter_reference: int | None = None
    cmd_classifier: str | None = None
    ack_request: bool | None = None
    timestamp: str | None = None


class Filter(msgspec.Struct, frozen=True):
    """One filter of a restricted function exchange. partial, delete: its cmdControl. selectors: which entries, elements: which of their
    elements, both as trees; without them all. tree: as it came."""

    partial: bool = False
    delete: bool = False
    selectors: tuple[dict[str, Tree], ...] = ()
    elements: dict[str, Tree] | None = None
    tree: Tree = None


PARTIAL = Filter(partial=True, tree={"cmdControl": {"partial": {}}})


class Cmd(msgspec.Struct, frozen=True, kw_only=True):
    """One command. name: of the function. data: None where the command only names it. named: the element ``function`` is there.
    extra: further elements, with where they stand in ``order``."""

    name: str
    data: Element | Unknown | None = None
    named: bool = False
    filters: tuple[Filter, ...] | None = None
    extra: tuple[tuple[str, Tree], ...] = ()
    order: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        return any(one.partial for one in self.filters or ())


class Datagram(msgspec.Struct, frozen=True, kw_only=True):
    """header: None in fragments only. cmds: one in each datagram of SPINE 1.3.0. extra: elements of the payload besides them."""

    header: Header | None
    cmds: tuple[Cmd, ...]
    extra: tuple[tuple[str, Tree], ...] = ()
    wrapped: bool = True

    @property
    def cmd(self) -> Cmd:
        return self.cmds[0]


def command(data: Element, *, filters: tuple[Filter, ...] | None = None) -> Cmd:
    """A command that carries ``data``; with filters it names its function."""
    return Cmd(name=name_of(type(data)), data=data, named=filters is not None, filters=filters)


def decode(data: bytes) -> Datagram:
    """A datagram from EEBUS JSON, ``{"datagram":[...]}``."""
    return from_tree(json.decode(data))


def encode(datagram: Datagram) -> bytes:
    return json.encode(to_tree(datagram))


def from_tree(message: dict[str, Tree]) -> Datagram:
    """A datagram from the tree that the payload of a SHIP data message carries."""
    body = message.get("datagram")
    if not isinstance(body, dict) or not isinstance(body.get("payload"), dict):
        raise general("$.datagram", "no payload", "send header and payload")
    payload = body["payload"]
    position = "$.datagram.payload.cmd"
    cmds = payload.get("cmd")
    wrapped = isinstance(cmds, list)
    if isinstance(cmds, dict):
        cmds = [cmds]
    if not isinstance(cmds, list) or not cmds:
        raise general(position, "no command", "send one command")
    return Datagram(
        header=element.decode(Header, body["header"], "$.datagram.header") if "header" in body else None,
        cmds=tuple(_cmd(cmd, f"{position}[{at}]") for at, cmd in enumerate(cmds)),
        extra=tuple((name, value) for name, value in payload.items() if name != "cmd"),
        wrapped=wrapped,
    )


def to_tree(datagram: Datagram) -> dict[str, Tree]:
    cmds = [_cmd_tree(cmd) for cmd in datagram.cmds]
    body: dict[str, Any] = {} if datagram.header is None else {"header": element.encode(datagram.header)}
    return {"datagram": body | {"payload": dict(datagram.extra) | {"cmd": cmds if datagram.wrapped else cmds[0]}}}


def _cmd(tree: Tree, position: str) -> Cmd:
    if not isinstance(tree, dict) or not tree:
        raise general(position, "an empty command", "name the function by an element, e.g. loadControlLimitListData")
    function = tree.get("function")
    names = [name for name in tree if name not in _BESIDE_DATA]
    if len(names) > 1 and function in names:
        names = [function]
    if not names and not isinstance(function, str):
        raise general(position, "no function", "name the function by an element, e.g. loadControlLimitListData")
    if len(names) > 1:
        raise general(position, f"{len(names)} functions", "send one function in a command")
    if names and isinstance(function, str) and function != names[0]:
        raise SpineError(position, f"function {function:.60} with the data of {names[0]:.60}", "name the function that the data is of")
    name = names[0] if names else str(function)
    return Cmd(
        name=name,
        data=decode_data(name, tree[name], f"{position}.{name}") if names else None,
        named="function" in tree,
        filters=_filters(name, tree["filter"], f"{position}.filter") if "filter" in tree else None,
        extra=tuple((key, value) for key, value in tree.items() if key not in ("function", "filter", name)),
        order=tuple(tree),
    )


def _cmd_tree(cmd: Cmd) -> dict[str, Tree]:
    tree: dict[str, Tree] = {}
    if cmd.named:
        tree["function"] = cmd.name
    if cmd.filters is not None:
        tree["filter"] = [one.tree for one in cmd.filters]
    if cmd.data is not None:
        tree[cmd.name] = encode_data(cmd.data)
    tree.update(cmd.extra)
    return {name: tree[name] for name in cmd.order} if cmd.order else tree


def _filters(name: str, trees: Tree, position: str) -> tuple[Filter, ...]:
    if not isinstance(trees, list):
        raise SpineError(position, "not a list", "send a list of filters", ErrorNumber.RESTRICTED_EXCHANGE_NOT_SUPPORTED)
    return tuple(_filter(name, tree, f"{position}[{at}]") for at, tree in enumerate(trees))


def _filter(name: str, tree: Tree, position: str) -> Filter:
    control = tree.get("cmdControl") if isinstance(tree, dict) else None
    if not isinstance(control, dict):
        raise SpineError(position, "no cmdControl", "say partial or delete", ErrorNumber.RESTRICTED_EXCHANGE_NOT_SUPPORTED)
    selectors = tree.get(f"{name}Selectors", ())
    elements = tree.get(f"{name.removesuffix('ListData')}DataElements", tree.get(f"{name}Elements"))
    if isinstance(selectors, dict):
        selectors = (selectors,)
    if not all(isinstance(one, dict) for one in selectors) or not isinstance(elements, dict | None):
        raise SpineError(position, "selectors or elements are no sequences", "send lists of objects with one key each")
    return Filter(partial="partial" in control, delete="delete" in control, selectors=tuple(selectors), elements=elements, tree=tree)
