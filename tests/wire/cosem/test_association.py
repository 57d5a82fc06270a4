"""An association against the meter's side of one, APDU by APDU; and against meters that say something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.sim.cosem_meter import services as answers
from chargebridge.wire.cosem import acse, initiate, selective, services
from chargebridge.wire.cosem.acse import Aare, Aarq, Mechanism
from chargebridge.wire.cosem.association import Associated, Association, Login, Released, Send, Values
from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.initiate import Initiate
from chargebridge.wire.cosem.services import AccessResult, Attribute, GetBlock
from chargebridge.wire.meter import axdr, axdr_encode

POWER = Attribute(3, bytes((1, 0, 1, 7, 0, 255)), 2)
NOWHERE = Attribute(3, bytes((1, 0, 77, 7, 0, 255)), 2)
PROFILE = bytes((1, 0, 99, 1, 0, 255))
CHALLENGE = b"challenge of the client"


def talk(association: Association, session, apdu: bytes) -> list:
    """Carry APDUs to and fro; the events that are left when nobody has anything more to send."""
    told = []
    while apdu:
        events = association.receive(session.receive(apdu))
        apdu = b"".join(event.apdu for event in events if isinstance(event, Send))
        told += [event for event in events if not isinstance(event, Send)]
    return told


@pytest.mark.parametrize("ciphered", [False, True])
@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("lists", [False, True])
def test_in_and_out(session, security, mechanism: Mechanism, ciphered: bool, lists: bool) -> None:
    meter = session(mechanism, ciphered=ciphered, lists=lists)
    login = Login(mechanism=mechanism, password=b"12345678", challenge=CHALLENGE, ciphered=ciphered)
    association = Association(login, security)
    (event,) = talk(association, meter, association.open())
    assert isinstance(event, Associated)
    asked = (POWER, NOWHERE, Attribute(3, POWER.code, 3))
    public = mechanism is Mechanism.NONE
    wanted = (AccessResult.READ_WRITE_DENIED,) * 3 if public else (2990, AccessResult.OBJECT_UNDEFINED, (0, 27))
    assert talk(association, meter, association.get(asked)) == [Values(wanted)]
    if not public:
        buffer = Attribute(7, PROFILE, 2, selective.by_entry(3, 40))
        ((rows,),) = (event.results for event in talk(association, meter, association.get((buffer,))))
        assert [row[2] for row in rows] == list(range(103, 141))
        (many,) = talk(association, meter, association.get((POWER,) * 100))
        assert many.results == (2990,) * 100
    assert talk(association, meter, association.release()) == [Released()]
    with pytest.raises(CosemError):
        association.get((POWER,))


@pytest.mark.parametrize(
    ("login", "theirs", "kind"),
    [
        (Login(mechanism=Mechanism.PASSWORD, password=b"wrong"), Mechanism.PASSWORD, ErrorKind.PASSWORD),
        (Login(), Mechanism.PASSWORD, ErrorKind.PASSWORD),
        (Login(mechanism=Mechanism.PASSWORD, password=b"12345678"), Mechanism.GMAC, ErrorKind.REJECTED),
        (Login(mechanism=Mechanism.PASSWORD, password=b"12345678", ciphered=True), Mechanism.PASSWORD, ErrorKind.REJECTED),
    ],
)
def test_who_is_not_let_in_is_told_why(session, security, login: Login, theirs: Mechanism, kind: ErrorKind) -> None:
    association = Association(login, security)
    with pytest.raises(CosemError) as told:
        talk(association, session(theirs), association.open())
    assert told.value.kind is kind
    assert told.value.cure


def associated(conformance: int = Initiate().conformance) -> Association:
    association = Association(Login())
    association.open()
    association.receive(acse.build_aare(Aare(0, 0, initiate.build_initiate(Initiate(conformance), response=True))))
    return association


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", ErrorKind.ANSWER),
        (b"\xc4", ErrorKind.ANSWER),
        (bytes.fromhex("c701c10000"), ErrorKind.ANSWER),
        (bytes.fromhex("c401c1000600000000ff"), ErrorKind.ANSWER),
        (bytes.fromhex("c403c1020101010101"), ErrorKind.ANSWER),
        (bytes.fromhex("d80102"), ErrorKind.REFUSED),
        (bytes.fromhex("d8"), ErrorKind.REFUSED),
        (bytes.fromhex("d8010600001234"), ErrorKind.COUNTER),
        (bytes.fromhex("0e010600"), ErrorKind.REFUSED),
        (answers.build_block(1, GetBlock(2, True, b"\x06")), ErrorKind.ANSWER),
        (answers.build_block(1, GetBlock(1, True, b"\x06")), ErrorKind.ANSWER),
    ],
)
def test_answers_that_cannot_be(answer: bytes, kind: ErrorKind) -> None:
    association = associated()
    association.get((POWER,))
    with pytest.raises(CosemError) as told:
        association.receive(answer)
    assert told.value.kind is kind


def test_a_meter_that_breaks_off_between_blocks() -> None:
    association = associated()
    association.get((POWER,))
    association.receive(answers.build_block(1, GetBlock(1, False, b"\x06\x00")))
    aborted = answers.build_block(1, GetBlock(2, True, AccessResult.LONG_GET_ABORTED))
    assert association.receive(aborted) == [Values((AccessResult.LONG_GET_ABORTED,))]


def test_blocks_without_end_are_cut_off() -> None:
    association = associated()
    association.get((POWER,))

    def told_forever() -> None:
        for number in range(1, 10_000):
            association.receive(answers.build_block(1, GetBlock(number, False, bytes(60_000))))

    with pytest.raises(CosemError) as told:
        told_forever()
    assert told.value.kind is ErrorKind.OVERSIZE


def test_unasked_answers_end_it() -> None:
    with pytest.raises(CosemError):
        associated().receive(bytes.fromhex("c401c1000600000000"))


@pytest.mark.parametrize("number", [*AccessResult, 99])
def test_access_results_have_names(number: int) -> None:
    association = associated()
    association.get((POWER,))
    ((result,),) = (event.results for event in association.receive(bytes((0xC4, 1, 0xC1, 1, number))))
    assert result.text
    assert result is (AccessResult.OTHER_REASON if number == 99 else AccessResult(number))


def test_a_known_aarq() -> None:
    """The Green Book's worked example of LLS (clause 12.5)."""
    data = bytes.fromhex("6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0")
    found = acse.parse_aarq(data)
    assert found == Aarq(bytes.fromhex("01000000065f1f0400007e1f04b0"), mechanism=1, proof=b"12345678")
    assert acse.build_aarq(found) == data
    assert initiate.parse_initiate(found.user, response=False) == Initiate(0x007E1F, 0x04B0)


