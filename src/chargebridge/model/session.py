"""A car at a charging point: what the driver wants and what has flowed."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Preference(Struct, frozen=True, kw_only=True):
    """What the driver asks for (TF-EVC 3.2.2). Energies in Wh, prices in the site's currency per kWh.

    energy_min_wh: needed by ``target_at``; energy_max_wh: wished beyond; None: as much as the car takes.
    price_cap_min: the highest price until the minimum is reached; price_cap_max: for all beyond it; None: no cap.
    """

    energy_min_wh: float = 0.0
    energy_max_wh: float | None = None
    target_at: datetime | None = None
    price_cap_min: float | None = None
    price_cap_max: float | None = None


class Session(Struct, frozen=True, kw_only=True):
    """One charging transaction. energy_wh: by the station's register, from start to now, whole Wh as billed.

    billed_by: the foreign back end that bills it; None: we.
    """

    id: str
    point: str
    transaction: str
    token: str
    authorised: bool
    started_at: datetime
    meter_start_wh: int
    energy_wh: int = 0
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    preference: Preference = Preference()
    billed_by: str | None = None


class PointStatus(StrEnum):
    """The state of a connector in words common to OCPP 1.6 (4.9) and 2.0.1 (ConnectorStatus plus the transaction's chargingState)."""

    AVAILABLE = "available"
    PREPARING = "preparing"
    CHARGING = "charging"
    SUSPENDED_EV = "suspended_ev"
    SUSPENDED_EVSE = "suspended_evse"
    FINISHING = "finishing"
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULTED = "faulted"
    UNKNOWN = "unknown"

    @property
    def has_car(self) -> bool:
        """A car is, or may be, plugged in and able to draw."""
        return self in _WITH_CAR


_WITH_CAR = frozenset(
    {
        PointStatus.PREPARING,
        PointStatus.CHARGING,
        PointStatus.SUSPENDED_EV,
        PointStatus.SUSPENDED_EVSE,
        PointStatus.FINISHING,
        PointStatus.UNKNOWN,
    }
)
