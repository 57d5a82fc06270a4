"""Whatever figures meters, stations, batteries and grid operators send, there is a decision, and a finite one that can be offered."""

from datetime import datetime, timedelta
from math import isfinite
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from random_sites import Plan, build, plans
from true_physics import START

from chargebridge.control.decide import decide
from chargebridge.model.circuit import Battery, Load
from chargebridge.model.decision import Decision
from chargebridge.model.limit import (
    Bound,
    Direction,
    Limit,
    LimitedCurrent,
    LimitedPower,
    LimitedUnbalance,
    LimitSource,
    OnGroup,
    OnNode,
    Unknown,
)
from chargebridge.model.reading import Reading
from chargebridge.model.session import Preference
from chargebridge.model.state import BatteryState, LoadLimit, LoadState, OfferOutcome, PeakBudget, PointState, SiteState

ODD = (float("nan"), float("inf"), float("-inf"), -1e12, 1e300, -5.0, 0.0, 7.3, 16.0)


def odd(dice: Random) -> float:
    return dice.choice(ODD)


def three(dice: Random) -> tuple[float, float, float]:
    return (odd(dice), odd(dice), odd(dice))


def maybe(dice: Random) -> float | None:
    return dice.choice((None, odd(dice)))


def spoil(state: SiteState, dice: Random) -> SiteState:
    """The same state with nonsense in every place that a device can fill."""
    readings = tuple(_reading(dice, reading) for reading in state.readings)
    points = tuple(_point(dice, point) for point in state.points)
    bounds: tuple[Bound, ...] = (
        LimitedPower(odd(dice)),
        LimitedCurrent(three(dice)),
        LimitedUnbalance(odd(dice)),
        Unknown("?", maybe(dice)),
    )
    limits = tuple(
        Limit(
            id=f"l{n}",
            source=LimitSource.GRID_OPERATOR,
            scope=dice.choice((OnNode(dice.choice(("c0", "c1", "p0", "pump", "nowhere"))), OnGroup("g"))),
            bound=bound,
            starts_at=START,
            received_at=START,
            legal_basis="",
            duration_s=maybe(dice),
            max_age_s=maybe(dice),
            failsafe_w=maybe(dice),
            direction=dice.choice(tuple(Direction)),
        )
        for n, bound in enumerate(bounds)
    )
    battery = Battery(id="b", name="B", circuit="c0", charge_max_w=5000.0, discharge_max_w=5000.0, capacity_wh=9000.0, reserve_wh=1000.0)
    pump = Load(id="pump", name="Pump", circuit="c0", nominal_w=9000.0, phases=dice.choice(((1, 2, 3), (2,))))
    groups = tuple(replace(group, members=(*group.members, "pump", "b")) for group in state.topology.groups)
    return replace(
        state,
        topology=replace(state.topology, batteries=(battery,), loads=(pump,), groups=groups),
        loads=dice.choice(((), (_load(dice),))),
        readings=readings,
        points=points,
        limits=limits,
        batteries=(BatteryState(battery="b", heard_at=START, power_w=odd(dice), stored_wh=maybe(dice)),),
        peak=dice.choice((None, PeakBudget(window_started_at=START, drawn_wh=odd(dice), budget_w=odd(dice)))),
        price_per_kwh=maybe(dice),
    )


def _reading(dice: Random, reading: Reading) -> Reading:
    return replace(
        reading,
        received_at=START + timedelta(seconds=dice.randint(-100, 100)),
        current_a=(maybe(dice), maybe(dice), maybe(dice)),
        power_w=maybe(dice),
        power_w_phases=(maybe(dice), maybe(dice), maybe(dice)),
        voltage_v=(maybe(dice), maybe(dice), maybe(dice)),
    )


def _load(dice: Random) -> LoadState:
    def moment() -> datetime | None:
        return dice.choice((None, START + timedelta(seconds=dice.randint(-10_000, 200))))

    limits = tuple(
        LoadLimit(limit_w=dice.choice((None, 0.0, 4200.0)), sent_at=START, outcome=dice.choice(tuple(OfferOutcome)), answered_at=moment())
        for _ in range(dice.randint(0, 3))
    )
    return LoadState(
        load="pump",
        online=dice.random() < 0.5,
        since=moment(),
        heard_at=moment(),
        power_w=maybe(dice),
        measured_at=moment(),
        limits=limits,
        nominal_w=maybe(dice),
        failsafe_w=maybe(dice),
        failsafe_s=dice.choice((None, 0.0, 7200.0)),
    )


def _point(dice: Random, point: PointState) -> PointState:
    wants = Preference(
        energy_min_wh=odd(dice),
        energy_max_wh=maybe(dice),
        target_at=dice.choice((None, START, START + timedelta(hours=1))),
        price_cap_min=maybe(dice),
        price_cap_max=maybe(dice),
    )
    return replace(
        point,
        terminal_a=dice.choice((None, three(dice))),
        power_w=maybe(dice),
        measured_at=START + timedelta(seconds=dice.randint(-50, 50)),
        energy_wh=odd(dice),
        fallback_a=maybe(dice),
        car_phases=dice.choice((None, 0, 1, 3, 7)),
        car_maximum_a=maybe(dice),
        preference=wants,
    )


@given(plans(seconds=120), st.integers(0, 2**32 - 1))
def test_there_is_always_a_decision_that_can_be_offered(plan: Plan, seed: int) -> None:
    world, dice = build(plan), Random(seed)
    for _ in range(dice.randint(1, 20)):
        world.step()
    for _ in range(20):
        found = decide(spoil(world.state(), dice), world.now())
        world.memory = replace(world.memory, loads=found.memory.loads, quiet=found.memory.quiet)
        for load in found.loads:
            assert load.limit_w is None or 0 <= load.limit_w < float("inf")
            assert 0 <= load.ceiling_w <= load.reserved_w < float("inf")
        for told, point in zip(found.points, world.topology.points, strict=True):
            for figure in (told.current_a, told.goal_a, told.needed_a, told.wished_a):
                assert isfinite(figure)
                assert 0 <= figure <= point.maximum_a + 1e-9 or (told.move == "hold" and figure == told.current_a)
        assert isinstance(msgspec.json.decode(msgspec.json.encode(found), type=Decision), Decision)
