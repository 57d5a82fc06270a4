"""Whatever a virtual meter measures, the decoders read the same from its telegrams, at each protocol's resolution."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.sim.telegrams import cii, d0, han, iskra, p1, sml, tic
from chargebridge.sim.telegrams.han import ListSize
from chargebridge.sim.telegrams.values import MeterValues, in_summer, measured
from chargebridge.wire.meter import AutoDecoder, Telegram


def _figures(least: int, most: int, per_unit: int) -> st.SearchStrategy[float]:
    return st.integers(least, most).map(lambda raw: raw / per_unit)


@st.composite
def meter_values(draw: st.DrawFn, *, ampere_steps: int, volt_steps: int, wh_steps: int, max_wh: int) -> MeterValues:
    """Values on the grid of a protocol's resolution."""
    three = draw(st.booleans())
    missing = (None, None)

    def phases(figure: st.SearchStrategy[float]) -> tuple:
        return (draw(figure), *((draw(figure), draw(figure)) if three else missing))

    net = draw(st.integers(-60_000, 60_000))
    energy = st.integers(0, max_wh // wh_steps).map(lambda raw: raw * wh_steps)
    return MeterValues(
        at=draw(st.datetimes(datetime(2020, 1, 1), datetime(2039, 12, 31))).replace(microsecond=0, tzinfo=UTC),  # noqa: DTZ001
        meter_id=f"{draw(st.integers(0, 99_999_999)):08d}",
        power_import_w=max(0, net),
        power_export_w=max(0, -net),
        power_w_phases=phases(st.integers(-25_000, 25_000)),
        current_a=phases(_figures(0, 150 * ampere_steps, ampere_steps)),
        voltage_v=phases(_figures(180 * volt_steps, 260 * volt_steps, volt_steps)),
        energy_import_wh=draw(energy),
        energy_export_wh=draw(energy),
        reactive_import_var=draw(st.integers(0, 9999)),
        reactive_export_var=draw(st.integers(0, 9999)),
        reactive_energy_import_varh=draw(energy),
        reactive_energy_export_varh=draw(energy),
    )


def decoded(data: bytes) -> Telegram:
    (telegram,) = AutoDecoder().feed(data)
    assert isinstance(telegram, Telegram)
    return telegram


def check(values: MeterValues, telegram: Telegram, *, signed_phases: bool | None) -> None:
    """All quantities that the telegram carries are those of ``values``."""
    found = {code.rpartition(":")[2]: register.value for code, register in telegram.registers.items()}
    net = found["16.7.0"] if "16.7.0" in found else found["1.7.0"] - found["2.7.0"]
    assert net == values.power_import_w - values.power_export_w
    for index, group in enumerate((20, 40, 60)):
        assert found.get(f"{group + 11}.7.0") == values.current_a[index]
        assert found.get(f"{group + 12}.7.0") == values.voltage_v[index]
        power = values.power_w_phases[index]
        if signed_phases is True:
            assert found.get(f"{group + 16}.7.0") == power
        elif signed_phases is False and power is not None:
            assert found[f"{group + 1}.7.0"] - found[f"{group + 2}.7.0"] == power


def check_energy(values: MeterValues, telegram: Telegram, code: str) -> None:
    wanted = (values.energy_import_wh, values.energy_export_wh)
    assert tuple(telegram.registers[f"{code}:{c}.8.0"].value for c in (1, 2)) == tuple(map(Decimal, wanted))


@given(meter_values(ampere_steps=100, volt_steps=10, wh_steps=1, max_wh=999_999_999))
def test_p1(values):
    telegram = decoded(p1.encode(values, current_decimals=2))
    check(values, telegram, signed_phases=False)
    assert telegram.clock == values.at
    assert telegram.meter_id == values.meter_id
    assert telegram.crc_ok is True
    energies = tuple(telegram.registers[f"1-0:{c}.8.1"].value + telegram.registers[f"1-0:{c}.8.2"].value for c in (1, 2))
    assert energies == (values.energy_import_wh, values.energy_export_wh)


@given(meter_values(ampere_steps=10, volt_steps=10, wh_steps=1, max_wh=99_999_999_999))
def test_p1_sweden(values):
    telegram = decoded(p1.encode_swedish(values))
    check(values, telegram, signed_phases=False)
    check_energy(values, telegram, "1-0")
    assert telegram.clock == values.at
    assert telegram.registers["1-0:4.7.0"].value == values.reactive_export_var
    assert telegram.registers["1-0:4.8.0"].value == values.reactive_energy_export_varh


@given(meter_values(ampere_steps=100, volt_steps=10, wh_steps=1, max_wh=10**12))
def test_sml(values):
    telegram = decoded(sml.encode(values))
    check(values, telegram, signed_phases=True)
    check_energy(values, telegram, "1-0")
    assert telegram.meter_id == f"1CBR00{values.meter_id}"


@pytest.mark.parametrize(("encode", "ampere_steps", "volt_steps", "wh_steps", "code"), [
    (han.aidon, 10, 10, 10, "1-0"),
    (han.kaifa, 1000, 10, 1, "1-0"),
    (han.kamstrup, 100, 1, 10, "1-1"),
])  # fmt: skip
@given(data=st.data())
def test_norwegian_lists(encode, ampere_steps, volt_steps, wh_steps, code, data):
    grid = meter_values(ampere_steps=ampere_steps, volt_steps=volt_steps, wh_steps=wh_steps, max_wh=0xFFFFFFFF)
    values = data.draw(grid)
    full, hourly = decoded(encode(values, ListSize.FULL)), decoded(encode(values, ListSize.HOURLY))
    check(values, full, signed_phases=None)
    check(values, hourly, signed_phases=None)
    check_energy(values, hourly, code)
    assert hourly.clock == values.at
    assert hourly.meter_id == values.meter_id
    power = decoded(encode(values, ListSize.POWER)).registers[f"{code}:1.7.0"].value
    assert power == values.power_import_w


@given(meter_values(ampere_steps=1, volt_steps=1, wh_steps=1, max_wh=999_999_999), st.booleans())
def test_linky_standard(values, producer):
    telegram = decoded(tic.encode(values, producer=producer))
    found = {code: register.value for code, register in telegram.registers.items()}
    for index, group in enumerate((20, 40, 60)):
        assert found.get(f"1-0:{group + 11}.7.0") == values.current_a[index]
        assert found.get(f"1-0:{group + 12}.7.0") == values.voltage_v[index]
    reactive = values.reactive_import_var - values.reactive_export_var
    drawn, fed = ((round(math.hypot(power, reactive)) if power else 0) for power in (values.power_import_w, values.power_export_w))
    assert found["1-0:9.7.0"] == drawn
    assert found.get("1-0:10.7.0") == (fed if producer else None)
    assert found["1-0:1.8.0"] == values.energy_import_wh
    assert found.get("1-0:2.8.0") == (values.energy_export_wh if producer else None)
    assert telegram.clock == values.at
    assert telegram.meter_id == f"0000{values.meter_id}"
    assert telegram.unparsed == ()


@given(meter_values(ampere_steps=1, volt_steps=1, wh_steps=1, max_wh=999_999_999))
def test_linky_historic(values):
    telegram = decoded(tic.encode_historic(values))
    assert telegram.registers["1-0:1.8.0"].value == values.energy_import_wh
    for index, code in enumerate(("31", "51", "71")):
        register = telegram.registers.get(f"1-0:{code}.7.0")
        assert (None if register is None else register.value) == values.current_a[index]
    reactive = values.reactive_import_var - values.reactive_export_var
    apparent = telegram.registers["1-0:9.7.0"].value
    assert abs(apparent - (math.hypot(values.power_import_w, reactive) if values.power_import_w else 0)) <= 5.5


@given(meter_values(ampere_steps=100, volt_steps=10, wh_steps=1, max_wh=999_999_999))
def test_d0(values):
    pushed, asked = decoded(d0.push(values)), decoded(d0.readout(values))
    for telegram in (pushed, asked):
        check(values, telegram, signed_phases=True)
        check_energy(values, telegram, "1-0")
        assert telegram.meter_id == values.meter_id
        assert telegram.device == "CBR5SIM-D0"
        assert telegram.unparsed == ()
    assert (pushed.crc_ok, asked.crc_ok) == (None, True)
    assert asked.clock == values.at


@given(meter_values(ampere_steps=100, volt_steps=1, wh_steps=1, max_wh=0xFFFFFFFF), st.sampled_from((1, 10)))
def test_landis_gyr_cii(values, volt_steps):
    telegram = decoded(cii.encode(values, volt_steps=volt_steps))
    check(values, telegram, signed_phases=False)
    check_energy(values, telegram, "1-1")
    assert telegram.clock == values.at
    assert telegram.meter_id == values.meter_id


@given(meter_values(ampere_steps=100, volt_steps=10, wh_steps=1, max_wh=0xFFFFFFFF), st.integers(1000, 50_000), st.booleans())
def test_iskraemeco(values, limit_w, connected):
    power = decoded(iskra.slovenian_power(values))
    check(values, power, signed_phases=False)
    assert power.clock == values.at
    assert power.registers["1-0:3.7.0"].value == values.reactive_import_var
    if not values.single_phase:
        energy, croatian = decoded(iskra.slovenian_energy(values)), decoded(iskra.croatian(values, limit_w=limit_w, connected=connected))
        check_energy(values, energy, "1-0")
        check_energy(values, croatian, "1-0")
        check(values, croatian, signed_phases=False)
        assert energy.meter_id == power.meter_id
        assert croatian.meter_id == values.meter_id
        assert croatian.registers["0-0:17.0.0"].value == limit_w
        assert croatian.registers["0-0:96.3.10"].value == connected


def test_measured_follows_from_true_physics():
    at = datetime(2026, 3, 1, tzinfo=UTC)
    values = measured(
        at=at, meter_id="1", power_w_phases=(2300.0, -460.0, 0.0), voltage_v=(230.0, 230.0, 0.0), energy_import_wh=1.9, energy_export_wh=0.4
    )
    assert values.current_a == (10.0, 2.0, 0.0)
    assert (values.power_import_w, values.power_export_w) == (1840.0, 0.0)
    assert (values.energy_import_wh, values.energy_export_wh) == (1, 0)


@pytest.mark.parametrize(("moment", "summer"), [
    ("2026-03-29T00:59:59+00:00", False), ("2026-03-29T01:00:00+00:00", True),
    ("2026-10-25T00:59:59+00:00", True), ("2026-10-25T01:00:00+00:00", False),
    ("2023-10-31T12:00:00+00:00", False), ("2024-03-31T01:00:00+00:00", True), ("2026-02-28T12:00:00+00:00", False),
])  # fmt: skip
def test_summer_time_of_the_european_union(moment, summer):
    assert in_summer(datetime.fromisoformat(moment)) is summer
