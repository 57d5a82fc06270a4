"""Cars that identify themselves by contract: chain and revocation together, with a real responder; and where their contracts come from."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.x509.ocsp import load_der_ocsp_response
from ocpp_kit import Cars, RawStation, connect, until
from pki_kit import Pki

from chargebridge.sim.charging_pki import ContractPool, Responder
from chargebridge.sim.charging_pki.authority import pem
from chargebridge.sim.ocpp_station.second.plug_and_charge import PlugAndCharge
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.commands import InstallCertificate
from chargebridge.stations.events import ContractRequested
from chargebridge.stations.ocpp.settings import ContractService
from chargebridge.stations.port import Outcome

EMAID = "DE-8AA-CA2B3C4D5-1"
NAME = "DE8AACA2B3C4D51"
LOOPBACK = ("127.0.0.1",)
SCHEMA_2, SCHEMA_20 = "urn:iso:15118:2:2013:MsgDef", "urn:iso:std:iso:15118:-20:CommonMessages"


@pytest.fixture
async def responder() -> AsyncIterator[Responder]:
    async with Responder() as running:
        yield running


async def authorize(station: RawStation, **more: Any) -> tuple[str, str]:
    """(certificateStatus, the token's status)."""
    answer = (await station.call("Authorize", {"idToken": {"idToken": EMAID, "type": "eMAID"}} | more))[2]
    return answer["certificateStatus"], answer["idTokenInfo"]["status"]


GOOD, REVOKED, WRONG, CANCELLED = (
    ("Accepted", "Accepted"), ("CertificateRevoked", "Invalid"), ("CertChainError", "Invalid"), ("ContractCancelled", "Invalid"),
)  # fmt: skip


@pytest.mark.ocpp("2.0.1", "C07.FR.04", "C07.FR.05", "C07.FR.13", "C07.FR.14", "C07.FR.16", "C07.FR.17")
@pytest.mark.ocpp("2.1", "C07.FR.04", "C07.FR.05", "C07.FR.13", "C07.FR.14", "C07.FR.16", "C07.FR.17")
async def test_a_chain_is_good_when_none_of_it_is_revoked(make_bench: Any, second: str, responder: Responder) -> None:
    pki = Pki(responder, WallClock())
    bench = await make_bench(contract_roots=(pem(pki.root.certificate),), revocation_hosts=LOOPBACK)
    station = await connect(bench.port, version=second)
    contract, _ = pki.sub.issue(NAME)
    chain = pem(contract, pki.sub.certificate)
    assert await authorize(station, certificate=chain) == GOOD
    assert responder.asked == ["/ocsp"] * 2, "the contract and the authority above it"
    assert await authorize(station, certificate=chain) == GOOD
    assert len(responder.asked) == 2, "kept"
    bench.sink.known = set()
    assert await authorize(station, certificate=chain) == CANCELLED
    bench.sink.known = None
    lost, _ = pki.sub.issue(NAME)
    pki.sub.revoke(lost)
    assert await authorize(station, certificate=pem(lost, pki.sub.certificate)) == REVOKED
    responder.fault = "error"
    assert await authorize(station, certificate=pem(pki.sub.issue(NAME)[0], pki.sub.certificate)) == WRONG, "silence is not consent"
    await station.close()


async def test_a_revoked_authority_ends_all_its_contracts(make_bench: Any, responder: Responder) -> None:
    pki = Pki(responder, WallClock())
    pki.root.revoke(pki.sub.certificate)
    bench = await make_bench(contract_roots=(pem(pki.root.certificate),), revocation_hosts=LOOPBACK)
    station = await connect(bench.port, version="ocpp2.0.1")
    assert await authorize(station, certificate=pem(pki.sub.issue(NAME)[0], pki.sub.certificate)) == REVOKED
    await station.close()


async def test_a_chain_with_lists_in_place_of_responders(make_bench: Any, responder: Responder) -> None:
    pki = Pki(responder, WallClock(), ocsp=False, crl=True)
    bench = await make_bench(contract_roots=(pem(pki.root.certificate),), revocation_hosts=LOOPBACK)
    station = await connect(bench.port, version="ocpp2.0.1")
    contract, _ = pki.sub.issue(NAME)
    lost, _ = pki.sub.issue(NAME)
    pki.sub.revoke(lost)
    assert await authorize(station, certificate=pem(contract, pki.sub.certificate)) == GOOD
    assert await authorize(station, certificate=pem(lost, pki.sub.certificate)) == REVOKED
    await station.close()


async def test_a_chain_that_names_nobody_to_ask(make_bench: Any, responder: Responder) -> None:
    """The station may name the responder in its place; else nothing is known of it."""
    pki = Pki(responder, WallClock(), ocsp=False)
    bench = await make_bench(contract_roots=(pem(pki.root.certificate),), revocation_hosts=LOOPBACK)
    station = await connect(bench.port, version="ocpp2.0.1")
    contract, _ = pki.sub.issue(NAME)
    chain = pem(contract, pki.sub.certificate)
    assert await authorize(station, certificate=chain) == WRONG
    hashed = [pki.ocsp_data(contract, pki.sub), pki.ocsp_data(pki.sub.certificate, pki.root)]
    assert await authorize(station, certificate=chain, iso15118CertificateHashData=hashed) == GOOD
    await station.close()


@pytest.mark.ocpp("2.0.1", "C07.FR.05", "C07.FR.16", "C07.FR.17")
@pytest.mark.ocpp("2.1", "C07.FR.05", "C07.FR.16", "C07.FR.17")
async def test_hashes_alone(make_bench: Any, second: str, responder: Responder) -> None:
    """The station has checked the chain. Its last link leads to a root that is trusted here, and nothing in it is revoked."""
    pki = Pki(responder, WallClock())
    stranger = Pki(responder, WallClock())
    responder.issuers = (pki.root, pki.sub, stranger.root, stranger.sub)
    trusted = (pem(pki.root.certificate), pem(pki.sub.certificate))
    bench = await make_bench(contract_roots=trusted, revocation_hosts=LOOPBACK)
    station = await connect(bench.port, version=second)

    def hashed(of: Pki, *, revoked: bool = False) -> dict[str, Any]:
        contract, _ = of.sub.issue(NAME)
        if revoked:
            of.sub.revoke(contract)
        return {"iso15118CertificateHashData": [of.ocsp_data(contract, of.sub), of.ocsp_data(of.sub.certificate, of.root)]}

    assert await authorize(station, **hashed(pki)) == GOOD
    assert await authorize(station, **hashed(pki, revoked=True)) == REVOKED
    assert await authorize(station, **hashed(stranger)) == WRONG
    responder.fault = "another signer"
    assert await authorize(station, **hashed(pki)) == WRONG
    await station.close()


async def test_a_car_charges_by_its_contract_at_a_virtual_station(make_bench: Any, second: str, responder: Responder) -> None:
    """The whole chain goes over the line until the station has the contract's root; from then on only hashes."""
    pki = Pki(responder, WallClock())
    trusted = (pem(pki.root.certificate), pem(pki.sub.certificate))
    bench = await make_bench(contract_roots=trusted, revocation_hosts=LOOPBACK)
    station = await bench.virtual(second, Cars())
    contract, _ = pki.sub.issue(NAME)
    chain = pem(contract, pki.sub.certificate)
    shown = PlugAndCharge(station)
    station.plug(1)
    assert await shown.identify(1, chain) == "Accepted"
    assert await until(lambda: bench.sink.events())
    assert await until(lambda: any(event.token == NAME for event in bench.sink.events())), "the transaction is the contract's"
    assert (await bench.station().command(InstallCertificate(use="MORootCertificate", certificate=trusted[0]))).outcome is Outcome.ACCEPTED
    assert await shown.identify(2, chain) == "Accepted"
    pki.sub.revoke(contract)
    responder.asked.clear()
    assert await shown.identify(2, chain) == "Accepted", "the answer from before still holds"
    lost, _ = pki.sub.issue(NAME)
    pki.sub.revoke(lost)
    assert await shown.identify(2, pem(lost, pki.sub.certificate)) == "CertificateRevoked"
    answer = await shown.ocsp(chain)
    assert answer is not None
    assert load_der_ocsp_response(base64.b64decode(answer)).serial_number == contract.serial_number


async def test_a_car_gets_its_contracts_through_a_virtual_station(make_bench: Any, second: str, pool: ContractPool) -> None:
    bench = await make_bench(contract_service=ContractService(url=pool.url, token="secret"))
    shown = PlugAndCharge(await bench.virtual(second, Cars()))
    assert await shown.contracts("gAU=") == ["one"]
    assert await shown.contracts("AAAA") == []
    if second == "ocpp2.1":
        assert await shown.contracts("gAQ=", most=3) == ["first", "second", "third"]


# Where contracts come from


@pytest.fixture
async def pool() -> AsyncIterator[ContractPool]:
    async with ContractPool({"gAQ=": ["first", "second", "third"], "gAU=": ["one"]}, token="secret") as running:
        yield running


async def ask(station: RawStation, exi: str, action: str = "Install", **more: Any) -> dict[str, Any]:
    schema = SCHEMA_20 if more else SCHEMA_2
    asked = {"iso15118SchemaVersion": schema, "action": action, "exiRequest": exi}
    return dict((await station.call("Get15118EVCertificate", asked | more))[2])


@pytest.mark.ocpp("2.0.1", "M01.FR.01", "M02.FR.01")
@pytest.mark.ocpp("2.1", "M01.FR.01", "M02.FR.01")
@pytest.mark.parametrize(("action", "name"), [("Install", "certificateInstallationReq"), ("Update", "certificateUpdateReq")])
async def test_what_the_car_says_goes_to_the_pool_and_its_answer_back(
    make_bench: Any, second: str, pool: ContractPool, action: str, name: str
) -> None:  # fmt: skip
    bench = await make_bench(contract_service=ContractService(url=pool.url, token="secret"))
    station = await connect(bench.port, version=second)
    assert await ask(station, "gAU=", action) == {"status": "Accepted", "exiResponse": "one"}
    assert pool.asked == [{name: "gAU=", "xsdMsgDefNamespace": SCHEMA_2}]
    assert bench.sink.told_events == [ContractRequested(action=action, schema=SCHEMA_2, exi="gAU=")]
    await station.close()


@pytest.mark.ocpp("2.1", "M01.FR.04", "M01.FR.07")
async def test_several_contracts_of_one_car_come_one_by_one(make_bench: Any, pool: ContractPool) -> None:
    bench = await make_bench(contract_service=ContractService(url=pool.url, token="secret"))
    station = await connect(bench.port, version="ocpp2.1")
    more = {"maximumContractCertificateChains": 4, "prioritizedEMAIDs": [NAME]}
    told = [await ask(station, "gAQ=", **more) for _ in range(3)]
    assert [(one["exiResponse"], one["remainingContracts"]) for one in told] == [("first", 2), ("second", 1), ("third", 0)]
    (asked,) = pool.asked
    assert (asked["maximumContractCertificateChains"], asked["prioritizedEMAIDs"]) == (4, [NAME])
    most = await ask(station, "gAQ=", maximumContractCertificateChains=1)
    assert (most["exiResponse"], most["remainingContracts"]) == ("first", 0), "no more than the car has room for"
    await station.close()


async def test_a_refusal_says_why(make_bench: Any, pool: ContractPool, second: str) -> None:
    bench = await make_bench(contract_service=ContractService(url=pool.url, token="secret"))
    station = await connect(bench.port, version=second)
    assert await refusal(station, "AAAA") == "NoContract"
    for fault in (500, b"no JSON", b'{"CCPResponse": {}}', b"x" * 600_000):
        pool.fault = fault
        assert await refusal(station, "gAU=") == "PoolError"
    pool.fault = b'{"CCPResponse": {"emaidContent": []}}'
    assert await refusal(station, "gAU=") == "NoContract"
    pool.fault, pool.contracts["gAU="] = None, ["x" * 17_001]
    assert await refusal(station, "gAU=") == "TooLarge"
    await station.close()


async def refusal(station: RawStation, exi: str) -> str:
    answer = await ask(station, exi)
    assert (answer["status"], answer["exiResponse"]) == ("Failed", "")
    return str(answer["statusInfo"]["reasonCode"])


async def test_a_wrong_token_a_pool_out_of_reach_and_none_at_all(make_bench: Any, pool: ContractPool) -> None:
    services = {
        "PoolError": ContractService(url=pool.url, token="wrong"),
        "PoolUnreachable": ContractService(url="http://127.0.0.1:1"),
        "NotConfigured": None,
    }
    bench = await make_bench()
    station = await connect(bench.port, version="ocpp2.0.1")
    for code, service in services.items():
        bench.central.security.contracts.service = service
        assert await refusal(station, "gAU=") == code
    await station.close()
