"""Sessions: nothing lost, nothing counted twice, in whatever order the events come."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from chargebridge.model.errors import ModelError
from chargebridge.model.session import Preference
from chargebridge.site import ledger
from chargebridge.stations.port import Authorisation, EvseMeasurement, TransactionEvent
from chargebridge.store import Database

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
OK = Authorisation.ACCEPTED


@pytest.fixture
def database(tmp_path: Path):
    opened = Database.open(tmp_path / "site.db")
    yield opened
    opened.close()


def event(transaction: str, sequence: int, minutes: float, wh: int | None, **more: object) -> TransactionEvent:
    return TransactionEvent(
        station="CB-1",
        evse=1,
        transaction=transaction,
        occurred_at=NOON + timedelta(minutes=minutes),
        replay_key=f"{transaction}/{sequence}",
        sequence=sequence,
        meter_wh=wh,
        **more,  # type: ignore[arg-type]
    )


async def all_sessions(database: Database):
    return await database.read(lambda c: ledger.sessions(c, None, 10))


async def test_a_1_6_start_sent_twice_gets_the_same_number_and_one_session(database: Database) -> None:
    start = msgspec.structs.replace(event("", 0, 0, 1000, token="TAG"), sequence=None, replay_key="start 1")
    first = await database.write(lambda c: ledger.started(c, start, "g1", OK, NOON))
    again = await database.write(lambda c: ledger.started(c, start, "g1", Authorisation.INVALID, NOON))
    assert first == again
    assert first.transaction.isdigit()
    other = await database.write(lambda c: ledger.started(c, msgspec.structs.replace(start, replay_key="start 2"), "g1", OK, NOON))
    assert other.transaction != first.transaction
    assert len(await all_sessions(database)) == 2


async def test_every_order_of_arrival_gives_the_same_session(database: Database) -> None:
    """2.0.1 part 2 E04, E12: a station may deliver what it kept while offline in any order relative to new events, and repeat it."""
    for number, order in enumerate(itertools.permutations(range(4))):
        name = f"t{number}"
        begin = event(name, 0, 0, 5000, token="TAG")
        events = [begin, event(name, 1, 10, 6000), event(name, 2, 20, 7500), event(name, 3, 30, 8200, reason="EVDisconnected")]
        for i in (*order, *order):
            work = ledger.started if i == 0 else ledger.ended if i == 3 else ledger.updated
            await database.write(lambda c, work=work, i=i, events=events: work(c, events[i], "g1", OK, NOON))
        session = await database.read(lambda c, name=name: ledger.one(c, "CB-1", name))
        assert session is not None
        assert (session.meter_start_wh, session.energy_wh, session.token, session.started_at) == (5000, 3200, "TAG", NOON), order
        assert session.ended_at == NOON + timedelta(minutes=30), order


async def test_the_energy_never_runs_backwards(database: Database) -> None:
    for sequence, wh in enumerate((100, 900, 400, None, 700)):
        work = ledger.started if sequence == 0 else ledger.updated
        await database.write(lambda c, w=work, s=sequence, e=wh: w(c, event("t", s, s, e), "g1", OK, NOON))
    assert (await all_sessions(database))[0].energy_wh == 800


async def test_the_newest_sample_is_the_register_when_the_event_has_none(database: Database) -> None:
    samples = tuple(EvseMeasurement(measured_at=NOON + timedelta(minutes=m), energy_wh=wh) for m, wh in ((2, 300), (1, 200), (3, None)))
    assert ledger.register_wh(event("t", 0, 0, None, measurements=samples)) == 300


async def test_open_sessions_are_those_without_an_end(database: Database) -> None:
    await database.write(lambda c: ledger.started(c, event("a", 0, 0, 0), "g1", OK, NOON))
    await database.write(lambda c: ledger.started(c, event("b", 0, 0, 0), "g2", OK, NOON))
    await database.write(lambda c: ledger.ended(c, event("a", 1, 5, 50), "g1", OK, NOON))
    assert [s.transaction for s in await database.read(ledger.open_sessions)] == ["b"]


async def test_wishes_are_kept_with_the_session(database: Database) -> None:
    await database.write(lambda c: ledger.started(c, event("a", 0, 0, 0), "g1", OK, NOON))
    wish = Preference(energy_min_wh=5000, target_at=NOON, price_cap_max=0.3)
    number = (await all_sessions(database))[0].id
    await database.write(lambda c: ledger.prefer(c, number, wish))
    assert (await all_sessions(database))[0].preference == wish
    with pytest.raises(ModelError, match="not known"):
        await database.write(lambda c: ledger.prefer(c, "999", wish))


async def test_a_session_that_was_given_up_goes_on_when_the_station_resumes_it(database: Database) -> None:
    """After a power failure; the station's clock may go wrong as well."""
    await database.write(lambda c: ledger.started(c, event("tx", 0, 0, 1000, token="TAG"), "g1", OK, NOON))
    (before,) = await all_sessions(database)
    assert await database.write(lambda c: ledger.presume_ended(c, before.id, NOON + timedelta(hours=1)))
    await database.write(lambda c: ledger.updated(c, event("tx", 1, -30, 1500, trigger="TxResumed"), "g1", OK, NOON))
    (after,) = await all_sessions(database)
    assert (after.ended_at, after.energy_wh) == (None, 500)


async def test_a_clock_that_is_set_back_makes_no_session_of_negative_length(database: Database) -> None:
    await database.write(lambda c: ledger.started(c, event("tx", 0, 10, 1000, token="TAG"), "g1", OK, NOON))
    await database.write(lambda c: ledger.ended(c, event("tx", 1, 8, 1500, reason="Local"), "g1", OK, NOON))
    (session,) = await all_sessions(database)
    assert session.ended_at == session.started_at


async def test_a_station_that_does_not_know_the_time_is_not_believed(database: Database) -> None:
    for name, minutes in (("long ago", -60 * 24 * 365 * 30), ("far ahead", 60 * 24 * 400)):
        await database.write(lambda c, n=name, m=minutes: ledger.started(c, event(n, 0, m, 1000), "g1", OK, NOON))  # type: ignore[misc]
    assert [session.started_at for session in await all_sessions(database)] == [NOON, NOON]
