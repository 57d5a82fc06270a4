"""A wallbox over real TLS: sessions, limits, fallbacks, faults."""

from datetime import timedelta
from decimal import Decimal

import msgspec
from tests.stations.eebus.kit import House, joined, until

from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.sim.eebus.deviations import LIKE_ELLI, LIKE_PORSCHE, Deviation
from chargebridge.sim.eebus.device import Device
from chargebridge.sim.eebus.wallbox import VirtualWallbox, WallboxPlan
from chargebridge.sim.world.clock import FastClock
from chargebridge.stations.eebus.ahead import Step
from chargebridge.stations.eebus.seen import Way
from chargebridge.stations.events import ChargingNeeds, ChargingSchedule
from chargebridge.stations.port import Outcome
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases import cevc
from chargebridge.wire.eebus.usecases.charging_station import ChargingStation
from chargebridge.wire.eebus.usecases.curves import Slot
from chargebridge.wire.eebus.usecases.evcc import Identification


async def test_a_car_comes_charges_and_goes(tmp_path):
    async with joined(tmp_path, speed=5.0) as (house, box):
        assert house.statuses() == ["available"]
        assert (house.sink.boots[0].vendor, house.sink.boots[0].model, house.sink.boots[0].protocol) == ("Acme", "Home", "eebus")
        answer = await house.box.offer(1, 10.0, 3, 60.0, None)
        assert answer.outcome is Outcome.ACCEPTED, answer
        box.plug()
        await until(lambda: house.box.bays and house.box.bays[1].evse.transaction and "charging" in house.statuses(), what="it charges")
        await until(lambda: box.allowed_a == 10.0, what="the offer that stood before it came holds")
        answer = await house.box.offer(1, 8.0, 3, 60.0, house.box.bays[1].evse.transaction)
        assert answer.outcome is Outcome.ACCEPTED, answer
        assert box.allowed_a == 8.0
        await until(lambda: any(m.current_a == (8.0, 8.0, 8.0) for _, m in house.sink.measurements), what="it is measured")
        await until(lambda: (house.energy_wh or 0) > 20, what="energy is told")
        box.unplug()
        await until(lambda: house.statuses()[-1] == "available", what="it is free again")
        ((start, stop, reason),) = house.sink.transactions()
        true_wh = box.garage.measure(1).energy_wh
        assert start == 0
        assert abs(stop - true_wh) < 20.0, "no more than flows until it is told again"
        assert reason == "EVDisconnected"
        assert [event.token for event in house.sink.events() if event.token] == ["HOME"]


async def charging(house, box, current_a=10.0, valid_s=60.0, car=None):
    """A car charges at what was offered."""
    box.plug(car=car)
    await until(lambda: house.box.bays[1].evse.transaction, what="a session begins")
    await until(lambda: house.box.bays[1].seen.way, what="it is known how the car is limited")
    answer = await house.box.offer(1, current_a, 3, valid_s, house.box.bays[1].evse.transaction)
    assert answer.outcome is Outcome.ACCEPTED, answer
    await until(lambda: box.garage.measure(1).current_a[0] > 0.9 * current_a, what="it charges")
    return house.box.bays[1].evse.transaction


async def test_what_is_below_the_least_current_is_a_pause_also_where_that_is_no_zero(tmp_path):
    async with joined(tmp_path, WallboxPlan(pause_a=0.1, minimum_a=7.0)) as (house, box):
        running = await charging(house, box)
        for offered, taken in ((6.5, 0.0), (0.0, 0.0), (7.0, 7.0), (20.0, 16.0)):
            answer = await house.box.offer(1, offered, 3, 60.0, running)
            assert (answer.outcome, box.allowed_a) == (Outcome.ACCEPTED, taken), offered


async def test_an_offer_that_expires_leaves_the_fallback(tmp_path):
    async with joined(tmp_path, speed=5.0) as (house, box):
        await charging(house, box, 12.0, valid_s=10.0)
        assert box.allowed_a == 12.0
        await until(lambda: box.allowed_a == 6.0, what="the point's fallback holds")


