"""SHIP messages, bytes <-> values; nothing but messages and ShipError comes out of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.eebus.ship import scenes

from chargebridge.wire.eebus.ship import ShipError
from chargebridge.wire.eebus.ship.messages import (
    AccessMethods,
    AccessMethodsRequest,
    ClosePhase,
    ConnectionClose,
    ConnectionHello,
    ConnectionPinState,
    Data,
    Formats,
    HandshakeType,
    HelloPhase,
    Init,
    Message,
    MessageProtocolHandshake,
    MessageProtocolHandshakeError,
    PinState,
    Version,
    decode,
    encode,
)

SPELLED: list[tuple[Message, bytes]] = [
    (Init(), scenes.INIT),
    (ConnectionHello(HelloPhase.READY, 60000), scenes.READY),
    (ConnectionHello(HelloPhase.PENDING, 60000), scenes.PENDING),
    (ConnectionHello(HelloPhase.PENDING, prolongation_request=True), scenes.PROLONG),
    (ConnectionHello(HelloPhase.ABORTED), scenes.ABORTED),
    (MessageProtocolHandshake(HandshakeType.ANNOUNCE_MAX, Version(1, 0), Formats(("JSON-UTF8",))), scenes.ANNOUNCE_MAX),
    (MessageProtocolHandshake(HandshakeType.SELECT, Version(1, 0), Formats(("JSON-UTF8",))), scenes.SELECT),
    (MessageProtocolHandshakeError(0), b'\1{"messageProtocolHandshakeError":[{"error":0}]}'),
    (ConnectionPinState(PinState.NONE), scenes.PIN),
    (AccessMethodsRequest(), scenes.ACCESS_REQUEST),
    (AccessMethods("Peer-1"), scenes.ACCESS),
    (AccessMethods(), b'\1{"accessMethods":[]}'),
    (Data(scenes.PAYLOAD), scenes.DATA),
    (ConnectionClose(ClosePhase.ANNOUNCE, 500, "unspecific"), scenes.ANNOUNCE_END),
    (ConnectionClose(ClosePhase.CONFIRM), scenes.CONFIRM_END),
]


@pytest.mark.parametrize(("message", "frame"), SPELLED)
def test_every_message_as_it_is_spelled(message: Message, frame: bytes) -> None:
    assert encode(message) == frame
    assert decode(frame) == message


def test_what_peers_spell_otherwise() -> None:
    assert decode(scenes.READY + b"\0\0") == decode(scenes.READY)
    assert decode(b'\1{ "connectionHello" : { "phase" : "ready", "waiting" : 60000, "new" : 1 } }') == decode(scenes.READY)
    assert decode(b'\1{"accessMethods":[{"id":"Peer-1"},{"dnsSd_mDns":[]}]}') == decode(scenes.ACCESS)
    for data in (
        b'\2{"data":{"header":{"protocolId":"ee1.0"},"payload":{"datagram":[]}}}',
        b'\2 { "data": [ {"payload":{"datagram":[]}}, {"header": [ {"protocolId":"ee1.0"} ]} , {"extension":[]} ] } \0',
    ):
        assert decode(data) == Data(b'{"datagram":[]}')


def test_a_payload_is_not_looked_into() -> None:
    payload = b'{"datagram":[{"header":[{"a":1},{"a":2}]},{"text":"\\u005b]"},1e999]}'
    assert decode(encode(Data(payload))) == Data(payload)


@pytest.mark.parametrize(
    ("frame", "position", "reason"),
    [
        (b"", "byte 0", "empty"),
        (b"\0\1", "byte 1", "01 instead of 00"),
        (b"\4{}", "byte 0", "no message type 4"),
        (b"{}", "byte 0", "no message type 123"),
        (b"\1", "$", "not JSON"),
        (b"\1{}", "$", "nothing in a message of type 1"),
        (b'\1{"data":[]}', "$", "data in a message of type 1"),
        (b'\3{"connectionHello":[]}', "$", "connectionHello in a message of type 3"),
        (b'\1{"accessMethods":[],"connectionHello":[]}', "$", "accessMethods, connectionHello"),
        (b'\1{"connectionHello":[{"phase":"ready"},{"waiting":-1}]}', "$.connectionHello.waiting", ">= 0"),
        (b'\1{"connectionHello":[{"phase":"ready"},{"waiting":"60"}]}', "$.connectionHello.waiting", "Expected `int"),
        (b'\1{"connectionHello":[{"phase":"steady"}]}', "$.connectionHello.phase", "steady"),
        (b'\1{"connectionHello":7}', "$.connectionHello", "Expected `object`"),
        (b'\1{"messageProtocolHandshake":[{"handshakeType":"select"}]}', "$.messageProtocolHandshake", "version"),
        (b"\2{}", "$.data", "no data"),
        (b'\2{"data":[]}', "$.data", "no header"),
        (b'\2{"data":[{"header":[{"protocolId":"ee1.0"}]}]}', "$.data", "no payload"),
        (b'\2{"data":[{"header":[{"protocolId":"ee2.0"}]},{"payload":{}}]}', "$.data.header", "not SPINE"),
        (b'\2{"data":[{"header":7},{"payload":{}}]}', "$.data.header", "not SPINE"),
        (b'\2{"data":[{"header":[{"protocolId":"ee1.0"}]},{"payload":{}', "$.data", "no data message"),
        (b'\2{"data":[{"header":[]},{"payload":' + b"[" * 90_000, "$.data", "no data message"),
        (b"\2" + b" " * 102_401, "$", "more than 102400"),
        (b"\1" + b" " * 102_401, "$", "more than 102400"),
    ],
)
def test_errors_say_where(frame: bytes, position: str, reason: str) -> None:
    with pytest.raises(ShipError) as caught:
        decode(frame)
    assert reason in caught.value.reason
    assert (caught.value.position, bool(caught.value.cure)) == (position, True)


scraps = st.lists(st.sampled_from([*(frame[1:] for _, frame in SPELLED), b"[]", b"{}", b'"a"', b'{"data":', b",", b"]", b"}"]), max_size=3)
changed = st.tuples(st.sampled_from([frame for _, frame in SPELLED]), st.integers(0, 200), st.integers(0, 255)).map(
    lambda change: change[0][: change[1]] + bytes((change[2],)) + change[0][change[1] + 1 :]
)


@given(st.binary(max_size=40) | changed | st.tuples(st.integers(0, 5), scraps).map(lambda parts: bytes((parts[0],)) + b"".join(parts[1])))
def test_any_bytes_give_a_message_or_a_typed_error(frame: bytes) -> None:
    try:
        message = decode(frame)
    except ShipError as error:
        assert error.reason  # noqa: PT017
        return
    assert decode(encode(message)) == message


@given(st.text(max_size=60))
def test_any_id_goes_through(ship_id: str) -> None:
    assert decode(encode(AccessMethods(ship_id))) == AccessMethods(ship_id)
