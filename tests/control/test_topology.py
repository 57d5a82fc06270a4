"""Everything that is wrong with a property is told at once, with place, reason and cure."""

from small_site import circuit, point, root

from chargebridge.control.topology import (
    DuplicateError,
    FallbackError,
    PhasesError,
    RangeError,
    ShapeError,
    TopologyError,
    UnknownError,
    check,
)
from chargebridge.model.circuit import Battery, ChargingPoint, Circuit, Group, Topology


def problems(
    circuits: tuple[Circuit, ...], points: tuple[ChargingPoint, ...] = (), **more: object
) -> list[tuple[type[TopologyError], str]]:
    return [(type(p), p.where) for p in check(Topology(circuits=circuits, points=points, **more))]  # type: ignore[arg-type]


def test_a_good_property_has_no_problems() -> None:
    assert problems((root(), circuit("garage", 50.0)), (point("a", "garage", fallback_a=6.0),)) == []


def test_shape() -> None:
    assert problems(()) == [(ShapeError, "circuits")]
    assert problems((root(), root()))[0] == (DuplicateError, "house")
    assert (ShapeError, "circuits") in problems((root(), Circuit(id="b", name="B", fuse_a=(1.0, 1.0, 1.0))))
    assert problems((root(), circuit("a", 16.0, "nowhere"))) == [(ShapeError, "a")]
    assert problems((root(), circuit("a", 16.0, "b"), circuit("b", 16.0, "a"))) == [(ShapeError, "a"), (ShapeError, "b")]
    assert problems((root(), circuit("a", 16.0, "a"))) == [(ShapeError, "a")]


def test_references() -> None:
    assert problems((root(),), (point("a", "nowhere"),)) == [(UnknownError, "a")]
    assert problems((root(),), (point("a", phases=(1, 1)),)) == [(PhasesError, "a")]
    assert problems((root(),), (), groups=(Group(id="g", name="G", members=("x",)),)) == [(UnknownError, "g")]


def test_the_time_zone_must_exist() -> None:
    assert problems((root(),), timezone="Europe/Berlin") == []
    for name in ("Middle/Earth", "", "../etc/passwd"):
        assert problems((root(),), timezone=name) == [(UnknownError, "timezone")]


def test_one_evse_is_one_point() -> None:
    twice = (point("a"), ChargingPoint(id="b", name="B", circuit="house", station="station of a"))
    assert problems((root(),), twice) == [(DuplicateError, "station of a")]


def test_numbers() -> None:
    assert problems((root(0.0),)) == [(RangeError, "house")]
    assert problems((root(float("nan")),)) == [(RangeError, "house")]
    assert problems((root(),), (point("a", fallback_a=3.0),)) == [(RangeError, "a")]
    assert problems((root(),), (point("a", minimum_a=20.0, maximum_a=16.0),)) == [(RangeError, "a")]
    assert problems((root(),), (point("a", weight=0.0),)) == [(RangeError, "a")]
    bad = Battery(id="b", name="B", circuit="house", charge_max_w=1.0, discharge_max_w=1.0, capacity_wh=1.0, reserve_wh=2.0)
    assert problems((root(),), (), batteries=(bad,)) == [(RangeError, "b")]


def test_fallback_currents_and_lost_loads_must_fit_under_every_fuse_on_every_phase() -> None:
    three = tuple(point(f"p{n}", "garage", fallback_a=6.0) for n in range(3))
    assert problems((root(), circuit("garage", 18.0)), three) == []
    assert problems((root(), circuit("garage", 16.0)), three) == [(FallbackError, "garage")] * 3
    spread = tuple(point(f"p{n}", "garage", fallback_a=6.0, phases=(n + 1,)) for n in range(3))
    assert problems((root(), circuit("garage", 16.0)), spread) == []
    loaded = circuit("garage", 18.0, meter="m", lost_meter_load_a=(1.0, 0.0, 0.0))
    assert problems((root(), loaded), three) == [(FallbackError, "garage")]
    assert problems((root(18.5), circuit("garage", 63.0, meter="m", lost_meter_load_a=(1.0, 0.0, 0.0))), three) == [
        (FallbackError, "house")
    ]


def test_fallback_currents_must_fit_under_power_limits_and_unbalance() -> None:
    one = (point("p", fallback_a=16.0),)
    assert problems((root(power_limit_w=11000.0),), one) == [(FallbackError, "house")]
    assert problems((root(power_limit_w=11100.0),), one) == []
    single = (point("p", fallback_a=25.0, phases=(2,)),)
    assert problems((root(unbalance_a=20.0),), single) == [(FallbackError, "house")]


def test_a_problem_names_the_numbers_and_the_cure() -> None:
    found = check(Topology(circuits=(root(10.0),), points=(point("p", fallback_a=16.0, phases=(2,)),)))
    assert [p.reason for p in found] == [
        "on L2 the stations' fallback currents (16 A) and the other loads at their worst (0 A) make 16 A, more than the fuse of 10 A"
    ]
    assert "lower fallback_a" in found[0].cure
