"""Who is let in, and by which security profile (OCPP 2.0.1 part 2, A00; 1.6 security whitepaper, chapter 2).

Knows no socket: `Entrance.decide` is given what a handshake shows and says what is to become of it. In this order:

    too many from this address, or of all           429
    an unknown station                              listed; 404, or listened to in quarantine
    a certificate that is not this station's        403
    a profile below the one that it has to use      403  (A00.FR.002, A05.FR.07)
    profiles 1 and 2 with a wrong password          401, after several 429 for longer and longer

A profile above is let in: that is how an upgrade arrives. One that was ordered is settled by it, durably, and the old way in is closed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from cryptography import x509
from msgspec import Struct
from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.limits import Doorkeeper
from chargebridge.stations.ocpp.passwords import PasswordCheck, basic_credentials
from chargebridge.stations.ocpp.settings import MAX_IDENTITY, StationSettings
from chargebridge.stations.ocpp.tls import Trust
from chargebridge.stations.ocpp.vault import APPROVED, PENDING, Applicant, Credentials, Vault

log = structlog.get_logger()


class Knock(Struct, frozen=True, kw_only=True):
    """What a handshake shows. secure: it came by TLS (ours, or a proxy's). certificate: the client's, its chain checked by the handshake."""

    identity: str
    address: str
    secure: bool = False
    certificate: x509.Certificate | None = None
    authorization: str | None = None
    protocol: str = ""


class Entry(Struct, frozen=True, kw_only=True):
    """How a station came in: the profile it fulfils, and its certificate with profile 3."""

    profile: int
    certificate: x509.Certificate | None = None


class Refusal(Struct, frozen=True, kw_only=True):
    """why: for log and list; said: for the station, which learns no more than it needs. retry_s: when to try again."""

    status: HTTPStatus
    why: str
    said: str
    retry_s: float | None = None
    quarantine: Applicant | None = None


class Entrance:
    """See the module. settings_of: what is configured of a station, None for one that is not known. admit: take an approved one in.

    looked_up: what is found wrong with a certificate by asking those who issued it, None for nothing.
    """

    def __init__(
        self,
        settings_of: Callable[[str], StationSettings | None],
        admit: Callable[[StationSettings], object],
        vault: Vault,
        trust: Trust,
        door: Doorkeeper,
        clock: Clock,
        looked_up: Callable[[x509.Certificate], Awaitable[str | None]],
    ) -> None:
        self._settings_of = settings_of
        self._admit = admit
        self._vault = vault
        self._trust = trust
        self._door = door
        self._clock = clock
        self._looked_up = looked_up
        self._passwords = PasswordCheck()
        self._one_at_a_time: dict[str, asyncio.Lock] = {}

    async def decide(self, knock: Knock) -> Entry | Refusal:
        settings = self._settings_of(knock.identity)
        if settings is None or settings.approved:
            refusal = await self._unknown(knock)
            if refusal is not None:
                return refusal
            settings = self._settings_of(knock.identity)
            assert settings is not None
        kept = self._vault.credentials(knock.identity)
        required = max(settings.security_profile, kept.profile or 0)
        if knock.certificate is not None:
            fault = self._trust.fault(knock.certificate, knock.identity) or await self._looked_up(knock.certificate)
            if fault is not None:
                return Refusal(status=HTTPStatus.FORBIDDEN, why=fault, said="this certificate does not let you in here")
            return await self._settle(Entry(profile=3, certificate=knock.certificate), kept)
        if required == 3:
            return Refusal(status=HTTPStatus.FORBIDDEN, why="no client certificate", said="come with your client certificate")
        if required == 2 and not knock.secure:
            return Refusal(status=HTTPStatus.FORBIDDEN, why="came without TLS", said="come by TLS")
        stored = kept.password_hash or settings.password_hash
        offers = [one for one in (stored, *kept.next_hashes) if one is not None]
        by_password = 2 if knock.secure else 1
        if required == 0:
            shown = await self._password(knock, offers) if offers and knock.authorization else None
            return await self._settle(Entry(profile=by_password if isinstance(shown, str) else 0), kept, shown)
        shown = await self._password(knock, offers)
        if isinstance(shown, Refusal):
            return shown
        return await self._settle(Entry(profile=by_password), kept, shown)

    async def _settle(self, entry: Entry, kept: Credentials, shown: "str | Refusal | None" = None) -> Entry:
        """What this entry proves is kept before the station is let in: a new password that works, an upgrade that arrived."""
        proven = isinstance(shown, str) and shown in kept.next_hashes
        arrived = kept.upgrade_to is not None and entry.profile >= kept.upgrade_to
        if proven or arrived:

            def settle(now: Credentials) -> Credentials:
                if proven and isinstance(shown, str):
                    now = replace(now, password_hash=shown, next_hashes=())
                return replace(now, profile=now.upgrade_to, upgrade_to=None) if arrived else now

            await self._vault.change(kept.station, settle, self._clock.now())
            log.info("new way in proven", station=kept.station, new_password=proven, profile=kept.upgrade_to if arrived else None)
        return entry

    async def _password(self, knock: Knock, stored: list[str]) -> str | Refusal:
        """The stored hash that the password fits."""
        identity, address = knock.identity, knock.address
        wrong = Refusal(status=HTTPStatus.UNAUTHORIZED, why="wrong password", said="user is the identity, password as configured")
        shown = basic_credentials(knock.authorization)
        if shown is None or shown.user != identity:
            return wrong  # nothing was guessed
        for one in stored:
            if self._passwords.is_known(shown.password, one):
                self._door.right_password(identity, address)
                return one
        lock = self._one_at_a_time.setdefault(identity, asyncio.Lock())
        async with lock:  # so that many guesses at once gain nothing
            now = self._clock.now().timestamp()
            if (wait := self._door.password_wait_s(identity, address, now)) > 0:
                said = "too many wrong passwords"
                return Refusal(status=HTTPStatus.TOO_MANY_REQUESTS, why=said, said=said, retry_s=wait)
            for one in stored:
                if await self._passwords.check(shown.password, one):
                    self._door.right_password(identity, address)
                    return one
            self._door.wrong_password(identity, address, now)
            return wrong

    async def _unknown(self, knock: Knock) -> Refusal | None:
        """None: it was approved, and is known now."""
        said = "unknown station"
        if not is_identity(knock.identity):
            return Refusal(status=HTTPStatus.NOT_FOUND, why=said, said=said)
        applicant = await self._vault.applicant(knock.identity)
        if applicant is not None and applicant.state == APPROVED:
            if self._settings_of(knock.identity) is None:
                self._admit(StationSettings(identity=knock.identity, security_profile=0, approved=True))
            return None
        now = self._clock.now()
        profile = 3 if knock.certificate is not None else (2 if knock.secure else 1) if knock.authorization else 0
        applicant = await self._vault.knocked(
            Applicant(
                station=knock.identity,
                state=PENDING,
                remote=knock.address,
                profile=profile,
                protocol=knock.protocol,
                first_at=now,
                last_at=now,
            )
        )
        listen = applicant if applicant.state == PENDING else None
        return Refusal(status=HTTPStatus.NOT_FOUND, why=said, said=said, quarantine=listen)


def is_identity(identity: str) -> bool:
    """Whether a station can be called so: 1 to 48 printable characters without a colon (2.0.1 part 4, 3.1; A00.FR.204)."""
    return 0 < len(identity) <= MAX_IDENTITY and ":" not in identity and identity.isprintable()
