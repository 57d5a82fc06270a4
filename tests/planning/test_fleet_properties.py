"""What holds for fleets by lot: cars summed up are cars one by one, and plans keep what they must."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.planning.fleet_kit import HOURLY, fleet, with_cars
from tests.planning.keeps import check_all
from tests.planning.random_problems import random_problem

from chargebridge.planning import plan
from chargebridge.planning.fleet import Fleet, fitting, plan_fleet
from chargebridge.planning.fleet.audit import audit
from chargebridge.planning.fleet.columns import Mixture
from chargebridge.planning.fleet.crowd import Crowd, gather
from chargebridge.planning.fleet.interior import presence
from chargebridge.planning.fleet.share import Plans, gather_up
from chargebridge.planning.fleet.site import draw_up
from chargebridge.planning.fleet.windows import Offer, Windows
from chargebridge.planning.problem import Taste
from chargebridge.planning.schedule import Solver

GRIDS = (HOURLY, (900.0,) * 8, (420.0,) + (900.0,) * 6 + (3600.0,) * 3, (300.0, 900.0, 1800.0) * 3)
Lots = st.integers(0, 10_000)


def crowd_of(some: Fleet) -> Crowd:
    site = draw_up(some)
    return gather(some, site.place, site.places, needed=100.0, quarters=False)


def by_hand(crowd: Crowd, i: int, price: np.ndarray) -> np.ndarray:
    """A car's cheapest: slice by slice, the cheapest steps first, as much as each can hold."""
    steps = list(range(crowd.first[i], crowd.last[i] + 1))
    room = {t: float(crowd.hours[t]) for t in steps}
    room[crowd.first[i]] = float(crowd.first_h[i])
    if crowd.last[i] > crowd.first[i]:
        room[crowd.last[i]] = float(crowd.last_h[i])
    found = np.zeros(len(crowd.hours))
    for size, value in zip(crowd.sizes[:, i], crowd.values[:, i], strict=True):
        left = size
        for t in sorted(steps, key=lambda t: (price[t], t)):
            if price[t] < value:
                take = min(left, crowd.power[i] * room[t] - found[t])
                found[t] += take
                left -= take
    return found


@given(Lots, st.booleans(), st.sampled_from(GRIDS), st.integers(1, 6))
def test_cars_summed_up_do_what_they_do_one_by_one(lot: int, ragged: bool, steps: tuple[float, ...], levels: int) -> None:
    crowd = crowd_of(fleet(lot, 40, steps=steps, ragged=ragged))
    group = crowd.first % 2
    # few levels, so that many steps cost the same, some as much as a slice is worth
    price = np.random.default_rng(lot).choice([0.05, 0.1, 0.18, 0.2, 0.31, 0.5][:levels], (1, len(steps)))
    answer = Windows(crowd, group, 2).respond(price)
    each = np.array([by_hand(crowd, i, price[0]) for i in range(len(crowd.power))])
    cost = np.array([float((price * each[group == g]).sum()) for g in range(2)])
    for g in range(2):
        # between steps that cost the same the edges may be taken in another order; not what it costs
        assert np.isclose(float((answer.energy[g] * price[0]).sum()), cost[g])
        assert np.isclose(answer.energy[g].sum(), each[group == g].sum())
        if len(np.unique(price)) == len(steps):
            assert np.allclose(answer.energy[g], each[group == g].sum(axis=0))


@given(Lots, st.booleans(), st.sampled_from(GRIDS), st.sampled_from([0.0, 0.001, 0.1]))
def test_an_answer_in_sum_is_the_sum_of_the_cars_answers(lot: int, ragged: bool, steps: tuple[float, ...], spread: float) -> None:
    crowd = crowd_of(fleet(lot, 40, steps=steps, ragged=ragged))
    price = np.random.default_rng(lot).choice([0.05, 0.1, 0.101, 0.2, 0.5], (1, len(steps)))
    offer = Offer(price=price, spread=spread)
    answer = Windows(crowd, np.zeros(len(crowd.power), dtype=np.int64), 1).respond(price, spread)
    nothing = np.zeros(0)
    alone = Mixture(
        offers=(offer,), weights=np.ones((1, 1)), x=nothing, energy=nothing, cars_cost=0.0, short=False, cost=0.0, bound=0.0, turnover=1.0,
        price=price, iterations=1,
    )  # fmt: skip
    each = Plans(crowd, np.zeros(len(crowd.power), dtype=np.int64), alone).energy(np.arange(len(crowd.power)))
    assert np.allclose(each.sum(axis=0), answer.energy[0])
    assert (each >= -1e-9).all()
    assert (each.sum(axis=1) <= crowd.sizes.sum(axis=0) + 1e-9).all()


