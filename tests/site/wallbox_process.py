"""A site with wallboxes in a process of its own, to be killed. Each line on standard input, [configuration, speed of the clock, where that begins],
is one life of it in a fork: so that what it imports is loaded once."""

import asyncio
import json
import os
import sys
from datetime import datetime
from pathlib import Path

from tests.site.kit import bench


async def live(config: Path, text: str, speed: float, since: datetime) -> None:
    async with bench(config.parent, text=text, speed=speed, since=since) as site:
        assert site.eebus is not None
        say(pid=os.getpid(), ski=site.eebus.hub.identity.ski, eebus=site.eebus.hub.port)
        while True:
            point = site.point("b")
            offer = point.offers[-1].current_a if point.offers else None
            say(session=point.session and point.session.id, offer=offer, fallback=point.fallback_a)
            await asyncio.sleep(0.1)


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


if __name__ == "__main__":
    for line in sys.stdin:
        config, speed, since = json.loads(line)
        child = os.fork()
        if child == 0:
            asyncio.run(live(Path(config), Path(config).read_text(), speed, datetime.fromisoformat(since)))
            os._exit(0)
        os.waitpid(child, 0)
