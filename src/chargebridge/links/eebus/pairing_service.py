"""SHIP Pairing Service over mDNS: a control box that knows the secret of our QR code is trusted without a person's word (TS 1.0.0).

The house is devA, the listener; the box is devZ, the announcer. What is announced is a certificate's fingerprint; the SKI is learnt in the first TLS
handshake. One control unit is trusted at a time: another takes its place only when it has not been connected for 15 minutes.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from msgspec.structs import replace

from chargebridge.links.eebus.accepted_digests import AcceptedDigests, DigestsError
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.mdns import Mdns, name_of
from chargebridge.links.eebus.mdns_session import Service
from chargebridge.links.eebus.peer import Origin, Phase, Trusted
from chargebridge.links.eebus.trust_store import TrustError
from chargebridge.model.clock import SteadyClock
from chargebridge.wire.eebus.ship import pairing
from chargebridge.wire.eebus.ship.errors import RecordError
from chargebridge.wire.eebus.ship.identity import CURVES, Identity
from chargebridge.wire.eebus.ship.pairing import NONCE_BYTES, REPLACED_AFTER_S, Announcement, Trust, digest_of, judge, may_replace
from chargebridge.wire.eebus.ship.qr import ShipCode

CHECK_S = 5.0
STABLE_S = 15 * 60.0
"""An announcement has done its work when the connection has stood for so long without a break (clause 4.2)."""
TTL_S = 120  # clause 5.3
UNUSED_PORT = 1
"""SRV needs one; nothing listens there, and nobody may dial it (clause 5.3)."""
MAX_JUDGED = 1000

log = structlog.get_logger()


class PairingListener:
    """devA. secret: of our QR code. accepted: which announcements have been accepted before."""

    def __init__(self, hub: Hub, mdns: Mdns, secret: bytes, accepted: AcceptedDigests, clock: SteadyClock) -> None:
        self._hub = hub
        self._mdns = mdns
        self._secret = secret
        self._accepted = accepted
        self._clock = clock
        self._calls: list[Callable[[Trusted, Trusted | None], None]] = []
        self._met_s = clock.steady_s()
        self._refused: dict[Announcement, None] = {}
        self._told: dict[Announcement, str] = {}
        self._moved = asyncio.Event()
        mdns.on_change(self._moved.set)
        hub.on_change(self._moved.set)

    def on_paired(self, call: Callable[[Trusted, Trusted | None], None]) -> None:
        """`call` with each new control unit, and the one whose place it took."""
        self._calls.append(call)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._moved.clear()
            try:
                await self.look()
            except Exception:
                log.exception("announcements for the pairing service cannot be judged")
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_S):
                    await self._moved.wait()

    async def look(self) -> None:
        """Judge what is announced now."""
        unit = self._unit()
        if unit is None or _is_connected(self._hub, unit.ski):
            self._met_s = self._clock.steady_s()
        for request in self._mdns.pairing_requests:
            with suppress(RecordError):  # what is no announcement, or of another version
                await self._hear(pairing.from_txt(request))

    async def _hear(self, announcement: Announcement) -> None:
        hub, unit = self._hub, self._unit()
        if announcement.for_id != hub.settings.ship_id or hub.trust.by_fingerprint(announcement.trust_par.upper()) is not None:
            return  # for another node, or done
        if announcement in self._refused:
            return
        if unit is not None:
            away_s = None if _is_connected(hub, unit.ski) else self._clock.steady_s() - self._met_s
            if not may_replace(away_s):
                self._tell(announcement, f"{unit.ship_id} is the control unit, and has not been away for {REPLACED_AFTER_S / 60:g} minutes")
                return
        try:
            trust = judge(announcement, self._secret, hub.settings.ship_id, hub.identity.fingerprint, self._accepted.all())
        except RecordError as error:
            self._refused[announcement] = None
            _bound(self._refused)
            self._tell(announcement, str(error))
            return
        await self._pair(trust, announcement.digest, unit)

    async def _pair(self, trust: Trust, digest: str, former: Trusted | None) -> None:
        now, hub = self._clock.now(), self._hub
        unit = Trusted(
            ski=None,
            origin=Origin.PAIRING_SERVICE,
            since=now,
            name=trust.ship_id,
            fingerprint=trust.fingerprint,
            ship_id=trust.ship_id,
        )
        try:
            self._accepted.add(digest)  # first, so that nobody can play it back whatever happens next
            hub.trust.put(unit)
            if former is not None and former.ski is not None:
                await hub.unpair(former.ski)
            elif former is not None and former.fingerprint is not None:
                hub.trust.remove_fingerprint(former.fingerprint)
        except (DigestsError, TrustError) as error:
            log.error("a control unit cannot be paired", ship_id=trust.ship_id, where=error.where, reason=error.reason, cure=error.cure)
            return
        self._met_s = self._clock.steady_s()
        hub.trust_moved()
        log.info(
            "a control unit is paired by our code", ship_id=trust.ship_id, fingerprint=trust.fingerprint, former=former and former.ship_id
        )
        for call in self._calls:
            call(unit, former)

    def _unit(self) -> Trusted | None:
        """The control unit that the pairing service has brought."""
        units = [entry for entry in self._hub.trust.all() if entry.origin is Origin.PAIRING_SERVICE]
        return max(units, key=lambda entry: entry.since, default=None)

    def _tell(self, announcement: Announcement, reason: str) -> None:
        if self._told.get(announcement) != reason:
            self._told[announcement] = reason
            _bound(self._told)
            log.warning("an announcement for the pairing service is refused", of=announcement.trust_id, reason=reason)


class PairingAnnouncer:
    """devZ, for a control box. code: of the house, with its secret. The caller pairs `code.ski` at the hub besides."""

    def __init__(self, hub: Hub, mdns: Mdns, code: ShipCode, clock: SteadyClock) -> None:
        """Raises RecordError for a code without secret or fingerprint."""
        self._hub = hub
        self._mdns = mdns
        self._house = code.ski
        self._clock = clock
        txt = pairing.to_txt(announcement_of(hub.identity, hub.settings.ship_id, code, secrets.token_bytes(NONCE_BYTES)))
        self._service = Service(pairing.SERVICE, name_of(hub.identity.ski, hub.settings.brand, "pairing"), UNUSED_PORT, txt, TTL_S)

    async def run(self) -> None:
        """Until the connection to the house has stood for 15 minutes without a break, or cancelled."""
        since_s: float | None = None
        self._mdns.announce(self._service)
        try:
            while since_s is None or self._clock.steady_s() - since_s < STABLE_S:
                await self._clock.sleep(1.0)
                if not _is_connected(self._hub, self._house):
                    since_s = None
                elif since_s is None:
                    since_s = self._clock.steady_s()
        finally:
            self._mdns.withdraw(self._service.name)


def announcement_of(identity: Identity, ship_id: str, code: ShipCode, nonce: bytes) -> Announcement:
    """What a box with this identity announces to be trusted by the house of `code`. nonce: 16 bytes, fresh each time. Raises RecordError."""
    for_par = code.fingerprints.get(CURVES[0])
    if code.secret is None or for_par is None:
        raise RecordError("QR code", "without SPSEC or FPH256", "scan the code that the house shows for its control box")
    announcement = Announcement(
        for_id=code.ship_id, for_par=for_par, trust_id=ship_id, trust_par=identity.fingerprint, trust_nonce=nonce.hex().upper()
    )
    return replace(announcement, digest=digest_of(code.secret, announcement))


def _is_connected(hub: Hub, ski: str | None) -> bool:
    return any(peer.ski == ski and peer.phase is Phase.CONNECTED for peer in hub.peers())


def _bound(judged: dict[Announcement, Any]) -> None:
    """Somebody may announce thousands: the oldest are judged again."""
    while len(judged) > MAX_JUDGED:
        del judged[next(iter(judged))]
