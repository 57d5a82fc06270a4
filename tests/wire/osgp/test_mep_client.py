"""What a meter may answer, and what then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sim.telegrams.test_golden import THREE_PHASES as VALUES

from chargebridge.sim.mep_meter import MepDevice
from chargebridge.wire.meter import DecodeError, ErrorKind
from chargebridge.wire.osgp import Alert, Answer, MepClient, Repeat, tables
from chargebridge.wire.osgp.digest import digest
from chargebridge.wire.osgp.packet import MAX_PACKET, Packet, PacketFramer, signed

KEY = b"MBKTESTKEY0123456789"


def exchange(client: MepClient, device: MepDevice, packet: bytes) -> list:
    """The talk until an answer or an error."""
    events = []
    for _ in range(10):
        events += client.receive(device.receive(packet))
        if not (events and isinstance(events[-1], Repeat)):
            break
        packet = events[-1].packet
    return events


@pytest.mark.parametrize("names_last", [False, True])
def test_the_number_is_learned(names_last):
    client, device = MepClient(KEY), MepDevice(lambda: VALUES, KEY, names_last=names_last)
    events = exchange(client, device, client.read(tables.BT01, 0, 16))
    assert [type(event) for event in events[:-1]] == [Repeat] * (1 + names_last)
    assert events[-1] == Answer(tables.BT01, 0, b"NES MTR-3000\x01\x00\x03\x0c")
    assert tables.identity(events[-1].data).name == "NES MTR-3000 3.12"
    assert exchange(client, device, client.read(tables.BT52, 0, 7))[0] == Answer(tables.BT52, 0, bytes((26, 7, 1, 12, 0, 3, 0x10)))


def test_the_number_turns_over():
    client, device = MepClient(KEY, 2**32 - 1), MepDevice(lambda: VALUES, KEY, sequence=2**32 - 1)
    for _ in range(3):
        assert isinstance(exchange(client, device, client.read(tables.BT01, 0, 16))[0], Answer)
    assert device.sequence == 2


def test_a_number_that_is_never_right():
    client = MepClient(KEY)
    request = client.read(tables.BT01, 0, 16)
    for _ in range(9):
        (event,) = client.receive(signed(request[2:-8], b"\x0c\0\0\0\7", KEY[:16]))
        if isinstance(event, DecodeError):
            break
        request = event.packet
    assert isinstance(event, DecodeError)
    assert not client.waiting


def test_a_wrong_key_is_told():
    client, device = MepClient(KEY), MepDevice(lambda: VALUES, b"another key of 20 by")
    (event,) = exchange(client, device, client.read(tables.BT01, 0, 16))
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.KEY
    assert "MBK" in event.cure
    assert not client.waiting


def test_only_sixteen_bytes_of_the_key_count():
    client, device = MepClient(KEY[:16] + b"...."), MepDevice(lambda: VALUES, KEY)
    assert isinstance(exchange(client, device, client.read(tables.BT01, 0, 16))[-1], Answer)


def test_tables_that_are_not_there_or_not_permitted():
    client, device = MepClient(KEY), MepDevice(lambda: VALUES, KEY, hidden=frozenset({tables.ET03}))
    for table, count, said in ((tables.ET03, 30, "does not permit"), (0x0999, 4, "no such table"), (tables.BT01, 400, "not so much")):
        event = exchange(client, device, client.read(table, 0, count))[-1]
        assert isinstance(event, DecodeError)
        assert event.kind is ErrorKind.UNSUPPORTED
        assert said in event.reason
    assert isinstance(exchange(client, device, client.read(tables.BT01, 0, 16))[-1], Answer)


def test_an_old_answer_does_not_pass_for_a_new_one():
    client, device = MepClient(KEY, 0x1000), MepDevice(lambda: VALUES, KEY)
    old = device.receive(client.read(tables.BT28, 4, 128))
    assert isinstance(client.receive(old)[0], Answer)
    client.read(tables.BT28, 4, 128)
    (event,) = client.receive(old)
    assert isinstance(event, DecodeError)
    assert event.kind is ErrorKind.KEY


def test_alerts_may_come_at_any_time():
    client, device = MepClient(KEY, 0x1000), MepDevice(lambda: VALUES, KEY)
    assert client.receive(b"\0\0") == [Alert()]
    answer = device.receive(client.read(tables.BT01, 0, 16))
    events = client.receive(b"\0\0" + answer + b"\0\0")
    assert [type(event) for event in events] == [Alert, Answer, Alert]
    (event,) = client.receive(answer)
    assert isinstance(event, DecodeError)
    assert "nobody asked" in event.reason


def test_silence_and_halves():
    client, device = MepClient(KEY, 0x1000), MepDevice(lambda: VALUES, KEY)
    answer = device.receive(client.read(tables.BT01, 0, 16))
    assert client.receive(answer[:9]) == []
    with pytest.raises(RuntimeError):
        client.read(tables.BT01, 0, 16)
    assert "after 9 bytes" in client.timed_out().reason
    assert "contact 18" in client.timed_out().cure
    client.read(tables.BT01, 0, 16)
    assert client.pending == 0


@given(st.binary(max_size=600), st.booleans())
def test_no_bytes_whatsoever_harm_the_client(data, waiting):
    client = MepClient(KEY)
    if waiting:
        client.read(tables.BT28, 0, 100)
    for at in range(0, len(data), 7):
        for event in client.receive(data[at : at + 7]):
            assert isinstance(event, Alert | DecodeError)
    assert client.pending < MAX_PACKET


@given(st.data())
def test_a_flipped_bit_is_never_believed(data):
    client, device = MepClient(KEY, 0x1000), MepDevice(lambda: VALUES, KEY)
    answer = bytearray(device.receive(client.read(tables.BT28, 4, 128)))
    answer[data.draw(st.integers(0, len(answer) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not [event for event in client.receive(bytes(answer)) if isinstance(event, Answer)]


@given(st.binary(max_size=400), st.binary(min_size=16, max_size=20))
def test_framer_reads_what_is_signed(message, key):
    packet = signed(b"before", message or b"\0", key[:16])
    (found,) = PacketFramer().feed(packet)
    assert isinstance(found, Packet)
    assert found.body == (message or b"\0")
    assert found.digest == digest(b"before" + found.body, key)


@pytest.mark.parametrize("generation", [1, 3])
@pytest.mark.parametrize("demands", [0, 1, 4])
def test_generations_are_told_by_bt21(generation, demands):
    device = MepDevice(lambda: VALUES, KEY, generation=generation, present_demands=demands, sequence=0)
    client = MepClient(KEY)

    def read(table: int, offset: int, count: int) -> bytes:
        (answer,) = exchange(client, device, client.read(table, offset, count))
        assert isinstance(answer, Answer)
        return answer.data

    layout = tables.dimensions(read(tables.BT21, 0, tables.BT21_SIZE))
    present = tables.registers(read(tables.BT28, *layout.present), tables.PRESENT)
    energies = tables.registers(read(tables.BT23, *layout.energies), tables.sources(read(tables.BT22, 0, layout.summations)))
    assert (present["1-0:1.7.0"].value, present["1-0:51.7.0"].value, present["1-0:72.7.0"].value) == (3451.0, 0.71, 231.4)
    assert present["1-0:14.7.0"].value == 50.0
    assert (energies["1-0:1.8.0"].value, energies["1-0:2.8.0"].value) == (12_345_678, 98_760)
    assert ("1-0:42.7.0" in present) is (generation == 3)
    if generation == 3:
        assert present["1-0:42.7.0"].value == 149.0


def test_sources_in_another_order_are_followed_if_they_are_known():
    assert tables.sources(bytes((1, 0, 2, 3)))[:2] == (tables.ENERGIES[1], tables.ENERGIES[0])
    assert tables.sources(bytes((200, 201))) == tables.ENERGIES
    assert tables.sources(bytes(11)) == tables.ENERGIES
