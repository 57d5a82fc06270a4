"""A payment service provider and a VAT number service for tests and demonstrations, over real HTTP."""

from chargebridge.sim.payments.provider import PaymentProvider

__all__ = ["PaymentProvider"]
