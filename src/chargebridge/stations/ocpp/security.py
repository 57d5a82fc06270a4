"""The security of a Central System in one place: what is kept, whom it trusts, who may come in, and what is done in time without being asked.

security = Security(clock, database=database, authority=Authority(folder), trust=trust, files=files)
async with CentralSystem(settings, stations, sink, clock, security): ...
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from cryptography import x509

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ChargebridgeError, UnknownNameError
from chargebridge.stations.ocpp import applicants
from chargebridge.stations.ocpp.certificate_status import StatusDesk
from chargebridge.stations.ocpp.certificates import CertificateDesk
from chargebridge.stations.ocpp.contract_service import ContractDesk
from chargebridge.stations.ocpp.contracts import ContractCheck
from chargebridge.stations.ocpp.credentials import CredentialDesk, Step
from chargebridge.stations.ocpp.fetching import Fetcher
from chargebridge.stations.ocpp.installed import Installed, delete, installed
from chargebridge.stations.ocpp.lookup import Lookup
from chargebridge.stations.ocpp.revocation import UnprovenError
from chargebridge.stations.ocpp.session import POLICY, Session
from chargebridge.stations.ocpp.settings import StationSettings
from chargebridge.stations.ocpp.station import OcppStation, Taker
from chargebridge.stations.ocpp.tls import ServerFiles, Trust, load_certificates
from chargebridge.stations.ocpp.vault import APPROVED, Applicant, CertificateRecord, Vault
from chargebridge.stations.port import Answer, Outcome
from chargebridge.store import Database

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.central import CentralSystem

log = structlog.get_logger()

WATCH_EVERY_S = 5.0  # files: revocations, server certificates
REMIND_EVERY_S = 600.0
REVOKED = "revoked certificate"


class Security:
    """See the module. url: where stations come by TLS, for network profiles; without their identity.

    context, files: the TLS context of the server and what it was made from, to be loaded again when a file changes.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        database: Database | None = None,
        trust: Trust | None = None,
        context: ssl.SSLContext | None = None,
        files: ServerFiles | None = None,
        url: str = "",
        tell: Callable[[str, str], None] = lambda station, text: None,
    ) -> None:
        self.vault = Vault(database)
        self.trust = trust or Trust()
        self.url = url
        authority = self.trust.authority
        self.certificates = CertificateDesk(authority, self.vault, clock) if authority is not None else None
        self.credentials = CredentialDesk(self.vault, self.certificates, clock)
        self.tell = tell
        self._clock = clock
        self._context, self._files = context, files
        self._stamp = files.stamp() if files is not None else ()
        self._central: CentralSystem | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # What the Central System calls

    def serve(self, central: "CentralSystem") -> None:
        self._central = central
        s = central.settings
        known = [one for text in (*s.contract_roots, *s.vehicle_roots) for one in x509.load_pem_x509_certificates(text.encode())]
        self.lookup = lookup = Lookup(Fetcher(s.revocation_hosts), self._clock, known)
        statuses = StatusDesk(lookup, self._clock)
        self.contracts = ContractDesk(s.contract_service, self._clock)
        self.client_lookup = Lookup(Fetcher(None, anywhere=True), self._clock) if s.client_lookup else None
        self._contract_check = ContractCheck(s.contract_roots, lookup if s.contract_lookup else None)
        self._takes: dict[str, Taker] = {
            "GetCertificateStatus": statuses.answer,
            "GetCertificateChainStatus": statuses.answer_chain,
            "Get15118EVCertificate": self.contracts.answer,
        }
        if self.certificates is not None:
            self._takes["SignCertificate"] = self.certificates.sign

    def look_after(self, station: OcppStation) -> None:
        station.takes.update(self._takes)
        station.contracts = self._contract_check

    async def looked_up(self, certificate: x509.Certificate) -> str | None:
        """What those whom a station's certificate names say of it (A00.FR.705); None: it may come in. Who cannot be asked about does not.

        The CA that we trust has signed whom to ask, so that may be in our own network too.
        """
        if self.client_lookup is None or not self.trust.to_look_up(certificate):
            return None
        issuer = self.trust.issuer(certificate)
        if issuer is None:
            log.warning(
                "station's certificate cannot be looked up: its issuer is not in client_ca", issuer=certificate.issuer.rfc4514_string()
            )
            return "certificate that cannot be looked up"
        try:
            found = await self.client_lookup.of(certificate, issuer)
        except UnprovenError as error:
            log.warning("station's certificate cannot be looked up", where=error.where, reason=error.reason)
            return "certificate that cannot be looked up"
        return None if found.status == "Good" else REVOKED if found.status == "Revoked" else "certificate that its authority does not know"

    async def start(self) -> None:
        """Take up what is kept: credentials, and the stations that were approved. Raises StoreError."""
        await self.vault.load()
        assert self._central is not None
        for applicant in self.vault.applicants():
            if applicant.state == APPROVED and self._central.station(applicant.station) is None:
                self._central.admit(StationSettings(identity=applicant.station, security_profile=0, approved=True))
        self._tasks = [asyncio.create_task(self._watch(), name="security files"), asyncio.create_task(self._remind(), name="certificates")]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.certificates is not None:
            await self.certificates.stop()

    # What people ask

    def pending(self) -> list[Applicant]:
        """Everybody who has asked to be let in and is not configured, decided or not; the last one heard first."""
        return self.vault.applicants()

    async def approve(self, station: str, profile: applicants.Profile, password: str | None, by: str) -> str | None:
        """Let a station in. Returns the password to be entered in it, if one was made. Raises ModelError, UnknownNameError."""
        now = self._clock.now()
        known = await self.vault.applicant(station)
        made = await asyncio.to_thread(applicants.approve, known, station, profile, password, by, now)
        await self.vault.decide(made.applicant, made.credentials, now)
        assert self._central is not None
        if self._central.station(station) is None:
            self._central.admit(StationSettings(identity=station, security_profile=0, approved=True))
        await self._central.dismiss_applicant(station, "approved; come again")
        self.tell(station, f"{station} was approved by {by}")
        return made.password

    async def refuse(self, station: str, by: str) -> None:
        """Keep a station out, also one that was approved before. Raises UnknownNameError."""
        now = self._clock.now()
        refused = applicants.refuse(await self.vault.applicant(station), station, by, now)
        await self.vault.decide(refused, None, now)
        assert self._central is not None
        await self._central.dismiss(station, "refused")
        self.tell(station, f"{station} was refused by {by}")

    async def rotate_password(self, station: str) -> Answer:
        """Raises UnknownNameError."""
        return await self.credentials.rotate_password(self.station(station))

    async def upgrade(self, station: str, profile: int, url: str | None = None, slot: int | None = None) -> list[Step]:
        """Raises UnknownNameError."""
        return await self.credentials.upgrade(self.station(station), profile, url or self.url, slot)

    async def renew_certificate(self, station: str) -> Answer:
        """Raises UnknownNameError."""
        found = self.station(station)
        return NO_CA if self.certificates is None else await self.certificates.request_renewal(found)

    async def install_root(self, station: str) -> Answer:
        """Raises UnknownNameError."""
        found = self.station(station)
        return NO_CA if self.certificates is None else await self.certificates.install_root(found)

    async def installed(self, station: str) -> tuple[Installed, ...] | Answer:
        """What certificates it says that it has. Raises UnknownNameError."""
        return await installed(self.station(station))

    async def delete_certificate(self, station: str, serial: str) -> Answer:
        """Raises UnknownNameError."""
        return await delete(self.station(station), serial)

    def given(self, station: str) -> list[CertificateRecord]:
        """The certificates that a station was given, the newest first."""
        return self.vault.certificates(station)

    def station(self, identity: str) -> OcppStation:
        """Raises UnknownNameError."""
        assert self._central is not None
        found = self._central.station(identity)
        if found is None:
            raise UnknownNameError(f"station {identity}", "is not known", "configure or approve it first")
        return found

    # What happens by itself

    async def _watch(self) -> None:
        """What was revoked loses its connection; a renewed server certificate is shown from the next handshake on."""
        while True:
            await self._clock.sleep(WATCH_EVERY_S)
            try:
                await self._look()
            except (ChargebridgeError, OSError, ValueError) as error:
                log.error("certificates cannot be read again; the old ones stay", reason=str(error))
            except Exception:  # who is revoked must be cut off the next time all the same
                log.exception("certificates could not be looked at")

    async def _look(self) -> None:
        self.trust.reload()
        if self._context is not None and self._files is not None and (stamp := self._files.stamp()) != self._stamp:
            load_certificates(self._context, self._files)
            self._stamp = stamp
            log.info("server certificates loaded again")
        for station in self._central or ():
            entry, session = station.entry, station.session
            if session is not None and entry is not None and entry.certificate is not None and self.trust.revoked(entry.certificate):
                await self._cut_off(station, session)

    async def _cut_off(self, station: OcppStation, session: Session) -> None:
        log.warning("certificate was revoked", station=station.identity)
        self.tell(station.identity, f"{station.identity} was cut off: its certificate is revoked")
        await session.close(POLICY, "certificate revoked")

    async def _remind(self) -> None:
        while True:
            for station in self._central or ():
                try:
                    if self.certificates is not None:
                        await self.certificates.remind(station)
                    await self.look_again(station)
                except Exception:  # one station's certificate keeps no other from being looked at
                    log.exception("a station's certificate could not be looked at", station=station.identity)
            await self._clock.sleep(REMIND_EVERY_S)

    async def look_again(self, station: OcppStation) -> None:
        """At a certificate of which only others know whether it is revoked; an answer that still holds is not asked for again."""
        shown = None if station.entry is None else station.entry.certificate
        if station.session is not None and shown is not None and await self.looked_up(shown) == REVOKED and station.session is not None:
            await self._cut_off(station, station.session)


NO_CA = Answer(outcome=Outcome.UNSUPPORTED, detail="there is no CA of ours; name its folder as ca in [ocpp]")
