"""Our virtual station spends a day at a central system made of PyPI `ocpp`, in 1.6J, 2.0.1 and 2.1."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import ocpp.v16.call
import ocpp.v16.call_result
import ocpp.v21.call
import ocpp.v21.call_result
import ocpp.v201.call
import ocpp.v201.call_result
import websockets
from ocpp.charge_point import ChargePoint
from ocpp.routing import on

from chargebridge.model.phases import PerPhase
from chargebridge.sim.ocpp_station import EvsePlan, StationPlan, Version, VirtualStation
from interop.ocpp.authority import Authority
from interop.ocpp.check import Check, WallClock, until

LIMIT_A = 10.0
IMAGE = b"chargebridge-firmware 2.0\n"
VERSIONS: tuple[Version, ...] = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
LIBRARY: dict[str, tuple[type[ChargePoint], Any, Any]] = {
    "ocpp1.6": (ocpp.v16.ChargePoint, ocpp.v16.call, ocpp.v16.call_result),
    "ocpp2.0.1": (ocpp.v201.ChargePoint, ocpp.v201.call, ocpp.v201.call_result),
    "ocpp2.1": (ocpp.v21.ChargePoint, ocpp.v21.call, ocpp.v21.call_result),
}
HEARD = (
    "BootNotification", "StatusNotification", "Authorize", "StartTransaction", "MeterValues", "StopTransaction", "TransactionEvent", "Heartbeat",
    "SecurityEventNotification", "SignCertificate", "FirmwareStatusNotification", "LogStatusNotification", "NotifyReport", "NotifyEvent",
    "NotifyEVChargingNeeds", "NotifyChargingLimit", "ReportChargingProfiles", "NotifyDERAlarm", "ReportDERControl", "NotifyPriorityCharging",
    "PullDynamicScheduleUpdate",
)  # fmt: skip
# What each version says in the course of one charge, in order.
COURSE = {
    "ocpp1.6": ["BootNotification", "Authorize", "StartTransaction", "MeterValues", "StopTransaction"],
    "ocpp2": ["BootNotification", "Authorize", "TransactionEvent Started", "TransactionEvent Updated", "TransactionEvent Ended"],
}


class Truth(msgspec.Struct, frozen=True):
    current_a: PerPhase
    voltage_v: PerPhase
    power_w: float
    energy_wh: float
    soc: float | None


class Car:
    """Takes and gives at once what it is asked for, up to 16 A on each phase."""

    current_a = 0.0

    def draw(self, evse: int, offered_a: float, phases: int, now: object) -> PerPhase:
        self.current_a = max(min(offered_a, 16.0), -16.0)
        return (self.current_a,) * 3

    def measure(self, evse: int) -> Truth:
        return Truth((self.current_a,) * 3, (230.0,) * 3, self.current_a * 690, 1234.0, 0.5)


def now() -> str:
    return datetime.now(UTC).isoformat()


def answers(action: str, version: str, request: dict[str, Any]) -> dict[str, Any]:
    """What their central system says; all it lets in."""
    match action:
        case "BootNotification":
            return {"current_time": now(), "interval": 60, "status": "Accepted"}
        case "Heartbeat":
            return {"current_time": now()}
        case "Authorize":
            return {"id_tag_info": {"status": "Accepted"}} if version == "ocpp1.6" else {"id_token_info": {"status": "Accepted"}}
        case "StartTransaction":
            return {"transaction_id": 42, "id_tag_info": {"status": "Accepted"}}
        case "TransactionEvent" if "id_token" in request:
            return {"id_token_info": {"status": "Accepted"}}
        case "SignCertificate" | "NotifyEVChargingNeeds":
            return {"status": "Accepted"}
        case "PullDynamicScheduleUpdate":
            return {"status": "Rejected"}
    return {}


def central_of(version: str) -> type[ChargePoint]:
    """The library calls either end a ChargePoint; this is the central one. seen: the requests, by action."""
    base, _, results = LIBRARY[version]

    def handler(action: str) -> Callable[..., Any]:
        async def handle(self: Any, **request: Any) -> Any:
            self.seen.append((f"{action} {request['event_type']}" if action == "TransactionEvent" else action, request))
            return getattr(results, action)(**answers(action, version, request))

        handle.__name__ = f"on_{action}"
        return on(action)(handle)

    handlers = {f"on_{action}": handler(action) for action in HEARD if hasattr(results, action)}
    return type("Central", (base,), handlers)


class Day:
    """One day of our virtual station at their central system; each step a check."""

    def __init__(self, version: Version) -> None:
        self.version, self.first, self.newest = version, version == "ocpp1.6", version == "ocpp2.1"
        self.checks: list[Check] = []
        self.centrals: list[Any] = []
        self.car = Car()
        self.uploaded: list[bytes] = []

    def check(self, name: str, passed: bool, detail: object = "") -> None:
        self.checks.append(Check(f"PyPI ocpp central system, {self.version}: {name}", passed, "" if passed else str(detail)))

    async def ask(self, action: str, **payload: Any) -> Any:
        return await self.centrals[-1].call(getattr(LIBRARY[self.version][1], action)(**payload))

    def seen(self, action: str) -> list[dict[str, Any]]:
        return [request for central in self.centrals for name, request in central.seen if name == action]

    async def serve(self, socket: Any) -> None:
        central: Any = central_of(self.version)("CP-1", socket)
        central.seen = []
        self.centrals.append(central)
        try:
            await central.start()
        except websockets.ConnectionClosed:
            return

    async def files(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """GET gives the firmware, PUT takes a log."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next((int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length")), 0)
        if head.startswith("PUT"):
            self.uploaded.append(await reader.readexactly(size))
        body = IMAGE if head.startswith("GET") else b""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def run(self) -> list[Check]:
        store = await asyncio.start_server(self.files, "127.0.0.1", 0)
        self.store = f"http://127.0.0.1:{store.sockets[0].getsockname()[1]}"
        async with store, websockets.serve(self.serve, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol(self.version)]) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            plan = StationPlan(
                identity="CP-1", uri=f"ws://127.0.0.1:{port}", version=self.version, password="a password of the day",
                evses=(EvsePlan(bidirectional=self.newest),), tick_s=0.05, sample_interval_s=1, reconnect_s=0.1, boot_s=0.1, install_s=0.1,
            )  # fmt: skip
            self.station = VirtualStation(plan, self.car, WallClock())
            running = asyncio.create_task(self.station.run())
            try:
                self.check("boot is accepted", await until(lambda: self.station.online))
                for part in (self.charge, self.offline, self.settings, self.certificates, self.upkeep, self.reboot):
                    await part()
            except Exception as error:  # the day goes on with the next version
                self.check("the day comes to its end", False, repr(error))
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        return self.checks

    async def begin(self) -> str:
        self.station.plug(1)
        self.check("token is authorised", await self.station.present(1, "TAG-1"))
        point = self.station.evses[1]
        self.check("transaction starts", await until(lambda: point.transaction is not None and point.transaction.id is not None))
        assert point.transaction is not None
        return point.transaction.id or ""

    async def limit(self, transaction: str, purpose: str = "TxProfile", number: int = 1, kind: str = "Relative", **period: Any) -> str:
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, **period}]}
        profile: dict[str, Any] = {"stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": kind}
        own: dict[str, Any] = {"transactionId": int(transaction) if self.first else transaction} if purpose == "TxProfile" else {}
        if self.first:
            told = profile | own | {"chargingProfileId": number, "chargingSchedule": schedule}
            answer = await self.ask("SetChargingProfile", connector_id=1, cs_charging_profiles=told)
        else:
            told = profile | own | {"id": number, "chargingSchedule": [{"id": 1, **schedule}]}
            answer = await self.ask("SetChargingProfile", evse_id=1, charging_profile=told)
        return str(answer.status)

    async def charge(self) -> None:
        car, transaction = self.car, await self.begin()
        self.check("it draws what the car takes", await until(lambda: car.current_a == 16.0), car.current_a)
        self.check("limit is accepted", await self.limit(transaction, limit=LIMIT_A) == "Accepted")
        self.check("limit is obeyed", await until(lambda: car.current_a == LIMIT_A), car.current_a)
        place = {"connector_id" if self.first else "evse_id": 1}
        answer = await self.ask("GetCompositeSchedule", duration=60, **place)
        found = (answer.charging_schedule if self.first else answer.schedule)["charging_schedule_period"][0]["limit"]
        self.check("limit can be read back", found == LIMIT_A, found)
        if self.newest:
            await self.additions(transaction)
        samples = "MeterValues" if self.first else "TransactionEvent Updated"
        self.check("meter values come", await until(lambda: bool(self.seen(samples))))
        self.check("zero stops", await self.limit(transaction, limit=0.0) == "Accepted" and car.current_a == 0.0)
        stop = {"transaction_id": int(transaction) if self.first else transaction}
        answer = await self.ask("RemoteStopTransaction" if self.first else "RequestStopTransaction", **stop)
        self.check("remote stop is accepted", answer.status == "Accepted")
        course = COURSE["ocpp1.6" if self.first else "ocpp2"]
        self.check("it ends", await until(lambda: bool(self.seen(course[-1]))))
        told = list(dict.fromkeys(name for central in self.centrals for name, _ in central.seen if name in course))
        self.check("all in order", told == course, told)
        self.station.unplug(1)

    async def additions(self, transaction: str) -> None:
        """What 2.1 adds."""
        period = {"limit": 16.0, "setpoint": -12.0, "dischargeLimit": -16.0, "operationMode": "CentralSetpoint"}
        self.check("setpoint is accepted", await self.limit(transaction, kind="Dynamic", **period) == "Accepted")
        self.check("the car discharges", await until(lambda: self.car.current_a == -12.0), self.car.current_a)
        answer = await self.ask("UpdateDynamicSchedule", charging_profile_id=1, schedule_update={"setpoint": -8.0})
        self.check("a dynamic update is obeyed", answer.status == "Accepted" and self.car.current_a == -8.0, self.car.current_a)
        curve = {"priority": 1, "curveData": [{"x": 50.0, "y": 100.0}, {"x": 52.0, "y": 0.0}], "yUnit": "PctMaxW"}
        answer = await self.ask("SetDERControl", is_default=True, control_id="der-1", control_type="FreqWatt", curve=curve)
        self.check("DER control is accepted", answer.status == "Accepted")
        answer = await self.ask("GetDERControl", request_id=1)
        self.check("DER control is reported", answer.status == "Accepted" and await until(lambda: bool(self.seen("ReportDERControl"))))
        tariff = {"tariffId": "T", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.3}]}}
        answer = await self.ask("SetDefaultTariff", evse_id=0, tariff=tariff)
        self.check("tariff is accepted", answer.status == "Accepted")
        prior = await self.limit(transaction, "PriorityCharging", number=7, limit=15.0)
        answer = await self.ask("UsePriorityCharging", transaction_id=transaction, activate=True)
        self.check("priority charging counts", prior == answer.status == "Accepted" and await until(lambda: self.car.current_a == 15.0))
        await self.ask("UsePriorityCharging", transaction_id=transaction, activate=False)

    async def offline(self) -> None:
        """A whole charge without a line, told afterwards."""
        ends = "StopTransaction" if self.first else "TransactionEvent Ended"
        before, station = len(self.seen(ends)), self.station
        await until(lambda: not len(station.uplink.outbox))  # an answer that is lost on the way would have its question told again
        station.go_offline()
        await until(lambda: not station.online)
        station.plug(1)
        self.check("offline a token is let in", await station.present(1, "TAG-2"))
        await until(lambda: len(station.uplink.outbox) >= 3)
        station.unplug(1)
        station.go_online()
        self.check("it comes back", await until(lambda: station.online))
        self.check("what was charged offline is told", await until(lambda: len(self.seen(ends)) == before + 1))
        if not self.first:
            self.check("as offline", bool(self.seen(ends)[-1].get("offline")))

    async def settings(self) -> None:
        if self.first:
            answer = await self.ask("ChangeConfiguration", key="MeterValueSampleInterval", value="30")
            self.check("a setting is written", answer.status == "Accepted")
            found = (await self.ask("GetConfiguration", key=["MeterValueSampleInterval"])).configuration_key[0]["value"]
            self.check("and read back", found == "30", found)
        else:
            spot = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
            answer = await self.ask("SetVariables", set_variable_data=[spot | {"attributeValue": "30"}])
            self.check("a setting is written", answer.set_variable_result[0]["attribute_status"] == "Accepted")
            found = (await self.ask("GetVariables", get_variable_data=[spot])).get_variable_result[0]["attribute_value"]
            self.check("and read back", found == "30", found)
            answer = await self.ask("GetBaseReport", request_id=1, report_base="FullInventory")
            whole = await until(lambda: any(not page.get("tbc") for page in self.seen("NotifyReport")))
            self.check("the device model is reported", answer.status == "Accepted" and whole)
        entry = {"idTag": "TAG-9", "idTagInfo": {"status": "Accepted"}}
        if self.first:
            answer = await self.ask("SendLocalList", list_version=1, update_type="Full", local_authorization_list=[entry])
        else:
            entry = {"idToken": {"idToken": "TAG-9", "type": "ISO14443"}, "idTokenInfo": {"status": "Accepted"}}
            answer = await self.ask("SendLocalList", version_number=1, update_type="Full", local_authorization_list=[entry])
        self.check("the local list is taken", answer.status == "Accepted")

    async def certificates(self) -> None:
        authority = Authority()
        use = "CentralSystemRootCertificate" if self.first else "CSMSRootCertificate"
        answer = await self.ask("InstallCertificate", certificate_type=use, certificate=authority.certificate)
        self.check("a root is installed", answer.status == "Accepted")
        answer = await self.ask("GetInstalledCertificateIds", certificate_type=use if self.first else [use])
        self.check("it is told among the installed", answer.status == "Accepted")
        trigger, message = (
            ("ExtendedTriggerMessage", "SignChargePointCertificate") if self.first else ("TriggerMessage", "SignChargingStationCertificate")
        )
        await self.ask(trigger, requested_message=message)
        self.check("a certificate is asked for", await until(lambda: bool(self.seen("SignCertificate"))))
        signed = authority.sign(self.seen("SignCertificate")[0]["csr"])
        answer = await self.ask("CertificateSigned", certificate_chain=signed)
        self.check("the signed certificate is taken", answer.status == "Accepted" and self.station.certificates.own == signed)

    async def upkeep(self) -> None:
        log = {"remoteLocation": f"{self.store}/logs/"}
        answer = await self.ask("GetLog", log=log, log_type="DiagnosticsLog", request_id=2)
        sent = await until(lambda: [e["status"] for e in self.seen("LogStatusNotification")] == ["Uploading", "Uploaded"])
        self.check("a log is uploaded", answer.status == "Accepted" and sent and b"BootNotification" in self.uploaded[0])
        if self.first:
            await self.ask("UpdateFirmware", location=f"{self.store}/image", retrieve_date=now())
        else:
            await self.ask("UpdateFirmware", request_id=3, firmware={"location": f"{self.store}/image", "retrieveDateTime": now()})
        statuses = lambda: [e["status"] for e in self.seen("FirmwareStatusNotification")]  # noqa: E731
        self.check("firmware is installed", await until(lambda: statuses()[-1:] == ["Installed"]), statuses())
        boot = self.seen("BootNotification")[-1]
        self.check("and runs", (boot if self.first else boot["charging_station"])["firmware_version"] == "2.0", boot)

    async def reboot(self) -> None:
        ends, before = "StopTransaction" if self.first else "TransactionEvent Ended", len(self.seen("BootNotification"))
        await self.begin()
        answer = await self.ask("Reset", type="Hard" if self.first else "Immediate")
        self.check("reset is accepted", answer.status == "Accepted")
        self.check("it boots again", await until(lambda: len(self.seen("BootNotification")) == before + 1 and self.station.online))
        told = lambda: [e["reason"] if self.first else e["transaction_info"]["stopped_reason"] for e in self.seen(ends)]  # noqa: E731
        reason = "HardReset" if self.first else "ImmediateReset"
        self.check("the transaction ended by it", await until(lambda: told()[-1:] == [reason]), told())


async def run() -> list[Check]:
    return [check for version in VERSIONS for check in await Day(version).run()]
