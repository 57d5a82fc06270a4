"""Connections that more than one room of floor 2 opens: Modbus over TCP and serial lines."""

from chargebridge.links.modbus import LinkError, ModbusLink, RefusedError

__all__ = ["LinkError", "ModbusLink", "RefusedError"]
