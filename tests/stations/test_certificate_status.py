"""Stations ask whether certificates are revoked; we ask a real responder over HTTP, or read a real list (M06, M07)."""

import base64
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from cryptography.x509 import ocsp
from ocpp_kit import RawStation, connect
from pki_kit import Pki

from chargebridge.sim.charging_pki import Responder
from chargebridge.sim.charging_pki.authority import pem
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.events import RevocationAsked

LOOPBACK = ("127.0.0.1",)


@pytest.fixture
async def responder() -> AsyncIterator[Responder]:
    async with Responder() as running:
        yield running


async def status_of(station: RawStation, data: dict[str, Any]) -> dict[str, Any]:
    return dict((await station.call("GetCertificateStatus", {"ocspRequestData": data}))[2])


@pytest.mark.ocpp("2.0.1", "M06.FR.01", "M06.FR.02", "M06.FR.03", "M06.FR.08", "M06.FR.09")
@pytest.mark.ocpp("2.1", "M06.FR.01", "M06.FR.02", "M06.FR.03", "M06.FR.08", "M06.FR.09")
@pytest.mark.parametrize("algorithm", ["SHA256", "SHA512"])
async def test_the_responders_own_answer_is_passed_on(make_bench: Any, second: str, responder: Responder, algorithm: str) -> None:
    bench = await make_bench(revocation_hosts=LOOPBACK)
    pki = Pki(responder, bench.clock)
    station = await connect(bench.port, version=second)
    certificate, _ = pki.sub.issue("secc")
    for revoked in (False, True):
        if revoked:
            certificate, _ = pki.sub.issue("secc")
            pki.sub.revoke(certificate)
        answer = await status_of(station, pki.ocsp_data(certificate, pki.sub, algorithm))
        assert answer["status"] == "Accepted", "whether it could be had, not whether the certificate is good"
        told = ocsp.load_der_ocsp_response(base64.b64decode(answer["ocspResult"], validate=True))
        assert told.serial_number == certificate.serial_number
        assert told.certificate_status is (ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD)
    assert [type(event) for event in bench.sink.told_events] == [RevocationAsked] * 2
    await station.close()


async def test_an_answer_is_kept_while_it_holds(make_bench: Any, responder: Responder) -> None:
    bench = await make_bench(revocation_hosts=LOOPBACK)
    pki = Pki(responder, bench.clock)
    stations = [await connect(bench.port, identity, version="ocpp2.0.1") for identity in ("CP-1", "CP-2")]
    certificate, _ = pki.sub.issue("secc")
    first, other = [await status_of(station, pki.ocsp_data(certificate, pki.sub)) for station in stations]
    assert first == other
    assert responder.asked == ["/ocsp"]
    for station in stations:
        await station.close()


@pytest.mark.ocpp("2.0.1", "M06.FR.04")
@pytest.mark.ocpp("2.1", "M06.FR.04")
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("error", "answered 500"),
        ("try later", "TRY_LATER"),
        ("out of date", "out of date"),
        ("another certificate", "about another certificate"),
    ],
)
async def test_without_an_answer_that_counts_it_has_failed(
    make_bench: Any, second: str, responder: Responder, fault: Any, why: str
) -> None:
    bench = await make_bench(revocation_hosts=LOOPBACK)
    pki = Pki(responder, bench.clock)
    responder.fault = fault
    certificate, _ = pki.sub.issue("secc")
    station = await connect(bench.port, version=second)
    answer = await status_of(station, pki.ocsp_data(certificate, pki.sub))
    assert (answer["status"], answer["statusInfo"]["reasonCode"]) == ("Failed", "NoOCSPResponse")
    assert why in answer["statusInfo"]["additionalInfo"]
    assert "ocspResult" not in answer
    responder.fault = None
    assert (await status_of(station, pki.ocsp_data(certificate, pki.sub)))["status"] == "Accepted", "a failure is not kept"
    await station.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://127.0.0.1/ocsp", "no plain http"),
        ("http://user:word@127.0.0.1/ocsp", "no plain http"),
        ("nonsense", "no plain http"),
        ("http://127.0.0.1:1/ocsp", "network of its own"),
        ("http://localhost:1/ocsp", "network of its own"),
        ("http://[::ffff:169.254.169.254]/latest", "network of its own"),
    ],
)
async def test_a_station_cannot_make_us_ask_in_our_own_network(bench: Any, url: str, why: str) -> None:
    data = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa" * 32, "issuerKeyHash": "bb" * 32, "serialNumber": "1", "responderURL": url}
    station = await connect(bench.port, version="ocpp2.0.1")
    answer = await status_of(station, data)
    assert answer["status"] == "Failed"
    assert why in answer["statusInfo"]["additionalInfo"]
    await station.close()


async def test_a_responder_that_says_nothing_costs_no_more_than_its_time(make_bench: Any, responder: Responder) -> None:
    bench = await make_bench(revocation_hosts=LOOPBACK)
    pki = Pki(responder, bench.clock)
    bench.central.security.lookup.fetcher.timeout_s = 0.2
    responder.fault = "mute"
    station = await connect(bench.port, version="ocpp2.0.1")
    answer = await status_of(station, pki.ocsp_data(pki.sub.issue("secc")[0], pki.sub))
    assert "did not answer" in answer["statusInfo"]["additionalInfo"]
    assert (await station.call("Heartbeat", {}))[0] == 3
    await station.close()


