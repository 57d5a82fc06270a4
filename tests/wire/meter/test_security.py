"""The protection of pushes: what opens, what is refused and why, and that nothing is heard twice."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chargebridge.meters.registry import open_meter
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.sim.telegrams import austria, han, p1, sml
from chargebridge.sim.telegrams.enciphered import Keys, in_hdlc, in_mbus, in_p1
from chargebridge.sim.telegrams.values import measured
from chargebridge.wire.meter import (
    DecodeError,
    DecoderOptions,
    DlmsDecoder,
    ErrorKind,
    Telegram,
    decode_apdu,
    decoder_for,
    gbt,
    hdlc,
    security,
)
from chargebridge.wire.meter.counters import MAX_METERS, Counters
from chargebridge.wire.meter.security import P1_AUTHENTICATION_KEY, Security, SecurityError, parse, seal

KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))
TITLE = b"KAM\x45\x00\xbc\x61\x4e"
KEYS = Keys(title=TITLE, key=KEY, authentication_key=AUTHENTICATION_KEY)
BOTH = DecoderOptions(key=KEY, authentication_key=AUTHENTICATION_KEY)
VALUES = measured(
    at=datetime(2026, 7, 1, 12, 0, 3, tzinfo=UTC),
    meter_id="12345678",
    power_w_phases=(2300.0, -460.0, 1150.0),
    voltage_v=(230.0, 230.0, 230.0),
    energy_import_wh=1000,
    energy_export_wh=20,
)
PUSH = han.kamstrup_push_1(VALUES)


def refused(apdu: bytes, options: DecoderOptions) -> DecodeError:
    event = decode_apdu(apdu, options)
    assert isinstance(event, DecodeError)
    return event


def test_the_example_of_the_green_book():
    """DLMS UA 1000-2 (Green Book), table of the protected xDLMS APDU: content and tag for these keys, title and counter."""
    plaintext = bytes.fromhex("c0010000080000010000ff0200")
    sealed = seal(
        plaintext,
        key=KEY,
        title=bytes.fromhex("4d4d4d0000bc614e"),
        counter=0x01234567,
        authentication_key=bytes.fromhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"),
    )
    assert sealed.hex().endswith("1e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b")
    opened = Security(BOTH).open(parse(sealed))
    assert (opened.plaintext, opened.authenticated, opened.counter) == (plaintext, True, 0x01234567)


def test_no_key_names_the_meter():
    event = refused(KEYS.seal(PUSH, 1), DecoderOptions())
    assert event.kind is ErrorKind.KEY
    assert "4B414D4500BC614E, serial number 12345678" in event.reason
    assert "ask the grid operator" in event.cure


def test_each_wrong_key_is_told_apart():
    sealed = KEYS.seal(PUSH, 1)
    key = refused(sealed, DecoderOptions(key=bytes(16), authentication_key=AUTHENTICATION_KEY))
    assert (key.kind, "key does not fit" in key.reason, "key_file" in key.cure) == (ErrorKind.KEY, True, True)
    authentication = refused(sealed, DecoderOptions(key=KEY, authentication_key=bytes(16)))
    assert (authentication.kind, "its tag does not" in authentication.reason) == (ErrorKind.KEY, True)
    assert "auth_key_file" in authentication.cure
    unchecked = decode_apdu(sealed, DecoderOptions(key=KEY))
    assert isinstance(unchecked, Telegram)
    assert unchecked.authenticated is False
    assert refused(sealed, DecoderOptions(key=bytes(16))).kind is ErrorKind.KEY


@pytest.mark.parametrize("at", [11, 15, 16, 20, 200, -13, -12, -1])
def test_a_changed_byte_is_no_reading(at):
    changed = bytearray(KEYS.seal(PUSH, 0x01020304))
    changed[at] ^= 4
    assert refused(bytes(changed), BOTH).kind in (ErrorKind.KEY, ErrorKind.CONTENT, ErrorKind.UNSUPPORTED)


def test_who_tells_keys_hears_nothing_less_protected():
    """A plain telegram, or one without tag, may be anybody's."""
    plain = refused(PUSH, DecoderOptions(key=KEY))
    assert (plain.kind, "not enciphered" in plain.reason) == (ErrorKind.KEY, True)
    untagged = refused(Keys(title=TITLE, key=KEY).seal(PUSH, 1), BOTH)
    assert (untagged.kind, "no tag" in untagged.reason) == (ErrorKind.KEY, True)
    decoder = decoder_for(None, DecoderOptions(key=KEY))
    (clear,) = decoder.feed(p1.encode(VALUES))
    assert isinstance(clear, DecodeError)
    assert clear.kind is ErrorKind.KEY
    decoder = decoder_for(None, DecoderOptions(key=KEY))
    found = decoder.feed(sml.encode(VALUES)) + decoder.close()
    assert not [event for event in found if isinstance(event, Telegram)], "a language that knows no keys"


