"""Layouts of the lists that DLMS meters push: one file a maker, one line in ``LAYOUTS``.

The first layout that recognises a body reads it.
"""

from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.lists import aidon, austria, iskra, kaifa, kamstrup, landis_gyr
from chargebridge.wire.meter.lists.common import Layout, MeterList
from chargebridge.wire.meter.options import DecoderOptions

LAYOUTS: tuple[Layout, ...] = (aidon.read, kaifa.read, kamstrup.read, landis_gyr.read, austria.read, iskra.read)

__all__ = ["LAYOUTS", "MeterList", "read"]


def read(body: Data, options: DecoderOptions) -> MeterList | None:
    """The list in ``body`` by the first layout that recognises it, None if none does."""
    for layout in LAYOUTS:
        found = layout(body, options)
        if found is not None:
            return found
    return None
