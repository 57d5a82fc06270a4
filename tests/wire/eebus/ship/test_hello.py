"""Hello: trust, pending, prolongation and their timers (guide 6.1 and 6.3; SHIP 13.4.4)."""

import pytest
from tests.wire.eebus.ship.scenes import (
    ABORTED,
    ANNOUNCE_END,
    ANNOUNCE_MAX,
    CONFIRM_END,
    DATA,
    INIT,
    PENDING,
    PROLONG,
    READY,
    brought_to,
)

from chargebridge.wire.eebus.ship import Cause, Closed, PeerWaits, Role, ShipConnection, State, TrustWanted
from chargebridge.wire.eebus.ship.connection import MAX_HELLOS, MAX_PROLONGATIONS


def hello(phase: bytes, waiting_ms: int) -> bytes:
    return b'\1{"connectionHello":[{"phase":"' + phase + b'"},{"waiting":%d}]}' % waiting_ms


def closed(events: list[object]) -> Closed:
    (event,) = events
    assert isinstance(event, Closed)
    assert event.reason
    return event


def aborts(connection: ShipConnection, now: float, cause: Cause, code: int = 4001) -> None:
    """It has said "aborted", waits a second, in which nothing counts, and ends."""
    assert connection.state is State.ABORTING
    assert connection.outgoing()[-1] == ABORTED
    assert connection.deadline == now + 1.0
    assert connection.receive(READY, now + 0.5) == []
    event = closed(connection.wake(now + 1.0))
    assert (event.cause, event.code) == (cause, code)


# Ready


@pytest.mark.parametrize("role", Role)
def test_ready_and_ready_go_on(role: Role) -> None:
    connection = brought_to(State.READY, role)
    assert connection.receive(READY, 59.9) == []
    assert connection.state is (State.CHOICE if role is Role.CLIENT else State.PROPOSAL)


def test_ready_waits_for_60_s_and_no_longer_whatever_the_peer_says_of_itself() -> None:
    connection = brought_to(State.READY)
    assert connection.deadline == 60.0
    assert connection.receive(PENDING, 30.0) == [PeerWaits(60.0)]
    assert connection.receive(b'\1{"connectionHello":[{"phase":"pending"}]}', 31.0) == [PeerWaits(None)]
    assert connection.deadline == 60.0
    assert connection.wake(60.0) == []
    aborts(connection, 60.0, Cause.TIMEOUT)


def test_ready_grants_prolongation() -> None:
    connection = brought_to(State.READY)
    for now in (30.0, 80.0, 130.0):
        assert connection.receive(PROLONG, now) == [PeerWaits(None)]
        assert connection.outgoing() == [READY]
        assert connection.deadline == now + 60.0
    connection.receive(READY, 180.0)
    assert connection.state is State.PROPOSAL


def test_prolongation_is_not_granted_for_ever() -> None:
    connection = brought_to(State.READY)
    for _ in range(MAX_PROLONGATIONS + 5):
        connection.receive(PROLONG, 10.0)
    assert connection.outgoing() == [READY] * MAX_PROLONGATIONS
    assert connection.wake(70.0) == []
    assert connection.state is State.ABORTING


@pytest.mark.parametrize("state", [State.READY, State.PENDING])
def test_aborted_means_that_the_peer_does_not_trust_us(state: State) -> None:
    connection = brought_to(state)
    assert closed(connection.receive(ABORTED, 0.0)).cause is Cause.DENIED
    assert connection.outgoing() == []


@pytest.mark.parametrize("state", [State.READY, State.PENDING])
@pytest.mark.parametrize(
    "frame", [b"\1{", hello(b"maybe", 1), hello(b"ready", -1), b'\1{"connectionHello":[]}', INIT, ANNOUNCE_MAX, DATA, b"", CONFIRM_END]
)
def test_what_is_no_hello_aborts(state: State, frame: bytes) -> None:
    connection = brought_to(state)
    assert connection.receive(frame, 0.0) == []
    aborts(connection, 0.0, Cause.PROTOCOL)


