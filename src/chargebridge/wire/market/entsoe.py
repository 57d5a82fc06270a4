"""Day-ahead prices as ENTSO-E's Transparency Platform answers: Publication_MarketDocument (IEC 62325-451-3), document type A44, article 12.1.D.

One answer may hold several auctions, told apart by classificationSequence_AttributeInstanceComponent.position: 1 is the single day-ahead
coupling, 2 of the zone DE-LU is another exchange's earlier auction; the order in the document means nothing. Zones without sequences may send a
period at two resolutions: the finer one counts. With curveType A03 a position that is left out repeats the one before it, up to the period's end.
Times are UTC, so that a day with a change of the clocks has 92 or 100 quarter hours without anything said about it.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from chargebridge.wire.market.errors import SLOTS_MAX, MarketFormatError, bounded, checked
from chargebridge.wire.market.values import PriceSlot

WHERE = "ENTSO-E"
RESOLUTIONS = {"PT15M": 900.0, "PT30M": 1800.0, "PT60M": 3600.0, "PT1H": 3600.0}
NO_DATA = "999"
SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"
DAY_AHEAD = "A01"
VARIABLE_BLOCKS = "A03"


def read_prices(data: bytes, *, currency: str = "EUR") -> tuple[PriceSlot, ...]:
    """Empty where the platform knows none for that time. Raises MarketFormatError."""
    root = _root(bounded(data, WHERE))
    if _name(root) == "Acknowledgement_MarketDocument":
        code = _text(root, "code")
        if code == NO_DATA:
            return ()
        raise MarketFormatError(
            WHERE, f"answers: {_text(root, 'text') or code or 'nothing'}"[:300], "see the zone's EIC code and the token"
        )
    if _name(root) != "Publication_MarketDocument":
        raise MarketFormatError(
            WHERE, f"{_name(root)[:60]!r} is no Publication_MarketDocument", "is the address that of ENTSO-E's interface?"
        )
    series = [
        each for each in root if _name(each) == "TimeSeries" and (_text(each, "contract_MarketAgreement.type") or DAY_AHEAD) == DAY_AHEAD
    ]
    first = min((_sequence(each) for each in series), default=1)
    by_resolution: dict[float, list[PriceSlot]] = {}
    for each in series:
        if _sequence(each) != first:
            continue
        if (found := _text(each, "currency_Unit.name") or currency) != currency:
            raise MarketFormatError(WHERE, f"prices are in {found[:10]}, not {currency}", "set the market's currency and an exchange rate")
        if (unit := _text(each, "price_Measure_Unit.name") or "MWH") != "MWH":
            raise MarketFormatError(WHERE, f"prices are by {unit[:10]}, not by MWh", "is this document type A44?")
        for period in each:
            if _name(period) == "Period":
                step_s, slots = _period(period, variable=_text(each, "curveType") == VARIABLE_BLOCKS)
                by_resolution.setdefault(step_s, []).extend(slots)
    kept: list[PriceSlot] = []
    for _, slots in sorted(by_resolution.items()):
        kept = sorted([*kept, *(slot for slot in slots if _free(slot, kept))], key=_start)
    return checked(kept, WHERE)


def _start(slot: PriceSlot) -> datetime:
    return slot.starts_at


def _free(slot: PriceSlot, taken: list[PriceSlot]) -> bool:
    """Whether none of ``taken``, in order, lies in its time."""
    place = bisect_left(taken, slot.ends_at, key=_start)
    return place == 0 or taken[place - 1].ends_at <= slot.starts_at


def _root(data: bytes) -> ET.Element:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MarketFormatError(WHERE, f"byte {error.start} is no UTF-8", "is the address that of ENTSO-E's interface?") from error
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):  # entities of a document's own could grow without bound
        raise MarketFormatError(WHERE, "the document declares types or entities of its own", "no price document does")
    try:
        return ET.fromstring(text)  # noqa: S314  (no declarations, bounded size)
    except (ET.ParseError, ValueError) as error:
        raise MarketFormatError(WHERE, f"is not XML ({error})", "is the address that of ENTSO-E's interface?") from error


def _period(period: ET.Element, *, variable: bool) -> tuple[float, list[PriceSlot]]:
    starts, ends = _moment(_text(period, "start")), _moment(_text(period, "end"))
    step_s = RESOLUTIONS.get(_text(period, "resolution"))
    if step_s is None:
        raise MarketFormatError(
            WHERE, f"resolution {_text(period, 'resolution')[:20]!r} is not known", f"known are {', '.join(RESOLUTIONS)}"
        )
    count = int((ends - starts).total_seconds() // step_s)
    if not 0 < count <= SLOTS_MAX:
        raise MarketFormatError(WHERE, f"{starts} to {ends} is no period of {step_s:.0f} s steps", "ask for up to a year")
    told: dict[int, float] = {}
    for position, amount in _points(period):
        if not 1 <= position <= count:
            raise MarketFormatError(WHERE, f"position {position} is outside of the period", f"1 to {count} are inside")
        told[position] = amount
    slots, last = [], None
    for position in range(1, count + 1):
        last = told.get(position, last if variable else None)
        if last is not None:
            begin = starts + timedelta(seconds=(position - 1) * step_s)
            slots.append(PriceSlot(starts_at=begin, ends_at=begin + timedelta(seconds=step_s), per_mwh=last))
    return step_s, slots


def _points(period: ET.Element) -> Iterator[tuple[int, float]]:
    for point in period:
        if _name(point) == "Point":
            try:
                yield int(_text(point, "position")), float(_text(point, "price.amount"))
            except ValueError as error:
                raise MarketFormatError(WHERE, f"a point is no number ({error})"[:200], "is this document type A44?") from error


def _sequence(series: ET.Element) -> int:
    text = _text(series, SEQUENCE)
    return int(text) if text.isascii() and text.isdigit() else 1


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise MarketFormatError(WHERE, f"{text[:40]!r} is no time", "is this document type A44?") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ET.Element, name: str) -> str:
    """Of the first element of that name below; "" where there is none."""
    return next(((found.text or "").strip() for found in element.iter() if _name(found) == name), "")
