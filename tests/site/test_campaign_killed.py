"""A firmware campaign and kill -9: the site is a process of its own, the stations outlive it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from tests.site.kit import CONFIG, until
from tests.site.scripted import Scripted
from tests.site.whole import free_port

PROGRAM = "from chargebridge.app.cli import main; main()"


@contextlib.asynccontextmanager
async def site(config: Path) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Killed at the end of the block, without a chance to tidy up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "up", str(config), "--json", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        told = json.loads(await asyncio.wait_for(process.stdout.readline(), 90))
        headers = {"Authorization": f"Bearer {told['token']}"}
        async with httpx.AsyncClient(base_url=f"{told['page']}/api/v1", headers=headers, timeout=20) as client:
            yield client, told["stations"]
    finally:
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    return {s["station"]: s["state"] for s in (await client.get("/campaigns/1")).json()["stations"]}


async def test_kill_9_neither_loses_a_step_nor_sends_an_update_twice(tmp_path: Path) -> None:
    """CP-1 is downloading when the site is killed, installs meanwhile, and comes back with the new firmware; CP-2 has not been asked yet."""
    config = tmp_path / "site.toml"
    text = CONFIG.replace('name = "Test"', f'name = "Test"\nstore = "{tmp_path / "site.db"}"')
    config.write_text(f"{text}\n[web]\nport = 0\n[ocpp]\nport = {free_port()}\n")
    plan: dict[str, Any] = {"name": "spring", "stations": ["CP-1", "CP-2"], "url": "https://firmware.example/2.bin", "version": "2.0"}
    async with site(config) as (client, url):
        first, second = Scripted(url, "CP-1"), Scripted(url, "CP-2", "ocpp2.0.1")
        first.stops_at = "Downloaded"
        await first.start()
        await second.start()
        assert (await client.post("/campaigns", json=plan)).status_code == 200
        assert await until(lambda: first.updates, 20)
        while (await states(client))["CP-1"] != "downloading":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await first.stop()
    await second.stop()
    async with site(config) as (client, _):
        assert await states(client) == {"CP-1": "downloading", "CP-2": "waiting"}
        first.firmware = "2.0"
        await first.start()
        await second.start()
        while (await client.get("/campaigns/1")).json()["state"] != "done":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        assert await states(client) == {"CP-1": "installed", "CP-2": "installed"}
        assert (first.updates, second.updates) == (1, 1)
        commands = (await client.get("/stations/CP-1/commands")).json()
        assert [c["action"] for c in commands if c["action"] == "UpdateFirmware"] == ["UpdateFirmware"]
    await first.stop()
    await second.stop()
