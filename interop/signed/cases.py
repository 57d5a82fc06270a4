"""What is shown to foreign verifiers: records that our writer and our virtual meter made, whole and damaged, each with our own verdict."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct
from msgspec.structs import replace

from chargebridge.calibration import session
from chargebridge.calibration.verdict import Outcome
from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.sim.ocpp_station.plan import SigningPlan
from chargebridge.sim.ocpp_station.signing import SigningMeter
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.ocmf import read_ocmf
from chargebridge.wire.signed.ocmf_write import Customer, Level, MeterReading, Signer, payload, record

Word = Literal["valid", "invalid"]
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
CURVES: dict[str, ec.EllipticCurve] = {
    "secp256r1": ec.SECP256R1(),
    "secp256k1": ec.SECP256K1(),
    "secp384r1": ec.SECP384R1(),
    "secp192r1": ec.SECP192R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
}
_ECDSA = ec.ECDSA(SHA256())
_SIGNER = Signer(meter="M1", gateway="G1", evse="DE*ABC*E1")
_CUSTOMER = Customer(id="04AABBCC", kind="ISO14443", level="TRUSTED")


class Case(Struct, frozen=True):
    """records: one of a whole session, or two of its begin and its end. differs: by peer, why its verdict is another one than ours."""

    name: str
    records: tuple[bytes, ...]
    key: PublicKey
    ours: Word
    differs: dict[str, str] = {}


def signatures() -> Iterator[Case]:
    """One record each; ours: whether it can be read and its signature holds."""
    for curve in CURVES:
        yield from _damaged(curve)
    meter = SigningMeter(SigningPlan(), "station", 1, Faults())
    begin = _reading("B", "1000.000")
    for name, readings in (("begin", (begin,)), ("begin and end", (begin, _reading("L", "1012.500", hours=1)))):
        made = meter.sign("04AABBCC", *readings)
        yield _signed(f"virtual station, {name}", made, meter.public_key)
    for fault in ("other_key", "wrongly", "changed"):
        yield _signed(f"virtual station, fault {fault}", meter.sign("04AABBCC", begin, fault=fault), meter.public_key)
    yield from _unusual()


def _damaged(curve: str) -> Iterator[Case]:
    secret, other = (ec.derive_private_key(number, CURVES[curve]) for number in (0x1234567890ABCDEF, 0xFEDCBA0987654321))
    key = _public(secret, curve)
    made = _signed_with(secret, _body(), curve)
    if not curve.startswith("brainpool"):
        yield from _whole_and_damaged(curve, made, key, _public(other, curve))
        return
    theirs = "knows the specification's brainpool256r1 and brainpool384r1, not the names that real stations write"
    differs = {"road-labs": theirs} | ({"pyocmf": "knows no key on brainpoolP384r1"} if curve == "brainpoolP384r1" else {})
    yield from _whole_and_damaged(curve, made, key, _public(other, curve), differs)
    spelt = {"pyocmf": "calls the key's curve otherwise than the specification does"}
    made = made.replace(b"brainpoolP", b"brainpool")
    yield from _whole_and_damaged(f"{curve}, by the specification's name", made, key, _public(other, curve), spelt)


def _whole_and_damaged(name: str, made: bytes, key: PublicKey, other: PublicKey, differs: dict[str, str] | None = None) -> Iterator[Case]:
    """differs: of the whole one."""
    yield replace(_signed(f"{name}, whole", made, key), differs=differs or {})
    yield _signed(f"{name}, one digit of the energy changed", made.replace(b"1012.500", b"1012.501"), key)
    end = made.rindex(b'"}')
    changed = made[: end - 1] + (b"0" if made[end - 1 : end] != b"0" else b"1") + made[end:]
    yield _signed(f"{name}, last digit of the signature changed", changed, key)
    yield _signed(f"{name}, key of another meter", made, other)


def _unusual() -> Iterator[Case]:
    """Forms that real stations have, or anybody can give to what is not signed."""
    secret = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
    key = _public(secret, "secp256r1")
    made = _signed_with(secret, _body(), "secp256r1")
    head, section = made.rsplit(b"|", 1)
    told = json.loads(section)

    def as_told(**changed: str) -> bytes:
        return head + b"|" + json.dumps({name: value for name, value in (told | changed).items() if value}).encode()

    yield _signed("SA, SE and SM left out", as_told(SA="", SE="", SM=""), key)
    yield _signed("SA names another curve", as_told(SA="ECDSA-secp256k1-SHA256"), key)
    in_base64 = as_told(SE="base64", SD=base64.b64encode(bytes.fromhex(told["SD"])).decode())
    yield replace(_signed("signature in base64", in_base64, key), differs={"road-labs": "reads hex only"})
    strict = "reads DER strictly; stations of Walther Werke write it so"
    yield replace(_signed("DER without its sign byte", _without_sign_byte(secret), key), differs={"pyocmf": strict, "road-labs": strict})
    body = _body().replace(b"04AABBCC", b"04AA|BBCC")
    bar = "cuts at each bar, also within a text"
    barred = _signed_with(secret, body, "secp256r1")
    yield replace(_signed("a bar in a text of the payload", barred, key), differs={"pyocmf": bar, "road-labs": bar})


def sessions() -> Iterator[Case]:
    """Whole sessions, all signatures holding; ours: whether their energy may be billed."""
    begin, end = _reading("B", "1000.000"), _reading("E", "1012.500", hours=1)
    yield _session("one record", [(begin, end)])
    yield _session("two records", [(begin,), (end,)])
    alone = {"pyocmf": "takes a record with one value for half of a session, and does not ask for the other half"}
    yield _session("no end", [(begin,)], differs=alone)
    yield _session("no begin", [(end,)], differs=alone)
    yield _session("energy falls", [(begin, _reading("E", "999.999", hours=1))])
    yield _session("time falls", [(begin, _reading("E", "1012.500", hours=-1))])
    yield _session("meter not well at the end", [(begin, replace(end, status="F"))])
    yield _session("energy not usable at the begin", [(replace(begin, errors="E"), end)])
    yield _session("user not identified", [(begin, end)], level="MISMATCH")
    yield _session("two ends", [(begin, end, _reading("R", "1013.000", hours=2))])
    yield _session("end of another meter", [(begin,), (end,)], ends=replace(_SIGNER, meter="M2", gateway="G2"))
    yield _session("end of another user", [(begin,), (end,)], customer=replace(_CUSTOMER, id="04DDEEFF"))
    yield _session("the end's page before the begin's", [(begin,), (end,)], pages=(8, 7))
    gap = {"pyocmf": "lets a missing page pass"}
    yield _session("a page is missing", [(begin,), (end,)], pages=(7, 9), differs=gap)
    units = {"pyocmf": "refuses one in Wh, the other in kWh; ours converts them"}
    yield _session("begin in Wh, end in kWh", [(replace(_reading("B", "1000000"), unit="Wh"), end)], differs=units)


def _session(
    name: str,
    parts: list[tuple[MeterReading, ...]],
    *,
    level: Level = "TRUSTED",
    ends: Signer = _SIGNER,
    customer: Customer = _CUSTOMER,
    pages: tuple[int, int] = (7, 8),
    differs: dict[str, str] | None = None,
) -> Case:
    secret = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
    key = _public(secret, "secp256r1")
    who = ((_SIGNER, replace(_CUSTOMER, level=level)), (ends, replace(customer, level=level)))
    made = tuple(
        _signed_with(secret, payload(signer, page, person, part), "secp256r1")
        for part, page, (signer, person) in zip(parts, pages, who, strict=False)
    )
    verdict = session.judge([read_ocmf(one) for one in made], key)
    return Case(f"session: {name}", made, key, "valid" if verdict.energy_billable else "invalid", differs or {})


def _signed(name: str, made: bytes, key: PublicKey) -> Case:
    return Case(name, (made,), key, _verdict(made, key))


def _verdict(made: bytes, key: PublicKey) -> Word:
    try:
        read = read_ocmf(made)
    except SignedFormatError:
        return "invalid"
    return "valid" if session.judge([read], key).layers.signature is Outcome.VALID else "invalid"


def _body() -> bytes:
    return payload(_SIGNER, 7, _CUSTOMER, (_reading("B", "1000.000"), _reading("E", "1012.500", hours=1)))


def _reading(kind: Literal["B", "E", "L", "R"], energy: str, hours: int = 0) -> MeterReading:
    return MeterReading(transaction=kind, energy=Decimal(energy), at=BEGIN + timedelta(hours=hours))


def _signed_with(secret: ec.EllipticCurvePrivateKey, body: bytes, curve: str) -> bytes:
    return record(body, secret.sign(body, _ECDSA), curve)


def _without_sign_byte(secret: ec.EllipticCurvePrivateKey) -> bytes:
    """30 len 02 21 00 r ...: the first signature whose r has its highest bit set, without that 00."""
    while True:
        der = secret.sign(body := _body(), _ECDSA)
        if der[3] == 0x21:
            short = bytes([0x30, der[1] - 1, 0x02, 0x20]) + der[5:]
            return record(body, short, "secp256r1")


def _public(secret: ec.EllipticCurvePrivateKey, curve: str) -> PublicKey:
    numbers = secret.public_key().public_numbers()
    return PublicKey(curve, numbers.x, numbers.y)
