"""Which states a SHIP connection has, and what happens in each: the table that `connection` follows (SHIP 1.0.1, chapter 13.4).

A SHIP connection is one WebSocket. Both nodes run the same steps; only who dialled (the client) speaks first in CMI and in the protocol handshake.

    CMI            two bytes each way, so that both know that the other speaks SHIP
    hello          both say whether they trust the other's SKI. READY: we do. PENDING: somebody here has yet to decide.
                   Who is ready waits 60 s for the other; who is pending asks, 30 s before the other's time is up, for more (prolongation).
    protocol       client: announceMax, server: select, client: the same again. There is one version and one format.
    PIN            both say that they need none
    access         both ask for, and tell, their SHIP ID. Data may come before this is finished; it is kept until then.
    CONNECTED      data both ways
    CLOSING        we announced the end and wait for its confirmation
    ABORTING       we said "aborted" and give the other a second to read it
    CLOSED         for ever; the next attempt is a new connection

Every state but CONNECTED and CLOSED has a deadline, so that no peer can hold a connection open by silence.
What a state has no entry for is unexpected, and `UNEXPECTED` says what comes of it. The actions are methods of `connection.ShipConnection`.
"""

from enum import StrEnum

from chargebridge.wire.eebus.ship.messages import (
    AccessMethods,
    AccessMethodsRequest,
    ClosePhase,
    ConnectionClose,
    ConnectionHello,
    ConnectionPinState,
    Data,
    HandshakeType,
    HelloPhase,
    Init,
    Message,
    MessageProtocolHandshake,
    MessageProtocolHandshakeError,
)


class State(StrEnum):
    CMI = "connection mode initialisation"
    READY = "hello, ready"
    PENDING = "hello, pending"
    PROPOSAL = "protocol handshake, waiting for announceMax"  # server
    CHOICE = "protocol handshake, waiting for select"  # client
    CONFIRMATION = "protocol handshake, waiting for select to be confirmed"  # server
    PIN = "PIN"
    ACCESS = "access methods"
    CONNECTED = "connected"
    CLOSING = "closing"
    ABORTING = "aborting"
    CLOSED = "closed"


class Signal(StrEnum):
    """What can happen: a message of the peer's, time that is up, or a word of our own application."""

    INIT = "init"
    HELLO_READY = "connectionHello ready"
    HELLO_PENDING = "connectionHello pending"
    HELLO_PROLONG = "connectionHello pending, prolongationRequest"
    HELLO_ABORTED = "connectionHello aborted"
    ANNOUNCE_MAX = "messageProtocolHandshake announceMax"
    SELECT = "messageProtocolHandshake select"
    PROTOCOL_ERROR = "messageProtocolHandshakeError"
    PIN = "connectionPinState"
    ACCESS_REQUEST = "accessMethodsRequest"
    ACCESS = "accessMethods"
    DATA = "data"
    END_ANNOUNCE = "connectionClose announce"
    END_CONFIRM = "connectionClose confirm"
    TIMEOUT = "timeout"
    TRUST = "trust"
    REFUSE = "refuse"
    CLOSE = "close"


