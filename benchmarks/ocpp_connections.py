"""Many stations at one back end: memory of an idle connection, the storm of boots after a restart, CPU time while nothing is said.

Stations that are known and not connected are in the memory before. Each connects without compression, boots, and is asked for its
settings. They are in other processes. "echo" is a bare server of the `websockets` package with the same connections.
"""

import resource
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

from benchmarks.ocpp_messages import Server

CROWDS = 2
QUIET_S = 10.0
SETTLE_S = 15.0
"""Until what was asked of the stations after their boot is over."""
CASES = (("ours", 2_000), ("ours, TLS", 2_000), ("ours", 10_000), ("echo", 2_000))


def measure(role: str, stations: int) -> list[str]:
    """One row: role, stations, kB each, seconds until all are in, CPU ms each for that, CPU of one core while idle in %."""
    with Server(role, stations) as server:
        _, before = server.spent()
        share, begin = stations // CROWDS, time.monotonic()
        crowds = []
        for i in range(CROWDS):
            command = [sys.executable, "-m", "benchmarks._ocpp_crowd", str(server.port), str(i * share), str(share)]
            crowds.append(subprocess.Popen([*command, "tls" if "TLS" in role else "plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        for crowd in crowds:
            assert crowd.stdout is not None
            assert crowd.stdout.readline().strip() == str(share).encode(), "not all came in"
        lasted = time.monotonic() - begin
        busy, _ = server.spent()
        time.sleep(SETTLE_S)
        start, after = server.spent()
        time.sleep(QUIET_S)
        end, _ = server.spent()
        for crowd in crowds:
            assert crowd.stdin is not None
            crowd.stdin.close()
            crowd.wait()
    figures = (
        f"{(after - before) / stations:.1f}",
        f"{lasted:.1f}",
        f"{busy / stations * 1e3:.2f}",
        f"{(end - start) / QUIET_S * 100:.2f}",
    )
    return [role, f"{stations:,}", *figures]


def main() -> None:
    """Print one row a case."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    table = Table("server", "connections", "kB each", "all in after s", "CPU ms each", "idle CPU %")
    for role, stations in CASES:
        table.add_row(
            *(measure(role, stations) if stations + 100 < hard else [role, f"{stations:,}", "more than this machine has descriptors for"])
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
