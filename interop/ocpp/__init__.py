"""PyPI `ocpp` (mobilityhouse): its charge points against our Central System, and our virtual station against its central system.

Needs: the development dependencies, nothing else. Starts no process: both ends run here, over a real socket on loopback.
Proves: boot, authorise, start, meter values, a limit obeyed and confirmed, remote stop and stop, in OCPP 1.6J and 2.0.1.
"""

import logging

from interop.ocpp import their_central, their_station
from interop.ocpp.check import Check

__all__ = ["run"]


async def run() -> list[Check]:
    for name in ("ocpp", "websockets"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # they log a traceback for each call that is refused on purpose
    return [*await their_station.run(), *await their_central.run()]
