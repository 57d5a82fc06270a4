"""Theben CONEXA 3.0: requests and answers in JSON, all figures as texts (interface description IF_GW_CON 1.4)."""

import json
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct

from chargebridge.model.clock import Clock
from chargebridge.sim.smgw.door import Door, Request, Response
from chargebridge.sim.smgw.meter import GatewayMeter, Register
from chargebridge.sim.smgw.pki import Identity

_ENTRY = "/smgw/m2m"
_LONGEST = timedelta(days=31)
_TEST_EVERY = timedelta(minutes=10)
_VERSION = "1.3.0"


class Contract(Struct, frozen=True):
    """A usage point: one meter's registers under a tariff case."""

    id: str
    taf: int
    meter: GatewayMeter
    state: str = "running"


class ConexaGateway(Door):
    """Takes secp384r1 alone, announces SHA-256 and reckons with MD5, and answers a digest made with SHA-256 by an empty page.

    Bodies must have their length and bare ``application/json``. A client certificate of the authority logs in too.
    """

    realm = "Conexa"
    announced = "SHA-256"
    curve = "secp384r1"
    user_id = "01005e318011.consumer1.sm"

    def __init__(self, identity: Identity, clock: Clock, contracts: list[Contract], **login: str) -> None:
        super().__init__(identity, clock, **login)
        self.contracts = contracts
        self.log: list[dict[str, str]] = []
        self._tested: datetime | None = None

    def _known(self, request: Request) -> bool | None:
        if "algorithm=SHA-256" in request.headers.get("authorization", ""):
            return True
        return super()._known(request)

    def answer(self, request: Request) -> Response:
        if "algorithm=SHA-256" in request.headers.get("authorization", ""):
            return Response()
        if request.path == _ENTRY:
            return Response(307, headers={"Location": f"{_ENTRY}/{self.user_id}/json"})
        if request.path != f"{_ENTRY}/{self.user_id}/json":
            return Response(404)
        if request.method != "POST":
            return Response(405)
        length = request.headers.get("x-content-length", request.headers.get("content-length"))
        if request.headers.get("content-type") != "application/json" or length != str(len(request.body)):
            return Response(400)
        try:
            asked = json.loads(request.body)
            method = asked["method"]
            told = self._told(method, asked)
        except (ValueError, KeyError, TypeError):
            return Response(400)
        if told is None:
            return Response(403)
        answer = {"elapsed-time": "37 miliseconds", "method": method, "version": _VERSION, **told}
        return Response(body=json.dumps(answer).encode(), headers={"Content-Type": "application/json"})

    def _told(self, method: str, asked: dict[str, object]) -> dict[str, object] | None:
        """What an answer says; None is forbidden. Raises ``ValueError`` or ``KeyError`` for what cannot be asked."""
        match method:
            case "smgw-info":
                firmware = {"component": "Firmware", "hash": "00" * 32, "version": "v3.87.0-cc"}
                state = {"smgw-id": self.identity.name.partition(".")[0].lower(), "smgw-state": "a0000000"}
                return {"smgw-info": {**state, "smgw-time": f"{self.clock.now():%Y-%m-%dT%H:%M:%S}", "firmware-info": firmware}}
            case "user-info":
                return {"user-info": {"usage-points": [_usage_point(contract) for contract in self.contracts]}}
            case "usage-point-info":
                return {"usage-point-info": self._registers(self._contract(asked))}
            case "readings":
                return {"readings": self._readings(self._contract(asked), asked)}
            case "log":
                return {"log": {"entries": self.log, "records": str(len(self.log))}}
            case "self-test":
                now = self.clock.now()
                if self._tested is not None and now - self._tested < _TEST_EVERY:
                    return None
                self._tested = now
                return {}
        raise ValueError(method)

    def _contract(self, asked: dict[str, object]) -> Contract:
        if asked.get("database", "origin") != "origin":
            raise ValueError("database")
        return {contract.id: contract for contract in self.contracts}[str(asked["usage-point-id"])]

    def _registers(self, contract: Contract) -> dict[str, object]:
        channels = [{"obis": r.code, "scaler": str(r.scaler), "unit": str(r.unit)} for r in contract.meter.registers]
        return {"databases": [{"database": "origin", "channels": channels}], "usage-point-id": contract.id, "usage-point-name": contract.id}

    def _readings(self, contract: Contract, asked: dict[str, object]) -> dict[str, object]:
        now = self.clock.now()
        if str(asked.get("last-reading", "false")).lower() == "true":
            chosen = [(r, [item for item in r.stored if item[0] <= now][-1:]) for r in contract.meter.registers]
        else:
            start, end = (datetime.fromisoformat(str(asked[name])) for name in ("fromtime", "totime"))
            if end - start > _LONGEST:
                raise ValueError("span")
            chosen = [(r, [item for item in r.between(start, min(end, now)) if item[0] > start]) for r in contract.meter.registers]
        channels = [
            {"obis": contract.meter.logical_name(r), "readings": [self._reading(contract, r, *item) for item in items]}
            for r, items in chosen
        ]
        return {"channels": channels, "records": str(sum(len(items) for _, items in chosen))}

    def _reading(self, contract: Contract, register: Register, at: datetime, raw: int) -> dict[str, object]:
        written = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        signature = self.identity.key.sign(f"{register.code} {written} {raw}".encode(), ec.ECDSA(hashes.SHA384()))
        return {
            "capture-time": written,
            "target-time": written,
            "value": str(raw),
            "cosem-status": "e002000000000000",
            "meter-status": "00000000",
            "smgw-status": "e0020000",
            "owner-number": contract.id.split(".", 1)[1],
            "signature": signature.hex(),
        }


def _usage_point(contract: Contract) -> dict[str, object]:
    return {
        "usage-point-id": contract.id,
        "usage-point-name": contract.id.split(".")[1],
        "taf-number": str(contract.taf),
        "taf-state": contract.state,
        "meter": [{"meter-id": contract.meter.number.lower()}],
        "metering-point-id": "DE" + "0" * 31,
        "start-time": "2026-01-01T00:00:00Z",
        "end-time": "",
        "billing-Periods": [],
    }
