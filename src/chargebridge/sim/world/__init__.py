"""The true physics of a property, and the counterparts that show it over real sockets.

world = World(demo_topology(), demo_scenario(ports=9101), FastClock(2.0), seed=1)
world.join("CB-G1", VirtualStation(plan, world.vehicles("CB-G1"), clock))
async with world:
    await world.run()
"""

from chargebridge.sim.world.clock import FastClock, ManualClock, WallClock
from chargebridge.sim.world.demo import STORY, demo_scenario, demo_topology
from chargebridge.sim.world.event import (
    Arrive,
    Cloud,
    Depart,
    FaultKind,
    GridLimit,
    Happening,
    LeaveEarly,
    MeterFails,
    PriceList,
    SwitchOn,
    stretch,
)
from chargebridge.sim.world.fleet import KINDS
from chargebridge.sim.world.physics import FuseRecord, Mishap, Physics, PointTruth, Vehicles
from chargebridge.sim.world.scenario import ControlSpec, Home, Language, MeterSpec, Scenario
from chargebridge.sim.world.visits import visits
from chargebridge.sim.world.world import World

__all__ = [
    "KINDS",
    "STORY",
    "Arrive",
    "Cloud",
    "ControlSpec",
    "Depart",
    "FastClock",
    "FaultKind",
    "FuseRecord",
    "GridLimit",
    "Happening",
    "Home",
    "Language",
    "LeaveEarly",
    "ManualClock",
    "MeterFails",
    "MeterSpec",
    "Mishap",
    "Physics",
    "PointTruth",
    "PriceList",
    "Scenario",
    "SwitchOn",
    "Vehicles",
    "WallClock",
    "World",
    "demo_scenario",
    "demo_topology",
    "stretch",
    "visits",
]
