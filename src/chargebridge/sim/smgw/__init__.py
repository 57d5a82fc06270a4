"""Smart-meter gateways of three makers at their HAN port, over real TLS, with their log-ins and their whims."""

from chargebridge.sim.smgw.door import Door
from chargebridge.sim.smgw.emh import CasaGateway
from chargebridge.sim.smgw.meter import GatewayMeter, Register
from chargebridge.sim.smgw.pki import Authority, Identity
from chargebridge.sim.smgw.ppc import PpcGateway
from chargebridge.sim.smgw.theben import ConexaGateway

__all__ = ["Authority", "CasaGateway", "ConexaGateway", "Door", "GatewayMeter", "Identity", "PpcGateway", "Register"]
