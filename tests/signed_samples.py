"""Records of our own, signed here, so that the tests mean something on any machine."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from chargebridge.wire.signed.keys import PublicKey

SECRET = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def public(secret: ec.EllipticCurvePrivateKey = SECRET, curve: str = "secp256r1") -> PublicKey:
    numbers = secret.public_key().public_numbers()
    return PublicKey(curve, numbers.x, numbers.y)


def time_of(at: datetime, state: str = "S") -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S,") + f"{at.microsecond // 1000:03d}+0000 {state}"


def reading(kind: str, value: str, at: datetime = BEGIN, **more: Any) -> dict[str, Any]:
    return {"TM": time_of(at), "TX": kind, "RV": float(value), "RI": "1-b:1.8.0", "RU": "kWh", "EF": "", "ST": "G"} | more


def payload(*readings: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {
        "FV": "1.0",
        "GS": "G1",
        "PG": "T7",
        "MS": "M1",
        "IS": True,
        "IL": "TRUSTED",
        "IT": "ISO14443",
        "ID": "04AABBCC",
        "CI": "DE*ABC*E1",
    }
    return told | {"RD": list(readings)} | more


def ocmf(told: dict[str, Any], secret: ec.EllipticCurvePrivateKey = SECRET, **section: Any) -> bytes:
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    signature = secret.sign(body, ec.ECDSA(SHA256()))
    return b"OCMF|" + body + b"|" + json.dumps({"SD": signature.hex()} | section, separators=(",", ":")).encode()


def session(energy_kwh: str = "12.5", **more: Any) -> bytes:
    """One record with begin and end."""
    start = "1000.000"
    end = f"{float(start) + float(energy_kwh):.3f}"
    return ocmf(payload(reading("B", start), reading("E", end, BEGIN + timedelta(hours=1)), **more))


def bsm_value(name: str, value: int | str, unit: int = 255, scale: int = 0, code: str = "") -> dict[str, Any]:
    measured: dict[str, Any] = {"value": value}
    measured |= {"valueType": "String", "valueEncoding": "UTF-8"} if isinstance(value, str) else {"unitEncoded": unit, "scale": scale}
    return {"measurand": {"name": name} | ({"id": code} if code else {}), "measuredValue": measured}


def bsm(kind: int, energy: int, page: int, at: datetime = BEGIN, customer: str = "rfid:04AABB", **more: Any) -> dict[str, Any]:
    """A snapshot of a BSM-WS36A; energy in 0.1 Wh."""
    values = [
        bsm_value("Typ", kind),
        bsm_value("RCR", energy, 30, -1, "1-0:1.8.0*198"),
        bsm_value("TotWhImp", 5000 + energy, 30, -1, "1-0:1.8.0*255"),
        bsm_value("W", 0, 27, 1),
        bsm_value("MA1", "001BZR0000000001"),
        bsm_value("RCnt", page),
        bsm_value("OS", 5350353, 7),
        bsm_value("Epoch", int(at.timestamp())),
        bsm_value("TZO", 60, 6),
        *(bsm_value(name, 1) for name in ("EpochSetCnt", "EpochSetOS", "DI", "DO")),
        bsm_value("Meta1", f"contract-id: {customer}"),
        bsm_value("Meta2", "evse-id: DE*ABC*E1"),
        bsm_value("Meta3", ""),
        bsm_value("Evt", 0),
    ]
    signed = b""
    for one in values:
        told = one["measuredValue"]
        value = told["value"]
        if isinstance(value, str):
            signed += len(value).to_bytes(4, "big") + value.encode()
        else:
            signed += value.to_bytes(4, "big") + (told["scale"] & 255).to_bytes(1, "big") + bytes([told["unitEncoded"]])
    return {
        "@context": "https://www.chargeit-mobility.com/contexts/bsm-ws36a-json-v1",
        "signature": SECRET.sign(signed, ec.ECDSA(SHA256())).hex(),
        "contract": {"id": customer.rpartition(":")[2], "type": "rfid"},
        "meterInfo": {"meterId": "001BZR0000000001", "publicKey": public().spki().hex()},
        "time": at.isoformat(),
        "measurementId": page,
        "value": values[1],
        "additionalValues": values,
    } | more


EMH_SECRET = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP192R1())


def emh(value: int, page: int, at: datetime = BEGIN) -> dict[str, Any]:
    """A value of EMHCrypt01; in 0.1 Wh."""
    time = {"timestamp": int(at.timestamp()), "localOffset": 60, "seasonOffset": 0}
    local = (time["timestamp"] + 3600).to_bytes(4, "little")
    server, code = bytes.fromhex("0901454D4800007F9F3E"), bytes.fromhex("0100011100FF")
    signed = server + local + b"\x08" + (77).to_bytes(4, "little") + page.to_bytes(4, "little") + code + b"\x1e\xff"
    signed += value.to_bytes(8, "little") + b"\x00\x04" + b"04AABB".ljust(128, b"\0") + local
    r, s = utils.decode_dss_signature(EMH_SECRET.sign(signed.ljust(320, b"\0"), ec.ECDSA(SHA256())))
    return {
        "signature": (r.to_bytes(24, "big") + s.to_bytes(24, "big")).hex(),
        "transactionId": "t1",
        "meterInfo": {"meterId": server.hex(), "publicKey": public(EMH_SECRET, "secp192r1").spki()[-48:].hex()},
        "contract": {"id": "04AABB", "type": "RFID_TAG_ID", "timestampLocal": time},
        "measurementId": f"{page:08X}",
        "measuredValue": {"timestampLocal": time, "value": str(value), "scale": -1, "unitEncoded": 30},
        "measurand": {"id": code.hex()},
        "additionalInfo": {"indexes": {"timer": 77, "logBook": "0004"}, "status": "08"},
    }


def chargeit(*values: dict[str, Any]) -> bytes:
    return json.dumps({"placeInfo": {"evseId": "DE*ABC*E1"}, "signedMeterValues": list(values)}).encode()


def chargepoint(begin_wh: int = 1000, end_wh: int = 1100) -> tuple[bytes, bytes]:
    """``secrrct`` and ``secrrct.sign``."""
    start = int(BEGIN.timestamp())
    told = {"meter_startreading": begin_wh, "meter_endreading": end_wh, "energy_units": "Wh", "meter_serial": "160T", "session_id": 614}
    bill = {"energy": [{"start_time_utc": start, "end_time_utc": start + 600}, {"energy_subtotal": 0.1}], "additional_info": told}
    data = json.dumps(bill, indent=1).encode() + b"\n"
    return data, SECRET.sign(data, ec.ECDSA(SHA256()))
