"""The site hangs, and is killed by -9, while a car charges at a wallbox by EEBUS: it falls to its safe current in time, the session goes on and
counts once."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.site.kit import until
from tests.site.wallbox_kit import Property, config, property_of

SPEED = 5.0
ROOT = Path(__file__).parents[2]


class Process:
    """The site; ``told`` is the newest that it said of point b."""

    def __init__(self, folder: Path, home: Property) -> None:
        self.folder, self.home = folder, home
        self.told: dict[str, Any] = {}
        self.port = self.pid = 0
        self.task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.site.wallbox_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    async def start(self) -> dict[str, Any]:
        """A life of it."""
        text = config(self.folder, self.home.box.ski, self.port).replace("fuse_a = 20", "fuse_a = 40")
        path = self.folder / "site.toml"
        path.write_text(text)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([str(path), SPEED, self.home.clock.now().isoformat()]).encode() + b"\n")
        first = await self._line("pid")
        self.port, self.pid = first["eebus"], first["pid"]
        self.task = asyncio.create_task(self._listen())
        return first

    async def _line(self, with_: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        while True:
            line = await self.process.stdout.readline()
            assert line, "the site ended"
            if line.startswith(b"{") and with_ in (told := dict(json.loads(line))):
                return told

    async def _listen(self) -> None:
        while True:
            self.told = await self._line("session")

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    async def kill(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        if self.pid:
            self.signal(signal.SIGKILL)
        self.told, self.pid = {}, 0

    async def close(self) -> None:
        await self.kill()
        self.process.kill()
        await self.process.wait()

    def rows(self) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.folder / "site.db")) as connection:
            query = "select number, energy_wh, end_reason from session where point = 'b' order by number"
            return connection.execute(query).fetchall()


@contextlib.asynccontextmanager
async def killed(folder: Path) -> AsyncIterator[tuple[Property, Process]]:
    async with property_of(SPEED) as home:
        site = Process(folder, home)
        await site.open()
        try:
            yield home, site
        finally:
            await site.close()


async def test_a_kill_in_the_middle_of_a_session(tmp_path: Path) -> None:
    async with killed(tmp_path) as (home, site):
        first = await site.start()
        await home.meet(first["ski"], first["eebus"])
        assert await until(lambda: site.told.get("fallback") == 6.0, 20), "the fallback is what the owner says of the wallbox"
        home.world.plug("b", "family", 0.3)
        home.box.plug()
        assert await until(lambda: home.current_a("b") > 15, 20)
        assert await until(lambda: site.rows()[0][1] > 50, 20), "some energy is in the store"
        session = site.told["session"]

        site.signal(signal.SIGSTOP)  # the connection stands, but nothing comes any more
        assert await until(lambda: home.box.allowed_a == 6.0, 10), "without our heartbeat it falls to its own safe current"
        site.signal(signal.SIGCONT)
        assert await until(lambda: home.box.allowed_a > 15, 20), "and goes on when it is back"

        await site.kill()
        at = home.clock.now()
        assert await until(lambda: home.box.allowed_a == 6.0, 10), "without us it falls to its own safe current"
        assert (home.clock.now() - at).total_seconds() < 4.0 + 6.0, (
            "4 s after our last heartbeat, and a second of the wall's for a busy machine"
        )
        lost = site.rows()
        await asyncio.sleep(0.5)
        assert home.current_a("b") > 5.5, "and charges on with it"

        second = await site.start()
        assert second["ski"] == first["ski"]
        assert await until(lambda: site.told.get("session") == session and home.box.allowed_a > 15, 30), "the same session goes on"
        true_wh = home.energy_wh("b")
        home.world.unplug("b")
        home.box.unplug()
        assert await until(lambda: site.rows()[0][2], 10)
        ((number, energy, reason),) = site.rows()
        assert (str(number), reason) == (session, "EVDisconnected")
        assert lost[0][1] < energy
        assert abs(energy - true_wh) <= 25
        assert home.world.mishaps == []
