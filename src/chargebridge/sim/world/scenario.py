"""What a world is made of besides its topology: what time it is there, who lives there, which meters speak what."""

from enum import StrEnum

from msgspec import Struct

from chargebridge.sim.world.event import Happening


class Language(StrEnum):
    """What a meter speaks at its customer interface: P1 with whole amperes as in the Netherlands, 0.01 A in Flanders, 0.1 A in Sweden."""

    P1 = "p1"
    P1_FLEMISH = "p1_flemish"
    P1_SWEDISH = "p1_swedish"
    SML = "sml"
    AIDON = "aidon"
    KAIFA = "kaifa"
    KAMSTRUP = "kamstrup"


class MeterSpec(Struct, frozen=True, kw_only=True):
    """One meter. id: as the topology names it. port: TCP port on loopback, 0 for any free one. serial: also on a pseudo-terminal."""

    id: str
    language: Language
    port: int = 0
    serial: bool = False


class ControlSpec(Struct, frozen=True, kw_only=True):
    """A battery that can be commanded over Modbus/TCP (``sim.sunspec_battery``). port: on loopback, 0 for any free one."""

    battery: str
    port: int = 0


class Home(Struct, frozen=True, kw_only=True):
    """A household on a circuit; scale: on the base load of ``day.csv``."""

    id: str
    circuit: str
    scale: float = 1.0
    appliances: bool = True


class Scenario(Struct, frozen=True, kw_only=True):
    """day_s: the time of day at the world's beginning, seconds after midnight; None takes the clock's own (UTC).

    clouds: by chance, besides those of the story. story: is played from the beginning; ``repeat_s``: again after so many seconds.
    """

    homes: tuple[Home, ...] = ()
    meters: tuple[MeterSpec, ...] = ()
    controls: tuple[ControlSpec, ...] = ()
    day_s: float | None = None
    battery_soc: float = 0.5
    clouds: bool = True
    story: tuple[Happening, ...] = ()
    repeat_s: float | None = None
