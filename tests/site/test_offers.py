"""Offers: whatever happens on the way to a station, one that may be in force is never forgotten, and a lower one never waits."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargebridge.app.clock import WallClock
from chargebridge.model.decision import Cause, Move, PointDecision, Why
from chargebridge.model.limit import Limit, LimitedPower, LimitSource, OnNode
from chargebridge.model.state import OfferOutcome
from chargebridge.site import dispatch
from chargebridge.site.config_file import parse
from chargebridge.site.dispatch import Dispatcher
from chargebridge.site.live import Live
from chargebridge.stations.port import Answer, Outcome
from tests.site.kit import CONFIG, Bench, bench, limits_told, until
from tests.stations.ocpp_kit import RawStation


async def charging(site: Bench) -> RawStation:
    """A 1.6 station whose car has a running session and an offer above 0."""
    client = await site.station()
    await client.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"})
    await site.start(client, at=datetime.now(UTC).isoformat())

    def has_been_raised() -> bool:
        newest = site.point("a").offers[-1]
        return newest.current_a >= 6 and newest.outcome is OfferOutcome.ACCEPTED

    assert await until(lambda: site.point("a").offers and has_been_raised(), 20)
    return client


def stop_all(power_w: float = 0.0) -> Limit:
    now = datetime.now(UTC)
    bound = LimitedPower(power_w)
    return Limit(
        id="dso", source=LimitSource.GRID_OPERATOR, scope=OnNode("main"), bound=bound, starts_at=now, legal_basis="test", received_at=now
    )


async def test_0_w_is_on_its_way_at_once_and_an_offer_cut_off_by_a_broken_line_stays_reckoned_with(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=4) as site:
        client = await charging(site)
        before = site.point("a").offers[-1]
        client.obeys = False
        begun = time.monotonic()
        await site.site.service.enter_limit(stop_all(), "test")
        assert await until(lambda: limits_told(client)[-1] == 0, 1.0), "on the wire within a second"
        assert time.monotonic() - begun < 1.0
        assert site.point("a").offers[-1].outcome is OfferOutcome.SENT
        await client.close()
        assert await until(lambda: not site.point("a").online)
        assert await until(lambda: site.point("a").offers[-1].outcome is OfferOutcome.TIMED_OUT), "it may have been taken"
        assert before in site.point("a").offers, "and what stood before may stand still"


async def test_an_answer_that_is_nonsense_does_not_say_that_nothing_was_done(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=5) as site:
        client = await charging(site)
        client.obeys = False
        await site.site.service.enter_limit(stop_all(), "test")
        assert await until(lambda: limits_told(client)[-1] == 0)
        grant = next(f for f in reversed(client.asked) if f[2] == "SetChargingProfile")
        await client.send([3, grant[1], {"status": "Perhaps"}])
        assert await until(lambda: site.point("a").offers[-1].outcome is not OfferOutcome.SENT)
        assert site.point("a").offers[-1].outcome is OfferOutcome.TIMED_OUT


async def test_a_refusal_does_not_hold_a_lower_offer_up(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=5) as site:
        client = await charging(site)
        client.obeys = False
        answered: set[str] = set()

        async def refuse_all() -> None:
            while True:
                for frame in list(client.asked):
                    if frame[1] not in answered:
                        answered.add(frame[1])
                        await client.send([3, frame[1], {"status": "Rejected"}])
                await asyncio.sleep(0.005)

        refusing = asyncio.create_task(refuse_all())
        client.asked.clear()
        await site.site.service.enter_limit(stop_all(38_000), "test")
        assert await until(lambda: any(o.outcome is OfferOutcome.REJECTED and o.current_a > 6 for o in site.point("a").offers))
        await site.site.service.enter_limit(stop_all(), "test")
        assert await until(lambda: 0 in limits_told(client), 0.6), "asked again at once, as it is less"
        refusing.cancel()


class Adapter:
    """A station whose adapter does what a bug would do. Each call is kept; ``does`` decides what becomes of it."""

    online = True

    def __init__(self) -> None:
        self.calls: list[tuple[int, float]] = []
        self.does: Any = None

    def station(self, identity: str) -> Any:
        return self

    async def offer(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Answer:
        self.calls.append((evse, current_a))
        if self.does is not None:
            await self.does()
        return Answer(outcome=Outcome.ACCEPTED)


def wanted(point: str, current_a: float, move: Move) -> PointDecision:
    why = Why(cause=Cause.WISHED, sentence="")
    return PointDecision(
        point=point, move=move, current_a=current_a, phases=3, goal_a=0, needed_a=0, wished_a=0, ceiling_a=0, valid_s=60, why=why
    )


@pytest.fixture
async def desk():
    """(live, dispatcher, adapter), with the dispatcher running."""
    live, adapter = Live(parse(CONFIG).topology()), Adapter()
    dispatcher = Dispatcher(live, adapter, WallClock(), wake=lambda: None, refused=lambda p, a: None)  # type: ignore[arg-type]
    running = asyncio.create_task(dispatcher.run())
    yield live, dispatcher, adapter
    assert not running.done(), "it goes on whatever happened"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_adapter_that_fails_costs_neither_the_site_nor_the_memory_of_the_offer(desk) -> None:
    live, dispatcher, adapter = desk

    async def fail() -> None:
        raise KeyError("a bug")

    adapter.does = fail
    dispatcher.give((wanted("a", 10, Move.INCREASE),))
    assert await until(lambda: live.points["a"].offers and live.points["a"].offers[-1].outcome is OfferOutcome.TIMED_OUT)
    adapter.does = None
    dispatcher.give((wanted("a", 0, Move.DECREASE),))
    assert await until(lambda: adapter.calls[-1] == (1, 0))
    assert [o.current_a for o in live.points["a"].offers] == [10, 0]


async def test_an_adapter_that_never_comes_back_does_not_keep_a_lower_offer_for_ever(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    live, dispatcher, adapter = desk
    monkeypatch.setattr(dispatch, "GIVE_UP_S", 0.2)
    adapter.does = asyncio.Event().wait
    dispatcher.give((wanted("a", 10, Move.INCREASE),))
    assert await until(lambda: adapter.calls)
    adapter.does = None
    dispatcher.give((wanted("a", 0, Move.DECREASE),))
    assert await until(lambda: adapter.calls[-1] == (1, 0), 2)
    assert live.points["a"].offers[0].outcome is OfferOutcome.TIMED_OUT


async def test_of_two_points_of_a_station_the_one_that_must_give_way_goes_first_and_nothing_stale_is_sent(desk) -> None:
    _, dispatcher, adapter = desk
    held = asyncio.Event()
    adapter.does = held.wait
    dispatcher.give((wanted("a", 16, Move.INCREASE),))
    assert await until(lambda: adapter.calls)
    dispatcher.give((wanted("a", 20, Move.INCREASE), wanted("b", 20, Move.INCREASE)))
    dispatcher.give((wanted("a", 18, Move.INCREASE), wanted("b", 0, Move.DECREASE)))
    held.set()
    assert await until(lambda: len(adapter.calls) == 3)
    assert adapter.calls == [(1, 16), (2, 0), (1, 18)]


async def test_a_cancelled_offer_stays_in_the_book() -> None:
    live, adapter = Live(parse(CONFIG).topology()), Adapter()
    dispatcher = Dispatcher(live, adapter, WallClock(), wake=lambda: None, refused=lambda p, a: None)  # type: ignore[arg-type]
    running = asyncio.create_task(dispatcher.run())
    adapter.does = asyncio.Event().wait
    dispatcher.give((wanted("a", 16, Move.INCREASE),))
    assert await until(lambda: adapter.calls)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [(o.current_a, o.outcome) for o in live.points["a"].offers] == [(16, OfferOutcome.SENT)]


async def test_a_session_of_another_versions_making_does_not_keep_limits_from_the_station(desk) -> None:
    """The station was changed from 2.0.1 to 1.6 while a session ran: 1.6 cannot name such a transaction."""
    from chargebridge.model.session import Session

    live, dispatcher, adapter = desk
    live.points["a"].session = Session(
        id="1", point="a", transaction="ab-12", token="", authorised=True, started_at=datetime.now(UTC), meter_start_wh=0
    )
    asked: list[str | None] = []

    async def offer(evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Answer:
        asked.append(transaction)
        return Answer(outcome=Outcome.ACCEPTED if transaction is None else Outcome.UNSUPPORTED)

    adapter.offer = offer
    dispatcher.give((wanted("a", 0, Move.DECREASE),))
    assert await until(lambda: live.points["a"].offers and live.points["a"].offers[-1].outcome is OfferOutcome.ACCEPTED)
    assert asked == ["ab-12", None]
