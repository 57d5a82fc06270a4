"""Asks stations which limits others have set in them (OCPP 2.x K09): when they arrive, daily, and whenever they speak of one without its figures."""

import asyncio

import structlog

from chargebridge.model.clock import Clock
from chargebridge.site.hearing import Hearing
from chargebridge.stations.port import Outcome, Station, Stations

POLL_S = 0.2
"""A connected station may be asked only after its boot was answered; so often we look whether it was."""
POLL_FOR_S = 120.0
AGAIN_S = 60.0
DAILY_S = 86_400.0
NONE_THERE = "NoProfiles"

log = structlog.get_logger(__name__)


class LimitAsker:
    """``ask`` from anywhere; ``run`` does it until it is cancelled."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._request = 0

    def ask(self, station: str) -> None:
        self._queue.put_nowait(station)

    async def run(self, stations: Stations, hearing: Hearing) -> None:
        tasks: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                station = await self._queue.get()
                if station in tasks:
                    tasks[station].cancel()  # it is asked anew
                tasks[station] = group.create_task(self._keep_asking(station, stations, hearing))

    async def _keep_asking(self, identity: str, stations: Stations, hearing: Hearing) -> None:
        """Until it is gone: what arrives anew is asked anew."""
        waited_s = 0.0
        while waited_s < POLL_FOR_S:
            to = stations.station(identity)
            if to is None or not to.online:
                await self._clock.sleep(POLL_S)
                waited_s += POLL_S
                continue
            try:
                outcome = await self._ask(identity, to, hearing)
            except Exception:  # of ours, or the store's: it costs nobody else anything, and is tried again
                log.exception("a station's limits could not be asked for", station=identity)
                outcome = Outcome.TIMED_OUT
            if outcome is Outcome.UNSUPPORTED:
                return
            await self._clock.sleep(AGAIN_S if outcome in (Outcome.TIMED_OUT, Outcome.OFFLINE) else DAILY_S)

    async def _ask(self, identity: str, to: Station, hearing: Hearing) -> Outcome:
        self._request = max(self._request + 1, int(self._clock.now().timestamp()) & 0x3FFFFFFF)
        hearing.limits.asked(identity, self._request)
        answer = await to.report_limits(self._request)
        if answer.outcome is Outcome.REJECTED and answer.detail.startswith(NONE_THERE):
            await hearing.no_limits(identity)
        return answer.outcome
