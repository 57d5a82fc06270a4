"""What a car may give back by agreement: of the owner, the driver and the car itself. Silence is not consent."""

from datetime import datetime

from chargebridge.control.figures import sane
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.state import PointState


def asked_w(point: ChargingPoint, state: PointState, now: datetime) -> float:
    """What a plan asks the car to give, as far as all have agreed to it, W; 0 while the car is to have more energy itself."""
    until, wants = state.discharge_until, state.preference
    if not sane(state.discharge_w) or state.discharge_w <= 0 or (until is not None and until <= now):
        return 0.0
    if not (state.authorised and state.status.has_car and wants.may_discharge and sane(state.car_discharge_w)):
        return 0.0
    if not sane(state.soc) or state.soc <= wants.reserve_soc or wants.energy_min_wh > state.energy_wh:
        return 0.0
    return max(0.0, min(state.discharge_w, point.discharge_max_w, state.car_discharge_w, point.maximum_a * len(point.phases) * NOMINAL_V))
