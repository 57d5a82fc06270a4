"""P1 telegrams as meters of the Netherlands and Belgium (DSMR 5.0.2) and Sweden (Energiföretagen H1 1.3) send them."""

from collections.abc import Iterator
from datetime import timedelta

from chargebridge.sim.telegrams.values import MeterValues, in_summer
from chargebridge.wire.meter.crc import arc

_PHASES = ((21, 22, 31, 32), (41, 42, 51, 52), (61, 62, 71, 72))
"""OBIS group C of import, export, current and voltage of L1, L2, L3."""


def encode(
    values: MeterValues, *, ident: str = "CBR5\\SIM-1000", utc_offset: timedelta = timedelta(hours=1), current_decimals: int = 0
) -> bytes:
    """One DSMR 5 telegram with checksum.

    utc_offset: local normal time minus UTC; summer time is the EU's. current_decimals: 0 as in the Netherlands (whole amperes), 2 as in Flanders.
    Energy stands in the register of tariff 1.
    """
    summer = in_summer(values.at)
    local = values.at + utc_offset + timedelta(hours=summer)
    head = (
        "1-3:0.2.8(50)",
        f"0-0:1.0.0({local:%y%m%d%H%M%S}{'S' if summer else 'W'})",
        f"0-0:96.1.1({values.meter_id.encode('ascii').hex().upper()})",
        f"1-0:1.8.1({_kilo(values.energy_import_wh, 6)}*kWh)",
        "1-0:1.8.2(000000.000*kWh)",
        f"1-0:2.8.1({_kilo(values.energy_export_wh, 6)}*kWh)",
        "1-0:2.8.2(000000.000*kWh)",
        "0-0:96.14.0(0001)",
        f"1-0:1.7.0({_kilo(values.power_import_w, 2)}*kW)",
        f"1-0:2.7.0({_kilo(values.power_export_w, 2)}*kW)",
    )
    return _telegram(ident, (*head, *_phase_lines(values, current_decimals)))


def encode_swedish(values: MeterValues, *, ident: str = "CBR5SIM-SE") -> bytes:
    """One Swedish telegram: local normal time all year, no tariffs, reactive power, currents in 0.1 A."""
    local = values.at + timedelta(hours=1)
    head = (
        f"0-0:1.0.0({local:%y%m%d%H%M%S}W)",
        f"1-0:1.8.0({_kilo(values.energy_import_wh, 8)}*kWh)",
        f"1-0:2.8.0({_kilo(values.energy_export_wh, 8)}*kWh)",
        f"1-0:3.8.0({_kilo(values.reactive_energy_import_varh, 8)}*kVArh)",
        f"1-0:4.8.0({_kilo(values.reactive_energy_export_varh, 8)}*kVArh)",
        f"1-0:1.7.0({_kilo(values.power_import_w, 4)}*kW)",
        f"1-0:2.7.0({_kilo(values.power_export_w, 4)}*kW)",
        f"1-0:3.7.0({_kilo(values.reactive_import_var, 4)}*kVAr)",
        f"1-0:4.7.0({_kilo(values.reactive_export_var, 4)}*kVAr)",
    )
    return _telegram(ident, (*head, *_phase_lines(values, 1)))


def _phase_lines(values: MeterValues, current_decimals: int) -> Iterator[str]:
    figures = zip(_PHASES, values.power_w_phases, values.current_a, values.voltage_v, strict=True)
    for (drawn, returned, current, voltage), power, ampere, volt in figures:
        if volt is not None:
            yield f"1-0:{voltage}.7.0({volt:05.1f}*V)"
        if ampere is not None:
            width = 3 if current_decimals == 0 else 4 + current_decimals
            yield f"1-0:{current}.7.0({ampere:0{width}.{current_decimals}f}*A)"
        if power is not None:
            yield f"1-0:{drawn}.7.0({_kilo(max(power, 0), 2)}*kW)"
            yield f"1-0:{returned}.7.0({_kilo(max(-power, 0), 2)}*kW)"


def _kilo(value: float, digits: int) -> str:
    """Thousandths of a kilo-unit exactly, without a detour over a binary fraction."""
    whole, rest = divmod(round(value), 1000)
    return f"{whole:0{digits}d}.{rest:03d}"


def _telegram(ident: str, lines: tuple[str, ...]) -> bytes:
    body = (f"/{ident}\r\n\r\n" + "\r\n".join(lines) + "\r\n!").encode("ascii")
    return body + f"{arc(body):04X}\r\n".encode("ascii")
