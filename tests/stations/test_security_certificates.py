"""Certificates between Central System and station: signing, delivery and the answer to it, renewal in time, our root."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ocpp_kit import until
from security_kit import Fort, House, Pupil, cheap_hashes, signing_request

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp.pki import common_name
from chargebridge.stations.port import Answer, Outcome

__all__ = ["cheap_hashes"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"), WallClock())


@pytest.fixture
async def fort(house: House, tmp_path: Path) -> AsyncIterator[Fort]:
    async with Fort(house, tmp_path) as made:
        yield made


async def booted(fort: Fort, identity: str, version: str, **how: Any) -> Pupil:
    station = await fort.come(identity, version=version, **how)
    await station.boot()
    assert await until(lambda: fort.central.station(identity).online)  # type: ignore[union-attr]
    return station


@pytest.mark.ocpp("1.6", "A02.FR.11", "A03.FR.11")
@pytest.mark.ocpp("2.0.1", "A02.FR.11", "A03.FR.11", "A02.FR.14")
@pytest.mark.ocpp("2.1", "A02.FR.11", "A03.FR.11", "A02.FR.25", "A03.FR.21")
async def test_a_request_is_signed_and_the_certificate_opens_the_door(fort: Fort, spoken: str, tmp_path: Path) -> None:
    station = await booted(fort, "P2", spoken, tls=fort.house.client())
    key = ec.generate_private_key(ec.SECP256R1())
    more: dict[str, Any] = {} if spoken == "ocpp1.6" else {"certificateType": "ChargingStationCertificate"}
    if spoken == "ocpp2.1":
        more["requestId"] = 7
    assert (await station.call("SignCertificate", {"csr": signing_request("P2", key)} | more))[2] == {"status": "Accepted"}
    assert await until(lambda: station.heard("CertificateSigned"))
    (told,) = station.heard("CertificateSigned")
    assert {name: told[name] for name in more} == more
    assert await until(lambda: [record.outcome for record in fort.security.given("P2")] == ["accepted"])
    leaf = x509.load_pem_x509_certificates(told["certificateChain"].encode())[0]
    assert common_name(leaf) == "P2"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "own.pem").write_text(told["certificateChain"] + secret.decode())
    again = await fort.come("P2", tls=fort.house.client(tmp_path / "own.pem"), password=None)
    assert await until(lambda: station.closed == 4000)
    assert fort.central.station("P2").entry.profile == 3  # type: ignore[union-attr]
    await again.close()


@pytest.mark.ocpp("1.6", "A02.FR.12", "A03.FR.12")
@pytest.mark.ocpp("2.0.1", "A02.FR.12", "A03.FR.12")
@pytest.mark.ocpp("2.1", "A02.FR.12", "A03.FR.12")
@pytest.mark.parametrize("csr", ["rubbish", signing_request("P3")])
async def test_a_request_that_is_not_sound_is_refused(fort: Fort, spoken: str, csr: str) -> None:
    station = await booted(fort, "P2", spoken, tls=fort.house.client())
    answer = (await station.call("SignCertificate", {"csr": csr}))[2]
    assert answer["status"] == "Rejected"
    assert spoken == "ocpp1.6" or answer["statusInfo"]["reasonCode"] == "InvalidCSR"
    assert fort.security.given("P2") == []
    await station.close()


async def test_nobody_gets_a_certificate_who_has_not_proven_who_he_is(fort: Fort) -> None:
    station = await booted(fort, "P0", "ocpp2.0.1", password=None)
    assert (await station.call("SignCertificate", {"csr": signing_request("P0")}))[2]["status"] == "Rejected"
    await station.close()


async def test_certificates_of_other_hierarchies_are_not_ours(fort: Fort) -> None:
    station = await booted(fort, "P1", "ocpp2.0.1")
    asked = {"csr": signing_request("P1"), "certificateType": "V2GCertificate"}
    assert (await station.call("SignCertificate", asked))[2]["status"] == "Rejected"
    await station.close()


async def test_a_station_that_asks_without_end_gets_ten_an_hour(fort: Fort) -> None:
    station = await booted(fort, "P1", "ocpp2.0.1")
    said = [(await station.call("SignCertificate", {"csr": signing_request("P1")}))[2]["status"] for _ in range(11)]
    assert said == ["Accepted"] * 10 + ["Rejected"]
    await station.close()


async def test_what_a_station_says_to_its_certificate_is_kept(fort: Fort) -> None:
    station = await booted(fort, "P1", "ocpp2.0.1")
    station.says["CertificateSigned"] = lambda _: {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidCertificate"}}
    await station.call("SignCertificate", {"csr": signing_request("P1")})
    assert await until(lambda: [record.outcome for record in fort.security.given("P1")] == ["rejected"])
    await fort.security.vault.load()
    (record,) = fort.security.given("P1")
    assert (record.outcome, record.detail) == ("rejected", "Rejected: InvalidCertificate")
    assert record.answered_at is not None
    await station.close()


@pytest.mark.ocpp("1.6", "A02.FR.01")
@pytest.mark.ocpp("2.0.1", "A02.FR.01")
@pytest.mark.ocpp("2.1", "A02.FR.01")
async def test_a_station_is_asked_to_renew_before_the_end(fort: Fort, spoken: str) -> None:
    """Within 30 days of it, and once a day."""
    for days, times in ((60, 0), (20, 1)):
        context = fort.house.client(fort.house.station_files("P3", days=days))
        station = await booted(fort, "P3", spoken, tls=context, password=None)
        assert fort.security.certificates is not None
        for _ in range(2):
            await fort.security.certificates.remind(fort.central.station("P3"))  # type: ignore[arg-type]
        asked = station.heard("ExtendedTriggerMessage") + station.heard("TriggerMessage")
        wanted = "SignChargePointCertificate" if spoken == "ocpp1.6" else "SignChargingStationCertificate"
        assert asked == [{"requestedMessage": wanted}] * times
        await station.close()


@pytest.mark.ocpp("1.6", "M05.FR.01")
@pytest.mark.ocpp("2.0.1", "M05.FR.01")
@pytest.mark.ocpp("2.1", "M05.FR.01")
async def test_our_root_is_installed(fort: Fort, spoken: str) -> None:
    station = await booted(fort, "P1", spoken)
    assert (await fort.security.install_root("P1")).outcome is Outcome.ACCEPTED
    (told,) = station.heard("InstallCertificate")
    assert told["certificateType"] == ("CentralSystemRootCertificate" if spoken == "ocpp1.6" else "CSMSRootCertificate")
    assert x509.load_pem_x509_certificate(told["certificate"].encode()) == fort.house.authority.root
    station.says["InstallCertificate"] = lambda _: {"status": "Failed"}
    assert (await fort.security.install_root("P1")).outcome is Outcome.REJECTED
    await station.close()


SHA384 = {"hashAlgorithm": "SHA384", "issuerNameHash": "aa" * 48, "issuerKeyHash": "bb" * 48, "serialNumber": "0C0FFEE"}
CHILD = SHA384 | {"serialNumber": "BEEF"}


@pytest.mark.ocpp("1.6", "M03.FR.01", "M04.FR.07")
@pytest.mark.ocpp("2.0.1", "M03.FR.01", "M04.FR.07")
@pytest.mark.ocpp("2.1", "M03.FR.01", "M04.FR.07")
async def test_a_certificate_is_deleted_by_the_hashes_that_the_station_told(fort: Fort, spoken: str) -> None:
    station = await booted(fort, "P1", spoken)

    def told(asked: dict[str, Any]) -> dict[str, Any]:
        if spoken != "ocpp1.6":
            chain = {"certificateType": "V2GCertificateChain", "certificateHashData": SHA384, "childCertificateHashData": [CHILD]}
            return {"status": "Accepted", "certificateHashDataChain": [chain]}
        if asked["certificateType"] == "ManufacturerRootCertificate":
            return {"status": "NotFound"}
        return {"status": "Accepted", "certificateHashData": [SHA384, CHILD]}

    station.says["GetInstalledCertificateIds"] = told
    found = await fort.security.installed("P1")
    assert not isinstance(found, Answer)
    assert [(one.serial, one.below) for one in found] == [("0C0FFEE", False), ("BEEF", spoken != "ocpp1.6")]
    assert {one.use for one in found} == {"CSMSRootCertificate" if spoken == "ocpp1.6" else "V2GCertificateChain"}
    assert (await fort.security.delete_certificate("P1", "c0ffee")).outcome is Outcome.ACCEPTED
    assert station.heard("DeleteCertificate") == [{"certificateHashData": SHA384}]
    assert "has no certificate" in (await fort.security.delete_certificate("P1", "77")).detail
    station.says["DeleteCertificate"] = lambda _: {"status": "NotFound"}
    assert (await fort.security.delete_certificate("P1", "BEEF")).outcome is Outcome.REJECTED
    await station.close()
    assert isinstance(await fort.security.installed("P2"), Answer), "it is not there"


@pytest.mark.ocpp("2.0.1", "B01.FR.11", "B01.FR.12")
@pytest.mark.ocpp("2.1", "B01.FR.11", "B01.FR.12")
@pytest.mark.parametrize(("serial", "stays"), [("P3", True), ("OTHER", False), (None, True)])
async def test_the_serial_number_is_that_of_the_certificate(fort: Fort, second: str, serial: str | None, stays: bool) -> None:
    station = await fort.come("P3", version=second, tls=fort.house.client(fort.house.station_files("P3")), password=None)
    about = {"model": "m", "vendorName": "v"} | ({} if serial is None else {"serialNumber": serial})
    await station.send([2, "boot", "BootNotification", {"chargingStation": about, "reason": "PowerUp"}])
    assert await until(lambda: "boot" in station.answers or station.closed is not None)
    if stays:
        assert station.answers["boot"][0] == 3
        await station.close()
    else:
        assert await until(lambda: station.closed == 1008)
        assert fort.central.station("P3").info is None  # type: ignore[union-attr]
