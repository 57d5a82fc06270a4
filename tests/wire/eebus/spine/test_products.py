"""Discovery and use cases of real products, as they said them to other energy managers."""

from datetime import UTC, datetime

import pytest
from tests.wire.eebus.spine.recorded import ABSENT, FILES, compact, datagrams

from chargebridge.wire.eebus.spine.datagram import decode, encode
from chargebridge.wire.eebus.spine.events import Discovered, Malformed
from chargebridge.wire.eebus.spine.local import LocalDevice, Now
from chargebridge.wire.eebus.spine.node import Node

PRODUCTS = sorted(file for file in FILES if file.name.endswith("_discovery-data.json"))
NOW = Now(0.0, datetime(2026, 11, 21, tzinfo=UTC))
pytestmark = pytest.mark.skipif(not PRODUCTS, reason=ABSENT)


def heard(file):
    """A node that has heard a product's discovery and use cases."""
    said = [decode(compact(one)) for kind in ("discovery", "usecase") for one in _file(file, kind)]
    node = Node(LocalDevice(said[0].header.address_destination.device, "EnergyManagementSystem"))
    events = node.connect("peer", NOW)
    for datagram in said:
        header = datagram.header
        # Serial numbers were made unreadable, not everywhere alike.
        node.device.address, node.links["peer"].remote.address = header.address_destination.device, header.address_source.device
        events += node.receive("peer", encode(datagram), NOW)
    return node.links["peer"].remote, events


def _file(file, kind):
    other = file.with_name(file.name.replace("_discovery-", f"_{kind}-"))
    return list(datagrams(other)) if other.exists() else []


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda file: file.name.removesuffix("_discovery-data.json"))
def test_a_product_is_understood(product):
    remote, events = heard(product)
    assert not [event for event in events if isinstance(event, Malformed)]
    assert Discovered("peer") in events
    assert remote.address
    assert len(remote.features) >= 3
    for one in remote.use_cases:
        assert one.name
        assert one.actor


def test_use_cases_without_an_entity_are_found_by_their_features():
    (elli,) = [file for file in PRODUCTS if file.name.startswith("elli")]
    remote, _ = heard(elli)
    limits = [one for one in remote.use_cases if one.name == "overloadProtectionByEvChargingCurrentCurtailment"]
    assert limits
    assert remote.entities_with(limits[0].name, (limits[0].actor,), "LoadControl", "server")
