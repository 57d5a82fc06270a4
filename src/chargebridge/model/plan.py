"""What a plan says of the present: the part of it that decisions go by until the next plan comes."""

from datetime import datetime

from msgspec import Struct


class PointPlan(Struct, frozen=True, kw_only=True):
    """Of one car. session: whose it is; another car at the point has no plan yet. charge_w, discharge_w: mean of this step, W.

    starts_at: when it charges next, None: it charges now, or nothing more is planned; price, start_price: what a kWh costs now and then.
    surplus: it may take what the property has left over besides, since that is worth less than what is planned for it later.
    """

    point: str
    session: str
    charge_w: float
    discharge_w: float = 0.0
    starts_at: datetime | None = None
    price: float | None = None
    start_price: float | None = None
    surplus: bool = False


class BatteryPlan(Struct, frozen=True, kw_only=True):
    """power_w: mean of this step, charging positive. to_grid: it is meant to give more than the property uses."""

    battery: str
    power_w: float
    to_grid: bool = False


class PlanNow(Struct, frozen=True, kw_only=True):
    """dies_at: from then on it counts for nothing, and charging goes on as without a plan."""

    made_at: datetime
    dies_at: datetime
    points: tuple[PointPlan, ...] = ()
    batteries: tuple[BatteryPlan, ...] = ()
