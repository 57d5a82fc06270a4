"""Meters that answer over Modbus: by a map of their registers, or by the models of SunSpec."""

from chargebridge.meters.modbus.open_source import SERIAL_SETTINGS, TCP_SETTINGS, open_source

__all__ = ["SERIAL_SETTINGS", "TCP_SETTINGS", "open_source"]
