"""Where not all cars can have the minimum they take turns, and nobody is forgotten."""

from small_site import SmallSite, amps, at, point, root, told

from chargebridge.control.timing import TURN_S
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
        found = amps(small.step(5.0))
        for name, current in found.items():
            served[name] += 5.0 * (current >= 6)
            if (current >= 6) != (before.get(name, 0.0) >= 6):
                changes.setdefault(name, []).append(small.t)
        before = found
    for times in changes.values():
        starts, stops = times[0::2], times[1::2]
        assert all(stop - start >= TURN_S - 5 for start, stop in zip(starts, stops, strict=False))
    assert max(served.values()) - min(served.values()) <= 1.2 * TURN_S
    assert min(served.values()) > 0


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
