"""Meters that sign for real: OCMF, ECDSA on P-256, one key and one sequence of pages for each EVSE.

What is signed goes out as real stations send it: one record with begin and end when a transaction ends, or one record for each. The pages go on as
long as the station lives, over reboots too.
"""

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct
from msgspec.structs import replace

from chargebridge.sim.ocpp_station.evse import Sample, Signed, Transaction
from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.plan import SigningPlan
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.ocmf_write import Customer, MeterReading, Signer, payload, record
from chargebridge.wire.signed.ocmf_write import Transaction as Kind

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation

CURVE = "secp256r1"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
LATE_S = 3.0
ENDS: dict[str, Kind] = {"Local": "L", "Remote": "R", "PowerLoss": "P", "EmergencyStop": "A", "DeAuthorized": "A"}
_ECDSA = ec.ECDSA(SHA256())


class SigningMeter:
    """One EVSE's meter. page: of the last record."""

    def __init__(self, plan: SigningPlan, identity: str, evse: int, faults: Faults) -> None:
        self.page = plan.page
        self._key = _from_pem(plan.key) if plan.key else _from_seed(f"{plan.seed}/{identity}/{evse}")
        self._other = _from_seed(f"another/{plan.seed}/{identity}/{evse}")
        self._faults = faults
        name = plan.evse_ids[evse - 1] if evse <= len(plan.evse_ids) else ""
        self.about = Signer(meter=f"{identity}-M{evse}", gateway=f"{identity}-G", evse=name)

    @property
    def public_key(self) -> PublicKey:
        numbers = self._key.public_key().public_numbers()
        return PublicKey(CURVE, numbers.x, numbers.y)

    def sign(self, token: str | None, *readings: MeterReading, fault: str = "") -> bytes:
        """The next record."""
        self.page += fault != "page_again"
        customer = Customer(id=token, kind="ISO14443", level="TRUSTED") if token else Customer()
        body = payload(self.about, self.page, customer, readings)
        key = self._other if fault == "other_key" else self._key
        signature = key.sign(body + b" " if fault == "wrongly" else body, _ECDSA)
        if fault == "changed":
            more = replace(readings[-1], energy=readings[-1].energy + 1)
            body = payload(self.about, self.page, customer, (*readings[:-1], more))
        return record(body, signature, CURVE)


class Signing:
    """What a station's meters sign of its transactions. meters: by EVSE; none where it has none that sign."""

    def __init__(self, station: "VirtualStation") -> None:
        plan = station.plan
        self._station = station
        self.meters = {
            number: SigningMeter(plan.signing, plan.identity, number, station.faults)
            for number in range(1, len(plan.evses) + 1)
            if plan.signing is not None
        }

    def begun(self, transaction: Transaction) -> tuple[Signed, ...]:
        """What is to be sent at the begin."""
        meter = self._meter(transaction)
        if meter is None:
            return ()
        transaction.begin = _reading("B", transaction.meter_start_wh, transaction.started_at)
        if self._in_one and not self._station.flag(Knob.SIGN_STARTED):
            return ()
        made = meter.sign(transaction.token, transaction.begin)
        transaction.signed_begin = made
        if not self._station.flag(Knob.SIGN_STARTED):
            return ()
        return (self._wrapped(transaction, meter, made, "Transaction.Begin", transaction.meter_start_wh, transaction.started_at),)

    def ended(self, transaction: Transaction, sample: Sample, reason: str) -> tuple[Signed, ...]:
        """What is to be sent at the end."""
        meter = self._meter(transaction)
        if meter is None or transaction.begin is None:
            return ()
        fault = self._station.faults.signs
        found: list[Signed] = []
        end = _reading(ENDS.get(reason, "E"), sample.energy_wh, sample.at)
        if self._in_one:
            readings = (transaction.begin,) if fault == "no_end" else (transaction.begin, end)
            made: bytes | None = meter.sign(transaction.token, *readings, fault=fault)
        else:
            if transaction.signed_begin is not None:
                start = transaction.meter_start_wh, transaction.started_at
                found.append(self._wrapped(transaction, meter, transaction.signed_begin, "Transaction.Begin", *start))
            made = None if fault == "no_end" else meter.sign(transaction.token, end, fault=fault)
        if made is not None:
            last = self._wrapped(transaction, meter, made, "Transaction.End", sample.energy_wh, sample.at)
            found += [last, last] if fault == "twice" else [last]
        return tuple(found)

    @property
    def _in_one(self) -> bool:
        plan = self._station.plan.signing
        return plan is not None and plan.records == "one"

    def _meter(self, transaction: Transaction) -> SigningMeter | None:
        meter = self.meters.get(transaction.evse)
        return meter if meter is not None and self._station.flag(Knob.SIGN) else None

    def _wrapped(self, transaction: Transaction, meter: SigningMeter, made: bytes, context: str, energy_wh: int, at: datetime) -> Signed:
        """With the public key as often as the setting says."""
        often = self._station.text(Knob.KEY_WITH)
        told = often == "EveryMeterValue" or (often == "OncePerTransaction" and not transaction.key_told)
        transaction.key_told = transaction.key_told or told
        return Signed(
            record=made,
            context=cast(Literal["Transaction.Begin", "Transaction.End"], context),
            energy_wh=energy_wh,
            at=at,
            public_key=meter.public_key if told else None,
        )


class MeterKey(Struct, frozen=True, kw_only=True):
    """What is to be registered of a signing meter. public_key: SubjectPublicKeyInfo, hex."""

    station: str
    evse: int
    meter: str
    public_key: str


def keys_of(station: "VirtualStation") -> list[MeterKey]:
    return [
        MeterKey(station=station.plan.identity, evse=evse, meter=meter.about.meter, public_key=meter.public_key.spki().hex())
        for evse, meter in station.signing.meters.items()
    ]


def _reading(kind: Kind, energy_wh: int, at: datetime) -> MeterReading:
    return MeterReading(transaction=kind, energy=Decimal(energy_wh).scaleb(-3), at=at)


def _from_seed(seed: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(hashlib.sha512(seed.encode()).digest(), "big")
    return ec.derive_private_key(1 + number % (ORDER - 1), ec.SECP256R1())


def _from_pem(text: str) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError where it is no key on P-256."""
    key = serialization.load_pem_private_key(text.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != CURVE:
        raise ValueError("the meter's key must be an EC key on P-256")
    return key
