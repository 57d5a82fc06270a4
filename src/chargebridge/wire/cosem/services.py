"""GET and ACTION with their answers (IEC 62056-53 clause 9.3).

GET      C0 01 normal, 02 next block, 03 with list         C4 01 normal, 02 block, 03 with list
ACTION   C3 01 normal                                      C7 01 normal
other answers: D8 exception, 0E confirmed service error
"""

from enum import IntEnum
from typing import TypeAlias

from msgspec import Struct

from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.meter import axdr
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.axdr_encode import length
from chargebridge.wire.meter.telegram import ContentError

SERVICE_ERROR, EXCEPTION = 0x0E, 0xD8
GET_REQUEST, GET_RESPONSE, ACTION_REQUEST, ACTION_RESPONSE = 0xC0, 0xC4, 0xC3, 0xC7
NORMAL, BLOCK, LIST = 1, 2, 3
INVOKE = 0xC1
"""Invoke-id 1, confirmed, high priority: one question at a time."""
LIST_MAX = 64


class AccessResult(IntEnum):
    """Why a meter does not tell a value (data-access-result, clause 9.4.6.6)."""

    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    OBJECT_CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_GET_ABORTED = 15
    NO_LONG_GET_IN_PROGRESS = 16
    LONG_SET_ABORTED = 17
    NO_LONG_SET_IN_PROGRESS = 18
    DATA_BLOCK_NUMBER_INVALID = 19
    OTHER_REASON = 250

    @property
    def text(self) -> str:
        return self.name.lower().replace("_", " ")

    @property
    def lasting(self) -> bool:
        """The object is not there, or not for us; asking again does not help."""
        return self not in (AccessResult.HARDWARE_FAULT, AccessResult.TEMPORARY_FAILURE, AccessResult.OTHER_REASON)


class Attribute(Struct, frozen=True, gc=False):
    """One attribute of an object: interface class, six bytes of OBIS code, number. selection: access selector and parameters, encoded."""

    interface: int
    code: bytes
    number: int
    selection: bytes = b""

    @property
    def encoded(self) -> bytes:
        body = self.interface.to_bytes(2, "big") + self.code + self.number.to_bytes(1, "big", signed=True)
        return body + (b"\x01" + self.selection if self.selection else b"\0")


Result: TypeAlias = "Data | AccessResult"


# Questions


def get(attribute: Attribute) -> bytes:
    return bytes((GET_REQUEST, NORMAL, INVOKE)) + attribute.encoded


def get_list(attributes: tuple[Attribute, ...]) -> bytes:
    return bytes((GET_REQUEST, LIST, INVOKE)) + length(len(attributes)) + b"".join(attribute.encoded for attribute in attributes)


def get_next(block: int) -> bytes:
    return bytes((GET_REQUEST, BLOCK, INVOKE)) + block.to_bytes(4, "big")


def action(interface: int, code: bytes, method: int, parameter: bytes) -> bytes:
    """``parameter``: A-XDR, with its tag."""
    return bytes((ACTION_REQUEST, NORMAL, INVOKE)) + interface.to_bytes(2, "big") + code + bytes((method, 1)) + parameter


# Answers


class GetAnswer(Struct, frozen=True):
    """results: of a normal or list answer, in the order of the questions."""

    results: tuple[Result, ...]


class GetBlock(Struct, frozen=True):
    """A piece of an answer that is too long for one APDU. number: from 1. raw: the piece, or why the meter broke off."""

    number: int
    last: bool
    raw: bytes | AccessResult


class ActionAnswer(Struct, frozen=True):
    """result: 0 success, else an action-result. data: what the method returns, None for nothing."""

    result: int
    data: Result = None


Answer = GetAnswer | GetBlock | ActionAnswer


def parse_answer(apdu: bytes) -> Answer:
    """The answer to GET or ACTION. Raises ``CosemError``: of kind REFUSED where the meter says so, ANSWER where it says nothing sensible."""
    try:
        return _answer(apdu)
    except (IndexError, ContentError) as problem:
        reason = problem.reason if isinstance(problem, ContentError) else "its end is missing"
        raise CosemError(ErrorKind.ANSWER, f"{apdu.hex()[:80]} is no answer: {reason}") from None


