"""Every step of a connection but the hello: CMI, protocol handshake, PIN, access methods, data, close (guide 6.2, 6.4 to 6.7)."""

import pytest
from tests.wire.eebus.ship.scenes import (
    ACCESS,
    ACCESS_REQUEST,
    ANNOUNCE_END,
    ANNOUNCE_MAX,
    CONFIRM_END,
    DATA,
    INIT,
    OUR_ACCESS,
    PAYLOAD,
    PIN,
    READY,
    SELECT,
    WAY,
    brought_to,
)

from chargebridge.wire.eebus.ship import Cause, Closed, Connected, Malformed, Received, Role, ShipConnection, ShipError, State
from chargebridge.wire.eebus.ship.states import TABLE, UNEXPECTED, Signal


def ended(events: list[object], cause: Cause, code: int = 4001) -> bool:
    """The only event is the end, with a reason for people."""
    (closed,) = events
    assert isinstance(closed, Closed)
    assert closed.reason
    return (closed.cause, closed.code) == (cause, code)


def protocol_error(number: int) -> bytes:
    return b'\1{"messageProtocolHandshakeError":[{"error":%d}]}' % number


# The table


def test_the_table_names_actions_that_exist() -> None:
    actions = {action for row in TABLE.values() for action in row.values()} | set(UNEXPECTED.values())
    assert [action for action in actions if not hasattr(ShipConnection, f"_{action}")] == []
    assert set(TABLE) == set(UNEXPECTED) == set(State)


def test_every_state_that_waits_has_an_end_to_waiting_and_only_these() -> None:
    assert {state for state, row in TABLE.items() if Signal.TIMEOUT not in row} == {State.CONNECTED, State.CLOSED}


@pytest.mark.parametrize("role", Role)
def test_a_deadline_in_every_state_on_the_way(role: Role) -> None:
    for state in [State.PENDING, *WAY[role]]:
        assert (brought_to(state, role).deadline is None) == (state is State.CONNECTED)


# The whole way


def test_server() -> None:
    connection = ShipConnection(Role.SERVER, "Ours-1", 0.0, trusted=True)
    said = []
    for frame in (None, INIT, READY, ANNOUNCE_MAX, SELECT, PIN, ACCESS_REQUEST):
        assert frame is None or connection.receive(frame, 1.0) == []
        said.append(connection.outgoing())
    assert said == [[], [INIT, READY], [], [SELECT], [PIN], [ACCESS_REQUEST], [OUR_ACCESS]]
    assert connection.receive(ACCESS, 1.0) == [Connected("Peer-1")]
    assert connection.deadline is None


def test_client() -> None:
    connection = ShipConnection(Role.CLIENT, "Ours-1", 0.0, trusted=True)
    said = []
    for frame in (None, INIT, READY, SELECT, PIN, ACCESS_REQUEST):
        assert frame is None or connection.receive(frame, 1.0) == []
        said.append(connection.outgoing())
    assert said == [[INIT], [READY], [ANNOUNCE_MAX], [SELECT, PIN], [ACCESS_REQUEST], [OUR_ACCESS]]
    assert connection.receive(ACCESS, 1.0) == [Connected("Peer-1")]


# CMI (6.2)


@pytest.mark.parametrize("role", Role)
def test_cmi_is_taken_with_one_byte_too(role: Role) -> None:
    connection = ShipConnection(role, "Ours-1", 0.0, trusted=True)
    connection.receive(b"\0", 0.0)
    assert connection.state is State.READY


@pytest.mark.parametrize("frame", [b"", b"\1", b"\0\1", b"\0\0\0", b"\4", READY, DATA])
@pytest.mark.parametrize("role", Role)
def test_cmi_with_anything_else_closes(role: Role, frame: bytes) -> None:
    connection = ShipConnection(role, "Ours-1", 0.0, trusted=True)
    assert ended(connection.receive(frame, 0.0), Cause.PROTOCOL)
    assert connection.outgoing() == ([INIT] if role is Role.CLIENT else [])


@pytest.mark.parametrize("role", Role)
def test_cmi_without_an_answer_closes_after_10_s(role: Role) -> None:
    connection = ShipConnection(role, "Ours-1", 5.0, trusted=True)
    assert connection.deadline == 15.0
    assert connection.wake(14.9) == []
    assert ended(connection.wake(15.0), Cause.TIMEOUT)


