"""What all decoders that cut a stream share: the bytes that wait for the rest of their frame, where they lie, and how noise is told."""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Protocol, error

FrameT = TypeVar("FrameT")


class Framer(ABC, Generic[FrameT]):
    """Stream to frames, or to what is read from them. Each language says in ``_scan`` how its frames are found.

    unit: what the language calls a frame. longest: bytes that a frame may have; so many bytes of noise are told again. filling: bytes between
    frames that are no noise. noise_cure: None for the usual one. offset: of the first byte in the stream.
    """

    protocol: ClassVar[Protocol]
    longest: ClassVar[int]
    unit: ClassVar[str] = "frame"
    filling: ClassVar[bytes] = b""
    noise_cure: ClassVar[str | None] = None

    def __init__(self, offset: int = 0) -> None:
        self._buffer = b""
        self._base = offset
        """Offset of the buffer's first byte in the stream."""
        self._noise: int | None = None
        """Offset at which noise, or a frame that was lost, was told; None since the last good frame."""
        self._refused_until = 0

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[FrameT | DecodeError]:
        """Take bytes, return what they completed."""
        return self._advance(self._buffer + data, final=False)

    def close(self) -> list[FrameT | DecodeError]:
        """The stream has ended: what is left over is judged."""
        return self._advance(self._buffer, final=True)

    def _advance(self, buffer: bytes, *, final: bool) -> list[FrameT | DecodeError]:
        events: list[FrameT | DecodeError] = []
        done = self._scan(buffer, events, final=final)
        self._buffer = buffer[done:]
        self._base += done
        return events

    @abstractmethod
    def _scan(self, buffer: bytes, events: list[FrameT | DecodeError], *, final: bool) -> int:
        """Add what ``buffer`` holds to ``events``; returns how many of its bytes are done with. final: no more will come."""

    def _error(self, kind: ErrorKind, at: int, reason: str, cure: str | None = None) -> DecodeError:
        return error(self.protocol, kind, self._base + at, reason, cure)

    def _lose(self, kind: ErrorKind, at: int, reason: str, events: list[FrameT | DecodeError]) -> None:
        """Tell a damaged frame; what remains of it further on is not told again as noise."""
        self._noise = self._base + at
        events.append(self._error(kind, at, reason))

    def _refuse(self, kind: ErrorKind, at: int, size: int, reason: str, events: list[FrameT | DecodeError]) -> None:
        """Tell a candidate that failed, but not those that only appear inside the ``size`` bytes of one that was told already."""
        if self._base + at >= self._refused_until:
            self._refused_until = self._base + at + size
            events.append(self._error(kind, at, reason))

    def _skip(self, buffer: bytes, start: int, end: int, events: list[FrameT | DecodeError]) -> None:
        """Bytes outside any frame: one event for each stretch, and another for every further ``longest`` bytes of it."""
        if start >= end or not buffer[start:end].strip(self.filling):
            return
        until = self._base + end
        if until > self._refused_until and (self._noise is None or until - self._noise > self.longest):
            self._noise = max(self._base + start, self._refused_until)
            reason, cure = self._why(buffer[start:end])
            events.append(error(self.protocol, ErrorKind.NOISE, self._noise, reason, cure))

    def _why(self, noise: bytes) -> tuple[str, str | None]:
        """What to say of bytes outside any frame: reason and cure. Some languages can tell more from them."""
        return f"bytes that belong to no {self.unit}", self.noise_cure
