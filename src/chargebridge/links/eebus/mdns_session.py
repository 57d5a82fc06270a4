"""mDNS on one interface, from the moment it has an address until that is gone."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import structlog
from msgspec import Struct
from zeroconf import (  # type: ignore[attr-defined]  # DNSText is exported without being marked so
    DNSText,
    RecordUpdate,
    RecordUpdateListener,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from chargebridge.links.eebus.interfaces import Lan

ANSWER_MS = 3000.0
WITHDRAW_S = 2.0
MAX_NAMES = 512

log = structlog.get_logger()


class Service(Struct, frozen=True):
    """One to be announced. type: such as `_ship._tcp.local.`. name: of the instance; unique on the network, without dots. port: of SRV.
    ttl_s: how long others may keep it without asking again; None: as usual."""

    type: str
    name: str
    port: int
    txt: dict[str, str]
    ttl_s: int | None = None


class Record(Struct, frozen=True):
    """What somebody announces. txt: in the order in which it came. port: None and addresses empty while they are not known."""

    type: str
    name: str
    txt: dict[bytes, bytes | None]
    addresses: tuple[str, ...]
    port: int | None


class Session:
    """heard: called with every record that is new or changed. lost: with type and name of one that was withdrawn or has become too old.
    elsewhere: whether an address is on another network that has a session of its own."""

    def __init__(
        self,
        lan: Lan,
        host: str,
        types: list[str],
        heard: Callable[[Record], None],
        lost: Callable[[str, str], None],
        elsewhere: Callable[[str], bool] = lambda address: False,
    ) -> None:
        """host: a name for this node on this interface, one DNS label."""
        self._lan = lan
        self._host = f"{host}.local."
        self._types = types
        self._heard = heard
        self._lost = lost
        self._elsewhere = elsewhere
        self._wanted: tuple[Service, ...] = ()
        self._changed = asyncio.Event()
        self._asking: dict[tuple[str, str], bool] = {}
        self._texts: dict[str, bytes] = {}

    def announce(self, services: tuple[Service, ...]) -> None:
        """From now on these, and no others."""
        self._wanted = services
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled; then withdraw. Raises OSError, or what zeroconf raises."""
        zeroconf = AsyncZeroconf(interfaces=list(self._lan.ipv4))
        try:
            await zeroconf.zeroconf.async_wait_for_start()
            if not zeroconf.zeroconf.engine.senders:
                raise OSError(f"no multicast from {', '.join(self._lan.ipv4)}")
            for reader in zeroconf.zeroconf.engine.readers:
                reader.transport.set_protocol(_OnLink(cast(asyncio.DatagramProtocol, reader.transport.get_protocol()), self._elsewhere))
            async with asyncio.TaskGroup() as tasks:

                def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
                    if state_change is ServiceStateChange.Removed:
                        self._texts.pop(name.lower(), None)
                        self._lost(service_type, _instance(service_type, name))
                    else:
                        self._ask(zeroconf, service_type, name, tasks)

                def text(zeroconf: Zeroconf, record: DNSText) -> None:
                    kind = next((kind for kind in self._types if record.name.lower().endswith(f".{kind}")), None)
                    key = record.name.lower()
                    if kind is not None and (key in self._texts or len(self._texts) < MAX_NAMES):
                        self._texts[key] = record.text
                        self._ask(zeroconf, kind, record.name, tasks)

                texts = _Texts(text)
                zeroconf.zeroconf.async_add_listener(texts, None)
                browser = AsyncServiceBrowser(zeroconf.zeroconf, self._types, handlers=[changed])
                try:
                    await self._keep_announced(zeroconf)
                finally:
                    await browser.async_cancel()
                    zeroconf.zeroconf.async_remove_listener(texts)
        finally:
            await _close(zeroconf)

    def _ask(self, zeroconf: Zeroconf, service_type: str, name: str, tasks: asyncio.TaskGroup) -> None:
        if (service_type, name) in self._asking:
            self._asking[service_type, name] = True
        elif len(self._asking) < MAX_NAMES:
            self._asking[service_type, name] = False
            tasks.create_task(self._read(zeroconf, service_type, name))

    async def _read(self, zeroconf: Zeroconf, service_type: str, name: str) -> None:
        try:
            again = True
            while again:
                self._asking[service_type, name] = False
                info = AsyncServiceInfo(service_type, name)
                await info.async_request(zeroconf, ANSWER_MS)
                txt = AsyncServiceInfo(service_type, name, properties=self._texts.get(name.lower(), info.text)).properties
                addresses = tuple(info.parsed_addresses())
                self._heard(Record(service_type, _instance(service_type, name), dict(txt), addresses, info.port))
                again = self._asking[service_type, name]
        except Exception as error:  # whatever somebody announces, it costs his record only
            log.info("an mDNS record cannot be read", name=name, interface=self._lan.interface, reason=repr(error))
        finally:
            del self._asking[service_type, name]

    async def _keep_announced(self, zeroconf: AsyncZeroconf) -> None:
        told: dict[str, tuple[Service, AsyncServiceInfo]] = {}
        while True:
            self._changed.clear()
            wanted = {f"{service.name}.{service.type}": service for service in self._wanted}
            for name in told.keys() - wanted.keys():
                await (await zeroconf.async_unregister_service(told.pop(name)[1]))
            for name, service in wanted.items():
                if name in told and told[name][0] == service:
                    continue
                info = AsyncServiceInfo(
                    service.type,
                    name,
                    service.port,
                    properties=dict(service.txt),
                    server=self._host,
                    parsed_addresses=list(self._lan.addresses),
                )
                if service.ttl_s is not None:
                    info.host_ttl = info.other_ttl = service.ttl_s
                if name in told:
                    broadcast = await zeroconf.async_update_service(info)
                else:  # the name is made of our SKI: nobody else's need be looked for first
                    broadcast = await zeroconf.async_register_service(info, cooperating_responders=True)
                told[name] = service, info
                await broadcast
            await self._changed.wait()


class _Texts(RecordUpdateListener):
    """TXT records as they come. zeroconf's browser does not tell of one that was there up to ten seconds before: of `register`, true for a while."""

    def __init__(self, text: Callable[[Zeroconf, DNSText], None]) -> None:
        super().__init__()
        self._text = text

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        for update in records:
            if isinstance(update.new, DNSText) and not update.new.is_expired(now):
                self._text(zc, update.new)


async def _close(zeroconf: AsyncZeroconf) -> None:
    """Never raises: what is being cancelled stays so."""
    try:
        async with asyncio.timeout(WITHDRAW_S):
            await zeroconf.async_close()
    except Exception as error:
        log.info("mDNS was not withdrawn in order", reason=repr(error))


def _instance(service_type: str, name: str) -> str:
    return name.removesuffix(f".{service_type}")


class _OnLink(asyncio.DatagramProtocol):
    """Passes over what came in on another of our networks (RFC 6762 clause 11).

    Linux gives a socket what any other one has joined for, so that questions from one network were answered with the addresses on another. Its
    option against that, IP_MULTICAST_ALL, cannot be used: with SO_REUSEPORT such a datagram then goes to any one of the sockets (seen with 6.18).
    """

    def __init__(self, inner: asyncio.DatagramProtocol, elsewhere: Callable[[str], bool]) -> None:
        self._inner = inner
        self._elsewhere = elsewhere

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if not self._elsewhere(addr[0]):
            self._inner.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._inner.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)
