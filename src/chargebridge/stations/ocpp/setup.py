"""What is written into a station after each boot: its fallback first, then what makes it tell what control needs."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from chargebridge.model.clock import Clock
from chargebridge.stations.commands import GetVariables
from chargebridge.stations.ocpp import local_list
from chargebridge.stations.ocpp.abilities import ASKED_FIRST, MAX_EXTERNAL_ID, OF_EVSES, of_evse
from chargebridge.stations.ocpp.session import Session
from chargebridge.stations.port import Answer, Outcome

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

log = structlog.get_logger()

RETRY_S = 30.0


class Setup:
    """Of one station. said: its answer to each setting."""

    def __init__(self, station: "OcppStation", clock: Clock) -> None:
        self.said: dict[str, Answer] = {}
        self._station = station
        self._clock = clock
        self._needed = asyncio.Event()
        self._needed.set()  # as this process has not seen the station yet
        self.asked = asyncio.Event()  # it has been asked for its abilities

    def renew(self) -> None:
        """The station has booted: it may have forgotten."""
        self._needed.set()

    async def keep(self, session: Session) -> None:
        """Set the station up once it may be spoken to, and again when it did not answer or the line broke meanwhile."""
        await session.ready.wait()
        while True:
            await self._needed.wait()
            self._needed.clear()
            done = False
            try:
                done = await self._write()
            except Exception:  # such as the store's, asked for the tokens of the local list
                log.exception("a station could not be set up", station=self._station.identity)
            finally:
                if not done:
                    self._needed.set()
            if not done:
                await self._clock.sleep(RETRY_S)

    async def _ask_abilities(self) -> None:
        """What this station takes at once, and has; nothing hangs on its answering. The first question is how many may be asked at once."""
        station = self._station
        assert station.language is not None
        names = station.language.abilities
        try:
            await self._ask(names)
        finally:
            self.asked.set()

    async def _ask(self, names: tuple[str, ...]) -> None:
        station = self._station
        if names and not isinstance(await station.get_settings([ASKED_FIRST]), Answer):
            of_evses = (of_evse(name, evse) for name in OF_EVSES if name in names for evse in range(1, len(station.settings.evses) + 1))
            await station.command(GetVariables(names=(*(name for name in names if name != ASKED_FIRST), *of_evses)))

    async def _write(self) -> bool:
        """The fallback first, for safety, or as soon as is known how a 2.1 station lets us number it (K01.FR.80); then what makes the station
        tell what control needs. True: all was answered."""
        station = self._station
        assert station.language is not None
        self.said.clear()
        if numbers_its_own := MAX_EXTERNAL_ID in station.language.abilities:
            await self._ask_abilities()
        for number, evse in enumerate(station.settings.evses, 1):
            if evse.fallback_current_a is not None:
                self.said[f"fallback {number}"] = await station.write_fallback(number, evse.fallback_current_a)
        if not numbers_its_own:
            await self._ask_abilities()
        outward = any(evse.discharges for evse in station.settings.evses)
        for choices in station.language.sampling(station.settings.sample_interval_s, outward=outward):
            for name, value in choices:
                self.said[name] = answer = await station.set_setting(name, value)
                if answer.outcome is not Outcome.REJECTED:
                    break
        if station.settings.local_list:
            self.said["local list"] = await local_list.refresh(station)
        bad = {name: f"{a.outcome} {a.detail}" for name, a in self.said.items() if a.outcome is not Outcome.ACCEPTED}
        if bad:
            log.warning("station does not take all settings", station=station.identity, settings=bad)
        return not any(a.outcome in (Outcome.TIMED_OUT, Outcome.OFFLINE) for a in self.said.values())
