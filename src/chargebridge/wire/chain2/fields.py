"""What each field of a compact frame means: its OBIS code and unit.

The frames are those of CEI TS 13-82 to 13-85 (not public); the names are the gateway's. CF1 each quarter hour, CF5 daily, CF9 weekly (voltage
quality), CF10 monthly, CF20 contract, CF21 power moved by more than the gap, CF22 available power exceeded, CF23 interruption, CF51 as CF21 with
production. What OBIS has no code for stands under ``0-0:94.39.E``: C = 94 are the codes of countries, D = 39 is Italy; E is our own numbering.
"""

from enum import Enum

from chargebridge.wire.meter.telegram import Scale


class Form(Enum):
    """How a field is written: a measured number, a register that is billed, a counter or code, a text, or a moment of the meter's local time."""

    MEASURED = 1
    ENERGY = 2
    COUNT = 3
    TEXT = 4
    MOMENT = 5


Field = tuple[str, str, Form, Scale]
"""OBIS code, unit, form, and where the scale comes from: the frames are defined in whole W, Wh and s; the unit of CF9's voltages is not known."""

COUNTDOWN, AVAILABLE, EVENT_TIME = "0-0:94.39.22", "0-0:17.0.0", "0-0:94.39.21"
"""Seconds until the meter switches off; power above which it will, W; when that began, s since 1970."""
CONTRACT, GAP = "0-0:94.39.20", "0-0:94.39.24"
METER_NUMBER = "0-0:96.1.0"


def _w(code: str) -> Field:
    return code, "W", Form.MEASURED, Scale.PROFILE


def _wh(code: str) -> Field:
    return code, "Wh", Form.ENERGY, Scale.PROFILE


def _count(code: str, unit: str = "") -> Field:
    return code, unit, Form.COUNT, Scale.PROFILE


def _text(code: str) -> Field:
    return code, "", Form.TEXT, Scale.PROFILE


def _moment(code: str) -> Field:
    return code, "", Form.MOMENT, Scale.PROFILE


FIELDS: dict[str, Field] = {
    "instantpower": _w("1-0:1.7.0"),
    "instantprodpower": _w("1-0:2.7.0"),
    "prodinstantpower": _w("1-0:2.7.0"),
    "quartaveragepower": _w("1-0:1.5.0"),
    "quartaverageprodpower": _w("1-0:2.5.0"),
    "totalactenergy": _wh("1-0:1.8.0"),
    "totalprodactenergy": _wh("1-0:2.8.0"),
    "currquartactenergy": _wh("1-0:1.29.0"),
    "prevquartactenergy": _wh("1-0:1.29.0*1"),
    "currquartprodactenergy": _wh("1-0:2.29.0"),
    "prevquartprodactenergy": _wh("1-0:2.29.0*1"),
    "tariffcode": _count("0-0:96.14.0"),
    "eventtype": _count("0-0:96.11.0"),
    "eventscounter": _count("0-0:96.15.0"),
    "availablepower": _w(AVAILABLE),
    "contractpower": _w(CONTRACT),
    "gap": _w(GAP),
    "switchoffcountdownseconds": _count(COUNTDOWN, "s"),
    "outageduration": _count("0-0:94.39.23", "s"),
    "startcontract": _moment("0-0:94.39.25"),
    "freezingday": _moment("0-0:94.39.26"),
    "pod": _text("0-0:96.1.10"),
    "dataplate": _text(METER_NUMBER),
    "dailymaxinstantpower": _w("0-0:94.39.50"),
    "dailymaxinstantpowerdatetime": _moment("0-0:94.39.57"),
    "weeklyveffmin": ("1-0:12.3.0", "V", Form.MEASURED, Scale.UNKNOWN),
    "weeklyveffmindatetime": _moment("0-0:94.39.96"),
    "weeklyveffmax": ("1-0:12.6.0", "V", Form.MEASURED, Scale.UNKNOWN),
    "weeklyveffmaxdatetime": _moment("0-0:94.39.97"),
    "counterveffbetween10percent": _count("0-0:94.39.91"),
    "counterveffupto15negpercent": _count("0-0:94.39.92"),
    "counterveffupto15pospercent": _count("0-0:94.39.93"),
    "counterveffunder15negpercent": _count("0-0:94.39.94"),
    "counterveffover15pospercent": _count("0-0:94.39.95"),
    "monthlymaxquartaveragepower": _w("0-0:94.39.100"),
    "monthlymaxquartaveragepowerdatetime": _moment("0-0:94.39.107"),
    **{f"dailytotalactenergyf{tariff}": _wh(f"0-0:94.39.{50 + tariff}") for tariff in range(1, 7)},
    **{f"monthlytotalactenergyf{tariff}": _wh(f"0-0:94.39.{100 + tariff}") for tariff in range(1, 7)},
}
"""By the name in lower case: gateways do not agree on the first letter."""

KNOWN = frozenset({"CF1", "CF5", "CF9", "CF10", "CF20", "CF21", "CF22", "CF23", "CF51"})
"""Other frames are kept as they came."""
TIMES = ("eventposixtimestamp", "measureposixtimestamp", "messageposixtimestamp")
"""Seconds since 1970 UTC; the first that is there is the moment that the frame tells of."""
