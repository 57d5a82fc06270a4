"""The recorded session of an energy manager with a wallbox and a car again, with our node in the place of either side; and what products say."""

from decimal import Decimal

import msgspec
import pytest
from tests.wire.eebus.spine.recorded import ABSENT, FILES, compact, datagrams
from tests.wire.eebus.spine.test_products import NOW, PRODUCTS, _file
from tests.wire.eebus.usecases.emobility_bench import amps
from tests.wire.eebus.usecases.replay import Replay, session, tree

from chargebridge.wire.eebus.spine.datagram import decode, encode
from chargebridge.wire.eebus.spine.events import Send
from chargebridge.wire.eebus.spine.functions import Unknown
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitListData
from chargebridge.wire.eebus.spine.local import LocalDevice, LocalEntity
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.usecases.charging_station import ChargingStation
from chargebridge.wire.eebus.usecases.current_limits import Permitted
from chargebridge.wire.eebus.usecases.curtailment import State
from chargebridge.wire.eebus.usecases.energy_manager import CarConnected, CarGone, CurrentsAnswered, EnergyManager
from chargebridge.wire.eebus.usecases.evcc import ISO_15118_ED1, Identification
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.oscev import OSCEV
from chargebridge.wire.eebus.usecases.vehicle import Vehicle
from chargebridge.wire.eebus.usecases.vehicle_data import CarSettings

pytestmark = pytest.mark.skipif(not FILES, reason=ABSENT)
EVSE, CAR = ("peer", (1,)), ("peer", (1, 1))


def test_an_energy_manager_sees_and_limits_the_recorded_car():
    """Session 06 in the manager's place: the same requests, the same writes; the car is known as it was, and leaves as it did."""
    replay = Replay(session("06", "CEM"))
    use_cases = replay.device.use_cases
    manager = EnergyManager(replay.node, replay.device.entities[1,], replay.start)
    replay.device.use_cases = use_cases
    seen = []

    def act(said):
        if said.ours and said.header.msg_counter == 45:
            seen.append(manager.evse(EVSE))
            manager.limit(EVSE, amps(8, 8, 8), said.at)
        elif said.ours and said.header.msg_counter == 47:
            manager.recommend(EVSE, amps(12.5, None, None), said.at)
        replay.take(replay.node.tick(said.at), said.at)

    replay.run(before=act)
    car = seen[0].car
    assert (car.commissioned.standard, car.commissioned.asymmetric) == ("iso15118-2ed1", False)
    assert car.commissioned.identifications == (Identification("eui48", "AA:BB:CC:DD:EE:FF"),)
    assert (car.commissioned.maker.device_name, seen[0].commissioned.maker.device_name) == ("PyCar", "PyBox")
    assert (car.measured.phases, car.measured.energy_wh, car.measured.power_w) == (3, 1234, 7038)
    assert car.measured.currents_a == amps(10.6, 10.2, 10.2)
    assert car.battery.soc_pct == 55
    assert [one.permitted for one in car.obligation] == [Permitted(Decimal(6), Decimal(16), Decimal("0.1"))] * 3
    assert seen[0].listens
    recorded = [one.cmd for one in replay.said if one.ours and one.header.cmd_classifier == "write"]
    ours = [one.cmd for one in replay.sent if one.header.cmd_classifier == "write"]
    assert [(cmd.name, tree(cmd.data), cmd.partial) for cmd in ours[:1]] == [
        (cmd.name, tree(cmd.data), cmd.partial) for cmd in recorded[:1]
    ]
    # The recorded side recommends for one phase only; ours says something of each.
    assert tree(ours[1].data)["loadControlLimitData"][:1] == tree(recorded[1].data)["loadControlLimitData"]
    assert [event.number for event in replay.events if isinstance(event, CurrentsAnswered)] == [0, 0]
    assert [type(event) for event in replay.events if isinstance(event, CarConnected | CarGone)] == [CarConnected, CarGone]
    assert manager.evse(EVSE).car is None
    asked = {one.key[:4] for one in replay.said if one.ours and one.header.cmd_classifier == "read"}
    assert {(key[1], key[2]) for key in asked} <= {(one.key[1], one.key[2]) for one in replay.sent if one.header.cmd_classifier == "read"}