def test_what_comes_after_the_deadline_comes_too_late_although_nobody_woke_the_connection() -> None:
    connection = ShipConnection(Role.SERVER, "Ours-1", 0.0, trusted=True)
    assert ended(connection.receive(INIT, 10.0), Cause.TIMEOUT)
    assert connection.outgoing() == []


# Protocol handshake (6.4)


def handshake(kind: bytes, major: int = 1, minor: int = 0, formats: bytes = b'"JSON-UTF8"') -> bytes:
    return (
        b'\1{"messageProtocolHandshake":[{"handshakeType":"' + kind + b'"},{"version":[{"major":%d},{"minor":%d}]},' % (major, minor)
        + b'{"formats":[{"format":[' + formats + b"]}]}]}"
    )  # fmt: skip


@pytest.mark.parametrize(
    "proposal",
    [handshake(b"announceMax", 1, 1), handshake(b"announceMax", 2, 0), handshake(b"announceMax", formats=b'"JSON-UTF16","JSON-UTF8"')],
)
def test_a_peer_that_can_do_more_gets_1_0_selected(proposal: bytes) -> None:
    connection = brought_to(State.PROPOSAL)
    connection.receive(proposal, 0.0)
    assert connection.outgoing() == [SELECT]


@pytest.mark.parametrize(
    ("state", "role", "frame", "error"),
    [
        (State.PROPOSAL, Role.SERVER, handshake(b"announceMax", 0), 3),
        (State.PROPOSAL, Role.SERVER, handshake(b"announceMax", formats=b'"JSON-UTF16"'), 3),
        (State.PROPOSAL, Role.SERVER, SELECT, 2),
        (State.PROPOSAL, Role.SERVER, PIN, 2),
        (State.CONFIRMATION, Role.SERVER, ANNOUNCE_MAX, 2),
        (State.CONFIRMATION, Role.SERVER, handshake(b"select", 1, 1), 3),
        (State.CHOICE, Role.CLIENT, ANNOUNCE_MAX, 2),
        (State.CHOICE, Role.CLIENT, handshake(b"other"), 2),
        (State.CHOICE, Role.CLIENT, b'\1{"messageProtocolHandshake":[]}', 2),
        (State.CHOICE, Role.CLIENT, handshake(b"select", 2), 3),
        (State.CHOICE, Role.CLIENT, handshake(b"select", 1, 1), 3),
        (State.CHOICE, Role.CLIENT, handshake(b"select", formats=b'"JSON-UTF16"'), 3),
        (State.CHOICE, Role.CLIENT, handshake(b"select", formats=b'"JSON-UTF8","JSON-UTF16"'), 3),
        (State.CHOICE, Role.CLIENT, handshake(b"select", formats=b""), 3),
    ],
)
def test_a_protocol_that_does_not_fit_ends_with_its_error(state: State, role: Role, frame: bytes, error: int) -> None:
    connection = brought_to(state, role)
    assert ended(connection.receive(frame, 0.0), Cause.PROTOCOL)
    assert connection.outgoing() == [protocol_error(error)]


@pytest.mark.parametrize(("state", "role"), [(State.PROPOSAL, Role.SERVER), (State.CONFIRMATION, Role.SERVER), (State.CHOICE, Role.CLIENT)])
def test_a_protocol_handshake_that_stops_ends_after_10_s_with_error_1(state: State, role: Role) -> None:
    connection = brought_to(state, role)
    assert connection.wake(9.9) == []
    assert ended(connection.wake(10.0), Cause.TIMEOUT)
    assert connection.outgoing() == [protocol_error(1)]


@pytest.mark.parametrize(("state", "role"), [(State.PROPOSAL, Role.SERVER), (State.PIN, Role.SERVER), (State.CHOICE, Role.CLIENT)])
def test_a_peer_that_reports_a_protocol_error_ends_it(state: State, role: Role) -> None:
    assert ended(brought_to(state, role).receive(protocol_error(3), 0.0), Cause.PROTOCOL)


def test_a_late_answer_to_a_prolongation_request_is_passed_over() -> None:
    for state, role, after in ((State.PROPOSAL, Role.SERVER, ANNOUNCE_MAX), (State.CHOICE, Role.CLIENT, SELECT)):
        connection = brought_to(state, role)
        assert connection.receive(READY, 0.0) == []
        connection.receive(after, 0.0)
        assert connection.state in (State.CONFIRMATION, State.PIN)


