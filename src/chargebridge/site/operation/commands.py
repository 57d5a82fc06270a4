"""Commands to stations with their outcome: written down before they go out, and again with the station's own answer.

A command that was under way when the site ended is told as "unknown": the station may have acted on it.
"""

from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError
from chargebridge.site.operation import wording
from chargebridge.site.operation.forms import callable_actions
from chargebridge.site.operation.secret import hidden
from chargebridge.site.operation.view import CommandRecord
from chargebridge.stations.commands import Command
from chargebridge.stations.ocpp import OcppStation
from chargebridge.stations.ocpp.central import LANGUAGES
from chargebridge.stations.ocpp.language import Language
from chargebridge.stations.port import Answer, Outcome
from chargebridge.store import Database
from chargebridge.store.operation_tables import station_command as table
from chargebridge.wire.ocpp import Dialect, PayloadError

UNKNOWN = "unknown"
RAW = "call"


class CommandDesk:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def open(self) -> None:
        """What was under way when the site ended last."""
        text = "the site ended before the answer came; the station may have acted"
        await self._database.write(lambda c: c.execute(update(table).where(table.c.outcome.is_(None)).values(outcome=UNKNOWN, detail=text)))

    async def give(self, station: OcppStation, name: str, arguments: dict[str, Any], by: str) -> CommandRecord:
        """By name. Raises ModelError."""
        language = language_of(station)
        action, payload = wording.word(name, arguments, language, self._clock.now())
        return await self._run(station, language.dialect, name, action, payload, by)

    async def order(self, station: OcppStation, command: Command, by: str) -> CommandRecord:
        """In the vocabulary of all versions. Raises ModelError when the station's cannot say it."""
        language = language_of(station)
        action, payload = wording.say(command, language, station.identity)
        return await self._run(station, language.dialect, RAW, action, payload, by)

    async def call(self, station: OcppStation, action: str, payload: dict[str, Any], by: str) -> CommandRecord:
        """Any action of the station's version. Raises ModelError when the version or its schema does not have it so."""
        return await self._run(station, language_of(station).dialect, RAW, action, payload, by)

    async def _run(self, station: OcppStation, dialect: Dialect, name: str, action: str, payload: dict[str, Any], by: str) -> CommandRecord:
        check(dialect, action, payload)
        kept = msgspec.json.encode(hidden(payload)).decode()
        row = {
            "station": station.identity,
            "name": name,
            "action": action,
            "payload": kept,
            "asked_at": self._clock.now(),
            "by": by,
            "detail": "",
        }
        number = await self._database.write(partial(_begin, row=row))
        reply = await station.call(action, payload)
        response = None if reply.response is None else msgspec.json.encode(hidden(reply.response)).decode()
        return await self._database.write(partial(_end, number=number, answer=reply, response=response, at=self._clock.now()))

    async def cannot(self, station: str, name: str, action: str, payload: dict[str, Any], by: str, why: str) -> CommandRecord:
        """Write down one that the station's protocol has no word for."""
        now = self._clock.now()
        kept = msgspec.json.encode(hidden(payload)).decode()
        row = {"station": station, "name": name, "action": action, "payload": kept, "asked_at": now, "by": by, "detail": ""}
        answer = Answer(outcome=Outcome.UNSUPPORTED, detail=why)
        return await self._database.write(lambda c: _end(c, number=_begin(c, row), answer=answer, response=None, at=now))

    async def newest(self, station: str | None, limit: int) -> tuple[CommandRecord, ...]:
        query = select(table).order_by(table.c.number.desc()).limit(limit)
        if station is not None:
            query = query.where(table.c.station == station)
        return await self._database.read(lambda c: tuple(_record(row) for row in c.execute(query)))


def language_of(station: OcppStation) -> Language:
    """That of its connection, or of what it said of itself. Raises ModelError when it was never heard."""
    if station.language is not None:
        return station.language
    if station.info is not None and station.info.protocol in LANGUAGES:
        return LANGUAGES[station.info.protocol]
    cure = "see that it has power and network, and that its URL is right"
    raise ModelError(station.identity, "has not been heard yet, so that its OCPP version is not known", cure)


def check(dialect: Dialect, action: str, payload: dict[str, Any]) -> None:
    """Raises ModelError with the place of what is wrong, before anything is written down or sent."""
    known = callable_actions(dialect)
    if action not in known:
        raise ModelError(action[:50], f"{dialect.name} has no such action of ours", f"call one of {', '.join(known)}")
    try:
        dialect.decode_request(action, msgspec.json.encode(payload))
    except PayloadError as error:
        raise ModelError(f"{action} {error.position.replace('$[3]', '$')}", error.reason, error.cure) from None


def _begin(c: Connection, row: dict[str, Any]) -> int:
    key = c.execute(insert(table).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _end(c: Connection, number: int, answer: Answer, response: str | None, at: datetime) -> CommandRecord:
    values = {"outcome": answer.outcome.value, "detail": answer.detail, "response": response, "answered_at": at}
    c.execute(update(table).where(table.c.number == number).values(values))
    return _record(c.execute(select(table).where(table.c.number == number)).one())


def _record(row: "Row[Any]") -> CommandRecord:
    values = dict(row._mapping)
    values["payload"] = msgspec.json.decode(values["payload"])
    values["response"] = None if values["response"] is None else msgspec.json.decode(values["response"])
    return CommandRecord(**values)
