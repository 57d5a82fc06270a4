"""Our virtual station charges at a central system made of PyPI `ocpp`, in both versions."""

import asyncio
from typing import Any

import msgspec
import ocpp.v16
import ocpp.v201
import websockets
from ocpp.routing import on
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201

from chargebridge.model.phases import PerPhase
from chargebridge.sim.ocpp_station import EvsePlan, StationPlan, VirtualStation
from interop.ocpp.check import Check, WallClock, until

LIMIT_A = 10.0


class Truth(msgspec.Struct, frozen=True):
    current_a: PerPhase
    voltage_v: PerPhase
    power_w: float
    energy_wh: float
    soc: float | None


class Car:
    """Takes at once what it is offered, up to 16 A on each phase."""

    current_a = 0.0

    def draw(self, evse: int, offered_a: float, phases: int, now: object) -> PerPhase:
        self.current_a = min(offered_a, 16.0)
        return (self.current_a,) * 3

    def measure(self, evse: int) -> Truth:
        return Truth((self.current_a,) * 3, (230.0,) * 3, self.current_a * 690, 1234.0, 0.5)


class Central16(ocpp.v16.ChargePoint):
    """The library calls either end a ChargePoint; this is the central one. seen: the requests, by action."""

    def __init__(self, identity: str, socket: Any) -> None:
        super().__init__(identity, socket)
        self.seen: list[tuple[str, dict[str, Any]]] = []

    @on("BootNotification")
    def boot(self, **request: Any) -> Any:
        self.seen.append(("BootNotification", request))
        return result16.BootNotification(current_time=WallClock().now().isoformat(), interval=60, status="Accepted")

    @on("StatusNotification")
    def status(self, **request: Any) -> Any:
        self.seen.append(("StatusNotification", request))
        return result16.StatusNotification()

    @on("Authorize")
    def authorise(self, **request: Any) -> Any:
        self.seen.append(("Authorize", request))
        return result16.Authorize(id_tag_info={"status": "Accepted"})

    @on("StartTransaction")
    def start_transaction(self, **request: Any) -> Any:
        self.seen.append(("StartTransaction", request))
        return result16.StartTransaction(transaction_id=42, id_tag_info={"status": "Accepted"})

    @on("MeterValues")
    def meter_values(self, **request: Any) -> Any:
        self.seen.append(("MeterValues", request))
        return result16.MeterValues()

    @on("StopTransaction")
    def stop_transaction(self, **request: Any) -> Any:
        self.seen.append(("StopTransaction", request))
        return result16.StopTransaction()

    @on("Heartbeat")
    def heartbeat(self) -> Any:
        return result16.Heartbeat(current_time=WallClock().now().isoformat())

    async def limit(self, transaction: str, current_a: float) -> str:
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": current_a}]}
        profile = {
            "chargingProfileId": 1,
            "transactionId": int(transaction),
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": schedule,
        }
        answer = await self.call(call16.SetChargingProfile(connector_id=1, cs_charging_profiles=profile))
        return str(answer.status)

    async def composite(self) -> float:
        answer = await self.call(call16.GetCompositeSchedule(connector_id=1, duration=60))
        return float(answer.charging_schedule["charging_schedule_period"][0]["limit"])

    async def stop(self, transaction: str) -> str:
        return str((await self.call(call16.RemoteStopTransaction(transaction_id=int(transaction)))).status)


