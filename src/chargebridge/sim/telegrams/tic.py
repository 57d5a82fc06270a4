"""Linky TIC frames as single-phase and three-phase meters send them (Enedis-NOI-CPT_54E), historic and standard mode."""

from datetime import datetime, timedelta
from math import hypot

from chargebridge.sim.telegrams.values import MeterValues, in_summer


def group(label: str, *fields: str) -> bytes:
    """One group of standard mode, from its LF to its CR; of two fields the first is the horodate."""
    text = "\t".join((label, *fields, "")).encode("ascii")
    return b"\n" + text + _checksum(text) + b"\r"


def historic_group(label: str, data: str) -> bytes:
    """One group of historic mode; the checksum leaves the last space out."""
    text = f"{label} {data}".encode("ascii")
    return b"\n" + text + b" " + _checksum(text) + b"\r"


def frame(*groups: bytes) -> bytes:
    return b"\x02" + b"".join(groups) + b"\x03"


def encode(
    values: MeterValues, *, subscribed_kva: int = 12, status: int = 0x003A0001, producer: bool = False, degraded: bool = False
) -> bytes:
    """One frame of standard mode: Wh, whole A, V and VA. ``producer`` adds what only producers' meters tell; ``degraded``: the clock is not set."""
    phases = [
        (n, i, u) for n, (i, u) in enumerate(zip(values.current_a, values.voltage_v, strict=True), 1) if i is not None and u is not None
    ]
    drawn = [group(f"SINSTS{n}", f"{round(i * u):05d}") for n, i, u in phases] if len(phases) > 1 else []
    produced = [group("EAIT", f"{values.energy_export_wh:09d}")] if producer else []
    fed = [group("SINSTI", f"{_apparent(values.power_export_w, values):05d}")] if producer else []
    return frame(
        group("ADSC", f"{values.meter_id:0>12}"),
        group("VTIC", "02"),
        group("DATE", horodate(values.at, degraded=degraded), ""),
        group("NGTF", f"{'BASE':^16}"),
        group("LTARF", f"{'BASE':^16}"),
        group("EAST", f"{values.energy_import_wh:09d}"),
        group("EASF01", f"{values.energy_import_wh:09d}"),
        *(group(f"EASF{n:02d}", "000000000") for n in range(2, 11)),
        *produced,
        *(group(f"IRMS{n}", f"{round(i):03d}") for n, i, _ in phases),
        *(group(f"URMS{n}", f"{round(u):03d}") for n, _, u in phases),
        group("PREF", f"{subscribed_kva:02d}"),
        group("PCOUP", f"{subscribed_kva:02d}"),
        group("SINSTS", f"{_apparent(values.power_import_w, values):05d}"),
        *drawn,
        *fed,
        group("STGE", f"{status:08X}"),
        group("MSG1", f"{'PAS DE          MESSAGE':<32}"),
        group("PRM", f"{values.meter_id:0>14}"),
        group("RELAIS", "000"),
        group("NTARF", "01"),
        group("NJOURF", "00"),
        group("NJOURF+1", "00"),
        group("PJOURF+1", "00008001" + " NONUTILE" * 10),
    )


def encode_historic(values: MeterValues, *, subscribed_a: int = 30) -> bytes:
    """One frame of historic mode: Wh, whole A, and VA in tens. It has no clock, no voltages and no production."""
    three = not values.single_phase
    currents = [(str(n) if three else "", f"{round(i):03d}") for n, i in enumerate(values.current_a, 1) if i is not None]
    return frame(
        historic_group("ADCO", f"{values.meter_id:0>12}"),
        historic_group("OPTARIF", "BASE"),
        historic_group("ISOUSC", f"{subscribed_a:02d}"),
        historic_group("BASE", f"{values.energy_import_wh:09d}"),
        historic_group("PTEC", "TH.."),
        *(historic_group(f"IINST{n}", text) for n, text in currents),
        *(historic_group(f"IMAX{n}", "090") for n, _ in currents),
        historic_group("PAPP", f"{round(_apparent(values.power_import_w, values), -1):05d}"),
        historic_group("MOTDETAT", "000000"),
    )


def encode_overload(values: MeterValues, *, excess_a: int) -> bytes:
    """The short frame that a three-phase meter in historic mode sends while its subscription is exceeded."""
    return frame(
        *(historic_group(f"ADIR{n}", f"{excess_a:03d}") for n in (1, 2, 3)),
        historic_group("ADCO", f"{values.meter_id:0>12}"),
        *(historic_group(f"IINST{n}", f"{round(i or 0):03d}") for n, i in enumerate(values.current_a, 1)),
    )


def horodate(at: datetime, *, degraded: bool = False) -> str:
    """The legal time of metropolitan France, with its season."""
    summer = in_summer(at)
    season = "E" if summer else "H"
    local = at + timedelta(hours=1 + summer)
    return f"{season.lower() if degraded else season}{local:%y%m%d%H%M%S}"


def _apparent(power_w: float, values: MeterValues) -> int:
    """VA; 0 in the direction in which nothing flows."""
    return round(hypot(power_w, values.reactive_import_var - values.reactive_export_var)) if power_w else 0


def _checksum(text: bytes) -> bytes:
    return bytes(((sum(text) & 0x3F) + 0x20,))