def with_our_ids(said):
    """The recorded recommendations had the ids 10 to 12; ours come right after the obligations."""
    if said.header.cmd_classifier != "write":
        return said
    rows = tuple(
        msgspec.structs.replace(row, limit_id=row.limit_id - 7 if row.limit_id >= 10 else row.limit_id)
        for row in said.cmd.data.load_control_limit_data
    )
    cmd = msgspec.structs.replace(said.cmd, data=LoadControlLimitListData(load_control_limit_data=rows))
    return msgspec.structs.replace(said, datagram=msgspec.structs.replace(said.datagram, cmds=(cmd,)))


def test_a_wallbox_with_a_car_takes_the_recorded_limits():
    """Session 06 in the wallbox's place: every request of the recorded manager has the answer that it had, and the limits end as they did."""
    replay = Replay([with_our_ids(one) for one in session("06", "EVSE")])
    before = replay.device.entities.pop((1, 1))
    evse = replay.device.entities[1,]
    replay.device.use_cases = []
    maker = evse.feature("DeviceClassification", "server").data["deviceClassificationManufacturerData"]
    ChargingStation(replay.node, evse, maker)
    car = CarSettings(
        permitted=Permitted(Decimal(6), Decimal(16), Decimal("0.1")),
        safe_a=Decimal(7),
        standard=ISO_15118_ED1,
        identifications=(Identification("eui48", "AA:BB:CC:DD:EE:FF"),),
        recommendations=True,
        battery=True,
    )
    vehicles = []

    def act(said):
        function = said.cmd.name == "nodeManagementDetailedDiscoveryData" and said.header.cmd_classifier == "notify"
        if said.ours and function and not vehicles:
            entity = LocalEntity(before.ident, "EV")
            for number, feature in before.features.items():
                entity.add(feature.type, feature.role, number)
            replay.device.entities[before.ident] = entity
            vehicles.append(Vehicle(replay.node, entity, car, said.at))
            replay.take(replay.node.add_entity(entity.ident, said.at), said.at)
        elif said.ours and function:
            vehicles.append((vehicles[0].machine, vehicles[0].currents_a))
            vehicles[0].leave()
            replay.take(replay.node.remove_entity(before.ident, said.at), said.at)

    replay.run(before=act)
    count = 0
    for request, recorded, given in replay.answers():
        assert given is not None, request.cmd
        assert (given.header.cmd_classifier, given.cmd.name) == (recorded.header.cmd_classifier, recorded.cmd.name), request.cmd
        if given.cmd.name == "resultData":
            assert given.cmd.data.error_number == recorded.cmd.data.error_number, request.cmd
        count += 1
    assert count > 25
    machine, _ = vehicles[1]
    assert [one.limit_a for one in machine.obligation] == [8, 8, 8]
    assert [one and one.limit_a for one in machine.recommendation] == [Decimal("12.5"), None, None]
    assert machine.state in (State.GUARDED, State.SILENT)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda file: file.name.removesuffix("_discovery-data.json"))
def test_a_products_wallbox_and_car_are_found(product):
    """By what they announce, whatever is missing in it."""
    said = [decode(compact(one)) for kind in ("discovery", "usecase") for one in _file(product, kind)]
    node = Node(LocalDevice(said[0].header.address_destination.device, "EnergyManagementSystem"))
    manager = EnergyManager(node, node.device.add((1,), "CEM"), NOW)
    events = node.connect("peer", NOW)
    for datagram in said:
        header = datagram.header
        node.device.address, node.links["peer"].remote.address = header.address_destination.device, header.address_source.device
        events += node.receive("peer", encode(datagram), NOW)
    wallbox = product.name.startswith(("elli", "porsche", "spelsberg"))
    assert list(manager.evses) == ([EVSE] if wallbox else [])
    assert manager.cars == ({CAR: (1,)} if wallbox else {})
    if wallbox:
        assert {OPEV.name, OSCEV.name} <= manager.evse(EVSE).car.use_cases
        asked = [decode(event.data).cmd.name for event in events if isinstance(event, Send)]
        assert "loadControlLimitListData" in asked
        assert "nodeManagementBindingRequestCall" in asked


def test_all_recorded_data_of_cars_are_typed():
    names = set()
    for file in FILES:
        for message in datagrams(file):
            for cmd in decode(compact(message)).cmds:
                assert not isinstance(cmd.data, Unknown), (file, cmd.name)
                names.add(cmd.name)
    assert {"electricalConnectionPermittedValueSetListData", "identificationListData", "measurementListData"} <= names
