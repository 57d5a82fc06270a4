"""Which limits are in force when, and where each comes from."""

from msgspec.structs import replace
from small_site import NOON, at, circuit, limit, point, root

from chargebridge.control.book import Book, binding_current, binding_power, open_book
from chargebridge.control.tree import grow
from chargebridge.model.circuit import Group, Topology
from chargebridge.model.limit import (
    Direction,
    Limit,
    LimitedCurrent,
    LimitedPower,
    LimitSource,
    Unknown,
    Unlimited,
)
from chargebridge.model.state import PeakBudget

TREE = grow(
    Topology(
        circuits=(root(power_limit_w=20000.0), circuit("garage", 16.0)),
        points=(point("p", "garage"),),
        groups=(Group(id="cars", name="Cars", members=("garage",)),),
    )
)


def book(*limits: Limit, now: float = 10.0, peak: PeakBudget | None = None) -> Book:
    return open_book(TREE, limits, peak, at(now))


def power(found: Book, node: str = "house") -> float | None:
    tightest = binding_power(found.of(node))
    return None if tightest is None else tightest[0]


def test_the_wiring_is_in_the_book() -> None:
    found = book()
    assert power(found) == 20000.0
    current = binding_current(found.of("garage"))
    assert current is not None
    assert current[0][0] == 16.0
    assert current[0][1].source is LimitSource.FUSE


def test_zero_is_a_limit() -> None:
    assert power(book(limit(LimitedPower(0.0)))) == 0.0


def test_the_tightest_of_different_sources_binds_and_unlimited_lifts_only_its_own() -> None:
    owner = limit(LimitedPower(9000.0), id="o", source=LimitSource.OWNER)
    grid = limit(LimitedPower(4200.0), id="g")
    assert power(book(owner, grid)) == 4200.0
    lifted = limit(Unlimited(), id="g", since=5)
    assert power(book(owner, grid, lifted)) == 9000.0
    assert power(book(owner, limit(LimitedPower(4200.0), id="o"), limit(Unlimited(), id="o", source=LimitSource.OWNER, since=5))) == 4200.0


def test_an_unlimited_answer_is_shown() -> None:
    assert [e.limit for e in book(limit(Unlimited(), id="g")).of("house")] == ["house/fuse", "house/power", "g"]


def test_a_later_entry_replaces_an_earlier_one_when_it_starts_even_if_listed_first() -> None:
    earlier, later = limit(LimitedPower(3000.0)), limit(LimitedPower(6000.0), since=5)
    assert power(book(later, earlier)) == 6000.0
    soon = Limit(
        id="l",
        source=LimitSource.GRID_OPERATOR,
        scope=earlier.scope,
        bound=LimitedPower(1000.0),
        starts_at=at(100),
        received_at=at(5),
        legal_basis="",
    )
    assert power(book(earlier, soon)) == 3000.0
    assert power(book(earlier, soon, now=100)) == 1000.0
    heard_since = limit(LimitedPower(2000.0), since=50)
    assert power(book(heard_since, soon, now=99)) == 2000.0
    assert power(book(soon, heard_since, now=100)) == 1000.0


def test_until_when_is_told_by_the_next_entry_too() -> None:
    soon = replace(limit(LimitedPower(6000.0), since=40), received_at=at(5))
    found = binding_power(book(limit(LimitedPower(3000.0), duration_s=60.0), soon).of("house"))
    assert found is not None
    assert (found[0], found[1].until) == (3000.0, at(40))


def test_what_has_ended_or_not_begun_is_not_there() -> None:
    assert power(book(limit(LimitedPower(1.0), duration_s=60.0), now=59.9)) == 1.0
    assert power(book(limit(LimitedPower(1.0), duration_s=60.0), now=60.0)) == 20000.0
    assert power(book(replace(limit(LimitedPower(1.0), since=11), received_at=at(0)), now=10)) == 20000.0


def test_until_when_is_told() -> None:
    found = binding_power(book(limit(LimitedPower(1.0), duration_s=60.0)).of("house"))
    assert found is not None
    assert found[1].until == at(60)


def test_a_silent_source_falls_to_its_failsafe_whatever_it_said_last() -> None:
    for bound in (LimitedPower(9000.0), Unlimited(), LimitedPower(0.0)):
        beating = limit(bound, max_age_s=120.0, failsafe_w=4200.0, heard_at=at(0))
        tightest = binding_power(book(beating, now=121).of("house"))
        assert tightest is not None
        assert tightest[0] == 4200.0
        assert tightest[1].failsafe
    ended = limit(LimitedPower(1.0), duration_s=60.0, max_age_s=120.0, failsafe_w=4200.0)
    assert power(book(ended, now=100)) == 20000.0
    assert power(book(ended, now=121)) == 4200.0


def test_a_source_that_is_heard_again_counts_again() -> None:
    assert power(book(limit(LimitedPower(9000.0), max_age_s=120.0, failsafe_w=4200.0, heard_at=at(400)), now=401)) == 9000.0


def test_unknown_without_a_failsafe_sends_the_scope_to_fallback() -> None:
    silent = limit(LimitedPower(9000.0), "cars", group=True, max_age_s=10.0)
    assert "cars" in book(silent, now=11).blind
    assert "cars" not in book(silent, now=9).blind
    assert "garage" in book(limit(Unknown("nonsense"), "garage")).blind
    assert power(book(limit(Unknown("nonsense", 5000.0), "garage")), "garage") == 5000.0
    assert power(book(limit(Unknown("nonsense"), "garage", failsafe_w=4000.0)), "garage") == 4000.0


def test_a_number_that_is_none_is_unknown_not_unlimited() -> None:
    assert "garage" in book(limit(LimitedPower(float("nan")), "garage")).blind
    assert "garage" in book(limit(LimitedCurrent((float("inf"), 1.0, 1.0)), "garage")).blind
    assert "garage" in book(limit(Unknown("x", float("nan")), "garage")).blind


def test_limits_on_production_are_carried_but_not_acted_on() -> None:
    found = book(limit(LimitedPower(0.0), direction=Direction.PRODUCTION))
    assert power(found) == 20000.0
    assert any(e.direction is Direction.PRODUCTION and e.power_w == 0.0 for e in found.of("house"))


def test_a_limit_on_nothing_is_reported() -> None:
    assert [stray.id for stray in book(limit(LimitedPower(0.0), "nowhere")).strays] == ["l"]


def test_the_peak_budget_is_what_the_rest_of_the_window_may_draw() -> None:
    half = PeakBudget(window_started_at=NOON, drawn_wh=1000.0, budget_w=8000.0)
    assert power(book(now=450, peak=half)) == 8000.0
    assert power(book(now=450, peak=PeakBudget(window_started_at=NOON, drawn_wh=1500.0, budget_w=8000.0))) == 4000.0
    assert power(book(now=450, peak=PeakBudget(window_started_at=NOON, drawn_wh=2500.0, budget_w=8000.0))) == 0.0
    assert power(book(now=899, peak=PeakBudget(window_started_at=NOON, drawn_wh=1900.0, budget_w=8000.0))) == 6000.0
    assert power(book(now=900, peak=PeakBudget(window_started_at=NOON, drawn_wh=1900.0, budget_w=8000.0))) == 8000.0
