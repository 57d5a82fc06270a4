"""What peers say of themselves by mDNS, put together by SKI, whatever they say twice, late, or in another's name."""

import ipaddress
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.links.eebus.interfaces import Lan
from chargebridge.links.eebus.peer import Address, Announced
from chargebridge.wire.eebus.ship.errors import RecordError
from chargebridge.wire.eebus.ship.mdns import from_txt

MAX_RECORDS = 256
MAX_ADDRESSES = 16


class _Sighting(Struct, frozen=True):
    announced: Announced
    here: bool


class Sightings:
    """Records by interface, instance name and SKI. One that vanishes stays as it was last, for a peer that restarts is back in a moment; only what
    it said of pairing is over. Of one SKI the newest record counts, with the addresses of the others after its own: nobody can take a peer's
    place by announcing its SKI, because its true address stays, and TLS shows who answers at the false one."""

    def __init__(self, own_ski: str) -> None:
        self._own_ski = own_ski
        self._records: dict[tuple[str, str, str], _Sighting] = {}
        self._announced: tuple[Announced, ...] | None = ()

    @property
    def announced(self) -> tuple[Announced, ...]:
        """By SKI."""
        if self._announced is None:
            by_ski: dict[str, list[_Sighting]] = {}
            for sighting in self._records.values():
                by_ski.setdefault(sighting.announced.ski, []).append(sighting)
            self._announced = tuple(_joined(by_ski[ski]) for ski in sorted(by_ski))
        return self._announced

    def see(self, name: str, txt: Mapping[bytes, bytes | None], addresses: tuple[str, ...], port: int, lan: Lan, now: datetime) -> bool:
        """A record, new or changed. name: of the instance. True if `announced` is another one now. Raises RecordError for one that is to be
        ignored; what was there under its name before is kept."""
        record = from_txt(txt)
        if record.ski == self._own_ski:
            return False
        if not 0 < port < 65536:
            raise RecordError("port", f"{port}", "ignore it, or give the peer's address by hand")
        usable = tuple(Address(address, port, record.path) for address in dialled(addresses, lan))
        if not usable:
            raise RecordError("addresses", "there is none that can be dialled", "give the peer's address by hand")
        announced = Announced(
            ski=record.ski,
            ship_id=record.ship_id,
            addresses=usable,
            register=record.register,
            brand=record.brand,
            type=record.type,
            model=record.model,
            serial=record.serial,
            categories=record.categories,
            seen_at=now,
        )
        key, sighting = (lan.interface, name, record.ski), _Sighting(announced, here=True)
        before = self._records.get(key)
        if before is not None and _Sighting(replace(before.announced, seen_at=now), before.here) == sighting:
            return False
        self._gone(lambda other: other[:2] == key[:2] and other != key)
        self._records[key] = sighting
        self._bound()
        self._announced = None
        return True

    def lose(self, interface: str, name: str) -> bool:
        """A record was withdrawn, or is too old. True if `announced` is another one now."""
        return self._gone(lambda key: key[:2] == (interface, name))

    def lose_all(self, interface: str) -> bool:
        """The interface is gone."""
        return self._gone(lambda key: key[0] == interface)

    def _gone(self, which: Callable[[tuple[str, str, str]], bool]) -> bool:
        keys = [key for key, sighting in self._records.items() if sighting.here and which(key)]
        for key in keys:
            self._records[key] = _Sighting(replace(self._records[key].announced, register=False), here=False)
        if keys:
            self._announced = None
        return bool(keys)

    def _bound(self) -> None:
        """Somebody may announce thousands; those that vanished longest ago go first."""
        while len(self._records) > MAX_RECORDS:
            del self._records[min(self._records, key=lambda key: (self._records[key].here, self._records[key].announced.seen_at))]


def _joined(sightings: list[_Sighting]) -> Announced:
    newest, *others = sorted(sightings, key=lambda sighting: (sighting.here, sighting.announced.seen_at), reverse=True)
    addresses = dict.fromkeys(address for sighting in (newest, *others) for address in sighting.announced.addresses)
    return replace(newest.announced, addresses=tuple(addresses)[:MAX_ADDRESSES])


def dialled(addresses: tuple[str, ...], lan: Lan) -> tuple[str, ...]:
    """The addresses worth dialling, the likeliest first: of the interface's own networks, IPv4, others; link-local IPv6 only if there is nothing
    else, and with the interface, without which it means nothing."""
    found = []
    for text in dict.fromkeys(addresses):
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            continue
        if not (address.is_unspecified or address.is_multicast or (address.is_loopback and not lan.holds(str(address)))):
            found.append(address)
    plain = [address for address in found if not address.is_link_local or address.version == 4]
    ordered = sorted(plain, key=lambda address: (not lan.holds(str(address)), address.is_link_local, address.version))
    return tuple(map(str, ordered))[:MAX_ADDRESSES] or tuple(f"{address}%{lan.interface}" for address in found)[:MAX_ADDRESSES]
