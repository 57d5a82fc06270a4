"""One OCPP-J connection, seen from either end, as a state machine without sockets (1.6J chapter 4, 2.0.1 part 4 chapter 4).

Each side may have one CALL under way; further ones wait in a queue. The two directions are independent. A call of ours:

    queued --outgoing()--> sent --CALLRESULT--> Answered
                                --CALLERROR or unusable answer--> Failed
                                --deadline passed--> Failed(timed_out); an answer that still comes is counted and dropped

A call of the peer's is given out as `CallReceived` and stays open until `answer` or `refuse`. If the peer sends a second
one before that, both are given out in order: punishing impatience would lose messages. A frame that is no message is
answered with the CALLERROR that its version prescribes and given out as `Malformed`; it never ends the connection.

OCPP 2.1 adds two types. SEND goes out at any time, also while a call is under way, and comes in as `Told`; nobody answers it. CALLRESULTERROR tells
the peer that its answer cannot be used, and comes in as `Disputed`.

A message sent twice (same id, action and text; the peer did not get our answer, perhaps because the line broke) is
answered again with the first answer and not given out, if its action carries its own time stamps. That memory, `Answers`,
belongs to the peer and outlives the connection. `now` is seconds on any steady clock of the caller's.
"""

from collections import OrderedDict
from typing import Any
from uuid import uuid4

from msgspec import Struct

from chargebridge.wire.ocpp.dialect import Dialect
from chargebridge.wire.ocpp.errors import ErrorCode, FrameError, OcppError, PayloadError
from chargebridge.wire.ocpp.frames import (
    CALL,
    CALL_RESULT_ERROR,
    MAX_FRAME,
    UNREADABLE_ID,
    Call,
    CallError,
    CallResult,
    CallResultError,
    Frame,
    Send,
    emit_call,
    emit_error,
    emit_result,
    emit_send,
    parse,
)
from chargebridge.wire.ocpp.mending import Repair
from chargebridge.wire.ocpp.payload import Payload
from chargebridge.wire.ocpp.tolerance import Tolerance

MAX_REMEMBERED = 64  # answers kept for a peer that repeats itself
MAX_OPEN = 32  # calls of the peer that may wait for our answer before further ones are refused


class CallReceived(Struct, frozen=True):
    """The peer asks. Answer with `Connection.answer` or `Connection.refuse`."""

    id: str
    action: str
    request: Payload
    fingerprint: tuple[str, str, int]


class Answered(Struct, frozen=True):
    """The peer answered our call."""

    id: str
    action: str
    response: Payload


class Failed(Struct, frozen=True):
    """Our call got no usable answer. timed_out: none at all. error: the peer's CALLERROR, or what is wrong with its answer."""

    id: str
    action: str
    timed_out: bool = False
    error: CallError | PayloadError | None = None


class Malformed(Struct, frozen=True):
    """A frame that was no usable message. The peer has been told as far as the version allows."""

    error: OcppError


class Told(Struct, frozen=True):
    """The peer tells something that is not answered (SEND)."""

    id: str
    action: str
    message: Payload


class Disputed(Struct, frozen=True):
    """The peer cannot use the answer that we gave to its call `id` (CALLRESULTERROR)."""

    id: str
    error: CallResultError


class Mended(Struct, frozen=True):
    """The message that follows broke the schema and was brought into line. frame: as it came."""

    id: str
    action: str
    repairs: tuple[Repair, ...]
    frame: str | bytes


Event = CallReceived | Answered | Failed | Malformed | Told | Disputed | Mended


class Counters(Struct):
    """What went by, for the operator's page and the tests."""

    received: int = 0
    sent: int = 0
    malformed: int = 0
    refused: int = 0  # calls of the peer answered with CALLERROR
    late: int = 0  # answers to calls that were no longer open
    repeated: int = 0  # calls recognised as sent twice
    impatient: int = 0  # calls that came while an earlier one was open
    mended: dict[str, int] = {}  # repairs by name


class Answers:
    """The last answers given to one peer, by the fingerprint of the question."""

    def __init__(self) -> None:
        self._frames: OrderedDict[tuple[str, str, int], str] = OrderedDict()

    def find(self, fingerprint: tuple[str, str, int]) -> str | None:
        return self._frames.get(fingerprint)

    def keep(self, fingerprint: tuple[str, str, int], frame: str) -> None:
        self._frames[fingerprint] = frame
        while len(self._frames) > MAX_REMEMBERED:
            self._frames.popitem(last=False)