# PIN (6.5)


@pytest.mark.parametrize("state", [b"none", b"pinOk"])
def test_pin_none_goes_on(state: bytes) -> None:
    connection = brought_to(State.PIN)
    assert connection.receive(PIN.replace(b"none", state), 0.0) == []
    assert connection.state is State.ACCESS


@pytest.mark.parametrize("state", [b"required", b"optional"])
def test_pin_that_is_asked_for_closes_and_says_what_to_do(state: bytes) -> None:
    (closed,) = brought_to(State.PIN).receive(PIN.replace(b"none", state), 0.0)
    assert isinstance(closed, Closed)
    assert closed.cause is Cause.PIN
    assert "switch it off there" in closed.reason


@pytest.mark.parametrize("frame", [PIN.replace(b"none", b"perhaps"), ACCESS_REQUEST, DATA, READY, b"\1{", b"\xff"])
def test_anything_else_instead_of_a_pin_closes(frame: bytes) -> None:
    assert ended(brought_to(State.PIN).receive(frame, 0.0), Cause.PROTOCOL)


# Access methods (6.6)


def test_data_before_access_methods_are_finished_is_kept_and_given_out_in_order() -> None:
    connection = brought_to(State.ACCESS)
    second = DATA.replace(b'"msgCounter":1', b'"msgCounter":2')
    assert connection.receive(DATA, 0.0) == []
    assert connection.receive(second, 0.0) == []
    payloads = [PAYLOAD, PAYLOAD.replace(b'"msgCounter":1', b'"msgCounter":2')]
    assert connection.receive(ACCESS, 0.0) == [Connected("Peer-1"), *map(Received, payloads)]


@pytest.mark.parametrize("size", [1, 40_000])
def test_too_much_data_before_access_methods_closes(size: int) -> None:
    connection = brought_to(State.ACCESS)
    frame = DATA.replace(b'"x":[]', b'"x":"' + b"y" * size + b'"')
    for count in range(66):
        if events := connection.receive(frame, 0.0):
            assert ended(events, Cause.PROTOCOL)
            assert count == (64 if size == 1 else 26)
            break
    assert connection.state is State.CLOSED


def test_an_id_that_is_not_the_one_of_the_pairing_closes_with_4450() -> None:
    assert ended(brought_to(State.ACCESS, peer_id="Peer-2").receive(ACCESS, 0.0), Cause.ID_MISMATCH, 4450)
    assert brought_to(State.ACCESS, peer_id="Peer-1").receive(ACCESS, 0.0) == [Connected("Peer-1")]


@pytest.mark.parametrize(
    "frame", [b'\1{"accessMethods":[]}', b'\1{"accessMethods":[{"id":""}]}', b'\1{"accessMethods":[{"dns":[{"uri":"x"}]}]}']
)
def test_a_peer_without_an_id_is_taken(frame: bytes) -> None:
    assert brought_to(State.ACCESS).receive(frame, 0.0) == [Connected(None)]
    assert brought_to(State.ACCESS, peer_id="Peer-1").receive(frame, 0.0) == [Connected("Peer-1")]


@pytest.mark.parametrize("state", [State.ACCESS, State.CONNECTED])
def test_access_methods_are_told_at_any_time(state: State) -> None:
    connection = brought_to(state)
    for _ in range(2):
        assert connection.receive(ACCESS_REQUEST, 0.0) == []
        assert connection.outgoing() == [OUR_ACCESS]


def test_an_id_that_changes_while_connected_closes() -> None:
    connection = brought_to(State.CONNECTED)
    assert connection.receive(ACCESS, 0.0) == []
    assert ended(connection.receive(ACCESS.replace(b"Peer-1", b"Peer-9"), 0.0), Cause.ID_MISMATCH, 4450)


@pytest.mark.parametrize("state", [State.PIN, State.ACCESS])
def test_pin_and_access_methods_wait_for_10_s(state: State) -> None:
    connection = brought_to(state)
    assert connection.wake(9.9) == []
    assert ended(connection.wake(10.0), Cause.TIMEOUT)


# Data


def test_data_goes_both_ways_as_it_is() -> None:
    connection = brought_to(State.CONNECTED)
    assert connection.receive(DATA, 0.0) == [Received(PAYLOAD)]
    assert connection.receive(DATA + b"\0", 1e9) == [Received(PAYLOAD)]
    connection.send(PAYLOAD)
    assert connection.outgoing() == [DATA]
    assert connection.outgoing() == []


