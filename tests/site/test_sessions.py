"""Sessions over real sockets: replays, wrong order, restarts, cars that left unseen, stations that say strange things."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargebridge.model.session import PointStatus
from chargebridge.site import ledger
from tests.site.kit import CONFIG, Bench, bench, until
from tests.stations.ocpp_kit import RawStation
from tests.store.test_failing_disk import short_patience

SESSIONS = 'select "transaction", point, token, authorised, energy_wh, ended_at is null, end_reason from session order by number'


def now(minutes: float = 0.0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


async def event(client: RawStation, kind: str, transaction: str, number: int, **more: Any) -> list[Any]:
    """A 2.0.1 TransactionEvent at EVSE 1 of now, unless told otherwise."""
    payload = {
        "eventType": kind,
        "timestamp": now(),
        "triggerReason": "Trigger",
        "seqNo": number,
        "transactionInfo": {"transactionId": transaction, **more.pop("info", {})},
        "evse": {"id": 1, "connectorId": 1},
    }
    return await client.call("TransactionEvent", payload | more)


def card(token: str = "TAG") -> dict[str, Any]:
    return {"idToken": {"idToken": token, "type": "ISO14443"}}


def register(wh: int, at: str | None = None, amps: float | None = None) -> dict[str, Any]:
    sampled: list[dict[str, Any]] = [{"value": wh, "measurand": "Energy.Active.Import.Register"}]
    if amps is not None:
        sampled += [{"value": amps, "measurand": "Current.Import", "phase": phase} for phase in ("L1", "L2", "L3")]
    return {"meterValue": [{"timestamp": at or now(), "sampledValue": sampled}]}


async def status(client: RawStation, connector: int, word: str, error: str = "NoError") -> None:
    """1.6."""
    answer = await client.call("StatusNotification", {"connectorId": connector, "errorCode": error, "status": word})
    assert answer[0] == 3


async def stop(client: RawStation, transaction: int, wh: int, at: str | None = None) -> list[Any]:
    return await client.call("StopTransaction", {"transactionId": transaction, "meterStop": wh, "timestamp": at or now()})


async def test_a_card_that_comes_after_the_plug_opens_the_session(tmp_path: Path) -> None:
    """2.0.1 with TxStartPoint EVConnected: Started without a card, then Updated with it. A foreign card does not close it again."""
    async with bench(tmp_path) as site:
        client = await site.station("ocpp2.0.1")
        await event(client, "Started", "t1", 0, info={"chargingState": "EVConnected"})
        session = site.point("a").session
        assert session is not None
        assert not session.authorised
        answer = await event(client, "Updated", "t1", 1, **card("STOLEN"))
        assert answer[2]["idTokenInfo"]["status"] == "Blocked"
        assert not site.point("a").session.authorised  # type: ignore[union-attr]
        await event(client, "Updated", "t1", 2, **card())
        assert site.point("a").session.authorised  # type: ignore[union-attr]
        await event(client, "Updated", "t1", 3, **register(100))
        await event(client, "Updated", "t1", 4, **card("UNKNOWN"))
        assert site.point("a").session.authorised, "nor does one without a card"  # type: ignore[union-attr]
        first = ("Started", "t1", 0)
        await event(client, *first, info={"chargingState": "EVConnected"}, timestamp=now(-1), offline=True)
        assert site.point("a").session.authorised, "nor a start that comes late"  # type: ignore[union-attr]


async def test_where_all_may_charge_a_session_without_a_card_may_too(tmp_path: Path) -> None:
    async with bench(tmp_path, text=CONFIG.replace('name = "Test"', 'name = "Test"\nopen_to_all = true')) as site:
        client = await site.station("ocpp2.0.1")
        await event(client, "Started", "t1", 0, info={"chargingState": "Charging"})
        assert site.point("a").session.authorised  # type: ignore[union-attr]
        await event(client, "Started", "t2", 0, **card("STOLEN"))
        await event(client, "Updated", "t2", 1, **register(5))
        assert not site.point("a").session.authorised, "a blocked card stays blocked"  # type: ignore[union-attr]


async def test_a_point_that_is_free_again_leaves_no_session_open_and_the_real_end_still_counts(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station()
        await status(client, 1, "Preparing")
        number = await site.start(client, at=now(-30), wh=1000)
        assert site.point("a").session is not None
        await status(client, 1, "Available")
        assert site.point("a").session is None
        assert (await site.rows(SESSIONS))[0][5:] == (0, ledger.PRESUMED)
        await stop(client, number, 5000, now(-10))
        assert (await site.rows(SESSIONS))[0][4:] == (4000, 0, "Local")


async def test_after_a_restart_only_the_newest_open_session_of_a_point_is_taken_up(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station()
        await status(client, 1, "Charging")
        await site.start(client, at=now(-60))
        await site.start(client, at=now(-30))
        newest = site.point("a").session.id  # type: ignore[union-attr]
        await site.start(client, connector=2, at=now(-20))
    async with bench(tmp_path) as site:
        assert site.point("a").session is not None
        assert site.point("a").session.id == newest
        assert [row[5] for row in await site.rows(SESSIONS)] == [0, 1, 1]
        client = await site.station()
        await status(client, 2, "Available")
        assert site.point("b").session is None, "its car left while we were away"
        assert [row[5] for row in await site.rows(SESSIONS)] == [0, 1, 0]


async def test_what_comes_late_of_an_earlier_session_does_not_displace_the_running_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station("ocpp2.0.1")
        await event(client, "Started", "new", 0, info={"chargingState": "Charging"}, **card(), **register(9000, amps=16))
        late = {"offline": True, "timestamp": now(-90)}
        await event(client, "Started", "old", 0, **late, info={"chargingState": "SuspendedEV"}, **card(), **register(100, now(-90), 0))
        assert site.point("a").session.transaction == "new"  # type: ignore[union-attr]
        assert site.point("a").status is PointStatus.CHARGING
        assert site.point("a").terminal_a == (16, 16, 16), "old samples are history"
        await event(client, "Ended", "old", 1, offline=True, timestamp=now(-60), **register(700, now(-60)))
        assert site.point("a").session.transaction == "new"  # type: ignore[union-attr]
        assert [(row[0], row[4], row[5]) for row in await site.rows(SESSIONS)] == [("new", 0, 1), ("old", 600, 0)]
        await event(client, "Started", "old", 0, **late, info={"chargingState": "Charging"}, **card(), **register(100, now(-90), 0))
        assert site.point("a").session.transaction == "new"  # type: ignore[union-attr]


async def test_a_presumed_end_is_taken_back_when_the_session_goes_on(tmp_path: Path) -> None:
    """2.0.1: a transaction may begin with the card, before the plug; its connector says Available until then."""
    async with bench(tmp_path) as site:
        client = await site.station("ocpp2.0.1")
        await event(client, "Started", "t1", 0, **card())
        word = {"timestamp": now(), "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        await client.call("StatusNotification", word)
        assert (await site.rows(SESSIONS))[0][6] == ledger.PRESUMED
        await event(client, "Updated", "t1", 1, info={"chargingState": "Charging"})
        assert site.point("a").session is not None
        assert (await site.rows(SESSIONS))[0][5:] == (1, None)


async def test_events_that_fit_nowhere_are_kept_and_answered(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station()
        assert (await stop(client, 4711, 100))[0] == 3, "a stop of a transaction that nobody knows"
        number = await site.start(client, connector=9, wh=50)
        assert (await stop(client, number, 150))[0] == 3, "an EVSE that is not configured"
        await status(client, 9, "Charging")
        assert [(row[0], row[1], row[4]) for row in await site.rows(SESSIONS)] == [("4711", "CP-1/0", 0), (str(number), "CP-1/9", 100)]
        assert all(site.point(name).session is None for name in "abc")


async def test_our_numbers_avoid_those_that_a_station_still_knows_from_a_lost_store(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station()
        await stop(client, 3, 100)
        first, second = await site.start(client, at=now(-9)), await site.start(client, at=now(-8))
        assert len({3, first, second}) == 3
        await stop(client, second, 70)
        assert [row[5] for row in await site.rows(SESSIONS)] == [0, 0, 0]


async def test_connector_0_speaks_for_the_whole_station(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station()
        await status(client, 1, "Charging")
        await status(client, 2, "Available")
        await status(client, 0, "Faulted", "GroundFailure")
        assert site.point("b").status is PointStatus.FAULTED
        assert site.point("a").status is PointStatus.CHARGING, "whose car may still draw is reckoned with"
        assert "CP-1 reports GroundFailure" in site.happenings
        await status(client, 0, "Available")
        assert [site.point(name).status for name in "ab"] == [PointStatus.CHARGING, PointStatus.AVAILABLE]


async def test_cards_compare_without_case_also_the_sites_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station()
        own = (await site.rows("select value from setting where name = 'remote_token'"))[0][0]
        for token, word in (("tag", "Accepted"), (own.lower(), "Accepted"), ("stolen", "Blocked"), ("", "Invalid"), ("TAGG", "Invalid")):
            answer = await client.call("Authorize", {"idTag": token})
            assert answer[2]["idTagInfo"]["status"] == word, token


async def test_what_running_sessions_told_is_dropped_long_after_their_end_but_a_start_sent_again_is_known(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station()
        at = now(-30)
        number = await site.start(client, at=at)
        await status(client, 1, "Charging")
        value = {"timestamp": now(), "sampledValue": [{"value": "500"}]}
        await client.call("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]})
        later = datetime.now(UTC) + timedelta(days=30)
        await site.database.write(lambda c: ledger.forget(c, later, 86_400))
        assert len(await site.rows("select * from transaction_event")) == 2, "it still runs"
        await stop(client, number, 900)
        await site.database.write(lambda c: ledger.forget(c, later, 86_400))
        kinds = [row[0].split("/")[0] for row in await site.rows("select replay_key from transaction_event order by received_at")]
        assert kinds == ["start", "stop"]
        assert await site.start(client, at=at) == number
        assert len(await site.rows(SESSIONS)) == 1


async def test_a_store_that_fails_leaves_the_message_with_the_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short_patience(monkeypatch)
    async with bench(tmp_path) as site:
        client = await site.station()
        other = sqlite3.connect(tmp_path / "site.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": now()}
        assert (await client.call("StartTransaction", start))[0] == 4, "not acknowledged"
        assert site.point("a").session is None
        other.execute("ROLLBACK")
        other.close()
        assert (await client.call("StartTransaction", start))[0] == 3
        assert await until(lambda: site.point("a").session is not None)


async def test_the_bench_is_one_site(tmp_path: Path) -> None:
    """The kit itself: two stations, three points."""
    async with bench(tmp_path) as site:
        assert isinstance(site, Bench)
        await site.station(identity="CP-2")
        assert site.point("c").online
        assert not site.point("a").online
