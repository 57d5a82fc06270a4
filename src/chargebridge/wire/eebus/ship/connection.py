"""One SHIP connection as a state machine without a socket and without a clock. What happens in which state stands in `states`.

    connection = ShipConnection(Role.SERVER, "Acme-Hems-1", now, trusted=False)
    for event in connection.receive(frame, now): ...     # one binary WebSocket message of the peer's
    for event in connection.wake(now): ...               # when `connection.deadline` has come
    for frame in connection.outgoing(): ...              # after every call: what is to be sent, in this order

After `Closed`, send what is outgoing, then close the WebSocket with its code. `now` is seconds on any steady clock of the caller's.
Data is given out only after both sides are ready, and never before `Connected`.
"""

from enum import StrEnum

from chargebridge.wire.eebus import json
from chargebridge.wire.eebus.ship.errors import ShipError
from chargebridge.wire.eebus.ship.events import Cause, Closed, Connected, Event, Malformed, PeerWaits, Received, TrustWanted
from chargebridge.wire.eebus.ship.messages import (
    JSON_UTF8,
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
from chargebridge.wire.eebus.ship.states import TABLE, UNEXPECTED, Signal, State, signal_of

STEP_S = 10.0  # CMI timeout, and that of each later step (13.4.3; 10 to 30 s are allowed)
HELLO_S = 60.0  # T_hello_init and T_hello_inc: how long we wait for the other to be ready
HELLO_MAX_S = 240.0  # the longest time that a peer may announce
ASK_BEFORE_S = 30.0  # T_hello_prolong_thr_inc: prolongation is asked for so long before the peer's time is up
ASK_GAP_S = 15.0  # T_hello_prolong_waiting_gap: with less than this left it is not asked for
ASK_MIN_S = 1.0  # T_hello_prolong_min: a peer that announces less breaks the rules
ABORT_S = 1.0  # between "aborted" and the close, for the peer to read it
CLOSE_S = 0.5  # what we announce as maxTime

MAX_PROLONGATIONS = 60  # each way: about half an hour for a user to find the other device
MAX_HELLOS = 300  # of a peer: what prolongations need, and as much again
MAX_KEPT_MESSAGES = 64  # data that comes before access methods are finished
MAX_KEPT_BYTES = 1024 * 1024

GENERIC_CLOSE = 4001
ID_MISMATCH = 4450
NODE_REJECTED = 4452
UNEXPECTED_MESSAGE, SELECTION_MISMATCH, TIMEOUT = 2, 3, 1  # of messageProtocolHandshakeError

_VERSION = Version(1, 0)
_FORMATS = Formats((JSON_UTF8,))
_ASK_CONFIRM = "confirm this SKI on the other device"


class Role(StrEnum):
    CLIENT = "client"  # who dialled
    SERVER = "server"


class ShipConnection:
    """Of one WebSocket, from its opening on.

    role: who dialled. ship_id: our own. trusted: the peer's SKI is paired, or we dialled because the user asked for it.
    peer_id: the SHIP ID that the peer had when it was paired; another one ends the connection.
    """

    def __init__(self, role: Role, ship_id: str, now: float, *, trusted: bool, peer_id: str | None = None, max_bytes: int = json.MAX_BYTES):
        self.role = role
        self.state = State.CMI
        self.deadline: float | None = now + STEP_S
        """When to call `wake`. None only while connected and once closed."""
        self.peer_id = peer_id
        self._ship_id = ship_id
        self._trusted = trusted
        self._max_bytes = max_bytes
        self._peer_ready = False
        self._ask_next = False  # in PENDING: the deadline is the time to ask for prolongation
        self._peer_waits_s = HELLO_S  # in PENDING: what the peer announced last
        self._granted = self._asked = self._hellos = 0
        self._kept: list[bytes] = []
        self._abort_as = (Cause.PROTOCOL, GENERIC_CLOSE, "", "")
        self._outgoing: list[bytes] = []
        self._events: list[Event] = []
        if role is Role.CLIENT:
            self._send(Init())

    def receive(self, frame: bytes, now: float) -> list[Event]:
        """One binary WebSocket message. Raises nothing: what is wrong ends the connection or comes out as `Malformed`."""
        self._wake(now)
        try:
            message = decode(frame, self._max_bytes)
            if self.state in (State.READY, State.PENDING):
                self._count_hello()
            action = TABLE[self.state].get(signal_of(message))
            if action is None:
                raise ShipError("$", f"{signal_of(message)} while in {self.state}", "keep to the order of SHIP 13.4")
        except ShipError as error:
            getattr(self, f"_{UNEXPECTED[self.state]}")(error, now)
        else:
            getattr(self, f"_{action}")(message, now)
        return self._drain()

    def wake(self, now: float) -> list[Event]:
        """Call it when `deadline` has come; earlier it does nothing."""
        self._wake(now)
        return self._drain()

    def trust(self, now: float) -> list[Event]:
        """The user, or a pairing, has decided that the peer is trusted."""
        return self._word(Signal.TRUST, now)

    def refuse(self, now: float) -> list[Event]:
        """The user has decided that the peer is not, or no longer, trusted."""
        return self._word(Signal.REFUSE, now)

    def close(self, now: float) -> list[Event]:
        """End it in order: announced, if it had come so far that there is anything to announce."""
        return self._word(Signal.CLOSE, now)

    def send(self, payload: bytes) -> None:
        """One SPINE datagram as EEBUS JSON. Raises ShipError unless connected."""
        if self.state is not State.CONNECTED:
            raise ShipError("$.data", f"not connected but in {self.state}", "send after Connected and before close")
        self._send(Data(payload))

    def lost(self, code: int, now: float) -> list[Event]:
        """The WebSocket was closed by the peer or broke. code: of the close frame, 1006 if there was none."""
        self._wake(now)
        if self.state is State.CLOSING:
            self._shut(Cause.OUR_END, code, "", "closed by us")
        elif self.state is State.ABORTING:
            self._shut_aborted(None, now)
        elif code == NODE_REJECTED:
            self._shut(Cause.DENIED, code, "", f"the peer does not trust this node: {_ASK_CONFIRM}")
        elif code == ID_MISMATCH:
            self._shut(Cause.ID_MISMATCH, code, "", "the peer knows this node by another SHIP ID: restore the old one, or pair again there")
        else:
            self._shut(
                Cause.LOST, code, "", f"the WebSocket ended with {code} in {self.state}: look whether the peer or the network is down"
            )
        return self._drain()

    def outgoing(self) -> list[bytes]:
        """The binary WebSocket messages to be sent now; they are given out once."""
        frames, self._outgoing = self._outgoing, []
        return frames

    # How a signal becomes an action

    def _word(self, signal: Signal, now: float) -> list[Event]:
        self._wake(now)
        if action := TABLE[self.state].get(signal):
            getattr(self, f"_{action}")(None, now)
        return self._drain()

    def _wake(self, now: float) -> None:
        if self.deadline is not None and now >= self.deadline:
            getattr(self, f"_{TABLE[self.state][Signal.TIMEOUT]}")(None, now)

    def _drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _send(self, message: Message) -> None:
        self._outgoing.append(encode(message))

    def _enter(self, state: State, deadline: float | None) -> None:
        self.state = state
        self.deadline = deadline

    # Hello

    def _note_trust(self, _message: None, _now: float) -> None:
        self._trusted = True

    def _begin_hello(self, _message: Init, now: float) -> None:
        if self.role is Role.SERVER:
            self._send(Init())
        if self._trusted:
            self._enter_ready(now)
        else:
            self._enter(State.PENDING, now + HELLO_S)
            self._say(HelloPhase.PENDING)
            self._events.append(TrustWanted())

    def _enter_ready(self, now: float) -> None:
        self._enter(State.READY, now + HELLO_S)
        self._say(HelloPhase.READY)

    def _say(self, phase: HelloPhase) -> None:
        self._send(ConnectionHello(phase, waiting=round(HELLO_S * 1000)))

    def _count_hello(self) -> None:
        self._hellos += 1
        if self._hellos > MAX_HELLOS:
            raise ShipError(
                "$.connectionHello", f"more than {MAX_HELLOS} in one hello", "say hello again only when the phase or the time changes"
            )

    def _tell_peer_waits(self, hello: ConnectionHello, _now: float) -> None:
        self._events.append(PeerWaits(None if hello.waiting is None else hello.waiting / 1000))

    def _grant_ready(self, hello: ConnectionHello, now: float) -> None:
        if self._granted < MAX_PROLONGATIONS:
            self._granted += 1
            self._enter_ready(now)
            self._tell_peer_waits(hello, now)

    def _grant_pending(self, _hello: ConnectionHello, _now: float) -> None:
        """It is the peer that waits for us; our own asking goes on as it was planned."""
        if self._granted < MAX_PROLONGATIONS:
            self._granted += 1
            self._say(HelloPhase.PENDING)

    def _note_peer_ready(self, hello: ConnectionHello, now: float) -> None:
        self._peer_ready = True
        self._plan_to_ask(hello, now)

    def _note_peer_pending(self, hello: ConnectionHello, now: float) -> None:
        self._peer_ready = False
        self._plan_to_ask(hello, now)

    def _plan_to_ask(self, hello: ConnectionHello, now: float) -> None:
        """The peer's timer counts from now on, not ours: ask before it ends (13.4.4.1.3)."""
        waiting_s = HELLO_S if hello.waiting is None else min(hello.waiting / 1000, HELLO_MAX_S)
        if waiting_s < ASK_MIN_S:
            reason = f"the peer waits for {waiting_s} s only"
            self._abort(Cause.PROTOCOL, GENERIC_CLOSE, "hello", f"{reason}: have it announce 60 s or more", now)
            return
        self._peer_waits_s = waiting_s
        self._ask_next = waiting_s >= ASK_GAP_S + ASK_MIN_S and self._asked < MAX_PROLONGATIONS
        self.deadline = now + (max(waiting_s - ASK_BEFORE_S, ASK_MIN_S) if self._ask_next else waiting_s)

    def _ask_for_time(self, _message: None, now: float) -> None:
        if not self._ask_next:
            self._abort(
                Cause.REFUSED, NODE_REJECTED, "Node rejected by application", "nobody here decided in time whether to trust the peer", now
            )
            return
        self._asked += 1
        self._ask_next = False
        self.deadline = now + self._peer_waits_s
        self._send(ConnectionHello(HelloPhase.PENDING, prolongation_request=True))

    def _become_ready(self, _message: None, now: float) -> None:
        self._enter_ready(now)
        if self._peer_ready:
            self._begin_protocol(None, now)

    # Protocol handshake, PIN, access methods

    def _begin_protocol(self, _hello: ConnectionHello | None, now: float) -> None:
        if self.role is Role.CLIENT:
            self._send(MessageProtocolHandshake(HandshakeType.ANNOUNCE_MAX, _VERSION, _FORMATS))
        self._enter(State.CHOICE if self.role is Role.CLIENT else State.PROPOSAL, now + STEP_S)

    def _choose(self, proposal: MessageProtocolHandshake, now: float) -> None:
        if proposal.version.major < _VERSION.major or JSON_UTF8 not in proposal.formats.format:
            self._fail(SELECTION_MISMATCH, f"the peer offers {_told(proposal)}")
            return
        self._send(MessageProtocolHandshake(HandshakeType.SELECT, _VERSION, _FORMATS))
        self._enter(State.CONFIRMATION, now + STEP_S)

    def _check_choice(self, choice: MessageProtocolHandshake, now: float) -> None:
        if self._selected(choice):
            self._send(MessageProtocolHandshake(HandshakeType.SELECT, _VERSION, _FORMATS))
            self._begin_pin(now)

    def _check_confirmation(self, choice: MessageProtocolHandshake, now: float) -> None:
        if self._selected(choice):
            self._begin_pin(now)

    def _selected(self, choice: MessageProtocolHandshake) -> bool:
        right = choice.version == _VERSION and choice.formats == _FORMATS
        if not right:
            self._fail(SELECTION_MISMATCH, f"the peer selects {_told(choice)}")
        return right

    def _begin_pin(self, now: float) -> None:
        self._enter(State.PIN, now + STEP_S)
        self._send(ConnectionPinState(PinState.NONE))

    def _check_pin(self, pin: ConnectionPinState, now: float) -> None:
        if pin.pin_state not in (PinState.NONE, PinState.PIN_OK):
            self._shut(
                Cause.PIN, GENERIC_CLOSE, "PIN not supported", f"the peer's PIN is {pin.pin_state}: switch it off there, no PIN is sent"
            )
            return
        self._enter(State.ACCESS, now + STEP_S)
        self._send(AccessMethodsRequest())

    def _tell_access(self, _request: AccessMethodsRequest, _now: float) -> None:
        self._send(AccessMethods(self._ship_id))

    def _finish_access(self, access: AccessMethods, now: float) -> None:
        self._check_access(access, now)
        if self.state is State.CLOSED:
            return
        self._enter(State.CONNECTED, None)
        self._events.append(Connected(self.peer_id))
        self._events += map(Received, self._kept)
        self._kept = []

    def _check_access(self, access: AccessMethods, _now: float) -> None:
        if access.id and self.peer_id and access.id != self.peer_id:
            reason = (
                f"the peer calls itself {access.id!r}, and {self.peer_id!r} when it was paired: pair it again if it was replaced or reset"
            )
            self._shut(Cause.ID_MISMATCH, ID_MISMATCH, "SHIP id mismatch", reason)
            return
        self.peer_id = self.peer_id or access.id or None

    # Data

    def _keep_data(self, data: Data, now: float) -> None:
        self._kept.append(data.payload)
        if len(self._kept) > MAX_KEPT_MESSAGES or sum(map(len, self._kept)) > MAX_KEPT_BYTES:
            error = ShipError("$.data", "too much before access methods are finished", "answer accessMethodsRequest first")
            self._shut_unexpected(error, now)

    def _deliver(self, data: Data, _now: float) -> None:
        self._events.append(Received(data.payload))

    def _report(self, error: ShipError, _now: float) -> None:
        self._events.append(Malformed(error))

    def _ignore(self, _error: ShipError, _now: float) -> None:
        """The end has begun; nothing counts any more."""

    def _pass_over(self, _message: Message, _now: float) -> None:
        """It came too late to mean anything."""

    # The end

    def _announce_end(self, _message: None, now: float, reason: str = "unspecific") -> None:
        self._send(ConnectionClose(ClosePhase.ANNOUNCE, round(CLOSE_S * 1000), reason))
        self._enter(State.CLOSING, now + CLOSE_S)

    def _announce_removal(self, _message: None, now: float) -> None:
        self._announce_end(None, now, "removedConnection")

    def _confirm_end(self, end: ConnectionClose, _now: float) -> None:
        self._send(ConnectionClose(ClosePhase.CONFIRM))
        if self.state is State.CLOSING:
            self._shut_by_us(None, _now)
        else:
            self._shut(Cause.PEER_END, GENERIC_CLOSE, "close", f"the peer closed: {end.reason or 'without a reason'}")

    def _abort_refused(self, _message: None, now: float) -> None:
        self._abort(Cause.REFUSED, NODE_REJECTED, "Node rejected by application", "the peer is not trusted here", now)

    def _abort_silent(self, _message: None, now: float) -> None:
        self._abort(Cause.TIMEOUT, GENERIC_CLOSE, "hello timeout", f"the peer was not ready in time: {_ASK_CONFIRM}", now)

    def _abort_unexpected(self, error: ShipError, now: float) -> None:
        self._abort(Cause.PROTOCOL, GENERIC_CLOSE, "hello", str(error), now)

    def _abort(self, cause: Cause, code: int, text: str, reason: str, now: float) -> None:
        self._send(ConnectionHello(HelloPhase.ABORTED))
        self._abort_as = cause, code, text, reason
        self._enter(State.ABORTING, now + ABORT_S)

    def _shut_aborted(self, _message: None, _now: float) -> None:
        self._shut(*self._abort_as)

    def _fail_timeout(self, _message: None, _now: float) -> None:
        self._fail(TIMEOUT, f"no answer within {STEP_S:.0f} s in {self.state}", Cause.TIMEOUT)

    def _fail_unexpected(self, error: ShipError, _now: float) -> None:
        self._fail(UNEXPECTED_MESSAGE, str(error))

    def _fail(self, number: int, reason: str, cause: Cause = Cause.PROTOCOL) -> None:
        self._send(MessageProtocolHandshakeError(number))
        self._shut(cause, GENERIC_CLOSE, "protocol handshake", f"{reason}; ours is SHIP 1.0 in {JSON_UTF8}")

    def _shut_protocol(self, error: MessageProtocolHandshakeError, _now: float) -> None:
        self._shut(Cause.PROTOCOL, GENERIC_CLOSE, "protocol handshake", f"the peer ended the protocol handshake with error {error.error}")

    def _shut_unexpected(self, error: ShipError, _now: float) -> None:
        self._shut(Cause.PROTOCOL, GENERIC_CLOSE, "protocol error", str(error))

    def _shut_silent(self, _message: None, _now: float) -> None:
        self._shut(
            Cause.TIMEOUT, GENERIC_CLOSE, "timeout", f"no answer within {STEP_S:.0f} s in {self.state}: restart the peer if it stays so"
        )

    def _shut_denied(self, _hello: ConnectionHello, _now: float) -> None:
        self._shut(Cause.DENIED, GENERIC_CLOSE, "close", f"the peer aborted: {_ASK_CONFIRM}")

    def _shut_refused(self, _message: None, _now: float) -> None:
        self._shut(Cause.REFUSED, NODE_REJECTED, "Node rejected by application", "the peer is not trusted here")

    def _shut_by_us(self, _message: ConnectionClose | None, _now: float) -> None:
        self._shut(Cause.OUR_END, GENERIC_CLOSE, "close", "closed by us")

    def _shut(self, cause: Cause, code: int, text: str, reason: str) -> None:
        if self.state is not State.CLOSED:
            self._enter(State.CLOSED, None)
            self._kept = []
            self._events.append(Closed(cause, code, text, reason))


def _told(handshake: MessageProtocolHandshake) -> str:
    version = handshake.version
    return f"SHIP {version.major}.{version.minor} in {', '.join(handshake.formats.format)[:80]}"