def test_the_peer_may_end_while_hello_lasts() -> None:
    connection = brought_to(State.PENDING)
    assert closed(connection.receive(ANNOUNCE_END, 0.0)).cause is Cause.PEER_END
    assert connection.outgoing() == [CONFIRM_END]


@pytest.mark.parametrize("state", [State.READY, State.PENDING])
@pytest.mark.parametrize("frame", [PENDING, PROLONG])
def test_a_flood_of_hellos_ends_the_connection(state: State, frame: bytes) -> None:
    connection = brought_to(state)
    for _ in range(MAX_HELLOS):
        connection.receive(frame, 0.0)
    assert connection.state is state
    assert connection.receive(frame, 0.0) == []
    aborts(connection, 0.0, Cause.PROTOCOL)


# Pending


def test_an_unknown_peer_makes_us_pending_and_asks_for_trust() -> None:
    connection = ShipConnection(Role.SERVER, "Ours-1", 0.0, trusted=False)
    assert connection.receive(INIT, 0.0) == [TrustWanted()]
    assert connection.outgoing() == [INIT, PENDING]
    assert (connection.state, connection.deadline) == (State.PENDING, 60.0)


def test_trust_that_comes_before_hello_counts() -> None:
    connection = ShipConnection(Role.SERVER, "Ours-1", 0.0, trusted=False)
    connection.trust(0.0)
    assert connection.receive(INIT, 0.0) == []
    assert connection.state is State.READY


@pytest.mark.parametrize("role", Role)
def test_trust_with_a_peer_that_is_ready_goes_on_at_once(role: Role) -> None:
    connection = brought_to(State.PENDING, role)
    connection.receive(READY, 1.0)
    assert connection.trust(5.0) == []
    assert connection.outgoing() == ([READY, ANNOUNCE_MAX] if role is Role.CLIENT else [READY])
    assert connection.deadline == 15.0


def test_trust_with_a_peer_that_is_not_ready_waits_for_it() -> None:
    connection = brought_to(State.PENDING)
    connection.receive(PENDING, 1.0)
    connection.trust(5.0)
    assert connection.outgoing() == [READY]
    assert (connection.state, connection.deadline) == (State.READY, 65.0)


def test_a_peer_that_takes_ready_back_is_not_ready() -> None:
    connection = brought_to(State.PENDING)
    connection.receive(READY, 1.0)
    connection.receive(PENDING, 2.0)
    connection.trust(5.0)
    assert connection.state is State.READY


def test_refusal_aborts_and_closes_with_4452() -> None:
    connection = brought_to(State.PENDING)
    assert connection.refuse(7.0) == []
    aborts(connection, 7.0, Cause.REFUSED, 4452)


def test_refusal_of_a_peer_that_was_ready_for_us_too() -> None:
    connection = brought_to(State.READY)
    connection.refuse(7.0)
    aborts(connection, 7.0, Cause.REFUSED, 4452)


def test_a_peer_that_leaves_while_we_abort_changes_nothing() -> None:
    connection = brought_to(State.PENDING)
    connection.refuse(7.0)
    assert closed(connection.lost(1006, 7.1)).cause is Cause.REFUSED


def test_pending_with_a_silent_peer_aborts_after_60_s() -> None:
    connection = brought_to(State.PENDING)
    assert connection.wake(59.9) == []
    connection.wake(60.0)
    aborts(connection, 60.0, Cause.REFUSED, 4452)


@pytest.mark.parametrize("phase", [b"ready", b"pending"])
@pytest.mark.parametrize(
    ("waiting_ms", "asks_after_s"), [(60_000, 30), (240_000, 210), (600_000, 210), (31_000, 1), (30_000, 1), (16_000, 1), (45_000, 15)]
)
def test_prolongation_is_asked_for_30_s_before_the_peers_time_is_up(phase: bytes, waiting_ms: int, asks_after_s: float) -> None:
    connection = brought_to(State.PENDING)
    assert connection.receive(hello(phase, waiting_ms), 10.0) == []
    assert connection.deadline == 10.0 + asks_after_s
    assert connection.wake(10.0 + asks_after_s) == []
    assert connection.outgoing() == [PROLONG]
    assert connection.deadline == 10.0 + asks_after_s + min(waiting_ms / 1000, 240)


