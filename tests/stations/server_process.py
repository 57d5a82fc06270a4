"""A Central System with the site's own store behind it, in a process of its own, for test_kill: every message of a transaction kills it.

    python server_process.py FOLDER PORT UPDATES

Each start, each end and the first UPDATES updates kill it twice by SIGKILL: before they are stored, and when they are stored and not yet answered.
The first process only forks, so that the next server is there at once. Under FOLDER are the database and a mark for each death.
"""

import asyncio
import hashlib
import os
import signal
import sys
from pathlib import Path

from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.sim.world.clock import WallClock
from chargebridge.site.desk import StationDesk
from chargebridge.site.live import Live
from chargebridge.site.tokens import Tokens
from chargebridge.stations.ocpp import CentralSystem, ServerSettings, StationSettings
from chargebridge.stations.port import Authorisation, StartAnswer, TransactionEvent
from chargebridge.store import Database


class MortalDesk(StationDesk):
    """Dies at each message, once before it is stored and once after."""

    folder: Path
    updates: int

    def _die(self, kind: str, moment: str, event: TransactionEvent) -> None:
        name = f"{kind}-{hashlib.blake2b(event.replay_key.encode(), digest_size=8).hexdigest()}"
        known = (self.folder / f"{name}.before").exists()
        if kind == "updated" and not known and len(list(self.folder.glob("updated-*.before"))) >= self.updates:
            return
        mark = self.folder / f"{name}.{moment}"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        self._die("started", "before", event)
        answer = await super().transaction_started(event)
        self._die("started", "after", event)
        return answer

    async def transaction_updated(self, event: TransactionEvent) -> None:
        self._die("updated", "before", event)
        await super().transaction_updated(event)
        self._die("updated", "after", event)

    async def transaction_ended(self, event: TransactionEvent) -> Authorisation | None:
        self._die("ended", "before", event)
        answer = await super().transaction_ended(event)
        self._die("ended", "after", event)
        return answer


async def serve(folder: Path, port: int, updates: int) -> None:
    root = Circuit(id="main", name="Main", fuse_a=(63.0, 63.0, 63.0))
    point = ChargingPoint(id="p", name="P", circuit="main", station="CP-1")
    desk = MortalDesk(
        Live(Topology(circuits=(root,), points=(point,))),
        Database.open(folder / "site.db"),
        WallClock(),
        Tokens((), "remote", open_to_all=True),
        wake=lambda: None,
        tell=lambda *_: None,
        arrived=lambda _: None,
        ask_limits=lambda _: None,
    )
    desk.folder, desk.updates = folder, updates
    stations = [StationSettings(identity="CP-1", security_profile=0, sample_interval_s=1)]
    async with CentralSystem(ServerSettings(port=port), stations, desk, WallClock()):
        await asyncio.Event().wait()


def main(folder: str, port: str, updates: str) -> None:
    while True:
        child = os.fork()
        if child == 0:
            asyncio.run(serve(Path(folder), int(port), int(updates)))
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
