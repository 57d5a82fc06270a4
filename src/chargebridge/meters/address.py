"""Where a meter is: a URL with settings, checked before anything is opened."""

from datetime import timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from chargebridge.meters.port import MeterError
from chargebridge.wire.meter import Decoder, DecoderOptions, Protocol, decoder_for

_COMMON = {"protocol", "clock_offset", "kamstrup_energy"}


class Address(Struct, frozen=True):
    """A meter's URL, taken apart.

    Settings that every transport knows: ``protocol`` (p1, sml, dlms; found out if absent), ``clock_offset`` (hours of the meter's local normal
    time ahead of UTC, 1), ``kamstrup_energy`` (Wh of one count of a Kamstrup register: 1 or 10; by the meter's type if absent).
    """

    text: str
    scheme: str
    host: str
    port: int | None
    path: str
    settings: dict[str, str]

    @property
    def protocol(self) -> Protocol | None:
        """The protocol that was named."""
        named = self.settings.get("protocol")
        try:
            return None if named is None else Protocol(named)
        except ValueError:
            raise MeterError(self.text, f"protocol {named!r} is unknown", f"name one of {', '.join(Protocol)}") from None

    @property
    def options(self) -> DecoderOptions:
        """What the decoders are told."""
        scaler = None
        if "kamstrup_energy" in self.settings:
            scaler = {"1": 0, "10": 1}.get(self.settings["kamstrup_energy"])
            if scaler is None:
                raise MeterError(self.text, "kamstrup_energy cannot be read", "write kamstrup_energy=1 or kamstrup_energy=10")
        offset = timedelta(hours=self.number("clock_offset", 1.0, least=-14.0))
        return DecoderOptions(standard_offset=offset, kamstrup_energy_scaler=scaler)

    def decoder(self) -> Decoder:
        """A fresh decoder for one connection."""
        return decoder_for(self.protocol, self.options)

    def number(self, name: str, default: float, least: float = 0.0) -> float:
        """A setting as a number that is not below ``least``."""
        text = self.settings.get(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= 1e9:
            raise MeterError(self.text, f"{name}={text} cannot be", f"write a number from {least:g} on")
        return value

    def word(self, name: str, default: str) -> str:
        return self.settings.get(name, default)


def parse(url: str, allowed: frozenset[str]) -> Address:
    """Take a URL apart; a setting that is neither common nor in ``allowed`` is an error, not ignored."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise MeterError(url, f"cannot be read: {problem}", "write it like tcp://host:port") from None
    settings = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(settings.keys() - _COMMON - allowed)
    if unknown:
        known = ", ".join(sorted(_COMMON | allowed))
        raise MeterError(url, f"unknown setting {', '.join(unknown)}", f"{parts.scheme} knows {known}")
    path = unquote(parts.path)
    return Address(url, parts.scheme, parts.hostname or "", port, path, settings)
