"""What both ends of an association can do: InitiateRequest and InitiateResponse (IEC 62056-53 clause 9.4.6.1), both ways.

``01 | 00 no key | 00 answers wanted | 00 no quality | 06 | 5F 1F 04 00 conformance 3 | longest APDU 2`` asks,
``08 | 00 no quality | 06 | 5F 1F 04 00 conformance 3 | longest APDU 2 | 0007`` answers.
"""

from typing import ClassVar

from msgspec import Struct

from chargebridge.wire.cosem.errors import CosemError, ErrorKind

INITIATE_REQUEST, INITIATE_RESPONSE, SERVICE_ERROR = 0x01, 0x08, 0x0E
_LN_VAA = 0x0007
_VERSION = 6
_CONFORMANCE = b"\x5f\x1f\x04\x00"
_CONFORMANCE_SHORT = b"\x5f\x04\x00"


class Conformance:
    """Bits of the conformance block (clause 9.4.6.1), bit 0 the highest of 24."""

    BLOCK_GET: ClassVar[int] = 1 << 23 - 11
    MULTIPLE_REFERENCES: ClassVar[int] = 1 << 23 - 14
    GET: ClassVar[int] = 1 << 23 - 19
    SELECTIVE_ACCESS: ClassVar[int] = 1 << 23 - 21
    ACTION: ClassVar[int] = 1 << 23 - 23
    OURS: ClassVar[int] = BLOCK_GET | MULTIPLE_REFERENCES | GET | SELECTIVE_ACCESS | ACTION


class Initiate(Struct, frozen=True):
    """What both sides can do. max_pdu: the longest APDU that its sender takes, 0 for no limit."""

    conformance: int = Conformance.OURS
    max_pdu: int = 0xFFFF


def build_initiate(own: Initiate, *, response: bool = False) -> bytes:
    """``response``: the meter's."""
    common = bytes((_VERSION,)) + _CONFORMANCE + own.conformance.to_bytes(3, "big") + own.max_pdu.to_bytes(2, "big")
    if response:
        return bytes((INITIATE_RESPONSE, 0)) + common + _LN_VAA.to_bytes(2, "big")
    return bytes((INITIATE_REQUEST, 0, 0, 0)) + common


def parse_initiate(data: bytes, *, response: bool) -> Initiate:
    """Raises ``CosemError``; a request with a dedicated key or a quality of service is one that we do not serve."""
    head = bytes((INITIATE_RESPONSE, 0)) if response else bytes((INITIATE_REQUEST, 0, 0, 0))
    if response and data[:1] == bytes((SERVICE_ERROR,)):
        raise CosemError(ErrorKind.REJECTED, f"the meter refuses the association: service error {data[1:].hex()}")
    at = len(head) + 1 + len(_CONFORMANCE)
    size = at + 5 + (2 if response else 0)
    # Some meters leave the second byte of the conformance's tag out.
    if data[len(head) + 1 :].startswith(_CONFORMANCE_SHORT):
        at, size = at - 1, size - 1
    elif not data[len(head) + 1 :].startswith(_CONFORMANCE):
        size = -1
    if not data.startswith(head) or len(data) != size or data[len(head)] != _VERSION:
        raise CosemError(ErrorKind.ANSWER, f"{data.hex()[:80]} is no Initiate of version {_VERSION}")
    return Initiate(int.from_bytes(data[at : at + 3], "big"), int.from_bytes(data[at + 3 : at + 5], "big"))
