"""The entries of the limit book as a site holds them: of each id the one that counts and those still to come.

What is in force when is ``control.book``'s to say; here is only what has been entered and not been replaced, withdrawn or outlived.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from chargebridge.model.limit import Limit

OVER_SHOWN_S = 3600.0
"""A limit that is over is still shown this long."""


class LimitBook:
    """Iterates over all entries. An id belongs to one source."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Limit, ...]] = {}

    def __iter__(self) -> Iterator[Limit]:
        return (limit for entries in self._entries.values() for limit in entries)

    def of(self, name: str) -> tuple[Limit, ...]:
        """The entries of an id, by their beginnings."""
        return self._entries.get(name, ())

    def enter(self, limit: Limit) -> None:
        """Add an entry, without those that it replaces; by it the source is heard for all entries of the id."""
        kept = [_heard(other, limit.received_at) for other in self.of(limit.id) if not limit.replaces(other)]
        self._entries[limit.id] = tuple(sorted([*kept, limit], key=lambda entry: entry.starts_at))

    def withdraw(self, name: str, starts_at: datetime | None = None) -> tuple[Limit, ...]:
        """Take out the entries of an id, or the one that begins then. Returns them."""
        gone = tuple(limit for limit in self.of(name) if starts_at is None or limit.starts_at == starts_at)
        self._remove(gone)
        return gone

    def drop(self, now: datetime) -> tuple[Limit, ...]:
        """Forget entries whose successor has begun, and those that ended long ago, unless their source is still supervised. Returns them."""
        standing = {id(limit) for limit in self.standing(now)}
        gone = tuple(limit for limit in self if id(limit) not in standing or _is_over(limit, now))
        self._remove(gone)
        return gone

    def standing(self, now: datetime) -> Iterator[Limit]:
        """Of each id the entry that counts now, or did until it ended, and those to come."""
        for entries in self._entries.values():
            begun = [limit for limit in entries if limit.begun(now)]
            if begun:
                yield max(begun, key=lambda limit: (limit.counts_from, limit.received_at))
            yield from (limit for limit in entries if not limit.begun(now))

    def _remove(self, gone: tuple[Limit, ...]) -> None:
        for name in {limit.id for limit in gone}:
            left = tuple(limit for limit in self._entries[name] if limit not in gone)
            if left:
                self._entries[name] = left
            else:
                del self._entries[name]


def _heard(limit: Limit, at: datetime) -> Limit:
    return limit if limit.max_age_s is None else replace(limit, heard_at=max(at, limit.heard_at or at))


def _is_over(limit: Limit, now: datetime) -> bool:
    if limit.duration_s is None or limit.max_age_s is not None:
        return False
    return (now - limit.starts_at).total_seconds() > limit.duration_s + OVER_SHOWN_S
