"""Messages for the display (2.x part 2 O)."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from chargebridge.sim.ocpp_station.evse import State
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.sim.ocpp_station.second.factory import FORMATS
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

MAX_MESSAGES = 50
PAGE = 10  # messages in one NotifyDisplayMessages
RANK = {"AlwaysFront": 0, "InFront": 1, "NormalCycle": 2}


class Display:
    """The messages that are to be shown, by their id."""

    def __init__(self) -> None:
        self._messages: dict[int, v21.MessageInfoType] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: v21.MessageInfoType) -> bool:
        """Add or replace it; one that is always in front takes the place of another such (O01.FR.08). False: no room."""
        if message.id not in self._messages and len(self._messages) >= MAX_MESSAGES:
            return False
        if message.priority == "AlwaysFront":
            self._messages = {n: m for n, m in self._messages.items() if m.priority != "AlwaysFront"}
        self._messages[message.id] = message
        return True

    def clear(self, message: int) -> bool:
        return self._messages.pop(message, None) is not None

    def find(self, ids: tuple[int, ...], priority: str, state: str) -> list[v21.MessageInfoType]:
        return [
            m
            for m in self._messages.values()
            if (not ids or m.id in ids) and (not priority or m.priority == priority) and (not state or m.state == state)
        ]

    def screen(self, now: datetime, state: str, transactions: set[str]) -> Iterator[str]:
        """What is shown now, the foremost first. state: Idle, Charging, Faulted, Unavailable."""
        for message in sorted(self._messages.values(), key=lambda m: RANK[m.priority]):
            begun = not message.start_date_time or message.start_date_time <= now
            over = bool(message.end_date_time and message.end_date_time <= now)
            apt = not message.state or message.state == state
            if begun and not over and apt and (not message.transaction_id or message.transaction_id in transactions):
                yield message.message.content


def screen(station: "VirtualStation", voice: "VoiceSecond") -> list[str]:
    """What the station's display shows now."""
    states = {point.state for point in station.evses.values()}
    state = "Charging" if State.CHARGING in states else "Faulted" if State.FAULTED in states else "Idle"
    running = {p.transaction.key for p in station.evses.values() if p.transaction is not None}
    return list(voice.display.screen(station.clock.now(), state, running))


def _set(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetDisplayMessageRequest) -> Payload:
    message = request.message
    running = {p.transaction.key for p in station.evses.values() if p.transaction is not None}
    if message.message.format not in FORMATS:
        return v21.SetDisplayMessageResponse(status="NotSupportedMessageFormat")
    if message.transaction_id and message.transaction_id not in running:
        return v21.SetDisplayMessageResponse(status="UnknownTransaction")
    return v21.SetDisplayMessageResponse(status="Accepted" if voice.display.put(message) else "Rejected")


def _get(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetDisplayMessagesRequest) -> Payload:
    found = voice.display.find(request.id or (), request.priority or "", request.state or "")
    if not found:
        return v21.GetDisplayMessagesResponse(status="Unknown")
    pages = [found[start : start + PAGE] for start in range(0, len(found), PAGE)]

    def send() -> None:
        for number, page in enumerate(pages):
            more = number < len(pages) - 1
            station.uplink.say(v21.NotifyDisplayMessagesRequest(request_id=request.request_id, message_info=tuple(page), tbc=more))

    station.later(send)
    return v21.GetDisplayMessagesResponse(status="Accepted")


def _clear(station: "VirtualStation", voice: "VoiceSecond", request: v21.ClearDisplayMessageRequest) -> Payload:
    return v21.ClearDisplayMessageResponse(status="Accepted" if voice.display.clear(request.id) else "Unknown")


ANSWERS: Answers = {
    v21.ClearDisplayMessageRequest: _clear,
    v21.GetDisplayMessagesRequest: _get,
    v21.SetDisplayMessageRequest: _set,
}
