"""The functions that are declared, by their names on the wire. A function that is not here is kept as it came and passed on."""

from typing import Any

import msgspec

from chargebridge.wire.eebus.spine.element import Element, Field, Tree, decode, encode, fields
from chargebridge.wire.eebus.spine.functions import device, incentive_table, load_control, measurement, node_management, time_series


class Unknown(msgspec.Struct, frozen=True):
    """The data of a function that is not declared."""

    tree: Tree


class Function(msgspec.Struct, frozen=True):
    """A function. items: the field that holds the list, where it is one. keys: attributes that tell entries of the list apart; a list without
    is written as a whole. changeable: the attribute by which an entry says whether it may be written."""

    name: str
    cls: type[Element]
    items: Field | None
    keys: tuple[str, ...]
    changeable: str | None


_LISTS = ("ListData", "IncentiveTableData", "IncentiveTableDescriptionData", "IncentiveTableConstraintsData")


def _function(cls: type[Element]) -> Function:
    item: Field | None = next(iter(fields(cls).values()), None) if cls.__name__.endswith(_LISTS) else None
    keys: tuple[str, ...] = getattr(item.inner, "KEYS", ()) if item else ()
    changeable: str | None = getattr(item.inner, "CHANGEABLE", None) if item else None
    return Function(name_of(cls), cls, item, keys, changeable)


def name_of(cls: type[Element]) -> str:
    """The name on the wire of a function's class."""
    return cls.__name__[0].lower() + cls.__name__[1:]


FUNCTIONS: dict[str, Function] = {
    name_of(cls): _function(cls)
    for module in (node_management, device, load_control, measurement, time_series, incentive_table)
    for cls in vars(module).values()
    if isinstance(cls, type)
    and issubclass(cls, Element)
    and cls.__name__.endswith((*_LISTS, "RequestCall", "DeleteCall", "HeartbeatData", "StateData", "ManufacturerData", "ResultData"))
} | {
    name_of(cls): _function(cls)
    for cls in (
        node_management.NodeManagementDetailedDiscoveryData,
        node_management.NodeManagementUseCaseData,
        node_management.NodeManagementSubscriptionData,
        node_management.NodeManagementBindingData,
    )
}


def decode_data(name: str, tree: Tree, position: str) -> Element | Unknown:
    """The data of the function ``name``."""
    function = FUNCTIONS.get(name)
    return decode(function.cls, tree, position) if function else Unknown(tree)


def encode_data(data: Element | Unknown) -> Any:
    """Its tree."""
    return data.tree if isinstance(data, Unknown) else encode(data)
