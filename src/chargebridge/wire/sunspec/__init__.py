"""SunSpec over Modbus as a language: registers to values and back, and the way from the ``SunS`` marker along a device's models.

No sockets, no clock; usable alone. Addresses are Modbus addresses counted from 0 (40000 is "register 40001" in the old way of counting).
"""

from chargebridge.wire.sunspec.block import READ_MAX, WRITE_MAX, Block, Model, Span, Write, factor_for, points_in, step_of
from chargebridge.wire.sunspec.chain import BASES, Chain, Found, image
from chargebridge.wire.sunspec.errors import SunSpecError
from chargebridge.wire.sunspec.point import Kind, Point, Value
from chargebridge.wire.sunspec.tables import AC_CONTROLS, AC_MEASUREMENT, CAPACITY, COMMON, STORAGE

__all__ = [
    "AC_CONTROLS",
    "AC_MEASUREMENT",
    "BASES",
    "CAPACITY",
    "COMMON",
    "READ_MAX",
    "STORAGE",
    "WRITE_MAX",
    "Block",
    "Chain",
    "Found",
    "Kind",
    "Model",
    "Point",
    "Span",
    "SunSpecError",
    "Value",
    "Write",
    "factor_for",
    "image",
    "points_in",
    "step_of",
]
