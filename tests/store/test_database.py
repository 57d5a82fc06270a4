"""The store: durable when it says so, one failure costs one write, killed at any moment it opens whole again."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, insert, select, text

from chargebridge.store import Database, StoreError
from chargebridge.store.database import MIGRATIONS, newest_revision
from chargebridge.store.tables import setting


@pytest.fixture
def database(tmp_path: Path):
    opened = Database.open(tmp_path / "site.db")
    yield opened
    opened.close()


def put(name: str, value: str):
    return lambda c: c.execute(insert(setting).values(name=name, value=value))


async def test_a_write_is_there_when_it_returns(database: Database) -> None:
    await database.write(put("a", "1"))
    assert await database.read(lambda c: c.execute(select(setting.c.value)).scalars().all()) == ["1"]


async def test_a_write_that_fails_costs_only_itself(database: Database) -> None:
    results = await asyncio.gather(
        *(database.write(put(str(i % 5), "x")) for i in range(8)),
        return_exceptions=True,
    )
    assert [isinstance(r, Exception) for r in results] == [False] * 5 + [True] * 3
    assert len(await database.read(lambda c: c.execute(select(setting)).all())) == 5


async def test_queued_writes_keep_their_order_and_show_their_failures(database: Database) -> None:
    database.write_soon(put("a", "1"))
    database.write_soon(put("a", "2"))
    await database.write(put("b", "3"))
    assert await database.read(lambda c: c.execute(select(setting.c.value).order_by(setting.c.name)).scalars().all()) == ["1", "3"]
    assert len(database.failures) == 1


def test_a_file_that_is_no_database_is_refused_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "site.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        Database.open(tmp_path / "site.db")


def test_times_must_be_aware(database: Database) -> None:
    from chargebridge.store.tables import Moment

    with pytest.raises(ValueError, match="naive"):
        Moment().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type] # noqa: DTZ001
    assert Moment().process_bind_param(datetime(2026, 1, 1, tzinfo=UTC), None) == "2026-01-01T00:00:00.000000Z"  # type: ignore[arg-type]


WRITER = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import insert
from chargebridge.store import Database
from chargebridge.store.tables import setting

async def main():
    database = Database.open(Path(sys.argv[1]))
    for i in range(100000):
        await database.write(lambda c, i=i: c.execute(insert(setting).values(name=f"{i:06}", value="x")))
        print(i, flush=True)

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    for _ in range(3):
        path.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(40)]
        os.kill(process.pid, signal.SIGKILL)
        told += [int(line) for line in process.stdout]
        process.wait()
        database = Database.open(path)
        names = asyncio.run(database.read(lambda c: c.execute(text("select name from setting order by name")).scalars().all()))
        database.close()
        assert [int(name) for name in names][: len(told)] == told


def test_opening_again_keeps_the_data(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "site.db"
    first = Database.open(path)
    asyncio.run(first.write(put("a", "1")))
    first.close()
    again = Database.open(path)
    assert asyncio.run(again.read(lambda c: c.execute(select(setting.c.value)).scalars().all())) == ["1"]
    again.close()


def test_an_older_file_and_a_new_one_come_to_the_newest_revision(tmp_path: Path) -> None:
    old, config = create_engine(f"sqlite:///{tmp_path / 'old.db'}"), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    old.dispose()
    for name in ("old.db", "new.db"):
        Database.open(tmp_path / name).close()
        with closing(sqlite3.connect(tmp_path / name)) as file:
            assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest_revision(),)]
            assert file.execute("SELECT count(*) FROM forward_outbox").fetchall() == [(0,)]
