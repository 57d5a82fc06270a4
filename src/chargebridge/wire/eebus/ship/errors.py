"""What can be wrong with SHIP's messages, certificates and texts."""

from chargebridge.wire.eebus.errors import EebusError


class ShipError(EebusError):
    """A SHIP message that cannot be used, or one that does not fit the state of the connection."""


class CertificateError(EebusError):
    """A certificate or SKI that cannot stand for a node."""


class RecordError(EebusError):
    """An mDNS record, QR text or pairing announcement that cannot be used."""
