"""Messages about transactions: kept in order, sent one after another, again until answered (1.6 4.1.4, 2.0.1 part 2 E04).

It stands for the station's flash memory: a lost line or a reboot loses nothing in it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from uuid import uuid4

from msgspec import Struct

from chargebridge.wire.ocpp.payload import Payload

ATTEMPTS = 3  # TransactionMessageAttempts: how often a message is sent that the Central System refuses


class Letter(Struct):
    """One message. build: makes it when it is first sent (a 1.6 transaction's id is not known before), None to leave it out.

    on_answer: told the answer. offline: it came about while there was no line.
    """

    build: Callable[[bool], Payload | None]
    on_answer: Callable[[Payload], None] | None = None
    offline: bool = False
    id: str = ""
    payload: Payload | None = None
    tries: int = 0


class Outbox:
    """A queue whose head stays until it is dealt with."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._letters)

    def post(self, letter: Letter) -> None:
        letter.id = str(uuid4())
        self._letters.append(letter)
        self._filled.set()

    async def head(self) -> Letter:
        """The oldest message, with its payload made; those that turn out to have nothing to say are dropped."""
        while True:
            while self._letters:
                letter = self._letters[0]
                letter.payload = letter.payload or letter.build(letter.offline)
                if letter.payload is not None:
                    return letter
                self._letters.popleft()
            self._filled.clear()
            await self._filled.wait()

    def answered(self, letter: Letter, response: Payload) -> None:
        self._letters.popleft()
        if letter.on_answer is not None:
            letter.on_answer(response)

    def refused(self, letter: Letter) -> bool:
        """The Central System could not take it. True: try again later; False: it was tried often enough, and is given up."""
        letter.tries += 1
        if letter.tries < ATTEMPTS:
            return True
        self._letters.popleft()
        return False
