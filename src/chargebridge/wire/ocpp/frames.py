"""The OCPP-J envelope: one JSON array per websocket text frame (1.6J chapter 4, 2.0.1 and 2.1 part 4 chapter 4).

    CALL            [2, id, action, payload]
    CALLRESULT      [3, id, payload]
    CALLERROR       [4, id, code, description, details]
    CALLRESULTERROR [5, id, code, description, details]     2.1: the answer with this id cannot be used
    SEND            [6, id, action, payload]                2.1: told, never answered

Payloads stay raw here; `dialect` knows their types, and whether its version has the last two.
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from chargebridge.wire.ocpp.errors import ErrorCode, FrameError

CALL, CALL_RESULT, CALL_ERROR, CALL_RESULT_ERROR, SEND = 2, 3, 4, 5, 6
OPENING_BRACE = ord("{")
MAX_ID = 36  # characters; room for a UUID
MAX_FRAME = 128 * 1024  # bytes; a replayed MeterValues is 2 kB, a device-model report page seldom 100 kB
UNREADABLE_ID = "-1"  # what a 2.0.1 CALLERROR carries when the message's own id could not be read (part 4, 4.2.3)
NOT_A_FRAME = "send one JSON array: [2, id, action, payload], [3, id, payload] or [4, id, code, description, details]"


class Call(Struct, frozen=True):
    id: str
    action: str
    payload: Raw


class CallResult(Struct, frozen=True):
    id: str
    payload: Raw


class CallError(Struct, frozen=True):
    """code: as it came, in the sender's spelling, which need not be one of the standard's."""

    id: str
    code: str
    description: str = ""
    details: dict[str, Any] = {}


class CallResultError(CallError, frozen=True):
    """What the peer says of an answer of ours; fields as in `CallError`."""


class Send(Struct, frozen=True):
    id: str
    action: str
    payload: Raw


Frame = Call | CallResult | CallError | CallResultError | Send
T = TypeVar("T")

_call = msgspec.json.Decoder(tuple[int, str, str, Raw])
_result = msgspec.json.Decoder(tuple[int, str, Raw])
_parts = msgspec.json.Decoder(list[Raw])
_encoder = msgspec.json.Encoder()


def parse(data: str | bytes, max_frame: int = MAX_FRAME, *, six_types: bool = False) -> Frame:
    """One frame from its text. six_types: whether 5 and 6 are known (2.1). Raises FrameError."""
    if len(data) > max_frame:
        raise FrameError(ErrorCode.RPC_FRAMEWORK_ERROR, "$", f"{len(data)} bytes, more than {max_frame}",
                         "split the message, or raise the frame limit")  # fmt: skip
    try:
        kind, message_id, action, payload = _call.decode(data)
        if kind == CALL and 0 < len(message_id) <= MAX_ID and _is_object(payload):
            return Call(message_id, action, payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # not a well-formed CALL: the slow way tells what it is, or what is wrong with it
    try:
        kind, message_id, payload = _result.decode(data)
        if kind == CALL_RESULT and 0 < len(message_id) <= MAX_ID and _is_object(payload):
            return CallResult(message_id, payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    return _parse_slowly(data, six_types)


def _parse_slowly(data: str | bytes, six_types: bool) -> Frame:
    """Take the frame apart piece by piece: for the rarer types, and to say precisely what is wrong."""
    try:
        parts = _parts.decode(data)
    except msgspec.ValidationError as error:
        raise FrameError(ErrorCode.RPC_FRAMEWORK_ERROR, "$", str(error), NOT_A_FRAME) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(ErrorCode.RPC_FRAMEWORK_ERROR, "$", f"not JSON: {error}", NOT_A_FRAME) from None
    kind = _piece(parts, 0, int, None, None)
    message_id = _piece(parts, 1, str, None, kind)
    if not 0 < len(message_id) <= MAX_ID:
        raise FrameError(ErrorCode.RPC_FRAMEWORK_ERROR, "$[1]", f"a message id of {len(message_id)} characters",
                         f"use 1 to {MAX_ID}", message_id[:MAX_ID] or None, kind)  # fmt: skip
    lengths = _LENGTHS if six_types else _LENGTHS_BEFORE_21
    if kind not in lengths:
        raise FrameError(ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED, "$[0]", f"message type {kind}",
                         f"use 2 to {max(lengths)} with this version of OCPP", message_id, kind)  # fmt: skip
    low, high = lengths[kind]
    if kind in (CALL, SEND) and len(parts) == low - 1:
        raise FrameError(ErrorCode.PROTOCOL_ERROR, "$", "no payload", "send {} when there is nothing to say", message_id, kind)
    if not low <= len(parts) <= high:
        raise FrameError(ErrorCode.RPC_FRAMEWORK_ERROR, "$", f"{len(parts)} elements in a message of type {kind}",
                         NOT_A_FRAME, message_id, kind)  # fmt: skip
    if kind in (CALL_ERROR, CALL_RESULT_ERROR):
        return _error_frame(parts, message_id, CallError if kind == CALL_ERROR else CallResultError)
    position = len(parts) - 1
    action = "" if kind == CALL_RESULT else _piece(parts, 2, str, message_id, kind)
    if not _is_object(parts[position]):
        raise FrameError(ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"$[{position}]", "the payload is no JSON object",
                         "send {} when there is nothing to say", message_id, kind)  # fmt: skip
    if kind == CALL_RESULT:
        return CallResult(message_id, parts[position])
    return (Call if kind == CALL else Send)(message_id, action, parts[position])


_LENGTHS_BEFORE_21 = {CALL: (4, 4), CALL_RESULT: (3, 3), CALL_ERROR: (3, 5)}
_LENGTHS = _LENGTHS_BEFORE_21 | {CALL_RESULT_ERROR: (3, 5), SEND: (4, 4)}


def _error_frame(parts: list[Raw], message_id: str, kind: type[CallError]) -> CallError:
    """A CALLERROR or CALLRESULTERROR, read generously: it is the end of an exchange, so refusing it would help nobody."""
    values: list[Any] = [_decode_or_none(part) for part in parts[2:]] + [None, None]
    code, description, details = values[:3]
    return kind(
        message_id,
        code if isinstance(code, str) else "",
        description if isinstance(description, str) else "",
        details if isinstance(details, dict) else {},
    )


def _decode_or_none(part: Raw) -> Any:
    try:
        return msgspec.json.decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _piece(parts: list[Raw], index: int, kind: type[T], message_id: str | None, message_type: int | None) -> T:
    if index >= len(parts):
        raise FrameError(ErrorCode.RPC_FRAMEWORK_ERROR, "$", f"only {len(parts)} elements", NOT_A_FRAME, message_id, message_type)
    try:
        return msgspec.json.decode(parts[index], type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(ErrorCode.RPC_FRAMEWORK_ERROR, f"$[{index}]", str(error), NOT_A_FRAME, message_id, message_type) from None


def _is_object(payload: Raw) -> bool:
    return memoryview(payload)[0] == OPENING_BRACE


def emit_call(message_id: str, action: str, payload: bytes) -> str:
    """The text of a CALL; payload: encoded JSON object."""
    return f'[2,"{message_id}","{action}",{payload.decode()}]'


def emit_result(message_id: str, payload: bytes) -> str:
    """The text of a CALLRESULT; the id is the peer's, so it is escaped."""
    return f"[3,{_encoder.encode(message_id).decode()},{payload.decode()}]"


def emit_send(message_id: str, action: str, payload: bytes) -> str:
    """The text of a SEND; payload: encoded JSON object."""
    return f'[6,"{message_id}","{action}",{payload.decode()}]'


def emit_error(message_id: str, code: str, description: str, details: dict[str, Any], kind: int = CALL_ERROR) -> str:
    """The text of a CALLERROR or CALLRESULTERROR; description: cut to the 255 characters that all versions allow."""
    return _encoder.encode([kind, message_id, code, description[:255], details]).decode()
