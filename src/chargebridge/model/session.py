"""A car at a charging point: what the driver wants and what has flowed."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace


class Preference(Struct, frozen=True, kw_only=True):
    """What the driver asks for (TF-EVC 3.2.2). Energies in Wh, prices in the site's currency per kWh.

    energy_min_wh: needed by ``target_at``; energy_max_wh: wished beyond; None: as much as the car takes.
    price_cap_min: the highest price until the minimum is reached; price_cap_max: for all beyond it; None: no cap.
    may_discharge: the car may give energy back, down to a state of charge of ``reserve_soc`` (0..1).
    """

    energy_min_wh: float = 0.0
    energy_max_wh: float | None = None
    target_at: datetime | None = None
    price_cap_min: float | None = None
    price_cap_max: float | None = None
    may_discharge: bool = False
    reserve_soc: float = 0.5

    @property
    def is_free(self) -> bool:
        """The driver has chosen neither energy nor time."""
        return self.energy_min_wh == 0 and self.energy_max_wh is None and self.target_at is None


class CarNeeds(Struct, frozen=True, kw_only=True):
    """What the car itself asks for (ISO 15118, told by the station: OCPP 2.x K15 to K20). Energies in Wh, counted from ``told_at``, when the
    session had ``from_wh``; powers and currents as its charger can take them, None: not said.

    energy_wh: to have by departure_at. energy_min_wh, energy_max_wh: the least and the most (ISO 15118-20); a negative least may be taken out.
    transfer: by OCPP's name, such as AC_three_phase or DC_BPT. discharge_max_w: what it can give, 0: it cannot. soc: 0..1.
    """

    told_at: datetime
    from_wh: int
    transfer: str
    energy_wh: float | None = None
    energy_min_wh: float | None = None
    energy_max_wh: float | None = None
    departure_at: datetime | None = None
    current_min_a: float | None = None
    current_max_a: float | None = None
    discharge_max_w: float = 0.0
    soc: float | None = None

    @property
    def gives_w(self) -> float:
        """What it can give back in the way that it asked for."""
        return self.discharge_max_w if "BPT" in self.transfer or "DER" in self.transfer else 0.0

    def wishes(self, driver: Preference) -> Preference:
        """What counts: the driver's own choice of energy and time where he made one, else the car's."""
        if not driver.is_free or self.energy_wh is None:
            return driver
        most = self.energy_max_wh if self.energy_max_wh is None else self.from_wh + max(self.energy_max_wh, self.energy_wh)
        return replace(driver, energy_min_wh=self.from_wh + self.energy_wh, energy_max_wh=most, target_at=self.departure_at)


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
    needs: CarNeeds | None = None
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