async def test_a_connection_that_is_lost_leaves_the_safe_current_and_the_session_goes_on(tmp_path):
    async with joined(tmp_path, WallboxPlan(safe_a=7.0)) as (house, box):
        running = await charging(house, box)
        address, ski = house.device.address, house.device.ski
        await house.device.stop()
        await until(lambda: box.allowed_a == 7.0, 6.0, "it falls to its own safe current")
        await until(lambda: "-WB" in house.sink.connections, what="the site hears that it is away")
        house.device._task = None
        await house.stop()
        house = await House(tmp_path, box.ski, identity=house.identity).start()
        try:
            assert house.device.ski == ski
            await box.device.hub.pair(ski, address=house.device.address)
            assert address != house.device.address
            await until(lambda: house.box.online and house.box.bays[1].evse.transaction == running, what="the same session")
            answer = await house.box.offer(1, 9.0, 3, 60.0, running)
            assert answer.outcome is Outcome.ACCEPTED
            await until(lambda: box.allowed_a == 9.0, 5.0, "it holds once our heartbeat is heard")
            box.unplug()
            await until(lambda: house.sink.transactions()[0][1] is not None, what="it ends")
            assert abs(house.sink.transactions()[0][1] - box.garage.measure(1).energy_wh) < 15
            assert len(house.sink.transactions()) == 1
        finally:
            await house.stop()


async def test_wallboxes_that_deviate_are_limited_all_the_same(tmp_path):
    for number, deviations in enumerate((LIKE_ELLI, LIKE_PORSCHE)):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with joined(folder, WallboxPlan(deviations=deviations)) as (house, box):
            running = await charging(house, box)
            assert (await house.box.offer(1, 0.0, 3, 60.0, running)).outcome is Outcome.ACCEPTED
            assert box.allowed_a == 0.0
            box.unplug()
            await until(lambda house=house: house.sink.transactions()[0][1] is not None, what="the session ends")


async def test_a_car_that_refuses_limits_is_told_as_such(tmp_path):
    async with joined(tmp_path, WallboxPlan(deviations=frozenset({Deviation.REFUSES}))) as (house, box):
        box.plug()
        await until(lambda: house.box.bays[1].seen.way, what="it is known how the car is limited")
        answer = await house.box.offer(1, 10.0, 3, 60.0, house.box.bays[1].evse.transaction)
        assert (answer.outcome, answer.detail) == (Outcome.REJECTED, "error 7")


async def test_a_car_without_limits_is_told_as_such(tmp_path):
    async with joined(tmp_path, WallboxPlan(deviations=frozenset({Deviation.NO_OPEV}))) as (house, box):
        box.plug()
        await until(lambda: house.box.bays[1].evse.transaction, what="a session begins")
        answer = await house.box.offer(1, 10.0, 3, 60.0, house.box.bays[1].evse.transaction)
        assert answer.outcome is Outcome.UNSUPPORTED
        assert "neither OPEV nor LPC" in answer.detail


async def test_a_wallbox_of_lpc_and_mpc_only(tmp_path):
    async with joined(tmp_path, WallboxPlan(powers_only=True, failsafe_w=11_000), safe_current_a=None, speed=5.0) as (house, box):
        await until(lambda: house.box.bays and house.box.bays[1].evse.transaction, what="a car may be there at any time")
        await until(lambda: house.guard.systems[box.ski, (1,)].answer is not None, what="the first limit is answered")
        answer = await house.box.offer(1, 10.0, 3, 60.0, house.box.bays[1].evse.transaction)
        assert (answer.outcome, box.allowed_a) == (Outcome.ACCEPTED, 10.0)
        answer = await house.box.write_fallback(1, 6.0)
        assert answer.outcome is Outcome.ACCEPTED, answer
        await until(lambda: house.guard.report((box.ski, (1,))).failsafe_w == 4140, what="the wallbox says so")
        assert (await house.box.offer(1, 3.0, 3, 60.0, None)).outcome is Outcome.ACCEPTED
        assert box.allowed_a == 0.0, "below the least current is none"
        assert (await house.box.offer(1, 16.0, 3, 60.0, None)).outcome is Outcome.ACCEPTED
        await until(lambda: (house.energy_wh or 0) > 3, what="the growth of its register is the session's energy")


async def test_the_fallback_is_the_installer_s_and_said_so(tmp_path):
    async with joined(tmp_path, safe_current_a=10.0) as (house, _):
        answer = await house.box.write_fallback(1, 6.0)
        assert answer.outcome is Outcome.REJECTED
        assert "10 A" in answer.detail
        assert (await house.box.write_fallback(1, 10.0)).outcome is Outcome.ACCEPTED
        house.box.settings = msgspec.structs.replace(house.box.settings, safe_current_a=None)
        answer = await house.box.write_fallback(1, 10.0)
        assert answer.outcome is Outcome.UNSUPPORTED
        assert "safe_current_a" in answer.detail


