"""Counterparts that speak EEBUS: devices with a real SHIP node each."""
