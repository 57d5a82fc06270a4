"""MPC and MGCP: their monitoring appliance reads our units, ours reads theirs."""

from decimal import Decimal
from pathlib import Path

from chargebridge.wire.eebus.usecases.monitoring import MonitoredUnit, MonitoringAppliance
from chargebridge.wire.eebus.usecases.quantities import (
    CONSUMED,
    CURRENTS,
    FED_IN,
    FREQUENCY,
    IMPORTED,
    MGCP,
    MPC,
    POWER,
    POWERS,
    PRODUCED,
    VOLTAGES,
    Quantity,
)
from interop.eebus.go_peer import Line
from interop.eebus.lab import Dialled, Ours, Report, joined, until

UNIT = (POWER, *POWERS, CONSUMED, PRODUCED, *CURRENTS, *VOLTAGES, FREQUENCY)
POINT = (POWER, FED_IN, IMPORTED, *CURRENTS, *VOLTAGES, FREQUENCY)


def _values(*pairs: tuple[tuple[Quantity, ...] | Quantity, tuple[str, ...]]) -> dict[Quantity, Decimal | None]:
    told: dict[Quantity, Decimal | None] = {}
    for quantities, texts in pairs:
        told |= zip(quantities if isinstance(quantities, tuple) else (quantities,), map(Decimal, texts), strict=True)
    return told


PUMP_VALUES = _values(
    (POWER, ("2503.5",)), (POWERS, ("800", "850.5", "853")), (CONSUMED, ("123456",)), (PRODUCED, ("0",)), (CURRENTS, ("3.5", "3.7", "3.71")),
    (VOLTAGES, ("229.8", "230.1", "231")), (FREQUENCY, ("49.98",)),
)  # fmt: skip
GRID_VALUES = _values(
    (POWER, ("-1500",)), (FED_IN, ("7000",)), (IMPORTED, ("90000",)), (CURRENTS, ("-2.1", "-2.2", "-2.3")),
    (VOLTAGES, ("230", "231", "232")), (FREQUENCY, ("50.01",)),
)  # fmt: skip
PUMP_READ: dict[str, float | list[float]] = {
    "power_w": 2503.5, "powers_w": [800, 850.5, 853], "consumed_wh": 123456, "produced_wh": 0, "currents_a": [3.5, 3.7, 3.71],
    "voltages_v": [229.8, 230.1, 231], "frequency_hz": 49.98,
}  # fmt: skip
GRID_READ: dict[str, float | list[float]] = {
    "power_w": -1500, "fed_in_wh": 7000, "consumed_wh": 90000, "currents_a": [-2.1, -2.2, -2.3], "voltages_v": [230, 231, 232],
    "frequency_hz": 50.01,
}  # fmt: skip


def _same(read: Line, wanted: dict[str, float | list[float]]) -> bool:
    """Their numbers are floats, made of a number and a power of ten."""
    rounded = {
        name: [round(one, 6) for one in value] if isinstance(value, list) else round(value, 6)
        for name, value in read.items()
        if name in wanted
    }
    return rounded == wanted


async def theirs_reads(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    ours = Ours("measured")
    units = {
        "mpc": MonitoredUnit(ours.hub.node, ours.entity(1, "HeatPumpAppliance"), MPC, UNIT),
        "mgcp": MonitoredUnit(ours.hub.node, ours.entity(2, "GridConnectionPointOfPremises"), MGCP, POINT),
    }
    async with joined(ours, program, folder, "guard", dialled) as appliance:
        for of, values, wanted in (("mpc", PUMP_VALUES, PUMP_READ), ("mgcp", GRID_VALUES, GRID_READ)):
            unit = units[of]
            await ours.hub.act(lambda now, unit=unit, values=values: unit.update(values, now))
            read = await appliance.read(of, ours.ski, lambda said, wanted=wanted: len(said) >= len(wanted) + 2)
            report.check(f"{of.upper()}, every quantity is read", _same(read, wanted), read)
            await ours.hub.act(lambda now, unit=unit: unit.update({POWER: Decimal("321")}, now))
            read = await appliance.read(of, ours.ski, lambda said: said["power_w"] == 321)
            report.check(f"{of.upper()}, a new value is told", _same(read, wanted | {"power_w": 321}), read)


async def ours_reads(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    ours = Ours("appliance")
    entity = ours.entity(1, "CEM")
    appliances = {"mpc": MonitoringAppliance(ours.hub.node, entity, MPC), "mgcp": MonitoringAppliance(ours.hub.node, entity, MGCP)}
    cases = (
        ("mpc", "system", PUMP_VALUES, {"power_w": 2503.5, "consumed_wh": 123456, "produced_wh": 0, "frequency_hz": 49.98}, "power_w"),
        ("mgcp", "grid", GRID_VALUES, {"power_w": -1500, "fed_in_wh": 7000, "consumed_wh": 90000, "frequency_hz": 50.01}, None),
    )
    for of, role, values, singles, per_phase in cases:
        measured = dict(singles)
        for name, quantities in ((per_phase, POWERS), ("current_a", CURRENTS), ("voltage_v", VOLTAGES)):
            if name:
                measured |= {f"{name}_{one.phases}": float(values[one] or 0) for one in quantities}
        async with joined(ours, program, folder, role, dialled, serial=of) as unit:
            appliance = appliances[of]
            report.check(f"{of.upper()}, their unit is found", await until(lambda a=appliance: bool(a.units)), ours.hub.node.links)
            (key,) = appliance.units
            # Their replies are not in one order with their notifies: values told while we still read may be taken back by an older reply.
            await until(lambda ski=unit.ski: not ours.hub.node.links[ski].pending)
            await unit.do("measure", values=measured)
            complete = await until(lambda a=appliance, k=key, v=values: len(a.values(k)) == len(v))
            report.check(f"{of.upper()}, every quantity is read", complete and appliance.values(key) == values, appliance.values(key))
            await unit.do("measure", values={"power_w": 321})
            told = await until(lambda a=appliance, k=key: a.values(k).get(POWER) == 321)
            report.check(f"{of.upper()}, a new value is told", told, appliance.values(key))