@given(Lots, st.booleans(), st.sampled_from(GRIDS), st.sampled_from([0.05, 0.3, 1.0]), st.sampled_from([0, 3, 12]))
def test_every_plan_keeps_powers_windows_energies_and_limits(
    lot: int, ragged: bool, steps: tuple[float, ...], tight: float, leaves: int
) -> None:
    some = fleet(lot, 40, steps=steps, ragged=ragged, tight=tight, leaves=leaves, leaf_tight=tight)
    found = plan_fleet(some, 1e-3)
    seen = audit(some, found)
    assert max(seen.over_power_w, seen.over_energy_wh, seen.over_limit_w) < 0.1
    assert seen.under_energy_wh < 1.0
    assert abs(seen.cost - found.cost) <= 1e-5 * found.turnover
    assert found.bound <= found.cost


@given(Lots, st.booleans())
def test_cars_that_take_turns_get_the_same_and_run_at_full_power_more_often(lot: int, ragged: bool) -> None:
    # few windows, so that many cars share one
    some = fleet(lot, 80, steps=(900.0,) * 8, ragged=ragged, tight=0.2)
    some = with_cars(some, arrival=some.cars.arrival // 3 * 3.0, departure=np.minimum(some.cars.departure // 4 * 4.0 + 4.0, 8.0))
    found = plan_fleet(some)
    crowd = found.crowd
    before = found.drawn.energy(np.arange(len(crowd.power)))
    after = gather_up(crowd, crowd.place, before)
    assert np.allclose(after.sum(axis=0), before.sum(axis=0))
    assert np.allclose(after.sum(axis=1), before.sum(axis=1))
    assert (after >= -1e-12).all()
    assert (after <= presence(crowd) + 1e-9).all()
    assert (after > 1e-6).sum() <= (before > 1e-6).sum()


@given(Lots, st.booleans())
def test_more_freedom_never_costs_more(lot: int, ragged: bool) -> None:
    some = fleet(lot, 50, ragged=ragged, tight=0.6)
    first = plan_fleet(some, 1e-5)
    node = some.property.nodes[0]
    assert node.import_w is not None
    wider = Fleet(property=replace(some.property, nodes=(replace(node, import_w=tuple(1.3 * w for w in node.import_w)),)), cars=some.cars)
    longer = with_cars(some, departure=np.minimum(some.cars.departure + 2, 24.0))
    for other in (wider, longer):
        found = plan_fleet(other, 1e-5)
        assert found.missing_wh.sum() <= first.missing_wh.sum() + 1.0
        if first.missing_wh.sum() < 1.0:
            assert found.bound <= first.cost + 1e-7 * first.turnover


@given(Lots, st.booleans(), st.sampled_from([0, 12]))
def test_prices_of_nodes_are_signals_at_which_nobody_would_do_much_else(lot: int, ragged: bool, leaves: int) -> None:
    some = fleet(lot, 40, ragged=ragged, tight=0.6, leaves=leaves, leaf_tight=0.6)
    found = plan_fleet(some, 1e-5)
    crowd = found.crowd
    if found.missing_wh.sum() > 1.0:
        return
    planned = found.drawn.energy(np.arange(len(crowd.power)))
    for i in range(len(crowd.power)):
        price = found.price_per_kwh[some.cars.node[crowd.index[i]]]
        alone = by_hand(crowd, i, price)
        value = crowd.values[-1, i]
        # needed energy is had either way; what is beyond it is worth its value
        regret = float(price @ (planned[i] - alone)) - value * float(planned[i].sum() - alone.sum())
        assert regret <= 3e-4 * found.turnover


@given(Lots, st.sampled_from([1.0, 0.3]), st.booleans())
def test_a_property_with_everything_is_planned_as_by_the_exact_solver(lot: int, tight: float, strange: bool) -> None:
    problem = replace(random_problem(lot, tight=tight, strange_prices=strange), taste=Taste(sooner=False))
    exact = plan(problem, budget_s=20.0)
    if not fitting(problem).any() or exact.solver is not Solver.LP or exact.relaxations:
        return
    found = plan_fleet(problem, 1e-6)
    check_all(problem, found)
    assert found.relaxations == ()
    turnover = sum(abs(w) * s for w, s in zip(exact.grid_w, problem.horizon.steps_s, strict=True)) / 3.6e6 * 0.25 + 1e-3
    assert found.cost <= exact.cost + 1e-4 * turnover
    assert found.bound <= exact.cost + 1e-5 * turnover
