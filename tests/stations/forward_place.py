"""A place with one forwarded station, for the tests of forwarding: our Central System, a sink that knows one card, a limit book."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from ocpp_kit import DurableSink

from chargebridge.model.limit import Limit
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp import CentralSystem, EvseSettings, ServerSettings, StationSettings
from chargebridge.stations.ocpp.forward import BackendSettings, Forwarder, Point
from chargebridge.stations.port import Authorisation, StartAnswer, TransactionEvent
from chargebridge.store import Database

NOW = "2026-01-05T12:00:00Z"


class Sink(DurableSink):
    """Knows the card OURS only; believes who bills."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.known = lambda station, token: None  # type: ignore[assignment, method-assign]

    async def authorise(self, station: str, token: str) -> Authorisation:
        return Authorisation.ACCEPTED if token == "OURS" else Authorisation.INVALID

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        answer = await super().transaction_started(event)
        return StartAnswer(transaction=answer.transaction, authorisation=Authorisation.ACCEPTED) if event.billed_by else answer


class Desk:
    """A limit book of the simplest kind."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[datetime, Limit]] = {}

    def limits_of(self, name: str) -> tuple[Limit, ...]:
        return tuple(sorted(self.entries.get(name, {}).values(), key=lambda limit: limit.starts_at))

    async def enter_limit(self, limit: Limit, by: str) -> None:
        here = self.entries.setdefault(limit.id, {})
        for start in [start for start, other in here.items() if limit.replaces(other)]:
            del here[start]
        here[limit.starts_at] = limit

    async def withdraw_limit(self, limit: str, by: str, starts_at: datetime | None = None) -> None:
        here = self.entries.get(limit, {})
        for start in [start for start in here if starts_at in (None, start)]:
            del here[start]

    def bounds(self) -> list[Any]:
        return [limit.bound for name in self.entries for limit in self.limits_of(name)]


class Place:
    """Our Central System with station CP-1, forwarded to the given back ends."""

    def __init__(self, path: Path, *backends: BackendSettings, port: int = 0) -> None:
        clock = WallClock()
        self.database = Database.open(path / "store.db")
        self.sink = Sink(path / "sink.db")
        self.desk = Desk()
        self.forwarder = Forwarder(backends, self.database, clock)
        station = StationSettings(identity="CP-1", security_profile=0, evses=(EvseSettings(),))
        settings = ServerSettings(port=port, grace_s=0.2, call_timeout_s=2.0)
        self.central = CentralSystem(settings, [station], self.forwarder.sink(self.sink), clock)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Place":
        await self.central.start()
        self.forwarder.attach(self.central, [("CP-1", Point(1, "carport", 3))], self.desk)
        self._task = asyncio.create_task(self.forwarder.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.central.stop()
        self.database.close()


def backend(port: int, **more: Any) -> BackendSettings:
    return BackendSettings(name="maker", url=f"ws://127.0.0.1:{port}/ocpp", stations=("CP-1",), timeout_s=2.0, **more)


def start16(card: str, meter: int = 100) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": card, "meterStart": meter, "timestamp": NOW}


def values16(transaction: int, wh: int) -> dict[str, Any]:
    sample = {"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    value = {"timestamp": "2026-01-05T12:05:00Z", "sampledValue": [sample]}
    return {"connectorId": 1, "transactionId": transaction, "meterValue": [value]}


def stop16(transaction: int, wh: int) -> dict[str, Any]:
    return {"transactionId": transaction, "meterStop": wh, "timestamp": "2026-01-05T12:10:00Z"}


def event2(kind: str, number: int, card: str | None = None, **more: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "eventType": kind,
        "timestamp": f"2026-01-05T12:0{number}:00Z",
        "triggerReason": "Authorized" if card else "MeterValuePeriodic",
        "seqNo": number,
        "transactionInfo": {"transactionId": "T-1"},
        "evse": {"id": 1, "connectorId": 1},
    }
    return event | ({"idToken": {"idToken": card, "type": "ISO14443"}} if card else {}) | more
