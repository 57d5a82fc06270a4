"""All transports by the scheme of their URL. A new one is a file with an ``open_source`` and one line here.

Its module is loaded when a URL names it: what one transport needs (an HTTP client, Modbus) takes long to load on a small box.
"""

from importlib import import_module
from typing import Any, cast

from chargebridge.meters.address import Address, parse
from chargebridge.meters.port import Meter, MeterError, TelegramSource
from chargebridge.meters.telegram_meter import TelegramMeter
from chargebridge.model.clock import Clock

TRANSPORTS: dict[str, tuple[str, str]] = {
    "serial": ("serial_port", "SETTINGS"),
    "rfc2217": ("rfc2217_port", "SETTINGS"),
    "tcp": ("tcp", "SETTINGS"),
    "d0": ("d0_port", "SETTINGS"),
    "smgw": ("smgw", "SETTINGS"),
    "cosem": ("cosem", "TCP_SETTINGS"),
    "cosem-serial": ("cosem", "SERIAL_SETTINGS"),
    "modbus": ("modbus", "TCP_SETTINGS"),
    "modbus-serial": ("modbus", "SERIAL_SETTINGS"),
    "mep": ("mep_meter", "SETTINGS"),
    "mqtt": ("json_values.mqtt", "SETTINGS"),
    "mqtts": ("json_values.mqtt", "SETTINGS"),
    "http": ("json_values.http", "SETTINGS"),
    "https": ("json_values.http", "SETTINGS"),
    "chain2": ("chain2", "SETTINGS"),
    "file": ("replay", "SETTINGS"),
}
"""Scheme: the module that opens it, and what that calls the settings which it knows beside the common ones of ``Address``."""


def _module(scheme: str) -> Any:
    return import_module(f"chargebridge.meters.{TRANSPORTS[scheme][0]}")


def settings_of(scheme: str) -> frozenset[str]:
    """The settings of a scheme's own."""
    return cast(frozenset[str], getattr(_module(scheme), TRANSPORTS[scheme][1]))


def check_url(url: str) -> Address:
    """Take a meter's URL apart and check all of it, without opening anything. Raises ``MeterError``."""
    scheme = url.partition("://")[0]
    if scheme not in TRANSPORTS:
        known = ", ".join(f"{name}://" for name in TRANSPORTS)
        raise MeterError(url, f"scheme {scheme!r} is unknown", f"begin with one of {known}")
    address = parse(url, settings_of(scheme))
    _ = address.protocol, address.options  # these check their settings
    return address


def open_source(url: str, clock: Clock) -> TelegramSource:
    """The source at ``url``, checked but not connected yet. Raises ``MeterError``."""
    address = check_url(url)
    return cast(TelegramSource, _module(address.scheme).open_source(address, clock))


def open_meter(url: str, name: str, clock: Clock) -> Meter:
    """The meter at ``url``, under the ``name`` by which circuits refer to it. Raises ``MeterError``."""
    return TelegramMeter(name, open_source(url, clock), clock)
