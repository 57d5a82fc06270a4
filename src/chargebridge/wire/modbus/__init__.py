"""Register maps: which Modbus registers of a meter hold which quantity. Registers in, ``wire.meter.Register`` out. No sockets; usable alone.

for batch in batches(chosen):
    found |= values(chosen, batch, await read(batch.at, batch.count))
"""

from chargebridge.wire.modbus.batches import Batch, batches, split
from chargebridge.wire.modbus.register_map import Entry, Kind, RegisterMap, check
from chargebridge.wire.modbus.values import encode, values

__all__ = ["Batch", "Entry", "Kind", "RegisterMap", "batches", "check", "encode", "split", "values"]
