"""A peer's messages as they go over the wire, and connections brought into a state."""

from chargebridge.wire.eebus.ship import Role, ShipConnection, State

INIT = b"\0\0"
READY = b'\1{"connectionHello":[{"phase":"ready"},{"waiting":60000}]}'
PENDING = b'\1{"connectionHello":[{"phase":"pending"},{"waiting":60000}]}'
PROLONG = b'\1{"connectionHello":[{"phase":"pending"},{"prolongationRequest":true}]}'
ABORTED = b'\1{"connectionHello":[{"phase":"aborted"}]}'
ANNOUNCE_MAX = (
    b'\1{"messageProtocolHandshake":[{"handshakeType":"announceMax"},{"version":[{"major":1},{"minor":0}]},'
    b'{"formats":[{"format":["JSON-UTF8"]}]}]}'
)
SELECT = ANNOUNCE_MAX.replace(b"announceMax", b"select")
PIN = b'\1{"connectionPinState":[{"pinState":"none"}]}'
ACCESS_REQUEST = b'\1{"accessMethodsRequest":[]}'
ACCESS = b'\1{"accessMethods":[{"id":"Peer-1"}]}'
OUR_ACCESS = b'\1{"accessMethods":[{"id":"Ours-1"}]}'
PAYLOAD = b'{"datagram":[{"header":[{"msgCounter":1}]},{"payload":[{"cmd":[[{"x":[]}]]}]}]}'
DATA = b'\2{"data":[{"header":[{"protocolId":"ee1.0"}]},{"payload":' + PAYLOAD + b"}]}"
ANNOUNCE_END = b'\3{"connectionClose":[{"phase":"announce"},{"maxTime":500},{"reason":"unspecific"}]}'
CONFIRM_END = b'\3{"connectionClose":[{"phase":"confirm"}]}'

WAY = {
    Role.SERVER: {
        State.READY: [INIT],
        State.PROPOSAL: [READY],
        State.CONFIRMATION: [ANNOUNCE_MAX],
        State.PIN: [SELECT],
        State.ACCESS: [PIN],
        State.CONNECTED: [ACCESS_REQUEST, ACCESS],
    },
    Role.CLIENT: {
        State.READY: [INIT],
        State.CHOICE: [READY],
        State.PIN: [SELECT],
        State.ACCESS: [PIN],
        State.CONNECTED: [ACCESS_REQUEST, ACCESS],
    },
}
"""What a trusted peer says to bring a connection into a state, from the state before."""


def brought_to(state: State, role: Role = Role.SERVER, peer_id: str | None = None) -> ShipConnection:
    """At time 0; what it said on the way is already taken."""
    connection = ShipConnection(role, "Ours-1", 0.0, trusted=state is not State.PENDING, peer_id=peer_id)
    if state is State.PENDING:
        connection.receive(INIT, 0.0)
    else:
        for step, frames in WAY[role].items():
            if connection.state is state:
                break
            for frame in frames:
                connection.receive(frame, 0.0)
            assert connection.state is step
    assert connection.state is state
    connection.outgoing()
    return connection
