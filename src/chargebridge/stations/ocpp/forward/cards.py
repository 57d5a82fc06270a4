"""Who accepts a card, and so bills what it charges: we, or a foreign back end.

An acceptance by a back end is written down before the station hears of it. It says whose the transaction is that begins with the card, also after
a restart, and stands in for the back end while that cannot be reached.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.forward import outbox
from chargebridge.stations.ocpp.forward.link import Link
from chargebridge.stations.ocpp.forward.rules import convert
from chargebridge.stations.port import Authorisation
from chargebridge.store import Database
from chargebridge.wire.ocpp import V16, Dialect, v16, v201
from chargebridge.wire.ocpp.payload import Payload

FRESH = timedelta(minutes=15)
"""A card that a back end has just started a charge with, or accepted, is not asked about again."""
REMEMBERED = timedelta(days=1)
"""So long an acceptance counts while the back end is away, and for a start that the station tells late."""
ANSWERS = {
    "Accepted": Authorisation.ACCEPTED,
    "Blocked": Authorisation.BLOCKED,
    "Expired": Authorisation.EXPIRED,
    "ConcurrentTx": Authorisation.CONCURRENT,
}
MAX_TAG_16 = 20
Ours = Callable[[], Awaitable[Authorisation]]


class Cards:
    """heard: station -> the message that is being handled, as the port's words leave out what kind of token it names."""

    def __init__(self, links: Mapping[str, Mapping[str, Link]], heard: Mapping[str, Payload], database: Database, clock: Clock) -> None:
        self._links = links
        self._heard = heard
        self._database = database
        self._clock = clock

    async def judge(self, station: str, token: str, ours: Ours) -> tuple[Authorisation, str | None]:
        """The answer for a card, and the back end that gave it; None: we."""
        links = self._links[station]
        fresh = await self._voucher(station, token, FRESH)
        if fresh is not None:
            return Authorisation.ACCEPTED, fresh
        first = await self._ask_all([link for link in links.values() if link.backend.authorise == "them_first"], station, token)
        if first is not None and first[0] is Authorisation.ACCEPTED:
            return first
        own = await ours()
        if own is Authorisation.ACCEPTED:
            await self._database.write(lambda c: outbox.unvouch(c, station, token))
            return own, None
        then = await self._ask_all([link for link in links.values() if link.backend.authorise == "us_first"], station, token)
        if then is not None and (then[0] is Authorisation.ACCEPTED or own is Authorisation.INVALID):
            return then
        return (first if first is not None and own is Authorisation.INVALID else None) or (own, None)

    async def owner(self, station: str, token: str, ours: Ours) -> str | None:
        """The back end that bills a transaction which begins with the card; None: we."""
        known = await self._voucher(station, token, REMEMBERED)
        return known or (await self.judge(station, token, ours))[1]

    async def vouch(self, station: str, token: str, backend: str) -> None:
        now = self._clock.now()
        await self._database.write(lambda c: outbox.vouch(c, station, token, backend, now))

    async def _voucher(self, station: str, token: str, age: timedelta) -> str | None:
        since = self._clock.now() - age
        found = await self._database.read(lambda c: outbox.voucher(c, station, token, since))
        return found if found in self._links[station] else None

    async def _ask_all(self, links: list[Link], station: str, token: str) -> tuple[Authorisation, str | None] | None:
        """The first acceptance, else the first answer; None: nobody answers."""
        first: tuple[Authorisation, str | None] | None = None
        for link in links:
            answer = await self._ask(link, station, token)
            if answer is Authorisation.ACCEPTED:
                await self.vouch(station, token, link.backend.name)
                return answer, link.backend.name
            if answer is not None and first is None:
                first = answer, None
        return first

    async def _ask(self, link: Link, station: str, token: str) -> Authorisation | None:
        request = None if link.dialect is None else authorise_request(link.dialect, self._heard.get(station), token)
        if request is None:
            return None
        response: Any = await link.ask(request)
        if response is None:  # away: what it last said of the card stands
            known = await self._voucher(station, token, REMEMBERED)
            return Authorisation.ACCEPTED if known == link.backend.name else None
        info = response.id_tag_info if link.dialect is V16 else response.id_token_info
        return ANSWERS.get(info.status, Authorisation.INVALID)


def authorise_request(dialect: Dialect, heard: Payload | None, token: str) -> Payload | None:
    """The question in the back end's version; None when it cannot be asked there as the station asked it."""
    if dialect is V16:
        return v16.AuthorizeRequest(id_tag=token) if len(token) <= MAX_TAG_16 else None
    told: Any = heard
    shown = getattr(told, "id_token", None)
    if not shown:
        return None
    if type(told).__name__ == "AuthorizeRequest":
        return convert(told, dialect, "Authorize")
    return convert(v201.AuthorizeRequest(id_token=shown), dialect, "Authorize")