def test_authenticated_but_not_enciphered():
    """Security control 10: the content is clear, the tag covers it."""
    tag = AESGCM(KEY).encrypt(TITLE + bytes((0, 0, 0, 9)), b"", b"\x10" + AUTHENTICATION_KEY + PUSH)[:12]
    body = b"\x10" + bytes((0, 0, 0, 9)) + PUSH + tag
    apdu = b"\xdb\x08" + TITLE + b"\x82" + len(body).to_bytes(2, "big") + body
    event = decode_apdu(apdu, BOTH)
    assert isinstance(event, Telegram)
    assert (event.authenticated, event.counter) == (True, 9)
    assert refused(apdu[:-1] + bytes((apdu[-1] ^ 1,)), BOTH).kind is ErrorKind.KEY


def test_compression_and_other_suites_are_not_guessed_at():
    for control in (0xB0, 0x32):
        apdu = bytearray(KEYS.seal(PUSH, 1))
        apdu[13] = control
        assert refused(bytes(apdu), BOTH).kind is ErrorKind.UNSUPPORTED


def test_the_p1_port_of_luxembourg_needs_no_authentication_key():
    keys = Keys(title=b"SAG5\0\0\0\1", key=KEY, authentication_key=P1_AUTHENTICATION_KEY)
    (event,) = decoder_for(None, DecoderOptions(key=KEY)).feed(in_p1(p1.encode(VALUES), keys, 3))
    assert isinstance(event, Telegram)
    assert event.authenticated is True
    (event,) = decoder_for(None, BOTH).feed(in_p1(p1.encode(VALUES), keys, 3))
    assert isinstance(event, DecodeError)
    assert "authentication key" in event.reason


@pytest.mark.parametrize("second", [4, 5, 0])
def test_a_counter_that_does_not_grow_is_a_replay(second):
    decoder = DlmsDecoder(BOTH)
    (first,) = decoder.feed(in_hdlc(PUSH, KEYS, 5))
    (again,) = decoder.feed(in_hdlc(PUSH, KEYS, second))
    (next_one,) = decoder.feed(in_hdlc(PUSH, KEYS, 0xFFFFFFFF))
    assert isinstance(first, Telegram)
    assert isinstance(again, DecodeError)
    assert (again.kind, "start chargebridge again" in again.cure) == (ErrorKind.REPLAY, True)
    assert isinstance(next_one, Telegram)


def test_a_doubted_protocol_does_not_forget_counters():
    """Five errors in a row make the finder of protocols begin anew, which must not open the door to what was recorded."""
    decoder = decoder_for(None, BOTH)
    assert [type(event) for event in decoder.feed(in_hdlc(PUSH, KEYS, 5))] == [Telegram]
    found = [event for _ in range(12) for event in decoder.feed(in_hdlc(PUSH, KEYS, 5))]
    assert {event.kind for event in found if isinstance(event, DecodeError)} == {ErrorKind.REPLAY}
    assert not [event for event in found if isinstance(event, Telegram)]


