"""What planning has been worth: the stays that were, as they were charged, against the same stays charged at once."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.planning.replay.run import Outcome, run
from chargebridge.planning.replay.score import score
from chargebridge.planning.replay.stays import Case
from chargebridge.planning.replay.strategies import STRATEGIES
from chargebridge.site.past_stays import PastError, past_case
from chargebridge.site.plan_view import QuarterHour, Saved
from chargebridge.site.prices import PriceAt

ALIKE = 0.1
"""The two are compared where the cars' meters and the stays' registers tell the same energy, to within this share of it."""


def saved(
    c: Connection, since: datetime, until: datetime, quarters: Sequence[QuarterHour], price_at: Callable[[datetime], PriceAt | None]
) -> Saved | None:
    """None where there is nothing to compare: no stay that began and ended, no price, or others charged meanwhile too."""
    try:
        case = past_case(c, since, until)
    except PastError:
        return None
    priced = _priced(case, price_at)
    if priced is None:
        return None
    was = _as_it_was(priced, quarters)
    at_once = run(priced, STRATEGIES["at_once"])
    hours = priced.step_s / 3600
    energy_wh, other_wh = float(was.power_w.sum()) * hours, float(at_once.power_w.sum()) * hours
    if energy_wh <= 0 or abs(energy_wh - other_wh) > ALIKE * energy_wh:
        return None
    cost, other = score(priced, "as it was", was).cost, score(priced, "at_once", at_once).cost
    if cost is None or other is None:
        return None
    return Saved(since=since, until=until, stays=len(case.stays), energy_wh=energy_wh, cost=cost, at_once_cost=other * energy_wh / other_wh)


def _priced(case: Case, price_at: Callable[[datetime], PriceAt | None]) -> Case | None:
    found = [price_at(case.starts_at + timedelta(seconds=case.step_s * t)) for t in range(case.steps)]
    known = [price for price in found if price is not None]
    if len(known) < len(found):
        return None
    return replace(case, price_per_kwh=tuple(p.total for p in known), export_per_kwh=tuple(p.export for p in known))


def _as_it_was(case: Case, quarters: Sequence[QuarterHour]) -> Outcome:
    """What the cars drew in each step, by the quarter hours that were kept."""
    power = np.zeros(case.steps)
    for quarter in quarters:
        first = round((quarter.at - case.starts_at).total_seconds() / case.step_s)
        for t in range(max(0, first), min(case.steps, first + round(900 / case.step_s))):
            power[t] = quarter.cars_w or 0.0
    empty = np.zeros((case.steps, 0), dtype=np.float32)
    return Outcome(delivered_wh=tuple(stay.energy_wh for stay in case.stays), power_w=power, current_a=empty, over={})