TABLE: dict[State, dict[Signal, str]] = {
    State.CMI: {
        Signal.INIT: "begin_hello",
        Signal.TRUST: "note_trust",
        Signal.REFUSE: "shut_refused",
        Signal.CLOSE: "shut_by_us",
        Signal.TIMEOUT: "shut_silent",
    },
    State.READY: {
        Signal.HELLO_READY: "begin_protocol",
        Signal.HELLO_PENDING: "tell_peer_waits",
        Signal.HELLO_PROLONG: "grant_ready",
        Signal.HELLO_ABORTED: "shut_denied",
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.REFUSE: "abort_refused",
        Signal.CLOSE: "shut_by_us",
        Signal.TIMEOUT: "abort_silent",
    },
    State.PENDING: {
        Signal.HELLO_READY: "note_peer_ready",
        Signal.HELLO_PENDING: "note_peer_pending",
        Signal.HELLO_PROLONG: "grant_pending",
        Signal.HELLO_ABORTED: "shut_denied",
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.TRUST: "become_ready",
        Signal.REFUSE: "abort_refused",
        Signal.CLOSE: "shut_by_us",
        Signal.TIMEOUT: "ask_for_time",
    },
    State.PROPOSAL: {
        Signal.ANNOUNCE_MAX: "choose",
        Signal.HELLO_READY: "pass_over",  # the answer to a prolongation request that crossed our "ready"
        Signal.PROTOCOL_ERROR: "shut_protocol",
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.REFUSE: "shut_refused",
        Signal.CLOSE: "shut_by_us",
        Signal.TIMEOUT: "fail_timeout",
    },
    State.CHOICE: {
        Signal.SELECT: "check_choice",
        Signal.HELLO_READY: "pass_over",
        Signal.PROTOCOL_ERROR: "shut_protocol",
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.REFUSE: "shut_refused",
        Signal.CLOSE: "shut_by_us",
        Signal.TIMEOUT: "fail_timeout",
    },
    State.CONFIRMATION: {
        Signal.SELECT: "check_confirmation",
        Signal.PROTOCOL_ERROR: "shut_protocol",
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.REFUSE: "shut_refused",
        Signal.CLOSE: "shut_by_us",
        Signal.TIMEOUT: "fail_timeout",
    },
    State.PIN: {
        Signal.PIN: "check_pin",
        Signal.PROTOCOL_ERROR: "shut_protocol",
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.REFUSE: "shut_refused",
        Signal.CLOSE: "shut_by_us",
        Signal.TIMEOUT: "shut_silent",
    },
    State.ACCESS: {
        Signal.ACCESS_REQUEST: "tell_access",
        Signal.ACCESS: "finish_access",
        Signal.DATA: "keep_data",
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.REFUSE: "shut_refused",
        Signal.CLOSE: "shut_by_us",
        Signal.TIMEOUT: "shut_silent",
    },
    State.CONNECTED: {
        Signal.ACCESS_REQUEST: "tell_access",
        Signal.ACCESS: "check_access",
        Signal.DATA: "deliver",
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.REFUSE: "announce_removal",
        Signal.CLOSE: "announce_end",
    },
    State.CLOSING: {
        Signal.DATA: "deliver",  # the peer may use the time to finish what it is at
        Signal.END_ANNOUNCE: "confirm_end",
        Signal.END_CONFIRM: "shut_by_us",
        Signal.TIMEOUT: "shut_by_us",
    },
    State.ABORTING: {
        Signal.TIMEOUT: "shut_aborted",
    },
    State.CLOSED: {},
}

UNEXPECTED = {
    State.CMI: "shut_unexpected",
    State.READY: "abort_unexpected",
    State.PENDING: "abort_unexpected",
    State.PROPOSAL: "fail_unexpected",
    State.CHOICE: "fail_unexpected",
    State.CONFIRMATION: "fail_unexpected",
    State.PIN: "shut_unexpected",
    State.ACCESS: "shut_unexpected",
    State.CONNECTED: "report",
    State.CLOSING: "report",
    State.ABORTING: "ignore",
    State.CLOSED: "ignore",
}
"""What comes of a message that is malformed or has no place in a state. Once connected, it costs that message only."""

_PLAIN: dict[type, Signal] = {
    Init: Signal.INIT,
    MessageProtocolHandshakeError: Signal.PROTOCOL_ERROR,
    ConnectionPinState: Signal.PIN,
    AccessMethodsRequest: Signal.ACCESS_REQUEST,
    AccessMethods: Signal.ACCESS,
    Data: Signal.DATA,
}
_HELLO = {HelloPhase.READY: Signal.HELLO_READY, HelloPhase.PENDING: Signal.HELLO_PENDING, HelloPhase.ABORTED: Signal.HELLO_ABORTED}


def signal_of(message: Message) -> Signal:
    match message:
        case ConnectionHello(phase=HelloPhase.PENDING, prolongation_request=True):
            return Signal.HELLO_PROLONG
        case ConnectionHello():
            return _HELLO[message.phase]
        case MessageProtocolHandshake():
            return Signal.ANNOUNCE_MAX if message.handshake_type is HandshakeType.ANNOUNCE_MAX else Signal.SELECT
        case ConnectionClose():
            return Signal.END_ANNOUNCE if message.phase is ClosePhase.ANNOUNCE else Signal.END_CONFIRM
        case _:
            return _PLAIN[type(message)]
