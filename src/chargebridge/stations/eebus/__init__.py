"""Wallboxes that speak EEBUS, as stations."""
