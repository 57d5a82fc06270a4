"""What would be if: a change of the problem, planned anew, beside the plan that there is."""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from chargebridge.planning.check import ProblemError
from chargebridge.planning.planner import plan
from chargebridge.planning.problem import Problem, Store
from chargebridge.planning.schedule import Schedule, StorePlan


class Leave(Struct, frozen=True, kw_only=True, tag=True):
    """The store leaves so much later (s), or earlier (negative); its goals move with it."""

    store: str
    later_s: float


class More(Struct, frozen=True, kw_only=True, tag=True):
    """The store's goals ask for so much more (Wh), or less (negative)."""

    store: str
    energy_wh: float


class Keep(Struct, frozen=True, kw_only=True, tag=True):
    """The store gives nothing back."""

    store: str


Change = Leave | More | Keep


class Outcome(Struct, frozen=True, kw_only=True):
    """saves: money, negative where it costs. done_at, was_done_at: when the last goal is reached, None if never. missing_wh: of all goals, more than
    now. sentence: for a person, without the currency's name."""

    schedule: Schedule
    saves: float
    done_at: datetime | None
    was_done_at: datetime | None
    missing_wh: float
    sentence: str


def changed(problem: Problem, change: Change) -> Problem:
    """The problem with the change. ProblemError for a store that is not there."""
    if all(store.id != change.store for store in problem.stores):
        raise ProblemError("what if", f"there is no store {change.store!r}", "name one of the problem's stores")
    stores = tuple(_changed(problem, store, change) if store.id == change.store else store for store in problem.stores)
    return msgspec.structs.replace(problem, stores=stores)


def _changed(problem: Problem, store: Store, change: Change) -> Store:
    replace = msgspec.structs.replace
    if isinstance(change, Leave):
        later, earliest = timedelta(seconds=change.later_s), store.arrives_at or problem.horizon.starts_at
        departs = None if store.departs_at is None else max(store.departs_at + later, earliest)
        return replace(store, departs_at=departs, goals=tuple(replace(goal, at=max(goal.at + later, earliest)) for goal in store.goals))
    if isinstance(change, More):
        goals = tuple(replace(goal, stored_wh=max(goal.stored_wh + change.energy_wh, 0.0)) for goal in store.goals)
        return replace(store, goals=goals)
    return replace(store, discharge_max_w=0.0, discharge_min_w=0.0)


def what_if(problem: Problem, schedule: Schedule, change: Change, budget_s: float = 2.0) -> Outcome:
    """Plan the changed problem exactly and say what that saves against ``schedule``, when it is done, and what would be missing."""
    other = plan(changed(problem, change), budget_s)
    before, after = _of(schedule, change.store), _of(other, change.store)
    was, done = _done_at(schedule, before), _done_at(other, after)
    saves = schedule.cost - other.cost
    missing = sum(sum(s.missing_wh) for s in other.stores) - sum(sum(s.missing_wh) for s in schedule.stores)
    parts = [f"would save {saves:.2f}" if saves >= 0.005 else f"would cost {-saves:.2f} more" if saves <= -0.005 else "would cost the same"]
    if done != was:
        parts.append(f"done {done:%a %H:%M}" if done is not None else "not done in time")
    if missing >= 1.0:
        parts.append(f"{missing / 1000.0:.1f} kWh would be missing")
    sentence = f"{_words(change)} {', '.join(parts)}"
    return Outcome(schedule=other, saves=saves, done_at=done, was_done_at=was, missing_wh=missing, sentence=sentence)


def _of(schedule: Schedule, store: str) -> StorePlan:
    return next(each for each in schedule.stores if each.store == store)


def _done_at(schedule: Schedule, store: StorePlan) -> datetime | None:
    if store.done_step is None:
        return None
    return schedule.horizon.starts_at + timedelta(seconds=sum(schedule.horizon.steps_s[: store.done_step + 1]))


def _words(change: Change) -> str:
    if isinstance(change, Leave):
        hours = abs(change.later_s) / 3600.0
        long = "an hour" if hours == 1.0 else f"{hours:g} hours" if hours >= 1.0 else f"{hours * 60:.0f} minutes"
        return f"leaving {long} {'later' if change.later_s > 0 else 'earlier'}"
    if isinstance(change, More):
        return f"{abs(change.energy_wh) / 1000.0:g} kWh {'more' if change.energy_wh > 0 else 'less'}"
    return "giving nothing back"
