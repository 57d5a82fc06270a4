"""One gateway: one talk at a time, and none at all while it wants to be left alone."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct

from chargebridge.meters.smgw.dialogue import DIALOGUES, Dialogue, Vendor, find_vendor
from chargebridge.meters.smgw.link import GatewayDigest, Link, PinnedContext
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import Telegram
from chargebridge.wire.smgw import Fault, SmgwError, Value

_T = TypeVar("_T")
_TALK_TIMEOUT_S = 300.0
_MARGIN_S = 30.0
"""Added to what the gateway asks for: its seconds are not ours."""
PAUSES: dict[Fault, tuple[float, float]] = {
    Fault.LINK: (10.0, 300.0),
    Fault.CERTIFICATE: (600.0, 600.0),
    Fault.REFUSED: (1800.0, 21600.0),
    Fault.LOCKED: (1800.0, 21600.0),
    Fault.BUSY: (300.0, 3600.0),
    Fault.CONTENT: (300.0, 3600.0),
    Fault.ABSENT: (900.0, 3600.0),
}
"""Seconds of silence after the first failure of a kind, doubled by each further one up to the second figure. A PPC locks everybody out for minutes
after a few wrong passwords, and longer each time: a wrong one is shown once, and then half an hour later."""
_QUIET = frozenset((Fault.CERTIFICATE, Fault.REFUSED, Fault.LOCKED, Fault.BUSY))
"""After these nobody asks it before the time, whoever wants to know."""
_LOCKS: weakref.WeakValueDictionary[tuple[str, int], asyncio.Lock] = weakref.WeakValueDictionary()


class Login(Struct, frozen=True):
    """user None: the client certificate alone. force_md5: None where the maker tells."""

    user: str | None
    password: str
    force_md5: bool | None = None

    def __repr__(self) -> str:
        return f"Login(user={self.user})"


class Gateway:
    """vendor None is found out once. meter: its number, None for the only one. All questions raise ``SmgwError``."""

    def __init__(
        self,
        host: str,
        port: int,
        pinned: PinnedContext,
        login: Login,
        clock: Clock,
        *,
        vendor: Vendor | None = None,
        meter: str | None = None,
    ) -> None:
        self.where = f"smgw://{host}" if port == 443 else f"smgw://{host}:{port}"
        self.vendor = vendor
        self.meter = meter
        self._address = host, port
        self._pinned = pinned
        self._login = login
        self._clock = clock
        self._dialogue: Dialogue | None = None
        self._lock = _LOCKS.setdefault(self._address, asyncio.Lock())
        self._failed: tuple[SmgwError, float, datetime] | None = None

    @property
    def pause_s(self) -> float:
        """How long it is not to be asked, from now on."""
        return 0.0 if self._failed is None else max(0.0, (self._failed[2] - self._clock.now()).total_seconds())

    async def present(self) -> Telegram:
        """The newest value of each register."""

        async def ask(dialogue: Dialogue, link: Link) -> Telegram:
            found = await dialogue.present(link, self.meter, self._clock.now())
            if not found.registers:
                raise SmgwError(
                    Fault.ABSENT, "the gateway has no value yet", "wait for its first reading of the meter; then ask the meter operator"
                )
            return found

        return await self._talk(ask)

    async def span(self, start: datetime, end: datetime) -> list[Value]:
        """All values with start <= time <= end, aware."""
        return await self._talk(lambda dialogue, link: dialogue.span(link, self.meter, start, end))

    async def _talk(self, say: Callable[[Dialogue, Link], Awaitable[_T]]) -> _T:
        async with self._lock:
            if self._failed is not None and self._failed[0].fault in _QUIET and self.pause_s:
                raise self._failed[0]
            try:
                async with asyncio.timeout(_TALK_TIMEOUT_S):
                    dialogue = self._dialogue or await self._open()
                    async with self._link(self.vendor) as link:
                        answer = await say(dialogue, link)
            except TimeoutError:
                problem = SmgwError(
                    Fault.LINK, f"no end of the talk within {_TALK_TIMEOUT_S:g} s", "check the cable; restart the gateway by its fuse"
                )
                self._remember(problem)
                raise problem from None
            except SmgwError as problem:
                self._remember(problem)
                raise
            self._failed = None
            return answer

    async def _open(self) -> Dialogue:
        if self.vendor is None:
            async with self._link(None) as link:
                self.vendor = await find_vendor(link)
        self._dialogue = DIALOGUES[self.vendor]()
        return self._dialogue

    def _link(self, vendor: Vendor | None) -> Link:
        login = self._login
        if vendor is None or login.user is None:
            return Link(*self._address, self._pinned, None)
        force_md5 = vendor is Vendor.THEBEN if login.force_md5 is None else login.force_md5
        return Link(*self._address, self._pinned, GatewayDigest(login.user, login.password, force_md5=force_md5))

    def _remember(self, problem: SmgwError) -> None:
        first_s, last_s = PAUSES[problem.fault]
        again = self._failed is not None and self._failed[0].fault is problem.fault
        pause_s = min(last_s, self._failed[1] * 2) if again and self._failed is not None else first_s
        wait_s = pause_s if problem.wait_s is None else max(_MARGIN_S, min(problem.wait_s, last_s)) + _MARGIN_S
        self._failed = problem, pause_s, self._clock.now() + timedelta(seconds=wait_s)
