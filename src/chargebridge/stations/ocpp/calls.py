"""Calls to one station: worded in its language, sent over the session in charge, and what came of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from chargebridge.stations.events import DeviceReport
from chargebridge.stations.ocpp.language import Language
from chargebridge.stations.ocpp.transport import TransportClosedError
from chargebridge.stations.port import Answer, Outcome
from chargebridge.wire.ocpp import Answered, CallError, Failed
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

log = structlog.get_logger()

Word = Callable[[Language], Payload]

SUPERSEDED = "superseded by a newer limit"


class Calls:
    """To one station, through whichever session it has. Nothing is sent before it has introduced itself."""

    def __init__(self, station: "OcppStation") -> None:
        self._station = station
        self._waiting: dict[int, str] = {}  # EVSE -> message id of the newest limit asked for

    async def ask(self, word: Word, *, urgent: bool = False, replaces: int | None = None) -> Answer:
        """What the response to the request that ``word`` makes stands for; arguments as of `call`."""
        result = await self.call(word, urgent=urgent, replaces=replaces)
        if isinstance(result, Answer):
            return result
        assert self._station.language is not None
        return self._station.language.answer(result)

    async def call(self, word: Word, *, urgent: bool = False, replaces: int | None = None) -> Payload | Answer:
        """Send a call and wait for its answer. Returns the response, or the Answer that stands for there being none.

        replaces: an EVSE, whose earlier limit is withdrawn if it still waits to be sent.
        """
        session, language = self._station.session, self._station.language
        if session is None or language is None:
            return Answer(outcome=Outcome.OFFLINE, detail="not connected")
        if not session.ready.is_set():
            return Answer(outcome=Outcome.OFFLINE, detail="connected, but has not introduced itself yet")
        try:
            request = word(language)
        except ValueError as error:
            return Answer(outcome=Outcome.UNSUPPORTED, detail=f"{language.dialect.name} cannot say this: {error}")
        message_id, future = session.call(request, urgent=urgent)
        if replaces is not None:
            older = self._waiting.get(replaces)
            if older is not None:
                session.withdraw(older)
            self._waiting[replaces] = message_id
        try:
            result = _result(await future)
            if not isinstance(result, Answer):
                await self._learn(language, request, result)
            return result
        except TransportClosedError as closed:
            return Answer(outcome=Outcome.OFFLINE, detail=str(closed))
        finally:
            if replaces is not None and self._waiting.get(replaces) == message_id:
                del self._waiting[replaces]

    async def _learn(self, language: Language, request: Payload, response: Payload) -> None:
        """What an answer tells of the station; that it cannot be kept now changes nothing about the answer."""
        station = self._station
        station.standing.note(language.dialect, request, response)
        told = language.learned(request, response)
        if isinstance(told, DeviceReport):
            station.abilities.learn(told)
        if told is not None:
            try:
                await station.sink.told(station.identity, told)
            except Exception:
                log.exception("settings not kept", station=station.identity)


def _result(event: Answered | Failed) -> Payload | Answer:
    match event:
        case Answered():
            return event.response
        case Failed(timed_out=True):
            return Answer(outcome=Outcome.TIMED_OUT, detail="no answer in time")
        case Failed(error=None):
            return Answer(outcome=Outcome.REJECTED, detail=SUPERSEDED)
        case Failed(error=CallError(code=code, description=description)):
            kind = Outcome.UNSUPPORTED if code in ("NotSupported", "NotImplemented") else Outcome.REJECTED
            return Answer(outcome=kind, detail=f"{code}: {description}".rstrip(": "))
        case _:
            # It answered, but not in words that say whether it acted.
            return Answer(outcome=Outcome.TIMED_OUT, detail=f"unusable answer: {event.error}")
