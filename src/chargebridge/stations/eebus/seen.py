"""What is to be seen of a wallbox at one moment, whichever of its use cases tell it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from chargebridge.model.phases import PerPhase


class Identification(Struct, frozen=True):
    """kind: as EEBUS has it: eui48, eui64, userRfidTag, ..."""

    kind: str
    value: str


class Demand(Struct, frozen=True, kw_only=True):
    """What the car asks for over CEVC. Wh, and when it wants to leave; None: it does not say."""

    least_wh: float | None = None
    wanted_wh: float | None = None
    most_wh: float | None = None
    departure_at: datetime | None = None


class Way(StrEnum):
    """How it can be limited: a current for each phase of the car (OPEV), or the power of the whole EVSE (LPC)."""

    CURRENT = "OPEV"
    POWER = "LPC"


class Car(Struct, frozen=True, kw_only=True):
    """The car at an EVSE. plug: another one for each time that a car is plugged in. ready: all that it tells was read once.

    names_itself: whether it may still identify itself. minimum_a, maximum_a: of its charger. asleep: it has gone to sleep and has to be woken.
    measured_at: when one of current, power and energy was told last. session_wh: charged since it was plugged in. meter_wh: the EVSE's own register.
    """

    plug: int
    ready: bool
    names_itself: bool
    identification: Identification | None = None
    minimum_a: float | None = None
    maximum_a: float | None = None
    asleep: bool = False
    measured_at: datetime | None = None
    current_a: PerPhase | None = None
    voltage_v: PerPhase | None = None
    power_w: float | None = None
    session_wh: float | None = None
    meter_wh: float | None = None
    soc: float | None = None
    demand: Demand | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """One EVSE. car: None while no car is plugged in. certain: False while more may still come to light, as just after connecting.

    fault: what it reports as its error, "" while it works. out: it is out of order. way: None: nothing of it can be limited (yet).
    """

    car: Car | None
    certain: bool
    fault: str = ""
    out: bool = False
    way: Way | None = None
