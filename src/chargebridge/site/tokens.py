"""Who may charge, and where: the configured cards, and the site's own token for starts from the page."""

import secrets
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.site.config import PointTable, TokenTable
from chargebridge.stations.port import Authorisation, Token

REMOTE = "remote_token"

WORDS = {
    Authorisation.ACCEPTED: "Accepted",
    Authorisation.BLOCKED: "Blocked",
    Authorisation.EXPIRED: "Expired",
    Authorisation.INVALID: "Invalid",
    Authorisation.NO_CREDIT: "NoCredit",
    Authorisation.NOT_HERE: "NotAtThisLocation",
    Authorisation.NOT_THIS_TYPE: "NotAllowedTypeEVSE",
}


class Place(Struct, frozen=True):
    """What stands at an EVSE: the point's id, and which current it gives ("AC" or "DC")."""

    point: str
    current: str


Places = Mapping[str, Mapping[int, Place]]


def places_of(points: Iterable[PointTable]) -> dict[str, dict[int, Place]]:
    """By station and EVSE."""
    found: dict[str, dict[int, Place]] = {}
    for point in points:
        found.setdefault(point.station, {})[point.evse] = Place(point.id, point.current)
    return found


def token_key(token: str) -> str:
    """Without regard to case, and to the hyphens that an eMAID may have or not (ISO 15118-2 annex H)."""
    return token.replace("-", "").casefold()


class Tokens:
    """credit: whether who pays beforehand has something left."""

    def __init__(
        self,
        allowed: Iterable[TokenTable],
        remote: str,
        *,
        open_to_all: bool,
        clock: Clock | None = None,
        places: Places | None = None,
        credit: Callable[[str], bool] = lambda token: True,
    ) -> None:
        """clock: by which tokens expire; without one they do not."""
        self._clock, self._places, self._credit = clock, places or {}, credit
        self._allowed = {token_key(token.id): token for token in allowed}
        self._remote = remote.casefold().encode()
        self._open = open_to_all

    def find(self, token: str) -> TokenTable | None:
        return self._allowed.get(token_key(token))

    def judge(self, token: str | None, station: str = "", evse: int = 0) -> Authorisation:
        """Tokens compare without regard to case (OCPP 1.6 CiString20Type, 2.0.1 IdTokenType). None: nobody has shown one (yet).

        evse 0: somewhere at the station; it is then enough that there is an EVSE where it may charge (C01.FR.18 to C01.FR.22).
        """
        if not token:
            return Authorisation.ACCEPTED if self._open else Authorisation.INVALID
        if secrets.compare_digest(token.casefold().encode(errors="replace"), self._remote):
            return Authorisation.ACCEPTED
        known = self.find(token)
        if known is None:
            return Authorisation.ACCEPTED if self._open else Authorisation.INVALID
        if known.blocked:
            return Authorisation.BLOCKED
        if self._is_over(known):
            return Authorisation.EXPIRED
        wrong = self._out_of_place(known, station, evse)
        if wrong is not None:
            return wrong
        return Authorisation.ACCEPTED if self._credit(token) else Authorisation.NO_CREDIT

    def _is_over(self, token: TokenTable) -> bool:
        return token.expires_at is not None and self._clock is not None and token.expires_at <= self._clock.now()

    def _out_of_place(self, token: TokenTable, station: str, evse: int) -> Authorisation | None:
        there = self._places.get(station, {})
        asked = {evse: there[evse]} if evse in there else there
        if not asked:
            return None
        if token.current is not None and all(place.current != token.current for place in asked.values()):
            return Authorisation.NOT_THIS_TYPE
        return None if self._fitting(token, asked) else Authorisation.NOT_HERE

    def _fitting(self, token: TokenTable, places: Mapping[int, Place]) -> tuple[int, ...]:
        return tuple(
            evse
            for evse, place in sorted(places.items())
            if (token.points is None or place.point in token.points) and token.current in (None, place.current)
        )

    def known(self, token: str, station: str = "") -> Token | None:
        """As stations may know it. Who pays beforehand is in no cache (C17.FR.01, C17.FR.02)."""
        found = self.find(token)
        if found is None:
            return None
        there = self._places.get(station, {})
        fitting = self._fitting(found, there)
        told = Token(id=found.id, kind=found.kind, status=WORDS[self.judge(token, station)], group=found.group, expires_at=found.expires_at)
        if found.prepaid and self._clock is not None:
            told = replace(told, expires_at=self._clock.now().replace(microsecond=0))
        return replace(told, evses=fitting) if 0 < len(fitting) < len(there) else told

    def listed(self, station: str = "") -> tuple[Token, ...]:
        """Those that a station may judge by itself."""
        known = (self.known(key, station) for key, token in self._allowed.items() if not token.prepaid)
        return tuple(token for token in known if token is not None and not token.status.startswith("Not"))
