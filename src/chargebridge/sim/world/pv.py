"""A photovoltaic plant: the profile's clear sky, with clouds passing by chance or by order."""

from random import Random

from chargebridge.model.circuit import Generator
from chargebridge.model.phases import PerPhase
from chargebridge.sim.world.flow import LIVE_V, NOTHING, Currents, Flow, at_power
from chargebridge.sim.world.profile import Profile

CLEAR_S = 420.0
CLOUD_S = 80.0
"""Mean times without and under a cloud (exponential)."""
EDGE_S = 6.0
"""A cloud's edge passes the roof with this time constant."""
FEEDS_FROM_W = 20.0
"""Below this the inverter sleeps."""


class PvPlant:
    """Feeds ``peak_w * sun(t) * sky`` with unity power factor, equally on its phases; ``sky`` is what the clouds let through, 0 to 1."""

    def __init__(self, generator: Generator, profile: Profile, seed: object, *, midnight_s: float = 0.0, clouds: bool = True) -> None:
        self.id = generator.id
        self.circuit = generator.circuit
        self.generator = generator
        self.flow = Flow(generator.id)
        self._profile = profile
        self._midnight_s = midnight_s
        self._random = Random(f"{seed}:pv:{generator.id}")
        self._clouds = clouds
        self._passing = 1.0
        self._change_at = self._random.expovariate(1 / CLEAR_S)
        self._ordered: tuple[float, float] | None = None
        self.sky = 1.0

    def cloud(self, lets_through: float, until_s: float) -> None:
        """A thick cloud comes now and stays until ``until_s``."""
        self._ordered = (lets_through, until_s)

    def step(self, t_s: float, dt_s: float, voltage_v: PerPhase) -> Currents:
        goal = self._cover(t_s)
        self.sky += (goal - self.sky) * min(1.0, dt_s / EDGE_S)
        power = self.generator.peak_w * self._profile.at("sun", self._midnight_s + t_s) * self.sky
        if min(voltage_v) < LIVE_V or power < FEEDS_FROM_W:
            self.flow.take(NOTHING, voltage_v, dt_s)
            return NOTHING
        currents = at_power(-power, self.generator.phases, voltage_v)
        self.flow.take(currents, voltage_v, dt_s)
        return currents

    def _cover(self, t_s: float) -> float:
        if self._ordered is not None:
            if t_s < self._ordered[1]:
                return self._ordered[0]
            self._ordered = None
        if self._clouds and t_s >= self._change_at:
            under = self._passing == 1.0
            self._passing = self._random.uniform(0.25, 0.7) if under else 1.0
            self._change_at = t_s + self._random.expovariate(1 / (CLOUD_S if under else CLEAR_S))
        return self._passing
