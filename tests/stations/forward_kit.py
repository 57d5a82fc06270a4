"""Foreign back ends for the tests of forwarding, with the PyPI package `ocpp`."""

import itertools
import logging
import ssl
from typing import Any

import ocpp.v16
import ocpp.v201
import websockets
from forward_place import NOW
from ocpp.exceptions import InternalError
from ocpp.routing import on
from ocpp.v16 import call_result as result16
from ocpp.v201 import call_result as result201

logging.getLogger("ocpp").setLevel(logging.CRITICAL)


class Foreign:
    """A foreign back end with the package `ocpp`, on a port that stays the same. said: (action, payload) of all it heard, in order.

    cards: those it accepts. broken: actions that it answers with an error.
    """

    def __init__(self, version: str, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.version = version
        self.tls = tls
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
        self._server = await websockets.serve(self._serve, "127.0.0.1", self.port, subprotocols=[version], ssl=self.tls)
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
