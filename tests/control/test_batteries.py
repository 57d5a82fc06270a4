"""Batteries in decisions: they help the cars (TF-EVC 3.2.6.3/4), and limits hold them too."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from chargebridge.control.decide import decide
from chargebridge.model.circuit import Battery, ChargingPoint, Circuit, Group, Topology
from chargebridge.model.decision import Decision
from chargebridge.model.limit import Limit, LimitedPower, LimitSource, OnGroup, OnNode, Scope
from chargebridge.model.reading import Reading
from chargebridge.model.session import PointStatus, Preference
from chargebridge.model.state import BatteryState, Offer, OfferOutcome, PointState, SiteState

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SITE = Topology(
    circuits=(Circuit(id="main", name="Main", fuse_a=(35.0, 35.0, 35.0), meter="m"),),
    points=(ChargingPoint(id="p", name="P", circuit="main", station="S", fallback_a=0.0),),
    batteries=(Battery(id="b", name="B", circuit="main", charge_max_w=6000, discharge_max_w=5000, capacity_wh=10_000, reserve_wh=2000),),
    groups=(Group(id="g", name="Controllable", members=("p", "b")),),
    timezone="Europe/Berlin",
)


def limit(power_w: float, scope: Scope) -> Limit:
    return Limit(
        id="dso",
        source=LimitSource.GRID_OPERATOR,
        scope=scope,
        bound=LimitedPower(power_w),
        starts_at=NOW,
        received_at=NOW,
        duration_s=600,
        legal_basis="test",
    )


def decided(
    *, battery_w: float, house_w: float = 0.0, limits: tuple[Limit, ...] = (), wish: Preference | None = None, stored_wh: float = 8000
) -> Decision:
    """A site whose battery and house draw so much; with a wish there is a car that has not begun to draw."""
    offer = Offer(
        current_a=0.0,
        phases=3,
        sent_at=NOW - timedelta(seconds=50),
        expires_at=NOW + timedelta(seconds=60),
        outcome=OfferOutcome.ACCEPTED,
        answered_at=NOW - timedelta(seconds=50),
    )
    point = PointState(
        point="p",
        online=True,
        status=PointStatus.SUSPENDED_EVSE if wish else PointStatus.AVAILABLE,
        heard_at=NOW,
        session="1" if wish else None,
        session_started_at=NOW if wish else None,
        authorised=wish is not None,
        terminal_a=(0.0, 0.0, 0.0),
        power_w=0.0,
        measured_at=NOW,
        offers=(offer,),
        fallback_a=0.0,
        preference=wish or Preference(),
    )
    amps = (battery_w + house_w) / 690
    reading = Reading(
        meter="m", received_at=NOW, power_w=battery_w + house_w, current_a=(amps, amps, amps), voltage_v=(230.0, 230.0, 230.0)
    )
    state = SiteState(
        topology=SITE,
        readings=(reading,),
        points=(point,),
        batteries=(BatteryState(battery="b", heard_at=NOW, power_w=battery_w, stored_wh=stored_wh),),
        limits=limits,
    )
    return decide(state, NOW)


def command(decision: Decision) -> float | None:
    return next((c.power_w for c in decision.batteries), None)


def test_without_a_limit_a_battery_runs_its_own_programme() -> None:
    assert command(decided(battery_w=6000)) is None
    assert command(decided(battery_w=-3000)) is None


def test_a_group_limit_holds_a_charging_battery() -> None:
    assert command(decided(battery_w=6000, limits=(limit(4200, OnGroup("g")),))) == pytest.approx(4200)
    assert command(decided(battery_w=6000, limits=(limit(0, OnGroup("g")),))) == 0


def test_it_stays_held_when_it_obeys_and_is_left_alone_when_it_takes_clearly_less() -> None:
    assert command(decided(battery_w=4200, limits=(limit(4200, OnGroup("g")),))) == pytest.approx(4200)
    assert command(decided(battery_w=2000, limits=(limit(4200, OnGroup("g")),))) is None


def test_what_a_car_needs_goes_before_the_battery() -> None:
    need = Preference(energy_min_wh=40_000, target_at=NOW + timedelta(hours=1))
    assert command(decided(battery_w=6000, limits=(limit(4200, OnGroup("g")),), wish=need)) == 0


def test_a_limit_of_the_connection_holds_it_without_any_car() -> None:
    assert command(decided(battery_w=6000, limits=(limit(5000, OnNode("main")),), house_w=2000)) == pytest.approx(3000)


def test_it_gives_what_the_house_draws_beyond_the_limit_but_never_its_reserve() -> None:
    """3.2.6.3 with nothing needed by cars, 3.2.6.4."""
    assert command(decided(battery_w=0, limits=(limit(4000, OnNode("main")),), house_w=7000)) == pytest.approx(-3000)
    assert command(decided(battery_w=0, limits=(limit(4000, OnNode("main")),), house_w=7000, stored_wh=2000)) == 0


def test_sentences_tell_the_time_as_people_of_the_site_read_it() -> None:
    made = decided(battery_w=0, limits=(limit(0, OnNode("main")),), wish=Preference())
    assert "until 13:10" in made.points[0].why.sentence
    assert msgspec.json.decode(msgspec.json.encode(made), type=Decision).points[0].current_a == 0
