"""Forecasts against what came, on days that they had not seen: load, PV, prices, arriving cars; and departures beside what drivers said.

1. A house in the east of France, February 2024 to February 2025, half-hourly load and PV, with the PV that its owner's system expected from the
   weather (EMHASS, MIT). It is not among the vectors; fetch it, and say where it is (it is searched for its blocks of numbers, not unpickled):
       curl -LO https://raw.githubusercontent.com/davidusb-geek/emhass/6632a50a6164fe8f1c297d70999052d45b364a61/data/long_train_data.pkl
       CHARGEBRIDGE_HOUSE_YEAR=long_train_data.pkl python -m benchmarks forecast
2. Day-ahead prices of the Netherlands, 2023 and 2024, told a day further than they are published.
3. The cars of a garage, 2,114 sessions of 2021 (ACN-Data), as if each charged at once: as a load, and by the drivers' habits.
4. The same sessions one by one: departure and energy as guessed from earlier sessions, beside what the driver entered.

Forecasts of 24 hours are made every few days at changing hours, each from what was known then. mae, pinball: in the series' unit; pinball of a
forecast without a band is that of the same line three times. coverage: share of the truth inside the band, 80 % is meant.
"""

import csv
import gzip
import json
import os
import pickletools
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from chargebridge.planning.forecast.arrivals import expected_load
from chargebridge.planning.forecast.drivers import Habits, Visit
from chargebridge.planning.forecast.grid import Calendar, Floats, Past, on_horizon, slot_of, slots_of
from chargebridge.planning.forecast.load import forecast_load
from chargebridge.planning.forecast.pv import forecast_pv
from chargebridge.planning.forecast.score import score_band, truth_on
from chargebridge.planning.forecast.sun import Place
from chargebridge.planning.forecast.weather import Weather
from chargebridge.planning.problem import Band, Horizon

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", "../shared/vectors")) / "planning"
HOUSE_YEAR = os.environ.get("CHARGEBRIDGE_HOUSE_YEAR")
HOUSE_PLACE = Place(48.83, 6.86)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
CAR_W = 6600.0
PLUGS_W = 54 * CAR_W
LEARNT_VISITS = 100
console = Console(highlight=False)

Tell = Callable[[datetime, Horizon], Band]


def main() -> None:
    house()
    prices()
    garage()


def origins(first: datetime, days: int, every: int) -> list[datetime]:
    """At hours that go round the clock."""
    return [first + timedelta(days=day, hours=day * 7 % 24) for day in range(0, days, every)]


def table(title: str, unit: str, truth: Past, moments: Sequence[datetime], step_s: float, tellers: dict[str, Tell]) -> None:
    found = Table(title=title, title_justify="left")
    for column in ("method", f"mae {unit}", f"pinball {unit}", "coverage", f"band {unit}", "ms", "mae / naive"):
        found.add_column(column, justify="left" if column == "method" else "right")
    naive = 0.0
    for name, tell in {"yesterday again": naive_of(truth), **tellers}.items():
        scores, took = [], []
        for now in moments:
            ahead = Horizon(starts_at=now, steps_s=(step_s,) * int(86_400 / step_s))
            began = time.perf_counter()
            band = tell(now, ahead)
            took.append(time.perf_counter() - began)
            score = score_band(band, truth_on(truth, ahead, FAR))
            if score is not None:
                scores.append((score.mae, score.pinball, score.coverage, score.width))
        mae, loss, coverage, width = np.mean(scores, axis=0)
        naive = naive or float(mae)
        sure = width == 0
        cover, wide = ("", "") if sure else (f"{coverage:.0%}", f"{width:.4g}")
        found.add_row(name, f"{mae:.4g}", f"{loss:.4g}", cover, wide, f"{np.median(took) * 1000:.0f}", f"{mae / naive:.2f}")
    console.print(found)
    console.print(f"{len(moments)} forecasts", style="dim")


def naive_of(past: Past) -> Tell:
    def tell(now: datetime, ahead: Horizon) -> Band:
        first, count = slots_of(ahead)
        day = past.before(now).on(first - 96, 96)
        line = on_horizon(np.resize(np.where(np.isnan(day), np.nanmean(past.before(now).values), day), count), first, ahead)
        return Band.sure(tuple(line.tolist()))

    return tell


