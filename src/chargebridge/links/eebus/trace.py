"""The last frames of every peer, both ways, and what happened to its connection: without these no trouble with pairing can be solved.

Frames are kept as they were; reading them is done when somebody looks, and once.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Literal

from msgspec import Struct

from chargebridge.wire.eebus.readable import Readable, Reader

FRAMES = 500
FRAMES_BYTES, ALL_BYTES, LEAST_BYTES = 256 * 1024, 32 * 1024 * 1024, 16 * 1024
"""Kept of each ring, and of all together: with very many peers each has less, down to the least."""
READERS = 64
"""Peers of one ring of whom is remembered what they have asked."""
STRANGERS = "strangers"
"""All peers that are not trusted share one ring, so that they cannot fill the memory or push out what is of use."""

_NOTIFY, _ROUTINE = b'"cmdClassifier":"notify"', (b'"deviceDiagnosisHeartbeatData":', b'"measurementListData":')
"""Heartbeats and values come all the time: they have a ring of their own, and so do not push out a pairing or a limit of last week."""

Direction = Literal["in", "out", ""]


class Traced(Struct, frozen=True):
    """One frame, or a note of ours (no direction). number: counts all of one trace, from 1. raw: the frame with its type byte, or the note."""

    number: int
    at: datetime
    peer: str
    direction: Direction
    raw: bytes


class Line(Struct, frozen=True):
    """A traced frame as a person reads it; readable: None for a note, which is `text` then."""

    number: int
    at: datetime
    peer: str
    direction: Direction
    size: int
    readable: Readable | None
    text: str


class _Ring:
    """lines: of the first entries, as far as somebody has looked; a frame is read once."""

    def __init__(self) -> None:
        self.entries: deque[Traced] = deque()
        self.lines: deque[Line] = deque()
        self.size = 0
        self._readers: dict[str, Reader] = {}

    def add(self, entry: Traced, most_bytes: int) -> None:
        self.entries.append(entry)
        self.size += len(entry.raw)
        while len(self.entries) > FRAMES or (self.size > most_bytes and len(self.entries) > 1):
            gone = self.entries.popleft()
            self.size -= len(gone.raw)
            if self.lines:
                self.lines.popleft()

    def read(self) -> None:
        """In their order, for a result names only the counter of what it answers."""
        if len(self._readers) > READERS:
            self._readers.clear()
        for entry in islice(self.entries, len(self.lines), None):
            readable, text = None, ""
            if entry.direction:
                readable = self._readers.setdefault(entry.peer, Reader()).read(entry.raw, incoming=entry.direction == "in")
            else:
                text = entry.raw.decode(errors="replace")
                self._readers.pop(entry.peer, None)  # counters begin anew with a connection
            self.lines.append(Line(entry.number, entry.at, entry.peer, entry.direction, len(entry.raw), readable, text))


class Trace:
    """now: the wall's time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._rings: dict[str, _Ring] = {}
        self._number = 0
        self._calls: list[Callable[[Traced], None]] = []

    def frame(self, peer: str, direction: Literal["in", "out"], raw: bytes, *, stranger: bool = False) -> None:
        self._add(peer, direction, raw, stranger)

    def note(self, peer: str, text: str, *, stranger: bool = False) -> None:
        """What happened to a connection of a peer."""
        self._add(peer, "", text.encode(), stranger)

    def on_entry(self, call: Callable[[Traced], None]) -> None:
        """`call` with every new entry; it must be quick and not raise."""
        self._calls.append(call)

    def entries(self, peer: str | None = None, after: int = 0) -> tuple[Traced, ...]:
        """What is kept, the oldest first, of all peers or one. after: the number of the last one already known."""
        found = [entry for ring in self._of(peer) for entry in ring.entries if entry.number > after and peer in (None, entry.peer)]
        return tuple(sorted(found, key=lambda entry: entry.number))

    def lines(self, peer: str | None = None, after: int = 0, limit: int = 200) -> tuple[Line, ...]:
        """The last ones as a person reads them, the oldest first."""
        rings = self._of(peer)
        for ring in rings:
            ring.read()
        found = [line for ring in rings for line in ring.lines if line.number > after and peer in (None, line.peer)]
        return tuple(sorted(found, key=lambda line: line.number)[-limit:])

    def raw(self, number: int) -> bytes | None:
        """A frame as it was on the wire; None where it is not kept any more."""
        return next((entry.raw for ring in self._rings.values() for entry in ring.entries if entry.number == number), None)

    def _of(self, peer: str | None) -> list[_Ring]:
        if peer is None:
            return list(self._rings.values())
        return [ring for name in (peer, _routine(peer), STRANGERS) if (ring := self._rings.get(name))]

    def _add(self, peer: str, direction: Direction, raw: bytes, stranger: bool) -> None:
        self._number += 1
        entry = Traced(self._number, self._now(), peer, direction, raw)
        often = _NOTIFY in raw and any(name in raw for name in _ROUTINE)
        ring = self._rings.setdefault(STRANGERS if stranger else _routine(peer) if often else peer, _Ring())
        ring.add(entry, max(LEAST_BYTES, min(FRAMES_BYTES, ALL_BYTES // len(self._rings))))
        for call in self._calls:
            call(entry)


def _routine(peer: str) -> str:
    return f"{peer} routine"
