"""What a house draws: a base that breathes, and appliances that people and thermostats switch on by chance."""

from math import acos, sqrt, tan
from random import Random

from msgspec import Struct

from chargebridge.model.phases import PerPhase, Phase
from chargebridge.sim.world.flow import LIVE_V, NOTHING, Currents, Flow
from chargebridge.sim.world.profile import Profile

BASE_SHARE: PerPhase = (0.42, 0.31, 0.27)
"""How the base lies on the phases: nobody balances a real house."""
BREATH = 0.06
BREATH_S = 20.0
BREATH_MAX = 0.15
"""The base swings by 6 % (one sigma), 15 % at most, with a correlation time of 20 s (Ornstein-Uhlenbeck)."""
LOOK_EVERY_S = 1.0
"""How often chance is asked whether an appliance starts."""


class Appliance(Struct, frozen=True, kw_only=True):
    """column: of the profile, starts per hour. power_w: in sum. three_phase: else on one phase by chance. run_s: shortest and longest run."""

    name: str
    column: str
    power_w: float
    three_phase: bool
    power_factor: float
    run_s: tuple[float, float]


KETTLE = Appliance(name="kettle", column="kettle_per_h", power_w=2000, three_phase=False, power_factor=1.0, run_s=(90, 240))
OVEN = Appliance(name="oven", column="oven_per_h", power_w=3000, three_phase=True, power_factor=1.0, run_s=(900, 2700))
HEAT_PUMP = Appliance(name="heat pump", column="heat_pump_per_h", power_w=2700, three_phase=True, power_factor=0.93, run_s=(600, 1500))
APPLIANCES = (KETTLE, OVEN, HEAT_PUMP)


class Running(Struct, frozen=True, kw_only=True):
    """Something that is switched on. power_w: in sum over ``phases``."""

    name: str
    phases: tuple[Phase, ...]
    power_w: float
    power_factor: float
    until_s: float


class Household:
    """Constant-power loads on one circuit, inductive where a power factor says so. Of each kind of appliance at most one runs at a time."""

    def __init__(
        self,
        name: str,
        circuit: str,
        profile: Profile,
        seed: object,
        *,
        midnight_s: float = 0.0,
        scale: float = 1.0,
        appliances: bool = True,
    ) -> None:
        """midnight_s: time of day at the world's second 0. scale: on the base of the profile."""
        self.id = name
        self.circuit = circuit
        self.flow = Flow(name)
        self._profile = profile
        self._midnight_s = midnight_s
        self._scale = scale
        self._appliances = APPLIANCES if appliances else ()
        self._random = Random(f"{seed}:household:{name}")
        self._breath = 0.0
        self._looked_at = 0.0
        self.running: list[Running] = []

    def switch_on(self, name: str, power_w: float, phases: tuple[Phase, ...], until_s: float, power_factor: float = 1.0) -> None:
        """Somebody switches something on."""
        self.running.append(Running(name=name, phases=phases, power_w=power_w, power_factor=power_factor, until_s=until_s))

    def step(self, t_s: float, dt_s: float, voltage_v: PerPhase) -> Currents:
        if self.running:
            self.running = [r for r in self.running if r.until_s > t_s]
        if t_s - self._looked_at >= LOOK_EVERY_S:
            self._chance(t_s, t_s - self._looked_at)
            self._looked_at = t_s
        self._breath += -self._breath * dt_s / BREATH_S + BREATH * sqrt(2 * dt_s / BREATH_S) * self._random.gauss(0.0, 1.0)
        if min(voltage_v) < LIVE_V:
            self.flow.take(NOTHING, voltage_v, dt_s)
            return NOTHING
        base = self._profile.at("base_w", self._midnight_s + t_s) * self._scale * (1.0 + max(-BREATH_MAX, min(BREATH_MAX, self._breath)))
        watts = [complex(base * share) for share in BASE_SHARE]
        for run in self.running:
            apparent = complex(run.power_w, run.power_w * tan(acos(run.power_factor))) / len(run.phases)
            for phase in run.phases:
                watts[phase - 1] += apparent
        currents = (watts[0] / voltage_v[0], watts[1] / voltage_v[1], watts[2] / voltage_v[2])
        self.flow.take(currents, voltage_v, dt_s)
        return currents

    def _chance(self, t_s: float, since_s: float) -> None:
        for kind in self._appliances:
            starts = self._random.random() < self._profile.at(kind.column, self._midnight_s + t_s) * since_s / 3600
            if starts and all(run.name != kind.name for run in self.running):
                phases: tuple[Phase, ...] = (1, 2, 3) if kind.three_phase else (self._random.choice((1, 2, 3)),)
                self.switch_on(kind.name, kind.power_w, phases, t_s + self._random.uniform(*kind.run_s), kind.power_factor)
