"""What is replayed: who came, when, what he wanted, and what energy cost meanwhile."""

from datetime import datetime

from msgspec import Struct

from chargebridge.model.circuit import Topology
from chargebridge.model.errors import ModelError
from chargebridge.planning.replay.network import Network


class Stay(Struct, frozen=True, kw_only=True):
    """A car's stay at a station. arrives, departs: steps; it may charge in arrives <= step < departs.

    energy_wh: what it wants, which it takes if it can; max_w: what it takes at most. departs_told: the step that the driver announced, by which
    strategies go; the car leaves when it leaves. price_cap: the most that he would pay a kWh, None: any price.
    """

    id: str
    station: int
    arrives: int
    departs: int
    energy_wh: float
    max_w: float
    departs_told: int | None = None
    price_cap: float | None = None

    @property
    def told(self) -> int:
        return self.departs if self.departs_told is None else self.departs_told


class Case(Struct, frozen=True, kw_only=True):
    """A network, its stays and the time they fall in. starts_at: of step 0, aware UTC.

    base_w: of the property without cars, import positive, each step (None: nothing). price_per_kwh, export_per_kwh, co2_g_per_kwh: each step, or
    None where nobody knows. capacity_price: on the highest step's mean import, per kW. topology: whose wires the network's rows are, where they are a
    property's; base_w then lies on its grid connection.
    """

    name: str
    starts_at: datetime
    step_s: float
    network: Network
    stays: tuple[Stay, ...]
    base_w: tuple[float, ...] | None = None
    price_per_kwh: tuple[float, ...] | None = None
    export_per_kwh: tuple[float, ...] | None = None
    co2_g_per_kwh: tuple[float, ...] | None = None
    capacity_price: float = 0.0
    topology: Topology | None = None

    @property
    def steps(self) -> int:
        return max((stay.departs for stay in self.stays), default=0)

    def check(self) -> None:
        """Raises CaseError for what cannot be replayed."""
        taken: dict[int, Stay] = {}
        for stay in sorted(self.stays, key=lambda s: s.arrives):
            if not 0 <= stay.station < len(self.network.stations):
                raise CaseError(
                    f"stay {stay.id}", f"station number {stay.station}, and there are {len(self.network.stations)}", "name a station"
                )
            if not 0 <= stay.arrives < stay.departs or stay.energy_wh < 0 or stay.max_w <= 0:
                reason = f"from step {stay.arrives} to {stay.departs} with {stay.energy_wh:g} Wh at {stay.max_w:g} W"
                raise CaseError(f"stay {stay.id}", reason, "leave it out, or set its times and energy right")
            before = taken.get(stay.station)
            if before is not None and before.departs > stay.arrives:
                name = self.network.stations[stay.station].id
                raise CaseError(f"stay {stay.id}", f"{name} is taken by {before.id} until step {before.departs}", "one car a station")
            taken[stay.station] = stay
        for name in ("base_w", "price_per_kwh", "export_per_kwh", "co2_g_per_kwh"):
            values = getattr(self, name)
            if values is not None and len(values) < self.steps:
                raise CaseError(f"{name} of {self.name}", f"{len(values)} values for {self.steps} steps", "give one for each step")


class CaseError(ModelError):
    """A case that cannot be meant."""
