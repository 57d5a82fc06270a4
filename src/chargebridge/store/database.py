"""One database, one writer thread, group commits.

Every write is a function of a connection. ``write`` returns only after the commit that holds it is on disk; writes that wait at the same
moment share one commit, each in its own savepoint, so that one that fails costs only itself. Reads run beside it (WAL).
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from chargebridge.model.errors import ChargebridgeError

T = TypeVar("T")
Work = Callable[[Connection], Any]
GROUP_MAX = 256
"""Writes that share one commit at most: bounds how long the first of them waits."""


class StoreError(ChargebridgeError):
    """The database cannot be opened or written."""


def _pragmas(connection: Any, _: ConnectionPoolEntry) -> None:
    """WAL lets reads go on beside the writer; FULL makes a commit mean that it is on disk (sqlite.org/pragma.html#pragma_synchronous)."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _no_implicit_begin(connection: Any, _: ConnectionPoolEntry) -> None:
    """The driver's own notion of when to begin would break savepoints; we begin ourselves."""
    connection.isolation_level = None


class Database:
    """Opened by ``Database.open``; ``close`` waits for what is queued."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[tuple[Work, asyncio.Future[Any] | None, asyncio.AbstractEventLoop | None] | None] = (
            queue.SimpleQueue()
        )
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="store-read")
        self._writer = threading.Thread(target=self._write_loop, name="store-write", daemon=True)
        self._failed: list[Exception] = []
        self._writer.start()

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open or create the SQLite file at ``path`` and bring its tables up to date. Raises StoreError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
            event.listen(engine, "connect", _no_implicit_begin)
            event.listen(engine, "connect", _pragmas)
            event.listen(engine, "begin", _begin)
            migrate(engine)
        except (OSError, DatabaseError) as error:
            cure = "check that the folder can be written and that the file is a database of ours"
            raise StoreError(str(path), f"cannot be opened ({error})", cure) from error
        return cls(engine)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in the writer; returns its result once it is durable, raises what it raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put((work, future, loop))
        return await future

    def write_soon(self, work: Work) -> None:
        """Queue ``work`` in order with the others without waiting; what it raises shows in ``failures``."""
        self._queue.put((work, None, None))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a query beside the writer."""

        def run() -> T:
            with self._engine.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    @property
    def failures(self) -> list[Exception]:
        """What queued writes have raised so far (for ``doctor`` and the alerts)."""
        return self._failed

    def close(self) -> None:
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._engine.dispose()

    def _write_loop(self) -> None:
        with self._engine.connect() as connection:
            while True:
                item = self._queue.get()
                group = []
                while item is not None:
                    group.append(item)
                    if len(group) == GROUP_MAX or self._queue.empty():
                        break
                    item = self._queue.get()
                if group:
                    self._commit(connection, group)
                if item is None:
                    return

    def _commit(
        self, connection: Connection, group: list[tuple[Work, asyncio.Future[Any] | None, asyncio.AbstractEventLoop | None]]
    ) -> None:
        done: list[tuple[asyncio.Future[Any] | None, asyncio.AbstractEventLoop | None, Any, Exception | None]] = []
        try:
            with connection.begin():
                for work, future, loop in group:
                    try:
                        with connection.begin_nested():
                            result = work(connection)
                        done.append((future, loop, result, None))
                    except Exception as error:  # it belongs to the caller of this one write
                        done.append((future, loop, None, error))
        except DatabaseError as error:
            done = [(future, loop, None, StoreError("store", f"commit failed ({error})", "check the disk")) for _, future, loop in group]
        for future, loop, result, failure in done:
            if future is not None and loop is not None:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_resolve, future, result, failure)
            elif failure is not None:
                self._failed = [*self._failed[-99:], failure]


def _resolve(future: asyncio.Future[Any], result: Any, failure: Exception | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
