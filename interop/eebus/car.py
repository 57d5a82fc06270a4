"""E-mobility from both sides: their energy manager and our wallbox with its car, our energy manager and theirs (EVSECC to EVSOC)."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.usecases import curtailment, evcc
from chargebridge.wire.eebus.usecases.cevc import Demand
from chargebridge.wire.eebus.usecases.charging_station import ChargingStation
from chargebridge.wire.eebus.usecases.current_limits import CurrentLimit, Permitted, Standings
from chargebridge.wire.eebus.usecases.curves import Slot
from chargebridge.wire.eebus.usecases.energy_manager import Car, CarGone, CurrentsAnswered, EnergyManager
from chargebridge.wire.eebus.usecases.evcc import Identification
from chargebridge.wire.eebus.usecases.evcem import CHARGED
from chargebridge.wire.eebus.usecases.evsoc import SOC
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.oscev import OSCEV
from chargebridge.wire.eebus.usecases.quantities import CURRENTS, POWERS
from chargebridge.wire.eebus.usecases.vehicle_data import CarSettings
from interop.eebus.go_peer import GoPeer
from interop.eebus.lab import Dialled, Ours, Report, joined, until

MAC = "01:02:03:04:05:06"
THREE = (Decimal(0),) * 3
CAR = CarSettings(
    permitted=Permitted(Decimal(6), Decimal(16), Decimal(0)),
    safe_a=Decimal(6),
    standard=evcc.ISO_15118_ED1,
    identifications=(Identification("eui48", MAC),),
    maker=DeviceClassificationManufacturerData(device_name="Car", brand_name="Chargebridge"),
    powers_w=(Decimal(4140), Decimal(11040), Decimal(10)),
    recommendations=True,
    battery=True,
)
MAKER = DeviceClassificationManufacturerData(device_name="Wallbox", brand_name="Chargebridge", serial_number="7")


async def theirs_manages(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    ours = Ours("wallbox", type_="ChargingStation")
    station = ChargingStation(ours.hub.node, ours.entity(1, "EVSE"), MAKER)
    async with joined(ours, program, folder, "cem", dialled) as cem:
        read = await cem.read("evsecc", ours.ski, lambda said: "state" in said and "manufacturer" in said)
        told = read["state"], read["manufacturer"]["serialNumber"]
        report.check("EVSECC, maker and state are read", told == ("normalOperation", "7"), read)
        await ours.hub.act(lambda now: station.operating("failure", "E17"))
        read = await cem.read("evsecc", ours.ski, lambda said: said["state"] == "failure")
        report.check("EVSECC, a failure is told", read["error_code"] == "E17", read)
        await ours.hub.act(lambda now: station.plug(CAR, now))
        await _commissioned(report, ours, station, cem)
        await _measured(report, ours, station, cem)
        await _curtailed(report, ours, station, cem)
        await ours.hub.act(station.unplug)
        gone = await cem.event("cem-evcc-EvDisconnected")
        report.check("EVCC, the car that leaves is told", gone["entity"] == [1, 1], gone)
        seen = sum(event["event"] == "cem-evcc-EvConnected" for event in cem.events)
        await ours.hub.act(lambda now: station.plug(CAR, now))
        again = await until(lambda: sum(event["event"] == "cem-evcc-EvConnected" for event in cem.events) > seen)
        report.check("EVCC, and the one that comes again", again, cem.events[-3:])
        answer = await _currents(cem, ours, "opev", 7.0)
        report.check("OPEV, the new car is limited too", answer == 0 and _written(station, OPEV) == [7, 7, 7], answer)


async def theirs_coordinates(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    ours = Ours("coordinated", type_="ChargingStation")
    station = ChargingStation(ours.hub.node, ours.entity(1, "EVSE"), MAKER)
    async with joined(ours, program, folder, "cem", dialled) as cem:
        await cem.read("evsecc", ours.ski, lambda said: "state" in said)
        await ours.hub.act(lambda now: station.plug(msgspec.structs.replace(CAR, coordinated=True), now))
        assert station.vehicle is not None
        car = station.vehicle.coordination
        assert car is not None
        now = ours.clock.now()
        demand = Demand(least_wh=Decimal(5000), wished_wh=Decimal(20000), most_wh=Decimal(40000), departure=now + timedelta(hours=8))
        await ours.hub.act(lambda _: car.demand(demand))
        wanted = {"demand", "slots", "price_slots"}
        read = await cem.read("cevc", ours.ski, lambda said: wanted <= said.keys() and said["demand"]["OptDemand"] == 20000)
        told = read["demand"]["MinDemand"], read["demand"]["MaxDemand"], round(read["demand"]["DurationUntilEnd"] / 60)
        report.check("CEVC, the car's demand is read", told == (5000, 40000, 480) and read["strategy"] == "minsoc", read)
        await cem.do("coordinate", of="cevc", ski=ours.ski, powers=[[3600, 4140], [7200, 11040]], prices=[[3600, 0.35], [7200, 0.15]])
        taken = await until(lambda: len(car.limits) == 2 and len(car.prices) == 2)
        powers, prices = [one.most for one in car.limits], [one.value for one in car.prices]
        report.check(
            "CEVC, powers and prices are taken",
            taken and (powers, prices) == ([4140, 11040], [Decimal("0.35"), Decimal("0.15")]),
            car.limits,
        )
        lasts = [round((one.end - one.start).total_seconds()) for one in (*car.limits, *car.prices) if one.end is not None]
        report.check("CEVC, with their times", lasts == [3600, 7200] * 2, (car.limits, car.prices))
        report.check("CEVC, the car asks no longer", not car.asks_limits and not car.asks_prices, (car.asks_limits, car.asks_prices))
        begin = ours.clock.now()
        plan = [
            Slot(start=begin, end=begin + timedelta(hours=1), value=Decimal(4000)),
            Slot(start=begin + timedelta(hours=1), end=begin + timedelta(hours=3), value=Decimal(8000)),
        ]
        await ours.hub.act(lambda _: car.plan(plan))
        read = await cem.read("cevc", ours.ski, lambda said: len((said.get("plan") or {}).get("Slots") or ()) == 2)
        report.check("CEVC, the car's plan is read", [slot["Value"] for slot in read["plan"]["Slots"]] == [4000, 8000], read)


async def _commissioned(report: Report, ours: Ours, station: ChargingStation, cem: GoPeer) -> None:
    wanted = {"standard", "asymmetric", "identifications", "manufacturer", "powers_w", "state", "asleep"}
    read = await cem.read("evcc", ours.ski, lambda said: bool(said["connected"]) and wanted <= said.keys())
    told = read["standard"], read["asymmetric"], read["identifications"], read["powers_w"], read["state"]
    whole = told == (evcc.ISO_15118_ED1, False, [{"Value": MAC, "ValueType": "eui48"}], [4140, 11040, 10], "active")
    report.check("EVCC, all scenarios are read", whole and read["manufacturer"]["deviceName"] == "Car", read)
    vehicle = station.vehicle
    assert vehicle is not None
    await ours.hub.act(lambda now: vehicle.operating("standby"))
    read = await cem.read("evcc", ours.ski, lambda said: said.get("asleep") is True)
    report.check("EVCC, a car that sleeps is told", read["state"] == "paused", read)
    await ours.hub.act(lambda now: vehicle.operating("normalOperation"))


async def _measured(report: Report, ours: Ours, station: ChargingStation, cem: GoPeer) -> None:
    vehicle = station.vehicle
    assert vehicle is not None
    values = dict(
        zip((*CURRENTS, *POWERS, CHARGED, SOC), map(Decimal, ("9.5", "10", "10.5", "2185", "2300", "2415", "4321", "63")), strict=True)
    )
    await ours.hub.act(lambda now: vehicle.measured(values, now))
    read = await cem.read("evcem", ours.ski, lambda said: said.keys() >= {"currents_a", "powers_w", "energy_wh", "phases"})
    told = read["currents_a"], read["powers_w"], read["energy_wh"], read["phases"]
    report.check("EVCEM, currents, powers, energy and phases are read", told == ([9.5, 10, 10.5], [2185, 2300, 2415], 4321, 3), read)
    read = await cem.read("evsoc", ours.ski, lambda said: "soc_percent" in said)
    report.check("EVSOC, the state of charge is read", read["soc_percent"] == 63, read)
    await ours.hub.act(lambda now: vehicle.measured({SOC: Decimal(64)}, now))
    read = await cem.read("evsoc", ours.ski, lambda said: said["soc_percent"] == 64)
    report.check("EVSOC, a new one is told", read["soc_percent"] == 64, read)


def _written(station: ChargingStation, of: CurrentLimit) -> list[Decimal | None]:
    """What was written for the car's phases; None: not active."""
    assert station.vehicle is not None
    return [None if one is None else one.limit_a for one in station.vehicle.limits(of)]


