"""What cars will draw that charge at once: all that they can take from now on, in equal parts where that is more than there is room for.

A forecast, no plan: what real time will do with them. They give way to what is planned for others, who gave way to them before.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from chargebridge.planning.problem import Series


class Hurry(Struct, frozen=True, kw_only=True):
    """One car: most_w it can take in each step (0 where it will not), energy_wh it is taken to want."""

    id: str
    circuit: str
    most_w: Series
    energy_wh: float


def spread(
    cars: Sequence[Hurry], room_w: Sequence[float], fuses_w: Mapping[str, Sequence[float]], hours: Sequence[float]
) -> dict[str, Series]:
    """By car: W in each step. room_w: what the grid connection leaves to cars; fuses_w: what each circuit carries."""
    found: dict[str, list[float]] = {car.id: [] for car in cars}
    left = {car.id: car.energy_wh for car in cars}
    for t, hour in enumerate(hours):
        asked = {car.id: min(car.most_w[t], left[car.id] / hour) for car in cars}
        for circuit, fuse_w in fuses_w.items():
            asked |= _fit({car.id: asked[car.id] for car in cars if car.circuit == circuit}, max(0.0, fuse_w[t]))
        for name, watts in _fit(asked, max(0.0, room_w[t])).items():
            found[name].append(watts)
            left[name] -= watts * hour
    return {name: tuple(values) for name, values in found.items()}


def _fit(asked: Mapping[str, float], room_w: float) -> dict[str, float]:
    """Max-min fair: who asks for less than an equal part gets it, the others share the rest."""
    given: dict[str, float] = {}
    for count, name in zip(range(len(asked), 0, -1), sorted(asked, key=lambda n: asked[n]), strict=True):
        given[name] = min(asked[name], room_w / count)
        room_w -= given[name]
    return given
