"""A site with a point under calibration law in a process of its own, to be killed by itself at a step. Each line on standard input,
[folder, configuration, port, speed of the clock, where that begins, step], is one life of it in a fork."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from chargebridge.site.desk import StationDesk
from tests.site.kit import bench


def die_at(step: str) -> None:
    """step: "before" or "after", and what the station tells: "started", "updated" or "ended". After: it is durable, and not answered yet."""
    when, _, what = step.partition(" ")
    if not what:
        return
    name = f"transaction_{what}"
    told: Callable[..., Awaitable[Any]] = getattr(StationDesk, name)

    async def tell(self: StationDesk, event: Any) -> Any:
        if when == "after":
            await told(self, event)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(StationDesk, name, tell)


async def live(folder: Path, text: str, port: int, speed: float, since: datetime, step: str) -> None:
    die_at(step)
    async with bench(folder, text=text, speed=speed, since=since, port=port):
        await asyncio.sleep(600)


if __name__ == "__main__":
    for line in sys.stdin:
        folder, text, port, speed, since, step = json.loads(line)
        child = os.fork()
        if child == 0:
            asyncio.run(live(Path(folder), text, port, speed, datetime.fromisoformat(since), step))
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)
