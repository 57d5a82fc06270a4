"""mDNS on chosen interfaces: tell of this node, find others. Each interface stands alone, and tells only of the addresses on itself.

Interfaces are looked at again every few seconds: one may come later, go away, or get another address. Whatever goes wrong is logged and tried
again; the hub goes on meanwhile, with static addresses and those known from before.
"""

import asyncio
import re
from collections.abc import Callable, Mapping

import structlog

from chargebridge.links.eebus.interfaces import Lan, present
from chargebridge.links.eebus.mdns_session import Record, Service, Session
from chargebridge.links.eebus.peer import Announced
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.sightings import Sightings
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.model.clock import Clock
from chargebridge.wire.eebus.ship import pairing
from chargebridge.wire.eebus.ship.errors import RecordError
from chargebridge.wire.eebus.ship.mdns import SERVICE, ServiceRecord, instance_name, to_txt

CHECK_S = 5.0
AGAIN_S = 30.0
TELL_S = 0.05
MAX_REQUESTS = 64
MAX_COMPLAINTS = 200

log = structlog.get_logger()


class Mdns:
    """Implements ``finder.Finder``."""

    def __init__(self, settings: HubSettings, ski: str, window: PairingWindow, clock: Clock, check_s: float = CHECK_S) -> None:
        """check_s: how often interfaces are looked at, in seconds of the event loop."""
        self._settings = settings
        self._ski = ski
        self._window = window
        self._clock = clock
        self._check_s = check_s
        self._sightings = Sightings(ski)
        self._requests: dict[tuple[str, str], Mapping[bytes, bytes | None]] = {}
        self._calls: list[Callable[[], None]] = []
        self._extra: dict[str, Service] = {}
        self._sessions: list[Session] = []
        self._lans: frozenset[Lan] = frozenset()
        self._looked = self._telling = False
        self._port = 0
        self._complained: set[tuple[str, str]] = set()
        window.on_change(self._announce)

    @property
    def announced(self) -> tuple[Announced, ...]:
        return self._sightings.announced

    @property
    def pairing_requests(self) -> tuple[Mapping[bytes, bytes | None], ...]:
        """The TXT records of all announcements for the pairing service that are on the network now."""
        return tuple(self._requests.values())

    def on_change(self, call: Callable[[], None]) -> None:
        """Soon after `announced` or `pairing_requests` is another one."""
        self._calls.append(call)

    def announce(self, service: Service) -> None:
        """Beside the node itself, until `withdraw`."""
        self._extra[service.name] = service
        self._announce()

    def withdraw(self, name: str) -> None:
        """Nothing happens if it is not announced."""
        self._extra.pop(name, None)
        self._announce()

    async def run(self, port: int) -> None:
        self._port = port
        running: dict[Lan, asyncio.Task[None]] = {}
        try:
            while True:
                try:
                    self._look()
                except Exception as error:  # mDNS never stops the hub
                    log.warning("the network interfaces cannot be listed", reason=repr(error))
                for lan in running.keys() - self._lans:
                    await _end([running.pop(lan)])
                    self._forget(lan)
                for lan in self._lans - running.keys():
                    running[lan] = asyncio.create_task(self._stay(lan), name=f"mDNS on {lan.interface}")
                await asyncio.sleep(self._check_s)
        finally:
            await _end(list(running.values()))

    def _look(self) -> None:
        before, self._lans = self._lans, frozenset(present(self._settings.interfaces, self._settings.host))
        if not self._lans and (before or not self._looked):
            wanted, host = self._settings.interfaces, self._settings.host
            log.warning("no interface to find EEBUS peers on now; static addresses still work", wanted=wanted, listens_at=host)
        self._looked = True

    def _forget(self, lan: Lan) -> None:
        log.info("an interface for EEBUS is gone", interface=lan.interface)
        requests = [key for key in self._requests if key[0] == lan.interface]
        for key in requests:
            del self._requests[key]
        self._tell(self._sightings.lose_all(lan.interface) or bool(requests))

    async def _stay(self, lan: Lan) -> None:
        while True:
            host = re.sub("[^A-Za-z0-9]+", "-", f"eebus-{self._ski[:16]}-{lan.interface}")
            session = Session(
                lan,
                host,
                [SERVICE, pairing.SERVICE],
                lambda record: self._heard(lan, record),
                lambda kind, name: self._lost(lan, kind, name),
                lambda address: not lan.holds(address) and any(other.holds(address) for other in self._lans),
            )
            self._sessions.append(session)
            try:
                session.announce(self._services())
                await session.run()
            except Exception as error:  # mDNS never stops the hub
                log.warning("mDNS does not work on an interface", interface=lan.interface, reason=repr(error), again_s=AGAIN_S)
            finally:
                self._sessions.remove(session)
            await asyncio.sleep(AGAIN_S)

    def _services(self) -> tuple[Service, ...]:
        """Raises RecordError for texts of the configuration that are too long."""
        settings = self._settings
        record = ServiceRecord(
            ship_id=settings.ship_id,
            ski=self._ski,
            register=self._window.is_open,
            brand=settings.brand,
            type=settings.type,
            model=settings.model,
            serial=settings.serial,
            categories=settings.categories,
        )
        return (Service(SERVICE, name_of(self._ski, settings.brand, settings.model), self._port, to_txt(record)), *self._extra.values())

    def _announce(self) -> None:
        for session in self._sessions:
            session.announce(self._services())

    def _heard(self, lan: Lan, record: Record) -> None:
        if record.type == pairing.SERVICE:
            key = (lan.interface, record.name)
            if record.txt and self._requests.get(key) != record.txt:
                self._requests.pop(key, None)
                self._requests[key] = record.txt
                while len(self._requests) > MAX_REQUESTS:
                    del self._requests[next(iter(self._requests))]
                self._tell(True)
            return
        try:
            self._tell(self._sightings.see(record.name, record.txt, record.addresses, record.port or 0, lan, self._clock.now()))
        except RecordError as error:
            complaint = (record.name, str(error))
            if complaint not in self._complained and len(self._complained) < MAX_COMPLAINTS:
                self._complained.add(complaint)
                log.info("an EEBUS peer's mDNS record is ignored", name=record.name, interface=lan.interface, reason=str(error))

    def _lost(self, lan: Lan, kind: str, name: str) -> None:
        if kind == pairing.SERVICE:
            self._tell(self._requests.pop((lan.interface, name), None) is not None)
        else:
            self._tell(self._sightings.lose(lan.interface, name))

    def _tell(self, changed: bool) -> None:
        """Once for what comes within a moment: somebody may announce thousands."""
        if changed and not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_later(TELL_S, self._told)

    def _told(self) -> None:
        self._telling = False
        for call in self._calls:
            try:
                call()
            except Exception:
                log.exception("a listener to mDNS failed")


def name_of(ski: str, *texts: str) -> str:
    """An instance name that nobody else has, with something for people to read. Without dots, which would end a DNS label."""
    return instance_name(" ".join((ski[:8], *filter(None, texts))).replace(".", " "))


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