def _answer(apdu: bytes) -> Answer:
    refuse(apdu)
    tag = apdu[0]
    if tag == SERVICE_ERROR:
        raise CosemError(ErrorKind.REFUSED, f"the meter refuses: service error {apdu[1:5].hex()}")
    kind = apdu[1], apdu[0]
    if kind == (NORMAL, GET_RESPONSE):
        return GetAnswer((_whole(apdu, 3),))
    if kind == (LIST, GET_RESPONSE):
        return GetAnswer(parse_list(apdu[3:]))
    if kind == (BLOCK, GET_RESPONSE):
        return _block(apdu)
    if kind == (NORMAL, ACTION_RESPONSE):
        if apdu[4] == 0:
            return ActionAnswer(apdu[3])
        return ActionAnswer(apdu[3], _whole(apdu, 5))
    raise ContentError(0, f"tag {tag:02x} {apdu[1]:02x} answers neither GET nor ACTION")


def parse_list(data: bytes) -> tuple[Result, ...]:
    """The results of a list, with their count before them. Raises ``ContentError`` or ``IndexError``."""
    count = data[0]
    if count > LIST_MAX:
        raise ContentError(0, f"a list of {count} values, more than were asked")
    results, at = [], 1
    for _ in range(count):
        found, at = _result(data, at)
        results.append(found)
    _ended(data, at)
    return tuple(results)


def parse_data(data: bytes) -> Data:
    """One value, no byte more. Raises ``ContentError``."""
    found, at = axdr.parse(data)
    _ended(data, at)
    return found


def _whole(apdu: bytes, at: int) -> Result:
    found, at = _result(apdu, at)
    _ended(apdu, at)
    return found


def _result(data: bytes, at: int) -> tuple[Result, int]:
    """Get-Data-Result: ``00`` and data, or ``01`` and why not."""
    if data[at] == 0:
        return axdr.parse(data, at + 1)
    if data[at] == 1:
        return access_result(data[at + 1]), at + 2
    raise ContentError(at, f"{data[at]:02x} chooses neither data nor a reason")


def access_result(number: int) -> AccessResult:
    """By its number; "other reason" where that is unknown."""
    return AccessResult(number) if number in AccessResult._value2member_map_ else AccessResult.OTHER_REASON


def _ended(data: bytes, at: int) -> None:
    if at != len(data):
        raise ContentError(at, f"{len(data) - at} bytes follow the value")


def _block(apdu: bytes) -> GetBlock:
    last, number = apdu[3] != 0, int.from_bytes(apdu[4:8], "big")
    if apdu[8] != 0:
        return GetBlock(number, last, access_result(apdu[9]))
    raw, at = axdr.parse(bytes((axdr.OCTETS,)) + apdu[9:])
    assert isinstance(raw, bytes)
    _ended(apdu, at + 8)
    return GetBlock(number, last, raw)


_STATES = {1: "the service is not allowed here", 2: "the service is unknown"}
_SERVICES = {
    1: "operation not possible",
    2: "service not supported",
    3: "other reason",
    4: "the APDU is too long",
    5: "deciphering failed",
    6: "the frame counter is too low",
}
_DECIPHERING, _COUNTER = 5, 6


def refuse(apdu: bytes) -> None:
    """Raises ``CosemError`` where ``apdu`` is an exception response."""
    if apdu[:1] == bytes((EXCEPTION,)):
        raise _exception(apdu)


def _exception(apdu: bytes) -> CosemError:
    if len(apdu) < 3:
        return CosemError(ErrorKind.REFUSED, "the meter refuses, without a reason")
    state, service = apdu[1], apdu[2]
    reason = f"the meter refuses: {_STATES.get(state, f'state {state}')}, {_SERVICES.get(service, f'service error {service}')}"
    if service == _COUNTER:
        expected = f", it expects {int.from_bytes(apdu[3:7], 'big')}" if len(apdu) >= 7 else ""
        return CosemError(ErrorKind.COUNTER, reason + expected)
    return CosemError(ErrorKind.PASSWORD if service == _DECIPHERING else ErrorKind.REFUSED, reason)
