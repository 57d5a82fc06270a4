"""Messages about transactions: kept in order, sent one after another, again until answered (1.6 4.1.4, 2.0.1 part 2 E04).

It stands for the station's flash memory: a lost line or a reboot loses nothing in it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from uuid import uuid4

from msgspec import Struct

from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.wire.ocpp.payload import Payload


class Letter(Struct):
    """One message. build: makes it when it is first sent (a 1.6 transaction's id is not known before), None to leave it out.

    on_answer: told the answer. offline: it came about while there was no line. transaction: our own id of what it is about.
    sample: a sample between start and end, the first to go when memory is full (E04.FR.07).
    """

    build: Callable[[bool], Payload | None]
    on_answer: Callable[[Payload], None] | None = None
    offline: bool = False
    transaction: str = ""
    sample: bool = False
    id: str = ""
    payload: Payload | None = None
    tries: int = 0
    swapped: bool = False
    sent: bool = False


class Outbox:
    """A queue whose head stays until it is dealt with."""

    def __init__(self, faults: Faults) -> None:
        self.dropped = 0
        self._faults = faults
        self._letters: deque[Letter] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._letters)

    def about(self, transaction: str | None) -> bool:
        """Whether messages wait: of one transaction, or (None) of any."""
        return any(transaction is None or letter.transaction == transaction for letter in self._letters)

    def post(self, letter: Letter) -> None:
        letter.id = str(uuid4())
        self._letters.append(letter)
        room = self._faults.queue_holds
        while room and letter.offline and len(self._letters) > room and self._forget_one():
            self.dropped += 1
        self._filled.set()

    def _forget_one(self) -> bool:
        """The oldest sample that was never sent."""
        sample = next((letter for letter in self._letters if letter.sample and not letter.sent), None)
        if sample is None:
            return False
        self._letters.remove(sample)
        return True

    async def head(self) -> Letter:
        """The oldest message, with its payload made; those that turn out to have nothing to say are dropped."""
        while True:
            while self._letters:
                if self._faults.disordered:
                    self._swap()
                letter = self._letters[0]
                letter.payload = letter.payload or letter.build(letter.offline)
                if letter.payload is not None:
                    return letter
                self._letters.popleft()
            self._filled.clear()
            await self._filled.wait()

    def _swap(self) -> None:
        """Put the second before the first, each pair once."""
        if len(self._letters) < 2 or any(letter.swapped for letter in (self._letters[0], self._letters[1])):
            return
        first, second = self._letters.popleft(), self._letters.popleft()
        second.payload = second.payload or second.build(second.offline)
        first.swapped = second.swapped = not first.sent and second.payload is not None
        self._letters.extendleft([first, second] if first.swapped else [second, first])

    def answered(self, letter: Letter, response: Payload) -> None:
        self._letters.remove(letter)
        if letter.on_answer is not None:
            letter.on_answer(response)

    def refused(self, letter: Letter, attempts: int) -> bool:
        """The Central System could not take it. True: try again later; False: it was tried often enough, and is given up."""
        letter.tries += 1
        if letter.tries < attempts:
            return True
        self._letters.remove(letter)
        return False