def test_inside_a_block_transfer():
    """Landis+Gyr meters of Steiermark cut the enciphered APDU into blocks."""
    frames = [hdlc.frame(block, destination=b"\xce\xff", source=b"\x03", control=0x13) for block in gbt.blocks(KEYS.seal(PUSH, 3), 100)]
    assert len(frames) > 3
    (event,) = decoder_for(None, BOTH).feed(b"".join(frames))
    assert isinstance(event, Telegram)
    assert (event.authenticated, event.counter, event.profile) == (True, 3, "kamstrup")


def test_a_forged_counter_does_not_silence_the_meter():
    """Only a telegram that made sense moves the counter; of those that cannot be checked, one whose content reads on."""
    forged = bytearray(KEYS.seal(PUSH, 0xFFFFFFF0))
    forged[40] ^= 1
    guard = Security(BOTH)
    with pytest.raises(SecurityError):
        guard.open(parse(bytes(forged)))
    unchecked = Keys(title=TITLE, key=bytes(16)).seal(PUSH, 0xFFFFFFF0)
    assert isinstance(decode_apdu(unchecked, DecoderOptions(key=KEY), guard=Security(DecoderOptions(key=KEY))), DecodeError)
    assert isinstance(decode_apdu(KEYS.seal(PUSH, 6), BOTH, guard=guard), Telegram)


def test_a_new_meter_may_begin_anew():
    guard = Security(BOTH)
    other = Keys(title=b"KAM\x45\0\0\0\1", key=KEY, authentication_key=AUTHENTICATION_KEY)
    for keys, counter in ((KEYS, 1000), (other, 1)):
        assert isinstance(decode_apdu(keys.seal(PUSH, counter), BOTH, guard=guard), Telegram)


def test_few_counters_are_kept():
    counters = Counters()
    for meter in range(3 * MAX_METERS):
        counters.accept(meter.to_bytes(8, "big"), 7)
    last = 3 * MAX_METERS - 1
    assert not counters.grows(last.to_bytes(8, "big"), 7)
    assert counters.grows(last.to_bytes(8, "big"), 8)
    assert not counters.grows((last - MAX_METERS + 1).to_bytes(8, "big"), 7)
    assert counters.grows((last - MAX_METERS).to_bytes(8, "big"), 7)


def test_keys_are_never_shown():
    assert KEY.hex() not in repr(BOTH)
    assert str(KEY) not in repr(BOTH)
    assert security.name_of(b"") == "without system title"


class StandingClock:
    def now(self) -> datetime:
        return VALUES.at

    async def sleep(self, _seconds: float) -> None:
        await asyncio.sleep(0.005)


async def test_over_tcp_from_a_key_file_and_no_telegram_twice(tmp_path):
    """The counters outlive the connection: what was recorded before it broke is not heard after it."""
    keys = Keys(title=b"SAGY\5\0\0\1", key=KEY)
    key_file = tmp_path / "meter.key"
    key_file.write_text(KEY.hex() + "\n")

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(in_mbus(austria.netz_noe(VALUES), keys, 5))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}?key_file={key_file}"
    found: list[Reading | MeterFault] = []
    async with server, asyncio.timeout(10), aclosing(open_meter(url, "grid", StandingClock()).readings()) as readings:
        async for event in readings:
            found.append(event)
            if len(found) == 3:
                break
    reading, closed, repeated = found
    assert isinstance(reading, Reading)
    assert (reading.power_w, reading.current_a, reading.voltage_v) == (2990.0, (10.0, 2.0, 5.0), (230.0, 230.0, 230.0))
    assert reading.meter_number == "12345678"
    assert isinstance(closed, MeterFault)
    assert isinstance(repeated, MeterFault)
    assert "was there before" in repeated.reason
