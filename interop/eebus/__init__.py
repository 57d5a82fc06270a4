"""enbility eebus-go, the library of most EEBUS products, in the roles that it has and in those built here on its SPINE part, against ours.

Needs: Go and the Go module proxy, the first time; the program in `peer/` is built in a cache outside the tree. For mDNS: root and `ip`, since their
library refuses the loopback interface. What is not here is not tried, and says so.
Starts: that program as processes of its own, and ends them; a process of ours in a network namespace. Sockets are on loopback, or in the namespaces.
Proves, with the TLS connection dialled by us and by them: their Energy Guard limits our house and our site, ours their heat pump and inverter; each
reads what the other measures (MPC, MGCP); their energy manager our wallbox and car, ours theirs (EVSECC, EVCC, EVCEM, OPEV, OSCEV, EVSOC; of CEVC
only the first, for the library has no car), and theirs is a station of our site, with its sessions; their heat pump a load of it; pairing in each
order; silence of the guard, restarts, another certificate, double connections, processes that die in the handshake, cables that are pulled; being
found by mDNS in two network namespaces. It takes two and a half minutes: a guard's silence counts after 120 s.
"""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from interop.eebus import car, finding, guard, measuring, plant, site, station, systems, trouble
from interop.eebus.build import MODULE, BuildError, built
from interop.eebus.lab import Dialled, Report
from interop.ocpp.check import Check

__all__ = ["run"]

Case = Callable[[Report, Path, Path, Dialled], Awaitable[None]]
AT_ONCE = 3
LONG: dict[str, Case] = {"a guard that is killed": trouble.silence_killed, "a guard that is silent": trouble.silence_connected}
"""These wait for two minutes, beside all others."""
BOTH_WAYS: dict[str, Case] = {
    "their guard": guard.limits,
    "their guard, our site": site.limits,
    "our guard": systems.limits,
    "they measure": measuring.theirs_reads,
    "we measure": measuring.ours_reads,
    "their manager": car.theirs_manages,
    "their coordinator": car.theirs_coordinates,
    "our manager": car.ours_manages,
    "our station": station.serves,
    "our load": plant.limits,
    "restarts": trouble.restarts,
    "a new certificate": trouble.new_certificate,
    "cable pulled": trouble.reconnects,
}
ONCE: dict[str, Case] = {
    "pairing": trouble.strangers,
    "both dial": trouble.doubles,
    "killed in the handshake": trouble.killed_in_handshake,
}


async def run() -> list[Check]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        program = await built()
    except BuildError as error:
        return [Check(f"{MODULE} is built", False, str(error))]
    if isinstance(program, str):
        return [Check(f"{MODULE} is built", False, program, skipped=True)]
    some = asyncio.Semaphore(AT_ONCE)
    cases = [(name, case, dialled, None) for name, case in LONG.items() for dialled in Dialled]
    shorter = [(name, case, dialled) for name, case in BOTH_WAYS.items() for dialled in Dialled]
    shorter += [(name, case, Dialled.BY_US) for name, case in ONCE.items()]
    running = [_one(name, case, program, dialled, turn) for name, case, dialled, turn in cases]
    running += [_one(name, case, program, dialled, some) for name, case, dialled in shorter]
    *checks, found = await asyncio.gather(*running, finding.found(program))
    return [Check(f"{MODULE} is built", True), *(check for some_checks in checks for check in some_checks), *found]


async def _one(name: str, case: Case, program: Path, dialled: Dialled, turn: asyncio.Semaphore | None) -> list[Check]:
    report = Report(f"{name}, {dialled}" if name not in ONCE else name)
    async with turn or asyncio.Semaphore():
        with tempfile.TemporaryDirectory() as folder:
            return await report.case(case(report, program, Path(folder), dialled))
