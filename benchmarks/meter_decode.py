"""Meter telegrams a second, ours beside PyPI peers, on the same bytes in the same run.

Telegrams come from our encoders with every value changing from one to the next, 200 of each family. Both sides check checksums and deliver
scaled values, which are compared before anything is timed: a peer that gives other values, or not all telegrams, is named with what it does,
and counts for nothing. Runs alternate, the best of each side counts, CPU time.
"""

import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks import _meter_peers as peers
from benchmarks._meter_peers import Peer, Values
from chargebridge.sim.telegrams import austria, cii, d0, han, p1, sml, tic
from chargebridge.sim.telegrams.enciphered import Keys, in_hdlc, in_mbus
from chargebridge.sim.telegrams.han import ListSize
from chargebridge.sim.telegrams.values import MeterValues, measured
from chargebridge.wire.meter import Decoder, Telegram, decoder_for
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.telegram import Protocol

COUNT = 200
ROUNDS = 7
LEAST_VALUES = 4
DANISH = Keys(title=b"KAM\x45\x00\xbc\x61\x4e", key=bytes(range(16)), authentication_key=bytes(range(0xD0, 0xE0)))
AUSTRIAN = Keys(title=b"KFM\x10\x20\x00\x00\x01", key=bytes(range(16)))


class Case(NamedTuple):
    """One family. encode: of values and the number of the telegram, from 1. options: what both sides are told, such as keys."""

    title: str
    protocol: Protocol
    encode: Callable[[MeterValues, int], bytes]
    peers: tuple[Peer, ...]
    options: DecoderOptions = DEFAULTS


def cases() -> Iterator[Case]:
    """All families."""
    hdlc, kaifa = peers.pydlms("hdlc"), peers.pydlms("hdlc", profile="kaifa-han-no")
    mbus, opened = peers.pydlms("mbus", AUSTRIAN.key), peers.pydlms("hdlc", DANISH.key, DANISH.authentication_key)
    yield Case("P1 DSMR 5", Protocol.P1, lambda values, _: p1.encode(values), (peers.DSMR_PARSER, peers.PYDLMS_P1))
    yield Case("SML", Protocol.SML, lambda values, _: sml.encode(values), (peers.PYSML, peers.SMLLIB))
    yield Case("HAN Aidon, hourly list", Protocol.DLMS, lambda values, _: han.aidon(values, ListSize.HOURLY), (peers.AMSHAN, hdlc))
    yield Case("HAN Kaifa, 10 s list", Protocol.DLMS, lambda values, _: han.kaifa(values, ListSize.FULL), (peers.AMSHAN, kaifa))
    yield Case("HAN Kamstrup, hourly list", Protocol.DLMS, lambda values, _: han.kamstrup(values, ListSize.HOURLY), (peers.AMSHAN, hdlc))
    yield Case(
        "Denmark, enciphered with tag",
        Protocol.DLMS,
        lambda values, n: in_hdlc(han.kamstrup_push_1(values), DANISH, n),
        (opened,),
        DecoderOptions(key=DANISH.key, authentication_key=DANISH.authentication_key),
    )
    yield Case(
        "Austria, M-Bus, enciphered",
        Protocol.DLMS_MBUS,
        lambda values, n: in_mbus(austria.netz_noe(values), AUSTRIAN, n),
        (mbus,),
        DecoderOptions(key=AUSTRIAN.key),
    )
    yield Case("Switzerland, block transfer", Protocol.DLMS, lambda values, _: cii.encode(values), (hdlc,))
    yield Case("D0, readout", Protocol.D0, lambda values, _: d0.readout(values), (peers.IEC62056_21,))
    yield Case("Linky, historic", Protocol.TIC, lambda values, _: tic.encode_historic(values), (peers.PYTELEINFO,))


def telegrams(encode: Callable[[MeterValues, int], bytes], seed: int = 7) -> list[bytes]:
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
        found.append(encode(values, i + 1))
    return found


def our_values(events: list[object]) -> Values:
    """All figures of our telegrams by ``C.D.E``."""
    assert all(isinstance(event, Telegram) for event in events), events[:1]
    return [
        {code.partition(":")[2]: float(r.value) for code, r in event.registers.items() if isinstance(r.raw, int | tuple) and r.unit}
        for event in events
        if isinstance(event, Telegram)
    ]


def difference(ours: Values, theirs: Values) -> str | None:
    """Why the peer's values do not count, None if they are ours."""
    if len(theirs) != len(ours):
        return f"gave {len(theirs)} of {len(ours)} telegrams"
    for mine, other in zip(ours, theirs, strict=True):
        common = mine.keys() & other.keys()
        if len(common) < min(LEAST_VALUES, len(mine)):
            return f"names {len(common)} of {len(mine)} values"
        for code in sorted(common):
            if not math.isclose(mine[code], other[code], rel_tol=1e-9, abs_tol=1e-6):
                return f"{code} is {other[code]:g}, not {mine[code]:g}"
    return None


def best(sides: list[Callable[[], object]]) -> list[float]:
    """Telegrams a second of each side, runs in turn."""
    times = [math.inf] * len(sides)
    for _ in range(ROUNDS):
        for i, side in enumerate(sides):
            begin = process_time()
            side()
            times[i] = min(times[i], process_time() - begin)
    return [COUNT / spent for spent in times]


def main() -> None:
    """Print one row a family and peer."""
    table = Table("telegrams", "bytes", "ours /s", "us each", "peer", "peer /s", "ratio", "values compared")
    for case in cases():
        parts = telegrams(case.encode)

        def ours(case: Case = case, parts: list[bytes] = parts) -> list[object]:
            decoder: Decoder = decoder_for(case.protocol, case.options)
            return [event for part in parts for event in decoder.feed(part)]

        mine = our_values(ours())
        assert len(mine) == COUNT, case.title
        for peer in case.peers:
            first = (case.title, str(len(parts[0])))
            if not peer.installed:
                (rate,) = best([ours])
                table.add_row(*first, f"{rate:,.0f}", f"{1e6 / rate:.0f}", f"{peer.name} is not installed", "", "", "")
                continue
            decode = peer.make()
            theirs = peer.values(decode(parts))
            wrong = difference(mine, theirs)
            rate, other = best([ours, lambda decode=decode, parts=parts: decode(parts)])  # type: ignore[misc]
            said = wrong or str(len(mine[0].keys() & theirs[0].keys()))
            ratio = f"({rate / other:.1f})" if wrong else f"{rate / other:.1f}"
            table.add_row(*first, f"{rate:,.0f}", f"{1e6 / rate:.0f}", peer.name, f"{other:,.0f}", ratio, said)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
