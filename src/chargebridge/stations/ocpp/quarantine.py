"""Unknown stations that are listened to: what they say of themselves is listed, they are told to wait, and nothing else is served.

OCPP 2.0.1 part 2, B02 (Pending boot); anything but a BootNotification is answered with SecurityError (B02.FR.09).
"""

from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.session import DeniedError, Session
from chargebridge.stations.ocpp.settings import ServerSettings
from chargebridge.stations.ocpp.vault import Applicant, Vault
from chargebridge.wire.ocpp import v16, v21, v201
from chargebridge.wire.ocpp.payload import Payload


class Quarantine:
    """The handler of one such connection."""

    def __init__(self, applicant: Applicant, vault: Vault, settings: ServerSettings, clock: Clock) -> None:
        self._applicant = applicant
        self._vault = vault
        self._settings = settings
        self._clock = clock

    async def handle(self, session: Session, request: Payload) -> Payload:
        session.boot_refused = True  # no call of ours leaves
        now, wait_s = self._clock.now(), self._settings.retry_boot_s
        match request:
            case v16.BootNotificationRequest():
                serial = request.charge_point_serial_number or request.charge_box_serial_number or None
                await self._told(session, request.charge_point_vendor, request.charge_point_model, serial)
                return v16.BootNotificationResponse(status="Pending", current_time=now.replace(microsecond=0), interval=wait_s)
            case v201.BootNotificationRequest() | v21.BootNotificationRequest():
                about = request.charging_station
                await self._told(session, about.vendor_name, about.model, about.serial_number or None)
                return v201.BootNotificationResponse(status="Pending", current_time=now.replace(microsecond=0), interval=wait_s)
        raise DeniedError("not approved here yet; only BootNotification is heard")

    async def _told(self, session: Session, vendor: str, model: str, serial: str | None) -> None:
        self._applicant = replace(
            self._applicant, vendor=vendor, model=model, serial=serial, protocol=session.dialect.name, last_at=self._clock.now()
        )
        await self._vault.knocked(self._applicant)
