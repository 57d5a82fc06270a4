"""Recorded sessions against our side, which takes the place of either node: it says the same and ends the same way (vectors/eebus/captured)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chargebridge.wire.eebus.ship import Cause, Closed, Connected, Event, Malformed, Received, Role, ShipConnection, State

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[5] / "shared" / "vectors")) / "eebus" / "captured"
SESSIONS = [path for path in sorted(VECTORS.glob("*.jsonl")) if not path.name.startswith("02")]  # 02 has the datagrams only

pytestmark = pytest.mark.skipif(len(SESSIONS) != 5, reason=f"no sessions in {VECTORS}; CHARGEBRIDGE_VECTORS names another place")


def frame_of(wire: Any) -> bytes:
    if isinstance(wire, str):
        return b"\0\0"
    kind = {"data": 2, "connectionClose": 3}.get(next(iter(wire)), 1)
    return bytes((kind,)) + json.dumps(wire, separators=(",", ":"), ensure_ascii=False).encode()


def payload_of(frame: bytes) -> bytes:
    return frame[frame.index(b'"payload":') + len(b'"payload":') : -3]


def test_every_session_is_there_in_both_roles() -> None:
    assert [len(path.read_text().splitlines()) for path in SESSIONS] == [85, 69, 71, 64, 104]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.name[:12])
def test_a_session_with_us_in_either_place(path: Path, role: Role) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    client = lines[0]["sender"]
    record = [((line["sender"] == client) == (role is Role.CLIENT), frame_of(line["wire"])) for line in lines]
    ours = [frame for mine, frame in record if mine]
    theirs = [frame for mine, frame in record if not mine]
    our_id, their_id = (
        json.loads(next(f for f in side if b'"accessMethods"' in f)[1:])["accessMethods"][0]["id"] for side in (ours, theirs)
    )

    connection = ShipConnection(role, our_id, 0.0, trusted=True, peer_id=their_id)
    said, events = connection.outgoing(), list[Event]()
    waiting: list[bytes] = []
    for mine, frame in record:
        if not mine:
            events += connection.receive(frame, 0.0)
        elif frame[0] == 2:
            waiting.append(frame)
        elif b"announce" in frame and frame[0] == 3:
            assert waiting == []
            events += connection.close(0.0)
        if connection.state is State.CONNECTED:
            for held in waiting:
                connection.send(payload_of(held))
            waiting.clear()
        said += connection.outgoing()

    def but_data(frames: list[bytes]) -> list[bytes]:
        return [frame for frame in frames if frame[0] != 2]

    assert but_data(said) == but_data(ours)
    assert [frame for frame in said if frame[0] == 2] == [frame for frame in ours if frame[0] == 2]
    assert [event for event in events if isinstance(event, Connected | Malformed)] == [Connected(their_id)]
    assert [event.payload for event in events if isinstance(event, Received)] == [payload_of(frame) for frame in theirs if frame[0] == 2]
    if path.name.startswith("04"):  # the only one that was closed in order, by the client
        (closed,) = [event for event in events if isinstance(event, Closed)]
        assert closed.cause is (Cause.OUR_END if role is Role.CLIENT else Cause.PEER_END)
        assert connection.state is State.CLOSED
    else:
        assert connection.state is State.CONNECTED
