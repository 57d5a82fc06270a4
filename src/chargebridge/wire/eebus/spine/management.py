"""NodeManagement of a node: what it tells of itself, and the calls for subscriptions and bindings (SPINE 1.3.0 protocol, clause 7)."""

from collections.abc import Mapping

from chargebridge.wire.eebus.spine.datagram import Cmd
from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.errors import ErrorNumber, SpineError
from chargebridge.wire.eebus.spine.functions import node_management as nm
from chargebridge.wire.eebus.spine.functions.common import FeatureAddress
from chargebridge.wire.eebus.spine.link import MAX_PAIRS, Link, Pair
from chargebridge.wire.eebus.spine.local import MANAGEMENT, SERVER, SPECIAL, FeatureId, LocalDevice, LocalFeature

GENERIC = "Generic"


def data(device: LocalDevice, link: Link, function: str) -> Element:
    """The answer to a read of a function of NodeManagement; subscriptions and bindings only those of the one who asks."""
    if function == "nodeManagementDetailedDiscoveryData":
        return device.discovery()
    if function == "nodeManagementUseCaseData":
        return device.use_case_data()
    if function == "nodeManagementDestinationListData":
        return device.destinations()
    if function == "nodeManagementSubscriptionData":
        return nm.NodeManagementSubscriptionData(
            subscription_entry=tuple(
                nm.SubscriptionEntry(subscription_id=at, client_address=_theirs(link, client), server_address=device.full_address(server))
                for at, (client, server) in enumerate(link.listeners)
            )
            or None
        )
    return nm.NodeManagementBindingData(
        binding_entry=tuple(
            nm.BindingEntry(binding_id=at, client_address=_theirs(link, client), server_address=device.full_address(server))
            for at, (client, server) in enumerate(link.writers)
        )
        or None
    )


def call(device: LocalDevice, links: Mapping[str, Link], link: Link, feature: LocalFeature, cmd: Cmd) -> FeatureId | None:
    """Serves a call; returns our feature where it is newly subscribed to. Raises what the result says."""
    if feature.ident != MANAGEMENT:
        raise SpineError(cmd.name, "a call to another feature", "send calls to NodeManagement", ErrorNumber.COMMAND_NOT_SUPPORTED)
    asked = cmd.data
    if isinstance(asked, nm.NodeManagementSubscriptionRequestCall):
        pair = _pair(device, link, asked.subscription_request, "subscriptionRequest")
        _may_serve(device, pair, asked.subscription_request)
        return pair[1] if _add(link.listeners, pair) else None
    if isinstance(asked, nm.NodeManagementBindingRequestCall):
        pair = _pair(device, link, asked.binding_request, "bindingRequest")
        _may_serve(device, pair, asked.binding_request)
        # Two who write the same limit would undo each other's; the first keeps it until its connection ends, as in eebus-go.
        if any(
            server == pair[1] and (one is not link or (client, server) != pair) for one in links.values() for client, server in one.writers
        ):
            raise SpineError("bindingRequest", "the feature is bound by another client", "release that binding first", ErrorNumber.GENERAL)
        _add(link.writers, pair)
        return None
    if isinstance(asked, nm.NodeManagementSubscriptionDeleteCall):
        link.listeners.pop(_pair(device, link, asked.subscription_delete, "subscriptionDelete"), None)
        return None
    if isinstance(asked, nm.NodeManagementBindingDeleteCall):
        link.writers.pop(_pair(device, link, asked.binding_delete, "bindingDelete"), None)
        return None
    raise SpineError(cmd.name, "no such call", "read the discovery", ErrorNumber.COMMAND_NOT_SUPPORTED)


def _add(pairs: dict[Pair, None], pair: Pair) -> bool:
    if pair in pairs:
        return False
    if len(pairs) >= MAX_PAIRS:
        raise SpineError("request", f"more than {MAX_PAIRS}", "delete some first", ErrorNumber.OVERLOAD)
    pairs[pair] = None
    return True


def _pair(device: LocalDevice, link: Link, asked: nm.Pair | None, position: str) -> Pair:
    client, server = (asked.client_address, asked.server_address) if asked else (None, None)
    if client is None or server is None or not client.entity or not server.entity or client.feature is None or server.feature is None:
        raise SpineError(position, "an address is not complete", "send entity and feature of client and server")
    if client.device not in (None, link.remote.address):
        raise SpineError(f"{position}.clientAddress", "another device", "ask in your own name")
    if server.device not in (None, device.address):
        raise SpineError(f"{position}.serverAddress", "another device", "ask for features of ours", ErrorNumber.DESTINATION_UNKNOWN)
    return (client.entity, client.feature), (server.entity, server.feature)


def _may_serve(device: LocalDevice, pair: Pair, asked: nm.Pair | None) -> None:
    feature = device.feature(pair[1])
    if feature is None or feature.role not in (SERVER, SPECIAL):
        raise SpineError("serverAddress", "no such server feature", "read the discovery", ErrorNumber.DESTINATION_UNKNOWN)
    wanted = asked.server_feature_type if asked else None
    if wanted not in (None, GENERIC, feature.type):
        raise SpineError("serverFeatureType", f"{wanted:.60} is not {feature.type}", "read the discovery")


def _theirs(link: Link, ident: FeatureId) -> FeatureAddress:
    return FeatureAddress(device=link.remote.address, entity=ident[0], feature=ident[1])
