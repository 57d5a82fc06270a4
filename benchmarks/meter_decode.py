"""Meter telegrams a second, ours beside PyPI peers, on the same bytes in the same run.

Telegrams come from our encoders with every value changing from one to the next, 200 of each family; peers that are not installed
(dependency group ``bench``) are left out. Both sides check checksums and deliver scaled values, which are compared before anything is timed.
Runs alternate, the best of each side counts, CPU time.
"""

import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from time import process_time

from rich.console import Console
from rich.table import Table

from chargebridge.sim.telegrams import han, p1, sml
from chargebridge.sim.telegrams.han import ListSize
from chargebridge.sim.telegrams.values import MeterValues, measured
from chargebridge.wire.meter import Decoder, DlmsDecoder, P1Decoder, SmlDecoder, Telegram

COUNT = 200
ROUNDS = 7
Values = list[dict[str, float]]
"""For each telegram the quantities that both sides deliver, by OBIS code, in W, A, V, Wh."""
Side = Callable[[bytes, list[bytes]], object]


def telegrams(encode: Callable[[MeterValues], bytes], seed: int = 7) -> list[bytes]:
    dice = random.Random(seed)
    at = datetime(2026, 7, 1, tzinfo=UTC)
    found = []
    for i in range(COUNT):
        powers = tuple(float(dice.randint(-3000, 7000)) for _ in range(3))
        volts = tuple(dice.randint(2200, 2400) / 10 for _ in range(3))
        values = measured(
            at=at + timedelta(seconds=i),
            meter_id="12345678",
            power_w_phases=powers,  # type: ignore[arg-type]
            voltage_v=volts,  # type: ignore[arg-type]
            energy_import_wh=10_000_000 + 40 * i,
            energy_export_wh=2_000_000 + 10 * i,
        )
        found.append(encode(values))
    return found


def ours(make: Callable[[], Decoder]) -> Side:
    return lambda stream, _parts: make().feed(stream)


def our_values(events: object, codes: dict[str, str]) -> Values:
    """``codes``: what the peer calls it, to our code."""
    assert isinstance(events, list)
    assert all(isinstance(event, Telegram) for event in events)
    return [{code: float(event.registers[code].value) for code in codes.values()} for event in events]


# amshan: HDLC reader and decoder of the Norwegian lists.
AMSHAN = {
    "active_power_import": "1.7.0", "active_power_export": "2.7.0", "current_l1": "31.7.0", "current_l2": "51.7.0", "current_l3": "71.7.0",
    "voltage_l1": "32.7.0", "voltage_l2": "52.7.0", "voltage_l3": "72.7.0",
    "active_power_import_total": "1.8.0", "active_power_export_total": "2.8.0",
}  # fmt: skip


def amshan_side() -> Side:
    from han.autodecoder import AutoDecoder
    from han.hdlc import HdlcFrameReader

    def decode(stream: bytes, _parts: list[bytes]) -> list[dict]:
        decoder = AutoDecoder()
        return [decoder.decode_message(frame) for frame in HdlcFrameReader(False).read(stream) if frame.is_valid]

    return decode


def amshan_values(result: object, codes: dict[str, str]) -> Values:
    assert isinstance(result, list)
    return [{code: float(values[name]) for name, code in codes.items()} for values in result]


# dsmr-parser: one telegram at a time.
DSMR = {
    "CURRENT_ELECTRICITY_USAGE": "1-0:1.7.0", "CURRENT_ELECTRICITY_DELIVERY": "1-0:2.7.0", "ELECTRICITY_USED_TARIFF_1": "1-0:1.8.1",
    "ELECTRICITY_DELIVERED_TARIFF_1": "1-0:2.8.1", "INSTANTANEOUS_VOLTAGE_L1": "1-0:32.7.0", "INSTANTANEOUS_VOLTAGE_L3": "1-0:72.7.0",
    "INSTANTANEOUS_CURRENT_L2": "1-0:51.7.0", "INSTANTANEOUS_ACTIVE_POWER_L1_POSITIVE": "1-0:21.7.0",
    "INSTANTANEOUS_ACTIVE_POWER_L3_NEGATIVE": "1-0:62.7.0",
}  # fmt: skip


def dsmr_side() -> Side:
    from dsmr_parser import telegram_specifications
    from dsmr_parser.parsers import TelegramParser

    parser = TelegramParser(telegram_specifications.V5)
    return lambda _stream, parts: [parser.parse(part.decode("ascii")) for part in parts]


