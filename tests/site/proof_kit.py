"""A site with a point under calibration law, and a virtual station whose meter signs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from chargebridge.model.phases import PerPhase
from chargebridge.sim.ocpp_station import EvsePlan, Faults, SigningPlan, StationPlan, VirtualStation
from chargebridge.sim.ocpp_station.plan import Truth
from chargebridge.sim.ocpp_station.signing import SigningMeter
from chargebridge.site.proof.office import ProofOffice
from chargebridge.site.proof.view import ProofView
from tests.site.kit import CONFIG, Bench, bench, until
from tests.stations.ocpp_kit import Truth as Seen

EVSE = "DE*ABC*E1"
PLAN = SigningPlan(seed="of the tests", evse_ids=(EVSE,))
KEY = SigningMeter(PLAN, "CP-1", 1, Faults()).public_key
MONEY = """
[[token]]
id = "PREPAID"
prepaid = true

[[tariff]]
id = "normal"
energy = 0.50
"""


def text(folder: Path, *, key: bool = True, more: str = MONEY) -> str:
    """The configuration. key: the meter's stands in it."""
    point = f'calibrated = true\nevse_id = "{EVSE}"\nsigning_meter = "CP-1-M1"\n'
    point += f'public_key = "{KEY.spki().hex()}"\n' if key else ""
    site = f'name = "Test"\nstore = "{folder / "site.db"}"\ntariff = "normal"'
    return CONFIG.replace('name = "Test"', site).replace('id = "a"\n', f'id = "a"\n{point}') + more


class Register:
    """A car that takes nothing by itself: the test turns the meter."""

    def __init__(self) -> None:
        self.energy_wh = 1_000_000.0

    def draw(self, evse: int, offered_a: float, phases: int, now: Any) -> PerPhase:
        return (offered_a, offered_a, offered_a)

    def measure(self, evse: int) -> Truth:
        return Seen((6.0, 6.0, 6.0), (230.0, 230.0, 230.0), 4140.0, self.energy_wh, None)


class Charged:
    """A running site with its virtual station."""

    def __init__(self, site: Bench, station: VirtualStation, register: Register) -> None:
        self.site, self.station, self.register = site, station, register

    @property
    def proofs(self) -> ProofOffice:
        assert self.site.site.proof is not None
        return self.site.site.proof

    async def begin(self, token: str = "TAG") -> str:
        """The id of the session that begins."""
        self.station.plug(1)
        assert await self.station.present(1, token)
        assert await until(lambda: self.site.point("a").session is not None, 10)
        session = self.site.point("a").session
        assert session is not None
        return session.id

    async def end(self, energy_wh: int = 2500) -> None:
        self.register.energy_wh += energy_wh
        self.station.unplug(1)
        assert await until(lambda: self.site.point("a").session is None and not len(self.station.uplink.outbox), 10)

    async def session(self, energy_wh: int = 2500, token: str = "TAG") -> ProofView:
        number = await self.begin(token)
        await self.end(energy_wh)
        return await self.proof(number)

    async def proof(self, session: str) -> ProofView:
        found = await self.proofs.of_session(session)
        assert found is not None
        return found

    async def becomes(self, session: str, state: str, timeout_s: float = 10.0) -> ProofView:
        """Wait for a state."""
        end = asyncio.get_running_loop().time() + timeout_s
        while (found := await self.proof(session)).state != state:
            assert asyncio.get_running_loop().time() < end, found
            await asyncio.sleep(0.05)
        return found


@contextlib.asynccontextmanager
async def charging(
    folder: Path,
    version: str = "ocpp1.6",
    *,
    faults: Faults | None = None,
    plan: SigningPlan | None = PLAN,
    speed: float = 20.0,
    **more: Any,
) -> AsyncIterator[Charged]:
    """A site of ``folder`` (again) and a station that is connected to it. more: text, register and since, the time at which it begins."""
    async with bench(folder, text=more.get("text") or text(folder), speed=speed, since=more.get("since")) as site:
        register = more.get("register") or Register()
        uri = f"ws://127.0.0.1:{site.central.port}/ocpp"
        about = StationPlan(identity="CP-1", uri=uri, version=version, evses=(EvsePlan(), EvsePlan()), signing=plan)  # type: ignore[arg-type]
        station = VirtualStation(about, register, site.clock, faults)
        running = asyncio.create_task(station.run())
        try:
            assert await until(lambda: station.online and site.point("a").online, 10)
            yield Charged(site, station, register)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
