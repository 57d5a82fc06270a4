"""No bytes whatsoever harm: a decoder tells something or raises its own error, and holds little."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.sim.cosem_meter import MemoryCounter
from chargebridge.sim.cosem_meter import services as answers
from chargebridge.wire.cosem import acse, hdlc_link, initiate, profile, services
from chargebridge.wire.cosem.acse import Aare, Mechanism
from chargebridge.wire.cosem.association import Association, Login
from chargebridge.wire.cosem.connection import Connection
from chargebridge.wire.cosem.errors import CosemError
from chargebridge.wire.cosem.hdlc_link import FINAL, UA, HdlcLink, address
from chargebridge.wire.cosem.initiate import Initiate
from chargebridge.wire.cosem.mode_e import ModeE
from chargebridge.wire.cosem.profile import Column
from chargebridge.wire.cosem.security import Keys, Security
from chargebridge.wire.cosem.services import Attribute, GetBlock
from chargebridge.wire.cosem.wrapper import WrapperLink, wrap
from chargebridge.wire.meter.hdlc import frame

KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)), b"CLI\0\0\0\0\1")
POWER = Attribute(3, bytes((1, 0, 1, 7, 0, 255)), 2)
INITIATE = initiate.build_initiate(Initiate(), response=True)
SAMPLES = [
    acse.build_aare(Aare(0, 0, INITIATE)),
    acse.build_aare(Aare(0, 14, INITIATE, True, 5, b"SIM\0\0\0\0\7", b"challenge")),
    INITIATE,
    initiate.build_initiate(Initiate()),
    bytes.fromhex("c401c1000600000000"),
    bytes.fromhex("c403c1020006000000000104"),
    answers.build_block(1, GetBlock(1, False, b"\x06\x00\x00")),
    bytes.fromhex("c701c100010009110123"),
    bytes.fromhex("d8010600001234"),
    services.get(POWER),
    services.get_list((POWER, POWER)),
    bytes.fromhex("cc1e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b"),
    bytes.fromhex("8180140502008006020080070400000001080400000001"),
]


@st.composite
def damaged(draw) -> bytes:
    """A sample with some bytes changed, cut out or put in; or nothing like one."""
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


data = st.one_of(damaged(), st.binary(max_size=80))
DECODERS = {
    "aarq": acse.parse_aarq,
    "aare": acse.parse_aare,
    "initiate request": lambda data: initiate.parse_initiate(data, response=False),
    "initiate response": lambda data: initiate.parse_initiate(data, response=True),
    "answer": services.parse_answer,
    "question": answers.parse_request,
    "limits": hdlc_link.limits,
    "mode e": lambda data: ModeE().receive(data),
    "wrapper": lambda data: WrapperLink(client=16, server=1).receive(data),
}


@pytest.mark.parametrize("decoder", DECODERS)
@given(data=data)
def test_only_their_own_error(decoder: str, data: bytes) -> None:
    with suppress(CosemError):
        DECODERS[decoder](data)


@given(st.lists(data, max_size=6), st.sampled_from(Mechanism), st.booleans(), st.integers(0, 2))
def test_an_association_told_anything(apdus: list[bytes], mechanism: Mechanism, ciphered: bool, state: int) -> None:
    security = Security(KEYS, MemoryCounter())
    association = Association(Login(mechanism=mechanism, ciphered=ciphered), security)
    association.open()
    with suppress(CosemError):
        if state:
            association.receive(acse.build_aare(Aare(0, 0, INITIATE)))
            association.get((POWER,) * state)
        for apdu in apdus:
            association.receive(apdu)


@given(st.lists(st.tuples(data, st.integers(0, 255), st.booleans()), max_size=8), st.binary(max_size=20), st.integers(1, 40))
def test_a_data_link_told_anything(frames: list[tuple[bytes, int, bool]], noise: bytes, size: int) -> None:
    connection = Connection(HdlcLink(client=address(16), server=address(1)), Association(Login()))
    connection.open()
    stream = frame(b"", destination=address(16), source=address(1), control=UA | FINAL) + noise
    for information, control, more in frames:
        stream += frame(information, destination=address(16), source=address(1), control=control, segmented=more) + noise
    with suppress(CosemError):
        for at in range(0, len(stream), size):
            connection.receive(stream[at : at + size])


@given(st.lists(data, max_size=5), st.integers(1, 30))
def test_a_wrapper_told_anything(apdus: list[bytes], size: int) -> None:
    connection = Connection(WrapperLink(client=16, server=1), Association(Login()))
    connection.open()
    stream = b"".join(wrap(apdu, source=1, destination=16) for apdu in apdus)
    with suppress(CosemError):
        for at in range(0, len(stream), size):
            connection.receive(stream[at : at + size])


values = st.recursive(
    st.one_of(st.none(), st.integers(0, 300), st.binary(max_size=14), st.just(bytes.fromhex("07ea0701030c0003ff000000"))),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple)),
    max_leaves=20,
)


@given(values, values)
def test_profiles_of_anything(layout, buffer) -> None:
    columns = (Column(8, bytes((0, 0, 1, 0, 0, 255)), 2), Column(3, bytes(6), 2))
    for read in (lambda: profile.columns(layout), lambda: profile.rows(buffer, columns, timedelta(hours=1), timedelta())):
        with suppress(CosemError):
            read()