def dsmr_values(result: object, codes: dict[str, str]) -> Values:
    assert isinstance(result, list)
    found = []
    for telegram in result:
        objects = {code: getattr(telegram, name) for name, code in codes.items()}
        found.append({code: float(item.value) * (1000 if item.unit.startswith("k") else 1) for code, item in objects.items()})
    return found


# pysml: one file at a time.
PYSML = {f"1-0:{c}.{d}.0*255": f"1-0:{c}.{d}.0" for c, d in ((1, 8), (2, 8), *((c, 7) for c in (16, 36, 31, 32, 56, 51, 52, 76, 71, 72)))}


def pysml_side() -> Side:
    import sml as pysml

    return lambda _stream, parts: [pysml.SmlBase.parse_frame(part)[1] for part in parts]


def pysml_values(result: object, codes: dict[str, str]) -> Values:
    assert isinstance(result, list)
    found = []
    for frame in result:
        (body,) = (message["messageBody"] for message in frame if "valList" in (message.get("messageBody") or {}))
        values = {entry["objName"]: entry["value"] for entry in body["valList"]}
        found.append({code: float(values[name]) for name, code in codes.items()})
    return found


PeerValues = Callable[[object, dict[str, str]], Values]
Case = tuple[str, Callable[[MeterValues], bytes], Callable[[], Decoder], str, str, Callable[[], Side], PeerValues, dict[str, str]]


def cases() -> Iterator[Case]:
    """Title, encoder, our decoder, the peer's name, its module, its side, its values and the quantities that are compared."""
    yield "P1 DSMR 5", p1.encode, P1Decoder, "dsmr-parser", "dsmr_parser", dsmr_side, dsmr_values, DSMR
    yield "SML", sml.encode, SmlDecoder, "pysml", "sml", pysml_side, pysml_values, PYSML
    hourly = {name: f"1-0:{code}" for name, code in AMSHAN.items()}
    full = {name: code for name, code in hourly.items() if not name.endswith("_total")}
    power = {"active_power_import": "1-0:1.7.0"}
    other = {name: code.replace("1-0:", "1-1:") for name, code in hourly.items()}
    for title, encode, size, codes in (
        ("HAN Aidon, hourly list", han.aidon, ListSize.HOURLY, hourly),
        ("HAN Kaifa, 10 s list", han.kaifa, ListSize.FULL, full),
        ("HAN Kaifa, 2 s list", han.kaifa, ListSize.POWER, power),
        ("HAN Kamstrup, hourly list", han.kamstrup, ListSize.HOURLY, other),
    ):
        yield title, lambda values, e=encode, s=size: e(values, s), DlmsDecoder, "amshan", "han", amshan_side, amshan_values, codes


def best(sides: list[Side], stream: bytes, parts: list[bytes]) -> list[float]:
    """Telegrams a second of each side, runs in turn."""
    times = [math.inf] * len(sides)
    for _ in range(ROUNDS):
        for i, side in enumerate(sides):
            begin = process_time()
            side(stream, parts)
            times[i] = min(times[i], process_time() - begin)
    return [len(parts) / spent for spent in times]


def main() -> None:
    """Print one row a family; stops with an error where the two sides differ."""
    table = Table("telegrams", "bytes", "ours /s", "us each", "peer", "peer /s", "ratio", "values compared")
    for title, encode, make, peer, module, peer_side, peer_values, codes in cases():
        parts = telegrams(encode)
        stream = b"".join(parts)
        side = ours(make)
        mine = our_values(side(stream, parts), codes)
        assert len(mine) == COUNT
        if find_spec(module) is None:
            (rate,) = best([side], stream, parts)
            table.add_row(title, str(len(parts[0])), f"{rate:,.0f}", f"{1e6 / rate:.0f}", f"{peer} is not installed", "", "", "")
            continue
        theirs_side = peer_side()
        theirs = peer_values(theirs_side(stream, parts), codes)
        for a, b in zip(mine, theirs, strict=True):
            assert all(math.isclose(a[code], b[code], rel_tol=1e-9, abs_tol=1e-6) for code in a), (title, a, b)
        rate, other = best([side, theirs_side], stream, parts)
        row = (
            title,
            str(len(parts[0])),
            f"{rate:,.0f}",
            f"{1e6 / rate:.0f}",
            peer,
            f"{other:,.0f}",
            f"{rate / other:.1f}",
            str(len(codes)),
        )
        table.add_row(*row)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