class _Waiting(Struct):
    id: str
    action: str
    frame: str
    timeout_s: float
    deadline: float | None = None


class Connection:
    """The rules of one OCPP-J connection. Feed frames to `receive`, send what `outgoing` gives, call `expire` at `deadline`."""

    def __init__(
        self, dialect: Dialect, answers: Answers | None = None, max_frame: int = MAX_FRAME, tolerance: Tolerance | None = None
    ) -> None:  # fmt: skip
        self.dialect = dialect
        self.tolerance = tolerance
        self.counters = Counters()
        self._answers = answers if answers is not None else Answers()
        self._max_frame = max_frame
        self._replies: list[str] = []
        self._urgent: list[_Waiting] = []
        self._queue: list[_Waiting] = []
        self._sent: dict[str, _Waiting] = {}
        self._open: dict[str, CallReceived] = {}

    def call(self, request: Payload, timeout_s: float, *, urgent: bool = False, message_id: str | None = None) -> str:
        """Queue a call; urgent ones go before the others that wait. Returns its message id. Raises KeyError: not this version's.

        message_id: only to send a message again of which nobody knows whether it arrived.
        """
        action = self.dialect.action(request)
        message_id = message_id or str(uuid4())
        waiting = _Waiting(message_id, action, emit_call(message_id, action, self.dialect.encode(request)), timeout_s)
        (self._urgent if urgent else self._queue).append(waiting)
        return message_id

    def send(self, message: Payload) -> str:
        """Tell the peer something that is not answered. Returns its message id. Raises KeyError: the version has no such message."""
        action = self.dialect.action(message)
        if action not in self.dialect.sent:
            raise KeyError(action)
        message_id = str(uuid4())
        self._replies.append(emit_send(message_id, action, self.dialect.encode(message)))
        return message_id

    def withdraw(self, message_id: str) -> bool:
        """Nobody waits for this call any more. True: it was never sent. False: it was, and counts as under way till its end."""
        for queue in (self._urgent, self._queue):
            for waiting in queue:
                if waiting.id == message_id:
                    queue.remove(waiting)
                    return True
        return False

    def answer(self, call: CallReceived, response: Payload) -> None:
        """Answer a call of the peer's; the answer is remembered in case the question comes again."""
        if self._open.pop(call.id, None) is None:
            return
        frame = emit_result(call.id, self.dialect.encode(response))
        if call.action in self.dialect.dated:
            self._answers.keep(call.fingerprint, frame)
        self._replies.append(frame)

    def refuse(self, call: CallReceived, code: ErrorCode, description: str, details: dict[str, Any] | None = None) -> None:
        """Answer a call of the peer's with a CALLERROR. It is not remembered: asked again, it may go better."""
        if self._open.pop(call.id, None) is not None:
            self._refuse(call.id, code, description, details or {})

    def outgoing(self, now: float) -> list[str]:
        """The frames to send now, in order: all answers, and the next call if none is under way."""
        frames, self._replies = self._replies, []
        if (self._urgent or self._queue) and not self._sent:
            waiting = (self._urgent or self._queue).pop(0)
            waiting.deadline = now + waiting.timeout_s
            self._sent[waiting.id] = waiting
            frames.append(waiting.frame)
        self.counters.sent += len(frames)
        return frames

    @property
    def deadline(self) -> float | None:
        """When `expire` is to be called next, or None."""
        if not self._sent:
            return None
        return min((waiting.deadline for waiting in self._sent.values() if waiting.deadline is not None), default=None)

    def expire(self, now: float) -> list[Event]:
        """Give up the calls whose time is over."""
        over = [w for w in self._sent.values() if w.deadline is not None and w.deadline <= now]
        for waiting in over:
            del self._sent[waiting.id]
        return [Failed(waiting.id, waiting.action, timed_out=True) for waiting in over]

    def receive(self, data: str | bytes) -> list[Event]:
        """Take in one frame. Never raises for what the peer sent."""
        self.counters.received += 1
        try:
            frame = parse(data, self._max_frame, six_types=bool(self.dialect.sent))
        except FrameError as error:
            tolerated = self._parse_tolerantly(data)
            if tolerated is None:
                return self._malformed(error)
            frame = tolerated
        match frame:
            case Call():
                return self._receive_call(frame, data)
            case Send():
                return self._receive_sent(frame)
            case CallResultError():
                return [Disputed(frame.id, frame)]
        return self._receive_answer(frame, data)

    def _receive_sent(self, frame: Send) -> list[Event]:
        try:
            return [Told(frame.id, frame.action, self.dialect.decode_sent(frame.action, frame.payload))]
        except PayloadError as error:
            self.counters.malformed += 1
            return [Malformed(error)]

    def _receive_call(self, call: Call, data: str | bytes) -> list[Event]:
        fingerprint = (call.id, call.action, hash(bytes(call.payload)))
        earlier = self._answers.find(fingerprint)
        if earlier is not None:
            self.counters.repeated += 1
            self._replies.append(earlier)
            return []
        if call.id in self._open:
            self.counters.repeated += 1  # still being worked on; its answer will serve both
            return []
        events: list[Event] = []
        try:
            request = self.dialect.decode_request(call.action, call.payload)
        except PayloadError as error:
            mended = self._mend(call, call.action, data)
            if mended is None:
                self.counters.malformed += 1
                self._refuse(call.id, error.code, str(error), {"position": error.position, "reason": error.reason})
                return [Malformed(error)]
            request, told = mended
            events.append(told)
        if len(self._open) >= MAX_OPEN:
            self._refuse(call.id, ErrorCode.GENERIC_ERROR, f"{MAX_OPEN} calls are open; wait for an answer before the next", {})
            return []
        self.counters.impatient += bool(self._open)
        event = CallReceived(call.id, call.action, request, fingerprint)
        self._open[call.id] = event
        events.append(event)
        return events

    def _receive_answer(self, frame: CallResult | CallError, data: str | bytes) -> list[Event]:
        waiting = self._sent.pop(frame.id, None)
        if waiting is None:
            self.counters.late += 1
            return []
        if isinstance(frame, CallError):
            return [Failed(waiting.id, waiting.action, error=frame)]
        try:
            response = self.dialect.decode_response(waiting.action, frame.payload)
        except PayloadError as error:
            mended = self._mend(frame, waiting.action, data)
            if mended is not None:
                return [mended[1], Answered(waiting.id, waiting.action, mended[0])]
            self.counters.malformed += 1
            if self.dialect.disputes:
                details = {"position": error.position, "reason": error.reason}
                self._replies.append(emit_error(frame.id, self.dialect.spell(error.code), str(error), details, CALL_RESULT_ERROR))
            return [Failed(waiting.id, waiting.action, error=error)]
        return [Answered(waiting.id, waiting.action, response)]

    def _mend(self, frame: Call | CallResult, action: str, data: str | bytes) -> tuple[Payload, Mended] | None:
        """What the tolerance profile makes of a payload that is refused; None when it cannot help."""
        if self.tolerance is None or action not in self.dialect.messages:
            return None
        read = self.tolerance.request if isinstance(frame, Call) else self.tolerance.response
        try:
            message, repairs = read(self.dialect, action, frame.payload)
        except PayloadError:
            return None
        for repair in repairs:
            self.counters.mended[repair.name] = self.counters.mended.get(repair.name, 0) + 1
        return message, Mended(frame.id, action, repairs, data)

    def _parse_tolerantly(self, data: str | bytes) -> Frame | None:
        text = None if self.tolerance is None or len(data) > self._max_frame else self.tolerance.frame(data)
        if text is None:
            return None
        try:
            frame = parse(text, self._max_frame, six_types=bool(self.dialect.sent))
        except FrameError:
            return None
        self.counters.mended["missing_value"] = self.counters.mended.get("missing_value", 0) + 1
        return frame

    def _malformed(self, error: FrameError) -> list[Event]:
        """Tell the peer what its version foresees: an unknown message type is ignored, an answer is never answered."""
        self.counters.malformed += 1
        waiting = self._sent.pop(error.message_id or "", None) if error.message_type != CALL else None
        if waiting is not None:
            cause = PayloadError(error.code, error.position, error.reason, error.cure)
            return [Failed(waiting.id, waiting.action, error=cause)]
        if error.message_type in (CALL, None):
            message_id = error.message_id or (UNREADABLE_ID if self.dialect.answers_unreadable else None)
            if message_id is not None:
                self._refuse(message_id, error.code, str(error), {})
        return [Malformed(error)]

    def _refuse(self, message_id: str, code: ErrorCode, description: str, details: dict[str, Any]) -> None:
        self.counters.refused += 1
        self._replies.append(emit_error(message_id, self.dialect.spell(code), description, details))
