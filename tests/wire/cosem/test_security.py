"""Suite 0 against the worked example of the Green Book (clause 9.2.7, glo-get-request), and what must never be taken."""

import pytest

from chargebridge.sim.cosem_meter import MemoryCounter
from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.security import COUNTER_END, Keys, Security

KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))
CLIENT, METER = b"CLI\0\0\0\0\1", b"SIM\0\0\0\0\7"
GET_CLOCK = bytes.fromhex("c0010000080000010000ff0200")
SEALED = bytes.fromhex("c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b")


def ends(start: int = 1) -> tuple[Security, Security]:
    client, meter = (Security(Keys(KEY, AUTHENTICATION_KEY, title), MemoryCounter(start)) for title in (CLIENT, METER))
    client.meet(METER)
    meter.meet(CLIENT)
    return client, meter


def test_the_books_example() -> None:
    security = Security(Keys(KEY, AUTHENTICATION_KEY, bytes.fromhex("4d4d4d0000bc614e")), MemoryCounter(0x01234567))
    assert security.seal(GET_CLOCK) == SEALED


@pytest.mark.parametrize("general", [False, True])
def test_what_one_seals_the_other_opens_once(general: bool) -> None:
    client, meter = ends()
    sealed = client.seal(GET_CLOCK, general=general)
    assert meter.open(sealed) == GET_CLOCK
    with pytest.raises(CosemError) as told:
        meter.open(sealed)
    assert told.value.kind is ErrorKind.REPLAY


def test_no_counter_is_used_twice() -> None:
    client, _ = ends(10)
    counters = [int.from_bytes(client.seal(GET_CLOCK)[3:7], "big") for _ in range(5)]
    counters.append(int.from_bytes(client.prove(b"challenge")[1:5], "big"))
    assert counters == [10, 11, 12, 13, 14, 15]


def test_counters_end() -> None:
    client, _ = ends(COUNTER_END)
    with pytest.raises(CosemError) as told:
        client.seal(GET_CLOCK)
    assert told.value.kind is ErrorKind.COUNTER


def test_every_changed_bit_is_seen() -> None:
    client, _ = ends()
    sealed = client.seal(GET_CLOCK)
    for at in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[at // 8] ^= 1 << at % 8
        _, meter = ends()
        if changed[0] == 0xD8:  # an exception response: it says nothing but that the association is over
            continue
        with pytest.raises(CosemError):
            meter.open(bytes(changed))


def test_plain_answers_are_not_taken_but_for_an_exception() -> None:
    client, _ = ends()
    with pytest.raises(CosemError) as told:
        client.open(bytes.fromhex("c401c1000600000000"))
    assert told.value.kind is ErrorKind.KEY
    assert client.open(bytes.fromhex("d80102")) == bytes.fromhex("d80102")


def test_proofs() -> None:
    client, meter = ends()
    meter.check(client.prove(b"challenge"), b"challenge")
    with pytest.raises(CosemError) as told:
        meter.check(client.prove(b"challenge"), b"another")
    assert told.value.kind is ErrorKind.KEY
    with pytest.raises(CosemError):  # our own proof, sent back to us
        client.check(client.prove(b"challenge"), b"challenge")


@pytest.mark.parametrize("title", [None, b"short", CLIENT])
def test_titles_that_cannot_be(title: bytes | None) -> None:
    client, _ = ends()
    with pytest.raises(CosemError):
        client.meet(title)


def test_secrets_are_not_shown() -> None:
    assert KEY.hex() not in repr(Keys(KEY, AUTHENTICATION_KEY, CLIENT))
