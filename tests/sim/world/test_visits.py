"""A day of visits is one that could be: nobody arrives at an occupied point, and the same seed gives the same day."""

from datetime import UTC, datetime

import pytest

from chargebridge.sim.world.clock import ManualClock
from chargebridge.sim.world.demo import demo_topology
from chargebridge.sim.world.event import Arrive, Depart
from chargebridge.sim.world.fleet import KINDS
from chargebridge.sim.world.scenario import Scenario
from chargebridge.sim.world.visits import visits
from chargebridge.sim.world.world import World

DAY_S = 86_400
CARDS = ("TAG-ANNA", "TAG-BEN")


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("days", [0.5, 1, 3])
def test_nobody_arrives_at_an_occupied_point_and_nobody_leaves_an_empty_one(seed: int, days: float):
    occupied: set[str] = set()
    for event in visits(demo_topology(), CARDS, seed=seed, begin_day_s=37_800, lasts_s=days * DAY_S):
        assert 0 <= event.at_s < days * DAY_S
        if isinstance(event, Arrive):
            assert event.point not in occupied
            assert not KINDS[event.kind].never_lowers
            assert 0 <= event.wants_wh <= KINDS[event.kind].capacity_wh
            occupied.add(event.point)
        else:
            assert isinstance(event, Depart)
            occupied.remove(event.point)


def test_a_week_has_visits_on_every_day_most_of_them_in_the_evening():
    arrivals = [e.at_s for e in visits(demo_topology(), CARDS, seed=1, lasts_s=7 * DAY_S) if isinstance(e, Arrive)]
    assert {int(at // DAY_S) for at in arrivals} == set(range(7))
    assert 60 < len(arrivals) < 140
    evening = sum(15 <= at % DAY_S / 3600 < 20 for at in arrivals)
    night = sum(at % DAY_S / 3600 < 5 for at in arrivals)
    assert evening > 3 * night


def test_the_same_seed_gives_the_same_day_and_the_world_plays_it():
    topology = demo_topology()
    assert visits(topology, CARDS, seed=1) == visits(topology, CARDS, seed=1) != visits(topology, CARDS, seed=2)
    world = World(topology, Scenario(story=visits(topology, CARDS, seed=1)), ManualClock(datetime(2026, 4, 14, tzinfo=UTC)), dt_s=10.0)
    world.advance(20 * 3600)
    assert len(world.told) > 10
