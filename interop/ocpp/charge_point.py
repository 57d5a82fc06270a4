"""What our charge point made of foreign parts does when it is asked: one EVSE, one connector, in the words of each version.

It keeps profiles and obeys the highest, keeps settings, a local list, reservations and certificates, and starts what it was asked to start
(reports, uploads, a firmware update, a certificate request). Payloads are JSON objects in OCPP's own spelling.
"""

import asyncio
import hashlib
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from interop.ocpp.link import Link, Message

ACCEPTED: Message = {"status": "Accepted"}
PLAINLY = {  # asked, taken, and nothing more to it
    "AFRRSignal", "ChangeAvailability", "ClearCache", "ClearDERControl", "ClearDisplayMessage", "ClearVariableMonitoring",
    "CustomerInformation", "DataTransfer", "NotifyAllowedEnergyTransfer", "RemoteStartTransaction", "RequestBatterySwap",
    "RequestStartTransaction", "SetDERControl", "SetDefaultTariff", "SetDisplayMessage", "SetMonitoringBase", "SetMonitoringLevel",
    "SetNetworkProfile", "UpdateDynamicSchedule", "UsePriorityCharging",
}  # fmt: skip
FOLLOWED = {  # what the charge point does of it comes afterwards
    "ExtendedTriggerMessage", "GetBaseReport", "GetDERControl", "GetDiagnostics", "GetDisplayMessages", "GetLog", "GetMonitoringReport",
    "GetReport", "SignedUpdateFirmware", "TriggerMessage", "UpdateFirmware",
}  # fmt: skip


