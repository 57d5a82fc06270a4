"""The register's keys as the site sees them: its own store holds the register's log, whoever writes into it.

Keys that stand in the configuration are handed in and published at the start. Others are entered by ``chargebridge registry``, perhaps in a process
of its own; so the log is looked at now and then, and read anew when it has grown.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from chargebridge.calibration.registry import events, rules
from chargebridge.calibration.registry.entry import KeyEntry, KeyState
from chargebridge.calibration.registry.errors import RegistryError
from chargebridge.calibration.registry.events import AnyEvent, KeyRegistered
from chargebridge.calibration.registry.heads import HeadSigner
from chargebridge.calibration.registry.log import Process, Registry
from chargebridge.calibration.registry.plausibility import plausible
from chargebridge.calibration.registry.rules import Entries, Handed, fold
from chargebridge.model.clock import Clock
from chargebridge.site.config import PointTable
from chargebridge.store import Database
from chargebridge.store.registry_tables import registry_event, registry_head
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.record import SignedRecord

Size = tuple[int, int]


def key_file(store: Path) -> Path:
    """Where the key is that the register in a site's store signs its tree heads with."""
    return store.with_name(f"{store.stem}-registry.pem")


class KeyBook:
    """Lookups are by the register as it was read last. trouble: why it cannot be read, "" if it can; then there are no keys."""

    def __init__(self, database: Database, signer: HeadSigner, clock: Clock) -> None:
        self.trouble = ""
        self._database, self._signer, self._clock = database, signer, clock
        self._registry: Registry | None = None
        self._size: Size = (-1, -1)

    async def refresh(self) -> bool:
        """Read the log anew where it has changed. True: it has."""
        size = await self._database.read(_size)
        if size == self._size:
            return False
        try:
            self._registry, self.trouble = await Registry.open(self._database, self._signer, self._clock), ""
        except RegistryError as error:
            self._registry, self.trouble = None, str(error)
        self._size = size
        return True

    def entries(self, evse: str) -> list[KeyEntry]:
        """All that there ever was at an EVSE-ID, oldest first. Its very first key counts from the day that was named for it, even if it was published
        later: nobody could have charged by another."""
        if self._registry is None:
            return []
        found = self._registry.entries.at(evse)
        return [_since_named(self._registry, found[0]), *found[1:]] if found else []

    def key_of(self, record: SignedRecord) -> PublicKey | None:
        """The one that counted at the record's point, or for its meter, when its first value was taken; None too where several might be."""
        if self._registry is None:
            return None
        at = next((reading.at for reading in record.readings if reading.at is not None), self._clock.now())
        found = self.entries(record.point) if record.point else []
        if not found and (meter := record.meter or record.gateway):
            points = dict.fromkeys(entry.evse for entry in self._registry.lookup(meter=meter))
            found = [entry for evse in points for entry in self.entries(evse) if fold(meter) in (fold(entry.meter), fold(entry.gateway))]
        keys = {entry.key.fingerprint(): entry.key for entry in found if entry.holds_at(at)}
        return next(iter(keys.values())) if len(keys) == 1 else None

    async def hand_in(self, points: Sequence[PointTable]) -> list[str]:
        """Register the keys of the configuration that the register does not have yet, and publish them. Returns what was refused, in words."""
        refused: list[str] = []
        texts = [(point.station, point.public_key) for point in points]
        for point in points:
            if point.public_key is None or point.evse_id is None or self._registry is None:
                continue
            try:
                await self._registry.propose(_process(point, shared=texts.count((point.station, point.public_key)) > 1))
            except RegistryError as error:
                refused.append(f"{point.name}: its public key cannot be registered: {error}")
        if self._registry is not None:
            waiting = {point.evse_id for point in points if point.public_key is not None and point.evse_id is not None}
            if any(one.state is KeyState.PENDING for evse in waiting for one in self._registry.entries.at(evse)):
                await self._registry.publish()
        self._size = await self._database.read(_size)
        return refused


def _process(point: PointTable, *, shared: bool) -> Process:
    """What has the key of the configuration be the one that counts; nothing, where it is already. shared: the station signs for several points."""
    evse = point.evse_id or ""
    handed = Handed(
        evse=evse,
        cpo=_operator(evse),
        meter=point.signing_meter,
        format=point.signing_format,
        key=point.public_key or "",
        gateway=point.station if shared else "",
        shared=shared,
    )
    name = f"{point.id}-{secrets.token_hex(4)}"

    def process(entries: Entries, at: datetime) -> list[AnyEvent]:
        key = plausible(handed.key, handed.format, None)
        if any(entry.key.same(key) for entry in entries.at(evse) if entry.valid_to is None):
            return []
        current = entries.current(evse)
        if current is None:
            return rules.commission(entries, handed, name, at)
        succeed = rules.update_firmware if current.meter == handed.meter else rules.replace_meter
        return succeed(entries, current.id, handed, name, at)

    return process


def _operator(evse: str) -> str:
    """Country and party of an EVSE-ID: ``DE*ABC``."""
    return evse[:6] if evse[2:3] == "*" else f"{evse[:2]}*{evse[2:5]}"


def _since_named(registry: Registry, entry: KeyEntry) -> KeyEntry:
    """``valid_from`` as it was handed in: being published moves it."""
    (body,) = registry.bodies(entry.index, entry.index + 1)
    told = events.decode(body)
    if entry.state is KeyState.PENDING or entry.predecessor or entry.valid_from is None or not isinstance(told, KeyRegistered):
        return entry
    return replace(entry, valid_from=min(entry.valid_from, told.valid_from))


def _size(c: Connection) -> Size:
    count = select(func.count())
    return c.execute(count.select_from(registry_event)).scalar_one(), c.execute(count.select_from(registry_head)).scalar_one()
