"""General block transfer: an APDU too long for one frame, in numbered blocks, each in a frame of its own (IEC 62056-5-3 clause 9.3.5).

``E0 | block-control | block-number 2 | block-number-ack 2 | length | block-data``. Block-control: bit 7 marks the last block, bit 6 streaming,
the lower six are the window. Numbers run from 1. A push expects no acknowledgement, so that a lost block is lost: it costs its APDU.
"""

from msgspec import Struct

from chargebridge.wire.meter import axdr, axdr_encode
from chargebridge.wire.meter.apdu import LLC, MAX_APDU
from chargebridge.wire.meter.telegram import ContentError, ErrorKind, Event, Protocol, error

GENERAL_BLOCK_TRANSFER = 0xE0
_LAST = 0x80
_STREAMING = 0x40
_HEAD = 6


class Block(Struct, frozen=True, gc=False):
    """One block."""

    last: bool
    number: int
    data: bytes


class Joined(Struct, frozen=True, gc=False):
    """A whole APDU. offset: of the first block's frame in the stream. size: of all its frames."""

    data: bytes
    offset: int
    size: int


def is_block(information: bytes) -> bool:
    """A frame's information holds a block, with the LLC header (the first one) or without."""
    at = len(LLC) if information.startswith(LLC) else 0
    return information[at : at + 1] == bytes((GENERAL_BLOCK_TRANSFER,))


def parse(information: bytes) -> Block:
    """The block in a frame's information. Raises ``ContentError``."""
    at = len(LLC) if information.startswith(LLC) else 0
    head = information[at : at + _HEAD]
    if len(head) < _HEAD or len(information) == at + _HEAD:
        raise ContentError(len(information), "too short for a block")
    length, begin = axdr.read_length(information, at + _HEAD)
    if begin + length != len(information):
        raise ContentError(begin, f"a block of {length} bytes cannot fill {len(information) - begin}")
    return Block(bool(head[1] & _LAST), int.from_bytes(head[2:4], "big"), information[begin:])


def blocks(apdu: bytes, size: int) -> list[bytes]:
    """The other way round: the information of each frame, with ``size`` bytes of the APDU in each block and the LLC header before the first."""
    pieces = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    return [
        (LLC if number == 1 else b"")
        + bytes((GENERAL_BLOCK_TRANSFER, _STREAMING | (_LAST if number == len(pieces) else 0)))
        + number.to_bytes(2, "big")
        + bytes(2)
        + axdr_encode.length(len(piece))
        + piece
        for number, piece in enumerate(pieces, 1)
    ]


class BlockJoiner:
    """Joins blocks in order. Holds at most ``MAX_APDU`` bytes.

    When a block is missing, one error is told and the rest of its APDU is passed over in silence.
    """

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._offset = self._size = self._held = 0
        self._number = 0
        self._lost = False

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their APDU."""
        return self._held

    def add(self, information: bytes, offset: int, size: int, events: list[Event]) -> Joined | None:
        """Take a block from the frame at ``offset``; the APDU if it is whole by it. What is wrong is appended to ``events``."""
        try:
            block = parse(information)
        except ContentError as problem:
            self.drop(events)
            events.append(error(Protocol.DLMS, ErrorKind.CONTENT, offset, f"byte {problem.position} of a block: {problem.reason}"))
            return None
        if block.number == 1:
            self.drop(events)
            self._offset = offset
        elif block.number != self._number + 1 or self._lost:
            self._skip(block, offset, events)
            return None
        self._number = block.number
        self._held += len(block.data)
        self._size += size
        if self._held > MAX_APDU:
            events.append(error(Protocol.DLMS, ErrorKind.OVERSIZE, self._offset, f"blocks join to over {MAX_APDU} bytes"))
            self._clear()
            self._number, self._lost = block.number, not block.last
            return None
        self._data.append(block.data)
        if not block.last:
            return None
        whole = Joined(b"".join(self._data), self._offset, self._size)
        self._clear()
        return whole

    def drop(self, events: list[Event]) -> None:
        """Something else follows, or nothing: what is held will never be whole."""
        if self._number and not self._lost:
            reason = f"block {self._number + 1} of a block transfer never came"
            events.append(error(Protocol.DLMS, ErrorKind.TRUNCATED, self._offset, reason))
        self._clear()

    def _skip(self, block: Block, offset: int, events: list[Event]) -> None:
        """A block whose predecessor is missing; one that counts from anew belongs to another APDU, which has lost its begin."""
        if not self._lost or block.number <= self._number:
            at, wanted = (self._offset, self._number + 1) if self._number and not self._lost else (offset, 1)
            reason = f"block {block.number} of a block transfer came, block {wanted} did not"
            events.append(error(Protocol.DLMS, ErrorKind.TRUNCATED, at, reason))
        self._clear()
        if not block.last:
            self._number, self._lost = block.number, True

    def _clear(self) -> None:
        self._data.clear()
        self._size = self._held = self._number = 0
        self._lost = False
