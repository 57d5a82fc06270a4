"""A disk that is full, held by another program, or gone: whoever waits is told, nothing hangs, and afterwards all goes on."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from chargebridge.store import Database, StoreError, database
from chargebridge.store.tables import setting


@pytest.fixture
def store(tmp_path: Path):
    opened = Database.open(tmp_path / "site.db")
    yield opened
    opened.close()


def put(name: str, value: str = "x"):
    return lambda c: c.execute(insert(setting).values(name=name, value=value))


async def names(store: Database) -> set[str]:
    return set(await store.read(lambda c: c.execute(select(setting.c.name)).scalars().all()))


def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite waits 5 s for a lock; 0.3 s is enough to see what happens then."""
    plain = database._pragmas

    def quick(connection, record) -> None:
        plain(connection, record)
        connection.execute("PRAGMA busy_timeout=300")

    monkeypatch.setattr(database, "_pragmas", quick)


async def test_a_file_that_another_program_holds_fails_a_whole_group_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one write after the other, each after its own wait: sixty of them would be told after a minute only."""
    short_patience(monkeypatch)
    store = Database.open(tmp_path / "site.db")
    other = sqlite3.connect(tmp_path / "site.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    results = await asyncio.gather(*(store.write(put(str(i))) for i in range(60)), return_exceptions=True)
    assert time.monotonic() - begun < 3
    assert all(isinstance(r, StoreError) and "locked" in r.reason and r.cure for r in results)
    other.execute("ROLLBACK")
    other.close()
    await store.write(put("after"))
    assert await names(store) == {"after"}
    store.close()


async def test_a_full_disk_tells_whoever_waits_and_recovers_when_there_is_room(store: Database) -> None:
    await store.write(put("before"))
    pages = await store.write(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())
    await store.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
    large = "x" * 20_000
    writes = [store.write(put("small")), *(store.write(put(f"large {i}", large)) for i in range(3))]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert any(isinstance(r, StoreError) and "full" in r.reason for r in results), results
    told = {name for name, r in zip(("small", "large 0", "large 1", "large 2"), results, strict=True) if not isinstance(r, Exception)}
    assert await names(store) - {"before"} == told, "there is exactly what was acknowledged"
    await store.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count=1000000"))
    await store.write(put("large again", large))
    assert "large again" in await names(store)


async def test_what_breaks_inside_the_writer_does_not_end_it(store: Database) -> None:
    """Work that closes its own connection is the worst that can be done to it."""
    with pytest.raises(StoreError):
        await asyncio.wait_for(store.write(lambda c: c.connection.dbapi_connection.close()), 5)
    await asyncio.wait_for(store.write(put("after")), 5)
    assert await names(store) == {"after"}


async def test_records_that_nobody_waits_for_do_not_pile_up_without_bound(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "SOON_MAX", 50)
    for i in range(500):
        store.write_soon(lambda c, i=i: (time.sleep(0.02), put(str(i))(c)) if i == 0 else put(str(i))(c))
    await store.write(put("awaited"))
    kept = await store.read(lambda c: c.execute(select(func.count()).select_from(setting)).scalar_one())
    assert kept < 200
    assert "awaited" in await names(store), "who waits is never left out"
    assert store.failed_times == 500 - (kept - 1)
    assert len(store.failures) <= 100
    assert "cannot keep up" in str(store.failures[-1])


async def test_reading_sees_the_last_commit_while_a_long_write_goes_on(store: Database) -> None:
    await store.write(put("first"))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(c) -> None:
        put("second")(c)
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.3)

    writing = asyncio.create_task(store.write(slow))
    await begun.wait()
    assert await asyncio.wait_for(names(store), 0.25) == {"first"}
    await writing
    assert await names(store) == {"first", "second"}


async def test_a_closed_store_refuses_and_does_not_hang(tmp_path: Path) -> None:
    store = Database.open(tmp_path / "site.db")
    store.write_soon(put("queued"))
    store.close()
    store.write_soon(put("late"))
    with pytest.raises(StoreError, match="closed"):
        await asyncio.wait_for(store.write(put("late")), 2)
    with pytest.raises(StoreError, match="closed"):
        await asyncio.wait_for(names(store), 2)
    again = Database.open(tmp_path / "site.db")
    assert await names(again) == {"queued"}, "what was queued before is kept"
    again.close()


async def test_a_caller_that_gave_up_does_not_disturb_the_others(store: Database) -> None:
    waiting = asyncio.create_task(store.write(lambda c: (time.sleep(0.1), put("a")(c))))
    await asyncio.sleep(0.02)
    waiting.cancel()
    await store.write(put("b"))
    assert await names(store) == {"a", "b"}
