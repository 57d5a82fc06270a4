"""A whole site with a car by OCPP and a heat pump by EEBUS behind one section 14a order, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.model.limit import Limit, LimitedPower, LimitSource, OnGroup
from chargebridge.model.state import LoadState
from chargebridge.sim.eebus.control_box import ControlBox
from chargebridge.sim.eebus.heat_pump import HeatPumpPlan, VirtualHeatPump
from chargebridge.sim.ocpp_station import EvsePlan, StationPlan, VirtualStation
from chargebridge.sim.world.clock import FastClock
from chargebridge.sim.world.scenario import Scenario
from chargebridge.sim.world.world import World
from chargebridge.site.config_file import parse
from chargebridge.site.view import LoadView
from chargebridge.wire.eebus.usecases.limitation import State
from tests.site.kit import Bench, bench, until

SPEED = 10.0
TEXT = """
[site]
name = "A car and a heat pump"

[[circuit]]
id = "main"
name = "Main"
fuse_a = 40

[[station]]
id = "CP-1"
open = true

[[point]]
id = "a"
name = "A"
circuit = "main"
station = "CP-1"
maximum_a = 16

[[token]]
id = "TAG"

[[load]]
id = "pump"
name = "Heat pump"
circuit = "main"
nominal_w = 9020
eebus = "{ski}"

[[group]]
id = "controllable"
name = "Controllable devices"
members = ["a", "pump"]

[eebus]
serial = "1"
port = {port}
folder = "{folder}"
"""
GRID = """
[eebus.grid]
group = "controllable"
nominal_w = 30000
"""


class Home:
    """The world with its car, and the heat pump, which is cold: it takes all that it may."""

    def __init__(self, folder: Path) -> None:
        self.clock = FastClock(SPEED)
        self.folder = folder
        self.pump = VirtualHeatPump(HeatPumpPlan(ramp_w_per_s=5000.0, tank_wh_per_k=1e6, run_s=0.0, rest_s=0.0), self.clock)
        self.pump.thermal.tank_c = 30.0
        self.world = World(parse(self.text()).topology(), Scenario(), self.clock, seed=3, dt_s=0.1)

    def text(self, port: int = 0, more: str = "") -> str:
        return TEXT.format(ski=self.pump.ski, port=port, folder=self.folder / "eebus") + more

    @property
    def car_w(self) -> float:
        return sum(self.world.measure("a").current_a) * 230

    def both_w(self) -> float:
        return self.car_w + self.pump.power_w

    async def meet(self, site: Bench) -> None:
        assert site.eebus is not None
        await self.pump.device.hub.pair(site.eebus.hub.identity.ski, address=Address("127.0.0.1", site.eebus.hub.port))

    @contextlib.asynccontextmanager
    async def charging(self, site: Bench) -> AsyncIterator[VirtualStation]:
        """The car charges at full power."""
        plan = StationPlan(
            identity="CP-1",
            uri=f"ws://127.0.0.1:{site.central.port}/ocpp",
            version="ocpp1.6",
            evses=(EvsePlan(maximum_a=16.0),),
            boot_s=0.1,
            sample_interval_s=5,
            backoff_doublings=1,
        )
        station = VirtualStation(plan, self.world.vehicles("CP-1"), self.clock)
        task = asyncio.create_task(station.run())
        try:
            assert await until(lambda: site.point("a").online and site.point("a").fallback_a is not None)
            self.world.plug("a", "family", 0.3)
            station.plug(1)
            assert await station.present(1, "TAG")
            assert await until(lambda: self.car_w > 10_000, 20), "the car charges"
            yield station
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def home_of(folder: Path) -> AsyncIterator[Home]:
    home = Home(folder)
    async with home.world, home.pump:
        task = asyncio.create_task(home.world.run())
        try:
            yield home
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def seen(site: Bench) -> LoadState:
    return site.site.live.loads["pump"]


def shown(site: Bench) -> LoadView:
    (view,) = site.site.service.view().loads
    return view


async def order(site: Bench, watts: float | None) -> None:
    now = site.clock.now()
    if watts is None:
        await site.site.service.withdraw_limit("dso", "test")
        return
    limit = Limit(id="dso", source=LimitSource.GRID_OPERATOR, scope=OnGroup("controllable"), bound=LimitedPower(watts), starts_at=now,
                  legal_basis="section 14a EnWG", received_at=now)  # fmt: skip
    await site.site.service.enter_limit(limit, "test")


async def within_a_second(condition: Callable[[], bool], what: str) -> None:
    """Of the wall's, though all else runs faster."""
    assert await until(condition, 1.0), what


