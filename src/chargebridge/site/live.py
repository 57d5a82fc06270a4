"""The present of one property: what was last heard of each meter, point and battery, and what is in the limit book.

The only mutable thing in the room. ``state()`` freezes it into the value that a decision is made from.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from chargebridge.model.circuit import ChargingPoint, Topology
from chargebridge.model.phases import PerPhase
from chargebridge.model.plan import PlanNow
from chargebridge.model.reading import Reading
from chargebridge.model.session import CarNeeds, PointStatus, Preference, Session
from chargebridge.model.state import BatteryState, LoadState, Memory, Offer, OfferOutcome, PeakBudget, PointState, SiteState
from chargebridge.site.limit_book import LimitBook
from chargebridge.site.prices import PriceBook
from chargebridge.stations.port import EvseMeasurement

CAR_DRAWS_A = 1.0
"""Above this a terminal counts as used by the car: clear of the standby draw of a station, well below the 6 A minimum."""
PHASES_SEEN_S = 20.0
"""A car that draws on fewer phases than it is offered is believed after this long: some connect one phase after the other.
Where the station switches phases itself, three times as long."""
SAMPLES_APART_S = 60.0
"""Older than this a sample is history; and after this long without one, a station whose clock was set back is believed again."""
OFFERS_KEPT_S = 300.0
"""An offer that expired this long ago can no longer matter to the ceiling of its point."""
_OUT = frozenset({PointStatus.UNAVAILABLE, PointStatus.FAULTED})


@dataclass
class LivePoint:
    """One point's present; field for field what ``PointState`` says, plus what only the site needs.

    connector: what the station says of the point itself; out: of itself as a whole, when it is out of order. sampled_at: the station's own time
    of the newest sample; in_step: its clock goes right. fewer: on how many phases a car was seen to draw that could draw on more, and since when.
    needs: what the car asks for. owes_profile: the car waits for a charging profile, whether or not the offer changes (OCPP 2.x K15.FR.07).
    discharge: what the car is asked to give back, W, and until when. prior: the session whose driver asked for priority.
    """

    point: ChargingPoint
    online: bool = False
    connected_at: datetime | None = None
    protocol: str | None = None
    connector: PointStatus = PointStatus.UNKNOWN
    out: PointStatus | None = None
    error: str | None = None
    heard_at: datetime | None = None
    session: Session | None = None
    terminal_a: PerPhase | None = None
    power_w: float | None = None
    measured_at: datetime | None = None
    sampled_at: datetime | None = None
    in_step: bool = False
    soc: float | None = None
    offers: tuple[Offer, ...] = ()
    fallback_a: float | None = None
    car_phases: int | None = None
    fewer: tuple[int, datetime] | None = None
    needs: CarNeeds | None = None
    owes_profile: bool = False
    discharge: tuple[float, datetime] | None = None
    prior: str | None = None

    @property
    def status(self) -> PointStatus:
        """A station that is out of order as a whole takes its idle points with it; one whose car may still draw keeps its own word."""
        return self.out if self.out is not None and self.session is None and not self.connector.has_car else self.connector

    def freeze(self) -> PointState:
        session, needs = self.session, self.needs
        state = PointState(
            point=self.point.id,
            online=self.online,
            connected_at=self.connected_at,
            status=self.status,
            heard_at=self.heard_at,
            terminal_a=self.terminal_a,
            power_w=self.power_w,
            measured_at=self.measured_at,
            soc=self.soc if self.soc is not None or needs is None else needs.soc,
            offers=self.offers,
            fallback_a=self.fallback_a,
            car_phases=self.car_phases,
            car_maximum_a=None if needs is None else needs.current_max_a,
            car_minimum_a=None if needs is None else needs.current_min_a,
            car_discharge_w=0.0 if needs is None else needs.gives_w,
            discharge_w=0.0 if self.discharge is None else self.discharge[0],
            discharge_until=None if self.discharge is None else self.discharge[1],
        )
        if session is None:
            return state
        return msgspec.structs.replace(
            state,
            session=session.id,
            session_started_at=session.started_at,
            authorised=session.authorised,
            energy_wh=float(session.energy_wh),
            preference=self.wishes,
            prior=self.prior == session.id,
            car_asks=needs is not None and self.wishes is not session.preference,
        )

    @property
    def wishes(self) -> Preference:
        """What driver and car ask for together."""
        preference = self.session.preference if self.session is not None else Preference()
        return preference if self.needs is None else self.needs.wishes(preference)

    def measure(self, sample: EvseMeasurement, now: datetime) -> None:
        """Take in one sample; one that is older than the last by the station's own clock is history, not the present."""
        if self._is_history(sample, now):
            return
        self.sampled_at = sample.measured_at
        if sample.current_a is not None:
            self.terminal_a = sample.current_a
            self._learn_phases(sum(amps > CAR_DRAWS_A for amps in sample.current_a), now)
        if sample.power_w is not None:
            self.power_w = sample.power_w
        if sample.current_a is not None or sample.power_w is not None:
            self.measured_at = now
        if sample.soc is not None:
            self.soc = sample.soc

    def _is_history(self, sample: EvseMeasurement, now: datetime) -> bool:
        """Also what a station that is known to go right sends long after it was measured; one that never goes right is taken at its word."""
        old = (now - sample.measured_at).total_seconds() > SAMPLES_APART_S
        if old and self.in_step:
            return True
        self.in_step = not old
        if self.sampled_at is None or self.measured_at is None or sample.measured_at >= self.sampled_at:
            return False
        return 0 <= (now - self.measured_at).total_seconds() < SAMPLES_APART_S

    def _learn_phases(self, drawing: int, now: datetime) -> None:
        """More phases are believed at once; fewer only after a while in which all were offered, and never fewer than were seen before."""
        every = len(self.point.phases)
        if drawing >= every:
            self.car_phases, self.fewer = every, None
            return
        newest = self.offers[-1] if self.offers else None
        if not drawing or (newest is not None and newest.phases != every):
            self.fewer = None
            return
        if self.car_phases is not None:
            self.car_phases = max(self.car_phases, drawing)
            return
        if self.fewer is None or self.fewer[0] != drawing or now < self.fewer[1]:
            self.fewer = (drawing, now)
        elif (now - self.fewer[1]).total_seconds() >= PHASES_SEEN_S * (3 if self.point.can_switch_phases else 1):
            self.car_phases = drawing

    def new_car(self) -> None:
        """What was learned of the last car says nothing of this one."""
        self.car_phases = self.fewer = None

    def forget_car(self) -> None:
        """The plug is out: what was learned of the car goes with it."""
        self.session = self.needs = None
        self.owes_profile, self.discharge = False, None
        self.terminal_a = (0.0, 0.0, 0.0)
        self.power_w = 0.0
        self.soc = None
        self.new_car()

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
    loads: dict[str, LoadState] = field(default_factory=dict)
    limits: LimitBook = field(default_factory=LimitBook)
    peak: PeakBudget | None = None
    prices: PriceBook = field(default_factory=PriceBook)
    price_per_kwh: float | None = None
    plan: PlanNow | None = None
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.points = {point.id: LivePoint(point) for point in self.topology.points}
        self.loads = {load.id: LoadState(load=load.id) for load in self.topology.loads}
        self._by_evse = {(p.point.station, p.point.evse): p for p in self.points.values()}
        self._by_station: dict[str, list[LivePoint]] = {}
        for point in self.points.values():
            self._by_station.setdefault(point.point.station, []).append(point)

    def hear(self, reading: Reading) -> Reading:
        """Take in a reading, as it is kept. What repeats the meter's time of the last one is no younger than that one: a meter that hangs, or a
        gateway in front of it, repeats one telegram for ever. Only neighbours are compared: lists that carry the time once an hour may repeat
        the hour before (Aidon), while the others between them show that the meter lives.
        """
        last = self.readings.get(reading.meter)
        if last is not None and reading.measured_at is not None and reading.measured_at == last.measured_at:
            reading = msgspec.structs.replace(reading, fresh_at=last.heard_at)
        self.readings[reading.meter] = reading
        return reading

    def take_out(self, station: str, status: PointStatus) -> None:
        """What a station says of itself as a whole."""
        for point in self.of(station):
            point.out = status if status in _OUT else None

    def at(self, station: str, evse: int) -> LivePoint | None:
        """The point behind an EVSE of a station, None where the configuration has none."""
        return self._by_evse.get((station, evse))

    def of(self, station: str) -> list[LivePoint]:
        return self._by_station.get(station, [])

    def progress(self, station: str, transaction: str) -> tuple[int | None, float | None]:
        """Of a running transaction: its energy in Wh, and its car's state of charge in %; None where that is not known."""
        for point in self.of(station):
            if point.session is not None and point.session.transaction == transaction:
                return point.session.energy_wh, None if point.soc is None else point.soc * 100
        return None, None

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
            limits=tuple(self.limits),
            peak=self.peak,
            price_per_kwh=self.price_per_kwh,
            memory=self.memory,
            plan=self.plan,
            loads=tuple(self.loads.values()),
        )
