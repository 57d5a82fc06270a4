"""What mDNS brings is put together by SKI, and nothing that somebody announces harms what is known of another."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.links.eebus.interfaces import Lan
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.sightings import MAX_ADDRESSES, MAX_RECORDS, Sightings
from chargebridge.wire.eebus.ship.errors import RecordError
from chargebridge.wire.eebus.ship.mdns import ServiceRecord, to_txt

OWN, BOX, CAR = "0" * 40, "a" * 40, "b" * 40
LAN = Lan("eth0", ("192.168.1.5",), ("192.168.1.5",), ("192.168.1.0/24", "2001:db8::/64"))
WIFI = Lan("wlan0", ("192.168.7.5",), ("192.168.7.5",), ("192.168.7.0/24",))
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def txt(ski: str = BOX, register: bool = False, ship_id: str = "Box-1") -> dict[bytes, bytes | None]:
    return {key.encode(): value.encode() for key, value in to_txt(ServiceRecord(ship_id=ship_id, ski=ski, register=register)).items()}


def hosts(sightings: Sightings, ski: str = BOX) -> tuple[str, ...]:
    [found] = [announced for announced in sightings.announced if announced.ski == ski]
    return tuple(address.host for address in found.addresses)


def test_a_record_becomes_a_peer_with_its_port_and_path() -> None:
    sightings = Sightings(OWN)
    assert sightings.see("Box", txt(register=True), ("192.168.1.9",), 4712, LAN, NOW)
    [box] = sightings.announced
    assert (box.ski, box.ship_id, box.register, box.seen_at) == (BOX, "Box-1", True, NOW)
    assert box.addresses == (Address("192.168.1.9", 4712, "/ship/"),)
    assert not sightings.see("Box", txt(register=True), ("192.168.1.9",), 4712, LAN, NOW)


def test_our_own_record_is_no_peer() -> None:
    sightings = Sightings(OWN)
    assert not sightings.see("We", txt(OWN), ("192.168.1.5",), 4711, LAN, NOW)
    assert sightings.announced == ()


@pytest.mark.parametrize(
    ("record", "addresses", "port"),
    [
        ({}, ("192.168.1.9",), 4712),
        (txt() | {b"txtvers": b"2"}, ("192.168.1.9",), 4712),
        (txt() | {b"ski": b"abc"}, ("192.168.1.9",), 4712),
        (txt(), (), 4712),
        (txt(), ("0.0.0.0", "224.0.0.251", "127.0.0.1", "no address"), 4712),  # noqa: S104
        (txt(), ("192.168.1.9",), 0),
        (txt(), ("192.168.1.9",), 65536),
    ],
)
def test_a_broken_record_is_ignored_and_what_was_known_stays(
    record: dict[bytes, bytes | None], addresses: tuple[str, ...], port: int
) -> None:
    sightings = Sightings(OWN)
    sightings.see("Box", txt(), ("192.168.1.8",), 4711, LAN, NOW)
    before = sightings.announced
    with pytest.raises(RecordError) as error:
        sightings.see("Box", record, addresses, port, LAN, NOW)
    assert error.value.cure
    assert sightings.announced == before


def test_the_likeliest_address_comes_first_and_link_local_ones_only_alone() -> None:
    sightings = Sightings(OWN)
    sightings.see("Box", txt(), ("fe80::9", "172.17.0.1", "2001:db8:1::9", "2001:db8::9", "192.168.1.9", "192.168.1.9"), 4712, LAN, NOW)
    assert hosts(sightings) == ("192.168.1.9", "2001:db8::9", "172.17.0.1", "2001:db8:1::9")
    sightings.see("Box", txt(), ("fe80::9",), 4712, LAN, NOW)
    assert hosts(sightings) == ("fe80::9%eth0",)


def test_a_peer_that_vanishes_stays_as_it_was_last_but_takes_no_pairing() -> None:
    sightings = Sightings(OWN)
    sightings.see("Box", txt(register=True), ("192.168.1.9",), 4712, LAN, NOW)
    assert sightings.lose("eth0", "Box")
    [box] = sightings.announced
    assert (box.register, hosts(sightings)) == (False, ("192.168.1.9",))
    sightings.see("Box", txt(), ("192.168.1.10",), 4712, LAN, NOW + timedelta(minutes=1))
    assert hosts(sightings) == ("192.168.1.10",), "it is back at another address"


def test_a_peer_on_two_networks_is_one_with_both_addresses() -> None:
    sightings = Sightings(OWN)
    sightings.see("Box", txt(), ("192.168.1.9",), 4712, LAN, NOW)
    sightings.see("Box", txt(), ("192.168.7.9",), 4712, WIFI, NOW + timedelta(seconds=1))
    assert hosts(sightings) == ("192.168.7.9", "192.168.1.9")
    sightings.lose_all("wlan0")
    assert hosts(sightings) == ("192.168.1.9", "192.168.7.9")


def test_two_peers_with_one_name_are_two() -> None:
    sightings = Sightings(OWN)
    sightings.see("Box", txt(BOX, register=True), ("192.168.1.9",), 4712, LAN, NOW)
    sightings.see("Box", txt(CAR), ("192.168.1.10",), 4712, LAN, NOW)
    assert (hosts(sightings, BOX), hosts(sightings, CAR)) == (("192.168.1.9",), ("192.168.1.10",))


def test_two_peers_with_one_ship_id_are_two() -> None:
    sightings = Sightings(OWN)
    for ski in (BOX, CAR):
        sightings.see(ski, txt(ski, ship_id="Same-1"), ("192.168.1.9",), 4712, LAN, NOW)
    assert [announced.ski for announced in sightings.announced] == [BOX, CAR]


def test_who_announces_anothers_ski_does_not_hide_its_address() -> None:
    sightings = Sightings(OWN)
    sightings.see("Box", txt(), ("192.168.1.9",), 4712, LAN, NOW)
    sightings.see("Thief", txt(ship_id="Thief"), ("192.168.1.66",), 4712, LAN, NOW + timedelta(seconds=1))
    assert hosts(sightings) == ("192.168.1.66", "192.168.1.9")


def test_a_flood_of_records_is_bounded_and_those_that_are_there_outlast_those_that_were() -> None:
    sightings = Sightings(OWN)
    sightings.see("Gone", txt(CAR), ("192.168.1.10",), 4712, LAN, NOW)
    sightings.lose("eth0", "Gone")
    for number in range(MAX_RECORDS + 50):
        addresses = tuple(f"192.168.1.{host}" for host in range(1, 20))
        sightings.see(f"{number}", txt(f"{number + 1:040x}"), addresses, 4712, LAN, NOW + timedelta(seconds=number))
    assert len(sightings.announced) == MAX_RECORDS
    assert CAR not in {announced.ski for announced in sightings.announced}
    assert all(len(announced.addresses) <= MAX_ADDRESSES for announced in sightings.announced)


KEYS = st.sampled_from([b"txtvers", b"id", b"path", b"ski", b"register", b"SKI", b"cat", b""]) | st.binary(max_size=9)
VALUES = st.none() | st.sampled_from([b"1", b"true", b"a" * 40, b"b" * 40, b"/ship/"]) | st.binary(max_size=50)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("xyz"),
            st.dictionaries(KEYS, VALUES),
            st.lists(st.ip_addresses().map(str) | st.text(max_size=5)),
            st.integers(-1, 70000),
        )
    )
)
def test_whatever_is_announced_is_a_peer_that_can_be_dialled_or_refused(
    records: list[tuple[str, dict[bytes, bytes | None], list[str], int]],
) -> None:
    sightings = Sightings(OWN)
    for name, record, addresses, port in records:
        try:
            sightings.see(name, txt() | record, tuple(addresses), port, LAN, NOW)
        except RecordError:
            sightings.lose("eth0", name)
    for announced in sightings.announced:
        assert announced.ski != OWN
        assert announced.addresses
        assert all(0 < address.port < 65536 for address in announced.addresses)