class Central201(ocpp.v201.ChargePoint):
    """The same in OCPP 2.0.1."""

    def __init__(self, identity: str, socket: Any) -> None:
        super().__init__(identity, socket)
        self.seen: list[tuple[str, dict[str, Any]]] = []

    @on("BootNotification")
    def boot(self, **request: Any) -> Any:
        self.seen.append(("BootNotification", request))
        return result201.BootNotification(current_time=WallClock().now().isoformat(), interval=60, status="Accepted")

    @on("StatusNotification")
    def status(self, **request: Any) -> Any:
        self.seen.append(("StatusNotification", request))
        return result201.StatusNotification()

    @on("Authorize")
    def authorise(self, **request: Any) -> Any:
        self.seen.append(("Authorize", request))
        return result201.Authorize(id_token_info={"status": "Accepted"})

    @on("TransactionEvent")
    def transaction_event(self, **request: Any) -> Any:
        self.seen.append((f"TransactionEvent {request['event_type']}", request))
        return result201.TransactionEvent(id_token_info={"status": "Accepted"} if "id_token" in request else None)

    @on("Heartbeat")
    def heartbeat(self) -> Any:
        return result201.Heartbeat(current_time=WallClock().now().isoformat())

    async def limit(self, transaction: str, current_a: float) -> str:
        schedule = {
            "id": 1,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": current_a}],
        }
        profile = {
            "id": 1,
            "transactionId": transaction,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": [schedule],
        }
        return str((await self.call(call201.SetChargingProfile(evse_id=1, charging_profile=profile))).status)

    async def composite(self) -> float:
        answer = await self.call(call201.GetCompositeSchedule(duration=60, evse_id=1))
        return float(answer.schedule["charging_schedule_period"][0]["limit"])

    async def stop(self, transaction: str) -> str:
        return str((await self.call(call201.RequestStopTransaction(transaction_id=transaction))).status)


# What each version says in the course of one charge, in order.
COURSE = {
    "ocpp1.6": ["BootNotification", "Authorize", "StartTransaction", "MeterValues", "StopTransaction"],
    "ocpp2.0.1": [
        "BootNotification",
        "Authorize",
        "TransactionEvent Started",
        "TransactionEvent Updated",
        "TransactionEvent Ended",
    ],
}


async def trial(version: str) -> list[Check]:
    """One charge of our virtual station at their central system."""
    checks: list[Check] = []
    centrals: list[Central16 | Central201] = []

    def check(name: str, passed: bool, detail: object = "") -> None:
        checks.append(Check(f"PyPI ocpp central system, {version}: {name}", passed, "" if passed else str(detail)))

    async def serve(socket: Any) -> None:
        central = Central16("CP-1", socket) if version == "ocpp1.6" else Central201("CP-1", socket)
        centrals.append(central)
        await central.start()

    async with websockets.serve(serve, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol(version)]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        car = Car()
        plan = StationPlan(
            identity="CP-1", uri=f"ws://127.0.0.1:{port}", version="ocpp1.6" if version == "ocpp1.6" else "ocpp2.0.1",
            evses=(EvsePlan(),), tick_s=0.05, sample_interval_s=1,
        )  # fmt: skip
        station = VirtualStation(plan, car, WallClock())
        running = asyncio.create_task(station.run())
        try:
            check("boot is accepted", await until(lambda: station.online))
            central = centrals[0]
            station.plug(1)
            check("token is authorised", await station.present(1, "TAG-1"))
            point = station.evses[1]
            started = await until(lambda: point.transaction is not None and point.transaction.id is not None)
            check("transaction starts", started)
            assert point.transaction is not None
            transaction = point.transaction.id or ""
            check("it draws what the car takes", await until(lambda: car.current_a == 16.0), car.current_a)
            check("limit is accepted", await central.limit(transaction, LIMIT_A) == "Accepted")
            check("limit is obeyed", await until(lambda: car.current_a == LIMIT_A), car.current_a)
            check("limit can be read back", await central.composite() == LIMIT_A)
            check("meter values come", await until(lambda: any(a.endswith(("Values", "Updated")) for a, _ in central.seen)))
            check("zero stops", await central.limit(transaction, 0.0) == "Accepted" and car.current_a == 0.0)
            check("remote stop is accepted", await central.stop(transaction) == "Accepted")
            check("it ends", await until(lambda: central.seen[-1][0] != "" and COURSE[version][-1] in [a for a, _ in central.seen]))
            course = list(dict.fromkeys(action for action, _ in central.seen if action in COURSE[version]))
            check("all in order", course == COURSE[version], course)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return checks


async def run() -> list[Check]:
    return [*await trial("ocpp1.6"), *await trial("ocpp2.0.1")]
