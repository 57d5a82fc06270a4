"""A Central System that forwards, in a process of its own, for test_forward_kill: it kills itself once at each point.

    python forward_process.py FOLDER PORT BACKEND_PORT [ACTION:POINT ...]

queued:before dies when the sink has stored a message and the outbox has not; queued:after when both have and the station has no answer yet;
done:before when the back end has answered and nobody has written it down; done:after when it was written down.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from forward_place import Place, backend

from chargebridge.stations.ocpp.forward import outbox
from chargebridge.stations.ocpp.forward.link import Link
from chargebridge.stations.ocpp.forward.posting import Posting

DATED = {"StartTransaction", "MeterValues", "StopTransaction", "TransactionEvent"}


async def main(folder: str, port: str, backend_port: str, *points: str) -> None:
    def die_at(point: str) -> None:
        mark = Path(folder) / point.replace(":", "-")
        if point in points and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    put, wake, done = outbox.put, Posting._wake, Link._done

    def mortal_put(c: Any, messages: Any, now: Any) -> int:
        messages = list(messages)
        for message in messages:
            if message.action in DATED:
                die_at(f"{message.action}:queued:before")
        return put(c, messages, now)

    async def mortal_wake(self: Any, station: str, names: list[str]) -> None:
        request = self.handled
        if names:
            die_at(f"{request}:queued:after")
        await wake(self, station, names)

    async def mortal_done(self: Any, row: Any, outcome: str, response: Any = None) -> None:
        die_at(f"{row.action}:done:before")
        await done(self, row, outcome, response)
        die_at(f"{row.action}:done:after")

    relay = Posting.relay

    async def noted(self: Any, station: Any, request: Any, proceed: Any) -> Any:
        self.handled = station.language.dialect.action(request)
        return await relay(self, station, request, proceed)

    outbox.put, Posting._wake, Link._done, Posting.relay = mortal_put, mortal_wake, mortal_done, noted  # type: ignore[method-assign]
    tell = frozenset({"all_transactions"})
    async with Place(Path(folder), backend(int(backend_port), tell=tell), port=int(port)):
        await asyncio.Event().wait()


def keep_alive() -> None:
    """Serve in a child, and in another one whenever it was killed; a child of this process need not import everything anew."""
    while True:
        child = os.fork()
        if child == 0:
            asyncio.run(main(*sys.argv[1:]))
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"it ended by itself: {status}")


if __name__ == "__main__":
    keep_alive()
