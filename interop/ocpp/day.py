"""A full day of one foreign charge point at our Central System, told alike for 1.6, 2.0.1 and 2.1.

Morning: boot, set-up, configuration, local list, reservation. Noon: authorise, charge, limits obeyed and read back, an hour without a line whose
messages come later and once, remote stop. Afternoon: certificates, logs, firmware with its reboot. Evening: a power failure in a transaction.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from chargebridge.stations.ocpp import CentralSystem, EvseSettings, Schedule, ServerSettings, StationSettings
from chargebridge.stations.port import Outcome
from chargebridge.store.passwords import hash_password
from chargebridge.wire.ocpp import Answered
from interop.ocpp.authority import Authority
from interop.ocpp.charge_point import ChargePoint, stamp
from interop.ocpp.check import Check, Notebook, WallClock, until
from interop.ocpp.day_two import second_generation
from interop.ocpp.link import Link, Message, RefusedError
from interop.ocpp.sentences import TOKEN, Sentences

IDENTITY, PASSWORD = "CP-1", "interop-password"
FALLBACK_A, LIMIT_A = 6.0, 9.3


class Day(Sentences):
    """One version's day with one library. who: the library, for the table."""

    def __init__(self, who: str, version: str, link: type[Link]) -> None:
        super().__init__(version)
        self.who = who
        self.checks: list[Check] = []
        self.notes = Notebook()
        settings = StationSettings(
            identity=IDENTITY, password_hash=hash_password(PASSWORD), evses=(EvseSettings(fallback_current_a=FALLBACK_A),)
        )
        self.central = CentralSystem(ServerSettings(port=0), [settings], self.notes, WallClock())
        self.point = ChargePoint(version, IDENTITY)
        self._link = link

    def check(self, name: str, passed: bool, detail: object = "") -> None:
        self.checks.append(Check(f"{self.who}, {self.version}: {name}", bool(passed), str(detail)[:160]))

    async def run(self) -> list[Check]:
        async with self.central:
            found = self.central.station(IDENTITY)
            assert found is not None
            self.station: Any = found
            self.point.link = self._link(self.version, f"ws://127.0.0.1:{self.central.port}", IDENTITY, PASSWORD, self.point.answer)
            for part in (self.morning, self.noon, self.offline, self.afternoon, self.evening):
                try:
                    await part()
                except (RefusedError, AssertionError, AttributeError, LookupError, TimeoutError) as error:
                    self.check(f"{part.__name__} comes to its end", False, f"{type(error).__name__}: {error}")
            await self.point.link.close()
            self.check("nothing it did by itself was refused", not self.point.troubles, self.point.troubles)
            wrong = getattr(self.point.link, "wrong", [])
            self.check("its own validation finds nothing wrong in our frames", not wrong, wrong)
        return self.checks

    # Words

    async def tell(self, action: str, payload: Message, name: str | None = None) -> Message:
        """The charge point says something; a check if it has a name."""
        try:
            answer = await self.point.tell(action, payload)
        except RefusedError as error:
            self.check(name or action, False, error)
            return {}
        if name:
            self.check(name, True, f"{action} -> {json.dumps(answer)}")
        return answer

    async def ask(self, action: str, body: Message, name: str, status: str | None = "Accepted") -> Message:
        """Our Central System asks, in the version's own words; what comes back, and whether its status is the one expected."""
        session, dialect = self.station.session, self.station.language.dialect
        _, future = session.call(dialect.decode_request(action, msgspec.json.encode(body)))
        event = await future
        if not isinstance(event, Answered):
            self.check(name, False, f"{action}: {event}")
            return {}
        answer = dict(msgspec.json.decode(dialect.encode(event.response)))
        self.check(name, status is None or answer.get("status") == status, f"{action} -> {json.dumps(answer)}")
        return answer

    def told(self, kind: str, field: str = "status") -> list[str]:
        """What the site heard of one kind of event, in order."""
        return [getattr(event, field) for event in self.notes.told_events if type(event).__name__ == kind]

    # The day

    async def morning(self) -> None:
        assert self.point.link is not None
        await self.point.link.open()
        answer = await self.boot("PowerUp")
        self.check("boot is accepted, with the time", answer.get("status") == "Accepted" and "currentTime" in answer, answer)
        self.check("the site knows who it is", self.notes.info is not None and self.notes.info.vendor == "Interop", self.notes.info)
        await self.status("Available", "Available")
        written = await until(lambda: len(self.station.setup) >= 3 and self.point.limit() == FALLBACK_A)
        self.check("set-up: fallback current, measurands, interval", written, dict(self.station.setup))
        security = {"type": "StartupOfTheDevice", "timestamp": stamp(), "techInfo": "power"}
        await self.tell("SecurityEventNotification", security, "security event is taken")
        heard = await self.tell("Heartbeat", {})
        off_s = abs((datetime.now(UTC) - datetime.fromisoformat(heard["currentTime"])).total_seconds())
        self.check("heartbeat gives the time", off_s < 5, f"{off_s:.1f} s off")
        if self.old:
            key = {"key": ["MeterValueSampleInterval"]}
            read = await self.ask("GetConfiguration", key, "configuration is read", None)
            self.check("what was written is there", read["configurationKey"][0]["value"] == "5", read)
        await self.local_list()
        await self.reservation()
        await self.tell("DataTransfer", {"vendorId": "org.example.interop", "data": "x"}, "data transfer is answered")
        operative: Message = {"connectorId": 1, "type": "Operative"} if self.old else {"operationalStatus": "Operative"}
        await self.ask("ChangeAvailability", operative, "availability is changed")
        await self.ask("ClearCache", {}, "cache is cleared")
        if not self.old:
            await second_generation(self)

    async def local_list(self) -> None:
        if self.old:
            entries: list[Message] = [{"idTag": f"TAG-{n}", "idTagInfo": {"status": "Accepted"}} for n in range(3)]
            body = {"listVersion": 7, "updateType": "Full", "localAuthorizationList": entries}
        else:
            entries = [{"idToken": {"idToken": f"TAG-{n}", "type": "ISO14443"}, "idTokenInfo": {"status": "Accepted"}} for n in range(3)]
            body = {"versionNumber": 7, "updateType": "Full", "localAuthorizationList": entries}
        await self.ask("SendLocalList", body, "local list is sent")
        read = await self.ask("GetLocalListVersion", {}, "and its version read", None)
        self.check("local list is there", 7 in read.values() and len(self.point.list) == 3, self.point.list)

    async def reservation(self) -> None:
        until_when = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for number in (11, 12):
            if self.old:
                body: Message = {"connectorId": 1, "expiryDate": until_when, "idTag": TOKEN, "reservationId": number}
            else:
                body = {"id": number, "expiryDateTime": until_when, "evseId": 1, "idToken": {"idToken": TOKEN, "type": "ISO14443"}}
            await self.ask("ReserveNow", body, "reservation")
            await self.status("Reserved", "Reserved")
            if number == 11:
                await self.ask("CancelReservation", {"reservationId": number}, "its cancellation")
        await self.ask("CancelReservation", {"reservationId": 99}, "cancelling what is not there is refused", "Rejected")
        if not self.old:
            expired = {"reservationId": 12, "reservationUpdateStatus": "Expired"}
            await self.tell("ReservationStatusUpdate", expired, "an expired reservation is told")
        await self.status("Available", "Available")

    async def noon(self) -> None:
        await self.status("Preparing", "Occupied")
        allowed = await self.authorise()
        self.check("token is authorised", allowed == "Accepted" and TOKEN in self.notes.tokens, allowed)
        self.transaction = transaction = await self.begin("tx-1", 1000)
        await self.status("Charging", "Occupied")
        answer = await self.station.offer(1, LIMIT_A, 3, 60.0, transaction)
        self.check("limit is accepted and obeyed", answer.outcome is Outcome.ACCEPTED and self.point.limit() == LIMIT_A, self.point.limit())
        schedule = await self.station.composite_schedule(1, 60)
        self.check("limit is read back", isinstance(schedule, Schedule) and schedule.periods[0].limit == LIMIT_A, schedule)
        await self.meter(transaction, 1500, 9.0)
        told = self.notes.measurements[-1] if self.notes.measurements else None
        self.check("meter values arrive", told is not None and told.current_a == (9.0, 9.0, 9.0) and told.energy_wh == 1500, told)
        zero = await self.station.offer(1, 0.0, 3, 60.0, transaction)
        self.check("zero is a limit", zero.outcome is Outcome.ACCEPTED and self.point.limit() == 0.0, self.point.limit())
        again = await self.station.offer(1, 16.0, 3, 60.0, transaction)
        self.check("and can be raised again", again.outcome is Outcome.ACCEPTED and self.point.limit() == 16.0, self.point.limit())

    async def offline(self) -> None:
        """Half an hour without a line: what was measured meanwhile comes afterwards, one message of it twice."""
        link = self.point.link
        assert link is not None
        boots, before = self.notes.boots, self.notes.kinds().count("updated")
        await link.drop()
        lost = await until(lambda: not self.station.online)
        refused = await self.station.offer(1, 8.0, 3, 60.0, self.transaction)
        self.check("a lost line is noticed", lost and refused.outcome is Outcome.OFFLINE, refused)
        await link.open()
        for minutes in (30, 20, 10):
            await self.meter(self.transaction, 4000 - 50 * minutes, 16.0, 60.0 * minutes)
        if not self.old:
            await self.event(self.transaction, "Updated", "MeterValuePeriodic", 3500, 16.0, 600.0, sequence=self.sequence - 1)
        updates = [event for kind, event in self.notes.events if kind == "updated"][before:]
        distinct = {event.replay_key for event in updates}
        self.check("what it kept arrives, each once by its key", len(distinct) == 3, sorted(distinct))
        self.check("no boot was needed", self.notes.boots == boots, self.notes.boots)
        back = await until(lambda: self.station.online, 15.0)
        offered = await self.station.offer(1, LIMIT_A, 3, 60.0, self.transaction)
        self.check("limits go on afterwards", back and offered.outcome is Outcome.ACCEPTED and self.point.limit() == LIMIT_A, offered)
        stopped = await self.station.remote_stop(1, self.transaction)
        self.check("remote stop is obeyed", stopped.outcome is Outcome.ACCEPTED and self.point.stop.is_set(), stopped)
        await self.end(self.transaction, 5000, "Remote", "RemoteStop")
        await self.status("Available", "Available")
        kind, event = self.notes.events[-1]
        self.check("the end carries register and reason", kind == "ended" and (event.meter_wh, event.reason) == (5000, "Remote"), event)

    async def afternoon(self) -> None:
        await self.certificates()
        where = {"remoteLocation": "ftp://127.0.0.1/logs"}
        await self.ask("GetLog", {"log": where, "logType": "DiagnosticsLog", "requestId": 5}, "log is asked for")
        uploaded = await until(lambda: self.told("LogStatus") == ["Uploading", "Uploaded"])
        self.check("its upload is followed", uploaded, self.told("LogStatus"))
        if self.old:
            await self.ask("GetDiagnostics", {"location": "ftp://127.0.0.1/logs"}, "diagnostics are asked for", None)
            self.check("their upload is followed", await until(lambda: len(self.told("LogStatus")) == 4), self.told("LogStatus"))
        await self.firmware()

    async def certificates(self) -> None:
        authority = Authority()
        root = authority.certificate
        kind = "CentralSystemRootCertificate" if self.old else "CSMSRootCertificate"
        await self.ask("InstallCertificate", {"certificateType": kind, "certificate": root}, "a root certificate is installed")
        word = {"certificateType": kind} if self.old else {"certificateType": [kind]}
        listed = await self.ask("GetInstalledCertificateIds", word, "and listed")
        hashes = listed["certificateHashData"][0] if self.old else listed["certificateHashDataChain"][0]["certificateHashData"]
        await self.ask("DeleteCertificate", {"certificateHashData": hashes}, "and deleted")
        await self.ask("DeleteCertificate", {"certificateHashData": hashes}, "only once", "NotFound")
        if self.old:
            await self.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}, "it is to ask for a certificate")
        else:
            await self.ask("TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"}, "it is to ask for a certificate")
        asked = await until(lambda: bool(self.told("CertificateRequested", "csr")))
        self.check("its certificate request reaches the site", asked, self.notes.told_events[-1])
        chain = authority.sign(self.told("CertificateRequested", "csr")[-1])
        kind = {} if self.old else {"certificateType": "ChargingStationCertificate"}
        await self.ask("CertificateSigned", {"certificateChain": chain} | kind, "the signed certificate is sent")
        self.check("and is the one for its key", self.point.own_certificate is not None, self.point.own_certificate)
        stranger = authority.sign(ChargePoint(self.version, IDENTITY).request_for_certificate())
        await self.ask("CertificateSigned", {"certificateChain": stranger} | kind, "one for another key is refused", "Rejected")

    async def firmware(self) -> None:
        link = self.point.link
        assert link is not None
        image = {"location": "https://127.0.0.1/fw", "retrieveDateTime": stamp()}
        if self.old:
            await self.ask("UpdateFirmware", {"location": image["location"], "retrieveDate": stamp()}, "firmware update is asked for", None)
        else:
            signed = image | {"signingCertificate": Authority().certificate, "signature": "MEUCIQ"}
            await self.ask("UpdateFirmware", {"requestId": 8, "firmware": signed}, "firmware update is asked for")
        await until(self.point.updated.is_set)
        await link.drop()
        await link.open()
        answer = await self.boot("FirmwareUpdate", "2.0")
        assert self.notes.info is not None
        self.check(
            "it boots with the new firmware", answer.get("status") == "Accepted" and self.notes.info.firmware == "2.0", self.notes.info
        )
        await self.tell("FirmwareStatusNotification", {"status": "Installed"} | ({} if self.old else {"requestId": 8}))
        expected = ["Downloading", "Downloaded", *([] if self.old else ["SignatureVerified"]), "Installing", "Installed"]
        self.check("its progress is followed", self.told("FirmwareStatus") == expected, self.told("FirmwareStatus"))
        if self.old:
            self.point.updated.clear()
            body = {"requestId": 9, "firmware": image | {"signingCertificate": Authority().certificate, "signature": "MEUCIQ"}}
            await self.ask("SignedUpdateFirmware", body, "signed firmware is asked for")
            await until(self.point.updated.is_set)
            signed = self.told("FirmwareStatus")[4:]
            self.check("and followed", signed == [*expected[:2], "SignatureVerified", "Installing"], signed)

    async def evening(self) -> None:
        """The power fails in a transaction; back again, the station boots first and then ends what it had begun."""
        link = self.point.link
        assert link is not None
        transaction = await self.begin("tx-2", 5000)
        await self.meter(transaction, 5400, 10.0)
        await link.drop()
        await until(lambda: not self.station.online)
        await link.open()
        answer = await self.boot("PowerUp", "2.0")
        await self.end(transaction, 5400, "PowerLoss", "AbnormalCondition")
        kind, event = self.notes.events[-1]
        self.check(
            "a transaction that the power cut short ends after the boot",
            answer.get("status") == "Accepted" and kind == "ended" and (event.transaction, event.reason) == (transaction, "PowerLoss"), event,
        )  # fmt: skip
        self.check(
            "two transactions, two ends", [self.notes.kinds().count(kind) for kind in ("started", "ended")] == [2, 2], self.notes.kinds()
        )
        back = await until(lambda: self.station.online)
        answer = await self.station.reset(hard=True)
        self.check("reset is obeyed", back and answer.outcome is Outcome.ACCEPTED and self.point.reset.is_set(), answer)
        await link.drop()
        await link.open()
        again = await self.boot("RemoteReset", "2.0")
        self.check("and it is back", again.get("status") == "Accepted" and await until(lambda: self.station.online), again)
