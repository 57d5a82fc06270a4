"""What the Central System may ask of a virtual station in any version: profiles, remote start and stop, availability."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from chargebridge.sim.ocpp_station.evse import Evse
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.profiles import MAX_PROFILES, MAX_STACK_LEVEL, Profile, Purpose

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation


class Orders:
    """Taken by way of the voice, which has read the request."""

    def __init__(self, station: "VirtualStation") -> None:
        self._station = station

    def take_profile(self, profile: Profile) -> bool:
        """Keep a profile and obey at once, or refuse it (1.6 5.16, 2.0.1 part 2 K01): a TxProfile needs its transaction to
        run, a station's bound is for EVSE 0, and no EVSE that is not there has any."""
        point = self._station.evses.get(profile.evse)
        running = point.transaction if point is not None else None
        any_evse = profile.evse == 0 or point is not None
        fits = {
            Purpose.STATION_MAX: profile.evse == 0,
            Purpose.TX: running is not None and profile.transaction in (None, running.id),
        }.get(profile.purpose, any_evse)
        full = len(self._station.profiles) >= MAX_PROFILES and self._station.profiles.find(profile.id) is None
        if self._station.faults.rejects_profiles or not fits or profile.stack_level > MAX_STACK_LEVEL or full:
            return False
        if not self._station.faults.ignores_profiles:
            self._station.profiles.put(profile)
            self._station.refresh()
        return True

    def remote_start(self, evse: int | None, token: str, start_id: int | None, profile: Profile | None = None) -> Evse | None:
        """evse None: the first one that can, a plugged one before others. None: there is none. profile: for the transaction to be."""
        points = sorted(self._station.evses.values(), key=lambda e: not e.plugged) if evse is None else [self._station.evses.get(evse)]
        waiting = (p for p in points if p and (p.free or (p.transaction is not None and p.transaction.token is None)))
        point = next((p for p in waiting if self._usable(p, token)), None)
        if point is None:
            return None
        if profile is not None:
            self._station.transactions.profile_waits[point.number] = replace(profile, evse=point.number)
        if self._station.flag(Knob.AUTHORISE_REMOTE):
            self._station.uplink.spawn(self._start_if_authorised(point, token, start_id))
            return point
        if point.transaction is None:
            point.admit(token, None, self._station.clock.now())
            point.remote_start_id = start_id
        self._station.later(lambda: self._start(point, token))
        return point

    def _usable(self, point: Evse, token: str) -> bool:
        return self._station.reservations.usable(point.number, [p.number for p in self._station.evses.values() if p.free], token, None)[0]

    def _start(self, point: Evse, token: str) -> None:
        point.token = None if point.transaction is None else point.token
        self._station.admission.admit(point, token, None)

    async def _start_if_authorised(self, point: Evse, token: str, start_id: int | None) -> None:
        entry = await self._station.admission.judge(token)
        if entry.allows(self._station.now()) and point.free:
            point.remote_start_id = start_id
            self._station.admission.admit(point, token, entry.group)

    def remote_stop(self, transaction: str) -> bool:
        found = (p for p in self._station.evses.values() if p.transaction is not None and p.transaction.id == transaction)
        point = next(found, None)
        if point is None:
            return False
        self._station.later(lambda: self._station.transactions.stop_if(point, transaction, "Remote"))
        return True

    def set_operative(self, evse: int, *, operative: bool) -> bool:
        """evse 0: all. False: transactions run, and the change shows when they have ended."""
        points = [self._station.evses[evse]] if evse else list(self._station.evses.values())
        for point in points:
            point.operative = operative
        self._station.later(self._station.refresh)
        return not any(point.transaction for point in points)
