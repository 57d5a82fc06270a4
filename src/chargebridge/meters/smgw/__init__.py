"""German smart-meter gateways at their HAN port: ``smgw://192.168.1.200?user=...&password_file=...&fingerprint=sha256:...``.

What they know is as old as their last reading of the meter: a quarter hour with TAF 7, a minute with TAF 14. That serves for bills and plans; whoever
protects a fuse needs the meter's optical port.
"""

import re
from collections.abc import AsyncIterator
from datetime import datetime

from chargebridge.meters.address import Address, parse
from chargebridge.meters.port import LinkFault, MeterError, SourceEvent, TelegramSource
from chargebridge.meters.smgw.dialogue import Vendor
from chargebridge.meters.smgw.gateway import Gateway, Login
from chargebridge.meters.smgw.link import context
from chargebridge.meters.smgw.series import SLACK, intervals
from chargebridge.model.clock import Clock
from chargebridge.model.series import Series
from chargebridge.wire.smgw import SmgwError
from chargebridge.wire.smgw.value import meter_number

__all__ = ["SETTINGS", "Gateway", "SmgwSource", "Vendor", "intervals", "open_gateway", "open_source", "quarter_hours"]

_CERTIFICATE = ("cert_file", "cert_key_file", "cert_password_file", "cert_password_env")
SETTINGS = frozenset(("vendor", "user", "password_file", "password_env", "fingerprint", "meter", "every", "digest", "curve", *_CERTIFICATE))
EVERY_S, LEAST_EVERY_S = 300.0, 30.0
_PORT = 443
_LEAST_PAUSE_S = 10.0
_FINGERPRINT = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_DIGESTS = {"md5": True, "announced": False}


class SmgwSource:
    """``TelegramSource`` that asks every ``every_s`` seconds, and says only what is new."""

    def __init__(self, gateway: Gateway, clock: Clock, every_s: float = EVERY_S) -> None:
        self.where = gateway.where
        self._gateway = gateway
        self._clock = clock
        self._every_s = every_s

    async def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams with a newer time than the one before: an old value told again must not pass for a fresh one. Runs until it is closed."""
        last: datetime | None = None
        while True:
            try:
                found = await self._gateway.present()
            except SmgwError as problem:
                pause_s = self._gateway.pause_s
                later = f"{pause_s / 60:.0f} min" if pause_s > 90 else f"{pause_s:.0f} s"
                yield LinkFault(self.where, f"{problem.reason} (asked again in {later})", problem.cure)
            else:
                pause_s = self._every_s
                if found.clock is None or last is None or found.clock > last:
                    last = found.clock
                    yield found
            await self._clock.sleep(max(pause_s, _LEAST_PAUSE_S))


def open_gateway(address: Address, clock: Clock) -> Gateway:
    """The gateway at an address, to ask it oneself: for spans of time. Raises ``MeterError``."""
    settings = address.settings
    if not address.host:
        raise MeterError(address.text, "the host is missing", "write it like smgw://192.168.1.200?user=...")
    vendor = settings.get("vendor")
    if vendor is not None and vendor not in list(Vendor):
        raise MeterError(address.text, f"vendor {vendor!r} is unknown", f"name one of {', '.join(Vendor)}, or none to find it out")
    digest = settings.get("digest")
    if digest is not None and digest not in _DIGESTS:
        raise MeterError(address.text, f"digest {digest!r} is unknown", f"name one of {', '.join(_DIGESTS)}, or none to go by the vendor")
    user, password, cert_file = settings.get("user"), address.secret("password"), settings.get("cert_file")
    if (user is None) != (password is None) or (user is None and cert_file is None):
        raise MeterError(
            address.text,
            "the log-in is missing or half",
            "write user= and password_file= (or password_env=), or cert_file= for a client certificate",
        )
    try:
        pinned = context(
            _pin(address),
            curve=settings.get("curve"),
            cert_file=cert_file,
            key_file=settings.get("cert_key_file"),
            key_password=address.secret("cert_password"),
        )
    except (OSError, ValueError) as problem:
        raise MeterError(
            address.text, f"certificate or curve cannot be used: {problem}", "check cert_file, cert_key_file and curve"
        ) from None
    meter = settings.get("meter")
    return Gateway(
        address.host,
        address.port or _PORT,
        pinned,
        Login(user, password or "", None if digest is None else _DIGESTS[digest]),
        clock,
        vendor=None if vendor is None else Vendor(vendor),
        meter=None if meter is None else meter_number(meter.replace(" ", "")),
    )


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?vendor=``, ``user=``, ``password_file=``, ``fingerprint=``, ``meter=``, ``every=`` seconds (300); the others stand in the guide."""
    return SmgwSource(open_gateway(address, clock), clock, address.number("every", EVERY_S, least=LEAST_EVERY_S))


async def quarter_hours(url: str, name: str, start: datetime, end: datetime, clock: Clock) -> list[Series]:
    """Import and export of each quarter hour from ``start`` to ``end`` (aware, on the quarter) of the gateway at ``url``, under ``name``.

    Raises ``MeterError`` for the address and ``SmgwError`` where the gateway does not answer so.
    """
    values = await open_gateway(parse(url, SETTINGS), clock).span(start, end + SLACK)
    return intervals(values, name, start, end)


def _pin(address: Address) -> str | None:
    text = address.settings.get("fingerprint")
    if text is None:
        return None
    found = _FINGERPRINT.fullmatch(re.sub(r"(?<!a256):", "", text.strip().lower()))
    if found is None:
        raise MeterError(address.text, "fingerprint cannot be read", "write fingerprint=sha256: and 64 hexadecimal digits")
    return found[1]
