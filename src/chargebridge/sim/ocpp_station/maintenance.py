"""What a station does for its operator: firmware, logs, certificates, security events, messages on demand; one of each at a time."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.certificates import MANUFACTURER_ROOT
from chargebridge.sim.ocpp_station.files import Retries, TransferError, upload
from chargebridge.sim.ocpp_station.firmware import FirmwareUpdate, Order, signer_is_good
from chargebridge.sim.ocpp_station.knobs import Knob

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

SIGN_RETRY_S = 30.0  # CertSigningWaitMinimum, doubled each time
SIGN_TRIES = 3  # CertSigningRepeatTimes


class LogOrder(Struct, frozen=True, kw_only=True):
    """What the Central System wants to have. request_id: None for the diagnostics of 1.6."""

    location: str
    kind: str
    since: datetime | None = None
    until: datetime | None = None
    retries: int | None = None
    retry_interval_s: float | None = None
    request_id: int | None = None


class Maintenance:
    """See the module."""

    def __init__(self, station: "VirtualStation", clock: Clock) -> None:
        self.firmware: FirmwareUpdate | None = None
        self.log_status = "Idle"
        self.log_request: int | None = None
        self._station = station
        self._clock = clock
        self._updating: asyncio.Task[None] | None = None
        self._uploading: asyncio.Task[None] | None = None
        self._signing: asyncio.Task[None] | None = None
        self._installed: Order | None = None
        self._resumes = False
        self._unsaid: list[tuple[str, datetime, str]] = []
        self._started = False

    # Its life

    def booting(self, *, resume: bool) -> None:
        self._resumes = resume
        self._started = False
        self.security_event("ResetOrReboot")

    def connected(self) -> None:
        """The line is there: what could not be said is said now."""
        if not self._started:
            self._started = True
            self.security_event("StartupOfTheDevice")
        for kind, at, info in self._unsaid:
            self._station.uplink.spawn(self._say_event(kind, at, info))
        self._unsaid = []
        if self._installed is not None:
            self.security_event("FirmwareUpdated", self._station.firmware)
            self._tell_firmware("Installed", self._installed.request_id)
            self._installed = self.firmware = None
        if self._resumes:
            self._resumes = False
            for point in self._station.evses.values():
                self._station.transactions.update(point, "TxResumed")

    def lost(self, reason: str) -> None:
        if "certificate verify failed" in reason:
            second = self._station.voice.names_transactions
            self.security_event("InvalidCsmsCertificate" if second else "InvalidCentralSystemCertificate", reason)

    # Security events

    def security_event(self, kind: str, info: str = "") -> None:
        """Kept until the Central System has it (2.0.1 part 2 A04.FR.02)."""
        station, at = self._station, self._station.now()
        station.journal.write(station.clock.now(), f"{kind} {info}", "SecurityLog")
        station.tell("security", type=kind, info=info)
        if station.online:
            station.uplink.spawn(self._say_event(kind, at, info))
        else:
            self._unsaid.append((kind, at, info))

    async def _say_event(self, kind: str, at: datetime, info: str) -> None:
        station = self._station
        if await station.uplink.ask(station.voice.security_event(kind, at, info[:255])) is None and not station.online:
            self._unsaid.append((kind, at, info))

    # Firmware

    def update_firmware(self, order: Order) -> str:
        """Accepted, AcceptedCanceled (another one was under way) or InvalidCertificate (L01, L02)."""
        station = self._station
        roots = station.certificates.pem(MANUFACTURER_ROOT) or station.plan.firmware_signer
        if not signer_is_good(order, roots, station.clock.now()):
            self.security_event("InvalidFirmwareSigningCertificate")
            return "InvalidCertificate"
        before = self._updating
        under_way = before is not None and not before.done()
        if before is not None:
            before.cancel()
        self.firmware = update = FirmwareUpdate(order, self._clock, station.clock.now, station.faults, station.plan.install_s)
        self._updating = station.uplink.spawn(self._update(update))
        return "AcceptedCanceled" if under_way else "Accepted"

    async def _update(self, update: FirmwareUpdate) -> None:
        async def tell(status: str) -> None:
            await self._clock.sleep(0.05)  # the answer goes first
            self._tell_firmware(status, update.order.request_id)

        await update.run(tell, lambda version: self._restart_into(version, update.order))
        if update.status == "InvalidSignature":
            self.security_event("InvalidFirmwareSignature")

    def _tell_firmware(self, status: str, request_id: int | None) -> None:
        station = self._station
        station.tell("firmware", status=status, request_id=request_id)
        station.uplink.say(station.voice.firmware_status(status, request_id))

    def _restart_into(self, version: str, order: Order) -> None:
        self._station.firmware = version
        self._installed = order
        self._station.later(lambda: self._station.reboot("FirmwareUpdate"))

    # Logs

    def upload_log(self, order: LogOrder) -> tuple[str, str]:
        """(Accepted or AcceptedCanceled, the file's name) (N01, 1.6 5.9)."""
        station = self._station
        under_way = self._uploading is not None and not self._uploading.done()
        if self._uploading is not None:
            self._uploading.cancel()
        name = f"{station.plan.identity}-{order.kind}-{station.now():%Y%m%dT%H%M%SZ}.log"
        self._uploading = station.uplink.spawn(self._upload(order, name))
        return ("AcceptedCanceled" if under_way else "Accepted"), name

    async def _upload(self, order: LogOrder, name: str) -> None:
        content = self._station.journal.text(order.kind, order.since, order.until)
        await self._clock.sleep(0.05)
        self._tell_log("Uploading", order.request_id)
        try:
            await upload(order.location, name, content, Retries(self._clock, order.retries, order.retry_interval_s))
        except TransferError:
            self._tell_log("UploadFailure", order.request_id)
        else:
            self._tell_log("Uploaded", order.request_id)
        self.log_status = "Idle"

    def _tell_log(self, status: str, request_id: int | None) -> None:
        station = self._station
        self.log_status, self.log_request = status, request_id
        station.tell("log", status=status, request_id=request_id)
        station.uplink.say(station.voice.log_status(status, request_id))

    # Certificates

    def sign_certificate(self) -> None:
        """Ask for a new certificate of its own, again and again until one comes (A02.FR.17 to 19)."""
        if self._signing is not None:
            self._signing.cancel()
        self._signing = self._station.uplink.spawn(self._sign())

    async def _sign(self) -> None:
        station = self._station
        for attempt in range(SIGN_TRIES):
            organisation = station.voice.variables[station.voice.name(Knob.ORGANISATION)]
            csr = station.certificates.request(station.plan.identity, organisation)
            station.tell("certificate", change="requested")
            if await station.uplink.ask(station.voice.sign_certificate(csr)) is None:
                return
            await self._clock.sleep(SIGN_RETRY_S * 2**attempt)
            if station.certificates.pending is None:
                return

    def certificate_signed(self, chain: str) -> bool:
        """Use it from the next connection on, and connect anew where it counts (A02.FR.08)."""
        station = self._station
        if not station.certificates.accept_signed(chain, station.clock.now()):
            kind = "InvalidChargingStationCertificate" if station.voice.names_transactions else "InvalidChargePointCertificate"
            self.security_event(kind)
            return False
        if self._signing is not None:
            self._signing.cancel()
        station.tell("certificate", change="installed")
        if station.uplink.network.slot.security_profile == 3:
            station.later(station.uplink.reconnect)
        return True

    # Security of the line

    def new_password(self, password: str) -> None:
        """From the next connection on, which comes at once (A01.FR.11)."""
        self._station.uplink.network.prefer(password=password)
        self.security_event("ReconfigurationOfSecurityParameters")
        self._station.later(self._station.uplink.reconnect)

    def new_security_profile(self, profile: int) -> bool:
        """Only upwards, and only with the certificates that it needs (A05.FR.02 to 04)."""
        station = self._station
        network, store = station.uplink.network, station.certificates
        has = {0: True, 1: network.slot.password is not None, 2: bool(store.trusted_pem()), 3: bool(store.trusted_pem() and store.own)}
        if profile < network.slot.security_profile or not has.get(profile, False):
            return False
        uri = network.slot.uri
        network.prefer(security_profile=profile, uri=uri.replace("ws://", "wss://", 1) if profile >= 2 else uri)
        self.security_event("ReconfigurationOfSecurityParameters")
        station.later(station.uplink.reconnect)
        return True

    # Messages on demand

    def send_now(self, message: str, evse: int | None) -> bool:
        """TriggerMessage. False: this station has no such message."""
        station = self._station
        points = [station.evses[evse]] if evse in station.evses else list(station.evses.values())
        sends: dict[str, Callable[[], None]] = {
            "Heartbeat": lambda: station.uplink.say(station.voice.heartbeat()),
            "BootNotification": station.uplink.boot_again,
            "StatusNotification": lambda: station.tell_all(points),
            "MeterValues": lambda: station.measure_all(points),
            "TransactionEvent": lambda: station.transactions.update_all(points),
            "FirmwareStatusNotification": self._firmware_now,
            "DiagnosticsStatusNotification": lambda: station.uplink.say(station.voice.log_status(self.log_status, None)),
            "LogStatusNotification": lambda: station.uplink.say(station.voice.log_status(self.log_status, self.log_request or 0)),
            "SignChargePointCertificate": self.sign_certificate,
            "SignChargingStationCertificate": self.sign_certificate,
        }
        if message in sends:
            station.later(sends[message])
        return message in sends

    def _firmware_now(self) -> None:
        update = self.firmware
        status, request_id = ("Idle", None) if update is None else (update.status, update.order.request_id)
        self._station.uplink.say(self._station.voice.firmware_status(status, request_id))
