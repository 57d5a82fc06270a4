"""TXT records of `_ship._tcp` (guide 4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus.ship import RecordError
from chargebridge.wire.eebus.ship.mdns import ServiceRecord, from_txt, instance_name, to_txt

SKI = "a80556a243f57ca17b0d577a59b711b79eb4856c"
RECORD = ServiceRecord("Acme-Hems-1", SKI, True, "/ship/", "Acme", "EnergyManagementSystem", "Hems", "1", (1, 2))
ENTRIES = {
    b"txtvers": b"1",
    b"id": b"Acme-Hems-1",
    b"path": b"/ship/",
    b"ski": SKI.encode(),
    b"register": b"true",
    b"brand": b"Acme",
    b"type": b"EnergyManagementSystem",
    b"model": b"Hems",
    b"serial": b"1",
    b"cat": b"1,2",
}


def test_a_record_as_it_is_announced_and_read() -> None:
    assert [(key.encode(), value.encode()) for key, value in to_txt(RECORD).items()] == list(ENTRIES.items())
    assert from_txt(dict(ENTRIES)) == RECORD


def test_what_is_empty_is_left_out_and_nobody_is_asked_to_register_by_default() -> None:
    plain = ServiceRecord("x", SKI)
    assert to_txt(plain) == {"txtvers": "1", "id": "x", "path": "/ship/", "ski": SKI, "register": "false"}
    assert from_txt({key.encode(): value.encode() for key, value in to_txt(plain).items()}) == plain


def test_what_peers_write_otherwise() -> None:
    changed = {key.upper(): value for key, value in ENTRIES.items()} | {
        b"NEW": None,
        b"CAT": b"1, x,2,,99999",
        b"PATH": b"ship/",
        b"id": b"no",
    }
    changed |= {b"SKI": b"A805-56A2-43F5-7CA1-7B0D-577A-59B7-11B7-9EB4-856C", b"REGISTER": b"True"}
    assert from_txt(changed) == RECORD


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"txtvers", b"2"),
        (b"txtvers", None),
        (b"id", b""),
        (b"path", None),
        (b"ski", b"12"),
        (b"ski", None),
        (b"register", b"yes"),
        (b"register", b""),
    ],
)
def test_a_record_without_what_it_must_have_is_refused(key: bytes, value: bytes | None) -> None:
    with pytest.raises(RecordError) as caught:
        from_txt(ENTRIES | {key: value})
    assert caught.value.position == key.decode()


def test_an_entry_that_is_too_long_is_not_announced() -> None:
    assert to_txt(ServiceRecord("x" * 252, SKI))["id"]
    with pytest.raises(RecordError, match="id: 256 bytes"):
        to_txt(ServiceRecord("x" * 253, SKI))


def test_names_of_instances_are_cut_between_characters() -> None:
    assert instance_name("Acme") == "Acme"
    assert instance_name("ä" * 40) == "ä" * 31


@given(st.dictionaries(st.sampled_from([*ENTRIES, b"\xff"]), st.none() | st.binary(max_size=50)))
def test_any_record_is_read_or_refused(changed: dict[bytes, bytes | None]) -> None:
    try:
        record = from_txt(ENTRIES | changed)
    except RecordError as error:
        assert error.cure  # noqa: PT017
    else:
        assert len(record.ski) == 40
