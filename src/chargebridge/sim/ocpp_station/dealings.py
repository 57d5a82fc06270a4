"""What both generations of OCPP ask for and a station deals with in the same way."""

from typing import TYPE_CHECKING, Literal

from chargebridge.model.phases import NOMINAL_V
from chargebridge.sim.ocpp_station.profiles import Limit
from chargebridge.sim.ocpp_station.reservations import Reservation

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

Reserved = Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]


def reserve(station: "VirtualStation", reservation: Reservation) -> Reserved:
    """Keep an EVSE, if one is free that nobody else has reserved (1.6 5.13, 2.0.1 part 2 H01)."""
    points = [p for p in station.evses.values() if reservation.evse in (0, p.number)]
    if not points:
        return "Rejected"
    if station.reservations.get(reservation.id) is None and not any(p.free and not p.plugged and not p.reserved for p in points):
        if all(p.fault is not None for p in points):
            return "Faulted"
        return "Unavailable" if not any(p.operative for p in points) else "Occupied"
    station.reservations.put(reservation)
    station.later(station.show_reservations)
    return "Accepted"


def composite(station: "VirtualStation", evse: int, duration_s: int) -> list[tuple[int, Limit]] | None:
    """The schedule that all profiles come to, for an EVSE or (0) the whole station; None: there is no such EVSE."""
    now = station.now()
    if evse == 0:
        return station.profiles.composite_of_all(now, duration_s, [(p.charging(), station.otherwise(p)) for p in station.evses.values()])
    point = station.evses.get(evse)
    return None if point is None else station.profiles.composite(now, duration_s, point.charging(), station.otherwise(point))


def in_unit(limit: Limit, unit: str, current_a: float | None = None) -> float:
    """A limit (or another current on its phases) as a schedule says it, one decimal."""
    amperes = limit.current_a if current_a is None else current_a
    return round(amperes if unit == "A" else amperes * NOMINAL_V * limit.phases, 1)
