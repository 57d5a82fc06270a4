"""What people and programs may ask of a running site: the one implementation behind pages, API and commands."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from math import isfinite

import msgspec

from chargebridge.grid.port import ENTRY
from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.model.finding import DayFigures, Finding
from chargebridge.model.limit import Bound, Limit, LimitedCurrent, LimitedPower, LimitedUnbalance, LimitSource, OnNode, Unknown
from chargebridge.model.session import Preference
from chargebridge.site import findings, journal, ledger, present
from chargebridge.site.config import SiteTable
from chargebridge.site.eebus_view import EebusService
from chargebridge.site.engine import Engine
from chargebridge.site.forecasts.view import ForecastService
from chargebridge.site.keys import DriverKeys
from chargebridge.site.live import Live, LivePoint
from chargebridge.site.money.office import MoneyOffice
from chargebridge.site.operation.view import StationService
from chargebridge.site.plan_view import PlanService
from chargebridge.site.proof.office import ProofOffice
from chargebridge.site.proof.view import ProofService
from chargebridge.site.view import Happening, HistoryPoint, SessionRow, SiteView
from chargebridge.site.watch import MeterWatch
from chargebridge.stations.ocpp.forward.link import LinkState
from chargebridge.stations.port import Answer, Station, Stations
from chargebridge.store import Database

ENERGY_MAX_WH = 1_000_000.0
"""More than any road vehicle's battery: a larger figure is a slip of the unit."""
FIGURE_MAX = 1e9
"""W or A; a larger one is a slip of the unit too."""
SPAN_MAX_S = 20 * 365 * 86_400.0
"""Further from now than this nothing is meant, and a calendar ends somewhere."""


