"""The site: a tree of circuits with fuses, and what hangs on it."""

from enum import StrEnum

from msgspec import Struct

from chargebridge.model.phases import PerPhase, Phase

MINIMUM_CURRENT_A = 6.0
"""The least current that a charging point can offer by its control pilot, IEC 61851-1 table A.8."""

GUARANTEED_W = 4200.0
"""What a controllable device is left under a grid operator's order (section 14a EnWG; BNetzA BK6-22-300)."""


class Circuit(Struct, frozen=True, kw_only=True):
    """A stretch of wire behind one fuse. The root (``parent`` None) is the grid connection.

    fuse_a: rated current of the protection, A per phase. power_limit_w: what the circuit may carry in sum, W, None where only the
    fuse counts. meter: the meter that measures this circuit's whole current, None where it is the sum of what is below.
    meter_max_age_s: after this silence the meter counts as lost. lost_meter_load_a: what the loads on this circuit that are
    not charging points are taken to draw, A per phase, when no meter tells (the owner's worst case).
    """

    id: str
    name: str
    fuse_a: PerPhase
    parent: str | None = None
    power_limit_w: float | None = None
    unbalance_a: float | None = None
    meter: str | None = None
    meter_max_age_s: float = 15.0
    lost_meter_load_a: PerPhase = (0.0, 0.0, 0.0)


class ChargingPoint(Struct, frozen=True, kw_only=True):
    """One connector that charges one car (an EVSE), its wiring and its limits.

    phases: the grid phase on each of its terminals in order: (2, 3, 1) is a rotated three-phase point, (3,) a single-phase one on L3.
    fallback_a: the current that the station falls back to by itself when it hears nothing from us, A per phase, 0 or at least minimum_a.
    can_switch_phases: it can charge on its first terminal only, or on all, by command.
    station, evse: the station's identity and the number of the EVSE there.
    discharge_max_w: what a car may give back here, W; 0: nothing, whatever car and driver say.
    priority: the higher one is served first; weight: shares among equals are in proportion to it.
    """

    id: str
    name: str
    circuit: str
    station: str
    evse: int = 1
    phases: tuple[Phase, ...] = (1, 2, 3)
    maximum_a: float = 32.0
    minimum_a: float = MINIMUM_CURRENT_A
    fallback_a: float = 0.0
    can_switch_phases: bool = False
    priority: int = 0
    weight: float = 1.0
    station_max_age_s: float = 60.0
    discharge_max_w: float = 0.0


class Battery(Struct, frozen=True, kw_only=True):
    """A stationary battery (ESS): powers in W, energies in Wh, the reserve that is never used for cars."""

    id: str
    name: str
    circuit: str
    charge_max_w: float
    discharge_max_w: float
    capacity_wh: float
    reserve_wh: float
    meter: str | None = None
    phases: tuple[Phase, ...] = (1, 2, 3)


class GeneratorKind(StrEnum):
    PV = "pv"


class Generator(Struct, frozen=True, kw_only=True):
    """A generator such as a PV plant; its production counts as negative power at its meter."""

    id: str
    name: str
    circuit: str
    kind: GeneratorKind = GeneratorKind.PV
    peak_w: float = 0.0
    meter: str | None = None
    phases: tuple[Phase, ...] = (1, 2, 3)


class Load(Struct, frozen=True, kw_only=True):
    """A load that draws what it likes and can be limited to a power: a heat pump, an air conditioner (section 14a EnWG). Powers in W.

    nominal_w: the most that it draws. minimum_w: what it is left under any limit that has so much for all loads in its scope. failsafe_w: what it
    is told to keep to by itself when it does not hear from us, for failsafe_s at least (LPC: 2 h to 24 h). meter: its own, None: it tells itself
    what it draws. priority: against charging points; it goes before those of a lower one beyond its minimum.
    """

    id: str
    name: str
    circuit: str
    nominal_w: float
    minimum_w: float = GUARANTEED_W
    failsafe_w: float = GUARANTEED_W
    failsafe_s: float = 7200.0
    meter: str | None = None
    phases: tuple[Phase, ...] = (1, 2, 3)
    priority: int = 0

    @property
    def guaranteed_w(self) -> float:
        return min(self.minimum_w, self.nominal_w)


class Group(Struct, frozen=True, kw_only=True):
    """A named set of devices that a limit can be laid on, such as the controllable devices of section 14a EnWG."""

    id: str
    name: str
    members: tuple[str, ...]


class Topology(Struct, frozen=True, kw_only=True):
    """All that is fixed about one property, checked by ``control.topology.check``. timezone: in which its people read the time (IANA)."""

    circuits: tuple[Circuit, ...]
    points: tuple[ChargingPoint, ...]
    batteries: tuple[Battery, ...] = ()
    generators: tuple[Generator, ...] = ()
    groups: tuple[Group, ...] = ()
    timezone: str = "UTC"
    loads: tuple[Load, ...] = ()
