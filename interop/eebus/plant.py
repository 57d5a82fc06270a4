"""Their heat pump (LPC, MPC) as a load of our site: the plant's adapter, as the site runs it."""

import asyncio
from contextlib import suppress
from pathlib import Path

from chargebridge.app.clock import WallClock
from chargebridge.model.circuit import Load
from chargebridge.plants import LoadReport, PlantFault, PlantOutcome
from chargebridge.plants.eebus import EebusPlants
from interop.eebus.go_peer import GoPeer
from interop.eebus.lab import Dialled, Ours, Report, join, until

LOAD = Load(id="pump", name="Heat pump", circuit="house", nominal_w=9000.0, failsafe_w=1500.0, failsafe_s=10_800.0)


async def limits(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    ours = Ours("house")
    plants = EebusPlants(ours.hub, ours.entity(5, "CEM"), WallClock())
    async with ours, GoPeer(program, "system", folder / "system.pem") as pump:
        load = plants.load(LOAD, pump.ski)
        said: list[LoadReport | PlantFault] = []

        async def read() -> None:
            async for item in load.states():
                said[len(said) :] = [item]

        reading = asyncio.create_task(read())
        try:
            first = await load.set_limit(3000.0)
            report.check("plant, one that is not there is told when it comes", first.outcome is PlantOutcome.OFFLINE, first)
            await join(ours, pump, dialled)

            def newest() -> LoadReport:
                return next(item for item in reversed(said) if isinstance(item, LoadReport))

            taken = await until(lambda: newest().answer is not None)
            own = await pump.do("own", of="lpc")
            report.check("plant, its first word is our limit", taken and (own["limit_w"], own["active"]) == (3000, True), own)
            report.check("plant, its most is read", newest().nominal_w == 9000, newest())
            kept = await until(lambda: (newest().failsafe_w, newest().failsafe_s) == (1500, 10_800))
            report.check("plant, it was told what to keep to without us", kept, newest())
            await pump.do("measure", values={"power_w": 2321})
            report.check("plant, what it draws is read", await until(lambda: newest().power_w == 2321), newest())
            zero = await load.set_limit(0.0)
            own = await pump.do("own", of="lpc")
            report.check(
                "plant, 0 W is a limit", zero.outcome is PlantOutcome.ACCEPTED and (own["limit_w"], own["active"]) == (0, True), own
            )
            free = await load.set_limit(None)
            own = await pump.do("own", of="lpc")
            report.check("plant, released", free.outcome is PlantOutcome.ACCEPTED and not own["active"], own)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
