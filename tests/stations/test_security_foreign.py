"""Stations with certificates of another CA: its list of revoked ones as a file, its OCSP responder and its list over HTTP."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from msgspec.structs import replace
from ocpp_kit import until
from pki_kit import Pki
from security_kit import OPERATOR, Fort, House, cheap_hashes

from chargebridge.sim.charging_pki import Responder
from chargebridge.sim.charging_pki.authority import Issuer, pem
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp.pki_files import AuthorityError
from chargebridge.stations.ocpp.tls import Trust

__all__ = ["cheap_hashes"]

CLOCK = WallClock()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"), CLOCK)


@pytest.fixture
async def responder() -> AsyncIterator[Responder]:
    async with Responder() as running:
        yield running


def with_foreign_roots(house: House, folder: Path, *issuers: Issuer) -> tuple[House, Path]:
    """The same house, which also trusts what these issue; and the file that says so."""
    roots = folder / "foreign.pem"
    roots.write_text(pem(*(one.certificate for one in issuers)))
    made = House.__new__(House)
    made.__dict__ |= house.__dict__ | {"folder": folder, "files": replace(house.files, client_roots=(roots,))}
    return made, roots


def shown(folder: Path, issuer: Issuer, above: Issuer) -> tuple[x509.Certificate, Path]:
    """A certificate of station P3, and the file from which it shows it."""
    made, key = issuer.issue("P3", organisation=OPERATOR)
    path = folder / f"P3-{made.serial_number}.pem"
    path.write_text(pem(made, issuer.certificate, above.certificate) + key)
    return made, path


def write_list(path: Path, issuer: Issuer) -> None:
    path.write_bytes(issuer.revocation_list().public_bytes(serialization.Encoding.PEM))


@pytest.mark.ocpp("1.6", "A00.FR.704")
@pytest.mark.ocpp("2.0.1", "A00.FR.705")
@pytest.mark.ocpp("2.1", "A00.FR.705")
async def test_a_list_in_a_file_is_read_again_when_it_changes(house: House, tmp_path: Path) -> None:
    """Who is put on it is cut off within seconds, and does not come in again."""
    root = Issuer("Their root", CLOCK.now())
    issuer = Issuer("Their sub CA", CLOCK.now(), root)
    theirs, roots = with_foreign_roots(house, tmp_path, root, issuer)
    crl = tmp_path / "theirs.crl"
    write_list(crl, issuer)
    trust = Trust(house.authority, OPERATOR, crl, (roots,))
    certificate, files = shown(tmp_path, issuer, root)
    async with Fort(theirs, tmp_path, speed=100.0, trust=trust) as fort:
        station = await fort.come("P3", tls=house.client(files), password=None)
        assert (await station.boot())[2]["status"] == "Accepted"
        issuer.revoke(certificate)
        write_list(crl, issuer)
        os.utime(crl, ns=(0, crl.stat().st_mtime_ns + 1))
        assert await until(lambda: station.closed == 1008)
        assert await fort.status("P3", tls=house.client(files), password=None) == 403
        other = shown(tmp_path, issuer, root)[1]
        assert await fort.status("P3", tls=house.client(other), password=None) == 101


def test_a_list_that_cannot_be_trusted_is_told_at_once(tmp_path: Path) -> None:
    root, stranger = Issuer("Their root", CLOCK.now()), Issuer("Their root", CLOCK.now())
    roots, crl = tmp_path / "roots.pem", tmp_path / "theirs.crl"
    roots.write_text(pem(root.certificate))
    write_list(crl, stranger)
    with pytest.raises(AuthorityError, match="not signed by a CA of client_ca"):
        Trust(None, "", crl, (roots,))
    crl.write_text("rubbish")
    with pytest.raises(AuthorityError, match="cannot be read"):
        Trust(None, "", crl, (roots,))


@pytest.mark.ocpp("1.6", "A00.FR.704")
@pytest.mark.ocpp("2.0.1", "A00.FR.702", "A00.FR.705")
@pytest.mark.ocpp("2.1", "A00.FR.702", "A00.FR.705")
@pytest.mark.parametrize("by", ["ocsp", "crl"])
async def test_who_issued_it_is_asked(house: House, tmp_path: Path, responder: Responder, by: str) -> None:
    pki = Pki(responder, CLOCK, ocsp=by == "ocsp", crl=by == "crl")
    theirs, roots = with_foreign_roots(house, tmp_path, pki.root, pki.sub)
    good, bad = shown(tmp_path, pki.sub, pki.root), shown(tmp_path, pki.sub, pki.root)
    pki.sub.revoke(bad[0])
    async with Fort(theirs, tmp_path, trust=Trust(house.authority, OPERATOR, None, (roots,))) as fort:
        assert await fort.status("P3", tls=house.client(bad[1]), password=None) == 403
        assert await fort.status("P3", tls=house.client(good[1]), password=None) == 101
        own = house.station_files("P3")
        asked = len(responder.asked)
        assert await fort.status("P3", tls=house.client(own), password=None) == 101
        assert len(responder.asked) == asked, "of our own CA we know it ourselves"
        responder.fault = "error"
        if by == "ocsp":
            third = shown(tmp_path, pki.sub, pki.root)[1]
            assert await fort.status("P3", tls=house.client(third), password=None) == 403, "silence is not consent"
        assert await fort.status("P3", tls=house.client(good[1]), password=None) == 101, "the answer from before still holds"
    assert {stranger.why for stranger in fort.central.strangers.values()} <= {"revoked certificate", "certificate that cannot be looked up"}


async def test_one_that_is_revoked_later_is_cut_off(house: House, tmp_path: Path, responder: Responder) -> None:
    pki = Pki(responder, CLOCK)
    theirs, roots = with_foreign_roots(house, tmp_path, pki.root, pki.sub)
    certificate, files = shown(tmp_path, pki.sub, pki.root)
    async with Fort(theirs, tmp_path, trust=Trust(house.authority, OPERATOR, None, (roots,))) as fort:
        station = await fort.come("P3", tls=house.client(files), password=None)
        at = fort.central.station("P3")
        assert at is not None
        pki.sub.revoke(certificate)
        await fort.security.look_again(at)
        assert station.closed is None, "the answer from before still holds"
        lookup = fort.security.client_lookup
        assert lookup is not None
        lookup._findings.clear()  # a week later
        await fort.security.look_again(at)
        assert await until(lambda: station.closed == 1008)


async def test_looking_up_can_be_left_out(house: House, tmp_path: Path, responder: Responder) -> None:
    pki = Pki(responder, CLOCK)
    theirs, roots = with_foreign_roots(house, tmp_path, pki.root, pki.sub)
    _, files = shown(tmp_path, pki.sub, pki.root)
    responder.fault = "error"
    async with Fort(theirs, tmp_path, trust=Trust(house.authority, OPERATOR, None, (roots,)), client_lookup=False) as fort:
        assert await fort.status("P3", tls=house.client(files), password=None) == 101
    assert responder.asked == []
