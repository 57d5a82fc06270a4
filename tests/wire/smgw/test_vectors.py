"""The real gateways' answers that are at hand, and our own, read by the decoder of saved answers."""

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chargebridge.meters.files import decode_file
from chargebridge.wire.meter import DecodeError, ErrorKind, Protocol, Scale, Telegram, detect
from chargebridge.wire.smgw import theben

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "meters" / "smgw_han"
DATA = Path(__file__).parent / "data"
FILES = sorted(VECTORS.glob("*.expected.json"))
WITH_VALUES = ("emh_casa_origin_extended", "ppc_showmeterprofile")
_KILO = {"kWh": ("Wh", 1000)}


@pytest.mark.parametrize(
    "expected",
    FILES or [pytest.param(None, marks=pytest.mark.skip(reason=f"no captures in {VECTORS}"))],
    ids=lambda p: p.stem if p else "absent",
)
def test_each_capture_is_what_it_is_said_to_be(expected):
    wanted = json.loads(expected.read_text())
    path = expected.parent / wanted["file"]
    assert detect(path.read_bytes()) is Protocol.SMGW
    (event,) = decode_file(path)
    if "registers" not in wanted:
        assert isinstance(event, DecodeError)
        assert event.kind is ErrorKind.UNSUPPORTED
        assert theben.method(path.read_bytes()) == wanted["method"]
        return
    assert isinstance(event, Telegram)
    found = {code: (register.value, register.unit) for code, register in event.registers.items()}
    assert found == {code.removesuffix("*255"): _plain(value) for code, value in wanted["registers"].items()}
    assert list(event.unparsed) == wanted.get("skipped", [])
    for value in wanted["registers"].values():
        if "time" in value:
            assert event.clock == datetime.fromisoformat(value["time"]).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def _plain(value: dict) -> tuple[Decimal | float, str]:
    unit, factor = _KILO.get(value["unit"], (value["unit"], 1))
    number = Decimal(str(value["value"])) * factor
    return (number if unit == "Wh" else float(number)), unit


@pytest.mark.skipif(not FILES, reason=f"no captures in {VECTORS}")
def test_requests_are_those_of_the_maker_s_description():
    def wanted(name):
        return json.loads((VECTORS / f"theben_{name}_request.json").read_text())

    assert json.loads(theben.request("smgw-info")) == wanted("01_smgw-info")
    assert json.loads(theben.request("user-info")) == wanted("03_user-info")
    assert json.loads(theben.request("self-test")) == wanted("09_self-test")
    asked = json.loads(theben.usage_point_request("<usage-point-id>"))
    assert {**asked, "database": "<database>"} == wanted("05_usage-point-info")


@pytest.mark.skipif(not FILES, reason=f"no captures in {VECTORS}")
def test_the_log_of_the_maker_s_description():
    (entry,) = theben.log((VECTORS / "theben_07_log_response.json").read_bytes())
    assert (entry.index, entry.level, entry.event) == (1830, 6, "16001")
    assert entry.at == datetime(2019, 8, 23, 11, 9, 48, tzinfo=UTC)
    assert "359 Messwerte" in entry.text


# Our own

NOON = datetime(2026, 3, 29, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(("name", "number"), [("ppc_profile.html", None), ("emh_extended.json", "1EMH0012345678")])
def test_a_present_value(name, number):
    (event,) = decode_file(DATA / name)
    assert isinstance(event, Telegram)
    assert event.clock == NOON
    assert event.meter_id == number
    assert {code: (r.value, r.unit) for code, r in event.registers.items()} == {
        "1-0:1.8.0": (Decimal("1236097.8"), "Wh"),
        "1-0:2.8.0": (Decimal("987661.8"), "Wh"),
        "1-0:32.7.0": (230.1, "V"),
    }


def test_readings_without_their_scales_are_no_quantities():
    (event,) = decode_file(DATA / "theben_readings.json")
    assert isinstance(event, Telegram)
    assert {(r.value, r.unit, r.scale) for r in event.registers.values()} == {
        (12360978, "", Scale.UNKNOWN),
        (9876618, "", Scale.UNKNOWN),
        (2301, "", Scale.UNKNOWN),
    }


def test_readings_with_their_scales():
    scales = theben.scales((DATA / "theben_usage_point_info.json").read_bytes())
    values = theben.values((DATA / "theben_readings.json").read_bytes(), scales)
    assert [(v.code, v.value, v.unit, v.at) for v in values] == [
        ("1-0:1.8.0", Decimal("1236097.8"), "Wh", NOON),
        ("1-0:2.8.0", Decimal("987661.8"), "Wh", NOON),
        ("1-0:32.7.0", Decimal("230.1"), "V", NOON),
    ]
    assert all(bytes.fromhex(value.signature or "")[:1] == b"0" for value in values)
    assert {value.status for value in values} == {0xE002000000000000}


def test_a_signed_file_has_a_telegram_for_each_quarter_hour():
    events = list(decode_file(DATA / "ppc_export.cms"))
    assert [event.clock for event in events] == [NOON - n * timedelta(minutes=15) for n in (3, 2, 1, 0)]
    assert [event.registers["1-0:1.8.0"].value for event in events] == [
        Decimal("1234567.8"),
        Decimal("1235067.8"),
        Decimal("1235577.8"),
        Decimal("1236097.8"),
    ]
