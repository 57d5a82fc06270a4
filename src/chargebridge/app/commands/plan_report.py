"""The page of `chargebridge plan replay --html`: one file, no script, no network."""

from datetime import timedelta
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chargebridge.planning.replay.run import Outcome
from chargebridge.planning.replay.score import Score
from chargebridge.planning.replay.stays import Case

WIDE, HIGH, LEFT, BELOW = 1000, 220, 60, 30
POINTS = 600
"""Of a line in a plot; longer series are averaged."""
COLOURS = ("#9aa0a6", "#e8710a", "#9334e6", "#1a73e8", "#188038", "#d93025", "#00838f", "#5d4037")
STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:1060px;margin:2rem auto;padding:0 1rem;color:#202124}
h1{font-size:1.5rem} h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse} td,th{padding:.3rem .8rem;text-align:right;border-bottom:1px solid #dadce0}
td:first-child,th:first-child{text-align:left}
svg{width:100%;height:auto} text{font:12px system-ui,sans-serif;fill:#5f6368}
i{display:inline-block;width:.8em;height:.8em;margin-right:.4em}
"""
Floats = npt.NDArray[np.float64]


def write_report(path: Path, case: Case, results: list[tuple[Score, Outcome]]) -> None:
    """Table and plots of every strategy's cars, of the price beside them, and of what each cost."""
    days = case.steps * case.step_s / 86400
    head = f"<h1>{escape(case.name)}: {len(case.stays)} stays in {days:.1f} days from {case.starts_at:%Y-%m-%d %H:%M} UTC</h1>"
    parts = [head, _table(results), f"<h2>All cars together, kW</h2>{_lines(case, [(s.strategy, o.power_w / 1000) for s, o in results])}"]
    if case.price_per_kwh is not None:
        parts.append(f"<h2>Price, a kWh</h2>{_lines(case, [('price', np.array(case.price_per_kwh[: case.steps]))])}")
    if case.base_w is not None:
        parts.append(f"<h2>The property without cars, kW</h2>{_lines(case, [('base', np.array(case.base_w[: case.steps]) / 1000)])}")
    title = escape(case.name)
    begin = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
    path.write_text(f"{begin}<body>{''.join(parts)}</body></html>")


def _table(results: list[tuple[Score, Outcome]]) -> str:
    names = ("strategy", "delivered kWh", "unmet kWh", "left short", "peak kW", "overloaded steps", "cost", "CO2 kg")
    rows = "".join(_row(number, found) for number, (found, _) in enumerate(results))
    return f"<table><tr>{''.join(f'<th>{name}' for name in names)}</tr>{rows}</table>"


def _row(number: int, found: Score) -> str:
    cells = (
        f"<i style='background:{COLOURS[number % len(COLOURS)]}'></i>{escape(found.strategy)}",
        f"{found.delivered_wh / 1000:.1f}",
        f"{found.unmet_wh / 1000:.1f}",
        f"{found.short} of {found.stays}",
        f"{found.peak_w / 1000:.2f}",
        str(found.overloaded or "-"),
        "-" if found.cost is None else f"{found.cost:.2f}",
        "-" if found.co2_kg is None else f"{found.co2_kg:.1f}",
    )
    return f"<tr>{''.join(f'<td>{cell}' for cell in cells)}</tr>"


def _lines(case: Case, series: list[tuple[str, Floats]]) -> str:
    thinned = [(name, _thin(values)) for name, values in series]
    low = min(0.0, *(float(values.min()) for _, values in thinned))
    high = max(low + 1e-9, *(float(values.max()) for _, values in thinned))
    drawn = []
    for number, (name, values) in enumerate(thinned):
        across = np.linspace(LEFT, WIDE, len(values))
        down = HIGH - (values - low) / (high - low) * (HIGH - 10)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
        colour = COLOURS[number % len(COLOURS)]
        drawn.append(
            f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.4'><title>{escape(name)}</title></polyline>"
        )
    return f"<svg viewBox='0 0 {WIDE} {HIGH + BELOW}' role='img'>{_axes(case, low, high)}{''.join(drawn)}</svg>"


def _axes(case: Case, low: float, high: float) -> str:
    marks = []
    for part in range(5):
        value = low + (high - low) * part / 4
        y = HIGH - (HIGH - 10) * part / 4
        marks.append(
            f"<line x1='{LEFT}' y1='{y:.0f}' x2='{WIDE}' y2='{y:.0f}' stroke='#e8eaed'/><text x='4' y='{y + 4:.0f}'>{value:.3g}</text>"
        )
    for part in range(7):
        at = case.starts_at + timedelta(seconds=case.steps * case.step_s * part / 6)
        anchor = "start" if part == 0 else "end" if part == 6 else "middle"
        marks.append(f"<text x='{LEFT + (WIDE - LEFT) * part / 6:.0f}' y='{HIGH + 20}' text-anchor='{anchor}'>{at:%d %b %H:%M}</text>")
    return "".join(marks)


def _thin(values: Floats) -> Floats:
    if len(values) <= POINTS:
        return values
    edges = np.linspace(0, len(values), POINTS + 1).astype(int)
    return np.add.reduceat(values, edges[:-1]) / np.diff(edges)
