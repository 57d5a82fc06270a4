"""Where not all cars can have the minimum they take turns, and nobody is forgotten."""

from itertools import pairwise

import pytest
from small_site import SmallSite, amps, at, limit, point, root, told

from chargebridge.control.timing import TURN_S
from chargebridge.model.limit import LimitedPower
from chargebridge.model.session import Preference


def crowd(count: int, fuse_a: float, **more: object) -> SmallSite:
    return SmallSite((root(fuse_a),), tuple(point(f"p{n}") for n in range(count)), **more)  # type: ignore[arg-type]


def test_as_many_charge_as_can_have_the_minimum_and_the_others_are_told_so() -> None:
    found = crowd(5, 19.0).run(60)
    assert sorted(amps(found).values())[:2] == [0.0, 0.0]
    assert sum(current >= 6 for current in amps(found).values()) == 3
    waiting = next(p for p in found.points if p.current_a == 0)
    assert waiting.why.sentence == "waiting: fuse of House on L1 carries 19 A and three other cars take their turn"


def test_turns_last_their_time_and_everybody_is_served_alike() -> None:
    small = crowd(5, 19.0)
    changes: dict[str, list[float]] = {}
    before: dict[str, float] = {}
    served = dict.fromkeys((p.id for p in small.points), 0.0)
    while small.t < 4 * 3600:
        found = amps(small.step(10.0))
        for name, current in found.items():
            served[name] += 10.0 * (current >= 6)
            if (current >= 6) != (before.get(name, 0.0) >= 6):
                changes.setdefault(name, []).append(small.t)
        before = found
    for times in changes.values():
        starts, stops = times[0::2], times[1::2]
        assert all(stop - start >= TURN_S - 10 for start, stop in zip(starts, stops, strict=False))
    assert max(served.values()) - min(served.values()) <= 1.2 * TURN_S
    assert min(served.values()) > 0


@pytest.mark.parametrize(("count", "fuse_a"), [(2, 10.0), (5, 19.0), (7, 25.0)])
def test_after_a_rotation_there_is_calm_for_a_whole_turn(count: int, fuse_a: float) -> None:
    small = crowd(count, fuse_a)
    stops: list[float] = []
    before: set[str] = set()
    while small.t < 3 * 3600:
        charging = {name for name, current in amps(small.step(10.0)).items() if current >= 6}
        stops += [small.t] if before - charging else []
        before = charging
    assert len(stops) >= 4
    assert min(later - sooner for sooner, later in pairwise(stops)) >= TURN_S


def test_a_car_that_needs_energy_by_a_time_goes_first_even_in_the_turn_of_another() -> None:
    small = crowd(2, 10.0)
    small.run(60)
    late = next(name for name, current in amps(small.step()).items() if current == 0)
    small.change(late, preference=Preference(energy_min_wh=4140.0, target_at=at(3600)))
    found = small.run(30)
    assert told(found, late).current_a >= 6
    assert sum(current >= 6 for current in amps(found).values()) == 1


def test_a_car_that_does_not_draw_loses_its_place() -> None:
    small = crowd(2, 10.0, takes={"p0": 0.0})
    found = small.run(200)
    assert amps(found)["p0"] == 0.0
    assert amps(found)["p1"] >= 6


def test_a_charging_that_a_limit_stopped_does_not_flicker() -> None:
    small = crowd(1, 16.0)
    small.run(60)
    starts = 0
    for second in range(600):
        small.house = (9.0, 9.0, 9.0) if second // 10 % 2 == 0 else (11.0, 11.0, 11.0)
        found = small.step()
        starts += found.points[0].move == "increase" and found.points[0].ceiling_a == 0.0
    assert starts <= 10


def shared(power_w: float, *, priority: int = 0) -> dict[str, tuple[float, int]]:
    """(A, phases) of two cars at points that can change their phases, a minute after a limit in W came."""
    small = SmallSite((root(),), (point("a", can_switch_phases=True, priority=priority), point("b", can_switch_phases=True)))
    small.run(60)
    small.limits = (limit(LimitedPower(power_w), since=60.0),)
    return {p.point: (p.current_a, p.phases) for p in small.run(60).points}


@pytest.mark.parametrize(
    ("power_w", "a", "b"),
    [(4200.0, (9.1, 1), (9.1, 1)), (5500.0, (11.9, 1), (11.9, 1)), (5600.0, (6.0, 3), (6.0, 1)), (8300.0, (6.0, 3), (6.0, 3))],
)
def test_on_one_phase_each_rather_than_in_turns(power_w: float, a: tuple[float, int], b: tuple[float, int]) -> None:
    assert shared(power_w) == {"a": a, "b": b}


def test_who_goes_first_keeps_all_phases_though_another_waits() -> None:
    found = shared(5000.0, priority=1)
    assert found["a"] == (7.2, 3)
    assert found["b"][0] == 0.0
