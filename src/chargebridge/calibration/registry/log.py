"""The registry itself: events on disk, the tree above them, signed heads. What was answered is durable; what is durable is never changed.

``propose`` runs one process of ``rules`` and appends its events; ``publish`` signs a head over all there is, which makes what waits public.
On opening everything is looked at anew: each row's bytes, each head's root and signature; the first row that is not as it was logged is named.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, select

from chargebridge.calibration.merkle import EMPTY, MerkleTree, leaf_hash
from chargebridge.calibration.registry import events, rules
from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.calibration.registry.errors import RegistryError, TamperedError
from chargebridge.calibration.registry.events import AnyEvent
from chargebridge.calibration.registry.heads import HeadSigner, TreeHead
from chargebridge.calibration.registry.rules import Entries
from chargebridge.model.clock import Clock
from chargebridge.store import Database
from chargebridge.store.registry_tables import registry_event, registry_head

Process = Callable[[Entries, datetime], Sequence[AnyEvent]]
_RESTORE = "restore the registry's database from a backup, and find out who changed it"


class Row(msgspec.Struct, frozen=True):
    body: bytes
    leaf: bytes


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The confirmation to a CPO: the entry is public. It can be checked without trusting the registry's word alone.

    body: the logged event. index: its place. head: the signed tree head that has it; path: its audit path there.
    """

    entry: KeyEntry
    body: bytes
    index: int
    head: TreeHead
    path: tuple[bytes, ...]


