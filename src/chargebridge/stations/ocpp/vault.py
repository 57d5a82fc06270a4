"""What the Central System keeps of its stations' security, durable: credentials, profiles, applicants, certificates.

Everything is held in memory and written through; with no database it lasts as long as the process. A command in another process may decide on
applicants: `applicant` reads the store, so a decision counts from the station's next attempt.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, RowMapping, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from chargebridge.store import Database
from chargebridge.store.tables import station_applicant, station_certificate, station_security

MAX_PENDING, MAX_PENDING_ADDRESS = 256, 16
WRITE_AGAIN_S = 60.0  # an applicant that knocks all the time is not written all the time
PENDING, APPROVED, REFUSED = "pending", "approved", "refused"


class Credentials(Struct, frozen=True, kw_only=True):
    """What was changed at run time; None and empty where what the configuration says still stands.

    profile: the security profile below which the station is not let in any more. upgrade_to: the one it was told to come in by.
    password_hash: in place of the configured one. next_hashes: of passwords that it was sent and has not shown yet.
    """

    station: str
    profile: int | None = None
    upgrade_to: int | None = None
    password_hash: str | None = None
    next_hashes: tuple[str, ...] = ()


class Applicant(Struct, frozen=True, kw_only=True):
    """An unknown station that has knocked. profile: the highest that it could have come in by. state: pending, approved, refused."""

    station: str
    state: str
    remote: str
    profile: int
    first_at: datetime
    last_at: datetime
    vendor: str = ""
    model: str = ""
    serial: str | None = None
    protocol: str = ""
    times: int = 1
    decided_at: datetime | None = None
    decided_by: str | None = None


class CertificateRecord(Struct, frozen=True, kw_only=True):
    """A certificate that a station was given. outcome: what it said to it, None while it has not answered."""

    serial: str
    station: str
    issued_at: datetime
    expires_at: datetime
    outcome: str | None = None
    detail: str = ""
    answered_at: datetime | None = None


class Vault:
    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self._credentials: dict[str, Credentials] = {}
        self._applicants: dict[str, Applicant] = {}
        self._written: dict[str, datetime] = {}
        self._changing = asyncio.Lock()
        self._certificates: dict[str, CertificateRecord] = {}

    async def load(self) -> None:
        """Take up what the store remembers. Raises StoreError."""
        if self._database is None:
            return

        def everything(c: Connection) -> tuple[list[Credentials], list[Applicant], list[CertificateRecord]]:
            certificates = c.execute(select(station_certificate)).mappings()
            return _all_credentials(c), read_applicants(c), [CertificateRecord(**row) for row in certificates]

        credentials, applicants, certificates = await self._database.read(everything)
        self._credentials = {one.station: one for one in credentials}
        self._applicants = {one.station: one for one in applicants}
        self._certificates = {one.serial: one for one in certificates}

    # Credentials

    def credentials(self, station: str) -> Credentials:
        return self._credentials.get(station) or Credentials(station=station)

    async def change(self, station: str, change: Callable[[Credentials], Credentials], now: datetime) -> Credentials:
        """One change after another. Returns what stands now when it is on disk."""
        async with self._changing:
            changed = change(self.credentials(station))
            if self._database is not None:
                await self._database.write(lambda c: write_credentials(c, changed, now))
            self._credentials[station] = changed
            return changed

    # Applicants

    def applicants(self) -> list[Applicant]:
        """Those who were last heard first."""
        return sorted(self._applicants.values(), key=lambda one: one.last_at, reverse=True)

    async def applicant(self, station: str) -> Applicant | None:
        """As the store has it now, with its credentials: a command may have decided in another process."""
        if self._database is not None:

            def one(c: Connection) -> tuple[RowMapping | None, Credentials | None]:
                row = c.execute(select(station_applicant).where(station_applicant.c.station == station)).mappings().first()
                return row, read_credentials(c, station) if row is not None and row["state"] == APPROVED else None

            row, credentials = await self._database.read(one)
            kept = self._applicants.get(station)
            if row is not None and (kept is None or kept.state != row["state"]):
                self._applicants[station] = Applicant(**row)
            if credentials is not None:
                self._credentials[station] = credentials
        return self._applicants.get(station)

    async def knocked(self, applicant: Applicant) -> Applicant:
        """List an applicant, or that it came again. A new one is on disk when this returns; what it told of itself too."""
        known = self._applicants.get(applicant.station)
        if known is None:
            kept = applicant
            await self._make_room(applicant.remote)
        else:
            told = applicant.vendor or applicant.model
            kept = replace(
                applicant if told else known,
                state=known.state,
                first_at=known.first_at,
                times=known.times + (not told),
                last_at=applicant.last_at,
                remote=applicant.remote,
                profile=applicant.profile,
                decided_at=known.decided_at,
                decided_by=known.decided_by,
            )
        self._applicants[applicant.station] = kept
        last = self._written.get(applicant.station)
        fresh = known is None or (kept.vendor, kept.model) != (known.vendor, known.model)
        if self._database is not None and (fresh or last is None or (kept.last_at - last).total_seconds() > WRITE_AGAIN_S):
            self._written[applicant.station] = kept.last_at
            await self._database.write(lambda c: write_applicant(c, kept))
        return kept

    async def decide(self, applicant: Applicant, credentials: Credentials | None, now: datetime) -> None:
        """Approve or refuse; both together or neither is on disk when this returns."""
        if self._database is not None:
            await self._database.write(lambda c: write_decision(c, applicant, credentials, now))
        self._applicants[applicant.station] = applicant
        if credentials is not None:
            self._credentials[applicant.station] = credentials

    async def _make_room(self, remote: str) -> None:
        """A crowd from one address pushes out its own, and of all the largest crowd gives way first."""
        pending = [one for one in self._applicants.values() if one.state == PENDING]
        crowds = Counter(one.remote for one in pending)
        if crowds[remote] >= MAX_PENDING_ADDRESS:
            crowd = remote
        elif len(pending) >= MAX_PENDING:
            crowd = crowds.most_common(1)[0][0]
        else:
            return
        oldest = min((one for one in pending if one.remote == crowd), key=lambda one: one.last_at)
        del self._applicants[oldest.station]
        self._written.pop(oldest.station, None)
        if self._database is not None:
            await self._database.write(lambda c: c.execute(_of(station_applicant, oldest.station)))

    # Certificates

    def certificates(self, station: str | None = None) -> list[CertificateRecord]:
        """The newest first."""
        found = [one for one in self._certificates.values() if station in (None, one.station)]
        return sorted(found, key=lambda one: one.issued_at, reverse=True)

    async def keep_certificate(self, record: CertificateRecord) -> None:
        if self._database is not None:
            await self._database.write(lambda c: _put(c, station_certificate, msgspec.structs.asdict(record), "serial"))
        self._certificates[record.serial] = record


def _all_credentials(c: Connection) -> list[Credentials]:
    return [_credentials(row) for row in c.execute(select(station_security)).mappings()]


def _credentials(row: RowMapping) -> Credentials:
    fields = {name: row[name] for name in ("station", "profile", "upgrade_to", "password_hash")}
    return Credentials(**fields, next_hashes=msgspec.json.decode(row["next_hashes"], type=tuple[str, ...]))


def read_credentials(c: Connection, station: str) -> Credentials | None:
    row = c.execute(select(station_security).where(station_security.c.station == station)).mappings().first()
    return None if row is None else _credentials(row)


def write_credentials(c: Connection, credentials: Credentials, now: datetime) -> None:
    values = msgspec.structs.asdict(credentials) | {"next_hashes": msgspec.json.encode(credentials.next_hashes).decode(), "changed_at": now}
    _put(c, station_security, values, "station")


def read_applicants(c: Connection) -> list[Applicant]:
    return [Applicant(**row) for row in c.execute(select(station_applicant)).mappings()]


def write_applicant(c: Connection, applicant: Applicant) -> None:
    """What somebody has decided meanwhile stands: the state is only written for a new one."""
    values = msgspec.structs.asdict(applicant)
    kept = ("state", "decided_at", "decided_by")
    changed = {name: value for name, value in values.items() if name not in kept}
    c.execute(upsert(station_applicant).values(values).on_conflict_do_update(index_elements=["station"], set_=changed))


def write_decision(c: Connection, applicant: Applicant, credentials: Credentials | None, now: datetime) -> None:
    _put(c, station_applicant, msgspec.structs.asdict(applicant), "station")
    if credentials is not None:
        write_credentials(c, credentials, now)


def _put(c: Connection, table: Any, values: dict[str, Any], key: str) -> None:
    c.execute(upsert(table).values(values).on_conflict_do_update(index_elements=[key], set_=values))


def _of(table: Any, station: str) -> Any:
    return delete(table).where(table.c.station == station)
