"""A month of real charging sessions: our replay beside ACN-Sim, the same physics, at every capacity of the transformer.

954 sessions at Caltech in March 2019 at 54 stations behind a delta-wye transformer, 5-minute steps (ACN-Data; Lee, Li, Low: "ACN-Data: Analysis
and applications of an open EV charging dataset", 2019). They are read from the vectors, ACN-Sim runs in an environment of its own that `uv` makes.

1. The same algorithm on both: what each car got is compared before CPU time counts. Round robin, which takes ACN-Sim a quarter of an hour for a
   month, is compared over the first days only.
2. Energy delivered, % of what was wanted, at each capacity: the baselines (ours, shown to be ACN-Sim's in 1.) and `needed_first`.
3. The same for sessions on which nothing was tried out: 2,111 of 2021, from another garage, laid over these wires; with the departures that were, and
   with those that drivers had entered.
"""

import gzip
import json
import os
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks._acn_raw import laid_over
from chargebridge.planning.replay.acn_files import read_case
from chargebridge.planning.replay.run import Outcome, run
from chargebridge.planning.replay.stays import Case
from chargebridge.planning.replay.strategies import STRATEGIES

EVENTS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", "../shared/vectors")) / "planning/acn/caltech_201903_events.json.gz"
RAW = EVENTS.with_name("acndata_sessions_raw.json.gz")
PEER = [
    "uv",
    "run",
    "--quiet",
    "--isolated",
    "--no-project",
    "--python",
    "3.11",
    "--with",
    "acnportal==0.3.3",
    "--with",
    "setuptools<80",
    "python",
]
NOMINAL_KW = 150
SAME_KW = 40
CAPACITIES_KW = (10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 80, 150)
UNSEEN_KW = (5, 7.5, 10, 15, 20, 25, 30, 40, 60)
FIRST_DAYS = 3 * 288
BASELINES = ("first_come_first_served", "earliest_deadline_first", "least_laxity_first", "round_robin")
OURS = "needed_first"
APART_WH = 30.0
"""ACN-Sim searches a current to 0.01 A, which over a stay may become so much; cars of equal rank may then change places."""

EVEN = 0.001
"""%: each car counts as full when less than 1 Wh is missing, which of all 954 is a little more than this."""


def ask_peer(*words: str) -> str:
    return subprocess.run([*PEER, "benchmarks/_acn_peer.py", str(EVENTS), *words], check=True, capture_output=True, text=True).stdout


def with_capacity(case: Case, capacity_kw: float) -> Case:
    """The transformer's rows scale with it; the pods have breakers of their own."""
    rows = tuple(
        row if row.name.endswith("Pod") else msgspec.structs.replace(row, limit_a=_amps(row.limit_a) * capacity_kw / NOMINAL_KW)
        for row in case.network.rows
    )
    return msgspec.structs.replace(case, network=msgspec.structs.replace(case.network, rows=rows))


def _amps(limit: float | tuple[float, ...]) -> float:
    assert isinstance(limit, float)
    return limit


def timed(case: Case, strategy: str) -> tuple[Outcome, float]:
    before = time.process_time()
    outcome = run(case, STRATEGIES[strategy])
    return outcome, time.process_time() - before


def same_algorithms(case: Case) -> Table:
    table = Table("same algorithm, 40 kW", "steps", "ACN-Sim kWh", "ours kWh", "cars > 30 Wh apart", "ACN-Sim CPU s", "ours CPU s", "ratio")
    for name in track(BASELINES, "ACN-Sim runs"):
        last = FIRST_DAYS if name == "round_robin" else 0
        peer: dict[str, Any] = json.loads(ask_peer(str(SAME_KW), name, str(last)))
        stays = tuple(stay for stay in case.stays if not last or stay.arrives < last)
        part = msgspec.structs.replace(with_capacity(case, SAME_KW), stays=stays)
        outcome, took = min((timed(part, name) for _ in range(3)), key=lambda found: found[1])
        got = {stay.id: wh for stay, wh in zip(stays, outcome.delivered_wh, strict=True)}
        apart = sum(abs(got[name] - wh) > APART_WH for name, wh in peer["delivered_wh"].items())
        ours, theirs = sum(got.values()) / 1000, sum(peer["delivered_wh"].values()) / 1000
        assert abs(ours - theirs) < 0.002 * theirs, f"{name}: {ours} and {theirs} kWh: not the same physics"
        table.add_row(
            name,
            str(part.steps),
            f"{theirs:.2f}",
            f"{ours:.2f}",
            str(apart),
            f"{peer['cpu_s']:.1f}",
            f"{took:.3f}",
            f"{peer['cpu_s'] / took:.0f}",
        )
    return table


def at_every_capacity(case: Case, title: str, capacities: Sequence[float], baselines: Sequence[str]) -> Table:
    wanted = sum(stay.energy_wh for stay in case.stays)
    table = Table(title, *baselines, OURS, "above the best", f"{OURS} CPU s")
    for capacity in track(capacities, "capacities"):
        limited = with_capacity(case, capacity)
        found = {name: timed(limited, name) for name in (*baselines, OURS)}
        share = {name: 100 * sum(outcome.delivered_wh) / wanted for name, (outcome, _) in found.items()}
        assert not found[OURS][0].over, "a wire was overloaded"
        above = share[OURS] - max(share[name] for name in baselines)
        shown = f"{above:+.2f}" if abs(above) > EVEN else "even"
        table.add_row(f"{capacity} kW", *(f"{share[name]:.2f}" for name in (*baselines, OURS)), shown, f"{found[OURS][1]:.2f}")
    return table


def main() -> None:
    """Print both tables."""
    console = Console(width=150)
    if not EVENTS.exists():
        console.print(f"{EVENTS} is not there: point CHARGEBRIDGE_VECTORS at the vectors")
        return
    network = ask_peer(str(NOMINAL_KW), "network").encode()
    case = read_case("Caltech, March 2019", gzip.decompress(EVENTS.read_bytes()), network, datetime(2019, 3, 1, 8, tzinfo=UTC))
    console.print(same_algorithms(case))
    console.print(at_every_capacity(case, "delivered, %", CAPACITIES_KW, BASELINES))
    for as_told, title in ((False, "2021, true departures"), (True, "2021, departures as entered")):
        console.print(at_every_capacity(laid_over(case, RAW, as_told=as_told), title, UNSEEN_KW, BASELINES[:3]))


if __name__ == "__main__":
    main()
