"""One property, running: meters and stations report, the engine decides, pages look and ask."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from chargebridge.meters.port import Meter
from chargebridge.model.circuit import Topology
from chargebridge.model.clock import Clock
from chargebridge.model.decision import Alert, Decision
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.model.state import SiteState
from chargebridge.plants import BatteryPlant
from chargebridge.site import journal, ledger, present
from chargebridge.site.batteries import BatteryKeeper
from chargebridge.site.config import SiteConfig
from chargebridge.site.desk import REMOTE, StationDesk, Tokens
from chargebridge.site.dispatch import Dispatcher
from chargebridge.site.engine import Engine
from chargebridge.site.live import Live, LivePoint
from chargebridge.site.peak import PeakWindow
from chargebridge.site.service import Service
from chargebridge.site.view import Happening, HistoryPoint
from chargebridge.stations.port import Answer, Outcome, Stations, StationSink
from chargebridge.store import Database

HAPPENINGS_SHOWN = 100
SAMPLE_EVERY_S = 2.0
FALLBACK_RETRY_S = 30.0
BOOT_POLL_S = 0.2
"""A connected station may be called only after its boot was answered; so often we look whether it was."""
DRIVER_SECRET = "driver_secret"  # noqa: S105 - the name under which it is kept, not the secret


class Site:
    """``service`` is what people may ask of it. Make one with ``await Site.open(...)``, then ``await run()`` until it is cancelled."""

    def __init__(
        self,
        config: SiteConfig,
        clock: Clock,
        database: Database,
        make_stations: Callable[[StationSink], Stations],
        meters: Sequence[Meter],
        batteries: Sequence[BatteryPlant],
        *,
        secret: str,
        remote_token: str,
        demo: bool,
    ) -> None:
        self._config, self._clock, self._database, self._meters = config, clock, database, meters
        self._topology: Topology = config.topology()
        self._happenings: deque[Happening] = deque(maxlen=HAPPENINGS_SHOWN)
        self._alerts: tuple[Alert, ...] = ()
        self._faults: dict[str, MeterFault] = {}
        self._reaction_ms: float | None = None
        self.live = Live(self._topology, price_per_kwh=config.site.price_per_kwh)
        tokens = Tokens({t.id: t.blocked for t in config.token}, remote_token, open_to_all=config.site.open_to_all)
        self._arrivals: asyncio.Queue[str] = asyncio.Queue()
        desk = StationDesk(
            self.live,
            database,
            clock,
            tokens,
            wake=lambda: self._engine.wake(),
            tell=self.tell,
            arrived=self._arrivals.put_nowait,
        )
        self.stations = make_stations(desk)
        dispatcher = Dispatcher(self.live, self.stations, clock, wake=lambda: self._engine.wake(), refused=self._refused)
        budget = config.site.peak_budget_w
        self._peak = PeakWindow(budget) if budget is not None else None
        self._engine = Engine(
            self.live,
            dispatcher,
            database,
            clock,
            peak=self._peak,
            keep_s=config.site.keep_days * 86_400,
            decided=self._decided,
        )
        self._dispatcher = dispatcher
        self._keeper = BatteryKeeper(batteries, self.live, clock, wake=self._engine.wake, tell=self.tell)
        self.service = Service(
            config.site,
            self.live,
            self._engine,
            self.stations,
            database,
            clock,
            secret=secret,
            remote_token=remote_token,
            demo=demo,
            happenings=self._happenings,
            tell=self.tell,
            reaction_ms=lambda: self._reaction_ms,
        )

    @classmethod
    async def open(
        cls,
        config: SiteConfig,
        clock: Clock,
        database: Database,
        make_stations: Callable[[StationSink], Stations],
        meters: Sequence[Meter],
        batteries: Sequence[BatteryPlant] = (),
        *,
        demo: bool = False,
    ) -> "Site":
        """A site with what its store remembers: running sessions, limits in the book, the last happenings."""
        secret = await database.write(lambda c: ledger.keep_setting(c, DRIVER_SECRET, secrets.token_hex(32)))
        remote = await database.write(lambda c: ledger.keep_setting(c, REMOTE, "CB" + secrets.token_hex(8).upper()))
        site = cls(config, clock, database, make_stations, meters, batteries, secret=secret, remote_token=remote, demo=demo)
        for session in await database.read(ledger.open_sessions):
            point = site.live.points.get(session.point)
            if point is not None:
                point.session = session
        site.live.prioritise(await database.read(ledger.priorities))
        for limit in await database.read(journal.limits):
            site.live.limits[limit.id] = limit
        site._happenings.extend(await database.read(lambda c: journal.happenings(c, HAPPENINGS_SHOWN)))
        return site

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._engine.run(), name="engine")
            group.create_task(self._dispatcher.run(), name="dispatcher")
            group.create_task(self._keeper.run(), name="batteries")
            group.create_task(self._sample(), name="samples")
            group.create_task(self._welcome(), name="fallbacks")
            for meter in self._meters:
                group.create_task(self._read(meter), name=f"meter {meter.name}")

    # what comes in

    async def _read(self, meter: Meter) -> None:
        async for item in meter.readings():
            if isinstance(item, MeterFault):
                self._faulty(item)
            else:
                self.read(item)

    def read(self, reading: Reading) -> None:
        """Take in a reading, whichever way it came."""
        self.live.readings[reading.meter] = reading
        self._faults.pop(reading.meter, None)
        if self._peak is not None and reading.meter == self._root_meter:
            self._peak.add(reading)
        self._database.write_soon(lambda c: journal.keep_reading(c, reading))
        self._engine.wake()

    @property
    def _root_meter(self) -> str | None:
        return next(c.meter for c in self._topology.circuits if c.parent is None)

    def _faulty(self, fault: MeterFault) -> None:
        before = self._faults.get(fault.meter)
        self._faults[fault.meter] = fault
        if before is None or before.reason != fault.reason:
            self.tell("meter", f"{fault.meter}: {fault.reason}; {fault.cure}", fault.meter)

    async def _welcome(self) -> None:
        """Each station that arrives gets its fallback currents written, again until it has confirmed them."""
        async with asyncio.TaskGroup() as group:
            while True:
                station = await self._arrivals.get()
                group.create_task(self._write_fallbacks(station))

    async def _write_fallbacks(self, identity: str) -> None:
        for point in self.live.of(identity):
            wait_s: float | None = 0.0
            while point.online and wait_s is not None:
                await self._clock.sleep(wait_s)
                wait_s = await self._write_fallback(identity, point)

    async def _write_fallback(self, identity: str, point: LivePoint) -> float | None:
        """One try; returns after how many seconds the next one is due, None when the station has confirmed."""
        to = self.stations.station(identity)
        if to is None or not to.online:
            return BOOT_POLL_S
        answer = await to.write_fallback(point.point.evse, point.point.fallback_a)
        if answer.outcome is Outcome.ACCEPTED:
            point.fallback_a = point.point.fallback_a
            self._engine.wake()
            return None
        point.fallback_a = None
        self.tell("alert", f"{point.point.name} did not take its fallback current: {answer.outcome} {answer.detail}", point.point.id)
        return FALLBACK_RETRY_S

    def _refused(self, point: str, answer: Answer) -> None:
        self.tell("alert", f"{self.live.points[point].point.name} refused an offer: {answer.outcome} {answer.detail}", point)

    def _decided(self, state: SiteState, made: Decision) -> None:
        self._keeper.give(made.batteries)
        newest = max((r.received_at for r in state.readings), default=None)
        if newest is not None:
            self._reaction_ms = (self._clock.now() - newest).total_seconds() * 1000
        before = {(a.node, a.cure) for a in self._alerts}
        self._alerts = made.alerts
        for alert in made.alerts:
            if (alert.node, alert.cure) not in before:
                self.tell("alert", f"{alert.text}" + (f"; {alert.cure}" if alert.cure else ""), alert.node)

    def tell(self, kind: str, text: str, subject: str = "") -> None:
        """A line for the event log."""
        line = Happening(at=self._clock.now(), kind=kind, text=text, subject=subject)
        self._happenings.append(line)
        self._database.write_soon(lambda c: journal.keep_happening(c, line))

    async def _sample(self) -> None:
        while True:
            await self._clock.sleep(SAMPLE_EVERY_S)
            now = self._clock.now()
            flow = present.flow(self.live, now)
            self._database.write_soon(
                partial(journal.keep_sample, value=HistoryPoint(at=now, limit_w=self._root_limit_w(), **msgspec.structs.asdict(flow)))
            )

    def _root_limit_w(self) -> float | None:
        made = self._engine.latest
        roots = {c.id for c in self._topology.circuits if c.parent is None}
        return next((n.allowed_w for n in made.nodes if n.node in roots), None) if made else None
