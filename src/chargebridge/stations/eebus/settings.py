"""What has to be known of a wallbox that speaks EEBUS."""

from msgspec import Struct


class PointSettings(Struct, frozen=True, kw_only=True):
    """One charging point of it. phases: of its terminals. minimum_a, maximum_a: what it can give a car. fallback_a: what holds without an offer."""

    phases: int = 3
    minimum_a: float = 6.0
    maximum_a: float = 32.0
    fallback_a: float = 0.0


class WallboxSettings(Struct, frozen=True, kw_only=True):
    """identity: the station's id in the site. points: by EVSE, from 1 in the order of the wallbox's own EVSE entities.

    unknown_cars: the token that a car charges as that does not identify itself, or by what no token names; None: it is judged without one.
    safe_current_a: what it falls back to by itself without our heartbeat, as its installer has set it; None: nobody has said.
    """

    identity: str
    ski: str
    points: dict[int, PointSettings]
    unknown_cars: str | None = None
    safe_current_a: float | None = None
