"""Whatever comes in whatever order: no hanging without a deadline, no data before trust, and always an end."""

from hypothesis import given
from hypothesis import strategies as st
from tests.wire.eebus.ship import scenes

from chargebridge.wire.eebus.ship import Closed, Connected, Event, Malformed, Received, Role, ShipConnection, State

ODD: list[bytes | str] = [
    scenes.INIT,
    scenes.READY,
    scenes.PENDING,
    scenes.PROLONG,
    scenes.ABORTED,
    scenes.ANNOUNCE_MAX,
    scenes.SELECT,
    scenes.PIN,
    scenes.ACCESS,
    scenes.DATA,
    scenes.ANNOUNCE_END,
    scenes.CONFIRM_END,
    "trust",
    "refuse",
    "close",
    "wake",
    "lost",
]
NEXT: dict[State, list[bytes | str]] = {
    State.CMI: [scenes.INIT],
    State.READY: [scenes.READY, scenes.PROLONG],
    State.PENDING: [scenes.READY, scenes.PENDING, scenes.PROLONG, "wake", "trust"],
    State.PROPOSAL: [scenes.ANNOUNCE_MAX],
    State.CHOICE: [scenes.SELECT],
    State.CONFIRMATION: [scenes.SELECT],
    State.PIN: [scenes.PIN],
    State.ACCESS: [scenes.DATA, scenes.ACCESS_REQUEST, scenes.ACCESS],
    State.CONNECTED: [scenes.DATA, scenes.ACCESS, b"rubbish"],
}
"""What a peer that means well may say; without it random orders would hardly come further than hello."""

moments = st.sampled_from([0.0] * 40 + [0.4, 1.0, 9.9, 10.0, 29.0, 30.0, 60.0, 1e6])
waits = st.integers(0, 300_000).map(lambda ms: b'\1{"connectionHello":[{"phase":"pending"},{"waiting":%d}]}' % ms)
odd = st.sampled_from(ODD) | waits | st.binary(max_size=8)
orders = st.lists(st.tuples(st.sampled_from([0, 1, 2, 3, 4] * 6 + [None]), odd, moments), min_size=20, max_size=40)


def do(connection: ShipConnection, step: bytes | str, now: float) -> list[Event]:
    if isinstance(step, bytes):
        return connection.receive(step, now)
    if step == "lost":
        return connection.lost(1006, now)
    events: list[Event] = getattr(connection, step)(now)
    return events


@given(st.sampled_from(Role), st.booleans(), orders)
def test_any_order_of_messages_words_and_time(role: Role, trusted: bool, order: list[tuple[int | None, bytes | str, float]]) -> None:
    connection = ShipConnection(role, "Ours-1", 0.0, trusted=trusted)
    now, events, we_trust, peer_ready = 0.0, list[Event](), trusted, False
    for choice, oddity, later in order:
        now += later
        good = NEXT.get(connection.state, [])
        step = good[choice % len(good)] if choice is not None and good else oddity
        before = connection.state
        we_trust |= step == "trust"
        peer_ready |= step == scenes.READY
        new = do(connection, step, now)
        assert (we_trust and peer_ready) or not any(isinstance(event, Connected | Received) for event in new)
        assert (connection.deadline is None) == (connection.state in (State.CONNECTED, State.CLOSED))
        assert connection.deadline is None or connection.deadline > now
        assert before is not State.CLOSED or new == []
        events += new

    for _ in range(3):  # left to itself it ends: what it may wait for, and "aborted"
        if connection.deadline is not None:
            now = connection.deadline
            events += connection.wake(now)
    assert connection.state in (State.CONNECTED, State.CLOSED)

    kinds = [type(event) for event in events if not isinstance(event, Malformed)]
    assert kinds.count(Connected) <= 1
    assert kinds.count(Closed) == (connection.state is State.CLOSED)
    assert Closed not in kinds[:-1]
    assert Received not in kinds or kinds.index(Connected) < kinds.index(Received)
    assert not any(frame[0] == 2 for frame in connection.outgoing())


words = st.lists(st.tuples(st.sampled_from(["trust", "refuse", "close"]), st.sampled_from(Role), st.floats(0, 200)), max_size=3)


@given(st.booleans(), st.booleans(), words, st.floats(0, 3))
def test_two_of_ours_end_alike(client_trusts: bool, server_trusts: bool, plan: list[tuple[str, Role, float]], delay: float) -> None:
    trusts = {Role.CLIENT: client_trusts, Role.SERVER: server_trusts}
    ends = {role: ShipConnection(role, role, 0.0, trusted=trusts[role]) for role in Role}
    other = {Role.CLIENT: Role.SERVER, Role.SERVER: Role.CLIENT}
    plan = sorted(plan, key=lambda word: word[2])
    under_way: list[tuple[float, Role, bytes | int]] = []
    now = 0.0
    for _ in range(2000):
        for role, end in ends.items():
            under_way += [(now + delay, other[role], frame) for frame in end.outgoing()]
        times = [at for at, _, _ in under_way[:1]] + [at for _, _, at in plan[:1]] + [end.deadline for end in ends.values() if end.deadline]
        if not times:
            break
        now = max(now, min(times))
        new = {role: end.wake(now) for role, end in ends.items()}
        if plan and plan[0][2] <= now:
            word, role, _ = plan.pop(0)
            new[role] += do(ends[role], word, now)
        elif under_way and under_way[0][0] <= now:
            _, role, what = under_way.pop(0)
            new[role] += ends[role].receive(what, now) if isinstance(what, bytes) else ends[role].lost(what, now)
        for role, events in new.items():
            under_way += [(now + delay, other[role], frame) for frame in ends[role].outgoing()]
            under_way += [(now + delay, other[role], event.code) for event in events if isinstance(event, Closed)]
    assert ends[Role.CLIENT].state is ends[Role.SERVER].state
    assert ends[Role.CLIENT].state in (State.CONNECTED, State.CLOSED)
