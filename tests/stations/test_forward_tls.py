"""Forwarding over TLS: to nobody but the right back end, with the station's own certificate where one is asked for (security profile 3)."""

import ssl
from pathlib import Path
from typing import Any

from forward_kit import Foreign
from forward_place import Place, backend
from msgspec.structs import replace
from ocpp_kit import RawStation, connect, until
from security_kit import Fort, House

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp.pki import pem_of

PEM = Path(__file__).with_name("localhost.pem")


async def arrive(place: Place) -> RawStation:
    station = await connect(place.central.port, version="ocpp1.6", password=None)
    await station.boot()
    return station


def secure(port: int, tls: ssl.SSLContext, path: str = "", **more: Any) -> Any:
    return replace(backend(port, tls={"CP-1": tls}, **more), url=f"wss://localhost:{port}{path}")


def trouble(place: Place) -> str:
    return str(place.forwarder.states[0].trouble or "")


async def test_only_to_whom_it_is_meant(tmp_path: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(PEM)
    async with Foreign("ocpp1.6", tls=server) as foreign:
        for trusted, folder in ((None, "stranger"), (str(PEM), "known")):
            (tmp_path / folder).mkdir()
            rules = secure(foreign.port, ssl.create_default_context(cafile=trusted), password="secret")
            async with Place(tmp_path / folder, rules) as place:
                await arrive(place)
                if trusted is None:
                    assert await until(lambda: trouble(place))
                    assert "certificate" in trouble(place)
                    assert foreign.asked_password is None, "nothing was told to a stranger"
                else:
                    assert await until(lambda: foreign.actions() == ["BootNotification"])


async def test_a_back_end_of_security_profile_3(tmp_path: Path) -> None:
    """Our own Central System as the other back end: it lets the station's certificate in, and another station's not."""
    house = House(tmp_path, WallClock())
    (tmp_path / "fort").mkdir()
    async with Fort(house, tmp_path / "fort", speed=1.0) as fort:
        for name in ("P2", "P3"):
            (tmp_path / name).mkdir()
            client = house.client(house.station_files(name))
            rules = secure(fort.central.port, client, "/ocpp", identities={"CP-1": "P3"})
            async with Place(tmp_path / name, rules) as place:
                await arrive(place)
                if name == "P2":
                    assert await until(lambda: trouble(place))
                    assert trouble(place) == "refuses the connection with HTTP 403"
                    assert not fort.sink.boots
                else:
                    assert await until(lambda: fort.sink.boots)
                    entry = fort.central.station("P3").entry  # type: ignore[union-attr]
                    assert entry is not None
                    assert entry.profile == 3


async def test_without_the_certificate_that_is_asked_for(tmp_path: Path) -> None:
    house = House(tmp_path, WallClock())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*house.files.certificates[0])
    server.load_verify_locations(cadata=pem_of(house.authority.root))
    server.verify_mode = ssl.CERT_REQUIRED
    async with Foreign("ocpp1.6", tls=server) as foreign, Place(tmp_path, secure(foreign.port, house.client())) as place:
        await arrive(place)
        assert await until(lambda: trouble(place))
        assert "ask for a certificate" in trouble(place)
        assert not foreign.said
