"""The wrapper of COSEM on TCP (IEC 62056-47 clause 5): ``00 01 | source 2 | destination 2 | length 2 | APDU``.

Source and destination are "wrapper ports": the client's address and the logical device's.
"""

import struct
from typing import ClassVar

from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.link import Apdu, LinkEvent, Opened

_HEADER = struct.Struct(">HHHH")
VERSION = 1


def wrap(apdu: bytes, *, source: int, destination: int) -> bytes:
    """One APDU with its header. Raises ``struct.error`` where it has more than 65535 bytes."""
    return _HEADER.pack(VERSION, source, destination, len(apdu)) + apdu


class WrapperLink:
    """``Link`` over the wrapper. There is nothing to open or to close but the TCP connection.

    client, server: our wrapper port and the meter's; the meter in ``sim`` holds it the other way round.
    """

    repeats: ClassVar[bool] = False

    def __init__(self, *, client: int, server: int) -> None:
        self._client, self._server = client, server
        self._buffer = b""

    @property
    def pending(self) -> int:
        return len(self._buffer)

    def open(self) -> tuple[bytes, list[LinkEvent]]:
        return b"", [Opened()]

    def send(self, apdu: bytes) -> bytes:
        return wrap(apdu, source=self._client, destination=self._server)

    def again(self) -> bytes:
        return b""

    def receive(self, data: bytes) -> list[LinkEvent]:
        """The APDUs that ``data`` completes. Raises ``CosemError`` where it is no wrapper: TCP loses nothing, so there is nothing to find again."""
        buffer, at = self._buffer + data, 0
        events: list[LinkEvent] = []
        while len(buffer) - at >= _HEADER.size:
            version, source, destination, length = _HEADER.unpack_from(buffer, at)
            if version != VERSION:
                raise CosemError(ErrorKind.ANSWER, f"{buffer[at : at + 8].hex()} is no wrapper header of version 1")
            if (source, destination) != (self._server, self._client):
                raise CosemError(
                    ErrorKind.ANSWER, f"an answer from {source} to {destination} instead of from {self._server} to {self._client}"
                )
            if len(buffer) - at - _HEADER.size < length:
                break
            at += _HEADER.size
            events.append(Apdu(buffer[at : at + length]))
            at += length
        self._buffer = buffer[at:]
        return events

    def close(self) -> bytes:
        return b""
