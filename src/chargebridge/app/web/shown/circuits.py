"""The circuit tree: three bars per fuse, split into base load and cars, with the mark of the tightest limit."""

from typing import Any

from chargebridge.app.web import words
from chargebridge.site.view import CircuitView, SiteView

_ROOM = 1.12
"""A bar ends this much above its fuse, so that an overload can be seen as one."""
_TIGHT = 0.9
_LEVELS = ("ok", "tight", "over")


def tree(view: SiteView) -> list[dict[str, Any]]:
    return [node(circuit) for circuit in view.circuits]


def node(circuit: CircuitView) -> dict[str, Any]:
    level = fullness(circuit)
    return {
        "id": circuit.id,
        "name": circuit.name,
        "depth": circuit.depth,
        "fuse": words.fuse(circuit.fuse_a),
        "power": words.power(circuit.power_w),
        "power_limit": f"of {words.power(circuit.allowed_w)}" if circuit.allowed_w is not None else "",
        "meter": _meter(circuit),
        "lost": circuit.meter_lost,
        "binding": circuit.binding if circuit.binding and _is_limited(circuit) else "",
        "level": level,
        "state": {"ok": "room left", "tight": "nearly full", "over": "over its limit"}[level],
        "phases": [_phase(circuit, index) for index in range(3)],
    }


def _is_limited(circuit: CircuitView) -> bool:
    """By more than its own fuse."""
    return circuit.allowed_w is not None or any(a < rated - 0.05 for a, rated in zip(circuit.allowed_a, circuit.fuse_a, strict=True))


def fullness(circuit: CircuitView) -> str:
    """ "ok", "tight" or "over": its fullest phase, or its power where that is limited too."""
    if circuit.overloaded:
        return "over"
    levels = [_level(circuit, index) for index in range(3)]
    if circuit.allowed_w is not None:
        levels.append(_grade(circuit.power_w, circuit.allowed_w, slack=200.0))
    return max(levels, key=_LEVELS.index)


def _level(circuit: CircuitView, index: int) -> str:
    return _grade(circuit.load_a[index], min(circuit.allowed_a[index], circuit.fuse_a[index]), slack=0.3)


def _grade(load: float, allowed: float, slack: float) -> str:
    """slack: what a meter's trembling may add without being an alarm."""
    if load > allowed * 1.01 + slack:
        return "over"
    return "tight" if load > slack and load >= _TIGHT * allowed else "ok"


def _meter(circuit: CircuitView) -> str:
    if circuit.meter_lost:
        age = f" for {words.duration(circuit.meter_age_s)}" if circuit.meter_age_s is not None else ""
        return f"meter silent{age}: worst case assumed"
    if circuit.meter is None:
        return words.METER[circuit.meter_view]
    age = f" {words.duration(circuit.meter_age_s)} ago" if circuit.meter_age_s is not None else ""
    return f"{words.METER[circuit.meter_view]}{age}"


def _phase(circuit: CircuitView, index: int) -> dict[str, Any]:
    """Fractions of the bar's length. Where PV covers part of the cars' current, what is left of it counts as cars."""
    rated, load, base = circuit.fuse_a[index], circuit.load_a[index], circuit.base_a[index]
    allowed = min(circuit.allowed_a[index], rated)
    whole = max(rated, 0.1) * _ROOM
    drawn = fraction(load, whole)
    below = fraction(base, whole)
    limited = circuit.allowed_a[index] < rated - 0.05
    return {
        "label": f"L{index + 1}",
        "base": min(below, drawn),
        "cars": max(0.0, round(drawn - below, 4)),
        "back": fraction(-load, whole),
        "planned": fraction(circuit.planned_a[index], whole),
        "fuse": round(1 / _ROOM, 4),
        "limit": fraction(allowed, whole) if limited else None,
        "level": _level(circuit, index),
        "text": words.number(load) + " A",
        "of": words.number(allowed) + " A",
        "speech": (
            f"L{index + 1}: {words.current(load)}, of it {words.current(max(load - base, 0.0))} cars; "
            f"at most {words.current(allowed)}, fuse {words.current(rated)}"
        ),
    }


def fraction(value_a: float, whole_a: float) -> float:
    return round(min(1.0, max(0.0, value_a / whole_a)), 4)
