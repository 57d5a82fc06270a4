"""PyPI `py-ppc-smgw` (Apache-2.0), which reads real PPC gateways, reads our virtual one.

Needs: Python 3.13, which that package wants: `python3.13` on the path, or the variable `PYTHON_3_13`; uv fetches the package. Without it nothing is
tried. Starts one process, theirs, and ends it; ours serves it over TLS on loopback.
Proves: log-in by digest, cookie, list of meters, page of values, signed file with its signatures, log-out.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from chargebridge.sim.smgw import Authority, PpcGateway
from chargebridge.sim.smgw.meter import QUARTER, quarter_hours
from interop.ocpp.check import Check, WallClock

_PACKAGE = "py-ppc-smgw==0.2.2"
_PASSWORD = "interop"
_NUMBER = "1EMH0012345678"
_TIMEOUT_S = 120.0


async def run() -> list[Check]:
    python = os.environ.get("PYTHON_3_13") or shutil.which("python3.13")
    if python is None or not await _works(python):
        return []
    clock = WallClock()
    start = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)
    meter = quarter_hours(_NUMBER, start, 4)
    with tempfile.TemporaryDirectory() as folder:
        identity = Authority(Path(folder)).issue("EPPC0210000001.SMGW")
        async with PpcGateway(identity, clock, [meter], password=_PASSWORD) as door:
            told = await _theirs(
                python, f"https://127.0.0.1:{door.port}/cgi-bin/hanservice.cgi", start.isoformat(), (start + 4 * QUARTER).isoformat()
            )
    bought = [raw for _, raw in meter.registers[0].stored]
    return [
        Check("they find the meter", told.get("meters") == [f"01005e318002.{_NUMBER.lower()}.sm"], str(told)[:200]),
        Check("they read the newest register", told.get("1-0:1.8.0") == f"{bought[-1] / 10_000:.4f}"),
        Check("they read the signed file", sorted(told.get("export", [])) == sorted(bought)),
        Check("they log out", door.logouts == 1 and door.session is None),
        Check("no password was refused", door.wrong == 0),
    ]


async def _works(python: str) -> bool:
    """A name on the path may be there and start nothing."""
    process = await asyncio.create_subprocess_exec(python, "-c", "", stderr=asyncio.subprocess.DEVNULL)
    return await process.wait() == 0


async def _theirs(python: str, *arguments: str) -> dict[str, object]:
    script = Path(__file__).with_name("their_client.py")
    words = ("run", "--quiet", "--no-project", "--python", python, "--with", _PACKAGE, "python", str(script), *arguments, _PASSWORD)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uv", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), _TIMEOUT_S)
    except TimeoutError:
        process.kill()
        return {"error": f"not done after {_TIMEOUT_S:g} s"}
    try:
        return dict(json.loads(out))
    except ValueError:
        return {"error": err.decode()[-150:]}