def house() -> None:
    if HOUSE_YEAR is None or not Path(HOUSE_YEAR).exists():
        console.print(
            "the house's year is not here: CHARGEBRIDGE_HOUSE_YEAR names no file (see this benchmark's first lines)", style="yellow"
        )
        return
    load, pv, told_pv = house_year(Path(HOUSE_YEAR))
    calendar = Calendar("Europe/Paris")
    moments = origins(datetime(2024, 4, 10, tzinfo=UTC), 310, 5)

    def load_by(only: str | None) -> Tell:
        return lambda now, ahead: forecast_load(load, ahead, calendar, now=now, most_w=12_000, only=only).band

    def pv_by(only: str | None, weather: Weather) -> Tell:
        return lambda now, ahead: forecast_pv(pv, ahead, HOUSE_PLACE, now=now, peak_w=4500, weather=weather, only=only).band

    names = ("persistence", "seasonal", "regression", "both")
    title = "A house's load (mean 893 W)"
    table(title, "W", load, moments, 1800.0, {**{name: load_by(name) for name in names}, "best of late": load_by(None)})
    sky = Weather(irradiance_w_m2=Past(told_pv.first, told_pv.values / np.nanmax(told_pv.values) * 1000.0))
    days = {name: pv_by(name, Weather()) for name in ("persistence", "recent days", "sun")}
    both = {
        "weather": pv_by("weather", sky),
        "best of late, no weather": pv_by(None, Weather()),
        "best of late, with weather": pv_by(None, sky),
    }
    dark = np.isnan(pv.values)
    filled = Past(pv.first, np.where(dark, 0.0, pv.values))
    table("Its PV (4.4 kW at most), nights included", "W", filled, moments, 1800.0, {**days, **both})


