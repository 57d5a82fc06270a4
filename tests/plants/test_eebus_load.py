"""A heat pump as a load of the site, over real TLS."""

from decimal import Decimal

import pytest
from eebus_kit import LOAD, House, joined, until
from msgspec.structs import replace

from chargebridge.plants import PlantOutcome
from chargebridge.sim.eebus.device import Device
from chargebridge.sim.eebus.heat_pump import HeatPumpPlan, Thermal, VirtualHeatPump
from chargebridge.sim.world.clock import FastClock
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases.limitation import Memory, State
from chargebridge.wire.eebus.usecases.monitoring import MonitoredUnit
from chargebridge.wire.eebus.usecases.quantities import MPC, POWER

COLD = HeatPumpPlan(ramp_w_per_s=1e6)


def cold(pump):
    """It wants all that it can get."""
    pump.thermal.tank_c = 30.0


def answered(house, limit_w, outcome):
    """Its newest word, where it is that."""
    answer = house.report.answer
    return answer if answer is not None and (answer.limit_w, answer.outcome) == (limit_w, outcome) else None


async def test_LPC_TS_043_TS_043_4_it_takes_a_limit_tells_what_it_draws_and_is_released():  # noqa: N802
    async with joined(COLD) as (house, pump):
        cold(pump)
        assert pump.state is State.INIT, "nobody has said yet what it is to keep to: nothing is written"
        answer = await house.plant.set_limit(None)
        assert (answer.outcome, pump.state) == (PlantOutcome.ACCEPTED, State.CONTROLLED)
        await until(lambda: (house.report.power_w or 0) > 8000)
        assert house.report.nominal_w == 9020
        assert house.report.measured_at is not None
        answer = await house.plant.set_limit(4200.7)
        assert answer.outcome is PlantOutcome.ACCEPTED
        assert pump.limit_w == 4200
        await until(lambda: house.report.power_w <= 4200)
        assert (await house.plant.set_limit(0.0)).outcome is PlantOutcome.ACCEPTED
        assert pump.limit_w == 0
        await until(lambda: house.report.power_w <= COLD.standby_w)
        await house.plant.set_limit(None)
        assert (pump.limit_w, pump.state) == (None, State.CONTROLLED)


async def test_failsafe_values_are_written_once_a_limit_was_taken():
    load = replace(LOAD, failsafe_w=2500.0, failsafe_s=10_800.0)
    async with joined(load=load) as (house, pump):
        assert pump.memory.failsafe_w == 3000
        await house.plant.set_limit(None)
        await until(lambda: pump.memory == Memory(failsafe_w=2500, failsafe_s=10_800.0))
        await until(lambda: (house.report.failsafe_w, house.report.failsafe_s) == (2500, 10_800))
        assert not house.faults


async def test_failsafe_values_that_it_does_not_take_are_told_as_it_keeps_them():
    """LPC-022/5: a duration above its maximum is refused, and its maximum holds."""
    plan = HeatPumpPlan(failsafe_max_s=7200.0)
    async with joined(plan, load=replace(LOAD, failsafe_s=86_400.0), speed=60.0) as (house, _):
        await house.plant.set_limit(None)
        fault = await until(lambda: house.faults and house.faults[0])
        assert "keeps to 4200 W for 7200 s without us" in fault.reason
        assert house.report.failsafe_s == 7200


async def test_what_it_is_to_keep_is_the_first_that_it_hears():
    async with VirtualHeatPump(COLD, FastClock(1.0)) as pump, House(pump.ski) as house:
        answer = await house.plant.set_limit(3000.0)
        assert answer.outcome is PlantOutcome.OFFLINE
        states = set()
        await pump.device.hub.pair(house.device.ski, address=house.device.address)
        await until(lambda: states.add(pump.state) or pump.limit_w == 3000)
        await until(lambda: states.add(pump.state) or pump.state is State.LIMITED)
        assert states == {State.INIT, State.LIMITED}, "at no time was it free"
        await until(lambda: answered(house, 3000.0, PlantOutcome.ACCEPTED))


async def test_a_refusal_is_told_and_tried_again_after_a_minute():
    async with joined(COLD, speed=20.0) as (house, pump):
        await house.plant.set_limit(None)
        pump.refuses = "the tank would freeze"
        answer = await house.plant.set_limit(1000.0)
        assert answer.outcome is PlantOutcome.REJECTED
        assert "error 7" in answer.detail
        refused_at = house.clock.now()
        pump.refuses = ""
        answer = await until(lambda: answered(house, 1000.0, PlantOutcome.ACCEPTED))
        assert pump.limit_w == 1000
        assert (answer.at - refused_at).total_seconds() >= 55


async def test_a_limit_that_it_lets_go_is_a_refusal_until_it_is_taken_again():
    async with joined(COLD, speed=20.0) as (house, pump):
        await house.plant.set_limit(1000.0)
        await pump.device.hub.act(lambda now: pump.system.interrupt(pump.system.limits[0], now))
        await until(lambda: pump.limit_w is None)
        answer = await until(lambda: answered(house, 1000.0, PlantOutcome.REJECTED))
        assert "let go" in answer.detail
        await until(lambda: pump.limit_w == 1000 and answered(house, 1000.0, PlantOutcome.ACCEPTED))