@pytest.mark.parametrize("waiting_ms", [1_000, 15_000, 15_999])
def test_with_too_little_time_left_prolongation_is_not_asked_for(waiting_ms: int) -> None:
    connection = brought_to(State.PENDING)
    connection.receive(hello(b"ready", waiting_ms), 10.0)
    assert connection.deadline == 10.0 + waiting_ms / 1000
    connection.wake(connection.deadline)
    aborts(connection, 10.0 + waiting_ms / 1000, Cause.REFUSED, 4452)


@pytest.mark.parametrize("phase", [b"ready", b"pending"])
@pytest.mark.parametrize("waiting_ms", [0, 999])
def test_a_peer_that_waits_for_less_than_a_second_breaks_the_rules(phase: bytes, waiting_ms: int) -> None:
    connection = brought_to(State.PENDING)
    connection.receive(hello(phase, waiting_ms), 10.0)
    aborts(connection, 10.0, Cause.PROTOCOL)


def test_prolongation_goes_on_as_long_as_the_peer_grants_it_and_then_the_user_trusts() -> None:
    connection = brought_to(State.PENDING)
    connection.receive(READY, 0.0)
    now = 0.0
    for _ in range(20):
        now += 30.0
        connection.wake(now)
        assert connection.outgoing() == [PROLONG]
        connection.receive(READY, now + 0.1)
        now += 0.1
    connection.trust(now)
    assert connection.state is State.PROPOSAL


def test_prolongation_that_is_not_answered_aborts_when_the_peers_time_is_up() -> None:
    connection = brought_to(State.PENDING)
    connection.receive(hello(b"ready", 40_000), 0.0)
    connection.wake(10.0)
    assert connection.deadline == 50.0
    assert connection.wake(49.9) == []
    connection.wake(50.0)
    aborts(connection, 50.0, Cause.REFUSED, 4452)


def test_we_do_not_ask_for_ever() -> None:
    connection = brought_to(State.PENDING)
    now = 0.0
    for _ in range(MAX_PROLONGATIONS + 1):
        connection.receive(READY, now)
        now += 30.0
        connection.wake(now)
    assert connection.outgoing() == [PROLONG] * MAX_PROLONGATIONS
    connection.wake(now + 30.0)
    assert connection.state is State.ABORTING


def test_a_pending_peer_that_asks_us_for_time_gets_it() -> None:
    connection = brought_to(State.PENDING)
    connection.receive(PENDING, 0.0)
    deadline = connection.deadline
    for _ in range(MAX_PROLONGATIONS + 5):
        assert connection.receive(PROLONG, 1.0) == []
    assert connection.outgoing() == [PENDING] * MAX_PROLONGATIONS
    assert connection.deadline == deadline


def test_a_hello_without_waiting_is_taken_for_the_usual_60_s() -> None:
    connection = brought_to(State.PENDING)
    connection.receive(b'\1{"connectionHello":[{"phase":"ready"}]}', 0.0)
    assert connection.deadline == 30.0


def test_two_of_ours_where_both_users_take_their_time() -> None:
    ends = {role: ShipConnection(role, f"{role}-1", 0.0, trusted=False) for role in Role}
    client, server = ends[Role.CLIENT], ends[Role.SERVER]
    now = 0.0
    while client.state is not State.CONNECTED or server.state is not State.CONNECTED:
        frames = {role: end.outgoing() for role, end in ends.items()}
        for frame in frames[Role.CLIENT]:
            server.receive(frame, now)
        for frame in frames[Role.SERVER]:
            client.receive(frame, now)
        if any(frames.values()):
            continue
        now = min(end.deadline for end in ends.values() if end.deadline is not None)
        assert now < 1000.0
        if now > 200.0:
            client.trust(now)
        if now > 400.0:
            server.trust(now)
        for end in ends.values():
            end.wake(now)
    assert (client.peer_id, server.peer_id) == ("server-1", "client-1")
    assert now > 400.0
