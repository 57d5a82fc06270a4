"""What must be remembered of the car at a wallbox through a restart of ours, so that its session goes on and nothing counts twice.

EEBUS has no transactions: the car that is plugged in is all that a wallbox tells. Each stay of a car gets a transaction of our own making, and is in
the store before the site hears of it.
"""

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.stations.eebus.register import Register
from chargebridge.store import Database
from chargebridge.store.tables import setting

PREFIX = "eebus stay "


class Stay(Struct, frozen=True, kw_only=True):
    """A car's stay. transaction: the site's word for it. identity: what the car says that it is, None as long as it does not. token: what it
    charges as; shown: the one that the site knows of. number: of the newest event. heard_at: the wallbox's last word of it. started, told: the site
    knows of its beginning, of its end. ended: why its transaction ended; gone: the car has left, too.
    """

    transaction: str
    began_at: datetime
    heard_at: datetime
    register: Register = Register()
    identity: str | None = None
    token: str | None = None
    shown: str | None = None
    number: int = 0
    started: bool = False
    ended: str | None = None
    told: bool = False
    gone: bool = False


class Memory:
    """The stays of one wallbox."""

    def __init__(self, database: Database, station: str) -> None:
        self._database = database
        self._prefix = f"{PREFIX}{station}/"

    async def load(self) -> dict[int, Stay]:
        """By EVSE."""
        query = select(setting).where(setting.c.name.startswith(self._prefix, autoescape=True))
        rows = await self._database.read(lambda c: c.execute(query).mappings().all())
        found = {int(row["name"].removeprefix(self._prefix)): row["value"] for row in rows}
        return {evse: msgspec.json.decode(value, type=Stay) for evse, value in found.items()}

    async def keep(self, evse: int, stay: Stay) -> None:
        """Returns when it is durable."""
        name, value = f"{self._prefix}{evse}", msgspec.json.encode(stay).decode()
        row = upsert(setting).values(name=name, value=value)
        statement = row.on_conflict_do_update(index_elements=["name"], set_={"value": value})
        await self._database.write(lambda c: c.execute(statement).rowcount)
