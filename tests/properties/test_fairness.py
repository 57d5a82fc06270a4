"""The split is max-min fair, and no limit that is lifted takes from the poorest.

The certificate: an allocation under shared bounds is weighted max-min fair if and only if everybody who has less than his upper end stands at
a full bound on which nobody above his own lower end has a greater share for his weight (Bertsekas and Gallager, Data Networks, 6.5.2).
"""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.control.fill import Shares, fill

CLOSE = 1e-6
Case = tuple[list[tuple[list[int], list[float]]], "np.ndarray", "np.ndarray", "np.ndarray", "np.ndarray"]


def draw_case(seed: int, points: int, bounds: int) -> Case:
    """Points that each take part in some bounds, with room for everybody's lower end."""
    rng = Random(seed)
    uses = []
    for _ in range(points):
        mine = sorted(rng.sample(range(bounds), rng.randint(1, bounds)))
        uses.append((mine, [rng.choice((1.0, 1.0, 690.0, 230.0)) for _ in mine]))
    low = np.array([rng.choice((0.0, 6.0, 6.0, 10.0)) for _ in range(points)])
    high = low + np.array([rng.choice((0.0, 4.0, 10.0, rng.uniform(0, 26))) for _ in range(points)])
    weight = np.array([rng.choice((1.0, 1.0, 2.0, 0.5)) for _ in range(points)])
    room = Shares(uses, bounds).taken(low) * np.array([rng.choice((1.0, rng.uniform(1, 3))) for _ in range(bounds)])
    return uses, room, low, high, weight


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 12))
def test_every_allocation_carries_the_certificate_of_max_min_fairness(seed: int, points: int, bounds: int) -> None:
    uses, room, low, high, weight = draw_case(seed, points, bounds)
    shares = Shares(uses, bounds)
    x = fill(shares, room, low, high, weight)
    slack = room - shares.taken(x)
    scale = np.array([max([w for u, ws in uses for n, w in zip(u, ws, strict=True) if n == k], default=1.0) for k in range(bounds)])
    assert (x >= low - CLOSE).all()
    assert (x <= high + CLOSE).all()
    assert (slack >= -CLOSE * scale * points).all()
    for i in range(points):
        if x[i] >= high[i] - CLOSE:
            continue
        others = [[j for j in range(points) if k in uses[j][0]] for k in uses[i][0]]
        assert any(
            slack[k] <= CLOSE * scale[k] * points
            and all(x[j] <= low[j] + CLOSE or x[j] / weight[j] <= x[i] / weight[i] + CLOSE for j in members)
            for k, members in zip(uses[i][0], others, strict=True)
        ), f"point {i} has {x[i]} of {high[i]} and nobody to blame"


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 8))
def test_lifting_a_bound_never_lowers_the_smallest_share(seed: int, points: int, bounds: int) -> None:
    uses, room, _, high, weight = draw_case(seed, points, bounds)
    low = np.zeros(points)
    high = np.maximum(high, 1.0)
    before = fill(Shares(uses, bounds), room, low, high, weight)
    lifted = room.copy()
    lifted[seed % bounds] = 1e9
    after = fill(Shares(uses, bounds), lifted, low, high, weight)
    assert sorted(after / weight)[0] >= sorted(before / weight)[0] - CLOSE


@given(st.integers(0, 2**32 - 1), st.integers(1, 10), st.integers(1, 6))
def test_one_step_at_a_time_comes_to_the_same_end(seed: int, points: int, bounds: int) -> None:
    """Against the definition done literally: raise the lowest by a little for as long as it can be raised."""
    drawn, room, low, high, _ = draw_case(seed, points, bounds)
    uses = [(mine, [1.0] * len(mine)) for mine, _ in drawn]
    weight = np.ones(points)
    shares, step = Shares(uses, bounds), 0.01
    room = np.maximum(shares.taken(low), room / 100)
    x = low.copy()
    open_ = set(range(points))
    while open_:
        i = min(open_, key=lambda j: (x[j], j))
        raised = x.copy()
        raised[i] += step
        if raised[i] > high[i] or (shares.taken(raised) > room + 1e-9).any():
            open_.remove(i)
        else:
            x = raised
    assert np.abs(fill(shares, room, low, high, weight) - x).max() <= 2 * step * points