class Service:
    """Implements ``SiteService``."""

    def __init__(
        self,
        about: SiteTable,
        live: Live,
        engine: Engine,
        stations: Stations,
        database: Database,
        clock: Clock,
        *,
        keys: DriverKeys,
        remote_token: str,
        demo: bool,
        happenings: Iterable[Happening],
        tell: Callable[[str, str, str], None],
        reaction_ms: Callable[[], float | None],
        watch: MeterWatch,
        money: MoneyOffice,
        planning: PlanService,
        forecasts: ForecastService,
        proof: ProofOffice | None = None,
    ) -> None:
        self._about, self._live, self._engine, self._stations = about, live, engine, stations
        self._database, self._clock = database, clock
        self._keys, self._remote_token, self._demo = keys, remote_token, demo
        self._happenings, self._tell, self._reaction_ms = happenings, tell, reaction_ms
        self._watch = watch
        self.money, self.planning, self.forecasts = money, planning, forecasts
        self._proof = proof
        self._backends: Callable[[], tuple[LinkState, ...]] = tuple
        self._office: StationService | None = None
        self._eebus: EebusService | None = None

    @property
    def eebus(self) -> EebusService | None:
        return self._eebus

    @property
    def proof(self) -> ProofService | None:
        return self._proof

    def speak_eebus(self, office: EebusService) -> None:
        """Who answers for ``eebus`` from now on."""
        self._eebus = office

    @property
    def stations(self) -> StationService:
        if self._office is None:
            raise ModelError("stations", "this site has no Central System", "run it by `chargebridge up`")
        return self._office

    def operate_by(self, office: StationService) -> None:
        """Who answers for ``stations`` from now on."""
        self._office = office
        self.money.command_by(office)

    def forwards(self, states: Callable[[], tuple[LinkState, ...]]) -> None:
        """Where the state of the connections to other back ends is found."""
        self._backends = states

    def view(self) -> SiteView:
        now, made = self._clock.now(), self._engine.latest
        return SiteView(
            at=now,
            name=self._about.name,
            currency=self._about.currency,
            timezone=self._about.timezone,
            demo=self._demo,
            flow=present.flow(self._live, now),
            needed_w=made.demand.needed_w if made else 0.0,
            wished_w=made.demand.wished_w if made else 0.0,
            granted_w=made.grant.granted_w if made else 0.0,
            grant_reason=made.grant.reason if made else "",
            price_per_kwh=self._live.price_per_kwh,
            circuits=present.circuits(self._live, made, now),
            points=present.points(self._live, made, now),
            limits=present.limits(self._live, made, now),
            batteries=present.batteries(self._live, made, now),
            loads=present.loads(self._live, made, now),
            alerts=made.alerts if made else (),
            happenings=tuple(self._happenings),
            reaction_ms=self._reaction_ms(),
            decided_at=made.at if made else None,
            meters=self._watch.states(),
            backends=self._backends(),
        )

    async def history(self, since: datetime, points: int = 240) -> tuple[HistoryPoint, ...]:
        return await self._database.read(lambda c: journal.samples(c, since, points))

    async def findings(self, meter: str | None = None, limit: int = 100) -> tuple[Finding, ...]:
        return tuple(await self._database.read(lambda c: findings.newest(c, meter, limit)))

    async def meter_days(self, meter: str | None = None, limit: int = 31) -> tuple[DayFigures, ...]:
        return tuple(await self._database.read(lambda c: findings.days(c, meter, limit)))

    async def sessions(self, point: str | None = None, limit: int = 50) -> tuple[SessionRow, ...]:
        found = await self._database.read(lambda c: ledger.sessions(c, point, limit))
        marks = {} if self._proof is None else await self._proof.marks([s.id for s in found])
        return tuple(
            SessionRow(
                id=s.id,
                point=s.point,
                token=s.token,
                started_at=s.started_at,
                ended_at=s.ended_at,
                energy_wh=s.energy_wh,
                end_reason=s.end_reason,
                billed_by=s.billed_by,
                proof=marks.get(s.id),
            )
            for s in found
        )

    async def prefer(self, point: str, preference: Preference, by: str) -> None:
        at = self._point(point)
        _check(preference, self._clock.now())
        session = at.session
        if session is None:
            raise ModelError(at.point.name, "no car is charging here", "plug in and start charging, then say what you need")
        await self._database.write(lambda c: ledger.prefer(c, session.id, preference))
        if at.session is not None and at.session.id == session.id:
            at.session = msgspec.structs.replace(at.session, preference=preference)
        self._tell("session", f"{at.point.name}: new wishes from {by}", point)
        self._engine.wake()

    async def start(self, point: str, by: str) -> Answer:
        at = self._point(point)
        answer = await self._station(at).remote_start(at.point.evse, self._remote_token)
        self._tell("session", f"{at.point.name}: start asked by {by}: {answer.outcome}", point)
        return answer

    async def stop(self, point: str, by: str) -> Answer:
        at = self._point(point)
        if at.session is None:
            raise ModelError(at.point.name, "nothing is charging here", "there is nothing to stop")
        answer = await self._station(at).remote_stop(at.point.evse, at.session.transaction)
        self._tell("session", f"{at.point.name}: stop asked by {by}: {answer.outcome}", point)
        return answer

    def limits_of(self, name: str) -> tuple[Limit, ...]:
        """What stands in the book under an id."""
        return self._live.limits.of(name)

    async def enter_limit(self, limit: Limit, by: str) -> None:
        """Put a limit into the book. Raises ModelError when its scope is not there or its figure is none.

        It is decided on before it is written down: a full disk must not keep a limit from being obeyed. Raises StoreError when it holds
        but would be forgotten in a restart.
        """
        self._check_limit(limit)
        self._live.limits.enter(limit)
        self._engine.wake()
        self._tell("limit", f"{present.SOURCE_TEXTS[limit.source]}: {present.bound_text(limit.bound)}", limit.id)
        await self._database.write(lambda c: journal.keep_limit(c, limit, by))

    def _check_limit(self, limit: Limit) -> None:
        scope, where = limit.scope, f"limit {limit.id}"
        nodes = self._nodes()
        groups = {g.id for g in self._live.topology.groups}
        named, known = (scope.node, nodes) if isinstance(scope, OnNode) else (scope.group, groups)
        self._check_owner(limit.id)
        if named not in known:
            raise ModelError(where, f"{named!r} is not on this site", f"name one of {', '.join(sorted(known))}")
        figures = _figures(limit.bound) if limit.failsafe_w is None else (*_figures(limit.bound), limit.failsafe_w)
        wrong = next((figure for figure in figures if not 0 <= figure <= FIGURE_MAX), None)
        if wrong is not None:
            raise ModelError(where, f"{wrong} is no limit", "give 0 or more")
        spans = (limit.duration_s, limit.max_age_s)
        if any(span is not None and not 0 < span <= SPAN_MAX_S for span in spans):
            raise ModelError(where, "a duration or an age is none, or too long", f"give up to {SPAN_MAX_S:g} s, or none at all")
        if limit.starts_at.tzinfo is None or abs((limit.starts_at - self._clock.now()).total_seconds()) > SPAN_MAX_S:
            raise ModelError(where, f"{limit.starts_at} cannot be its beginning", "give a time of these years, with its time zone")
        others = self._live.limits.of(limit.id)
        if others and others[0].source is not limit.source:
            owner = present.SOURCE_TEXTS[others[0].source]
            raise ModelError(where, f"this id is already used by the {owner}", "give it another id, so that neither replaces the other")

    def _check_owner(self, limit: str) -> None:
        if limit.startswith(ENTRY):
            raise ModelError(
                f"limit {limit}", "is the grid operator's own", "only who has set it can change it; another limit needs another id"
            )

    async def set_owner_limit(self, node: str, power_w: float | None, duration_s: float | None, by: str) -> None:
        if node not in self._nodes():
            raise UnknownNameError(f"circuits/{node}", "there is no such circuit", f"name one of {', '.join(sorted(self._nodes()))}")
        name = f"owner {node}"
        if power_w is None:
            await self.withdraw_limit(name, by)
            return
        now = self._clock.now()
        limit = Limit(
            id=name,
            source=LimitSource.OWNER,
            scope=OnNode(node),
            bound=LimitedPower(power_w),
            starts_at=now,
            duration_s=duration_s,
            legal_basis="the owner's own wish",
            received_at=now,
        )
        await self.enter_limit(limit, by)

    async def withdraw_limit(self, limit: str, by: str, starts_at: datetime | None = None) -> None:
        self._check_owner(limit)
        if not any(starts_at is None or entry.starts_at == starts_at for entry in self._live.limits.of(limit)):
            raise UnknownNameError(f"limit {limit}", "is not in the book", "it may have been withdrawn already")
        now = self._clock.now()
        await self._database.write(lambda c: journal.withdraw_limit(c, limit, now, starts_at))
        gone = self._live.limits.withdraw(limit, starts_at)
        self._engine.wake()
        for entry in gone:
            self._tell("limit", f"{present.SOURCE_TEXTS[entry.source]}: {present.bound_text(entry.bound)}: withdrawn by {by}", limit)

    async def discharge(self, point: str, power_w: float, duration_s: float, by: str) -> None:
        """Ask the car at a point to give energy back: as much as owner, driver, car, fuses and limits allow. 0 W ends it, and so does a restart."""
        at = self._point(point)
        if not 0 <= power_w <= FIGURE_MAX or not 0 < duration_s <= SPAN_MAX_S:
            raise ModelError(at.point.name, "a power or a duration is none", "give 0 W or more, and more than 0 s")
        if power_w > 0 and at.point.discharge_max_w <= 0:
            raise ModelError(at.point.name, "no car may give energy back here", "set discharge_max_w of this point in the configuration")
        if power_w > 0 and at.session is None:
            raise ModelError(at.point.name, "no car is charging here", "plug in and start first")
        at.discharge = (power_w, self._clock.now() + timedelta(seconds=duration_s)) if power_w > 0 else None
        self._tell("session", f"{at.point.name}: {power_w / 1000:g} kW back asked by {by}", point)
        self._engine.wake()

    async def set_priority(self, point: str, priority: int, by: str) -> None:
        at = self._point(point)
        if not -100 <= priority <= 100:
            raise ModelError(at.point.name, f"priority {priority} is out of range", "give one from -100 to 100")
        await self._database.write(lambda c: ledger.keep_priority(c, point, priority))
        self._live.prioritise({point: priority})
        self._engine.use_topology()
        self._tell("session", f"{at.point.name}: priority {priority} set by {by}", point)

    def driver_key(self, point: str) -> str:
        return self._keys.of(point)

    def _nodes(self) -> set[str]:
        return {circuit.id for circuit in self._live.topology.circuits} | set(self._live.points) | set(self._live.loads)

    def _point(self, point: str) -> LivePoint:
        at = self._live.points.get(point)
        if at is None:
            raise UnknownNameError(f"charging point {point}", "is not on this site", "the link may be of another site")
        return at

    def _station(self, at: LivePoint) -> Station:
        station = self._stations.station(at.point.station)
        if station is None or not station.online:
            raise ModelError(at.point.name, "its station is out of reach", "see that it has power and network")
        return station


