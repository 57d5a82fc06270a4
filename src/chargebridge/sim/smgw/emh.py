"""EMH CASA 1.1: present values in JSON."""

import json
from zoneinfo import ZoneInfo

from chargebridge.model.clock import Clock
from chargebridge.sim.smgw.door import Door, Request, Response
from chargebridge.sim.smgw.meter import GatewayMeter
from chargebridge.sim.smgw.pki import Identity

_ZONE = ZoneInfo("Europe/Berlin")
_METERS = "/json/metering/origin/"
_CONTRACTS = "/json/metering/derived"


class CasaGateway(Door):
    """Its certificate says ``EEMH...``. Times carry the local offset; the values are unsigned."""

    realm = "casa"

    def __init__(self, identity: Identity, clock: Clock, meters: list[GatewayMeter], **login: str) -> None:
        super().__init__(identity, clock, **login)
        self.meters = meters

    def answer(self, request: Request) -> Response:
        if request.method != "GET":
            return Response(405)
        meters = {meter.number.lower(): meter for meter in self.meters}
        if request.path == _METERS:
            return _json(sorted(meters))
        if request.path == _CONTRACTS:
            return _json([f"taf7-{name}" for name in sorted(meters)])
        if request.path.startswith(f"{_CONTRACTS}/taf7-"):
            name = request.path.removeprefix(f"{_CONTRACTS}/taf7-")
            return _json({"taf_type": "TAF-7", "sensor_domains": [name]}) if name in meters else Response(404)
        name = request.path.removeprefix(_METERS).removesuffix("/extended")
        return _json(self._present(meters[name])) if request.path == f"{_METERS}{name}/extended" and name in meters else Response(404)

    def _present(self, meter: GatewayMeter) -> object:
        now = self.clock.now()
        at = next(moment for moment in meter.moments if moment <= now).astimezone(_ZONE).isoformat(timespec="seconds")
        values = [
            {
                "logical_name": meter.logical_name(register),
                "value": str(next(raw for moment, raw in reversed(register.stored) if moment <= now)),
                "scaler": register.scaler,
                "unit": register.unit,
                "signature": "-",
            }
            for register in meter.registers
        ]
        return {"capture_time": at, "timestamp": at, "status": "a000000000000000", "values": values}


def _json(value: object) -> Response:
    return Response(body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})
