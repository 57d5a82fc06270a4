"""Traces as people read them: of recorded sessions, of broken frames, of anything."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus.readable import MAX_VALUE, Readable, Reader, short
from chargebridge.wire.eebus.ship.messages import Data, encode

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "eebus"
SESSIONS = [path for path in sorted((VECTORS / "captured").glob("*.jsonl")) if not path.name.startswith("02")]
recorded = pytest.mark.skipif(not SESSIONS, reason=f"no recorded sessions in {VECTORS}; CHARGEBRIDGE_VECTORS names another place")


def frame_of(wire: Any) -> bytes:
    if isinstance(wire, str):
        return b"\0\0"
    kind = {"data": 2, "connectionClose": 3}.get(next(iter(wire)), 1)
    return bytes((kind,)) + json.dumps(wire, separators=(",", ":"), ensure_ascii=False).encode()


def session(path: Path) -> list[Readable]:
    lines, reader = [json.loads(line) for line in path.read_text().splitlines()], Reader()
    return [reader.read(frame_of(line["wire"]), incoming=line["sender"] == lines[0]["sender"]) for line in lines]


def datagram(classifier: str, function: str, data: str, counter: str = '{"msgCounter":5}') -> bytes:
    header = f'[{{"addressSource":[{{"device":"d"}},{{"entity":[1,1]}},{{"feature":3}}]}},{counter},{{"cmdClassifier":"{classifier}"}}]'
    return encode(Data(f'{{"datagram":[{{"header":{header}}},{{"payload":[{{"cmd":[[{{"{function}":{data}}}]]}}]}}]}}'.encode()))


@recorded
@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.name[:12])
def test_a_recorded_session_is_readable_throughout(path: Path) -> None:
    told = session(path)
    assert {one.classifier for one in told} <= {"ship", "read", "reply", "write", "notify", "call", "result"}
    results = [one for one in told if one.classifier == "result"]
    assert results
    assert all(one.result.startswith(("ok", "error ")) for one in results)
    assert sum(not one.function for one in results) <= 1, "each names what it is the result of; one recording lacks a request"


@recorded
def test_the_story_of_a_control_box_is_told_in_its_values() -> None:
    told = {(one.classifier, one.function): one for one in session(next(path for path in SESSIONS if path.name.startswith("05")))}
    assert told["ship", "connectionHello"].value == "ready, waits 60 s"
    assert told["reply", "nodeManagementDetailedDiscoveryData"].value == (
        "d:_n:Demo_ControlBox-123456789, ElectricitySupplySystem, [1] GridGuard, 7 features"
    )
    write = told["write", "loadControlLimitListData"]
    assert (write.source, write.destination, write.value) == ("1:2", "1:1", "part: limit 0: 100, active, for PT1H2M3S")
    assert told["result", "loadControlLimitListData"].result == "ok"
    assert told["reply", "deviceConfigurationKeyValueListData"].value == "key 0: 4200; key 1: PT2H"


def test_a_refusal_says_what_was_refused_and_why() -> None:
    reader = Reader()
    reader.read(datagram("write", "loadControlLimitListData", "[]"), incoming=True)
    result = '[{"errorNumber":7},{"description":"a limit of consumption below 0 W"}]'
    told = reader.read(datagram("result", "resultData", result, '{"msgCounter":1},{"msgCounterReference":5}'), incoming=False)
    assert (told.function, told.result) == ("loadControlLimitListData", "error 7, command rejected: a limit of consumption below 0 W")
    assert told.source == "1.1:3"


def test_the_same_counter_of_both_sides_is_not_mixed_up() -> None:
    reader = Reader()
    reader.read(datagram("write", "loadControlLimitListData", "[]"), incoming=True)
    reader.read(datagram("call", "nodeManagementBindingRequestCall", "[]"), incoming=False)
    answer = datagram("result", "resultData", '[{"errorNumber":0}]', '{"msgCounter":1},{"msgCounterReference":5}')
    assert reader.read(answer, incoming=True).function == "nodeManagementBindingRequestCall"
    assert reader.read(answer, incoming=False).function == "loadControlLimitListData"


@pytest.mark.parametrize(
    ("function", "data", "text"),
    [
        ("loadControlLimitListData", {"loadControlLimitData": [{"limitId": 0, "value": {"number": 0, "scale": 0}}]}, "limit 0: 0"),
        ("loadControlLimitListData", {"loadControlLimitData": [{"limitId": 1, "value": []}]}, "limit 1: no value"),
        ("loadControlLimitListData", "nonsense", "nonsense"),
        ("measurementListData", {"measurementData": [{"measurementId": 2, "value": {"number": -105, "scale": -1}}]}, "2: -10.5"),
        (
            "measurementListData",
            {"measurementData": [{"measurementId": 2, "value": {"number": 1}, "valueState": "error"}]},
            "2: 1 (error)",
        ),
        ("somethingNew", {"a": 1, "b": {"c": True, "d": []}}, "a 1, b (c yes, d)"),
        ("someListData", {"someData": [{"id": 1}, {"id": 2}]}, "id 1; id 2"),
        ("someData", {"value": {"number": 42, "scale": 2}}, "value 4200"),
    ],
)
def test_values_are_short(function: str, data: Any, text: str) -> None:
    assert short(function, data) == text


def test_what_cannot_be_read_says_where_and_why() -> None:
    told = Reader().read(b'\1{"connectionHello":[{"phase":"perhaps"}]}', incoming=True)
    assert told.classifier == "unreadable"
    assert told.value.startswith("$.connectionHello.phase: ")
    assert told.result, "the cure"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(["number", "scale"]), inner, max_size=3)
    ),
)
NAMES = st.sampled_from(
    [
        *("datagram", "header", "payload", "cmd", "filter", "cmdControl", "resultData", "errorNumber", "msgCounter", "addressSource"),
        *("entity", "timePeriod", "loadControlLimitListData", "loadControlLimitData", "measurementListData", "measurementData"),
    ]
)
likely = st.recursive(anything, lambda inner: st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner, max_size=3), max_leaves=30)


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_told_in_a_line(frame: bytes, incoming: bool) -> None:
    assert len(Reader().read(frame, incoming=incoming).value) <= MAX_VALUE


@given(likely)
def test_any_datagram_is_told_in_a_line(tree: Any) -> None:
    wire = json.dumps({"data": [{"header": [{"protocolId": "ee1.0"}]}, {"payload": {"datagram": tree}}]}).encode()
    told = Reader().read(b"\2" + wire, incoming=True)
    assert len(told.value) <= MAX_VALUE
    assert len(told.result) <= MAX_VALUE
