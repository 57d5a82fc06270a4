"""Saved answers of any gateway to telegrams: one for each moment that they tell of."""

import re

from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.telegram import ErrorKind, Event, Protocol, Telegram, error
from chargebridge.wire.smgw import emh, export, ppc, theben
from chargebridge.wire.smgw.value import MAX_ANSWER, SmgwError, Value, telegram

_THEBEN = re.compile(rb'\s*\{(?=.*"method"\s*:\s*"(?:readings|smgw-info|user-info|usage-point-info|log|self-test)")', re.DOTALL)
_EMH = re.compile(rb'\s*\{(?=.*"logical_name"\s*:)', re.DOTALL)
_PPC = re.compile(rb'id\s*=\s*["\']table_metervalues_|id\s*=\s*["\']metervalue["\']|name\s*=\s*["\']tkn["\']')
_LOOK = 65536


def find(data: bytes) -> int:
    """Index of the begin of an answer, -1 if this is none. They are whole files, so it is always the first byte."""
    return -1 if _kind(data) is None else 0


def _kind(data: bytes) -> str | None:
    head = data[:_LOOK]
    if export.find(head) >= 0:
        return "export"
    if _THEBEN.match(head):
        return "theben"
    if _EMH.match(head):
        return "emh"
    return "ppc" if _PPC.search(head) else None


def decode(data: bytes) -> list[Event]:
    """The telegrams in one answer, oldest first, or what is wrong with it. Never raises."""
    try:
        kind, values, unparsed = _read(data)
    except SmgwError as problem:
        return [error(Protocol.SMGW, ErrorKind.CONTENT, 0, problem.reason, problem.cure)]
    moments: dict[object, list[Value]] = {}
    for value in values:
        moments.setdefault(value.at, []).append(value)
    if not moments:
        return [error(Protocol.SMGW, ErrorKind.UNSUPPORTED, 0, f"this answer of a gateway ({kind}) has no meter values", _CURE)]
    events: list[Event] = [telegram(kind, group, unparsed=unparsed, size=len(data)) for group in moments.values()]
    return sorted(events, key=_order)


_CURE = "save the answer to readings (Theben), showMeterProfile or the exported file (PPC), or .../extended (EMH)"


def _order(event: Event) -> float:
    return event.clock.timestamp() if isinstance(event, Telegram) and event.clock is not None else 0.0


def _read(data: bytes) -> tuple[str, list[Value], tuple[str, ...]]:
    kind = _kind(data)
    if kind == "export":
        return "ppc", export.values(data), ()
    if kind == "emh":
        return kind, emh.values(data), emh.unread(data)
    if kind == "ppc":
        text = ppc.page(data).text
        offered = ppc.meters(text)
        return kind, ppc.values(text, meter=offered[0].number if len(offered) == 1 else None), ppc.unread(text)
    if theben.method(data) != "readings":
        return "theben", [], ()
    return "theben", theben.values(data), theben.unread(data)


class SmgwDecoder:
    """One saved answer, known to be whole only when the stream ends."""

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def pending(self) -> int:
        """Bytes held."""
        return self._size

    def feed(self, data: bytes) -> list[Event]:
        """Collect; more than any answer has are an error."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size <= MAX_ANSWER:
            return []
        self._pieces, self._size = [], 0
        return [error(Protocol.SMGW, ErrorKind.OVERSIZE, 0, f"no answer has more than {MAX_ANSWER} bytes")]

    def close(self) -> list[Event]:
        """The stream has ended: decode."""
        data = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return decode(data) if data.strip() else []
