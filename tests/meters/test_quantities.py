"""Telegrams of all families give the same quantities under the same names."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from chargebridge.meters.quantities import reading_of
from chargebridge.model.reading import Reading, ScaleOrigin
from chargebridge.sim.telegrams import cii, d0, han, iskra, p1, sml, tic
from chargebridge.sim.telegrams.han import ListSize
from chargebridge.sim.telegrams.values import MeterValues, measured
from chargebridge.wire.meter import AutoDecoder, ClockOrigin, Protocol, Register, Scale, Telegram

NOW = datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC)


def read(data: bytes) -> Reading:
    (telegram,) = AutoDecoder().feed(data)
    assert isinstance(telegram, Telegram)
    return reading_of(telegram, meter="grid", received_at=NOW)


def made(profile: str = "sml", protocol: Protocol = Protocol.SML, device: str | None = None, **registers: Register) -> Reading:
    """A reading of registers named ``c16_7_0``."""
    telegram = Telegram(
        protocol=protocol,
        profile=profile,
        device=device,
        meter_id=None,
        registers={f"1-0:{code[1:].replace('_', '.')}": register for code, register in registers.items()},
    )
    return reading_of(telegram, meter="grid", received_at=NOW)


def test_p1_in_whole_amperes(values):
    """Currents come from power and voltage, and say so."""
    reading = read(p1.encode(values))
    assert reading == Reading(
        meter="grid",
        received_at=NOW,
        measured_at=values.at,
        meter_number="12345678",
        power_w=2990.0,
        power_w_phases=(2300.0, -460.0, 1150.0),
        current_a=(10.0, -2.0, 5.0),
        voltage_v=(230.0, 230.0, 230.0),
        energy_import_wh=Decimal(1000),
        energy_export_wh=Decimal(20),
        derived=("current_a", "energy_import_wh", "energy_export_wh"),
    )


def test_p1_with_decimals_keeps_the_meters_currents(values):
    reading = read(p1.encode(values, current_decimals=2))
    assert reading.current_a == (10.0, -2.0, 5.0)
    assert "current_a" not in reading.derived


def test_a_whole_ampere_bounds_the_current_from_below():
    """2300 W at 230 V are 10 A; a meter that shows 14 A there carries reactive current too, 13.5 A at least."""
    values = measured(
        at=NOW,
        meter_id="1",
        power_w_phases=(2300.0, 0.0, 0.0),
        voltage_v=(230.0,) * 3,
        energy_import_wh=0,
        energy_export_wh=0,
        power_factor=0.72,
    )
    assert read(p1.encode(values)).current_a == (13.5, 0.0, 0.0)


def test_sml(values):
    reading = read(sml.encode(values))
    assert (reading.power_w, reading.power_w_phases) == (2990.0, (2300.0, -460.0, 1150.0))
    assert reading.current_a == (10.0, -2.0, 5.0)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (Decimal("1000.0"), Decimal("20.0"))
    assert reading.measured_at is None, "an operating-seconds counter is no time of day"
    assert reading.derived == ()
    assert reading.scale is ScaleOrigin.TELEGRAM


@pytest.mark.parametrize(("encode", "scale"), [
    (han.aidon, ScaleOrigin.TELEGRAM), (han.kaifa, ScaleOrigin.PROFILE), (han.kamstrup, ScaleOrigin.PROFILE),
])  # fmt: skip
def test_norwegian_lists(values, encode, scale):
    reading = read(encode(values, ListSize.HOURLY))
    assert (reading.power_w, reading.current_a, reading.voltage_v) == (2990.0, (10.0, 2.0, 5.0), (230.0, 230.0, 230.0))
    assert (reading.energy_import_wh, reading.energy_export_wh) == (1000, 20)
    assert reading.measured_at == values.at
    assert reading.scale is scale


def _norwegian(power_w: float, *current_a: float | None) -> Reading:
    values = MeterValues(
        at=NOW, meter_id="1", power_import_w=max(0, power_w), power_export_w=max(0, -power_w), power_w_phases=(None,) * 3,
        current_a=current_a, voltage_v=tuple(None if a is None else 230.0 for a in current_a), energy_import_wh=0, energy_export_wh=0,
    )  # fmt: skip
    return read(han.kaifa(values, ListSize.FULL))


@pytest.mark.parametrize(("power_w", "unsigned", "signed"), [
    (-2300.0, (10.0, None, None), (-10.0, None, None)),
    (2300.0, (10.0, None, None), (10.0, None, None)),
    (-6900.0, (10.0, 10.0, 10.0), (-10.0, -10.0, -10.0)),
    (-6600.0, (14.0, 14.0, 1.0), (-14.0, -14.0, 1.0)),
    (-2300.0, (10.0, 10.0, 10.0), (10.0, 10.0, 10.0)),
])  # fmt: skip
def test_a_phase_exports_where_the_others_cannot_have_done_it_all(power_w, unsigned, signed):
    reading = _norwegian(power_w, *unsigned)
    assert (reading.power_w, reading.current_a) == (power_w, signed)
    assert ("current_a" in reading.derived) == (signed != unsigned)


def test_no_quantities_is_a_reading_of_nothing():
    reading = made()
    assert (reading.power_w, reading.current_a, reading.energy_import_wh) == (None, (None, None, None), None)


@pytest.mark.parametrize(("counted", "power_w"), [(("c1_8_0",), 500.0), (("c2_8_0",), -500.0), (("c1_8_0", "c2_8_0"), 500.0)])
def test_a_magnitude_takes_the_direction_that_the_meter_counts(counted, power_w):
    registers = {code: Register(Decimal(1), "Wh", 1) for code in counted}
    reading = made(c15_7_0=Register(500.0, "W", 500), **registers)
    assert reading.power_w == power_w
    assert "power_w" in reading.derived


def test_dzg_power_that_lost_its_leading_zero_is_restored():
    """The published capture of a DVS-7412: 8B28 hex in two bytes is 356.24 W drawn, as its status says, not 299.12 W fed in."""
    energy = Register(Decimal(5430157), "Wh", 54301577, Scale.TELEGRAM, -1, 0x1C0104)
    reading = made(device="DZG", c16_7_0=Register(-299.12, "W", -29912, Scale.TELEGRAM, -2), c1_8_0=energy)
    assert reading.power_w == pytest.approx(356.24)
    assert reading.derived == ("power_w",)


def test_dzg_power_that_is_fed_in_stays():
    energy = Register(Decimal(142429), "Wh", 1424298, Scale.TELEGRAM, -1, 0x1C7904)
    reading = made(device="DZG", c16_7_0=Register(-788.51, "W", -78851, Scale.TELEGRAM, -2), c1_8_0=energy)
    assert (reading.power_w, reading.derived) == (-788.51, ())


def test_the_unmeasured_wire_of_an_it_net_is_bounded_by_the_others():
    volts = {f"c{c}_7_0": Register(235.0, "V", 2350) for c in (32, 52, 72)}
    amps = {"c31_7_0": Register(5.0, "A", 50), "c71_7_0": Register(3.0, "A", 30)}
    reading = made(profile="aidon", protocol=Protocol.DLMS, **volts, **amps)
    assert reading.current_a == (5.0, 8.0, 3.0)
    assert "current_a" in reading.derived
    zero = {"c51_7_0": Register(0.0, "A", 0), "c52_7_0": Register(0.0, "V", 0)}
    assert made(profile="embriq", protocol=Protocol.DLMS, **{**volts, **amps, **zero}).current_a == (5.0, 8.0, 3.0)
    assert made(profile="kaifa", protocol=Protocol.DLMS, **{**volts, **amps, **zero}).current_a == (5.0, 0.0, 3.0)


def test_the_least_sure_scale_counts():
    assert made(c16_7_0=Register(1.0, "W", 1), c31_7_0=Register(900.0, "A", 90000, Scale.UNKNOWN)).scale is ScaleOrigin.UNKNOWN


def test_other_media_and_other_units_are_not_mixed_in():
    """A gas meter's register and a power in another unit are no electricity."""
    telegram = Telegram(
        protocol=Protocol.P1,
        profile="p1",
        device=None,
        meter_id=None,
        clock=NOW,
        clock_origin=ClockOrigin.NONE,
        registers={"0-1:1.7.0": Register(1.0, "W"), "1-0:1.7.0": Register(1.0, "VA"), "1-0:1.8.0": Register("x", "Wh")},
    )
    reading = reading_of(telegram, meter="m", received_at=NOW)
    assert (reading.power_w, reading.energy_import_wh, reading.measured_at) == (None, None, None)


