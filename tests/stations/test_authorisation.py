"""Tokens with what stations may keep of them, local lists, and cars that identify themselves by contract (ISO 15118)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ocpp_kit import RawStation, connect, until

from chargebridge.stations.ocpp import contracts
from chargebridge.stations.port import Outcome, Token

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
EMAID = "DE-8AA-CA2B3C4D5-1"
TOKEN = Token(id="TAG", group="FLEET", expires_at=NOW + timedelta(days=9000))
Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def certificate(name: str, by: Pair | None = None, *, authority: bool = True, days: int = 9000) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0].subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    return builder.sign(by[1] if by else key, hashes.SHA256()), key


def pem(*pairs: Pair) -> str:
    return "".join(pair[0].public_bytes(serialization.Encoding.PEM).decode() for pair in pairs)


ROOT = certificate("MO root")
SUB = certificate("MO sub", ROOT)
CONTRACT = certificate("DE8AACA2B3C4D51", SUB, authority=False)
OLD = certificate("DE8AACA2B3C4D51", SUB, authority=False, days=-1)
FALSE_SUB = certificate("MO sub", ROOT, authority=False)
BY_FALSE_SUB = certificate("DE8AACA2B3C4D51", FALSE_SUB, authority=False)


@pytest.mark.ocpp("2.0.1", "C07.FR.14", "C07.FR.15", "C07.FR.17")
@pytest.mark.ocpp("2.1", "C07.FR.14", "C07.FR.15", "C07.FR.17")
@pytest.mark.parametrize(
    ("chain", "roots", "verdict"),
    [
        (pem(CONTRACT, SUB), (pem(ROOT),), "Accepted"),
        (pem(CONTRACT, SUB, ROOT), (pem(ROOT),), "Accepted"),
        (pem(OLD, SUB), (pem(ROOT),), "CertificateExpired"),
        (pem(CONTRACT, SUB), (), "CertChainError"),
        (pem(CONTRACT), (pem(ROOT),), "CertChainError"),
        (pem(CONTRACT, certificate("MO sub", ROOT)), (pem(ROOT),), "CertChainError"),
        (pem(BY_FALSE_SUB, FALSE_SUB), (pem(ROOT),), "CertChainError"),
        (pem(certificate("DE8AACOTHER0001", SUB, authority=False), SUB), (pem(ROOT),), "CertChainError"),
        ("no certificate", (pem(ROOT),), "CertChainError"),
    ],
)
def test_a_contract_is_judged_by_its_chain(chain: str, roots: tuple[str, ...], verdict: str) -> None:
    assert contracts.judge(chain, roots, EMAID, NOW) == verdict


async def authorize(station: RawStation, **more: Any) -> dict[str, Any]:
    answer = await station.call("Authorize", {"idToken": {"idToken": EMAID, "type": "eMAID"}} | more)
    return dict(answer[2])


@pytest.mark.ocpp("2.0.1", "C07.FR.13", "C07.FR.14", "C07.FR.17")
@pytest.mark.ocpp("2.1", "C07.FR.13", "C07.FR.14", "C07.FR.17")
async def test_a_car_with_a_contract(make_bench: Any, second: str) -> None:
    bench = await make_bench(contract_roots=(pem(ROOT),), contract_lookup=False)
    station = await connect(bench.port, version=second)
    assert await authorize(station, certificate=pem(CONTRACT, SUB)) == {
        "idTokenInfo": {"status": "Accepted"},
        "certificateStatus": "Accepted",
    }
    bench.sink.known = {"other"}
    answer = await authorize(station, certificate=pem(CONTRACT, SUB))
    assert answer == {"idTokenInfo": {"status": "Invalid"}, "certificateStatus": "ContractCancelled"}
    bench.sink.known = None
    answer = await authorize(station, certificate=pem(CONTRACT))
    assert answer == {"idTokenInfo": {"status": "Invalid"}, "certificateStatus": "CertChainError"}
    hashed = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1", "responderURL": "http://o"}
    assert (await authorize(station, iso15118CertificateHashData=[hashed]))["certificateStatus"] == "CertChainError"
    assert await authorize(station) == {"idTokenInfo": {"status": "Accepted"}}
    await station.close()


@pytest.mark.ocpp("2.0.1", "C09.FR.09", "C09.FR.12", "C01.FR.06", "E01.FR.12")
@pytest.mark.ocpp("2.1", "C09.FR.09", "C09.FR.12", "C01.FR.06", "E01.FR.12")
@pytest.mark.ocpp("1.6", "3.10")
async def test_group_and_time_go_with_a_token(bench: Any, spoken: str) -> None:
    bench.sink.listed = (TOKEN,)
    station = await connect(bench.port, version=spoken)
    if spoken == "ocpp1.6":
        info = (await station.call("Authorize", {"idTag": "tag"}))[2]["idTagInfo"]
        assert (info["status"], info["parentIdTag"], info["expiryDate"][:4]) == ("Accepted", "FLEET", "2050")
    else:
        token = {"idToken": "tag", "type": "ISO14443"}
        info = (await station.call("Authorize", {"idToken": token}))[2]["idTokenInfo"]
        assert info["groupIdToken"] == {"idToken": "FLEET", "type": "Central"}
        event = {"eventType": "Started", "timestamp": "2026-03-01T10:00:00Z", "triggerReason": "Authorized", "seqNo": 0, "idToken": token}
        started = await station.call("TransactionEvent", event | {"transactionInfo": {"transactionId": "tx"}, "evse": {"id": 1}})
        assert started[2]["idTokenInfo"] == info
    await station.close()


async def listing(bench: Any, version: str, number: int) -> RawStation:
    """A station whose local list has that version."""
    station = await connect(bench.port, version=version)
    field = "listVersion" if version == "ocpp1.6" else "versionNumber"
    station.says = {"GetLocalListVersion": {field: number}}
    await station.boot()

    last = "MeterValueSampleInterval" if version == "ocpp1.6" else "SampledDataCtrlr.TxUpdatedInterval"
    assert await until(lambda: last in bench.station().setup, 10.0)
    station.asked.clear()
    return station


def sent(station: RawStation) -> list[tuple[str, int]]:
    """(update type, entries) of each list that was sent."""
    lists = [frame[3] for frame in station.asked if frame[2] == "SendLocalList"]
    return [(told["updateType"], len(told.get("localAuthorizationList", ()))) for told in lists]


@pytest.mark.ocpp("2.0.1", "D01.FR.01")
@pytest.mark.ocpp("2.1", "D01.FR.01")
async def test_the_local_list_is_kept_up_to_date(bench: Any, spoken: str) -> None:
    station = await listing(bench, spoken, 7)
    field = "listVersion" if spoken == "ocpp1.6" else "versionNumber"
    bench.sink.listed = (TOKEN, *(Token(id=f"T{number}") for number in range(60)))
    assert (await bench.station().refresh_local_list()).outcome is Outcome.ACCEPTED
    assert sent(station) == [("Full", 50), ("Differential", 11)]
    assert [frame[3][field] for frame in station.asked if frame[2] == "SendLocalList"] == [8, 9]
    station.asked.clear()
    station.says = {"GetLocalListVersion": {field: 9}}
    assert (await bench.station().refresh_local_list()).detail == "up to date"
    bench.sink.listed = (Token(id="TAG", status="Blocked"), *bench.sink.listed[2:])
    await bench.station().refresh_local_list()
    assert sent(station) == [("Differential", 2)], "one has changed, one is gone"
    station.asked.clear()
    station.says = {"GetLocalListVersion": {field: 3}}
    await bench.station().refresh_local_list()
    assert sent(station)[0] == ("Full", 50), "somebody else has written it"
    await station.close()


async def test_a_station_without_a_local_list(bench: Any) -> None:
    station = await listing(bench, "ocpp1.6", -1)
    assert (await bench.station().refresh_local_list()).outcome is Outcome.UNSUPPORTED
    await station.close()
