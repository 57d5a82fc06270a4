"""What the site of ``page_site`` consists of, and how its circuits and reasons look."""

import math

from chargebridge.model.decision import Cause, MeterView, Why, WhyStep
from chargebridge.model.limit import LimitSource
from chargebridge.model.phases import PerPhase, add, power_w
from chargebridge.model.session import PointStatus
from chargebridge.site.view import CircuitView

CIRCUITS = (("garage", "Garage north", 50.0), ("yard", "Courtyard", 40.0), ("visitors", "Visitors", 25.0))
NAMES = (
    "Bay 1",
    "Bay 2",
    "Bay 3",
    "Bay 4",
    "Yard left",
    "Yard middle",
    "Yard right",
    "Yard gate",
    "Guest 1",
    "Guest 2",
    "Guest 3",
    "Guest 4",
)
CAUSES = (
    Cause.SHARE,
    Cause.WISHED,
    Cause.CAR,
    Cause.WAITING_TURN,
    Cause.LIMIT,
    Cause.NO_CAR,
    Cause.SHARE,
    Cause.NO_CAR,
    Cause.WAITING_RELEASE,
    Cause.OFFLINE,
    Cause.NO_CAR,
    Cause.DONE,
)
SENTENCES = {
    Cause.SHARE: "11 A: the fuse of Garage north is shared by 4 cars, and each gets the same.",
    Cause.WISHED: "16 A: all that this car asks for.",
    Cause.CAR: "The car takes 9.4 A of the 16 A offered: it is nearly full and slows down by itself.",
    Cause.WAITING_TURN: "Waiting: not all cars can have 6 A at once. Your turn comes in about 4 minutes.",
    Cause.LIMIT: "8.5 A: the grid operator allows 27 kW for charging until 18:40.",
    Cause.WAITING_RELEASE: "6 A now, 13 A as soon as Bay 1 has confirmed that it takes less.",
    Cause.NO_CAR: "No car is plugged in.",
    Cause.OFFLINE: "The station has been silent for 3 min; it charges with its own safe 6 A.",
    Cause.DONE: "Done: the car has all that was wished, 22.0 kWh.",
}
STATUS = {Cause.NO_CAR: PointStatus.AVAILABLE, Cause.WAITING_TURN: PointStatus.SUSPENDED_EVSE, Cause.DONE: PointStatus.FINISHING}


def circuit(
    id_: str, name: str, parent: str | None, depth: int, fuse: float, base: PerPhase, cars: PerPhase, *, lost: bool, meter: str | None
) -> CircuitView:
    load = add(base, cars)
    view = MeterView.ASSUMED if lost else MeterView.MEASURED if meter else MeterView.SUM
    return CircuitView(
        id=id_,
        name=name,
        parent=parent,
        depth=depth,
        fuse_a=(fuse, fuse, fuse),
        load_a=load,
        base_a=base,
        planned_a=add(load, (1.5, 1.0, 0.5)),
        allowed_a=(math.inf, math.inf, math.inf),
        allowed_w=27_000 if id_ == "garage" else None,
        power_w=power_w(load),
        meter=meter,
        meter_view=view,
        meter_age_s=23.0 if lost else 1.2 if meter else None,
        meter_lost=lost,
        overloaded=False,
        binding="grid operator: 27 kW" if id_ == "garage" else None,
    )


def why(cause: Cause, circuit: str, point: str, offered: float) -> Why:
    steps = (
        ()
        if cause is Cause.NO_CAR
        else (
            WhyStep(node=point, text="what the car takes at most", allowed_a=16.0),
            WhyStep(node=point, text="what the station can give", allowed_a=32.0),
            WhyStep(
                node=circuit,
                text="the fuse on L1, shared by four cars",
                allowed_a=max(offered, 6.0),
                source=LimitSource.FUSE,
                limit=50.0,
                used=39.0,
                phase=1,
                binding=cause is Cause.SHARE,
            ),
            WhyStep(
                node=circuit,
                text="what the grid operator allows the whole circuit",
                allowed_a=max(offered, 6.0) + 1,
                source=LimitSource.GRID_OPERATOR,
                limit=27_000,
                used=19_400,
                unit="W",
                binding=cause is Cause.LIMIT,
            ),
            WhyStep(node="root", text="no further limit", allowed_a=math.inf),
        )
    )
    return Why(cause=cause, sentence=SENTENCES[cause], steps=steps)
