"""Who asks, and whether the meter takes it: AARQ, AARE, RLRQ and RLRE (IEC 62056-53 annex D; ISO/IEC 8650-1), BER with definite lengths.

``60 | A1 context | A6 client title | 8A requirements | 8B mechanism | AC password or challenge | BE InitiateRequest`` asks,
``61 | A1 context | A2 result | A3 diagnostic | A4 meter title | 88 requirements | 89 mechanism | AA challenge | BE InitiateResponse`` answers.
"""

from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.meter.axdr_encode import length

AARQ, AARE, RLRQ, RLRE = 0x60, 0x61, 0x62, 0x63
_OID = b"\x60\x85\x74\x05\x08"  # joint-iso-ccitt(2) country(16) country-name(756) identified-organisation(5) DLMS-UA(8)
_CONTEXT, _MECHANISM = _OID + b"\x01", _OID + b"\x02"
_LOGICAL_NAMES, _LOGICAL_NAMES_CIPHERED = 1, 3
_AUTHENTICATED = b"\x07\x80"
_USER_INFORMATION = 0xBE
MAX_DEPTH_BYTES = 4096


class Mechanism(IntEnum):
    """How the client proves itself: not at all, by a password (LLS), or by a challenge under GMAC (HLS mechanism 5)."""

    NONE = 0
    PASSWORD = 1
    GMAC = 5


class Aarq(Struct, frozen=True):
    """What a client asks for. title: its system title. proof: the password, or its challenge. user: InitiateRequest, perhaps enciphered."""

    user: bytes
    ciphered: bool = False
    mechanism: int = Mechanism.NONE
    title: bytes | None = None
    proof: bytes | None = None


class Aare(Struct, frozen=True):
    """What the meter answers. result: 0 accepted, 1 and 2 rejected. provider: the diagnostic is the provider's and not the user's."""

    result: int
    diagnostic: int
    user: bytes | None = None
    ciphered: bool = False
    mechanism: int | None = None
    title: bytes | None = None
    challenge: bytes | None = None
    provider: bool = False


DIAGNOSTICS = {
    0: (ErrorKind.REJECTED, "without a reason"),
    1: (ErrorKind.REJECTED, "gives no reason"),
    2: (ErrorKind.REJECTED, "does not know this application context: ciphered= is the other way"),
    11: (ErrorKind.REJECTED, "does not know this way to prove oneself: another auth= is wanted"),
    12: (ErrorKind.REJECTED, "wants the way to prove oneself to be named"),
    13: (ErrorKind.PASSWORD, "the proof of identity is wrong"),
    14: (ErrorKind.PASSWORD, "wants a proof of identity: auth="),
    15: (ErrorKind.REJECTED, "the client's title is wrong"),
    16: (ErrorKind.REJECTED, "the client's title is wanted"),
}
"""acse-service-user diagnostics; 14 (authentication required) goes with result 0 where the challenge is still open."""
AUTHENTICATION_REQUIRED = 14


def refusal(answer: Aare) -> CosemError:
    """The error that an AARE with another result than 0 stands for."""
    kind, reason = DIAGNOSTICS.get(answer.diagnostic, (ErrorKind.REJECTED, f"diagnostic {answer.diagnostic}"))
    if answer.provider:
        kind, reason = ErrorKind.REJECTED, f"the provider's diagnostic is {answer.diagnostic}"
    return CosemError(kind, f"the meter refuses the association: {reason}")


def _tlv(tag: int, value: bytes) -> bytes:
    return bytes((tag,)) + length(len(value)) + value


def build_aarq(asked: Aarq) -> bytes:
    fields = _tlv(0xA1, _tlv(6, _CONTEXT + bytes((_LOGICAL_NAMES_CIPHERED if asked.ciphered else _LOGICAL_NAMES,))))
    if asked.title is not None:
        fields += _tlv(0xA6, _tlv(4, asked.title))
    if asked.mechanism != Mechanism.NONE:
        fields += _tlv(0x8A, _AUTHENTICATED) + _tlv(0x8B, _MECHANISM + bytes((asked.mechanism,)))
    if asked.proof is not None:
        fields += _tlv(0xAC, _tlv(0x80, asked.proof))
    return _tlv(AARQ, fields + _tlv(_USER_INFORMATION, _tlv(4, asked.user)))