class Registry:
    """Made by ``open``."""

    def __init__(self, database: Database, signer: HeadSigner, clock: Clock) -> None:
        self.entries = Entries()
        self.heads: list[TreeHead] = []
        self._tree = MerkleTree()
        self._bodies: list[bytes] = []
        self._database, self._signer, self._clock = database, signer, clock
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def open(cls, database: Database, signer: HeadSigner, clock: Clock) -> "Registry":
        """Raises TamperedError with the place of the first thing that is not as it was logged."""
        made = cls(database, signer, clock)
        rows, heads = await database.read(_load)
        made._replay(rows, heads)
        return made

    @property
    def head(self) -> TreeHead:
        """The newest; of an empty registry one that nobody signed."""
        return self.heads[-1] if self.heads else TreeHead(size=0, at=self._clock.now(), root=EMPTY)

    @property
    def public_pem(self) -> bytes:
        return self._signer.public_pem

    def __len__(self) -> int:
        return len(self._bodies)

    async def propose(self, process: Process) -> tuple[KeyEntry, ...]:
        """Run a process of ``rules`` on the entries as they are; the entries that it changed. Raises RegistryError, and then nothing has happened."""
        async with self._one_at_a_time:
            made = process(self.entries, self._clock.now())
            bodies = [events.encode(event) for event in made]
            first = len(self._bodies)

            def append(c: Connection) -> None:
                for place, body in enumerate(bodies, first):
                    c.execute(insert(registry_event).values(position=place, body=body, leaf=leaf_hash(body)))

            await self._database.write(append)
            for event, body in zip(made, bodies, strict=True):
                self._take(event, body)
            return tuple(self.entries.by_id[name] for name in dict.fromkeys(event.entry for event in made))

    async def publish(self) -> tuple[KeyEntry, ...]:
        """Sign a head over the log as it is. Returns the entries that became public by it."""
        async with self._one_at_a_time:
            if self.heads and self.heads[-1].size == len(self._bodies):
                return ()
            head = self._signer.sign(len(self._bodies), self._clock.now(), self._tree.root())

            def keep(c: Connection) -> None:
                c.execute(insert(registry_head).values(size=head.size, at=head.at, root=head.root, signature=head.signature))

            await self._database.write(keep)
            self.heads.append(head)
            return tuple(self.entries.published(head.size, head.at))

    def receipt(self, name: str) -> Receipt:
        """What is sent to the CPO when its entry is public. Raises RegistryError before that."""
        entry = self.entries.by_id.get(name)
        head = self.heads[-1] if self.heads else None
        if entry is None:
            raise RegistryError(name, "there is no such entry", "look the charging point up by its EVSE-ID")
        if head is None or entry.index >= head.size:
            raise RegistryError(name, "is not public yet, so it cannot be confirmed", "wait for the next tree head")
        path = tuple(self._tree.inclusion(entry.index, head.size))
        return Receipt(entry=entry, body=self._bodies[entry.index], index=entry.index, head=head, path=path)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Raises RegistryError where the log is not so long."""
        try:
            return self._tree.consistency(old, new)
        except IndexError as error:
            raise RegistryError("log", str(error), "ask for sizes of published heads") from None

    def bodies(self, start: int, end: int) -> list[bytes]:
        """The logged bytes of entries, for those who keep their own copy of the log."""
        return self._bodies[max(start, 0) : max(end, 0)]

    def lookup(self, *, evse: str = "", meter: str = "", at: datetime | None = None) -> list[KeyEntry]:
        """Entries of a charging point or a meter, oldest first; at: only those that a session that began then is judged by."""
        found = self.entries.at(evse) if evse else list(self.entries.by_id.values())
        if meter:
            found = [entry for entry in found if meter.casefold() in (entry.meter.casefold(), entry.gateway.casefold())]
        return [entry for entry in found if at is None or entry.holds_at(at)]

    def may_authorise(self, evse: str) -> RegistryError | None:
        return rules.may_authorise(self.entries, evse, self._clock.now())

    def _take(self, event: AnyEvent, body: bytes) -> None:
        self._bodies.append(body)
        self._tree.append(leaf_hash(body))
        self.entries.apply(event)

    def _replay(self, rows: Sequence[Row], heads: Sequence[TreeHead]) -> None:
        """Events and heads in the order in which they came; each head must be that of the rows before it."""
        for place, row in enumerate(rows):
            if leaf_hash(row.body) != row.leaf:
                raise TamperedError(f"row {place} of the registry's log", "its bytes are not those that were logged", _RESTORE)
        waiting = list(heads)
        since = 0
        for place, row in enumerate(rows):
            since = self._check_heads(waiting, since)
            try:
                self._take(events.decode(row.body), row.body)
            except (msgspec.DecodeError, KeyError) as error:
                raise TamperedError(f"row {place} of the registry's log", f"is no event ({error})", _RESTORE) from None
        self._check_heads(waiting, since)
        if waiting:
            reason = f"a head over {waiting[0].size} rows was signed, and there are {len(rows)}"
            raise TamperedError("the registry's log", reason, _RESTORE)

    def _check_heads(self, waiting: list[TreeHead], since: int) -> int:
        """Takes those heads that are over what has been replayed so far. Returns how far the log is proven to be right."""
        while waiting and waiting[0].size == len(self._bodies):
            head = waiting.pop(0)
            if not self._signer.vouches(head):
                raise TamperedError(f"the head over {head.size} rows", "is not signed by this registry's key", _RESTORE)
            if head.root != self._tree.root():
                raise TamperedError(
                    f"rows {since} to {head.size - 1} of the registry's log",
                    f"are not those of the head of {head.at.isoformat()}",
                    _RESTORE,
                )
            self.heads.append(head)
            self.entries.published(head.size, head.at)
            since = head.size
        return since


def _load(c: Connection) -> tuple[list[Row], list[TreeHead]]:
    """Whoever writes into the file may write anything: another type, another number of rows."""
    rows = c.execute(select(registry_event).order_by(registry_event.c.position)).all()
    for place, row in enumerate(rows):
        where = f"row {place} of the registry's log"
        if row.position != place:
            raise TamperedError(where, "is missing", _RESTORE)
        if not isinstance(row.body, bytes) or not isinstance(row.leaf, bytes):
            raise TamperedError(where, "its bytes are not those that were logged", _RESTORE)
    try:
        heads = c.execute(select(registry_head).order_by(registry_head.c.number)).all()
        return [Row(row.body, row.leaf) for row in rows], [
            TreeHead(size=one.size, at=one.at, root=bytes(one.root), signature=bytes(one.signature)) for one in heads
        ]
    except (ValueError, TypeError) as error:
        raise TamperedError("the registry's heads", f"cannot be read ({error})", _RESTORE) from None
