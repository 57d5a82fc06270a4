"""Security profiles 0 to 3 at the door: by which way who is let in, over real TLS, with certificates good and bad."""

import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import websockets
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from ocpp_kit import PASSWORD, until
from security_kit import Fort, House, Pupil, cheap_hashes

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp.pki import Authority, common_name, serial_of
from chargebridge.stations.ocpp.tls import load_certificates, server_context

WALL = WallClock()
VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")

__all__ = ["cheap_hashes"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"), WALL)


@pytest.fixture
async def fort(house: House, tmp_path: Path) -> AsyncIterator[Fort]:
    async with Fort(house, tmp_path) as made:
        yield made


# identity, TLS?, password?, status: what each profile accepts
WAYS = [
    ("P0", False, False, 101),
    ("P0", True, False, 101),
    ("P1", False, False, 401),
    ("P1", False, True, 101),
    ("P1", True, True, 101),
    ("P2", False, True, 403),
    ("P2", True, False, 401),
    ("P2", True, True, 101),
    ("P3", False, True, 403),
    ("P3", True, True, 403),
]


@pytest.mark.ocpp("1.6", "A00.FR.002")
@pytest.mark.ocpp("2.0.1", "A00.FR.002", "A00.FR.207", "A00.FR.324")
@pytest.mark.ocpp("2.1", "A00.FR.002", "A00.FR.207", "A00.FR.324")
@pytest.mark.parametrize(("identity", "tls", "password", "expected"), WAYS)
async def test_a_station_comes_by_its_profile_or_above(fort: Fort, identity: str, tls: bool, password: bool, expected: int) -> None:
    context = fort.house.client() if tls else None
    for version in VERSIONS:
        assert await fort.status(identity, tls=context, password=PASSWORD if password else None, version=version) == expected


@pytest.mark.ocpp("1.6", "A00.FR.403", "A00.FR.409", "A00.FR.410")
@pytest.mark.ocpp("2.0.1", "A00.FR.403", "A00.FR.410", "A00.FR.409")
@pytest.mark.ocpp("2.1", "A00.FR.403", "A00.FR.409", "A00.FR.410")
async def test_profile_3(fort: Fort) -> None:
    context = fort.house.client(fort.house.station_files("P3"))
    for version in VERSIONS:
        station = await fort.come("P3", tls=context, password=None, version=version)
        assert (await station.boot())[2]["status"] == "Accepted"
        entry = fort.central.station("P3").entry  # type: ignore[union-attr]
        assert entry is not None
        assert entry.profile == 3
        shows_the_servers_certificate(station)
        await station.close()


def shows_the_servers_certificate(station: Pupil) -> None:
    """The station, who trusts the root alone and looks at the name, is the client; the certificate is for serving and for this host."""
    used: ssl.SSLSocket = station.socket.transport.get_extra_info("ssl_object")
    assert used.version() in ("TLSv1.2", "TLSv1.3")
    shown = x509.load_der_x509_certificate(used.getpeercert(binary_form=True) or b"")
    assert list(shown.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert common_name(shown) == "localhost"


@pytest.mark.ocpp("1.6", "A00.FR.305", "A00.FR.306")
@pytest.mark.ocpp("2.0.1", "A00.FR.306", "A00.FR.307")
@pytest.mark.ocpp("2.1", "A00.FR.306", "A00.FR.307")
async def test_profile_2(fort: Fort) -> None:
    for version in VERSIONS:
        station = await fort.come("P2", tls=fort.house.client(), version=version)
        assert (await station.boot())[2]["status"] == "Accepted"
        shows_the_servers_certificate(station)
        await station.close()


@pytest.mark.ocpp("1.6", "A00.FR.405")
@pytest.mark.ocpp("2.0.1", "A00.FR.405")
@pytest.mark.ocpp("2.1", "A00.FR.405")
async def test_the_certificate_of_another_station(fort: Fort) -> None:
    context = fort.house.client(fort.house.station_files("P9"))
    assert await fort.status("P3", tls=context, password=None) == 403
    assert await fort.status("P2", tls=context) == 403, "the right password does not mend a wrong certificate"
    assert [stranger.why for stranger in fort.central.strangers.values()] == ["certificate of another station"] * 2


@pytest.mark.ocpp("1.6", "A00.FR.404")
@pytest.mark.ocpp("2.0.1", "A00.FR.404")
@pytest.mark.ocpp("2.1", "A00.FR.404")
async def test_the_certificate_of_another_operator(fort: Fort) -> None:
    fort.central.security.trust.operator = "Somebody Else"
    context = fort.house.client(fort.house.station_files("P3"))
    assert await fort.status("P3", tls=context, password=None) == 403
    assert [stranger.why for stranger in fort.central.strangers.values()] == ["certificate of another operator"]


async def broken(fort: Fort, context: ssl.SSLContext, identity: str = "P3") -> None:
    """The handshake fails on the server's side; with TLS 1.3 the client learns of it when it reads."""
    with pytest.raises((ssl.SSLError, OSError, EOFError, websockets.InvalidMessage, websockets.ConnectionClosed)):
        await fort.come(identity, tls=context, password=None)


@pytest.mark.ocpp("1.6", "A00.FR.407")
@pytest.mark.ocpp("2.0.1", "A00.FR.407", "A00.FR.408")
@pytest.mark.ocpp("2.1", "A00.FR.407")
async def test_a_certificate_of_a_foreign_authority_ends_the_handshake(fort: Fort, tmp_path: Path) -> None:
    foreign = Authority.create(tmp_path / "foreign", "Test Charging", WALL.now())
    await broken(fort, fort.house.client(fort.house.station_files("P3", authority=foreign)))
    assert await until(lambda: any(s.why.startswith("TLS: ") for s in fort.central.strangers.values())), "it is listed and logged"
    assert fort.sink.connections == []


@pytest.mark.ocpp("1.6", "A00.FR.407")
@pytest.mark.ocpp("2.0.1", "A00.FR.407")
@pytest.mark.ocpp("2.1", "A00.FR.407")
async def test_an_expired_certificate_ends_the_handshake(fort: Fort) -> None:
    await broken(fort, fort.house.client(fort.house.station_files("P3", days=0)))
    assert await until(lambda: ("", "TLS: certificate has expired") in fort.central.strangers)


@pytest.mark.ocpp("1.6", "A00.FR.704")
@pytest.mark.ocpp("2.0.1", "A00.FR.705")
@pytest.mark.ocpp("2.1", "A00.FR.705")
async def test_a_revoked_certificate(house: House, tmp_path: Path) -> None:
    """It is refused; a connection that it has open is closed within seconds."""
    async with Fort(house, tmp_path, speed=100.0) as fort:
        context = house.client(house.station_files("P3"))
        station = await fort.come("P3", tls=context, password=None)
        assert await until(lambda: fort.central.station("P3").entry)  # type: ignore[union-attr]
        entry = fort.central.station("P3").entry  # type: ignore[union-attr]
        assert entry is not None
        assert entry.certificate is not None
        Authority(house.folder / "ca").revoke(serial_of(entry.certificate), "keyCompromise", WALL.now())
        assert await until(lambda: station.closed == 1008)
        assert await fort.status("P3", tls=context, password=None) == 403
        assert "revoked certificate" in [stranger.why for stranger in fort.central.strangers.values()]


@pytest.mark.ocpp("1.6", "A00.FR.312", "A00.FR.314", "A00.FR.416", "A00.FR.418")
@pytest.mark.ocpp("2.0.1", "A00.FR.313", "A00.FR.315", "A00.FR.416", "A00.FR.418")
@pytest.mark.ocpp("2.1", "A00.FR.313", "A00.FR.315", "A00.FR.416", "A00.FR.418")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(fort: Fort) -> None:
    context = fort.house.client()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    await broken(fort, context, "P2")
    assert await until(lambda: ("", "TLS: unsupported protocol") in fort.central.strangers)


@pytest.mark.ocpp("1.6", "A00.FR.319", "A00.FR.321", "A00.FR.423", "A00.FR.425")
@pytest.mark.ocpp("2.0.1", "A00.FR.320", "A00.FR.322", "A00.FR.423", "A00.FR.425")
@pytest.mark.ocpp("2.1", "A00.FR.320", "A00.FR.322", "A00.FR.423", "A00.FR.425")
@pytest.mark.parametrize("weak", ["ECDHE-ECDSA-NULL-SHA", "NULL-SHA256", "ADH-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "AES256-SHA"])
async def test_weak_cipher_suites_are_refused(fort: Fort, weak: str) -> None:
    """No cipher at all, nobody authenticated, SHA-1: a station that knows nothing else is not served."""
    context = fort.house.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{weak}:@SECLEVEL=0")
    await broken(fort, context, "P2")
    assert await until(lambda: ("", "TLS: no shared cipher") in fort.central.strangers)
    offered = {str(suite["name"]) for suite in server_context(fort.house.files, fort.house.authority).get_ciphers()}
    assert all("AES" in name or "CHACHA20" in name for name in offered)
    assert all("GCM" in name or "POLY1305" in name for name in offered), "authenticated ciphers only"


@pytest.fixture(params=["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384"])
def suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.ocpp("1.6", "A00.FR.317", "A00.FR.421")
@pytest.mark.ocpp("2.0.1", "A00.FR.318", "A00.FR.421", "A00.FR.321")
@pytest.mark.ocpp("2.1", "A00.FR.318", "A00.FR.421")
async def test_the_four_cipher_suites(fort: Fort, suite: str) -> None:
    context = fort.house.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    station = await fort.come("P2", tls=context)
    used = station.socket.transport.get_extra_info("ssl_object")
    assert used.cipher()[0] == suite
    assert used.compression() is None
    await station.close()


async def test_plain_http_at_the_tls_port(fort: Fort) -> None:
    with pytest.raises((OSError, EOFError, websockets.InvalidMessage)):
        await websockets.connect(f"ws://127.0.0.1:{fort.central.port}/ocpp/P1", subprotocols=[websockets.Subprotocol("ocpp1.6")])


async def test_behind_a_proxy_what_comes_in_plain_came_by_tls(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path, listeners="plain", behind_proxy=True) as fort:
        assert await fort.status("P2", headers={"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}) == 101
        assert await fort.status("P2", password="wrong", headers={"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}) == 401
        assert [stranger.remote for stranger in fort.central.strangers.values()] == ["203.0.113.9"]


@pytest.mark.ocpp("2.0.1", "A00.FR.701")
async def test_a_renewed_server_certificate_is_shown_without_a_restart(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path) as fort:
        station = await fort.come("P2", tls=house.client())
        before = station.socket.transport.get_extra_info("ssl_object").getpeercert()["serialNumber"]
        await station.close()
        house._server("ec")
        load_certificates(fort.security._context, house.files)  # type: ignore[arg-type]
        station = await fort.come("P2", tls=house.client())
        assert station.socket.transport.get_extra_info("ssl_object").getpeercert()["serialNumber"] != before
        await station.close()


async def test_a_certificate_of_the_former_intermediate_still_counts(tmp_path: Path) -> None:
    house = House(tmp_path, WALL)
    old = house.station_files("P3")
    house.authority.renew_intermediate(WALL.now() + timedelta(seconds=1))
    async with Fort(house, tmp_path) as fort:
        for files in (old, house.station_files("P3")):
            assert await fort.status("P3", tls=house.client(files), password=None) == 101
