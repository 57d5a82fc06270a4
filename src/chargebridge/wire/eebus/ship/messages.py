"""SHIP's messages, bytes <-> values (SHIP 1.0.1, chapter 13.4).

A message is one binary WebSocket message: a byte for its type, then EEBUS JSON with one element.

    0 init      00 00
    1 control   connectionHello, messageProtocolHandshake(Error), connectionPinState, accessMethodsRequest, accessMethods
    2 data      data: a header, and one SPINE datagram as payload
    3 end       connectionClose

The payload of a data message is carried as bytes and not looked into: what is wrong with a datagram is SPINE's affair.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from chargebridge.wire.eebus import json
from chargebridge.wire.eebus.errors import JsonError
from chargebridge.wire.eebus.ship.errors import ShipError

INIT, CONTROL, DATA, END = range(4)

SPINE = "ee1.0"  # the protocolId of SPINE, the only one there is
JSON_UTF8 = "JSON-UTF8"

Milliseconds = Annotated[int, Meta(ge=0)]


class HelloPhase(StrEnum):
    READY = "ready"
    PENDING = "pending"
    ABORTED = "aborted"


class HandshakeType(StrEnum):
    ANNOUNCE_MAX = "announceMax"
    SELECT = "select"


class PinState(StrEnum):
    REQUIRED = "required"
    OPTIONAL = "optional"
    PIN_OK = "pinOk"
    NONE = "none"


class ClosePhase(StrEnum):
    ANNOUNCE = "announce"
    CONFIRM = "confirm"


class Element(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Fields stand in the order of the schema; what is None is not sent, and unknown elements of the peer's are passed over."""


class Init(Element, frozen=True):
    """Connection mode initialisation (13.4.3)."""


class ConnectionHello(Element, frozen=True):
    """waiting: for how long the sender still waits for the other to be ready."""

    phase: HelloPhase
    waiting: Milliseconds | None = None
    prolongation_request: bool | None = None


class Version(Element, frozen=True):
    major: int
    minor: int


class Formats(Element, frozen=True):
    format: tuple[str, ...]


class MessageProtocolHandshake(Element, frozen=True):
    handshake_type: HandshakeType
    version: Version
    formats: Formats


class MessageProtocolHandshakeError(Element, frozen=True):
    """error: 0 not further told, 1 timeout, 2 unexpected message, 3 selection mismatch."""

    error: int


class ConnectionPinState(Element, frozen=True):
    pin_state: PinState


class AccessMethodsRequest(Element, frozen=True):
    pass


class AccessMethods(Element, frozen=True):
    """id: the SHIP ID of the sender; some of SHIP 1.0 send none."""

    id: str | None = None


class ConnectionClose(Element, frozen=True):
    """max_time: how long the sender waits for the confirmation. reason: unspecific, or removedConnection if the pairing is over."""

    phase: ClosePhase
    max_time: Milliseconds | None = None
    reason: str | None = None


class Data(Struct, frozen=True):
    """payload: a SPINE datagram as EEBUS JSON, as it came or goes."""

    payload: bytes


Message = (
    Init
    | ConnectionHello
    | MessageProtocolHandshake
    | MessageProtocolHandshakeError
    | ConnectionPinState
    | AccessMethodsRequest
    | AccessMethods
    | ConnectionClose
    | Data
)

ELEMENTS: dict[int, dict[str, type[Element]]] = {
    CONTROL: {
        "connectionHello": ConnectionHello,
        "messageProtocolHandshake": MessageProtocolHandshake,
        "messageProtocolHandshakeError": MessageProtocolHandshakeError,
        "connectionPinState": ConnectionPinState,
        "accessMethodsRequest": AccessMethodsRequest,
        "accessMethods": AccessMethods,
    },
    END: {"connectionClose": ConnectionClose},
}
_NAMES = {kind: (number, name) for number, kinds in ELEMENTS.items() for name, kind in kinds.items()}

_envelope = msgspec.json.Decoder(dict[str, list[dict[str, msgspec.Raw]] | dict[str, msgspec.Raw]])


def encode(message: Message) -> bytes:
    """The binary WebSocket message."""
    if isinstance(message, Init):
        return bytes((INIT, 0))
    if isinstance(message, Data):
        # The payload is of type "any" and therefore stands bare, unlike everything else.
        return b'\2{"data":[{"header":[{"protocolId":"' + SPINE.encode() + b'"}]},{"payload":' + message.payload + b"}]}"
    number, name = _NAMES[type(message)]
    return bytes((number,)) + json.encode({name: msgspec.to_builtins(message)})


def decode(frame: bytes, max_bytes: int = json.MAX_BYTES) -> Message:
    """The message in one binary WebSocket message. Raises ShipError."""
    if not frame:
        raise ShipError("byte 0", "an empty message", "send the type byte and what belongs to it")
    number, text = frame[0], frame[1:]
    if number == INIT:
        if text not in (b"", b"\0"):
            raise ShipError("byte 1", f"init with {text[:16].hex()} instead of 00", "send 00 00 and wait for the answer")
        return Init()
    if len(text) > max_bytes:
        raise ShipError("$", f"{len(text)} bytes, more than {max_bytes}", "send less in one message")
    if number == DATA:
        return Data(_payload(text))
    if number not in ELEMENTS:
        raise ShipError("byte 0", f"no message type {number}", "send 0 init, 1 control, 2 data or 3 end")
    return _element(number, text, max_bytes)


def _element(number: int, text: bytes, max_bytes: int) -> Message:
    try:
        elements = json.decode(text, max_bytes)
    except JsonError as error:
        raise ShipError(error.position, error.reason, error.cure) from None
    name = next(iter(elements), "")
    kind = ELEMENTS[number].get(name)
    if kind is None or len(elements) != 1:
        known = ", ".join(ELEMENTS[number])
        raise ShipError("$", f"{', '.join(elements)[:60] or 'nothing'} in a message of type {number}", f"send one of {known}")
    content = elements[name]
    if content == []:
        content = {}
    try:
        return msgspec.convert(content, kind)  # type: ignore[return-value]
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        raise ShipError(f"$.{name}{place.rstrip('`')}", reason, "send the element as SHIP 1.0.1 chapter 13.4 has it") from None


def _payload(text: bytes) -> bytes:
    try:
        content = _envelope.decode(text.strip(b"\0 \t\r\n"))["data"]
        parts = content if isinstance(content, list) else [content]
        elements = {name: bytes(raw) for part in parts for name, raw in part.items()}
        header = json.decode(b'{"header":' + elements["header"] + b"}")["header"]
        payload = elements["payload"]
    except KeyError as error:
        raise ShipError("$.data", f"no {error.args[0]}", 'send {"data":[{"header":[..]},{"payload":{..}}]}') from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, JsonError) as error:
        raise ShipError("$.data", f"no data message: {error}", 'send {"data":[{"header":[..]},{"payload":{..}}]}') from None
    if not isinstance(header, dict) or header.get("protocolId") != SPINE:
        raise ShipError("$.data.header", "the protocol is not SPINE", f"send protocolId {SPINE}")
    return payload
