"""Every frame in and out of every station, kept for an operator to read.

What passes is only noted; half a second later it is taken apart and written in small batches, so that the answer to a station never waits for
more than one of them. What the site's end cuts off is at most that half second: nothing that is billed rests on this log.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw
from sqlalchemy import Connection, Row, delete, func, select

from chargebridge.model.clock import Clock
from chargebridge.site.operation.difference import difference
from chargebridge.site.operation.secret import without_secrets
from chargebridge.site.operation.view import FrameFault, Kind, LoggedMessage, MessageFilter
from chargebridge.stations.ocpp.session import FrameWatch
from chargebridge.store import Database
from chargebridge.store.operation_tables import station_message as table
from chargebridge.wire.ocpp import Answered, CallReceived, Event, Failed, Malformed, Mended, OcppError
from chargebridge.wire.ocpp.frames import CALL, CALL_ERROR, CALL_RESULT, CALL_RESULT_ERROR, SEND

FLUSH_EVERY_S = 0.5
BATCH = 200
"""Frames in one write: about 2 ms of the writer, which is what a station's answer may have to wait."""
PENDING_MAX = 20_000
"""Frames noted and not yet written; beyond this the newest are counted and left out, as a log must not fill the memory."""
FORGET_EVERY_S = 60.0
FORGET_BATCH = 500
CALLS_REMEMBERED = 256
VARIABLES = ("setVariableData", "setVariableResult", "getVariableData", "getVariableResult")
LOOK_BACK = 8
"""How many earlier messages are looked through for one about the same connector or EVSE."""
HOLD_SECRETS = frozenset({"ChangeConfiguration", "GetConfiguration", "GetVariables", "SetNetworkProfile", "SetVariables"})
"""Messages in which passwords of stations go over the line."""
KINDS: dict[int, Kind] = {
    CALL: "call",
    CALL_RESULT: "result",
    CALL_ERROR: "error",
    CALL_RESULT_ERROR: "result_error",
    SEND: "send",
    0: "unreadable",
}
_envelope = msgspec.json.Decoder(list[Raw])
_number = msgspec.json.Decoder(int)
_text = msgspec.json.Decoder(str)

Known = tuple[int, str, str]
"""Kind, message id, action."""
Noted = tuple[datetime, "_Watch", bool, str | bytes, Known | None, FrameFault | None]


class _Watch:
    """One session's frames; `port`: see `FrameWatch`. asked: (of ours?) message id -> action, so that answers can be named."""

    def __init__(self, log: "MessageLog", station: str, protocol: str) -> None:
        self._log = log
        self.station = station
        self.protocol = protocol
        self.asked: tuple[OrderedDict[str, str], OrderedDict[str, str]] = (OrderedDict(), OrderedDict())

    def received(self, frame: str | bytes, events: list[Event]) -> None:
        event = events[0] if events else None
        fault = None
        if isinstance(event, Mended):  # and behind it what it was read as
            fault, event = self._log.mended_by(self.station, event), events[-1]
        if isinstance(event, CallReceived):
            self._log.note(self, False, frame, (CALL, event.id, event.action), fault)
        elif isinstance(event, Answered):
            self._log.note(self, False, frame, (CALL_RESULT, event.id, event.action), fault)
        else:
            self._log.note(self, False, frame, None, _fault(event))

    def sent(self, frame: str) -> None:
        self._log.note(self, True, frame, None, None)


