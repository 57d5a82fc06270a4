"""EEBUS: two nodes and a limit between them, then one Energy Guard for many houses; ours and eebus-go in turn, in every pairing.

"->": who dials, or limits, whom. Handshake: from dialling TCP until SHIP is ready for data, with new TLS keys each time. Limit: from the guard's
write until its answer is there; bytes are all that goes over TCP for one limit, the write, its answer, and the notify that tells of it, both ways.
Crowd: houses of ours in other processes, connected to one guard; memory is what the guard's process grows by, CPU is the guard's alone.
Each node is a process; time is taken inside of them.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from interop.eebus.build import built
from interop.eebus.go_peer import GoPeer, LinePeer
from interop.eebus.lab import Cable
from rich.console import Console
from rich.table import Table

SHAKES, LIMITS, COUNTED, TURNS, ROUNDS = 10, 600, 100, 3, 6
"""Turns: of all pairings one after the other; the best of each counts, for the machine may be busy with something else meanwhile."""
SITES = (100, 500)
CROWDS = 4
QUIET_S = 1.0


def node(program: Path, whose: str, role: str, folder: Path) -> LinePeer:
    if whose == "ours":
        return LinePeer([sys.executable, "-m", "benchmarks._eebus_node", role], 0)
    return GoPeer(program, "guard" if role == "guard" else "system", folder / f"{role}.pem", serial=role)


def spent(pid: int) -> tuple[float, float]:
    """CPU seconds and resident kB of a process until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1024


async def pair(program: Path, guard_of: str, system_of: str) -> dict[str, float]:
    """Handshakes and limits of one pairing; seconds and bytes."""
    shakes: list[float] = []
    while len(shakes) < SHAKES:
        with tempfile.TemporaryDirectory() as folder:
            async with node(program, guard_of, "guard", Path(folder)) as guard, node(program, system_of, "house", Path(folder)) as system:
                await system.do("trust", ski=guard.ski)
                if guard_of == "eebus-go":
                    await guard.do("dial", ski=system.ski, host="127.0.0.1", port=system.port)
                where = {"ski": system.ski, "host": "127.0.0.1", "port": system.port}
                shakes += (await guard.do("shake", count=SHAKES + 1, within_s=120.0, **where))["seconds"][1:]
    with tempfile.TemporaryDirectory() as folder:
        async with node(program, guard_of, "guard", Path(folder)) as guard, node(program, system_of, "house", Path(folder)) as system:
            cable = Cable(system.port)
            async with cable:
                await system.do("trust", ski=guard.ski)
                await guard.do("trust", ski=system.ski)
                await guard.do("dial", ski=system.ski, host="127.0.0.1", port=cable.port)
                await guard.read("lpc", system.ski, lambda said: "failsafe_s" in said)
                await asyncio.sleep(QUIET_S)
                before = cable.bytes_out, cable.bytes_back
                await guard.do("in turn", of="lpc", ski=system.ski, count=COUNTED, within_s=60.0)
                await asyncio.sleep(QUIET_S)
                out, back = cable.bytes_out - before[0], cable.bytes_back - before[1]
    with tempfile.TemporaryDirectory() as folder:
        async with node(program, guard_of, "guard", Path(folder)) as guard, node(program, system_of, "house", Path(folder)) as system:
            await system.do("trust", ski=guard.ski)
            await guard.do("trust", ski=system.ski)
            await guard.do("dial", ski=system.ski, host="127.0.0.1", port=system.port)
            await guard.read("lpc", system.ski, lambda said: "failsafe_s" in said)
            await guard.do("in turn", of="lpc", ski=system.ski, count=COUNTED, within_s=60.0)
            before = spent(guard.pid)[0], spent(system.pid)[0]
            seconds = (await guard.do("in turn", of="lpc", ski=system.ski, count=LIMITS, within_s=120.0))["seconds"]
            cpu_s = (spent(guard.pid)[0] - before[0]) / LIMITS, (spent(system.pid)[0] - before[1]) / LIMITS
    return {
        "shake": statistics.median(shakes), "median": statistics.median(seconds), "p99": statistics.quantiles(seconds, n=100)[98],
        "guard": cpu_s[0], "house": cpu_s[1], "cpu": sum(cpu_s), "out": out / COUNTED, "back": back / COUNTED,
    }  # fmt: skip


