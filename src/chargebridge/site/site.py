"""One property, running: meters and stations report, the engine decides, pages look and ask."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog
from sqlalchemy import Connection

from chargebridge.calibration.registry.heads import HeadSigner
from chargebridge.grid.port import MakeSources, no_sources
from chargebridge.market import PriceSource, WeatherSource
from chargebridge.meters.port import Meter
from chargebridge.model.circuit import Topology
from chargebridge.model.clock import Clock
from chargebridge.model.decision import Alert, Decision
from chargebridge.model.errors import ChargebridgeError
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.model.state import SiteState
from chargebridge.plants import BatteryPlant, ControllableLoad
from chargebridge.site import findings, journal, ledger, present
from chargebridge.site.batteries import BatteryKeeper
from chargebridge.site.config import SiteConfig
from chargebridge.site.desk import StationDesk
from chargebridge.site.dispatch import Dispatcher
from chargebridge.site.engine import Engine
from chargebridge.site.forecasts.market import MarketDesk
from chargebridge.site.forecasts.office import ForecastOffice
from chargebridge.site.grid import journal as grid_journal
from chargebridge.site.grid.desk import GridDesk
from chargebridge.site.keys import DriverKeys, driver_keys
from chargebridge.site.limit_asker import LimitAsker
from chargebridge.site.live import Live, LivePoint
from chargebridge.site.loads import LoadKeeper
from chargebridge.site.money.office import MoneyOffice
from chargebridge.site.peak import GAP_MAX_S, PeakWindow, window_of
from chargebridge.site.planner import Planner
from chargebridge.site.prices import PriceBook
from chargebridge.site.proof.keys import KeyBook, key_file
from chargebridge.site.proof.office import ProofOffice
from chargebridge.site.proof.records import SessionFacts
from chargebridge.site.service import Service
from chargebridge.site.tokens import REMOTE, Tokens, places_of
from chargebridge.site.view import Happening, HistoryPoint
from chargebridge.site.watch import MeterWatch
from chargebridge.stations.port import Answer, Outcome, Station, Stations, StationSink
from chargebridge.store import Database

HAPPENINGS_SHOWN = 100
SAMPLE_EVERY_S = 2.0
SETTLING_S = 20.0
"""After a start, stations and meters take so long to be heard; what is missing meanwhile is shown, but is no news for the log."""
METER_AGAIN_S = 5.0
TELL_AGAIN_S = 60.0
FALLBACK_RETRY_S = 30.0
BOOT_POLL_S = 0.2
"""A connected station may be called only after its boot was answered; so often we look whether it was."""

log = structlog.get_logger(__name__)


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
        loads: Sequence[ControllableLoad],
        *,
        keys: DriverKeys,
        remote_token: str,
        demo: bool,
        prices: PriceSource | None,
        weather: WeatherSource | None,
        make_grid: MakeSources,
        grid_remembers: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._config, self._clock, self._database, self._meters = config, clock, database, meters
        self._topology: Topology = config.topology()
        self._happenings: deque[Happening] = deque(maxlen=HAPPENINGS_SHOWN)
        self._alerts: tuple[Alert, ...] = ()
        self._told: dict[tuple[str, str], datetime] = {}
        self._lost_records = 0
        self._began = clock.now()
        book = PriceBook(config.site.price_per_kwh, config.price, config.site.timezone)
        self.live = Live(self._topology, prices=book)
        self.planner = Planner(
            config,
            self.live,
            database,
            clock,
            latest=lambda: self._engine.latest,
            wake=lambda: self._engine.wake(),
            tell=self.tell,
            expected=lambda: self.forecasts.standing,
            takes_wh=lambda: self.forecasts.takes_wh(),
        )
        market = MarketDesk(prices, weather, config.price, database, clock, take=self.planner.set_prices, tell=self.tell)
        self.forecasts = ForecastOffice(config, self.live, database, clock, market)
        self.money = MoneyOffice.of(config, database, clock, live=self.live, stop=self._stop, tell=self.tell)
        self.proof = self._proofs()
        tokens = Tokens(
            config.token,
            remote_token,
            open_to_all=config.site.open_to_all,
            clock=clock,
            places=places_of(config.point),
            credit=self.money.desk.has_credit,
        )
        self._arrivals: asyncio.Queue[str] = asyncio.Queue()
        self._asker = LimitAsker(clock)
        desk = StationDesk(
            self.live,
            database,
            clock,
            tokens,
            wake=lambda: self._engine.wake(),
            tell=self.tell,
            arrived=self._arrived,
            ask_limits=self._asker.ask,
            money=self.money,
            proof=self.proof,
            terminals=config.payment.terminals,
        )
        self._hearing = desk.hearing
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
            plan=self.planner.now,
            keep_s=config.site.keep_days * 86_400,
            decided=self._decided,
        )
        self._dispatcher = dispatcher
        self._watch = MeterWatch(self._topology, [meter.name for meter in meters], database, self.tell)
        self._keeper = BatteryKeeper(batteries, self.live, clock, wake=self._engine.wake, tell=self.tell)
        self._loads = LoadKeeper(loads, self.live, clock, wake=self._engine.wake, tell=self.tell)
        self.grid = GridDesk(
            make_grid,
            grid_remembers,
            self.live,
            database,
            clock,
            wake=self._engine.wake,
            tell=self.tell,
            steered={battery.id for battery in batteries},
        )
        self.service = Service(
            config.site,
            self.live,
            self._engine,
            self.stations,
            database,
            clock,
            keys=keys,
            remote_token=remote_token,
            demo=demo,
            happenings=self._happenings,
            tell=self.tell,
            reaction_ms=lambda: None if self._engine.reaction_s is None else self._engine.reaction_s * 1000,
            watch=self._watch,
            money=self.money,
            planning=self.planner,
            forecasts=self.forecasts,
            proof=self.proof,
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
        loads: Sequence[ControllableLoad] = (),
        *,
        demo: bool = False,
        prices: PriceSource | None = None,
        weather: WeatherSource | None = None,
        make_grid: MakeSources = no_sources,
    ) -> "Site":
        """A site with what its store remembers: running sessions, limits in the book, the last happenings."""
        keys = await database.write(driver_keys)
        remote = await database.write(lambda c: ledger.keep_setting(c, REMOTE, "CB" + secrets.token_hex(8).upper()))
        site = cls(
            config,
            clock,
            database,
            make_stations,
            meters,
            batteries,
            loads,
            keys=keys,
            remote_token=remote,
            demo=demo,
            prices=prices,
            weather=weather,
            make_grid=make_grid,
            grid_remembers=await database.read(grid_journal.remembered),
        )
        for session in await database.read(ledger.open_sessions):
            point = site.live.points.get(session.point)
            if point is not None:
                if point.session is not None:  # a point charges one car: of those before it the end was never told
                    site._end_unreported(point.session.id)
                point.session, point.needs = session, session.needs
        await site.money.desk.open()
        if site.proof is not None:
            await site.proof.open()
        await site.planner.open()
        await site.forecasts.open()
        site.live.prioritise(await database.read(ledger.priorities))
        for limit in await database.read(journal.limits):
            site.live.limits.enter(limit)
        site.live.limits.drop(clock.now())
        if site._peak is not None and (meter := site._root_meter) is not None:
            since = window_of(clock.now()) - timedelta(seconds=GAP_MAX_S)
            for reading in await database.read(lambda c: journal.readings(c, meter, since)):
                site._peak.add(reading)
        site._watch.remember(await database.read(findings.standing))
        site._happenings.extend(await database.read(lambda c: journal.happenings(c, HAPPENINGS_SHOWN)))
        await site.grid.open()
        return site

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._engine.run(), name="engine")
            group.create_task(self._dispatcher.run(), name="dispatcher")
            group.create_task(self._keeper.run(), name="batteries")
            group.create_task(self._loads.run(), name="loads")
            group.create_task(self._sample(), name="samples")
            group.create_task(self._welcome(), name="fallbacks")
            group.create_task(self.money.run(), name="money")
            if self.proof is not None:
                group.create_task(self.proof.run(), name="proofs")
            group.create_task(self.planner.run(), name="planner")
            group.create_task(self.forecasts.run(), name="forecasts")
            group.create_task(self.grid.run(), name="grid")
            group.create_task(self._asker.run(self.stations, self._hearing), name="limits of others")
            for meter in self._meters:
                group.create_task(self._read(meter), name=f"meter {meter.name}")

    def _proofs(self) -> ProofOffice | None:
        """None where no point is under calibration law."""
        config = self._config
        if not any(point.calibrated for point in config.point):
            return None
        keys = KeyBook(self._database, HeadSigner.load(key_file(config.site.store)), self._clock)
        return ProofOffice(config.point, keys, self._database, self._clock, settle=self._bill, tell=self.tell)

    def _bill(self, c: Connection, facts: SessionFacts, timed: bool) -> Callable[[], None]:
        """A session is billable after all: in the write in which that is written down."""
        terms = self.money.desk.prove(c, facts.station, facts.transaction, facts.charged.energy_wh, self._clock.now(), timed=timed)
        return lambda: self.money.desk.took(terms)

    async def _stop(self, station: str, transaction: str) -> Answer:
        """Have a station end a transaction."""
        to = self.stations.station(station)
        if to is None or not to.online:
            return Answer(outcome=Outcome.OFFLINE, detail="not connected")
        return await to.remote_stop(0, transaction)

    # what comes in

    async def _read(self, meter: Meter) -> None:
        """A meter whose adapter fails costs that meter, which counts as silent, and is tried again."""
        while True:
            try:
                async for item in meter.readings():
                    if isinstance(item, MeterFault):
                        self._faulty(item)
                    else:
                        self.read(item)
                return  # a replay has come to its end
            except ChargebridgeError as error:
                self._faulty(MeterFault(meter=meter.name, at=self._clock.now(), where=error.where, reason=error.reason, cure=error.cure))
            except Exception as error:
                log.exception("reading a meter failed", meter=meter.name)
                reason, cure = f"cannot be read ({type(error).__name__}: {error})", "it is tried again; the log tells more"
                self._faulty(MeterFault(meter=meter.name, at=self._clock.now(), where=meter.name, reason=reason, cure=cure))
            await self._clock.sleep(METER_AGAIN_S)

    def read(self, reading: Reading) -> None:
        """Take in a reading, whichever way it came."""
        reading = self.live.hear(reading)
        if self._peak is not None and reading.meter == self._root_meter:
            self._peak.add(reading)
        self._database.write_soon(lambda c: journal.keep_reading(c, reading))
        self._engine.wake()
        self._watch.read(reading)

    @property
    def _root_meter(self) -> str | None:
        return next(c.meter for c in self._topology.circuits if c.parent is None)

    def _faulty(self, fault: MeterFault) -> None:
        self._watch.fault(fault)
        if self._is_news("meter", fault.meter):
            self.tell("meter", f"{fault.meter}: {fault.reason}; {fault.cure}", fault.meter)

    def _arrived(self, station: str) -> None:
        self._arrivals.put_nowait(station)
        if self.live.of(station):
            self._asker.ask(station)

    async def _welcome(self) -> None:
        """Each station that arrives gets its fallback currents written, again until it has confirmed them."""
        tasks: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                station = await self._arrivals.get()
                if station in tasks:
                    tasks[station].cancel()  # it has come anew: begin anew
                tasks[station] = group.create_task(self._write_fallbacks(station))

    async def _write_fallbacks(self, identity: str) -> None:
        """Round by round, so that an EVSE that refuses does not keep the others from theirs."""
        todo = self.live.of(identity)
        while todo and todo[0].online:
            to = self.stations.station(identity)
            if to is None or not to.online:
                await self._clock.sleep(BOOT_POLL_S)
                continue
            todo = [point for point in todo if not await self._write_fallback(to, point)]
            if todo:
                await self._clock.sleep(FALLBACK_RETRY_S)

    async def _write_fallback(self, to: Station, point: LivePoint) -> bool:
        """One try; True when the station has confirmed."""
        try:
            answer = await to.write_fallback(point.point.evse, point.point.fallback_a)
        except Exception as error:
            log.exception("a fallback current could not be written", point=point.point.id)
            answer = Answer(outcome=Outcome.TIMED_OUT, detail=f"{type(error).__name__}: {error}")
        if answer.outcome is Outcome.ACCEPTED:
            point.fallback_a = point.point.fallback_a
        else:
            point.fallback_a = None
            if self._is_news("fallback", point.point.id):
                text = f"{point.point.name} did not take its fallback current: {answer.outcome} {answer.detail}"
                self.tell("alert", text, point.point.id)
        self._engine.wake()
        return point.fallback_a is not None

    def _refused(self, point: str, answer: Answer) -> None:
        if self._is_news("refused", point):
            self.tell("alert", f"{self.live.points[point].point.name} refused an offer: {answer.outcome} {answer.detail}", point)

    def _decided(self, state: SiteState, made: Decision) -> None:
        self._keeper.give(made.batteries)
        self._loads.give(made.loads)
        self.grid.decided(made)
        self.planner.look(state)
        if (made.at - self._began).total_seconds() < SETTLING_S:
            return
        before = {(a.node, a.cure) for a in self._alerts}
        self._alerts = made.alerts
        for alert in made.alerts:
            if (alert.node, alert.cure) not in before and self._is_news(alert.cure, alert.node):
                self.tell("alert", f"{alert.text}" + (f"; {alert.cure}" if alert.cure else ""), alert.node)

    def _is_news(self, what: str, subject: str) -> bool:
        """Whether nothing of the kind was told of late: what comes and goes every second must not fill the log."""
        now, last = self._clock.now(), self._told.get((what, subject))
        if last is not None and 0 <= (now - last).total_seconds() < TELL_AGAIN_S:
            return False
        self._told[what, subject] = now
        return True

    def tell(self, kind: str, text: str, subject: str = "") -> None:
        """A line for the event log."""
        line = Happening(at=self._clock.now(), kind=kind, text=text, subject=subject)
        self._happenings.append(line)
        self._database.write_soon(lambda c: journal.keep_happening(c, line))

    def _end_unreported(self, session: str) -> None:
        now = self._clock.now()
        self._database.write_soon(lambda c: ledger.presume_ended(c, session, now))

    def _look_at_store(self) -> None:
        """Records that could not be kept cost no charging, but somebody should know."""
        if self._database.failed_times > self._lost_records and self._is_news("store", ""):
            missing = self._database.failed_times - self._lost_records
            self._lost_records += missing
            self.tell("alert", f"{missing} records could not be kept: {self._database.failures[-1]}", "store")

    async def _sample(self) -> None:
        while True:
            await self._clock.sleep(SAMPLE_EVERY_S)
            now = self._clock.now()
            self._look_at_store()
            flow = msgspec.structs.asdict(present.flow(self.live, now))
            del flow["silent"]
            self._database.write_soon(partial(journal.keep_sample, value=HistoryPoint(at=now, limit_w=self._root_limit_w(), **flow)))

    def _root_limit_w(self) -> float | None:
        made = self._engine.latest
        roots = {c.id for c in self._topology.circuits if c.parent is None}
        return next((n.allowed_w for n in made.nodes if n.node in roots), None) if made else None
