"""D0 telegrams (IEC 62056-21): pushed as a German three-phase meter does, or read out on request with short codes and a check character."""

from collections.abc import Iterator
from datetime import timedelta

from chargebridge.sim.telegrams.values import MeterValues, in_summer
from chargebridge.wire.meter.d0 import ETX, STX, block_check

_PHASES = ((36, 31, 32), (56, 51, 52), (76, 71, 72))
"""OBIS group C of power, current and voltage of L1, L2, L3."""
_WITH_PARITY = bytes(code | (code.bit_count() & 1) << 7 for code in range(128)) + bytes(range(128, 256))


def push(values: MeterValues, *, ident: str = "CBR5SIM-D0", currents: bool = True) -> bytes:
    """One telegram without checksum; energies in 10 uWh, powers in 0.01 W. Many meters tell no currents."""
    lines = (
        f"1-0:96.1.0*255({values.meter_id})",
        f"1-0:1.8.0*255({_kilo(values.energy_import_wh, 6)}00000*kWh)",
        f"1-0:2.8.0*255({_kilo(values.energy_export_wh, 6)}00000*kWh)",
        f"1-0:16.7.0*255({_signed(values.power_import_w - values.power_export_w)}*W)",
        *_phase_lines(values, currents=currents),
        "1-0:96.5.0*255(001C0104)",
        "0-0:96.8.0*255(055BD83E)",
    )
    return (f"/{ident}\r\n\r\n" + "\r\n".join(lines) + "\r\n!\r\n").encode("ascii")


def data_block(values: MeterValues, *, utc_offset: timedelta = timedelta(hours=1)) -> bytes:
    """What a meter sends when it is asked for its readout: from STX to the check character. utc_offset: local normal time minus UTC."""
    summer = in_summer(values.at)
    local = values.at + utc_offset + timedelta(hours=summer)
    net_w = values.power_import_w - values.power_export_w
    lines = [
        "F.F(00)",
        f"0.0.0({values.meter_id:>16})",
        f"0.9.1({local:%H%M%S})",
        f"0.9.2({summer:d}{local:%y%m%d})",
        f"1.8.0({_kilo(values.energy_import_wh, 6)}*kWh)",
        f"2.8.0({_kilo(values.energy_export_wh, 6)}*kWh)",
        f"16.7({_signed(net_w / 1000, 5)}*kW)",
    ]
    for (power_c, current_c, voltage_c), power, current, voltage in zip(
        _PHASES, values.power_w_phases, values.current_a, values.voltage_v, strict=True
    ):
        lines += [] if power is None else [f"{power_c}.7({_signed(power / 1000, 5)}*kW)"]
        lines += [] if current is None else [f"{current_c}.7({current:06.2f}*A)"]
        lines += [] if voltage is None else [f"{voltage_c}.7({voltage:.1f}*V)"]
    block = ("\r\n".join(lines) + "\r\n!\r\n").encode("ascii") + ETX
    return STX + block + bytes((block_check(block),))


def readout(values: MeterValues, *, ident: str = "CBR5SIM-D0") -> bytes:
    """A whole readout: identification line and data block."""
    return f"/{ident}\r\n".encode("ascii") + data_block(values)


def with_parity(telegram: bytes) -> bytes:
    """As a port that is set to eight data bits receives it: with the even parity bit of each character."""
    return telegram.translate(_WITH_PARITY)


def _phase_lines(values: MeterValues, *, currents: bool) -> Iterator[str]:
    for (power_c, current_c, voltage_c), power, current, voltage in zip(
        _PHASES, values.power_w_phases, values.current_a, values.voltage_v, strict=True
    ):
        if power is not None:
            yield f"1-0:{power_c}.7.0*255({_signed(power)}*W)"
        if current is not None and currents:
            yield f"1-0:{current_c}.7.0*255({current:06.2f}*A)"
        if voltage is not None:
            yield f"1-0:{voltage_c}.7.0*255({voltage:05.1f}*V)"


def _signed(value: float, decimals: int = 2) -> str:
    return f"{value:010.{decimals}f}"


def _kilo(value: int, digits: int) -> str:
    whole, rest = divmod(value, 1000)
    return f"{whole:0{digits}d}.{rest:03d}"
