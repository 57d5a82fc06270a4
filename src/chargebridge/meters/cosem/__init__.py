"""Meters that are asked by DLMS/COSEM, at the optical port or over TCP: readings at an interval, and their load profile."""

from chargebridge.meters.cosem.profile import LoadProfile, read_latest, read_profile, series_of
from chargebridge.meters.cosem.settings import SERIAL_SETTINGS, TCP_SETTINGS
from chargebridge.meters.cosem.source import CosemSource, open_source

__all__ = ["SERIAL_SETTINGS", "TCP_SETTINGS", "CosemSource", "LoadProfile", "open_source", "read_latest", "read_profile", "series_of"]
