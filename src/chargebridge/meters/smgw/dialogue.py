"""What is said to a gateway of each maker to learn the present values, or those of a span of time."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from chargebridge.meters.smgw.link import Link
from chargebridge.wire.meter import Telegram
from chargebridge.wire.smgw import Fault, SmgwError, UsagePoint, Value, emh, export, latest, ppc, telegram, theben
from chargebridge.wire.smgw.value import choose_meter, content_error, meter_number

_LOGOUT_TIMEOUT_S = 10.0
_HOUR = timedelta(hours=1)


class Vendor(StrEnum):
    """PPC: LTE Smart Meter Gateway. THEBEN: CONEXA 3.0. EMH: CASA 1.1."""

    PPC = "ppc"
    THEBEN = "theben"
    EMH = "emh"


class Dialogue(Protocol):
    """meter: its number, None for the only one. now: our clock. Raises ``SmgwError``."""

    async def present(self, link: Link, meter: str | None, now: datetime) -> Telegram:
        """The newest value of each register."""
        ...

    async def span(self, link: Link, meter: str | None, start: datetime, end: datetime) -> list[Value]:
        """All values with start <= time <= end."""
        ...


class PpcDialogue:
    """Pages with a cookie and a token. There is one session; it is always logged out, whatever happened."""

    async def present(self, link: Link, meter: str | None, now: datetime) -> Telegram:
        """See ``Dialogue``."""
        async with _ppc_session(link) as session:
            chosen = await session.meter(meter)
            text = await session.page(ppc.profile_form(session.token, chosen.mid))
        values = ppc.values(text, now, chosen.number)
        return telegram("ppc", latest(values), meter=chosen.number, unparsed=ppc.unread(text))

    async def span(self, link: Link, meter: str | None, start: datetime, end: datetime) -> list[Value]:
        """From the signed file: it has times in UTC, and signatures. The form takes local time, so that one of an hour that comes twice may be
        taken for the other: an hour more on both sides makes up for it.
        """
        async with _ppc_session(link) as session:
            chosen = await session.meter(meter)
            mid = ppc.span_mid(await session.page(ppc.span_form(session.token, chosen.mid)))
            data = await link.post_form(ppc.PATH, ppc.export_form(session.token, mid, start - _HOUR, end + _HOUR))
        if export.find(data) < 0:
            ppc.page(data)  # the page may say what is wrong
        return [value for value in export.values(data) if value.at is not None and start <= value.at <= end]


class _PpcSession:
    def __init__(self, link: Link) -> None:
        self.token: str | None = None
        self._link = link

    async def log_in(self) -> None:
        answer = await self._link.get(ppc.PATH)
        self.token = ppc.page(answer.body).token
        if self._link.cookie(ppc.COOKIE) is None:
            raise SmgwError(
                Fault.BUSY,
                "the gateway opened no session",
                "log out wherever else somebody is logged in (browser, TRuDI); if that is not it, the meter operator must set the user up anew",
            )

    async def page(self, form: dict[str, str]) -> str:
        page = ppc.page(await self._link.post_form(ppc.PATH, form))
        self.token = page.token or self.token
        return page.text

    async def meter(self, wanted: str | None) -> ppc.Meter:
        offered = ppc.meters(await self.page(ppc.meters_form(self.token)))
        number = choose_meter((meter.number for meter in offered), wanted)
        return next(meter for meter in offered if meter.number == number)

    async def log_out(self) -> None:
        """Free the session. If the talk broke off, the page with the token that is due may have been lost: then a new one is fetched."""
        with contextlib.suppress(SmgwError, TimeoutError):
            async with asyncio.timeout(_LOGOUT_TIMEOUT_S):
                try:
                    await self.page(ppc.logout_form(self.token))
                except SmgwError:
                    self.token = ppc.page((await self._link.get(ppc.PATH)).body).token
                    await self.page(ppc.logout_form(self.token))


@contextlib.asynccontextmanager
async def _ppc_session(link: Link) -> AsyncIterator[_PpcSession]:
    session = _PpcSession(link)
    try:
        await session.log_in()
        yield session
    finally:
        if link.cookie(ppc.COOKIE) is not None:
            await asyncio.shield(asyncio.ensure_future(session.log_out()))


class ThebenDialogue:
    """Requests in JSON. There is no logging out: the session ends with the connection. Usage points are asked for once an hour, since
    the gateway takes seconds to list them; units and scalers once."""

    def __init__(self) -> None:
        self._points: list[UsagePoint] = []
        self._known_at: datetime | None = None
        self._scales: dict[str, dict[str, tuple[int, str]]] = {}

    async def present(self, link: Link, meter: str | None, now: datetime) -> Telegram:
        """See ``Dialogue``."""
        values: list[Value] = []
        unread: tuple[str, ...] = ()
        path = await self._path(link)
        if self._known_at is None or now - self._known_at >= _HOUR:
            self._points = await self._usage_points(link, path)
            self._known_at = now
        for point in theben.choose(self._points, meter, theben.LIVE_TAFS):
            data = await link.post_json(path, theben.last_reading_request(point.id))
            values += theben.values(data, await self._scales_of(link, path, point.id))
            unread += theben.unread(data)
        return telegram("theben", latest(values), meter=meter, unparsed=unread)

    async def span(self, link: Link, meter: str | None, start: datetime, end: datetime) -> list[Value]:
        """In pieces of the longest span that the gateway answers; its ``fromtime`` is not included, so each begins at the end of the one before."""
        values: list[Value] = []
        path = await self._path(link)
        for point in theben.choose(await self._usage_points(link, path), meter, theben.SERIES_TAFS):
            scales = await self._scales_of(link, path, point.id)
            at = start - theben.TICK
            while at < end:
                upto = min(end, at + theben.LONGEST)
                values += theben.values(await link.post_json(path, theben.readings_request(point.id, at, upto)), scales)
                at = upto
        return values

    async def _path(self, link: Link) -> str:
        answer = await link.get(theben.ENTRY)
        if answer.location is None:
            raise content_error(f"{theben.ENTRY} leads nowhere (status {answer.status})")
        return answer.location

    async def _usage_points(self, link: Link, path: str) -> list[UsagePoint]:
        return theben.usage_points(await link.post_json(path, theben.request("user-info")))

    async def _scales_of(self, link: Link, path: str, point: str) -> dict[str, tuple[int, str]]:
        if point not in self._scales:
            self._scales[point] = theben.scales(await link.post_json(path, theben.usage_point_request(point)))
        return self._scales[point]


class EmhDialogue:
    """Plain GETs. There is no logging out either."""

    async def present(self, link: Link, meter: str | None, now: datetime) -> Telegram:
        """See ``Dialogue``."""
        offered = {meter_number(name): name for name in emh.names((await link.get(emh.METERS)).body)}
        number = choose_meter(offered, meter)
        data = (await link.get(emh.readings_path(offered[number]))).body
        return telegram("emh", latest(emh.values(data)), meter=number, unparsed=emh.unread(data))

    async def span(self, link: Link, meter: str | None, start: datetime, end: datetime) -> list[Value]:
        """How a CASA hands out past values is not published."""
        raise SmgwError(Fault.ABSENT, "past values of a CASA cannot be read", "read them with TRuDI, or keep the present ones as they come")


DIALOGUES: dict[Vendor, type[PpcDialogue] | type[ThebenDialogue] | type[EmhDialogue]] = {
    Vendor.PPC: PpcDialogue,
    Vendor.THEBEN: ThebenDialogue,
    Vendor.EMH: EmhDialogue,
}
_NAMED = re.compile(rb"E(PPC|THE|EMH)\d{10}")
"""A gateway's certificate bears its number: E for electricity, three letters of the maker, ten digits (DIN 43863-5)."""
_MAKERS = {b"PPC": Vendor.PPC, b"THE": Vendor.THEBEN, b"EMH": Vendor.EMH}
_DOORS = {Vendor.PPC: ppc.PATH, Vendor.THEBEN: theben.ENTRY, Vendor.EMH: emh.METERS}


async def find_vendor(link: Link) -> Vendor:
    """Whose gateway this is: by the name in its certificate, or by which of the doors is there. ``link`` must not log in."""
    there = []
    for vendor, path in _DOORS.items():
        status = (await link.ask("GET", path)).status
        named = _NAMED.search(link.context.certificate or b"")
        if named is not None:
            return _MAKERS[named[1]]
        if status in (200, 307, 401):
            there.append(vendor)
    if len(there) != 1:
        found = "none of the known interfaces answers" if not there else f"{' and '.join(there)} would both fit"
        raise SmgwError(
            Fault.CONTENT, f"whose gateway this is cannot be seen: {found}", "look at its label and write vendor=ppc, theben or emh"
        )
    return there[0]