async def test_a_control_box_limits_the_house_and_both_keep_it_within_a_second(tmp_path: Path) -> None:
    """One story: free, ordered by a control box over EEBUS, 0 W, released."""
    async with home_of(tmp_path) as home, bench(tmp_path, text=home.text(more=GRID), speed=SPEED) as site:
        assert site.eebus is not None
        hub = site.eebus.hub
        peers = (StaticPeer(hub.identity.ski, Address("127.0.0.1", hub.port)),)
        async with ControlBox(home.clock, peers=peers) as box:
            await hub.pair(box.ski)
            await home.meet(site)
            assert await until(lambda: home.pump.state is State.CONTROLLED), "it hears within a minute that nothing limits it"
            async with home.charging(site):
                assert await until(lambda: home.pump.power_w > 8500), "the heat pump takes all that it likes"
                assert await until(lambda: (seen(site).power_w or 0) > 8500)
                assert await until(lambda: min(site.site.service.view().circuits[0].load_a) > 25), "both count on their circuit"
                assert home.both_w() > 18_000
                assert await until(lambda: seen(site).failsafe_w == 4200), "it was told what to keep to without us"

                await box.limit(8400)
                await within_a_second(lambda: home.pump.limit_w == 4200, "the order goes through to the heat pump")
                await within_a_second(lambda: home.both_w() <= 8450, "and both keep it")
                assert await until(lambda: shown(site).taken)
                assert shown(site).reason == (
                    "Heat pump gets 4.2 kW: the grid operator (section 14a EnWG) allows 8.4 kW for Controllable devices, shared by 2"
                )
                assert await until(lambda: home.car_w > 4000, 15), "the car has the rest"
                assert home.both_w() <= 8450
                assert await until(lambda: None not in (site.site.grid.latest()[0].told_ms, site.site.grid.latest()[0].kept_ms)), (
                    "it is on record that all were told and keep it"
                )
                assert site.site.grid.latest()[0].unreached == ()

                await box.limit(0)
                await within_a_second(lambda: home.both_w() <= 100, "0 W is 0 W")
                await box.limit(None)
                await within_a_second(lambda: home.pump.limit_w is None, "released")
                assert await until(lambda: home.pump.power_w > 8500)


async def test_a_refusal_and_a_silent_heat_pump_cost_the_car_and_not_the_order(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home, bench(tmp_path, text=home.text(), speed=SPEED) as site:
        await home.meet(site)
        assert await until(lambda: home.pump.state is State.CONTROLLED)
        async with home.charging(site):
            assert await until(lambda: home.pump.power_w > 8500)
            home.pump.refuses = "it defrosts"
            await order(site, 13_500)
            assert await until(lambda: any("refused 4.2 kW" in a.text for a in site.site.service.view().alerts))
            assert await until(lambda: home.car_w <= 4500), "what the heat pump does not give up the car does"
            assert home.both_w() <= 13_500 + 100
            assert home.pump.limit_w is None
            home.pump.refuses = ""
            assert await until(lambda: home.pump.limit_w == 4200, 20), "asked again after a minute"
            assert await until(lambda: home.car_w > 8500, 25), "and the car has what it left"

            await home.pump.stop()
            assert await until(lambda: not seen(site).online)
            assert seen(site).failsafe_w == 4200
            assert await until(lambda: not shown(site).online and shown(site).ceiling_w == 4200)
            assert any("no word from it" in a.text for a in site.site.service.view().alerts)
            assert home.car_w <= 13_500 - 4200 + 100, "what it may draw stays its own"


async def test_a_site_that_begins_anew_under_an_order_never_lets_go_of_the_heat_pump(tmp_path: Path) -> None:
    async with home_of(tmp_path) as home:
        async with bench(tmp_path, text=home.text(), speed=SPEED) as site:
            assert site.eebus is not None
            await home.meet(site)
            await order(site, 3000)
            assert await until(lambda: home.pump.limit_w == 3000), "the car has not come: the heat pump has it all"
            port, states = site.eebus.hub.port, set()
        async with bench(tmp_path, text=home.text(port), speed=SPEED, since=home.clock.now()) as site:
            assert await until(lambda: states.add(home.pump.limit_w) or seen(site).online)
            assert await until(lambda: states.add(home.pump.limit_w) or shown(site).taken)
            assert states == {3000.0}
            await order(site, None)
            assert await until(lambda: home.pump.limit_w is None)
