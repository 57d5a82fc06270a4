"""What an interop program reports, and the small parts that ours share."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct

from chargebridge.model.session import PointStatus
from chargebridge.stations.events import StationEvent
from chargebridge.stations.port import Authorisation, EvseMeasurement, StartAnswer, StationInfo, Token, TransactionEvent, WithoutTerms


class Check(Struct, frozen=True):
    """One thing that was tried with a foreign peer. skipped: it was not, as the peer is not to be had here; detail says why."""

    name: str
    passed: bool
    detail: str = ""
    skipped: bool = False


class WallClock:
    """The live clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Notebook(WithoutTerms):
    """A `StationSink` that writes down what it is told, in memory."""

    def __init__(self) -> None:
        self.info: StationInfo | None = None
        self.statuses: list[tuple[int, PointStatus]] = []
        self.events: list[tuple[str, TransactionEvent]] = []
        self.measurements: list[EvseMeasurement] = []
        self.starts: dict[str, str] = {}
        self.tokens: list[str] = []
        self.boots = 0
        self.told_events: list[StationEvent] = []

    async def station_booted(self, info: StationInfo) -> bool:
        self.info = info
        self.boots += 1
        return True

    async def station_connected(self, station: str, protocol: str) -> None: ...

    async def station_lost(self, station: str) -> None: ...

    def heard_from(self, station: str) -> None: ...

    async def status_changed(self, station: str, evse: int, status: PointStatus, at: datetime, error: str | None) -> None:
        self.statuses.append((evse, status))

    async def measured(self, station: str, evse: int, measurements: tuple[EvseMeasurement, ...]) -> None:
        self.measurements += measurements

    async def authorise(self, station: str, token: str) -> Authorisation:
        self.tokens.append(token)
        return Authorisation.ACCEPTED

    def tokens(self, station: str) -> tuple[Token, ...]:
        return ()

    def about(self, station: str, token: str) -> Token | None:
        return None

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        transaction = event.transaction or self.starts.setdefault(event.replay_key, str(len(self.starts) + 1))
        self.events.append(("started", event))
        return StartAnswer(transaction=transaction, authorisation=Authorisation.ACCEPTED)

    async def transaction_updated(self, event: TransactionEvent) -> None:
        self.events.append(("updated", event))
        self.measurements += event.measurements

    async def transaction_ended(self, event: TransactionEvent) -> Authorisation | None:
        self.events.append(("ended", event))
        return Authorisation.ACCEPTED

    async def told(self, station: str, event: StationEvent) -> bool | None:
        self.told_events.append(event)
        return None

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    """Wait for something to become true; False when it does not in time."""
    end = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(0.01)
    return True
