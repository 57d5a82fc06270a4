"""The rules of one connection, without sockets: who may say what when, and what becomes of what goes wrong."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargebridge.wire.ocpp import V16, V201, Answered, CallReceived, Connection, Dialect, ErrorCode, Failed, Malformed, v16
from chargebridge.wire.ocpp.rpc import MAX_OPEN, MAX_REMEMBERED, Answers

NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = '{"connectorId":1,"idTag":"T","meterStart":0,"timestamp":"2026-03-01T00:00:00Z"}'
STARTED = v16.StartTransactionResponse(id_tag_info=v16.IdTagInfo(status="Accepted"), transaction_id=7)


def sent(connection: Connection, now: float = 0.0) -> list[Any]:
    return [json.loads(frame) for frame in connection.outgoing(now)]


def received(connection: Connection, frame: str) -> CallReceived:
    (event,) = connection.receive(frame)
    assert isinstance(event, CallReceived)
    return event


@pytest.mark.ocpp("1.6", "J4.2.1", "J4.2.2")
@pytest.mark.ocpp("2.0.1", "J4.2.1", "J4.2.2")
@pytest.mark.ocpp("2.1", "J4.2.1", "J4.2.2")
def test_a_call_and_its_answer() -> None:
    connection = Connection(V16)
    message_id = connection.call(v16.ResetRequest(type="Soft"), 5.0)
    assert sent(connection) == [[2, message_id, "Reset", {"type": "Soft"}]]
    (event,) = connection.receive(f'[3,"{message_id}",{{"status":"Accepted"}}]')
    assert event == Answered(message_id, "Reset", v16.ResetResponse(status="Accepted"))
    assert connection.deadline is None


def test_one_call_at_a_time_urgent_ones_first_and_in_order() -> None:
    connection = Connection(V16)
    slow, later = (connection.call(v16.ResetRequest(type="Soft"), 5.0) for _ in range(2))
    urgent = [connection.call(v16.ClearCacheRequest(), 5.0, urgent=True) for _ in range(2)]
    order = []
    for _ in range(4):
        (frame,) = sent(connection)
        assert sent(connection) == []
        order.append(frame[1])
        connection.receive(f'[3,"{frame[1]}",{{"status":"Accepted"}}]')
    assert order == [*urgent, slow, later]


def test_a_call_in_time_out() -> None:
    connection = Connection(V16)
    first = connection.call(v16.ResetRequest(type="Soft"), 5.0)
    second = connection.call(v16.ClearCacheRequest(), 5.0)
    sent(connection, 100.0)
    assert connection.deadline == 105.0
    assert connection.expire(104.9) == []
    assert connection.expire(105.0) == [Failed(first, "Reset", timed_out=True)]
    assert sent(connection, 105.0)[0][1] == second
    assert connection.receive(f'[3,"{first}",{{"status":"Accepted"}}]') == [], "late: not taken for the second's"
    assert connection.counters.late == 1
    (event,) = connection.receive(f'[3,"{second}",{{"status":"Accepted"}}]')
    assert isinstance(event, Answered)


@pytest.mark.parametrize(
    "answer", ['[3,"{}",{{"status":42}}]', '[3,"{}",{{}}]', '[3,"{}",[]]', '[3,"{}"]', '[3,"{}",{{"status":"Accepted","x":1}}]']
)
def test_an_unusable_answer_ends_the_call(answer: str) -> None:
    connection = Connection(V16)
    message_id = connection.call(v16.ResetRequest(type="Soft"), 5.0)
    sent(connection)
    (event,) = connection.receive(answer.format(message_id))
    assert isinstance(event, Failed)
    assert event.error is not None
    assert not event.timed_out
    assert sent(connection) == [], "an answer is never answered"


def test_a_call_error_ends_the_call() -> None:
    connection = Connection(V16)
    message_id = connection.call(v16.ResetRequest(type="Soft"), 5.0)
    sent(connection)
    (event,) = connection.receive(f'[4,"{message_id}","NotSupported","no",{{}}]')
    assert isinstance(event, Failed)
    assert event.error.code == "NotSupported"  # type: ignore[union-attr]


def test_withdrawn_before_and_after_sending() -> None:
    connection = Connection(V16)
    first = connection.call(v16.ResetRequest(type="Soft"), 5.0)
    second = connection.call(v16.ResetRequest(type="Hard"), 5.0, urgent=True)
    assert connection.withdraw(second)
    assert sent(connection)[0][1] == first
    assert not connection.withdraw(first)


def test_another_versions_message_cannot_be_sent() -> None:
    with pytest.raises(KeyError):
        Connection(V201).call(v16.ClearCacheRequest(), 5.0)


def test_answers_go_out_while_a_call_waits() -> None:
    connection = Connection(V16)
    connection.call(v16.ResetRequest(type="Soft"), 5.0)
    sent(connection)
    call = received(connection, '[2,"a","Heartbeat",{}]')
    connection.answer(call, v16.HeartbeatResponse(current_time=NOW))
    assert sent(connection) == [[3, "a", {"currentTime": "2026-03-01T00:00:00Z"}]]


@pytest.mark.ocpp("1.6", "J4.1.4")
@pytest.mark.ocpp("2.0.1", "J4.1.4")
@pytest.mark.ocpp("2.1", "J4.1.4")
def test_a_message_sent_twice() -> None:
    """While it is worked on the second is dropped; once answered, it is answered again, also on the next connection."""
    answers = Answers()
    connection = Connection(V16, answers)
    call = received(connection, f'[2,"a","StartTransaction",{START}]')
    assert connection.receive(f'[2,"a","StartTransaction",{START}]') == []
    connection.answer(call, STARTED)
    first = sent(connection)
    assert len(first) == 1
    assert connection.receive(f'[2,"a","StartTransaction",{START}]') == []
    assert sent(connection) == first
    successor = Connection(V16, answers)
    assert successor.receive(f'[2,"a","StartTransaction",{START}]') == []
    assert sent(successor) == first
    assert connection.counters.repeated == 2


def test_one_id_for_two_messages() -> None:
    """Another text under an id of before is another message: the station has begun to count anew."""
    connection = Connection(V16)
    call = received(connection, f'[2,"a","StartTransaction",{START}]')
    connection.answer(call, STARTED)
    received(connection, '[2,"a","StartTransaction",' + START.replace('"T"', '"U"') + "]")


def test_undated_messages_are_never_taken_for_repetitions() -> None:
    connection = Connection(V16)
    for _ in range(2):
        call = received(connection, '[2,"1","Heartbeat",{}]')
        connection.answer(call, v16.HeartbeatResponse(current_time=NOW))


def test_refused_messages_may_be_sent_again() -> None:
    connection = Connection(V16)
    call = received(connection, f'[2,"a","StartTransaction",{START}]')
    connection.refuse(call, ErrorCode.INTERNAL_ERROR, "not stored")
    assert sent(connection)[0][:3] == [4, "a", "InternalError"]
    received(connection, f'[2,"a","StartTransaction",{START}]')


def test_memory_is_bounded() -> None:
    connection = Connection(V16)
    for number in range(MAX_REMEMBERED + 1):
        connection.answer(received(connection, f'[2,"{number}","StartTransaction",{START}]'), STARTED)
    assert connection.receive(f'[2,"{MAX_REMEMBERED}","StartTransaction",{START}]') == []
    received(connection, f'[2,"0","StartTransaction",{START}]')
    for number in range(MAX_OPEN - 1):
        received(connection, f'[2,"h{number}","Heartbeat",{{}}]')
    assert connection.receive('[2,"z","Heartbeat",{}]') == []
    assert sent(connection)[-1][:3] == [4, "z", "GenericError"]


def test_an_answer_counts_once() -> None:
    connection = Connection(V16)
    call = received(connection, '[2,"a","Heartbeat",{}]')
    connection.answer(call, v16.HeartbeatResponse(current_time=NOW))
    connection.answer(call, v16.HeartbeatResponse(current_time=NOW))
    connection.refuse(call, ErrorCode.INTERNAL_ERROR, "")
    assert len(sent(connection)) == 1


@pytest.mark.parametrize(
    ("dialect", "frame", "answer"),
    [
        (V16, "rubbish", None),
        (V201, "rubbish", ["-1", "RpcFrameworkError"]),
        (V16, '[2,"a","Nope",{}]', ["a", "NotImplemented"]),
        (V16, '[2,"a","Heartbeat",5]', ["a", "TypeConstraintViolation"]),
        (V201, '[2,"a","Heartbeat",5]', ["a", "TypeConstraintViolation"]),
        (V16, '[2,"a","Authorize",{}]', ["a", "OccurenceConstraintViolation"]),
        (V16, '[9,"a",{}]', None),
        (V201, '[9,"a",{}]', None),
    ],
)
@pytest.mark.ocpp("1.6", "J4.2.3")
@pytest.mark.ocpp("2.0.1", "J4.1.3", "J4.2.3")
def test_malformed_frames_are_told_as_the_version_says(dialect: Dialect, frame: str, answer: Any) -> None:
    connection = Connection(dialect)
    (event,) = connection.receive(frame)
    assert isinstance(event, Malformed)
    assert [reply[1:3] for reply in sent(connection)] == ([answer] if answer else [])


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["call", "answer", "wrong", "late", "expire", "their", "reply", "junk"]), max_size=40))
def test_any_course_of_events_keeps_the_rules(steps: list[str]) -> None:
    """Never two calls of ours under way, each call ends exactly once, each of theirs is answered at most once."""
    connection, now, theirs = Connection(V16), 0.0, 0
    under_way: str | None = None
    made, ended, open_calls, replied = set(), [], [], []

    def note(events: list[Any]) -> None:
        nonlocal under_way
        for event in events:
            if isinstance(event, Answered | Failed):
                ended.append(event.id)
                under_way = None if event.id == under_way else under_way
            elif isinstance(event, CallReceived):
                open_calls.append(event)

    for step in steps:
        now += 1.0
        match step:
            case "call":
                made.add(connection.call(v16.ResetRequest(type="Soft"), 3.0))
            case "answer" | "wrong" if under_way:
                status = "Accepted" if step == "answer" else "Nonsense"
                note(connection.receive(f'[3,"{under_way}",{{"status":"{status}"}}]'))
            case "late" if ended:
                assert connection.receive(f'[3,"{ended[0]}",{{"status":"Accepted"}}]') == []
            case "expire":
                note(connection.expire(now))
            case "their":
                theirs += 1
                note(connection.receive(f'[2,"t{theirs}","Heartbeat",{{}}]'))
            case "reply" if open_calls:
                connection.answer(open_calls.pop(0), v16.HeartbeatResponse(current_time=NOW))
            case "junk":
                note(connection.receive("[[["))
        for frame in sent(connection, now):
            if frame[0] == 2:
                assert under_way is None
                under_way = frame[1]
            else:
                replied.append(frame[1])
    assert len(set(ended)) == len(ended)
    assert set(ended) <= made
    assert len(set(replied)) == len(replied)