octets = st.binary(min_size=1, max_size=150)
aarqs = st.builds(
    Aarq, octets, ciphered=st.booleans(), mechanism=st.sampled_from([0, 1, 5]), title=st.none() | octets, proof=st.none() | octets
)
aares = st.builds(
    Aare, st.integers(0, 2), st.integers(0, 255), st.none() | octets, ciphered=st.booleans(), mechanism=st.none() | st.integers(0, 7),
    title=st.none() | octets, challenge=st.none() | octets, provider=st.booleans(),
)  # fmt: skip
attributes = st.builds(
    Attribute,
    st.integers(0, 65535),
    st.binary(min_size=6, max_size=6),
    st.integers(-128, 127),
    st.sampled_from([b"", selective.by_entry(1, 9)]),
)


@given(aarqs)
def test_aarq_both_ways(asked: Aarq) -> None:
    assert acse.parse_aarq(acse.build_aarq(asked)) == asked


@given(aares)
def test_aare_both_ways(answer: Aare) -> None:
    assert acse.parse_aare(acse.build_aare(answer)) == answer


@given(st.integers(0, 0xFFFFFF), st.integers(0, 0xFFFF), st.booleans())
def test_initiate_both_ways(conformance: int, max_pdu: int, response: bool) -> None:
    own = Initiate(conformance, max_pdu)
    assert initiate.parse_initiate(initiate.build_initiate(own, response=response), response=response) == own


@given(st.lists(attributes, min_size=1, max_size=20))
def test_questions_both_ways(asked: list[Attribute]) -> None:
    assert answers.parse_request(services.get(asked[0])).attributes == (asked[0],)
    assert answers.parse_request(services.get_list(tuple(asked))).attributes == tuple(asked)


@given(st.recursive(
    st.one_of(
        st.integers(0, 2**32 - 1).map(lambda value: (value, axdr_encode.uint32(value))),
        st.integers(-(2**15), 2**15 - 1).map(lambda value: (value, axdr_encode.int16(value))),
        st.integers(-(2**63), 2**63 - 1).map(lambda value: (value, axdr_encode.int64(value))),
        st.binary(max_size=300).map(lambda value: (value, axdr_encode.octets(value))),
        st.text("abc", max_size=20).map(lambda value: (value, axdr_encode.visible(value))),
        st.text("01", max_size=30).map(lambda value: (value, axdr_encode.bits(value))),
        st.floats(allow_nan=False).map(lambda value: (value, axdr_encode.float64(value))),
        st.booleans().map(lambda value: (value, axdr_encode.boolean(value))),
        st.just((None, axdr_encode.NULL)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6).map(lambda some: ([v for v, _ in some], axdr_encode.array(e for _, e in some))),
        st.lists(inner, max_size=6).map(lambda some: (tuple(v for v, _ in some), axdr_encode.structure(*(e for _, e in some)))),
    ),
    max_leaves=20,
))  # fmt: skip
def test_data_both_ways(pair) -> None:
    value, encoded = pair
    try:
        found = axdr.parse(encoded)
    except axdr.ContentError:  # nested deeper than any meter does
        return
    assert found == (value, len(encoded))