def _check(wish: Preference, now: datetime) -> None:
    where = "preferences"
    low, high = wish.energy_min_wh, wish.energy_max_wh
    if not 0 <= low <= ENERGY_MAX_WH or (high is not None and not 0 <= high <= ENERGY_MAX_WH):
        raise ModelError(where, "an energy is negative or too large", f"give 0 to {ENERGY_MAX_WH / 1000:g} kWh")
    if high is not None and high < low:
        raise ModelError(where, "the maximum is below the minimum", "give a maximum of at least the minimum")
    if not 0 <= wish.reserve_soc <= 1:
        raise ModelError(where, "the reserve is no share of the battery", "give 0 to 1")
    if wish.target_at is not None and wish.target_at.tzinfo is None:
        raise ModelError(where, "the target time has no time zone", "give one, such as 2026-11-21T18:00+01:00")
    if any(cap is not None and not isfinite(cap) for cap in (wish.price_cap_min, wish.price_cap_max)):
        raise ModelError(where, "a price cap is no number", "give a price per kWh, or none")
    if wish.target_at is not None and wish.target_at <= now:
        raise ModelError(where, "the target time is in the past", "give a time to come")
    if low > 0 and wish.target_at is None:
        raise ModelError(where, "a minimum energy needs a time", "say until when you need it")


def _figures(bound: Bound) -> tuple[float, ...]:
    match bound:
        case LimitedPower(power_w=watts):
            return (watts,)
        case LimitedCurrent(current_a=amps):
            return amps
        case LimitedUnbalance(current_a=difference):
            return (difference,)
        case Unknown(failsafe_w=watts):
            return () if watts is None else (watts,)
        case _:
            return ()
