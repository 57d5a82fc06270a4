"""Who may charge, as a station knows it by itself: the Local Authorization List and the Authorization Cache (1.6 3.5, 2.0.1 part 2 C10 to C14, D)."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

MAX_ENTRIES = 1000


class Entry(Struct, frozen=True):
    """What is known of a token. status: by its OCPP name. group: the parent or group id."""

    status: str
    expires_at: datetime | None = None
    group: str | None = None

    @property
    def now(self) -> "Entry":
        """What the Central System has just said: its date is for caches and lists (1.6 7.24, 2.0.1 part 2 C10.FR.08)."""
        return Entry(self.status, None, self.group)

    def allows(self, now: datetime) -> bool:
        return self.status == "Accepted" and (self.expires_at is None or now < self.expires_at)


class LocalList:
    """The list that the Central System sends: a whole one, or what changed."""

    def __init__(self) -> None:
        self.version = 0
        self.entries: dict[str, Entry] = {}

    def update(
        self, version: int, kind: Literal["Full", "Differential"], changes: dict[str, Entry | None]
    ) -> Literal["Accepted", "Failed", "VersionMismatch"]:
        """None takes a token off the list. A difference must carry a higher version than the list has (1.6 5.15, D01.FR.19)."""
        if kind == "Differential" and version <= self.version:
            return "VersionMismatch"
        entries = {} if kind == "Full" else dict(self.entries)
        for token, entry in changes.items():
            if entry is None:
                entries.pop(token, None)
            else:
                entries[token] = entry
        if len(entries) > MAX_ENTRIES:
            return "Failed"
        self.version, self.entries = version, entries
        return "Accepted"


class AuthorisationCache:
    """What the Central System answered of late; the oldest goes when it is full."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def keep(self, token: str, entry: Entry) -> None:
        self.entries.pop(token, None)
        self.entries[token] = entry
        while len(self.entries) > MAX_ENTRIES:
            del self.entries[next(iter(self.entries))]

    def clear(self) -> None:
        self.entries.clear()
