"""From a wallbox's own words to what is to be seen of each of its EVSEs.

A wallbox without e-mobility, which has LPC and perhaps MPC only, tells no car: then one is taken to be there always.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from chargebridge.model.phases import PerPhase
from chargebridge.stations.eebus.seen import Car, Demand, Identification, Seen, Way
from chargebridge.wire.eebus.spine.local import SERVER, EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice
from chargebridge.wire.eebus.usecases import energy_manager as em
from chargebridge.wire.eebus.usecases import evcc, evcem, evsecc, kind
from chargebridge.wire.eebus.usecases.cevc import Coordination
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.monitoring import measured
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.quantities import CONSUMED, CURRENTS, POWER, POWERS, VOLTAGES, Quantity

IDENTIFIES, ENERGY = 4, 3
"""The scenarios of EVCC and EVCEM."""
DEAF = "that it does not listen to our heartbeat: when we fail, it may not fall back to its safe current"
WORTH_TELLING = ("serviceNeeded", "overrideDetected")
"""Operating states in which a wallbox charges, but somebody should look after it."""


class Heard(Struct, frozen=True, kw_only=True):
    """plug: how often a car has come and gone there since the connection began. measured_at: when the newest values came.
    settled: the connection is old enough that a car that stands there would be known; at_home: so is the car, that it would listen to us."""

    plug: int = 0
    measured_at: datetime | None = None
    settled: bool = False
    at_home: bool = False


def units(remote: RemoteDevice, manager: em.EnergyManager, peer: str) -> list[EntityId]:
    """The EVSEs of a wallbox, in the order of their numbers; empty as long as nothing is known of it."""
    evses = sorted(entity for one, entity in manager.evses if one == peer)
    return evses or limited(remote)[:1]


def limited(remote: RemoteDevice) -> list[EntityId]:
    """What takes limits of power (LPC)."""
    return sorted(remote.entities_with(LPC.name, (kind.CONTROLLABLE_SYSTEM,), "LoadControl", SERVER))


def seen(remote: RemoteDevice, manager: em.EnergyManager, unit: em.Unit, heard: Heard, said: Coordination | None = None) -> Seen:
    """One EVSE as it is now. said: what its car says over CEVC, if it has that."""
    evse, meter = manager.evse(unit), _metered(remote, unit[1])
    power = Way.POWER if unit[1] in limited(remote) else None
    if evse is None:
        return Seen(car=_unnamed(heard, meter), certain=True, way=power)
    box, car = evse.commissioned, evse.car
    way: Way | None = None
    if car is not None and OPEV.name in car.use_cases:
        way = Way.CURRENT if any(one is not None for one in car.obligation) else None
    elif car is not None and car.use_cases:
        way = power
    return Seen(
        car=None if car is None else _car(remote, car, heard, meter, said),
        certain=heard.settled or heard.plug > 0,
        fault=_fault(box) or (DEAF if way is Way.CURRENT and heard.at_home and not evse.listens else ""),
        out=box.failed,
        way=way,
    )


def _fault(box: evsecc.Commissioned) -> str:
    if box.state is None or not (box.failed or box.state in WORTH_TELLING):
        return ""
    return box.state if box.error is None else f"{box.state} {box.error}"


class _Metered(Struct, frozen=True, kw_only=True):
    """What the EVSE's own meter says (MPC)."""

    current_a: PerPhase | None
    voltage_v: PerPhase | None
    power_w: float | None
    energy_wh: float | None


def _metered(remote: RemoteDevice, evse: EntityId) -> _Metered:
    values = measured(remote, evse)
    power, powers = values.get(POWER), [values[one] for one in POWERS if one in values]
    return _Metered(
        current_a=_three(values, CURRENTS),
        voltage_v=_three(values, VOLTAGES),
        power_w=float(power) if power is not None else float(sum(powers)) if powers else None,
        energy_wh=_float(values.get(CONSUMED)),
    )


def _car(remote: RemoteDevice, car: em.Car, heard: Heard, meter: _Metered, coordination: Coordination | None) -> Car:
    about, flow = car.commissioned, car.measured
    known = bool(car.use_cases)  # they come after the entity
    names_itself = not known or (IDENTIFIES in _scenarios(remote, car, evcc.NAME) and about.standard != evcc.IEC_61851)
    tells_energy = ENERGY in _scenarios(remote, car, evcem.EVCEM.name)
    said = [one for one in about.identifications if one.value.strip()]
    ranges = [one.permitted for one in car.obligation if one is not None]
    energy = flow.energy_wh if flow is not None else None
    power = flow.power_w if flow is not None else None
    return Car(
        plug=heard.plug,
        ready=known and (not tells_energy or energy is not None) and (not names_itself or bool(said)),
        names_itself=names_itself,
        identification=Identification(said[0].type, said[0].value) if said else None,
        minimum_a=_float(max((one.min_a for one in ranges if one.min_a), default=None)),
        maximum_a=_float(min((one.max_a for one in ranges if one.max_a), default=None)),
        asleep=about.asleep,
        measured_at=heard.measured_at,
        current_a=(_per_phase(flow.currents_a) if flow is not None else None) or meter.current_a,
        voltage_v=meter.voltage_v,
        power_w=_float(power) if power is not None else meter.power_w,
        session_wh=_float(energy),
        meter_wh=meter.energy_wh,
        soc=_share(car.battery.soc_pct) if car.battery is not None else None,
        demand=_demand(coordination),
    )


def _demand(said: Coordination | None) -> Demand | None:
    """A car without a departure and without energies asks for nothing."""
    asked = said.demand if said is not None else None
    if asked is None or (asked.wished_wh, asked.least_wh, asked.most_wh, asked.departure) == (None, None, None, None):
        return None
    wanted = asked.wished_wh if asked.wished_wh is not None else asked.least_wh
    return Demand(least_wh=_float(asked.least_wh), wanted_wh=_float(wanted), most_wh=_float(asked.most_wh), departure_at=asked.departure)


def _scenarios(remote: RemoteDevice, car: em.Car, name: str) -> tuple[int, ...]:
    return next((one.scenarios for one in remote.use_cases if one.name == name and one.actor == evcc.ACTOR), ())


def _unnamed(heard: Heard, meter: _Metered) -> Car:
    return Car(
        plug=heard.plug,
        ready=True,
        names_itself=False,
        measured_at=heard.measured_at,
        current_a=meter.current_a,
        voltage_v=meter.voltage_v,
        power_w=meter.power_w,
        meter_wh=meter.energy_wh,
    )


def _three(values: Mapping[Quantity, Decimal], quantities: tuple[Quantity, ...]) -> PerPhase | None:
    return _per_phase((values.get(quantities[0]), values.get(quantities[1]), values.get(quantities[2])))


def _per_phase(told: tuple[Decimal | None, Decimal | None, Decimal | None]) -> PerPhase | None:
    """A phase that is not told carries nothing, as long as one is. Cars give nothing back here: what is below 0 is noise."""
    if told == (None, None, None):
        return None
    return (max(0.0, float(told[0] or 0)), max(0.0, float(told[1] or 0)), max(0.0, float(told[2] or 0)))


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _share(percent: Decimal | None) -> float | None:
    return float(percent) / 100 if percent is not None and 0 <= percent <= 100 else None
