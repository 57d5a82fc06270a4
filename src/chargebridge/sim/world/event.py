"""What happens in the world: a story is a tuple of these, each with its time and one sentence for the page.

Plain data: msgspec reads it from JSON or TOML and writes it back.
"""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.model.phases import Phase


class Event(Struct, frozen=True, kw_only=True):
    """at_s: seconds after the story's beginning. text: what a bystander would say."""

    at_s: float
    text: str = ""


class Arrive(Event, frozen=True, kw_only=True, tag="arrive"):
    """A car is plugged in and its driver shows a card (an OCPP idTag); whoever still stands there leaves first.

    kind: of ``fleet.KINDS``. stays_s: what the driver says about his departure (None: nothing). wants_wh: the energy he says that he needs by then.
    """

    point: str
    kind: str
    soc: float
    card: str
    stays_s: float | None = None
    wants_wh: float = 0.0


class Depart(Event, frozen=True, kw_only=True, tag="depart"):
    """The driver shows his card again, unplugs and goes."""

    point: str


class LeaveEarly(Event, frozen=True, kw_only=True, tag="leave_early"):
    """A driver must leave in ``stays_s`` seconds and says so; wants_wh: what he needs by then."""

    point: str
    stays_s: float
    wants_wh: float


class GridLimit(Event, frozen=True, kw_only=True, tag="grid_limit"):
    """The grid operator limits the site's consumption. power_w None lifts it. The site takes it in by its own interface."""

    power_w: float | None
    duration_s: float | None = None


class FaultKind(StrEnum):
    """DEAD: its connections break and new ones break at once. SILENT: they stay, but nothing comes. FROZEN: the same telegram for ever.

    CUT, FLIPPED: telegrams lack their end, or have one wrong bit. LATE: each telegram comes ``late_s`` after its time.
    """

    NONE = "none"
    DEAD = "dead"
    SILENT = "silent"
    FROZEN = "frozen"
    CUT = "cut"
    FLIPPED = "flipped"
    LATE = "late"


class MeterFails(Event, frozen=True, kw_only=True, tag="meter_fails"):
    """A meter gets a fault; ``NONE`` repairs it."""

    meter: str
    fault: FaultKind
    late_s: float = 0.0


class SwitchOn(Event, frozen=True, kw_only=True, tag="switch_on"):
    """Somebody in a household switches something on for ``run_s``; power_w in sum over ``phases``."""

    household: str
    what: str
    power_w: float
    phases: tuple[Phase, ...]
    run_s: float
    power_factor: float = 1.0


class Cloud(Event, frozen=True, kw_only=True, tag="cloud"):
    """A thick cloud over a PV plant: lets_through 0 to 1 of the clear sky, for ``lasts_s``."""

    plant: str
    lets_through: float
    lasts_s: float


class PriceList(Event, frozen=True, kw_only=True, tag="price_list"):
    """The supplier tells his prices. per_kwh: (seconds from now, price from then on); the last holds until lasts_s."""

    per_kwh: tuple[tuple[float, float], ...]
    lasts_s: float


Happening = PriceList | Arrive | Depart | LeaveEarly | GridLimit | MeterFails | SwitchOn | Cloud


def stretch(story: tuple[Happening, ...], factor: float) -> tuple[Happening, ...]:
    """The same story told ``factor`` times as slowly: with a clock that runs as much faster it keeps its pace on the wall.

    What a driver says of his own plans (``stays_s``) is about real roads and stays as it is.
    """
    return tuple(_stretched(event, factor) for event in story)


def _stretched(event: Happening, factor: float) -> Happening:
    at_s = event.at_s * factor
    match event:
        case GridLimit(duration_s=float() | int() as lasts_s):
            return replace(event, at_s=at_s, duration_s=lasts_s * factor)
        case SwitchOn(run_s=lasts_s):
            return replace(event, at_s=at_s, run_s=lasts_s * factor)
        case Cloud(lasts_s=lasts_s):
            return replace(event, at_s=at_s, lasts_s=lasts_s * factor)
        case PriceList(per_kwh=prices, lasts_s=lasts_s):
            return replace(event, at_s=at_s, per_kwh=tuple((after * factor, price) for after, price in prices), lasts_s=lasts_s * factor)
        case _:
            return replace(event, at_s=at_s)
