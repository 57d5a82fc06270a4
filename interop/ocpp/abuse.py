"""npm `ocpp-ws-cli` tries its 21 transport and abuse tests on our Central System, in each version."""

import asyncio
import json
import tempfile
from pathlib import Path

from chargebridge.stations.ocpp import CentralSystem, ServerSettings, StationSettings
from interop.ocpp.check import Check, Notebook, WallClock
from interop.ocpp.npm import installed

PACKAGE, VERSION = "ocpp-ws-cli", "1.1.12"
TESTS = 21
TIMEOUT_S = 180.0

# A call whose id is the number 12345: it wants that number back. 2.0.1 and 2.1 part 4, 4.2.3, prescribe the id "-1"; 1.6 has no answer for it.
AGAINST_THE_STANDARD = {"ocpp2.0.1": {"Server enforces MessageId is a string"}, "ocpp2.1": {"Server enforces MessageId is a string"}}


async def run() -> list[Check]:
    package = await installed(PACKAGE, VERSION)
    if package is None:
        return [Check(f"{PACKAGE} {VERSION} is installed by npm", False, "Node.js, npm and its registry are needed")]
    return [check for version in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1") for check in await _attack(package, version)]


async def _attack(package: Path, version: str) -> list[Check]:
    station = StationSettings(identity="CP001", security_profile=0)
    with tempfile.TemporaryDirectory() as folder:
        async with CentralSystem(ServerSettings(port=0), [station], Notebook(), WallClock()) as central:
            words = ("test", "-e", f"ws://127.0.0.1:{central.port}/ocpp", "-i", "CP001", "-p", version, "--suite", "all")
            process = await asyncio.create_subprocess_exec(
                "node", str(package / "dist" / "index.js"), *words, "--report", "json", "--report-dir", folder,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                await asyncio.wait_for(process.wait(), TIMEOUT_S)
            except TimeoutError:
                process.kill()
                return [Check(f"{PACKAGE}, {version}", False, f"not done after {TIMEOUT_S:g} s")]
        return _read(version, Path(folder))


def _read(version: str, folder: Path) -> list[Check]:
    reports = list(folder.glob("*.json"))
    results = json.loads(reports[0].read_text())["testResults"] if reports else []
    checks = []
    for result in results:
        excused = result["name"] in AGAINST_THE_STANDARD.get(version, set())
        detail = "passed" if result["passed"] else f"{'asks what the standard forbids: ' if excused else ''}{result['issue']}"
        checks.append(Check(f"{PACKAGE}, {version}: {result['name']}", result["passed"] or excused, detail))
    done = sum(result["passed"] for result in results)
    checks.append(Check(f"{PACKAGE}, {version}: all tests ran", len(results) == TESTS, f"{done} of {len(results)} passed"))
    return checks
