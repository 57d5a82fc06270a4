"""Who may charge at a virtual station, and where."""

from typing import TYPE_CHECKING

from chargebridge.sim.ocpp_station.authorisation import Entry
from chargebridge.sim.ocpp_station.evse import Evse
from chargebridge.sim.ocpp_station.knobs import Knob

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation


class Admission:
    """By its lists, the Central System, its settings and reservations."""

    def __init__(self, station: "VirtualStation") -> None:
        self._station = station

    async def judge(self, token: str) -> Entry:
        """Ask its lists, the Central System, or its settings (1.6 4.1, 2.0.1 part 2 C01 to C15)."""
        now = self._station.now()
        known = self._station.local_list.entries.get(token) if self._station.flag(Knob.LOCAL_LIST) else None
        if known is None and self._station.flag(Knob.CACHE):
            known = self._station.cache.entries.get(token)
        if self._station.online:
            if known is not None and known.allows(now) and self._station.flag(Knob.PRE_AUTHORISE):
                return known
            answer = await self._station.uplink.ask(self._station.voice.authorise(token))
            entry = self._station.voice.verdict(answer).entry if answer is not None else None
            if entry is not None:
                self._station.cache.keep(token, entry)
            if answer is not None:
                return entry.now if entry is not None else Entry("Invalid")
        if known is not None and self._station.flag(Knob.LOCAL_OFFLINE):
            return known
        return Entry("Accepted" if self._station.flag(Knob.UNKNOWN_OFFLINE) else "Invalid")

    def admit(self, point: Evse, token: str, group: str | None) -> bool:
        """Let a token in: to the transaction that waits for one, or to a new one, if no reservation stands against it."""
        free = [p.number for p in self._station.evses.values() if p.free]
        usable, reservation = self._station.reservations.usable(point.number, free, token, group)
        if not usable:
            return False
        if point.transaction is not None and point.transaction.token is None:
            point.transaction.token, point.transaction.group = token, group
            self._station.transactions.say(point, point.transaction, "Authorized")
        else:
            point.admit(token, group, self._station.clock.now())
            point.reservation = reservation.id if reservation is not None else None
        if reservation is not None:
            self._station.reservations.cancel(reservation.id)
        self._station.transactions.look(point)
        return True
