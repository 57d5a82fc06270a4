"""A site with wallboxes in a process of its own, to be killed: folder, configuration, speed of its clock and where that begins as arguments."""

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path

from tests.site.kit import bench


async def main(folder: Path, text: str, speed: float, since: datetime) -> None:
    async with bench(folder, text=text, speed=speed, since=since) as site:
        assert site.eebus is not None
        print(json.dumps({"ski": site.eebus.hub.identity.ski, "eebus": site.eebus.hub.port, "ocpp": site.central.port}), flush=True)
        while True:
            point = site.point("b")
            offer = point.offers[-1].current_a if point.offers else None
            print(json.dumps({"session": point.session and point.session.id, "offer": offer, "fallback": point.fallback_a}), flush=True)
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]).read_text(), float(sys.argv[3]), datetime.fromisoformat(sys.argv[4])))
