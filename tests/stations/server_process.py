"""A Central System in a process of its own, for test_kill: it kills itself once at each point named on its command line.

    python server_process.py DATABASE PORT [KIND:before|after ...]

KIND:before dies before the event is stored, KIND:after when it is stored and not yet answered.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from ocpp_kit import DurableSink

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp import CentralSystem, ServerSettings, StationSettings
from chargebridge.stations.port import TransactionEvent


class MortalSink(DurableSink):
    """Dies at its points, once at each; what is left of them is kept beside the database."""

    def __init__(self, path: Path, points: list[str]) -> None:
        super().__init__(path)
        self.path = path
        self.points = points

    def _note(self, kind: str, event: TransactionEvent) -> None:
        self._die_at(f"{kind}:before")
        super()._note(kind, event)

    def _die_at(self, point: str) -> None:
        mark = self.path.with_suffix("." + point.replace(":", "-"))
        if point in self.points and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    async def transaction_started(self, event: TransactionEvent) -> object:  # type: ignore[override]
        answer = await super().transaction_started(event)
        self._die_at("started:after")
        return answer

    async def transaction_updated(self, event: TransactionEvent) -> None:
        await super().transaction_updated(event)
        self._die_at("updated:after")

    async def transaction_ended(self, event: TransactionEvent) -> object:  # type: ignore[override]
        answer = await super().transaction_ended(event)
        self._die_at("ended:after")
        return answer


async def main(database: str, port: str, *points: str) -> None:
    sink = MortalSink(Path(database), list(points))
    stations = [StationSettings(identity="CP-1", security_profile=0, sample_interval_s=1)]
    async with CentralSystem(ServerSettings(port=int(port)), stations, sink, WallClock()):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
