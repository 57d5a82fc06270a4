"""A stationary battery with its inverter: follows a power set point within what it can and holds."""

from chargebridge.model.circuit import Battery
from chargebridge.model.phases import PerPhase
from chargebridge.sim.world.flow import LIVE_V, NOTHING, Currents, Flow, at_power

EFFICIENCY = 0.96
"""One way, AC to cells and cells to AC."""
RAMP_W_PER_S = 5000.0
REVERT_S = 60.0
"""An unrenewed set point falls back to 0 W after this time, as SunSpec's reversion timer does."""


class Storage:
    """Charging is positive. ``goal_w`` is the last set point after clamping to its ratings."""

    def __init__(self, battery: Battery, soc: float) -> None:
        self.id = battery.id
        self.circuit = battery.circuit
        self.battery = battery
        self.flow = Flow(battery.id)
        self.stored_wh = soc * battery.capacity_wh
        self.goal_w = 0.0
        self._revert_at = 0.0
        self._power_w = 0.0

    @property
    def soc(self) -> float:
        return self.stored_wh / self.battery.capacity_wh

    def set_power(self, power_w: float, t_s: float, revert_s: float = REVERT_S) -> None:
        """Ask for ``power_w`` at its terminals from now on, for at most ``revert_s``."""
        self.goal_w = max(-self.battery.discharge_max_w, min(self.battery.charge_max_w, power_w))
        self._revert_at = t_s + revert_s

    def step(self, t_s: float, dt_s: float, voltage_v: PerPhase) -> Currents:
        if t_s >= self._revert_at:
            self.goal_w = 0.0
        if min(voltage_v) < LIVE_V:
            self._power_w = 0.0
            self.flow.take(NOTHING, voltage_v, dt_s)
            return NOTHING
        change = max(-RAMP_W_PER_S * dt_s, min(RAMP_W_PER_S * dt_s, self.goal_w - self._power_w))
        power = self._power_w + change
        room_w = (self.battery.capacity_wh - self.stored_wh) * 3600 / dt_s / EFFICIENCY
        left_w = self.stored_wh * 3600 / dt_s * EFFICIENCY
        power = max(-left_w, min(room_w, power))
        self._power_w = power
        currents = at_power(power, self.battery.phases, voltage_v)
        self.flow.take(currents, voltage_v, dt_s)
        self.stored_wh += power * dt_s / 3600 * (EFFICIENCY if power > 0 else 1 / EFFICIENCY)
        self.stored_wh = max(0.0, min(self.battery.capacity_wh, self.stored_wh))
        return currents