@pytest.mark.parametrize("state", [State.PENDING, *[state for state in WAY[Role.SERVER] if state is not State.CONNECTED]])
def test_nothing_can_be_sent_before(state: State) -> None:
    connection = brought_to(state)
    with pytest.raises(ShipError, match="not connected"):
        connection.send(PAYLOAD)


@pytest.mark.parametrize("frame", [b"", b"\1{", b"\2{}", b"\7{}", INIT, READY, PIN, b'\1{"future":[]}', DATA[:-2], b"\2" + b" " * 200_000])
def test_a_message_that_cannot_be_used_costs_only_itself(frame: bytes) -> None:
    connection = brought_to(State.CONNECTED)
    (malformed,) = connection.receive(frame, 0.0)
    assert isinstance(malformed, Malformed)
    assert malformed.error.cure
    assert connection.receive(DATA, 0.0) == [Received(PAYLOAD)]


# Close (6.7)


def test_our_end_is_announced_and_confirmed() -> None:
    connection = brought_to(State.CONNECTED)
    assert connection.close(100.0) == []
    assert connection.outgoing() == [ANNOUNCE_END]
    assert connection.receive(DATA, 100.1) == [Received(PAYLOAD)]
    assert ended(connection.receive(CONFIRM_END, 100.2), Cause.OUR_END)
    assert connection.outgoing() == []


def test_our_end_does_not_wait_for_long() -> None:
    connection = brought_to(State.CONNECTED)
    connection.close(100.0)
    assert connection.deadline == 100.5
    assert ended(connection.wake(100.5), Cause.OUR_END)


def test_the_peers_end_is_confirmed() -> None:
    connection = brought_to(State.CONNECTED)
    (closed,) = connection.receive(ANNOUNCE_END.replace(b"unspecific", b"removedConnection"), 0.0)
    assert isinstance(closed, Closed)
    assert (closed.cause, "removedConnection" in closed.reason) == (Cause.PEER_END, True)
    assert connection.outgoing() == [CONFIRM_END]


def test_both_end_at_once() -> None:
    connection = brought_to(State.CONNECTED)
    connection.close(0.0)
    assert ended(connection.receive(ANNOUNCE_END, 0.0), Cause.OUR_END)
    assert connection.outgoing() == [ANNOUNCE_END, CONFIRM_END]


def test_trust_that_is_taken_back_while_connected_is_said() -> None:
    connection = brought_to(State.CONNECTED)
    connection.refuse(0.0)
    assert connection.outgoing() == [ANNOUNCE_END.replace(b"unspecific", b"removedConnection")]


@pytest.mark.parametrize("state", [State.READY, State.PROPOSAL, State.PIN, State.ACCESS])
def test_before_there_is_a_connection_nothing_is_announced(state: State) -> None:
    connection = brought_to(state)
    assert ended(connection.close(0.0), Cause.OUR_END)
    assert connection.outgoing() == []


def test_a_confirmation_without_an_announcement_is_reported() -> None:
    (malformed,) = brought_to(State.CONNECTED).receive(CONFIRM_END, 0.0)
    assert isinstance(malformed, Malformed)


@pytest.mark.parametrize(
    ("code", "cause"), [(4452, Cause.DENIED), (4450, Cause.ID_MISMATCH), (1000, Cause.LOST), (1006, Cause.LOST), (4001, Cause.LOST)]
)
def test_what_the_code_of_a_closed_websocket_means(code: int, cause: Cause) -> None:
    for state in (State.READY, State.ACCESS, State.CONNECTED):
        assert ended(brought_to(state).lost(code, 0.0), cause, code)
    closing = brought_to(State.CONNECTED)
    closing.close(0.0)
    assert ended(closing.lost(code, 0.0), Cause.OUR_END, code)


def test_after_the_end_nothing_happens_any_more() -> None:
    connection = brought_to(State.CONNECTED)
    connection.lost(1006, 0.0)
    assert connection.deadline is None
    assert connection.receive(DATA, 1.0) == connection.wake(2.0) == connection.trust(3.0) == connection.refuse(3.0) == []
    assert connection.close(4.0) == connection.lost(1000, 5.0) == []
    assert connection.outgoing() == []