async def _currents(cem: GoPeer, ours: Ours, of: str, amps: float, active: bool = True) -> int:
    await cem.read(of, ours.ski, lambda said: len(said.get("currents_a", ())) == 3 and len(said.get("most_a", ())) == 3)
    return int((await cem.do("currents", of=of, ski=ours.ski, currents=[amps] * 3, active=active))["result"])


async def _curtailed(report: Report, ours: Ours, station: ChargingStation, cem: GoPeer) -> None:
    vehicle = station.vehicle
    assert vehicle is not None
    read = await cem.read("opev", ours.ski, lambda said: len(said.get("most_a", ())) == 3 and len(said.get("currents_a", ())) == 3)
    told = read["least_a"], read["most_a"], read["pause_a"], read["active"]
    report.check("OPEV, what the car can take is read", told == ([6] * 3, [16] * 3, [0] * 3, [False] * 3), read)
    result = await _currents(cem, ours, "opev", 10.0)
    report.check("OPEV, a limit is taken for all phases", result == 0 and _written(station, OPEV) == [10, 10, 10], vehicle.machine)
    guarded = await until(lambda: vehicle.machine.state is curtailment.State.GUARDED)
    report.check("OPEV, their heartbeat is heard, and the car keeps it", guarded and vehicle.currents_a == (10, 10, 10), vehicle.machine)
    result = await _currents(cem, ours, "oscev", 8.0)
    passed = result == 0 and _written(station, OSCEV) == [8, 8, 8] and vehicle.currents_a == (8, 8, 8)
    report.check("OSCEV, a recommendation below it is followed", passed, vehicle.machine)
    result = await _currents(cem, ours, "oscev", 13.0)
    report.check("OSCEV, one above it is not", result == 0 and vehicle.currents_a == (10, 10, 10), vehicle.machine)
    result = await _currents(cem, ours, "opev", 0.0)
    report.check("OPEV, 0 A pauses the car", result == 0 and vehicle.currents_a == (0, 0, 0), vehicle.machine)
    await _currents(cem, ours, "oscev", 16.0, active=False)
    result = await _currents(cem, ours, "opev", 16.0, active=False)
    report.check("OPEV, a limit is ended", result == 0 and vehicle.currents_a == (16, 16, 16), vehicle.machine)
    await cem.do("beat", active=False)
    silent = await until(lambda: vehicle.machine.state is curtailment.State.SILENT, 8.0)
    report.check("OPEV, without their heartbeat the car falls to what is safe", silent and vehicle.currents_a == (6, 6, 6), vehicle.machine)
    await cem.do("beat", active=True)
    back = await until(lambda: vehicle.machine.state is curtailment.State.GUARDED, 8.0)
    report.check("OPEV, and takes what it may when it is back", back and vehicle.currents_a == (16, 16, 16), vehicle.machine)


