"""Every registration is confirmed to its operator, never before it is public, and again until the operator has taken it (at least once; one entry's
confirmations are all the same)."""

import asyncio
from datetime import datetime

import httpx
import msgspec
import structlog
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from chargebridge.app.registry_server.schema import shown_receipt
from chargebridge.app.registry_server.settings import CpoTable
from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.calibration.registry.log import Registry
from chargebridge.links.backoff import Backoff
from chargebridge.model.clock import Clock
from chargebridge.store import Database
from chargebridge.store.registry_tables import registry_confirmed

TIMEOUT_S = 10.0
log = structlog.get_logger(__name__)


class Confirmations:
    """One worker an operator, so that one who cannot be reached delays nobody else's."""

    def __init__(self, registry: Registry, cpos: tuple[CpoTable, ...], database: Database, clock: Clock) -> None:
        self._registry, self._database, self._clock = registry, database, clock
        self._urls = {cpo.id: cpo.confirm_url for cpo in cpos if cpo.confirm_url}
        self._bells = {name: asyncio.Event() for name in self._urls}
        self._done: set[str] = set()

    def ring(self) -> None:
        """Something has become public."""
        for bell in self._bells.values():
            bell.set()

    async def run(self) -> None:
        self._done = await self._database.read(_delivered)
        async with asyncio.TaskGroup() as group:
            for name, url in self._urls.items():
                group.create_task(self._serve(name, url), name=f"confirmations to {name}")

    async def _serve(self, cpo: str, url: str) -> None:
        backoff = Backoff(self._clock)
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            while True:
                self._bells[cpo].clear()
                for entry in self._waiting(cpo):
                    while not await self._deliver(client, url, entry):
                        await backoff.wait()
                    backoff.reset()
                await self._bells[cpo].wait()

    def _waiting(self, cpo: str) -> list[KeyEntry]:
        size = self._registry.head.size
        entries = self._registry.entries.by_id.values()
        return [entry for entry in entries if entry.cpo == cpo and entry.index < size and entry.id not in self._done]

    async def _deliver(self, client: httpx.AsyncClient, url: str, entry: KeyEntry) -> bool:
        body = msgspec.json.encode(shown_receipt(self._registry.receipt(entry.id)))
        try:
            answer = await client.post(url, content=body, headers={"Content-Type": "application/json", "Idempotency-Key": entry.id})
            answer.raise_for_status()
        except httpx.HTTPError as error:
            log.warning("a confirmation was not taken; it is sent again", operator=entry.cpo, entry=entry.id, reason=str(error))
            return False
        now = self._clock.now()
        await self._database.write(lambda c: _keep(c, entry.id, now))
        self._done.add(entry.id)
        return True


def _delivered(c: Connection) -> set[str]:
    return {row.entry for row in c.execute(select(registry_confirmed.c.entry))}


def _keep(c: Connection, entry: str, at: datetime) -> None:
    c.execute(insert(registry_confirmed).values(entry=entry, at=at).on_conflict_do_nothing())
