"""How often and how many: what one address, one identity and all together may ask of the door. Pure; time is passed in, in seconds.

Three things are bounded: new connections a second (token buckets, for each address and for all), connections open at once from one address,
and wrong passwords for one identity, which have to wait longer each time. An IPv6 subscriber has 2**64 addresses: they count as one.
"""

import ipaddress
from collections import Counter, OrderedDict

from msgspec import Struct

REMEMBERED = 10_000  # addresses and identities; the one that was idle longest is forgotten first
FREE_TRIES = 3  # wrong passwords before the first wait
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
FORGIVEN_S = 3600.0  # after so long without a wrong password an identity starts afresh


class DoorLimits(Struct, frozen=True, kw_only=True):
    """0 stands for no bound.

    rate, burst: new connections a second for long, and at once, from all addresses together; address_rate, address_burst: from one.
    address_connections: open at once from one address. quarantined: unknown stations that are listened to at once.
    """

    rate: float = 0.0
    burst: int = 1000
    address_rate: float = 0.0
    address_burst: int = 100
    address_connections: int = 0
    quarantined: int = 32


def household(address: str) -> str:
    """Whose address it is: the /64 of an IPv6 address, else the address itself."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 6 and ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


class _Bucket:
    """A token bucket. `wait_s` is 0 when a token could be taken, else the seconds until there is one."""

    __slots__ = ("at", "level")

    def __init__(self, burst: float, now: float) -> None:
        self.level, self.at = burst, now

    def wait_s(self, rate: float, burst: float, now: float) -> float:
        self.level = min(burst, self.level + max(now - self.at, 0.0) * rate)
        self.at = now
        if self.level < 1.0:
            return (1.0 - self.level) / rate
        self.level -= 1.0
        return 0.0


class Doorkeeper:
    """Counts; decides nothing but what its limits say."""

    def __init__(self, limits: DoorLimits) -> None:
        self.limits = limits
        self.open: Counter[str] = Counter()
        self._all: _Bucket | None = None
        self._addresses: OrderedDict[str, _Bucket] = OrderedDict()
        self._wrong: OrderedDict[tuple[str, bool], tuple[int, float]] = OrderedDict()
        self._homes: OrderedDict[str, str] = OrderedDict()

    def knock(self, address: str, now: float) -> float:
        """A new connection wants in. 0: it may; else the seconds after which it should try again."""
        limits, who = self.limits, household(address)
        if limits.address_rate > 0:
            bucket = self._addresses.get(who)
            if bucket is None:
                bucket = self._addresses[who] = _Bucket(limits.address_burst, now)
                _bound(self._addresses)
            else:
                self._addresses.move_to_end(who)
            if (wait := bucket.wait_s(limits.address_rate, limits.address_burst, now)) > 0:
                return wait
        if limits.rate > 0:
            self._all = self._all or _Bucket(limits.burst, now)
            return self._all.wait_s(limits.rate, limits.burst, now)
        return 0.0

    def entered(self, address: str) -> bool:
        """A connection was opened. False: it is one too many; it counts until it has `left` all the same."""
        who = household(address)
        self.open[who] += 1
        return not 0 < self.limits.address_connections < self.open[who]

    def far_too_many(self, address: str) -> bool:
        """Twice the bound: not even worth an answer."""
        return 0 < 2 * self.limits.address_connections < self.open[household(address)]

    def left(self, address: str) -> None:
        who = household(address)
        self.open[who] -= 1
        if self.open[who] <= 0:
            del self.open[who]

    def password_wait_s(self, identity: str, address: str, now: float) -> float:
        """Seconds until a password for this identity is looked at again. Where the station was let in last, strangers' guesses do not count."""
        times, last = self._wrong.get(self._who(identity, address), (0, 0.0))
        if times < FREE_TRIES or now - last > FORGIVEN_S:
            return 0.0
        return max(0.0, last + min(FIRST_WAIT_S * 2.0 ** min(times - FREE_TRIES, 30), LONGEST_WAIT_S) - now)

    def wrong_password(self, identity: str, address: str, now: float) -> None:
        """Counted when the attempt begins, so that many at once gain nothing; `right_password` takes it back."""
        who = self._who(identity, address)
        times, last = self._wrong.get(who, (0, now))
        self._wrong[who] = (1 if now - last > FORGIVEN_S else times + 1, now)
        self._wrong.move_to_end(who)
        _bound(self._wrong)

    def right_password(self, identity: str, address: str) -> None:
        self._wrong.pop(self._who(identity, address), None)
        self._homes[identity] = household(address)
        self._homes.move_to_end(identity)
        _bound(self._homes)
        self._wrong.pop((identity, True), None)

    def _who(self, identity: str, address: str) -> tuple[str, bool]:
        return identity, self._homes.get(identity) == household(address)


def _bound(kept: "OrderedDict[str, _Bucket] | OrderedDict[str, str] | OrderedDict[tuple[str, bool], tuple[int, float]]") -> None:
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
