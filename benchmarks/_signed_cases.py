"""OCPI CDRs with OCMF of a whole session, signed here on P-256 by as many meters as a small operator has."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from chargebridge.calibration.registry.entry import KeyEntry
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.ocmf_write import Customer, MeterReading, Signer, payload, record

METERS = 64
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
ECDSA = ec.ECDSA(SHA256())


class Signed(NamedTuple):
    """One session. record: OCMF; body, signature: its signed bytes and DER, as OpenSSL takes them."""

    cdr: bytes
    record: bytes
    body: bytes
    signature: bytes
    meter: int


def secret(meter: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(0xABCDEF + meter, ec.SECP256R1())


def public(meter: int) -> PublicKey:
    numbers = secret(meter).public_key().public_numbers()
    return PublicKey("secp256r1", numbers.x, numbers.y)


def registered() -> dict[str, tuple[Sequence[KeyEntry], bool]]:
    """By EVSE-ID, as `judge_many` asks for it."""
    return {evse(n): ((KeyEntry(evse=evse(n), key=public(n), meter=f"M{n}"),), True) for n in range(METERS)}


def evse(meter: int) -> str:
    return f"DE*ABC*E{meter}"


def signed(count: int) -> list[Signed]:
    secrets = [secret(meter) for meter in range(METERS)]
    keys = [base64.b64encode(public(meter).spki()).decode() for meter in range(METERS)]
    return [_signed(number, number % METERS, secrets[number % METERS], keys[number % METERS]) for number in range(count)]


def _signed(number: int, meter: int, key: ec.EllipticCurvePrivateKey, public_key: str) -> Signed:
    start = BEGIN + timedelta(minutes=number)
    end = start + timedelta(minutes=40 + number % 50)
    stand, took = Decimal(1000 + number).scaleb(-1).quantize(Decimal("0.001")), Decimal(3000 + number * 7 % 40_000).scaleb(-3)
    signer = Signer(meter=f"M{meter}", gateway=f"G{meter}", evse=evse(meter))
    readings = (MeterReading(transaction="B", energy=stand, at=start), MeterReading(transaction="E", energy=stand + took, at=end))
    body = payload(signer, number, Customer(id=f"04{number:06X}", kind="ISO14443", level="TRUSTED"), readings)
    signature = key.sign(body, ECDSA)
    made = record(body, signature, "secp256r1")
    return Signed(_cdr(number, meter, start, end, took, made, public_key), made, body, signature, meter)


def _cdr(number: int, meter: int, start: datetime, end: datetime, took: Decimal, made: bytes, public_key: str) -> bytes:
    hours = round((end - start).total_seconds() / 3600, 4)
    token = {"country_code": "DE", "party_id": "MSP", "uid": f"04{number:06X}", "type": "RFID", "contract_id": "DE-MSP-C1"}
    values = [{"nature": "End", "plain_data": "", "signed_data": base64.b64encode(made).decode()}]
    location = {
        "id": "L1", "name": "Car park", "address": "Street 1", "city": "Berlin", "postal_code": "10115", "country": "DEU",
        "coordinates": {"latitude": "52.520008", "longitude": "13.404954"}, "evse_uid": str(meter), "evse_id": evse(meter),
        "connector_id": "1", "connector_standard": "IEC_62196_T2", "connector_format": "SOCKET", "connector_power_type": "AC_3_PHASE",
    }  # fmt: skip
    dimensions = [{"type": "ENERGY", "volume": float(took)}, {"type": "TIME", "volume": hours}]
    told = {
        "country_code": "DE", "party_id": "ABC", "id": f"C{number}", "start_date_time": start.isoformat(), "end_date_time": end.isoformat(),
        "session_id": f"S{number}", "cdr_token": token, "auth_method": "WHITELIST", "cdr_location": location, "currency": "EUR",
        "charging_periods": [{"start_date_time": start.isoformat(), "dimensions": dimensions}],
        "signed_data": {"encoding_method": "OCMF", "public_key": public_key, "signed_values": values},
        "total_cost": {"excl_vat": 4.0, "incl_vat": 4.76}, "total_energy": float(took), "total_time": hours,
        "last_updated": end.isoformat(),
    }  # fmt: skip
    return json.dumps(told).encode()
