"""Devices that answer with JSON over HTTP, and a Chain 2 gateway besides."""

from chargebridge.sim.http_json.chain2_gateway import Chain2Gateway
from chargebridge.sim.http_json.devices import shelly_3em, shelly_pro_3em, tasmota_sml
from chargebridge.sim.http_json.server import JsonServer

__all__ = ["Chain2Gateway", "JsonServer", "shelly_3em", "shelly_pro_3em", "tasmota_sml"]