def build_aare(answer: Aare) -> bytes:
    fields = _tlv(0xA1, _tlv(6, _CONTEXT + bytes((_LOGICAL_NAMES_CIPHERED if answer.ciphered else _LOGICAL_NAMES,))))
    fields += _tlv(0xA2, _tlv(2, bytes((answer.result,))))
    fields += _tlv(0xA3, _tlv(0xA2 if answer.provider else 0xA1, _tlv(2, bytes((answer.diagnostic,)))))
    if answer.title is not None:
        fields += _tlv(0xA4, _tlv(4, answer.title))
    if answer.mechanism is not None:
        fields += _tlv(0x88, _AUTHENTICATED) + _tlv(0x89, _MECHANISM + bytes((answer.mechanism,)))
    if answer.challenge is not None:
        fields += _tlv(0xAA, _tlv(0x80, answer.challenge))
    if answer.user is not None:
        fields += _tlv(_USER_INFORMATION, _tlv(4, answer.user))
    return _tlv(AARE, fields)


def build_release(tag: int, user: bytes | None = None) -> bytes:
    """RLRQ or RLRE: reason normal, and in a ciphered context the InitiateRequest or -Response again."""
    return _tlv(tag, _tlv(0x80, b"\0") + (b"" if user is None else _tlv(_USER_INFORMATION, _tlv(4, user))))


def parse_aarq(data: bytes) -> Aarq:
    """Raises ``CosemError`` where ``data`` is none."""
    fields = _fields(data, AARQ)
    return Aarq(
        user=_inner(fields, _USER_INFORMATION) or b"",
        ciphered=_context(fields),
        mechanism=_mechanism(fields, 0x8B) or 0,
        title=_inner(fields, 0xA6),
        proof=_inner(fields, 0xAC),
    )


def parse_aare(data: bytes) -> Aare:
    """Raises ``CosemError`` where ``data`` is none."""
    fields = _fields(data, AARE)
    result = _inner(fields, 0xA2)
    diagnostic = dict(_elements(fields.get(0xA3, b"")))
    provider = 0xA2 in diagnostic
    number = _inner(diagnostic, 0xA2 if provider else 0xA1)
    if not result or not number:
        raise CosemError(ErrorKind.ANSWER, f"{data.hex()[:80]} is an AARE without a result")
    return Aare(
        result=result[-1],
        diagnostic=number[-1],
        user=_inner(fields, _USER_INFORMATION),
        ciphered=_context(fields),
        mechanism=_mechanism(fields, 0x89),
        title=_inner(fields, 0xA4),
        challenge=_inner(fields, 0xAA),
        provider=provider,
    )


def _fields(data: bytes, tag: int) -> dict[int, bytes]:
    if len(data) > MAX_DEPTH_BYTES or data[:1] != bytes((tag,)):
        raise CosemError(ErrorKind.ANSWER, f"{data.hex()[:40]} stands where tag {tag:02x} should")
    ((_, body),) = list(_elements(data))[:1]
    return dict(_elements(body))


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents, one after the other."""
    at = 0
    while at < len(data):
        start = at + 2
        size = data[at + 1] if start <= len(data) else -1
        if size >= 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2 : start], "big") if 0x81 <= size <= 0x82 else -1
        if size < 0 or start + size > len(data):
            raise CosemError(ErrorKind.ANSWER, f"{data.hex()[:80]} is no BER: byte {at} has no end")
        yield data[at], data[start : start + size]
        at = start + size


def _inner(fields: dict[int, bytes], tag: int) -> bytes | None:
    """The content of the one element inside field ``tag``, None where the field is absent."""
    if tag not in fields:
        return None
    for _, content in _elements(fields[tag]):
        return content
    raise CosemError(ErrorKind.ANSWER, f"field {tag:02x} of the association is empty")


def _context(fields: dict[int, bytes]) -> bool:
    """Whether the application context is the ciphered one."""
    name = _inner(fields, 0xA1)
    if name is None or name[:-1] != _CONTEXT or name[-1] not in (_LOGICAL_NAMES, _LOGICAL_NAMES_CIPHERED):
        shown = "none" if name is None else name.hex()
        raise CosemError(
            ErrorKind.REJECTED, f"application context {shown} is not that of logical names", "this meter needs short names: not read here"
        )
    return name[-1] == _LOGICAL_NAMES_CIPHERED


def _mechanism(fields: dict[int, bytes], tag: int) -> int | None:
    name = fields.get(tag)
    if name is None:
        return None
    if name[:-1] != _MECHANISM:
        raise CosemError(ErrorKind.ANSWER, f"authentication mechanism {name.hex()} is unknown")
    return name[-1]
