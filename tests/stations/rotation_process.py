"""A Central System in a process of its own, for test_kill_rotation: it gives its station a new password and dies at a named point.

python rotation_process.py STORE PORT [store:before | store:after | proven:before]
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ocpp_kit import PASSWORD, DurableSink

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp import CentralSystem, ServerSettings, StationSettings
from chargebridge.stations.ocpp.security import Security
from chargebridge.stations.ocpp.vault import Credentials, Vault
from chargebridge.store import Database, passwords
from chargebridge.store.passwords import hash_password


class MortalVault(Vault):
    def __init__(self, database: Database, point: str) -> None:
        super().__init__(database)
        self.point = point

    async def change(self, station: str, change: Callable[[Credentials], Credentials], now: datetime) -> Credentials:
        proves = change(self.credentials(station)).next_hashes == ()
        what = "proven" if proves else "store"
        self._die_at(f"{what}:before")
        changed = await super().change(station, change, now)
        self._die_at(f"{what}:after")
        return changed

    def _die_at(self, point: str) -> None:
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


passwords.COST = 16  # of what a hash costs other tests tell


async def main(store: str, port: str, point: str = "") -> None:
    clock = WallClock()
    database = Database.open(Path(store))
    security = Security(clock, database=database)
    security.vault = security.credentials._vault = MortalVault(database, point)
    stations = [StationSettings(identity="CP-1", password_hash=hash_password(PASSWORD))]
    async with CentralSystem(ServerSettings(port=int(port)), stations, DurableSink(":memory:"), clock, security) as central:
        station = central.station("CP-1")
        assert station is not None
        while point != "none" and not point.startswith("proven"):
            await asyncio.sleep(0.02)
            if station.online and station.session is not None:
                await security.rotate_password("CP-1")
                break
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
