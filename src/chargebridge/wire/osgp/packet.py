"""MEP packets: ``length(2) code ...``; integers of the packet itself are most significant byte first (MEP Client Developer's Guide, 078-0372).

Request: ``length code table(2) [offset(3) count(2)] sequence(4) digest(8)``, the digest over code to sequence.
Response: ``length code ... digest(8)``, the digest over the request's code to sequence and the response's code to end.
``00 00`` alone: the meter wants attention; it says so once a second.
"""

from enum import IntEnum

from msgspec import Struct

from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Protocol, error
from chargebridge.wire.osgp.digest import SIZE as DIGEST_SIZE
from chargebridge.wire.osgp.digest import digest

MAX_PACKET = 512
"""A packet has at most 476 bytes."""
SEQUENCE_SIZE = 4
PARTIAL_READ_SIZE = 8


class Code(IntEnum):
    """Of requests, and of responses. A response is never as long as to be taken for a request: it answers one."""

    FULL_READ = 0x30
    PARTIAL_READ = 0x3F
    FULL_WRITE = 0x40
    PARTIAL_WRITE = 0x4F

    OK = 0x00
    UNRECOGNISED = 0x01
    UNSUPPORTED = 0x02
    NO_PERMISSION = 0x03
    NOT_POSSIBLE = 0x04
    TABLE_NOT_POSSIBLE = 0x05
    AUTHENTICATION = 0x0B
    SEQUENCE = 0x0C


class Alert(Struct, frozen=True):
    """``00 00``."""


class Packet(Struct, frozen=True):
    """What stands between the length and the digest, and the digest. offset: of its first byte in the stream."""

    body: bytes
    digest: bytes
    offset: int


def partial_read(table: int, offset: int, count: int) -> bytes:
    """The body of a request for ``count`` bytes of a table from ``offset`` on."""
    return bytes((Code.PARTIAL_READ,)) + table.to_bytes(2, "big") + offset.to_bytes(3, "big") + count.to_bytes(2, "big")


def signed(signature_over: bytes, body: bytes, key: bytes) -> bytes:
    """The packet of ``body``, with the digest over ``signature_over`` and ``body``."""
    whole = body + digest(signature_over + body, key)
    return len(whole).to_bytes(2, "big") + whole


class PacketFramer:
    """Stream to packets, in either direction. Holds at most ``MAX_PACKET`` bytes between calls."""

    def __init__(self) -> None:
        self._buffer = b""
        self._base = 0

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their packet."""
        return len(self._buffer)

    def forget(self) -> None:
        """Drop a packet that was begun: it did not go on in time."""
        self._base += len(self._buffer)
        self._buffer = b""

    def feed(self, data: bytes) -> list[Packet | Alert | DecodeError]:
        """Take bytes, return what they completed. After a length that cannot be, everything that came is dropped: only silence ends a packet."""
        found: list[Packet | Alert | DecodeError] = []
        buffer, at = self._buffer + data, 0
        while len(buffer) - at >= 2:
            size = int.from_bytes(buffer[at : at + 2], "big")
            end = at + 2 + size
            if not size:
                found.append(Alert())
            elif size <= DIGEST_SIZE or size > MAX_PACKET - 2:
                cure = "check that the port really is a MEP port, at 9600 8N1"
                found.append(error(Protocol.MEP, ErrorKind.NOISE, self._base + at, f"packet of {size} bytes cannot be", cure))
                end = len(buffer)
            elif end > len(buffer):
                break
            else:
                found.append(Packet(buffer[at + 2 : end - DIGEST_SIZE], buffer[end - DIGEST_SIZE : end], self._base + at))
            at = end
        self._buffer = buffer[at:]
        self._base += at
        return found
