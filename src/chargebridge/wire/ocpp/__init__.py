"""OCPP 1.6J, 2.0.1 and 2.1 as a language: typed messages, RPC framing and the rules of one connection. No sockets, no clock.

`v16`, `v201`, `v21` hold the messages (generated), `dialect` decodes them, `frames` is the JSON envelope (OCPP-J), `rpc` the
state of one connection. Bytes in, events out:

    connection = Connection(V16)
    for event in connection.receive(text, now):
        if isinstance(event, CallReceived):
            connection.answer(event, v16.HeartbeatResponse(current_time=...))
    for text in connection.outgoing(now): ...
"""

from chargebridge.wire.ocpp.dialect import DIALECTS, V16, V21, V201, Dialect
from chargebridge.wire.ocpp.errors import ErrorCode, FrameError, OcppError, PayloadError
from chargebridge.wire.ocpp.frames import Call, CallError, CallResult, CallResultError, Send
from chargebridge.wire.ocpp.rpc import Answered, CallReceived, Connection, Disputed, Event, Failed, Malformed, Mended, Told

__all__ = [
    "DIALECTS",
    "V16",
    "V21",
    "V201",
    "Answered",
    "Call",
    "CallError",
    "CallReceived",
    "CallResult",
    "CallResultError",
    "Connection",
    "Dialect",
    "Disputed",
    "ErrorCode",
    "Event",
    "Failed",
    "FrameError",
    "Malformed",
    "Mended",
    "OcppError",
    "PayloadError",
    "Send",
    "Told",
]
