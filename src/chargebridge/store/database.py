"""One database, one writer thread, group commits.

Every write is a function of a connection. ``write`` returns only after the commit that holds it is on disk; writes that wait at the same
moment share one commit, each in its own savepoint, so that one that fails costs only itself. Reads run beside it (WAL).

Whatever the disk does, the writer lives on: a write that is not durable raises ``StoreError``, and the next one is tried afresh.
"""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from chargebridge.model.errors import ChargebridgeError

T = TypeVar("T")
Work = Callable[[Connection], Any]
Item = tuple[Work, asyncio.Future[Any] | None, asyncio.AbstractEventLoop | None]
Outcome = tuple[asyncio.Future[Any] | None, asyncio.AbstractEventLoop | None, Any, Exception | None]
GROUP_MAX = 256
"""Writes that share one commit at most: bounds how long the first of them waits."""
SOON_MAX = 5000
"""Records queued without anybody waiting for them, at most: a disk that stands still must not fill the memory."""
DISK_CURE = "look at the disk: is there room, may the file be written, does another program hold it?"


class StoreError(ChargebridgeError):
    """The database cannot be opened or written."""


def _pragmas(connection: Any, _: ConnectionPoolEntry) -> None:
    """WAL lets reads go on beside the writer; FULL makes a commit mean that it is on disk (sqlite.org/pragma.html#pragma_synchronous)."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """The writer takes the file's one write lock at once: if it cannot have it, the whole group fails together and soon."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")


WRITES = "chargebridge_writes"


def _no_implicit_begin(connection: Any, _: ConnectionPoolEntry) -> None:
    """The driver's own notion of when to begin would break savepoints; we begin ourselves."""
    connection.isolation_level = None


class Database:
    """Opened by ``Database.open``; ``close`` waits for what is queued."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="store-read")
        self._writer = threading.Thread(target=self._write_loop, name="store-write", daemon=True)
        self._failed: deque[Exception] = deque(maxlen=100)
        self._failed_times = 0
        self._closed = False
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
        """Run ``work`` in the writer; returns its result once it is durable, raises what it raised. Raises StoreError when the disk fails."""
        self._still_open()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put((work, future, loop))
        return await future

    def write_soon(self, work: Work) -> None:
        """Queue ``work`` in order with the others without waiting; what it raises shows in ``failures``."""
        if self._closed or self._queue.qsize() >= SOON_MAX:
            self._note(StoreError("store", "a record was left out, as the writer cannot keep up", DISK_CURE))
            return
        self._queue.put((work, None, None))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a query beside the writer. Raises StoreError when the disk fails."""
        self._still_open()

        def run() -> T:
            try:
                with self._engine.connect() as connection:
                    return work(connection)
            except (OperationalError, self._engine.dialect.loaded_dbapi.OperationalError) as error:
                raise StoreError("store", f"cannot be read ({_root(error)})", DISK_CURE) from error

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    @property
    def failures(self) -> list[Exception]:
        """What queued writes have raised of late (for the alerts)."""
        return list(self._failed)

    @property
    def failed_times(self) -> int:
        """How many queued writes have failed so far."""
        return self._failed_times

    def close(self) -> None:
        self._closed = True
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._engine.dispose()

    def _still_open(self) -> None:
        if self._closed:
            raise StoreError("store", "is closed already", "the site is shutting down; try again when it runs")

    def _note(self, failure: Exception) -> None:
        self._failed_times += 1
        self._failed.append(failure)

    def _write_loop(self) -> None:
        while True:
            item = self._queue.get()
            group: list[Item] = []
            while item is not None:
                group.append(item)
                if len(group) == GROUP_MAX or self._queue.empty():
                    break
                item = self._queue.get()
            if group:
                self._commit(group)
            if item is None:
                self._refuse_rest()
                return

    def _refuse_rest(self) -> None:
        """Whoever came in the moment in which the door was closed."""
        while not self._queue.empty():
            item = self._queue.get()
            if item is not None:
                self._tell([(item[1], item[2], None, StoreError("store", "is closed already", "try again when the site runs"))])

    def _commit(self, group: list[Item]) -> None:
        done: list[Outcome] = []
        try:
            with self._engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
                run = connection.connection.cursor().execute  # savepoints by the driver: SQLAlchemy's cost more than a write
                for work, future, loop in group:
                    run("SAVEPOINT one_write")
                    try:
                        result = work(connection)
                        run("RELEASE one_write")
                        done.append((future, loop, result, None))
                    except Exception as error:
                        if not _in_transaction(connection):  # SQLite gave all of it up, as it does on a full disk
                            raise
                        run("ROLLBACK TO one_write")
                        run("RELEASE one_write")
                        done.append((future, loop, None, error))  # it belongs to the caller of this one write
        except Exception as error:
            failure = StoreError("store", f"could not be written ({_root(error)})", DISK_CURE)
            done = [(future, loop, None, failure) for _, future, loop in group]
        self._tell(done)

    def _tell(self, done: list[Outcome]) -> None:
        """Each caller its result, all callers of one loop in one go."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
        for outcome in done:
            _, loop, _, failed = outcome
            if loop is not None:
                by_loop.setdefault(loop, []).append(outcome)
            elif failed is not None:
                self._note(failed)
        for loop, outcomes in by_loop.items():
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(_resolve, outcomes)


def _in_transaction(connection: Connection) -> bool:
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))


def _root(error: BaseException) -> BaseException:
    """What came first: an error while giving up hides the one that was the reason for it."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _resolve(outcomes: list[Outcome]) -> None:
    for future, _, result, failure in outcomes:
        if future is None or future.done():
            continue
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)


MIGRATIONS = Path(__file__).parent / "migrations"
"""Each file of its folder `versions` begins with the number of its revision."""


def newest_revision() -> str:
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("0*_*.py"))


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision. What does that is loaded only when they are not there yet: it takes long on a small box."""
    with engine.connect() as connection:
        there = inspect(connection).has_table("alembic_version")
        if there and connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [newest_revision()]:
            return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
