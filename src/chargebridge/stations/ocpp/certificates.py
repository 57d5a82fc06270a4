"""Certificates between the Central System and its stations: sign what they ask for, give them our root, let them renew in time.

OCPP 2.0.1 part 2, A02, A03, M05; the same use cases in the 1.6 security whitepaper.
"""

import asyncio
from datetime import datetime, timedelta
from typing import cast

import structlog
from cryptography import x509
from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ChargebridgeError
from chargebridge.stations.ocpp import security_words as words
from chargebridge.stations.ocpp.pki import Authority, pem_of, serial_of
from chargebridge.stations.ocpp.pki_requests import read_request
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.ocpp.vault import CertificateRecord, Vault
from chargebridge.stations.port import Answer, Outcome
from chargebridge.wire.ocpp import v16
from chargebridge.wire.ocpp.payload import Payload

log = structlog.get_logger()

RENEW_BEFORE = timedelta(days=30)  # a station does so by itself a month before the end (A03.FR.02); we remind it
REMIND_EVERY = timedelta(days=1)
MAX_AN_HOUR = 10  # certificates for one station: each is kept for ever


class CertificateDesk:
    """See the module."""

    def __init__(self, authority: Authority, vault: Vault, clock: Clock) -> None:
        self._authority = authority
        self._vault = vault
        self._clock = clock
        self._reminded: dict[str, datetime] = {}
        self._answered: dict[str, asyncio.Event] = {}  # station -> set when it has answered a certificate
        self._deliveries: set[asyncio.Task[None]] = set()

    async def sign(self, station: OcppStation, request: Payload) -> Payload:
        """Answer a SignCertificate: sign what is sound and send it; refuse the rest with the reason (A02.FR.11, 12)."""
        language = station.language
        assert language is not None
        asked = cast(v16.SignCertificateRequest, request)  # what the versions have in common
        try:
            why = self._objection(station, getattr(request, "certificate_type", None))
            if why is not None:
                raise ChargebridgeError(f"station {station.identity}", why, "see docs/stations.md, Security")
            key = read_request(asked.csr, station.identity, self._authority.operator)
            now = self._clock.now()
            made = await asyncio.to_thread(self._authority.issue_station, station.identity, key, now)
        except ChargebridgeError as error:
            log.warning("signing request refused", station=station.identity, why=error.reason)
            return words.sign_answer(language, accepted=False, why=error.reason)
        record = CertificateRecord(serial=serial_of(made), station=station.identity, issued_at=now, expires_at=made.not_valid_after_utc)
        await self._vault.keep_certificate(record)
        # Started after the last wait: so our answer leaves before the certificate does.
        task = asyncio.create_task(self._deliver(station, made, record, request))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)
        return words.sign_answer(language, accepted=True)

    def _objection(self, station: OcppStation, kind: object) -> str | None:
        if station.entry is None or station.entry.profile == 0:
            return "nobody knows who asks: it came in without password or certificate"
        if kind and kind != "ChargingStationCertificate":
            return f"{kind} is of another hierarchy than ours"
        since = self._clock.now() - timedelta(hours=1)
        if sum(one.issued_at > since for one in self._vault.certificates(station.identity)) >= MAX_AN_HOUR:
            return f"it was given {MAX_AN_HOUR} certificates within an hour"
        return None

    async def _deliver(self, station: OcppStation, made: x509.Certificate, record: CertificateRecord, request: Payload) -> None:
        """Send the certificate; what the station says to it is kept. Without an answer the station asks again (A02.FR.17)."""
        chain = self._authority.chain(made)
        answer = await station.ask(lambda language: words.certificate_signed(language, chain, request))
        record = replace(record, outcome=str(answer.outcome), detail=answer.detail, answered_at=self._clock.now())
        await self._vault.keep_certificate(record)
        log.info("certificate delivered", station=station.identity, serial=record.serial, outcome=record.outcome, detail=record.detail)
        if answer.outcome is Outcome.ACCEPTED:
            self._answered.setdefault(station.identity, asyncio.Event()).set()

    async def install_root(self, station: OcppStation) -> Answer:
        """Give the station our root, so that it can check our server certificate (M05)."""
        pem = pem_of(self._authority.root)
        return await station.ask(lambda language: words.install_root(language, pem))

    async def request_renewal(self, station: OcppStation) -> Answer:
        """Ask the station for a new key and a signing request (A02)."""
        return await station.ask(words.ask_for_request)

    async def obtain(self, station: OcppStation, wait_s: float) -> Answer:
        """As `request_renewal`, and wait until the station has taken the certificate."""
        taken = self._answered[station.identity] = asyncio.Event()
        answer = await self.request_renewal(station)
        if answer.outcome is not Outcome.ACCEPTED:
            return answer
        waiting = [asyncio.ensure_future(taken.wait()), asyncio.ensure_future(self._clock.sleep(wait_s))]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if taken.is_set():
            return Answer(outcome=Outcome.ACCEPTED)
        return Answer(outcome=Outcome.TIMED_OUT, detail="it did not ask for a certificate, or did not take it")

    async def remind(self, station: OcppStation) -> None:
        """Ask a station whose certificate ends soon to renew it, once a day until it has."""
        now, entry = self._clock.now(), station.entry
        if entry is None or entry.certificate is None or not station.online:
            return
        if entry.certificate.not_valid_after_utc - now > RENEW_BEFORE or self._reminded_lately(station.identity, now):
            return
        self._reminded[station.identity] = now
        answer = await self.request_renewal(station)
        log.info("asked to renew its certificate", station=station.identity, outcome=str(answer.outcome), detail=answer.detail)

    def _reminded_lately(self, identity: str, now: datetime) -> bool:
        last = self._reminded.get(identity)
        return last is not None and now - last < REMIND_EVERY

    async def stop(self) -> None:
        for task in list(self._deliveries):
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
