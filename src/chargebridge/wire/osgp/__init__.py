"""OSGP at the multipurpose expansion port (MEP) of NES meters: packets, digest, the asking side, tables. No sockets, no clock."""

import chargebridge.wire.meter  # noqa: F401  (first: its table of languages imports this package)
from chargebridge.wire.osgp.client import Answer, MepClient, MepEvent, Repeat
from chargebridge.wire.osgp.packet import Alert

__all__ = ["Alert", "Answer", "MepClient", "MepEvent", "Repeat"]
