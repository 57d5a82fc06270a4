"""PyPI `ocpp` (mobilityhouse): its charge points against our Central System, and our virtual station against its central system.

Needs: the development dependencies, nothing else. Starts no process: both ends run here, over a real socket on loopback.
Proves: boot, authorise, start, meter values, a limit obeyed and confirmed, remote stop and stop, in OCPP 1.6J and 2.0.1.
"""

from interop.ocpp import their_central, their_station

__all__ = ["run"]


async def run() -> "list[their_station.Check]":
    return [*await their_station.run(), *await their_central.run()]
