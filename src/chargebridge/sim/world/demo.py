"""The demo property and its two-minute story.

A house with some flats, a garage, a courtyard with a workshop and places for visitors behind one grid connection of 3 x 63 A; twelve points that
could draw three times as much. The numbers are chosen so that every rule has work to do: the sub-circuits (32, 35, 40 A) sum up to more than the
connection, single-phase points press on one phase, rotated wiring hides it, and some cars do not do as they are told.

With the main meter lost the house may take LOST_MAIN_A on each phase and the stations' own fallback currents (five three-phase points
at 6 A: 30 A) fit beside it under 63 A.
"""

from chargebridge.model.circuit import Battery, ChargingPoint, Circuit, Generator, Group, Topology
from chargebridge.model.phases import PerPhase, Phase
from chargebridge.sim.world.event import Arrive, Cloud, Depart, FaultKind, GridLimit, Happening, LeaveEarly, MeterFails, PriceList, SwitchOn
from chargebridge.sim.world.scenario import ControlSpec, Home, Language, MeterSpec, Scenario

LOST_MAIN_A: PerPhase = (32.0, 32.0, 32.0)
"""Worst case of house and workshop together, A per phase: at 225 V base 8.7, kettle 8.9, oven 4.4, heat pump 4.3, and a sauna's 5.3."""
LOST_COURTYARD_A: PerPhase = (14.0, 14.0, 14.0)
"""Worst case of the workshop in the courtyard, A per phase."""

_POINTS: tuple[tuple[str, str, str, tuple[Phase, ...], float, float, bool], ...] = (
    # id, name, circuit, phases, maximum A, fallback A, can switch phases
    ("g1", "Garage 1", "garage", (1, 2, 3), 16.0, 6.0, False),
    ("g2", "Garage 2", "garage", (2, 3, 1), 16.0, 6.0, False),
    ("g3", "Garage 3", "garage", (3, 1, 2), 32.0, 0.0, True),
    ("g4", "Garage 4", "garage", (1,), 20.0, 0.0, False),
    ("c1", "Courtyard 1", "courtyard", (1, 2, 3), 32.0, 6.0, False),
    ("c2", "Courtyard 2", "courtyard", (2, 3, 1), 16.0, 0.0, True),
    ("c3", "Courtyard 3", "courtyard", (2,), 20.0, 0.0, False),
    ("c4", "Courtyard 4", "courtyard", (3,), 20.0, 0.0, False),
    ("v1", "Visitors 1", "visitors", (1, 2, 3), 32.0, 6.0, True),
    ("v2", "Visitors 2", "visitors", (3, 1, 2), 32.0, 6.0, False),
    ("v3", "Visitors 3", "visitors", (2, 3, 1), 16.0, 0.0, False),
    ("v4", "Visitors 4", "visitors", (1, 2, 3), 16.0, 0.0, False),
)


def demo_topology() -> Topology:
    """12 points behind 3 sub-circuits, PV and a battery at the root; the lead's configuration file holds the same."""
    circuits = (
        Circuit(
            id="main",
            name="Grid connection",
            fuse_a=(63.0, 63.0, 63.0),
            meter="main-meter",
            meter_max_age_s=10.0,
            lost_meter_load_a=LOST_MAIN_A,
        ),
        Circuit(id="garage", name="Garage", fuse_a=(32.0, 32.0, 32.0), parent="main"),
        Circuit(
            id="courtyard",
            name="Courtyard and workshop",
            fuse_a=(35.0, 35.0, 35.0),
            parent="main",
            meter="courtyard-meter",
            meter_max_age_s=10.0,
            lost_meter_load_a=LOST_COURTYARD_A,
        ),
        Circuit(id="visitors", name="Visitors", fuse_a=(40.0, 40.0, 40.0), parent="main", meter="visitors-meter"),
    )
    points = tuple(
        ChargingPoint(
            id=name,
            name=title,
            circuit=circuit,
            station=f"CB-{name.upper()}",
            phases=phases,
            maximum_a=maximum,
            fallback_a=fallback,
            can_switch_phases=switch,
        )
        for name, title, circuit, phases, maximum, fallback, switch in _POINTS
    )
    return Topology(
        circuits=circuits,
        points=points,
        batteries=(
            Battery(
                id="battery",
                name="House battery",
                circuit="main",
                charge_max_w=6000.0,
                discharge_max_w=6000.0,
                capacity_wh=15_000.0,
                reserve_wh=2_000.0,
                meter="battery-meter",
            ),
        ),
        generators=(Generator(id="pv", name="Roof", circuit="main", peak_w=18_000.0, meter="pv-meter"),),
        groups=(Group(id="controllable", name="Controllable devices", members=(*(point.id for point in points), "battery")),),
        timezone="Europe/Berlin",
    )