class MessageLog:
    """keep_days, keep_bytes: whichever bound is reached first, the oldest goes. left_out: frames that were not written."""

    def __init__(self, database: Database, clock: Clock, *, keep_days: float, keep_bytes: int) -> None:
        self._database, self._clock = database, clock
        self._keep_s, self._keep_bytes = keep_days * 86_400, keep_bytes
        self._noted: deque[Noted] = deque()
        self._bytes = 0
        self.left_out = 0
        self.heard_at: dict[str, datetime] = {}
        self.faulty: dict[str, int] = {}
        self.mended: dict[str, dict[str, int]] = {}  # station -> repair -> how often, in this process's life

    def watch(self, station: str, protocol: str) -> FrameWatch:
        return _Watch(self, station, protocol)

    def mended_by(self, station: str, event: Mended) -> FrameFault:
        """Count what a tolerance profile did to a frame, and word it for the log, which keeps the frame as it came."""
        counts = self.mended.setdefault(station, {})
        for repair in event.repairs:
            counts[repair.name] = counts.get(repair.name, 0) + 1
        names = ", ".join(sorted({repair.name for repair in event.repairs})) or "missing_value"
        where = event.repairs[0].where if event.repairs else "$"
        return FrameFault(where, f"brought into line: {names}", "nothing to do; the station's tolerance profile does this")

    def note(self, watch: _Watch, outgoing: bool, frame: str | bytes, known: Known | None, fault: FrameFault | None) -> None:
        now = self._clock.now()
        if not outgoing:
            self.heard_at[watch.station] = now
        if fault is not None and known is None:  # what was brought into line is known, and counted by itself
            self.faulty[watch.station] = self.faulty.get(watch.station, 0) + 1
        if self._keep_s == 0:
            return
        if len(self._noted) >= PENDING_MAX:
            self.left_out += 1
            return
        self._noted.append((now, watch, outgoing, frame, known, fault))

    async def open(self) -> None:
        """What the store remembers: the log's size, and when each station was heard last."""
        self._bytes, last = await self._database.read(_standing)
        self.heard_at = {**last, **self.heard_at}

    async def run(self) -> None:
        forgot_s = FORGET_EVERY_S
        while True:
            await self._clock.sleep(FLUSH_EVERY_S)
            await self.flush()
            forgot_s += FLUSH_EVERY_S
            if forgot_s >= FORGET_EVERY_S:
                forgot_s = 0.0
                await self.forget()

    async def flush(self) -> None:
        """Write what was noted so far, a batch at a time. A disk that fails costs the batch, and the log says how much."""
        for _ in range(-(-len(self._noted) // BATCH)):
            batch = [self._noted.popleft() for _ in range(min(BATCH, len(self._noted)))]
            try:
                self._bytes += await self._database.write(partial(_write, batch=batch))
            except Exception:
                self.left_out += len(batch)
                raise

    async def forget(self) -> None:
        """Drop what is too old, and the oldest while the log is too large; a piece at a time."""
        edge = self._clock.now() - timedelta(seconds=self._keep_s)
        while True:
            gone, freed = await self._database.write(partial(_forget, edge=edge, excess=self._bytes - self._keep_bytes))
            self._bytes -= freed
            if gone < FORGET_BATCH:
                return

    async def messages(self, wanted: MessageFilter, limit: int) -> tuple[LoggedMessage, ...]:
        """The newest first; each with what changed."""
        await self.flush()
        return await self._database.read(partial(_read, wanted=wanted, limit=limit))


def _fault(event: Event | None) -> FrameFault | None:
    if event is None:
        return FrameFault("", "sent before, or an answer that nobody waits for any more")
    error = event.error if isinstance(event, Malformed | Failed) else None
    return FrameFault(error.position, error.reason, error.cure) if isinstance(error, OcppError) else None


def _standing(c: Connection) -> tuple[int, dict[str, datetime]]:
    total = c.execute(select(func.coalesce(func.sum(table.c.size), 0))).scalar_one()
    last = select(table.c.station, func.max(table.c.at)).where(table.c.outgoing.is_(False)).group_by(table.c.station)
    return int(total), {row[0]: row[1] for row in c.execute(last)}


def _write(c: Connection, batch: Sequence[Noted]) -> int:
    """Runs in the store's writer. Returns the bytes added."""
    rows = [_row(noted) for noted in batch]
    c.exec_driver_sql(INSERT, rows)
    return sum(row[SIZE_AT] for row in rows)


COLUMNS = ("station", "at", "outgoing", "kind", "action", "message_id", "protocol", "size", "error", "frame")
SIZE_AT = COLUMNS.index("size")
INSERT = f"INSERT INTO {table.name} ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
"""By the driver itself: the typed way costs three times as much, and there are many."""


def _row(noted: Noted) -> tuple[Any, ...]:
    at, watch, outgoing, frame, known, fault = noted
    kind, message_id, action = known or _identify(frame)
    if kind in (CALL, SEND):
        asked = watch.asked[outgoing]
        asked[message_id] = action
        if len(asked) > CALLS_REMEMBERED:
            asked.popitem(last=False)
    elif kind != 0 and not action:
        # An answer belongs to a call of the other direction; what disputes an answer of ours, to a call of its own.
        side = outgoing if kind == CALL_RESULT_ERROR else not outgoing
        action = watch.asked[side].get(message_id, "")
    text = frame if isinstance(frame, str) else frame.decode(errors="replace")
    if action in HOLD_SECRETS or '"KeyCode"' in text:
        text = without_secrets(text)
    error = None if fault is None else msgspec.json.encode(fault).decode()
    moment = at.isoformat(timespec="microseconds")[:26] + "Z"  # as ``Moment`` writes it
    return watch.station, moment, outgoing, kind, action, message_id, watch.protocol, len(text), error, text


def _identify(frame: str | bytes) -> tuple[int, str, str]:
    """(kind, message id, action or "") as far as they can be read; kind 0 when it is no frame."""
    head = frame[:200] if isinstance(frame, str) else ""
    if head.startswith(('[2,"', '[3,"')) and "\\" not in head:  # as we write them ourselves
        parts = head.split('"', 4)
        if len(parts) == 5 and (head[1] == "3" or parts[2] == ","):
            return int(head[1]), parts[1], parts[3] if head[1] == "2" else ""
    try:
        raw = _envelope.decode(frame)
        kind = _number.decode(raw[0])
        if kind not in KINDS:
            return 0, "", ""
        return kind, _text.decode(raw[1])[:64], _text.decode(raw[2])[:64] if kind in (CALL, SEND) else ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IndexError):
        return 0, "", ""


def _forget(c: Connection, edge: datetime, excess: int) -> tuple[int, int]:
    """(rows, bytes) that are gone: the oldest, while they are too old or the log is too large by ``excess``."""
    gone, freed, last = 0, 0, None
    for number, at, size in c.execute(select(table.c.number, table.c.at, table.c.size).order_by(table.c.number).limit(FORGET_BATCH)):
        if at >= edge and freed >= excess:
            break
        gone, freed, last = gone + 1, freed + size, number
    if last is not None:
        c.execute(delete(table).where(table.c.number <= last))
    return gone, freed


def _read(c: Connection, wanted: MessageFilter, limit: int) -> tuple[LoggedMessage, ...]:
    query = select(table)
    if wanted.station is not None:
        query = query.where(table.c.station == wanted.station)
    if wanted.action:
        query = query.where(table.c.action.startswith(wanted.action, autoescape=True))
    if wanted.direction is not None:
        query = query.where(table.c.outgoing.is_(wanted.direction == "out"))
    if wanted.faulty:
        query = query.where(table.c.error.is_not(None) | table.c.kind.in_((0, CALL_ERROR, CALL_RESULT_ERROR)))
    if wanted.before is not None:
        query = query.where(table.c.number < wanted.before)
    if wanted.after is not None:
        query = query.where(table.c.number > wanted.after)
    order = table.c.number.desc() if wanted.after is None else table.c.number
    rows = sorted(c.execute(query.order_by(order).limit(limit)).all(), key=lambda row: -int(row.number))
    return tuple(_message(c, row) for row in rows)


def _message(c: Connection, row: "Row[Any]") -> LoggedMessage:
    payload = payload_of(row.frame)
    earlier = _earlier(c, row, payload) if row.action and row.kind in (CALL, CALL_RESULT, SEND) else None
    return LoggedMessage(
        number=row.number,
        station=row.station,
        at=row.at,
        direction="out" if row.outgoing else "in",
        kind=KINDS.get(row.kind, "unreadable"),
        action=row.action,
        message_id=row.message_id,
        protocol=row.protocol,
        size=row.size,
        payload=payload,
        frame=row.frame if payload is None else None,
        fault=None if row.error is None else msgspec.json.decode(row.error, type=FrameFault),
        compared_with=None if earlier is None else earlier[0],
        changes=None if earlier is None else difference(earlier[1], payload),
    )


def _earlier(c: Connection, row: "Row[Any]", payload: Any) -> tuple[int, Any] | None:
    """The last message of the same kind, if possible about the same thing."""
    same = (
        (table.c.station == row.station)
        & (table.c.action == row.action)
        & (table.c.kind == row.kind)
        & (table.c.outgoing.is_(row.outgoing))
        & (table.c.number < row.number)
    )
    found = c.execute(select(table.c.number, table.c.frame).where(same).order_by(table.c.number.desc()).limit(LOOK_BACK)).all()
    before = [(number, payload_of(frame)) for number, frame in found]
    return next((one for one in before if subject_of(one[1]) == subject_of(payload)), None)


def subject_of(payload: Any) -> tuple[Any, ...]:
    """What a message is about: its connector or EVSE, its kind of event, the settings in it."""
    if not isinstance(payload, dict):
        return ()
    evse = payload.get("evse")
    place = payload.get("evseId", evse.get("id") if isinstance(evse, dict) else None)
    settings: list[Any] = [payload["key"]] if isinstance(payload.get("key"), str) else []
    for name in VARIABLES:
        entries = payload.get(name) if isinstance(payload.get(name), list) else ()
        settings += [msgspec.json.encode([e.get("component"), e.get("variable")]) for e in entries or () if isinstance(e, dict)]
    return payload.get("connectorId"), place, payload.get("eventType"), tuple(settings)


def payload_of(frame: str) -> Any:
    """The decoded payload of a frame; of an error its three parts; None when it cannot be read."""
    try:
        parts = msgspec.json.decode(frame)
        kind = parts[0]
        if kind in (CALL, SEND):
            return parts[3]
        if kind == CALL_RESULT:
            return parts[2]
        return dict(zip(("code", "description", "details"), parts[2:], strict=False)) if kind in (CALL_ERROR, CALL_RESULT_ERROR) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IndexError, KeyError, TypeError):
        return None


def as_lines(messages: Iterable[LoggedMessage]) -> str:
    """One JSON object a line, the oldest first."""
    return "".join(msgspec.json.encode(message).decode() + "\n" for message in messages)
