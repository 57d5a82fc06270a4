"""The limit book ahead: what is in force in each step of a plan, as if every source that is heard now went on to be heard."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from chargebridge.control.book import Book, binding_current, binding_power, open_book
from chargebridge.control.timing import age_s
from chargebridge.control.tree import Tree
from chargebridge.model.decision import Effective
from chargebridge.model.limit import Direction, Limit, LimitedPower
from chargebridge.model.phases import PerPhase
from chargebridge.planning.problem import Series

FARTHEST = timedelta(hours=72)
"""Nothing is planned beyond."""


def limit_edges(limits: Iterable[Limit]) -> Iterable[datetime]:
    for limit in limits:
        yield limit.starts_at
        if limit.duration_s is not None:
            yield limit.starts_at + timedelta(seconds=min(limit.duration_s, FARTHEST.total_seconds()))


def steady(limits: Sequence[Limit], now: datetime) -> tuple[Limit, ...]:
    """As if each source went on to be heard, and did as is expected; one that is silent now stays so, with its failsafe."""
    found = []
    for limit in limits:
        if limit.until is not None:
            limit = replace(limit, duration_s=(limit.until - limit.starts_at).total_seconds(), until=None)
        if limit.max_age_s is None:
            found.append(limit)
        elif age_s(limit.heard_at or limit.received_at, now) <= limit.max_age_s:
            found.append(replace(limit, max_age_s=None))
        elif limit.failsafe_w is not None:
            found.append(replace(limit, max_age_s=None, bound=LimitedPower(limit.failsafe_w), duration_s=None))
    return tuple(found)


def books_ahead(tree: Tree, limits: tuple[Limit, ...], starts: Sequence[datetime]) -> list[Book]:
    """What is in force in each step."""
    edges = sorted(set(limit_edges(limits)))
    found: list[Book] = []
    last: tuple[int, Book] | None = None
    for start in starts:
        passed = sum(edge <= start for edge in edges)
        if last is None or last[0] != passed:
            last = (passed, open_book(tree, limits, None, start))
        found.append(last[1])
    return found


def below_unknown(tree: Tree, blind: Mapping[str, Effective]) -> frozenset[str]:
    """Points under a limit that nobody knows."""
    found = {point.id for point in tree.points if point.id in blind}
    for index, circuit in enumerate(tree.circuits):
        if circuit.id in blind:
            found |= {tree.points[at].id for at in tree.below[index]}
    for group, members in zip(tree.groups, tree.in_group, strict=True):
        if group.id in blind:
            found |= {tree.points[at].id for at in members}
    return frozenset(found)


def import_w(books: Sequence[Book], node: str) -> Series | None:
    return _series([None if (found := binding_power(book.of(node))) is None else found[0] for book in books])


def export_w(books: Sequence[Book], node: str) -> Series | None:
    def least(limits: Sequence[Effective]) -> float | None:
        return min((e.power_w for e in limits if e.direction is Direction.PRODUCTION and e.power_w is not None), default=None)

    return _series([least(book.of(node)) for book in books])


def _series(values: Sequence[float | None]) -> Series | None:
    if all(value is None for value in values):
        return None
    return tuple(1e8 if value is None else value for value in values)


def current_a(books: Sequence[Book], node: str) -> tuple[PerPhase, ...] | None:
    found: list[PerPhase] = []
    for book in books:
        bound = binding_current(book.of(node))
        if bound is None:
            return None
        found.append((bound[0][0], bound[1][0], bound[2][0]))
    return tuple(found)


def least_current_a(books: Sequence[Book], node: str) -> Series | None:
    found = [binding_current(book.of(node)) for book in books]
    if all(bound is None for bound in found):
        return None
    return tuple(1e6 if bound is None else min(amps for amps, _ in bound) for bound in found)
