"""What the tests of forwarding share: foreign back ends (the PyPI package `ocpp`), a limit desk, a place with one forwarded station."""

import asyncio
import itertools
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import ocpp.v16
import ocpp.v201
import websockets
from ocpp.exceptions import InternalError
from ocpp.routing import on
from ocpp.v16 import call_result as result16
from ocpp.v201 import call_result as result201
from ocpp_kit import DurableSink

from chargebridge.model.limit import Limit
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp import CentralSystem, EvseSettings, ServerSettings, StationSettings
from chargebridge.stations.ocpp.forward import BackendSettings, Forwarder, Point
from chargebridge.stations.port import Authorisation, StartAnswer, TransactionEvent
from chargebridge.store import Database

logging.getLogger("ocpp").setLevel(logging.CRITICAL)
NOW = "2026-01-05T12:00:00Z"


class Foreign:
    """A foreign back end with the package `ocpp`, on a port that stays the same. said: (action, payload) of all it heard, in order.

    cards: those it accepts. broken: actions that it answers with an error.
    """

    def __init__(self, version: str, port: int = 0) -> None:
        self.version = version
        self.port = port
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.cards: set[str] = set()
        self.broken: set[str] = set()
        self.numbers = itertools.count(4711)
        self.station: Any = None
        self.asked_password: str | None = None
        self._server: Any = None

    async def __aenter__(self) -> "Foreign":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        version = websockets.Subprotocol(self.version)
        self._server = await websockets.serve(self._serve, "127.0.0.1", self.port, subprotocols=[version])
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, socket: Any) -> None:
        self.asked_password = socket.request.headers.get("Authorization")
        self.path = socket.request.path
        kind = Foreign16 if self.version == "ocpp1.6" else Foreign201
        self.station = kind(self, socket)
        try:
            await self.station.start()
        except websockets.ConnectionClosed:
            self.station = None

    def hear(self, action: str, payload: dict[str, Any]) -> None:
        if action in self.broken:
            raise InternalError("not today")
        self.said.append((action, payload))

    def actions(self) -> list[str]:
        return [action for action, _ in self.said if action != "Heartbeat"]

    def status(self, card: str) -> dict[str, str]:
        return {"status": "Accepted" if card in self.cards else "Invalid"}


class Foreign16(ocpp.v16.ChargePoint):
    def __init__(self, home: Foreign, socket: Any) -> None:
        super().__init__("CP-1", socket)
        self.home = home

    @on("BootNotification")
    def boot(self, **payload: Any) -> Any:
        self.home.hear("BootNotification", payload)
        return result16.BootNotification(current_time=NOW, interval=300, status="Accepted")

    @on("Heartbeat")
    def beat(self) -> Any:
        self.home.hear("Heartbeat", {})
        return result16.Heartbeat(current_time=NOW)

    @on("StatusNotification")
    def status(self, **payload: Any) -> Any:
        self.home.hear("StatusNotification", payload)
        return result16.StatusNotification()

    @on("Authorize")
    def authorise(self, **payload: Any) -> Any:
        self.home.hear("Authorize", payload)
        return result16.Authorize(id_tag_info=self.home.status(payload["id_tag"]))

    @on("StartTransaction")
    def start_transaction(self, **payload: Any) -> Any:
        self.home.hear("StartTransaction", payload)
        return result16.StartTransaction(transaction_id=next(self.home.numbers), id_tag_info=self.home.status(payload["id_tag"]))

    @on("MeterValues")
    def values(self, **payload: Any) -> Any:
        self.home.hear("MeterValues", payload)
        return result16.MeterValues()

    @on("StopTransaction")
    def stop_transaction(self, **payload: Any) -> Any:
        self.home.hear("StopTransaction", payload)
        return result16.StopTransaction()

    @on("DataTransfer")
    def data(self, **payload: Any) -> Any:
        self.home.hear("DataTransfer", payload)
        return result16.DataTransfer(status="Accepted", data="42")


class Foreign201(ocpp.v201.ChargePoint):
    def __init__(self, home: Foreign, socket: Any) -> None:
        super().__init__("CP-1", socket)
        self.home = home

    @on("BootNotification")
    def boot(self, **payload: Any) -> Any:
        self.home.hear("BootNotification", payload)
        return result201.BootNotification(current_time=NOW, interval=300, status="Accepted")

    @on("Heartbeat")
    def beat(self) -> Any:
        return result201.Heartbeat(current_time=NOW)

    @on("StatusNotification")
    def status(self, **payload: Any) -> Any:
        self.home.hear("StatusNotification", payload)
        return result201.StatusNotification()

    @on("Authorize")
    def authorise(self, **payload: Any) -> Any:
        self.home.hear("Authorize", payload)
        return result201.Authorize(id_token_info=self.home.status(payload["id_token"]["id_token"]))

    @on("TransactionEvent")
    def transaction(self, **payload: Any) -> Any:
        self.home.hear(f"TransactionEvent {payload['event_type']}", payload)
        return result201.TransactionEvent()

    @on("NotifyReport")
    def report(self, **payload: Any) -> Any:
        self.home.hear("NotifyReport", payload)
        return result201.NotifyReport()


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


def backend(foreign: Foreign, **more: Any) -> BackendSettings:
    return BackendSettings(name="maker", url=f"ws://127.0.0.1:{foreign.port}/ocpp", stations=("CP-1",), timeout_s=2.0, **more)


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
