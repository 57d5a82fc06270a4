"""GET and ACTION from the meter's side: questions read, answers built (IEC 62056-53 clause 9.3)."""

from msgspec import Struct

from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.services import (
    ACTION_REQUEST,
    ACTION_RESPONSE,
    BLOCK,
    EXCEPTION,
    GET_REQUEST,
    GET_RESPONSE,
    LIST,
    LIST_MAX,
    NORMAL,
    AccessResult,
    Attribute,
    GetBlock,
    parse_data,
)
from chargebridge.wire.meter import axdr
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.axdr_encode import length
from chargebridge.wire.meter.telegram import ContentError


class GetRequest(Struct, frozen=True):
    invoke: int
    attributes: tuple[Attribute, ...]
    listed: bool


class NextRequest(Struct, frozen=True):
    invoke: int
    block: int


class ActionRequest(Struct, frozen=True):
    invoke: int
    interface: int
    code: bytes
    method: int
    parameter: Data


Request = GetRequest | NextRequest | ActionRequest


def parse_request(apdu: bytes) -> Request:
    """A question as a meter reads it. Raises ``CosemError`` where it is none."""
    try:
        return _request(apdu)
    except (IndexError, ContentError) as problem:
        raise CosemError(ErrorKind.ANSWER, f"{apdu.hex()[:80]} is no question: {problem}") from None


def _request(apdu: bytes) -> Request:
    kind = apdu[0], apdu[1]
    if kind == (GET_REQUEST, NORMAL):
        found, at = _attribute(apdu, 3)
        _ended(apdu, at)
        return GetRequest(apdu[2], (found,), False)
    if kind == (GET_REQUEST, LIST):
        found_all, at = [], 4
        if apdu[3] > LIST_MAX:
            raise ContentError(3, f"a list of {apdu[3]} attributes")
        for _ in range(apdu[3]):
            found, at = _attribute(apdu, at)
            found_all.append(found)
        _ended(apdu, at)
        return GetRequest(apdu[2], tuple(found_all), True)
    if kind == (GET_REQUEST, BLOCK):
        _ended(apdu, 7)
        return NextRequest(apdu[2], int.from_bytes(apdu[3:7], "big"))
    if kind == (ACTION_REQUEST, NORMAL):
        parameter = parse_data(apdu[13:]) if apdu[12] else None
        return ActionRequest(apdu[2], int.from_bytes(apdu[3:5], "big"), apdu[5:11], apdu[11], parameter)
    raise ContentError(0, f"tag {apdu[0]:02x} {apdu[1]:02x} is neither GET nor ACTION")


def _ended(apdu: bytes, at: int) -> None:
    if at != len(apdu):
        raise ContentError(at, f"{len(apdu) - at} bytes follow the question")


def _attribute(apdu: bytes, at: int) -> tuple[Attribute, int]:
    selected, end = apdu[at + 9], at + 10
    if selected:
        _, end = axdr.parse(apdu, at + 11)
    number = int.from_bytes(apdu[at + 8 : at + 9], "big", signed=True)
    return Attribute(int.from_bytes(apdu[at : at + 2], "big"), apdu[at + 2 : at + 8], number, apdu[at + 10 : end]), end


def build_get_answer(invoke: int, results: tuple[bytes | AccessResult, ...], *, listed: bool) -> bytes:
    """``results``: A-XDR with its tag, or why not."""
    encoded = b"".join(bytes((1, found)) if isinstance(found, AccessResult) else b"\0" + found for found in results)
    return bytes((GET_RESPONSE, LIST if listed else NORMAL, invoke)) + (length(len(results)) if listed else b"") + encoded


def build_block(invoke: int, block: GetBlock) -> bytes:
    head = bytes((GET_RESPONSE, BLOCK, invoke, block.last)) + block.number.to_bytes(4, "big")
    if isinstance(block.raw, AccessResult):
        return head + bytes((1, block.raw))
    return head + b"\0" + length(len(block.raw)) + block.raw


def build_action_answer(invoke: int, result: int, data: bytes | None = None) -> bytes:
    return bytes((ACTION_RESPONSE, NORMAL, invoke, result)) + (b"\0" if data is None else b"\x01\0" + data)


def build_exception(state: int, service: int, counter: int | None = None) -> bytes:
    return bytes((EXCEPTION, state, service)) + (b"" if counter is None else counter.to_bytes(4, "big"))