async def ours_manages(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    ours = Ours("manager")
    manager = EnergyManager(ours.hub.node, ours.entity(1, "CEM"), ours.hub.now())
    async with joined(ours, program, folder, "wallbox", dialled) as box:
        evse = box.ski, (1,)

        def commissioned() -> bool:
            one = manager.evse(evse)
            return one is not None and one.commissioned.maker.serial_number is not None and one.commissioned.state == "normalOperation"

        report.check("EVSECC, maker and state are read", await until(commissioned), manager.evse(evse))
        await box.do("state", of="box", text="failure")
        failed = await until(lambda: (one := manager.evse(evse)) is not None and one.commissioned.failed)
        report.check("EVSECC, a failure is told", failed, manager.evse(evse))
        await box.do("plug", text="iso15118-2ed1", values={"soc_percent": 55.0, "energy_wh": 1500.0, "current_a_a": 10.0})

        def car() -> Car | None:
            there = manager.evse(evse)
            return there.car if there else None

        await _their_car(report, box, manager, car_of=car)
        await box.do("unplug")
        report.check("EVCC, the car that leaves is told", await until(lambda: bool(ours.events(CarGone)) and car() is None), car())
        await box.do("plug", text="iec61851", values={})
        again = await until(lambda: (one := car()) is not None and one.commissioned.standard == "iec61851")
        report.check("EVCC, another car that comes is told", again, car())
        named = (one := car()) is not None and one.battery is None
        report.check("EVSOC, of one that has it not, none is known", named, car())
        await _their_limits(report, ours, box, manager, evse)


async def _their_car(report: Report, box: GoPeer, manager: EnergyManager, car_of: Callable[[], Car | None]) -> None:
    whole = await until(
        lambda: (
            (one := car_of()) is not None
            and one.commissioned.standard is not None
            and bool(one.commissioned.identifications)
            and one.commissioned.max_w is not None
            and one.measured is not None
            and one.measured.energy_wh is not None
            and one.battery is not None
            and one.battery.soc_pct is not None
            and all(one.obligation)
            and all(one.recommendation)
        )
    )
    car = car_of()
    if car is None:
        report.check("EVCC, the car is found", False, manager.cars)
        return
    said = car.commissioned
    told = said.standard, said.asymmetric, said.identifications, said.min_w, said.max_w, said.standby_w, said.maker.device_name
    wanted = evcc.ISO_15118_ED1, False, (Identification("eui48", MAC),), Decimal(4140), Decimal(11040), Decimal(10), "Car"
    report.check("EVCC, all scenarios are read", whole and told == wanted, said)
    measured = car.measured
    passed = measured is not None and (measured.currents_a[0], measured.energy_wh, measured.phases) == (10, 1500, 3)
    report.check("EVCEM, currents, energy and phases are read", passed, measured)
    report.check("EVSOC, the state of charge is read", car.battery is not None and car.battery.soc_pct == 55, car.battery)
    permitted = [one.permitted for one in car.obligation if one is not None]
    report.check("OPEV, what the car can take is read", permitted == [Permitted(Decimal(6), Decimal(16), Decimal(0))] * 3, permitted)
    await box.do("measure", values={"current_a_a": 9.0, "current_a_b": 8.5, "current_a_c": 8.0, "power_w_a": 2070.0, "soc_percent": 56.0})
    told_of = await until(lambda: (one := car_of()).battery.soc_pct == 56 and one.measured.currents_a == (9, Decimal("8.5"), 8))
    report.check("EVCEM, EVSOC, new values are told", told_of, car_of())
    await box.do("state", of="car", text="standby")
    report.check("EVCC, a car that sleeps is told", await until(lambda: car_of().commissioned.asleep), car_of())


async def _their_limits(report: Report, ours: Ours, box: GoPeer, manager: EnergyManager, evse: tuple[str, tuple[int, ...]]) -> None:
    ten, none = (Decimal(10),) * 3, (None, None, None)

    def answers(of: CurrentLimit) -> list[ErrorNumber]:
        return [event.number for event in ours.events(CurrentsAnswered) if event.use_case == of.name]

    for of, ask, name in ((OPEV, manager.limit, "opev"), (OSCEV, manager.recommend, "oscev")):
        cases = (
            ("a limit is taken for all phases", ten, [10] * 3, True),
            ("0 A pauses", THREE, [0] * 3, True),
            ("ended", none, None, False),
        )
        for text, wish, currents, active in cases:
            before = len(answers(of))
            await ours.hub.act(lambda now, ask=ask, wish=wish: ask(evse, wish, now))
            await until(lambda before=before, of=of: len(answers(of)) > before)
            taken = answers(of)[before:] == [ErrorNumber.NONE]
            there = await box.event("currents", lambda said, n=name, a=active: said[n]["active"] == [a] * 3)
            report.check(f"{name.upper()}, {text}", taken and (currents is None or there[name]["currents_a"] == currents), there)
            standing: Standings = _standing(manager, evse, of)
            told = await until(
                lambda of=of, active=active: all(one is not None and one.active is active for one in _standing(manager, evse, of))
            )
            report.check(f"{name.upper()}, {text}: we are told so", told, standing)
    first = len([event for event in box.events if event["event"] == "heartbeat"])
    await asyncio.sleep(4.2)
    beats = len([event for event in box.events if event["event"] == "heartbeat"]) - first
    report.check("OPEV, our heart beats every 2 s", 2 <= beats <= 3, beats)
    await ours.hub.act(lambda now: manager.operating("failure", now))
    failed = await box.event("state", lambda said: said["state"] == "failure")
    report.check("OPEV, our failure is told", failed["state"] == "failure", failed)


def _standing(manager: EnergyManager, evse: tuple[str, tuple[int, ...]], of: CurrentLimit) -> Standings:
    there = manager.evse(evse)
    if there is None or there.car is None:
        return None, None, None
    return there.car.obligation if of is OPEV else there.car.recommendation