async def test_start_stop_and_what_eebus_has_no_word_for(tmp_path):
    async with joined(tmp_path) as (house, box):
        assert (await house.box.remote_start(1, "PAGE")).outcome is Outcome.REJECTED
        running = await charging(house, box)
        assert (await house.box.remote_stop(1, "another")).outcome is Outcome.REJECTED
        assert (await house.box.remote_stop(1, running)).outcome is Outcome.ACCEPTED
        await until(lambda: box.allowed_a == 0.0, what="it does not charge any more")
        assert house.sink.transactions()[0][2] == "Remote"
        assert (await house.box.offer(1, 10.0, 3, 60.0, running)).outcome is Outcome.REJECTED
        assert (await house.box.remote_start(1, "PAGE")).outcome is Outcome.ACCEPTED
        answer = await house.box.offer(1, 10.0, 3, 60.0, house.box.bays[1].evse.transaction)
        assert (answer.outcome, box.allowed_a) == (Outcome.ACCEPTED, 10.0)
        said = [await house.box.discharge(1, 1000, 60, running), await house.box.report_limits(1), await house.box.reset(hard=True)]
        assert {answer.outcome for answer in said} == {Outcome.UNSUPPORTED}
        assert all(answer.detail for answer in said)
        assert (await house.box.offer(2, 10.0, 3, 60.0, None)).outcome is Outcome.UNSUPPORTED
        assert (await house.box.offer(1, 10.0, 1, 60.0, None)).outcome is Outcome.UNSUPPORTED


async def test_who_a_car_is_how_full_it_is_and_that_the_wallbox_fails(tmp_path):
    car = msgspec.structs.replace(
        WallboxPlan().car, standard="iso15118-2ed1", identifications=(Identification("eui48", "001122334455"),), battery=True
    )
    async with joined(tmp_path) as (house, box):
        await charging(house, box, car=car)
        assert [event.token for event in house.sink.events() if event.token] == ["00:11:22:33:44:55"]
        await until(lambda: any(m.soc is not None and 0.19 < m.soc < 0.21 for _, m in house.sink.measurements), what="how full it is")
        await box.device.hub.act(lambda now: box.station.operating("failure", "E17"))
        await until(lambda: house.sink.statuses[-1][3] == "failure E17", what="the fault is told")
        assert house.statuses()[-1] == "charging", "a car that may draw is not hidden by it"


async def test_a_quiet_wallbox_is_asked_and_so_stays_known(tmp_path):
    async with joined(tmp_path, speed=10.0) as (house, box):
        await charging(house, box, valid_s=600.0)
        box.silent = True
        before = len(house.sink.measurements)
        heard = house.box.bays[1].measured_at
        await until(lambda: house.box.bays[1].measured_at > heard + timedelta(seconds=14), what="it has answered what was asked")
        await until(lambda: len(house.sink.measurements) > before, what="and so was measured")


async def test_a_car_that_coordinates_is_heard_and_told_what_is_planned(tmp_path):
    """CEVC: its demand becomes the session's needs, our plan its curve of power and prices, its own plan is told to the site."""
    car = msgspec.structs.replace(WallboxPlan().car, standard="iso15118-2ed2", coordinated=True)
    async with joined(tmp_path) as (house, box):
        await charging(house, box, car=car)
        now = house.box._clock.now()
        leaves = now + timedelta(hours=8)
        vehicle = box.station.vehicle.coordination
        await until(lambda: [int(slot.most) for slot in vehicle.limits] == [11_040], what="as long as nothing is planned, all there is")
        demand = cevc.Demand(least_wh=Decimal(5000), wished_wh=Decimal(20000), most_wh=Decimal(30000), departure=leaves)
        await box.device.hub.act(lambda at: vehicle.demand(demand))
        told = await until(lambda: [e for e in house.sink.told_events if isinstance(e, ChargingNeeds) and e.energy_wh], what="its demand")
        assert told[-1].energy_wh == 20_000
        assert abs(told[-1].departure_at - leaves) < timedelta(seconds=10)

        begin = now - timedelta(minutes=5)
        powers = (11_000.0, 11_000.0, 0.0, 7_000.0)
        steps = tuple(
            Step(start=begin + timedelta(minutes=15 * i), end=begin + timedelta(minutes=15 * i + 15), power_w=power, price=0.2 + i / 10)
            for i, power in enumerate(powers)
        )
        house.boxes.plan_by(lambda station, evse: steps if (station, evse) == ("WB", 1) else ())
        await until(lambda: [int(slot.most) for slot in vehicle.limits] == [11_000, 0, 7_000], what="our curve is in the car")
        assert [float(slot.value) for slot in vehicle.prices] == [0.2, 0.3, 0.4, 0.5]

        plan = (
            Slot(start=now, end=now + timedelta(minutes=25), value=Decimal(11_000)),
            Slot(start=now + timedelta(minutes=25), end=now + timedelta(minutes=60), value=Decimal(9_000)),
        )
        await box.device.hub.act(lambda at: vehicle.plan(plan))
        told = await until(lambda: [e for e in house.sink.told_events if isinstance(e, ChargingSchedule)], what="its plan")
        assert [period["limit"] for period in told[-1].schedule["chargingSchedulePeriod"]] == [11_000, 9_000]
        assert len(told[-1].outside) == 1, told[-1].outside


