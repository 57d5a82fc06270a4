"""All transports by the scheme of their URL. A new one is a file with an ``open_source`` and one line here."""

from collections.abc import Callable

from chargebridge.meters import chain2, cosem, d0_port, mep_meter, modbus, replay, rfc2217_port, serial_port, smgw, tcp
from chargebridge.meters.address import Address, parse
from chargebridge.meters.json_values import http, mqtt
from chargebridge.meters.port import Meter, MeterError, TelegramSource
from chargebridge.meters.telegram_meter import TelegramMeter
from chargebridge.model.clock import Clock

Opener = Callable[[Address, Clock], TelegramSource]

TRANSPORTS: dict[str, tuple[Opener, frozenset[str]]] = {
    "serial": (serial_port.open_source, frozenset({"baud", "format", "silence"})),
    "rfc2217": (rfc2217_port.open_source, frozenset({"baud", "format", "silence"})),
    "tcp": (tcp.open_source, frozenset({"silence"})),
    "d0": (d0_port.open_source, frozenset({"every", "address", "max_baud", "format"})),
    "smgw": (smgw.open_source, smgw.SETTINGS),
    "cosem": (cosem.open_source, cosem.TCP_SETTINGS),
    "cosem-serial": (cosem.open_source, cosem.SERIAL_SETTINGS),
    "modbus": (modbus.open_source, modbus.SETTINGS["modbus"]),
    "modbus-serial": (modbus.open_source, modbus.SETTINGS["modbus-serial"]),
    "mep": (mep_meter.open_source, mep_meter.SETTINGS),
    "mqtt": (mqtt.open_source, mqtt.SETTINGS),
    "mqtts": (mqtt.open_source, mqtt.SETTINGS),
    "http": (http.open_source, http.SETTINGS),
    "https": (http.open_source, http.SETTINGS),
    "chain2": (chain2.open_source, chain2.SETTINGS),
    "file": (replay.open_source, frozenset({"speed", "interval", "loop"})),
}
"""Scheme: how to open it, and the settings that it knows beside the common ones of ``Address``."""


def check_url(url: str) -> Address:
    """Take a meter's URL apart and check all of it, without opening anything. Raises ``MeterError``."""
    scheme = url.partition("://")[0]
    if scheme not in TRANSPORTS:
        known = ", ".join(f"{name}://" for name in TRANSPORTS)
        raise MeterError(url, f"scheme {scheme!r} is unknown", f"begin with one of {known}")
    address = parse(url, TRANSPORTS[scheme][1])
    _ = address.protocol, address.options  # these check their settings
    return address


def open_source(url: str, clock: Clock) -> TelegramSource:
    """The source at ``url``, checked but not connected yet. Raises ``MeterError``."""
    address = check_url(url)
    return TRANSPORTS[address.scheme][0](address, clock)


def open_meter(url: str, name: str, clock: Clock) -> Meter:
    """The meter at ``url``, under the ``name`` by which circuits refer to it. Raises ``MeterError``."""
    return TelegramMeter(name, open_source(url, clock), clock)