def house_year(path: Path) -> tuple[Past, Past, Past]:
    """(load, PV, PV as forecast then), W, each half hour twice."""
    blocks = [
        found for _, found, _ in pickletools.genops(path.read_bytes()) if isinstance(found, bytes | bytearray) and len(found) > 100_000
    ]
    values, moments = np.frombuffer(blocks[0]).reshape(3, -1), np.frombuffer(blocks[1], dtype="M8[ns]")
    first = int(moments[0].astype("M8[s]").astype(int) // 900)
    load, pv, told = (Past(first, np.repeat(line, 2)) for line in values)
    return load, pv, told


def prices() -> None:
    path = VECTORS / "prices/nl_dayahead_2023_2024.csv.gz"
    if not path.exists():
        console.print(f"{path} is not there", style="yellow")
        return
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    first = slot_of(datetime.fromisoformat(rows[0]["utc"]).replace(tzinfo=UTC))
    last = slot_of(datetime.fromisoformat(rows[-1]["utc"]).replace(tzinfo=UTC))
    values = np.full(last - first + 4, np.nan)
    for row in rows:
        at = slot_of(datetime.fromisoformat(row["utc"]).replace(tzinfo=UTC)) - first
        values[at : at + 4] = float(row["eur_per_mwh"])
    known = Past(first, values)
    calendar = Calendar("Europe/Amsterdam")

    def by(only: str | None) -> Tell:
        return lambda now, ahead: forecast_load(known, ahead, calendar, now=now, most_w=4000.0, least_w=-500.0, only=only).band

    moments = origins(datetime(2023, 3, 1, 23, tzinfo=UTC), 660, 9)
    names = ("persistence", "seasonal", "regression", "both")
    table("Prices of the day after, EUR/MWh", "", known, moments, 3600.0, {**{name: by(name) for name in names}, "best of late": by(None)})


def garage() -> None:
    path = VECTORS / "acn/acndata_sessions_raw.json.gz"
    if not path.exists():
        console.print(f"{path} is not there", style="yellow")
        return
    with gzip.open(path, "rt") as file:
        records: list[dict[str, Any]] = json.load(file)
    records.sort(key=lambda record: parsedate_to_datetime(record["connectionTime"]))
    visits = [visit(record) for record in records]
    calendar = Calendar("America/Los_Angeles")
    habits = Habits(visits, calendar)
    cars = drawn(visits)
    moments = origins(datetime(2021, 6, 1, tzinfo=UTC), 100, 2)

    def by(only: str | None) -> Tell:
        return lambda now, ahead: forecast_load(cars, ahead, calendar, now=now, most_w=PLUGS_W, only=only).band

    names = ("persistence", "seasonal", "regression", "both")
    title = "A garage's cars as a load, all of them"
    table(title, "W", cars, moments, 900.0, {**{name: by(name) for name in names}, "best of late": by(None)})
    mornings = [
        datetime(2021, 6, 1, 11, tzinfo=UTC) + timedelta(days=day) for day in range(0, 100, 2)
    ]  # four in the morning: hardly any are there
    to_come = {"habits of the drivers": lambda now, ahead: expected_load(habits, ahead, calendar, now=now, power_w=CAR_W, most_w=PLUGS_W)}
    title = "Cars that will still come, told at four in the morning"
    table(title, "W", cars, mornings, 900.0, {"best of late": by(None), **to_come})
    one_by_one(records, visits, habits)


def visit(record: dict[str, Any]) -> Visit:
    arrived, left = (parsedate_to_datetime(record[name]) for name in ("connectionTime", "disconnectTime"))
    return Visit(driver=record["userID"] or "", arrived_at=arrived, left_at=left, energy_wh=record["kWhDelivered"] * 1000)


def drawn(visits: Sequence[Visit]) -> Past:
    first, last = slot_of(visits[0].arrived_at), slot_of(max(v.left_at for v in visits))
    values: Floats = np.zeros(last - first + 1)
    for each in visits:
        at, left = slot_of(each.arrived_at) - first, each.energy_wh
        while left > 0 and at < len(values):
            values[at] += min(left * 4, CAR_W)
            left -= CAR_W / 4
            at += 1
    return Past(first, values)


def one_by_one(records: Sequence[dict[str, Any]], visits: Sequence[Visit], habits: Habits) -> None:
    rows: list[tuple[float, ...]] = []
    began = time.perf_counter()
    for record, each in zip(records, visits, strict=True):
        guess = habits.guess(each.driver, each.arrived_at, each.arrived_at)
        told = (record["userInputs"] or [None])[0]
        if guess is None or guess.site_visits < LEARNT_VISITS or told is None or not told["requestedDeparture"]:
            continue
        said = parsedate_to_datetime(told["requestedDeparture"])
        rows.append(
            (
                guess.own_visits,
                hours(guess.leaves_at[1] - each.left_at),
                hours(said - each.left_at),
                guess.leaves_at[0] <= each.left_at <= guess.leaves_at[2],
                (guess.energy_wh[1] - each.energy_wh) / 1000,
                told["kWhRequested"] - each.energy_wh / 1000,
                guess.energy_wh[0] <= each.energy_wh <= guess.energy_wh[2],
                hours(each.left_at - each.arrived_at),
                each.energy_wh / 1000,
            )
        )
    took = time.perf_counter() - began
    data = np.array(rows, dtype=float)
    own = data[:, 0]
    found = Table(title="Departure and energy, told at the arrival: ours beside what the driver entered", title_justify="left")
    columns = (
        "earlier visits of the driver",
        "sessions",
        "departure: ours h",
        "driver h",
        "coverage",
        "energy: ours kWh",
        "driver kWh",
        "coverage ",
    )
    for column in columns:
        found.add_column(column, justify="right")
    for name, which in (("all", own >= 0), ("none", own == 0), ("1 to 4", (own > 0) & (own < 5)), ("5 and more", own >= 5)):
        part = data[which]
        off = np.abs(part).mean(axis=0)
        cells = (f"{off[1]:.2f}", f"{off[2]:.2f}", f"{off[3]:.0%}", f"{off[4]:.1f}", f"{off[5]:.1f}", f"{off[6]:.0%}")
        found.add_row(name, str(len(part)), *cells)
    console.print(found)
    late, spare = (data[:, 2] > 0).mean(), data[:, 2].mean()
    text = f"mean absolute errors; {late:.0%} of the drivers left before the time they had entered, {spare:.1f} h on average"
    console.print(f"{text}; {took / len(data) * 1000:.2f} ms each", style="dim")
    beside_elaad(data)


def beside_elaad(data: Floats) -> None:
    """What one would say without any visit of this site: the medians of Dutch workplaces (ElaadNL's open data)."""
    folder = VECTORS / "elaad_ev2gym"
    if not folder.exists():
        console.print(f"{folder} is not there", style="yellow")
        return
    medians = []
    for name in ("distribution-of-connection-time.csv", "distribution-of-energy-demand.csv"):
        with (folder / name).open(encoding="utf-8-sig", newline="") as file:
            rows = {float(row["Percentage of charging events"]): float(row["workplace"]) for row in csv.DictReader(file)}
        medians.append(rows[50.0])
    stay, energy = data[:, 7], data[:, 8]
    off_h, off_kwh = np.abs(medians[0] - stay).mean(), np.abs(medians[1] - energy).mean()
    text = f"ElaadNL's medians of workplaces ({medians[0]:.1f} h, {medians[1]:.1f} kWh) for each of them"
    console.print(f"{text}: departure off by {off_h:.2f} h, energy by {off_kwh:.1f} kWh", style="dim")


def hours(span: timedelta) -> float:
    return span.total_seconds() / 3600
