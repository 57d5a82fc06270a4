"""What the site does about what stations tell beyond their transactions: keep it, and act on limits of others and on what cars ask for.

Each event is in the store before the station is answered, and with it what it changes.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.model.clock import Clock
from chargebridge.model.session import CarNeeds
from chargebridge.site import ledger, station_book, words
from chargebridge.site.foreign_limits import NOTHING, Change, ForeignLimits
from chargebridge.site.live import Live, LivePoint
from chargebridge.site.needs import needs_of
from chargebridge.stations.events import (
    BatterySwap,
    ChargingLimitCleared,
    ChargingLimitSet,
    ChargingNeeds,
    ChargingSchedule,
    DerAlarm,
    PriorityCharging,
    SecurityEvent,
    StationEvent,
    StreamOpened,
)
from chargebridge.store import Database

Verdict = bool | str | None
RENEGOTIATE_AFTER = timedelta(seconds=10)
"""A car whose schedule breaks ours is told again, but no more often than this."""


class Hearing:
    """One for all stations. ``hear`` is ``StationSink.told``."""

    def __init__(
        self,
        live: Live,
        database: Database,
        clock: Clock,
        *,
        wake: Callable[[], None],
        tell: Callable[[str, str, str], None],
        ask_limits: Callable[[str], None],
    ) -> None:
        """ask_limits: a station is to be asked which limits of others it has."""
        self._live, self._database, self._clock = live, database, clock
        self._wake, self._tell = wake, tell
        self.limits = ForeignLimits(live, ask_limits)
        self._renegotiated: dict[str, datetime] = {}

    async def hear(self, station: str, event: StationEvent) -> Verdict:
        now = self._clock.now()
        change = self.limits.read(station, event, now)
        verdict: Verdict = None
        keep: Callable[[Connection], None] | None = None
        match event:
            case ChargingNeeds():
                verdict, keep = self._needs(station, event, now)
            case StreamOpened():  # whose values nobody could name is not taken on (2.1 N11.FR.05, N11.FR.08)
                verdict = await self._database.read(lambda c: station_book.monitor(c, station, event.monitor)) is not None
            case ChargingSchedule():
                verdict = self._schedule(station, event, now)
            case PriorityCharging(activated=True):
                self._prior(station, event)
        self._apply(station, change)

        def work(c: Connection) -> None:
            station_book.keep(c, station, event, now)
            change.keep(c, station, now)
            if keep is not None:
                keep(c)

        await self._database.write(work)
        self._announce(station, event)
        return verdict

    async def no_limits(self, station: str) -> None:
        """A station has said that nobody else limits it."""
        change, now = self.limits.none_there(station), self._clock.now()
        if change != NOTHING:  # kept first: what cannot be kept is asked for again
            await self._database.write(lambda c: change.keep(c, station, now))
        self._apply(station, change)

    def _apply(self, station: str, change: Change) -> None:
        self.limits.apply(station, change)
        if change.enter or change.gone:
            self._wake()

    def _needs(self, station: str, event: ChargingNeeds, now: datetime) -> tuple[str, Callable[[Connection], None] | None]:
        """The answer in OCPP's words. NoChargingProfile is for ISO 15118-20 only, whose stations take Rejected for an end (K18.FR.04, K15.FR.04)."""
        point = self._live.at(station, event.evse)
        if point is None:
            return ("NoChargingProfile" if event.control_mode else "Rejected"), None
        session = point.session
        needs = needs_of(event, point.point, session.energy_wh if session else 0, now)
        point.needs, point.owes_profile = needs, True
        self._wake()
        if session is None:
            return "Processing", None  # the journal has it; the session takes it over when it begins
        point.session = replace(session, needs=needs)
        number = session.id
        return ("Accepted" if session.authorised else "Processing"), lambda c: ledger.keep_needs(c, number, needs)

    def _schedule(self, station: str, event: ChargingSchedule, now: datetime) -> bool:
        """A schedule outside of ours is refused, and ours is sent again (K15.FR.11 to K15.FR.13)."""
        point = self._live.at(station, event.evse)
        if point is None or not event.outside:
            return True
        last = self._renegotiated.get(point.point.id)
        if last is None or not timedelta(0) <= now - last < RENEGOTIATE_AFTER:
            self._renegotiated[point.point.id] = now
            point.owes_profile = True
            self._wake()
        return False

    def _prior(self, station: str, event: PriorityCharging) -> None:
        """A driver asks to go before others: in the split, for as long as his session lasts (2.1 K22). No fuse knows of priority."""
        for point in self._live.of(station):
            if point.session is not None and point.session.transaction == event.transaction:
                point.prior = point.session.id
                self._tell("session", f"{point.point.name}: priority charging asked at the station", point.point.id)
                self._wake()

    def begun(self, point: LivePoint, before: str | None) -> None:
        """A session begins: what its car has asked for before goes into it; what the car of ``before`` asked for is over."""
        session = point.session
        if session is None or session.needs is not None or point.needs is None:
            point.needs = session.needs if session is not None else None
            return
        if before is not None:
            point.needs = None
            return
        needs = point.needs
        point.session = replace(session, needs=needs)
        self._database.write_soon(lambda c: ledger.keep_needs(c, session.id, needs))

    def _announce(self, station: str, event: StationEvent) -> None:
        """What people should read without looking for it."""
        match event:
            case SecurityEvent():
                self._tell("station", f"{station} reports a security event: {event.kind} {event.info or ''}".rstrip(), station)
            case ChargingLimitSet() | ChargingLimitCleared() | BatterySwap() | DerAlarm():
                self._tell(
                    "limit" if isinstance(event, ChargingLimitSet | ChargingLimitCleared) else "station",
                    words.heard(station, event),
                    station,
                )
            case ChargingNeeds():
                point = self._live.at(station, event.evse)
                if point is not None and point.needs is not None and _asks(point.needs):
                    asked = words.asked(point.needs, self._live.topology.timezone)
                    self._tell("session", f"{point.point.name}: the car {asked}", point.point.id)


def _asks(needs: CarNeeds) -> bool:
    """Whether it asks for something, or only tells what its charger can do."""
    return needs.energy_wh is not None or needs.energy_max_wh is not None or needs.departure_at is not None or needs.gives_w > 0
