"""From what a site knows to what is planned: each thing that the planner has to know of, and no plan that crosses the book."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chargebridge.model.circuit import Battery, ChargingPoint, Circuit, Generator, Group, Load, Topology
from chargebridge.model.limit import Bound, Direction, Limit, LimitedCurrent, LimitedPower, LimitSource, OnGroup, OnNode
from chargebridge.model.session import PointStatus, Preference
from chargebridge.model.state import BatteryState, PeakBudget, PointState, SiteState
from chargebridge.planning import plan
from chargebridge.planning.problem import Band, Horizon, Node, Yield
from chargebridge.site.config import PlanningTable, PriceTable
from chargebridge.site.outlook import BUDGET_NODE, Outlook, outlook
from chargebridge.site.planned_stores import Foresight
from chargebridge.site.prices import PriceBook, PriceEntry

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHEAP = PriceEntry(starts_at=NOON + 5 * HOUR, ends_at=NOON + 8 * HOUR, per_kwh=0.10)
SOON = Preference(energy_min_wh=11_000, energy_max_wh=11_000, target_at=NOON + 10 * HOUR)
TOPOLOGY = Topology(
    circuits=(
        Circuit(id="main", name="Main", fuse_a=(32.0, 32.0, 32.0)),
        Circuit(id="garage", name="Garage", fuse_a=(16.0, 16.0, 16.0), parent="main"),
    ),
    points=tuple(ChargingPoint(id=n, name=n.upper(), circuit="garage", station=n, discharge_max_w=5000.0, fallback_a=6.0) for n in "abc"),
    batteries=(Battery(id="bat", name="B", circuit="main", charge_max_w=3000, discharge_max_w=3000, capacity_wh=10_000, reserve_wh=1000),),
    generators=(Generator(id="pv", name="PV", circuit="main", peak_w=5000),),
    groups=(Group(id="controllable", name="C", members=("a", "b", "bat")),),
)


def car(name: str, wish: Preference = SOON, **more: object) -> PointState:
    kind = {"session": f"s{name}", "authorised": True, "status": PointStatus.CHARGING, "online": True} | more
    return PointState(point=name, preference=wish, **kind)  # type: ignore[arg-type]


def entry(bound: Bound, node: str = "main", hours: float = 0, lasts: float | None = None, *, group: bool = False, **more: object) -> Limit:
    at = NOON + hours * HOUR
    kind = {"id": f"{node}{hours}", "source": LimitSource.GRID_OPERATOR, "legal_basis": "t"} | more
    duration_s = None if lasts is None else lasts * 3600
    scope = OnGroup(node) if group else OnNode(node)
    return Limit(bound=bound, scope=scope, starts_at=at, received_at=NOON, duration_s=duration_s, **kind)  # type: ignore[arg-type]


def foresee(horizon: Horizon) -> Foresight:
    count = len(horizon.steps_s)
    house = Band(likely=(1000.0,) * count, low=(500.0,) * count, high=(2000.0,) * count)
    return Foresight(house=house, pv={"pv": Band.sure((0.0,) * count)}, bases={})


def look(
    *points: PointState, reserved: Mapping[str, tuple[float, ...]] | None = None, price: PriceTable | None = None, **more: object
) -> Outlook:
    state = SiteState(topology=TOPOLOGY, points=points, **more)  # type: ignore[arg-type]
    book = PriceBook(0.30, price)
    book.take([CHEAP], NOON)
    found = outlook(state, book, PlanningTable(), price or PriceTable(), foresee, NOON, reserved=reserved)
    assert found is not None
    return found


def node(found: Outlook, name: str) -> Node:
    return next(n for n in found.problem.nodes if n.id == name)


def step_at(found: Outlook, hours: float) -> int:
    at, edge = 0.0, hours * 3600
    for t, seconds in enumerate(found.problem.horizon.steps_s):
        if at <= edge < at + seconds:
            return t
        at += seconds
    raise AssertionError(hours)


def test_a_car_with_a_time_waits_for_the_cheap_hours() -> None:
    found = look(car("a"))
    made = plan(found.problem)
    power = made.stores[0].power_w
    assert made.energy_cost == pytest.approx(
        1.1 + sum(1.0 * c * s / 3600 for c, s in zip(_prices(found), found.problem.horizon.steps_s, strict=True))
    )
    assert power[step_at(found, 0)] == 0
    assert power[step_at(found, 5)] > 0
    assert found.sessions == {"a": "sa"}


def _prices(found: Outlook) -> tuple[float, ...]:
    return found.problem.prices.import_per_kwh


def test_steps_end_where_prices_and_limits_change_and_reach_the_last_departure() -> None:
    late = replace(SOON, target_at=NOON + 40 * HOUR)
    found = look(car("a", late), limits=(entry(LimitedPower(5000.0), hours=1.125, lasts=0.5),))
    assert sum(found.problem.horizon.steps_s) == 40 * 3600
    starts = {0.0}
    for seconds in found.problem.horizon.steps_s:
        starts.add(max(starts) + seconds)
    assert {1.125 * 3600, 1.625 * 3600, 5 * 3600, 8 * 3600} <= starts


def test_limits_to_come_stand_in_their_steps_and_silent_sources_fail_safe() -> None:
    coming = entry(LimitedPower(4200.0), hours=5, lasts=2)
    silent = entry(LimitedCurrent((16.0, 16.0, 16.0)), "garage", id="s", max_age_s=60, failsafe_w=3000.0)
    old = replace(silent, received_at=NOON - HOUR, starts_at=NOON - HOUR, heard_at=NOON - HOUR)
    found = look(car("a"), limits=(coming, old))
    main, garage = node(found, "main"), node(found, "garage")
    assert main.import_w is not None
    assert [main.import_w[step_at(found, h)] for h in (5, 6.9)] == [4200.0, 4200.0]
    assert main.import_w[step_at(found, 7)] > 4200.0
    assert garage.import_w == (3000.0,) * len(found.problem.horizon.steps_s)
    heard = look(car("a"), limits=(replace(silent, heard_at=NOON),))
    assert node(heard, "garage").import_w is None, "one that is heard is expected to be heard on"


def test_a_source_that_says_nothing_leaves_the_stations_fallback() -> None:
    unknown = replace(entry(LimitedPower(1.0), "garage", max_age_s=60), received_at=NOON - HOUR, starts_at=NOON - HOUR)
    store = look(car("a"), limits=(unknown,)).problem.stores[0]
    assert store.charge_max_w == pytest.approx(6 * 690)


def test_no_plan_crosses_the_book() -> None:
    limits = (
        entry(LimitedPower(4200.0), "controllable", hours=5, lasts=1, group=True),
        entry(LimitedPower(0.0), "a", hours=6, lasts=1),
        entry(LimitedPower(6000.0), hours=7, lasts=1),
    )
    battery = BatteryState(battery="bat", heard_at=NOON, power_w=0.0, stored_wh=5000.0)
    found = look(car("a"), car("b"), car("c"), limits=limits, batteries=(battery,))
    made = plan(found.problem)
    power = {s.store: s.power_w for s in made.stores}
    for t in range(step_at(found, 5), step_at(found, 6)):
        assert power["a"][t] + power["b"][t] + power["bat"][t] <= 4200 + 1
    for t in range(step_at(found, 6), step_at(found, 7)):
        assert power["a"][t] == 0
    for t in range(step_at(found, 7), step_at(found, 8)):
        assert sum(p[t] for p in power.values()) + 2000 <= 6000 + 1, "with the house as high as it may be"
    assert all(sum(power[n][t] for n in "abc") <= 16 * 690 + 1 for t in range(len(power["a"])))
    assert not [r for r in made.relaxations if r.order is not Yield.REST]


def test_the_peak_budget_is_a_wish_and_knows_what_is_drawn_already() -> None:
    peak = PeakBudget(window_started_at=NOON - timedelta(minutes=10), drawn_wh=500.0, budget_w=4000.0)
    found = look(car("a", replace(SOON, target_at=NOON + 2 * HOUR, energy_min_wh=9000, energy_max_wh=9000)), peak=peak)
    budget = node(found, BUDGET_NODE)
    assert not budget.hard
    assert budget.import_w is not None
    assert budget.import_w[0] == pytest.approx((1000 - 500) * 3600 / 300)
    assert set(budget.import_w[1:]) == {4000.0}
    assert node(found, "main").parent == BUDGET_NODE
    made = plan(found.problem)
    assert [r.order for r in made.relaxations] == [Yield.SOFT_LIMIT], "needed energy goes before a wish"
    calm = plan(look(car("a"), peak=replace(peak, budget_w=8000.0)).problem)
    assert calm.relaxations == ()
    assert max(calm.grid_w[1:]) <= 8000 - 1000 + 1, "with the house as high as it may be"


def test_who_says_no_time_charges_at_once_with_what_the_others_leave() -> None:
    free = Preference(energy_max_wh=8000)
    found = look(car("b", free))
    assert found.sessions == {}
    assert found.at_once["b"][0] == pytest.approx(16 * 690)
    assert sum(w * s / 3600 for w, s in zip(found.at_once["b"], found.problem.horizon.steps_s, strict=True)) == pytest.approx(8000)
    first = look(car("a"), car("b", free))
    assert first.at_once == {}
    steps = len(first.problem.horizon.steps_s)
    second = look(car("a"), car("b", free), reserved={"a": (8000.0,) * steps})
    assert second.at_once["b"][0] == pytest.approx(16 * 690 - 8000)
    capped = look(car("b", replace(free, price_cap_max=0.2)))
    assert [capped.at_once["b"][step_at(capped, h)] > 0 for h in (0, 4.9, 5)] == [False, False, True]


def test_beyond_the_least_a_driver_gets_what_is_cheap() -> None:
    more = replace(SOON, energy_min_wh=5000, energy_max_wh=30_000)
    made = plan(look(car("a", more)).problem)
    assert made.stores[0].stored_wh[-1] == pytest.approx(30_000, abs=20)
    short = plan(look(car("a", replace(more, target_at=NOON + 3 * HOUR))).problem)
    assert short.stores[0].stored_wh[-1] == pytest.approx(30_000, abs=20), "where all hours cost the same, none is dear"
    dear = plan(look(car("a", replace(more, target_at=NOON + 6 * HOUR))).problem)
    assert dear.stores[0].stored_wh[-1] == pytest.approx(11_040, abs=20), "an hour at 0.10"


def test_caps_of_the_driver_bind() -> None:
    none = plan(look(car("a", replace(SOON, price_cap_min=0.05))).problem)
    assert none.stores[0].power_w == (0.0,) * len(none.stores[0].power_w)


def test_a_car_gives_back_only_where_all_agree() -> None:
    agreed = replace(SOON, energy_min_wh=0.0, may_discharge=True, reserve_soc=0.4)
    able = car("a", agreed, car_discharge_w=4000.0, soc=0.8, car_phases=3)
    store = look(able).problem.stores[0]
    assert (store.discharge_max_w, store.stored_wh, store.floor_wh) == (4000.0, pytest.approx(32_000), pytest.approx(16_000))
    for refusal in (
        replace(able, preference=replace(agreed, may_discharge=False)),
        replace(able, car_discharge_w=0.0),
        replace(able, soc=None),
        replace(able, preference=replace(agreed, energy_min_wh=5000.0)),
    ):
        assert look(refusal).problem.stores[0].discharge_max_w == 0.0


def test_a_limit_on_production_is_one_on_what_flows_out() -> None:
    found = look(car("a"), limits=(entry(LimitedPower(1500.0), direction=Direction.PRODUCTION),))
    assert set(node(found, "main").export_w or ()) == {1500.0}


def test_prices_carry_fees_and_peaks() -> None:
    table = PriceTable(export_per_kwh=0.08, network_per_kwh=0.05, demand_per_kw=10.0, co2_g_per_kwh=300.0)
    prices = look(car("a"), price=table).problem.prices
    assert (set(prices.export_per_kwh), set(prices.network_per_kwh or ()), set(prices.co2_g_per_kwh or ())) == ({0.08}, {0.05}, {300.0})
    assert [charge.price_per_kw for charge in prices.demand] == [10.0]


def test_without_prices_nothing_is_planned() -> None:
    state = SiteState(topology=TOPOLOGY, points=(car("a"),))
    assert outlook(state, PriceBook(), PlanningTable(), PriceTable(), foresee, NOON) is None


def test_a_limited_group_leaves_its_heat_pump_what_that_is_guaranteed() -> None:
    """On the connection it is in what the house is expected to draw."""
    pump = Load(id="pump", name="Heat pump", circuit="main", nominal_w=9000.0)
    group = Group(id="controllable", name="C", members=("a", "pump"))
    limits = (
        entry(LimitedPower(8400.0), "controllable", hours=5, lasts=1, group=True),
        entry(LimitedPower(3000.0), "controllable", hours=6, group=True),
    )
    state = SiteState(topology=replace(TOPOLOGY, loads=(pump,), groups=(group,)), points=(car("a"),), limits=limits)
    book = PriceBook(0.30, None)
    found = outlook(state, book, PlanningTable(), PriceTable(), foresee, NOON)
    assert found is not None
    limited = node(found, "controllable")
    assert limited.import_w is not None
    assert limited.import_w[step_at(found, 5)] == 4200.0
    assert limited.import_w[step_at(found, 6)] == 0.0
    assert node(found, "main").load == node(look(car("a")), "main").load
