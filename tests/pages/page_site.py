"""Test data for the pages: a SiteService whose figures change like a real site's, and that does what it is asked in memory."""

import math
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from page_eebus import PageEebus
from page_expected import Expected
from page_figures import CAUSES, CIRCUITS, NAMES, STATUS, circuit, why
from page_plan import PagePlan
from page_proof import PageProofs

from chargebridge.model.decision import Alert, Cause, Move
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.model.limit import Limit, LimitedPower, LimitSource
from chargebridge.model.phases import PerPhase, on_grid, total
from chargebridge.model.session import PointStatus, Preference
from chargebridge.site.view import (
    BatteryView,
    CircuitView,
    Happening,
    HistoryPoint,
    LimitView,
    LoadView,
    PointView,
    PowerFlow,
    SessionRow,
    SiteView,
)
from chargebridge.stations.port import Answer, Outcome


class PageSite:
    """mode: "busy", "lost" (a meter is silent), "empty" (no cars, no limits), "broken" (view raises)."""

    def __init__(self, mode: str = "busy") -> None:
        self.mode = mode
        self.began = datetime.now(UTC)
        self.preferences: dict[str, Preference] = {"p02": Preference(energy_min_wh=12_000, target_at=self.began + timedelta(hours=3))}
        self.priorities: dict[str, int] = {"p01": 1}
        self.stopped: set[str] = set()
        self.owner_limits: dict[str, LimitView] = {}
        self.asked: list[str] = []
        self.entered: list[Limit] = []
        self.planning = PagePlan(mode, self.preferences)
        self.forecasts = Expected(self.began)
        self.proof = PageProofs(self.began)
        self.eebus = PageEebus(self.began) if mode != "empty" else None

    def driver_key(self, point: str) -> str:
        return f"key-of-{point}-0123456789abcdef"

    def view(self) -> SiteView:
        if self.mode == "broken":
            raise RuntimeError("the test has broken the site")
        now = datetime.now(UTC)
        t = (now - self.began).total_seconds()
        points = tuple(self._point(index, now, t) for index in range(12))
        cars_w = sum(point.power_w for point in points)
        circuits = self._circuits(points, t)
        pv, battery = 8200 + 900 * math.sin(t / 9), -1500.0 if cars_w > 0 else 900.0
        house = 2300 + 350 * math.sin(t / 4)
        limits = () if self.mode == "empty" else (self._operator(now), *self.owner_limits.values())
        alerts = ()
        if self.mode == "lost":
            alerts = (
                Alert(
                    severity="warning",
                    node="yard",
                    text="The meter of this circuit has been silent for 23 s: the worst case is assumed, and the cars there get less.",
                    cure="Check the cable and the power supply of the meter in the courtyard's cabinet.",
                ),
                Alert(
                    severity="info", node="p10", text="The station is offline.", cure="Switch its fuse off and on again if it stays away."
                ),
            )
        return SiteView(
            at=now,
            name="Lindenhof 12",
            currency="EUR",
            timezone="Europe/Vienna",
            demo=True,
            flow=PowerFlow(
                grid_w=cars_w + house + battery - pv,
                pv_w=pv,
                battery_w=battery,
                house_w=None if self.mode == "lost" else house,
                cars_w=cars_w,
            ),
            needed_w=0 if self.mode == "empty" else 14_000,
            wished_w=0 if self.mode == "empty" else 61_000,
            granted_w=0 if self.mode == "empty" else max(cars_w, 14_000),
            grant_reason="No car asks for power."
            if self.mode == "empty"
            else "Cars may draw 41 kW of the 61 kW they wish for: the fuse of the grid connection is full on L1.",
            price_per_kwh=0.243,
            circuits=circuits,
            points=points,
            limits=limits,
            batteries=(
                BatteryView(
                    id="b1",
                    name="Cellar battery",
                    power_w=battery,
                    soc=0.64,
                    reserve=0.2,
                    command_w=battery,
                    reason="covers what is needed",
                ),
            ),
            loads=() if self.mode == "empty" else (self._pump(now),),
            alerts=alerts,
            happenings=self._happenings(now),
            reaction_ms=11.8,
            decided_at=now - timedelta(seconds=0.4),
        )

    def _point(self, index: int, now: datetime, t: float) -> PointView:
        id_ = f"p{index + 1:02d}"
        cause = Cause.NO_CAR if self.mode == "empty" or id_ in self.stopped else CAUSES[index]
        phases = (1, 2, 3) if index % 4 != 3 else ((index // 4) % 3 + 1,)
        car = cause is not Cause.NO_CAR
        draws = {Cause.NO_CAR: 0.0, Cause.WAITING_TURN: 0.0, Cause.DONE: 0.0, Cause.CAR: 9.4, Cause.WISHED: 16.0, Cause.LIMIT: 8.5}.get(
            cause, 11.0
        )
        amps = max(0.0, draws + (0.4 * math.sin(t + index) if draws else 0.0))
        offered = 16.0 if cause is Cause.CAR else draws
        return PointView(
            id=id_,
            name=NAMES[index],
            circuit=CIRCUITS[index // 4][0],
            station=f"CP-{index + 1:03d}",
            protocol="ocpp1.6" if index % 2 else "ocpp2.0.1",
            online=cause is not Cause.OFFLINE,
            status=STATUS.get(cause, PointStatus.CHARGING),
            error=None,
            phases=phases,
            maximum_a=16.0 if index % 3 else 32.0,
            priority=self.priorities.get(id_, 0),
            session=f"s{index}" if car else None,
            token="04A2B9F1" if car else None,
            started_at=now - timedelta(minutes=50 + 7 * index) if car else None,
            power_w=amps * 230 * len(phases),
            grid_a=on_grid(amps, phases),
            offered_a=offered,
            offered_phases=len(phases),
            goal_a=13.0 if cause is Cause.WAITING_RELEASE else offered,
            move=Move.HOLD,
            energy_wh=(4200 + 1100 * index + t * amps * 0.19) if car else 0.0,
            soc=0.62 if index == 2 else None,
            preference=self.preferences.get(id_, Preference()),
            finish_at=now + timedelta(minutes=55 + 13 * index) if draws else None,
            finish_text=""
            if not car
            else "with all that it takes"
            if draws
            else "when its turn comes"
            if cause is Cause.WAITING_TURN
            else "done",
            why=why(cause, CIRCUITS[index // 4][0], id_, offered),
        )

    def _pump(self, now: datetime) -> LoadView:
        lost = self.mode == "lost"
        return LoadView(
            id="pump",
            name="Heat pump",
            circuit="house",
            online=not lost,
            heard_at=now - timedelta(seconds=400 if lost else 12),
            power_w=None if lost else 2140.0,
            nominal_w=9000.0,
            guaranteed_w=4200.0,
            limit_w=4200.0,
            taken=not lost,
            ceiling_w=4200.0,
            failsafe_w=4200.0,
            reason="Heat pump gets 4.2 kW: the grid operator (section 14a EnWG) allows 8.4 kW for Controllable devices, shared by 2",
        )

    def _circuits(self, points: tuple[PointView, ...], t: float) -> tuple[CircuitView, ...]:
        nodes, cars_all = [], total(point.grid_a for point in points)
        house: PerPhase = (6.0 + math.sin(t / 3), 3.5, 4.2)
        lost = self.mode == "lost"
        for id_, name, fuse in CIRCUITS:
            cars = total(point.grid_a for point in points if point.circuit == id_)
            silent = lost and id_ == "yard"
            base: PerPhase = (10.0, 10.0, 10.0) if silent else (1.2, 0.8, 2.0)
            nodes.append(circuit(id_, name, "root", 1, fuse, base, cars, lost=silent, meter="m-yard" if id_ == "yard" else None))
        root = circuit("root", "Grid connection", None, 0, 100.0, house, cars_all, lost=False, meter="m-main")
        return (replace(root, allowed_a=(90.0, 90.0, 90.0), binding="phase balance: at most 20 A apart", meter_age_s=0.8), *nodes)

    def _operator(self, now: datetime) -> LimitView:
        return LimitView(
            id="lpc-1",
            source=LimitSource.GRID_OPERATOR,
            source_text="Grid operator, EEBUS LPC",
            legal_basis="§ 14a EnWG",
            scope="garage",
            bound=LimitedPower(27_000.0),
            bound_text="at most 27 kW",
            starts_at=now - timedelta(minutes=4),
            until=now + timedelta(minutes=37),
            state="in force",
            note="reached after 0.8 s",
            withdrawable=False,
        )

    def _happenings(self, now: datetime) -> tuple[Happening, ...]:
        if self.mode == "empty":
            return ()
        at = self.began
        return (
            Happening(at=at - timedelta(minutes=6), kind="session", text="Bay 2: a car begins to charge", subject="p02"),
            Happening(
                at=at - timedelta(minutes=4),
                kind="limit",
                text="The grid operator limits Garage north to 27 kW for 41 minutes",
                subject="garage",
            ),
            Happening(at=at - timedelta(minutes=4), kind="station", text="Four stations have confirmed the new limit after 0.8 s"),
            Happening(at=at - timedelta(minutes=2), kind="story", text="Next: the meter in the courtyard falls silent", subject="yard"),
            *(Happening(at=at + timedelta(seconds=i), kind="alert", text=text) for i, text in enumerate(self.asked)),
        )

    async def history(self, since: datetime, points: int = 240) -> tuple[HistoryPoint, ...]:
        now = datetime.now(UTC)
        step = (now - since) / points
        samples = []
        for i in range(points):
            x = i / points * 9
            cars = max(0.0, 18_000 + 16_000 * math.sin(x) + 1500 * math.sin(9 * x))
            pv, house = max(0.0, 9000 * math.sin(x / 3)), 2200 + 900 * math.sin(3 * x)
            limited = 160 < i < 215
            cars = min(cars, 10_500) if limited else cars
            samples.append(
                HistoryPoint(
                    at=since + i * step,
                    grid_w=cars + house - pv,
                    pv_w=pv,
                    battery_w=-800.0 if cars > 20_000 else 600.0,
                    house_w=house,
                    cars_w=cars,
                    limit_w=12_000.0 if limited else None,
                )
            )
        return tuple(samples)

    async def sessions(self, point: str | None = None, limit: int = 50) -> tuple[SessionRow, ...]:
        if self.mode == "empty":
            return ()
        return tuple(
            SessionRow(
                id=f"s{i}",
                point=f"p{i % 12 + 1:02d}",
                token="04A2B9F1",
                started_at=self.began - timedelta(hours=3 * i + 1),
                ended_at=None if i < 3 else self.began - timedelta(hours=3 * i),
                energy_wh=7300 + 811 * i,
                end_reason=None if i < 3 else "EVDisconnected",
                proof=self.proof.mark(f"p{i % 12 + 1:02d}"),
            )
            for i in range(9)
            if point in (None, f"p{i % 12 + 1:02d}")
        )[:limit]

    async def prefer(self, point: str, preference: Preference, by: str) -> None:
        if preference.energy_max_wh is not None and preference.energy_max_wh < preference.energy_min_wh:
            raise ModelError(f"preference of {point}", "the most is less than the least", "raise energy_max_wh or lower energy_min_wh")
        self.preferences[point] = preference
        self.asked.append(f"{by} prefers {preference.energy_min_wh:.0f} Wh at {point}")

    async def start(self, point: str, by: str) -> Answer:
        self.stopped.discard(point)
        return Answer(outcome=Outcome.ACCEPTED)

    async def stop(self, point: str, by: str) -> Answer:
        self.stopped.add(point)
        return Answer(outcome=Outcome.ACCEPTED)

    async def set_owner_limit(self, node: str, power_w: float | None, duration_s: float | None, by: str) -> None:
        if node not in {"root", *(id_ for id_, _, _ in CIRCUITS)}:
            raise UnknownNameError(f"circuits/{node}", "there is no such circuit", "take one of the tree")
        self.owner_limits.pop(f"owner-{node}", None)
        if power_w is not None:
            now = datetime.now(UTC)
            self.owner_limits[f"owner-{node}"] = LimitView(
                id=f"owner-{node}",
                source=LimitSource.OWNER,
                source_text="Owner",
                legal_basis="the owner's own wish",
                scope=node,
                bound=LimitedPower(power_w),
                bound_text=f"at most {power_w / 1000:g} kW",
                starts_at=now,
                until=now + timedelta(seconds=duration_s) if duration_s else None,
                state="in force",
                note="",
                withdrawable=True,
            )

    async def enter_limit(self, limit: Limit, by: str) -> None:
        self.entered.append(limit)

    async def withdraw_limit(self, limit: str, by: str, starts_at: datetime | None = None) -> None:
        if self.owner_limits.pop(limit, None) is None:
            raise UnknownNameError(f"limits/{limit}", "there is no such limit of the owner", "reload the page")

    async def set_priority(self, point: str, priority: int, by: str) -> None:
        self.priorities[point] = priority
