"""The asking side of a MEP port as a state machine: what to send, and what an answer means.

| state | happens | then | told |
|---|---|---|---|
| idle | ``read`` | waiting | - |
| waiting | 00, digest right | idle | ``Answer`` |
| waiting | 0C, digest right | waiting | ``Repeat`` with the number that the meter expects; ``DecodeError`` when that does not help |
| waiting | 0B | idle | ``DecodeError`` KEY |
| waiting | another code, digest right | idle | ``DecodeError`` UNSUPPORTED |
| waiting | digest wrong | idle | ``DecodeError`` KEY |
| waiting | ``timed_out`` | idle | ``DecodeError`` TRUNCATED |
| idle | a packet | idle | ``DecodeError`` NOISE |
| any | 00 00 | the same | ``Alert`` |

A response's digest covers the request with its number, so that an old response cannot pass for a new one.
"""

from msgspec import Struct

from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Protocol, error
from chargebridge.wire.osgp.digest import KEY_SIZE, digest
from chargebridge.wire.osgp.packet import SEQUENCE_SIZE, Alert, Code, Packet, PacketFramer, partial_read, signed

RESPONSE_S = 0.5
"""The meter begins its response within this time."""
PAUSE_S = 0.1
"""Least time between a response and the next request."""
GAP_S = 0.05
"""Longest silence inside a packet."""
BURST, BURST_PAUSE_S = 117, 0.025
"""After so many bytes the sender pauses. Requests to read are shorter."""

_REPEATS = 3
_NO_KEY = "check the key (MBK) with the grid operator; a meter exchange changes it"
_REASONS = {
    Code.UNRECOGNISED: "does not recognise the request",
    Code.UNSUPPORTED: "does not support the request",
    Code.NO_PERMISSION: "does not permit the request",
    Code.NOT_POSSIBLE: "cannot do it now",
    Code.TABLE_NOT_POSSIBLE: "has no such table, or not so much of it",
}


class Answer(Struct, frozen=True):
    """The bytes of a table from ``offset`` on, authenticated."""

    table: int
    offset: int
    data: bytes


class Repeat(Struct, frozen=True):
    """To be sent after ``PAUSE_S``: the same request under another number."""

    packet: bytes


MepEvent = Answer | Repeat | Alert | DecodeError


class MepClient:
    """One connection. key: the MBK, of which the first 16 bytes count."""

    def __init__(self, key: bytes, sequence: int = 0) -> None:
        self._key = key[:KEY_SIZE]
        self._sequence = sequence
        self._framer = PacketFramer()
        self._asked: tuple[int, int, int] | None = None
        self._request = b""
        self._told: int | None = None
        self._repeats = 0

    @property
    def waiting(self) -> bool:
        """A request has no answer yet."""
        return self._asked is not None

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their packet."""
        return self._framer.pending

    def read(self, table: int, offset: int, count: int) -> bytes:
        """The packet that asks for ``count`` bytes of a table. Raises ``RuntimeError`` while a request has no answer yet."""
        if self._asked is not None:
            raise RuntimeError("one request at a time")
        self._framer.forget()
        self._asked = (table, offset, count)
        self._repeats, self._told = 0, None
        return self._packet()

    def receive(self, data: bytes) -> list[MepEvent]:
        """Take bytes from the meter."""
        return [self._judged(found) if isinstance(found, Packet) else found for found in self._framer.feed(data)]

    def timed_out(self) -> DecodeError:
        """No whole answer came in time."""
        held = self._framer.pending
        self._framer.forget()
        self._asked = None
        reason = f"answer breaks off after {held} bytes" if held else "the meter does not answer"
        return error(
            Protocol.MEP,
            ErrorKind.TRUNCATED,
            0,
            reason,
            "check that the port is enabled (contact 18), and that transmit and receive are not exchanged",
        )

    def _packet(self) -> bytes:
        assert self._asked is not None
        self._request = partial_read(*self._asked) + self._sequence.to_bytes(SEQUENCE_SIZE, "big")
        return signed(b"", self._request, self._key)

    def _judged(self, packet: Packet) -> MepEvent:
        if self._asked is None:
            return error(
                Protocol.MEP, ErrorKind.NOISE, packet.offset, "an answer that nobody asked for", "check that only one client uses the port"
            )
        code = packet.body[0]
        if code == Code.AUTHENTICATION:
            return self._refused(packet, ErrorKind.KEY, "the meter refuses our key", _NO_KEY)
        if digest(self._request + packet.body, self._key) != packet.digest:
            return self._refused(packet, ErrorKind.KEY, "the answer's digest is wrong: another key, or a damaged answer", _NO_KEY)
        if code == Code.SEQUENCE and len(packet.body) == 1 + SEQUENCE_SIZE:
            return self._renumbered(packet)
        if code != Code.OK:
            table, _, _ = self._asked
            reason = _REASONS.get(Code(code), "") if code in _REASONS else f"answers with code {code:#04x}"
            return self._refused(
                packet, ErrorKind.UNSUPPORTED, f"table {table:#06x}: the meter {reason}", "see the list of supported meters"
            )
        return self._answer(packet)

    def _renumbered(self, packet: Packet) -> MepEvent:
        """Go on with the number that the meter names; some name the last one they took, so that the next one is tried when it is named again."""
        named = int.from_bytes(packet.body[1:], "big")
        self._repeats += 1
        if self._repeats > _REPEATS:
            return self._refused(
                packet, ErrorKind.CONTENT, "the meter takes no sequence number", "check that only one client uses the port"
            )
        self._sequence = (named + (named == self._told)) % 2**32
        self._told = named
        return Repeat(self._packet())

    def _answer(self, packet: Packet) -> MepEvent:
        assert self._asked is not None
        table, offset, count = self._asked
        data = packet.body[3:]
        if len(packet.body) < 3 or int.from_bytes(packet.body[1:3], "big") != len(data) or len(data) != count:
            return self._refused(
                packet, ErrorKind.CONTENT, f"table {table:#06x}: {len(data)} bytes came of {count}", "keep the answer and report it"
            )
        self._asked = None
        self._sequence = (self._sequence + 1) % 2**32
        return Answer(table, offset, data)

    def _refused(self, packet: Packet, kind: ErrorKind, reason: str, cure: str) -> DecodeError:
        self._asked = None
        if kind is ErrorKind.UNSUPPORTED:  # it was authenticated, so that its number is used up
            self._sequence = (self._sequence + 1) % 2**32
        return error(Protocol.MEP, kind, packet.offset, reason, cure)
