"""The OCPP-J envelope: what it takes, what it refuses, and that nothing but typed errors comes out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.ocpp import Call, CallError, CallResult, ErrorCode, FrameError
from chargebridge.wire.ocpp.frames import emit_call, emit_error, emit_result, parse

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def test_the_three_kinds() -> None:
    call = parse('[2,"id","Heartbeat",{}]')
    assert isinstance(call, Call)
    assert (call.id, call.action, bytes(call.payload)) == ("id", "Heartbeat", b"{}")
    result = parse(b' [ 3 , "id" , {"a": 1} ] ')
    assert isinstance(result, CallResult)
    assert json.loads(bytes(result.payload)) == {"a": 1}
    assert parse('[4,"id","GenericError","why",{"a":1}]') == CallError("id", "GenericError", "why", {"a": 1})


@pytest.mark.parametrize("frame", ['[4,"id"]', '[4,"id","X","d",{},1]'])
def test_call_errors_of_a_wrong_length(frame: str) -> None:
    with pytest.raises(FrameError):
        parse(frame)


@pytest.mark.parametrize("frame", ['[4,"id","X"]', '[4,"id","X",null,null]', '[4,"id","X",5,[]]'])
def test_sloppy_call_errors_still_end_the_call(frame: str) -> None:
    assert parse(frame) == CallError("id", "X")


@pytest.mark.parametrize(
    ("frame", "position", "message_id"),
    [
        ("", "$", None),
        ("[", "$", None),
        ("{}", "$", None),
        ("[]", "$", None),
        ('["2","id","A",{}]', "$[0]", None),
        ("[2,null,\"A\",{}]", "$[1]", None),
        ('[2,"","A",{}]', "$[1]", None),
        ('[2,"' + "x" * 37 + '","A",{}]', "$[1]", "x" * 36),
        ('[2,"id",7,{}]', "$[2]", "id"),
        ('[2,"id","A",null]', "$[3]", "id"),
        ('[3,"id",[]]', "$[2]", "id"),
        ('[3,"id"]', "$", "id"),
        ('[2,"id","A",{}] x', "$", None),
        ("[" * 100_000, "$", None),
        ('[2,"id","A",' + "[" * 50_000, "$", None),
        (b'[2,"\xff","A",{}]', "$[1]", None),
    ],
)  # fmt: skip
def test_errors_say_where(frame: str | bytes, position: str, message_id: str | None) -> None:
    with pytest.raises(FrameError) as caught:
        parse(frame)
    assert (caught.value.position, caught.value.message_id) == (position, message_id)
    assert caught.value.cure


def test_size_bound() -> None:
    with pytest.raises(FrameError, match="more than 100"):
        parse("[" + " " * 100, max_frame=100)


@pytest.mark.ocpp("2.0.1", "J4.1.3")
def test_unknown_type() -> None:
    with pytest.raises(FrameError) as caught:
        parse('[6,"id","NotifyPeriodicEventStream",{}]')
    assert caught.value.code is ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED


@given(anything)
def test_any_json_is_a_frame_or_a_typed_error(value: Any) -> None:
    _only_typed_errors(json.dumps(value))


@given(st.lists(anything, max_size=6).map(lambda rest: [2, "id", *rest]))
def test_near_frames(value: Any) -> None:
    _only_typed_errors(json.dumps(value))


@given(st.binary(max_size=200))
@pytest.mark.ocpp("1.6", "J4.1.2")
@pytest.mark.ocpp("2.0.1", "J4.1.2")
@pytest.mark.ocpp("2.1", "J4.1.2")
def test_any_bytes(data: bytes) -> None:
    _only_typed_errors(data)


@given(st.data())
def test_damaged_frames(data: st.DataObject) -> None:
    frame = bytearray(b'[2,"3f0c","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Charging"}]')
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    _only_typed_errors(bytes(frame[: data.draw(st.integers(0, len(frame)))]))


def _only_typed_errors(data: str | bytes) -> None:
    outcome: Call | CallResult | CallError | FrameError
    try:
        outcome = parse(data)
    except FrameError as error:
        outcome = error
    assert not isinstance(outcome, FrameError) or (outcome.position and outcome.reason and outcome.cure)


@given(st.text(min_size=1, max_size=36), st.text(max_size=400))
def test_what_is_emitted_parses(message_id: str, words: str) -> None:
    try:
        message_id.encode()
        words.encode()
    except UnicodeEncodeError:
        return
    result = parse(emit_result(message_id, b'{"a":1}'))
    assert isinstance(result, CallResult)
    assert result.id == message_id
    error = parse(emit_error(message_id, "GenericError", words, {}))
    assert isinstance(error, CallError)
    assert error.description == words[:255]
    assert isinstance(parse(emit_call("id", "Heartbeat", b"{}")), Call)
