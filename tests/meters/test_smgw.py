"""Gateways of three makers over real TLS: log-ins, sessions, locks, pinned certificates, what is read."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chargebridge.meters.port import LinkFault, MeterError
from chargebridge.meters.registry import check_url, open_meter
from chargebridge.meters.smgw import Gateway, SmgwSource, intervals, open_gateway, open_source, quarter_hours
from chargebridge.meters.smgw.gateway import PAUSES
from chargebridge.model.reading import Reading
from chargebridge.model.series import Direction, Quality
from chargebridge.sim.smgw import Authority, CasaGateway, ConexaGateway, GatewayMeter, PpcGateway, Register
from chargebridge.sim.smgw.door import Response
from chargebridge.sim.smgw.meter import quarter_hours as stored
from chargebridge.sim.smgw.theben import Contract
from chargebridge.wire.meter import ClockOrigin
from chargebridge.wire.smgw import Fault, SmgwError, Value
from chargebridge.wire.smgw.value import MAX_ANSWER

PASSWORD = "right horse"
START = datetime(2025, 12, 31, 0, 0, tzinfo=UTC)
NUMBER = "1EMH0012345678"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    return str(file)


@pytest.fixture
def meter() -> GatewayMeter:
    """Two days of quarter hours; the clock of the tests stands in their middle."""
    return stored(NUMBER, START, 192)


def ppc(authority, clock, *meters, **login) -> PpcGateway:
    return PpcGateway(authority.issue("EPPC0210000001.SMGW"), clock, list(meters), **{"password": PASSWORD, **login})


def conexa(authority, clock, *contracts, **login) -> ConexaGateway:
    identity = authority.issue("ETHE0300000001.SMGW", ec.SECP384R1())
    return ConexaGateway(identity, clock, list(contracts), **{"password": PASSWORD, **login})


def casa(authority, clock, *meters, **login) -> CasaGateway:
    return CasaGateway(authority.issue("EEMH0010000001.SMGW"), clock, list(meters), **{"password": PASSWORD, **login})


def any_door(vendor, authority, clock, meter):
    if vendor == "theben":
        return conexa(authority, clock, Contract("01005e318021.taf7-1.sm", 7, meter))
    return {"ppc": ppc, "emh": casa}[vendor](authority, clock, meter)


def gateway(door, clock, password_file, **settings) -> Gateway:
    return open_gateway(check_url(door.url(password_file=password_file, **settings)), clock)


async def refused(asked, fault: Fault) -> SmgwError:
    with pytest.raises(SmgwError) as caught:
        await asked
    assert caught.value.fault is fault
    return caught.value


@pytest.mark.parametrize("told", [True, False], ids=["told", "found"])
@pytest.mark.parametrize("vendor", ["ppc", "theben", "emh"])
async def test_the_newest_value_of_each_register_is_read(vendor, told, authority, clock, meter, password_file):
    async with any_door(vendor, authority, clock, meter) as door:
        settings = {"vendor": vendor} if told else {}
        found = await gateway(door, clock, password_file, **settings).present()
    bought, sold = (dict(register.stored)[clock.now()] for register in meter.registers)
    assert found.profile == vendor
    assert found.meter_id == NUMBER
    assert found.clock == clock.now()
    assert found.clock_origin is (ClockOrigin.ASSUMED if vendor == "ppc" else ClockOrigin.TELEGRAM)
    assert {code: (r.value, r.unit) for code, r in found.registers.items()} == {
        "1-0:1.8.0": (Decimal(bought) / 10, "Wh"),
        "1-0:2.8.0": (Decimal(sold) / 10, "Wh"),
    }


@pytest.mark.parametrize("vendor", ["ppc", "theben", "emh"])
async def test_without_a_name_in_its_certificate_the_doors_tell_whose_gateway_it_is(vendor, authority, clock, meter, password_file):
    async with any_door(vendor, authority, clock, meter) as door:
        pass
    door.identity = authority.issue("gateway.local", ec.SECP384R1())
    async with door:
        error = await refused(gateway(door, clock, password_file).present(), Fault.CONTENT)
        door.prefix = {"ppc": "/cgi-bin/", "theben": "/smgw/", "emh": "/json/"}[vendor]
        found = await gateway(door, clock, password_file).present()
    assert "vendor=" in error.cure
    assert found.profile == vendor
    assert door.wrong == 0


async def test_a_meter_of_the_site_becomes_readings(authority, clock, meter, password_file):
    async with ppc(authority, clock, meter) as door:
        stream = open_meter(door.url(password_file=password_file), "grid", clock).readings()
        reading = await anext(stream)
        await stream.aclose()
    assert isinstance(reading, Reading)
    assert reading.energy_import_wh == Decimal(dict(meter.registers[0].stored)[clock.now()]) / 10
    assert reading.power_w is None
    assert reading.meter_number == NUMBER


async def test_an_old_value_told_again_is_no_news(authority, clock, meter, password_file):
    began = clock.now()
    async with casa(authority, clock, meter) as door:
        source = open_source(check_url(door.url(password_file=password_file, every="60")), clock)
        stream = source.events()
        times = [(await anext(stream)).clock for _ in range(3)]
        await stream.aclose()
    assert times == [began, began + timedelta(minutes=15), began + timedelta(minutes=30)]
    assert clock.slept == [60.0] * 30


# Certificates


@pytest.mark.parametrize("vendor", ["ppc", "theben", "emh"])
async def test_without_a_fingerprint_nothing_is_said_but_the_one_that_was_seen(vendor, authority, clock, meter, password_file):
    async with any_door(vendor, authority, clock, meter) as door:
        url = door.url(password_file=password_file).replace(f"&fingerprint={door.identity.fingerprint}", "")
        error = await refused(open_gateway(check_url(url), clock).present(), Fault.CERTIFICATE)
    assert f"fingerprint={door.identity.fingerprint}" in error.cure
    assert door.requests == []


async def test_a_foreign_certificate_ends_the_handshake(authority, clock, meter, password_file):
    async with ppc(authority, clock, meter) as door:
        other = authority.issue("EPPC0210000099.SMGW").fingerprint
        url = door.url(password_file=password_file).replace(door.identity.fingerprint, other)
        error = await refused(open_gateway(check_url(url), clock).present(), Fault.CERTIFICATE)
    assert door.identity.fingerprint in error.reason
    assert door.requests == []


async def test_a_conexa_lets_a_client_certificate_in(authority, clock, meter, tmp_path):
    (tmp_path / "key-password").write_text("sesame")
    own = authority.issue("consumer1", ec.SECP384R1(), password="sesame")
    async with conexa(authority, clock, Contract("01005e318021.taf7-1.sm", 7, meter), clients=str(authority.file)) as door:
        url = door.url(cert_file=str(own.file), cert_password_file=str(tmp_path / "key-password")).replace("user=user&", "")
        found = await open_gateway(check_url(url), clock).present()
    assert found.meter_id == NUMBER


async def test_a_conexa_takes_one_curve(authority, clock, meter, password_file):
    async with conexa(authority, clock, Contract("01005e318021.taf7-1.sm", 7, meter)) as door:
        assert (await gateway(door, clock, password_file, curve="secp384r1").present()).registers
        error = await refused(gateway(door, clock, password_file, curve="prime256v1").present(), Fault.LINK)
    assert "no answer" in error.reason


# Log-ins


async def test_a_conexa_reckons_with_another_digest_than_it_announces(authority, clock, meter, password_file):
    async with conexa(authority, clock, Contract("01005e318021.taf7-1.sm", 7, meter)) as door:
        assert (await gateway(door, clock, password_file).present()).registers
        error = await refused(gateway(door, clock, password_file, digest="announced").present(), Fault.CONTENT)
    assert door.wrong == 0
    assert "leads nowhere" in error.reason


@pytest.mark.parametrize("vendor", ["ppc", "theben", "emh"])
async def test_a_wrong_password_is_shown_once_and_then_not_for_a_long_time(vendor, authority, clock, meter, tmp_path):
    (tmp_path / "wrong").write_text("wrong")
    async with any_door(vendor, authority, clock, meter) as door:
        asked = gateway(door, clock, str(tmp_path / "wrong"))
        for _ in range(5):
            error = await refused(asked.present(), Fault.REFUSED)
        assert door.wrong == 1
        assert "wrong" not in f"{error} {asked._login}"
        await clock.sleep(PAUSES[Fault.REFUSED][0] + 1)
        await refused(asked.present(), Fault.REFUSED)
        assert door.wrong == 2
        assert asked.pause_s == 2 * PAUSES[Fault.REFUSED][0]


async def test_a_wrong_password_never_locks_a_ppc(authority, clock, meter, tmp_path):
    (tmp_path / "wrong").write_text("wrong")
    async with ppc(authority, clock, meter) as door:
        stream = open_source(check_url(door.url(password_file=str(tmp_path / "wrong"), every="30")), clock).events()
        faults = [await anext(stream) for _ in range(2)]
        await stream.aclose()
    assert all(isinstance(fault, LinkFault) for fault in faults)
    assert door.locked_until is None


async def test_a_locked_ppc_is_left_alone_for_as_long_as_it_says(authority, clock, meter, password_file):
    async with ppc(authority, clock, meter) as door:
        door.locked_until = clock.now() + timedelta(minutes=4, seconds=37)
        asked = gateway(door, clock, password_file, vendor="ppc")
        error = await refused(asked.present(), Fault.LOCKED)
        assert error.wait_s == 277
        before = len(door.requests)
        await refused(asked.present(), Fault.LOCKED)
        assert len(door.requests) == before
        await clock.sleep(asked.pause_s)
        assert (await asked.present()).registers


async def test_429_is_heeded(authority, clock, meter, password_file):
    async with casa(authority, clock, meter) as door:
        door.busy = 1
        asked = gateway(door, clock, password_file, vendor="emh")
        error = await refused(asked.present(), Fault.BUSY)
        assert error.wait_s == 120
        assert 120 <= asked.pause_s <= 180
        await refused(asked.present(), Fault.BUSY)
        assert len(door.requests) == 1
        await clock.sleep(asked.pause_s)
        assert (await asked.present()).registers


# Sessions


async def test_a_ppc_is_logged_out_each_time(authority, clock, meter, password_file):
    async with ppc(authority, clock, meter) as door:
        asked = gateway(door, clock, password_file)
        for _ in range(3):
            await asked.present()
            assert door.session is None
        await refused(gateway(door, clock, password_file, meter="1EMH0000000000").present(), Fault.ABSENT)
        assert door.session is None
    assert door.logouts == 4


@pytest.mark.parametrize("strict", [False, True])
async def test_a_ppc_is_logged_out_when_we_are_stopped_midway(strict, authority, clock, meter, password_file):
    async with ppc(authority, clock, meter) as door:
        door.strict = strict
        reached = asyncio.Event()
        answer = door.answer

        def slow(request):
            if request.form.get("action") == "meterform":
                reached.set()
            return answer(request)

        door.answer = slow
        talk = asyncio.ensure_future(gateway(door, clock, password_file).present())
        await reached.wait()
        talk.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talk
        assert door.session is None
    assert door.logouts == 1


async def test_somebody_else_in_the_only_session_is_told(authority, clock, meter, password_file):
    async with ppc(authority, clock, meter) as door:
        door.session = "a browser"
        error = await refused(gateway(door, clock, password_file).present(), Fault.BUSY)
        assert "TRuDI" in error.cure
        assert door.session == "a browser"


async def test_two_meters_of_one_gateway_take_turns(authority, clock, meter, password_file):
    other = stored("1LGZ0088888888", START, 192, export=False)
    async with ppc(authority, clock, meter, other) as door:
        first, second = (gateway(door, clock, password_file, meter=number) for number in (NUMBER, "1 LGZ 00 8888 8888"))
        one, two = await asyncio.gather(first.present(), second.present())
        error = await refused(gateway(door, clock, password_file).present(), Fault.ABSENT)
    assert (one.meter_id, two.meter_id) == (NUMBER, "1LGZ0088888888")
    assert NUMBER in error.reason
    assert "1LGZ0088888888" in error.reason


async def test_nobody_there(clock, password_file):
    url = f"smgw://127.0.0.1:1?vendor=ppc&user=u&password_file={password_file}"
    stream = open_source(check_url(url), clock).events()
    faults = [await anext(stream) for _ in range(3)]
    await stream.aclose()
    assert all(isinstance(fault, LinkFault) and "cable" in fault.cure for fault in faults)
    assert clock.slept == [10.0, 20.0]


async def test_nobody_is_followed_elsewhere(authority, clock, meter, password_file):
    async with conexa(authority, clock, Contract("01005e318021.taf7-1.sm", 7, meter)) as door:
        door.answer = lambda _: Response(307, headers={"Location": "https://192.0.2.1/smgw/m2m/x/json"})
        error = await refused(gateway(door, clock, password_file).present(), Fault.CONTENT)
    assert "leads nowhere" in error.reason


async def test_an_answer_without_end_is_given_up(authority, clock, meter, password_file):
    async with casa(authority, clock, meter) as door:
        door.answer = lambda _: Response(body=b"x" * (MAX_ANSWER + 1))
        error = await refused(gateway(door, clock, password_file).present(), Fault.CONTENT)
    assert "longer" in error.reason


async def test_an_hour_that_comes_twice_is_asked_for_whole(authority, clock, password_file):
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    clock.at = first + timedelta(days=1)
    for start, end in ((first, first + timedelta(minutes=30)), (first + timedelta(hours=1), first + timedelta(hours=1, minutes=30))):
        async with ppc(authority, clock, stored(NUMBER, first - timedelta(hours=4), 60, late_s=1)) as door:
            (bought, _) = await quarter_hours(door.url(password_file=password_file), "grid", start, end, clock)
        assert bought.count(Quality.MEASURED) == 2


# Usage points


async def test_a_conexa_is_asked_for_its_liveliest_usage_point_and_for_the_quarter_hours_of_taf_7(authority, clock, meter, password_file):
    minutely = GatewayMeter(NUMBER, [Register("0100100700ff", 0, 27, [(START + timedelta(minutes=i), 1000 + i) for i in range(2000)])])
    contracts = (
        Contract("01005e318021.taf7-1.sm", 7, meter),
        Contract("01005e318021.taf14-1.sm", 14, minutely),
        Contract("01005e318021.taf14-0.sm", 14, meter, "archive"),
    )
    async with conexa(authority, clock, *contracts) as door:
        asked = gateway(door, clock, password_file)
        found = await asked.present()
        values = await asked.span(START, START + timedelta(hours=2))
    assert {code: r.value for code, r in found.registers.items()} == {"1-0:16.7.0": 1000.0 + 1440}
    assert len(values) == 18
    assert all(value.signature and value.status for value in values)


async def test_a_usage_point_that_is_set_up_later_is_found_within_the_hour(authority, clock, meter, password_file):
    async with conexa(authority, clock, Contract("01005e318021.taf7-1.sm", 7, meter, "ready")) as door:
        asked = gateway(door, clock, password_file)
        await refused(asked.present(), Fault.ABSENT)
        door.contracts = [Contract("01005e318021.taf7-1.sm", 7, meter)]
        await clock.sleep(3600)
        assert (await asked.present()).registers


async def test_a_meter_without_values_yet_is_no_reading_and_not_asked_in_haste(authority, clock, password_file):
    async with ppc(authority, clock, GatewayMeter(NUMBER, [])) as door:
        stream = open_source(check_url(door.url(password_file=password_file)), clock).events()
        faults = [await anext(stream) for _ in range(2)]
        await stream.aclose()
    assert all(isinstance(fault, LinkFault) and "no value yet" in fault.reason for fault in faults)
    assert clock.slept[0] >= 900


# Quarter hours


@pytest.mark.parametrize(("vendor", "late_s"), [("ppc", 1), ("theben", 0)])
async def test_quarter_hours_are_what_the_registers_grew_by(vendor, late_s, authority, clock, password_file):
    meter = stored(NUMBER, START, 97, late_s=late_s)
    await clock.sleep(2 * 86400)
    async with any_door(vendor, authority, clock, meter) as door:
        values = await gateway(door, clock, password_file).span(START, START + timedelta(hours=24, minutes=1))
    bought, sold = intervals(values, "grid", START, START + timedelta(days=1))
    raws = [raw for _, raw in meter.registers[0].stored]
    assert [v.energy_wh for v in bought.values] == [Decimal(b - a) / 10 for a, b in pairwise(raws)]
    assert (bought.direction, sold.direction) == (Direction.IMPORT, Direction.EXPORT)
    assert bought.count(Quality.MEASURED) == sold.count(Quality.MEASURED) == 96


async def test_longer_spans_than_a_conexa_answers_are_asked_in_pieces(authority, clock, password_file):
    meter = stored(NUMBER, START, 34 * 96)
    await clock.sleep(40 * 86400)
    async with conexa(authority, clock, Contract("01005e318021.taf7-1.sm", 7, meter)) as door:
        values = await gateway(door, clock, password_file).span(START, START + timedelta(days=33))
    (bought, _) = intervals(values, "grid", START, START + timedelta(days=33))
    assert bought.count(Quality.MEASURED) == 33 * 96


@pytest.mark.parametrize(("day", "count"), [(datetime(2026, 3, 28, 23, tzinfo=UTC), 92), (datetime(2026, 10, 24, 22, tzinfo=UTC), 100)])
async def test_days_of_23_and_25_hours_have_their_true_number(day, count, authority, clock, password_file):
    meter = stored(NUMBER, day - timedelta(hours=2), 130, late_s=1)
    clock.at = day + timedelta(days=3)
    end = day + count * timedelta(minutes=15)
    async with ppc(authority, clock, meter) as door:
        (bought, _) = await quarter_hours(door.url(password_file=password_file), "grid", day, end, clock)
    assert (bought.meter, bought.start, bought.end) == ("grid", day, end)
    assert bought.count(Quality.MEASURED) == count


async def test_past_values_of_a_casa_are_not_to_be_had_and_that_does_not_stop_the_present_ones(authority, clock, meter, password_file):
    async with casa(authority, clock, meter) as door:
        asked = gateway(door, clock, password_file)
        await refused(asked.span(START, START + timedelta(days=1)), Fault.ABSENT)
        assert (await asked.present()).registers


def test_holes_steps_back_and_invalid_values_are_missing(meter):
    def value(quarter, raw, **told):
        return Value(
            code="1-0:1.8.0",
            value=Decimal(raw),
            unit="Wh",
            raw=str(raw),
            scaler=0,
            captured=START + quarter * timedelta(minutes=15),
            **told,
        )

    values = [value(0, 100), value(1, 150), value(3, 200), value(4, 210, valid=False), value(5, 220), value(6, 20), value(7, 25)]
    (found,) = intervals(values, "grid", START, START + timedelta(minutes=105))
    assert [v.energy_wh for v in found.values] == [50, None, None, None, None, None, 5]


# Addresses


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "log-in"),
        ("user=u", "log-in"),
        ("password_env=SMGW_PASSWORD", "log-in"),
        ("user=u&password_env=SMGW_PASSWORD&vendor=abc", "vendor"),
        ("user=u&password_env=SMGW_PASSWORD&digest=sha1", "digest"),
        ("user=u&password_env=SMGW_PASSWORD&curve=nonsense", "curve"),
        ("user=u&password_env=SMGW_PASSWORD&fingerprint=sha256:12", "fingerprint"),
        ("user=u&password_env=SMGW_PASSWORD&every=1", "every"),
        ("user=u&password_env=SMGW_PASSWORD&cert_file=/nowhere", "certificate"),
        ("user=u&password=secret", "unknown setting"),
    ],
)
def test_addresses_that_cannot_be(query, reason, clock, monkeypatch):
    monkeypatch.setenv("SMGW_PASSWORD", PASSWORD)
    with pytest.raises(MeterError, match=reason) as caught:
        open_source(check_url(f"smgw://192.168.1.200?{query}"), clock)
    assert PASSWORD not in str(caught.value)


def test_a_fingerprint_may_have_colons(clock, monkeypatch):
    monkeypatch.setenv("SMGW_PASSWORD", PASSWORD)
    digits = "AB" * 32
    pairs = ":".join(digits[i : i + 2] for i in range(0, 64, 2))
    for written in (f"sha256:{digits}", digits, f"sha256:{pairs}", pairs.lower()):
        asked = open_gateway(check_url(f"smgw://192.168.1.200?user=u&password_env=SMGW_PASSWORD&fingerprint={written}"), clock)
        assert asked._pinned.pin == digits.lower()


def test_a_source_has_its_name_from_the_address(clock, monkeypatch):
    monkeypatch.setenv("SMGW_PASSWORD", PASSWORD)
    source = open_source(check_url("smgw://192.168.1.200?user=u&password_env=SMGW_PASSWORD"), clock)
    assert isinstance(source, SmgwSource)
    assert source.where == "smgw://192.168.1.200"
