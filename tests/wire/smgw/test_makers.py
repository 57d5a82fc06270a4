"""What each maker's interface does that others do not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.sim.smgw.meter import GatewayMeter, Register, quarter_hours
from chargebridge.sim.smgw.ppc import table
from chargebridge.wire.meter import Telegram
from chargebridge.wire.smgw import Fault, SmgwError, UsagePoint, emh, export, latest, local_time, ppc, telegram, theben
from chargebridge.wire.smgw.page import tags
from chargebridge.wire.smgw.value import logical_name, meter_number, scaled

DATA = Path(__file__).parent / "data"
NUMBER = "1EMH0012345678"


def fault(fault: Fault, call, *args) -> SmgwError:
    with pytest.raises(SmgwError) as caught:
        call(*args)
    assert caught.value.fault is fault
    assert caught.value.cure
    return caught.value


# PPC


def test_a_page_s_token_wherever_its_attributes_stand():
    for field in (
        '<input type="hidden" name="tkn" value="ab12"/>',
        "<INPUT value='ab12' NAME='x' name='tkn'>",
        "<input value=ab12 name=tkn>",
    ):
        assert ppc.page(f"<html><!-- <input name='tkn' value='no'> --><form>{field}</form>".encode()).token == "ab12"
    assert ppc.page(b"<html></html>").token is None


def test_a_locked_gateway_says_for_how_long():
    error = fault(Fault.LOCKED, ppc.page, "<p>Das Portal ist für 4 Minuten und 37 Sekunden gesperrt.</p>".encode())
    assert error.wait_s == 277
    assert fault(Fault.LOCKED, ppc.page, b"<p>Das Portal ist gesperrt.</p>").wait_s is None


def test_a_failed_log_in():
    fault(Fault.REFUSED, ppc.page, b"<p>Fehler: Anmeldung fehlgeschlagen.Bitte schliessen Sie das Fenster</p>")


def test_meters_and_firmware_of_a_page():
    page = (
        '<select id="meterform_select_meter" name="mid"><option value="a1">01005e318002.1lgz0072999211.sm</option>'
        '<option value="b2">01005e318002.1lgz0088888888.sm</option></select><p id="div_fwversion"> 00861-34788 </p>'
    )
    assert ppc.meters(page) == [ppc.Meter("a1", "1LGZ0072999211"), ppc.Meter("b2", "1LGZ0088888888")]
    assert ppc.firmware(page) == "00861-34788"
    assert ppc.meters("<html></html>") == []


def test_the_id_for_a_span_stands_in_its_own_form():
    assert ppc.span_mid('<form name="input_metervalues"><input type="hidden" name="mid" value="c3"></form>') == "c3"
    fault(Fault.CONTENT, ppc.span_mid, "<form></form>")


def test_forms_carry_action_token_and_local_times():
    start, end = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert ppc.export_form("t", "m", start, end) == {
        "action": "exportMeterValues",
        "tkn": "t",
        "mid": "m",
        "from": "2026-03-29 00:00:00",
        "to": "2026-03-30 00:00:00",
    }
    assert ppc.logout_form(None) == {"action": "logout"}


def row(**cells: str) -> str:
    return "<tr>" + "".join(f'<td id="table_metervalues_col_{name}">{text}</td>' for name, text in cells.items()) + "</tr>"


def test_rows_without_a_time_have_that_of_the_row_above_and_its_validity():
    page = row(timestamp="2026-05-15 12:00:01", obis="1-0:1.8.0", wert="1005,5", einheit="kWh", istvalide="2")
    page += row(timestamp="", obis="1-0:2.8.0", wert="501.0", einheit="kWh", istvalide="")
    page += row(timestamp="2026-05-15 11:45:01", obis="1-0:1.8.0", wert="1005.0", einheit="kWh", istvalide="1")
    page += row(obis="1-0:16.7.0", wert="-1.25", einheit="kW") + row(obis="Tarif", wert="1", einheit="")
    values = ppc.values(page)
    assert [(v.code, v.value, v.unit, v.valid) for v in values] == [
        ("1-0:1.8.0", Decimal("1005500"), "Wh", False),
        ("1-0:2.8.0", Decimal(501000), "Wh", False),
        ("1-0:1.8.0", Decimal(1005000), "Wh", True),
        ("1-0:16.7.0", Decimal(-1250), "W", True),
    ]
    assert values[1].at == datetime(2026, 5, 15, 10, 0, 1, tzinfo=UTC)
    assert ppc.unread(page) == ("Tarif",)
    found = telegram("ppc", latest(values))
    assert set(found.registers) == {"1-0:1.8.0", "1-0:16.7.0"}
    assert telegram("ppc", values).unparsed == ("1-0:1.8.0 1005,5 is marked invalid", "1-0:2.8.0 501.0 is marked invalid")


@pytest.mark.parametrize(
    "cells",
    [
        {"obis": "1-0:1.8.0", "wert": "1"},
        {"timestamp": "15.05.2026 12:00", "obis": "1-0:1.8.0", "wert": "1"},
        {"timestamp": "2026-05-15 12:00:01", "obis": "1-0:1.8.0", "wert": "viel"},
        {"timestamp": "2026-05-15 12:00:01", "obis": "1-0:1.8.0", "wert": "9" * 40},
        {"timestamp": "2026-03-29 02:30:00", "obis": "1-0:1.8.0", "wert": "1"},
    ],
)
def test_rows_that_cannot_be(cells):
    fault(Fault.CONTENT, ppc.values, row(**cells))


# Local time


@pytest.mark.parametrize(
    "day", [datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)]
)
@pytest.mark.parametrize("order", [1, -1], ids=["newest first", "oldest first"])
def test_a_listed_day_is_resolved_also_where_an_hour_comes_twice(day, order):
    moments = [day + timedelta(minutes=15 * n, seconds=1) for n in range(100)]
    locals_ = [at.astimezone(local_time.ZONE).replace(tzinfo=None) for at in moments[::-order]]
    assert local_time.resolve(locals_) == moments[::-order]


def test_a_table_with_two_registers_each_is_resolved_too():
    meter = quarter_hours(NUMBER, datetime(2026, 10, 24, 23, 0, tzinfo=UTC), 16, late_s=1)
    found = ppc.values(table(meter, meter.moments))
    for register in meter.registers:
        assert sorted((v.at, v.value) for v in found if v.code == register.obis) == [(at, Decimal(raw) / 10) for at, raw in register.stored]


def test_one_pass_of_the_repeated_hour_is_the_one_nearer_to_us_else_the_first():
    half_past_two = local_time.parse("2026-10-25 02:30:00")
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert local_time.resolve([half_past_two]) == [first]
    assert local_time.resolve([half_past_two], first + timedelta(minutes=5)) == [first]
    assert local_time.resolve([half_past_two], second + timedelta(minutes=5)) == [second]


# Signed files


def test_statuses_of_a_signed_file():
    data = (DATA / "ppc_export.cms").read_bytes()
    assert {value.valid for value in export.values(data)} == {True}
    invalid = data.replace(b"<ns2:unsigned>0<", b"<ns2:unsigned>4<", 1)
    assert sum(value.valid is False for value in export.values(invalid)) == 1
    assert all(value.signature for value in export.values(data))


def test_documents_with_a_type_are_refused():
    data = (DATA / "ppc_export.cms").read_bytes()
    at = data.index(b"<ns1:object")
    bomb = data[:at] + b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + data[at:]
    assert "document type" in fault(Fault.CONTENT, export.values, bomb).reason


# Theben


def test_usage_points_and_the_gateway_itself():
    points = theben.usage_points((DATA / "theben_user_info.json").read_bytes())
    assert points == [
        UsagePoint(id="01005e318021.taf7-1.sm", name="taf7-1", taf=7, running=True, meters=(NUMBER,)),
        UsagePoint(id="01005e318021.taf1-1.sm", name="taf1-1", taf=1, running=False, meters=(NUMBER,)),
    ]
    assert theben.choose(points) == points[:1]
    info = theben.smgw_info((DATA / "theben_smgw_info.json").read_bytes())
    assert (info.id, info.firmware) == ("ethe0300000001", "v3.87.0-cc")


def point(name: str, taf: int, *meters: str, running: bool = True) -> UsagePoint:
    return UsagePoint(id=name, name=name, taf=taf, running=running, meters=meters)


def test_which_usage_points_are_chosen():
    bought, sold, live, old = point("b", 7, "A"), point("s", 7, "A"), point("l", 14, "A"), point("o", 14, "A", running=False)
    assert theben.choose([point("r", 1, "A"), bought, sold, old]) == [bought, sold]
    assert theben.choose([bought, live]) == [live]
    assert theben.choose([bought, live], tafs=theben.SERIES_TAFS) == [bought]
    assert theben.choose([point("x", 99)]) == [point("x", 99)]
    assert theben.choose([bought, point("z", 7, "B")], "B") == [point("z", 7, "B")]
    fault(Fault.ABSENT, theben.choose, [old])
    fault(Fault.ABSENT, theben.choose, [bought, point("z", 7, "B")])
    fault(Fault.ABSENT, theben.choose, [bought], "B")


def test_figures_may_be_texts_or_numbers_and_units_may_stand_at_the_values():
    answer = {
        "method": "readings",
        "readings": {
            "channels": [
                {"obis": "0100100700ff", "readings": [{"value": -250, "unit": 27, "scaler": "1", "capture-time": "2026-01-01T00:00:00Z"}]},
                {"obis": "0100010800FF.1emh0012345678.sm", "readings": [{"value": None, "target-time": "2026-01-01T01:00:00+01:00"}]},
                {"obis": "nonsense", "readings": [{"value": "1"}]},
            ]
        },
    }
    data = msgspec.json.encode(answer)
    power, nothing = theben.values(data)
    assert (power.value, power.unit) == (Decimal(-2500), "W")
    assert (nothing.value, nothing.meter, nothing.at) == (None, NUMBER, datetime(2026, 1, 1, tzinfo=UTC))
    assert theben.unread(data) == ("nonsense",)


def test_spans_have_a_longest():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert b'"fromtime":"2026-01-01T00:00:00Z"' in theben.readings_request("p", start, start + theben.LONGEST)
    for end in (start, start + theben.LONGEST + timedelta(seconds=1)):
        with pytest.raises(ValueError, match="span"):
            theben.readings_request("p", start, end)
    assert msgspec.json.decode(theben.log_request(start, start, 9999))["count"] == theben.LOG_MOST


def test_an_empty_page_hints_at_the_digest():
    assert "digest=md5" in fault(Fault.CONTENT, theben.usage_points, b"").cure


@pytest.mark.parametrize("read", [theben.usage_points, theben.scales, theben.values, theben.log, theben.smgw_info])
@pytest.mark.parametrize("data", [b"{}", b'{"method":"x"}', b"[1]", b"\xff\xfe", b'{"method":' + b"[" * 100_000])
def test_answers_to_something_else(read, data):
    fault(Fault.CONTENT, read, data)


# EMH


def test_meters_and_contracts_of_a_casa():
    assert emh.names(b'["1emh1234567890","1emh1234567891"]') == ["1emh1234567890", "1emh1234567891"]
    assert emh.readings_path("1emh1234567890") == "/json/metering/origin/1emh1234567890/extended"
    found = emh.contract(b'{"taf_type":"TAF-7","sensor_domains":["1emh1234567890"]}', "c1")
    assert (found.taf, found.meters) == (7, ("1EMH1234567890",))
    fault(Fault.CONTENT, emh.names, b'["../../etc"]')
    fault(Fault.CONTENT, emh.names, b"{}")
    fault(Fault.CONTENT, emh.contract, b'{"taf_type":"monthly"}', "c1")


# Common


def test_names_of_values_and_meters():
    assert logical_name("0100010800ff.1emh0012345678.sm") == ("1-0:1.8.0", NUMBER)
    assert logical_name("0100010800FF") == ("1-0:1.8.0", None)
    assert logical_name("short") is None
    assert logical_name("01 00 10 80 ") is None
    assert meter_number("01005e318002.1lgz0072999211.sm") == "1LGZ0072999211"


@given(raw=st.integers(-(10**19), 10**19), scaler=st.integers(-30, 30))
def test_scaling_is_exact(raw, scaler):
    assert scaled(raw, scaler) == scaled(str(raw), scaler) == Decimal(raw).scaleb(scaler)


@pytest.mark.parametrize(("raw", "scaler"), [("1.5", 0), ("", 0), ("٣", 0), (10**30, 0), ("9" * 5000, 0), (1, 99), ("-", 0)])
def test_figures_that_cannot_be(raw, scaler):
    fault(Fault.CONTENT, scaled, raw, scaler)


@given(
    raws=st.lists(st.integers(0, 10**12), min_size=1, max_size=5),
    at=st.integers(0, 2**31).map(lambda second: datetime.fromtimestamp(second, UTC)),
)
def test_a_ppc_table_says_what_was_put_in(raws, at):
    codes = ["0100010800ff", "0100020800ff", "0100010801ff", "0100010802ff", "0100030800ff"]
    meter = GatewayMeter(NUMBER, [Register(code, -1, 30, [(at, raw)]) for code, raw in zip(codes, raws, strict=False)])
    found = ppc.values(table(meter, [at]), near=at)
    assert [(v.value, v.at) for v in found] == [(Decimal(raw) / 10, at) for raw in raws]


@given(text=st.text("<>!-=/\"' abtd&;#1", max_size=80))
def test_any_page_gives_tags(text):
    for name, attributes, following in tags(text):
        assert name
        assert all(isinstance(part, str) for part in (*attributes, *attributes.values(), following))


def test_telegrams_have_the_newest_time():
    (value,) = latest(emh.values((DATA / "emh_extended.json").read_bytes()))[:1]
    assert isinstance(telegram("emh", [value]), Telegram)
