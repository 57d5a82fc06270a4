"""An electric car as the charging point sees it: a battery behind an on-board charger that obeys the control pilot.

The power is TF-EVC equation 1.1.1.1, P_ch = min{P_max^CP, P_max^EV, P_max^(SoC,T)}: what the point offers, what the on-board charger can,
what the battery takes. As currents on each of the n lines in use:

    I = min{ I_offered, I_max, C(SoC) * capacity / (efficiency * sum of the n voltages) }

C(SoC) is the battery's charging rate in 1/h: 1 up to 80 %, then straight down to 0.03 at 100 %. For AC charging this leaves "only marginal
drop up to 80 %" (TF-EVC figure 1.1.1): a 60 kWh battery at 11 kW begins to fall at about 97 %.

How a car follows the pilot: IEC 61851-1 gives it 5 s to come down to a new duty cycle; an offer below 6 A is a pause. How cars differ
(``CarKind``) is what a site has to live with.
"""

from collections import deque
from random import Random

from msgspec import Struct

from chargebridge.model.circuit import MINIMUM_CURRENT_A
from chargebridge.sim.world.flow import LIVE_V

TAPER_FROM = 0.8
RATE_FULL_PER_H = 1.0
RATE_END_PER_H = 0.03
FIRST_WAKE_S = 3.0
"""From the first offer after plugging in until it draws, whatever its habit after later pauses is."""


class CarKind(Struct, frozen=True, kw_only=True):
    """What cars of one kind have in common.

    capacity_wh: usable energy. phases: lines that its charger uses, 1 to 3. maximum_a: of its charger, on each line. efficiency: AC to battery.
    soc_limit: where it stops by itself. resolution_a: steps of its charger. reaction_s: range of delays from pilot to current, drawn for each car.
    ramp_a_per_s: how fast it rises (falling is at once, after the delay). wake_s: from the end of a pause until it draws again (once it has drawn).
    ignores_raise_below_a: a smaller raise of the offer is not followed. never_lowers: follows no decrease; only its contactor stops it.
    noise_a: its draw ripples below its goal by about so much.
    """

    name: str
    capacity_wh: float
    phases: int = 3
    maximum_a: float = 16.0
    efficiency: float = 0.9
    soc_limit: float = 1.0
    resolution_a: float = 0.1
    reaction_s: tuple[float, float] = (0.5, 4.0)
    ramp_a_per_s: float = 4.0
    wake_s: float = 3.0
    ignores_raise_below_a: float = 0.0
    never_lowers: bool = False
    noise_a: float = 0.05


def battery_rate_per_h(soc: float) -> float:
    """C(SoC): the charging power that the battery takes, in capacities per hour."""
    if soc <= TAPER_FROM:
        return RATE_FULL_PER_H
    return RATE_FULL_PER_H + (RATE_END_PER_H - RATE_FULL_PER_H) * (soc - TAPER_FROM) / (1.0 - TAPER_FROM)


class Car:
    """One car. Times are seconds of the world's time; ``stored_wh`` is what is in its battery."""

    def __init__(self, name: str, kind: CarKind, soc: float, seed: object) -> None:
        self.name = name
        self.kind = kind
        self.stored_wh = soc * kind.capacity_wh
        self._random = Random(f"{seed}:car:{name}")
        self.reaction_s = self._random.uniform(*kind.reaction_s)
        self._pilot: deque[tuple[float, float]] = deque()
        self._heard_a = 0.0
        self._goal_a = 0.0
        self._awake_at: float | None = None
        self._drawn_a = 0.0
        self._has_drawn = False

    @property
    def soc(self) -> float:
        return self.stored_wh / self.kind.capacity_wh

    @property
    def full(self) -> bool:
        return self.soc >= self.kind.soc_limit - 1e-9

    def pilot(self, offered_a: float, t_s: float) -> None:
        """The point's duty cycle changes now; the car acts on it after its reaction time."""
        self._pilot.append((t_s + self.reaction_s, offered_a))

    def cut(self) -> None:
        """The point's contactor opened: no voltage, so the charger starts again from the pause."""
        self._pilot.clear()
        self._heard_a = 0.0
        self._goal_a = 0.0
        self._drawn_a = 0.0
        self._awake_at = None

    def draw(self, t_s: float, dt_s: float, voltages_v: tuple[float, ...]) -> float:
        """Current on each of its lines, A, from ``t_s`` for ``dt_s``, with these voltages on the lines that it uses."""
        self._listen(t_s)
        volts = sum(voltages_v)
        if not voltages_v or min(voltages_v) < LIVE_V or self.full:
            self._drawn_a = 0.0
            return 0.0
        self._choose(t_s)
        if self._goal_a == 0.0:
            self._drawn_a = 0.0
            return 0.0
        kind = self.kind
        battery_w = battery_rate_per_h(self.soc) * kind.capacity_wh / kind.efficiency
        to_full_w = (kind.soc_limit * kind.capacity_wh - self.stored_wh) * 3600 / dt_s / kind.efficiency
        limit = min(self._goal_a, min(battery_w, to_full_w) / volts)
        ripple = abs(self._random.gauss(0.0, kind.noise_a)) if kind.noise_a else 0.0
        self._has_drawn = True
        self._drawn_a = max(0.0, min(limit - ripple, self._drawn_a + kind.ramp_a_per_s * dt_s))
        return self._drawn_a

    def charge(self, energy_j: float) -> None:
        """What came in at the plug, J; the charger's loss does not reach the battery."""
        self.stored_wh += energy_j / 3600 * self.kind.efficiency

    def _listen(self, t_s: float) -> None:
        while self._pilot and self._pilot[0][0] <= t_s:
            offered = self._pilot.popleft()[1]
            if offered < self._heard_a and self.kind.never_lowers:
                continue
            self._heard_a = offered

    def _choose(self, t_s: float) -> None:
        """The current that the charger aims at: awake or not, small raises, resolution."""
        kind = self.kind
        if self._heard_a < MINIMUM_CURRENT_A:
            self._goal_a = 0.0
            self._awake_at = None
            return
        if self._awake_at is None:
            self._awake_at = t_s + (kind.wake_s if self._has_drawn else min(kind.wake_s, FIRST_WAKE_S))
        if t_s < self._awake_at:
            return
        wanted = min(self._heard_a, kind.maximum_a)
        wanted = int(wanted / kind.resolution_a + 1e-6) * kind.resolution_a
        if wanted < self._goal_a or (wanted > self._goal_a and wanted - self._goal_a >= kind.ignores_raise_below_a):
            self._goal_a = wanted