def test_linky_standard_mode_gives_currents_from_apparent_power(values):
    """IRMS is in whole amperes; S/U is the current itself. Net power is bound by the apparent power."""
    reading = read(tic.encode(values))
    assert reading.power_w == 2990.0
    assert reading.current_a == pytest.approx((10.0, 2.0, 5.0))
    assert reading.voltage_v == (230.0, 230.0, 230.0)
    assert reading.energy_import_wh == 1000
    assert reading.derived == ("power_w", "current_a")
    assert reading.measured_at == values.at


def test_linky_of_a_producer(values):
    """One phase feeds 3,000 VA in: counted with the least power factor, and the current flows out."""
    feeding = measured(
        at=values.at, meter_id="1", power_w_phases=(-3000.0, 0, 0), voltage_v=(230.0, 0, 0), energy_import_wh=5, energy_export_wh=7
    )
    alone = replace(feeding, current_a=(13.0, None, None), voltage_v=(230.0, None, None))
    reading = read(tic.encode(alone, producer=True))
    assert reading.power_w == pytest.approx(-2700.0)
    assert reading.current_a == (-12.5, None, None)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (5, 7)


def test_linky_historic_mode_never_understates():
    """Neither direction nor voltage is told: all VA count as W drawn, and the greater of IINST and PAPP/230 V as current."""
    values = measured(at=NOW, meter_id="1", power_w_phases=(2830.0, 0, 0), voltage_v=(235.0, 0, 0), energy_import_wh=5, energy_export_wh=0)
    alone = replace(values, current_a=(12.0, None, None), voltage_v=(235.0, None, None))
    reading = read(tic.encode_historic(alone))
    assert reading.power_w == 2830.0
    assert reading.current_a == (pytest.approx(2830 / 230), None, None)
    assert reading.measured_at is None
    three = replace(alone, current_a=(12.0, 3.0, 4.0), voltage_v=(235.0, 235.0, 235.0))
    assert read(tic.encode_historic(three)).current_a == (12.0, 3.0, 4.0)
    assert read(tic.encode_overload(three, excess_a=5)).power_w is None


