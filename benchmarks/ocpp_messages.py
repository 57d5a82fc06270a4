"""CPU time of the back end for one OCPP message: ours in memory and stored, mobilityhouse/ocpp, a bare echo of the same
frames by `websockets`, by our transport, and by picows ("fast echo").

Each server runs in a process of its own, on one core where there are two; its CPU time is what counts, with all its threads, and not how long it
took. The load comes from this process over loopback websockets without compression: 64 stations, each with one CALL under way. Servers take
turns, the least of each counts.
"""

import asyncio
import math
import os
import subprocess
import sys
from typing import NamedTuple, Self

from rich.console import Console
from rich.table import Table

from benchmarks import _ocpp_load as load
from benchmarks._ocpp_load import Echoed, LoadStation, Say, connect
from benchmarks._ocpp_servers import names

STATIONS = 64
ROUNDS = 3
SLOW = {"peer": 16, "peer, validation off": 40, "ours, stored": 40}
MESSAGES = 300
"""Of each station in a round; of a slow server's fewer, as its figure needs no more."""
WARM = 5
ORDER = ("ours", "ours, stored", "peer", "peer, validation off", "echo", "our echo", "fast echo")


class Case(NamedTuple):
    title: str
    protocol: str
    boot: Say
    start: Say | None
    say: Say


CASES = (
    Case("Heartbeat, 1.6", "ocpp1.6", load.boot_16, None, load.heartbeat),
    Case("MeterValues, 1.6", "ocpp1.6", load.boot_16, load.start_16, load.meter_values_16),
    Case("TransactionEvent, 2.0.1", "ocpp2.0.1", load.boot_2, load.transaction_event, load.transaction_event),
    Case("TransactionEvent, 2.1", "ocpp2.1", load.boot_2, load.transaction_event, load.transaction_event),
)


class Server:
    """A server process of `_ocpp_servers`, pinned to the first core that we may use if there is another for us."""

    def __init__(self, role: str, stations: int) -> None:
        command = [sys.executable, "-m", "benchmarks._ocpp_servers", role, str(stations)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(self.process.pid, cores[:1])
        self.port = int(self._line()[0])

    def _line(self) -> list[str]:
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words, "the server died"
        return [word.decode() for word in words]

    def spent(self) -> tuple[float, int]:
        """CPU time so far in s, resident memory in kB."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"?\n")
        self.process.stdin.flush()
        cpu, memory = self._line()
        return float(cpu), int(memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


async def awake() -> None:
    """Keep this process from sleeping: to wake it would be counted as the server's work, the more so the slower the server is."""
    while True:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def measure(case: Case, role: str) -> tuple[float, int]:
    """CPU time for a message in us, and bytes of one message."""
    with Server(role, STATIONS) as server:
        kind = Echoed if "echo" in role else LoadStation
        stations = [await connect(kind, server.port, name, case.protocol) for name in names(STATIONS)]
        await asyncio.gather(*(s.run(case.boot, 1) for s in stations))
        if case.start is not None:
            await asyncio.gather(*(s.run(case.start, 1) for s in stations))
        for station in stations:
            station.kind = "Updated"
            if case.start is load.start_16 and kind is LoadStation:
                station.transaction = transaction_of(station.last)
        await asyncio.gather(*(s.run(case.say, WARM) for s in stations))
        messages = SLOW.get(role, MESSAGES)
        spinning = asyncio.create_task(awake())
        before, _ = server.spent()
        await asyncio.gather(*(s.run(case.say, messages) for s in stations))
        after, _ = server.spent()
        spinning.cancel()
        assert not any(s.refused for s in stations), next(s.last for s in stations if s.refused)
        size = len(case.say(stations[0])[1]) + 40
        for station in stations:
            station.transport.abort()
    return (after - before) / (messages * STATIONS) * 1e6, size


def transaction_of(answer: bytes) -> int:
    return int(answer.partition(b'"transactionId":')[2].lstrip().split(b",")[0].rstrip(b"}]"))


def main() -> None:
    """Print one row a message."""
    table = Table("CPU us for a message", "bytes", *ORDER, "peer / ours", "ours / fast echo", "stored / ours")
    for case in CASES:
        least = dict.fromkeys(ORDER, math.inf)
        size = 0
        for _ in range(ROUNDS):
            for role in ORDER:
                spent, size = asyncio.run(measure(case, role))
                least[role] = min(least[role], spent)
        mine = least["ours"]
        ratios = (f"{least['peer'] / mine:.0f}", f"{mine / least['fast echo']:.1f}", f"{least['ours, stored'] / mine:.1f}")
        table.add_row(case.title, str(size), *(f"{least[role]:.1f}" for role in ORDER), *ratios)
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
