"""Whatever a control box, the clocks, the disk and the power supply do: the book says what the machine says, never nothing when that limits."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.control.book import binding_power, open_book
from chargebridge.control.decide import decide
from chargebridge.control.tree import grow
from chargebridge.grid.eebus import EebusGrid, GridSettings, Side
from chargebridge.grid.port import GridError
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.trust_store import MemoryTrust
from chargebridge.model.limit import OnGroup
from chargebridge.site import journal
from chargebridge.site.config_file import parse
from chargebridge.site.grid import journal as grid_journal
from chargebridge.site.grid.desk import GridDesk
from chargebridge.site.live import Live
from chargebridge.store import Database, StoreError
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases import limitation
from chargebridge.wire.eebus.usecases.limitation import FailsafeWrite, Heartbeat, Interrupt, LimitWrite, State
from tests.grid.kit import GROUP
from tests.site.kit import CONFIG

TOPOLOGY = parse(CONFIG + GROUP).topology()
TREE = grow(TOPOLOGY)
START = datetime(2026, 11, 21, 12, tzinfo=UTC)
IDENTITY = make_identity("House", "Acme", START)


class Clock:
    """The steady seconds and the wall's time, each moved on its own."""

    def __init__(self) -> None:
        self.s, self.wall = 1000.0, START

    def now(self) -> datetime:
        return self.wall

    def steady_s(self) -> float:
        return self.s

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


class House:
    """What a site does with a control box, without sockets: the machine, the desk, the book, the store."""

    def __init__(self, path: Path, clock: Clock, *, autonomous: bool) -> None:
        self.database, self.clock = Database.open(path), clock
        self.live = Live(TOPOLOGY)
        self._autonomous = autonomous

    async def open(self) -> "House":
        remembered = await self.database.read(grid_journal.remembered)
        for limit in await self.database.read(journal.limits):
            self.live.limits.enter(limit)
        hub = Hub(
            HubSettings(ship_id="House"), IDENTITY, MemoryTrust(), LocalDevice("d:_n:Acme_House", "EnergyManagementSystem"), self.clock
        )
        settings = GridSettings(
            consumption=Side(OnGroup("controllable"), 34_500, 4_200), autonomous=self._autonomous, legal_basis="test", metered=False
        )

        def make(sink: Any, memory: Any) -> tuple[EebusGrid, ...]:
            self.grid = EebusGrid(hub, settings, sink, memory.get("eebus", {}), self.clock, cem=(1,), connection=(2,), devices=(6,))
            return (self.grid,)

        self.hub = hub
        self.desk = GridDesk(
            make, remembered, self.live, self.database, self.clock, wake=self._wake, tell=lambda kind, text, subject: None, steered=()
        )
        await self.desk.open()
        return self

    def _wake(self) -> None:
        asyncio.get_running_loop().call_soon(lambda: self.desk.decided(decide(self.live.state(), self.clock.now())))

    @property
    def limited(self) -> Any:
        (limited,) = self.grid.system.limits
        return limited

    async def do(self, event: limitation.Event) -> None:
        """The machine moves, and what the node tells of it is heard."""
        self.limited.go(self.limited.step(event, self.hub.now()))
        await self.hub.act(lambda now: None)

    async def look(self) -> None:
        await self.hub.act(lambda now: None)
        await self.desk.look()

    def check(self) -> None:
        machine = self.limited.step(limitation.Tick(), self.hub.now()).machine
        asked = limitation.applied_w(machine, self.limited.settings)
        found = binding_power(open_book(TREE, tuple(self.live.limits), None, self.clock.now()).of("controllable"))
        assert (None if found is None else found[0]) == (None if asked is None else float(asked)), machine.state


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("never") / "empty.db"
    Database.open(path).close()
    return path


HOURS = [1.0, 59.0, 61.0, 121.0, 3600.0, 7300.0]
EVENTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from(HOURS)),
    st.tuples(st.just("wall"), st.sampled_from([-864_000.0, -3600.0, -10.0, 10.0, 3600.0, 864_000.0])),
    st.tuples(st.just("limit"), st.booleans(), st.sampled_from([-1, 0, 3000, 34500]), st.sampled_from([None, 30.0, 900.0])),
    st.tuples(st.just("failsafe"), st.sampled_from([0, 6000]), st.sampled_from([None, 7200.0, 90_000.0])),
    st.tuples(st.sampled_from(["heartbeat", "interrupt", "restart", "disk full", "disk well"])),
)


@given(st.booleans(), st.lists(EVENTS, max_size=14))
def test_the_book_says_what_the_machine_says(empty: Path, autonomous: bool, events: list[tuple[Any, ...]]) -> None:
    asyncio.run(_story(empty, autonomous, events))


async def _story(empty: Path, autonomous: bool, events: list[tuple[Any, ...]]) -> None:
    path = empty.with_name("story.db")
    for old in path.parent.glob("story.db*"):
        old.unlink()
    shutil.copy(empty, path)
    clock = Clock()
    house = await House(path, clock, autonomous=autonomous).open()
    blocked = False
    try:
        house.check()
        for what, *values in events:
            try:
                match what:
                    case "wait":
                        clock.s += values[0]
                        clock.wall += timedelta(seconds=values[0])
                        await house.look()
                    case "wall":
                        clock.wall += timedelta(seconds=values[0])
                    case "limit":
                        active, value, lasts = values
                        heard = house.limited.machine.heartbeat_s
                        await house.do(
                            LimitWrite(active=active, limit_w=Decimal(value), duration_s=lasts, given=lasts is not None, heard_s=heard)
                        )
                    case "failsafe":
                        await house.do(FailsafeWrite(Decimal(values[0]), values[1]))
                    case "heartbeat":
                        await house.do(Heartbeat())
                    case "interrupt":
                        await house.do(Interrupt())
                    case "disk full" | "disk well":
                        blocked = what == "disk full"
                        _block(house.database, blocked)
                    case "restart" if not blocked:
                        await house.look()
                        memory = house.limited.machine.memory
                        house.database.close()
                        clock.s = 5.0
                        house = await House(path, clock, autonomous=autonomous).open()
                        assert house.limited.machine.state is State.INIT
                        assert house.limited.machine.memory == memory, "LPC-044"
            except (StoreError, GridError):
                assert blocked
            house.check()
    finally:
        house.database.close()


def _block(database: Database, blocked: bool) -> None:
    """A disk that takes nothing more."""
    if blocked:
        database.write = _refused  # type: ignore[method-assign]
    elif "write" in vars(database):
        del database.write


async def _refused(work: Any) -> Any:
    raise StoreError("store", "could not be written (disk full)", "make room")
