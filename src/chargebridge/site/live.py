"""The present of one property: what was last heard of each meter, point and battery, and what is in the limit book.

The only mutable thing in the room. ``state()`` freezes it into the value that a decision is made from.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from chargebridge.model.circuit import ChargingPoint, Topology
from chargebridge.model.limit import Limit
from chargebridge.model.phases import PerPhase
from chargebridge.model.reading import Reading
from chargebridge.model.session import PointStatus, Session
from chargebridge.model.state import BatteryState, Memory, Offer, OfferOutcome, PeakBudget, PointState, SiteState
from chargebridge.stations.port import EvseMeasurement

CAR_DRAWS_A = 1.0
"""Above this a terminal counts as used by the car: clear of the standby draw of a station, well below the 6 A minimum."""
OFFERS_KEPT_S = 300.0
"""An offer that expired this long ago can no longer matter to the ceiling of its point."""


@dataclass
class LivePoint:
    """One point's present; field for field what ``PointState`` says, plus what only the site needs."""

    point: ChargingPoint
    online: bool = False
    protocol: str | None = None
    status: PointStatus = PointStatus.UNKNOWN
    error: str | None = None
    heard_at: datetime | None = None
    session: Session | None = None
    terminal_a: PerPhase | None = None
    power_w: float | None = None
    measured_at: datetime | None = None
    soc: float | None = None
    offers: tuple[Offer, ...] = ()
    fallback_a: float | None = None
    car_phases: int | None = None

    def freeze(self) -> PointState:
        session = self.session
        state = PointState(
            point=self.point.id,
            online=self.online,
            status=self.status,
            heard_at=self.heard_at,
            terminal_a=self.terminal_a,
            power_w=self.power_w,
            measured_at=self.measured_at,
            soc=self.soc,
            offers=self.offers,
            fallback_a=self.fallback_a,
            car_phases=self.car_phases,
        )
        if session is None:
            return state
        return msgspec.structs.replace(
            state,
            session=session.id,
            session_started_at=session.started_at,
            authorised=session.authorised,
            energy_wh=float(session.energy_wh),
            preference=session.preference,
        )

    def measure(self, sample: EvseMeasurement, now: datetime) -> None:
        """Take in one sample; older ones than the last are history, not the present."""
        if self.measured_at is not None and now < self.measured_at:
            return
        if sample.current_a is not None:
            self.terminal_a = sample.current_a
            drawing = sum(amps > CAR_DRAWS_A for amps in sample.current_a)
            if drawing:
                self.car_phases = drawing if self.offered_phases() == len(self.point.phases) else self.car_phases
        if sample.power_w is not None:
            self.power_w = sample.power_w
        if sample.current_a is not None or sample.power_w is not None:
            self.measured_at = now
        if sample.soc is not None:
            self.soc = sample.soc

    def offered_phases(self) -> int:
        return self.offers[-1].phases if self.offers else len(self.point.phases)

    def forget_car(self) -> None:
        """The plug is out: what was learned of the car goes with it."""
        self.session = None
        self.terminal_a = (0.0, 0.0, 0.0)
        self.power_w = 0.0
        self.soc = None
        self.car_phases = None

    def send(self, offer: Offer) -> None:
        edge = offer.sent_at - timedelta(seconds=OFFERS_KEPT_S)
        self.offers = (*(o for o in self.offers if o.expires_at > edge), offer)

    def answered(self, offer: Offer, outcome: OfferOutcome, now: datetime) -> None:
        done = msgspec.structs.replace(offer, outcome=outcome, answered_at=now)
        self.offers = tuple(done if o is offer else o for o in self.offers)


@dataclass
class Live:
    """The whole present of a site."""

    topology: Topology
    points: dict[str, LivePoint] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    batteries: dict[str, BatteryState] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    peak: PeakBudget | None = None
    price_per_kwh: float | None = None
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.points = {point.id: LivePoint(point) for point in self.topology.points}
        self._by_evse = {(p.point.station, p.point.evse): p for p in self.points.values()}

    def at(self, station: str, evse: int) -> LivePoint | None:
        """The point behind an EVSE of a station, None where the configuration has none."""
        return self._by_evse.get((station, evse))

    def of(self, station: str) -> list[LivePoint]:
        return [p for p in self.points.values() if p.point.station == station]

    def prioritise(self, priorities: dict[str, int]) -> None:
        """Give points other priorities than the configuration does."""
        for name, priority in priorities.items():
            if name in self.points:
                self.points[name].point = msgspec.structs.replace(self.points[name].point, priority=priority)
        points = tuple(self.points[p.id].point for p in self.topology.points)
        self.topology = msgspec.structs.replace(self.topology, points=points)

    def state(self) -> SiteState:
        return SiteState(
            topology=self.topology,
            readings=tuple(self.readings.values()),
            points=tuple(point.freeze() for point in self.points.values()),
            batteries=tuple(self.batteries.values()),
            limits=tuple(self.limits.values()),
            peak=self.peak,
            price_per_kwh=self.price_per_kwh,
            memory=self.memory,
        )