class Crowd:
    """Houses of ours in several processes."""

    def __init__(self, sites: int) -> None:
        share = sites // CROWDS
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks._eebus_sites", str(share), str(number)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for number in range(CROWDS)
        ]  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _lines(self) -> list[str]:
        lines = []
        for process in self._processes:
            assert process.stdout is not None
            lines.append(process.stdout.readline())
        return lines

    def skis(self) -> list[str]:
        return [ski for line in self._lines() for ski in json.loads(line)]

    def join(self, guard: LinePeer) -> None:
        """Returns when all are connected."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{guard.ski} {guard.port}\n")
            process.stdin.flush()
        self._lines()


async def crowd(program: Path, guard_of: str, sites: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, Crowd(sites) as houses:
        async with node(program, guard_of, "guard", Path(folder)) as guard:
            skis = await asyncio.to_thread(houses.skis)
            for ski in skis:
                await guard.do("trust", ski=ski)
            busy, small = spent(guard.pid)
            began = time.monotonic()
            await asyncio.to_thread(houses.join, guard)
            while (await guard.do("known", of="lpc"))["count"] < sites:
                await asyncio.sleep(0.1)
                if time.monotonic() - began > 300:
                    break
            joined_s = time.monotonic() - began
            await asyncio.sleep(QUIET_S)
            after, large = spent(guard.pid)
            joining = (after - busy) / sites
            best, cost, least = 0.0, 0.0, sites
            await guard.do("to all", of="lpc", value=4000.0, within_s=120.0)
            for number in range(ROUNDS):
                await asyncio.sleep(QUIET_S)
                before, _ = spent(guard.pid)
                answer = await guard.do("to all", of="lpc", value=5000.0 + number, within_s=120.0)
                after, _ = spent(guard.pid)
                least = min(least, answer["taken"])
                if answer["taken"] / answer["seconds"] > best:
                    best, cost = answer["taken"] / answer["seconds"], (after - before) / sites
    return {"taken": least, "joined": joined_s, "joining": joining, "memory": (large - small) / sites, "rate": best, "cost": cost}


async def measure(console: Console) -> None:
    program = await built()
    if isinstance(program, str):
        console.print(f"not measured: {program}")
        return
    both = [(one, other) for other in ("eebus-go", "ours") for one in ("eebus-go", "ours")]
    taken = [{names: await pair(program, *names) for names in both} for _ in range(TURNS)]
    figures = {names: {key: min(turn[names][key] for turn in taken) for key in taken[0][names]} for names in both}
    peer = figures["eebus-go", "eebus-go"]
    pairs = Table(
        "guard -> house",
        "handshake ms",
        "limit ms",
        "p99",
        "CPU ms, guard",
        "house",
        "bytes there",
        "back",
        "of eebus-go's: handshake, limit, CPU",
    )
    for names, got in figures.items():
        times = (f"{got[name] * 1e3:.2f}" for name in ("shake", "median", "p99", "guard", "house"))
        ratios = ", ".join(f"{got[name] / peer[name]:.1f}" for name in ("shake", "median", "cpu"))
        pairs.add_row(" -> ".join(names), *times, f"{got['out']:,.0f}", f"{got['back']:,.0f}", ratios)
    console.print(pairs)
    many = Table(
        "guard of", "houses", "took the limit", "all in after s", "CPU ms to join each", "kB each", "limits a second", "CPU ms a limit"
    )
    for sites in SITES:
        for one in ("eebus-go", "ours"):
            got = await crowd(program, one, sites)
            texts = (
                f"{got['joined']:.1f}",
                f"{got['joining'] * 1e3:.1f}",
                f"{got['memory']:.0f}",
                f"{got['rate']:.0f}",
                f"{got['cost'] * 1e3:.2f}",
            )
            many.add_row(one, str(sites), f"{got['taken']:.0f}", *texts)
    console.print(many)


def main() -> None:
    asyncio.run(measure(Console(width=150)))


if __name__ == "__main__":
    main()