async def chain_status(station: RawStation, *asked: tuple[dict[str, Any], str, list[str]]) -> list[tuple[str, datetime]]:
    requests = [{"certificateHashData": data, "source": source, "urls": urls} for data, source, urls in asked]
    answer = (await station.call("GetCertificateChainStatus", {"certificateStatusRequests": requests}))[2]["certificateStatus"]
    assert [(one["certificateHashData"], one["source"]) for one in answer] == [(data, source) for data, source, _ in asked]
    return [(one["status"], datetime.fromisoformat(one["nextUpdate"])) for one in answer]


@pytest.mark.ocpp("2.1", "M07.FR.01", "M07.FR.02", "M07.FR.03", "M07.FR.04", "M07.FR.05", "M07.FR.06", "M07.FR.07", "M07.FR.08")
async def test_the_chain_of_a_vehicle(make_bench: Any, responder: Responder) -> None:
    """Each certificate in order, by the source that was named; the first address that answers is enough."""
    bench = await make_bench(revocation_hosts=LOOPBACK)
    pki = Pki(responder, bench.clock)
    bench.central.security.lookup.issuers = (pki.root.certificate, pki.sub.certificate)
    good, bad, gone = (pki.sub.issue(name)[0] for name in ("good", "bad", "gone"))
    pki.sub.revoke(bad)
    pki.sub.issued.discard(gone.serial_number)
    by_ocsp, by_list = [responder.ocsp_url], ["ftp://127.0.0.1/sub.crl", responder.list_of(1)]
    station = await connect(bench.port, version="ocpp2.1")
    told = await chain_status(
        station,
        (pki.hash_data(good, pki.sub), "OCSP", by_ocsp),
        (pki.hash_data(bad, pki.sub), "OCSP", by_ocsp),
        (pki.hash_data(gone, pki.sub), "OCSP", by_ocsp),
    )
    assert [status for status, _ in told] == ["Good", "Revoked", "Unknown"]
    now = bench.clock.now()
    assert all(now < until <= now.replace(year=now.year + 1) for _, until in told)
    told = await chain_status(
        station,
        (pki.hash_data(good, pki.sub), "CRL", by_list),
        (pki.hash_data(bad, pki.sub), "CRL", by_list),
        (pki.hash_data(good, pki.sub), "CRL", [responder.list_of(0)]),
        (pki.hash_data(gone, pki.sub, "SHA384"), "OCSP", ["http://127.0.0.1:1/ocsp"]),
    )
    assert [status for status, _ in told] == ["Good", "Revoked", "Failed", "Failed"], (
        "the third is another issuer's list, the fourth nobody answers"
    )
    kept = (pki.hash_data(good, pki.sub), "OCSP", ["http://127.0.0.1:1/ocsp"])
    assert [status for status, _ in await chain_status(station, kept)] == ["Good"], "the responder's answer from before still holds"
    assert sorted(set(responder.asked)) == ["/crl/0", "/crl/1", "/ocsp"]
    await station.close()


@pytest.mark.parametrize("fault", ["another signer", "bare"])
async def test_what_is_not_signed_by_who_may_is_not_our_word(make_bench: Any, responder: Responder, fault: Any) -> None:
    bench = await make_bench(revocation_hosts=LOOPBACK)
    pki = Pki(responder, bench.clock)
    bench.central.security.lookup.issuers = (pki.sub.certificate,)
    responder.fault = fault
    station = await connect(bench.port, version="ocpp2.1")
    asked = (pki.hash_data(pki.sub.issue("ev")[0], pki.sub), "OCSP", [responder.ocsp_url])
    assert [status for status, _ in await chain_status(station, asked)] == ["Failed"]
    await station.close()


async def test_an_issuer_that_nobody_knows_proves_nothing_unless_the_answer_carries_it(make_bench: Any, responder: Responder) -> None:
    bench = await make_bench(revocation_hosts=LOOPBACK, vehicle_roots=())
    pki = Pki(responder, bench.clock)
    station = await connect(bench.port, version="ocpp2.1")
    for carries, wanted in ((False, "Failed"), (True, "Good")):
        responder.carries_issuer = carries
        asked = (pki.hash_data(pki.sub.issue("ev")[0], pki.sub), "OCSP", [responder.ocsp_url])
        assert [status for status, _ in await chain_status(station, asked)] == [wanted]
    by_list = (pki.hash_data(pki.sub.issue("ev")[0], pki.sub), "CRL", [responder.list_of(1)])
    assert [status for status, _ in await chain_status(station, by_list)] == ["Failed"]
    await station.close()


async def test_vehicle_roots_from_the_settings_prove(make_bench: Any, responder: Responder) -> None:
    pki = Pki(responder, WallClock())
    bench = await make_bench(revocation_hosts=LOOPBACK, vehicle_roots=(pem(pki.sub.certificate),))
    station = await connect(bench.port, version="ocpp2.1")
    asked = (pki.hash_data(pki.sub.issue("ev")[0], pki.sub), "OCSP", [responder.ocsp_url])
    assert [status for status, _ in await chain_status(station, asked)] == ["Good"]
    await station.close()
