"""A whole site for tests: a simulated world and its stations in this process, the product in a process of its own that can be killed."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import msgspec

from chargebridge.app.demo import PASSWORD_ENV, stations
from chargebridge.sim.ocpp_station import VirtualStation
from chargebridge.sim.world import Arrive, Scenario, WallClock, World
from chargebridge.sim.world.demo import demo_scenario, demo_topology

PASSWORD = "password of the tests' stations"
DEMO = files("chargebridge.app") / "demo.toml"
QUIET = msgspec.structs.replace(demo_scenario(), story=(), clouds=False)
CARS = tuple(
    Arrive(at_s=0, point=point, kind="city", soc=0.3, card=card)
    for point, card in (("g1", "TAG-ANNA"), ("g2", "TAG-BEN"), ("c1", "TAG-CARLA"), ("v2", "TAG-DAVID"))
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Product:
    """The site as ``chargebridge up`` runs it, from a configuration file, in a process of its own."""

    def __init__(self, folder: Path, world: World, *, grid: str = "") -> None:
        """grid: its ``[eebus.grid]``, and what else stands in a table of EEBUS; none: it has none."""
        self.ocpp_port, self.eebus_port = free_port(), free_port()
        self.store = folder / "site.db"
        self.config = folder / "site.toml"
        text = DEMO.read_text()
        for spec in world.scenario.meters:
            host, port = world.meter_address(spec.id)
            text = re.sub(rf'(id = "{spec.id}"\nurl = )"[^"]*"', rf'\1"tcp://{host}:{port}"', text)
        text = re.sub(r'control = "[^"]*"', f'control = "{world.battery_url("battery")}"', text)
        text = (
            text.replace("port = 8080", "port = 0")
            .replace("port = 8887", f"port = {self.ocpp_port}")
            .replace("data/demo.db", str(self.store))
        )
        text = re.sub(r"^\[eebus.*?(?=^\[(?!eebus)|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
        if grid:
            text += f'\n[eebus]\nfolder = "{folder / "eebus"}"\nport = {self.eebus_port}\n{grid}'
        self.config.write_text(text)
        self.process: asyncio.subprocess.Process | None = None
        self.told: dict[str, Any] = {}
        self.client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        program = "from chargebridge.app.cli import main; main()"
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            "up",
            str(self.config),
            "--json",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {PASSWORD_ENV: PASSWORD},
        )
        assert self.process.stdout is not None
        self.told = json.loads(await asyncio.wait_for(self.process.stdout.readline(), 60))
        self._drain = asyncio.create_task(self.process.stdout.read())
        headers = {"Authorization": f"Bearer {self.told['token']}"}
        self.client = httpx.AsyncClient(base_url=self.told["page"], headers=headers, timeout=20)

    async def kill(self) -> None:
        """kill -9: no chance to tidy up."""
        assert self.process is not None
        assert self.client is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        await self.client.aclose()

    async def stop(self) -> int:
        """SIGTERM, as a service manager sends it. Returns the exit code; it must come soon."""
        assert self.process is not None
        assert self.client is not None
        await self.client.aclose()
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 8)

    async def site(self) -> dict[str, Any]:
        assert self.client is not None
        return dict((await self.client.get("/api/v1/site")).json())

    async def points(self) -> dict[str, dict[str, Any]]:
        return {p["id"]: p for p in (await self.site())["points"]}

    async def post_limit(self, **entry: Any) -> None:
        assert self.client is not None
        answer = await self.client.post("/api/v1/limits", json=entry)
        assert answer.status_code == 204, answer.text

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.store)) as connection:
            return connection.execute(query).fetchall()


@contextlib.asynccontextmanager
async def whole_site(
    folder: Path, scenario: Scenario | None = None, *, grid: str = ""
) -> AsyncIterator[tuple[Product, World, dict[str, VirtualStation]]]:
    """A started product with its world around it; all of it gone afterwards."""
    clock = WallClock()
    world = World(demo_topology(), scenario or demo_scenario(), clock, seed=3)
    async with world:
        product = Product(folder, world, grid=grid)
        await product.start()
        made = {s.plan.identity: s for s in stations(world, f"ws://127.0.0.1:{product.ocpp_port}/ocpp", clock, PASSWORD)}
        tasks = [asyncio.create_task(world.run()), *(asyncio.create_task(s.run()) for s in made.values())]
        try:
            yield product, world, made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if product.process is not None and product.process.returncode is None:
                await product.kill()


async def until(condition: Any, timeout_s: float, what: str) -> Any:
    """Poll an async condition until it is true; fail with ``what`` otherwise."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        value = await condition()
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        await asyncio.sleep(0.25)


async def four_cars_charge(product: Product, world: World) -> None:
    """All stations are online with confirmed fallbacks; then four cars come and charge."""
    await until(lambda: all_online(product), 30, "all stations online with confirmed fallbacks")
    for car in CARS:
        world.happen(car)
    await until(lambda: cars_charge(product), 40, "four cars charge")


async def cars_charge(product: Product, count: int = 4, least_w: float = 3000) -> bool:
    return sum(p["power_w"] > least_w for p in (await product.points()).values()) >= count


async def all_online(product: Product) -> bool:
    """Online, and each has confirmed its fallback: until then its whole maximum is reckoned with."""
    points = (await product.points()).values()
    return all(p["online"] for p in points) and all(p["move"] == "hold" for p in points)


async def nobody_draws(world: World) -> bool:
    return all(sum(world.measure(point.id).current_a) < 0.5 for point in world.topology.points)


async def at_fallback(world: World) -> bool:
    """No car takes more than its station's fallback current (half an ampere of the car's own regulation beside)."""
    return all(max(world.measure(p.id).current_a) <= p.fallback_a + 0.5 for p in world.topology.points)


async def ends_and_replays(product: Product) -> None:
    """SIGTERM ends it cleanly, and each of its recorded decisions comes out the same again."""
    assert await product.stop() == 0, "SIGTERM ends it cleanly"
    replay = [sys.executable, "-c", "from chargebridge.app.cli import main; main()", "replay", "--store", str(product.store), "--json"]
    done = await asyncio.to_thread(subprocess.run, replay, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stdout[-2000:]
    assert lines
    assert all(line["same"] for line in lines)
