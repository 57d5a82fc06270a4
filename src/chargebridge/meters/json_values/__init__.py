"""Meters and reading heads that tell numbers in JSON, or bare: over MQTT and over HTTP, by a map of their values."""

from chargebridge.meters.json_values import http, mqtt

__all__ = ["http", "mqtt"]