async def test_when_we_are_silent_it_goes_to_its_failsafe_limit_and_comes_back_to_ours():
    async with VirtualHeatPump(COLD, FastClock(30.0)) as pump:
        async with House(pump.ski, speed=30.0) as house:
            identity = house.device.hub.identity
            await pump.device.hub.pair(house.device.ski, address=house.device.address)
            await until(lambda: house.report is not None and house.report.online)
            await house.plant.set_limit(None)
            await until(lambda: house.report.failsafe_w == 4200)
        await until(lambda: pump.state is State.FAILSAFE, what="120 s without our heartbeat")
        assert pump.limit_w == 4200
        async with House(pump.ski, speed=30.0, identity=identity) as house:
            await pump.device.hub.pair(house.device.ski, address=house.device.address)
            await house.plant.set_limit(2000.0)
            await until(lambda: pump.limit_w == 2000)


async def test_silence_of_the_pump_is_seen_at_once_and_told():
    async with joined(speed=60.0) as (house, pump):
        await house.plant.set_limit(4200.0)
        heard_at = house.report.heard_at
        await pump.stop()
        await until(lambda: not house.report.online)
        assert (house.report.power_w, house.report.nominal_w) == (None, 9020), "what it draws is not known, what it is stays known"
        assert house.report.heard_at >= heard_at
        fault = await until(lambda: house.faults and house.faults[-1])
        assert fault.reason
        assert fault.cure


async def test_a_pump_that_began_anew_gets_its_limit_again():
    clock = FastClock(1.0)
    async with joined(COLD) as (house, pump):
        await house.plant.set_limit(3500.0)
        hub, port = pump.device.hub, pump.device.address.port
        identity, trust, memory = hub.identity, hub.trust, pump.memory
        await pump.stop()
        async with VirtualHeatPump(COLD, clock, identity=identity, trust=trust, memory=memory, port=port) as again:
            assert again.limit_w == again.memory.failsafe_w
            await again.device.hub.pair(house.device.ski, address=house.device.address)
            await until(lambda: again.state is State.LIMITED and again.limit_w == 3500)


async def test_nonsense_is_no_limit():
    async with House("0" * 40) as house:
        for watts in (-1.0, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="is no limit"):
                await house.plant.set_limit(watts)


async def test_a_battery_tells_what_it_draws_and_takes_no_set_point():
    async with joined(COLD, kind="battery") as (house, pump):
        cold(pump)
        await until(lambda: house.report.power_w > 2500)
        assert house.report.stored_wh is None
        assert (await house.plant.set_power(0.0, 30.0)).outcome is PlantOutcome.UNSUPPORTED


async def test_an_inverter_is_read_like_a_meter_and_gives_with_a_minus():
    clock = FastClock(60.0)
    inverter = Device("Acme-Inverter-1", LocalDevice("d:_n:Acme_Inverter-1", "Inverter"), clock)
    node = inverter.hub.node
    unit = MonitoredUnit(node, node.device.add((1,), "Inverter"), MPC, (POWER,))
    async with inverter, House(inverter.ski, kind="inverter", speed=60.0) as house:
        await inverter.hub.pair(house.device.ski, address=house.device.address)
        await inverter.hub.act(lambda now: unit.update({POWER: Decimal(-3200)}, now))
        await until(lambda: house.report is not None and house.report.power_w == -3200)
        assert house.report.meter == "inverter pv"
        said_at = house.report.received_at
        await until(lambda: house.report.received_at > said_at, what="what has not changed is told again while it is connected")
        await inverter.hub.act(lambda now: unit.update({POWER: None}, now))
        fault = await until(lambda: house.faults and house.faults[-1])
        assert fault.reason == "tells no power (MPC)"


def test_the_house_at_two_degrees_is_kept_warm_all_day_and_a_mild_day_is_cycles():
    for outside_c, least_kwh, most_kwh, starts in ((2.0, 20, 35, range(1, 4)), (12.0, 6, 14, range(5, 60))):
        thermal, began, was = Thermal(HeatPumpPlan(outside_c=outside_c)), 0, False
        coldest = warmest = thermal.tank_c
        for _ in range(24 * 360):
            thermal.step(10.0, None)
            began, was = began + (thermal.on and not was), thermal.on
            coldest, warmest = min(coldest, thermal.tank_c), max(warmest, thermal.tank_c)
        assert least_kwh < thermal.energy_wh / 1000 < most_kwh
        assert began in starts
        assert 40 < coldest < warmest < 50
        assert thermal.rod_w == 0


def test_under_a_limit_the_rod_goes_first_and_then_the_compressor():
    thermal = Thermal(COLD)
    thermal.tank_c = 30.0
    for limit_w, compressor_w, rod_w in ((None, 4000, 5000), (6020, 4000, 2000), (3020, 3000, 0), (500, 0, 0), (0, 0, 0)):
        thermal.step(1.0, limit_w)
        assert (thermal.compressor_w, thermal.rod_w) == (compressor_w, rod_w), limit_w
