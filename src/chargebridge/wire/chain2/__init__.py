"""Chain 2, the port of Italian 2G meters: compact frames (CF) as gateways of the kind Chain2Gate pass them on in JSON. No sockets."""

# wire.meter lists this language among its own, so it has to be complete before anything here asks it for its types.
import chargebridge.wire.meter  # noqa: F401
from chargebridge.wire.chain2.cut_off import CutOff, cut_off_of
from chargebridge.wire.chain2.frames import Chain2Decoder

__all__ = ["Chain2Decoder", "CutOff", "cut_off_of"]
