"""Stays are replayed with the same physics under every strategy; wires are never overloaded by one that asks them."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.planning.replay.conftest import delta_network

from chargebridge.planning.replay.network import Network, Room
from chargebridge.planning.replay.run import FULL_WH, run
from chargebridge.planning.replay.stays import Case, CaseError
from chargebridge.planning.replay.strategies import STRATEGIES

ASKING = sorted(set(STRATEGIES) - {"at_once"})


@given(st.lists(st.tuples(st.integers(0, 8), st.floats(0.0, 32.0)), max_size=12), st.integers(0, 8), st.floats(10, 200))
def test_most_is_what_just_fits(taken: list[tuple[int, float]], station: int, limit_a: float) -> None:
    room = Room(delta_network(3, limit_a))
    room.clear(0)
    for at, amps in taken:
        room.take(at, min(amps, room.most(at, amps)))
    assert not room.over()
    most = room.most(station, 32.0)
    room.take(station, most)
    assert not room.over()
    if most < 32.0:
        room.take(station, 0.01)
        assert room.over(1e-9)


@pytest.mark.parametrize("name", ASKING)
def test_no_wire_is_overloaded_and_nobody_gets_more_than_he_wants(case: Case, name: str) -> None:
    outcome = run(case, STRATEGIES[name])
    assert outcome.over == {}
    for stay, delivered in zip(case.stays, outcome.delivered_wh, strict=True):
        assert delivered <= stay.energy_wh + 1e-6
        there = outcome.current_a[:, stay.station][stay.arrives : stay.departs] * 208
        assert there.max() <= stay.max_w + 1e-3
        assert there.sum() / 12 == pytest.approx(delivered, rel=1e-5)
    assert outcome.power_w.sum() / 12 == pytest.approx(sum(outcome.delivered_wh))


def test_without_control_the_wires_are_overloaded_and_it_is_counted(case: Case) -> None:
    assert run(case, STRATEGIES["at_once"]).over


def test_what_is_needed_goes_first_and_delivers_most(case: Case) -> None:
    delivered = {name: sum(run(case, STRATEGIES[name]).delivered_wh) for name in ASKING}
    wanted = sum(stay.energy_wh for stay in case.stays)
    assert delivered["first_come_first_served"] < wanted - FULL_WH * len(case.stays), "or there would be nothing to compare"
    assert delivered["needed_first"] == max(delivered.values())


def test_whole_amperes_and_dead_bands_are_kept(case: Case) -> None:
    levels = (0.0, *map(float, range(6, 33)))
    stations = tuple(
        msgspec.structs.replace(station, levels_a=levels if i % 2 else None, minimum_a=0.0 if i % 2 else 6.0)
        for i, station in enumerate(case.network.stations)
    )
    stays = tuple(msgspec.structs.replace(stay, max_w=32.0 * 208) for stay in case.stays)
    coarse = msgspec.structs.replace(case, stays=stays, network=msgspec.structs.replace(case.network, stations=stations))
    for name in ASKING:
        outcome = run(coarse, STRATEGIES[name])
        assert outcome.over == {}, name
        offered = outcome.current_a[:, 1][outcome.current_a[:, 1] >= 6]  # below it: the last bit, of 6 A that were offered
        assert np.allclose(offered, np.round(offered), atol=1e-3), name


def test_limits_may_differ_from_step_to_step(case: Case) -> None:
    shut = tuple(0.0 if 100 <= step < 140 else 25.0 for step in range(case.steps))
    rows = tuple(
        msgspec.structs.replace(row, limit_a=shut if row.name.startswith("Secondary") else row.limit_a) for row in case.network.rows
    )
    limited = msgspec.structs.replace(case, network=msgspec.structs.replace(case.network, rows=rows))
    outcome = run(limited, STRATEGIES["needed_first"])
    assert outcome.power_w[100:140].sum() == 0
    assert outcome.power_w[140:160].sum() > 0


def test_stations_that_no_row_tells_apart_are_one_class(delta: Callable[[int, float], Network]) -> None:
    assert delta(3, 60).classes() == [[0, 1], [2], [3, 4, 5], [6, 7, 8]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"station": 99}, "station number 99"),
        ({"departs": 3}, "to 3"),
        ({"energy_wh": -1.0}, "-1 Wh"),
        ({"station": 1, "arrives": 100}, "taken by"),
    ],
)
def test_what_cannot_be_meant_is_refused(case: Case, change: dict[str, float], says: str) -> None:
    wrong = msgspec.structs.replace(case.stays[0], **change)
    with pytest.raises(CaseError, match=says):
        run(msgspec.structs.replace(case, stays=(wrong, *case.stays[1:])), STRATEGIES["needed_first"])
