"""From decisions to stations: one worker a station, always the newest decision, the station's own answer back into the state.

A decision replaces what an earlier one wanted and did not get sent, so nothing stale is ever offered. OCPP allows one call in flight a
station; while it is, its points wait and the newest wish of each is kept.

Where a car waits for a charging profile, what stands is sent again though nothing changes (OCPP 2.x K15.FR.07, K16.FR.12).

An offer is in the state from before it leaves. Only a station that said no takes it out of what is reckoned with: whatever else happens on the
way (no answer, a line that breaks, an error of ours), the station may have taken it.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from chargebridge.model.clock import Clock
from chargebridge.model.decision import Move, PointDecision
from chargebridge.model.state import Offer, OfferOutcome
from chargebridge.site.live import Live, LivePoint
from chargebridge.stations.port import Answer, Outcome, Station, Stations

_OUTCOMES = {
    Outcome.ACCEPTED: OfferOutcome.ACCEPTED,
    Outcome.REJECTED: OfferOutcome.REJECTED,
    Outcome.UNSUPPORTED: OfferOutcome.REJECTED,
    Outcome.TIMED_OUT: OfferOutcome.TIMED_OUT,
    Outcome.OFFLINE: OfferOutcome.TIMED_OUT,
}
GIVE_UP_S = 45.0
"""An adapter that has not come back by then, four of its own timeouts long, must not keep newer offers from the station."""

log = structlog.get_logger(__name__)


class Dispatcher:
    """``give`` takes a decision's points; ``run`` sends them until it is cancelled."""

    def __init__(self, live: Live, stations: Stations, clock: Clock, *, wake: Callable[[], None], refused: Callable[[str, Answer], None]):
        self._live = live
        self._stations = stations
        self._clock = clock
        self._wake = wake
        self._refused = refused
        self._wanted: dict[str, dict[str, PointDecision]] = {p.station: {} for p in live.topology.points}
        self._bell = {station: asyncio.Event() for station in self._wanted}

    def give(self, points: tuple[PointDecision, ...]) -> None:
        """Replace all that is wanted. Decreases go before increases at the same station. How often to ask again is the decision's to say."""
        for wanted in self._wanted.values():
            wanted.clear()
        for decision in sorted(points, key=lambda d: d.move is not Move.DECREASE):
            at = self._live.points[decision.point]
            if decision.move is not Move.HOLD or (at.owes_profile and at.session is not None and at.online):
                station = at.point.station
                self._wanted[station][decision.point] = decision
                self._bell[station].set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for station in self._wanted:
                group.create_task(self._serve(station), name=f"offers to {station}")

    async def _serve(self, station: str) -> None:
        wanted, bell = self._wanted[station], self._bell[station]
        while True:
            await bell.wait()
            bell.clear()
            while wanted:
                decision = wanted.pop(next(iter(wanted)))
                answer = await self._send(station, self._live.points[decision.point], decision)
                if answer.outcome is Outcome.OFFLINE:
                    break
                if answer.outcome in (Outcome.REJECTED, Outcome.UNSUPPORTED):
                    self._refused(decision.point, answer)
                self._wake()

    async def _send(self, station: str, point: LivePoint, decision: PointDecision) -> Answer:
        """Offer, and keep what was offered in the state from before it leaves until its answer is known."""
        to = self._stations.station(station)
        if to is None or not to.online:
            return Answer(outcome=Outcome.OFFLINE)
        if point.session is not None:
            point.owes_profile = False
        now = self._clock.now()
        offer = Offer(
            current_a=decision.current_a,
            phases=decision.phases,
            sent_at=now,
            expires_at=now + timedelta(seconds=decision.valid_s),
            discharge_w=decision.discharge_w,
        )
        point.send(offer)
        answer = await self._offer(to, point, decision)
        point.answered(offer, _OUTCOMES[answer.outcome], self._clock.now())
        return answer

    async def _offer(self, to: Station, point: LivePoint, decision: PointDecision) -> Answer:
        """The station's answer; TIMED_OUT also where our own adapter fails, as nobody knows how far it came."""

        async def ask(transaction: str | None) -> Answer:
            return await to.offer(point.point.evse, decision.current_a, decision.phases, decision.valid_s, transaction)

        transaction = point.session.transaction if point.session else None
        try:
            async with asyncio.timeout(GIVE_UP_S):
                if decision.discharge_w > 0 and transaction is not None:
                    return await to.discharge(point.point.evse, decision.discharge_w, decision.valid_s, transaction)
                answer = await ask(transaction)
                if answer.outcome is Outcome.UNSUPPORTED and transaction is not None:
                    answer = await ask(None)  # the id is of another version's making: the station was changed while the session ran
                return answer
        except TimeoutError:
            return Answer(outcome=Outcome.TIMED_OUT, detail=f"no end of it within {GIVE_UP_S:g} s")
        except Exception as error:
            log.exception("an offer could not be made", point=point.point.id)
            return Answer(outcome=Outcome.TIMED_OUT, detail=f"{type(error).__name__}: {error}")
