"""What the parts of a page are given to draw, in the cases that are easy to get wrong."""

import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from chargebridge.app.web.shown import circuits, loads, points
from chargebridge.model.decision import Cause, MeterView, Why, WhyStep
from chargebridge.model.limit import LimitSource
from chargebridge.site.view import CircuitView, LoadView

CIRCUIT = CircuitView(
    id="garage",
    name="Garage",
    parent=None,
    depth=0,
    fuse_a=(50.0, 50.0, 50.0),
    load_a=(20.0, 46.0, 51.0),
    base_a=(5.0, 0.0, 60.0),
    planned_a=(22.0, 46.0, 51.0),
    allowed_a=(math.inf, math.inf, 40.0),
    allowed_w=None,
    power_w=20_000.0,
    meter="m1",
    meter_view=MeterView.MEASURED,
    meter_age_s=1.0,
    meter_lost=False,
    overloaded=False,
    binding=None,
)


def phases(circuit: CircuitView) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = circuits.node(circuit)["phases"]
    return found


def test_headroom_is_reckoned_from_the_tightest_of_fuse_and_limits() -> None:
    assert [phase["level"] for phase in phases(CIRCUIT)] == ["ok", "tight", "over"]
    assert circuits.fullness(CIRCUIT) == "over"
    assert [phase["limit"] is None for phase in phases(CIRCUIT)] == [True, True, False]


def test_base_and_cars_fill_the_bar_together() -> None:
    first, _, third = phases(CIRCUIT)
    assert first["base"] + first["cars"] == circuits.fraction(20, 50 * 1.12)
    assert third["cars"] == 0
    assert third["base"] == circuits.fraction(51, 50 * 1.12)


def test_a_circuit_that_gives_back_shows_it_on_the_other_side() -> None:
    exporting = replace(CIRCUIT, load_a=(-12.0, -0.0, 3.0), base_a=(-20.0, 0.0, -8.0), allowed_a=(math.inf,) * 3)
    first, second, third = phases(exporting)
    assert (first["text"], second["text"], third["text"]) == ("−12 A", "0 A", "3 A")
    assert first["back"] > 0
    assert first["base"] == first["cars"] == 0
    assert third["cars"] == circuits.fraction(3, 50 * 1.12)
    assert circuits.fullness(exporting) == "ok"


def test_zero_allowed_and_zero_drawn_is_no_alarm() -> None:
    stopped = replace(CIRCUIT, load_a=(0.0, 0.2, 0.0), base_a=(0.0,) * 3, allowed_a=(0.0,) * 3)
    assert circuits.fullness(stopped) == "ok"
    assert circuits.fullness(replace(stopped, load_a=(6.0, 0.0, 0.0))) == "over"


def test_a_limit_on_power_counts_as_well_as_the_fuses() -> None:
    idle = replace(CIRCUIT, load_a=(10.0,) * 3, base_a=(0.0,) * 3, allowed_a=(math.inf,) * 3, power_w=6900.0)
    assert [circuits.fullness(replace(idle, allowed_w=w)) for w in (None, 20_000.0, 7000.0, 4200.0)] == ["ok", "ok", "tight", "over"]


def test_a_lost_meter_is_said() -> None:
    lost = replace(CIRCUIT, meter_lost=True, meter_age_s=75.0, meter_view=MeterView.ASSUMED)
    assert circuits.node(lost)["meter"] == "meter silent for 75 s: worst case assumed"


def test_the_chain_keeps_its_numbers_and_the_endless_ones() -> None:
    why = Why(
        cause=Cause.LIMIT,
        sentence="",
        steps=(
            WhyStep(node="garage", text="", allowed_a=7.0, source=LimitSource.FUSE, limit=16.0, used=9.0, phase=2, binding=True),
            WhyStep(node="elsewhere", text="", allowed_a=math.inf, limit=4200.0, unit="W"),
        ),
    )
    first, second = points.chain(why, {"garage": "Garage"}, maximum_a=16.0)
    assert (first["where"], first["sum"], first["phase"], first["binding"]) == ("Garage", "16 A − 9 A of others", "L2", True)
    assert first["fill"] == 7 / 16
    assert (second["where"], second["sum"], second["allowed"], second["fill"]) == ("elsewhere", "", "no limit", 1.0)


def test_a_load_says_what_was_taken_and_what_was_only_asked_for() -> None:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    pump = LoadView(
        id="pump",
        name="Heat pump",
        circuit="house",
        online=True,
        heard_at=at,
        power_w=0.0,
        nominal_w=9000.0,
        guaranteed_w=4200.0,
        limit_w=0.0,
        taken=True,
        ceiling_w=0.0,
        failsafe_w=None,
        reason="Heat pump gets 0.0 kW",
    )

    def card(load: LoadView) -> dict[str, Any]:
        return loads._card(load, at, ZoneInfo("UTC"))

    assert (card(pump)["level"], card(pump)["state"]) == ("info", "at most 0 W"), "0 W is a limit"
    assert "has not said what it keeps to without us" in card(pump)["facts"]
    assert card(replace(pump, taken=False))["state"] == "asked for 0 W"
    assert card(replace(pump, limit_w=None))["state"] == "free"
    assert "never heard" in card(replace(pump, online=False, heard_at=None))["facts"]
