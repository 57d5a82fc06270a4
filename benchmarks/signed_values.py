"""Signed values a second: OCMF beside PyPI `pyocmf`, and whole OCPI CDRs beside what OpenSSL verifies, on one core and on several.

OCMF: parse, verify, all rules of a session; the peer's way, `OCMF.from_string(...).verify(...)`, checks its own rules with them. It runs in an
environment of its own, with our package beside it, so that both sides take turns in one process. CDRs: ours does all that a CDR needs, from JSON to a
verdict; the raw side calls OpenSSL with keys, signatures and signed bytes at hand. Every verdict is looked at. CPU time, the best round of each side
and the median of the ratios of single rounds; several cores: time on the clock, of a pool that is already running.
"""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from rich.console import Console
from rich.table import Table

from benchmarks import _signed_cases as cases
from benchmarks._signed_cases import Signed
from chargebridge.calibration.batch import judge_many
from chargebridge.calibration.parallel import judge_parallel
from chargebridge.calibration.session import judge
from chargebridge.calibration.verdict import Outcome
from chargebridge.wire.signed.ocmf import read_ocmf

COUNT = 2048
ROUNDS = 11
PARALLEL = 24_576
PARALLEL_ROUNDS = 3
PYOCMF = "pyocmf[crypto]==0.6.0"
Side = Callable[[], None]


def ours(some: list[Signed]) -> Side:
    keys = [cases.public(meter) for meter in range(cases.METERS)]

    def run() -> None:
        for one in some:
            verdict = judge((read_ocmf(one.record),), keys[one.meter])
            assert verdict.time_billable, verdict

    return run


def theirs(some: list[Signed]) -> Side:
    from pyocmf import OCMF

    keys = [cases.public(meter).spki().hex() for meter in range(cases.METERS)]
    texts = [one.record.decode() for one in some]

    def run() -> None:
        for text, one in zip(texts, some, strict=True):
            holds, issues = OCMF.from_string(text).verify(keys[one.meter])
            assert holds, text
            assert not issues, issues

    return run


def raw(some: list[Signed]) -> Side:
    keys = [cases.secret(meter).public_key() for meter in range(cases.METERS)]

    def run() -> None:
        for one in some:
            keys[one.meter].verify(one.signature, one.body, cases.ECDSA)

    return run


def whole(some: list[Signed]) -> Side:
    cdrs, registered = [one.cdr for one in some], cases.registered()

    def run() -> None:
        for verdict in judge_many(cdrs, registered.__getitem__):
            assert verdict.outcome is Outcome.VALID, verdict

    return run


def rates(first: Side, second: Side, count: int) -> tuple[float, float, float]:
    """The best rate of each, and the median of the first's ratio to the second of the same round."""
    best = [math.inf, math.inf]
    ratios = []
    for side in (first, second):
        side()
    for _ in range(ROUNDS):
        spent = []
        for side in (first, second):
            begin = process_time()
            side()
            spent.append(process_time() - begin)
        best = [min(pair) for pair in zip(best, spent, strict=True)]
        ratios.append(spent[1] / spent[0])
    return count / best[0], count / best[1], median(ratios)


def on_the_clock(processes: int, cdrs: list[bytes]) -> float:
    """CDRs a second by the pool's progress, from when every process has begun to work."""
    registered = cases.registered()
    began, skipped = 0.0, 0
    done = 0

    def note(judged: int) -> None:
        nonlocal began, skipped, done
        done = judged
        if not began and judged >= len(cdrs) // 4:
            began, skipped = perf_counter(), judged

    for verdict in judge_parallel(cdrs, registered.__getitem__, processes, note):
        assert verdict.outcome is Outcome.VALID, verdict
    return (done - skipped) / (perf_counter() - began)


def beside_pyocmf() -> None:
    """Runs in the environment that has pyocmf."""
    some = cases.signed(COUNT)
    print(*rates(ours(some), theirs(some), COUNT))


def main() -> None:
    table = Table("a second", "ours", "other", "best to best", "median of rounds", "aim")
    for row in _rows():
        table.add_row(*row)
    Console(width=150).print(table)
    print("load of the machine:", *(f"{load:.1f}" for load in os.getloadavg()), f"on {len(os.sched_getaffinity(0))} cores")


def _rows() -> Iterator[tuple[str, ...]]:
    code = "from benchmarks.signed_values import beside_pyocmf; beside_pyocmf()"
    packages = [word for name in (PYOCMF, "rich", "msgspec", "cryptography", "sqlalchemy") for word in ("--with", name)]
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--python", sys.executable, *packages, "python", "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=root, env=os.environ | {"PYTHONPATH": f"{root / 'src'}:{root}"}
    )
    if done.returncode:
        yield "OCMF, parse, verify, rules", "", f"{PYOCMF} is not to be had: {done.stderr.strip()[-60:]}", "", "", "1.5"
    else:
        mine, other, ratio = map(float, done.stdout.split())
        yield "OCMF, parse, verify, rules", f"{mine:,.0f}", f"pyocmf {other:,.0f}", f"{mine / other:.2f}", f"{ratio:.2f}", "1.5"
    some = cases.signed(COUNT)
    mine, other, ratio = rates(whole(some), raw(some), COUNT)
    yield "whole CDR, one core", f"{mine:,.0f}", f"raw OpenSSL {other:,.0f}", f"{mine / other:.2f}", f"{ratio:.2f}", "0.6"
    cdrs = [one.cdr for one in some] * (PARALLEL // COUNT)
    pairs = [(on_the_clock(2, cdrs), on_the_clock(1, cdrs)) for _ in range(PARALLEL_ROUNDS)]
    two, one = (max(column) for column in zip(*pairs, strict=True))
    ratio = median(two / one for two, one in pairs)
    yield "whole CDR, two processes", f"{two:,.0f}", f"one process {one:,.0f}", f"{two / one:.2f}", f"{ratio:.2f}", "1.8"


if __name__ == "__main__":
    main()
