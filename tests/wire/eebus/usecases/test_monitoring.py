"""MPC and MGCP from both sides, and with recorded units."""

from decimal import Decimal

import pytest
from tests.wire.eebus.spine.recorded import ABSENT, FILES
from tests.wire.eebus.usecases.bench import ENTITY, Clock, Wire
from tests.wire.eebus.usecases.replay import Replay, session

from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.usecases.monitoring import Measured, MonitoredUnit, MonitoringAppliance
from chargebridge.wire.eebus.usecases.quantities import CURRENTS, FED_IN, FREQUENCY, IMPORTED, LINE_VOLTAGES, MGCP, MPC, POWER, VOLTAGES

UNIT = ("house", ENTITY)


class Side:
    def __init__(self, address, type_):
        self.node = Node(LocalDevice(address, "Generic"))
        self.entity = self.node.device.add(ENTITY, type_)


def joined(of=MPC):
    clock = Clock()
    unit, reader = Side("d:_n:Acme_Meter-1", "SubMeterElectricity"), Side("d:_n:Acme_House-1", "CEM")
    unit.part, reader.part = MonitoredUnit(unit.node, unit.entity, of, of.quantities), MonitoringAppliance(reader.node, reader.entity, of)
    return Wire(clock, unit, reader, names=("box", "house")).connect()


def test_values_arrive_and_only_what_changed_is_told():
    wire = joined()
    wire.house.part.update({POWER: Decimal(2000), CURRENTS[0]: Decimal("3.1"), LINE_VOLTAGES[2]: Decimal(401)}, wire.clock.now)
    wire.tick()
    assert wire.box.part.values(UNIT) == {POWER: 2000, CURRENTS[0]: Decimal("3.1"), LINE_VOLTAGES[2]: 401}
    said = len(wire.said)
    wire.house.part.update({POWER: Decimal(2000)}, wire.clock.now)
    wire.wait(5, step=1)
    assert len(wire.said) == said
    wire.house.part.update({POWER: Decimal(-500), FREQUENCY: Decimal("49.98")}, wire.clock.now)
    wire.tick()
    _, last = wire.said[-1]
    assert last.cmd.partial
    assert len(last.cmd.data.measurement_data) == 2
    assert wire.box.part.values(UNIT)[POWER] == -500
    assert wire.heard("box", Measured)


def test_fast_changes_are_told_together():
    wire = joined()
    for power in range(10):
        wire.house.part.update({POWER: Decimal(power)}, wire.clock.now)
        wire.tick()
        wire.clock.s += 0.2
    wire.wait(1, step=0.2)
    told = [
        datagram for side, datagram in wire.said if side == "house" and datagram.cmd.name == "measurementListData" and datagram.cmd.partial
    ]
    assert len(told) <= 4
    assert wire.box.part.values(UNIT) == {POWER: 9}


def test_what_is_wrong_is_no_value():
    wire = joined(MGCP)
    wire.house.part.update({POWER: Decimal(1), FED_IN: Decimal(5000), IMPORTED: Decimal(8000)}, wire.clock.now)
    wire.tick().wait(2)
    wire.house.part.update({POWER: None}, wire.clock.now)
    wire.tick()
    assert wire.box.part.values(UNIT) == {FED_IN: 5000, IMPORTED: 8000}
    assert wire.house.node.device.use_cases[0].use_case_support[0].scenario_support == (2, 3, 4, 5, 6, 7)


def test_a_reader_that_comes_later_reads_what_is_there():
    wire = joined()
    wire.house.part.update({VOLTAGES[1]: Decimal(230)}, wire.clock.now)
    wire.tick().disconnect().connect()
    assert wire.box.part.values(UNIT) == {VOLTAGES[1]: 230}


@pytest.mark.skipif(not FILES, reason=ABSENT)
def test_values_of_a_recorded_heat_pump_and_its_grid_connection_are_read():
    replay = Replay(session("02", "EG"))
    heat_pump = MonitoringAppliance(replay.node, replay.device.entities[ENTITY], MPC)
    grid = MonitoringAppliance(replay.node, replay.device.entities[ENTITY], MGCP)
    replay.run()
    assert heat_pump.values(("peer", (1,)))[POWER] > 0
    assert ("peer", (3,)) in grid.units
    assert all(quantity in MGCP.quantities for quantity in grid.values(("peer", (3,))))
