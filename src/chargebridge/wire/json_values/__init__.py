"""Value maps: where in a JSON message (or a bare number) a meter's quantities stand. Messages in, ``wire.meter.Register`` out. No sockets."""

from chargebridge.wire.json_values.message import MessageError, read
from chargebridge.wire.json_values.value_map import Entry, ValueMap, check

__all__ = ["Entry", "MessageError", "ValueMap", "check", "read"]
