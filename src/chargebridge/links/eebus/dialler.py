"""Dialling trusted peers until they are connected: when, and where (SHIP 1.0.1 clause 12.2.2 for the waits)."""

import asyncio
import random
from collections.abc import Callable, Sequence

import structlog
from OpenSSL import SSL

from chargebridge.links.eebus.peer import Address, Announced, Trusted
from chargebridge.links.eebus.reach import Failure, Unreached, reach
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.websocket import Admit, Socket
from chargebridge.wire.eebus.ship import CertificateError
from chargebridge.wire.eebus.ship.dialling import REST_S, dial_delay
from chargebridge.wire.eebus.ship.identity import PeerCertificate

log = structlog.get_logger(__name__)

PATIENT = 6
"""Attempts in vain after which the waits double."""
MAX_ANNOUNCED = 8
"""Addresses of one announcement that are tried."""
AFTER_FAILURE_S = 10.0


class Dialler:
    """Of one peer. addresses: where it may be now, the best first. connected: whether there is a connection, either way.
    welcome: takes a new one; from then on `connected`. failed: told why an attempt was in vain."""

    def __init__(
        self,
        context: SSL.Context,
        settings: HubSettings,
        admit: Admit,
        addresses: Callable[[], Sequence[Address]],
        connected: Callable[[], bool],
        welcome: Callable[[Socket, Address], None],
        failed: Callable[[Sequence[Failure]], None],
    ) -> None:
        self.dialling = False
        self._context = context
        self._settings = settings
        self._admit = admit
        self._addresses = addresses
        self._connected = connected
        self._welcome = welcome
        self._failed = failed
        self._attempt = 0
        self._met = False
        self._moved = asyncio.Event()

    def moved(self) -> None:
        """It is connected, or not any more, or may be somewhere else."""
        self._moved.set()

    def hurry(self) -> None:
        """There is a reason to believe that it answers now: the next attempt is a first one again."""
        self._attempt = 0
        self._moved.set()

    async def run(self) -> None:
        """Until cancelled, whatever happens."""
        while True:
            try:
                await self._next()
            except Exception:
                log.exception("eebus dialling failed")
                await asyncio.sleep(AFTER_FAILURE_S)

    async def _next(self) -> None:
        """One attempt, when it is time for one."""
        self._moved.clear()
        if self._connected() or not self._addresses():
            self._met = self._met or self._connected()
            await self._moved.wait()
            return
        least_s, self._met = REST_S if self._met else 0.0, False
        await self._wait(least_s)
        if not self._connected() and (addresses := self._addresses()):
            self._attempt += 1
            await self._dial(addresses)

    async def _dial(self, addresses: Sequence[Address]) -> None:
        self.dialling = True
        try:
            address, socket = await reach(addresses, self._context, self._settings.bounds, self._admit)
        except Unreached as error:
            self._failed(error.failures)
        else:
            self._welcome(socket, address)
        finally:
            self.dialling = False

    async def _wait(self, least_s: float) -> None:
        loop = asyncio.get_running_loop()
        soonest = loop.time() + least_s
        attempt, until = self._attempt, max(soonest, loop.time() + self._delay_s())
        while not self._connected():
            try:
                async with asyncio.timeout_at(until):
                    await self._moved.wait()
            except TimeoutError:
                return
            self._moved.clear()
            if self._attempt < attempt:
                attempt, until = self._attempt, max(soonest, min(until, loop.time() + self._delay_s()))

    def _delay_s(self) -> float:
        own = self._settings.dial_s
        least, most = own[min(self._attempt, len(own) - 1)] if own else dial_delay(self._attempt)
        factor = 2.0 ** max(0, min(self._attempt - PATIENT, 10))
        longest = max(most, self._settings.bounds.backoff_s)
        return random.uniform(min(least * factor, longest / 2), min(most * factor, longest))


class Diallers:
    """One for each trusted peer, by its SKI, or its fingerprint while no more is known. trusted: what is known of one by such a name.
    announced: what peers say by mDNS.

    connected, welcome, admit: of the switchboard. failed: told by the same name why an attempt was in vain.
    """

    def __init__(
        self,
        context: SSL.Context,
        settings: HubSettings,
        trusted: Callable[[str], Trusted | None],
        announced: Callable[[], Sequence[Announced]],
        connected: Callable[[str], bool],
        admit: Admit,
        welcome: Callable[[Socket, Address], None],
        failed: Callable[[str, Sequence[Failure]], None],
    ) -> None:
        self._context = context
        self._settings = settings
        self._trusted = trusted
        self._announced = announced
        self._connected = connected
        self._admit = admit
        self._welcome = welcome
        self._failed = failed
        self._running: dict[str, tuple[Dialler, asyncio.Task[None]]] = {}
        self._seen: dict[str, tuple[Address, ...]] = {}

    def match(self, entries: Sequence[Trusted]) -> None:
        """Dial these, and no others."""
        names = {name for entry in entries if (name := entry.ski or entry.fingerprint)}
        for name in self._running.keys() - names:
            self._running.pop(name)[1].cancel()
        for name in names - self._running.keys():
            dialler = self._dialler(name)
            self._running[name] = dialler, asyncio.ensure_future(dialler.run())

    def dialling(self, ski: str) -> bool:
        return ski in self._running and self._running[ski][0].dialling

    def moved(self, ski: str) -> None:
        """It is connected, or not any more, or its addresses are others."""
        if ski in self._running:
            self._running[ski][0].moved()

    def hurry(self, ski: str) -> None:
        if ski in self._running:
            self._running[ski][0].hurry()

    def found(self) -> None:
        """What peers announce is something else now; a new address is tried soon."""
        seen = {one.ski: one.addresses for one in self._announced()}
        for name in self._running:
            if (address := self._announcement(name)) and self._seen.get(address.ski) != address.addresses:
                self.hurry(name)
        self._seen = seen

    def _dialler(self, name: str) -> Dialler:
        def admit(certificate: PeerCertificate) -> None:
            self._admit(certificate)
            if name not in (certificate.ski, certificate.fingerprint):
                reason = f"of {certificate.ski}, not of {name}"
                cure = f"if it was reset or got a new certificate, pair {certificate.ski}; if it is another device, correct the address"
                raise CertificateError("certificate", reason, cure)

        def connected() -> bool:
            announced = self._announcement(name)
            return self._connected(announced.ski if announced else name)

        return Dialler(
            self._context,
            self._settings,
            admit,
            lambda: self._addresses(name),
            connected,
            self._welcome,
            lambda failures: self._failed(name, failures),
        )

    def _addresses(self, name: str) -> list[Address]:
        """The static one, where it was last, where it says it is."""
        entry, announced = self._trusted(name), self._announcement(name)
        known = [entry.static, entry.address] if entry else []
        return [address for address in known if address is not None] + list(announced.addresses[:MAX_ANNOUNCED] if announced else ())

    def _announcement(self, name: str) -> Announced | None:
        """One of the pairing service is known by its SHIP ID until TLS has shown its SKI."""
        entry = self._trusted(name)
        ship_id = entry.ship_id if entry and entry.ski is None else None
        return next((one for one in self._announced() if one.ski == name or (ship_id and one.ship_id == ship_id)), None)
