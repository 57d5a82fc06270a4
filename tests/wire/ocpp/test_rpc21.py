"""What OCPP 2.1 adds to a connection: messages that are not answered, and answers that are disputed (part 4, 4.2.4 and 4.2.5)."""

import json
from datetime import UTC, datetime

import pytest

from chargebridge.wire.ocpp import V21, V201, Connection, Disputed, ErrorCode, Failed, Malformed, Told, v21
from chargebridge.wire.ocpp.payload import Payload

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STREAM: Payload = v21.NotifyPeriodicEventStreamRequest(
    id=4, pending=0, basetime=NOW, data=(v21.StreamDataElementType(t=0.5, v="16.2"), v21.StreamDataElementType(t=1.0, v="16.3"))
)


def sent(connection: Connection) -> list[list]:
    return [json.loads(frame) for frame in connection.outgoing(0.0)]


@pytest.mark.ocpp("2.1", "J4.2.4")
@pytest.mark.ocpp("2.1", "J4.1.3")
def test_told_and_not_answered_while_a_call_is_under_way() -> None:
    station, csms = Connection(V21), Connection(V21)
    station.call(v21.HeartbeatRequest(), 5.0)
    assert sent(station)[0][0] == 2
    message_id = station.send(STREAM)
    (frame,) = station.outgoing(0.0)
    assert json.loads(frame)[:3] == [6, message_id, "NotifyPeriodicEventStream"]
    assert csms.receive(frame) == [Told(message_id, "NotifyPeriodicEventStream", STREAM)]
    assert csms.outgoing(0.0) == []


@pytest.mark.parametrize(("frame", "code"), [
    ('[6,"a","Heartbeat",{}]', ErrorCode.NOT_IMPLEMENTED),
    ('[6,"a","NotifyPeriodicEventStream",{"id":1}]', ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION),
])  # fmt: skip
def test_a_bad_send_is_not_answered_either(frame: str, code: ErrorCode) -> None:
    connection = Connection(V21)
    (event,) = connection.receive(frame)
    assert isinstance(event, Malformed)
    assert event.error.code is code
    assert connection.outgoing(0.0) == []


def test_what_is_a_call_is_not_sent() -> None:
    with pytest.raises(KeyError):
        Connection(V21).send(v21.HeartbeatRequest())


@pytest.mark.ocpp("2.1", "J4.2.3")
def test_an_unusable_answer_is_disputed() -> None:
    csms, station = Connection(V21), Connection(V21)
    message_id = csms.call(v21.ResetRequest(type="Immediate"), 5.0)
    sent(csms)
    (event,) = csms.receive(f'[3,"{message_id}",{{"status":"Perhaps"}}]')
    assert isinstance(event, Failed)
    (frame,) = csms.outgoing(0.0)
    kind, answered, code, description, details = json.loads(frame)
    assert (kind, answered, code, details["position"]) == (5, message_id, "PropertyConstraintViolation", "$[2].status")
    assert description
    (told,) = station.receive(frame)
    assert isinstance(told, Disputed)
    assert (told.id, told.error.code) == (message_id, "PropertyConstraintViolation")
    assert station.outgoing(0.0) == [], "a dispute is not disputed"


@pytest.mark.parametrize("kind", [5, 6, 7])
@pytest.mark.ocpp("2.0.1", "J4.1.3")
def test_before_21_these_types_are_unknown(kind: int) -> None:
    connection = Connection(V201)
    (event,) = connection.receive(f'[{kind},"a","Heartbeat",{{}}]')
    assert isinstance(event, Malformed)
    assert event.error.code is ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED
    assert connection.outgoing(0.0) == []
