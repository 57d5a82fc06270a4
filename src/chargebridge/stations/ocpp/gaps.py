"""Events of a transaction that are missing: found by their seqNo, asked for, waited for (2.x part 2, E14 and E04).

A gap alone says little: events may overtake each other, and a station that was offline sends its queue late. So a moment is waited, then the
station is asked whether it still has messages of the transaction; as long as it says so it is asked again. What comes of it is told to the sink.
"""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import structlog

from chargebridge.model.clock import Clock
from chargebridge.stations.commands import GetTransactionStatus, Reply
from chargebridge.stations.events import TransactionGap
from chargebridge.stations.port import Outcome

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

log = structlog.get_logger()

WAIT_S = 5.0  # before the first question: what has only been overtaken is there by then
AGAIN_S = 60.0  # between two questions
QUESTIONS = 60  # then the gap stays
MAX_TRANSACTIONS = 256
MAX_MISSING = 10_000  # a seqNo that jumps further is a slip, no gap


class Sequence:
    """The numbers of one transaction's events. A transaction of which we only hear now is complete from there on."""

    def __init__(self, first: int) -> None:
        self._highest = first
        self.missing: set[int] = set()

    def heard(self, number: int) -> None:
        self.missing.discard(number)
        if self._highest + 1 < number <= self._highest + MAX_MISSING:
            self.missing |= set(range(self._highest + 1, number))
        self._highest = max(self._highest, number)

    @property
    def ranges(self) -> tuple[str, ...]:
        """What is missing: "3", "5-8"."""
        found: list[list[int]] = []
        for number in sorted(self.missing):
            if found and found[-1][1] == number - 1:
                found[-1][1] = number
            else:
                found.append([number, number])
        return tuple(str(low) if low == high else f"{low}-{high}" for low, high in found)


class GapWatch:
    """One station's transactions. spawn: starts a task that ends with the station."""

    def __init__(self, station: "OcppStation", spawn: Callable[[Coroutine[Any, Any, None]], object], clock: Clock) -> None:
        self._station = station
        self._spawn = spawn
        self._clock = clock
        self._sequences: dict[str, Sequence] = {}
        self._chased: set[str] = set()

    def heard(self, transaction: str, number: int, *, ended: bool) -> None:
        """An event has been stored."""
        sequence = self._sequences.get(transaction)
        if sequence is None:
            if not ended:
                self._sequences[transaction] = Sequence(number)
            while len(self._sequences) > MAX_TRANSACTIONS:
                del self._sequences[next(iter(self._sequences))]
            return
        sequence.heard(number)
        if sequence.missing and transaction not in self._chased:
            self._chased.add(transaction)
            self._spawn(self._chase(transaction, sequence))
        elif ended and not sequence.missing:
            self._sequences.pop(transaction, None)

    async def _chase(self, transaction: str, sequence: Sequence) -> None:
        told = False
        try:
            await self._clock.sleep(WAIT_S)
            for _ in range(QUESTIONS):
                if not sequence.missing:
                    break
                reply = await self._station.command(GetTransactionStatus(transaction=transaction))
                queued, ongoing = _says(reply)
                if sequence.missing and (not told or queued is False):
                    await self._tell(TransactionGap(transaction=transaction, missing=sequence.ranges, queued=queued, ongoing=ongoing))
                    told = True
                if queued is False or reply.outcome is Outcome.UNSUPPORTED:
                    return
                await self._clock.sleep(AGAIN_S)
            if told and not sequence.missing:
                await self._tell(TransactionGap(transaction=transaction, missing=(), filled=True))
        finally:
            self._chased.discard(transaction)

    async def _tell(self, gap: TransactionGap) -> None:
        log.warning("events of a transaction missing", station=self._station.identity, transaction=gap.transaction, missing=gap.missing)
        try:
            await self._station.sink.told(self._station.identity, gap)
        except Exception:
            log.exception("gap not kept", station=self._station.identity)


def _says(reply: Reply) -> tuple[bool | None, bool | None]:
    """messagesInQueue and ongoingIndicator; None where the station has not said."""
    response = reply.response or {}
    return response.get("messagesInQueue"), response.get("ongoingIndicator")
