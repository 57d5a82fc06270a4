"""A peer is only told of addresses at which it reaches us."""

import pytest

from chargebridge.links.eebus import interfaces
from chargebridge.links.eebus.interfaces import EVERY, Lan, chosen

HOUSE = [
    ("lo", [("127.0.0.1", 8), ("::1", 128)]),
    ("eth0", [("192.168.1.5", 24), ("fe80::1", 64), ("2001:db8::5", 64), ("169.254.7.7", 16)]),
    ("eth1", [("10.0.0.5", 8)]),
    ("docker0", [("172.17.0.1", 16)]),
    ("br-5f2a", [("172.18.0.1", 16)]),
    ("wg0", [("10.9.0.2", 24)]),
    ("wlan0", [("fe80::2", 64)]),
]


def told(wanted: tuple[str, ...], host: str) -> dict[str, tuple[str, ...]]:
    return {lan.interface: lan.addresses for lan in chosen(wanted, host, HOUSE)}


@pytest.mark.parametrize(
    ("wanted", "host", "expected"),
    [
        (("eth0",), "", {"eth0": ("192.168.1.5", "2001:db8::5")}),
        (("eth0",), "::", {"eth0": ("2001:db8::5",)}),
        (("eth0",), "0.0.0.0", {"eth0": ("192.168.1.5",)}),  # noqa: S104
        (("192.168.1.5",), "", {"eth0": ("192.168.1.5",)}),
        (("eth0", "eth1"), "10.0.0.5", {"eth1": ("10.0.0.5",)}),
        (("eth0",), "127.0.0.1", {}),
        (("127.0.0.1",), "127.0.0.1", {"lo": ("127.0.0.1",)}),
        ((EVERY,), "", {"eth0": ("192.168.1.5", "2001:db8::5"), "eth1": ("10.0.0.5",)}),
        ((EVERY, "docker0"), "0.0.0.0", {"eth0": ("192.168.1.5",), "eth1": ("10.0.0.5",), "docker0": ("172.17.0.1",)}),  # noqa: S104
        (("wlan0",), "", {}),
        (("eth7",), "", {}),
        ((), "", {}),
    ],
)
def test_only_what_is_wanted_reachable_and_real_is_told(wanted: tuple[str, ...], host: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert told(wanted, host) == expected


def test_an_interface_knows_its_own_networks() -> None:
    [lan] = chosen(("eth0",), "", HOUSE)
    assert lan.ipv4 == ("192.168.1.5",)
    assert lan.holds("192.168.1.200")
    assert lan.holds("2001:db8::77")
    assert not lan.holds("10.0.0.5")


def test_loopback_is_really_there() -> None:
    assert interfaces.present(("127.0.0.1",), "127.0.0.1") == (Lan("lo", ("127.0.0.1",), ("127.0.0.1",), ("127.0.0.0/8",)),)
