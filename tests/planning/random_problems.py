"""Random properties to plan for, from one number: everything that a problem can say, small enough for a second, plain solver."""

from datetime import UTC, datetime, timedelta
from random import Random

from chargebridge.planning.problem import (
    Band,
    DemandCharge,
    Generator,
    Goal,
    Horizon,
    Node,
    Plant,
    Prices,
    Problem,
    Store,
    Taste,
)  # fmt: skip

START = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)


def random_problem(
    seed: int, *, tight: float = 1.0, steps: int = 16, strange_prices: bool = False, plants: bool = True, whole: bool = False
) -> Problem:
    """tight: below 1 the limits leave less. strange_prices: negative ones, and export dearer than import. whole: what is on or off."""
    rng = Random(seed)
    lengths = tuple(rng.choice([900.0, 900.0, 1800.0, 3600.0]) for _ in range(steps)) if rng.random() < 0.5 else (900.0,) * steps
    total = sum(lengths)

    def series(low: float, high: float) -> tuple[float, ...]:
        return tuple(round(rng.uniform(low, high), 3) for _ in range(steps))

    def band(low: float, high: float, sure: bool) -> Band:
        likely = series(low, high)
        if sure:
            return Band.sure(likely)
        return Band(likely=likely, low=tuple(v * 0.6 for v in likely), high=tuple(v * 1.3 + 50 for v in likely))

    def moment(low: float = 0.0, high: float = 1.0) -> datetime:
        return START + timedelta(seconds=round(rng.uniform(low, high) * total / 60.0) * 60.0)

    def phases() -> tuple:
        return rng.choice([(1, 2, 3), (1, 2, 3), (1,), (2,), (3, 1)])

    sure = rng.random() < 0.4
    leaves = [f"leaf{k}" for k in range(rng.randrange(3))]
    stores = []
    for k in range(rng.randrange(1, 5)):
        most = rng.choice([3700.0, 7400.0, 11000.0])
        car = rng.random() < 0.75
        arrives = moment(0.0, 0.4) if car and rng.random() < 0.6 else None
        departs = moment(0.5, 1.2) if car and rng.random() < 0.8 else None
        full = rng.uniform(5000.0, 40000.0)
        stored = full * rng.uniform(0.0, 0.7)
        goals = ()
        if car:
            level = min(full, stored + most * rng.uniform(0.2, 0.9) * total / 3600.0 * 0.4)
            times = sorted(moment(0.4, 1.1) for _ in range(rng.choice([1, 1, 1, 2])))
            goals = tuple(
                Goal(
                    at=departs if departs and rng.random() < 0.6 else at,
                    stored_wh=level,
                    price_cap=round(rng.uniform(0.1, 0.5), 2) if rng.random() < 0.3 else None,
                    probability=1.0 if len(times) == 1 else 0.5,
                )
                for at in times
            )
        gives = not car or rng.random() < 0.3
        stores.append(
            Store(
                id=f"store{k}", node=rng.choice(["grid", *leaves]), charge_max_w=most, full_wh=full, stored_wh=stored,
                floor_wh=stored * rng.uniform(0.0, 1.0), arrives_at=arrives, departs_at=departs, goals=goals,
                charge_limit_w=series(0.0, most * 2) if rng.random() < 0.2 else None,
                discharge_max_w=most * 0.8 if gives else 0.0,
                charge_efficiency=rng.choice([1.0, 0.9]), discharge_efficiency=0.93,
                rest_price=round(rng.uniform(0.05, 0.3), 2) if rng.random() < 0.6 else None,
                wear_per_kwh=0.02, taper=0.8 if rng.random() < 0.2 else None, taper_end_w=1000.0,
                charge_min_w=rng.choice([0.0, most * 0.35]) if whole else 0.0, switchable=whole and rng.random() < 0.4,
                phases=phases(), priority=rng.choice([0, 0, 1]),
            )
        )  # fmt: skip
    generators = [
        Generator(
            id=f"pv{k}", node=rng.choice(["grid", *leaves]), power=band(0.0, 9000.0, sure), curtailable=rng.random() < 0.5, phases=phases()
        )
        for k in range(rng.randrange(3))
    ]
    things = []
    if plants and rng.random() < 0.3:
        earliest = moment(0.0, 0.3)
        things = [
            Plant(id="dryer", node="grid", power_w=2000.0, run_s=2700.0, earliest_at=earliest, latest_at=earliest + timedelta(hours=3))
        ]
    top = sum(store.charge_max_w for store in stores)
    nodes = [
        Node(
            id="grid",
            import_w=series(0.3 * tight * top + 3000.0, 0.9 * tight * top + 3000.0),
            export_w=series(9000.0, 20000.0) if rng.random() < 0.5 else None,
            current_a=tuple((v, v, v) for v in series(20.0 * tight + 5.0, 60.0 * tight + 5.0)) if rng.random() < 0.5 else None,
            load=band(100.0, 2500.0, sure),
        )
    ]  # fmt: skip
    nodes += [
        Node(
            id=leaf, parent="grid", import_w=series(0.1 * tight * top + 500.0, 0.8 * tight * top + 500.0), hard=rng.random() < 0.7,
            load=band(0.0, 400.0, sure) if rng.random() < 0.5 else None, load_phases=(1,),
        )
        for leaf in leaves
    ]  # fmt: skip
    if rng.random() < 0.3:
        nodes.append(Node(id="group", members=tuple(store.id for store in stores[:2]), import_w=series(2000.0 * tight, 9000.0 * tight)))
    prices = series(-0.1 if strange_prices else 0.05, 0.5)
    export = (
        tuple(min(0.08, p) for p in prices) if rng.random() < 0.7 and not strange_prices else series(0.0, 0.12 if strange_prices else 0.05)
    )
    demand = ()
    if rng.random() < 0.3:
        demand = (
            DemandCharge(price_per_kw=rng.choice([0.5, 5.0]), reached_w=rng.choice([0.0, 3000.0]), window_s=rng.choice([900.0, 1800.0])),
        )
    return Problem(
        horizon=Horizon(starts_at=START, steps_s=lengths),
        nodes=tuple(nodes),
        stores=tuple(stores),
        plants=tuple(things),
        generators=tuple(generators),
        prices=Prices(
            import_per_kwh=prices, export_per_kwh=export,
            network_per_kwh=series(0.0, 0.1) if rng.random() < 0.3 else None,
            co2_g_per_kwh=series(100.0, 500.0) if rng.random() < 0.3 else None, co2_price_per_kg=0.1, demand=demand,
        ),
        taste=Taste(sooner=rng.random() < 0.7, calm_grid=rng.random() < 0.2),
    )  # fmt: skip
