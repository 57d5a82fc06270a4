"""Netz Oberösterreich's AMIS meters: the published example, wrong keys, damage, and the dialogue that keeps them talking."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chargebridge.meters.registry import open_meter
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.sim.telegrams import austria
from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.meter import DecodeError, DecoderOptions, ErrorKind, Telegram, decoder_for, mbus
from chargebridge.wire.meter.mbus import MbusDecoder

LOOKING = bytes.fromhex("1040f03016")
EXAMPLE_KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
EXAMPLE = bytes.fromhex(
    "685f5f6853f05b000000002d4c010e0d0050053fd0feb726760cc7aaf0b52b41f0c541bd6306dcd8b91b3da2311ef13d2514d0960082161efec4b6cb1e0b3328be6177"
    "dca594c1280024a835f1d655ba7182b256e94bd33ac0a6b08da46781eb4e91e01216"
)
"""Netz Oberösterreich "Spezifikation Kundenschnittstelle AMIS" of 2021-11-05, clause 2.4.2.9, with the key printed there."""
VALUES = MeterValues(
    at=datetime(2026, 7, 1, 12, 0, 3, tzinfo=UTC),
    meter_id="1",
    power_import_w=0,
    power_export_w=117,
    power_w_phases=(None, None, None),
    current_a=(None, None, None),
    voltage_v=(None, None, None),
    energy_import_wh=684_544,
    energy_export_wh=129_412,
)


def test_the_published_example():
    (telegram,) = decoder_for(None, DecoderOptions(key=EXAMPLE_KEY)).feed(EXAMPLE)
    assert isinstance(telegram, Telegram)
    assert telegram.clock_text == "2014-07-01T08:12:31"
    assert telegram.clock == datetime(2014, 7, 1, 6, 12, 31, tzinfo=UTC)
    found = {code: (register.value, register.unit) for code, register in telegram.registers.items()}
    assert found.pop("0-0:1.0.0")[0] == telegram.clock
    assert found == {
        "1-0:1.8.0": (Decimal(684544), "Wh"),
        "1-0:2.8.0": (Decimal(129412), "Wh"),
        "1-0:3.8.1": (Decimal(357918), "varh"),
        "1-0:4.8.1": (Decimal(81446), "varh"),
        "1-0:1.7.0": (0.0, "W"),
        "1-0:2.7.0": (117.0, "W"),
        "1-0:3.7.0": (0.0, "var"),
        "1-0:4.7.0": (0.0, "var"),
        "1-0:1.128.0": (Decimal(20), "Wh"),
    }
    assert (telegram.authenticated, telegram.crc_ok, telegram.unparsed) == (False, True, ())


def test_no_key_and_a_wrong_one():
    for key in (None, bytes(16)):
        (event,) = MbusDecoder(DecoderOptions(key=key)).feed(EXAMPLE)
        assert isinstance(event, DecodeError)
        assert event.kind is ErrorKind.KEY
        assert "key_file" in event.cure


@given(power=st.integers(-20_000, 20_000), energy=st.integers(0, 0xFFFFFFFF), at=st.datetimes(datetime(2020, 1, 1), datetime(2039, 1, 1)))  # noqa: DTZ001
def test_what_is_enciphered_is_read(power, energy, at):
    values = MeterValues(
        at=at.replace(microsecond=0, tzinfo=UTC),
        meter_id="1",
        power_import_w=max(0, power),
        power_export_w=max(0, -power),
        power_w_phases=(None, None, None),
        current_a=(None, None, None),
        voltage_v=(None, None, None),
        energy_import_wh=energy,
        energy_export_wh=7,
    )
    (telegram,) = MbusDecoder(DecoderOptions(key=EXAMPLE_KEY)).feed(austria.netz_ooe(values, EXAMPLE_KEY, power & 0xFF))
    assert isinstance(telegram, Telegram)
    assert telegram.registers["1-0:1.7.0"].value - telegram.registers["1-0:2.7.0"].value == power
    assert telegram.registers["1-0:1.8.0"].value == energy
    assert telegram.clock == values.at


@given(data=st.binary(max_size=120))
def test_any_content_gives_an_event(data):
    for content in (data, EXAMPLE[7:19] + data):
        (event,) = MbusDecoder(DecoderOptions(key=EXAMPLE_KEY)).feed(mbus.frame(content, address=0xF0, ci=0x5B))
        assert isinstance(event, Telegram | DecodeError)


def test_only_who_waits_is_answered():
    decoder = decoder_for(None, DecoderOptions(key=EXAMPLE_KEY))
    assert decoder.feed(LOOKING) == []
    assert [decoder.answer(), decoder.answer()] == [b"\xe5", b""]
    decoder.feed(EXAMPLE[:50])
    assert decoder.answer() == b""
    decoder.feed(EXAMPLE[50:])
    assert decoder.answer() == b"\xe5"
    push = MbusDecoder(DecoderOptions())
    push.feed(mbus.frame(mbus.SAPS + b"\x0f", ci=0x10))
    assert push.answer() == b""


class StandingClock:
    def now(self) -> datetime:
        return VALUES.at

    async def sleep(self, _seconds: float) -> None:
        await asyncio.sleep(0.005)


async def test_a_meter_that_waits_for_answers(tmp_path):
    """A virtual AMIS meter on a socket: it looks for a display, and each further telegram costs an acknowledgement."""
    key_file = tmp_path / "key"
    key_file.write_text(EXAMPLE_KEY.hex())
    unanswered: list[bytes] = []

    async def meter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(LOOKING)
        for access in range(3):
            answer = await reader.readexactly(1)
            if answer != b"\xe5":
                unanswered.append(answer)
            writer.write(austria.netz_ooe(VALUES, EXAMPLE_KEY, access))
        writer.close()

    server = await asyncio.start_server(meter, "127.0.0.1", 0)
    url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}?key_file={key_file}"
    found: list[Reading | MeterFault] = []
    async with server, asyncio.timeout(10), aclosing(open_meter(url, "grid", StandingClock()).readings()) as readings:
        async for event in readings:
            found.append(event)
            if len(found) == 3:
                break
    assert [event.power_w for event in found if isinstance(event, Reading)] == [-117.0] * 3
    assert not unanswered