def test_energies_of_ten_tariffs_are_summed():
    data = tic.frame(*(tic.group(f"EASF{n:02d}", "000000001") for n in range(1, 11)), tic.group("EASD01", "000000001"))
    assert read(data).energy_import_wh == 10


def test_d0_pushed_without_currents(values):
    """|P|/U is the current of a meter that tells none."""
    reading = read(d0.push(values, currents=False))
    assert (reading.power_w, reading.power_w_phases) == (2990.0, (2300.0, -460.0, 1150.0))
    assert reading.current_a == (10.0, -2.0, 5.0)
    assert (reading.energy_import_wh, reading.energy_export_wh) == (1000, 20)
    assert reading.derived == ("current_a",)


def test_d0_readout_with_short_codes(values):
    reading = read(d0.readout(values))
    assert (reading.power_w, reading.current_a, reading.voltage_v) == (2990.0, (10.0, -2.0, 5.0), (230.0, 230.0, 230.0))
    assert (reading.measured_at, reading.meter_number, reading.derived) == (values.at, "12345678", ())


def test_d0_with_signed_totals_under_the_codes_of_import():
    """EasyMeter Q3D: 1.7.0 and 21.7.0 are negative while it exports, and their group E may be 255."""
    lines = ("1-0:1.8.0*255(1.0*kWh)", "1-0:21.7.255*255(-000046.00*W)", "1-0:41.7.255*255(23.00*W)", "1-0:1.7.255*255(-23.00*W)")
    reading = read(("/ESY5Q3DA1024 V3.03\r\n\r\n" + "\r\n".join(lines) + "\r\n!\r\n").encode())
    assert (reading.power_w, reading.power_w_phases) == (-23.0, (-46.0, 23.0, None))
    assert reading.current_a == (pytest.approx(-0.2), pytest.approx(0.1), None)


def test_swiss_push(values):
    reading = read(cii.encode(values))
    assert (reading.power_w, reading.power_w_phases) == (2990.0, (2300.0, -460.0, 1150.0))
    assert (reading.current_a, reading.voltage_v) == ((10.0, -2.0, 5.0), (230.0, 230.0, 230.0))
    assert (reading.scale, reading.meter_number) == (ScaleOrigin.PROFILE, "12345678")
    assert read(cii.encode(values, volt_steps=10)).voltage_v == (230.0, 230.0, 230.0)


def test_swiss_scales_that_cannot_be_are_not_believed(values):
    """10 A that carry 23 kW are not 10 A; 6,000 is no voltage in 1 V nor in 0.1 V."""
    assert read(cii.encode(replace(values, power_import_w=23_000.0))).scale is ScaleOrigin.UNKNOWN
    assert read(cii.encode(replace(values, voltage_v=(600.0, 600.0, 600.0)), volt_steps=10)).scale is ScaleOrigin.UNKNOWN


def test_slovenian_and_croatian_pushes(values):
    for telegram in (iskra.slovenian_power(values), iskra.croatian(values)):
        reading = read(telegram)
        assert (reading.power_w, reading.power_w_phases) == (2990.0, (2300.0, -460.0, 1150.0))
        assert (reading.current_a, reading.voltage_v) == ((10.0, -2.0, 5.0), (230.0, 230.0, 230.0))
        assert (reading.scale, reading.measured_at) == (ScaleOrigin.PROFILE, values.at)
    assert read(iskra.slovenian_energy(values)).energy_import_wh == 1000
