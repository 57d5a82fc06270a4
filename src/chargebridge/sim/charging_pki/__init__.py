"""Counterparts of a charging PKI: an authority, its OCSP responder and revocation list, and a contract certificate pool, all over real HTTP."""

from chargebridge.sim.charging_pki.authority import Issuer
from chargebridge.sim.charging_pki.contract_pool import ContractPool
from chargebridge.sim.charging_pki.responder import Responder

__all__ = ["ContractPool", "Issuer", "Responder"]
