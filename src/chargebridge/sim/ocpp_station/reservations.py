"""Reservations (1.6 3.12, 2.0.1 part 2 H): an EVSE, or any of them, kept for a token until a moment."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct


class Reservation(Struct, frozen=True):
    """evse: 0 for any. group: whose members may use it as well."""

    id: int
    evse: int
    token: str
    expires_at: datetime
    group: str | None = None

    def is_for(self, token: str, group: str | None) -> bool:
        return token == self.token or (self.group is not None and group == self.group)


class Reservations:
    """Those in force."""

    def __init__(self) -> None:
        self._all: dict[int, Reservation] = {}

    def put(self, reservation: Reservation) -> None:
        """Add it, or change the one with its id (H01.FR.02)."""
        self._all[reservation.id] = reservation

    def get(self, reservation: int) -> Reservation | None:
        return self._all.get(reservation)

    def cancel(self, reservation: int) -> bool:
        return self._all.pop(reservation, None) is not None

    def over(self, now: datetime) -> list[Reservation]:
        """Take out those whose time is over."""
        gone = [r for r in self._all.values() if now >= r.expires_at]
        for reservation in gone:
            del self._all[reservation.id]
        return gone

    def of(self, evse: int) -> Reservation | None:
        """Which one keeps this very EVSE."""
        return next((r for r in self._all.values() if r.evse == evse), None)

    def on(self, evses: Collection[int]) -> list[Reservation]:
        return [r for r in self._all.values() if r.evse in evses]

    def usable(self, evse: int, free: Collection[int], token: str, group: str | None) -> tuple[bool, Reservation | None]:
        """Whether a token may take the EVSE, and the reservation that it uses up. free: EVSEs that nobody uses.

        For any EVSE (0) as many must stay free as there are reservations of that kind (H01.FR.20).
        """
        own = self.of(evse)
        if own is not None:
            return own.is_for(token, group), own if own.is_for(token, group) else None
        anywhere = [r for r in self._all.values() if r.evse == 0]
        mine = next((r for r in anywhere if r.is_for(token, group)), None)
        if mine is not None:
            return True, mine
        unreserved = [number for number in free if self.of(number) is None]
        return len(unreserved) > len(anywhere), None
