"""On which networks a node tells of itself, and with which addresses: only with those at which a peer can reach it.

A peer tries every address that it is told, with a full TCP timeout for each, so that one too many looks as if pairing did not work.
"""

import ipaddress
from functools import lru_cache
from pathlib import Path

import ifaddr
from msgspec import Struct

EVERY = "*"
"""Every interface but loopback, links that are down, and those of containers, virtual machines and VPNs."""

VIRTUAL = (
    "docker",
    "br-",
    "veth",
    "virbr",
    "vnet",
    "vmnet",
    "lxc",
    "lxd",
    "cni",
    "flannel",
    "cali",
    "podman",
    "tun",
    "tap",
    "wg",
    "tailscale",
    "zt",
    "ppp",
)
_SYSTEM = Path("/sys/class/net")


class Lan(Struct, frozen=True):
    """One interface. ipv4: that mDNS is spoken from. addresses: of both families, that can be told to peers. networks: in CIDR form."""

    interface: str
    ipv4: tuple[str, ...]
    addresses: tuple[str, ...]
    networks: tuple[str, ...] = ()

    def holds(self, address: str) -> bool:
        """Whether it is in one of this interface's own networks."""
        return any(ipaddress.ip_address(address) in network for network in _networks(self.networks))


@lru_cache(maxsize=64)
def _networks(texts: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


def present(wanted: tuple[str, ...], host: str) -> tuple[Lan, ...]:
    """Those that are there now. wanted: names, addresses, or EVERY. host: where the hub listens. Raises OSError."""
    adapters = [
        (adapter.name, [(ip.ip if isinstance(ip.ip, str) else ip.ip[0], ip.network_prefix) for ip in adapter.ips])
        for adapter in ifaddr.get_adapters()
    ]
    return chosen(wanted, host, [(name, addresses) for name, addresses in adapters if _is_up(name)])


def chosen(wanted: tuple[str, ...], host: str, adapters: list[tuple[str, list[tuple[str, int]]]]) -> tuple[Lan, ...]:
    """Of all interfaces, each with its addresses and the lengths of their prefixes, those that are wanted and can be told of."""
    lans = []
    for name, ips in adapters:
        named = [(address, prefix) for address, prefix in ips if name in wanted or address in wanted]
        if not named and EVERY in wanted and not name.startswith(VIRTUAL):
            named = [(address, prefix) for address, prefix in ips if not ipaddress.ip_address(address).is_loopback]
        reachable = [(address, prefix) for address, prefix in named if _listens(host, address) and not _link_local(address)]
        ipv4 = tuple(address for address, _ in named if ":" not in address and not _link_local(address))
        if reachable and ipv4:
            networks = tuple(str(ipaddress.ip_network(f"{address}/{prefix}", strict=False)) for address, prefix in named)
            lans.append(Lan(name, ipv4, tuple(address for address, _ in sorted(reachable, key=lambda pair: ":" in pair[0])), networks))
    return tuple(lans)


def _listens(host: str, address: str) -> bool:
    """Whether a hub that listens at `host` takes connections at `address`. At "::" asyncio's server takes IPv6 only."""
    return host in ("", address) or (host == "0.0.0.0" and ":" not in address) or (host == "::" and ":" in address)  # noqa: S104


def _link_local(address: str) -> bool:
    return ipaddress.ip_address(address).is_link_local


def _is_up(name: str) -> bool:
    """Addresses stay on a link whose cable is out. Where the system does not tell, it is taken to be up."""
    try:
        return (_SYSTEM / name / "operstate").read_text().strip() in ("up", "unknown")
    except OSError:
        return True