def demo_scenario(*, ports: int = 0, repeat_s: float | None = None) -> Scenario:
    """Half past ten on a clear day in April. ports: the first of six TCP ports, five meters and the battery, 0 for any."""
    speaks = (
        ("main-meter", Language.P1),
        ("courtyard-meter", Language.SML),
        ("visitors-meter", Language.KAMSTRUP),
        ("pv-meter", Language.SML),
        ("battery-meter", Language.P1),
    )
    return Scenario(
        homes=(Home(id="house", circuit="main"), Home(id="workshop", circuit="courtyard", scale=0.4, appliances=False)),
        meters=tuple(MeterSpec(id=name, language=language, port=ports + i if ports else 0) for i, (name, language) in enumerate(speaks)),
        controls=(ControlSpec(battery="battery", port=ports + len(speaks) if ports else 0),),
        day_s=10.5 * 3600,
        battery_soc=0.55,
        story=STORY,
        repeat_s=repeat_s,
    )


HOUR = 3600.0
PRICES = (
    *((0.0, 0.36), (62.0, 0.12), (1.0 * HOUR, 0.34), (2.5 * HOUR, 0.20), (5 * HOUR, 0.30), (7 * HOUR, 0.46)),
    *((10 * HOUR, 0.31), (13 * HOUR, 0.25), (20 * HOUR, 0.38)),
)
"""After seconds, a kWh: cheap from one minute on for an hour, less so again in the afternoon, and the dearest hours in the evening."""

STORY: tuple[Happening, ...] = (
    PriceList(
        at_s=0,
        per_kwh=PRICES,
        lasts_s=24 * HOUR,
        text="The supplier's prices for the day: dear now, cheap in a minute, dearest tonight.",
    ),
    Arrive(at_s=1, point="g1", kind="family", soc=0.42, card="TAG-ANNA", text="Anna comes home and plugs in: no hurry until tomorrow."),
    Arrive(
        at_s=3,
        point="g3",
        kind="long_range",
        soc=0.35,
        card="TAG-BEN",
        stays_s=8 * 3600,
        wants_wh=25_000,
        text="Ben plugs in next to her: 25 kWh within eight hours will do, so his car waits until energy is cheap.",
    ),
    Arrive(at_s=5, point="g4", kind="plug_in_hybrid", soc=0.20, card="TAG-CARLA", text="Carla's hybrid charges on one phase only."),
    Arrive(at_s=7, point="c1", kind="city", soc=0.30, card="TAG-DAVID", text="David's city car could take 22 kW."),
    Arrive(at_s=9, point="c3", kind="one_phase", soc=0.50, card="TAG-EMMA", text="Emma's car presses on phase L2."),
    Arrive(
        at_s=12,
        point="v1",
        kind="thirteen_amps",
        soc=0.55,
        card="TAG-FRANK",
        stays_s=4 * 3600,
        wants_wh=12_000,
        text="Frank visits for four hours; his car never takes more than 13 A.",
    ),
    Arrive(at_s=15, point="v2", kind="two_phase", soc=0.40, card="TAG-GRETA", text="Greta's car draws on two phases."),
    Arrive(at_s=18, point="v3", kind="lazy", soc=0.60, card="TAG-HUGO", text="Hugo's car ignores small raises."),
    Arrive(
        at_s=22,
        point="g2",
        kind="ripple",
        soc=0.25,
        card="TAG-INES",
        text="Ines arrives: the garage is full now, the fuse of 32 A is shared.",
    ),
    Arrive(at_s=25, point="c2", kind="sleeper", soc=0.45, card="TAG-JAN", text="Jan's car wakes late after every pause."),
    GridLimit(
        at_s=34,
        power_w=16_000,
        duration_s=26,
        text="The grid operator limits the site to 16 kW for a while: everybody slows down within seconds.",
    ),
    Cloud(at_s=48, plant="pv", lets_through=0.15, lasts_s=22, text="A dark cloud hides the sun, right under the grid limit."),
    GridLimit(at_s=60, power_w=None, text="The grid operator lifts his limit."),
    LeaveEarly(
        at_s=66,
        point="v1",
        stays_s=1200,
        wants_wh=3_000,
        text="Frank gets a call: he must leave in 20 minutes and needs 3 kWh more. His car goes first.",
    ),
    MeterFails(
        at_s=76, meter="main-meter", fault=FaultKind.DEAD, text="The main meter falls silent: the site charges only what is safe blind."
    ),
    MeterFails(at_s=98, meter="main-meter", fault=FaultKind.NONE, text="The main meter is back, and the site recovers by itself."),
    SwitchOn(
        at_s=104,
        household="house",
        what="sauna",
        power_w=3_600,
        phases=(1, 2, 3),
        run_s=600,
        text="Somebody heats the sauna: 3.6 kW that nobody announced.",
    ),
    Depart(at_s=112, point="c3", text="Emma drives off; what she had is shared among the others."),
    Arrive(at_s=116, point="v4", kind="family", soc=0.70, card="TAG-KIM", text="Kim takes the last visitors' place."),
)