async def test_a_wallbox_with_two_sockets_has_two_evses(tmp_path):
    box = Device("Acme-Twin-1", LocalDevice("d:_n:Acme_Twin-1", "ChargingStation"), FastClock(1.0))
    node, maker = box.hub.node, DeviceClassificationManufacturerData(device_name="Twin", brand_name="Acme")
    sockets = [ChargingStation(node, node.device.add((number,), "EVSE"), maker) for number in (1, 2)]
    house = await House(tmp_path, box.ski).start()
    try:
        async with box:
            await box.hub.pair(house.device.ski, address=house.device.address)
            await until(lambda: house.box.online and len(house.box.bays) == 2, what="both are there")
            await box.hub.act(lambda now: sockets[1].plug(WallboxPlan().car, now))
            await until(lambda: house.box.bays[2].evse.transaction and house.box.bays[2].seen.way, what="a car at the second")
            assert house.box.bays[1].evse.transaction is None
            answer = await house.box.offer(2, 9.0, 3, 60.0, house.box.bays[2].evse.transaction)
            assert answer.outcome is Outcome.ACCEPTED
            assert sockets[1].vehicle.currents_a == (9, 9, 9)
            assert {event.evse for event in house.sink.events()} == {2}
            assert {(evse, status.value) for _, evse, status, _ in house.sink.statuses} >= {(1, "available"), (2, "available")}
    finally:
        await house.stop()


async def test_where_cars_with_and_without_opev_come_to_a_wallbox_with_lpc(tmp_path):
    """What limits the one must not keep the other from charging."""
    async with joined(tmp_path, WallboxPlan(powers=True, failsafe_w=11_000)) as (house, box):
        without = frozenset({Deviation.NO_OPEV})
        for number, deviations in enumerate((frozenset(), without, frozenset())):
            box.plan = msgspec.structs.replace(box.plan, deviations=deviations)
            box.station._deviations = deviations
            running = await charging(house, box)
            assert house.box.bays[1].seen.way is (Way.POWER if deviations else Way.CURRENT)
            for offered in (0.0, 9.0):
                answer = await house.box.offer(1, offered, 3, 60.0, running)
                assert answer.outcome is Outcome.ACCEPTED, (number, offered, answer)
                await until(lambda offered=offered: box.allowed_a == offered, what=f"{offered} A holds for car {number}")
            box.unplug()
            await until(lambda: house.statuses()[-1] == "available", what="it has gone")


async def test_a_car_that_does_not_listen_to_us_is_told_as_a_danger(tmp_path):
    async with joined(tmp_path, WallboxPlan(deviations=frozenset({Deviation.DEAF})), speed=10.0) as (house, box):
        box.plug()
        await until(lambda: "does not listen" in (house.sink.statuses[-1][3] or ""), what="half a minute later")
        assert house.sink.statuses[-1][2].has_car
        box.unplug()
        await until(lambda: house.sink.statuses[-1][2:] == ("available", None), what="it goes with the car")


async def test_a_wallbox_that_starts_again_with_the_car_plugged_in_loses_no_energy(tmp_path):
    """Its figure begins anew with it. A car that says who it is goes on in its session."""
    car = msgspec.structs.replace(WallboxPlan().car, standard="iso15118-2ed1", identifications=(Identification("eui48", "001122334455"),))
    async with joined(tmp_path, speed=5.0) as (house, box):
        running = await charging(house, box, current_a=16.0, car=car, valid_s=600.0)
        await until(lambda: (house.energy_wh or 0) > 40, what="some energy is told")
        await box.stop()
        await until(lambda: "-WB" in house.sink.connections, what="the site hears that it is away")
        again = VirtualWallbox(
            box.plan, box.garage, box._clock, peers=(StaticPeer(house.device.ski, house.device.address),), identity=box.device.hub.identity
        )
        async with again:
            again.plug(car=car)
            await until(lambda: house.box.online and house.box.bays[1].evse.transaction == running, what="the same session")
            answer = await house.box.offer(1, 16.0, 3, 600.0, running)
            assert answer.outcome is Outcome.ACCEPTED
            before = house.energy_wh
            await until(lambda: house.energy_wh > before + 40, what="it goes on from what was there")
            true_wh = box.garage.measure(1).energy_wh
            again.unplug()
            await until(lambda: house.sink.transactions()[0][1] is not None, what="it ends")
        ((_, stop, _),) = house.sink.transactions()
        assert true_wh - 60 < stop < true_wh + 30, "but for what it forgot when it was switched off, and what flowed since it was looked at"
