"""PPC's gateways: pages of HTML from ``/cgi-bin/hanservice.cgi``, as known from public clients of them; the maker publishes no description.

A talk: GET with digest -> cookie ``session`` and a page with the hidden field ``tkn``; every form sends it back, and every page may bring a new one.
``meterform`` lists the meters, ``showMeterProfile`` shows the present values of one. For a span of time, ``showMeterValuesForm`` brings an id of
its own, with which ``exportMeterValues`` fetches the signed file (see ``export``). ``logout`` frees the only session there is.
``selftest`` is not here: it restarts the gateway.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from chargebridge.wire.meter import obis
from chargebridge.wire.smgw import local_time
from chargebridge.wire.smgw.page import tags
from chargebridge.wire.smgw.value import MAX_ANSWER, Fault, SmgwError, Value, content_error, meter_number

PATH = "/cgi-bin/hanservice.cgi"
COOKIE = "session"
_CELL = "table_metervalues_col_"
_LOCKED = re.compile(r"portal[^<>]{0,120}gesperrt", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,4})\s*(Stunde|Minute|Sekunde)", re.IGNORECASE)
_SECONDS = {"stunde": 3600, "minute": 60, "sekunde": 1}
_FAILED = re.compile(r"anmeldung[^.<]{0,60}fehlgeschlagen", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{1,9})?", re.ASCII)
_VALID = {"1": True, "0": False, "2": False, "3": False}
"""``ist valide``: 1 yes; 0 and 2 no; 3 there is none."""
UNITS: dict[str, tuple[str, int]] = {
    prefix + unit: (unit, power)
    for unit in ("Wh", "varh", "VAh", "W", "var", "VA", "V", "A", "Hz")
    for prefix, power in (("", 0), ("k", 3), ("m", -3))
} | {"°": ("deg", 0)}


class Meter(Struct, frozen=True):
    """mid: by which the forms name it, good for one session. number: on the meter's face."""

    mid: str
    number: str


class Page(Struct, frozen=True):
    """token: for the next form, None if the page brings none."""

    token: str | None
    text: str


def form(action: str, token: str | None, **fields: str) -> dict[str, str]:
    """What a form sends."""
    return {"action": action, **({} if token is None else {"tkn": token}), **fields}


def meters_form(token: str | None) -> dict[str, str]:
    return form("meterform", token)


def profile_form(token: str | None, mid: str) -> dict[str, str]:
    return form("showMeterProfile", token, mid=mid)


def span_form(token: str | None, mid: str) -> dict[str, str]:
    return form("showMeterValuesForm", token, mid=mid)


def export_form(token: str | None, span_mid: str, start: datetime, end: datetime) -> dict[str, str]:
    """``start`` and ``end`` aware; the gateway takes local time."""
    return form("exportMeterValues", token, mid=span_mid, **{"from": local_time.text(start), "to": local_time.text(end)})


def logout_form(token: str | None) -> dict[str, str]:
    return form("logout", token)


def page(data: bytes) -> Page:
    """A page, if it is one that serves. Raises ``SmgwError``: LOCKED, REFUSED, CONTENT."""
    if len(data) > MAX_ANSWER:
        raise content_error(f"a page of {len(data)} bytes is longer than any")
    text = data.decode("utf-8", "replace")
    if _LOCKED.search(text):
        wait_s = sum(int(count) * _SECONDS[unit.lower()] for count, unit in _SPAN.findall(text))
        raise SmgwError(
            Fault.LOCKED, "the gateway takes no log-ins for a while", "wait, and check user and password", float(wait_s) or None
        )
    if _FAILED.search(text):
        raise SmgwError(Fault.REFUSED, "the gateway says that the log-in failed", "check user and password in the meter operator's letter")
    token = next(
        (attributes.get("value") for name, attributes, _ in tags(text) if name == "input" and attributes.get("name") == "tkn"), None
    )
    return Page(token, text)


def meters(text: str) -> list[Meter]:
    """The meters that a page offers to choose from."""
    found, inside = [], False
    for name, attributes, following in tags(text):
        if name == "select":
            inside = attributes.get("id") == "meterform_select_meter" or attributes.get("name") == "mid"
        elif name == "/select":
            inside = False
        elif name == "option" and inside and attributes.get("value") and following.strip():
            found.append(Meter(attributes["value"], meter_number(following)))
    return found


def span_mid(text: str) -> str:
    """The id that the page of ``showMeterValuesForm`` brings."""
    for name, attributes, _ in tags(text):
        if name == "input" and attributes.get("name") == "mid" and attributes.get("value"):
            return attributes["value"]
    raise content_error("the page has no hidden field mid")


def firmware(text: str) -> str | None:
    """The version at the foot of the pages."""
    return next((following.strip() for _, attributes, following in tags(text) if attributes.get("id") == "div_fwversion"), None)


def values(text: str, near: datetime | None = None, meter: str | None = None) -> list[Value]:
    """The rows of a table of values. Each row has its time, or that of the row above. ``near``: see ``local_time``."""
    rows = list(_rows(text))
    moments: list[datetime] = []
    place: list[tuple[int, bool | None]] = []
    for cells in rows:
        valid = place[-1][1] if place else None
        if cells.get("timestamp"):
            moments.append(local_time.parse(cells["timestamp"]))
            valid = None
        elif not moments:
            raise content_error("the first value has no time")
        place.append((len(moments) - 1, _VALID.get(cells.get("istvalide", ""), valid)))
    resolved = local_time.resolve(moments, near)
    return [
        _value(code, cells, resolved[moment], valid=valid, meter=meter)
        for cells, (moment, valid) in zip(rows, place, strict=True)
        if (code := obis.canonical(cells["obis"])) is not None
    ]


def unread(text: str) -> tuple[str, ...]:
    """Rows whose name is no OBIS code."""
    return tuple(cells["obis"] for cells in _rows(text) if obis.canonical(cells["obis"]) is None)


def _rows(text: str) -> Iterator[dict[str, str]]:
    """Cells of the rows that have a code and a value, by the end of their ids."""
    cells: dict[str, str] = {}
    column: str | None = None
    for name, attributes, following in tags(text):
        if name in ("tr", "/tr", "/table"):
            if "obis" in cells and "wert" in cells:
                yield {key: value.strip() for key, value in cells.items()}
            cells, column = {}, None
        elif name in ("td", "/td"):
            cell = attributes.get("id", "")
            column = cell.removeprefix(_CELL) if name == "td" and cell.startswith(_CELL) else None
            if column is not None:
                cells[column] = following
        elif column is not None:
            cells[column] += following


def _value(code: str, cells: dict[str, str], at: datetime, *, valid: bool | None, meter: str | None) -> Value:
    written = cells["wert"]
    unit, power = UNITS.get(cells.get("einheit", ""), (cells.get("einheit", ""), 0))
    try:
        if not _NUMBER.fullmatch(written):
            raise InvalidOperation
        number = Decimal(written.replace(",", ".")).scaleb(power)
    except InvalidOperation:
        raise content_error(f"value {written!r:.30} of {code} is no number") from None
    return Value(code=code, value=number, unit=unit, raw=written, scaler=power, captured=at, assumed=True, meter=meter, valid=valid)
