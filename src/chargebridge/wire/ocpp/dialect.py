"""One version of OCPP as data: its name on the wire, its messages, its spelling of errors; and typed decoding."""

import re
from typing import Any

import msgspec

from chargebridge.wire.ocpp import v16, v21, v201
from chargebridge.wire.ocpp.errors import SPELLING_16, ErrorCode, PayloadError
from chargebridge.wire.ocpp.payload import Payload, decode_hook, encode_hook

_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


class Dialect:
    """What a connection needs to know of its OCPP version.

    name: the websocket subprotocol. messages: action -> (request type, response type). dated: the actions whose requests
    carry their own time stamps, so that two with one id and one text are one message sent twice; others may repeat an id
    and a text after a reboot and mean it. answers_unreadable: whether a frame without a readable id is answered with "-1".
    sent: actions that are told and never answered (2.1, SEND). disputes: whether an unusable answer is told to its sender (2.1,
    CALLRESULTERROR). extends: the version that this one only adds to, so that what is asked and answered in its types is valid here as well.
    """

    def __init__(
        self,
        name: str,
        messages: dict[str, tuple[type[Payload], type[Payload]]],
        spelling: dict[ErrorCode, str],
        dated: frozenset[str],
        answers_unreadable: bool,
        sent: dict[str, type[Payload]] | None = None,
        disputes: bool = False,
        extends: "Dialect | None" = None,
    ) -> None:
        self.name = name
        self.messages = messages
        self.dated = dated
        self.answers_unreadable = answers_unreadable
        self.disputes = disputes
        self.sent = sent or {}
        self._spelling = spelling
        self._requests = {action: _decoder(pair[0]) for action, pair in messages.items()}
        self._responses = {action: _decoder(pair[1]) for action, pair in messages.items()}
        self._sent = {action: _decoder(kind) for action, kind in self.sent.items()}
        self._actions: dict[type[Payload], str] = dict(extends._actions) if extends else {}
        self._actions |= {pair[0]: action for action, pair in messages.items()} | {kind: action for action, kind in self.sent.items()}

    def __repr__(self) -> str:
        return f"<Dialect {self.name}>"

    def spell(self, code: ErrorCode) -> str:
        return self._spelling.get(code, code.value)

    def action(self, request: Payload) -> str:
        """The action that a request belongs to. Raises KeyError for the type of a version that this one does not extend."""
        return self._actions[type(request)]

    def encode(self, payload: Payload) -> bytes:
        return _encoder.encode(payload)

    def decode_request(self, action: str, payload: bytes | msgspec.Raw) -> Payload:
        """A validated request. Raises PayloadError: NotImplemented for an unknown action, else what is wrong with it."""
        decoder = self._requests.get(action)
        if decoder is None:
            raise PayloadError(ErrorCode.NOT_IMPLEMENTED, "$[2]", f"{self.name} has no action {action[:50]!r}",
                               "check the spelling, and the OCPP version that was negotiated")  # fmt: skip
        return _decode(decoder, payload, "$[3]", action)

    def decode_sent(self, action: str, payload: bytes | msgspec.Raw) -> Payload:
        """A validated message of type SEND. Raises PayloadError."""
        decoder = self._sent.get(action)
        if decoder is None:
            raise PayloadError(ErrorCode.NOT_IMPLEMENTED, "$[2]", f"{self.name} sends no {action[:50]!r} without an answer",
                               "send a CALL")  # fmt: skip
        return _decode(decoder, payload, "$[3]", action)

    def decode_response(self, action: str, payload: bytes | msgspec.Raw) -> Payload:
        """The validated answer to `action`. Raises PayloadError."""
        return _decode(self._responses[action], payload, "$[2]", f"{action} response")


def _decoder(kind: type[Payload]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=decode_hook)


def _decode(decoder: msgspec.json.Decoder[Any], payload: bytes | msgspec.Raw, position: str, what: str) -> Payload:
    try:
        message: Payload = decoder.decode(payload)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        code, cure = _classify(reason)
        raise PayloadError(code, position + path.rstrip("`").removeprefix("$"), reason, f"{what}: {cure}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadError(ErrorCode.FORMAT_VIOLATION, position, f"not JSON: {error}", f"{what}: send valid JSON") from None
    return message


# How msgspec words a failed constraint -> the OCPP error code for it (1.6J 4.2.3, 2.0.1 part 4 table 7) and the cure.
_KINDS = (
    (r"missing required field", ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, "send the field"),
    (r"Expected `array` of length", ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, "send as many items as the schema allows"),
    (r"unknown field", ErrorCode.FORMAT_VIOLATION, "leave the field out; it is not in the schema"),
    (r"Invalid (RFC3339|enum)|of length|[<>]=", ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "send a value that the schema allows"),
    (r"Expected", ErrorCode.TYPE_CONSTRAINT_VIOLATION, "send the type that the schema asks for"),
)


def _classify(reason: str) -> tuple[ErrorCode, str]:
    for pattern, code, cure in _KINDS:
        if re.search(pattern, reason):
            return code, cure
    return ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "send a value that the schema allows"


V16 = Dialect(
    "ocpp1.6",
    v16.MESSAGES,
    SPELLING_16,
    dated=frozenset({"StartTransaction", "StopTransaction", "MeterValues"}),
    answers_unreadable=False,
)
V201 = Dialect(
    "ocpp2.0.1",
    v201.MESSAGES,
    {},
    dated=frozenset({"TransactionEvent", "MeterValues"}),
    answers_unreadable=True,
)
V21 = Dialect(
    "ocpp2.1",
    v21.MESSAGES,
    {},
    dated=frozenset({"TransactionEvent", "MeterValues"}),
    answers_unreadable=True,
    sent=v21.SENT,
    disputes=True,
    extends=V201,
)
DIALECTS = {dialect.name: dialect for dialect in (V16, V201, V21)}
