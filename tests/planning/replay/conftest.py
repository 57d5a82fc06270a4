"""A small delta-wye network as the Caltech garage has one: three pairs of conductors, a pod with a limit of its own."""

import cmath
from collections.abc import Callable
from datetime import UTC, datetime
from math import radians

import pytest

from chargebridge.planning.replay.network import Network, Row, Station
from chargebridge.planning.replay.stays import Case, Stay

ANGLES = (30, -90, 150)


def delta_network(each: int, limit_a: float) -> Network:
    """``each`` stations between each pair of conductors; the first two stand in a pod of 40 A."""
    turns = [cmath.exp(1j * radians(angle)) for angle in ANGLES]
    stations = tuple(Station(id=f"S{i}", watts_per_a=208) for i in range(3 * each))
    rows = [
        Row(
            name=f"Secondary {'ABC'[k]}",
            limit_a=limit_a,
            terms=tuple((i, turns[i // each] * (1 if i // each == k else -1)) for i in range(3 * each) if i // each in (k, (k - 1) % 3)),
        )
        for k in range(3)
    ]
    rows.append(Row(name="Pod", limit_a=40, terms=((0, turns[0]), (1, turns[0]))))
    return Network(stations=stations, rows=tuple(rows))


@pytest.fixture
def delta() -> Callable[[int, float], Network]:
    return delta_network


@pytest.fixture
def case() -> Case:
    """Nine cars that come and go within two days; the wires carry about half of what they can take."""
    network = delta_network(3, 25)
    stays = [
        Stay(
            id=f"{day}-{i}",
            station=i,
            arrives=day * 288 + 90 + 7 * i,
            departs=day * 288 + 150 + 9 * i,
            energy_wh=4000 + 1500 * i,
            max_w=6600,
        )
        for day in range(2)
        for i in range(9)
    ]
    return Case(name="two days", starts_at=datetime(2026, 3, 1, tzinfo=UTC), step_s=300, network=network, stays=tuple(stays))