def stamp(ago_s: float = 0.0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


class ChargePoint:
    """asked: every call of our Central System, in order; reset, stop: set when it asks for one; refuse: actions answered Rejected."""

    def __init__(self, version: str, identity: str) -> None:
        self.version = version
        self.identity = identity
        self.link: Link | None = None
        self.asked: list[tuple[str, Message]] = []
        self.profiles: dict[int, Message] = {}
        self.settings: dict[str, str] = {}
        self.list_version = 0
        self.list: dict[str, Message] = {}
        self.reserved: set[int] = set()
        self.certificates: dict[str, tuple[str, Message]] = {}  # serial number -> its type, its hashes
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.own_certificate: x509.Certificate | None = None
        self.reset, self.stop, self.start = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.updated = asyncio.Event()
        self.jobs: set[asyncio.Task[None]] = set()
        self.troubles: list[str] = []

    @property
    def old(self) -> bool:
        return self.version == "ocpp1.6"

    async def answer(self, action: str, request: Message) -> Message:
        """What the library asks for each call. Raises NotImplementedError for what this charge point cannot do."""
        self.asked.append((action, request))
        if action in FOLLOWED:
            self._after(self._follow(action, request))
        if action in PLAINLY:
            return ACCEPTED
        method = getattr(self, f"on_{action}", None)
        if method is None and action not in FOLLOWED:
            raise NotImplementedError(action)
        return dict(method(request)) if method else ACCEPTED

    async def tell(self, action: str, payload: Message) -> Message:
        assert self.link is not None
        return await self.link.call(action, payload)

    def _after(self, job: Coroutine[Any, Any, None]) -> None:
        async def soon() -> None:
            await asyncio.sleep(0.02)  # the answer goes first
            try:
                await job
            except Exception as error:
                self.troubles.append(f"{type(error).__name__}: {error}")

        task = asyncio.create_task(soon())
        self.jobs.add(task)
        task.add_done_callback(self.jobs.discard)

    def limit(self) -> float:
        """The limit that holds now: of the profiles in force, a transaction's before a default one, then the highest stack level."""
        now = datetime.now(UTC)
        live = [profile for profile in self.profiles.values() if _lasts(profile, now)]
        if not live:
            return 32.0
        best = max(live, key=lambda profile: (profile["chargingProfilePurpose"] == "TxProfile", profile["stackLevel"]))
        return float(_schedule(best)["chargingSchedulePeriod"][0]["limit"])

    # Charging profiles

    def on_SetChargingProfile(self, request: Message) -> Message:  # noqa: N802
        profile = request.get("csChargingProfiles") or request["chargingProfile"]
        self.profiles[profile.get("chargingProfileId", profile.get("id"))] = profile
        return ACCEPTED

    def on_ClearChargingProfile(self, request: Message) -> Message:  # noqa: N802
        found = self.profiles.pop(request.get("id", request.get("chargingProfileId")), None)
        return ACCEPTED if found else {"status": "Unknown"}

    def on_GetCompositeSchedule(self, request: Message) -> Message:  # noqa: N802
        periods = [{"startPeriod": 0, "limit": self.limit()}]
        if self.old:
            schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": periods, "duration": request["duration"]}
            return ACCEPTED | {"connectorId": request["connectorId"], "scheduleStart": stamp(), "chargingSchedule": schedule}
        common = {"evseId": request["evseId"], "duration": request["duration"], "scheduleStart": stamp(), "chargingRateUnit": "A"}
        return ACCEPTED | {"schedule": common | {"chargingSchedulePeriod": periods}}

    # Settings

    def on_ChangeConfiguration(self, request: Message) -> Message:  # noqa: N802
        self.settings[request["key"]] = request["value"]
        return {"status": "Rejected" if "SoC" in request["value"] else "Accepted"}  # a common station: no state of charge over AC

    def on_GetConfiguration(self, request: Message) -> Message:  # noqa: N802
        names = request.get("key") or list(self.settings)
        found = [{"key": name, "value": self.settings[name], "readonly": False} for name in names if name in self.settings]
        return {"configurationKey": found, "unknownKey": [name for name in names if name not in self.settings]}

    def on_SetVariables(self, request: Message) -> Message:  # noqa: N802
        for data in request["setVariableData"]:
            self.settings[_name(data)] = data["attributeValue"]
        return {"setVariableResult": [_which(data) | {"attributeStatus": "Accepted"} for data in request["setVariableData"]]}

    def on_GetVariables(self, request: Message) -> Message:  # noqa: N802
        results = []
        for data in request["getVariableData"]:
            value = self.settings.get(_name(data))
            told = {"attributeStatus": "UnknownVariable"} if value is None else {"attributeStatus": "Accepted", "attributeValue": value}
            results.append(_which(data) | told)
        return {"getVariableResult": results}

    def on_SetVariableMonitoring(self, request: Message) -> Message:  # noqa: N802
        results = [
            _which(data) | {"id": number, "status": "Accepted", "type": data["type"], "severity": data["severity"]}
            for number, data in enumerate(request["setMonitoringData"], 1)
        ]
        return {"setMonitoringResult": results}

    # Local list, reservation

    def on_SendLocalList(self, request: Message) -> Message:  # noqa: N802
        if request["updateType"] == "Full":
            self.list.clear()
        self.list_version = request.get("listVersion", request.get("versionNumber"))
        for entry in request.get("localAuthorizationList", []):
            token = entry.get("idTag") or entry["idToken"]["idToken"]
            self.list[token] = entry
        return ACCEPTED

    def on_GetLocalListVersion(self, request: Message) -> Message:  # noqa: N802
        return {"listVersion" if self.old else "versionNumber": self.list_version}

    def on_ReserveNow(self, request: Message) -> Message:  # noqa: N802
        self.reserved.add(request.get("reservationId", request.get("id")))
        return ACCEPTED

    def on_CancelReservation(self, request: Message) -> Message:  # noqa: N802
        if request["reservationId"] not in self.reserved:
            return {"status": "Rejected"}
        self.reserved.discard(request["reservationId"])
        return ACCEPTED

    # Certificates

    def on_InstallCertificate(self, request: Message) -> Message:  # noqa: N802
        certificate = x509.load_pem_x509_certificate(request["certificate"].encode())
        hashes = {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": hashlib.sha256(certificate.issuer.public_bytes()).hexdigest(),
            "issuerKeyHash": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
            "serialNumber": f"{certificate.serial_number:x}",
        }
        self.certificates[hashes["serialNumber"]] = (request["certificateType"], hashes)
        return ACCEPTED

    def on_GetInstalledCertificateIds(self, request: Message) -> Message:  # noqa: N802
        if not self.certificates:
            return {"status": "NotFound"}
        if self.old:
            return ACCEPTED | {"certificateHashData": [hashes for _, hashes in self.certificates.values()]}
        chains = [{"certificateType": kind, "certificateHashData": hashes} for kind, hashes in self.certificates.values()]
        return ACCEPTED | {"certificateHashDataChain": chains}

    def on_DeleteCertificate(self, request: Message) -> Message:  # noqa: N802
        found = self.certificates.pop(request["certificateHashData"]["serialNumber"], None)
        return ACCEPTED if found else {"status": "NotFound"}

    def on_CertificateSigned(self, request: Message) -> Message:  # noqa: N802
        certificate = x509.load_pem_x509_certificate(request["certificateChain"].encode())
        if certificate.public_key() != self.key.public_key():
            return {"status": "Rejected"}
        self.own_certificate = certificate
        return ACCEPTED

    def request_for_certificate(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.identity), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Interop")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.key, SHA256())
        return request.public_bytes(Encoding.PEM).decode()

    # The rest

    def on_RemoteStopTransaction(self, request: Message) -> Message:  # noqa: N802
        self.stop.set()
        return ACCEPTED

    on_RequestStopTransaction = on_RemoteStopTransaction  # noqa: N815

    def on_Reset(self, request: Message) -> Message:  # noqa: N802
        self.reset.set()
        return ACCEPTED

    def on_UnlockConnector(self, request: Message) -> Message:  # noqa: N802
        return {"status": "Unlocked"}

    def on_GetTransactionStatus(self, request: Message) -> Message:  # noqa: N802
        return {"messagesInQueue": False, "ongoingIndicator": True}

    def on_CostUpdated(self, request: Message) -> Message:  # noqa: N802
        return {}

    def on_UpdateFirmware(self, request: Message) -> Message:  # noqa: N802
        return {} if self.old else ACCEPTED

    def on_GetDiagnostics(self, request: Message) -> Message:  # noqa: N802
        return {"fileName": "diagnostics.zip"}

    def on_GetLog(self, request: Message) -> Message:  # noqa: N802
        return ACCEPTED | {"filename": "log.zip"}

    async def _follow(self, action: str, request: Message) -> None:
        """What an accepted call leads to."""
        number = request.get("requestId")
        match action:
            case "GetBaseReport" | "GetReport":
                for page in range(2):
                    data = {
                        "component": {"name": "AuthCtrlr"},
                        "variable": {"name": ("Enabled", "OfflineTxForUnknownIdEnabled")[page]},
                        "variableAttribute": [{"value": "true", "mutability": "ReadWrite"}],
                    }
                    report = {"requestId": number, "generatedAt": stamp(), "seqNo": page, "tbc": page == 0, "reportData": [data]}
                    await self.tell("NotifyReport", report)
            case "GetMonitoringReport":
                monitor = {"id": 1, "transaction": False, "value": 55.0, "type": "UpperThreshold", "severity": 5}
                monitor |= {} if self.version == "ocpp2.0.1" else {"eventNotificationType": "CustomMonitor"}
                data = {"component": {"name": "EVSE"}, "variable": {"name": "Temperature"}, "variableMonitoring": [monitor]}
                report = {"requestId": number, "seqNo": 0, "generatedAt": stamp(), "tbc": False, "monitor": [data]}
                await self.tell("NotifyMonitoringReport", report)
            case "GetDisplayMessages":
                shown = {"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "Good morning"}}
                await self.tell("NotifyDisplayMessages", {"requestId": number, "messageInfo": [shown], "tbc": False})
            case "GetDERControl":
                await self.tell("ReportDERControl", {"requestId": number, "tbc": False})
            case "GetDiagnostics":
                for status in ("Uploading", "Uploaded"):
                    await self.tell("DiagnosticsStatusNotification", {"status": status})
            case "GetLog":
                for status in ("Uploading", "Uploaded"):
                    await self.tell("LogStatusNotification", {"status": status, "requestId": number})
            case "TriggerMessage" | "ExtendedTriggerMessage":
                await self._triggered(request["requestedMessage"])
            case _:
                await self._update_firmware(action, number)

    async def _triggered(self, message: str) -> None:
        if message in ("SignChargePointCertificate", "SignChargingStationCertificate"):
            kind = {} if self.old else {"certificateType": "ChargingStationCertificate"}
            await self.tell("SignCertificate", {"csr": self.request_for_certificate()} | kind)
        else:
            await self.tell("Heartbeat", {})

    async def _update_firmware(self, action: str, number: int | None) -> None:
        """Up to Installing; the day goes on with the reboot and Installed."""
        told = "SignedFirmwareStatusNotification" if action == "SignedUpdateFirmware" else "FirmwareStatusNotification"
        signed = action != "UpdateFirmware" or not self.old
        for status in ("Downloading", "Downloaded", *(["SignatureVerified"] if signed else []), "Installing"):
            await self.tell(told, {"status": status} | ({"requestId": number} if signed else {}))
        self.updated.set()


def _name(data: Message) -> str:
    return f"{data['component']['name']}.{data['variable']['name']}"


def _which(data: Message) -> Message:
    return {"component": data["component"], "variable": data["variable"]}


def _schedule(profile: Message) -> Message:
    schedule = profile["chargingSchedule"]
    return dict(schedule[0] if isinstance(schedule, list) else schedule)


def _lasts(profile: Message, now: datetime) -> bool:
    schedule = _schedule(profile)
    if "duration" not in schedule or "startSchedule" not in schedule:
        return True
    return datetime.fromisoformat(schedule["startSchedule"]) + timedelta(seconds=schedule["duration"]) > now
