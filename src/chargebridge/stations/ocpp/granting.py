"""The current that a station may draw, as charging profiles. Two levels of them are kept in it (1.6 3.13, 2.0.1 part 2 K):

    stack level 0  TxDefaultProfile at the fallback current, without end, kept through reboots
    stack level 1  the grant: TxProfile (or TxDefaultProfile while no transaction runs), with a duration

so a station that hears nothing more from us comes down to its fallback by itself when the grant has run out.
"""

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from chargebridge.model.phases import NOMINAL_V
from chargebridge.stations.commands import SetProfile
from chargebridge.stations.ocpp.calls import SUPERSEDED, Calls
from chargebridge.stations.ocpp.language import Profile, Purpose
from chargebridge.stations.port import Answer, Outcome
from chargebridge.stations.profiles import ChargingProfile, Period

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

CLOCK_MARGIN_S = 5  # a grant starts this long ago, so that a station whose clock is a little slow obeys at once


class Grants:
    """One station's fallback and grants."""

    def __init__(self, station: "OcppStation", calls: Calls) -> None:
        self._station = station
        self._calls = calls
        self._by_default: set[int] = set()  # EVSEs whose transactions are limited by TxDefaultProfile, as they refused a TxProfile

    async def offer(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Answer:
        """See `port.Station`. A newer offer for the same EVSE takes the place of one that still waits to be sent."""
        await self._station.numbered()
        profile = self._grant(evse, current_a, phases, valid_s, transaction)
        if profile.purpose == "TxDefaultProfile" and self._station.behaviour.grant_level == self._station.behaviour.fallback_level:
            # It would take the fallback's place, and nothing would be left when it runs out.
            return Answer(
                outcome=Outcome.UNSUPPORTED, detail="has one stack level, which its fallback needs; it is limited while it charges"
            )
        answer = await self._set_profile(profile, evse)
        if "TxDefaultProfile" not in self._station.behaviour.purposes:
            return answer
        if answer.outcome is not Outcome.REJECTED or profile.purpose != "TxProfile" or answer.detail == SUPERSEDED:
            return answer
        # Some models take one purpose only, and some transactions end before we hear of it.
        answer = await self._set_profile(self._grant(evse, current_a, phases, valid_s, None), evse)
        if answer.outcome is not Outcome.ACCEPTED:
            return answer  # an older TxProfile stands as it stood
        # That older one would overrule the default profile. It goes only now that something stands in its place.
        cleared = await self._calls.ask(lambda language: language.clear_profile(profile.id), urgent=True)
        if cleared.outcome in (Outcome.TIMED_OUT, Outcome.OFFLINE):
            return Answer(outcome=Outcome.TIMED_OUT, detail=f"taken as a default, but an older profile may overrule it: {cleared.detail}")
        self._by_default.add(evse)
        return answer

    async def discharge(self, evse: int, power_w: float, valid_s: float, transaction: str) -> Answer:
        """A central set point in the grant's place, and with its duration (2.1 Q03): no limits beside it (Q03.FR.02)."""
        await self._station.numbered()
        profile = ChargingProfile(
            id=self._id(300 + evse),
            purpose="TxProfile",
            stack_level=self._station.behaviour.grant_level,
            unit="W",
            periods=(Period(setpoint=-math.floor(power_w * 10) / 10, mode="CentralSetpoint"),),
            kind="Absolute",
            starts_at=self._station.now() - timedelta(seconds=CLOCK_MARGIN_S),
            duration_s=math.ceil(valid_s) + CLOCK_MARGIN_S,
            transaction=transaction,
        )
        return await self._station.command(SetProfile(evse=evse, profile=profile))

    def negotiates(self, evse: int) -> None:
        """A car has told its needs: a TxProfile that was refused because it came before them is tried again (2.x K15.FR.17)."""
        self._by_default.discard(evse)

    async def write_fallback(self, evse: int, current_a: float) -> Answer:
        """Write the persistent default profile, and the model's own setting where it has one (read back)."""
        await self._station.numbered()
        profile = Profile(
            id=self._id(100 + evse),
            evse=evse,
            purpose="TxDefaultProfile",
            stack_level=self._station.behaviour.fallback_level,
            limit=self._limit(current_a, self._station.phases(evse)),
            unit=self._station.rate_unit,
            phases=self._station.phases(evse),
        )
        answer = await self._set_profile(profile, None)
        name = self._station.settings.fallback_setting
        if name is None or answer.outcome is not Outcome.ACCEPTED:
            return answer
        answer = await self._station.set_setting(name, f"{current_a:g}")
        if answer.outcome is Outcome.ACCEPTED:
            read = await self._station.get_settings([name])
            if isinstance(read, Answer):
                return read
            if [setting.value for setting in read] != [f"{current_a:g}"]:
                return Answer(outcome=Outcome.REJECTED, detail=f"{name} reads {[s.value for s in read]} after {current_a:g} was written")
        return answer

    def _grant(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Profile:
        by_default = transaction is None or evse in self._by_default or "TxProfile" not in self._station.behaviour.purposes
        purpose: Purpose = "TxDefaultProfile" if by_default else "TxProfile"
        return Profile(
            id=self._id((300 if purpose == "TxProfile" else 200) + evse),
            evse=evse,
            purpose=purpose,
            stack_level=self._station.behaviour.grant_level,
            limit=self._limit(current_a, phases),
            unit=self._station.rate_unit,
            phases=phases,
            starts_at=self._station.now() - timedelta(seconds=CLOCK_MARGIN_S),
            duration_s=math.ceil(valid_s) + CLOCK_MARGIN_S,
            transaction=transaction if purpose == "TxProfile" else None,
        )

    def _id(self, number: int) -> int:
        """Above those that the station keeps to itself (2.1 K01.FR.80)."""
        return number + max(0, self._station.abilities.max_external_id or 0)

    def _limit(self, current_a: float, phases: int) -> float:
        """In the station's unit, rounded down to the one decimal that OCPP allows."""
        limit = current_a if self._station.rate_unit == "A" else current_a * NOMINAL_V * phases
        return math.floor(round(limit * 10, 6)) / 10

    async def _set_profile(self, profile: Profile, evse: int | None) -> Answer:
        return await self._calls.ask(lambda language: language.set_profile(profile), urgent=True, replaces=evse)
